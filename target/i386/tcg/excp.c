/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery of exceptions and interrupts in real, protected, virtual-8086 and long mode (SDM vol 3
 * chapter 6), stacks of the TSS, task switches (chapter 7). Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/seg.h"

/* What is being delivered. */
typedef struct Event {
    unsigned vector;
    bool software, hardware, has_error;
    uint32_t error;
    uint64_t rip;
} Event;

/* Error code of a fault while @e is delivered: EXT for events from outside the program. */
static uint32_t ext(const Event *e, uint32_t code)
{
    return code | !e->software;
}

static void G_GNUC_NORETURN idt_fault(TcgCPU *c, const Event *e, unsigned vector)
{
    tcg_raise_err(c, NULL, vector, ext(e, e->vector * 8 + 2));
}

/* ---- TSS ------------------------------------------------------------------------------------- */

void tcg_tss_stack(TcgCPU *c, unsigned dpl, uint16_t *ss, uint64_t *sp)
{
    const SegmentCache *tr = &c->env->tr;
    bool tss16 = !(tr->flags & 8 << DESC_TYPE_SHIFT);
    unsigned at = tcg_lma(c) ? 4 + dpl * 8 : tss16 ? 2 + dpl * 4 : 4 + dpl * 8;
    unsigned n = tcg_lma(c) ? 8 : tss16 ? 2 : 4;

    if (at + (tcg_lma(c) ? 8 : n + 2) - 1 > tr->limit) {
        tcg_raise_err(c, NULL, EXC_TS, tr->selector & 0xfffc);
    }
    *sp = tcg_load_sys(c, tr->base + at, n);
    *ss = tcg_lma(c) ? dpl : tcg_load_sys(c, tr->base + at + n, 2);
}

/* ---- Real mode ------------------------------------------------------------------------------- */

static void push16(TcgCPU *c, uint64_t *sp, uint16_t v)
{
    *sp -= 2;
    tcg_store(c, NULL, tcg_stack_la(c, NULL, *sp, 2, true), v, 2);
}

static void deliver_real(TcgCPU *c, const Event *e)
{
    bool vm86 = tcg_vm86(c); /* redirected INT n: the table is at 0, RSP moves last */
    uint64_t at = (vm86 ? 0 : c->env->idt.base) + e->vector * 4, sp = c->r[R_ESP];
    uint32_t entry;

    if (!vm86 && e->vector * 4 + 3 > c->env->idt.limit) {
        tcg_raise_err(c, NULL, EXC_GP, e->vector * 8 + 2);
    }
    entry = vm86 ? tcg_load(c, NULL, at, 4) : tcg_load_sys(c, at, 4);
    push16(c, &sp, vm86 ? tcg_vme_flags(c) : tcg_get_eflags(c));
    push16(c, &sp, c->env->segs[R_CS].selector);
    push16(c, &sp, e->rip);
    tcg_set_sp(c, sp);
    c->eflags &= vm86 ? ~(uint64_t)(F_TF | F_NT | tcg_vme_if(c))
                      : ~(uint64_t)(F_IF | F_TF | F_AC | F_RF);
    tcg_load_real(c, R_CS, entry >> 16);
    c->rip = entry & 0xffff;
    tcg_update_mode(c);
}

/* ---- Protected and long mode ----------------------------------------------------------------- */

typedef struct NewStack {
    uint64_t base, mask, sp;
    unsigned n; /* slot size */
    bool change;
} NewStack;

static void push_new(TcgCPU *c, NewStack *s, uint64_t v)
{
    s->sp -= s->n;
    tcg_store_sys(c, s->base + (s->sp & s->mask), v, s->n);
}

static void read_gate(TcgCPU *c, const Event *e, Desc *gate)
{
    unsigned size = tcg_lma(c) ? 16 : 8;
    uint64_t la = c->env->idt.base + e->vector * size;
    unsigned type;

    if (e->vector * size + size - 1 > c->env->idt.limit) {
        idt_fault(c, e, EXC_GP);
    }
    *gate = (Desc){ .la = la, .lo = tcg_load_sys(c, la, 4), .hi = tcg_load_sys(c, la + 4, 4) };
    type = desc_type(gate);
    if (gate->hi & DESC_S_MASK || !(type == SYS_INT || type == SYS_TRAP ||
                                    (!tcg_lma(c) && (type == SYS_TASK || type == SYS_INT16 ||
                                                     type == SYS_TRAP16)))) {
        idt_fault(c, e, EXC_GP);
    }
    if (e->software && desc_dpl(gate) < c->cpl) {
        idt_fault(c, e, EXC_GP);
    }
    if (!(gate->hi & DESC_P_MASK)) {
        idt_fault(c, e, EXC_NP);
    }
    if (tcg_lma(c)) {
        tcg_read_desc_high(c, gate);
    }
}

