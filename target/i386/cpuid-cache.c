/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID leaves about caches: 2 and 4 (Intel SDM vol 2A), 8000_0005h, 8000_0006h and 8000_001Dh (AMD
 * APM vol 3 E.4). Pure.
 */
#include "qemu/osdep.h"

#include "target/i386/cpuid-internal.h"

enum { DESCRIPTOR_NONE = 0xff }; /* leaf 2: ask leaf 4 */

/* SDM vol 2A, "Encoding of CPUID Leaf 2 Descriptors": caches without sectors. */
/* clang-format off */
static const struct {
    uint8_t code, level;
    X86CacheType type;
    uint32_t size;
    uint16_t associativity, line_size;
} cache_descriptors[] = {
    { 0x06, 1, X86_CACHE_INSTRUCTION, 8 * KiB, 4, 32 },
    { 0x08, 1, X86_CACHE_INSTRUCTION, 16 * KiB, 4, 32 },
    { 0x09, 1, X86_CACHE_INSTRUCTION, 32 * KiB, 4, 64 },
    { 0x0a, 1, X86_CACHE_DATA, 8 * KiB, 2, 32 },
    { 0x0c, 1, X86_CACHE_DATA, 16 * KiB, 4, 32 },
    { 0x0d, 1, X86_CACHE_DATA, 16 * KiB, 4, 64 },
    { 0x0e, 1, X86_CACHE_DATA, 24 * KiB, 6, 64 },
    { 0x1d, 2, X86_CACHE_UNIFIED, 128 * KiB, 2, 64 },
    { 0x21, 2, X86_CACHE_UNIFIED, 256 * KiB, 8, 64 },
    { 0x24, 2, X86_CACHE_UNIFIED, 1 * MiB, 16, 64 },
    { 0x2c, 1, X86_CACHE_DATA, 32 * KiB, 8, 64 },
    { 0x30, 1, X86_CACHE_INSTRUCTION, 32 * KiB, 8, 64 },
    { 0x41, 2, X86_CACHE_UNIFIED, 128 * KiB, 4, 32 },
    { 0x42, 2, X86_CACHE_UNIFIED, 256 * KiB, 4, 32 },
    { 0x43, 2, X86_CACHE_UNIFIED, 512 * KiB, 4, 32 },
    { 0x44, 2, X86_CACHE_UNIFIED, 1 * MiB, 4, 32 },
    { 0x45, 2, X86_CACHE_UNIFIED, 2 * MiB, 4, 32 },
    { 0x46, 3, X86_CACHE_UNIFIED, 4 * MiB, 4, 64 },
    { 0x47, 3, X86_CACHE_UNIFIED, 8 * MiB, 8, 64 },
    { 0x48, 2, X86_CACHE_UNIFIED, 3 * MiB, 12, 64 },
    { 0x49, 2, X86_CACHE_UNIFIED, 4 * MiB, 16, 64 },
    { 0x4a, 3, X86_CACHE_UNIFIED, 6 * MiB, 12, 64 },
    { 0x4b, 3, X86_CACHE_UNIFIED, 8 * MiB, 16, 64 },
    { 0x4c, 3, X86_CACHE_UNIFIED, 12 * MiB, 12, 64 },
    { 0x4d, 3, X86_CACHE_UNIFIED, 16 * MiB, 16, 64 },
    { 0x4e, 2, X86_CACHE_UNIFIED, 6 * MiB, 24, 64 },
    { 0x60, 1, X86_CACHE_DATA, 16 * KiB, 8, 64 },
    { 0x66, 1, X86_CACHE_DATA, 8 * KiB, 4, 64 },
    { 0x67, 1, X86_CACHE_DATA, 16 * KiB, 4, 64 },
    { 0x68, 1, X86_CACHE_DATA, 32 * KiB, 4, 64 },
    { 0x78, 2, X86_CACHE_UNIFIED, 1 * MiB, 4, 64 },
    { 0x7d, 2, X86_CACHE_UNIFIED, 2 * MiB, 8, 64 },
    { 0x7f, 2, X86_CACHE_UNIFIED, 512 * KiB, 2, 64 },
    { 0x80, 2, X86_CACHE_UNIFIED, 512 * KiB, 8, 64 },
    { 0x82, 2, X86_CACHE_UNIFIED, 256 * KiB, 8, 32 },
    { 0x83, 2, X86_CACHE_UNIFIED, 512 * KiB, 8, 32 },
    { 0x84, 2, X86_CACHE_UNIFIED, 1 * MiB, 8, 32 },
    { 0x85, 2, X86_CACHE_UNIFIED, 2 * MiB, 8, 32 },
    { 0x86, 2, X86_CACHE_UNIFIED, 512 * KiB, 4, 64 },
    { 0x87, 2, X86_CACHE_UNIFIED, 1 * MiB, 8, 64 },
    { 0xd0, 3, X86_CACHE_UNIFIED, 512 * KiB, 4, 64 },
    { 0xd1, 3, X86_CACHE_UNIFIED, 1 * MiB, 4, 64 },
    { 0xd2, 3, X86_CACHE_UNIFIED, 2 * MiB, 4, 64 },
    { 0xd6, 3, X86_CACHE_UNIFIED, 1 * MiB, 8, 64 },
    { 0xd7, 3, X86_CACHE_UNIFIED, 2 * MiB, 8, 64 },
    { 0xd8, 3, X86_CACHE_UNIFIED, 4 * MiB, 8, 64 },
    { 0xdc, 3, X86_CACHE_UNIFIED, 1536 * KiB, 12, 64 },
    { 0xdd, 3, X86_CACHE_UNIFIED, 3 * MiB, 12, 64 },
    { 0xde, 3, X86_CACHE_UNIFIED, 6 * MiB, 12, 64 },
    { 0xe2, 3, X86_CACHE_UNIFIED, 2 * MiB, 16, 64 },
    { 0xe3, 3, X86_CACHE_UNIFIED, 4 * MiB, 16, 64 },
    { 0xe4, 3, X86_CACHE_UNIFIED, 8 * MiB, 16, 64 },
    { 0xea, 3, X86_CACHE_UNIFIED, 12 * MiB, 24, 64 },
    { 0xeb, 3, X86_CACHE_UNIFIED, 18 * MiB, 24, 64 },
    { 0xec, 3, X86_CACHE_UNIFIED, 24 * MiB, 24, 64 },
};
/* clang-format on */

