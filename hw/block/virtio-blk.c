/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block device (virtio 1.2, 5.2): requests go to a BlockBackend as they come and are given back as
 * they end, in any order. Without iothread= all happens under the BQL. With it, in the iothread and
 * under virtio_lock(): taking requests, their completion; the main thread takes the lock as well.
 */
#include "qemu/osdep.h"
#include "backends/iothread.h"
#include "block/block-backend.h"
#include "hw/virtio/virtio-pci.h"
#include "qemu/timer.h"

enum {
    F_SEG_MAX = 2,
    F_GEOMETRY = 4,
    F_RO = 5,
    F_BLK_SIZE = 6,
    F_FLUSH = 9,
    F_TOPOLOGY = 10,
    F_CONFIG_WCE = 11,
    F_MQ = 12,
    F_DISCARD = 13,
    F_WRITE_ZEROES = 14,

    T_IN = 0,
    T_OUT = 1,
    T_FLUSH = 4,
    T_GET_ID = 8,
    T_DISCARD = 11,
    T_WRITE_ZEROES = 13,

    S_OK = 0,
    S_IOERR = 1,
    S_UNSUPP = 2,

    SECTOR_BYTES = 512,
    ID_BYTES = 20,
    HEADER_BYTES = 16,
    CONFIG_BYTES = 60,
    CONFIG_WCE = 32,
    UNMAP_FLAG = 1,
};

#define AUTO_QUEUES UINT16_MAX
#define UNSET_GRANULARITY UINT32_MAX

typedef struct VirtIOBlk {
    VirtIODevice vdev;
    char *drive; /* property; blk is what it names */
    BlockBackend *blk;
    IOThread *iothread; /* property; NULL: none */
    bool attached, in_iothread;
    char *serial;
    uint16_t num_queues, queue_size;
    uint64_t logical_bytes, physical_bytes, min_io_bytes, opt_io_bytes, discard_granularity;
    uint32_t max_discard_sectors, max_write_zeroes_sectors;
    uint32_t cyls, heads, secs, lcyls, lheads, lsecs;
    int32_t bootindex;
    int write_cache, rerror, werror, account_invalid, account_failed, backend_defaults;
    bool config_wce, discard, write_zeroes, share_rw, seg_max_adjust, request_merging, scsi,
        report_discard_granularity, x_wce;
    GQueue waiting;  /* of BlkReq: to be started again when the VM runs; virtio_lock() */
    QEMUTimer *retry; /* guest time: stands still while the VM is stopped */
    /* For a migration: `waiting` as tables. */
    GArray *saved_reqs, *saved_segs; /* of SavedReq, VirtQueueSeg; NULL: none */
    bool saved_wce;
    bool first_wce; /* the write cache of before the guest */
} VirtIOBlk;

/* A request that waits, with its next nr_segs buffers of saved_segs. */
typedef struct SavedReq {
    uint16_t queue, index, ndescs, nr_segs, nr_in_segs;
} SavedReq;

typedef struct BlkReq {
    VirtIOBlk *s;
    unsigned queue;
    VirtQueueElement *e;
    uint32_t type;
    uint64_t sector;
    uint8_t *status;
    struct iovec *iov; /* the data, inside e */
    unsigned niov;
    size_t bytes;
    uint32_t nr_sectors; /* discard, write zeroes */
    bool unmap;
    bool restored; /* from a migration stream: its segment is not read yet */
} BlkReq;

static VirtIOBlk *blk_of(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIOBlk, vdev);
}

/* --- Ends of requests ------------------------------------------------------------------------ */

static void finish(BlkReq *r, uint8_t status)
{
    VirtIOBlk *s = r->s;
    size_t len = r->type == T_IN || r->type == T_GET_ID ? r->bytes : 0;

    *r->status = status;
    /* The status byte is the last; what lies between is for the guest to ignore on errors. */
    virtqueue_push(virtio_queue(&s->vdev, r->queue), r->e, len + 1);
    virtio_notify(&s->vdev, r->queue);
    g_free(r);
}

static void wait_for_vm(BlkReq *r)
{
    g_queue_push_tail(&r->s->waiting, r);
    timer_mod_ns(r->s->retry, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + SCALE_MS);
}

