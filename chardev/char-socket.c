/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stream sockets, UNIX and TCP. A server serves one client at a time and waits for the next one
 * when it leaves; a client can reconnect. Descriptors sent along (SCM_RIGHTS) are kept for
 * chardev_get_msgfd(). BQL, main loop.
 *
 *   listening --accept--> open --hangup--> listening
 *   waiting --timer--> connecting --writable--> open --hangup--> waiting
 */
#include "qemu/osdep.h"
#include "char-internal.h"
#include "socket-addr.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#define SOCKET_MAX_MSGFDS 16

typedef struct SocketChardev {
    Chardev chr;
    SocketAddr addr;
    bool is_server, nodelay;
    int listen_fd; /* -1: none */
    int fd;        /* the peer, or the one to be; -1: none */
    guint listen_tag, connect_tag, retry_tag, hup_tag;
    uint64_t reconnect_ms;  /* 0: no */
    bool failure_reported;  /* of the present series of attempts */
    char *unlink_path;      /* absolute: the process may change its directory */
    int msgfds[SOCKET_MAX_MSGFDS];
    unsigned nr_msgfds;
} SocketChardev;

static void drop_msgfds(SocketChardev *s)
{
    for (unsigned i = 0; i < s->nr_msgfds; i++) {
        close(s->msgfds[i]);
    }
    s->nr_msgfds = 0;
}

/* Keeps the descriptors of the last message that had any. */
static void take_msgfds(SocketChardev *s, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || !nr) {
            continue;
        }
        drop_msgfds(s);
        s->nr_msgfds = (unsigned)MIN(nr, SOCKET_MAX_MSGFDS);
        memcpy(s->msgfds, CMSG_DATA(c), s->nr_msgfds * sizeof(int));
    }
}

static ssize_t socket_read(Chardev *chr, uint8_t *buf, size_t len)
{
    SocketChardev *s = (SocketChardev *)chr;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * SOCKET_MAX_MSGFDS)];
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    ssize_t n = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n >= 0) {
        take_msgfds(s, &msg);
    }
    return n;
}

static ssize_t socket_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    return send(((SocketChardev *)chr)->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A peer that goes while nothing is read from it must be noticed all the same. */
static gboolean peer_hung_up(gint fd, GIOCondition condition, gpointer opaque)
{
    SocketChardev *s = opaque;

    if (chardev_can_read(&s->chr) > 0) {
        return G_SOURCE_CONTINUE; /* reading comes first: there may be data left */
    }
    s->hup_tag = 0;
    s->chr.cls->hangup(&s->chr);
    return G_SOURCE_REMOVE;
}

static void attach_peer(SocketChardev *s, int fd)
{
    int on = 1;

    s->fd = fd;
    s->failure_reported = false;
    if (s->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not TCP: no matter */
    }
    s->chr.in_fd = s->chr.out_fd = fd;
    s->hup_tag = g_unix_fd_add_full(G_PRIORITY_LOW, fd, G_IO_HUP | G_IO_ERR, peer_hung_up, s,
                                    NULL);
    chardev_set_open(&s->chr, true);
}

/* --- Server ---------------------------------------------------------------------------------- */

static gboolean client_arrived(gint fd, GIOCondition condition, gpointer opaque)
{
    SocketChardev *s = opaque;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0) {
        return G_SOURCE_CONTINUE; /* it has gone again, or the process has no descriptor left */
    }
    s->listen_tag = 0;
    attach_peer(s, client);
    return G_SOURCE_REMOVE;
}

static void await_client(SocketChardev *s)
{
    if (!s->listen_tag) {
        s->listen_tag = g_unix_fd_add(s->listen_fd, G_IO_IN, client_arrived, s);
    }
}

static char *socket_describe(const Chardev *chr)
{
    const SocketChardev *s = (const SocketChardev *)chr;
    const char *server = s->is_server ? ",server=on" : "";
    g_autofree char *text = NULL, *peer = NULL;

    if (s->addr.kind == SOCKET_UNIX || (!chr->open && s->listen_fd < 0)) {
        text = socket_addr_text(&s->addr);
    } else {
        text = socket_local_text(chr->open ? s->fd : s->listen_fd);
    }
    if (chr->open && g_str_has_prefix(text, "tcp:")) {
        peer = socket_peer_text(s->fd);
        return g_strdup_printf("%s%s <-> %s", text, server, peer);
    }
    return g_strconcat(chr->open ? "" : "disconnected:", text, server, NULL);
}

