/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU feature words and bits. A feature word is one register of one CPUID leaf, one feature MSR, or
 * the flags of one KVM capability; the bits are rows of cpu-features.def. Const data, any thread.
 */
#ifndef I386_CPU_FEATURES_H
#define I386_CPU_FEATURES_H

#include "qemu/osdep.h"

/* The order is the order of warnings and of unavailable-features. */
typedef enum FeatureWord {
    FEAT_1_EDX,
    FEAT_1_ECX,
    FEAT_7_0_EBX,
    FEAT_7_0_ECX,
    FEAT_7_0_EDX,
    FEAT_7_1_EAX,
    FEAT_8000_0001_EDX,
    FEAT_8000_0001_ECX,
    FEAT_8000_0007_EBX,
    FEAT_8000_0007_EDX,
    FEAT_8000_0008_EBX,
    FEAT_8000_0021_EAX,
    FEAT_8000_0021_EBX,
    FEAT_8000_0021_ECX,
    FEAT_8000_0022_EAX,
    FEAT_C000_0001_EDX,
    FEAT_KVM,       /* CPUID[4000_0001].EAX; KVM only */
    FEAT_KVM_HINTS, /* CPUID[4000_0001].EDX; KVM only */
    FEAT_SVM,       /* CPUID[8000_000A].EDX */
    FEAT_XSAVE,     /* CPUID[0D,1].EAX */
    FEAT_6_EAX,
    FEAT_XSAVE_XCR0_LO, /* CPUID[0D,0].EAX: computed from other features */
    FEAT_XSAVE_XCR0_HI, /* CPUID[0D,0].EDX: computed */
    FEAT_ARCH_CAPABILITIES,
    FEAT_CORE_CAPABILITY,
    FEAT_PERF_CAPABILITIES,
    FEAT_VMX_PROCBASED_CTLS,
    FEAT_VMX_SECONDARY_CTLS,
    FEAT_VMX_PINBASED_CTLS,
    FEAT_VMX_EXIT_CTLS,
    FEAT_VMX_ENTRY_CTLS,
    FEAT_VMX_MISC,
    FEAT_VMX_EPT_VPID_CAPS,
    FEAT_VMX_BASIC,
    FEAT_VMX_VMFUNC,
    FEAT_14_0_ECX,
    FEAT_SGX_12_0_EAX,
    FEAT_SGX_12_0_EBX,
    FEAT_SGX_12_1_EAX,
    FEAT_XSAVE_XSS_LO, /* CPUID[0D,1].ECX: computed */
    FEAT_XSAVE_XSS_HI, /* CPUID[0D,1].EDX: computed */
    FEAT_7_1_ECX,
    FEAT_7_1_EDX,
    FEAT_7_2_EDX,
    FEAT_24_0_EBX,
    FEAT_KVM_X2APIC, /* KVM_CAP_X2APIC_API; also what our own LAPIC offers */
    FEATURE_WORDS,
} FeatureWord;

/* A feature: word * 64 + bit. */
typedef enum X86Feature {
#define FEATURE(word, bit, name, symbol, flags) X86_FEATURE_##symbol = FEAT_##word * 64 + (bit),
#define ALIAS(name, symbol)
#include "target/i386/cpu-features.def"
    X86_FEATURE_END = FEATURE_WORDS * 64, /* ends lists */
} X86Feature;

static inline FeatureWord x86_feature_word(X86Feature f)
{
    return f / 64;
}

static inline uint64_t x86_feature_mask(X86Feature f)
{
    return 1ull << (f % 64);
}

static inline bool x86_features_have(const uint64_t words[FEATURE_WORDS], X86Feature f)
{
    return words[f / 64] >> (f % 64) & 1;
}

static inline void x86_features_set(uint64_t words[FEATURE_WORDS], X86Feature f, bool on)
{
    words[f / 64] = (words[f / 64] & ~x86_feature_mask(f)) | (on ? x86_feature_mask(f) : 0);
}

typedef enum FeatureWordSource {
    FEATURE_SOURCE_CPUID,
    FEATURE_SOURCE_MSR,
    FEATURE_SOURCE_KVM_X2APIC_API, /* KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API) */
} FeatureWordSource;

enum { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

typedef struct FeatureWordInfo {
    FeatureWordSource source;
    uint32_t leaf, subleaf;
    bool has_subleaf;
    uint8_t reg; /* CPUID_EAX.. */
    uint32_t msr;
    bool kvm_only; /* zero under other accelerators */
    /* Bits without a row in cpu-features.def: what the software CPU has of them, what max and host
     * must not turn on, what may migrate. */
    uint64_t unnamed_tcg, unnamed_no_autoenable, unnamed_migratable;
} FeatureWordInfo;

extern const FeatureWordInfo feature_word_info[FEATURE_WORDS];

/* The flag column of cpu-features.def. */
enum {
    FEATURE_TCG = 1 << 0,
    FEATURE_MIGRATABLE = 1 << 1,
    FEATURE_NO_AUTOENABLE = 1 << 2,
};

/* The property name of a bit, or NULL for a bit without one. */
const char *x86_feature_name(FeatureWord w, unsigned bit);
/* The bits of @w with a name. */
uint64_t feature_word_named(FeatureWord w);
/* The bits of @w, with and without name, that have @flag. */
uint64_t feature_word_flagged(FeatureWord w, unsigned flag);
/* "CPUID[eax=07h,ecx=00h].EBX", "MSR(48Bh)" or "KVM_CAP_X2APIC_API", as warnings print it. */
void feature_word_format(FeatureWord w, char *buf, size_t buf_len);
/* "EAX", ... */
const char *cpuid_reg_name(unsigned reg);

/* If none of @requires is set, the bits @mask of word @word go. Evaluated once, in order. */
typedef struct X86FeatureDep {
    uint16_t requires[3]; /* X86Feature, any of them; repeated to fill up */
    FeatureWord word;
    uint64_t mask;
} X86FeatureDep;

extern const X86FeatureDep x86_feature_deps[];
extern const unsigned x86_nr_feature_deps;

/* XSAVE state components (SDM vol 1 13.1): the feature that enables each, its size and its offset
 * in the standard format (0: only in the compacted one). Zero size: not a component we know. */
typedef struct X86XSaveComponent {
    uint16_t feature; /* X86Feature */
    uint32_t size, offset;
    uint32_t flags;      /* CPUID.0D.i:ECX */
} X86XSaveComponent;

enum { XSAVE_COMPONENTS = 19 };
extern const X86XSaveComponent x86_xsave_components[XSAVE_COMPONENTS];
/* The components of XCR0 and of IA32_XSS. */
#define XSTATE_XCR0_MASK 0x602ffull
#define XSTATE_XSS_MASK (1ull << 15)

#endif
