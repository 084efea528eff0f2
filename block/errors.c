/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens when a device's request fails: werror=, rerror=, BLOCK_IO_ERROR. */
#include "qemu/osdep.h"
#include "block/backend-int.h"
#include "qapi/qapi-events.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"

void blk_set_on_error(BlockBackend *blk, BlockdevOnError on_read, BlockdevOnError on_write)
{
    g_mutex_lock(&blk->lock);
    if (on_read != BLOCKDEV_ON_ERROR_AUTO) {
        blk->on_read_error = on_read;
    }
    if (on_write != BLOCKDEV_ON_ERROR_AUTO) {
        blk->on_write_error = on_write;
    }
    g_mutex_unlock(&blk->lock);
}

BlockdevOnError blk_on_error(const BlockBackend *blk, bool is_read)
{
    return is_read ? blk->on_read_error : blk->on_write_error;
}

BlockErrorAction blk_get_error_action(const BlockBackend *blk, bool is_read, int error)
{
    switch (blk_on_error(blk, is_read)) {
    case BLOCKDEV_ON_ERROR_ENOSPC:
        return error == ENOSPC ? BLOCK_ERROR_ACTION_STOP : BLOCK_ERROR_ACTION_REPORT;
    case BLOCKDEV_ON_ERROR_STOP:
        return BLOCK_ERROR_ACTION_STOP;
    case BLOCKDEV_ON_ERROR_IGNORE:
        return BLOCK_ERROR_ACTION_IGNORE;
    default:
        return BLOCK_ERROR_ACTION_REPORT;
    }
}

typedef struct IoError {
    BlockErrorAction action;
    bool is_read, may_stop;
    int error;
    char *device, *node_name;
} IoError;

static void send_event(const IoError *e)
{
    EventBlockIoError event = {
        .device = e->device,
        .node_name = e->node_name,
        .operation = e->is_read ? IO_OPERATION_TYPE_READ : IO_OPERATION_TYPE_WRITE,
        .action = e->action,
        .has_nospace = e->may_stop,
        .nospace = e->error == ENOSPC,
        .reason = (char *)g_strerror(e->error),
    };

    qapi_event_send_block_io_error(&event);
}

/* Main loop, BQL. */
static void handle_error(void *opaque)
{
    IoError *e = opaque;

    if (e->action == BLOCK_ERROR_ACTION_STOP) {
        vm_request_stop(RUN_STATE_IO_ERROR);
    }
    send_event(e);
    g_free(e->device);
    g_free(e->node_name);
    g_free(e);
}

void blk_error_action(BlockBackend *blk, BlockErrorAction action, bool is_read, int error)
{
    IoError *e = g_new0(IoError, 1);
    const BlockNode *bs = blk_bs(blk);
    BlockdevOnError policy;

    g_mutex_lock(&blk->lock);
    policy = blk_on_error(blk, is_read);
    if (action == BLOCK_ERROR_ACTION_STOP && blk->iostatus == BLOCK_DEVICE_IO_STATUS_OK) {
        blk->iostatus = error == ENOSPC ? BLOCK_DEVICE_IO_STATUS_NOSPACE
                                        : BLOCK_DEVICE_IO_STATUS_FAILED;
    }
    g_mutex_unlock(&blk->lock);
    e->action = action;
    e->is_read = is_read;
    e->may_stop = policy == BLOCKDEV_ON_ERROR_STOP || policy == BLOCKDEV_ON_ERROR_ENOSPC;
    e->error = error;
    e->device = g_strdup(blk->name);
    e->node_name = bs ? g_strdup(bs->node_name) : NULL;
    if (bql_locked()) {
        handle_error(e);
    } else {
        main_loop_defer(handle_error, e);
    }
}

typedef struct CorruptImage {
    char *node_name, *what;
    uint64_t offset;
    bool fatal;
} CorruptImage;

/* Main loop, BQL. */
static void send_corrupted(void *opaque)
{
    CorruptImage *c = opaque;
    EventBlockImageCorrupted event = {
        .device = (char *)"",
        .node_name = c->node_name,
        .msg = c->what,
        .has_offset = c->offset <= INT64_MAX,
        .offset = (int64_t)c->offset,
        .fatal = c->fatal,
    };

    error_report("Image of node '%s' is corrupt: %s; further %s", c->node_name, c->what,
                 c->fatal ? "writes are refused" : "errors are not reported");
    qapi_event_send_block_image_corrupted(&event);
    g_free(c->node_name);
    g_free(c->what);
    g_free(c);
}

void bdrv_report_corrupt(BlockNode *bs, const char *what, uint64_t offset, bool fatal)
{
    CorruptImage *c = g_new(CorruptImage, 1);

    *c = (CorruptImage){ g_strdup(bs->node_name), g_strdup(what), offset, fatal };
    if (bql_locked()) {
        send_corrupted(c);
    } else {
        main_loop_defer(send_corrupted, c);
    }
}

void blk_iostatus_reset(BlockBackend *blk)
{
    g_mutex_lock(&blk->lock);
    blk->iostatus = BLOCK_DEVICE_IO_STATUS_OK;
    g_mutex_unlock(&blk->lock);
}

BlockDeviceIoStatus blk_iostatus(const BlockBackend *blk)
{
    return blk->iostatus;
}
