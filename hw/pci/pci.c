/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions: configuration space, base address registers, capability lists, life cycle (PCI
 * 3.0, chapter 6). BQL. No expansion ROM images, power management states or hot-plug.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"
#include "qemu/cutils.h"
#include "qemu/log.h"

/* --- Registers ------------------------------------------------------------------------------- */

uint32_t pci_get(const PCIDevice *d, unsigned reg, unsigned bytes)
{
    uint32_t v = 0;

    assert(reg + bytes <= d->config_bytes);
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint32_t)d->config[reg + i] << (8 * i);
    }
    return v;
}

static void store(PCIDevice *d, uint8_t *to, unsigned reg, uint32_t value, unsigned bytes)
{
    assert(reg + bytes <= d->config_bytes);
    for (unsigned i = 0; i < bytes; i++) {
        to[reg + i] = (uint8_t)(value >> (8 * i));
    }
}

void pci_set(PCIDevice *d, unsigned reg, uint32_t value, unsigned bytes)
{
    store(d, d->config, reg, value, bytes);
}

void pci_set_wmask(PCIDevice *d, unsigned reg, uint32_t mask, unsigned bytes)
{
    store(d, d->wmask, reg, mask, bytes);
}

uint32_t pci_config_read(PCIDevice *d, unsigned reg, unsigned size)
{
    if (reg + size > d->config_bytes) {
        return UINT32_MAX; /* as QEMU: nobody answers */
    }
    if (pci_type(d)->config_reading) {
        pci_type(d)->config_reading(d, reg, size);
    }
    return pci_get(d, reg, size);
}

static bool touches(unsigned reg, unsigned size, unsigned start, unsigned end)
{
    return reg < end && reg + size > start;
}

void pci_config_write(PCIDevice *d, unsigned reg, uint32_t value, unsigned size)
{
    if (reg + size > d->config_bytes) {
        return;
    }
    for (unsigned i = 0; i < size; i++, value >>= 8) {
        uint8_t v = (uint8_t)value, *p = &d->config[reg + i];

        *p = (uint8_t)((*p & ~d->wmask[reg + i]) | (v & d->wmask[reg + i]));
        *p &= (uint8_t)~(v & d->w1cmask[reg + i]);
    }
    if (touches(reg, size, PCI_COMMAND, PCI_COMMAND + 2)) {
        pci_set_intx(d, d->intx_level); /* INTx disable */
    }
    if (touches(reg, size, PCI_COMMAND, PCI_COMMAND + 2) ||
        touches(reg, size, PCI_BAR0, PCI_BAR0 + 24) ||
        touches(reg, size, PCI_ROM_ADDRESS, PCI_ROM_ADDRESS + 4)) {
        pci_update_mappings(d);
    }
    msi_config_written(d, reg, size);
    msix_config_written(d, reg, size);
    if (pci_type(d)->config_written) {
        pci_type(d)->config_written(d, reg, size);
    }
}

/* --- Capabilities ---------------------------------------------------------------------------- */

static unsigned find_room(const PCIDevice *d, unsigned bytes)
{
    for (unsigned at = PCI_DEVICE_REGS; at + bytes <= PCI_CONFIG_BYTES; at += 4) {
        unsigned i = 0;

        while (i < bytes && !d->used[at + i]) {
            i++;
        }
        if (i == bytes) {
            return at;
        }
    }
    return 0;
}

unsigned pci_add_capability(PCIDevice *d, uint8_t id, unsigned offset, unsigned bytes)
{
    offset = offset ? offset : find_room(d, bytes);
    if (!offset) {
        return 0;
    }
    assert(offset + bytes <= PCI_CONFIG_BYTES);
    memset(d->used + offset, 1, ROUND_UP(bytes, 4u));
    memset(d->config + offset, 0, bytes);
    memset(d->wmask + offset, 0, ROUND_UP(bytes, 4u));
    d->config[offset] = id;
    d->config[offset + 1] = d->config[PCI_CAP_LIST];
    d->config[PCI_CAP_LIST] = (uint8_t)offset;
    d->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    return offset;
}

void pci_set_fields(PCIDevice *d, unsigned base, const PCIField *fields)
{
    for (; fields->bytes; fields++) {
        unsigned reg = base + fields->reg;

        pci_set(d, reg, fields->value, fields->bytes);
        pci_set_wmask(d, reg, fields->wmask, fields->bytes);
        store(d, d->w1cmask, reg, fields->w1cmask, fields->bytes);
    }
}

