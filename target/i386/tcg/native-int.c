/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer instructions in runs (native-run.c). Registers stay in the TcgCPU; flags go into its
 * f_res, f_delta, f_carry and f_af as the handlers put them, unless an instruction that sets them
 * all follows and the run cannot end in between.
 *
 *   r8  source     r9  destination before     r10  result     rax  host address of memory
 *   r11, rcx, rdx, rsi  scratch
 *
 * Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"
#include "target/i386/tcg/native-run.h"

enum { RAX = 0, RCX = 1, RDX = 2, RSI = 6, R8 = 8, R9 = 9, R10 = 10, R11 = 11 };
enum { FLAGS_ELSEWHERE, FLAGS_ADD, FLAGS_SUB, FLAGS_LOGIC };
#define STATE(field) offsetof(TcgCPU, field)

/* How an instruction is emitted and what it does with flags. */
typedef enum Kind {
    K_NONE, K_NOP, K_MOV, K_EXTEND, K_CBW, K_LEA, K_PUSH, K_POP, K_NOT, /* leave flags alone */
    K_ALU, K_SHIFT, K_MUL,                                              /* set all */
    K_ROTATE,                                                           /* sets some */
    K_JCC, K_CMOV, K_SETCC,                                             /* read them */
} Kind;

static const uint8_t kinds[X86_NR_HANDLERS] = {
    [X86_H_nop] = K_NOP, [X86_H_mov] = K_MOV, [X86_H_mov_imm] = K_MOV, [X86_H_movzx] = K_EXTEND,
    [X86_H_movsx] = K_EXTEND, [X86_H_movsxd] = K_EXTEND, [X86_H_cbw] = K_CBW,
    [X86_H_lea] = K_LEA, [X86_H_push] = K_PUSH, [X86_H_pop] = K_POP, [X86_H_not] = K_NOT,
    [X86_H_add] = K_ALU, [X86_H_sub] = K_ALU, [X86_H_cmp] = K_ALU, [X86_H_and] = K_ALU,
    [X86_H_or] = K_ALU, [X86_H_xor] = K_ALU, [X86_H_test] = K_ALU,
    [X86_H_shl] = K_SHIFT, [X86_H_shr] = K_SHIFT, [X86_H_sar] = K_SHIFT,
    [X86_H_imul2] = K_MUL, [X86_H_imul3] = K_MUL,
    [X86_H_rol] = K_ROTATE, [X86_H_ror] = K_ROTATE,
    [X86_H_jcc] = K_JCC, [X86_H_cmov] = K_CMOV, [X86_H_setcc] = K_SETCC,
};

static Kind kind_of(const TcgOp *op)
{
    return kinds[x86_insn_row(op->i.row)->handler];
}

/* ---- Registers and memory -------------------------------------------------------------------- */

static unsigned log2_bytes(unsigned bytes)
{
    return __builtin_ctz(bytes);
}

/* REX for a register @host in ModRM.reg and a value of @bytes. */
static void emit_rex(TcgEmit *e, unsigned host, unsigned bytes)
{
    tcg_emit(e, 0x40 | (bytes == 8 ? 8 : 0) | (host >= 8 ? 4 : 0), 1);
}

/* ModRM: [rax], or [rdi + @at]. */
static void emit_place(TcgEmit *e, unsigned host, bool mem, size_t at)
{
    if (mem) {
        tcg_emit(e, (host & 7) << 3, 1);
    } else {
        tcg_emit_state(e, host, at);
    }
}

/* @host: the value at [rax] or in the TcgCPU, zero- or sign-extended to 64 bits. */
static void emit_load(TcgEmit *e, unsigned host, bool mem, size_t at, unsigned bytes, bool sign)
{
    static const struct {
        uint16_t code;
        uint8_t len;
    } opcodes[2][4] = {
        { { 0x0fb6, 2 }, { 0x0fb7, 2 }, { 0x8b, 1 }, { 0x8b, 1 } },
        { { 0x0fbe, 2 }, { 0x0fbf, 2 }, { 0x63, 1 }, { 0x8b, 1 } },
    };
    unsigned size = log2_bytes(bytes);

    emit_rex(e, host, sign ? 8 : bytes);
    tcg_emit_code(e, opcodes[sign][size].code, opcodes[sign][size].len);
    emit_place(e, host, mem, at);
}

