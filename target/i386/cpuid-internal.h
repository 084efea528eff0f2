/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One CPUID query and the functions that answer it: cpuid.c, cpuid-cache.c and cpuid-hv.c. */
#ifndef I386_CPUID_INTERNAL_H
#define I386_CPUID_INTERNAL_H

#include "target/i386/cpu-internal.h"
#include "target/i386/cpuid.h"

typedef struct CPUIDQuery {
    const X86CPUConfig *cfg;
    const X86CPUTopo *topo;
    const X86CPUIDEnv *env;
    uint32_t leaf, subleaf;
    uint32_t *eax, *ebx, *ecx, *edx; /* zero when a function is called */
} CPUIDQuery;

/* cpuid-cache.c */
void cpuid_leaf_2(CPUIDQuery *q);
void cpuid_leaf_4(CPUIDQuery *q);
void cpuid_leaf_80000005(CPUIDQuery *q);
void cpuid_leaf_80000006(CPUIDQuery *q);
void cpuid_leaf_8000001d(CPUIDQuery *q);

/* cpuid-hv.c: 4000_0000h and above. */
void cpuid_hypervisor_leaf(CPUIDQuery *q);
/* The highest hypervisor leaf that starts at @base (4000_0000h, or 4000_0100h); 0: none. */
uint32_t cpuid_hypervisor_limit(const X86CPUConfig *cfg, uint32_t base);

/* A copy of what KVM supports, or of the host's CPUID. */
void cpuid_pass_kvm(CPUIDQuery *q);
void cpuid_pass_host(CPUIDQuery *q);
void cpuid_put_string(const char *s, uint32_t *a, uint32_t *b, uint32_t *c);

/* Intel's reading of a leaf where AMD differs (10.1 and newer machines). */
static inline bool cpuid_intel_rules(const X86CPUConfig *cfg)
{
    return cfg->vendor_cpuid_only_v2 && (x86_config_is_intel(cfg) || x86_config_is_zhaoxin(cfg));
}

/* Leaves that AMD does not have stay empty (6.1 and newer machines). */
static inline bool cpuid_amd_hides(const X86CPUConfig *cfg)
{
    return cfg->vendor_cpuid_only && x86_config_is_amd(cfg);
}

#endif
