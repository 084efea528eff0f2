/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-pci and `info pci`, which prints its reply. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"
#include "hmp.h"
#include "qapi/qapi-commands.h"

/* --- query-pci ------------------------------------------------------------------------------- */

static void add_region(const PCIDevice *d, unsigned n, PciDeviceInfo *info)
{
    const PCIRegion *r = &d->regions[n];
    PciMemoryRegion *out = PciMemoryRegionList_append(info->regions);

    out->bar = n;
    out->address = (int64_t)r->addr;
    out->size = (int64_t)r->size;
    out->type = g_strdup(r->type & PCI_BAR_IO ? "io" : "memory");
    if (!(r->type & PCI_BAR_IO)) {
        out->has_prefetch = out->has_mem_type_64 = true;
        out->prefetch = (r->type & PCI_BAR_PREFETCH) != 0;
        out->mem_type_64 = (r->type & PCI_BAR_64) != 0;
    }
}

static PciMemoryRange *make_range(const PCIDevice *d, unsigned window)
{
    PciMemoryRange *range = g_new0(PciMemoryRange, 1);
    uint64_t base, limit;

    pci_bridge_window(d, window, &base, &limit);
    range->base = (int64_t)base;
    range->limit = (int64_t)limit;
    return range;
}

static void add_functions(const PCIBus *bus, PciDeviceInfoList *list);

static void add_bridge(PCIDevice *d, PciDeviceInfo *info)
{
    PciBridgeInfo *bridge = g_new0(PciBridgeInfo, 1);

    bridge->bus = g_new0(PciBusInfo, 1);
    bridge->bus->number = d->config[PCI_PRIMARY_BUS];
    bridge->bus->secondary = d->config[PCI_SECONDARY_BUS];
    bridge->bus->subordinate = d->config[PCI_SUBORDINATE_BUS];
    bridge->bus->io_range = make_range(d, 0);
    bridge->bus->memory_range = make_range(d, 1);
    bridge->bus->prefetchable_range = make_range(d, 2);
    if (d->config[PCI_SECONDARY_BUS]) {
        bridge->devices = g_new0(PciDeviceInfoList, 1);
        add_functions(&container_of(d, PCIBridge, pci)->sec, bridge->devices);
    }
    info->pci_bridge = bridge;
}

static void set_ids(const PCIDevice *d, PciDeviceInfo *info)
{
    const char *desc = pci_class_name((uint16_t)pci_get(d, PCI_CLASS_DEVICE, 2));

    info->class_info = g_new0(PciDeviceClass, 1);
    info->class_info->class = pci_get(d, PCI_CLASS_DEVICE, 2);
    info->class_info->desc = g_strdup(desc);
    info->id = g_new0(PciDeviceId, 1);
    info->id->vendor = pci_get(d, PCI_VENDOR_ID, 2);
    info->id->device = pci_get(d, PCI_DEVICE_ID, 2);
    if (!pci_type(d)->is_bridge) {
        info->id->has_subsystem = info->id->has_subsystem_vendor = true;
        info->id->subsystem = pci_get(d, PCI_SUBSYSTEM_ID, 2);
        info->id->subsystem_vendor = pci_get(d, PCI_SUBSYSTEM_VENDOR, 2);
    }
}

static void add_functions(const PCIBus *bus, PciDeviceInfoList *list)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        PCIDevice *d = bus->devices[devfn];
        PciDeviceInfo *info = d ? PciDeviceInfoList_append(list) : NULL;

        if (!d) {
            continue;
        }
        info->bus = pci_bus_number(bus);
        info->slot = PCI_SLOT(devfn);
        info->function = PCI_FUNC(devfn);
        set_ids(d, info);
        info->irq_pin = d->config[PCI_INTERRUPT_PIN];
        info->has_irq = info->irq_pin != 0;
        info->irq = d->config[PCI_INTERRUPT_LINE];
        info->qdev_id = g_strdup(d->dev.id ? d->dev.id : "");
        info->regions = g_new0(PciMemoryRegionList, 1);
        for (unsigned n = 0; n < PCI_NR_REGIONS; n++) {
            if (d->regions[n].mr) {
                add_region(d, n, info);
            }
        }
        if (pci_type(d)->is_bridge) {
            add_bridge(d, info);
        }
    }
}

