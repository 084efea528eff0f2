/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of one CPU as plain data, and the pure steps from "-cpu NAME,props" to it:
 *
 *   load      model, version, accelerator defaults, machine compat, globals, -cpu properties
 *   expand    +f and -f, what max and host turn on, dependencies, derived words, levels
 *   filter    what the accelerator cannot do is cleared, with a warning a bit, or an error
 *
 * QMP queries run the same steps without a CPU. No step calls an accelerator: X86AccelInfo says
 * what it can do. Functions only touch their arguments; any thread. docs/devel/cpu-models.rst.
 */
#ifndef I386_CPU_CONFIG_H
#define I386_CPU_CONFIG_H

#include "hw/intc/seoib.h"
#include "qemu/error.h"
#include "target/i386/cpu-features.h"
#include "target/i386/cpu-topology.h"

#define X86_CPU_TYPE_SUFFIX "-x86_64-cpu"
#define X86_CPU_TYPE_NAME(model) model X86_CPU_TYPE_SUFFIX
#define X86_CPU_BASE_TYPE "x86_64-cpu"

#define CPUID_VENDOR_INTEL "GenuineIntel"
#define CPUID_VENDOR_AMD "AuthenticAMD"
#define CPUID_VENDOR_HYGON "HygonGenuine"
#define CPUID_VENDOR_CENTAUR "CentaurHauls"
#define CPUID_VENDOR_ZHAOXIN "  Shanghai  "

typedef struct X86CPUDefinition X86CPUDefinition;

/* ---- What the accelerator and the host can do ------------------------------------------------ */

typedef enum X86AccelKind {
    X86_ACCEL_TCG, /* the software CPU */
    X86_ACCEL_KVM,
} X86AccelKind;

typedef enum X86IrqchipMode {
    X86_IRQCHIP_UNKNOWN, /* no interrupt controller yet: -machine none */
    X86_IRQCHIP_OFF,
    X86_IRQCHIP_SPLIT,
    X86_IRQCHIP_ON,
} X86IrqchipMode;

typedef struct X86CPUIDEntry {
    uint32_t leaf, subleaf;
    uint32_t regs[4]; /* CPUID_EAX.. */
} X86CPUIDEntry;

/* Bits KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) returns and KVM_ENABLE_CAP takes. */
#define X2APIC_API_ENABLE_SEOIB (1u << 2)
#define X2APIC_API_DISABLE_SEOIB (1u << 3)

/* Filled by the accelerator; all zero is valid and supports nothing. */
typedef struct X86AccelInfo {
    const char *name; /* "TCG", "KVM" */
    X86AccelKind kind;
    X86IrqchipMode irqchip;

    /* Feature bits a guest can have, at their place in the feature words. The FEAT_KVM_X2APIC word
     * is computed from the next four fields by x86_seoib_supported(); leave it zero. */
    uint64_t supported[FEATURE_WORDS];
    /* KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) on the system fd, and on the VM fd after irqchip
     * creation (X86_IRQCHIP_UNKNOWN: ignored). KVM only. */
    uint32_t x2apic_api_system, x2apic_api_vm;
    /* The lowest version of the machine's userspace I/O APICs; 0: none, or not known yet. */
    unsigned ioapic_version;

    /* Host identification (KVM: host CPUID 0, 1, 8000_0002..4). */
    char vendor[13];
    char model_id[49];
    uint32_t family, model, stepping;
    unsigned phys_bits;       /* host physical address bits; 0: not known */
    unsigned guest_phys_bits; /* CPUID[8000_0008].EAX[23:16] KVM recommends; 0: none */
    /* Highest leaves of KVM_GET_SUPPORTED_CPUID, for max and host. */
    uint32_t level, xlevel, xlevel2;
    bool lmce; /* MCG_LMCE_P in KVM_X86_GET_MCE_CAP_SUPPORTED */
    uint64_t tsc_khz; /* what CPUID leaf 4000_0010 tells when tsc-frequency is unset; 0: nothing */
    uint32_t apic_bus_khz;
    uint64_t perf_capabilities; /* raw MSR 345h, for lbr-fmt */
    uint64_t vmx_fixed;         /* unused bits the KVM MSR code keeps for itself */

    /* KVM_GET_SUPPORTED_CPUID and raw host CPUID; borrowed, NULL when none. Only leaves that pass
     * through are looked up: 0Ah, 14h, 12h, 8000_0022h; 2, 4, 8000_0005h, 6h, 1Dh. */
    const X86CPUIDEntry *kvm_cpuid, *host_cpuid;
    unsigned nr_kvm_cpuid, nr_host_cpuid;
} X86AccelInfo;

