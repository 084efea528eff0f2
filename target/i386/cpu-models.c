/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of CPU models. Data only. */
#include "qemu/osdep.h"

#include "target/i386/cpu-models.h"

/* Sorted by strcmp(): names are looked up by bisection, and QMP lists them in reverse. */
const X86CPUDefinition *const x86_cpu_definitions[] = {
    &x86_model_486,
    &x86_model_broadwell,
    &x86_model_cascadelake_server,
    &x86_model_clearwaterforest,
    &x86_model_conroe,
    &x86_model_cooperlake,
    &x86_model_denverton,
    &x86_model_dhyana,
    &x86_model_epyc,
    &x86_model_epyc_genoa,
    &x86_model_epyc_milan,
    &x86_model_epyc_rome,
    &x86_model_epyc_turin,
    &x86_model_graniterapids,
    &x86_model_haswell,
    &x86_model_icelake_server,
    &x86_model_ivybridge,
    &x86_model_knightsmill,
    &x86_model_nehalem,
    &x86_model_opteron_g1,
    &x86_model_opteron_g2,
    &x86_model_opteron_g3,
    &x86_model_opteron_g4,
    &x86_model_opteron_g5,
    &x86_model_penryn,
    &x86_model_sandybridge,
    &x86_model_sapphirerapids,
    &x86_model_sierraforest,
    &x86_model_skylake_client,
    &x86_model_skylake_server,
    &x86_model_snowridge,
    &x86_model_westmere,
    &x86_model_yongfeng,
    &x86_model_athlon,
    &x86_model_core2duo,
    &x86_model_coreduo,
    &x86_model_kvm32,
    &x86_model_kvm64,
    &x86_model_n270,
    &x86_model_pentium,
    &x86_model_pentium2,
    &x86_model_pentium3,
    &x86_model_phenom,
    &x86_model_qemu32,
    &x86_model_qemu64,
};
const unsigned x86_nr_cpu_definitions = ARRAY_SIZE(x86_cpu_definitions);

unsigned x86_cpu_definition_nr_versions(const X86CPUDefinition *def)
{
    unsigned n = 0;

    while (def->versions[n].version) {
        n++;
    }
    return n;
}