static void request_ended(BlkReq *r, int ret)
{
    BlockErrorAction action;
    bool is_read = r->type == T_IN;

    if (ret >= 0) {
        finish(r, S_OK);
        return;
    }
    action = blk_get_error_action(r->s->blk, is_read, -ret);
    if (action == BLOCK_ERROR_ACTION_STOP) {
        wait_for_vm(r);
        blk_error_action(r->s->blk, action, is_read, -ret);
        return;
    }
    blk_error_action(r->s->blk, action, is_read, -ret);
    finish(r, action == BLOCK_ERROR_ACTION_IGNORE ? S_OK : S_IOERR);
}

static void request_done(void *opaque, int ret)
{
    BlkReq *r = opaque;
    VirtIODevice *vdev = &r->s->vdev;

    virtio_lock(vdev);
    request_ended(r, ret);
    virtio_unlock(vdev);
}

/* --- Starts of requests ---------------------------------------------------------------------- */

static bool in_disk(const BlkReq *r, uint64_t bytes)
{
    const VirtIOBlk *s = r->s;
    uint64_t length = (uint64_t)blk_length(s->blk), start = r->sector * SECTOR_BYTES;

    return r->sector <= UINT64_MAX / SECTOR_BYTES && start % s->logical_bytes == 0 &&
           bytes % s->logical_bytes == 0 && start <= length && bytes <= length - start;
}

static void refuse(BlkReq *r, BlockAcctType type)
{
    blk_acct_invalid(r->s->blk, type);
    finish(r, S_IOERR);
}

static void start_read(BlkReq *r)
{
    if (in_disk(r, r->bytes) && r->bytes) {
        blk_aio_preadv(r->s->blk, (int64_t)(r->sector * SECTOR_BYTES), r->iov, (int)r->niov,
                       request_done, r);
    } else {
        refuse(r, BLOCK_ACCT_READ);
    }
}

static void start_write(BlkReq *r)
{
    if (in_disk(r, r->bytes) && r->bytes && !blk_is_read_only(r->s->blk)) {
        blk_aio_pwritev(r->s->blk, (int64_t)(r->sector * SECTOR_BYTES), r->iov, (int)r->niov, 0,
                        request_done, r);
    } else {
        refuse(r, BLOCK_ACCT_WRITE);
    }
}

static void start_flush(BlkReq *r)
{
    blk_aio_flush(r->s->blk, request_done, r);
}

static void start_get_id(BlkReq *r)
{
    char id[ID_BYTES] = { 0 };
    size_t len = r->s->serial ? strlen(r->s->serial) : 0;

    memcpy(id, r->s->serial ? r->s->serial : "", MIN(len, sizeof(id)));
    r->bytes = iov_from_buf(r->iov, r->niov, 0, id, MIN(r->bytes, sizeof(id)));
    finish(r, S_OK);
}

/* One segment {sector 64, sectors 32, flags 32}: config space says there may be one. */
static bool read_segment(BlkReq *r, uint32_t max_sectors, uint32_t known_flags, uint8_t *status)
{
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } seg;

    *status = S_IOERR;
    if (r->bytes != sizeof(seg) ||
        iov_to_buf(r->iov, r->niov, 0, &seg, sizeof(seg)) != sizeof(seg)) {
        *status = S_UNSUPP;
        return false;
    }
    if (seg.flags & ~known_flags) {
        *status = S_UNSUPP;
        return false;
    }
    r->sector = seg.sector;
    r->nr_sectors = seg.sectors;
    r->unmap = seg.flags & UNMAP_FLAG;
    return seg.sectors <= max_sectors && in_disk(r, (uint64_t)seg.sectors * SECTOR_BYTES);
}

static void submit_zeroes(BlkReq *r)
{
    int64_t start = (int64_t)(r->sector * SECTOR_BYTES);
    int64_t bytes = (int64_t)r->nr_sectors * SECTOR_BYTES;

    if (r->type == T_DISCARD) {
        blk_aio_pdiscard(r->s->blk, start, bytes, request_done, r);
    } else {
        blk_aio_pwrite_zeroes(r->s->blk, start, bytes, r->unmap ? BDRV_REQ_MAY_UNMAP : 0,
                              request_done, r);
    }
}

static void start_zeroes(BlkReq *r)
{
    bool discard = r->type == T_DISCARD;
    uint32_t max = discard ? r->s->max_discard_sectors : r->s->max_write_zeroes_sectors;
    uint8_t status;

    if (!virtio_has(&r->s->vdev, discard ? F_DISCARD : F_WRITE_ZEROES) ||
        blk_is_read_only(r->s->blk)) {
        finish(r, S_UNSUPP);
    } else if (!read_segment(r, max, discard ? 0 : UNMAP_FLAG, &status)) {
        blk_acct_invalid(r->s->blk, discard ? BLOCK_ACCT_UNMAP : BLOCK_ACCT_WRITE);
        finish(r, status);
    } else {
        submit_zeroes(r);
    }
}

