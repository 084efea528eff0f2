/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RSDP, RSDT/XSDT, MADT and FADT (ACPI 6.4 chapter 5), only the fields of AcpiFacts. */
#include <stdbool.h>
#include "acpi.h"
#include "memory.h"

#define RSDP_SEARCH_START  0xe0000u
#define RSDP_SEARCH_END    0x100000u
#define SDT_HEADER_BYTES   36
#define MAX_TABLE_BYTES    0x10000u
#define MADT_FIXED_BYTES   44
#define MADT_LAPIC         0
#define MADT_IOAPIC        1
#define MADT_X2APIC        9
#define FADT_PM1A_CONTROL  64

static AcpiFacts facts;

static uint32_t get32(uintptr_t gpa)
{
    uint32_t val;

    memcpy(&val, (const void *)gpa, sizeof(val));
    return val;
}

static uint8_t get8(uintptr_t gpa)
{
    return *(const volatile uint8_t *)gpa;
}

static bool checksum_ok(uintptr_t gpa, uint32_t len)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + get8(gpa + i));
    }
    return sum == 0;
}

/* Length of the table at gpa, 0 if it is not one with this signature. */
static uint32_t table_len(uintptr_t gpa, const char *signature)
{
    uint32_t len;

    if (!gpa || memcmp((const void *)gpa, signature, 4) != 0) {
        return 0;
    }
    len = get32(gpa + 4);
    if (len < SDT_HEADER_BYTES || len > MAX_TABLE_BYTES || !checksum_ok(gpa, len)) {
        return 0;
    }
    return len;
}

static void add_cpu(uint32_t apic_id, uint32_t flags)
{
    if (!(flags & 1)) {
        return;
    }
    if (facts.nr_cpus < GUEST_MAX_CPUS) {
        facts.apic_id[facts.nr_cpus] = apic_id;
    }
    facts.nr_cpus++;
}

static void scan_madt(uintptr_t gpa, uint32_t len)
{
    for (uint32_t off = MADT_FIXED_BYTES; off + 2 <= len; ) {
        uintptr_t e = gpa + off;
        uint8_t type = get8(e), entry_len = get8(e + 1);

        if (entry_len < 2 || off + entry_len > len) {
            return;
        }
        if (type == MADT_LAPIC && entry_len >= 8) {
            add_cpu(get8(e + 3), get32(e + 4));
        } else if (type == MADT_X2APIC && entry_len >= 16) {
            add_cpu(get32(e + 4), get32(e + 8));
        } else if (type == MADT_IOAPIC && entry_len >= 12 && get32(e + 8) == 0) {
            facts.ioapic_gpa = get32(e + 4);
        }
        off += entry_len;
    }
}

static void scan_table(uintptr_t gpa)
{
    uint32_t len = table_len(gpa, "APIC");

    if (len) {
        scan_madt(gpa, len);
        return;
    }
    len = table_len(gpa, "FACP");
    if (len >= FADT_PM1A_CONTROL + 4) {
        facts.pm1_control_port = (uint16_t)get32(gpa + FADT_PM1A_CONTROL);
    }
}

/* The 64-bit entries of an XSDT are taken when they lie below 4 GiB, where memory is mapped. */
static bool scan_root(uintptr_t gpa, const char *signature, unsigned entry_bytes)
{
    uint32_t len = table_len(gpa, signature);

    for (uint32_t off = SDT_HEADER_BYTES; len && off + entry_bytes <= len; off += entry_bytes) {
        if (entry_bytes == 4 || get32(gpa + off + 4) == 0) {
            scan_table(get32(gpa + off));
        }
    }
    return len != 0;
}

void acpi_scan(void)
{
    for (uintptr_t p = RSDP_SEARCH_START; p < RSDP_SEARCH_END; p += 16) {
        if (memcmp((const void *)p, "RSD PTR ", 8) != 0 || !checksum_ok(p, 20)) {
            continue;
        }
        if (get8(p + 15) >= 2 && get32(p + 28) == 0 && scan_root(get32(p + 24), "XSDT", 8)) {
            return;
        }
        scan_root(get32(p + 16), "RSDT", 4);
        return;
    }
}

const AcpiFacts *acpi_facts(void)
{
    return &facts;
}

uint16_t acpi_pm1_control_port(void)
{
    return facts.pm1_control_port;
}
