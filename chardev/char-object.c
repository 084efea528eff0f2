/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices in the object tree: a class for each kind, an object below /chardevs for each
 * device. BQL. */
#include "qemu/osdep.h"
#include "chardev/char-object.h"
#include "chardev/char.h"

static const ObjectType type_chardev = {
    .name = "chardev",
    .abstract = true,
    .instance_size = sizeof(Object),
};

static GHashTable *kinds; /* "socket" -> its ObjectType; live forever */

static const ObjectType *type_of_kind(const char *kind)
{
    ObjectType *type;

    if (!kinds) {
        kinds = g_hash_table_new(g_str_hash, g_str_equal);
    }
    type = g_hash_table_lookup(kinds, kind);
    if (!type) {
        type = g_new0(ObjectType, 1);
        type->name = g_strconcat("chardev-", kind, NULL);
        type->parent = &type_chardev;
        type->instance_size = sizeof(Object);
        g_hash_table_insert(kinds, g_strdup(kind), type);
    }
    return type;
}

typedef struct TypeWalk {
    ObjectTypeFn *fn;
    void *opaque;
} TypeWalk;

static void tell_kind(void *opaque, const char *kind)
{
    const TypeWalk *walk = opaque;

    walk->fn(walk->opaque, type_of_kind(kind));
}

void chardev_object_types(ObjectTypeFn *fn, void *opaque)
{
    TypeWalk walk = { fn, opaque };

    fn(opaque, &type_chardev);
    tell_kind(&walk, "mux");
    chardev_foreach_backend(tell_kind, &walk);
}

static void add_object(void *opaque, const char *id, const char *kind)
{
    Object *container = opaque;

    if (!object_get_child(container, id)) {
        object_add_child(container, id, object_new(type_of_kind(kind), &error_abort));
    }
}

void chardev_add_objects(Object *container)
{
    chardev_foreach_kind(add_object, container);
}
