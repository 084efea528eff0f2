/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network device (virtio 1.2, 5.1): frames between the driver's queues and the cables of net.h.
 * BQL. The driver's notifications arrive on vCPU threads; what it sends leaves in the main loop,
 * as do frames for it arrive there.
 */
#include "qemu/osdep.h"
#include "virtio-net.h"
#include "hw/virtio/virtio-pci.h"
#include "qemu/main-loop.h"

enum {
    CTRL_QUEUE_SIZE = 64,
    MIN_QUEUE_SIZE = 256,
    MAX_TX_QUEUE_SIZE = 256, /* more is possible with back ends we do not have */

    LEGACY_HDR_BYTES = 10,
    HDR_BYTES = 12,
    NUM_BUFFERS_AT = 10,
    ETH_HEADER_BYTES = 14,
    FILTER_BYTES = 18, /* Ethernet header with a VLAN tag */

    CONFIG_STATUS = 6,
    CONFIG_PAIRS = 8,
    CONFIG_MTU = 10,
    CONFIG_SPEED = 12,
    CONFIG_DUPLEX = 16,

    DUPLEX_HALF = 0,
    DUPLEX_FULL = 1,
    DUPLEX_UNKNOWN = 0xff,
    SPEED_UNKNOWN = -1,
};

static unsigned rx_queue(const NetPair *p)
{
    return 2 * p->nc.queue_index;
}

static unsigned tx_queue(const NetPair *p)
{
    return 2 * p->nc.queue_index + 1;
}

/* Without multiqueue the control queue is the third (5.1.2). */
static unsigned ctrl_queue(const VirtIONet *s)
{
    return virtio_has(&s->vdev, F_MQ) ? 2 * s->max_pairs : 2;
}

/* --- To the driver --------------------------------------------------------------------------- */

static bool net_can_receive(NetClient *nc)
{
    const NetPair *p = container_of(nc, NetPair, nc);
    VirtIODevice *vdev = &p->s->vdev;

    return net_vm_running() && vdev->status & VIRTIO_DRIVER_OK && !vdev->broken &&
           vdev->transport->may_dma(vdev) && nc->queue_index < p->s->active_pairs &&
           virtio_queue(vdev, rx_queue(p))->ready;
}

/* Puts the buffers back that were taken for a frame. */
static void give_up(VirtIONet *s, VirtQueue *vq, unsigned n)
{
    while (n) {
        virtqueue_unpop(vq, s->rx_e[--n]);
    }
}

/* The header for the driver: the back end's, or an empty one. */
static void make_header(const VirtIONet *s, uint8_t *hdr, const struct iovec *iov, unsigned n)
{
    static const uint16_t one = 1;

    memset(hdr, 0, HDR_BYTES);
    if (s->has_vnet_hdr) {
        iov_to_buf(iov, n, 0, hdr, s->guest_hdr_len);
    }
    memcpy(hdr + NUM_BUFFERS_AT, &one, sizeof(one));
}

/* Copies @iov from byte @from on to the in buffers of @e from @to on; returns bytes copied. */
static size_t copy_in(const struct iovec *iov, unsigned n, size_t from, VirtQueueElement *e,
                      size_t to)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && to + done < e->in_bytes; i++) {
        if (from >= iov[i].iov_len) {
            from -= iov[i].iov_len;
            continue;
        }
        done += iov_from_buf(e->in_sg, e->in_num, to + done, (uint8_t *)iov[i].iov_base + from,
                             iov[i].iov_len - from);
        from = 0;
    }
    return done;
}

typedef enum RxResult { RX_DONE, RX_NO_ROOM, RX_DROPPED } RxResult;

