/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON text from values (RFC 8259); see the header. Any thread. */
#include "qemu/osdep.h"
#include "qapi/json-writer.h"

#include <math.h>

void json_writer_init(JsonWriter *w, GString *out, bool pretty)
{
    *w = (JsonWriter){ .out = out, .pretty = pretty };
}

static void new_line(JsonWriter *w)
{
    g_string_append_c(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++) {
        g_string_append(w->out, "    ");
    }
}

static void append_unit(GString *out, unsigned unit)
{
    g_string_append_printf(out, "\\u%04X", unit);
}

static void append_char(GString *out, gunichar c)
{
    static const char escapes[] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
                                    ['\t'] = 't', ['"'] = '"', ['\\'] = '\\' };

    if (c < sizeof(escapes) && escapes[c]) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, escapes[c]);
    } else if (c >= 0x20 && c < 0x7f) {
        g_string_append_c(out, (char)c);
    } else if (c > 0xffff) {
        append_unit(out, 0xd800 + ((c - 0x10000) >> 10));
        append_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
        append_unit(out, c);
    }
}

static void append_string(GString *out, const char *s, size_t len)
{
    const char *end = s + len;

    g_string_append_c(out, '"');
    while (s < end) {
        /* NUL is a character here, though not for glib. */
        gunichar c = *s ? g_utf8_get_char_validated(s, end - s) : 0;

        if (end - s >= 2 && (uint8_t)s[0] == 0xc0 && (uint8_t)s[1] == 0x80) {
            /* How the parser hides a NUL in a C string. */
            append_char(out, 0);
            s += 2;
        } else if (c == (gunichar)-1 || c == (gunichar)-2) {
            append_char(out, 0xfffd);
            s++;
        } else {
            append_char(out, c);
            s += *s ? g_utf8_skip[(uint8_t)*s] : 1;
        }
    }
    g_string_append_c(out, '"');
}

/* What stands before a value: separator, line break, key. */
static void begin_value(JsonWriter *w, const char *name)
{
    if (w->comma) {
        g_string_append(w->out, w->pretty ? "," : ", ");
    }
    if (w->pretty && w->depth) {
        new_line(w);
    }
    if (name) {
        append_string(w->out, name, strlen(name));
        g_string_append(w->out, ": ");
    }
    w->comma = true;
}

static void start_container(JsonWriter *w, const char *name, char bracket)
{
    begin_value(w, name);
    g_string_append_c(w->out, bracket);
    w->depth++;
    w->comma = false;
}

static void end_container(JsonWriter *w, char bracket)
{
    assert(w->depth > 0);
    w->depth--;
    if (w->pretty) {
        new_line(w);
    }
    g_string_append_c(w->out, bracket);
    w->comma = true;
}

void json_writer_start_object(JsonWriter *w, const char *name)
{
    start_container(w, name, '{');
}

void json_writer_end_object(JsonWriter *w)
{
    end_container(w, '}');
}

void json_writer_start_array(JsonWriter *w, const char *name)
{
    start_container(w, name, '[');
}

void json_writer_end_array(JsonWriter *w)
{
    end_container(w, ']');
}

void json_writer_str_len(JsonWriter *w, const char *name, const char *value, size_t len)
{
    begin_value(w, name);
    append_string(w->out, value, len);
}

void json_writer_str(JsonWriter *w, const char *name, const char *value)
{
    json_writer_str_len(w, name, value, strlen(value));
}

void json_writer_int(JsonWriter *w, const char *name, int64_t value)
{
    begin_value(w, name);
    g_string_append_printf(w->out, "%" PRId64, value);
}

void json_writer_uint(JsonWriter *w, const char *name, uint64_t value)
{
    begin_value(w, name);
    g_string_append_printf(w->out, "%" PRIu64, value);
}

void json_writer_double(JsonWriter *w, const char *name, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (!isfinite(value)) {
        json_writer_null(w, name);
        return;
    }
    begin_value(w, name);
    g_string_append(w->out, g_ascii_formatd(text, sizeof(text), "%.17g", value));
}

void json_writer_bool(JsonWriter *w, const char *name, bool value)
{
    begin_value(w, name);
    g_string_append(w->out, value ? "true" : "false");
}

void json_writer_null(JsonWriter *w, const char *name)
{
    begin_value(w, name);
    g_string_append(w->out, "null");
}

static void write_int(JsonWriter *w, const char *name, json_object *value)
{
    int64_t number = json_object_get_int64(value);

    if (number == INT64_MAX) {
        json_writer_uint(w, name, json_object_get_uint64(value));
    } else {
        json_writer_int(w, name, number);
    }
}

void json_writer_dom(JsonWriter *w, const char *name, json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        json_writer_null(w, name);
        break;
    case json_type_boolean:
        json_writer_bool(w, name, json_object_get_boolean(value));
        break;
    case json_type_int:
        write_int(w, name, value);
        break;
    case json_type_double:
        json_writer_double(w, name, json_object_get_double(value));
        break;
    case json_type_string:
        json_writer_str_len(w, name, json_object_get_string(value),
                            json_object_get_string_len(value));
        break;
    case json_type_array:
        json_writer_start_array(w, name);
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            json_writer_dom(w, NULL, json_object_array_get_idx(value, i));
        }
        json_writer_end_array(w);
        break;
    case json_type_object:
        json_writer_start_object(w, name);
        json_object_object_foreach(value, key, member) {
            json_writer_dom(w, key, member);
        }
        json_writer_end_object(w);
        break;
    }
}

/* End of the string that starts at @p, past its closing quote. */
static const char *string_end(const char *p)
{
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        }
    }
    return *p ? p + 1 : p;
}

/* Lays out text with compact separators, one element a line. */
static void append_pretty(JsonWriter *w, const char *p)
{
    while (*p) {
        const char *start = p;

        if (*p == '"') {
            p = string_end(p);
            g_string_append_len(w->out, start, p - start);
            continue;
        }
        if (*p == '{' || *p == '[') {
            g_string_append_c(w->out, *p);
            w->depth++;
            if (p[1] != '}' && p[1] != ']') {
                new_line(w);
            }
        } else if (*p == '}' || *p == ']') {
            w->depth--;
            new_line(w);
            g_string_append_c(w->out, *p);
        } else if (*p == ',') {
            g_string_append_c(w->out, ',');
            new_line(w);
            p += p[1] == ' ';
        } else {
            g_string_append_c(w->out, *p);
        }
        p++;
    }
}

void json_writer_raw(JsonWriter *w, const char *name, const char *text)
{
    begin_value(w, name);
    if (w->pretty) {
        append_pretty(w, text);
    } else {
        g_string_append(w->out, text);
    }
}
