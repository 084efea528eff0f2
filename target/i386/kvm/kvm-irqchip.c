/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's interrupt controllers: creation, GSI routes, interrupt sources (api.rst
 * KVM_CREATE_IRQCHIP, KVM_CAP_SPLIT_IRQCHIP, KVM_SET_GSI_ROUTING). BQL unless IrqChipOps says
 * "any thread".
 *
 *   kernel-irqchip=on     LAPIC, I/O APIC 0x11, 8259 pair and PIT in the kernel
 *   kernel-irqchip=split  LAPIC in the kernel; GSI n = pin n of our I/O APIC has an MSI route; the
 *                         vector of a level-triggered one comes back as KVM_EXIT_IOAPIC_EOI from
 *                         the CPUs that the route names. Linux 6.1 (not 6.12) forgets a CPU that
 *                         still has the interrupt in service when the route moves on, so GSI 24 + n
 *                         names it until then; nothing raises that GSI.
 *   kernel-irqchip=off    nothing in the kernel
 *
 * GSIs from 48 on have the messages of devices whose interrupts are eventfds (irqfd).
 */
#include "qemu/osdep.h"
#include "hw/intc/apic-bus.h"
#include "target/i386/kvm/kvm-x86.h"
#include "trace.h"

/* --- Routes ---------------------------------------------------------------------------------- */

/* The route of an irqfd. */
typedef struct MsiRoute {
    bool used;
    IrqRoute route; /* not valid until the device has set it */
} MsiRoute;

static MsiRoute *msi_route(const KVMState *s, unsigned gsi)
{
    return &g_array_index(s->arch->msi_routes, MsiRoute, gsi - KVM_SPLIT_GSIS);
}

static void add_chip_route(GArray *t, unsigned gsi, unsigned chip, unsigned pin)
{
    struct kvm_irq_routing_entry e = {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { chip, pin },
    };

    g_array_append_val(t, e);
}

/* The PC's wiring: ISA interrupt n is GSI n and pin n of both controllers, but for the timer, which
 * is pin 2 of the I/O APIC (the MADT says so). */
