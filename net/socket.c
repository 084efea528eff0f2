/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev socket: another process by TCP, UDP, multicast, or an open socket. BQL, main loop. */
#include "qemu/osdep.h"
#include "frames.h"
#include "qemu/cutils.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>

typedef struct SocketNet {
    NetClient nc;
    FrameSocket frames;
    int listen_fd, connect_fd; /* -1: none */
    guint listen_tag, connect_tag;
} SocketNet;

/* --- Addresses ------------------------------------------------------------------------------- */

static bool resolve(const char *host, struct in_addr *addr, Error **errp)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;

    addr->s_addr = htonl(INADDR_ANY);
    if (!*host || inet_aton(host, addr)) {
        return true;
    }
    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        error_setg(errp, "can't resolve host address '%s'", host);
        return false;
    }
    *addr = ((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr;
    freeaddrinfo(found);
    return true;
}

static bool parse_host_port(const char *text, struct sockaddr_in *sin, Error **errp)
{
    const char *colon = strchr(text, ':');
    g_autofree char *host = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;
    uint64_t port;

    *sin = (struct sockaddr_in){ .sin_family = AF_INET };
    if (!colon) {
        error_setg(errp, "host address '%s' doesn't contain ':' separating host from port", text);
        return false;
    }
    if (qemu_strtou64(colon + 1, NULL, 10, &port) < 0 || port > UINT16_MAX) {
        error_setg(errp, "port number '%s' is invalid", colon + 1);
        return false;
    }
    sin->sin_port = htons((uint16_t)port);
    return resolve(host, &sin->sin_addr, errp);
}

static void set_info(SocketNet *s, const char *what, const struct sockaddr_in *sin)
{
    char text[INET_ADDRSTRLEN];

    net_client_set_info(&s->nc, "socket: %s%s:%u", what,
                        inet_ntop(AF_INET, &sin->sin_addr, text, sizeof(text)),
                        ntohs(sin->sin_port));
}

/* --- Streams --------------------------------------------------------------------------------- */

static gboolean client_arrived(gint fd, GIOCondition condition, gpointer opaque)
{
    SocketNet *s = opaque;
    struct sockaddr_storage peer = { 0 };
    socklen_t len = sizeof(peer);
    int client = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client < 0) {
        return G_SOURCE_CONTINUE;
    }
    s->listen_tag = 0;
    frames_start(&s->frames, &s->nc, client, true);
    if (peer.ss_family == AF_INET) {
        set_info(s, "connection from ", (struct sockaddr_in *)&peer);
    }
    return G_SOURCE_REMOVE;
}

static void await_client(SocketNet *s)
{
    if (s->listen_fd >= 0 && !s->listen_tag) {
        s->listen_tag = g_unix_fd_add(s->listen_fd, G_IO_IN, client_arrived, s);
    }
}

static void peer_gone(NetClient *nc)
{
    net_client_set_info(nc, "%s", "");
    await_client((SocketNet *)nc);
}

static int new_socket(int type, Error **errp)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    if (fd < 0) {
        error_setg_errno(errp, errno, "can't create socket");
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return fd;
}

static bool bind_to(int fd, const struct sockaddr_in *sin, Error **errp)
{
    char text[INET_ADDRSTRLEN];

    if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)) < 0) {
        error_setg_errno(errp, errno, "can't bind ip=%s to socket",
                         inet_ntop(AF_INET, &sin->sin_addr, text, sizeof(text)));
        return false;
    }
    return true;
}

static bool start_listen(SocketNet *s, const NetdevSocketOptions *o, Error **errp)
{
    struct sockaddr_in sin;

    if (!parse_host_port(o->listen, &sin, errp)) {
        return false;
    }
    s->listen_fd = new_socket(SOCK_STREAM, errp);
    if (s->listen_fd < 0 || !bind_to(s->listen_fd, &sin, errp)) {
        return false;
    }
    if (listen(s->listen_fd, 1) < 0) {
        error_setg_errno(errp, errno, "can't listen on socket");
        return false;
    }
    await_client(s);
    return true;
}

static gboolean connected(gint fd, GIOCondition condition, gpointer opaque)
{
    SocketNet *s = opaque;
    int error = 0;
    socklen_t len = sizeof(error);

    s->connect_tag = 0;
    s->connect_fd = -1;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        error_report("netdev %s: can't connect socket: %s", s->nc.name, g_strerror(error));
        close(fd);
    } else {
        frames_start(&s->frames, &s->nc, fd, true);
    }
    return G_SOURCE_REMOVE;
}

static bool start_connect(SocketNet *s, const NetdevSocketOptions *o, Error **errp)
{
    struct sockaddr_in sin;
    int fd;

    if (!parse_host_port(o->connect, &sin, errp)) {
        return false;
    }
    fd = new_socket(SOCK_STREAM, errp);
    if (fd < 0) {
        return false;
    }
    set_info(s, "connect to ", &sin);
    if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 && errno != EINPROGRESS) {
        error_setg_errno(errp, errno, "can't connect socket");
        close(fd);
        return false;
    }
    s->connect_fd = fd;
    s->connect_tag = g_unix_fd_add(fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, connected, s);
    return true;
}

/* --- Datagrams ------------------------------------------------------------------------------- */

