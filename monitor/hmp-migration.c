/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's commands about migration and snapshots. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hmp.h"
#include "migration/params.h"
#include "migration/snapshot.h"
#include "qapi/qapi-commands.h"

/* --- Migration ------------------------------------------------------------------------------- */

void hmp_migrate(Monitor *mon, const HmpArg *args)
{
    MigrateArgs migrate = { .uri = args[2].s, .has_resume = true, .resume = args[1].present };
    Error *err = NULL;

    if (qmp_migrate(&migrate, &err) && !args[0].present) {
        monitor_puts(mon, "migration goes on in the background, see info migrate\n");
    }
    hmp_report(mon, err);
}

void hmp_migrate_cancel(Monitor *mon, const HmpArg *args)
{
    qmp_migrate_cancel(NULL);
}

void hmp_migrate_continue(Monitor *mon, const HmpArg *args)
{
    int state = qapi_enum_parse(&qapi_type_MigrationStatus, args[0].s);
    MigrateContinueArgs cont = { .state = (MigrationStatus)state };
    Error *err = NULL;

    if (state < 0) {
        error_setg(&err, "invalid parameter value: %s", args[0].s);
    } else {
        qmp_migrate_continue(&cont, &err);
    }
    hmp_report(mon, err);
}

void hmp_migrate_incoming(Monitor *mon, const HmpArg *args)
{
    MigrateIncomingArgs incoming = { .uri = args[0].s };
    Error *err = NULL;

    qmp_migrate_incoming(&incoming, &err);
    hmp_report(mon, err);
}

void hmp_migrate_set_capability(Monitor *mon, const HmpArg *args)
{
    int capability = qapi_enum_parse(&qapi_type_MigrationCapability, args[0].s);
    MigrationCapabilityStatus status = { (MigrationCapability)capability, args[1].i };
    MigrationCapabilityStatusList list = { &status, 1 };
    MigrateSetCapabilitiesArgs set = { .capabilities = &list };
    Error *err = NULL;

    if (capability < 0) {
        error_setg(&err, "invalid parameter value: %s", args[0].s);
    } else {
        qmp_migrate_set_capabilities(&set, &err);
    }
    hmp_report(mon, err);
}

void hmp_migrate_set_parameter(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    mig_param_set_text(args[0].s, args[1].s, &err);
    hmp_report(mon, err);
}

static void print_ram(Monitor *mon, const MigrationStats *r)
{
    monitor_printf(mon, "transferred ram: %" PRIu64 " kbytes\n", r->transferred >> 10);
    monitor_printf(mon, "throughput: %0.2f mbps\n", r->mbps);
    monitor_printf(mon, "remaining ram: %" PRIu64 " kbytes\n", r->remaining >> 10);
    monitor_printf(mon, "total ram: %" PRIu64 " kbytes\n", r->total >> 10);
    monitor_printf(mon, "duplicate: %" PRIu64 " pages\n", r->duplicate);
    monitor_printf(mon, "skipped: %" PRIu64 " pages\n", r->skipped);
    monitor_printf(mon, "normal: %" PRIu64 " pages\n", r->normal);
    monitor_printf(mon, "normal bytes: %" PRIu64 " kbytes\n", r->normal_bytes >> 10);
    monitor_printf(mon, "dirty sync count: %" PRIu64 "\n", r->dirty_sync_count);
    monitor_printf(mon, "page size: %" PRIu64 " kbytes\n", r->page_size >> 10);
    monitor_printf(mon, "multifd bytes: %" PRIu64 " kbytes\n", r->multifd_bytes >> 10);
    monitor_printf(mon, "pages-per-second: %" PRIu64 "\n", r->pages_per_second);
    if (r->dirty_pages_rate) {
        monitor_printf(mon, "dirty pages rate: %" PRIu64 " pages\n", r->dirty_pages_rate);
    }
    monitor_printf(mon, "precopy ram: %" PRIu64 " kbytes\n", r->precopy_bytes >> 10);
    if (r->downtime_bytes) {
        monitor_printf(mon, "downtime ram: %" PRIu64 " kbytes\n", r->downtime_bytes >> 10);
    }
}

