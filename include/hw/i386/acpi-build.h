/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of a PC (ACPI 6.5 chapter 5). Built once from a plain description of the machine;
 * all tables stand in one blob whose pointers are relative until acpi_tables_place() fixes them to
 * guest addresses. Pure, any thread.
 *
 *   blob:  FACS | DSDT | FADT | MADT | HPET | MCFG | WAET | RSDT | XSDT        rsdp: 36 bytes
 */
#ifndef HW_I386_ACPI_BUILD_H
#define HW_I386_ACPI_BUILD_H

#include "qemu/osdep.h"

#define ACPI_MAX_SERIALS 4

typedef struct AcpiSerial {
    uint16_t port; /* 0: none */
    uint8_t irq;
} AcpiSerial;

typedef struct AcpiConfig {
    const char *oem_id, *oem_table_id; /* padded to 6 and 8 characters */
    bool q35; /* PCI Express host bridge with LPC at 1f.0; else ISA bridge at 1.0 */

    unsigned nr_cpus;
    const uint32_t *apic_ids; /* by CPU index */
    uint8_t ioapic_id;
    uint64_t ioapic_base;
    bool has_pic, has_8042, has_rtc, has_hpet, has_vga;

    uint16_t pm_base;   /* PM1 event block; control at +4, timer at +8 */
    uint16_t gpe0_base; /* 0: none */
    uint8_t gpe0_len;
    uint16_t smi_cmd;   /* 0: always in ACPI mode */
    uint8_t acpi_enable, acpi_disable;

    uint64_t ecam_base, ecam_len; /* length 0: none */
    uint8_t last_bus; /* highest PCI bus; guests that trust no bridge probe all up to it */
    uint64_t ram_below_4g;        /* where the PCI window may begin */
    uint64_t pci64_base, pci64_len;
    AcpiSerial serial[ACPI_MAX_SERIALS];
} AcpiConfig;

/* A 4- or 8-byte field of the blob that holds an offset into the blob. */
typedef struct AcpiPointer {
    uint32_t offset;
    uint8_t bytes;
} AcpiPointer;

/* A table whose checksum byte (offset 9) covers it. */
typedef struct AcpiTableRef {
    uint32_t offset, len;
    char signature[5];
} AcpiTableRef;

typedef struct AcpiTables {
    GByteArray *blob;   /* aligned to 64 bytes */
    GArray *pointers;   /* of AcpiPointer */
    GArray *tables;     /* of AcpiTableRef, in blob order; FACS not among them */
    uint32_t facs_len;  /* the FACS stands at offset 0 */
    uint32_t rsdt, xsdt; /* offsets */
    uint8_t rsdp[36];
} AcpiTables;

AcpiTables *acpi_build(const AcpiConfig *cfg);
void acpi_tables_free(AcpiTables *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AcpiTables, acpi_tables_free)

/* Makes all pointers absolute for a blob at @gpa (below 4 GiB) and computes checksums. Once. */
void acpi_tables_place(AcpiTables *t, uint64_t gpa);

/* The body of the DSDT (after the table header); used by acpi_build(). */
void acpi_build_dsdt(GByteArray *blob, const AcpiConfig *cfg);

#endif
