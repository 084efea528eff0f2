/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DSDT: what a guest cannot find out by asking the hardware. Plain AML: SeaBIOS reads it with a
 * parser of its own. Pure.
 *
 *   \_SB.LNKA..LNKH      PCI interrupts as the ISA bridge's PIRQ registers route them
 *   \_SB.PCI0            host bridge: windows, interrupt routing, _OSC
 *        .PCI0.FWCF      fw_cfg
 *        .PCI0.ISA       serial ports, RTC, keyboard controller
 *        .HPET .MRES     fixed memory
 *        .CPUS.Cxxx      processors, _UID as in the MADT
 *   \_S5
 */
#include "qemu/osdep.h"
#include "hw/i386/acpi-build.h"
#include "hw/i386/aml.h"

#define PCI_WINDOW_END 0xfebfffffu /* the I/O APIC follows */

static void build_serial(Aml *a, unsigned index, const AcpiSerial *s)
{
    char name[8];
    size_t dev, res;

    g_snprintf(name, sizeof(name), "COM%u", index + 1);
    dev = aml_begin_device(a, name);
    aml_name_eisaid(a, "_HID", "PNP0501");
    aml_name_int(a, "_UID", index + 1);
    aml_name_int(a, "_STA", 0xf);
    res = aml_begin_resources(a, "_CRS");
    aml_res_io(a, s->port, 8);
    aml_res_irq(a, s->irq);
    aml_end_resources(a, res);
    aml_end(a, dev);
}

static void build_rtc(Aml *a)
{
    size_t dev = aml_begin_device(a, "RTC"), res;

    aml_name_eisaid(a, "_HID", "PNP0B00");
    res = aml_begin_resources(a, "_CRS");
    aml_res_io(a, 0x70, 2);
    aml_res_irq(a, 8);
    aml_end_resources(a, res);
    aml_end(a, dev);
}

static void build_8042(Aml *a)
{
    size_t dev = aml_begin_device(a, "KBD"), res;

    aml_name_eisaid(a, "_HID", "PNP0303");
    aml_name_int(a, "_STA", 0xf);
    res = aml_begin_resources(a, "_CRS");
    aml_res_io(a, 0x60, 1);
    aml_res_io(a, 0x64, 1);
    aml_res_irq(a, 1);
    aml_end_resources(a, res);
    aml_end(a, dev);

    dev = aml_begin_device(a, "MOU");
    aml_name_eisaid(a, "_HID", "PNP0F13");
    aml_name_int(a, "_STA", 0xf);
    res = aml_begin_resources(a, "_CRS");
    aml_res_irq(a, 12);
    aml_end_resources(a, res);
    aml_end(a, dev);
}

/* The PIRQ routing registers of the ISA bridge: A..D at 60, E..H at 68. */
static void build_pirq_fields(Aml *a, const AcpiConfig *cfg)
{
    size_t field;
    char name[8];

    aml_region(a, "PIRQ", 2, 0x60, cfg->q35 ? 12 : 4);
    field = aml_begin_field(a, "PIRQ");
    for (unsigned i = 0; i < (cfg->q35 ? 8 : 4); i++) {
        if (i == 4) {
            aml_field_unit(a, NULL, 32);
        }
        g_snprintf(name, sizeof(name), "PRQ%u", i);
        aml_field_unit(a, name, 8);
    }
    aml_end(a, field);
}

static void build_isa(Aml *a, const AcpiConfig *cfg)
{
    size_t dev = aml_begin_device(a, "ISA");

    aml_name_int(a, "_ADR", cfg->q35 ? 0x001f0000 : 0x00010000);
    build_pirq_fields(a, cfg);
    for (unsigned i = 0; i < ACPI_MAX_SERIALS; i++) {
        if (cfg->serial[i].port) {
            build_serial(a, i, &cfg->serial[i]);
        }
    }
    if (cfg->has_rtc) {
        build_rtc(a);
    }
    if (cfg->has_8042) {
        build_8042(a);
    }
    aml_end(a, dev);
}

