/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state table of x2apic-seoib (docs/system/x2apic-seoib.rst): what each accelerator, irqchip,
 * I/O APIC and kernel makes of unset, off and on, with the exact texts. Kernels are faked by the
 * values KVM_CHECK_EXTENSION returns: 0x3 old, 0xf new (0xb on the VM fd with a full irqchip).
 */
#include "qemu/osdep.h"

#include "cpu-test-util.h"

#define W1                                                                                         \
    "warning: KVM on this host cannot honour Suppress EOI Broadcast: CPU feature x2apic-seoib is " \
    "filtered out\n" HINT_KERNEL
#define W2                                                                                         \
    "warning: x2apic-seoib=off has no effect: KVM on this host always advertises Suppress EOI "    \
    "Broadcast with kernel-irqchip=split\n" HINT_OFF
#define W3                                                                                         \
    "warning: x2apic-seoib needs I/O APIC version 0x20, this machine has version 0x11: feature "   \
    "filtered out\nremove ioapic.version=0x11 or use a machine type newer than 2.7\n"
#define W4                                                                                         \
    "warning: x2apic-seoib needs a userspace I/O APIC: feature filtered out with "                 \
    "kernel-irqchip=on\nuse -machine kernel-irqchip=split\n"
#define W5                                                                                         \
    "warning: CPU feature x2apic-seoib needs x2apic, which this CPU does not have: feature "       \
    "filtered out\n"
#define E1 "KVM does not support the requested CPU feature x2apic-seoib\n" HINT_KERNEL
#define E2                                                                                         \
    "KVM cannot hide Suppress EOI Broadcast from the guest (x2apic-seoib=off with "                \
    "kernel-irqchip=split)\n" HINT_OFF
#define E3                                                                                         \
    "x2apic-seoib=on cannot be combined with I/O APIC version 0x11: it has no EOI register and "   \
    "level-triggered interrupts would never be re-enabled"
#define HINT_E3 "\nset ioapic.version=0x20 or x2apic-seoib=off\n"
#define E4      "x2apic-seoib=on requires kernel-irqchip=split\n"
#define HINT_KERNEL                                                                                \
    "Linux 7.0, 6.18.17 or a later stable kernel is needed; use x2apic-seoib=off or an older "     \
    "CPU model version to silence this\n"
#define HINT_OFF "use a newer kernel (7.0, 6.18.17) or kernel-irqchip=on\n"

#define Q   SEOIB_QUIRKED
#define N   SEOIB_NOT_ADVERTISED
#define R   SEOIB_RESPECTED
#define EN  X2APIC_API_ENABLE_SEOIB
#define DIS X2APIC_API_DISABLE_SEOIB

/* One way of asking: what comes out. */
typedef struct Outcome {
    SeoibMode mode;
    uint32_t flags;
    const char *messages; /* "" for none */
    const char *enforce;  /* messages with enforce; NULL: nothing to enforce */
    const char *error;    /* without enforce, NULL: the CPU is made */
} Outcome;

typedef struct Row {
    const char *name;
    X86AccelKind kind;
    X86IrqchipMode irqchip;
    unsigned ioapic;
    uint32_t system, vm;
    Outcome off, model, explicit;
} Row;