static void emit_store(TcgEmit *e, unsigned host, bool mem, size_t at, unsigned bytes)
{
    if (bytes == 2) {
        tcg_emit(e, 0x66, 1);
    }
    emit_rex(e, host, bytes);
    tcg_emit(e, bytes == 1 ? 0x88 : 0x89, 1);
    emit_place(e, host, mem, at);
}

static size_t reg_at(unsigned guest)
{
    return STATE(r) + 8 * (guest & 15) + (guest >> 4);
}

static void load_reg(TcgEmit *e, unsigned host, unsigned guest, unsigned bytes)
{
    emit_load(e, host, false, reg_at(guest), bytes, false);
}

/* Writes of 32 bits clear the upper half: @host has it clear. */
static void store_reg(TcgEmit *e, unsigned host, unsigned guest, unsigned bytes)
{
    emit_store(e, host, false, reg_at(guest), bytes == 4 ? 8 : bytes);
}

static void load_imm(TcgEmit *e, unsigned host, uint64_t v)
{
    bool small = (int64_t)v == (int32_t)v;

    tcg_emit(e, host >= 8 ? 0x49 : 0x48, 1);
    tcg_emit(e, small ? 0xc7 : 0xb8 | (host & 7), 1);
    if (small) {
        tcg_emit(e, 0xc0 | (host & 7), 1);
    }
    tcg_emit(e, v, small ? 4 : 8);
}

