/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order, intersection and best description of CPU feature sets. Pure. */
#include "qemu/osdep.h"
#include "target/i386/cpu-compare.h"

void x86_cpu_demand_of(const X86CPUConfig *cfg, X86CPUDemand *d)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        d->features[w] = cfg->features[w] & feature_word_named(w);
    }
    d->lmce = cfg->lmce;
    d->avx10_version = cfg->avx10_version;
}

bool x86_cpu_demand_contains(const X86CPUDemand *outer, const X86CPUDemand *inner)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        if (inner->features[w] & ~outer->features[w]) {
            return false;
        }
    }
    return outer->lmce >= inner->lmce && outer->avx10_version >= inner->avx10_version;
}

X86CPUOrder x86_cpu_demand_order(const X86CPUDemand *a, const X86CPUDemand *b)
{
    bool a_in_b = x86_cpu_demand_contains(b, a), b_in_a = x86_cpu_demand_contains(a, b);

    if (a_in_b) {
        return b_in_a ? X86_CPU_IDENTICAL : X86_CPU_SUBSET;
    }
    return b_in_a ? X86_CPU_SUPERSET : X86_CPU_INCOMPATIBLE;
}

/* Takes away what lacks its dependencies, and then what depended on that. */
static void drop_orphans(uint64_t words[FEATURE_WORDS])
{
    bool changed = true;

    while (changed) { /* each round takes at least one bit */
        changed = false;
        for (unsigned i = 0; i < x86_nr_feature_deps; i++) {
            const X86FeatureDep *d = &x86_feature_deps[i];

            if ((words[d->word] & d->mask) && !x86_features_have(words, d->requires[0]) &&
                !x86_features_have(words, d->requires[1]) &&
                !x86_features_have(words, d->requires[2])) {
                words[d->word] &= ~d->mask;
                changed = true;
            }
        }
    }
}

void x86_cpu_demand_common(const X86CPUDemand *a, const X86CPUDemand *b, X86CPUDemand *common)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        common->features[w] = a->features[w] & b->features[w];
    }
    common->lmce = a->lmce && b->lmce;
    common->avx10_version = MIN(a->avx10_version, b->avx10_version);
    drop_orphans(common->features);
}

void x86_cpu_demand_differ(const X86CPUDemand *a, const X86CPUDemand *b,
                           uint64_t words[FEATURE_WORDS])
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        words[w] = a->features[w] ^ b->features[w];
    }
}

/* --- Candidates ------------------------------------------------------------------------------- */

static bool fits(const X86CPUCandidate *c, const X86CPUDemand *d,
                 const uint64_t optional[FEATURE_WORDS])
{
    X86CPUDemand needed = c->demand;

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        needed.features[w] &= ~optional[w];
    }
    return x86_cpu_demand_contains(d, &needed);
}

/* Features of the candidate that count. */
static unsigned weight(const X86CPUCandidate *c, const X86CPUDemand *d)
{
    unsigned n = 0;

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        n += (unsigned)__builtin_popcountll(c->demand.features[w] & d->features[w]);
    }
    return n;
}

/* 2: what was asked about, 1: another version of it. */
static unsigned wished(const X86CPUCandidate *c, const X86CPUWish *wish)
{
    unsigned best = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(wish->model); i++) {
        if (wish->model[i] && !strcmp(c->model, wish->model[i])) {
            best = MAX(best, c->version == wish->version[i] ? 2 : 1);
        }
    }
    return best;
}

/* Whether @a describes @d better than @b. Both fit. */
static bool is_better(const X86CPUCandidate *a, const X86CPUCandidate *b, const X86CPUDemand *d,
                      const X86CPUWish *wish)
{
    bool vendor_a = wish->vendor && !strcmp(a->vendor, wish->vendor);
    bool vendor_b = wish->vendor && !strcmp(b->vendor, wish->vendor);
    unsigned weight_a = weight(a, d), weight_b = weight(b, d);

    if (vendor_a != vendor_b) {
        return vendor_a;
    }
    if (weight_a != weight_b) {
        return weight_a > weight_b;
    }
    if (wished(a, wish) != wished(b, wish)) {
        return wished(a, wish) > wished(b, wish);
    }
    if (a->version != b->version) {
        return a->version > b->version;
    }
    return strcmp(a->model, b->model) < 0;
}

const X86CPUCandidate *x86_cpu_best_candidate(const X86CPUCandidate *candidates, unsigned nr,
                                              const X86CPUDemand *d,
                                              const uint64_t optional[FEATURE_WORDS],
                                              const X86CPUWish *wish)
{
    const X86CPUCandidate *best = NULL;

    for (unsigned i = 0; i < nr; i++) {
        if (fits(&candidates[i], d, optional) &&
            (!best || is_better(&candidates[i], best, d, wish))) {
            best = &candidates[i];
        }
    }
    return best;
}
