/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values out of a stream of bytes from somebody who may be hostile: values follow each other
 * without a separator, strings may be in single quotes, a byte that cannot stand in JSON (0xff)
 * makes the parser forget what came before it.
 *
 * json-c holds the values; its tokener is not used because it can neither bound the number of
 * elements nor resynchronise.
 */
#ifndef QAPI_JSON_STREAM_H
#define QAPI_JSON_STREAM_H

#include "qemu/error.h"

#include <json-c/json.h>

#define JSON_STREAM_MAX_DEPTH  1024
#define JSON_STREAM_MAX_TOKENS (512u << 10)
#define JSON_STREAM_MAX_BYTES  (64 * MiB) /* of all tokens of one value */

typedef struct JsonStream JsonStream;

typedef enum JsonStreamResult {
    JSON_STREAM_MORE,  /* all input was consumed and no value is complete */
    JSON_STREAM_VALUE, /* *value is a new value, which the caller owns; NULL is JSON's null */
    JSON_STREAM_ERROR, /* *errp is set; the next call goes on after the offending text */
} JsonStreamResult;

JsonStream *json_stream_new(void);
void json_stream_free(JsonStream *s);
/* Forgets everything: a new peer. */
void json_stream_reset(JsonStream *s);
/* Reads from @buf until a value is complete, an error is found, or @len bytes are used up; *used
 * says how many were. */
JsonStreamResult json_stream_feed(JsonStream *s, const char *buf, size_t len, size_t *used,
                                  json_object **value, Error **errp);
/* The one value that @text holds. False when it is not exactly one. */
bool json_parse_text(const char *text, json_object **value, Error **errp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonStream, json_stream_free)

#endif