/* @opcode of the form "r/m, reg" for 16 to 64 bits; that for 8 bits is one less. */
static void emit_rr(TcgEmit *e, unsigned opcode, unsigned rm, unsigned reg, unsigned bytes)
{
    if (bytes == 2) {
        tcg_emit(e, 0x66, 1);
    }
    tcg_emit(e, 0x40 | (bytes == 8 ? 8 : 0) | (reg >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0), 1);
    tcg_emit(e, opcode - (bytes == 1), 1);
    tcg_emit(e, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
}

enum { OP_ADD = 0x01, OP_OR = 0x09, OP_AND = 0x21, OP_SUB = 0x29, OP_XOR = 0x31, OP_CMP = 0x39,
       OP_TEST = 0x85, OP_MOV = 0x89 };
enum { SH_ROL = 0, SH_ROR = 1, SH_SHL = 4, SH_SHR = 5, SH_SAR = 7 };

/* NOT, NEG (group 3) of a 64-bit register. */
static void emit_group3(TcgEmit *e, unsigned digit, unsigned host)
{
    tcg_emit(e, host >= 8 ? 0x49 : 0x48, 1);
    tcg_emit(e, 0xf7, 1);
    tcg_emit(e, 0xc0 | digit << 3 | (host & 7), 1);
}

static void emit_shift(TcgEmit *e, unsigned digit, unsigned host, unsigned n, unsigned bytes)
{
    if (!n) {
        return;
    }
    tcg_emit(e, 0x40 | (bytes == 8 ? 8 : 0) | (host >= 8 ? 1 : 0), 1);
    tcg_emit(e, 0xc1, 1);
    tcg_emit(e, 0xc0 | digit << 3 | (host & 7), 1);
    tcg_emit(e, n, 1);
}

/* ---- Flags ----------------------------------------------------------------------------------- */

static bool may_exit(const TcgOp *op)
{
    Kind k = kind_of(op);

    return (op->i.flags & X86_I_MEM && k != K_NOP && k != K_LEA) || k == K_PUSH || k == K_POP ||
           k == K_JCC;
}

/* Does anything see the flags that op @n sets? */
static bool flags_live(const TcgRun *r, unsigned n)
{
    while (++n < r->nr) {
        Kind k = tcg_int_in_run(&r->ops[n]) ? kind_of(&r->ops[n]) : K_NONE;

        if (may_exit(&r->ops[n]) || k >= K_ROTATE) {
            return true;
        }
        if (k >= K_ALU) {
            return false;
        }
    }
    return true;
}

/* f_res: r10; f_delta: 0. */
static void flags_result(TcgEmit *e, unsigned bytes)
{
    if (bytes == 8) {
        emit_store(e, R10, false, STATE(f_res), 8);
    } else {
        static const struct {
            uint32_t code;
            uint8_t len;
        } extend[3] = { { 0x4d0fbeda, 4 }, { 0x4d0fbfda, 4 }, { 0x4d63da, 3 } };

        /* movsx r11, r10 */
        tcg_emit_code(e, extend[log2_bytes(bytes)].code, extend[log2_bytes(bytes)].len);
        emit_store(e, R11, false, STATE(f_res), 8);
    }
    tcg_emit_code(e, 0x48c7, 2);
    tcg_emit_state(e, 0, STATE(f_delta));
    tcg_emit(e, 0, 4);
}

static void flags_no_af(TcgEmit *e)
{
    tcg_emit(e, 0xc6, 1);
    tcg_emit_state(e, 0, STATE(f_af));
    tcg_emit(e, 0, 1);
}

/* As flags_add() and flags_sub(). */
static void flags_carry(TcgEmit *e, bool sub, unsigned bytes)
{
    emit_rr(e, OP_MOV, RDX, R9, 8);
    if (sub) {
        emit_group3(e, 2, RDX); /* not */
    }
    emit_rr(e, OP_MOV, RCX, RDX, 8);
    emit_rr(e, OP_AND, RDX, R8, 8); /* a & b */
    emit_rr(e, OP_OR, RCX, R8, 8);  /* a | b */
    if (sub) {
        emit_rr(e, OP_AND, RCX, R10, 8);
    } else {
        emit_rr(e, OP_MOV, R11, R10, 8);
        emit_group3(e, 2, R11);
        emit_rr(e, OP_AND, RCX, R11, 8);
    }
    emit_rr(e, OP_OR, RDX, RCX, 8);
    emit_store(e, RDX, false, STATE(f_af), 1);
    emit_shift(e, SH_SHL, RDX, 64 - bytes * 8, 8);
    emit_store(e, RDX, false, STATE(f_carry), 8);
}

static void flags_no_carry(TcgEmit *e)
{
    tcg_emit_code(e, 0x48c7, 2);
    tcg_emit_state(e, 0, STATE(f_carry));
    tcg_emit(e, 0, 4);
}

/* rdx: bit 63 is set when ZF is; clobbers rcx. */
static void zero_to_sign(TcgEmit *e)
{
    emit_load(e, RDX, false, STATE(f_res), 8, false);
    emit_rr(e, OP_MOV, RCX, RDX, 8);
    emit_group3(e, 3, RCX); /* neg */
    emit_rr(e, OP_OR, RDX, RCX, 8);
    emit_group3(e, 2, RDX); /* not */
}

/* rdx: bit 63 is set when SF != OF. */
static void less_to_sign(TcgEmit *e)
{
    emit_load(e, RDX, false, STATE(f_res), 8, false);
    emit_load(e, RCX, false, STATE(f_delta), 8, false);
    emit_rr(e, OP_XOR, RDX, RCX, 8);
    emit_load(e, RCX, false, STATE(f_carry), 8, false);
    emit_rr(e, OP_XOR, RDX, RCX, 8);
    emit_rr(e, OP_ADD, RCX, RCX, 8);
    emit_rr(e, OP_XOR, RDX, RCX, 8);
}

/* Condition @cc from the TcgCPU: the host's condition code, valid at the next instruction.
 * Clobbers rcx, rdx, rsi. */
static unsigned cond_from_state(TcgEmit *e, unsigned cc)
{
    switch (cc >> 1) {
    case 0: /* OF */
        emit_load(e, RDX, false, STATE(f_carry), 8, false);
        emit_rr(e, OP_MOV, RCX, RDX, 8);
        emit_rr(e, OP_ADD, RCX, RCX, 8);
        emit_rr(e, OP_XOR, RDX, RCX, 8);
        break;
    case 1: /* CF */
        emit_load(e, RDX, false, STATE(f_carry), 8, false);
        emit_rr(e, OP_TEST, RDX, RDX, 8);
        break;
    case 2: /* ZF */
        emit_load(e, RDX, false, STATE(f_res), 8, false);
        emit_rr(e, OP_TEST, RDX, RDX, 8);
        return cc;
    case 3: /* CF or ZF */
        zero_to_sign(e);
        emit_load(e, RCX, false, STATE(f_carry), 8, false);
        emit_rr(e, OP_OR, RDX, RCX, 8);
        break;
    case 4: /* SF */
        emit_load(e, RDX, false, STATE(f_res), 8, false);
        emit_load(e, RCX, false, STATE(f_delta), 8, false);
        emit_rr(e, OP_XOR, RDX, RCX, 8);
        break;
    case 5: /* PF */
        emit_load(e, RDX, false, STATE(f_delta), 8, false);
        emit_shift(e, SH_SHR, RDX, 8, 8);
        emit_load(e, RCX, false, STATE(f_res), 8, false);
        emit_rr(e, OP_XOR, RDX, RCX, 1);
        return cc;
    case 6:
        less_to_sign(e);
        break;
    default:
        less_to_sign(e);
        emit_rr(e, OP_MOV, RSI, RDX, 8);
        zero_to_sign(e);
        emit_rr(e, OP_OR, RDX, RSI, 8);
        break;
    }
    return 8 | (cc & 1); /* S, NS */
}

/* The same, from the operands of the last instruction when they are still there. */
static unsigned emit_cond(TcgRun *r, unsigned cc)
{
    TcgEmit *e = &r->e;

    switch (r->flags_of) {
    case FLAGS_ADD:
        emit_rr(e, OP_MOV, RDX, R9, 8);
        emit_rr(e, OP_ADD, RDX, R8, r->flags_bytes);
        return cc;
    case FLAGS_SUB:
        emit_rr(e, OP_CMP, R9, R8, r->flags_bytes);
        return cc;
    case FLAGS_LOGIC:
        emit_rr(e, OP_TEST, R10, R10, r->flags_bytes);
        return cc;
    default:
        return cond_from_state(e, cc);
    }
}

/* ---- Instructions ---------------------------------------------------------------------------- */

static bool is_mem(const TcgOp *op)
{
    return op->i.flags & X86_I_MEM;
}

/* Reads or writes the E operand, whose place tcg_run_lookup() has found. */
static void load_rm(TcgEmit *e, unsigned host, const TcgOp *op, unsigned bytes)
{
    emit_load(e, host, is_mem(op), reg_at(op->i.rm), bytes, false);
}

static void emit_mov(TcgRun *r, const TcgOp *op, unsigned n, unsigned bytes)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    bool load = is_mem(op) && row->op_kind[0] == X86_OPK_G;
    TcgEmit *e = &r->e;

    if (is_mem(op)) {
        tcg_run_lookup(r, &op->i, n, bytes, !load, false);
    }
    if (load) {
        emit_load(e, R11, true, 0, bytes, false);
        store_reg(e, R11, op->i.reg, bytes);
        return;
    }
    if (row->handler == X86_H_mov_imm) {
        load_imm(e, R11, bytes == 4 ? (uint32_t)op->i.imm : op->i.imm);
    } else {
        load_reg(e, R11, op->i.reg, bytes);
    }
    if (is_mem(op)) {
        emit_store(e, R11, true, 0, bytes);
    } else {
        store_reg(e, R11, op->i.rm, bytes);
    }
}