static const struct {
    uint32_t type;
    bool data_in; /* the data is for the device to write */
    void (*start)(BlkReq *r);
} request_types[] = {
    { T_IN, true, start_read },
    { T_OUT, false, start_write },
    { T_FLUSH, false, start_flush },
    { T_GET_ID, true, start_get_id },
    { T_DISCARD, false, start_zeroes },
    { T_WRITE_ZEROES, false, start_zeroes },
};

static void start(BlkReq *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(request_types); i++) {
        if (request_types[i].type == r->type) {
            request_types[i].start(r);
            return;
        }
    }
    finish(r, S_UNSUPP);
}

static bool data_is_in(uint32_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(request_types); i++) {
        if (request_types[i].type == type) {
            return request_types[i].data_in;
        }
    }
    return false;
}

/* --- Parsing --------------------------------------------------------------------------------- */

/* Takes @len bytes off the front of @iov. */
static void drop_front(struct iovec **iov, unsigned *n, size_t len)
{
    while (*n && len >= (*iov)->iov_len) {
        len -= (*iov)->iov_len;
        ++*iov;
        --*n;
    }
    if (*n && len) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + len;
        (*iov)->iov_len -= len;
    }
}

/* The last in byte is the status: takes it off the end. */
static uint8_t *take_status(VirtQueueElement *e)
{
    struct iovec *last = &e->in_sg[e->in_num - 1];

    last->iov_len--;
    e->in_bytes--;
    if (!last->iov_len) {
        e->in_num--;
    }
    return (uint8_t *)last->iov_base + last->iov_len;
}

static bool parse(BlkReq *r)
{
    VirtQueueElement *e = r->e;
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    struct iovec *out = e->out_sg;
    unsigned nout = e->out_num;

    if (e->out_bytes < HEADER_BYTES || !e->in_bytes) {
        virtio_error(&r->s->vdev, "request without header or status");
        return false;
    }
    iov_to_buf(out, nout, 0, &header, sizeof(header));
    drop_front(&out, &nout, HEADER_BYTES);
    r->status = take_status(e);
    r->type = header.type;
    r->sector = header.sector;
    if (data_is_in(r->type)) {
        r->iov = e->in_sg;
        r->niov = e->in_num;
        r->bytes = e->in_bytes;
    } else {
        r->iov = out;
        r->niov = nout;
        r->bytes = e->out_bytes - HEADER_BYTES;
    }
    return true;
}

/* A ring's worth at a time: a driver that keeps up with requests that end at once must not hold the
 * thread for ever. */
static void blk_handle_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIOBlk *s = blk_of(vdev);
    VirtQueue *vq = virtio_queue(vdev, n);
    VirtQueueElement *e;

    for (unsigned i = 0; (e = virtqueue_pop(vq)) != NULL; i++) {
        BlkReq *r = g_new0(BlkReq, 1);

        *r = (BlkReq){ .s = s, .queue = n, .e = e };
        if (!parse(r)) {
            g_free(e);
            g_free(r);
            return;
        }
        start(r);
        if (i == vq->size) {
            virtio_queue_again(vdev, n);
            return;
        }
    }
}

static void retry_waiting(void *opaque)
{
    VirtIOBlk *s = opaque;
    GQueue again;
    BlkReq *r;

    virtio_lock(&s->vdev);
    again = s->waiting;
    g_queue_init(&s->waiting);
    while ((r = g_queue_pop_head(&again)) != NULL) {
        if (!r->restored && (r->type == T_DISCARD || r->type == T_WRITE_ZEROES)) {
            submit_zeroes(r);
        } else {
            start(r);
        }
    }
    virtio_unlock(&s->vdev);
}

/* --- Configuration --------------------------------------------------------------------------- */

static void put(uint8_t *config, unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(config + offset, &value, bytes);
}

/* For guests that ask a disk for its shape: 16 heads, 63 sectors, as far as cylinders go. */
static void put_geometry(const VirtIOBlk *s, uint8_t *config)
{
    uint64_t sectors = (uint64_t)blk_length(s->blk) / SECTOR_BYTES;
    uint64_t cyls = MIN(MAX(sectors / (16 * 63), 2), 16383);

    put(config, 16, s->cyls ? s->cyls : cyls, 2);
    put(config, 18, s->heads ? s->heads : 16, 1);
    put(config, 19, s->secs ? s->secs : 63, 1);
}

