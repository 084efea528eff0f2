/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPU tables are well formed: every name, bit, property and version means one thing. */
#include "qemu/osdep.h"

#include "cpu-test-util.h"
#include "target/i386/cpu-internal.h"

/* A register has 32 bits, only MSRs have more. */
static void test_ranges(void)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        uint64_t all = feature_word_named(w) | feature_word_flagged(w, FEATURE_TCG) |
                       feature_word_flagged(w, FEATURE_MIGRATABLE);

        if (feature_word_info[w].source == FEATURE_SOURCE_CPUID) {
            g_assert_cmphex(all >> 32, ==, 0);
        }
    }
    g_assert_cmphex(feature_word_named(FEAT_KVM_X2APIC), ==, X2APIC_API_ENABLE_SEOIB);
}

/* One word is one register, MSR or capability. */
static void test_words(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        char buf[64];

        feature_word_format(w, buf, sizeof(buf));
        g_assert_true(g_hash_table_add(seen, g_strdup(buf)));
    }
    g_assert_true(g_hash_table_contains(seen, "CPUID[eax=07h,ecx=00h].EBX"));
    g_assert_true(g_hash_table_contains(seen, "CPUID[eax=8000000Ah].EDX"));
    g_assert_true(g_hash_table_contains(seen, "MSR(48Bh)"));
    g_assert_true(g_hash_table_contains(seen, "KVM_CAP_X2APIC_API"));
}

static void check_sorted(void *opaque, const char *name, const X86CPUProp *p)
{
    const char **last = opaque;

    g_assert_cmpstr(*last, <, name);
    g_assert_true(x86_cpu_prop_find(NULL, name) == p);
    *last = name;
}

static void test_property_names(void)
{
    const char *last = "";

    x86_cpu_prop_foreach(NULL, check_sorted, &last);
    g_assert_null(x86_cpu_prop_find(NULL, "nosuch"));
    g_assert_null(x86_cpu_prop_find(NULL, ""));
}

/* Each bit has its property, and setting it sets the bit. */
static void test_every_bit_has_a_property(void)
{
    unsigned bits = 0;

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            const char *name = x86_feature_name(w, bit);
            X86CPUConfig cfg = {.name = "test"};

            if (!name) {
                continue;
            }
            g_assert_true(x86_cpu_prop_set_str(&cfg, name, "on", &error_abort));
            g_assert_cmphex(cfg.features[w] >> bit & 1, ==, 1);
            g_assert_cmphex(cfg.user_set[w], ==, cfg.features[w]);
            g_assert_true(x86_cpu_prop_set_str(&cfg, name, "off", &error_abort));
            g_assert_cmphex(cfg.features[w], ==, 0);
            bits++;
        }
    }
    g_assert_cmpuint(bits, ==, 391 + 1); /* the 10.2 base and x2apic-seoib */
}

static void test_two_bit_names(void)
{
    X86CPUConfig cfg = {.name = "test"};
    X86PropValue v;

    g_assert_true(x86_cpu_prop_set_str(&cfg, "kvmclock", "on", &error_abort));
    g_assert_cmphex(cfg.features[FEAT_KVM], ==, 9);
    x86_features_set(cfg.features, X86_FEATURE_KVMCLOCK, false);
    x86_cpu_prop_get(&cfg, x86_cpu_prop_find(&cfg, "kvmclock"), &v);
    g_assert_false(v.b); /* on only when both are */
}

/* Sorted and unique model names, versions 1, 2, 3..., deltas that exist. */
static void test_models(void)
{
    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        const X86CPUDefinition *def = x86_cpu_definitions[i];
        int n = 0;

        g_assert_true(i == 0 || strcmp(x86_cpu_definitions[i - 1]->name, def->name) < 0);
        g_assert_cmpuint(strlen(def->vendor), ==, 12);
        g_assert_cmpuint(strlen(def->model_id), <=, 48);
        for (const uint16_t *f = def->features; *f != X86_FEATURE_END; f++) {
            g_assert_cmpuint(*f, <, X86_FEATURE_END);
        }
        for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
            g_assert_cmpint(v->version, ==, ++n);
            for (const X86CPUDelta *d = v->deltas; d && d->feature == X86_FEATURE_END && d->prop;
                 d++) {
                g_assert_nonnull(x86_cpu_prop_find(NULL, d->prop));
            }
        }
        g_assert_cmpint(n, >, 0);
    }
    g_assert_cmpuint(x86_nr_cpu_definitions, ==, 45);
}

