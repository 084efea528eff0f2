/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a model name to features: lookup of names, versions and aliases; loading of the base
 * definition, version deltas, accelerator defaults, globals. Pure.
 */
#include "qemu/osdep.h"

#include "qemu/cutils.h"
#include "target/i386/cpu-internal.h"

/* What TCG has always called its max CPU. */
#define TCG_MODEL_ID "QEMU TCG CPU version 2.5+"

/* ---- Names ----------------------------------------------------------------------------------- */

/* The N of "NAME-vN"; 0 when @name does not end so. */
static int version_suffix(const char *name, size_t *base_len)
{
    const char *dash = strrchr(name, '-');
    uint64_t n;

    if (!dash || dash[1] != 'v' || !g_ascii_isdigit(dash[2]) || dash[2] == '0' ||
        qemu_strtou64(dash + 2, NULL, 10, &n) < 0 || n > 1000) {
        return 0;
    }
    *base_len = dash - name;
    return n;
}

static const X86CPUDefinition *find_definition(const char *name, size_t len)
{
    unsigned lo = 0, hi = x86_nr_cpu_definitions;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const X86CPUDefinition *def = x86_cpu_definitions[mid];
        int cmp = strncmp(name, def->name, len);

        if (cmp == 0 && def->name[len]) {
            cmp = -1; /* @name is a prefix of the model's */
        }
        if (cmp == 0) {
            return def;
        }
        if (cmp < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return NULL;
}

static bool lookup_alias(const char *name, X86CPUModelRef *ref)
{
    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        const X86CPUDefinition *def = x86_cpu_definitions[i];

        for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
            if (v->alias && !strcmp(v->alias, name)) {
                *ref = (X86CPUModelRef){X86_CPU_TABLE, def, v->version, v->alias};
                return true;
            }
        }
    }
    return false;
}

static const struct {
    const char *name;
    X86CPUClassKind kind;
} special_models[] = {
    {"max", X86_CPU_MAX},
    {"host", X86_CPU_HOST},
    {"base", X86_CPU_BASE},
};

bool x86_cpu_model_lookup(const char *name, X86CPUModelRef *ref)
{
    const X86CPUDefinition *def = find_definition(name, strlen(name));
    size_t base_len;
    int version;

    if (def) {
        *ref = (X86CPUModelRef){X86_CPU_TABLE, def, -1, NULL};
        return true;
    }
    version = version_suffix(name, &base_len);
    def = version ? find_definition(name, base_len) : NULL;
    if (def && version <= x86_cpu_definition_nr_versions(def)) {
        *ref = (X86CPUModelRef){X86_CPU_TABLE, def, version, NULL};
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(special_models); i++) {
        if (!strcmp(name, special_models[i].name)) {
            *ref = (X86CPUModelRef){special_models[i].kind, NULL, 0, NULL};
            return true;
        }
    }
    return lookup_alias(name, ref);
}

bool x86_cpu_model_exists(const char *name)
{
    X86CPUModelRef ref;

    return x86_cpu_model_lookup(name, &ref);
}

