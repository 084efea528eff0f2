/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expansion of every CPU model against the replies of QEMU 7.2 (tests/data/cpu). Where the 10.2
 * base differs from 7.2, the difference stands in a table here with its reason.
 */
#include "qemu/osdep.h"

#include "cpu-test-util.h"
#include "target/i386/cpu-qmp.h"

/* One model of the golden file. */
typedef struct Golden {
    char *name, *alias_of, *model_id;
    char *numbers[7]; /* min-level min-xlevel family model stepping vendor lmce */
    GHashTable *features;
    char *unavailable;
} Golden;

static GPtrArray *golden;   /* of Golden, without max, host, base */
static char **golden_names; /* feature properties 7.2 has */
static char **golden_order; /* query-cpu-definitions */

static const char *const number_names[] = {"min-level", "min-xlevel", "family", "model",
                                           "stepping",  "vendor",     "lmce"};

static void load_model(const char *line, GHashTable *features)
{
    g_auto(GStrv) cols = g_strsplit(line, "|", 6), numbers = NULL, delta = NULL;
    Golden *g = g_new0(Golden, 1);
    GHashTableIter it;
    gpointer key;

    numbers = g_strsplit(cols[2], " ", 7);
    delta = g_strsplit(cols[4], " ", -1);
    g->name = g_strdup(cols[0]);
    g->alias_of = g_strdup(cols[1]);
    g->model_id = g_strdup(cols[3]);
    g->unavailable = g_strdup(cols[5]);
    for (unsigned i = 0; i < ARRAY_SIZE(number_names); i++) {
        g->numbers[i] = g_strdup(strcmp(numbers[i], "-") ? numbers[i] : "");
    }
    for (char **d = delta; *d; d++) {
        if (**d == '+') {
            g_hash_table_add(features, g_strdup(*d + 1));
        } else if (**d == '-') {
            g_hash_table_remove(features, *d + 1);
        }
    }
    g->features = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_iter_init(&it, features);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        g_hash_table_add(g->features, g_strdup(key));
    }
    g_ptr_array_add(golden, g);
}

static void load_golden(void)
{
    g_auto(GStrv) lines = test_data_lines("qemu-7.2-tcg-models.txt");
    GHashTable *features = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    golden = g_ptr_array_new();
    for (char **l = lines; *l; l++) {
        if (g_str_has_prefix(*l, "features ")) {
            golden_names = g_strsplit(*l + strlen("features "), " ", -1);
        } else if (g_str_has_prefix(*l, "order ")) {
            golden_order = g_strsplit(*l + strlen("order "), " ", -1);
        } else if (strchr(*l, '|')) {
            load_model(*l, features);
        }
    }
    g_hash_table_unref(features);
    g_assert_cmpuint(golden->len, ==, 129);
    g_assert_cmpuint(g_strv_length(golden_names), ==, 319);
}

/* ---- Static expansion ------------------------------------------------------------------------ */

static unsigned compare(const char *model, const char *prop, const char *ours, const char *theirs)
{
    if (!strcmp(ours, theirs)) {
        return 0;
    }
    g_test_message("%s: %s is %s, in QEMU 7.2 %s", model, prop, ours, theirs);
    return 1;
}

static json_object *static_props(const X86CPUContext *ctx, const char *model)
{
    json_object *reply, *m, *props;

    reply = x86_query_cpu_model_expansion(ctx, X86_EXPANSION_STATIC, model, NULL, &error_abort);
    g_assert_true(json_object_object_get_ex(reply, "model", &m));
    g_assert_cmpstr(json_object_get_string(json_object_object_get(m, "name")), ==, "base");
    g_assert_true(json_object_object_get_ex(m, "props", &props));
    json_object_get(props);
    json_object_put(reply);
    return props;
}

static const char *prop_text(json_object *props, const char *name)
{
    json_object *v = json_object_object_get(props, name);

    g_assert_nonnull(v);
    if (json_object_get_type(v) == json_type_boolean) {
        return json_object_get_boolean(v) ? "1" : "0";
    }
    return json_object_get_string(v);
}