static uint8_t cache_descriptor(const X86CacheInfo *c)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cache_descriptors); i++) {
        if (cache_descriptors[i].level == c->level && cache_descriptors[i].type == c->type &&
            cache_descriptors[i].size == c->size &&
            cache_descriptors[i].associativity == c->associativity &&
            cache_descriptors[i].line_size == c->line_size) {
            return cache_descriptors[i].code;
        }
    }
    return DESCRIPTOR_NONE;
}

void cpuid_leaf_2(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;
    const X86CPUCaches *c = cfg->cache_cpuid2;
    uint8_t l1d, l1i, l2, l3;

    if (cfg->host_cache_info) {
        cpuid_pass_host(q);
        return;
    }
    if (cpuid_amd_hides(cfg)) {
        return;
    }
    l1d = cache_descriptor(&c->l1d);
    l1i = cache_descriptor(&c->l1i);
    l2 = cache_descriptor(&c->l2);
    l3 = cache_descriptor(&c->l3);
    *q->eax = 1; /* one query tells all */
    if (cfg->consistent_cache &&
        (cfg->min_level >= 4 || l1d == DESCRIPTOR_NONE || l1i == DESCRIPTOR_NONE ||
         l2 == DESCRIPTOR_NONE || l3 == DESCRIPTOR_NONE)) {
        *q->edx = DESCRIPTOR_NONE;
        return;
    }
    *q->ecx = cfg->l3_cache ? l3 : 0;
    *q->edx = l1d << 16 | l1i << 8 | l2;
}

/* EAX of leaf 4 and 8000_001Dh but for the sharing fields. */
static uint32_t cache_type_word(const X86CacheInfo *c)
{
    return c->type | c->level << 5 | (c->self_init ? 1 << 8 : 0);
}

static uint32_t cache_geometry_word(const X86CacheInfo *c)
{
    return (c->line_size - 1) | (c->partitions - 1) << 12 | (uint32_t)(c->associativity - 1) << 22;
}

static uint32_t cache_property_word(const X86CacheInfo *c)
{
    return (c->no_invd_sharing ? 1 : 0) | (c->inclusive ? 2 : 0) | (c->complex_indexing ? 4 : 0);
}

/* APIC ids that share a cache of @level, minus one: bits 25..14. */
static uint32_t sharing_ids(const X86CPUTopo *t, X86TopoLevel level)
{
    return ((1u << x86_topo_offset(t, level)) - 1) << 14;
}

/* Core ids in a package, minus one: leaf 4 EAX bits 31..26. */
static uint32_t core_ids(const X86CPUTopo *t)
{
    unsigned bits = x86_topo_offset(t, X86_TOPO_SOCKET) - x86_topo_offset(t, X86_TOPO_CORE);

    return ((1u << bits) - 1) << 26;
}

