/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -blockdev and -drive. Main thread, BQL. */
#include "qemu/osdep.h"
#include "block/blockdev.h"
#include "block/block-int.h"
#include "qapi/json-stream.h"
#include "qapi/keyval-opts.h"
#include "qapi/qapi-commands.h"
#include "qemu/cutils.h"

static GPtrArray *drives; /* of DriveInfo */

/* --- -blockdev --- */

static BlockdevOptions *parse_blockdev(const char *arg, Error **errp)
{
    BlockdevOptions *opts;

    if (*arg == '{') {
        json_object *value;

        if (!json_parse_text(arg, &value, errp)) {
            return NULL;
        }
        opts = qapi_from_json(&qapi_type_BlockdevOptions, value, errp);
        json_object_put(value);
    } else {
        g_autoptr(Keyval) kv = keyval_parse(arg, "driver", errp);

        opts = kv ? qapi_from_keyval(&qapi_type_BlockdevOptions, kv, errp) : NULL;
    }
    return opts;
}

bool blockdev_add_option(const char *arg, Error **errp)
{
    g_autoptr(BlockdevOptions) opts = parse_blockdev(arg, errp);

    return opts && qmp_blockdev_add(opts, errp);
}

/* --- -drive --- */

static const struct {
    const char *name;
    unsigned units; /* on a bus; 0: one bus without end */
} interfaces[IF__MAX] = {
    [IF_IDE] = { "ide", 2 },       [IF_SCSI] = { "scsi", 7 }, [IF_FLOPPY] = { "floppy", 0 },
    [IF_PFLASH] = { "pflash", 0 }, [IF_MTD] = { "mtd", 0 },   [IF_SD] = { "sd", 0 },
    [IF_VIRTIO] = { "virtio", 0 }, [IF_XEN] = { "xen", 0 },   [IF_NONE] = { "none", 0 },
};

static const struct {
    const char *name;
    bool write_cache, direct, no_flush;
} cache_modes[] = {
    { "none", true, true, false },          { "off", true, true, false },
    { "writeback", true, false, false },    { "writethrough", false, false, false },
    { "directsync", false, true, false },   { "unsafe", true, false, true },
};

/* What -drive says beyond the node. */
typedef struct DriveArgs {
    BlockInterfaceType type;
    uint64_t bus, unit, index;
    bool has_bus, has_unit, has_index, media_cd, write_cache;
    BlockdevOnError werror, rerror;
    const char *id;
} DriveArgs;

static DriveInfo *drive_get(BlockInterfaceType type, unsigned bus, unsigned unit)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        DriveInfo *d = g_ptr_array_index(drives, i);

        if (d->type == type && d->bus == bus && d->unit == unit) {
            return d;
        }
    }
    return NULL;
}

static bool parse_interface(const Keyval *kv, DriveArgs *a, Error **errp)
{
    const char *name = keyval_get(kv, "if");

    a->type = IF_IDE;
    if (!name) {
        return true;
    }
    for (a->type = 0; a->type < IF__MAX; a->type++) {
        if (!strcmp(interfaces[a->type].name, name)) {
            return true;
        }
    }
    error_setg(errp, "unsupported bus type '%s'", name);
    return false;
}

static bool parse_place(const Keyval *kv, DriveArgs *a, Error **errp)
{
    a->has_bus = keyval_has(kv, "bus");
    a->has_unit = keyval_has(kv, "unit");
    a->has_index = keyval_has(kv, "index");
    if (!keyval_get_u64(kv, "bus", &a->bus, errp) || !keyval_get_u64(kv, "unit", &a->unit, errp) ||
        !keyval_get_u64(kv, "index", &a->index, errp)) {
        return false;
    }
    if (a->has_index && (a->has_bus || a->has_unit)) {
        error_setg(errp, "index cannot be used with bus and unit");
        return false;
    }
    if (a->bus > 1000 || a->unit > 1000 || a->index > 1000) {
        error_setg(errp, "bus, unit or index is too large (at most 1000)");
        return false;
    }
    return true;
}

/* The place given by index, or the first free one. */
static bool choose_place(DriveArgs *a, unsigned ide_units, Error **errp)
{
    unsigned units = a->type == IF_IDE ? ide_units : interfaces[a->type].units;

    if (a->has_index) {
        a->bus = units ? a->index / units : 0;
        a->unit = units ? a->index % units : a->index;
    } else if (!a->has_unit) {
        while (drive_get(a->type, (unsigned)a->bus, (unsigned)a->unit)) {
            a->unit++;
            if (units && a->unit >= units) {
                a->unit = 0;
                a->bus++;
            }
        }
    }
    if (units && a->unit >= units) {
        error_setg(errp, "unit %" PRIu64 " too big (max is %u)", a->unit, units - 1);
        return false;
    }
    if (drive_get(a->type, (unsigned)a->bus, (unsigned)a->unit)) {
        error_setg(errp, "drive with bus=%" PRIu64 ", unit=%" PRIu64 " (index=%" PRIu64 ") exists",
                   a->bus, a->unit, a->index);
        return false;
    }
    return true;
}

