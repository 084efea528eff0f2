/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction decoder against its own table, against capstone, and against the host CPU, which
 * decides. Fixed seeds. Where capstone is wrong or the host knows more than insn.def, the case is
 * in a list below with its reason.
 */
#include "qemu/osdep.h"
#include <capstone/capstone.h>
#include "target/i386/cpu.h"
#include "tests/tcg/host-step.h"
#include "tests/tcg/insn-gen.h"

static X86DecodeMode mode_of(unsigned bits)
{
    return (X86DecodeMode){ .code_bits = bits };
}

static char *hex(const uint8_t *b, unsigned n)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(s, "%02x ", b[i]);
    }
    return g_string_free(s, FALSE);
}

/* ---- Known encodings ------------------------------------------------------------------------- */

typedef struct Known {
    const char *name;
    uint8_t bits, len, bytes[15];
    uint8_t opsize, mem_bytes;
    uint64_t imm;
    int32_t disp;
} Known;

static const Known known[] = {
    { "ADD", 64, 2, { 0x00, 0xc8 }, 4 },
    { "MOV", 64, 10, { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 }, 8, 0, 0x0807060504030201 },
    { "MOV", 64, 9, { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8 }, 4, 1, 0x0807060504030201 },
    { "MOV", 64, 7, { 0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff }, 8, 8, UINT64_MAX },
    { "LEA", 64, 8, { 0x48, 0x8d, 0x84, 0x8b, 0x78, 0x56, 0x34, 0x12 }, 8, 0, 0, 0x12345678 },
    { "MOV", 16, 4, { 0x8b, 0x87, 0x34, 0x12 }, 2, 2, 0, 0x1234 },
    { "MOV", 16, 3, { 0x66, 0x8b, 0x07 }, 4, 4 },
    { "JMP", 16, 5, { 0xea, 0x34, 0x12, 0x78, 0x56 }, 2, 0, 0x1234 | 0x5678ull << 32 },
    { "JMP", 32, 7, { 0xea, 1, 2, 3, 4, 0x78, 0x56 }, 4, 0, 0x04030201 | 0x5678ull << 32 },
    { "ENTER", 64, 4, { 0xc8, 0x34, 0x12, 0x05 }, 8, 0, 0x1234 | 5 << 16 },
    { "PUSH", 64, 2, { 0x6a, 0x80 }, 8, 0, (uint64_t)-128 },
    { "TZCNT", 64, 4, { 0xf3, 0x0f, 0xbc, 0xc1 }, 4, 4 },
    { "VADDPS", 64, 5, { 0xc4, 0xe1, 0x6c, 0x58, 0x01 }, 4, 32 },
    { "LDS", 32, 2, { 0xc5, 0x01 }, 4, 6 },
    { "PAUSE", 64, 2, { 0xf3, 0x90 }, 4 },
    { "CMPXCHG16B", 64, 4, { 0x48, 0x0f, 0xc7, 0x0e }, 8, 16 },
};

static void test_known(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        const Known *k = &known[i];
        X86DecodeMode mode = mode_of(k->bits);
        X86Insn insn;

        g_assert_cmpint(x86_decode(&insn, k->bytes, 15, &mode), ==, X86_DECODE_OK);
        g_assert_cmpstr(x86_insn_row(insn.row)->name, ==, k->name);
        g_assert_cmpuint(insn.len, ==, k->len);
        g_assert_cmpuint(insn.opsize, ==, k->opsize);
        g_assert_cmpuint(insn.mem_bytes, ==, insn.flags & X86_I_MEM || k->mem_bytes == 1 ?
                         k->mem_bytes : insn.mem_bytes);
        g_assert_cmphex(insn.imm, ==, k->imm);
        g_assert_cmpint(insn.disp, ==, k->disp);
    }
}