bool qmp_query_pci(PciInfoList **ret, Error **errp)
{
    const PCIBus *root = pci_machine_bus();

    *ret = g_new0(PciInfoList, 1);
    if (root) {
        PciInfo *info = PciInfoList_append(*ret);

        info->devices = g_new0(PciDeviceInfoList, 1);
        add_functions(root, info->devices);
    }
    return true;
}

/* --- info pci -------------------------------------------------------------------------------- */

static void print_bridge(Monitor *mon, const PciBusInfo *bus)
{
    static const char *const names[] = { "memory range", "prefetchable memory range" };
    const PciMemoryRange *ranges[] = { bus->memory_range, bus->prefetchable_range };

    monitor_printf(mon, "      BUS %" PRId64 ".\n", bus->number);
    monitor_printf(mon, "      secondary bus %" PRId64 ".\n", bus->secondary);
    monitor_printf(mon, "      subordinate bus %" PRId64 ".\n", bus->subordinate);
    monitor_printf(mon, "      IO range [0x%04" PRIx64 ", 0x%04" PRIx64 "]\n", bus->io_range->base,
                   bus->io_range->limit);
    for (unsigned i = 0; i < 2; i++) {
        monitor_printf(mon, "      %s [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", names[i],
                       ranges[i]->base, ranges[i]->limit);
    }
}

static void print_region(Monitor *mon, const PciMemoryRegion *r)
{
    uint64_t last = (uint64_t)r->address + (uint64_t)r->size - 1;

    monitor_printf(mon, "      BAR%" PRId64 ": ", r->bar);
    if (!strcmp(r->type, "io")) {
        monitor_printf(mon, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", r->address, last);
    } else {
        monitor_printf(mon, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
                       r->mem_type_64 ? 64 : 32, r->prefetch ? " prefetchable" : "", r->address,
                       last);
    }
}

static void print_device(Monitor *mon, const PciDeviceInfo *d)
{
    const PciDeviceClass *c = d->class_info;

    monitor_printf(mon, "  Bus %2" PRId64 ", device %3" PRId64 ", function %" PRId64 ":\n", d->bus,
                   d->slot, d->function);
    if (c->desc) {
        monitor_printf(mon, "    %s", c->desc);
    } else {
        monitor_printf(mon, "    Class %04" PRId64, c->class);
    }
    monitor_printf(mon, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", d->id->vendor, d->id->device);
    if (d->id->has_subsystem) {
        monitor_printf(mon, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n",
                       d->id->subsystem_vendor, d->id->subsystem);
    }
    if (d->has_irq) {
        monitor_printf(mon, "      IRQ %" PRId64 ", pin %c\n", d->irq,
                       (char)('A' + d->irq_pin - 1));
    }
    if (d->pci_bridge) {
        print_bridge(mon, d->pci_bridge->bus);
    }
    for (size_t i = 0; i < d->regions->len; i++) {
        print_region(mon, &d->regions->items[i]);
    }
    monitor_printf(mon, "      id \"%s\"\n", d->qdev_id);
    for (size_t i = 0; d->pci_bridge && d->pci_bridge->devices &&
                       i < d->pci_bridge->devices->len; i++) {
        print_device(mon, &d->pci_bridge->devices->items[i]);
    }
}

void hmp_info_pci(Monitor *mon, const HmpArg *args)
{
    g_autoptr(PciInfoList) list = NULL;

    if (!qmp_query_pci(&list, NULL)) {
        return;
    }
    if (!list->len) {
        monitor_printf(mon, "PCI not supported\n");
    }
    for (size_t i = 0; i < list->len; i++) {
        for (size_t k = 0; k < list->items[i].devices->len; k++) {
            print_device(mon, &list->items[i].devices->items[k]);
        }
    }
}
