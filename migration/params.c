/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities and parameters: one row each, from which QMP and HMP are derived. BQL. */
#include "qemu/osdep.h"
#include "migration/migration.h"
#include "migration/params.h"
#include "qapi/qapi-commands.h"
#include "qemu/cutils.h"

static bool capabilities[MIGRATION_CAPABILITY__MAX];

typedef struct ParamRow {
    const char *name, *unit;
    uint64_t value, min, max; /* value: at first the default */
    size_t offset, has_offset; /* in MigrationParameters */
    uint8_t bytes;
    bool is_bool, is_size;
} ParamRow;

#define ROW(n, field, u, dflt, lo, hi)                                                             \
    { .name = (n), .unit = (u), .value = (dflt), .min = (lo), .max = (hi),                         \
      .offset = offsetof(MigrationParameters, field),                                              \
      .has_offset = offsetof(MigrationParameters, has_##field),                                    \
      .bytes = sizeof(((MigrationParameters *)NULL)->field) }

static ParamRow params[MIG_NR_PARAMS] = {
    [MIG_PARAM_COMPRESS_LEVEL] = ROW("compress-level", compress_level, "", 1, 0, 9),
    [MIG_PARAM_THROTTLE_THRESHOLD] =
        ROW("throttle-trigger-threshold", throttle_trigger_threshold, "", 50, 1, 100),
    [MIG_PARAM_THROTTLE_INITIAL] =
        ROW("cpu-throttle-initial", cpu_throttle_initial, "", 20, 1, 99),
    [MIG_PARAM_THROTTLE_INCREMENT] =
        ROW("cpu-throttle-increment", cpu_throttle_increment, "", 10, 1, 99),
    [MIG_PARAM_THROTTLE_MAX] = ROW("max-cpu-throttle", max_cpu_throttle, "", 99, 1, 99),
    [MIG_PARAM_THROTTLE_TAILSLOW] =
        ROW("cpu-throttle-tailslow", cpu_throttle_tailslow, "", 0, 0, 1),
    [MIG_PARAM_MAX_BANDWIDTH] =
        ROW("max-bandwidth", max_bandwidth, " bytes/second", 128 * MiB, 0, INT64_MAX),
    [MIG_PARAM_DOWNTIME_LIMIT] = ROW("downtime-limit", downtime_limit, " ms", 300, 0, 2000000),
};

bool mig_capability(MigrationCapability c)
{
    return capabilities[c];
}

uint64_t mig_param(MigParam p)
{
    return __atomic_load_n(&params[p].value, __ATOMIC_RELAXED);
}

const char *mig_param_name(unsigned i, const char **unit)
{
    if (i >= MIG_NR_PARAMS) {
        return NULL;
    }
    *unit = params[i].unit;
    return params[i].name;
}

/* ---- Capabilities ---------------------------------------------------------------------------- */

bool qmp_query_migrate_capabilities(MigrationCapabilityStatusList **ret, Error **errp)
{
    *ret = g_new0(MigrationCapabilityStatusList, 1);
    for (int i = 0; i < MIGRATION_CAPABILITY__MAX; i++) {
        MigrationCapabilityStatus *status = MigrationCapabilityStatusList_append(*ret);

        status->capability = (MigrationCapability)i;
        status->state = capabilities[i];
    }
    return true;
}

bool qmp_migrate_set_capabilities(const MigrateSetCapabilitiesArgs *args, Error **errp)
{
    if (migration_is_active()) {
        error_setg(errp, "There's a migration process in progress");
        return false;
    }
    for (size_t i = 0; i < args->capabilities->len; i++) {
        const MigrationCapabilityStatus *status = &args->capabilities->items[i];

        capabilities[status->capability] = status->state;
    }
    return true;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

static uint64_t get_field(const void *p, const ParamRow *row)
{
    const uint8_t *at = (const uint8_t *)p + row->offset;

    return row->bytes == 1 ? *at : *(const uint64_t *)(const void *)at;
}

static void set_field(void *p, const ParamRow *row)
{
    uint8_t *at = (uint8_t *)p + row->offset;

    if (row->bytes == 1) {
        *at = (uint8_t)row->value;
    } else {
        *(uint64_t *)(void *)at = row->value;
    }
    *((bool *)p + row->has_offset) = true;
}

static bool has_field(const void *p, const ParamRow *row)
{
    return *((const bool *)p + row->has_offset);
}

bool qmp_query_migrate_parameters(MigrationParameters **ret, Error **errp)
{
    *ret = g_new0(MigrationParameters, 1);
    for (unsigned i = 0; i < MIG_NR_PARAMS; i++) {
        set_field(*ret, &params[i]);
    }
    (*ret)->tls_creds = g_strdup("");
    (*ret)->tls_hostname = g_strdup("");
    (*ret)->tls_authz = g_strdup("");
    return true;
}

static bool check_value(const ParamRow *row, uint64_t value, Error **errp)
{
    if (value < row->min || value > row->max) {
        error_setg(errp, "Parameter '%s' expects an integer in the range of %" PRIu64 " to %" PRIu64
                   "%s", row->name, row->min, row->max, row->unit);
        return false;
    }
    return true;
}

static bool check_tls(const MigrationParameters *p, Error **errp)
{
    const char *const values[] = { p->tls_creds, p->tls_hostname, p->tls_authz };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        if (values[i] && *values[i]) {
            error_setg(errp, "TLS is not supported for migration");
            return false;
        }
    }
    return true;
}

bool qmp_migrate_set_parameters(const MigrationParameters *args, Error **errp)
{
    uint64_t initial = params[MIG_PARAM_THROTTLE_INITIAL].value;
    uint64_t max = params[MIG_PARAM_THROTTLE_MAX].value;

    if (!check_tls(args, errp)) {
        return false;
    }
    for (unsigned i = 0; i < MIG_NR_PARAMS; i++) {
        if (has_field(args, &params[i]) &&
            !check_value(&params[i], get_field(args, &params[i]), errp)) {
            return false;
        }
    }
    initial = args->has_cpu_throttle_initial ? args->cpu_throttle_initial : initial;
    max = args->has_max_cpu_throttle ? args->max_cpu_throttle : max;
    if (max < initial) {
        error_setg(errp, "Parameter 'max-cpu-throttle' expects an integer in the range of "
                   "cpu-throttle-initial to 99");
        return false;
    }
    for (unsigned i = 0; i < MIG_NR_PARAMS; i++) {
        if (has_field(args, &params[i])) {
            __atomic_store_n(&params[i].value, get_field(args, &params[i]), __ATOMIC_RELAXED);
        }
    }
    return true;
}

bool mig_param_set_text(const char *name, const char *text, Error **errp)
{
    g_autoptr(MigrationParameters) p = g_new0(MigrationParameters, 1);
    g_autofree char *wanted = g_strdelimit(g_strdup(name), "_", '-');

    for (unsigned i = 0; i < MIG_NR_PARAMS; i++) {
        ParamRow row = params[i];
        bool on;

        if (strcmp(row.name, wanted)) {
            continue;
        }
        if (i == MIG_PARAM_THROTTLE_TAILSLOW) {
            on = !strcmp(text, "on");
            if (!on && strcmp(text, "off")) {
                error_setg(errp, "Parameter '%s' expects 'on' or 'off'", row.name);
                return false;
            }
            row.value = on;
        } else if (i == MIG_PARAM_MAX_BANDWIDTH
                   ? qemu_strtosz(text, NULL, MiB, &row.value)
                   : qemu_strtou64(text, NULL, 0, &row.value)) {
            error_setg(errp, "Parameter '%s' expects a number", row.name);
            return false;
        }
        if (!check_value(&row, row.value, errp)) {
            return false;
        }
        set_field(p, &row);
        return qmp_migrate_set_parameters(p, errp);
    }
    error_setg(errp, "invalid parameter value: %s", name);
    return false;
}
