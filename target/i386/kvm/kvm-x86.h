/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x86 half of the KVM accelerator, shared by the files of this folder. BQL. */
#ifndef TARGET_I386_KVM_X86_H
#define TARGET_I386_KVM_X86_H

#include "accel/kvm/kvm-int.h"
#include "hw/intc/irqchip.h"
#include "target/i386/cpu.h"

/* IA32_MCG_CAP */
#define MCG_CTL_P (1ull << 8)
#define MCG_SER_P (1ull << 24)
#define MCG_LMCE_P (1ull << 27)

#define KVM_IOAPIC_PINS 24u
/* GSIs whose EOIs come back in split mode: the pins, then for each the route by which the interrupt
 * in service was sent, when its RTE says something else by now. */
#define KVM_SPLIT_GSIS (2 * KVM_IOAPIC_PINS)

/* Four pages of guest address space the kernel wants on Intel hosts (an identity page table and a
 * TSS); boards mark them reserved. */
#define KVM_IDENTITY_BASE 0xfeffc000ull

typedef struct KVMArchState {
    /* Facts about the kernel; const after kvm_arch_init(). */
    bool have_sregs2, have_exception_payload, have_triple_fault, have_smm;
    bool have_debugregs, have_xcrs, have_vcpu_events, have_tsc_deadline, have_mp_state;
    GArray *msrs;         /* uint32_t, sorted: KVM_GET_MSR_INDEX_LIST */
    GArray *feature_msrs; /* same of KVM_GET_MSR_FEATURE_INDEX_LIST */
    GArray *refused_msrs; /* uint32_t: warned about, not tried again */

    /* The irqchip. */
    bool irqchip_created;
    IrqChipMode mode;
    IrqRoute routes[KVM_SPLIT_GSIS];
    GArray *msi_routes; /* of MsiRoute: GSIs from KVM_SPLIT_GSIS on, for irqfds */
    unsigned max_gsis;  /* the kernel's limit; 0: it has no irqfds */
    bool routes_dirty;
    uint64_t raised[KVM_IOAPIC_PINS]; /* on: how often set_gsi() raised it; atomic */

    /* KVM_CAP_X2APIC_API: programmed by the first vCPU. */
    bool x2apic_set;
    bool x2apic_ids; /* LAPIC pages and MSIs use 32-bit ids */
    X86SeoibDecision seoib;

    /* What kvm_x86_get_info() gives, for the irqchip mode in info.irqchip. */
    bool info_valid;
    X86AccelInfo info;
    X86CPUIDEntry *kvm_cpuid, *host_cpuid;

    bool clock_valid; /* the guest's paravirtual clock was read when the machine stopped */
    uint64_t clock_ns;
} KVMArchState;

static inline X86CPU *kvm_x86_cpu(const KVMVcpu *v)
{
    return X86_CPU(v->cpu);
}

/* The LAPIC is in the kernel. */
static inline bool kvm_lapic_in_kernel(const KVMState *s)
{
    return s->arch->irqchip_created && s->arch->mode != IRQCHIP_OFF;
}

/* kvm-cpuid.c */
void kvm_x86_get_info(MachineState *ms, X86AccelInfo *info);
void kvm_x86_free_info(KVMArchState *a);
bool kvm_x86_set_cpuid(KVMVcpu *v, Error **errp);

/* kvm-msrs.c: the lists of the kernel; the feature MSR @index or 0. */
bool kvm_msr_init(KVMState *s, Error **errp);
void kvm_msr_fini(KVMState *s);
bool kvm_msr_supported(const KVMState *s, uint32_t index);
uint64_t kvm_feature_msr(const KVMState *s, uint32_t index);
/* MSRs of env; @full also those only a reset or a state load changes. What the kernel refuses is
 * named in a warning once and left out: false only when the ioctl itself fails. */
bool kvm_put_msrs(KVMVcpu *v, bool full, Error **errp);
bool kvm_get_msrs(KVMVcpu *v, Error **errp);
/* Again, after the local APIC: the kernel takes it only where the timer is in that mode. */
bool kvm_put_tsc_deadline(KVMVcpu *v, Error **errp);
/* MSRs that tell features: set once, after KVM_SET_CPUID2. */
bool kvm_put_feature_msrs(KVMVcpu *v, Error **errp);

/* kvm-irqchip.c */
bool kvm_get_lapic_page(X86CPU *cpu, uint8_t page[1024], Error **errp);
bool kvm_set_lapic_page(X86CPU *cpu, const uint8_t page[1024], Error **errp);

/* kvm-chips.c: devices that stand for the kernel's 8259 pair, I/O APIC and PIT. */
bool kvm_chips_create(MachineState *ms, Error **errp);
/* IrqChipOps.dump with kernel-irqchip=on. */
void kvm_chips_dump(void *opaque, GString *ioapic, GString *pic, GString *irq);
/* IrqChipOps.pit_disconnect with kernel-irqchip=on. */
void kvm_pit_disconnect(void *opaque, bool disconnected);

/* kvm-regs.c: everything but MSRs and the LAPIC. */
bool kvm_get_regs(KVMVcpu *v, Error **errp);
bool kvm_put_regs(KVMVcpu *v, bool full, Error **errp);

#endif
