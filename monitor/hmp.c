/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions of the human monitor: prompt, command lines, help, completion. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "qapi/qapi-commands.h"
#include "trace.h"

/* --- Tables ---------------------------------------------------------------------------------- */

/* Whether @name (of @len characters) is one of "a|b". */
static bool is_named(const HmpCommand *cmd, const char *name, size_t len)
{
    const char *p = cmd->names;

    while (*p) {
        size_t n = strcspn(p, "|");

        if (n == len && !memcmp(p, name, len)) {
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

static const HmpCommand *find(const HmpCommand *table, const char *name, size_t len)
{
    for (; table->names; table++) {
        if (len && is_named(table, name, len)) {
            return table;
        }
    }
    return NULL;
}

const HmpCommand *hmp_find(const HmpCommand *table, const char *name)
{
    return find(table, name, strlen(name));
}

/* --- Running a line -------------------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
    while (g_ascii_isspace(*p)) {
        p++;
    }
    return p;
}

/* Length of the command word: "x/i" is the command x with a format. */
static size_t word_len(const char *p)
{
    return strcspn(p, " \t\r\n/");
}

/* @name is what was typed, up to @rest. */
static void run(Monitor *mon, const HmpCommand *cmd, const char *prefix, const char *name,
                const char *rest)
{
    HmpArg args[HMP_MAX_ARGS] = { 0 };
    Error *err = NULL;

    if (hmp_parse_args(mon, cmd, rest, args, &err)) {
        cmd->fn(mon, args);
    } else {
        monitor_printf(mon, "%s\nTry \"help %s%.*s\" for more information\n",
                       error_get_pretty(err), prefix, (int)(rest - name), name);
        error_free(err);
    }
    hmp_free_args(args);
}

static void print_report(void *opaque, const char *text)
{
    monitor_puts(opaque, text);
}

static void execute(Monitor *mon, const char *line)
{
    const char *p = skip_blanks(line);
    const HmpCommand *cmd, *sub;
    size_t len = word_len(p);
    const char *rest;

    if (!*p || *p == '#') {
        return;
    }
    cmd = find(hmp_commands, p, len);
    if (!cmd) {
        monitor_printf(mon, "unknown command: '%.*s'\n", (int)len, p);
        return;
    }
    rest = skip_blanks(p + len);
    if (is_named(cmd, "info", 4) && *rest) {
        len = word_len(rest);
        sub = find(hmp_info_commands, rest, len);
        if (!sub) {
            monitor_printf(mon, "unknown command: 'info %.*s'\n", (int)len, rest);
            return;
        }
        run(mon, sub, "info ", rest, rest + len);
        return;
    }
    run(mon, cmd, "", p, p + len);
}

void hmp_execute(Monitor *mon, const char *line)
{
    Monitor *outer = monitor_set_current(mon);

    trace_hmp_command(line);
    error_redirect(print_report, mon);
    execute(mon, line);
    error_redirect(NULL, NULL);
    monitor_set_current(outer);
}

bool hmp_report(Monitor *mon, Error *err)
{
    if (!err) {
        return false;
    }
    monitor_printf(mon, "Error: %s\n%s", error_get_pretty(err), error_get_hint(err));
    error_free(err);
    return true;
}

CPUState *hmp_cpu(Monitor *mon)
{
    int index = MAX(mon->cpu_index, 0);

    if ((unsigned)index < cpus_count()) {
        return cpus_get(index);
    }
    monitor_printf(mon, "No CPU available\n");
    return NULL;
}

/* human-monitor-command: a session of one line. */
bool qmp_human_monitor_command(const HumanMonitorCommandArgs *args, char **ret, Error **errp)
{
    Monitor mon = { .kind = MONITOR_HMP, .cpu_index = -1 };

    if (args->has_cpu_index) {
        if (args->cpu_index < 0 || args->cpu_index >= cpus_count()) {
            error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
            return false;
        }
        mon.cpu_index = (int)args->cpu_index;
    }
    mon.capture = g_string_new(NULL);
    hmp_execute(&mon, args->command_line);
    *ret = g_string_free(mon.capture, FALSE);
    return true;
}

char *monitor_run_line(const char *line, unsigned cpu)
{
    Monitor mon = { .kind = MONITOR_HMP, .cpu_index = (int)cpu };

    mon.capture = g_string_new(NULL);
    hmp_execute(&mon, line);
    return g_string_free(mon.capture, FALSE);
}

/* --- Terminal -------------------------------------------------------------------------------- */

static void rl_print(void *opaque, const char *text)
{
    monitor_puts(opaque, text);
}

static void rl_line(void *opaque, const char *line)
{
    Monitor *mon = opaque;

    hmp_execute(mon, line);
    if (!mon->mux_out) {
        readline_show(mon->readline);
    }
}

static void add_names(const HmpCommand *table, const char *prefix, GPtrArray *words)
{
    for (; table->names; table++) {
        g_auto(GStrv) names = g_strsplit(table->names, "|", 0);

        for (char **name = names; *name; name++) {
            if (g_str_has_prefix(*name, prefix)) {
                g_ptr_array_add(words, g_strdup(*name));
            }
        }
    }
}

/* Completes command names, and those of info and help. */
static size_t rl_complete(void *opaque, const char *start, GPtrArray *words)
{
    const char *word = skip_blanks(start);
    size_t len = word_len(word);
    const HmpCommand *cmd;

    if (!word[len]) {
        add_names(hmp_commands, word, words);
        return len;
    }
    cmd = find(hmp_commands, word, len);
    word = skip_blanks(word + len);
    if (cmd && !strchr(word, ' ')) {
        if (is_named(cmd, "info", 4)) {
            add_names(hmp_info_commands, word, words);
        } else if (is_named(cmd, "help", 4)) {
            add_names(hmp_commands, word, words);
        }
    }
    return strlen(word);
}

static const ReadlineOps readline_ops = { rl_print, rl_line, rl_complete };

static int hmp_can_read(void *opaque)
{
    Monitor *mon = opaque;

    return chardev_write_pending(mon->chr) > MONITOR_OUTPUT_HIGH_BYTES ? 0 : 1;
}

/* One byte at a time: a line's output must get out before the next line is read. */
static void hmp_read(void *opaque, const uint8_t *buf, int len)
{
    Monitor *mon = opaque;

    for (int i = 0; i < len; i++) {
        readline_byte(mon->readline, buf[i]);
    }
}

void hmp_session_drained(void *opaque)
{
    chardev_accept_input(((Monitor *)opaque)->chr);
}

static void hmp_chr_event(void *opaque, ChardevEvent event)
{
    Monitor *mon = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        readline_reset(mon->readline);
        monitor_printf(mon, "QEMU %s monitor - type 'help' for more information\n", QEMU_VERSION);
        if (!chardev_is_mux(mon->chr)) {
            readline_show(mon->readline);
        }
        break;
    case CHR_EVENT_MUX_IN:
        mon->mux_out = false;
        readline_show(mon->readline);
        break;
    case CHR_EVENT_MUX_OUT:
        mon->mux_out = true;
        monitor_puts(mon, "\n");
        break;
    default:
        break;
    }
}

const ChardevHandlers hmp_session_handlers = {
    .can_read = hmp_can_read,
    .read = hmp_read,
    .event = hmp_chr_event,
};

void hmp_session_init(Monitor *mon)
{
    mon->readline = readline_new("(qemu) ", &readline_ops, mon);
    /* On a mux the keyboard comes with an event. */
    mon->mux_out = chardev_is_mux(mon->chr);
}

void hmp_session_fini(Monitor *mon)
{
    readline_free(mon->readline);
}
