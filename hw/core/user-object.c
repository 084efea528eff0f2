/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object. BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/user-object.h"
#include "qemu/keyval.h"

static Object *container(void)
{
    return object_get_child(current_machine->root, "objects");
}

Object *user_object_find(const char *id)
{
    Object *objects = container();

    return objects ? object_get_child(objects, id) : NULL;
}

static const ObjectType *find_type(const char *name, Error **errp)
{
    const ObjectType *type = object_type_by_name(name);

    if (!type || !type->user_creatable) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'", name);
        error_append_hint(errp, "-object help lists the types\n");
        return NULL;
    }
    return type;
}

/* Objects become names in paths. */
static bool check_id(const char *id, Error **errp)
{
    static const char tail[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    if (!g_ascii_isalpha(*id) || id[strspn(id, tail)]) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting "
                                "with a letter.\n");
        return false;
    }
    return true;
}

static bool set_props(Object *obj, const Keyval *kv, Error **errp)
{
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (strcmp(item->key, "qom-type") && strcmp(item->key, "id") &&
            !object_set_prop_str(obj, item->key, item->value, errp)) {
            return false;
        }
    }
    return !obj->type->complete || obj->type->complete(obj, errp);
}

bool user_object_add(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv =
        *arg == '{' ? keyval_parse_json(arg, errp) : keyval_parse(arg, "qom-type", errp);
    const char *name = kv ? keyval_get(kv, "qom-type") : NULL;
    const char *id = kv ? keyval_get(kv, "id") : NULL;
    const ObjectType *type;
    Object *obj;

    if (!kv) {
        return false;
    }
    if (!name || !id || !*id) {
        error_setg(errp, "Parameter '%s' is missing", name ? "id" : "qom-type");
        return false;
    }
    type = find_type(name, errp);
    if (!type || !check_id(id, errp)) {
        return false;
    }
    if (user_object_find(id)) {
        error_setg(errp, "attempt to add duplicate property '%s' to object (type 'container')", id);
        return false;
    }
    obj = object_new(type, errp);
    if (!obj) {
        return false;
    }
    object_add_child(container(), id, obj);
    if (!set_props(obj, kv, errp)) {
        object_unparent(obj);
        object_free(obj);
        return false;
    }
    return true;
}

static bool in_use(const Object *obj)
{
    for (const ObjectType *t = obj->type; t; t = t->parent) {
        if (t->in_use && t->in_use(obj)) {
            return true;
        }
    }
    return false;
}

bool user_object_del(const char *id, Error **errp)
{
    Object *obj = user_object_find(id);

    if (!obj) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    if (in_use(obj)) {
        error_setg(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    object_unparent(obj);
    object_free(obj);
    return true;
}

void user_object_print_help(FILE *f)
{
    fprintf(f, "List of user creatable objects:\n");
    for (const ObjectType *const *t = object_types; *t; t++) {
        if ((*t)->user_creatable) {
            fprintf(f, "  %s\n", (*t)->name);
        }
    }
}
