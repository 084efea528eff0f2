/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames over sockets: on streams each has its length before it (4 bytes, the highest first), a
 * datagram is one frame. BQL, main loop.
 */
#ifndef NET_FRAMES_H
#define NET_FRAMES_H

#include "net-internal.h"

#include <sys/socket.h>

typedef struct FrameSocket {
    NetClient *nc;
    int fd; /* -1: nobody there; frames are dropped */
    bool stream, paused;
    guint in_tag, out_tag;
    GByteArray *in, *out; /* stream: what is not whole yet; what the peer has not taken */
    struct sockaddr_storage to; /* datagrams; to_len 0: the socket is connected */
    socklen_t to_len;
    void (*gone)(NetClient *nc); /* stream: the peer has left */
} FrameSocket;

/* Takes @fd over, non-blocking. */
void frames_start(FrameSocket *f, NetClient *nc, int fd, bool stream);
/* Closes it. */
void frames_stop(FrameSocket *f);
/* For the class's receive() and resume(). */
bool frames_send(FrameSocket *f, const struct iovec *iov, unsigned n);
void frames_resume(FrameSocket *f);

#endif