static void blk_get_config(VirtIODevice *vdev, uint8_t *config)
{
    const VirtIOBlk *s = blk_of(vdev);
    uint64_t granularity = s->discard_granularity == UNSET_GRANULARITY ? s->logical_bytes
                                                                       : s->discard_granularity;

    put(config, 0, (uint64_t)blk_length(s->blk) / SECTOR_BYTES, 8);
    put(config, 12, s->seg_max_adjust ? s->queue_size - 2u : 126, 4);
    put_geometry(s, config);
    put(config, 20, s->logical_bytes, 4);
    put(config, 24, (unsigned)ctz64(s->physical_bytes / s->logical_bytes), 1);
    put(config, 26, s->min_io_bytes / s->logical_bytes, 2);
    put(config, 28, s->opt_io_bytes / s->logical_bytes, 4);
    put(config, CONFIG_WCE, blk_write_cache(s->blk), 1);
    put(config, 34, s->num_queues, 2);
    if (s->discard) {
        put(config, 36, s->max_discard_sectors, 4);
        put(config, 40, 1, 4);
        put(config, 44, MAX(granularity, SECTOR_BYTES) / SECTOR_BYTES, 4);
    }
    if (s->write_zeroes) {
        put(config, 48, s->max_write_zeroes_sectors, 4);
        put(config, 52, 1, 4);
        put(config, 56, 1, 1);
    }
}

static void blk_set_config(VirtIODevice *vdev, const uint8_t *config)
{
    if (virtio_has(vdev, F_CONFIG_WCE)) {
        blk_set_write_cache(blk_of(vdev)->blk, config[CONFIG_WCE] != 0);
    }
}

/* A driver that neither flushes nor switches the cache off must find every write done (5.2.5.2). */
static void blk_driver_ok(VirtIODevice *vdev, bool on)
{
    VirtIOBlk *s = blk_of(vdev);

    if (on && !virtio_has(vdev, F_CONFIG_WCE)) {
        blk_set_write_cache(s->blk, virtio_has(vdev, F_FLUSH) && s->write_cache != ON_OFF_AUTO_OFF);
    }
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static void drop_waiting(VirtIOBlk *s)
{
    BlkReq *r;

    virtio_lock(&s->vdev);
    while ((r = g_queue_pop_head(&s->waiting)) != NULL) {
        g_free(r->e);
        g_free(r);
    }
    virtio_unlock(&s->vdev);
    timer_del(s->retry);
}

static void blk_reset(VirtIODevice *vdev)
{
    VirtIOBlk *s = blk_of(vdev);

    drop_waiting(s);
    if (s->attached) { /* a driver without flushes turned it off for itself only */
        blk_set_write_cache(s->blk, s->first_wce);
    }
}

/* Called before the queue forgets its state: requests in flight end first. Those of other queues,
 * which an iothread may go on to take, wait meanwhile. */
static void blk_reset_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIOBlk *s = blk_of(vdev);

    if (s->attached) {
        blk_drained_begin(s->blk);
        blk_drained_end(s->blk);
    }
}

static void blk_resized(void *opaque)
{
    virtio_notify_config(&((VirtIOBlk *)opaque)->vdev);
}

static const BlockDevOps dev_ops = { .resize = blk_resized };

static bool check_sizes(VirtIOBlk *s, Error **errp)
{
    uint64_t *const sizes[] = { &s->logical_bytes, &s->physical_bytes };
    static const char *const names[] = { "logical_block_size", "physical_block_size" };

    for (unsigned i = 0; i < 2; i++) {
        *sizes[i] = *sizes[i] ? *sizes[i] : SECTOR_BYTES;
        if (*sizes[i] < SECTOR_BYTES || *sizes[i] > 2 * MiB || !is_power_of_2(*sizes[i])) {
            error_setg(errp, "parameter %s must be a power of two between 512 B and 2 MiB",
                       names[i]);
            return false;
        }
    }
    if (s->logical_bytes > s->physical_bytes) {
        error_setg(errp, "logical_block_size > physical_block_size not supported");
        return false;
    }
    return true;
}

