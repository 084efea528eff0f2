/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chipsets' own functions: 82G33 MCH and ICH9 LPC bridge on q35; 82441FX, PIIX3 and PIIX4 power
 * management on pc. Their registers from 0x40 on are storage, as in QEMU; a few have an effect.
 * BQL.
 */
#include "qemu/osdep.h"
#include "hw/pci-host/pci-host.h"

enum {
    MCH_PCIEXBAR = 0x60, /* bit 0 enable, 2:1 length 256, 128, 64 MiB, 35:26 base */
    LPC_PMBASE = 0x40,
    LPC_ACPI_CNTL = 0x44,
    LPC_ACPI_ENABLE = 0x80,
    LPC_PIRQA = 0x60, /* A..D, and E..H at 0x68: PIRQn_ROUT */
    LPC_PIRQE = 0x68,
    LPC_RCBA = 0xf0, /* bit 0 enable, 31:14 base of the chip configuration registers */
    PIIX_PMBASE = 0x40,
    PIIX_PMREGMISC = 0x80,
    PIIX_PIRQA = 0x60,

    PM_BASE = 0x600, /* where SeaBIOS puts it */
};

#define ECAM_BASE  0xb0000000ull
#define RCRB_BYTES 0x4000

/* What firmware writes, by function. */
static const PCIRegInit mch_init[] = {
    { 0x50, 4, 0x00000010 }, { MCH_PCIEXBAR, 4, ECAM_BASE }, { 0x9c, 4, 0x00380200 }, { 0 },
};
static const PCIRegInit mch_preset[] = { { MCH_PCIEXBAR, 4, ECAM_BASE | 1 }, { 0 } };
static const PCIRegInit lpc_init[] = {
    { LPC_PMBASE, 4, 1 }, { LPC_PIRQA, 4, 0x80808080 }, { LPC_PIRQE, 4, 0x80808080 }, { 0 },
};
static const PCIRegInit lpc_preset[] = {
    { LPC_PMBASE, 4, PM_BASE | 1 }, { LPC_ACPI_CNTL, 1, LPC_ACPI_ENABLE },
    { LPC_PIRQA, 4, 0x0b0b0a0a }, { LPC_PIRQE, 4, 0x0b0b0a0a }, { 0 },
};
static const PCIRegInit i440fx_init[] = {
    { 0x54, 4, 0x10000000 }, { 0x70, 4, 0x00020000 }, { 0 },
};
static const PCIRegInit piix3_init[] = {
    { 0x4c, 4, 0x0003004d }, { PIIX_PIRQA, 4, 0x80808080 }, { 0x68, 4, 0x00000200 },
    { 0x70, 4, 0x00000080 }, { 0x74, 4, 0x0c0c0000 }, { 0x78, 4, 0x00000002 },
    { 0xa0, 4, 0x00000008 }, { 0xa8, 4, 0x0000000f }, { 0 },
};
static const PCIRegInit piix3_preset[] = { { PIIX_PIRQA, 4, 0x0b0b0a0a }, { 0 } };
static const PCIRegInit piix4_init[] = {
    { PIIX_PMBASE, 4, 1 }, { 0x5c, 4, 0x10000000 }, { 0x60, 4, 0x60000000 },
    { 0x90, 4, 0x0000b101 }, { 0xd0, 4, 0x00090000 }, { 0 },
};
static const PCIRegInit piix4_preset[] = {
    { 0x3c, 1, 9 }, { PIIX_PMBASE, 4, PM_BASE | 1 }, { PIIX_PMREGMISC, 1, 1 }, { 0 },
};

static bool written(unsigned reg, unsigned size, unsigned start, unsigned bytes)
{
    return reg < start + bytes && reg + size > start;
}

static void apply_preset(PCIDevice *d, const PCIRegInit *preset)
{
    for (; pcihost_of(d)->cfg.preset && preset->bytes; preset++) {
        pci_set(d, preset->reg, preset->value, preset->bytes);
    }
}

/* --- MCH ------------------------------------------------------------------------------------- */

static void mch_update(PCIDevice *d)
{
    static const uint64_t lengths[4] = { 256 * MiB, 128 * MiB, 64 * MiB, 0 };
    uint32_t reg = pci_get(d, MCH_PCIEXBAR, 4);
    uint64_t high = pci_get(d, MCH_PCIEXBAR + 4, 4) & 0xf;
    uint64_t len = reg & 1 ? lengths[reg >> 1 & 3] : 0;

    pcihost_set_ecam(pcihost_of(d), (high << 32 | reg) & ~(len - 1), len);
}

static bool mch_realize(PCIDevice *d, Error **errp)
{
    d->reset_values = mch_init;
    return true;
}

static void mch_reset(PCIDevice *d)
{
    apply_preset(d, mch_preset);
    mch_update(d);
}

