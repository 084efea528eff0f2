/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of -netdev user to libslirp's configuration. No state. */
#include "qemu/osdep.h"
#include "slirp-internal.h"
#include "qemu/cutils.h"

/* Hosts of the default network, and of any other: the last two bytes. */
enum { HOST = 0x0202, NAME_SERVER = 0x0203, DHCP_START = 0x020f };

#define DEFAULT_NET 0x0a000200u
#define DEFAULT_MASK 0xffffff00u
#define NAME_MAX_BYTES 255

/* Networks without a mask have that of their kind. */
static uint32_t usual_mask(uint32_t net)
{
    static const struct {
        uint32_t bits, value, mask;
    } kinds[] = {
        { 0x80000000, 0, 0xff000000 },          /* class A */
        { 0xfff00000, 0xac100000, 0xfff00000 }, /* 172.16/12 */
        { 0xc0000000, 0x80000000, 0xffff0000 }, /* class B */
        { 0xffff0000, 0xc0a80000, 0xffff0000 }, /* 192.168/16 */
        { 0xffff0000, 0xc6120000, 0xfffe0000 }, /* 198.18/15 */
        { 0xe0000000, 0xc0000000, 0xffffff00 }, /* class C */
        { 0, 0, 0xfffffff0 },
    };
    unsigned i = 0;

    while ((net & kinds[i].bits) != kinds[i].value) {
        i++;
    }
    return kinds[i].mask;
}

static bool parse_net4(SlirpConfig *c, const char *text, Error **errp)
{
    const char *slash = strchr(text, '/');
    g_autofree char *addr = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
    uint64_t bits;

    if (!inet_aton(addr, &c->vnetwork)) {
        error_setg(errp, "Failed to parse netmask");
        return false;
    }
    if (!slash) {
        c->vnetmask.s_addr = htonl(usual_mask(ntohl(c->vnetwork.s_addr)));
    } else if (qemu_strtou64(slash + 1, NULL, 10, &bits) < 0) {
        if (!inet_aton(slash + 1, &c->vnetmask)) {
            error_setg(errp, "Failed to parse netmask (trailing chars)");
            return false;
        }
    } else if (bits < 4 || bits > 32) {
        error_setg(errp, "Invalid netmask provided (must be in range 4-32)");
        return false;
    } else {
        c->vnetmask.s_addr = htonl(UINT32_MAX << (32 - bits));
    }
    c->vnetwork.s_addr &= c->vnetmask.s_addr;
    return true;
}

static struct in_addr in_net(const SlirpConfig *c, uint32_t host)
{
    return (struct in_addr){ c->vnetwork.s_addr | (htonl(host) & ~c->vnetmask.s_addr) };
}

static bool belongs(const SlirpConfig *c, struct in_addr a)
{
    return (a.s_addr & c->vnetmask.s_addr) == c->vnetwork.s_addr;
}

/* @text NULL: @addr stays. */
static bool parse_addr4(const char *text, struct in_addr *addr, const char *what, Error **errp)
{
    if (text && !inet_aton(text, addr)) {
        error_setg(errp, "Failed to parse %s", what);
        return false;
    }
    return true;
}

static bool config_ipv4(SlirpConfig *c, const NetdevUserOptions *o, Error **errp)
{
    c->vnetwork.s_addr = htonl(DEFAULT_NET);
    c->vnetmask.s_addr = htonl(DEFAULT_MASK);
    if (o->net && !parse_net4(c, o->net, errp)) {
        return false;
    }
    c->vhost = in_net(c, HOST);
    c->vdhcp_start = in_net(c, DHCP_START);
    c->vnameserver = in_net(c, NAME_SERVER);
    if (!parse_addr4(o->host, &c->vhost, "host", errp)) {
        return false;
    }
    if (!belongs(c, c->vhost)) {
        error_setg(errp, "Host doesn't belong to network");
        return false;
    }
    if (!parse_addr4(o->dns, &c->vnameserver, "DNS", errp)) {
        return false;
    }
    if (c->restricted && !belongs(c, c->vnameserver)) {
        error_setg(errp, "DNS doesn't belong to network");
        return false;
    }
    if (c->vnameserver.s_addr == c->vhost.s_addr) {
        error_setg(errp, "DNS must be different from host");
        return false;
    }
    if (!parse_addr4(o->dhcpstart, &c->vdhcp_start, "DHCP start address", errp)) {
        return false;
    }
    if (!belongs(c, c->vdhcp_start)) {
        error_setg(errp, "DHCP doesn't belong to network");
        return false;
    }
    if (c->vdhcp_start.s_addr == c->vhost.s_addr ||
        c->vdhcp_start.s_addr == c->vnameserver.s_addr) {
        error_setg(errp, "DHCP must be different from host and DNS");
        return false;
    }
    return true;
}

