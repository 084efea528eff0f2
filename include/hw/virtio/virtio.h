/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio devices (virtio 1.2) without their transport: features, status, queues, configuration
 * space. A transport (virtio-pci.c) owns one, forwards register accesses and carries interrupts.
 * Registers and configuration: BQL. Queues: BQL, or with an iothread its thread and .lock; see
 * docs/devel/virtio.rst.
 *
 *   guest ── registers ──► transport ──► virtio_*() ──► VirtIODeviceType.handle_queue()
 *   guest ◄─ interrupt ─── transport ◄── virtio_notify()
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "hw/virtio/virtqueue.h"
#include "migration/vmstate.h"

/* Device ids (5) */
enum {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_RNG = 4,
    VIRTIO_ID_BALLOON = 5,
};

/* Device status (2.1) */
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

/* Features of all devices (6) */
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24, /* legacy */
    VIRTIO_F_ANY_LAYOUT = 27,
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_ACCESS_PLATFORM = 33,
    VIRTIO_F_RING_PACKED = 34,
    VIRTIO_F_RING_RESET = 40,
};

#define VIRTIO_MAX_CONFIG_BYTES 256
#define VIRTIO_MAX_QUEUES 64
#define VIRTIO_ISR_QUEUE 1
#define VIRTIO_ISR_CONFIG 2

typedef struct VirtIODevice VirtIODevice;

/* A feature that a boolean property offers. */
typedef struct VirtIOFeature {
    uint8_t bit;
    size_t offset; /* of the bool in the device; ends with bit 0xff */
} VirtIOFeature;

#define VIRTIO_FEATURE_END { .bit = 0xff }

/* How a device reaches its transport. */
typedef struct VirtIOTransport {
    /* Interrupt for @vector (VIRTIO_NO_VECTOR: none assigned); vdev->isr is set already. False: the
     * calling thread cannot, catch_up() has to. */
    bool (*notify)(VirtIODevice *vdev, uint16_t vector);
    /* Whether the device may access memory now. Any thread, as notify() for an iothread. */
    bool (*may_dma)(VirtIODevice *vdev);
    /* BQL: the interrupts that notify() could not send in an iothread. */
    void (*catch_up)(VirtIODevice *vdev);
} VirtIOTransport;

/* The class of a device; `device` comes first. */
typedef struct VirtIODeviceType {
    DeviceType device;
    uint16_t device_id;
    uint64_t features;              /* always offered */
    uint64_t legacy_features;       /* offered by the legacy interface alone */
    const VirtIOFeature *feature_props;
    bool (*realize)(VirtIODevice *vdev, Error **errp);
    void (*unrealize)(VirtIODevice *vdev);
    /* Forget all requests. After the common state. */
    void (*reset)(VirtIODevice *vdev);
    /* The driver is ready (DRIVER_OK was set), or not any more. */
    void (*set_driver_ok)(VirtIODevice *vdev, bool on);
    /* Something was put into queue @n. */
    void (*handle_queue)(VirtIODevice *vdev, unsigned n);
    /* Queue @n is being reset by itself: forget its requests. NULL: nothing to forget. */
    void (*reset_queue)(VirtIODevice *vdev, unsigned n);
    /* Fills @config (config_bytes long) before the driver reads it; takes what it wrote. */
    void (*get_config)(VirtIODevice *vdev, uint8_t *config);
    void (*set_config)(VirtIODevice *vdev, const uint8_t *config);
} VirtIODeviceType;

/* What wakes the thread that works on a queue. */
typedef struct VirtQueueEvent {
    VirtIODevice *vdev;
    unsigned n;
    GSource *source;
    int fd; /* an eventfd that the kernel signals; -1: none */
} VirtQueueEvent;

struct VirtIODevice {
    DeviceState dev;
    const VirtIOTransport *transport;
    void *transport_opaque;
    uint64_t host_features, guest_features;
    uint8_t status, isr, generation;
    bool broken;       /* DEVICE_NEEDS_RESET: nothing is processed */
    bool reset_pending_config;
    uint16_t queue_sel, config_vector;
    uint32_t nr_queues;
    unsigned config_bytes;
    VirtQueue queue[VIRTIO_MAX_QUEUES];
    VirtQueueEvent *events; /* nr_queues; NULL before realize */
    /* With an iothread: the context in which queues are worked on; the lock is for the queues,
     * .broken and .running. Its holder never waits for the BQL. */
    GMainContext *ctx;
    GMutex lock;
    bool running;       /* the VM runs: queues may be worked on */
    bool use_events;    /* notifications go through .events instead of being handled at once */
    GSource *catch_up;  /* main loop: what the iothread had to leave to it */
    unsigned left;      /* atomic: VIRTIO_LEFT_* bits of that */
    /* Properties */
    bool indirect_desc, event_idx, notify_on_empty, any_layout, iommu_platform, packed,
        queue_reset, use_started, use_disabled_flag;
};

