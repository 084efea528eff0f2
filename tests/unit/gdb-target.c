/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target of the debugger without a machine, for test-gdb and fuzz-gdb. */
#include "qemu/osdep.h"
#include "tests/unit/gdb-target.h"

static unsigned nr_cpus(void *opaque)
{
    return TARGET_CPUS;
}

static char *thread_name(void *opaque, unsigned cpu)
{
    g_assert_cmpuint(cpu, <, TARGET_CPUS);
    return g_strdup_printf("CPU#%u", cpu);
}

static const char *description(void *opaque)
{
    return "<target/>";
}

static unsigned nr_registers(void *opaque)
{
    return TARGET_REGS;
}

static unsigned read_register(void *opaque, unsigned cpu, unsigned reg, uint8_t *buf)
{
    GdbTarget *t = opaque;

    g_assert_cmpuint(cpu, <, TARGET_CPUS);
    if (reg >= TARGET_REGS) {
        return 0;
    }
    memcpy(buf, &t->regs[cpu][reg], 4);
    return 4;
}

static unsigned write_register(void *opaque, unsigned cpu, unsigned reg, const uint8_t *buf,
                               size_t len)
{
    GdbTarget *t = opaque;

    g_assert_cmpuint(cpu, <, TARGET_CPUS);
    if (reg >= TARGET_REGS || len < 4) {
        return 0;
    }
    memcpy(&t->regs[cpu][reg], buf, 4);
    return 4;
}

static bool access_memory(void *opaque, unsigned cpu, uint64_t addr, uint8_t *buf, size_t len,
                          bool write, bool physical)
{
    GdbTarget *t = opaque;

    t->last_was_physical = physical;
    if (addr > TARGET_BYTES || len > TARGET_BYTES - addr) {
        return false;
    }
    memcpy(write ? t->memory + addr : buf, write ? buf : t->memory + addr, len);
    return true;
}

static GdbResult change_point(void *opaque, unsigned cpu, unsigned kind, uint64_t addr,
                              uint64_t len)
{
    GdbTarget *t = opaque;

    g_assert_cmpuint(kind, <=, 4);
    t->point_kind = kind;
    t->point_addr = addr;
    t->point_len = len;
    return GDB_OK;
}

static bool resume(void *opaque, const GdbAction *actions, unsigned step_flags)
{
    GdbTarget *t = opaque;

    t->step_flags = step_flags;
    for (unsigned i = 0; i < TARGET_CPUS; i++) {
        t->resumed[i] = ".cs"[actions[i]];
    }
    return !t->cannot_run;
}

static void interrupt(void *opaque)
{
    ((GdbTarget *)opaque)->nr_interrupts++;
}

static unsigned step_flags(void *opaque)
{
    return 3;
}

static char *monitor(void *opaque, unsigned cpu, const char *line)
{
    return g_strdup(line);
}

static void detach(void *opaque)
{
    ((GdbTarget *)opaque)->detached = true;
}

static void kill_target(void *opaque)
{
    ((GdbTarget *)opaque)->killed = true;
}

static void send_bytes(void *opaque, const uint8_t *buf, size_t len)
{
    g_string_append_len(((GdbTarget *)opaque)->out, (const char *)buf, (gssize)len);
}

const GdbTargetOps gdb_target_ops = {
    .nr_cpus = nr_cpus,
    .thread_name = thread_name,
    .description = description,
    .nr_registers = nr_registers,
    .read_register = read_register,
    .write_register = write_register,
    .access_memory = access_memory,
    .insert_point = change_point,
    .remove_point = change_point,
    .resume = resume,
    .interrupt = interrupt,
    .step_flags = step_flags,
    .monitor = monitor,
    .detach = detach,
    .kill = kill_target,
    .send = send_bytes,
};

void gdb_target_init(GdbTarget *t)
{
    memset(t, 0, sizeof(*t));
    t->out = g_string_new(NULL);
}

void gdb_target_fini(GdbTarget *t)
{
    g_string_free(t->out, TRUE);
}
