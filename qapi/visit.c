/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table-driven visitor; see the header. Any thread. */
#include "qemu/osdep.h"
#include "qapi/visit.h"

#define BUILTIN(_name, _kind, _c_type) \
    const QapiType qapi_type_##_name = { .name = #_name, .kind = _kind, .size = sizeof(_c_type) }

BUILTIN(bool, QAPI_BOOL, bool);
BUILTIN(int8, QAPI_INT8, int8_t);
BUILTIN(int16, QAPI_INT16, int16_t);
BUILTIN(int32, QAPI_INT32, int32_t);
BUILTIN(int64, QAPI_INT64, int64_t);
BUILTIN(uint8, QAPI_UINT8, uint8_t);
BUILTIN(uint16, QAPI_UINT16, uint16_t);
BUILTIN(uint32, QAPI_UINT32, uint32_t);
BUILTIN(uint64, QAPI_UINT64, uint64_t);
BUILTIN(number, QAPI_NUMBER, double);
BUILTIN(str, QAPI_STR, char *);
BUILTIN(any, QAPI_ANY, json_object *);
BUILTIN(null, QAPI_NULL, bool);

/* Where in the arguments the visitor is; lives on the stack of the recursion. */
typedef struct Path {
    const struct Path *up;
    const char *name; /* NULL: element @index of an array */
    size_t index;
} Path;

static void append_path(GString *out, const Path *path)
{
    if (path->up) {
        append_path(out, path->up);
    }
    if (path->name) {
        g_string_append_printf(out, "%s%s", out->len ? "." : "", path->name);
    } else if (path->up) {
        g_string_append_printf(out, "[%zu]", path->index);
    }
}

static char *path_text(const Path *path)
{
    GString *out = g_string_new(NULL);

    append_path(out, path);
    return g_string_free(out, FALSE);
}

static bool type_error(const Path *path, const char *expected, Error **errp)
{
    g_autofree char *where = path_text(path);

    error_setg(errp, "Invalid parameter type for '%s', expected: %s", *where ? where : "arguments",
               expected);
    return false;
}

static bool range_error(const Path *path, const QapiType *type, Error **errp)
{
    g_autofree char *where = path_text(path);

    error_setg(errp, "Parameter '%s' expects %s_t", where, type->name);
    return false;
}

/* Size of an element of an array. */
static size_t slot_size(const QapiType *type)
{
    return type->kind == QAPI_ARRAY || type->kind == QAPI_ALTERNATE ? sizeof(void *) : type->size;
}

void *qapi_array_append(const QapiType *type, void *array)
{
    QapiArray *a = array;
    size_t size = slot_size(type->element);
    char *slot;

    /* Room doubles: lengths 0, 1, 2, 4, 8, ... */
    if (!(a->len & (a->len - 1)) || !a->len) {
        a->items = g_realloc_n(a->items, a->len ? a->len * 2 : 1, size);
    }
    slot = (char *)a->items + a->len++ * size;
    memset(slot, 0, size);
    return slot;
}

const char *qapi_enum_name(const QapiType *type, int value)
{
    assert(type->kind == QAPI_ENUM && value >= 0 && (uint32_t)value < type->nr);
    return type->values[value];
}

int qapi_enum_parse(const QapiType *type, const char *name)
{
    for (uint32_t i = 0; i < type->nr; i++) {
        if (!strcmp(type->values[i], name)) {
            return (int)i;
        }
    }
    return -1;
}

/* --- JSON to C ------------------------------------------------------------------------------- */

static bool in_value(const Path *path, const QapiType *type, json_object *json, void *slot,
                     Error **errp);

typedef struct IntRange {
    int64_t min;
    uint64_t max;
} IntRange;

static const IntRange int_ranges[] = {
    [QAPI_INT8] = { INT8_MIN, INT8_MAX },
    [QAPI_INT16] = { INT16_MIN, INT16_MAX },
    [QAPI_INT32] = { INT32_MIN, INT32_MAX },
    [QAPI_INT64] = { INT64_MIN, INT64_MAX },
    [QAPI_UINT8] = { 0, UINT8_MAX },
    [QAPI_UINT16] = { 0, UINT16_MAX },
    [QAPI_UINT32] = { 0, UINT32_MAX },
    /* Negative numbers have always been accepted here, as their two's complement. */
    [QAPI_UINT64] = { INT64_MIN, UINT64_MAX },
};

