/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the PC machines say of themselves in a migration stream. */
#ifndef HW_I386_MIGRATION_CONFIG_H
#define HW_I386_MIGRATION_CONFIG_H

#include "migration/migration.h"

extern const MigrationMachineOps x86_migration_ops;

#endif
