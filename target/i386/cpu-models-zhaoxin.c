/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zhaoxin CPU models. Data only; the columns are described in cpu-models.h. */
#include "qemu/osdep.h"

#define X86_CPU_MODEL_TABLES
#include "target/i386/cpu-models.h"

/* clang-format off */

const X86CPUDefinition x86_model_yongfeng = {
    .name = "YongFeng",
    .vendor = CPUID_VENDOR_CENTAUR,
    .family = 7, .model = 11, .stepping = 3,
    .level = 0x1f, .xlevel = 0x80000008,
    .model_id = "Zhaoxin YongFeng Processor",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, ACPI, MMX, FXSR, SSE, SSE2, SS,
            PNI, PCLMULQDQ, MONITOR, SSSE3, FMA, CX16, PCID, SSE4_1, SSE4_2, X2APIC, MOVBE, POPCNT,
            TSC_DEADLINE, AES, XSAVE, AVX, F16C, RDRAND,
            FSGSBASE, BMI1, AVX2, SMEP, BMI2, INVPCID, RDSEED, ADX, SMAP, SHA_NI,
            UMIP, PKU, RDPID,
            SPEC_CTRL, ARCH_CAPABILITIES,
            SYSCALL, NX, PDPE1GB, RDTSCP, LM,
            LAHF_LM, ABM, AMD_3DNOWPREFETCH,
            INVTSC,
            XSTORE, XSTORE_EN, XCRYPT, XCRYPT_EN, ACE2, PHE, PHE_EN, PMM, PMM_EN,
            XSAVEOPT,
            RDCTL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, PSCHANGE_MC_NO,
            VMX_VINTR_PENDING, VMX_TSC_OFFSET, VMX_HLT_EXIT, VMX_INVLPG_EXIT, VMX_MWAIT_EXIT,
            VMX_RDPMC_EXIT, VMX_RDTSC_EXIT, VMX_CR3_LOAD_NOEXIT, VMX_CR3_STORE_NOEXIT,
            VMX_CR8_LOAD_EXIT, VMX_CR8_STORE_EXIT, VMX_FLEXPRIORITY, VMX_VNMI_PENDING,
            VMX_MOVDR_EXIT, VMX_IO_EXIT, VMX_IO_BITMAP, VMX_MTF, VMX_MSR_BITMAP, VMX_MONITOR_EXIT,
            VMX_PAUSE_EXIT, VMX_SECONDARY_CTLS,
            VMX_APICV_XAPIC, VMX_EPT, VMX_DESC_EXIT, VMX_RDTSCP_EXIT, VMX_APICV_X2APIC, VMX_VPID,
            VMX_WBINVD_EXIT, VMX_UNRESTRICTED_GUEST, VMX_APICV_REGISTER, VMX_APICV_VID,
            VMX_RDRAND_EXIT, VMX_INVPCID_EXIT, VMX_VMFUNC, VMX_SHADOW_VMCS, VMX_PML,
            VMX_INTR_EXIT, VMX_NMI_EXIT, VMX_VNMI, VMX_PREEMPTION_TIMER, VMX_POSTED_INTR,
            VMX_EXIT_NOSAVE_DEBUGCTL, UNNAMED(VMX_EXIT_CTLS, 9), VMX_EXIT_LOAD_PERF_GLOBAL_CTRL,
            VMX_EXIT_ACK_INTR, VMX_EXIT_SAVE_PAT, VMX_EXIT_LOAD_PAT, VMX_EXIT_SAVE_EFER,
            VMX_EXIT_LOAD_EFER, VMX_EXIT_SAVE_PREEMPTION_TIMER,
            VMX_ENTRY_NOLOAD_DEBUGCTL, VMX_ENTRY_IA32E_MODE, VMX_ENTRY_LOAD_PERF_GLOBAL_CTRL,
            VMX_ENTRY_LOAD_PAT, VMX_ENTRY_LOAD_EFER,
            VMX_STORE_LMA, VMX_ACTIVITY_HLT, VMX_VMWRITE_VMEXIT_FIELDS,
            VMX_EPT_EXECONLY, VMX_PAGE_WALK_4, UNNAMED(VMX_EPT_VPID_CAPS, 14), VMX_EPT_2MB,
            VMX_EPT_1GB, VMX_INVEPT, VMX_EPTAD, VMX_INVEPT_SINGLE_CONTEXT, VMX_INVEPT_ALL_CONTEXT,
            VMX_INVVPID, VMX_INVVPID_SINGLE_ADDR, VMX_INVVPID_SINGLE_CONTEXT,
            VMX_INVVPID_ALL_CONTEXT, VMX_INVEPT_SINGLE_CONTEXT_NOGLOBALS,
            VMX_INS_OUTS, VMX_TRUE_CTLS,
            VMX_EPTP_SWITCHING,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { .version = 2,
          .note = "with the correct model number",
          .deltas = (const X86CPUDelta[]) {
              SET_NUM("model", 0x5b),
              DELTA_END } },
        { .version = 3,
          .note = "with the cache model and 0x1f leaf",
          .caches = &x86_caches_yongfeng,
          .deltas = (const X86CPUDelta[]) {
              SET_NUM("x-force-cpuid-0x1f", 1),
              DELTA_END } },
        { 0 },
    },
};
