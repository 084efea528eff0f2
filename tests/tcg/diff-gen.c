/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcg-diff: making cases, see diff.h. */
#include "qemu/osdep.h"
#include "tests/tcg/diff.h"

/* ---- What is left out ------------------------------------------------------------------------ */

/* Rows whose effect depends on the machine, not on operands, or that leave the program. */
static const uint16_t skipped[] = {
    X86_H_syscall, X86_H_sysret, X86_H_sysenter, X86_H_sysexit, X86_H_int_n, X86_H_int3,
    X86_H_int1, X86_H_iret, X86_H_retf, X86_H_call_farm, X86_H_jmp_farm, X86_H_mov_to_seg,
    X86_H_pop_seg, X86_H_lxs, X86_H_lar, X86_H_verr_verw, X86_H_sldt_str, X86_H_smsw,
    X86_H_sgdt_sidt, X86_H_cpuid, X86_H_rdtsc, X86_H_rdpid, X86_H_rdrand, X86_H_xgetbv,
    X86_H_rdpmc, X86_H_xsave, X86_H_xrstor, X86_H_xbegin, X86_H_xabort, X86_H_xend, X86_H_xtest,
    X86_H_monitor, X86_H_mwait, X86_H_wrpkru, X86_H_rdpkru, X86_H_ud, X86_H_in, X86_H_out,
    X86_H_ins, X86_H_outs, X86_H_cli, X86_H_sti, X86_H_clac_stac, X86_H_fxsave,
    X86_H_fnstenv, X86_H_fnsave, /* instruction pointers */
};

bool diff_row_skipped(const X86InsnRow *row)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(skipped); i++) {
        if (row->handler == skipped[i]) {
            return true;
        }
    }
    return row->attrs & (X86_A_cpl0 | X86_A_i64);
}

/* ---- Operands -------------------------------------------------------------------------------- */

static uint64_t random_int(Rng *r)
{
    static const uint64_t special[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
                                        0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX,
                                        1ull << 63, UINT64_MAX };

    switch (rng_below(r, 4)) {
    case 0:
        return special[rng_below(r, G_N_ELEMENTS(special))];
    case 1:
        return rng_below(r, 256);
    default:
        return rng_next(r);
    }
}

/* Floating-point values at the edges. */
static const uint64_t special_f64[] = {
    0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000054321, 1,
    0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x400921fb54442d18,
    0x41dfffffffc00000, 0xc1e0000000000000, 0x43e0000000000000, 0x3fe0000000000000,
    0x38100000e0000000, 0x47efffffe0000000, 0x36a0000000000000,
};
static const uint16_t special_exp[] = { 0,      1,      0x3fff, 0x4000, 0x401e,
                                        0x403e, 0x7ffe, 0x7fff, 0x3fde };
static const uint64_t special_mant[] = { 0, 1ull << 63, 0xc000000000000000, 0x8000000000000001,
                                        UINT64_MAX, 1, 0xc90fdaa22168c235 };

static const uint32_t special_f32[] = {
    0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
    0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345, 1,
    0x807fffff, 0x00800000, 0x7f7fffff, 0x40490fdb,
    0x4effffff, 0x4f000000, 0xcf000000, 0x3f000000,
};

static uint32_t random_f32(Rng *r)
{
    return rng_below(r, 3) ? special_f32[rng_below(r, G_N_ELEMENTS(special_f32))] : rng_next(r);
}

static uint64_t random_f64(Rng *r)
{
    return rng_below(r, 3) ? special_f64[rng_below(r, G_N_ELEMENTS(special_f64))] : rng_next(r);
}

static void random_f80(Rng *r, uint8_t out[16])
{
    uint16_t e = special_exp[rng_below(r, G_N_ELEMENTS(special_exp))] | (rng_next(r) & 0x8000);
    uint64_t m = special_mant[rng_below(r, G_N_ELEMENTS(special_mant))];

    if (!rng_below(r, 3)) {
        m = rng_next(r) | 1ull << 63;
        e = 0x3fff - 70 + rng_below(r, 140);
    }
    memset(out, 0, 16);
    memcpy(out, &m, 8);
    memcpy(out + 8, &e, 2);
}

void diff_random_vector(Rng *r, uint8_t *out, unsigned len)
{
    unsigned kind = rng_below(r, 3);

    for (unsigned i = 0; i < len; i += 8) {
        uint64_t v = kind == 0 ? random_int(r)
                     : kind == 1 ? random_f32(r) | (uint64_t)random_f32(r) << 32
                                 : random_f64(r);

        memcpy(out + i, &v, 8);
    }
}