/* Takes buffers until the frame fits and fills them; *count says how many. */
static RxResult fill_buffers(VirtIONet *s, VirtQueue *vq, const struct iovec *iov, unsigned n,
                             size_t bytes, unsigned *count)
{
    size_t skip = s->has_vnet_hdr ? s->guest_hdr_len : 0, done = skip;
    bool mergeable = virtio_has(&s->vdev, F_MRG_RXBUF);
    uint8_t hdr[HDR_BYTES];

    *count = 0;
    make_header(s, hdr, iov, n);
    do {
        VirtQueueElement *e = virtqueue_pop(vq);
        size_t at = *count ? 0 : s->guest_hdr_len;

        if (!e) {
            return RX_NO_ROOM;
        }
        s->rx_e[(*count)++] = e;
        if (e->in_bytes <= at) {
            virtio_error(&s->vdev, "virtio-net receive buffer of %zu bytes", e->in_bytes);
            return RX_DROPPED;
        }
        if (at) {
            iov_from_buf(e->in_sg, e->in_num, 0, hdr, at);
        }
        s->rx_len[*count - 1] = copy_in(iov, n, done, e, at);
        done += s->rx_len[*count - 1];
        s->rx_len[*count - 1] += at;
    } while (done < bytes && mergeable && *count < VIRTQUEUE_MAX_SIZE);
    return done < bytes ? RX_DROPPED : RX_DONE;
}

static bool net_receive(NetClient *nc, const struct iovec *iov, unsigned n)
{
    NetPair *p = container_of(nc, NetPair, nc);
    VirtIONet *s = p->s;
    VirtQueue *vq = virtio_queue(&s->vdev, rx_queue(p));
    size_t skip = s->has_vnet_hdr ? s->guest_hdr_len : 0, bytes = 0;
    uint8_t head[FILTER_BYTES] = { 0 };
    unsigned count;

    for (unsigned i = 0; i < n; i++) {
        bytes += iov[i].iov_len;
    }
    if (bytes < skip + ETH_HEADER_BYTES ||
        !net_filter_accepts(s, head, iov_to_buf(iov, n, skip, head, sizeof(head)))) {
        return true;
    }
    switch (fill_buffers(s, vq, iov, n, bytes, &count)) {
    case RX_DONE:
        if (count > 1) {
            uint16_t num = (uint16_t)count;

            iov_from_buf(s->rx_e[0]->in_sg, s->rx_e[0]->in_num, NUM_BUFFERS_AT, &num, sizeof(num));
        }
        virtqueue_push_many(vq, s->rx_e, s->rx_len, count);
        virtio_notify(&s->vdev, rx_queue(p));
        return true;
    case RX_NO_ROOM:
        give_up(s, vq, count);
        return vq->broken; /* else the driver tells when it has given buffers */
    default:
        give_up(s, vq, count);
        return true;
    }
}

/* --- From the driver ------------------------------------------------------------------------- */

/* Skips @len bytes of the request; the rest as *iov. */
static unsigned skip_out(VirtQueueElement *e, size_t len, struct iovec **iov)
{
    unsigned i = 0;

    while (i < e->out_num && len >= e->out_sg[i].iov_len) {
        len -= e->out_sg[i++].iov_len;
    }
    if (i < e->out_num) {
        e->out_sg[i].iov_base = (uint8_t *)e->out_sg[i].iov_base + len;
        e->out_sg[i].iov_len -= len;
    }
    *iov = e->out_sg + i;
    return e->out_num - i;
}

/* False: the device is broken, or the back end full. */
static bool send_one(NetPair *p, VirtQueueElement *e)
{
    VirtIONet *s = p->s;
    struct iovec *iov = e->out_sg;
    unsigned n = e->out_num;

    if (e->out_bytes < s->guest_hdr_len) {
        virtio_error(&s->vdev, "virtio-net header incorrect");
        return false;
    }
    if (!s->has_vnet_hdr) {
        n = skip_out(e, s->guest_hdr_len, &iov);
    }
    p->tx_held = !net_send(&p->nc, iov, n);
    return true;
}

static void schedule_tx(NetPair *p)
{
    p->tx_pending = true;
    g_source_set_ready_time(p->s->tx_source, 0);
}

/* Sends what there is, but not for ever: others want the main loop too. */
static void run_tx(NetPair *p)
{
    VirtIODevice *vdev = &p->s->vdev;
    VirtQueue *vq = virtio_queue(vdev, tx_queue(p));
    VirtQueueElement *e = NULL;
    int sent = 0;

    p->tx_pending = false;
    if (!(vdev->status & VIRTIO_DRIVER_OK) || vdev->broken || !vdev->transport->may_dma(vdev)) {
        return;
    }
    while (!p->tx_held && sent < p->s->txburst && (e = virtqueue_pop(vq)) != NULL) {
        if (!send_one(p, e)) {
            g_free(e);
            return;
        }
        virtqueue_push(vq, e, 0);
        sent++;
    }
    if (sent) {
        virtio_notify(vdev, tx_queue(p));
    }
    if (sent == p->s->txburst && !p->tx_held) {
        schedule_tx(p);
    }
}

