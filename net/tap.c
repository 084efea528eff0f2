/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev tap: an interface of the host (Linux, Documentation/networking/tuntap.rst). Frames carry
 * a virtio header where the kernel can, so that it does checksums and segmentation for the guest.
 * BQL, main loop.
 */
#include "qemu/osdep.h"
#include "net-internal.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

enum {
    PLAIN_HDR_BYTES = 10, /* until the driver says what it wants */
    MAX_BATCH = 64,       /* frames before others get a turn */
};

#define DEFAULT_SCRIPT "/etc/qemu-ifup"
#define DEFAULT_DOWN_SCRIPT "/etc/qemu-ifdown"

typedef struct TapNet {
    NetClient nc;
    int fd;
    bool paused, multi, disabled;
    guint in_tag, out_tag;
    char *downscript; /* NULL: none, or another queue runs it */
    char ifname[IFNAMSIZ];
} TapNet;

/* --- Frames ---------------------------------------------------------------------------------- */

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    TapNet *t = opaque;
    g_autofree uint8_t *buf = g_malloc(NET_MAX_FRAME_BYTES);

    for (unsigned i = 0; i < MAX_BATCH && !t->paused; i++) {
        ssize_t got = read(fd, buf, NET_MAX_FRAME_BYTES);

        if (got <= 0) {
            break;
        }
        t->paused = !net_send_buf(&t->nc, buf, (size_t)got);
    }
    if (t->paused) {
        t->in_tag = 0;
    }
    return t->paused ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void watch_input(TapNet *t)
{
    if (!t->in_tag && !t->paused && !t->disabled && t->fd >= 0) {
        t->in_tag = g_unix_fd_add(t->fd, G_IO_IN, readable, t);
    }
}

static void tap_resume(NetClient *nc)
{
    TapNet *t = (TapNet *)nc;

    t->paused = false;
    watch_input(t);
}

static gboolean writable(gint fd, GIOCondition condition, gpointer opaque)
{
    TapNet *t = opaque;

    t->out_tag = 0;
    net_flush(&t->nc);
    return G_SOURCE_REMOVE;
}

static bool tap_receive(NetClient *nc, const struct iovec *iov, unsigned n)
{
    TapNet *t = (TapNet *)nc;
    g_autofree uint8_t *buf = NULL;
    ssize_t ret;

    if (t->fd < 0 || t->disabled) {
        return true;
    }
    if (t->out_tag) {
        return false;
    }
    if (n == 1) {
        ret = write(t->fd, iov[0].iov_base, iov[0].iov_len);
    } else {
        buf = g_malloc(NET_MAX_FRAME_BYTES);
        ret = write(t->fd, buf, net_gather(buf, iov, n));
    }
    if (ret < 0 && errno == EAGAIN) {
        t->out_tag = g_unix_fd_add(t->fd, G_IO_OUT, writable, t);
        return false;
    }
    return true; /* a frame the kernel refuses is lost */
}

/* --- Offloads -------------------------------------------------------------------------------- */

static void tap_set_vnet_hdr_len(NetClient *nc, unsigned bytes)
{
    int len = (int)bytes;

    if (nc->has_vnet_hdr && ioctl(((TapNet *)nc)->fd, TUNSETVNETHDRSZ, &len) == 0) {
        nc->vnet_hdr_len = bytes;
    }
}

static void tap_set_offloads(NetClient *nc, const NetOffloads *o)
{
    unsigned flags = 0;

    if (o->csum) {
        flags = TUN_F_CSUM | (o->tso4 ? TUN_F_TSO4 : 0) | (o->tso6 ? TUN_F_TSO6 : 0) |
                ((o->tso4 || o->tso6) && o->ecn ? TUN_F_TSO_ECN : 0) | (o->ufo ? TUN_F_UFO : 0);
    }
    if (ioctl(((TapNet *)nc)->fd, TUNSETOFFLOAD, (unsigned long)flags) < 0) {
        ioctl(((TapNet *)nc)->fd, TUNSETOFFLOAD, (unsigned long)(flags & ~TUN_F_UFO));
    }
}

static void tap_set_enabled(NetClient *nc, bool on)
{
    TapNet *t = (TapNet *)nc;
    struct ifreq ifr = { .ifr_flags = (short)(on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE) };

    if (!t->multi || t->disabled == !on || ioctl(t->fd, TUNSETQUEUE, &ifr) < 0) {
        return;
    }
    t->disabled = !on;
    if (on) {
        watch_input(t);
    } else {
        g_clear_handle_id(&t->in_tag, g_source_remove);
    }
}

/* --- Scripts --------------------------------------------------------------------------------- */

