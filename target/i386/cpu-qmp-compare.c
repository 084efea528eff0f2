/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-cpu-model-comparison and query-cpu-model-baseline: names and JSON around the set arithmetic
 * of cpu-compare.c. Pure. */
#include "qemu/osdep.h"

#include "target/i386/cpu-compare.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/cpu-qmp.h"

/* Queries do not talk. */
static void drop_report(void *opaque, X86ReportKind kind, const char *text, const char *hint)
{
}

/* The two models of a query. */
typedef struct Pair {
    X86CPUContext ctx;
    X86CPUReport silent;
    X86CPUConfig a, b;
    X86CPUDemand demand_a, demand_b;
} Pair;

static bool load_pair(Pair *p, const X86CPUContext *ctx, const char *model_a, json_object *props_a,
                      const char *model_b, json_object *props_b, Error **errp)
{
    p->silent = (X86CPUReport){.emit = drop_report};
    p->ctx = *ctx;
    p->ctx.report = &p->silent;
    p->ctx.realize = false;
    if (!x86_query_cpu_model(&p->a, &p->ctx, "modela", model_a, props_a, errp) ||
        !x86_query_cpu_model(&p->b, &p->ctx, "modelb", model_b, props_b, errp)) {
        return false;
    }
    x86_cpu_demand_of(&p->a, &p->demand_a);
    x86_cpu_demand_of(&p->b, &p->demand_b);
    return true;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

static void append(json_object *list, const char *name)
{
    json_object_array_add(list, json_object_new_string(name));
}

static void append_features(json_object *list, const uint64_t words[FEATURE_WORDS])
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (uint64_t mask = words[w]; mask; mask &= mask - 1) {
            append(list, x86_feature_name(w, ctz64(mask)));
        }
    }
}

/* Why two models are not the same, in the order of the feature words. */
static json_object *responsible(const Pair *p, X86CPUOrder order)
{
    json_object *list = json_object_new_array();
    uint64_t words[FEATURE_WORDS];

    x86_cpu_demand_differ(&p->demand_a, &p->demand_b, words);
    append_features(list, words);
    if (p->demand_a.lmce != p->demand_b.lmce) {
        append(list, "lmce");
    }
    if (p->demand_a.avx10_version != p->demand_b.avx10_version) {
        append(list, "avx10-version");
    }
    if (order == X86_CPU_IDENTICAL) {
        if (strcmp(p->a.vendor, p->b.vendor)) {
            append(list, "vendor");
        }
        if (p->a.family != p->b.family) {
            append(list, "family");
        }
        if (p->a.model != p->b.model) {
            append(list, "model");
        }
        if (p->a.stepping != p->b.stepping) {
            append(list, "stepping");
        }
    }
    return list;
}

json_object *x86_query_cpu_model_comparison(const X86CPUContext *ctx, const char *model_a,
                                            json_object *props_a, const char *model_b,
                                            json_object *props_b, Error **errp)
{
    static const char *const names[] = {
        [X86_CPU_INCOMPATIBLE] = "incompatible",
        [X86_CPU_IDENTICAL] = "identical",
        [X86_CPU_SUPERSET] = "superset",
        [X86_CPU_SUBSET] = "subset",
    };
    g_autofree Pair *p = g_new0(Pair, 1);
    json_object *result;
    X86CPUOrder order;

    if (!load_pair(p, ctx, model_a, props_a, model_b, props_b, errp)) {
        return NULL;
    }
    order = x86_cpu_demand_order(&p->demand_a, &p->demand_b);
    result = json_object_new_object();
    json_object_object_add(result, "result", json_object_new_string(names[order]));
    json_object_object_add(result, "responsible-properties", responsible(p, order));
    return result;
}

/* ---- Baseline -------------------------------------------------------------------------------- */

static void add_candidate(GArray *list, const X86CPUDefinition *def, int version,
                          const X86CPUContext *ctx)
{
    X86CPUModelRef ref = {X86_CPU_TABLE, def, version, NULL};
    X86CPUCandidate c = {.model = def->name, .vendor = def->vendor, .version = version};
    X86CPUConfig cfg;
    char name[64];

    g_snprintf(name, sizeof(name), "%s-v%d", def->name, version);
    /* One that cannot take what stands on the command line is none. */
    if (x86_cpu_config_init_ref(&cfg, name, &ref, ctx, NULL) &&
        x86_cpu_config_expand(&cfg, ctx, NULL)) {
        x86_cpu_demand_of(&cfg, &c.demand);
        g_array_append_val(list, c);
    }
}

/* All versions of all models, as the machine and accelerator in use make them. */
static GArray *all_candidates(const X86CPUContext *ctx)
{
    GArray *list = g_array_sized_new(false, false, sizeof(X86CPUCandidate), 256);

    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        const X86CPUDefinition *def = x86_cpu_definitions[i];

        for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
            add_candidate(list, def, v->version, ctx);
        }
    }
    return list;
}

