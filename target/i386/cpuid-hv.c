/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID leaves of the hypervisor: KVM's (Linux Documentation/virt/kvm/x86/cpuid.rst), Hyper-V's
 * (TLFS chapter 2) and the software CPU's signature. With Hyper-V enlightenments, Hyper-V takes
 * 4000_0000h and KVM moves to 4000_0100h. Pure.
 */
#include "qemu/osdep.h"

#include "target/i386/cpuid-internal.h"

enum {
    HV_BASE = 0x40000000,
    KVM_BASE_WITH_HYPERV = 0x40000100,
    HV_LEAF_MAX = 0x40000005, /* implementation limits */
    HV_LEAF_MAX_NESTED = 0x4000000a,
};

static bool hyperv_enabled(const X86CPUConfig *cfg)
{
    return cfg->accel_kind == X86_ACCEL_KVM &&
           (cfg->hv_features || cfg->hv_passthrough || cfg->hv_spinlocks != UINT32_MAX);
}

static bool has_hv(const X86CPUConfig *cfg, X86HypervFeature f)
{
    return cfg->hv_features >> f & 1;
}

static bool hyperv_nested(const X86CPUConfig *cfg)
{
    return has_hv(cfg, HYPERV_FEAT_EVMCS) || has_hv(cfg, HYPERV_FEAT_MSR_BITMAP) ||
           has_hv(cfg, HYPERV_FEAT_TLBFLUSH_DIRECT);
}

/* The leaf with the TSC and bus frequency, VMware's invention. Only when the TSC keeps its rate. */
static bool has_frequency_leaf(const X86CPUConfig *cfg)
{
    bool known = cfg->tsc_frequency || (x86_has(cfg, X86_FEATURE_INVTSC) && cfg->accel.tsc_khz);

    return cfg->accel_kind == X86_ACCEL_KVM && cfg->vmware_cpuid_freq && cfg->kvm && known &&
           !hyperv_enabled(cfg);
}

uint32_t cpuid_hypervisor_limit(const X86CPUConfig *cfg, uint32_t base)
{
    if (base == KVM_BASE_WITH_HYPERV) {
        return hyperv_enabled(cfg) && cfg->kvm ? base + 1 : 0;
    }
    if (cfg->accel_kind != X86_ACCEL_KVM) {
        return base + 1;
    }
    if (hyperv_enabled(cfg)) {
        return hyperv_nested(cfg) ? HV_LEAF_MAX_NESTED : HV_LEAF_MAX;
    }
    if (!cfg->kvm) {
        return 0;
    }
    return has_frequency_leaf(cfg) ? base + 0x10 : base + 1;
}

static void signature(CPUIDQuery *q, uint32_t max, const char *text)
{
    *q->eax = max;
    cpuid_put_string(text, q->ebx, q->ecx, q->edx);
}

/* ---- KVM ------------------------------------------------------------------------------------- */

static void kvm_leaf(CPUIDQuery *q, uint32_t base)
{
    const X86CPUConfig *cfg = q->cfg;

    switch (q->leaf - base) {
    case 0:
        signature(q, cpuid_hypervisor_limit(cfg, base), "KVMKVMKVM");
        break;
    case 1:
        *q->eax = cfg->features[FEAT_KVM];
        *q->edx = cfg->features[FEAT_KVM_HINTS];
        break;
    case 0x10:
        if (has_frequency_leaf(cfg)) {
            *q->eax = cfg->tsc_frequency ? cfg->tsc_frequency / 1000 : cfg->accel.tsc_khz;
            *q->ebx = cfg->accel.apic_bus_khz ? cfg->accel.apic_bus_khz : 1000000;
        }
        break;
    }
}

/* ---- Hyper-V --------------------------------------------------------------------------------- */

/* Which CPUID bits an enlightenment sets: leaf 4000_0003h EAX and EDX, 4000_0004h EAX, 4000_000Ah
 * EAX. */