static unsigned extend_bytes(const TcgOp *op)
{
    return x86_insn_row(op->i.row)->handler == X86_H_movsxd ? 4 : tcg_op_bytes(op, 1);
}

static void emit_extend(TcgRun *r, const TcgOp *op, unsigned n)
{
    bool sign = x86_insn_row(op->i.row)->handler != X86_H_movzx;
    unsigned from = extend_bytes(op);
    TcgEmit *e = &r->e;

    if (is_mem(op)) {
        tcg_run_lookup(r, &op->i, n, from, false, false);
    }
    emit_load(e, R11, is_mem(op), reg_at(op->i.rm), from, sign);
    if (sign && op->i.opsize == 4) {
        emit_rr(e, OP_MOV, R11, R11, 4);
    }
    store_reg(e, R11, op->i.reg, op->i.opsize);
}

static void emit_cbw(TcgEmit *e, const TcgOp *op)
{
    emit_load(e, R11, false, reg_at(R_EAX), op->i.opsize / 2, true);
    if (op->i.opsize == 4) {
        emit_rr(e, OP_MOV, R11, R11, 4);
    }
    store_reg(e, R11, R_EAX, op->i.opsize);
}

static void emit_lea(TcgEmit *e, const TcgOp *op)
{
    tcg_run_address(e, &op->i);
    if (op->i.opsize == 4) {
        emit_rr(e, OP_MOV, RAX, RAX, 4);
    }
    store_reg(e, RAX, op->i.reg, op->i.opsize);
}

