/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host bridge as a device: configuration mechanisms, root bus, and the way from PCI interrupt
 * lines (PIRQs) to ISA interrupts and I/O APIC pins. BQL. No PAM and SMRAM: these come with
 * firmware.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/pci-host/pci-host.h"

#define CONFIG_ENABLE 0x80000000u
#define PIRQ_NONE     0x80

/* --- Interrupt lines ------------------------------------------------------------------------- */

/* ISA interrupts a PIRQ may be routed to (ICH9 13.1.11): not timer, keyboard, cascade, RTC, FPU. */
static bool isa_irq_valid(uint8_t route)
{
    return route < 16 && !(0x2107u & BIT(route));
}

/* The ISA interrupts that PCI holds high. */
static uint16_t isa_levels(const PCIHost *s)
{
    uint16_t levels = 0;

    for (unsigned line = 0; line < PCI_ROOT_LINES; line++) {
        if (pci_root_line(s->bus, line) && isa_irq_valid(s->pirq_route[line])) {
            levels |= (uint16_t)BIT(s->pirq_route[line]);
        }
    }
    return levels;
}

/* Tells the board about them. */
static void update_isa(PCIHost *s)
{
    uint16_t levels = isa_levels(s), changed = levels ^ s->isa_levels;

    s->isa_levels = levels;
    for (unsigned irq = 0; irq < 16 && s->cfg.set_isa_irq; irq++) {
        if (changed & BIT(irq)) {
            s->cfg.set_isa_irq(s->cfg.opaque, irq, levels & BIT(irq));
        }
    }
}

static void set_line(void *opaque, unsigned line, bool level)
{
    PCIHost *s = opaque;

    if (s->express && s->cfg.set_gsi) {
        s->cfg.set_gsi(s->cfg.opaque, 16 + line, level);
    }
    update_isa(s);
}

void pcihost_route(PCIHost *s, unsigned line, uint8_t value)
{
    if (s->pirq_route[line] != value) {
        s->pirq_route[line] = value;
        update_isa(s);
    }
}

void pcihost_load_routes(PCIHost *s, const uint8_t *routes, unsigned nr)
{
    memcpy(s->pirq_route, routes, nr);
    pci_root_recount(s->bus);
    s->isa_levels = isa_levels(s);
}

/* PIRQ A..D by slot and pin, as the boards of the time were wired. */
static unsigned pc_map_pin(void *opaque, unsigned devfn, unsigned pin)
{
    return (PCI_SLOT(devfn) - 1 + pin) & 3;
}

/* Slots below 25: PIRQ E..H by slot and pin; those of the chipset: the DnnIR registers, 16 bits a
 * slot from slot 31 at 0x3140 downwards (ICH9 10.1.33 and following; D25IR alone stands apart). */
static unsigned q35_map_pin(void *opaque, unsigned devfn, unsigned pin)
{
    static const uint16_t registers[] = { 0x3150, 0x314c, 0x3148, 0x3146, 0x3144, 0x3142, 0x3140 };
    const PCIHost *s = opaque;
    unsigned slot = PCI_SLOT(devfn), reg;

    if (slot < 25) {
        return 4 + ((slot + pin) & 3);
    }
    reg = registers[slot - 25];
    return (s->slot_routes[reg + pin / 2] >> (pin & 1) * 4) & 7;
}

static void send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    const PCIHost *s = opaque;

    if (s->cfg.send_msi) {
        s->cfg.send_msi(s->cfg.opaque, addr, data);
    }
}

static const PCIRootOps pc_root_ops = {
    .map_pin = pc_map_pin, .set_line = set_line, .send_msi = send_msi,
};
static const PCIRootOps q35_root_ops = {
    .map_pin = q35_map_pin, .set_line = set_line, .send_msi = send_msi,
};

/* --- Access mechanisms ----------------------------------------------------------------------- */

bool pcihost_ecam(const PCIHost *s, uint64_t *base, uint64_t *len)
{
    *base = s->ecam_base;
    *len = s->ecam_len;
    return s->ecam_len != 0;
}

void pcihost_set_ecam(PCIHost *s, uint64_t base, uint64_t len)
{
    if (len == s->ecam_len && (!len || base == s->ecam_base)) {
        return;
    }
    memory_region_transaction_begin();
    if (s->ecam_len) {
        memory_region_del_subregion(s->cfg.memory, &s->ecam);
    }
    s->ecam_base = len ? base : 0;
    s->ecam_len = len;
    if (len) {
        s->ecam.size = len;
        memory_region_add_subregion_overlap(s->cfg.memory, base, &s->ecam, 1);
    }
    memory_region_transaction_commit();
}

void pcihost_pm_base(PCIHost *s, uint16_t base, bool enabled)
{
    if (s->cfg.pm_base_changed) {
        s->cfg.pm_base_changed(s->cfg.opaque, base, enabled);
    }
}

uint32_t pcihost_config_read(const PCIHost *s, unsigned devfn, unsigned reg, unsigned size)
{
    return pci_bus_config_read(s->bus, 0, devfn, reg, size);
}

void pcihost_config_write(PCIHost *s, unsigned devfn, unsigned reg, uint32_t value, unsigned size)
{
    pci_bus_config_write(s->bus, 0, devfn, reg, value, size);
}

static uint64_t conf_idx_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIHost *s = opaque;

    return s->address;
}

/* Only a 32-bit write at cf8 is for the address register; others are for devices at cf9..cfb. */
static void conf_idx_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCIHost *s = opaque;

    if (addr == 0 && size == 4) {
        s->address = (uint32_t)value;
    }
}

