/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties of objects: tables, text and JSON forms, and the globals of -global. BQL. */
#include "qemu/osdep.h"
#include "hw/core/object.h"
#include "qemu/cutils.h"

/* What a kind of number looks like in memory. */
static const struct PropertyKindInfo {
    const char *type_name;
    uint8_t size; /* bytes; 0: not a number */
    bool is_signed;
} kinds[] = {
    [PROP_BOOL] = { "bool", sizeof(bool) },
    [PROP_UINT8] = { "uint8", 1 },
    [PROP_UINT16] = { "uint16", 2 },
    [PROP_UINT32] = { "uint32", 4 },
    [PROP_UINT64] = { "uint64", 8 },
    [PROP_INT32] = { "int32", 4, true },
    [PROP_INT64] = { "int64", 8, true },
    [PROP_SIZE] = { "size", 8 },
    [PROP_STRING] = { "str" },
    [PROP_ENUM] = { "enum", sizeof(int), true },
    [PROP_CHARDEV] = { "str" },
    [PROP_CUSTOM] = { NULL },
};

/* Chardevs are found by the layer that has them; set by object_set_chardev_resolver(). */
static void *(*chardev_resolver)(const char *id);
static const char *(*chardev_namer)(const void *chr);

void object_set_chardev_resolver(void *(*find)(const char *id), const char *(*name)(const void *))
{
    chardev_resolver = find;
    chardev_namer = name;
}

const char *property_type_name(const Property *prop)
{
    if (prop->kind == PROP_CUSTOM) {
        return prop->ops->type_name;
    }
    return prop->enum_type ? prop->enum_type : kinds[prop->kind].type_name;
}

static void *field(const Object *obj, const Property *p)
{
    return (char *)obj + p->offset;
}

static void store(Object *obj, const Property *p, uint64_t value)
{
    memcpy(field(obj, p), &value, kinds[p->kind].size); /* little endian host */
}

static uint64_t load(const Object *obj, const Property *p)
{
    const struct PropertyKindInfo *k = &kinds[p->kind];
    uint64_t value = 0;

    memcpy(&value, field(obj, p), k->size);
    if (k->is_signed && k->size < 8) {
        unsigned shift = 64 - 8 * k->size;

        value = (uint64_t)((int64_t)(value << shift) >> shift);
    }
    return value;
}

static int enum_index(const Property *p, const char *value)
{
    for (int i = 0; p->enum_names[i]; i++) {
        if (!strcmp(p->enum_names[i], value)) {
            return i;
        }
    }
    return -1;
}

static void set_defaults(const ObjectType *type, Object *obj)
{
    if (type->parent) {
        set_defaults(type->parent, obj);
    }
    for (const Property *p = type->props; p && p->name; p++) {
        if (p->kind == PROP_STRING) {
            *(char **)field(obj, p) = g_strdup(p->default_str);
        } else if (p->kind == PROP_ENUM && p->default_str) {
            store(obj, p, (uint64_t)enum_index(p, p->default_str));
        } else if (kinds[p->kind].size) {
            store(obj, p, p->default_val);
        } else if (p->kind == PROP_CUSTOM && p->ops->set_default) {
            p->ops->set_default(obj, p);
        }
    }
}

void object_set_defaults(Object *obj)
{
    set_defaults(obj->type, obj);
}

const Property *object_type_find_prop(const ObjectType *type, const char *name)
{
    for (; type; type = type->parent) {
        for (const Property *p = type->props; p && p->name; p++) {
            if (!strcmp(p->name, name)) {
                return p;
            }
        }
    }
    return NULL;
}

static bool out_of_range(const Object *obj, const Property *p, const char *value, Error **errp)
{
    error_setg(errp, "Property %s.%s doesn't take value %s", obj->type->name, p->name, value);
    return false;
}

/* Range and check hook, then the store. @text names the value in errors. */
static bool store_checked(Object *obj, const Property *p, uint64_t value, const char *text,
                          Error **errp)
{
    const struct PropertyKindInfo *k = &kinds[p->kind];
    uint64_t type_max = k->size == 8 ? UINT64_MAX : (1ull << (8 * k->size)) - 1;

    if (k->is_signed) {
        int64_t lo = k->size == 8 ? INT64_MIN : -(1ll << (8 * k->size - 1));
        int64_t hi = k->size == 8 ? INT64_MAX : (1ll << (8 * k->size - 1)) - 1;

        if ((int64_t)value < lo || (int64_t)value > hi) {
            return out_of_range(obj, p, text, errp);
        }
    } else if (value > type_max) {
        return out_of_range(obj, p, text, errp);
    }
    if ((p->min || p->max) && (value < p->min || value > p->max)) {
        return out_of_range(obj, p, text, errp);
    }
    if (p->check && !p->check(obj, p, value, errp)) {
        return false;
    }
    store(obj, p, value);
    return true;
}

