/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shape of the CPU model tables, cpu-models-*.c and cpu-caches.c. A model is a base definition
 * and a list of versions, each the difference to the one before. Const data.
 */
#ifndef I386_CPU_MODELS_H
#define I386_CPU_MODELS_H

#include "target/i386/cpu-config.h"
#include "target/i386/cpu-topology.h"

typedef enum X86CacheType {
    X86_CACHE_NONE,
    X86_CACHE_DATA, /* as CPUID leaf 4 counts */
    X86_CACHE_INSTRUCTION,
    X86_CACHE_UNIFIED,
} X86CacheType;

/* One cache: CPUID leaf 4 (Intel) and leaves 8000_0005h, 6h, 1Dh (AMD). */
struct X86CacheInfo {
    X86CacheType type;
    uint8_t level;
    uint32_t size; /* bytes */
    uint16_t line_size, associativity, partitions;
    uint32_t sets;
    uint8_t lines_per_tag; /* AMD; 0: not told */
    bool self_init;        /* needs no software to initialise it */
    bool no_invd_sharing;  /* WBINVD does not reach lower caches of other threads */
    bool inclusive, complex_indexing;
    X86TopoLevel share_level; /* the CPUs of one unit of this level share it */
};

struct X86CPUCaches {
    X86CacheInfo l1d, l1i, l2, l3;
};

/* One change a version makes. Features by symbol, other properties by name. */
typedef struct X86CPUDelta {
    uint16_t feature; /* X86Feature; X86_FEATURE_END: see prop */
    uint8_t on;
    const char *prop; /* NULL: the end */
    uint64_t number;
    const char *string;
} X86CPUDelta;

#define ON(f) { .feature = (f), .on = 1 }
#define OFF(f) { .feature = (f), .on = 0 }
#define SET_NUM(p, n) { .feature = X86_FEATURE_END, .prop = (p), .number = (n) }
#define SET_STR(p, s) { .feature = X86_FEATURE_END, .prop = (p), .string = (s) }
#define DELTA_END { .feature = X86_FEATURE_END }

typedef struct X86CPUVersionDefinition {
    int version;         /* 1, 2, ...; 0 ends the list */
    const char *alias;   /* a fixed second name of this version */
    const char *note;    /* what -cpu help prints in brackets */
    const X86CPUCaches *caches; /* from this version on; NULL: as before */
    const X86CPUDelta *deltas;  /* NULL: none */
} X86CPUVersionDefinition;

struct X86CPUDefinition {
    const char *name;
    char vendor[13];
    uint16_t family, model, stepping;
    uint32_t level, xlevel; /* the least CPUID leaves the CPU has */
    const char *model_id;
    const X86CPUCaches *caches; /* NULL: the legacy ones of the vendor */
    /* X86Feature, ends with X86_FEATURE_END; `hypervisor` is always added. */
    const uint16_t *features;
    const X86CPUVersionDefinition *versions;
    const char *deprecation_note;
};

/* All models, sorted by name (strcmp). */
extern const X86CPUDefinition *const x86_cpu_definitions[];
extern const unsigned x86_nr_cpu_definitions;

unsigned x86_cpu_definition_nr_versions(const X86CPUDefinition *def);

/*
 * In the tables features stand without the X86_FEATURE_ prefix. A bit no property names is written
 * UNNAMED(word, bit).
 */
#ifdef X86_CPU_MODEL_TABLES
enum {
#define FEATURE(word, bit, name, symbol, flags) symbol = X86_FEATURE_##symbol,
#define ALIAS(name, symbol)
#include "target/i386/cpu-features.def"
};
#define UNNAMED(word, bit) (FEAT_##word * 64 + (bit))
#endif

extern const X86CPUCaches x86_caches_legacy_amd;
extern const X86CPUCaches x86_caches_legacy_intel_cpuid2;
extern const X86CPUCaches x86_caches_legacy_intel;
extern const X86CPUCaches x86_caches_epyc;
extern const X86CPUCaches x86_caches_epyc_v4;
extern const X86CPUCaches x86_caches_epyc_v5;
extern const X86CPUCaches x86_caches_epyc_rome;
extern const X86CPUCaches x86_caches_epyc_rome_v3;
extern const X86CPUCaches x86_caches_epyc_rome_v5;
extern const X86CPUCaches x86_caches_epyc_milan;
extern const X86CPUCaches x86_caches_epyc_milan_v2;
extern const X86CPUCaches x86_caches_epyc_milan_v3;
extern const X86CPUCaches x86_caches_epyc_genoa;
extern const X86CPUCaches x86_caches_epyc_genoa_v2;
extern const X86CPUCaches x86_caches_epyc_turin;
extern const X86CPUCaches x86_caches_xeon_spr;
extern const X86CPUCaches x86_caches_xeon_gnr;
extern const X86CPUCaches x86_caches_xeon_srf;
extern const X86CPUCaches x86_caches_yongfeng;

extern const X86CPUDefinition x86_model_486;
extern const X86CPUDefinition x86_model_broadwell;
extern const X86CPUDefinition x86_model_cascadelake_server;
extern const X86CPUDefinition x86_model_clearwaterforest;
extern const X86CPUDefinition x86_model_conroe;
extern const X86CPUDefinition x86_model_cooperlake;
extern const X86CPUDefinition x86_model_denverton;
extern const X86CPUDefinition x86_model_dhyana;
extern const X86CPUDefinition x86_model_epyc;
extern const X86CPUDefinition x86_model_epyc_genoa;
extern const X86CPUDefinition x86_model_epyc_milan;
extern const X86CPUDefinition x86_model_epyc_rome;
extern const X86CPUDefinition x86_model_epyc_turin;
extern const X86CPUDefinition x86_model_graniterapids;
extern const X86CPUDefinition x86_model_haswell;
extern const X86CPUDefinition x86_model_icelake_server;
extern const X86CPUDefinition x86_model_ivybridge;
extern const X86CPUDefinition x86_model_knightsmill;
extern const X86CPUDefinition x86_model_nehalem;
extern const X86CPUDefinition x86_model_opteron_g1;
extern const X86CPUDefinition x86_model_opteron_g2;
extern const X86CPUDefinition x86_model_opteron_g3;
extern const X86CPUDefinition x86_model_opteron_g4;
extern const X86CPUDefinition x86_model_opteron_g5;
extern const X86CPUDefinition x86_model_penryn;
extern const X86CPUDefinition x86_model_sandybridge;
extern const X86CPUDefinition x86_model_sapphirerapids;
extern const X86CPUDefinition x86_model_sierraforest;
extern const X86CPUDefinition x86_model_skylake_client;
extern const X86CPUDefinition x86_model_skylake_server;
extern const X86CPUDefinition x86_model_snowridge;
extern const X86CPUDefinition x86_model_westmere;
extern const X86CPUDefinition x86_model_yongfeng;
extern const X86CPUDefinition x86_model_athlon;
extern const X86CPUDefinition x86_model_core2duo;
extern const X86CPUDefinition x86_model_coreduo;
extern const X86CPUDefinition x86_model_kvm32;
extern const X86CPUDefinition x86_model_kvm64;
extern const X86CPUDefinition x86_model_n270;
extern const X86CPUDefinition x86_model_pentium;
extern const X86CPUDefinition x86_model_pentium2;
extern const X86CPUDefinition x86_model_pentium3;
extern const X86CPUDefinition x86_model_phenom;
extern const X86CPUDefinition x86_model_qemu32;
extern const X86CPUDefinition x86_model_qemu64;

#endif