/* UNSET is the same in each row: QUIRKED, no flags, no message. */
/* clang-format off */
static const Row rows[] = {
    { "1_kvm_split_0x20_new", X86_ACCEL_KVM, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf,
      .off = { N, DIS, "" }, .model = { R, EN, "" }, .explicit = { R, EN, "" } },
    { "2_kvm_split_0x20_old", X86_ACCEL_KVM, X86_IRQCHIP_SPLIT, 0x20, 0x3, 0x3,
      .off = { Q, 0, W2, E2 }, .model = { Q, 0, W1, E1 }, .explicit = { Q, 0, W1, E1 } },
    { "3_kvm_split_0x11_new", X86_ACCEL_KVM, X86_IRQCHIP_SPLIT, 0x11, 0xf, 0xf,
      .off = { N, DIS, "" }, .model = { N, DIS, W3, E3 HINT_E3 },
      .explicit = { N, DIS, "", E3 HINT_E3, E3 } },
    { "4_kvm_split_0x11_old", X86_ACCEL_KVM, X86_IRQCHIP_SPLIT, 0x11, 0x3, 0x3,
      .off = { Q, 0, W2, E2 }, .model = { Q, 0, W1, E1 },
      .explicit = { Q, 0, "", E3 HINT_E3, E3 } },
    { "5_kvm_full_new", X86_ACCEL_KVM, X86_IRQCHIP_ON, 0, 0xf, 0xb,
      .off = { N, DIS, "" }, .model = { N, DIS, W4, E4 }, .explicit = { N, DIS, W4, E4 } },
    { "6_kvm_full_old", X86_ACCEL_KVM, X86_IRQCHIP_ON, 0, 0x3, 0x3,
      .off = { N, 0, "" }, .model = { Q, 0, W4, E4 }, .explicit = { Q, 0, W4, E4 } },
    { "7_kvm_off", X86_ACCEL_KVM, X86_IRQCHIP_OFF, 0x20, 0xf, 0xb,
      .off = { N, 0, "" }, .model = { N, 0, W5, W5 }, .explicit = { N, 0, W5, W5 } },
    { "8_software_0x20", X86_ACCEL_TCG, X86_IRQCHIP_OFF, 0x20, 0, 0,
      .off = { N, 0, "" }, .model = { R, 0, "" }, .explicit = { R, 0, "" } },
    { "9_software_0x11", X86_ACCEL_TCG, X86_IRQCHIP_OFF, 0x11, 0, 0,
      .off = { N, 0, "" }, .model = { N, 0, W3, E3 HINT_E3 },
      .explicit = { N, 0, "", E3 HINT_E3, E3 } },
};
/* clang-format on */

static void make_info(const Row *row, X86AccelInfo *info)
{
    if (row->kind == X86_ACCEL_KVM) {
        test_accel_kvm(info, row->irqchip, row->ioapic, row->system, row->vm);
    } else {
        test_accel_tcg(info, row->ioapic);
        /* Let nothing but x2apic-seoib be amiss. */
        for (unsigned w = 0; w < FEATURE_WORDS; w++) {
            info->supported[w] = w == FEAT_KVM_X2APIC ? 0 : ~0ull;
        }
    }
}

static bool unavailable(const X86CPUConfig *cfg)
{
    return x86_features_have(cfg->filtered, X86_FEATURE_X2APIC_SEOIB);
}

static const char *enforce_error(const Row *row)
{
    return row->kind == X86_ACCEL_KVM ? "Host doesn't support requested features"
                                      : "TCG doesn't support requested features";
}

/* Realizes -cpu @cpu for @row and compares the policy, the messages and the error. */
static void check(const Row *row, const char *cpu, const Outcome *o, const char *messages,
                  const char *error)
{
    g_autofree char *err = NULL;
    X86AccelInfo info;
    TestReport report;
    X86CPUContext ctx;
    X86CPUConfig cfg;
    bool ok;

    g_test_message("row %s, -cpu %s", row->name, cpu);
    make_info(row, &info);
    test_report_init(&report);
    ctx = test_context(&info, 11, 0, &report);
    ok = test_realize(&cfg, cpu, &ctx, &err);
    g_assert_cmpstr(report.text->str, ==, messages);
    g_assert_cmpstr(err, ==, error);
    g_assert_true(ok == !error);
    if (ok) {
        g_assert_cmpint(cfg.seoib.mode, ==, o->mode);
        g_assert_cmphex(cfg.seoib.kvm_flags, ==, o->flags);
        g_assert_true(x86_has(&cfg, X86_FEATURE_X2APIC_SEOIB) == (o->mode == SEOIB_RESPECTED));
    }
    test_report_fini(&report);
}

