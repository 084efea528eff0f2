/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the human monitor. Where a QMP command exists, this is its text form. Main loop, BQL.
 * */
#include "qemu/osdep.h"
#include "hmp.h"
#include "gdbstub/gdbstub.h"
#include "hw/core/machine.h"
#include "qapi/qapi-commands.h"
#include "qemu/log.h"
#include "system/options.h"

/* --- help ------------------------------------------------------------------------------------ */

static void print_help_line(Monitor *mon, const char *prefix, const HmpCommand *cmd)
{
    monitor_printf(mon, "%s%s %s -- %s\n", prefix, cmd->names, cmd->params, cmd->help);
}

static int compare_commands(const void *a, const void *b)
{
    return strcmp((*(const HmpCommand *const *)a)->names, (*(const HmpCommand *const *)b)->names);
}

static void print_table(Monitor *mon, const char *prefix, const HmpCommand *table)
{
    GPtrArray *sorted = g_ptr_array_new();

    for (; table->names; table++) {
        g_ptr_array_add(sorted, (gpointer)table);
    }
    g_ptr_array_sort(sorted, compare_commands);
    for (guint i = 0; i < sorted->len; i++) {
        print_help_line(mon, prefix, g_ptr_array_index(sorted, i));
    }
    g_ptr_array_free(sorted, TRUE);
}

static void print_log_help(Monitor *mon)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (f) {
        qemu_log_print_help(f);
        fclose(f);
        monitor_puts(mon, text);
        free(text);
    }
}

static void hmp_help(Monitor *mon, const HmpArg *args)
{
    const char *name = args[0].present ? args[0].s : NULL;
    const HmpCommand *cmd;

    if (!name) {
        print_table(mon, "", hmp_commands);
    } else if (!strcmp(name, "info") && !args[1].present) {
        print_table(mon, "info ", hmp_info_commands);
    } else if (!strcmp(name, "info")) {
        cmd = hmp_find(hmp_info_commands, args[1].s);
        if (cmd) {
            print_help_line(mon, "info ", cmd);
        } else {
            monitor_printf(mon, "unknown command: 'info %s'\n", args[1].s);
        }
    } else if (!strcmp(name, "log")) {
        print_log_help(mon);
    } else {
        cmd = hmp_find(hmp_commands, name);
        if (cmd) {
            print_help_line(mon, "", cmd);
        } else {
            monitor_printf(mon, "unknown command: '%s'\n", name);
        }
    }
}

static void hmp_info(Monitor *mon, const HmpArg *args)
{
    print_table(mon, "info ", hmp_info_commands);
}

/* --- Run state ------------------------------------------------------------------------------- */

static void hmp_stop(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    qmp_stop(&err);
    hmp_report(mon, err);
}

static void hmp_cont(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    qmp_cont(&err);
    hmp_report(mon, err);
}

static void hmp_quit(Monitor *mon, const HmpArg *args)
{
    qmp_quit(NULL);
}

static void hmp_system_reset(Monitor *mon, const HmpArg *args)
{
    qmp_system_reset(NULL);
}

static void hmp_system_powerdown(Monitor *mon, const HmpArg *args)
{
    qmp_system_powerdown(NULL);
}

static void hmp_gdbserver(Monitor *mon, const HmpArg *args)
{
    const char *device = args[0].present ? args[0].s : GDB_DEFAULT_DEVICE;
    Error *err = NULL;

    if (!gdbserver_start(device, monitor_run_line, &err)) {
        monitor_printf(mon, "Could not open gdbserver on device '%s': %s\n", device,
                       error_get_pretty(err));
        error_free(err);
    } else if (!strcmp(device, "none")) {
        monitor_puts(mon, "Disabled gdbserver\n");
    } else {
        monitor_printf(mon, "Waiting for gdb connection on device '%s'\n", device);
    }
}

static void hmp_select_cpu(Monitor *mon, const HmpArg *args)
{
    if (args[0].i < 0 || args[0].i >= cpus_count()) {
        monitor_printf(mon, "invalid CPU index\n");
    } else {
        mon->cpu_index = (int)args[0].i;
    }
}

/* --- Logs and traces ------------------------------------------------------------------------- */

