/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID between KVM and the CPU model: what the kernel can do becomes an X86AccelInfo (feature
 * masks, host identification), and the configuration's leaves become the table of KVM_SET_CPUID2.
 * BQL.
 */
#include "qemu/osdep.h"
#include "target/i386/cpuid.h"
#include "target/i386/kvm/kvm-x86.h"

#include <cpuid.h>

#define CPUID_MAX_ENTRIES 1024u
/* Bits of CPUID.1:EDX that AMD repeats in 8000_0001:EDX. */
#define AMD_EDX_ALIASES 0x0183f3ffu

/* --- The kernel's table ---------------------------------------------------------------------- */

static struct kvm_cpuid2 *read_supported_cpuid(const KVMState *s)
{
    for (unsigned nr = 128; nr <= CPUID_MAX_ENTRIES; nr *= 2) {
        struct kvm_cpuid2 *c = g_malloc0(sizeof(*c) + nr * sizeof(c->entries[0]));
        int ret;

        c->nent = nr;
        ret = kvm_ioctl(s, KVM_GET_SUPPORTED_CPUID, c);
        if (ret >= 0) {
            c->nent = MIN(c->nent, nr);
            return c;
        }
        g_free(c);
        if (ret != -E2BIG) {
            warn_report("KVM_GET_SUPPORTED_CPUID failed: %s", strerror(-ret));
            break;
        }
    }
    return g_new0(struct kvm_cpuid2, 1);
}

static void import_kvm_cpuid(KVMState *s)
{
    KVMArchState *a = s->arch;
    g_autofree struct kvm_cpuid2 *c = read_supported_cpuid(s);

    a->kvm_cpuid = g_new0(X86CPUIDEntry, c->nent + 1);
    for (unsigned i = 0; i < c->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &c->entries[i];

        a->kvm_cpuid[i] = (X86CPUIDEntry){
            .leaf = e->function, .subleaf = e->index,
            .regs = { [CPUID_EAX] = e->eax, [CPUID_EBX] = e->ebx, [CPUID_ECX] = e->ecx,
                      [CPUID_EDX] = e->edx },
        };
    }
    a->info.kvm_cpuid = a->kvm_cpuid;
    a->info.nr_kvm_cpuid = c->nent;
}

static uint32_t kvm_reg(const KVMArchState *a, uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    return x86_cpuid_entry_find(a->info.kvm_cpuid, a->info.nr_kvm_cpuid, leaf, subleaf)[reg];
}

/* --- The host's own CPUID -------------------------------------------------------------------- */

/* Leaf 4 ends with a cache of type 0 and 1Dh with palette 1; the rest have one subleaf. */
static const struct {
    uint32_t leaf;
    uint32_t max_subleaves;
} host_leaves[] = {
    { 2, 1 }, { 4, 8 }, { 0x1d, 2 }, { 0x80000005, 1 }, { 0x80000006, 1 }, { 0x8000001d, 8 },
};

static void host_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    uint32_t max = __get_cpuid_max(leaf & 0x80000000, NULL);

    memset(regs, 0, 4 * sizeof(regs[0]));
    if (leaf <= max) {
        __cpuid_count(leaf, subleaf, regs[CPUID_EAX], regs[CPUID_EBX], regs[CPUID_ECX],
                      regs[CPUID_EDX]);
    }
}

static void import_host_cpuid(KVMArchState *a)
{
    unsigned nr = 0;

    for (size_t i = 0; i < ARRAY_SIZE(host_leaves); i++) {
        nr += host_leaves[i].max_subleaves;
    }
    a->host_cpuid = g_new0(X86CPUIDEntry, nr);
    nr = 0;
    for (size_t i = 0; i < ARRAY_SIZE(host_leaves); i++) {
        for (uint32_t sub = 0; sub < host_leaves[i].max_subleaves; sub++) {
            X86CPUIDEntry *e = &a->host_cpuid[nr++];

            e->leaf = host_leaves[i].leaf;
            e->subleaf = sub;
            host_cpuid(e->leaf, sub, e->regs);
        }
    }
    a->info.host_cpuid = a->host_cpuid;
    a->info.nr_host_cpuid = nr;
}

