/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The APIC bus: carries messages between I/O APICs, MSI sources and local APICs, whoever has the
 * latter, and owns the Suppress EOI Broadcast policy in force.
 *
 *  mode        local APICs             I/O APIC pins
 *  USER        LAPIC models            our I/O APIC -> apic_bus_deliver() -> lapic_post() and kick
 *  KVM_SPLIT   kernel, IrqChipOps      our I/O APIC -> MSI route of the GSI -> set_gsi()
 *  KVM_FULL    kernel, IrqChipOps      kernel: apic_bus_set_gsi() -> set_gsi()
 */
#ifndef HW_INTC_APIC_BUS_H
#define HW_INTC_APIC_BUS_H

#include "hw/intc/ioapic.h"
#include "hw/intc/irqchip.h"
#include "hw/intc/lapic.h"

#define APIC_BUS_MAX_IOAPICS 4

typedef enum ApicBusMode {
    APIC_BUS_USER,
    APIC_BUS_KVM_SPLIT,
    APIC_BUS_KVM_FULL,
} ApicBusMode;

typedef struct ApicBus ApicBus;

/* How the bus reaches processors in USER mode. */
typedef struct ApicCpuOps {
    /* Something was posted to the LAPIC of @cpu_index: make its thread run lapic_sync() soon, also
     * when it is halted or waits for a SIPI. Any thread; must not block. */
    void (*kick)(void *opaque, unsigned cpu_index);
} ApicCpuOps;

typedef struct ApicBusConfig {
    ApicBusMode mode;
    SeoibMode seoib;
    bool ext_dest;            /* MSIs use the extended destination id */
    unsigned max_cpus;
    const ApicCpuOps *cpu_ops;    /* USER */
    void *cpu_opaque;
    const IrqChipOps *irqchip_ops; /* KVM_SPLIT, KVM_FULL */
    void *irqchip_opaque;
} ApicBusConfig;

ApicBus *apic_bus_new(const ApicBusConfig *cfg);
void apic_bus_free(ApicBus *bus);

ApicBusMode apic_bus_mode(const ApicBus *bus);
/* The policy in force, and its change (traced as seoib_mode; software LAPICs follow). */
SeoibMode apic_bus_seoib(const ApicBus *bus);
void apic_bus_set_seoib(ApicBus *bus, SeoibMode mode);

/* USER: the LAPIC model of a processor; borrowed until removed. Only while no vCPU runs, except
 * that adding is safe at any time. */
void apic_bus_add_lapic(ApicBus *bus, unsigned cpu_index, LAPIC *lapic);
void apic_bus_remove_lapic(ApicBus *bus, unsigned cpu_index);
/* NULL for a processor without a model. */
LAPIC *apic_bus_lapic(ApicBus *bus, unsigned cpu_index);

/* An I/O APIC model whose pin 0 is GSI @gsi_base; borrowed. False: too many. @rearm (may be NULL)
 * is called when ioapic_next_ns() may have changed. */
bool apic_bus_add_ioapic(ApicBus *bus, IOAPIC *ioapic, unsigned gsi_base,
                         void (*rearm)(void *opaque), void *opaque);
void apic_bus_remove_ioapic(ApicBus *bus, IOAPIC *ioapic);
/* For "info pic" and tests: NULL past the last. */
IOAPIC *apic_bus_ioapic(ApicBus *bus, unsigned n);

/* --- From devices (big lock) ---------------------------------------------------------------- */

/* Level of a global system interrupt; without an I/O APIC that has it, ignored. GSI 0, the PIT,
 * arrives at pin 2 of the first I/O APIC as on every PC (ACPI interrupt source override). */
void apic_bus_set_gsi(ApicBus *bus, unsigned gsi, bool level);
/* Guest access to an I/O APIC's window. */
uint64_t apic_bus_ioapic_read(ApicBus *bus, IOAPIC *ioapic, uint64_t offset, unsigned size);
void apic_bus_ioapic_write(ApicBus *bus, IOAPIC *ioapic, uint64_t offset, uint64_t value,
                           unsigned size);
/* The deadline of ioapic_next_ns() passed. */
void apic_bus_ioapic_timer(ApicBus *bus, IOAPIC *ioapic);
/* RTEs or lines changed behind the bus (reset, state load): refresh routes, deliver. */
void apic_bus_ioapic_refresh(ApicBus *bus, IOAPIC *ioapic);

/* INTR output of the 8259 pair, wired to LINT0 of every processor. */
void apic_bus_set_intr(ApicBus *bus, bool level);
/* Pulse on LINT1 of every processor (inject-nmi, port 0x61 sources). */
void apic_bus_nmi(ApicBus *bus);

/* Called for each pin a broadcast or directed EOI matched (VFIO resample). NULL ends it. */
void apic_bus_set_eoi_notify(ApicBus *bus, void (*notify)(void *opaque, unsigned gsi),
                             void *opaque);

/* --- From anybody --------------------------------------------------------------------------- */

/* A device writes @data to @addr in the MSI window. Returns whether a processor took it. */
bool apic_bus_send_msi(ApicBus *bus, uint64_t addr, uint32_t data);
/* USER: delivers a message from outside the processors. Returns whether some LAPIC took it. */
bool apic_bus_deliver(ApicBus *bus, const ApicMessage *msg);

/* --- From vCPU threads ---------------------------------------------------------------------- */

/* A broadcast EOI of @vector: KVM_EXIT_IOAPIC_EOI, or a LapicMsg of that kind. Takes the big lock
 * unless the caller has it. */
void apic_bus_eoi(ApicBus *bus, uint8_t vector);
/* USER: acts on what a LAPIC write of @cpu_index returned. Sends IPIs without the big lock. */
void apic_bus_lapic_msg(ApicBus *bus, unsigned cpu_index, const LapicMsg *msg);
/* Is the INTR output of the 8259 pair high? Any thread. */
bool apic_bus_intr(const ApicBus *bus);
/* Interrupt acknowledge cycle to the 8259 pair: the vector (its spurious one when INTR fell in the
 * meantime), or -1 without a PIC. Takes the big lock unless the caller has it. */
int apic_bus_intack(ApicBus *bus);
/* Who answers apic_bus_intack(): the PIC device at realize. */
void apic_bus_set_pic(ApicBus *bus, int (*intack)(void *opaque), void *opaque);

/* --- State: migration and snapshots, vCPUs stopped (docs/devel/migration.rst) ---------------- */

/*
 * Level-triggered pins of @ioapic with remote IRR whose vector no processor has in IRR or ISR: the
 * guest has ended these interrupts, but the kernel's exit that says so has not come (in any mode: a
 * processor was reset meanwhile). None when a processor suppresses broadcasts and the policy is
 * RESPECTED: then the guest owes a directed EOI. The exit cannot be saved; the pins are saved as
 * ended. Nothing changes here, where the exit still comes.
 */
uint32_t apic_bus_lost_eois(const ApicBus *bus, const IOAPIC *ioapic);
/* The model was loaded: its routes go to the kernel, its pins are looked at by the next
 * apic_bus_vm_start(). */
void apic_bus_load_ioapic(ApicBus *bus, IOAPIC *ioapic);
/* The INTR output as loaded. The LINT0 pins of LAPIC models are part of their state. */
void apic_bus_load_intr(ApicBus *bus, bool level);
/* The vCPUs are about to run: delivers what loaded lines and RTEs ask for. */
void apic_bus_vm_start(ApicBus *bus);

#endif
