/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -cpu strings: messages, errors and resulting properties against QEMU 11.1 (tests/data/cpu). */
#include "qemu/osdep.h"

#include "cpu-test-util.h"
#include "target/i386/cpu-qmp.h"

/* Where we differ, and why. */
static const struct {
    const char *cpu, *stderr_text, *reason;
    bool fails;
} differences[] = {
    {"base,+mpx,+apxf", "Property 'base-x86_64-cpu.apxf' not found\n",
     "APX came after the 10.2 base", true},
    {"qemu64,phys-bits=60", "phys-bits should be between 32 and 52 (but is 60)\n",
     "no x86 CPU has more than 52 bits; 11.1 starts, and aborts under KVM", true},
    {"qemu64,realized=on",
     "can't apply global qemu64-x86_64-cpu.realized=on: Property 'qemu64-x86_64-cpu.realized' not "
     "found\n",
     "realized is not a property of the configuration", true},
};

/* One captured run. */
typedef struct Run {
    char *cpu;
    int rc;
    GString *text;      /* stderr */
    json_object *props; /* that differ from the base */
} Run;

static GPtrArray *runs;
static json_object *base_props;

static void load_runs(void)
{
    g_auto(GStrv) lines = test_data_lines("cpu-option.txt");
    Run *run = NULL;

    runs = g_ptr_array_new();
    for (char **l = lines; *l; l++) {
        char *arg = strchr(*l, ' ') + 1;

        if (g_str_has_prefix(*l, "base ")) {
            base_props = json_tokener_parse(arg);
        } else if (g_str_has_prefix(*l, "cpu ")) {
            run = g_new0(Run, 1);
            run->cpu = g_strdup(arg);
            run->text = g_string_new("");
            run->props = json_object_new_object();
            g_ptr_array_add(runs, run);
        } else if (g_str_has_prefix(*l, "rc ")) {
            run->rc = atoi(arg);
        } else if (g_str_has_prefix(*l, "err ")) {
            g_string_append_printf(run->text, "%s\n", arg);
        } else {
            char *value = strchr(arg, ' ');

            *value++ = 0;
            json_object_object_add(run->props, arg, json_tokener_parse(value));
        }
    }
    g_assert_cmpuint(runs->len, ==, 77);
}

static void check_props(const Run *run, const X86CPUConfig *cfg)
{
    json_object_object_foreach(base_props, name, base)
    {
        json_object *want = json_object_object_get(run->props, name);
        json_object *ours = x86_cpu_prop_get_json(cfg, name);

        want = want ? want : base;
        if (!ours) {
            g_assert_cmpstr(name, ==, "apxf"); /* not in the 10.2 base */
            continue;
        }
        if (!json_object_equal(ours, want)) {
            g_test_message("-cpu %s: %s is %s, in QEMU %s", run->cpu, name,
                           json_object_to_json_string(ours), json_object_to_json_string(want));
        }
        g_assert_true(json_object_equal(ours, want));
        json_object_put(ours);
    }
}

static void test_runs(void)
{
    X86AccelInfo info;

    test_accel_tcg(&info, 0x20);
    for (unsigned i = 0; i < runs->len; i++) {
        const Run *run = runs->pdata[i];
        const char *want = run->text->str;
        bool fails = run->rc;
        g_autofree char *error = NULL;
        TestReport report;
        X86CPUContext ctx;
        X86CPUConfig cfg;

        for (unsigned k = 0; k < ARRAY_SIZE(differences); k++) {
            if (!strcmp(differences[k].cpu, run->cpu)) {
                want = differences[k].stderr_text;
                fails = differences[k].fails;
            }
        }
        test_report_init(&report);
        ctx = test_context(&info, 11, 0, &report);
        g_assert_true(test_realize(&cfg, run->cpu, &ctx, &error) == !fails);
        if (error) {
            g_string_append_printf(report.text, "%s\n", error);
        }
        g_assert_cmpstr(report.text->str, ==, want);
        if (!fails) {
            check_props(run, &cfg);
        }
        test_report_fini(&report);
    }
}

