/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables but for the DSDT's contents (ACPI 6.5 chapter 5; HPET 1.0a 3.2.4). Pure. */
#include "qemu/osdep.h"
#include "hw/i386/acpi-build.h"
#include "hw/i386/aml.h"

enum {
    HEADER_BYTES = 36,
    HEADER_LEN = 4,
    HEADER_CHECKSUM = 9,
    FACS_BYTES = 64,
    SCI_IRQ = 9,
};

/* ISA interrupts that PCI devices may share: level-triggered in the MADT. */
#define LEVEL_IRQS (1u << 5 | 1u << 9 | 1u << 10 | 1u << 11)

/* FADT flags (5.2.9, table 5.10). */
enum {
    FADT_WBINVD = 1 << 0,
    FADT_PROC_C1 = 1 << 2,
    FADT_SLP_BUTTON = 1 << 5,  /* no fixed sleep button */
    FADT_RTC_S4 = 1 << 7,
    FADT_RESET_REG = 1 << 10,
    FADT_PLATFORM_CLOCK = 1 << 15,
    FADT_APIC_CLUSTER = 1 << 18,

    BOOT_LEGACY_DEVICES = 1 << 0,
    BOOT_8042 = 1 << 1,
    BOOT_NO_VGA = 1 << 2,

    GAS_MEMORY = 0,
    GAS_IO = 1,
};

static uint8_t checksum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += p[i];
    }
    return -sum;
}

static uint32_t begin_table(AcpiTables *t, const AcpiConfig *cfg, const char *signature,
                            uint8_t revision)
{
    Aml *b = t->blob;
    uint32_t start;

    while (b->len % 16) {
        aml_u8(b, 0);
    }
    start = b->len;
    aml_chars(b, signature, 4, ' ');
    aml_u32(b, 0); /* length: end_table() */
    aml_u8(b, revision);
    aml_u8(b, 0);  /* checksum: acpi_tables_place() */
    aml_chars(b, cfg->oem_id, 6, '\0');
    aml_chars(b, cfg->oem_table_id, 8, '\0');
    aml_u32(b, 1); /* OEM revision */
    aml_chars(b, "BXPC", 4, ' ');
    aml_u32(b, 1); /* creator revision */
    return start;
}

static void put_u32_at(AcpiTables *t, uint32_t offset, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        t->blob->data[offset + i] = (uint8_t)(v >> (8 * i));
    }
}

static void end_table(AcpiTables *t, uint32_t start)
{
    AcpiTableRef ref = { .offset = start, .len = t->blob->len - start };

    put_u32_at(t, start + HEADER_LEN, ref.len);
    memcpy(ref.signature, t->blob->data + start, 4);
    g_array_append_val(t->tables, ref);
}

/* A field that points to @target in the blob. */
static void put_pointer(AcpiTables *t, uint32_t target, uint8_t bytes)
{
    AcpiPointer p = { .offset = t->blob->len, .bytes = bytes };

    g_array_append_val(t->pointers, p);
    if (bytes == 8) {
        aml_u64(t->blob, target);
    } else {
        aml_u32(t->blob, target);
    }
}

static void build_facs(AcpiTables *t)
{
    Aml *b = t->blob;

    aml_chars(b, "FACS", 4, ' ');
    aml_u32(b, FACS_BYTES);
    while (b->len < FACS_BYTES) {
        aml_u8(b, 0);
    }
    b->data[32] = 1; /* version */
    t->facs_len = FACS_BYTES;
}

static uint32_t build_dsdt(AcpiTables *t, const AcpiConfig *cfg)
{
    uint32_t start = begin_table(t, cfg, "DSDT", 2); /* 2: integers have 64 bits */

    acpi_build_dsdt(t->blob, cfg);
    end_table(t, start);
    return start;
}

/* A generic address structure (5.2.3.2); address 0: all zero. */
static void put_gas_io(Aml *b, uint64_t address, uint8_t bits, uint8_t access)
{
    aml_u8(b, address ? GAS_IO : 0);
    aml_u8(b, address ? bits : 0);
    aml_u8(b, 0);
    aml_u8(b, address ? access : 0);
    aml_u64(b, address);
}

