/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID as a pure function: a table of leaves and the function that answers each. Leaves about
 * caches are in cpuid-cache.c, those of the hypervisor in cpuid-hv.c.
 */
#include "qemu/osdep.h"

#include "target/i386/cpuid-internal.h"

enum {
    LEVEL_SMT = 1, /* level types of leaves 0Bh and 1Fh */
    LEVEL_CORE = 2,
    LEVEL_MODULE = 3,
    LEVEL_DIE = 5,
    MAX_SUBLEAVES = 64, /* where enumeration gives up */
};

X86CPUIDEnv x86_cpuid_env_reset(uint32_t apic_id)
{
    return (X86CPUIDEnv){
        .apic_id = apic_id,
        .apic_enabled = true,
        .long_mode = true,
        .xcr0 = 1,
    };
}

void cpuid_put_string(const char *s, uint32_t *a, uint32_t *b, uint32_t *c)
{
    char text[12] = "";

    memcpy(text, s, strnlen(s, sizeof(text)));
    memcpy(a, text, 4);
    memcpy(b, text + 4, 4);
    memcpy(c, text + 8, 4);
}

static void pass(CPUIDQuery *q, const X86CPUIDEntry *entries, unsigned nr)
{
    const uint32_t *r = x86_cpuid_entry_find(entries, nr, q->leaf, q->subleaf);

    *q->eax = r[CPUID_EAX];
    *q->ebx = r[CPUID_EBX];
    *q->ecx = r[CPUID_ECX];
    *q->edx = r[CPUID_EDX];
}

void cpuid_pass_kvm(CPUIDQuery *q)
{
    pass(q, q->cfg->accel.kvm_cpuid, q->cfg->accel.nr_kvm_cpuid);
}

void cpuid_pass_host(CPUIDQuery *q)
{
    pass(q, q->cfg->accel.host_cpuid, q->cfg->accel.nr_host_cpuid);
}

/* ---- XSAVE ----------------------------------------------------------------------------------- */

uint64_t x86_cpu_xcr0_allowed(const X86CPUConfig *cfg)
{
    return cfg->features[FEAT_XSAVE_XCR0_HI] << 32 | cfg->features[FEAT_XSAVE_XCR0_LO];
}

uint64_t x86_cpu_xss_allowed(const X86CPUConfig *cfg)
{
    return cfg->features[FEAT_XSAVE_XSS_HI] << 32 | cfg->features[FEAT_XSAVE_XSS_LO];
}

/* Size, offset and flags of component @i: the host's under KVM, whose XSAVE area we pass on. */
static X86XSaveComponent component(const X86CPUConfig *cfg, unsigned i)
{
    X86XSaveComponent c = x86_xsave_components[i];
    const uint32_t *r;

    if (i >= 2 && cfg && cfg->accel.nr_kvm_cpuid) {
        r = x86_cpuid_entry_find(cfg->accel.kvm_cpuid, cfg->accel.nr_kvm_cpuid, 0xd, i);
        if (r[CPUID_EAX]) {
            c.size = r[CPUID_EAX];
            c.offset = r[CPUID_EBX];
            c.flags = r[CPUID_ECX] & 7;
        }
    }
    return c;
}

static uint32_t area_size(const X86CPUConfig *cfg, uint64_t xstate, bool compacted)
{
    uint32_t size = 512 + 64; /* legacy region and header */

    for (unsigned i = 2; i < XSAVE_COMPONENTS; i++) {
        X86XSaveComponent c = component(cfg, i);

        if (!(xstate >> i & 1)) {
            continue;
        }
        if (compacted) {
            size = (c.flags & 2 ? ROUND_UP(size, 64) : size) + c.size;
        } else {
            size = MAX(size, c.offset + c.size);
        }
    }
    return size;
}

uint32_t x86_xsave_area_size(const X86CPUConfig *cfg, uint64_t xstate, bool compacted)
{
    return area_size(cfg, xstate, compacted);
}

