/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI host bridges of q35 (82G33 MCH with ICH9) and pc (82441FX with PIIX3 and PIIX4 PM): the
 * configuration space of their own functions. Everything from offset 0x40 on can be written, as in
 * QEMU; a few registers have an effect. BQL. No PAM, SMRAM or interrupt routing: these come with
 * firmware and PCI devices.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/pci-host/pci-host.h"

enum {
    PCI_COMMAND = 0x04,
    PCI_CACHE_LINE = 0x0c,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_DEVICE_REGS = 0x40,

    MCH_PCIEXBAR = 0x60, /* bit 0 enable, 2:1 length 256, 128, 64 MiB, 35:26 base */
    LPC_PMBASE = 0x40,
    LPC_ACPI_CNTL = 0x44,
    LPC_ACPI_ENABLE = 0x80,
    PIIX_PMBASE = 0x40,
    PIIX_PMREGMISC = 0x80,

    PM_BASE = 0x600, /* where SeaBIOS puts it */
};

#define COMMAND_WRITABLE 0x0507u
#define ECAM_BASE        0xb0000000ull
#define CONFIG_ENABLE    0x80000000u

#define DEVFN(slot, fn) ((slot) << 3 | (fn))

/* A register that is not zero after reset. */
typedef struct PCIRegInit {
    uint8_t reg, bytes;
    uint32_t value;
} PCIRegInit;

typedef struct PCIFunctionModel {
    uint8_t devfn;
    uint16_t vendor, device;
    uint32_t class_revision;
    uint32_t command_status;
    uint8_t header_type;
    const PCIRegInit *init;   /* ends with .bytes 0 */
    const PCIRegInit *preset; /* what firmware writes; NULL: nothing */
} PCIFunctionModel;

struct PCIHostModel {
    const PCIFunctionModel *functions;
    unsigned nr;
    unsigned pm_function; /* index of the function with the PM base register */
    bool express;
};

/* clang-format off */
static const PCIRegInit mch_init[] = {
    { 0x50, 4, 0x00000010 }, { MCH_PCIEXBAR, 4, ECAM_BASE }, { 0x9c, 4, 0x00380200 }, { 0 },
};
static const PCIRegInit mch_preset[] = { { MCH_PCIEXBAR, 4, ECAM_BASE | 1 }, { 0 } };
static const PCIRegInit lpc_init[] = {
    { LPC_PMBASE, 4, 1 }, { 0x60, 4, 0x80808080 }, { 0x68, 4, 0x80808080 }, { 0 },
};
static const PCIRegInit lpc_preset[] = {
    { LPC_PMBASE, 4, PM_BASE | 1 }, { LPC_ACPI_CNTL, 1, LPC_ACPI_ENABLE },
    { 0x60, 4, 0x0b0b0a0a }, { 0x68, 4, 0x0b0b0a0a }, { 0 },
};
static const PCIRegInit i440fx_init[] = {
    { 0x54, 4, 0x10000000 }, { 0x70, 4, 0x00020000 }, { 0 },
};
static const PCIRegInit piix3_init[] = {
    { 0x4c, 4, 0x0003004d }, { 0x60, 4, 0x80808080 }, { 0x68, 4, 0x00000200 },
    { 0x70, 4, 0x00000080 }, { 0x74, 4, 0x0c0c0000 }, { 0x78, 4, 0x00000002 },
    { 0xa0, 4, 0x00000008 }, { 0xa8, 4, 0x0000000f }, { 0 },
};
static const PCIRegInit piix3_preset[] = { { 0x60, 4, 0x0b0b0a0a }, { 0 } };
static const PCIRegInit piix4_init[] = {
    { 0x3d, 1, 1 }, { PIIX_PMBASE, 4, 1 }, { 0x5c, 4, 0x10000000 }, { 0x60, 4, 0x60000000 },
    { 0x90, 4, 0x0000b101 }, { 0xd0, 4, 0x00090000 }, { 0 },
};
static const PCIRegInit piix4_preset[] = {
    { 0x3c, 1, 9 }, { PIIX_PMBASE, 4, PM_BASE | 1 }, { PIIX_PMREGMISC, 1, 1 }, { 0 },
};

static const PCIFunctionModel q35_functions[] = {
    { .devfn = DEVFN(0, 0), .vendor = 0x8086, .device = 0x29c0, .class_revision = 0x06000000,
      .init = mch_init, .preset = mch_preset },
    { .devfn = DEVFN(0x1f, 0), .vendor = 0x8086, .device = 0x2918, .class_revision = 0x06010002,
      .header_type = 0x80, .init = lpc_init, .preset = lpc_preset },
};