/* A memory window [min, max] of the bridge without the ECAM area. */
static void build_memory_window(Aml *a, const AcpiConfig *cfg, uint64_t min, uint64_t max)
{
    uint64_t ecam_end = cfg->ecam_base + cfg->ecam_len;

    if (cfg->ecam_len && cfg->ecam_base <= max && ecam_end > min) {
        if (min < cfg->ecam_base) {
            aml_res_dword_memory(a, false, (uint32_t)min, (uint32_t)(cfg->ecam_base - 1));
        }
        min = ecam_end;
    }
    if (min < max) {
        aml_res_dword_memory(a, false, (uint32_t)min, (uint32_t)max);
    }
}

static void build_pci_crs(Aml *a, const AcpiConfig *cfg)
{
    size_t res = aml_begin_resources(a, "_CRS");

    aml_res_bus(a, 0, cfg->last_bus);
    aml_res_io(a, 0xcf8, 8);
    aml_res_word_io(a, 0, 0xcf7);
    aml_res_word_io(a, 0xd00, 0xffff);
    aml_res_dword_memory(a, true, 0xa0000, 0xbffff);
    build_memory_window(a, cfg, cfg->ram_below_4g, PCI_WINDOW_END);
    if (cfg->pci64_len) {
        aml_res_qword_memory(a, true, cfg->pci64_base, cfg->pci64_base + cfg->pci64_len - 1);
    }
    aml_end_resources(a, res);
}

/* PIRQ A to H of an INTx pin: on q35 E..H for slots below 25 and A..D for the chipset's own above;
 * on pc A..D. */
static unsigned intx_pirq(const AcpiConfig *cfg, unsigned slot, unsigned pin)
{
    if (!cfg->q35) {
        return (slot + pin - 1) & 3;
    }
    return slot < 25 ? 4 + ((slot + pin) & 3) : pin;
}

/* One table of routes: through link devices, or at I/O APIC pins 16 to 23. */
static void build_routes(Aml *a, const AcpiConfig *cfg, const char *name, bool links)
{
    size_t list, row;
    char link[8];

    aml_name(a, name);
    list = aml_begin_package(a, 31 * 4);
    for (unsigned slot = 1; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned pirq = intx_pirq(cfg, slot, pin);

            row = aml_begin_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            if (links) {
                g_snprintf(link, sizeof(link), "LNK%c", 'A' + (char)pirq);
                aml_namestring(a, link);
                aml_int(a, 0);
            } else {
                aml_int(a, 0);
                aml_int(a, 16 + pirq);
            }
            aml_end(a, row);
        }
    }
    aml_end(a, list);
}

/* On pc PCI interrupts are ISA interrupts in both modes; on q35 the guest says by _PIC whether it
 * uses the I/O APIC. */
static void build_prt(Aml *a, const AcpiConfig *cfg)
{
    size_t method, body;

    if (!cfg->q35) {
        build_routes(a, cfg, "_PRT", true);
        return;
    }
    build_routes(a, cfg, "PRTP", true);
    build_routes(a, cfg, "PRTA", false);
    method = aml_begin_method(a, "_PRT", 0, false);
    body = aml_begin_if(a);
    aml_namestring(a, "\\PICF");
    aml_op(a, AML_RETURN);
    aml_namestring(a, "PRTA");
    aml_end(a, body);
    aml_op(a, AML_RETURN);
    aml_namestring(a, "PRTP");
    aml_end(a, method);
}

/* The guest's interrupt model: 1 is the I/O APIC. */
static void build_pic_method(Aml *a)
{
    size_t method;

    aml_name_int(a, "PICF", 0);
    method = aml_begin_method(a, "_PIC", 1, false);
    aml_op(a, AML_STORE);
    aml_op(a, AML_ARG0);
    aml_namestring(a, "PICF");
    aml_end(a, method);
}