static uint64_t conf_data_read(void *opaque, hwaddr addr, unsigned size)
{
    const PCIHost *s = opaque;

    if (!(s->address & CONFIG_ENABLE)) {
        return UINT32_MAX;
    }
    return pci_bus_config_read(s->bus, s->address >> 16 & 0xff, s->address >> 8 & 0xff,
                               (s->address & 0xfc) | (addr & 3), size);
}

static void conf_data_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCIHost *s = opaque;

    if (s->address & CONFIG_ENABLE) {
        pci_bus_config_write(s->bus, s->address >> 16 & 0xff, s->address >> 8 & 0xff,
                             (s->address & 0xfc) | (addr & 3), (uint32_t)value, size);
    }
}

static uint64_t ecam_read(void *opaque, hwaddr addr, unsigned size)
{
    const PCIHost *s = opaque;

    return pci_bus_config_read(s->bus, (unsigned)(addr >> 20) & 0xff, addr >> 12 & 0xff,
                               addr & 0xfff, size);
}

static void ecam_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCIHost *s = opaque;

    pci_bus_config_write(s->bus, (unsigned)(addr >> 20) & 0xff, addr >> 12 & 0xff, addr & 0xfff,
                         (uint32_t)value, size);
}

static const MemoryRegionOps conf_idx_ops = { .read = conf_idx_read, .write = conf_idx_write };
static const MemoryRegionOps conf_data_ops = { .read = conf_data_read, .write = conf_data_write };
static const MemoryRegionOps ecam_ops = { .read = ecam_read, .write = ecam_write };

/* --- Devices --------------------------------------------------------------------------------- */

PCIHost *pcihost_of(const PCIDevice *d)
{
    return container_of(d->bus->bus.parent, PCIHost, dev);
}

static void pcihost_reset(DeviceState *dev)
{
    container_of(dev, PCIHost, dev)->address = 0;
}

static bool pcihost_realize(DeviceState *dev, Error **errp)
{
    PCIHost *s = container_of(dev, PCIHost, dev);

    if (!s->cfg.memory) {
        error_setg(errp, "%s can only be created by the machine", dev->object.type->name);
        return false;
    }
    s->express = device_type(dev) == &type_q35_pcihost;
    memory_region_init_io(&s->conf_idx, &conf_idx_ops, s, "pci-conf-idx", 4);
    memory_region_init_io(&s->conf_data, &conf_data_ops, s, "pci-conf-data", 4);
    memory_region_init_io(&s->ecam, &ecam_ops, s, "pcie-mmcfg-mmio", 256 * MiB);
    memory_region_init(&s->pci_memory, "pci", UINT64_MAX);
    memory_region_transaction_begin();
    memory_region_add_subregion(s->cfg.io, 0xcf8, &s->conf_idx);
    memory_region_add_subregion(s->cfg.io, 0xcfc, &s->conf_data);
    memory_region_add_subregion_overlap(s->cfg.memory, 0, &s->pci_memory, -1);
    memory_region_transaction_commit();
    memset(s->pirq_route, PIRQ_NONE, sizeof(s->pirq_route));
    s->bus = pci_root_bus_new(dev, s->express ? "pcie.0" : "pci.0", s->express, &s->pci_memory,
                              s->cfg.io, s->express ? &q35_root_ops : &pc_root_ops, s);
    return true;
}

static const VMStateField pcihost_fields[] = { VMSTATE_UINT(PCIHost, address), VMSTATE_END };
static const VMStateDescription vmstate_pcihost = {
    "PCIHost", .version = 1, .fields = pcihost_fields,
};

#define PCIHOST_TYPE(_name)                                                                      \
    {                                                                                            \
        .object = {                                                                              \
            .name = _name,                                                                       \
            .parent = &type_device,                                                              \
            .instance_size = sizeof(PCIHost),                                                    \
        },                                                                                       \
        .bus = "System",                                                                         \
        .migration = MIGRATION_VMSD(&vmstate_pcihost),                                           \
        .realize = pcihost_realize,                                                              \
        .reset = pcihost_reset,                                                                  \
    }

const DeviceType type_q35_pcihost = PCIHOST_TYPE("q35-pcihost");
const DeviceType type_i440fx_pcihost = PCIHOST_TYPE("i440FX-pcihost");

/* A function that the board puts on the root bus. */
typedef struct ChipsetRow {
    uint8_t devfn;
    const PCIDeviceType *type;
} ChipsetRow;

static PCIHost *create(const DeviceType *type, const ChipsetRow *rows, const PCIHostConfig *cfg,
                       Error **errp)
{
    DeviceState *dev = qdev_new(type, errp);
    PCIHost *s = container_of(dev, PCIHost, dev);

    if (!dev) {
        return NULL;
    }
    s->cfg = *cfg;
    object_add_child(&current_machine->object, type == &type_q35_pcihost ? "q35" : "i440fx",
                     &dev->object);
    if (!qdev_realize(dev, errp)) {
        return NULL;
    }
    for (; rows->type; rows++) {
        if (!pci_create(s->bus, rows->devfn, rows->type, errp)) {
            return NULL;
        }
    }
    return s;
}

PCIHost *q35_pcihost_create(const PCIHostConfig *cfg, Error **errp)
{
    static const ChipsetRow rows[] = {
        { PCI_DEVFN(0, 0), &type_mch }, { PCI_DEVFN(0x1f, 0), &type_ich9_lpc }, { 0 },
    };

    return create(&type_q35_pcihost, rows, cfg, errp);
}

PCIHost *i440fx_pcihost_create(const PCIHostConfig *cfg, Error **errp)
{
    static const ChipsetRow rows[] = {
        { PCI_DEVFN(0, 0), &type_i440fx }, { PCI_DEVFN(1, 0), &type_piix3 },
        { PCI_DEVFN(1, 3), &type_piix4_pm }, { 0 },
    };

    return create(&type_i440fx_pcihost, rows, cfg, errp);
}
