/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: what a QMP client sends, through parser, schema check and reply, on the schema
 * of tests/qapi. The first byte says in how large pieces the rest arrives.
 * tests/unit/test-qmp-fuzz.c feeds it without libFuzzer.
 */
#include "qemu/osdep.h"
#include "qapi/json-stream.h"
#include "qapi/test-qapi-commands.h"
#include "qapi/qmp-event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The arguments that arrived must survive the way to JSON and back. */
bool test_qmp_test_all(const TestAllArgs *args, ShapeList **ret, Error **errp)
{
    g_autofree char *text = qapi_to_text(&qapi_type_TestAllArgs, args);
    json_object *json;
    TestAllArgs *again;

    if (!json_parse_text(text, &json, NULL)) {
        abort();
    }
    again = qapi_from_json(&qapi_type_TestAllArgs, json, NULL);
    if (!again) {
        abort();
    }
    qapi_free_TestAllArgs(again);
    json_object_put(json);
    *ret = g_new0(ShapeList, 1);
    return true;
}

bool test_qmp_test_none(Error **errp)
{
    return true;
}

bool test_qmp_test_text(const TestTextArgs *args, char **ret, Error **errp)
{
    *ret = g_strdup(qapi_enum_name(&qapi_type_Colour, args->colour));
    return true;
}

void qmp_event_send(const char *name, const QapiType *type, const void *data)
{
}

/* A reply must itself be one JSON value. */
static void check_reply(const GString *reply)
{
    json_object *json;

    if (!json_parse_text(reply->str, &json, NULL)) {
        abort();
    }
    json_object_put(json);
}

static void answer(json_object *json, bool pretty)
{
    GString *reply = g_string_new(NULL);
    const QmpCommand *command = NULL;
    Error *err = NULL;
    QmpRequest req;
    JsonWriter w;

    json_writer_init(&w, reply, pretty);
    if (qmp_request_parse(json, &req, &err)) {
        command = qmp_command_find(test_qmp_commands, test_qmp_commands_count, req.command);
        if (!command) {
            error_setg(&err, "The command %s has not been found", req.command);
        } else {
            qmp_command_run(command, &req, &w, &err);
        }
    }
    if (err) {
        qmp_write_error(&req, err, &w);
        error_free(err);
    }
    check_reply(reply);
    g_string_free(reply, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(JsonStream) s = json_stream_new();
    size_t chunk;

    if (!size) {
        return 0;
    }
    chunk = 1 + data[0] % 64;
    for (size_t pos = 1; pos < size;) {
        json_object *json;
        size_t used;
        JsonStreamResult result =
            json_stream_feed(s, (const char *)data + pos, MIN(chunk, size - pos), &used, &json,
                             NULL);

        if (result == JSON_STREAM_VALUE) {
            answer(json, data[0] & 0x80);
        } else if (json) {
            abort();
        }
        json_object_put(json);
        pos += used;
    }
    return 0;
}
