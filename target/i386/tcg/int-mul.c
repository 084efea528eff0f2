/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiplication, division, decimal adjustment, bit strings, double shifts, compare-and-exchange
 * (SDM vol 2). Flags that insn.def calls undefined are left as recent Intel processors leave them
 * where that is free. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

/* ---- Multiply -------------------------------------------------------------------------------- */

static void set_wide(TcgCPU *c, unsigned n, uint64_t lo, uint64_t hi)
{
    if (n == 1) {
        set_reg(c, R_EAX, 2, (lo & 0xff) | hi << 8);
    } else {
        set_reg(c, R_EAX, n, lo);
        set_reg(c, R_EDX, n, hi);
    }
}

static void mul_flags(TcgCPU *c, uint64_t lo, unsigned n, bool overflow)
{
    flags_logic(c, lo, n * 8);
    tcg_set_carry(c, overflow, overflow);
}

HANDLER(h_mul)
{
    unsigned n = tcg_op_bytes(op, 0);
    u128 p = (u128)get_reg(c, R_EAX, n) * tcg_get_rm(c, op, n);
    uint64_t hi = (uint64_t)(p >> n * 8);

    set_wide(c, n, (uint64_t)p, hi);
    mul_flags(c, (uint64_t)p, n, hi);
    NEXT;
}

static uint64_t signed_mul(TcgCPU *c, uint64_t a, uint64_t b, unsigned n, uint64_t *hi)
{
    s128 p = (s128)(int64_t)sext(a, n * 8) * (int64_t)sext(b, n * 8);

    *hi = (uint64_t)(p >> n * 8);
    mul_flags(c, (uint64_t)p, n, p != (s128)(int64_t)sext((uint64_t)p, n * 8));
    return (uint64_t)p;
}

HANDLER(h_imul1)
{
    unsigned n = tcg_op_bytes(op, 0);
    uint64_t hi, lo = signed_mul(c, get_reg(c, R_EAX, n), tcg_get_rm(c, op, n), n, &hi);

    set_wide(c, n, lo, hi);
    NEXT;
}

HANDLER(h_imul2)
{
    unsigned n = op->i.opsize;
    uint64_t hi, b = tcg_get_rm(c, op, n);

    set_reg(c, op->i.reg, n, signed_mul(c, get_reg(c, op->i.reg, n), b, n, &hi));
    NEXT;
}

HANDLER(h_imul3)
{
    unsigned n = op->i.opsize;
    uint64_t hi, a = tcg_get_rm(c, op, n);

    set_reg(c, op->i.reg, n, signed_mul(c, a, op->i.imm, n, &hi));
    NEXT;
}

/* ---- Divide ---------------------------------------------------------------------------------- */

static u128 dividend(TcgCPU *c, unsigned n)
{
    if (n == 1) {
        return get_reg(c, R_EAX, 2);
    }
    return (u128)get_reg(c, R_EDX, n) << n * 8 | get_reg(c, R_EAX, n);
}

HANDLER(h_div)
{
    unsigned n = tcg_op_bytes(op, 0);
    uint64_t d = tcg_get_rm(c, op, n);
    u128 a = dividend(c, n);

    if (!d || a / d >> n * 8) {
        tcg_raise(c, op, EXC_DE);
    }
    set_wide(c, n, (uint64_t)(a / d), (uint64_t)(a % d));
    NEXT;
}

HANDLER(h_idiv)
{
    unsigned n = tcg_op_bytes(op, 0), width = n * 16;
    s128 d = (int64_t)sext(tcg_get_rm(c, op, n), n * 8);
    s128 a = (s128)(dividend(c, n) << (128 - width)) >> (128 - width), q;

    if (!d || (d == -1 && a == (s128)((u128)1 << 127))) {
        tcg_raise(c, op, EXC_DE);
    }
    q = a / d;
    if (q != (s128)(int64_t)sext((uint64_t)q, n * 8)) {
        tcg_raise(c, op, EXC_DE);
    }
    set_wide(c, n, (uint64_t)q, (uint64_t)(a % d));
    NEXT;
}

/* ---- Decimal --------------------------------------------------------------------------------- */

static void set_al_flags(TcgCPU *c, uint8_t al, bool cf, bool af)
{
    set_reg(c, R_EAX, 1, al);
    flags_logic(c, al, 8);
    tcg_set_carry(c, cf, false);
    c->f_af = af ? 8 : 0;
}