static void emit_stack(TcgRun *r, const TcgOp *op, unsigned n, bool push)
{
    X86Insn slot = { .base = R_ESP, .index = X86_BASE_NONE, .seg = R_SS, .disp = push ? -8 : 0,
                     .flags = X86_I_MEM, .addrsize = 8 };
    TcgEmit *e = &r->e;

    tcg_run_lookup(r, &slot, n, 8, push, false);
    if (push) {
        load_reg(e, R11, op->i.rm, 8);
        emit_store(e, R11, true, 0, 8);
    } else {
        emit_load(e, R11, true, 0, 8, false);
    }
    tcg_emit_code(e, push ? 0x4883af : 0x488387, 3); /* sub or add [rdi + rsp], 8 */
    tcg_emit(e, reg_at(R_ESP), 4);
    tcg_emit(e, 8, 1);
    if (!push) {
        store_reg(e, R11, op->i.rm, 8);
    }
}

static void emit_alu(TcgRun *r, const TcgOp *op, unsigned n, unsigned bytes)
{
    static const uint8_t opcodes[X86_NR_HANDLERS] = {
        [X86_H_add] = OP_ADD, [X86_H_sub] = OP_SUB, [X86_H_cmp] = OP_SUB, [X86_H_and] = OP_AND,
        [X86_H_test] = OP_AND, [X86_H_or] = OP_OR, [X86_H_xor] = OP_XOR,
    };
    const X86InsnRow *row = x86_insn_row(op->i.row);
    bool writes = row->handler != X86_H_cmp && row->handler != X86_H_test;
    bool to_reg = row->op_kind[0] == X86_OPK_G, imm = row->op_kind[1] == X86_OPK_I;
    unsigned opcode = opcodes[row->handler];
    TcgEmit *e = &r->e;

    if (is_mem(op)) {
        tcg_run_lookup(r, &op->i, n, bytes, writes && !to_reg, false);
    }
    if (is_mem(op) && to_reg) {
        load_reg(e, R9, op->i.reg, bytes);
        emit_load(e, R8, true, 0, bytes, false);
    } else {
        load_rm(e, R9, op, bytes);
        if (imm) {
            load_imm(e, R8, op->i.imm);
        } else {
            load_reg(e, R8, op->i.reg, bytes);
        }
    }
    emit_rr(e, OP_MOV, R10, R9, 8);
    emit_rr(e, opcode, R10, R8, bytes == 4 ? 4 : 8);
    if (writes && is_mem(op) && !to_reg) {
        emit_store(e, R10, true, 0, bytes);
    } else if (writes) {
        store_reg(e, R10, is_mem(op) ? op->i.reg : op->i.rm, bytes);
    }
    if (flags_live(r, n)) {
        flags_result(e, bytes);
        if (opcode == OP_ADD || opcode == OP_SUB) {
            flags_carry(e, opcode == OP_SUB, bytes);
        } else {
            flags_no_carry(e);
            flags_no_af(e);
        }
    }
    r->flags_of = opcode == OP_ADD ? FLAGS_ADD : opcode == OP_SUB ? FLAGS_SUB : FLAGS_LOGIC;
    r->flags_bytes = bytes;
}

static unsigned shift_count(const TcgOp *op, unsigned bytes)
{
    return op->i.imm & (bytes == 8 ? 63 : 31);
}

