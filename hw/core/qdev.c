/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices and buses: realize, reset, where things are plugged. BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"

static GPtrArray *realized; /* of DeviceState, in order of realization */
static GPtrArray *buses;    /* of BusState, in order of creation */

/* A device goes while all of it is still there. */
static void device_dispose(Object *obj)
{
    DeviceState *dev = (DeviceState *)obj;

    if (!dev->realized) {
        return;
    }
    if (device_type(dev)->unrealize) {
        device_type(dev)->unrealize(dev);
    }
    if (dev->bus) {
        g_ptr_array_remove(dev->bus->devices, dev);
    }
    g_ptr_array_remove(realized, dev);
    dev->realized = false;
}

static void device_finalize(Object *obj)
{
    DeviceState *dev = (DeviceState *)obj;

    if (dev->children) {
        g_ptr_array_free(dev->children, TRUE);
    }
    g_free(dev->id);
}

/* What every device tells about itself. Nothing can be plugged or unplugged yet. */
static const PropertyInfo device_props[] = {
    { .name = "realized", .type = "bool", .read_only = true },
    { .name = "hotplugged", .type = "bool", .read_only = true },
    { .name = "hotpluggable", .type = "bool", .read_only = true },
};

static json_object *get_device_prop(Object *obj, const char *name, bool *found)
{
    for (size_t i = 0; i < ARRAY_SIZE(device_props); i++) {
        if (!strcmp(name, device_props[i].name)) {
            *found = true;
            return json_object_new_boolean(i == 0 && ((DeviceState *)obj)->realized);
        }
    }
    return NULL;
}

static void foreach_device_prop(const ObjectType *type, const Object *obj, PropertyFn *fn,
                                void *opaque)
{
    for (size_t i = 0; i < ARRAY_SIZE(device_props); i++) {
        fn(opaque, &device_props[i]);
    }
}

static const PropertyHooks device_hooks = {
    .get_json = get_device_prop,
    .foreach = foreach_device_prop,
};

const ObjectType type_device = {
    .name = "device",
    .instance_size = sizeof(DeviceState),
    .abstract = true,
    .hooks = &device_hooks,
    .instance_dispose = device_dispose,
    .instance_finalize = device_finalize,
};


/* --- Buses ----------------------------------------------------------------------------------- */

static char *default_bus_name(const char *type, const DeviceState *parent)
{
    g_autofree char *small = NULL;
    unsigned n = 0;

    if (parent && parent->id) {
        return g_strdup(parent->id);
    }
    for (guint i = 0; i < buses->len; i++) {
        n += !strcmp(((BusState *)g_ptr_array_index(buses, i))->type, type);
    }
    small = g_ascii_strdown(type, -1);
    return g_strdup_printf("%s.%u", small, n);
}

void qdev_bus_init(BusState *bus, const char *type, const char *name, DeviceState *parent)
{
    if (!buses) {
        buses = g_ptr_array_new();
    }
    bus->type = type;
    bus->name = name ? g_strdup(name) : default_bus_name(type, parent);
    bus->parent = parent;
    bus->devices = g_ptr_array_new();
    g_ptr_array_add(buses, bus);
    if (parent) {
        if (!parent->children) {
            parent->children = g_ptr_array_new();
        }
        g_ptr_array_add(parent->children, bus);
    }
}

void qdev_bus_fini(BusState *bus)
{
    g_ptr_array_remove(buses, bus);
    if (bus->parent) {
        g_ptr_array_remove(bus->parent->children, bus);
    }
    g_ptr_array_free(bus->devices, TRUE);
    g_free(bus->name);
    bus->devices = NULL;
    bus->name = NULL;
}

BusState *qdev_find_bus(const char *name)
{
    for (guint i = 0; buses && i < buses->len; i++) {
        BusState *bus = g_ptr_array_index(buses, i);

        if (!strcmp(bus->name, name) && !bus->internal) {
            return bus;
        }
    }
    return NULL;
}

bool qdev_bus_takes(const BusState *bus, const char *type)
{
    return !strcmp(bus->type, type) || (!strcmp(bus->type, "PCIE") && !strcmp(type, "PCI"));
}

BusState *qdev_find_bus_for(const char *type)
{
    for (guint i = 0; buses && i < buses->len; i++) {
        BusState *bus = g_ptr_array_index(buses, i);

        if (qdev_bus_takes(bus, type) && !bus->internal) {
            return bus;
        }
    }
    return NULL;
}

