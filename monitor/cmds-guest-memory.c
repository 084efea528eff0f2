/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands about guest memory: `balloon`, `info balloon`, `info memdev` and the QMP
 * commands behind the first two. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "hw/virtio/virtio-balloon.h"
#include "qapi/qapi-commands.h"

static bool no_balloon(Error **errp)
{
    error_set(errp, ERROR_CLASS_DEVICE_NOT_ACTIVE, "No balloon device has been activated");
    return false;
}

bool qmp_balloon(const BalloonArgs *args, Error **errp)
{
    if (args->value <= 0) {
        error_setg(errp, "Parameter 'target' expects a size");
        return false;
    }
    return balloon_set_target((uint64_t)args->value) || no_balloon(errp);
}

bool qmp_query_balloon(BalloonInfo **ret, Error **errp)
{
    uint64_t actual;

    if (!balloon_query(&actual)) {
        return no_balloon(errp);
    }
    *ret = g_new0(BalloonInfo, 1);
    (*ret)->actual = (int64_t)actual;
    return true;
}

void hmp_balloon(Monitor *mon, const HmpArg *args)
{
    BalloonArgs a = { .value = args[0].i > INT64_MAX / MiB ? INT64_MAX
                                                           : MAX(args[0].i, -1) * (int64_t)MiB };
    Error *err = NULL;

    qmp_balloon(&a, &err);
    hmp_report(mon, err);
}

void hmp_info_balloon(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;
    BalloonInfo *info = NULL;

    qmp_query_balloon(&info, &err);
    if (!hmp_report(mon, err)) {
        monitor_printf(mon, "balloon: actual=%" PRId64 "\n", info->actual / (int64_t)MiB);
        g_free(info);
    }
}

static const char *on_off(bool on)
{
    return on ? "true" : "false";
}

void hmp_info_memdev(Monitor *mon, const HmpArg *args)
{
    MemdevList *list = NULL;

    qmp_query_memdev(&list, NULL);
    for (size_t i = 0; i < list->len; i++) {
        const Memdev *m = &list->items[i];

        monitor_printf(mon, "memory backend: %s\n  size:  %" PRIu64 "\n  merge: %s\n"
                            "  dump: %s\n  prealloc: %s\n  share: %s\n  reserve: %s\n"
                            "  policy: %s\n  host nodes:", m->id, m->size, on_off(m->merge),
                       on_off(m->dump), on_off(m->prealloc), on_off(m->share),
                       on_off(m->reserve), qapi_enum_name(&qapi_type_HostMemPolicy, m->policy));
        for (size_t n = 0; n < m->host_nodes->len; n++) {
            monitor_printf(mon, " %u", m->host_nodes->items[n]);
        }
        monitor_puts(mon, "\n");
    }
    monitor_puts(mon, "\n");
    qapi_free(&qapi_type_MemdevList, list);
}