static bool check_queues(VirtIOBlk *s, Error **errp)
{
    if (s->num_queues == AUTO_QUEUES) {
        s->num_queues = (uint16_t)MIN(current_machine->smp.cpus, VIRTIO_MAX_QUEUES);
    }
    if (!s->num_queues) {
        error_setg(errp, "num-queues property must be larger than 0");
        return false;
    }
    if (s->num_queues > VIRTIO_MAX_QUEUES) {
        error_setg(errp, "num-queues %u is above the limit of %u", s->num_queues,
                   VIRTIO_MAX_QUEUES);
        return false;
    }
    if (s->queue_size <= 2) {
        error_setg(errp, "invalid queue-size property (%u), must be > 2", s->queue_size);
        return false;
    }
    if (!is_power_of_2(s->queue_size) || s->queue_size > VIRTQUEUE_MAX_SIZE) {
        error_setg(errp, "invalid queue-size property (%u), must be a power of 2 (max %u)",
                   s->queue_size, VIRTQUEUE_MAX_SIZE);
        return false;
    }
    return true;
}

static bool attach(VirtIOBlk *s, Error **errp)
{
    DeviceState *proxy = s->vdev.dev.bus->parent;
    g_autofree char *path = object_get_path(&s->vdev.dev.object);
    bool read_only = !blk_is_writable(s->blk);

    if (proxy->id && !s->vdev.dev.object.parent->parent) { /* not in the tree yet */
        g_free(path);
        path = g_strdup_printf("/machine/peripheral/%s/virtio-backend", proxy->id);
    }
    if (!blk_claim(s->blk, read_only, s->share_rw, errp) ||
        !blk_attach_dev(s->blk, proxy->id, path, &dev_ops, s, errp)) {
        return false;
    }
    s->attached = true;
    if (s->write_cache != ON_OFF_AUTO_AUTO) {
        blk_set_write_cache(s->blk, s->write_cache == ON_OFF_AUTO_ON);
    }
    s->first_wce = blk_write_cache(s->blk);
    blk_set_on_error(s->blk, (BlockdevOnError)s->rerror, (BlockdevOnError)s->werror);
    s->vdev.host_features |= (uint64_t)read_only << F_RO;
    return true;
}

static bool blk_realize(VirtIODevice *vdev, Error **errp)
{
    VirtIOBlk *s = blk_of(vdev);

    if (!s->blk) {
        error_setg(errp, "drive property not set");
        return false;
    }
    if (!blk_bs(s->blk)) {
        error_setg(errp, "Device needs media, but drive is empty");
        return false;
    }
    if (!check_queues(s, errp) || !check_sizes(s, errp) || !attach(s, errp)) {
        return false;
    }
    if (s->iothread) {
        blk_set_context(s->blk, iothread_context(s->iothread));
        virtio_set_context(vdev, iothread_context(s->iothread));
        iothread_ref(s->iothread);
        s->in_iothread = true;
    }
    vdev->host_features |= 1ull << F_SEG_MAX | 1ull << F_GEOMETRY | 1ull << F_BLK_SIZE |
                           1ull << F_TOPOLOGY | 1ull << F_FLUSH;
    vdev->host_features |= (uint64_t)(s->num_queues > 1) << F_MQ;
    vdev->config_bytes = CONFIG_BYTES;
    for (unsigned i = 0; i < s->num_queues; i++) {
        virtio_add_queue(vdev, s->queue_size);
    }
    s->retry = timer_new_ns(QEMU_CLOCK_VIRTUAL, retry_waiting, s);
    return true;
}

static void blk_unrealize(VirtIODevice *vdev)
{
    VirtIOBlk *s = blk_of(vdev);

    drop_waiting(s);
    timer_free(s->retry);
    if (s->in_iothread) {
        blk_set_context(s->blk, NULL);
        iothread_barrier(s->iothread); /* none of its sources and ours runs any more */
        virtio_set_context(vdev, NULL);
        iothread_unref(s->iothread);
        s->in_iothread = false;
    }
}

static void blk_init(Object *obj)
{
    g_queue_init(&((VirtIOBlk *)obj)->waiting);
}

static void blk_finalize(Object *obj)
{
    VirtIOBlk *s = (VirtIOBlk *)obj;

    g_clear_pointer(&s->saved_reqs, g_array_unref);
    g_clear_pointer(&s->saved_segs, g_array_unref);
    if (s->attached) {
        blk_detach_dev(s->blk);
    }
    if (s->blk) {
        blk_unref(s->blk);
    }
}