/* The entry for @leaf and @subleaf, or zeroes. */
const uint32_t *x86_cpuid_entry_find(const X86CPUIDEntry *entries, unsigned nr, uint32_t leaf,
                                     uint32_t subleaf);
/* What our software CPU can do (FEATURE rows with T); irqchip fields are the caller's. */
void x86_accel_info_init_tcg(X86AccelInfo *info);

/* ---- Messages -------------------------------------------------------------------------------- */

typedef enum X86ReportKind {
    X86_REPORT_WARNING,
    X86_REPORT_ERROR, /* a line before the final Error */
} X86ReportKind;

#define X86_SAID_NO_THREADS BIT(31)

/* Where the steps send their messages. Zero-initialised it prints with warn_report() and
 * error_report(). Keep one for all CPUs of the machine: the SEOIB texts come once per sink. */
typedef struct X86CPUReport {
    /* @hint: lines after the message, each with a newline; NULL: none. */
    void (*emit)(void *opaque, X86ReportKind kind, const char *text, const char *hint);
    void *opaque;
    uint32_t said; /* texts that come once: BIT(X86SeoibText), X86_SAID_NO_THREADS */
} X86CPUReport;

/* ---- -cpu and globals ------------------------------------------------------------------------ */

/* "-global TYPE.name=value", a machine compat row, or one item of -cpu. */
typedef struct X86CPUGlobal {
    const char *type, *name, *value;
} X86CPUGlobal;

/* A parsed -cpu argument. */
typedef struct X86CPUOption {
    char *model;
    GPtrArray *plus, *minus; /* char *, as written after the sign */
    GArray *globals;         /* X86CPUGlobal with owned strings: name=value items */
} X86CPUOption;

/* Parses the argument of -cpu; NULL with "-cpu option cannot be empty", "unable to find CPU model
 * 'X'" or a value error. Property names are checked when a configuration is loaded. Ambiguity
 * warnings go to @report (NULL: stderr). */
X86CPUOption *x86_cpu_option_parse(const char *str, X86CPUReport *report, Error **errp);
void x86_cpu_option_free(X86CPUOption *opt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X86CPUOption, x86_cpu_option_free)

/* The CPU compat sets of machine version @major.@minor, newest first: the order in which they apply
 * (later rows win). Each set ends with .type NULL. Returns how many; 2.6 and newer. */
enum { X86_CPU_COMPAT_SETS = 15 };
unsigned x86_cpu_compat_for(unsigned major, unsigned minor,
                            const X86CPUGlobal *sets[X86_CPU_COMPAT_SETS]);

/* Which version an unversioned model name means. */
enum {
    X86_CPU_VERSION_LEGACY = 0,  /* the base definition: pc-*-4.0.1 and older, isapc */
    X86_CPU_VERSION_LATEST = -1, /* microvm */
};
/* 1, or X86_CPU_VERSION_LEGACY for pc versions before 4.1. */
int x86_cpu_default_version(unsigned major, unsigned minor);

