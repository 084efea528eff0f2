/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal snapshots of a node (qcow2), with room for the VM's state. No request may be running;
 * main thread, BQL. Each change is atomic: after a crash the image is as before or as after. */
#ifndef BLOCK_SNAPSHOT_H
#define BLOCK_SNAPSHOT_H

#include "block/block.h"

typedef struct SnapshotInfo {
    char *id, *name;
    uint64_t vm_state_bytes; /* 0: disk only */
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock_ns;
    uint64_t disk_bytes; /* length of the disk then; 0: not recorded, as now */
    uint64_t icount;     /* UINT64_MAX: not recorded */
    bool replaces;       /* .create: another one of that name may be there, soon to be deleted */
} SnapshotInfo;

typedef struct SnapshotOps {
    /* @i-th of .count(). Borrowed until the next change. */
    unsigned (*count)(BlockNode *bs);
    const SnapshotInfo *(*get)(BlockNode *bs, unsigned i);
    bool (*create)(BlockNode *bs, const SnapshotInfo *info, Error **errp);
    bool (*apply)(BlockNode *bs, unsigned i, Error **errp);
    bool (*remove)(BlockNode *bs, unsigned i, Error **errp);
    /* The VM state that the next snapshot takes along, or that the last applied one brought. */
    int (*save_vmstate)(BlockNode *bs, uint64_t pos, const void *buf, size_t bytes);
    int (*load_vmstate)(BlockNode *bs, uint64_t pos, void *buf, size_t bytes);
    /* Between these .load_vmstate reads from the @i-th snapshot. */
    bool (*peek_begin)(BlockNode *bs, unsigned i, Error **errp);
    void (*peek_end)(BlockNode *bs);
} SnapshotOps;

/* Whether @bs can hold snapshots that are written now. */
bool bdrv_can_snapshot(const BlockNode *bs);
unsigned bdrv_snapshot_count(BlockNode *bs);
const SnapshotInfo *bdrv_snapshot_get(BlockNode *bs, unsigned i);
/* By name, then by id; -1. */
int bdrv_snapshot_find(BlockNode *bs, const char *name);
/* @info: name, dates, clock and VM state length; the id is chosen. The VM state written with
 * bdrv_save_vmstate() goes with it. */
bool bdrv_snapshot_create(BlockNode *bs, const SnapshotInfo *info, Error **errp);
/* The disk becomes what it was then; its VM state can be read. */
bool bdrv_snapshot_apply(BlockNode *bs, const char *name, Error **errp);
bool bdrv_snapshot_delete(BlockNode *bs, const char *name, Error **errp);
/* Between these bdrv_load_vmstate() reads the VM state of a snapshot that has not been applied; no
 * requests, no changes. */
bool bdrv_snapshot_peek_begin(BlockNode *bs, const char *name, Error **errp);
void bdrv_snapshot_peek_end(BlockNode *bs);
/* 0 or -errno. @pos counts from the start of the VM state. */
int bdrv_save_vmstate(BlockNode *bs, uint64_t pos, const void *buf, size_t bytes);
int bdrv_load_vmstate(BlockNode *bs, uint64_t pos, void *buf, size_t bytes);

#endif
