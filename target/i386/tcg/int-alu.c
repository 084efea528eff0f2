/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer arithmetic, logic and shifts (SDM vol 2 ADD .. XOR). One handler per operation, size and
 * operand form, made by macros; tcg_pick_alu() and tcg_pick_shift() choose. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"

#define INLINE static inline __attribute__((always_inline))

enum { K_ADD, K_OR, K_ADC, K_SBB, K_AND, K_SUB, K_XOR, K_CMP, K_TEST, K_INC, K_DEC, K_NOT, K_NEG };

/* INC and DEC leave CF alone. */
INLINE void keep_carry(TcgCPU *c, bool cf)
{
    tcg_set_carry(c, cf, f_of(c));
}

INLINE uint64_t alu(TcgCPU *c, unsigned kind, uint64_t a, uint64_t b, unsigned bits)
{
    uint64_t r;
    bool cf;

    switch (kind) {
    case K_ADD:
    case K_ADC:
        r = a + b + (kind == K_ADC && f_cf(c));
        flags_add(c, a, b, r, bits);
        return r;
    case K_SUB:
    case K_CMP:
    case K_SBB:
        r = a - b - (kind == K_SBB && f_cf(c));
        flags_sub(c, a, b, r, bits);
        return r;
    case K_INC:
    case K_DEC:
        cf = f_cf(c);
        r = kind == K_INC ? a + 1 : a - 1;
        if (kind == K_INC) {
            flags_add(c, a, 1, r, bits);
        } else {
            flags_sub(c, a, 1, r, bits);
        }
        keep_carry(c, cf);
        return r;
    case K_NEG:
        flags_sub(c, 0, a, -a, bits);
        return -a;
    case K_NOT:
        return ~a;
    default:
        r = kind == K_OR ? a | b : kind == K_XOR ? a ^ b : a & b;
        flags_logic(c, r, bits);
        return r;
    }
}

/* @kind writes its result. */
#define WRITES(kind) ((kind) != K_CMP && (kind) != K_TEST)

INLINE uint8_t *fast_write(TcgCPU *c, uint64_t la, unsigned bytes)
{
    TcgTlbEntry *e = tcg_tlb_entry(c, la);

    return e->write == (la & TCG_PAGE_MASK) && (la & 0xfff) <= 0x1000 - bytes
               ? (uint8_t *)(la + e->addend)
               : NULL;
}

INLINE void rmw(TcgCPU *c, const TcgOp *op, unsigned kind, uint64_t b, unsigned bits)
{
    uint64_t la = op_la(c, op, bits / 8, WRITES(kind)), a = 0;
    uint8_t *p;

    if (!WRITES(kind)) {
        alu(c, kind, tcg_load(c, op, la, bits / 8), b, bits);
        return;
    }
    p = fast_write(c, la, bits / 8);
    if (likely(p)) {
        memcpy(&a, p, bits / 8);
        a = alu(c, kind, a, b, bits);
        memcpy(p, &a, bits / 8);
        return;
    }
    tcg_probe(c, op, la, bits / 8, TCG_WRITE);
    a = tcg_load(c, op, la, bits / 8);
    tcg_store(c, op, la, alu(c, kind, a, b, bits), bits / 8);
}

/* With LOCK: a compare-and-swap loop on the host's memory. */
#define DEFINE_LOCKED(bits, type)                                                                  \
    INLINE void locked_##bits(TcgCPU *c, const TcgOp *op, unsigned kind, uint64_t b)               \
    {                                                                                              \
        uint64_t la = op_la(c, op, bits / 8, true);                                                \
        type *p = tcg_host(c, op, la, bits / 8, TCG_WRITE), old, new;                              \
        bool cf = f_cf(c);                                                                         \
                                                                                                   \
        if (!p) {                                                                                  \
            tcg_split_begin(c, la, bits / 8);                                                      \
            rmw(c, op, kind, b, bits);                                                             \
            tcg_split_end(c);                                                                      \
            return;                                                                                \
        }                                                                                          \
        old = __atomic_load_n(p, __ATOMIC_RELAXED);                                                \
        do {                                                                                       \
            if (kind == K_ADC || kind == K_SBB || kind == K_INC || kind == K_DEC) {                \
                tcg_set_carry(c, cf, false);                                                       \
            }                                                                                      \
            new = alu(c, kind, old, b, bits);                                                      \
        } while (!__atomic_compare_exchange_n(p, &old, new, true, __ATOMIC_SEQ_CST,                \
                                              __ATOMIC_RELAXED));                                  \
    }
