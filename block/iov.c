/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scatter-gather vectors: slices, copies, zero tests. Pure. */
#include "qemu/osdep.h"
#include "block/block.h"

size_t iov_bytes(const struct iovec *iov, int niov)
{
    size_t sum = 0;

    for (int i = 0; i < niov; i++) {
        sum += iov[i].iov_len;
    }
    return sum;
}

typedef void PieceFn(void *piece, size_t len, void *opaque);

/* @fn for each piece of the range. */
static void each_piece(const struct iovec *iov, int niov, size_t offset, size_t bytes, PieceFn *fn,
                       void *opaque)
{
    for (int i = 0; i < niov && bytes; i++) {
        size_t len = iov[i].iov_len;

        if (offset >= len) {
            offset -= len;
            continue;
        }
        len = MIN(len - offset, bytes);
        fn((char *)iov[i].iov_base + offset, len, opaque);
        bytes -= len;
        offset = 0;
    }
    assert(!bytes);
}

/* What iov_slice() has so far. */
typedef struct Slice {
    struct iovec *iov;
    int niov;
} Slice;

static void add_piece(void *piece, size_t len, void *opaque)
{
    Slice *s = opaque;

    s->iov[s->niov++] = (struct iovec){ piece, len };
}

struct iovec *iov_slice(const struct iovec *iov, int niov, size_t offset, size_t bytes,
                        int *niov_out)
{
    Slice s = { g_new(struct iovec, MAX(niov, 1)), 0 };

    each_piece(iov, niov, offset, bytes, add_piece, &s);
    *niov_out = s.niov;
    return s.iov;
}

static void piece_to_buffer(void *piece, size_t len, void *opaque)
{
    char **to = opaque;

    memcpy(*to, piece, len);
    *to += len;
}

static void piece_from_buffer(void *piece, size_t len, void *opaque)
{
    const char **from = opaque;

    memcpy(piece, *from, len);
    *from += len;
}

static void piece_zero(void *piece, size_t len, void *opaque)
{
    memset(piece, 0, len);
}

void iov_to_buffer(const struct iovec *iov, int niov, size_t offset, void *buf, size_t bytes)
{
    each_piece(iov, niov, offset, bytes, piece_to_buffer, &buf);
}

void iov_from_buffer(const struct iovec *iov, int niov, size_t offset, const void *buf,
                     size_t bytes)
{
    each_piece(iov, niov, offset, bytes, piece_from_buffer, &buf);
}

void iov_zero(const struct iovec *iov, int niov, size_t offset, size_t bytes)
{
    each_piece(iov, niov, offset, bytes, piece_zero, NULL);
}

bool buffer_is_zero(const void *buf, size_t bytes)
{
    const char *p = buf;

    /* The first bytes decide nearly always; the rest is compared with itself, shifted. */
    for (size_t i = 0; i < MIN(bytes, 16); i++) {
        if (p[i]) {
            return false;
        }
    }
    return bytes <= 16 || !memcmp(p, p + 16, bytes - 16);
}

bool iov_is_zero(const struct iovec *iov, int niov)
{
    for (int i = 0; i < niov; i++) {
        if (!buffer_is_zero(iov[i].iov_base, iov[i].iov_len)) {
            return false;
        }
    }
    return true;
}
