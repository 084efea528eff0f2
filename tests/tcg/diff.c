/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differential test of the interpreter: each user-mode row of insn.def with random operands, once
 * on the host CPU (one step of a traced child) and once in the interpreter; all registers, flags
 * that the row defines, x87, SSE and AVX state, memory and the kind of fault must agree.
 *
 *   diff [--seconds N] [--seed N] [--row MNEMONIC] [glib test options]
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/insn-tables.h"
#include "tests/tcg/diff-machine.h"
#include "tests/tcg/insn-gen.h"

enum { XSTATE_MAX = 16384, SHOWN = 40, MAX_REP_STEPS = 64 };

static unsigned opt_seconds = 20;
static uint64_t opt_seed = 42;
static const char *opt_row;

typedef struct Case {
    uint8_t bytes[16];
    X86Insn insn;
    const X86InsnRow *row;
    uint64_t r[16];
    uint64_t rip, eflags;
    uint8_t xs[TCG_XS_BYTES];
    uint8_t data[HOST_DATA_BYTES];
} Case;

typedef struct Diff {
    DiffMachine *m;
    HostStep *h;
    Rng rng;
    uint8_t xstate[XSTATE_MAX], xstate_new[XSTATE_MAX];
    size_t xstate_len;
    struct user_regs_struct host;
    HostSignal sig;
    Case k;
    uint64_t cases, faults, differ;
    uint32_t *per_row;
} Diff;

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

static bool is_skipped(const X86InsnRow *row)
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
static uint32_t random_f32(Rng *r)
{
    static const uint32_t special[] = { 0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
                                        0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345, 1,
                                        0x807fffff, 0x00800000, 0x7f7fffff, 0x40490fdb,
                                        0x4effffff, 0x4f000000, 0xcf000000, 0x3f000000 };

    return rng_below(r, 3) ? special[rng_below(r, G_N_ELEMENTS(special))] : rng_next(r);
}

static uint64_t random_f64(Rng *r)
{
    static const uint64_t special[] = {
        0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
        0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 0xfff8000000054321, 1,
        0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x400921fb54442d18,
        0x41dfffffffc00000, 0xc1e0000000000000, 0x43e0000000000000, 0x3fe0000000000000,
        0x38100000e0000000, 0x47efffffe0000000, 0x36a0000000000000,
    };

    return rng_below(r, 3) ? special[rng_below(r, G_N_ELEMENTS(special))] : rng_next(r);
}

static void random_f80(Rng *r, uint8_t out[16])
{
    static const uint16_t exps[] = { 0, 1, 0x3fff, 0x4000, 0x401e, 0x403e, 0x7ffe, 0x7fff, 0x3fde };
    static const uint64_t mants[] = { 0, 1ull << 63, 0xc000000000000000, 0x8000000000000001,
                                      UINT64_MAX, 1, 0xc90fdaa22168c235 };
    uint16_t e = exps[rng_below(r, G_N_ELEMENTS(exps))] | (rng_next(r) & 0x8000);
    uint64_t m = mants[rng_below(r, G_N_ELEMENTS(mants))];

    if (!rng_below(r, 3)) {
        m = rng_next(r) | 1ull << 63;
        e = 0x3fff - 70 + rng_below(r, 140);
    }
    memset(out, 0, 16);
    memcpy(out, &m, 8);
    memcpy(out + 8, &e, 2);
}

static void random_vector(Rng *r, uint8_t *out, unsigned len)
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
    random_vector(r, k->xs + XS_XMM, 256);
    random_vector(r, k->xs + XS_YMMH, 256);
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

static bool make_case(Diff *d, unsigned row)
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
    if (k->insn.row != row || is_skipped(k->row)) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        k->r[i] = random_int(&d->rng);
    }
    k->eflags = 0x202 | (rng_next(&d->rng) & F_ARITH);
    random_fpu(&d->rng, k);
    /* Fresh data in a part; the rest is what earlier cases left. */
    random_vector(&d->rng, k->data + rng_below(&d->rng, HOST_DATA_BYTES / 256) * 256, 256);
    fit_operands(d);
    k->rip = HOST_CODE + 2048;
    return true;
}

