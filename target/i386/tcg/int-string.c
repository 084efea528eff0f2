/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * String instructions (SDM vol 2 MOVS .. OUTS, REP). Registers are updated after each element, so
 * that a fault or an interrupt between two elements finds them right; MOVS and STOS by whole runs
 * within a page. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"

enum { ELEMENTS_PER_ROUND = 4096 }; /* between looks at c->attention */

typedef struct Str {
    TcgCPU *c;
    const TcgOp *op;
    unsigned n, asize;
    int64_t step;
} Str;

static Str str_begin(TcgCPU *c, const TcgOp *op, unsigned n)
{
    return (Str){ c, op, n, op->i.addrsize, c->eflags & F_D ? -(int64_t)n : n };
}

static uint64_t src_la(const Str *s)
{
    return tcg_linear(s->c, s->op, s->op->i.seg, get_reg(s->c, R_ESI, s->asize), s->n, false);
}

static uint64_t dst_la(const Str *s, bool write)
{
    return tcg_linear(s->c, s->op, R_ES, get_reg(s->c, R_EDI, s->asize), s->n, write);
}

static void advance(const Str *s, unsigned reg, int64_t by)
{
    set_reg(s->c, reg, s->asize, s->c->r[reg] + by);
}

/* ---- One element ----------------------------------------------------------------------------- */

typedef void Element(const Str *s);

static void movs(const Str *s)
{
    uint64_t v = tcg_load(s->c, s->op, src_la(s), s->n);

    tcg_store(s->c, s->op, dst_la(s, true), v, s->n);
    advance(s, R_ESI, s->step);
    advance(s, R_EDI, s->step);
}

static void stos(const Str *s)
{
    tcg_store(s->c, s->op, dst_la(s, true), s->c->r[R_EAX], s->n);
    advance(s, R_EDI, s->step);
}

static void lods(const Str *s)
{
    set_reg(s->c, R_EAX, s->n, tcg_load(s->c, s->op, src_la(s), s->n));
    advance(s, R_ESI, s->step);
}

static void cmps(const Str *s)
{
    uint64_t a = tcg_load(s->c, s->op, src_la(s), s->n);
    uint64_t b = tcg_load(s->c, s->op, dst_la(s, false), s->n);

    flags_sub(s->c, a, b, a - b, s->n * 8);
    advance(s, R_ESI, s->step);
    advance(s, R_EDI, s->step);
}

static void scas(const Str *s)
{
    uint64_t a = get_reg(s->c, R_EAX, s->n);
    uint64_t b = tcg_load(s->c, s->op, dst_la(s, false), s->n);

    flags_sub(s->c, a, b, a - b, s->n * 8);
    advance(s, R_EDI, s->step);
}

static void ins(const Str *s)
{
    uint64_t la = dst_la(s, true);

    tcg_probe(s->c, s->op, la, s->n, TCG_WRITE);
    tcg_store(s->c, s->op, la, tcg_port_in(s->c, s->c->r[R_EDX], s->n), s->n);
    advance(s, R_EDI, s->step);
}

static void outs(const Str *s)
{
    tcg_port_out(s->c, s->c->r[R_EDX], tcg_load(s->c, s->op, src_la(s), s->n), s->n);
    advance(s, R_ESI, s->step);
}

static const struct {
    uint16_t handler;
    Element *fn;
    bool io, compares;
} elements[] = {
    { X86_H_movs, movs },
    { X86_H_stos, stos },
    { X86_H_lods, lods },
    { X86_H_cmps, cmps, .compares = true },
    { X86_H_scas, scas, .compares = true },
    { X86_H_ins, ins, .io = true },
    { X86_H_outs, outs, .io = true },
};

/* ---- Runs ------------------------------------------------------------------------------------ */

/* Elements until @la leaves its page going up. */
static uint64_t run_in_page(uint64_t la, unsigned n)
{
    return (0x1000 - (la & 0xfff)) / n;
}