/* _CRS: the interrupt in the register. */
static void build_link_crs(Aml *a, const char *reg)
{
    static const uint32_t none = 0;
    size_t method, res = aml_begin_resources(a, "BUF0");

    aml_res_shared_irqs(a, &none, 1);
    aml_end_resources(a, res);
    method = aml_begin_method(a, "_CRS", 0, true);
    aml_u8(a, 0x8a); /* CreateDWordField(BUF0, 5, IRQN) */
    aml_namestring(a, "BUF0");
    aml_int(a, 5);
    aml_namestring(a, "IRQN");
    aml_op(a, AML_AND);
    aml_namestring(a, reg);
    aml_int(a, 0x0f);
    aml_namestring(a, "IRQN");
    aml_op(a, AML_RETURN);
    aml_namestring(a, "BUF0");
    aml_end(a, method);
}

static void build_link(Aml *a, unsigned n)
{
    static const uint32_t possible[] = { 5, 10, 11 };
    char name[8], reg[24];
    size_t dev, method, inner;

    g_snprintf(name, sizeof(name), "LNK%c", 'A' + (char)n);
    g_snprintf(reg, sizeof(reg), "\\_SB.PCI0.ISA.PRQ%u", n);
    dev = aml_begin_device(a, name);
    aml_name_eisaid(a, "_HID", "PNP0C0F");
    aml_name_int(a, "_UID", n);
    inner = aml_begin_resources(a, "_PRS");
    aml_res_shared_irqs(a, possible, ARRAY_SIZE(possible));
    aml_end_resources(a, inner);
    method = aml_begin_method(a, "_STA", 0, false);
    inner = aml_begin_if(a);
    aml_op(a, AML_AND);
    aml_namestring(a, reg);
    aml_int(a, 0x80);
    aml_op(a, AML_NO_TARGET);
    aml_op(a, AML_RETURN);
    aml_int(a, 0x09); /* disabled */
    aml_end(a, inner);
    aml_op(a, AML_RETURN);
    aml_int(a, 0x0b);
    aml_end(a, method);
    method = aml_begin_method(a, "_DIS", 0, false);
    aml_op(a, AML_OR);
    aml_namestring(a, reg);
    aml_int(a, 0x80);
    aml_namestring(a, reg);
    aml_end(a, method);
    build_link_crs(a, reg);
    method = aml_begin_method(a, "_SRS", 1, true);
    aml_create_dword_field(a, AML_ARG0, 5, "IRQW");
    aml_op(a, AML_STORE);
    aml_namestring(a, "IRQW");
    aml_namestring(a, reg);
    aml_end(a, method);
    aml_end(a, dev);
}

/* Linux's qemu_fw_cfg binds to it. */
static void build_fw_cfg(Aml *a)
{
    size_t dev = aml_begin_device(a, "FWCF"), res;

    aml_name_string(a, "_HID", "QEMU0002");
    aml_name_int(a, "_STA", 0x0b);
    res = aml_begin_resources(a, "_CRS");
    aml_res_io(a, 0x510, 12);
    aml_end_resources(a, res);
    aml_end(a, dev);
}

/* Store(CDW1 | @bit, CDW1) */
static void osc_set_status(Aml *a, unsigned bit)
{
    aml_op(a, AML_OR);
    aml_namestring(a, "CDW1");
    aml_int(a, bit);
    aml_namestring(a, "CDW1");
}

