/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD and Hygon CPU models. Data only; the columns are described in cpu-models.h. */
#include "qemu/osdep.h"

#define X86_CPU_MODEL_TABLES
#include "target/i386/cpu-models.h"

/* clang-format off */

const X86CPUDefinition x86_model_dhyana = {
    .name = "Dhyana",
    .vendor = CPUID_VENDOR_HYGON,
    .family = 24, .model = 0, .stepping = 1,
    .level = 0xd, .xlevel = 0x8000001e,
    .model_id = "Hygon Dhyana Processor",
    .caches = &x86_caches_epyc,
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, MONITOR, SSSE3, FMA, CX16, SSE4_1, SSE4_2, MOVBE, POPCNT, XSAVE, AVX, F16C,
            RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, RDSEED, ADX, SMAP, CLFLUSHOPT,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, CR8LEGACY, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, OSVW, TOPOEXT,
            IBPB,
            NPT, NRIP_SAVE,
            XSAVEOPT, XSAVEC, XGETBV1,
            ARAT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .note = "XSAVES",
          .deltas = (const X86CPUDelta[]) {
              ON(XSAVES),
              DELTA_END } },
        { 0 },
    },
};

const X86CPUDefinition x86_model_epyc = {
    .name = "EPYC",
    .vendor = CPUID_VENDOR_AMD,
    .family = 23, .model = 1, .stepping = 2,
    .level = 0xd, .xlevel = 0x8000001e,
    .model_id = "AMD EPYC Processor",
    .caches = &x86_caches_epyc,
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, MONITOR, SSSE3, FMA, CX16, SSE4_1, SSE4_2, MOVBE, POPCNT, AES, XSAVE,
            AVX, F16C, RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, RDSEED, ADX, SMAP, CLFLUSHOPT, SHA_NI,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, CR8LEGACY, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, OSVW, TOPOEXT,
            NPT, NRIP_SAVE,
            XSAVEOPT, XSAVEC, XGETBV1,
            ARAT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .alias = "EPYC-IBPB",
          .deltas = (const X86CPUDelta[]) {
              ON(IBPB), SET_STR("model-id", "AMD EPYC Processor (with IBPB)"),
              DELTA_END } },
        { .version = 3,
          .deltas = (const X86CPUDelta[]) {
              ON(IBPB), ON(PERFCTR_CORE), ON(CLZERO), ON(XSAVEERPTR), ON(XSAVES),
              SET_STR("model-id", "AMD EPYC Processor"),
              DELTA_END } },
        { .version = 4,
          .caches = &x86_caches_epyc_v4,
          .deltas = (const X86CPUDelta[]) {
              SET_STR("model-id", "AMD EPYC-v4 Processor"),
              DELTA_END } },
        { .version = 5,
          .caches = &x86_caches_epyc_v5,
          .deltas = (const X86CPUDelta[]) {
              ON(OVERFLOW_RECOV), ON(SUCCOR), ON(LBRV), ON(TSC_SCALE), ON(VMCB_CLEAN),
              ON(FLUSHBYASID), ON(PAUSE_FILTER), ON(PFTHRESHOLD), ON(V_VMSAVE_VMLOAD), ON(VGIF),
              SET_STR("model-id", "AMD EPYC-v5 Processor"),
              DELTA_END } },
        { .version = 6,
          .note = "with x2apic-seoib",
          .deltas = (const X86CPUDelta[]) { ON(X2APIC), ON(X2APIC_SEOIB), DELTA_END } },
        { 0 },
    },
};

