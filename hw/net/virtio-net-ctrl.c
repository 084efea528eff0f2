/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network device: control queue (virtio 1.2, 5.1.6.5) and receive filter. BQL. */
#include "qemu/osdep.h"
#include "virtio-net.h"
#include "qapi/qapi-events.h"

enum {
    CLASS_RX = 0,
    CLASS_MAC = 1,
    CLASS_VLAN = 2,
    CLASS_ANNOUNCE = 3,
    CLASS_MQ = 4,
    CLASS_GUEST_OFFLOADS = 5,

    MAC_TABLE_SET = 0,
    MAC_ADDR_SET = 1,
    VLAN_ADD = 0,
    VLAN_DEL = 1,

    HEADER_BYTES = 2,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_AT = 12,
    VLAN_TAG_AT = 14,
};

/* What a command carries behind class and number. */
typedef struct Command {
    const VirtQueueElement *e;
    uint8_t class, number;
    size_t bytes; /* of data */
} Command;

/* Copies exactly @len bytes of data from @offset; false when there are not as many. */
static bool get_data(const Command *c, size_t offset, void *buf, size_t len)
{
    return offset <= c->bytes && len <= c->bytes - offset &&
           iov_to_buf(c->e->out_sg, c->e->out_num, HEADER_BYTES + offset, buf, len) == len;
}

/* --- Filter ---------------------------------------------------------------------------------- */

void net_filter_reset(NetFilter *f)
{
    memset(f, 0, sizeof(*f));
    f->promisc = true;
}

static bool vlan_passes(const VirtIONet *s, const uint8_t *head, size_t len)
{
    unsigned id;

    if (len < VLAN_TAG_AT + 2 || !virtio_has(&s->vdev, F_CTRL_VLAN) ||
        (head[ETHERTYPE_AT] << 8 | head[ETHERTYPE_AT + 1]) != ETHERTYPE_VLAN) {
        return true;
    }
    id = (head[VLAN_TAG_AT] << 8 | head[VLAN_TAG_AT + 1]) & (VLANS - 1);
    return s->filter.vlans[id / 64] >> id % 64 & 1;
}

static bool in_table(uint8_t (*table)[NET_MAC_BYTES], uint32_t n, const uint8_t *mac)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!memcmp(table[i], mac, NET_MAC_BYTES)) {
            return true;
        }
    }
    return false;
}