static void identify_host(X86AccelInfo *info)
{
    uint32_t r[4];

    host_cpuid(0, 0, r);
    memcpy(info->vendor, &r[CPUID_EBX], 4);
    memcpy(info->vendor + 4, &r[CPUID_EDX], 4);
    memcpy(info->vendor + 8, &r[CPUID_ECX], 4);
    host_cpuid(1, 0, r);
    info->stepping = r[CPUID_EAX] & 15;
    info->family = (r[CPUID_EAX] >> 8 & 15) + (r[CPUID_EAX] >> 20 & 0xff);
    info->model = (r[CPUID_EAX] >> 4 & 15) | (r[CPUID_EAX] >> 12 & 0xf0);
    for (unsigned i = 0; i < 3; i++) {
        host_cpuid(0x80000002 + i, 0, r);
        memcpy(info->model_id + 16 * i, r, 16);
    }
    host_cpuid(0x80000008, 0, r);
    info->phys_bits = r[CPUID_EAX] & 0xff;
}

/* --- Corrections to what the kernel reports -------------------------------------------------- */

static bool always(const KVMState *s)
{
    return true;
}

static bool lapic_in_user_space(const KVMState *s)
{
    return s->arch->irqchip_created && s->arch->mode == IRQCHIP_OFF;
}

static bool irqchip_is_split(const KVMState *s)
{
    return s->arch->irqchip_created && s->arch->mode == IRQCHIP_SPLIT;
}

/* The deadline timer belongs to the kernel's LAPIC and is not in KVM_GET_SUPPORTED_CPUID. */
static bool has_tsc_deadline(const KVMState *s)
{
    return s->arch->have_tsc_deadline && !lapic_in_user_space(s);
}

static bool no_arch_capabilities(const KVMState *s)
{
    return !kvm_msr_supported(s, 0x10a);
}

typedef enum Correction { CLEAR, SET, FROM_HOST } Correction;

static const struct {
    X86Feature feature;
    Correction what;
    bool (*when)(const KVMState *s);
} corrections[] = {
    /* What the vCPU model itself provides. */
    { X86_FEATURE_HYPERVISOR, SET, always },
    { X86_FEATURE_HT, SET, always },
    { X86_FEATURE_CMP_LEGACY, SET, always },
    { X86_FEATURE_TOPOEXT, SET, always },
    { X86_FEATURE_ARAT, SET, always },
    { X86_FEATURE_TSC_DEADLINE, SET, has_tsc_deadline },
    /* Emulated since ever; some kernels forget to say so. */
    { X86_FEATURE_MTRR, SET, always },
    { X86_FEATURE_PAT, SET, always },
    { X86_FEATURE_MCE, SET, always },
    { X86_FEATURE_MCA, SET, always },
    { X86_FEATURE_OVERFLOW_RECOV, SET, always },
    { X86_FEATURE_SUCCOR, SET, always },
    /* Speed hints about instructions that run natively. */
    { X86_FEATURE_ERMS, FROM_HOST, always },
    { X86_FEATURE_FSRM, FROM_HOST, always },
    { X86_FEATURE_FZRM, FROM_HOST, always },
    { X86_FEATURE_FSRS, FROM_HOST, always },
    { X86_FEATURE_FSRC, FROM_HOST, always },
    /* MWAIT would exit or sleep in the guest; needs an option of ours that does not exist yet. */
    { X86_FEATURE_MONITOR, CLEAR, always },
    { X86_FEATURE_ARCH_CAPABILITIES, CLEAR, no_arch_capabilities },
    /* These need the kernel's LAPIC. */
    { X86_FEATURE_X2APIC, CLEAR, lapic_in_user_space },
    { X86_FEATURE_TSC_DEADLINE, CLEAR, lapic_in_user_space },
    { X86_FEATURE_KVM_PV_UNHALT, CLEAR, lapic_in_user_space },
    { X86_FEATURE_KVM_PV_IPI, CLEAR, lapic_in_user_space },
    { X86_FEATURE_KVM_ASYNCPF_INT, CLEAR, lapic_in_user_space },
    /* Our I/O APIC codes the extended destination. */
    { X86_FEATURE_KVM_MSI_EXT_DEST_ID, SET, irqchip_is_split },
    { X86_FEATURE_KVM_HINT_DEDICATED, SET, always },
};

