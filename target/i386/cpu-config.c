/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expansion, filtering and realization of a CPU configuration, in the order QEMU 10.2 does them.
 * Pure; messages go to the report of the context.
 */
#include "qemu/osdep.h"

#include "target/i386/cpu-internal.h"
#include "target/i386/cpuid.h"

/* AMD repeats these CPUID.1:EDX bits in 8000_0001:EDX. */
#define AMD_ALIAS_BITS 0x0183f3ffull
#define TCG_PHYS_BITS  40
#define MAX_PHYS_BITS  52

bool x86_config_is_intel(const X86CPUConfig *cfg)
{
    return !strcmp(cfg->vendor, CPUID_VENDOR_INTEL);
}

bool x86_config_is_amd(const X86CPUConfig *cfg)
{
    return !strcmp(cfg->vendor, CPUID_VENDOR_AMD);
}

bool x86_config_is_zhaoxin(const X86CPUConfig *cfg)
{
    return !strcmp(cfg->vendor, CPUID_VENDOR_CENTAUR) || !strcmp(cfg->vendor, CPUID_VENDOR_ZHAOXIN);
}

void x86_accel_info_init_tcg(X86AccelInfo *info)
{
    memset(info, 0, sizeof(*info));
    info->name = "TCG";
    info->kind = X86_ACCEL_TCG;
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        info->supported[w] = feature_word_flagged(w, FEATURE_TCG);
    }
}

const uint32_t *x86_cpuid_entry_find(const X86CPUIDEntry *entries, unsigned nr, uint32_t leaf,
                                     uint32_t subleaf)
{
    static const uint32_t none[4];

    for (unsigned i = 0; i < nr; i++) {
        if (entries[i].leaf == leaf && entries[i].subleaf == subleaf) {
            return entries[i].regs;
        }
    }
    return none;
}

static bool is_max(const X86CPUConfig *cfg)
{
    return cfg->kind == X86_CPU_MAX || cfg->kind == X86_CPU_HOST;
}

/* What the accelerator can give this CPU of word @w. */
static uint64_t supported_word(const X86CPUConfig *cfg, const X86CPUContext *ctx, FeatureWord w)
{
    uint64_t mask = ctx->accel->supported[w];

    switch (w) {
    case FEAT_KVM_X2APIC:
        return ctx->realize ? x86_seoib_supported(ctx->accel)
                            : x86_seoib_supported_by_host(ctx->accel);
    case FEAT_8000_0007_EBX: /* AMD's machine check architecture */
        return x86_config_is_amd(cfg) ? mask : 0;
    case FEAT_7_0_EDX:
        /* Windows on AMD does not expect the MSR that KVM makes up. */
        if (x86_config_is_amd(cfg) && !cfg->arch_cap_always_on) {
            mask &= ~x86_feature_mask(X86_FEATURE_ARCH_CAPABILITIES);
        }
        return mask;
    case FEAT_7_0_EBX: /* no enclave page cache: sgx-epc is not there */
        return mask & ~x86_feature_mask(X86_FEATURE_SGX);
    case FEAT_7_0_ECX:
        return mask & ~x86_feature_mask(X86_FEATURE_SGXLC);
    default:
        return mask;
    }
}

/* ---- Expansion ------------------------------------------------------------------------------- */

static bool apply_signed_features(X86CPUConfig *cfg, const X86CPUOption *opt, Error **errp)
{
    X86PropValue v = {.kind = X86_PROP_BOOL, .b = true};

    for (unsigned i = 0; opt && i < opt->plus->len; i++) {
        if (!x86_cpu_prop_set(cfg, opt->plus->pdata[i], opt->plus->pdata[i], &v, errp)) {
            return false;
        }
    }
    v.b = false;
    for (unsigned i = 0; opt && i < opt->minus->len; i++) {
        if (!x86_cpu_prop_set(cfg, opt->minus->pdata[i], opt->minus->pdata[i], &v, errp)) {
            return false;
        }
    }
    return true;
}

