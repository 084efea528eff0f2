/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What main() offers to boards and monitors. */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#include "chardev/char.h"

#define MAX_SERIAL_PORTS 4

/* The next serial port's back end; NULL: "none". */
void serial_hd_add(Chardev *chr);
/* The back end of serial port @i (-serial), NULL when there is none. */
Chardev *serial_hd(unsigned i);
/* How many -serial options there were, "none" included; boards make ports for those below that
 * have a back end. */
unsigned serial_hd_count(void);
/* The argument of -name guest=, NULL; and -uuid as 36 characters, NULL. Borrowed. */
void vm_set_identity(const char *name, const char *uuid);
const char *vm_name(void);
const char *vm_uuid(void);

/* -rtc [base=utc|localtime|DATE][,clock=host]; and the guest's wall clock minus the host's UTC. */
bool rtc_base_parse(const char *arg, Error **errp);
int64_t rtc_base_offset_ns(void);

/* Detaches as -daemonize says: the parent waits until daemonize_ready() in the child, and exits
 * with status 1 when the child dies before. Called before threads exist. */
bool daemonize_start(Error **errp);
/* Lets the parent exit with status 0; then stdio goes to /dev/null. No-op without -daemonize. */
void daemonize_ready(void);
/* -pidfile: writes and locks it; removed at exit. */
bool pidfile_create(const char *path, Error **errp);
void pidfile_remove(void);
/* SIGINT, SIGHUP and SIGTERM end the VM with QEMU's message; SIGPIPE is ignored. */
void signals_init(void);

#endif
