/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM accelerator and the x86 CPU with as little machine around them as works: memory, an APIC
 * bus with an I/O APIC, a few test ports. Each case runs in a process of its own (there is one
 * machine a process).
 */
#include "qemu/osdep.h"
#include "accel/accel-types.h"
#include "hw/core/machine.h"
#include "hw/intc/apic-cpu.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/runstate.h"
#include "system/system.h"
#include "target/i386/cpu.h"
#include "test-machine.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

extern const uint8_t mg_start[], mg_end[], mg_handler[], mg_exception[];
extern const uint8_t mg_ports[], mg_string[], mg_level[], mg_timer[], mg_spin[], mg_triple[],
    mg_garbage[];

/* --- The machine ---------------------------------------------------------------------------- */

typedef struct TestMachine {
    MachineState *ms;
    X86CPU *cpu;
    RAMBlock *ram;
    MemoryRegion ram_mr, ports_mr, ioapic_mr;
    IOAPIC ioapic;
    uint32_t echo;
    GByteArray *stream;
    bool done;
    uint32_t result;
    unsigned resets;
} TestMachine;

static TestMachine tm;

static const MachineBoard test_board = { .family = "test" };
/* The first with x2apic-seoib in -cpu host, and the one before. */
static const MachineVersion test_version = {
    .name = "test-11.0", .board = &test_board, .major = 11, .default_cpu_type = "host",
    .max_cpus = 8,
};
static const MachineVersion test_version_old = {
    .name = "test-10.2", .board = &test_board, .major = 10, .minor = 2,
    .default_cpu_type = "host", .max_cpus = 8,
};
static const ObjectType type_test_machine = {
    .name = "test-machine", .instance_size = sizeof(MachineState),
};
static const ObjectType type_test_container = {
    .name = "container", .instance_size = sizeof(Object),
};

static uint64_t ports_read(void *opaque, hwaddr addr, unsigned size)
{
    uint32_t value = 0;

    if (addr == PORT_ECHO - PORT_ECHO) {
        return tm.echo;
    }
    if (addr == PORT_STREAM - PORT_ECHO && tm.stream->len >= size) {
        memcpy(&value, tm.stream->data, size);
        g_byte_array_remove_range(tm.stream, 0, size);
    }
    return value;
}

static void quit(void *opaque)
{
    main_loop_quit();
}

static void ports_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    switch (addr + PORT_ECHO) {
    case PORT_ECHO:
        tm.echo = (uint32_t)value;
        break;
    case PORT_STREAM:
        g_byte_array_append(tm.stream, (uint8_t *)&value, size);
        break;
    case PORT_LINE:
        apic_bus_set_gsi(tm.ms->apic_bus, TEST_PIN, value & 1);
        break;
    case PORT_DONE:
        tm.done = true;
        tm.result = (uint32_t)value;
        main_loop_defer(quit, NULL);
        break;
    default:
        break;
    }
}

static const MemoryRegionOps ports_ops = { .read = ports_read, .write = ports_write };

static uint64_t ioapic_mr_read(void *opaque, hwaddr addr, unsigned size)
{
    return apic_bus_ioapic_read(tm.ms->apic_bus, &tm.ioapic, addr, size);
}

static void ioapic_mr_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    apic_bus_ioapic_write(tm.ms->apic_bus, &tm.ioapic, addr, value, size);
}

static const MemoryRegionOps ioapic_ops = { .read = ioapic_mr_read, .write = ioapic_mr_write };

static void kick_cpu(void *opaque, unsigned index)
{
    if (index < cpus_count()) {
        cpu_interrupt(cpus_get(index), CPU_INTERRUPT_POLL);
    }
}

static const ApicCpuOps cpu_ops = { .kick = kick_cpu };

static void create_apic_bus(MachineState *ms)
{
    static const ApicBusMode modes[] = {
        [IRQCHIP_OFF] = APIC_BUS_USER,
        [IRQCHIP_SPLIT] = APIC_BUS_KVM_SPLIT,
        [IRQCHIP_ON] = APIC_BUS_KVM_FULL,
    };
    ApicBusConfig cfg = {
        .mode = modes[ms->irqchip_mode],
        .max_cpus = 8,
        .cpu_ops = &cpu_ops,
        .irqchip_ops = ms->irqchip,
        .irqchip_opaque = ms->accel_state,
    };

    ms->apic_bus = apic_bus_new(&cfg);
    if (ms->irqchip_mode != IRQCHIP_ON) {
        ioapic_init(&tm.ioapic, IOAPIC_VERSION_EOIR, false);
        apic_bus_add_ioapic(ms->apic_bus, &tm.ioapic, 0, NULL, NULL);
        memory_region_init_io(&tm.ioapic_mr, &ioapic_ops, NULL, "ioapic", 4096);
        memory_region_add_subregion(ms->system_memory, IOAPIC_DEFAULT_BASE, &tm.ioapic_mr);
    }
    apic_msi_map(ms->apic_bus, ms->system_memory);
}

