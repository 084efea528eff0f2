/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of tcg-diff: cases, how they are made, how results are compared. Test thread only. */
#ifndef TESTS_TCG_DIFF_H
#define TESTS_TCG_DIFF_H

#include "target/i386/tcg/insn-tables.h"
#include "tests/tcg/diff-machine.h"
#include "tests/tcg/host-signal.h"
#include "tests/tcg/insn-gen.h"

/* One instruction with everything it can read. */
typedef struct Case {
    uint8_t bytes[16];
    X86Insn insn;
    const X86InsnRow *row;
    uint64_t r[16];
    uint64_t rip, eflags;
    uint8_t xs[TCG_XS_BYTES];
    uint8_t data[HOST_DATA_BYTES];
} Case;

typedef struct Diff {
    DiffMachine *m;
    HostStep *h; /* for rows that change FS and GS bases */
    Rng rng;
    uint8_t xstate[16384];
    size_t xstate_len;
    /* What the host made of the case. */
    struct user_regs_struct host;
    uint8_t host_xs[HOST_XSTATE_BYTES];
    uint8_t host_data[HOST_DATA_BYTES];
    HostSignal sig;
    bool host_intel;
    Case k;
    uint64_t cases, faults, listed, noise, differ;
} Diff;

/* ---- diff-gen.c ------------------------------------------------------------------------------ */

/* Is @row outside of this test: its effect depends on the machine, or it leaves the program? */
bool diff_row_skipped(const X86InsnRow *row);
/* Does the floating-point lattice apply to @row? */
bool diff_row_is_fp(const X86InsnRow *row);
/* Makes d->k for @row with random operands. False: these bytes mean something else; try again. */
bool diff_random_case(Diff *d, unsigned row);
/* Case @n of the lattice: two operands each run through the special values, under all rounding
 * modes. */
bool diff_lattice_case(Diff *d, unsigned row, unsigned n);
/* Number of those cases. */
unsigned diff_lattice_size(const X86InsnRow *row);
void diff_random_vector(Rng *r, uint8_t *out, unsigned len);

/* ---- diff.c ---------------------------------------------------------------------------------- */

uint64_t diff_host_reg(const struct user_regs_struct *u, unsigned n);

/* ---- diff-compare.c -------------------------------------------------------------------------- */

/* Differences between the host's results and the interpreter's (@ok: it completed), or NULL. */
char *diff_compare(const Diff *d, bool ok);
/* Is a difference of this case known: undefined results, or processors that differ? */
bool diff_listed(const Diff *d);
/* The case in full, for stderr. */
void diff_print_case(const Diff *d, const char *differences);

#endif
