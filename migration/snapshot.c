/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * savevm, loadvm, delvm: the migration stream in the VM state of a qcow2 image, and a snapshot of
 * each writable image. Main thread, BQL; the guest stands still meanwhile.
 */
#include "qemu/osdep.h"
#include "block/block-backend.h"
#include "block/snapshot.h"
#include "migration/internal.h"
#include "migration/snapshot.h"
#include "qemu/timer.h"
#include "system/runstate.h"

enum { CHUNK_BYTES = 1 * MiB };

/* ---- The images ------------------------------------------------------------------------------ */

typedef struct Images {
    GPtrArray *nodes;   /* of BlockNode; borrowed */
    BlockNode *vmstate; /* one of them */
} Images;

static void images_clear(Images *im)
{
    g_clear_pointer(&im->nodes, g_ptr_array_unref);
}

static const char *node_label(const BlockNode *bs)
{
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        if (blk_bs(blk) == bs && *blk_name(blk)) {
            return blk_name(blk);
        }
    }
    return bdrv_node_name(bs);
}

static bool add_image(Images *im, BlockNode *bs, Error **errp)
{
    if (!bdrv_can_snapshot(bs)) {
        error_setg(errp, "Device '%s' is writable but does not support snapshots", node_label(bs));
        return false;
    }
    if (!g_ptr_array_find(im->nodes, bs, NULL)) {
        g_ptr_array_add(im->nodes, bs);
    }
    return true;
}

static bool all_images(Images *im, Error **errp)
{
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk)) {
        BlockNode *bs = blk_bs(blk);

        if (bs && !bdrv_is_read_only(bs) && !add_image(im, bs, errp)) {
            return false;
        }
    }
    if (!im->nodes->len) {
        error_setg(errp, "no block device can store vmstate for snapshot");
        return false;
    }
    im->vmstate = g_ptr_array_index(im->nodes, 0);
    return true;
}

static BlockNode *find_node(const char *name, Error **errp)
{
    BlockBackend *blk = blk_by_name(name);
    BlockNode *bs = blk ? blk_bs(blk) : bdrv_find(name);

    if (!bs) {
        error_setg(errp, "No block device node '%s'", name);
    }
    return bs;
}

static bool named_images(Images *im, const char *vmstate, const strList *devices, Error **errp)
{
    for (size_t i = 0; i < devices->len; i++) {
        BlockNode *bs = find_node(devices->items[i], errp);

        if (!bs || !add_image(im, bs, errp)) {
            return false;
        }
    }
    im->vmstate = vmstate ? find_node(vmstate, errp) : NULL;
    if (vmstate && !im->vmstate) {
        return false;
    }
    if (vmstate && !g_ptr_array_find(im->nodes, im->vmstate, NULL)) {
        error_setg(errp, "vmstate block device '%s' does not exist", vmstate);
        return false;
    }
    return true;
}

static bool images_find(Images *im, const char *vmstate, const strList *devices, Error **errp)
{
    im->nodes = g_ptr_array_new();
    im->vmstate = NULL;
    return devices ? named_images(im, vmstate, devices, errp) : all_images(im, errp);
}

/* ---- The stream in the VM state -------------------------------------------------------------- */

typedef struct StateSink {
    MigSink sink;
    BlockNode *bs;
    uint64_t pos;
    GByteArray *chunk;
} StateSink;

static bool sink_flush(StateSink *s, Error **errp)
{
    int ret = bdrv_save_vmstate(s->bs, s->pos, s->chunk->data, s->chunk->len);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Error while writing VM state");
        return false;
    }
    s->pos += s->chunk->len;
    g_byte_array_set_size(s->chunk, 0);
    return true;
}

static bool sink_write(MigSink *sink, const void *buf, size_t len, Error **errp)
{
    StateSink *s = container_of(sink, StateSink, sink);
    const uint8_t *p = buf;

    while (len) {
        size_t n = MIN(len, (size_t)CHUNK_BYTES - s->chunk->len);

        g_byte_array_append(s->chunk, p, (guint)n);
        p += n;
        len -= n;
        if (s->chunk->len == CHUNK_BYTES && !sink_flush(s, errp)) {
            return false;
        }
    }
    return true;
}

typedef struct StateSource {
    MigSource source;
    BlockNode *bs;
    uint64_t pos, bytes; /* of the image */
    uint8_t *chunk;
    size_t at, len;      /* in chunk */
} StateSource;

