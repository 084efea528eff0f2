/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI-to-PCI bridges: bus numbers and the three windows through which the upstream bus sees what is
 * behind (PCI-to-PCI bridge architecture 1.2, chapter 3). BQL. No VGA or ISA modes.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"

static const char *const window_names[PCI_BRIDGE_WINDOWS] = {
    "pci-bridge-io", "pci-bridge-mem", "pci-bridge-pref",
};

static bool io_window(const PCIDevice *d, uint64_t *base, uint64_t *limit)
{
    uint32_t lo = d->config[PCI_IO_BASE], hi = d->config[PCI_IO_LIMIT];

    *base = (uint64_t)(lo & 0xf0) << 8;
    *limit = (uint64_t)(hi & 0xf0) << 8 | 0xfff;
    return pci_get(d, PCI_COMMAND, 2) & PCI_COMMAND_IO;
}

static bool memory_window(const PCIDevice *d, unsigned n, uint64_t *base, uint64_t *limit)
{
    unsigned reg = n == 1 ? PCI_MEM_BASE : PCI_PREF_BASE;

    *base = (uint64_t)(pci_get(d, reg, 2) & 0xfff0) << 16;
    *limit = (uint64_t)(pci_get(d, reg + 2, 2) & 0xfff0) << 16 | 0xfffff;
    if (n == 2 && (pci_get(d, reg, 1) & 1)) {
        *base |= (uint64_t)pci_get(d, PCI_PREF_BASE_HIGH, 4) << 32;
        *limit |= (uint64_t)pci_get(d, PCI_PREF_LIMIT_HIGH, 4) << 32;
    }
    return pci_get(d, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

bool pci_bridge_window(const PCIDevice *d, unsigned n, uint64_t *base, uint64_t *limit)
{
    bool on = n == 0 ? io_window(d, base, limit) : memory_window(d, n, base, limit);

    return on && *base <= *limit;
}

static MemoryRegion *upstream(PCIBridge *b, unsigned n)
{
    return n == 0 ? b->pci.bus->io : b->pci.bus->memory;
}

static void unmap_window(PCIBridge *b, unsigned n)
{
    if (b->mapped[n]) {
        memory_region_del_subregion(upstream(b, n), &b->window[n]);
        b->mapped[n] = false;
    }
}

/* Memory behind the bridge is seen at the same addresses. */
static void update_windows(PCIBridge *b)
{
    memory_region_transaction_begin();
    for (unsigned n = 0; n < PCI_BRIDGE_WINDOWS; n++) {
        uint64_t base, limit;
        bool on = pci_bridge_window(&b->pci, n, &base, &limit);
        const MemoryRegion *w = &b->window[n];

        if (on && b->mapped[n] && w->addr == base && w->size == limit - base + 1) {
            continue;
        }
        unmap_window(b, n);
        if (on && limit - base != UINT64_MAX) {
            memory_region_init_alias(&b->window[n], window_names[n],
                                     n == 0 ? &b->io : &b->memory, base, limit - base + 1);
            memory_region_add_subregion_overlap(upstream(b, n), base, &b->window[n], 1);
            b->mapped[n] = true;
        }
    }
    memory_region_transaction_commit();
}

void pci_bridge_init(PCIBridge *b, const char *bus_type, bool express)
{
    PCIDevice *d = &b->pci;
    static const PCIField header[] = {
        { PCI_PRIMARY_BUS, 4, 0, 0xffffffff, 0 },
        { PCI_IO_BASE, 2, 0, 0xf0f0, 0 },
        { PCI_MEM_BASE, 4, 0, 0xfff0fff0, 0 },
        { PCI_PREF_BASE, 4, 0x00010001, 0xfff0fff0, 0 },
        { PCI_PREF_BASE_HIGH, 4, 0, 0xffffffff, 0 },
        { PCI_PREF_LIMIT_HIGH, 4, 0, 0xffffffff, 0 },
        { PCI_BRIDGE_CONTROL, 2, 0, 0x005f, 0 },
        { 0 },
    };

    pci_set_fields(d, 0, header);
    memory_region_init(&b->memory, "pci-bridge-memory", UINT64_MAX);
    memory_region_init(&b->io, "pci-bridge-ports", 64 * KiB);
    b->sec.bridge = d;
    b->sec.memory = &b->memory;
    b->sec.io = &b->io;
    b->sec.express = express;
    b->sec.one_slot = express;
    b->sec.bus.print_dev = pci_print_qtree;
    b->sec.bus.dev_path = pci_dev_path;
    qdev_bus_init(&b->sec.bus, bus_type, NULL, &d->dev);
    b->sec_in_tree = true;
}

void pci_bridge_exit(PCIBridge *b)
{
    memory_region_transaction_begin();
    for (unsigned n = 0; n < PCI_BRIDGE_WINDOWS; n++) {
        unmap_window(b, n);
    }
    memory_region_transaction_commit();
    if (b->sec_in_tree) {
        qdev_bus_fini(&b->sec.bus);
        memory_region_fini(&b->memory);
        memory_region_fini(&b->io);
        b->sec_in_tree = false;
    }
}

/* Ports start with closed windows (base above limit), as QEMU's do. */
void pci_bridge_reset(PCIBridge *b)
{
    if (b->sec.express) {
        pci_set(&b->pci, PCI_IO_BASE, 0x00f0, 2);
        pci_set(&b->pci, PCI_MEM_BASE, 0x0000fff0, 4);
        pci_set(&b->pci, PCI_PREF_BASE, 0x0001fff1, 4);
    }
    update_windows(b);
}

void pci_bridge_loaded(PCIDevice *d)
{
    update_windows(container_of(d, PCIBridge, pci));
}

void pci_bridge_config_written(PCIBridge *b, unsigned reg, unsigned size)
{
    bool control = reg <= PCI_BRIDGE_CONTROL && reg + size > PCI_BRIDGE_CONTROL;
    bool command = reg < PCI_COMMAND + 2 && reg + size > PCI_COMMAND;

    if (command || (reg < PCI_IO_BASE_HIGH + 4 && reg + size > PCI_IO_BASE)) {
        update_windows(b);
    }
    if (control && (b->pci.config[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_RESET)) {
        pci_bus_reset(&b->sec);
    }
}

/* --- "pci-bridge": a conventional bridge with bus PCI behind it ------------------------------ */

typedef struct PCIPlainBridge {
    PCIBridge bridge;
    uint8_t chassis_nr;
} PCIPlainBridge;

static PCIBridge *plain(PCIDevice *d)
{
    return container_of(d, PCIBridge, pci);
}

static bool plain_realize(PCIDevice *d, Error **errp)
{
    PCIPlainBridge *s = container_of(plain(d), PCIPlainBridge, bridge);

    if (!s->chassis_nr) {
        error_setg(errp, "Bridge chassis not specified. Each bridge is required to be assigned a "
                         "unique chassis id > 0.");
        return false;
    }
    pci_set(d, PCI_INTERRUPT_PIN, 1, 1);
    pci_set(d, PCI_STATUS, 0x00a0, 2);
    pci_set(d, PCI_SEC_STATUS, 0x00a0, 2);
    pci_bridge_init(&s->bridge, "PCI", false);
    pci_set_wmask(d, PCI_BRIDGE_CONTROL, 0x0bff, 2);
    return true;
}

static void plain_exit(PCIDevice *d)
{
    pci_bridge_exit(plain(d));
}

static void plain_reset(PCIDevice *d)
{
    pci_bridge_reset(plain(d));
}

static void plain_config_written(PCIDevice *d, unsigned reg, unsigned size)
{
    pci_bridge_config_written(plain(d), reg, size);
}

static const Property plain_props[] = {
    DEFINE_PROP(PROP_UINT8, PCIPlainBridge, chassis_nr, "chassis_nr"),
    DEFINE_PROP_END,
};

static const VMStateDescription vmstate_plain = PCI_VMSTATE("pci_bridge");

const PCIDeviceType type_pci_bridge = {
    .device = {
        .object = {
            .name = "pci-bridge",
            .parent = &type_pci_device,
            .description = "Standard PCI Bridge",
            .instance_size = sizeof(PCIPlainBridge),
            .props = plain_props,
        },
        .bus = "PCI",
        .user_creatable = true,
        .migration = MIGRATION_VMSD(&vmstate_plain),
        .realize = pci_device_realize,
        .reset = pci_device_reset,
        .unrealize = pci_device_unrealize,
    },
    .vendor = PCI_VENDOR_REDHAT,
    .device_id = 0x0001,
    .class_code = 0x060400,
    .is_bridge = true,
    .realize = plain_realize,
    .exit = plain_exit,
    .reset = plain_reset,
    .config_written = plain_config_written,
    .loaded = pci_bridge_loaded,
};
