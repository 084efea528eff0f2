/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87 (SDM vol 1 chapter 8): control instructions in C, the others as stubs of native.c on the
 * host's x87 registers. While all exceptions are masked these stay *live*: they hold the guest's
 * state over many instructions, c->xs is stale but for FCW, and no exception can be pending.
 * tcg_x87_sync() ends that; everything that reads or writes the x87 part of c->xs calls it first,
 * and tcg_native_leave() does, so that no C library code meets the guest's registers. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/native.h"

static uint16_t get16(const TcgCPU *c, unsigned at)
{
    uint16_t v;

    memcpy(&v, c->xs + at, 2);
    return v;
}

static void put16(TcgCPU *c, unsigned at, uint16_t v)
{
    memcpy(c->xs + at, &v, 2);
}

/* FSW.ES and B follow from the exceptions that FCW does not mask. */
static void update_es(TcgCPU *c)
{
    uint16_t sw = get16(c, XS_FSW) & ~0x8080;

    if (sw & ~get16(c, XS_FCW) & 0x3f) {
        sw |= 0x8080;
    }
    put16(c, XS_FSW, sw);
}

void tcg_x87_sanitize(TcgCPU *c)
{
    put16(c, XS_FCW, (get16(c, XS_FCW) & 0x1f3f) | 0x40);
    update_es(c);
}

static void begin(TcgCPU *c, const TcgOp *op, bool waits)
{
    tcg_check_fpu(c, op, TCG_FPU_X87);
    if (waits) {
        tcg_check_x87_pending(c, op);
    }
    tcg_x87_sync(c);
    tcg_xs_touch(c, 1);
}

/* A pending unmasked x87 exception comes up at the next waiting instruction. */
void tcg_check_x87_pending(TcgCPU *c, const TcgOp *op)
{
    if (unlikely(c->xs[XS_FSW] & 0x80)) {
        if (c->env->cr[0] & CR0_NE_MASK) {
            tcg_raise(c, op, EXC_MF);
        }
        /* TODO: FERR# and IRQ 13 with CR0.NE clear */
    }
}

/* The image holds ST(0).. in order, the processor numbers its registers from the same place. */
void tcg_x87_set_top(TcgCPU *c, unsigned top)
{
    unsigned by = (top - (c->xs[XS_FSW + 1] >> 3)) & 7;
    uint8_t old[128];

    if (by) {
        memcpy(old, c->xs + XS_ST, 128);
        for (unsigned i = 0; i < 8; i++) {
            memcpy(c->xs + XS_ST + 16 * i, old + 16 * ((i + by) & 7), 16);
        }
    }
    c->xs[XS_FSW + 1] = (c->xs[XS_FSW + 1] & ~0x38) | top << 3;
}

/* ---- The host's registers -------------------------------------------------------------------- */

static void host_load(TcgCPU *c)
{
    tcg_xs_touch(c, 1);
    asm volatile("xrstor64 %0" : : "m"(c->xs), "a"(1), "d"(0));
}

/* No exception stays pending there, and the registers are as C wants them. */
static void host_save(TcgCPU *c)
{
    asm volatile("xsave64 %0\n\tfninit" : "+m"(c->xs) : "a"(1), "d"(0));
}

void tcg_x87_end_live(TcgCPU *c)
{
    host_save(c);
    memcpy(c->xs + XS_FIP, &c->x87_ip, 8);
    memcpy(c->xs + XS_FDP, &c->x87_dp, 8);
    c->x87_live = false;
}

static void begin_live(TcgCPU *c)
{
    host_load(c);
    memcpy(&c->x87_ip, c->xs + XS_FIP, 8);
    memcpy(&c->x87_dp, c->xs + XS_FDP, 8);
    c->x87_live = true;
}

/* False: an exception is not masked or pending, and the instruction needs the long way. */
static inline bool live(TcgCPU *c, const TcgOp *op)
{
    tcg_check_fpu(c, op, TCG_FPU_X87);
    if (likely(c->x87_live)) {
        return true;
    }
    if ((c->xs[XS_FCW] & 0x3f) != 0x3f || c->xs[XS_FSW] & 0x80) {
        return false;
    }
    begin_live(c);
    return true;
}

/* ---- Tags ------------------------------------------------------------------------------------ */