/* Everything that decides what a model name means, besides the name. */
typedef struct X86CPUContext {
    const X86AccelInfo *accel;
    const X86CPUOption *option; /* NULL: no -cpu */
    const X86CPUGlobal *compat[X86_CPU_COMPAT_SETS]; /* x86_cpu_compat_for() */
    unsigned nr_compat;
    const X86CPUGlobal *globals; /* of -global, in order; NULL: none */
    unsigned nr_globals;
    int default_version;
    const X86CPUTopo *topo; /* NULL: one thread */
    X86CPUReport *report; /* NULL: a fresh default one */
    /* A vCPU is being made, so lost x2apic-seoib gets its W text, not the dependency warning. */
    bool realize;
} X86CPUContext;

/* ---- Suppress EOI Broadcast ------------------------------------------------------------------ */

/* What the configuration asks for (docs/system/x2apic-seoib.rst). */
typedef enum X86SeoibRequest {
    X86_SEOIB_UNSET,
    X86_SEOIB_OFF,
    X86_SEOIB_ON_AUTO,     /* turned on by max or host because it is attainable */
    X86_SEOIB_ON_MODEL,    /* the CPU model version has it */
    X86_SEOIB_ON_EXPLICIT, /* -cpu ...,x2apic-seoib=on */
} X86SeoibRequest;

typedef enum X86SeoibText {
    X86_SEOIB_TEXT_NONE,
    X86_SEOIB_W1,
    X86_SEOIB_W2,
    X86_SEOIB_W3,
    X86_SEOIB_W4,
    X86_SEOIB_W5,
    X86_SEOIB_E1,
    X86_SEOIB_E2,
    X86_SEOIB_E3,
    X86_SEOIB_E4,
    X86_SEOIB_TEXTS,
} X86SeoibText;

typedef struct X86SeoibDecision {
    X86SeoibRequest request;
    SeoibMode mode;
    /* 0, X2APIC_API_ENABLE_SEOIB or X2APIC_API_DISABLE_SEOIB, for KVM_ENABLE_CAP. */
    uint32_t kvm_flags;
    X86SeoibText text; /* what to tell, W or E */
    bool fatal;        /* the CPU cannot be made */
} X86SeoibDecision;

/* The message and hint of @t; *hint is NULL when there is none. */
const char *x86_seoib_text(X86SeoibText t, const char **hint);
/* "unset", "off" or "on". */
const char *x86_seoib_request_name(X86SeoibRequest r);
/* The FEAT_KVM_X2APIC bits a vCPU of this machine can have. */
uint64_t x86_seoib_supported(const X86AccelInfo *info);
/* The same for queries: what the host can do with the best irqchip. */
uint64_t x86_seoib_supported_by_host(const X86AccelInfo *info);
/* The policy table. @x2apic: the CPU has x2APIC after filtering. @enforce: as the property. */
X86SeoibDecision x86_seoib_decide(X86SeoibRequest request, bool x2apic, bool enforce,
                                  const X86AccelInfo *info);
/* Sets E5 when @cpu, the configuration of CPU @index, does not agree with @machine. */
bool x86_seoib_check_same(const X86SeoibDecision *machine, const X86SeoibDecision *cpu,
                          unsigned index, Error **errp);
/* Sets E7, the failure of KVM_ENABLE_CAP with @kvm_flags. */
void x86_seoib_kvm_error(Error **errp, uint32_t kvm_flags, int os_errno);

/* ---- The configuration ----------------------------------------------------------------------- */

typedef enum X86CPUClassKind {
    X86_CPU_TABLE, /* a model of cpu-models-*.c */
    X86_CPU_BASE,
    X86_CPU_MAX,
    X86_CPU_HOST,
} X86CPUClassKind;

/* IA32_PERF_CAPABILITIES.LBR_FMT, the only bits lbr-fmt may have. */
#define X86_LBR_FMT_MASK 0x3f

typedef enum X86OnOffAuto { X86_AUTO, X86_ON, X86_OFF } X86OnOffAuto;

typedef struct X86CacheInfo X86CacheInfo;     /* cpu-models.h */
typedef struct X86CPUCaches X86CPUCaches;

/* Every property of a CPU; cpu-props.c has the row of each. Copying the struct copies the CPU;
 * pointers are to const data. */
