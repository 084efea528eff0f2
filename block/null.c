/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "null-co": a disk of zeroes that forgets what is written; for measuring and testing. */
#include "qemu/osdep.h"
#include "block/block-int.h"

typedef struct NullState {
    uint64_t latency_us;
    bool read_zeroes;
} NullState;

static bool null_open(BlockNode *bs, const BlockdevOptions *opts, Error **errp)
{
    const BlockdevOptionsNull *o = opts->u.null_co;
    NullState *s = bs->state;
    int64_t bytes = o->has_size ? o->size : (int64_t)GiB;

    if (bytes < 0 || bytes > BDRV_MAX_LENGTH) {
        error_setg(errp, "null-co: size %" PRId64 " is out of range", bytes);
        return false;
    }
    bdrv_set_total(bs, bytes);
    s->latency_us = o->has_latency_ns ? o->latency_ns / 1000 : 0;
    s->read_zeroes = o->has_read_zeroes && o->read_zeroes;
    bs->filename = g_strdup("null-co://");
    return true;
}

static int wait_a_while(const BlockNode *bs)
{
    const NullState *s = bs->state;

    if (s->latency_us) {
        g_usleep(MIN(s->latency_us, (uint64_t)60 * G_USEC_PER_SEC));
    }
    return 0;
}

/* Guests must not see what was in the buffer: without read-zeroes QEMU leaves it alone, which shows
 * a guest nothing but its own memory, so it is fine here too. */
static int null_preadv(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                       size_t bytes)
{
    const NullState *s = bs->state;

    if (s->read_zeroes) {
        iov_zero(iov, niov, 0, bytes);
    }
    return wait_a_while(bs);
}

static int null_pwritev(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                        size_t bytes, int flags)
{
    return wait_a_while(bs);
}

static int null_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    return wait_a_while(bs);
}

static int null_flush(BlockNode *bs)
{
    return wait_a_while(bs);
}

static int64_t null_allocated_size(BlockNode *bs)
{
    return 0;
}

const BlockDriver block_driver_null_co = {
    .name = "null-co",
    .id = BLOCKDEV_DRIVER_NULL_CO,
    .state_size = sizeof(NullState),
    .open = null_open,
    .preadv = null_preadv,
    .pwritev = null_pwritev,
    .pwrite_zeroes = null_pwrite_zeroes,
    .flush = null_flush,
    .allocated_file_size = null_allocated_size,
};
