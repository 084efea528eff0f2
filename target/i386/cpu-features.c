/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of feature words, bits, dependencies and XSAVE components. Const data. */
#include "qemu/osdep.h"

#include "target/i386/cpu-features.h"

#define T FEATURE_TCG
#define M FEATURE_MIGRATABLE
#define N FEATURE_NO_AUTOENABLE

static const char *const feature_names[FEATURE_WORDS][64] = {
#define FEATURE(word, bit, name, symbol, flags) [FEAT_##word][bit] = name,
#define ALIAS(name, symbol)
#include "target/i386/cpu-features.def"
};

static const uint8_t feature_flags[FEATURE_WORDS][64] = {
#define FEATURE(word, bit, name, symbol, flags) [FEAT_##word][bit] = flags,
#define ALIAS(name, symbol)
#include "target/i386/cpu-features.def"
};

#undef T
#undef M
#undef N

/* No word, bit and symbol stands twice: a repeated value does not compile. */
G_GNUC_UNUSED static void check_features_are_unique(X86Feature f)
{
    switch (f) {
#define FEATURE(word, bit, name, symbol, flags) case X86_FEATURE_##symbol:
#define ALIAS(name, symbol)
#include "target/i386/cpu-features.def"
    case X86_FEATURE_END:
        break;
    }
}

/* clang-format off */
const FeatureWordInfo feature_word_info[FEATURE_WORDS] = {
    [FEAT_1_EDX] = { .leaf = 0x1, .reg = CPUID_EDX },
    [FEAT_1_ECX] = { .leaf = 0x1, .reg = CPUID_ECX },
    [FEAT_7_0_EBX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EBX },
    [FEAT_7_0_ECX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 0, .reg = CPUID_ECX },
    [FEAT_7_0_EDX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EDX },
    [FEAT_7_1_EAX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 1, .reg = CPUID_EAX },
    [FEAT_8000_0001_EDX] = { .leaf = 0x80000001, .reg = CPUID_EDX, .unnamed_tcg = 0x183f3fd },
    [FEAT_8000_0001_ECX] = { .leaf = 0x80000001, .reg = CPUID_ECX },
    [FEAT_8000_0007_EBX] = { .leaf = 0x80000007, .reg = CPUID_EBX },
    [FEAT_8000_0007_EDX] = { .leaf = 0x80000007, .reg = CPUID_EDX },
    [FEAT_8000_0008_EBX] = { .leaf = 0x80000008, .reg = CPUID_EBX },
    [FEAT_8000_0021_EAX] = { .leaf = 0x80000021, .reg = CPUID_EAX },
    [FEAT_8000_0021_EBX] = { .leaf = 0x80000021, .reg = CPUID_EBX },
    [FEAT_8000_0021_ECX] = { .leaf = 0x80000021, .reg = CPUID_ECX },
    [FEAT_8000_0022_EAX] = { .leaf = 0x80000022, .reg = CPUID_EAX },
    [FEAT_C000_0001_EDX] = { .leaf = 0xc0000001, .reg = CPUID_EDX },
    [FEAT_KVM] = { .leaf = 0x40000001, .reg = CPUID_EAX, .kvm_only = true },
    [FEAT_KVM_HINTS] = { .leaf = 0x40000001, .reg = CPUID_EDX, .kvm_only = true,
        .unnamed_no_autoenable = 0xfffffffe },
    [FEAT_SVM] = { .leaf = 0x8000000a, .reg = CPUID_EDX },
    [FEAT_XSAVE] = { .leaf = 0xd, .has_subleaf = true, .subleaf = 1, .reg = CPUID_EAX },
    [FEAT_6_EAX] = { .leaf = 0x6, .reg = CPUID_EAX },
    [FEAT_XSAVE_XCR0_LO] = { .leaf = 0xd, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EAX,
        .unnamed_tcg = 0x21f, .unnamed_migratable = 0x2ff },
    [FEAT_XSAVE_XCR0_HI] = { .leaf = 0xd, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EDX },
    [FEAT_ARCH_CAPABILITIES] = { .source = FEATURE_SOURCE_MSR, .msr = 0x10a,
        .unnamed_tcg = 0xe2ed1e00 },
    [FEAT_CORE_CAPABILITY] = { .source = FEATURE_SOURCE_MSR, .msr = 0xcf },
    [FEAT_PERF_CAPABILITIES] = { .source = FEATURE_SOURCE_MSR, .msr = 0x345 },
    [FEAT_VMX_PROCBASED_CTLS] = { .source = FEATURE_SOURCE_MSR, .msr = 0x48e },
    [FEAT_VMX_SECONDARY_CTLS] = { .source = FEATURE_SOURCE_MSR, .msr = 0x48b },
    [FEAT_VMX_PINBASED_CTLS] = { .source = FEATURE_SOURCE_MSR, .msr = 0x48d },
    [FEAT_VMX_EXIT_CTLS] = { .source = FEATURE_SOURCE_MSR, .msr = 0x48f },
    [FEAT_VMX_ENTRY_CTLS] = { .source = FEATURE_SOURCE_MSR, .msr = 0x490 },
    [FEAT_VMX_MISC] = { .source = FEATURE_SOURCE_MSR, .msr = 0x485 },
    [FEAT_VMX_EPT_VPID_CAPS] = { .source = FEATURE_SOURCE_MSR, .msr = 0x48c },
    [FEAT_VMX_BASIC] = { .source = FEATURE_SOURCE_MSR, .msr = 0x480,
        .unnamed_no_autoenable = 1ull << 49 },
    [FEAT_VMX_VMFUNC] = { .source = FEATURE_SOURCE_MSR, .msr = 0x491 },
    [FEAT_14_0_ECX] = { .leaf = 0x14, .has_subleaf = true, .subleaf = 0, .reg = CPUID_ECX },
    [FEAT_SGX_12_0_EAX] = { .leaf = 0x12, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EAX },
    [FEAT_SGX_12_0_EBX] = { .leaf = 0x12, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EBX },
    [FEAT_SGX_12_1_EAX] = { .leaf = 0x12, .has_subleaf = true, .subleaf = 1, .reg = CPUID_EAX },
    [FEAT_XSAVE_XSS_LO] = { .leaf = 0xd, .has_subleaf = true, .subleaf = 1, .reg = CPUID_ECX },
    [FEAT_XSAVE_XSS_HI] = { .leaf = 0xd, .has_subleaf = true, .subleaf = 1, .reg = CPUID_EDX },
    [FEAT_7_1_ECX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 1, .reg = CPUID_ECX },
    [FEAT_7_1_EDX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 1, .reg = CPUID_EDX },
    [FEAT_7_2_EDX] = { .leaf = 0x7, .has_subleaf = true, .subleaf = 2, .reg = CPUID_EDX },
    [FEAT_24_0_EBX] = { .leaf = 0x24, .has_subleaf = true, .subleaf = 0, .reg = CPUID_EBX },
    [FEAT_KVM_X2APIC] = { .source = FEATURE_SOURCE_KVM_X2APIC_API },
};