static bool host_has(X86Feature f)
{
    const FeatureWordInfo *w = &feature_word_info[x86_feature_word(f)];
    uint32_t r[4];

    host_cpuid(w->leaf, w->subleaf, r);
    return r[w->reg] & x86_feature_mask(f);
}

static void correct_features(const KVMState *s, uint64_t supported[FEATURE_WORDS])
{
    for (size_t i = 0; i < ARRAY_SIZE(corrections); i++) {
        X86Feature f = corrections[i].feature;

        if (!corrections[i].when(s)) {
            continue;
        }
        if (corrections[i].what != FROM_HOST) {
            x86_features_set(supported, f, corrections[i].what == SET);
        } else if (host_has(f)) {
            x86_features_set(supported, f, true);
        }
    }
    supported[FEAT_8000_0001_EDX] |= supported[FEAT_1_EDX] & AMD_EDX_ALIASES;
}

/* VMX control MSRs: bits 31:0 must be one, 63:32 may be one. A feature is a bit with a choice. */
static uint64_t vmx_controls(uint64_t msr)
{
    return (msr >> 32) & ~(uint32_t)msr;
}

static uint64_t supported_msr_word(const KVMState *s, FeatureWord w)
{
    uint64_t value = kvm_feature_msr(s, feature_word_info[w].msr);

    switch (w) {
    case FEAT_VMX_PROCBASED_CTLS:
    case FEAT_VMX_SECONDARY_CTLS:
    case FEAT_VMX_PINBASED_CTLS:
    case FEAT_VMX_EXIT_CTLS:
    case FEAT_VMX_ENTRY_CTLS:
        return vmx_controls(value);
    default:
        return value;
    }
}

/* XCR0 bits a guest may have, with those the process must ask for first (AMX). */
static uint64_t supported_xcr0(const KVMState *s)
{
    const KVMArchState *a = s->arch;
    uint64_t xcr0 = kvm_reg(a, 0xd, 0, CPUID_EAX) |
                    (uint64_t)kvm_reg(a, 0xd, 0, CPUID_EDX) << 32;
    uint64_t value = 0;
    struct kvm_device_attr attr = {
        .group = 0, .attr = KVM_X86_XCOMP_GUEST_SUPP, .addr = (uintptr_t)&value,
    };

    if (kvm_check_extension(s, KVM_CAP_SYS_ATTRIBUTES) &&
        kvm_ioctl(s, KVM_GET_DEVICE_ATTR, &attr) == 0) {
        xcr0 = value;
    }
    return xcr0;
}

static void fill_features(const KVMState *s, uint64_t supported[FEATURE_WORDS])
{
    uint64_t xcr0 = supported_xcr0(s);

    for (FeatureWord w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *i = &feature_word_info[w];

        switch (i->source) {
        case FEATURE_SOURCE_CPUID:
            supported[w] = kvm_reg(s->arch, i->leaf, i->subleaf, i->reg);
            break;
        case FEATURE_SOURCE_MSR:
            supported[w] = supported_msr_word(s, w);
            break;
        case FEATURE_SOURCE_KVM_X2APIC_API:
            supported[w] = 0; /* from x2apic_api_*, by x86_seoib_supported() */
            break;
        }
    }
    supported[FEAT_XSAVE_XCR0_LO] = (uint32_t)xcr0;
    supported[FEAT_XSAVE_XCR0_HI] = xcr0 >> 32;
    correct_features(s, supported);
}

/* --- X86AccelInfo ---------------------------------------------------------------------------- */