static void leaf_d(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;
    uint64_t xcr0 = x86_cpu_xcr0_allowed(cfg), xss = x86_cpu_xss_allowed(cfg);
    X86XSaveComponent c;

    if (!x86_has(cfg, X86_FEATURE_XSAVE)) {
        return;
    }
    if (q->subleaf == 0) {
        *q->eax = (uint32_t)xcr0;
        *q->ebx = area_size(cfg, q->env->xcr0, false);
        *q->ecx = area_size(cfg, xcr0, false);
        *q->edx = xcr0 >> 32;
    } else if (q->subleaf == 1) {
        *q->eax = cfg->features[FEAT_XSAVE];
        *q->ebx = area_size(cfg, xcr0 | xss, true);
        *q->ecx = (uint32_t)xss;
        *q->edx = xss >> 32;
    } else if (q->subleaf < XSAVE_COMPONENTS) {
        c = component(cfg, q->subleaf);
        if (xcr0 >> q->subleaf & 1) {
            *q->eax = c.size;
            *q->ebx = c.offset;
            *q->ecx = c.flags & 6;
        } else if (xss >> q->subleaf & 1) {
            *q->eax = c.size;
            *q->ecx = 1;
        }
    }
}

/* ---- Basic leaves ---------------------------------------------------------------------------- */

/* Family, model and stepping as CPUID packs them. */
static uint32_t signature_word(const X86CPUConfig *cfg)
{
    uint32_t family = cfg->family > 0xf ? 0xf00 | (cfg->family - 0xf) << 20 : cfg->family << 8;

    return family | (cfg->model >> 4) << 16 | (cfg->model & 0xf) << 4 | cfg->stepping;
}

static void leaf_0(CPUIDQuery *q)
{
    *q->eax = q->cfg->level;
    cpuid_put_string(q->cfg->vendor, q->ebx, q->edx, q->ecx);
}

static void leaf_1(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;
    uint32_t threads = x86_topo_threads_per_pkg(q->topo);

    *q->eax = signature_word(cfg);
    *q->ebx = q->env->apic_id << 24 | 8 << 8; /* CLFLUSH line: 64 bytes */
    if (threads > 1) {
        /* Intel counts addressable ids, AMD processors. */
        threads =
            cpuid_intel_rules(cfg) ? 1u << x86_topo_offset(q->topo, X86_TOPO_SOCKET) : threads;
        *q->ebx |= MIN(threads, 255) << 16;
    }
    *q->ecx = cfg->features[FEAT_1_ECX];
    *q->edx = cfg->features[FEAT_1_EDX];
    if (x86_has(cfg, X86_FEATURE_XSAVE) && q->env->osxsave) {
        *q->ecx |= BIT(27);
    }
    if (!cfg->pmu) {
        *q->ecx &= ~x86_feature_mask(X86_FEATURE_PDCM);
    }
    if (!q->env->apic_enabled) {
        *q->edx &= ~x86_feature_mask(X86_FEATURE_APIC);
    }
}

static void leaf_5(CPUIDQuery *q)
{
    *q->ecx = 3; /* MWAIT extensions, interrupts as break events */
}

static void leaf_6(CPUIDQuery *q)
{
    *q->eax = q->cfg->features[FEAT_6_EAX];
}

static void leaf_7(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;

    switch (q->subleaf) {
    case 0:
        *q->eax = cfg->level_func7;
        *q->ebx = cfg->features[FEAT_7_0_EBX];
        *q->ecx = cfg->features[FEAT_7_0_ECX];
        *q->edx = cfg->features[FEAT_7_0_EDX];
        if (x86_has(cfg, X86_FEATURE_PKU) && q->env->ospke) {
            *q->ecx |= BIT(4);
        }
        break;
    case 1:
        *q->eax = cfg->features[FEAT_7_1_EAX];
        *q->ecx = cfg->features[FEAT_7_1_ECX];
        *q->edx = cfg->features[FEAT_7_1_EDX];
        break;
    case 2:
        *q->edx = cfg->features[FEAT_7_2_EDX];
        break;
    }
}

