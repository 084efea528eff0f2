/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segment registers and descriptors (SDM vol 3 chapters 3 and 5): loads, limit checks, LAR, LSL,
 * VERR, LLDT, LTR, descriptor table registers. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/seg.h"

#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define DESC_FLAGS 0x00f0ff00u

bool tcg_canonical(const TcgCPU *c, uint64_t la)
{
    return la == sext(la, c->env->cr[4] & CR4_LA57_MASK ? 57 : 48);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static bool in_limit(const SegmentCache *s, uint64_t ea, unsigned len)
{
    unsigned type = s->flags >> DESC_TYPE_SHIFT & 15;
    uint64_t last = ea + len - 1;

    if ((type & 0xc) == 4) { /* expand-down data */
        return ea > s->limit && last <= (s->flags & DESC_B_MASK ? UINT32_MAX : 0xffff);
    }
    return last <= s->limit;
}

/* Low address bits that must be zero for an operand of @len bytes when alignment is checked. */
static uint64_t align_mask(unsigned len)
{
    switch (len) {
    case 2: case 14: case 94:
        return 1;
    case 4: case 6: case 28: case 108:
        return 3;
    case 8: case 10:
        return 7;
    case 16: case 32:
        return 15;
    default:
        return 0;
    }
}

void tcg_check_segment(TcgCPU *c, const TcgOp *op, unsigned seg, uint64_t ea, unsigned len,
                       bool write)
{
    const SegmentCache *s = &c->env->segs[seg];
    unsigned type = s->flags >> DESC_TYPE_SHIFT & 15, vector = seg == R_SS ? EXC_SS : EXC_GP;

    if (c->ac_check && (ea + c->seg_base[seg]) & align_mask(len)) {
        tcg_raise_err(c, op, EXC_AC, 0);
    }
    if (c->code64) {
        return;
    }
    if (!tcg_real(c) && !tcg_vm86(c)) {
        bool code = type & 8;

        if (!(s->flags & DESC_P_MASK) || (write ? code || !(type & 2) : code && !(type & 2))) {
            tcg_raise_err(c, op, vector, 0);
        }
    }
    if (len && !in_limit(s, ea, len)) {
        tcg_raise_err(c, op, vector, 0);
    }
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

uint32_t desc_limit(const Desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

    return d->hi & DESC_G_MASK ? limit << 12 | 0xfff : limit;
}

uint32_t desc_base(const Desc *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
}

bool tcg_read_desc(TcgCPU *c, uint16_t sel, Desc *d, unsigned vector)
{
    const SegmentCache *t = sel & 4 ? &c->env->ldt : &c->env->gdt;
    bool there = !(sel & 4) || (t->flags & DESC_P_MASK && t->selector & ~3);

    *d = (Desc){ .sel = sel };
    if (!there || (sel & 0xfff8u) + 7 > t->limit) {
        if (vector) {
            tcg_raise_err(c, NULL, vector, sel & 0xfffc);
        }
        return false;
    }
    d->la = t->base + (sel & 0xfff8);
    d->lo = tcg_load_sys(c, d->la, 4);
    d->hi = tcg_load_sys(c, d->la + 4, 4);
    return true;
}

void tcg_read_desc_high(TcgCPU *c, Desc *d)
{
    d->high8 = tcg_load_sys(c, d->la + 8, 4);
}

void tcg_set_accessed(TcgCPU *c, Desc *d)
{
    if (!(d->hi & 1 << DESC_TYPE_SHIFT)) {
        d->hi |= 1 << DESC_TYPE_SHIFT;
        tcg_store_sys(c, d->la + 4, d->hi, 4);
    }
}

void tcg_cache_desc(TcgCPU *c, unsigned seg, uint16_t sel, const Desc *d)
{
    c->env->segs[seg] = (SegmentCache){ .base = desc_base(d), .limit = desc_limit(d),
                                        .flags = d->hi & DESC_FLAGS, .selector = sel };
}

void tcg_load_real(TcgCPU *c, unsigned seg, uint16_t sel)
{
    SegmentCache *s = &c->env->segs[seg];

    s->selector = sel;
    s->base = (uint32_t)sel << 4;
    if (tcg_vm86(c)) {
        s->limit = 0xffff;
        s->flags = DESC_P_MASK | DESC_S_MASK | 3 << DESC_DPL_SHIFT | 3 << DESC_TYPE_SHIFT;
    } else if (seg == R_CS) { /* code can be written in real mode */
        s->flags = (s->flags & ~(15u << DESC_TYPE_SHIFT)) | DESC_P_MASK | DESC_S_MASK |
                   3 << DESC_TYPE_SHIFT;
    }
}

static void load_null(TcgCPU *c, unsigned seg, uint16_t sel)
{
    SegmentCache *s = &c->env->segs[seg];

    if (seg == R_SS) {
        if (!c->code64 || c->cpl == 3 || (sel & 3) != c->cpl) {
            tcg_raise_err(c, NULL, EXC_GP, 0);
        }
        *s = (SegmentCache){ .selector = sel, .flags = c->cpl << DESC_DPL_SHIFT };
        return;
    }
    *s = (SegmentCache){ .selector = sel };
}

void tcg_load_ss(TcgCPU *c, uint16_t sel, unsigned dpl, unsigned vector)
{
    Desc d;

    if (!(sel & 0xfffc)) {
        tcg_raise_err(c, NULL, vector, 0);
    }
    tcg_read_desc(c, sel, &d, vector);
    if ((sel & 3) != dpl || desc_dpl(&d) != dpl || !(d.hi & DESC_S_MASK) || desc_is_code(&d) ||
        !(desc_type(&d) & 2)) {
        tcg_raise_err(c, NULL, vector, sel & 0xfffc);
    }
    if (!(d.hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_SS, sel & 0xfffc);
    }
    tcg_set_accessed(c, &d);
    tcg_cache_desc(c, R_SS, sel, &d);
}

void tcg_load_seg(TcgCPU *c, unsigned seg, uint16_t sel)
{
    Desc d;
    unsigned rpl = sel & 3;

    if (tcg_real(c) || tcg_vm86(c)) {
        tcg_load_real(c, seg, sel);
    } else if (!(sel & 0xfffc)) {
        load_null(c, seg, sel);
    } else if (seg == R_SS) {
        tcg_load_ss(c, sel, c->cpl, EXC_GP);
    } else {
        tcg_read_desc(c, sel, &d, EXC_GP);
        if (!(d.hi & DESC_S_MASK) || (desc_is_code(&d) && !(desc_type(&d) & 2)) ||
            ((!desc_is_code(&d) || !desc_conforming(&d)) &&
             (rpl > desc_dpl(&d) || c->cpl > desc_dpl(&d)))) {
            tcg_raise_err(c, NULL, EXC_GP, sel & 0xfffc);
        }
        if (!(d.hi & DESC_P_MASK)) {
            tcg_raise_err(c, NULL, EXC_NP, sel & 0xfffc);
        }
        tcg_set_accessed(c, &d);
        tcg_cache_desc(c, seg, sel, &d);
    }
    tcg_update_mode(c);
}

void tcg_load_cs(TcgCPU *c, uint16_t sel, Desc *d, unsigned cpl)
{
    if (!desc_is_code(d)) {
        tcg_raise_err(c, NULL, EXC_GP, sel & 0xfffc);
    }
    if (tcg_lma(c) && (d->hi & (DESC_L_MASK | DESC_B_MASK)) == (DESC_L_MASK | DESC_B_MASK)) {
        tcg_raise_err(c, NULL, EXC_GP, sel & 0xfffc);
    }
    if (!(d->hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_NP, sel & 0xfffc);
    }
    tcg_set_accessed(c, d);
    tcg_cache_desc(c, R_CS, (sel & 0xfffc) | cpl, d);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

HANDLER(h_mov_to_seg)
{
    unsigned seg = op->i.reg & 7;
    uint16_t sel = tcg_get_rm(c, op, 2);

    tcg_sync_rip(c, op);
    tcg_load_seg(c, seg, sel);
    c->shadow |= seg == R_SS ? TCG_SHADOW_SS : 0;
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_mov_from_seg)
{
    uint16_t sel = c->env->segs[op->i.reg & 7].selector;

    tcg_set_rm(c, op, op->i.flags & X86_I_MEM ? 2 : op->i.opsize, sel);
    NEXT;
}

static unsigned seg_operand(const TcgOp *op, unsigned n)
{
    return x86_insn_row(op->i.row)->op_kind[n] - X86_OPK_ES;
}

HANDLER(h_push_seg)
{
    unsigned n = op->i.opsize;
    uint64_t sp = c->r[R_ESP] - n;

    /* With a 32-bit operand only the selector's two bytes are written. */
    tcg_store(c, op, tcg_stack_la(c, op, sp, n, true), c->env->segs[seg_operand(op, 0)].selector,
              n == 8 ? 8 : 2);
    tcg_set_sp(c, sp);
    NEXT;
}

HANDLER(h_pop_seg)
{
    unsigned seg = seg_operand(op, 0);
    uint64_t v = tcg_peek(c, op, 0, op->i.opsize == 8 ? 8 : 2), sp = c->r[R_ESP] + op->i.opsize;

    tcg_sync_rip(c, op);
    tcg_load_seg(c, seg, v);
    tcg_set_sp(c, sp);
    c->shadow |= seg == R_SS ? TCG_SHADOW_SS : 0;
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_lxs)
{
    static const uint8_t segs[256] = { [0xc4] = R_ES, [0xc5] = R_DS, [0xb2] = R_SS, [0xb4] = R_FS,
                                       [0xb5] = R_GS };
    unsigned n = op->i.opsize;
    uint64_t la = op_la(c, op, n + 2, false), off = tcg_load(c, op, la, n);
    uint16_t sel = tcg_load(c, op, la + n, 2);

    tcg_sync_rip(c, op);
    tcg_load_seg(c, segs[x86_insn_row(op->i.row)->opcode], sel);
    set_reg(c, op->i.reg, n, off);
    c->rip = op_next_rip(c, op);
    END;
}

static void set_zf(TcgCPU *c, bool z)
{
    tcg_set_arith(c, (tcg_get_arith(c) & ~F_Z) | (z ? F_Z : 0));
}

/* System descriptor types that LAR and LSL accept. */
static bool system_ok(const TcgCPU *c, unsigned type, bool lsl)
{
    unsigned lar = tcg_lma(c) ? 0x1a04 : 0x1a3e & ~(1u << 6), lim = tcg_lma(c) ? 0xa04 : 0xa0e;

    return (lsl ? lim : lar) >> type & 1;
}

HANDLER(h_lar)
{
    bool lsl = x86_insn_row(op->i.row)->opcode == 3, ok;
    uint16_t sel = tcg_get_rm(c, op, 2);
    Desc d;

    tcg_sync_rip(c, op);
    ok = sel & 0xfffc && tcg_read_desc(c, sel, &d, 0);
    if (ok && !(d.hi & DESC_S_MASK)) {
        ok = system_ok(c, desc_type(&d), lsl);
    } else if (ok && desc_is_code(&d) && desc_conforming(&d)) {
        set_reg(c, op->i.reg, op->i.opsize, lsl ? desc_limit(&d) : d.hi & 0x00ffff00);
        set_zf(c, true);
        NEXT;
    }
    ok = ok && c->cpl <= desc_dpl(&d) && (sel & 3) <= desc_dpl(&d);
    if (ok) {
        set_reg(c, op->i.reg, op->i.opsize, lsl ? desc_limit(&d) : d.hi & 0x00ffff00);
    }
    set_zf(c, ok);
    NEXT;
}

HANDLER(h_verr_verw)
{
    bool write = x86_insn_row(op->i.row)->reg == 5, ok;
    uint16_t sel = tcg_get_rm(c, op, 2);
    Desc d;

    tcg_sync_rip(c, op);
    ok = sel & 0xfffc && tcg_read_desc(c, sel, &d, 0) && d.hi & DESC_S_MASK;
    if (ok && desc_is_code(&d)) {
        ok = !write && desc_type(&d) & 2 &&
             (desc_conforming(&d) || (c->cpl <= desc_dpl(&d) && (sel & 3) <= desc_dpl(&d)));
    } else if (ok) {
        ok = (!write || desc_type(&d) & 2) && c->cpl <= desc_dpl(&d) && (sel & 3) <= desc_dpl(&d);
    }
    set_zf(c, ok);
    NEXT;
}

HANDLER(h_arpl)
{
    uint16_t dst = tcg_get_rm(c, op, 2), src = c->r[op->i.reg];
    bool raise = (dst & 3) < (src & 3);

    if (raise) {
        tcg_set_rm(c, op, 2, (dst & ~3) | (src & 3));
    }
    set_zf(c, raise);
    NEXT;
}

static void umip(TcgCPU *c, const TcgOp *op)
{
    if (c->cpl && c->env->cr[4] & CR4_UMIP) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
}

HANDLER(h_sldt_str)
{
    const SegmentCache *s = x86_insn_row(op->i.row)->reg ? &c->env->tr : &c->env->ldt;

    umip(c, op);
    tcg_set_rm(c, op, op->i.flags & X86_I_MEM ? 2 : op->i.opsize, s->selector);
    NEXT;
}

HANDLER(h_lldt)
{
    uint16_t sel = tcg_get_rm(c, op, 2);
    Desc d;

    tcg_sync_rip(c, op);
    if (!(sel & 0xfffc)) {
        c->env->ldt = (SegmentCache){ .selector = sel };
        NEXT;
    }
    if (sel & 4) {
        tcg_raise_err(c, op, EXC_GP, sel & 0xfffc);
    }
    tcg_read_desc(c, sel, &d, EXC_GP);
    if (d.hi & DESC_S_MASK || desc_type(&d) != SYS_LDT) {
        tcg_raise_err(c, op, EXC_GP, sel & 0xfffc);
    }
    if (!(d.hi & DESC_P_MASK)) {
        tcg_raise_err(c, op, EXC_NP, sel & 0xfffc);
    }
    if (tcg_lma(c)) {
        tcg_read_desc_high(c, &d);
    }
    c->env->ldt = (SegmentCache){ .selector = sel, .base = desc_base(&d) | d.high8 << 32,
                                  .limit = desc_limit(&d), .flags = d.hi & DESC_FLAGS };
    NEXT;
}

HANDLER(h_ltr)
{
    uint16_t sel = tcg_get_rm(c, op, 2);
    Desc d;

    tcg_sync_rip(c, op);
    if (!(sel & 0xfffc) || sel & 4) {
        tcg_raise_err(c, op, EXC_GP, sel & 0xfffc);
    }
    tcg_read_desc(c, sel, &d, EXC_GP);
    if (d.hi & DESC_S_MASK || (desc_type(&d) != SYS_TSS &&
                               (tcg_lma(c) || desc_type(&d) != SYS_TSS16))) {
        tcg_raise_err(c, op, EXC_GP, sel & 0xfffc);
    }
    if (!(d.hi & DESC_P_MASK)) {
        tcg_raise_err(c, op, EXC_NP, sel & 0xfffc);
    }
    if (tcg_lma(c)) {
        tcg_read_desc_high(c, &d);
    }
    d.hi |= 2 << DESC_TYPE_SHIFT; /* busy */
    tcg_store_sys(c, d.la + 4, d.hi, 4);
    c->env->tr = (SegmentCache){ .selector = sel, .base = desc_base(&d) | d.high8 << 32,
                                 .limit = desc_limit(&d), .flags = d.hi & DESC_FLAGS };
    NEXT;
}

HANDLER(h_sgdt_sidt)
{
    const SegmentCache *t = x86_insn_row(op->i.row)->reg ? &c->env->idt : &c->env->gdt;
    unsigned n = c->code64 ? 8 : 4;
    uint64_t la = op_la(c, op, n + 2, true);

    umip(c, op);
    tcg_probe(c, op, la, n + 2, TCG_WRITE);
    tcg_store(c, op, la, t->limit, 2);
    tcg_store(c, op, la + 2, t->base, n);
    NEXT;
}

HANDLER(h_lgdt_lidt)
{
    SegmentCache *t = x86_insn_row(op->i.row)->reg == 3 ? &c->env->idt : &c->env->gdt;
    unsigned n = c->code64 ? 8 : 4;
    uint64_t la = op_la(c, op, n + 2, false), base = tcg_load(c, op, la + 2, n);
    uint16_t limit = tcg_load(c, op, la, 2);

    if (c->code64 && !tcg_canonical(c, base)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    t->base = !c->code64 && op->i.opsize == 2 ? base & 0xffffff : base;
    t->limit = limit;
    NEXT;
}

HANDLER(h_fsgsbase)
{
    unsigned kind = x86_insn_row(op->i.row)->reg, seg = kind & 1 ? R_GS : R_FS;
    unsigned n = op->i.flags & X86_I_W ? 8 : 4;

    if (!(c->env->cr[4] & CR4_FSGSBASE)) {
        tcg_raise(c, op, EXC_UD);
    }
    if (kind < 2) {
        set_reg(c, op->i.rm, n, c->env->segs[seg].base);
    } else {
        uint64_t v = get_reg(c, op->i.rm, n);

        if (!tcg_canonical(c, v)) {
            tcg_raise_err(c, op, EXC_GP, 0);
        }
        c->env->segs[seg].base = c->seg_base[seg] = v;
    }
    NEXT;
}

HANDLER(h_swapgs)
{
    uint64_t t = c->env->segs[R_GS].base;

    c->env->segs[R_GS].base = c->seg_base[R_GS] = c->env->kernelgsbase;
    c->env->kernelgsbase = t;
    NEXT;
}
