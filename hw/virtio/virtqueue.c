/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues, see virtqueue.h. Ring layouts (virtio 1.2, 2.7.5 to 2.7.8 and 2.8.13, 2.8.14):
 *
 *   split   descriptors   addr 64, len 32, flags 16, next 16
 *           available     flags 16, idx 16, ring 16 each, used_event 16
 *           used          flags 16, idx 16, ring {id 32, len 32} each, avail_event 16
 *   packed  ring          addr 64, len 32, id 16, flags 16
 *           driver/device off_wrap 16, flags 16
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtqueue.h"

enum {
    DESC_NEXT = 1,
    DESC_WRITE = 2,
    DESC_INDIRECT = 4,
    DESC_AVAIL = 1 << 7, /* packed */
    DESC_USED = 1 << 15,
    DESC_BYTES = 16,

    AVAIL_NO_INTERRUPT = 1,
    EVENT_ENABLE = 0, /* packed event suppression */
    EVENT_DISABLE = 1,
    EVENT_DESC = 2,
};

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next; /* packed: id in next */
} Desc;

void virtqueue_set_broken(VirtQueue *vq, const char *fmt, ...)
{
    g_autofree char *why = NULL;
    va_list ap;

    if (vq->broken) {
        return;
    }
    vq->broken = true;
    va_start(ap, fmt);
    why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    vq->mem->broken(vq->opaque, why);
}

/* --- Access to rings ------------------------------------------------------------------------- */

/* Host address of all of [gpa, gpa + len), or NULL with the queue broken. */
static uint8_t *ring(VirtQueue *vq, uint64_t gpa, uint64_t len, bool write)
{
    uint64_t got = len;
    uint8_t *p = vq->mem->map(vq->opaque, gpa, &got, write);

    if (!p || got < len) {
        virtqueue_set_broken(vq, "ring at 0x%" PRIx64 " is not in RAM", gpa);
        return NULL;
    }
    return p;
}

/* The driver writes while we read: each load happens once. x86 keeps loads in order. */
static uint16_t ld16(const uint8_t *p)
{
    return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

static void st16(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)(void *)p, v, __ATOMIC_RELEASE);
}

static uint8_t *avail_ring(VirtQueue *vq)
{
    return ring(vq, vq->avail, 6 + 2ull * vq->size, false);
}

static uint8_t *used_ring(VirtQueue *vq)
{
    return ring(vq, vq->used, 6 + 8ull * vq->size, true);
}

static void read_desc(const uint8_t *p, Desc *d, bool packed)
{
    uint16_t last[2];

    memcpy(&d->addr, p, 8);
    memcpy(&d->len, p + 8, 4);
    memcpy(last, p + 12, 4);
    d->flags = last[packed];
    d->next = last[!packed];
}

/* --- Requests -------------------------------------------------------------------------------- */

/* Pieces found so far; an element is made of them at the end. */
typedef struct Pieces {
    unsigned out_num, in_num;
    size_t out_bytes, in_bytes;
    struct iovec iov[VIRTQUEUE_MAX_SIZE]; /* out, then in */
    uint64_t gpa[VIRTQUEUE_MAX_SIZE];
} Pieces;

static bool add_desc(VirtQueue *vq, Pieces *p, const Desc *d)
{
    bool write = d->flags & DESC_WRITE;
    uint64_t gpa = d->addr, left = d->len;

    if (!left) {
        virtqueue_set_broken(vq, "buffer of no bytes");
        return false;
    }
    if (!write && p->in_num) {
        virtqueue_set_broken(vq, "buffer to read behind one to write");
        return false;
    }
    while (left) {
        unsigned n = p->out_num + p->in_num;
        uint64_t got = left;
        void *host = gpa + left < gpa ? NULL : vq->mem->map(vq->opaque, gpa, &got, write);

        if (!host) {
            virtqueue_set_broken(vq, "buffer at 0x%" PRIx64 " is not in RAM", gpa);
            return false;
        }
        if (n == VIRTQUEUE_MAX_SIZE) {
            virtqueue_set_broken(vq, "more than %u buffers", n);
            return false;
        }
        p->iov[n] = (struct iovec){ .iov_base = host, .iov_len = got };
        p->gpa[n] = gpa;
        *(write ? &p->in_num : &p->out_num) += 1;
        *(write ? &p->in_bytes : &p->out_bytes) += got;
        gpa += got;
        left -= got;
    }
    return true;
}

