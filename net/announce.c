/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the addresses of network devices known: reverse ARP frames that teach switches where they
 * are (RFC 903), several times, with growing waits. BQL, main loop. */
#include "qemu/osdep.h"
#include "net-internal.h"
#include "qapi/qapi-commands.h"
#include "qemu/timer.h"

enum {
    RARP_BYTES = 60,
    ETHERTYPE_RARP = 0x8035,
    MAX_WAIT_MS = 100000,
    MAX_ROUNDS = 1000,
};

typedef struct Announce {
    char *id; /* "" where none is given */
    GStrv interfaces; /* NULL: all */
    int64_t wait_ms, max_ms, step_ms;
    unsigned rounds; /* left */
    QEMUTimer *timer;
} Announce;

static GPtrArray *series; /* of Announce */

static void announce_free(Announce *a)
{
    timer_free(a->timer);
    g_strfreev(a->interfaces);
    g_free(a->id);
    g_free(a);
}

/* Ethernet, IPv4, request reverse: who am I? */
static void fill_rarp(uint8_t *frame, const uint8_t *mac)
{
    static const uint8_t head[] = {
        ETHERTYPE_RARP >> 8, ETHERTYPE_RARP & 0xff, 0, 1, 8, 0, NET_MAC_BYTES, 4, 0, 3,
    };

    memset(frame, 0, RARP_BYTES);
    memset(frame, 0xff, NET_MAC_BYTES);
    memcpy(frame + 6, mac, NET_MAC_BYTES);
    memcpy(frame + 12, head, sizeof(head));
    memcpy(frame + 22, mac, NET_MAC_BYTES);
    memcpy(frame + 32, mac, NET_MAC_BYTES);
}

static void announce_one(void *opaque, NetClient *nc)
{
    const Announce *a = opaque;
    uint8_t header[16] = { 0 }, frame[RARP_BYTES];
    struct iovec iov[2] = { { header, nc->vnet_hdr_len }, { frame, RARP_BYTES } };

    if (!net_is_nic(nc) || nc->queue_index || nc->link_down ||
        (a->interfaces && !g_strv_contains((const char *const *)a->interfaces, nc->name))) {
        return;
    }
    assert(nc->vnet_hdr_len <= sizeof(header));
    fill_rarp(frame, nc->mac);
    net_send(nc, iov[0].iov_len ? iov : iov + 1, iov[0].iov_len ? 2 : 1);
    if (nc->cls->announce) {
        nc->cls->announce(nc);
    }
}

static void announce_round(void *opaque)
{
    Announce *a = opaque;

    net_foreach(announce_one, a);
    if (!--a->rounds) {
        g_ptr_array_remove(series, a);
        announce_free(a);
        return;
    }
    timer_mod_ns(a->timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + a->wait_ms * SCALE_MS);
    a->wait_ms = MIN(a->wait_ms + a->step_ms, a->max_ms);
}

/* A series replaces the one of the same name. */
static void end_series(const char *id)
{
    for (guint i = 0; series && i < series->len; i++) {
        Announce *a = g_ptr_array_index(series, i);

        if (!strcmp(a->id, id)) {
            g_ptr_array_remove_index(series, i);
            announce_free(a);
            return;
        }
    }
}

static bool check(const char *name, int64_t value, int64_t max, Error **errp)
{
    if (value < 0 || value > max) {
        error_setg(errp, "Parameter '%s' expects a number between 0 and %" PRId64, name, max);
        return false;
    }
    return true;
}

bool qmp_announce_self(const AnnounceParameters *args, Error **errp)
{
    Announce *a;

    if (!check("initial", args->initial, MAX_WAIT_MS, errp) ||
        !check("max", args->max, MAX_WAIT_MS, errp) ||
        !check("rounds", args->rounds, MAX_ROUNDS, errp) ||
        !check("step", args->step, MAX_WAIT_MS, errp)) {
        return false;
    }
    end_series(args->id ? args->id : "");
    if (!args->rounds) {
        return true;
    }
    a = g_new0(Announce, 1);
    a->id = g_strdup(args->id ? args->id : "");
    a->wait_ms = MAX(args->initial, 1);
    a->max_ms = MAX(args->max, 1);
    a->step_ms = args->step;
    a->rounds = (unsigned)args->rounds;
    if (args->interfaces) {
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();

        for (size_t i = 0; i < args->interfaces->len; i++) {
            g_strv_builder_add(b, args->interfaces->items[i]);
        }
        a->interfaces = g_strv_builder_end(b);
    }
    a->timer = timer_new_ns(QEMU_CLOCK_REALTIME, announce_round, a);
    if (!series) {
        series = g_ptr_array_new();
    }
    g_ptr_array_add(series, a);
    announce_round(a);
    return true;
}
