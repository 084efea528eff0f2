/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the CPU configuration share among themselves. */
#ifndef I386_CPU_INTERNAL_H
#define I386_CPU_INTERNAL_H

#include "target/i386/cpu-config.h"
#include "target/i386/cpu-models.h"

/* cpu-props.c */
void x86_cpu_props_set_defaults(X86CPUConfig *cfg);
bool x86_cpu_prop_is_static(const X86CPUProp *p);
bool x86_cpu_prop_is_alias(const X86CPUProp *p);

/* What a model name stands for. */
typedef struct X86CPUModelRef {
    X86CPUClassKind kind;
    const X86CPUDefinition *def; /* X86_CPU_TABLE only */
    int version;                 /* of the name; -1: unversioned, the machine decides */
    const char *alias;           /* set when the name is the fixed alias of a version */
} X86CPUModelRef;

/* cpu-model.c: false when @name is nothing we know. */
bool x86_cpu_model_lookup(const char *name, X86CPUModelRef *ref);
/* The version of @ref in a machine; 0: the base definition. */
int x86_cpu_model_resolve(const X86CPUModelRef *ref, int default_version);
/* The features every table model has with this accelerator, whatever the processor had. */
void x86_cpu_default_features(uint64_t words[FEATURE_WORDS], const X86AccelInfo *info);
/* x86_cpu_config_init() of a name that is known already. */
bool x86_cpu_config_init_ref(X86CPUConfig *cfg, const char *name, const X86CPUModelRef *ref,
                             const X86CPUContext *ctx, Error **errp);
/* cpu-config.c: whether the CPU has a leaf 1Fh: dies, modules or by order. */
bool x86_config_has_leaf_1f(const X86CPUConfig *cfg, const X86CPUTopo *topo);

/* cpu-report.c */
void x86_report(X86CPUReport *report, X86ReportKind kind, const char *hint, const char *fmt, ...)
    G_GNUC_PRINTF(4, 5);
/* Once per @report. */
void x86_report_seoib(X86CPUReport *report, X86SeoibText text);

#endif
