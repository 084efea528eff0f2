/* SPDX-License-Identifier: GPL-2.0-or-later */
/* End of interrupt with a split irqchip: when KVM_EXIT_IOAPIC_EOI comes, per mode of Suppress EOI
 * Broadcast, APIC mode, SPIV bit 12 and way of delivery; what happens to exits on their way; the
 * order in which Credential Guard ends interrupts. */
#include "harness.h"

#include <errno.h>
#include <sys/ioctl.h>

/* Modes this kernel can be put into. */
static unsigned nr_modes(void)
{
    return have_seoib_flags() ? NR_MODES : 1;
}

/* Whether a guest that asked for suppression gets it. */
static bool suppressed(Mode mode, bool bit12)
{
    return mode == MODE_ENABLED && bit12;
}

/* --- Exits by way of delivery ---------------------------------------------------------------- */

typedef struct Path {
    const char *name;
    enum { ROUTE_NONE, ROUTE_LEVEL, ROUTE_EDGE } route;
    bool by_line;   /* KVM_IRQ_LINE, else KVM_SIGNAL_MSI */
    bool msi_level; /* trigger mode of the MSI */
    bool exits;     /* the vector has a level route: its EOI exits, whatever delivered it */
} Path;

static const Path paths[] = {
    { "level route, line", ROUTE_LEVEL, true, false, true },
    { "level MSI, no route", ROUTE_NONE, false, true, false },
    { "edge MSI, no route", ROUTE_NONE, false, false, false },
    { "edge MSI, level route", ROUTE_LEVEL, false, false, true },
    { "edge route, line", ROUTE_EDGE, true, false, false },
    { "level MSI, level route", ROUTE_LEVEL, false, true, true },
};

static void check_path(const Path *p, Mode mode, bool x2apic, bool bit12)
{
    bool level = p->by_line ? p->route == ROUTE_LEVEL : p->msi_level;
    struct kvm_lapic_state l;
    Vm vm;

    g_test_message("%s, %s, %s, SPIV.12 %d", p->name, mode_names[mode],
                   x2apic ? "x2APIC" : "xAPIC", bit12);
    vm_start(&vm, IRQCHIP_SPLIT, mode, x2apic, SPIV_ON | (bit12 ? SPIV_SEOIB : 0), true);
    if (p->route != ROUTE_NONE) {
        set_route(&vm, TEST_VECTOR, p->route == ROUTE_LEVEL);
    }
    if (p->by_line) {
        irq_line(&vm, TEST_GSI, true);
        irq_line(&vm, TEST_GSI, false);
    } else {
        signal_msi(&vm, TEST_VECTOR, p->msi_level);
    }
    run_to(&vm, EV_ENTERED);
    l = get_lapic(&vm);
    g_assert_cmphex(lapic_reg(&l, LAPIC_TMR_TEST) & TEST_VECTOR_BIT, ==,
                    level ? TEST_VECTOR_BIT : 0);
    run_to_idle(&vm, 2);
    l = get_lapic(&vm);
    g_assert_cmphex(lapic_reg(&l, LAPIC_ISR_TEST) & TEST_VECTOR_BIT, ==, 0);
    g_assert_cmpuint(mailbox(&vm, MB_COUNT), ==, 1);
    g_assert_cmpuint(vm.eoi_exits, ==, p->exits && !suppressed(mode, bit12));
    if (vm.eoi_exits) {
        g_assert_cmpint(vm.last_eoi, ==, TEST_VECTOR);
    }
    vm_close(&vm);
}

static void test_paths(gconstpointer data)
{
    const Path *p = data;

    if (skip_without_kvm()) {
        return;
    }
    for (unsigned mode = 0; mode < nr_modes(); mode++) {
        for (int i = 0; i < 4; i++) {
            check_path(p, mode, i & 1, i & 2);
        }
    }
}

/* --- EOI of a vector that is in service ------------------------------------------------------ */

static unsigned eoi_of_preset(Vm *vm)
{
    struct kvm_lapic_state l;

    vm->eoi_exits = 0;
    vm_command(vm, CMD_EOI);
    l = get_lapic(vm);
    g_assert_cmphex(lapic_reg(&l, LAPIC_ISR_TEST), ==, 0);
    return vm->eoi_exits;
}