static void start_dgram(SocketNet *s, int fd, const struct sockaddr_in *to)
{
    memcpy(&s->frames.to, to, sizeof(*to));
    s->frames.to_len = sizeof(*to);
    frames_start(&s->frames, &s->nc, fd, false);
}

static bool start_udp(SocketNet *s, const NetdevSocketOptions *o, Error **errp)
{
    struct sockaddr_in local, remote;
    int fd;

    if (!o->localaddr) {
        error_setg(errp, "localaddr= is mandatory with udp=");
        return false;
    }
    if (!parse_host_port(o->localaddr, &local, errp) || !parse_host_port(o->udp, &remote, errp)) {
        return false;
    }
    fd = new_socket(SOCK_DGRAM, errp);
    if (fd < 0 || !bind_to(fd, &local, errp)) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    set_info(s, "udp=", &remote);
    start_dgram(s, fd, &remote);
    return true;
}

/* Joins the group on the interface of @local, or any. */
static bool join_group(int fd, const struct sockaddr_in *group, struct in_addr local,
                       bool has_local, Error **errp)
{
    struct ip_mreqn req = { .imr_multiaddr = group->sin_addr, .imr_address = local };
    int on = 1;

    if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)) < 0) {
        error_setg_errno(errp, errno, "can't add socket to multicast group");
        return false;
    }
    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) < 0 ||
        (has_local &&
         setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof(local)) < 0)) {
        error_setg_errno(errp, errno, "can't set the interface of multicast");
        return false;
    }
    return true;
}

static bool start_mcast(SocketNet *s, const NetdevSocketOptions *o, Error **errp)
{
    struct in_addr local = { htonl(INADDR_ANY) };
    struct sockaddr_in group;
    int fd;

    if (!parse_host_port(o->mcast, &group, errp) ||
        (o->localaddr && !resolve(o->localaddr, &local, errp))) {
        return false;
    }
    if (!IN_MULTICAST(ntohl(group.sin_addr.s_addr))) {
        error_setg(errp, "specified mcastaddr %s (0x%08x) does not contain a multicast address",
                   inet_ntoa(group.sin_addr), ntohl(group.sin_addr.s_addr));
        return false;
    }
    fd = new_socket(SOCK_DGRAM, errp);
    if (fd < 0 || !bind_to(fd, &group, errp) ||
        !join_group(fd, &group, local, o->localaddr, errp)) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    set_info(s, "mcast=", &group);
    start_dgram(s, fd, &group);
    return true;
}

static bool start_fd(SocketNet *s, const NetdevSocketOptions *o, Error **errp)
{
    int fd = net_take_fd(o->fd, errp), type = 0;
    socklen_t len = sizeof(type);

    if (fd < 0 || !net_prepare_fd(s->nc.name, fd, errp)) {
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        error_setg_errno(errp, errno, "netdev %s: file descriptor %d is not a socket", s->nc.name,
                         fd);
        close(fd);
        return false;
    }
    net_client_set_info(&s->nc, "socket: fd=%d", fd);
    frames_start(&s->frames, &s->nc, fd, type == SOCK_STREAM);
    return true;
}

/* --- Class ----------------------------------------------------------------------------------- */

static bool start(SocketNet *s, const NetdevSocketOptions *o, Error **errp)
{
    if (!!o->fd + !!o->listen + !!o->connect + !!o->mcast + !!o->udp != 1) {
        error_setg(errp, "exactly one of listen=, connect=, mcast= or udp= is required");
        return false;
    }
    if (o->localaddr && !o->mcast && !o->udp) {
        error_setg(errp, "localaddr= is only valid with mcast= or udp=");
        return false;
    }
    return o->fd ? start_fd(s, o, errp)
           : o->listen ? start_listen(s, o, errp)
           : o->connect ? start_connect(s, o, errp)
           : o->mcast ? start_mcast(s, o, errp) : start_udp(s, o, errp);
}

static bool socket_create(const Netdev *opts, Error **errp)
{
    SocketNet *s = (SocketNet *)net_client_new(&net_socket, opts->id, 0);

    s->frames.fd = s->listen_fd = s->connect_fd = -1;
    s->frames.gone = peer_gone;
    if (!start(s, opts->u.socket, errp)) {
        net_client_delete(&s->nc);
        return false;
    }
    return true;
}

static bool socket_receive(NetClient *nc, const struct iovec *iov, unsigned n)
{
    return frames_send(&((SocketNet *)nc)->frames, iov, n);
}

static void socket_resume(NetClient *nc)
{
    frames_resume(&((SocketNet *)nc)->frames);
}

static void socket_close(NetClient *nc)
{
    SocketNet *s = (SocketNet *)nc;

    g_clear_handle_id(&s->listen_tag, g_source_remove);
    g_clear_handle_id(&s->connect_tag, g_source_remove);
    frames_stop(&s->frames);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->connect_fd >= 0) {
        close(s->connect_fd);
    }
    s->listen_fd = s->connect_fd = -1;
}

const NetClientClass net_socket = {
    .kind = "socket",
    .size = sizeof(SocketNet),
    .create = socket_create,
    .receive = socket_receive,
    .resume = socket_resume,
    .close = socket_close,
};
