/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The APIC bus: see the table in include/hw/intc/apic-bus.h. I/O APICs are touched under the big
 * lock only; local APIC models of other threads only through their "any thread" functions.
 */
#include "qemu/osdep.h"

#include "apic-bus-internal.h"
#include "qemu/main-loop.h"
#include "trace.h"

bool bus_lock(void)
{
    bool take = !bql_locked();

    if (take) {
        bql_lock();
    }
    return take;
}

void bus_unlock(bool taken)
{
    if (taken) {
        bql_unlock();
    }
}

static int64_t bus_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* --- Delivery to LAPIC models --------------------------------------------------------------- */

/* Hands @msg to the LAPIC of @cpu_index and wakes its vCPU, unless that is the sender itself. */
static bool post_to(ApicBus *bus, unsigned cpu_index, const ApicMessage *msg, int sender)
{
    LAPIC *lapic = bus_lapic(bus, cpu_index);
    LapicPost result = lapic ? lapic_post(lapic, msg) : LAPIC_POST_DROPPED;

    if (result == LAPIC_POST_KICK && (int)cpu_index != sender) {
        bus->cfg.cpu_ops->kick(bus->cfg.cpu_opaque, cpu_index);
    }
    return result != LAPIC_POST_DROPPED;
}

static bool addressed(const ApicBus *bus, unsigned cpu_index, const ApicMessage *msg, int sender)
{
    LAPIC *lapic = bus_lapic(bus, cpu_index);

    switch (msg->shorthand) {
    case APIC_SH_SELF:
        return (int)cpu_index == sender;
    case APIC_SH_ALL:
        return lapic != NULL;
    case APIC_SH_OTHERS:
        return lapic != NULL && (int)cpu_index != sender;
    default:
        return lapic && lapic_match(lapic, msg->dest, msg->logical);
    }
}

/* The addressed processor with the lowest priority; round robin among equals. -1: none accepts. */
static int find_lowest(ApicBus *bus, const ApicMessage *msg, int sender)
{
    unsigned n = bus->cfg.max_cpus;
    unsigned start = __atomic_fetch_add(&bus->next_lowest, 1, __ATOMIC_RELAXED) % n;
    int best = -1;

    for (unsigned i = 0; i < n; i++) {
        unsigned cpu = (start + i) % n;

        if (addressed(bus, cpu, msg, sender) && lapic_accepts_fixed(bus_lapic(bus, cpu)) &&
            (best < 0 || lapic_arb_priority(bus_lapic(bus, cpu)) <
                             lapic_arb_priority(bus_lapic(bus, best)))) {
            best = cpu;
        }
    }
    return best;
}

static bool deliver(ApicBus *bus, const ApicMessage *msg, int sender)
{
    bool one = msg->mode == APIC_DM_LOWEST ||
               (msg->redir_hint && msg->logical && msg->mode == APIC_DM_FIXED);
    bool taken = false;

    trace_apic_deliver_irq(msg->dest, msg->logical, msg->mode, msg->vector, msg->level);
    if (one) {
        int cpu = find_lowest(bus, msg, sender);

        return cpu >= 0 && post_to(bus, cpu, msg, sender);
    }
    for (unsigned cpu = 0; cpu < bus->cfg.max_cpus; cpu++) {
        if (addressed(bus, cpu, msg, sender)) {
            taken |= post_to(bus, cpu, msg, sender);
        }
    }
    return taken;
}

bool apic_bus_deliver(ApicBus *bus, const ApicMessage *msg)
{
    return bus->cfg.mode == APIC_BUS_USER && deliver(bus, msg, -1);
}

bool apic_bus_send_msi(ApicBus *bus, uint64_t addr, uint32_t data)
{
    ApicMessage msg;

    if (!msi_addr_valid(addr)) {
        return false;
    }
    if (bus->cfg.mode != APIC_BUS_USER) {
        return bus->cfg.irqchip_ops->send_msi(bus->cfg.irqchip_opaque, addr, data);
    }
    msg = msi_decode(addr, data, bus->cfg.ext_dest);
    return deliver(bus, &msg, -1);
}

