/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LAPIC model as a vCPU loop uses it (USER mode: software CPU, or KVM with kernel-irqchip=off):
 * each call supplies the time, acts on the message the model returns and keeps the timer that wakes
 * the vCPU. Called by the vCPU's own thread, with or without the big lock.
 *
 *   loop:  events = apic_cpu_sync(bus, i)        INIT, SIPI, NMI, SMI, in this order of bits
 *          if interrupts can be taken:
 *              apic_cpu_extint(bus, i)  -> apic_bus_intack(bus) -> inject
 *              else lapic_pending() >= 0 -> lapic_ack() -> inject
 */
#ifndef HW_INTC_APIC_CPU_H
#define HW_INTC_APIC_CPU_H

#include "hw/intc/apic-bus.h"
#include "system/memory.h"

/* lapic_sync() and the timer. Returns LapicEvents. */
uint32_t apic_cpu_sync(ApicBus *bus, unsigned cpu_index);
/* RDMSR and WRMSR of 0x800..0x8ff, 0x1b (APIC base) and 0x6e0 (TSC deadline). False: #GP. */
bool apic_cpu_rdmsr(ApicBus *bus, unsigned cpu_index, uint32_t msr, uint64_t *value);
bool apic_cpu_wrmsr(ApicBus *bus, unsigned cpu_index, uint32_t msr, uint64_t value);
/* The register page, for accelerators that find it themselves by the APIC base. */
uint64_t apic_cpu_mmio_read(ApicBus *bus, unsigned cpu_index, uint64_t offset, unsigned size);
void apic_cpu_mmio_write(ApicBus *bus, unsigned cpu_index, uint64_t offset, uint64_t value,
                         unsigned size);
/* Must the vCPU ask the 8259 pair for a vector? Then apic_cpu_intack() gives it (-1: none). */
bool apic_cpu_extint(ApicBus *bus, unsigned cpu_index);
int apic_cpu_intack(ApicBus *bus, unsigned cpu_index);
/* Arms the timer that kicks the vCPU at the LAPIC timer's deadline. Called by all the above; for
 * callers that changed the model themselves (reset, state load). */
void apic_cpu_rearm(ApicBus *bus, unsigned cpu_index);

/*
 * Maps the region "apic-msi": 1 MiB at 0xfee00000. Accesses by a vCPU to its first page go to that
 * vCPU's LAPIC (USER mode); all other writes are MSIs; all other reads give ones.
 */
void apic_msi_map(ApicBus *bus, MemoryRegion *system_memory);
void apic_msi_unmap(ApicBus *bus);

#endif