static bool in_int(const Path *path, const QapiType *type, json_object *json, void *slot,
                   Error **errp)
{
    const IntRange *range = &int_ranges[type->kind];
    int64_t value;
    uint64_t uvalue;

    if (!json_object_is_type(json, json_type_int)) {
        return type_error(path, "integer", errp);
    }
    value = json_object_get_int64(json); /* INT64_MAX for larger ones */
    uvalue = value < 0 ? 0 : json_object_get_uint64(json);
    if (value < range->min || uvalue > range->max) {
        return type->size == 8 ? type_error(path, "integer", errp)
                               : range_error(path, type, errp);
    }
    if (value >= 0) {
        value = (int64_t)uvalue;
    }
    memcpy(slot, &value, type->size); /* little endian hosts only, like all of this program */
    return true;
}

static bool in_enum(const Path *path, const QapiType *type, json_object *json, void *slot,
                    Error **errp)
{
    const char *name;
    int value;

    if (!json_object_is_type(json, json_type_string)) {
        return type_error(path, "string", errp);
    }
    name = json_object_get_string(json);
    value = qapi_enum_parse(type, name);
    if (value < 0) {
        g_autofree char *where = path_text(path);

        error_setg(errp, "Parameter '%s' does not accept value '%s'", where, name);
        return false;
    }
    *(int *)slot = value;
    return true;
}

static bool in_members(const Path *path, const QapiType *type, json_object *json, char *obj,
                       Error **errp)
{
    for (uint32_t i = 0; i < type->nr; i++) {
        const QapiMember *m = &type->members[i];
        Path here = { path, m->name, 0 };
        json_object *value;

        if (!json_object_object_get_ex(json, m->name, &value)) {
            g_autofree char *where = NULL;

            if (m->optional) {
                continue;
            }
            where = path_text(&here);
            error_setg(errp, "Parameter '%s' is missing", where);
            return false;
        }
        if (!in_value(&here, m->type, value, obj + m->offset, errp)) {
            return false;
        }
        if (m->has_offset != QAPI_NO_HAS) {
            *(bool *)(obj + m->has_offset) = true;
        }
    }
    return true;
}

/* The branch of a union in @obj, or NULL. */
static const QapiType *union_branch(const QapiType *type, const char *obj)
{
    return type->tag ? type->variants[*(const int *)(obj + type->tag->offset)] : NULL;
}

