/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that tell which drives and nodes there are. Main loop, BQL. */
#include "qemu/osdep.h"
#include "block/backend-int.h"
#include "qapi/qapi-commands.h"

static ImageInfo *describe_image(BlockNode *bs)
{
    ImageInfo *info = g_new0(ImageInfo, 1);
    int64_t allocated = bdrv_allocated_file_size(bs);

    info->filename = g_strdup(bdrv_filename(bs));
    info->format = g_strdup(bdrv_driver_name(bs));
    info->virtual_size = bdrv_length(bs);
    info->has_actual_size = allocated >= 0;
    info->actual_size = MAX(allocated, 0);
    if (bdrv_backing(bs)) {
        info->backing_filename = g_strdup(bdrv_filename(bdrv_backing(bs)));
    }
    return info;
}

/* Fills @info, which is zeroed. */
static void describe_node(BlockNode *bs, bool writeback, BlockDeviceInfo *info)
{
    info->file = g_strdup(bdrv_filename(bs));
    info->node_name = g_strdup(bdrv_node_name(bs));
    info->ro = bdrv_is_read_only(bs);
    info->drv = g_strdup(bdrv_driver_name(bs));
    for (const BlockNode *b = bdrv_backing(bs); b; b = bdrv_backing(b)) {
        info->backing_file_depth++;
    }
    if (bdrv_backing(bs)) {
        info->backing_file = g_strdup(bdrv_filename(bdrv_backing(bs)));
    }
    info->detect_zeroes = bs->detect_zeroes;
    info->image = describe_image(bs);
    info->cache = g_new0(BlockdevCacheInfo, 1);
    info->cache->writeback = writeback;
    info->cache->direct = bs->direct;
    info->cache->no_flush = bs->no_flush;
}

bool qmp_query_named_block_nodes(const QueryNamedBlockNodesArgs *args, BlockDeviceInfoList **ret,
                                 Error **errp)
{
    *ret = g_new0(BlockDeviceInfoList, 1);
    for (BlockNode *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        describe_node(bs, true, BlockDeviceInfoList_append(*ret));
    }
    return true;
}

static void describe_drive(BlockBackend *blk, BlockInfo *info)
{
    BlockNode *bs = blk_bs(blk);

    info->device = g_strdup(blk_name(blk));
    info->qdev = g_strdup(blk->qdev_path);
    info->type = g_strdup("unknown");
    info->removable = !blk->attached || !bs;
    if (bs) {
        info->inserted = g_new0(BlockDeviceInfo, 1);
        describe_node(bs, blk_write_cache(blk), info->inserted);
        info->has_io_status = blk->attached;
        info->io_status = blk_iostatus(blk);
    }
}

bool qmp_query_block(BlockInfoList **ret, Error **errp)
{
    *ret = g_new0(BlockInfoList, 1);
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        if (*blk_name(blk) || blk->attached) {
            describe_drive(blk, BlockInfoList_append(*ret));
        }
    }
    return true;
}
