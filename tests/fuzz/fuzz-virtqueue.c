/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues in guest memory that may hold anything. The input is the driver: 8 bytes of set-up,
 * then the contents of a small guest memory; between the operations the device does, further bytes
 * overwrite memory, as another vCPU would. Checked: no access outside memory, elements consistent,
 * never more requests taken than the ring has.
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue.h"

#define MEMORY_BYTES 8192u
#define HOLE_AT 4096u /* the two halves are not contiguous on the host */

typedef struct Guest {
    uint8_t *half[2];
    unsigned broken;
} Guest;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *map(void *opaque, uint64_t gpa, uint64_t *len, bool write)
{
    Guest *g = opaque;

    if (gpa >= MEMORY_BYTES) {
        return NULL;
    }
    *len = MIN(*len, HOLE_AT - gpa % HOLE_AT);
    return g->half[gpa / HOLE_AT] + gpa % HOLE_AT;
}

static void written(void *opaque, uint64_t gpa, uint64_t len)
{
    assert(gpa < MEMORY_BYTES && len <= MEMORY_BYTES - gpa);
}

static void broken(void *opaque, const char *why)
{
    Guest *g = opaque;

    g->broken++;
    assert(g->broken == 1 && *why);
}

static void check_element(const VirtQueueElement *e)
{
    size_t in = 0, out = 0;

    assert(e->in_num + e->out_num <= VIRTQUEUE_MAX_SIZE && e->ndescs);
    for (unsigned i = 0; i < e->in_num; i++) {
        assert(e->in_sg[i].iov_len);
        memset(e->in_sg[i].iov_base, 0x5a, e->in_sg[i].iov_len);
        in += e->in_sg[i].iov_len;
    }
    for (unsigned i = 0; i < e->out_num; i++) {
        volatile const uint8_t *p = e->out_sg[i].iov_base;

        (void)p[0];
        (void)p[e->out_sg[i].iov_len - 1];
        out += e->out_sg[i].iov_len;
    }
    assert(in == e->in_bytes && out == e->out_bytes);
}

static void set_up(VirtQueue *vq, const uint8_t *head)
{
    vq->size = (uint16_t)(head[0] & 0x40 ? head[0] : 1u << (head[0] & 7));
    vq->packed = head[1] & 1;
    vq->event_idx = head[1] & 2;
    vq->indirect = head[1] & 4;
    vq->notify_on_empty = head[1] & 8;
    vq->desc = (uint64_t)head[2] << 4;
    vq->avail = (uint64_t)head[3] << 4;
    vq->used = (uint64_t)head[4] << 4 | (uint64_t)(head[5] & 1) << 12;
    if (vq->packed) {
        vq->avail_wrap = !(head[6] & 1);
        vq->used_wrap = !(head[6] & 2);
    }
    virtqueue_start(vq);
}

/* One operation a byte; the low bits choose, the high ones are its argument. */
static void drive(VirtQueue *vq, Guest *g, const uint8_t *ops, size_t nr)
{
    VirtQueueElement *held[256];
    unsigned nr_held = 0;

    for (size_t i = 0; i < nr; i++) {
        VirtQueueElement *e;

        switch (ops[i] & 7) {
        case 0: case 1: case 2:
            e = virtqueue_pop(vq);
            if (e) {
                check_element(e);
                assert(nr_held < ARRAY_SIZE(held));
                held[nr_held++] = e;
            }
            break;
        case 3: case 4:
            if (nr_held) {
                e = held[--nr_held];
                virtqueue_push(vq, e, e->in_bytes >> (ops[i] >> 5));
            }
            break;
        case 5:
            virtqueue_should_notify(vq);
            break;
        case 6:
            virtqueue_empty(vq);
            break;
        default: /* the guest scribbles */
            g->half[ops[i] >> 7][i * 37 % HOLE_AT] = ops[i];
            break;
        }
    }
    while (nr_held) {
        g_free(held[--nr_held]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const VirtQueueMem mem = { .map = map, .written = written, .broken = broken };
    Guest g = { .broken = 0 };
    VirtQueue vq = { .mem = &mem, .opaque = &g, .max_size = 128 };
    size_t nr_ops;

    if (size < 16) {
        return 0;
    }
    g.half[0] = g_malloc0(HOLE_AT);
    g.half[1] = g_malloc0(HOLE_AT);
    nr_ops = MIN((size - 8) / 2, 200);
    memcpy(g.half[0], data + 8 + nr_ops, MIN(size - 8 - nr_ops, HOLE_AT));
    virtqueue_reset(&vq);
    set_up(&vq, data);
    drive(&vq, &g, data + 8, nr_ops);
    g_free(g.half[0]);
    g_free(g.half[1]);
    return 0;
}
