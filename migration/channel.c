/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets, pipes, files and commands that a migration goes through. */
#include "qemu/osdep.h"
#include "chardev/socket-addr.h"
#include "migration/channel.h"
#include "qemu/cutils.h"
#include "qemu/fdset.h"
#include "qemu/named-fd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- Reading and writing --------------------------------------------------------------------- */

/* Waits for @events of the descriptor; false when cancelled. */
static bool wait_for(MigChannel *ch, short events, Error **errp)
{
    struct pollfd p[2] = { { ch->cancel_fd, POLLIN, 0 }, { ch->fd, events, 0 } };

    while (poll(p, 2, -1) < 0 && errno == EINTR) {
    }
    if (p[0].revents) {
        error_setg(errp, "cancelled");
        return false;
    }
    return true;
}

static bool channel_write(MigSink *s, const void *buf, size_t len, Error **errp)
{
    MigChannel *ch = container_of(s, MigChannel, sink);
    const uint8_t *p = buf;

    while (len) {
        ssize_t n = ch->is_socket ? send(ch->fd, p, len, MSG_NOSIGNAL) : write(ch->fd, p, len);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!wait_for(ch, POLLOUT, errp)) {
                return false;
            }
        } else if (n < 0 && errno != EINTR) {
            error_setg_errno(errp, errno, "Unable to write to the migration channel");
            return false;
        }
    }
    return true;
}

static bool channel_read(MigSource *s, void *buf, size_t len, Error **errp)
{
    MigChannel *ch = container_of(s, MigChannel, source);
    uint8_t *p = buf;

    while (len) {
        ssize_t n = read(ch->fd, p, len);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n == 0) {
            ch->ended = true;
            error_setg(errp, "unexpected end of the migration stream");
            return false;
        } else if (errno == EAGAIN) {
            if (!wait_for(ch, POLLIN, errp)) {
                return false;
            }
        } else if (errno != EINTR) {
            error_setg_errno(errp, errno, "Unable to read from the migration channel");
            return false;
        }
    }
    return true;
}

MigChannel *channel_new(int fd, Error **errp)
{
    MigChannel *ch = g_new0(MigChannel, 1);
    struct stat st;
    int on = 1;

    ch->sink.write = channel_write;
    ch->source.read = channel_read;
    ch->fd = fd;
    ch->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ch->cancel_fd < 0 || fstat(fd, &st) < 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
        error_setg_errno(errp, errno, "migration channel");
        channel_close(ch, NULL);
        return NULL;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    ch->is_socket = S_ISSOCK(st.st_mode);
    ch->is_file = S_ISREG(st.st_mode);
    if (ch->is_socket) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not TCP: no matter */
    }
    return ch;
}

void channel_cancel(MigChannel *ch)
{
    uint64_t one = 1;

    if (write(ch->cancel_fd, &one, sizeof(one)) < 0) {
        /* the counter is at its limit: readable all the same */
    }
}

bool channel_is_duplex(const MigChannel *ch)
{
    return ch->is_socket;
}

bool channel_sync(MigChannel *ch, Error **errp)
{
    if (ch->is_file && fdatasync(ch->fd) < 0) {
        error_setg_errno(errp, errno, "Unable to write to the migration channel");
        return false;
    }
    return true;
}

bool channel_close(MigChannel *ch, Error **errp)
{
    bool ok = true;
    int status = 0;

    if (!ch) {
        return true;
    }
    if (ch->fd >= 0) {
        close(ch->fd);
    }
    if (ch->cancel_fd >= 0) {
        close(ch->cancel_fd);
    }
    if (ch->child) {
        pid_t got;

        while ((got = waitpid(ch->child, &status, 0)) < 0 && errno == EINTR) {
        }
        ok = got == ch->child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!ok) {
            error_setg(errp, "the migration command failed with status 0x%x", status);
        }
    }
    g_free(ch);
    return ok;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static const char *after(const char *uri, const char *prefix)
{
    return g_str_has_prefix(uri, prefix) ? uri + strlen(prefix) : NULL;
}

static bool parse_inet(const char *rest, SocketAddr *addr, Error **errp)
{
    g_autoptr(Keyval) all = keyval_parse(rest, "address", errp);
    g_autoptr(Keyval) kv = keyval_new();
    g_autofree char *host = NULL;
    const char *address, *colon, *end;

    if (!all) {
        return false;
    }
    address = keyval_get(all, "address");
    colon = address ? strrchr(address, ':') : NULL;
    if (!colon) {
        error_setg(errp, "error parsing address '%s'", rest);
        return false;
    }
    end = colon;
    if (address[0] == '[' && colon > address + 1 && colon[-1] == ']') {
        address++;
        end--;
    }
    host = g_strndup(address, (gsize)(end - address));
    keyval_add(kv, "host", host);
    keyval_add(kv, "port", colon + 1);
    for (guint i = 1; i < all->items->len; i++) {
        const KeyvalItem *item = &g_array_index(all->items, KeyvalItem, i);

        keyval_add(kv, item->key, item->value);
    }
    return socket_addr_parse(addr, kv, errp) && keyval_check_unused(kv, errp);
}

