/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP sessions: greeting, negotiation, one command after the other, events in between. Main loop,
 * BQL.
 *
 * A client can send as much as it likes: while its replies are not read (more than
 * MONITOR_OUTPUT_HIGH_BYTES wait), nothing further is read or executed. What a session holds is
 * then at most one reply, MONITOR_READ_BYTES of input, the value under construction, which
 * json-stream bounds, and MONITOR_EVENT_LIMIT_BYTES of events. No out-of-band execution.
 */
#include "qemu/osdep.h"
#include "monitor-internal.h"
#include "qapi/qapi-commands.h"
#include "qapi/qmp-event.h"
#include "trace.h"

static bool output_full(const Monitor *mon)
{
    return chardev_write_pending(mon->chr) > MONITOR_OUTPUT_HIGH_BYTES;
}

/* One message with its line end. */
static void send_text(Monitor *mon, GString *text)
{
    if (mon->kind == MONITOR_QMP_PRETTY) {
        g_string_append_c(text, '\n');
        monitor_puts(mon, text->str);
    } else {
        g_string_append(text, "\r\n");
        chardev_write_all(mon->chr, (const uint8_t *)text->str, text->len);
    }
}

static JsonWriter start_text(const Monitor *mon, GString **text)
{
    JsonWriter w;

    *text = g_string_sized_new(256);
    json_writer_init(&w, *text, mon->kind == MONITOR_QMP_PRETTY);
    return w;
}

static void send_greeting(Monitor *mon)
{
    g_autoptr(VersionInfo) version = NULL;
    GString *text;
    JsonWriter w = start_text(mon, &text);

    qmp_query_version(&version, &error_abort);
    json_writer_start_object(&w, NULL);
    json_writer_start_object(&w, "QMP");
    qapi_to_writer(&qapi_type_VersionInfo, version, &w, "version");
    json_writer_start_array(&w, "capabilities");
    json_writer_end_array(&w);
    json_writer_end_object(&w);
    json_writer_end_object(&w);
    send_text(mon, text);
    g_string_free(text, TRUE);
}

/* --- Commands -------------------------------------------------------------------------------- */

/* The command of a request that this session may run now. */
static const QmpCommand *find_command(const Monitor *mon, const char *name, Error **errp)
{
    const QmpCommand *command = qmp_command_find(qmp_commands, qmp_commands_count, name);
    bool is_negotiation = !strcmp(name, "qmp_capabilities");

    if (!mon->negotiated && !is_negotiation) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (mon->negotiated && is_negotiation) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Capabilities negotiation is already complete, command ignored");
        return NULL;
    }
    if (!command) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND, "The command %s has not been found", name);
    }
    return command;
}

static bool run_request(Monitor *mon, const QmpRequest *req, JsonWriter *w, Error **errp)
{
    const QmpCommand *command = find_command(mon, req->command, errp);
    Monitor *outer;
    bool ok;

    if (!command) {
        return false;
    }
    trace_qmp_command(req->command);
    outer = monitor_set_current(mon);
    ok = qmp_command_run(command, req, w, errp);
    monitor_set_current(outer);
    return ok;
}

bool qmp_qmp_capabilities(const QmpCapabilitiesArgs *args, Error **errp)
{
    if (args->enable && args->enable->len) {
        error_setg(errp, "Capability %s not available",
                   qapi_enum_name(&qapi_type_QMPCapability, args->enable->items[0]));
        return false;
    }
    monitor_current()->negotiated = true;
    return true;
}

static void answer(Monitor *mon, JsonStreamResult result, json_object *json, Error *err)
{
    QmpRequest req = { 0 };
    GString *text;
    JsonWriter w = start_text(mon, &text);

    if (result == JSON_STREAM_VALUE && qmp_request_parse(json, &req, &err)) {
        run_request(mon, &req, &w, &err);
    }
    if (err) {
        qmp_write_error(&req, err, &w);
        error_free(err);
    }
    send_text(mon, text);
    g_string_free(text, TRUE);
}

/* Parses and executes until the input is used up or the output is full. */
static void process_input(Monitor *mon)
{
    size_t pos = 0;

    if (mon->busy) {
        return;
    }
    mon->busy = true;
    while (pos < mon->input->len && !output_full(mon)) {
        json_object *json;
        Error *err = NULL;
        size_t used;
        JsonStreamResult result =
            json_stream_feed(mon->stream, (const char *)mon->input->data + pos,
                             mon->input->len - pos, &used, &json, &err);

        pos += used;
        if (result != JSON_STREAM_MORE) {
            answer(mon, result, json, err);
            json_object_put(json);
        }
    }
    /* The peer may have changed in the meantime, and the input been dropped. */
    g_byte_array_remove_range(mon->input, 0, (guint)MIN(pos, mon->input->len));
    mon->busy = false;
}

/* --- Session --------------------------------------------------------------------------------- */

static int qmp_can_read(void *opaque)
{
    Monitor *mon = opaque;

    return mon->input->len || mon->busy || output_full(mon) ? 0 : MONITOR_READ_BYTES;
}

static void qmp_read(void *opaque, const uint8_t *buf, int len)
{
    Monitor *mon = opaque;

    g_byte_array_append(mon->input, buf, len);
    process_input(mon);
}

void qmp_session_drained(void *opaque)
{
    Monitor *mon = opaque;

    process_input(mon);
    chardev_accept_input(mon->chr);
}

static void forget_input(Monitor *mon)
{
    g_byte_array_set_size(mon->input, 0);
    json_stream_reset(mon->stream);
}

static void qmp_chr_event(void *opaque, ChardevEvent event)
{
    Monitor *mon = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        forget_input(mon);
        mon->negotiated = false;
        send_greeting(mon);
        break;
    case CHR_EVENT_CLOSED:
        /* The output of a chardev like stdio stays: events still go there. */
        forget_input(mon);
        break;
    default:
        break;
    }
}

const ChardevHandlers qmp_session_handlers = {
    .can_read = qmp_can_read,
    .read = qmp_read,
    .event = qmp_chr_event,
};

void qmp_session_init(Monitor *mon)
{
    mon->stream = json_stream_new();
    mon->input = g_byte_array_new();
}

void qmp_session_fini(Monitor *mon)
{
    json_stream_free(mon->stream);
    g_byte_array_free(mon->input, TRUE);
}

void qmp_session_event(Monitor *mon, const char *name, const QapiType *type, const void *data)
{
    int64_t now_us = g_get_real_time();
    GString *text;
    JsonWriter w;

    if (!mon->negotiated) {
        return;
    }
    if (chardev_write_pending(mon->chr) > MONITOR_EVENT_LIMIT_BYTES) {
        trace_qmp_event_dropped(name);
        return;
    }
    w = start_text(mon, &text);
    json_writer_start_object(&w, NULL);
    json_writer_start_object(&w, "timestamp");
    json_writer_int(&w, "seconds", now_us / G_USEC_PER_SEC);
    json_writer_int(&w, "microseconds", now_us % G_USEC_PER_SEC);
    json_writer_end_object(&w);
    json_writer_str(&w, "event", name);
    if (type) {
        qapi_to_writer(type, data, &w, "data");
    }
    json_writer_end_object(&w);
    send_text(mon, text);
    g_string_free(text, TRUE);
}
