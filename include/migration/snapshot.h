/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of the whole machine inside its disk images: state and disks. Main thread, BQL. */
#ifndef MIGRATION_SNAPSHOT_H
#define MIGRATION_SNAPSHOT_H

#include "qapi/qapi-types.h"
#include "qemu/error.h"

/*
 * Which images take part: @devices by node name or drive, and @vmstate among them for the state of
 * the machine. Both NULL: all writable images of drives, the first one for the state.
 */

/* Saves under @name; the guest goes on then. One of that name is replaced when @overwrite,
 * and stays until the new one is complete. After a failure or crash all older ones are there. */
bool snapshot_save(const char *name, bool overwrite, const char *vmstate, const strList *devices,
                   Error **errp);
/* Back to @name. Everything is checked first: when that fails the machine goes on as it was. The
 * machine runs afterwards if it did before. */
bool snapshot_load(const char *name, const char *vmstate, const strList *devices, Error **errp);
/* Removes it from all images that have it. */
bool snapshot_delete(const char *name, const strList *devices, Error **errp);
/* Text of `info snapshots`. */
void snapshot_print(GString *out);

#endif