/* The two-bit tag of physical register @n, from its contents. */
static unsigned full_tag(const TcgCPU *c, unsigned n)
{
    unsigned top = get16(c, XS_FSW) >> 11 & 7;
    const uint8_t *st = c->xs + XS_ST + 16 * ((n - top) & 7);
    uint64_t m;
    uint16_t e;

    if (!(c->xs[XS_FTW] >> n & 1)) {
        return 3;
    }
    memcpy(&m, st, 8);
    memcpy(&e, st + 8, 2);
    e &= 0x7fff;
    if (e == 0 && m == 0) {
        return 1;
    }
    return e == 0 || e == 0x7fff || !(m >> 63) ? 2 : 0;
}

static uint16_t full_tags(const TcgCPU *c)
{
    uint16_t w = 0;

    for (unsigned n = 0; n < 8; n++) {
        w |= full_tag(c, n) << n * 2;
    }
    return w;
}

static void set_full_tags(TcgCPU *c, uint16_t w)
{
    uint8_t t = 0;

    for (unsigned n = 0; n < 8; n++) {
        t |= ((w >> n * 2 & 3) != 3) << n;
    }
    c->xs[XS_FTW] = t;
}

static void reset(TcgCPU *c)
{
    tcg_x87_set_top(c, 0);
    memset(c->xs, 0, XS_MXCSR);
    put16(c, XS_FCW, 0x37f);
}

/* ---- Environment ----------------------------------------------------------------------------- */

static bool real_format(const TcgCPU *c)
{
    return !(c->env->cr[0] & CR0_PE_MASK) || c->eflags & F_VM;
}

static unsigned env_bytes(const TcgOp *op)
{
    return op->i.opsize == 2 ? 14 : 28;
}

/* The image of SDM vol 1 figures 8-9 to 8-12. */
static void make_env(TcgCPU *c, const TcgOp *op, uint8_t *out)
{
    uint32_t fip, fdp, w[7];
    uint16_t fop = get16(c, XS_FOP) & 0x7ff, h[7];

    memcpy(&fip, c->xs + XS_FIP, 4);
    memcpy(&fdp, c->xs + XS_FDP, 4);
    if (op->i.opsize == 2) {
        h[0] = get16(c, XS_FCW);
        h[1] = get16(c, XS_FSW);
        h[2] = full_tags(c);
        h[3] = fip;
        h[4] = real_format(c) ? (fip >> 4 & 0xf000) | fop : 0;
        h[5] = fdp;
        h[6] = real_format(c) ? fdp >> 4 & 0xf000 : 0;
        memcpy(out, h, 14);
        return;
    }
    w[0] = get16(c, XS_FCW) | 0xffff0000;
    w[1] = get16(c, XS_FSW) | 0xffff0000;
    w[2] = full_tags(c) | 0xffff0000;
    w[3] = fip;
    w[4] = (uint32_t)fop << 16;
    w[5] = fdp;
    w[6] = 0xffff0000;
    memcpy(out, w, 28);
}

static void take_env(TcgCPU *c, const TcgOp *op, const uint8_t *in)
{
    unsigned step = op->i.opsize == 2 ? 2 : 4;
    uint16_t h[3];
    uint64_t fip = 0, fdp = 0;

    for (unsigned i = 0; i < 3; i++) {
        memcpy(&h[i], in + i * step, 2);
    }
    memcpy(&fip, in + 3 * step, step);
    memcpy(&fdp, in + 5 * step, step);
    put16(c, XS_FCW, (h[0] & 0x1f3f) | 0x40);
    tcg_x87_set_top(c, h[1] >> 11 & 7);
    put16(c, XS_FSW, h[1]);
    set_full_tags(c, h[2]);
    memcpy(c->xs + XS_FIP, &fip, 8);
    memcpy(c->xs + XS_FDP, &fdp, 8);
    update_es(c);
}

HANDLER(h_fnstenv)
{
    uint8_t buf[28];
    unsigned n = env_bytes(op);

    begin(c, op, false);
    make_env(c, op, buf);
    tcg_write(c, op, op_la(c, op, n, true), buf, n);
    put16(c, XS_FCW, get16(c, XS_FCW) | 0x3f);
    update_es(c);
    NEXT;
}

HANDLER(h_fldenv)
{
    uint8_t buf[28];
    unsigned n = env_bytes(op);

    begin(c, op, true);
    tcg_read(c, op, op_la(c, op, n, false), buf, n);
    take_env(c, op, buf);
    NEXT;
}

