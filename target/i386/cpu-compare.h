/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models as sets: which of two can stand in for the other, what both have, and which model
 * version describes that best. Set arithmetic only: knows no names, accelerators or JSON. Pure.
 */
#ifndef I386_CPU_COMPARE_H
#define I386_CPU_COMPARE_H

#include "target/i386/cpu-config.h"

/*
 * What a CPU asks of whoever is to provide it: its named features and two capabilities that are no
 * feature bits. What it merely says about itself (vendor, family, model-id, caches, levels) any
 * host can repeat, so it is no part of this.
 */
typedef struct X86CPUDemand {
    uint64_t features[FEATURE_WORDS];
    bool lmce;
    uint8_t avx10_version; /* 0: none; each version includes the ones before */
} X86CPUDemand;

typedef enum X86CPUOrder {
    X86_CPU_INCOMPATIBLE, /* each has something the other lacks */
    X86_CPU_IDENTICAL,
    X86_CPU_SUPERSET, /* the first has all of the second and more */
    X86_CPU_SUBSET,
} X86CPUOrder;

/* Of an expanded configuration. */
void x86_cpu_demand_of(const X86CPUConfig *cfg, X86CPUDemand *d);
X86CPUOrder x86_cpu_demand_order(const X86CPUDemand *a, const X86CPUDemand *b);
/* Whether a host that can provide @outer can provide @inner. */
bool x86_cpu_demand_contains(const X86CPUDemand *outer, const X86CPUDemand *inner);
/* What both have, without features whose dependencies (x86_feature_deps) are not among it. */
void x86_cpu_demand_common(const X86CPUDemand *a, const X86CPUDemand *b, X86CPUDemand *common);
/* The features only one of them has. */
void x86_cpu_demand_differ(const X86CPUDemand *a, const X86CPUDemand *b,
                           uint64_t words[FEATURE_WORDS]);

/* A model version that could describe a set of features. */
typedef struct X86CPUCandidate {
    const char *model;  /* without version */
    const char *vendor; /* of the processor it was made after */
    int version;
    X86CPUDemand demand;
} X86CPUCandidate;

/* What to prefer among candidates that fit: models of @vendor (NULL: any), then the most features,
 * then the model versions @model[], @version[] themselves (NULL: none), then other versions of
 * these models, then the newest version. */
typedef struct X86CPUWish {
    const char *vendor;
    const char *model[2];
    int version[2];
} X86CPUWish;

/* The candidate that describes @d best, NULL when none fits. It fits when @d has all it demands,
 * features in @optional (which a property can take from any model) aside. */
const X86CPUCandidate *x86_cpu_best_candidate(const X86CPUCandidate *candidates, unsigned nr,
                                              const X86CPUDemand *d,
                                              const uint64_t optional[FEATURE_WORDS],
                                              const X86CPUWish *wish);

#endif
