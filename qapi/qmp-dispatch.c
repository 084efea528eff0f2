/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a request to its reply, with the protocol's error texts. Knows no session. Main thread. */
#include "qemu/osdep.h"
#include "qapi/qmp-command.h"

static bool request_members(json_object *json, QmpRequest *req, Error **errp)
{
    json_object_object_foreach(json, name, value) {
        if (!strcmp(name, "id")) {
            continue;
        }
        if (!strcmp(name, "execute")) {
            if (!json_object_is_type(value, json_type_string)) {
                error_setg(errp, "QMP input member 'execute' must be a string");
                return false;
            }
            req->command = json_object_get_string(value);
        } else if (!strcmp(name, "arguments")) {
            if (!json_object_is_type(value, json_type_object)) {
                error_setg(errp, "QMP input member 'arguments' must be an object");
                return false;
            }
            req->args = value;
        } else {
            error_setg(errp, "QMP input member '%s' is unexpected", name);
            return false;
        }
    }
    return true;
}

bool qmp_request_parse(json_object *json, QmpRequest *req, Error **errp)
{
    *req = (QmpRequest){ 0 };
    if (!json_object_is_type(json, json_type_object)) {
        error_setg(errp, "QMP input must be a JSON object");
        return false;
    }
    req->has_id = json_object_object_get_ex(json, "id", &req->id);
    if (!request_members(json, req, errp)) {
        return false;
    }
    if (!req->command) {
        error_setg(errp, "QMP input lacks member 'execute'");
        return false;
    }
    return true;
}

static int compare_name(const void *name, const void *command)
{
    return strcmp(name, ((const QmpCommand *)command)->name);
}

const QmpCommand *qmp_command_find(const QmpCommand *table, size_t count, const char *name)
{
    return bsearch(name, table, count, sizeof(*table), compare_name);
}

static void write_id(const QmpRequest *req, JsonWriter *w)
{
    if (req->has_id) {
        json_writer_dom(w, "id", req->id);
    }
}

static void write_return(const QmpCommand *command, const QmpReturn *ret, JsonWriter *w)
{
    if (ret->text) {
        json_writer_raw(w, "return", ret->text);
    } else if (ret->json) {
        json_writer_dom(w, "return", ret->json);
    } else if (command->ret) {
        qapi_to_writer(command->ret, ret->value, w, "return");
    } else {
        json_writer_start_object(w, "return");
        json_writer_end_object(w);
    }
}

/* A command without arguments refuses all of them. */
static bool check_no_arguments(json_object *args, Error **errp)
{
    if (args) {
        json_object_object_foreach(args, name, value) {
            (void)value;
            error_setg(errp, "Parameter '%s' is unexpected", name);
            return false;
        }
    }
    return true;
}

bool qmp_command_run(const QmpCommand *command, const QmpRequest *req, JsonWriter *w,
                     Error **errp)
{
    QmpReturn ret = { 0 };
    void *args = NULL;
    bool ok;

    if (command->arg) {
        args = qapi_from_json(command->arg, req->args, errp);
        ok = args != NULL;
    } else {
        ok = check_no_arguments(req->args, errp);
    }
    ok = ok && command->call(args, &ret, errp);
    if (ok) {
        json_writer_start_object(w, NULL);
        write_return(command, &ret, w);
        write_id(req, w);
        json_writer_end_object(w);
    }
    if (command->arg) {
        qapi_free(command->arg, args);
    }
    if (command->ret) {
        qapi_free(command->ret, ret.value);
    }
    json_object_put(ret.json);
    return ok;
}

void qmp_write_error(const QmpRequest *req, const Error *err, JsonWriter *w)
{
    json_writer_start_object(w, NULL);
    write_id(req, w);
    json_writer_start_object(w, "error");
    json_writer_str(w, "class", error_class_name(error_get_class(err)));
    json_writer_str(w, "desc", error_get_pretty(err));
    json_writer_end_object(w);
    json_writer_end_object(w);
}
