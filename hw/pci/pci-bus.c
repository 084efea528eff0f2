/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI buses: places, bus numbers, routing of configuration cycles and of INTx pins (PCI 3.0, 2.2.6;
 * PCI-to-PCI bridge 1.2, 9.1). BQL.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"

/* --- Places ---------------------------------------------------------------------------------- */

PCIBus *pci_root_bus_new(DeviceState *host, const char *name, bool express, MemoryRegion *memory,
                         MemoryRegion *io, const PCIRootOps *ops, void *opaque)
{
    PCIBus *bus = g_new0(PCIBus, 1);

    bus->express = express;
    bus->memory = memory;
    bus->io = io;
    bus->root_ops = ops;
    bus->root_opaque = opaque;
    bus->bus.print_dev = pci_print_qtree;
    bus->bus.dev_path = pci_dev_path;
    qdev_bus_init(&bus->bus, express ? "PCIE" : "PCI", name, host);
    return bus;
}

void pci_bus_free(PCIBus *bus)
{
    qdev_bus_fini(&bus->bus);
    g_free(bus);
}

bool pci_bus_is_root(const PCIBus *bus)
{
    return !bus->bridge;
}

unsigned pci_bus_number(const PCIBus *bus)
{
    return bus->bridge ? bus->bridge->config[PCI_SECONDARY_BUS] : 0;
}

PCIBus *pci_machine_bus(void)
{
    BusState *bus = qdev_find_bus("pcie.0");

    bus = bus ? bus : qdev_find_bus("pci.0");
    return bus ? container_of(bus, PCIBus, bus) : NULL;
}

char *pci_dev_path(const DeviceState *dev)
{
    const PCIDevice *d = container_of(dev, PCIDevice, dev);
    g_autofree char *before = NULL;

    if (!d->bus->bridge) {
        return g_strdup_printf("0000:00:%02x.%x", PCI_SLOT(d->devfn), PCI_FUNC(d->devfn));
    }
    before = pci_dev_path(&d->bus->bridge->dev);
    return g_strdup_printf("%s:%02x.%x", before, PCI_SLOT(d->devfn), PCI_FUNC(d->devfn));
}

static bool slot_free(const PCIBus *bus, unsigned slot)
{
    for (unsigned fn = 0; fn < 8; fn++) {
        if (bus->devices[PCI_DEVFN(slot, fn)]) {
            return false;
        }
    }
    return true;
}

static int next_free_devfn(const PCIBus *bus)
{
    for (unsigned slot = PCI_SLOT(bus->first_devfn); slot < (bus->one_slot ? 1 : 32); slot++) {
        if (slot_free(bus, slot)) {
            return PCI_DEVFN((int)slot, 0);
        }
    }
    return -1;
}

/* PCI 3.0, 6.2.1: bit 7 of the header type of function 0 says whether there are others. */
static bool check_multifunction(const PCIBus *bus, const PCIDevice *d, unsigned devfn,
                                Error **errp)
{
    const PCIDevice *f0 = bus->devices[devfn & ~7u];
    unsigned slot = PCI_SLOT(devfn);

    if (PCI_FUNC(devfn)) {
        if (f0 && !f0->multifunction) {
            error_setg(errp, "PCI: single function device can't be populated in function %x.%x",
                       slot, PCI_FUNC(devfn));
            return false;
        }
        return true;
    }
    for (unsigned fn = 1; !d->multifunction && fn < 8; fn++) {
        if (bus->devices[PCI_DEVFN(slot, fn)]) {
            error_setg(errp, "PCI: %x.0 indicates single function, but %x.%x is already "
                             "populated.", slot, slot, fn);
            return false;
        }
    }
    return true;
}

bool pci_bus_attach(PCIBus *bus, PCIDevice *d, Error **errp)
{
    const char *name = d->dev.object.type->name;
    int devfn = d->addr >= 0 ? d->addr : next_free_devfn(bus);
    const PCIDevice *other;

    if (devfn < 0) {
        error_setg(errp, "PCI: no slot/function available for %s, all in use or reserved", name);
        return false;
    }
    other = bus->devices[devfn];
    if (bus->one_slot && PCI_SLOT(devfn)) {
        error_setg(errp, "PCI: slot %d is not valid for %s, parent device only allows plugging "
                         "into slot 0.", PCI_SLOT(devfn), name);
        return false;
    }
    if (other) {
        error_setg(errp, "PCI: slot %d function %d not available for %s, in use by %s,id=%s",
                   PCI_SLOT(devfn), PCI_FUNC(devfn), name, other->dev.object.type->name,
                   other->dev.id ? other->dev.id : "(null)");
        return false;
    }
    if (!check_multifunction(bus, d, (unsigned)devfn, errp)) {
        return false;
    }
    d->bus = bus;
    d->devfn = (uint8_t)devfn;
    d->addr = devfn;
    bus->devices[devfn] = d;
    return true;
}