/* f_carry of a shift by @n: bit 63 is CF, bit 62 CF ^ OF; r9 is what was shifted. */
static void shift_carry(TcgEmit *e, unsigned digit, unsigned n, unsigned bits)
{
    emit_rr(e, OP_MOV, RDX, R9, 8);
    if (digit == SH_SHL) {
        emit_shift(e, SH_SHL, RDX, n - 1 + 64 - bits, 8);
    } else if (digit == SH_SAR) {
        emit_shift(e, SH_SHL, RDX, 64 - bits, 8);
        emit_shift(e, SH_SAR, RDX, 64 - bits + n - 1, 8);
        emit_shift(e, SH_SHL, RDX, 63, 8);
        emit_shift(e, SH_SAR, RDX, 1, 8);
    } else {
        emit_shift(e, SH_SHR, RDX, n - 1, 8);
        emit_shift(e, SH_SHL, RDX, 63, 8);
        emit_rr(e, OP_MOV, RCX, R9, 8);
        emit_shift(e, SH_SHR, RCX, bits - 1, 8);
        emit_shift(e, SH_SHL, RCX, 63, 8);
        emit_rr(e, OP_XOR, RCX, RDX, 8);
        emit_shift(e, SH_SHR, RCX, 1, 8);
        emit_rr(e, OP_OR, RDX, RCX, 8);
    }
    emit_store(e, RDX, false, STATE(f_carry), 8);
}

static void emit_shift_op(TcgRun *r, const TcgOp *op, unsigned n, unsigned bytes)
{
    static const uint8_t digits[X86_NR_HANDLERS] = { [X86_H_shl] = SH_SHL, [X86_H_shr] = SH_SHR,
                                                     [X86_H_sar] = SH_SAR };
    unsigned digit = digits[x86_insn_row(op->i.row)->handler], count = shift_count(op, bytes);
    TcgEmit *e = &r->e;

    load_reg(e, R9, op->i.rm, bytes);
    emit_rr(e, OP_MOV, R10, R9, 8);
    emit_shift(e, digit, R10, count, bytes);
    store_reg(e, R10, op->i.rm, bytes);
    if (flags_live(r, n)) {
        flags_result(e, bytes);
        shift_carry(e, digit, count, bytes * 8);
        flags_no_af(e);
    }
    r->flags_of = FLAGS_ELSEWHERE;
}

static void emit_rotate(TcgRun *r, const TcgOp *op, unsigned bytes)
{
    bool left = x86_insn_row(op->i.row)->handler == X86_H_rol;
    TcgEmit *e = &r->e;

    load_reg(e, R10, op->i.rm, bytes);
    emit_shift(e, left ? SH_ROL : SH_ROR, R10, shift_count(op, bytes), bytes);
    store_reg(e, R10, op->i.rm, bytes);
    emit_rr(e, OP_MOV, RDX, R10, 8);
    if (left) { /* CF: bit 0; CF ^ OF: the highest bit */
        emit_shift(e, SH_SHL, RDX, 63, 8);
        emit_rr(e, OP_MOV, RCX, R10, 8);
        emit_shift(e, SH_SHR, RCX, bytes * 8 - 1, 8);
        emit_shift(e, SH_SHL, RCX, 62, 8);
        emit_rr(e, OP_OR, RDX, RCX, 8);
    } else {
        emit_shift(e, SH_SHL, RDX, 64 - bytes * 8, 8);
    }
    emit_store(e, RDX, false, STATE(f_carry), 8);
    r->flags_of = FLAGS_ELSEWHERE;
}

static void emit_mul(TcgRun *r, const TcgOp *op, unsigned n, unsigned bytes)
{
    bool three = x86_insn_row(op->i.row)->handler == X86_H_imul3;
    TcgEmit *e = &r->e;

    if (is_mem(op)) {
        tcg_run_lookup(r, &op->i, n, bytes, false, false);
    }
    load_rm(e, R8, op, bytes);
    if (three) {
        load_imm(e, R10, op->i.imm);
    } else {
        load_reg(e, R10, op->i.reg, bytes);
    }
    tcg_emit_code(e, bytes == 8 ? 0x4d0fafd0 : 0x450fafd0, 4); /* imul r10, r8 */
    if (flags_live(r, n)) {
        tcg_emit_code(e, 0x0f90c1, 3); /* seto cl */
        emit_shift(e, SH_SHL, RCX, 63, 8);
        emit_store(e, RCX, false, STATE(f_carry), 8);
        flags_result(e, bytes);
        flags_no_af(e);
    }
    store_reg(e, R10, op->i.reg, bytes);
    r->flags_of = FLAGS_ELSEWHERE;
}