/* Every row can be reached by an encoding made from it. */
static void test_rows_reachable(void)
{
    static const unsigned bits[] = { 64, 32 };
    Rng r = { 7 };

    for (unsigned n = 0; n < x86_nr_insn_rows(); n++) {
        bool reached = false;

        for (unsigned t = 0; t < 400 && !reached; t++) {
            X86DecodeMode mode = mode_of(bits[t & 1]);
            uint8_t bytes[15];
            X86Insn insn;

            if (gen_row_bytes(&r, n, mode.code_bits, bytes)) {
                reached = x86_decode(&insn, bytes, 15, &mode) == X86_DECODE_OK && insn.row == n;
            }
        }
        if (!reached) {
            g_test_message("row %u %s %s", n, x86_insn_row(n)->name, x86_insn_row(n)->operands);
            g_test_fail();
        }
    }
}

static void test_too_long(void)
{
    uint8_t bytes[16] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                          0x66, 0x66, 0x66, 0x90 };
    X86DecodeMode mode = mode_of(64);
    X86Insn insn;

    g_assert_cmpint(x86_decode(&insn, bytes, 15, &mode), ==, X86_DECODE_TOO_LONG);
    g_assert_cmpint(x86_decode(&insn, bytes + 1, 15, &mode), ==, X86_DECODE_OK);
    g_assert_cmpuint(insn.len, ==, 15);
}

/* With fewer bytes than the instruction has, the decoder asks for more and never reads on. */
static void test_short_input(void)
{
    X86DecodeMode mode = mode_of(64);
    Rng r = { 11 };

    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[15];
        X86Insn insn, again;

        gen_random_bytes(&r, bytes);
        if (x86_decode(&insn, bytes, 15, &mode) == X86_DECODE_OK) {
            g_autofree uint8_t *cut = g_memdup2(bytes, insn.len - 1);

            g_assert_cmpint(x86_decode(&again, cut, insn.len - 1, &mode), ==, X86_DECODE_MORE);
            g_assert_cmpint(x86_decode(&again, bytes, insn.len, &mode), ==, X86_DECODE_OK);
            g_assert_cmpmem(&insn, sizeof(insn), &again, sizeof(again));
        }
    }
}

static void test_gates(void)
{
    static const uint8_t tzcnt[15] = { 0xf3, 0x0f, 0xbc, 0xc1 }, aes[15] = { 0x66, 0x0f, 0x38,
                                                                             0xdc, 0xc1 };
    uint64_t features[FEATURE_WORDS] = { 0 };
    X86DecodeMode mode = { .code_bits = 64, .features = features };
    X86Insn insn;

    g_assert_cmpint(x86_decode(&insn, tzcnt, 15, &mode), ==, X86_DECODE_OK);
    g_assert_cmpstr(x86_insn_row(insn.row)->name, ==, "BSF");
    g_assert_cmpint(x86_decode(&insn, aes, 15, &mode), ==, X86_DECODE_INVALID);
    x86_features_set(features, X86_FEATURE_BMI1, true);
    x86_features_set(features, X86_FEATURE_AES, true);
    g_assert_cmpint(x86_decode(&insn, tzcnt, 15, &mode), ==, X86_DECODE_OK);
    g_assert_cmpstr(x86_insn_row(insn.row)->name, ==, "TZCNT");
    g_assert_cmpint(x86_decode(&insn, aes, 15, &mode), ==, X86_DECODE_OK);
}

/* ---- Capstone -------------------------------------------------------------------------------- */

typedef struct Differ {
    unsigned cases, differ, listed;
} Differ;

static bool is_prefix(uint8_t b)
{
    return b == 0x66 || b == 0x67 || b == 0xf0 || b == 0xf2 || b == 0xf3 || (b & 0xe7) == 0x26 ||
           (b & 0xfe) == 0x64;
}

/*
 * Where capstone 4 is known to judge otherwise; the host test covers the same encodings against
 * silicon. It overlooks most rules about mandatory, LOCK and redundant prefixes, VEX.W, VEX.L and
 * VEX.vvvv, so validity is compared for encodings without these only; and the names are those of
 * instructions that no CPU model of ours has, or that capstone sizes or forbids wrongly.
 */
