/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of a PC that a guest can see and that is no state: CPUs, interrupt controllers, the
 * Suppress EOI Broadcast policy (docs/system/x2apic-seoib.rst). BQL.
 */
#include "qemu/osdep.h"
#include "hw/i386/migration-config.h"
#include "hw/intc/apic-bus.h"
#include "qemu/cutils.h"
#include "target/i386/cpu.h"

#define KEY_SEOIB "x2apic-seoib"
#define KEY_FEATURES "cpu-features"

/* The policy is compared for itself: QUIRKED, what every VM was before there was a choice, is not
 * written. */
static void add_policy(MachineState *ms, MigConfig *c)
{
    SeoibMode mode = apic_bus_seoib(ms->apic_bus);

    if (mode != SEOIB_QUIRKED) {
        mig_config_add(c, KEY_SEOIB, "%s", seoib_mode_name(mode));
    }
}

static void add_features(const X86CPUConfig *cfg, MigConfig *c)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        uint64_t bits = w == FEAT_KVM_X2APIC ? 0 : cfg->features[w];

        g_string_append_printf(text, "%s%" PRIx64, w ? " " : "", bits);
    }
    mig_config_add(c, KEY_FEATURES, "%s", text->str);
}

static void add_cpu(const X86CPUConfig *cfg, MigConfig *c)
{
    mig_config_add(c, "cpu", "%s family %u model %u stepping %u, leaves %x %x %x, %u address bits",
                   cfg->vendor, cfg->family, cfg->model, cfg->stepping, cfg->level, cfg->xlevel,
                   cfg->xlevel2, cfg->phys_bits);
    add_features(cfg, c);
    mig_config_add(c, "hyperv", "%" PRIx64, cfg->hv_features);
}

static void describe(MachineState *ms, MigConfig *c)
{
    static const char *const irqchips[] = {
        [APIC_BUS_USER] = "off", [APIC_BUS_KVM_SPLIT] = "split", [APIC_BUS_KVM_FULL] = "on",
    };
    IOAPIC *ioapic;

    if (!ms->apic_bus || !cpus_count()) {
        return;
    }
    add_policy(ms, c);
    mig_config_add(c, "kernel-irqchip", "%s", irqchips[apic_bus_mode(ms->apic_bus)]);
    ioapic = apic_bus_ioapic(ms->apic_bus, 0);
    if (ioapic) {
        mig_config_add(c, "ioapic-version", "0x%x", ioapic->version);
    }
    mig_config_add(c, "smp", "%u cpus, at most %u, %u sockets, %u dies, %u modules, %u cores, "
                   "%u threads", ms->smp.cpus, ms->smp.max_cpus, ms->smp.sockets, ms->smp.dies,
                   ms->smp.modules, ms->smp.cores, ms->smp.threads);
    add_cpu(&X86_CPU(cpus_get(0))->cfg, c);
}

static const char *default_of(const char *key)
{
    return !strcmp(key, KEY_SEOIB) ? seoib_mode_name(SEOIB_QUIRKED) : NULL;
}

/* E6 of docs/system/x2apic-seoib.rst. */
static void explain_policy(const char *saved, const char *here, Error **errp)
{
    error_setg(errp, "x2apic-seoib mismatch: the saved state uses '%.20s', this VM is configured "
               "for '%s'", saved, here);
    if (!strcmp(saved, seoib_mode_name(SEOIB_QUIRKED))) {
        error_append_hint(errp, "leave x2apic-seoib unset and use the CPU model version of the "
                          "source\n");
    } else {
        error_append_hint(errp, "start the destination with -cpu ...,x2apic-seoib=%s\n",
                          !strcmp(saved, seoib_mode_name(SEOIB_RESPECTED)) ? "on" : "off");
    }
}

/* Appends the names of the features that @a has and @b lacks. */
static void list_features(const uint64_t *a, const uint64_t *b, GString *out)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        for (uint64_t bits = a[w] & ~b[w]; bits; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);
            const char *name = x86_feature_name(w, bit);
            char word[64];

            feature_word_format(w, word, sizeof(word));
            if (name) {
                g_string_append_printf(out, "%s%s", out->len ? ", " : "", name);
            } else {
                g_string_append_printf(out, "%s%s bit %u", out->len ? ", " : "", word, bit);
            }
        }
    }
}

static bool parse_features(const char *text, uint64_t *words)
{
    g_auto(GStrv) parts = g_strsplit(text, " ", FEATURE_WORDS + 1);

    if (g_strv_length(parts) != FEATURE_WORDS) {
        return false;
    }
    for (unsigned w = 0; w < FEATURE_WORDS; w++) {
        if (qemu_strtou64(parts[w], NULL, 16, &words[w])) {
            return false;
        }
    }
    return true;
}

static bool explain_features(const char *saved, const char *here, Error **errp)
{
    uint64_t s[FEATURE_WORDS], h[FEATURE_WORDS];
    g_autoptr(GString) only_saved = g_string_new(NULL);
    g_autoptr(GString) only_here = g_string_new(NULL);

    if (!parse_features(saved, s) || !parse_features(here, h)) {
        return false;
    }
    list_features(s, h, only_saved);
    list_features(h, s, only_here);
    error_setg(errp, "CPU features differ: the saved state has %s%s, this VM %s%s",
               only_saved->len ? "also " : "no others", only_saved->str,
               only_here->len ? "also " : "no others", only_here->str);
    error_append_hint(errp, "Start the destination with the -cpu of the source\n");
    return true;
}

static bool explain(const char *key, const char *saved, const char *here, Error **errp)
{
    if (!strcmp(key, KEY_SEOIB)) {
        explain_policy(saved, here, errp);
        return true;
    }
    if (!strcmp(key, KEY_FEATURES)) {
        return explain_features(saved, here, errp);
    }
    return false;
}

const MigrationMachineOps x86_migration_ops = { describe, default_of, explain };
