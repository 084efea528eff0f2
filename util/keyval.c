/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option arguments as lists of pairs; see the header. Main thread. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"

#include <json-c/json.h>

static void item_clear(gpointer data)
{
    KeyvalItem *item = data;

    g_free(item->key);
    g_free(item->value);
}

Keyval *keyval_new(void)
{
    Keyval *kv = g_new0(Keyval, 1);

    kv->items = g_array_new(FALSE, TRUE, sizeof(KeyvalItem));
    g_array_set_clear_func(kv->items, item_clear);
    return kv;
}

void keyval_free(Keyval *kv)
{
    if (kv) {
        g_array_free(kv->items, TRUE);
        g_free(kv);
    }
}

void keyval_add(Keyval *kv, const char *key, const char *value)
{
    KeyvalItem item = { .key = g_strdup(key), .value = g_strdup(value) };

    g_array_append_val(kv->items, item);
}

/* Reads up to the next single comma, turning ",," into one; *end is after that comma. */
static char *next_element(const char *p, const char **end)
{
    GString *s = g_string_new(NULL);

    while (*p) {
        if (*p == ',') {
            if (p[1] != ',') {
                p++;
                break;
            }
            p++;
        }
        g_string_append_c(s, *p++);
    }
    *end = p;
    return g_string_free(s, FALSE);
}

Keyval *keyval_parse(const char *str, const char *implied_key, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_new();
    const char *p = str;
    bool first = true;

    while (*p) {
        g_autofree char *elem = next_element(p, &p);
        char *eq = strchr(elem, '=');

        if (eq == elem) {
            error_setg(errp, "Invalid parameter ''");
            return NULL;
        }
        if (eq) {
            *eq = '\0';
            keyval_add(kv, elem, eq + 1);
        } else if (first && implied_key) {
            keyval_add(kv, implied_key, elem);
        } else if (g_str_has_prefix(elem, "no") && elem[2]) {
            keyval_add(kv, elem + 2, "off");
        } else if (*elem) {
            keyval_add(kv, elem, "on");
        }
        first = false;
    }
    return g_steal_pointer(&kv);
}

static bool add_json(Keyval *kv, const char *prefix, json_object *obj, Error **errp);

/* One value; elements of an array are "KEY.0", "KEY.1", ... */
static bool add_json_value(Keyval *kv, const char *key, json_object *value, Error **errp)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        keyval_add(kv, key, json_object_get_boolean(value) ? "on" : "off");
        return true;
    case json_type_int:
    case json_type_double:
    case json_type_string:
        keyval_add(kv, key, json_object_get_string(value));
        return true;
    case json_type_object:
        return add_json(kv, key, value, errp);
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            g_autofree char *element = g_strdup_printf("%s.%zu", key, i);

            if (!add_json_value(kv, element, json_object_array_get_idx(value, i), errp)) {
                return false;
            }
        }
        return true;
    default:
        error_setg(errp, "Invalid parameter type for '%s'", key);
        return false;
    }
}

static bool add_json(Keyval *kv, const char *prefix, json_object *obj, Error **errp)
{
    json_object_object_foreach(obj, name, value) {
        g_autofree char *key = *prefix ? g_strconcat(prefix, ".", name, NULL) : g_strdup(name);

        if (!add_json_value(kv, key, value, errp)) {
            return false;
        }
    }
    return true;
}

Keyval *keyval_parse_json(const char *str, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_new();
    json_object *obj = json_tokener_parse(str);
    bool ok;

    if (!json_object_is_type(obj, json_type_object)) {
        error_setg(errp, "JSON parse error, expecting an object");
        json_object_put(obj);
        return NULL;
    }
    ok = add_json(kv, "", obj, errp);
    json_object_put(obj);
    return ok ? g_steal_pointer(&kv) : NULL;
}

const char *keyval_get(const Keyval *kv, const char *key)
{
    const char *found = NULL;

    for (guint i = 0; i < kv->items->len; i++) {
        KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (!strcmp(item->key, key)) {
            item->used = true;
            found = item->value;
        }
    }
    return found;
}

bool keyval_has(const Keyval *kv, const char *key)
{
    for (guint i = 0; i < kv->items->len; i++) {
        if (!strcmp(g_array_index(kv->items, KeyvalItem, i).key, key)) {
            return true;
        }
    }
    return false;
}

bool keyval_get_bool(const Keyval *kv, const char *key, bool *result, Error **errp)
{
    const char *value = keyval_get(kv, key);

    return !value || parse_bool(key, value, result, errp);
}

bool keyval_get_u64(const Keyval *kv, const char *key, uint64_t *result, Error **errp)
{
    const char *value = keyval_get(kv, key);
    int ret = value ? qemu_strtou64(value, NULL, 0, result) : 0;

    if (ret == -ERANGE) {
        error_setg(errp, "Value '%s' is too large for parameter '%s'", value, key);
    } else if (ret < 0) {
        error_setg(errp, "Parameter '%s' expects a number", key);
    }
    return ret == 0;
}

bool keyval_get_size(const Keyval *kv, const char *key, uint64_t default_unit, uint64_t *result,
                     Error **errp)
{
    const char *value = keyval_get(kv, key);
    int ret = value ? qemu_strtosz(value, NULL, default_unit, result) : 0;

    if (ret == -ERANGE) {
        error_setg(errp, "Value '%s' is out of range for parameter '%s'", value, key);
    } else if (ret < 0) {
        error_setg(errp, "Parameter '%s' expects a non-negative number below 2^64", key);
        error_append_hint(errp, "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, "
                                "tera-, peta-\nand exabytes, respectively.\n");
    }
    return ret == 0;
}

bool keyval_check_unused(const Keyval *kv, Error **errp)
{
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (!item->used) {
            error_setg(errp, "Invalid parameter '%s'", item->key);
            return false;
        }
    }
    return true;
}
