/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev stream and dgram: another process by a socket of any family. BQL, main loop. */
#include "qemu/osdep.h"
#include "frames.h"
#include "chardev/socket-addr.h"
#include "qapi/qapi-events.h"
#include "qemu/cutils.h"

#include <arpa/inet.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

typedef struct StreamNet {
    NetClient nc;
    FrameSocket frames;
    SocketAddr addr;
    int listen_fd, connect_fd; /* -1: none */
    guint listen_tag, connect_tag;
    char *unlink_path;
} StreamNet;

/* --- Addresses ------------------------------------------------------------------------------- */

static int fd_of(const SocketAddress *a, const char *id, Error **errp)
{
    int fd = net_take_fd(a->u.fd->str, errp);

    return fd >= 0 && net_prepare_fd(id, fd, errp) ? fd : -1;
}

static bool parse_port(const char *text, uint16_t *port, Error **errp)
{
    uint64_t value;

    if (qemu_strtou64(text, NULL, 10, &value) < 0) {
        return true; /* the name of a service */
    }
    if (value > UINT16_MAX) {
        error_setg(errp, "port %s is not in the range 0..65535", text);
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

static int family_of(const InetSocketAddress *a)
{
    if (a->has_ipv4 && a->ipv4 && !(a->has_ipv6 && a->ipv6)) {
        return AF_INET;
    }
    if (a->has_ipv6 && a->ipv6 && !(a->has_ipv4 && a->ipv4)) {
        return AF_INET6;
    }
    return a->has_ipv4 && !a->ipv4 ? AF_INET6 : a->has_ipv6 && !a->ipv6 ? AF_INET : AF_UNSPEC;
}

static bool to_socket_addr(SocketAddr *to, const SocketAddress *a, const char *id, Error **errp)
{
    *to = (SocketAddr){ .fd = -1, .tight = true };
    switch (a->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        to->kind = SOCKET_INET;
        to->host = g_strdup(a->u.inet->host);
        to->port_text = g_strdup(a->u.inet->port);
        to->family = family_of(a->u.inet);
        if (!parse_port(to->port_text, &to->port, errp)) {
            return false;
        }
        to->to = a->u.inet->has_to ? a->u.inet->to : to->port;
        return true;
    case SOCKET_ADDRESS_TYPE_UNIX:
        to->kind = SOCKET_UNIX;
        to->path = g_strdup(a->u.q_unix->path);
        to->abstract = a->u.q_unix->has_abstract && a->u.q_unix->abstract;
        to->tight = !a->u.q_unix->has_tight || a->u.q_unix->tight;
        return true;
    default:
        to->kind = SOCKET_FD;
        to->fd = fd_of(a, id, errp);
        return to->fd >= 0;
    }
}

/* A datagram address; false with the error. */
static bool to_sockaddr(const SocketAddress *a, struct sockaddr_storage *ss, socklen_t *len,
                        Error **errp)
{
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
    struct sockaddr_un *un = (struct sockaddr_un *)ss;
    int ret;

    memset(ss, 0, sizeof(*ss));
    if (a->type == SOCKET_ADDRESS_TYPE_UNIX) {
        un->sun_family = AF_UNIX;
        *len = sizeof(*un);
        if (g_strlcpy(un->sun_path, a->u.q_unix->path, sizeof(un->sun_path)) >=
            sizeof(un->sun_path)) {
            error_setg(errp, "UNIX socket path '%s' is too long", a->u.q_unix->path);
            return false;
        }
        return true;
    }
    hints.ai_family = family_of(a->u.inet) == AF_INET6 ? AF_INET6 : AF_INET;
    ret = getaddrinfo(*a->u.inet->host ? a->u.inet->host : NULL, a->u.inet->port, &hints, &found);
    if (ret) {
        error_setg(errp, "address resolution failed for %s:%s: %s", a->u.inet->host,
                   a->u.inet->port, gai_strerror(ret));
        return false;
    }
    memcpy(ss, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* --- Stream ---------------------------------------------------------------------------------- */

static void tell_connected(StreamNet *s)
{
    InetSocketAddress inet = { 0 };
    UnixSocketAddress path = { .path = s->addr.path ? s->addr.path : (char *)"" };
    SocketAddress addr = { .type = SOCKET_ADDRESS_TYPE_UNIX, .u.q_unix = &path };
    EventNetdevStreamConnected event = { .netdev_id = s->nc.name, .addr = &addr };
    g_autofree char *text = socket_peer_text(s->frames.fd);
    char *colon = s->addr.kind == SOCKET_INET && text ? strrchr(text, ':') : NULL;

    if (colon) {
        net_client_set_info(&s->nc, "tcp:%s", text);
        *colon = '\0';
        inet = (InetSocketAddress){ .host = text, .port = colon + 1 };
        addr = (SocketAddress){ .type = SOCKET_ADDRESS_TYPE_INET, .u.inet = &inet };
    } else {
        net_client_set_info(&s->nc, "unix:%s", path.path);
    }
    qapi_event_send_netdev_stream_connected(&event);
}

static void start_frames(StreamNet *s, int fd)
{
    frames_start(&s->frames, &s->nc, fd, true);
    tell_connected(s);
}

static gboolean client_arrived(gint fd, GIOCondition condition, gpointer opaque)
{
    StreamNet *s = opaque;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0) {
        return G_SOURCE_CONTINUE;
    }
    s->listen_tag = 0;
    start_frames(s, client);
    return G_SOURCE_REMOVE;
}

static void await_client(StreamNet *s)
{
    if (s->listen_fd >= 0 && !s->listen_tag) {
        s->listen_tag = g_unix_fd_add(s->listen_fd, G_IO_IN, client_arrived, s);
    }
}

static void stream_gone(NetClient *nc)
{
    EventNetdevStreamDisconnected event = { .netdev_id = nc->name };

    net_client_set_info(nc, "%s", "");
    qapi_event_send_netdev_stream_disconnected(&event);
    await_client((StreamNet *)nc);
}

static gboolean connected(gint fd, GIOCondition condition, gpointer opaque)
{
    StreamNet *s = opaque;
    Error *err = NULL;

    s->connect_tag = 0;
    s->connect_fd = -1;
    if (socket_addr_finish(&s->addr, fd, &err)) {
        start_frames(s, fd);
    } else {
        error_prepend(&err, "netdev %s: ", s->nc.name);
        error_report_err(err);
        close(fd);
    }
    return G_SOURCE_REMOVE;
}

static bool start_server(StreamNet *s, Error **errp)
{
    s->listen_fd = socket_addr_listen(&s->addr, errp);
    if (s->listen_fd < 0) {
        return false;
    }
    if (s->addr.kind == SOCKET_UNIX && !s->addr.abstract) {
        s->unlink_path = g_canonicalize_filename(s->addr.path, NULL);
    }
    await_client(s);
    return true;
}

static bool start_client(StreamNet *s, Error **errp)
{
    bool pending = false;
    int fd;

    if (s->addr.kind == SOCKET_FD) {
        frames_start(&s->frames, &s->nc, s->addr.fd, true);
        net_client_set_info(&s->nc, "fd:%d", s->addr.fd);
        return true;
    }
    fd = socket_addr_connect_start(&s->addr, &pending, errp);
    if (fd < 0) {
        return false;
    }
    if (pending) {
        s->connect_fd = fd;
        s->connect_tag = g_unix_fd_add(fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, connected, s);
    } else {
        start_frames(s, fd);
    }
    return true;
}

static StreamNet *new_client(const NetClientClass *cls, const char *id)
{
    StreamNet *s = (StreamNet *)net_client_new(cls, id, 0);

    s->frames.fd = s->listen_fd = s->connect_fd = -1;
    s->frames.gone = stream_gone;
    return s;
}

static bool stream_create(const Netdev *opts, Error **errp)
{
    const NetdevStreamOptions *o = opts->u.stream;
    StreamNet *s = new_client(&net_stream, opts->id);

    if (!to_socket_addr(&s->addr, o->addr, opts->id, errp) ||
        !(o->has_server && o->server ? start_server(s, errp) : start_client(s, errp))) {
        net_client_delete(&s->nc);
        return false;
    }
    return true;
}

static bool stream_receive(NetClient *nc, const struct iovec *iov, unsigned n)
{
    return frames_send(&((StreamNet *)nc)->frames, iov, n);
}

static void stream_resume(NetClient *nc)
{
    frames_resume(&((StreamNet *)nc)->frames);
}

static void stream_close(NetClient *nc)
{
    StreamNet *s = (StreamNet *)nc;

    g_clear_handle_id(&s->listen_tag, g_source_remove);
    g_clear_handle_id(&s->connect_tag, g_source_remove);
    frames_stop(&s->frames);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->connect_fd >= 0) {
        close(s->connect_fd);
    }
    if (s->unlink_path) {
        unlink(s->unlink_path);
        g_clear_pointer(&s->unlink_path, g_free);
    }
    s->listen_fd = s->connect_fd = -1;
    socket_addr_fini(&s->addr);
}

const NetClientClass net_stream = {
    .kind = "stream",
    .size = sizeof(StreamNet),
    .create = stream_create,
    .receive = stream_receive,
    .resume = stream_resume,
    .close = stream_close,
};

/* --- Datagrams ------------------------------------------------------------------------------- */

static bool is_group(const struct sockaddr_storage *ss)
{
    const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;

    return ss->ss_family == AF_INET && IN_MULTICAST(ntohl(sin->sin_addr.s_addr));
}

static bool join_group(int fd, const struct sockaddr_storage *group,
                       const struct sockaddr_storage *local, Error **errp)
{
    struct ip_mreqn req = {
        .imr_multiaddr = ((const struct sockaddr_in *)group)->sin_addr,
        .imr_address = ((const struct sockaddr_in *)local)->sin_addr,
    };
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)group, sizeof(struct sockaddr_in)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &req.imr_address,
                   sizeof(req.imr_address)) < 0) {
        error_setg_errno(errp, errno, "can't add socket to multicast group");
        return false;
    }
    return true;
}

