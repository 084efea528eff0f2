/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types by name, and what introspection tells about types and their properties. The list of types
 * is made when somebody first asks for it: starting a machine does not need it. BQL.
 */
#include "qemu/osdep.h"
#include "hw/core/object.h"

const ObjectType type_object = {
    .name = "object",
    .instance_size = sizeof(Object),
    .abstract = true,
};

const ObjectType type_container = {
    .name = "container",
    .instance_size = sizeof(Object),
};

static GPtrArray *all_types; /* of const ObjectType, sorted by name */

static void add_type(void *opaque, const ObjectType *type)
{
    g_ptr_array_add(opaque, (gpointer)type);
}

static gint compare_types(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const ObjectType *const *)a)->name, (*(const ObjectType *const *)b)->name);
}

const GPtrArray *object_type_list(void)
{
    if (!all_types) {
        all_types = g_ptr_array_new();
        for (const ObjectType *const *t = object_types; *t; t++) {
            add_type(all_types, *t);
        }
        for (size_t i = 0; object_type_families[i]; i++) {
            object_type_families[i](add_type, all_types);
        }
        g_ptr_array_sort(all_types, compare_types);
    }
    return all_types;
}

static int compare_name(const void *name, const void *type)
{
    return strcmp(name, (*(const ObjectType *const *)type)->name);
}

const ObjectType *object_type_by_name(const char *name)
{
    const ObjectType *const *found;
    const GPtrArray *list;

    for (const ObjectType *const *t = object_types; *t; t++) {
        if (!strcmp((*t)->name, name)) {
            return *t;
        }
    }
    list = object_type_list();
    found = bsearch(name, list->pdata, list->len, sizeof(gpointer), compare_name);
    return found ? *found : NULL;
}

/* --- Properties ------------------------------------------------------------------------------- */

/* NULL for a row whose default is nothing: an empty string, no chardev. */
static json_object *default_of(const Property *p)
{
    switch (p->kind) {
    case PROP_BOOL:
        return json_object_new_boolean(p->default_val != 0);
    case PROP_CUSTOM:
        if (!strcmp(p->ops->type_name, "int32")) {
            return json_object_new_int64((int64_t)p->default_val);
        }
        return p->default_str ? json_object_new_string(p->default_str) : NULL;
    case PROP_STRING:
        return p->default_str ? json_object_new_string(p->default_str) : NULL;
    case PROP_ENUM:
        return json_object_new_string(p->default_str ? p->default_str
                                                     : p->enum_names[p->default_val]);
    case PROP_CHARDEV:
        return NULL;
    case PROP_INT32:
    case PROP_INT64:
        return json_object_new_int64((int64_t)p->default_val);
    default:
        return p->default_val <= INT64_MAX ? json_object_new_int64((int64_t)p->default_val)
                                           : json_object_new_uint64(p->default_val);
    }
}

static void tell_row(const Property *p, PropertyFn *fn, void *opaque)
{
    json_object *def = default_of(p);

    fn(opaque, &(PropertyInfo){ p->name, property_type_name(p), p->description, def,
                                p->read_only, p->any_time });
    json_object_put(def);
}

void object_type_foreach_own_prop(const ObjectType *type, PropertyFn *fn, void *opaque)
{
    for (const Property *p = type->props; p && p->name; p++) {
        tell_row(p, fn, opaque);
    }
}

/* @t and its ancestors, those first; @type and @obj are what was asked for. */
static void tell_chain(const ObjectType *t, const ObjectType *type, const Object *obj,
                       PropertyFn *fn, void *opaque)
{
    if (t->parent) {
        tell_chain(t->parent, type, obj, fn, opaque);
    }
    if (t->hooks && t->hooks->foreach) {
        t->hooks->foreach(type, obj, fn, opaque);
    }
    for (const Property *p = t->props; p && p->name; p++) {
        tell_row(p, fn, opaque);
    }
}

void object_type_foreach_prop(const ObjectType *type, const Object *obj, PropertyFn *fn,
                              void *opaque)
{
    fn(opaque, &(PropertyInfo){ .name = "type", .type = "string", .read_only = true });
    tell_chain(type, type, obj, fn, opaque);
    for (guint i = 0; obj && obj->children && i < obj->children->len; i++) {
        const Object *child = g_ptr_array_index(obj->children, i);
        g_autofree char *text = g_strdup_printf("child<%s>", child->type->name);

        fn(opaque, &(PropertyInfo){ .name = child->name, .type = text, .read_only = true });
    }
}
