/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Far transfers: JMP, CALL, RET, IRET through descriptors and gates; SYSCALL, SYSENTER and their
 * returns (SDM vol 3 chapters 5 and 6, vol 2). Everything that can fault comes before registers
 * change. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/seg.h"

static void G_GNUC_NORETURN gp(TcgCPU *c, uint16_t sel)
{
    tcg_raise_err(c, NULL, EXC_GP, sel & 0xfffc);
}

static void set_rip(TcgCPU *c, uint64_t rip)
{
    bool code64 = tcg_lma(c) && c->env->segs[R_CS].flags & DESC_L_MASK;

    c->rip = code64 ? rip : (uint32_t)rip;
}

/* The new CS must hold @rip, or #GP(0). */
static void check_target(TcgCPU *c, const Desc *d, uint64_t rip)
{
    bool code64 = tcg_lma(c) && d->hi & DESC_L_MASK;

    if (code64 ? !tcg_canonical(c, rip) : (uint32_t)rip > desc_limit(d)) {
        tcg_raise_err(c, NULL, EXC_GP, 0);
    }
}

static void check_code_target(TcgCPU *c, const Desc *d)
{
    unsigned rpl = d->sel & 3;

    if (desc_conforming(d) ? desc_dpl(d) > c->cpl : rpl > c->cpl || desc_dpl(d) != c->cpl) {
        gp(c, d->sel);
    }
}

static void real_jump(TcgCPU *c, uint16_t sel, uint64_t rip)
{
    tcg_load_real(c, R_CS, sel);
    c->rip = (uint32_t)rip;
    tcg_update_mode(c);
}

/* Without descriptors the limit stays what it was. */
static void check_real_target(TcgCPU *c, uint64_t rip)
{
    if (rip > c->env->segs[R_CS].limit) {
        tcg_raise_err(c, NULL, EXC_GP, 0);
    }
}

/* ---- Gates ----------------------------------------------------------------------------------- */

typedef struct Gate {
    uint16_t sel;
    uint64_t offset;
    unsigned params, bytes; /* size of stack slots */
    bool call32;
} Gate;

static void read_gate(TcgCPU *c, Desc *d, Gate *g)
{
    if (desc_dpl(d) < c->cpl || desc_dpl(d) < (d->sel & 3)) {
        gp(c, d->sel);
    }
    if (!(d->hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_NP, d->sel & 0xfffc);
    }
    g->sel = d->lo >> 16;
    g->offset = (d->lo & 0xffff) | (desc_type(d) & 8 ? d->hi & 0xffff0000 : 0);
    g->params = d->hi & 31;
    g->bytes = tcg_lma(c) ? 8 : desc_type(d) & 8 ? 4 : 2;
    if (tcg_lma(c)) {
        tcg_read_desc_high(c, d);
        g->offset |= d->high8 << 32;
        g->params = 0;
    }
    if (!(g->sel & 0xfffc)) {
        tcg_raise_err(c, NULL, EXC_GP, 0);
    }
}

static void push_on(TcgCPU *c, uint64_t base, uint64_t mask, uint64_t *sp, uint64_t v, unsigned n)
{
    *sp -= n;
    tcg_store_sys(c, base + (*sp & mask), v, n);
}

/* CALL through a gate to an inner level: the old stack's address and parameters move along. */
static void call_inner(TcgCPU *c, const Gate *g, Desc *cs, uint64_t next_rip)
{
    SegmentCache old_ss = c->env->segs[R_SS];
    uint16_t old_cs = c->env->segs[R_CS].selector, ss;
    uint64_t old_sp = c->r[R_ESP], sp, mask, base, v;
    unsigned dpl = desc_dpl(cs), n = g->bytes;

    if (!(cs->hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_NP, g->sel & 0xfffc);
    }
    tcg_tss_stack(c, dpl, &ss, &sp);
    tcg_guard_ss(c);
    if (tcg_lma(c)) {
        c->env->segs[R_SS] = (SegmentCache){ .selector = dpl, .flags = dpl << DESC_DPL_SHIFT };
        mask = UINT64_MAX;
        base = 0;
    } else {
        tcg_load_ss(c, ss, dpl, EXC_TS);
        mask = c->env->segs[R_SS].flags & DESC_B_MASK ? UINT32_MAX : 0xffff;
        base = c->env->segs[R_SS].base;
    }
    push_on(c, base, mask, &sp, old_ss.selector, n);
    push_on(c, base, mask, &sp, old_sp, n);
    for (unsigned i = g->params; i-- > 0;) {
        v = tcg_load_sys(c, old_ss.base + ((old_sp + i * n) & c->sp_mask), n);
        push_on(c, base, mask, &sp, v, n);
    }
    push_on(c, base, mask, &sp, old_cs, n);
    push_on(c, base, mask, &sp, next_rip, n);
    tcg_load_cs(c, g->sel, cs, dpl);
    tcg_keep_ss(c);
    tcg_update_mode(c);
    tcg_set_sp(c, sp);
}

