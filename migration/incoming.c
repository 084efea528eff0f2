/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The incoming side. The main loop waits for a connection; a thread reads the stream and puts
 * memory in place; devices are loaded in the main loop at the end. A failure ends the process: the
 * machine has half of another one's state.
 */
#include "qemu/osdep.h"
#include "migration/internal.h"
#include "migration/switchover.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"
#include "qemu/main-loop.h"
#include "system/cpus.h"
#include "system/runstate.h"

#include <glib-unix.h>
#include <sys/socket.h>

static struct {
    bool waiting;   /* -incoming defer, migrate-incoming has not come */
    bool autostart; /* run when the state is there */
    bool active;    /* from the address on to the end */
    MigrationStatus status;
    int listen_fd;
    guint listen_tag;
    char *unlink_path; /* of a UNIX socket */
    MigChannel *ch;
    GThread *thread;
    MigLoad load;
    Error *err;
    bool ours;      /* the guest belongs to this process: GO has come, or is not needed */
    char *error_desc;
} in = { .listen_fd = -1 };

bool migration_incoming_active(void)
{
    return in.active;
}

static void set_status(MigrationStatus status)
{
    in.status = status;
    migration_send_event(status);
}

/* ---- The thread ------------------------------------------------------------------------------ */

typedef struct Step {
    Error **errp;
    bool ok;
} Step;

static bool in_main(void (*fn)(void *opaque), Error **errp)
{
    Step step = { errp, false };

    if (!migration_call_in_main(fn, &step)) {
        error_setg(errp, "the program ends");
        return false;
    }
    return step.ok;
}

static void compare_config(void *opaque)
{
    Step *step = opaque;

    step->ok = mig_load_compare_config(&in.load, step->errp);
    if (step->ok) {
        set_status(MIGRATION_STATUS_ACTIVE);
    }
}

static void apply(void *opaque)
{
    Step *step = opaque;

    step->ok = mig_load_apply(&in.load, step->errp);
}

static bool receive(Error **errp)
{
    return mig_load_read_config(&in.load, errp) && in_main(compare_config, errp) &&
           mig_load_sections(&in.load, errp) && in_main(apply, errp);
}

/* In the main loop, after the thread's last action. */
static void finished(void *opaque)
{
    Error *err = in.err;

    in.err = NULL;
    g_thread_join(in.thread);
    in.thread = NULL;
    channel_close(in.ch, NULL);
    in.ch = NULL;
    in.active = false;
    /* With -S, or when the source was stopped, `cont` takes the disks. */
    if (!err && !mig_capability(MIGRATION_CAPABILITY_LATE_BLOCK_ACTIVATE)) {
        switchover_take_disks(&err);
    }
    if (err) {
        in.error_desc = g_strdup(error_get_pretty(err));
        set_status(MIGRATION_STATUS_FAILED);
        error_prepend(&err, "load of migration failed: ");
        error_report_err(err);
        vm_request_exit(EXIT_FAILURE);
    } else {
        RunState state = in.load.state.runstate;
        bool run = in.autostart && state == RUN_STATE_RUNNING;

        vm_stop(state == RUN_STATE_RUNNING || state == RUN_STATE_FINISH_MIGRATE ||
                state == RUN_STATE_INMIGRATE ? RUN_STATE_PAUSED : state);
        set_status(MIGRATION_STATUS_COMPLETED);
        if (run && !vm_start(&err)) {
            error_report_err(err);
        }
    }
    mig_load_fini(&in.load);
}

static void *incoming_thread(void *opaque)
{
    bool answers;

    mig_load_init(&in.load, &in.ch->source, false);
    in.ours = receive(&in.err);
    answers = in.load.reader.flags & MIG_FLAG_HAND_OVER;
    if (answers && in.ours) {
        in.ours = switchover_offer(&in.load.reader, in.ch, &in.err);
        if (in.ours) {
            switchover_taken(in.ch, NULL); /* the guest is ours, whether that arrives or not */
        }
    } else if (answers && !in.ch->ended) {
        switchover_refuse(in.ch, error_get_pretty(in.err));
    }
    main_loop_defer(finished, NULL);
    return NULL;
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void start_thread(MigChannel *ch)
{
    in.ch = ch;
    in.thread = g_thread_new("incoming", incoming_thread, NULL);
}

static void stop_listening(void)
{
    g_clear_handle_id(&in.listen_tag, g_source_remove);
    if (in.listen_fd >= 0) {
        close(in.listen_fd);
        in.listen_fd = -1;
    }
    if (in.unlink_path) {
        unlink(in.unlink_path);
        g_clear_pointer(&in.unlink_path, g_free);
    }
}

static gboolean source_arrived(gint fd, GIOCondition condition, gpointer opaque)
{
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    MigChannel *ch;

    if (client < 0) {
        return G_SOURCE_CONTINUE; /* it has gone again */
    }
    in.listen_tag = 0;
    stop_listening();
    ch = channel_new(client, &in.err);
    if (ch) {
        start_thread(ch);
    } else {
        error_report_err(g_steal_pointer(&in.err));
        vm_request_exit(EXIT_FAILURE);
    }
    return G_SOURCE_REMOVE;
}

static bool open_source(const char *uri, Error **errp)
{
    Error *err = NULL;
    MigChannel *ch = channel_listen(uri, &in.listen_fd, &err);

    if (err) {
        error_propagate(errp, err);
        return false;
    }
    in.active = true;
    set_status(MIGRATION_STATUS_SETUP);
    if (ch) {
        start_thread(ch);
    } else {
        if (g_str_has_prefix(uri, "unix:")) {
            in.unlink_path = g_canonicalize_filename(uri + strlen("unix:"), NULL);
        }
        in.listen_tag = g_unix_fd_add(in.listen_fd, G_IO_IN, source_arrived, NULL);
    }
    return true;
}

bool migration_incoming_start(const char *uri, bool autostart, Error **errp)
{
    vm_stop(RUN_STATE_INMIGRATE);
    in.autostart = autostart;
    in.waiting = !strcmp(uri, "defer");
    return in.waiting || open_source(uri, errp);
}

bool migration_incoming_cont(bool run)
{
    if (runstate_get() != RUN_STATE_INMIGRATE) {
        return false;
    }
    in.autostart = run;
    return true;
}

bool qmp_migrate_incoming(const MigrateIncomingArgs *args, Error **errp)
{
    if (in.active || (!in.waiting && in.status != MIGRATION_STATUS_NONE)) {
        error_setg(errp, "The incoming migration has already been started");
        return false;
    }
    if (!in.waiting) {
        error_setg(errp, "'-incoming' was not specified on the command line");
        return false;
    }
    if (!open_source(args->uri, errp)) {
        return false;
    }
    in.waiting = false;
    return true;
}

bool migration_incoming_info(MigrationInfo *info)
{
    if (in.status == MIGRATION_STATUS_NONE) {
        return false;
    }
    info->has_status = true;
    info->status = in.status;
    info->error_desc = g_strdup(in.error_desc);
    return true;
}

void migration_incoming_cleanup(void)
{
    stop_listening();
    if (in.thread) {
        channel_cancel(in.ch);
        bql_unlock();
        g_thread_join(in.thread);
        bql_lock();
        in.thread = NULL;
        channel_close(in.ch, NULL);
        mig_load_fini(&in.load);
        g_clear_pointer(&in.err, error_free);
    }
}
