/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all virtio devices share, see virtio.h (virtio 1.2, chapters 2 and 3). BQL but for what
 * touches queues. */
#include "qemu/osdep.h"
#include "hw/virtio/virtio.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"

#include <sys/eventfd.h>

enum { VIRTIO_LEFT_INTERRUPT = 1, VIRTIO_LEFT_BROKEN = 2 };

/* --- Guest memory ---------------------------------------------------------------------------- */

static void *map_guest(void *opaque, uint64_t gpa, uint64_t *len, bool write)
{
    return address_space_map_ram_part(current_machine->memory, gpa, len, write);
}

static void guest_written(void *opaque, uint64_t gpa, uint64_t len)
{
    address_space_mark_written(current_machine->memory, gpa, len);
}

static void queue_broken(void *opaque, const char *why)
{
    virtio_error(opaque, "%s", why);
}

static const VirtQueueMem queue_mem = {
    .map = map_guest, .written = guest_written, .broken = queue_broken,
};

/* --- What an iothread leaves to the main loop ------------------------------------------------ */

void virtio_lock(VirtIODevice *vdev)
{
    if (vdev->ctx) {
        g_mutex_lock(&vdev->lock);
    }
}

void virtio_unlock(VirtIODevice *vdev)
{
    if (vdev->ctx) {
        g_mutex_unlock(&vdev->lock);
    }
}

static bool in_iothread(const VirtIODevice *vdev)
{
    return vdev->ctx && !bql_locked();
}

static void leave(VirtIODevice *vdev, unsigned what)
{
    __atomic_fetch_or(&vdev->left, what, __ATOMIC_SEQ_CST);
    g_source_set_ready_time(vdev->catch_up, 0);
}

static void tell_broken(VirtIODevice *vdev)
{
    if (virtio_has(vdev, VIRTIO_F_VERSION_1)) {
        vdev->status |= VIRTIO_NEEDS_RESET;
        virtio_notify_config(vdev);
    }
}

/* --- Interrupts ------------------------------------------------------------------------------ */

static void set_isr(VirtIODevice *vdev, uint8_t bits)
{
    __atomic_fetch_or(&vdev->isr, bits, __ATOMIC_SEQ_CST);
}

void virtio_notify(VirtIODevice *vdev, unsigned n)
{
    if (virtqueue_should_notify(&vdev->queue[n])) {
        set_isr(vdev, VIRTIO_ISR_QUEUE);
        if (!vdev->transport->notify(vdev, vdev->queue[n].vector)) {
            leave(vdev, VIRTIO_LEFT_INTERRUPT);
        }
    }
}

void virtio_notify_config(VirtIODevice *vdev)
{
    if (vdev->status & VIRTIO_DRIVER_OK) {
        vdev->generation++;
        set_isr(vdev, VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG);
        vdev->transport->notify(vdev, vdev->config_vector);
    }
}

void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
{
    g_autofree char *why = NULL;
    va_list ap;

    va_start(ap, fmt);
    why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    guest_error("%s: %s\n", vdev->dev.object.type->name, why);
    if (vdev->broken) {
        return;
    }
    vdev->broken = true;
    if (in_iothread(vdev)) {
        leave(vdev, VIRTIO_LEFT_BROKEN);
    } else {
        tell_broken(vdev);
    }
}

/* --- Queues ---------------------------------------------------------------------------------- */

void virtio_add_queue(VirtIODevice *vdev, uint16_t size)
{
    assert(vdev->nr_queues < VIRTIO_MAX_QUEUES && size <= VIRTQUEUE_MAX_SIZE);
    vdev->queue[vdev->nr_queues++].max_size = size;
}

void virtio_queue_enable(VirtIODevice *vdev, unsigned n)
{
    VirtQueue *vq = &vdev->queue[n];

    virtio_lock(vdev);
    vq->packed = virtio_has(vdev, VIRTIO_F_RING_PACKED);
    vq->event_idx = virtio_has(vdev, VIRTIO_F_EVENT_IDX);
    vq->indirect = virtio_has(vdev, VIRTIO_F_INDIRECT_DESC);
    vq->notify_on_empty = virtio_has(vdev, VIRTIO_F_NOTIFY_ON_EMPTY);
    virtqueue_start(vq);
    virtio_unlock(vdev);
}