static void through_gate(TcgCPU *c, const TcgOp *op, Desc *d, bool call)
{
    Gate g;
    Desc cs;

    read_gate(c, d, &g);
    tcg_read_desc(c, g.sel, &cs, EXC_GP);
    if (!desc_is_code(&cs) || desc_dpl(&cs) > c->cpl ||
        (tcg_lma(c) && (cs.hi & (DESC_L_MASK | DESC_B_MASK)) != DESC_L_MASK)) {
        gp(c, g.sel);
    }
    check_target(c, &cs, g.offset);
    if (call && !desc_conforming(&cs) && desc_dpl(&cs) < c->cpl) {
        call_inner(c, &g, &cs, op_next_rip(c, op));
    } else {
        if (!desc_conforming(&cs) && desc_dpl(&cs) != c->cpl) {
            gp(c, g.sel);
        }
        if (call) {
            uint64_t sp = c->r[R_ESP];

            tcg_store(c, op, tcg_stack_la(c, op, sp - g.bytes, g.bytes, true),
                      c->env->segs[R_CS].selector, g.bytes);
            tcg_store(c, op, tcg_stack_la(c, op, sp - 2 * g.bytes, g.bytes, true),
                      op_next_rip(c, op), g.bytes);
            tcg_load_cs(c, g.sel, &cs, c->cpl);
            tcg_set_sp(c, sp - 2 * g.bytes);
        } else {
            tcg_load_cs(c, g.sel, &cs, c->cpl);
        }
    }
    set_rip(c, g.offset);
    tcg_update_mode(c);
}

/* ---- JMP and CALL ---------------------------------------------------------------------------- */

static void system_target(TcgCPU *c, const TcgOp *op, Desc *d, bool call)
{
    unsigned type = desc_type(d);
    Desc tss;

    if (type == SYS_CALL || (type == SYS_CALL16 && !tcg_lma(c))) {
        through_gate(c, op, d, call);
        return;
    }
    if (tcg_lma(c) || (type != SYS_TASK && type != SYS_TSS && type != SYS_TSS16) ||
        desc_dpl(d) < c->cpl || desc_dpl(d) < (d->sel & 3)) {
        gp(c, d->sel);
    }
    if (!(d->hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_NP, d->sel & 0xfffc);
    }
    tss = *d;
    if (type == SYS_TASK) {
        tcg_read_desc(c, d->lo >> 16, &tss, EXC_GP);
    }
    tcg_task_switch(c, &tss, call ? TASK_CALL : TASK_JMP, op_next_rip(c, op), false, 0);
}

static void push_return(TcgCPU *c, const TcgOp *op)
{
    unsigned n = op->i.opsize;
    uint64_t sp = c->r[R_ESP];

    tcg_store(c, op, tcg_stack_la(c, op, sp - n, n, true), c->env->segs[R_CS].selector, n);
    tcg_store(c, op, tcg_stack_la(c, op, sp - 2 * n, n, true), op_next_rip(c, op), n);
}

static void far_to(TcgCPU *c, const TcgOp *op, uint16_t sel, uint64_t rip, bool call)
{
    Desc d;

    tcg_sync_rip(c, op);
    if (tcg_real(c) || tcg_vm86(c)) {
        check_real_target(c, rip);
        if (call) {
            push_return(c, op);
            tcg_set_sp(c, c->r[R_ESP] - 2 * op->i.opsize);
        }
        real_jump(c, sel, rip);
        return;
    }
    if (!(sel & 0xfffc)) {
        gp(c, 0);
    }
    tcg_read_desc(c, sel, &d, EXC_GP);
    if (!(d.hi & DESC_S_MASK)) {
        system_target(c, op, &d, call);
        return;
    }
    if (!desc_is_code(&d)) {
        gp(c, sel);
    }
    check_code_target(c, &d);
    check_target(c, &d, rip);
    if (call) {
        push_return(c, op);
    }
    tcg_load_cs(c, sel, &d, c->cpl);
    if (call) {
        tcg_set_sp(c, c->r[R_ESP] - 2 * op->i.opsize);
    }
    set_rip(c, rip);
    tcg_update_mode(c);
}

HANDLER(h_jmp_far)
{
    far_to(c, op, op->i.imm >> 32, (uint32_t)op->i.imm, false);
    END;
}

