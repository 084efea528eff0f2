/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users say to devices and hear from them: -device, its help, device_del, info qtree. BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "qemu/keyval.h"

static bool machine_complete;

void qdev_machine_complete(void)
{
    machine_complete = true;
}

static const DeviceType *find_device_type(const char *name)
{
    const ObjectType *type = object_type_by_name(name);

    return type && object_type_is_a(type, "device") ? (const DeviceType *)type : NULL;
}

static const DeviceType *find_pluggable(const char *driver, Error **errp)
{
    const DeviceType *type = find_device_type(driver);

    if (!type || type->object.abstract) {
        error_setg(errp, "'%s' is not a valid device model name", driver);
        return NULL;
    }
    if (!type->user_creatable) {
        error_setg(errp, "Parameter 'driver' expects a pluggable device type");
        return NULL;
    }
    return type;
}

/* --- -device --------------------------------------------------------------------------------- */

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

/* The bus named in the option, or the first that fits. *bus NULL: the type needs none. */
static bool choose_bus(const DeviceType *type, const char *name, BusState **bus, Error **errp)
{
    *bus = NULL;
    if (name) {
        *bus = qdev_find_bus(name);
        if (!*bus) {
            error_setg(errp, "Bus '%s' not found", name);
            return false;
        }
        if (!type->bus || !qdev_bus_takes(*bus, type->bus)) {
            error_setg(errp, "Device '%s' can't go on %s bus", type->object.name, (*bus)->type);
            return false;
        }
    } else if (type->bus) {
        *bus = qdev_find_bus_for(type->bus);
        if (!*bus) {
            error_setg(errp, "No '%s' bus found for device '%s'", type->bus, type->object.name);
            return false;
        }
    }
    if (machine_complete && *bus) {
        error_setg(errp, "Bus '%s' does not support hotplugging", (*bus)->name);
        return false;
    }
    if (machine_complete) {
        error_setg(errp, "Device '%s' does not support hotplugging", type->object.name);
        return false;
    }
    return true;
}

bool qdev_device_add(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv =
        *arg == '{' ? keyval_parse_json(arg, errp) : keyval_parse(arg, "driver", errp);
    const DeviceType *type;
    const char *driver, *id;
    BusState *bus;
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
    if (!type || !choose_bus(type, keyval_get(kv, "bus"), &bus, errp) ||
        (id && !check_id(id, errp))) {
        return false;
    }
    dev = qdev_new(type, errp);
    if (!dev) {
        return false;
    }
    dev->id = g_strdup(id);
    dev->bus = bus;
    dev->from_user = true;
    if (set_device_props(dev, kv, errp) && qdev_realize(dev, errp)) {
        return true;
    }
    object_free(&dev->object);
    return false;
}

bool qdev_device_del(const char *id, Error **errp)
{
    Object *obj = *id == '/' ? object_resolve_path(current_machine->root, id)
                             : object_get_child(current_machine->peripheral, id);
    const DeviceState *dev = (DeviceState *)obj;

    if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", id);
        return false;
    }
    if (!object_is_a(obj, &type_device)) {
        error_setg(errp, "%s is not a hotpluggable device", id);
        return false;
    }
    if (dev->bus) {
        error_setg(errp, "Bus '%s' does not support hotplugging", dev->bus->name);
    } else {
        error_setg(errp, "Device '%s' does not support hotplugging", dev->object.type->name);
    }
    return false;
}

/* --- Help ------------------------------------------------------------------------------------ */

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

/* Not the properties that every object and device has: users cannot set them. */
static void add_help_line(void *opaque, const PropertyInfo *info)
{
    g_autofree char *left = g_strdup_printf("%s=<%s>", info->name, info->type);
    GString *line = g_string_new(NULL);

    if (info->read_only || !strcmp(info->name, "type")) {
        g_string_free(line, TRUE);
        return;
    }
    g_string_append_printf(line, "  %s", left);
    if (info->description || info->default_value) {
        g_string_printf(line, "  %-22s - %s", left, info->description ? info->description : "");
    }
    if (info->default_value) {
        g_string_append_printf(line, " (default: %s)",
                               json_object_to_json_string(info->default_value));
    }
    g_ptr_array_add(opaque, g_string_free(line, FALSE));
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void object_type_print_help(const ObjectType *type, FILE *f)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    object_type_foreach_prop(type, NULL, add_help_line, lines);
    g_ptr_array_sort(lines, compare_lines);
    fprintf(f, "%s options:\n", type->name);
    for (guint i = 0; i < lines->len; i++) {
        fprintf(f, "%s\n", (char *)g_ptr_array_index(lines, i));
    }
}

bool qdev_print_type_help(const char *driver, FILE *f)
{
    const DeviceType *type = find_device_type(driver);

    if (type) {
        object_type_print_help(&type->object, f);
    }
    return type;
}

/* --- info qtree ------------------------------------------------------------------------------ */

static void print_bus(const BusState *bus, GString *out, int indent);

static void print_prop(const DeviceState *dev, const Property *p, GString *out, int indent)
{
    json_object *value = object_get_prop_json((Object *)&dev->object, p->name, NULL);
    uint64_t n = (uint64_t)json_object_get_int64(value);

    g_string_append_printf(out, "%*s%s = ", indent, "", p->name);
    switch (p->kind) {
    case PROP_UINT8:
    case PROP_UINT16:
    case PROP_UINT32:
    case PROP_UINT64:
        n = json_object_get_uint64(value);
        g_string_append_printf(out, "%" PRIu64 " (0x%" PRIx64 ")\n", n, n);
        break;
    case PROP_INT32:
    case PROP_INT64:
        g_string_append_printf(out, "%" PRId64 " (0x%" PRIx64 ")\n", (int64_t)n, n);
        break;
    case PROP_CUSTOM:
        g_string_append_printf(out, "%s\n", json_object_get_string(value));
        break;
    default:
        g_string_append_printf(out, "%s\n", json_object_to_json_string(value));
    }
    json_object_put(value);
}

static void print_device(const DeviceState *dev, GString *out, int indent)
{
    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "", dev->object.type->name,
                           dev->id ? dev->id : "");
    indent += 2;
    for (const ObjectType *t = dev->object.type; t; t = t->parent) {
        for (const Property *p = t->props; p && p->name; p++) {
            if (!p->ops || !p->ops->get_json) { /* those tell of the guest, not of the device */
                print_prop(dev, p, out, indent);
            }
        }
    }
    if (dev->bus && dev->bus->print_dev) {
        dev->bus->print_dev(dev, out, indent);
    }
    for (guint i = 0; dev->children && i < dev->children->len; i++) {
        print_bus(g_ptr_array_index(dev->children, i), out, indent);
    }
}

static void print_bus(const BusState *bus, GString *out, int indent)
{
    g_string_append_printf(out, "%*sbus: %s\n%*stype %s\n", indent, "", bus->name, indent + 2, "",
                           bus->type);
    for (guint i = bus->devices->len; i-- > 0;) {
        print_device(g_ptr_array_index(bus->devices, i), out, indent + 2);
    }
}

static void print_unplugged(void *opaque, DeviceState *dev)
{
    if (!dev->bus) {
        g_ptr_array_add(opaque, dev);
    }
}

void qdev_print_tree(GString *out)
{
    g_autoptr(GPtrArray) roots = g_ptr_array_new();

    qdev_foreach(print_unplugged, roots);
    g_string_append(out, "bus: main-system-bus\n  type System\n");
    for (guint i = roots->len; i-- > 0;) {
        print_device(g_ptr_array_index(roots, i), out, 2);
    }
}