static bool set_chardev(Object *obj, const Property *p, const char *value, Error **errp)
{
    void *chr = chardev_resolver ? chardev_resolver(value) : NULL;

    if (!chr) {
        error_setg(errp, "Property '%s.%s' can't find value '%s'", obj->type->name, p->name,
                   value);
        return false;
    }
    *(void **)field(obj, p) = chr;
    return true;
}

static bool set_custom(Object *obj, const Property *p, const char *value, Error **errp)
{
    Error *err = NULL;

    if (p->ops->set(obj, p, value, &err)) {
        return true;
    }
    if (!err) {
        error_setg(&err, "Property '%s.%s' doesn't take value '%s'", obj->type->name, p->name,
                   value);
    }
    error_propagate(errp, err);
    return false;
}

static bool parse_number(const Property *p, const char *value, uint64_t *num, Error **errp)
{
    int ret;

    if (p->kind == PROP_SIZE) {
        ret = qemu_strtosz(value, NULL, 1, num);
    } else if (kinds[p->kind].is_signed || *value == '-') {
        ret = qemu_strtoi64(value, NULL, 0, (int64_t *)num);
        ret = !ret && !kinds[p->kind].is_signed && (int64_t)*num < 0 ? -ERANGE : ret;
    } else {
        ret = qemu_strtou64(value, NULL, 0, num);
    }
    if (ret == -ERANGE) {
        error_setg(errp, "Parameter '%s' expects %s", p->name, property_type_name(p));
    } else if (ret < 0 && p->kind == PROP_SIZE) {
        error_setg(errp, "Parameter '%s' expects a non-negative number below 2^64", p->name);
    } else if (ret < 0) {
        error_setg(errp, "Parameter '%s' expects %s", p->name, property_type_name(p));
    }
    return ret == 0;
}

static bool set_from_text(Object *obj, const Property *p, const char *value, Error **errp)
{
    uint64_t num = 0;
    bool flag;
    int index;

    switch (p->kind) {
    case PROP_BOOL:
        return parse_bool(p->name, value, &flag, errp) &&
               store_checked(obj, p, flag, value, errp);
    case PROP_STRING:
        g_free(*(char **)field(obj, p));
        *(char **)field(obj, p) = g_strdup(value);
        return true;
    case PROP_CHARDEV:
        return set_chardev(obj, p, value, errp);
    case PROP_CUSTOM:
        return set_custom(obj, p, value, errp);
    case PROP_ENUM:
        index = enum_index(p, value);
        if (index < 0) {
            error_setg(errp, "Parameter '%s' does not accept value '%s'", p->name, value);
            return false;
        }
        return store_checked(obj, p, (uint64_t)index, value, errp);
    default:
        return parse_number(p, value, &num, errp) && store_checked(obj, p, num, value, errp);
    }
}

static bool not_found(const Object *obj, const char *name, Error **errp)
{
    error_setg(errp, "Property '%s.%s' not found", obj->type->name, name);
    return false;
}

static bool check_writable(const Object *obj, const Property *p, Error **errp)
{
    if (p->read_only) {
        error_setg(errp, "Property '%s.%s' is not writable", obj->type->name, p->name);
        return false;
    }
    return true;
}

bool object_set_prop_str(Object *obj, const char *name, const char *value, Error **errp)
{
    const Property *p = object_type_find_prop(obj->type, name);

    if (p) {
        return check_writable(obj, p, errp) && set_from_text(obj, p, value, errp);
    }
    for (const ObjectType *t = obj->type; t; t = t->parent) {
        bool found = false, ok;

        if (t->hooks && t->hooks->set_str) {
            ok = t->hooks->set_str(obj, name, value, &found, errp);
            if (found) {
                return ok;
            }
        }
    }
    return not_found(obj, name, errp);
}

static bool json_type_fits(const Property *p, json_object *value)
{
    switch (p->kind) {
    case PROP_BOOL:
        return json_object_is_type(value, json_type_boolean);
    case PROP_STRING:
    case PROP_ENUM:
    case PROP_CHARDEV:
    case PROP_CUSTOM:
        return json_object_is_type(value, json_type_string);
    default:
        return json_object_is_type(value, json_type_int);
    }
}