HANDLER(h_call_far)
{
    far_to(c, op, op->i.imm >> 32, (uint32_t)op->i.imm, true);
    END;
}

static void far_mem(TcgCPU *c, const TcgOp *op, bool call)
{
    unsigned n = op->i.opsize;
    uint64_t la = op_la(c, op, n + 2, false), rip = tcg_load(c, op, la, n);

    far_to(c, op, tcg_load(c, op, la + n, 2), rip, call);
}

HANDLER(h_jmp_farm)
{
    far_mem(c, op, false);
    END;
}

HANDLER(h_call_farm)
{
    far_mem(c, op, true);
    END;
}

/* ---- RET and IRET ---------------------------------------------------------------------------- */

/* Data segments that the outer level may not have become null. */
static void drop_segments(TcgCPU *c, unsigned cpl)
{
    static const uint8_t segs[] = { R_ES, R_DS, R_FS, R_GS };

    for (unsigned i = 0; i < 4; i++) {
        SegmentCache *s = &c->env->segs[segs[i]];
        unsigned type = s->flags >> DESC_TYPE_SHIFT & 15;

        if (s->flags & DESC_P_MASK && (s->flags >> DESC_DPL_SHIFT & 3) < cpl &&
            (type & 0xc) != 0xc) {
            *s = (SegmentCache){ .base = tcg_lma(c) ? s->base : 0 };
        }
    }
}

typedef struct Frame {
    uint64_t rip, flags, sp;
    uint16_t cs, ss;
} Frame;

/* Return to @f->cs; @outer_sp: where SS:SP stand when the level changes. */
static void return_to(TcgCPU *c, const TcgOp *op, Frame *f, unsigned sp_after, unsigned ss_at,
                      bool iret)
{
    unsigned n = op->i.opsize, rpl = f->cs & 3;
    bool stack = rpl > c->cpl || (iret && c->code64);
    Desc d;

    if (!(f->cs & 0xfffc)) {
        gp(c, 0);
    }
    tcg_read_desc(c, f->cs, &d, EXC_GP);
    if (!desc_is_code(&d) || rpl < c->cpl ||
        (desc_conforming(&d) ? desc_dpl(&d) > rpl : desc_dpl(&d) != rpl)) {
        gp(c, f->cs);
    }
    check_target(c, &d, f->rip);
    tcg_guard_ss(c);
    if (stack) {
        f->sp = tcg_peek(c, op, ss_at, n);
        f->ss = tcg_peek(c, op, ss_at + n, 2);
        if (!(f->ss & 0xfffc)) {
            if (!(tcg_lma(c) && d.hi & DESC_L_MASK) || rpl == 3) {
                gp(c, 0);
            }
            c->env->segs[R_SS] = (SegmentCache){ .selector = f->ss,
                                                 .flags = rpl << DESC_DPL_SHIFT };
        } else {
            tcg_load_ss(c, f->ss, rpl, EXC_GP);
        }
    }
    tcg_load_cs(c, f->cs, &d, rpl);
    tcg_keep_ss(c);
    if (stack) {
        if (rpl > c->cpl) {
            drop_segments(c, rpl);
        }
        tcg_update_mode(c);
        tcg_set_sp(c, f->sp);
        tcg_set_sp(c, c->r[R_ESP] + (iret ? 0 : sp_after));
    } else {
        tcg_set_sp(c, c->r[R_ESP] + ss_at + (iret ? 0 : sp_after));
    }
    set_rip(c, f->rip);
    tcg_update_mode(c);
}

HANDLER(h_retf)
{
    unsigned n = op->i.opsize, extra = x86_insn_row(op->i.row)->nr_ops ? op->i.imm & 0xffff : 0;
    Frame f = { .rip = tcg_peek(c, op, 0, n), .cs = tcg_peek(c, op, n, 2) };

    tcg_sync_rip(c, op);
    if (tcg_real(c) || tcg_vm86(c)) {
        check_real_target(c, f.rip);
        real_jump(c, f.cs, f.rip);
        tcg_set_sp(c, c->r[R_ESP] + 2 * n + extra);
        END;
    }
    /* Parameters lie between the return address and the outer SS:SP. */
    if ((f.cs & 3) > c->cpl) {
        return_to(c, op, &f, extra, 2 * n + extra, false);
    } else {
        return_to(c, op, &f, extra, 2 * n, false);
    }
    END;
}

void tcg_put_eflags(TcgCPU *c, uint64_t v, uint64_t mask)
{
    uint64_t new = (tcg_get_eflags(c) & ~mask) | (v & mask);

    c->eflags = new & ~(uint64_t)F_ARITH;
    tcg_set_arith(c, new);
}