#define M(f) (1ull << (X86_FEATURE_##f % 64))
#define DEP(r, w, mask) { { X86_FEATURE_##r, X86_FEATURE_##r, X86_FEATURE_##r }, FEAT_##w, mask }
#define DEP3(r1, r2, r3, w, mask) \
    { { X86_FEATURE_##r1, X86_FEATURE_##r2, X86_FEATURE_##r3 }, FEAT_##w, mask }

/* The order counts: sgx goes before what needs sgx, avx10-128 before avx10-256. */
const X86FeatureDep x86_feature_deps[] = {
    DEP(ARCH_CAPABILITIES, ARCH_CAPABILITIES, ~0ull),
    DEP(CORE_CAPABILITY, CORE_CAPABILITY, ~0ull),
    DEP(PDCM, PERF_CAPABILITIES, ~0ull),
    DEP(VMX, VMX_PROCBASED_CTLS, ~0ull),
    DEP(VMX, VMX_PINBASED_CTLS, ~0ull),
    DEP(VMX, VMX_EXIT_CTLS, ~0ull),
    DEP(VMX, VMX_ENTRY_CTLS, ~0ull),
    DEP(VMX, VMX_MISC, ~0ull),
    DEP(VMX, VMX_BASIC, ~0ull),
    DEP(LM, VMX_ENTRY_CTLS, M(VMX_ENTRY_IA32E_MODE)),
    DEP(VMX_SECONDARY_CTLS, VMX_SECONDARY_CTLS, ~0ull),
    DEP(XSAVES, VMX_SECONDARY_CTLS, M(VMX_XSAVES)),
    DEP(RDRAND, VMX_SECONDARY_CTLS, M(VMX_RDRAND_EXIT)),
    DEP(INVPCID, VMX_SECONDARY_CTLS, M(VMX_INVPCID_EXIT)),
    DEP(MPX, VMX_EXIT_CTLS, M(VMX_EXIT_CLEAR_BNDCFGS)),
    DEP(MPX, VMX_ENTRY_CTLS, M(VMX_ENTRY_LOAD_BNDCFGS)),
    DEP(RDSEED, VMX_SECONDARY_CTLS, M(VMX_RDSEED_EXIT)),
    DEP(INTEL_PT, 14_0_ECX, ~0ull),
    DEP(RDTSCP, VMX_SECONDARY_CTLS, M(VMX_RDTSCP_EXIT)),
    DEP(VMX_EPT, VMX_EPT_VPID_CAPS, 0xffffffffull),
    DEP(VMX_EPT, VMX_SECONDARY_CTLS, M(VMX_UNRESTRICTED_GUEST)),
    DEP(VMX_VPID, VMX_EPT_VPID_CAPS, 0xffffffff00000000ull),
    DEP(VMX_VMFUNC, VMX_VMFUNC, ~0ull),
    DEP(SVM, SVM, ~0ull),
    DEP(WAITPKG, VMX_SECONDARY_CTLS, M(VMX_ENABLE_USER_WAIT_PAUSE)),
    DEP(LM, 7_1_EAX, M(FRED)),
    DEP(LKGS, 7_1_EAX, M(FRED)),
    DEP(SGX, 7_0_ECX, M(SGXLC)),
    DEP(SGX, SGX_12_0_EAX, ~0ull),
    DEP(SGX, SGX_12_0_EBX, ~0ull),
    DEP(SGX, SGX_12_1_EAX, ~0ull),
    DEP(AVX10_128, 24_0_EBX, M(AVX10_256)),
    DEP(AVX10_256, 24_0_EBX, M(AVX10_512)),
    DEP3(AVX10_128, AVX10_256, AVX10_512, 7_1_EDX, M(AVX10)),
    DEP(AVX10, 24_0_EBX, ~0ull),
    DEP(X2APIC, KVM_X2APIC, M(X2APIC_SEOIB)),
};
const unsigned x86_nr_feature_deps = ARRAY_SIZE(x86_feature_deps);

#undef M
#undef DEP
#undef DEP3

/* Flags: 1 supervisor, 2 aligned to 64 bytes in the compacted format, 4 XFD. */
const X86XSaveComponent x86_xsave_components[XSAVE_COMPONENTS] = {
    [0] = { X86_FEATURE_XSAVE, 160, 0, 0 },
    [1] = { X86_FEATURE_XSAVE, 256, 160, 0 },
    [2] = { X86_FEATURE_AVX, 256, 576, 0 },
    [3] = { X86_FEATURE_MPX, 64, 960, 0 },
    [4] = { X86_FEATURE_MPX, 64, 1024, 0 },
    [5] = { X86_FEATURE_AVX512F, 64, 1088, 0 },
    [6] = { X86_FEATURE_AVX512F, 512, 1152, 0 },
    [7] = { X86_FEATURE_AVX512F, 1024, 1664, 0 },
    [9] = { X86_FEATURE_PKU, 8, 2688, 0 },
    [15] = { X86_FEATURE_ARCH_LBR, 808, 0, 1 },
    [17] = { X86_FEATURE_AMX_TILE, 64, 2752, 2 },
    [18] = { X86_FEATURE_AMX_TILE, 8192, 2816, 2 | 4 },
};
/* clang-format on */

const char *x86_feature_name(FeatureWord w, unsigned bit)
{
    return feature_names[w][bit];
}

uint64_t feature_word_named(FeatureWord w)
{
    uint64_t mask = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        mask |= feature_names[w][bit] ? 1ull << bit : 0;
    }
    return mask;
}

uint64_t feature_word_flagged(FeatureWord w, unsigned flag)
{
    const FeatureWordInfo *wi = &feature_word_info[w];
    uint64_t mask = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        mask |= feature_flags[w][bit] & flag ? 1ull << bit : 0;
    }
    mask |= flag & FEATURE_TCG ? wi->unnamed_tcg : 0;
    mask |= flag & FEATURE_MIGRATABLE ? wi->unnamed_migratable : 0;
    mask |= flag & FEATURE_NO_AUTOENABLE ? wi->unnamed_no_autoenable : 0;
    return mask;
}

const char *cpuid_reg_name(unsigned reg)
{
    static const char *const names[] = { "EAX", "EBX", "ECX", "EDX" };

    assert(reg < ARRAY_SIZE(names));
    return names[reg];
}

void feature_word_format(FeatureWord w, char *buf, size_t buf_len)
{
    const FeatureWordInfo *wi = &feature_word_info[w];

    switch (wi->source) {
    case FEATURE_SOURCE_CPUID:
        if (wi->has_subleaf) {
            g_snprintf(buf, buf_len, "CPUID[eax=%02Xh,ecx=%02Xh].%s", wi->leaf, wi->subleaf,
                       cpuid_reg_name(wi->reg));
        } else {
            g_snprintf(buf, buf_len, "CPUID[eax=%02Xh].%s", wi->leaf, cpuid_reg_name(wi->reg));
        }
        break;
    case FEATURE_SOURCE_MSR:
        g_snprintf(buf, buf_len, "MSR(%02Xh)", wi->msr);
        break;
    case FEATURE_SOURCE_KVM_X2APIC_API:
        g_snprintf(buf, buf_len, "KVM_CAP_X2APIC_API");
        break;
    }
}