static uint32_t fadt_flags(const AcpiConfig *cfg)
{
    uint32_t flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_RTC_S4 |
                     FADT_RESET_REG;

    if (cfg->q35) {
        flags |= FADT_PLATFORM_CLOCK;
    }
    if (cfg->nr_cpus > 8) {
        flags |= FADT_APIC_CLUSTER; /* logical destinations of more than 8 CPUs need it */
    }
    return flags;
}

static uint16_t fadt_boot_flags(const AcpiConfig *cfg)
{
    return BOOT_LEGACY_DEVICES | (cfg->has_8042 ? BOOT_8042 : 0) |
           (cfg->has_vga ? 0 : BOOT_NO_VGA);
}

/* Fields up to the 32-bit block addresses and lengths. */
static void build_fadt_v1(AcpiTables *t, const AcpiConfig *cfg, uint32_t dsdt)
{
    Aml *b = t->blob;

    put_pointer(t, 0, 4); /* FACS */
    put_pointer(t, dsdt, 4);
    aml_u8(b, 0);
    aml_u8(b, 0); /* profile: unspecified */
    aml_u16(b, SCI_IRQ);
    aml_u32(b, cfg->smi_cmd);
    aml_u8(b, cfg->smi_cmd ? cfg->acpi_enable : 0);
    aml_u8(b, cfg->smi_cmd ? cfg->acpi_disable : 0);
    aml_u8(b, 0); /* S4BIOS_REQ */
    aml_u8(b, 0); /* PSTATE_CNT */
    aml_u32(b, cfg->pm_base);
    aml_u32(b, 0);
    aml_u32(b, cfg->pm_base + 4u);
    aml_u32(b, 0);
    aml_u32(b, 0); /* PM2 */
    aml_u32(b, cfg->pm_base + 8u);
    aml_u32(b, cfg->gpe0_base);
    aml_u32(b, 0); /* GPE1 */
    aml_u8(b, 4);
    aml_u8(b, 2);
    aml_u8(b, 0);
    aml_u8(b, 4);
    aml_u8(b, cfg->gpe0_base ? cfg->gpe0_len : 0);
    aml_u8(b, 0);
    aml_u8(b, 0);      /* GPE1_BASE */
    aml_u8(b, 0);      /* CST_CNT */
    aml_u16(b, 0xfff); /* no C2 */
    aml_u16(b, 0xfff); /* no C3 */
    aml_u16(b, 0);     /* flush size */
    aml_u16(b, 0);
    aml_u8(b, 0);      /* duty offset, width */
    aml_u8(b, 0);
    aml_u8(b, 0);      /* day and month alarm */
    aml_u8(b, 0);
    aml_u8(b, cfg->has_rtc ? 0x32 : 0); /* century */
}

static uint32_t build_fadt(AcpiTables *t, const AcpiConfig *cfg, uint32_t dsdt)
{
    Aml *b = t->blob;
    uint32_t start = begin_table(t, cfg, "FACP", 5);

    build_fadt_v1(t, cfg, dsdt);
    aml_u16(b, fadt_boot_flags(cfg));
    aml_u8(b, 0);
    aml_u32(b, fadt_flags(cfg));
    put_gas_io(b, 0xcf9, 8, 1); /* reset register and value */
    aml_u8(b, 0x0f);
    aml_u16(b, 0); /* ARM */
    aml_u8(b, 1);  /* minor version */
    aml_u64(b, 0); /* X_FIRMWARE_CTRL: the 32-bit field counts */
    put_pointer(t, dsdt, 8);
    put_gas_io(b, cfg->pm_base, 32, 2);
    put_gas_io(b, 0, 0, 0);
    put_gas_io(b, cfg->pm_base + 4u, 16, 2);
    put_gas_io(b, 0, 0, 0);
    put_gas_io(b, 0, 0, 0);
    put_gas_io(b, cfg->pm_base + 8u, 32, 3);
    put_gas_io(b, cfg->gpe0_base, (uint8_t)(cfg->gpe0_len * 8), 1);
    put_gas_io(b, 0, 0, 0);
    put_gas_io(b, 0, 0, 0); /* sleep control and status: reduced hardware only */
    put_gas_io(b, 0, 0, 0);
    end_table(t, start);
    return start;
}