static void choose_stack_long(TcgCPU *c, const Desc *gate, unsigned dpl, NewStack *s)
{
    unsigned ist = gate->hi & 7;
    uint16_t ss;

    s->mask = UINT64_MAX;
    s->n = 8;
    if (ist) {
        if (28 + ist * 8 + 7 > c->env->tr.limit) {
            tcg_raise_err(c, NULL, EXC_TS, c->env->tr.selector & 0xfffc);
        }
        s->sp = tcg_load_sys(c, c->env->tr.base + 28 + ist * 8, 8);
    } else if (s->change) {
        tcg_tss_stack(c, dpl, &ss, &s->sp);
    } else {
        s->sp = c->r[R_ESP];
    }
    if (!tcg_canonical(c, s->sp)) {
        tcg_raise_err(c, NULL, EXC_SS, 0);
    }
    s->sp &= ~15ull;
}

static void choose_stack(TcgCPU *c, const Desc *gate, unsigned dpl, NewStack *s)
{
    uint16_t ss;

    s->n = desc_type(gate) & 8 ? 4 : 2;
    if (s->change) {
        tcg_tss_stack(c, dpl, &ss, &s->sp);
        tcg_load_ss(c, ss, dpl, EXC_TS);
    } else {
        s->sp = c->r[R_ESP];
    }
    s->base = c->env->segs[R_SS].base;
    s->mask = c->env->segs[R_SS].flags & DESC_B_MASK ? UINT32_MAX : 0xffff;
}

static void push_frame(TcgCPU *c, const Event *e, NewStack *s, const SegmentCache *old,
                       uint64_t old_sp, uint64_t flags)
{
    if (flags & F_VM) {
        push_new(c, s, old[R_GS].selector);
        push_new(c, s, old[R_FS].selector);
        push_new(c, s, old[R_DS].selector);
        push_new(c, s, old[R_ES].selector);
    }
    if (s->change || tcg_lma(c)) {
        push_new(c, s, old[R_SS].selector);
        push_new(c, s, old_sp);
    }
    push_new(c, s, flags);
    push_new(c, s, old[R_CS].selector);
    push_new(c, s, e->rip);
    if (e->has_error) {
        push_new(c, s, e->error);
    }
}

static void deliver_gate(TcgCPU *c, const Event *e, Desc *gate)
{
    SegmentCache old[6];
    uint64_t old_sp = c->r[R_ESP], flags = tcg_get_eflags(c);
    uint64_t offset = (gate->lo & 0xffff) | (desc_type(gate) & 8 ? gate->hi & 0xffff0000 : 0);
    NewStack s = { 0 };
    Desc cs;
    unsigned dpl;

    memcpy(old, c->env->segs, sizeof(old));
    if (!(gate->lo >> 16 & 0xfffc)) {
        tcg_raise_err(c, NULL, EXC_GP, ext(e, 0));
    }
    tcg_read_desc(c, gate->lo >> 16, &cs, EXC_GP);
    if (!desc_is_code(&cs) || desc_dpl(&cs) > c->cpl ||
        (tcg_lma(c) && (cs.hi & (DESC_L_MASK | DESC_B_MASK)) != DESC_L_MASK)) {
        tcg_raise_err(c, NULL, EXC_GP, ext(e, cs.sel & 0xfffc));
    }
    if (!(cs.hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_NP, ext(e, cs.sel & 0xfffc));
    }
    dpl = desc_conforming(&cs) ? c->cpl : desc_dpl(&cs);
    s.change = dpl < c->cpl;
    if (flags & F_VM && dpl != 0) {
        tcg_raise_err(c, NULL, EXC_GP, ext(e, cs.sel & 0xfffc));
    }
    offset |= tcg_lma(c) ? gate->high8 << 32 : 0;
    if (tcg_lma(c) ? !tcg_canonical(c, offset) : offset > desc_limit(&cs)) {
        tcg_raise_err(c, NULL, EXC_GP, ext(e, 0));
    }
    tcg_set_accessed(c, &cs);
    tcg_guard_ss(c);
    if (!e->software && !e->hardware && e->vector != EXC_DB) {
        flags |= F_RF;
    }
    if (tcg_lma(c)) {
        choose_stack_long(c, gate, dpl, &s);
    } else {
        choose_stack(c, gate, dpl, &s);
    }
    push_frame(c, e, &s, old, old_sp, flags);
    if (flags & F_VM) {
        for (unsigned i = 0; i < 6; i++) {
            if (i != R_CS && i != R_SS) {
                c->env->segs[i] = (SegmentCache){ 0 };
            }
        }
    }
    if (tcg_lma(c) && s.change) {
        c->env->segs[R_SS] = (SegmentCache){ .selector = dpl, .flags = dpl << DESC_DPL_SHIFT };
    }
    tcg_load_cs(c, cs.sel, &cs, dpl);
    tcg_keep_ss(c);
    c->eflags &= ~(uint64_t)(F_TF | F_NT | F_RF | F_VM);
    if (!(desc_type(gate) & 1)) {
        c->eflags &= ~(uint64_t)F_IF;
    }
    tcg_update_mode(c);
    tcg_set_sp(c, s.sp);
    c->rip = offset;
}

