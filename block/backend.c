/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BlockBackend: what a device holds of a disk. Requests go to worker threads and come back through
 * a list that a source in the device's event loop empties.
 */
#include "qemu/osdep.h"
#include "block/backend-int.h"
#include "qemu/timer.h"

static GPtrArray *backends; /* of BlockBackend, oldest first */

/* --- Completion --- */

static void request_account(BlockBackend *blk, const BlkRequest *req)
{
    BlockAcctStats *st = &blk->stats;
    int64_t now_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);

    st->total_ns[req->acct] += (uint64_t)(now_ns - req->start_ns);
    st->last_access_ns = now_ns;
    if (req->ret < 0) {
        st->failed[req->acct]++;
    } else {
        st->ops[req->acct]++;
        st->bytes[req->acct] += (uint64_t)req->bytes;
    }
}

/* The oldest completed request, NULL. */
static BlkRequest *take_completed(BlockBackend *blk)
{
    BlkRequest *req;

    g_mutex_lock(&blk->lock);
    req = blk->done;
    if (req) {
        blk->done = req->next_done;
        blk->in_callback++;
        if (!blk->done) {
            blk->done_tail = &blk->done;
        }
    }
    g_mutex_unlock(&blk->lock);
    return req;
}

/* One at a time: a callback may drain, which comes here again. */
static void run_callbacks(BlockBackend *blk)
{
    BlkRequest *req;

    while ((req = take_completed(blk))) {
        req->cb(req->opaque, req->ret);
        g_free(req);
        g_mutex_lock(&blk->lock);
        blk->in_callback--;
        blk->in_flight--;
        g_cond_broadcast(&blk->cond);
        g_mutex_unlock(&blk->lock);
    }
}

typedef struct BlkSource {
    GSource source;
    BlockBackend *blk;
} BlkSource;

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    BlockBackend *blk = ((BlkSource *)source)->blk;

    g_source_set_ready_time(source, -1);
    run_callbacks(blk);
    return G_SOURCE_CONTINUE;
}

static GSource *source_new(BlockBackend *blk)
{
    static const GSourceFuncs funcs = { .dispatch = source_dispatch };
    GSource *source = g_source_new((GSourceFuncs *)&funcs, sizeof(BlkSource));

    ((BlkSource *)source)->blk = blk;
    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_attach(source, blk->ctx);
    return source;
}

void blk_request_complete(BlkRequest *req, int ret)
{
    BlockBackend *blk = req->blk;
    bool first;

    req->ret = ret;
    req->next_done = NULL;
    g_mutex_lock(&blk->lock);
    request_account(blk, req);
    first = !blk->done;
    *blk->done_tail = req;
    blk->done_tail = &req->next_done;
    if (first) { /* under the lock: the source cannot go away */
        g_source_set_ready_time(blk->source, 0);
    }
    g_cond_broadcast(&blk->cond);
    g_mutex_unlock(&blk->lock);
}

/* --- Running a request (worker thread) --- */

static int request_run(const BlkRequest *req)
{
    BlockNode *bs = req->bs;
    int ret;

    switch (req->op) {
    case BLK_OP_READ:
        return bdrv_preadv(bs, req->offset, req->iov, req->niov);
    case BLK_OP_WRITE:
        ret = bdrv_pwritev(bs, req->offset, req->iov, req->niov, 0);
        break;
    case BLK_OP_ZERO:
        ret = bdrv_pwrite_zeroes(bs, req->offset, req->bytes, req->flags & ~BDRV_REQ_FUA);
        break;
    case BLK_OP_DISCARD:
        return bdrv_pdiscard(bs, req->offset, req->bytes);
    default:
        return bdrv_flush(bs);
    }
    return ret == 0 && (req->flags & BDRV_REQ_FUA) ? bdrv_flush(bs) : ret;
}

static void request_work(PoolWork *work)
{
    BlkRequest *req = container_of(work, BlkRequest, work);

    blk_request_complete(req, request_run(req));
}

/* Starts a request, with no lock held. */
static void request_start(BlkRequest *req)
{
    const BlockNode *bs = req->bs;

    if (!bs) {
        blk_request_complete(req, -ENOMEDIUM);
    } else if (req->op != BLK_OP_READ && req->op != BLK_OP_FLUSH && bs->read_only) {
        blk_request_complete(req, -EPERM);
    } else {
        req->work.run = request_work;
        thread_pool_submit(&req->work);
    }
}

