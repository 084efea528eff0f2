/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What firmware does with PCI before an operating system starts, for machines without firmware: bus
 * numbers, base addresses, bridge windows, interrupt lines, decoding on (PCI Firmware 3.0, 3.5).
 * BQL.
 */
#ifndef HW_PCI_PCI_SETUP_H
#define HW_PCI_PCI_SETUP_H

#include "hw/pci/pci.h"

/* Where things may go; ends are exclusive. */
typedef struct PCISetup {
    uint64_t io_base, io_end;
    uint64_t memory_base, memory_end;
    /* The interrupt line register of a function whose pin ends at @pin (0..3) of slot @slot of the
     * root bus. */
    uint8_t (*interrupt_line)(unsigned slot, unsigned pin);
} PCISetup;

/* Configures everything below @root, which has been reset. Regions that do not fit stay unassigned
 * and undecoded; the guest may find room. */
void pci_setup(PCIBus *root, const PCISetup *setup);
/* Buses below @root and itself: at most 256. */
unsigned pci_count_buses(const PCIBus *root);

#endif
