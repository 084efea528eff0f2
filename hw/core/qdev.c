/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: realize, reset, -device. BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "qemu/keyval.h"

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
};

static GPtrArray *realized; /* of DeviceState, in order of realization */

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

    if (type->realize && !type->realize(dev, errp)) {
        return false;
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

void qdev_reset_all(void)
{
    for (guint i = 0; realized && i < realized->len; i++) {
        DeviceState *dev = g_ptr_array_index(realized, i);

        if (device_type(dev)->reset) {
            device_type(dev)->reset(dev);
        }
    }
}

static const DeviceType *find_device_type(const char *name)
{
    const ObjectType *type = object_type_by_name(name);

    return type && object_type_is_a(type, "device") ? (const DeviceType *)type : NULL;
}

static const DeviceType *find_pluggable(const char *driver, Error **errp)
{
    const DeviceType *type = find_device_type(driver);

    if (!type) {
        error_setg(errp, "'%s' is not a valid device model name", driver);
        return NULL;
    }
    if (!type->user_creatable) {
        error_setg(errp, "Parameter 'driver' expects a pluggable device type");
        return NULL;
    }
    return type;
}

static bool set_device_props(DeviceState *dev, const Keyval *kv, Error **errp)
{
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (!strcmp(item->key, "driver") || !strcmp(item->key, "id") ||
            !strcmp(item->key, "bus")) {
            continue;
        }
        if (!object_set_prop_str(&dev->object, item->key, item->value, errp)) {
            return false;
        }
    }
    return true;
}

static bool id_wellformed(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    for (; *id; id++) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

static bool check_id(const char *id, Error **errp)
{
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', "
                                "starting with a letter.\n");
        return false;
    }
    if (object_get_child(current_machine->peripheral, id)) {
        error_setg(errp, "Duplicate device ID '%s'", id);
        return false;
    }
    return true;
}

bool qdev_device_add(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv =
        *arg == '{' ? keyval_parse_json(arg, errp) : keyval_parse(arg, "driver", errp);
    const DeviceType *type;
    const char *driver, *id, *bus;
    DeviceState *dev;

    if (!kv) {
        return false;
    }
    driver = keyval_get(kv, "driver");
    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return false;
    }
    type = find_pluggable(driver, errp);
    id = keyval_get(kv, "id");
    bus = keyval_get(kv, "bus");
    if (!type || (id && !check_id(id, errp))) {
        return false;
    }
    if (bus && strcmp(bus, "isa.0")) {
        error_setg(errp, "Bus '%s' not found", bus);
        return false;
    }
    dev = qdev_new(type, errp);
    if (!dev) {
        return false;
    }
    dev->id = g_strdup(id);
    dev->from_user = true;
    if (set_device_props(dev, kv, errp) && qdev_realize(dev, errp)) {
        return true;
    }
    g_free(dev->id);
    object_free(&dev->object);
    return false;
}

void qdev_print_device_help(FILE *f)
{
    fprintf(f, "Devices:\n");
    for (const ObjectType *const *t = object_types; *t; t++) {
        const DeviceType *type = find_device_type((*t)->name);

        if (type && type->user_creatable) {
            fprintf(f, "name \"%s\"", (*t)->name);
            if (type->bus) {
                fprintf(f, ", bus %s", type->bus);
            }
            if ((*t)->description) {
                fprintf(f, ", desc \"%s\"", (*t)->description);
            }
            fputc('\n', f);
        }
    }
}

bool qdev_print_type_help(const char *driver, FILE *f)
{
    const DeviceType *type = find_device_type(driver);

    if (!type) {
        return false;
    }
    fprintf(f, "%s options:\n", driver);
    for (const ObjectType *t = &type->object; t; t = t->parent) {
        for (const Property *p = t->props; p && p->name; p++) {
            g_autofree char *left = g_strdup_printf("%s=<%s>", p->name, property_type_name(p));

            fprintf(f, p->description ? "  %-22s - %s\n" : "  %s\n", left, p->description);
        }
    }
    return true;
}

static void print_device(const DeviceState *dev, GString *out)
{
    g_string_append_printf(out, "  dev: %s, id \"%s\"\n", dev->object.type->name,
                           dev->id ? dev->id : "");
    for (const ObjectType *t = dev->object.type; t; t = t->parent) {
        for (const Property *p = t->props; p && p->name; p++) {
            json_object *value = object_get_prop_json((Object *)&dev->object, p->name, NULL);

            g_string_append_printf(out, "    %s = %s\n", p->name,
                                   json_object_to_json_string(value));
            json_object_put(value);
        }
    }
}

void qdev_print_tree(GString *out)
{
    g_string_append(out, "bus: main-system-bus\n  type System\n");
    for (guint i = realized ? realized->len : 0; i-- > 0;) {
        print_device(g_ptr_array_index(realized, i), out);
    }
}

/* --- qom-set ---------------------------------------------------------------------------------- */

typedef struct NameSearch {
    const char *name;
    bool found, read_only;
} NameSearch;

static void look_for_name(void *opaque, const PropertyInfo *info)
{
    NameSearch *s = opaque;

    if (!strcmp(s->name, info->name)) {
        s->found = true;
        s->read_only = info->read_only;
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