/* One request in its variants: as it is, check=off, enforce, enforce with check=off. */
static void check_request(const Row *row, const char *cpu, const Outcome *o)
{
    g_autofree char *unchecked = g_strconcat(cpu, ",check=off", NULL);
    g_autofree char *enforced = g_strconcat(cpu, ",enforce", NULL);
    g_autofree char *silent = g_strconcat(cpu, ",check=off,enforce", NULL);

    check(row, cpu, o, o->messages, o->error);
    check(row, unchecked, o, "", o->error);
    check(row, enforced, o, o->enforce ? o->enforce : "", o->enforce ? enforce_error(row) : NULL);
    check(row, silent, o, o->enforce ? o->enforce : "", o->enforce ? enforce_error(row) : NULL);
}

static void test_row(gconstpointer data)
{
    static const Outcome unset = {Q, 0, ""};
    const Row *row = data;

    check_request(row, "Skylake-Server-v5", &unset);
    check_request(row, "Skylake-Server-v5,x2apic-seoib=off", &row->off);
    check_request(row, "Skylake-Server-v6,x2apic-seoib=off", &row->off);
    check_request(row, "Skylake-Server-v6", &row->model);
    check_request(row, "Skylake-Server-v5,x2apic-seoib=on", &row->explicit);
    check_request(row, "Skylake-Server-v6,+x2apic-seoib", &row->explicit);
    check_request(row, "Skylake-Server-v5,-x2apic-seoib", &row->off);
    check_request(row, "Skylake-Server-v5,x2apic_seoib", &row->explicit);
}

/* Row 10: any machine, a CPU without x2apic. */
static void test_row_10(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bool new_kvm_lapic = rows[i].kind == X86_ACCEL_KVM && (rows[i].vm & DIS) &&
                             rows[i].irqchip != X86_IRQCHIP_OFF;
        bool kvm_lapic = rows[i].kind == X86_ACCEL_KVM && rows[i].irqchip != X86_IRQCHIP_OFF;
        const Outcome off = {N, new_kvm_lapic ? DIS : 0, ""};
        const Outcome on = {kvm_lapic && !new_kvm_lapic ? Q : N, new_kvm_lapic ? DIS : 0, W5, W5};

        check_request(&rows[i], "Skylake-Server-v6,x2apic=off", &on);
        check_request(&rows[i], "Skylake-Server-v5,x2apic=off,x2apic-seoib=on", &on);
        check_request(&rows[i], "Skylake-Server-v6,-x2apic", &on);
        check_request(&rows[i], "Skylake-Server-v6,x2apic=off,x2apic-seoib=off", &off);
    }
}

/* x2apic asked for and filtered: the CPU does not have it either. */
static void test_x2apic_filtered(void)
{
    g_autofree char *err = NULL;
    X86AccelInfo info;
    TestReport report;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    test_accel_kvm(&info, X86_IRQCHIP_OFF, 0x20, 0xf, 0xb);
    test_report_init(&report);
    ctx = test_context(&info, 11, 0, &report);
    g_assert_true(test_realize(&cfg, "Skylake-Server-v6,+x2apic", &ctx, &err));
    g_assert_cmpstr(report.text->str, ==,
                    "warning: host doesn't support requested feature: CPUID[eax=01h].ECX.x2apic "
                    "[bit 21]\n" W5);
    g_assert_true(unavailable(&cfg));
    test_report_fini(&report);
}

/* host and max: on when attainable, else unset without a word; unset before machine version 11.0.
 */
static void test_max(gconstpointer data)
{
    const char *model = data;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bool attainable = rows[i].model.mode == SEOIB_RESPECTED;
        const Outcome now = {attainable ? R : Q, rows[i].model.flags & EN, ""};
        g_autofree char *off = g_strconcat(model, ",x2apic-seoib=off", NULL);
        g_autofree char *on = g_strconcat(model, ",x2apic-seoib=on", NULL);
        g_autofree char *bare = g_strconcat(model, ",x2apic=off", NULL);
        const Outcome unset = {Q, 0, ""};

        if (rows[i].kind != X86_ACCEL_KVM && !strcmp(model, "host")) {
            continue;
        }
        check_request(&rows[i], model, &now);
        check_request(&rows[i], off, &rows[i].off);
        check_request(&rows[i], bare, &unset);
        if (rows[i].irqchip != X86_IRQCHIP_OFF || rows[i].kind != X86_ACCEL_KVM) {
            check_request(&rows[i], on, &rows[i].explicit);
        }
    }
}