/* Every name, version and alias can be looked up and means what the tables say. */
static void test_lookup(void)
{
    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        const X86CPUDefinition *def = x86_cpu_definitions[i];
        X86CPUModelRef ref;

        g_assert_true(x86_cpu_model_lookup(def->name, &ref));
        g_assert_true(ref.def == def && ref.version < 0);
        for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
            g_autofree char *name = g_strdup_printf("%s-v%d", def->name, v->version);

            g_assert_true(x86_cpu_model_lookup(name, &ref));
            g_assert_true(ref.def == def && ref.version == v->version && !ref.alias);
            if (v->alias) {
                g_assert_true(x86_cpu_model_lookup(v->alias, &ref));
                g_assert_true(ref.def == def && ref.version == v->version && ref.alias);
            }
        }
    }
    g_assert_false(x86_cpu_model_exists("Skylake"));
    g_assert_false(x86_cpu_model_exists("Skylake-Server-v"));
    g_assert_false(x86_cpu_model_exists("Skylake-Server-v0"));
    g_assert_false(x86_cpu_model_exists("Skylake-Server-v7"));
    g_assert_false(x86_cpu_model_exists("max-v1"));
    g_assert_false(x86_cpu_model_exists("-v1"));
}

/* Dependencies name bits that exist, and nothing depends on itself. */
static void test_dependencies(void)
{
    for (unsigned i = 0; i < x86_nr_feature_deps; i++) {
        const X86FeatureDep *d = &x86_feature_deps[i];

        g_assert_cmphex(feature_word_named(d->word) & d->mask, !=, 0);
        for (unsigned k = 0; k < ARRAY_SIZE(d->requires); k++) {
            g_assert_nonnull(x86_feature_name(d->requires[k] / 64, d->requires[k] % 64));
            if (d->mask != ~0ull) {
                g_assert_true(d->requires[k] / 64 != d->word ||
                              !(d->mask & x86_feature_mask(d->requires[k])));
            }
        }
    }
}

/* Each compat row is a property its type takes. */
static void test_compat(void)
{
    const X86CPUGlobal *sets[X86_CPU_COMPAT_SETS];
    unsigned nr = x86_cpu_compat_for(2, 0, sets);

    g_assert_cmpuint(nr, ==, X86_CPU_COMPAT_SETS);
    for (unsigned i = 0; i < nr; i++) {
        for (const X86CPUGlobal *g = sets[i]; g->type; g++) {
            X86CPUConfig cfg = {.kind = X86_CPU_MAX, .name = "max"};

            g_assert_true(g_str_has_suffix(g->type, X86_CPU_BASE_TYPE));
            g_assert_true(x86_cpu_prop_set_str(&cfg, g->name, g->value, &error_abort));
        }
    }
    g_assert_cmpuint(x86_cpu_compat_for(11, 0, sets), ==, 0);
    g_assert_cmpuint(x86_cpu_compat_for(10, 2, sets), ==, 1);
    g_assert_cmpuint(x86_cpu_compat_for(10, 1, sets), ==, 2);
    g_assert_cmpuint(x86_cpu_compat_for(9, 2, sets), ==, 3);
    g_assert_cmpuint(x86_cpu_compat_for(9, 0, sets), ==, 4);
}

/* For one property the set of the oldest machine version wins. */
static void test_compat_order(void)
{
    const X86CPUGlobal *sets[X86_CPU_COMPAT_SETS];

    g_assert_cmpuint(x86_cpu_compat_for(6, 0, sets), ==, 6);
    g_assert_cmpstr(sets[0]->name, ==, "x-seoib-auto");
    g_assert_cmpstr(sets[5]->name, ==, "family");
}

static void check_cache(const X86CacheInfo *c)
{
    g_assert_cmpuint(c->size, ==, c->line_size * c->associativity * c->partitions * c->sets);
}

static void test_caches(void)
{
    for (unsigned i = 0; i < x86_nr_cpu_definitions; i++) {
        const X86CPUDefinition *def = x86_cpu_definitions[i];

        for (const X86CPUVersionDefinition *v = def->versions; v->version; v++) {
            const X86CPUCaches *c = v->caches ? v->caches : def->caches;

            if (c) {
                check_cache(&c->l1d);
                check_cache(&c->l1i);
                check_cache(&c->l2);
                check_cache(&c->l3);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/tables/bits_are_in_range", test_ranges);
    g_test_add_func("/cpu/tables/words_are_unique", test_words);
    g_test_add_func("/cpu/tables/property_names_are_sorted_and_unique", test_property_names);
    g_test_add_func("/cpu/tables/every_bit_has_a_property", test_every_bit_has_a_property);
    g_test_add_func("/cpu/tables/a_name_at_two_bits_needs_both", test_two_bit_names);
    g_test_add_func("/cpu/tables/models_are_sorted_and_versions_count_up", test_models);
    g_test_add_func("/cpu/tables/every_name_version_and_alias_is_found", test_lookup);
    g_test_add_func("/cpu/tables/dependencies_name_existing_bits", test_dependencies);
    g_test_add_func("/cpu/tables/compat_rows_set_existing_properties", test_compat);
    g_test_add_func("/cpu/tables/compat_sets_come_newest_first", test_compat_order);
    g_test_add_func("/cpu/tables/cache_sizes_are_the_product_of_their_geometry", test_caches);
    return g_test_run();
}