/* --- I/O APICs ------------------------------------------------------------------------------ */

static ApicBusIoapic *find_ioapic(ApicBus *bus, const IOAPIC *model)
{
    for (unsigned i = 0; i < bus->nr_ioapics; i++) {
        if (bus->ioapics[i].model == model) {
            return &bus->ioapics[i];
        }
    }
    return NULL;
}

static void send_pin(ApicBus *bus, ApicBusIoapic *io, const IoapicMsg *m)
{
    unsigned gsi = io->gsi_base + m->pin;

    if (m->msg.level) {
        trace_ioapic_set_remote_irr(m->pin);
    }
    if (bus->cfg.mode == APIC_BUS_USER) {
        if (!deliver(bus, &m->msg, -1) && m->msg.level) {
            ioapic_not_accepted(io->model, m->pin);
        }
        return;
    }
    bus->cfg.irqchip_ops->set_gsi(bus->cfg.irqchip_opaque, gsi, true);
    if (!m->msg.level) {
        bus->cfg.irqchip_ops->set_gsi(bus->cfg.irqchip_opaque, gsi, false);
    }
}

/* Split: hands RTEs written since the last time to the kernel, before anything uses them. */
static void refresh_routes(ApicBus *bus, ApicBusIoapic *io)
{
    uint32_t dirty = ioapic_take_dirty(io->model);

    if (bus->cfg.mode != APIC_BUS_KVM_SPLIT || !dirty) {
        return;
    }
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        IrqRoute now = { .valid = true }, sent = { .valid = false };

        if (!(dirty & BIT(pin)) || ioapic_route(io->model, pin, &now.addr, &now.data)) {
            continue;
        }
        sent.valid = ioapic_route_in_service(io->model, pin, &sent.addr, &sent.data);
        bus->cfg.irqchip_ops->route_update(bus->cfg.irqchip_opaque, io->gsi_base + pin, &now,
                                           &sent);
    }
    bus->cfg.irqchip_ops->routes_commit(bus->cfg.irqchip_opaque);
}

/* Does what the model asked for: routes first, then notifications, then interrupts. */
static void handle_msgs(ApicBus *bus, ApicBusIoapic *io, const IoapicMsgs *msgs)
{
    refresh_routes(bus, io);
    for (unsigned pin = 0; msgs->ended >> pin; pin++) {
        if (msgs->ended & BIT(pin)) {
            trace_ioapic_clear_remote_irr(pin, io->model->rte[pin] & IOAPIC_RTE_VECTOR);
            if (bus->eoi_notify) {
                bus->eoi_notify(bus->eoi_notify_opaque, io->gsi_base + pin);
            }
        }
        if ((msgs->ended & BIT(pin)) && io->model->held_until_ns[pin]) {
            trace_ioapic_eoi_delayed_reassert(pin);
        }
    }
    for (unsigned i = 0; i < msgs->nr; i++) {
        send_pin(bus, io, &msgs->msg[i]);
    }
    if (io->rearm) {
        io->rearm(io->opaque);
    }
}

bool apic_bus_add_ioapic(ApicBus *bus, IOAPIC *ioapic, unsigned gsi_base,
                         void (*rearm)(void *opaque), void *opaque)
{
    if (bus->nr_ioapics == APIC_BUS_MAX_IOAPICS) {
        return false;
    }
    bus->ioapics[bus->nr_ioapics++] = (ApicBusIoapic){ ioapic, gsi_base, rearm, opaque };
    return true;
}

void apic_bus_remove_ioapic(ApicBus *bus, IOAPIC *ioapic)
{
    ApicBusIoapic *io = find_ioapic(bus, ioapic);

    if (io) {
        *io = bus->ioapics[--bus->nr_ioapics];
    }
}

IOAPIC *apic_bus_ioapic(ApicBus *bus, unsigned n)
{
    return n < bus->nr_ioapics ? bus->ioapics[n].model : NULL;
}

