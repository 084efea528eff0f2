/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev, -nic, -net and netdev_add. BQL, main thread. */
#include "qemu/osdep.h"
#include "net-internal.h"
#include "qapi/json-stream.h"
#include "qapi/keyval-opts.h"
#include "qapi/qapi-commands.h"
#include "qemu/cutils.h"
#include "qemu/named-fd.h"

#include <fcntl.h>

#define DEFAULT_NIC "virtio-net-pci"

static const NetClientClass *const back_ends[NET_CLIENT_DRIVER__MAX] = {
    [NET_CLIENT_DRIVER_USER] = &net_user,     [NET_CLIENT_DRIVER_TAP] = &net_tap,
    [NET_CLIENT_DRIVER_SOCKET] = &net_socket, [NET_CLIENT_DRIVER_STREAM] = &net_stream,
    [NET_CLIENT_DRIVER_DGRAM] = &net_dgram,
};

/* --- A back end ------------------------------------------------------------------------------ */

static bool id_wellformed(const char *id)
{
    return g_ascii_isalpha(*id) &&
           id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == 0;
}

static void mark_netdev(void *opaque, NetClient *nc)
{
    if (!net_is_nic(nc) && !strcmp(nc->name, opaque)) {
        nc->is_netdev = true;
    }
}

/* @opts->id is checked. */
static bool create(const Netdev *opts, Error **errp)
{
    if (!back_ends[opts->type]->create(opts, errp)) {
        return false;
    }
    net_foreach(mark_netdev, opts->id);
    return true;
}

static bool check_id(const char *id, Error **errp)
{
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "Identifiers consist of letters, digits, '-', '.', '_', starting "
                                "with a letter.\n");
        return false;
    }
    return true;
}

bool netdev_add(const Netdev *opts, Error **errp)
{
    if (!check_id(opts->id, errp)) {
        return false;
    }
    if (net_find_netdev(opts->id, NULL, 0)) {
        error_setg(errp, "Duplicate ID '%s'", opts->id);
        return false;
    }
    return create(opts, errp);
}

bool qmp_netdev_add(const Netdev *args, Error **errp)
{
    return netdev_add(args, errp);
}

/* --- Text to options ------------------------------------------------------------------------- */

static const QapiMember *find_member(const QapiType *type, const char *name, size_t len)
{
    for (uint32_t i = 0; type && i < type->nr; i++) {
        if (strlen(type->members[i].name) == len && !memcmp(type->members[i].name, name, len)) {
            return &type->members[i];
        }
    }
    return NULL;
}

/* "fec0::/64" in one option stands for two. */
static void split_ipv6_net(Keyval *to, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, "/", 2);

    keyval_add(to, "ipv6-prefix", parts[0] ? parts[0] : "");
    if (parts[0] && parts[1]) {
        keyval_add(to, "ipv6-prefixlen", parts[1]);
    }
}

/* Options as people write them to what the schema has: a list is one option several times. */
static Keyval *to_schema(const Keyval *kv, const QapiType *branch, Error **errp)
{
    g_autoptr(Keyval) result = keyval_new();
    GHashTable *counts = g_hash_table_new(g_str_hash, g_str_equal);
    bool ok = true;

    for (guint i = 0; ok && i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);
        size_t len = strcspn(item->key, ".");
        const QapiMember *m = find_member(branch, item->key, len);

        if (!strcmp(item->key, "ipv6-net") && branch == &qapi_type_NetdevUserOptions) {
            split_ipv6_net(result, item->value);
        } else if (!m && !find_member(&qapi_type_Netdev, item->key, len)) {
            error_setg(errp, "Invalid parameter '%s'", item->key);
            ok = false;
        } else if (m && m->type->kind == QAPI_ARRAY && !item->key[len]) {
            unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, item->key));
            g_autofree char *key = g_strdup_printf("%s.%u.str", item->key, n);

            keyval_add(result, key, item->value);
            g_hash_table_insert(counts, item->key, GUINT_TO_POINTER(n + 1));
        } else {
            keyval_add(result, item->key, item->value);
        }
    }
    g_hash_table_destroy(counts);
    return ok ? g_steal_pointer(&result) : NULL;
}

