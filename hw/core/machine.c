/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine versions by name, -M help, -smp. Main thread. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "qemu/keyval.h"

MachineState *current_machine;

const ObjectType type_machine = {
    .name = "machine",
    .instance_size = sizeof(MachineState),
    .abstract = true,
};

static GHashTable *machine_types; /* MachineVersion -> ObjectType */

const ObjectType *machine_object_type(const MachineVersion *v)
{
    ObjectType *type;

    if (!machine_types) {
        machine_types = g_hash_table_new(NULL, NULL);
    }
    type = g_hash_table_lookup(machine_types, v);
    if (!type) {
        type = g_new0(ObjectType, 1);
        type->name = g_strconcat(v->name, "-machine", NULL);
        type->parent = &type_machine;
        type->description = v->desc;
        type->instance_size = sizeof(MachineState);
        type->props = v->board->props;
        g_hash_table_insert(machine_types, (gpointer)v, type);
    }
    return type;
}

void machine_object_types(ObjectTypeFn *fn, void *opaque)
{
    for (const MachineVersion *v = machine_versions; v->name; v++) {
        fn(opaque, machine_object_type(v));
    }
}

const MachineVersion *machine_find(const char *name)
{
    for (const MachineVersion *v = machine_versions; v->name; v++) {
        if (!strcmp(v->name, name) || (v->alias && !strcmp(v->alias, name))) {
            return v;
        }
    }
    return NULL;
}

const MachineVersion *machine_default(void)
{
    for (const MachineVersion *v = machine_versions; v->name; v++) {
        if (v->is_default) {
            return v;
        }
    }
    return NULL;
}

void machine_print_help(FILE *f)
{
    fprintf(f, "Supported machines are:\n");
    for (const MachineVersion *v = machine_versions; v->name; v++) {
        if (v->alias) {
            fprintf(f, "%-20s %s (alias of %s)\n", v->alias, v->desc, v->name);
        }
        fprintf(f, "%-20s %s%s%s\n", v->name, v->desc, v->is_default ? " (default)" : "",
                v->deprecation_reason ? " (deprecated)" : "");
    }
}

/* The levels of -smp from outermost to innermost. A level a board lacks must be 1. */
typedef struct SmpLevel {
    const char *name;
    size_t offset;
} SmpLevel;

static const SmpLevel smp_levels[] = {
    { "drawers", offsetof(CpuTopology, drawers) },
    { "books", offsetof(CpuTopology, books) },
    { "sockets", offsetof(CpuTopology, sockets) },
    { "dies", offsetof(CpuTopology, dies) },
    { "clusters", offsetof(CpuTopology, clusters) },
    { "modules", offsetof(CpuTopology, modules) },
    { "cores", offsetof(CpuTopology, cores) },
    { "threads", offsetof(CpuTopology, threads) },
};

static unsigned *smp_field(CpuTopology *t, const SmpLevel *l)
{
    return (unsigned *)((char *)t + l->offset);
}

static bool smp_get(const Keyval *kv, const char *key, unsigned *result, Error **errp)
{
    uint64_t value = 0;

    if (!keyval_get_u64(kv, key, &value, NULL)) {
        error_setg(errp, "Parameter 'smp.%s' expects integer", key);
        return false;
    }
    if (keyval_has(kv, key) && (value == 0 || value > UINT16_MAX)) {
        error_setg(errp, value ? "CPU topology parameters must be less than 65536"
                               : "Invalid CPU topology: CPU topology parameters must be greater "
                                 "than zero");
        return false;
    }
    *result = (unsigned)value;
    return true;
}

static bool level_supported(const MachineVersion *v, const SmpLevel *l)
{
    if (!strcmp(l->name, "dies")) {
        return v->board->dies;
    }
    if (!strcmp(l->name, "modules")) {
        return v->board->modules;
    }
    return !strcmp(l->name, "sockets") || !strcmp(l->name, "cores") ||
           !strcmp(l->name, "threads");
}

