/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FXSAVE, the XSAVE family, MXCSR, and the SIMD instructions with a memory access of their own
 * making: masked moves and gathers (SDM vol 1 chapters 10, 13). Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/cpuid.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"

enum { MXCSR_MASK = 0xffff };
#define CR4_OSXMMEXCPT (1u << 10)

/* ---- MXCSR ----------------------------------------------------------------------------------- */

static uint32_t read_mxcsr(TcgCPU *c)
{
    uint32_t v;

    tcg_native_leave(c);
    memcpy(&v, c->xs + XS_MXCSR, 4);
    tcg_native_enter(c);
    return v;
}

static void write_mxcsr(TcgCPU *c, const TcgOp *op, uint32_t v)
{
    if (v & ~MXCSR_MASK) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    memcpy(c->xs + XS_MXCSR, &v, 4);
    tcg_native_reload(c);
}

static TcgFpuKind row_kind(const TcgOp *op)
{
    return op->i.flags & X86_I_VEX ? TCG_FPU_AVX : TCG_FPU_SSE;
}

HANDLER(h_ldmxcsr)
{
    tcg_check_fpu(c, op, row_kind(op));
    write_mxcsr(c, op, tcg_get_rm(c, op, 4));
    NEXT;
}

HANDLER(h_stmxcsr)
{
    tcg_check_fpu(c, op, row_kind(op));
    tcg_set_rm(c, op, 4, read_mxcsr(c));
    NEXT;
}

/* ---- FXSAVE ---------------------------------------------------------------------------------- */