static Netdev *netdev_from_keyval(const Keyval *kv, Error **errp)
{
    const char *type = keyval_get(kv, "type");
    int driver = type ? qapi_enum_parse(&qapi_type_NetClientDriver, type) : -1;
    g_autoptr(Keyval) plain = NULL;

    if (!type) {
        error_setg(errp, "Parameter 'type' is missing");
        return NULL;
    }
    if (driver < 0) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
        error_append_hint(errp, "-netdev help lists the types\n");
        return NULL;
    }
    if (!keyval_has(kv, "id")) {
        error_setg(errp, "Parameter 'id' is missing");
        return NULL;
    }
    plain = to_schema(kv, qapi_type_Netdev.variants[driver], errp);
    return plain ? qapi_from_keyval(&qapi_type_Netdev, plain, errp) : NULL;
}

bool netdev_add_option(const char *arg, Error **errp)
{
    g_autoptr(Netdev) opts = NULL;

    if (*arg == '{') {
        json_object *value;

        if (!json_parse_text(arg, &value, errp)) {
            return false;
        }
        opts = qapi_from_json(&qapi_type_Netdev, value, errp);
        json_object_put(value);
        return opts && netdev_add(opts, errp);
    } else {
        g_autoptr(Keyval) kv = keyval_parse(arg, "type", errp);
        const char *id = kv ? keyval_get(kv, "id") : NULL;

        if (id && net_find_netdev(id, NULL, 0)) {
            error_setg(errp, "Duplicate ID '%s' for netdev", id);
            return false;
        }
        if (id && !check_id(id, errp)) {
            return false;
        }
        opts = kv ? netdev_from_keyval(kv, errp) : NULL;
        return opts && create(opts, errp);
    }
}

void netdev_print_help(FILE *f)
{
    fprintf(f, "Available netdev backend types:\n");
    for (int i = 0; i < NET_CLIENT_DRIVER__MAX; i++) {
        fprintf(f, "%s\n", back_ends[i]->kind);
    }
}

int net_take_fd(const char *name, Error **errp)
{
    int fd = named_fd_take(name);

    if (fd < 0) {
        if (g_ascii_isdigit(*name)) {
            error_setg(errp, "Invalid file descriptor number '%s'", name);
        } else {
            error_setg(errp, "File descriptor named '%s' has not been found", name);
        }
    }
    return fd;
}

bool net_prepare_fd(const char *id, int fd, Error **errp)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        error_setg_errno(errp, errno, "%s: Can't use file descriptor %d", id, fd);
        return false;
    }
    return true;
}

/* --- -nic and -net --------------------------------------------------------------------------- */

typedef struct NicArgs {
    const char *model, *mac, *addr, *vectors;
} NicArgs;

static bool take_nic_args(const Keyval *kv, NicArgs *a, Error **errp)
{
    const char *macaddr = keyval_get(kv, "macaddr");
    uint8_t mac[NET_MAC_BYTES];

    *a = (NicArgs){ keyval_get(kv, "model"), keyval_get(kv, "mac"), keyval_get(kv, "addr"),
                    keyval_get(kv, "vectors") };
    a->mac = a->mac ? a->mac : macaddr;
    if (a->mac && !net_parse_mac(a->mac, mac)) {
        error_setg(errp, "invalid syntax for ethernet address");
        return false;
    }
    if (a->mac && mac[0] & 1) {
        error_setg(errp, "NIC cannot have multicast MAC address (odd 1st byte)");
        return false;
    }
    if (a->model && strcmp(a->model, "virtio") && strcmp(a->model, DEFAULT_NIC)) {
        error_setg(errp, "Unsupported NIC model: %s", a->model);
        error_append_hint(errp, "-nic model=help lists the models\n");
        return false;
    }
    return true;
}

static void add_nic(GPtrArray *devices, unsigned *at, const NicArgs *a, const char *netdev)
{
    GString *s = g_string_new(DEFAULT_NIC);

    if (netdev) {
        g_string_append_printf(s, ",netdev=%s", netdev);
    }
    if (a->mac) {
        g_string_append_printf(s, ",mac=%s", a->mac);
    }
    if (a->addr) {
        g_string_append_printf(s, ",addr=%s", a->addr);
    }
    if (a->vectors) {
        g_string_append_printf(s, ",vectors=%s", a->vectors);
    }
    g_ptr_array_insert(devices, (gint)(*at)++, g_string_free(s, FALSE));
}