static void random_fpu(Rng *r, Case *k)
{
    uint16_t fcw = 0x40 | (rng_next(r) & 0xf00) | (rng_below(r, 4) ? 0x3f : rng_next(r) & 0x3f);
    uint16_t fsw = rng_next(r) & 0x7f00; /* no exception pending */
    uint32_t mxcsr = 0x1f80, t = rng_next(r);

    memset(k->xs, 0, sizeof(k->xs));
    memcpy(k->xs + XS_FCW, &fcw, 2);
    memcpy(k->xs + XS_FSW, &fsw, 2);
    k->xs[XS_FTW] = rng_below(r, 4) ? 0xff : rng_next(r);
    if (t & 1) {
        mxcsr = (t & 0xe040) | 0x1f80 | (t & 2 ? t >> 16 & 0x3f : 0);
    }
    if (!(t & 0xc)) {
        mxcsr &= ~0x1f80u | (t >> 8 & 0x1f80);
    }
    memcpy(k->xs + XS_MXCSR, &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        random_f80(r, k->xs + XS_ST + 16 * i);
    }
    diff_random_vector(r, k->xs + XS_XMM, 256);
    diff_random_vector(r, k->xs + XS_YMMH, 256);
    k->xs[XS_BV] = 7;
}

/* ---- Making a case --------------------------------------------------------------------------- */

static uint64_t random_target(Rng *r)
{
    uint64_t at = HOST_DATA + 4096 + rng_below(r, 8192);

    return rng_below(r, 4) ? at & ~63ull : at;
}

/* Chooses base and index registers so that the operand lies in the data pages. */
static void aim(Diff *d)
{
    Case *k = &d->k;
    const X86Insn *i = &k->insn;
    uint64_t target = random_target(&d->rng) - (int64_t)i->disp;

    if (i->base > 15) {
        if (i->index < 16 && !(k->row->attrs & X86_A_vsib)) {
            k->r[i->index] = target >> i->scale;
        }
        return;
    }
    if (k->row->attrs & X86_A_vsib || i->index > 15) {
        k->r[i->base] = target;
    } else if (i->index == i->base) {
        k->r[i->base] = target / (1 + (1u << i->scale));
    } else {
        k->r[i->index] = rng_below(&d->rng, 64);
        k->r[i->base] = target - (k->r[i->index] << i->scale);
    }
}

static void small_gather_index(Diff *d)
{
    uint8_t *lo = d->k.xs + XS_XMM + 16 * d->k.insn.index;
    uint8_t *hi = d->k.xs + XS_YMMH + 16 * d->k.insn.index;
    bool q = d->k.row->opcode & 1;

    for (unsigned i = 0; i < 16; i += q ? 8 : 4) {
        uint64_t a = rng_below(&d->rng, 64), b = rng_below(&d->rng, 64);

        memcpy(lo + i, &a, q ? 8 : 4);
        memcpy(hi + i, &b, q ? 8 : 4);
    }
}

static void fit_operands(Diff *d)
{
    Case *k = &d->k;
    uint64_t v;

    k->r[R_ESP] = HOST_DATA + 8192 + (rng_below(&d->rng, 64) & ~7u);
    switch (k->row->handler) {
    case X86_H_movs: case X86_H_cmps: case X86_H_stos: case X86_H_lods: case X86_H_scas:
        k->r[R_ESI] = random_target(&d->rng);
        k->r[R_EDI] = random_target(&d->rng);
        k->r[R_ECX] = rng_below(&d->rng, 20);
        k->eflags |= rng_next(&d->rng) & F_D;
        break;
    case X86_H_maskmovq:
        k->r[R_EDI] = random_target(&d->rng);
        break;
    case X86_H_xlat:
        k->r[R_EBX] = random_target(&d->rng);
        break;
    case X86_H_bt:
        k->r[k->insn.reg] &= 0x3ff;
        break;
    case X86_H_div: case X86_H_idiv:
        k->r[R_EDX] = rng_below(&d->rng, 2) ? 0 : k->r[R_EDX];
        break;
    case X86_H_enter: case X86_H_leave:
        k->r[R_EBP] = HOST_DATA + 8192 + (rng_below(&d->rng, 4096) & ~7u);
        break;
    case X86_H_popf: /* no TF: the child is being stepped */
        memcpy(&v, k->data + (k->r[R_ESP] - HOST_DATA), 8);
        v &= ~(uint64_t)(F_TF | F_NT | F_AC | F_RF | F_VM);
        memcpy(k->data + (k->r[R_ESP] - HOST_DATA), &v, 8);
        break;
    case X86_H_jcxz: case X86_H_loop:
        k->r[R_ECX] = rng_below(&d->rng, 3);
        break;
    case X86_H_fsgsbase:
        k->r[k->insn.rm] &= 0x7fffffffffff;
        break;
    }
    if (k->insn.flags & X86_I_MEM) {
        aim(d);
    }
    if (k->row->attrs & X86_A_vsib) {
        small_gather_index(d);
    }
}

