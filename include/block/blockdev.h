/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block options of the command line: -blockdev, -drive, -hda. Main thread, BQL. */
#ifndef BLOCK_BLOCKDEV_H
#define BLOCK_BLOCKDEV_H

#include "block/block-backend.h"
#include "qemu/keyval.h"

/* -blockdev, in JSON or as key=value; the node belongs to the monitor. */
bool blockdev_add_option(const char *arg, Error **errp);

typedef enum BlockInterfaceType {
    IF_IDE, /* the machine's default */
    IF_SCSI,
    IF_FLOPPY,
    IF_PFLASH,
    IF_MTD,
    IF_SD,
    IF_VIRTIO,
    IF_XEN,
    IF_NONE,
    IF__MAX,
} BlockInterfaceType;

/* One -drive. */
typedef struct DriveInfo {
    BlockInterfaceType type;
    unsigned bus, unit;
    bool media_cd;
    BlockBackend *blk; /* owned */
    bool claimed;      /* a board or a device took it */
} DriveInfo;

/* -drive. @ide_units: drives an IDE bus holds on this machine (q35: 1, pc: 2). */
bool drive_add_option(const char *arg, unsigned ide_units, Error **errp);
/* The drive at a place, for boards; marks it claimed. NULL when there is none. */
DriveInfo *drive_claim(BlockInterfaceType type, unsigned bus, unsigned unit);
/* The -device arguments that drives with if=virtio stand for are appended to @devices (char *). */
void drive_add_devices(GPtrArray *devices);
/* False with QEMU's error when a drive is left that no board took. */
bool drive_check_claimed(Error **errp);
/* Closes all drives and all nodes of the monitor: at the end. */
void blockdev_close_all(void);

#endif