/* What IRET and POPF may change, by CPL and IOPL. */
static uint64_t flags_mask(const TcgCPU *c, unsigned bytes)
{
    uint64_t m = F_ARITH | F_TF | F_D | F_NT | F_AC | F_ID;

    m |= c->cpl == 0 ? F_IOPL : 0;
    m |= c->cpl <= (c->eflags & F_IOPL) >> 12 ? F_IF : 0;
    return bytes == 2 ? m & 0xffff : m;
}

static void iret_to_vm86(TcgCPU *c, const TcgOp *op, const Frame *f)
{
    static const uint8_t order[] = { R_ES, R_DS, R_FS, R_GS };
    uint64_t sp = tcg_peek(c, op, 12, 4);
    uint16_t ss = tcg_peek(c, op, 16, 2), sel[4];

    for (unsigned i = 0; i < 4; i++) {
        sel[i] = tcg_peek(c, op, 20 + 4 * i, 2);
    }
    tcg_put_eflags(c, f->flags, 0x3f7fd5 | F_VM | F_VIF | F_VIP);
    tcg_load_real(c, R_CS, f->cs);
    tcg_load_real(c, R_SS, ss);
    for (unsigned i = 0; i < 4; i++) {
        tcg_load_real(c, order[i], sel[i]);
    }
    c->r[R_ESP] = (uint32_t)sp;
    c->rip = (uint16_t)f->rip;
    tcg_update_mode(c);
}

static void iret_nested_task(TcgCPU *c, const TcgOp *op)
{
    uint16_t link = tcg_load_sys(c, c->env->tr.base, 2);
    Desc d;

    if (link & 4) {
        tcg_raise_err(c, NULL, EXC_TS, link & 0xfffc);
    }
    tcg_read_desc(c, link, &d, EXC_TS);
    tcg_task_switch(c, &d, TASK_IRET, op_next_rip(c, op), false, 0);
}

HANDLER(h_iret)
{
    unsigned n = op->i.opsize;
    bool vme;
    Frame f;
    uint64_t mask;

    tcg_sync_rip(c, op);
    vme = tcg_vme_flags_op(c, op, n);
    if (!tcg_real(c) && !tcg_vm86(c) && c->eflags & F_NT) {
        if (tcg_lma(c)) {
            gp(c, 0);
        }
        iret_nested_task(c, op);
        END;
    }
    f = (Frame){ .rip = tcg_peek(c, op, 0, n), .cs = tcg_peek(c, op, n, 2),
                 .flags = tcg_peek(c, op, 2 * n, n) };
    mask = flags_mask(c, n) | (n > 2 ? F_RF : 0);
    c->env->events.nmi_masked = false;
    if (tcg_real(c) || tcg_vm86(c)) {
        check_real_target(c, f.rip);
        if (vme) {
            tcg_vme_put_flags(c, op, f.flags);
        } else {
            tcg_put_eflags(c, f.flags, tcg_vm86(c) ? mask & ~(uint64_t)F_IOPL : mask);
        }
        real_jump(c, f.cs, f.rip);
        tcg_set_sp(c, c->r[R_ESP] + 3 * n);
        END;
    }
    if (f.flags & F_VM && n == 4 && c->cpl == 0 && !tcg_lma(c)) {
        iret_to_vm86(c, op, &f);
        END;
    }
    if (c->cpl == 0 && n > 2) {
        mask |= F_VIF | F_VIP;
    }
    return_to(c, op, &f, 0, 3 * n, true);
    tcg_put_eflags(c, f.flags, mask);
    tcg_update_mode(c);
    END;
}

/* ---- PUSHF and POPF -------------------------------------------------------------------------- */

HANDLER(h_pushf)
{
    bool vme = tcg_vme_flags_op(c, op, op->i.opsize);

    tcg_push(c, op, vme ? tcg_vme_flags(c) : tcg_get_eflags(c) & 0xfcffff, op->i.opsize);
    NEXT;
}

HANDLER(h_popf)
{
    bool vme = tcg_vme_flags_op(c, op, op->i.opsize);
    uint64_t v = tcg_peek(c, op, 0, op->i.opsize);

    if (vme) {
        tcg_vme_put_flags(c, op, v);
    } else {
        tcg_put_eflags(c, v, flags_mask(c, op->i.opsize) | (op->i.opsize > 2 ? F_RF : 0));
    }
    tcg_set_sp(c, c->r[R_ESP] + op->i.opsize);
    c->eflags &= ~(uint64_t)F_RF;
    tcg_update_mode(c);
    c->rip = op_next_rip(c, op);
    END;
}