/* MOVS or STOS of several elements at once. Returns how many; 0: do one the slow way. */
static uint64_t fast_run(const Str *s, bool is_movs, uint64_t count)
{
    TcgCPU *c = s->c;
    uint64_t dst, src = 0, max;
    uint8_t *d, *f;

    if (s->step < 0 || s->asize < 4 || c->seg_check || count < 4 || c->single) {
        return 0;
    }
    dst = dst_la(s, true);
    max = MIN(count, run_in_page(dst, s->n));
    if (is_movs) {
        src = src_la(s);
        max = MIN(max, run_in_page(src, s->n));
    }
    if (s->asize == 4 && (get_reg(c, R_EDI, 4) + max * s->n > UINT32_MAX ||
                          get_reg(c, R_ESI, 4) + max * s->n > UINT32_MAX)) {
        return 0;
    }
    if (max < 4) {
        return 0;
    }
    f = is_movs ? tcg_host(c, s->op, src, max * s->n, TCG_READ) : NULL;
    d = tcg_host(c, s->op, dst, max * s->n, TCG_WRITE);
    if (!d || (is_movs && (!f || (d > f && d < f + max * s->n)))) {
        return 0;
    }
    if (is_movs) {
        memmove(d, f, max * s->n);
        advance(s, R_ESI, max * s->n);
    } else if (s->n == 1) {
        memset(d, (uint8_t)c->r[R_EAX], max);
    } else {
        for (uint64_t i = 0; i < max; i++) {
            memcpy(d + i * s->n, &c->r[R_EAX], s->n);
        }
    }
    advance(s, R_EDI, max * s->n);
    return max;
}

static const TcgOp *run_string(TcgCPU *c, const TcgOp *op, unsigned which)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned mem_op = row->op_kind[0] == X86_OPK_X || row->op_kind[0] == X86_OPK_Y ? 0 : 1;
    Str s = str_begin(c, op, tcg_op_bytes(op, mem_op));
    Element *fn = elements[which].fn;
    bool bulk = row->handler == X86_H_movs || row->handler == X86_H_stos;
    uint64_t count;

    if (elements[which].io) {
        tcg_check_io(c, op, c->r[R_EDX], s.n);
        tcg_debug_io(c, c->r[R_EDX], s.n);
    }
    if (!(op->i.flags & (X86_I_REPE | X86_I_REPNE))) {
        fn(&s);
        NEXT;
    }
    count = get_reg(c, R_ECX, s.asize);
    for (unsigned i = 0; count && i < ELEMENTS_PER_ROUND; i++) {
        uint64_t done = bulk ? fast_run(&s, row->handler == X86_H_movs, count) : 0;

        if (!done) {
            fn(&s);
            done = 1;
        }
        count -= done;
        set_reg(c, R_ECX, s.asize, count);
        if (elements[which].compares && f_zf(c) != !!(op->i.flags & X86_I_REPE)) {
            NEXT;
        }
        if (unlikely(__atomic_load_n(&c->attention, __ATOMIC_RELAXED) || c->single)) {
            break;
        }
    }
    if (count) { /* not done: come back to this instruction, past its code breakpoint */
        c->eflags |= F_RF;
        c->rip = op_rip(c, op);
        END;
    }
    NEXT;
}

#define STRING(n, name)                                                                            \
    static HANDLER(string_##name)                                                                  \
    {                                                                                              \
        return run_string(c, op, n);                                                               \
    }
STRING(0, movs)
STRING(1, stos)
STRING(2, lods)
STRING(3, cmps)
STRING(4, scas)
STRING(5, ins)
STRING(6, outs)

TcgHandler *tcg_pick_string(TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    static TcgHandler *const fns[] = { string_movs, string_stos, string_lods, string_cmps,
                                       string_scas, string_ins, string_outs };

    for (unsigned i = 0; i < G_N_ELEMENTS(elements); i++) {
        if (elements[i].handler == row->handler) {
            return fns[i];
        }
    }
    return tcg_op_ud;
}
