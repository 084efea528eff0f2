/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an accelerator that has local APICs of its own (KVM) offers to the interrupt devices. The
 * only way from hw/intc to the kernel. Called under the big lock unless noted.
 *
 * GSI n is pin n of the first I/O APIC; further I/O APICs follow at their gsi_base.
 */
#ifndef HW_INTC_IRQCHIP_H
#define HW_INTC_IRQCHIP_H

#include "qemu/osdep.h"

typedef struct IrqRoute {
    bool valid;
    uint64_t addr; /* MSI address and data */
    uint32_t data;
} IrqRoute;

typedef struct IrqChipOps {
    const char *name; /* "kvm" */

    /*
     * Sets the MSI route of @gsi (split mode): the interrupt the kernel delivers at set_gsi() and
     * the vector whose EOI comes back as an exit. Collected until routes_commit(). Not called for a
     * masked pin: its route stays (an in-service vector would lose its EOI exit). @in_service, when
     * valid, is the route by which the interrupt now in service was sent: its EOI must come back
     * too.
     */
    void (*route_update)(void *opaque, unsigned gsi, const IrqRoute *route,
                         const IrqRoute *in_service);
    /* Makes the collected route changes effective, in one go. No-op when nothing changed. */
    void (*routes_commit)(void *opaque);

    /* Full: the level of a pin of the kernel's PIC and I/O APIC. Split: true fires the route of
     * @gsi; an edge is true followed by false. Any thread. */
    void (*set_gsi)(void *opaque, unsigned gsi, bool level);

    /* Sends an MSI. Returns whether some vCPU took it. Any thread. */
    bool (*send_msi)(void *opaque, uint64_t addr, uint32_t data);

    /* A GSI whose message an eventfd sends without this process (irqfd): -1 when there is none
     * left. All four NULL: the kernel cannot. */
    int (*msi_route_new)(void *opaque);
    void (*msi_route_set)(void *opaque, unsigned gsi, uint64_t addr, uint32_t data);
    void (*msi_route_free)(void *opaque, unsigned gsi);
    /* Signals of @fd raise @gsi from now on, or not any more. False: refused. */
    bool (*irqfd_set)(void *opaque, unsigned gsi, int fd, bool on);

    /* Split: the INTR output of the userspace 8259 changed. The vCPU that takes ExtINTs asks
     * apic_bus_intack() for the vector when it can inject one. NULL: not needed. Any thread. */
    void (*set_intr)(void *opaque, bool level);

    /* Full: the HPET takes the interval timer's interrupt line over, or gives it back. NULL: not
     * needed. */
    void (*pit_disconnect)(void *opaque, bool disconnected);

    /* Full: what `info ioapic`, `info pic` and `info irq` show of the kernel's chips. NULL: there
     * are none. */
    void (*dump)(void *opaque, GString *ioapic, GString *pic, GString *irq);

    /* Split, for a migration, vCPUs stopped and their local APICs just read: whether one has
     * @vector in IRR or ISR; whether one has SPIV bit 12 set. NULL: not known. */
    bool (*vector_in_flight)(void *opaque, uint8_t vector);
    bool (*eoi_suppressed)(void *opaque);

    /* The guest-visible local APICs' NMI input (LINT1) of every vCPU is pulsed. */
    void (*inject_nmi)(void *opaque);
} IrqChipOps;

#endif
