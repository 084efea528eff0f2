/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev user: libslirp is the guest's network, with a gateway, DHCP, a name server, and TCP and
 * UDP that leave by ordinary sockets of this process. Runs in the main loop: devices send from
 * there. BQL.
 */
#include "qemu/osdep.h"
#include "slirp-internal.h"
#include "qemu/log.h"
#include "qemu/timer.h"

#define CONFIG_VERSION 1 /* the members below are all of that */

static GPtrArray *stacks; /* of UserNet */

/* --- Descriptors ----------------------------------------------------------------------------- */

/* A source that asks slirp before each poll() what to wait for. */
typedef struct SlirpSource {
    GSource source;
    UserNet *net;
    GPtrArray *fds; /* of GPollFD, added to the source; the first nr are in use */
    guint nr;
} SlirpSource;

static int add_poll(int fd, int events, void *opaque)
{
    static const struct {
        int slirp, condition;
    } map[] = { { SLIRP_POLL_IN, G_IO_IN }, { SLIRP_POLL_OUT, G_IO_OUT },
                { SLIRP_POLL_PRI, G_IO_PRI }, { SLIRP_POLL_ERR, G_IO_ERR },
                { SLIRP_POLL_HUP, G_IO_HUP } };
    SlirpSource *s = opaque;
    GPollFD *p;

    if (s->nr == s->fds->len) {
        g_ptr_array_add(s->fds, g_new0(GPollFD, 1));
        p = g_ptr_array_index(s->fds, s->nr);
        p->fd = -1;
    }
    p = g_ptr_array_index(s->fds, s->nr);
    if (p->fd != fd) {
        if (p->fd >= 0) {
            g_source_remove_poll(&s->source, p);
        }
        p->fd = fd;
        g_source_add_poll(&s->source, p);
    }
    p->events = p->revents = 0;
    for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
        p->events |= events & map[i].slirp ? map[i].condition : 0;
    }
    return (int)s->nr++;
}

static int get_revents(int idx, void *opaque)
{
    const SlirpSource *s = opaque;
    unsigned got = idx >= 0 && (guint)idx < s->nr
                       ? ((GPollFD *)g_ptr_array_index(s->fds, idx))->revents : 0;

    return (got & G_IO_IN ? SLIRP_POLL_IN : 0) | (got & G_IO_OUT ? SLIRP_POLL_OUT : 0) |
           (got & G_IO_PRI ? SLIRP_POLL_PRI : 0) | (got & G_IO_ERR ? SLIRP_POLL_ERR : 0) |
           (got & G_IO_HUP ? SLIRP_POLL_HUP : 0);
}

static gboolean source_prepare(GSource *source, gint *timeout_ms)
{
    SlirpSource *s = (SlirpSource *)source;
    uint32_t timeout = UINT32_MAX;

    s->nr = 0;
    s->net->api->slirp_pollfds_fill(s->net->slirp, &timeout, add_poll, s);
    for (guint i = s->nr; i < s->fds->len; i++) {
        GPollFD *p = g_ptr_array_index(s->fds, i);

        if (p->fd >= 0) {
            g_source_remove_poll(source, p);
            p->fd = -1;
        }
    }
    *timeout_ms = timeout > INT_MAX ? -1 : (gint)timeout;
    return FALSE;
}

/* Slirp's own timers want to be looked at each time. */
static gboolean source_check(GSource *source)
{
    return TRUE;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    SlirpSource *s = (SlirpSource *)source;

    s->net->api->slirp_pollfds_poll(s->net->slirp, 0, get_revents, s);
    return G_SOURCE_CONTINUE;
}

static void source_finalize(GSource *source)
{
    g_ptr_array_free(((SlirpSource *)source)->fds, TRUE);
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare, .check = source_check, .dispatch = source_dispatch,
    .finalize = source_finalize,
};

static void start_source(UserNet *net)
{
    net->source = g_source_new(&source_funcs, sizeof(SlirpSource));
    /* Else glib takes the descriptors out and puts them back around each dispatch, which wakes the
     * loop, which comes here again at once. */
    g_source_set_can_recurse(net->source, TRUE);
    ((SlirpSource *)net->source)->net = net;
    ((SlirpSource *)net->source)->fds = g_ptr_array_new_with_free_func(g_free);
    g_source_attach(net->source, NULL);
}

/* --- What slirp calls ------------------------------------------------------------------------ */

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
    net_send_buf(opaque, buf, len); /* false: it waits, or TCP will send it again */
    return (ssize_t)len;
}

static void report_guest_error(const char *msg, void *opaque)
{
    guest_error("%s\n", msg);
}