static bool parse_on_error(const Keyval *kv, const char *key, bool is_read, BlockdevOnError *out,
                           Error **errp)
{
    const char *text = keyval_get(kv, key);
    int value = text ? qapi_enum_parse(&qapi_type_BlockdevOnError, text) : BLOCKDEV_ON_ERROR_AUTO;

    if (value < 0 || (text && value == BLOCKDEV_ON_ERROR_AUTO) ||
        (is_read && value == BLOCKDEV_ON_ERROR_ENOSPC)) {
        error_setg(errp, "'%s' invalid %s error action", text, is_read ? "read" : "write");
        return false;
    }
    *out = value;
    return true;
}

/* cache=MODE, into the node's options. */
static bool parse_cache(const Keyval *kv, Keyval *node, DriveArgs *a, Error **errp)
{
    const char *mode = keyval_get(kv, "cache");

    a->write_cache = true;
    if (mode) {
        size_t i = 0;

        while (i < ARRAY_SIZE(cache_modes) && strcmp(cache_modes[i].name, mode)) {
            i++;
        }
        if (i == ARRAY_SIZE(cache_modes)) {
            error_setg(errp, "invalid cache option");
            return false;
        }
        a->write_cache = cache_modes[i].write_cache;
        keyval_add(node, "cache.direct", cache_modes[i].direct ? "on" : "off");
        keyval_add(node, "cache.no-flush", cache_modes[i].no_flush ? "on" : "off");
    }
    return keyval_get_bool(kv, "cache.writeback", &a->write_cache, errp);
}

static bool parse_media(const Keyval *kv, DriveArgs *a, Error **errp)
{
    const char *media = keyval_get(kv, "media");

    if (media && strcmp(media, "disk") && strcmp(media, "cdrom")) {
        error_setg(errp, "'%s' invalid media", media);
        return false;
    }
    a->media_cd = media && !strcmp(media, "cdrom");
    return true;
}

/* Keys whose meaning stays the same, or has another name, in the node's options. */
static const struct {
    const char *drive, *node;
} passed_on[] = {
    { "read-only", "read-only" },       { "readonly", "read-only" },
    { "discard", "discard" },           { "detect-zeroes", "detect-zeroes" },
    { "node-name", "node-name" },       { "force-share", "force-share" },
    { "auto-read-only", "auto-read-only" }, { "cache.direct", "cache.direct" },
    { "cache.no-flush", "cache.no-flush" }, { "aio", "file.aio" },
    { "file.locking", "file.locking" }, { "file.driver", "file.driver" },
    { "file.filename", "file.filename" }, { "lazy-refcounts", "lazy-refcounts" },
    { "l2-cache-size", "l2-cache-size" },
    { "refcount-cache-size", "refcount-cache-size" }, { "cache-size", "cache-size" },
    { "backing", "backing" },
};

static void pass_on(const Keyval *kv, Keyval *node)
{
    for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) {
        const char *value = keyval_get(kv, passed_on[i].drive);

        if (value && !strcmp(passed_on[i].drive, "discard")) {
            value = !strcmp(value, "on") ? "unmap" : !strcmp(value, "off") ? "ignore" : value;
        }
        if (value) {
            keyval_add(node, passed_on[i].node, value);
        }
    }
}

/* file=, format=: driver, file.driver, file.filename. *@empty: a drive without a medium. */
static bool parse_medium(const Keyval *kv, Keyval *node, const DriveArgs *a, bool *empty,
                         Error **errp)
{
    const char *file = keyval_get(kv, "file"), *format = keyval_get(kv, "format");
    const char *filename = keyval_has(kv, "file.filename") ? keyval_get(kv, "file.filename") : file;

    *empty = !filename || !*filename;
    if (*empty) {
        return true;
    }
    if (bdrv_find(filename) && !g_file_test(filename, G_FILE_TEST_EXISTS)) {
        /* file=NODE: the name of a node stands for it */
        keyval_add(node, "file", filename);
        keyval_add(node, "driver", format ? format : "raw");
        return true;
    }
    if (file) {
        if (!bdrv_check_filename(file, errp)) {
            return false;
        }
        file = g_str_has_prefix(file, "file:") ? file + 5 : file;
        keyval_add(node, "file.driver", bdrv_path_is_device(file) ? "host_device" : "file");
        keyval_add(node, "file.filename", file);
        filename = file;
    } else if (!keyval_has(kv, "file.driver")) {
        keyval_add(node, "file.driver", "file");
    }
    if (!format) {
        format = bdrv_probe_format(filename);
        if (!strcmp(format, "raw") && !a->media_cd && g_file_test(filename, G_FILE_TEST_EXISTS)) {
            warn_report("Image format was not specified for '%s' and probing guessed raw.",
                        filename);
            error_printf("         Automatically detecting the format is dangerous for raw images: "
                         "specify the 'raw' format explicitly.\n");
        }
    }
    keyval_add(node, "driver", format);
    return true;
}

