/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commonest instructions in the commonest circumstances: 64-bit mode, 64-bit addresses, no FS
 * or GS, TLB hit. A handler that meets anything else changes nothing and goes to the general one,
 * which op->aux names. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"

#define INLINE static inline __attribute__((always_inline))

#define GENERAL return ((TcgHandler *)op->aux)(c, op)

INLINE uint64_t fast_la(const TcgCPU *c, const TcgOp *op)
{
    return c->r[op->i.base] + (c->r[op->i.index] << op->i.scale) + (int64_t)op->i.disp;
}

INLINE bool hit(uint64_t tag, uint64_t la, unsigned bytes)
{
    return likely(tag == (la & TCG_PAGE_MASK) && (la & 0xfff) <= 0x1000 - bytes);
}

INLINE bool fast_load(TcgCPU *c, uint64_t la, unsigned bytes, uint64_t *v)
{
    const TcgTlbEntry *e = tcg_tlb_entry(c, la);

    if (!hit(e->read, la, bytes)) {
        return false;
    }
    *v = 0;
    memcpy(v, (void *)(la + e->addend), bytes);
    return true;
}

INLINE bool fast_store(TcgCPU *c, uint64_t la, unsigned bytes, uint64_t v)
{
    const TcgTlbEntry *e = tcg_tlb_entry(c, la);

    if (!hit(e->write, la, bytes)) {
        return false;
    }
    memcpy((void *)(la + e->addend), &v, bytes);
    return true;
}

/* ---- Moves ----------------------------------------------------------------------------------- */