static void emit_cmov(TcgRun *r, const TcgOp *op, unsigned n, unsigned cc)
{
    unsigned bytes = op->i.opsize, host;
    TcgEmit *e = &r->e;

    if (is_mem(op)) {
        tcg_run_lookup(r, &op->i, n, bytes, false, false);
    }
    load_rm(e, RAX, op, bytes);
    load_reg(e, R11, op->i.reg, bytes);
    host = emit_cond(r, cc);
    tcg_emit_code(e, 0x4c0f40 | host, 3); /* cmovcc r11, rax */
    tcg_emit(e, 0xd8, 1);
    store_reg(e, R11, op->i.reg, bytes);
}

static void emit_setcc(TcgRun *r, const TcgOp *op, unsigned n, unsigned cc)
{
    TcgEmit *e = &r->e;
    unsigned host;

    if (is_mem(op)) {
        tcg_run_lookup(r, &op->i, n, 1, true, false);
    }
    host = emit_cond(r, cc);
    tcg_emit_code(e, 0x410f90 | host, 3); /* setcc r11b */
    tcg_emit(e, 0xc3, 1);
    emit_store(e, R11, is_mem(op), reg_at(op->i.rm), 1);
}

/* ---- Choice ---------------------------------------------------------------------------------- */

static unsigned bytes_of(const TcgOp *op)
{
    return x86_insn_row(op->i.row)->nr_ops ? tcg_op_bytes(op, 0) : 0;
}

static bool mem_fits(const TcgOp *op)
{
    return !is_mem(op) || (op->i.addrsize == 8 && op->i.disp < INT32_MAX - 0x2000);
}

static bool shift_fits(const TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    return !is_mem(op) && bytes >= 4 && row->op_kind[1] != X86_OPK_CL && shift_count(op, bytes);
}

bool tcg_int_in_run(const TcgOp *op)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned bytes = bytes_of(op);

    if (op->i.flags & X86_I_LOCK || op->fn == tcg_op_ud || !mem_fits(op)) {
        return false;
    }
    switch (kinds[row->handler]) {
    case K_NOP:
    case K_SETCC:
    case K_JCC:
        return true;
    case K_MOV:
        return bytes && bytes <= 8;
    case K_ALU:
        return bytes && bytes <= 8 && row->nr_ops == 2;
    case K_EXTEND:
    case K_CBW:
    case K_LEA:
    case K_CMOV:
    case K_MUL:
        return op->i.opsize >= 4;
    case K_PUSH:
    case K_POP:
        return op->i.opsize == 8;
    case K_SHIFT:
    case K_ROTATE:
        return shift_fits(op, row, bytes);
    case K_NOT:
        return !is_mem(op) && bytes >= 4;
    default:
        return false;
    }
}

void tcg_int_emit(TcgRun *r, unsigned n)
{
    const TcgOp *op = &r->ops[n];
    unsigned bytes = bytes_of(op), cc = x86_insn_row(op->i.row)->opcode & 15;
    TcgEmit *e = &r->e;

    switch (kind_of(op)) {
    case K_MOV:
        emit_mov(r, op, n, bytes);
        break;
    case K_EXTEND:
        emit_extend(r, op, n);
        break;
    case K_CBW:
        emit_cbw(e, op);
        break;
    case K_LEA:
        emit_lea(e, op);
        break;
    case K_PUSH:
    case K_POP:
        emit_stack(r, op, n, kind_of(op) == K_PUSH);
        break;
    case K_NOT:
        load_reg(e, R11, op->i.rm, bytes);
        emit_group3(e, 2, R11);
        if (bytes == 4) {
            emit_rr(e, OP_MOV, R11, R11, 4);
        }
        store_reg(e, R11, op->i.rm, bytes);
        break;
    case K_ALU:
        emit_alu(r, op, n, bytes);
        break;
    case K_SHIFT:
        emit_shift_op(r, op, n, bytes);
        break;
    case K_MUL:
        emit_mul(r, op, n, bytes);
        break;
    case K_ROTATE:
        emit_rotate(r, op, bytes);
        break;
    case K_JCC:
        tcg_run_exit(r, emit_cond(r, cc), n);
        break;
    case K_CMOV:
        emit_cmov(r, op, n, cc);
        break;
    case K_SETCC:
        emit_setcc(r, op, n, cc);
        break;
    default:
        break;
    }
}
