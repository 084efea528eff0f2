/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main(): reads the command line, builds the machine, runs it, takes it down. The only place that
 * ends the process. */
#include "qemu/osdep.h"
#include "backends/memory.h"
#include "chardev/char-object.h"
#include "block/blockdev.h"
#include "gdbstub/gdbstub.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "hw/core/user-object.h"
#include "hw/i386/migration-config.h"
#include "migration/snapshot.h"
#include "migration/savestate.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/smbios/smbios.h"
#include "monitor/monitor.h"
#include "net/net.h"
#include "qemu/cutils.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/options.h"
#include "system/qtest.h"
#include "system/runstate.h"
#include "system/sandbox.h"
#include "system/system.h"
#include "target/i386/cpu.h"

#include <sys/mman.h>

static Options opts;

/* NULL: there is none of that name. */
static const MachineVersion *chosen_machine(void)
{
    return opts.machine_type ? machine_find(opts.machine_type) : machine_default();
}

/* Listings ("-M help") end the program with status 0. */
static bool print_listings(void)
{
    if (opts.machine_type && is_help_option(opts.machine_type)) {
        machine_print_help(stdout);
        return true;
    }
    if (keyval_has(opts.machine_props, "help")) {
        const MachineVersion *v = chosen_machine();

        if (v) { /* an unknown one is an error later */
            object_type_print_help(machine_object_type(v), stdout);
            return true;
        }
    }
    if (opts.cpu && is_help_option(opts.cpu)) {
        x86_cpu_print_help(stdout);
        return true;
    }
    for (guint i = 0; i < opts.accels->len; i++) {
        if (is_help_option(g_ptr_array_index(opts.accels, i))) {
            printf("Accelerators supported in QEMU binary:\n");
            for (const AccelOps *const *a = accel_table; *a; a++) {
                if (strcmp((*a)->name, "qtest")) { /* for tests */
                    printf("%s\n", (*a)->name);
                }
            }
            return true;
        }
    }
    for (guint i = 0; i < opts.chardevs->len; i++) {
        if (is_help_option(g_ptr_array_index(opts.chardevs, i))) {
            chardev_print_help(stdout);
            return true;
        }
    }
    for (guint i = 0; i < opts.objects->len; i++) {
        if (is_help_option(g_ptr_array_index(opts.objects, i))) {
            user_object_print_help(stdout);
            return true;
        }
    }
    for (guint i = 0; i < opts.netdevs->len; i++) {
        if (is_help_option(g_ptr_array_index(opts.netdevs, i))) {
            netdev_print_help(stdout);
            return true;
        }
    }
    for (guint i = 0; i < opts.nics->len; i++) {
        if (net_print_nic_help(g_ptr_array_index(opts.nics, i), stdout)) {
            return true;
        }
    }
    for (guint i = 0; i < opts.devices->len; i++) {
        const char *arg = g_ptr_array_index(opts.devices, i);
        g_auto(GStrv) parts = g_strsplit(arg, ",", 2);

        if (is_help_option(arg)) {
            qdev_print_device_help(stdout);
            return true;
        }
        if (parts[0] && parts[1] && is_help_option(parts[1])) {
            return qdev_print_type_help(parts[0], stdout);
        }
    }
    return false;
}

/* Machine */

static Object *add_container(Object *parent, const char *name)
{
    Object *obj = object_new(&type_container, &error_abort);

    if (parent) {
        object_add_child(parent, name, obj);
    }
    return obj;
}

static const MachineVersion *select_machine(Error **errp)
{
    const MachineVersion *v = chosen_machine();

    if (!v) {
        error_setg(errp, "unsupported machine type: \"%s\"", opts.machine_type);
        error_append_hint(errp, "Use -machine help to list supported machines\n");
    } else if (v->deprecation_reason) {
        warn_report("Machine type '%s' is deprecated: %s", v->name, v->deprecation_reason);
    }
    return v;
}

static void register_compat(const MachineVersion *v)
{
    for (const GlobalProperty *const *set = v->compat; set && *set; set++) {
        for (const GlobalProperty *g = *set; g->driver; g++) {
            global_property_add(g->driver, g->name, g->value, false);
        }
    }
}