void pcie_add_ext_capability(PCIDevice *d, uint16_t id, uint8_t version, unsigned offset,
                             unsigned bytes)
{
    unsigned last = PCI_CONFIG_BYTES;

    assert(offset >= PCI_CONFIG_BYTES && offset + bytes <= d->config_bytes);
    while (pci_get(d, last, 4) && pci_get(d, last + 2, 2) >> 4) {
        last = pci_get(d, last + 2, 2) >> 4;
    }
    if (offset != PCI_CONFIG_BYTES) {
        pci_set(d, last + 2, (pci_get(d, last + 2, 2) & 0xf) | offset << 4, 2);
    }
    memset(d->config + offset, 0, bytes);
    memset(d->wmask + offset, 0, bytes);
    memset(d->used + offset, 1, bytes);
    pci_set(d, offset, id | (uint32_t)version << 16, 4);
}

unsigned pci_find_capability(const PCIDevice *d, uint8_t id)
{
    unsigned at = d->config[PCI_CAP_LIST];

    for (unsigned i = 0; at >= PCI_DEVICE_REGS && i < 48; i++) {
        if (d->config[at] == id) {
            return at;
        }
        at = d->config[at + 1];
    }
    return 0;
}

/* --- Base address registers ------------------------------------------------------------------ */

static unsigned bar_reg(const PCIDevice *d, unsigned n)
{
    if (n != PCI_ROM_SLOT) {
        return PCI_BAR0 + 4 * n;
    }
    return pci_type(d)->is_bridge ? PCI_BRIDGE_ROM : PCI_ROM_ADDRESS;
}

void pci_register_bar(PCIDevice *d, unsigned n, uint8_t type, MemoryRegion *mr)
{
    PCIRegion *r = &d->regions[n];
    unsigned reg = bar_reg(d, n);
    uint64_t mask = ~(mr->size - 1);

    assert(is_power_of_2(mr->size) && !r->mr);
    *r = (PCIRegion){ .mr = mr, .size = mr->size, .type = type, .addr = PCI_UNMAPPED };
    pci_set(d, reg, type, 4);
    pci_set_wmask(d, reg, (uint32_t)mask, 4);
    if (type & PCI_BAR_64) {
        pci_set(d, reg + 4, 0, 4);
        pci_set_wmask(d, reg + 4, (uint32_t)(mask >> 32), 4);
    }
}

/* Where the register of region @n says it is, or PCI_UNMAPPED. Address 0 is not decoded: that is
 * what a register holds before anybody has assigned it. */
static uint64_t bar_address(const PCIDevice *d, unsigned n)
{
    const PCIRegion *r = &d->regions[n];
    unsigned reg = bar_reg(d, n);
    uint16_t command = (uint16_t)pci_get(d, PCI_COMMAND, 2);
    uint64_t addr = pci_get(d, reg, 4) & ~(uint32_t)(r->size - 1), last;

    if (r->type & PCI_BAR_IO) {
        last = addr + r->size - 1;
        return command & PCI_COMMAND_IO && addr && last <= 0xffff ? addr : PCI_UNMAPPED;
    }
    if (!(command & PCI_COMMAND_MEMORY) ||
        (n == PCI_ROM_SLOT && !(d->config[reg] & 1))) {
        return PCI_UNMAPPED;
    }
    if (r->type & PCI_BAR_64) {
        addr |= (uint64_t)pci_get(d, reg + 4, 4) << 32;
    }
    last = addr + r->size - 1;
    if (!addr || last < addr || last == UINT64_MAX ||
        (!(r->type & PCI_BAR_64) && last >= UINT32_MAX)) {
        return PCI_UNMAPPED;
    }
    return addr;
}

static void map_region(PCIDevice *d, unsigned n, uint64_t addr)
{
    PCIRegion *r = &d->regions[n];
    MemoryRegion *space = r->type & PCI_BAR_IO ? d->bus->io : d->bus->memory;

    if (r->addr != PCI_UNMAPPED) {
        memory_region_del_subregion(space, r->mr);
    }
    r->addr = addr;
    if (addr != PCI_UNMAPPED) {
        memory_region_add_subregion_overlap(space, addr, r->mr, 1);
    }
}

void pci_update_mappings(PCIDevice *d)
{
    memory_region_transaction_begin();
    for (unsigned n = 0; d->bus && n < PCI_NR_REGIONS; n++) {
        if (d->regions[n].mr) {
            uint64_t addr = bar_address(d, n);

            if (addr != d->regions[n].addr) {
                map_region(d, n, addr);
            }
        }
    }
    memory_region_transaction_commit();
}

static void unmap_regions(PCIDevice *d)
{
    memory_region_transaction_begin();
    for (unsigned n = 0; n < PCI_NR_REGIONS; n++) {
        if (d->regions[n].mr && d->regions[n].addr != PCI_UNMAPPED) {
            map_region(d, n, PCI_UNMAPPED);
        }
    }
    memory_region_transaction_commit();
}

/* --- Interrupt pin --------------------------------------------------------------------------- */