static void hmp_log(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;
    CPUState *cpu;
    int mask = 0;

    if (strcmp(args[0].s, "none") && !qemu_log_parse(args[0].s, &mask, &err)) {
        error_free(err);
        print_log_help(mon);
        return;
    }
    qemu_loglevel = mask;
    CPU_FOREACH(cpu) { /* the software CPU looks at it now and then */
        cpu_kick(cpu);
    }
}

static void hmp_logfile(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;

    if (!qemu_log_set_file(args[0].s, &err)) {
        error_report_err(err);
    }
}

static void hmp_trace_event(Monitor *mon, const HmpArg *args)
{
    Error *err = NULL;
    TraceEventSetStateArgs set = { .name = args[0].s, .enable = args[1].i };

    if (!qmp_trace_event_set_state(&set, &err)) {
        error_report_err(err);
    }
}

static void hmp_info_trace_events(Monitor *mon, const HmpArg *args)
{
    g_autoptr(TraceEventInfoList) list = NULL;
    char any[] = "*";
    TraceEventGetStateArgs get = { .name = args[0].present ? args[0].s : any };
    Error *err = NULL;

    if (!qmp_trace_event_get_state(&get, &list, &err)) {
        error_report_err(err);
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        monitor_printf(mon, "%s : state %d\n", list->items[i].name,
                       list->items[i].state == TRACE_EVENT_STATE_ENABLED);
    }
}

/* --- Queries --------------------------------------------------------------------------------- */

static void hmp_info_version(Monitor *mon, const HmpArg *args)
{
    g_autoptr(VersionInfo) info = NULL;

    if (qmp_query_version(&info, NULL)) {
        monitor_printf(mon, "%" PRId64 ".%" PRId64 ".%" PRId64 "%s\n", info->qemu->major,
                       info->qemu->minor, info->qemu->micro, info->package);
    }
}

static void hmp_info_status(Monitor *mon, const HmpArg *args)
{
    g_autoptr(StatusInfo) info = NULL;

    if (!qmp_query_status(&info, NULL)) {
        return;
    }
    monitor_printf(mon, "VM status: %s", info->running ? "running" : "paused");
    if (!info->running && info->status != RUN_STATE_PAUSED) {
        monitor_printf(mon, " (%s)", qapi_enum_name(&qapi_type_RunState, info->status));
    }
    monitor_puts(mon, "\n");
}

static void hmp_info_cpus(Monitor *mon, const HmpArg *args)
{
    g_autoptr(CpuInfoFastList) list = NULL;

    if (!qmp_query_cpus_fast(&list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        monitor_printf(mon, "%c CPU #%" PRId64 ": thread_id=%" PRId64 "\n",
                       list->items[i].cpu_index == MAX(mon->cpu_index, 0) ? '*' : ' ',
                       list->items[i].cpu_index, list->items[i].thread_id);
    }
}

static void hmp_info_kvm(Monitor *mon, const HmpArg *args)
{
    g_autoptr(KvmInfo) info = NULL;

    if (qmp_query_kvm(&info, NULL)) {
        monitor_printf(mon, "kvm support: %s\n", !info->present   ? "not compiled"
                                                 : info->enabled ? "enabled"
                                                                 : "disabled");
    }
}

static void hmp_info_accelerators(Monitor *mon, const HmpArg *args)
{
    g_autoptr(AcceleratorInfo) info = NULL;
    Error *err = NULL;

    if (!qmp_query_accelerators(&info, &err)) {
        hmp_report(mon, err);
        return;
    }
    for (size_t i = 0; i < info->present->len; i++) {
        Accelerator accel = info->present->items[i];

        monitor_printf(mon, "%c %s\n", accel == info->enabled ? '*' : ' ',
                       qapi_enum_name(&qapi_type_Accelerator, accel));
    }
}

static void hmp_info_name(Monitor *mon, const HmpArg *args)
{
    g_autoptr(NameInfo) info = NULL;

    if (qmp_query_name(&info, NULL) && info->name) {
        monitor_printf(mon, "%s\n", info->name);
    }
}

static void hmp_info_uuid(Monitor *mon, const HmpArg *args)
{
    g_autoptr(UuidInfo) info = NULL;

    if (qmp_query_uuid(&info, NULL)) {
        monitor_printf(mon, "%s\n", info->UUID);
    }
}

static void hmp_info_chardev(Monitor *mon, const HmpArg *args)
{
    g_autoptr(ChardevInfoList) list = NULL;

    if (!qmp_query_chardev(&list, NULL)) {
        return;
    }
    for (size_t i = 0; i < list->len; i++) {
        monitor_printf(mon, "%s: filename=%s\n", list->items[i].label, list->items[i].filename);
    }
}

static void hmp_info_memory_size(Monitor *mon, const HmpArg *args)
{
    monitor_printf(mon, "base memory: %" PRIu64 "\n", current_machine->ram_size_bytes);
}

/* --- Trees ----------------------------------------------------------------------------------- */

static void hmp_info_qtree(Monitor *mon, const HmpArg *args)
{
    GString *out = g_string_new(NULL);

    qdev_print_tree(out);
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

static void hmp_info_mtree(Monitor *mon, const HmpArg *args)
{
    GString *out = g_string_new(NULL);

    if (current_machine->memory) {
        address_space_print(current_machine->memory, out);
    }
    if (current_machine->io) {
        address_space_print(current_machine->io, out);
    }
    monitor_puts(mon, out->str);
    g_string_free(out, TRUE);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Object *const *)a)->name, (*(Object *const *)b)->name);
}