static bool smp_read(const MachineVersion *v, const Keyval *kv, CpuTopology *t, Error **errp)
{
    if (!smp_get(kv, "cpus", &t->cpus, errp) || !smp_get(kv, "maxcpus", &t->max_cpus, errp)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(smp_levels); i++) {
        unsigned *count = smp_field(t, &smp_levels[i]);

        if (!smp_get(kv, smp_levels[i].name, count, errp)) {
            return false;
        }
        if (*count > 1 && !level_supported(v, &smp_levels[i])) {
            error_setg(errp, "%s > 1 not supported by this machine's CPU topology",
                       smp_levels[i].name);
            return false;
        }
    }
    return true;
}

/* Saturates at UINT32_MAX, more than any machine has. */
static uint64_t smp_product(CpuTopology *t)
{
    uint64_t n = 1;

    for (size_t i = 0; i < ARRAY_SIZE(smp_levels); i++) {
        n = MIN(n * *smp_field(t, &smp_levels[i]), UINT32_MAX);
    }
    return n;
}

/* Fills in what was not given: missing outer levels are 1, then cores before sockets before
 * threads, as QEMU does since 6.2. */
static void smp_complete(CpuTopology *t)
{
    bool sockets = t->sockets, cores = t->cores, threads = t->threads;
    uint64_t inner;

    for (size_t i = 0; i < ARRAY_SIZE(smp_levels); i++) {
        unsigned *count = smp_field(t, &smp_levels[i]);

        *count = *count ? *count : 1;
    }
    /* each factor is below 2^16, and of these only two can be above 1 */
    inner = (uint64_t)t->drawers * t->books * t->dies * t->clusters * t->modules;
    if (!t->cpus && !t->max_cpus) {
        t->max_cpus = (unsigned)smp_product(t);
    } else {
        t->max_cpus = t->max_cpus ? t->max_cpus : t->cpus;
        if (!cores) {
            t->cores = (unsigned)(t->max_cpus / (inner * t->sockets * t->threads));
        } else if (!sockets) {
            t->sockets = (unsigned)(t->max_cpus / (inner * t->cores * t->threads));
        } else if (!threads) {
            t->threads = (unsigned)(t->max_cpus / (inner * t->sockets * t->cores));
        }
    }
    t->cpus = t->cpus ? t->cpus : t->max_cpus;
}

/* "sockets (1) * dies (1) * ..." */
static char *smp_hierarchy(const MachineVersion *v, CpuTopology *t)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(smp_levels); i++) {
        if (level_supported(v, &smp_levels[i])) {
            g_string_append_printf(text, "%s%s (%u)", text->len ? " * " : "", smp_levels[i].name,
                                   *smp_field(t, &smp_levels[i]));
        }
    }
    return g_string_free(text, FALSE);
}

static bool smp_check(const MachineVersion *v, CpuTopology *t, Error **errp)
{
    g_autofree char *hierarchy = smp_hierarchy(v, t);

    if (smp_product(t) != t->max_cpus) {
        error_setg(errp, "Invalid CPU topology: product of the hierarchy must match maxcpus: "
                         "%s != maxcpus (%u)", hierarchy, t->max_cpus);
        return false;
    }
    if (t->max_cpus < t->cpus) {
        error_setg(errp, "Invalid CPU topology: maxcpus must be equal to or greater than smp: "
                         "%s == maxcpus (%u) < smp_cpus (%u)", hierarchy, t->max_cpus, t->cpus);
        return false;
    }
    if (t->max_cpus > v->max_cpus) {
        error_setg(errp, "Invalid SMP CPUs %u. The max CPUs supported by machine '%s' is %u",
                   t->max_cpus, v->name, v->max_cpus);
        return false;
    }
    return true;
}

bool machine_parse_smp(const MachineVersion *v, const char *arg, CpuTopology *t, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg ? arg : "", "cpus", errp);

    if (!kv) {
        return false;
    }
    *t = (CpuTopology){ 0 };
    if (!arg) {
        t->cpus = 1;
    }
    if (!smp_read(v, kv, t, errp)) {
        return false;
    }
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (!item->used) {
            error_setg(errp, "Parameter 'smp.%s' is unexpected", item->key);
            return false;
        }
    }
    smp_complete(t);
    return smp_check(v, t, errp);
}
