/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From key=value options to the schema's types: dotted keys become objects, text becomes what the
 * type wants. */
#include "qemu/osdep.h"
#include "qapi/keyval-opts.h"
#include "qemu/cutils.h"

/* --- Dotted keys --- */

static bool add_dotted(json_object *root, const char *key, const char *value, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", 0);
    json_object *at = root, *next;
    size_t i;

    for (i = 0; parts[i] && parts[i + 1]; i++) {
        if (!json_object_object_get_ex(at, parts[i], &next)) {
            next = json_object_new_object();
            json_object_object_add(at, parts[i], next);
        }
        if (!json_object_is_type(next, json_type_object)) {
            break;
        }
        at = next;
    }
    if (!parts[0] || !parts[i] || !*parts[i]) {
        error_setg(errp, "Invalid parameter '%s'", key);
        return false;
    }
    if (parts[i + 1] || (json_object_object_get_ex(at, parts[i], &next) &&
                         json_object_is_type(next, json_type_object))) {
        error_setg(errp, "Parameters '%s.*' used inconsistently", parts[0]);
        return false;
    }
    json_object_object_add(at, parts[i], json_object_new_string(value));
    return true;
}

/* --- Text to values --- */

static json_object *coerce(const QapiType *type, json_object *value, const char *name,
                           Error **errp);

static json_object *coerce_text(const QapiType *type, const char *text, const char *name,
                                Error **errp)
{
    uint64_t u;
    int64_t i;
    bool b;

    switch (type->kind) {
    case QAPI_BOOL:
        return parse_bool(name, text, &b, errp) ? json_object_new_boolean(b) : NULL;
    case QAPI_INT8 ... QAPI_INT64:
        if (qemu_strtoi64(text, NULL, 0, &i) < 0 &&
            (qemu_strtosz(text, NULL, 1, &u) < 0 || (i = (int64_t)u) < 0)) {
            error_setg(errp, "Parameter '%s' expects an integer", name);
            return NULL;
        }
        return json_object_new_int64(i);
    case QAPI_UINT8 ... QAPI_UINT64:
        if (qemu_strtosz(text, NULL, 1, &u) < 0) {
            error_setg(errp, "Parameter '%s' expects a size", name);
            return NULL;
        }
        return json_object_new_uint64(u);
    default:
        return json_object_new_string(text);
    }
}

static const QapiMember *find_member(const QapiMember *members, uint32_t nr, const char *name)
{
    for (uint32_t i = 0; i < nr; i++) {
        if (!strcmp(members[i].name, name)) {
            return &members[i];
        }
    }
    return NULL;
}

/* The members of the branch a union's tag selects. */
static const QapiType *find_branch(const QapiType *type, json_object *object)
{
    json_object *tag;
    int value;

    if (!type->tag || !json_object_object_get_ex(object, type->tag->name, &tag)) {
        return NULL;
    }
    value = qapi_enum_parse(type->tag->type, json_object_get_string(tag));
    return value < 0 ? NULL : type->variants[value];
}

/* A new object; members the type does not know stay for the schema's checks. */
static json_object *coerce_struct(const QapiType *type, json_object *object, Error **errp)
{
    const QapiType *branch = find_branch(type, object);
    json_object *result = json_object_new_object();

    json_object_object_foreach(object, key, value) {
        const QapiMember *m = find_member(type->members, type->nr, key);
        json_object *typed;

        if (!m && branch) {
            m = find_member(branch->members, branch->nr, key);
        }
        typed = m ? coerce(m->type, value, key, errp) : json_object_get(value);
        if (!typed && !(m && m->type->kind == QAPI_ALTERNATE && !*errp)) {
            json_object_put(result);
            return NULL;
        }
        json_object_object_add(result, key, typed);
    }
    return result;
}

/* { "0": a, "1": b } */
static json_object *coerce_array(const QapiType *type, json_object *object, const char *name,
                                 Error **errp)
{
    json_object *result = json_object_new_array(), *value;
    int count = json_object_object_length(object);

    for (int i = 0; i < count; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        json_object *typed = NULL;

        if (!json_object_object_get_ex(object, key, &value)) {
            error_setg(errp, "Parameter '%s.%d' missing", name, i);
        } else {
            typed = coerce(type->element, value, name, errp);
        }
        if (!typed) {
            json_object_put(result);
            return NULL;
        }
        json_object_array_add(result, typed);
    }
    return result;
}

/* NULL without an error: JSON's null, which "backing=" means. */
static json_object *coerce_alternate(const QapiType *type, json_object *value, Error **errp)
{
    bool is_object = json_object_is_type(value, json_type_object);

    for (uint32_t i = 0; i < type->nr; i++) {
        const QapiType *branch = type->variants[i];

        if (is_object && branch->kind == QAPI_STRUCT) {
            return coerce_struct(branch, value, errp);
        }
        if (!is_object && branch->kind == QAPI_NULL && !*json_object_get_string(value)) {
            return NULL;
        }
    }
    return json_object_get(value);
}

static json_object *coerce(const QapiType *type, json_object *value, const char *name, Error **errp)
{
    bool is_object = json_object_is_type(value, json_type_object);

    if (type->kind == QAPI_ALTERNATE) {
        return coerce_alternate(type, value, errp);
    }
    if (is_object && type->kind == QAPI_STRUCT) {
        return coerce_struct(type, value, errp);
    }
    if (is_object && type->kind == QAPI_ARRAY) {
        return coerce_array(type, value, name, errp);
    }
    return is_object ? json_object_get(value)
                     : coerce_text(type, json_object_get_string(value), name, errp);
}

void *qapi_from_keyval(const QapiType *type, const Keyval *kv, Error **errp)
{
    json_object *tree = json_object_new_object(), *typed = NULL;
    Error *err = NULL;
    void *result = NULL;

    for (guint i = 0; i < kv->items->len && !err; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        add_dotted(tree, item->key, item->value, &err);
    }
    if (!err) {
        typed = coerce_struct(type, tree, &err);
    }
    if (typed) {
        result = qapi_from_json(type, typed, &err);
    }
    json_object_put(typed);
    json_object_put(tree);
    if (err) {
        error_propagate(errp, err);
    }
    return result;
}