static void print_object(Monitor *mon, Object *obj, int indent)
{
    GPtrArray *children;

    monitor_printf(mon, "%*s/%s (%s)\n", indent, "", obj->name ? obj->name : "",
                   obj->type->name);
    if (!obj->children) {
        return;
    }
    children = g_ptr_array_sized_new(obj->children->len);
    for (guint i = 0; i < obj->children->len; i++) {
        g_ptr_array_add(children, g_ptr_array_index(obj->children, i));
    }
    g_ptr_array_sort(children, compare_names);
    for (guint i = 0; i < children->len; i++) {
        print_object(mon, g_ptr_array_index(children, i), indent + 2);
    }
    g_ptr_array_free(children, TRUE);
}

static void hmp_info_qom_tree(Monitor *mon, const HmpArg *args)
{
    Object *obj = object_resolve_path(current_machine->root,
                                      args[0].present ? args[0].s : "/machine");

    if (!obj) {
        monitor_printf(mon, "Path '%s' could not be resolved.\n", args[0].s);
        return;
    }
    print_object(mon, obj, 0);
}

/* --- Ring buffers ---------------------------------------------------------------------------- */

static void hmp_ringbuf_write(Monitor *mon, const HmpArg *args)
{
    RingbufWriteArgs write = { .device = args[0].s, .data = args[1].s };
    Error *err = NULL;

    qmp_ringbuf_write(&write, &err);
    hmp_report(mon, err);
}

static void hmp_ringbuf_read(Monitor *mon, const HmpArg *args)
{
    RingbufReadArgs read = { .device = args[0].s, .size = args[1].i };
    g_autofree char *text = NULL;
    Error *err = NULL;

    if (!qmp_ringbuf_read(&read, &text, &err)) {
        hmp_report(mon, err);
        return;
    }
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == '\\') {
            monitor_puts(mon, "\\\\");
        } else if ((c < 0x20 && c != '\n') || c == 0x7f) {
            monitor_printf(mon, "\\u%04X", c);
        } else {
            monitor_printf(mon, "%.*s", (int)(g_utf8_next_char(p) - p), p);
        }
    }
    monitor_puts(mon, "\n");
}

/* --- Tables ---------------------------------------------------------------------------------- */