static bool belongs6(const SlirpConfig *c, const struct in6_addr *a)
{
    unsigned bytes = c->vprefix_len / 8, bits = c->vprefix_len % 8;
    uint8_t differ = a->s6_addr[bytes] ^ c->vprefix_addr6.s6_addr[bytes];

    return !memcmp(a, &c->vprefix_addr6, bytes) && !(bits && differ >> (8 - bits));
}

static bool config_ipv6(SlirpConfig *c, const NetdevUserOptions *o, Error **errp)
{
    if (inet_pton(AF_INET6, o->ipv6_prefix ? o->ipv6_prefix : "fec0::", &c->vprefix_addr6) != 1) {
        error_setg(errp, "Failed to parse IPv6 prefix");
        return false;
    }
    if (o->has_ipv6_prefixlen && (o->ipv6_prefixlen < 0 || o->ipv6_prefixlen > 126)) {
        error_setg(errp, "Invalid IPv6 prefix provided "
                         "(IPv6 prefix length must be between 0 and 126)");
        return false;
    }
    c->vprefix_len = o->has_ipv6_prefixlen ? (uint8_t)o->ipv6_prefixlen : 64;
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    if (o->ipv6_host && inet_pton(AF_INET6, o->ipv6_host, &c->vhost6) != 1) {
        error_setg(errp, "Failed to parse IPv6 host");
        return false;
    }
    if (!belongs6(c, &c->vhost6)) {
        error_setg(errp, "IPv6 Host doesn't belong to network");
        return false;
    }
    if (o->ipv6_dns && inet_pton(AF_INET6, o->ipv6_dns, &c->vnameserver6) != 1) {
        error_setg(errp, "Failed to parse IPv6 DNS");
        return false;
    }
    if (c->restricted && !belongs6(c, &c->vnameserver6)) {
        error_setg(errp, "IPv6 DNS doesn't belong to network");
        return false;
    }
    return true;
}

static bool check_name(const char *value, const char *what, Error **errp)
{
    if (value && strlen(value) > NAME_MAX_BYTES) {
        error_setg(errp, "'%s' parameter cannot exceed %d bytes", what, NAME_MAX_BYTES);
        return false;
    }
    return true;
}

static bool config_names(UserConfig *config, const NetdevUserOptions *o, Error **errp)
{
    SlirpConfig *c = &config->slirp;
    size_t n = o->dnssearch ? o->dnssearch->len : 0;

    if (o->domainname && !*o->domainname) {
        error_setg(errp, "'domainname' parameter cannot be empty");
        return false;
    }
    if (!check_name(o->domainname, "domainname", errp) ||
        !check_name(o->hostname, "vhostname", errp) ||
        !check_name(o->tftp_server_name, "tftp-server-name", errp) ||
        !check_name(o->bootfile, "bootfile", errp)) {
        return false;
    }
    c->vhostname = o->hostname;
    c->vdomainname = o->domainname;
    c->tftp_server_name = o->tftp_server_name;
    c->tftp_path = o->tftp;
    c->bootfile = o->bootfile;
    if (n) {
        config->dnssearch = g_new0(const char *, n + 1);
        for (size_t i = 0; i < n; i++) {
            config->dnssearch[i] = o->dnssearch->items[i].str;
        }
        c->vdnssearch = config->dnssearch;
    }
    return true;
}

/* Naming one of them switches the other off, unless it is named too. */
static bool config_families(SlirpConfig *c, const NetdevUserOptions *o, Error **errp)
{
    c->in_enabled = o->has_ipv4 ? o->ipv4 : !(o->has_ipv6 && o->ipv6);
    c->in6_enabled = o->has_ipv6 ? o->ipv6 : !(o->has_ipv4 && o->ipv4);
    if (!c->in_enabled && !c->in6_enabled) {
        error_setg(errp, "IPv4 and IPv6 disabled");
        return false;
    }
    if (!c->in_enabled && (o->net || o->host || o->dhcpstart || o->dns)) {
        error_setg(errp, "IPv4 disabled but netmask/host/dns provided");
        return false;
    }
    if (!c->in6_enabled && (o->ipv6_prefix || o->ipv6_host || o->ipv6_dns)) {
        error_setg(errp, "IPv6 disabled but prefix/host6/dns6 provided");
        return false;
    }
    return true;
}

UserConfig *user_config_new(const NetdevUserOptions *o, Error **errp)
{
    g_autoptr(UserConfig) config = g_new0(UserConfig, 1);

    if (o->smb || o->smbserver) {
        error_setg(errp, "smb: a file server is not supported");
        error_append_hint(errp, "Run one on the host and let the guest reach it by the gateway's "
                                "address.\n");
        return NULL;
    }
    config->slirp.restricted = o->has_q_restrict && o->q_restrict;
    if (!config_families(&config->slirp, o, errp) || !config_ipv4(&config->slirp, o, errp) ||
        !config_ipv6(&config->slirp, o, errp) || !config_names(config, o, errp)) {
        return NULL;
    }
    return g_steal_pointer(&config);
}

void user_config_free(UserConfig *c)
{
    g_free(c->dnssearch);
    g_free(c);
}