void pci_bus_detach(PCIDevice *d)
{
    d->bus->devices[d->devfn] = NULL;
    d->bus = NULL;
}

/* --- Configuration cycles -------------------------------------------------------------------- */

static PCIBus *secondary_bus(PCIDevice *d)
{
    return d && pci_type(d)->is_bridge ? &container_of(d, PCIBridge, pci)->sec : NULL;
}

PCIBus *pci_find_bus(PCIBus *root, unsigned nr)
{
    PCIBus *bus = root;

    if (nr == 0) {
        return root;
    }
    /* Each step goes one bridge down: a bridge's numbers may be anything, the tree is finite. */
    while (bus) {
        PCIBus *next = NULL;

        for (unsigned devfn = 0; !next && devfn < 256; devfn++) {
            PCIDevice *d = bus->devices[devfn];
            PCIBus *sec = secondary_bus(d);

            if (sec && d->config[PCI_SECONDARY_BUS] && nr >= d->config[PCI_SECONDARY_BUS] &&
                nr <= d->config[PCI_SUBORDINATE_BUS]) {
                next = sec;
            }
        }
        bus = next;
        if (bus && pci_bus_number(bus) == nr) {
            return bus;
        }
    }
    return NULL;
}

static PCIDevice *find_device(PCIBus *root, unsigned nr, unsigned devfn)
{
    PCIBus *bus = pci_find_bus(root, nr);

    return bus ? bus->devices[devfn & 0xff] : NULL;
}

uint32_t pci_bus_config_read(PCIBus *root, unsigned nr, unsigned devfn, unsigned reg,
                             unsigned size)
{
    PCIDevice *d = find_device(root, nr, devfn);

    return d ? pci_config_read(d, reg, size) : UINT32_MAX;
}

void pci_bus_config_write(PCIBus *root, unsigned nr, unsigned devfn, unsigned reg, uint32_t value,
                          unsigned size)
{
    PCIDevice *d = find_device(root, nr, devfn);

    if (d) {
        pci_config_write(d, reg, value, size);
    }
}

/* --- INTx ------------------------------------------------------------------------------------ */

static void count_line(PCIBus *root, unsigned line, bool level)
{
    bool before = pci_root_line(root, line), after;

    assert(level || root->line_count[line]);
    root->line_count[line] += level ? 1 : -1;
    after = pci_root_line(root, line);
    if (before != after && root->root_ops) {
        root->root_ops->set_line(root->root_opaque, line, after);
    }
}

/* Up through bridges, each of which turns pins by the slot (PCI-to-PCI bridge 1.2, 9.1). */
static PCIBus *climb(PCIBus *bus, unsigned *devfn, unsigned *pin)
{
    while (bus->bridge) {
        *pin = (*pin + PCI_SLOT(*devfn)) & 3;
        *devfn = bus->bridge->devfn;
        bus = bus->bridge->bus;
    }
    return bus;
}

void pci_bus_set_intx(PCIBus *bus, unsigned devfn, unsigned pin, bool level)
{
    PCIBus *root = climb(bus, &devfn, &pin);

    if (root->root_ops) {
        count_line(root, root->root_ops->map_pin(root->root_opaque, devfn, pin) % PCI_ROOT_LINES,
                   level);
    }
}

static void for_each_device(PCIBus *bus, void (*fn)(PCIDevice *d, void *opaque), void *opaque)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        PCIDevice *d = bus->devices[devfn];

        if (d) {
            PCIBus *sec = secondary_bus(d);

            fn(d, opaque);
            if (sec) {
                for_each_device(sec, fn, opaque);
            }
        }
    }
}

static void reroute_one(PCIDevice *d, void *opaque)
{
    bool begin = *(bool *)opaque;

    if (d->intx_sent) {
        pci_bus_set_intx(d->bus, d->devfn, (d->config[PCI_INTERRUPT_PIN] - 1u) & 3, !begin);
    }
}

void pci_root_reroute(PCIBus *root, bool begin)
{
    for_each_device(root, reroute_one, &begin);
}

static void count_one(PCIDevice *d, void *opaque)
{
    PCIBus *root = opaque;
    unsigned devfn = d->devfn, pin = (d->config[PCI_INTERRUPT_PIN] - 1u) & 3;

    if (d->intx_sent) {
        climb(d->bus, &devfn, &pin);
        root->line_count[root->root_ops->map_pin(root->root_opaque, devfn, pin) %
                         PCI_ROOT_LINES]++;
    }
}

void pci_root_recount(PCIBus *root)
{
    memset(root->line_count, 0, sizeof(root->line_count));
    for_each_device(root, count_one, root);
}

/* --- Reset ----------------------------------------------------------------------------------- */

static void reset_one(PCIDevice *d, void *opaque)
{
    device_type(&d->dev)->reset(&d->dev);
}

void pci_bus_reset(PCIBus *bus)
{
    for_each_device(bus, reset_one, NULL);
}