static bool run_script(const char *script, const char *ifname, Error **errp)
{
    const char *argv[] = { script, ifname, NULL };
    g_autoptr(GError) gerr = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL,
                      NULL, &status, &gerr)) {
        error_setg(errp, "could not launch network script %s: %s", script, gerr->message);
        return false;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        error_setg(errp, "network script %s failed with status %d", script, status);
        return false;
    }
    return true;
}

/* NULL: none is to be run. */
static const char *script_of(const char *option, const char *usual)
{
    const char *script = option ? option : usual;

    return *script && strcmp(script, "no") ? script : NULL;
}

/* --- Opening --------------------------------------------------------------------------------- */

/* Opens (a queue of) the interface @ifname, which the kernel may complete. */
static int open_tap(char *ifname, const NetdevTapOptions *o, bool multi, bool *vnet_hdr,
                    Error **errp)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    unsigned can = 0;

    if (fd < 0) {
        error_setg_errno(errp, errno, "could not open /dev/net/tun");
        return -1;
    }
    if (ioctl(fd, TUNGETFEATURES, &can) < 0) {
        can = 0;
    }
    *vnet_hdr = (!o->has_vnet_hdr || o->vnet_hdr) && can & IFF_VNET_HDR;
    if (o->has_vnet_hdr && o->vnet_hdr && !*vnet_hdr) {
        error_setg(errp, "vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR available");
        close(fd);
        return -1;
    }
    ifr.ifr_flags = (short)(ifr.ifr_flags | (*vnet_hdr ? IFF_VNET_HDR : 0) |
                            (multi ? IFF_MULTI_QUEUE : 0));
    g_strlcpy(ifr.ifr_name, *ifname ? ifname : "tap%d", IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        error_setg_errno(errp, errno, "could not configure /dev/net/tun (%s)", ifr.ifr_name);
        close(fd);
        return -1;
    }
    g_strlcpy(ifname, ifr.ifr_name, IFNAMSIZ);
    return fd;
}

static bool set_sndbuf(int fd, const NetdevTapOptions *o, Error **errp)
{
    int bytes = o->has_sndbuf && o->sndbuf ? (int)MIN(o->sndbuf, INT_MAX) : INT_MAX;

    if (ioctl(fd, TUNSETSNDBUF, &bytes) < 0 && o->has_sndbuf) {
        error_setg_errno(errp, errno, "TUNSETSNDBUF ioctl failed");
        return false;
    }
    return true;
}

static TapNet *add_queue(const char *id, unsigned index, int fd, bool vnet_hdr, bool multi)
{
    TapNet *t = (TapNet *)net_client_new(&net_tap, id, index);

    t->fd = fd;
    t->multi = multi;
    t->nc.has_vnet_hdr = vnet_hdr;
    if (vnet_hdr) {
        t->nc.has_ufo = ioctl(fd, TUNSETOFFLOAD, (unsigned long)(TUN_F_CSUM | TUN_F_UFO)) == 0;
        ioctl(fd, TUNSETOFFLOAD, 0ul);
        tap_set_vnet_hdr_len(&t->nc, PLAIN_HDR_BYTES);
    }
    watch_input(t);
    return t;
}

static void delete_queues(const char *id)
{
    NetClient *queues[NET_MAX_QUEUES];
    unsigned n = net_find_netdev(id, queues, NET_MAX_QUEUES);

    while (n) {
        net_client_delete(queues[--n]);
    }
}

/* An open interface that somebody else has made. */
static bool add_fd(const Netdev *opts, const char *name, unsigned index, bool multi,
                   bool *vnet_hdr, Error **errp)
{
    struct ifreq ifr = { 0 };
    int fd = net_take_fd(name, errp);
    TapNet *t;

    if (fd < 0 || !net_prepare_fd(opts->id, fd, errp)) {
        return false;
    }
    if (ioctl(fd, TUNGETIFF, &ifr) < 0) {
        error_setg_errno(errp, errno, "Unable to query TUNGETIFF on FD %d", fd);
        return false;
    }
    if (index && *vnet_hdr != !!(ifr.ifr_flags & IFF_VNET_HDR)) {
        error_setg(errp, "vnet_hdr not consistent across given tap fds");
        return false;
    }
    *vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
    if (!set_sndbuf(fd, opts->u.tap, errp)) {
        return false;
    }
    t = add_queue(opts->id, index, fd, *vnet_hdr, multi);
    net_client_set_info(&t->nc, "fd=%d", fd);
    return true;
}

static bool add_fds(const Netdev *opts, const char *names, Error **errp)
{
    g_auto(GStrv) list = g_strsplit(names, ":", 0);
    unsigned n = g_strv_length(list);
    bool vnet_hdr = false;

    if (!n || n > NET_MAX_QUEUES) {
        error_setg(errp, "fds= needs 1 to %d descriptors", NET_MAX_QUEUES);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!add_fd(opts, list[i], i, n > 1, &vnet_hdr, errp)) {
            return false;
        }
    }
    return true;
}

