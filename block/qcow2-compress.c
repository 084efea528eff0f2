/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: compressed clusters. Pure. */
#include "qemu/osdep.h"
#include "block/qcow2.h"

#include <zlib.h>
#include <zstd.h>

static int decompress_zlib(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    z_stream z = { .next_in = (Bytef *)in, .avail_in = (uInt)in_len, .next_out = out,
                   .avail_out = (uInt)out_len };
    int ret;

    if (inflateInit2(&z, -12) != Z_OK) { /* raw deflate, 4 KiB window */
        return -EIO;
    }
    ret = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    /* The input is padded to whole sectors: what follows the data does not matter. */
    return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && !z.avail_out ? 0 : -EIO;
}

static int decompress_zstd(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    ZSTD_inBuffer from = { in, in_len, 0 };
    ZSTD_outBuffer to = { out, out_len, 0 };
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    size_t ret = 1;

    if (!ctx) {
        return -ENOMEM;
    }
    while (to.pos < to.size) {
        size_t in_before = from.pos, out_before = to.pos;

        ret = ZSTD_decompressStream(ctx, &to, &from);
        if (ZSTD_isError(ret) || (from.pos == in_before && to.pos == out_before)) {
            break;
        }
    }
    ZSTD_freeDCtx(ctx);
    return !ZSTD_isError(ret) && to.pos == to.size ? 0 : -EIO;
}

int qcow2_decompress(bool zstd, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    return (zstd ? decompress_zstd : decompress_zlib)(in, in_len, out, out_len);
}