/* What the user and the model say about x2apic-seoib, before anything takes it away. */
static X86SeoibRequest seoib_request(const X86CPUConfig *cfg)
{
    bool user = x86_features_have(cfg->user_set, X86_FEATURE_X2APIC_SEOIB);
    bool model = x86_features_have(cfg->model_set, X86_FEATURE_X2APIC_SEOIB);

    if (!x86_has(cfg, X86_FEATURE_X2APIC_SEOIB)) {
        return user || model ? X86_SEOIB_OFF : X86_SEOIB_UNSET;
    }
    return user ? X86_SEOIB_ON_EXPLICIT : X86_SEOIB_ON_MODEL;
}

/* Bits max and host may turn on. */
static uint64_t autoenable_mask(const X86CPUConfig *cfg, FeatureWord w)
{
    uint64_t mask = ~0ull;

    if (cfg->migratable) {
        mask = feature_word_flagged(w, FEATURE_MIGRATABLE);
        if (w == FEAT_8000_0007_EDX && cfg->tsc_frequency) {
            mask |= x86_feature_mask(X86_FEATURE_INVTSC); /* the destination gets the same rate */
        }
    }
    mask &= ~feature_word_flagged(w, FEATURE_NO_AUTOENABLE);
    if (w == FEAT_KVM_X2APIC && !cfg->seoib_auto) {
        mask &= ~x86_feature_mask(X86_FEATURE_X2APIC_SEOIB);
    }
    return mask;
}

static void enable_max_features(X86CPUConfig *cfg, const X86CPUContext *ctx)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        cfg->features[w] |=
            supported_word(cfg, ctx, w) & autoenable_mask(cfg, w) & ~cfg->user_set[w];
    }
    if (cfg->seoib.request == X86_SEOIB_UNSET && x86_has(cfg, X86_FEATURE_X2APIC_SEOIB)) {
        cfg->seoib.request = X86_SEOIB_ON_AUTO;
    }
    if (x86_has(cfg, X86_FEATURE_AVX10) && !cfg->avx10_version) {
        cfg->avx10_version = x86_cpuid_entry_find(ctx->accel->kvm_cpuid, ctx->accel->nr_kvm_cpuid,
                                                  0x24, 0)[CPUID_EBX];
    }
}

/* Reports bits of a word, one line each, and books them as not to be had. */
static void mark_unavailable(X86CPUConfig *cfg, const X86CPUContext *ctx, FeatureWord w,
                             uint64_t mask, const char *prefix)
{
    char word[64];

    cfg->filtered[w] |= mask;
    if (!cfg->force_features) {
        cfg->features[w] &= ~mask;
    }
    if (!prefix || !mask) {
        return;
    }
    feature_word_format(w, word, sizeof(word));
    for (; mask; mask &= mask - 1) {
        unsigned bit = ctz64(mask);
        const char *name = x86_feature_name(w, bit);

        x86_report(ctx->report, X86_REPORT_WARNING, NULL, "%s: %s%s%s [bit %u]", prefix, word,
                   name ? "." : "", name ? name : "", bit);
    }
}

static void apply_dependencies(X86CPUConfig *cfg, const X86CPUContext *ctx)
{
    for (unsigned i = 0; i < x86_nr_feature_deps; i++) {
        const X86FeatureDep *d = &x86_feature_deps[i];
        uint64_t lost = cfg->features[d->word] & d->mask;
        /* A CPU that loses x2apic-seoib is told why in realize. */
        bool told_later = d->word == FEAT_KVM_X2APIC && ctx->realize;

        if (!lost || x86_has(cfg, d->requires[0]) || x86_has(cfg, d->requires[1]) ||
            x86_has(cfg, d->requires[2])) {
            continue;
        }
        mark_unavailable(cfg, ctx, d->word, lost & cfg->user_set[d->word],
                         told_later ? NULL
                                    : "This feature depends on other features that were not "
                                      "requested");
        cfg->features[d->word] &= ~lost;
    }
}

/* Whether the CPU has what XSAVE component @i belongs to. */
static bool has_component(const X86CPUConfig *cfg, unsigned i)
{
    const X86XSaveComponent *c = &x86_xsave_components[i];

    return c->size && (x86_has(cfg, c->feature) ||
                       (c->feature == X86_FEATURE_AVX512F && x86_has(cfg, X86_FEATURE_AVX10)));
}

