/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev user: ports of the host that lead to the guest, and addresses the guest sees that lead to
 * the host. BQL, main loop. */
#include "qemu/osdep.h"
#include "slirp-internal.h"
#include "chardev/char.h"
#include "qemu/cutils.h"

/* --- Rules ----------------------------------------------------------------------------------- */

/* The text up to @sep, which *p moves past. False: there is no @sep. */
static bool take_part(const char **p, char sep, char **part)
{
    const char *end = strchr(*p, sep);

    *part = end ? g_strndup(*p, (gsize)(end - *p)) : NULL;
    *p = end ? end + 1 : *p;
    return end;
}

static bool parse_protocol(const char *text, bool *udp)
{
    *udp = !strcmp(text, "udp");
    return *udp || !*text || !strcmp(text, "tcp");
}

static bool parse_port(const char *text, uint64_t min, int *port)
{
    uint64_t value;

    if (!g_ascii_isdigit(*text) || qemu_strtou64(text, NULL, 10, &value) < 0 || value < min ||
        value > UINT16_MAX) {
        return false;
    }
    *port = (int)value;
    return true;
}

typedef struct HostRule {
    bool udp;
    struct in_addr host, guest;
    int host_port, guest_port;
} HostRule;

/* PROTOCOL:[HOST]: ; what is wrong, or NULL. */
static const char *parse_head(const char **p, HostRule *r)
{
    g_autofree char *protocol = NULL, *host = NULL;

    if (!take_part(p, ':', &protocol)) {
        return "No : separators";
    }
    if (!parse_protocol(protocol, &r->udp)) {
        return "Bad protocol name";
    }
    if (!take_part(p, ':', &host)) {
        return "Missing : separator";
    }
    return *host && !inet_aton(host, &r->host) ? "Bad host address" : NULL;
}

static const char *parse_host_rule(const char *p, HostRule *r)
{
    g_autofree char *port = NULL, *guest = NULL;
    const char *wrong = parse_head(&p, r);

    if (wrong) {
        return wrong;
    }
    if (!take_part(&p, '-', &port)) {
        return "Bad host port separator";
    }
    if (!parse_port(port, 0, &r->host_port)) {
        return "Bad host port";
    }
    if (!take_part(&p, ':', &guest)) {
        return "Missing guest address";
    }
    if (*guest && !inet_aton(guest, &r->guest)) {
        return "Bad guest address";
    }
    return parse_port(p, 1, &r->guest_port) ? NULL : "Bad guest port";
}

bool slirp_fwd_add_host(UserNet *net, const char *rule, Error **errp)
{
    HostRule r = { .udp = false };
    const char *wrong = parse_host_rule(rule, &r);

    if (wrong) {
        error_setg(errp, "Invalid host forwarding rule '%s' (%s)", rule, wrong);
        return false;
    }
    if (net->api->slirp_add_hostfwd(net->slirp, r.udp, r.host, r.host_port, r.guest,
                                    r.guest_port) < 0) {
        error_setg(errp, "Could not set up host forwarding rule '%s'", rule);
        return false;
    }
    return true;
}

void slirp_fwd_remove(UserNet *net, const char *rule)
{
    HostRule r = { .udp = false };
    const char *p = rule;
    int ret;

    if (parse_head(&p, &r) || !parse_port(p, 0, &r.host_port)) {
        error_printf("invalid format\n");
        return;
    }
    ret = net->api->slirp_remove_hostfwd(net->slirp, r.udp, r.host, r.host_port);
    error_printf("host forwarding rule for %s %s\n", rule, ret < 0 ? "not found" : "removed");
}

/* --- guestfwd= ------------------------------------------------------------------------------- */

typedef struct GuestFwd {
    UserNet *net;
    Chardev *chr;
    struct in_addr server;
    int port;
} GuestFwd;

static ssize_t guest_sent(const void *buf, size_t len, void *opaque)
{
    GuestFwd *f = opaque;

    return chardev_write(f->chr, buf, (int)MIN(len, INT_MAX));
}

