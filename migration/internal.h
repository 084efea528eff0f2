/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of migration/ share. BQL, unless it says otherwise. */
#ifndef MIGRATION_INTERNAL_H
#define MIGRATION_INTERNAL_H

#include "migration/channel.h"
#include "migration/config.h"
#include "migration/params.h"
#include "migration/ram.h"
#include "migration/savestate.h"
#include "qapi/qapi-types.h"

/* The state section: what a machine has besides memory and devices. */
typedef struct MigMachineState {
    int64_t clock_ns; /* QEMU_CLOCK_VIRTUAL */
    RunState runstate;
} MigMachineState;

void mig_state_put(const MigMachineState *s, GByteArray *section);
bool mig_state_parse(const GByteArray *content, MigMachineState *s, Error **errp);

const MigrationMachineOps *migration_machine_ops(void);
/* MIGRATION with the capability events. */
void migration_send_event(MigrationStatus status);

/* Calls @fn in the main loop and waits; from a migration thread, without the BQL. False: the
 * process ends, @fn has not been called. */
bool migration_call_in_main(void (*fn)(void *opaque), void *opaque);

/* --- Outgoing (migration.c) --- */

/* Writes configuration, description and so on, in the order of the stream. */
bool mig_save_config(MigWriter *w, Error **errp);
/* State of machine and devices and the end mark; @devices: device_states_save(). Any thread. */
bool mig_save_rest(MigWriter *w, const MigMachineState *state, const GByteArray *devices,
                   const GString *description, Error **errp);
/* Fills @info as query-migrate does; false: there was no outgoing migration. */
bool migration_outgoing_info(MigrationInfo *info);
void migration_outgoing_cleanup(void);

/* --- Incoming (incoming.c) --- */

bool migration_incoming_info(MigrationInfo *info);
bool migration_incoming_active(void);
void migration_incoming_cleanup(void);

/* A stream being read (load.c): sections are checked as they come. */
typedef struct MigLoad {
    MigReader reader;
    MigMachineState state;
    GByteArray *devices; /* NULL: not there yet */
    bool have_config, have_state;
    /* Memory is only checked, not written. */
    bool dry_run;
} MigLoad;

void mig_load_init(MigLoad *l, MigSource *source, bool dry_run);
void mig_load_fini(MigLoad *l);
/* Header and configuration, compared with this machine. BQL. */
bool mig_load_config(MigLoad *l, Error **errp);
/* Reads header and configuration without comparing; then compares. For a thread without the BQL. */
bool mig_load_read_config(MigLoad *l, Error **errp);
bool mig_load_compare_config(MigLoad *l, Error **errp);
/* Everything up to the end mark; memory is put in place unless dry_run. Any thread; the guest does
 * not run. */
bool mig_load_sections(MigLoad *l, Error **errp);
/* Clock and devices. On failure they are as before. BQL. */
bool mig_load_apply(MigLoad *l, Error **errp);

#endif