/* SPIV bit 12 set by the guest or by a state load counts the same. */
static void check_in_service(Mode mode, bool x2apic, bool bit12, bool by_set_lapic)
{
    uint32_t spiv = SPIV_ON | (bit12 ? SPIV_SEOIB : 0);
    struct kvm_lapic_state l;
    Vm vm;

    vm_start(&vm, IRQCHIP_SPLIT, mode, x2apic, by_set_lapic ? SPIV_ON : spiv, true);
    set_route(&vm, TEST_VECTOR, true);
    if (by_set_lapic) {
        l = get_lapic(&vm);
        lapic_set_reg(&l, LAPIC_SPIV, spiv);
        set_lapic(&vm, &l);
    }
    preset_in_service(&vm, true);
    g_assert_cmpuint(eoi_of_preset(&vm), ==, !suppressed(mode, bit12));
    vm_close(&vm);
}

static void test_in_service(void)
{
    if (skip_without_kvm()) {
        return;
    }
    for (unsigned mode = 0; mode < nr_modes(); mode++) {
        for (int i = 0; i < 8; i++) {
            check_in_service(mode, i & 1, i & 2, i & 4);
        }
    }
}

/* The route decides, not the trigger mode the LAPIC remembers. */
static void test_trigger_mode_of_route(void)
{
    static const struct {
        uint8_t vector;
        bool route_level, tmr;
        unsigned exits;
    } rows[] = { { TEST_VECTOR, true, false, 1 }, { TEST_VECTOR, true, true, 1 },
                 { TEST_VECTOR, false, true, 0 }, { 0, false, true, 0 }, { 0, false, false, 0 } };

    if (skip_without_kvm()) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Vm vm;

        vm_start(&vm, IRQCHIP_SPLIT, MODE_QUIRKED, true, SPIV_ON, true);
        set_route(&vm, rows[i].vector, rows[i].route_level);
        preset_in_service(&vm, rows[i].tmr);
        g_assert_cmpuint(eoi_of_preset(&vm), ==, rows[i].exits);
        vm_close(&vm);
    }
}

/* Why a masked pin keeps its route. */
static void test_route_change_loses_exit(void)
{
    static const struct {
        const char *name;
        uint8_t vector;
        bool level;
        unsigned exits;
    } rows[] = { { "kept", TEST_VECTOR, true, 1 }, { "removed", 0, false, 0 },
                 { "edge", TEST_VECTOR, false, 0 }, { "other vector", OTHER_VECTOR, true, 0 } };

    if (skip_without_kvm()) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Vm vm;

        g_test_message("route %s", rows[i].name);
        vm_start(&vm, IRQCHIP_SPLIT, MODE_QUIRKED, true, SPIV_ON, true);
        set_route(&vm, TEST_VECTOR, true);
        preset_in_service(&vm, true);
        run_to_idle(&vm, 1);
        set_route(&vm, rows[i].vector, rows[i].level);
        g_assert_cmpuint(eoi_of_preset(&vm), ==, rows[i].exits);
        vm_close(&vm);
    }
}

/* --- Modes changing under a guest ------------------------------------------------------------ */

static unsigned exits_of_one_interrupt(Vm *vm)
{
    vm->eoi_exits = 0;
    irq_line(vm, TEST_GSI, true);
    irq_line(vm, TEST_GSI, false);
    run_to_idle(vm, 3);
    return vm->eoi_exits;
}

static void test_mode_is_read_at_each_eoi(void)
{
    static const struct {
        Mode from, to;
        unsigned before, after;
    } rows[] = {
        { MODE_QUIRKED, MODE_ENABLED, 1, 0 },
        { MODE_DISABLED, MODE_ENABLED, 1, 1 }, /* SPIV.12 could not be set before */
        { MODE_QUIRKED, MODE_DISABLED, 1, 1 },
        { MODE_ENABLED, MODE_DISABLED, 0, 1 },
    };

    if (skip_without_seoib()) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Vm vm;

        vm_start(&vm, IRQCHIP_SPLIT, rows[i].from, true, SPIV_ON | SPIV_SEOIB, true);
        set_route(&vm, TEST_VECTOR, true);
        g_assert_cmpuint(exits_of_one_interrupt(&vm), ==, rows[i].before);
        vm_set_mode(&vm, rows[i].to);
        g_assert_cmpuint(exits_of_one_interrupt(&vm), ==, rows[i].after);
        vm_close(&vm);
    }
}

