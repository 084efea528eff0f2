/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 control instructions: environment, control and status words (SDM vol 1 chapter 8). The
 * arithmetic is in native.c. Owner thread. */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"

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
    tcg_xs_touch(c, 1);
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

    begin(c, op, true);
    v = tcg_get_rm(c, op, 2);
    put16(c, XS_FCW, (v & 0x1f3f) | 0x40);
    update_es(c);
    NEXT;
}

HANDLER(h_fnstcw)
{
    begin(c, op, false);
    tcg_set_rm(c, op, 2, get16(c, XS_FCW));
    NEXT;
}

HANDLER(h_fnstsw)
{
    begin(c, op, false);
    if (op->i.flags & X86_I_MEM) {
        tcg_set_rm(c, op, 2, get16(c, XS_FSW));
    } else {
        set_reg(c, R_EAX, 2, get16(c, XS_FSW));
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
