/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-cpu-definitions, query-cpu-model-expansion, CPU properties as JSON, -cpu help. Pure. */
#include "qemu/osdep.h"

#include "target/i386/cpu-qmp.h"
#include "target/i386/cpu-internal.h"

#define ADD_FLAGS (JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY)

/* @key is const data and new in @obj. */
static void add(json_object *obj, const char *key, json_object *value)
{
    json_object_object_add_ex(obj, key, value, ADD_FLAGS);
}

static void add_string(json_object *obj, const char *key, const char *s)
{
    add(obj, key, json_object_new_string(s));
}

static void add_bool(json_object *obj, const char *key, bool b)
{
    add(obj, key, json_object_new_boolean(b));
}

static json_object *array_of_strings(void)
{
    return json_object_new_array();
}

static void append(json_object *array, const char *s)
{
    json_object_array_add(array, json_object_new_string(s));
}

/* ---- Unavailable features -------------------------------------------------------------------- */

/* XCR0 bits have no names: the feature a component belongs to stands for it. */
static const char *bit_name(FeatureWord w, unsigned bit)
{
    uint16_t f;

    if (w == FEAT_XSAVE_XCR0_LO || w == FEAT_XSAVE_XSS_LO) {
        if (bit >= XSAVE_COMPONENTS || !x86_xsave_components[bit].size) {
            return NULL;
        }
        f = x86_xsave_components[bit].feature;
        return x86_feature_name(f / 64, f % 64);
    }
    return x86_feature_name(w, bit);
}

json_object *x86_cpu_unavailable_features(const X86CPUConfig *cfg)
{
    json_object *list = array_of_strings();

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (uint64_t mask = cfg->filtered[w]; mask; mask &= mask - 1) {
            const char *name = bit_name(w, ctz64(mask));

            if (name) {
                append(list, name);
            }
        }
    }
    return list;
}

/* ---- query-cpu-definitions ------------------------------------------------------------------- */

/* A silent sink: queries do not talk. */
static void drop_report(void *opaque, X86ReportKind kind, const char *text, const char *hint)
{
}

static json_object *unavailable_of(const char *name, const X86CPUModelRef *ref,
                                   const X86CPUContext *ctx)
{
    X86CPUReport silent = {.emit = drop_report};
    X86CPUContext quiet = *ctx;
    X86CPUConfig cfg;

    quiet.report = &silent;
    quiet.realize = false;
    if (ref->kind == X86_CPU_HOST && ctx->accel->kind != X86_ACCEL_KVM) {
        json_object *list = array_of_strings();

        append(list, "kvm");
        return list;
    }
    if (!x86_cpu_config_init_ref(&cfg, name, ref, &quiet, NULL) ||
        !x86_cpu_config_expand(&cfg, &quiet, NULL)) {
        /* A property from the command line that this model does not take. */
        json_object *list = array_of_strings();

        append(list, "type");
        return list;
    }
    cfg.check = cfg.enforce = false; /* no messages are made that nobody reads */
    x86_cpu_config_filter(&cfg, &quiet);
    return x86_cpu_unavailable_features(&cfg);
}

static json_object *definition(const char *name, const X86CPUModelRef *ref,
                               const X86CPUContext *ctx)
{
    json_object *d = json_object_new_object();
    bool is_table = ref->kind == X86_CPU_TABLE;
    int version = x86_cpu_model_resolve(ref, ctx->default_version);
    char text[64];

    add_string(d, "name", name);
    g_snprintf(text, sizeof(text), "%s" X86_CPU_TYPE_SUFFIX, name);
    add_string(d, "typename", text);
    add(d, "unavailable-features", unavailable_of(name, ref, ctx));
    add_bool(d, "static", ref->kind == X86_CPU_BASE);
    add_bool(d, "migration-safe", is_table || ref->kind == X86_CPU_BASE);
    add_bool(d, "deprecated", is_table && ref->def->deprecation_note);
    /* Old machines map names to the base definition, which is no version. */
    if (is_table && (ref->version < 0 || ref->alias) && version > 0 && ctx->default_version) {
        g_snprintf(text, sizeof(text), "%s-v%d", ref->def->name, version);
        add_string(d, "alias-of", text);
    }
    return d;
}