/* LVR.24 off does not switch off what ENABLE does with a loaded SPIV. */
static void test_forced_spiv_without_x2apic(void)
{
    if (skip_without_seoib()) {
        return;
    }
    for (Mode mode = 0; mode < NR_MODES; mode++) {
        struct kvm_lapic_state l;
        Vm vm;

        vm_open(&vm);
        vm_irqchip(&vm, IRQCHIP_SPLIT);
        vm_set_mode(&vm, mode);
        vm_add_vcpu(&vm, NULL);
        vm_set_cpuid(&vm, false);
        vm_load_guest(&vm, false, SPIV_ON, true);
        set_route(&vm, TEST_VECTOR, true);
        run_to(&vm, EV_READY);
        run_to_idle(&vm, 1);
        l = get_lapic(&vm);
        lapic_set_reg(&l, LAPIC_SPIV, SPIV_ON | SPIV_SEOIB);
        set_lapic(&vm, &l);
        preset_in_service(&vm, true);
        g_assert_cmpuint(eoi_of_preset(&vm), ==, !suppressed(mode, true));
        vm_close(&vm);
    }
}

/* --- Rebuilding the VM ----------------------------------------------------------------------- */

/* Another VM in @mode around the same memory and vCPU state, as a migration makes it. */
static void rebuild(Vm *vm, Mode mode, bool routes_first)
{
    struct kvm_lapic_state l = get_lapic(vm);
    struct kvm_vcpu_events events;
    struct kvm_mp_state mp;
    struct kvm_sregs sregs;
    struct kvm_regs regs;
    uint8_t *mem = vm->mem;

    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_GET_REGS, &regs), ==, 0);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs), ==, 0);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_GET_VCPU_EVENTS, &events), ==, 0);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_GET_MP_STATE, &mp), ==, 0);
    vm->owns_mem = false;
    vm_close(vm);
    vm_open(vm);
    vm_irqchip(vm, IRQCHIP_SPLIT);
    vm_set_mode(vm, mode);
    vm_add_vcpu(vm, mem);
    vm->owns_mem = true;
    vm_set_cpuid(vm, true);
    if (routes_first) {
        set_route(vm, TEST_VECTOR, true);
    }
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs), ==, 0);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs), ==, 0);
    set_lapic(vm, &l);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_VCPU_EVENTS, &events), ==, 0);
    g_assert_cmpint(ioctl(vm->vcpu_fd, KVM_SET_MP_STATE, &mp), ==, 0);
    if (!routes_first) {
        set_route(vm, TEST_VECTOR, true);
    }
}

static void check_rebuild(Mode from, Mode to, bool bit12, bool routes_first)
{
    bool kept = bit12 && from != MODE_DISABLED;
    Vm vm;

    vm_start(&vm, IRQCHIP_SPLIT, from, true, SPIV_ON | (bit12 ? SPIV_SEOIB : 0), true);
    set_route(&vm, TEST_VECTOR, true);
    preset_in_service(&vm, true);
    rebuild(&vm, to, routes_first);
    g_assert_cmphex(vm_spiv(&vm), ==, SPIV_ON | (kept ? SPIV_SEOIB : 0));
    g_assert_cmphex(vm_lvr(&vm) & LVR_SEOIB, ==, to == MODE_DISABLED ? 0 : LVR_SEOIB);
    g_assert_cmpuint(eoi_of_preset(&vm), ==, !suppressed(to, kept));
    vm_close(&vm);
}

static void test_rebuild_takes_new_mode(void)
{
    if (skip_without_kvm()) {
        return;
    }
    for (unsigned from = 0; from < nr_modes(); from++) {
        for (unsigned to = 0; to < nr_modes(); to++) {
            for (int i = 0; i < 4; i++) {
                check_rebuild(from, to, i & 1, i & 2);
            }
        }
    }
}

