/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network clients, their cables and the frames that wait; see net.h. BQL. */
#include "qemu/osdep.h"
#include "net-internal.h"
#include "qapi/qapi-commands.h"
#include "trace.h"

#define MAX_WAITING 1000 /* frames; a back end that cannot stop (user) loses what comes then */

static GPtrArray *clients; /* in order of creation */
static bool vm_running;

/* --- Clients --------------------------------------------------------------------------------- */

NetClient *net_client_new(const NetClientClass *cls, const char *name, unsigned queue_index)
{
    NetClient *nc = g_malloc0(cls->size);

    nc->cls = cls;
    nc->name = g_strdup(name);
    nc->info = g_strdup("");
    nc->queue_index = queue_index;
    g_queue_init(&nc->waiting);
    if (!clients) {
        clients = g_ptr_array_new();
    }
    g_ptr_array_add(clients, nc);
    return nc;
}

static void drop_waiting(NetClient *nc)
{
    GBytes *frame;

    while ((frame = g_queue_pop_head(&nc->waiting)) != NULL) {
        g_bytes_unref(frame);
    }
}

static void cut(NetClient *nc)
{
    if (nc->peer) {
        drop_waiting(nc->peer);
        nc->peer->sender_waits = false;
        nc->peer->peer = NULL;
        nc->peer = NULL;
    }
}

/* Stops it for good. */
static void close_client(NetClient *nc)
{
    if (!nc->closed) {
        nc->closed = true;
        if (nc->cls->close) {
            nc->cls->close(nc);
        }
    }
    drop_waiting(nc);
}

void net_client_delete(NetClient *nc)
{
    NetClient *dead = nc && nc->peer && nc->peer->closed ? nc->peer : NULL;

    if (!nc) {
        return;
    }
    cut(nc);
    g_ptr_array_remove(clients, nc);
    close_client(nc);
    g_free(nc->name);
    g_free(nc->info);
    g_free(nc);
    net_client_delete(dead); /* it only waited for this one to go */
}

void net_client_set_info(NetClient *nc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_free(nc->info);
    nc->info = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

void net_connect(NetClient *a, NetClient *b)
{
    assert(!a->peer && !b->peer);
    a->peer = b;
    b->peer = a;
}

bool net_is_nic(const NetClient *nc)
{
    return !nc->cls->create;
}

unsigned net_find_netdev(const char *id, NetClient **queues, unsigned max)
{
    unsigned n = 0;

    for (guint i = 0; clients && i < clients->len; i++) {
        NetClient *nc = g_ptr_array_index(clients, i);

        if (!net_is_nic(nc) && !nc->closed && !strcmp(nc->name, id)) {
            if (n < max) {
                queues[n] = nc;
            }
            n++;
        }
    }
    return n;
}

void net_foreach(void (*fn)(void *opaque, NetClient *nc), void *opaque)
{
    for (guint i = 0; clients && i < clients->len; i++) {
        fn(opaque, g_ptr_array_index(clients, i));
    }
}

char *net_nic_name(const char *model)
{
    unsigned n = 0;

    /* Other devices of the model count, whether they have an id or not. */
    for (guint i = 0; clients && i < clients->len; i++) {
        const NetClient *nc = g_ptr_array_index(clients, i);
        g_autofree char *info = g_strdup_printf("model=%s,", model);

        n += net_is_nic(nc) && !nc->queue_index && g_str_has_prefix(nc->info, info);
    }
    return g_strdup_printf("%s.%u", model, n);
}

void net_cleanup(void)
{
    while (clients && clients->len) {
        net_client_delete(g_ptr_array_index(clients, clients->len - 1));
    }
    if (clients) {
        g_ptr_array_free(clients, TRUE);
        clients = NULL;
    }
}

/* --- Frames ---------------------------------------------------------------------------------- */

static size_t frame_bytes(const struct iovec *iov, unsigned n)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < n; i++) {
        bytes += iov[i].iov_len;
    }
    return bytes;
}