/* What is left of @kv for the back end; without an id it gets one that no user can give. */
static char *add_back_end(const Keyval *kv, unsigned n, Error **errp)
{
    static const char *const nic_keys[] = { "model", "mac", "macaddr", "addr", "vectors", NULL };
    g_autoptr(Keyval) rest = keyval_new();
    g_autoptr(Netdev) opts = NULL;
    const char *given = keyval_get(kv, "id");
    g_autofree char *id = given ? g_strdup(given) : g_strdup_printf("#net%03u", n);

    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (!g_strv_contains(nic_keys, item->key) && strcmp(item->key, "id")) {
            keyval_add(rest, item->key, item->value);
        }
    }
    keyval_add(rest, "id", id);
    if (given && !check_id(id, errp)) {
        return NULL;
    }
    if (given && net_find_netdev(id, NULL, 0)) {
        error_setg(errp, "Duplicate ID '%s' for netdev", id);
        return NULL;
    }
    opts = netdev_from_keyval(rest, errp);
    return opts && create(opts, errp) ? g_steal_pointer(&id) : NULL;
}

static bool add_one_nic(const char *arg, unsigned n, GPtrArray *devices, unsigned *at,
                        Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "type", errp);
    g_autofree char *id = NULL;
    NicArgs a;

    if (!kv) {
        return false;
    }
    if (!g_strcmp0(keyval_get(kv, "type"), "none")) {
        return keyval_check_unused(kv, errp);
    }
    if (!take_nic_args(kv, &a, errp)) {
        return false;
    }
    id = add_back_end(kv, n, errp);
    if (id) {
        add_nic(devices, at, &a, id);
    }
    return id;
}

/* The old form: one device and one back end that belong together. */
typedef struct OldNet {
    Keyval *nic, *back_end;
} OldNet;

static bool sort_net(const char *arg, OldNet *old, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "type", errp);
    const char *type = kv ? keyval_get(kv, "type") : NULL;
    bool is_nic = type && !strcmp(type, "nic");
    Keyval **slot = is_nic ? &old->nic : &old->back_end;

    if (!kv) {
        return false;
    }
    if (!type || !strcmp(type, "none")) {
        if (!type) {
            error_setg(errp, "Parameter 'type' is missing");
        }
        return type;
    }
    if (!is_nic && qapi_enum_parse(&qapi_type_NetClientDriver, type) < 0) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
        return false;
    }
    if (*slot) {
        error_setg(errp, "only one -net %s is supported", is_nic ? "nic" : "back end");
        error_append_hint(errp, "Use -nic, or -netdev with -device.\n");
        return false;
    }
    *slot = g_steal_pointer(&kv);
    return true;
}

static bool connect_old(const OldNet *old, unsigned n, GPtrArray *devices, unsigned *at,
                        Error **errp)
{
    g_autofree char *id = NULL;
    const char *netdev;
    NicArgs a;

    if (old->back_end) {
        id = add_back_end(old->back_end, n, errp);
        if (!id) {
            return false;
        }
    }
    if (old->nic) {
        netdev = keyval_get(old->nic, "netdev");
        keyval_get(old->nic, "name");
        if (!take_nic_args(old->nic, &a, errp) || !keyval_check_unused(old->nic, errp)) {
            return false;
        }
        if (netdev && !net_find_netdev(netdev, NULL, 0)) {
            error_setg(errp, "netdev '%s' not found", netdev);
            return false;
        }
        add_nic(devices, at, &a, netdev ? netdev : id);
    }
    return true;
}

bool net_add_nics(GPtrArray *nics, GPtrArray *nets, GPtrArray *devices, Error **errp)
{
    OldNet old = { NULL, NULL };
    unsigned n = 0, at = 0;
    bool ok = true;

    for (guint i = 0; ok && i < nets->len; i++) {
        error_loc_set_cmdline("net", g_ptr_array_index(nets, i));
        ok = sort_net(g_ptr_array_index(nets, i), &old, errp);
    }
    ok = ok && connect_old(&old, n++, devices, &at, errp);
    keyval_free(old.nic);
    keyval_free(old.back_end);
    for (guint i = 0; ok && i < nics->len; i++) {
        error_loc_set_cmdline("nic", g_ptr_array_index(nics, i));
        ok = add_one_nic(g_ptr_array_index(nics, i), n++, devices, &at, errp);
    }
    if (ok) {
        error_loc_set_cmdline(NULL, NULL);
    }
    return ok;
}

bool net_print_nic_help(const char *arg, FILE *f)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "type", NULL);
    const char *model = kv ? keyval_get(kv, "model") : NULL;

    if (!model || !is_help_option(model)) {
        return false;
    }
    fprintf(f, "Supported NIC models:\n%s\n", DEFAULT_NIC);
    return true;
}