/* ---- SYSCALL, SYSENTER ----------------------------------------------------------------------- */

static void flat_segment(TcgCPU *c, unsigned seg, uint16_t sel, unsigned dpl, uint32_t extra)
{
    c->env->segs[seg] = (SegmentCache){
        .selector = sel, .limit = UINT32_MAX,
        .flags = DESC_P_MASK | DESC_S_MASK | DESC_G_MASK | dpl << DESC_DPL_SHIFT | extra |
                 (seg == R_CS ? 11 : 3) << DESC_TYPE_SHIFT,
    };
}

HANDLER(h_syscall)
{
    CPUX86State *env = c->env;
    uint16_t sel = env->star >> 32 & 0xfffc;
    bool code64 = c->code64;

    if (!(env->efer & MSR_EFER_SCE) || (c->intel && !code64) || tcg_real(c)) {
        tcg_raise(c, op, EXC_UD);
    }
    c->r[R_ECX] = op_next_rip(c, op);
    if (tcg_lma(c)) {
        c->r[11] = tcg_get_eflags(c) & ~(uint64_t)F_RF;
        c->rip = code64 ? env->lstar : env->cstar;
        tcg_put_eflags(c, 0, env->fmask | F_RF);
    } else {
        c->rip = (uint32_t)env->star;
        tcg_put_eflags(c, 0, F_IF | F_VM | F_RF);
    }
    flat_segment(c, R_CS, sel, 0, tcg_lma(c) ? DESC_L_MASK : DESC_B_MASK);
    flat_segment(c, R_SS, sel + 8, 0, DESC_B_MASK);
    tcg_update_mode(c);
    c->tf = c->eflags & F_TF; /* FMASK decides about the trap, not what TF was before */
    END;
}

HANDLER(h_sysret)
{
    CPUX86State *env = c->env;
    uint16_t sel = env->star >> 48 & 0xfffc;
    bool to64 = op->i.flags & X86_I_W;

    if (!(env->efer & MSR_EFER_SCE) || (c->intel && !c->code64) || tcg_real(c)) {
        tcg_raise(c, op, EXC_UD);
    }
    if (to64 && !tcg_canonical(c, c->r[R_ECX])) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    if (tcg_lma(c)) {
        tcg_put_eflags(c, c->r[11], 0x3c7fd7);
    } else {
        tcg_put_eflags(c, F_IF, F_IF);
    }
    c->rip = to64 ? c->r[R_ECX] : (uint32_t)c->r[R_ECX];
    flat_segment(c, R_CS, (to64 ? sel + 16 : sel) | 3, 3, to64 ? DESC_L_MASK : DESC_B_MASK);
    flat_segment(c, R_SS, (sel + 8) | 3, 3, DESC_B_MASK);
    tcg_update_mode(c);
    c->tf = c->eflags & F_TF; /* traps as if the SYSCALL had just completed */
    END;
}

HANDLER(h_sysenter)
{
    CPUX86State *env = c->env;
    uint16_t sel = env->sysenter_cs & 0xfffc;

    if (!sel || tcg_real(c)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_put_eflags(c, 0, F_VM | F_IF | F_RF);
    flat_segment(c, R_CS, sel, 0, tcg_lma(c) ? DESC_L_MASK : DESC_B_MASK);
    flat_segment(c, R_SS, sel + 8, 0, DESC_B_MASK);
    c->r[R_ESP] = tcg_lma(c) ? env->sysenter_esp : (uint32_t)env->sysenter_esp;
    c->rip = tcg_lma(c) ? env->sysenter_eip : (uint32_t)env->sysenter_eip;
    tcg_update_mode(c);
    END;
}

HANDLER(h_sysexit)
{
    uint16_t sel = c->env->sysenter_cs & 0xfffc;
    bool to64 = op->i.flags & X86_I_W;
    uint64_t rip = c->r[R_EDX], sp = c->r[R_ECX];

    if (!sel || tcg_real(c) ||
        (to64 && (!tcg_canonical(c, rip) || !tcg_canonical(c, sp)))) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    flat_segment(c, R_CS, (sel + (to64 ? 32 : 16)) | 3, 3, to64 ? DESC_L_MASK : DESC_B_MASK);
    flat_segment(c, R_SS, (sel + (to64 ? 40 : 24)) | 3, 3, DESC_B_MASK);
    c->r[R_ESP] = to64 ? sp : (uint32_t)sp;
    c->rip = to64 ? rip : (uint32_t)rip;
    tcg_update_mode(c);
    END;
}