HANDLER(h_fnsave)
{
    uint8_t buf[28 + 80];
    unsigned n = env_bytes(op);

    begin(c, op, false);
    make_env(c, op, buf);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(buf + n + i * 10, c->xs + XS_ST + i * 16, 10);
    }
    tcg_write(c, op, op_la(c, op, n + 80, true), buf, n + 80);
    reset(c);
    NEXT;
}

HANDLER(h_frstor)
{
    uint8_t buf[28 + 80];
    unsigned n = env_bytes(op);

    begin(c, op, true);
    tcg_read(c, op, op_la(c, op, n + 80, false), buf, n + 80);
    take_env(c, op, buf);
    for (unsigned i = 0; i < 8; i++) {
        memset(c->xs + XS_ST + i * 16, 0, 16);
        memcpy(c->xs + XS_ST + i * 16, buf + n + i * 10, 10);
    }
    NEXT;
}

/* ---- Words ----------------------------------------------------------------------------------- */

HANDLER(h_fldcw)
{
    uint16_t v;

    tcg_check_fpu(c, op, TCG_FPU_X87);
    tcg_check_x87_pending(c, op);
    v = (tcg_get_rm(c, op, 2) & 0x1f3f) | 0x40;
    if (likely(c->x87_live && (v & 0x3f) == 0x3f)) {
        asm volatile("fldcw %0" : : "m"(v));
        put16(c, XS_FCW, v);
        NEXT;
    }
    begin(c, op, true);
    put16(c, XS_FCW, v);
    update_es(c);
    NEXT;
}

HANDLER(h_fnstcw)
{
    tcg_check_fpu(c, op, TCG_FPU_X87);
    tcg_set_rm(c, op, 2, get16(c, XS_FCW));
    NEXT;
}

HANDLER(h_fnstsw)
{
    uint16_t v;

    tcg_check_fpu(c, op, TCG_FPU_X87);
    if (likely(c->x87_live)) {
        asm volatile("fnstsw %0" : "=m"(v));
    } else {
        v = get16(c, XS_FSW);
    }
    if (op->i.flags & X86_I_MEM) {
        tcg_set_rm(c, op, 2, v);
    } else {
        set_reg(c, R_EAX, 2, v);
    }
    NEXT;
}

HANDLER(h_fnclex)
{
    begin(c, op, false);
    put16(c, XS_FSW, get16(c, XS_FSW) & 0x7f00);
    NEXT;
}

HANDLER(h_fninit)
{
    begin(c, op, false);
    reset(c);
    NEXT;
}

HANDLER(h_fnop_nf)
{
    tcg_check_fpu(c, op, TCG_FPU_X87);
    NEXT;
}

HANDLER(h_fwait)
{
    if ((c->env->cr[0] & (CR0_MP_MASK | CR0_TS_MASK)) == (CR0_MP_MASK | CR0_TS_MASK)) {
        tcg_raise(c, op, EXC_NM);
    }
    tcg_check_x87_pending(c, op);
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_emms)
{
    tcg_check_fpu(c, op, TCG_FPU_MMX);
    tcg_check_x87_pending(c, op);
    tcg_mmx_begin(c, op);
    c->xs[XS_FTW] = 0;
    NEXT;
}

/* ---- The others ------------------------------------------------------------------------------ */

/* Runs the stub on the state in c->xs. False: it did not run, an exception was pending. */
static bool call_long(TcgCPU *c, const TcgOp *op, void *mem)
{
    bool ran;

    host_load(c);
    ran = !tcg_native_call(c, op, mem);
    if (ran) {
        host_save(c);
    } else {
        asm volatile("fninit");
    }
    return ran;
}

/* FNOP, FFREE and the like keep the last instruction's pointers in none of the cases we know. */
static void set_pointers(TcgCPU *c, const TcgOp *op, uint64_t la)
{
    uint64_t rip = op_rip(c, op);

    memcpy(c->xs + XS_FIP, &rip, 8);
    if (op->i.flags & X86_I_MEM) {
        memcpy(c->xs + XS_FDP, &la, 8);
    }
}

/* Loads and register forms, some exception unmasked. */
static HANDLER(x87_long)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    uint64_t la = 0;
    uint8_t buf[16];

    begin(c, op, true);
    if (op->i.flags & X86_I_MEM) {
        la = op_la(c, op, op->i.mem_bytes, false);
        tcg_read(c, op, la, buf, op->i.mem_bytes);
        tcg_x87_sync(c);
    }
    c->native_flags = tcg_get_arith(c) | 2;
    call_long(c, op, buf);
    set_pointers(c, op, la);
    if (row->flags_written) {
        tcg_native_take_flags(c, row);
    }
    NEXT;
}

