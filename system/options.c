/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one row an option, from which parsing and -help follow. Main thread. */
#include "qemu/osdep.h"
#include "hw/core/object.h"
#include "qemu/fdset.h"
#include "qemu/log.h"
#include "system/options.h"
#include "system/sandbox.h"
#include "system/system.h"

/* How the argument is kept. */
typedef enum OptionKind {
    OPT_FLAG,   /* no argument: sets a bool */
    OPT_STRING, /* the last one wins */
    OPT_LIST,   /* all of them, in a GPtrArray */
    OPT_CALL,   /* a function handles it; argument as OptionRow.arg says */
    OPT_IGNORE, /* accepted, means nothing here; takes an argument */
} OptionKind;

typedef struct OptionRow {
    const char *name;
    const char *arg;  /* what -help shows for the argument; NULL: the option takes none */
    OptionKind kind;
    size_t offset;    /* in Options */
    bool (*call)(Options *o, const char *arg, bool *done, Error **errp);
    const char *help; /* NULL: another name of the row above */
} OptionRow;

static bool opt_version(Options *o, const char *arg, bool *done, Error **errp)
{
    printf("QEMU emulator version %s%s\n"
           "Copyright (c) the x2apic-seoib project contributors\n",
           QEMU_VERSION, CONFIG_PKGVERSION[0] ? " (" CONFIG_PKGVERSION ")" : "");
    *done = true;
    return true;
}

static void add_all(Keyval *to, const Keyval *from, const char *skip)
{
    for (guint i = 0; i < from->items->len; i++) {
        const KeyvalItem *item = &g_array_index(from->items, KeyvalItem, i);

        if (!skip || strcmp(item->key, skip)) {
            keyval_add(to, item->key, item->value);
        }
    }
}

static bool opt_machine(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "type", errp);
    const char *type;

    if (!kv) {
        return false;
    }
    type = keyval_get(kv, "type");
    if (type) {
        o->machine_type = g_strdup(type);
    }
    add_all(o->machine_props, kv, "type");
    return true;
}

static bool opt_memory(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "size", errp);

    if (!kv) {
        return false;
    }
    if (!keyval_get_size(kv, "size", MiB, &o->ram_size_bytes, errp)) {
        return false;
    }
    if (keyval_has(kv, "slots") || keyval_has(kv, "maxmem")) {
        error_setg(errp, "memory hot-plug (slots, maxmem) is not supported");
        return false;
    }
    return keyval_check_unused(kv, errp);
}

static bool opt_enable_kvm(Options *o, const char *arg, bool *done, Error **errp)
{
    g_ptr_array_add(o->accels, g_strdup("kvm"));
    return true;
}

static bool opt_gdb_default(Options *o, const char *arg, bool *done, Error **errp)
{
    o->gdb = GDB_DEFAULT_DEVICE;
    return true;
}

/* -global driver.property=value or driver=D,property=P,value=V */
static bool opt_global(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = NULL;
    const char *dot = strchr(arg, '.'), *eq = strchr(arg, '=');
    const char *driver, *property, *value;

    if (dot && eq && dot < eq && dot > arg) {
        g_autofree char *name = g_strndup(arg, (gsize)(dot - arg));
        g_autofree char *prop = g_strndup(dot + 1, (gsize)(eq - dot - 1));

        global_property_add(name, prop, eq + 1, true);
        return true;
    }
    kv = keyval_parse(arg, NULL, errp);
    if (!kv) {
        return false;
    }
    driver = keyval_get(kv, "driver");
    property = keyval_get(kv, "property");
    value = keyval_get(kv, "value");
    if (!keyval_check_unused(kv, errp)) {
        return false;
    }
    if (!driver || !property || !value) {
        error_setg(errp, "options 'driver', 'property', and 'value' are required");
        return false;
    }
    global_property_add(driver, property, value, true);
    return true;
}

static bool opt_name(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "guest", errp);
    bool debug_threads = false;

    if (!kv) {
        return false;
    }
    o->name = g_strdup(keyval_get(kv, "guest"));
    keyval_get(kv, "process");
    return keyval_get_bool(kv, "debug-threads", &debug_threads, errp) &&
           keyval_check_unused(kv, errp);
}