static const X86CacheInfo *cache_by_subleaf(const X86CPUConfig *cfg, const X86CPUCaches *c,
                                            unsigned subleaf)
{
    switch (subleaf) {
    case 0:
        return &c->l1d;
    case 1:
        return &c->l1i;
    case 2:
        return &c->l2;
    case 3:
        return cfg->l3_cache ? &c->l3 : NULL;
    default:
        return NULL;
    }
}

/* The host's caches, shared as this CPU's topology has it. */
static void leaf_4_from_host(CPUIDQuery *q)
{
    unsigned threads = x86_topo_threads_per_pkg(q->topo);

    cpuid_pass_host(q);
    if (!(*q->eax & 0x1f)) {
        return;
    }
    *q->eax = (*q->eax & ~0xfc000000u) | core_ids(q->topo);
    if (1 + (*q->eax >> 14 & 0xfff) > threads) {
        *q->eax = (*q->eax & ~0x3ffc000u) | sharing_ids(q->topo, X86_TOPO_SOCKET);
    }
}

void cpuid_leaf_4(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;
    const X86CacheInfo *c;

    if (cfg->host_cache_info) {
        leaf_4_from_host(q);
        return;
    }
    c = cpuid_amd_hides(cfg) ? NULL : cache_by_subleaf(cfg, cfg->cache_cpuid4, q->subleaf);
    if (!c) {
        return;
    }
    *q->eax = cache_type_word(c) | core_ids(q->topo);
    if (c->level > 1 || cfg->l1_cache_per_thread) {
        *q->eax |= sharing_ids(q->topo, c->share_level);
    }
    *q->ebx = cache_geometry_word(c);
    *q->ecx = c->sets - 1;
    *q->edx = cache_property_word(c);
}

/* AMD's 4-bit associativity of L2 and L3. */
static uint32_t amd_associativity(unsigned ways)
{
    static const struct {
        uint8_t ways, code;
    } codes[] = {{1, 1},    {2, 2},    {4, 4},    {8, 6},    {16, 8},
                 {32, 0xa}, {48, 0xb}, {64, 0xc}, {96, 0xd}, {128, 0xe}};

    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        if (codes[i].ways == ways) {
            return codes[i].code;
        }
    }
    return 0;
}

static uint32_t amd_l1_word(const X86CacheInfo *c)
{
    return (uint32_t)(c->size / KiB) << 24 | c->associativity << 16 | c->lines_per_tag << 8 |
           c->line_size;
}

/* L2 in KiB from bit 16, L3 in 512 KiB from bit 18. */
static uint32_t amd_l23_word(const X86CacheInfo *c)
{
    uint32_t size =
        c->level == 2 ? (uint32_t)(c->size / KiB) << 16 : (uint32_t)(c->size / (512 * KiB)) << 18;

    return size | amd_associativity(c->associativity) << 12 | c->lines_per_tag << 8 | c->line_size;
}

void cpuid_leaf_80000005(CPUIDQuery *q)
{
    if (q->cfg->host_cache_info) {
        cpuid_pass_host(q);
        return;
    }
    if (cpuid_intel_rules(q->cfg)) {
        return;
    }
    *q->eax = *q->ebx = 0x01ff01ff; /* L1 TLBs: 255 entries, direct mapped */
    *q->ecx = amd_l1_word(&q->cfg->cache_amd->l1d);
    *q->edx = amd_l1_word(&q->cfg->cache_amd->l1i);
}

void cpuid_leaf_80000006(CPUIDQuery *q)
{
    const X86CPUCaches *c = q->cfg->cache_amd;

    if (q->cfg->host_cache_info) {
        cpuid_pass_host(q);
        return;
    }
    *q->ecx = amd_l23_word(&c->l2);
    if (cpuid_intel_rules(q->cfg)) {
        return;
    }
    *q->ebx = 0x42004200; /* L2 TLBs of 4 KiB pages: 512 entries, 4 ways */
    *q->edx = q->cfg->l3_cache ? amd_l23_word(&c->l3) : 0;
}

void cpuid_leaf_8000001d(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;
    const X86CacheInfo *c;

    if (cfg->amd_topoext_features_only && !x86_has(cfg, X86_FEATURE_TOPOEXT)) {
        return;
    }
    if (cfg->host_cache_info) {
        cpuid_pass_host(q);
        return;
    }
    c = cache_by_subleaf(cfg, cfg->cache_amd, q->subleaf);
    if (!c) {
        return;
    }
    *q->eax = cache_type_word(c) | sharing_ids(q->topo, c->share_level);
    *q->ebx = cache_geometry_word(c);
    *q->ecx = c->sets - 1;
    *q->edx = cache_property_word(c);
}