static void leaf_a(CPUIDQuery *q)
{
    if (q->cfg->pmu) {
        cpuid_pass_kvm(q);
    }
}

/* One level of leaf 0Bh or 1Fh: how many processors and id bits are below the next level. */
static void topology_level(CPUIDQuery *q, unsigned type, X86TopoLevel next)
{
    *q->ecx = (q->subleaf & 0xff) | type << 8;
    *q->edx = q->env->apic_id;
    if (type) {
        *q->eax = x86_topo_offset(q->topo, next);
        *q->ebx = x86_topo_threads_at(q->topo, next) & 0xffff;
    }
}

static void leaf_b(CPUIDQuery *q)
{
    if (!q->cfg->cpuid_0xb) {
        return;
    }
    switch (q->subleaf) {
    case 0:
        topology_level(q, LEVEL_SMT, X86_TOPO_CORE);
        break;
    case 1:
        topology_level(q, LEVEL_CORE, X86_TOPO_SOCKET);
        break;
    default:
        topology_level(q, 0, X86_TOPO_SOCKET);
        break;
    }
}

static void leaf_1f(CPUIDQuery *q)
{
    struct {
        unsigned type;
        X86TopoLevel level;
    } levels[5] = {{LEVEL_SMT, X86_TOPO_THREAD}, {LEVEL_CORE, X86_TOPO_CORE}};
    unsigned nr = 2;

    if (!x86_config_has_leaf_1f(q->cfg, q->topo)) {
        return;
    }
    if (x86_topo_has_level(q->topo, X86_TOPO_MODULE)) {
        levels[nr].type = LEVEL_MODULE;
        levels[nr++].level = X86_TOPO_MODULE;
    }
    if (x86_topo_has_level(q->topo, X86_TOPO_DIE)) {
        levels[nr].type = LEVEL_DIE;
        levels[nr++].level = X86_TOPO_DIE;
    }
    levels[nr].level = X86_TOPO_SOCKET;
    if (q->subleaf < nr) {
        topology_level(q, levels[q->subleaf].type, levels[q->subleaf + 1].level);
    } else {
        topology_level(q, 0, X86_TOPO_SOCKET);
    }
}

/* Processor trace: the subset every generation since Ice Lake has (SDM vol 3 33.3.1). */
static void leaf_14(CPUIDQuery *q)
{
    if (!x86_has(q->cfg, X86_FEATURE_INTEL_PT) || q->cfg->accel_kind != X86_ACCEL_KVM) {
        return;
    }
    if (q->subleaf == 0) {
        *q->eax = 1;
        *q->ebx = 0xf;
        *q->ecx = 0x7 | q->cfg->features[FEAT_14_0_ECX];
    } else if (q->subleaf == 1) {
        *q->eax = 2 | 0x0249 << 16;      /* address ranges; MTC periods */
        *q->ebx = 0x1fff | 0x003f << 16; /* cycle thresholds; PSB frequencies */
    }
}

static void leaf_1c(CPUIDQuery *q)
{
    if (q->cfg->pmu && x86_has(q->cfg, X86_FEATURE_ARCH_LBR)) {
        cpuid_pass_kvm(q);
        *q->edx = 0;
    }
}

/* AMX: palette 1, eight tiles of 16 rows of 64 bytes. */
static void leaf_1d(CPUIDQuery *q)
{
    if (!x86_has(q->cfg, X86_FEATURE_AMX_TILE)) {
        return;
    }
    if (q->subleaf == 0) {
        *q->eax = 1;
    } else if (q->subleaf == 1) {
        *q->eax = 8192 | 1024 << 16;
        *q->ebx = 64 | 8 << 16;
        *q->ecx = 16;
    }
}

static void leaf_1e(CPUIDQuery *q)
{
    if (x86_has(q->cfg, X86_FEATURE_AMX_TILE) && q->subleaf == 0) {
        *q->ebx = 16 | 64 << 8;
    }
}