/* All names of table models. */
typedef struct ModelName {
    char name[48];
    X86CPUModelRef ref;
} ModelName;

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const ModelName *)a)->name, ((const ModelName *)b)->name);
}

static void add_name(GArray *names, const X86CPUDefinition *def, int version, const char *alias)
{
    ModelName n = {.ref = {X86_CPU_TABLE, def, version, alias}};

    if (alias) {
        g_strlcpy(n.name, alias, sizeof(n.name));
    } else if (version < 0) {
        g_strlcpy(n.name, def->name, sizeof(n.name));
    } else {
        g_snprintf(n.name, sizeof(n.name), "%s-v%d", def->name, version);
    }
    g_array_append_val(names, n);
}

/* In strcmp() order. */
static GArray *table_model_names(void)
{
    GArray *names = g_array_sized_new(false, false, sizeof(ModelName), 256);

    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        const X86CPUDefinition *def = x86_cpu_definitions[i];

        add_name(names, def, -1, NULL);
        for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
            add_name(names, def, v->version, NULL);
            if (v->alias) {
                add_name(names, def, v->version, v->alias);
            }
        }
    }
    qsort(names->data, names->len, sizeof(ModelName), compare_names);
    return names;
}

static const char *const special_names[] = {"max", "host", "base"};

void x86_cpu_model_foreach(void (*fn)(void *opaque, const char *name), void *opaque)
{
    g_autoptr(GArray) names = table_model_names();

    for (unsigned i = 0; i < ARRAY_SIZE(special_names); i++) {
        fn(opaque, special_names[i]);
    }
    for (unsigned i = 0; i < names->len; i++) {
        fn(opaque, g_array_index(names, ModelName, i).name);
    }
}

static void add_special(json_object *list, const char *name, const X86CPUContext *ctx)
{
    X86CPUModelRef ref;

    if (x86_cpu_model_lookup(name, &ref)) {
        json_object_array_add(list, definition(name, &ref, ctx));
    }
}

json_object *x86_query_cpu_definitions(const X86CPUContext *ctx)
{
    g_autoptr(GArray) names = table_model_names();
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < ARRAY_SIZE(special_names); i++) {
        add_special(list, special_names[i], ctx);
    }
    for (unsigned i = names->len; i-- > 0;) {
        const ModelName *n = &g_array_index(names, ModelName, i);

        json_object_array_add(list, definition(n->name, &n->ref, ctx));
    }
    return list;
}

/* ---- Properties as JSON ---------------------------------------------------------------------- */

static json_object *prop_to_json(const X86CPUConfig *cfg, const X86CPUProp *p)
{
    X86PropValue v;

    x86_cpu_prop_get(cfg, p, &v);
    switch (v.kind) {
    case X86_PROP_FEATURE:
    case X86_PROP_BOOL:
    case X86_PROP_HYPERV:
        return json_object_new_boolean(v.b);
    case X86_PROP_STRING:
    case X86_PROP_ON_OFF_AUTO:
        return json_object_new_string(v.s);
    case X86_PROP_INT32:
    case X86_PROP_INT64:
        return json_object_new_int64(v.i);
    default:
        return v.u <= INT64_MAX ? json_object_new_int64((int64_t)v.u) : json_object_new_uint64(v.u);
    }
}