static const PCIFunctionModel i440fx_functions[] = {
    { .devfn = DEVFN(0, 0), .vendor = 0x8086, .device = 0x1237, .class_revision = 0x06000002,
      .init = i440fx_init },
    { .devfn = DEVFN(1, 0), .vendor = 0x8086, .device = 0x7000, .class_revision = 0x06010000,
      .command_status = 0x02000000, .header_type = 0x80, .init = piix3_init,
      .preset = piix3_preset },
    { .devfn = DEVFN(1, 3), .vendor = 0x8086, .device = 0x7113, .class_revision = 0x06800003,
      .command_status = 0x02800000, .init = piix4_init, .preset = piix4_preset },
};
/* clang-format on */

static const PCIHostModel q35_model = {
    .functions = q35_functions, .nr = ARRAY_SIZE(q35_functions), .pm_function = 1, .express = true,
};
static const PCIHostModel i440fx_model = {
    .functions = i440fx_functions, .nr = ARRAY_SIZE(i440fx_functions), .pm_function = 2,
};

static_assert(ARRAY_SIZE(q35_functions) <= PCI_HOST_MAX_FUNCTIONS, "room for functions");
static_assert(ARRAY_SIZE(i440fx_functions) <= PCI_HOST_MAX_FUNCTIONS, "room for functions");

/* --- Configuration space --------------------------------------------------------------------- */

static uint32_t ld_le(const uint8_t *p, unsigned bytes)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint32_t)p[i] << (8 * i);
    }
    return v;
}

static void st_le(uint8_t *p, uint32_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static int find_function(const PCIHost *s, unsigned devfn)
{
    for (unsigned i = 0; i < s->model->nr; i++) {
        if (s->model->functions[i].devfn == devfn) {
            return (int)i;
        }
    }
    return -1;
}

bool pcihost_ecam(const PCIHost *s, uint64_t *base, uint64_t *len)
{
    static const uint64_t lengths[4] = { 256 * MiB, 128 * MiB, 64 * MiB, 0 };
    uint32_t reg = ld_le(&s->config[0][MCH_PCIEXBAR], 4);
    uint64_t high = ld_le(&s->config[0][MCH_PCIEXBAR + 4], 4) & 0xf;

    *len = s->model->express && (reg & 1) ? lengths[reg >> 1 & 3] : 0;
    *base = *len ? ((high << 32 | reg) & ~(*len - 1)) : 0;
    return *len != 0;
}

static void update_ecam(PCIHost *s)
{
    uint64_t base, len;
    bool on = pcihost_ecam(s, &base, &len);

    if (s->ecam_mapped && on && s->ecam.addr == base && s->ecam.size == len) {
        return;
    }
    memory_region_transaction_begin();
    if (s->ecam_mapped) {
        memory_region_del_subregion(s->cfg.memory, &s->ecam);
    }
    if (on) {
        s->ecam.size = len;
        memory_region_add_subregion_overlap(s->cfg.memory, base, &s->ecam, 1);
    }
    s->ecam_mapped = on;
    memory_region_transaction_commit();
}

static void update_pm_base(PCIHost *s)
{
    const uint8_t *c = s->config[s->model->pm_function];
    bool on;

    if (s->model->express) {
        on = c[LPC_ACPI_CNTL] & LPC_ACPI_ENABLE;
    } else {
        on = c[PIIX_PMREGMISC] & 1;
    }
    if (s->cfg.pm_base_changed) {
        unsigned mask = s->model->express ? 0xff80 : 0xffc0;

        s->cfg.pm_base_changed(s->cfg.opaque, (uint16_t)(ld_le(&c[LPC_PMBASE], 2) & mask), on);
    }
}

uint32_t pcihost_config_read(const PCIHost *s, unsigned devfn, unsigned reg, unsigned size)
{
    int fn = find_function(s, devfn);

    if (fn < 0) {
        return UINT32_MAX;
    }
    return reg + size <= 256 ? ld_le(&s->config[fn][reg], size) : 0;
}

/* Bits of byte @reg that a guest can change. */
static uint8_t writable(unsigned reg)
{
    switch (reg) {
    case PCI_COMMAND:
    case PCI_COMMAND + 1:
        return (uint8_t)(COMMAND_WRITABLE >> (8 * (reg - PCI_COMMAND)));
    case PCI_CACHE_LINE:
    case PCI_INTERRUPT_LINE:
        return 0xff;
    default:
        return reg >= PCI_DEVICE_REGS ? 0xff : 0;
    }
}

void pcihost_config_write(PCIHost *s, unsigned devfn, unsigned reg, uint32_t value, unsigned size)
{
    int fn = find_function(s, devfn);

    if (fn < 0 || reg + size > 256) {
        return;
    }
    for (unsigned i = 0; i < size; i++, value >>= 8) {
        uint8_t mask = writable(reg + i), *p = &s->config[fn][reg + i];

        *p = (uint8_t)((*p & ~mask) | (value & mask));
    }
    if (s->model->express && (unsigned)fn == s->model->pm_function) {
        s->config[fn][LPC_PMBASE] = (s->config[fn][LPC_PMBASE] & 0x80) | 1; /* I/O space */
    }
    if (reg >= PCI_DEVICE_REGS) {
        update_ecam(s);
        update_pm_base(s);
    }
}

/* --- Access mechanisms ----------------------------------------------------------------------- */

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

/* Bus 0 only: there are no bridges to other buses. */
static bool selected(const PCIHost *s)
{
    return (s->address & CONFIG_ENABLE) && (s->address >> 16 & 0xff) == 0;
}

static uint64_t conf_data_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIHost *s = opaque;

    if (!selected(s)) {
        return UINT32_MAX;
    }
    return pcihost_config_read(s, s->address >> 8 & 0xff, (s->address & 0xfc) | (addr & 3), size);
}

