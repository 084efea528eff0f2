/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device "isa-pit": ports 0x40..0x43 and 0x61 around the model of i8254.c, and the timer that
 * moves the interrupt line. Big lock.
 */
#include "qemu/osdep.h"

#include "hw/core/machine.h"
#include "hw/timer/i8254.h"
#include "migration/vmstate.h"

/* The timer fires no more often than this, whatever rate the guest asks for. */
#define MIN_TIMER_NS (10 * SCALE_US)

static int64_t pit_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* The line between timer events: the one-clock low pulses are the timer's business. */
static void update_irq(PITDevice *s, int64_t now)
{
    irq_set(&s->irq, !s->disconnected && (pit_pulses(&s->pit) || pit_out(&s->pit, 0, now)));
}

static void rearm(PITDevice *s, int64_t now)
{
    int64_t next = s->disconnected ? -1 : pit_next_ns(&s->pit, now);

    if (next < 0) {
        timer_del(s->timer);
    } else {
        timer_mod_ns(s->timer, next < now + MIN_TIMER_NS ? now + MIN_TIMER_NS : next);
    }
}

static void pit_timer_cb(void *opaque)
{
    PITDevice *s = opaque;
    int64_t now = pit_now();

    if (pit_pulses(&s->pit)) {
        irq_lower(&s->irq);
    }
    update_irq(s, now);
    rearm(s, now);
}

static uint64_t pit_io_read(void *opaque, hwaddr addr, unsigned size)
{
    PITDevice *s = opaque;

    return pit_read(&s->pit, addr & 3, pit_now());
}

static void pit_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PITDevice *s = opaque;
    int64_t now = pit_now();

    pit_write(&s->pit, addr & 3, (uint8_t)value, now);
    update_irq(s, now);
    rearm(s, now);
}

static uint64_t port61_read(void *opaque, hwaddr addr, unsigned size)
{
    PITDevice *s = opaque;

    return pit_port61_read(&s->pit, pit_now());
}

static void port61_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PITDevice *s = opaque;

    pit_port61_write(&s->pit, (uint8_t)value, pit_now());
}

static const MemoryRegionOps pit_ops = {
    .read = pit_io_read, .write = pit_io_write, .impl_max = 1,
};
static const MemoryRegionOps port61_ops = {
    .read = port61_read, .write = port61_write, .impl_max = 1,
};

void pit_device_disconnect(PITDevice *s, bool disconnected)
{
    int64_t now = pit_now();

    s->disconnected = disconnected;
    update_irq(s, now);
    rearm(s, now);
}

static bool pit_realize(DeviceState *dev, Error **errp)
{
    PITDevice *s = container_of(dev, PITDevice, dev);

    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, pit_timer_cb, s);
    memory_region_init_io(&s->io, &pit_ops, s, "pit", 4);
    memory_region_init_io(&s->port61, &port61_ops, s, "pcspk", 1);
    memory_region_add_subregion(current_machine->system_io, 0x40, &s->io);
    memory_region_add_subregion(current_machine->system_io, 0x61, &s->port61);
    return true;
}

static void pit_device_reset(DeviceState *dev)
{
    PITDevice *s = container_of(dev, PITDevice, dev);
    int64_t now = pit_now();

    s->disconnected = false;
    pit_reset(&s->pit, now);
    update_irq(s, now);
    rearm(s, now);
}

static const VMStateField pit_device_fields[] = {
    VMSTATE_STRUCT(PITDevice, pit, &vmstate_pit),
    VMSTATE_BOOL(PITDevice, disconnected),
    VMSTATE_TIMER(PITDevice, timer),
    VMSTATE_END,
};
static const VMStateDescription vmstate_pit_device = {
    "i8254", .version = 1, .fields = pit_device_fields,
};

const DeviceType type_pit = {
    .object = {
        .name = "isa-pit",
        .parent = &type_device,
        .instance_size = sizeof(PITDevice),
    },
    .bus = "ISA",
    .migration = MIGRATION_VMSD(&vmstate_pit_device),
    .realize = pit_realize,
    .reset = pit_device_reset,
};

PITDevice *pit_device_create(IRQLine irq, Error **errp)
{
    DeviceState *dev = qdev_new(&type_pit, errp);
    PITDevice *s = container_of(dev, PITDevice, dev);

    if (!dev) {
        return NULL;
    }
    s->irq = irq;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}