static void leaf_24(CPUIDQuery *q)
{
    if (x86_has(q->cfg, X86_FEATURE_AVX10) && q->subleaf == 0) {
        *q->ebx = q->cfg->features[FEAT_24_0_EBX] | q->cfg->avx10_version;
    }
}

/* ---- Extended leaves ------------------------------------------------------------------------- */

static void leaf_80000000(CPUIDQuery *q)
{
    *q->eax = q->cfg->xlevel;
    if (!cpuid_intel_rules(q->cfg)) {
        cpuid_put_string(q->cfg->vendor, q->ebx, q->edx, q->ecx);
    }
}

static void leaf_80000001(CPUIDQuery *q)
{
    *q->eax = signature_word(q->cfg);
    *q->ecx = q->cfg->features[FEAT_8000_0001_ECX];
    *q->edx = q->cfg->features[FEAT_8000_0001_EDX];
    if (q->cfg->accel_kind == X86_ACCEL_TCG && x86_config_is_intel(q->cfg) && !q->env->long_mode) {
        *q->edx &= ~x86_feature_mask(X86_FEATURE_SYSCALL);
    }
}

static void leaf_model_id(CPUIDQuery *q)
{
    char text[48] = "";

    memcpy(text, q->cfg->model_id, strnlen(q->cfg->model_id, sizeof(text)));
    memcpy(q->eax, text + (q->leaf - 0x80000002) * 16, 4);
    memcpy(q->ebx, text + (q->leaf - 0x80000002) * 16 + 4, 4);
    memcpy(q->ecx, text + (q->leaf - 0x80000002) * 16 + 8, 4);
    memcpy(q->edx, text + (q->leaf - 0x80000002) * 16 + 12, 4);
}

static void leaf_80000007(CPUIDQuery *q)
{
    *q->ebx = q->cfg->features[FEAT_8000_0007_EBX];
    *q->edx = q->cfg->features[FEAT_8000_0007_EDX];
}

static void leaf_80000008(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;
    unsigned threads = x86_topo_threads_per_pkg(q->topo);

    *q->eax = cfg->phys_bits;
    if (x86_has(cfg, X86_FEATURE_LM)) {
        *q->eax |= (x86_has(cfg, X86_FEATURE_LA57) ? 57 : 48) << 8 | cfg->guest_phys_bits << 16;
    }
    *q->ebx = cfg->features[FEAT_8000_0008_EBX];
    if (threads > 1 && !cpuid_intel_rules(cfg)) {
        *q->ecx = x86_topo_offset(q->topo, X86_TOPO_SOCKET) << 12 | (threads - 1);
    }
}

static void leaf_8000000a(CPUIDQuery *q)
{
    if (x86_has(q->cfg, X86_FEATURE_SVM)) {
        *q->eax = 1;    /* revision */
        *q->ebx = 0x10; /* ASIDs */
        *q->edx = q->cfg->features[FEAT_SVM];
    }
}

static void leaf_8000001e(CPUIDQuery *q)
{
    X86CPUTopoIDs ids = x86_topo_ids_from_apicid(q->topo, q->env->apic_id);
    unsigned node_shift = x86_topo_offset(q->topo, X86_TOPO_SOCKET);

    if (ids.core > 255) {
        return;
    }
    *q->eax = q->env->apic_id;
    *q->ebx = (q->topo->threads_per_core - 1) << 8 | ids.core;
    if (q->cfg->legacy_multi_node) {
        node_shift = x86_topo_offset(q->topo, X86_TOPO_DIE);
        *q->ecx = (q->topo->dies_per_pkg - 1) << 8;
    }
    *q->ecx |= q->env->apic_id >> node_shift & 0xff;
}

static void leaf_80000021(CPUIDQuery *q)
{
    *q->eax = q->cfg->features[FEAT_8000_0021_EAX];
    *q->ebx = q->cfg->features[FEAT_8000_0021_EBX];
    *q->ecx = q->cfg->features[FEAT_8000_0021_ECX];
}