/* clang-format off */
static const struct {
    uint32_t privileges, features, recommend, nested;
} hyperv_bits[HYPERV_FEATURES] = {
    [HYPERV_FEAT_RELAXED] = { .recommend = BIT(5) },
    [HYPERV_FEAT_VAPIC] = { .privileges = BIT(4), .recommend = BIT(3) },
    [HYPERV_FEAT_TIME] = { .privileges = BIT(1) | BIT(9) },
    [HYPERV_FEAT_CRASH] = { .features = BIT(10) },
    [HYPERV_FEAT_RESET] = { .privileges = BIT(7) },
    [HYPERV_FEAT_VPINDEX] = { .privileges = BIT(6) },
    [HYPERV_FEAT_RUNTIME] = { .privileges = BIT(0) },
    [HYPERV_FEAT_SYNIC] = { .privileges = BIT(2) },
    [HYPERV_FEAT_STIMER] = { .privileges = BIT(3) },
    [HYPERV_FEAT_FREQUENCIES] = { .privileges = BIT(11), .features = BIT(8) },
    [HYPERV_FEAT_REENLIGHTENMENT] = { .privileges = BIT(13) },
    [HYPERV_FEAT_TLBFLUSH] = { .recommend = BIT(2) | BIT(11) },
    [HYPERV_FEAT_EVMCS] = { .recommend = BIT(14), .nested = 0x0101 }, /* versions 1 to 1 */
    [HYPERV_FEAT_IPI] = { .recommend = BIT(10) | BIT(11) },
    [HYPERV_FEAT_STIMER_DIRECT] = { .features = BIT(19) },
    [HYPERV_FEAT_AVIC] = { .recommend = BIT(9) },
    [HYPERV_FEAT_SYNDBG] = { .features = BIT(11) },
    [HYPERV_FEAT_MSR_BITMAP] = { .nested = BIT(19) },
    [HYPERV_FEAT_XMM_INPUT] = { .features = BIT(4) },
    [HYPERV_FEAT_TLBFLUSH_EXT] = { .features = BIT(14) },
    [HYPERV_FEAT_TLBFLUSH_DIRECT] = { .nested = BIT(17) },
};
/* clang-format on */

enum {
    HV_HYPERCALL = BIT(5),           /* 4000_0003h EAX: always there */
    HV_DYNAMIC_PARTITION = BIT(3),   /* 4000_0003h EDX: Windows hotplugs CPUs only with it */
    HV_NO_NONARCH_SHARING = BIT(18), /* 4000_0004h EAX */
    HV_MAX_LPS = 0x40,               /* 4000_0005h EBX: logical processors */
};

static void hyperv_feature_leaf(CPUIDQuery *q)
{
    uint32_t privileges = HV_HYPERCALL, features = HV_DYNAMIC_PARTITION, recommend = 0, nested = 0;

    for (unsigned f = 0; f < HYPERV_FEATURES; f++) {
        if (has_hv(q->cfg, f)) {
            privileges |= hyperv_bits[f].privileges;
            features |= hyperv_bits[f].features;
            recommend |= hyperv_bits[f].recommend;
            nested |= hyperv_bits[f].nested;
        }
    }
    if (q->leaf == HV_BASE + 3) {
        *q->eax = privileges;
        *q->edx = features;
    } else if (q->leaf == HV_BASE + 4) {
        *q->eax =
            recommend | (q->cfg->hv_no_nonarch_coresharing == X86_ON ? HV_NO_NONARCH_SHARING : 0);
        *q->ebx = q->cfg->hv_spinlocks;
    } else {
        *q->eax = nested;
    }
}

static void hyperv_leaf(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;

    switch (q->leaf - HV_BASE) {
    case 0:
        signature(q, cpuid_hypervisor_limit(cfg, HV_BASE),
                  *cfg->hv_vendor_id ? cfg->hv_vendor_id : "Microsoft Hv");
        break;
    case 1:
        *q->eax = 0x31237648; /* "Hv#1" */
        break;
    case 2:
        *q->eax = cfg->hv_version_build;
        *q->ebx = (uint32_t)cfg->hv_version_major << 16 | cfg->hv_version_minor;
        *q->ecx = cfg->hv_version_spack;
        *q->edx = (uint32_t)cfg->hv_version_sbranch << 24 | (cfg->hv_version_snumber & 0xffffff);
        break;
    case 3:
    case 4:
    case 10:
        hyperv_feature_leaf(q);
        break;
    case 5:
        *q->eax = (uint32_t)cfg->hv_max_vps; /* -1: no limit */
        *q->ebx = HV_MAX_LPS;
        break;
    }
}

void cpuid_hypervisor_leaf(CPUIDQuery *q)
{
    const X86CPUConfig *cfg = q->cfg;

    if (cfg->accel_kind != X86_ACCEL_KVM) {
        if (q->leaf == HV_BASE && cfg->tcg_cpuid) {
            signature(q, HV_BASE + 1, "TCGTCGTCGTCG");
        }
    } else if (!hyperv_enabled(cfg)) {
        if (cfg->kvm) {
            kvm_leaf(q, HV_BASE);
        }
    } else if (q->leaf < KVM_BASE_WITH_HYPERV) {
        hyperv_leaf(q);
    } else if (cfg->kvm) {
        kvm_leaf(q, KVM_BASE_WITH_HYPERV);
    }
}
