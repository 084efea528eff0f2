/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server for gdb: -gdb, -s, HMP gdbserver. Main loop, BQL. docs/system/gdb.rst. */
#ifndef GDBSTUB_GDBSTUB_H
#define GDBSTUB_GDBSTUB_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* Runs a line of the human monitor for CPU @cpu and returns its output; the caller frees. */
typedef char *(*GdbMonitorFn)(const char *line, unsigned cpu);

/* Listens on @device (tcp:..., unix:..., stdio, chardev:ID); "none" ends what there was. What was
 * listening before ends in any case. The machine exists. */
bool gdbserver_start(const char *device, GdbMonitorFn monitor, Error **errp);
/* Tells the debugger that the program ends with @status, and lets go of the guest. */
void gdbserver_cleanup(int status);

#endif