/* MADT entries (5.2.12). */
static void madt_cpu(Aml *b, uint32_t uid, uint32_t apic_id)
{
    if (apic_id < 255 && uid < 255) {
        aml_u8(b, 0);
        aml_u8(b, 8);
        aml_u8(b, (uint8_t)uid);
        aml_u8(b, (uint8_t)apic_id);
        aml_u32(b, 1); /* enabled */
    } else {
        aml_u8(b, 9);
        aml_u8(b, 16);
        aml_u16(b, 0);
        aml_u32(b, apic_id);
        aml_u32(b, 1);
        aml_u32(b, uid);
    }
}

static void madt_override(Aml *b, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    aml_u8(b, 2);
    aml_u8(b, 10);
    aml_u8(b, 0); /* ISA */
    aml_u8(b, irq);
    aml_u32(b, gsi);
    aml_u16(b, flags);
}

/* LINT1 is NMI on every CPU. */
static void madt_nmi(Aml *b, bool x2apic)
{
    if (x2apic) {
        aml_u8(b, 10);
        aml_u8(b, 12);
        aml_u16(b, 0);
        aml_u32(b, UINT32_MAX);
        aml_u8(b, 1);
        aml_u8(b, 0);
        aml_u16(b, 0);
    } else {
        aml_u8(b, 4);
        aml_u8(b, 6);
        aml_u8(b, 0xff);
        aml_u16(b, 0);
        aml_u8(b, 1);
    }
}

static uint32_t build_madt(AcpiTables *t, const AcpiConfig *cfg)
{
    Aml *b = t->blob;
    uint32_t start = begin_table(t, cfg, "APIC", 3);
    bool x2apic = false;

    aml_u32(b, 0xfee00000);
    aml_u32(b, cfg->has_pic ? 1 : 0); /* PCAT_COMPAT */
    for (unsigned i = 0; i < cfg->nr_cpus; i++) {
        madt_cpu(b, i, cfg->apic_ids[i]);
        x2apic |= cfg->apic_ids[i] >= 255 || i >= 255;
    }
    aml_u8(b, 1); /* I/O APIC */
    aml_u8(b, 12);
    aml_u8(b, cfg->ioapic_id);
    aml_u8(b, 0);
    aml_u32(b, (uint32_t)cfg->ioapic_base);
    aml_u32(b, 0);
    madt_override(b, 0, 2, 0); /* the timer */
    for (uint8_t irq = 1; irq < 16; irq++) {
        if (LEVEL_IRQS & (1u << irq)) {
            madt_override(b, irq, irq, 0xd); /* active high, level */
        }
    }
    if (x2apic) {
        madt_nmi(b, true);
    }
    madt_nmi(b, false);
    end_table(t, start);
    return start;
}

static uint32_t build_hpet(AcpiTables *t, const AcpiConfig *cfg)
{
    Aml *b = t->blob;
    uint32_t start = begin_table(t, cfg, "HPET", 1);

    aml_u32(b, 0x8086a201); /* event timer block id: as the device's capability register */
    aml_u8(b, GAS_MEMORY);
    aml_u8(b, 0);
    aml_u8(b, 0);
    aml_u8(b, 0);
    aml_u64(b, 0xfed00000);
    aml_u8(b, 0);  /* sequence number */
    aml_u16(b, 0); /* minimum tick */
    aml_u8(b, 0);  /* page protection */
    end_table(t, start);
    return start;
}

static uint32_t build_mcfg(AcpiTables *t, const AcpiConfig *cfg)
{
    Aml *b = t->blob;
    uint32_t start = begin_table(t, cfg, "MCFG", 1);

    aml_u64(b, 0);
    aml_u64(b, cfg->ecam_base);
    aml_u16(b, 0); /* segment */
    aml_u8(b, 0);  /* buses */
    aml_u8(b, cfg->last_bus);
    aml_u32(b, 0);
    end_table(t, start);
    return start;
}

