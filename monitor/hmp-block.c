/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks in the human monitor. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "qapi/qapi-commands.h"

static void print_size(Monitor *mon, const char *what, int64_t bytes, bool exact)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double n = (double)bytes;
    size_t i = 0;

    while (n >= 1024 && i + 1 < ARRAY_SIZE(units)) {
        n /= 1024;
        i++;
    }
    monitor_printf(mon, "%s: %.3g %s", what, n, units[i]);
    if (exact) {
        monitor_printf(mon, " (%" PRId64 " bytes)", bytes);
    }
    monitor_printf(mon, "\n");
}

static void print_qcow2(Monitor *mon, const ImageInfoSpecificQCow2 *q)
{
    monitor_printf(mon, "Format specific information:\n    compat: %s\n    compression type: %s\n"
                        "    lazy refcounts: %s\n    refcount bits: %" PRId64 "\n"
                        "    corrupt: %s\n    extended l2: %s\n",
                   q->compat, qapi_enum_name(&qapi_type_Qcow2CompressionType, q->compression_type),
                   q->lazy_refcounts ? "true" : "false", q->refcount_bits,
                   q->corrupt ? "true" : "false", q->extended_l2 ? "true" : "false");
}

static void print_image(Monitor *mon, const ImageInfo *image)
{
    monitor_printf(mon, "image: %s\nfile format: %s\n", image->filename, image->format);
    print_size(mon, "virtual size", image->virtual_size, true);
    if (image->has_actual_size) {
        print_size(mon, "disk size", image->actual_size, false);
    }
    if (image->has_cluster_size) {
        monitor_printf(mon, "cluster_size: %" PRId64 "\n", image->cluster_size);
    }
    if (image->backing_filename) {
        monitor_printf(mon, "backing file: %s\n", image->backing_filename);
    }
    if (image->format_specific && image->format_specific->type == IMAGE_INFO_SPECIFIC_KIND_QCOW2) {
        print_qcow2(mon, image->format_specific->u.qcow2->data);
    }
}

static const char *cache_name(const BlockdevCacheInfo *c)
{
    return c->writeback ? "writeback" : "writethrough";
}

static void print_medium(Monitor *mon, const BlockDeviceInfo *m, bool verbose)
{
    monitor_printf(mon, "    Cache mode:       %s%s%s\n", cache_name(m->cache),
                   m->cache->direct ? ", direct" : "",
                   m->cache->no_flush ? ", ignore flushes" : "");
    if (m->backing_file) {
        monitor_printf(mon, "    Backing file:     %s (chain depth: %" PRId64 ")\n",
                       m->backing_file, m->backing_file_depth);
    }
    if (m->detect_zeroes != BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF) {
        monitor_printf(mon, "    Detect zeroes:    %s\n",
                       qapi_enum_name(&qapi_type_BlockdevDetectZeroesOptions, m->detect_zeroes));
    }
    if (verbose) {
        monitor_printf(mon, "\nImages:\n");
        for (const ImageInfo *image = m->image; image; image = image->backing_image) {
            print_image(mon, image);
            if (image->backing_image) {
                monitor_printf(mon, "\n");
            }
        }
    }
}

static void print_drive(Monitor *mon, const BlockInfo *info, bool verbose)
{
    const BlockDeviceInfo *m = info->inserted;

    monitor_printf(mon, "%s", *info->device ? info->device
                              : info->qdev  ? info->qdev
                                            : "<anonymous>");
    if (!m) {
        monitor_printf(mon, ": [not inserted]\n");
    } else {
        monitor_printf(mon, " (%s): %s (%s%s)\n", m->node_name, m->file, m->drv,
                       m->ro ? ", read-only" : "");
    }
    if (info->qdev) {
        monitor_printf(mon, "    Attached to:      %s\n", info->qdev);
    }
    if (info->has_io_status && info->io_status != BLOCK_DEVICE_IO_STATUS_OK) {
        monitor_printf(mon, "    I/O status:       %s\n",
                       qapi_enum_name(&qapi_type_BlockDeviceIoStatus, info->io_status));
    }
    if (info->removable) {
        monitor_printf(mon, "    Removable device: not locked, tray closed\n");
    }
    if (m) {
        print_medium(mon, m, verbose);
    }
}

static void print_nodes(Monitor *mon, const char *only, bool verbose)
{
    g_autoptr(BlockDeviceInfoList) list = NULL;
    QueryNamedBlockNodesArgs args = { 0 };
    bool first = true;

    if (!qmp_query_named_block_nodes(&args, &list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        const BlockDeviceInfo *m = &list->items[i];

        if (only && strcmp(m->node_name, only)) {
            continue;
        }
        monitor_printf(mon, "%s%s: %s (%s%s)\n", first ? "" : "\n", m->node_name, m->file, m->drv,
                       m->ro ? ", read-only" : "");
        print_medium(mon, m, verbose);
        first = false;
    }
}

/* [-n] [-v] [device] */
void hmp_info_block(Monitor *mon, const HmpArg *args)
{
    g_autoptr(BlockInfoList) list = NULL;
    const char *only = args[2].present ? args[2].s : NULL;
    bool first = true;

    if (args[0].present) {
        print_nodes(mon, only, args[1].present);
        return;
    }
    if (!qmp_query_block(&list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        if (only && strcmp(list->items[i].device, only)) {
            continue;
        }
        monitor_printf(mon, "%s", first ? "" : "\n");
        print_drive(mon, &list->items[i], args[1].present);
        first = false;
    }
}

void hmp_info_blockstats(Monitor *mon, const HmpArg *args)
{
    g_autoptr(BlockStatsList) list = NULL;
    QueryBlockstatsArgs query = { 0 };

    if (!qmp_query_blockstats(&query, &list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        const BlockStats *b = &list->items[i];
        const BlockDeviceStats *st = b->stats;

        monitor_printf(mon,
                       "%s: rd_bytes=%" PRId64 " wr_bytes=%" PRId64 " rd_operations=%" PRId64
                       " wr_operations=%" PRId64 " flush_operations=%" PRId64
                       " wr_total_time_ns=%" PRId64 " rd_total_time_ns=%" PRId64
                       " flush_total_time_ns=%" PRId64 " rd_merged=%" PRId64 " wr_merged=%" PRId64
                       " idle_time_ns=%" PRId64 "\n",
                       *b->device ? b->device : b->node_name ? b->node_name : "", st->rd_bytes,
                       st->wr_bytes, st->rd_operations, st->wr_operations, st->flush_operations,
                       st->wr_total_time_ns, st->rd_total_time_ns, st->flush_total_time_ns,
                       st->rd_merged, st->wr_merged, st->has_idle_time_ns ? st->idle_time_ns : 0);
    }
}

/* device size */
void hmp_block_resize(Monitor *mon, const HmpArg *args)
{
    BlockResizeArgs resize = { .device = args[0].s, .size = args[1].i };
    Error *err = NULL;

    qmp_block_resize(&resize, &err);
    hmp_report(mon, err);
}