static void compute_xsave_words(X86CPUConfig *cfg, const X86CPUContext *ctx)
{
    const uint64_t *can = ctx->accel->supported;
    uint64_t mask = 0;

    if (x86_has(cfg, X86_FEATURE_XSAVE)) {
        for (unsigned i = 0; i < XSAVE_COMPONENTS; i++) {
            mask |= has_component(cfg, i) ? 1ull << i : 0;
        }
    }
    cfg->features[FEAT_XSAVE_XCR0_LO] = mask & XSTATE_XCR0_MASK & can[FEAT_XSAVE_XCR0_LO];
    cfg->features[FEAT_XSAVE_XCR0_HI] = (mask & XSTATE_XCR0_MASK) >> 32 & can[FEAT_XSAVE_XCR0_HI];
    cfg->features[FEAT_XSAVE_XSS_LO] = mask & XSTATE_XSS_MASK & can[FEAT_XSAVE_XSS_LO];
    cfg->features[FEAT_XSAVE_XSS_HI] = 0;
}

static void raise_to(uint32_t *level, uint32_t leaf)
{
    *level = MAX(*level, leaf);
}

/* Words whose leaf must be within the CPU's levels when a bit is set. The first always counts. */
static const uint8_t level_words[] = {
    FEAT_7_0_EBX,       FEAT_1_EDX,         FEAT_1_ECX,         FEAT_6_EAX,
    FEAT_7_0_ECX,       FEAT_7_1_EAX,       FEAT_7_1_ECX,       FEAT_7_1_EDX,
    FEAT_7_2_EDX,       FEAT_8000_0001_EDX, FEAT_8000_0001_ECX, FEAT_8000_0007_EDX,
    FEAT_8000_0008_EBX, FEAT_C000_0001_EDX, FEAT_SVM,           FEAT_XSAVE,
};

static void raise_for_word(X86CPUConfig *cfg, FeatureWord w)
{
    const FeatureWordInfo *wi = &feature_word_info[w];

    if (!cfg->features[w]) {
        return;
    }
    if (wi->leaf < 0x80000000) {
        raise_to(&cfg->min_level, wi->leaf);
    } else if (wi->leaf < 0xc0000000) {
        raise_to(&cfg->min_xlevel, wi->leaf);
    } else {
        raise_to(&cfg->min_xlevel2, wi->leaf);
    }
    if (wi->leaf == 7) {
        raise_to(&cfg->min_level_func7, wi->subleaf);
    }
}

bool x86_config_has_leaf_1f(const X86CPUConfig *cfg, const X86CPUTopo *topo)
{
    return cfg->force_cpuid_0x1f || x86_topo_has_level(topo, X86_TOPO_DIE) ||
           x86_topo_has_level(topo, X86_TOPO_MODULE);
}

static void compute_levels(X86CPUConfig *cfg, const X86CPUTopo *topo)
{
    unsigned nr = cfg->full_cpuid_auto_level ? ARRAY_SIZE(level_words) : 1;

    for (unsigned i = 0; i < nr; i++) {
        raise_for_word(cfg, level_words[i]);
    }
    if (cfg->full_cpuid_auto_level) {
        if (x86_has(cfg, X86_FEATURE_INTEL_PT) && cfg->intel_pt_auto_level) {
            raise_to(&cfg->min_level, 0x14);
        }
        if (x86_config_has_leaf_1f(cfg, topo) &&
            (x86_config_is_intel(cfg) || !cfg->vendor_cpuid_only)) {
            raise_to(&cfg->min_level, 0x1f);
        }
        if (x86_has(cfg, X86_FEATURE_AVX10)) {
            raise_to(&cfg->min_level, 0x24);
        }
        if (x86_has(cfg, X86_FEATURE_SVM)) {
            raise_to(&cfg->min_xlevel, 0x8000000a);
        }
        if (x86_has(cfg, X86_FEATURE_SGX)) {
            raise_to(&cfg->min_level, 0x12);
        }
        if (cfg->features[FEAT_8000_0021_EAX]) {
            raise_to(&cfg->min_xlevel, 0x80000021);
        }
    }
    cfg->level_func7 = cfg->level_func7 == UINT32_MAX ? cfg->min_level_func7 : cfg->level_func7;
    cfg->level = cfg->level == UINT32_MAX ? cfg->min_level : cfg->level;
    cfg->xlevel = cfg->xlevel == UINT32_MAX ? cfg->min_xlevel : cfg->xlevel;
    cfg->xlevel2 = cfg->xlevel2 == UINT32_MAX ? cfg->min_xlevel2 : cfg->xlevel2;
}

