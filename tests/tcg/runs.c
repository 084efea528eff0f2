/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs (target/i386/tcg/native-run.c) against the handlers, which tcg-diff compares with the host:
 * random sequences of the instructions that runs are made of, once an instruction at a time and
 * once as blocks that were passed often enough to be code. Registers, all arithmetic flags, MXCSR,
 * vectors, memory, and where and with which exception the sequence ends must agree.
 *
 *   tcg-runs [--cases N] [--seed N] [glib test options]
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/insn-tables.h"
#include "tests/tcg/diff-machine.h"
#include "tests/tcg/insn-gen.h"

enum { LEN_MAX = 24, ROUNDS_MAX = 6, STEPS_MAX = (LEN_MAX + 2) * (ROUNDS_MAX + 1), PASSES = 40,
       SHOWN = 5, COUNTER = 15 };

static int opt_cases = 12000;
static int64_t opt_seed = 7;

static const uint16_t handlers[] = {
    X86_H_mov, X86_H_mov_imm, X86_H_movzx, X86_H_movsx, X86_H_movsxd, X86_H_cbw, X86_H_lea,
    X86_H_push, X86_H_pop, X86_H_not, X86_H_add, X86_H_sub, X86_H_cmp, X86_H_and, X86_H_or,
    X86_H_xor, X86_H_test, X86_H_shl, X86_H_shr, X86_H_sar, X86_H_rol, X86_H_ror, X86_H_imul2,
    X86_H_imul3, X86_H_jcc, X86_H_cmov, X86_H_setcc, X86_H_nop, X86_H_native, X86_H_native_fp,
};

/* What a sequence starts from and what it leaves. */
typedef struct State {
    uint64_t r[16], rip, cr2;
    uint32_t eflags, error;
    int vector; /* -1: none */
    uint8_t xs[832];
    uint8_t data[HOST_DATA_BYTES];
} State;

typedef struct Runs {
    DiffMachine *m;
    Rng rng;
    GArray *rows[G_N_ELEMENTS(handlers)];
    uint8_t code[LEN_MAX * 15 + 16];
    unsigned len;
    unsigned at[LEN_MAX + 1], jump_bytes[LEN_MAX]; /* of the instructions; 0: it is no jump */
    State start, want, got;
    uint64_t nr_faults, nr_endless;
} Runs;

/* ---- Sequences ------------------------------------------------------------------------------- */

/* Base registers point to the data; the index is small. They are seldom written. */
static bool is_base(unsigned reg)
{
    return reg == R_ESP || reg == R_EBP || reg == R_ESI || reg == R_EDI || reg == 13;
}

static bool good_operand(const X86Insn *i)
{
    return !(i->flags & X86_I_MEM) ||
           (is_base(i->base) && (i->index == X86_BASE_NONE || i->index == 14) &&
            i->disp > -2048 && i->disp < 2048);
}

static bool spoils_base(const X86Insn *i, const X86InsnRow *row)
{
    unsigned k = row->op_kind[0];
    unsigned reg = k == X86_OPK_G ? i->reg : i->rm;

    if (row->attrs & X86_A_ro || (k != X86_OPK_G && i->flags & X86_I_MEM)) {
        return false;
    }
    return (k == X86_OPK_G || k == X86_OPK_E || k == X86_OPK_R || k == X86_OPK_Z) &&
           (is_base(reg) || reg == 14);
}

static bool n_is_jump(unsigned n)
{
    return handlers[n] == X86_H_jcc;
}

static bool random_insn(Runs *t, uint8_t *out, unsigned *len, unsigned *jump_bytes)
{
    X86DecodeMode mode = { .code_bits = 64, .features = t->m->c->features };
    /* half of them vectors */
    unsigned n = rng_below(&t->rng, 2) ? rng_below(&t->rng, G_N_ELEMENTS(handlers))
                                       : G_N_ELEMENTS(handlers) - 1 - rng_below(&t->rng, 2);
    unsigned row = g_array_index(t->rows[n], uint16_t, rng_below(&t->rng, t->rows[n]->len));
    X86Insn i;

    if (!gen_row_bytes(&t->rng, row, 64, out) ||
        x86_decode(&i, out, 15, &mode) != X86_DECODE_OK || i.row != row || !good_operand(&i) ||
        i.reg == COUNTER || i.rm == COUNTER ||
        (rng_below(&t->rng, 20) && spoils_base(&i, x86_insn_row(row)))) {
        return false;
    }
    *len = i.len;
    *jump_bytes = n_is_jump(n) ? (x86_insn_row(row)->map ? 4 : 1) : 0;
    return true;
}

/* Jumps go forward, to an instruction in reach. */
static void aim_jump(Runs *t, unsigned n, unsigned nr)
{
    unsigned to = n + 1 + rng_below(&t->rng, nr - n), bytes = t->jump_bytes[n];
    int32_t disp;

    while (bytes == 1 && t->at[to] - t->at[n + 1] > 127) {
        to--;
    }
    disp = t->at[to] - t->at[n + 1];
    memcpy(t->code + t->at[n + 1] - bytes, &disp, bytes);
}