/* Puts LOCK or REP in front where the row takes it. */
static void maybe_prefix(Diff *d, const X86InsnRow *row)
{
    uint8_t *b = d->k.bytes;
    uint8_t p = row->attrs & X86_A_lock ? 0xf0 : rng_below(&d->rng, 2) ? 0xf3 : 0xf2;

    if (row->attrs & (X86_A_lock | X86_A_rep) && !rng_below(&d->rng, 3)) {
        memmove(b + 1, b, 14);
        b[0] = p;
    }
}

bool diff_random_case(Diff *d, unsigned row)
{
    Case *k = &d->k;
    X86DecodeMode mode = { .code_bits = 64, .features = d->m->c->features };

    if (!gen_row_bytes(&d->rng, row, 64, k->bytes)) {
        return false;
    }
    maybe_prefix(d, x86_insn_row(row));
    if (x86_decode(&k->insn, k->bytes, 15, &mode) != X86_DECODE_OK) {
        return false;
    }
    k->row = x86_insn_row(k->insn.row);
    if (k->insn.row != row || diff_row_skipped(k->row)) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        k->r[i] = random_int(&d->rng);
    }
    k->eflags = 0x202 | (rng_next(&d->rng) & F_ARITH);
    random_fpu(&d->rng, k);
    /* Fresh data in a part; the rest is what earlier cases left. */
    diff_random_vector(&d->rng, k->data + rng_below(&d->rng, HOST_DATA_BYTES / 256) * 256, 256);
    fit_operands(d);
    k->rip = HOST_CODE + 2048;
    return true;
}

/* ---- The lattice ----------------------------------------------------------------------------- */

enum { LATTICE = 21, ROUNDINGS = 4 };

static const struct {
    uint16_t exp;
    uint64_t mant;
} special_f80[LATTICE] = {
    { 0, 0 },
    { 0x8000, 0 },
    { 0x3fff, 1ull << 63 },
    { 0xbfff, 1ull << 63 },
    { 0x7fff, 1ull << 63 }, /* infinities */
    { 0xffff, 1ull << 63 },
    { 0x7fff, 3ull << 62 }, /* NaNs: quiet, signalling, with a payload */
    { 0x7fff, (1ull << 63) + 1 },
    { 0xffff, 0xc000000000012345 },
    { 0, 1 }, /* denormal, pseudo-denormal, smallest, largest */
    { 0x8000, 1ull << 63 },
    { 1, 1ull << 63 },
    { 0x7ffe, UINT64_MAX },
    { 0x4000, 0xc90fdaa22168c235 },
    { 0x403e, 1ull << 63 }, /* 2^63 */
    { 0xc03e, 1ull << 63 },
    { 0x4000, 1 }, /* unnormal, pseudo-infinity */
    { 0x7fff, 0 },
    { 0x3ffe, 1ull << 63 },
    { 0x3fff, (1ull << 63) + 1 },
    { 0xbfde, 0x8000000000000800 },
};

G_STATIC_ASSERT(G_N_ELEMENTS(special_f64) == LATTICE);

bool diff_row_is_fp(const X86InsnRow *row)
{
    return !diff_row_skipped(row) &&
           (row->handler == X86_H_native_fp || row->handler == X86_H_x87 ||
            row->handler == X86_H_x87_flags);
}

unsigned diff_lattice_size(const X86InsnRow *row)
{
    return LATTICE * LATTICE * ROUNDINGS;
}

static bool is_double(const X86InsnRow *row)
{
    return g_str_has_suffix(row->name, "D") || strstr(row->name, "PD2") ||
           strstr(row->name, "SD2");
}