static void deliver_task(TcgCPU *c, const Event *e, const Desc *gate)
{
    Desc tss;

    tcg_read_desc(c, gate->lo >> 16, &tss, EXC_GP);
    if (tss.sel & 4 || tss.hi & DESC_S_MASK ||
        (desc_type(&tss) != SYS_TSS && desc_type(&tss) != SYS_TSS16)) {
        tcg_raise_err(c, NULL, EXC_GP, ext(e, tss.sel & 0xfffc));
    }
    if (!(tss.hi & DESC_P_MASK)) {
        tcg_raise_err(c, NULL, EXC_NP, ext(e, tss.sel & 0xfffc));
    }
    tcg_task_switch(c, &tss, TASK_CALL, e->rip, e->has_error, e->error);
}

void tcg_deliver(TcgCPU *c, unsigned vector, bool software, bool hardware, bool has_error,
                 uint32_t error, uint64_t return_rip)
{
    Event e = { vector, software, hardware, has_error, error, return_rip };
    Desc gate;

    c->halted = false;
    if (tcg_real(c) || (software && tcg_vme_redirects(c, vector))) {
        deliver_real(c, &e);
        return;
    }
    read_gate(c, &e, &gate);
    if (desc_type(&gate) == SYS_TASK) {
        deliver_task(c, &e, &gate);
    } else {
        deliver_gate(c, &e, &gate);
    }
}

/* ---- Task switch ----------------------------------------------------------------------------- */

static const uint8_t tss32_segs[6] = { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS };

static void save_task(TcgCPU *c, uint64_t next_rip, uint64_t flags)
{
    const SegmentCache *tr = &c->env->tr;
    bool tss32 = tr->flags & 8 << DESC_TYPE_SHIFT;
    unsigned n = tss32 ? 4 : 2, at = tss32 ? 0x20 : 0x0e, nr_segs = tss32 ? 6 : 4;

    tcg_store_sys(c, tr->base + at, next_rip, n);
    tcg_store_sys(c, tr->base + at + n, flags, n);
    for (unsigned i = 0; i < 8; i++) {
        tcg_store_sys(c, tr->base + at + n * (2 + i), c->r[i], n);
    }
    for (unsigned i = 0; i < nr_segs; i++) {
        tcg_store_sys(c, tr->base + at + n * (10 + i), c->env->segs[tss32_segs[i]].selector, 2);
    }
}

static void set_busy(TcgCPU *c, uint16_t sel, bool busy)
{
    Desc d;

    tcg_read_desc(c, sel, &d, EXC_TS);
    d.hi = busy ? d.hi | 2 << DESC_TYPE_SHIFT : d.hi & ~(2u << DESC_TYPE_SHIFT);
    tcg_store_sys(c, d.la + 4, d.hi, 4);
}