static bool set_from_json(Object *obj, const Property *p, json_object *value, Error **errp)
{
    static const char *const expected[] = {
        [PROP_BOOL] = "boolean", [PROP_STRING] = "string", [PROP_ENUM] = "string",
        [PROP_CHARDEV] = "string", [PROP_CUSTOM] = "string",
    };

    if (p->kind == PROP_CUSTOM && p->ops->set_json) {
        return p->ops->set_json(obj, p, value, errp);
    }
    if (!json_type_fits(p, value)) {
        const char *name = p->kind < ARRAY_SIZE(expected) ? expected[p->kind] : NULL;

        error_setg(errp, "Invalid parameter type for '%s', expected: %s", p->name,
                   name ? name : "integer");
        return false;
    }
    if (p->kind == PROP_BOOL) {
        return store_checked(obj, p, json_object_get_boolean(value), "", errp);
    }
    return set_from_text(obj, p, json_object_get_string(value), errp);
}

bool object_set_prop_json(Object *obj, const char *name, json_object *value, Error **errp)
{
    const Property *p = object_type_find_prop(obj->type, name);

    if (p) {
        return check_writable(obj, p, errp) && set_from_json(obj, p, value, errp);
    }
    for (const ObjectType *t = obj->type; t; t = t->parent) {
        bool found = false, ok;

        if (t->hooks && t->hooks->set_json) {
            ok = t->hooks->set_json(obj, name, value, &found, errp);
            if (found) {
                return ok;
            }
        }
    }
    return not_found(obj, name, errp);
}

static json_object *get_from_table(Object *obj, const Property *p)
{
    g_autofree char *custom = NULL;
    const char *text;

    switch (p->kind) {
    case PROP_BOOL:
        return json_object_new_boolean(*(bool *)field(obj, p));
    case PROP_STRING:
        text = *(char **)field(obj, p);
        return json_object_new_string(text ? text : "");
    case PROP_CHARDEV:
        text = *(void **)field(obj, p) ? chardev_namer(*(void **)field(obj, p)) : "";
        return json_object_new_string(text);
    case PROP_ENUM:
        return json_object_new_string(p->enum_names[load(obj, p)]);
    case PROP_CUSTOM:
        if (p->ops->get_json) {
            return p->ops->get_json(obj, p);
        }
        custom = p->ops->get(obj, p);
        return json_object_new_string(custom ? custom : "");
    case PROP_INT32:
    case PROP_INT64:
        return json_object_new_int64((int64_t)load(obj, p));
    default:
        return json_object_new_uint64(load(obj, p));
    }
}

json_object *object_get_prop_json(Object *obj, const char *name, Error **errp)
{
    const Property *p = object_type_find_prop(obj->type, name);
    Object *child;

    if (p) {
        return get_from_table(obj, p);
    }
    if (!strcmp(name, "type")) {
        return json_object_new_string(obj->type->name);
    }
    for (const ObjectType *t = obj->type; t; t = t->parent) {
        bool found = false;
        json_object *value;

        if (t->hooks && t->hooks->get_json) {
            value = t->hooks->get_json(obj, name, &found);
            if (found) {
                return value;
            }
        }
    }
    child = object_get_child(obj, name);
    if (child) {
        g_autofree char *path = object_get_path(child);

        return json_object_new_string(path);
    }
    not_found(obj, name, errp);
    return NULL;
}

/* Globals */

typedef struct Global {
    char *driver, *name, *value;
    bool user, used;
} Global;

static GPtrArray *globals;

void global_property_add(const char *driver, const char *name, const char *value, bool user)
{
    Global *g = g_new0(Global, 1);

    g->driver = g_strdup(driver);
    g->name = g_strdup(name);
    g->value = g_strdup(value);
    g->user = user;
    if (!globals) {
        globals = g_ptr_array_new();
    }
    g_ptr_array_add(globals, g);
}

bool global_property_foreach(const ObjectType *type,
                             bool (*fn)(void *opaque, const char *name, const char *value,
                                        Error **errp),
                             void *opaque, Error **errp)
{
    for (guint i = 0; globals && i < globals->len; i++) {
        Global *g = g_ptr_array_index(globals, i);

        if (!object_type_is_a(type, g->driver)) {
            continue;
        }
        g->used = true;
        if (!fn(opaque, g->name, g->value, errp)) {
            return false;
        }
    }
    return true;
}

void global_property_foreach_row(void (*fn)(void *opaque, const char *driver, const char *name,
                                            const char *value),
                                 void *opaque)
{
    for (guint i = 0; globals && i < globals->len; i++) {
        const Global *g = g_ptr_array_index(globals, i);

        fn(opaque, g->driver, g->name, g->value);
    }
}

void global_property_warn_unused(void)
{
    for (guint i = 0; globals && i < globals->len; i++) {
        Global *g = g_ptr_array_index(globals, i);

        if (!g->user || g->used) {
            continue;
        }
        if (!object_type_by_name(g->driver)) {
            warn_report("global %s.%s has invalid class name", g->driver, g->name);
        } else {
            warn_report("global %s.%s=%s not used", g->driver, g->name, g->value);
        }
    }
}