static void leaf_80000022(CPUIDQuery *q)
{
    if (q->cfg->pmu && x86_has(q->cfg, X86_FEATURE_PERFMON_V2)) {
        cpuid_pass_kvm(q);
        *q->eax = q->cfg->features[FEAT_8000_0022_EAX];
        *q->ebx &= 0xf;
        *q->ecx = *q->edx = 0;
    }
}

static void leaf_c0000000(CPUIDQuery *q)
{
    *q->eax = q->cfg->xlevel2;
}

static void leaf_c0000001(CPUIDQuery *q)
{
    *q->eax = signature_word(q->cfg);
    *q->edx = q->cfg->features[FEAT_C000_0001_EDX];
}

/* ---- The table ------------------------------------------------------------------------------- */

/* How many subleaves a leaf has, for x86_cpuid_foreach(). */
typedef enum SubleafRule {
    ONE,
    UNTIL_TYPE_0,    /* up to and without a cache of type 0 */
    UNTIL_LEVEL_0,   /* up to a topology level of type 0 */
    COUNT_IN_EAX,    /* subleaf 0 EAX is the highest */
    XSAVE_SUBLEAVES, /* every component, empty ones left out */
} SubleafRule;

/* Leaves without a row answer zero. */
/* clang-format off */
static const struct CPUIDLeaf {
    uint32_t leaf;
    SubleafRule subleaves;
    void (*answer)(CPUIDQuery *q);
} cpuid_leaves[] = {
    { 0x00, ONE, leaf_0 },
    { 0x01, ONE, leaf_1 },
    { 0x02, ONE, cpuid_leaf_2 },
    { 0x04, UNTIL_TYPE_0, cpuid_leaf_4 },
    { 0x05, ONE, leaf_5 },
    { 0x06, ONE, leaf_6 },
    { 0x07, COUNT_IN_EAX, leaf_7 },
    { 0x0a, ONE, leaf_a },
    { 0x0b, UNTIL_LEVEL_0, leaf_b },
    { 0x0d, XSAVE_SUBLEAVES, leaf_d },
    { 0x14, COUNT_IN_EAX, leaf_14 },
    { 0x1c, ONE, leaf_1c },
    { 0x1d, COUNT_IN_EAX, leaf_1d },
    { 0x1e, COUNT_IN_EAX, leaf_1e },
    { 0x1f, UNTIL_LEVEL_0, leaf_1f },
    { 0x24, COUNT_IN_EAX, leaf_24 },
    { 0x80000000, ONE, leaf_80000000 },
    { 0x80000001, ONE, leaf_80000001 },
    { 0x80000002, ONE, leaf_model_id },
    { 0x80000003, ONE, leaf_model_id },
    { 0x80000004, ONE, leaf_model_id },
    { 0x80000005, ONE, cpuid_leaf_80000005 },
    { 0x80000006, ONE, cpuid_leaf_80000006 },
    { 0x80000007, ONE, leaf_80000007 },
    { 0x80000008, ONE, leaf_80000008 },
    { 0x8000000a, ONE, leaf_8000000a },
    { 0x8000001d, UNTIL_TYPE_0, cpuid_leaf_8000001d },
    { 0x8000001e, ONE, leaf_8000001e },
    { 0x80000021, ONE, leaf_80000021 },
    { 0x80000022, ONE, leaf_80000022 },
    { 0xc0000000, ONE, leaf_c0000000 },
    { 0xc0000001, ONE, leaf_c0000001 },
};
/* clang-format on */

static const struct CPUIDLeaf *find_leaf(uint32_t leaf)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cpuid_leaves); i++) {
        if (cpuid_leaves[i].leaf == leaf) {
            return &cpuid_leaves[i];
        }
    }
    return NULL;
}

