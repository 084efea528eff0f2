/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Format "raw": the bytes of the node below, or a part of them. */
#include "qemu/osdep.h"
#include "block/block-int.h"

typedef struct RawState {
    int64_t offset;
    bool has_size;
} RawState;

/* A last sector that is not whole counts: it reads with zeroes behind. */
static int64_t raw_available(const BlockNode *bs)
{
    const RawState *s = bs->state;

    return ROUND_UP(bdrv_get_total(bs->file->bs), (int64_t)BDRV_SECTOR_SIZE) - s->offset;
}

static bool raw_open(BlockNode *bs, const BlockdevOptions *opts, Error **errp)
{
    const BlockdevOptionsRaw *o = opts->u.raw;
    RawState *s = bs->state;
    int64_t available;

    if (!bdrv_open_child(bs, &bs->file, "file", BLOCK_ROLE_FILTERED, o->file, opts, errp)) {
        return false;
    }
    bs->read_only = bs->read_only || bs->file->bs->read_only;
    bs->mem_alignment = bs->file->bs->mem_alignment;
    bs->request_alignment = bs->file->bs->request_alignment;
    s->offset = o->has_offset ? o->offset : 0;
    available = raw_available(bs);
    if (s->offset < 0 || available < 0) {
        error_setg(errp, "The specified offset %" PRId64 " is outside the image", s->offset);
        return false;
    }
    s->has_size = o->has_size;
    if (o->has_size && (o->size < 0 || o->size > available)) {
        error_setg(errp,
                   "The sum of offset (%" PRId64 ") and size (%" PRId64 ") has to be smaller or "
                   "equal to the actual size of the containing file (%" PRId64 ")",
                   s->offset, o->size, available + s->offset);
        return false;
    }
    bdrv_set_total(bs, o->has_size ? o->size : available);
    return true;
}

static bool raw_activate(BlockNode *bs, Error **errp)
{
    const RawState *s = bs->state;

    if (!s->has_size) {
        bdrv_set_total(bs, raw_available(bs));
    }
    return true;
}

static int raw_preadv(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                      size_t bytes)
{
    return bdrv_preadv(bs->file->bs, offset + ((RawState *)bs->state)->offset, iov, niov);
}

static int raw_pwritev(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                       size_t bytes, int flags)
{
    return bdrv_pwritev(bs->file->bs, offset + ((RawState *)bs->state)->offset, iov, niov, flags);
}

static int raw_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    return bdrv_pwrite_zeroes(bs->file->bs, offset + ((RawState *)bs->state)->offset, bytes, flags);
}

static int raw_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    return bdrv_pdiscard(bs->file->bs, offset + ((RawState *)bs->state)->offset, bytes);
}

static int raw_flush(BlockNode *bs)
{
    return bdrv_flush(bs->file->bs);
}

static bool raw_truncate(BlockNode *bs, int64_t bytes, Error **errp)
{
    RawState *s = bs->state;

    if (s->has_size) {
        error_setg(errp, "Cannot resize fixed-size raw disks");
        return false;
    }
    if (bytes > BDRV_MAX_LENGTH - s->offset) {
        error_setg(errp, "Disk size too large for the chosen offset");
        return false;
    }
    if (!bdrv_truncate(bs->file->bs, bytes + s->offset, errp)) {
        return false;
    }
    bdrv_set_total(bs, raw_available(bs));
    return true;
}

const BlockDriver block_driver_raw = {
    .name = "raw",
    .id = BLOCKDEV_DRIVER_RAW,
    .state_size = sizeof(RawState),
    .is_format = true,
    .file_role = BLOCK_ROLE_FILTERED,
    .open = raw_open,
    .activate = raw_activate,
    .preadv = raw_preadv,
    .pwritev = raw_pwritev,
    .pwrite_zeroes = raw_pwrite_zeroes,
    .pdiscard = raw_pdiscard,
    .flush = raw_flush,
    .truncate = raw_truncate,
};
