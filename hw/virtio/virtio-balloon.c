/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory balloon (virtio 1.2, 5.5): the guest gives pages away (inflate) and takes them back
 * (deflate), tells statistics when asked, and reports pages that it does not use. What it gives
 * away goes back to the host; page numbers outside RAM are ignored. BQL.
 *
 *   monitor: balloon N ──► num_pages ──► guest ──► inflate queue ──► address_space_discard()
 *                                          └────► actual ──► BALLOON_CHANGE
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio-balloon.h"
#include "hw/virtio/virtio-pci.h"
#include "qemu/cutils.h"
#include "qapi/qapi-events.h"
#include "qemu/timer.h"

enum {
    F_STATS_VQ = 1,
    F_DEFLATE_ON_OOM = 2,
    F_FREE_PAGE_HINT = 3,
    F_PAGE_POISON = 4,
    F_REPORTING = 5,

    QUEUE_SIZE = 128,
    REPORTING_QUEUE_SIZE = 32,

    CONFIG_BYTES = 8, /* num_pages, actual */
    CONFIG_BYTES_HINT = 12,
    CONFIG_BYTES_POISON = 16,

    PAGE_BITS = 12,
    STAT_BYTES = 10, /* tag, value */
};

enum { INFLATE, DEFLATE, STATS, NR_FIXED_QUEUES };

/* PFNs of a request beyond this are not read: drivers send a page of them at most. */
#define MAX_PFNS 16384u
/* Clients hear of changes at most this often. */
#define EVENT_PERIOD_NS (1000 * SCALE_MS)

static const char *const stat_names[] = {
    "stat-swap-in", "stat-swap-out", "stat-major-faults", "stat-minor-faults",
    "stat-free-memory", "stat-total-memory", "stat-available-memory", "stat-disk-caches",
    "stat-htlb-pgalloc", "stat-htlb-pgfail", "stat-oom-kills", "stat-alloc-stalls",
    "stat-async-scans", "stat-direct-scans", "stat-async-reclaims", "stat-direct-reclaims",
};

typedef struct VirtIOBalloon {
    VirtIODevice vdev;
    uint32_t num_pages, actual, poison;
    unsigned reporting_queue; /* 0: none */
    VirtQueueElement *stats_request; /* the guest's buffer, until new statistics are wanted */
    uint64_t stats[ARRAY_SIZE(stat_names)];
    int64_t stats_time_s; /* of the last ones; 0: never */
    int64_t poll_s;       /* 0: not asked */
    QEMUTimer *poll_timer;
    QEMUTimer *event_timer; /* armed: a change was told less than a period ago */
    bool event_due;
    /* Properties */
    bool deflate_on_oom, free_page_hint, page_poison, free_page_reporting, old_config_size;
} VirtIOBalloon;

static VirtIOBalloon *balloon_of(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIOBalloon, vdev);
}

static uint64_t actual_bytes(const VirtIOBalloon *s)
{
    uint64_t ram = current_machine->ram_size_bytes;

    return ram - MIN(ram, (uint64_t)s->actual << PAGE_BITS);
}

/* --- Inflate, deflate, report ---------------------------------------------------------------- */

/* Neighbouring pages, whichever way they are listed, go in one call. */
typedef struct PageRun {
    uint64_t first, count;
} PageRun;

static void discard_run(const PageRun *run)
{
    address_space_discard(current_machine->memory, run->first << PAGE_BITS,
                          run->count << PAGE_BITS);
}

static void add_page(PageRun *run, uint64_t pfn)
{
    if (run->count && pfn == run->first + run->count) {
        run->count++;
    } else if (run->count && pfn + 1 == run->first) {
        run->first--;
        run->count++;
    } else {
        discard_run(run);
        *run = (PageRun){ .first = pfn, .count = 1 };
    }
}

static void inflate(const VirtQueueElement *e)
{
    size_t bytes = MIN(e->out_bytes, MAX_PFNS * sizeof(uint32_t));
    g_autofree uint32_t *pfns = g_malloc(MAX(bytes, sizeof(uint32_t)));
    PageRun run = { 0 };

    bytes = iov_to_buf(e->out_sg, e->out_num, 0, pfns, bytes);
    for (size_t i = 0; i < bytes / sizeof(*pfns); i++) {
        add_page(&run, pfns[i]);
    }
    discard_run(&run);
}