size_t net_gather(void *buf, const struct iovec *iov, unsigned n)
{
    size_t done = 0;

    for (unsigned i = 0; i < n; i++) {
        memcpy((uint8_t *)buf + done, iov[i].iov_base, iov[i].iov_len);
        done += iov[i].iov_len;
    }
    return done;
}

static bool is_ready(NetClient *nc)
{
    return !nc->cls->can_receive || nc->cls->can_receive(nc);
}

static bool offer(NetClient *nc, const struct iovec *iov, unsigned n)
{
    bool taken;

    /* What answers a frame while it is being delivered waits, or frames would nest. */
    if (nc->delivering || !is_ready(nc)) {
        return false;
    }
    nc->delivering = true;
    taken = nc->cls->receive(nc, iov, n);
    nc->delivering = false;
    return taken;
}

static void enqueue(NetClient *nc, const struct iovec *iov, unsigned n, size_t bytes)
{
    uint8_t *copy;

    if (g_queue_get_length(&nc->waiting) >= MAX_WAITING) {
        return;
    }
    copy = g_malloc(bytes);
    net_gather(copy, iov, n);
    g_queue_push_tail(&nc->waiting, g_bytes_new_take(copy, bytes));
}

bool net_send(NetClient *from, const struct iovec *iov, unsigned n)
{
    NetClient *to = from->peer;
    size_t bytes = frame_bytes(iov, n);

    if (!to || to->closed || from->link_down || to->link_down || !bytes ||
        bytes > NET_MAX_FRAME_BYTES) {
        return true;
    }
    trace_net_send(from->name, to->name, bytes);
    if (g_queue_is_empty(&to->waiting) && offer(to, iov, n)) {
        if (!g_queue_is_empty(&to->waiting)) {
            net_flush(to); /* answers to what was just delivered */
        }
        return true;
    }
    enqueue(to, iov, n, bytes);
    to->sender_waits = true;
    return false;
}

bool net_send_buf(NetClient *from, const void *buf, size_t len)
{
    struct iovec iov = { (void *)buf, len };

    return net_send(from, &iov, 1);
}

static void resume_sender(NetClient *nc)
{
    if (nc->sender_waits && g_queue_is_empty(&nc->waiting)) {
        nc->sender_waits = false;
        if (nc->peer && nc->peer->cls->resume) {
            nc->peer->cls->resume(nc->peer);
        }
    }
}

void net_flush(NetClient *nc)
{
    GBytes *frame;

    while (!nc->delivering && (frame = g_queue_pop_head(&nc->waiting)) != NULL) {
        gsize len;
        const void *data = g_bytes_get_data(frame, &len);
        struct iovec iov = { (void *)data, len };

        if (!offer(nc, &iov, 1)) {
            g_queue_push_head(&nc->waiting, frame);
            return;
        }
        g_bytes_unref(frame);
    }
    resume_sender(nc);
}

void net_purge(NetClient *nc)
{
    drop_waiting(nc);
    resume_sender(nc);
}

static void wake_nic(void *opaque, NetClient *nc)
{
    if (net_is_nic(nc)) {
        net_flush(nc);
        nc->cls->resume(nc);
    }
}

void net_set_vm_running(bool running)
{
    vm_running = running;
    if (running) {
        net_foreach(wake_nic, NULL);
    }
}

bool net_vm_running(void)
{
    return vm_running;
}

/* --- MAC addresses --------------------------------------------------------------------------- */

bool net_parse_mac(const char *text, uint8_t mac[NET_MAC_BYTES])
{
    for (unsigned i = 0; i < NET_MAC_BYTES; i++, text += 3) {
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1])) {
            return false;
        }
        mac[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
        if (i + 1 < NET_MAC_BYTES ? text[2] != ':' && text[2] != '-' : text[2] != '\0') {
            return false;
        }
    }
    return true;
}

char *net_mac_text(const uint8_t mac[NET_MAC_BYTES])
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                           mac[5]);
}

