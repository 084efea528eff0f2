/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object tree (QOM-lite). A type is a const structure that says everything about the class:
 * introspection reads it, nothing is registered at run time. Objects have a name, a parent, child
 * objects and properties. BQL.
 */
#ifndef HW_CORE_OBJECT_H
#define HW_CORE_OBJECT_H

#include "qemu/osdep.h"
#include "qemu/error.h"

#include <json-c/json.h>

typedef struct Object Object;
typedef struct ObjectType ObjectType;

typedef enum PropertyKind {
    PROP_BOOL,   /* bool */
    PROP_UINT8,
    PROP_UINT16,
    PROP_UINT32,
    PROP_UINT64,
    PROP_INT32,
    PROP_INT64,
    PROP_SIZE,   /* uint64_t, written with a suffix */
    PROP_STRING, /* char *, owned by the object */
    PROP_ENUM,   /* int, index into .enum_names */
    PROP_CHARDEV, /* Chardev *, written as its id */
} PropertyKind;

/* One row of a property table. */
typedef struct Property {
    const char *name;
    PropertyKind kind;
    size_t offset;        /* of the value in the instance */
    uint64_t default_val; /* numbers and booleans */
    const char *default_str; /* strings and enums */
    uint64_t min, max;    /* numbers; both 0: the whole range of the type */
    const char *const *enum_names; /* NULL terminated */
    const char *enum_type;         /* its name in introspection */
    const char *description;
    bool read_only;
    /* Optional check of a value that is about to be stored. */
    bool (*check)(Object *obj, const struct Property *prop, uint64_t value, Error **errp);
} Property;

#define DEFINE_PROP(_kind, _type, _field, _name, ...) \
    { .name = _name, .kind = _kind, .offset = offsetof(_type, _field), __VA_ARGS__ }
#define DEFINE_PROP_END { .name = NULL }

/* Properties that do not stand in a table (CPU features). Each function may be NULL. */
typedef struct PropertyHooks {
    /* Handled: set *found. Values are text as on a command line. */
    bool (*set_str)(Object *obj, const char *name, const char *value, bool *found, Error **errp);
    /* A new JSON value, or NULL and *found false. */
    json_object *(*get_json)(Object *obj, const char *name, bool *found);
    bool (*set_json)(Object *obj, const char *name, json_object *value, bool *found, Error **errp);
    /* Calls @fn for each; @obj may be NULL (class introspection). */
    void (*foreach)(const ObjectType *type, Object *obj,
                    void (*fn)(void *opaque, const char *name, const char *type,
                               const char *description), void *opaque);
} PropertyHooks;

struct ObjectType {
    const char *name;
    const ObjectType *parent; /* NULL: "object" */
    const char *description;
    size_t instance_size;
    bool abstract;
    const Property *props; /* ends with DEFINE_PROP_END; NULL: none */
    const PropertyHooks *hooks;
    void (*instance_init)(Object *obj);     /* after defaults are set */
    void (*instance_finalize)(Object *obj); /* before memory is freed */
};

struct Object {
    const ObjectType *type;
    char *name;     /* within the parent; NULL while it has none */
    Object *parent;
    GPtrArray *children; /* owned; NULL: none */
};

/* Allocates an instance with its defaults, then applies -global values for the type and its
 * parents. NULL with the error of a bad global. Freed by object_free() or with its parent. */
Object *object_new(const ObjectType *type, Error **errp);
/* Frees @obj and its children; it must not have a parent. */
void object_free(Object *obj);
/* @parent takes ownership. @name is unique there (a programming error otherwise). */
void object_add_child(Object *parent, const char *name, Object *child);
/* Takes @child out of its parent; the caller owns it then. */
void object_unparent(Object *child);
Object *object_get_child(Object *parent, const char *name);
/* "/machine/unattached/device[0]" seen from @root. NULL when there is none. */
Object *object_resolve_path(Object *root, const char *path);
/* Caller frees. */
char *object_get_path(const Object *obj);
/* Whether the object's type is @type or descends from it. */
bool object_is_a(const Object *obj, const ObjectType *type);
bool object_type_is_a(const ObjectType *type, const char *name);

/* Stores the tables' defaults; part of object_new(). */
void object_set_defaults(Object *obj);
/* How PROP_CHARDEV properties turn ids into Chardevs and back; set once by main(). */
void object_set_chardev_resolver(void *(*find)(const char *id), const char *(*name)(const void *));

/* Set and get by name. Errors carry QEMU's text ("Property 'TYPE.NAME' not found", ...). */
bool object_set_prop_str(Object *obj, const char *name, const char *value, Error **errp);
bool object_set_prop_json(Object *obj, const char *name, json_object *value, Error **errp);
json_object *object_get_prop_json(Object *obj, const char *name, Error **errp);
/* The row of @name in the tables of @type and its parents, or NULL. */
const Property *object_type_find_prop(const ObjectType *type, const char *name);
/* The name of a property's type in introspection: "bool", "uint32", "str", ... */
const char *property_type_name(const Property *prop);

/* -global: remembered until objects are made. Later ones win over earlier ones. */
void global_property_add(const char *driver, const char *name, const char *value, bool user);
/* Calls @fn for the globals that apply to @type, in order of registration; stops at the first
 * failure and returns it. */
bool global_property_foreach(const ObjectType *type,
                             bool (*fn)(void *opaque, const char *name, const char *value,
                                        Error **errp),
                             void *opaque, Error **errp);
/* Warns about user globals whose driver nobody created, as QEMU does. */
void global_property_warn_unused(void);

/* The type table: every type that -device, -object and introspection know. Defined by the top
 * layer (hw/i386/type-table.c); ends with NULL. */
extern const ObjectType *const object_types[];
const ObjectType *object_type_by_name(const char *name);

#endif
