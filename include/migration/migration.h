/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending the running machine to another process, and receiving one. Main thread, BQL, unless it
 * says otherwise. docs/devel/migration.rst. */
#ifndef MIGRATION_MIGRATION_H
#define MIGRATION_MIGRATION_H

#include "hw/core/machine.h"

/* The configuration as a list of keys and values, in the order in which they are compared. */
typedef struct MigConfig MigConfig;
void mig_config_add(MigConfig *c, const char *key, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* What the boards know about their machines. */
typedef struct MigrationMachineOps {
    /* Adds what must be the same at both ends for the guest not to notice. */
    void (*describe)(MachineState *ms, MigConfig *c);
    /* What a key stands for that is not there. NULL: the key must be there. */
    const char *(*default_of)(const char *key);
    /* Sets the error for a difference in @key in its own words; false: it has none. */
    bool (*explain)(const char *key, const char *saved, const char *here, Error **errp);
} MigrationMachineOps;

/* Once, before options about migration take effect. */
void migration_init(const MigrationMachineOps *ops);
/* Cancels and waits; at exit. */
void migration_cleanup(void);

/* -incoming: "defer" or where the stream comes from. Puts the machine into the state "inmigrate".
 * @autostart: the guest runs afterwards, if it ran at the source. */
bool migration_incoming_start(const char *uri, bool autostart, Error **errp);
/* `cont` (@run) and `stop` while a stream is awaited or received: what the guest does once it is
 * there. False when none is. */
bool migration_incoming_cont(bool run);

/* True while the machine must stay as it is for a migration: no hot-plug, no snapshot. */
bool migration_is_active(void);
/* Why the machine cannot be saved; false then. */
bool migration_check_blockers(Error **errp);

#endif