/* Ends with a counted loop over a part, mostly. */
static void random_sequence(Runs *t)
{
    static const uint8_t count[] = { 0x41, 0x83, 0xef, 0x01, 0x0f, 0x85 }; /* sub r15d, 1; jnz */
    unsigned nr = 2 + rng_below(&t->rng, LEN_MAX - 1);

    t->len = 0;
    for (unsigned n = 0; n < nr;) {
        uint8_t bytes[15];
        unsigned len;

        if (random_insn(t, bytes, &len, &t->jump_bytes[n])) {
            memcpy(t->code + t->len, bytes, len);
            t->at[n++] = t->len;
            t->len += len;
        }
    }
    t->at[nr] = t->len;
    for (unsigned n = 0; n < nr; n++) {
        if (t->jump_bytes[n]) {
            aim_jump(t, n, nr);
        }
    }
    if (rng_below(&t->rng, 4)) {
        int32_t disp = t->at[rng_below(&t->rng, nr)] - (t->len + sizeof(count) + 4);

        memcpy(t->code + t->len, count, sizeof(count));
        memcpy(t->code + t->len + sizeof(count), &disp, 4);
        t->len += sizeof(count) + 4;
    }
    t->code[t->len++] = 0x0f; /* UD2 */
    t->code[t->len++] = 0x0b;
}

static uint64_t random_value(Rng *r)
{
    static const uint64_t special[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, INT32_MAX,
                                        0x80000000, UINT32_MAX, INT64_MAX, 1ull << 63,
                                        UINT64_MAX, 0x3ff0000000000000, 0x7ff0000000000001 };

    return rng_below(r, 2) ? special[rng_below(r, G_N_ELEMENTS(special))]
                           : rng_next(r) >> rng_below(r, 64);
}

static void random_start(Runs *t)
{
    State *s = &t->start;
    uint32_t mxcsr = 0x1f80, bits = rng_next(&t->rng);

    for (unsigned i = 0; i < 16; i++) {
        s->r[i] = is_base(i) ? HOST_DATA + 6144 + (rng_below(&t->rng, 256) << (4 * !!(bits & 1)))
                             : random_value(&t->rng);
    }
    s->r[14] = rng_below(&t->rng, 64);
    s->r[COUNTER] = 1 + rng_below(&t->rng, ROUNDS_MAX);
    s->rip = HOST_CODE + 1024;
    s->eflags = 0x202 | (rng_next(&t->rng) & F_ARITH);
    for (unsigned i = XS_XMM; i < sizeof(s->xs); i += 8) {
        uint64_t v = random_value(&t->rng);

        memcpy(s->xs + i, &v, 8);
    }
    memset(s->xs + 416, 0, XS_YMMH - 416);
    s->xs[XS_BV] = 7;
    s->xs[0] = 0x7f;
    s->xs[1] = 3;
    if (bits & 6) {
        mxcsr |= bits & 0xe07f;
    }
    if (!(bits >> 20 & 7)) {
        mxcsr &= ~(bits & 0x1f80);
    }
    memcpy(s->xs + XS_MXCSR, &mxcsr, 4);
    for (unsigned i = 0; i < 64; i++) {
        uint64_t v = random_value(&t->rng);

        memcpy(s->data + rng_below(&t->rng, HOST_DATA_BYTES - 8), &v, 8);
    }
}

/* ---- Running them ---------------------------------------------------------------------------- */

static void begin(Runs *t)
{
    TcgCPU *c = t->m->c;
    const State *s = &t->start;

    memcpy(c->r, s->r, sizeof(s->r));
    c->rip = s->rip;
    c->eflags = s->eflags & ~(uint32_t)F_ARITH;
    tcg_set_arith(c, s->eflags);
    memcpy(c->xs, s->xs, sizeof(s->xs));
    c->env->cr[2] = 0;
    memcpy(t->m->data, s->data, HOST_DATA_BYTES);
}

static void end(Runs *t, State *s, bool fault)
{
    TcgCPU *c = t->m->c;

    memcpy(s->r, c->r, sizeof(s->r));
    s->rip = c->rip;
    s->eflags = tcg_get_eflags(c);
    s->vector = fault ? c->exc.vector : -1;
    s->error = fault && c->exc.has_error ? c->exc.error : 0;
    s->cr2 = c->env->cr[2];
    memcpy(s->xs, c->xs, sizeof(s->xs));
    memcpy(s->data, t->m->data, HOST_DATA_BYTES);
}

/* False: no end in sight. @attention: one block at a time. */
static bool run(Runs *t, State *s, bool (*part)(TcgCPU *c), bool attention)
{
    begin(t);
    for (unsigned n = 0; n < STEPS_MAX; n++) {
        t->m->c->attention = attention;
        if (!part(t->m->c)) {
            end(t, s, true);
            return true;
        }
    }
    return false;
}

