/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The three facts the test guests take from ACPI tables. */
#ifndef GUEST_ACPI_H
#define GUEST_ACPI_H

#include <stdint.h>
#include "layout.h"

typedef struct AcpiFacts {
    unsigned nr_cpus;                           /* enabled LAPIC entries; 0: no MADT */
    uint32_t apic_id[GUEST_MAX_CPUS];           /* of the first GUEST_MAX_CPUS of them */
    uint32_t ioapic_gpa;                        /* the one with GSI base 0; 0: none */
    uint16_t pm1_control_port;                  /* 0: no FADT */
} AcpiFacts;

/* Searches the BIOS area; all fields stay 0 where a table is missing or malformed. */
void acpi_scan(void);
const AcpiFacts *acpi_facts(void);
uint16_t acpi_pm1_control_port(void);

#endif
