/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "isa-i8259": ports and INTR around the model of i8259.c. Big lock. */
#include "qemu/osdep.h"

#include "hw/core/machine.h"
#include "hw/intc/i8259.h"
#include "migration/vmstate.h"
#include "trace.h"

static const unsigned io_base[] = { [I8259_MASTER] = 0x20, [I8259_SLAVE] = 0xa0 };
static const unsigned elcr_base[] = { [I8259_MASTER] = 0x4d0, [I8259_SLAVE] = 0x4d1 };

static void update_intr(I8259Device *s)
{
    bool intr = i8259_intr(&s->pic);

    if (intr != s->intr) {
        s->intr = intr;
        apic_bus_set_intr(s->bus, intr);
    }
}

void i8259_device_set_irq(I8259Device *s, unsigned irq, bool level)
{
    trace_pic_set_irq(irq < 8, irq & 7, level);
    i8259_set_irq(&s->pic, irq, level);
    update_intr(s);
}

static int i8259_device_intack(void *opaque)
{
    I8259Device *s = opaque;
    uint8_t vector = i8259_intack(&s->pic);

    trace_pic_interrupt(vector & 7, vector);
    update_intr(s);
    return vector;
}

static uint64_t pic_read(void *opaque, hwaddr addr, unsigned size)
{
    I8259Ports *p = opaque;
    uint8_t value = i8259_read(&p->owner->pic, p->chip, addr & 1);

    trace_pic_ioport_read(p->chip == I8259_MASTER, addr, value);
    update_intr(p->owner);
    return value;
}

static void pic_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    I8259Ports *p = opaque;

    trace_pic_ioport_write(p->chip == I8259_MASTER, addr, value);
    i8259_write(&p->owner->pic, p->chip, addr & 1, (uint8_t)value);
    update_intr(p->owner);
}

static uint64_t elcr_read(void *opaque, hwaddr addr, unsigned size)
{
    I8259Ports *p = opaque;

    return i8259_elcr_read(&p->owner->pic, p->chip);
}

static void elcr_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    I8259Ports *p = opaque;

    i8259_elcr_write(&p->owner->pic, p->chip, (uint8_t)value);
}

static const MemoryRegionOps pic_ops = { .read = pic_read, .write = pic_write, .impl_max = 1 };
static const MemoryRegionOps elcr_ops = { .read = elcr_read, .write = elcr_write, .impl_max = 1 };

static bool i8259_realize(DeviceState *dev, Error **errp)
{
    I8259Device *s = container_of(dev, I8259Device, dev);

    if (!s->bus) {
        error_setg(errp, "isa-i8259 can only be created by the machine");
        return false;
    }
    i8259_init(&s->pic);
    for (unsigned i = 0; i < 2; i++) {
        I8259Ports *p = &s->ports[i];

        p->owner = s;
        p->chip = i;
        memory_region_init_io(&p->io, &pic_ops, p, "pic", 2);
        memory_region_init_io(&p->elcr, &elcr_ops, p, "elcr", 1);
        memory_region_add_subregion(current_machine->system_io, io_base[i], &p->io);
        memory_region_add_subregion(current_machine->system_io, elcr_base[i], &p->elcr);
    }
    apic_bus_set_pic(s->bus, i8259_device_intack, s);
    return true;
}

static void i8259_device_reset(DeviceState *dev)
{
    I8259Device *s = container_of(dev, I8259Device, dev);

    i8259_reset(&s->pic);
    update_intr(s);
}

/* The LINT0 pins are part of the local APICs' state. */
static bool i8259_applied(void *opaque, Error **errp)
{
    I8259Device *s = opaque;

    s->intr = i8259_intr(&s->pic);
    apic_bus_load_intr(s->bus, s->intr);
    return true;
}

static const VMStateField i8259_fields[] = {
    VMSTATE_STRUCT(I8259Device, pic, &vmstate_i8259), VMSTATE_END,
};
static const VMStateDescription vmstate_i8259_device = {
    "i8259", .version = 1, .fields = i8259_fields, .order = VMS_ORDER_INTC,
    .applied = i8259_applied,
};

const DeviceType type_i8259 = {
    .object = {
        .name = "isa-i8259",
        .parent = &type_device,
        .instance_size = sizeof(I8259Device),
    },
    .bus = "ISA",
    .migration = MIGRATION_VMSD(&vmstate_i8259_device),
    .realize = i8259_realize,
    .reset = i8259_device_reset,
};

I8259Device *i8259_device_create(ApicBus *bus, Error **errp)
{
    DeviceState *dev = qdev_new(&type_i8259, errp);
    I8259Device *s = container_of(dev, I8259Device, dev);

    if (!dev) {
        return NULL;
    }
    s->bus = bus;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}
