/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network clients: ends of cables. A cable joins a device's queue (a NIC) and a queue of a back
 * end; what one sends the other receives. BQL; back ends read in the main loop.
 *
 *   NIC ── net_send() ──► back end's receive()      back end ── net_send() ──► NIC's receive()
 *
 * Who cannot take a frame now keeps it in a bounded queue; the sender hears of it (false) and stops
 * until its resume() is called.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "qemu/osdep.h"
#include "qemu/error.h"

#include <sys/uio.h>

#define NET_MAX_FRAME_BYTES (4096 + 65536) /* with headers; longer ones are dropped */
#define NET_MAX_QUEUES 31 /* pairs of a device: with the control queue VIRTIO_MAX_QUEUES */
#define NET_MAC_BYTES 6

typedef struct NetClient NetClient;
typedef struct RxFilterInfo RxFilterInfo;
typedef struct Netdev Netdev;

/* Offloads the receiver of frames with a header can do by itself. */
typedef struct NetOffloads {
    bool csum, tso4, tso6, ecn, ufo;
} NetOffloads;

/* A kind of client. Functions that are NULL do nothing. */
typedef struct NetClientClass {
    const char *kind; /* "nic", "user", "tap" */
    size_t size;      /* of the structure that begins with a NetClient */
    /* Back ends: makes all queues of the netdev (net_client_new()). */
    bool (*create)(const Netdev *opts, Error **errp);
    /* Takes or drops a frame: true. False: no room now; net_flush() follows when there is. */
    bool (*receive)(NetClient *nc, const struct iovec *iov, unsigned n);
    /* False: frames wait without being offered. NULL: always. */
    bool (*can_receive)(NetClient *nc);
    /* The peer takes frames again after net_send() was false. */
    void (*resume)(NetClient *nc);
    void (*link_changed)(NetClient *nc);
    /* Frees what the class has; the cable is cut already. */
    void (*close)(NetClient *nc);
    /* Back ends with vnet_hdr: length of the header before each frame from now on, and what the
     * guest can do. */
    void (*set_vnet_hdr_len)(NetClient *nc, unsigned bytes);
    void (*set_offloads)(NetClient *nc, const NetOffloads *o);
    /* Back ends: stop or start this queue of a multiqueue interface. */
    void (*set_enabled)(NetClient *nc, bool on);
    /* NICs. */
    RxFilterInfo *(*query_rx_filter)(NetClient *nc);
    void (*announce)(NetClient *nc);
} NetClientClass;

struct NetClient {
    const NetClientClass *cls;
    char *name;           /* all queues of a netdev share it */
    unsigned queue_index;
    char *info;           /* what `info network` says of it */
    NetClient *peer;      /* the other end; NULL: none */
    bool link_down;
    bool is_netdev;       /* -netdev, netdev_add: can be removed */
    bool closed;          /* removed, and its peer not gone yet */
    bool has_vnet_hdr, has_ufo; /* back ends: frames can carry a header */
    unsigned vnet_hdr_len;      /* bytes before each frame it sends and receives */
    GQueue waiting;       /* of GBytes: frames for it */
    bool sender_waits;    /* the peer was told false */
    bool delivering;
    uint8_t mac[NET_MAC_BYTES]; /* NICs: for announcements */
};

/* --- Clients ---------------------------------------------------------------------------------- */

/* A new client, in the list. @name is copied. */
NetClient *net_client_new(const NetClientClass *cls, const char *name, unsigned queue_index);
/* Cuts the cable, calls close() and frees; NULL is fine. */
void net_client_delete(NetClient *nc);
void net_client_set_info(NetClient *nc, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void net_connect(NetClient *a, NetClient *b);
/* The queues of back end @id, in order; returns how many (at most @max are stored). */
unsigned net_find_netdev(const char *id, NetClient **queues, unsigned max);
/* Calls @fn for each client, in order of creation. */
void net_foreach(void (*fn)(void *opaque, NetClient *nc), void *opaque);
/* A name for a device without an id: "MODEL.N". Caller frees. */
char *net_nic_name(const char *model);
bool net_is_nic(const NetClient *nc);

/* Sends a frame, which begins with vnet_hdr_len bytes of header if that is not 0. False: the peer
 * is full. The frame waits there (or was dropped, when too many wait), send no more until
 * resume(). */
bool net_send(NetClient *from, const struct iovec *iov, unsigned n);
bool net_send_buf(NetClient *from, const void *buf, size_t len);
/* @nc takes frames again: offers those that wait, then lets the sender resume. */
void net_flush(NetClient *nc);
/* Forgets the frames that wait for @nc and lets the sender resume. */
void net_purge(NetClient *nc);

/* The VM was stopped or continues: devices receive only while it runs. */
void net_set_vm_running(bool running);
bool net_vm_running(void);

/* Ends all clients, at exit: interfaces go, scripts run. */
void net_cleanup(void);

/* --- MAC addresses ---------------------------------------------------------------------------- */

/* "52:54:00:12:34:56", also with dashes. */
bool net_parse_mac(const char *text, uint8_t mac[NET_MAC_BYTES]);
char *net_mac_text(const uint8_t mac[NET_MAC_BYTES]);
/* The next unused default address, from 52:54:00:12:34:56 on. An address that is all zero is "not
 * chosen"; others are noted as used. */
void net_choose_mac(uint8_t mac[NET_MAC_BYTES]);

/* --- Options and commands --------------------------------------------------------------------- */

/* -netdev, netdev_add: keyval or JSON. */
bool netdev_add_option(const char *arg, Error **errp);
bool netdev_add(const Netdev *opts, Error **errp);
/* Text of -netdev help. */
void netdev_print_help(FILE *f);
/* -nic and -net. Devices to make are put before those of @devices (strings as for -device). */
bool net_add_nics(GPtrArray *nics, GPtrArray *nets, GPtrArray *devices, Error **errp);
/* Whether @arg of -nic asks for the list of models, which is then printed. */
bool net_print_nic_help(const char *arg, FILE *f);
/* Warnings about ends that lead nowhere, when the machine is complete. */
void net_warn_unconnected(void);

/* Of user mode, for HMP; @id NULL: the first one. What there is to say goes to error_printf(). */
void net_user_hostfwd(const char *id, const char *rule, bool add);
/* Text of `info usernet`. */
void net_user_info(GString *out);

#endif