static bool capstone_is_no_judge(const uint8_t *b, const cs_insn *ci, X86DecodeResult r,
                                 const X86Insn *insn)
{
    static const char *const not_ours[] = {
        "vm", "inv", "getsec", "encl", "clgi", "stgi", "skinit", "femms", "pf", "pi2f", "pswapd",
        "pmulhrw", "pavgusb", "xsha", "xcrypt", "xstore", "montmul",
        "haddp", "hsubp", "addsub", "swapgs", /* without 66 or F2; outside 64-bit mode */
        "mov", /* of control registers that do not exist */
        NULL,
    };
    static const char *const wrong[] = {
        "UD0", "UD1",               /* have a ModRM byte */
        "NOP", "PREFETCH", "PREFETCHW", /* every ModRM */
        "LFENCE", "MFENCE", "SFENCE",   /* every rm */
        "RDPKRU", "WRPKRU", "CLZERO",
        "EXTRQ", "INSERTQ", /* over VMREAD */
        NULL,
    };
    const X86InsnRow *row = r == X86_DECODE_OK ? x86_insn_row(insn->row) : NULL;

    for (unsigned i = 0; !row && not_ours[i]; i++) {
        if (g_str_has_prefix(ci->mnemonic, not_ours[i])) {
            return true;
        }
    }
    for (unsigned i = 0; row && wrong[i]; i++) {
        if (!strcmp(row->name, wrong[i])) {
            return true;
        }
    }
    if (row && ci) { /* Intel ignores 66 before a near branch in 64-bit mode, AMD does not */
        return (row->attrs & (X86_A_f64 | X86_A_d64) && insn->flags & X86_I_OPSIZE) ||
               b[0] == 0x67; /* taken for 66 when REX.W follows */
    }
    if (insn->flags & (X86_I_LOCK | X86_I_REPE | X86_I_REPNE | X86_I_OPSIZE | X86_I_VEX |
                       X86_I_REX)) {
        return true;
    }
    return is_prefix(b[0]) || b[0] == 0x8f; /* XOP */
}

static void compare_capstone(csh cs, unsigned bits, uint64_t seed, unsigned cases, Differ *d)
{
    X86DecodeMode mode = mode_of(bits);
    cs_insn *ci = cs_malloc(cs);
    Rng r = { seed };

    for (unsigned i = 0; i < cases; i++) {
        uint8_t bytes[15];
        const uint8_t *code = bytes;
        uint64_t addr = 0;
        size_t size = 15;
        X86Insn insn;
        X86DecodeResult res;
        unsigned cs_len;

        gen_random_bytes(&r, bytes);
        res = x86_decode(&insn, bytes, 15, &mode);
        cs_len = cs_disasm_iter(cs, &code, &size, &addr, ci) ? ci->size : 0;
        d->cases++;
        if (cs_len == (res == X86_DECODE_OK ? insn.len : 0)) {
            continue;
        }
        if (capstone_is_no_judge(bytes, cs_len ? ci : NULL, res, &insn)) {
            d->listed++;
            continue;
        }
        if (d->differ++ < 40) {
            g_autofree char *h = hex(bytes, 15);

            g_printerr("%u %s ours %d %u %s; capstone %u %s %s\n", bits, h, res, insn.len,
                       res == X86_DECODE_OK ? x86_insn_row(insn.row)->name : "-", cs_len,
                       cs_len ? ci->mnemonic : "-", cs_len ? ci->op_str : "");
        }
    }
    cs_free(ci, 1);
}

static void test_capstone(gconstpointer data)
{
    unsigned bits = GPOINTER_TO_UINT(data);
    Differ d = { 0 };
    csh cs;

    g_assert_cmpint(cs_open(CS_ARCH_X86, bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 :
                            CS_MODE_16, &cs), ==, CS_ERR_OK);
    compare_capstone(cs, bits, 1 + bits, 500000, &d);
    cs_close(&cs);
    g_test_message("%u cases, %u differ, %u listed", d.cases, d.differ, d.listed);
    g_assert_cmpuint(d.differ, ==, 0);
}

/* ---- The host CPU ---------------------------------------------------------------------------- */