extern const ObjectType type_virtio_device; /* abstract "virtio-device" */

static inline VirtIODevice *VIRTIO_DEVICE(DeviceState *dev)
{
    return container_of(dev, VirtIODevice, dev);
}

static inline const VirtIODeviceType *virtio_type(const VirtIODevice *vdev)
{
    return (const VirtIODeviceType *)vdev->dev.object.type;
}

static inline bool virtio_has(const VirtIODevice *vdev, unsigned feature)
{
    return vdev->guest_features >> feature & 1;
}

/* For DeviceType.realize and .unrealize of every virtio device. */
bool virtio_device_realize(DeviceState *dev, Error **errp);
void virtio_device_unrealize(DeviceState *dev);

/* --- For devices ------------------------------------------------------------------------------ */

/* In realize, before queues are enabled: the queues are worked on in @ctx from now on, with
 * virtio_lock() held. */
void virtio_set_context(VirtIODevice *vdev, GMainContext *ctx);
/* Around what touches queues: handle_queue has it already, completions and the BQL's threads take
 * it. Does nothing without an iothread. */
void virtio_lock(VirtIODevice *vdev);
void virtio_unlock(VirtIODevice *vdev);
/* Queue @n is looked at again soon. Any thread. */
void virtio_queue_again(VirtIODevice *vdev, unsigned n);

/* In realize: the next queue, with at most @size entries. */
void virtio_add_queue(VirtIODevice *vdev, uint16_t size);
static inline VirtQueue *virtio_queue(VirtIODevice *vdev, unsigned n)
{
    return &vdev->queue[n];
}
/* Interrupts the driver if it wants to hear of queue @n. */
void virtio_notify(VirtIODevice *vdev, unsigned n);
/* The configuration space changed by itself. */
void virtio_notify_config(VirtIODevice *vdev);
/* The driver broke a rule: nothing more is processed until reset (2.1.1); logged. */
void virtio_error(VirtIODevice *vdev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* --- State (virtio-state.c) ------------------------------------------------------------------- */

/* Of a VirtIODevice inside another structure. After loading no request is under way: a device that
 * saves some raises in_use of their queues. */
extern const VMStateDescription vmstate_virtio;
/* Whether as many requests are under way in split queue @n as its indices say; after the device
 * has counted its own. */
bool virtio_check_in_use(const VirtIODevice *vdev, unsigned n, Error **errp);

/* --- For transports --------------------------------------------------------------------------- */

void virtio_reset(VirtIODevice *vdev);
void virtio_set_status(VirtIODevice *vdev, uint8_t status);
/* Low or high half of the features. */
void virtio_set_features(VirtIODevice *vdev, unsigned half, uint32_t value);
/* The driver enabled queue @n. */
void virtio_queue_enable(VirtIODevice *vdev, unsigned n);
void virtio_queue_reset(VirtIODevice *vdev, unsigned n);
void virtio_queue_notify(VirtIODevice *vdev, unsigned n);
/* Notifications shall come through events, with file descriptors where the kernel is to signal
 * them. After the device is realized. False: no descriptors left; then they do not. */
bool virtio_use_events(VirtIODevice *vdev, bool fds);
/* IoEvent.fire; @opaque: a VirtQueueEvent. */
void virtio_queue_event_fire(void *opaque);
/* Reads past the end give ones; writes there vanish. */
uint32_t virtio_config_read(VirtIODevice *vdev, unsigned offset, unsigned size);
void virtio_config_write(VirtIODevice *vdev, unsigned offset, uint32_t value, unsigned size);

extern const VirtIODeviceType type_virtio_rng_device, type_virtio_blk_device,
    type_virtio_serial_device, type_virtio_balloon_device, type_virtio_net_device;

#endif