static void conf_data_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCIHost *s = opaque;

    if (selected(s)) {
        pcihost_config_write(s, s->address >> 8 & 0xff, (s->address & 0xfc) | (addr & 3),
                             (uint32_t)value, size);
    }
}

static uint64_t ecam_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIHost *s = opaque;

    return addr >> 20 ? UINT32_MAX
                      : pcihost_config_read(s, addr >> 12 & 0xff, addr & 0xfff, size);
}

static void ecam_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCIHost *s = opaque;

    if (!(addr >> 20)) {
        pcihost_config_write(s, addr >> 12 & 0xff, addr & 0xfff, (uint32_t)value, size);
    }
}

static const MemoryRegionOps conf_idx_ops = { .read = conf_idx_read, .write = conf_idx_write };
static const MemoryRegionOps conf_data_ops = { .read = conf_data_read, .write = conf_data_write };
static const MemoryRegionOps ecam_ops = { .read = ecam_read, .write = ecam_write };

/* --- Devices --------------------------------------------------------------------------------- */

static void apply(uint8_t *config, const PCIRegInit *init)
{
    for (; init && init->bytes; init++) {
        st_le(config + init->reg, init->value, init->bytes);
    }
}

static void pcihost_reset(DeviceState *dev)
{
    PCIHost *s = container_of(dev, PCIHost, dev);

    s->address = 0;
    for (unsigned i = 0; i < s->model->nr; i++) {
        const PCIFunctionModel *f = &s->model->functions[i];
        uint8_t *c = s->config[i];

        memset(c, 0, sizeof(s->config[i]));
        st_le(c, f->vendor | (uint32_t)f->device << 16, 4);
        st_le(c + PCI_COMMAND, f->command_status, 4);
        st_le(c + 0x08, f->class_revision, 4);
        c[0x0e] = f->header_type;
        st_le(c + 0x2c, 0x11001af4, 4); /* subsystem: QEMU virtual machine */
        apply(c, f->init);
        apply(c, s->cfg.preset ? f->preset : NULL);
    }
    update_ecam(s);
    update_pm_base(s);
}

static bool pcihost_realize(DeviceState *dev, Error **errp)
{
    PCIHost *s = container_of(dev, PCIHost, dev);

    if (!s->cfg.memory) {
        error_setg(errp, "%s can only be created by the machine", dev->object.type->name);
        return false;
    }
    memory_region_init_io(&s->conf_idx, &conf_idx_ops, s, "pci-conf-idx", 4);
    memory_region_init_io(&s->conf_data, &conf_data_ops, s, "pci-conf-data", 4);
    memory_region_init_io(&s->ecam, &ecam_ops, s, "pcie-mmcfg-mmio", 256 * MiB);
    memory_region_add_subregion(s->cfg.io, 0xcf8, &s->conf_idx);
    memory_region_add_subregion(s->cfg.io, 0xcfc, &s->conf_data);
    return true;
}

#define PCIHOST_TYPE(_name)                                                                      \
    {                                                                                            \
        .object = {                                                                              \
            .name = _name,                                                                       \
            .parent = &type_device,                                                              \
            .instance_size = sizeof(PCIHost),                                                    \
        },                                                                                       \
        .bus = "System",                                                                         \
        .migration = MIGRATION_BLOCKED("the PCI host bridge's state is not saved yet"),          \
        .realize = pcihost_realize,                                                              \
        .reset = pcihost_reset,                                                                  \
    }

const DeviceType type_q35_pcihost = PCIHOST_TYPE("q35-pcihost");
const DeviceType type_i440fx_pcihost = PCIHOST_TYPE("i440FX-pcihost");

static PCIHost *create(const DeviceType *type, const PCIHostModel *model, const PCIHostConfig *cfg,
                       Error **errp)
{
    DeviceState *dev = qdev_new(type, errp);
    PCIHost *s = container_of(dev, PCIHost, dev);

    if (!dev) {
        return NULL;
    }
    s->model = model;
    s->cfg = *cfg;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}

PCIHost *q35_pcihost_create(const PCIHostConfig *cfg, Error **errp)
{
    return create(&type_q35_pcihost, &q35_model, cfg, errp);
}

PCIHost *i440fx_pcihost_create(const PCIHostConfig *cfg, Error **errp)
{
    return create(&type_i440fx_pcihost, &i440fx_model, cfg, errp);
}