void pci_set_intx(PCIDevice *d, bool level)
{
    unsigned pin = d->config[PCI_INTERRUPT_PIN];
    bool send;

    d->intx_level = level;
    d->config[PCI_STATUS] = (uint8_t)((d->config[PCI_STATUS] & ~PCI_STATUS_INTERRUPT) |
                                      (level ? PCI_STATUS_INTERRUPT : 0));
    send = level && !(pci_get(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF);
    if (send == d->intx_sent || !pin || !d->bus) {
        return;
    }
    d->intx_sent = send;
    pci_bus_set_intx(d->bus, d->devfn, (pin - 1) & 3, send);
}

bool pci_msi_is_interrupt(uint64_t addr)
{
    return (addr & ~0xfffffull) == 0xfee00000;
}

/* A message goes to the local APICs or to RAM: one that the guest aims at a device, perhaps at its
 * own sender, is dropped. */
void pci_send_msi(PCIDevice *d, uint64_t addr, uint32_t data)
{
    AddressSpace *as = current_machine->memory;
    const PCIBus *root = d->bus;

    if (!pci_may_master(d)) {
        return;
    }
    while (root->bridge) {
        root = root->bridge->bus;
    }
    if (pci_msi_is_interrupt(addr)) {
        root->root_ops->send_msi(root->root_opaque, addr, data);
    } else if (address_space_map_ram(as, addr, 4, true)) {
        address_space_st(as, addr, data, 4);
    } else {
        guest_error("%s: message to 0x%" PRIx64 " dropped\n", d->dev.object.type->name, addr);
    }
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static void set_header(PCIDevice *d, const PCIDeviceType *type)
{
    bool subsystem = type->subsystem_vendor || type->subsystem_id;

    pci_set(d, PCI_VENDOR_ID, type->vendor, 2);
    pci_set(d, PCI_DEVICE_ID, type->device_id, 2);
    pci_set(d, PCI_REVISION, type->revision, 1);
    pci_set(d, PCI_CLASS_PROG, type->class_code, 3);
    pci_set(d, PCI_HEADER_TYPE, (type->is_bridge ? PCI_HEADER_BRIDGE : 0) |
                                (d->multifunction ? PCI_HEADER_MULTI : 0), 1);
    if (!type->is_bridge) {
        pci_set(d, PCI_SUBSYSTEM_VENDOR, subsystem ? type->subsystem_vendor : PCI_VENDOR_VIRTIO, 2);
        pci_set(d, PCI_SUBSYSTEM_ID, subsystem ? type->subsystem_id : PCI_SUBSYSTEM_QEMU, 2);
    }
    for (const PCIRegInit *init = d->reset_values; init && init->bytes; init++) {
        pci_set(d, init->reg, init->value, init->bytes);
    }
}

static void set_masks(PCIDevice *d)
{
    pci_set_wmask(d, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                                  PCI_COMMAND_SERR | PCI_COMMAND_INTX_OFF, 2);
    pci_set_wmask(d, PCI_CACHE_LINE, 0xff, 1);
    pci_set_wmask(d, PCI_INTERRUPT_LINE, 0xff, 1);
    /* Registers of the device itself: all storage, unless the device says otherwise. */
    memset(d->wmask + PCI_DEVICE_REGS, 0xff, d->config_bytes - PCI_DEVICE_REGS);
}

static void alloc_config(PCIDevice *d, const PCIBus *bus)
{
    bool express = pci_type(d)->is_express && bus->express;

    d->config_bytes = express ? PCIE_CONFIG_BYTES : PCI_CONFIG_BYTES;
    d->config = g_malloc0(4 * d->config_bytes);
    d->wmask = d->config + d->config_bytes;
    d->w1cmask = d->wmask + d->config_bytes;
    d->used = d->w1cmask + d->config_bytes;
    for (unsigned n = 0; n < PCI_NR_REGIONS; n++) {
        d->regions[n].addr = PCI_UNMAPPED;
    }
}

static bool check_rom(const PCIDevice *d, Error **errp)
{
    if (d->romfile && *d->romfile) {
        error_setg(errp, "failed to find romfile \"%s\"", d->romfile);
        error_append_hint(errp, "option ROMs need firmware, which is not built in yet\n");
        return false;
    }
    return true;
}

bool pci_device_realize(DeviceState *dev, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(dev);
    const PCIDeviceType *type = pci_type(d);
    PCIBus *bus = dev->bus ? container_of(dev->bus, PCIBus, bus) : NULL;

    if (!bus) {
        error_setg(errp, "No 'PCI' bus found for device '%s'", dev->object.type->name);
        return false;
    }
    if (!check_rom(d, errp)) {
        return false;
    }
    alloc_config(d, bus);
    d->multifunction |= type->multifunction;
    if (!pci_bus_attach(bus, d, errp)) {
        return false;
    }
    set_header(d, type);
    set_masks(d);
    if (type->realize && !type->realize(d, errp)) {
        unmap_regions(d);
        pci_bus_detach(d);
        return false;
    }
    return true;
}

void pci_device_unrealize(DeviceState *dev)
{
    PCIDevice *d = PCI_DEVICE(dev);

    pci_set_intx(d, false);
    unmap_regions(d);
    if (pci_type(d)->exit) {
        pci_type(d)->exit(d);
    }
    pci_bus_detach(d);
}

/* Everything a guest can write returns to what realize left. */
void pci_device_reset(DeviceState *dev)
{
    PCIDevice *d = PCI_DEVICE(dev);

    pci_set_intx(d, false);
    for (unsigned i = 0; i < d->config_bytes; i++) {
        d->config[i] &= (uint8_t)~(d->wmask[i] | d->w1cmask[i]);
    }
    for (unsigned n = 0; n < PCI_NR_REGIONS; n++) {
        if (d->regions[n].mr) {
            pci_set(d, bar_reg(d, n), d->regions[n].type, 1);
        }
    }
    for (const PCIRegInit *init = d->reset_values; init && init->bytes; init++) {
        pci_set(d, init->reg, init->value, init->bytes);
    }
    msi_reset(d);
    msix_reset(d);
    pci_update_mappings(d);
    if (pci_type(d)->reset) {
        pci_type(d)->reset(d);
    }
}

static void pci_device_finalize(Object *obj)
{
    PCIDevice *d = (PCIDevice *)obj;

    msix_uninit(d);
    g_free(d->config);
}

PCIDevice *pci_create(PCIBus *bus, unsigned devfn, const PCIDeviceType *type, Error **errp)
{
    DeviceState *dev = qdev_new(&type->device, errp);

    if (!dev) {
        return NULL;
    }
    dev->bus = &bus->bus;
    PCI_DEVICE(dev)->addr = (int32_t)devfn;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return PCI_DEVICE(dev);
}

/* --- Properties ------------------------------------------------------------------------------ */

/* "06.0", "6" or -1: slot and optional function, hexadecimal. */
static bool addr_set(Object *obj, const Property *prop, const char *value, Error **errp)
{
    PCIDevice *d = (PCIDevice *)obj;
    uint64_t slot, fn = 0;
    const char *end;

    if (!strcmp(value, "-1")) {
        d->addr = -1;
        return true;
    }
    if (!g_ascii_isxdigit(*value) || qemu_strtou64(value, &end, 16, &slot) || slot > 31) {
        return false;
    }
    if (*end == '.' && (!g_ascii_isxdigit(end[1]) || qemu_strtou64(end + 1, &end, 16, &fn))) {
        return false;
    }
    if (*end || fn > 7) {
        return false;
    }
    d->addr = (int32_t)PCI_DEVFN(slot, fn);
    return true;
}

static char *addr_get(const Object *obj, const Property *prop)
{
    const PCIDevice *d = (const PCIDevice *)obj;

    return d->addr < 0 ? g_strdup("<unset>")
                       : g_strdup_printf("%02x.%x", PCI_SLOT(d->addr), PCI_FUNC(d->addr));
}

static void addr_default(Object *obj, const Property *prop)
{
    ((PCIDevice *)obj)->addr = -1;
}

static const PropertyOps addr_ops = {
    .type_name = "int32", .set = addr_set, .get = addr_get, .set_default = addr_default,
};

const Property pci_device_props[] = {
    { .name = "addr", .kind = PROP_CUSTOM, .ops = &addr_ops, .default_val = UINT64_MAX,
      .description = "Slot and optional function number, example: 06.0 or 06" },
    DEFINE_PROP(PROP_STRING, PCIDevice, romfile, "romfile"),
    DEFINE_PROP(PROP_UINT32, PCIDevice, romsize, "romsize", .default_val = UINT32_MAX),
    DEFINE_PROP(PROP_UINT32, PCIDevice, rombar, "rombar", .default_val = 1),
    DEFINE_PROP(PROP_BOOL, PCIDevice, multifunction, "multifunction", .description = "on/off"),
    DEFINE_PROP(PROP_STRING, PCIDevice, failover_pair_id, "failover_pair_id"),
    DEFINE_PROP(PROP_UINT32, PCIDevice, acpi_index, "acpi-index"),
    DEFINE_PROP_END,
};

const ObjectType type_pci_device = {
    .name = "pci-device",
    .parent = &type_device,
    .instance_size = sizeof(PCIDevice),
    .abstract = true,
    .props = pci_device_props,
    .instance_finalize = pci_device_finalize,
};