static char *dgram_text(const SocketAddress *a)
{
    return a->type == SOCKET_ADDRESS_TYPE_UNIX
               ? g_strdup(a->u.q_unix->path)
               : g_strdup_printf("%s:%s", a->u.inet->host, a->u.inet->port);
}

/* A socket bound to @o->local that sends to @o->remote. */
static bool open_dgram(StreamNet *s, const NetdevDgramOptions *o, Error **errp)
{
    struct sockaddr_storage local = { 0 }, *to = &s->frames.to;
    socklen_t local_len = 0;
    g_autofree char *remote_text = dgram_text(o->remote);
    g_autofree char *local_text = o->local ? dgram_text(o->local) : g_strdup("");
    bool is_unix = o->remote->type == SOCKET_ADDRESS_TYPE_UNIX;
    int on = 1;

    if (!to_sockaddr(o->remote, to, &s->frames.to_len, errp) ||
        (o->local && !to_sockaddr(o->local, &local, &local_len, errp))) {
        return false;
    }
    s->connect_fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->connect_fd < 0) {
        error_setg_errno(errp, errno, "can't create socket");
        return false;
    }
    if (is_group(to)) {
        net_client_set_info(&s->nc, "mcast=%s", remote_text);
        return join_group(s->connect_fd, to, &local, errp);
    }
    if (is_unix) {
        unlink(o->local->u.q_unix->path);
    }
    setsockopt(s->connect_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(s->connect_fd, (struct sockaddr *)&local, local_len) < 0) {
        error_setg_errno(errp, errno, "can't bind %s to socket", local_text);
        return false;
    }
    if (is_unix) {
        s->unlink_path = g_canonicalize_filename(o->local->u.q_unix->path, NULL);
    }
    net_client_set_info(&s->nc, is_unix ? "udp=%s:%s" : "udp=%s/%s", local_text, remote_text);
    return true;
}

