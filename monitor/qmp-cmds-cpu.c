/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about CPU models: the machine's context, then target/i386 does the work. Main loop,
 * BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "qapi/qapi-commands.h"
#include "target/i386/cpu-qmp.h"
#include "target/i386/cpu.h"

bool qmp_query_cpu_definitions(json_object **ret, Error **errp)
{
    X86CPUContext ctx;

    if (!x86_cpu_get_context(current_machine, &ctx, errp)) {
        return false;
    }
    *ret = x86_query_cpu_definitions(&ctx);
    return true;
}

bool qmp_query_cpu_model_expansion(const QueryCpuModelExpansionArgs *args, json_object **ret,
                                   Error **errp)
{
    X86CPUContext ctx;
    X86ExpansionType type = args->type == CPU_MODEL_EXPANSION_TYPE_FULL ? X86_EXPANSION_FULL
                                                                         : X86_EXPANSION_STATIC;

    if (!x86_cpu_get_context(current_machine, &ctx, errp)) {
        return false;
    }
    *ret = x86_query_cpu_model_expansion(&ctx, type, args->model->name, args->model->props, errp);
    return *ret != NULL;
}

bool qmp_query_cpu_model_comparison(const QueryCpuModelComparisonArgs *args, json_object **ret,
                                    Error **errp)
{
    X86CPUContext ctx;

    if (!x86_cpu_get_context(current_machine, &ctx, errp)) {
        return false;
    }
    *ret = x86_query_cpu_model_comparison(&ctx, args->modela->name, args->modela->props,
                                          args->modelb->name, args->modelb->props, errp);
    return *ret != NULL;
}

bool qmp_query_cpu_model_baseline(const QueryCpuModelBaselineArgs *args, json_object **ret,
                                  Error **errp)
{
    X86CPUContext ctx;

    if (!x86_cpu_get_context(current_machine, &ctx, errp)) {
        return false;
    }
    *ret = x86_query_cpu_model_baseline(&ctx, args->modela->name, args->modela->props,
                                        args->modelb->name, args->modelb->props, errp);
    return *ret != NULL;
}