void virtio_queue_reset(VirtIODevice *vdev, unsigned n)
{
    const VirtIODeviceType *type = virtio_type(vdev);

    if (type->reset_queue) {
        if (vdev->ctx) { /* nothing is taken from it any more */
            virtio_lock(vdev);
            vdev->queue[n].ready = false;
            virtio_unlock(vdev);
        }
        type->reset_queue(vdev, n);
    }
    virtio_lock(vdev);
    virtqueue_reset(&vdev->queue[n]);
    virtio_unlock(vdev);
}

static void work_on_queue(VirtIODevice *vdev, unsigned n)
{
    virtio_lock(vdev);
    if (vdev->running && vdev->queue[n].ready && !vdev->broken &&
        vdev->transport->may_dma(vdev)) {
        virtio_type(vdev)->handle_queue(vdev, n);
    }
    virtio_unlock(vdev);
}

void virtio_queue_notify(VirtIODevice *vdev, unsigned n)
{
    if (n >= vdev->nr_queues) {
        return;
    }
    if (vdev->use_events || vdev->ctx) {
        virtio_queue_again(vdev, n);
    } else {
        work_on_queue(vdev, n);
    }
}

/* --- Events ---------------------------------------------------------------------------------- */

typedef struct EventSource {
    GSource source;
    VirtQueueEvent *ev;
} EventSource;

static gboolean event_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    VirtQueueEvent *ev = ((EventSource *)source)->ev;
    uint64_t count;

    g_source_set_ready_time(source, -1); /* before the look: what comes later fires again */
    if (ev->fd >= 0 && read(ev->fd, &count, sizeof(count)) < 0) {
        count = 0; /* fired by ourselves */
    }
    work_on_queue(ev->vdev, ev->n);
    return G_SOURCE_CONTINUE;
}

void virtio_queue_event_fire(void *opaque)
{
    g_source_set_ready_time(((VirtQueueEvent *)opaque)->source, 0);
}

void virtio_queue_again(VirtIODevice *vdev, unsigned n)
{
    virtio_queue_event_fire(&vdev->events[n]);
}

static gboolean catch_up_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    VirtIODevice *vdev = (VirtIODevice *)((EventSource *)source)->ev;
    unsigned left;

    g_source_set_ready_time(source, -1);
    left = __atomic_exchange_n(&vdev->left, 0, __ATOMIC_SEQ_CST);
    if (left & VIRTIO_LEFT_INTERRUPT) {
        vdev->transport->catch_up(vdev);
    }
    if (left & VIRTIO_LEFT_BROKEN && vdev->broken) {
        tell_broken(vdev);
    }
    return G_SOURCE_CONTINUE;
}

static const GSourceFuncs event_funcs = { .dispatch = event_dispatch };
static const GSourceFuncs catch_up_funcs = { .dispatch = catch_up_dispatch };

static GSource *new_source(const GSourceFuncs *funcs, void *opaque, GMainContext *ctx)
{
    GSource *source = g_source_new((GSourceFuncs *)funcs, sizeof(EventSource));

    ((EventSource *)source)->ev = opaque;
    g_source_attach(source, ctx);
    return source;
}

static void add_events(VirtIODevice *vdev)
{
    vdev->events = g_new0(VirtQueueEvent, vdev->nr_queues);
    for (unsigned n = 0; n < vdev->nr_queues; n++) {
        VirtQueueEvent *ev = &vdev->events[n];

        *ev = (VirtQueueEvent){ .vdev = vdev, .n = n, .fd = -1 };
        ev->source = new_source(&event_funcs, ev, vdev->ctx);
    }
}

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

/* With an iothread the caller makes sure afterwards that none of them runs any more. */
static void drop_events(VirtIODevice *vdev)
{
    for (unsigned n = 0; vdev->events && n < vdev->nr_queues; n++) {
        drop_source(&vdev->events[n].source);
    }
    drop_source(&vdev->catch_up);
}

