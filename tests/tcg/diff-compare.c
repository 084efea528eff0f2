/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcg-diff: comparing results, see diff.h. */
#include "qemu/osdep.h"
#include <signal.h>
#include "tests/tcg/diff.h"

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

static void compare_fpu(const Diff *d, GString *s)
{
    const uint8_t *h = d->host_xs, *o = d->m->c->xs, *k = d->k.xs;
    uint8_t host[TCG_XS_BYTES] = { 0 };

    memcpy(host, h, HOST_XSTATE_BYTES);
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

static void compare_memory(const Diff *d, GString *s)
{
    const uint8_t *h = d->host_data, *o = d->m->data;

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

/* ---- Known differences ----------------------------------------------------------------------- */

static bool shift_too_far(const Diff *d)
{
    const Case *k = &d->k;
    unsigned n = (k->row->op_kind[2] == X86_OPK_CL ? k->r[R_ECX] : k->insn.imm) & 31;

    return k->insn.opsize == 2 && n > 16;
}

static bool faulted(const Diff *d)
{
    return d->sig.signo != SIGTRAP;
}

static bool zero_source(const Diff *d)
{
    return d->host.eflags & F_Z;
}

static bool short_branch(const Diff *d)
{
    return d->k.insn.flags & X86_I_OPSIZE;
}

static bool mmx_row(const Diff *d)
{
    for (unsigned n = 0; n < d->k.row->nr_ops; n++) {
        unsigned k = d->k.row->op_kind[n];

        if (k == X86_OPK_P || k == X86_OPK_Q || k == X86_OPK_N) {
            return faulted(d);
        }
    }
    return false;
}

/* Rows whose result is undefined, or differs between makers: the interpreter does as Intel's. */
static const struct {
    uint16_t handler;
    bool others_only; /* not on an Intel host */
    bool (*when)(const Diff *d);
} errata[] = {
    { X86_H_shld, false, shift_too_far },
    { X86_H_shrd, false, shift_too_far },
    /* 66 in front of a near branch in 64-bit mode: ignored, or a 16-bit target. */
    { X86_H_jcc, true, short_branch },
    { X86_H_jmp_rel, true, short_branch },
    { X86_H_jmp_ind, true, short_branch },
    { X86_H_call_rel, true, short_branch },
    { X86_H_call_ind, true, short_branch },
    { X86_H_ret, true, short_branch },
    { X86_H_loop, true, short_branch },
    { X86_H_jcxz, true, short_branch },
    /* A target that is not canonical: before or after the return address is stored. */
    { X86_H_call_ind, true, faulted },
    { X86_H_ret, true, faulted },
    /* The upper half of a 32-bit destination when the source is zero. */
    { X86_H_bsf, true, zero_source },
    { X86_H_bsr, true, zero_source },
    /* Is the x87 stack switched to MMX before the operand faults? */
    { X86_H_native, true, mmx_row },
    { X86_H_native_fp, true, mmx_row },
    { X86_H_x87, true, faulted },
};

bool diff_listed(const Diff *d)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(errata); i++) {
        if (errata[i].handler == d->k.row->handler && !(errata[i].others_only && d->host_intel) &&
            errata[i].when(d)) {
            return true;
        }
    }
    return false;
}

/* ---- Comparing all --------------------------------------------------------------------------- */

static uint64_t flags_mask(const Case *k)
{
    uint64_t mask = F_ARITH | F_D;

    return mask & ~(uint64_t)k->row->flags_undef;
}

static void compare_registers(const Diff *d, GString *s)
{
    const TcgCPU *c = d->m->c;
    uint64_t mask = flags_mask(&d->k), f = tcg_get_eflags(c);

    for (unsigned i = 0; i < 16; i++) {
        uint64_t host = diff_host_reg(&d->host, i);

        if (host != c->r[i]) {
            char name[8];

            g_snprintf(name, sizeof(name), "r%u", i);
            note(s, name, d->k.r[i], host, c->r[i]);
        }
    }
    if (d->host.rip != c->rip) {
        note(s, "rip", d->k.rip, d->host.rip, c->rip);
    }
    if ((d->host.eflags ^ f) & mask) {
        note(s, "flags", d->k.eflags, d->host.eflags & mask, f & mask);
    }
    if (d->k.row->handler == X86_H_fsgsbase &&
        (d->host.fs_base != c->env->segs[R_FS].base ||
         d->host.gs_base != c->env->segs[R_GS].base)) {
        note(s, "fs", 0, d->host.fs_base, c->env->segs[R_FS].base);
    }
}

char *diff_compare(const Diff *d, bool ok)
{
    g_autoptr(GString) s = g_string_new(NULL);
    int ours = ok ? SIGTRAP : signal_of(d->m->c->exc.vector);
    int host = d->sig.signo == SIGBUS ? SIGSEGV : d->sig.signo;

    if (ours != host) {
        note(s, "signal", 0, host, ours);
        if (!ok) {
            note(s, "vector", 0, 0, d->m->c->exc.vector);
        }
    }
    compare_registers(d, s);
    compare_fpu(d, s);
    compare_memory(d, s);
    return s->len ? g_strdup(s->str) : NULL;
}

/* ---- Telling --------------------------------------------------------------------------------- */

static void print_bytes(const char *what, unsigned n, const uint8_t *b, unsigned len)
{
    fprintf(stderr, "  %s%u", what, n);
    for (unsigned i = len; i-- > 0;) {
        fprintf(stderr, "%s%02x", i == len - 1 ? " " : "", b[i]);
    }
    fputc('\n', stderr);
}

void diff_print_case(const Diff *d, const char *differences)
{
    const Case *k = &d->k;

    fprintf(stderr, "%s %s [", k->row->name, k->row->operands);
    for (unsigned i = 0; i < k->insn.len; i++) {
        fprintf(stderr, "%02x ", k->bytes[i]);
    }
    fprintf(stderr, "]%s\n  at %" PRIx64 " flags %" PRIx64 "\n", differences, k->rip, k->eflags);
    for (unsigned i = 0; i < 16; i++) {
        fprintf(stderr, "  r%u %016" PRIx64 "%s", i, k->r[i], i % 4 == 3 ? "\n" : "");
    }
    print_bytes("fpu", 0, k->xs, 32);
    for (unsigned i = 0; i < 8; i++) {
        print_bytes("st", i, k->xs + XS_ST + 16 * i, 10);
    }
    for (unsigned i = 0; i < 16; i++) {
        print_bytes("xmm", i, k->xs + XS_XMM + 16 * i, 16);
        print_bytes("ymmh", i, k->xs + XS_YMMH + 16 * i, 16);
    }
}