static bool add_opened(const Netdev *opts, Error **errp)
{
    const NetdevTapOptions *o = opts->u.tap;
    const char *up = script_of(o->script, DEFAULT_SCRIPT);
    const char *down = script_of(o->downscript, DEFAULT_DOWN_SCRIPT);
    unsigned n = o->has_queues ? o->queues : 1;
    char ifname[IFNAMSIZ] = "";

    if (!n || n > NET_MAX_QUEUES) {
        error_setg(errp, "queues= must be 1 to %d", NET_MAX_QUEUES);
        return false;
    }
    if (o->ifname && g_strlcpy(ifname, o->ifname, IFNAMSIZ) >= IFNAMSIZ) {
        error_setg(errp, "ifname '%s' is longer than %d bytes", o->ifname, IFNAMSIZ - 1);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        bool vnet_hdr;
        int fd = open_tap(ifname, o, n > 1, &vnet_hdr, errp);
        TapNet *t;

        if (fd < 0) {
            return false;
        }
        t = add_queue(opts->id, i, fd, vnet_hdr, n > 1);
        g_strlcpy(t->ifname, ifname, IFNAMSIZ);
        net_client_set_info(&t->nc, "ifname=%s,script=%s,downscript=%s", ifname,
                            up ? up : "no", down ? down : "no");
        if (!set_sndbuf(fd, o, errp) || (!i && up && !run_script(up, ifname, errp))) {
            return false;
        }
        t->downscript = i ? NULL : g_strdup(down);
    }
    return true;
}

/* --- Options --------------------------------------------------------------------------------- */

static bool check_options(const NetdevTapOptions *o, Error **errp)
{
    bool own = o->ifname || o->script || o->downscript || o->has_vnet_hdr || o->helper ||
               o->has_queues;

    if (o->helper || o->br) {
        error_setg(errp, "helper= and br= are not supported");
        error_append_hint(errp, "Open the interface and pass it by fd=.\n");
        return false;
    }
    if (o->fd && (own || o->fds || o->vhostfds)) {
        error_setg(errp, "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, fds=, and "
                         "vhostfds= are invalid with fd=");
        return false;
    }
    if (o->fds && (own || o->vhostfd)) {
        error_setg(errp, "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, and vhostfd= "
                         "are invalid with fds=");
        return false;
    }
    if (o->vhostfds && !o->fds) {
        error_setg(errp, "vhostfds= is invalid if fds= wasn't specified");
        return false;
    }
    return true;
}

/* The kernel's vhost is not used; clients that ask for it get what it would do, more slowly. */
static bool check_vhost(const NetdevTapOptions *o, Error **errp)
{
    bool force = o->has_vhostforce && o->vhostforce;
    bool asked = force || (o->has_vhost ? o->vhost : o->vhostfd || o->vhostfds);

    if (asked && force) {
        error_setg(errp, "vhostforce=on: vhost is not supported");
        error_append_hint(errp, "Without vhostforce=on frames go through this process.\n");
        return false;
    }
    if (asked) {
        warn_report("tap: vhost is not supported, frames go through this process");
    }
    return true;
}

static bool tap_create(const Netdev *opts, Error **errp)
{
    const NetdevTapOptions *o = opts->u.tap;
    bool ok;

    if (!check_options(o, errp) || !check_vhost(o, errp)) {
        return false;
    }
    ok = o->fd ? add_fds(opts, o->fd, errp)
         : o->fds ? add_fds(opts, o->fds, errp) : add_opened(opts, errp);
    if (!ok) {
        delete_queues(opts->id);
    }
    return ok;
}

static void tap_close(NetClient *nc)
{
    TapNet *t = (TapNet *)nc;
    Error *err = NULL;

    g_clear_handle_id(&t->in_tag, g_source_remove);
    g_clear_handle_id(&t->out_tag, g_source_remove);
    if (t->downscript && !run_script(t->downscript, t->ifname, &err)) {
        error_report_err(err);
    }
    g_clear_pointer(&t->downscript, g_free);
    if (t->fd >= 0) {
        close(t->fd);
        t->fd = -1;
    }
}

const NetClientClass net_tap = {
    .kind = "tap",
    .size = sizeof(TapNet),
    .create = tap_create,
    .receive = tap_receive,
    .resume = tap_resume,
    .close = tap_close,
    .set_vnet_hdr_len = tap_set_vnet_hdr_len,
    .set_offloads = tap_set_offloads,
    .set_enabled = tap_set_enabled,
};
