/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal snapshots of any node that has them. Main thread, BQL. */
#include "qemu/osdep.h"
#include "block/block-int.h"
#include "block/snapshot.h"

bool bdrv_can_snapshot(const BlockNode *bs)
{
    return bs->drv->snapshot && !bs->read_only && !bs->inactive;
}

unsigned bdrv_snapshot_count(BlockNode *bs)
{
    return bs->drv->snapshot ? bs->drv->snapshot->count(bs) : 0;
}

const SnapshotInfo *bdrv_snapshot_get(BlockNode *bs, unsigned i)
{
    return bs->drv->snapshot->get(bs, i);
}

int bdrv_snapshot_find(BlockNode *bs, const char *name)
{
    unsigned count = bdrv_snapshot_count(bs);

    for (unsigned i = 0; i < count; i++) {
        if (!strcmp(bdrv_snapshot_get(bs, i)->name, name)) {
            return (int)i;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!strcmp(bdrv_snapshot_get(bs, i)->id, name)) {
            return (int)i;
        }
    }
    return -1;
}

static bool check_writable(const BlockNode *bs, Error **errp)
{
    if (!bdrv_can_snapshot(bs)) {
        error_setg(errp, "node '%s' %s", bs->node_name,
                   bs->drv->snapshot ? "is read-only" : "has no internal snapshots");
        return false;
    }
    return true;
}

static int find(BlockNode *bs, const char *name, Error **errp)
{
    int i = check_writable(bs, errp) ? bdrv_snapshot_find(bs, name) : -2;

    if (i == -1) {
        error_setg(errp, "Snapshot '%s' does not exist on node '%s'", name, bs->node_name);
    }
    return i;
}

bool bdrv_snapshot_create(BlockNode *bs, const SnapshotInfo *info, Error **errp)
{
    return check_writable(bs, errp) && bs->drv->snapshot->create(bs, info, errp);
}

bool bdrv_snapshot_apply(BlockNode *bs, const char *name, Error **errp)
{
    int i = find(bs, name, errp);

    return i >= 0 && bs->drv->snapshot->apply(bs, (unsigned)i, errp);
}

bool bdrv_snapshot_delete(BlockNode *bs, const char *name, Error **errp)
{
    int i = find(bs, name, errp);

    return i >= 0 && bs->drv->snapshot->remove(bs, (unsigned)i, errp);
}

bool bdrv_snapshot_peek_begin(BlockNode *bs, const char *name, Error **errp)
{
    int i = find(bs, name, errp);

    return i >= 0 && bs->drv->snapshot->peek_begin(bs, (unsigned)i, errp);
}

void bdrv_snapshot_peek_end(BlockNode *bs)
{
    bs->drv->snapshot->peek_end(bs);
}

int bdrv_save_vmstate(BlockNode *bs, uint64_t pos, const void *buf, size_t bytes)
{
    return bdrv_can_snapshot(bs) ? bs->drv->snapshot->save_vmstate(bs, pos, buf, bytes) : -ENOTSUP;
}

int bdrv_load_vmstate(BlockNode *bs, uint64_t pos, void *buf, size_t bytes)
{
    return bs->drv->snapshot ? bs->drv->snapshot->load_vmstate(bs, pos, buf, bytes) : -ENOTSUP;
}
