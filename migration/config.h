/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration section: what must be the same at both ends. BQL. */
#ifndef MIGRATION_CONFIG_H
#define MIGRATION_CONFIG_H

#include "migration/migration.h"
#include "migration/stream.h"

/* Of the machine of this process. */
MigConfig *mig_config_new(const MigrationMachineOps *ops);
void mig_config_free(MigConfig *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MigConfig, mig_config_free)
/* As content of a section. */
void mig_config_put(const MigConfig *c, GByteArray *section);
/* NULL when the content is malformed. */
MigConfig *mig_config_parse(const GByteArray *content, Error **errp);
/* Whether state of @saved can be loaded by a machine of @here. The error names both sides. */
bool mig_config_compare(const MigConfig *saved, const MigConfig *here,
                        const MigrationMachineOps *ops, Error **errp);

#endif