static bool same(const State *a, const State *b)
{
    return !memcmp(a->r, b->r, sizeof(a->r)) && a->rip == b->rip && a->cr2 == b->cr2 &&
           a->eflags == b->eflags && a->vector == b->vector && a->error == b->error &&
           !memcmp(a->xs, b->xs, sizeof(a->xs)) && !memcmp(a->data, b->data, sizeof(a->data));
}

static void print_difference(const Runs *t)
{
    const State *w = &t->want, *g = &t->got;
    g_autoptr(GString) s = g_string_new("code");

    for (unsigned i = 0; i < t->len; i++) {
        g_string_append_printf(s, " %02x", t->code[i]);
    }
    g_string_append_printf(s, "\n#  rip %" PRIx64 " %" PRIx64 ", vector %d %d, eflags %x %x",
                           w->rip - t->start.rip, g->rip - t->start.rip, w->vector, g->vector,
                           w->eflags, g->eflags);
    for (unsigned i = 0; i < 16; i++) {
        if (w->r[i] != g->r[i]) {
            g_string_append_printf(s, "\n#  r%u %" PRIx64 " %" PRIx64, i, w->r[i], g->r[i]);
        }
    }
    for (unsigned i = 0; i < sizeof(w->xs); i += 8) {
        if (memcmp(w->xs + i, g->xs + i, 8)) {
            uint64_t a, b;

            memcpy(&a, w->xs + i, 8);
            memcpy(&b, g->xs + i, 8);
            g_string_append_printf(s, "\n#  xs+%u %" PRIx64 " %" PRIx64, i, a, b);
        }
    }
    g_test_message("handlers, run: %s%s", s->str,
                   memcmp(w->data, g->data, HOST_DATA_BYTES) ? "\n#  memory" : "");
}

/* True: agrees, or does not end. */
static bool one_case(Runs *t)
{
    random_sequence(t);
    random_start(t);
    tcg_code_written(t->m->c, 0x10000, 4096);
    memcpy(t->m->code + 1024, t->code, t->len);
    if (!run(t, &t->want, tcg_step_raw, true)) {
        t->nr_endless++;
        return true;
    }
    t->nr_faults += t->want.vector != EXC_UD;
    for (unsigned i = 0; i < PASSES; i++) {
        if (!run(t, &t->got, tcg_block_raw, i % 4 == 3) || !same(&t->want, &t->got)) {
            print_difference(t);
            return false;
        }
    }
    return true;
}

static void collect_rows(Runs *t)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(handlers); n++) {
        t->rows[n] = g_array_new(FALSE, FALSE, sizeof(uint16_t));
        for (uint16_t row = 0; row < x86_nr_insn_rows(); row++) {
            if (x86_insn_row(row)->handler == handlers[n]) {
                g_array_append_val(t->rows[n], row);
            }
        }
    }
}

static void test_runs(void)
{
    g_autofree Runs *t = g_new0(Runs, 1);
    unsigned differ = 0;

    g_assert_true(tcg_native_init());
    t->m = diff_machine_new();
    t->rng.s = opt_seed;
    collect_rows(t);
    for (int i = 0; i < opt_cases && differ < SHOWN; i++) {
        differ += !one_case(t);
    }
    g_test_message("%d sequences, %" PRIu64 " ended by another fault than UD2, %" PRIu64 " not",
                   opt_cases, t->nr_faults, t->nr_endless);
    g_assert_cmpuint(differ, ==, 0);
    g_assert_cmpuint(t->nr_faults, <, opt_cases * 3 / 4); /* the others get to their end */
    for (unsigned n = 0; n < G_N_ELEMENTS(handlers); n++) {
        g_array_free(t->rows[n], TRUE);
    }
    diff_machine_free(t->m);
}

/* A loop that stays in its run leaves it at once when the vCPU is to look up. */
static void test_attention(void)
{
    /* 1: mov ebx, eax; cmp r15, 0; jnz 1b; ud2 */
    static const uint8_t endless[] = { 0x89, 0xc3, 0x49, 0x83, 0xff, 0, 0x75, 0xf8, 0x0f, 0x0b };
    g_autofree Runs *t = g_new0(Runs, 1);

    g_assert_true(tcg_native_init());
    t->m = diff_machine_new();
    t->rng.s = opt_seed;
    random_start(t);
    memcpy(t->m->code + 1024, endless, sizeof(endless));
    for (unsigned i = 0; i < 2 * PASSES; i++) {
        begin(t);
        t->m->c->attention = 1;
        g_assert_true(tcg_block_raw(t->m->c));
        g_assert_cmphex(t->m->c->rip, ==, t->start.rip);
    }
    diff_machine_free(t->m);
}

int main(int argc, char **argv)
{
    static const GOptionEntry options[] = {
        { "cases", 0, 0, G_OPTION_ARG_INT, &opt_cases, "sequences", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &opt_seed, "random seed", "N" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_set_ignore_unknown_options(context, TRUE);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_parse(context, &argc, &argv, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/runs/sequences_end_as_instruction_by_instruction", test_runs);
    g_test_add_func("/tcg/runs/an_endless_loop_notices_requests", test_attention);
    return g_test_run();
}