void apic_bus_set_gsi(ApicBus *bus, unsigned gsi, bool level)
{
    unsigned target = gsi == 0 ? 2 : gsi;

    if (bus->cfg.mode == APIC_BUS_KVM_FULL) {
        bus->cfg.irqchip_ops->set_gsi(bus->cfg.irqchip_opaque, gsi, level);
        return;
    }
    trace_ioapic_set_irq(gsi, level);
    for (unsigned i = 0; i < bus->nr_ioapics; i++) {
        ApicBusIoapic *io = &bus->ioapics[i];
        IoapicMsg msg;

        if (target - io->gsi_base < IOAPIC_NUM_PINS &&
            ioapic_set_pin(io->model, target - io->gsi_base, level, &msg)) {
            send_pin(bus, io, &msg);
        }
    }
}

uint64_t apic_bus_ioapic_read(ApicBus *bus, IOAPIC *ioapic, uint64_t offset, unsigned size)
{
    uint64_t value = ioapic_read(ioapic, offset, size);

    trace_ioapic_mem_read((uint8_t)offset, ioapic->index, size, (uint32_t)value);
    return value;
}

void apic_bus_ioapic_write(ApicBus *bus, IOAPIC *ioapic, uint64_t offset, uint64_t value,
                           unsigned size)
{
    ApicBusIoapic *io = find_ioapic(bus, ioapic);
    uint64_t directed = ioapic->count.directed_eois;
    IoapicMsgs msgs;

    trace_ioapic_mem_write((uint8_t)offset, ioapic->index, size, (uint32_t)value);
    ioapic_write(ioapic, offset, value, size, bus_now(), &msgs);
    if (ioapic->count.directed_eois != directed) {
        trace_ioapic_eoi_directed((uint8_t)value);
    }
    if (io) {
        handle_msgs(bus, io, &msgs);
    }
}

void apic_bus_ioapic_timer(ApicBus *bus, IOAPIC *ioapic)
{
    ApicBusIoapic *io = find_ioapic(bus, ioapic);
    IoapicMsgs msgs;

    ioapic_timer(ioapic, bus_now(), &msgs);
    if (io) {
        handle_msgs(bus, io, &msgs);
    }
}

void apic_bus_ioapic_refresh(ApicBus *bus, IOAPIC *ioapic)
{
    ApicBusIoapic *io = find_ioapic(bus, ioapic);
    IoapicMsgs msgs;

    ioapic->dirty = (1u << IOAPIC_NUM_PINS) - 1;
    ioapic_service(ioapic, &msgs);
    if (io) {
        handle_msgs(bus, io, &msgs);
    }
}

void apic_bus_set_eoi_notify(ApicBus *bus, void (*notify)(void *opaque, unsigned gsi),
                             void *opaque)
{
    bus->eoi_notify = notify;
    bus->eoi_notify_opaque = opaque;
}

static void eoi_locked(ApicBus *bus, uint8_t vector)
{
    trace_ioapic_eoi_broadcast(vector);
    for (unsigned i = 0; i < bus->nr_ioapics; i++) {
        IoapicMsgs msgs;

        ioapic_eoi(bus->ioapics[i].model, vector, bus_now(), &msgs);
        handle_msgs(bus, &bus->ioapics[i], &msgs);
    }
}

void apic_bus_eoi(ApicBus *bus, uint8_t vector)
{
    bool taken = bus_lock();

    eoi_locked(bus, vector);
    bus_unlock(taken);
}

/* --- State ---------------------------------------------------------------------------------- */

/* Whether a processor has @vector in IRR or ISR. */
static bool in_flight(const ApicBus *bus, uint8_t vector)
{
    if (bus->cfg.mode == APIC_BUS_KVM_SPLIT) {
        const IrqChipOps *ops = bus->cfg.irqchip_ops;

        return !ops->vector_in_flight || ops->vector_in_flight(bus->cfg.irqchip_opaque, vector);
    }
    for (unsigned cpu = 0; cpu < bus->cfg.max_cpus; cpu++) {
        const LAPIC *lapic = bus_lapic(bus, cpu);

        if (lapic && lapic_has_vector(lapic, vector)) {
            return true;
        }
    }
    return false;
}