static void test_old_machine(void)
{
    static const struct {
        unsigned major, minor;
        bool on;
    } machines[] = {{11, 0, true}, {11, 1, true}, {10, 2, false}, {9, 0, false}};

    for (unsigned i = 0; i < ARRAY_SIZE(machines); i++) {
        X86CPUContext ctx;
        X86AccelInfo info;
        X86CPUConfig cfg;
        char *err;

        test_accel_kvm(&info, X86_IRQCHIP_SPLIT, 0x20, 0xf, 0xf);
        ctx = test_context(&info, machines[i].major, machines[i].minor, NULL);
        g_assert_true(test_realize(&cfg, "host", &ctx, &err));
        g_assert_cmpint(cfg.seoib.mode, ==, machines[i].on ? R : Q);
        g_assert_cmpint(cfg.seoib.request, ==,
                        machines[i].on ? X86_SEOIB_ON_AUTO : X86_SEOIB_UNSET);
        /* A model version means the same on every machine. */
        g_assert_true(test_realize(&cfg, "Skylake-Server-v6,check=off", &ctx, &err));
        g_assert_cmpint(cfg.seoib.mode, ==, R);
    }
}

/* -machine none has no irqchip: the system fd decides. */
static void test_no_irqchip(void)
{
    X86AccelInfo info;

    test_accel_kvm(&info, X86_IRQCHIP_UNKNOWN, 0, 0xf, 0);
    g_assert_cmphex(x86_seoib_supported(&info), ==, 4);
    test_accel_kvm(&info, X86_IRQCHIP_UNKNOWN, 0, 0x3, 0);
    g_assert_cmphex(x86_seoib_supported(&info), ==, 0);
}

/* Should a kernel offer ENABLE with a full irqchip one day, the VM fd says so. */
static void test_future_kernel(void)
{
    static const Row row = {"future", X86_ACCEL_KVM, X86_IRQCHIP_ON, 0, 0xf, 0xf};
    const Outcome on = {R, EN, ""};

    check_request(&row, "Skylake-Server-v6", &on);
}

/* x-force-features keeps bits, but nobody can make a kernel respect SPIV.12. */
static void test_force_features(void)
{
    const Outcome *o = &rows[1].model;

    check(&rows[1], "Skylake-Server-v6,x-force-features=on", o, W1, NULL);
}

static void test_once(void)
{
    g_autofree char *err = NULL;
    X86AccelInfo info;
    TestReport report;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    make_info(&rows[4], &info);
    test_report_init(&report);
    ctx = test_context(&info, 11, 0, &report);
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        g_assert_true(test_realize(&cfg, "Skylake-Server-v6", &ctx, &err));
        g_assert_true(unavailable(&cfg));
    }
    g_assert_cmpstr(report.text->str, ==, W4);
    test_report_fini(&report);
}

/* Outside of realize the bit behaves like any other, word and bit named. */
static void test_dependency_text(void)
{
    g_autoptr(X86CPUOption) opt = x86_cpu_option_parse("base,+x2apic-seoib", NULL, &error_abort);
    X86AccelInfo info;
    TestReport report;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    make_info(&rows[0], &info);
    test_report_init(&report);
    ctx = test_context(&info, 11, 0, &report);
    ctx.option = opt;
    g_assert_true(x86_cpu_config_init(&cfg, "base", &ctx, &error_abort));
    g_assert_true(x86_cpu_config_expand(&cfg, &ctx, &error_abort));
    g_assert_cmpstr(report.text->str, ==,
                    "warning: This feature depends on other features that were not requested: "
                    "KVM_CAP_X2APIC_API.x2apic-seoib [bit 2]\n");
    g_assert_false(x86_has(&cfg, X86_FEATURE_X2APIC_SEOIB));
    test_report_fini(&report);
}