/* An unmasked exception other than precision keeps the value from memory, faults included. */
static bool x87_stored(const TcgCPU *c)
{
    return !(c->xs[XS_FSW] & ~c->xs[XS_FCW] & 0x1f);
}

static HANDLER(x87_store_long)
{
    unsigned n = op->i.mem_bytes;
    uint8_t buf[16] = { 0 }, before[160], after[160];
    uint64_t la;

    begin(c, op, true);
    la = op_la(c, op, n, true);
    memcpy(before, c->xs, sizeof(before));
    call_long(c, op, buf);
    if (x87_stored(c)) {
        memcpy(after, c->xs, sizeof(after));
        memcpy(c->xs, before, XS_MXCSR);
        memcpy(c->xs + XS_ST, before + XS_ST, 128);
        tcg_probe(c, op, la, n, TCG_WRITE);
        memcpy(c->xs, after, XS_MXCSR);
        memcpy(c->xs + XS_ST, after + XS_ST, 128);
        tcg_write(c, op, la, buf, n);
    }
    set_pointers(c, op, la);
    NEXT;
}

static HANDLER(x87_reg)
{
    if (unlikely(!live(c, op))) {
        return x87_long(c, op);
    }
    tcg_native_call(c, op, NULL);
    c->x87_ip = op_rip(c, op);
    NEXT;
}

/* FCMOVcc, FCOMI and relatives. */
static HANDLER(x87_reg_flags)
{
    if (unlikely(!live(c, op))) {
        return x87_long(c, op);
    }
    c->native_flags = tcg_get_arith(c) | 2;
    tcg_native_call(c, op, NULL);
    c->x87_ip = op_rip(c, op);
    if (x86_insn_row(op->i.row)->flags_written) {
        tcg_set_arith(c, c->native_flags);
    }
    NEXT;
}

static HANDLER(x87_load)
{
    unsigned n = op->i.mem_bytes;
    const TcgTlbEntry *e;
    uint8_t buf[16];
    uint64_t la;

    if (unlikely(!live(c, op))) {
        return x87_long(c, op);
    }
    la = op_la(c, op, n, false);
    e = tcg_tlb_entry(c, la);
    if (likely(e->read == (la & TCG_PAGE_MASK) && (la & 0xfff) + n <= 0x1000)) {
        tcg_native_call(c, op, (void *)(la + e->addend));
    } else {
        tcg_read(c, op, la, buf, n);
        if (!live(c, op)) { /* a device has ended it */
            return x87_long(c, op);
        }
        tcg_native_call(c, op, buf);
    }
    c->x87_ip = op_rip(c, op);
    c->x87_dp = la;
    NEXT;
}

/* With all exceptions masked the value is stored in any case: a fault comes first. */
static HANDLER(x87_store)
{
    unsigned n = op->i.mem_bytes;
    uint8_t buf[16] = { 0 };
    const TcgTlbEntry *e;
    uint64_t la;

    if (unlikely(!live(c, op))) {
        return x87_store_long(c, op);
    }
    la = op_la(c, op, n, true);
    e = tcg_tlb_entry(c, la);
    if (likely(e->write == (la & TCG_PAGE_MASK) && (la & 0xfff) + n <= 0x1000)) {
        tcg_native_call(c, op, (void *)(la + e->addend));
        c->x87_ip = op_rip(c, op);
        c->x87_dp = la;
    } else {
        tcg_probe(c, op, la, n, TCG_WRITE);
        tcg_native_call(c, op, buf);
        c->x87_ip = op_rip(c, op);
        c->x87_dp = la;
        tcg_write(c, op, la, buf, n);
    }
    NEXT;
}

static bool stores(const X86InsnRow *row)
{
    return g_str_has_prefix(row->name, "FST") || g_str_has_prefix(row->name, "FIST") ||
           g_str_has_prefix(row->name, "FBSTP");
}

TcgHandler *tcg_pick_x87(const TcgOp *op, const X86InsnRow *row)
{
    if (op->i.flags & X86_I_MEM) {
        return stores(row) ? x87_store : x87_load;
    }
    return row->flags_read | row->flags_written ? x87_reg_flags : x87_reg;
}