static void mch_written(PCIDevice *d, unsigned reg, unsigned size)
{
    if (written(reg, size, MCH_PCIEXBAR, 8)) {
        mch_update(d);
    }
}

/* --- Bridges to ISA -------------------------------------------------------------------------- */

typedef struct IsaBridge {
    PCIDevice pci;
    BusState isa;
} IsaBridge;

typedef struct ICH9LPC {
    IsaBridge bridge;
    uint8_t rcrb[RCRB_BYTES]; /* chip configuration registers (ICH9 10.1): storage */
    MemoryRegion rcrb_mr;
    uint32_t rcba;            /* where rcrb_mr is mapped, 0: nowhere */
} ICH9LPC;

static ICH9LPC *lpc_of(PCIDevice *d)
{
    return container_of(container_of(d, IsaBridge, pci), ICH9LPC, bridge);
}

static uint64_t rcrb_read(void *opaque, hwaddr addr, unsigned size)
{
    const ICH9LPC *s = opaque;
    uint64_t value = 0;

    memcpy(&value, s->rcrb + addr, MIN(size, RCRB_BYTES - addr));
    return value;
}

static void rcrb_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    ICH9LPC *s = opaque;
    PCIBus *root = s->bridge.pci.bus;

    pci_root_reroute(root, true); /* the DnnIR registers say where pins go */
    memcpy(s->rcrb + addr, &value, MIN(size, RCRB_BYTES - addr));
    pci_root_reroute(root, false);
}

static const MemoryRegionOps rcrb_ops = { .read = rcrb_read, .write = rcrb_write };

static void lpc_map_rcrb(ICH9LPC *s)
{
    PCIDevice *d = &s->bridge.pci;
    MemoryRegion *memory = pcihost_of(d)->cfg.memory;
    uint32_t reg = pci_get(d, LPC_RCBA, 4), base = reg & 1 ? reg & ~(RCRB_BYTES - 1u) : 0;

    if (base == s->rcba) {
        return;
    }
    memory_region_transaction_begin();
    if (s->rcba) {
        memory_region_del_subregion(memory, &s->rcrb_mr);
    }
    if (base) {
        memory_region_add_subregion_overlap(memory, base, &s->rcrb_mr, 1);
    }
    s->rcba = base;
    memory_region_transaction_commit();
}

static void lpc_map(PCIDevice *d)
{
    pcihost_pm_base(pcihost_of(d), (uint16_t)(pci_get(d, LPC_PMBASE, 2) & 0xff80),
                    d->config[LPC_ACPI_CNTL] & LPC_ACPI_ENABLE);
    lpc_map_rcrb(lpc_of(d));
}

static void lpc_loaded(PCIDevice *d)
{
    uint8_t routes[8];

    memcpy(routes, d->config + LPC_PIRQA, 4);
    memcpy(routes + 4, d->config + LPC_PIRQE, 4);
    pcihost_load_routes(pcihost_of(d), routes, sizeof(routes));
    lpc_map(d);
}

static void lpc_update(PCIDevice *d)
{
    PCIHost *host = pcihost_of(d);

    for (unsigned i = 0; i < 4; i++) {
        pcihost_route(host, i, d->config[LPC_PIRQA + i]);
        pcihost_route(host, 4 + i, d->config[LPC_PIRQE + i]);
    }
    lpc_map(d);
}

static bool lpc_realize(PCIDevice *d, Error **errp)
{
    ICH9LPC *s = lpc_of(d);

    d->reset_values = lpc_init;
    pci_set_wmask(d, LPC_PMBASE, 0x0000ff80, 4);
    memory_region_init_io(&s->rcrb_mr, &rcrb_ops, s, "lpc-rcrb-mmio", RCRB_BYTES);
    pcihost_of(d)->slot_routes = s->rcrb;
    qdev_bus_init(&s->bridge.isa, "ISA", "isa.0", &d->dev);
    return true;
}

static void lpc_reset(PCIDevice *d)
{
    ICH9LPC *s = lpc_of(d);

    pci_root_reroute(d->bus, true);
    memset(s->rcrb, 0, sizeof(s->rcrb));
    for (unsigned reg = 0x3140; reg < 0x3152; reg += 2) { /* INTA to PIRQA, ... */
        s->rcrb[reg] = 0x10;
        s->rcrb[reg + 1] = 0x32;
    }
    pci_root_reroute(d->bus, false);
    apply_preset(d, lpc_preset);
    lpc_update(d);
}

static void lpc_written(PCIDevice *d, unsigned reg, unsigned size)
{
    if (reg + size > PCI_DEVICE_REGS) {
        lpc_update(d);
    }
}

static bool i440fx_realize(PCIDevice *d, Error **errp)
{
    d->reset_values = i440fx_init;
    return true;
}

static void piix3_update(PCIDevice *d)
{
    for (unsigned i = 0; i < 4; i++) {
        pcihost_route(pcihost_of(d), i, d->config[PIIX_PIRQA + i]);
    }
}