const X86CPUDefinition x86_model_epyc_genoa = {
    .name = "EPYC-Genoa",
    .vendor = CPUID_VENDOR_AMD,
    .family = 25, .model = 17, .stepping = 0,
    .level = 0xd, .xlevel = 0x80000022,
    .model_id = "AMD EPYC-Genoa Processor",
    .caches = &x86_caches_epyc_genoa,
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, MONITOR, SSSE3, FMA, CX16, PCID, SSE4_1, SSE4_2, MOVBE, POPCNT, AES,
            XSAVE, AVX, F16C, RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, AVX512F, AVX512DQ, RDSEED, ADX, SMAP,
            AVX512IFMA, CLFLUSHOPT, CLWB, AVX512CD, SHA_NI, AVX512BW, AVX512VL,
            AVX512VBMI, UMIP, PKU, AVX512VBMI2, GFNI, VAES, VPCLMULQDQ, AVX512VNNI, AVX512BITALG,
            AVX512_VPOPCNTDQ, LA57, RDPID,
            FSRM,
            AVX512_BF16,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, CR8LEGACY, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, OSVW, TOPOEXT,
            PERFCTR_CORE,
            CLZERO, XSAVEERPTR, WBNOINVD, IBPB, IBRS, AMD_STIBP, STIBP_ALWAYS_ON, AMD_SSBD,
            AMD_PSFD,
            NO_NESTED_DATA_BP, LFENCE_ALWAYS_SERIALIZING, NULL_SEL_CLR_BASE, AUTO_IBRS,
            NPT, NRIP_SAVE, VNMI, SVME_ADDR_CHK,
            XSAVEOPT, XSAVEC, XGETBV1, XSAVES,
            ARAT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .caches = &x86_caches_epyc_genoa_v2,
          .deltas = (const X86CPUDelta[]) {
              ON(OVERFLOW_RECOV), ON(SUCCOR), ON(LBRV), ON(TSC_SCALE), ON(VMCB_CLEAN),
              ON(FLUSHBYASID), ON(PAUSE_FILTER), ON(PFTHRESHOLD), ON(V_VMSAVE_VMLOAD), ON(VGIF),
              ON(FS_GS_BASE_NS), ON(PERFMON_V2),
              SET_STR("model-id", "AMD EPYC-Genoa-v2 Processor"),
              DELTA_END } },
        { .version = 3,
          .note = "with x2apic-seoib",
          .deltas = (const X86CPUDelta[]) { ON(X2APIC), ON(X2APIC_SEOIB), DELTA_END } },
        { 0 },
    },
};

const X86CPUDefinition x86_model_epyc_milan = {
    .name = "EPYC-Milan",
    .vendor = CPUID_VENDOR_AMD,
    .family = 25, .model = 1, .stepping = 1,
    .level = 0xd, .xlevel = 0x8000001e,
    .model_id = "AMD EPYC-Milan Processor",
    .caches = &x86_caches_epyc_milan,
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, MONITOR, SSSE3, FMA, CX16, PCID, SSE4_1, SSE4_2, MOVBE, POPCNT, AES,
            XSAVE, AVX, F16C, RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB,
            SHA_NI,
            UMIP, PKU, RDPID,
            FSRM,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, CR8LEGACY, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, OSVW, TOPOEXT,
            PERFCTR_CORE,
            CLZERO, XSAVEERPTR, WBNOINVD, IBPB, IBRS, AMD_STIBP, AMD_SSBD,
            NPT, NRIP_SAVE, SVME_ADDR_CHK,
            XSAVEOPT, XSAVEC, XGETBV1, XSAVES,
            ARAT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .caches = &x86_caches_epyc_milan_v2,
          .deltas = (const X86CPUDelta[]) {
              SET_STR("model-id", "AMD EPYC-Milan-v2 Processor"), ON(VAES), ON(VPCLMULQDQ),
              ON(STIBP_ALWAYS_ON), ON(AMD_PSFD), ON(NO_NESTED_DATA_BP),
              ON(LFENCE_ALWAYS_SERIALIZING), ON(NULL_SEL_CLR_BASE),
              DELTA_END } },
        { .version = 3,
          .caches = &x86_caches_epyc_milan_v3,
          .deltas = (const X86CPUDelta[]) {
              ON(OVERFLOW_RECOV), ON(SUCCOR), ON(LBRV), ON(TSC_SCALE), ON(VMCB_CLEAN),
              ON(FLUSHBYASID), ON(PAUSE_FILTER), ON(PFTHRESHOLD), ON(V_VMSAVE_VMLOAD), ON(VGIF),
              SET_STR("model-id", "AMD EPYC-Milan-v3 Processor"),
              DELTA_END } },
        { .version = 4,
          .note = "with x2apic-seoib",
          .deltas = (const X86CPUDelta[]) { ON(X2APIC), ON(X2APIC_SEOIB), DELTA_END } },
        { 0 },
    },
};

