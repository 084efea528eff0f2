/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libslirp, loaded when the first user-mode network is made: programs without one pay nothing for
 * it. BQL.
 */
#ifndef NET_SLIRP_API_H
#define NET_SLIRP_API_H

#include "qemu/osdep.h"
#include "qemu/error.h"

#include <slirp/libslirp.h>

#define SLIRP_FUNCTIONS(X)                                                                        \
    X(slirp_new) X(slirp_cleanup) X(slirp_pollfds_fill) X(slirp_pollfds_poll) X(slirp_input)      \
    X(slirp_add_hostfwd) X(slirp_remove_hostfwd) X(slirp_add_exec) X(slirp_add_unix)              \
    X(slirp_add_guestfwd) X(slirp_socket_can_recv) X(slirp_socket_recv) X(slirp_connection_info)

#define SLIRP_MEMBER(_name) __typeof__(&_name) _name;

typedef struct SlirpApi {
    SLIRP_FUNCTIONS(SLIRP_MEMBER)
} SlirpApi;

/* The functions; NULL with an error when the library is not there or too old. */
const SlirpApi *slirp_api(Error **errp);

#endif
