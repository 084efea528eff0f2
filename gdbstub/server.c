/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger's session on a character device, and this machine as what it debugs. Main loop,
 * BQL. */
#include "qemu/osdep.h"
#include "chardev/char.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/session.h"
#include "hw/core/machine.h"
#include "system/debug.h"
#include "system/runstate.h"
#include "target/i386/gdb-regs.h"

typedef struct GdbServer {
    GdbSession *session;
    Chardev *chr;
    bool own_chr; /* made for -gdb, not by -chardev */
    bool busy;    /* a packet is being handled */
    GdbMonitorFn monitor;
    X86GdbLayout layout;
    char *description;
} GdbServer;

static GdbServer *server; /* NULL: none */

static X86CPU *cpu_of(unsigned index)
{
    CPUState *cpu = cpus_get(MIN(index, cpus_count() - 1));

    cpu_synchronize_state(cpu);
    return X86_CPU(cpu);
}

/* --- What the session asks ------------------------------------------------------------------- */

static unsigned target_nr_cpus(void *opaque)
{
    return cpus_count();
}

static char *target_thread_name(void *opaque, unsigned index)
{
    const CPUState *cpu = cpus_get(index);

    cpu_synchronize_state((CPUState *)cpu);
    return g_strdup_printf("CPU#%u [%s]", index, cpu->halted ? "halted " : "running");
}

static const char *target_description(void *opaque)
{
    return ((GdbServer *)opaque)->description;
}

static unsigned target_nr_registers(void *opaque)
{
    return x86_gdb_nr_registers(&((GdbServer *)opaque)->layout);
}

static unsigned target_read_register(void *opaque, unsigned cpu, unsigned reg, uint8_t *buf)
{
    return x86_gdb_read_register(cpu_of(cpu), &((GdbServer *)opaque)->layout, reg, buf);
}

static unsigned target_write_register(void *opaque, unsigned cpu, unsigned reg, const uint8_t *buf,
                                      size_t len)
{
    return x86_gdb_write_register(cpu_of(cpu), &((GdbServer *)opaque)->layout, reg, buf, len);
}

static bool target_access_memory(void *opaque, unsigned cpu, uint64_t addr, uint8_t *buf,
                                 size_t len, bool write, bool physical)
{
    return physical ? address_space_debug_rw(current_machine->memory, addr, buf, len, write)
                    : x86_cpu_access_memory(cpu_of(cpu), addr, buf, len, write);
}

/* The protocol has no room for a text: it goes to the terminal. */
static GdbResult report(Error *err)
{
    if (!err) {
        return GDB_OK;
    }
    warn_report("gdbstub: %s", error_get_pretty(err));
    error_free(err);
    return GDB_FAILED;
}

static GdbResult target_insert_point(void *opaque, unsigned cpu, unsigned kind, uint64_t addr,
                                     uint64_t len)
{
    Error *err = NULL;

    if (!current_machine->accel || !current_machine->accel->debug) {
        return GDB_UNSUPPORTED;
    }
    debug_point_insert(&cpu_of(cpu)->cpu, kind, addr, len, &err);
    return report(err);
}

static GdbResult target_remove_point(void *opaque, unsigned cpu, unsigned kind, uint64_t addr,
                                     uint64_t len)
{
    if (!current_machine->accel || !current_machine->accel->debug) {
        return GDB_UNSUPPORTED;
    }
    return debug_point_remove(&cpu_of(cpu)->cpu, kind, addr, len) ? GDB_OK : GDB_FAILED;
}

static bool target_resume(void *opaque, const GdbAction *actions, unsigned step_flags)
{
    bool stepping = false;
    CPUState *cpu;
    Error *err = NULL;

    CPU_FOREACH(cpu) {
        bool step = actions[cpu->index] == GDB_STEP;

        cpu->step_flags = step ? step_flags | DEBUG_STEP : 0;
        cpu->frozen = actions[cpu->index] == GDB_STAY;
        stepping |= step;
    }
    if (stepping && !debug_step_flags()) {
        error_setg(&err, "the accelerator has no single step");
    } else {
        debug_clear_hit();
        (void)(debug_update(&err) && vm_start(&err));
    }
    return report(err) == GDB_OK;
}

