/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images somebody made up: opening, reading, writing, discarding, resizing, snapshots. The
 * last OPS bytes of an input choose what is done, the rest is the image file. Seeds:
 * tests/data/qcow2.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"

#include <sys/mman.h>

#define OPS        16
#define MAX_ACCESS (64 * KiB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void bdrv_report_corrupt(BlockNode *bs, const char *what, uint64_t offset, bool fatal)
{
}

static void swallow(void *opaque, const char *text)
{
}

/* Somewhere on the disk: near its start or its end. */
static int64_t place(const BlockNode *bs, uint8_t op, size_t *len)
{
    int64_t length = bdrv_length(bs), offset = (int64_t)(op & 0x3f) * 611;

    if (op & 0x40) {
        offset = MAX(length - offset - 700, 0);
    }
    *len = (size_t)CLAMP(length - offset, 0, (op & 0x80) ? (int64_t)MAX_ACCESS : 777);
    return offset;
}

static void snapshot(BlockNode *bs, uint8_t op)
{
    SnapshotInfo info = { .name = (char *)"fuzz", .vm_state_bytes = 100, .icount = UINT64_MAX };
    unsigned count = bdrv_snapshot_count(bs);
    char buf[100] = "state";

    switch (op & 3) {
    case 0:
        bdrv_save_vmstate(bs, 0, buf, sizeof(buf));
        bdrv_snapshot_create(bs, &info, NULL);
        break;
    case 1:
        bdrv_load_vmstate(bs, 0, buf, sizeof(buf));
        break;
    case 2:
        if (count) {
            bdrv_snapshot_apply(bs, bdrv_snapshot_get(bs, (op >> 2) % count)->name, NULL);
        }
        break;
    default:
        if (count) {
            g_autofree char *name =
                g_strdup(bdrv_snapshot_get(bs, (op >> 2) % count)->name);

            bdrv_snapshot_delete(bs, name, NULL);
        }
        break;
    }
}

static void operate(BlockNode *bs, uint8_t kind, uint8_t op, void *buf)
{
    size_t len;
    int64_t offset = place(bs, op, &len);

    switch (kind & 7) {
    case 0:
    case 1:
        bdrv_pwrite(bs, offset, buf, len, 0);
        break;
    case 2:
        bdrv_pwrite_zeroes(bs, offset, (int64_t)len, op & 1 ? BDRV_REQ_MAY_UNMAP : 0);
        break;
    case 3:
        bdrv_pdiscard(bs, offset, (int64_t)len);
        break;
    case 4:
        bdrv_flush(bs);
        break;
    case 5:
        if (!bs->read_only) {
            bdrv_truncate(bs, (int64_t)op * 4096, NULL);
        }
        break;
    case 6:
        snapshot(bs, op);
        break;
    default:
        bdrv_pread(bs, offset, buf, len);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    g_autofree char *json = NULL, *buf = g_malloc0(MAX_ACCESS);
    const uint8_t *ops = data + size - OPS;
    BlockNode *bs;

    if (size <= OPS) {
        return 0;
    }
    if (fd < 0) {
        fd = memfd_create("image", 0);
        error_init("fuzz-qcow2");
    }
    error_redirect(swallow, NULL);
    g_assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, data, size - OPS, 0) >= 0);
    json = g_strdup_printf("{'driver':'qcow2','backing':null,'discard':'unmap','read-only':%s,"
                           "'file':{'driver':'file','filename':'/proc/self/fd/%d'}}",
                           ops[0] & 1 ? "true" : "false", fd);
    bs = bdrv_open_json(json, NULL);
    if (bs) {
        bdrv_pread(bs, 0, buf, (size_t)MIN(bdrv_length(bs), (int64_t)MAX_ACCESS));
        for (int i = 1; i + 1 < OPS; i += 2) {
            operate(bs, ops[i], ops[i + 1], buf);
        }
        bdrv_unref(bs);
    }
    error_redirect(NULL, NULL);
    return 0;
}
