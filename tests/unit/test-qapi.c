/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON reader and writer, the table-driven visitor and the dispatcher, on tests/qapi's schema. */
#include "qemu/osdep.h"
#include "qapi/json-stream.h"
#include "qapi/test-qapi-commands.h"
#include "qapi/test-qapi-events.h"

/* --- JSON stream ----------------------------------------------------------------------------- */

/* All values and errors of a stream, one a line. @chunk: how many bytes are fed at once. */
static char *read_stream(const char *text, size_t len, size_t chunk)
{
    g_autoptr(JsonStream) s = json_stream_new();
    GString *out = g_string_new(NULL);

    for (size_t pos = 0; pos < len;) {
        g_autoptr(Error) err = NULL;
        json_object *value;
        size_t used;
        JsonWriter w;

        switch (json_stream_feed(s, text + pos, MIN(chunk, len - pos), &used, &value, &err)) {
        case JSON_STREAM_VALUE:
            json_writer_init(&w, out, false);
            json_writer_dom(&w, NULL, value);
            g_string_append_c(out, '\n');
            json_object_put(value);
            break;
        case JSON_STREAM_ERROR:
            g_string_append_printf(out, "! %s\n", error_get_pretty(err));
            break;
        default:
            break;
        }
        pos += used;
    }
    return g_string_free(out, FALSE);
}

/* Input and what QEMU 7.2 makes of it (errors begin with '!'). */
static const struct {
    const char *in, *out;
} streams[] = {
    { "{}", "{}\n" },
    { "{}{}[]12 13\n", "{}\n{}\n[]\n12\n13\n" },
    { " {\"a\" : [1, true,null , -0.5e1]}", "{\"a\": [1, true, null, -5]}\n" },
    { "{'it': 'isn\\'t \"it\"'}", "{\"it\": \"isn't \\\"it\\\"\"}\n" },
    { "\"\\u00e4\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\u001f\x7f\"",
      "\"\\u00E4\\uD83D\\uDE00/\\b\\f\\n\\r\\t\\u001F\\u007F\"\n" },
    { "\"\xc3\xa4\"", "\"\\u00E4\"\n" },
    { "\"\\u0000\"", "\"\\u0000\"\n" },
    { "18446744073709551615 9223372036854775808 -9223372036854775808 ",
      "18446744073709551615\n9223372036854775808\n-9223372036854775808\n" },
    { "123456789012345678901234567890 ", "1.2345678901234568e+29\n" },
    { "-9223372036854775809 0.1 1e3 -0 ",
      "-9.2233720368547758e+18\n0.10000000000000001\n1000\n0\n" },
    { "1e400 ", "! JSON parse error, number out of range\n" },
    { "nope\n", "! JSON parse error, invalid keyword 'nope'\n" },
    { "{\"execute\": nope, \"id\":3} {}", "! JSON parse error, invalid keyword 'nope'\n{}\n" },
    { "}", "! JSON parse error, expecting value\n" },
    { "{\"a\"}", "! JSON parse error, missing : in object pair\n" },
    { "{\"a\":}", "! JSON parse error, expecting value\n" },
    { "{\"a\":1,}", "! JSON parse error, expecting value\n" },
    { "[1,]", "! JSON parse error, expecting value\n" },
    { "[1 2]", "! JSON parse error, expected separator in list\n" },
    { "{\"a\" 1}", "! JSON parse error, missing : in object pair\n" },
    { "{\"a\":1 \"b\":2}", "! JSON parse error, expected separator in dict\n" },
    { "{1:2}", "! JSON parse error, key is not a string in object\n" },
    { "{{}:1}[]", "! JSON parse error, key is not a string in object\n[]\n" },
    { "{\"a\":1,\"a\":2}", "! JSON parse error, duplicate key\n" },
    { "{]{}", "! JSON parse error, expecting value\n{}\n" },
    { "[}[]", "! JSON parse error, expecting value\n[]\n" },
    { "\xff{}", "! JSON parse error, stray '\xef\xbf\xbd'\n{}\n" },
    { "{\"execute\": \xff{}", "! JSON parse error, stray '\xef\xbf\xbd'\n{}\n" },
    { "[[[[\xff\xff[]", "! JSON parse error, stray '\xef\xbf\xbd'\n"
                        "! JSON parse error, stray '\xef\xbf\xbd'\n[]\n" },
    { "@ nope \"x\" {}", "! JSON parse error, stray '@'\n{}\n" },
    { "@}", "! JSON parse error, stray '@'\n! JSON parse error, expecting value\n" },
    { "Nope\n[]", "! JSON parse error, stray 'N'\n[]\n" },
    { "\"open\n{}", "! JSON parse error, stray '\"open\n'\n{}\n" },
    { "01 {}", "! JSON parse error, stray '01'\n{}\n" },
    { "-}[]", "! JSON parse error, stray '-}'\n[]\n" },
    { "1.\n{}", "! JSON parse error, stray '1.\n'\n{}\n" },
    { "\"\\q\"", "! JSON parse error, invalid escape sequence in string\n" },
    { "\"\\u12x4\"", "! JSON parse error, \\u12x4 is not a valid Unicode character\n" },
    { "\"\\ud83d\"", "! JSON parse error, \\ud83d is not a valid Unicode character\n" },
    { "\"\\ude00\"", "! JSON parse error, \\ude00 is not a valid Unicode character\n" },
    { "\"\x80\"", "! JSON parse error, invalid UTF-8 sequence in string\n" },
    { "\"\xed\xa0\x80\"", "! JSON parse error, invalid UTF-8 sequence in string\n" },
};