/* tcp: and unix:. False with *is_socket when the address is bad. */
static bool parse_socket(const char *uri, SocketAddr *addr, bool *is_socket, Error **errp)
{
    const char *rest = after(uri, "tcp:");

    *is_socket = true;
    *addr = (SocketAddr){ 0 };
    if (rest) {
        return parse_inet(rest, addr, errp);
    }
    rest = after(uri, "unix:");
    if (rest) {
        g_autoptr(Keyval) kv = keyval_new();

        keyval_add(kv, "path", rest);
        return socket_addr_parse(addr, kv, errp);
    }
    *is_socket = false;
    return false;
}

static int open_fd(const char *name, Error **errp)
{
    int fd = named_fd_take(name);

    if (fd < 0) {
        error_setg(errp, "File descriptor named '%s' has not been found", name);
    } else if (fd <= STDERR_FILENO || fcntl(fd, F_GETFD) < 0) {
        error_setg(errp, "'%s' is not a file descriptor that this program was given", name);
        fd = -1;
    }
    return fd;
}

/* PATH[,offset=N] */
static int open_uri_file(const char *rest, bool write, Error **errp)
{
    g_autofree char *path = g_strdup(rest);
    char *comma = strstr(path, ",offset=");
    uint64_t offset = 0;
    int fd;

    if (comma) {
        *comma = '\0';
        if (qemu_strtou64(comma + strlen(",offset="), NULL, 0, &offset) || offset > INT64_MAX) {
            error_setg(errp, "file URI has bad offset '%s'", comma + strlen(",offset="));
            return -1;
        }
    }
    fd = open_file(path, write ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return -1;
    }
    if (write && ftruncate(fd, (off_t)offset) < 0 && errno != EINVAL) {
        error_setg_errno(errp, errno, "failed to truncate migration file to offset %" PRIx64,
                         offset);
        close(fd);
        return -1;
    }
    if (offset && lseek(fd, (off_t)offset, SEEK_SET) < 0) {
        error_setg_errno(errp, errno, "Unable to seek to offset %" PRIu64 " of '%s'", offset, path);
        close(fd);
        return -1;
    }
    return fd;
}

/* The command's stdin (@write) or stdout. */
static MigChannel *run_command(const char *command, bool write, Error **errp)
{
    char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)command, NULL };
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | (write ? 0 : G_SPAWN_CHILD_INHERITS_STDIN);
    GError *gerr = NULL;
    MigChannel *ch;
    GPid child;
    int fd;

    if (!g_spawn_async_with_pipes(NULL, argv, NULL, flags, NULL, NULL, &child, write ? &fd : NULL,
                                  write ? NULL : &fd, NULL, &gerr)) {
        error_from_gerror(errp, gerr);
        return NULL;
    }
    ch = channel_new(fd, errp);
    if (ch) {
        ch->child = child;
    }
    return ch;
}

/* What fd:, exec: and file: mean in both directions. NULL without an error: none of them. */
static MigChannel *open_plain(const char *uri, bool write, Error **errp)
{
    const char *rest;
    int fd;

    if ((rest = after(uri, "exec:"))) {
        return run_command(rest, write, errp);
    }
    if ((rest = after(uri, "fd:"))) {
        fd = open_fd(rest, errp);
    } else if ((rest = after(uri, "file:"))) {
        fd = open_uri_file(rest, write, errp);
    } else {
        error_setg(errp, "Parameter 'uri' expects a valid migration protocol");
        return NULL;
    }
    return fd < 0 ? NULL : channel_new(fd, errp);
}

MigChannel *channel_connect(const char *uri, Error **errp)
{
    SocketAddr addr;
    bool is_socket, pending;
    MigChannel *ch = NULL;

    if (parse_socket(uri, &addr, &is_socket, errp)) {
        int fd = socket_addr_connect_start(&addr, &pending, errp);

        ch = fd < 0 ? NULL : channel_new(fd, errp);
    } else if (!is_socket) {
        ch = open_plain(uri, true, errp);
    }
    if (is_socket) {
        socket_addr_fini(&addr);
    }
    return ch;
}

bool channel_finish_connect(MigChannel *ch, const char *uri, Error **errp)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (!g_str_has_prefix(uri, "tcp:") && !g_str_has_prefix(uri, "unix:")) {
        return true;
    }
    if (!wait_for(ch, POLLOUT, errp)) {
        return false;
    }
    if (getsockopt(ch->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
        error = errno;
    }
    if (error) {
        error_setg_errno(errp, error, "Failed to connect to '%s'", strchr(uri, ':') + 1);
        return false;
    }
    return true;
}

MigChannel *channel_listen(const char *uri, int *listen_fd, Error **errp)
{
    SocketAddr addr;
    bool is_socket;

    *listen_fd = -1;
    if (parse_socket(uri, &addr, &is_socket, errp)) {
        *listen_fd = socket_addr_listen(&addr, errp);
    }
    if (is_socket) {
        socket_addr_fini(&addr);
        return NULL;
    }
    return open_plain(uri, false, errp);
}