/* Who controls PCI Express features (6.2.11.3): the guest gets all but native hot-plug. */
static void build_osc(Aml *a)
{
    size_t method = aml_begin_method(a, "_OSC", 4, true), body, inner;

    aml_create_dword_field(a, AML_ARG3, 0, "CDW1");
    body = aml_begin_if(a);
    aml_op(a, AML_LEQUAL);
    aml_op(a, AML_ARG0);
    aml_uuid(a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    aml_create_dword_field(a, AML_ARG3, 8, "CDW3");
    aml_op(a, AML_AND); /* Local0 = CDW3 & granted */
    aml_namestring(a, "CDW3");
    aml_int(a, 0x1e);
    aml_op(a, AML_LOCAL0);
    inner = aml_begin_if(a);
    aml_op(a, AML_LNOT);
    aml_op(a, AML_LEQUAL);
    aml_op(a, AML_ARG1);
    aml_int(a, 1);
    osc_set_status(a, 0x08); /* unknown revision */
    aml_end(a, inner);
    inner = aml_begin_if(a);
    aml_op(a, AML_LNOT);
    aml_op(a, AML_LEQUAL);
    aml_namestring(a, "CDW3");
    aml_op(a, AML_LOCAL0);
    osc_set_status(a, 0x10); /* something was masked */
    aml_end(a, inner);
    aml_op(a, AML_STORE);
    aml_op(a, AML_LOCAL0);
    aml_namestring(a, "CDW3");
    aml_end(a, body);
    body = aml_begin_else(a);
    osc_set_status(a, 0x04); /* unknown UUID */
    aml_end(a, body);
    aml_op(a, AML_RETURN);
    aml_op(a, AML_ARG3);
    aml_end(a, method);
}

static void build_pci0(Aml *a, const AcpiConfig *cfg)
{
    size_t dev = aml_begin_device(a, "PCI0");

    if (cfg->q35) {
        aml_name_eisaid(a, "_HID", "PNP0A08");
        aml_name_eisaid(a, "_CID", "PNP0A03");
    } else {
        aml_name_eisaid(a, "_HID", "PNP0A03");
    }
    aml_name_int(a, "_UID", 0);
    aml_name_int(a, "_BBN", 0);
    build_pci_crs(a, cfg);
    build_prt(a, cfg);
    if (cfg->q35) {
        build_osc(a);
    }
    build_isa(a, cfg);
    build_fw_cfg(a);
    aml_end(a, dev);
}

static void build_hpet_device(Aml *a)
{
    size_t dev = aml_begin_device(a, "HPET"), res;

    aml_name_eisaid(a, "_HID", "PNP0103");
    aml_name_int(a, "_UID", 0);
    res = aml_begin_resources(a, "_CRS");
    aml_res_memory32(a, false, 0xfed00000, 0x400);
    aml_end_resources(a, res);
    aml_end(a, dev);
}

/* Linux uses the ECAM area only when it is reserved here or in the memory map. */
static void build_ecam_device(Aml *a, const AcpiConfig *cfg)
{
    size_t dev = aml_begin_device(a, "MRES"), res;

    aml_name_eisaid(a, "_HID", "PNP0C02");
    aml_name_int(a, "_UID", 1);
    res = aml_begin_resources(a, "_CRS");
    aml_res_memory32(a, true, (uint32_t)cfg->ecam_base, (uint32_t)cfg->ecam_len);
    aml_end_resources(a, res);
    aml_end(a, dev);
}

static void build_cpus(Aml *a, const AcpiConfig *cfg)
{
    size_t cpus = aml_begin_device(a, "CPUS"), dev;
    char name[8];

    aml_name_string(a, "_HID", "ACPI0010");
    aml_name_eisaid(a, "_CID", "PNP0A05");
    for (unsigned i = 0; i < cfg->nr_cpus; i++) {
        g_snprintf(name, sizeof(name), "C%03X", i & 0xfff);
        dev = aml_begin_device(a, name);
        aml_name_string(a, "_HID", "ACPI0007");
        aml_name_int(a, "_UID", i);
        aml_end(a, dev);
    }
    aml_end(a, cpus);
}

/* Sleep type 0 is soft off on both chipsets' PM1 control register models. */
static void build_s5(Aml *a)
{
    size_t pkg;

    aml_name(a, "_S5");
    pkg = aml_begin_package(a, 4);
    for (unsigned i = 0; i < 4; i++) {
        aml_int(a, 0);
    }
    aml_end(a, pkg);
}

void acpi_build_dsdt(GByteArray *blob, const AcpiConfig *cfg)
{
    size_t scope;

    build_pic_method(blob);
    scope = aml_begin_scope(blob, "\\_SB");
    for (unsigned i = 0; i < (cfg->q35 ? 8 : 4); i++) {
        build_link(blob, i);
    }
    build_pci0(blob, cfg);
    if (cfg->has_hpet) {
        build_hpet_device(blob);
    }
    if (cfg->ecam_len) {
        build_ecam_device(blob, cfg);
    }
    build_cpus(blob, cfg);
    aml_end(blob, scope);
    build_s5(blob);
}