/* The property feature-words or filtered-features: CPUID words only, the first of the list last. */
static json_object *feature_words_to_json(const uint64_t words[FEATURE_WORDS])
{
    json_object *list = json_object_new_array();

    for (unsigned w = FEATURE_WORDS; w-- > 0;) {
        const FeatureWordInfo *wi = &feature_word_info[w];
        json_object *o;

        if (wi->source != FEATURE_SOURCE_CPUID) {
            continue;
        }
        o = json_object_new_object();
        add(o, "cpuid-register", json_object_new_string(cpuid_reg_name(wi->reg)));
        add(o, "features", json_object_new_int64((int64_t)words[w]));
        add(o, "cpuid-input-eax", json_object_new_int64(wi->leaf));
        if (wi->has_subleaf) {
            add(o, "cpuid-input-ecx", json_object_new_int64(wi->subleaf));
        }
        json_object_array_add(list, o);
    }
    return list;
}

json_object *x86_cpu_prop_get_json(const X86CPUConfig *cfg, const char *name)
{
    const X86CPUProp *p = x86_cpu_prop_find(cfg, name);

    if (p) {
        return prop_to_json(cfg, p);
    }
    if (!strcmp(name, "feature-words")) {
        return feature_words_to_json(cfg->features);
    }
    if (!strcmp(name, "filtered-features")) {
        return feature_words_to_json(cfg->filtered);
    }
    if (!strcmp(name, "unavailable-features")) {
        return x86_cpu_unavailable_features(cfg);
    }
    return NULL;
}

/* @prefix: what stands before the name in type errors, "model.props." in queries. */
static bool set_json(X86CPUConfig *cfg, const char *prefix, const char *name, json_object *value,
                     Error **errp)
{
    g_autofree char *shown = g_strconcat(prefix, name, NULL);
    X86PropValue v = {.kind = X86_PROP_FEATURE}; /* fits nothing */

    switch (json_object_get_type(value)) {
    case json_type_boolean:
        v.kind = X86_PROP_BOOL;
        v.b = json_object_get_boolean(value);
        break;
    case json_type_int:
        /* Above INT64_MAX the signed getter saturates. */
        v.i = json_object_get_int64(value);
        v.u = v.i == INT64_MAX ? json_object_get_uint64(value) : 0;
        v.kind = v.u > INT64_MAX ? X86_PROP_UINT64 : X86_PROP_INT64;
        break;
    case json_type_string:
        v.kind = X86_PROP_STRING;
        v.s = json_object_get_string(value);
        break;
    default:
        break;
    }
    return x86_cpu_prop_set(cfg, name, shown, &v, errp);
}

bool x86_cpu_prop_set_json(X86CPUConfig *cfg, const char *name, json_object *value, Error **errp)
{
    return set_json(cfg, "", name, value, errp);
}

/* ---- query-cpu-model-expansion --------------------------------------------------------------- */

typedef struct ExpansionWalk {
    const X86CPUConfig *cfg;
    json_object *props;
    X86ExpansionType type;
} ExpansionWalk;

static void add_expanded(void *opaque, const char *name, const X86CPUProp *p)
{
    ExpansionWalk *w = opaque;

    if (w->type == X86_EXPANSION_FULL || x86_cpu_prop_is_static(p)) {
        add(w->props, name, prop_to_json(w->cfg, p));
    }
}

/* The properties of a model in a query, "model.props" in errors. */
static bool apply_overrides(X86CPUConfig *cfg, const char *shown, json_object *props, Error **errp)
{
    g_autofree char *prefix = g_strconcat(shown, ".props.", NULL);

    if (!json_object_is_type(props, json_type_object)) {
        error_setg(errp, "Invalid parameter type for '%s.props', expected: object", shown);
        return false;
    }
    json_object_object_foreach(props, name, value)
    {
        if (!set_json(cfg, prefix, name, value, errp)) {
            return false;
        }
    }
    return true;
}

bool x86_query_cpu_model(X86CPUConfig *cfg, const X86CPUContext *ctx, const char *shown,
                         const char *model, json_object *props, Error **errp)
{
    X86CPUModelRef ref;

    if (!x86_cpu_model_lookup(model, &ref)) {
        error_setg(errp, "CPU model '%s' not found", model);
        return false;
    }
    return x86_cpu_config_init_ref(cfg, model, &ref, ctx, errp) &&
           (!props || apply_overrides(cfg, shown, props, errp)) &&
           x86_cpu_config_expand(cfg, ctx, errp);
}