static gboolean tx_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    VirtIONet *s = data;

    g_source_set_ready_time(source, -1);
    for (unsigned i = 0; net_vm_running() && i < s->max_pairs; i++) {
        if (s->pair[i]->tx_pending) {
            run_tx(s->pair[i]);
        }
    }
    return G_SOURCE_CONTINUE;
}

static gboolean tx_no_callback(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs tx_source_funcs = { .dispatch = tx_dispatch };

/* The back end has room again, or the VM runs again. */
static void net_resume(NetClient *nc)
{
    NetPair *p = container_of(nc, NetPair, nc);

    p->tx_held = false;
    schedule_tx(p);
}

static void net_handle_queue(VirtIODevice *vdev, unsigned n)
{
    VirtIONet *s = net_of(vdev);

    if (n == ctrl_queue(s)) {
        if (virtio_has(vdev, F_CTRL_VQ)) {
            net_ctrl_handle(s, n);
        }
    } else if (n / 2 >= s->max_pairs) {
        return;
    } else if (n & 1) {
        schedule_tx(s->pair[n / 2]);
    } else {
        net_flush(&s->pair[n / 2]->nc);
    }
}

/* --- State ----------------------------------------------------------------------------------- */

void net_apply_offloads(VirtIONet *s)
{
    NetOffloads o = {
        .csum = s->guest_offloads >> F_GUEST_CSUM & 1,
        .tso4 = s->guest_offloads >> F_GUEST_TSO4 & 1,
        .tso6 = s->guest_offloads >> F_GUEST_TSO6 & 1,
        .ecn = s->guest_offloads >> F_GUEST_ECN & 1,
        .ufo = s->guest_offloads >> F_GUEST_UFO & 1,
    };

    for (unsigned i = 0; s->has_vnet_hdr && i < s->max_pairs; i++) {
        NetClient *peer = s->pair[i]->nc.peer;

        if (peer && peer->cls->set_offloads && !peer->closed) {
            peer->cls->set_offloads(peer, &o);
        }
    }
}

static void set_header_len(VirtIONet *s, uint32_t bytes)
{
    s->guest_hdr_len = bytes;
    for (unsigned i = 0; s->has_vnet_hdr && i < s->max_pairs; i++) {
        NetClient *peer = s->pair[i]->nc.peer;

        s->pair[i]->nc.vnet_hdr_len = bytes;
        if (peer && !peer->closed) {
            peer->cls->set_vnet_hdr_len(peer, bytes);
        }
    }
}

void net_set_active_pairs(VirtIONet *s, unsigned n)
{
    s->active_pairs = (uint16_t)n;
    for (unsigned i = 0; i < s->max_pairs; i++) {
        NetClient *peer = s->pair[i]->nc.peer;

        if (peer && peer->cls->set_enabled && !peer->closed) {
            peer->cls->set_enabled(peer, i < n);
        }
    }
}

static void net_driver_ok(VirtIODevice *vdev, bool on)
{
    VirtIONet *s = net_of(vdev);
    bool long_header = virtio_has(vdev, VIRTIO_F_VERSION_1) || virtio_has(vdev, F_MRG_RXBUF);

    if (!on) {
        return;
    }
    set_header_len(s, long_header ? HDR_BYTES : LEGACY_HDR_BYTES);
    s->guest_offloads = vdev->guest_features & net_offload_features;
    net_apply_offloads(s);
    for (unsigned i = 0; i < s->max_pairs; i++) {
        net_flush(&s->pair[i]->nc);
        schedule_tx(s->pair[i]);
    }
}

static void net_reset(VirtIODevice *vdev)
{
    VirtIONet *s = net_of(vdev);

    net_filter_reset(&s->filter);
    memcpy(s->mac, s->conf_mac, NET_MAC_BYTES);
    s->status &= S_LINK_UP;
    s->guest_offloads = 0;
    if (!s->pair[0]) {
        return; /* not realized */
    }
    net_apply_offloads(s);
    net_set_active_pairs(s, 1);
    for (unsigned i = 0; i < s->max_pairs; i++) {
        s->pair[i]->tx_pending = s->pair[i]->tx_held = false;
        net_purge(&s->pair[i]->nc);
        if (s->pair[i]->nc.peer) {
            net_purge(s->pair[i]->nc.peer); /* of the old driver */
        }
    }
}

static void net_link_changed(NetClient *nc)
{
    VirtIONet *s = container_of(nc, NetPair, nc)->s;
    uint16_t status = (uint16_t)((s->status & ~S_LINK_UP) | (nc->link_down ? 0 : S_LINK_UP));

    if (status != s->status) {
        s->status = status;
        virtio_notify_config(&s->vdev);
    }
    net_flush(nc);
}

static void net_announce(NetClient *nc)
{
    VirtIONet *s = container_of(nc, NetPair, nc)->s;

    if (virtio_has(&s->vdev, F_GUEST_ANNOUNCE) && virtio_has(&s->vdev, F_CTRL_VQ)) {
        s->status |= S_ANNOUNCE;
        virtio_notify_config(&s->vdev);
    }
}

static const NetClientClass nic_class = {
    .kind = "nic",
    .size = sizeof(NetPair),
    .receive = net_receive,
    .can_receive = net_can_receive,
    .resume = net_resume,
    .link_changed = net_link_changed,
    .query_rx_filter = net_filter_query,
    .announce = net_announce,
};

/* --- Configuration --------------------------------------------------------------------------- */

static void put(uint8_t *config, unsigned offset, uint32_t value, unsigned bytes)
{
    memcpy(config + offset, &value, bytes);
}

static void net_get_config(VirtIODevice *vdev, uint8_t *config)
{
    const VirtIONet *s = net_of(vdev);

    memcpy(config, s->mac, NET_MAC_BYTES);
    put(config, CONFIG_STATUS, s->status, 2);
    put(config, CONFIG_PAIRS, s->max_pairs, 2);
    put(config, CONFIG_MTU, s->host_mtu, 2);
    put(config, CONFIG_SPEED, (uint32_t)s->speed, 4);
    put(config, CONFIG_DUPLEX, s->duplex_value, 1);
}

/* Drivers of old write the address there; others command it. */
static void net_set_config(VirtIODevice *vdev, const uint8_t *config)
{
    if (!virtio_has(vdev, F_CTRL_MAC_ADDR) && !virtio_has(vdev, VIRTIO_F_VERSION_1)) {
        memcpy(net_of(vdev)->mac, config, NET_MAC_BYTES);
    }
}

/* As far as the last feature that has something there. */
static unsigned config_bytes(const VirtIODevice *vdev)
{
    static const struct {
        uint8_t feature, end;
    } ends[] = {
        { F_SPEED_DUPLEX, CONFIG_DUPLEX + 1 }, { F_MTU, CONFIG_MTU + 2 },
        { F_MQ, CONFIG_PAIRS + 2 },            { F_STATUS, CONFIG_STATUS + 2 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
        if (vdev->host_features >> ends[i].feature & 1) {
            return ends[i].end;
        }
    }
    return NET_MAC_BYTES;
}

/* What a back end must be able to do before a feature is offered. */
typedef enum Needs { NEEDS_NOTHING, NEEDS_VNET_HDR, NEEDS_UFO } Needs;

static const struct {
    uint8_t bit;
    Needs needs;
    size_t offset; /* of the bool */
} features[] = {
#define FEATURE(_bit, _needs, _field) { _bit, _needs, offsetof(VirtIONet, _field) }
    FEATURE(F_CSUM, NEEDS_VNET_HDR, csum),
    FEATURE(F_GUEST_CSUM, NEEDS_VNET_HDR, guest_csum),
    FEATURE(F_CTRL_GUEST_OFFLOADS, NEEDS_NOTHING, ctrl_guest_offloads),
    FEATURE(F_GSO, NEEDS_NOTHING, gso),
    FEATURE(F_GUEST_TSO4, NEEDS_VNET_HDR, guest_tso4),
    FEATURE(F_GUEST_TSO6, NEEDS_VNET_HDR, guest_tso6),
    FEATURE(F_GUEST_ECN, NEEDS_VNET_HDR, guest_ecn),
    FEATURE(F_GUEST_UFO, NEEDS_UFO, guest_ufo),
    FEATURE(F_HOST_TSO4, NEEDS_VNET_HDR, host_tso4),
    FEATURE(F_HOST_TSO6, NEEDS_VNET_HDR, host_tso6),
    FEATURE(F_HOST_ECN, NEEDS_VNET_HDR, host_ecn),
    FEATURE(F_HOST_UFO, NEEDS_UFO, host_ufo),
    FEATURE(F_MRG_RXBUF, NEEDS_NOTHING, mrg_rxbuf),
    FEATURE(F_STATUS, NEEDS_NOTHING, status_prop),
    FEATURE(F_CTRL_VQ, NEEDS_NOTHING, ctrl_vq),
    FEATURE(F_CTRL_RX, NEEDS_NOTHING, ctrl_rx),
    FEATURE(F_CTRL_VLAN, NEEDS_NOTHING, ctrl_vlan),
    FEATURE(F_CTRL_RX_EXTRA, NEEDS_NOTHING, ctrl_rx_extra),
    FEATURE(F_GUEST_ANNOUNCE, NEEDS_NOTHING, guest_announce),
    FEATURE(F_MQ, NEEDS_NOTHING, mq),
    FEATURE(F_CTRL_MAC_ADDR, NEEDS_NOTHING, ctrl_mac_addr),
};

static void offer_features(VirtIONet *s)
{
    bool hdr = s->has_vnet_hdr, ufo = hdr && s->peers[0]->has_ufo;

    s->vdev.host_features |= 1ull << F_MAC;
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        bool able = features[i].needs == NEEDS_NOTHING ||
                    (features[i].needs == NEEDS_VNET_HDR ? hdr : ufo);

        if (able && *(const bool *)((const char *)s + features[i].offset)) {
            s->vdev.host_features |= 1ull << features[i].bit;
        }
    }
    s->vdev.host_features |= (uint64_t)(s->host_mtu > 0) << F_MTU;
    s->vdev.host_features |= (uint64_t)(s->duplex || s->speed >= 0) << F_SPEED_DUPLEX;
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static bool check_duplex(VirtIONet *s, Error **errp)
{
    if (!s->duplex) {
        s->duplex_value = DUPLEX_UNKNOWN;
    } else if (!strcmp(s->duplex, "half")) {
        s->duplex_value = DUPLEX_HALF;
    } else if (!strcmp(s->duplex, "full")) {
        s->duplex_value = DUPLEX_FULL;
    } else {
        error_setg(errp, "'duplex' must be 'half' or 'full'");
        return false;
    }
    if (s->speed < SPEED_UNKNOWN) {
        error_setg(errp, "'speed' must be between 0 and INT_MAX");
        return false;
    }
    return true;
}

static bool queue_size_ok(uint16_t size)
{
    return size >= MIN_QUEUE_SIZE && size <= VIRTQUEUE_MAX_SIZE && is_power_of_2(size);
}

static bool check_queue_sizes(VirtIONet *s, Error **errp)
{
    if (!queue_size_ok(s->rx_queue_size)) {
        error_setg(errp, "Invalid rx_queue_size (= %u), must be a power of 2 between %d and %d.",
                   s->rx_queue_size, MIN_QUEUE_SIZE, VIRTQUEUE_MAX_SIZE);
        return false;
    }
    if (!queue_size_ok(s->tx_queue_size)) {
        error_setg(errp, "Invalid tx_queue_size (= %u), must be a power of 2 between %d and %d",
                   s->tx_queue_size, MIN_QUEUE_SIZE, VIRTQUEUE_MAX_SIZE);
        return false;
    }
    s->tx_queue_size = MIN(s->tx_queue_size, MAX_TX_QUEUE_SIZE);
    return true;
}

static bool check_unsupported(const VirtIONet *s, Error **errp)
{
    const struct {
        bool on;
        const char *name;
    } rows[] = { { s->failover, "failover" }, { s->rss, "rss" }, { s->hash, "hash" },
                 { s->guest_rsc_ext, "guest_rsc_ext" } };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].on) {
            error_setg(errp, "'%s' is not supported", rows[i].name);
            return false;
        }
    }
    return true;
}

