/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues (virtio 1.2, 2.7 split and 2.8 packed): the only code that reads rings.
 * It trusts nothing there: each field is read once and checked; a ring that breaks a rule marks the
 * queue broken, and nothing is taken from it until it is reset. A queue belongs to one thread at a
 * time; devices use theirs under the BQL.
 */
#ifndef HW_VIRTIO_VIRTQUEUE_H
#define HW_VIRTIO_VIRTQUEUE_H

#include "qemu/osdep.h"
#include "qemu/error.h"

#include <sys/uio.h>

#define VIRTQUEUE_MAX_SIZE 1024     /* entries of a ring, and pieces of a request */
#define VIRTIO_NO_VECTOR 0xffff

/* Guest memory as a queue reaches it. */
typedef struct VirtQueueMem {
    /* Host address of @gpa and, in *len, how much of the *len bytes asked for is contiguous there.
     * NULL: not RAM, or ROM when @write. */
    void *(*map)(void *opaque, uint64_t gpa, uint64_t *len, bool write);
    /* @len bytes at @gpa were written through map(). */
    void (*written)(void *opaque, uint64_t gpa, uint64_t len);
    /* The ring breaks the rules; @why for the log. Called once. */
    void (*broken)(void *opaque, const char *why);
} VirtQueueMem;

typedef struct VirtQueue {
    const VirtQueueMem *mem;
    void *opaque;
    uint16_t max_size;  /* 0: there is no such queue */
    uint16_t size;      /* as the driver chose */
    uint64_t desc, avail, used; /* addresses; packed: ring, driver area, device area */
    bool ready, broken;
    bool packed, event_idx, indirect, notify_on_empty;
    uint16_t last_avail, used_idx, signalled;
    bool avail_wrap, used_wrap; /* packed: wrap counters */
    bool signalled_valid;
    unsigned in_use;    /* requests taken and not given back */
    uint16_t vector;    /* for the transport */
} VirtQueue;

/* One buffer of a request, as it was when the request was taken. */
typedef struct VirtQueueSeg {
    uint64_t gpa;
    uint64_t len;
} VirtQueueSeg;

/* A request: buffers for the device to read (out) and to write (in). Freed with g_free(). */
typedef struct VirtQueueElement {
    uint16_t index;  /* packed: buffer id */
    uint16_t ndescs; /* ring entries it takes */
    unsigned out_num, in_num;
    size_t out_bytes, in_bytes;
    struct iovec *out_sg, *in_sg;
    uint64_t *in_gpa; /* of each in_sg */
    unsigned nr_segs, nr_in_segs;
    const VirtQueueSeg *segs; /* out, then in; devices that cut out_sg and in_sg leave them alone */
} VirtQueueElement;

/* To the state after reset; keeps mem, opaque and max_size. */
void virtqueue_reset(VirtQueue *vq);
/* The driver enabled the queue: checks its size. Marks it broken when that is wrong. */
void virtqueue_start(VirtQueue *vq);

/* The next request, NULL when there is none (then the driver is asked to notify) or the queue is
 * broken or not ready. */
VirtQueueElement *virtqueue_pop(VirtQueue *vq);
bool virtqueue_empty(VirtQueue *vq);
/* Gives @elem back with @len bytes written to its in buffers, and frees it. Does not notify. */
void virtqueue_push(VirtQueue *vq, VirtQueueElement *elem, size_t len);
/* The same for @n requests that belong together: the driver sees all of them at once. */
void virtqueue_push_many(VirtQueue *vq, VirtQueueElement *const *elems, const size_t *lens,
                         unsigned n);
/* Takes the last pop back: the request comes again. Frees @elem. */
void virtqueue_unpop(VirtQueue *vq, VirtQueueElement *elem);
/* A request that was under way on the source of a migration, of @nr_segs buffers, the last @nr_in
 * for the device to write. NULL, with an error, where a buffer is not in RAM. */
VirtQueueElement *virtqueue_restore(VirtQueue *vq, uint16_t index, uint16_t ndescs,
                                    const VirtQueueSeg *segs, unsigned nr_segs, unsigned nr_in,
                                    Error **errp);
/* Why the driver's choice of size and addresses cannot work; NULL: it can. */
const char *virtqueue_layout_error(const VirtQueue *vq);
/* Whether the driver wants to hear of what was pushed since the last time this said so. */
bool virtqueue_should_notify(VirtQueue *vq);
void virtqueue_set_broken(VirtQueue *vq, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Copies between @buf and the buffers of a request from @offset on; returns bytes copied. */
size_t iov_to_buf(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned n, size_t offset, const void *buf,
                    size_t len);

#endif