static void add_pc_routes(GArray *t)
{
    for (unsigned gsi = 0; gsi < 16; gsi++) {
        add_chip_route(t, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi & 7);
    }
    for (unsigned gsi = 0; gsi < KVM_IOAPIC_PINS; gsi++) {
        if (gsi != 2) {
            add_chip_route(t, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
        }
    }
}

/* With KVM_FEATURE_MSI_EXT_DEST_ID bits 11:5 of an MSI address are bits 14:8 of the destination,
 * which the kernel wants in the upper half. */
static uint64_t msi_kernel_addr(const KVMState *s, uint64_t addr)
{
    bool ext = s->arch->mode == IRQCHIP_SPLIT && s->arch->x2apic_ids;

    if (!ext || addr >> 32 || addr & 0x10) {
        return addr;
    }
    return (addr & ~0xfe0ull) | (addr & 0xfe0) << 35;
}

static void route_set(KVMState *s, unsigned gsi, const IrqRoute *route)
{
    IrqRoute *r = &s->arch->routes[gsi];

    if (r->valid == route->valid &&
        (!r->valid || (r->addr == route->addr && r->data == route->data))) {
        return;
    }
    *r = *route;
    s->arch->routes_dirty = true;
    trace_kvm_irqchip_update_msi_route(gsi, route->addr, route->data);
}

static void route_update(void *opaque, unsigned gsi, const IrqRoute *route,
                         const IrqRoute *in_service)
{
    if (gsi < KVM_IOAPIC_PINS) {
        route_set(opaque, gsi, route);
        route_set(opaque, KVM_IOAPIC_PINS + gsi, in_service);
    }
}

static void add_msi_route(const KVMState *s, GArray *t, unsigned gsi, const IrqRoute *r)
{
    uint64_t addr = msi_kernel_addr(s, r->addr);
    struct kvm_irq_routing_entry e = {
        .gsi = gsi, .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = { .address_lo = (uint32_t)addr, .address_hi = addr >> 32, .data = r->data },
    };

    if (r->valid) {
        g_array_append_val(t, e);
    }
}

/* Tells the kernel all routes: there is no way to tell it one. */
static int set_routes(const KVMState *s)
{
    struct kvm_irq_routing head = { .nr = 0 };
    g_autoptr(GArray) t = g_array_new(FALSE, FALSE, sizeof(struct kvm_irq_routing_entry));
    char *table;
    unsigned nr;
    int ret;

    if (s->arch->mode == IRQCHIP_ON) {
        add_pc_routes(t);
    }
    for (unsigned gsi = 0; s->arch->mode == IRQCHIP_SPLIT && gsi < KVM_SPLIT_GSIS; gsi++) {
        add_msi_route(s, t, gsi, &s->arch->routes[gsi]);
    }
    for (unsigned i = 0; s->arch->msi_routes && i < s->arch->msi_routes->len; i++) {
        add_msi_route(s, t, KVM_SPLIT_GSIS + i, &msi_route(s, KVM_SPLIT_GSIS + i)->route);
    }
    nr = t->len;
    g_array_prepend_vals(t, &(struct kvm_irq_routing_entry){ 0 }, 1); /* room for the head */
    table = t->data + sizeof(struct kvm_irq_routing_entry) - sizeof(head);
    head.nr = nr;
    memcpy(table, &head, sizeof(head));
    ret = kvm_vm_ioctl(s, KVM_SET_GSI_ROUTING, table);
    trace_kvm_irqchip_commit_routes(nr, ret);
    return ret;
}

static void routes_commit(void *opaque)
{
    KVMState *s = opaque;
    int ret;

    if (!s->arch->routes_dirty) {
        return;
    }
    s->arch->routes_dirty = false;
    ret = set_routes(s);
    if (ret < 0) {
        warn_report("KVM refused the interrupt routes: %s", strerror(-ret));
    }
}

/* --- irqfds ---------------------------------------------------------------------------------- */

static int msi_route_new(void *opaque)
{
    KVMState *s = opaque;
    KVMArchState *a = s->arch;

    if (!a->msi_routes) {
        a->msi_routes = g_array_new(FALSE, TRUE, sizeof(MsiRoute));
    }
    for (unsigned i = 0; KVM_SPLIT_GSIS + i < a->max_gsis; i++) {
        if (i == a->msi_routes->len) {
            g_array_set_size(a->msi_routes, i + 1);
        }
        if (!msi_route(s, KVM_SPLIT_GSIS + i)->used) {
            *msi_route(s, KVM_SPLIT_GSIS + i) = (MsiRoute){ .used = true };
            return (int)(KVM_SPLIT_GSIS + i);
        }
    }
    return -1;
}

static void msi_route_change(KVMState *s, unsigned gsi, const IrqRoute *route)
{
    msi_route(s, gsi)->route = *route;
    s->arch->routes_dirty = true;
    trace_kvm_irqchip_update_msi_route(gsi, route->addr, route->data);
    routes_commit(s);
}

static void msi_route_set(void *opaque, unsigned gsi, uint64_t addr, uint32_t data)
{
    msi_route_change(opaque, gsi, &(IrqRoute){ .valid = true, .addr = addr, .data = data });
}

static void msi_route_free(void *opaque, unsigned gsi)
{
    msi_route_change(opaque, gsi, &(IrqRoute){ .valid = false });
    msi_route(opaque, gsi)->used = false;
}

static bool irqfd_set(void *opaque, unsigned gsi, int fd, bool on)
{
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t)fd, .gsi = gsi, .flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
    };
    int ret = kvm_vm_ioctl(opaque, KVM_IRQFD, &irqfd);

    trace_kvm_irqchip_irqfd(gsi, fd, on, ret);
    return ret >= 0;
}

/* --- Sources --------------------------------------------------------------------------------- */