static void check_tx(const VirtIONet *s)
{
    if (s->tx && strcmp(s->tx, "timer") && strcmp(s->tx, "bh")) {
        warn_report("virtio-net: Unknown option tx=%s, valid options: \"timer\" \"bh\"", s->tx);
        error_printf("Defaulting to \"bh\"");
    }
}

static void make_clients(VirtIONet *s)
{
    DeviceState *proxy = s->vdev.dev.bus->parent;
    const char *model = proxy->object.type->name;
    g_autofree char *name = proxy->id ? g_strdup(proxy->id) : net_nic_name(model);
    g_autofree char *mac = net_mac_text(s->conf_mac);

    for (unsigned i = 0; i < s->max_pairs; i++) {
        NetPair *p = (NetPair *)net_client_new(&nic_class, name, i);

        p->s = s;
        s->pair[i] = p;
        memcpy(p->nc.mac, s->conf_mac, NET_MAC_BYTES);
        net_client_set_info(&p->nc, "model=%s,macaddr=%s", model, mac);
        if (i < s->nr_peers) {
            net_connect(&p->nc, s->peers[i]);
        }
    }
    s->status = s->pair[0]->nc.link_down ? 0 : S_LINK_UP;
}

static bool net_realize(VirtIODevice *vdev, Error **errp)
{
    VirtIONet *s = net_of(vdev);

    if (!check_duplex(s, errp) || !check_unsupported(s, errp) || !check_queue_sizes(s, errp)) {
        return false;
    }
    check_tx(s);
    s->txburst = s->txburst > 0 ? s->txburst : 1;
    s->max_pairs = MAX(s->nr_peers, 1);
    net_choose_mac(s->conf_mac);
    make_clients(s);
    s->has_vnet_hdr = s->nr_peers && s->peers[0]->has_vnet_hdr;
    offer_features(s);
    vdev->config_bytes = config_bytes(vdev);
    for (unsigned i = 0; i < s->max_pairs; i++) {
        virtio_add_queue(vdev, s->rx_queue_size);
        virtio_add_queue(vdev, s->tx_queue_size);
    }
    virtio_add_queue(vdev, CTRL_QUEUE_SIZE);
    s->rx_e = g_new(VirtQueueElement *, VIRTQUEUE_MAX_SIZE);
    s->rx_len = g_new(size_t, VIRTQUEUE_MAX_SIZE);
    s->filter_event = true;
    s->tx_source = g_source_new(&tx_source_funcs, sizeof(GSource));
    g_source_set_callback(s->tx_source, tx_no_callback, s, NULL);
    g_source_attach(s->tx_source, NULL);
    set_header_len(s, LEGACY_HDR_BYTES);
    return true;
}