/* ---- Running --------------------------------------------------------------------------------- */

static unsigned long long *host_reg(struct user_regs_struct *u, unsigned n)
{
    unsigned long long *const at[16] = { &u->rax, &u->rcx, &u->rdx, &u->rbx, &u->rsp, &u->rbp,
                                         &u->rsi, &u->rdi, &u->r8, &u->r9, &u->r10, &u->r11,
                                         &u->r12, &u->r13, &u->r14, &u->r15 };

    return at[n];
}

static bool run_host(Diff *d)
{
    Case *k = &d->k;
    size_t len = d->xstate_len;

    d->host = *host_step_initial(d->h);
    for (unsigned i = 0; i < 16; i++) {
        *host_reg(&d->host, i) = k->r[i];
    }
    d->host.rip = k->rip;
    d->host.eflags = k->eflags;
    d->host.orig_rax = UINT64_MAX;
    d->host.fs_base = d->host.gs_base = 0;
    memset(host_step_code(d->h), 0x90, 4096);
    memcpy(host_step_code(d->h) + 2048, k->bytes, 15);
    memcpy(host_step_data(d->h), k->data, HOST_DATA_BYTES);
    memcpy(d->xstate_new, d->xstate, d->xstate_len);
    memcpy(d->xstate_new, k->xs, 416);
    memcpy(d->xstate_new + XS_YMMH, k->xs + XS_YMMH, 256);
    d->xstate_new[XS_BV] = 7;
    if (!host_step_run(d->h, &d->host, d->xstate_new, &len, &d->sig)) {
        return false;
    }
    /* A step is one round of REP. */
    for (unsigned i = 0; k->row->attrs & X86_A_rep && d->sig.signo == SIGTRAP &&
                         d->host.rip == k->rip && i < MAX_REP_STEPS; i++) {
        if (!host_step_run(d->h, &d->host, NULL, NULL, &d->sig)) {
            return false;
        }
    }
    if (k->row->handler == X86_H_pushf) { /* the step's own TF; ID, which stays for good */
        host_step_data(d->h)[d->host.rsp + 1 - HOST_DATA] &= ~1;
        if (k->insn.opsize == 8) {
            host_step_data(d->h)[d->host.rsp + 2 - HOST_DATA] &= ~0x20;
        }
    }
    return true;
}

/* True: no exception. */
static bool run_ours(Diff *d)
{
    TcgCPU *c = d->m->c;
    Case *k = &d->k;

    memcpy(c->r, k->r, sizeof(k->r));
    c->rip = k->rip;
    c->eflags = k->eflags & ~(uint64_t)F_ARITH;
    tcg_set_arith(c, k->eflags);
    memcpy(c->xs, k->xs, sizeof(k->xs));
    c->env->segs[R_FS].base = c->env->segs[R_GS].base = 0;
    tcg_code_written(c, 0x10000, 4096);
    memset(d->m->code, 0x90, 4096);
    memcpy(d->m->code + 2048, k->bytes, 15);
    memcpy(d->m->data, k->data, HOST_DATA_BYTES);
    return tcg_step_raw(c);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static int signal_of(unsigned vector)
{
    switch (vector) {
    case EXC_DE:
    case EXC_MF:
    case EXC_XM:
        return SIGFPE;
    case EXC_UD:
        return SIGILL;
    case EXC_DB:
    case EXC_BP:
        return SIGTRAP;
    default:
        return SIGSEGV;
    }
}

static void note(GString *s, const char *what, uint64_t start, uint64_t host, uint64_t ours)
{
    g_string_append_printf(s, " %s %" PRIx64 ": host %" PRIx64 " ours %" PRIx64 ";", what, start,
                           host, ours);
}

static void note_bytes(GString *s, const char *what, unsigned n, const uint8_t *start,
                       const uint8_t *host, const uint8_t *ours, unsigned len)
{
    if (!memcmp(host, ours, len)) {
        return;
    }
    g_string_append_printf(s, " %s%u", what, n);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *b = i == 0 ? start : i == 1 ? host : ours;

        g_string_append_printf(s, i == 0 ? " " : i == 1 ? " host " : " ours ");
        for (unsigned j = len; j-- > 0;) {
            g_string_append_printf(s, "%02x", b[j]);
        }
    }
    g_string_append_c(s, ';');
}

