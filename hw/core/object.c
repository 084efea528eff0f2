/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object tree: construction, paths, children. Properties are in object-props.c. BQL. */
#include "qemu/osdep.h"
#include "hw/core/object.h"

static void free_child(gpointer data)
{
    Object *child = data;

    child->parent = NULL;
    object_free(child);
}

/* Parents first, as constructors run. */
static void call_instance_init(const ObjectType *type, Object *obj)
{
    if (type->parent) {
        call_instance_init(type->parent, obj);
    }
    if (type->instance_init) {
        type->instance_init(obj);
    }
}

static bool set_global(void *opaque, const char *name, const char *value, Error **errp)
{
    Object *obj = opaque;

    if (!object_set_prop_str(obj, name, value, errp)) {
        error_prepend(errp, "can't apply global %s.%s=%s: ", obj->type->name, name, value);
        return false;
    }
    return true;
}

Object *object_new(const ObjectType *type, Error **errp)
{
    Object *obj = g_malloc0(MAX(type->instance_size, sizeof(Object)));

    assert(!type->abstract);
    obj->type = type;
    object_set_defaults(obj);
    call_instance_init(type, obj);
    if (!global_property_foreach(type, set_global, obj, errp)) {
        object_free(obj);
        return NULL;
    }
    return obj;
}

static void free_strings(const ObjectType *type, Object *obj)
{
    for (; type; type = type->parent) {
        for (const Property *p = type->props; p && p->name; p++) {
            if (p->kind == PROP_STRING) {
                g_free(*(char **)((char *)obj + p->offset));
            } else if (p->kind == PROP_CUSTOM && p->ops->release) {
                p->ops->release(obj, p);
            }
        }
    }
}

void object_free(Object *obj)
{
    if (!obj) {
        return;
    }
    assert(!obj->parent);
    for (const ObjectType *t = obj->type; t; t = t->parent) {
        if (t->instance_dispose) {
            t->instance_dispose(obj);
        }
    }
    if (obj->children) {
        g_ptr_array_free(obj->children, TRUE);
    }
    for (const ObjectType *t = obj->type; t; t = t->parent) {
        if (t->instance_finalize) {
            t->instance_finalize(obj);
        }
    }
    free_strings(obj->type, obj);
    g_free(obj->name);
    g_free(obj);
}

void object_add_child(Object *parent, const char *name, Object *child)
{
    assert(!child->parent && !object_get_child(parent, name));
    if (!parent->children) {
        parent->children = g_ptr_array_new_with_free_func(free_child);
    }
    child->parent = parent;
    child->name = g_strdup(name);
    g_ptr_array_add(parent->children, child);
}

void object_unparent(Object *child)
{
    GPtrArray *siblings = child->parent->children;
    guint index;

    if (g_ptr_array_find(siblings, child, &index)) {
        g_ptr_array_steal_index(siblings, index);
    }
    child->parent = NULL;
    g_clear_pointer(&child->name, g_free);
}

Object *object_get_child(Object *parent, const char *name)
{
    for (guint i = 0; parent->children && i < parent->children->len; i++) {
        Object *child = g_ptr_array_index(parent->children, i);

        if (!strcmp(child->name, name)) {
            return child;
        }
    }
    return NULL;
}

Object *object_resolve_path(Object *root, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    Object *obj = root;

    for (char **part = parts; obj && *part; part++) {
        if (**part) {
            obj = object_get_child(obj, *part);
        }
    }
    return obj;
}

/* Whether the last names of @obj's path are @parts. */
static bool path_ends_with(const Object *obj, char *const *parts)
{
    for (guint n = g_strv_length((char **)parts); n-- > 0; obj = obj->parent) {
        if (!obj || !obj->name || strcmp(obj->name, parts[n])) {
            return false;
        }
    }
    return true;
}

/* Objects below @obj whose path ends so; the first goes to *found. */
static unsigned count_matches(Object *obj, char *const *parts, Object **found)
{
    unsigned n = path_ends_with(obj, parts);

    if (n && !*found) {
        *found = obj;
    }
    for (guint i = 0; obj->children && i < obj->children->len && n < 2; i++) {
        n += count_matches(g_ptr_array_index(obj->children, i), parts, found);
    }
    return n;
}

Object *object_resolve_partial_path(Object *root, const char *path, bool *ambiguous)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    Object *found = NULL;

    *ambiguous = false;
    if (*path == '/') {
        return object_resolve_path(root, path);
    }
    *ambiguous = count_matches(root, parts, &found) > 1;
    return *ambiguous ? NULL : found;
}

char *object_get_path(const Object *obj)
{
    char *path = g_strdup("");

    for (; obj && obj->parent; obj = obj->parent) {
        char *longer = g_strconcat("/", obj->name, path, NULL);

        g_free(path);
        path = longer;
    }
    if (!*path) {
        g_free(path);
        path = g_strdup("/");
    }
    return path;
}

bool object_is_a(const Object *obj, const ObjectType *type)
{
    return object_type_is_a(obj->type, type->name);
}

bool object_type_is_a(const ObjectType *type, const char *name)
{
    for (; type; type = type->parent) {
        if (!strcmp(type->name, name)) {
            return true;
        }
    }
    return !strcmp(name, "object");
}