typedef struct X86CPUConfig {
    X86CPUClassKind kind;
    const X86CPUDefinition *def; /* NULL for base, max, host */
    int version;                 /* 0: base definition without version properties */
    char name[48];               /* as asked for: "Skylake-Server", "EPYC-v6" */
    bool expanded, realized;

    uint64_t features[FEATURE_WORDS];
    uint64_t user_set[FEATURE_WORDS];  /* given a value by the user, a global or compat row */
    uint64_t model_set[FEATURE_WORDS]; /* given a value by a version of the model */
    uint64_t filtered[FEATURE_WORDS];  /* asked for and not to be had */

    char vendor[13];
    char model_id[49];
    uint32_t family, model, stepping;
    uint32_t level, xlevel, xlevel2, level_func7; /* UINT32_MAX: from min_* */
    uint32_t min_level, min_xlevel, min_xlevel2, min_level_func7;
    uint32_t phys_bits, guest_phys_bits;
    uint64_t tsc_frequency; /* Hz; 0: the host's */
    uint64_t ucode_rev;
    uint64_t lbr_fmt;
    uint32_t apic_id;
    int32_t socket_id, die_id, module_id, core_id, thread_id, node_id;
    uint8_t avx10_version, host_phys_bits_limit;
    bool check, enforce, force_features;
    bool kvm, kvm_pv_enforce_cpuid, xen_vapic, pmu, lmce, migratable, host_cache_info;
    bool host_phys_bits, fill_mtrr_mask, cpuid_0xb, l3_cache, legacy_cache, tcg_cpuid;
    bool vmware_cpuid_freq, full_cpuid_auto_level, intel_pt_auto_level, legacy_multi_node;
    bool vendor_cpuid_only, vendor_cpuid_only_v2, consistent_cache, arch_cap_always_on;
    bool pdcm_on_even_without_pmu, amd_topoext_features_only, l1_cache_per_thread;
    bool force_cpuid_0x1f, migrate_smi_count, migrate_error_code, start_powered_off;
    bool seoib_auto; /* max and host turn x2apic-seoib on when attainable */

    /* Hyper-V: bits of X86HypervFeature, and numbers. */
    uint64_t hv_features;
    bool hv_passthrough, hv_enforce_cpuid, hv_synic_kvm_only;
    X86OnOffAuto hv_no_nonarch_coresharing;
    uint32_t hv_spinlocks; /* UINT32_MAX: never notify */
    char hv_vendor_id[32];
    uint32_t hv_version_build, hv_version_snumber, hv_version_spack;
    uint16_t hv_version_major, hv_version_minor;
    uint8_t hv_version_sbranch;
    int32_t hv_max_vps;

    /* Results of realize, for x86_cpuid(). */
    X86SeoibDecision seoib;
    X86AccelKind accel_kind;
    const X86CPUCaches *caches; /* of the model; NULL: none of its own */
    const X86CPUCaches *cache_cpuid2, *cache_cpuid4, *cache_amd; /* by leaf */
    X86AccelInfo accel; /* a copy: host values that pass through */
} X86CPUConfig;

typedef enum X86HypervFeature {
    HYPERV_FEAT_RELAXED,
    HYPERV_FEAT_VAPIC,
    HYPERV_FEAT_TIME,
    HYPERV_FEAT_CRASH,
    HYPERV_FEAT_RESET,
    HYPERV_FEAT_VPINDEX,
    HYPERV_FEAT_RUNTIME,
    HYPERV_FEAT_SYNIC,
    HYPERV_FEAT_STIMER,
    HYPERV_FEAT_FREQUENCIES,
    HYPERV_FEAT_REENLIGHTENMENT,
    HYPERV_FEAT_TLBFLUSH,
    HYPERV_FEAT_EVMCS,
    HYPERV_FEAT_IPI,
    HYPERV_FEAT_STIMER_DIRECT,
    HYPERV_FEAT_AVIC,
    HYPERV_FEAT_SYNDBG,
    HYPERV_FEAT_MSR_BITMAP,
    HYPERV_FEAT_XMM_INPUT,
    HYPERV_FEAT_TLBFLUSH_EXT,
    HYPERV_FEAT_TLBFLUSH_DIRECT,
    HYPERV_FEATURES,
} X86HypervFeature;

