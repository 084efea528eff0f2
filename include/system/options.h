/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. One row an option (system/options.c); -help is derived from the rows. */
#ifndef SYSTEM_OPTIONS_H
#define SYSTEM_OPTIONS_H

#include "qemu/keyval.h"

#define GDB_DEFAULT_DEVICE "tcp::1234" /* -s, HMP gdbserver */

/* What the options ask for; strings are borrowed from argv or owned for the process's life. */
typedef struct Options {
    GPtrArray *accels; /* char *: arguments of -accel, in order */
    const char *machine_type; /* NULL: default */
    Keyval *machine_props;    /* of all -machine options; never NULL */
    const char *cpu, *smp;
    uint64_t ram_size_bytes;  /* -m; 0: default */
    const char *kernel, *initrd, *append;
    const char *name, *uuid, *pidfile, *dump_vmstate;
    /* char *: each option of that name, in order */
    GPtrArray *serials, *monitors, *qmps, *qmps_pretty, *mons, *chardevs, *devices, *debugcons;
    GPtrArray *objects, *blockdevs, *drives, *netdevs, *nics, *nets, *fw_cfgs;
    GPtrArray *smbios;
    const char *qtest, *qtest_log;
    const char *incoming; /* NULL: start here */
    const char *loadvm;   /* NULL: start afresh */
    const char *gdb; /* the device of -gdb and -s */
    bool start_paused, daemonize, nodefaults, nographic, display_none, no_reboot, no_shutdown;
    bool mem_lock, msg_timestamp, msg_guest_name;
    unsigned sandbox; /* SandboxFlags of all -sandbox options */
} Options;

/* Fills @o. Options that print and end (-version, -help) return true with *done set. Errors that
 * belong to one option carry its text as location. */
bool options_parse(int argc, char **argv, Options *o, bool *done, Error **errp);

/* Parameters of options, for introspection. */
typedef enum OptionParamType {
    OPTION_PARAM_STRING,
    OPTION_PARAM_BOOL,
    OPTION_PARAM_NUMBER,
    OPTION_PARAM_SIZE,
} OptionParamType;

typedef struct OptionParam {
    const char *name;
    OptionParamType type;
    const char *help; /* NULL: none */
} OptionParam;

typedef struct OptionParams {
    const char *option;        /* QEMU's name of the group: "smp-opts" for -smp */
    const OptionParam *params; /* ends with .name NULL; NULL: depend on the first parameter */
    bool lists; /* "-OPTION help" lists them */
} OptionParams;

/* Ends with .option NULL. -machine also takes the properties of the board. */
extern const OptionParams option_params[];

/* Prints what @arg of option @name asks for ("help" or "?") and returns true, or returns false. */
bool option_params_print_help(const char *name, const char *arg, FILE *f);

#endif