/*
 * The host has instructions that insn.def leaves out on purpose: AVX-512 (EVEX and opmask),
 * hypercalls, and extensions no CPU model of ours offers. They are valid there and #UD here.
 */
static bool host_knows_more(const uint8_t *b)
{
    static const uint8_t opmask[] = { 0x41, 0x42, 0x44, 0x45, 0x46, 0x47, 0x4a, 0x4b, 0x90, 0x91,
                                      0x92, 0x93, 0x98, 0x99 };
    unsigned map = 0;

    while (is_prefix(*b) || (*b & 0xf0) == 0x40) {
        b++;
    }
    if (*b == 0x62) {
        return true; /* EVEX */
    }
    if (*b == 0x0f && b[1] == 0x01 && (b[2] == 0xc1 || b[2] == 0xd9)) {
        return true; /* VMCALL and VMMCALL: the hypervisor below answers */
    }
    if (*b == 0xc5) {
        return memchr(opmask, b[2], sizeof(opmask));
    }
    if (*b == 0xc4) {
        map = b[1] & 0x1f;
        b += 2;
    } else if (*b == 0x0f && (b[1] == 0x38 || b[1] == 0x3a)) {
        map = b[1] == 0x38 ? 2 : 3;
        b++;
    }
    return (map == 1 && memchr(opmask, b[1], sizeof(opmask))) ||
           (map == 3 && (b[1] & 0xfc) == 0x30) || /* opmask shifts */
           (map == 3 && (b[1] & 0xfe) == 0xce) || (map == 2 && b[1] == 0xcf); /* GFNI */
}

typedef enum HostVerdict { HOST_OK, HOST_UD, HOST_MORE, HOST_LOST } HostVerdict;

/* Puts the first @n bytes at the end of the page and steps. */
static HostVerdict host_try(HostStep *h, unsigned bits, const uint8_t *bytes, unsigned n)
{
    struct user_regs_struct regs = *host_step_initial(h);
    uint64_t start = HOST_CODE_END - n;
    HostSignal sig;

    memcpy(host_step_code(h) + 4096 - n, bytes, n);
    regs.rip = start;
    regs.rax = regs.rbx = regs.rcx = regs.rdx = regs.rsi = regs.rdi = regs.rbp = UINT64_MAX;
    regs.r8 = regs.r9 = regs.r10 = regs.r11 = regs.r12 = regs.r13 = regs.r14 = regs.r15 =
        bits == 64 ? 0x123456789abc0000 : 0;
    regs.rsp = HOST_DATA + 4096;
    regs.orig_rax = UINT64_MAX; /* no system call to restart */
    if (bits == 32) {
        regs.cs = 0x23;
        regs.ss = regs.ds = regs.es = 0x2b;
    }
    if (!host_step_run(h, &regs, NULL, NULL, &sig)) {
        return HOST_LOST;
    }
    if (sig.signo == SIGILL && regs.rip == start) {
        return HOST_UD;
    }
    if (sig.signo == SIGSEGV && sig.addr == HOST_CODE_END && regs.rip == start) {
        return HOST_MORE;
    }
    return HOST_OK;
}

/* Whole instructions that raise #UD by their nature or in a Linux process. */
static bool always_ud(const X86InsnRow *row, unsigned bits)
{
    static const char *const names[] = { "UD0", "UD1", "UD2", "RSM", "MONITOR", "MWAIT", "CLAC",
                                        "STAC" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!strcmp(row->name, names[i])) {
            return true;
        }
    }
    return bits == 32 && (!strcmp(row->name, "SYSCALL") || !strcmp(row->name, "SYSRET"));
}

static bool host_agrees_once(HostStep *h, unsigned bits, const uint8_t *bytes,
                             X86DecodeResult res, const X86Insn *insn)
{
    unsigned len = insn->len;

    switch (res) {
    case X86_DECODE_OK:
        return host_try(h, bits, bytes, len) ==
                   (always_ud(x86_insn_row(insn->row), bits) ? HOST_UD : HOST_OK) &&
               host_try(h, bits, bytes, len - 1) == HOST_MORE;
    case X86_DECODE_INVALID: { /* the host may want a 16th byte before it looks */
        HostVerdict v = host_try(h, bits, bytes, 15);

        return v == HOST_UD || v == HOST_MORE;
    }
    default: /* too long: the host may run into the page's end or another fault before #GP */
        return true;
    }
}

