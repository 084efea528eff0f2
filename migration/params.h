/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities and parameters of migrations. Written under the BQL, read by migration threads too:
 * each is one word. */
#ifndef MIGRATION_PARAMS_H
#define MIGRATION_PARAMS_H

#include "qapi/qapi-types.h"
#include "qemu/error.h"

bool mig_capability(MigrationCapability c);

typedef enum MigParam {
    MIG_PARAM_COMPRESS_LEVEL,
    MIG_PARAM_THROTTLE_THRESHOLD,
    MIG_PARAM_THROTTLE_INITIAL,
    MIG_PARAM_THROTTLE_INCREMENT,
    MIG_PARAM_THROTTLE_MAX,
    MIG_PARAM_THROTTLE_TAILSLOW,
    MIG_PARAM_MAX_BANDWIDTH,
    MIG_PARAM_DOWNTIME_LIMIT,
    MIG_NR_PARAMS,
} MigParam;

uint64_t mig_param(MigParam p);
/* For HMP: name and unit of a parameter; NULL at the end. By the name, with the value as text. */
const char *mig_param_name(unsigned i, const char **unit);
bool mig_param_set_text(const char *name, const char *value, Error **errp);

#endif
