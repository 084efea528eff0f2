/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID against what a guest reads in QEMU 7.2 (tests/data/cpu), for a machine of version 7.2 with
 * 7.2's TCG; then what newer machines, KVM and Hyper-V make of it.
 */
#include "qemu/osdep.h"

#include "cpu-test-util.h"
#include "qemu/cutils.h"
#include "target/i386/cpuid.h"

/* Where the 10.2 base answers differently on the same machine version. */
/* clang-format off */
static struct {
    const char *model, *key, *ours, *reason;
    unsigned seen;
} differences[] = {
    { "max", "1.0", "00000663 00000800 f6d8320b 0fcbfbfd",
      "10.2 chooses the identity of max before lm is known" },
    { "max", "80000001.0", "00000663 00000000 00000075 edd3fbfd", "as above" },
    { "coreduo-v1", "80000008.0", "00000024 00000000 00000000 00000000",
      "PAE without PSE36 has 36 physical address bits too" },
    { "n270-v1", "80000008.0", "00000024 00000000 00000000 00000000", "as above" },
    { NULL },
};
/* clang-format on */

typedef struct Leaf {
    uint32_t leaf, subleaf;
} Leaf;

static Leaf parse_key(const char *key)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", 2);
    uint64_t leaf, subleaf;

    g_assert_cmpint(qemu_strtou64(parts[0], NULL, 16, &leaf), ==, 0);
    g_assert_cmpint(qemu_strtou64(parts[1], NULL, 16, &subleaf), ==, 0);
    return (Leaf){leaf, subleaf};
}

static char *answer(const X86CPUConfig *cfg, const X86CPUTopo *topo, uint32_t leaf,
                    uint32_t subleaf)
{
    X86CPUIDEnv env = x86_cpuid_env_reset(0);
    uint32_t r[4];

    x86_cpuid(cfg, topo, &env, leaf, subleaf, r);
    if (!(r[0] | r[1] | r[2] | r[3])) {
        return g_strdup("0");
    }
    return g_strdup_printf("%08x %08x %08x %08x", r[0], r[1], r[2], r[3]);
}

static bool expected(const char *model, const char *key, const char *ours)
{
    for (unsigned i = 0; differences[i].model; i++) {
        if ((!strcmp(differences[i].model, "*") || !strcmp(differences[i].model, model)) &&
            !strcmp(differences[i].key, key) && !strcmp(differences[i].ours, ours)) {
            differences[i].seen++;
            return true;
        }
    }
    return false;
}

static bool realize(X86CPUConfig *cfg, const char *cpu, const X86AccelInfo *info, unsigned major,
                    unsigned minor, const X86CPUTopo *topo)
{
    g_autofree char *error = NULL, *quiet = g_strconcat(cpu, ",check=off", NULL);
    X86CPUContext ctx = test_context(info, major, minor, NULL);
    bool ok;

    ctx.topo = topo;
    ok = test_realize(cfg, quiet, &ctx, &error);
    if (error) {
        g_test_message("-cpu %s: %s", cpu, error);
    }
    return ok;
}

/* Compares all leaves of one model; @golden has those up to its limits. */
static unsigned compare_model(const char *model, GHashTable *golden, char **keys)
{
    X86AccelInfo info;
    X86CPUConfig cfg;
    unsigned bad = 0;

    test_accel_tcg_7_2(&info);
    g_assert_true(realize(&cfg, model, &info, 7, 2, NULL));
    for (char **k = keys; *k; k++) {
        Leaf l = parse_key(*k);
        g_autofree char *ours = answer(&cfg, &x86_topo_single, l.leaf, l.subleaf);
        const char *theirs = g_hash_table_lookup(golden, *k);
        g_autofree char *highest = answer(&cfg, &x86_topo_single, cfg.level, l.subleaf);

        theirs = theirs ? theirs : highest; /* above the limit: as the highest basic leaf */
        if (strcmp(ours, theirs) && !expected(model, *k, ours)) {
            g_test_message("%s %s: %s, in QEMU 7.2 %s", model, *k, ours, theirs);
            bad++;
        }
    }
    return bad;
}

/* A model of the file while it is read. */
typedef struct Reader {
    char *model;
    uint32_t top, ext;  /* highest basic and extended leaf */
    GHashTable *golden; /* of this model, after those before it */
    char **keys;
} Reader;