static bool uuid_valid(const char *s)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s[i] != '-' : !g_ascii_isxdigit(s[i])) {
            return false;
        }
    }
    return s[36] == '\0';
}

static bool opt_uuid(Options *o, const char *arg, bool *done, Error **errp)
{
    if (!uuid_valid(arg)) {
        error_setg(errp, "failed to parse UUID string: wrong format");
        return false;
    }
    o->uuid = g_ascii_strdown(arg, -1);
    return true;
}

static bool opt_display(Options *o, const char *arg, bool *done, Error **errp)
{
    if (!strcmp(arg, "help")) {
        printf("Available display backend types:\nnone\n");
        *done = true;
        return true;
    }
    if (strcmp(arg, "none") && !g_str_has_prefix(arg, "none,")) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", arg);
        error_append_hint(errp, "only -display none is built in\n");
        return false;
    }
    o->display_none = true;
    return true;
}

/* Options whose only value we can honour is "none" (and its synonyms). */
static bool opt_only_none(Options *o, const char *arg, bool *done, Error **errp)
{
    if (!strcmp(arg, "none") || !strcmp(arg, "off")) {
        return true;
    }
    error_setg(errp, "only 'none' is supported");
    return false;
}

static bool opt_log_items(Options *o, const char *arg, bool *done, Error **errp)
{
    int mask;

    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        qemu_log_print_help(stdout);
        *done = true;
        return true;
    }
    if (!strcmp(arg, "trace:help")) {
        trace_print_help(stdout);
        *done = true;
        return true;
    }
    if (!qemu_log_parse(arg, &mask, errp)) {
        return false;
    }
    qemu_loglevel |= mask;
    return true;
}

static bool opt_log_file(Options *o, const char *arg, bool *done, Error **errp)
{
    return qemu_log_set_file(arg, errp);
}

static bool opt_trace(Options *o, const char *arg, bool *done, Error **errp)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        trace_print_help(stdout);
        *done = true;
        return true;
    }
    return trace_parse_option(arg, errp);
}

static bool opt_rtc(Options *o, const char *arg, bool *done, Error **errp)
{
    return rtc_base_parse(arg, errp);
}

/* -action reboot=reset|shutdown,shutdown=poweroff|pause,panic=...,watchdog=... */
static bool opt_action(Options *o, const char *arg, bool *done, Error **errp)
{
    static const struct {
        const char *event, *values[5];
    } rows[] = {
        { "reboot", { "reset", "shutdown" } },
        { "shutdown", { "poweroff", "pause" } },
        { "panic", { "pause", "shutdown", "exit-failure", "none" } },
        { "watchdog", { "reset", "shutdown", "poweroff", "pause" } },
    };
    g_autoptr(Keyval) kv = keyval_parse(arg, NULL, errp);

    if (!kv) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *value = keyval_get(kv, rows[i].event);

        if (value && !g_strv_contains(rows[i].values, value)) {
            error_setg(errp, "Parameter '%s' does not accept value '%s'", rows[i].event, value);
            return false;
        }
    }
    if (keyval_has(kv, "reboot")) {
        o->no_reboot = !strcmp(keyval_get(kv, "reboot"), "shutdown");
    }
    if (keyval_has(kv, "shutdown")) {
        o->no_shutdown = !strcmp(keyval_get(kv, "shutdown"), "pause");
    }
    return keyval_check_unused(kv, errp);
}

/* A file name in a -drive argument: its commas are doubled. */
static void add_drive(Options *o, const char *what, const char *file)
{
    g_auto(GStrv) parts = g_strsplit(file, ",", 0);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_ptr_array_add(o->drives, g_strconcat(what, ",file=", escaped, NULL));
}

static bool opt_hda(Options *o, const char *arg, bool *done, Error **errp)
{
    add_drive(o, "index=0,media=disk", arg);
    return true;
}

static bool opt_hdb(Options *o, const char *arg, bool *done, Error **errp)
{
    add_drive(o, "index=1,media=disk", arg);
    return true;
}

static bool opt_hdc(Options *o, const char *arg, bool *done, Error **errp)
{
    add_drive(o, "index=2,media=disk", arg);
    return true;
}

static bool opt_hdd(Options *o, const char *arg, bool *done, Error **errp)
{
    add_drive(o, "index=3,media=disk", arg);
    return true;
}