/*
 * A difference counts when it can be repeated: under a hypervisor that moves or interrupts the
 * traced child a single answer may be about something else than the bytes.
 */
static bool host_agrees(HostStep *h, unsigned bits, const uint8_t *bytes, X86DecodeResult res,
                        const X86Insn *insn)
{
    for (unsigned i = 0; i < 3; i++) {
        if (host_agrees_once(h, bits, bytes, res, insn)) {
            return true;
        }
    }
    return false;
}

static void compare_host(HostStep *h, unsigned bits, uint64_t seed, unsigned cases, Differ *d)
{
    uint64_t features[FEATURE_WORDS];
    X86DecodeMode mode = { .code_bits = bits, .features = features };
    Rng r = { seed };

    tcg_host_features(features);
    while (d->cases < cases) {
        uint8_t bytes[15];
        X86Insn insn;
        X86DecodeResult res;
        unsigned row = rng_below(&r, x86_nr_insn_rows());

        if (rng_below(&r, 2) || !gen_row_bytes(&r, row, bits, bytes)) {
            gen_random_bytes(&r, bytes);
        }
        res = x86_decode(&insn, bytes, 15, &mode);
        d->cases++;
        if (host_agrees(h, bits, bytes, res, &insn)) {
            continue;
        }
        if (host_knows_more(bytes)) {
            d->listed++;
        } else if (d->differ++ < 40) {
            g_autofree char *s = hex(bytes, 15);

            g_printerr("%u %s ours %d %u %s; host %d %d\n", bits, s, res, insn.len,
                       res == X86_DECODE_OK ? x86_insn_row(insn.row)->name : "-",
                           host_try(h, bits, bytes, insn.len),
                           host_try(h, bits, bytes, insn.len - 1));
        }
    }
}

/* test-decode [CASES [SEED]]: how long, and where, to look for differences from the host CPU. */
static unsigned host_cases = 100000;
static uint64_t host_seed = 100;

static void test_host(gconstpointer data)
{
    unsigned bits = GPOINTER_TO_UINT(data);
    HostStep *h = host_step_new();
    Differ d = { 0 };

    if (!h) {
        g_test_skip("no tracing of a child process here");
        return;
    }
    compare_host(h, bits, host_seed + bits, host_cases, &d);
    host_step_free(h);
    g_test_message("%u cases, %u differ, %u listed", d.cases, d.differ, d.listed);
    g_assert_cmpuint(d.differ, ==, 0);
}

int main(int argc, char **argv)
{
    static const unsigned bits[] = { 16, 32, 64 };

    g_test_init(&argc, &argv, NULL);
    if (argc > 1) {
        host_cases = g_ascii_strtoull(argv[1], NULL, 0);
    }
    if (argc > 2) {
        host_seed = g_ascii_strtoull(argv[2], NULL, 0);
    }
    g_test_add_func("/decode/known/fields", test_known);
    g_test_add_func("/decode/table/every_row_is_reachable", test_rows_reachable);
    g_test_add_func("/decode/length/more_than_15_bytes_is_gp", test_too_long);
    g_test_add_func("/decode/length/short_input_asks_for_more", test_short_input);
    g_test_add_func("/decode/gates/closed_gate_falls_to_older_meaning", test_gates);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *cs = g_strdup_printf("/decode/capstone/%u_bit_agrees", bits[i]);
        g_autofree char *host = g_strdup_printf("/decode/host/%u_bit_agrees", bits[i]);

        g_test_add_data_func(cs, GUINT_TO_POINTER(bits[i]), test_capstone);
        if (bits[i] != 16) {
            g_test_add_data_func(host, GUINT_TO_POINTER(bits[i]), test_host);
        }
    }
    return g_test_run();
}