static bool has_member(const QapiType *type, const char *name)
{
    for (uint32_t i = 0; type && i < type->nr; i++) {
        if (!strcmp(type->members[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool in_struct(const Path *path, const QapiType *type, json_object *json, char *obj,
                      Error **errp)
{
    const QapiType *branch;

    if (json && !json_object_is_type(json, json_type_object)) {
        return type_error(path, "object", errp);
    }
    if (!in_members(path, type, json, obj, errp)) {
        return false;
    }
    branch = union_branch(type, obj);
    if (branch) {
        char *sub = g_malloc0(branch->size);

        *(void **)(obj + type->u_offset) = sub;
        if (!in_members(path, branch, json, sub, errp)) {
            return false;
        }
    }
    if (!json) {
        return true;
    }
    json_object_object_foreach(json, name, value) {
        (void)value;
        if (!has_member(type, name) && !has_member(branch, name)) {
            Path here = { path, name, 0 };
            g_autofree char *where = path_text(&here);

            error_setg(errp, "Parameter '%s' is unexpected", where);
            return false;
        }
    }
    return true;
}

static bool in_array(const Path *path, const QapiType *type, json_object *json, QapiArray *array,
                     Error **errp)
{
    if (!json_object_is_type(json, json_type_array)) {
        return type_error(path, "array", errp);
    }
    for (size_t i = 0; i < json_object_array_length(json); i++) {
        Path here = { path, NULL, i };
        json_object *value = json_object_array_get_idx(json, i);
        void *slot = qapi_array_append(type, array);
        bool in_place = type->element->kind == QAPI_STRUCT && value;

        if (in_place ? !in_struct(&here, type->element, value, slot, errp)
                     : !in_value(&here, type->element, value, slot, errp)) {
            return false;
        }
    }
    return true;
}

/* Whether a JSON value of this type can be the branch @type of an alternate. */
static bool branch_accepts(const QapiType *type, json_type json)
{
    static const uint32_t accepts[] = {
        [json_type_null] = 1u << QAPI_NULL,
        [json_type_boolean] = 1u << QAPI_BOOL,
        [json_type_int] = 0xffu << QAPI_INT8 | 1u << QAPI_NUMBER,
        [json_type_double] = 1u << QAPI_NUMBER,
        [json_type_string] = 1u << QAPI_STR | 1u << QAPI_ENUM,
        [json_type_array] = 1u << QAPI_ARRAY,
        [json_type_object] = 1u << QAPI_STRUCT,
    };

    return accepts[json] >> type->kind & 1;
}

static bool in_alternate(const Path *path, const QapiType *type, json_object *json, char *obj,
                         Error **errp)
{
    for (uint32_t i = 0; i < type->nr; i++) {
        if (branch_accepts(type->variants[i], json_object_get_type(json))) {
            ((QapiAlternate *)obj)->branch = i;
            return in_value(path, type->variants[i], json, obj + type->u_offset, errp);
        }
    }
    return type_error(path, type->name, errp);
}

static bool in_pointer(const Path *path, const QapiType *type, json_object *json, void **slot,
                       Error **errp)
{
    if (type->kind == QAPI_ALTERNATE) {
        *slot = g_malloc0(type->size);
        return in_alternate(path, type, json, *slot, errp);
    }
    if (type->kind == QAPI_ARRAY) {
        *slot = g_new0(QapiArray, 1);
        return in_array(path, type, json, *slot, errp);
    }
    if (!json) {
        return type_error(path, "object", errp);
    }
    *slot = g_malloc0(type->size);
    return in_struct(path, type, json, *slot, errp);
}

static bool in_value(const Path *path, const QapiType *type, json_object *json, void *slot,
                     Error **errp)
{
    switch (type->kind) {
    case QAPI_BOOL:
        *(bool *)slot = json_object_get_boolean(json);
        return json_object_is_type(json, json_type_boolean) || type_error(path, "boolean", errp);
    case QAPI_NUMBER:
        *(double *)slot = json_object_get_double(json);
        return json_object_is_type(json, json_type_double) ||
               json_object_is_type(json, json_type_int) || type_error(path, "number", errp);
    case QAPI_STR:
        if (!json_object_is_type(json, json_type_string)) {
            return type_error(path, "string", errp);
        }
        *(char **)slot = g_strdup(json_object_get_string(json));
        return true;
    case QAPI_ANY:
        *(json_object **)slot = json_object_get(json);
        return true;
    case QAPI_NULL:
        *(bool *)slot = true;
        return !json || type_error(path, "null", errp);
    case QAPI_ENUM:
        return in_enum(path, type, json, slot, errp);
    case QAPI_STRUCT:
    case QAPI_ARRAY:
    case QAPI_ALTERNATE:
        return in_pointer(path, type, json, slot, errp);
    default:
        return in_int(path, type, json, slot, errp);
    }
}

void *qapi_from_json(const QapiType *type, json_object *json, Error **errp)
{
    Path root = { NULL, NULL, 0 };
    void *value = NULL;
    bool ok;

    if (type->kind == QAPI_STRUCT) {
        value = g_malloc0(type->size);
        ok = in_struct(&root, type, json, value, errp);
    } else {
        ok = in_pointer(&root, type, json, &value, errp);
    }
    if (!ok) {
        qapi_free(type, value);
        return NULL;
    }
    return value;
}

/* --- C to JSON ------------------------------------------------------------------------------- */

static int64_t load_int(const QapiType *type, const void *slot)
{
    switch (type->kind) {
    case QAPI_INT8:
        return *(const int8_t *)slot;
    case QAPI_INT16:
        return *(const int16_t *)slot;
    case QAPI_INT32:
        return *(const int32_t *)slot;
    case QAPI_UINT8:
        return *(const uint8_t *)slot;
    case QAPI_UINT16:
        return *(const uint16_t *)slot;
    case QAPI_UINT32:
        return *(const uint32_t *)slot;
    default:
        return *(const int64_t *)slot;
    }
}

static void out_value(const QapiType *type, const void *slot, JsonWriter *w, const char *name)
{
    switch (type->kind) {
    case QAPI_BOOL:
        json_writer_bool(w, name, *(const bool *)slot);
        break;
    case QAPI_NUMBER:
        json_writer_double(w, name, *(const double *)slot);
        break;
    case QAPI_UINT64:
        json_writer_uint(w, name, *(const uint64_t *)slot);
        break;
    case QAPI_NULL:
        json_writer_null(w, name);
        break;
    case QAPI_ENUM:
        json_writer_str(w, name, qapi_enum_name(type, *(const int *)slot));
        break;
    case QAPI_STR:
    case QAPI_ANY:
    case QAPI_STRUCT:
    case QAPI_ARRAY:
    case QAPI_ALTERNATE:
        qapi_to_writer(type, *(void *const *)slot, w, name);
        break;
    default:
        json_writer_int(w, name, load_int(type, slot));
        break;
    }
}

static bool is_pointer(const QapiType *type)
{
    return type->kind == QAPI_STR || type->kind == QAPI_ANY || type->kind >= QAPI_STRUCT;
}

/* Whether an optional member has a value. */
static bool is_present(const QapiMember *m, const char *obj)
{
    if (m->has_offset != QAPI_NO_HAS) {
        return *(const bool *)(obj + m->has_offset);
    }
    return !m->optional || !is_pointer(m->type) || *(void *const *)(obj + m->offset);
}

static void out_members(const QapiType *type, const char *obj, JsonWriter *w)
{
    for (uint32_t i = 0; i < type->nr; i++) {
        const QapiMember *m = &type->members[i];

        if (is_present(m, obj)) {
            out_value(m->type, obj + m->offset, w, m->name);
        }
    }
}

static void out_struct(const QapiType *type, const char *obj, JsonWriter *w, const char *name)
{
    json_writer_start_object(w, name);
    if (obj) {
        const QapiType *branch = union_branch(type, obj);
        const void *sub = branch ? *(void *const *)(obj + type->u_offset) : NULL;

        out_members(type, obj, w);
        if (sub) {
            out_members(branch, sub, w);
        }
    }
    json_writer_end_object(w);
}

static void out_array(const QapiType *type, const QapiArray *array, JsonWriter *w,
                      const char *name)
{
    size_t size = slot_size(type->element);

    json_writer_start_array(w, name);
    for (size_t i = 0; array && i < array->len; i++) {
        const char *slot = (const char *)array->items + i * size;

        if (type->element->kind == QAPI_STRUCT) {
            out_struct(type->element, slot, w, NULL);
        } else {
            out_value(type->element, slot, w, NULL);
        }
    }
    json_writer_end_array(w);
}

void qapi_to_writer(const QapiType *type, const void *ptr, JsonWriter *w, const char *name)
{
    switch (type->kind) {
    case QAPI_STR:
        json_writer_str(w, name, ptr ? ptr : "");
        break;
    case QAPI_ANY:
        json_writer_dom(w, name, (json_object *)ptr);
        break;
    case QAPI_STRUCT:
        out_struct(type, ptr, w, name);
        break;
    case QAPI_ARRAY:
        out_array(type, ptr, w, name);
        break;
    case QAPI_ALTERNATE:
        out_value(type->variants[((const QapiAlternate *)ptr)->branch],
                  (const char *)ptr + type->u_offset, w, name);
        break;
    default:
        g_assert_not_reached();
    }
}

char *qapi_to_text(const QapiType *type, const void *ptr)
{
    GString *out = g_string_new(NULL);
    JsonWriter w;

    json_writer_init(&w, out, false);
    qapi_to_writer(type, ptr, &w, NULL);
    return g_string_free(out, FALSE);
}

/* --- Freeing --------------------------------------------------------------------------------- */

static void free_members(const QapiType *type, char *obj)
{
    for (uint32_t i = 0; i < type->nr; i++) {
        const QapiMember *m = &type->members[i];

        if (is_pointer(m->type)) {
            qapi_free(m->type, *(void **)(obj + m->offset));
        }
    }
}

static void free_struct_contents(const QapiType *type, char *obj)
{
    const QapiType *branch = union_branch(type, obj);

    free_members(type, obj);
    if (branch) {
        qapi_free(branch, *(void **)(obj + type->u_offset));
    }
}

static void free_array_contents(const QapiType *type, QapiArray *array)
{
    size_t size = slot_size(type->element);

    for (size_t i = 0; i < array->len; i++) {
        char *slot = (char *)array->items + i * size;

        if (type->element->kind == QAPI_STRUCT) {
            free_struct_contents(type->element, slot);
        } else if (is_pointer(type->element)) {
            qapi_free(type->element, *(void **)slot);
        }
    }
    g_free(array->items);
}

void qapi_free(const QapiType *type, void *ptr)
{
    if (!ptr) {
        return;
    }
    switch (type->kind) {
    case QAPI_ANY:
        json_object_put(ptr);
        return;
    case QAPI_STRUCT:
        free_struct_contents(type, ptr);
        break;
    case QAPI_ARRAY:
        free_array_contents(type, ptr);
        break;
    case QAPI_ALTERNATE: {
        const QapiType *branch = type->variants[((QapiAlternate *)ptr)->branch];

        if (is_pointer(branch)) {
            qapi_free(branch, *(void **)((char *)ptr + type->u_offset));
        }
        break;
    }
    default:
        break;
    }
    g_free(ptr);
}
