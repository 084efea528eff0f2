/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands about the program, the machine and its run state. Main loop, BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "migration/migration.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"
#include "qemu/log.h"
#include "system/runstate.h"
#include "system/system.h"
#include "target/i386/cpu-topology.h"
#include "target/i386/cpu.h"

/* --- The program ----------------------------------------------------------------------------- */

bool qmp_query_version(VersionInfo **ret, Error **errp)
{
    VersionInfo *info = g_new0(VersionInfo, 1);

    info->qemu = g_new0(VersionTriple, 1);
    info->qemu->major = QEMU_VERSION_MAJOR;
    info->qemu->minor = QEMU_VERSION_MINOR;
    info->qemu->micro = QEMU_VERSION_MICRO;
    info->package = g_strdup(CONFIG_PKGVERSION);
    *ret = info;
    return true;
}

bool qmp_query_commands(CommandInfoList **ret, Error **errp)
{
    *ret = g_new0(CommandInfoList, 1);
    for (size_t i = 0; i < qmp_commands_count; i++) {
        CommandInfoList_append(*ret)->name = g_strdup(qmp_commands[i].name);
    }
    return true;
}

bool qmp_query_events(EventInfoList **ret, Error **errp)
{
    *ret = g_new0(EventInfoList, 1);
    for (const char *const *name = qapi_event_names; *name; name++) {
        EventInfoList_append(*ret)->name = g_strdup(*name);
    }
    return true;
}

bool qmp_query_qmp_schema(const char **ret, Error **errp)
{
    *ret = qmp_schema_text;
    return true;
}