static void test_stream_like_qemu(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        g_autofree char *out = read_stream(streams[i].in, strlen(streams[i].in), 1000);

        g_assert_cmpstr(out, ==, streams[i].out);
    }
}

static void test_stream_split_anywhere(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        g_autofree char *out = read_stream(streams[i].in, strlen(streams[i].in), 1);

        g_assert_cmpstr(out, ==, streams[i].out);
    }
}

/* @n times @a, then @n times @b. */
static char *repeated(char a, char b, size_t n)
{
    char *text = g_malloc(2 * n + 1);

    memset(text, a, n);
    memset(text + n, b, n);
    text[2 * n] = '\0';
    return text;
}

static void test_stream_depth_is_limited(void)
{
    g_autofree char *fits = repeated('[', ']', JSON_STREAM_MAX_DEPTH);
    g_autofree char *deep = repeated('[', ' ', JSON_STREAM_MAX_DEPTH + 1);
    g_autofree char *out1 = read_stream(fits, strlen(fits), 4096);
    g_autofree char *out2 = read_stream(deep, strlen(deep), 4096);

    g_assert_cmpint(out1[0], ==, '[');
    g_assert_cmpstr(out2, ==, "! JSON nesting depth limit exceeded\n");
}

static void test_stream_token_count_is_limited(void)
{
    size_t n = JSON_STREAM_MAX_TOKENS;
    g_autofree char *text = g_malloc(n * 2 + 2);
    g_autofree char *out = NULL;

    text[0] = '[';
    for (size_t i = 0; i < n; i++) {
        memcpy(text + 1 + 2 * i, "1,", 2);
    }
    out = read_stream(text, n + 2, 65536);
    g_assert_true(g_str_has_prefix(out, "! JSON token count limit exceeded\n"));
}

static void test_stream_token_size_is_limited(void)
{
    size_t len = JSON_STREAM_MAX_BYTES + 4096;
    g_autofree char *text = g_malloc(len);
    g_autofree char *out = NULL;

    memset(text, 'a', len);
    memcpy(text + len - 3, "\n{}", 3);
    out = read_stream(text, len, 65536);
    g_assert_cmpstr(out, ==, "! JSON token size limit exceeded\n{}\n");
}

static void test_text_is_one_value(void)
{
    static const char *const bad[] = { "", "[", "1 2", "{} x", "nope" };
    json_object *value;

    g_assert_true(json_parse_text(" {\"a\": 1} ", &value, &error_abort));
    json_object_put(value);
    g_assert_true(json_parse_text("12", &value, &error_abort));
    g_assert_cmpint(json_object_get_int64(value), ==, 12);
    json_object_put(value);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_false(json_parse_text(bad[i], &value, &err));
        g_assert_nonnull(err);
    }
}