const X86CPUDefinition x86_model_epyc_rome = {
    .name = "EPYC-Rome",
    .vendor = CPUID_VENDOR_AMD,
    .family = 23, .model = 49, .stepping = 0,
    .level = 0xd, .xlevel = 0x8000001e,
    .model_id = "AMD EPYC-Rome Processor",
    .caches = &x86_caches_epyc_rome,
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, MONITOR, SSSE3, FMA, CX16, SSE4_1, SSE4_2, MOVBE, POPCNT, AES, XSAVE,
            AVX, F16C, RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA_NI,
            UMIP, RDPID,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, CR8LEGACY, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, OSVW, TOPOEXT,
            PERFCTR_CORE,
            CLZERO, XSAVEERPTR, WBNOINVD, IBPB, AMD_STIBP,
            NPT, NRIP_SAVE,
            XSAVEOPT, XSAVEC, XGETBV1, XSAVES,
            ARAT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .deltas = (const X86CPUDelta[]) {
              ON(IBRS), ON(AMD_SSBD),
              DELTA_END } },
        { .version = 3,
          .caches = &x86_caches_epyc_rome_v3,
          .deltas = (const X86CPUDelta[]) {
              SET_STR("model-id", "AMD EPYC-Rome-v3 Processor"),
              DELTA_END } },
        { .version = 4,
          .deltas = (const X86CPUDelta[]) {
              SET_STR("model-id", "AMD EPYC-Rome-v4 Processor (no XSAVES)"), OFF(XSAVES),
              DELTA_END } },
        { .version = 5,
          .caches = &x86_caches_epyc_rome_v5,
          .deltas = (const X86CPUDelta[]) {
              ON(OVERFLOW_RECOV), ON(SUCCOR), ON(LBRV), ON(TSC_SCALE), ON(VMCB_CLEAN),
              ON(FLUSHBYASID), ON(PAUSE_FILTER), ON(PFTHRESHOLD), ON(V_VMSAVE_VMLOAD), ON(VGIF),
              SET_STR("model-id", "AMD EPYC-Rome-v5 Processor"),
              DELTA_END } },
        { .version = 6,
          .note = "with x2apic-seoib",
          .deltas = (const X86CPUDelta[]) { ON(X2APIC), ON(X2APIC_SEOIB), DELTA_END } },
        { 0 },
    },
};

const X86CPUDefinition x86_model_epyc_turin = {
    .name = "EPYC-Turin",
    .vendor = CPUID_VENDOR_AMD,
    .family = 26, .model = 0, .stepping = 0,
    .level = 0xd, .xlevel = 0x80000022,
    .model_id = "AMD EPYC-Turin Processor",
    .caches = &x86_caches_epyc_turin,
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, MONITOR, SSSE3, FMA, CX16, PCID, SSE4_1, SSE4_2, MOVBE, POPCNT, AES,
            XSAVE, AVX, F16C, RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, AVX512F, AVX512DQ, RDSEED, ADX, SMAP,
            AVX512IFMA, CLFLUSHOPT, CLWB, AVX512CD, SHA_NI, AVX512BW, AVX512VL,
            AVX512VBMI, UMIP, PKU, AVX512VBMI2, GFNI, VAES, VPCLMULQDQ, AVX512VNNI, AVX512BITALG,
            AVX512_VPOPCNTDQ, LA57, RDPID, MOVDIRI, MOVDIR64B,
            FSRM, AVX512_VP2INTERSECT,
            AVX_VNNI, AVX512_BF16,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, CR8LEGACY, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, OSVW, TOPOEXT,
            PERFCTR_CORE,
            OVERFLOW_RECOV, SUCCOR,
            CLZERO, XSAVEERPTR, WBNOINVD, IBPB, IBRS, AMD_STIBP, STIBP_ALWAYS_ON, AMD_SSBD,
            AMD_PSFD,
            NO_NESTED_DATA_BP, FS_GS_BASE_NS, LFENCE_ALWAYS_SERIALIZING, NULL_SEL_CLR_BASE,
            AUTO_IBRS, PREFETCHI, SBPB, IBPB_BRTYPE, SRSO_USER_KERNEL_NO,
            PERFMON_V2,
            NPT, LBRV, NRIP_SAVE, TSC_SCALE, VMCB_CLEAN, FLUSHBYASID, PAUSE_FILTER, PFTHRESHOLD,
            V_VMSAVE_VMLOAD, VGIF, VNMI, SVME_ADDR_CHK,
            XSAVEOPT, XSAVEC, XGETBV1, XSAVES,
            ARAT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .note = "with x2apic-seoib",
          .deltas = (const X86CPUDelta[]) { ON(X2APIC), ON(X2APIC_SEOIB), DELTA_END } },
        { 0 },
    },
};

