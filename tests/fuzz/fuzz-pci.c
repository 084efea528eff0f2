/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space and -device: a q35 root bus with ports and bridges. An input that begins
 * with '{' is the JSON argument of -device; any other is a list of operations: a device made from
 * a row of names, or accesses to configuration space, ports and memory.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/pci-host/pci-host.h"
#include "hw/pci/pci-setup.h"
#include "qemu/main-loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the tested code links against. */
const MachineVersion machine_versions[] = { { .name = NULL } };
static const ObjectType type_fuzz_machine = {
    .name = "fuzz-machine", .instance_size = sizeof(MachineState),
};
const ObjectType *const object_types[] = {
    &type_device, &type_mch.device.object, &type_pci_bridge.device.object, &type_pci_device,
    &type_pcie_root_port.device.object, NULL,
};

void (*const object_type_families[])(ObjectTypeFn *fn, void *opaque) = { NULL };

static PCIHost *host;

static Object *child(Object *parent, const char *name)
{
    Object *obj = object_new(&type_container, &error_abort);

    object_add_child(parent, name, obj);
    return obj;
}

static void make_machine(void)
{
    MachineState *ms = (MachineState *)object_new(&type_fuzz_machine, &error_abort);
    PCIHostConfig cfg = { .preset = true };

    bql_lock();
    current_machine = ms;
    ms->system_memory = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_memory, "system", UINT64_MAX);
    ms->memory = address_space_new("memory", ms->system_memory);
    ms->system_io = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_io, "io", 64 * KiB);
    ms->io = address_space_new("I/O", ms->system_io);
    ms->unattached = child(&ms->object, "unattached");
    ms->peripheral = child(&ms->object, "peripheral");
    ms->peripheral_anon = child(&ms->object, "peripheral-anon");
    cfg.memory = ms->system_memory;
    cfg.io = ms->system_io;
    host = q35_pcihost_create(&cfg, &error_abort);
}

static DeviceState *last_user_device;

static void remember_user_device(void *opaque, DeviceState *dev)
{
    if (dev->from_user) {
        last_user_device = dev;
    }
}

/* Later devices hang on earlier ones: the last goes first. */
static void remove_devices(void)
{
    for (;;) {
        last_user_device = NULL;
        qdev_foreach(remember_user_device, NULL);
        if (!last_user_device) {
            return;
        }
        object_unparent(&last_user_device->object);
        object_free(&last_user_device->object);
    }
}

static void add_device(const uint8_t *b)
{
    static const char *const rows[] = {
        "pcie-root-port,id=p%u,chassis=%u", "pcie-root-port,addr=%x.%u",
        "pci-bridge,id=b%u,chassis_nr=%u", "pci-bridge,bus=b%u,chassis_nr=%u",
        "pci-bridge,bus=p%u,chassis_nr=1,addr=%x", "pcie-root-port,slot=%u,port=%u,chassis=7",
        "pcie-root-port,multifunction=on,addr=3.%u,chassis=%u", "pci-bridge,bus=p%u,addr=0.%u",
    };
    g_autofree char *arg = NULL;
    Error *err = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    arg = g_strdup_printf(rows[b[0] % ARRAY_SIZE(rows)], b[1] & 7, b[2] & 15);
#pragma GCC diagnostic pop
    if (!qdev_device_add(arg, &err)) {
        error_free(err);
    }
}

static void access_config(const uint8_t *b)
{
    static const uint8_t sizes[] = { 1, 2, 4, 4 };
    unsigned bus = b[1] & 0x40 ? b[1] : b[1] & 7, devfn = b[2] & 0x80 ? 0xf8 : b[2] & 0x3f;
    uint32_t value = b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24;
    unsigned reg = b[3] | (b[0] & 0x30) << 6, size = sizes[b[0] & 3];

    if (b[0] & 0x40) {
        pci_bus_config_read(host->bus, bus, devfn, reg, size);
    } else {
        pci_bus_config_write(host->bus, bus, devfn, reg, value, size);
    }
}

static void operate(const uint8_t *b)
{
    static const PCISetup setup = {
        .io_base = 0xc000, .io_end = 0x10000, .memory_base = 0xc0000000, .memory_end = 0xfec00000,
    };
    uint64_t addr = (uint64_t)b[4] << 12 | (uint64_t)b[5] << 20 | (uint64_t)b[6] << 28;

    switch (b[0] >> 7 ? b[0] & 7 : 8) {
    case 0: add_device(b + 1); break;
    case 1: pci_setup(host->bus, &setup); break;
    case 2: pci_bus_reset(host->bus); break;
    case 3: address_space_st(current_machine->memory, addr | (b[3] & 0xfc), b[2], 4); break;
    case 4: address_space_ld(current_machine->memory, addr | b[3], 1u << (b[2] & 3)); break;
    case 5:
        address_space_st(current_machine->io, 0xcf8 | (b[3] & 7), addr, 1u << (b[2] & 1));
        break;
    case 6: address_space_ld(current_machine->io, b[3] | b[2] << 8, 1u << (b[4] & 1)); break;
    default: access_config(b); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!host) {
        make_machine();
    }
    if (size && data[0] == '{') {
        g_autofree char *arg = g_strndup((const char *)data, size);
        Error *err = NULL;

        if (!qdev_device_add(arg, &err)) {
            error_free(err);
        }
    } else {
        for (size_t i = 0; i + 8 <= MIN(size, 512); i += 8) {
            operate(data + i);
        }
    }
    remove_devices();
    pci_bus_reset(host->bus);
    return 0;
}
