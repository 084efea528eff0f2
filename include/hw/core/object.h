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
    PROP_CUSTOM,  /* what .ops says */
} PropertyKind;

struct Property;

/* A property with a notation of its own ("06.0", a MAC address, the id of a back end). */
typedef struct PropertyOps {
    const char *type_name;
    /* False where the text means nothing; with an error, or without one for the usual text. */
    bool (*set)(Object *obj, const struct Property *prop, const char *value, Error **errp);
    /* New string. */
    char *(*get)(const Object *obj, const struct Property *prop);
    /* Where its JSON form is no string; NULL: it is. */
    bool (*set_json)(Object *obj, const struct Property *prop, json_object *value, Error **errp);
    json_object *(*get_json)(const Object *obj, const struct Property *prop);
    void (*set_default)(Object *obj, const struct Property *prop); /* NULL: zero */
    void (*release)(Object *obj, const struct Property *prop);     /* NULL: nothing to free */
} PropertyOps;

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
    bool any_time; /* may be set on a device that works already */
    const PropertyOps *ops; /* PROP_CUSTOM */
    /* Optional check of a value that is about to be stored. */
    bool (*check)(Object *obj, const struct Property *prop, uint64_t value, Error **errp);
} Property;

#define DEFINE_PROP(_kind, _type, _field, _name, ...) \
    { .name = _name, .kind = _kind, .offset = offsetof(_type, _field), __VA_ARGS__ }
#define DEFINE_PROP_END { .name = NULL }

/* A property as introspection tells it. */
typedef struct PropertyInfo {
    const char *name, *type;    /* type: "bool", "uint32", "child<isa-serial>", ... */
    const char *description;    /* NULL: none */
    json_object *default_value; /* borrowed; NULL: none, or not known */
    bool read_only, any_time;
} PropertyInfo;
typedef void PropertyFn(void *opaque, const PropertyInfo *info);

/* Properties that do not stand in a table (CPU features). Each function may be NULL. */
typedef struct PropertyHooks {
    /* Handled: set *found. Values are text as on a command line. */
    bool (*set_str)(Object *obj, const char *name, const char *value, bool *found, Error **errp);
    /* A new JSON value, or NULL and *found false. */
    json_object *(*get_json)(Object *obj, const char *name, bool *found);
    bool (*set_json)(Object *obj, const char *name, json_object *value, bool *found, Error **errp);
    /* Calls @fn for each property of @type; @obj may be NULL (class introspection). */
    void (*foreach)(const ObjectType *type, const Object *obj, PropertyFn *fn, void *opaque);
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
    void (*instance_dispose)(Object *obj);  /* before children and parts of it are freed */
    void (*instance_finalize)(Object *obj); /* before memory is freed */
    bool user_creatable; /* -object makes it; devices have a flag of their own */
    bool (*complete)(Object *obj, Error **errp); /* -object: after its properties; may be NULL */
    bool (*in_use)(const Object *obj); /* -object: it must not be deleted; NULL: it may */
};

struct Object {
    const ObjectType *type;
    char *name;     /* within the parent; NULL while it has none */
    Object *parent;
    GPtrArray *children; /* owned; NULL: none */
};

/* The root of all types, "object"; in ObjectType.parent NULL stands for it. */
extern const ObjectType type_object;
/* "container": has children and nothing else. */
extern const ObjectType type_container;

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
/* The same for paths of clients: one that does not begin with "/" is the end of a path ("serial0"
 * for "/chardevs/serial0"). NULL and *ambiguous when it is the end of more than one. */
Object *object_resolve_partial_path(Object *root, const char *path, bool *ambiguous);
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
/* Calls @fn for each property of @type, "type" first and inherited ones before its own. With @obj,
 * an instance, its children follow. */
void object_type_foreach_prop(const ObjectType *type, const Object *obj, PropertyFn *fn,
                              void *opaque);
/* Only the rows of @type's own table. */
void object_type_foreach_own_prop(const ObjectType *type, PropertyFn *fn, void *opaque);
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
/* Calls @fn with every global, in order of registration. */
void global_property_foreach_row(void (*fn)(void *opaque, const char *driver, const char *name,
                                            const char *value),
                                 void *opaque);
/* Warns about user globals whose driver nobody created, as QEMU does. */
void global_property_warn_unused(void);

/* The type table: every type that -device, -object and introspection know. Defined by the top
 * layer (hw/i386/type-table.c); ends with NULL. */
extern const ObjectType *const object_types[];
/* Types that follow from rows of other tables (machine versions, CPU models, ...): each function
 * calls @fn for every type of its family. Types live forever. Ends with NULL; same place. */
typedef void ObjectTypeFn(void *opaque, const ObjectType *type);
extern void (*const object_type_families[])(ObjectTypeFn *fn, void *opaque);
/* NULL when there is none. */
const ObjectType *object_type_by_name(const char *name);
/* All types, sorted by name. Owned by the callee. */
const GPtrArray *object_type_list(void);

#endif
