/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor commands about objects and CPU models: the text of their QMP commands. Main loop,
 * BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "qapi/qapi-commands.h"
#include "qemu/cutils.h"

/* --- Objects ---------------------------------------------------------------------------------- */

void hmp_qom_list(Monitor *mon, const HmpArg *args)
{
    QomListArgs qmp = { .path = args[0].s };
    g_autoptr(ObjectPropertyInfoList) list = NULL;
    Error *err = NULL;

    if (!args[0].present) {
        monitor_puts(mon, "/\n");
        return;
    }
    qmp_qom_list(&qmp, &list, &err);
    if (hmp_report(mon, err)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        monitor_printf(mon, "%s (%s)\n", list->items[i].name, list->items[i].type);
    }
}

void hmp_qom_get(Monitor *mon, const HmpArg *args)
{
    QomGetArgs qmp = { .path = args[0].s, .property = args[1].s };
    json_object *value = NULL;
    Error *err = NULL;

    qmp_qom_get(&qmp, &value, &err);
    if (!hmp_report(mon, err)) {
        monitor_printf(mon, "%s\n", json_object_to_json_string_ext(
                                        value, JSON_C_TO_STRING_PRETTY |
                                                   JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(value);
    }
}

/* What a person writes as a value: on, off, a number, else a string. */
static json_object *value_of(const char *text)
{
    int64_t number;
    bool flag;

    if (parse_bool("value", text, &flag, NULL)) {
        return json_object_new_boolean(flag);
    }
    if (qemu_strtoi64(text, NULL, 0, &number) == 0) {
        return json_object_new_int64(number);
    }
    return json_object_new_string(text);
}

void hmp_qom_set(Monitor *mon, const HmpArg *args)
{
    QomSetArgs qmp = { .path = args[0].s, .property = args[1].s, .value = value_of(args[2].s) };
    Error *err = NULL;

    qmp_qom_set(&qmp, &err);
    json_object_put(qmp.value);
    hmp_report(mon, err);
}

/* --- CPU models ------------------------------------------------------------------------------- */

/* "NAME,feature=on,..." as -cpu takes it, without +feature and -feature. */
static CpuModelInfo *parse_model(const char *text)
{
    g_auto(GStrv) items = g_strsplit(*text ? text : " ", ",", -1); /* at least one item */
    CpuModelInfo *model = g_new0(CpuModelInfo, 1);

    model->name = g_strdup(items[0]);
    for (char **item = items + 1; *item; item++) {
        char *eq = strchr(*item, '=');

        if (eq) {
            *eq = '\0';
        }
        if (!model->props) {
            model->props = json_object_new_object();
        }
        json_object_object_add(model->props, *item, value_of(eq ? eq + 1 : "on"));
    }
    return model;
}

static void print_model(Monitor *mon, json_object *model)
{
    json_object *props = json_object_object_get(model, "props");

    monitor_printf(mon, "%s", json_object_get_string(json_object_object_get(model, "name")));
    if (props) {
        json_object_object_foreach(props, name, value) {
            bool is_flag = json_object_is_type(value, json_type_boolean);

            monitor_printf(mon, ",%s=%s", name,
                           !is_flag ? json_object_get_string(value)
                           : json_object_get_boolean(value) ? "on" : "off");
        }
    }
    monitor_printf(mon, "\n");
}

static void print_comparison(Monitor *mon, const char *a, const char *b, json_object *reply)
{
    static const char *const sentences[][2] = {
        { "identical", "asks for the same as" },
        { "superset", "has more than" },
        { "subset", "has less than" },
        { "incompatible", "has features less and features more than" },
    };
    const char *result = json_object_get_string(json_object_object_get(reply, "result"));
    json_object *list = json_object_object_get(reply, "responsible-properties");

    for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
        if (!strcmp(result, sentences[i][0])) {
            monitor_printf(mon, "%s: %s %s %s\n", result, a, sentences[i][1], b);
        }
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        monitor_printf(mon, "%s%s", i ? " " : "  differ in: ",
                       json_object_get_string(json_object_array_get_idx(list, i)));
    }
    if (json_object_array_length(list)) {
        monitor_printf(mon, "\n");
    }
}

void hmp_cpu_compare(Monitor *mon, const HmpArg *args)
{
    g_autoptr(CpuModelInfo) a = parse_model(args[0].s), b = parse_model(args[1].s);
    QueryCpuModelComparisonArgs qmp = { .modela = a, .modelb = b };
    json_object *reply = NULL;
    Error *err = NULL;

    qmp_query_cpu_model_comparison(&qmp, &reply, &err);
    if (!hmp_report(mon, err)) {
        print_comparison(mon, args[0].s, args[1].s, reply);
        json_object_put(reply);
    }
}

void hmp_cpu_baseline(Monitor *mon, const HmpArg *args)
{
    g_autoptr(CpuModelInfo) a = parse_model(args[0].s), b = parse_model(args[1].s);
    QueryCpuModelBaselineArgs qmp = { .modela = a, .modelb = b };
    json_object *reply = NULL;
    Error *err = NULL;

    qmp_query_cpu_model_baseline(&qmp, &reply, &err);
    if (!hmp_report(mon, err)) {
        print_model(mon, json_object_object_get(reply, "model"));
        json_object_put(reply);
    }
}
