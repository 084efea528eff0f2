/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that tell clients what this program has and what it was started with. Main loop,
 * BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "qapi/qapi-commands.h"
#include "system/options.h"

/* --- The command line ------------------------------------------------------------------------- */

static CommandLineParameterInfo *add_parameter(CommandLineParameterInfoList *list, const char *name,
                                               CommandLineParameterType type, const char *help)
{
    CommandLineParameterInfo *info = CommandLineParameterInfoList_append(list);

    info->name = g_strdup(name);
    info->type = type;
    info->help = g_strdup(help);
    return info;
}

static CommandLineParameterType type_of_row(const Property *p)
{
    switch (p->kind) {
    case PROP_BOOL:
        return COMMAND_LINE_PARAMETER_TYPE_BOOLEAN;
    case PROP_STRING:
    case PROP_ENUM:
    case PROP_CHARDEV:
        return COMMAND_LINE_PARAMETER_TYPE_STRING;
    case PROP_SIZE:
        return COMMAND_LINE_PARAMETER_TYPE_SIZE;
    default:
        return COMMAND_LINE_PARAMETER_TYPE_NUMBER;
    }
}

static bool has_parameter(const CommandLineParameterInfoList *list, const char *name)
{
    for (size_t i = 0; i < list->len; i++) {
        if (!strcmp(list->items[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* -machine takes the properties of the board; all boards together are told, each name once. */
static void add_machine_parameters(CommandLineParameterInfoList *list)
{
    for (const MachineVersion *v = machine_versions; v->name; v++) {
        for (const Property *p = v->board->props; p && p->name; p++) {
            if (!has_parameter(list, p->name)) {
                add_parameter(list, p->name, type_of_row(p), p->description);
            }
        }
    }
}

static const char *const param_types[] = {
    [OPTION_PARAM_STRING] = "string",
    [OPTION_PARAM_BOOL] = "boolean",
    [OPTION_PARAM_NUMBER] = "number",
    [OPTION_PARAM_SIZE] = "size",
};

static void add_option(CommandLineOptionInfoList *list, const OptionParams *o)
{
    CommandLineOptionInfo *info = CommandLineOptionInfoList_append(list);

    info->option = g_strdup(o->option);
    info->parameters = g_new0(CommandLineParameterInfoList, 1);
    for (const OptionParam *p = o->params; p && p->name; p++) {
        int type = qapi_enum_parse(&qapi_type_CommandLineParameterType, param_types[p->type]);

        add_parameter(info->parameters, p->name, type, p->help);
    }
    if (!strcmp(o->option, "machine")) {
        add_machine_parameters(info->parameters);
    }
}

bool qmp_query_command_line_options(const QueryCommandLineOptionsArgs *args,
                                    CommandLineOptionInfoList **ret, Error **errp)
{
    CommandLineOptionInfoList *list = g_new0(CommandLineOptionInfoList, 1);

    for (const OptionParams *o = option_params; o->option; o++) {
        if (!args->option || !strcmp(args->option, o->option)) {
            add_option(list, o);
        }
    }
    if (args->option && !list->len) {
        qapi_free_CommandLineOptionInfoList(list);
        error_setg(errp, "invalid option name: %s", args->option);
        return false;
    }
    *ret = list;
    return true;
}

/* --- What is not there ------------------------------------------------------------------------ */

bool qmp_query_tpm_models(TpmModelList **ret, Error **errp)
{
    *ret = g_new0(TpmModelList, 1);
    return true;
}

bool qmp_query_tpm_types(TpmTypeList **ret, Error **errp)
{
    *ret = g_new0(TpmTypeList, 1);
    return true;
}

bool qmp_query_sev_capabilities(SevCapability **ret, Error **errp)
{
    error_setg(errp, "SEV is not available in this QEMU");
    return false;
}

bool qmp_query_sgx_capabilities(SgxInfo **ret, Error **errp)
{
    error_setg(errp, "SGX support is not compiled in");
    return false;
}
