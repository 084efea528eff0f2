/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of PCI functions in a migration: configuration space, interrupt pin, MSI-X table. What
 * identifies a function and its capabilities must be the same on both sides. BQL.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"

static bool same_byte(const PCIDevice *d, const uint8_t *config, unsigned reg, Error **errp)
{
    if (config[reg] != d->config[reg]) {
        error_setg(errp, "[0x%02x]: 0x%02x in the stream, 0x%02x in the device", reg, config[reg],
                   d->config[reg]);
        return false;
    }
    return true;
}

static bool same_range(const PCIDevice *d, const uint8_t *config, unsigned reg, unsigned bytes,
                       Error **errp)
{
    for (unsigned i = 0; i < bytes; i++) {
        if (!same_byte(d, config, reg + i, errp)) {
            return false;
        }
    }
    return true;
}

/* The list of capabilities has the same ones at the same places. */
static bool same_capabilities(const PCIDevice *d, const uint8_t *config, Error **errp)
{
    unsigned at = d->config[PCI_CAP_LIST];

    for (unsigned i = 0; at >= PCI_DEVICE_REGS && i < 48; i++) {
        if (!same_range(d, config, at, 2, errp)) {
            return false;
        }
        at = d->config[at + 1];
    }
    return true;
}

static bool check_config(const void *opaque, const uint8_t *config, Error **errp)
{
    static const struct {
        uint8_t reg, bytes;
        bool bridges;
    } same[] = {
        { PCI_VENDOR_ID, 4, true },   { PCI_REVISION, 4, true },   { PCI_HEADER_TYPE, 1, true },
        { PCI_SUBSYSTEM_VENDOR, 4, false }, { PCI_CAP_LIST, 1, true },
        { PCI_INTERRUPT_PIN, 1, true },
    };
    const PCIDevice *d = opaque;

    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        if ((same[i].bridges || !pci_type(d)->is_bridge) &&
            !same_range(d, config, same[i].reg, same[i].bytes, errp)) {
            return false;
        }
    }
    return same_capabilities(d, config, errp);
}

bool pci_post_load(void *opaque, uint32_t version, Error **errp)
{
    PCIDevice *d = opaque;

    d->intx_sent = d->intx_level && d->config[PCI_INTERRUPT_PIN] &&
                   !(pci_get(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF);
    msix_post_load(d);
    return true;
}

bool pci_applied(void *opaque, Error **errp)
{
    PCIDevice *d = opaque;

    pci_update_mappings(d);
    msix_applied(d);
    if (pci_type(d)->loaded) {
        pci_type(d)->loaded(d);
    }
    return true;
}

const VMStateField vmstate_pci_fields[] = {
    { VMS_MEMBER(PCIDevice, config), .kind = VMS_BUFFER, .size = 1, .count = 1,
      .len_offset = offsetof(PCIDevice, config_bytes), .check = check_config },
    VMSTATE_BOOL(PCIDevice, intx_level),
    VMSTATE_BUFFER(PCIDevice, msix.table, msix.table_bytes),
    VMSTATE_BUFFER(PCIDevice, msix.pending, msix.pending_bytes),
    VMSTATE_END,
};

const VMStateDescription vmstate_pci_device = {
    "pci", .version = 1, .fields = vmstate_pci_fields, .post_load = pci_post_load,
};
