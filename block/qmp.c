/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that change block nodes. Main loop, BQL. */
#include "qemu/osdep.h"
#include "block/backend-int.h"
#include "qapi/qapi-commands.h"

bool qmp_blockdev_add(const BlockdevOptions *args, Error **errp)
{
    BlockNode *bs;

    if (!args->node_name) {
        error_setg(errp, "'node-name' must be specified for the root node");
        return false;
    }
    bs = bdrv_open(args, errp);
    if (!bs) {
        return false;
    }
    bs->monitor_owned = true;
    return true;
}

bool qmp_blockdev_del(const BlockdevDelArgs *args, Error **errp)
{
    BlockNode *bs = bdrv_find(args->node_name);

    if (!bs) {
        error_setg(errp, "Failed to find node with node-name='%s'", args->node_name);
        return false;
    }
    if (!bs->monitor_owned) {
        error_setg(errp, "Node %s is not owned by the monitor", bs->node_name);
        return false;
    }
    if (bdrv_is_used(bs)) {
        error_setg(errp, "Block device %s is in use", bs->node_name);
        return false;
    }
    bdrv_unref(bs);
    return true;
}

static BlockNode *find_by_either(const char *device, const char *node_name, Error **errp)
{
    BlockBackend *blk = device ? blk_by_name(device) : NULL;
    BlockNode *bs;

    if (blk) {
        if (!blk_bs(blk)) {
            error_setg(errp, "Device '%s' has no medium", device);
        }
        return blk_bs(blk);
    }
    bs = node_name ? bdrv_find(node_name) : NULL;
    if (!bs) {
        error_setg(errp, "Cannot find device='%s' nor node-name='%s'", device ? device : "",
                   node_name ? node_name : "");
    }
    return bs;
}

/* Drains (or lets go) every backend over any node: resizing is rare and must be alone. */
static void drain_all(bool begin)
{
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        if (begin) {
            blk_drained_begin(blk);
        } else {
            blk_drained_end(blk);
        }
    }
}

static void tell_devices(const BlockNode *bs)
{
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        if (blk_bs(blk) == bs && blk->ops && blk->ops->resize) {
            blk->ops->resize(blk->dev_opaque);
        }
    }
}

bool qmp_block_resize(const BlockResizeArgs *args, Error **errp)
{
    BlockNode *bs = find_by_either(args->device, args->node_name, errp);
    BlockEdge *edge;
    int64_t old;
    bool ok;

    if (!bs) {
        return false;
    }
    if (args->size < 0) {
        error_setg(errp, "Parameter 'size' expects a >0 size");
        return false;
    }
    edge = bdrv_root_attach(bs, "an unnamed block device", BLK_PERM_RESIZE, BLK_PERM_ALL, errp);
    if (!edge) {
        return false;
    }
    drain_all(true);
    old = bdrv_length(bs);
    ok = bdrv_truncate(bs, args->size, errp);
    drain_all(false);
    bdrv_root_detach(edge);
    if (bdrv_length(bs) != old) {
        tell_devices(bs);
    }
    return ok;
}