static BlockNode *open_drive_node(Keyval *node, Error **errp)
{
    g_autoptr(BlockdevOptions) opts =
        qapi_from_keyval(&qapi_type_BlockdevOptions, node, errp);

    return opts ? bdrv_open(opts, errp) : NULL;
}

static char *drive_id(const DriveArgs *a, unsigned ide_units)
{
    const char *name = interfaces[a->type].name;

    if (a->id) {
        return g_strdup(a->id);
    }
    if (interfaces[a->type].units) {
        return g_strdup_printf("%s%" PRIu64 "%s%" PRIu64, name, a->bus,
                               a->media_cd ? "-cd" : "-hd", a->unit);
    }
    return g_strdup_printf("%s%s%" PRIu64, name, a->media_cd ? "-cd" : "", a->unit);
}

static bool add_drive(const DriveArgs *a, BlockNode *bs, unsigned ide_units, Error **errp)
{
    g_autofree char *id = drive_id(a, ide_units);
    DriveInfo *d;
    BlockBackend *blk;

    if (blk_by_name(id) || bdrv_find(id)) {
        error_setg(errp, "Device with id '%s' already exists", id);
        return false;
    }
    blk = blk_new(bs, id, errp);
    if (!blk) {
        return false;
    }
    blk_set_write_cache(blk, a->write_cache);
    blk_set_on_error(blk, a->rerror, a->werror);
    d = g_new0(DriveInfo, 1);
    *d = (DriveInfo){ .type = a->type, .bus = (unsigned)a->bus, .unit = (unsigned)a->unit,
                      .media_cd = a->media_cd, .blk = blk };
    if (!drives) {
        drives = g_ptr_array_new();
    }
    g_ptr_array_add(drives, d);
    return true;
}

bool drive_add_option(const char *arg, unsigned ide_units, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, NULL, errp), node = keyval_new();
    DriveArgs a = { 0 };
    BlockNode *bs = NULL;
    bool empty, ok;

    if (!kv || !parse_interface(kv, &a, errp) || !parse_place(kv, &a, errp) ||
        !parse_media(kv, &a, errp) ||
        !parse_on_error(kv, "werror", false, &a.werror, errp) ||
        !parse_on_error(kv, "rerror", true, &a.rerror, errp) ||
        !choose_place(&a, ide_units, errp)) {
        return false;
    }
    a.id = keyval_get(kv, "id");
    pass_on(kv, node);
    if (a.media_cd && !keyval_has(kv, "read-only") && !keyval_has(kv, "readonly")) {
        keyval_add(node, "read-only", "on");
    }
    if (!parse_cache(kv, node, &a, errp) || !parse_medium(kv, node, &a, &empty, errp) ||
        !keyval_check_unused(kv, errp)) {
        return false;
    }
    if (!empty && !(bs = open_drive_node(node, errp))) {
        return false;
    }
    ok = add_drive(&a, bs, ide_units, errp);
    bdrv_unref(bs); /* the backend has its own reference */
    return ok;
}

DriveInfo *drive_claim(BlockInterfaceType type, unsigned bus, unsigned unit)
{
    DriveInfo *d = drive_get(type, bus, unit);

    if (d) {
        d->claimed = true;
    }
    return d;
}

void drive_add_devices(GPtrArray *devices)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        DriveInfo *d = g_ptr_array_index(drives, i);

        if (d->type == IF_VIRTIO && !d->claimed) {
            d->claimed = true;
            g_ptr_array_add(devices,
                            g_strdup_printf("virtio-blk-pci,drive=%s", blk_name(d->blk)));
        }
    }
}

bool drive_check_claimed(Error **errp)
{
    for (guint i = 0; drives && i < drives->len; i++) {
        const DriveInfo *d = g_ptr_array_index(drives, i);

        if (d->type != IF_NONE && !d->claimed) {
            error_setg(errp, "machine type does not support if=%s,bus=%u,unit=%u",
                       interfaces[d->type].name, d->bus, d->unit);
            error_append_hint(errp, "Use if=virtio, or if=none with a -device\n");
            return false;
        }
    }
    return true;
}

static BlockNode *monitor_node(void)
{
    for (BlockNode *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        if (bs->monitor_owned && !bdrv_is_used(bs)) {
            return bs;
        }
    }
    return NULL;
}

void blockdev_close_all(void)
{
    BlockNode *bs;

    blk_drain_all();
    for (guint i = 0; drives && i < drives->len; i++) {
        DriveInfo *d = g_ptr_array_index(drives, i);

        blk_unref(d->blk);
        g_free(d);
    }
    if (drives) {
        g_ptr_array_free(g_steal_pointer(&drives), TRUE);
    }
    while ((bs = monitor_node())) {
        bs->monitor_owned = false;
        bdrv_unref(bs);
    }
    bdrv_flush_all(); /* nodes that devices still hold */
}
