/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which parameters the options of the command line take, for query-command-line-options and
 * "-OPTION help". A functional test passes each to its option. Main thread. */
#include "qemu/osdep.h"
#include "system/options.h"

#define STR(_name, ...)  { _name, OPTION_PARAM_STRING, ##__VA_ARGS__ }
#define BOOL(_name, ...) { _name, OPTION_PARAM_BOOL, ##__VA_ARGS__ }
#define NUM(_name, ...)  { _name, OPTION_PARAM_NUMBER, ##__VA_ARGS__ }
#define SIZE(_name, ...) { _name, OPTION_PARAM_SIZE, ##__VA_ARGS__ }
#define PARAMS(...)      (const OptionParam[]) { __VA_ARGS__, { NULL } }

const OptionParams option_params[] = {
    { "accel", NULL },
    { "action", PARAMS(STR("reboot"), STR("shutdown"), STR("panic"), STR("watchdog")) },
    { "add-fd", PARAMS(NUM("fd"), NUM("set"), STR("opaque")) },
    { "boot-opts",
      PARAMS(STR("order"), STR("once"), BOOL("menu"), STR("splash"), NUM("splash-time"),
             NUM("reboot-timeout"), BOOL("strict")), true },
    { "chardev",
      PARAMS(STR("backend"), STR("path"), STR("host"), STR("port"), STR("fd"), STR("to"),
             BOOL("ipv4"), BOOL("ipv6"), BOOL("wait"), BOOL("server"), BOOL("delay"),
             BOOL("nodelay"), NUM("reconnect"), NUM("reconnect-ms"), BOOL("mux"), BOOL("signal"),
             SIZE("size"), BOOL("append"), STR("input-path"), STR("logfile"), BOOL("logappend"),
             BOOL("abstract"), BOOL("tight")) },
    { "device", NULL },
    { "drive",
      PARAMS(STR("if", "interface (ide, scsi, virtio, none, ...)"), NUM("bus", "bus number"),
             NUM("unit", "unit number"), NUM("index", "index number"),
             STR("media", "media type (disk, cdrom)"), STR("file", "file name"),
             STR("format", "disk format (raw, qcow2, ...)"),
             BOOL("snapshot", "enable/disable snapshot mode"),
             STR("aio", "host AIO implementation (threads, native, io_uring)"),
             STR("cache"), STR("werror", "write error action"),
             STR("rerror", "read error action"), BOOL("read-only", "open drive file as read-only"),
             STR("discard", "discard operation (ignore/off, unmap/on)"),
             STR("detect-zeroes", "try to optimize zero writes (off, on, unmap)")) },
    { "fw_cfg",
      PARAMS(STR("name", "name of the file"), STR("file", "its contents from a file"),
             STR("string", "its contents")), true },
    { "global", PARAMS(STR("driver"), STR("property"), STR("value")), true },
    { "machine",
      PARAMS(STR("type", "emulated machine"), STR("accel", "accelerator list"),
             STR("kernel-irqchip", "interrupt controllers in the kernel: on, off or split")) },
    { "memory", PARAMS(SIZE("size")) },
    { "mon", PARAMS(STR("mode"), STR("chardev"), BOOL("pretty")) },
    { "msg",
      PARAMS(BOOL("timestamp"),
             BOOL("guest-name", "begin messages with the guest's name")), true },
    { "name",
      PARAMS(STR("guest"), STR("process"),
             BOOL("debug-threads", "when on, name the threads of vCPUs")) },
    { "net", NULL },
    { "netdev", NULL },
    { "nic", NULL },
    { "object", NULL },
    { "overcommit", PARAMS(BOOL("mem-lock"), BOOL("cpu-pm")), true },
    { "rtc", PARAMS(STR("base"), STR("clock"), STR("driftfix")), true },
    { "sandbox",
      PARAMS(BOOL("enable"), STR("obsolete"), STR("elevateprivileges"), STR("spawn"),
             STR("resourcecontrol")), true },
    { "smbios", NULL },
    { "smp-opts",
      PARAMS(NUM("cpus"), NUM("sockets"), NUM("dies"), NUM("modules"), NUM("cores"),
             NUM("threads"), NUM("maxcpus")), true },
    { "trace", PARAMS(STR("enable"), STR("events"), STR("file")) },
    { NULL },
};

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(((const OptionParam *)a)->name, ((const OptionParam *)b)->name);
}

static void print_params(const OptionParams *o, FILE *f)
{
    static const char *const types[] = {
        [OPTION_PARAM_STRING] = "str",
        [OPTION_PARAM_BOOL] = "bool (on/off)",
        [OPTION_PARAM_NUMBER] = "num",
        [OPTION_PARAM_SIZE] = "size",
    };
    g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(OptionParam));

    for (const OptionParam *p = o->params; p->name; p++) {
        g_array_append_val(sorted, *p);
    }
    g_array_sort(sorted, by_name);
    fprintf(f, "%s options:\n", o->option);
    for (guint i = 0; i < sorted->len; i++) {
        const OptionParam *p = &g_array_index(sorted, OptionParam, i);

        fprintf(f, "  %s=<%s>\n", p->name, types[p->type]);
    }
}

bool option_params_print_help(const char *name, const char *arg, FILE *f)
{
    if (strcmp(arg, "help") && strcmp(arg, "?")) {
        return false;
    }
    for (const OptionParams *o = option_params; o->option; o++) {
        size_t len = strlen(name);

        if (o->lists && !strncmp(o->option, name, len) &&
            (!o->option[len] || !strcmp(o->option + len, "-opts"))) {
            print_params(o, f);
            return true;
        }
    }
    return false;
}