bool qmp_quit(Error **errp)
{
    vm_request_shutdown(SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    return true;
}

/* --- Run state ------------------------------------------------------------------------------- */

bool qmp_query_status(StatusInfo **ret, Error **errp)
{
    *ret = g_new0(StatusInfo, 1);
    (*ret)->running = runstate_is_running();
    (*ret)->status = runstate_get();
    return true;
}

bool qmp_stop(Error **errp)
{
    /* A machine that stands still for another reason keeps that state. */
    if (runstate_is_running()) {
        vm_stop(RUN_STATE_PAUSED);
    }
    migration_incoming_cont(false);
    return true;
}

bool qmp_cont(Error **errp)
{
    if (migration_incoming_cont(true)) {
        return true;
    }
    return vm_start(errp);
}

bool qmp_system_reset(Error **errp)
{
    vm_request_reset(SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    return true;
}

bool qmp_system_powerdown(Error **errp)
{
    vm_request_powerdown();
    return true;
}

/* --- Machine --------------------------------------------------------------------------------- */

bool qmp_query_target(TargetInfo **ret, Error **errp)
{
    *ret = g_new0(TargetInfo, 1);
    (*ret)->arch = SYS_EMU_TARGET_X86_64;
    return true;
}

static bool accel_in_use(const char *name)
{
    const AccelOps *accel = current_machine->accel;

    return accel && !strcmp(accel->name, name);
}

bool qmp_query_kvm(KvmInfo **ret, Error **errp)
{
    *ret = g_new0(KvmInfo, 1);
    (*ret)->present = accel_find("kvm") != NULL;
    (*ret)->enabled = accel_in_use("kvm");
    return true;
}

bool qmp_query_accelerators(AcceleratorInfo **ret, Error **errp)
{
    AcceleratorInfo *info;

    if (!current_machine->accel) {
        error_setg(errp, "this machine has no accelerator");
        return false;
    }
    info = *ret = g_new0(AcceleratorInfo, 1);
    info->present = g_new0(AcceleratorList, 1);
    for (int i = 0; i < ACCELERATOR__MAX; i++) {
        const char *name = qapi_enum_name(&qapi_type_Accelerator, i);

        if (accel_find(name)) {
            *AcceleratorList_append(info->present) = i;
        }
        if (accel_in_use(name)) {
            info->enabled = i;
        }
    }
    return true;
}

bool qmp_query_name(NameInfo **ret, Error **errp)
{
    *ret = g_new0(NameInfo, 1);
    (*ret)->name = g_strdup(vm_name());
    return true;
}

bool qmp_query_uuid(UuidInfo **ret, Error **errp)
{
    const char *uuid = vm_uuid();

    *ret = g_new0(UuidInfo, 1);
    (*ret)->UUID = g_strdup(uuid ? uuid : "00000000-0000-0000-0000-000000000000");
    return true;
}

static void fill_machine(MachineInfo *info, const MachineVersion *v)
{
    info->name = g_strdup(v->name);
    info->alias = g_strdup(v->alias);
    info->has_is_default = info->is_default = v->is_default;
    info->cpu_max = v->max_cpus;
    info->hotpluggable_cpus = false;
    info->numa_mem_supported = false;
    info->deprecated = v->deprecation_reason != NULL;
    if (v->default_cpu_type) {
        info->default_cpu_type = g_strconcat(v->default_cpu_type, "-x86_64-cpu", NULL);
        info->acpi = true; /* every board with CPUs has the tables */
    }
    info->default_ram_id = g_strdup(v->board->default_ram_id);
}

bool qmp_query_machines(MachineInfoList **ret, Error **errp)
{
    *ret = g_new0(MachineInfoList, 1);
    for (const MachineVersion *v = machine_versions; v->name; v++) {
        fill_machine(MachineInfoList_append(*ret), v);
    }
    return true;
}

/* --- CPUs ------------------------------------------------------------------------------------ */

static CpuInstanceProperties *cpu_place(uint32_t apic_id)
{
    X86CPUTopo topo = x86_cpu_topology(current_machine);
    X86CPUTopoIDs ids = x86_topo_ids_from_apicid(&topo, apic_id);
    CpuInstanceProperties *props = g_new0(CpuInstanceProperties, 1);

    props->has_socket_id = props->has_core_id = props->has_thread_id = true;
    props->socket_id = ids.pkg;
    props->core_id = ids.core;
    props->thread_id = ids.smt;
    props->has_die_id = current_machine->smp.dies > 1;
    props->die_id = ids.die;
    props->has_module_id = current_machine->smp.modules > 1;
    props->module_id = ids.module;
    return props;
}

bool qmp_query_cpus_fast(CpuInfoFastList **ret, Error **errp)
{
    CPUState *cpu;

    *ret = g_new0(CpuInfoFastList, 1);
    CPU_FOREACH(cpu) {
        CpuInfoFast *info = CpuInfoFastList_append(*ret);

        info->cpu_index = cpu->index;
        info->qom_path = object_get_path(&cpu->dev.object);
        info->thread_id = cpu->thread_id;
        info->props = cpu_place(X86_CPU(cpu)->apic_id);
        info->target = SYS_EMU_TARGET_X86_64;
    }
    return true;
}

bool qmp_query_hotpluggable_cpus(HotpluggableCPUList **ret, Error **errp)
{
    X86CPUTopo topo = x86_cpu_topology(current_machine);
    CPUState *first = cpus_count() ? cpus_get(0) : NULL;
    HotpluggableCPUList *list;

    if (!first) {
        error_setg(errp, "machine does not support hot-plugging CPUs");
        return false;
    }
    list = *ret = g_new0(HotpluggableCPUList, 1);
    for (unsigned i = current_machine->smp.max_cpus; i-- > 0;) {
        HotpluggableCPU *info = HotpluggableCPUList_append(list);
        const CPUState *cpu = i < cpus_count() ? cpus_get(i) : NULL;

        info->type = g_strdup(first->dev.object.type->name);
        info->vcpus_count = 1;
        info->props = cpu_place(x86_apicid_from_index(&topo, i));
        info->qom_path = cpu ? object_get_path(&cpu->dev.object) : NULL;
    }
    return true;
}

/* --- Traces ---------------------------------------------------------------------------------- */

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

bool qmp_trace_event_get_state(const TraceEventGetStateArgs *args, TraceEventInfoList **ret,
                               Error **errp)
{
    TraceEventInfoList *list = g_new0(TraceEventInfoList, 1);

    for (size_t i = 0; i < trace_event_count; i++) {
        const TraceEvent *ev = &trace_event_table[i];

        if (g_pattern_match_simple(args->name, ev->name)) {
            TraceEventInfo *info = TraceEventInfoList_append(list);

            info->name = g_strdup(ev->name);
            info->state = *ev->enabled ? TRACE_EVENT_STATE_ENABLED : TRACE_EVENT_STATE_DISABLED;
        }
    }
    if (!list->len && !is_pattern(args->name)) {
        qapi_free_TraceEventInfoList(list);
        error_setg(errp, "unknown event \"%s\"", args->name);
        return false;
    }
    *ret = list;
    return true;
}

bool qmp_trace_event_set_state(const TraceEventSetStateArgs *args, Error **errp)
{
    g_autofree char *pattern = g_strconcat(args->enable ? "" : "-", args->name, NULL);

    if (!trace_enable_pattern(pattern) && !is_pattern(args->name) &&
        !(args->has_ignore_unavailable && args->ignore_unavailable)) {
        error_setg(errp, "unknown event \"%s\"", args->name);
        return false;
    }
    return true;
}
