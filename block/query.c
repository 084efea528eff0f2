/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-block, query-named-block-nodes, query-blockstats. Main loop, BQL. */
#include "qemu/osdep.h"
#include "block/backend-int.h"
#include "qapi/qapi-commands.h"
#include "qemu/timer.h"

/* --- Images --- */

static ImageSnapshotInfoList *snapshots(BlockNode *bs)
{
    unsigned count = bdrv_snapshot_count(bs);
    ImageSnapshotInfoList *list = count ? g_new0(ImageSnapshotInfoList, 1) : NULL;

    for (unsigned i = 0; i < count; i++) {
        const SnapshotInfo *sn = bdrv_snapshot_get(bs, i);
        ImageSnapshotInfo *info = ImageSnapshotInfoList_append(list);

        info->id = g_strdup(sn->id);
        info->name = g_strdup(sn->name);
        info->vm_state_size = (int64_t)sn->vm_state_bytes;
        info->date_sec = sn->date_sec;
        info->date_nsec = sn->date_nsec;
        info->vm_clock_sec = (int64_t)(sn->vm_clock_ns / NANOSECONDS_PER_SECOND);
        info->vm_clock_nsec = (int64_t)(sn->vm_clock_ns % NANOSECONDS_PER_SECOND);
        info->has_icount = sn->icount != UINT64_MAX;
        info->icount = (int64_t)sn->icount;
    }
    return list;
}

static ImageInfo *image_info(BlockNode *bs, bool flat)
{
    ImageInfo *info = g_new0(ImageInfo, 1);
    int64_t allocated = bdrv_allocated_file_size(bs);

    info->filename = g_strdup(bs->filename);
    info->format = g_strdup(bs->drv->name);
    info->virtual_size = bdrv_length(bs);
    info->has_dirty_flag = true;
    info->has_actual_size = allocated >= 0;
    info->actual_size = allocated;
    info->snapshots = snapshots(bs);
    if (bs->drv->image_info) {
        bs->drv->image_info(bs, info);
    }
    if (bs->backing) {
        BlockNode *backing = bs->backing->bs;

        if (!info->backing_filename) {
            info->backing_filename = g_strdup(backing->filename);
        }
        info->full_backing_filename = g_strdup(backing->filename);
        info->backing_image = flat ? NULL : image_info(backing, false);
    }
    return info;
}

static int64_t backing_depth(const BlockNode *bs)
{
    int64_t depth = 0;

    for (; bs->backing; bs = bs->backing->bs) {
        depth++;
    }
    return depth;
}

static BlockDeviceInfo *device_info(const BlockBackend *blk, BlockNode *bs, bool flat)
{
    BlockDeviceInfo *info = g_new0(BlockDeviceInfo, 1);

    info->file = g_strdup(bs->filename);
    info->node_name = g_strdup(bs->node_name);
    info->ro = bs->read_only;
    info->drv = g_strdup(bs->drv->name);
    info->backing_file = bs->backing ? g_strdup(bs->backing->bs->filename) : NULL;
    info->backing_file_depth = backing_depth(bs);
    info->detect_zeroes = bs->detect_zeroes;
    info->image = image_info(bs, flat);
    info->cache = g_new0(BlockdevCacheInfo, 1);
    info->cache->writeback = !blk || blk_write_cache(blk);
    info->cache->direct = bs->direct;
    info->cache->no_flush = bs->no_flush;
    return info;
}

/* --- Drives and nodes --- */

bool qmp_query_block(BlockInfoList **ret, Error **errp)
{
    *ret = g_new0(BlockInfoList, 1);
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        BlockInfo *info;

        if (!blk->name[0] && !blk->attached) {
            continue;
        }
        info = BlockInfoList_append(*ret);
        info->device = g_strdup(blk->name);
        info->qdev = g_strdup(blk->qdev_path);
        info->type = g_strdup("unknown");
        info->removable = !blk->attached;
        info->inserted = blk_bs(blk) ? device_info(blk, blk_bs(blk), false) : NULL;
        info->has_io_status = blk->attached;
        info->io_status = blk_iostatus(blk);
    }
    return true;
}

