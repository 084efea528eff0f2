/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI host bridges of the boards: configuration mechanism 1 (PCI 3.0, 3.2.2.3.2), the memory-mapped
 * one (PCI Express 7.2.2) on q35, the root bus, and the chipset's own functions on it (chipset.c).
 * BQL.
 */
#ifndef HW_PCI_HOST_PCI_HOST_H
#define HW_PCI_HOST_PCI_HOST_H

#include "hw/pci/pci.h"

/* What the board wants to hear and to be set up. */
typedef struct PCIHostConfig {
    MemoryRegion *memory, *io;
    /* The guest moved, enabled or disabled the ACPI PM registers. Also called at reset. NULL:
     * nobody cares. */
    void (*pm_base_changed)(void *opaque, uint16_t base, bool enabled);
    /* Level of ISA interrupt @irq and of I/O APIC pin @gsi as far as PCI drives them. NULL: not
     * connected. */
    void (*set_isa_irq)(void *opaque, unsigned irq, bool level);
    void (*set_gsi)(void *opaque, unsigned gsi, bool level);
    void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
    void *opaque;
    /* There is no firmware: at reset the registers hold what firmware would have written. */
    bool preset;
} PCIHostConfig;

typedef struct PCIHost {
    DeviceState dev;
    PCIHostConfig cfg;
    bool express;
    uint32_t address; /* port cf8 */
    MemoryRegion conf_idx, conf_data, ecam;
    MemoryRegion pci_memory; /* the PCI address space; RAM and the board's devices hide it */
    uint64_t ecam_base, ecam_len;
    PCIBus *bus;
    uint8_t pirq_route[PCI_ROOT_LINES]; /* PIRQRC registers: ISA interrupt, bit 7: none */
    uint16_t isa_levels;                /* as last told to the board */
    const uint8_t *slot_routes;         /* chip configuration registers of ICH9, NULL: pc */
} PCIHost;

extern const DeviceType type_q35_pcihost, type_i440fx_pcihost;
extern const PCIDeviceType type_mch, type_ich9_lpc, type_i440fx, type_piix3, type_piix4_pm;

/* 8086:29c0 with LPC bridge 8086:2918 at 1f.0, bus "pcie.0". */
PCIHost *q35_pcihost_create(const PCIHostConfig *cfg, Error **errp);
/* 8086:1237 with PIIX3 8086:7000 at 1.0 and PIIX4 PM 8086:7113 at 1.3, bus "pci.0". */
PCIHost *i440fx_pcihost_create(const PCIHostConfig *cfg, Error **errp);

/* Where the memory-mapped configuration space is; false, and length 0, when it is not mapped. */
bool pcihost_ecam(const PCIHost *s, uint64_t *base, uint64_t *len);

/* Accesses to the configuration space of bus 0 (tests). @reg below 4096; what is not there reads as
 * ones. */
uint32_t pcihost_config_read(const PCIHost *s, unsigned devfn, unsigned reg, unsigned size);
void pcihost_config_write(PCIHost *s, unsigned devfn, unsigned reg, uint32_t value, unsigned size);

/* --- For the chipset's functions -------------------------------------------------------------- */

PCIHost *pcihost_of(const PCIDevice *d);
/* Maps the memory-mapped configuration space; @len 0: nowhere. */
void pcihost_set_ecam(PCIHost *s, uint64_t base, uint64_t len);
void pcihost_pm_base(PCIHost *s, uint16_t base, bool enabled);
/* The PIRQRC register of line @line. */
void pcihost_route(PCIHost *s, unsigned line, uint8_t value);
/* After a state load: the registers of lines 0 to @nr - 1, and which lines are driven. Tells the
 * board nothing. */
void pcihost_load_routes(PCIHost *s, const uint8_t *routes, unsigned nr);

#endif
