/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both directions need: the main loop's help, events, queries. BQL. */
#include "qemu/osdep.h"
#include "migration/internal.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"
#include "qemu/main-loop.h"

static const MigrationMachineOps *machine_ops; /* set by migration_init() */
static bool quitting;
static GCond called; /* with the BQL: a call has been made, or will not be */

void migration_init(const MigrationMachineOps *ops)
{
    machine_ops = ops;
}

const MigrationMachineOps *migration_machine_ops(void)
{
    return machine_ops;
}

void migration_send_event(MigrationStatus status)
{
    if (mig_capability(MIGRATION_CAPABILITY_EVENTS)) {
        qapi_event_send_migration(&(EventMigration){ .status = status });
    }
}

/* ---- Calls into the main loop ---------------------------------------------------------------- */

typedef struct MainCall {
    void (*fn)(void *opaque);
    void *opaque;
    bool done;
} MainCall;

static void run_call(void *opaque)
{
    MainCall *call = opaque;

    call->fn(call->opaque);
    call->done = true;
    g_cond_broadcast(&called);
}

bool migration_call_in_main(void (*fn)(void *opaque), void *opaque)
{
    MainCall call = { fn, opaque, false };
    bool done;

    main_loop_defer(run_call, &call);
    bql_lock();
    while (!call.done && !quitting) {
        bql_cond_wait(&called);
    }
    done = call.done;
    bql_unlock();
    return done;
}

void migration_cleanup(void)
{
    quitting = true; /* the main loop has ended: it makes no calls any more */
    g_cond_broadcast(&called);
    migration_outgoing_cleanup();
    migration_incoming_cleanup();
}

/* ---- Queries --------------------------------------------------------------------------------- */

static strList *blocked_reasons(void)
{
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
    strList *list;

    if (device_states_migratable(reasons, NULL)) {
        return NULL;
    }
    list = g_new0(strList, 1);
    for (guint i = 0; i < reasons->len; i++) {
        *strList_append(list) = g_strdup(g_ptr_array_index(reasons, i));
    }
    return list;
}

bool qmp_query_migrate(MigrationInfo **ret, Error **errp)
{
    *ret = g_new0(MigrationInfo, 1);
    if (!migration_outgoing_info(*ret)) {
        migration_incoming_info(*ret);
    }
    (*ret)->blocked_reasons = blocked_reasons();
    return true;
}