static bool source_fill(StateSource *s, Error **errp)
{
    size_t n = (size_t)MIN(s->bytes - s->pos, CHUNK_BYTES);
    int ret;

    if (!n) {
        error_setg(errp, "unexpected end of the VM state");
        return false;
    }
    ret = bdrv_load_vmstate(s->bs, s->pos, s->chunk, n);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Error while reading VM state");
        return false;
    }
    s->pos += n;
    s->at = 0;
    s->len = n;
    return true;
}

static bool source_read(MigSource *source, void *buf, size_t len, Error **errp)
{
    StateSource *s = container_of(source, StateSource, source);
    uint8_t *p = buf;

    while (len) {
        size_t n = MIN(len, s->len - s->at);

        if (!n && !source_fill(s, errp)) {
            return false;
        }
        n = MIN(len, s->len - s->at);
        memcpy(p, s->chunk + s->at, n);
        s->at += n;
        p += n;
        len -= n;
    }
    return true;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

static bool write_stream(MigWriter *w, RunState state, Error **errp)
{
    MigMachineState machine = { qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), state };
    g_autoptr(GByteArray) devices = g_byte_array_new();
    g_autoptr(GString) description = g_string_new(NULL);
    RamSave *ram;
    bool ok;

    if (!device_states_save(devices, errp)) {
        return false;
    }
    device_states_describe(description);
    ram = ram_save_new();
    ok = mig_write_header(w, 0, errp) && mig_save_config(w, errp);
    while (ok && ram->pages_left) {
        ok = ram_save_section(ram, w, errp);
    }
    ok = ok && mig_save_rest(w, &machine, devices, description, errp);
    ram_save_free(ram);
    return ok;
}

/* Writes the state of the machine to the image; *bytes: how long it is. */
static bool save_state(BlockNode *bs, RunState state, uint64_t *bytes, Error **errp)
{
    StateSink s = { { sink_write }, bs, 0, g_byte_array_sized_new(CHUNK_BYTES) };
    MigWriter w;
    bool ok;

    mig_writer_init(&w, &s.sink);
    ok = write_stream(&w, state, errp) && sink_flush(&s, errp);
    *bytes = w.bytes;
    mig_writer_fini(&w);
    g_byte_array_unref(s.chunk);
    return ok;
}

/* Takes the snapshot on each image; all or none. */
static bool create_all(const Images *im, SnapshotInfo *info, uint64_t state_bytes, Error **errp)
{
    for (guint i = 0; i < im->nodes->len; i++) {
        BlockNode *bs = g_ptr_array_index(im->nodes, i);
        Error *err = NULL;

        info->vm_state_bytes = bs == im->vmstate ? state_bytes : 0;
        if (bdrv_snapshot_create(bs, info, &err)) {
            continue;
        }
        error_prepend(&err, "Error while creating snapshot on '%s': ", node_label(bs));
        error_propagate(errp, err);
        while (i--) { /* the newest of that name: older ones stand in front of it */
            BlockNode *done = g_ptr_array_index(im->nodes, i);
            unsigned last = bdrv_snapshot_count(done) - 1;

            bdrv_snapshot_delete(done, bdrv_snapshot_get(done, last)->id, NULL);
        }
        return false;
    }
    return true;
}

/* The older ones of that name go once the new one is complete. */
static bool delete_older(const Images *im, const char *name, Error **errp)
{
    for (guint i = 0; i < im->nodes->len; i++) {
        BlockNode *bs = g_ptr_array_index(im->nodes, i);

        for (unsigned n = bdrv_snapshot_count(bs) - 1; n-- > 0;) {
            if (!strcmp(bdrv_snapshot_get(bs, n)->name, name)) {
                g_autofree char *id = g_strdup(bdrv_snapshot_get(bs, n)->id);

                if (!bdrv_snapshot_delete(bs, id, errp)) {
                    error_prepend(errp, "Error while deleting snapshot on '%s': ", node_label(bs));
                    return false;
                }
            }
        }
    }
    return true;
}

static bool exists_anywhere(const Images *im, const char *name)
{
    for (guint i = 0; i < im->nodes->len; i++) {
        if (bdrv_snapshot_find(g_ptr_array_index(im->nodes, i), name) >= 0) {
            return true;
        }
    }
    return false;
}

static char *name_by_date(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();

    return g_date_time_format(now, "vm-%Y%m%d%H%M%S");
}

static bool check_idle(Error **errp)
{
    if (migration_is_active() || runstate_get() == RUN_STATE_INMIGRATE) {
        error_setg(errp, "There's a migration process in progress");
        return false;
    }
    return true;
}

