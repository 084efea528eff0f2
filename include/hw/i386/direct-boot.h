/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Direct boot carried out: reads the images, chooses the protocol, and at every reset does what
 * firmware and boot loader would have done: fills memory, MTRRs and the first CPU's registers. BQL.
 */
#ifndef HW_I386_DIRECT_BOOT_H
#define HW_I386_DIRECT_BOOT_H

#include "hw/core/machine.h"
#include "hw/i386/acpi-build.h"
#include "hw/i386/boot.h"
#include "hw/smbios/smbios.h"

typedef struct DirectBoot DirectBoot;

typedef struct DirectBootConfig {
    uint64_t ram_below_4g, ram_above_4g;
    const AcpiConfig *acpi; /* NULL: no tables */
    SmbiosTables *smbios;   /* NULL: none; placed, and must outlive the DirectBoot */
} DirectBootConfig;

/* Reads ms->kernel_filename, initrd_filename and kernel_cmdline and lays everything out. The
 * machine's RAM and CPUs exist. False with QEMU's texts for files that cannot be read or used. */
DirectBoot *direct_boot_new(MachineState *ms, const DirectBootConfig *cfg, Error **errp);
void direct_boot_free(DirectBoot *b);
/* After all devices and CPUs have been reset. */
void direct_boot_reset(DirectBoot *b);

/* The memory map a guest gets; @acpi_bytes at the top of low RAM are for tables. */
void direct_boot_memory_map(E820Map *map, const DirectBootConfig *cfg, uint64_t acpi_bytes);

#endif
