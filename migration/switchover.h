/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handing the guest over so that at no time both sides may run it.
 *
 *     source                                   destination
 *     stopped; disks released; ... END   ->    loads and checks everything
 *                                        <-    LOADED, or REFUSED with the reason
 *     point of no return
 *     GO                                 ->    owns the guest: takes the disks
 *                                        <-    TAKEN
 *     completed                                runs
 *
 * When the connection ends before LOADED the source goes on. When it ends before GO has arrived the
 * destination gives up. When TAKEN is missing the source stays stopped: the guest may run over
 * there. Without a way back (files, pipes, capability off) END stands for all of it.
 */
#ifndef MIGRATION_SWITCHOVER_H
#define MIGRATION_SWITCHOVER_H

#include "migration/channel.h"

/* Source: waits for LOADED. Migration thread. */
bool switchover_await_loaded(MigChannel *ch, Error **errp);
/* Source: sends GO and waits for TAKEN. */
bool switchover_give(MigWriter *w, MigChannel *ch, Error **errp);
/* Destination: sends LOADED and waits for GO; sends TAKEN. */
bool switchover_offer(MigReader *r, MigChannel *ch, Error **errp);
bool switchover_taken(MigChannel *ch, Error **errp);
/* Destination: tells why not. */
void switchover_refuse(MigChannel *ch, const char *why);

/* Disk images: everything is written and nobody here has them open for writing any more; and back.
 * BQL. */
bool switchover_release_disks(Error **errp);
bool switchover_take_disks(Error **errp);

#endif
