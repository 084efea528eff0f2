/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the monitors until they land. */
#include "qemu/osdep.h"
#include "monitor/monitor.h"

bool monitor_init_opts(const char *arg, Error **errp)
{
    error_setg(errp, "monitors are not built in yet");
    return false;
}

bool monitor_init_short(MonitorKind kind, const char *arg, Error **errp)
{
    return monitor_init_opts(arg, errp);
}

Chardev *monitor_new_device_chardev(const char *id, const char *arg, bool *none, Error **errp)
{
    return chardev_new_from_short(id, arg, none, errp);
}

void monitor_cleanup(void)
{
}