static void decimal(TcgCPU *c, int sign)
{
    uint8_t al = c->r[R_EAX], old = al;
    bool cf = f_cf(c), af = c->f_af & 8, old_cf = cf;

    cf = false;
    if ((al & 15) > 9 || af) {
        cf = old_cf || (sign > 0 ? al > 0xf9 : al < 6);
        al += 6 * sign;
        af = true;
    }
    if (old > 0x99 || old_cf) {
        al += 0x60 * sign;
        cf = true;
    } else if (sign > 0) {
        cf = false;
    }
    set_al_flags(c, al, cf, af);
}

HANDLER(h_daa)
{
    decimal(c, 1);
    NEXT;
}

HANDLER(h_das)
{
    decimal(c, -1);
    NEXT;
}

static void ascii_adjust(TcgCPU *c, int sign)
{
    uint16_t ax = c->r[R_EAX];
    bool adjust = (ax & 15) > 9 || c->f_af & 8;

    if (adjust) {
        ax += 0x106 * sign;
    }
    set_reg(c, R_EAX, 2, ax & 0xff0f);
    flags_logic(c, ax & 15, 8);
    tcg_set_carry(c, adjust, false);
    c->f_af = adjust ? 8 : 0;
}

HANDLER(h_aaa)
{
    ascii_adjust(c, 1);
    NEXT;
}

HANDLER(h_aas)
{
    ascii_adjust(c, -1);
    NEXT;
}

HANDLER(h_aam)
{
    uint8_t base = op->i.imm, al = c->r[R_EAX];

    if (!base) {
        tcg_raise(c, op, EXC_DE);
    }
    set_reg(c, R_EAX, 2, al / base << 8 | al % base);
    set_al_flags(c, al % base, false, false);
    NEXT;
}

HANDLER(h_aad)
{
    uint8_t al = c->r[R_EAX] + (c->r[R_EAX] >> 8 & 0xff) * (uint8_t)op->i.imm;

    set_reg(c, R_EAX, 2, al);
    set_al_flags(c, al, false, false);
    NEXT;
}

/* ---- Bits ------------------------------------------------------------------------------------ */

enum { BT, BTS, BTR, BTC };

static uint64_t bt_result(uint64_t v, uint64_t bit, unsigned kind)
{
    return kind == BTS ? v | bit : kind == BTR ? v & ~bit : kind == BTC ? v ^ bit : v;
}

/* The memory operand of a register bit offset reaches beyond the operand. */
static void bt_mem(TcgCPU *c, const TcgOp *op, unsigned kind, int64_t index, bool by_reg)
{
    unsigned n = op->i.opsize, bits = n * 8;
    uint64_t ea = tcg_ea(c, &op->i, op), la, v, bit = 1ull << (index & (bits - 1));
    uint8_t *p;

    if (by_reg) {
        ea += (index >> (n == 2 ? 4 : n == 4 ? 5 : 6)) * n;
        ea = op->i.addrsize == 8 ? ea : op->i.addrsize == 4 ? (uint32_t)ea : (uint16_t)ea;
    }
    la = tcg_linear(c, op, op->i.seg, ea, n, kind != BT);
    if (kind == BT) {
        v = tcg_load(c, op, la, n);
    } else {
        p = op->i.flags & X86_I_LOCK ? tcg_host(c, op, la, n, TCG_WRITE) : NULL;
        if (p) { /* only one byte changes */
            uint8_t m = 1u << (index & 7), *b = p + (index & (bits - 1)) / 8;

            v = kind == BTS   ? __atomic_fetch_or(b, m, __ATOMIC_SEQ_CST)
                : kind == BTR ? __atomic_fetch_and(b, ~m, __ATOMIC_SEQ_CST)
                              : __atomic_fetch_xor(b, m, __ATOMIC_SEQ_CST);
            v = v & m ? bit : 0;
        } else {
            if (op->i.flags & X86_I_LOCK) {
                tcg_split_begin(c, la, n);
            }
            tcg_probe(c, op, la, n, TCG_WRITE);
            v = tcg_load(c, op, la, n);
            tcg_store(c, op, la, bt_result(v, bit, kind), n);
            tcg_split_end(c);
        }
    }
    tcg_set_carry(c, v & bit, f_of(c));
}

