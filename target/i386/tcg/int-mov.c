/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves: MOV, XCHG, LEA, stack, conversions, conditional moves (SDM vol 2). Owner thread. */
#include "qemu/osdep.h"
#include <sched.h>
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"

/* ---- MOV by size and form -------------------------------------------------------------------- */

#define MOV_SIZE(bits)                                                                             \
    static HANDLER(mov_rr_##bits)                                                                  \
    {                                                                                              \
        set_reg(c, op->i.rm, bits / 8, get_reg(c, op->i.reg, bits / 8));                           \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(mov_rm_##bits)                                                                  \
    {                                                                                              \
        set_reg(c, op->i.reg, bits / 8,                                                            \
                tcg_load(c, op, op_la(c, op, bits / 8, false), bits / 8));                         \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(mov_mr_##bits)                                                                  \
    {                                                                                              \
        tcg_store(c, op, op_la(c, op, bits / 8, true), get_reg(c, op->i.reg, bits / 8), bits / 8); \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(mov_ri_##bits)                                                                  \
    {                                                                                              \
        set_reg(c, op->i.rm, bits / 8, op->i.imm);                                                 \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(mov_mi_##bits)                                                                  \
    {                                                                                              \
        tcg_store(c, op, op_la(c, op, bits / 8, true), op->i.imm, bits / 8);                       \
        NEXT;                                                                                      \
    }
MOV_SIZE(8)
MOV_SIZE(16)
MOV_SIZE(32)
MOV_SIZE(64)

static HANDLER(mov_moffs_load)
{
    unsigned n = op->i.mem_bytes;
    uint64_t la = tcg_linear(c, op, op->i.seg, op->i.imm, n, false);

    set_reg(c, R_EAX, n, tcg_load(c, op, la, n));
    NEXT;
}

static HANDLER(mov_moffs_store)
{
    unsigned n = op->i.mem_bytes;
    uint64_t la = tcg_linear(c, op, op->i.seg, op->i.imm, n, true);

    tcg_store(c, op, la, get_reg(c, R_EAX, n), n);
    NEXT;
}

#define MOV_FORMS(bits)                                                                            \
    { mov_rr_##bits, mov_rm_##bits, mov_mr_##bits, mov_ri_##bits, mov_mi_##bits }
static TcgHandler *const mov_table[4][5] = { MOV_FORMS(8), MOV_FORMS(16), MOV_FORMS(32),
                                             MOV_FORMS(64) };

TcgHandler *tcg_pick_mov(TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    X86Insn *i = &op->i;
    bool mem = i->flags & X86_I_MEM, load = row->op_kind[0] == X86_OPK_G;
    unsigned form;

    if (row->handler == X86_H_mov_moffs) {
        return row->op_kind[0] == X86_OPK_O ? mov_moffs_store : mov_moffs_load;
    }
    if (row->handler == X86_H_mov_imm) {
        form = mem ? 4 : 3;
    } else if (!mem) {
        form = 0;
        if (load) {
            uint8_t t = i->reg;

            i->reg = i->rm;
            i->rm = t;
        }
    } else {
        form = load ? 1 : 2;
    }
    return mov_table[__builtin_ctz(bytes)][form];
}

/* ---- Other moves ----------------------------------------------------------------------------- */

HANDLER(h_lea)
{
    set_reg(c, op->i.reg, op->i.opsize, tcg_ea(c, &op->i, op));
    NEXT;
}

HANDLER(h_movzx)
{
    set_reg(c, op->i.reg, op->i.opsize, tcg_get_rm(c, op, tcg_op_bytes(op, 1)));
    NEXT;
}

HANDLER(h_movsx)
{
    unsigned n = tcg_op_bytes(op, 1);

    set_reg(c, op->i.reg, op->i.opsize, sext(tcg_get_rm(c, op, n), n * 8));
    NEXT;
}

HANDLER(h_movsxd)
{
    unsigned n = MIN(op->i.opsize, 4);

    set_reg(c, op->i.reg, op->i.opsize, sext(tcg_get_rm(c, op, n), n * 8));
    NEXT;
}

HANDLER(h_movbe)
{
    unsigned n = op->i.opsize;
    bool load = x86_insn_row(op->i.row)->op_kind[0] == X86_OPK_G;
    uint64_t v = load ? tcg_get_rm(c, op, n) : get_reg(c, op->i.reg, n);

    v = n == 2 ? __builtin_bswap16(v) : n == 4 ? __builtin_bswap32(v) : __builtin_bswap64(v);
    if (load) {
        set_reg(c, op->i.reg, n, v);
    } else {
        tcg_set_rm(c, op, n, v);
    }
    NEXT;
}

HANDLER(h_bswap)
{
    uint64_t v = c->r[op->i.rm];

    if (op->i.opsize == 8) {
        c->r[op->i.rm] = __builtin_bswap64(v);
    } else if (op->i.opsize == 4) {
        c->r[op->i.rm] = __builtin_bswap32(v);
    } else { /* undefined; processors clear the word */
        set_reg(c, op->i.rm, 2, 0);
    }
    NEXT;
}

HANDLER(h_xchg)
{
    unsigned n = tcg_op_bytes(op, 0);
    uint64_t v = get_reg(c, op->i.reg, n), old = 0;

    if (op->i.flags & X86_I_MEM) { /* always locked */
        uint64_t la = op_la(c, op, n, true);
        void *p = tcg_host(c, op, la, n, TCG_WRITE);

        if (!p) {
            tcg_split_begin(c, la, n);
            tcg_probe(c, op, la, n, TCG_WRITE);
            old = tcg_load(c, op, la, n);
            tcg_store(c, op, la, v, n);
            tcg_split_end(c);
        } else if (n == 1) {
            old = __atomic_exchange_n((uint8_t *)p, v, __ATOMIC_SEQ_CST);
        } else if (n == 2) {
            old = __atomic_exchange_n((uint16_t *)p, v, __ATOMIC_SEQ_CST);
        } else if (n == 4) {
            old = __atomic_exchange_n((uint32_t *)p, v, __ATOMIC_SEQ_CST);
        } else {
            old = __atomic_exchange_n((uint64_t *)p, v, __ATOMIC_SEQ_CST);
        }
    } else {
        old = get_reg(c, op->i.rm, n);
        set_reg(c, op->i.rm, n, v);
    }
    set_reg(c, op->i.reg, n, old);
    NEXT;
}

HANDLER(h_xchg_rax)
{
    unsigned n = op->i.opsize;
    uint64_t v = get_reg(c, op->i.rm, n);

    if (op->i.rm != R_EAX || n != 4) { /* NOP keeps the high half */
        set_reg(c, op->i.rm, n, get_reg(c, R_EAX, n));
        set_reg(c, R_EAX, n, v);
    }
    NEXT;
}

HANDLER(h_xlat)
{
    uint64_t ea = c->r[R_EBX] + (uint8_t)c->r[R_EAX];

    ea = op->i.addrsize == 8 ? ea : op->i.addrsize == 4 ? (uint32_t)ea : (uint16_t)ea;
    set_reg(c, R_EAX, 1, tcg_load(c, op, tcg_linear(c, op, op->i.seg, ea, 1, false), 1));
    NEXT;
}

HANDLER(h_cmov)
{
    uint64_t v = tcg_get_rm(c, op, op->i.opsize);

    if (!tcg_cond(c, x86_insn_row(op->i.row)->opcode & 15)) {
        v = get_reg(c, op->i.reg, op->i.opsize);
    }
    set_reg(c, op->i.reg, op->i.opsize, v);
    NEXT;
}

HANDLER(h_setcc)
{
    tcg_set_rm(c, op, 1, tcg_cond(c, x86_insn_row(op->i.row)->opcode & 15));
    NEXT;
}

HANDLER(h_cbw)
{
    unsigned n = op->i.opsize;

    set_reg(c, R_EAX, n, sext(c->r[R_EAX], n * 4));
    NEXT;
}

HANDLER(h_cwd)
{
    unsigned n = op->i.opsize;

    set_reg(c, R_EDX, n, c->r[R_EAX] >> (n * 8 - 1) & 1 ? UINT64_MAX : 0);
    NEXT;
}

HANDLER(h_nop)
{
    NEXT;
}

HANDLER(h_fence)
{
    __sync_synchronize();
    NEXT;
}

enum { PAUSES_PER_YIELD = 16 };

/* Whoever it waits for may need this host CPU. */
HANDLER(h_pause)
{
    if (++c->nr_pauses % PAUSES_PER_YIELD == 0) {
        sched_yield();
    }
    c->rip = op_next_rip(c, op);
    END;
}

/* ---- Stack ----------------------------------------------------------------------------------- */

HANDLER(h_push)
{
    tcg_push(c, op, get_reg(c, op->i.rm, op->i.opsize), op->i.opsize);
    NEXT;
}

HANDLER(h_push_imm)
{
    tcg_push(c, op, op->i.imm, op->i.opsize);
    NEXT;
}

HANDLER(h_push_ev)
{
    tcg_push(c, op, tcg_get_rm(c, op, op->i.opsize), op->i.opsize);
    NEXT;
}

HANDLER(h_pop)
{
    uint64_t v = tcg_peek(c, op, 0, op->i.opsize);

    tcg_set_sp(c, c->r[R_ESP] + op->i.opsize);
    set_reg(c, op->i.rm, op->i.opsize, v);
    NEXT;
}

/* The address of POP [rSP + x] uses the incremented stack pointer. */
HANDLER(h_pop_ev)
{
    uint64_t v = tcg_peek(c, op, 0, op->i.opsize), old = c->r[R_ESP];

    if (op->i.flags & X86_I_MEM) {
        uint64_t la;

        tcg_set_sp(c, old + op->i.opsize);
        la = tcg_ea(c, &op->i, op);
        c->r[R_ESP] = old;
        la = tcg_linear(c, op, op->i.seg, la, op->i.opsize, true);
        tcg_store(c, op, la, v, op->i.opsize);
        tcg_set_sp(c, old + op->i.opsize);
    } else {
        tcg_set_sp(c, old + op->i.opsize);
        set_reg(c, op->i.rm, op->i.opsize, v);
    }
    NEXT;
}

HANDLER(h_pusha)
{
    unsigned n = op->i.opsize;
    uint64_t sp = c->r[R_ESP];

    for (unsigned i = 0; i < 8; i++) {
        tcg_check_segment(c, op, R_SS, (sp - n * (i + 1)) & c->sp_mask, n, true);
    }
    for (unsigned i = 0; i < 8; i++) {
        uint64_t at = sp - n * (i + 1);

        tcg_store(c, op, tcg_stack_la(c, op, at, n, true), i == R_ESP ? sp : c->r[i], n);
    }
    tcg_set_sp(c, sp - n * 8);
    NEXT;
}

HANDLER(h_popa)
{
    unsigned n = op->i.opsize;
    uint64_t v[8];

    for (unsigned i = 0; i < 8; i++) {
        v[i] = tcg_peek(c, op, n * (7 - i), n);
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i != R_ESP) {
            set_reg(c, i, n, v[i]);
        }
    }
    tcg_set_sp(c, c->r[R_ESP] + n * 8);
    NEXT;
}

HANDLER(h_enter)
{
    unsigned n = op->i.opsize, level = op->i.imm >> 16 & 31, size = op->i.imm & 0xffff;
    uint64_t sp = c->r[R_ESP] - n, bp = c->r[R_EBP], frame = sp;

    tcg_store(c, op, tcg_stack_la(c, op, sp, n, true), bp, n);
    for (unsigned i = 1; i < level; i++) {
        uint64_t v;

        bp -= n;
        v = tcg_load(c, op, tcg_stack_la(c, op, bp, n, false), n);
        sp -= n;
        tcg_store(c, op, tcg_stack_la(c, op, sp, n, true), v, n);
    }
    if (level) {
        sp -= n;
        tcg_store(c, op, tcg_stack_la(c, op, sp, n, true), frame, n);
    }
    sp -= size;
    /* The new top must be writable, or nothing happens. */
    tcg_probe(c, op, tcg_stack_la(c, op, sp, n, true), 1, TCG_WRITE);
    set_reg(c, R_EBP, n, frame);
    tcg_set_sp(c, sp);
    NEXT;
}

HANDLER(h_leave)
{
    unsigned n = op->i.opsize;
    uint64_t v = tcg_load(c, op, tcg_stack_la(c, op, c->r[R_EBP], n, false), n);

    tcg_set_sp(c, c->r[R_EBP] + n);
    set_reg(c, R_EBP, n, v);
    NEXT;
}

/* ---- Flags ----------------------------------------------------------------------------------- */

HANDLER(h_lahf)
{
    set_reg(c, R_EAX | 0x10, 1, (tcg_get_arith(c) & 0xd5) | 2);
    NEXT;
}

HANDLER(h_sahf)
{
    tcg_set_arith(c, (*tcg_reg8(c, 0x10) & 0xd5) | (f_of(c) ? F_O : 0));
    NEXT;
}

HANDLER(h_cmc)
{
    tcg_set_carry(c, !f_cf(c), f_of(c));
    NEXT;
}

HANDLER(h_clc)
{
    tcg_set_carry(c, false, f_of(c));
    NEXT;
}

HANDLER(h_stc)
{
    tcg_set_carry(c, true, f_of(c));
    NEXT;
}

HANDLER(h_cld)
{
    c->eflags &= ~(uint64_t)F_D;
    NEXT;
}

HANDLER(h_std)
{
    c->eflags |= F_D;
    NEXT;
}

HANDLER(h_salc)
{
    set_reg(c, R_EAX, 1, f_cf(c) ? 0xff : 0);
    NEXT;
}