const X86CPUDefinition x86_model_opteron_g1 = {
    .name = "Opteron_G1",
    .vendor = CPUID_VENDOR_AMD,
    .family = 15, .model = 6, .stepping = 1,
    .level = 5, .xlevel = 0x80000008,
    .model_id = "AMD Opteron 240 (Gen 1 Class Opteron)",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI,
            SYSCALL, NX, LM,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_opteron_g2 = {
    .name = "Opteron_G2",
    .vendor = CPUID_VENDOR_AMD,
    .family = 15, .model = 6, .stepping = 1,
    .level = 5, .xlevel = 0x80000008,
    .model_id = "AMD Opteron 22xx (Gen 2 Class Opteron)",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, CX16,
            SYSCALL, NX, LM,
            LAHF_LM, SVM,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_opteron_g3 = {
    .name = "Opteron_G3",
    .vendor = CPUID_VENDOR_AMD,
    .family = 16, .model = 2, .stepping = 3,
    .level = 5, .xlevel = 0x80000008,
    .model_id = "AMD Opteron 23xx (Gen 3 Class Opteron)",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, MONITOR, CX16, POPCNT,
            SYSCALL, NX, RDTSCP, LM,
            LAHF_LM, SVM, ABM, SSE4A, MISALIGNSSE,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_opteron_g4 = {
    .name = "Opteron_G4",
    .vendor = CPUID_VENDOR_AMD,
    .family = 21, .model = 1, .stepping = 2,
    .level = 0xd, .xlevel = 0x8000001a,
    .model_id = "AMD Opteron 62xx class CPU",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, SSSE3, CX16, SSE4_1, SSE4_2, POPCNT, AES, XSAVE, AVX,
            SYSCALL, NX, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, XOP, FMA4,
            NPT, NRIP_SAVE,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_opteron_g5 = {
    .name = "Opteron_G5",
    .vendor = CPUID_VENDOR_AMD,
    .family = 21, .model = 2, .stepping = 0,
    .level = 0xd, .xlevel = 0x8000001a,
    .model_id = "AMD Opteron 63xx class CPU",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, PCLMULQDQ, SSSE3, FMA, CX16, SSE4_1, SSE4_2, POPCNT, AES, XSAVE, AVX, F16C,
            SYSCALL, NX, PDPE1GB, RDTSCP, LM,
            LAHF_LM, SVM, ABM, SSE4A, MISALIGNSSE, AMD_3DNOWPREFETCH, XOP, FMA4, TBM,
            NPT, NRIP_SAVE,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_athlon = {
    .name = "athlon",
    .vendor = CPUID_VENDOR_AMD,
    .family = 6, .model = 2, .stepping = 3,
    .level = 2, .xlevel = 0x80000008,
    .model_id = "QEMU Virtual CPU version 2.5+",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, MMX, FXSR, SSE, SSE2,
            MMXEXT, AMD_3DNOWEXT, AMD_3DNOW,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_phenom = {
    .name = "phenom",
    .vendor = CPUID_VENDOR_AMD,
    .family = 16, .model = 2, .stepping = 3,
    .level = 5, .xlevel = 0x8000001a,
    .model_id = "AMD Phenom(tm) 9550 Quad-Core Processor",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, MONITOR, CX16, POPCNT,
            SYSCALL, NX, MMXEXT, FXSR_OPT, PDPE1GB, RDTSCP, LM, AMD_3DNOWEXT, AMD_3DNOW,
            LAHF_LM, SVM, ABM, SSE4A,
            NPT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};