static VirtQueueElement *make_element(const Pieces *p, uint16_t index, uint16_t ndescs)
{
    unsigned n = p->out_num + p->in_num;
    VirtQueueElement *e = g_malloc(sizeof(*e) + n * (sizeof(struct iovec) + sizeof(VirtQueueSeg)) +
                                   p->in_num * sizeof(uint64_t));
    struct iovec *iov = (struct iovec *)(e + 1);
    VirtQueueSeg *segs = (VirtQueueSeg *)(void *)(iov + n);

    *e = (VirtQueueElement){
        .index = index, .ndescs = ndescs, .out_num = p->out_num, .in_num = p->in_num,
        .out_bytes = p->out_bytes, .in_bytes = p->in_bytes,
        .out_sg = iov, .in_sg = iov + p->out_num, .in_gpa = (uint64_t *)(void *)(segs + n),
        .nr_segs = n, .nr_in_segs = p->in_num, .segs = segs,
    };
    memcpy(iov, p->iov, n * sizeof(*iov));
    for (unsigned i = 0; i < n; i++) {
        segs[i] = (VirtQueueSeg){ p->gpa[i], p->iov[i].iov_len };
    }
    memcpy(e->in_gpa, p->gpa + p->out_num, p->in_num * sizeof(uint64_t));
    return e;
}

/* The table that an indirect descriptor points to; *n: its entries. */
static const uint8_t *indirect_table(VirtQueue *vq, const Desc *d, unsigned *n)
{
    if (!vq->indirect || d->len % DESC_BYTES || !d->len) {
        virtqueue_set_broken(vq, "indirect table of %u bytes", d->len);
        return NULL;
    }
    *n = d->len / DESC_BYTES;
    return ring(vq, d->addr, d->len, false);
}

/* --- Split rings ----------------------------------------------------------------------------- */

/* Follows the chain from entry @i of a table of @n. A chain longer than the table has a loop. */
static bool walk_chain(VirtQueue *vq, Pieces *p, const uint8_t *table, unsigned n, unsigned i,
                       bool may_indirect)
{
    for (unsigned steps = 0;; steps++) {
        Desc d;

        if (i >= n || steps >= n) {
            virtqueue_set_broken(vq, "descriptor %u of %u, %u before it", i, n, steps);
            return false;
        }
        read_desc(table + i * (size_t)DESC_BYTES, &d, false);
        if (d.flags & DESC_INDIRECT) {
            const uint8_t *sub;

            if (!may_indirect || d.flags & DESC_NEXT) {
                virtqueue_set_broken(vq, "indirect descriptor inside a table, or with a next one");
                return false;
            }
            sub = indirect_table(vq, &d, &n);
            return sub && walk_chain(vq, p, sub, n, 0, false);
        }
        if (!add_desc(vq, p, &d)) {
            return false;
        }
        if (!(d.flags & DESC_NEXT)) {
            return true;
        }
        i = d.next;
    }
}

/* How many requests wait; -1: broken. At 0 the driver is asked to tell of the next one. */
static int split_waiting(VirtQueue *vq, const uint8_t *avail)
{
    uint16_t n = (uint16_t)(ld16(avail + 2) - vq->last_avail);

    if (!n && vq->event_idx) {
        uint8_t *used = used_ring(vq);

        if (!used) {
            return -1;
        }
        st16(used + 4 + 8u * vq->size, vq->last_avail);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        n = (uint16_t)(ld16(avail + 2) - vq->last_avail);
    }
    if (n > vq->size) {
        virtqueue_set_broken(vq, "available index moved from %u to %u", vq->last_avail,
                             (uint16_t)(vq->last_avail + n));
        return -1;
    }
    return n;
}

static VirtQueueElement *split_pop(VirtQueue *vq, Pieces *p)
{
    const uint8_t *avail = avail_ring(vq), *desc;
    uint16_t head;

    if (!avail || split_waiting(vq, avail) <= 0) {
        return NULL;
    }
    head = ld16(avail + 4 + 2u * (vq->last_avail & (vq->size - 1u)));
    desc = ring(vq, vq->desc, vq->size * (uint64_t)DESC_BYTES, false);
    if (!desc || !walk_chain(vq, p, desc, vq->size, head, true)) {
        return NULL;
    }
    vq->last_avail++;
    return make_element(p, head, 1);
}