static void create_memory(MachineState *ms)
{
    ms->system_memory = g_new0(MemoryRegion, 1);
    ms->system_io = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_memory, "system", UINT64_MAX);
    memory_region_init(ms->system_io, "io", 65536);
    ms->memory = address_space_new("memory", ms->system_memory);
    ms->io = address_space_new("I/O", ms->system_io);
    tm.ram = ram_block_new("ram", 4 * MiB, &error_abort);
    memory_region_init_ram(&tm.ram_mr, "ram", tm.ram);
    memory_region_add_subregion(ms->system_memory, 0, &tm.ram_mr);
    memory_region_init_io(&tm.ports_mr, &ports_ops, NULL, "test-ports", PORTS_BYTES);
    memory_region_add_subregion(ms->system_io, PORT_ECHO, &tm.ports_mr);
    tm.stream = g_byte_array_new();
}

static void on_event(VmEvent event, ShutdownCause cause)
{
    if (event == VM_EVENT_RESET) {
        tm.resets++;
        main_loop_quit();
    } else if (event == VM_EVENT_STOP) {
        main_loop_quit();
    }
}

static bool create_machine(const MachineVersion *v, IrqChipMode irqchip, const char *cpu,
                           Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse("kvm", "accel", errp);
    MachineState *ms = (MachineState *)object_new(&type_test_machine, &error_abort);

    tm.ms = current_machine = ms;
    ms->version = v;
    ms->smp = (CpuTopology){ .cpus = 1, .max_cpus = 1, .sockets = 1, .dies = 1, .modules = 1,
                             .clusters = 1, .cores = 1, .threads = 1, .drawers = 1, .books = 1 };
    ms->unattached = object_new(&type_test_container, &error_abort);
    ms->cpu_model = g_strdup(cpu);
    ms->irqchip_mode = irqchip;
    ms->pit = true;
    create_memory(ms);
    ms->accel = &kvm_accel_ops;
    if (!kv || !ms->accel->init_machine(ms, kv, errp) || !ms->accel->create_irqchip(ms, errp)) {
        return false;
    }
    create_apic_bus(ms);
    tm.cpu = x86_cpu_create(ms, 0, 0, errp);
    return tm.cpu;
}

/* --- The guest ------------------------------------------------------------------------------ */

static void put64(unsigned gpa, uint64_t value)
{
    memcpy(tm.ram->host + gpa, &value, sizeof(value));
}

static void put32(unsigned gpa, uint32_t value)
{
    memcpy(tm.ram->host + gpa, &value, sizeof(value));
}

static uint32_t mailbox(unsigned offset)
{
    uint32_t value;

    memcpy(&value, tm.ram->host + GUEST_MAILBOX + offset, sizeof(value));
    return value;
}

static void build_tables(void)
{
    unsigned pdpt = GUEST_TABLES + 0x1000, pd = pdpt + 0x1000;

    put64(GUEST_TABLES, pdpt | 3);
    for (unsigned i = 0; i < 4; i++) {
        put64(pdpt + 8 * i, (pd + 0x1000 * i) | 3);
    }
    for (uint64_t i = 0; i < 4 * 512; i++) {
        put64(pd + 8 * i, i << 21 | 0x83);
    }
    for (unsigned i = 0; i < 256; i++) {
        uint64_t addr = GUEST_CODE + (uint64_t)((i < 32 ? mg_exception : mg_handler) - mg_start);

        put64(GUEST_IDT + 16 * i, (addr & 0xffff) | 8ull << 16 | 0x8e00ull << 32 |
                                      (addr >> 16 & 0xffff) << 48);
        put64(GUEST_IDT + 16 * i + 8, addr >> 32);
    }
    put64(GUEST_GDT + 8, 0x00af9b000000ffffull);
    put64(GUEST_GDT + 16, 0x00cf93000000ffffull);
}