/* What the captured strings do not reach. */
static void test_more_errors(void)
{
    static const struct {
        const char *cpu, *error;
    } rows[] = {
        {",avx", "unable to find CPU model ''"},
        {"qemu64,=on", "can't apply global qemu64-x86_64-cpu.=on: Property 'qemu64-x86_64-cpu.' "
                       "not found"},
        {"qemu64,+", "Property 'qemu64-x86_64-cpu.' not found"},
        {"qemu64,avx=", "can't apply global qemu64-x86_64-cpu.avx=: Parameter 'avx' expects 'on' "
                        "or 'off'"},
        {"qemu64,tsc-freq=-5", "bad numerical value -5"},
        {"qemu64,tsc-freq=99999999999999999999", "bad numerical value 99999999999999999999"},
        {"qemu64,lbr-fmt=0x1000", "can't apply global qemu64-x86_64-cpu.lbr-fmt=0x1000: Property "
                                  "value for 'lbr-fmt' has bits outside mask '0x3f'"},
        {"qemu64,hv-spinlocks=0x100000000",
         "can't apply global qemu64-x86_64-cpu.hv-spinlocks=0x100000000: Parameter "
         "'hv-spinlocks' expects uint32_t"},
        {"qemu64,hv-version-id-major=70000",
         "can't apply global qemu64-x86_64-cpu.hv-version-id-major=70000: Parameter "
         "'hv-version-id-major' expects uint16_t"},
        {"qemu64,host-phys-bits-limit=300",
         "can't apply global qemu64-x86_64-cpu.host-phys-bits-limit=300: Parameter "
         "'host-phys-bits-limit' expects uint8_t"},
        {"qemu64,phys-bits=-1", "can't apply global qemu64-x86_64-cpu.phys-bits=-1: Parameter "
                                "'phys-bits' expects uint32_t"},
        {"qemu64,core-id=foo", "can't apply global qemu64-x86_64-cpu.core-id=foo: Parameter "
                               "'core-id' expects int64"},
        {"qemu64,core-id=99999999999", "can't apply global qemu64-x86_64-cpu.core-id=99999999999: "
                                       "Parameter 'core-id' expects int32_t"},
        {"qemu64,ucode-rev=foo", "can't apply global qemu64-x86_64-cpu.ucode-rev=foo: Parameter "
                                 "'ucode-rev' expects uint64"},
        {"qemu64,hv-no-nonarch-coresharing=foo",
         "can't apply global qemu64-x86_64-cpu.hv-no-nonarch-coresharing=foo: Parameter "
         "'hv-no-nonarch-coresharing' does not accept value 'foo'"},
        {"qemu64,+level", "Parameter 'level' expects uint64"},
        {"qemu64,+vendor", "Invalid parameter type for 'vendor', expected: string"},
        {"qemu64,legacy-cache=off", "CPU model 'qemu64' doesn't support legacy-cache=off"},
        {"qemu64,lm=off,phys-bits=36", "phys-bits is not user-configurable in 32 bit"},
    };
    X86AccelInfo info;

    test_accel_tcg(&info, 0x20);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *error = NULL;
        X86CPUContext ctx = test_context(&info, 11, 0, NULL);
        X86CPUConfig cfg;

        g_assert_false(test_realize(&cfg, rows[i].cpu, &ctx, &error));
        g_assert_cmpstr(error, ==, rows[i].error);
    }
}

/* -global, machine compat and -cpu: the later one wins, in this order of origin. */
static void test_precedence(void)
{
    const X86CPUGlobal globals[] = {{"qemu64-x86_64-cpu", "family", "7"},
                                    {"x86_64-cpu", "model", "8"},
                                    {"qemu64-v1-x86_64-cpu", "stepping", "9"},
                                    {"max-x86_64-cpu", "stepping", "10"}};
    g_autofree char *error = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_tcg(&info, 0x20);
    ctx = test_context(&info, 6, 0, NULL); /* compat: qemu64 is 6/6/3 */
    ctx.globals = globals;
    ctx.nr_globals = ARRAY_SIZE(globals);
    g_assert_true(test_realize(&cfg, "qemu64,model=11", &ctx, &error));
    g_assert_cmpuint(cfg.family, ==, 7);
    g_assert_cmpuint(cfg.model, ==, 11);
    g_assert_cmpuint(cfg.stepping, ==, 3);
}

