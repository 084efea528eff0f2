/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differential test of the interpreter: each user-mode row of insn.def with random operands, and
 * the floating-point rows with all pairs of special values under all rounding modes, once on the
 * host CPU and once in the interpreter; all registers, the flags that the row defines, x87, SSE and
 * AVX state, memory and the kind of fault must agree. A fixed number of cases, the same for a seed;
 * rows that the host's CPUID lacks are left out and counted. A case that differs is run on the host
 * again: only what differs each time counts.
 *
 *   tcg-diff [--per-row N] [--seconds N] [--seed N] [--row MNEMONIC] [glib test options]
 */
#include "qemu/osdep.h"
#include <sys/wait.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#include "tests/tcg/diff.h"

enum { SHOWN = 20, TRIES = 60, MAX_REP_STEPS = 64, NOISE_MAX = 20, RERUNS = 3, FSGS_EVERY = 20 };

static int opt_per_row = 330;
static int opt_seconds;
static int64_t opt_seed = 42;
static const char *opt_row;

/* ---- The host -------------------------------------------------------------------------------- */

static unsigned long long *host_reg(struct user_regs_struct *u, unsigned n)
{
    unsigned long long *const at[16] = { &u->rax, &u->rcx, &u->rdx, &u->rbx, &u->rsp, &u->rbp,
                                         &u->rsi, &u->rdi, &u->r8, &u->r9, &u->r10, &u->r11,
                                         &u->r12, &u->r13, &u->r14, &u->r15 };

    return at[n];
}

uint64_t diff_host_reg(const struct user_regs_struct *u, unsigned n)
{
    return *host_reg((struct user_regs_struct *)u, n);
}

/* In a traced child: the instruction changes FS or GS. */
static bool run_host_traced(Diff *d)
{
    g_autofree uint8_t *x = g_memdup2(d->xstate, d->xstate_len);
    size_t len = d->xstate_len;

    memcpy(host_step_code(d->h) + 2048, d->k.bytes, 15);
    memcpy(host_step_data(d->h), d->k.data, HOST_DATA_BYTES);
    memcpy(x, d->k.xs, 416);
    memcpy(x + XS_YMMH, d->k.xs + XS_YMMH, 256);
    x[XS_BV] |= 7;
    if (!host_step_run(d->h, &d->host, x, &len, &d->sig)) {
        return false;
    }
    memcpy(d->host_xs, x, HOST_XSTATE_BYTES);
    memcpy(d->host_data, host_step_data(d->h), HOST_DATA_BYTES);
    return true;
}

static void run_host_here(Diff *d)
{
    const Case *k = &d->k;

    memcpy(host_signal_code() + 2048, k->bytes, 15);
    memcpy(host_signal_data(), k->data, HOST_DATA_BYTES);
    memcpy(d->host_xs, k->xs, HOST_XSTATE_BYTES);
    host_signal_run(&d->host, d->host_xs, k->row->attrs & X86_A_rep ? MAX_REP_STEPS : 0, &d->sig);
    memcpy(d->host_data, host_signal_data(), HOST_DATA_BYTES);
}

/* The single step's own TF, and ID, which stays for good once it was set. */
static void hide_pushed_flags(Diff *d)
{
    uint64_t at = d->host.rsp - HOST_DATA;

    if (d->k.row->handler == X86_H_pushf && at < HOST_DATA_BYTES - 8) {
        d->host_data[at + 1] &= ~1;
        if (d->k.insn.opsize == 8) {
            d->host_data[at + 2] &= ~0x20;
        }
    }
}

static bool run_host(Diff *d)
{
    const Case *k = &d->k;

    d->host = *host_step_initial(d->h);
    for (unsigned i = 0; i < 16; i++) {
        *host_reg(&d->host, i) = k->r[i];
    }
    d->host.rip = k->rip;
    d->host.eflags = k->eflags;
    d->host.orig_rax = UINT64_MAX;
    d->host.fs_base = d->host.gs_base = 0;
    if (k->row->handler == X86_H_fsgsbase) {
        return run_host_traced(d);
    }
    run_host_here(d);
    hide_pushed_flags(d);
    return true;
}

/* ---- Ours ------------------------------------------------------------------------------------ */

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
    c->attention = 0; /* nobody looks up here; a REP would stop for it */
    tcg_code_written(c, 0x10000, 4096);
    memcpy(d->m->code + 2048, k->bytes, 15);
    memcpy(d->m->data, k->data, HOST_DATA_BYTES);
    return tcg_step_raw(c);
}

/* ---- One case -------------------------------------------------------------------------------- */

static void differs(Diff *d, bool ok)
{
    g_autofree char *what = NULL;

    for (unsigned i = 0; i < RERUNS; i++) {
        g_free(what);
        what = run_host(d) ? diff_compare(d, ok) : g_strdup(" the child is lost");
        if (!what) { /* the host's result was disturbed */
            d->noise++;
            return;
        }
    }
    if (d->differ++ < SHOWN) {
        diff_print_case(d, what);
    }
}

