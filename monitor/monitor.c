/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitors of the process: made from options, told about events, closed at exit. Main loop,
 * BQL. */
#include "qemu/osdep.h"
#include "monitor-internal.h"
#include "qapi/qapi-events.h"
#include "qemu/keyval.h"
#include "system/runstate.h"

static GPtrArray *monitors; /* of Monitor */
static Monitor *current;
static unsigned nr_compat; /* monitors made by short options */

Monitor *monitor_current(void)
{
    return current;
}

Monitor *monitor_set_current(Monitor *mon)
{
    Monitor *old = current;

    current = mon;
    return old;
}

/* --- Output ---------------------------------------------------------------------------------- */

static void put_bytes(Monitor *mon, const char *text, size_t len)
{
    if (mon->capture) {
        g_string_append_len(mon->capture, text, len);
    } else {
        chardev_write_all(mon->chr, (const uint8_t *)text, len);
    }
}

void monitor_puts(Monitor *mon, const char *text)
{
    GString *out = g_string_sized_new(strlen(text) + 16);

    for (const char *newline; (newline = strchr(text, '\n')); text = newline + 1) {
        g_string_append_len(out, text, newline - text);
        g_string_append(out, "\r\n");
    }
    g_string_append(out, text);
    put_bytes(mon, out->str, out->len);
    g_string_free(out, TRUE);
}

void monitor_printf(Monitor *mon, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    monitor_puts(mon, text);
}

/* --- Events ---------------------------------------------------------------------------------- */

void qmp_event_send(const char *name, const QapiType *type, const void *data)
{
    for (guint i = 0; monitors && i < monitors->len; i++) {
        Monitor *mon = g_ptr_array_index(monitors, i);

        if (mon->kind != MONITOR_HMP) {
            qmp_session_event(mon, name, type, data);
        }
    }
}

static void send_vm_event(VmEvent event, ShutdownCause cause)
{
    bool guest = shutdown_cause_is_guest(cause);

    switch (event) {
    case VM_EVENT_STOP:
        qapi_event_send_stop();
        break;
    case VM_EVENT_RESUME:
        qapi_event_send_resume();
        break;
    case VM_EVENT_RESET:
        qapi_event_send_reset(&(EventReset){ .guest = guest, .reason = cause });
        break;
    case VM_EVENT_SHUTDOWN:
        qapi_event_send_shutdown(&(EventShutdown){ .guest = guest, .reason = cause });
        break;
    case VM_EVENT_POWERDOWN:
        qapi_event_send_powerdown();
        break;
    }
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static void monitor_free(Monitor *mon)
{
    chardev_set_handlers(mon->chr, NULL, mon, NULL);
    chardev_set_drain_cb(mon->chr, NULL, NULL);
    if (mon->kind == MONITOR_HMP) {
        hmp_session_fini(mon);
    } else {
        qmp_session_fini(mon);
    }
    g_free(mon);
}

static bool monitor_new(Chardev *chr, MonitorKind kind, Error **errp)
{
    Monitor *mon = g_new0(Monitor, 1);
    bool hmp = kind == MONITOR_HMP;

    mon->kind = kind;
    mon->chr = chr;
    mon->cpu_index = -1;
    if (hmp) {
        hmp_session_init(mon);
    } else {
        qmp_session_init(mon);
    }
    chardev_set_drain_cb(chr, hmp ? hmp_session_drained : qmp_session_drained, mon);
    if (!chardev_set_handlers(chr, hmp ? &hmp_session_handlers : &qmp_session_handlers, mon,
                              errp)) {
        chardev_set_drain_cb(chr, NULL, NULL);
        if (hmp) {
            hmp_session_fini(mon);
        } else {
            qmp_session_fini(mon);
        }
        g_free(mon);
        return false;
    }
    if (!monitors) {
        monitors = g_ptr_array_new();
        vm_add_event_listener(send_vm_event);
    }
    g_ptr_array_add(monitors, mon);
    return true;
}

static bool parse_kind(const Keyval *kv, MonitorKind *kind, Error **errp)
{
    const char *mode = keyval_get(kv, "mode");
    bool pretty = false;

    if (!keyval_get_bool(kv, "pretty", &pretty, errp)) {
        return false;
    }
    if (!mode || !strcmp(mode, "readline")) {
        *kind = MONITOR_HMP;
        if (pretty) {
            error_setg(errp, "'pretty' is not compatible with HMP monitors");
            return false;
        }
    } else if (!strcmp(mode, "control")) {
        *kind = pretty ? MONITOR_QMP_PRETTY : MONITOR_QMP;
    } else {
        error_setg(errp, "Parameter 'mode' does not accept value '%s'", mode);
        return false;
    }
    return true;
}

bool monitor_init_opts(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "chardev", errp);
    const char *id;
    MonitorKind kind;
    Chardev *chr;

    if (!kv) {
        return false;
    }
    id = keyval_get(kv, "chardev");
    keyval_get(kv, "id");
    if (!id) {
        error_setg(errp, "Parameter 'chardev' is missing");
        return false;
    }
    if (!parse_kind(kv, &kind, errp) || !keyval_check_unused(kv, errp)) {
        return false;
    }
    chr = chardev_find(id);
    if (!chr) {
        error_setg(errp, "chardev \"%s\" not found", id);
        return false;
    }
    return monitor_new(chr, kind, errp);
}

bool monitor_init_short(MonitorKind kind, const char *arg, Error **errp)
{
    g_autofree char *id = g_strdup_printf("compat_monitor%u", nr_compat);
    bool none;
    Chardev *chr = chardev_new_from_short(id, arg, &none, errp);

    if (!chr) {
        return none;
    }
    if (!strcmp(chardev_id(chr), id)) {
        nr_compat++;
    }
    return monitor_new(chr, kind, errp);
}

Chardev *monitor_new_device_chardev(const char *id, const char *arg, bool *none, Error **errp)
{
    Chardev *chr = chardev_new_from_short(id, arg, none, errp);

    if (chr && g_str_has_prefix(arg, "mon:") && !monitor_new(chr, MONITOR_HMP, errp)) {
        return NULL;
    }
    return chr;
}

void monitor_cleanup(void)
{
    if (!monitors) {
        return;
    }
    vm_remove_event_listener(send_vm_event);
    for (guint i = 0; i < monitors->len; i++) {
        monitor_free(g_ptr_array_index(monitors, i));
    }
    g_ptr_array_free(monitors, TRUE);
    monitors = NULL;
}