/* --- Properties ------------------------------------------------------------------------------ */

static bool set_drive(Object *obj, const Property *prop, const char *value, Error **errp)
{
    VirtIOBlk *s = (VirtIOBlk *)obj;
    BlockBackend *blk;

    if (!blk_by_name(value) && !bdrv_find(value)) {
        error_setg(errp, "Property '%s.%s' can't find value '%s'", obj->type->name, prop->name,
                   value);
        return false;
    }
    blk = blk_get_for_device(value, errp);
    if (!blk) {
        return false;
    }
    if (s->blk) {
        blk_unref(s->blk);
    }
    s->blk = blk;
    g_free(s->drive);
    s->drive = g_strdup(value);
    return true;
}

static char *get_drive(const Object *obj, const Property *prop)
{
    return g_strdup(((const VirtIOBlk *)obj)->drive);
}

static void release_drive(Object *obj, const Property *prop)
{
    g_free(((VirtIOBlk *)obj)->drive);
}

static const PropertyOps drive_ops = {
    .type_name = "str", .set = set_drive, .get = get_drive, .release = release_drive,
};

static bool set_iothread(Object *obj, const Property *prop, const char *value, Error **errp)
{
    VirtIOBlk *s = (VirtIOBlk *)obj;

    s->iothread = iothread_find(value);
    if (!s->iothread) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", value);
    }
    return s->iothread != NULL;
}

static char *get_iothread(const Object *obj, const Property *prop)
{
    const IOThread *t = ((const VirtIOBlk *)obj)->iothread;

    return t ? object_get_path((const Object *)t) : g_strdup("");
}

static const PropertyOps iothread_ops = {
    .type_name = "link<iothread>", .set = set_iothread, .get = get_iothread,
};

static const char *const on_off_auto[] = { "auto", "on", "off", NULL };
static const char *const on_error[] = {
    [BLOCKDEV_ON_ERROR_REPORT] = "report", [BLOCKDEV_ON_ERROR_IGNORE] = "ignore",
    [BLOCKDEV_ON_ERROR_ENOSPC] = "enospc", [BLOCKDEV_ON_ERROR_STOP] = "stop",
    [BLOCKDEV_ON_ERROR_AUTO] = "auto", NULL,
};

#define FLAG(_field, _name, _default) \
    DEFINE_PROP(PROP_BOOL, VirtIOBlk, _field, _name, .default_val = _default)
#define NUMBER(_field, _name) DEFINE_PROP(PROP_UINT32, VirtIOBlk, _field, _name)
#define AUTO(_field, _name)                                                                     \
    DEFINE_PROP(PROP_ENUM, VirtIOBlk, _field, _name, .enum_names = on_off_auto,                 \
                .enum_type = "OnOffAuto", .default_str = "auto")
#define ON_ERROR(_field)                                                                        \
    DEFINE_PROP(PROP_ENUM, VirtIOBlk, _field, #_field, .enum_names = on_error,                  \
                .enum_type = "BlockdevOnError", .default_str = "auto",                          \
                .description = "Error handling policy, report/ignore/enospc/stop/auto")