bool net_filter_accepts(const VirtIONet *s, const uint8_t *head, size_t len)
{
    static const uint8_t broadcast[NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const NetFilter *f = &s->filter;

    if (f->promisc) {
        return true;
    }
    if (!vlan_passes(s, head, len)) {
        return false;
    }
    if (!memcmp(head, broadcast, NET_MAC_BYTES)) {
        return !f->nobcast;
    }
    if (head[0] & 1) {
        return !f->nomulti && (f->allmulti || f->multi_overflow ||
                               in_table((uint8_t(*)[NET_MAC_BYTES])f->multi, f->nr_multi, head));
    }
    return !f->nouni && (f->alluni || f->uni_overflow ||
                         !memcmp(head, s->mac, NET_MAC_BYTES) ||
                         in_table((uint8_t(*)[NET_MAC_BYTES])f->uni, f->nr_uni, head));
}

static RxState rx_state(bool none, bool all)
{
    return none ? RX_STATE_NONE : all ? RX_STATE_ALL : RX_STATE_NORMAL;
}

/* The last entry first, as clients know it. */
static strList *mac_list(uint8_t (*table)[NET_MAC_BYTES], uint32_t n)
{
    strList *list = g_new0(strList, 1);

    while (n--) {
        *strList_append(list) = net_mac_text(table[n]);
    }
    return list;
}

static intList *vlan_list(const VirtIONet *s, bool all, bool *any)
{
    intList *list = g_new0(intList, 1);

    *any = all;
    for (unsigned id = VLANS; id-- > 0;) {
        if (all || s->filter.vlans[id / 64] >> id % 64 & 1) {
            *intList_append(list) = id;
            *any = true;
        }
    }
    return list;
}

RxFilterInfo *net_filter_query(NetClient *nc)
{
    VirtIONet *s = container_of(nc, NetPair, nc)->s;
    NetFilter *f = &s->filter;
    RxFilterInfo *info = g_new0(RxFilterInfo, 1);
    bool all_vlans = !virtio_has(&s->vdev, F_CTRL_VLAN), any;

    info->name = g_strdup(nc->name);
    info->promiscuous = f->promisc;
    info->unicast = rx_state(f->nouni, f->alluni);
    info->multicast = rx_state(f->nomulti, f->allmulti);
    info->broadcast_allowed = f->nobcast; /* as QEMU means it */
    info->unicast_overflow = f->uni_overflow;
    info->multicast_overflow = f->multi_overflow;
    info->main_mac = net_mac_text(s->mac);
    info->vlan_table = vlan_list(s, all_vlans, &any);
    info->vlan = rx_state(!any, all_vlans);
    info->unicast_table = mac_list(f->uni, f->nr_uni);
    info->multicast_table = mac_list(f->multi, f->nr_multi);
    s->filter_event = true;
    return info;
}

/* One event until somebody has asked what it is now. */
static void filter_changed(VirtIONet *s)
{
    g_autofree char *path = object_get_path(&s->vdev.dev.object);
    EventNicRxFilterChanged event = { .name = s->vdev.dev.bus->parent->id, .path = path };

    if (s->filter_event) {
        s->filter_event = false;
        qapi_event_send_nic_rx_filter_changed(&event);
    }
}

/* --- Commands -------------------------------------------------------------------------------- */

static bool rx_mode(VirtIONet *s, const Command *c)
{
    NetFilter *f = &s->filter;
    bool *const modes[] = {
        &f->promisc, &f->allmulti, &f->alluni, &f->nomulti, &f->nouni, &f->nobcast,
    };
    uint8_t on;

    if (c->number >= ARRAY_SIZE(modes) || !get_data(c, 0, &on, 1)) {
        return false;
    }
    *modes[c->number] = on;
    filter_changed(s);
    return true;
}

/* A count and as many addresses at *offset, which moves past them. */
static bool get_macs(const Command *c, size_t *offset, uint8_t (*table)[NET_MAC_BYTES],
                     uint32_t *n, bool *overflow)
{
    uint32_t count;

    *n = 0;
    *overflow = false;
    if (!get_data(c, *offset, &count, sizeof(count)) ||
        count > (c->bytes - *offset - sizeof(count)) / NET_MAC_BYTES) {
        return false;
    }
    *offset += sizeof(count);
    if (count > FILTER_MACS) {
        *overflow = true;
    } else {
        *n = count;
        get_data(c, *offset, table, (size_t)count * NET_MAC_BYTES);
    }
    *offset += (size_t)count * NET_MAC_BYTES;
    return true;
}

static bool mac_table(VirtIONet *s, const Command *c)
{
    NetFilter f = s->filter;
    size_t offset = 0;

    if (!get_macs(c, &offset, f.uni, &f.nr_uni, &f.uni_overflow) ||
        !get_macs(c, &offset, f.multi, &f.nr_multi, &f.multi_overflow) || offset != c->bytes) {
        return false;
    }
    s->filter = f;
    filter_changed(s);
    return true;
}

static bool mac_command(VirtIONet *s, const Command *c)
{
    if (c->number == MAC_ADDR_SET && c->bytes == NET_MAC_BYTES) {
        get_data(c, 0, s->mac, NET_MAC_BYTES);
        filter_changed(s);
        return true;
    }
    return c->number == MAC_TABLE_SET && mac_table(s, c);
}

static bool vlan_command(VirtIONet *s, const Command *c)
{
    uint16_t id;

    if (!get_data(c, 0, &id, sizeof(id)) || id >= VLANS || c->number > VLAN_DEL) {
        return false;
    }
    s->filter.vlans[id / 64] = deposit64(s->filter.vlans[id / 64], id % 64, 1,
                                         c->number == VLAN_ADD);
    filter_changed(s);
    return true;
}

static bool announce_command(VirtIONet *s, const Command *c)
{
    if (c->number != 0 || !(s->status & S_ANNOUNCE)) {
        return false;
    }
    s->status &= (uint16_t)~S_ANNOUNCE;
    return true;
}

static bool mq_command(VirtIONet *s, const Command *c)
{
    uint16_t pairs;

    if (c->number != 0 || !virtio_has(&s->vdev, F_MQ) || !get_data(c, 0, &pairs, sizeof(pairs)) ||
        !pairs || pairs > s->max_pairs) {
        return false;
    }
    net_set_active_pairs(s, pairs);
    return true;
}

static bool offloads_command(VirtIONet *s, const Command *c)
{
    uint64_t offloads;

    if (c->number != 0 || !virtio_has(&s->vdev, F_CTRL_GUEST_OFFLOADS) || !s->has_vnet_hdr ||
        c->bytes != sizeof(offloads) || !get_data(c, 0, &offloads, sizeof(offloads)) ||
        offloads & ~(s->vdev.guest_features & net_offload_features)) {
        return false;
    }
    s->guest_offloads = offloads;
    net_apply_offloads(s);
    return true;
}

static bool (*const classes[])(VirtIONet *s, const Command *c) = {
    [CLASS_RX] = rx_mode,
    [CLASS_MAC] = mac_command,
    [CLASS_VLAN] = vlan_command,
    [CLASS_ANNOUNCE] = announce_command,
    [CLASS_MQ] = mq_command,
    [CLASS_GUEST_OFFLOADS] = offloads_command,
};

void net_ctrl_handle(VirtIONet *s, unsigned n)
{
    VirtQueue *vq = virtio_queue(&s->vdev, n);
    VirtQueueElement *e;

    while ((e = virtqueue_pop(vq)) != NULL) {
        uint8_t head[HEADER_BYTES], ack;
        Command c = { .e = e };

        if (e->out_bytes < HEADER_BYTES || !e->in_bytes) {
            virtio_error(&s->vdev, "virtio-net ctrl missing headers");
            g_free(e);
            return;
        }
        iov_to_buf(e->out_sg, e->out_num, 0, head, HEADER_BYTES);
        c.class = head[0];
        c.number = head[1];
        c.bytes = e->out_bytes - HEADER_BYTES;
        ack = !(c.class < ARRAY_SIZE(classes) && classes[c.class](s, &c));
        iov_from_buf(e->in_sg, e->in_num, 0, &ack, sizeof(ack));
        virtqueue_push(vq, e, sizeof(ack));
        virtio_notify(&s->vdev, n);
    }
}