bool x86_cpu_config_expand(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp)
{
    const X86CPUTopo *topo = ctx->topo && ctx->realize ? ctx->topo : &x86_topo_single;

    if (!apply_signed_features(cfg, ctx->option, errp)) {
        return false;
    }
    cfg->seoib.request = seoib_request(cfg);
    if (is_max(cfg)) {
        enable_max_features(cfg, ctx);
    }
    if (x86_topo_threads_per_pkg(topo) > 1) {
        x86_features_set(cfg->features, X86_FEATURE_HT, true);
        if (!x86_config_is_intel(cfg) && !x86_config_is_zhaoxin(cfg)) {
            x86_features_set(cfg->features, X86_FEATURE_CMP_LEGACY, true);
        }
    }
    if (!cfg->pmu && !cfg->pdcm_on_even_without_pmu) {
        x86_features_set(cfg->features, X86_FEATURE_PDCM, false);
    }
    apply_dependencies(cfg, ctx);
    if (ctx->accel->kind != X86_ACCEL_KVM || !cfg->kvm) {
        cfg->features[FEAT_KVM] = 0;
    }
    compute_xsave_words(cfg, ctx);
    compute_levels(cfg, topo);
    cfg->expanded = true;
    return true;
}

/* ---- Filtering ------------------------------------------------------------------------------- */

static const char *unsupported_prefix(const X86CPUContext *ctx)
{
    return ctx->accel->kind == X86_ACCEL_KVM ? "host doesn't support requested feature"
                                             : "TCG doesn't support requested feature";
}

static bool filter_avx10_version(X86CPUConfig *cfg, const X86CPUContext *ctx, const char *prefix)
{
    uint8_t can =
        x86_cpuid_entry_find(ctx->accel->kvm_cpuid, ctx->accel->nr_kvm_cpuid, 0x24, 0)[CPUID_EBX];

    if (!cfg->avx10_version) {
        return true;
    }
    if (!x86_has(cfg, X86_FEATURE_AVX10)) {
        if (prefix) {
            x86_report(ctx->report, X86_REPORT_WARNING, NULL, "%s: avx10.%u", prefix,
                       cfg->avx10_version);
        }
        return false;
    }
    if (cfg->avx10_version <= can) {
        return true;
    }
    if (prefix) {
        x86_report(ctx->report, X86_REPORT_WARNING, NULL, "%s: avx10.%u. Adjust to avx10.%u",
                   prefix, cfg->avx10_version, can);
    }
    cfg->avx10_version = can;
    return false;
}

/* Decides the SEOIB policy and says what it costs. False: the CPU cannot be made as asked, with
 * the text either told (enforce) or in *errp. */
static bool settle_seoib(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp)
{
    const char *hint, *text;

    cfg->seoib = x86_seoib_decide(cfg->seoib.request, x86_has(cfg, X86_FEATURE_X2APIC),
                                  cfg->enforce, ctx->accel);
    x86_features_set(cfg->features, X86_FEATURE_X2APIC_SEOIB, cfg->seoib.mode == SEOIB_RESPECTED);
    if (cfg->seoib.fatal && !cfg->enforce) {
        text = x86_seoib_text(cfg->seoib.text, &hint);
        error_setg(errp, "%s", text);
        if (hint) {
            error_append_hint(errp, "%s", hint);
        }
        return false;
    }
    if (cfg->seoib.text && (cfg->check || cfg->enforce)) {
        x86_report_seoib(ctx->report, cfg->seoib.text);
    }
    return true;
}

static bool have_filtered(const X86CPUConfig *cfg)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        if (cfg->filtered[w]) {
            return true;
        }
    }
    return false;
}

/* Nested virtualization that only a model's table asks for: KVM does not give it to models either
 * (kvm_defaults), so that a software CPU lacks it is no news. */
