/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test helper: a TcgCPU in 64-bit user mode whose code and data pages stand at the addresses of
 * host-step.h. Test thread only. */
#ifndef TESTS_TCG_DIFF_MACHINE_H
#define TESTS_TCG_DIFF_MACHINE_H

#include "target/i386/tcg/tcg.h"
#include "tests/tcg/host-step.h"

typedef struct DiffMachine {
    CPUX86State env;
    TcgShared *shared;
    TcgCPU *c;
    uint8_t *tables; /* page tables, at guest-physical 0 */
    uint8_t *code, *data;
} DiffMachine;

DiffMachine *diff_machine_new(void);
void diff_machine_free(DiffMachine *m);

#endif
