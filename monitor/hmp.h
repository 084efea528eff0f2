/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's command tables and the arguments of its commands. Main loop, BQL. */
#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include "monitor-internal.h"
#include "system/cpus.h"

#define HMP_MAX_ARGS 3

/* How an argument is read:
 *   s  a word, or a string in double quotes       S  the rest of the line
 *   l  an expression, 64 bits                     i  an expression that must fit 32 bits
 *   b  on or off                                  /  a format: /4xw
 *   -  a flag: its name is the letter             */
typedef struct HmpArgSpec {
    const char *name;
    char kind;
    bool optional;
} HmpArgSpec;

typedef struct HmpArg {
    bool present;
    char *s;
    int64_t i; /* l, i; b: 0 or 1; -: 1 */
    struct {
        int count;
        char format; /* one of "xduocsi" */
        int size;    /* 1, 2, 4, 8 */
    } fmt;
} HmpArg;

typedef struct HmpCommand {
    const char *names; /* "stop|s" */
    HmpArgSpec args[HMP_MAX_ARGS];
    const char *params; /* for help */
    const char *help;
    /* @args are in the order of the specification. */
    void (*fn)(Monitor *mon, const HmpArg *args);
} HmpCommand;

/* Both end with .names NULL. */
extern const HmpCommand hmp_commands[];
extern const HmpCommand hmp_info_commands[];

/* By one of its names; NULL. */
const HmpCommand *hmp_find(const HmpCommand *table, const char *name);
/* Prints "Error: ..." and frees @err; NULL is fine. Returns whether there was one. */
bool hmp_report(Monitor *mon, Error *err);
/* The CPU that commands apply to; NULL after saying that there is none. */
CPUState *hmp_cpu(Monitor *mon);

/* Reads the arguments of a command; false with what is wrong in *errp. */
bool hmp_parse_args(Monitor *mon, const HmpCommand *cmd, const char *p, HmpArg *args,
                    Error **errp);
void hmp_free_args(HmpArg *args);
/* Value of an expression at *pp, which moves past it. False with the error. */
bool hmp_expression(Monitor *mon, const char **pp, int64_t *value, Error **errp);

/* Commands with files of their own. */
void hmp_x(Monitor *mon, const HmpArg *args);
void hmp_xp(Monitor *mon, const HmpArg *args);
void hmp_print(Monitor *mon, const HmpArg *args);
void hmp_io_read(Monitor *mon, const HmpArg *args);
void hmp_io_write(Monitor *mon, const HmpArg *args);
void hmp_gva2gpa(Monitor *mon, const HmpArg *args);
void hmp_info_block(Monitor *mon, const HmpArg *args);
void hmp_info_blockstats(Monitor *mon, const HmpArg *args);
void hmp_block_resize(Monitor *mon, const HmpArg *args);

void hmp_balloon(Monitor *mon, const HmpArg *args);
void hmp_info_balloon(Monitor *mon, const HmpArg *args);
void hmp_info_memdev(Monitor *mon, const HmpArg *args);
void hmp_qom_list(Monitor *mon, const HmpArg *args);
void hmp_qom_get(Monitor *mon, const HmpArg *args);
void hmp_qom_set(Monitor *mon, const HmpArg *args);
void hmp_cpu_compare(Monitor *mon, const HmpArg *args);
void hmp_cpu_baseline(Monitor *mon, const HmpArg *args);

void hmp_info_tlb(Monitor *mon, const HmpArg *args);
void hmp_info_mem(Monitor *mon, const HmpArg *args);

void hmp_info_lapic(Monitor *mon, const HmpArg *args);
void hmp_info_pic(Monitor *mon, const HmpArg *args);
void hmp_info_ioapic(Monitor *mon, const HmpArg *args);
void hmp_info_irq(Monitor *mon, const HmpArg *args);
void hmp_info_registers(Monitor *mon, const HmpArg *args);
void hmp_nmi(Monitor *mon, const HmpArg *args);

/* Network (hmp-net.c). */
void hmp_netdev_add(Monitor *mon, const HmpArg *args);
void hmp_netdev_del(Monitor *mon, const HmpArg *args);
void hmp_set_link(Monitor *mon, const HmpArg *args);
void hmp_announce_self(Monitor *mon, const HmpArg *args);
void hmp_hostfwd_add(Monitor *mon, const HmpArg *args);
void hmp_hostfwd_remove(Monitor *mon, const HmpArg *args);
void hmp_info_network(Monitor *mon, const HmpArg *args);
void hmp_info_usernet(Monitor *mon, const HmpArg *args);
/* Migration and snapshots (hmp-migration.c). */
void hmp_migrate(Monitor *mon, const HmpArg *args);
void hmp_migrate_cancel(Monitor *mon, const HmpArg *args);
void hmp_migrate_continue(Monitor *mon, const HmpArg *args);
void hmp_migrate_incoming(Monitor *mon, const HmpArg *args);
void hmp_migrate_set_capability(Monitor *mon, const HmpArg *args);
void hmp_migrate_set_parameter(Monitor *mon, const HmpArg *args);
void hmp_info_migrate(Monitor *mon, const HmpArg *args);
void hmp_info_migrate_capabilities(Monitor *mon, const HmpArg *args);
void hmp_info_migrate_parameters(Monitor *mon, const HmpArg *args);
void hmp_savevm(Monitor *mon, const HmpArg *args);
void hmp_loadvm(Monitor *mon, const HmpArg *args);
void hmp_delvm(Monitor *mon, const HmpArg *args);
void hmp_info_snapshots(Monitor *mon, const HmpArg *args);

/* info pci (qmp-cmds-pci.c). */
void hmp_info_iothreads(Monitor *mon, const HmpArg *args);
void hmp_info_pci(Monitor *mon, const HmpArg *args);

#endif