static void set_gsi(void *opaque, unsigned gsi, bool level)
{
    KVMState *s = opaque;
    struct kvm_irq_level line = { .irq = gsi, .level = level };

    /* Split: a falling level means nothing to an MSI route. */
    if (level || s->arch->mode == IRQCHIP_ON) {
        int ret = kvm_vm_ioctl(s, KVM_IRQ_LINE, &line);

        trace_kvm_set_irq(gsi, level, ret);
        if (level && gsi < KVM_IOAPIC_PINS) {
            __atomic_fetch_add(&s->arch->raised[gsi], 1, __ATOMIC_RELAXED);
        }
    }
}

static bool send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    const KVMState *s = opaque;
    uint64_t kaddr = msi_kernel_addr(s, addr);
    struct kvm_msi msi = {
        .address_lo = (uint32_t)kaddr, .address_hi = kaddr >> 32, .data = data,
    };

    return kvm_vm_ioctl(s, KVM_SIGNAL_MSI, &msi) > 0;
}

/* The bootstrap processor takes ExtINTs; see kvm-inject.c. */
static void set_intr(void *opaque, bool level)
{
    CPUState *cpu = cpus_count() ? cpus_get(0) : NULL;

    if (!cpu) {
        return;
    }
    if (level) {
        cpu_interrupt(cpu, CPU_INTERRUPT_HARD);
    } else {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_HARD);
    }
}

/* LINT1 as its LVT entry (offset 0x360) says: an NMI, unless masked. */
static void pulse_lint1(CPUState *cpu, void *opaque)
{
    uint8_t page[1024] = { 0 };
    uint32_t lvt;

    if (kvm_get_lapic_page(X86_CPU(cpu), page, NULL)) {
        memcpy(&lvt, page + 0x360, sizeof(lvt));
        if (!(lvt & 1u << 16) && (lvt >> 8 & 7) == APIC_DM_NMI) {
            kvm_vcpu_ioctl(kvm_vcpu(cpu), KVM_NMI, NULL);
        }
    }
}

static void inject_nmi(void *opaque)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        async_run_on_cpu(cpu, pulse_lint1, NULL);
    }
}

/* Of the copies that saving a vCPU makes. */
static bool vector_in_flight(void *opaque, uint8_t vector)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        if (lapic_has_vector(X86_CPU(cpu)->lapic, vector)) {
            return true;
        }
    }
    return false;
}

static bool eoi_suppressed(void *opaque)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        if (X86_CPU(cpu)->lapic->spiv & LAPIC_SPIV_SEOIB) {
            return true;
        }
    }
    return false;
}

#define MSI_ROUTE_OPS                                                                           \
    .msi_route_new = msi_route_new, .msi_route_set = msi_route_set,                             \
    .msi_route_free = msi_route_free, .irqfd_set = irqfd_set

static const IrqChipOps split_ops = {
    .name = "kvm",
    .route_update = route_update,
    .routes_commit = routes_commit,
    .set_gsi = set_gsi,
    .send_msi = send_msi,
    MSI_ROUTE_OPS,
    .set_intr = set_intr,
    .inject_nmi = inject_nmi,
    .vector_in_flight = vector_in_flight,
    .eoi_suppressed = eoi_suppressed,
};

static const IrqChipOps full_ops = {
    .name = "kvm",
    .set_gsi = set_gsi,
    .send_msi = send_msi,
    MSI_ROUTE_OPS,
    .pit_disconnect = kvm_pit_disconnect,
    .dump = kvm_chips_dump,
    .inject_nmi = inject_nmi,
};

/* --- Creation -------------------------------------------------------------------------------- */

static bool create_split(KVMState *s, Error **errp)
{
    int ret;

    if (!kvm_vm_check_extension(s, KVM_CAP_SPLIT_IRQCHIP)) {
        error_setg(errp, "Split IRQ chip mode not supported.");
        return false;
    }
    ret = kvm_vm_enable_cap(s, KVM_CAP_SPLIT_IRQCHIP, KVM_SPLIT_GSIS);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not enable split irqchip mode");
        return false;
    }
    s->ms->irqchip = &split_ops;
    return true;
}