bool qmp_query_named_block_nodes(const QueryNamedBlockNodesArgs *args, BlockDeviceInfoList **ret,
                                 Error **errp)
{
    *ret = g_new0(BlockDeviceInfoList, 1);
    for (BlockNode *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        BlockDeviceInfo *info = device_info(NULL, bs, args->has_flat && args->flat);

        *BlockDeviceInfoList_append(*ret) = *info;
        g_free(info); /* what it points to is the list's now */
    }
    return true;
}

/* --- Statistics --- */

static BlockDeviceStats *device_stats(BlockBackend *blk, const BlockNode *bs)
{
    BlockAcctStats st = blk ? blk_stats(blk) : (BlockAcctStats){ 0 };
    BlockDeviceStats *d = g_new0(BlockDeviceStats, 1);
    const struct {
        BlockAcctType type;
        int64_t *bytes, *ops, *total_ns, *merged, *failed, *invalid;
    } rows[] = {
        { BLOCK_ACCT_READ, &d->rd_bytes, &d->rd_operations, &d->rd_total_time_ns, &d->rd_merged,
          &d->failed_rd_operations, &d->invalid_rd_operations },
        { BLOCK_ACCT_WRITE, &d->wr_bytes, &d->wr_operations, &d->wr_total_time_ns, &d->wr_merged,
          &d->failed_wr_operations, &d->invalid_wr_operations },
        { BLOCK_ACCT_UNMAP, &d->unmap_bytes, &d->unmap_operations, &d->unmap_total_time_ns,
          &d->unmap_merged, &d->failed_unmap_operations, &d->invalid_unmap_operations },
        { BLOCK_ACCT_FLUSH, NULL, &d->flush_operations, &d->flush_total_time_ns, NULL,
          &d->failed_flush_operations, &d->invalid_flush_operations },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        BlockAcctType t = rows[i].type;

        if (rows[i].bytes) {
            *rows[i].bytes = (int64_t)st.bytes[t];
            *rows[i].merged = (int64_t)st.merged[t];
        }
        *rows[i].ops = (int64_t)st.ops[t];
        *rows[i].total_ns = (int64_t)st.total_ns[t];
        *rows[i].failed = (int64_t)st.failed[t];
        *rows[i].invalid = (int64_t)st.invalid[t];
    }
    d->has_idle_time_ns = st.last_access_ns != 0;
    d->idle_time_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME) - st.last_access_ns;
    d->account_invalid = d->account_failed = blk != NULL;
    d->timed_stats = g_new0(BlockDeviceTimedStatsList, 1);
    if (bs) {
        d->wr_highest_offset =
            (int64_t)__atomic_load_n(&bs->wr_highest_offset, __ATOMIC_RELAXED);
    }
    return d;
}

static void node_stats(BlockStats *out, BlockBackend *blk, const BlockNode *bs, bool recurse)
{
    out->stats = device_stats(blk, bs);
    if (!bs) {
        return;
    }
    out->node_name = g_strdup(bs->node_name);
    if (bs->file) {
        out->parent = g_new0(BlockStats, 1);
        node_stats(out->parent, NULL, bs->file->bs, recurse);
    }
    if (bs->backing && recurse) {
        out->backing = g_new0(BlockStats, 1);
        node_stats(out->backing, NULL, bs->backing->bs, true);
    }
}

bool qmp_query_blockstats(const QueryBlockstatsArgs *args, BlockStatsList **ret, Error **errp)
{
    *ret = g_new0(BlockStatsList, 1);
    if (args->has_query_nodes && args->query_nodes) {
        for (BlockNode *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
            node_stats(BlockStatsList_append(*ret), NULL, bs, false);
        }
        return true;
    }
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        BlockStats *out;

        if (!blk->name[0] && !blk->attached) {
            continue;
        }
        out = BlockStatsList_append(*ret);
        out->device = g_strdup(blk->name);
        out->qdev = g_strdup(blk->qdev_path);
        node_stats(out, blk, blk_bs(blk), true);
    }
    return true;
}