/* The properties of one model against 7.2; features 7.2 does not know must be off. */
static unsigned compare_model(json_object *props, const Golden *g)
{
    unsigned bad = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(number_names); i++) {
        bad += compare(g->name, number_names[i], prop_text(props, number_names[i]), g->numbers[i]);
    }
    bad += compare(g->name, "model-id", prop_text(props, "model-id"), g->model_id);
    json_object_object_foreach(props, name, value)
    {
        const char *theirs = g_hash_table_contains(g->features, name) ? "1" : "0";

        if (json_object_get_type(value) == json_type_boolean && strcmp(name, "lmce")) {
            bad += compare(g->name, name, prop_text(props, name), theirs);
        }
    }
    for (char **n = golden_names; *n; n++) {
        g_assert_nonnull(json_object_object_get(props, *n));
    }
    return bad;
}

static void check_static_expansions(unsigned major, unsigned minor, const X86AccelInfo *info)
{
    X86CPUContext ctx = test_context(info, major, minor, NULL);
    unsigned bad = 0;

    for (unsigned i = 0; i < golden->len; i++) {
        const Golden *g = golden->pdata[i];
        json_object *props = static_props(&ctx, g->name);

        bad += compare_model(props, g);
        json_object_put(props);
    }
    g_assert_cmpuint(bad, ==, 0);
}

static void test_static_expansions(void)
{
    X86AccelInfo info;

    test_accel_tcg_7_2(&info);
    check_static_expansions(7, 2, &info);
}

/* The 10.2 base gives 7.2's versions no feature that 7.2 did not have, and takes none away; what
 * the accelerator can do does not show in expansion. */
static void test_static_expansions_current(void)
{
    X86AccelInfo info;

    test_accel_tcg(&info, 0x20);
    check_static_expansions(11, 0, &info);
}

/* ---- query-cpu-definitions ------------------------------------------------------------------- */

static const Golden *golden_by_name(const char *name)
{
    for (unsigned i = 0; i < golden->len; i++) {
        if (!strcmp(((const Golden *)golden->pdata[i])->name, name)) {
            return golden->pdata[i];
        }
    }
    return NULL;
}

static const char *field(json_object *d, const char *name)
{
    json_object *v = json_object_object_get(d, name);

    return v ? json_object_get_string(v) : "";
}

static char *join_strings(json_object *list)
{
    GString *s = g_string_new("");

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        g_string_append_printf(s, "%s%s", i ? " " : "",
                               json_object_get_string(json_object_array_get_idx(list, i)));
    }
    return g_string_free(s, false);
}

/* What the TCG of 10.2, and so our software CPU, has that 7.2's did not have: the features leave
 * the lists of unavailable ones. Nothing was lost. */
static const struct {
    const char *feature, *reason;
} tcg_gained[] = {
    {"x2apic", "the APIC model learned x2APIC mode"},
    {"rdseed", "instruction added"},
    {"sha-ni", "instructions added"},
    {"rdpid", "instruction added"},
    {"fsrm", "says REP MOVSB is fast: nothing to emulate"},
    {"3dnowprefetch", "a no-op in an emulator"},
    {"xsaveerptr", "FXSAVE and XSAVE already behaved so"},
    {"wbnoinvd", "a no-op in an emulator"},
    {"rdctl-no", "a bit of MSR 10Ah, which TCG now takes as it is"},
    {"ibrs-all", "as rdctl-no"},
    {"skip-l1dfl-vmentry", "as rdctl-no"},
    {"mds-no", "as rdctl-no"},
    {"pschange-mc-no", "as rdctl-no"},
    {"taa-no", "as rdctl-no"},
};

static bool is_gained(const char *feature)
{
    for (unsigned i = 0; i < ARRAY_SIZE(tcg_gained); i++) {
        if (!strcmp(tcg_gained[i].feature, feature)) {
            return true;
        }
    }
    return false;
}

/* 7.2's list of a model as our software CPU would have it. */
static char *without_gained(const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, " ", -1);
    GString *s = g_string_new("");

    for (char **n = names; *n; n++) {
        if (!is_gained(*n)) {
            g_string_append_printf(s, "%s%s", s->len ? " " : "", *n);
        }
    }
    return g_string_free(s, false);
}