static const Property blk_props[] = {
    { .name = "drive", .kind = PROP_CUSTOM, .ops = &drive_ops,
      .description = "Node name or ID of a block device to use as a backend" },
    { .name = "iothread", .kind = PROP_CUSTOM, .ops = &iothread_ops },
    AUTO(backend_defaults, "backend_defaults"),
    DEFINE_PROP(PROP_SIZE, VirtIOBlk, logical_bytes, "logical_block_size",
                .description = "A power of two between 512 B and 2 MiB"),
    DEFINE_PROP(PROP_SIZE, VirtIOBlk, physical_bytes, "physical_block_size",
                .description = "A power of two between 512 B and 2 MiB"),
    DEFINE_PROP(PROP_SIZE, VirtIOBlk, min_io_bytes, "min_io_size"),
    DEFINE_PROP(PROP_SIZE, VirtIOBlk, opt_io_bytes, "opt_io_size"),
    DEFINE_PROP(PROP_SIZE, VirtIOBlk, discard_granularity, "discard_granularity",
                .default_val = UNSET_GRANULARITY),
    AUTO(write_cache, "write-cache"),
    FLAG(share_rw, "share-rw", false),
    AUTO(account_invalid, "account-invalid"),
    AUTO(account_failed, "account-failed"),
    ON_ERROR(rerror),
    ON_ERROR(werror),
    NUMBER(cyls, "cyls"),
    DEFINE_PROP(PROP_UINT32, VirtIOBlk, heads, "heads", .max = 255),
    DEFINE_PROP(PROP_UINT32, VirtIOBlk, secs, "secs", .max = 255),
    NUMBER(lcyls, "lcyls"),
    NUMBER(lheads, "lheads"),
    NUMBER(lsecs, "lsecs"),
    DEFINE_PROP(PROP_STRING, VirtIOBlk, serial, "serial"),
    FLAG(config_wce, "config-wce", true),
    FLAG(request_merging, "request-merging", true),
    DEFINE_PROP(PROP_UINT16, VirtIOBlk, num_queues, "num-queues", .default_val = AUTO_QUEUES),
    DEFINE_PROP(PROP_UINT16, VirtIOBlk, queue_size, "queue-size", .default_val = 256),
    FLAG(seg_max_adjust, "seg-max-adjust", true),
    FLAG(discard, "discard", true),
    FLAG(report_discard_granularity, "report-discard-granularity", true),
    FLAG(write_zeroes, "write-zeroes", true),
    DEFINE_PROP(PROP_UINT32, VirtIOBlk, max_discard_sectors, "max-discard-sectors",
                .default_val = INT32_MAX / SECTOR_BYTES),
    DEFINE_PROP(PROP_UINT32, VirtIOBlk, max_write_zeroes_sectors, "max-write-zeroes-sectors",
                .default_val = INT32_MAX / SECTOR_BYTES),
    FLAG(x_wce, "x-enable-wce-if-config-wce", true),
    DEFINE_PROP(PROP_INT32, VirtIOBlk, bootindex, "bootindex", .default_val = UINT64_MAX),
    DEFINE_PROP_END,
};

/* --- State ----------------------------------------------------------------------------------- */

/* The disk is at rest: of the requests taken only those are left that an error has stopped. */
static bool blk_prepare_save(void *opaque, Error **errp)
{
    VirtIOBlk *s = opaque;

    g_clear_pointer(&s->saved_reqs, g_array_unref);
    g_clear_pointer(&s->saved_segs, g_array_unref);
    s->saved_reqs = g_array_new(FALSE, TRUE, sizeof(SavedReq));
    s->saved_segs = g_array_new(FALSE, TRUE, sizeof(VirtQueueSeg));
    for (GList *l = s->waiting.head; l; l = l->next) {
        const BlkReq *r = l->data;
        SavedReq saved = {
            .queue = (uint16_t)r->queue, .index = r->e->index, .ndescs = r->e->ndescs,
            .nr_segs = (uint16_t)r->e->nr_segs, .nr_in_segs = (uint16_t)r->e->nr_in_segs,
        };

        g_array_append_val(s->saved_reqs, saved);
        g_array_append_vals(s->saved_segs, r->e->segs, r->e->nr_segs);
    }
    s->saved_wce = blk_write_cache(s->blk);
    return true;
}

static bool blk_post_load(void *opaque, uint32_t version, Error **errp)
{
    VirtIOBlk *s = opaque;
    uint64_t segs = 0;

    for (guint i = 0; i < s->saved_reqs->len; i++) {
        const SavedReq *r = &g_array_index(s->saved_reqs, SavedReq, i);

        if (r->queue >= s->vdev.nr_queues || !r->nr_in_segs || r->nr_in_segs >= r->nr_segs ||
            r->nr_segs > VIRTQUEUE_MAX_SIZE ||
            s->vdev.queue[r->queue].in_use >= s->queue_size) {
            error_setg(errp, "virtio-blk/saved_reqs[%u]: there is no such request", i);
            return false;
        }
        segs += r->nr_segs;
        s->vdev.queue[r->queue].in_use++;
    }
    if (segs != s->saved_segs->len) {
        error_setg(errp, "virtio-blk/saved_segs: %u, the requests have %" PRIu64,
                   s->saved_segs->len, segs);
        return false;
    }
    for (unsigned n = 0; n < s->vdev.nr_queues; n++) {
        if (!virtio_check_in_use(&s->vdev, n, errp)) {
            error_prepend(errp, "virtio-blk/");
            return false;
        }
    }
    return true;
}

