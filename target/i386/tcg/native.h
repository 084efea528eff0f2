/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs guest instructions on the host: stubs (native.c), runs of them (native-run.c) and the
 * x87 registers (x87.c). Owner thread. */
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

/* ---- Emitting host code ---------------------------------------------------------------------- */

/* Host registers of guest registers. Those of the engine: rdi is the TcgCPU, rax, rcx, rdx, rsi are
 * free. */
enum { TCG_HOST_G = 8, TCG_HOST_E = 9, TCG_HOST_B = 10 };

typedef struct TcgEmit {
    uint8_t *b;  /* has room */
    unsigned n;
    const X86Insn *i;
    const X86InsnRow *row;
    bool vex;
    bool same;   /* vector registers keep their numbers; memory is [rax] rather than [rsi] */
} TcgEmit;

/* Little endian. */
void tcg_emit(TcgEmit *e, uint64_t v, unsigned bytes);
/* In the order of the number's hex digits. */
void tcg_emit_code(TcgEmit *e, uint64_t v, unsigned bytes);
/* ModRM for host register @reg and [rdi + @disp]. */
void tcg_emit_state(TcgEmit *e, unsigned reg, size_t disp);
/* Between host register @host and general register @guest. */
void tcg_emit_gpr(TcgEmit *e, unsigned host, unsigned guest, bool load);
/* e->i itself with the registers above. */
void tcg_emit_insn(TcgEmit *e);
/* Memory for code: a view to write and one to run. False: the host refuses. */
bool tcg_native_map(size_t bytes, uint8_t **rw, uint8_t **rx);
void tcg_native_unmap(size_t bytes, uint8_t *rw, uint8_t *rx);

/* ---- Runs ------------------------------------------------------------------------------------ */

/* May the instruction be part of a run, and of which kind? */
TcgFpuKind tcg_native_run_kind(const TcgOp *op);
/* Its memory operand must be aligned. */
bool tcg_native_aligned(const TcgOp *op);

/* A relative jump whose condition is true. */
const TcgOp *tcg_jump_taken(TcgCPU *c, const TcgOp *op);

/* ---- x87 ------------------------------------------------------------------------------------- */

/* The handler of an x87 instruction whose op->aux is its stub. */
TcgHandler *tcg_pick_x87(const TcgOp *op, const X86InsnRow *row);

#endif
