/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocking requests on a node: range checks, zero detection, fallbacks. Worker threads. */
#include "qemu/osdep.h"
#include "block/block-int.h"

#define ZERO_BUFFER_BYTES (256 * KiB)

/* 0, or -EIO as QEMU answers what lies outside. */
static int check_range(const BlockNode *bs, int64_t offset, int64_t bytes, bool is_write)
{
    if (offset < 0 || bytes < 0 || offset > BDRV_MAX_LENGTH - bytes) {
        return -EIO;
    }
    if (!bs->drv->growable && offset + bytes > bdrv_get_total(bs)) {
        return -EIO;
    }
    return is_write && (bs->read_only || bs->inactive) ? -EPERM : 0;
}

static void note_write(BlockNode *bs, int64_t end)
{
    uint64_t old = __atomic_load_n(&bs->wr_highest_offset, __ATOMIC_RELAXED);

    while (old < (uint64_t)end &&
           !__atomic_compare_exchange_n(&bs->wr_highest_offset, &old, (uint64_t)end, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

int bdrv_preadv(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov)
{
    size_t bytes = iov_bytes(iov, niov);
    int ret = bytes > BDRV_MAX_REQUEST ? -EIO : check_range(bs, offset, (int64_t)bytes, false);

    if (ret < 0 || !bytes) {
        return ret;
    }
    return bs->drv->preadv(bs, offset, iov, niov, bytes);
}

int bdrv_pwritev(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov, int flags)
{
    size_t bytes = iov_bytes(iov, niov);
    int ret = bytes > BDRV_MAX_REQUEST ? -EIO : check_range(bs, offset, (int64_t)bytes, true);

    if (ret < 0 || !bytes) {
        return ret;
    }
    if (bs->detect_zeroes != BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF && iov_is_zero(iov, niov)) {
        bool unmap = bs->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP;

        return bdrv_pwrite_zeroes(bs, offset, (int64_t)bytes,
                                  flags | (unmap ? BDRV_REQ_MAY_UNMAP : 0));
    }
    ret = bs->drv->pwritev(bs, offset, iov, niov, bytes, flags);
    if (ret == 0) {
        note_write(bs, offset + (int64_t)bytes);
    }
    return ret;
}

int bdrv_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes)
{
    struct iovec iov = { buf, bytes };

    return bdrv_preadv(bs, offset, &iov, 1);
}

int bdrv_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags)
{
    struct iovec iov = { (void *)buf, bytes };

    return bdrv_pwritev(bs, offset, &iov, 1, flags);
}

/* Zeroes for a driver that has nothing better. */
static int write_zero_buffers(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    size_t chunk = (size_t)MIN(bytes, (int64_t)ZERO_BUFFER_BYTES);
    g_autofree void *zeroes = g_malloc0(chunk);

    while (bytes) {
        struct iovec iov = { zeroes, (size_t)MIN(bytes, (int64_t)chunk) };
        int ret = bs->drv->pwritev(bs, offset, &iov, 1, iov.iov_len, flags & BDRV_REQ_FUA);

        if (ret < 0) {
            return ret;
        }
        offset += (int64_t)iov.iov_len;
        bytes -= (int64_t)iov.iov_len;
    }
    return 0;
}

int bdrv_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    int ret = check_range(bs, offset, bytes, true);

    if (ret < 0 || !bytes) {
        return ret;
    }
    if (bs->discard != BLOCKDEV_DISCARD_OPTIONS_UNMAP) {
        flags &= ~BDRV_REQ_MAY_UNMAP;
    }
    ret = bs->drv->pwrite_zeroes ? bs->drv->pwrite_zeroes(bs, offset, bytes, flags) : -ENOTSUP;
    if (ret == -ENOTSUP && !(flags & BDRV_REQ_NO_FALLBACK)) {
        ret = write_zero_buffers(bs, offset, bytes, flags);
    }
    if (ret == 0) {
        note_write(bs, offset + bytes);
    }
    return ret;
}

int bdrv_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    int ret = check_range(bs, offset, bytes, true);

    if (ret < 0 || !bytes || bs->discard != BLOCKDEV_DISCARD_OPTIONS_UNMAP ||
        !bs->drv->pdiscard) {
        return ret;
    }
    ret = bs->drv->pdiscard(bs, offset, bytes);
    return ret == -ENOTSUP ? 0 : ret;
}

int bdrv_flush(BlockNode *bs)
{
    if (bs->read_only || bs->inactive || !bs->drv->flush) {
        return 0;
    }
    return bs->drv->flush(bs);
}

bool bdrv_truncate(BlockNode *bs, int64_t bytes, Error **errp)
{
    if (bs->inactive) {
        error_setg(errp, "the image belongs to another process during a migration");
        return false;
    }
    if (bs->read_only) {
        error_setg(errp, "Image is read-only");
        return false;
    }
    if (bytes < 0) {
        error_setg(errp, "Image size cannot be negative");
        return false;
    }
    if (bytes > BDRV_MAX_LENGTH) {
        error_setg(errp, "Required too big image size, it must be not greater than %" PRId64,
                   BDRV_MAX_LENGTH);
        return false;
    }
    if (!bs->drv->truncate) {
        error_setg(errp, "Image format driver does not support resize");
        return false;
    }
    return bs->drv->truncate(bs, bytes, errp);
}