static unsigned check_definition(json_object *d, const Golden *g, bool current)
{
    g_autofree char *ours = join_strings(json_object_object_get(d, "unavailable-features"));
    g_autofree char *theirs = current ? without_gained(g->unavailable) : g_strdup(g->unavailable);
    g_autofree char *type = g_strconcat(g->name, "-x86_64-cpu", NULL);

    g_assert_cmpstr(field(d, "typename"), ==, type);
    g_assert_cmpstr(field(d, "static"), ==, "false");
    g_assert_cmpstr(field(d, "migration-safe"), ==, "true");
    g_assert_cmpstr(field(d, "deprecated"), ==, "false");
    return compare(g->name, "alias-of", field(d, "alias-of"), g->alias_of) +
           compare(g->name, "unavailable-features", ours, theirs);
}

static void check_definitions(unsigned major, unsigned minor, const X86AccelInfo *info,
                              bool current)
{
    X86CPUContext ctx = test_context(info, major, minor, NULL);
    json_object *list = x86_query_cpu_definitions(&ctx);
    unsigned bad = 0, seen = 0;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *d = json_object_array_get_idx(list, i);
        const Golden *g = golden_by_name(field(d, "name"));

        if (g) {
            bad += check_definition(d, g, current);
            seen++;
        }
    }
    g_assert_cmpuint(seen, ==, golden->len);
    g_assert_cmpuint(bad, ==, 0);
    json_object_put(list);
}

static void test_unavailable_features(void)
{
    X86AccelInfo info;

    test_accel_tcg_7_2(&info);
    check_definitions(7, 2, &info, false);
}

static void test_unavailable_features_current(void)
{
    X86AccelInfo info;

    test_accel_tcg(&info, 0x20);
    check_definitions(11, 0, &info, true);
}

/* The names both have stand in 7.2's order: max, host, base, then backwards. */
static void test_order(void)
{
    X86AccelInfo info;
    X86CPUContext ctx;
    json_object *list;
    char **want = golden_order;

    test_accel_tcg_7_2(&info);
    ctx = test_context(&info, 7, 2, NULL);
    list = x86_query_cpu_definitions(&ctx);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *name = field(json_object_array_get_idx(list, i), "name");

        if (g_strv_contains((const char *const *)golden_order, name)) {
            g_assert_cmpstr(name, ==, *want);
            want++;
        }
    }
    g_assert_null(*want);
    json_object_put(list);
}

static json_object *find_definition(json_object *list, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *d = json_object_array_get_idx(list, i);

        if (!strcmp(field(d, "name"), name)) {
            return d;
        }
    }
    return NULL;
}

static void check_definition_of(unsigned major, unsigned minor, int version, const char *name,
                                const char *alias_of)
{
    X86AccelInfo info;
    X86CPUContext ctx;
    json_object *list;

    test_accel_tcg(&info, 0x20);
    ctx = test_context(&info, major, minor, NULL);
    ctx.default_version = version;
    list = x86_query_cpu_definitions(&ctx);
    g_assert_cmpstr(field(find_definition(list, name), "alias-of"), ==, alias_of);
    json_object_put(list);
}

/* A new version never becomes what an unversioned name means on a pc machine. */
static void test_alias_of(void)
{
    check_definition_of(11, 0, 1, "Skylake-Server", "Skylake-Server-v1");
    check_definition_of(11, 0, X86_CPU_VERSION_LATEST, "Skylake-Server", "Skylake-Server-v6");
    check_definition_of(11, 0, 1, "Skylake-Server-IBRS", "Skylake-Server-v2");
    check_definition_of(4, 0, X86_CPU_VERSION_LEGACY, "Skylake-Server", "");
    check_definition_of(4, 0, X86_CPU_VERSION_LEGACY, "Skylake-Server-IBRS", "");
    check_definition_of(11, 0, 1, "max", "");
    g_assert_cmpint(x86_cpu_default_version(4, 1), ==, 1);
    g_assert_cmpint(x86_cpu_default_version(4, 0), ==, X86_CPU_VERSION_LEGACY);
}