/* The vendor of the processor a model stands for. KVM gives every model the vendor of the host. */
static const char *real_vendor(const X86CPUConfig *cfg)
{
    return cfg->def ? cfg->def->vendor : cfg->vendor;
}

static X86CPUWish wish_of(const Pair *p)
{
    bool same = !strcmp(real_vendor(&p->a), real_vendor(&p->b));

    return (X86CPUWish){
        .vendor = same ? real_vendor(&p->a) : NULL,
        .model = {p->a.def ? p->a.def->name : NULL, p->b.def ? p->b.def->name : NULL},
        .version = {p->a.version, p->b.version},
    };
}

/* Properties that turn the model with @has into one with @want: features, then the rest. */
static json_object *difference(const X86CPUDemand *has, const X86CPUDemand *want)
{
    json_object *props = json_object_new_object();
    uint64_t words[FEATURE_WORDS];

    x86_cpu_demand_differ(has, want, words);
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (uint64_t mask = words[w]; mask; mask &= mask - 1) {
            unsigned bit = ctz64(mask);

            json_object_object_add(props, x86_feature_name(w, bit),
                                   json_object_new_boolean(want->features[w] >> bit & 1));
        }
    }
    if (has->lmce != want->lmce) {
        json_object_object_add(props, "lmce", json_object_new_boolean(want->lmce));
    }
    if (has->avx10_version != want->avx10_version) {
        json_object_object_add(props, "avx10-version", json_object_new_int(want->avx10_version));
    }
    return props;
}

/* "base" says nothing about itself; it takes that from the lower of the two. */
static void add_identity(json_object *props, const Pair *p)
{
    uint64_t id_a = (uint64_t)p->a.family << 32 | p->a.model << 8 | p->a.stepping;
    uint64_t id_b = (uint64_t)p->b.family << 32 | p->b.model << 8 | p->b.stepping;
    int vendors = strcmp(p->a.vendor, p->b.vendor);
    const X86CPUConfig *cfg = vendors < 0 || (vendors == 0 && id_a <= id_b) ? &p->a : &p->b;

    json_object_object_add(props, "family", json_object_new_int64(cfg->family));
    json_object_object_add(props, "model", json_object_new_int64(cfg->model));
    json_object_object_add(props, "stepping", json_object_new_int64(cfg->stepping));
    if (*cfg->vendor) {
        json_object_object_add(props, "vendor", json_object_new_string(cfg->vendor));
    }
}

/* @props without what the model @name does not keep: features that go with a setting it lacks. */
static bool prune(json_object *props, const char *name, const X86CPUContext *ctx, Error **errp)
{
    g_autofree X86CPUConfig *cfg = g_new(X86CPUConfig, 1);
    X86CPUDemand got;

    if (!x86_query_cpu_model(cfg, ctx, "model", name, props, errp)) {
        return false;
    }
    x86_cpu_demand_of(cfg, &got);
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (uint64_t mask = feature_word_named(w) & ~got.features[w]; mask; mask &= mask - 1) {
            const char *feature = x86_feature_name(w, ctz64(mask));
            json_object *value;

            if (json_object_object_get_ex(props, feature, &value) &&
                json_object_get_boolean(value)) {
                json_object_object_del(props, feature);
            }
        }
    }
    return true;
}

static json_object *baseline_reply(const char *name, json_object *props)
{
    json_object *model = json_object_new_object(), *result = json_object_new_object();

    json_object_object_add(model, "name", json_object_new_string(name));
    if (json_object_object_length(props)) {
        json_object_object_add(model, "props", props);
    } else {
        json_object_put(props);
    }
    json_object_object_add(result, "model", model);
    return result;
}

json_object *x86_query_cpu_model_baseline(const X86CPUContext *ctx, const char *model_a,
                                          json_object *props_a, const char *model_b,
                                          json_object *props_b, Error **errp)
{
    g_autofree Pair *p = g_new0(Pair, 1);
    g_autoptr(GArray) candidates = NULL;
    g_autofree char *name = NULL;
    uint64_t optional[FEATURE_WORDS];
    const X86CPUCandidate *best;
    X86CPUDemand common;
    X86CPUWish wish;
    json_object *props;

    if (!load_pair(p, ctx, model_a, props_a, model_b, props_b, errp)) {
        return NULL;
    }
    x86_cpu_demand_common(&p->demand_a, &p->demand_b, &common);
    candidates = all_candidates(&p->ctx);
    x86_cpu_default_features(optional, ctx->accel);
    wish = wish_of(p);
    best = x86_cpu_best_candidate((X86CPUCandidate *)candidates->data, candidates->len, &common,
                                  optional, &wish);
    if (best) {
        name = g_strdup_printf("%s-v%d", best->model, best->version);
        props = difference(&best->demand, &common);
    } else {
        name = g_strdup("base");
        props = difference(&(X86CPUDemand){{0}}, &common);
        add_identity(props, p);
    }
    if (!prune(props, name, &p->ctx, errp)) {
        json_object_put(props);
        return NULL;
    }
    return baseline_reply(name, props);
}