static void net_unrealize(VirtIODevice *vdev)
{
    VirtIONet *s = net_of(vdev);

    for (unsigned i = 0; i < s->max_pairs; i++) {
        net_client_delete(s->pair[i] ? &s->pair[i]->nc : NULL);
        s->pair[i] = NULL;
    }
    g_source_destroy(s->tx_source);
    g_source_unref(s->tx_source);
    g_free(s->rx_e);
    g_free(s->rx_len);
}

/* --- Properties ------------------------------------------------------------------------------ */

static bool set_mac(Object *obj, const Property *prop, const char *value, Error **errp)
{
    return net_parse_mac(value, ((VirtIONet *)obj)->conf_mac);
}

static char *get_mac(const Object *obj, const Property *prop)
{
    return net_mac_text(((const VirtIONet *)obj)->conf_mac);
}

static const PropertyOps mac_ops = { .type_name = "str", .set = set_mac, .get = get_mac };

static bool set_netdev(Object *obj, const Property *prop, const char *value, Error **errp)
{
    VirtIONet *s = (VirtIONet *)obj;
    unsigned n = net_find_netdev(value, s->peers, NET_MAX_QUEUES);

    s->nr_peers = 0;
    if (!n) {
        error_setg(errp, "Property '%s.%s' can't find value '%s'", obj->type->name, prop->name,
                   value);
        return false;
    }
    if (n > NET_MAX_QUEUES) {
        error_setg(errp, "netdev '%s' has %u queues, more than %d", value, n, NET_MAX_QUEUES);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (s->peers[i]->peer) {
            error_setg(errp, "Property '%s.%s' can't take value '%s', it's in use",
                       obj->type->name, prop->name, value);
            return false;
        }
    }
    s->nr_peers = n;
    g_free(s->netdev);
    s->netdev = g_strdup(value);
    return true;
}

