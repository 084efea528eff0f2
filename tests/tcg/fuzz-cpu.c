/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random bytes as code: the interpreter on its own, with sanitizers, in every mode of the CPU, with
 * descriptor tables, page tables and gates that are half right and half random, devices and ports
 * that answer anything, code that overwrites itself, and up to 64 vCPUs on one memory. Nothing may
 * crash, hang or grow. Fixed seed and number of blocks.
 *
 *   fuzz-cpu [--seed N] [--blocks N] [--mode NAME]
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/insn-tables.h"
#include "target/i386/tcg/tcg.h"
#include "tests/tcg/insn-gen.h"

enum { RAM_BYTES = 8 << 20, ROM_AT = RAM_BYTES - 0x10000 };
enum { GDT_AT = 0x1000, IDT_AT = 0x2000, TSS_AT = 0x3000, LDT_AT = 0x4000, TABLES_AT = 0x10000,
       CODE_AT = 0x100000, CODE_BYTES = 0x100000 };
enum { BLOCKS_PER_SESSION = 3000, SMP_SESSION_BLOCKS = 4000, WATCHDOG_S = 900 };
#define MEMORY_BOUND (600u << 20)

static int64_t opt_seed = 1, opt_blocks = 10000000;
static const char *opt_mode;

typedef struct Machine {
    uint8_t *ram;
    TcgShared *shared;
} Machine;

typedef struct Fuzz {
    Machine *m;
    CPUX86State env;
    TcgCPU *c;
    Rng rng;
    uint64_t left; /* looks at attention until the session ends */
    uint64_t tsc;
} Fuzz;

/* ---- The machine around it ------------------------------------------------------------------- */

static uint8_t *mem_page(void *opaque, uint64_t gpa, bool *readonly)
{
    Fuzz *f = opaque;

    *readonly = gpa >= ROM_AT;
    return gpa < RAM_BYTES ? f->m->ram + gpa : NULL;
}

static uint64_t mem_read(void *opaque, uint64_t gpa, unsigned size)
{
    Fuzz *f = opaque;

    g_assert_cmpuint(size, <=, 8);
    return rng_next(&f->rng);
}

static void mem_write(void *opaque, uint64_t gpa, uint64_t value, unsigned size)
{
    g_assert_cmpuint(size, <=, 8);
}

static uint64_t port_in(void *opaque, uint16_t port, unsigned size)
{
    Fuzz *f = opaque;

    g_assert_cmpuint(size, <=, 4);
    return rng_next(&f->rng);
}

static void port_out(void *opaque, uint16_t port, uint64_t value, unsigned size)
{
    g_assert_cmpuint(size, <=, 4);
}

static int intack(void *opaque)
{
    Fuzz *f = opaque;

    return rng_below(&f->rng, 8) ? -1 : (int)rng_below(&f->rng, 256);
}

/* The session counts blocks by it: mostly it is wanted again at once. Now and then blocks may be
 * linked, until the ticker looks. */
static bool attention(void *opaque)
{
    Fuzz *f = opaque;

    if (f->left == 0) {
        return true;
    }
    f->left--;
    if (rng_below(&f->rng, 64)) {
        __atomic_store_n(&f->c->attention, 1, __ATOMIC_RELAXED);
    }
    return false;
}

static void cpuid_any(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    Fuzz *f = opaque;

    for (unsigned i = 0; i < 4; i++) {
        out[i] = rng_next(&f->rng);
    }
}

static uint64_t tsc(void *opaque)
{
    Fuzz *f = opaque;

    return f->tsc += 1000;
}

static const TcgMemOps mem_ops = { mem_page, mem_read, mem_write, port_in, port_out };
static const TcgSysOps sys_ops = { .cpuid = cpuid_any, .intack = intack, .attention = attention,
                                   .tsc = tsc };

/* ---- Modes ----------------------------------------------------------------------------------- */

enum { PAGED = 1, PAE = 2, LONG = 4, CODE64 = 8, VM86 = 16, REAL = 32, CODE32 = 64, BIG = 128 };

static const struct {
    const char *name;
    unsigned bits;
    unsigned cpl;
} modes[] = {
    { "real", REAL, 0 },
    { "big-real", REAL | BIG, 0 },
    { "protected-16", 0, 0 },
    { "protected-32", CODE32, 0 },
    { "protected-32-user", CODE32 | PAGED, 3 },
    { "paged-32", CODE32 | PAGED, 0 },
    { "pae", CODE32 | PAGED | PAE, 0 },
    { "pae-user", CODE32 | PAGED | PAE, 3 },
    { "vm86", VM86 | PAGED, 3 },
    { "vm86-unpaged", VM86, 3 },
    { "compat", LONG | PAGED | PAE | CODE32, 3 },
    { "long", LONG | PAGED | PAE | CODE64, 0 },
    { "long-user", LONG | PAGED | PAE | CODE64, 3 },
};

