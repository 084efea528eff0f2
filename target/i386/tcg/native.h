/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs guest instructions on the host: stubs (native.c) and the x87 registers (x87.c). Owner
 * thread. */
#ifndef I386_TCG_NATIVE_H
#define I386_TCG_NATIVE_H

#include "target/i386/tcg/tcg.h"

/* One guest instruction; @mem: its memory operand, of its size. True: it raised an unmasked SIMD
 * exception. */
typedef uint64_t TcgStub(TcgCPU *c, void *mem);

/* Runs op->aux, or a stub made for the occasion. */
uint64_t tcg_native_call(TcgCPU *c, const TcgOp *op, void *mem);
/* The flags that @row defines: from c->native_flags. */
void tcg_native_take_flags(TcgCPU *c, const X86InsnRow *row);

/* The handler of an x87 instruction whose op->aux is its stub. */
TcgHandler *tcg_pick_x87(const TcgOp *op, const X86InsnRow *row);

#endif