static uint64_t missed_silently(const X86CPUConfig *cfg, const X86CPUContext *ctx, FeatureWord w)
{
    if (ctx->accel->kind == X86_ACCEL_KVM || x86_features_have(cfg->user_set, X86_FEATURE_SVM) ||
        x86_features_have(ctx->accel->supported, X86_FEATURE_SVM)) {
        return 0;
    }
    return w == FEAT_SVM ? UINT64_MAX
           : w == X86_FEATURE_SVM / 64 ? x86_feature_mask(X86_FEATURE_SVM) : 0;
}

bool x86_cpu_config_filter(X86CPUConfig *cfg, const X86CPUContext *ctx)
{
    const char *prefix = cfg->check || cfg->enforce ? unsupported_prefix(ctx) : NULL;
    bool requested =
        cfg->seoib.request == X86_SEOIB_ON_MODEL || cfg->seoib.request == X86_SEOIB_ON_EXPLICIT;
    bool avx10_ok;

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        uint64_t missing = cfg->features[w] & ~supported_word(cfg, ctx, w);
        uint64_t silent = missing & missed_silently(cfg, ctx, w);

        mark_unavailable(cfg, ctx, w, silent, NULL);
        /* x2apic-seoib has a text of its own that names the cause. */
        mark_unavailable(cfg, ctx, w, missing & ~silent,
                         w == FEAT_KVM_X2APIC && ctx->realize ? NULL : prefix);
    }
    if (ctx->realize && !x86_has(cfg, X86_FEATURE_X2APIC)) {
        /* x2apic itself may have been filtered only now. */
        cfg->features[FEAT_KVM_X2APIC] = 0;
        if (requested) {
            cfg->filtered[FEAT_KVM_X2APIC] |= x86_feature_mask(X86_FEATURE_X2APIC_SEOIB);
        }
    }
    avx10_ok = filter_avx10_version(cfg, ctx, prefix);
    return !have_filtered(cfg) && avx10_ok;
}

/* ---- Realization ----------------------------------------------------------------------------- */

/* The identity of a max CPU whose accelerator has no host to copy. Its features are not expanded
 * yet, so lm counts only when the user set it: QEMU's slip, visible to guests, kept. */
static void set_default_identity(X86CPUConfig *cfg)
{
    bool lm = x86_has(cfg, X86_FEATURE_LM);

    if (is_max(cfg) && !cfg->family) {
        cfg->family = lm ? 15 : 6;
        cfg->model = lm ? 107 : 6;
        cfg->stepping = lm ? 1 : 3;
    }
}

static bool settle_phys_bits(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp)
{
    unsigned host = ctx->accel->kind == X86_ACCEL_KVM ? ctx->accel->phys_bits : 0;

    if (!x86_has(cfg, X86_FEATURE_LM)) {
        if (cfg->phys_bits) {
            error_setg(errp, "phys-bits is not user-configurable in 32 bit");
            return false;
        }
        cfg->phys_bits = x86_has(cfg, X86_FEATURE_PSE36) || x86_has(cfg, X86_FEATURE_PAE) ? 36 : 32;
        cfg->guest_phys_bits = 0;
        return true;
    }
    if (host && cfg->phys_bits && cfg->phys_bits != host) {
        x86_report(ctx->report, X86_REPORT_WARNING, NULL,
                   "Host physical bits (%u) does not match phys-bits property (%u)", host,
                   cfg->phys_bits);
    }
    if (host && cfg->host_phys_bits) {
        cfg->phys_bits = host;
        if (cfg->host_phys_bits_limit) {
            cfg->phys_bits = MIN(cfg->phys_bits, cfg->host_phys_bits_limit);
        }
    }
    if (cfg->phys_bits && cfg->phys_bits < 32) {
        error_setg(errp, "phys-bits should be at least 32 (but is %u)", cfg->phys_bits);
        return false;
    }
    if (cfg->phys_bits > MAX_PHYS_BITS) {
        error_setg(errp, "phys-bits should be between 32 and %u (but is %u)", MAX_PHYS_BITS,
                   cfg->phys_bits);
        return false;
    }
    cfg->phys_bits = cfg->phys_bits ? cfg->phys_bits : TCG_PHYS_BITS;
    if (ctx->accel->guest_phys_bits) {
        cfg->guest_phys_bits = MIN(cfg->guest_phys_bits, ctx->accel->guest_phys_bits);
        if (cfg->host_phys_bits && cfg->host_phys_bits_limit) {
            cfg->guest_phys_bits = MIN(cfg->guest_phys_bits, cfg->host_phys_bits_limit);
        }
    }
    if (cfg->guest_phys_bits == UINT32_MAX) {
        cfg->guest_phys_bits = 0;
    }
    return true;
}

