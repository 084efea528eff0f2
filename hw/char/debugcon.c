/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "isa-debugcon": bytes written to its port go to a chardev. BQL. */
#include "qemu/osdep.h"
#include "hw/char/serial.h"
#include "hw/core/machine.h"

typedef struct DebugCon {
    DeviceState dev;
    uint32_t iobase, readback;
    Chardev *chr;
    MemoryRegion io;
} DebugCon;

static uint64_t debugcon_read(void *opaque, hwaddr addr, unsigned size)
{
    return ((DebugCon *)opaque)->readback;
}

static void debugcon_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    DebugCon *s = opaque;
    uint8_t byte = (uint8_t)value;

    chardev_write(s->chr, &byte, 1);
}

static const MemoryRegionOps debugcon_ops = {
    .read = debugcon_read, .write = debugcon_write, .impl_max = 1, .valid_max = 1,
};

static bool debugcon_realize(DeviceState *dev, Error **errp)
{
    DebugCon *s = container_of(dev, DebugCon, dev);

    if (!s->chr) {
        error_setg(errp, "Can't create debugcon device, empty char device");
        return false;
    }
    if (!chardev_set_handlers(s->chr, &(const ChardevHandlers){ 0 }, s, errp)) {
        return false;
    }
    memory_region_init_io(&s->io, &debugcon_ops, s, "isa-debugcon", 1);
    memory_region_add_subregion(current_machine->system_io, s->iobase, &s->io);
    return true;
}

static const Property debugcon_props[] = {
    DEFINE_PROP(PROP_UINT32, DebugCon, iobase, "iobase", .default_val = 0xe9, .max = 0xffff),
    DEFINE_PROP(PROP_UINT32, DebugCon, readback, "readback", .default_val = 0xe9),
    DEFINE_PROP(PROP_CHARDEV, DebugCon, chr, "chardev",
                .description = "ID of a chardev to use as a backend"),
    DEFINE_PROP_END,
};

const DeviceType type_isa_debugcon = {
    .object = {
        .name = "isa-debugcon",
        .parent = &type_device,
        .instance_size = sizeof(DebugCon),
        .props = debugcon_props,
    },
    .bus = "ISA",
    .user_creatable = true,
    .migration = MIGRATION_NO_STATE,
    .realize = debugcon_realize,
};