const HmpCommand hmp_commands[] = {
    { "help|?", { { "name", 's', true }, { "subcommand", 's', true } }, "[cmd]",
      "list the commands, or explain one", hmp_help },
    { "info", { { NULL } }, "[subcommand]", "show the state of something", hmp_info },
    { "quit|q", { { NULL } }, "", "end the program", hmp_quit },
    { "stop|s", { { NULL } }, "", "stop the guest", hmp_stop },
    { "cont|c", { { NULL } }, "", "let the guest go on", hmp_cont },
    { "system_reset", { { NULL } }, "", "reset the machine", hmp_system_reset },
    { "system_powerdown", { { NULL } }, "", "press the power button", hmp_system_powerdown },
    { "block_resize", { { "device", 's' }, { "size", 'l' } }, "device size",
      "give a drive another size, in bytes", hmp_block_resize },
    { "balloon", { { "value", 'l' } }, "value", "ask the guest to keep so many MiB of memory",
      hmp_balloon },
    { "nmi", { { NULL } }, "", "send an NMI to all CPUs", hmp_nmi },
    { "netdev_add", { { "netdev", 'S' } }, "type,id=str[,prop=value][,...]",
      "make a network back end", hmp_netdev_add },
    { "netdev_del", { { "id", 's' } }, "id", "remove a network back end", hmp_netdev_del },
    { "set_link", { { "name", 's' }, { "up", 'b' } }, "name on|off",
      "plug in the cable of a network device or back end, or pull it out", hmp_set_link },
    { "announce_self", { { "interfaces", 's', true }, { "id", 's', true } }, "[interfaces] [id]",
      "make the addresses of network devices known", hmp_announce_self },
    { "hostfwd_add", { { "arg1", 's' }, { "arg2", 's', true } },
      "[netdev_id] protocol:[hostaddr]:hostport-[guestaddr]:guestport",
      "let a port of the host lead to the guest", hmp_hostfwd_add },
    { "hostfwd_remove", { { "arg1", 's' }, { "arg2", 's', true } },
      "[netdev_id] protocol:[hostaddr]:hostport", "stop that", hmp_hostfwd_remove },
    { "cpu", { { "index", 'i' } }, "index", "choose the CPU that later commands are about",
      hmp_select_cpu },
    { "gdbserver", { { "device", 's', true } }, "[device]",
      "let gdb connect (default device tcp::1234), or stop that (none)", hmp_gdbserver },
    { "x", { { "fmt", '/' }, { "addr", 'l' } }, "/fmt addr",
      "show memory at a virtual address of the chosen CPU", hmp_x },
    { "xp", { { "fmt", '/' }, { "addr", 'l' } }, "/fmt addr",
      "show memory at a physical address", hmp_xp },
    { "print|p", { { "fmt", '/' }, { "val", 'l' } }, "/fmt expr",
      "show the value of an expression ($reg is a register)", hmp_print },
    { "i", { { "fmt", '/' }, { "addr", 'i' } }, "/fmt addr", "read an I/O port", hmp_io_read },
    { "o", { { "fmt", '/' }, { "addr", 'i' }, { "val", 'l' } }, "/fmt addr value",
      "write an I/O port", hmp_io_write },
    { "gva2gpa", { { "addr", 'l' } }, "addr", "translate a virtual to a physical address",
      hmp_gva2gpa },
    { "log", { { "items", 's' } }, "item1[,...]", "choose what is logged (help log lists items)",
      hmp_log },
    { "logfile", { { "filename", 's' } }, "filename", "send the log to a file", hmp_logfile },
    { "trace-event", { { "name", 's' }, { "option", 'b' } }, "name on|off",
      "record trace events that match a name or pattern, or stop that", hmp_trace_event },
    { "ringbuf_write", { { "device", 's' }, { "data", 's' } }, "device data",
      "put text into a ring buffer", hmp_ringbuf_write },
    { "ringbuf_read", { { "device", 's' }, { "size", 'i' } }, "device size",
      "take text out of a ring buffer", hmp_ringbuf_read },
    { "qom-list", { { "path", 's', true } }, "[path]", "the properties of an object",
      hmp_qom_list },
    { "qom-get", { { "path", 's' }, { "property", 's' } }, "path property",
      "print a property of an object", hmp_qom_get },
    { "qom-set", { { "path", 's' }, { "property", 's' }, { "value", 'S' } }, "path property value",
      "set a property of an object", hmp_qom_set },
    { "cpu-compare", { { "modela", 's' }, { "modelb", 's' } }, "modela modelb",
      "compare two CPU models, written as for -cpu", hmp_cpu_compare },
    { "cpu-baseline", { { "modela", 's' }, { "modelb", 's' } }, "modela modelb",
      "the CPU model that runs wherever one of two does", hmp_cpu_baseline },
    { "migrate", { { "d", '-' }, { "r", '-' }, { "uri", 's' } }, "[-d] [-r] uri",
      "send the machine to uri; -d is for compatibility", hmp_migrate },
    { "migrate_cancel", { { NULL } }, "", "give up the migration", hmp_migrate_cancel },
    { "migrate_continue", { { "state", 's' } }, "state",
      "let a migration go on that has paused in that state", hmp_migrate_continue },
    { "migrate_incoming", { { "uri", 's' } }, "uri", "receive a machine after -incoming defer",
      hmp_migrate_incoming },
    { "migrate_set_capability", { { "capability", 's' }, { "state", 'b' } }, "capability on|off",
      "turn a capability of migration on or off", hmp_migrate_set_capability },
    { "migrate_set_parameter", { { "parameter", 's' }, { "value", 's' } }, "parameter value",
      "set a parameter of migration", hmp_migrate_set_parameter },
    { "savevm", { { "name", 's', true } }, "[tag]", "take a snapshot of machine and disks",
      hmp_savevm },
    { "loadvm", { { "name", 's' } }, "tag", "go back to a snapshot", hmp_loadvm },
    { "delvm", { { "name", 's' } }, "tag", "delete a snapshot", hmp_delvm },
    { NULL },
};