static uint64_t save_la(TcgCPU *c, const TcgOp *op, unsigned len, unsigned align, bool write)
{
    uint64_t la;

    if (c->env->cr[0] & CR0_EM_MASK) {
        tcg_raise(c, op, EXC_UD);
    }
    if (c->env->cr[0] & CR0_TS_MASK) {
        tcg_raise(c, op, EXC_NM);
    }
    la = op_la(c, op, len, write);
    if (la & (align - 1)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    return la;
}

HANDLER(h_fxsave)
{
    uint64_t la = save_la(c, op, 512, 16, true);
    unsigned nr_xmm = c->code64 ? 16 : 8;
    uint32_t mask = MXCSR_MASK;

    read_mxcsr(c);
    memcpy(c->xs + XS_MXCSR + 4, &mask, 4);
    /* Bytes 416.. stay; the last 96 are software's. */
    tcg_probe(c, op, la, 512, TCG_WRITE);
    tcg_write(c, op, la, c->xs, c->env->cr[4] & CR4_OSFXSR_MASK ? 160u + nr_xmm * 16 : 160u);
    NEXT;
}

HANDLER(h_fxrstor)
{
    uint64_t la = save_la(c, op, 512, 16, false);
    uint8_t buf[512];
    uint32_t mxcsr;
    unsigned len = c->env->cr[4] & CR4_OSFXSR_MASK ? 160 + (c->code64 ? 256 : 128) : 160;

    tcg_read(c, op, la, buf, 512);
    memcpy(&mxcsr, buf + XS_MXCSR, 4);
    if (mxcsr & ~MXCSR_MASK) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_x87_sync(c);
    memcpy(c->xs, buf, len);
    c->xs[5] = 0;
    tcg_x87_sanitize(c);
    tcg_xs_touch(c, 3);
    tcg_native_reload(c);
    NEXT;
}

/* ---- XSAVE ----------------------------------------------------------------------------------- */

/* State components beyond the legacy area: standard offset and size. */
typedef struct Component {
    uint16_t offset, size;
} Component;

static const Component components[10] = { [2] = { 576, 256 }, [9] = { 2688, 8 } };
enum { NR_COMPONENTS = 10 };

static bool has_osxsave(TcgCPU *c)
{
    return c->env->cr[4] & CR4_OSXSAVE_MASK;
}

static uint64_t requested(TcgCPU *c, bool supervisor)
{
    uint64_t rfbm = (uint32_t)c->r[R_EAX] | c->r[R_EDX] << 32;

    return rfbm & (c->env->xcr0 | (supervisor ? c->env->xss : 0));
}

static bool is_zero(const uint8_t *p, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

/* Components that are not in their initial state. */
static uint64_t in_use(TcgCPU *c)
{
    uint64_t bv = 0;
    uint16_t fcw;

    memcpy(&fcw, c->xs, 2);
    bv |= fcw != 0x37f || !is_zero(c->xs + 2, 22) || !is_zero(c->xs + XS_ST, 128) ? 1 : 0;
    bv |= is_zero(c->xs + XS_XMM, 256) ? 0 : 2;
    for (unsigned i = 2; i < NR_COMPONENTS; i++) {
        if (components[i].size && !is_zero(c->xs + components[i].offset, components[i].size)) {
            bv |= 1ull << i;
        }
    }
    return bv;
}

static uint64_t xsave_begin(TcgCPU *c, const TcgOp *op, bool write)
{
    if (!has_osxsave(c)) {
        tcg_raise(c, op, EXC_UD);
    }
    if (c->env->cr[0] & CR0_TS_MASK) {
        tcg_raise(c, op, EXC_NM);
    }
    return op_la(c, op, 576, write);
}

/* XSAVEC and XSAVES: components packed one after the other. */
static void save_compacted(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t rfbm)
{
    uint64_t bv = in_use(c) & rfbm, comp = rfbm | 1ull << 63;
    uint64_t header[8] = { 0 };
    unsigned at = 576;
    uint32_t mxcsr;

    memcpy(&mxcsr, c->xs + XS_MXCSR, 4);
    if (rfbm & 2 && mxcsr != 0x1f80) {
        bv |= 2;
    }
    if (bv & 1) {
        tcg_write(c, op, la, c->xs, 24);
        tcg_write(c, op, la + XS_ST, c->xs + XS_ST, 128);
    }
    if (bv & 2) {
        tcg_write(c, op, la + XS_MXCSR, c->xs + XS_MXCSR, 8);
        tcg_write(c, op, la + XS_XMM, c->xs + XS_XMM, c->code64 ? 256 : 128);
    }
    for (unsigned i = 2; i < NR_COMPONENTS; i++) {
        if (rfbm >> i & 1) {
            if (bv >> i & 1) {
                tcg_write(c, op, la + at, c->xs + components[i].offset, components[i].size);
            }
            at += components[i].size;
        }
    }
    header[0] = bv;
    header[1] = comp;
    tcg_write(c, op, la + XS_BV, header, 64);
}

static void save_standard(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t rfbm, bool optimized)
{
    uint64_t old = tcg_load(c, op, la + XS_BV, 8), use = in_use(c);
    uint64_t write = optimized ? rfbm & use : rfbm;

    if (write & 1) {
        tcg_write(c, op, la, c->xs, 24);
        tcg_write(c, op, la + XS_ST, c->xs + XS_ST, 128);
    }
    if (rfbm & 6) {
        tcg_write(c, op, la + XS_MXCSR, c->xs + XS_MXCSR, 8);
    }
    if (write & 2) {
        tcg_write(c, op, la + XS_XMM, c->xs + XS_XMM, c->code64 ? 256 : 128);
    }
    for (unsigned i = 2; i < NR_COMPONENTS; i++) {
        if (write >> i & 1) {
            tcg_write(c, op, la + components[i].offset, c->xs + components[i].offset,
                      components[i].size);
        }
    }
    tcg_store(c, op, la + XS_BV, (old & ~rfbm) | (use & rfbm), 8);
}

HANDLER(h_xsave)
{
    const char *name = x86_insn_row(op->i.row)->name;
    bool compact = !strcmp(name, "XSAVEC") || !strcmp(name, "XSAVES");
    uint64_t la = xsave_begin(c, op, true), rfbm = requested(c, !strcmp(name, "XSAVES"));
    uint32_t mask = MXCSR_MASK;

    if (la & 63) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_probe(c, op, la, 576, TCG_WRITE);
    read_mxcsr(c);
    memcpy(c->xs + XS_MXCSR + 4, &mask, 4);
    if (compact) {
        save_compacted(c, op, la, rfbm);
    } else {
        save_standard(c, op, la, rfbm, !strcmp(name, "XSAVEOPT"));
    }
    NEXT;
}

static void restore_component(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned i, bool present)
{
    uint8_t *at = c->xs + components[i].offset;

    memset(at, 0, components[i].size);
    if (present) {
        tcg_read(c, op, la, at, components[i].size);
    }
}

static void restore_legacy(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t rfbm, uint64_t bv)
{
    if (rfbm & 1) {
        memset(c->xs, 0, 24);
        c->xs[0] = 0x7f;
        c->xs[1] = 3;
        memset(c->xs + XS_ST, 0, 128);
        if (bv & 1) {
            tcg_read(c, op, la, c->xs, 24);
            tcg_read(c, op, la + XS_ST, c->xs + XS_ST, 128);
            c->xs[5] = 0;
            tcg_x87_sanitize(c);
        }
    }
    if (rfbm & 2) {
        memset(c->xs + XS_XMM, 0, c->code64 ? 256 : 128);
        if (bv & 2) {
            tcg_read(c, op, la + XS_XMM, c->xs + XS_XMM, c->code64 ? 256 : 128);
        }
    }
}

HANDLER(h_xrstor)
{
    bool supervisor = !strcmp(x86_insn_row(op->i.row)->name, "XRSTORS"), compact;
    uint64_t la = xsave_begin(c, op, false), rfbm = requested(c, supervisor), bv, comp, bad;
    uint64_t allowed = c->env->xcr0 | (supervisor ? c->env->xss : 0);
    unsigned at = 576;
    uint32_t mxcsr = 0x1f80;

    if (la & 63) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    bv = tcg_load(c, op, la + XS_BV, 8);
    comp = tcg_load(c, op, la + XS_BV + 8, 8);
    compact = comp >> 63;
    bad = compact ? (bv | comp << 1 >> 1) & ~(comp & allowed) : comp | (bv & ~allowed);
    for (unsigned i = 16; i < (compact ? 64 : 24); i += 8) {
        bad |= tcg_load(c, op, la + XS_BV + i, 8);
    }
    if (bad || (supervisor && !compact)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    if (compact ? bv & 2 : rfbm & 6) {
        mxcsr = tcg_load(c, op, la + XS_MXCSR, 4);
    }
    if (mxcsr & ~MXCSR_MASK) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_probe(c, op, la, 576, TCG_READ);
    tcg_x87_sync(c);
    restore_legacy(c, op, la, rfbm, bv);
    for (unsigned i = 2; i < NR_COMPONENTS; i++) {
        bool there = compact ? comp >> i & 1 : true;

        if (rfbm >> i & 1) {
            restore_component(c, op, la + (compact ? at : components[i].offset), i,
                              there && bv >> i & 1);
        }
        at += comp >> i & 1 ? components[i].size : 0;
    }
    if (rfbm & (compact ? 2 : 6)) {
        write_mxcsr(c, op, mxcsr);
    }
    tcg_xs_touch(c, 7);
    tcg_tlb_flush_pkru(c, rfbm >> 9 & 1);
    NEXT;
}

/* ---- YMM ------------------------------------------------------------------------------------- */

HANDLER(h_vzero)
{
    unsigned n = c->code64 ? 16 : 8;

    tcg_check_fpu(c, op, TCG_FPU_AVX);
    memset(c->xs + XS_YMMH, 0, n * 16);
    if (x86_insn_row(op->i.row)->l == 2) {
        memset(c->xs + XS_XMM, 0, n * 16);
    }
    NEXT;
}

static void ymm_get(const TcgCPU *c, unsigned n, uint8_t v[32])
{
    memcpy(v, c->xs + XS_XMM + 16 * n, 16);
    memcpy(v + 16, c->xs + XS_YMMH + 16 * n, 16);
}

static void ymm_put(TcgCPU *c, unsigned n, const uint8_t v[32])
{
    memcpy(c->xs + XS_XMM + 16 * n, v, 16);
    memcpy(c->xs + XS_YMMH + 16 * n, v + 16, 16);
    tcg_xs_touch(c, 6);
}

HANDLER(h_maskmovq)
{
    bool mmx = x86_insn_row(op->i.row)->op_kind[0] == X86_OPK_P;
    unsigned n = mmx ? 8 : 16;
    const uint8_t *src = c->xs + (mmx ? XS_ST + 16 * (op->i.reg & 7) : XS_XMM + 16 * op->i.reg);
    const uint8_t *mask = c->xs + (mmx ? XS_ST + 16 * (op->i.rm & 7) : XS_XMM + 16 * op->i.rm);
    uint64_t ea = get_reg(c, R_EDI, op->i.addrsize), la;

    tcg_check_fpu(c, op, mmx ? TCG_FPU_MMX : row_kind(op));
    if (mmx) {
        tcg_mmx_begin(c, op);
    }
    la = tcg_linear(c, op, op->i.seg, ea, n, true);
    for (unsigned i = 0; i < n; i++) {
        if (mask[i] & 0x80) {
            tcg_probe(c, op, la + i, 1, TCG_WRITE);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (mask[i] & 0x80) {
            tcg_store(c, op, la + i, src[i], 1);
        }
    }
    if (mmx) {
        c->xs[XS_FTW] = 0xff;
    }
    NEXT;
}

static unsigned element_bytes(const X86InsnRow *row)
{
    char last = row->name[strlen(row->name) - 1]; /* ..PS, ..PD, ..D, ..Q */

    return row->map == 2 && row->opcode >= 0x8c ? (row->w == 2 ? 8 : 4) : last == 'S' ? 4 : 8;
}

HANDLER(h_vmaskmov)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned e = element_bytes(row), len = 16 << op->i.vexl;
    bool store = row->op_kind[0] == X86_OPK_M;
    uint8_t mask[32], v[32] = { 0 };
    uint64_t la = 0;

    tcg_check_fpu(c, op, TCG_FPU_AVX);
    la = op_la(c, op, len, store);
    ymm_get(c, op->i.vvvv, mask);
    if (store) {
        ymm_get(c, op->i.reg, v);
    }
    for (unsigned i = 0; i < len; i += e) {
        if (mask[i + e - 1] & 0x80) {
            if (store) {
                tcg_probe(c, op, la + i, e, TCG_WRITE);
            } else {
                uint64_t x = tcg_load(c, op, la + i, e);

                memcpy(v + i, &x, e);
            }
        }
    }
    for (unsigned i = 0; store && i < len; i += e) {
        if (mask[i + e - 1] & 0x80) {
            tcg_write(c, op, la + i, v + i, e);
        }
    }
    if (!store) {
        ymm_put(c, op->i.reg, v);
    }
    NEXT;
}

static uint64_t gather_la(TcgCPU *c, const TcgOp *op, int64_t index, unsigned e)
{
    uint64_t ea = c->r[op->i.base] + ((uint64_t)index << op->i.scale) + (int64_t)op->i.disp;

    ea = op->i.addrsize == 4 ? (uint32_t)ea : ea;
    return tcg_linear(c, op, op->i.seg, ea, e, false);
}

/* Elements complete one by one: after a fault the mask says which are missing. */
HANDLER(h_vgather)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned e = row->w == 2 ? 8 : 4, ie = row->opcode & 1 ? 8 : 4;
    unsigned len = 16 << op->i.vexl, n = len / MAX(e, ie);
    uint8_t index[32], mask[32], v[32];

    tcg_check_fpu(c, op, TCG_FPU_AVX);
    ymm_get(c, op->i.index, index);
    ymm_get(c, op->i.vvvv, mask);
    ymm_get(c, op->i.reg, v);
    memset(v + n * e, 0, 32 - n * e);
    memset(mask + len, 0, 32 - len);
    for (unsigned i = 0; i < len / e; i++) {
        memset(mask + i * e, mask[i * e + e - 1] & 0x80 ? 0xff : 0, e);
    }
    for (unsigned i = 0; i < n; i++) {
        int64_t x = 0;
        uint64_t got;

        if (!mask[i * e]) {
            continue;
        }
        ymm_put(c, op->i.vvvv, mask);
        memcpy(&x, index + i * ie, ie);
        got = tcg_load(c, op, gather_la(c, op, sext(x, ie * 8), e), e);
        memcpy(v + i * e, &got, e);
        memset(mask + i * e, 0, e);
        ymm_put(c, op->i.reg, v);
    }
    memset(mask, 0, 32);
    ymm_put(c, op->i.reg, v);
    ymm_put(c, op->i.vvvv, mask);
    NEXT;
}