static void handle_pages(VirtIODevice *vdev, unsigned n)
{
    VirtQueue *vq = virtio_queue(vdev, n);
    VirtQueueElement *e;

    while ((e = virtqueue_pop(vq)) != NULL) {
        if (n == INFLATE) { /* pages that come back are there at the first access */
            inflate(e);
        }
        virtqueue_push(vq, e, 0);
        virtio_notify(vdev, n);
    }
}

/* The buffers are the free pages. With page poisoning the guest expects its pattern in them. */
static void handle_report(VirtIODevice *vdev, unsigned n)
{
    VirtIOBalloon *s = balloon_of(vdev);
    VirtQueue *vq = virtio_queue(vdev, n);
    VirtQueueElement *e;

    while ((e = virtqueue_pop(vq)) != NULL) {
        for (unsigned i = 0; i < e->in_num && !s->poison; i++) {
            address_space_discard(current_machine->memory, e->in_gpa[i], e->in_sg[i].iov_len);
        }
        virtqueue_push(vq, e, 0);
        virtio_notify(vdev, n);
    }
}

/* --- Statistics (5.5.6.3) -------------------------------------------------------------------- */

static void forget_stats(VirtIOBalloon *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(stat_names); i++) {
        s->stats[i] = UINT64_MAX;
    }
}

static void arm_poll(VirtIOBalloon *s)
{
    if (s->poll_s) {
        timer_mod_ns(s->poll_timer,
                     qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + s->poll_s * 1000 * SCALE_MS);
    }
}

/* Giving the buffer back asks for the next statistics. */
static void return_stats_buffer(VirtIOBalloon *s)
{
    VirtQueueElement *e = g_steal_pointer(&s->stats_request);

    if (e) {
        virtqueue_push(virtio_queue(&s->vdev, STATS), e, 0);
        virtio_notify(&s->vdev, STATS);
    }
}

static void take_stats(VirtIOBalloon *s, const VirtQueueElement *e)
{
    uint8_t stat[STAT_BYTES];
    uint16_t tag;

    forget_stats(s);
    /* More than one of each kind says nothing new. */
    for (size_t i = 0; i < 2 * ARRAY_SIZE(stat_names) &&
                       iov_to_buf(e->out_sg, e->out_num, i * STAT_BYTES, stat, STAT_BYTES) ==
                           STAT_BYTES; i++) {
        memcpy(&tag, stat, sizeof(tag));
        if (tag < ARRAY_SIZE(stat_names)) {
            memcpy(&s->stats[tag], stat + sizeof(tag), sizeof(s->stats[tag]));
        }
    }
    s->stats_time_s = g_get_real_time() / G_USEC_PER_SEC;
}

static void handle_stats(VirtIODevice *vdev)
{
    VirtIOBalloon *s = balloon_of(vdev);
    VirtQueueElement *e;

    /* There should be one only; the last look at the empty queue asks to be told of the next. */
    while ((e = virtqueue_pop(virtio_queue(vdev, STATS))) != NULL) {
        return_stats_buffer(s);
        s->stats_request = e;
        take_stats(s, e);
        arm_poll(s);
    }
}

static void poll_stats(void *opaque)
{
    VirtIOBalloon *s = opaque;

    if (!s->stats_request && !s->vdev.broken) {
        handle_stats(&s->vdev); /* a buffer that was put back for a migration */
    }
    if (s->stats_request && virtio_has(&s->vdev, F_STATS_VQ) && !s->vdev.broken) {
        return_stats_buffer(s); /* handle_stats() continues */
    } else {
        arm_poll(s);
    }
}

static bool set_poll_interval(VirtIOBalloon *s, int64_t seconds, Error **errp)
{
    if (seconds < 0) {
        error_setg(errp, "timer value must be greater than zero");
        return false;
    }
    if (seconds > UINT32_MAX) {
        error_setg(errp, "timer value is too big");
        return false;
    }
    if (seconds != s->poll_s) {
        s->poll_s = seconds;
        timer_del(s->poll_timer);
        if (seconds) { /* the first ones now */
            timer_mod_ns(s->poll_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
        }
    }
    return true;
}

static json_object *stats_json(const VirtIOBalloon *s)
{
    json_object *all = json_object_new_object(), *stats = json_object_new_object();

    for (size_t i = 0; i < ARRAY_SIZE(stat_names); i++) {
        json_object_object_add(stats, stat_names[i], json_object_new_uint64(s->stats[i]));
    }
    json_object_object_add(all, "stats", stats);
    json_object_object_add(all, "last-update", json_object_new_int64(s->stats_time_s));
    return all;
}

/* --- Queues ---------------------------------------------------------------------------------- */

static void balloon_handle_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIOBalloon *s = balloon_of(vdev);

    if (n == STATS) {
        handle_stats(vdev);
    } else if (n <= DEFLATE) {
        handle_pages(vdev, n);
    } else if (n == s->reporting_queue) {
        handle_report(vdev, n);
    }
}

