/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of -d and -D, and the switches of -trace. Any thread; stdio locks each line. */
#include "qemu/osdep.h"
#include "qemu/keyval.h"
#include "qemu/log.h"
#include "qemu/timer.h"

int qemu_loglevel;

static FILE *log_file; /* NULL: stderr */
static char *log_path;

static const struct {
    int mask;
    const char *name;
    const char *help;
} log_items[] = {
    { CPU_LOG_TB_IN_ASM, "in_asm", "show target assembly code for each compiled TB" },
    { CPU_LOG_INT, "int", "show interrupts/exceptions in short format" },
    { CPU_LOG_EXEC, "exec", "show trace before each executed TB (lots of logs)" },
    { CPU_LOG_TB_CPU, "cpu", "show CPU registers before entering a TB (lots of logs)" },
    { CPU_LOG_RESET, "cpu_reset", "show CPU state before CPU resets" },
    { LOG_UNIMP, "unimp", "log unimplemented functionality" },
    { LOG_GUEST_ERROR, "guest_errors", "log when the guest OS does something invalid (eg accessing "
                                       "a\n                non-existent register)" },
};

static void log_vprintf(const char *fmt, va_list ap)
{
    FILE *f = log_file ? log_file : stderr;

    vfprintf(f, fmt, ap);
    fflush(f);
}

void qemu_log(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vprintf(fmt, ap);
    va_end(ap);
}

void guest_error(const char *fmt, ...)
{
    static gint64 window_start_us; /* racy on purpose: a few lines more or less do not matter */
    static int lines;
    gint64 now_us;
    va_list ap;

    if (!qemu_loglevel_mask(LOG_GUEST_ERROR)) {
        return;
    }
    now_us = g_get_monotonic_time();
    if (now_us - window_start_us > G_USEC_PER_SEC) {
        window_start_us = now_us;
        lines = 0;
    }
    if (++lines > 1000) {
        return;
    }
    va_start(ap, fmt);
    log_vprintf(fmt, ap);
    va_end(ap);
    qemu_log("\n");
}

static int log_item_mask(const char *name)
{
    int all = 0;

    for (size_t i = 0; i < ARRAY_SIZE(log_items); i++) {
        all |= log_items[i].mask;
        if (!strcmp(name, log_items[i].name)) {
            return log_items[i].mask;
        }
    }
    return !strcmp(name, "all") ? all : 0;
}

bool qemu_log_parse(const char *items, int *mask, Error **errp)
{
    g_auto(GStrv) names = g_strsplit(items, ",", 0);

    *mask = 0;
    for (char **name = names; *name; name++) {
        int bits;

        if (g_str_has_prefix(*name, "trace:") && (*name)[6]) {
            trace_enable_pattern(*name + 6);
            *mask |= LOG_TRACE;
            continue;
        }
        bits = log_item_mask(*name);
        if (!bits) {
            error_setg(errp, "Invalid parameter '%s'", items);
            error_append_hint(errp, "-d help lists the items\n");
            return false;
        }
        *mask |= bits;
    }
    return true;
}

void qemu_log_print_help(FILE *f)
{
    fprintf(f, "Log items (comma separated):\n");
    for (size_t i = 0; i < ARRAY_SIZE(log_items); i++) {
        fprintf(f, "%-15s %s\n", log_items[i].name, log_items[i].help);
    }
    fprintf(f, "trace:PATTERN   enable trace events\n\n"
               "Use \"-d trace:help\" to get a list of trace events.\n\n");
}

bool qemu_log_set_file(const char *path, Error **errp)
{
    FILE *f = NULL;

    if (path) {
        f = fopen(path, "w");
        if (!f) {
            error_setg_errno(errp, errno, "Error opening logfile %s", path);
            return false;
        }
    }
    if (log_file) {
        fclose(log_file);
    }
    g_free(log_path);
    log_path = g_strdup(path);
    log_file = f;
    return true;
}

unsigned trace_enable_pattern(const char *pattern)
{
    bool on = *pattern != '-';
    unsigned matched = 0;

    pattern += !on;
    for (size_t i = 0; i < trace_event_count; i++) {
        if (g_pattern_match_simple(pattern, trace_event_table[i].name)) {
            *trace_event_table[i].enabled = on;
            matched++;
        }
    }
    return matched;
}

static void enable_or_warn(const char *pattern)
{
    if (!trace_enable_pattern(pattern) && !strpbrk(pattern, "*?")) {
        warn_report("trace event '%s' does not exist", pattern);
    }
}

static bool enable_from_file(const char *path, Error **errp)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GError *gerr = NULL;

    if (!g_file_get_contents(path, &text, NULL, &gerr)) {
        error_from_gerror(errp, gerr);
        return false;
    }
    lines = g_strsplit(text, "\n", 0);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (**line && **line != '#') {
            enable_or_warn(*line);
        }
    }
    return true;
}

bool trace_parse_option(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "enable", errp);
    const char *value;

    if (!kv) {
        return false;
    }
    value = keyval_get(kv, "enable");
    if (value) {
        enable_or_warn(value);
    }
    value = keyval_get(kv, "events");
    if (value && !enable_from_file(value, errp)) {
        return false;
    }
    value = keyval_get(kv, "file");
    if (value && !qemu_log_set_file(value, errp)) {
        return false;
    }
    return keyval_check_unused(kv, errp);
}

void trace_print_help(FILE *f)
{
    for (size_t i = 0; i < trace_event_count; i++) {
        fprintf(f, "%s\n", trace_event_table[i].name);
    }
}

void trace_emit(const char *name, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    qemu_log("%d@%.6f:%s %s\n", (int)getpid(),
             (double)qemu_clock_get_ns(QEMU_CLOCK_HOST) / NANOSECONDS_PER_SECOND, name, text);
}