/* Segments of the new task; faults belong to it. */
static void load_task_segs(TcgCPU *c, const uint16_t *sel)
{
    Desc d;

    if (c->eflags & F_VM) {
        for (unsigned i = 0; i < 6; i++) {
            tcg_load_real(c, tss32_segs[i], sel[i]);
        }
        tcg_update_mode(c);
        return;
    }
    tcg_read_desc(c, sel[1], &d, EXC_TS);
    if (!desc_is_code(&d) || (!desc_conforming(&d) && desc_dpl(&d) != (sel[1] & 3))) {
        tcg_raise_err(c, NULL, EXC_TS, sel[1] & 0xfffc);
    }
    tcg_load_cs(c, sel[1], &d, sel[1] & 3);
    tcg_load_ss(c, sel[2], sel[1] & 3, EXC_TS);
    tcg_update_mode(c);
    for (unsigned i = 0; i < 6; i++) {
        if (i != 1 && i != 2) {
            tcg_load_seg(c, tss32_segs[i], sel[i]);
        }
    }
}

static void load_ldt(TcgCPU *c, uint16_t sel)
{
    Desc d;

    c->env->ldt = (SegmentCache){ .selector = sel };
    if (sel & 0xfffc) {
        tcg_read_desc(c, sel, &d, EXC_TS);
        if (sel & 4 || d.hi & DESC_S_MASK || desc_type(&d) != SYS_LDT || !(d.hi & DESC_P_MASK)) {
            tcg_raise_err(c, NULL, EXC_TS, sel & 0xfffc);
        }
        c->env->ldt = (SegmentCache){ .selector = sel, .base = desc_base(&d),
                                      .limit = desc_limit(&d), .flags = d.hi & 0x00f0ff00 };
    }
}

void tcg_task_switch(TcgCPU *c, Desc *d, unsigned how, uint64_t next_rip, bool has_error,
                     uint32_t error)
{
    bool tss32 = desc_type(d) & 8;
    unsigned n = tss32 ? 4 : 2, at = tss32 ? 0x20 : 0x0e, nr_segs = tss32 ? 6 : 4;
    uint64_t base = desc_base(d), flags = tcg_get_eflags(c), regs[8], rip, new_flags;
    uint16_t sel[6] = { 0 }, ldt, old = c->env->tr.selector;
    bool busy = desc_type(d) & 2;

    if (d->hi & DESC_S_MASK || desc_limit(d) < (tss32 ? 0x67 : 0x2b) ||
        busy != (how == TASK_IRET)) {
        tcg_raise_err(c, NULL, how == TASK_IRET || busy == false ? EXC_TS : EXC_GP,
                      d->sel & 0xfffc);
    }
    rip = tcg_load_sys(c, base + at, n);
    new_flags = tcg_load_sys(c, base + at + n, n);
    for (unsigned i = 0; i < 8; i++) {
        regs[i] = tcg_load_sys(c, base + at + n * (2 + i), n);
    }
    for (unsigned i = 0; i < nr_segs; i++) {
        sel[i] = tcg_load_sys(c, base + at + n * (10 + i), 2);
    }
    ldt = tcg_load_sys(c, base + (tss32 ? 0x60 : 0x2a), 2);
    if (how != TASK_CALL) {
        set_busy(c, old, false);
    }
    save_task(c, next_rip, how == TASK_IRET ? flags & ~(uint64_t)F_NT : flags);
    if (how == TASK_CALL) {
        tcg_store_sys(c, base, old, 2);
        new_flags |= F_NT;
    }
    if (how != TASK_IRET) {
        set_busy(c, d->sel, true);
        d->hi |= 2 << DESC_TYPE_SHIFT;
    }
    c->env->tr = (SegmentCache){ .selector = d->sel, .base = base, .limit = desc_limit(d),
                                 .flags = d->hi & 0x00f0ff00 };
    c->env->cr[0] |= CR0_TS_MASK;
    if (tss32 && c->env->cr[0] & CR0_PG_MASK) {
        c->env->cr[3] = tcg_load_sys(c, base + 0x1c, 4);
        tcg_tlb_flush(c);
        tcg_load_pdptrs(c, c->env->cr[3]);
    }
    for (unsigned i = 0; i < 8; i++) {
        c->r[i] = tss32 ? regs[i] : (c->r[i] & ~0xffffull) | regs[i];
    }
    c->rip = rip;
    tcg_put_eflags(c, new_flags | 2, tss32 ? 0x3f7fd7 : 0x7fd7);
    load_ldt(c, ldt);
    load_task_segs(c, sel);
    c->env->dr[7] &= ~0x155ull; /* local breakpoints */
    tcg_debug_update(c);
    if (tss32 && tcg_load_sys(c, base + 0x64, 2) & 1) {
        c->debug_hits |= DR6_BT;
    }
    if (has_error) {
        tcg_push(c, NULL, error, n);
    }
}