/* Counts it in; while drained it waits. */
static void request_submit(BlkRequest *req)
{
    BlockBackend *blk = req->blk;
    bool waits;

    req->start_ns = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    g_mutex_lock(&blk->lock);
    waits = blk->drained != 0;
    if (waits) {
        *blk->waiting_tail = req;
        blk->waiting_tail = &req->next_done;
    } else {
        blk->in_flight++;
        req->bs = blk_bs(blk);
    }
    g_mutex_unlock(&blk->lock);
    if (!waits) {
        request_start(req);
    }
}

static BlkRequest *request_new(BlockBackend *blk, BlkOp op, BlockAcctType acct, int64_t offset,
                               int64_t bytes, BlockCompletionFunc *cb, void *opaque)
{
    BlkRequest *req = g_new0(BlkRequest, 1);

    req->blk = blk;
    req->op = op;
    req->acct = acct;
    req->offset = offset;
    req->bytes = bytes;
    req->cb = cb;
    req->opaque = opaque;
    return req;
}

static int fua_if_writethrough(const BlockBackend *blk, int flags)
{
    return blk_write_cache(blk) ? flags : flags | BDRV_REQ_FUA;
}

void blk_aio_preadv(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                    BlockCompletionFunc *cb, void *opaque)
{
    BlkRequest *req = request_new(blk, BLK_OP_READ, BLOCK_ACCT_READ, offset,
                                  (int64_t)iov_bytes(iov, niov), cb, opaque);

    req->iov = iov;
    req->niov = niov;
    request_submit(req);
}

void blk_aio_pwritev(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                     int flags, BlockCompletionFunc *cb, void *opaque)
{
    BlkRequest *req = request_new(blk, BLK_OP_WRITE, BLOCK_ACCT_WRITE, offset,
                                  (int64_t)iov_bytes(iov, niov), cb, opaque);

    req->iov = iov;
    req->niov = niov;
    req->flags = fua_if_writethrough(blk, flags);
    request_submit(req);
}

void blk_aio_pwrite_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, int flags,
                           BlockCompletionFunc *cb, void *opaque)
{
    BlkRequest *req = request_new(blk, BLK_OP_ZERO, BLOCK_ACCT_WRITE, offset, bytes, cb, opaque);

    req->flags = fua_if_writethrough(blk, flags);
    request_submit(req);
}

void blk_aio_pdiscard(BlockBackend *blk, int64_t offset, int64_t bytes, BlockCompletionFunc *cb,
                      void *opaque)
{
    request_submit(request_new(blk, BLK_OP_DISCARD, BLOCK_ACCT_UNMAP, offset, bytes, cb, opaque));
}

void blk_aio_flush(BlockBackend *blk, BlockCompletionFunc *cb, void *opaque)
{
    request_submit(request_new(blk, BLK_OP_FLUSH, BLOCK_ACCT_FLUSH, 0, 0, cb, opaque));
}

int blk_pread(BlockBackend *blk, int64_t offset, void *buf, size_t bytes)
{
    return blk_bs(blk) ? bdrv_pread(blk_bs(blk), offset, buf, bytes) : -ENOMEDIUM;
}

int blk_pwrite(BlockBackend *blk, int64_t offset, const void *buf, size_t bytes, int flags)
{
    BlockNode *bs = blk_bs(blk);
    int ret = bs ? bdrv_pwrite(bs, offset, buf, bytes, 0) : -ENOMEDIUM;

    return ret == 0 && (fua_if_writethrough(blk, flags) & BDRV_REQ_FUA) ? bdrv_flush(bs) : ret;
}

int blk_flush(BlockBackend *blk)
{
    return blk_bs(blk) ? bdrv_flush(blk_bs(blk)) : 0;
}

/* --- Draining --- */

/* Whether callbacks may run in the calling thread. */
static bool may_run_callbacks(const BlockBackend *blk)
{
    return !blk->ctx || blk->ctx == g_main_context_default() || g_main_context_is_owner(blk->ctx);
}

