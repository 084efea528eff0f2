/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a decoded instruction to its handler: one table indexed by the handler column of insn.def.
 * Owner thread. */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"

typedef TcgHandler *Pick(TcgOp *op, const X86InsnRow *row, unsigned bytes);

static Pick *const picks[X86_NR_HANDLERS] = {
    [X86_H_add] = tcg_pick_alu, [X86_H_or] = tcg_pick_alu, [X86_H_adc] = tcg_pick_alu,
    [X86_H_sbb] = tcg_pick_alu, [X86_H_and] = tcg_pick_alu, [X86_H_sub] = tcg_pick_alu,
    [X86_H_xor] = tcg_pick_alu, [X86_H_cmp] = tcg_pick_alu, [X86_H_test] = tcg_pick_alu,
    [X86_H_inc] = tcg_pick_alu, [X86_H_dec] = tcg_pick_alu, [X86_H_not] = tcg_pick_alu,
    [X86_H_neg] = tcg_pick_alu,
    [X86_H_rol] = tcg_pick_shift, [X86_H_ror] = tcg_pick_shift, [X86_H_rcl] = tcg_pick_shift,
    [X86_H_rcr] = tcg_pick_shift, [X86_H_shl] = tcg_pick_shift, [X86_H_shr] = tcg_pick_shift,
    [X86_H_sar] = tcg_pick_shift,
    [X86_H_mov] = tcg_pick_mov, [X86_H_mov_imm] = tcg_pick_mov, [X86_H_mov_moffs] = tcg_pick_mov,
    [X86_H_movs] = tcg_pick_string, [X86_H_cmps] = tcg_pick_string,
    [X86_H_stos] = tcg_pick_string, [X86_H_lods] = tcg_pick_string,
    [X86_H_scas] = tcg_pick_string, [X86_H_ins] = tcg_pick_string, [X86_H_outs] = tcg_pick_string,
    [X86_H_jcc] = tcg_pick_jcc,
    [X86_H_native] = tcg_pick_native, [X86_H_native_fp] = tcg_pick_native,
    [X86_H_x87] = tcg_pick_native, [X86_H_x87_flags] = tcg_pick_native,
    [X86_H_crc32] = tcg_pick_native, [X86_H_popcnt] = tcg_pick_native,
    [X86_H_tzcnt] = tcg_pick_native, [X86_H_lzcnt] = tcg_pick_native,
    [X86_H_adx] = tcg_pick_native, [X86_H_mulx] = tcg_pick_native,
    [X86_H_pcmpstr] = tcg_pick_native,
};

static TcgHandler *const simple[X86_NR_HANDLERS] = {
#define X(name) [X86_H_##name] = h_##name,
    TCG_SIMPLE_HANDLERS(X)
#undef X
};

unsigned tcg_op_bytes(const TcgOp *op, unsigned n)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);

    switch (row->op_kind[n]) {
    case X86_OPK_AL:
        return 1;
    case X86_OPK_rAX:
        return op->i.opsize;
    case X86_OPK_zAX:
        return MIN(op->i.opsize, 4);
    default:
        return x86_operand_bytes(&op->i, n, false);
    }
}

/* Without REX, byte registers 4..7 are AH, CH, DH, BH. */
static uint8_t high_byte(uint8_t n)
{
    return n >= 4 && n < 8 ? (n - 4) | 0x10 : n;
}

static void fix_byte_registers(X86Insn *i, const X86InsnRow *row)
{
    bool reg = false, rm = false;

    for (unsigned n = 0; n < row->nr_ops && !(i->flags & (X86_I_REX | X86_I_VEX)); n++) {
        if (row->op_size[n] == X86_OPS_b) {
            reg |= row->op_kind[n] == X86_OPK_G;
            rm |= row->op_kind[n] == X86_OPK_E || row->op_kind[n] == X86_OPK_Z;
        }
    }
    i->reg = reg ? high_byte(i->reg) : i->reg;
    i->rm = rm && !(row->attrs & X86_A_r32) ? high_byte(i->rm) : i->rm;
}

static HANDLER(op_cpl0)
{
    tcg_raise_err(c, op, EXC_GP, 0);
}

TcgHandler *tcg_select(const TcgCPU *c, TcgOp *op)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned h = row->handler;
    TcgHandler *general = simple[h];

    if (row->attrs & X86_A_np && c->mode & 0x100) {
        return tcg_op_ud;
    }
    if (row->attrs & X86_A_cpl0 && c->cpl != 0) {
        bool ud = h == X86_H_monitor || h == X86_H_mwait || h == X86_H_clac_stac;

        return ud ? tcg_op_ud : op_cpl0;
    }
    fix_byte_registers(&op->i, row);
    if (picks[h]) {
        general = picks[h](op, row, row->nr_ops ? tcg_op_bytes(op, 0) : 0);
    }
    if (!general) {
        return tcg_op_ud;
    }
    /* The fast ones look at no alignment. */
    return c->code64 && !op->aux && !(c->mode & TCG_MODE_ALIGN) ? tcg_pick_fast(op, row, general)
                                                                : general;
}
