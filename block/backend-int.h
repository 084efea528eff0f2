/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BlockBackend and its requests, for block/ only. */
#ifndef BLOCK_BACKEND_INT_H
#define BLOCK_BACKEND_INT_H

#include "block/block-backend.h"
#include "block/block-int.h"
#include "block/thread-pool.h"

typedef enum BlkOp {
    BLK_OP_READ,
    BLK_OP_WRITE,
    BLK_OP_ZERO,
    BLK_OP_DISCARD,
    BLK_OP_FLUSH,
} BlkOp;

typedef struct BlkRequest BlkRequest;
struct BlkRequest {
    PoolWork work;
    BlockBackend *blk;
    BlockNode *bs; /* the root when the request began */
    BlkOp op;
    BlockAcctType acct;
    int flags;
    int64_t offset, bytes;
    const struct iovec *iov;
    int niov;
    BlockCompletionFunc *cb;
    void *opaque;
    int64_t start_ns;
    int ret;
    BlkRequest *next_done; /* in .done or .waiting */
};

struct BlockBackend {
    unsigned refcnt; /* BQL */
    char *name;
    BlockEdge *root;   /* BQL; changes only while drained */
    GMainContext *ctx; /* changes only with nothing in flight */
    GSource *source;   /* made ready under .lock */
    bool write_cache;  /* atomic */

    bool attached; /* these: BQL */
    char *dev_id, *qdev_path;
    const BlockDevOps *ops;
    void *dev_opaque;

    GMutex lock; /* leaf: all below */
    GCond cond;  /* a request completed or was called back */
    unsigned in_flight;   /* started, callback not finished */
    unsigned in_callback; /* of these: callback running */
    unsigned drained;
    BlkRequest *done, **done_tail;       /* completed, not called back */
    BlkRequest *waiting, **waiting_tail; /* came while drained */
    BlockAcctStats stats;
    BlockdevOnError on_read_error, on_write_error;
    BlockDeviceIoStatus iostatus;
};

/* From any thread: queues the callback. */
void blk_request_complete(BlkRequest *req, int ret);

#endif