static bool opt_cdrom(Options *o, const char *arg, bool *done, Error **errp)
{
    add_drive(o, "index=2,media=cdrom", arg);
    return true;
}

static bool opt_add_fd(Options *o, const char *arg, bool *done, Error **errp)
{
    return fdset_add_from_opts(arg, errp);
}

static bool opt_overcommit(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, NULL, errp);
    bool cpu_pm = false;

    if (!kv || !keyval_get_bool(kv, "mem-lock", &o->mem_lock, errp) ||
        !keyval_get_bool(kv, "cpu-pm", &cpu_pm, errp) || !keyval_check_unused(kv, errp)) {
        return false;
    }
    if (cpu_pm) {
        error_setg(errp, "cpu-pm=on is not supported");
    }
    return !cpu_pm;
}

static bool opt_sandbox(Options *o, const char *arg, bool *done, Error **errp)
{
    return sandbox_parse(arg, &o->sandbox, errp);
}

static bool opt_audiodev(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv =
        *arg == '{' ? keyval_parse_json(arg, errp) : keyval_parse(arg, "driver", errp);
    const char *driver;

    if (!kv) {
        return false;
    }
    if (!keyval_get(kv, "id")) {
        error_setg(errp, "Parameter 'id' is missing");
        return false;
    }
    driver = keyval_get(kv, "driver");
    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return false;
    }
    if (strcmp(driver, "none")) {
        error_setg(errp, "Parameter 'driver' does not accept value '%s'", driver);
        error_append_hint(errp, "only audio driver 'none' is built in\n");
        return false;
    }
    return keyval_check_unused(kv, errp);
}

static bool opt_msg(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, NULL, errp);

    return kv && keyval_get_bool(kv, "timestamp", &o->msg_timestamp, errp) &&
           keyval_get_bool(kv, "guest-name", &o->msg_guest_name, errp) &&
           keyval_check_unused(kv, errp);
}

/* Letters of drives, each once. */
static bool check_boot_order(const char *order, Error **errp)
{
    for (const char *p = order ? order : ""; *p; p++) {
        if (*p < 'a' || *p > 'p') {
            error_setg(errp, "Invalid boot device '%c'", *p);
            return false;
        }
        if (memchr(order, *p, (size_t)(p - order))) {
            error_setg(errp, "Boot device '%c' was given twice", *p);
            return false;
        }
    }
    return true;
}

static bool opt_boot(Options *o, const char *arg, bool *done, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, "order", errp);
    uint64_t ms = 0;
    bool flag;

    if (!kv || !check_boot_order(keyval_get(kv, "order"), errp) ||
        !check_boot_order(keyval_get(kv, "once"), errp)) {
        return false;
    }
    keyval_get(kv, "splash");
    keyval_get(kv, "reboot-timeout"); /* -1 is a value, too */
    return keyval_get_bool(kv, "menu", &flag, errp) &&
           keyval_get_bool(kv, "strict", &flag, errp) &&
           keyval_get_u64(kv, "splash-time", &ms, errp) && keyval_check_unused(kv, errp);
}

static bool opt_no_acpi(Options *o, const char *arg, bool *done, Error **errp)
{
    keyval_add(o->machine_props, "acpi", "off");
    return true;
}

static bool opt_no_hpet(Options *o, const char *arg, bool *done, Error **errp)
{
    keyval_add(o->machine_props, "hpet", "off");
    return true;
}

static bool opt_help(Options *o, const char *arg, bool *done, Error **errp);

#define O(field) offsetof(Options, field)