static int fwd_can_read(void *opaque)
{
    GuestFwd *f = opaque;

    return (int)MIN(f->net->api->slirp_socket_can_recv(f->net->slirp, f->server, f->port), 65536);
}

static void fwd_read(void *opaque, const uint8_t *buf, int len)
{
    GuestFwd *f = opaque;

    f->net->api->slirp_socket_recv(f->net->slirp, f->server, f->port, buf, len);
}

static const ChardevHandlers fwd_handlers = { .can_read = fwd_can_read, .read = fwd_read };

static bool add_guest_chardev(UserNet *net, const char *dev, struct in_addr server, int port,
                              Error **errp)
{
    g_autofree char *id = g_strdup_printf("guestfwd.tcp.%d", port);
    GuestFwd *f = g_new0(GuestFwd, 1);
    bool none = false;

    *f = (GuestFwd){ .net = net, .server = server, .port = port };
    f->chr = chardev_new_from_short(id, dev, &none, errp);
    if (!f->chr) {
        if (none) {
            error_setg(errp, "guestfwd: '%s' leads nowhere", dev);
        }
        g_free(f);
        return false;
    }
    if (net->api->slirp_add_guestfwd(net->slirp, guest_sent, f, &f->server, port) < 0) {
        error_setg(errp, "Conflicting/invalid host:port in guest forwarding rule '%s'", dev);
        g_free(f);
        return false;
    }
    if (!net->guestfwds) {
        net->guestfwds = g_ptr_array_new();
    }
    g_ptr_array_add(net->guestfwds, f);
    return chardev_set_handlers(f->chr, &fwd_handlers, f, errp);
}

/* [tcp]:SERVER:PORT-DEV, -cmd:COMMAND or -unix:PATH */
static bool add_guest(UserNet *net, const char *rule, Error **errp)
{
    g_autofree char *protocol = NULL, *server = NULL, *number = NULL;
    const char *p = rule;
    struct in_addr addr = { 0 };
    bool udp = true;
    int port, ret;

    if (!take_part(&p, ':', &protocol) || !parse_protocol(protocol, &udp) || udp ||
        !take_part(&p, ':', &server) || (*server && !inet_aton(server, &addr)) ||
        !take_part(&p, '-', &number) || !parse_port(number, 1, &port) || !*p) {
        error_setg(errp, "Invalid guest forwarding rule '%s'", rule);
        return false;
    }
    if (g_str_has_prefix(p, "cmd:")) {
        ret = net->api->slirp_add_exec(net->slirp, p + strlen("cmd:"), &addr, port);
    } else if (g_str_has_prefix(p, "unix:") && !strchr(p, ',')) {
        ret = net->api->slirp_add_unix(net->slirp, p + strlen("unix:"), &addr, port);
    } else {
        return add_guest_chardev(net, p, addr, port, errp);
    }
    if (ret < 0) {
        error_setg(errp, "Conflicting/invalid host:port in guest forwarding rule '%s'", rule);
    }
    return ret >= 0;
}

/* --- All of a netdev ------------------------------------------------------------------------- */

bool slirp_fwd_add_all(UserNet *net, const NetdevUserOptions *o, Error **errp)
{
    for (size_t i = 0; o->hostfwd && i < o->hostfwd->len; i++) {
        if (!slirp_fwd_add_host(net, o->hostfwd->items[i].str, errp)) {
            return false;
        }
    }
    for (size_t i = 0; o->guestfwd && i < o->guestfwd->len; i++) {
        if (!add_guest(net, o->guestfwd->items[i].str, errp)) {
            return false;
        }
    }
    return true;
}

void slirp_fwd_close(UserNet *net)
{
    for (guint i = 0; net->guestfwds && i < net->guestfwds->len; i++) {
        GuestFwd *f = g_ptr_array_index(net->guestfwds, i);

        chardev_set_handlers(f->chr, NULL, f, NULL);
        g_free(f);
    }
    if (net->guestfwds) {
        g_ptr_array_free(net->guestfwds, TRUE);
        net->guestfwds = NULL;
    }
}