void blk_drain(BlockBackend *blk)
{
    bool here = may_run_callbacks(blk);

    g_mutex_lock(&blk->lock);
    while (blk->in_flight > (here ? blk->in_callback : 0)) {
        if (here && blk->done) {
            g_mutex_unlock(&blk->lock);
            run_callbacks(blk);
            g_mutex_lock(&blk->lock);
        } else {
            g_cond_wait(&blk->cond, &blk->lock);
        }
    }
    g_mutex_unlock(&blk->lock);
}

void blk_drained_begin(BlockBackend *blk)
{
    bool first;

    g_mutex_lock(&blk->lock);
    first = blk->drained++ == 0;
    g_mutex_unlock(&blk->lock);
    blk_drain(blk);
    if (first && blk->ops && blk->ops->drained_begin) {
        blk->ops->drained_begin(blk->dev_opaque);
    }
}

void blk_drained_end(BlockBackend *blk)
{
    BlkRequest *list = NULL;
    bool last;

    g_mutex_lock(&blk->lock);
    assert(blk->drained);
    last = --blk->drained == 0;
    if (last) {
        list = blk->waiting;
        blk->waiting = NULL;
        blk->waiting_tail = &blk->waiting;
        for (BlkRequest *req = list; req; req = req->next_done) {
            blk->in_flight++;
            req->bs = blk_bs(blk);
        }
    }
    g_mutex_unlock(&blk->lock);
    while (list) {
        BlkRequest *next = list->next_done;

        request_start(list);
        list = next;
    }
    if (last && blk->ops && blk->ops->drained_end) {
        blk->ops->drained_end(blk->dev_opaque);
    }
}

void blk_drain_all(void)
{
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        blk_drain(blk);
    }
}

unsigned blk_in_flight(const BlockBackend *blk)
{
    BlockBackend *b = (BlockBackend *)blk;
    unsigned n;

    g_mutex_lock(&b->lock);
    n = blk->in_flight;
    g_mutex_unlock(&b->lock);
    return n;
}

/* --- Making and finding --- */

BlockBackend *blk_new(BlockNode *bs, const char *name, Error **errp)
{
    BlockBackend *blk;
    BlockEdge *root = NULL;
    g_autofree char *label =
        name && *name ? g_strdup_printf("block device '%s'", name)
                      : g_strdup("an unnamed block device");

    if (bs && !(root = bdrv_root_attach(bs, label, 0, BLK_PERM_ALL, errp))) {
        return NULL;
    }
    blk = g_new0(BlockBackend, 1);
    blk->refcnt = 1;
    blk->name = g_strdup(name ? name : "");
    blk->root = root;
    blk->write_cache = true;
    blk->on_read_error = BLOCKDEV_ON_ERROR_REPORT;
    blk->on_write_error = BLOCKDEV_ON_ERROR_ENOSPC;
    blk->done_tail = &blk->done;
    blk->waiting_tail = &blk->waiting;
    g_mutex_init(&blk->lock);
    g_cond_init(&blk->cond);
    blk->source = source_new(blk);
    if (!backends) {
        backends = g_ptr_array_new();
    }
    g_ptr_array_add(backends, blk);
    return blk;
}

void blk_ref(BlockBackend *blk)
{
    blk->refcnt++;
}

void blk_unref(BlockBackend *blk)
{
    if (!blk || --blk->refcnt) {
        return;
    }
    blk_drain(blk);
    g_ptr_array_remove(backends, blk);
    if (!backends->len) {
        g_ptr_array_free(g_steal_pointer(&backends), TRUE);
    }
    g_source_destroy(blk->source);
    g_source_unref(blk->source);
    if (blk->root) {
        bdrv_root_detach(blk->root);
    }
    g_mutex_clear(&blk->lock);
    g_cond_clear(&blk->cond);
    g_free(blk->name);
    g_free(blk->dev_id);
    g_free(blk->qdev_path);
    g_free(blk);
}

BlockBackend *blk_next(const BlockBackend *blk)
{
    guint i = 0;

    if (blk && (!backends || !g_ptr_array_find(backends, blk, &i))) {
        return NULL;
    }
    i += blk != NULL;
    return backends && i < backends->len ? g_ptr_array_index(backends, i) : NULL;
}

BlockBackend *blk_by_name(const char *name)
{
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        if (blk->name[0] && !strcmp(blk->name, name)) {
            return blk;
        }
    }
    return NULL;
}

