/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set arithmetic of CPU comparison and baseline, on sets made up for the purpose. All pairs of
 * real models: tests/functional/test_cpu_compare.py. */
#include "qemu/osdep.h"

#include "target/i386/cpu-compare.h"

static const uint64_t nothing[FEATURE_WORDS];

static X86CPUDemand demand(X86Feature a, X86Feature b, X86Feature c)
{
    X86CPUDemand d = {{0}};
    const X86Feature list[] = {a, b, c};

    for (unsigned i = 0; i < ARRAY_SIZE(list); i++) {
        if (list[i] != X86_FEATURE_END) {
            x86_features_set(d.features, list[i], true);
        }
    }
    return d;
}

#define DEMAND1(a) demand(X86_FEATURE_##a, X86_FEATURE_END, X86_FEATURE_END)
#define DEMAND2(a, b) demand(X86_FEATURE_##a, X86_FEATURE_##b, X86_FEATURE_END)
#define DEMAND3(a, b, c) demand(X86_FEATURE_##a, X86_FEATURE_##b, X86_FEATURE_##c)

static X86CPUDemand random_demand(GRand *rand)
{
    X86CPUDemand d = {{0}};

    /* Few bits of few words, so that all four orders come up. */
    for (unsigned w = 0; w < FEATURE_WORDS; w += 15) {
        d.features[w] = g_rand_int(rand) & g_rand_int(rand) & 7;
    }
    d.lmce = g_rand_boolean(rand);
    d.avx10_version = (uint8_t)g_rand_int_range(rand, 0, 3);
    return d;
}

static void test_laws(void)
{
    static const X86CPUOrder mirror[] = {
        [X86_CPU_INCOMPATIBLE] = X86_CPU_INCOMPATIBLE,
        [X86_CPU_IDENTICAL] = X86_CPU_IDENTICAL,
        [X86_CPU_SUPERSET] = X86_CPU_SUBSET,
        [X86_CPU_SUBSET] = X86_CPU_SUPERSET,
    };
    GRand *rand = g_rand_new_with_seed(3);
    unsigned seen[4] = {0};

    for (int i = 0; i < 20000; i++) {
        X86CPUDemand a = random_demand(rand), b = random_demand(rand), common, again;
        X86CPUOrder order = x86_cpu_demand_order(&a, &b);

        seen[order]++;
        g_assert_cmpint(x86_cpu_demand_order(&a, &a), ==, X86_CPU_IDENTICAL);
        g_assert_cmpint(x86_cpu_demand_order(&b, &a), ==, mirror[order]);
        x86_cpu_demand_common(&a, &b, &common);
        g_assert_true(x86_cpu_demand_contains(&a, &common));
        g_assert_true(x86_cpu_demand_contains(&b, &common));
        x86_cpu_demand_common(&b, &a, &again);
        g_assert_cmpint(x86_cpu_demand_order(&common, &again), ==, X86_CPU_IDENTICAL);
        x86_cpu_demand_common(&common, &a, &again);
        g_assert_cmpint(x86_cpu_demand_order(&common, &again), ==, X86_CPU_IDENTICAL);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
        g_assert_cmpuint(seen[i], >, 0);
    }
    g_rand_free(rand);
}

static void test_scalars(void)
{
    X86CPUDemand plain = DEMAND1(MMX), lmce = DEMAND1(MMX), avx10 = DEMAND1(MMX);

    lmce.lmce = true;
    avx10.avx10_version = 2;
    g_assert_cmpint(x86_cpu_demand_order(&lmce, &plain), ==, X86_CPU_SUPERSET);
    g_assert_cmpint(x86_cpu_demand_order(&plain, &avx10), ==, X86_CPU_SUBSET);
    g_assert_cmpint(x86_cpu_demand_order(&lmce, &avx10), ==, X86_CPU_INCOMPATIBLE);
}