static void balloon_reset_queue(VirtIODevice *vdev, unsigned n)
{
    if (n == STATS) {
        g_clear_pointer(&balloon_of(vdev)->stats_request, g_free);
    }
}

/* --- Configuration --------------------------------------------------------------------------- */

static void send_event(VirtIOBalloon *s)
{
    s->event_due = false;
    qapi_event_send_balloon_change(&(EventBalloonChange){ .actual = (int64_t)actual_bytes(s) });
    timer_mod_ns(s->event_timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + EVENT_PERIOD_NS);
}

static void event_period_over(void *opaque)
{
    VirtIOBalloon *s = opaque;

    if (s->event_due) {
        send_event(s);
    }
}

static void balloon_get_config(VirtIODevice *vdev, uint8_t *config)
{
    VirtIOBalloon *s = balloon_of(vdev);
    const uint32_t words[] = { s->num_pages, s->actual, 0, s->poison };

    memcpy(config, words, vdev->config_bytes);
}

static void balloon_set_config(VirtIODevice *vdev, const uint8_t *config)
{
    VirtIOBalloon *s = balloon_of(vdev);
    uint32_t words[CONFIG_BYTES_POISON / 4] = { 0 };

    memcpy(words, config, vdev->config_bytes);
    if (virtio_has(vdev, F_PAGE_POISON)) {
        s->poison = words[3];
    }
    if (s->actual == words[1]) {
        return;
    }
    s->actual = words[1];
    s->event_due = true;
    if (!timer_pending(s->event_timer)) {
        send_event(s);
    }
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static void find_balloon(void *opaque, DeviceState *dev)
{
    if (dev->object.type == &type_virtio_balloon_device.device.object) {
        *(VirtIOBalloon **)opaque = balloon_of(VIRTIO_DEVICE(dev));
    }
}

static VirtIOBalloon *the_balloon(void)
{
    VirtIOBalloon *s = NULL;

    qdev_foreach(find_balloon, &s);
    return s;
}

bool balloon_query(uint64_t *actual)
{
    const VirtIOBalloon *s = the_balloon();

    if (s) {
        *actual = actual_bytes(s);
    }
    return s != NULL;
}

bool balloon_set_target(uint64_t bytes)
{
    VirtIOBalloon *s = the_balloon();
    uint64_t ram = current_machine->ram_size_bytes;

    if (s) {
        s->num_pages = (uint32_t)((ram - MIN(bytes, ram)) >> PAGE_BITS);
        virtio_notify_config(&s->vdev);
    }
    return s != NULL;
}

static void balloon_reset(VirtIODevice *vdev)
{
    balloon_of(vdev)->poison = 0;
}

static bool balloon_realize(VirtIODevice *vdev, Error **errp)
{
    VirtIOBalloon *s = balloon_of(vdev);

    if (the_balloon()) {
        error_setg(errp, "Only one balloon device is supported");
        return false;
    }
    if (s->free_page_hint) {
        error_setg(errp, "'free-page-hint' requires 'iothread' to be set");
        return false;
    }
    vdev->config_bytes = s->page_poison || s->old_config_size ? CONFIG_BYTES_POISON : CONFIG_BYTES;
    for (unsigned n = 0; n < NR_FIXED_QUEUES; n++) {
        virtio_add_queue(vdev, QUEUE_SIZE);
    }
    if (s->free_page_reporting) {
        s->reporting_queue = vdev->nr_queues;
        virtio_add_queue(vdev, REPORTING_QUEUE_SIZE);
    }
    return true;
}

static void balloon_init(Object *obj)
{
    VirtIOBalloon *s = (VirtIOBalloon *)obj;

    s->poll_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, poll_stats, s);
    s->event_timer = timer_new_ns(QEMU_CLOCK_REALTIME, event_period_over, s);
    forget_stats(s);
}

static void balloon_finalize(Object *obj)
{
    VirtIOBalloon *s = (VirtIOBalloon *)obj;

    timer_free(s->poll_timer);
    timer_free(s->event_timer);
    g_free(s->stats_request);
}

/* --- Properties ------------------------------------------------------------------------------ */

static bool set_polling(Object *obj, const Property *prop, const char *value, Error **errp)
{
    int64_t seconds;

    if (qemu_strtoi64(value, NULL, 0, &seconds) < 0) {
        error_setg(errp, "Parameter '%s' expects an integer", prop->name);
        return false;
    }
    return set_poll_interval((VirtIOBalloon *)obj, seconds, errp);
}

