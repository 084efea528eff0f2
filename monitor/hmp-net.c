/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network commands of the human monitor, and getfd. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "net/net.h"
#include "qapi/qapi-commands.h"
#include "qemu/named-fd.h"

void hmp_netdev_add(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    if (!netdev_add_option(args[0].s, &err)) {
        hmp_report(mon, err);
    }
}

void hmp_netdev_del(Monitor *mon, const HmpArg *args)
{
    NetdevDelArgs del = { .id = args[0].s };
    Error *err = NULL;

    qmp_netdev_del(&del, &err);
    hmp_report(mon, err);
}

void hmp_set_link(Monitor *mon, const HmpArg *args)
{
    SetLinkArgs link = { .name = args[0].s, .up = args[1].i };
    Error *err = NULL;

    qmp_set_link(&link, &err);
    hmp_report(mon, err);
}

/* With the waits that migration uses. */
void hmp_announce_self(Monitor *mon, const HmpArg *args)
{
    AnnounceParameters p = { .initial = 50, .max = 550, .rounds = 5, .step = 100,
                             .id = args[1].s };
    g_auto(GStrv) names = args[0].present ? g_strsplit(args[0].s, ",", 0) : NULL;
    strList list = { .items = names, .len = names ? g_strv_length(names) : 0 };
    Error *err = NULL;

    p.interfaces = names ? &list : NULL;
    qmp_announce_self(&p, &err);
    hmp_report(mon, err);
}

static void hostfwd(const HmpArg *args, bool add)
{
    if (args[1].present) {
        net_user_hostfwd(args[0].s, args[1].s, add);
    } else {
        net_user_hostfwd(NULL, args[0].s, add);
    }
}

void hmp_hostfwd_add(Monitor *mon, const HmpArg *args)
{
    hostfwd(args, true);
}

void hmp_hostfwd_remove(Monitor *mon, const HmpArg *args)
{
    hostfwd(args, false);
}

static void print_client(Monitor *mon, const NetClient *nc)
{
    monitor_printf(mon, "%s: index=%u,type=%s,%s\n", nc->name, nc->queue_index, nc->cls->kind,
                   nc->info);
}

static void print_pair(void *opaque, NetClient *nc)
{
    if (!net_is_nic(nc) && nc->peer) {
        return; /* below its device */
    }
    print_client(opaque, nc);
    if (nc->peer) {
        monitor_puts(opaque, " \\ ");
        print_client(opaque, nc->peer);
    }
}

void hmp_info_network(Monitor *mon, const HmpArg *args)
{
    net_foreach(print_pair, mon);
}

void hmp_info_usernet(Monitor *mon, const HmpArg *args)
{
    GString *out = g_string_new(NULL);

    net_user_info(out);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

/* --- Descriptors of QMP clients -------------------------------------------------------------- */

bool qmp_getfd(const GetfdArgs *args, Error **errp)
{
    Monitor *mon = monitor_current();
    int fd = mon && mon->chr ? chardev_get_msgfd(mon->chr) : -1;

    if (fd < 0) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return false;
    }
    if (g_ascii_isdigit(*args->fdname)) {
        close(fd);
        error_setg(errp, "Parameter 'fdname' expects a name not starting with a digit");
        return false;
    }
    named_fd_add(args->fdname, fd);
    return true;
}

bool qmp_closefd(const ClosefdArgs *args, Error **errp)
{
    int fd = g_ascii_isdigit(*args->fdname) ? -1 : named_fd_take(args->fdname);

    if (fd < 0) {
        error_setg(errp, "File descriptor named '%s' not found", args->fdname);
        return false;
    }
    close(fd);
    return true;
}
