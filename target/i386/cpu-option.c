/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The argument of -cpu: MODEL[,item...] where an item is +feature, -feature, name=value or name.
 * Commas cannot be escaped; empty items are skipped. Names after a sign are taken as written, in
 * the other form '_' stands for '-'. Pure.
 */
#include "qemu/osdep.h"

#include "qemu/cutils.h"
#include "target/i386/cpu-internal.h"

static void global_clear(void *p)
{
    X86CPUGlobal *g = p;

    g_free((char *)g->type);
    g_free((char *)g->name);
    g_free((char *)g->value);
}

void x86_cpu_option_free(X86CPUOption *opt)
{
    if (!opt) {
        return;
    }
    g_ptr_array_unref(opt->plus);
    g_ptr_array_unref(opt->minus);
    g_array_unref(opt->globals);
    g_free(opt->model);
    g_free(opt);
}

static bool has_string(const GPtrArray *list, const char *s)
{
    for (unsigned i = 0; i < list->len; i++) {
        if (!strcmp(list->pdata[i], s)) {
            return true;
        }
    }
    return false;
}

/* Warns when the same feature was given with a sign before. */
static bool warn_ambiguous(const X86CPUOption *opt, const char *name, const char *value,
                           X86CPUReport *report)
{
    bool ambiguous = false;

    for (int minus = 0; minus < 2; minus++) {
        if (has_string(minus ? opt->minus : opt->plus, name)) {
            x86_report(report, X86_REPORT_WARNING, NULL,
                       "Ambiguous CPU model string. Don't mix both \"%c%s\" and \"%s=%s\"",
                       minus ? '-' : '+', name, name, value);
            ambiguous = true;
        }
    }
    return ambiguous;
}

/* tsc-freq=2.5G becomes tsc-frequency=2500000000. */
static bool convert_tsc_freq(char **name, char **value, Error **errp)
{
    uint64_t hz;

    if (qemu_strtosz_metric(*value, NULL, &hz) < 0 || hz > INT64_MAX) {
        error_setg(errp, "bad numerical value %s", *value);
        return false;
    }
    g_free(*name);
    g_free(*value);
    *name = g_strdup("tsc-frequency");
    *value = g_strdup_printf("%" PRIu64, hz);
    return true;
}

/* name=value or name. */
static bool parse_pair(X86CPUOption *opt, const char *item, bool *ambiguous, X86CPUReport *report,
                       Error **errp)
{
    const char *eq = strchr(item, '=');
    g_autofree char *name = eq ? g_strndup(item, eq - item) : g_strdup(item);
    g_autofree char *value = g_strdup(eq ? eq + 1 : "on");
    X86CPUGlobal global;

    g_strdelimit(name, "_", '-');
    *ambiguous |= warn_ambiguous(opt, name, value, report);
    if (!strcmp(name, "tsc-freq") && !convert_tsc_freq(&name, &value, errp)) {
        return false;
    }
    global.type = g_strconcat(opt->model, X86_CPU_TYPE_SUFFIX, NULL);
    global.name = g_steal_pointer(&name);
    global.value = g_steal_pointer(&value);
    g_array_append_val(opt->globals, global);
    return true;
}

X86CPUOption *x86_cpu_option_parse(const char *str, X86CPUReport *report, Error **errp)
{
    g_autoptr(X86CPUOption) opt = g_new0(X86CPUOption, 1);
    g_auto(GStrv) items = NULL;
    bool ambiguous = false;

    opt->plus = g_ptr_array_new_with_free_func(g_free);
    opt->minus = g_ptr_array_new_with_free_func(g_free);
    opt->globals = g_array_new(false, false, sizeof(X86CPUGlobal));
    g_array_set_clear_func(opt->globals, global_clear);
    if (!*str) {
        error_setg(errp, "-cpu option cannot be empty");
        return NULL;
    }
    items = g_strsplit(str, ",", -1);
    opt->model = g_strdup(items[0]);
    if (!x86_cpu_model_exists(opt->model)) {
        error_setg(errp, "unable to find CPU model '%s'", opt->model);
        return NULL;
    }
    for (char **i = items + 1; *i; i++) {
        if (**i == '+' || **i == '-') {
            g_ptr_array_add(**i == '+' ? opt->plus : opt->minus, g_strdup(*i + 1));
        } else if (**i && !parse_pair(opt, *i, &ambiguous, report, errp)) {
            return NULL;
        }
    }
    if (ambiguous) {
        x86_report(report, X86_REPORT_WARNING, NULL,
                   "Compatibility of ambiguous CPU model strings won't be kept on future QEMU "
                   "versions");
    }
    return g_steal_pointer(&opt);
}
