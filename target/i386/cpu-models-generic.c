/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU models that stand for no processor. Data only; the columns are described in cpu-models.h. */
#include "qemu/osdep.h"

#define X86_CPU_MODEL_TABLES
#include "target/i386/cpu-models.h"

/* clang-format off */

const X86CPUDefinition x86_model_kvm32 = {
    .name = "kvm32",
    .vendor = CPUID_VENDOR_INTEL,
    .family = 15, .model = 6, .stepping = 1,
    .level = 5, .xlevel = 0x80000008,
    .model_id = "Common 32-bit KVM processor",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI,
            VMX_VINTR_PENDING, VMX_TSC_OFFSET, VMX_HLT_EXIT, VMX_INVLPG_EXIT, VMX_MWAIT_EXIT,
            VMX_RDPMC_EXIT, VMX_RDTSC_EXIT, VMX_MOVDR_EXIT, VMX_IO_EXIT, VMX_IO_BITMAP,
            VMX_MSR_BITMAP, VMX_MONITOR_EXIT, VMX_PAUSE_EXIT,
            VMX_INTR_EXIT, VMX_NMI_EXIT,
            VMX_EXIT_ACK_INTR,
            VMX_ENTRY_IA32E_MODE,
            VMX_ACTIVITY_HLT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_kvm64 = {
    .name = "kvm64",
    .vendor = CPUID_VENDOR_INTEL,
    .family = 15, .model = 6, .stepping = 1,
    .level = 0xd, .xlevel = 0x80000008,
    .model_id = "Common KVM processor",
    .features = (const uint16_t[]) {
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE36, CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, CX16,
            SYSCALL, NX, LM,
            VMX_VINTR_PENDING, VMX_TSC_OFFSET, VMX_HLT_EXIT, VMX_INVLPG_EXIT, VMX_MWAIT_EXIT,
            VMX_RDPMC_EXIT, VMX_RDTSC_EXIT, VMX_CR8_LOAD_EXIT, VMX_CR8_STORE_EXIT,
            VMX_FLEXPRIORITY, VMX_MOVDR_EXIT, VMX_IO_EXIT, VMX_IO_BITMAP, VMX_MONITOR_EXIT,
            VMX_PAUSE_EXIT,
            VMX_INTR_EXIT, VMX_NMI_EXIT,
            VMX_EXIT_ACK_INTR,
            VMX_ENTRY_IA32E_MODE,
            VMX_ACTIVITY_HLT,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_qemu32 = {
    .name = "qemu32",
    .vendor = CPUID_VENDOR_INTEL,
    .family = 6, .model = 6, .stepping = 3,
    .level = 4, .xlevel = 0x80000004,
    .model_id = "QEMU Virtual CPU version 2.5+",
    .features = (const uint16_t[]) {
            FPU, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, PGE, CMOV, PAT, MMX, FXSR, SSE, SSE2,
            PNI,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};

const X86CPUDefinition x86_model_qemu64 = {
    .name = "qemu64",
    .vendor = CPUID_VENDOR_AMD,
    .family = 15, .model = 107, .stepping = 1,
    .level = 0xd, .xlevel = 0x8000000a,
    .model_id = "QEMU Virtual CPU version 2.5+",
    .features = (const uint16_t[]) {
            FPU, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT, PSE36,
            CLFLUSH, MMX, FXSR, SSE, SSE2,
            PNI, CX16,
            SYSCALL, NX, LM,
            LAHF_LM, SVM,
            X86_FEATURE_END },
    .versions = (const X86CPUVersionDefinition[]) {
        { .version = 1 },
        { 0 },
    },
};