static char *get_netdev(const Object *obj, const Property *prop)
{
    const char *netdev = ((const VirtIONet *)obj)->netdev;

    return g_strdup(netdev ? netdev : "");
}

static void release_netdev(Object *obj, const Property *prop)
{
    g_free(((VirtIONet *)obj)->netdev);
}

static const PropertyOps netdev_ops = {
    .type_name = "str", .set = set_netdev, .get = get_netdev, .release = release_netdev,
};

#define FLAG(_field, _default) FLAG_AS(_field, #_field, _default)
#define FLAG_AS(_field, _name, _default)                                                        \
    DEFINE_PROP(PROP_BOOL, VirtIONet, _field, _name, .default_val = _default,                   \
                .description = "on/off")

static const Property net_props[] = {
    FLAG(csum, true),
    FLAG(guest_csum, true),
    FLAG(gso, true),
    FLAG(guest_tso4, true),
    FLAG(guest_tso6, true),
    FLAG(guest_ecn, true),
    FLAG(guest_ufo, true),
    FLAG(guest_announce, true),
    FLAG(host_tso4, true),
    FLAG(host_tso6, true),
    FLAG(host_ecn, true),
    FLAG(host_ufo, true),
    FLAG(mrg_rxbuf, true),
    FLAG_AS(status_prop, "status", true),
    FLAG(ctrl_vq, true),
    FLAG(ctrl_rx, true),
    FLAG(ctrl_vlan, true),
    FLAG(ctrl_rx_extra, true),
    FLAG(ctrl_mac_addr, true),
    FLAG(ctrl_guest_offloads, true),
    FLAG(mq, false),
    FLAG(rss, false),
    FLAG(hash, false),
    FLAG(guest_rsc_ext, false),
    DEFINE_PROP(PROP_UINT32, VirtIONet, rsc_interval, "rsc_interval", .default_val = 300000),
    { .name = "mac", .kind = PROP_CUSTOM, .ops = &mac_ops,
      .description = "Ethernet 6-byte MAC Address, example: 52:54:00:12:34:56" },
    { .name = "netdev", .kind = PROP_CUSTOM, .ops = &netdev_ops,
      .description = "ID of a netdev to use as a backend" },
    DEFINE_PROP(PROP_UINT32, VirtIONet, txtimer, "x-txtimer", .default_val = 150000),
    DEFINE_PROP(PROP_INT32, VirtIONet, txburst, "x-txburst", .default_val = 256),
    DEFINE_PROP(PROP_STRING, VirtIONet, tx, "tx"),
    DEFINE_PROP(PROP_UINT16, VirtIONet, rx_queue_size, "rx_queue_size", .default_val = 256),
    DEFINE_PROP(PROP_UINT16, VirtIONet, tx_queue_size, "tx_queue_size", .default_val = 256),
    DEFINE_PROP(PROP_UINT16, VirtIONet, host_mtu, "host_mtu"),
    DEFINE_PROP(PROP_BOOL, VirtIONet, x_mtu_bypass_backend, "x-mtu-bypass-backend",
                .default_val = true),
    DEFINE_PROP(PROP_INT32, VirtIONet, speed, "speed", .default_val = UINT64_MAX),
    DEFINE_PROP(PROP_STRING, VirtIONet, duplex, "duplex"),
    DEFINE_PROP(PROP_BOOL, VirtIONet, failover, "failover"),
    DEFINE_PROP(PROP_INT32, VirtIONet, bootindex, "bootindex", .default_val = UINT64_MAX),
    DEFINE_PROP_END,
};

