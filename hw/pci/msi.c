/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MSI capability: 64-bit address, per-vector masking (PCI 3.0, 6.8.1). BQL. */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"

enum {
    MSI_CONTROL = 2, /* of the capability */
    MSI_ADDRESS = 4,
    MSI_ADDRESS_HIGH = 8,
    MSI_DATA = 12,
    MSI_MASK = 16,
    MSI_PENDING = 20,
    MSI_BYTES = 24,

    MSI_ENABLE = 0x0001,
    MSI_CAPABLE_SHIFT = 1,
    MSI_ENABLED_SHIFT = 4,
    MSI_64BIT = 0x0080,
    MSI_MASKABLE = 0x0100,
};

bool msi_init(PCIDevice *d, unsigned offset, unsigned vectors, Error **errp)
{
    unsigned cap = pci_add_capability(d, PCI_CAP_MSI, offset, MSI_BYTES);

    assert(is_power_of_2(vectors) && vectors <= 32);
    if (!cap) {
        error_setg(errp, "no room for the MSI capability");
        return false;
    }
    d->msi_cap = (uint16_t)cap;
    pci_set(d, cap + MSI_CONTROL, MSI_64BIT | MSI_MASKABLE |
                                  (unsigned)ctz32(vectors) << MSI_CAPABLE_SHIFT, 2);
    pci_set_wmask(d, cap + MSI_CONTROL, MSI_ENABLE | 7u << MSI_ENABLED_SHIFT, 2);
    pci_set_wmask(d, cap + MSI_ADDRESS, 0xfffffffc, 4);
    pci_set_wmask(d, cap + MSI_ADDRESS_HIGH, 0xffffffff, 4);
    pci_set_wmask(d, cap + MSI_DATA, 0xffff, 2);
    pci_set_wmask(d, cap + MSI_MASK, 0xffffffffu >> (32 - vectors), 4);
    return true;
}

bool msi_enabled(const PCIDevice *d)
{
    return d->msi_cap && (pci_get(d, d->msi_cap + MSI_CONTROL, 2) & MSI_ENABLE);
}

/* A guest may write more than the capability offers. */
static unsigned vectors_enabled(const PCIDevice *d)
{
    uint32_t control = pci_get(d, d->msi_cap + MSI_CONTROL, 2);
    unsigned want = control >> MSI_ENABLED_SHIFT & 7, have = control >> MSI_CAPABLE_SHIFT & 7;

    return 1u << MIN(want, have);
}

static void send(PCIDevice *d, unsigned vector)
{
    uint64_t addr = pci_get(d, d->msi_cap + MSI_ADDRESS, 4) |
                    (uint64_t)pci_get(d, d->msi_cap + MSI_ADDRESS_HIGH, 4) << 32;
    uint32_t data = pci_get(d, d->msi_cap + MSI_DATA, 2);
    unsigned nr = vectors_enabled(d);

    pci_send_msi(d, addr, (data & ~(nr - 1)) | (vector & (nr - 1)));
}

void msi_notify(PCIDevice *d, unsigned vector)
{
    uint32_t bit = BIT(vector & 31);

    if (!msi_enabled(d)) {
        return;
    }
    if (pci_get(d, d->msi_cap + MSI_MASK, 4) & bit) {
        pci_set(d, d->msi_cap + MSI_PENDING,
                pci_get(d, d->msi_cap + MSI_PENDING, 4) | bit, 4);
        return;
    }
    send(d, vector);
}

void msi_config_written(PCIDevice *d, unsigned reg, unsigned size)
{
    uint32_t fire;

    if (!d->msi_cap || reg + size <= d->msi_cap || reg >= d->msi_cap + (unsigned)MSI_BYTES ||
        !msi_enabled(d)) {
        return;
    }
    pci_set_intx(d, false);
    fire = pci_get(d, d->msi_cap + MSI_PENDING, 4) & ~pci_get(d, d->msi_cap + MSI_MASK, 4);
    pci_set(d, d->msi_cap + MSI_PENDING, pci_get(d, d->msi_cap + MSI_PENDING, 4) & ~fire, 4);
    for (unsigned v = 0; v < 32; v++) {
        if (fire & BIT(v)) {
            send(d, v);
        }
    }
}

void msi_reset(PCIDevice *d)
{
    if (d->msi_cap) {
        pci_set(d, d->msi_cap + MSI_PENDING, 0, 4);
    }
}
