/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the CPU configuration tests share. */
#include "qemu/osdep.h"

#include "cpu-test-util.h"
#include "qemu/cutils.h"

char **test_data_lines(const char *name)
{
    g_autofree char *path = g_build_filename(TEST_DATA_DIR, "cpu", name, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) all = NULL;
    GPtrArray *lines = g_ptr_array_new();

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        g_error("no golden file %s", path);
    }
    all = g_strsplit(text, "\n", -1);
    for (char **l = all; *l; l++) {
        if (**l && **l != '#') {
            g_ptr_array_add(lines, g_strdup(*l));
        }
    }
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, false);
}

static void collect(void *opaque, X86ReportKind kind, const char *text, const char *hint)
{
    GString *out = opaque;

    g_string_append_printf(out, "%s%s\n", kind == X86_REPORT_ERROR ? "" : "warning: ", text);
    g_string_append(out, hint ? hint : "");
}

void test_report_init(TestReport *r)
{
    r->text = g_string_new("");
    r->report = (X86CPUReport){.emit = collect, .opaque = r->text};
}

void test_report_fini(TestReport *r)
{
    g_string_free(r->text, true);
}

static FeatureWord word_by_text(const char *text)
{
    char buf[64];

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        feature_word_format(w, buf, sizeof(buf));
        if (!strcmp(buf, text)) {
            return w;
        }
    }
    g_error("no word %s", text);
}

void test_accel_tcg_7_2(X86AccelInfo *info)
{
    g_auto(GStrv) lines = test_data_lines("qemu-7.2-tcg-models.txt");

    *info = (X86AccelInfo){.name = "TCG", .kind = X86_ACCEL_TCG};
    for (char **l = lines; *l; l++) {
        g_auto(GStrv) words = g_strsplit(*l, " ", 3);

        if (!strcmp(words[0], "mask")) {
            g_assert_cmpint(
                qemu_strtou64(words[2], NULL, 0, &info->supported[word_by_text(words[1])]), ==, 0);
        }
    }
}

void test_accel_tcg(X86AccelInfo *info, unsigned ioapic)
{
    x86_accel_info_init_tcg(info);
    info->irqchip = X86_IRQCHIP_OFF;
    info->ioapic_version = ioapic;
}

void test_accel_kvm(X86AccelInfo *info, X86IrqchipMode irqchip, unsigned ioapic,
                    uint32_t api_system, uint32_t api_vm)
{
    *info = (X86AccelInfo){
        .name = "KVM",
        .kind = X86_ACCEL_KVM,
        .irqchip = irqchip,
        .x2apic_api_system = api_system,
        .x2apic_api_vm = api_vm,
        .ioapic_version = ioapic,
        .vendor = CPUID_VENDOR_AMD,
        .model_id = "Host of a test",
        .family = 25,
        .model = 17,
        .stepping = 1,
        .phys_bits = 48,
        .level = 0x10,
        .xlevel = 0x80000028,
    };
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        info->supported[w] = w == FEAT_KVM_X2APIC ? 0 : ~0ull;
        if (feature_word_info[w].source == FEATURE_SOURCE_CPUID) {
            info->supported[w] &= UINT32_MAX;
        }
    }
    if (irqchip == X86_IRQCHIP_OFF) {
        info->supported[FEAT_1_ECX] &= ~x86_feature_mask(X86_FEATURE_X2APIC);
    }
}

X86CPUContext test_context(const X86AccelInfo *info, unsigned major, unsigned minor,
                           TestReport *report)
{
    X86CPUContext ctx = {
        .accel = info,
        .default_version = x86_cpu_default_version(major, minor),
        .report = report ? &report->report : NULL,
    };

    ctx.nr_compat = x86_cpu_compat_for(major, minor, ctx.compat);
    return ctx;
}

bool test_realize(X86CPUConfig *cfg, const char *str, X86CPUContext *ctx, char **error)
{
    Error *err = NULL;
    X86CPUOption *opt = x86_cpu_option_parse(str, ctx->report, &err);
    bool ok;

    ctx->option = opt;
    ctx->realize = true;
    ok = opt && x86_cpu_config_init(cfg, opt->model, ctx, &err) &&
         x86_cpu_config_realize(cfg, ctx, &err);
    ctx->option = NULL;
    x86_cpu_option_free(opt);
    g_assert_true(ok == !err);
    *error = err ? g_strdup(error_get_pretty(err)) : NULL;
    error_free(err);
    return ok;
}