/* The highest leaf of the range @leaf is in. */
static uint32_t range_limit(const X86CPUConfig *cfg, uint32_t leaf)
{
    if (leaf >= 0xc0000000) {
        return cfg->xlevel2;
    }
    if (leaf >= 0x80000000) {
        return cfg->xlevel;
    }
    if (leaf >= 0x40000100) {
        return cpuid_hypervisor_limit(cfg, 0x40000100);
    }
    return leaf >= 0x40000000 ? MAX(cpuid_hypervisor_limit(cfg, 0x40000000), 0x40000001)
                              : cfg->level;
}

void x86_cpuid(const X86CPUConfig *cfg, const X86CPUTopo *topo, const X86CPUIDEnv *env,
               uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    CPUIDQuery q = {cfg, topo, env, leaf, subleaf, &out[0], &out[1], &out[2], &out[3]};
    const struct CPUIDLeaf *row;

    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf > range_limit(cfg, leaf)) {
        q.leaf = cfg->level;
    }
    if (q.leaf >= 0x40000000 && q.leaf < 0x80000000) {
        cpuid_hypervisor_leaf(&q);
        return;
    }
    row = find_leaf(q.leaf);
    if (row) {
        row->answer(&q);
    }
}

/* ---- Enumeration ----------------------------------------------------------------------------- */

typedef struct CPUIDWalk {
    const X86CPUConfig *cfg;
    const X86CPUTopo *topo;
    const X86CPUIDEnv *env;
    X86CPUIDEntryFn fn;
    void *opaque;
} CPUIDWalk;

static bool is_zero(const uint32_t r[4])
{
    return !(r[0] | r[1] | r[2] | r[3]);
}

/* Whether the walk of a leaf ends before (-1) or after (1) the answer @r, or goes on (0). */
static int subleaf_end(SubleafRule rule, uint32_t subleaf, const uint32_t r[4], uint32_t highest)
{
    switch (rule) {
    case UNTIL_TYPE_0:
        return r[CPUID_EAX] & 0x1f ? 0 : -1;
    case UNTIL_LEVEL_0:
        return r[CPUID_ECX] & 0xff00 ? 0 : 1;
    case COUNT_IN_EAX:
        return subleaf >= highest;
    case XSAVE_SUBLEAVES:
        return subleaf >= XSAVE_COMPONENTS - 1;
    default:
        return 1;
    }
}

static void walk_leaf(const CPUIDWalk *w, uint32_t leaf)
{
    const struct CPUIDLeaf *row = find_leaf(leaf);
    SubleafRule rule = row ? row->subleaves : ONE;
    uint32_t r[4], highest = 0;

    if (!row && leaf < 0x40000000) {
        return;
    }
    for (uint32_t subleaf = 0; subleaf < MAX_SUBLEAVES; subleaf++) {
        int end;

        x86_cpuid(w->cfg, w->topo, w->env, leaf, subleaf, r);
        highest = subleaf == 0 ? r[CPUID_EAX] : highest;
        end = subleaf_end(rule, subleaf, r, highest);
        if (end < 0) {
            break;
        }
        if (!is_zero(r) || (rule != ONE && rule != XSAVE_SUBLEAVES && subleaf)) {
            w->fn(w->opaque, leaf, subleaf, rule != ONE, r);
        }
        if (end) {
            break;
        }
    }
}

static void walk_range(const CPUIDWalk *w, uint32_t first, uint32_t last)
{
    for (uint32_t leaf = first; leaf >= first && leaf <= last && leaf < first + 0x1000; leaf++) {
        walk_leaf(w, leaf);
    }
}

void x86_cpuid_foreach(const X86CPUConfig *cfg, const X86CPUTopo *topo, const X86CPUIDEnv *env,
                       X86CPUIDEntryFn fn, void *opaque)
{
    const CPUIDWalk w = {cfg, topo, env, fn, opaque};

    walk_range(&w, 0x40000000, cpuid_hypervisor_limit(cfg, 0x40000000));
    walk_range(&w, 0x40000100, cpuid_hypervisor_limit(cfg, 0x40000100));
    walk_range(&w, 0, cfg->level);
    walk_range(&w, 0x80000000, cfg->xlevel);
    walk_range(&w, 0xc0000000, cfg->xlevel2);
}
