/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "mc146818rtc": ports and timer around the model of mc146818.c. Big lock. */
#include "qemu/osdep.h"

#include "hw/core/machine.h"
#include "hw/rtc/mc146818.h"
#include "migration/vmstate.h"

static int64_t rtc_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_HOST);
}

static void update(RTCDevice *s)
{
    int64_t now = rtc_now(), next;

    irq_set(&s->irq, rtc_irq(&s->rtc, now) && !s->disconnected);
    next = rtc_next_ns(&s->rtc, now);
    if (next < 0) {
        timer_del(s->timer);
    } else {
        timer_mod_ns(s->timer, next);
    }
}

static void rtc_timer_cb(void *opaque)
{
    update(opaque);
}

static uint64_t rtc_io_read(void *opaque, hwaddr addr, unsigned size)
{
    RTCDevice *s = opaque;
    bool irq = rtc_irq(&s->rtc, rtc_now());
    uint8_t value = rtc_read(&s->rtc, addr & 1, rtc_now());

    if (irq != rtc_irq(&s->rtc, rtc_now())) {
        update(s); /* register C was read */
    }
    return value;
}

static void rtc_io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    RTCDevice *s = opaque;

    rtc_write(&s->rtc, addr & 1, (uint8_t)value, rtc_now());
    if (addr & 1) {
        update(s);
    }
}

static const MemoryRegionOps rtc_ops = {
    .read = rtc_io_read, .write = rtc_io_write, .impl_max = 1,
};

void rtc_device_disconnect(RTCDevice *s, bool disconnected)
{
    s->disconnected = disconnected;
    update(s);
}

static bool rtc_realize(DeviceState *dev, Error **errp)
{
    RTCDevice *s = container_of(dev, RTCDevice, dev);

    rtc_init(&s->rtc, rtc_now(), s->offset_ns);
    s->timer = timer_new_ns(QEMU_CLOCK_HOST, rtc_timer_cb, s);
    memory_region_init_io(&s->io, &rtc_ops, s, "rtc", 2);
    memory_region_add_subregion(current_machine->system_io, 0x70, &s->io);
    return true;
}

static void rtc_device_reset(DeviceState *dev)
{
    RTCDevice *s = container_of(dev, RTCDevice, dev);

    rtc_reset(&s->rtc, rtc_now());
    s->disconnected = false;
    update(s);
}

/* The host's clock went on meanwhile: the timer looks what is due. */
static bool rtc_applied(void *opaque, Error **errp)
{
    timer_mod_ns(((RTCDevice *)opaque)->timer, rtc_now());
    return true;
}

static const VMStateField rtc_device_fields[] = {
    VMSTATE_STRUCT(RTCDevice, rtc, &vmstate_rtc),
    VMSTATE_BOOL(RTCDevice, disconnected),
    VMSTATE_END,
};
static const VMStateDescription vmstate_rtc_device = {
    "mc146818rtc", .version = 1, .fields = rtc_device_fields, .applied = rtc_applied,
};

const DeviceType type_mc146818 = {
    .object = {
        .name = "mc146818rtc",
        .parent = &type_device,
        .instance_size = sizeof(RTCDevice),
    },
    .bus = "ISA",
    .migration = MIGRATION_VMSD(&vmstate_rtc_device),
    .realize = rtc_realize,
    .reset = rtc_device_reset,
};

RTCDevice *rtc_device_create(IRQLine irq, int64_t offset_ns, Error **errp)
{
    DeviceState *dev = qdev_new(&type_mc146818, errp);
    RTCDevice *s = container_of(dev, RTCDevice, dev);

    if (!dev) {
        return NULL;
    }
    s->irq = irq;
    s->offset_ns = offset_ns;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}