HANDLER(h_bt)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned n = op->i.opsize;
    bool by_reg = row->op_kind[1] == X86_OPK_G;
    unsigned kind = by_reg ? row->opcode >> 3 & 3 : row->reg & 3;
    int64_t index = by_reg ? (int64_t)sext(c->r[op->i.reg], n * 8) : (int64_t)op->i.imm;
    uint64_t v, bit = 1ull << (index & (n * 8 - 1));

    if (op->i.flags & X86_I_MEM) {
        bt_mem(c, op, kind, by_reg ? index : index & (n * 8 - 1), by_reg);
        NEXT;
    }
    v = get_reg(c, op->i.rm, n);
    tcg_set_carry(c, v & bit, f_of(c));
    if (kind != BT) {
        set_reg(c, op->i.rm, n, bt_result(v, bit, kind));
    }
    NEXT;
}

static const TcgOp *bit_scan(TcgCPU *c, const TcgOp *op, bool reverse)
{
    unsigned n = op->i.opsize;
    uint64_t v = tcg_get_rm(c, op, n);

    if (v) { /* else the destination stays */
        set_reg(c, op->i.reg, n, reverse ? 63 - __builtin_clzll(v) : __builtin_ctzll(v));
    }
    flags_logic(c, v, n * 8);
    NEXT;
}

HANDLER(h_bsf)
{
    return bit_scan(c, op, false);
}

HANDLER(h_bsr)
{
    return bit_scan(c, op, true);
}

static const TcgOp *double_shift(TcgCPU *c, const TcgOp *op, bool left)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned size = op->i.opsize, bits = size * 8;
    unsigned n = row->op_kind[2] == X86_OPK_CL ? c->r[R_ECX] : op->i.imm;
    uint64_t a = tcg_get_rm(c, op, size), b = get_reg(c, op->i.reg, size), r;
    bool cf;

    n &= bits == 64 ? 63 : 31;
    if (!n) {
        tcg_set_rm(c, op, size, a);
        NEXT;
    }
    if (bits == 16) { /* counts above 16 take bits of the destination again */
        u128 w = left ? (u128)a << 32 | b << 16 | a : (u128)a << 32 | b << 16 | a;

        r = left ? (uint64_t)(w >> (32 - n)) : (uint64_t)(w >> n);
        cf = left ? (uint64_t)(w >> (48 - n)) & 1 : (uint64_t)(w >> (n - 1)) & 1;
    } else {
        r = left ? a << n | b >> (bits - n) : a >> n | b << (bits - n);
        cf = left ? a >> (bits - n) & 1 : a >> (n - 1) & 1;
    }
    tcg_set_rm(c, op, size, r);
    flags_logic(c, r, bits);
    tcg_set_carry(c, cf, (a ^ r) >> (bits - 1) & 1);
    NEXT;
}

HANDLER(h_shld)
{
    return double_shift(c, op, true);
}

HANDLER(h_shrd)
{
    return double_shift(c, op, false);
}

/* ---- Compare and exchange -------------------------------------------------------------------- */

/* Exchanges if equal; *old is what was there. */
static bool cas(void *p, uint64_t *old, uint64_t new, unsigned n)
{
    uint64_t want = *old;

    switch (n) {
    case 1:
        *old = __sync_val_compare_and_swap((uint8_t *)p, (uint8_t)want, (uint8_t)new);
        break;
    case 2:
        *old = __sync_val_compare_and_swap((uint16_t *)p, (uint16_t)want, (uint16_t)new);
        break;
    case 4:
        *old = __sync_val_compare_and_swap((uint32_t *)p, (uint32_t)want, (uint32_t)new);
        break;
    default:
        *old = __sync_val_compare_and_swap((uint64_t *)p, want, new);
        break;
    }
    return *old == want;
}

HANDLER(h_cmpxchg)
{
    unsigned n = tcg_op_bytes(op, 0);
    uint64_t acc = get_reg(c, R_EAX, n), old, new = get_reg(c, op->i.reg, n);

    if (op->i.flags & X86_I_MEM) {
        uint64_t la = op_la(c, op, n, true);
        void *p = tcg_host(c, op, la, n, TCG_WRITE);

        old = acc;
        if (p) {
            cas(p, &old, new, n);
        } else {
            tcg_split_begin(c, la, n);
            tcg_probe(c, op, la, n, TCG_WRITE);
            old = tcg_load(c, op, la, n);
            tcg_store(c, op, la, old == acc ? new : old, n);
            tcg_split_end(c);
        }
    } else {
        old = get_reg(c, op->i.rm, n);
        if (old == acc) {
            set_reg(c, op->i.rm, n, new);
        }
    }
    if (old != acc) {
        set_reg(c, R_EAX, n, old);
    }
    flags_sub(c, acc, old, acc - old, n * 8);
    NEXT;
}

