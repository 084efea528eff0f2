/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cache descriptions of the CPU models. Data only. The legacy_* ones are what legacy-cache=on and
 * models without caches of their own get.
 */
#include "qemu/osdep.h"

#include "target/i386/cpu-models.h"

/* clang-format off */

const X86CPUCaches x86_caches_legacy_amd = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 2, .partitions = 1, .sets = 512, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 2, .partitions = 1, .sets = 512, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 512, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 16 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 16384, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .complex_indexing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_legacy_intel_cpuid2 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 2 * MiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 4096, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 16 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 16384, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .complex_indexing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_legacy_intel = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 4 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 4096, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 16 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 16384, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .complex_indexing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 4, .partitions = 1, .sets = 256, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 8 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 8192, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .complex_indexing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_v4 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 4, .partitions = 1, .sets = 256, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 8 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 8192, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_v5 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 4, .partitions = 1, .sets = 256, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 8 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 8192, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_rome = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 16 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 16384, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .complex_indexing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_rome_v3 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 16 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 16384, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_rome_v5 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 16 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 16384, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_milan = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 32 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 32768, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .complex_indexing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_milan_v2 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 32 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 32768, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_milan_v3 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 512 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 1024, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 32 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 32768, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_genoa = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 1 * MiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 2048, .lines_per_tag = 1,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 32 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 32768, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_genoa_v2 = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 1 * MiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 2048, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 32 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 32768, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_epyc_turin = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 48 * KiB, .line_size = 64,
        .associativity = 12, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 1 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 1024, .lines_per_tag = 1, .self_init = true,
        .inclusive = true, .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 32 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 32768, .lines_per_tag = 1, .self_init = true,
        .no_invd_sharing = true, .share_level = X86_TOPO_DIE },
};

const X86CPUCaches x86_caches_xeon_spr = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 48 * KiB, .line_size = 64,
        .associativity = 12, .partitions = 1, .sets = 64, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 2 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 2048, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 60 * MiB, .line_size = 64,
        .associativity = 15, .partitions = 1, .sets = 65536, .self_init = true,
        .complex_indexing = true, .share_level = X86_TOPO_SOCKET },
};

const X86CPUCaches x86_caches_xeon_gnr = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 48 * KiB, .line_size = 64,
        .associativity = 12, .partitions = 1, .sets = 64, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 64, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 2 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 2048, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 288 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 294912, .self_init = true,
        .complex_indexing = true, .share_level = X86_TOPO_SOCKET },
};

const X86CPUCaches x86_caches_xeon_srf = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 128, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 4 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 4096, .self_init = true,
        .share_level = X86_TOPO_MODULE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 108 * MiB, .line_size = 64,
        .associativity = 12, .partitions = 1, .sets = 147456, .self_init = true,
        .complex_indexing = true, .share_level = X86_TOPO_SOCKET },
};

const X86CPUCaches x86_caches_yongfeng = {
    .l1d = { .type = X86_CACHE_DATA, .level = 1, .size = 32 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l1i = { .type = X86_CACHE_INSTRUCTION, .level = 1, .size = 64 * KiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 64, .lines_per_tag = 1, .self_init = true,
        .share_level = X86_TOPO_CORE },
    .l2 = { .type = X86_CACHE_UNIFIED, .level = 2, .size = 256 * KiB, .line_size = 64,
        .associativity = 8, .partitions = 1, .sets = 512, .self_init = true, .inclusive = true,
        .share_level = X86_TOPO_CORE },
    .l3 = { .type = X86_CACHE_UNIFIED, .level = 3, .size = 8 * MiB, .line_size = 64,
        .associativity = 16, .partitions = 1, .sets = 8192, .self_init = true,
        .no_invd_sharing = true, .inclusive = true, .share_level = X86_TOPO_DIE },
};