/* Rows in the order of -help. */
static const OptionRow rows[] = {
    { "h", NULL, OPT_CALL, 0, opt_help, "display this help and exit" },
    { "help", NULL, OPT_CALL, 0, opt_help, NULL },
    { "version", NULL, OPT_CALL, 0, opt_version, "display version information and exit" },
    { "machine", "[type=]name[,prop[=value][,...]]", OPT_CALL, 0, opt_machine,
      "selects emulated machine ('-machine help' for list)\n"
      "accel=accel1[:accel2[:...]], kernel-irqchip=on|off|split,\n"
      "hpet=on|off, acpi=on|off, pit=on|off, pic=on|off" },
    { "M", "", OPT_CALL, 0, opt_machine, NULL },
    { "cpu", "cpu", OPT_STRING, O(cpu), NULL, "select CPU ('-cpu help' for list)" },
    { "accel", "[accel=]accelerator[,prop[=value][,...]]", OPT_LIST, O(accels), NULL,
      "select accelerator ('-accel help' for list)\nkernel-irqchip=on|off|split" },
    { "smp", "[[cpus=]n][,maxcpus=n][,sockets=n][,dies=n][,modules=n][,cores=n][,threads=n]",
      OPT_STRING, O(smp), NULL, "set the number of initial CPUs and their topology" },
    { "m", "[size=]megs[,slots=n,maxmem=size]", OPT_CALL, 0, opt_memory,
      "configure guest RAM (default 128 MiB; suffixes K M G)" },
    { "name", "string1[,process=string2][,debug-threads=on|off]", OPT_CALL, 0, opt_name,
      "set the name of the guest" },
    { "uuid", "%08x-%04x-%04x-%04x-%012x", OPT_CALL, 0, opt_uuid, "specify machine UUID" },
    { "smbios", "file=binary | type=n[,field=value][,...]", OPT_LIST, O(smbios), NULL,
      "load an SMBIOS structure, or set fields of one: -smbios type=1,serial=X,uuid=U" },
    { "fw_cfg", "[name=]name,file=file|string=text", OPT_LIST, O(fw_cfgs), NULL,
      "add a file for firmware and guests (names begin with opt/)" },
    { "device", "driver[,prop[=value][,...]]", OPT_LIST, O(devices), NULL,
      "add device ('-device help' for list, '-device driver,help' for properties)" },
    { "object", "typename[,prop[=value][,...]]", OPT_LIST, O(objects), NULL,
      "create an object that devices refer to ('-object help' for types)" },
    { "global", "driver.property=value", OPT_CALL, 0, opt_global,
      "set a property default for all devices of a type" },
    { "blockdev", "[driver=]driver[,node-name=N][,discard=ignore|unmap][,...]", OPT_LIST,
      O(blockdevs), NULL, "configure a block node" },
    { "drive", "[file=file][,if=type][,bus=n][,unit=m][,media=d][,index=i][,format=f]...", OPT_LIST,
      O(drives), NULL,
      "use 'file' as a drive image\n"
      "cache=writethrough|writeback|none|unsafe|directsync, werror=report|ignore|enospc|stop,\n"
      "rerror=report|ignore|stop, discard=ignore|unmap, detect-zeroes=on|off|unmap, id=name" },
    { "hda", "file", OPT_CALL, 0, opt_hda, "use 'file' as hard disk 0 image (-hdb, -hdc, -hdd: 1..3)" },
    { "hdb", "file", OPT_CALL, 0, opt_hdb, NULL },
    { "hdc", "file", OPT_CALL, 0, opt_hdc, NULL },
    { "hdd", "file", OPT_CALL, 0, opt_hdd, NULL },
    { "cdrom", "file", OPT_CALL, 0, opt_cdrom, "use 'file' as CD-ROM image" },
    { "kernel", "bzImage", OPT_STRING, O(kernel), NULL,
      "use 'bzImage' as kernel image (Linux bzImage, PVH or multiboot ELF)" },
    { "initrd", "file", OPT_STRING, O(initrd), NULL,
      "use 'file' as initial ram disk (multiboot: 'file args,file2 args')" },
    { "append", "cmdline", OPT_STRING, O(append), NULL, "use 'cmdline' as kernel command line" },
    { "display", "none", OPT_CALL, 0, opt_display, "select display backend type" },
    { "nographic", NULL, OPT_FLAG, O(nographic), NULL,
      "no graphics; serial port and monitor on standard input and output" },
    { "vga", "none", OPT_CALL, 0, opt_only_none, "select video card type" },
    { "netdev", "[type=]user|tap|socket|stream|dgram,id=id[,...]", OPT_LIST, O(netdevs), NULL,
      "make a network back end ('-netdev help' for types)" },
    { "nic", "[type=]type[,mac=addr][,model=name][,...]", OPT_LIST, O(nics), NULL,
      "make a network back end with a device on it; none: no network" },
    { "net", "nic|type[,...]", OPT_LIST, O(nets), NULL,
      "old way to make a network device and a back end; none: no network" },
    { "parallel", "none", OPT_CALL, 0, opt_only_none, "no parallel port" },
    { "chardev", "backend,id=id[,...]", OPT_LIST, O(chardevs), NULL,
      "add a character device ('-chardev help' for back ends)" },
    { "serial", "dev", OPT_LIST, O(serials), NULL, "redirect the serial port to char device 'dev'" },
    { "debugcon", "dev", OPT_LIST, O(debugcons), NULL,
      "redirect the debug console (port 0xe9) to char device 'dev'" },
    { "monitor", "dev", OPT_LIST, O(monitors), NULL, "redirect the monitor to char device 'dev'" },
    { "qmp", "dev", OPT_LIST, O(qmps), NULL, "like -monitor but opens in 'control' mode" },
    { "qmp-pretty", "dev", OPT_LIST, O(qmps_pretty), NULL, "like -qmp but uses pretty JSON" },
    { "mon", "[chardev=]name[,mode=readline|control][,pretty=on|off]", OPT_LIST, O(mons), NULL,
      "put a monitor on a -chardev" },
    { "pidfile", "file", OPT_STRING, O(pidfile), NULL, "write PID to 'file'" },
    { "dump-vmstate", "file", OPT_STRING, O(dump_vmstate), NULL,
      "write the tables of migration state to 'file' as JSON" },
    { "daemonize", NULL, OPT_FLAG, O(daemonize), NULL, "detach once everything is ready" },
    { "S", NULL, OPT_FLAG, O(start_paused), NULL,
      "freeze CPU at startup (use 'c' to start execution)" },
    { "loadvm", "[tag|id]", OPT_STRING, O(loadvm), NULL,
      "start right away with a saved state (loadvm in monitor)" },
    { "incoming", "uri", OPT_STRING, O(incoming), NULL,
      "receive a machine from 'uri', or wait for migrate-incoming ('defer')" },
    { "gdb", "dev", OPT_STRING, O(gdb), NULL,
      "accept gdb connections on 'dev' (-gdb tcp::1234, -gdb stdio)" },
    { "s", NULL, OPT_CALL, 0, opt_gdb_default, "shorthand for -gdb " GDB_DEFAULT_DEVICE },
    { "rtc", "[base=utc|localtime|date][,clock=host]", OPT_CALL, 0, opt_rtc,
      "set the RTC base and clock" },
    { "d", "item1,...", OPT_CALL, 0, opt_log_items,
      "enable logging of specified items ('-d help' for list)" },
    { "D", "logfile", OPT_CALL, 0, opt_log_file, "output log to logfile (default stderr)" },
    { "trace", "[[enable=]<pattern>][,events=<file>][,file=<file>]", OPT_CALL, 0, opt_trace,
      "specify tracing options" },
    { "qtest", "dev", OPT_STRING, O(qtest), NULL,
      "let a test drive the devices through char device 'dev'" },
    { "qtest-log", "file", OPT_STRING, O(qtest_log), NULL,
      "log what the test says to 'file' ('none': nowhere)" },
    { "enable-kvm", NULL, OPT_CALL, 0, opt_enable_kvm, "enable KVM full virtualization support" },
    { "overcommit", "[mem-lock=on|off][,cpu-pm=on|off]", OPT_CALL, 0, opt_overcommit,
      "mem-lock=on keeps all memory resident" },
    { "sandbox",
      "on[,obsolete=allow|deny][,elevateprivileges=allow|deny|children]\n"
      "          [,spawn=allow|deny][,resourcecontrol=allow|deny]", OPT_CALL, 0, opt_sandbox,
      "allow only the system calls of a running VM (default 'off')\n"
      "obsolete: calls that C libraries no longer make (default: deny)\n"
      "elevateprivileges: set*uid and set*gid; 'children' is 'deny'\n"
      "spawn: new processes and other programs (new threads always work)\n"
      "resourcecontrol: scheduling and CPU affinity; denied, these calls fail" },
    { "add-fd", "fd=fd[,set=set][,opaque=opaque]", OPT_CALL, 0, opt_add_fd,
      "add 'fd' to fd 'set'; its files are opened as /dev/fdset/SET" },
    { "audiodev", "[driver=]none,id=id", OPT_CALL, 0, opt_audiodev, "specify the audio backend" },
    { "no-acpi", NULL, OPT_CALL, 0, opt_no_acpi, "disable ACPI" },
    { "no-hpet", NULL, OPT_CALL, 0, opt_no_hpet, "disable HPET" },
    { "no-reboot", NULL, OPT_FLAG, O(no_reboot), NULL, "exit instead of rebooting" },
    { "no-shutdown", NULL, OPT_FLAG, O(no_shutdown), NULL, "stop before shutdown" },
    { "action", "reboot=reset|shutdown[,shutdown=poweroff|pause]", OPT_CALL, 0, opt_action,
      "action when the guest reboots or shuts down" },
    { "nodefaults", NULL, OPT_FLAG, O(nodefaults), NULL, "don't create default devices" },
    { "no-user-config", NULL, OPT_IGNORE, 0, NULL, "don't load default user-provided config files" },
    { "L", "path", OPT_IGNORE, 0, NULL, "set the directory for firmware (accepted, not used yet)" },
    { "boot", "[order=drives][,once=drives][,menu=on|off][,strict=on|off]", OPT_CALL, 0, opt_boot,
      "boot order (firmware is not built in yet: checked, not used)" },
    { "msg", "[timestamp=on|off][,guest-name=on|off]", OPT_CALL, 0, opt_msg,
      "begin messages with the time, with the guest's name" },
};

