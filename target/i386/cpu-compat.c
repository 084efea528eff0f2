/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What older machine versions imply for CPUs: rows of "-global type.name=value". The set of version
 * A.B applies to machines A.B and older. Const data.
 */
#include "qemu/osdep.h"

#include "target/i386/cpu-config.h"

#define CPU(name, value) { X86_CPU_BASE_TYPE, name, value }
#define MODEL(model, name, value) { X86_CPU_TYPE_NAME(model), name, value }

/* 11.0 is the first machine version whose max and host have x2apic-seoib. */
static const X86CPUGlobal compat_10_2[] = {
    CPU("x-seoib-auto", "off"),
    { NULL },
};

static const X86CPUGlobal compat_10_1[] = {
    CPU("x-migrate-error-code", "off"),
    { NULL },
};

static const X86CPUGlobal compat_10_0[] = {
    CPU("x-consistent-cache", "off"),
    CPU("x-vendor-cpuid-only-v2", "off"),
    CPU("x-arch-cap-always-on", "on"),
    CPU("x-pdcm-on-even-without-pmu", "on"),
    { NULL },
};

static const X86CPUGlobal compat_9_0[] = {
    CPU("x-amd-topoext-features-only", "off"),
    CPU("x-l1-cache-per-thread", "off"),
    CPU("guest-phys-bits", "0"),
    CPU("legacy-multi-node", "on"),
    { NULL },
};

static const X86CPUGlobal compat_6_1[] = {
    CPU("hv-version-id-build", "0x1bbc"),
    CPU("hv-version-id-major", "0x0006"),
    CPU("hv-version-id-minor", "0x0001"),
    { NULL },
};

static const X86CPUGlobal compat_6_0[] = {
    MODEL("qemu64", "family", "6"),
    MODEL("qemu64", "model", "6"),
    MODEL("qemu64", "stepping", "3"),
    CPU("x-vendor-cpuid-only", "off"),
    { NULL },
};

static const X86CPUGlobal compat_5_1[] = {
    CPU("kvm-msi-ext-dest-id", "off"),
    { NULL },
};

static const X86CPUGlobal compat_3_1[] = {
    MODEL("Opteron_G3", "rdtscp", "off"),
    MODEL("Opteron_G4", "rdtscp", "off"),
    MODEL("Opteron_G4", "npt", "off"),
    MODEL("Opteron_G4", "nrip-save", "off"),
    MODEL("Opteron_G5", "rdtscp", "off"),
    MODEL("Opteron_G5", "npt", "off"),
    MODEL("Opteron_G5", "nrip-save", "off"),
    MODEL("EPYC", "npt", "off"),
    MODEL("EPYC", "nrip-save", "off"),
    MODEL("EPYC-IBPB", "npt", "off"),
    MODEL("EPYC-IBPB", "nrip-save", "off"),
    MODEL("Skylake-Client", "mpx", "on"),
    MODEL("Skylake-Client-IBRS", "mpx", "on"),
    MODEL("Skylake-Server", "mpx", "on"),
    MODEL("Skylake-Server-IBRS", "mpx", "on"),
    MODEL("Cascadelake-Server", "mpx", "on"),
    MODEL("Icelake-Client", "mpx", "on"),
    MODEL("Icelake-Server", "mpx", "on"),
    MODEL("Cascadelake-Server", "stepping", "5"),
    CPU("x-intel-pt-auto-level", "off"),
    { NULL },
};

static const X86CPUGlobal compat_3_0[] = {
    CPU("x-hv-synic-kvm-only", "on"),
    MODEL("Skylake-Server", "pku", "off"),
    MODEL("Skylake-Server-IBRS", "pku", "off"),
    { NULL },
};

static const X86CPUGlobal compat_2_12[] = {
    CPU("legacy-cache", "on"),
    CPU("topoext", "off"),
    MODEL("EPYC", "xlevel", "0x8000000a"),
    MODEL("EPYC-IBPB", "xlevel", "0x8000000a"),
    { NULL },
};

static const X86CPUGlobal compat_2_11[] = {
    CPU("x-migrate-smi-count", "off"),
    MODEL("Skylake-Server", "clflushopt", "off"),
    { NULL },
};

static const X86CPUGlobal compat_2_10[] = {
    CPU("x-hv-max-vps", "0x40"),
    { NULL },
};

static const X86CPUGlobal compat_2_8[] = {
    CPU("tcg-cpuid", "off"),
    CPU("vmware-cpuid-freq", "off"),
    MODEL("Haswell", "stepping", "1"),
    { NULL },
};

static const X86CPUGlobal compat_2_7[] = {
    CPU("l3-cache", "off"),
    CPU("full-cpuid-auto-level", "off"),
    MODEL("Opteron_G3", "family", "15"),
    MODEL("Opteron_G3", "model", "6"),
    MODEL("Opteron_G3", "stepping", "1"),
    { NULL },
};

static const X86CPUGlobal compat_2_6[] = {
    CPU("cpuid-0xb", "off"),
    CPU("fill-mtrr-mask", "off"),
    { NULL },
};

#define SET(major, minor) { (major) * 100 + (minor), compat_##major##_##minor }

/* Newest first. */
static const struct {
    unsigned version; /* major * 100 + minor */
    const X86CPUGlobal *rows;
} compat_sets[] = {
    SET(10, 2),
    SET(10, 1),
    SET(10, 0),
    SET(9, 0),
    SET(6, 1),
    SET(6, 0),
    SET(5, 1),
    SET(3, 1),
    SET(3, 0),
    SET(2, 12),
    SET(2, 11),
    SET(2, 10),
    SET(2, 8),
    SET(2, 7),
    SET(2, 6),
};

unsigned x86_cpu_compat_for(unsigned major, unsigned minor,
                            const X86CPUGlobal *sets[X86_CPU_COMPAT_SETS])
{
    unsigned nr = 0;

    static_assert(ARRAY_SIZE(compat_sets) == X86_CPU_COMPAT_SETS, "X86_CPU_COMPAT_SETS");
    while (nr < ARRAY_SIZE(compat_sets) && compat_sets[nr].version >= major * 100 + minor) {
        sets[nr] = compat_sets[nr].rows;
        nr++;
    }
    return nr;
}

int x86_cpu_default_version(unsigned major, unsigned minor)
{
    return major * 100 + minor >= 401 ? 1 : X86_CPU_VERSION_LEGACY;
}
