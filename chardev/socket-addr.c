/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses, resolves, binds and connects stream socket addresses; see the header. Main thread. */
#include "qemu/osdep.h"
#include "socket-addr.h"

#include "qemu/cutils.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

/* --- Options --------------------------------------------------------------------------------- */

static bool parse_unix(SocketAddr *addr, const Keyval *kv, Error **errp)
{
    addr->kind = SOCKET_UNIX;
    addr->path = g_strdup(keyval_get(kv, "path"));
    addr->tight = true;
    return keyval_get_bool(kv, "abstract", &addr->abstract, errp) &&
           keyval_get_bool(kv, "tight", &addr->tight, errp);
}

/* ipv4=, ipv6=: one of them on, or the other one off, picks a family. */
static bool parse_family(SocketAddr *addr, const Keyval *kv, Error **errp)
{
    bool has4 = keyval_has(kv, "ipv4"), has6 = keyval_has(kv, "ipv6"), v4 = true, v6 = true;

    if (!keyval_get_bool(kv, "ipv4", &v4, errp) || !keyval_get_bool(kv, "ipv6", &v6, errp)) {
        return false;
    }
    if (has4 && !has6) {
        v6 = !v4;
    } else if (has6 && !has4) {
        v4 = !v6;
    }
    if (!v4 && !v6) {
        error_setg(errp, "Cannot disable IPv4 and IPv6 at same time");
        return false;
    }
    addr->family = v4 && v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6;
    return true;
}

static bool parse_inet(SocketAddr *addr, const Keyval *kv, Error **errp)
{
    const char *port = keyval_get(kv, "port"), *to = keyval_get(kv, "to");
    uint64_t number;

    addr->kind = SOCKET_INET;
    addr->host = g_strdup(keyval_get(kv, "host"));
    if (!port) {
        error_setg(errp, "chardev: socket: no port given");
        return false;
    }
    addr->port_text = g_strdup(port);
    if (qemu_strtou64(port, NULL, 10, &number) == 0) {
        if (number > UINT16_MAX) {
            error_setg(errp, "port %s is not in the range 0..65535", port);
            return false;
        }
        addr->port = addr->to = (uint16_t)number;
    }
    if (to) {
        if (qemu_strtou64(to, NULL, 10, &number) < 0 || number > UINT16_MAX) {
            error_setg(errp, "Parameter 'to' expects a number");
            return false;
        }
        addr->to = (uint16_t)number;
    }
    return parse_family(addr, kv, errp);
}

static bool is_socket(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool parse_fd(SocketAddr *addr, const Keyval *kv, Error **errp)
{
    const char *text = keyval_get(kv, "fd");
    uint64_t fd;

    addr->kind = SOCKET_FD;
    if (qemu_strtou64(text, NULL, 10, &fd) < 0 || fd > INT_MAX) {
        error_setg(errp, "Unable to parse FD number %s", text);
        return false;
    }
    addr->fd = (int)fd;
    if (!is_socket(addr->fd)) {
        error_setg(errp, "File descriptor '%s' is not a socket", text);
        addr->fd = -1;
        return false;
    }
    fcntl(addr->fd, F_SETFD, FD_CLOEXEC);
    return true;
}

bool socket_addr_parse(SocketAddr *addr, const Keyval *kv, Error **errp)
{
    bool path = keyval_has(kv, "path"), host = keyval_has(kv, "host"), fd = keyval_has(kv, "fd");

    *addr = (SocketAddr){ .fd = -1 };
    if (path + host + fd != 1) {
        error_setg(errp, "None or one of 'path', 'fd' or 'host' option required.");
        return false;
    }
    return path ? parse_unix(addr, kv, errp)
           : host ? parse_inet(addr, kv, errp)
                  : parse_fd(addr, kv, errp);
}

void socket_addr_fini(SocketAddr *addr)
{
    g_free(addr->path);
    g_free(addr->host);
    g_free(addr->port_text);
}

/* --- UNIX ------------------------------------------------------------------------------------ */

/* Fills @un; returns its length or 0 with an error. */
static socklen_t unix_sockaddr(const SocketAddr *addr, struct sockaddr_un *un, Error **errp)
{
    size_t len = strlen(addr->path), skip = addr->abstract ? 1 : 0;

    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    if (len + 1 > sizeof(un->sun_path)) {
        error_setg(errp, "UNIX socket path '%s' is too long", addr->path);
        error_append_hint(errp, "Path must be less than %zu bytes\n", sizeof(un->sun_path));
        return 0;
    }
    memcpy(un->sun_path + skip, addr->path, len);
    if (addr->abstract && addr->tight) {
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip + len);
    }
    return sizeof(*un);
}

static int unix_listen(const SocketAddr *addr, Error **errp)
{
    struct sockaddr_un un;
    socklen_t len = unix_sockaddr(addr, &un, errp);
    int fd;

    if (!len) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create Unix socket");
        return -1;
    }
    if (!addr->abstract && unlink(addr->path) < 0 && errno != ENOENT) {
        error_setg_errno(errp, errno, "Failed to unlink socket %s", addr->path);
    } else if (bind(fd, (struct sockaddr *)&un, len) < 0) {
        error_setg_errno(errp, errno, "Failed to bind socket to %s", addr->path);
    } else if (listen(fd, 1) < 0) {
        error_setg_errno(errp, errno, "Failed to listen on socket");
        unlink(addr->path);
    } else {
        return fd;
    }
    close(fd);
    return -1;
}

