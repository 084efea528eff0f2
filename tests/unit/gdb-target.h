/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Something to debug without a machine: four CPUs of eight 32-bit registers, 4 KiB of memory. */
#ifndef TESTS_GDB_TARGET_H
#define TESTS_GDB_TARGET_H

#include "gdbstub/session.h"

enum { TARGET_CPUS = 4, TARGET_REGS = 8, TARGET_BYTES = 4096 };

typedef struct GdbTarget {
    uint32_t regs[TARGET_CPUS][TARGET_REGS];
    uint8_t memory[TARGET_BYTES];
    GString *out; /* what the session sent */
    bool last_was_physical, cannot_run, detached, killed;
    unsigned nr_interrupts, point_kind, step_flags;
    uint64_t point_addr, point_len;
    char resumed[TARGET_CPUS + 1]; /* "." stays, "c" continues, "s" steps; "" never resumed */
} GdbTarget;

extern const GdbTargetOps gdb_target_ops;
void gdb_target_init(GdbTarget *t);
void gdb_target_fini(GdbTarget *t);

#endif