static bool start_dgram(StreamNet *s, const NetdevDgramOptions *o, Error **errp)
{
    bool is_group_option = o->remote && o->remote->type == SOCKET_ADDRESS_TYPE_INET && !o->local;

    if (!o->local && !is_group_option) {
        error_setg(errp, "dgram requires local= parameter");
        return false;
    }
    if (o->local && o->local->type == SOCKET_ADDRESS_TYPE_FD) {
        if (o->remote) {
            error_setg(errp, "don't set remote with local.fd");
            return false;
        }
        s->connect_fd = fd_of(o->local, s->nc.name, errp);
        net_client_set_info(&s->nc, "fd=%d", s->connect_fd);
        return s->connect_fd >= 0;
    }
    if (!o->remote || (o->local && o->remote->type != o->local->type)) {
        error_setg(errp, o->remote ? "remote and local types must be the same"
                                   : "type=inet or type=unix requires remote parameter");
        return false;
    }
    return open_dgram(s, o, errp);
}

static bool dgram_create(const Netdev *opts, Error **errp)
{
    StreamNet *s = new_client(&net_dgram, opts->id);
    int fd;

    s->addr.fd = -1;
    if (!start_dgram(s, opts->u.dgram, errp)) {
        net_client_delete(&s->nc);
        return false;
    }
    fd = s->connect_fd;
    s->connect_fd = -1;
    frames_start(&s->frames, &s->nc, fd, false);
    return true;
}

const NetClientClass net_dgram = {
    .kind = "dgram",
    .size = sizeof(StreamNet),
    .create = dgram_create,
    .receive = stream_receive,
    .resume = stream_resume,
    .close = stream_close,
};