/* --- Devices --------------------------------------------------------------------------------- */

DeviceState *qdev_new(const DeviceType *type, Error **errp)
{
    return (DeviceState *)object_new(&type->object, errp);
}

/* Boards make CPUs after the interrupt controllers they need, but clients know the first CPU as
 * device[0]: the first places are kept for CPUs. */
static unsigned first_place(const DeviceState *dev)
{
    bool has_cpus = current_machine->version && current_machine->version->default_cpu_type;

    return has_cpus && !dev->from_user && !object_type_is_a(dev->object.type, "cpu")
               ? current_machine->smp.cpus
               : 0;
}

/* A place in the tree for a device whose creator gave it none. */
static void adopt(DeviceState *dev)
{
    Object *parent = dev->from_user ? current_machine->peripheral_anon
                                    : current_machine->unattached;
    g_autofree char *name = NULL;

    if (dev->id) {
        object_add_child(current_machine->peripheral, dev->id, &dev->object);
        return;
    }
    for (unsigned i = first_place(dev);; i++) {
        g_free(name);
        name = g_strdup_printf("device[%u]", i);
        if (!object_get_child(parent, name)) {
            break;
        }
    }
    object_add_child(parent, name, &dev->object);
}

bool qdev_realize(DeviceState *dev, Error **errp)
{
    const DeviceType *type = device_type(dev);

    if (!dev->bus && type->bus) {
        dev->bus = qdev_find_bus_for(type->bus);
    }
    if (type->realize && !type->realize(dev, errp)) {
        return false;
    }
    if (dev->bus) {
        g_ptr_array_add(dev->bus->devices, dev);
    }
    if (!dev->object.parent) {
        adopt(dev);
    }
    dev->realized = true;
    if (!realized) {
        realized = g_ptr_array_new();
    }
    g_ptr_array_add(realized, dev);
    if (type->reset) {
        type->reset(dev);
    }
    return true;
}

DeviceState *qdev_create(const DeviceType *type, Error **errp)
{
    DeviceState *dev = qdev_new(type, errp);

    if (dev && !qdev_realize(dev, errp)) {
        object_free(&dev->object);
        return NULL;
    }
    return dev;
}

void qdev_foreach(void (*fn)(void *opaque, DeviceState *dev), void *opaque)
{
    for (guint i = 0; realized && i < realized->len; i++) {
        fn(opaque, g_ptr_array_index(realized, i));
    }
}

void qdev_reset_all(void)
{
    for (guint i = 0; realized && i < realized->len; i++) {
        DeviceState *dev = g_ptr_array_index(realized, i);

        if (device_type(dev)->reset) {
            device_type(dev)->reset(dev);
        }
    }
}
/* --- qom-set ---------------------------------------------------------------------------------- */

typedef struct NameSearch {
    const char *name;
    bool found, read_only, any_time;
} NameSearch;

static void look_for_name(void *opaque, const PropertyInfo *info)
{
    NameSearch *s = opaque;

    if (!strcmp(s->name, info->name)) {
        s->found = true;
        s->read_only = info->read_only;
        s->any_time = info->any_time;
    }
}

bool object_check_settable(Object *obj, const char *name, Error **errp)
{
    NameSearch search = { .name = name };

    object_type_foreach_prop(obj->type, obj, look_for_name, &search);
    if (!search.found) {
        error_setg(errp, "Property '%s.%s' not found", obj->type->name, name);
        return false;
    }
    if (search.read_only) {
        error_setg(errp, "Property '%s.%s' is not writable", obj->type->name, name);
        return false;
    }
    if (search.any_time) {
        return true;
    }
    if (object_is_a(obj, &type_device) && ((DeviceState *)obj)->realized) {
        const char *id = ((DeviceState *)obj)->id;

        error_setg(errp, "Attempt to set property '%s' on %s%s%s (type '%s') after it was realized",
                   name, id ? "device '" : "anonymous device", id ? id : "", id ? "'" : "",
                   obj->type->name);
        return false;
    }
    if (object_type_is_a(obj->type, "machine")) {
        error_setg(errp, "Attempt to set property '%s' on machine '%s' after it was initialized",
                   name, obj->type->name);
        return false;
    }
    return true;
}