static void run_case(Diff *d)
{
    g_autofree char *what = NULL;
    bool ok;

    d->cases++;
    if (!run_host(d)) {
        g_test_fail_printf("the child is lost at %s", d->k.row->name);
        return;
    }
    d->faults += d->sig.signo != SIGTRAP;
    ok = run_ours(d);
    what = diff_compare(d, ok);
    if (what && diff_listed(d)) {
        d->listed++;
    } else if (what) {
        differs(d, ok);
    }
}

static bool wanted(unsigned row)
{
    return (!opt_row || !strcmp(x86_insn_row(row)->name, opt_row)) &&
           !diff_row_skipped(x86_insn_row(row));
}

static bool host_has(const Diff *d, const X86InsnRow *row)
{
    const uint64_t *f = d->m->c->features;

    return (row->gate == X86_FEATURE_END || x86_features_have(f, row->gate)) &&
           (row->gate2 == X86_FEATURE_END || x86_features_have(f, row->gate2));
}

/* Some encodings mean another row, so a case may need several tries. */
static bool row_round(Diff *d, unsigned row)
{
    for (unsigned t = 0; t < TRIES; t++) {
        if (diff_random_case(d, row)) {
            run_case(d);
            return true;
        }
    }
    return false;
}

static void lattice(Diff *d, unsigned row)
{
    for (unsigned n = 0; n < diff_lattice_size(x86_insn_row(row)); n++) {
        bool made = false;

        for (unsigned t = 0; t < TRIES && !made; t++) {
            made = diff_lattice_case(d, row, n);
        }
        if (made) {
            run_case(d);
        }
    }
}

/* ---- The test -------------------------------------------------------------------------------- */

static bool init(Diff *d)
{
    uint32_t eax, ebx, ecx = 0, edx;

    d->h = host_step_new();
    if (!d->h || !tcg_native_init() || !host_signal_init()) {
        return false;
    }
    d->m = diff_machine_new();
    memset(d->m->code, 0x90, 4096);
    memset(host_step_code(d->h), 0x90, 4096);
    d->rng.s = opt_seed;
    diff_random_vector(&d->rng, d->k.data, HOST_DATA_BYTES);
    d->xstate_len = sizeof(d->xstate);
    __get_cpuid(0, &eax, &ebx, &ecx, &edx);
    d->host_intel = ecx == 0x6c65746e; /* "ntel" */
    return host_step_get_xstate(d->h, d->xstate, &d->xstate_len);
}

/* One round of all rows; the traced ones are dear and come less often. */
static unsigned round_of_rows(Diff *d, unsigned round)
{
    unsigned done = 0;

    for (unsigned row = 0; row < x86_nr_insn_rows(); row++) {
        const X86InsnRow *r = x86_insn_row(row);
        bool rare = r->handler == X86_H_fsgsbase && round % FSGS_EVERY;

        if (wanted(row) && host_has(d, r) && !rare) {
            done += row_round(d, row);
        }
    }
    return done;
}

static void run_all(Diff *d)
{
    g_autoptr(GTimer) timer = g_timer_new();
    unsigned rows = 0, lacking = 0;

    for (unsigned row = 0; row < x86_nr_insn_rows(); row++) {
        lacking += wanted(row) && !host_has(d, x86_insn_row(row));
        if (wanted(row) && host_has(d, x86_insn_row(row)) && diff_row_is_fp(x86_insn_row(row))) {
            lattice(d, row);
        }
    }
    for (unsigned i = 0; opt_seconds ? g_timer_elapsed(timer, NULL) < opt_seconds
                                     : i < (unsigned)opt_per_row; i++) {
        rows = MAX(rows, round_of_rows(d, i));
    }
    g_test_message("%" PRIu64 " cases in %.0f s, %" PRIu64 " with a fault; %u rows, %u more that "
                   "this host lacks; %" PRIu64 " listed, %" PRIu64 " disturbed, %" PRIu64
                   " differ", d->cases, g_timer_elapsed(timer, NULL), d->faults, rows, lacking,
                   d->listed, d->noise, d->differ);
}

/* Instructions with random operands run in the child's own address space. */
static int child(void)
{
    Diff *d = g_new0(Diff, 1);

    if (!init(d)) {
        return 77;
    }
    run_all(d);
    host_step_free(d->h);
    diff_machine_free(d->m);
    return d->differ || d->noise > NOISE_MAX ? 1 : 0;
}

static void test_rows(void)
{
    int status = 0;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (!pid) {
        status = child();
        fflush(NULL);
        _exit(status);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        g_test_skip("no tracing of a child process, no executable memory or no AVX here");
        return;
    }
    g_assert_cmpint(status, ==, 0);
}

int main(int argc, char **argv)
{
    GOptionEntry entries[] = {
        { "per-row", 0, 0, G_OPTION_ARG_INT, &opt_per_row, "random cases for each row", "N" },
        { "seconds", 0, 0, G_OPTION_ARG_INT, &opt_seconds, "random cases for so long", "N" },
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