static void free_events(VirtIODevice *vdev)
{
    for (unsigned n = 0; vdev->events && n < vdev->nr_queues; n++) {
        if (vdev->events[n].fd >= 0) {
            close(vdev->events[n].fd);
        }
    }
    g_clear_pointer(&vdev->events, g_free);
}

bool virtio_use_events(VirtIODevice *vdev, bool fds)
{
    for (unsigned n = 0; fds && n < vdev->nr_queues; n++) {
        VirtQueueEvent *ev = &vdev->events[n];

        ev->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (ev->fd < 0) {
            return false;
        }
        g_source_add_unix_fd(ev->source, ev->fd, G_IO_IN);
    }
    vdev->use_events = true;
    return true;
}

void virtio_set_context(VirtIODevice *vdev, GMainContext *ctx)
{
    vdev->ctx = ctx;
}

/* While the VM is stopped nothing is taken from queues; what was notified then is seen later. */
static void run_state_changed(void *opaque, bool running)
{
    VirtIODevice *vdev = opaque;

    virtio_lock(vdev);
    vdev->running = running;
    virtio_unlock(vdev);
    for (unsigned n = 0; running && vdev->use_events && n < vdev->nr_queues; n++) {
        virtio_queue_again(vdev, n);
    }
}

/* --- Status, features ------------------------------------------------------------------------ */

void virtio_reset(VirtIODevice *vdev)
{
    const VirtIODeviceType *type = virtio_type(vdev);

    if (type->set_driver_ok && vdev->status & VIRTIO_DRIVER_OK) {
        type->set_driver_ok(vdev, false);
    }
    vdev->guest_features = 0;
    vdev->status = vdev->generation = 0;
    __atomic_store_n(&vdev->isr, 0, __ATOMIC_SEQ_CST);
    vdev->queue_sel = 0;
    vdev->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned n = 0; n < vdev->nr_queues; n++) {
        virtio_queue_reset(vdev, n);
    }
    vdev->broken = false;
    if (type->reset) {
        type->reset(vdev);
    }
}

/* What a driver must not combine or leave out: it sees FEATURES_OK stay clear (3.1.1). */
static bool features_acceptable(const VirtIODevice *vdev)
{
    return virtio_has(vdev, VIRTIO_F_VERSION_1) &&
           (!(vdev->host_features >> VIRTIO_F_ACCESS_PLATFORM & 1) ||
            virtio_has(vdev, VIRTIO_F_ACCESS_PLATFORM));
}

void virtio_set_status(VirtIODevice *vdev, uint8_t status)
{
    const VirtIODeviceType *type = virtio_type(vdev);
    uint8_t old = vdev->status;
    bool ok;

    if (!status) {
        virtio_reset(vdev);
        return;
    }
    if ((status & ~old) & VIRTIO_FEATURES_OK && !features_acceptable(vdev)) {
        status &= (uint8_t)~VIRTIO_FEATURES_OK;
    }
    vdev->status = (uint8_t)((status & ~VIRTIO_NEEDS_RESET) | (old & VIRTIO_NEEDS_RESET));
    ok = vdev->status & VIRTIO_DRIVER_OK;
    if (ok != !!(old & VIRTIO_DRIVER_OK) && type->set_driver_ok) {
        type->set_driver_ok(vdev, ok);
    }
}

void virtio_set_features(VirtIODevice *vdev, unsigned half, uint32_t value)
{
    uint64_t features;

    if (half > 1 || vdev->status & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK)) {
        return; /* 2.2.1: settled */
    }
    features = deposit64(vdev->guest_features, half * 32, 32, value);
    vdev->guest_features = features & vdev->host_features;
}

/* --- Configuration space --------------------------------------------------------------------- */

uint32_t virtio_config_read(VirtIODevice *vdev, unsigned offset, unsigned size)
{
    uint8_t config[VIRTIO_MAX_CONFIG_BYTES] = { 0 };
    uint32_t value = 0;

    if (offset >= vdev->config_bytes || size > vdev->config_bytes - offset) {
        return UINT32_MAX;
    }
    virtio_type(vdev)->get_config(vdev, config);
    memcpy(&value, config + offset, size);
    return value;
}

