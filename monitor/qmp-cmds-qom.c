/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about objects, types and their properties. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "hw/core/user-object.h"
#include "qapi/qapi-commands.h"

/* --- Objects ---------------------------------------------------------------------------------- */

static Object *find_object(const char *path, Error **errp)
{
    bool ambiguous;
    Object *obj = object_resolve_partial_path(current_machine->root, path, &ambiguous);

    if (ambiguous) {
        error_setg(errp, "Path '%s' is ambiguous", path);
    } else if (!obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", path);
    }
    return obj;
}

/* What of a property one of the lists tells. */
typedef struct PropertyList {
    ObjectPropertyInfoList *list;
    bool description, default_value;
    bool settings_only; /* not what every device has */
} PropertyList;

static bool is_setting(const char *name)
{
    static const char *const others[] = { "type", "realized", "hotplugged", "hotpluggable", NULL };

    return !g_strv_contains(others, name);
}

static void add_property(void *opaque, const PropertyInfo *info)
{
    PropertyList *l = opaque;
    ObjectPropertyInfo *row;

    if (l->settings_only && !is_setting(info->name)) {
        return;
    }
    row = ObjectPropertyInfoList_append(l->list);
    row->name = g_strdup(info->name);
    row->type = g_strdup(info->type);
    row->description = l->description ? g_strdup(info->description) : NULL;
    row->default_value = l->default_value ? json_object_get(info->default_value) : NULL;
}

bool qmp_qom_list(const QomListArgs *args, ObjectPropertyInfoList **ret, Error **errp)
{
    Object *obj = find_object(args->path, errp);
    PropertyList l = { 0 };

    if (!obj) {
        return false;
    }
    l.list = *ret = g_new0(ObjectPropertyInfoList, 1);
    object_type_foreach_prop(obj->type, obj, add_property, &l);
    return true;
}

bool qmp_qom_get(const QomGetArgs *args, json_object **ret, Error **errp)
{
    Object *obj = find_object(args->path, errp);

    if (!obj) {
        return false;
    }
    *ret = object_get_prop_json(obj, args->property, errp);
    return *ret != NULL;
}

bool qmp_qom_set(const QomSetArgs *args, Error **errp)
{
    Object *obj = find_object(args->path, errp);

    return obj && object_check_settable(obj, args->property, errp) &&
           object_set_prop_json(obj, args->property, args->value, errp);
}

bool qmp_object_add(const ObjectOptions *args, Error **errp)
{
    g_autofree char *text = qapi_to_text(&qapi_type_ObjectOptions, args);

    return user_object_add(text, errp);
}

bool qmp_object_del(const ObjectDelArgs *args, Error **errp)
{
    return user_object_del(args->id, errp);
}

/* --- Types ------------------------------------------------------------------------------------ */

bool qmp_qom_list_types(const QomListTypesArgs *args, ObjectTypeInfoList **ret, Error **errp)
{
    const GPtrArray *types = object_type_list();

    *ret = g_new0(ObjectTypeInfoList, 1);
    for (guint i = 0; i < types->len; i++) {
        const ObjectType *type = g_ptr_array_index(types, i);
        ObjectTypeInfo *info;

        if ((type->abstract && !args->abstract) ||
            (args->implements && !object_type_is_a(type, args->implements))) {
            continue;
        }
        info = ObjectTypeInfoList_append(*ret);
        info->name = g_strdup(type->name);
        info->has_abstract = info->abstract = type->abstract;
        if (type != &type_object) {
            info->parent = g_strdup(type->parent ? type->parent->name : type_object.name);
        }
    }
    return true;
}

bool qmp_qom_list_properties(const QomListPropertiesArgs *args, ObjectPropertyInfoList **ret,
                             Error **errp)
{
    const ObjectType *type = object_type_by_name(args->typename);
    PropertyList l = { .description = true };

    if (!type) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Class '%s' not found", args->typename);
        return false;
    }
    l.list = *ret = g_new0(ObjectPropertyInfoList, 1);
    object_type_foreach_prop(type, NULL, add_property, &l);
    return true;
}

bool qmp_device_list_properties(const DeviceListPropertiesArgs *args, ObjectPropertyInfoList **ret,
                                Error **errp)
{
    const ObjectType *type = object_type_by_name(args->typename);
    PropertyList l = { .description = true, .default_value = true, .settings_only = true };

    if (!type) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", args->typename);
        return false;
    }
    if (type->abstract || !object_type_is_a(type, type_device.name)) {
        error_setg(errp, "Parameter 'typename' expects a non-abstract device type");
        return false;
    }
    l.list = *ret = g_new0(ObjectPropertyInfoList, 1);
    object_type_foreach_prop(type, NULL, add_property, &l);
    return true;
}