#define MOV(bits)                                                                                  \
    static HANDLER(load_##bits)                                                                    \
    {                                                                                              \
        uint64_t v;                                                                                \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), bits / 8, &v)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        set_reg(c, op->i.reg, bits / 8, v);                                                        \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(store_##bits)                                                                   \
    {                                                                                              \
        if (!fast_store(c, fast_la(c, op), bits / 8, get_reg(c, op->i.reg, bits / 8))) {           \
            GENERAL;                                                                               \
        }                                                                                          \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(store_imm_##bits)                                                               \
    {                                                                                              \
        if (!fast_store(c, fast_la(c, op), bits / 8, op->i.imm)) {                                 \
            GENERAL;                                                                               \
        }                                                                                          \
        NEXT;                                                                                      \
    }
MOV(8)
MOV(16)
MOV(32)
MOV(64)

/* To a register of 32 or 64 bits; @from bits, zero- or sign-extended to @to. */
#define EXTEND(name, from, to, extended)                                                           \
    static HANDLER(name##_mem)                                                                     \
    {                                                                                              \
        uint64_t v;                                                                                \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), from / 8, &v)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        set_reg(c, op->i.reg, to / 8, extended);                                                   \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(name##_reg)                                                                     \
    {                                                                                              \
        uint64_t v = get_reg(c, op->i.rm, from / 8);                                               \
                                                                                                   \
        set_reg(c, op->i.reg, to / 8, extended);                                                   \
        NEXT;                                                                                      \
    }
EXTEND(movzx_8, 8, 32, v)
EXTEND(movzx_16, 16, 32, v)
EXTEND(movsx_8_32, 8, 32, sext(v, 8))
EXTEND(movsx_8_64, 8, 64, sext(v, 8))
EXTEND(movsx_16_32, 16, 32, sext(v, 16))
EXTEND(movsx_16_64, 16, 64, sext(v, 16))
EXTEND(movsx_32_64, 32, 64, sext(v, 32))

static HANDLER(lea_64)
{
    c->r[op->i.reg] = fast_la(c, op);
    NEXT;
}

static HANDLER(lea_32)
{
    c->r[op->i.reg] = (uint32_t)fast_la(c, op);
    NEXT;
}

static HANDLER(lea_rip)
{
    c->r[op->i.reg] = op_next_rip(c, op) + (int64_t)op->i.disp;
    NEXT;
}

/* ---- Stack ----------------------------------------------------------------------------------- */

static HANDLER(push_64)
{
    uint64_t sp = c->r[R_ESP] - 8;

    if (!fast_store(c, sp, 8, c->r[op->i.rm])) {
        GENERAL;
    }
    c->r[R_ESP] = sp;
    NEXT;
}

static HANDLER(pop_64)
{
    uint64_t v;

    if (!fast_load(c, c->r[R_ESP], 8, &v)) {
        GENERAL;
    }
    c->r[R_ESP] += 8;
    c->r[op->i.rm] = v;
    NEXT;
}

static HANDLER(leave_64)
{
    uint64_t v;

    if (!fast_load(c, c->r[R_EBP], 8, &v)) {
        GENERAL;
    }
    c->r[R_ESP] = c->r[R_EBP] + 8;
    c->r[R_EBP] = v;
    NEXT;
}

/* Addresses of 48 bits are canonical with 57, too; the general handler sees to the rest. */
INLINE bool canonical_48(uint64_t rip)
{
    return likely(rip == sext(rip, 48));
}

static HANDLER(ret_64)
{
    uint64_t rip;

    if (!fast_load(c, c->r[R_ESP], 8, &rip) || !canonical_48(rip)) {
        GENERAL;
    }
    c->r[R_ESP] += 8 + (op->i.imm & 0xffff);
    GOTO(rip);
}

static HANDLER(jmp_reg_64)
{
    uint64_t rip = c->r[op->i.rm];

    if (!canonical_48(rip)) {
        GENERAL;
    }
    GOTO(rip);
}

static HANDLER(jmp_mem_64)
{
    uint64_t rip;

    if (!fast_load(c, fast_la(c, op), 8, &rip) || !canonical_48(rip)) {
        GENERAL;
    }
    GOTO(rip);
}

/* ---- Comparisons ----------------------------------------------------------------------------- */

#define COMPARE(bits)                                                                              \
    static HANDLER(cmp_mem_reg_##bits)                                                             \
    {                                                                                              \
        uint64_t a, b = get_reg(c, op->i.reg, bits / 8);                                           \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), bits / 8, &a)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        flags_sub(c, a, b, a - b, bits);                                                           \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(cmp_reg_mem_##bits)                                                             \
    {                                                                                              \
        uint64_t b, a = get_reg(c, op->i.reg, bits / 8);                                           \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), bits / 8, &b)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        flags_sub(c, a, b, a - b, bits);                                                           \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(cmp_mem_imm_##bits)                                                             \
    {                                                                                              \
        uint64_t a, b = op->i.imm;                                                                 \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), bits / 8, &a)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        flags_sub(c, a, b, a - b, bits);                                                           \
        NEXT;                                                                                      \
    }                                                                                              \
    static HANDLER(test_mem_imm_##bits)                                                            \
    {                                                                                              \
        uint64_t a;                                                                                \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), bits / 8, &a)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        flags_logic(c, a & op->i.imm, bits);                                                       \
        NEXT;                                                                                      \
    }
COMPARE(8)
COMPARE(16)
COMPARE(32)
COMPARE(64)

/* reg <- reg op memory */
#define REG_MEM(name, bits, expr, set_flags)                                                       \
    static HANDLER(name##_##bits)                                                                  \
    {                                                                                              \
        uint64_t b, r, a = get_reg(c, op->i.reg, bits / 8);                                        \
                                                                                                   \
        if (!fast_load(c, fast_la(c, op), bits / 8, &b)) {                                         \
            GENERAL;                                                                               \
        }                                                                                          \
        r = expr;                                                                                  \
        set_flags;                                                                                 \
        set_reg(c, op->i.reg, bits / 8, r);                                                        \
        NEXT;                                                                                      \
    }
REG_MEM(add, 32, a + b, flags_add(c, a, b, r, 32))
REG_MEM(add, 64, a + b, flags_add(c, a, b, r, 64))
REG_MEM(sub, 32, a - b, flags_sub(c, a, b, r, 32))
REG_MEM(sub, 64, a - b, flags_sub(c, a, b, r, 64))
REG_MEM(and, 32, a & b, flags_logic(c, r, 32))
REG_MEM(and, 64, a & b, flags_logic(c, r, 64))
REG_MEM(or, 32, a | b, flags_logic(c, r, 32))
REG_MEM(or, 64, a | b, flags_logic(c, r, 64))
REG_MEM(xor, 32, a ^ b, flags_logic(c, r, 32))
REG_MEM(xor, 64, a ^ b, flags_logic(c, r, 64))

/* ---- Choice ---------------------------------------------------------------------------------- */

#define SIZES(name) { name##_8, name##_16, name##_32, name##_64 }
enum { F_LOAD, F_STORE, F_STORE_IMM, F_CMP_MR, F_CMP_RM, F_CMP_MI, F_TEST_MI };
static TcgHandler *const sized[][4] = {
    [F_LOAD] = SIZES(load), [F_STORE] = SIZES(store), [F_STORE_IMM] = SIZES(store_imm),
    [F_CMP_MR] = SIZES(cmp_mem_reg), [F_CMP_RM] = SIZES(cmp_reg_mem),
    [F_CMP_MI] = SIZES(cmp_mem_imm), [F_TEST_MI] = SIZES(test_mem_imm),
};

static TcgHandler *const reg_mem[X86_NR_HANDLERS][2] = {
    [X86_H_add] = { add_32, add_64 }, [X86_H_sub] = { sub_32, sub_64 },
    [X86_H_and] = { and_32, and_64 }, [X86_H_or] = { or_32, or_64 },
    [X86_H_xor] = { xor_32, xor_64 },
};

static TcgHandler *pick_memory(const TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    bool to_reg = row->op_kind[0] == X86_OPK_G, imm = row->op_kind[1] == X86_OPK_I;
    unsigned size = __builtin_ctz(bytes);

    switch (row->handler) {
    case X86_H_mov:
        return sized[to_reg ? F_LOAD : F_STORE][size];
    case X86_H_mov_imm:
        return sized[F_STORE_IMM][size];
    case X86_H_cmp:
        return sized[to_reg ? F_CMP_RM : imm ? F_CMP_MI : F_CMP_MR][size];
    case X86_H_test:
        return imm ? sized[F_TEST_MI][size] : NULL;
    default:
        return to_reg && bytes >= 4 ? reg_mem[row->handler][bytes == 8] : NULL;
    }
}

static TcgHandler *pick_extend(const TcgOp *op, const X86InsnRow *row)
{
    static TcgHandler *const zx[2][2] = { { movzx_8_reg, movzx_8_mem },
                                          { movzx_16_reg, movzx_16_mem } };
    static TcgHandler *const sx[2][2][2] = {
        { { movsx_8_32_reg, movsx_8_32_mem }, { movsx_8_64_reg, movsx_8_64_mem } },
        { { movsx_16_32_reg, movsx_16_32_mem }, { movsx_16_64_reg, movsx_16_64_mem } },
    };
    bool mem = op->i.flags & X86_I_MEM, wide = op->i.opsize == 8;
    bool word = tcg_op_bytes(op, 1) == 2;

    if (op->i.opsize == 2) {
        return NULL;
    }
    if (row->handler == X86_H_movsxd) {
        return !wide ? NULL : mem ? movsx_32_64_mem : movsx_32_64_reg;
    }
    return row->handler == X86_H_movzx ? zx[word][mem] : sx[word][wide][mem];
}

static TcgHandler *pick_other(const TcgOp *op, const X86InsnRow *row)
{
    bool quad = op->i.opsize == 8;

    switch (row->handler) {
    case X86_H_movzx:
    case X86_H_movsx:
    case X86_H_movsxd:
        return pick_extend(op, row);
    case X86_H_lea:
        if (op->i.base == X86_BASE_RIP) {
            return quad ? lea_rip : NULL;
        }
        return quad ? lea_64 : op->i.opsize == 4 ? lea_32 : NULL;
    case X86_H_push:
        return quad ? push_64 : NULL;
    case X86_H_pop:
        return quad ? pop_64 : NULL;
    case X86_H_leave:
        return quad ? leave_64 : NULL;
    case X86_H_ret:
        return quad ? ret_64 : NULL;
    case X86_H_jmp_ind:
        return !quad ? NULL : op->i.flags & X86_I_MEM ? jmp_mem_64 : jmp_reg_64;
    default:
        return NULL;
    }
}

TcgHandler *tcg_pick_fast(TcgOp *op, const X86InsnRow *row, TcgHandler *general)
{
    bool mem = op->i.flags & X86_I_MEM;
    TcgHandler *fast;

    if (mem && (op->i.addrsize != 8 || op->i.seg >= R_FS ||
                (op->i.base == X86_BASE_RIP && row->handler != X86_H_lea))) {
        return general;
    }
    fast = pick_other(op, row);
    if (!fast && mem && row->nr_ops == 2 && !(op->i.flags & X86_I_LOCK)) {
        unsigned bytes = tcg_op_bytes(op, 0);

        fast = bytes >= 1 && bytes <= 8 ? pick_memory(op, row, bytes) : NULL;
    }
    if (!fast) {
        return general;
    }
    op->aux = general;
    return fast;
}