static void target_interrupt(void *opaque)
{
    vm_stop(RUN_STATE_PAUSED); /* tells vm_event() */
}

static unsigned target_step_flags(void *opaque)
{
    unsigned flags = debug_step_flags();

    return flags ? flags : DEBUG_STEP | DEBUG_STEP_NO_IRQ | DEBUG_STEP_NO_TIMER;
}

static char *target_monitor(void *opaque, unsigned cpu, const char *line)
{
    GdbServer *g = opaque;

    return g->monitor ? g->monitor(line, cpu) : g_strdup("no monitor\n");
}

/* All vCPUs run and stop as if there were no debugger. */
static void let_go(void)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        cpu->step_flags = 0;
        cpu->frozen = false;
    }
    debug_point_remove_all();
    debug_update(NULL);
}

static void target_detach(void *opaque)
{
    Error *err = NULL;

    let_go();
    vm_start(&err);
    report(err);
}

static void target_kill(void *opaque)
{
    error_report("Terminated via GDBstub");
    let_go();
    vm_request_shutdown(SHUTDOWN_CAUSE_HOST_SIGNAL);
}

static void target_send(void *opaque, const uint8_t *buf, size_t len)
{
    chardev_write_all(((GdbServer *)opaque)->chr, buf, len);
}

static const GdbTargetOps target_ops = {
    .nr_cpus = target_nr_cpus,
    .thread_name = target_thread_name,
    .description = target_description,
    .nr_registers = target_nr_registers,
    .read_register = target_read_register,
    .write_register = target_write_register,
    .access_memory = target_access_memory,
    .insert_point = target_insert_point,
    .remove_point = target_remove_point,
    .resume = target_resume,
    .interrupt = target_interrupt,
    .step_flags = target_step_flags,
    .monitor = target_monitor,
    .detach = target_detach,
    .kill = target_kill,
    .send = target_send,
};

/* --- The machine stops ----------------------------------------------------------------------- */

static void describe_hit(const GdbServer *g, const DebugHit *hit, char *buf, size_t size)
{
    static const char *const watches[] = {
        [DEBUG_WATCH_WRITE] = "watch", [DEBUG_WATCH_READ] = "rwatch",
        [DEBUG_WATCH_ACCESS] = "awatch",
    };

    buf[0] = 0;
    if (!hit->cpu || hit->step) {
        return;
    }
    if (hit->kind >= DEBUG_WATCH_WRITE) {
        g_snprintf(buf, size, "%s:%016" PRIx64 ";", watches[hit->kind], hit->la);
    } else if (hit->kind == DEBUG_BREAK_SOFT && gdb_session_knows_swbreak(g->session)) {
        g_snprintf(buf, size, "swbreak:;");
    } else if (hit->kind == DEBUG_BREAK_HARD && gdb_session_knows_hwbreak(g->session)) {
        g_snprintf(buf, size, "hwbreak:;");
    }
}

static void vm_stopped(GdbServer *g)
{
    static const struct {
        RunState state;
        uint8_t signal; /* of gdb */
    } signals[] = {
        { RUN_STATE_DEBUG, 5 }, { RUN_STATE_PAUSED, 2 }, { RUN_STATE_SHUTDOWN, 3 },
        { RUN_STATE_IO_ERROR, 144 }, { RUN_STATE_WATCHDOG, 14 }, { RUN_STATE_INTERNAL_ERROR, 6 },
    };
    const DebugHit *hit = debug_last_hit();
    unsigned signal = 143; /* "unknown" */
    bool stepped = false;
    CPUState *cpu;
    char extra[48];

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (signals[i].state == runstate_get()) {
            signal = signals[i].signal;
        }
    }
    CPU_FOREACH(cpu) {
        stepped |= cpu->step_flags != 0;
        cpu->step_flags = 0;
        cpu->frozen = false;
    }
    if (stepped) {
        debug_update(NULL);
    }
    describe_hit(g, hit, extra, sizeof(extra));
    gdb_session_stopped(g->session, hit->cpu ? (unsigned)hit->cpu->index : 0, signal, extra);
    debug_clear_hit();
}