/* The guest stands still and the disks are at rest. */
static RunState hold(RunState why)
{
    RunState old = runstate_get();

    vm_stop(why);
    blk_drain_all();
    return old;
}

static void go_on(RunState old)
{
    Error *err = NULL;

    vm_stop(old == RUN_STATE_RUNNING ? RUN_STATE_PAUSED : old);
    if (old == RUN_STATE_RUNNING && !vm_start(&err)) {
        error_report_err(err);
    }
}

static bool save_held(const Images *im, const char *name, RunState old, Error **errp)
{
    int64_t now_us = g_get_real_time();
    g_autofree char *by_date = name ? NULL : name_by_date();
    SnapshotInfo info = {
        .name = (char *)(name ? name : by_date),
        .date_sec = (uint32_t)(now_us / G_USEC_PER_SEC),
        .date_nsec = (uint32_t)(now_us % G_USEC_PER_SEC * 1000),
        .vm_clock_ns = (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
        .icount = UINT64_MAX,
        .replaces = true,
    };
    uint64_t bytes;

    return save_state(im->vmstate, old, &bytes, errp) && create_all(im, &info, bytes, errp) &&
           delete_older(im, info.name, errp);
}

bool snapshot_save(const char *name, bool overwrite, const char *vmstate, const strList *devices,
                   Error **errp)
{
    Images im = { 0 };
    RunState old;
    bool ok = check_idle(errp) && migration_check_blockers(errp) &&
              images_find(&im, vmstate, devices, errp);

    if (ok && name && !overwrite && exists_anywhere(&im, name)) {
        error_setg(errp, "Snapshot '%s' already exists in one or more devices", name);
        ok = false;
    }
    if (ok) {
        old = hold(RUN_STATE_SAVE_VM);
        ok = save_held(&im, name, old, errp);
        go_on(old);
    }
    images_clear(&im);
    return ok;
}

/* ---- Loading --------------------------------------------------------------------------------- */

static bool check_present(const Images *im, const char *name, Error **errp)
{
    for (guint i = 0; i < im->nodes->len; i++) {
        BlockNode *bs = g_ptr_array_index(im->nodes, i);
        int n = bdrv_snapshot_find(bs, name);

        if (n < 0) {
            error_setg(errp, "Snapshot '%s' does not exist in one or more devices", name);
            error_append_hint(errp, "'%s' lacks it\n", node_label(bs));
            return false;
        }
        if (bs == im->vmstate && !bdrv_snapshot_get(bs, (unsigned)n)->vm_state_bytes) {
            error_setg(errp, "This is a disk-only snapshot. Revert to it offline using qemu-img");
            return false;
        }
    }
    return true;
}

/* Reads the stream; with @dry_run everything is checked and nothing changed. */
static bool read_stream(BlockNode *bs, uint64_t bytes, bool dry_run, Error **errp)
{
    StateSource s = { .source = { source_read }, .bs = bs, .bytes = bytes,
                      .chunk = g_malloc(CHUNK_BYTES) };
    MigLoad load;
    bool ok;

    mig_load_init(&load, &s.source, dry_run);
    ok = mig_load_config(&load, errp) && mig_load_sections(&load, errp);
    if (ok) {
        ok = dry_run ? device_states_check(load.devices->data, load.devices->len, errp)
                     : mig_load_apply(&load, errp);
    }
    mig_load_fini(&load);
    g_free(s.chunk);
    return ok;
}

/* Whoever keeps something made from memory (translated code) hears that it has changed. */
static void memory_replaced(void)
{
    const FlatView *v = address_space_view(current_machine->memory);

    for (unsigned i = 0; i < v->nr; i++) {
        if (v->ranges[i].mr->ram) {
            address_space_mark_written(current_machine->memory, v->ranges[i].addr,
                                       v->ranges[i].size);
        }
    }
}

static bool peek_and_check(const Images *im, const char *name, uint64_t bytes, Error **errp)
{
    bool ok = bdrv_snapshot_peek_begin(im->vmstate, name, errp) &&
              read_stream(im->vmstate, bytes, true, errp);

    bdrv_snapshot_peek_end(im->vmstate);
    return ok;
}

/* From here on there is no way back. */
static bool replace(const Images *im, const char *name, uint64_t bytes, Error **errp)
{
    bool ok = true;

    for (guint i = 0; ok && i < im->nodes->len; i++) {
        ok = bdrv_snapshot_apply(g_ptr_array_index(im->nodes, i), name, errp);
    }
    ok = ok && read_stream(im->vmstate, bytes, false, errp);
    memory_replaced();
    return ok;
}

bool snapshot_load(const char *name, const char *vmstate, const strList *devices, Error **errp)
{
    Images im = { 0 };
    bool ok = check_idle(errp) && migration_check_blockers(errp) &&
              images_find(&im, vmstate, devices, errp) && check_present(&im, name, errp);

    if (ok) {
        int n = bdrv_snapshot_find(im.vmstate, name);
        uint64_t bytes = bdrv_snapshot_get(im.vmstate, (unsigned)n)->vm_state_bytes;
        RunState old = hold(RUN_STATE_RESTORE_VM);

        ok = peek_and_check(&im, name, bytes, errp);
        if (!ok) {
            go_on(old);
        } else if (replace(&im, name, bytes, errp)) {
            go_on(old == RUN_STATE_RUNNING ? old : RUN_STATE_PAUSED);
        } else { /* a mixture of both states: only a reset helps */
            ok = false;
            vm_stop(RUN_STATE_INTERNAL_ERROR);
        }
    }
    images_clear(&im);
    return ok;
}

/* ---- Deleting, listing ----------------------------------------------------------------------- */

bool snapshot_delete(const char *name, const strList *devices, Error **errp)
{
    Images im = { 0 };
    bool ok = check_idle(errp) && images_find(&im, NULL, devices, errp);
    RunState old;

    if (!ok) {
        images_clear(&im);
        return false;
    }
    old = runstate_get();
    if (old == RUN_STATE_RUNNING) { /* no request may run while the image changes */
        old = hold(RUN_STATE_SAVE_VM);
    }
    for (guint i = 0; ok && i < im.nodes->len; i++) {
        BlockNode *bs = g_ptr_array_index(im.nodes, i);

        if (bdrv_snapshot_find(bs, name) >= 0 && !bdrv_snapshot_delete(bs, name, errp)) {
            error_prepend(errp, "Error while deleting snapshot on '%s': ", node_label(bs));
            ok = false;
        }
    }
    if (old == RUN_STATE_RUNNING) {
        go_on(old);
    }
    images_clear(&im);
    return ok;
}

/* Three significant digits and a unit, as QEMU writes sizes. */
static char *size_text(uint64_t bytes)
{
    static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi" };
    double v = (double)bytes;
    size_t i = 0;

    while (v >= 1000 && i < ARRAY_SIZE(units) - 1) {
        v /= 1024;
        i++;
    }
    return g_strdup_printf("%0.3g %sB", v, units[i]);
}

static void print_row(GString *out, const SnapshotInfo *info)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(info->date_sec);
    g_autofree char *date_text = g_date_time_format(date, "%Y-%m-%d %H:%M:%S");
    g_autofree char *size = size_text(info->vm_state_bytes), *clock = NULL;
    uint64_t ms = info->vm_clock_ns / 1000000, secs = ms / 1000;

    clock = g_strdup_printf("%02" PRIu64 ":%02u:%02u.%03u", secs / 3600,
                            (unsigned)(secs / 60 % 60), (unsigned)(secs % 60),
                            (unsigned)(ms % 1000));
    g_string_append_printf(out, "%-9s %-16s %8s%20s%13s%11s\n", "--", info->name, size, date_text,
                           clock, "");
}

void snapshot_print(GString *out)
{
    Images im = { 0 };
    Error *err = NULL;
    bool any = false;

    if (!images_find(&im, NULL, NULL, &err)) {
        g_string_append_printf(out, "%s\n", error_get_pretty(err));
        error_free(err);
        images_clear(&im);
        return;
    }
    for (unsigned i = 0; i < bdrv_snapshot_count(im.vmstate); i++) {
        const SnapshotInfo *info = bdrv_snapshot_get(im.vmstate, i);
        bool everywhere = info->vm_state_bytes != 0;

        for (guint n = 0; n < im.nodes->len; n++) {
            everywhere = everywhere &&
                         bdrv_snapshot_find(g_ptr_array_index(im.nodes, n), info->name) >= 0;
        }
        if (everywhere && !any) {
            g_string_append_printf(out, "List of snapshots present on all disks:\n"
                                   "%-9s %-16s %8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE",
                                   "VM CLOCK", "ICOUNT");
            any = true;
        }
        if (everywhere) {
            print_row(out, info);
        }
    }
    if (!any) {
        g_string_append(out, "There is no snapshot available.\n");
    }
    images_clear(&im);
}
