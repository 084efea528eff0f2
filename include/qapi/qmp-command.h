/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of QMP commands that scripts/qapi-gen.py writes, and how one is run. */
#ifndef QAPI_QMP_COMMAND_H
#define QAPI_QMP_COMMAND_H

#include "qapi/visit.h"

/* What a handler returned: the one that belongs to its command. */
typedef struct QmpReturn {
    void *value;       /* of QmpCommand.ret; owned */
    json_object *json; /* 'reply-as': 'json'; owned */
    const char *text;  /* 'reply-as': 'text': JSON text; borrowed */
} QmpReturn;

typedef struct QmpCommand {
    const char *name;
    const QapiType *arg; /* NULL: takes no arguments */
    const QapiType *ret; /* NULL: nothing, or one of the 'reply-as' forms */
    bool (*call)(const void *args, QmpReturn *ret, Error **errp);
} QmpCommand;

/* A request after the checks that need no schema. Strings and objects are borrowed from it. */
typedef struct QmpRequest {
    const char *command;
    json_object *args; /* NULL: none */
    json_object *id;
    bool has_id;
} QmpRequest;

/* Takes a request apart; false with "QMP input ..." errors. The id is found even then. */
bool qmp_request_parse(json_object *json, QmpRequest *req, Error **errp);
/* In a table sorted by name; NULL. */
const QmpCommand *qmp_command_find(const QmpCommand *table, size_t count, const char *name);
/* Checks the arguments against the schema, runs the command, and writes {"return": ...} with the
 * id; false with the error, and nothing written. */
bool qmp_command_run(const QmpCommand *command, const QmpRequest *req, JsonWriter *w,
                     Error **errp);
/* Writes {"error": ...} with the id. */
void qmp_write_error(const QmpRequest *req, const Error *err, JsonWriter *w);

/* The reply of query-qmp-schema. */
extern const char qmp_schema_text[];

#endif