/* --- State ----------------------------------------------------------------------------------- */

static bool net_post_load(void *opaque, uint32_t version, Error **errp)
{
    const VirtIONet *s = opaque;

    if (!s->active_pairs || s->active_pairs > s->max_pairs) {
        error_setg(errp, "virtio-net/active_pairs: %u, here are 1 to %u", s->active_pairs,
                   s->max_pairs);
        return false;
    }
    if (s->guest_hdr_len != LEGACY_HDR_BYTES && s->guest_hdr_len != HDR_BYTES) {
        error_setg(errp, "virtio-net/guest_hdr_len: no header has %u bytes", s->guest_hdr_len);
        return false;
    }
    for (unsigned n = 0; n < s->vdev.nr_queues; n++) {
        if (!virtio_check_in_use(&s->vdev, n, errp)) {
            error_prepend(errp, "virtio-net/");
            return false;
        }
    }
    return true;
}

/* What waited in a back end of the source is lost, as on a cable; queues are looked at when the VM
 * runs (net_resume()). */
static bool net_applied(void *opaque, Error **errp)
{
    VirtIONet *s = opaque;

    for (unsigned i = 0; i < s->max_pairs; i++) {
        s->pair[i]->tx_pending = s->pair[i]->tx_held = false;
        s->pair[i]->nc.link_down = !(s->status & S_LINK_UP);
    }
    set_header_len(s, s->guest_hdr_len);
    net_apply_offloads(s);
    net_set_active_pairs(s, s->active_pairs);
    return true;
}