static MachineState *machine_new(const MachineVersion *v, Error **errp)
{
    MachineState *ms = (MachineState *)object_new(machine_object_type(v), errp);

    if (!ms) {
        return NULL;
    }
    ms->version = v;
    ms->system_memory = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_memory, "system", UINT64_MAX);
    ms->memory = address_space_new("memory", ms->system_memory);
    ms->system_io = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_io, "io", 64 * KiB);
    ms->io = address_space_new("I/O", ms->system_io);
    ms->root = add_container(NULL, NULL);
    object_add_child(ms->root, "machine", &ms->object);
    add_container(ms->root, "objects");
    add_container(ms->root, "chardevs");
    ms->peripheral = add_container(&ms->object, "peripheral");
    ms->peripheral_anon = add_container(&ms->object, "peripheral-anon");
    ms->unattached = add_container(&ms->object, "unattached");
    return ms;
}

/* -machine properties that belong to accelerators are handled with them. */
static bool apply_machine_props(MachineState *ms, Error **errp)
{
    for (guint i = 0; i < opts.machine_props->items->len; i++) {
        const KeyvalItem *item = &g_array_index(opts.machine_props->items, KeyvalItem, i);
        g_autofree char *name = g_strdelimit(g_strdup(item->key), "_", '-');

        if (strcmp(name, "accel") && strcmp(name, "kernel-irqchip") &&
            !object_set_prop_str(&ms->object, name, item->value, errp)) {
            return false;
        }
    }
    return true;
}

static bool parse_irqchip_mode(const char *value, IrqChipMode *mode, Error **errp)
{
    static const char *const names[] = {
        [IRQCHIP_OFF] = "off", [IRQCHIP_SPLIT] = "split", [IRQCHIP_ON] = "on",
    };

    for (int i = IRQCHIP_OFF; i <= IRQCHIP_ON; i++) {
        if (!strcmp(value, names[i])) {
            *mode = i;
            return true;
        }
    }
    error_setg(errp, "Parameter 'kernel-irqchip' does not accept value '%s'", value);
    return false;
}

/* kernel-irqchip of -machine, then of the accelerator's own option. */
static bool set_irqchip_mode(MachineState *ms, const Keyval *accel_opts, Error **errp)
{
    const Keyval *const sources[] = { opts.machine_props, accel_opts };
    static const char *const keys[] = { "kernel-irqchip", "kernel_irqchip" };

    for (size_t s = 0; s < ARRAY_SIZE(sources); s++) {
        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
            const char *value = keyval_get(sources[s], keys[k]);

            if (value && !parse_irqchip_mode(value, &ms->irqchip_mode, errp)) {
                return false;
            }
        }
    }
    return true;
}