static void vm_event(VmEvent event, ShutdownCause cause)
{
    if (server && event == VM_EVENT_STOP) {
        vm_stopped(server);
    }
}

/* --- The character device -------------------------------------------------------------------- */

static int can_read(void *opaque)
{
    const GdbServer *g = opaque;

    return chardev_write_pending(g->chr) > CHARDEV_MAX_QUEUE_BYTES / 2 ? 0 : 4096;
}

static void read_bytes(void *opaque, const uint8_t *buf, int len)
{
    GdbServer *g = opaque;

    g->busy = true;
    gdb_session_input(g->session, buf, (size_t)len);
    g->busy = false;
}

static void drained(void *opaque)
{
    chardev_accept_input(((GdbServer *)opaque)->chr);
}

static void chr_event(void *opaque, ChardevEvent event)
{
    GdbServer *g = opaque;

    if (event == CHR_EVENT_OPENED) {
        gdb_session_reset(g->session);
        debug_clear_hit();
        if (runstate_is_running()) {
            vm_stop(RUN_STATE_PAUSED);
        }
        gdb_session_stopped(g->session, 0, GDB_SIGNAL_TRAP, "");
    } else if (event == CHR_EVENT_CLOSED) {
        let_go(); /* the guest stays as it is: stopped, or running */
    }
}

static const ChardevHandlers handlers = {
    .can_read = can_read,
    .read = read_bytes,
    .event = chr_event,
};

/* --- Life ------------------------------------------------------------------------------------ */

static void server_free(GdbServer *g)
{
    if (g->chr) {
        chardev_set_handlers(g->chr, NULL, g, NULL);
        chardev_set_drain_cb(g->chr, NULL, NULL);
        if (g->own_chr) {
            chardev_delete(g->chr);
        }
    }
    gdb_session_free(g->session);
    g_free(g->description);
    g_free(g);
}

/* A TCP server waits for its client in the background, and sends small packets at once. */
static bool open_device(GdbServer *g, const char *device, Error **errp)
{
    g_autofree char *text = NULL;
    bool none = false;

    g->own_chr = !g_str_has_prefix(device, "chardev:");
    text = g_strconcat(device, g_str_has_prefix(device, "tcp:") ? ",server=on,wait=off,nodelay=on"
                                                               : "", NULL);
    g->chr = chardev_new_from_short("gdb", text, &none, errp);
    if (!g->chr) {
        return false;
    }
    chardev_set_drain_cb(g->chr, drained, g);
    return chardev_set_handlers(g->chr, &handlers, g, errp);
}

bool gdbserver_start(const char *device, GdbMonitorFn monitor, Error **errp)
{
    GdbServer *g;

    if (server && server->busy) {
        error_setg(errp, "gdb cannot end its own session: detach instead");
        return false;
    }
    gdbserver_cleanup(0);
    if (!strcmp(device, "none")) {
        return true;
    }
    if (!cpus_count()) {
        error_setg(errp, "gdbstub: meaningless to attach gdb to a machine without any CPU.");
        return false;
    }
    g = g_new0(GdbServer, 1);
    g->monitor = monitor;
    g->layout = x86_gdb_layout(X86_CPU(cpus_get(0)));
    g->description = x86_gdb_description(&g->layout);
    g->session = gdb_session_new(&target_ops, g);
    if (!open_device(g, device, errp)) {
        server_free(g);
        return false;
    }
    server = g;
    vm_add_event_listener(vm_event);
    return true;
}

void gdbserver_cleanup(int status)
{
    GdbServer *g = server;

    if (g) {
        server = NULL;
        vm_remove_event_listener(vm_event);
        gdb_session_exited(g->session, status);
        let_go();
        server_free(g);
    }
}