static void compare_fpu(Diff *d, GString *s)
{
    const uint8_t *h = d->xstate_new, *o = d->m->c->xs, *k = d->k.xs;
    uint8_t host[TCG_XS_BYTES] = { 0 };

    memcpy(host, h, MIN(d->xstate_len, (size_t)TCG_XS_BYTES));
    if (!(host[XS_BV] & 1)) { /* initial state: what the image holds does not count */
        memset(host, 0, 24);
        host[0] = 0x7f;
        host[1] = 3;
        memset(host + XS_ST, 0, 128);
    }
    if (!(host[XS_BV] & 2)) {
        memset(host + XS_XMM, 0, 256);
    }
    if (!(host[XS_BV] & 4)) {
        memset(host + XS_YMMH, 0, 256);
    }
    note_bytes(s, "fcw", 0, k, host, o, 2);
    note_bytes(s, "fsw", 0, k + 2, host + 2, o + 2, 2);
    note_bytes(s, "ftw", 0, k + 4, host + 4, o + 4, 1);
    note_bytes(s, "mxcsr", 0, k + XS_MXCSR, host + XS_MXCSR, o + XS_MXCSR, 4);
    for (unsigned i = 0; i < 8; i++) {
        note_bytes(s, "st", i, k + XS_ST + 16 * i, host + XS_ST + 16 * i, o + XS_ST + 16 * i, 10);
    }
    for (unsigned i = 0; i < 16; i++) {
        note_bytes(s, "xmm", i, k + XS_XMM + 16 * i, host + XS_XMM + 16 * i, o + XS_XMM + 16 * i,
                   16);
        note_bytes(s, "ymmh", i, k + XS_YMMH + 16 * i, host + XS_YMMH + 16 * i,
                   o + XS_YMMH + 16 * i, 16);
    }
}

static void compare_memory(Diff *d, GString *s)
{
    const uint8_t *h = host_step_data(d->h), *o = d->m->data;

    if (!memcmp(h, o, HOST_DATA_BYTES)) {
        return;
    }
    for (unsigned i = 0; i < HOST_DATA_BYTES; i++) {
        if (h[i] != o[i]) {
            g_string_append_printf(s, " mem+%x %02x: host %02x ours %02x;", i, d->k.data[i], h[i],
                                   o[i]);
            return;
        }
    }
}

/* Results that processors of one vendor differ in, or that are undefined as a whole. */
static bool listed(const Diff *d)
{
    const Case *k = &d->k;

    if ((k->row->handler == X86_H_shld || k->row->handler == X86_H_shrd) && k->insn.opsize == 2) {
        unsigned n = (k->row->op_kind[2] == X86_OPK_CL ? k->r[R_ECX] : k->insn.imm) & 31;

        return n > 16; /* undefined */
    }
    return false;
}

static uint64_t flags_mask(const Case *k)
{
    uint64_t mask = F_ARITH | F_D;

    return mask & ~(uint64_t)k->row->flags_undef;
}