static gboolean is_above(gpointer key, gpointer value, gpointer opaque)
{
    const Reader *r = opaque;
    uint32_t leaf = parse_key(key).leaf;

    return (leaf < 0x40000000 && leaf > r->top) || (leaf >= 0x80000000 && leaf > r->ext);
}

static unsigned finish_model(Reader *r)
{
    if (!r->model) {
        return 0;
    }
    g_hash_table_foreach_remove(r->golden, is_above, r);
    return compare_model(r->model, r->golden, r->keys);
}

/* "[model top ext]" */
static void begin_model(Reader *r, const char *line)
{
    g_autofree char *inner = g_strndup(line + 1, strlen(line) - 2);
    g_auto(GStrv) parts = g_strsplit(inner, " ", 3);
    uint64_t n;

    g_free(r->model);
    r->model = g_strdup(parts[0]);
    g_assert_cmpint(qemu_strtou64(parts[1], NULL, 16, &n), ==, 0);
    r->top = n;
    g_assert_cmpint(qemu_strtou64(parts[2], NULL, 16, &n), ==, 0);
    r->ext = n;
}

static void test_golden(void)
{
    g_auto(GStrv) lines = test_data_lines("qemu-7.2-tcg-cpuid.txt");
    Reader r = {.golden = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
    unsigned bad = 0, models = 0;

    for (char **l = lines; *l; l++) {
        if (g_str_has_prefix(*l, "keys ")) {
            r.keys = g_strsplit(*l + strlen("keys "), " ", -1);
        } else if (**l == '[') {
            bad += finish_model(&r);
            begin_model(&r, *l);
            models++;
        } else {
            char *space = strchr(*l, ' ');

            g_hash_table_insert(r.golden, g_strndup(*l, space - *l), g_strdup(space + 1));
        }
    }
    bad += finish_model(&r);
    g_assert_cmpuint(models, ==, 76);
    g_assert_cmpuint(bad, ==, 0);
    for (unsigned i = 0; differences[i].model; i++) {
        g_assert_cmpuint(differences[i].seen, >, 0);
    }
    g_hash_table_unref(r.golden);
    g_strfreev(r.keys);
    g_free(r.model);
}

/* ---- Machine versions ------------------------------------------------------------------------ */

typedef struct Expect {
    uint32_t leaf, subleaf;
    const char *text; /* "0": four zeroes */
} Expect;

static void check_leaves(const char *cpu, const X86AccelInfo *info, unsigned major, unsigned minor,
                         const X86CPUTopo *topo, const Expect *rows, unsigned nr)
{
    X86CPUConfig cfg;

    g_assert_true(realize(&cfg, cpu, info, major, minor, topo));
    for (unsigned i = 0; i < nr; i++) {
        g_autofree char *ours =
            answer(&cfg, topo ? topo : &x86_topo_single, rows[i].leaf, rows[i].subleaf);

        g_test_message("-cpu %s, machine %u.%u, leaf %x.%x", cpu, major, minor, rows[i].leaf,
                       rows[i].subleaf);
        g_assert_cmpstr(ours, ==, rows[i].text);
    }
}

#define CHECK_LEAVES(cpu, info, major, minor, topo, ...)                                           \
    check_leaves(cpu, info, major, minor, topo, (const Expect[]){__VA_ARGS__},                     \
                 ARRAY_SIZE(((const Expect[]){__VA_ARGS__})))

/* From 10.1 on an Intel CPU leaves AMD's leaves empty and has one cache model in leaves 2 and 4. */
static void test_vendor_rules(void)
{
    X86AccelInfo info;

    test_accel_tcg(&info, 0x20);
    CHECK_LEAVES("Haswell", &info, 11, 0, NULL, {2, 0, "00000001 00000000 00000000 000000ff"},
                 {4, 2, "00000143 03c0003f 00000fff 00000001"},
                 {0x80000000, 0, "80000008 00000000 00000000 00000000"}, {0x80000005, 0, "0"},
                 {0x80000006, 0, "00000000 00000000 10008040 00000000"});
    CHECK_LEAVES("Haswell", &info, 10, 0, NULL, {2, 0, "00000001 00000000 0000004d 002c307d"},
                 {0x80000000, 0, "80000008 756e6547 6c65746e 49656e69"},
                 {0x80000005, 0, "01ff01ff 01ff01ff 40020140 40020140"},
                 {0x80000006, 0, "00000000 42004200 02008140 00808140"});
    CHECK_LEAVES("486", &info, 11, 0, NULL, {0, 0, "00000001 756e6547 6c65746e 49656e69"});
    /* AMD hides Intel's cache leaves since 6.1, and 1Dh without topoext since 9.1. */
    CHECK_LEAVES("EPYC", &info, 11, 0, NULL, {2, 0, "0"}, {4, 0, "0"},
                 {0x80000005, 0, "01ff01ff 01ff01ff 20080140 40040140"}, {0x8000001d, 0, "0"});
    CHECK_LEAVES("EPYC", &info, 9, 0, NULL, {4, 0, "0"},
                 {0x8000001d, 0, "00000121 01c0003f 0000003f 00000001"});
    CHECK_LEAVES("EPYC", &info, 6, 0, NULL, {4, 0, "00000121 01c0003f 0000003f 00000001"});
}

/* ---- Topology -------------------------------------------------------------------------------- */

static void test_topology_leaves(void)
{
    /* 2 dies, 3 cores, 2 threads: id fields of 1, 2 and 1 bits */
    static const X86CPUTopo t = {2, 1, 3, 2};
    X86AccelInfo info;

    test_accel_tcg(&info, 0x20);
    CHECK_LEAVES("Haswell", &info, 11, 0, &t, {1, 0, "000306c4 00100800 f6f83203 178bfbfd"},
                 {4, 0, "1c004121 01c0003f 0000003f 00000001"},
                 {4, 3, "1c01c163 03c0003f 00003fff 00000006"},
                 {0xb, 0, "00000001 00000002 00000100 00000000"},
                 {0xb, 1, "00000004 0000000c 00000201 00000000"},
                 {0xb, 2, "00000000 00000000 00000002 00000000"},
                 {0x1f, 0, "00000001 00000002 00000100 00000000"},
                 {0x1f, 1, "00000003 00000006 00000201 00000000"},
                 {0x1f, 2, "00000004 0000000c 00000502 00000000"},
                 {0x1f, 3, "00000000 00000000 00000003 00000000"},
                 {0x80000008, 0, "00003028 00000000 00000000 00000000"});
    CHECK_LEAVES("EPYC-Rome", &info, 11, 0, &t, {1, 0, "00830f10 000c0800 f6d8320b 178bfbfd"},
                 {0x80000008, 0, "00003028 00000204 0000400b 00000000"},
                 {0x8000001e, 0, "00000000 00000100 00000000 00000000"});
    /* Up to 9.0 the dies of a package count as nodes. */
    CHECK_LEAVES("EPYC-Rome", &info, 9, 0, &t,
                 {0x8000001e, 0, "00000000 00000100 00000100 00000000"});
}

/* Addresses of a CPU that is not the first. */
static void test_apic_ids(void)
{
    static const X86CPUTopo t = {2, 1, 4, 2};
    X86CPUIDEnv env = x86_cpuid_env_reset(x86_apicid_from_index(&t, 16 + 8 + 5));
    X86AccelInfo info;
    X86CPUConfig cfg;
    uint32_t r[4];

    test_accel_tcg(&info, 0x20);
    g_assert_true(realize(&cfg, "EPYC-Rome", &info, 11, 0, &t));
    g_assert_cmphex(env.apic_id, ==, 0x1d);
    x86_cpuid(&cfg, &t, &env, 1, 0, r);
    g_assert_cmphex(r[CPUID_EBX] >> 24, ==, 0x1d);
    x86_cpuid(&cfg, &t, &env, 0xb, 0, r);
    g_assert_cmphex(r[CPUID_EDX], ==, 0x1d);
    x86_cpuid(&cfg, &t, &env, 0x8000001e, 0, r);
    g_assert_cmphex(r[CPUID_EAX], ==, 0x1d);
    g_assert_cmphex(r[CPUID_EBX], ==, 0x102); /* core 2 of its die, two threads */
    g_assert_cmphex(r[CPUID_ECX], ==, 1);     /* package 1 */
}

/* ---- State ----------------------------------------------------------------------------------- */

static void test_dynamic_bits(void)
{
    X86CPUIDEnv env = x86_cpuid_env_reset(0);
    X86AccelInfo info;
    X86CPUConfig cfg;
    uint32_t r[4];

    test_accel_tcg(&info, 0x20);
    g_assert_true(realize(&cfg, "Skylake-Server", &info, 11, 0, NULL));
    x86_cpuid(&cfg, &x86_topo_single, &env, 1, 0, r);
    g_assert_false(r[CPUID_ECX] & BIT(27));
    g_assert_true(r[CPUID_EDX] & BIT(9));
    env.osxsave = env.ospke = true;
    env.apic_enabled = false;
    env.xcr0 = 7;
    x86_cpuid(&cfg, &x86_topo_single, &env, 1, 0, r);
    g_assert_true(r[CPUID_ECX] & BIT(27));
    g_assert_false(r[CPUID_EDX] & BIT(9));
    x86_cpuid(&cfg, &x86_topo_single, &env, 7, 0, r);
    g_assert_true(r[CPUID_ECX] & BIT(4));
    x86_cpuid(&cfg, &x86_topo_single, &env, 0xd, 0, r);
    g_assert_cmpuint(r[CPUID_EBX], ==, 832); /* x87, SSE, AVX */
    x86_cpuid(&cfg, &x86_topo_single, &env, 0x80000001, 0, r);
    g_assert_true(r[CPUID_EDX] & BIT(11));
    env.long_mode = false;
    x86_cpuid(&cfg, &x86_topo_single, &env, 0x80000001, 0, r);
    g_assert_false(r[CPUID_EDX] & BIT(11)); /* Intel: SYSCALL in 64-bit mode only */
}

/* ---- Hypervisor leaves ----------------------------------------------------------------------- */

static void test_kvm_leaves(void)
{
    X86AccelInfo kvm, tcg;

    test_accel_tcg(&tcg, 0x20);
    CHECK_LEAVES("qemu64", &tcg, 11, 0, NULL,
                 {0x40000000, 0, "40000001 54474354 43544743 47435447"});
    CHECK_LEAVES("qemu64,tcg-cpuid=off", &tcg, 11, 0, NULL, {0x40000000, 0, "0"});
    test_accel_kvm(&kvm, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    kvm.tsc_khz = 2000000;
    CHECK_LEAVES("qemu64", &kvm, 11, 0, NULL,
                 {0x40000000, 0, "40000001 4b4d564b 564b4d56 0000004d"},
                 {0x40000001, 0, "0100807b 00000000 00000000 00000000"});
    CHECK_LEAVES("qemu64,+kvm-hint-dedicated,+invtsc", &kvm, 11, 0, NULL,
                 {0x40000000, 0, "40000010 4b4d564b 564b4d56 0000004d"},
                 {0x40000001, 0, "0100807b 00000000 00000000 00000001"},
                 {0x40000010, 0, "001e8480 000f4240 00000000 00000000"});
    CHECK_LEAVES("qemu64,tsc-frequency=1500000000", &kvm, 11, 0, NULL,
                 {0x40000010, 0, "0016e360 000f4240 00000000 00000000"});
    CHECK_LEAVES("qemu64,tsc-frequency=1500000000,vmware-cpuid-freq=off", &kvm, 11, 0, NULL,
                 {0x40000000, 0, "40000001 4b4d564b 564b4d56 0000004d"});
    CHECK_LEAVES("qemu64,kvm=off", &kvm, 11, 0, NULL, {0x40000000, 0, "0"}, {0x40000001, 0, "0"});
}

static void test_hyperv_leaves(void)
{
    X86AccelInfo kvm;

    test_accel_kvm(&kvm, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    CHECK_LEAVES("qemu64,hv-relaxed,hv-vapic,hv-time,hv-spinlocks=0x1fff", &kvm, 11, 0, NULL,
                 {0x40000000, 0, "40000005 7263694d 666f736f 76482074"},
                 {0x40000001, 0, "31237648 00000000 00000000 00000000"},
                 {0x40000002, 0, "00003839 000a0000 00000000 00000000"},
                 {0x40000003, 0, "00000232 00000000 00000000 00000008"},
                 {0x40000004, 0, "00000028 00001fff 00000000 00000000"},
                 {0x40000005, 0, "ffffffff 00000040 00000000 00000000"},
                 {0x40000100, 0, "40000101 4b4d564b 564b4d56 0000004d"},
                 {0x40000101, 0, "0100807b 00000000 00000000 00000000"});
    CHECK_LEAVES("qemu64,hv-vpindex,hv-synic,hv-vendor-id=hello,kvm=off", &kvm, 6, 1, NULL,
                 {0x40000000, 0, "40000005 6c6c6568 0000006f 00000000"},
                 {0x40000002, 0, "00001bbc 00060001 00000000 00000000"},
                 {0x40000003, 0, "00000064 00000000 00000000 00000008"},
                 {0x40000004, 0, "00000000 ffffffff 00000000 00000000"});
}

/* ---- What passes through --------------------------------------------------------------------- */

static void test_pass_through(void)
{
    static const X86CPUIDEntry host[] = {
        {2, 0, {0x00feff01, 0xf0, 0, 0}},
        {4, 3, {0xfc1fc163, 0x02c0003f, 0xbfff, 4}},
        {0x80000006, 0, {0, 0, 0x01006040, 0}},
    };
    static const X86CPUIDEntry kvm_cpuid[] = {
        {0xa, 0, {0x07300402, 0, 0, 0x603}},
        {0xd, 9, {8, 832, 0, 0}},
    };
    static const X86CPUTopo t = {1, 1, 4, 2};
    X86AccelInfo kvm;

    test_accel_kvm(&kvm, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    g_strlcpy(kvm.vendor, CPUID_VENDOR_INTEL, sizeof(kvm.vendor));
    kvm.host_cpuid = host;
    kvm.nr_host_cpuid = ARRAY_SIZE(host);
    kvm.kvm_cpuid = kvm_cpuid;
    kvm.nr_kvm_cpuid = ARRAY_SIZE(kvm_cpuid);
    /* 64 threads share the host's L3, the guest has 8 in a package of 4 cores */
    CHECK_LEAVES("host,host-cache-info=on", &kvm, 11, 0, &t,
                 {2, 0, "00feff01 000000f0 00000000 00000000"},
                 {4, 3, "0c01c163 02c0003f 0000bfff 00000004"}, {4, 0, "0"},
                 {0x80000006, 0, "00000000 00000000 01006040 00000000"},
                 {0xa, 0, "07300402 00000000 00000000 00000603"},
                 {0xd, 9, "00000008 00000340 00000000 00000000"});
    CHECK_LEAVES("host,pmu=off", &kvm, 11, 0, &t, {0xa, 0, "0"});
}

/* Every feature a CPU has is where its word says. */
static void test_feature_words(void)
{
    static const X86CPUIDEntry kvm_cpuid[] = {{0x80000022, 0, {1, 6, 0, 0}}};
    X86CPUIDEnv env = x86_cpuid_env_reset(0);
    X86AccelInfo kvm;
    X86CPUConfig cfg;

    test_accel_kvm(&kvm, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    kvm.level = 0x24;
    kvm.xlevel2 = 0xc0000004;
    kvm.kvm_cpuid = kvm_cpuid;
    kvm.nr_kvm_cpuid = ARRAY_SIZE(kvm_cpuid);
    g_assert_true(realize(&cfg, "host,migratable=off,+kvm-hint-dedicated", &kvm, 11, 0, NULL));
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *wi = &feature_word_info[w];
        uint64_t named = cfg.features[w] & feature_word_named(w);
        uint32_t r[4];

        if (wi->source == FEATURE_SOURCE_CPUID) {
            g_test_message("leaf %x.%x %s", wi->leaf, wi->subleaf, cpuid_reg_name(wi->reg));
            x86_cpuid(&cfg, &x86_topo_single, &env, wi->leaf, wi->subleaf, r);
            g_assert_cmphex(r[wi->reg] & named, ==, named);
            g_assert_true(named || !feature_word_named(w) || wi->leaf == 0x12);
        }
    }
}

/* ---- Enumeration ----------------------------------------------------------------------------- */

typedef struct Walk {
    const X86CPUConfig *cfg;
    GHashTable *seen;
    unsigned bad;
} Walk;

static void walk_entry(void *opaque, uint32_t leaf, uint32_t subleaf, bool has_subleaf,
                       const uint32_t regs[4])
{
    X86CPUIDEnv env = x86_cpuid_env_reset(0);
    Walk *w = opaque;
    uint32_t r[4];

    x86_cpuid(w->cfg, &x86_topo_single, &env, leaf, subleaf, r);
    w->bad += memcmp(r, regs, sizeof(r)) != 0;
    w->bad += subleaf && !has_subleaf;
    w->bad += !g_hash_table_add(w->seen, g_strdup_printf("%x.%x", leaf, subleaf));
}

static unsigned count(const char *cpu, const X86AccelInfo *info, const char *must[])
{
    X86CPUIDEnv env = x86_cpuid_env_reset(0);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    X86CPUConfig cfg;
    Walk w = {&cfg, seen};

    g_assert_true(realize(&cfg, cpu, info, 11, 0, NULL));
    x86_cpuid_foreach(&cfg, &x86_topo_single, &env, walk_entry, &w);
    g_assert_cmpuint(w.bad, ==, 0);
    for (unsigned i = 0; must[i]; i++) {
        g_test_message("-cpu %s, leaf %s", cpu, must[i]);
        g_assert_true(g_hash_table_contains(seen, must[i]));
    }
    return g_hash_table_size(seen);
}

/* KVM takes at most 100 entries, QEMU's limit too. */
static void test_enumeration(void)
{
    X86AccelInfo kvm;

    test_accel_kvm(&kvm, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    kvm.level = 0x24;
    g_assert_cmpuint(count("host", &kvm,
                           (const char *[]){"0.0", "1.0", "7.0", "7.1", "7.2", "b.0", "b.1", "b.2",
                                            "d.0", "d.1", "d.2", "d.12", "1d.1", "80000000.0",
                                            "80000008.0", "40000000.0", "40000001.0", NULL}),
                     <, 100);
    g_assert_cmpuint(count("Skylake-Server,vendor=GenuineIntel", &kvm,
                           (const char *[]){"4.0", "4.3", "80000001.0", NULL}),
                     <, 60);
    g_assert_cmpuint(count("EPYC-Genoa,+topoext", &kvm,
                           (const char *[]){"8000001d.0", "8000001d.3", "80000021.0", NULL}),
                     <, 60);
    g_assert_cmpuint(count("base,kvm=off", &kvm, (const char *[]){NULL}), <, 4);
}

/* A guest may ask for anything. */
static void test_any_leaf(void)
{
    static const X86CPUTopo t = {4, 2, 255, 2};
    static const char *const cpus[] = {"base",
                                       "486",
                                       "max",
                                       "GraniteRapids-v4",
                                       "EPYC-Turin-v2",
                                       "YongFeng-v3",
                                       "base,level=0xffffffff",
                                       "base,xlevel=0xffffffff,xlevel2=0xffffffff"};
    X86CPUIDEnv env = x86_cpuid_env_reset(0x7ff);
    X86AccelInfo info;
    X86CPUConfig cfg;
    uint32_t r[4];

    test_accel_tcg(&info, 0x20);
    for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++) {
        g_assert_true(realize(&cfg, cpus[i], &info, 11, 0, &t));
        for (unsigned k = 0; k < 20000; k++) {
            uint32_t leaf = g_test_rand_int(), subleaf = g_test_rand_int();

            leaf = k % 3 ? leaf & 0xc000003f : leaf;
            x86_cpuid(&cfg, &t, &env, leaf, k % 2 ? subleaf & 0x3f : subleaf, r);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/cpuid/equals_what_guests_read_in_qemu_7_2", test_golden);
    g_test_add_func("/cpu/cpuid/vendor_rules_follow_the_machine_version", test_vendor_rules);
    g_test_add_func("/cpu/cpuid/topology_in_leaves_1_4_b_1f_8000001e", test_topology_leaves);
    g_test_add_func("/cpu/cpuid/apic_id_of_a_later_cpu", test_apic_ids);
    g_test_add_func("/cpu/cpuid/osxsave_ospke_apic_xcr0_follow_the_state", test_dynamic_bits);
    g_test_add_func("/cpu/cpuid/kvm_signature_features_and_frequency", test_kvm_leaves);
    g_test_add_func("/cpu/cpuid/hyperv_moves_kvm_up", test_hyperv_leaves);
    g_test_add_func("/cpu/cpuid/host_values_pass_through", test_pass_through);
    g_test_add_func("/cpu/cpuid/every_feature_shows_in_the_register_of_its_word",
                    test_feature_words);
    g_test_add_func("/cpu/cpuid/enumeration_tells_each_leaf_once", test_enumeration);
    g_test_add_func("/cpu/cpuid/any_leaf_of_any_cpu_is_answered", test_any_leaf);
    return g_test_run();
}