static bool chance(Fuzz *f, unsigned percent)
{
    return rng_below(&f->rng, 100) < percent;
}

static uint32_t some_address(Fuzz *f)
{
    return chance(f, 70) ? CODE_AT + rng_below(&f->rng, CODE_BYTES) : rng_next(&f->rng) % RAM_BYTES;
}

static void put64(Fuzz *f, unsigned at, uint64_t v)
{
    memcpy(f->m->ram + at, &v, 8);
}

static void make_descriptors(Fuzz *f)
{
    static const uint64_t good[] = {
        0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff,
        0x00affb000000ffff, 0x00cff3000000ffff, 0x00009b000000ffff, 0x000093000000ffff,
        0x0000890030000067, 0x0000e90030000067, 0x00008c0000080000, 0x0000ec0000080000,
        0x0000850000080000, 0x0000820040000fff, 0x0000830030000067, 0x00cf97000000ffff,
    };

    for (unsigned i = 0; i < 256; i++) {
        uint64_t d = good[rng_below(&f->rng, G_N_ELEMENTS(good))];

        d ^= chance(f, 20) ? 1ull << rng_below(&f->rng, 64) : 0;
        put64(f, GDT_AT + i * 8, chance(f, 95) ? d : rng_next(&f->rng));
        put64(f, LDT_AT + i * 8, chance(f, 95) ? d : rng_next(&f->rng));
    }
}

static void make_gates(Fuzz *f, bool lma)
{
    for (unsigned i = 0; i < 4096; i += lma ? 16 : 8) {
        static const uint8_t types[] = { 0x8e, 0xee, 0x8f, 0xef, 0x86, 0x85, 0xe5, 0x8c };
        uint64_t type = types[rng_below(&f->rng, lma ? 4 : sizeof(types))];
        uint32_t offset = some_address(f), sel = (1 + rng_below(&f->rng, 15)) * 8;

        put64(f, IDT_AT + i, (offset & 0xffff) | (uint64_t)sel << 16 | type << 40 |
                                 (uint64_t)(offset >> 16) << 48);
        if (lma) {
            put64(f, IDT_AT + i + 8, chance(f, 95) ? 0 : rng_next(&f->rng));
        }
    }
}

/* Tables that map low memory onto itself, with a share of entries that point anywhere. */
static void make_tables(Fuzz *f, bool pae)
{
    unsigned wild = chance(f, 50) ? 0 : 1 + rng_below(&f->rng, 10);
    unsigned n = pae ? 512 : 1024, bytes = pae ? 8 : 4;

    for (unsigned page = 0; page < 8; page++) { /* five levels, and tables 5, 6, 7 of the last */
        for (unsigned i = 0; i < n; i++) {
            bool last = page >= 4;
            uint64_t at = last ? ((page - 4) * n + i) * 4096ull % RAM_BYTES
                               : TABLES_AT + (page + 1) * 4096 + (page == 3 ? i % 4 * 4096 : 0);
            uint64_t e = at | 7;

            if (rng_below(&f->rng, 100) < wild) {
                e = chance(f, 50) ? e ^ 1ull << rng_below(&f->rng, 64) : rng_next(&f->rng);
            }
            memcpy(f->m->ram + TABLES_AT + page * 4096 + i * bytes, &e, bytes);
        }
    }
}

static void make_code(Fuzz *f, unsigned at, unsigned code_bits)
{
    unsigned end = MIN(at + 4096, (unsigned)RAM_BYTES - 16);

    while (at < end) {
        unsigned row = rng_below(&f->rng, x86_nr_insn_rows());
        X86DecodeMode mode = { .code_bits = code_bits, .features = f->c->features };
        uint8_t bytes[15];
        X86Insn insn;

        if (chance(f, 30) || !gen_row_bytes(&f->rng, row, code_bits, bytes)) {
            gen_random_bytes(&f->rng, bytes);
        }
        if (x86_decode(&insn, bytes, 15, &mode) != X86_DECODE_OK) {
            insn.len = 3;
        }
        memcpy(f->m->ram + at, bytes, insn.len);
        at += insn.len;
    }
}