static bool opt_help(Options *o, const char *arg, bool *done, Error **errp)
{
    printf("QEMU emulator version %s\nusage: %s [options]\n\n", QEMU_VERSION, error_progname());
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const OptionRow *row = &rows[i];
        g_auto(GStrv) lines = g_strsplit(row->help ? row->help : "same", "\n", 0);
        g_autofree char *head = g_strdup_printf("-%s%s%s", row->name, row->arg ? " " : "",
                                                row->arg ? row->arg : "");

        if (!row->help) {
            continue;
        }
        if (strlen(head) > 15) {
            printf("%s\n%-15s ", head, "");
        } else {
            printf("%-15s ", head);
        }
        for (char **line = lines; *line; line++) {
            printf(line == lines ? "%s\n" : "                %s\n", *line);
        }
    }
    *done = true;
    return true;
}

static const OptionRow *find_option(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!strcmp(rows[i].name, name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool apply(const OptionRow *row, Options *o, const char *arg, bool *done, Error **errp)
{
    void *field = (char *)o + row->offset;

    if (arg && option_params_print_help(row->name, arg, stdout)) {
        *done = true;
        return true;
    }
    switch (row->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return true;
    case OPT_STRING:
        *(const char **)field = arg;
        return true;
    case OPT_LIST:
        g_ptr_array_add(*(GPtrArray **)field, g_strdup(arg));
        return true;
    case OPT_CALL:
        return row->call(o, arg, done, errp);
    default:
        return true;
    }
}

static void options_init(Options *o)
{
    *o = (Options){ .machine_props = keyval_new() };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].kind == OPT_LIST) {
            GPtrArray **list = (GPtrArray **)(void *)((char *)o + rows[i].offset);

            *list = g_ptr_array_new_with_free_func(g_free);
        }
    }
}

bool options_parse(int argc, char **argv, Options *o, bool *done, Error **errp)
{
    options_init(o);
    *done = false;
    for (int i = 1; i < argc && !*done; i++) {
        const char *opt = argv[i], *arg = NULL;
        const OptionRow *row;

        if (*opt != '-') {
            add_drive(o, "index=0,media=disk", opt); /* QEMU: a bare name is -hda */
            continue;
        }
        opt += opt[1] == '-' ? 2 : 1;
        row = find_option(opt);
        if (!row) {
            error_loc_set_cmdline(argv[i] + 1, NULL); /* with the second dash, if any */
            error_setg(errp, "invalid option");
            return false;
        }
        if (row->arg) {
            if (i + 1 >= argc) {
                error_loc_set_cmdline(opt, NULL);
                error_setg(errp, "requires an argument");
                return false;
            }
            arg = argv[++i];
        }
        error_loc_set_cmdline(opt, arg);
        if (!apply(row, o, arg, done, errp)) {
            return false;
        }
    }
    error_loc_set_cmdline(NULL, NULL);
    return true;
}
