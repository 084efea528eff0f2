/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames over sockets, see frames.h. What a peer sends is hostile. BQL, main loop. */
#include "qemu/osdep.h"
#include "frames.h"

#include <arpa/inet.h>
#include <glib-unix.h>

#define LENGTH_BYTES 4
#define READ_BYTES (64 * KiB)
#define MAX_BATCH 64 /* datagrams before others get a turn */

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque);

static void watch_input(FrameSocket *f)
{
    if (f->fd >= 0 && !f->in_tag && !f->paused) {
        f->in_tag = g_unix_fd_add(f->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, f);
    }
}

void frames_start(FrameSocket *f, NetClient *nc, int fd, bool stream)
{
    f->nc = nc;
    f->fd = fd;
    f->stream = stream;
    f->paused = false;
    f->in = g_byte_array_new();
    f->out = g_byte_array_new();
    watch_input(f);
}

void frames_stop(FrameSocket *f)
{
    g_clear_handle_id(&f->in_tag, g_source_remove);
    g_clear_handle_id(&f->out_tag, g_source_remove);
    g_clear_pointer(&f->in, g_byte_array_unref);
    g_clear_pointer(&f->out, g_byte_array_unref);
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

static void peer_gone(FrameSocket *f)
{
    NetClient *nc = f->nc;

    frames_stop(f);
    if (f->gone) {
        f->gone(nc);
    }
    net_flush(nc); /* what waits is dropped: nobody is there */
}

/* --- From the peer --------------------------------------------------------------------------- */

/* Hands over the whole frames; false when the peer broke the rules and is gone. */
static bool deliver(FrameSocket *f)
{
    size_t at = 0;

    while (!f->paused && f->in->len - at >= LENGTH_BYTES) {
        uint32_t bytes;

        memcpy(&bytes, f->in->data + at, LENGTH_BYTES);
        bytes = ntohl(bytes);
        if (bytes > NET_MAX_FRAME_BYTES) {
            error_report("netdev %s: the peer sends a frame of %u bytes: disconnected",
                         f->nc->name, bytes);
            peer_gone(f);
            return false;
        }
        if (f->in->len - at - LENGTH_BYTES < bytes) {
            break;
        }
        f->paused = !net_send_buf(f->nc, f->in->data + at + LENGTH_BYTES, bytes);
        at += LENGTH_BYTES + bytes;
    }
    g_byte_array_remove_range(f->in, 0, (guint)at);
    return true;
}

static gboolean read_stream(FrameSocket *f)
{
    guint had = f->in->len;
    ssize_t got;

    g_byte_array_set_size(f->in, had + (guint)READ_BYTES);
    got = recv(f->fd, f->in->data + had, READ_BYTES, MSG_DONTWAIT);
    g_byte_array_set_size(f->in, had + (guint)MAX(got, 0));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        peer_gone(f); /* with this source */
        return G_SOURCE_REMOVE;
    }
    if (!deliver(f)) {
        return G_SOURCE_REMOVE;
    }
    if (f->paused) {
        f->in_tag = 0;
    }
    return f->paused ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean read_dgrams(FrameSocket *f)
{
    g_autofree uint8_t *buf = g_malloc(NET_MAX_FRAME_BYTES);

    for (unsigned i = 0; i < MAX_BATCH && !f->paused; i++) {
        ssize_t got = recv(f->fd, buf, NET_MAX_FRAME_BYTES, MSG_DONTWAIT);

        if (got < 0) {
            break; /* also errors that earlier datagrams met */
        }
        f->paused = !net_send_buf(f->nc, buf, (size_t)got);
    }
    if (f->paused) {
        f->in_tag = 0;
    }
    return f->paused ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    FrameSocket *f = opaque;

    return f->stream ? read_stream(f) : read_dgrams(f);
}

void frames_resume(FrameSocket *f)
{
    if (f->paused) {
        f->paused = false;
        if (f->fd >= 0 && (!f->stream || deliver(f))) {
            watch_input(f);
        }
    }
}

/* --- To the peer ----------------------------------------------------------------------------- */

static gboolean writable(gint fd, GIOCondition condition, gpointer opaque)
{
    FrameSocket *f = opaque;

    if (f->stream && f->out->len) {
        ssize_t sent = send(f->fd, f->out->data, f->out->len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            peer_gone(f);
            return G_SOURCE_REMOVE;
        }
        g_byte_array_remove_range(f->out, 0, (guint)MAX(sent, 0));
        if (f->out->len) {
            return G_SOURCE_CONTINUE;
        }
    }
    f->out_tag = 0;
    net_flush(f->nc);
    return G_SOURCE_REMOVE;
}

static void watch_output(FrameSocket *f)
{
    if (!f->out_tag) {
        f->out_tag = g_unix_fd_add(f->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, writable, f);
    }
}

static bool send_stream(FrameSocket *f, const struct iovec *iov, unsigned n)
{
    uint8_t *frame = g_malloc(LENGTH_BYTES + NET_MAX_FRAME_BYTES);
    size_t bytes = net_gather(frame + LENGTH_BYTES, iov, n);
    uint32_t length = htonl((uint32_t)bytes);
    ssize_t sent;

    memcpy(frame, &length, LENGTH_BYTES);
    bytes += LENGTH_BYTES;
    sent = send(f->fd, frame, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < (ssize_t)bytes && (sent >= 0 || errno == EAGAIN || errno == EINTR)) {
        g_byte_array_append(f->out, frame + MAX(sent, 0), (guint)(bytes - (size_t)MAX(sent, 0)));
        watch_output(f);
    } /* other errors: reading finds out too, and ends the connection */
    g_free(frame);
    return true;
}

static bool send_dgram(FrameSocket *f, const struct iovec *iov, unsigned n)
{
    struct msghdr msg = {
        .msg_iov = (struct iovec *)iov, .msg_iovlen = n,
        .msg_name = f->to_len ? &f->to : NULL, .msg_namelen = f->to_len,
    };
    g_autofree uint8_t *buf = NULL;
    struct iovec one;

    if (n > 1) { /* a guest may use more pieces than sendmsg() takes */
        buf = g_malloc(NET_MAX_FRAME_BYTES);
        one = (struct iovec){ buf, net_gather(buf, iov, n) };
        msg.msg_iov = &one;
        msg.msg_iovlen = 1;
    }
    if (sendmsg(f->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
        watch_output(f);
        return false;
    }
    return true; /* sent, or lost as datagrams may be */
}

bool frames_send(FrameSocket *f, const struct iovec *iov, unsigned n)
{
    if (f->fd < 0) {
        return true;
    }
    if (f->out_tag) {
        return false;
    }
    return f->stream ? send_stream(f, iov, n) : send_dgram(f, iov, n);
}