static void test_special_models(void)
{
    X86AccelInfo info;
    X86CPUContext ctx;
    json_object *list, *d;
    char *text;

    test_accel_tcg(&info, 0x20);
    ctx = test_context(&info, 11, 0, NULL);
    list = x86_query_cpu_definitions(&ctx);
    d = find_definition(list, "host");
    text = join_strings(json_object_object_get(d, "unavailable-features"));
    g_assert_cmpstr(text, ==, "kvm");
    g_assert_cmpstr(field(d, "migration-safe"), ==, "false");
    g_free(text);
    d = find_definition(list, "base");
    g_assert_cmpstr(field(d, "static"), ==, "true");
    g_assert_cmpstr(field(d, "migration-safe"), ==, "true");
    d = find_definition(list, "max");
    text = join_strings(json_object_object_get(d, "unavailable-features"));
    g_assert_cmpstr(text, ==, "");
    g_free(text);
    json_object_put(list);
}

/* ---- The versions with x2apic-seoib ---------------------------------------------------------- */

static const char *const seoib_versions[] = {
    "Skylake-Server-v6", "Cascadelake-Server-v6", "Icelake-Server-v8", "Cooperlake-v3",
    "SapphireRapids-v5", "GraniteRapids-v4",      "SierraForest-v4",   "ClearwaterForest-v2",
    "Skylake-Client-v5", "Broadwell-v5",          "Haswell-v5",        "EPYC-v6",
    "EPYC-Rome-v6",      "EPYC-Milan-v4",         "EPYC-Genoa-v3",     "EPYC-Turin-v2",
};

/* Names of the properties in which two static expansions differ. */
static char *differing(json_object *a, json_object *b)
{
    GString *s = g_string_new("");

    json_object_object_foreach(a, name, value)
    {
        if (!json_object_equal(value, json_object_object_get(b, name))) {
            g_string_append_printf(s, "%s%s", s->len ? " " : "", name);
        }
    }
    return g_string_free(s, false);
}

static void check_seoib_version(const char *name, X86CPUContext *ctx, bool amd_needs_x2apic)
{
    const char *digits = strrchr(name, 'v') + 1;
    g_autofree char *before =
        g_strdup_printf("%.*s%d", (int)(digits - name), name, atoi(digits) - 1);
    json_object *now = static_props(ctx, name), *then = static_props(ctx, before);
    g_autofree char *diff = differing(now, then);
    bool amd = g_str_has_prefix(name, "EPYC");

    g_assert_cmpstr(diff, ==, amd && amd_needs_x2apic ? "x2apic x2apic-seoib" : "x2apic-seoib");
    g_assert_cmpstr(prop_text(now, "x2apic-seoib"), ==, "1");
    json_object_put(now);
    json_object_put(then);
}

static void test_seoib_versions(void)
{
    X86AccelInfo tcg, kvm;
    X86CPUContext tcg_ctx, kvm_ctx;

    test_accel_tcg(&tcg, 0x20);
    tcg_ctx = test_context(&tcg, 11, 0, NULL);
    test_accel_kvm(&kvm, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    kvm_ctx = test_context(&kvm, 11, 0, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(seoib_versions); i++) {
        check_seoib_version(seoib_versions[i], &tcg_ctx, true);
        check_seoib_version(seoib_versions[i], &kvm_ctx, false); /* KVM's default is x2apic=on */
    }
}

static void test_seoib_versions_are_all(void)
{
    X86AccelInfo tcg;
    X86CPUContext ctx;
    json_object *list;

    test_accel_tcg(&tcg, 0x20);
    ctx = test_context(&tcg, 11, 0, NULL);
    list = x86_query_cpu_definitions(&ctx);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        const char *name = field(json_object_array_get_idx(list, i), "name");
        json_object *props = static_props(&ctx, name);
        bool want = !strcmp(name, "max") || !strcmp(name, "host");

        for (unsigned k = 0; k < ARRAY_SIZE(seoib_versions); k++) {
            want |= !strcmp(seoib_versions[k], name);
        }
        g_assert_cmpstr(prop_text(props, "x2apic-seoib"), ==, want ? "1" : "0");
        json_object_put(props);
    }
    json_object_put(list);
}

