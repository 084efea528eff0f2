/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the APIC bus, shared by its two files. */
#ifndef HW_INTC_APIC_BUS_INTERNAL_H
#define HW_INTC_APIC_BUS_INTERNAL_H

#include "hw/intc/apic-bus.h"
#include "qemu/timer.h"
#include "system/memory.h"

typedef struct ApicBusCpu {
    ApicBus *bus;
    unsigned index;
    LAPIC *lapic;         /* atomic pointer: senders on other threads read it; NULL: none */
    QEMUTimer *timer;     /* kicks the vCPU at the LAPIC timer's deadline */
    int64_t armed_ns;     /* what the timer is set to, -1: nothing. The vCPU's own */
} ApicBusCpu;

typedef struct ApicBusIoapic {
    IOAPIC *model;
    unsigned gsi_base;
    void (*rearm)(void *opaque);
    void *opaque;
} ApicBusIoapic;

struct ApicBus {
    ApicBusConfig cfg;
    SeoibMode seoib;

    ApicBusCpu *cpus;     /* cfg.max_cpus entries */
    uint32_t next_lowest; /* atomic: where the search for a lowest-priority target starts */

    ApicBusIoapic ioapics[APIC_BUS_MAX_IOAPICS]; /* big lock */
    unsigned nr_ioapics;
    bool service; /* big lock: pins wait for the vCPUs to run, after a state load */

    bool intr;            /* atomic: output of the 8259 pair */
    int (*pic_intack)(void *opaque);
    void *pic_opaque;

    void (*eoi_notify)(void *opaque, unsigned gsi);
    void *eoi_notify_opaque;

    MemoryRegion msi_region;
    MemoryRegion *msi_parent; /* NULL: not mapped */
};

static inline LAPIC *bus_lapic(const ApicBus *bus, unsigned cpu_index)
{
    return cpu_index < bus->cfg.max_cpus
               ? __atomic_load_n(&bus->cpus[cpu_index].lapic, __ATOMIC_ACQUIRE) : NULL;
}

/* Takes the big lock unless the thread has it; the result goes to bus_unlock(). */
bool bus_lock(void);
void bus_unlock(bool taken);

#endif