/* Whether some processor has SPIV bit 12 set. */
static bool any_suppressed(const ApicBus *bus)
{
    if (bus->cfg.mode == APIC_BUS_KVM_SPLIT) {
        const IrqChipOps *ops = bus->cfg.irqchip_ops;

        return ops->eoi_suppressed && ops->eoi_suppressed(bus->cfg.irqchip_opaque);
    }
    for (unsigned cpu = 0; cpu < bus->cfg.max_cpus; cpu++) {
        const LAPIC *lapic = bus_lapic(bus, cpu);

        if (lapic && lapic->spiv & LAPIC_SPIV_SEOIB) {
            return true;
        }
    }
    return false;
}

uint32_t apic_bus_lost_eois(const ApicBus *bus, const IOAPIC *ioapic)
{
    uint64_t both = IOAPIC_RTE_LEVEL | IOAPIC_RTE_REMOTE_IRR;
    uint32_t pins = 0;

    if (bus->seoib == SEOIB_RESPECTED && any_suppressed(bus)) {
        return 0;
    }
    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if ((ioapic->rte[pin] & both) == both &&
            !in_flight(bus, ioapic->rte[pin] & IOAPIC_RTE_VECTOR)) {
            pins |= BIT(pin);
        }
    }
    return pins;
}

void apic_bus_load_ioapic(ApicBus *bus, IOAPIC *ioapic)
{
    ApicBusIoapic *io = find_ioapic(bus, ioapic);

    if (io) {
        refresh_routes(bus, io);
        __atomic_store_n(&bus->next_lowest, 0, __ATOMIC_RELAXED); /* the turn is no state */
        bus->service = true;
    }
}

void apic_bus_load_intr(ApicBus *bus, bool level)
{
    const IrqChipOps *ops = bus->cfg.irqchip_ops;

    __atomic_store_n(&bus->intr, level, __ATOMIC_SEQ_CST);
    if (bus->cfg.mode == APIC_BUS_KVM_SPLIT && ops->set_intr) {
        ops->set_intr(bus->cfg.irqchip_opaque, level);
    }
}

void apic_bus_vm_start(ApicBus *bus)
{
    for (unsigned i = 0; bus->service && i < bus->nr_ioapics; i++) {
        IoapicMsgs msgs;

        ioapic_service(bus->ioapics[i].model, &msgs);
        handle_msgs(bus, &bus->ioapics[i], &msgs);
    }
    bus->service = false;
}

/* --- 8259 pair, NMI ------------------------------------------------------------------------- */

static void set_lint_all(ApicBus *bus, unsigned pin, bool level)
{
    for (unsigned cpu = 0; cpu < bus->cfg.max_cpus; cpu++) {
        LAPIC *lapic = bus_lapic(bus, cpu);

        if (lapic && lapic_set_lint(lapic, pin, level)) {
            bus->cfg.cpu_ops->kick(bus->cfg.cpu_opaque, cpu);
        }
    }
}

void apic_bus_set_intr(ApicBus *bus, bool level)
{
    const IrqChipOps *ops = bus->cfg.irqchip_ops;

    __atomic_store_n(&bus->intr, level, __ATOMIC_SEQ_CST);
    if (bus->cfg.mode == APIC_BUS_USER) {
        set_lint_all(bus, 0, level);
    } else if (bus->cfg.mode == APIC_BUS_KVM_SPLIT && ops->set_intr) {
        ops->set_intr(bus->cfg.irqchip_opaque, level);
    }
}

void apic_bus_nmi(ApicBus *bus)
{
    if (bus->cfg.mode == APIC_BUS_USER) {
        set_lint_all(bus, 1, true);
        set_lint_all(bus, 1, false);
    } else if (bus->cfg.irqchip_ops->inject_nmi) {
        bus->cfg.irqchip_ops->inject_nmi(bus->cfg.irqchip_opaque);
    }
}

bool apic_bus_intr(const ApicBus *bus)
{
    return __atomic_load_n(&bus->intr, __ATOMIC_SEQ_CST);
}