static X86IrqchipMode info_irqchip(const KVMArchState *a)
{
    static const X86IrqchipMode modes[] = {
        [IRQCHIP_OFF] = X86_IRQCHIP_OFF,
        [IRQCHIP_SPLIT] = X86_IRQCHIP_SPLIT,
        [IRQCHIP_ON] = X86_IRQCHIP_ON,
    };

    return a->irqchip_created ? modes[a->mode] : X86_IRQCHIP_UNKNOWN;
}

static void fill_info(KVMState *s)
{
    KVMArchState *a = s->arch;
    X86AccelInfo *info = &a->info;
    uint64_t mce_cap = 0;
    int tsc_khz;

    if (!a->kvm_cpuid) {
        import_kvm_cpuid(s);
        import_host_cpuid(a);
        identify_host(info);
        info->name = "KVM";
        info->kind = X86_ACCEL_KVM;
        info->level = kvm_reg(a, 0, 0, CPUID_EAX);
        info->xlevel = kvm_reg(a, 0x80000000, 0, CPUID_EAX);
        info->xlevel2 = kvm_reg(a, 0xc0000000, 0, CPUID_EAX);
        info->guest_phys_bits = kvm_reg(a, 0x80000008, 0, CPUID_EAX) >> 16 & 0xff;
        info->apic_bus_khz = 1000000; /* the kernel's LAPIC timer counts nanoseconds */
        info->perf_capabilities = kvm_feature_msr(s, 0x345);
        if (kvm_ioctl(s, KVM_X86_GET_MCE_CAP_SUPPORTED, &mce_cap) == 0) {
            info->lmce = mce_cap & MCG_LMCE_P;
        }
        tsc_khz = kvm_vm_ioctl(s, KVM_GET_TSC_KHZ, NULL);
        info->tsc_khz = MAX(tsc_khz, 0);
    }
    info->irqchip = info_irqchip(a);
    fill_features(s, info->supported);
    info->x2apic_api_system = kvm_check_extension(s, KVM_CAP_X2APIC_API);
    info->x2apic_api_vm = kvm_vm_check_extension(s, KVM_CAP_X2APIC_API);
}

void kvm_x86_get_info(MachineState *ms, X86AccelInfo *info)
{
    KVMState *s = kvm_state(ms);

    if (!s->arch->info_valid) {
        fill_info(s);
        s->arch->info_valid = true;
    }
    *info = s->arch->info;
}

void kvm_x86_free_info(KVMArchState *a)
{
    g_free(a->kvm_cpuid);
    g_free(a->host_cpuid);
}

/* --- KVM_SET_CPUID2 -------------------------------------------------------------------------- */

static void add_entry(void *opaque, uint32_t leaf, uint32_t subleaf, bool has_subleaf,
                      const uint32_t regs[4])
{
    struct kvm_cpuid2 *c = opaque;

    if (c->nent < CPUID_MAX_ENTRIES) {
        c->entries[c->nent++] = (struct kvm_cpuid_entry2){
            .function = leaf,
            .index = subleaf,
            .flags = has_subleaf ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = regs[CPUID_EAX], .ebx = regs[CPUID_EBX],
            .ecx = regs[CPUID_ECX], .edx = regs[CPUID_EDX],
        };
    }
}

bool kvm_x86_set_cpuid(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    X86CPUTopo topo = x86_cpu_topology(v->s->ms);
    X86CPUIDEnv env = x86_cpuid_env_reset(cpu->apic_id);
    g_autofree struct kvm_cpuid2 *c =
        g_malloc0(sizeof(*c) + CPUID_MAX_ENTRIES * sizeof(c->entries[0]));
    int ret;

    x86_cpuid_foreach(&cpu->cfg, &topo, &env, add_entry, c);
    ret = kvm_vcpu_ioctl(v, KVM_SET_CPUID2, c);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM refused the %u CPUID entries of CPU %d", c->nent,
                         v->cpu->index);
        return false;
    }
    return true;
}