void virtio_config_write(VirtIODevice *vdev, unsigned offset, uint32_t value, unsigned size)
{
    const VirtIODeviceType *type = virtio_type(vdev);
    uint8_t config[VIRTIO_MAX_CONFIG_BYTES] = { 0 };

    if (offset >= vdev->config_bytes || size > vdev->config_bytes - offset || !type->set_config) {
        return;
    }
    type->get_config(vdev, config);
    memcpy(config + offset, &value, size);
    type->set_config(vdev, config);
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static const VirtIOFeature common_features[] = {
    { VIRTIO_F_INDIRECT_DESC, offsetof(VirtIODevice, indirect_desc) },
    { VIRTIO_F_EVENT_IDX, offsetof(VirtIODevice, event_idx) },
    { VIRTIO_F_NOTIFY_ON_EMPTY, offsetof(VirtIODevice, notify_on_empty) },
    { VIRTIO_F_ANY_LAYOUT, offsetof(VirtIODevice, any_layout) },
    { VIRTIO_F_ACCESS_PLATFORM, offsetof(VirtIODevice, iommu_platform) },
    { VIRTIO_F_RING_PACKED, offsetof(VirtIODevice, packed) },
    { VIRTIO_F_RING_RESET, offsetof(VirtIODevice, queue_reset) },
    VIRTIO_FEATURE_END,
};

static void offer(VirtIODevice *vdev, const VirtIOFeature *f)
{
    for (; f && f->bit != 0xff; f++) {
        if (*(const bool *)((const char *)vdev + f->offset)) {
            vdev->host_features |= 1ull << f->bit;
        }
    }
}

bool virtio_device_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    const VirtIODeviceType *type = virtio_type(vdev);

    if (!vdev->transport) {
        error_setg(errp, "%s needs a transport", dev->object.type->name);
        return false;
    }
    if (!type->realize(vdev, errp)) {
        return false;
    }
    vdev->host_features |= type->features;
    offer(vdev, common_features);
    offer(vdev, type->feature_props);
    add_events(vdev);
    vdev->catch_up = new_source(&catch_up_funcs, vdev, NULL);
    g_mutex_init(&vdev->lock);
    vdev->running = true;
    vm_add_run_handler(run_state_changed, vdev);
    for (unsigned n = 0; n < vdev->nr_queues; n++) {
        vdev->queue[n].mem = &queue_mem;
        vdev->queue[n].opaque = vdev;
    }
    virtio_reset(vdev);
    return true;
}

void virtio_device_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);

    vm_remove_run_handler(run_state_changed, vdev);
    virtio_reset(vdev);
    drop_events(vdev);
    if (virtio_type(vdev)->unrealize) {
        virtio_type(vdev)->unrealize(vdev);
    }
    free_events(vdev);
    g_mutex_clear(&vdev->lock);
}

#define FEATURE_PROP(_field, _name, _default)                                                   \
    DEFINE_PROP(PROP_BOOL, VirtIODevice, _field, _name, .default_val = _default,                \
                .description = "on/off")

static const Property virtio_device_props[] = {
    FEATURE_PROP(indirect_desc, "indirect_desc", true),
    FEATURE_PROP(event_idx, "event_idx", true),
    FEATURE_PROP(notify_on_empty, "notify_on_empty", true),
    FEATURE_PROP(any_layout, "any_layout", true),
    FEATURE_PROP(iommu_platform, "iommu_platform", false),
    FEATURE_PROP(packed, "packed", false),
    FEATURE_PROP(queue_reset, "queue_reset", true),
    DEFINE_PROP(PROP_BOOL, VirtIODevice, use_started, "use-started", .default_val = true),
    DEFINE_PROP(PROP_BOOL, VirtIODevice, use_disabled_flag, "use-disabled-flag",
                .default_val = true),
    DEFINE_PROP_END,
};

const ObjectType type_virtio_device = {
    .name = "virtio-device",
    .parent = &type_device,
    .instance_size = sizeof(VirtIODevice),
    .abstract = true,
    .props = virtio_device_props,
};