int x86_cpu_model_resolve(const X86CPUModelRef *ref, int default_version)
{
    int highest;

    if (ref->kind != X86_CPU_TABLE || ref->version >= 0) {
        return ref->version;
    }
    highest = x86_cpu_definition_nr_versions(ref->def);
    return default_version == X86_CPU_VERSION_LATEST ? highest : MIN(default_version, highest);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static void apply_delta(X86CPUConfig *cfg, const X86CPUDelta *d)
{
    X86PropValue v = {.kind = X86_PROP_INT64, .i = (int64_t)d->number};
    const X86CPUProp *p;

    if (d->feature != X86_FEATURE_END) {
        x86_features_set(cfg->features, d->feature, d->on);
        cfg->model_set[d->feature / 64] |= x86_feature_mask(d->feature);
        return;
    }
    p = x86_cpu_prop_find(cfg, d->prop);
    assert(p); /* the tables are checked by a unit test */
    if (d->string) {
        v.kind = X86_PROP_STRING;
        v.s = d->string;
    } else if (x86_cpu_prop_kind(p) == X86_PROP_BOOL) {
        v.kind = X86_PROP_BOOL;
        v.b = d->number;
    }
    x86_cpu_prop_set(cfg, d->prop, d->prop, &v, &error_abort);
}

static void load_table_model(X86CPUConfig *cfg, const X86CPUDefinition *def, int version)
{
    cfg->min_level = def->level;
    cfg->min_xlevel = def->xlevel;
    cfg->family = def->family;
    cfg->model = def->model;
    cfg->stepping = def->stepping;
    g_strlcpy(cfg->model_id, def->model_id, sizeof(cfg->model_id));
    g_strlcpy(cfg->vendor, def->vendor, sizeof(cfg->vendor));
    for (const uint16_t *f = def->features; *f != X86_FEATURE_END; f++) {
        cfg->features[*f / 64] |= x86_feature_mask(*f);
    }
    cfg->features[FEAT_1_ECX] |= x86_feature_mask(X86_FEATURE_HYPERVISOR);
    cfg->caches = def->caches;
    for (const X86CPUVersionDefinition *v = def->versions; v->version && v->version <= version;
         v++) {
        cfg->caches = v->caches ? v->caches : cfg->caches;
        for (const X86CPUDelta *d = v->deltas; d && (d->prop || d->feature != X86_FEATURE_END);
             d++) {
            apply_delta(cfg, d);
        }
    }
    cfg->legacy_cache = !cfg->caches;
}

/* Table models have these under KVM whatever the processor had. */
static const struct {
    uint16_t feature;
    bool on;
} kvm_defaults[] = {
    {X86_FEATURE_KVMCLOCK, true},
    {X86_FEATURE_KVMCLOCK2, true},
    {X86_FEATURE_KVM_NOPIODELAY, true},
    {X86_FEATURE_KVM_ASYNCPF, true},
    {X86_FEATURE_KVM_STEAL_TIME, true},
    {X86_FEATURE_KVM_PV_EOI, true},
    {X86_FEATURE_KVMCLOCK_STABLE_BIT, true},
    {X86_FEATURE_X2APIC, true},
    {X86_FEATURE_KVM_MSI_EXT_DEST_ID, false},
    {X86_FEATURE_ACPI, false},
    {X86_FEATURE_MONITOR, false},
    {X86_FEATURE_SVM, false},
};

static void set_by_machine(X86CPUConfig *cfg, X86Feature f, bool on)
{
    x86_features_set(cfg->features, f, on);
    cfg->user_set[f / 64] |= x86_feature_mask(f);
}

static void apply_accel_defaults(X86CPUConfig *cfg, const X86AccelInfo *info)
{
    if (info->kind != X86_ACCEL_KVM) {
        set_by_machine(cfg, X86_FEATURE_VME, false);
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(kvm_defaults); i++) {
        set_by_machine(cfg, kvm_defaults[i].feature, kvm_defaults[i].on);
    }
    if (info->irqchip == X86_IRQCHIP_OFF) {
        set_by_machine(cfg, X86_FEATURE_X2APIC, false);
    } else if (info->irqchip == X86_IRQCHIP_SPLIT) {
        set_by_machine(cfg, X86_FEATURE_KVM_MSI_EXT_DEST_ID, true);
    }
}

void x86_cpu_default_features(uint64_t words[FEATURE_WORDS], const X86AccelInfo *info)
{
    g_autofree X86CPUConfig *cfg = g_new0(X86CPUConfig, 1);

    apply_accel_defaults(cfg, info);
    memcpy(words, cfg->features, sizeof(cfg->features));
    words[FEAT_1_ECX] |= x86_feature_mask(X86_FEATURE_HYPERVISOR);
}

static void load_max(X86CPUConfig *cfg, const X86AccelInfo *info)
{
    if (info->kind != X86_ACCEL_KVM) {
        /* family, model and stepping follow at realize */
        g_strlcpy(cfg->vendor, CPUID_VENDOR_AMD, sizeof(cfg->vendor));
        g_strlcpy(cfg->model_id, TCG_MODEL_ID, sizeof(cfg->model_id));
        return;
    }
    cfg->pmu = true;
    cfg->host_phys_bits = true;
    cfg->family = info->family;
    cfg->model = info->model;
    cfg->stepping = info->stepping;
    g_strlcpy(cfg->model_id, info->model_id, sizeof(cfg->model_id));
    cfg->lmce = info->lmce;
    cfg->min_level = info->level;
    cfg->min_xlevel = info->xlevel;
    cfg->min_xlevel2 = info->xlevel2;
}

/* The type's defaults and the model, without machine and user. */
static void load(X86CPUConfig *cfg, const char *name, const X86CPUModelRef *ref,
                 const X86CPUContext *ctx)
{
    memset(cfg, 0, sizeof(*cfg));
    g_strlcpy(cfg->name, name, sizeof(cfg->name));
    cfg->kind = ref->kind;
    cfg->def = ref->def;
    cfg->version = x86_cpu_model_resolve(ref, ctx->default_version);
    cfg->accel_kind = ctx->accel->kind;
    x86_cpu_props_set_defaults(cfg);
    switch (ref->kind) {
    case X86_CPU_TABLE:
        load_table_model(cfg, ref->def, cfg->version);
        apply_accel_defaults(cfg, ctx->accel);
        break;
    case X86_CPU_MAX:
    case X86_CPU_HOST:
        load_max(cfg, ctx->accel);
        break;
    case X86_CPU_BASE:
        break;
    }
    if (ctx->accel->kind == X86_ACCEL_KVM) {
        g_strlcpy(cfg->vendor, ctx->accel->vendor, sizeof(cfg->vendor));
    }
}

/* ---- Globals --------------------------------------------------------------------------------- */

/* Whether rows for @type apply to the configuration's type. */
static bool type_matches(const X86CPUConfig *cfg, const char *type)
{
    size_t len = strlen(cfg->name);

    if (!strcmp(type, X86_CPU_BASE_TYPE) || !strcmp(type, "cpu") || !strcmp(type, "device")) {
        return true;
    }
    if (cfg->kind == X86_CPU_HOST && !strcmp(type, X86_CPU_TYPE_NAME("max"))) {
        return true;
    }
    return !strncmp(type, cfg->name, len) && !strcmp(type + len, X86_CPU_TYPE_SUFFIX);
}

static bool apply_global(X86CPUConfig *cfg, const X86CPUGlobal *g, Error **errp)
{
    if (!type_matches(cfg, g->type)) {
        return true;
    }
    if (!x86_cpu_prop_set_str(cfg, g->name, g->value, errp)) {
        error_prepend(errp, "can't apply global %s.%s=%s: ", g->type, g->name, g->value);
        return false;
    }
    return true;
}

static bool apply_globals(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp)
{
    for (unsigned i = 0; i < ctx->nr_compat; i++) {
        for (const X86CPUGlobal *g = ctx->compat[i]; g->type; g++) {
            if (!apply_global(cfg, g, errp)) {
                return false;
            }
        }
    }
    for (unsigned i = 0; i < ctx->nr_globals; i++) {
        if (!apply_global(cfg, &ctx->globals[i], errp)) {
            return false;
        }
    }
    for (unsigned i = 0; ctx->option && i < ctx->option->globals->len; i++) {
        if (!apply_global(cfg, &g_array_index(ctx->option->globals, X86CPUGlobal, i), errp)) {
            return false;
        }
    }
    return true;
}

bool x86_cpu_config_init_ref(X86CPUConfig *cfg, const char *name, const X86CPUModelRef *ref,
                             const X86CPUContext *ctx, Error **errp)
{
    load(cfg, name, ref, ctx);
    return apply_globals(cfg, ctx, errp);
}

bool x86_cpu_config_init(X86CPUConfig *cfg, const char *name, const X86CPUContext *ctx,
                         Error **errp)
{
    X86CPUModelRef ref;

    if (!x86_cpu_model_lookup(name, &ref)) {
        error_setg(errp, "unable to find CPU model '%s'", name);
        return false;
    }
    return x86_cpu_config_init_ref(cfg, name, &ref, ctx, errp);
}