/* Windows ACPI Emulated Devices Table. */
static uint32_t build_waet(AcpiTables *t, const AcpiConfig *cfg)
{
    uint32_t start = begin_table(t, cfg, "WAET", 1);

    aml_u32(t->blob, 1 << 1); /* PM timer is good for one read */
    end_table(t, start);
    return start;
}

static uint32_t build_root(AcpiTables *t, const AcpiConfig *cfg, const char *signature,
                           const uint32_t *tables, unsigned nr, uint8_t pointer_bytes)
{
    uint32_t start = begin_table(t, cfg, signature, 1);

    for (unsigned i = 0; i < nr; i++) {
        put_pointer(t, tables[i], pointer_bytes);
    }
    end_table(t, start);
    return start;
}

static void build_rsdp(AcpiTables *t, const AcpiConfig *cfg)
{
    GByteArray *b = g_byte_array_new();

    aml_chars(b, "RSD PTR ", 8, ' ');
    aml_u8(b, 0);
    aml_chars(b, cfg->oem_id, 6, '\0');
    aml_u8(b, 2);
    aml_u32(b, t->rsdt);
    aml_u32(b, sizeof(t->rsdp));
    aml_u64(b, t->xsdt);
    aml_u32(b, 0);
    assert(b->len == sizeof(t->rsdp));
    memcpy(t->rsdp, b->data, sizeof(t->rsdp));
    g_byte_array_free(b, TRUE);
}

AcpiTables *acpi_build(const AcpiConfig *cfg)
{
    AcpiTables *t = g_new0(AcpiTables, 1);
    uint32_t list[8], dsdt;
    unsigned nr = 0;

    t->blob = g_byte_array_new();
    t->pointers = g_array_new(FALSE, FALSE, sizeof(AcpiPointer));
    t->tables = g_array_new(FALSE, FALSE, sizeof(AcpiTableRef));
    build_facs(t);
    dsdt = build_dsdt(t, cfg);
    list[nr++] = build_fadt(t, cfg, dsdt);
    list[nr++] = build_madt(t, cfg);
    if (cfg->has_hpet) {
        list[nr++] = build_hpet(t, cfg);
    }
    if (cfg->ecam_len) {
        list[nr++] = build_mcfg(t, cfg);
    }
    list[nr++] = build_waet(t, cfg);
    t->rsdt = build_root(t, cfg, "RSDT", list, nr, 4);
    t->xsdt = build_root(t, cfg, "XSDT", list, nr, 8);
    build_rsdp(t, cfg);
    return t;
}

void acpi_tables_free(AcpiTables *t)
{
    if (t) {
        g_byte_array_free(t->blob, TRUE);
        g_array_free(t->pointers, TRUE);
        g_array_free(t->tables, TRUE);
        g_free(t);
    }
}

/* Adds @gpa to the little-endian value at @p. */
static void relocate(uint8_t *p, unsigned bytes, uint64_t gpa)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    v += gpa;
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

void acpi_tables_place(AcpiTables *t, uint64_t gpa)
{
    for (guint i = 0; i < t->pointers->len; i++) {
        const AcpiPointer *p = &g_array_index(t->pointers, AcpiPointer, i);

        relocate(t->blob->data + p->offset, p->bytes, gpa);
    }
    for (guint i = 0; i < t->tables->len; i++) {
        const AcpiTableRef *ref = &g_array_index(t->tables, AcpiTableRef, i);
        uint8_t *table = t->blob->data + ref->offset;

        table[HEADER_CHECKSUM] = 0;
        table[HEADER_CHECKSUM] = checksum(table, ref->len);
    }
    relocate(t->rsdp + 16, 4, gpa);
    relocate(t->rsdp + 24, 8, gpa);
    t->rsdp[8] = checksum(t->rsdp, 20);
    t->rsdp[32] = checksum(t->rsdp, sizeof(t->rsdp));
}