static void compare(Diff *d, bool ok)
{
    TcgCPU *c = d->m->c;
    g_autoptr(GString) s = g_string_new(NULL);
    int ours = ok ? SIGTRAP : signal_of(c->exc.vector);
    int host = d->sig.signo == SIGBUS ? SIGSEGV : d->sig.signo;
    uint64_t mask = flags_mask(&d->k), f = tcg_get_eflags(c);

    if (ours != host) {
        note(s, "signal", 0, host, ours);
        if (!ok) {
            note(s, "vector", 0, 0, c->exc.vector);
        }
    }
    d->faults += host != SIGTRAP;
    for (unsigned i = 0; i < 16; i++) {
        if (*host_reg(&d->host, i) != c->r[i]) {
            char name[8];

            g_snprintf(name, sizeof(name), "r%u", i);
            note(s, name, d->k.r[i], *host_reg(&d->host, i), c->r[i]);
        }
    }
    if (d->host.rip != c->rip) {
        note(s, "rip", d->k.rip, d->host.rip, c->rip);
    }
    if ((d->host.eflags ^ f) & mask) {
        note(s, "flags", d->k.eflags, d->host.eflags & mask, f & mask);
    }
    if (d->host.fs_base != c->env->segs[R_FS].base || d->host.gs_base != c->env->segs[R_GS].base) {
        note(s, "fs", 0, d->host.fs_base, c->env->segs[R_FS].base);
    }
    compare_fpu(d, s);
    compare_memory(d, s);
    if (s->len && !listed(d)) {
        if (d->differ++ < SHOWN) {
            g_autoptr(GString) b = g_string_new(NULL);

            for (unsigned i = 0; i < d->k.insn.len; i++) {
                g_string_append_printf(b, "%02x ", d->k.bytes[i]);
            }
            g_test_message("%s %s [%s]%s", d->k.row->name, d->k.row->operands, b->str, s->str);
        }
    }
}

/* ---- The test -------------------------------------------------------------------------------- */

static void run_rows(Diff *d)
{
    g_autoptr(GTimer) timer = g_timer_new();
    unsigned n = 0;

    while (g_timer_elapsed(timer, NULL) < opt_seconds) {
        unsigned row = n++ % x86_nr_insn_rows();

        if (opt_row && strcmp(x86_insn_row(row)->name, opt_row)) {
            continue;
        }
        if (!make_case(d, row)) {
            continue;
        }
        if (!run_host(d)) {
            g_test_message("the child is lost at %s", d->k.row->name);
            g_test_fail();
            return;
        }
        d->cases++;
        d->per_row[row]++;
        compare(d, run_ours(d));
    }
}

static void test_rows(void)
{
    Diff *d = g_new0(Diff, 1);
    unsigned rows = 0, in_scope = 0;

    d->h = host_step_new();
    if (!d->h || !tcg_native_init()) {
        g_test_skip("no tracing of a child process, or no executable memory, here");
        return;
    }
    d->m = diff_machine_new();
    d->rng.s = opt_seed;
    random_vector(&d->rng, d->k.data, HOST_DATA_BYTES);
    d->per_row = g_new0(uint32_t, x86_nr_insn_rows());
    d->xstate_len = XSTATE_MAX;
    g_assert_true(host_step_get_xstate(d->h, d->xstate, &d->xstate_len));
    run_rows(d);
    for (unsigned i = 0; i < x86_nr_insn_rows(); i++) {
        in_scope += !is_skipped(x86_insn_row(i));
        rows += d->per_row[i] != 0;
    }
    g_test_message("%" PRIu64 " cases (%.0f/s), %" PRIu64 " with a fault; %u of %u user-mode rows; "
                   "%" PRIu64 " differ", d->cases, (double)d->cases / opt_seconds, d->faults, rows,
                   in_scope, d->differ);
    g_assert_cmpuint(d->differ, ==, 0);
    host_step_free(d->h);
    diff_machine_free(d->m);
    g_free(d->per_row);
    g_free(d);
}

int main(int argc, char **argv)
{
    GOptionEntry entries[] = {
        { "seconds", 0, 0, G_OPTION_ARG_INT, &opt_seconds, "how long", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &opt_seed, "of the cases", "N" },
        { "row", 0, 0, G_OPTION_ARG_STRING, &opt_row, "only these rows", "MNEMONIC" },
        { NULL },
    };
    g_autoptr(GOptionContext) ctx = g_option_context_new(NULL);

    g_option_context_add_main_entries(ctx, entries, NULL);
    g_option_context_set_ignore_unknown_options(ctx, TRUE);
    g_option_context_parse(ctx, &argc, &argv, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/diff/user_mode_rows_agree_with_the_host", test_rows);
    return g_test_run();
}