static void set_segments(Fuzz *f, unsigned bits, unsigned cpl)
{
    bool v86 = bits & VM86, real = bits & REAL;

    for (unsigned i = 0; i < 6; i++) {
        SegmentCache *s = &f->env.segs[i];
        uint16_t sel = v86 || real ? rng_below(&f->rng, 0x6000) : (1 + rng_below(&f->rng, 15)) * 8;
        uint32_t type = i == R_CS ? 11 : 3;

        *s = (SegmentCache){ .selector = sel | (v86 || real ? 0 : cpl), .limit = UINT32_MAX };
        s->flags = DESC_P_MASK | DESC_S_MASK | cpl << DESC_DPL_SHIFT | type << DESC_TYPE_SHIFT;
        if (v86 || (real && !(bits & BIG))) {
            s->limit = 0xffff;
            s->base = (uint32_t)sel << 4;
        } else if (bits & CODE64) {
            s->flags |= i == R_CS ? DESC_L_MASK : DESC_B_MASK;
        } else if (bits & CODE32) {
            s->flags |= DESC_B_MASK;
        }
        if (!(bits & LONG) && chance(f, 20)) {
            s->limit = rng_next(&f->rng) % RAM_BYTES;
            s->flags ^= chance(f, 30) ? 4 << DESC_TYPE_SHIFT : 0;
        }
    }
}

static void set_control(Fuzz *f, unsigned bits)
{
    CPUX86State *env = &f->env;
    uint64_t flips = rng_next(&f->rng);

    env->cr[0] = CR0_ET_MASK | CR0_NE_MASK | (bits & REAL ? 0 : CR0_PE_MASK) |
                 (bits & PAGED ? CR0_PG_MASK : 0) | (flips & (CR0_WP_MASK | CR0_AM_MASK));
    env->cr[0] ^= chance(f, 5) ? CR0_TS_MASK : chance(f, 5) ? CR0_EM_MASK : 0;
    env->cr[4] = CR4_OSFXSR_MASK | 1 << 10 | CR4_OSXSAVE_MASK | (bits & PAE ? CR4_PAE_MASK : 0);
    /* VME PVI TSD DE PSE PGE UMIP FSGSBASE SMEP SMAP PKE */
    env->cr[4] ^= flips >> 8 & 0x71089f & ~0x20ull;
    env->cr[4] |= bits & LONG && chance(f, 25) ? CR4_LA57_MASK : 0;
    env->cr[3] = TABLES_AT + (bits & LONG ? env->cr[4] & CR4_LA57_MASK ? 0 : 0x1000
                              : bits & PAE ? 0x2000 : 0x3000);
    env->efer = (bits & LONG ? MSR_EFER_LME | MSR_EFER_LMA : 0) | MSR_EFER_SCE |
                (flips >> 40 & 1 ? MSR_EFER_NXE : 0);
    env->xcr0 = chance(f, 90) ? 7 : 3;
    env->eflags = 2 | (flips >> 20 & (F_ARITH | F_D | F_IF | F_IOPL | F_NT | F_AC)) |
                  (chance(f, 5) ? F_TF : 0) | (bits & VM86 ? F_VM : 0);
    env->dr[6] = 0xffff0ff0;
    env->dr[7] = 0x400 | (chance(f, 5) ? rng_next(&f->rng) & 0xffff00ff : 0);
    for (unsigned i = 0; i < 4; i++) {
        env->dr[i] = some_address(f);
    }
}

static void set_tables(Fuzz *f, unsigned bits)
{
    CPUX86State *env = &f->env;

    env->gdt = (SegmentCache){ .base = GDT_AT, .limit = chance(f, 90) ? 0x7ff : 0x3f };
    env->ldt = (SegmentCache){ .base = LDT_AT, .limit = 0x7ff, .selector = 0x70,
                               .flags = DESC_P_MASK };
    env->idt = (SegmentCache){ .base = bits & REAL && chance(f, 50) ? 0 : IDT_AT, .limit = 0xfff };
    env->tr = (SegmentCache){ .base = TSS_AT, .limit = chance(f, 80) ? 0xfff : 0x67,
                              .selector = 0x48,
                              .flags = DESC_P_MASK | (chance(f, 90) ? 11 : 3) << DESC_TYPE_SHIFT };
    for (unsigned i = 0; i < 0x80; i += 4) {
        uint32_t v = chance(f, 80) ? some_address(f) : rng_next(&f->rng);

        memcpy(f->m->ram + TSS_AT + i, &v, 4);
    }
}

