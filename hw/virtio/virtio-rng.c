/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entropy device (virtio 1.2, 5.4): every buffer in the queue is filled with random bytes. At most
 * max-bytes in each period. BQL.
 */
#include "qemu/osdep.h"
#include "backends/rng.h"
#include "hw/virtio/virtio-pci.h"
#include "qemu/timer.h"

#define QUEUE_SIZE 8
#define MAX_PIECE_BYTES (64 * KiB) /* of one request at a time */

typedef struct VirtIORNG {
    VirtIODevice vdev;
    uint64_t max_bytes;
    uint32_t period_ms;
    RngBackend *rng;  /* borrowed; NULL: a built-in one */
    uint64_t quota;   /* bytes left in this period */
    QEMUTimer *timer;
} VirtIORNG;

static VirtIORNG *rng_of(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIORNG, vdev);
}

/* Fills a request as far as the quota and the source go; 0: nothing now. */
static size_t fill(VirtIORNG *s, const VirtQueueElement *e)
{
    size_t done = 0;

    for (unsigned i = 0; i < e->in_num && s->quota; i++) {
        size_t want = MIN(MIN(e->in_sg[i].iov_len, s->quota), MAX_PIECE_BYTES - done);
        size_t got = rng_backend_read(s->rng, e->in_sg[i].iov_base, want);

        done += got;
        s->quota -= got;
        if (got < e->in_sg[i].iov_len) {
            break;
        }
    }
    return done;
}

static void rng_handle_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIORNG *s = rng_of(vdev);
    VirtQueue *vq = virtio_queue(vdev, 0);
    VirtQueueElement *e;

    while (s->quota && (e = virtqueue_pop(vq)) != NULL) {
        size_t done = fill(s, e);

        if (!done && e->in_bytes) {
            virtqueue_unpop(vq, e); /* the source is dry: try again next period */
            break;
        }
        virtqueue_push(vq, e, done);
        virtio_notify(vdev, 0);
    }
    if (!virtqueue_empty(vq) && !timer_pending(s->timer)) {
        timer_mod_ns(s->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                   s->period_ms * SCALE_MS);
    }
}

static void rng_period(void *opaque)
{
    VirtIORNG *s = opaque;

    s->quota = s->max_bytes;
    virtio_queue_notify(&s->vdev, 0);
}

/* The quota starts anew when nothing waited for it. */
static void rng_notified(VirtIODevice *vdev, unsigned n)
{
    VirtIORNG *s = rng_of(vdev);

    if (!timer_pending(s->timer) && s->quota < s->max_bytes) {
        timer_mod_ns(s->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                   s->period_ms * SCALE_MS);
    }
    rng_handle_queue(vdev, n);
}

static void rng_get_config(VirtIODevice *vdev, uint8_t *config)
{
}

static void rng_reset(VirtIODevice *vdev)
{
    VirtIORNG *s = rng_of(vdev);

    timer_del(s->timer);
    s->quota = s->max_bytes;
}

static bool rng_realize(VirtIODevice *vdev, Error **errp)
{
    VirtIORNG *s = rng_of(vdev);

    if (!s->period_ms) {
        error_setg(errp, "'period' parameter expects a positive integer");
        return false;
    }
    if (s->max_bytes > INT64_MAX) {
        error_setg(errp, "'max-bytes' parameter must be non-negative, and less than 2^63");
        return false;
    }
    virtio_add_queue(vdev, QUEUE_SIZE);
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, rng_period, s);
    return true;
}

static void rng_unrealize(VirtIODevice *vdev)
{
    timer_free(rng_of(vdev)->timer);
}

static bool set_rng(Object *obj, const Property *prop, const char *value, Error **errp)
{
    RngBackend *rng = rng_backend_use(value);

    if (!rng) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", value);
        return false;
    }
    ((VirtIORNG *)obj)->rng = rng;
    return true;
}

static char *get_rng(const Object *obj, const Property *prop)
{
    const VirtIORNG *s = (const VirtIORNG *)obj;

    return s->rng ? object_get_path((const Object *)s->rng) : g_strdup("");
}

static const PropertyOps rng_ops = {
    .type_name = "link<rng-backend>", .set = set_rng, .get = get_rng,
};

static const Property rng_props[] = {
    DEFINE_PROP(PROP_UINT64, VirtIORNG, max_bytes, "max-bytes", .default_val = INT64_MAX),
    DEFINE_PROP(PROP_UINT32, VirtIORNG, period_ms, "period", .default_val = 1 << 16),
    { .name = "rng", .kind = PROP_CUSTOM, .ops = &rng_ops },
    DEFINE_PROP_END,
};

static bool rng_post_load(void *opaque, uint32_t version, Error **errp)
{
    const VirtIORNG *s = opaque;

    if (s->quota > s->max_bytes) {
        error_setg(errp, "virtio-rng/quota: %" PRIu64 " is more than max-bytes=%" PRIu64, s->quota,
                   s->max_bytes);
        return false;
    }
    return true;
}

static const VMStateField rng_fields[] = {
    VMSTATE_STRUCT(VirtIORNG, vdev, &vmstate_virtio),
    VMSTATE_UINT(VirtIORNG, quota),
    VMSTATE_TIMER(VirtIORNG, timer),
    VMSTATE_END,
};
static const VMStateDescription vmstate_rng = {
    "virtio-rng", .version = 1, .fields = rng_fields, .post_load = rng_post_load,
};

const VirtIODeviceType type_virtio_rng_device = {
    .device = {
        .object = {
            .name = "virtio-rng-device",
            .parent = &type_virtio_device,
            .instance_size = sizeof(VirtIORNG),
            .props = rng_props,
        },
        .bus = "virtio-bus",
        .migration = MIGRATION_VMSD(&vmstate_rng),
        .realize = virtio_device_realize,
        .unrealize = virtio_device_unrealize,
    },
    .device_id = VIRTIO_ID_RNG,
    .realize = rng_realize,
    .unrealize = rng_unrealize,
    .reset = rng_reset,
    .handle_queue = rng_notified,
    .get_config = rng_get_config,
};
