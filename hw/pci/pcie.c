/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI Express: capabilities of end points, and the root port (PCI Express 4.0, 7.5.3, 7.8.4). Slots
 * do not change while the machine runs. BQL. No error reporting: the registers are there.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"

enum {
    EXP_BYTES = 0x3c,
    EXP_FLAGS = 0x02,
    EXP_DEVCTL = 0x08,
    EXP_LNKCAP = 0x0c,
    EXP_LNKSTA = 0x12,
    EXP_SLTCAP = 0x14,
    EXP_SLTCTL = 0x18,
    EXP_SLTSTA = 0x1a,

    DEVCTL_FLR = 0x8000,
    SLTCTL_INTERLOCK = 0x0800,
    SLTSTA_COMMAND_DONE = 0x0010,
    SLTSTA_PRESENT = 0x0040,
    SLTSTA_INTERLOCK = 0x0080,
    LNKSTA_ACTIVE = 0x2000,

    RP_SSVID = 0x40,
    RP_EXP = 0x54,
    RP_AER = 0x100,
    RP_ACS = 0x148,
};

/* --- End points ------------------------------------------------------------------------------ */

/* Version 2; one lane at 2.5 GT/s; error reporting enables; end-to-end prefixes. */
static const PCIField endpoint_fields[] = {
    { EXP_FLAGS, 2, 0x0002, 0, 0 },
    { 0x04, 4, 0x10008000, 0, 0 },
    { EXP_DEVCTL, 2, 0, 0x800f, 0 },
    { 0x0a, 2, 0, 0, 0x000f },
    { EXP_LNKCAP, 4, 0x00000411, 0, 0 },
    { 0x10, 4, 0x00110000, 0x00c0, 0 },
    { 0x24, 4, 0x00300000, 0, 0 },
    { 0x28, 2, 0, 0x8000, 0 },
    { 0 },
};

bool pcie_endpoint_init(PCIDevice *d, Error **errp)
{
    unsigned cap = pci_add_capability(d, PCI_CAP_EXPRESS, 0, EXP_BYTES);

    if (!cap) {
        error_setg(errp, "no room for the PCI Express capability");
        return false;
    }
    d->pcie_cap = (uint16_t)cap;
    pci_set_fields(d, cap, endpoint_fields);
    return true;
}

void pcie_endpoint_config_written(PCIDevice *d, unsigned reg, unsigned size)
{
    unsigned ctl = d->pcie_cap + (unsigned)EXP_DEVCTL;

    if (d->pcie_cap && reg < ctl + 2 && reg + size > ctl &&
        (pci_get(d, ctl, 2) & DEVCTL_FLR)) {
        device_type(&d->dev)->reset(&d->dev); /* function level reset; the bit reads as zero */
    }
}

bool pci_pm_init(PCIDevice *d, Error **errp)
{
    static const PCIField fields[] = { { 2, 2, 0x0003, 0, 0 }, { 4, 2, 0, 0x0003, 0 }, { 0 } };
    unsigned cap = pci_add_capability(d, PCI_CAP_PM, 0, 8);

    if (!cap) {
        error_setg(errp, "no room for the power management capability");
        return false;
    }
    pci_set_fields(d, cap, fields);
    return true;
}

/* --- Root port ------------------------------------------------------------------------------- */

typedef struct RootPort {
    PCIBridge bridge;
    uint8_t port, chassis;
    uint16_t slot, aer_log_max;
    bool hotplug, power_controller, disable_acs, native_hotplug;
    uint32_t bus_reserve;
    uint64_t io_reserve, mem_reserve, pref32_reserve, pref64_reserve;
    int speed, width;
} RootPort;

static const char *const speed_names[] = { "2_5", "5", "8", "16", NULL };
static const char *const width_names[] = { "1", "2", "4", "8", "12", "16", "32", NULL };
static const uint8_t widths[] = { 1, 2, 4, 8, 12, 16, 32 };

static const PCIField root_port_fields[] = {
    { EXP_FLAGS, 2, 0x0142, 0, 0 }, /* version 2, root port with a slot */
    { 0x04, 4, 0x00008000, 0, 0 },
    { EXP_DEVCTL, 2, 0, 0x000f, 0 },
    { 0x0a, 2, 0, 0, 0x000f },
    { EXP_SLTCTL, 2, 0x07c0, 0x07f9, 0 },
    { EXP_SLTSTA, 2, 0, 0, 0x001f },
    { 0x1c, 2, 0, 0x0007, 0 },
    { 0x20, 4, 0, 0, 0x00010000 },
    { 0x24, 4, 0x00300020, 0, 0 },
    { 0x28, 2, 0, 0x8020, 0 },
    { 0 },
};

