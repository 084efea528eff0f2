/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device "ioapic": window, timer and bus around the model of ioapic.c. Big lock. */
#include "qemu/osdep.h"

#include "hw/intc/ioapic-device.h"
#include "migration/vmstate.h"
#include "system/runstate.h"

static uint64_t ioapic_window_read(void *opaque, hwaddr addr, unsigned size)
{
    IOAPICDevice *s = opaque;

    return apic_bus_ioapic_read(s->bus, &s->model, addr, size);
}

static void ioapic_window_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    IOAPICDevice *s = opaque;

    apic_bus_ioapic_write(s->bus, &s->model, addr, value, size);
}

static const MemoryRegionOps ioapic_window_ops = {
    .read = ioapic_window_read,
    .write = ioapic_window_write,
    .impl_max = 4,
};

static void ioapic_timer_cb(void *opaque)
{
    IOAPICDevice *s = opaque;

    apic_bus_ioapic_timer(s->bus, &s->model);
}

/* The bus calls this when the next deadline may have changed. */
static void ioapic_rearm(void *opaque)
{
    IOAPICDevice *s = opaque;
    int64_t next = ioapic_next_ns(&s->model);

    if (next < 0) {
        timer_del(s->timer);
    } else {
        timer_mod_ns(s->timer, next);
    }
}

static void run_state_changed(void *opaque, bool running)
{
    if (running) {
        apic_bus_vm_start(((IOAPICDevice *)opaque)->bus);
    }
}

static bool ioapic_device_realize(DeviceState *dev, Error **errp)
{
    IOAPICDevice *s = container_of(dev, IOAPICDevice, dev);
    bool ext_dest = s->model.ext_dest;

    if (s->version != IOAPIC_VERSION_82093AA && s->version != IOAPIC_VERSION_EOIR) {
        error_setg(errp, "IOAPIC only supports version 0x11 or 0x20 (default: 0x20).");
        return false;
    }
    if (!s->bus) {
        error_setg(errp, "ioapic can only be created by the machine");
        return false;
    }
    ioapic_init(&s->model, s->version, ext_dest);
    if (!apic_bus_add_ioapic(s->bus, &s->model, s->gsi_base, ioapic_rearm, s)) {
        error_setg(errp, "Only %d IOAPICs are supported", APIC_BUS_MAX_IOAPICS);
        return false;
    }
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, ioapic_timer_cb, s);
    memory_region_init_io(&s->window, &ioapic_window_ops, s, "ioapic", IOAPIC_WINDOW_BYTES);
    memory_region_add_subregion(s->memory, s->addr, &s->window);
    vm_add_run_handler(run_state_changed, s);
    return true;
}

static void ioapic_device_unrealize(DeviceState *dev)
{
    IOAPICDevice *s = container_of(dev, IOAPICDevice, dev);

    vm_remove_run_handler(run_state_changed, s);
    memory_region_del_subregion(s->memory, &s->window);
    memory_region_fini(&s->window);
    apic_bus_remove_ioapic(s->bus, &s->model);
    timer_free(s->timer);
}

static void ioapic_device_reset(DeviceState *dev)
{
    IOAPICDevice *s = container_of(dev, IOAPICDevice, dev);

    ioapic_reset(&s->model);
    apic_bus_ioapic_refresh(s->bus, &s->model);
}

static const Property ioapic_props[] = {
    DEFINE_PROP(PROP_UINT8, IOAPICDevice, version, "version", .default_val = IOAPIC_VERSION_EOIR),
    DEFINE_PROP_END,
};

/* Ends of interrupt that the kernel still holds back are not lost with it: the pins they belong to
 * are saved as ended. Here they come when the vCPUs run again. */
static bool ioapic_prepare_save(void *opaque, Error **errp)
{
    IOAPICDevice *s = opaque;

    s->model.lost_eois = apic_bus_lost_eois(s->bus, &s->model);
    return true;
}

static bool ioapic_applied(void *opaque, Error **errp)
{
    IOAPICDevice *s = opaque;

    timer_del(s->timer);
    apic_bus_load_ioapic(s->bus, &s->model);
    return true;
}

/* A pin in service was sent by another route than it has by now. */
static bool sent_needed(const void *opaque)
{
    const IOAPICDevice *s = opaque;
    uint64_t addr;
    uint32_t data;

    for (unsigned pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
        if (ioapic_route_in_service(&s->model, pin, &addr, &data)) {
            return true;
        }
    }
    return false;
}

static const VMStateField sent_fields[] = {
    VMSTATE_UINT_ARRAY(IOAPICDevice, model.sent_rte), VMSTATE_END,
};
static const VMStateDescription vmstate_sent = {
    "sent", .version = 1, .fields = sent_fields, .needed = sent_needed,
};
static const VMStateDescription *const ioapic_subsections[] = { &vmstate_sent, NULL };

static const VMStateField ioapic_device_fields[] = {
    VMSTATE_STRUCT(IOAPICDevice, model, &vmstate_ioapic), VMSTATE_END,
};
static const VMStateDescription vmstate_ioapic_device = {
    "ioapic", .version = 1, .fields = ioapic_device_fields,
    .subsections = ioapic_subsections, .order = VMS_ORDER_INTC,
    .prepare_save = ioapic_prepare_save, .applied = ioapic_applied,
};

const DeviceType type_ioapic = {
    .object = {
        .name = "ioapic",
        .parent = &type_device,
        .instance_size = sizeof(IOAPICDevice),
        .props = ioapic_props,
    },
    .bus = "System",
    .migration = MIGRATION_VMSD(&vmstate_ioapic_device),
    .realize = ioapic_device_realize,
    .reset = ioapic_device_reset,
    .unrealize = ioapic_device_unrealize,
};

IOAPICDevice *ioapic_device_create(ApicBus *bus, MemoryRegion *memory, hwaddr addr,
                                   unsigned gsi_base, bool ext_dest, Error **errp)
{
    DeviceState *dev = qdev_new(&type_ioapic, errp);
    IOAPICDevice *s = container_of(dev, IOAPICDevice, dev);

    if (!dev) {
        return NULL;
    }
    s->bus = bus;
    s->memory = memory;
    s->addr = addr;
    s->gsi_base = gsi_base;
    s->model.ext_dest = ext_dest;
    if (!qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return s;
}