/* An exit that KVM_RUN has not delivered yet survives another KVM_RUN and is lost with the VM. Only
 * a KVM that ends interrupts at injection lets the test stop in that window for sure; elsewhere the
 * interrupt is still in service there and nothing is lost. */
static void check_pending_exit(bool interrupted, bool rebuilt, unsigned exits)
{
    Vm vm;

    vm_start(&vm, IRQCHIP_SPLIT, MODE_QUIRKED, false, SPIV_ON, true);
    set_route(&vm, TEST_VECTOR, true);
    irq_line(&vm, TEST_GSI, true);
    run_to(&vm, EV_ENTERED);
    g_assert_cmpuint(vm.eoi_exits, ==, 0);
    if (interrupted) {
        vm.run->immediate_exit = 1;
        g_assert_cmpint(ioctl(vm.vcpu_fd, KVM_RUN, 0), <, 0);
        g_assert_cmpint(errno, ==, EINTR);
        vm.run->immediate_exit = 0;
    }
    if (rebuilt) {
        rebuild(&vm, MODE_QUIRKED, true);
    }
    run_to_idle(&vm, 3);
    g_assert_cmpuint(vm.eoi_exits, ==, exits);
    vm_close(&vm);
}

static void test_pending_exit(void)
{
    if (skip_without_kvm()) {
        return;
    }
    check_pending_exit(false, false, 1);
    check_pending_exit(true, false, 1);
    check_pending_exit(true, true, kvm_auto_eoi() ? 0 : 1);
}

/* --- A level pin in user space --------------------------------------------------------------- */

/* One pin of an I/O APIC with remote IRR, and the device behind it. */
typedef struct Pin {
    bool line, remote_irr;
    unsigned injected;
} Pin;

static void pin_service(Vm *vm, Pin *pin)
{
    if (pin->line && !pin->remote_irr) {
        pin->remote_irr = true;
        pin->injected++;
        irq_line(vm, TEST_GSI, true);
    }
}

static void pin_end(Vm *vm, Pin *pin)
{
    pin->remote_irr = false;
    pin_service(vm, pin);
}

static void pin_broadcast(Vm *vm, uint8_t vector, void *opaque)
{
    g_assert_cmphex(vector, ==, TEST_VECTOR);
    pin_end(vm, opaque);
}

/* The device drops its line when the handler is entered (usual) or only as it leaves, after the
 * LAPIC's EOI (Credential Guard). A guest with suppression then writes the directed EOI. */
static void check_level_pin(Mode mode, bool asks, bool eoi_first)
{
    bool keeps = asks && mode != MODE_DISABLED;
    unsigned want = eoi_first && !suppressed(mode, asks) ? 2 : 1;
    Pin pin = { .line = true };
    Vm vm;

    g_test_message("%s, SPIV.12 %s, %s", mode_names[mode], asks ? "asked" : "not asked",
                   eoi_first ? "EOI first" : "line drops first");
    vm_start(&vm, IRQCHIP_SPLIT, mode, true, SPIV_ON | (asks ? SPIV_SEOIB : 0), true);
    set_route(&vm, TEST_VECTOR, true);
    vm.on_eoi = pin_broadcast;
    vm.opaque = &pin;
    pin_service(&vm, &pin);
    for (unsigned i = 0; i < want; i++) {
        run_to(&vm, EV_ENTERED);
        pin.line = eoi_first && pin.line;
        run_to(&vm, EV_LEAVING);
        pin.line = false;
        if (keeps) {
            pin_end(&vm, &pin);
        }
    }
    run_to_idle(&vm, 4);
    g_assert_cmpuint(mailbox(&vm, MB_COUNT), ==, want);
    g_assert_cmpuint(pin.injected, ==, want);
    g_assert_false(pin.remote_irr);
    g_assert_cmpuint(vm.eoi_exits, ==, suppressed(mode, asks) ? 0 : want);
    vm_close(&vm);
}

static void test_credential_guard_order(void)
{
    if (skip_without_kvm()) {
        return;
    }
    for (unsigned mode = 0; mode < nr_modes(); mode++) {
        check_level_pin(mode, false, true);
        check_level_pin(mode, true, true);
    }
}