static void piix3_loaded(PCIDevice *d)
{
    pcihost_load_routes(pcihost_of(d), d->config + PIIX_PIRQA, 4);
}

static bool piix3_realize(PCIDevice *d, Error **errp)
{
    d->reset_values = piix3_init;
    pci_set(d, PCI_STATUS, 0x0200, 2); /* medium device selection */
    qdev_bus_init(&container_of(d, IsaBridge, pci)->isa, "ISA", "isa.0", &d->dev);
    return true;
}

static void piix3_reset(PCIDevice *d)
{
    apply_preset(d, piix3_preset);
    piix3_update(d);
}

static void piix3_written(PCIDevice *d, unsigned reg, unsigned size)
{
    if (written(reg, size, PIIX_PIRQA, 4)) {
        piix3_update(d);
    }
}

/* --- PIIX4 power management ------------------------------------------------------------------ */

static void piix4_update(PCIDevice *d)
{
    pcihost_pm_base(pcihost_of(d), (uint16_t)(pci_get(d, PIIX_PMBASE, 2) & 0xffc0),
                    d->config[PIIX_PMREGMISC] & 1);
}

static bool piix4_realize(PCIDevice *d, Error **errp)
{
    d->reset_values = piix4_init;
    pci_set(d, PCI_STATUS, 0x0280, 2);
    pci_set(d, PCI_INTERRUPT_PIN, 1, 1);
    return true;
}

static void piix4_reset(PCIDevice *d)
{
    apply_preset(d, piix4_preset);
    piix4_update(d);
}

static void piix4_written(PCIDevice *d, unsigned reg, unsigned size)
{
    if (reg + size > PCI_DEVICE_REGS) {
        piix4_update(d);
    }
}

/* --- Types ----------------------------------------------------------------------------------- */

static const VMStateDescription vmstate_mch = PCI_VMSTATE("mch");
static const VMStateDescription vmstate_i440fx = PCI_VMSTATE("I440FX");
static const VMStateDescription vmstate_piix3 = PCI_VMSTATE("PIIX3");
static const VMStateDescription vmstate_piix4_pm = PCI_VMSTATE("piix4_pm");
static const VMStateField lpc_fields[] = {
    VMSTATE_STRUCT(ICH9LPC, bridge.pci, &vmstate_pci_device),
    VMSTATE_BYTES(ICH9LPC, rcrb),
    VMSTATE_END,
};
static const VMStateDescription vmstate_lpc = {
    "ICH9LPC", .version = 1, .fields = lpc_fields, .applied = pci_applied,
};

#define CHIPSET_DEVICE(_name, _struct, _vmsd)                                                   \
    .device = {                                                                                  \
        .object = {                                                                              \
            .name = _name,                                                                       \
            .parent = &type_pci_device,                                                          \
            .instance_size = sizeof(_struct),                                                    \
        },                                                                                       \
        .bus = "PCI",                                                                            \
        .migration = MIGRATION_VMSD(_vmsd),                                                      \
        .realize = pci_device_realize,                                                           \
        .reset = pci_device_reset,                                                               \
        .unrealize = pci_device_unrealize,                                                       \
    },                                                                                           \
    .vendor = PCI_VENDOR_INTEL

const PCIDeviceType type_mch = {
    CHIPSET_DEVICE("mch", PCIDevice, &vmstate_mch), .device_id = 0x29c0, .class_code = 0x060000,
    .realize = mch_realize, .reset = mch_reset, .config_written = mch_written,
    .loaded = mch_update,
};

const PCIDeviceType type_ich9_lpc = {
    CHIPSET_DEVICE("ICH9-LPC", ICH9LPC, &vmstate_lpc), .device_id = 0x2918, .class_code = 0x060100,
    .revision = 2, .multifunction = true,
    .realize = lpc_realize, .reset = lpc_reset, .config_written = lpc_written,
    .loaded = lpc_loaded,
};

const PCIDeviceType type_i440fx = {
    CHIPSET_DEVICE("i440FX", PCIDevice, &vmstate_i440fx), .device_id = 0x1237,
    .class_code = 0x060000, .revision = 2, .realize = i440fx_realize,
};

const PCIDeviceType type_piix3 = {
    CHIPSET_DEVICE("PIIX3", IsaBridge, &vmstate_piix3), .device_id = 0x7000, .class_code = 0x060100,
    .multifunction = true,
    .realize = piix3_realize, .reset = piix3_reset, .config_written = piix3_written,
    .loaded = piix3_loaded,
};

const PCIDeviceType type_piix4_pm = {
    CHIPSET_DEVICE("PIIX4_PM", PCIDevice, &vmstate_piix4_pm), .device_id = 0x7113,
    .class_code = 0x068000, .revision = 3,
    .realize = piix4_realize, .reset = piix4_reset, .config_written = piix4_written,
    .loaded = piix4_update,
};