/* Lanes of a vector register from value @n of the list on. */
static void lattice_vector(Case *k, unsigned reg, unsigned n)
{
    uint8_t v[32];

    for (unsigned i = 0; i < 32; i += is_double(k->row) ? 8 : 4) {
        if (is_double(k->row)) {
            memcpy(v + i, &special_f64[n++ % LATTICE], 8);
        } else {
            memcpy(v + i, &special_f32[n++ % G_N_ELEMENTS(special_f32)], 4);
        }
    }
    memcpy(k->xs + XS_XMM + 16 * reg, v, 16);
    memcpy(k->xs + XS_YMMH + 16 * reg, v + 16, 16);
}

static void lattice_f80(Case *k, unsigned st, unsigned n)
{
    memcpy(k->xs + XS_ST + 16 * st, &special_f80[n % LATTICE].mant, 8);
    memcpy(k->xs + XS_ST + 16 * st + 8, &special_f80[n % LATTICE].exp, 2);
}

/* The memory operand of an x87 load or calculation. */
static void lattice_memory(Case *k, unsigned n)
{
    const X86Insn *i = &k->insn;
    uint64_t base = i->base > 15 ? 0 : k->r[i->base], index = i->index > 15 ? 0 : k->r[i->index];
    uint64_t at = base + (index << i->scale) + (int64_t)i->disp - HOST_DATA;
    uint8_t *p = k->data + at;

    if (at > HOST_DATA_BYTES - 16 || i->base == X86_BASE_RIP || k->row->name[1] == 'B' ||
        g_str_has_prefix(k->row->name, "FI")) {
        return; /* out of reach, or no floating-point format */
    }
    switch (i->mem_bytes) {
    case 4:
        memcpy(p, &special_f32[n % G_N_ELEMENTS(special_f32)], 4);
        break;
    case 8:
        memcpy(p, &special_f64[n % LATTICE], 8);
        break;
    case 10:
        memcpy(p, &special_f80[n % LATTICE].mant, 8);
        memcpy(p + 8, &special_f80[n % LATTICE].exp, 2);
        break;
    }
}

static void lattice_operands(Case *k, unsigned a, unsigned b)
{
    bool fma = strstr(k->row->name, "FM") || strstr(k->row->name, "FNM");

    for (unsigned n = 0; n < k->row->nr_ops; n++) {
        switch (k->row->op_kind[n]) {
        case X86_OPK_V:
            lattice_vector(k, k->insn.reg, a);
            break;
        case X86_OPK_H:
            lattice_vector(k, k->insn.vvvv, fma ? b : a);
            break;
        case X86_OPK_W:
        case X86_OPK_U:
            if (!(k->insn.flags & X86_I_MEM)) {
                lattice_vector(k, k->insn.rm, fma ? a * 5 + b : b);
            }
            break;
        }
    }
}

bool diff_lattice_case(Diff *d, unsigned row, unsigned n)
{
    Case *k = &d->k;
    unsigned rc = n % ROUNDINGS, a = n / ROUNDINGS % LATTICE, b = n / ROUNDINGS / LATTICE;
    uint32_t mxcsr = 0x1f80 | rc << 13 | (rng_below(&d->rng, 4) ? 0 : rng_next(&d->rng) & 0x8040);
    uint16_t pc = rng_below(&d->rng, 2) ? 3 : rng_below(&d->rng, 2) * 2;
    uint16_t fcw = 0x7f | rc << 10 | pc << 8;

    if (!diff_random_case(d, row) ||
        (k->insn.flags & X86_I_MEM && k->row->mod != 1 && k->row->handler == X86_H_native_fp)) {
        return false;
    }
    memcpy(k->xs + XS_MXCSR, &mxcsr, 4);
    if (k->row->handler == X86_H_native_fp) {
        lattice_operands(k, a, b);
        return true;
    }
    memcpy(k->xs + XS_FCW, &fcw, 2);
    k->xs[XS_FTW] = 0xff;
    if (k->insn.flags & X86_I_MEM) {
        lattice_memory(k, b);
    } else {
        lattice_f80(k, k->insn.modrm & 7, b);
    }
    lattice_f80(k, 0, a);
    if (k->row->reg == 8 && k->row->modrm) { /* FYL2X, FPREM .. take ST(1) */
        lattice_f80(k, 1, b);
    }
    return true;
}