static void test_orphans(void)
{
    X86CPUDemand seoib = DEMAND1(X2APIC_SEOIB), both = DEMAND2(X2APIC, X2APIC_SEOIB);
    X86CPUDemand sgx_chain = DEMAND3(SGX, SGX1, SGXLC), no_sgx = DEMAND2(SGX1, SGXLC), common;

    x86_cpu_demand_common(&both, &both, &common);
    g_assert_true(x86_features_have(common.features, X86_FEATURE_X2APIC_SEOIB));
    x86_cpu_demand_common(&both, &seoib, &common);
    g_assert_false(x86_features_have(common.features, X86_FEATURE_X2APIC_SEOIB));
    x86_cpu_demand_common(&sgx_chain, &no_sgx, &common);
    g_assert_cmpmem(common.features, sizeof(common.features), nothing, sizeof(nothing));
}

static void test_differ(void)
{
    X86CPUDemand a = DEMAND3(MMX, SSE, AVX), b = DEMAND2(SSE, X2APIC_SEOIB);
    X86CPUDemand expected = DEMAND3(MMX, AVX, X2APIC_SEOIB);
    uint64_t words[FEATURE_WORDS];

    x86_cpu_demand_differ(&a, &b, words);
    g_assert_cmpmem(words, sizeof(words), expected.features, sizeof(expected.features));
}

static const char *best_of(const X86CPUCandidate *list, unsigned nr, const X86CPUDemand *d,
                           const uint64_t *optional, const X86CPUWish *wish)
{
    const X86CPUCandidate *best = x86_cpu_best_candidate(list, nr, d, optional, wish);
    static char text[32];

    g_snprintf(text, sizeof(text), "%s-v%d", best ? best->model : "none", best ? best->version : 0);
    return text;
}

static void test_candidates(void)
{
    const X86CPUCandidate list[] = {
        {"Old", "I", 1, DEMAND1(MMX)},
        {"New", "I", 1, DEMAND2(MMX, SSE)},
        {"New", "I", 2, DEMAND2(MMX, SSE)},
        {"Twin", "I", 3, DEMAND2(MMX, SSE)},
        {"Other", "A", 1, DEMAND3(MMX, SSE, AVX)},
        {"Huge", "I", 9, DEMAND3(MMX, SSE, X2APIC)},
    };
    const unsigned nr = ARRAY_SIZE(list);
    X86CPUDemand d = DEMAND3(MMX, SSE, AVX), little = DEMAND1(SSE);
    X86CPUDemand x2apic = DEMAND1(X2APIC);

    /* the closest, of any vendor */
    g_assert_cmpstr(best_of(list, nr, &d, nothing, &(X86CPUWish){0}), ==, "Other-v1");
    /* the vendor's, the newest of equals */
    g_assert_cmpstr(best_of(list, nr, &d, nothing, &(X86CPUWish){.vendor = "I"}), ==, "Twin-v3");
    /* the one asked about, or the newest of its versions */
    g_assert_cmpstr(best_of(list, nr, &d, nothing,
                            &(X86CPUWish){.vendor = "I", .model = {"New"}, .version = {1}}),
                    ==, "New-v1");
    g_assert_cmpstr(best_of(list, nr, &d, nothing,
                            &(X86CPUWish){.vendor = "I", .model[1] = "New", .version[1] = 9}),
                    ==, "New-v2");
    /* one that demands more does not fit, unless a property can take that away */
    g_assert_cmpstr(best_of(list, nr, &d, x2apic.features,
                            &(X86CPUWish){.vendor = "I", .model = {"Huge"}, .version = {9}}),
                    ==, "Huge-v9");
    g_assert_cmpstr(best_of(list, nr, &little, nothing, &(X86CPUWish){0}), ==, "none-v0");
    g_assert_cmpstr(best_of(list, 0, &d, nothing, &(X86CPUWish){0}), ==, "none-v0");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/compare/is_reflexive_antisymmetric_and_common_part_is_in_both",
                    test_laws);
    g_test_add_func("/cpu/compare/lmce_and_avx10_version_count", test_scalars);
    g_test_add_func("/cpu/compare/common_part_has_no_feature_without_what_it_needs", test_orphans);
    g_test_add_func("/cpu/compare/difference_is_what_only_one_has", test_differ);
    g_test_add_func("/cpu/baseline/prefers_vendor_then_closeness_then_inputs_then_newest",
                    test_candidates);
    return g_test_run();
}