static const VMStateField filter_fields[] = {
    VMSTATE_BOOL(NetFilter, promisc),
    VMSTATE_BOOL(NetFilter, allmulti),
    VMSTATE_BOOL(NetFilter, alluni),
    VMSTATE_BOOL(NetFilter, nomulti),
    VMSTATE_BOOL(NetFilter, nouni),
    VMSTATE_BOOL(NetFilter, nobcast),
    VMSTATE_BOOL(NetFilter, uni_overflow),
    VMSTATE_BOOL(NetFilter, multi_overflow),
    VMSTATE_UINT_MAX(NetFilter, nr_uni, FILTER_MACS),
    VMSTATE_UINT_MAX(NetFilter, nr_multi, FILTER_MACS),
    VMSTATE_BYTES(NetFilter, uni),
    VMSTATE_BYTES(NetFilter, multi),
    VMSTATE_UINT_ARRAY(NetFilter, vlans),
    VMSTATE_END,
};
static const VMStateDescription vmstate_filter = {
    "filter", .version = 1, .fields = filter_fields,
};
static const VMStateField net_fields[] = {
    VMSTATE_STRUCT(VirtIONet, vdev, &vmstate_virtio),
    VMSTATE_BYTES(VirtIONet, mac),
    VMSTATE_UINT_MAX(VirtIONet, status, S_LINK_UP | S_ANNOUNCE),
    VMSTATE_UINT(VirtIONet, active_pairs),
    VMSTATE_UINT(VirtIONet, guest_hdr_len),
    VMSTATE_UINT(VirtIONet, guest_offloads),
    VMSTATE_STRUCT(VirtIONet, filter, &vmstate_filter),
    VMSTATE_END,
};
static const VMStateDescription vmstate_net = {
    "virtio-net", .version = 1, .fields = net_fields, .post_load = net_post_load,
    .applied = net_applied,
};

const VirtIODeviceType type_virtio_net_device = {
    .device = {
        .object = {
            .name = "virtio-net-device",
            .parent = &type_virtio_device,
            .instance_size = sizeof(VirtIONet),
            .props = net_props,
        },
        .bus = "virtio-bus",
        .migration = MIGRATION_VMSD(&vmstate_net),
        .realize = virtio_device_realize,
        .unrealize = virtio_device_unrealize,
    },
    .device_id = VIRTIO_ID_NET,
    .legacy_features = 1ull << F_GSO,
    .realize = net_realize,
    .unrealize = net_unrealize,
    .reset = net_reset,
    .set_driver_ok = net_driver_ok,
    .handle_queue = net_handle_queue,
    .get_config = net_get_config,
    .set_config = net_set_config,
};