static void load_program(const uint8_t *entry)
{
    CPUX86State *env = &tm.cpu->env;
    SegmentCache data = { .selector = 16, .limit = ~0u, .flags = 0x00cf9300 };

    memcpy(tm.ram->host + GUEST_CODE, mg_start, (size_t)(mg_end - mg_start));
    build_tables();
    cpu_synchronize_state(&tm.cpu->cpu);
    for (int i = 0; i < 6; i++) {
        env->segs[i] = data;
    }
    env->segs[R_CS] = (SegmentCache){ .selector = 8, .limit = ~0u, .flags = 0x00af9b00 };
    env->gdt = (SegmentCache){ .base = GUEST_GDT, .limit = 23 };
    env->idt = (SegmentCache){ .base = GUEST_IDT, .limit = 4095 };
    env->cr[0] = 0x80000033;
    env->cr[3] = GUEST_TABLES;
    env->cr[4] = 0x20;
    env->efer = MSR_EFER_LME | MSR_EFER_LMA;
    env->eip = GUEST_CODE + (uint64_t)(entry - mg_start);
    env->eflags = 2;
    env->regs[R_ESP] = GUEST_STACK;
    env->regs[R_EDI] = GUEST_MAILBOX;
}

static void timed_out(void *opaque)
{
    g_autoptr(GString) text = g_string_new(NULL);

    x86_cpu_dump_code_state(tm.cpu, text);
    g_error("the guest did not finish:\n%s", text->str);
}

/* Runs until PORT_DONE, a reset or a stop. */
static void run_guest(void)
{
    QEMUTimer *limit = timer_new_ns(QEMU_CLOCK_REALTIME, timed_out, NULL);

    timer_mod_ns(limit, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + 20 * NANOSECONDS_PER_SECOND);
    if (!runstate_is_running()) {
        g_assert_true(vm_start(&error_abort));
    }
    main_loop_run();
    timer_free(limit);
}

static void begin_version(const MachineVersion *v, IrqChipMode irqchip, const char *cpu)
{
    bql_lock();
    main_loop_init();
    vm_add_event_listener(on_event);
    if (!create_machine(v, irqchip, cpu, &error_abort)) {
        g_assert_not_reached();
    }
}

static void begin(IrqChipMode irqchip, const char *cpu)
{
    begin_version(&test_version, irqchip, cpu);
}

static void end(void)
{
    if (runstate_is_running()) {
        vm_stop(RUN_STATE_SHUTDOWN);
    }
    cpus_destroy_all();
}

/* --- Cases (in the child) ------------------------------------------------------------------- */

static const IrqChipMode irqchip_modes[] = { IRQCHIP_OFF, IRQCHIP_SPLIT, IRQCHIP_ON };
static const char *const irqchip_names[] = {
    [IRQCHIP_OFF] = "off", [IRQCHIP_SPLIT] = "split", [IRQCHIP_ON] = "on",
};

#define CPU_PLAIN "host"

static void case_ports(IrqChipMode irqchip)
{
    begin(irqchip, CPU_PLAIN);
    load_program(mg_ports);
    run_guest();
    g_assert_cmphex(tm.result, ==, 0x33002211);
    end();
}

