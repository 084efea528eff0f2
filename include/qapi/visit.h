/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One visitor for all schema types: JSON to C structures, C structures to JSON text, and freeing
 * them, driven by tables that scripts/qapi-gen.py writes from the schema in qapi/.
 *
 * How a value lives in C ("slot"):
 *   bool, int*, number, enum   the value; an optional member also has a bool has_NAME
 *   str, any                   char *, json_object *; NULL: absent
 *   struct, union, alternate   pointer to it; NULL: absent
 *   array                      pointer to { items, len }; struct items stand in it by value
 * Everything below a top-level pointer is owned by it.
 */
#ifndef QAPI_VISIT_H
#define QAPI_VISIT_H

#include "qapi/json-writer.h"
#include "qemu/error.h"

typedef enum QapiKind {
    QAPI_BOOL,
    QAPI_INT8,
    QAPI_INT16,
    QAPI_INT32,
    QAPI_INT64,
    QAPI_UINT8,
    QAPI_UINT16,
    QAPI_UINT32,
    QAPI_UINT64,
    QAPI_NUMBER,
    QAPI_STR,
    QAPI_ANY,
    QAPI_NULL,
    QAPI_ENUM,
    QAPI_STRUCT, /* unions too */
    QAPI_ARRAY,
    QAPI_ALTERNATE,
} QapiKind;

typedef struct QapiType QapiType;

#define QAPI_NO_HAS UINT32_MAX

typedef struct QapiMember {
    const char *name;
    const QapiType *type;
    uint32_t offset;
    uint32_t has_offset; /* of has_NAME, or QAPI_NO_HAS */
    bool optional;
} QapiMember;

struct QapiType {
    const char *name; /* in the schema */
    QapiKind kind;
    uint32_t size; /* of the structure; other kinds: of the slot */
    uint32_t nr;   /* of members, values or branches */
    const QapiMember *members;       /* struct */
    const char *const *values;       /* enum */
    const QapiType *element;         /* array */
    const QapiMember *tag;           /* union: the enum member that selects the branch */
    const QapiType *const *variants; /* union: by value of the tag, NULL: none; alternate */
    uint32_t u_offset; /* union: of the branch pointer; alternate: of the value slot */
};

/* Any array. */
typedef struct QapiArray {
    void *items;
    size_t len;
} QapiArray;

/* Any alternate: which of the branches, then a slot for it. */
typedef struct QapiAlternate {
    uint32_t branch;
} QapiAlternate;

/* A new value of struct, array or alternate @type from @json, checked by the schema; NULL with
 * QEMU's error text ("Parameter 'a.b' is missing", ...). @json NULL counts as an empty object. */
void *qapi_from_json(const QapiType *type, json_object *json, Error **errp);
/* Writes the value that @ptr points to (struct, array, alternate) or the string or JSON @ptr is. */
void qapi_to_writer(const QapiType *type, const void *ptr, JsonWriter *w, const char *name);
/* The same as text without line breaks; caller frees. */
char *qapi_to_text(const QapiType *type, const void *ptr);
/* Frees what qapi_from_json() or a handler made. NULL is fine. */
void qapi_free(const QapiType *type, void *ptr);
/* Appends a zeroed element to an array and returns it; valid until the next append. */
void *qapi_array_append(const QapiType *type, void *array);

/* Name of an enum value, and back (-1: no such value). */
const char *qapi_enum_name(const QapiType *type, int value);
int qapi_enum_parse(const QapiType *type, const char *name);

/* The built-in types. */
extern const QapiType qapi_type_bool, qapi_type_int8, qapi_type_int16, qapi_type_int32,
    qapi_type_int64, qapi_type_uint8, qapi_type_uint16, qapi_type_uint32, qapi_type_uint64,
    qapi_type_number, qapi_type_str, qapi_type_any, qapi_type_null;

#endif
