/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CPUID answers: a pure function of the CPU's configuration, the topology and the few bits
 * that follow the CPU's state. Every accelerator uses it. Intel SDM vol 2A CPUID; AMD APM vol 3
 * appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst; Hyper-V TLFS 2.4.
 */
#ifndef I386_CPUID_H
#define I386_CPUID_H

#include "target/i386/cpu-config.h"
#include "target/i386/cpu-topology.h"

/* What of the answer depends on the state of the CPU. A KVM vCPU gets its table once, with
 * cpuid_env_reset: the kernel updates the dynamic bits itself. */
typedef struct X86CPUIDEnv {
    uint32_t apic_id;
    bool apic_enabled; /* IA32_APIC_BASE.EN; off clears CPUID.1:EDX.APIC */
    bool osxsave;      /* CR4.OSXSAVE */
    bool ospke;        /* CR4.PKE */
    bool long_mode;    /* EFER.LMA: Intel CPUs show SYSCALL in 64-bit mode only */
    uint64_t xcr0;     /* for the size of the XSAVE area in use */
} X86CPUIDEnv;

/* The state after power-on of the CPU with @apic_id; long mode, as far as CPUID tells it apart. */
X86CPUIDEnv x86_cpuid_env_reset(uint32_t apic_id);

/*
 * out[CPUID_EAX..CPUID_EDX] = CPUID(@leaf, @subleaf) of a realized configuration. Leaves above the
 * CPU's highest answer as Intel CPUs do, with the highest basic leaf.
 */
void x86_cpuid(const X86CPUConfig *cfg, const X86CPUTopo *topo, const X86CPUIDEnv *env,
               uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* Size in bytes of the XSAVE area for the components @xstate; @compacted: XSAVEC format. */
uint32_t x86_xsave_area_size(const X86CPUConfig *cfg, uint64_t xstate, bool compacted);
/* XCR0 and IA32_XSS bits the guest may set. */
uint64_t x86_cpu_xcr0_allowed(const X86CPUConfig *cfg);
uint64_t x86_cpu_xss_allowed(const X86CPUConfig *cfg);

/*
 * Calls @fn for each CPUID entry the configuration has, in KVM_SET_CPUID2 order: hypervisor leaves,
 * basic leaves with their subleaves, extended leaves, Centaur leaves. @has_subleaf: the subleaf
 * matters (KVM_CPUID_FLAG_SIGNIFCANT_INDEX).
 */
typedef void (*X86CPUIDEntryFn)(void *opaque, uint32_t leaf, uint32_t subleaf, bool has_subleaf,
                                const uint32_t regs[4]);
void x86_cpuid_foreach(const X86CPUConfig *cfg, const X86CPUTopo *topo, const X86CPUIDEnv *env,
                       X86CPUIDEntryFn fn, void *opaque);

#endif