static bool restore_request(VirtIOBlk *s, const SavedReq *saved, const VirtQueueSeg *segs,
                            Error **errp)
{
    BlkReq *r;
    VirtQueueElement *e = virtqueue_restore(virtio_queue(&s->vdev, saved->queue), saved->index,
                                            saved->ndescs, segs, saved->nr_segs,
                                            saved->nr_in_segs, errp);

    if (!e) {
        return false;
    }
    r = g_new0(BlkReq, 1);
    *r = (BlkReq){ .s = s, .queue = saved->queue, .e = e, .restored = true };
    if (e->out_bytes < HEADER_BYTES || !parse(r)) {
        error_setg(errp, "a request of %zu bytes is without header", e->out_bytes);
        g_free(e);
        g_free(r);
        return false;
    }
    g_queue_push_tail(&s->waiting, r);
    return true;
}

static bool blk_applied(void *opaque, Error **errp)
{
    VirtIOBlk *s = opaque;
    const VirtQueueSeg *segs = (const VirtQueueSeg *)(void *)s->saved_segs->data;

    drop_waiting(s);
    blk_set_write_cache(s->blk, s->saved_wce);
    for (guint i = 0; i < s->saved_reqs->len; i++) {
        const SavedReq *saved = &g_array_index(s->saved_reqs, SavedReq, i);

        if (!restore_request(s, saved, segs, errp)) {
            return false;
        }
        segs += saved->nr_segs;
    }
    if (s->waiting.length) {
        timer_mod_ns(s->retry, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + SCALE_MS);
    }
    return true;
}

enum { MAX_SAVED_REQS = VIRTIO_MAX_QUEUES * VIRTQUEUE_MAX_SIZE, MAX_SAVED_SEGS = 1 << 20 };

static const VMStateField req_fields[] = {
    VMSTATE_UINT(SavedReq, queue),
    VMSTATE_UINT(SavedReq, index),
    VMSTATE_UINT(SavedReq, ndescs),
    VMSTATE_UINT(SavedReq, nr_segs),
    VMSTATE_UINT(SavedReq, nr_in_segs),
    VMSTATE_END,
};
static const VMStateDescription vmstate_req = { "request", .version = 1, .fields = req_fields };
static const VMStateField seg_fields[] = {
    VMSTATE_UINT(VirtQueueSeg, gpa), VMSTATE_UINT_MAX(VirtQueueSeg, len, UINT32_MAX), VMSTATE_END,
};
static const VMStateDescription vmstate_seg = { "buffer", .version = 1, .fields = seg_fields };

static const VMStateField blk_fields[] = {
    VMSTATE_STRUCT(VirtIOBlk, vdev, &vmstate_virtio),
    VMSTATE_BOOL(VirtIOBlk, saved_wce),
    VMSTATE_LIST(VirtIOBlk, saved_reqs, SavedReq, &vmstate_req, MAX_SAVED_REQS),
    VMSTATE_LIST(VirtIOBlk, saved_segs, VirtQueueSeg, &vmstate_seg, MAX_SAVED_SEGS),
    VMSTATE_END,
};
static const VMStateDescription vmstate_blk = {
    "virtio-blk", .version = 1, .fields = blk_fields, .post_load = blk_post_load,
    .prepare_save = blk_prepare_save, .applied = blk_applied,
};

/* --- Type ------------------------------------------------------------------------------------ */

static const VirtIOFeature blk_features[] = {
    { F_CONFIG_WCE, offsetof(VirtIOBlk, config_wce) },
    { F_DISCARD, offsetof(VirtIOBlk, discard) },
    { F_WRITE_ZEROES, offsetof(VirtIOBlk, write_zeroes) },
    VIRTIO_FEATURE_END,
};

const VirtIODeviceType type_virtio_blk_device = {
    .device = {
        .object = {
            .name = "virtio-blk-device",
            .parent = &type_virtio_device,
            .instance_size = sizeof(VirtIOBlk),
            .props = blk_props,
            .instance_init = blk_init,
            .instance_finalize = blk_finalize,
        },
        .bus = "virtio-bus",
        .migration = MIGRATION_VMSD(&vmstate_blk),
        .realize = virtio_device_realize,
        .unrealize = virtio_device_unrealize,
    },
    .device_id = VIRTIO_ID_BLOCK,
    .feature_props = blk_features,
    .realize = blk_realize,
    .unrealize = blk_unrealize,
    .reset = blk_reset,
    .reset_queue = blk_reset_queue,
    .set_driver_ok = blk_driver_ok,
    .handle_queue = blk_handle_queue,
    .get_config = blk_get_config,
    .set_config = blk_set_config,
};