static bool create_objects(Error **errp)
{
    for (guint i = 0; i < opts.objects->len; i++) {
        const char *arg = g_ptr_array_index(opts.objects, i);

        error_loc_set_cmdline("object", arg);
        if (!user_object_add(arg, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

/* -m, the size of memory-backend=, or the default. */
static bool parse_ram_size(MachineState *ms, Error **errp)
{
    uint64_t bytes = opts.ram_size_bytes ? opts.ram_size_bytes : 128 * MiB, backend;

    if (ms->memory_backend) {
        if (!memory_backend_size(ms->memory_backend, &backend, errp)) {
            return false;
        }
        if (opts.ram_size_bytes && ROUND_UP(bytes, 8192) != backend) {
            error_setg(errp, "Machine memory size does not match the size of the memory backend");
            return false;
        }
        bytes = backend;
    }
    ms->ram_size_bytes = ROUND_UP(bytes, 8192); /* 0 beyond the last multiple */
    if (ms->ram_size_bytes == 0 || ms->ram_size_bytes > 4 * TiB) {
        error_setg(errp, "ram size too large");
        return false;
    }
    return true;
}

/* Accelerators */

static bool try_accel(MachineState *ms, const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "accel", errp);
    const AccelOps *accel;
    const char *name;

    if (!kv) {
        return false;
    }
    name = keyval_get(kv, "accel");
    accel = name ? accel_find(name) : NULL;
    if (!accel) {
        error_setg(errp, "invalid accelerator %s", name ? name : arg);
        return false;
    }
    if (!set_irqchip_mode(ms, kv, errp)) {
        return false;
    }
    ms->accel = accel;
    if (!accel->init_machine(ms, kv, errp)) {
        ms->accel = NULL;
        return false;
    }
    return true;
}

/* The accelerators to try, in order; *given: the user named them. */
static GPtrArray *accel_candidates(bool *given)
{
    const char *list = keyval_get(opts.machine_props, "accel");
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    *given = opts.accels->len || list;
    for (guint i = 0; i < opts.accels->len; i++) {
        g_ptr_array_add(names, g_strdup(g_ptr_array_index(opts.accels, i)));
    }
    if (!names->len && list) {
        g_auto(GStrv) parts = g_strsplit(list, ":", 0);

        for (char **part = parts; *part; part++) {
            g_ptr_array_add(names, g_strdup(*part));
        }
    }
    if (!*given && opts.qtest) {
        g_ptr_array_add(names, g_strdup("qtest"));
    }
    if (!*given && !opts.qtest) {
        /* QEMU's rule: the program's name decides what comes first. */
        bool prefer_kvm = g_str_has_suffix(error_progname(), "kvm");

        for (unsigned i = 0; i < 2; i++) {
            const char *name = prefer_kvm == (i == 0) ? "kvm" : "tcg";

            if (accel_find(name)) {
                g_ptr_array_add(names, g_strdup(name));
            }
        }
    }
    return names;
}

/* Each failure is reported as it happens; the first that works is taken. Without a choice of the
 * user's a machine with no CPUs can do without. */
static bool init_accel(MachineState *ms, Error **errp)
{
    bool given;
    GPtrArray *names = accel_candidates(&given);
    bool optional = !given && !ms->version->default_cpu_type;
    Error *err = NULL;

    for (guint i = 0; !ms->accel && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (err && !optional) {
            error_report_err(g_steal_pointer(&err));
        }
        g_clear_pointer(&err, error_free);
        if (opts.accels->len) { /* not with -machine accel= */
            error_loc_set_cmdline("accel", name);
        }
        if (try_accel(ms, name, &err) && i > 0 && !optional) {
            error_loc_set_cmdline(NULL, NULL);
            warn_report("falling back to %s", ms->accel->name);
        }
    }
    if (!ms->accel && !optional) {
        if (!err) {
            error_setg(&err, "no accelerator selected");
        }
        error_propagate(errp, err); /* with its place on the command line, which owns the names */
        return false;
    }
    error_loc_set_cmdline(NULL, NULL);
    error_free(err);
    g_ptr_array_free(names, TRUE);
    return !ms->accel || !ms->accel->create_irqchip || ms->accel->create_irqchip(ms, errp);
}

/* Character devices and monitors */

static bool create_chardevs(Error **errp)
{
    for (guint i = 0; i < opts.chardevs->len; i++) {
        const char *arg = g_ptr_array_index(opts.chardevs, i);

        error_loc_set_cmdline("chardev", arg);
        if (!chardev_new_from_opts(arg, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

/* What QEMU makes without options: a serial port and a monitor, on the terminal with -nographic,
 * else where nobody looks. */
static void add_defaults(void)
{
    bool console = opts.nographic && !opts.daemonize;

    if (opts.nodefaults) {
        return;
    }
    if (!opts.serials->len) {
        g_ptr_array_add(opts.serials, g_strdup(console && !opts.monitors->len && !opts.qmps->len &&
                                               !opts.mons->len ? "mon:stdio"
                                               : console ? "stdio" : "null"));
    }
}

static bool create_serials(Error **errp)
{
    if (opts.serials->len > MAX_SERIAL_PORTS) {
        error_setg(errp, "max %d serial ports", MAX_SERIAL_PORTS);
        return false;
    }
    for (guint i = 0; i < opts.serials->len; i++) {
        const char *arg = g_ptr_array_index(opts.serials, i);
        g_autofree char *id = g_strdup_printf("serial%u", i);
        Chardev *chr;
        bool none = false;

        error_loc_set_cmdline("serial", arg);
        chr = monitor_new_device_chardev(id, arg, &none, errp);
        if (!chr && !none) {
            error_prepend(errp, "could not connect serial device to character backend '%s': ",
                          arg);
            return false;
        }
        serial_hd_add(chr);
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

static bool create_debugcons(Error **errp)
{
    for (guint i = 0; i < opts.debugcons->len; i++) {
        const char *arg = g_ptr_array_index(opts.debugcons, i);
        g_autofree char *device = NULL;
        bool none = false;

        error_loc_set_cmdline("debugcon", arg);
        if (!monitor_new_device_chardev("debugcon", arg, &none, errp) && !none) {
            return false;
        }
        device = g_strdup("isa-debugcon,chardev=debugcon");
        if (!none && !qdev_device_add(device, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

static bool create_monitor_list(const char *opt, MonitorKind kind, GPtrArray *args, Error **errp)
{
    for (guint i = 0; i < args->len; i++) {
        error_loc_set_cmdline(opt, g_ptr_array_index(args, i));
        if (!monitor_init_short(kind, g_ptr_array_index(args, i), errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

static bool create_monitors(Error **errp)
{
    if (!create_monitor_list("monitor", MONITOR_HMP, opts.monitors, errp) ||
        !create_monitor_list("qmp", MONITOR_QMP, opts.qmps, errp) ||
        !create_monitor_list("qmp-pretty", MONITOR_QMP_PRETTY, opts.qmps_pretty, errp)) {
        return false;
    }
    for (guint i = 0; i < opts.mons->len; i++) {
        error_loc_set_cmdline("mon", g_ptr_array_index(opts.mons, i));
        if (!monitor_init_opts(g_ptr_array_index(opts.mons, i), errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

/* -blockdev, then -drive, as QEMU. */
static bool create_drives(MachineState *ms, Error **errp)
{
    unsigned ide_units = !g_strcmp0(ms->version->board->family, "pc_q35") ? 1 : 2;

    for (guint i = 0; i < opts.blockdevs->len; i++) {
        const char *arg = g_ptr_array_index(opts.blockdevs, i);

        error_loc_set_cmdline("blockdev", arg);
        if (!blockdev_add_option(arg, errp)) {
            return false;
        }
    }
    for (guint i = 0; i < opts.drives->len; i++) {
        const char *arg = g_ptr_array_index(opts.drives, i);

        error_loc_set_cmdline("drive", arg);
        if (!drive_add_option(arg, ide_units, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    drive_add_devices(opts.devices);
    return true;
}

static bool create_net(Error **errp)
{
    for (guint i = 0; i < opts.netdevs->len; i++) {
        const char *arg = g_ptr_array_index(opts.netdevs, i);

        error_loc_set_cmdline("netdev", arg);
        if (!netdev_add_option(arg, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return net_add_nics(opts.nics, opts.nets, opts.devices, errp);
}

/* -smbios; its uuid= is the machine's. */
static bool read_smbios(MachineState *ms, Error **errp)
{
    ms->smbios = smbios_options_new();
    for (guint i = 0; i < opts.smbios->len; i++) {
        const char *arg = g_ptr_array_index(opts.smbios, i);

        error_loc_set_cmdline("smbios", arg);
        if (!smbios_add_option(ms->smbios, arg, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    if (smbios_uuid(ms->smbios)) {
        vm_set_identity(opts.name, smbios_uuid(ms->smbios));
    }
    return true;
}

static bool create_fw_cfg_files(Error **errp)
{
    for (guint i = 0; i < opts.fw_cfgs->len; i++) {
        const char *arg = g_ptr_array_index(opts.fw_cfgs, i);

        error_loc_set_cmdline("fw_cfg", arg);
        if (!fw_cfg_add_option(arg, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

static bool create_gdbserver(Error **errp)
{
    if (!opts.gdb) {
        return true;
    }
    error_loc_set_cmdline("gdb", opts.gdb);
    if (!gdbserver_start(opts.gdb, monitor_run_line, errp)) {
        return false;
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}

static bool create_devices(Error **errp)
{
    for (guint i = 0; i < opts.devices->len; i++) {
        const char *arg = g_ptr_array_index(opts.devices, i);

        error_loc_set_cmdline("device", arg);
        if (!qdev_device_add(arg, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return drive_check_claimed(errp);
}

/* The VM has stopped: what the guest wrote goes to stable storage. */
static void rest_disks(void)
{
    blk_drain_all();
    bdrv_flush_all();
}

/* Life cycle */

static void tell_net(VmEvent event, ShutdownCause cause)
{
    if (event == VM_EVENT_STOP || event == VM_EVENT_RESUME) {
        net_set_vm_running(event == VM_EVENT_RESUME);
    }
}

static void *find_chardev(const char *id)
{
    return chardev_find(id);
}

static const char *name_chardev(const void *chr)
{
    return chardev_id(chr);
}

static void set_string(char **field, const char *value)
{
    if (value) {
        g_free(*field);
        *field = g_strdup(value);
    }
}

static bool build_machine(Error **errp)
{
    const MachineVersion *v = select_machine(errp);
    MachineState *ms = v ? machine_new(v, errp) : NULL;

    if (!ms) {
        return false;
    }
    current_machine = ms;
    register_compat(v);
    set_string(&ms->cpu_model, opts.cpu ? opts.cpu : v->default_cpu_type);
    if (!create_objects(errp) || !apply_machine_props(ms, errp) || !parse_ram_size(ms, errp) ||
        !machine_parse_smp(v, opts.smp, &ms->smp, errp)) {
        return false;
    }
    set_string(&ms->kernel_filename, opts.kernel);
    set_string(&ms->initrd_filename, opts.initrd);
    set_string(&ms->kernel_cmdline, opts.append);
    if (!ms->kernel_filename && (ms->initrd_filename || opts.append)) {
        error_setg(errp, opts.append ? "-append only allowed with -kernel option"
                                     : "-initrd only allowed with -kernel option");
        return false;
    }
    return read_smbios(ms, errp) && create_chardevs(errp) && create_serials(errp) &&
           create_drives(ms, errp) && init_accel(ms, errp) && create_net(errp) &&
           v->board->init(ms, errp) && create_fw_cfg_files(errp) && create_debugcons(errp) &&
           create_devices(errp) && (!v->board->finish || v->board->finish(ms, errp));
}

static bool start(Error **errp)
{
    if (opts.daemonize && !daemonize_start(errp)) {
        return false;
    }
    bql_lock();
    main_loop_init();
    signals_init();
    if (opts.pidfile && !pidfile_create(opts.pidfile, errp)) {
        return false;
    }
    if (opts.qtest) {
        qemu_clock_set_manual();
    }
    add_defaults();
    vm_set_identity(opts.name, opts.uuid);
    error_set_prefix(opts.msg_timestamp, opts.msg_guest_name ? opts.name : NULL);
    object_set_chardev_resolver(find_chardev, name_chardev);
    vm_set_stopped_handler(rest_disks);
    vm_add_event_listener(tell_net);
    vm_set_start_handler(bdrv_activate_all);
    bdrv_open_inactive(opts.incoming != NULL);
    migration_init(&x86_migration_ops);
    vm_set_reboot_action(opts.no_reboot);
    vm_set_shutdown_action(opts.no_shutdown);
    if (!build_machine(errp) || !create_monitors(errp)) {
        return false;
    }
    chardev_add_objects(object_get_child(current_machine->root, "chardevs"));
    global_property_warn_unused();
    net_warn_unconnected();
    if (current_machine->version->board->reset) {
        current_machine->version->board->reset(current_machine);
    }
    if (!create_gdbserver(errp)) {
        return false;
    }
    if (opts.mem_lock && mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
        error_setg_errno(errp, errno, "locking memory failed");
        return false;
    }
    qdev_machine_complete();
    if (opts.qtest && !qtest_start(opts.qtest, opts.qtest_log, errp)) {
        return false;
    }
    if (opts.loadvm && !snapshot_load(opts.loadvm, NULL, NULL, errp)) {
        return false;
    }
    if (opts.incoming && !migration_incoming_start(opts.incoming, !opts.start_paused, errp)) {
        return false;
    }
    if (!sandbox_enter(opts.sandbox, errp)) {
        return false;
    }
    daemonize_ready();
    return opts.start_paused || opts.incoming || vm_start(errp);
}

static void stop(void)
{
    if (runstate_is_running()) {
        vm_remove_event_listeners(); /* clients expect no STOP after SHUTDOWN here */
        vm_stop(RUN_STATE_SHUTDOWN);
    }
    migration_cleanup();
    gdbserver_cleanup(vm_exit_status());
    cpus_destroy_all();
    blockdev_close_all();
    net_cleanup();
    monitor_cleanup();
    chardev_cleanup();
    pidfile_remove();
}

static bool dump_vmstate(Error **errp)
{
    const MachineVersion *v = select_machine(errp);
    g_autoptr(GString) text = g_string_new(NULL);
    FILE *f = v ? fopen(opts.dump_vmstate, "w") : NULL;
    bool ok;

    if (!f) {
        if (v) {
            error_setg_errno(errp, errno, "open %s", opts.dump_vmstate);
        }
        return false;
    }
    device_states_dump(v->name, text);
    ok = fputs(text->str, f) >= 0;
    if (fclose(f) || !ok) {
        error_setg_errno(errp, errno, "write %s", opts.dump_vmstate);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    Error *err = NULL;
    bool done;
    int status = EXIT_FAILURE;

    error_init(argv[0]);
    if (!options_parse(argc, argv, &opts, &done, &err)) {
        error_report_err(err);
        return EXIT_FAILURE;
    }
    if (done || print_listings()) {
        return EXIT_SUCCESS;
    }
    if (opts.dump_vmstate) {
        error_loc_set_cmdline("dump-vmstate", opts.dump_vmstate);
        if (dump_vmstate(&err)) {
            return EXIT_SUCCESS;
        }
        error_report_err(err);
        return EXIT_FAILURE;
    }
    if (start(&err)) {
        main_loop_run();
        status = vm_exit_status();
    } else {
        error_report_err(err);
    }
    stop();
    return status;
}