/* wait=on: start-up goes on when somebody has connected. A signal ends it. */
static bool wait_for_client(SocketChardev *s, Error **errp)
{
    g_autofree char *description = socket_describe(&s->chr);
    struct pollfd pfd = { s->listen_fd, POLLIN, 0 };
    int client;

    info_report("QEMU waiting for connection on: %s", description);
    if (poll(&pfd, 1, -1) < 0) {
        error_setg_errno(errp, errno, "waiting for a connection failed");
        return false;
    }
    client = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        await_client(s);
    } else {
        attach_peer(s, client);
    }
    return true;
}

static bool start_server(SocketChardev *s, bool wait, Error **errp)
{
    s->listen_fd = socket_addr_listen(&s->addr, errp);
    if (s->listen_fd < 0) {
        return false;
    }
    if (s->addr.kind == SOCKET_UNIX && !s->addr.abstract) {
        s->unlink_path = g_canonicalize_filename(s->addr.path, NULL);
    }
    if (wait) {
        return wait_for_client(s, errp);
    }
    await_client(s);
    return true;
}

/* --- Client ---------------------------------------------------------------------------------- */

static gboolean try_connect(gpointer opaque);

static void connect_failed(SocketChardev *s, Error *err)
{
    if (!s->failure_reported) {
        error_report("Unable to connect character device %s: %s", s->chr.id,
                     error_get_pretty(err));
        s->failure_reported = true;
    }
    error_free(err);
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
    s->retry_tag = g_timeout_add((guint)s->reconnect_ms, try_connect, s);
}

static gboolean connect_done(gint fd, GIOCondition condition, gpointer opaque)
{
    SocketChardev *s = opaque;
    Error *err = NULL;

    s->connect_tag = 0;
    if (socket_addr_finish(&s->addr, fd, &err)) {
        attach_peer(s, fd);
    } else {
        connect_failed(s, err);
    }
    return G_SOURCE_REMOVE;
}

static gboolean try_connect(gpointer opaque)
{
    SocketChardev *s = opaque;
    Error *err = NULL;
    bool pending = false;
    int fd;

    s->retry_tag = 0;
    fd = socket_addr_connect_start(&s->addr, &pending, &err);
    if (fd < 0) {
        connect_failed(s, err);
    } else if (pending) {
        s->fd = fd;
        s->connect_tag = g_unix_fd_add(fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, connect_done, s);
    } else {
        attach_peer(s, fd);
    }
    return G_SOURCE_REMOVE;
}

static bool start_client(SocketChardev *s, Error **errp)
{
    int fd;

    if (s->reconnect_ms) {
        s->retry_tag = g_idle_add(try_connect, s);
        return true;
    }
    fd = socket_addr_connect(&s->addr, errp);
    if (fd < 0) {
        return false;
    }
    attach_peer(s, fd);
    return true;
}

/* --- Class ----------------------------------------------------------------------------------- */

static void drop_peer(SocketChardev *s)
{
    g_clear_handle_id(&s->hup_tag, g_source_remove);
    if (s->fd >= 0) {
        chardev_pump_stop(&s->chr);
        close(s->fd);
    }
    s->fd = s->chr.in_fd = s->chr.out_fd = -1;
    drop_msgfds(s);
}

static void socket_hangup(Chardev *chr)
{
    SocketChardev *s = (SocketChardev *)chr;

    if (!chr->open) {
        return;
    }
    drop_peer(s);
    chardev_set_open(chr, false);
    if (s->is_server) {
        await_client(s);
    } else if (s->reconnect_ms && s->addr.kind != SOCKET_FD) {
        s->retry_tag = g_timeout_add((guint)s->reconnect_ms, try_connect, s);
    }
}

/* Options of QEMU that need parts this program does not have. */
static bool check_unsupported(const Keyval *kv, Error **errp)
{
    static const char *const flags[] = { "telnet", "tn3270", "websocket" };
    bool on = false;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (!keyval_get_bool(kv, flags[i], &on, errp)) {
            return false;
        }
        if (on) {
            error_setg(errp, "socket option '%s' is not supported", flags[i]);
            return false;
        }
    }
    if (keyval_get(kv, "tls-creds") || keyval_get(kv, "tls-authz")) {
        error_setg(errp, "TLS is not supported on socket chardevs");
        return false;
    }
    return true;
}