static int unix_connect(const SocketAddr *addr, int flags, bool *pending, Error **errp)
{
    struct sockaddr_un un;
    socklen_t len = unix_sockaddr(addr, &un, errp);
    int fd;

    if (!len) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create socket");
        return -1;
    }
    /* A full backlog is EAGAIN here, and the connection has not been started. */
    if (connect(fd, (struct sockaddr *)&un, len) < 0) {
        error_setg_errno(errp, errno, "Failed to connect to '%s'", addr->path);
        close(fd);
        return -1;
    }
    *pending = false;
    return fd;
}

/* --- TCP ------------------------------------------------------------------------------------- */

static struct addrinfo *inet_resolve(const SocketAddr *addr, bool passive, Error **errp)
{
    struct addrinfo hints = {
        .ai_family = addr->family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = passive ? AI_PASSIVE : 0,
    };
    struct addrinfo *list = NULL;
    int ret = getaddrinfo(*addr->host ? addr->host : NULL, addr->port_text, &hints, &list);

    if (ret != 0) {
        error_setg(errp, "address resolution failed for %s:%s: %s", addr->host, addr->port_text,
                   gai_strerror(ret));
        return NULL;
    }
    return list;
}

static void set_port(struct sockaddr *sa, uint16_t port)
{
    if (sa->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)sa)->sin_port = htons(port);
    }
}

/* A socket that listens on the first free port of the range at this address; -1 with errno. */
static int inet_listen_one(const SocketAddr *addr, const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, saved;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    for (unsigned port = addr->port; port <= MAX(addr->to, addr->port); port++) {
        if (addr->to > addr->port) {
            set_port(ai->ai_addr, (uint16_t)port);
        }
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
            if (listen(fd, 1) == 0) {
                return fd;
            }
            break;
        }
        if (errno != EADDRINUSE) {
            break;
        }
    }
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int inet_listen(const SocketAddr *addr, Error **errp)
{
    struct addrinfo *list = inet_resolve(addr, true, errp);
    int fd = -1;

    if (!list) {
        return -1;
    }
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = inet_listen_one(addr, ai);
    }
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to find an available port");
    }
    freeaddrinfo(list);
    return fd;
}

static int inet_connect(const SocketAddr *addr, int flags, bool *pending, Error **errp)
{
    struct addrinfo *list = inet_resolve(addr, false, errp);
    int fd = -1, saved = 0;

    if (!list) {
        return -1;
    }
    *pending = false;
    for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
        if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
            break;
        }
        saved = errno;
        if (fd >= 0 && errno == EINPROGRESS) {
            *pending = true;
            break;
        }
        if (fd >= 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        error_setg_errno(errp, saved, "Failed to connect to '%s:%s'", addr->host,
                         addr->port_text);
    }
    return fd;
}

/* --- Any ------------------------------------------------------------------------------------- */

int socket_addr_listen(const SocketAddr *addr, Error **errp)
{
    if (addr->kind == SOCKET_UNIX) {
        return unix_listen(addr, errp);
    }
    if (addr->kind == SOCKET_INET) {
        return inet_listen(addr, errp);
    }
    if (listen(addr->fd, 1) < 0) {
        error_setg_errno(errp, errno, "Failed to listen on fd socket");
        return -1;
    }
    return addr->fd;
}

static int do_connect(const SocketAddr *addr, int flags, bool *pending, Error **errp)
{
    if (addr->kind == SOCKET_UNIX) {
        return unix_connect(addr, flags, pending, errp);
    }
    if (addr->kind == SOCKET_INET) {
        return inet_connect(addr, flags, pending, errp);
    }
    *pending = false;
    return addr->fd;
}

int socket_addr_connect(const SocketAddr *addr, Error **errp)
{
    bool pending;

    return do_connect(addr, 0, &pending, errp);
}

int socket_addr_connect_start(const SocketAddr *addr, bool *pending, Error **errp)
{
    return do_connect(addr, SOCK_NONBLOCK, pending, errp);
}

bool socket_addr_finish(const SocketAddr *addr, int fd, Error **errp)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        error = errno;
    }
    if (error) {
        error_setg_errno(errp, error, "Failed to connect to '%s:%s'", addr->host,
                         addr->port_text);
    }
    return !error;
}

char *socket_addr_text(const SocketAddr *addr)
{
    if (addr->kind == SOCKET_UNIX) {
        return g_strdup_printf("unix:%s%s", addr->path,
                               !addr->abstract ? ""
                               : addr->tight   ? ",abstract=on,tight=on"
                                               : ",abstract=on");
    }
    if (addr->kind == SOCKET_INET) {
        return g_strdup_printf("tcp:%s:%s", addr->host, addr->port_text);
    }
    return g_strdup_printf("fd:%d", addr->fd);
}

static char *sockaddr_text(const struct sockaddr_storage *ss, socklen_t len, const char *kind)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool v6 = ss->ss_family == AF_INET6;

    if (ss->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)ss;
        size_t path_len = len - MIN(len, offsetof(struct sockaddr_un, sun_path));

        return g_strdup_printf("unix:%.*s", (int)strnlen(un->sun_path, path_len), un->sun_path);
    }
    if (getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return g_strdup("unknown");
    }
    return g_strdup_printf("%s%s%s%s:%s", kind, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

char *socket_local_text(int fd)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);

    if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0) {
        return g_strdup("unknown");
    }
    return sockaddr_text(&ss, len, "tcp:");
}

char *socket_peer_text(int fd)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof(ss);

    if (getpeername(fd, (struct sockaddr *)&ss, &len) < 0) {
        return g_strdup("unknown");
    }
    return sockaddr_text(&ss, len, "");
}