static void case_string(IrqChipMode irqchip)
{
    static const uint8_t sent[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    begin(irqchip, CPU_PLAIN);
    memcpy(tm.ram->host + GUEST_MAILBOX, sent, sizeof(sent));
    load_program(mg_string);
    run_guest();
    g_assert_cmpmem(tm.ram->host + GUEST_MAILBOX + 0x40, 8, sent, 8);
    end();
}

static void case_timer(IrqChipMode irqchip)
{
    begin(irqchip, CPU_PLAIN);
    load_program(mg_timer);
    run_guest();
    g_assert_cmpuint(tm.result, >=, 5); /* more on a slow host */
    end();
}

/* Stopping, looking at and continuing a vCPU changes nothing for the guest. */
static void case_stop_and_continue(IrqChipMode irqchip)
{
    uint64_t last = 0;

    begin(irqchip, CPU_PLAIN);
    load_program(mg_spin);
    for (int i = 0; i < 5; i++) {
        g_assert_true(vm_start(&error_abort));
        bql_unlock();
        g_usleep(20000);
        bql_lock();
        vm_stop(RUN_STATE_PAUSED);
        cpu_synchronize_state(&tm.cpu->cpu);
        g_assert_cmpuint(tm.cpu->env.regs[15], >, last);
        g_assert_cmpuint(tm.cpu->env.regs[R_EDI], ==, GUEST_MAILBOX);
        last = tm.cpu->env.regs[15];
    }
    end();
}

static void case_triple_fault(IrqChipMode irqchip)
{
    begin(irqchip, CPU_PLAIN);
    load_program(mg_triple);
    run_guest();
    g_assert_cmpuint(tm.resets, ==, 1);
    end();
}

/* The machine stops, the process lives and can look at the registers. */
static void case_garbage(IrqChipMode irqchip)
{
    g_autoptr(GString) text = g_string_new(NULL);

    begin(irqchip, CPU_PLAIN);
    load_program(mg_garbage);
    run_guest();
    g_assert_cmpint(runstate_get(), ==, RUN_STATE_INTERNAL_ERROR);
    g_assert_false(vm_start(NULL));
    x86_cpu_dump_state(tm.cpu, text);
    g_assert_nonnull(strstr(text->str, "RIP=00000000d0000000"));
    end();
}

static void check_level(const MachineVersion *v, const char *cpu, SeoibMode mode,
                        unsigned deliveries)
{
    bool advertised = mode != SEOIB_NOT_ADVERTISED;

    begin_version(v, IRQCHIP_SPLIT, cpu);
    g_assert_cmpint(apic_bus_seoib(tm.ms->apic_bus), ==, mode);
    put32(GUEST_MAILBOX + MB_SPIV, 0x11ff);
    load_program(mg_level);
    run_guest();
    g_assert_cmphex(mailbox(MB_LVR), ==, advertised ? 0x01050014 : 0x00050014);
    g_assert_cmphex(mailbox(MB_SPIV_RB), ==, advertised ? 0x11ff : 0x1ff);
    g_assert_cmpuint(tm.result, ==, deliveries);
    g_assert_cmphex(tm.ioapic.rte[TEST_PIN] & IOAPIC_RTE_REMOTE_IRR, ==, 0);
    g_assert_cmpuint(tm.ioapic.count.broadcast_eois, ==, mode == SEOIB_RESPECTED ? 0 : 2);
    end();
}

static void case_level_unset(IrqChipMode irqchip)
{
    check_level(&test_version_old, "host", SEOIB_QUIRKED, 2);
}

static void case_level_off(IrqChipMode irqchip)
{
    check_level(&test_version, "host,x2apic-seoib=off", SEOIB_NOT_ADVERTISED, 2);
}

static void case_level_on(IrqChipMode irqchip)
{
    check_level(&test_version_old, "host,x2apic-seoib=on", SEOIB_RESPECTED, 1);
}

static void case_level_host_default(IrqChipMode irqchip)
{
    check_level(&test_version, "host", SEOIB_RESPECTED, 1);
}

/* --- Tests (in the parent) ------------------------------------------------------------------ */

typedef struct Case {
    const char *name;
    void (*run)(IrqChipMode irqchip);
    bool split_only, needs_flags;
} Case;

static const Case cases[] = {
    { "ports_of_each_size", case_ports },
    { "string_io_keeps_order", case_string },
    { "lapic_timer_wakes_from_hlt", case_timer },
    { "stop_and_continue_keeps_registers", case_stop_and_continue },
    { "triple_fault_resets", case_triple_fault },
    { "code_outside_of_memory_stops_the_machine", case_garbage },
    { "level_irq_seoib_unset_is_delivered_twice", case_level_unset, true, false },
    { "level_irq_seoib_off_is_delivered_twice", case_level_off, true, true },
    { "level_irq_seoib_on_is_delivered_once", case_level_on, true, true },
    { "level_irq_host_of_new_machine_is_delivered_once", case_level_host_default, true, true },
};

typedef struct TestArg {
    const Case *c;
    IrqChipMode irqchip;
} TestArg;

static bool skip(const Case *c)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int flags;

    if (fd < 0) {
        g_test_skip("skipped: no /dev/kvm");
        return true;
    }
    flags = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API);
    close(fd);
    if (c->needs_flags && (flags & 0xc) != 0xc) {
        g_test_skip("skipped: KVM_CAP_X2APIC_API has no Suppress EOI Broadcast flags here");
        return true;
    }
    return false;
}

static void run_test(gconstpointer data)
{
    const TestArg *arg = data;

    if (g_test_subprocess()) {
        arg->c->run(arg->irqchip);
        return;
    }
    if (skip(arg->c)) {
        return;
    }
    g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t m = 0; m < G_N_ELEMENTS(irqchip_modes); m++) {
            TestArg *arg = g_new(TestArg, 1);
            g_autofree char *name = g_strdup_printf("/machine/irqchip-%s/%s",
                                                    irqchip_names[irqchip_modes[m]],
                                                    cases[i].name);

            *arg = (TestArg){ &cases[i], irqchip_modes[m] };
            if (!cases[i].split_only || irqchip_modes[m] == IRQCHIP_SPLIT) {
                g_test_add_data_func_full(name, arg, run_test, g_free);
            } else {
                g_free(arg);
            }
        }
    }
    return g_test_run();
}