void net_choose_mac(uint8_t mac[NET_MAC_BYTES])
{
    static const uint8_t none[NET_MAC_BYTES], base[NET_MAC_BYTES] = { 0x52, 0x54, 0, 0x12, 0x34 };
    bool used[256] = { false };

    if (memcmp(mac, none, NET_MAC_BYTES)) {
        return;
    }
    for (guint i = 0; clients && i < clients->len; i++) {
        const NetClient *nc = g_ptr_array_index(clients, i);

        if (net_is_nic(nc) && !memcmp(nc->mac, base, NET_MAC_BYTES - 1)) {
            used[nc->mac[NET_MAC_BYTES - 1]] = true;
        }
    }
    memcpy(mac, base, NET_MAC_BYTES);
    for (unsigned i = 0x56; i < 0xff; i++) {
        if (!used[i]) {
            mac[NET_MAC_BYTES - 1] = (uint8_t)i;
            return;
        }
    }
    mac[NET_MAC_BYTES - 1] = 0xff;
}

/* --- Link ------------------------------------------------------------------------------------ */

static void notify_link(NetClient *nc)
{
    if (nc->link_down) {
        net_purge(nc);
    }
    if (nc->cls->link_changed) {
        nc->cls->link_changed(nc);
    }
}

/* A back end takes its device along; a device without a cable leaves the back end as it is. */
static void set_link(NetClient *nc, bool up)
{
    nc->link_down = !up;
    if (nc->peer && net_is_nic(nc->peer)) {
        nc->peer->link_down = !up;
    }
}

bool qmp_set_link(const SetLinkArgs *args, Error **errp)
{
    unsigned found = 0;

    for (guint i = 0; clients && i < clients->len; i++) {
        NetClient *nc = g_ptr_array_index(clients, i);

        if (!nc->closed && !strcmp(nc->name, args->name)) {
            set_link(nc, args->up);
            found++;
        }
    }
    if (!found) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", args->name);
        return false;
    }
    for (guint i = 0; i < clients->len; i++) {
        NetClient *nc = g_ptr_array_index(clients, i);

        if (!nc->closed && !strcmp(nc->name, args->name)) {
            notify_link(nc);
            if (nc->peer) {
                notify_link(nc->peer);
            }
        }
    }
    return true;
}

/* --- Removal --------------------------------------------------------------------------------- */

/* The device keeps its dead back end until it goes itself, as clients know it; the link is down. */
static void retire(NetClient *nc)
{
    close_client(nc);
    nc->peer->link_down = true;
    notify_link(nc->peer);
}

bool qmp_netdev_del(const NetdevDelArgs *args, Error **errp)
{
    NetClient *queues[NET_MAX_QUEUES];
    unsigned n = net_find_netdev(args->id, queues, NET_MAX_QUEUES);

    if (!n) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found", args->id);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (queues[i]->peer) {
            retire(queues[i]);
        } else {
            net_client_delete(queues[i]);
        }
    }
    return true;
}

void net_warn_unconnected(void)
{
    for (guint i = 0; clients && i < clients->len; i++) {
        const NetClient *nc = g_ptr_array_index(clients, i);

        if (!nc->peer && !nc->queue_index) {
            warn_report("%s %s has no peer", net_is_nic(nc) ? "nic" : "netdev", nc->name);
        }
    }
}

/* --- query-rx-filter ------------------------------------------------------------------------- */

bool qmp_query_rx_filter(const QueryRxFilterArgs *args, RxFilterInfoList **ret, Error **errp)
{
    g_autoptr(RxFilterInfoList) list = g_new0(RxFilterInfoList, 1);
    bool named = false;

    for (guint i = 0; clients && i < clients->len; i++) {
        NetClient *nc = g_ptr_array_index(clients, i);
        RxFilterInfo *info;

        if (nc->queue_index || (args->name && strcmp(nc->name, args->name))) {
            continue;
        }
        named = true;
        if (!net_is_nic(nc)) {
            if (args->name) {
                error_setg(errp, "net client(%s) isn't a NIC", args->name);
                return false;
            }
            continue;
        }
        info = nc->cls->query_rx_filter(nc);
        *RxFilterInfoList_append(list) = *info;
        g_free(info); /* not what it points to */
    }
    if (args->name && !named) {
        error_setg(errp, "invalid net client name: %s", args->name);
        return false;
    }
    *ret = g_steal_pointer(&list);
    return true;
}
