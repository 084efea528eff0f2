/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI host bridges with just enough configuration space for a guest to find out what chipset it
 * runs on: configuration mechanism 1 (PCI 3.0, 3.2.2.3.2), the memory-mapped one (PCI Express
 * 7.2.2) on q35, and the chipset's own functions of bus 0. BQL.
 *
 * TODO: hw/pci replaces what is behind the two create functions when PCI devices arrive.
 */
#ifndef HW_PCI_HOST_PCI_HOST_H
#define HW_PCI_HOST_PCI_HOST_H

#include "hw/core/qdev.h"
#include "system/memory.h"

#define PCI_HOST_MAX_FUNCTIONS 4

typedef struct PCIHostModel PCIHostModel;

/* What the board wants to hear and to be set up. */
typedef struct PCIHostConfig {
    MemoryRegion *memory, *io;
    /* The guest moved, enabled or disabled the ACPI PM registers. Also called at reset. */
    void (*pm_base_changed)(void *opaque, uint16_t base, bool enabled);
    void *opaque;
    /* There is no firmware: at reset the registers hold what firmware would have written. */
    bool preset;
} PCIHostConfig;

typedef struct PCIHost {
    DeviceState dev;
    const PCIHostModel *model;
    PCIHostConfig cfg;
    uint32_t address; /* port cf8 */
    uint8_t config[PCI_HOST_MAX_FUNCTIONS][256];
    MemoryRegion conf_idx, conf_data, ecam;
    bool ecam_mapped;
} PCIHost;

extern const DeviceType type_q35_pcihost, type_i440fx_pcihost;

/* 8086:29c0 with LPC bridge 8086:2918 at 1f.0. */
PCIHost *q35_pcihost_create(const PCIHostConfig *cfg, Error **errp);
/* 8086:1237 with PIIX3 8086:7000 at 1.0 and PIIX4 PM 8086:7113 at 1.3. */
PCIHost *i440fx_pcihost_create(const PCIHostConfig *cfg, Error **errp);

/* Where the memory-mapped configuration space is; false, and length 0, when it is not mapped. */
bool pcihost_ecam(const PCIHost *s, uint64_t *base, uint64_t *len);

/* Accesses to the configuration space of bus 0 (tests, and the two mechanisms). @reg below 4096;
 * what is not there reads as ones. */
uint32_t pcihost_config_read(const PCIHost *s, unsigned devfn, unsigned reg, unsigned size);
void pcihost_config_write(PCIHost *s, unsigned devfn, unsigned reg, uint32_t value, unsigned size);

#endif
