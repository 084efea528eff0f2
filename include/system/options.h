/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. One row an option (system/options.c); -help is derived from the rows. */
#ifndef SYSTEM_OPTIONS_H
#define SYSTEM_OPTIONS_H

#include "qemu/keyval.h"

/* What the options ask for; strings are borrowed from argv or owned for the process's life. */
typedef struct Options {
    GPtrArray *accels;      /* char *: arguments of -accel, or machine accel= split at ':' */
    const char *machine;    /* type name; NULL: default */
    Keyval *machine_props;
    const char *cpu;
    const char *smp;
    const char *memory;
    const char *kernel, *initrd, *append, *bios;
    const char *name, *uuid;
    GPtrArray *serials, *monitors, *qmps, *chardevs, *devices, *objects, *mons, *debugcons;
    const char *pidfile, *log_items, *log_file, *rtc;
    bool start_paused, daemonize, nodefaults, nographic, no_reboot, no_shutdown, no_user_config;
    const char *display;
    const char *qtest;
} Options;

/* Fills @o. Options that print and end (-version, -help, X help) return true with *done set. */
bool options_parse(int argc, char **argv, Options *o, bool *done, Error **errp);

#endif