static inline bool x86_has(const X86CPUConfig *cfg, X86Feature f)
{
    return x86_features_have(cfg->features, f);
}

bool x86_config_is_intel(const X86CPUConfig *cfg);
bool x86_config_is_amd(const X86CPUConfig *cfg); /* not Hygon: QEMU tells them apart */
bool x86_config_is_zhaoxin(const X86CPUConfig *cfg); /* Zhaoxin or Centaur */

/*
 * The steps. Each needs the one before; failure leaves *cfg without meaning. init() sets up the
 * model @name (a model, version or alias; not a type name) with all properties; false with "unable
 * to find CPU model", "CPU model 'host' requires KVM or HVF" (ctx->realize) or the error of a
 * property. realize() is expand() + filter() + caches, address widths and the SEOIB decision.
 */
bool x86_cpu_config_init(X86CPUConfig *cfg, const char *name, const X86CPUContext *ctx,
                         Error **errp);
bool x86_cpu_config_expand(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp);
/* Clears what the accelerator lacks into cfg->filtered; messages by @report. True: all is there. */
bool x86_cpu_config_filter(X86CPUConfig *cfg, const X86CPUContext *ctx);
bool x86_cpu_config_realize(X86CPUConfig *cfg, const X86CPUContext *ctx, Error **errp);

/* Whether @name is a model, version or alias. */
bool x86_cpu_model_exists(const char *name);

/* ---- Properties ------------------------------------------------------------------------------ */

typedef enum X86PropKind {
    X86_PROP_FEATURE, /* bits of a feature word; bool */
    X86_PROP_BOOL,
    X86_PROP_HYPERV, /* bool, a bit of hv_features */
    X86_PROP_UINT8,
    X86_PROP_UINT16,
    X86_PROP_UINT32,
    X86_PROP_UINT64,
    X86_PROP_INT32,
    X86_PROP_INT64,
    X86_PROP_ON_OFF_AUTO,
    X86_PROP_STRING,
} X86PropKind;

typedef struct X86CPUProp X86CPUProp;

/* By name or alias, NULL when @cfg's type has none. @cfg NULL: of any type. */
const X86CPUProp *x86_cpu_prop_find(const X86CPUConfig *cfg, const char *name);
X86PropKind x86_cpu_prop_kind(const X86CPUProp *p);
/* The type in introspection: "bool", "uint32", "int", "str", "string", "OnOffAuto". */
const char *x86_cpu_prop_type_name(const X86CPUProp *p);

/* A value of a property; which member counts is the kind's matter (strings are borrowed). */
typedef struct X86PropValue {
    X86PropKind kind;
    bool b;
    uint64_t u;
    int64_t i;
    const char *s;
} X86PropValue;

/* All properties with their aliases, in no order users rely on. */
void x86_cpu_prop_foreach(const X86CPUConfig *cfg,
                          void (*fn)(void *opaque, const char *name, const X86CPUProp *p),
                          void *opaque);
void x86_cpu_prop_get(const X86CPUConfig *cfg, const X86CPUProp *p, X86PropValue *v);
/* As on a command line. "Property 'TYPE.NAME' not found", "Parameter 'avx' expects 'on' or 'off'",
 * "parameter 'family' can be at most 270", ... */
bool x86_cpu_prop_set_str(X86CPUConfig *cfg, const char *name, const char *value, Error **errp);
/* With a value of kind X86_PROP_BOOL, _INT64, _UINT64 or _STRING (other: nothing fits). @shown
 * names the property in type errors: "Invalid parameter type for 'SHOWN', expected: boolean". */
bool x86_cpu_prop_set(X86CPUConfig *cfg, const char *name, const char *shown,
                      const X86PropValue *v, Error **errp);

#endif