static bool create_full(KVMState *s, Error **errp)
{
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int ret = kvm_vm_ioctl(s, KVM_CREATE_IRQCHIP, NULL);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Create kernel irqchip failed");
        return false;
    }
    ret = set_routes(s);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM refused the interrupt routes");
        return false;
    }
    if (s->ms->pit != ON_OFF_AUTO_OFF) {
        ret = kvm_vm_ioctl(s, KVM_CREATE_PIT2, &pit);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "Create kernel PIC irqchip failed");
            return false;
        }
    }
    s->ms->irqchip = &full_ops;
    return kvm_chips_create(s->ms, errp);
}

bool kvm_arch_create_irqchip(MachineState *ms, Error **errp)
{
    KVMState *s = kvm_state(ms);
    KVMArchState *a = s->arch;

    if (!ms->version->default_cpu_type) {
        return true; /* machine "none" has nothing to interrupt */
    }
    a->mode = ms->irqchip_mode == IRQCHIP_DEFAULT ? IRQCHIP_ON : ms->irqchip_mode;
    if ((a->mode == IRQCHIP_SPLIT && !create_split(s, errp)) ||
        (a->mode == IRQCHIP_ON && !create_full(s, errp))) {
        return false;
    }
    if (kvm_vm_check_extension(s, KVM_CAP_IRQFD) > 0) {
        a->max_gsis = (unsigned)kvm_vm_check_extension(s, KVM_CAP_IRQ_ROUTING);
    }
    a->irqchip_created = true;
    a->info_valid = false; /* features and the VM's x2APIC API depend on it */
    ms->irqchip_mode = a->mode;
    return true;
}

/* --- LAPIC pages ----------------------------------------------------------------------------- */

/* In x2APIC mode the id register holds 32 bits for everybody but a kernel that was not given
 * KVM_X2APIC_API_USE_32BIT_IDS: it has the low 8 at the top. */
static bool id_is_at_the_top(const X86CPU *cpu)
{
    const KVMVcpu *v = kvm_vcpu(&cpu->cpu);
    uint64_t base = cpu->cpu.state_valid ? cpu->env.apic_base : v->run->apic_base;

    return !v->s->arch->x2apic_ids && (base & MSR_IA32_APICBASE_EXTD);
}

static void shift_id(uint8_t *page, int left)
{
    uint32_t id;

    memcpy(&id, page + 0x20, sizeof(id));
    id = left > 0 ? id << left : id >> -left;
    memcpy(page + 0x20, &id, sizeof(id));
}

bool kvm_get_lapic_page(X86CPU *cpu, uint8_t page[1024], Error **errp)
{
    KVMVcpu *v = kvm_vcpu(&cpu->cpu);
    int ret;

    G_STATIC_ASSERT(sizeof(struct kvm_lapic_state) == LAPIC_PAGE_BYTES);
    if (!kvm_lapic_in_kernel(v->s)) {
        return false;
    }
    ret = kvm_vcpu_ioctl(v, KVM_GET_LAPIC, page);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM did not give the local APIC of CPU %d", cpu->cpu.index);
        return false;
    }
    if (id_is_at_the_top(cpu)) {
        shift_id(page, -24);
    }
    return true;
}

bool kvm_set_lapic_page(X86CPU *cpu, const uint8_t page[1024], Error **errp)
{
    KVMVcpu *v = kvm_vcpu(&cpu->cpu);
    uint8_t copy[LAPIC_PAGE_BYTES];
    int ret;

    if (!kvm_lapic_in_kernel(v->s)) {
        return false;
    }
    memcpy(copy, page, sizeof(copy));
    if (id_is_at_the_top(cpu)) {
        shift_id(copy, 24);
    }
    ret = kvm_vcpu_ioctl(v, KVM_SET_LAPIC, copy);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM refused the local APIC of CPU %d", cpu->cpu.index);
    }
    return ret >= 0;
}