BlockBackend *blk_get_for_device(const char *name, Error **errp)
{
    BlockBackend *blk = blk_by_name(name);
    BlockNode *bs;

    if (blk) {
        if (blk->attached) {
            error_setg(errp, "Drive '%s' is already in use by another device", name);
            return NULL;
        }
        blk_ref(blk);
        return blk;
    }
    bs = bdrv_find(name);
    if (!bs) {
        error_setg(errp, "Property 'drive' can't find value '%s'", name);
        return NULL;
    }
    return blk_new(bs, NULL, errp);
}

bool blk_claim(BlockBackend *blk, bool read_only, bool share_rw, Error **errp)
{
    uint64_t perm = BLK_PERM_CONSISTENT_READ | (read_only ? 0 : BLK_PERM_WRITE);
    uint64_t shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED | BLK_PERM_RESIZE |
                      (share_rw ? BLK_PERM_WRITE : 0);

    if (!blk->root) {
        return true;
    }
    return bdrv_edge_set_perm(blk->root, perm, shared, errp);
}

bool blk_attach_dev(BlockBackend *blk, const char *id, const char *qdev_path,
                    const BlockDevOps *ops, void *opaque, Error **errp)
{
    if (blk->attached) {
        error_setg(errp, "Drive '%s' is already in use by another device", blk->name);
        return false;
    }
    blk->attached = true;
    blk->dev_id = g_strdup(id);
    blk->qdev_path = g_strdup(qdev_path);
    blk->ops = ops;
    blk->dev_opaque = opaque;
    return true;
}

void blk_detach_dev(BlockBackend *blk)
{
    blk_drain(blk);
    blk->attached = false;
    blk->ops = NULL;
    blk->dev_opaque = NULL;
    g_clear_pointer(&blk->dev_id, g_free);
    g_clear_pointer(&blk->qdev_path, g_free);
    if (blk->root) {
        bdrv_edge_set_perm(blk->root, 0, BLK_PERM_ALL, NULL); /* asks for less: cannot fail */
    }
}

void blk_set_context(BlockBackend *blk, GMainContext *ctx)
{
    assert(!blk_in_flight(blk));
    g_source_destroy(blk->source);
    g_source_unref(blk->source);
    blk->ctx = ctx;
    blk->source = source_new(blk);
}

GMainContext *blk_context(const BlockBackend *blk)
{
    return blk->ctx;
}

/* --- Looking --- */

const char *blk_name(const BlockBackend *blk)
{
    return blk->name;
}

BlockNode *blk_bs(const BlockBackend *blk)
{
    return blk->root ? blk->root->bs : NULL;
}

int64_t blk_length(const BlockBackend *blk)
{
    return blk->root ? bdrv_length(blk->root->bs) : 0;
}

bool blk_is_read_only(const BlockBackend *blk)
{
    return !blk->root || blk->root->bs->read_only;
}

bool blk_is_writable(const BlockBackend *blk)
{
    return !blk_is_read_only(blk);
}

unsigned blk_request_alignment(const BlockBackend *blk)
{
    return blk->root ? blk->root->bs->request_alignment : 1;
}

unsigned blk_mem_alignment(const BlockBackend *blk)
{
    return blk->root ? blk->root->bs->mem_alignment : 1;
}

bool blk_write_cache(const BlockBackend *blk)
{
    return __atomic_load_n(&blk->write_cache, __ATOMIC_RELAXED);
}

void blk_set_write_cache(BlockBackend *blk, bool on)
{
    __atomic_store_n(&blk->write_cache, on, __ATOMIC_RELAXED);
}

bool blk_can_discard(const BlockBackend *blk)
{
    return blk->root && blk->root->bs->discard == BLOCKDEV_DISCARD_OPTIONS_UNMAP;
}

BlockAcctStats blk_stats(BlockBackend *blk)
{
    BlockAcctStats copy;

    g_mutex_lock(&blk->lock);
    copy = blk->stats;
    g_mutex_unlock(&blk->lock);
    return copy;
}

void blk_acct_invalid(BlockBackend *blk, BlockAcctType type)
{
    g_mutex_lock(&blk->lock);
    blk->stats.invalid[type]++;
    g_mutex_unlock(&blk->lock);
}

void blk_acct_merged(BlockBackend *blk, BlockAcctType type, unsigned merged)
{
    g_mutex_lock(&blk->lock);
    blk->stats.merged[type] += merged;
    g_mutex_unlock(&blk->lock);
}
