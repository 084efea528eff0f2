/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which parameters the options of the command line take, for query-command-line-options. A
 * functional test passes each to its option. Const data. */
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
    { "chardev",
      PARAMS(STR("backend"), STR("path"), STR("host"), STR("port"), STR("fd"), STR("to"),
             BOOL("ipv4"), BOOL("ipv6"), BOOL("wait"), BOOL("server"), BOOL("delay"),
             BOOL("nodelay"), NUM("reconnect"), NUM("reconnect-ms"), BOOL("mux"), BOOL("signal"),
             SIZE("size"), BOOL("append"), STR("input-path"), STR("logfile"), BOOL("logappend"),
             BOOL("abstract"), BOOL("tight")) },
    { "device", NULL },
    { "global", PARAMS(STR("driver"), STR("property"), STR("value")) },
    { "machine",
      PARAMS(STR("type", "emulated machine"), STR("accel", "accelerator list"),
             STR("kernel-irqchip", "interrupt controllers in the kernel: on, off or split")) },
    { "memory", PARAMS(SIZE("size")) },
    { "mon", PARAMS(STR("mode"), STR("chardev"), BOOL("pretty")) },
    { "name",
      PARAMS(STR("guest"), STR("process"),
             BOOL("debug-threads", "when on, name the threads of vCPUs")) },
    { "object", NULL },
    { "overcommit", PARAMS(BOOL("mem-lock"), BOOL("cpu-pm")) },
    { "rtc", PARAMS(STR("base"), STR("clock"), STR("driftfix")) },
    { "smp-opts",
      PARAMS(NUM("cpus"), NUM("sockets"), NUM("dies"), NUM("modules"), NUM("cores"),
             NUM("threads"), NUM("maxcpus")) },
    { "trace", PARAMS(STR("enable"), STR("events"), STR("file")) },
    { NULL },
};
