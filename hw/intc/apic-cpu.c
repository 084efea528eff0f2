/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LAPIC models as vCPU loops use them, and the region "apic-msi" at 0xfee00000. Functions with a
 * @cpu_index are called by that vCPU's thread.
 */
#include "qemu/osdep.h"

#include "apic-bus-internal.h"
#include "hw/intc/apic-cpu.h"
#include "system/cpus.h"
#include "trace.h"

#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSI_REGION_BYTES 0x100000

static int64_t cpu_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

void apic_cpu_rearm(ApicBus *bus, unsigned cpu_index)
{
    ApicBusCpu *cpu = &bus->cpus[cpu_index];
    int64_t next = lapic_timer_next_ns(cpu->lapic);

    if (next == cpu->armed_ns) {
        return;
    }
    cpu->armed_ns = next;
    if (next < 0) {
        timer_del(cpu->timer);
    } else {
        timer_mod_ns(cpu->timer, next);
    }
}

uint32_t apic_cpu_sync(ApicBus *bus, unsigned cpu_index)
{
    LAPIC *s = bus_lapic(bus, cpu_index);
    uint32_t events;

    if (!s) {
        return 0;
    }
    events = lapic_sync(s, cpu_now());
    apic_cpu_rearm(bus, cpu_index);
    return events;
}

bool apic_cpu_rdmsr(ApicBus *bus, unsigned cpu_index, uint32_t msr, uint64_t *value)
{
    LAPIC *s = bus_lapic(bus, cpu_index);
    bool ok = true;

    if (!s) {
        return false;
    }
    if (msr == MSR_APIC_BASE) {
        *value = s->base;
        trace_cpu_get_apic_base(*value);
    } else if (msr == MSR_TSC_DEADLINE && s->cfg.tsc_deadline) {
        *value = lapic_get_tsc_deadline(s);
    } else {
        ok = lapic_msr_read(s, msr, value, cpu_now());
        if (ok) {
            trace_apic_register_read(msr, *value);
        }
    }
    return ok;
}

bool apic_cpu_wrmsr(ApicBus *bus, unsigned cpu_index, uint32_t msr, uint64_t value)
{
    LAPIC *s = bus_lapic(bus, cpu_index);
    LapicMsg msg = { .kind = LAPIC_MSG_NONE };
    bool ok = true;

    if (!s) {
        return false;
    }
    if (msr == MSR_APIC_BASE) {
        trace_cpu_set_apic_base(value);
        ok = lapic_set_base(s, value);
    } else if (msr == MSR_TSC_DEADLINE && s->cfg.tsc_deadline) {
        lapic_set_tsc_deadline(s, value, cpu_now());
    } else {
        trace_apic_register_write(msr, value);
        ok = lapic_msr_write(s, msr, value, cpu_now(), &msg);
    }
    apic_bus_lapic_msg(bus, cpu_index, &msg);
    apic_cpu_rearm(bus, cpu_index);
    return ok;
}

uint64_t apic_cpu_mmio_read(ApicBus *bus, unsigned cpu_index, uint64_t offset, unsigned size)
{
    LAPIC *s = bus_lapic(bus, cpu_index);
    uint64_t value;

    if (!s || !lapic_mmio_enabled(s)) {
        return UINT64_MAX;
    }
    value = lapic_mmio_read(s, offset, size, cpu_now());
    trace_apic_register_read((uint32_t)offset >> 4, value);
    apic_cpu_rearm(bus, cpu_index);
    return value;
}

void apic_cpu_mmio_write(ApicBus *bus, unsigned cpu_index, uint64_t offset, uint64_t value,
                         unsigned size)
{
    LAPIC *s = bus_lapic(bus, cpu_index);
    LapicMsg msg;

    if (!s || !lapic_mmio_enabled(s)) {
        return;
    }
    trace_apic_register_write((uint32_t)offset >> 4, value);
    msg = lapic_mmio_write(s, offset, value, size, cpu_now());
    apic_bus_lapic_msg(bus, cpu_index, &msg);
    apic_cpu_rearm(bus, cpu_index);
}

bool apic_cpu_extint(ApicBus *bus, unsigned cpu_index)
{
    LAPIC *s = bus_lapic(bus, cpu_index);

    return s ? lapic_extint_pending(s) : apic_bus_intr(bus);
}

int apic_cpu_intack(ApicBus *bus, unsigned cpu_index)
{
    LAPIC *s = bus_lapic(bus, cpu_index);

    if (s) {
        lapic_ack_extint(s);
    }
    return apic_bus_intack(bus);
}

/* --- The region ----------------------------------------------------------------------------- */

/* The index of the vCPU whose access to its own page this is, or -1. */
static int page_owner(const ApicBus *bus, hwaddr addr)
{
    return bus->cfg.mode == APIC_BUS_USER && current_cpu && addr < 0x1000 ? current_cpu->index : -1;
}

static uint64_t msi_region_read(void *opaque, hwaddr addr, unsigned size)
{
    ApicBus *bus = opaque;
    int cpu = page_owner(bus, addr);

    return cpu < 0 ? UINT64_MAX : apic_cpu_mmio_read(bus, cpu, addr, size);
}

static void msi_region_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    ApicBus *bus = opaque;
    int cpu = page_owner(bus, addr);

    if (cpu >= 0) {
        apic_cpu_mmio_write(bus, cpu, addr, value, size);
    } else {
        apic_bus_send_msi(bus, LAPIC_DEFAULT_BASE + addr, (uint32_t)value);
    }
}

static const MemoryRegionOps msi_region_ops = {
    .read = msi_region_read,
    .write = msi_region_write,
    .impl_max = 4,
};

void apic_msi_map(ApicBus *bus, MemoryRegion *system_memory)
{
    memory_region_init_io(&bus->msi_region, &msi_region_ops, bus, "apic-msi", MSI_REGION_BYTES);
    memory_region_add_subregion_overlap(system_memory, LAPIC_DEFAULT_BASE, &bus->msi_region,
                                        0x1000);
    bus->msi_parent = system_memory;
}

void apic_msi_unmap(ApicBus *bus)
{
    if (bus->msi_parent) {
        memory_region_del_subregion(bus->msi_parent, &bus->msi_region);
        memory_region_fini(&bus->msi_region);
        bus->msi_parent = NULL;
    }
}