json_object *x86_query_cpu_model_expansion(const X86CPUContext *ctx, X86ExpansionType type,
                                           const char *model, json_object *props, Error **errp)
{
    X86CPUContext query = *ctx;
    json_object *result, *m;
    ExpansionWalk walk;
    X86CPUConfig cfg;

    query.realize = false;
    if (!x86_query_cpu_model(&cfg, &query, "model", model, props, errp)) {
        return NULL;
    }
    walk = (ExpansionWalk){&cfg, json_object_new_object(), type};
    x86_cpu_prop_foreach(&cfg, add_expanded, &walk);
    if (type == X86_EXPANSION_FULL) {
        add_bool(walk.props, "realized", false);
        add_string(walk.props, "memory", "/machine/unattached/system[0]");
    }
    m = json_object_new_object();
    add_string(m, "name", type == X86_EXPANSION_STATIC ? "base" : model);
    add(m, "props", walk.props);
    result = json_object_new_object();
    add(result, "model", m);
    return result;
}

/* ---- -cpu help ------------------------------------------------------------------------------- */

static void help_line(GString *out, const char *name, const char *text)
{
    g_string_append_printf(out, "  %-20s  %s\n", name, text);
}

/* The model-id and note of a version. */
static char *version_text(const X86CPUDefinition *def, int version)
{
    const char *model_id = def->model_id, *note = NULL;

    for (const X86CPUVersionDefinition *v = def->versions; v->version && v->version <= version;
         v++) {
        note = v->note;
        for (const X86CPUDelta *d = v->deltas; d && (d->prop || d->feature != X86_FEATURE_END);
             d++) {
            if (d->prop && !strcmp(d->prop, "model-id")) {
                model_id = d->string;
            }
        }
    }
    return note ? g_strdup_printf("%s [%s]", model_id, note) : g_strdup(model_id);
}

static void help_model(GString *out, const ModelName *n)
{
    g_autofree char *text = NULL;

    if (n->ref.version < 0) {
        text = g_strdup("(alias configured by machine type)");
    } else if (n->ref.alias) {
        text = g_strdup_printf("(alias of %s-v%d)", n->ref.def->name, n->ref.version);
    } else {
        text = version_text(n->ref.def, n->ref.version);
    }
    help_line(out, n->name, text);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Words of @list, lines of at most 75 columns. */
static void help_flags(GString *out, const GPtrArray *list)
{
    unsigned column = 0;

    for (unsigned i = 0; i < list->len; i++) {
        const char *name = list->pdata[i];
        unsigned len = strlen(name);

        if (column == 0) {
            g_string_append(out, "  ");
            column = 1;
        } else if (column + len + 1 >= 75) {
            g_string_append(out, "\n  ");
            column = 1;
        } else {
            g_string_append_c(out, ' ');
        }
        g_string_append(out, name);
        column += len + 1;
    }
    g_string_append_c(out, '\n');
}

char *x86_cpu_help(void)
{
    g_autoptr(GArray) names = table_model_names();
    g_autoptr(GPtrArray) flags = g_ptr_array_new();
    GString *out = g_string_new("Available CPUs:\n");

    for (unsigned i = 0; i < names->len; i++) {
        help_model(out, &g_array_index(names, ModelName, i));
    }
    help_line(out, "base", "base CPU model type with no features enabled");
    help_line(out, "host", "processor with all supported host features "); /* sic */
    help_line(out, "max", "Enables all features supported by the accelerator in the current host");
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            if (x86_feature_name(w, bit)) {
                g_ptr_array_add(flags, (char *)x86_feature_name(w, bit));
            }
        }
    }
    qsort(flags->pdata, flags->len, sizeof(char *), compare_strings);
    g_string_append(out, "\nRecognized CPUID flags:\n");
    help_flags(out, flags);
    g_string_append_c(out, '\n');
    return g_string_free(out, false);
}