DEFINE_LOCKED(8, uint8_t)
DEFINE_LOCKED(16, uint16_t)
DEFINE_LOCKED(32, uint32_t)
DEFINE_LOCKED(64, uint64_t)

/* Forms. Destination first: rr: rm <- reg, rm: reg <- memory, mr: memory <- reg, ri, mi: immediate,
 * lr, li: memory with LOCK. */
#define ALU_SIZE(KIND, bits)                                                                       \
    static HANDLER(KIND##_rr_##bits)                                                               \
    {                                                                                              \
        uint64_t r = alu(c, KIND, get_reg(c, op->i.rm, bits / 8),                                  \
                         get_reg(c, op->i.reg, bits / 8), bits);                                   \
        if (WRITES(KIND)) {                                                                        \
            set_reg(c, op->i.rm, bits / 8, r);                                                     \
        }                                                                                          \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_rm_##bits)                                                               \
    {                                                                                              \
        uint64_t b = tcg_load(c, op, op_la(c, op, bits / 8, false), bits / 8);                     \
        uint64_t r = alu(c, KIND, get_reg(c, op->i.reg, bits / 8), b, bits);                       \
        if (WRITES(KIND)) {                                                                        \
            set_reg(c, op->i.reg, bits / 8, r);                                                    \
        }                                                                                          \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_mr_##bits)                                                               \
    {                                                                                              \
        rmw(c, op, KIND, get_reg(c, op->i.reg, bits / 8), bits);                                   \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_ri_##bits)                                                               \
    {                                                                                              \
        uint64_t r = alu(c, KIND, get_reg(c, op->i.rm, bits / 8), op->i.imm, bits);                \
        if (WRITES(KIND)) {                                                                        \
            set_reg(c, op->i.rm, bits / 8, r);                                                     \
        }                                                                                          \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_mi_##bits)                                                               \
    {                                                                                              \
        rmw(c, op, KIND, op->i.imm, bits);                                                         \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_lr_##bits)                                                               \
    {                                                                                              \
        locked_##bits(c, op, KIND, get_reg(c, op->i.reg, bits / 8));                               \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_li_##bits)                                                               \
    {                                                                                              \
        locked_##bits(c, op, KIND, op->i.imm);                                                     \
        NEXT;                                                                                      \
    }

enum { FORM_RR, FORM_RM, FORM_MR, FORM_RI, FORM_MI, FORM_LR, FORM_LI, NR_FORMS };

#define ALU_FORMS(KIND, bits)                                                                      \
    { KIND##_rr_##bits, KIND##_rm_##bits, KIND##_mr_##bits, KIND##_ri_##bits, KIND##_mi_##bits,    \
      KIND##_lr_##bits, KIND##_li_##bits }

#define ALU_KINDS(X)                                                                               \
    X(K_ADD) X(K_OR) X(K_ADC) X(K_SBB) X(K_AND) X(K_SUB) X(K_XOR) X(K_CMP) X(K_TEST) X(K_INC)      \
    X(K_DEC) X(K_NOT) X(K_NEG)
#define ALU(KIND) ALU_SIZE(KIND, 8) ALU_SIZE(KIND, 16) ALU_SIZE(KIND, 32) ALU_SIZE(KIND, 64)
ALU_KINDS(ALU)

static TcgHandler *const alu_table[][4][NR_FORMS] = {
#define ALU_ROW(KIND)                                                                              \
    [KIND] = { ALU_FORMS(KIND, 8), ALU_FORMS(KIND, 16), ALU_FORMS(KIND, 32), ALU_FORMS(KIND, 64) },
    ALU_KINDS(ALU_ROW)
};

static const uint8_t alu_kind[X86_NR_HANDLERS] = {
    [X86_H_add] = K_ADD, [X86_H_or] = K_OR, [X86_H_adc] = K_ADC, [X86_H_sbb] = K_SBB,
    [X86_H_and] = K_AND, [X86_H_sub] = K_SUB, [X86_H_xor] = K_XOR, [X86_H_cmp] = K_CMP,
    [X86_H_test] = K_TEST, [X86_H_inc] = K_INC, [X86_H_dec] = K_DEC, [X86_H_not] = K_NOT,
    [X86_H_neg] = K_NEG,
};

static void swap_regs(X86Insn *i)
{
    uint8_t t = i->reg;

    i->reg = i->rm;
    i->rm = t;
}

TcgHandler *tcg_pick_alu(TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    X86Insn *i = &op->i;
    bool mem = i->flags & X86_I_MEM, lock = i->flags & X86_I_LOCK, imm = row->nr_ops < 2;
    unsigned form;

    imm |= row->nr_ops == 2 && row->op_kind[1] == X86_OPK_I;
    if (row->op_kind[0] == X86_OPK_G) { /* reg <- rm */
        form = mem ? FORM_RM : FORM_RR;
        if (!mem) {
            swap_regs(i);
        }
    } else if (imm) {
        form = !mem ? FORM_RI : lock ? FORM_LI : FORM_MI;
        i->rm = row->op_kind[0] == X86_OPK_AL || row->op_kind[0] == X86_OPK_rAX ? 0 : i->rm;
    } else {
        form = !mem ? FORM_RR : lock ? FORM_LR : FORM_MR;
    }
    return alu_table[alu_kind[row->handler]][__builtin_ctz(bytes)][form];
}

/* ---- Shifts and rotates ---------------------------------------------------------------------- */

enum { S_ROL, S_ROR, S_RCL, S_RCR, S_SHL, S_SHR, S_SAR };

INLINE uint64_t mask_bits(uint64_t v, unsigned bits)
{
    return bits == 64 ? v : v & ((1ull << bits) - 1);
}

/* Rotates touch CF and OF only. */
INLINE uint64_t rotate(TcgCPU *c, unsigned kind, uint64_t a, unsigned n, unsigned bits)
{
    uint64_t r;

    n &= bits - 1;
    if (kind == S_ROL) {
        r = n ? mask_bits(a << n, bits) | a >> (bits - n) : a;
        tcg_set_carry(c, r & 1, (r & 1) ^ (r >> (bits - 1) & 1));
    } else {
        r = n ? a >> n | mask_bits(a << (bits - n), bits) : a;
        tcg_set_carry(c, r >> (bits - 1) & 1, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
    }
    return r;
}

INLINE uint64_t rotate_carry(TcgCPU *c, unsigned kind, uint64_t a, unsigned n, unsigned bits)
{
    bool cf = f_cf(c), msb;

    for (n %= bits + 1; n; n--) {
        bool out = kind == S_RCL ? a >> (bits - 1) & 1 : a & 1;

        a = kind == S_RCL ? mask_bits(a << 1 | cf, bits) : a >> 1 | (uint64_t)cf << (bits - 1);
        cf = out;
    }
    msb = a >> (bits - 1) & 1;
    tcg_set_carry(c, cf, kind == S_RCL ? msb ^ cf : msb ^ (a >> (bits - 2) & 1));
    return a;
}

INLINE uint64_t shift(TcgCPU *c, unsigned kind, uint64_t a, unsigned n, unsigned bits)
{
    uint64_t r;
    bool cf, of;

    n &= bits == 64 ? 63 : 31;
    a = mask_bits(a, bits);
    if (n == 0) {
        return a;
    }
    if (kind == S_ROL || kind == S_ROR) {
        return rotate(c, kind, a, n, bits);
    }
    if (kind == S_RCL || kind == S_RCR) {
        return rotate_carry(c, kind, a, n, bits);
    }
    if (kind == S_SHL) {
        r = mask_bits(a << n, bits);
        cf = n <= bits && a >> (bits - n) & 1;
        of = (r >> (bits - 1) & 1) ^ cf;
    } else if (kind == S_SHR) {
        r = a >> n;
        cf = a >> (n - 1) & 1;
        of = a >> (bits - 1) & 1;
    } else {
        int64_t s = sext(a, bits);

        r = mask_bits(s >> n, bits);
        cf = s >> (n - 1) & 1;
        of = false;
    }
    flags_logic(c, r, bits);
    tcg_set_carry(c, cf, of);
    return r;
}

INLINE void shift_mem(TcgCPU *c, const TcgOp *op, unsigned kind, unsigned n, unsigned bits)
{
    uint64_t la = op_la(c, op, bits / 8, true), v;

    if (!fast_write(c, la, bits / 8)) {
        tcg_probe(c, op, la, bits / 8, TCG_WRITE);
    }
    v = tcg_load(c, op, la, bits / 8);
    tcg_store(c, op, la, shift(c, kind, v, n, bits), bits / 8);
}

#define SHIFT_SIZE(KIND, bits)                                                                     \
    static HANDLER(KIND##_ri_##bits)                                                               \
    {                                                                                              \
        set_reg(c, op->i.rm, bits / 8,                                                             \
                shift(c, KIND, get_reg(c, op->i.rm, bits / 8), op->i.imm, bits));                  \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_mi_##bits)                                                               \
    {                                                                                              \
        shift_mem(c, op, KIND, op->i.imm, bits);                                                   \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_rc_##bits)                                                               \
    {                                                                                              \
        set_reg(c, op->i.rm, bits / 8,                                                             \
                shift(c, KIND, get_reg(c, op->i.rm, bits / 8), c->r[R_ECX], bits));                \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(KIND##_mc_##bits)                                                               \
    {                                                                                              \
        shift_mem(c, op, KIND, c->r[R_ECX], bits);                                                 \
        NEXT;                                                                                      \
    }

#define SHIFT_KINDS(X) X(S_ROL) X(S_ROR) X(S_RCL) X(S_RCR) X(S_SHL) X(S_SHR) X(S_SAR)
#define SHIFT(KIND) SHIFT_SIZE(KIND, 8) SHIFT_SIZE(KIND, 16) SHIFT_SIZE(KIND, 32) \
    SHIFT_SIZE(KIND, 64)
SHIFT_KINDS(SHIFT)

#define SHIFT_FORMS(KIND, bits)                                                                    \
    { KIND##_ri_##bits, KIND##_mi_##bits, KIND##_rc_##bits, KIND##_mc_##bits }
static TcgHandler *const shift_table[][4][4] = {
#define SHIFT_ROW(KIND)                                                                            \
    [KIND] = { SHIFT_FORMS(KIND, 8), SHIFT_FORMS(KIND, 16), SHIFT_FORMS(KIND, 32),                 \
               SHIFT_FORMS(KIND, 64) },
    SHIFT_KINDS(SHIFT_ROW)
};

static const uint8_t shift_kind[X86_NR_HANDLERS] = {
    [X86_H_rol] = S_ROL, [X86_H_ror] = S_ROR, [X86_H_rcl] = S_RCL, [X86_H_rcr] = S_RCR,
    [X86_H_shl] = S_SHL, [X86_H_shr] = S_SHR, [X86_H_sar] = S_SAR,
};

TcgHandler *tcg_pick_shift(TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    bool mem = op->i.flags & X86_I_MEM, by_cl = row->op_kind[1] == X86_OPK_CL;

    if (row->op_kind[1] == X86_OPK_ONE) {
        op->i.imm = 1;
    }
    return shift_table[shift_kind[row->handler]][__builtin_ctz(bytes)][mem + 2 * by_cl];
}
