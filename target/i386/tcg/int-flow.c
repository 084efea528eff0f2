/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Near jumps, calls and loops, BOUND, software interrupts (SDM vol 2). Owner thread. */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/native.h"
#include "target/i386/tcg/seg.h"

/* Is @rip a place where near jumps may go in 64-bit mode? */
static bool canonical_rip(const TcgCPU *c, uint64_t rip)
{
    return rip == sext(rip, c->env->cr[4] & CR4_LA57_MASK ? 57 : 48);
}

/* Near transfers outside 64-bit mode stay within the code segment. */
static void go(TcgCPU *c, const TcgOp *op, uint64_t rip)
{
    rip = tcg_mask_rip(c, rip, op->i.opsize);
    if (unlikely(!c->code64 && rip > c->env->segs[R_CS].limit)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    if (unlikely(c->code64 && !canonical_rip(c, rip))) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->rip = rip;
}

static void not_taken(TcgCPU *c, const TcgOp *op)
{
    c->rip = tcg_mask_rip(c, op_next_rip(c, op), c->code64 ? 8 : 4);
}

static inline __attribute__((always_inline)) const TcgOp *jump_rel(TcgCPU *c, const TcgOp *op)
{
    uint64_t rip = op_next_rip(c, op) + op->i.imm;

    if (likely(op->i.opsize == 8 && canonical_rip(c, rip))) {
        return tcg_goto_direct(c, op, rip);
    }
    go(c, op, rip);
    GOTO(c->rip);
}

const TcgOp *tcg_jump_taken(TcgCPU *c, const TcgOp *op)
{
    if (unlikely(op->fn == tcg_op_end_block)) { /* dropped meanwhile */
        c->rip = op_rip(c, op);
        END;
    }
    return jump_rel(c, op);
}

HANDLER(h_jmp_rel)
{
    return jump_rel(c, op);
}

#define JCC(cc)                                                                                    \
    static HANDLER(jcc_##cc)                                                                       \
    {                                                                                              \
        if (tcg_cond(c, cc)) {                                                                     \
            return jump_rel(c, op);                                                                \
        }                                                                                          \
        NEXT;                                                                                      \
    }
JCC(0) JCC(1) JCC(2) JCC(3) JCC(4) JCC(5) JCC(6) JCC(7)
JCC(8) JCC(9) JCC(10) JCC(11) JCC(12) JCC(13) JCC(14) JCC(15)

TcgHandler *tcg_pick_jcc(TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    static TcgHandler *const fns[16] = { jcc_0, jcc_1, jcc_2, jcc_3, jcc_4, jcc_5, jcc_6, jcc_7,
                                         jcc_8, jcc_9, jcc_10, jcc_11, jcc_12, jcc_13, jcc_14,
                                         jcc_15 };

    return fns[row->opcode & 15];
}

HANDLER(h_jmp_ind)
{
    go(c, op, tcg_get_rm(c, op, op->i.opsize));
    GOTO(c->rip);
}

/* A bad target is found after the return address was stored, as on the processors we know. */
static void call_to(TcgCPU *c, const TcgOp *op, uint64_t target)
{
    unsigned n = op->i.opsize;
    uint64_t sp = c->r[R_ESP] - n;

    tcg_store(c, op, tcg_stack_la(c, op, sp, n, true), op_next_rip(c, op), n);
    go(c, op, target);
    tcg_set_sp(c, sp);
}

HANDLER(h_call_rel)
{
    uint64_t next = op_next_rip(c, op), sp = c->r[R_ESP] - 8;

    if (likely(c->code64 && op->i.opsize == 8 && canonical_rip(c, next + op->i.imm))) {
        tcg_store(c, op, tcg_stack_la(c, op, sp, 8, true), next, 8);
        c->r[R_ESP] = sp;
        return tcg_goto_direct(c, op, next + op->i.imm);
    }
    call_to(c, op, next + op->i.imm);
    GOTO(c->rip);
}

HANDLER(h_call_ind)
{
    call_to(c, op, tcg_get_rm(c, op, op->i.opsize));
    GOTO(c->rip);
}

HANDLER(h_ret)
{
    unsigned n = op->i.opsize;

    go(c, op, tcg_peek(c, op, 0, n));
    tcg_set_sp(c, c->r[R_ESP] + n + (op->i.imm & 0xffff)); /* plain RET has 0 there */
    GOTO(c->rip);
}

HANDLER(h_loop)
{
    unsigned n = op->i.addrsize, kind = x86_insn_row(op->i.row)->opcode & 3;
    uint64_t count = get_reg(c, R_ECX, n) - 1;
    bool taken = (n == 8 ? count : n == 4 ? (uint32_t)count : (uint16_t)count) != 0;

    if (kind < 2) { /* LOOPNE, LOOPE */
        taken = taken && f_zf(c) == (kind == 1);
    }
    if (taken) {
        go(c, op, op_next_rip(c, op) + op->i.imm);
    } else {
        not_taken(c, op);
    }
    set_reg(c, R_ECX, n, count);
    END;
}

HANDLER(h_jcxz)
{
    if (!get_reg(c, R_ECX, op->i.addrsize)) {
        go(c, op, op_next_rip(c, op) + op->i.imm);
    } else {
        not_taken(c, op);
    }
    END;
}

HANDLER(h_bound)
{
    unsigned n = op->i.opsize;
    uint64_t la = op_la(c, op, n * 2, false);
    int64_t lo = sext(tcg_load(c, op, la, n), n * 8), v = sext(c->r[op->i.reg], n * 8);
    int64_t hi = sext(tcg_load(c, op, la + n, n), n * 8);

    if (v < lo || v > hi) {
        tcg_raise(c, op, EXC_BR);
    }
    NEXT;
}

static void G_GNUC_NORETURN soft_int(TcgCPU *c, const TcgOp *op, unsigned vector)
{
    c->rip = op_next_rip(c, op);
    c->exc = (TcgException){ .vector = vector, .software = true };
    siglongjmp(c->jmp_exc, 1);
}

HANDLER(h_int3)
{
    soft_int(c, op, EXC_BP);
}

/* A trap like those of the debug registers: no gate's DPL keeps it out. */
HANDLER(h_int1)
{
    c->rip = op_next_rip(c, op);
    tcg_raise(c, NULL, EXC_DB);
}

HANDLER(h_into)
{
    if (f_of(c)) {
        soft_int(c, op, EXC_OF);
    }
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_int_n)
{
    if (c->eflags & F_VM && (c->eflags & F_IOPL) != F_IOPL) {
        tcg_sync_rip(c, op);
        if (!tcg_vme_redirects(c, (uint8_t)op->i.imm)) {
            tcg_raise_err(c, op, EXC_GP, 0);
        }
    }
    soft_int(c, op, (uint8_t)op->i.imm);
}

HANDLER(h_xbegin)
{
    /* Aborts at once, as a processor may (RTM offered as always-abort). */
    set_reg(c, R_EAX, 4, 0);
    go(c, op, op_next_rip(c, op) + op->i.imm);
    END;
}

HANDLER(h_xabort)
{
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_xend)
{
    tcg_raise_err(c, op, EXC_GP, 0);
}

HANDLER(h_xtest)
{
    tcg_set_arith(c, F_Z);
    NEXT;
}

HANDLER(tcg_op_end_block)
{
    c->rip = c->block_rip + op->i.user;
    if (!c->code64) {
        c->rip = (uint32_t)c->rip;
    }
    GOTO(c->rip);
}

HANDLER(tcg_op_ud)
{
    tcg_raise(c, op, EXC_UD);
}