static void test_user_values_beat_kvm_defaults(void)
{
    g_autofree char *error = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_kvm(&info, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    ctx = test_context(&info, 11, 0, NULL);
    g_assert_true(test_realize(&cfg, "Skylake-Server", &ctx, &error));
    g_assert_cmpstr(cfg.vendor, ==, CPUID_VENDOR_AMD); /* the host's */
    g_assert_true(x86_has(&cfg, X86_FEATURE_X2APIC));
    g_assert_true(x86_has(&cfg, X86_FEATURE_KVMCLOCK));
    g_assert_true(x86_has(&cfg, X86_FEATURE_KVM_MSI_EXT_DEST_ID)); /* split */
    g_assert_true(test_realize(&cfg, "Skylake-Server,vendor=GenuineIntel,x2apic=off,-kvmclock",
                               &ctx, &error));
    g_assert_cmpstr(cfg.vendor, ==, CPUID_VENDOR_INTEL);
    g_assert_false(x86_has(&cfg, X86_FEATURE_X2APIC));
    g_assert_false(x86_has(&cfg, X86_FEATURE_KVMCLOCK));
    g_assert_true(test_realize(&cfg, "Skylake-Server,kvm=off", &ctx, &error));
    g_assert_cmphex(cfg.features[FEAT_KVM], ==, 0);
}

/* host takes what the host has, but what does not migrate only when asked. */
static void test_host(void)
{
    g_autofree char *error = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_kvm(&info, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    ctx = test_context(&info, 11, 0, NULL);
    g_assert_true(test_realize(&cfg, "host", &ctx, &error));
    g_assert_cmpuint(cfg.family, ==, 25);
    g_assert_cmpstr(cfg.model_id, ==, "Host of a test");
    g_assert_cmpuint(cfg.phys_bits, ==, 48);
    g_assert_true(cfg.pmu);
    g_assert_true(x86_has(&cfg, X86_FEATURE_AVX512F));
    g_assert_false(x86_has(&cfg, X86_FEATURE_INVTSC));
    g_assert_false(x86_has(&cfg, X86_FEATURE_TOPOEXT));
    g_assert_false(x86_has(&cfg, X86_FEATURE_ARCH_CAPABILITIES)); /* not on AMD */
    g_assert_true(test_realize(&cfg, "host,migratable=off,+topoext", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_INVTSC));
    g_assert_true(x86_has(&cfg, X86_FEATURE_TOPOEXT));
    g_assert_true(test_realize(&cfg, "host,tsc-frequency=2000000000", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_INVTSC));
    g_assert_true(test_realize(&cfg, "host,host-phys-bits-limit=40,-avx", &ctx, &error));
    g_assert_cmpuint(cfg.phys_bits, ==, 40);
    g_assert_false(x86_has(&cfg, X86_FEATURE_AVX));
    ctx = test_context(&info, 10, 0, NULL);
    g_assert_true(test_realize(&cfg, "host", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_ARCH_CAPABILITIES)); /* compat of 10.0 */
}

/* A realized CPU takes no more property. */
static void test_realized(void)
{
    g_autofree char *error = NULL;
    g_autoptr(Error) err = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_tcg(&info, 0x20);
    ctx = test_context(&info, 11, 0, NULL);
    g_assert_true(test_realize(&cfg, "qemu64", &ctx, &error));
    g_assert_false(x86_cpu_prop_set_str(&cfg, "avx", "on", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Attempt to set property 'avx' on anonymous device (type 'qemu64-x86_64-cpu') "
                    "after it was realized");
}

/* More than one thread in a package shows in ht and, but for Intel, in cmp-legacy. */
static void test_threads(void)
{
    static const X86CPUTopo two = {1, 1, 2, 1};
    g_autofree char *error = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_tcg(&info, 0x20);
    ctx = test_context(&info, 11, 0, NULL);
    ctx.topo = &two;
    g_assert_true(test_realize(&cfg, "EPYC,check=off", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_HT));
    g_assert_true(x86_has(&cfg, X86_FEATURE_CMP_LEGACY));
    g_assert_true(test_realize(&cfg, "Haswell,check=off", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_HT));
    g_assert_false(x86_has(&cfg, X86_FEATURE_CMP_LEGACY));
    ctx.topo = NULL;
    g_assert_true(test_realize(&cfg, "EPYC,check=off", &ctx, &error));
    g_assert_false(x86_has(&cfg, X86_FEATURE_HT));
}

static void test_amd_threads(void)
{
    static const X86CPUTopo threads = {1, 1, 2, 2};
    g_autofree char *error = NULL;
    X86AccelInfo info;
    TestReport report;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_kvm(&info, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    test_report_init(&report);
    ctx = test_context(&info, 11, 0, &report);
    ctx.topo = &threads;
    g_assert_true(test_realize(&cfg, "EPYC,+topoext", &ctx, &error));
    g_assert_cmpstr(report.text->str, ==, "");
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        g_assert_true(test_realize(&cfg, "qemu64", &ctx, &error));
    }
    g_assert_cmpstr(report.text->str, ==,
                    "warning: This family of AMD CPU doesn't support hyperthreading(2)\n"
                    "Please configure -smp options properly or try enabling topoext feature.\n");
    test_report_fini(&report);
}

/* pmu=off takes pdcm away, before 10.1 only from CPUID. */
static void test_pdcm(void)
{
    g_autofree char *error = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_kvm(&info, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
    ctx = test_context(&info, 11, 0, NULL);
    g_assert_true(test_realize(&cfg, "Skylake-Server,+pdcm", &ctx, &error));
    g_assert_false(x86_has(&cfg, X86_FEATURE_PDCM));
    g_assert_true(test_realize(&cfg, "Skylake-Server,+pdcm,pmu=on", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_PDCM));
    ctx = test_context(&info, 10, 0, NULL);
    g_assert_true(test_realize(&cfg, "Skylake-Server,+pdcm", &ctx, &error));
    g_assert_true(x86_has(&cfg, X86_FEATURE_PDCM));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    load_runs();
    g_test_add_func("/cpu/option/captured_strings_give_the_same_messages_and_cpu", test_runs);
    g_test_add_func("/cpu/option/errors_have_the_text_of_qemu", test_more_errors);
    g_test_add_func("/cpu/option/cpu_beats_global_beats_machine", test_precedence);
    g_test_add_func("/cpu/option/user_beats_the_defaults_of_kvm",
                    test_user_values_beat_kvm_defaults);
    g_test_add_func("/cpu/option/host_takes_what_the_host_has", test_host);
    g_test_add_func("/cpu/option/no_property_after_realize", test_realized);
    g_test_add_func("/cpu/option/threads_set_ht_and_cmp_legacy", test_threads);
    g_test_add_func("/cpu/option/amd_threads_without_topoext_warn_once", test_amd_threads);
    g_test_add_func("/cpu/option/pdcm_needs_pmu", test_pdcm);
    return g_test_run();
}