static void set_state(Fuzz *f, unsigned mode)
{
    unsigned bits = modes[mode].bits, at = CODE_AT + rng_below(&f->rng, CODE_BYTES - 8192);
    unsigned code_bits = bits & CODE64 ? 64 : bits & CODE32 ? 32 : 16;
    uint16_t fcw = rng_next(&f->rng);

    memset(&f->env, 0, sizeof(f->env));
    set_segments(f, bits, modes[mode].cpl);
    set_control(f, bits);
    set_tables(f, bits);
    make_descriptors(f);
    make_gates(f, bits & LONG);
    if (bits & PAGED) {
        make_tables(f, bits & PAE);
    }
    for (unsigned i = 0; i < 16; i++) {
        f->env.regs[i] = chance(f, 70) ? some_address(f) : rng_next(&f->rng);
    }
    if (bits & (REAL | VM86)) { /* by CS */
        at &= 0xffff;
        make_code(f, MIN(f->env.segs[R_CS].base + at, (uint64_t)RAM_BYTES - 8192), code_bits);
    } else {
        make_code(f, at, code_bits);
    }
    f->env.eip = at;
    f->env.lstar = f->env.cstar = f->env.sysenter_eip = some_address(f);
    f->env.sysenter_esp = some_address(f);
    f->env.sysenter_cs = 8;
    f->env.star = 0x0018000800000000ull | some_address(f);
    tcg_load_env(f->c);
    memcpy(f->c->xs + XS_FCW, &fcw, 2);
    for (unsigned i = XS_ST; i < 416; i++) {
        f->c->xs[i] = rng_next(&f->rng);
    }
    f->c->xs[XS_MXCSR + 1] = rng_next(&f->rng);
    tcg_x87_sanitize(f->c);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static Fuzz *fuzz_new(Machine *m, uint64_t seed)
{
    static const uint16_t more[] = {
        X86_FEATURE_SMAP, X86_FEATURE_SMEP, X86_FEATURE_PKU, X86_FEATURE_UMIP, X86_FEATURE_PCID,
        X86_FEATURE_INVPCID, X86_FEATURE_FSGSBASE, X86_FEATURE_LA57, X86_FEATURE_VME,
        X86_FEATURE_RDPID, X86_FEATURE_CLZERO, X86_FEATURE_RDSEED, X86_FEATURE_RDRAND,
        X86_FEATURE_XSAVEC, X86_FEATURE_XSAVES, X86_FEATURE_RTM, X86_FEATURE_MONITOR,
        X86_FEATURE_RDTSCP, X86_FEATURE_WBNOINVD, X86_FEATURE_CLWB,
    };
    Fuzz *f = g_new0(Fuzz, 1);

    f->m = m;
    f->rng.s = seed * 0x9e3779b97f4a7c15ull | 1;
    f->c = tcg_cpu_new(&f->env, m->shared, &mem_ops, &sys_ops, f);
    tcg_host_features(f->c->features);
    for (unsigned i = 0; i < G_N_ELEMENTS(more); i++) {
        x86_features_set(f->c->features, more[i], true);
    }
    f->c->intel = seed & 1;
    return f;
}

static void fuzz_free(Fuzz *f)
{
    tcg_cpu_free(f->c);
    g_free(f);
}

/* Runs the guest until it has had its blocks, shuts down, or cannot go on. */
static void session(Fuzz *f, unsigned mode, uint64_t blocks)
{
    set_state(f, mode);
    f->left = blocks;
    for (unsigned i = 0; i < 50 && f->left; i++) {
        TcgExit e;

        __atomic_store_n(&f->c->attention, 1, __ATOMIC_RELAXED);
        e = tcg_run(f->c);
        if (e == TCG_EXIT_SHUTDOWN) {
            f->c->shutdown = false;
            break;
        }
        if (e == TCG_EXIT_HALT) { /* an NMI */
            f->c->halted = false;
            f->env.events.nmi_pending = true;
        }
        tcg_store_env(f->c);
        tcg_load_env(f->c);
    }
    f->c->halted = f->c->shutdown = false;
}

/* Ends what runs without looking up. */
typedef struct Ticker {
    GThread *thread;
    bool stop; /* atomic */
    Fuzz **f;
    unsigned nr;
} Ticker;

static gpointer tick(gpointer opaque)
{
    Ticker *t = opaque;

    while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < t->nr; i++) {
            __atomic_store_n(&t->f[i]->c->attention, 1, __ATOMIC_RELAXED);
        }
        g_usleep(200);
    }
    return NULL;
}

static void ticker_start(Ticker *t, Fuzz **f, unsigned nr)
{
    *t = (Ticker){ .f = f, .nr = nr };
    t->thread = g_thread_new("ticker", tick, t);
}