static const PCIField aer_fields[] = {
    { 0x04, 4, 0, 0, 0x03fff030 },
    { 0x08, 4, 0, 0x03fff030, 0 },
    { 0x0c, 4, 0x00462030, 0x03fff030, 0 },
    { 0x10, 4, 0, 0, 0x0000f1c1 },
    { 0x14, 4, 0x0000e000, 0x0000f1c1, 0 },
    { 0x18, 4, 0x000002a0, 0x00000540, 0 },
    { 0x2c, 4, 0, 0x00000007, 0 },
    { 0x30, 4, 0, 0, 0x0000007f },
    { 0 },
};

static RootPort *root_port(PCIDevice *d)
{
    return container_of(container_of(d, PCIBridge, pci), RootPort, bridge);
}

static void set_link(RootPort *s)
{
    PCIDevice *d = &s->bridge.pci;
    unsigned speed = (unsigned)s->speed + 1, width = widths[s->width];
    unsigned link = speed | width << 4;

    pci_set(d, RP_EXP + EXP_LNKCAP, 0x00300400u | link | (uint32_t)s->port << 24, 4);
    pci_set(d, RP_EXP + EXP_LNKSTA, link, 2);
    pci_set(d, RP_EXP + 0x2c, (2u << speed) - 2, 4); /* speeds supported */
    pci_set(d, RP_EXP + 0x30, speed, 2);             /* target speed */
}

static void set_capabilities(RootPort *s)
{
    PCIDevice *d = &s->bridge.pci;
    static const PCIField ssvid[] = { { 4, 2, PCI_VENDOR_REDHAT, 0, 0 }, { 0 } };
    static const PCIField acs[] = { { 4, 2, 0x5f, 0, 0 }, { 6, 2, 0, 0x5f, 0 }, { 0 } };

    pci_set_fields(d, RP_EXP, root_port_fields);
    pci_set(d, RP_EXP + EXP_SLTCAP, (uint32_t)s->slot << 19 | 0x00020018 |
                                    (s->power_controller ? 0x03 : 0x01) |
                                    (s->hotplug ? 0x60 : 0), 4);
    set_link(s);
    pci_set_fields(d, RP_SSVID, ssvid);
    pcie_add_ext_capability(d, PCIE_EXT_CAP_AER, 2, RP_AER, 0x48);
    pci_set_fields(d, RP_AER, aer_fields);
    if (!s->disable_acs) {
        pcie_add_ext_capability(d, PCIE_EXT_CAP_ACS, 1, RP_ACS, 8);
        pci_set_fields(d, RP_ACS, acs);
    }
}

/* Ports of a machine differ in chassis and slot: that is how a guest names the slot. */
typedef struct SlotSearch {
    const RootPort *port;
    bool taken;
} SlotSearch;

static void compare_slot(void *opaque, DeviceState *dev)
{
    SlotSearch *search = opaque;

    if (device_type(dev) == &type_pcie_root_port.device && dev != &search->port->bridge.pci.dev) {
        const RootPort *other = root_port(PCI_DEVICE(dev));

        search->taken |= other->chassis == search->port->chassis &&
                         other->slot == search->port->slot;
    }
}

static bool root_port_realize(PCIDevice *d, Error **errp)
{
    RootPort *s = root_port(d);
    SlotSearch search = { .port = s };

    if (!d->bus->express || !pci_bus_is_root(d->bus)) {
        error_setg(errp, "PCIE root port can only be plugged into a PCI Express root bus");
        return false;
    }
    qdev_foreach(compare_slot, &search);
    if (search.taken) {
        error_setg(errp, "Can't add chassis slot, error -16");
        error_append_hint(errp, "give each root port another chassis=\n");
        return false;
    }
    pci_set(d, PCI_INTERRUPT_PIN, 1, 1);
    pci_add_capability(d, PCI_CAP_SSVID, RP_SSVID, 8);
    if (!msix_init(d, 0, 1, errp)) {
        return false;
    }
    pci_add_capability(d, PCI_CAP_EXPRESS, RP_EXP, EXP_BYTES);
    set_capabilities(s);
    pci_bridge_init(&s->bridge, "PCIE", true);
    return true;
}

static void root_port_exit(PCIDevice *d)
{
    pci_bridge_exit(&root_port(d)->bridge);
}

