/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run under construction (native-run.c) and the integer instructions in it (native-int.c). */
#ifndef I386_TCG_NATIVE_RUN_H
#define I386_TCG_NATIVE_RUN_H

#include "target/i386/tcg/native.h"

enum { TCG_RUN_MAX = 40 };

typedef struct TcgRun {
    TcgEmit e;
    const TcgOp *ops;
    TcgHandler *fn;         /* of the run's own op, while its block is there */
    unsigned nr;
    unsigned set;           /* TCG_MMU_* */
    uint16_t used, written; /* vector registers */
    unsigned exits[TCG_RUN_MAX * 3]; /* ends of jumps to be filled in */
    uint8_t exit_op[TCG_RUN_MAX * 3];
    unsigned nr_exits;
    uint8_t target[TCG_RUN_MAX]; /* of a jump within the run: number of the op + 1 */
    bool label[TCG_RUN_MAX];     /* one goes here */
    unsigned at[TCG_RUN_MAX];    /* where the op's code begins */
    uint8_t flags_of;       /* FLAGS_*: what the last integer op left in r8, r9, r10 */
    uint8_t flags_bytes;
} TcgRun;

/* Jcc (@cc) to the end of the run: the op whose number is @op cannot be done here. */
void tcg_run_exit(TcgRun *r, unsigned cc, unsigned op);
/* rax: the host address of @n bytes of the memory operand of @i; clobbers rcx, rdx. */
void tcg_run_lookup(TcgRun *r, const X86Insn *i, unsigned op, unsigned n, bool write,
                    bool aligned);
/* rax: the operand's address, before the segment's base. */
void tcg_run_address(TcgEmit *e, const X86Insn *i);

/* Can the integer instruction be part of a run? */
bool tcg_int_in_run(const TcgOp *op);
/* Emits op @n. */
void tcg_int_emit(TcgRun *r, unsigned n);

#endif
