/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "isa-debug-exit". BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/misc/testdev.h"
#include "system/runstate.h"

typedef struct DebugExit {
    DeviceState dev;
    uint32_t iobase, iosize;
    MemoryRegion io;
} DebugExit;

static uint64_t debug_exit_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void debug_exit_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    vm_request_exit((int)((value << 1 | 1) & 0xff));
}

static const MemoryRegionOps debug_exit_ops = {
    .read = debug_exit_read, .write = debug_exit_write, .valid_min = 1, .valid_max = 4,
};

static bool debug_exit_realize(DeviceState *dev, Error **errp)
{
    DebugExit *s = container_of(dev, DebugExit, dev);

    if (s->iosize == 0 || s->iobase + (uint64_t)s->iosize > 0x10000) {
        error_setg(errp, "isa-debug-exit: iobase 0x%x with iosize 0x%x is outside the I/O space",
                   s->iobase, s->iosize);
        return false;
    }
    memory_region_init_io(&s->io, &debug_exit_ops, s, "isa-debug-exit", s->iosize);
    memory_region_add_subregion(current_machine->system_io, s->iobase, &s->io);
    return true;
}

static const Property debug_exit_props[] = {
    DEFINE_PROP(PROP_UINT32, DebugExit, iobase, "iobase", .default_val = 0x501),
    DEFINE_PROP(PROP_UINT32, DebugExit, iosize, "iosize", .default_val = 2),
    DEFINE_PROP_END,
};

const DeviceType type_isa_debug_exit = {
    .object = {
        .name = "isa-debug-exit",
        .parent = &type_device,
        .instance_size = sizeof(DebugExit),
        .props = debug_exit_props,
    },
    .bus = "ISA",
    .user_creatable = true,
    .migration = MIGRATION_NO_STATE,
    .realize = debug_exit_realize,
};