HANDLER(h_xadd)
{
    unsigned n = tcg_op_bytes(op, 0);
    uint64_t b = get_reg(c, op->i.reg, n), a = 0;

    if (op->i.flags & X86_I_MEM) {
        uint64_t la = op_la(c, op, n, true);
        void *p = tcg_host(c, op, la, n, TCG_WRITE);

        if (p) {
            memcpy(&a, p, n);
            while (!cas(p, &a, a + b, n)) {
            }
        } else {
            tcg_split_begin(c, la, n);
            tcg_probe(c, op, la, n, TCG_WRITE);
            a = tcg_load(c, op, la, n);
            tcg_store(c, op, la, a + b, n);
            tcg_split_end(c);
        }
        set_reg(c, op->i.reg, n, a);
    } else {
        a = get_reg(c, op->i.rm, n);
        set_reg(c, op->i.reg, n, a);
        set_reg(c, op->i.rm, n, a + b);
    }
    flags_add(c, a, b, a + b, n * 8);
    NEXT;
}

static void set_zf(TcgCPU *c, bool z)
{
    tcg_set_arith(c, (tcg_get_arith(c) & ~F_Z) | (z ? F_Z : 0));
}

HANDLER(h_cmpxchg8b)
{
    uint64_t la = op_la(c, op, 8, true), want, old;
    uint64_t new = (uint64_t)(uint32_t)c->r[R_ECX] << 32 | (uint32_t)c->r[R_EBX];
    void *p = tcg_host(c, op, la, 8, TCG_WRITE);

    want = old = c->r[R_EDX] << 32 | (uint32_t)c->r[R_EAX];
    if (p) {
        cas(p, &old, new, 8);
    } else {
        tcg_split_begin(c, la, 8);
        tcg_probe(c, op, la, 8, TCG_WRITE);
        old = tcg_load(c, op, la, 8);
        tcg_store(c, op, la, old == want ? new : old, 8);
        tcg_split_end(c);
    }
    if (old != want) {
        c->r[R_EAX] = (uint32_t)old;
        c->r[R_EDX] = old >> 32;
    }
    set_zf(c, old == want);
    NEXT;
}

#ifdef __x86_64__
static bool cas16(void *p, uint64_t *lo, uint64_t *hi, uint64_t new_lo, uint64_t new_hi)
{
    bool ok;

    asm volatile("lock cmpxchg16b %1"
                 : "=@ccz"(ok), "+m"(*(u128 *)p), "+a"(*lo), "+d"(*hi)
                 : "b"(new_lo), "c"(new_hi)
                 : "memory");
    return ok;
}
#else
static bool cas16(void *p, uint64_t *lo, uint64_t *hi, uint64_t new_lo, uint64_t new_hi)
{
    uint64_t *q = p; /* TODO: not atomic on other hosts (needs a lock around all 16-byte CAS) */
    bool ok = q[0] == *lo && q[1] == *hi;

    *lo = q[0];
    *hi = q[1];
    if (ok) {
        q[0] = new_lo;
        q[1] = new_hi;
    }
    return ok;
}
#endif

HANDLER(h_cmpxchg16b)
{
    uint64_t la = op_la(c, op, 16, true);
    void *p;
    bool ok;

    if (la & 15) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    p = tcg_host(c, op, la, 16, TCG_WRITE);
    if (p) {
        ok = cas16(p, &c->r[R_EAX], &c->r[R_EDX], c->r[R_EBX], c->r[R_ECX]);
    } else { /* a device */
        uint64_t lo = tcg_load(c, op, la, 8), hi = tcg_load(c, op, la + 8, 8);

        ok = lo == c->r[R_EAX] && hi == c->r[R_EDX];
        tcg_store(c, op, la, ok ? c->r[R_EBX] : lo, 8);
        tcg_store(c, op, la + 8, ok ? c->r[R_ECX] : hi, 8);
        c->r[R_EAX] = ok ? c->r[R_EAX] : lo;
        c->r[R_EDX] = ok ? c->r[R_EDX] : hi;
    }
    set_zf(c, ok);
    NEXT;
}
