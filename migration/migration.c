/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The outgoing side. A thread sends memory while the guest runs; what needs the machine is done in
 * the main loop, which the thread waits for.
 *
 *   migrate -> setup -> active: rounds of dirty pages -> guest stopped (pre-switchover, device)
 *           -> rest of memory, devices, end mark [-> acknowledgement -> hand-over] -> completed
 *
 * Whatever fails before the hand-over, the guest goes on here as it was.
 */
#include "qemu/osdep.h"
#include "block/block.h"
#include "migration/internal.h"
#include "migration/switchover.h"
#include "migration/throttle.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/runstate.h"

#include <poll.h>

/* One outgoing migration. BQL, but for what belongs to its thread or is atomic. */
typedef struct Outgoing {
    MigrationStatus status;
    char *uri;
    MigChannel *ch;
    GThread *thread;
    GCond cond;          /* with the BQL: go_on, cancelled */
    bool cancelled;      /* atomic */
    bool committed;      /* the destination may have the guest: no way back */
    bool go_on;          /* migrate-continue */
    bool stopped;        /* we stopped the guest, or found it stopped: resume puts it back */
    RunState old_state;
    GByteArray *config;  /* section */
    /* Thread. */
    bool answers;        /* the destination does: return-path */
    MigWriter writer;
    RamSave *ram;
    Error *err;
    GByteArray *devices;
    GString *description;
    MigMachineState machine;
    int64_t window_us;   /* the rate limit counts from here */
    uint64_t window_bytes, window_rate;
    int64_t round_us;
    uint64_t round_bytes;
    /* For query-migrate; atomic. */
    int64_t start_us, setup_us, stop_us, end_us;
    uint64_t bytes_per_second, dirty_per_second, pages_per_second, bytes, precopy_bytes;
    uint64_t zero_pages, normal_pages, pages_left, syncs, total_bytes;
    char *error_desc;
} Outgoing;

static Outgoing *out; /* BQL; the present one or the last one */

