/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of -netdev user: options, forwarding, the client. BQL, main loop. */
#ifndef NET_SLIRP_INTERNAL_H
#define NET_SLIRP_INTERNAL_H

#include "net-internal.h"
#include "slirp-api.h"

typedef struct UserNet {
    NetClient nc;
    const SlirpApi *api;
    Slirp *slirp;
    GSource *source;
    struct in_addr netmask;
    GPtrArray *guestfwds; /* of GuestFwd, slirp-fwd.c; NULL: none */
} UserNet;

/* What the options mean to slirp; strings are borrowed from the options. */
typedef struct UserConfig {
    SlirpConfig slirp;
    const char **dnssearch; /* owned array */
} UserConfig;

/* NULL with QEMU's errors. */
UserConfig *user_config_new(const NetdevUserOptions *o, Error **errp);
void user_config_free(UserConfig *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UserConfig, user_config_free)

/* hostfwd= and guestfwd=. */
bool slirp_fwd_add_all(UserNet *net, const NetdevUserOptions *o, Error **errp);
bool slirp_fwd_add_host(UserNet *net, const char *rule, Error **errp);
/* Says on the monitor what came of it. */
void slirp_fwd_remove(UserNet *net, const char *rule);
void slirp_fwd_close(UserNet *net);

#endif