int apic_bus_intack(ApicBus *bus)
{
    bool taken = bus_lock();
    int vector = bus->pic_intack ? bus->pic_intack(bus->pic_opaque) : -1;

    bus_unlock(taken);
    return vector;
}

void apic_bus_set_pic(ApicBus *bus, int (*intack)(void *opaque), void *opaque)
{
    bus->pic_intack = intack;
    bus->pic_opaque = opaque;
}

/* --- Local APIC models ---------------------------------------------------------------------- */

void apic_bus_lapic_msg(ApicBus *bus, unsigned cpu_index, const LapicMsg *msg)
{
    switch (msg->kind) {
    case LAPIC_MSG_EOI:
        apic_bus_eoi(bus, msg->vector);
        break;
    case LAPIC_MSG_IPI:
        deliver(bus, &msg->ipi, cpu_index);
        break;
    case LAPIC_MSG_NONE:
        break;
    }
}

static void lapic_timer_due(void *opaque)
{
    ApicBusCpu *cpu = opaque;

    if (bus_lapic(cpu->bus, cpu->index)) {
        cpu->bus->cfg.cpu_ops->kick(cpu->bus->cfg.cpu_opaque, cpu->index);
    }
}

void apic_bus_add_lapic(ApicBus *bus, unsigned cpu_index, LAPIC *lapic)
{
    ApicBusCpu *cpu = &bus->cpus[cpu_index];

    assert(bus->cfg.mode == APIC_BUS_USER && cpu_index < bus->cfg.max_cpus && !cpu->lapic);
    lapic_set_seoib(lapic, bus->seoib);
    lapic_set_lint(lapic, 0, apic_bus_intr(bus));
    cpu->armed_ns = -1;
    cpu->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, lapic_timer_due, cpu);
    __atomic_store_n(&cpu->lapic, lapic, __ATOMIC_RELEASE);
}

void apic_bus_remove_lapic(ApicBus *bus, unsigned cpu_index)
{
    ApicBusCpu *cpu = &bus->cpus[cpu_index];

    __atomic_store_n(&cpu->lapic, NULL, __ATOMIC_RELEASE);
    timer_free(cpu->timer);
    cpu->timer = NULL;
}

LAPIC *apic_bus_lapic(ApicBus *bus, unsigned cpu_index)
{
    return bus_lapic(bus, cpu_index);
}

/* --- The bus itself ------------------------------------------------------------------------- */

ApicBus *apic_bus_new(const ApicBusConfig *cfg)
{
    ApicBus *bus = g_new0(ApicBus, 1);

    assert(cfg->mode == APIC_BUS_USER ? cfg->cpu_ops && cfg->max_cpus : !!cfg->irqchip_ops);
    bus->cfg = *cfg;
    if (cfg->mode != APIC_BUS_USER) {
        bus->cfg.max_cpus = 0; /* no models here */
    }
    bus->cpus = g_new0(ApicBusCpu, bus->cfg.max_cpus);
    for (unsigned i = 0; i < bus->cfg.max_cpus; i++) {
        bus->cpus[i].bus = bus;
        bus->cpus[i].index = i;
    }
    apic_bus_set_seoib(bus, cfg->seoib);
    return bus;
}

void apic_bus_free(ApicBus *bus)
{
    for (unsigned i = 0; i < bus->cfg.max_cpus; i++) {
        timer_free(bus->cpus[i].timer);
    }
    g_free(bus->cpus);
    g_free(bus);
}

ApicBusMode apic_bus_mode(const ApicBus *bus)
{
    return bus->cfg.mode;
}

SeoibMode apic_bus_seoib(const ApicBus *bus)
{
    return bus->seoib;
}

void apic_bus_set_seoib(ApicBus *bus, SeoibMode mode)
{
    trace_seoib_mode(seoib_mode_name(mode));
    bus->seoib = mode;
    for (unsigned i = 0; i < bus->cfg.max_cpus; i++) {
        if (bus->cpus[i].lapic) {
            lapic_set_seoib(bus->cpus[i].lapic, mode);
        }
    }
}
