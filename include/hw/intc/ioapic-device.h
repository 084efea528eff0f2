/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "ioapic": the I/O APIC model on the APIC bus, with its window and timer. Big lock. */
#ifndef HW_INTC_IOAPIC_DEVICE_H
#define HW_INTC_IOAPIC_DEVICE_H

#include "hw/core/qdev.h"
#include "hw/intc/apic-bus.h"
#include "qemu/timer.h"
#include "system/memory.h"

typedef struct IOAPICDevice {
    DeviceState dev;
    uint8_t version; /* property */
    IOAPIC model;
    ApicBus *bus;    /* this and the next three: set by ioapic_device_create() */
    MemoryRegion *memory;
    hwaddr addr;
    unsigned gsi_base;
    MemoryRegion window;
    QEMUTimer *timer; /* the storm limiter's */
} IOAPICDevice;

extern const DeviceType type_ioapic;

/* Creates and realizes one: pin 0 is @gsi_base, the window is at @addr of @memory. */
IOAPICDevice *ioapic_device_create(ApicBus *bus, MemoryRegion *memory, hwaddr addr,
                                   unsigned gsi_base, bool ext_dest, Error **errp);

#endif
