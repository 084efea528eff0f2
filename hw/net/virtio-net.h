/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the network device (virtio 1.2, 5.1): queues (virtio-net.c) and what the driver
 * commands by the control queue (virtio-net-ctrl.c). BQL. */
#ifndef HW_NET_VIRTIO_NET_H
#define HW_NET_VIRTIO_NET_H

#include "hw/virtio/virtio.h"
#include "net/net.h"

/* Features (5.1.3) */
enum {
    F_CSUM = 0,
    F_GUEST_CSUM = 1,
    F_CTRL_GUEST_OFFLOADS = 2,
    F_MTU = 3,
    F_MAC = 5,
    F_GSO = 6, /* legacy */
    F_GUEST_TSO4 = 7,
    F_GUEST_TSO6 = 8,
    F_GUEST_ECN = 9,
    F_GUEST_UFO = 10,
    F_HOST_TSO4 = 11,
    F_HOST_TSO6 = 12,
    F_HOST_ECN = 13,
    F_HOST_UFO = 14,
    F_MRG_RXBUF = 15,
    F_STATUS = 16,
    F_CTRL_VQ = 17,
    F_CTRL_RX = 18,
    F_CTRL_VLAN = 19,
    F_CTRL_RX_EXTRA = 20,
    F_GUEST_ANNOUNCE = 21,
    F_MQ = 22,
    F_CTRL_MAC_ADDR = 23,
    F_SPEED_DUPLEX = 63,
};

enum {
    S_LINK_UP = 1,
    S_ANNOUNCE = 2,

    FILTER_MACS = 64,
    VLANS = 4096,
};

/* What the guest can switch off again. */
static const uint64_t net_offload_features =
    1 << F_GUEST_CSUM | 1 << F_GUEST_TSO4 | 1 << F_GUEST_TSO6 | 1 << F_GUEST_ECN |
    1 << F_GUEST_UFO;

/* Which frames reach the driver (5.1.6.5). */
typedef struct NetFilter {
    bool promisc, allmulti, alluni, nomulti, nouni, nobcast, uni_overflow, multi_overflow;
    uint32_t nr_uni, nr_multi;
    uint8_t uni[FILTER_MACS][NET_MAC_BYTES], multi[FILTER_MACS][NET_MAC_BYTES];
    uint64_t vlans[VLANS / 64];
} NetFilter;

typedef struct VirtIONet VirtIONet;

/* A pair of queues: 2n receives, 2n+1 sends. */
typedef struct NetPair {
    NetClient nc;
    VirtIONet *s;
    bool tx_held;    /* the back end is full */
    bool tx_pending; /* to be looked at by the main loop */
} NetPair;

struct VirtIONet {
    VirtIODevice vdev;
    NetPair *pair[NET_MAX_QUEUES];
    unsigned max_pairs;
    bool has_vnet_hdr;
    GSource *tx_source;
    VirtQueueElement **rx_e; /* the buffers of one frame, VIRTQUEUE_MAX_SIZE */
    size_t *rx_len;          /* bytes in each */

    /* What the driver sees and changes */
    uint8_t mac[NET_MAC_BYTES];
    uint16_t status;       /* S_* */
    uint16_t active_pairs;
    uint32_t guest_hdr_len;
    uint64_t guest_offloads;
    NetFilter filter;
    bool filter_event; /* send the next NIC_RX_FILTER_CHANGED */

    /* Properties */
    char *netdev;
    NetClient *peers[NET_MAX_QUEUES];
    unsigned nr_peers;
    uint8_t conf_mac[NET_MAC_BYTES];
    bool csum, guest_csum, gso, guest_tso4, guest_tso6, guest_ecn, guest_ufo, guest_announce,
        host_tso4, host_tso6, host_ecn, host_ufo, mrg_rxbuf, status_prop, ctrl_vq, ctrl_rx,
        ctrl_vlan, ctrl_rx_extra, ctrl_mac_addr, ctrl_guest_offloads, mq, rss, hash, guest_rsc_ext,
        failover, x_mtu_bypass_backend;
    uint32_t rsc_interval, txtimer;
    int32_t txburst, speed, bootindex;
    uint16_t rx_queue_size, tx_queue_size, host_mtu;
    uint8_t duplex_value;
    char *tx, *duplex;
};

static inline VirtIONet *net_of(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIONet, vdev);
}

/* Everything as after reset: all frames pass. */
void net_filter_reset(NetFilter *f);
/* Whether a frame passes; @head holds its first @len bytes, at least the Ethernet header. */
bool net_filter_accepts(const VirtIONet *s, const uint8_t *head, size_t len);
/* For query-rx-filter; the caller frees the structure and takes over what it points to. */
RxFilterInfo *net_filter_query(NetClient *nc);
/* Works off the control queue @n. */
void net_ctrl_handle(VirtIONet *s, unsigned n);
/* Tells the back end what the guest takes now. */
void net_apply_offloads(VirtIONet *s);
/* The first @n pairs are in use. */
void net_set_active_pairs(VirtIONet *s, unsigned n);

#endif