static void split_push(VirtQueue *vq, VirtQueueElement *const *e, const size_t *lens, unsigned n)
{
    uint8_t *used = used_ring(vq);

    if (!used) {
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        uint8_t *slot = used + 4 + 8u * (vq->used_idx & (vq->size - 1u));
        uint32_t id = e[i]->index, len = (uint32_t)lens[i];

        memcpy(slot, &id, 4);
        memcpy(slot + 4, &len, 4);
        vq->used_idx++;
    }
    st16(used + 2, vq->used_idx);
    vq->mem->written(vq->opaque, vq->used, 6 + 8ull * vq->size);
}

/* Whether index @event was passed on the way from @from to @to (2.7.7.2). */
static bool passed(uint16_t event, uint16_t to, uint16_t from)
{
    return (uint16_t)(to - event - 1) < (uint16_t)(to - from);
}

static bool split_should_notify(VirtQueue *vq)
{
    const uint8_t *avail = avail_ring(vq);
    uint16_t old = vq->signalled;
    bool valid = vq->signalled_valid;

    if (!avail) {
        return false;
    }
    if (vq->notify_on_empty && !vq->in_use && ld16(avail + 2) == vq->last_avail) {
        return true;
    }
    if (!vq->event_idx) {
        return !(ld16(avail) & AVAIL_NO_INTERRUPT);
    }
    vq->signalled = vq->used_idx;
    vq->signalled_valid = true;
    return !valid || passed(ld16(avail + 4 + 2u * vq->size), vq->used_idx, old);
}

/* --- Packed rings ---------------------------------------------------------------------------- */

static bool packed_available(const VirtQueue *vq, uint16_t flags)
{
    bool avail = flags & DESC_AVAIL, used = flags & DESC_USED;

    return avail != used && avail == vq->avail_wrap;
}