static void ticker_stop(Ticker *t)
{
    __atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
    g_thread_join(t->thread);
}

static Machine *machine_new(void)
{
    Machine *m = g_new0(Machine, 1);
    Rng r = { opt_seed | 1 };

    m->ram = g_aligned_alloc0(1, RAM_BYTES, 4096);
    for (unsigned i = 0; i < RAM_BYTES; i += 8) {
        uint64_t v = rng_next(&r);

        memcpy(m->ram + i, &v, 8);
    }
    m->shared = tcg_shared_new();
    return m;
}

static void machine_free(Machine *m)
{
    tcg_shared_free(m->shared);
    g_aligned_free(m->ram);
    g_free(m);
}

static unsigned pick_mode(Fuzz *f)
{
    for (unsigned i = 0; opt_mode && i < G_N_ELEMENTS(modes); i++) {
        if (!strcmp(modes[i].name, opt_mode)) {
            return i;
        }
    }
    return rng_below(&f->rng, G_N_ELEMENTS(modes));
}

static void check_memory(const char *when)
{
    g_autofree char *text = NULL;
    unsigned long long pages = 0;

    if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL) &&
        sscanf(text, "%*u %llu", &pages) == 1) {
        printf("# %s: %llu MiB\n", when, pages >> 8);
        g_assert_cmpuint(pages * 4096, <, MEMORY_BOUND);
    }
}

static void one_cpu(void)
{
    Machine *m = machine_new();
    Fuzz *f = fuzz_new(m, opt_seed);
    uint64_t sessions = 0, shown = 0;
    Ticker t;

    ticker_start(&t, &f, 1);
    while (f->c->nr_blocks_run < (uint64_t)opt_blocks) {
        session(f, pick_mode(f), BLOCKS_PER_SESSION);
        sessions++;
        if (f->c->nr_blocks_run - shown > 1000000) {
            shown = f->c->nr_blocks_run;
            printf("# %" PRIu64 " blocks in %" PRIu64 " sessions\n", shown, sessions);
            fflush(stdout);
        }
    }
    ticker_stop(&t);
    check_memory("one vCPU");
    fuzz_free(f);
    machine_free(m);
}

/* ---- Many vCPUs on one memory ---------------------------------------------------------------- */

typedef struct Thread {
    Fuzz *f;
    GThread *thread;
    uint64_t blocks;
} Thread;

static gpointer run_thread(gpointer opaque)
{
    Thread *t = opaque;

    while (t->f->c->nr_blocks_run < t->blocks) {
        session(t->f, pick_mode(t->f), SMP_SESSION_BLOCKS);
    }
    return NULL;
}

static void many_cpus(unsigned n, uint64_t blocks)
{
    Machine *m = machine_new();
    g_autofree Fuzz **f = g_new0(Fuzz *, n);
    Thread *t = g_new0(Thread, n);
    Ticker ticker;

    for (unsigned i = 0; i < n; i++) {
        t[i].f = f[i] = fuzz_new(m, opt_seed + 1000 + i);
        t[i].blocks = blocks;
    }
    ticker_start(&ticker, f, n);
    for (unsigned i = 0; i < n; i++) {
        t[i].thread = g_thread_new("vcpu", run_thread, &t[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        g_thread_join(t[i].thread);
    }
    ticker_stop(&ticker);
    check_memory("many vCPUs");
    for (unsigned i = 0; i < n; i++) {
        fuzz_free(t[i].f);
    }
    g_free(t);
    machine_free(m);
}

int main(int argc, char **argv)
{
    GOptionEntry entries[] = {
        { "seed", 0, 0, G_OPTION_ARG_INT64, &opt_seed, "of everything", "N" },
        { "blocks", 0, 0, G_OPTION_ARG_INT64, &opt_blocks, "to run on one vCPU", "N" },
        { "mode", 0, 0, G_OPTION_ARG_STRING, &opt_mode, "only this one", "NAME" },
        { NULL },
    };
    g_autoptr(GOptionContext) ctx = g_option_context_new(NULL);

    g_option_context_add_main_entries(ctx, entries, NULL);
    if (!g_option_context_parse(ctx, &argc, &argv, NULL)) {
        return 2;
    }
    if (!tcg_native_init()) {
        return 77;
    }
    alarm(WATCHDOG_S); /* a hang ends the test by a signal */
    one_cpu();
    many_cpus(4, opt_blocks / 40);
    many_cpus(64, opt_blocks / 640);
    printf("# done\n");
    return 0;
}