/* What is in the slot shows in the slot and link status. */
static void show_presence(RootPort *s)
{
    PCIDevice *d = &s->bridge.pci;
    const PCIDevice *in_slot = s->bridge.sec.devices[0];

    if (in_slot && in_slot->config) {
        unsigned cap = in_slot->pcie_cap;
        uint32_t link = cap ? pci_get(in_slot, cap + EXP_LNKSTA, 2) & 0x3ff : 0x11;

        pci_set(d, RP_EXP + EXP_SLTSTA, pci_get(d, RP_EXP + EXP_SLTSTA, 2) | SLTSTA_PRESENT, 2);
        pci_set(d, RP_EXP + EXP_LNKSTA, link | LNKSTA_ACTIVE, 2);
    }
}

static void root_port_reset(PCIDevice *d)
{
    RootPort *s = root_port(d);

    pci_set_fields(d, RP_EXP, root_port_fields);
    pci_set_fields(d, RP_AER, aer_fields);
    set_link(s);
    show_presence(s);
    pci_bridge_reset(&s->bridge);
}

static void root_port_config_written(PCIDevice *d, unsigned reg, unsigned size)
{
    RootPort *s = root_port(d);
    unsigned ctl = RP_EXP + EXP_SLTCTL;

    pci_bridge_config_written(&s->bridge, reg, size);
    if (reg < ctl + 2 && reg + size > ctl) {
        pci_set(d, RP_EXP + EXP_SLTSTA,
                pci_get(d, RP_EXP + EXP_SLTSTA, 2) | SLTSTA_COMMAND_DONE, 2);
    }
}

static void root_port_config_reading(PCIDevice *d, unsigned reg, unsigned size)
{
    if (reg < RP_EXP + EXP_BYTES && reg + size > RP_EXP) {
        show_presence(root_port(d));
    }
}

#define RESERVE(_field, _name) \
    DEFINE_PROP(PROP_SIZE, RootPort, _field, _name, .default_val = UINT64_MAX)

static const Property root_port_props[] = {
    DEFINE_PROP(PROP_UINT32, RootPort, bus_reserve, "bus-reserve", .default_val = UINT32_MAX),
    RESERVE(io_reserve, "io-reserve"),
    RESERVE(mem_reserve, "mem-reserve"),
    RESERVE(pref32_reserve, "pref32-reserve"),
    RESERVE(pref64_reserve, "pref64-reserve"),
    DEFINE_PROP(PROP_ENUM, RootPort, speed, "x-speed", .enum_names = speed_names,
                .enum_type = "PCIELinkSpeed", .default_str = "16"),
    DEFINE_PROP(PROP_ENUM, RootPort, width, "x-width", .enum_names = width_names,
                .enum_type = "PCIELinkWidth", .default_str = "32"),
    DEFINE_PROP(PROP_BOOL, RootPort, power_controller, "power_controller_present",
                .default_val = true),
    DEFINE_PROP(PROP_BOOL, RootPort, disable_acs, "disable-acs"),
    DEFINE_PROP(PROP_UINT8, RootPort, chassis, "chassis"),
    DEFINE_PROP(PROP_UINT16, RootPort, slot, "slot", .max = 0x1fff),
    DEFINE_PROP(PROP_BOOL, RootPort, hotplug, "hotplug", .default_val = true),
    DEFINE_PROP(PROP_BOOL, RootPort, native_hotplug, "x-native-hotplug", .default_val = true),
    DEFINE_PROP(PROP_UINT8, RootPort, port, "port"),
    DEFINE_PROP(PROP_UINT16, RootPort, aer_log_max, "aer_log_max", .default_val = 8),
    DEFINE_PROP_END,
};

static const VMStateDescription vmstate_root_port = PCI_VMSTATE("pcie-root-port");

const PCIDeviceType type_pcie_root_port = {
    .device = {
        .object = {
            .name = "pcie-root-port",
            .parent = &type_pci_device,
            .description = "PCI Express Root Port",
            .instance_size = sizeof(RootPort),
            .props = root_port_props,
        },
        .bus = "PCI",
        .user_creatable = true,
        .migration = MIGRATION_VMSD(&vmstate_root_port),
        .realize = pci_device_realize,
        .reset = pci_device_reset,
        .unrealize = pci_device_unrealize,
    },
    .vendor = PCI_VENDOR_REDHAT,
    .device_id = 0x000c,
    .class_code = 0x060400,
    .is_bridge = true,
    .is_express = true,
    .realize = root_port_realize,
    .exit = root_port_exit,
    .reset = root_port_reset,
    .config_written = root_port_config_written,
    .config_reading = root_port_config_reading,
    .loaded = pci_bridge_loaded,
};
