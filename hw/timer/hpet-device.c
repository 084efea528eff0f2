/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "hpet": window, timer and interrupt lines around the model of hpet.c. Big lock. */
#include "qemu/osdep.h"

#include "hw/timer/hpet.h"
#include "migration/vmstate.h"

#define NR_LINES     32
/* The timer fires no more often than this, whatever period the guest asks for. */
#define MIN_TIMER_NS (10 * SCALE_US)

static int64_t hpet_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* Level-triggered lines: several timers may share one. */
static void update_levels(HPETDevice *s)
{
    uint32_t wanted = 0, changed;

    for (unsigned n = 0; n < HPET_NR_TIMERS; n++) {
        int line = hpet_line(&s->hpet, n);

        if (line >= 0 && hpet_level(&s->hpet, n)) {
            wanted |= BIT(line);
        }
    }
    changed = wanted ^ s->raised;
    s->raised = wanted;
    for (unsigned line = 0; line < NR_LINES; line++) {
        if (changed & BIT(line)) {
            irq_set(&s->gsi[line], !!(wanted & BIT(line)));
        }
    }
}

static void update_edges(HPETDevice *s)
{
    uint32_t edges = hpet_take_edges(&s->hpet);

    for (unsigned n = 0; n < HPET_NR_TIMERS; n++) {
        int line = hpet_line(&s->hpet, n);

        if ((edges & BIT(n)) && line >= 0 && !(s->raised & BIT(line))) {
            irq_pulse(&s->gsi[line]);
        }
    }
}

static void update(HPETDevice *s, int64_t now)
{
    int64_t next;

    if (s->legacy != hpet_legacy(&s->hpet)) {
        s->legacy = hpet_legacy(&s->hpet);
        s->set_legacy(s->opaque, s->legacy);
    }
    update_levels(s);
    update_edges(s);
    next = hpet_next_ns(&s->hpet, now);
    if (next < 0) {
        timer_del(s->qtimer);
    } else {
        timer_mod_ns(s->qtimer, next < now + MIN_TIMER_NS ? now + MIN_TIMER_NS : next);
    }
}

static void hpet_timer_cb(void *opaque)
{
    HPETDevice *s = opaque;
    int64_t now = hpet_now();

    hpet_sync(&s->hpet, now);
    update(s, now);
}

static uint64_t hpet_window_read(void *opaque, hwaddr addr, unsigned size)
{
    HPETDevice *s = opaque;
    int64_t now = hpet_now();
    uint64_t value = hpet_read(&s->hpet, addr, size, now);

    if (s->hpet.edges || s->hpet.status) {
        update(s, now); /* the access came before the timer */
    }
    return value;
}

static void hpet_window_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    HPETDevice *s = opaque;
    int64_t now = hpet_now();

    hpet_write(&s->hpet, addr, value, size, now);
    update(s, now);
}

static const MemoryRegionOps hpet_ops = {
    .read = hpet_window_read,
    .write = hpet_window_write,
    .impl_min = 4,
    .impl_max = 8,
    .valid_min = 4,
    .valid_max = 8,
};

static bool hpet_realize(DeviceState *dev, Error **errp)
{
    HPETDevice *s = container_of(dev, HPETDevice, dev);

    if (!s->gsi) {
        error_setg(errp, "hpet can only be created by the machine");
        return false;
    }
    hpet_init(&s->hpet, s->intcap);
    s->qtimer = timer_new_ns(QEMU_CLOCK_VIRTUAL, hpet_timer_cb, s);
    memory_region_init_io(&s->window, &hpet_ops, s, "hpet", HPET_WINDOW_BYTES);
    memory_region_add_subregion(s->memory, HPET_BASE, &s->window);
    return true;
}

static void hpet_device_reset(DeviceState *dev)
{
    HPETDevice *s = container_of(dev, HPETDevice, dev);

    hpet_reset(&s->hpet);
    update(s, hpet_now());
}

static const Property hpet_props[] = {
    DEFINE_PROP(PROP_UINT32, HPETDevice, intcap, "hpet-intcap"),
    DEFINE_PROP_END,
};

static const VMStateField hpet_device_fields[] = {
    VMSTATE_STRUCT(HPETDevice, hpet, &vmstate_hpet),
    VMSTATE_UINT(HPETDevice, raised),
    VMSTATE_BOOL(HPETDevice, legacy),
    VMSTATE_TIMER(HPETDevice, qtimer),
    VMSTATE_END,
};
static const VMStateDescription vmstate_hpet_device = {
    "hpet", .version = 1, .fields = hpet_device_fields,
};

const DeviceType type_hpet = {
    .object = {
        .name = "hpet",
        .parent = &type_device,
        .instance_size = sizeof(HPETDevice),
        .props = hpet_props,
    },
    .bus = "System",
    .migration = MIGRATION_VMSD(&vmstate_hpet_device),
    .realize = hpet_realize,
    .reset = hpet_device_reset,
};

HPETDevice *hpet_device_create(MemoryRegion *memory, const IRQLine *gsi, uint32_t intcap,
                               void (*set_legacy)(void *opaque, bool on), void *opaque,
                               Error **errp)
{
    DeviceState *dev = qdev_new(&type_hpet, errp);
    HPETDevice *s = container_of(dev, HPETDevice, dev);

    if (!dev) {
        return NULL;
    }
    s->gsi = gsi;
    s->memory = memory;
    s->intcap = s->intcap ? s->intcap : intcap;
    s->set_legacy = set_legacy;
    s->opaque = opaque;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}
