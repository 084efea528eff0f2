/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON text piece by piece, in the layout QMP clients see: ", " and ": " as separators, or
 * one value a line with an indentation of four. Strings come out as ASCII: everything else is
 * escaped, and bytes that are not UTF-8 become U+FFFD.
 *
 * @name is the key inside an object and NULL elsewhere.
 */
#ifndef QAPI_JSON_WRITER_H
#define QAPI_JSON_WRITER_H

#include "qemu/osdep.h"

#include <json-c/json.h>

typedef struct JsonWriter {
    GString *out; /* borrowed */
    bool pretty;
    bool comma; /* the container already has an element */
    unsigned depth;
} JsonWriter;

/* Appends to @out. */
void json_writer_init(JsonWriter *w, GString *out, bool pretty);
void json_writer_start_object(JsonWriter *w, const char *name);
void json_writer_end_object(JsonWriter *w);
void json_writer_start_array(JsonWriter *w, const char *name);
void json_writer_end_array(JsonWriter *w);
void json_writer_str(JsonWriter *w, const char *name, const char *value);
/* @len bytes that may contain NUL. */
void json_writer_str_len(JsonWriter *w, const char *name, const char *value, size_t len);
void json_writer_int(JsonWriter *w, const char *name, int64_t value);
void json_writer_uint(JsonWriter *w, const char *name, uint64_t value);
/* 17 significant digits; infinities and NaN, which JSON lacks, come out as null. */
void json_writer_double(JsonWriter *w, const char *name, double value);
void json_writer_bool(JsonWriter *w, const char *name, bool value);
void json_writer_null(JsonWriter *w, const char *name);
/* A whole value; NULL is null. */
void json_writer_dom(JsonWriter *w, const char *name, json_object *value);
/* Text that already is one JSON value with this writer's separators; laid out anew when pretty. */
void json_writer_raw(JsonWriter *w, const char *name, const char *text);

#endif