/* reconnect= is in seconds. */
static bool parse_reconnect(SocketChardev *s, const Keyval *kv, Error **errp)
{
    uint64_t seconds = 0;

    if (!keyval_get_u64(kv, "reconnect", &seconds, errp) ||
        !keyval_get_u64(kv, "reconnect-ms", &s->reconnect_ms, errp)) {
        return false;
    }
    if (seconds && s->reconnect_ms) {
        error_setg(errp, "'reconnect' and 'reconnect-ms' are mutually exclusive");
        return false;
    }
    if (seconds) {
        s->reconnect_ms = MIN(seconds, UINT32_MAX / 1000) * 1000;
    }
    s->reconnect_ms = MIN(s->reconnect_ms, INT32_MAX);
    return true;
}

static bool parse_options(SocketChardev *s, const Keyval *kv, bool *wait, Error **errp)
{
    bool delay = true;

    *wait = true;
    if (!keyval_get_bool(kv, "server", &s->is_server, errp) ||
        !keyval_get_bool(kv, "wait", wait, errp) ||
        !keyval_get_bool(kv, "delay", &delay, errp) ||
        !keyval_get_bool(kv, "nodelay", &s->nodelay, errp) ||
        !parse_reconnect(s, kv, errp) || !check_unsupported(kv, errp)) {
        return false;
    }
    s->nodelay |= !delay;
    if (s->is_server && s->reconnect_ms) {
        error_setg(errp, "'reconnect' option is incompatible with socket in server listen mode");
        return false;
    }
    if (!s->is_server && keyval_has(kv, "wait")) {
        error_setg(errp, "'wait' option is incompatible with socket in client connect mode");
        return false;
    }
    *wait = *wait && s->is_server;
    return true;
}

static bool socket_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    SocketChardev *s = (SocketChardev *)chr;
    bool wait;

    s->listen_fd = s->fd = -1;
    if (!socket_addr_parse(&s->addr, kv, errp) || !parse_options(s, kv, &wait, errp) ||
        !keyval_check_unused(kv, errp)) {
        return false;
    }
    return s->is_server ? start_server(s, wait, errp) : start_client(s, errp);
}

static void socket_close(Chardev *chr)
{
    SocketChardev *s = (SocketChardev *)chr;

    g_clear_handle_id(&s->listen_tag, g_source_remove);
    g_clear_handle_id(&s->connect_tag, g_source_remove);
    g_clear_handle_id(&s->retry_tag, g_source_remove);
    drop_peer(s);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->unlink_path) {
        unlink(s->unlink_path);
        g_free(s->unlink_path);
    }
    socket_addr_fini(&s->addr);
}

/* unix:PATH[,option...] and tcp:[HOST]:PORT[,option...] */
static bool socket_parse_short(Keyval *kv, const char *name, const char *rest, Error **errp)
{
    bool is_unix = !strcmp(name, "unix");
    g_autoptr(Keyval) opts = keyval_parse(rest, is_unix ? "path" : "address", errp);
    const char *address, *colon, *end;

    if (!opts) {
        return false;
    }
    if (!is_unix) {
        g_autofree char *host = NULL;

        address = keyval_get(opts, "address");
        colon = address ? strrchr(address, ':') : NULL;
        if (!colon || !colon[1]) {
            error_setg(errp, "parse error: %s:%s", name, rest);
            return false;
        }
        end = colon;
        if (address[0] == '[' && colon > address && colon[-1] == ']') {
            address++;
            end--;
        }
        host = g_strndup(address, end - address);
        keyval_add(kv, "host", host);
        keyval_add(kv, "port", colon + 1);
    }
    for (guint i = 0; i < opts->items->len; i++) {
        const KeyvalItem *item = &g_array_index(opts->items, KeyvalItem, i);

        if (strcmp(item->key, "address")) {
            keyval_add(kv, item->key, item->value);
        }
    }
    return true;
}

const ChardevClass chardev_socket = {
    .name = "socket",
    .size = sizeof(SocketChardev),
    .parse_short = socket_parse_short,
    .open = socket_open,
    .read = socket_read,
    .write = socket_write,
    .hangup = socket_hangup,
    .close = socket_close,
    .describe = socket_describe,
};

int chardev_get_msgfd(Chardev *chr)
{
    SocketChardev *s = (SocketChardev *)chr;
    int fd;

    if (chr->cls != &chardev_socket || !s->nr_msgfds) {
        return -1;
    }
    fd = s->msgfds[0];
    s->nr_msgfds--;
    memmove(s->msgfds, s->msgfds + 1, s->nr_msgfds * sizeof(int));
    return fd;
}

void chardev_disconnect(Chardev *chr)
{
    if (chr->open && chr->cls->hangup) {
        chr->cls->hangup(chr);
    }
}
