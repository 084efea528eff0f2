/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors: QMP and HMP sessions on character devices. All functions: main thread, BQL. */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "chardev/char.h"
#include "qemu/error.h"

typedef enum MonitorKind {
    MONITOR_HMP,        /* -monitor: commands for people */
    MONITOR_QMP,        /* -qmp */
    MONITOR_QMP_PRETTY, /* -qmp-pretty */
} MonitorKind;

/* -mon [chardev=]ID[,mode=readline|control][,pretty=on|off]. The chardev must exist already, so
 * call it after all -chardev options. */
bool monitor_init_opts(const char *arg, Error **errp);
/* -monitor, -qmp, -qmp-pretty: creates the chardev "compat_monitorN" that @arg describes (stdio,
 * unix:..., chardev:ID, ...) with its monitor. "none" is fine and creates nothing. */
bool monitor_init_short(MonitorKind kind, const char *arg, Error **errp);
/* The chardev for a device, from the short form (-serial, -debugcon), named @id: as
 * chardev_new_from_short(), and for "mon:..." also puts a human monitor on the shared (mux)
 * chardev. */
Chardev *monitor_new_device_chardev(const char *id, const char *arg, bool *none, Error **errp);
/* Runs a line of the human monitor as if CPU @cpu had been chosen; what it prints, to be freed. */
char *monitor_run_line(const char *line, unsigned cpu);
/* Closes all sessions after sending what they still have to send (bounded time). Before
 * chardev_cleanup(). */
void monitor_cleanup(void);

#endif