/* --- Writer ---------------------------------------------------------------------------------- */

static void test_writer_pretty_like_qemu(void)
{
    static const char expected[] = "{\n"
                                   "    \"a\": [\n"
                                   "        1,\n"
                                   "        {\n"
                                   "        }\n"
                                   "    ],\n"
                                   "    \"b\": {\n"
                                   "        \"c\": \"[{x, y\\\"}]\"\n"
                                   "    },\n"
                                   "    \"d\": [\n"
                                   "    ]\n"
                                   "}";
    static const char compact[] = "{\"a\": [1, {}], \"b\": {\"c\": \"[{x, y\\\"}]\"}, \"d\": []}";
    GString *dom = g_string_new(NULL), *raw = g_string_new(NULL);
    json_object *value;
    JsonWriter w;

    g_assert_true(json_parse_text(compact, &value, &error_abort));
    json_writer_init(&w, dom, true);
    json_writer_dom(&w, NULL, value);
    g_assert_cmpstr(dom->str, ==, expected);
    json_writer_init(&w, raw, true);
    json_writer_raw(&w, NULL, compact);
    g_assert_cmpstr(raw->str, ==, expected);
    json_object_put(value);
    g_string_free(dom, TRUE);
    g_string_free(raw, TRUE);
}

static void test_writer_always_makes_ascii_json(void)
{
    static const char nasty[] = "\xff\x00\xc3\x28\xf0\x9f\x98\x80\xed\xa0\x80\xc0\x80";
    GString *out = g_string_new(NULL);
    JsonWriter w;

    json_writer_init(&w, out, false);
    json_writer_str_len(&w, NULL, nasty, sizeof(nasty) - 1);
    g_assert_cmpstr(out->str, ==,
                    "\"\\uFFFD\\u0000\\uFFFD(\\uD83D\\uDE00\\uFFFD\\uFFFD\\uFFFD\\u0000\"");
    g_string_truncate(out, 0);
    json_writer_init(&w, out, false);
    json_writer_start_array(&w, NULL);
    json_writer_double(&w, NULL, 1.0 / 0.0);
    json_writer_end_array(&w);
    g_assert_cmpstr(out->str, ==, "[null]");
    g_string_free(out, TRUE);
}

/* --- Dispatcher ------------------------------------------------------------------------------ */

static char *last_args; /* what the handler saw, as text */

bool test_qmp_test_all(const TestAllArgs *args, ShapeList **ret, Error **errp)
{
    g_free(last_args);
    last_args = qapi_to_text(&qapi_type_TestAllArgs, args);
    *ret = g_new0(ShapeList, 1);
    if (args->has_b && args->b) {
        Shape *shape = ShapeList_append(*ret);

        shape->colour = COLOUR_RED;
        shape->at = g_new0(Point, 1);
        shape->at->x = 5;
        shape->u.red = g_new0(Circle, 1);
        shape->u.red->radius = 7;
        shape = ShapeList_append(*ret);
        shape->colour = COLOUR_DARK_GREEN;
    }
    return true;
}

bool test_qmp_test_none(Error **errp)
{
    return true;
}

bool test_qmp_test_text(const TestTextArgs *args, char **ret, Error **errp)
{
    if (args->colour == COLOUR_RED) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "no red");
        return false;
    }
    *ret = g_strdup(qapi_enum_name(&qapi_type_Colour, args->colour));
    return true;
}

static char *last_event;

void qmp_event_send(const char *name, const QapiType *type, const void *data)
{
    g_autofree char *text = type ? qapi_to_text(type, data) : g_strdup("");

    g_free(last_event);
    last_event = g_strconcat(name, text, NULL);
}