static void publish(uint64_t *to, uint64_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

static uint64_t published(const uint64_t *from)
{
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static bool is_cancelled(const Outgoing *o)
{
    return __atomic_load_n(&o->cancelled, __ATOMIC_ACQUIRE);
}

static bool is_over(MigrationStatus s)
{
    return s == MIGRATION_STATUS_NONE || s == MIGRATION_STATUS_CANCELLED ||
           s == MIGRATION_STATUS_COMPLETED || s == MIGRATION_STATUS_FAILED;
}

bool migration_is_active(void)
{
    return (out && !is_over(out->status)) || migration_incoming_active();
}

static void set_status(Outgoing *o, MigrationStatus status)
{
    if (o->status != status) {
        o->status = status;
        migration_send_event(status);
    }
}

/* ---- What a stream consists of --------------------------------------------------------------- */

static GByteArray *config_section(void)
{
    g_autoptr(MigConfig) c = mig_config_new(migration_machine_ops());
    GByteArray *section = mig_section_new();

    mig_config_put(c, section);
    return section;
}

bool mig_save_config(MigWriter *w, Error **errp)
{
    g_autoptr(GByteArray) section = config_section();

    return mig_write_section(w, MIG_CONFIG, section, errp);
}

bool mig_save_rest(MigWriter *w, const MigMachineState *state, const GByteArray *devices,
                   const GString *description, Error **errp)
{
    g_autoptr(GByteArray) section = mig_section_new();

    mig_state_put(state, section);
    if (!mig_write_section(w, MIG_STATE, section, errp)) {
        return false;
    }
    mig_section_clear(section);
    g_byte_array_append(section, devices->data, devices->len);
    if (!mig_write_section(w, MIG_DEVICES, section, errp)) {
        return false;
    }
    mig_section_clear(section);
    g_byte_array_append(section, (const uint8_t *)description->str, (guint)description->len);
    return mig_write_section(w, MIG_DESCRIPTION, section, errp) &&
           mig_write_mark(w, MIG_END, errp);
}

/* ---- Rate ------------------------------------------------------------------------------------ */

/* Sleeps, but for a cancellation. */
static void pause_us(Outgoing *o, int64_t us)
{
    struct pollfd p = { o->ch->cancel_fd, POLLIN, 0 };
    struct timespec ts = { us / G_USEC_PER_SEC, us % G_USEC_PER_SEC * 1000 };

    ppoll(&p, 1, &ts, NULL);
}

/* Waits until what has been sent is within the limit. */
static void keep_rate(Outgoing *o)
{
    enum { SLEEP_MAX_US = 50000, SLEEP_MIN_US = 500, WINDOW_US = 1000000 };

    while (!is_cancelled(o)) {
        uint64_t rate = mig_param(MIG_PARAM_MAX_BANDWIDTH);
        int64_t now = g_get_monotonic_time(), due;

        if (rate != o->window_rate || now - o->window_us > WINDOW_US) {
            o->window_rate = rate;
            o->window_us = now;
            o->window_bytes = o->writer.bytes;
        }
        if (!rate) { /* no limit */
            return;
        }
        due = o->window_us + (int64_t)((double)(o->writer.bytes - o->window_bytes) / (double)rate *
                                       G_USEC_PER_SEC);
        if (due - now < SLEEP_MIN_US) {
            return;
        }
        pause_us(o, MIN(due - now, SLEEP_MAX_US));
    }
}

static void publish_progress(Outgoing *o)
{
    publish(&o->bytes, o->writer.bytes);
    publish(&o->zero_pages, o->ram->stats.zero_pages);
    publish(&o->normal_pages, o->ram->stats.normal_pages);
    publish(&o->pages_left, o->ram->pages_left);
    publish(&o->syncs, o->ram->stats.dirty_syncs);
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static bool check_cancelled(Outgoing *o, Error **errp)
{
    if (is_cancelled(o)) {
        error_setg(errp, "cancelled");
        return false;
    }
    return true;
}

static bool send_all_pages(Outgoing *o, bool limited, Error **errp)
{
    while (o->ram->pages_left) {
        if (!check_cancelled(o, errp) || !ram_save_section(o->ram, &o->writer, errp)) {
            return false;
        }
        publish_progress(o);
        if (limited) {
            keep_rate(o);
        }
    }
    return check_cancelled(o, errp);
}

/* The guest has written more than it should since the last round. BQL. */
static void converge(Outgoing *o, uint64_t newly)
{
    uint64_t sent = o->writer.bytes - o->round_bytes;
    unsigned now = cpu_throttle_get(), next;

    if (!mig_capability(MIGRATION_CAPABILITY_AUTO_CONVERGE) ||
        newly * RAM_PAGE_BYTES * 100 <= sent * mig_param(MIG_PARAM_THROTTLE_THRESHOLD)) {
        return;
    }
    next = now ? now + (unsigned)mig_param(MIG_PARAM_THROTTLE_INCREMENT)
               : (unsigned)mig_param(MIG_PARAM_THROTTLE_INITIAL);
    if (now && mig_param(MIG_PARAM_THROTTLE_TAILSLOW)) {
        /* as much as the guest writes faster than we send, if that is less */
        uint64_t dirty = newly * RAM_PAGE_BYTES;
        unsigned needed = (unsigned)((dirty - MIN(dirty, sent)) * 100 / MAX(dirty, 1));

        next = MIN(next, MAX(needed, now + 1));
    }
    cpu_throttle_set((unsigned)MIN(next, mig_param(MIG_PARAM_THROTTLE_MAX)));
}

static void measure_round(Outgoing *o, uint64_t newly)
{
    int64_t now = g_get_monotonic_time(), us = MAX(now - o->round_us, 1);
    uint64_t sent = o->writer.bytes - o->round_bytes;

    if (us >= 1000 || sent >= MiB) {
        publish(&o->bytes_per_second, (uint64_t)((double)sent * G_USEC_PER_SEC / (double)us));
        publish(&o->pages_per_second, published(&o->bytes_per_second) / RAM_PAGE_BYTES);
    }
    publish(&o->dirty_per_second, (uint64_t)((double)newly * G_USEC_PER_SEC / (double)us));
    o->round_us = now;
    o->round_bytes = o->writer.bytes;
}

/* Collects the pages written since the last time. BQL. */
static bool collect(Outgoing *o, bool last, Error **errp)
{
    uint64_t newly;

    if (!ram_save_collect(o->ram, &newly, errp)) {
        return false;
    }
    if (!last) {
        converge(o, newly);
    }
    measure_round(o, newly);
    publish_progress(o);
    if (mig_capability(MIGRATION_CAPABILITY_EVENTS)) {
        qapi_event_send_migration_pass(&(EventMigrationPass){
            .pass = (int64_t)o->ram->stats.dirty_syncs });
    }
    return true;
}

/* Whether what is left can be sent within the time that the guest may stand still. */
static bool fits_downtime(const Outgoing *o)
{
    uint64_t rate = published(&o->bytes_per_second);
    double ms = rate ? (double)o->ram->pages_left * RAM_PAGE_BYTES * 1000 / (double)rate : 0;

    return ms <= (double)mig_param(MIG_PARAM_DOWNTIME_LIMIT);
}

/* Sends memory until little enough is left. */
static bool run_rounds(Outgoing *o, Error **errp)
{
    bool ok;

    do {
        if (!send_all_pages(o, true, errp)) {
            return false;
        }
        bql_lock();
        ok = collect(o, false, errp);
        bql_unlock();
        if (!ok) {
            return false;
        }
    } while (!fits_downtime(o));
    return true;
}

/* ---- The switch ------------------------------------------------------------------------------ */

typedef struct Step {
    Outgoing *o;
    Error **errp;
    bool ok;
} Step;

static bool in_main(Outgoing *o, void (*fn)(void *opaque), Error **errp)
{
    Step step = { o, errp, false };

    if (!migration_call_in_main(fn, &step)) {
        error_setg(errp, "the program ends");
        return false;
    }
    return step.ok;
}

static void begin(void *opaque)
{
    Step *step = opaque;
    Outgoing *o = step->o;

    o->ram = ram_save_new();
    publish(&o->total_bytes, ram_save_total_bytes(o->ram));
    step->ok = ram_dirty_start(current_machine->memory, step->errp);
    if (step->ok) {
        o->setup_us = g_get_monotonic_time();
        o->window_us = o->round_us = o->setup_us;
        set_status(o, MIGRATION_STATUS_ACTIVE);
    }
}

static void stop_guest(void *opaque)
{
    Step *step = opaque;
    Outgoing *o = step->o;

    o->old_state = runstate_get();
    o->stop_us = g_get_monotonic_time();
    o->stopped = true;
    publish(&o->precopy_bytes, o->writer.bytes);
    vm_stop(RUN_STATE_FINISH_MIGRATE);
    step->ok = true;
    if (mig_capability(MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER)) {
        set_status(o, MIGRATION_STATUS_PRE_SWITCHOVER);
    }
}

/* pause-before-switchover: until migrate-continue. */
static bool wait_for_continue(Outgoing *o, Error **errp)
{
    bql_lock();
    while (o->status == MIGRATION_STATUS_PRE_SWITCHOVER && !o->go_on && !is_cancelled(o)) {
        bql_cond_wait(&o->cond);
    }
    if (o->status == MIGRATION_STATUS_PRE_SWITCHOVER && !is_cancelled(o)) {
        set_status(o, MIGRATION_STATUS_DEVICE);
    }
    bql_unlock();
    return check_cancelled(o, errp);
}

static void save_machine(void *opaque)
{
    Step *step = opaque;
    Outgoing *o = step->o;

    o->machine = (MigMachineState){ qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), o->old_state };
    o->devices = g_byte_array_new();
    o->description = g_string_new(NULL);
    step->ok = device_states_save(o->devices, step->errp) && collect(o, true, step->errp) &&
               switchover_release_disks(step->errp);
    if (step->ok) {
        device_states_describe(o->description);
    }
}

/* The destination has everything; now it gets the guest. */
static bool hand_over(Outgoing *o, Error **errp)
{
    if (!switchover_await_loaded(o->ch, errp)) {
        return false;
    }
    bql_lock(); /* either cancelled or given away */
    o->committed = !is_cancelled(o);
    bql_unlock();
    return check_cancelled(o, errp) && switchover_give(&o->writer, o->ch, errp);
}

static bool finish_stream(Outgoing *o, Error **errp)
{
    if (!send_all_pages(o, false, errp) ||
        !mig_save_rest(&o->writer, &o->machine, o->devices, o->description, errp) ||
        !channel_sync(o->ch, errp)) {
        return false;
    }
    publish_progress(o);
    return !o->answers || hand_over(o, errp);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static bool send_beginning(Outgoing *o, Error **errp)
{
    o->answers = mig_capability(MIGRATION_CAPABILITY_RETURN_PATH) && channel_is_duplex(o->ch);
    mig_writer_init(&o->writer, &o->ch->sink);
    if (mig_capability(MIGRATION_CAPABILITY_COMPRESS)) {
        o->writer.zstd_level = (int)mig_param(MIG_PARAM_COMPRESS_LEVEL);
    }
    return channel_finish_connect(o->ch, o->uri, errp) &&
           mig_write_header(&o->writer, o->answers ? MIG_FLAG_HAND_OVER : 0, errp) &&
           mig_write_section(&o->writer, MIG_CONFIG, o->config, errp);
}

/* The guest is as it was. */
static void resume(Outgoing *o)
{
    Error *err = NULL;

    if (!o->stopped) {
        return;
    }
    o->stopped = false;
    if (!switchover_take_disks(&err)) {
        error_report_err(err);
        vm_stop(RUN_STATE_INTERNAL_ERROR);
        return;
    }
    vm_stop(o->old_state == RUN_STATE_RUNNING ? RUN_STATE_PAUSED : o->old_state);
    if (o->old_state == RUN_STATE_RUNNING && !vm_start(&err)) {
        error_report_err(err);
    }
}

/* In the main loop, after the thread's last action. */
static void finished(void *opaque)
{
    Outgoing *o = opaque;

    g_thread_join(o->thread);
    o->thread = NULL;
    cpu_throttle_set(0);
    if (o->ram) {
        ram_dirty_stop(current_machine->memory);
        publish_progress(o);
    }
    if (!channel_close(o->ch, o->err ? NULL : &o->err)) {
        o->committed = false; /* a command failed: nobody has the guest */
    }
    o->ch = NULL;
    o->end_us = g_get_monotonic_time();
    if (!o->err) {
        vm_stop(RUN_STATE_POSTMIGRATE);
        set_status(o, MIGRATION_STATUS_COMPLETED);
    } else if (o->committed) { /* may run over there: not here */
        o->error_desc = g_strdup(error_get_pretty(o->err));
        vm_stop(RUN_STATE_POSTMIGRATE);
        set_status(o, MIGRATION_STATUS_FAILED);
    } else {
        resume(o);
        if (is_cancelled(o)) {
            set_status(o, MIGRATION_STATUS_CANCELLED);
        } else {
            o->error_desc = g_strdup(error_get_pretty(o->err));
            error_report("%s", o->error_desc);
            set_status(o, MIGRATION_STATUS_FAILED);
        }
    }
    g_clear_pointer(&o->err, error_free);
    mig_writer_fini(&o->writer);
    g_clear_pointer(&o->ram, ram_save_free);
    g_clear_pointer(&o->devices, g_byte_array_unref);
    g_clear_pointer(&o->config, g_byte_array_unref);
    if (o->description) {
        g_string_free(g_steal_pointer(&o->description), TRUE);
    }
}

static void *migration_thread(void *opaque)
{
    Outgoing *o = opaque;

    if (send_beginning(o, &o->err) && in_main(o, begin, &o->err) && run_rounds(o, &o->err) &&
        in_main(o, stop_guest, &o->err) && wait_for_continue(o, &o->err) &&
        in_main(o, save_machine, &o->err)) {
        finish_stream(o, &o->err);
    }
    main_loop_defer(finished, o);
    return NULL;
}

/* ---- Commands -------------------------------------------------------------------------------- */

bool migration_check_blockers(Error **errp)
{
    return device_states_migratable(NULL, errp);
}

static bool check_may_start(Error **errp)
{
    if (migration_is_active()) {
        error_setg(errp, "There's a migration process in progress");
        return false;
    }
    if (runstate_get() == RUN_STATE_INMIGRATE) {
        error_setg(errp, "Guest is waiting for an incoming migration");
        return false;
    }
    if (runstate_get() == RUN_STATE_POSTMIGRATE) {
        error_setg(errp, "Can't migrate the vm that was paused due to previous migration");
        return false;
    }
    if (!current_machine->memory || !ram_blocks()) {
        error_setg(errp, "a machine without memory cannot be migrated");
        return false;
    }
    return migration_check_blockers(errp);
}

static void outgoing_free(Outgoing *o)
{
    if (o) {
        g_free(o->uri);
        g_free(o->error_desc);
        g_cond_clear(&o->cond);
        g_free(o);
    }
}

bool qmp_migrate(const MigrateArgs *args, Error **errp)
{
    MigChannel *ch;
    Outgoing *o;

    if (args->has_resume && args->resume) {
        error_setg(errp, "Cannot resume if there is no paused migration");
        return false;
    }
    if (!check_may_start(errp)) {
        return false;
    }
    ch = channel_connect(args->uri, errp);
    if (!ch) {
        return false;
    }
    outgoing_free(out);
    out = o = g_new0(Outgoing, 1);
    o->uri = g_strdup(args->uri);
    o->ch = ch;
    o->config = config_section();
    o->start_us = g_get_monotonic_time();
    g_cond_init(&o->cond);
    set_status(o, MIGRATION_STATUS_SETUP);
    o->thread = g_thread_new("migration", migration_thread, o);
    return true;
}

static void cancel(Outgoing *o)
{
    if (is_over(o->status) || o->committed) {
        return;
    }
    set_status(o, MIGRATION_STATUS_CANCELLING);
    __atomic_store_n(&o->cancelled, true, __ATOMIC_SEQ_CST);
    if (o->ch) {
        channel_cancel(o->ch);
    }
    g_cond_broadcast(&o->cond);
}

bool qmp_migrate_cancel(Error **errp)
{
    if (out) {
        cancel(out);
    }
    return true;
}

bool qmp_migrate_continue(const MigrateContinueArgs *args, Error **errp)
{
    MigrationStatus status = out ? out->status : MIGRATION_STATUS_NONE;

    if (status != args->state || status != MIGRATION_STATUS_PRE_SWITCHOVER) {
        error_setg(errp, "Migration not in expected state: %s",
                   qapi_enum_name(&qapi_type_MigrationStatus, status));
        return false;
    }
    out->go_on = true;
    g_cond_broadcast(&out->cond);
    return true;
}

/* ---- Information ----------------------------------------------------------------------------- */

static MigrationStats *ram_stats(const Outgoing *o)
{
    MigrationStats *s = g_new0(MigrationStats, 1);
    uint64_t bytes = published(&o->bytes), precopy = published(&o->precopy_bytes);

    s->transferred = (int64_t)bytes;
    s->total = (int64_t)published(&o->total_bytes);
    s->remaining = is_over(o->status) && o->status == MIGRATION_STATUS_COMPLETED
                   ? 0 : (int64_t)(published(&o->pages_left) * RAM_PAGE_BYTES);
    s->duplicate = (int64_t)published(&o->zero_pages);
    s->normal = (int64_t)published(&o->normal_pages);
    s->normal_bytes = s->normal * RAM_PAGE_BYTES;
    s->dirty_pages_rate = (int64_t)published(&o->dirty_per_second);
    s->mbps = (double)published(&o->bytes_per_second) * 8 / 1e6;
    s->dirty_sync_count = (int64_t)published(&o->syncs);
    s->page_size = RAM_PAGE_BYTES;
    s->pages_per_second = published(&o->pages_per_second);
    s->precopy_bytes = o->stop_us ? precopy : bytes;
    s->downtime_bytes = o->stop_us ? bytes - precopy : 0;
    return s;
}

/* A present or future time that the guest stands still. */
static int64_t expected_downtime_ms(const Outgoing *o)
{
    uint64_t rate = published(&o->bytes_per_second);

    return rate ? (int64_t)((double)published(&o->pages_left) * RAM_PAGE_BYTES * 1000 /
                            (double)rate)
                : (int64_t)mig_param(MIG_PARAM_DOWNTIME_LIMIT);
}

bool migration_outgoing_info(MigrationInfo *info)
{
    const Outgoing *o = out;
    int64_t end_us;

    if (!o) {
        return false;
    }
    info->has_status = true;
    info->status = o->status;
    info->error_desc = g_strdup(o->error_desc);
    if (o->status == MIGRATION_STATUS_SETUP) {
        info->has_total_time = true;
        return true;
    }
    if (o->status == MIGRATION_STATUS_CANCELLED || o->status == MIGRATION_STATUS_FAILED) {
        return true;
    }
    end_us = o->status == MIGRATION_STATUS_COMPLETED ? o->end_us : g_get_monotonic_time();
    info->has_total_time = true;
    info->total_time = (end_us - o->start_us) / 1000;
    info->has_setup_time = true;
    info->setup_time = MAX(o->setup_us - o->start_us, 0) / 1000;
    if (o->status == MIGRATION_STATUS_COMPLETED) {
        info->has_downtime = true;
        info->downtime = (o->end_us - o->stop_us) / 1000;
    } else {
        info->has_expected_downtime = true;
        info->expected_downtime = expected_downtime_ms(o);
    }
    if (cpu_throttle_get()) {
        info->has_cpu_throttle_percentage = true;
        info->cpu_throttle_percentage = cpu_throttle_get();
    }
    info->ram = ram_stats(o);
    return true;
}

void migration_outgoing_cleanup(void)
{
    if (out && out->thread) {
        cancel(out);
        if (out->ch) { /* also when committed: the process ends */
            channel_cancel(out->ch);
        }
        bql_unlock();
        g_thread_join(out->thread);
        bql_lock();
        out->thread = NULL;
        channel_close(out->ch, NULL);
    }
}