/* How much of the memory is there, as a line of its own. */
static void print_progress(Monitor *mon, const MigrationInfo *info)
{
    const MigrationStats *r = info->ram;

    if (r->total > 0 && info->status == MIGRATION_STATUS_ACTIVE) {
        monitor_printf(mon, "progress: %d %%\n", (int)((r->total - r->remaining) * 100 / r->total));
    }
}

void hmp_info_migrate(Monitor *mon, const HmpArg *args)
{
    g_autoptr(MigrationInfo) info = NULL;

    if (!qmp_query_migrate(&info, NULL)) {
        return;
    }
    for (size_t i = 0; info->blocked_reasons && i < info->blocked_reasons->len; i++) {
        monitor_printf(mon, "%s\t%s\n", i ? "" : "Outgoing migration blocked:\n",
                       info->blocked_reasons->items[i]);
    }
    if (info->has_status) {
        monitor_printf(mon, "Migration status: %s",
                       qapi_enum_name(&qapi_type_MigrationStatus, info->status));
        if (info->error_desc) {
            monitor_printf(mon, " (%s)", info->error_desc);
        }
        monitor_puts(mon, "\n");
    }
    if (info->has_total_time) {
        monitor_printf(mon, "total time: %" PRIu64 " ms\n", info->total_time);
    }
    if (info->has_expected_downtime) {
        monitor_printf(mon, "expected downtime: %" PRIu64 " ms\n", info->expected_downtime);
    }
    if (info->has_downtime) {
        monitor_printf(mon, "downtime: %" PRIu64 " ms\n", info->downtime);
    }
    if (info->has_setup_time) {
        monitor_printf(mon, "setup: %" PRIu64 " ms\n", info->setup_time);
    }
    if (info->ram) {
        print_progress(mon, info);
        print_ram(mon, info->ram);
    }
    if (info->has_cpu_throttle_percentage) {
        monitor_printf(mon, "cpu throttle percentage: %" PRIu64 "\n",
                       info->cpu_throttle_percentage);
    }
}

void hmp_info_migrate_capabilities(Monitor *mon, const HmpArg *args)
{
    g_autoptr(MigrationCapabilityStatusList) list = NULL;

    if (!qmp_query_migrate_capabilities(&list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        monitor_printf(mon, "%s: %s\n",
                       qapi_enum_name(&qapi_type_MigrationCapability, list->items[i].capability),
                       list->items[i].state ? "on" : "off");
    }
}

void hmp_info_migrate_parameters(Monitor *mon, const HmpArg *args)
{
    const char *name, *unit;

    for (unsigned i = 0; (name = mig_param_name(i, &unit)); i++) {
        if (i == MIG_PARAM_THROTTLE_TAILSLOW) {
            monitor_printf(mon, "%s: %s\n", name, mig_param(i) ? "on" : "off");
        } else {
            monitor_printf(mon, "%s: %" PRIu64 "%s\n", name, mig_param(i), unit);
        }
    }
}

/* --- Snapshots ------------------------------------------------------------------------------- */

void hmp_savevm(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    snapshot_save(args[0].present ? args[0].s : NULL, true, NULL, NULL, &err);
    hmp_report(mon, err);
}

void hmp_loadvm(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    snapshot_load(args[0].s, NULL, NULL, &err);
    hmp_report(mon, err);
}

void hmp_delvm(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    snapshot_delete(args[0].s, NULL, &err);
    hmp_report(mon, err);
}

void hmp_info_snapshots(Monitor *mon, const HmpArg *args)
{
    g_autoptr(GString) out = g_string_new(NULL);

    snapshot_print(out);
    monitor_puts(mon, out->str);
}