/* The reply to a request. */
static char *ask(const char *request)
{
    GString *out = g_string_new(NULL);
    g_autoptr(Error) err = NULL;
    const QmpCommand *command = NULL;
    json_object *json;
    QmpRequest req;
    JsonWriter w;
    bool ok;

    g_assert_true(json_parse_text(request, &json, &error_abort));
    json_writer_init(&w, out, false);
    ok = qmp_request_parse(json, &req, &err);
    if (ok) {
        command = qmp_command_find(test_qmp_commands, test_qmp_commands_count, req.command);
        g_assert_nonnull(command);
        ok = qmp_command_run(command, &req, &w, &err);
    }
    if (!ok) {
        qmp_write_error(&req, err, &w);
    }
    json_object_put(json);
    return g_string_free(out, FALSE);
}

static void test_request_checks(void)
{
    static const struct {
        const char *in, *desc;
    } cases[] = {
        { "[]", "QMP input must be a JSON object" },
        { "null", "QMP input must be a JSON object" },
        { "{}", "QMP input lacks member 'execute'" },
        { "{\"execute\":1}", "QMP input member 'execute' must be a string" },
        { "{\"execute\":\"x\",\"arguments\":[]}",
          "QMP input member 'arguments' must be an object" },
        { "{\"execute\":\"x\",\"foo\":1}", "QMP input member 'foo' is unexpected" },
        { "{\"exec-oob\":\"x\"}", "QMP input member 'exec-oob' is unexpected" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *reply = ask(cases[i].in);
        g_autofree char *expected = g_strdup_printf(
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}}", cases[i].desc);

        g_assert_cmpstr(reply, ==, expected);
    }
}

static void test_id_is_echoed(void)
{
    static const char *const ids[] = { "1", "\"x\"", "null", "[1, {\"a\": null}]", "{}", "1.5" };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        g_autofree char *ok =
            g_strdup_printf("{\"execute\": \"test-none\", \"id\": %s}", ids[i]);
        g_autofree char *bad = g_strdup_printf("{\"id\": %s, \"execute\": 3}", ids[i]);
        g_autofree char *ok_reply = ask(ok), *bad_reply = ask(bad);
        g_autofree char *ok_expected =
            g_strdup_printf("{\"return\": {}, \"id\": %s}", ids[i]);
        g_autofree char *bad_prefix = g_strdup_printf("{\"id\": %s, \"error\": ", ids[i]);

        g_assert_cmpstr(ok_reply, ==, ok_expected);
        g_assert_true(g_str_has_prefix(bad_reply, bad_prefix));
    }
}

static void test_error_class_is_kept(void)
{
    g_autofree char *reply = ask("{\"execute\":\"test-text\",\"arguments\":{\"colour\":\"red\"}}");

    g_assert_cmpstr(reply, ==,
                    "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no red\"}}");
}

static void test_return_string(void)
{
    g_autofree char *reply =
        ask("{\"execute\":\"test-text\",\"arguments\":{\"colour\":\"dark-green\"}}");

    g_assert_cmpstr(reply, ==, "{\"return\": \"dark-green\"}");
}

static void test_return_union_list(void)
{
    g_autofree char *reply = ask("{\"execute\":\"test-all\",\"arguments\":{\"b\":true}}");

    g_assert_cmpstr(reply, ==,
                    "{\"return\": [{\"colour\": \"red\", \"at\": {\"x\": 5}, \"radius\": 7}, "
                    "{\"colour\": \"dark-green\"}]}");
}

/* --- Visitor --------------------------------------------------------------------------------- */

static const char *const good_args[] = {
    "{}",
    "{\"b\": false, \"i\": -9223372036854775808, \"u8\": 255, \"u64\": 18446744073709551615}",
    "{\"n\": 1.5, \"s\": \"text\", \"any\": {\"a\": [1, null]}, \"colour\": \"dark-green\"}",
    "{\"p\": {\"x\": 1, \"y\": -128, \"z\": 0.5}}",
    "{\"shapes\": [{\"colour\": \"red\", \"radius\": 65535}, "
    "{\"colour\": \"dark-green\", \"at\": {\"x\": 1}, \"text\": \"t\", \"alt\": [\"a\", \"b\"]}]}",
    "{\"ints\": [1, 2, 3, 4, 5]}",
    "{\"ints\": []}",
    "{\"alt\": 5}",
    "{\"alt\": \"five\"}",
    "{\"alt\": {\"x\": 5}}",
    "{\"tree\": {\"leaves\": [{}, {\"leaves\": []}]}}",
};