/* The E3 error of a CPU that is not enforced carries its hint. */
static void test_e3_hint(void)
{
    g_autoptr(X86CPUOption) opt =
        x86_cpu_option_parse("Skylake-Server-v5,x2apic-seoib=on", NULL, &error_abort);
    g_autoptr(Error) err = NULL;
    X86AccelInfo info;
    X86CPUContext ctx;
    X86CPUConfig cfg;

    make_info(&rows[2], &info);
    ctx = test_context(&info, 11, 0, NULL);
    ctx.option = opt;
    ctx.realize = true;
    g_assert_true(x86_cpu_config_init(&cfg, opt->model, &ctx, &error_abort));
    g_assert_false(x86_cpu_config_realize(&cfg, &ctx, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, E3);
    g_assert_cmpstr(error_get_hint(err), ==, "set ioapic.version=0x20 or x2apic-seoib=off\n");
}

static void test_mixed_cpus(void)
{
    X86AccelInfo info;
    X86SeoibDecision on, off, unset;
    g_autoptr(Error) err = NULL, err2 = NULL;

    make_info(&rows[0], &info);
    on = x86_seoib_decide(X86_SEOIB_ON_MODEL, true, false, &info);
    off = x86_seoib_decide(X86_SEOIB_OFF, true, false, &info);
    unset = x86_seoib_decide(X86_SEOIB_UNSET, true, false, &info);
    g_assert_true(x86_seoib_check_same(&on, &on, 1, &error_abort));
    g_assert_false(x86_seoib_check_same(&on, &off, 3, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "all CPUs must have the same x2apic-seoib setting (CPU 3 has off, the machine "
                    "uses on)");
    g_assert_false(x86_seoib_check_same(&off, &unset, 1, &err2));
    g_assert_cmpstr(error_get_pretty(err2), ==,
                    "all CPUs must have the same x2apic-seoib setting (CPU 1 has unset, the "
                    "machine uses off)");
}

static void test_kvm_error(void)
{
    g_autoptr(Error) err = NULL;

    x86_seoib_kvm_error(&err, EN, EINVAL);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "failed to set KVM x2APIC API flags 0x4: Invalid argument");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *path = g_strconcat("/cpu/seoib/row_", rows[i].name, NULL);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/cpu/seoib/row_10_any_without_x2apic", test_row_10);
    g_test_add_func("/cpu/seoib/x2apic_that_is_filtered_takes_it_along", test_x2apic_filtered);
    g_test_add_data_func("/cpu/seoib/host_is_on_when_attainable_else_unset", "host", test_max);
    g_test_add_data_func("/cpu/seoib/max_is_on_when_attainable_else_unset", "max", test_max);
    g_test_add_func("/cpu/seoib/host_is_unset_before_machine_11_0", test_old_machine);
    g_test_add_func("/cpu/seoib/without_irqchip_the_system_fd_decides", test_no_irqchip);
    g_test_add_func("/cpu/seoib/vm_fd_decides_and_not_the_irqchip_mode", test_future_kernel);
    g_test_add_func("/cpu/seoib/cannot_be_forced", test_force_features);
    g_test_add_func("/cpu/seoib/text_comes_once_for_all_cpus", test_once);
    g_test_add_func("/cpu/seoib/dependency_warning_names_word_and_bit", test_dependency_text);
    g_test_add_func("/cpu/seoib/e3_has_its_hint", test_e3_hint);
    g_test_add_func("/cpu/seoib/e5_mixed_cpus_are_refused", test_mixed_cpus);
    g_test_add_func("/cpu/seoib/e7_names_flags_and_reason", test_kvm_error);
    return g_test_run();
}
