/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all virtio devices save in a migration: features, status, queues. BQL. */
#include "qemu/osdep.h"
#include "hw/virtio/virtio.h"

static bool check_queue(const VirtQueue *vq, unsigned n, Error **errp)
{
    const char *why = vq->ready && !vq->broken ? virtqueue_layout_error(vq) : NULL;

    if (why) {
        error_setg(errp, "virtio/queue[%u]: size %u: %s", n, vq->size, why);
        return false;
    }
    if (vq->packed && vq->ready && !vq->broken &&
        (vq->last_avail >= vq->size || vq->used_idx >= vq->size)) {
        error_setg(errp, "virtio/queue[%u]: indices %u and %u of a ring of %u", n, vq->last_avail,
                   vq->used_idx, vq->size);
        return false;
    }
    return true;
}

bool virtio_check_in_use(const VirtIODevice *vdev, unsigned n, Error **errp)
{
    const VirtQueue *vq = &vdev->queue[n];
    uint16_t under_way = (uint16_t)(vq->last_avail - vq->used_idx);

    if (!vq->packed && vq->ready && !vq->broken && under_way != vq->in_use) {
        error_setg(errp, "virtio/queue[%u]: %u requests are under way, %u are in the stream", n,
                   under_way, vq->in_use);
        return false;
    }
    return true;
}

static bool virtio_post_load(void *opaque, uint32_t version, Error **errp)
{
    VirtIODevice *vdev = opaque;

    if (vdev->guest_features & ~vdev->host_features) {
        error_setg(errp, "virtio/guest_features: 0x%" PRIx64 " unsupported. Allowed features: 0x%"
                   PRIx64, vdev->guest_features, vdev->host_features);
        return false;
    }
    for (unsigned n = 0; n < vdev->nr_queues; n++) {
        VirtQueue *vq = &vdev->queue[n];

        vq->packed = vq->ready && virtio_has(vdev, VIRTIO_F_RING_PACKED);
        vq->event_idx = vq->ready && virtio_has(vdev, VIRTIO_F_EVENT_IDX);
        vq->indirect = vq->ready && virtio_has(vdev, VIRTIO_F_INDIRECT_DESC);
        vq->notify_on_empty = vq->ready && virtio_has(vdev, VIRTIO_F_NOTIFY_ON_EMPTY);
        vq->in_use = 0;
        if (!check_queue(vq, n, errp)) {
            return false;
        }
    }
    return true;
}

static const VMStateField queue_fields[] = {
    VMSTATE_UINT(VirtQueue, size),
    VMSTATE_UINT(VirtQueue, desc),
    VMSTATE_UINT(VirtQueue, avail),
    VMSTATE_UINT(VirtQueue, used),
    VMSTATE_BOOL(VirtQueue, ready),
    VMSTATE_BOOL(VirtQueue, broken),
    VMSTATE_UINT(VirtQueue, last_avail),
    VMSTATE_UINT(VirtQueue, used_idx),
    VMSTATE_UINT(VirtQueue, signalled),
    VMSTATE_BOOL(VirtQueue, signalled_valid),
    VMSTATE_BOOL(VirtQueue, avail_wrap),
    VMSTATE_BOOL(VirtQueue, used_wrap),
    VMSTATE_UINT(VirtQueue, vector),
    VMSTATE_END,
};
static const VMStateDescription vmstate_queue = { "queue", .version = 1, .fields = queue_fields };

static const VMStateField virtio_fields[] = {
    VMSTATE_UINT(VirtIODevice, guest_features),
    VMSTATE_UINT(VirtIODevice, status),
    VMSTATE_UINT(VirtIODevice, isr),
    VMSTATE_UINT(VirtIODevice, generation),
    VMSTATE_BOOL(VirtIODevice, broken),
    VMSTATE_UINT(VirtIODevice, queue_sel),
    VMSTATE_UINT(VirtIODevice, config_vector),
    VMSTATE_STRUCT_VARRAY(VirtIODevice, queue, nr_queues, &vmstate_queue),
    VMSTATE_END,
};
const VMStateDescription vmstate_virtio = {
    "virtio", .version = 1, .fields = virtio_fields, .post_load = virtio_post_load,
};