static void test_arguments_round_trip(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(good_args); i++) {
        g_autofree char *request = g_strdup_printf(
            "{\"execute\": \"test-all\", \"arguments\": %s}", good_args[i]);
        g_autofree char *reply = ask(request);

        g_assert_cmpstr(reply, ==, "{\"return\": []}");
        g_assert_cmpstr(last_args, ==, good_args[i]);
    }
}

static void test_argument_errors_like_qemu(void)
{
    static const struct {
        const char *args, *desc;
    } cases[] = {
        { "{\"zz\": 1}", "Parameter 'zz' is unexpected" },
        { "{\"b\": 1}", "Invalid parameter type for 'b', expected: boolean" },
        { "{\"b\": null}", "Invalid parameter type for 'b', expected: boolean" },
        { "{\"i\": 1.5}", "Invalid parameter type for 'i', expected: integer" },
        { "{\"i\": \"1\"}", "Invalid parameter type for 'i', expected: integer" },
        { "{\"i\": 9223372036854775808}", "Invalid parameter type for 'i', expected: integer" },
        { "{\"i\": 99999999999999999999}", "Invalid parameter type for 'i', expected: integer" },
        { "{\"u8\": 256}", "Parameter 'u8' expects uint8_t" },
        { "{\"u8\": -1}", "Parameter 'u8' expects uint8_t" },
        { "{\"n\": true}", "Invalid parameter type for 'n', expected: number" },
        { "{\"s\": 1}", "Invalid parameter type for 's', expected: string" },
        { "{\"colour\": \"blue\"}", "Parameter 'colour' does not accept value 'blue'" },
        { "{\"colour\": 1}", "Invalid parameter type for 'colour', expected: string" },
        { "{\"p\": 1}", "Invalid parameter type for 'p', expected: object" },
        { "{\"p\": null}", "Invalid parameter type for 'p', expected: object" },
        { "{\"p\": {}}", "Parameter 'p.x' is missing" },
        { "{\"p\": {\"x\": 1, \"y\": 128}}", "Parameter 'p.y' expects int8_t" },
        { "{\"p\": {\"x\": 1, \"w\": 2}}", "Parameter 'p.w' is unexpected" },
        { "{\"shapes\": {}}", "Invalid parameter type for 'shapes', expected: array" },
        { "{\"shapes\": [null]}", "Invalid parameter type for 'shapes[0]', expected: object" },
        { "{\"shapes\": [{\"radius\": 1}]}", "Parameter 'shapes[0].colour' is missing" },
        { "{\"shapes\": [{\"colour\": \"red\"}]}", "Parameter 'shapes[0].radius' is missing" },
        { "{\"shapes\": [{\"colour\": \"red\", \"radius\": 1, \"text\": \"\"}]}",
          "Parameter 'shapes[0].text' is unexpected" },
        { "{\"ints\": [1, \"2\"]}", "Invalid parameter type for 'ints[1]', expected: integer" },
        { "{\"alt\": true}", "Invalid parameter type for 'alt', expected: IntOrName" },
        { "{\"alt\": null}", "Invalid parameter type for 'alt', expected: IntOrName" },
        { "{\"alt\": {\"y\": 1}}", "Parameter 'alt.x' is missing" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *request = g_strdup_printf(
            "{\"execute\": \"test-all\", \"arguments\": %s}", cases[i].args);
        g_autofree char *reply = ask(request);
        g_autofree char *expected = g_strdup_printf(
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}}", cases[i].desc);

        g_assert_cmpstr(reply, ==, expected);
    }
}

static void test_required_argument_missing(void)
{
    g_autofree char *reply = ask("{\"execute\": \"test-text\"}");
    g_autofree char *extra = ask("{\"execute\": \"test-none\", \"arguments\": {\"a\": 1}}");

    g_assert_nonnull(strstr(reply, "\"Parameter 'colour' is missing\""));
    g_assert_nonnull(strstr(extra, "\"Parameter 'a' is unexpected\""));
}