static bool packed_waiting(VirtQueue *vq, const uint8_t *desc)
{
    const uint8_t *flags = desc + vq->last_avail * (size_t)DESC_BYTES + 14;

    if (!packed_available(vq, ld16(flags)) && vq->event_idx) {
        uint8_t *device = ring(vq, vq->used, 4, true);

        if (!device) {
            return false;
        }
        st16(device, (uint16_t)(vq->last_avail | vq->avail_wrap << 15));
        st16(device + 2, EVENT_DESC);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    return packed_available(vq, ld16(flags));
}

static void packed_advance(const VirtQueue *vq, uint16_t *index, bool *wrap, unsigned n)
{
    unsigned at = *index + n;

    if (at >= vq->size) {
        at -= vq->size;
        *wrap = !*wrap;
    }
    *index = (uint16_t)at;
}

static bool packed_indirect(VirtQueue *vq, Pieces *p, const Desc *d)
{
    unsigned n;
    const uint8_t *table = indirect_table(vq, d, &n);

    for (unsigned i = 0; table && i < n; i++) {
        Desc sub;

        read_desc(table + i * (size_t)DESC_BYTES, &sub, true);
        if (!add_desc(vq, p, &sub)) {
            return false;
        }
    }
    return table != NULL;
}

static VirtQueueElement *packed_pop(VirtQueue *vq, Pieces *p)
{
    const uint8_t *desc = ring(vq, vq->desc, vq->size * (uint64_t)DESC_BYTES, false);
    unsigned n = 0, at;
    Desc d;

    if (!desc || !packed_waiting(vq, desc)) {
        return NULL;
    }
    do {
        if (n == vq->size) {
            virtqueue_set_broken(vq, "chain of more than %u descriptors", vq->size);
            return NULL;
        }
        at = (vq->last_avail + n) % vq->size;
        read_desc(desc + at * (size_t)DESC_BYTES, &d, true);
        if (d.flags & DESC_INDIRECT) {
            if (n || d.flags & DESC_NEXT) {
                virtqueue_set_broken(vq, "indirect descriptor in a chain");
                return NULL;
            }
            if (!packed_indirect(vq, p, &d)) {
                return NULL;
            }
        } else if (!add_desc(vq, p, &d)) {
            return NULL;
        }
        n++;
    } while (d.flags & DESC_NEXT);
    packed_advance(vq, &vq->last_avail, &vq->avail_wrap, n);
    return make_element(p, d.next, (uint16_t)n);
}

/* The first one's flags come last: they show the driver that all of them are there. */
static void packed_push(VirtQueue *vq, VirtQueueElement *const *e, const size_t *lens, unsigned n)
{
    uint8_t *desc = ring(vq, vq->desc, vq->size * (uint64_t)DESC_BYTES, true), *first = NULL;
    uint16_t first_flags = 0;

    if (!desc) {
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        uint8_t *slot = desc + vq->used_idx * (size_t)DESC_BYTES;
        uint32_t len = (uint32_t)lens[i];
        uint16_t id = e[i]->index;
        uint16_t flags = (uint16_t)((vq->used_wrap ? DESC_AVAIL | DESC_USED : 0) |
                                    (len ? DESC_WRITE : 0));

        memcpy(slot + 8, &len, 4);
        memcpy(slot + 12, &id, 2);
        if (i) {
            st16(slot + 14, flags);
        } else {
            first = slot;
            first_flags = flags;
        }
        packed_advance(vq, &vq->used_idx, &vq->used_wrap, e[i]->ndescs);
    }
    st16(first + 14, first_flags);
    vq->mem->written(vq->opaque, vq->desc, vq->size * (uint64_t)DESC_BYTES);
}

static bool packed_should_notify(VirtQueue *vq)
{
    const uint8_t *driver = ring(vq, vq->avail, 4, false);
    uint16_t old = vq->signalled, flags, off_wrap;
    bool valid = vq->signalled_valid;
    int event;

    if (!driver) {
        return false;
    }
    vq->signalled = vq->used_idx;
    vq->signalled_valid = true;
    flags = ld16(driver + 2);
    off_wrap = ld16(driver);
    if (flags != EVENT_DESC || !vq->event_idx) {
        return flags != EVENT_DISABLE;
    }
    event = off_wrap & 0x7fff;
    if ((off_wrap >> 15) != vq->used_wrap) {
        event -= vq->size;
    }
    return !valid || passed((uint16_t)event, vq->used_idx, old);
}

/* --- Both ------------------------------------------------------------------------------------ */

void virtqueue_reset(VirtQueue *vq)
{
    *vq = (VirtQueue){
        .mem = vq->mem, .opaque = vq->opaque, .max_size = vq->max_size, .size = vq->max_size,
        .avail_wrap = true, .used_wrap = true, .vector = VIRTIO_NO_VECTOR,
    };
}

const char *virtqueue_layout_error(const VirtQueue *vq)
{
    if (!vq->size || vq->size > vq->max_size || (!vq->packed && !is_power_of_2(vq->size))) {
        return "the queue cannot have that size";
    }
    return (vq->desc & 15) || (vq->avail & (vq->packed ? 3 : 1)) || (vq->used & 3)
               ? "ring addresses are not aligned" : NULL;
}

void virtqueue_start(VirtQueue *vq)
{
    const char *why = virtqueue_layout_error(vq);

    vq->ready = true;
    if (why) {
        virtqueue_set_broken(vq, "queue of %u: %s", vq->size, why);
    }
}

VirtQueueElement *virtqueue_restore(VirtQueue *vq, uint16_t index, uint16_t ndescs,
                                    const VirtQueueSeg *segs, unsigned nr_segs, unsigned nr_in,
                                    Error **errp)
{
    g_autofree Pieces *p = g_new(Pieces, 1);

    p->out_num = p->in_num = 0;
    p->out_bytes = p->in_bytes = 0;
    for (unsigned i = 0; i < nr_segs; i++) {
        bool write = i >= nr_segs - nr_in;
        uint64_t got = segs[i].len;

        p->gpa[i] = segs[i].gpa;
        p->iov[i].iov_base = vq->mem->map(vq->opaque, segs[i].gpa, &got, write);
        p->iov[i].iov_len = got;
        if (!p->iov[i].iov_base || got < segs[i].len) {
            error_setg(errp, "a buffer of %" PRIu64 " bytes at 0x%" PRIx64 " is not in RAM",
                       segs[i].len, segs[i].gpa);
            return NULL;
        }
        *(write ? &p->in_num : &p->out_num) += 1;
        *(write ? &p->in_bytes : &p->out_bytes) += got;
    }
    return make_element(p, index, ndescs);
}

VirtQueueElement *virtqueue_pop(VirtQueue *vq)
{
    Pieces pieces; /* 24 KiB, not initialised */
    VirtQueueElement *e;

    if (!vq->ready || vq->broken) {
        return NULL;
    }
    if (vq->in_use >= vq->size) {
        virtqueue_set_broken(vq, "more than %u requests at once", vq->size);
        return NULL;
    }
    pieces.out_num = pieces.in_num = 0;
    pieces.out_bytes = pieces.in_bytes = 0;
    e = vq->packed ? packed_pop(vq, &pieces) : split_pop(vq, &pieces);
    vq->in_use += e != NULL;
    return e;
}

bool virtqueue_empty(VirtQueue *vq)
{
    const uint8_t *p;

    if (!vq->ready || vq->broken) {
        return true;
    }
    if (vq->packed) {
        p = ring(vq, vq->desc, vq->size * (uint64_t)DESC_BYTES, false);
        return !p || !packed_waiting(vq, p);
    }
    p = avail_ring(vq);
    return !p || split_waiting(vq, p) <= 0;
}

static void mark_written(VirtQueue *vq, const VirtQueueElement *e, size_t len)
{
    const VirtQueueSeg *in = e->segs + (e->nr_segs - e->nr_in_segs);

    for (unsigned i = 0; i < e->nr_in_segs && len; i++) {
        size_t n = MIN(len, in[i].len);

        vq->mem->written(vq->opaque, in[i].gpa, n);
        len -= n;
    }
    if (e->nr_in_segs) { /* a status byte at the end */
        in += e->nr_in_segs - 1;
        vq->mem->written(vq->opaque, in->gpa + in->len - 1, 1);
    }
}

void virtqueue_push_many(VirtQueue *vq, VirtQueueElement *const *elems, const size_t *lens,
                         unsigned n)
{
    if (n && vq->in_use >= n && vq->ready && !vq->broken) { /* not reset in the meantime */
        vq->in_use -= n;
        for (unsigned i = 0; i < n; i++) {
            mark_written(vq, elems[i], lens[i]);
        }
        if (vq->packed) {
            packed_push(vq, elems, lens, n);
        } else {
            split_push(vq, elems, lens, n);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        g_free(elems[i]);
    }
}

void virtqueue_push(VirtQueue *vq, VirtQueueElement *e, size_t len)
{
    virtqueue_push_many(vq, &e, &len, 1);
}

void virtqueue_unpop(VirtQueue *vq, VirtQueueElement *e)
{
    assert(vq->in_use);
    vq->in_use--;
    if (!vq->packed) {
        vq->last_avail--;
    } else if (vq->last_avail < e->ndescs) {
        vq->last_avail = (uint16_t)(vq->last_avail + vq->size - e->ndescs);
        vq->avail_wrap = !vq->avail_wrap;
    } else {
        vq->last_avail = (uint16_t)(vq->last_avail - e->ndescs);
    }
    g_free(e);
}

bool virtqueue_should_notify(VirtQueue *vq)
{
    if (!vq->ready || vq->broken) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what was pushed, before the driver's wish */
    return vq->packed ? packed_should_notify(vq) : split_should_notify(vq);
}

/* --- Buffers --------------------------------------------------------------------------------- */

static size_t iov_copy(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len,
                       bool to_buf)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        uint8_t *base = iov[i].iov_base;
        size_t part;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        part = MIN(iov[i].iov_len - offset, len - done);
        if (to_buf) {
            memcpy((uint8_t *)buf + done, base + offset, part);
        } else {
            memcpy(base + offset, (uint8_t *)buf + done, part);
        }
        done += part;
        offset = 0;
    }
    return done;
}

size_t iov_to_buf(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len)
{
    return iov_copy(iov, n, offset, buf, len, true);
}

size_t iov_from_buf(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len)
{
    return iov_copy(iov, n, offset, (void *)buf, len, false);
}
