/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-iothreads and `info iothreads`, which prints its reply. Main loop, BQL. */
#include "qemu/osdep.h"
#include "backends/iothread.h"
#include "hmp.h"
#include "qapi/qapi-commands.h"

static void add_info(void *opaque, const IOThreadState *state)
{
    IOThreadInfo *info = IOThreadInfoList_append(opaque);

    info->id = g_strdup(state->id);
    info->thread_id = state->thread_id;
    info->poll_max_ns = state->poll_max_ns;
    info->poll_grow = state->poll_grow;
    info->poll_shrink = state->poll_shrink;
    info->aio_max_batch = state->aio_max_batch;
}

bool qmp_query_iothreads(IOThreadInfoList **ret, Error **errp)
{
    *ret = g_new0(IOThreadInfoList, 1);
    iothread_foreach(add_info, *ret);
    return true;
}

void hmp_info_iothreads(Monitor *mon, const HmpArg *args)
{
    g_autoptr(IOThreadInfoList) list = NULL;

    if (!qmp_query_iothreads(&list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        const IOThreadInfo *t = &list->items[i];

        monitor_printf(mon, "%s:\n  thread_id=%" PRId64 "\n  poll-max-ns=%" PRId64
                       "\n  poll-grow=%" PRId64 "\n  poll-shrink=%" PRId64
                       "\n  aio-max-batch=%" PRId64 "\n", t->id, t->thread_id, t->poll_max_ns,
                       t->poll_grow, t->poll_shrink, t->aio_max_batch);
    }
}