static void test_event_data(void)
{
    Point p = { .x = 3 };

    test_qapi_event_send_test_event(&(EventTestEvent){ .where = &p });
    g_assert_cmpstr(last_event, ==, "TEST_EVENT{\"where\": {\"x\": 3}}");
    g_assert_cmpstr(test_qapi_event_names[0], ==, "TEST_EVENT");
    g_assert_null(test_qapi_event_names[1]);
}

static void test_enum_names(void)
{
    g_assert_cmpint(qapi_enum_parse(&qapi_type_Colour, "dark-green"), ==, COLOUR_DARK_GREEN);
    g_assert_cmpint(qapi_enum_parse(&qapi_type_Colour, "Red"), ==, -1);
    g_assert_cmpstr(qapi_enum_name(&qapi_type_Colour, COLOUR_RED), ==, "red");
}

/* --- Introspection --------------------------------------------------------------------------- */

extern const char test_qmp_schema_text[];

static json_object *find_entry(json_object *schema, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(schema); i++) {
        json_object *entry = json_object_array_get_idx(schema, i);

        if (!strcmp(json_object_get_string(json_object_object_get(entry, "name")), name)) {
            return entry;
        }
    }
    return NULL;
}

static void test_schema_text(void)
{
    json_object *schema, *command, *args, *features;

    g_assert_true(json_parse_text(test_qmp_schema_text, &schema, &error_abort));
    command = find_entry(schema, "test-all");
    g_assert_nonnull(command);
    args = find_entry(schema,
                      json_object_get_string(json_object_object_get(command, "arg-type")));
    g_assert_cmpint(json_object_array_length(json_object_object_get(args, "members")), ==, 13);
    g_assert_null(find_entry(schema, "Shape")); /* names are masked */
    features = json_object_object_get(find_entry(schema, "test-none"), "features");
    g_assert_cmpstr(json_object_get_string(json_object_array_get_idx(features, 0)), ==, "quiet");
    json_object_put(schema);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/stream/values_and_errors_like_qemu", test_stream_like_qemu);
    g_test_add_func("/json/stream/input_may_be_split_anywhere", test_stream_split_anywhere);
    g_test_add_func("/json/stream/depth_is_limited_to_1024", test_stream_depth_is_limited);
    g_test_add_func("/json/stream/token_count_is_limited", test_stream_token_count_is_limited);
    g_test_add_func("/json/stream/token_size_is_limited", test_stream_token_size_is_limited);
    g_test_add_func("/json/text/holds_exactly_one_value", test_text_is_one_value);
    g_test_add_func("/json/writer/pretty_layout_like_qemu", test_writer_pretty_like_qemu);
    g_test_add_func("/json/writer/any_bytes_become_ascii", test_writer_always_makes_ascii_json);
    g_test_add_func("/qmp/request/malformed_requests_get_qemus_error", test_request_checks);
    g_test_add_func("/qmp/request/id_of_any_type_is_echoed", test_id_is_echoed);
    g_test_add_func("/qmp/reply/error_class_is_kept", test_error_class_is_kept);
    g_test_add_func("/qmp/reply/string", test_return_string);
    g_test_add_func("/qmp/reply/list_of_unions", test_return_union_list);
    g_test_add_func("/qapi/visit/arguments_arrive_unchanged", test_arguments_round_trip);
    g_test_add_func("/qapi/visit/bad_arguments_get_qemus_error", test_argument_errors_like_qemu);
    g_test_add_func("/qapi/visit/missing_and_unexpected", test_required_argument_missing);
    g_test_add_func("/qapi/event/data_is_visited", test_event_data);
    g_test_add_func("/qapi/enum/names_both_ways", test_enum_names);
    g_test_add_func("/qapi/introspect/types_are_masked_and_reachable", test_schema_text);
    status = g_test_run();
    g_free(last_args);
    g_free(last_event);
    return status;
}
