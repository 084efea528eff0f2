/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU classes ("MODEL-x86_64-cpu") and the properties of CPU objects: features and the rest by
 * cpu-props.c, with the values the guest has, and what was lost on the way. BQL.
 */
#include "qemu/osdep.h"
#include "target/i386/cpu-qmp.h"
#include "target/i386/cpu.h"

static GHashTable *cpu_types; /* model name -> DeviceType; live forever */

const ObjectType type_cpu = {
    .name = "cpu",
    .parent = &type_device,
    .abstract = true,
    .instance_size = sizeof(CPUState),
};

const DeviceType *x86_cpu_type(const char *model)
{
    DeviceType *type;

    if (!cpu_types) {
        cpu_types = g_hash_table_new(g_str_hash, g_str_equal);
    }
    type = g_hash_table_lookup(cpu_types, model);
    if (!type) {
        bool host = !strcmp(model, "host");

        type = g_new(DeviceType, 1);
        *type = type_x86_cpu;
        type->object = (ObjectType){
            .name = g_strconcat(model, X86_CPU_TYPE_SUFFIX, NULL),
            .parent = host ? &x86_cpu_type("max")->object : &type_x86_cpu.object,
            .description = type_x86_cpu.object.description,
            .instance_size = sizeof(X86CPU),
        };
        g_hash_table_insert(cpu_types, g_strdup(model), type);
    }
    return type;
}

typedef struct TypeWalk {
    ObjectTypeFn *fn;
    void *opaque;
} TypeWalk;

static void tell_type(void *opaque, const char *model)
{
    const TypeWalk *walk = opaque;

    walk->fn(walk->opaque, &x86_cpu_type(model)->object);
}

void x86_cpu_object_types(ObjectTypeFn *fn, void *opaque)
{
    x86_cpu_model_foreach(tell_type, &(TypeWalk){ fn, opaque });
}

/* --- Properties ------------------------------------------------------------------------------- */

/* Those that are no setting. */
static const PropertyInfo result_props[] = {
    { .name = "feature-words", .type = "X86CPUFeatureWordInfo", .read_only = true },
    { .name = "filtered-features", .type = "X86CPUFeatureWordInfo", .read_only = true },
    { .name = "unavailable-features", .type = "strList", .read_only = true },
};

/* Before x86_cpu_config_init() only globals come here, which it applies itself in their order. */
static bool set_str(Object *obj, const char *name, const char *value, bool *found, Error **errp)
{
    X86CPU *cpu = (X86CPU *)obj;

    *found = x86_cpu_prop_find(cpu->configured ? &cpu->cfg : NULL, name);
    if (!*found || !cpu->configured) {
        return true;
    }
    return x86_cpu_prop_set_str(&cpu->cfg, name, value, errp);
}

static json_object *get_json(Object *obj, const char *name, bool *found)
{
    json_object *value = x86_cpu_prop_get_json(&((X86CPU *)obj)->cfg, name);

    *found = value;
    return value;
}

static bool set_json(Object *obj, const char *name, json_object *value, bool *found, Error **errp)
{
    X86CPUConfig *cfg = &((X86CPU *)obj)->cfg;

    *found = x86_cpu_prop_find(cfg, name);
    return !*found || x86_cpu_prop_set_json(cfg, name, value, errp);
}

typedef struct PropWalk {
    PropertyFn *fn;
    void *opaque;
} PropWalk;

static void tell_prop(void *opaque, const char *name, const X86CPUProp *p)
{
    const PropWalk *walk = opaque;

    walk->fn(walk->opaque, &(PropertyInfo){ .name = name, .type = x86_cpu_prop_type_name(p) });
}

static void foreach(const ObjectType *type, const Object *obj, PropertyFn *fn, void *opaque)
{
    bool max = object_type_is_a(type, X86_CPU_TYPE_NAME("max"));
    X86CPUConfig cfg = { .kind = max ? X86_CPU_MAX : X86_CPU_TABLE };

    x86_cpu_prop_foreach(&cfg, tell_prop, &(PropWalk){ fn, opaque });
    for (size_t i = 0; i < ARRAY_SIZE(result_props); i++) {
        fn(opaque, &result_props[i]);
    }
}

const PropertyHooks x86_cpu_hooks = {
    .set_str = set_str,
    .get_json = get_json,
    .set_json = set_json,
    .foreach = foreach,
};
