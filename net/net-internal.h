/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of back ends share. BQL, main loop. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "net/net.h"
#include "qapi/qapi-types.h"

extern const NetClientClass net_user, net_tap, net_socket, net_stream, net_dgram;

/* Copies a frame together; @buf has NET_MAX_FRAME_BYTES. Returns its length. */
size_t net_gather(void *buf, const struct iovec *iov, unsigned n);
/* A descriptor given by number or by the name of getfd (which then is used up). -1 with an
 * error. */
int net_take_fd(const char *name, Error **errp);
/* Makes such a descriptor non-blocking and close-on-exec; false with QEMU's error. */
bool net_prepare_fd(const char *id, int fd, Error **errp);

#endif