/* query-cpu-definitions tells when the host cannot: by the system fd, whatever the irqchip. */
static void test_seoib_unavailable(void)
{
    static const struct {
        uint32_t system, vm;
        X86IrqchipMode irqchip;
        const char *text;
    } rows[] = {
        {0xf, 0xf, X86_IRQCHIP_SPLIT, ""},
        {0xf, 0xb, X86_IRQCHIP_ON, ""},
        {0xf, 0, X86_IRQCHIP_UNKNOWN, ""},
        {0x3, 0x3, X86_IRQCHIP_SPLIT, "x2apic-seoib"},
        {0x3, 0, X86_IRQCHIP_UNKNOWN, "x2apic-seoib"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        X86AccelInfo kvm;
        X86CPUContext ctx;
        json_object *list;
        g_autofree char *text = NULL;

        test_accel_kvm(&kvm, rows[i].irqchip, 0x20, rows[i].system, rows[i].vm);
        ctx = test_context(&kvm, 11, 0, NULL);
        list = x86_query_cpu_definitions(&ctx);
        text = join_strings(json_object_object_get(find_definition(list, "Skylake-Server-v6"),
                                                   "unavailable-features"));
        g_assert_cmpstr(text, ==, rows[i].text);
        json_object_put(list);
    }
}

/* ---- Overrides, full expansion, errors ------------------------------------------------------- */

static json_object *expand(X86ExpansionType type, const char *model, const char *props,
                           Error **errp)
{
    json_object *overrides = props ? json_tokener_parse(props) : NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    TestReport report;
    json_object *reply;

    test_report_init(&report);
    test_accel_tcg_7_2(&info);
    ctx = test_context(&info, 7, 2, &report);
    reply = x86_query_cpu_model_expansion(&ctx, type, model, overrides, errp);
    json_object_put(overrides);
    test_report_fini(&report);
    return reply;
}

static void test_errors(void)
{
    static const struct {
        const char *model, *props, *error;
    } rows[] = {
        {"nosuch", NULL, "CPU model 'nosuch' not found"},
        {"qemu64-x86_64-cpu", NULL, "CPU model 'qemu64-x86_64-cpu' not found"},
        {"Skylake-Server-v99", NULL, "CPU model 'Skylake-Server-v99' not found"},
        {"Skylake-Server-v01", NULL, "CPU model 'Skylake-Server-v01' not found"},
        {"", NULL, "CPU model '' not found"},
        {"qemu64", "{\"nosuch\": true}", "Property 'qemu64-x86_64-cpu.nosuch' not found"},
        {"qemu64", "{\"avx\": \"on\"}",
         "Invalid parameter type for 'model.props.avx', expected: boolean"},
        {"qemu64", "{\"avx\": 1}",
         "Invalid parameter type for 'model.props.avx', expected: boolean"},
        {"qemu64", "{\"avx\": null}",
         "Invalid parameter type for 'model.props.avx', expected: boolean"},
        {"qemu64", "{\"vendor\": true}",
         "Invalid parameter type for 'model.props.vendor', expected: string"},
        {"qemu64", "{\"vendor\": \"short\"}",
         "value of property 'vendor' must consist of exactly 12 characters"},
        {"qemu64", "{\"family\": 271}", "parameter 'family' can be at most 270"},
        {"qemu64", "{\"level\": 4294967296}", "Parameter 'model.props.level' expects uint32_t"},
        {"qemu64", "{\"level\": -1}", "Parameter 'model.props.level' expects uint32_t"},
        {"qemu64", "{\"level\": 18446744073709551615}",
         "Parameter 'model.props.level' expects uint32_t"},
        {"qemu64", "{\"level\": \"1\"}", "Parameter 'model.props.level' expects uint64"},
        {"qemu64", "{\"level\": 1.5}", "Parameter 'model.props.level' expects uint64"},
        {"qemu64", "{\"core-id\": 4294967296}", "Parameter 'model.props.core-id' expects int32_t"},
        {"qemu64", "{\"core-id\": {}}",
         "Invalid parameter type for 'model.props.core-id', expected: integer"},
        {"qemu64", "{\"migratable\": true}", "Property 'qemu64-x86_64-cpu.migratable' not found"},
        {"qemu64", "{\"hv-no-nonarch-coresharing\": \"maybe\"}",
         "Parameter 'model.props.hv-no-nonarch-coresharing' does not accept value 'maybe'"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        Error *err = NULL;

        g_assert_null(expand(X86_EXPANSION_STATIC, rows[i].model, rows[i].props, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, rows[i].error);
        error_free(err);
    }
}

static void check_override(const char *model, const char *overrides, const char *prop,
                           const char *value)
{
    json_object *reply = expand(X86_EXPANSION_FULL, model, overrides, &error_abort);
    json_object *m = json_object_object_get(reply, "model");

    g_assert_cmpstr(json_object_get_string(json_object_object_get(m, "name")), ==, model);
    g_assert_cmpstr(prop_text(json_object_object_get(m, "props"), prop), ==, value);
    json_object_put(reply);
}

static void test_overrides(void)
{
    check_override("qemu64", "{\"sse4_1\": true}", "sse4.1", "1"); /* an alias */
    check_override("qemu64", "{\"sse4_1\": true}", "sse4-1", "1");
    check_override("base", "{\"avx\": true, \"family\": 6}", "family", "6");
    check_override("base", "{\"avx\": true, \"family\": 6}", "min-level", "1");
    check_override("base", "{\"vendor\": \"GenuineIntel\"}", "vendor", "GenuineIntel");
    check_override("qemu64", "{\"vmx-ept\": true}", "vmx-ept", "0"); /* needs secondary controls */
    check_override("qemu64", "{\"vmx-ept\": true}", "level", "13");
    check_override("max", "{\"avx\": false}", "avx", "0"); /* max does not override the user */
    check_override("max", NULL, "avx", "1");
    check_override("max", "{\"migratable\": false}", "migratable", "0");
    check_override("base", "{\"kvmclock\": true}", "kvmclock", "0"); /* not KVM */
    check_override("base", "{\"lbr_fmt\": 5}", "lbr-fmt", "5");
    check_override("base", "{\"x2apic-seoib\": true}", "x2apic-seoib", "0"); /* needs x2apic */
    check_override("base", "{\"x2apic-seoib\": true, \"x2apic\": true}", "x2apic-seoib", "1");
}

/* What a full expansion has on top of 7.2's 430 properties, and what it lacks, in our own words. */
static void test_full_expansion(void)
{
    static const char *const also[] = {"realized", "memory",     "start-powered-off", "apic-id",
                                       "level",    "hv-relaxed", "hv-apicv",          "sse4_1",
                                       "xd",       "check",      "x-force-features",  "lbr_fmt"};
    json_object *full = expand(X86_EXPANSION_FULL, "qemu64", NULL, &error_abort);
    json_object *stat = expand(X86_EXPANSION_STATIC, "qemu64", NULL, &error_abort);
    json_object *f = json_object_object_get(json_object_object_get(full, "model"), "props");
    json_object *s = json_object_object_get(json_object_object_get(stat, "model"), "props");

    json_object_object_foreach(s, name, value)
    {
        g_assert_true(json_object_equal(value, json_object_object_get(f, name)));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(also); i++) {
        g_assert_nonnull(json_object_object_get(f, also[i]));
        g_assert_null(json_object_object_get(s, also[i]));
    }
    g_assert_null(json_object_object_get(f, "hotplugged"));
    g_assert_null(json_object_object_get(f, "migratable"));
    json_object_put(full);
    json_object_put(stat);
}

/* The machine's compat properties and the +/- features of -cpu reach queries. */
static void test_context_matters(void)
{
    g_autoptr(X86CPUOption) opt =
        x86_cpu_option_parse("qemu64,+avx,model-id=mine", NULL, &error_abort);
    X86AccelInfo info;
    X86CPUContext ctx;
    json_object *props;

    test_accel_tcg(&info, 0x20);
    ctx = test_context(&info, 6, 0, NULL);
    ctx.option = opt;
    props = static_props(&ctx, "qemu64");
    g_assert_cmpstr(prop_text(props, "family"), ==, "6"); /* pc-q35-6.0 */
    g_assert_cmpstr(prop_text(props, "avx"), ==, "1");
    g_assert_cmpstr(prop_text(props, "model-id"), ==, "mine");
    json_object_put(props);
    props = static_props(&ctx, "qemu64-v1"); /* rows for qemu64 do not reach its versions */
    g_assert_cmpstr(prop_text(props, "family"), ==, "15");
    g_assert_cmpstr(prop_text(props, "avx"), ==, "1");
    g_assert_cmpstr(prop_text(props, "model-id"), ==, "QEMU Virtual CPU version 2.5+");
    json_object_put(props);
}

/* ---- -cpu help ------------------------------------------------------------------------------- */

static bool has_line(const char *text, const char *line)
{
    g_autofree char *wanted = g_strconcat("\n", line, "\n", NULL);

    return strstr(text, wanted);
}

/* Each model line of 7.2 with 10's prefix; both have the headings. */
static void test_help(void)
{
    g_auto(GStrv) lines = test_data_lines("qemu-7.2-cpu-help.txt");
    g_autofree char *text = x86_cpu_help();
    unsigned models = 0;

    g_assert_true(g_str_has_prefix(text, "Available CPUs:\n  486                   "
                                         "(alias configured by machine type)\n"));
    for (char **l = lines; *l; l++) {
        if (g_str_has_prefix(*l, "x86 ")) {
            g_autofree char *ours = g_strconcat("  ", *l + 4, NULL);

            g_assert_true(has_line(text, ours));
            models++;
        }
    }
    g_assert_cmpuint(models, ==, 132);
    g_assert_true(has_line(text, "  Skylake-Server-v6     Intel Xeon Processor (Skylake, IBRS, no "
                                 "TSX) [with x2apic-seoib]"));
    g_assert_nonnull(strstr(text, "\n\nRecognized CPUID flags:\n  3dnow 3dnowext 3dnowprefetch abm "
                                  "ace2 ace2-en acpi adx aes amd-no-ssb\n"));
    g_assert_true(g_str_has_suffix(text, "\n\n"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    load_golden();
    g_test_add_func("/cpu/expansion/static_props_equal_those_of_qemu_7_2", test_static_expansions);
    g_test_add_func("/cpu/expansion/static_props_stay_on_a_current_machine",
                    test_static_expansions_current);
    g_test_add_func("/cpu/definitions/unavailable_features_equal_those_of_qemu_7_2",
                    test_unavailable_features);
    g_test_add_func("/cpu/definitions/current_software_cpu_differs_by_the_listed_features",
                    test_unavailable_features_current);
    g_test_add_func("/cpu/definitions/order_is_that_of_qemu_7_2", test_order);
    g_test_add_func("/cpu/definitions/alias_of_follows_the_machine", test_alias_of);
    g_test_add_func("/cpu/definitions/max_host_base", test_special_models);
    g_test_add_func("/cpu/seoib-versions/add_just_the_feature", test_seoib_versions);
    g_test_add_func("/cpu/seoib-versions/no_other_model_has_it", test_seoib_versions_are_all);
    g_test_add_func("/cpu/seoib-versions/unavailable_when_the_host_lacks_the_flags",
                    test_seoib_unavailable);
    g_test_add_func("/cpu/expansion/errors_have_the_text_of_qemu_10", test_errors);
    g_test_add_func("/cpu/expansion/overrides_apply_before_expansion", test_overrides);
    g_test_add_func("/cpu/expansion/full_has_all_writable_properties", test_full_expansion);
    g_test_add_func("/cpu/expansion/machine_and_command_line_count", test_context_matters);
    g_test_add_func("/cpu/help/has_every_line_of_qemu_7_2", test_help);
    return g_test_run();
}