static bool set_polling_json(Object *obj, const Property *prop, json_object *value, Error **errp)
{
    if (!json_object_is_type(value, json_type_int)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: integer", prop->name);
        return false;
    }
    return set_poll_interval((VirtIOBalloon *)obj, json_object_get_int64(value), errp);
}

static json_object *get_polling_json(const Object *obj, const Property *prop)
{
    return json_object_new_int64(((const VirtIOBalloon *)obj)->poll_s);
}

static json_object *get_stats_json(const Object *obj, const Property *prop)
{
    return stats_json((const VirtIOBalloon *)obj);
}

static const PropertyOps polling_ops = {
    .type_name = "int", .set = set_polling, .set_json = set_polling_json,
    .get_json = get_polling_json,
};

static const PropertyOps stats_ops = {
    .type_name = "guest statistics", .get_json = get_stats_json,
};

#define BALLOON_BOOL(_field, _name, _default)                                                   \
    DEFINE_PROP(PROP_BOOL, VirtIOBalloon, _field, _name, .default_val = _default,               \
                .description = "on/off")

static const Property balloon_props[] = {
    BALLOON_BOOL(deflate_on_oom, "deflate-on-oom", false),
    BALLOON_BOOL(free_page_hint, "free-page-hint", false),
    BALLOON_BOOL(page_poison, "page-poison", true),
    BALLOON_BOOL(free_page_reporting, "free-page-reporting", false),
    DEFINE_PROP(PROP_BOOL, VirtIOBalloon, old_config_size, "qemu-4-0-config-size"),
    { .name = "guest-stats", .kind = PROP_CUSTOM, .ops = &stats_ops, .read_only = true },
    { .name = "guest-stats-polling-interval", .kind = PROP_CUSTOM, .ops = &polling_ops,
      .any_time = true },
    DEFINE_PROP_END,
};

static const VirtIOFeature balloon_features[] = {
    { F_DEFLATE_ON_OOM, offsetof(VirtIOBalloon, deflate_on_oom) },
    { F_FREE_PAGE_HINT, offsetof(VirtIOBalloon, free_page_hint) },
    { F_PAGE_POISON, offsetof(VirtIOBalloon, page_poison) },
    { F_REPORTING, offsetof(VirtIOBalloon, free_page_reporting) },
    VIRTIO_FEATURE_END,
};

/* The buffer for statistics goes back into the queue and is taken again later. */
static bool balloon_prepare_save(void *opaque, Error **errp)
{
    VirtIOBalloon *s = opaque;
    VirtQueueElement *e = g_steal_pointer(&s->stats_request);

    if (e) {
        virtqueue_unpop(virtio_queue(&s->vdev, STATS), e);
    }
    return true;
}

static bool balloon_applied(void *opaque, Error **errp)
{
    g_clear_pointer(&((VirtIOBalloon *)opaque)->stats_request, g_free);
    return true;
}

static const VMStateField balloon_fields[] = {
    VMSTATE_STRUCT(VirtIOBalloon, vdev, &vmstate_virtio),
    VMSTATE_UINT(VirtIOBalloon, num_pages),
    VMSTATE_UINT(VirtIOBalloon, actual),
    VMSTATE_UINT(VirtIOBalloon, poison),
    VMSTATE_END,
};
static const VMStateDescription vmstate_balloon = {
    "virtio-balloon", .version = 1, .fields = balloon_fields,
    .prepare_save = balloon_prepare_save, .applied = balloon_applied,
};

const VirtIODeviceType type_virtio_balloon_device = {
    .device = {
        .object = {
            .name = "virtio-balloon-device",
            .parent = &type_virtio_device,
            .instance_size = sizeof(VirtIOBalloon),
            .props = balloon_props,
            .instance_init = balloon_init,
            .instance_finalize = balloon_finalize,
        },
        .bus = "virtio-bus",
        .migration = MIGRATION_VMSD(&vmstate_balloon),
        .realize = virtio_device_realize,
        .unrealize = virtio_device_unrealize,
    },
    .device_id = VIRTIO_ID_BALLOON,
    .features = 1u << F_STATS_VQ,
    .feature_props = balloon_features,
    .realize = balloon_realize,
    .reset = balloon_reset,
    .handle_queue = balloon_handle_queue,
    .reset_queue = balloon_reset_queue,
    .get_config = balloon_get_config,
    .set_config = balloon_set_config,
};