static int64_t clock_get_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    return timer_new_ns(QEMU_CLOCK_VIRTUAL, cb, cb_opaque);
}

static void free_timer(void *timer, void *opaque)
{
    timer_free(timer);
}

static void timer_mod_ms(void *timer, int64_t expire_ms, void *opaque)
{
    timer_mod_ns(timer, expire_ms * SCALE_MS);
}

/* The source asks for all descriptors each time. */
static void ignore_fd(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
    g_main_context_wakeup(NULL);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet, .guest_error = report_guest_error, .clock_get_ns = clock_get_ns,
    .timer_new = timer_new, .timer_free = free_timer, .timer_mod = timer_mod_ms,
    .register_poll_fd = ignore_fd, .unregister_poll_fd = ignore_fd, .notify = notify,
};

/* --- Client ---------------------------------------------------------------------------------- */

static bool user_receive(NetClient *nc, const struct iovec *iov, unsigned n)
{
    UserNet *net = (UserNet *)nc;

    if (n == 1) {
        net->api->slirp_input(net->slirp, iov[0].iov_base, (int)iov[0].iov_len);
    } else {
        g_autofree uint8_t *frame = g_malloc(NET_MAX_FRAME_BYTES);

        net->api->slirp_input(net->slirp, frame, (int)net_gather(frame, iov, n));
    }
    return true;
}

static void user_close(NetClient *nc)
{
    UserNet *net = (UserNet *)nc;

    if (stacks) {
        g_ptr_array_remove(stacks, net);
    }
    if (net->source) {
        g_source_destroy(net->source);
        g_source_unref(net->source);
        net->source = NULL;
    }
    if (net->slirp) {
        net->api->slirp_cleanup(net->slirp);
        net->slirp = NULL;
    }
    slirp_fwd_close(net);
}

static bool user_create(const Netdev *opts, Error **errp)
{
    const SlirpApi *api = slirp_api(errp);
    g_autoptr(UserConfig) c = api ? user_config_new(opts->u.user, errp) : NULL;
    UserNet *net;
    char text[INET_ADDRSTRLEN];

    if (!c) {
        return false;
    }
    net = (UserNet *)net_client_new(&net_user, opts->id, 0);
    net->api = api;
    c->slirp.version = CONFIG_VERSION;
    net->slirp = api->slirp_new(&c->slirp, &callbacks, net);
    if (!net->slirp) {
        error_setg(errp, "libslirp cannot make the network '%s'", opts->id);
        net_client_delete(&net->nc);
        return false;
    }
    net->netmask = c->slirp.vnetmask;
    net_client_set_info(&net->nc, "net=%s,restrict=%s",
                        inet_ntop(AF_INET, &c->slirp.vnetwork, text, sizeof(text)),
                        c->slirp.restricted ? "on" : "off");
    if (!slirp_fwd_add_all(net, opts->u.user, errp)) {
        net_client_delete(&net->nc);
        return false;
    }
    if (!stacks) {
        stacks = g_ptr_array_new();
    }
    g_ptr_array_add(stacks, net);
    start_source(net);
    return true;
}

const NetClientClass net_user = {
    .kind = "user",
    .size = sizeof(UserNet),
    .create = user_create,
    .receive = user_receive,
    .close = user_close,
};

/* --- Monitor --------------------------------------------------------------------------------- */

/* NULL after saying why. */
static UserNet *find_stack(const char *id)
{
    for (guint i = 0; stacks && i < stacks->len; i++) {
        UserNet *net = g_ptr_array_index(stacks, i);

        if (!id || !strcmp(net->nc.name, id)) {
            return net;
        }
    }
    if (id) {
        error_printf("unrecognized netdev id '%s'\n", id);
    } else {
        error_printf("user mode network stack not in use\n");
    }
    return NULL;
}

void net_user_hostfwd(const char *id, const char *rule, bool add)
{
    UserNet *net = find_stack(id);
    Error *err = NULL;

    if (!net) {
        return;
    }
    if (!add) {
        slirp_fwd_remove(net, rule);
    } else if (!slirp_fwd_add_host(net, rule, &err)) {
        error_printf("%s\n", error_get_pretty(err));
        error_free(err);
    }
}

void net_user_info(GString *out)
{
    for (guint i = 0; stacks && i < stacks->len; i++) {
        UserNet *net = g_ptr_array_index(stacks, i);
        char *text = net->api->slirp_connection_info(net->slirp);

        g_string_append_printf(out, "Hub -1 (%s):\n%s", net->nc.name, text);
        g_free(text);
    }
}