static void test_line_drops_before_eoi(void)
{
    if (skip_without_kvm()) {
        return;
    }
    for (unsigned mode = 0; mode < nr_modes(); mode++) {
        check_level_pin(mode, false, false);
        check_level_pin(mode, true, false);
    }
}

/* --- The kernel's own I/O APIC --------------------------------------------------------------- */

#define FULL_PIN 20
#define RTE_REMOTE_IRR (1u << 14)
#define RTE_LEVEL (1u << 15)

static uint64_t kernel_rte(Vm *vm)
{
    struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

    g_assert_cmpint(ioctl(vm->fd, KVM_GET_IRQCHIP, &c), ==, 0);
    return c.chip.ioapic.redirtbl[FULL_PIN].bits;
}

static void set_kernel_rte(Vm *vm, uint64_t rte)
{
    struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

    g_assert_cmpint(ioctl(vm->fd, KVM_GET_IRQCHIP, &c), ==, 0);
    c.chip.ioapic.redirtbl[FULL_PIN].bits = rte;
    g_assert_cmpint(ioctl(vm->fd, KVM_SET_IRQCHIP, &c), ==, 0);
}

static void pulse_level(Vm *vm)
{
    irq_line(vm, FULL_PIN, true);
    irq_line(vm, FULL_PIN, false);
    run_to_idle(vm, 3);
}

/* A loaded SPIV.12 wedges level pins of the kernel's I/O APIC, which has no EOI register; the
 * disabled mode protects. Hence x2apic-seoib=off sets it there too. */
static void test_forced_spiv_full_irqchip(void)
{
    static const struct {
        Mode mode;
        bool bit12, stuck;
    } rows[] = { { MODE_QUIRKED, false, false }, { MODE_QUIRKED, true, true },
                 { MODE_DISABLED, false, false }, { MODE_DISABLED, true, false } };

    if (skip_without_seoib()) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct kvm_lapic_state l;
        Vm vm;

        vm_start(&vm, IRQCHIP_FULL, rows[i].mode, true, SPIV_ON, true);
        set_kernel_rte(&vm, TEST_VECTOR | RTE_LEVEL);
        l = get_lapic(&vm);
        lapic_set_reg(&l, LAPIC_SPIV, SPIV_ON | (rows[i].bit12 ? SPIV_SEOIB : 0));
        set_lapic(&vm, &l);
        pulse_level(&vm);
        g_assert_cmpuint(mailbox(&vm, MB_COUNT), ==, 1);
        g_assert_cmpint(!!(kernel_rte(&vm) & RTE_REMOTE_IRR), ==, rows[i].stuck);
        pulse_level(&vm);
        g_assert_cmpuint(mailbox(&vm, MB_COUNT), ==, rows[i].stuck ? 1 : 2);
        vm_close(&vm);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *name = g_strdup_printf("/eoi/exit_needs_level_route/%s", paths[i].name);

        g_strdelimit(name, " ,", '_');
        g_test_add_data_func(name, &paths[i], test_paths);
    }
    g_test_add_func("/eoi/in_service/suppressed_only_when_enabled", test_in_service);
    g_test_add_func("/eoi/in_service/route_decides_not_tmr", test_trigger_mode_of_route);
    g_test_add_func("/eoi/in_service/route_change_loses_exit", test_route_change_loses_exit);
    g_test_add_func("/eoi/mode_is_read_at_each_eoi", test_mode_is_read_at_each_eoi);
    g_test_add_func("/eoi/forced_spiv/without_x2apic", test_forced_spiv_without_x2apic);
    g_test_add_func("/eoi/forced_spiv/full_irqchip_sticks", test_forced_spiv_full_irqchip);
    g_test_add_func("/eoi/rebuilt_vm_takes_the_new_mode", test_rebuild_takes_new_mode);
    g_test_add_func("/eoi/pending_exit_is_lost_with_the_vm", test_pending_exit);
    g_test_add_func("/eoi/level_pin/eoi_before_line_drops", test_credential_guard_order);
    g_test_add_func("/eoi/level_pin/line_drops_before_eoi", test_line_drops_before_eoi);
    return g_test_run();
}