static bool settle_caches(X86CPUConfig *cfg, Error **errp)
{
    if (!cfg->legacy_cache) {
        if (!cfg->caches) {
            error_setg(errp, "CPU model '%s' doesn't support legacy-cache=off", cfg->name);
            return false;
        }
        cfg->cache_cpuid2 = cfg->cache_cpuid4 = cfg->cache_amd = cfg->caches;
        return true;
    }
    cfg->cache_cpuid2 = &x86_caches_legacy_intel_cpuid2;
    cfg->cache_cpuid4 = &x86_caches_legacy_intel;
    cfg->cache_amd = &x86_caches_legacy_amd;
    if (cfg->consistent_cache) {
        cfg->cache_cpuid2 = &x86_caches_legacy_intel;
        if (x86_config_is_intel(cfg) || x86_config_is_zhaoxin(cfg)) {
            cfg->cache_amd = &x86_caches_legacy_intel;
        }
    }
    return true;
}

static void settle_identity(X86CPUConfig *cfg, const X86CPUContext *ctx)
{
    if (x86_config_is_amd(cfg)) {
        cfg->features[FEAT_8000_0001_EDX] = (cfg->features[FEAT_8000_0001_EDX] & ~AMD_ALIAS_BITS) |
                                            (cfg->features[FEAT_1_EDX] & AMD_ALIAS_BITS);
    }
    if (!cfg->ucode_rev) {
        cfg->ucode_rev = x86_config_is_amd(cfg) ? 0x01000065 : 0x100000000ull;
    }
    if (strlen(cfg->hv_vendor_id) > 12) {
        x86_report(ctx->report, X86_REPORT_WARNING, NULL,
                   "hv-vendor-id truncated to 12 characters");
        cfg->hv_vendor_id[12] = 0;
    }
}

/* Without topoext an AMD CPU cannot tell its threads from cores. */
static void warn_about_threads(const X86CPUConfig *cfg, const X86CPUContext *ctx)
{
    unsigned threads = ctx->topo ? ctx->topo->threads_per_core : 1;

    if (threads < 2 || !x86_config_is_amd(cfg) || x86_has(cfg, X86_FEATURE_TOPOEXT) ||
        (ctx->report && ctx->report->said & X86_SAID_NO_THREADS)) {
        return;
    }
    if (ctx->report) {
        ctx->report->said |= X86_SAID_NO_THREADS;
    }
    x86_report(ctx->report, X86_REPORT_WARNING,
               "Please configure -smp options properly or try enabling topoext feature.\n",
               "This family of AMD CPU doesn't support hyperthreading(%u)", threads);
}

bool x86_cpu_config_realize(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp)
{
    bool complete;

    if (cfg->kind == X86_CPU_HOST && ctx->accel->kind != X86_ACCEL_KVM) {
        error_setg(errp, "CPU model 'host' requires KVM or HVF");
        return false;
    }
    set_default_identity(cfg);
    if (!x86_cpu_config_expand(cfg, ctx, errp)) {
        return false;
    }
    complete = x86_cpu_config_filter(cfg, ctx);
    if (!settle_seoib(cfg, ctx, errp)) {
        return false;
    }
    if (cfg->enforce && (!complete || cfg->seoib.fatal)) {
        error_setg(errp, "%s doesn't support requested features",
                   ctx->accel->kind == X86_ACCEL_KVM ? "Host" : "TCG");
        return false;
    }
    if (!settle_phys_bits(cfg, ctx, errp) || !settle_caches(cfg, errp)) {
        return false;
    }
    settle_identity(cfg, ctx);
    warn_about_threads(cfg, ctx);
    cfg->accel = *ctx->accel;
    cfg->realized = true;
    return true;
}