const HmpCommand hmp_info_commands[] = {
    { "version", { { NULL } }, "", "version of the program", hmp_info_version },
    { "status", { { NULL } }, "", "whether the guest runs", hmp_info_status },
    { "cpus", { { NULL } }, "", "the CPUs and their threads", hmp_info_cpus },
    { "kvm", { { NULL } }, "", "whether KVM is in use", hmp_info_kvm },
    { "accelerators", { { NULL } }, "", "the accelerators there are", hmp_info_accelerators },
    { "name", { { NULL } }, "", "name of the virtual machine", hmp_info_name },
    { "uuid", { { NULL } }, "", "UUID of the virtual machine", hmp_info_uuid },
    { "chardev", { { NULL } }, "", "the character devices", hmp_info_chardev },
    { "block", { { "n", '-' }, { "v", '-' }, { "device", 's', true } }, "[-n] [-v] [device]",
      "the drives, or (-n) the block nodes; -v: more", hmp_info_block },
    { "balloon", { { NULL } }, "", "how much memory the guest has", hmp_info_balloon },
    { "blockstats", { { NULL } }, "", "what the drives have done", hmp_info_blockstats },
    { "memdev", { { NULL } }, "", "the objects that guest memory comes from", hmp_info_memdev },
    { "registers", { { "a", '-' }, { "vcpu", 'i', true } }, "[-a|vcpu]",
      "registers of the chosen CPU, of one by number, or (-a) of all", hmp_info_registers },
    { "tlb", { { NULL } }, "", "the pages that the chosen CPU's page tables map", hmp_info_tlb },
    { "mem", { { NULL } }, "", "the same as ranges with their rights", hmp_info_mem },
    { "lapic", { { "apic-id", 'i', true } }, "[apic-id]",
      "local APIC of the chosen CPU, or of one by its APIC id", hmp_info_lapic },
    { "pic", { { NULL } }, "", "the interrupt controllers of the board", hmp_info_pic },
    { "ioapic", { { NULL } }, "", "the I/O APICs", hmp_info_ioapic },
    { "irq", { { NULL } }, "", "how often each pin of the I/O APICs fired", hmp_info_irq },
    { "iothreads", { { NULL } }, "", "the event loops for devices", hmp_info_iothreads },
    { "pci", { { NULL } }, "", "the PCI functions", hmp_info_pci },
    { "network", { { NULL } }, "", "network devices and back ends", hmp_info_network },
    { "usernet", { { NULL } }, "", "connections of user-mode networks", hmp_info_usernet },
    { "qtree", { { NULL } }, "", "the devices", hmp_info_qtree },
    { "mtree", { { NULL } }, "", "the memory and I/O regions", hmp_info_mtree },
    { "qom-tree", { { "path", 's', true } }, "[path]", "the objects", hmp_info_qom_tree },
    { "memory_size_summary", { { NULL } }, "", "how much memory the guest has",
      hmp_info_memory_size },
    { "trace-events", { { "name", 's', true } }, "[name]",
      "the trace events, and which are recorded", hmp_info_trace_events },
    { "migrate", { { NULL } }, "", "how the migration goes", hmp_info_migrate },
    { "migrate_capabilities", { { NULL } }, "", "what migration can do, and what is on",
      hmp_info_migrate_capabilities },
    { "migrate_parameters", { { NULL } }, "", "the parameters of migration",
      hmp_info_migrate_parameters },
    { "snapshots", { { NULL } }, "", "the snapshots of the machine", hmp_info_snapshots },
    { NULL },
};
