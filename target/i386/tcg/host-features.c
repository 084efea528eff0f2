/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CPUID says of the host (SDM vol 2 CPUID): for rows that run natively, and for tests. */
#include "qemu/osdep.h"
#include "target/i386/tcg/decode.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif

void tcg_host_features(uint64_t words[FEATURE_WORDS])
{
    memset(words, 0, sizeof(words[0]) * FEATURE_WORDS);
#ifdef __x86_64__
    static const struct {
        FeatureWord word;
        uint32_t leaf, subleaf;
        unsigned reg;
    } rows[] = {
        { FEAT_1_EDX, 1, 0, CPUID_EDX },
        { FEAT_1_ECX, 1, 0, CPUID_ECX },
        { FEAT_7_0_EBX, 7, 0, CPUID_EBX },
        { FEAT_7_0_ECX, 7, 0, CPUID_ECX },
        { FEAT_7_0_EDX, 7, 0, CPUID_EDX },
        { FEAT_8000_0001_EDX, 0x80000001, 0, CPUID_EDX },
        { FEAT_8000_0001_ECX, 0x80000001, 0, CPUID_ECX },
        { FEAT_8000_0008_EBX, 0x80000008, 0, CPUID_EBX },
        { FEAT_XSAVE, 0xd, 1, CPUID_EAX },
    };
    uint32_t r[4];

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (__get_cpuid_count(rows[i].leaf, rows[i].subleaf, &r[0], &r[1], &r[2], &r[3])) {
            words[rows[i].word] = r[rows[i].reg];
        }
    }
#endif
}
