/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP replies about CPU models as json-c objects. Pure: no CPU is created. */
#ifndef I386_CPU_QMP_H
#define I386_CPU_QMP_H

#include "target/i386/cpu-config.h"

#include <json-c/json.h>

typedef enum X86ExpansionType { X86_EXPANSION_STATIC, X86_EXPANSION_FULL } X86ExpansionType;

/* Calls @fn with every name -cpu takes: models, versions and aliases. */
void x86_cpu_model_foreach(void (*fn)(void *opaque, const char *name), void *opaque);
/* The array query-cpu-definitions returns. */
json_object *x86_query_cpu_definitions(const X86CPUContext *ctx);
/* The object query-cpu-model-expansion returns. @props: a JSON object of overrides, or NULL.
 * "CPU model 'X' not found" and property errors in QEMU's words. */
json_object *x86_query_cpu_model_expansion(const X86CPUContext *ctx, X86ExpansionType type,
                                           const char *model, json_object *props, Error **errp);
/* The object query-cpu-model-comparison returns. The same errors. */
json_object *x86_query_cpu_model_comparison(const X86CPUContext *ctx, const char *model_a,
                                            json_object *props_a, const char *model_b,
                                            json_object *props_b, Error **errp);
/* The object query-cpu-model-baseline returns. */
json_object *x86_query_cpu_model_baseline(const X86CPUContext *ctx, const char *model_a,
                                          json_object *props_a, const char *model_b,
                                          json_object *props_b, Error **errp);
/* The model of a query, expanded: @cfg is @model with @props (NULL: none). @shown is what the query
 * calls it ("modela"). */
bool x86_query_cpu_model(X86CPUConfig *cfg, const X86CPUContext *ctx, const char *shown,
                         const char *model, json_object *props, Error **errp);
/* A property of a realized CPU as JSON (qom-get), NULL when there is no such property. Includes
 * feature-words, filtered-features, unavailable-features. */
json_object *x86_cpu_prop_get_json(const X86CPUConfig *cfg, const char *name);
/* Sets a property from JSON with QEMU's type errors ("Invalid parameter type for 'avx', expected:
 * boolean"). */
bool x86_cpu_prop_set_json(X86CPUConfig *cfg, const char *name, json_object *value, Error **errp);
/* unavailable-features: property names of filtered bits, an array of strings. */
json_object *x86_cpu_unavailable_features(const X86CPUConfig *cfg);
/* The text of -cpu help. Caller frees. */
char *x86_cpu_help(void);

#endif
