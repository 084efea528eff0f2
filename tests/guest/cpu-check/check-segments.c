/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments, gates and privileged instructions in 64-bit mode: which exception, which error code
 * (SDM vol. 3, chapters 5 and 6). */
#include "io.h"
#include "layout.h"
#include "report.h"
#include "try.h"

#define CR4_UMIP (1u << 11)
#define GATE_P   (0x8000ull << 32)
#define VECTOR   0x90           /* a gate that tests change */

/* Slots of the GDT. */
enum { S_DATA_NP, S_EXEC_ONLY, S_DATA3, S_LDT, S_CONFORMING, S_LD, S_CODE_NP, S_CODE3_32 };
#define SEL(slot) (SEL_TEST + (slot) * 8)

static const uint64_t descs[NR_TEST_SEL] = {
    [S_DATA_NP] = 0x00cf13000000ffff,    [S_EXEC_ONLY] = 0x00af99000000ffff,
    [S_DATA3] = 0x00cff3000000ffff,      [S_LDT] = 0x0000820000000000,
    [S_CONFORMING] = 0x00af9f000000ffff, [S_LD] = 0x00ef9b000000ffff,
    [S_CODE_NP] = 0x00af1b000000ffff,    [S_CODE3_32] = 0x00cffb000000ffff,
};

typedef struct SegCase {
    const char *name;
    Try t;
    unsigned vector;
    uint64_t error;
} SegCase;

#define MOV_DS "\x8e\xd8"
#define MOV_SS "\x8e\xd0"
#define JMP_FAR "\x48\xff\x2f"

static uint64_t far_pointer[2];

static const SegCase cases[] = {
    { "ds-null", { CODE(MOV_DS), .rax = 3 }, DONE, 0 },
    { "ds-data3", { CODE(MOV_DS), .rax = SEL(S_DATA3) | 3 }, DONE, 0 },
    { "ds-not-present", { CODE(MOV_DS), .rax = SEL(S_DATA_NP) }, 11, SEL(S_DATA_NP) },
    { "ds-execute-only", { CODE(MOV_DS), .rax = SEL(S_EXEC_ONLY) }, 13, SEL(S_EXEC_ONLY) },
    { "ds-system", { CODE(MOV_DS), .rax = SEL(S_LDT) }, 13, SEL(S_LDT) },
    { "ds-beyond-limit", { CODE(MOV_DS), .rax = 0x1000 }, 13, 0x1000 },
    { "ds-ldt-missing", { CODE(MOV_DS), .rax = 0xf }, 13, 0xc },
    { "ds-rpl", { CODE(MOV_DS), .rax = SEL_DATA | 3 }, 13, SEL_DATA },
    { "ds-dpl", { CODE(MOV_DS), .rax = SEL_DATA, .user = true }, 13, SEL_DATA },
    { "ss-null", { CODE(MOV_SS), .rax = 0 }, DONE, 0 },
    { "ss-null-rpl", { CODE(MOV_SS), .rax = 3 }, 13, 0 },
    { "ss-null-user", { CODE(MOV_SS), .rax = 3, .user = true }, 13, 0 },
    { "ss-code", { CODE(MOV_SS), .rax = SEL_CODE64 }, 13, SEL_CODE64 },
    { "ss-dpl", { CODE(MOV_SS), .rax = SEL(S_DATA3) }, 13, SEL(S_DATA3) },
    { "ss-not-present", { CODE(MOV_SS), .rax = SEL(S_DATA_NP) }, 12, SEL(S_DATA_NP) },
    { "cs-mov", { CODE("\x8e\xc8"), .rax = SEL_CODE64 }, 6, 0 },
    { "lldt-code", { CODE("\x0f\x00\xd0"), .rax = SEL_CODE64 }, 13, SEL_CODE64 },
    { "ltr-busy", { CODE("\x0f\x00\xd8"), .rax = SEL_TSS }, 13, SEL_TSS },
    { "ltr-null", { CODE("\x0f\x00\xd8"), .rax = 0 }, 13, 0 },
    { "cli-user", { CODE("\xfa"), .user = true }, 13, 0 },
    { "sti-user", { CODE("\xfb"), .user = true }, 13, 0 },
    { "cli-user-iopl", { CODE("\xfa"), .user = true, .rflags = 0x3000 }, DONE, 0 },
    { "in-user", { CODE("\xe4\x80"), .user = true }, 13, 0 },
    { "out-user", { CODE("\xe6\x80"), .user = true }, 13, 0 },
    { "in-user-iopl", { CODE("\xe4\x80"), .user = true, .rflags = 0x3000 }, DONE, 0 },
    { "hlt-user", { CODE("\xf4"), .user = true }, 13, 0 },
    { "wrmsr-user", { CODE("\x0f\x30"), .user = true }, 13, 0 },
    { "rdmsr-unknown", { CODE("\x0f\x32"), .rcx = 0x4d5a0000 }, 13, 0 },
    { "int-dpl", { CODE("\xcd\x90"), .user = true }, 13, VECTOR * 8 + 2 },
    { "int-kernel", { CODE("\xcd\x81") }, DONE, 0 },
    { "ud2", { CODE("\x0f\x0b") }, 6, 0 },
    { "int3", { CODE("\xcc"), .user = true }, 13, 3 * 8 + 2 },
    { "int1", { CODE("\xf1"), .user = true }, 1, 0 },
    { "divide", { CODE("\xf7\xf1"), .rcx = 0 }, 0, 0 },
    { "lock-reg", { CODE("\xf0\x01\xc0") }, 6, 0 },
    { "push-es-64", { CODE("\x06") }, 6, 0 },
    { "jmp-not-canonical", { CODE("\xff\xe7"), .rdi = 1ull << 47 }, 13, 0 },
    { "alignment-off", { CODE("\x8b\x07"), .rdi = WINDOW_STACK + 1, .user = true }, DONE, 0 },
};

static void result(const char *name, Outcome o, unsigned vector, uint64_t error)
{
    report(o.vector == vector && o.error == error, name, "vector=%u error=0x%llx at=%lld",
           o.vector, (unsigned long long)o.error, (unsigned long long)o.at);
}

/* ---- Far jumps ------------------------------------------------------------------------------- */

static void check_far_jumps(void)
{
    static const struct {
        const char *name;
        uint16_t sel;
        uint64_t offset;        /* 0: the INT behind the jump */
        unsigned vector;
        uint64_t error;
    } rows[] = {
        { "jmpf-data", SEL_DATA, 0, 13, SEL_DATA },
        { "jmpf-null", 0, 0, 13, 0 },
        { "jmpf-not-present", SEL(S_CODE_NP), 0, 11, SEL(S_CODE_NP) },
        { "jmpf-l-and-d", SEL(S_LD), 0, 13, SEL(S_LD) },
        { "jmpf-outer", SEL_UCODE64, 0, 13, SEL_UCODE64 & ~3u },
        { "jmpf-not-canonical", SEL_CODE64, 1ull << 47, 13, 0 },
        { "jmpf-tss", SEL_TSS, 0, 13, SEL_TSS },
        { "jmpf-conforming", SEL(S_CONFORMING), 0, DONE, 0 },
        { "jmpf-same", SEL_CODE64, 0, DONE, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        /* lea 3(%rip), %rax; mov %rax, (%rdi) when there is no offset; jmp far *(%rdi) */
        Try t = { CODE("\x48\x8d\x05\x06\x00\x00\x00\x48\x89\x07\x48\xff\x2f"),
                  .rdi = (uintptr_t)far_pointer };

        if (rows[i].offset) {
            t.code = JMP_FAR;
            t.len = 3;
        }
        far_pointer[0] = rows[i].offset;
        far_pointer[1] = rows[i].sel;
        if (rows[i].vector == DONE && cpuid(0, 0).ecx == 0x444d4163) {
            /* AMD knows no REX.W here: the offset has 32 bits and the selector follows it. */
            far_pointer[0] = far_pointer[1] = 0;
            report_skip(rows[i].name, "m16:64 is Intel's");
            continue;
        }
        result(rows[i].name, try_run(&t), rows[i].vector, rows[i].error);
    }
}

/* ---- IRET ------------------------------------------------------------------------------------ */

static void check_iret(void)
{
    static const struct {
        const char *name;
        uint64_t rip, cs, ss, rflags;
        bool user;
        unsigned vector;
        uint64_t error;
    } rows[] = {
        { "iret-inner", 0, SEL_CODE64, SEL_DATA, 2, true, 13, SEL_CODE64 },
        { "iret-null", 0, 0, SEL_DATA, 2, false, 13, 0 },
        { "iret-data", 0, SEL_DATA, SEL_DATA, 2, false, 13, SEL_DATA },
        { "iret-not-present", 0, SEL(S_CODE_NP), SEL_DATA, 2, false, 11, SEL(S_CODE_NP) },
        { "iret-not-canonical", 1ull << 47, SEL_CODE64, SEL_DATA, 2, false, 13, 0 },
        { "iret-ss-null-user", WINDOW_CODE, SEL_UCODE64, 3, 2, false, 13, 0 },
        { "iret-ss-dpl", WINDOW_CODE, SEL_UCODE64, SEL_DATA | 3, 2, false, 13, SEL_DATA },
        { "iret-ss-not-present", 0, SEL_CODE64, SEL(S_DATA_NP), 2, false, 12, SEL(S_DATA_NP) },
    };
    static uint64_t frame[5];

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t *f = frame;
        Try t = { CODE("\x48\xcf"), .user = rows[i].user };

        if (rows[i].user) { /* CPL 3 has its own stack page */
            f = (uint64_t *)(uintptr_t)(WINDOW_STACK + 1024);
        }
        f[0] = rows[i].rip;
        f[1] = rows[i].cs;
        f[2] = rows[i].rflags;
        f[3] = WINDOW_STACK + 2048;
        f[4] = rows[i].ss;
        t.rsp = (uintptr_t)f;
        result(rows[i].name, try_run(&t), rows[i].vector, rows[i].error);
    }
    frame[1] = SEL_CODE64;
    result("iret-nt", try_run(&(Try){ CODE("\x48\xcf"), .rsp = (uintptr_t)frame,
                                      .rflags = 0x4000 }), 13, 0);
}

/* ---- Gates ----------------------------------------------------------------------------------- */

static void with_gate(const char *name, unsigned vector, uint64_t flip, const Try *t,
                      unsigned want, uint64_t error)
{
    uint64_t *gate = try_gate(vector), old = gate[0];

    *(volatile uint64_t *)gate = old ^ flip;
    result(name, try_run(t), want, error);
    *(volatile uint64_t *)gate = old;
}

static void check_gates(void)
{
    const Try intn = { CODE("\xcd\x90") }, gp = { CODE("\x0f\x32"), .rcx = 0x4d5a0000 };
    const Try ud = { CODE("\x0f\x0b") }, pf = { CODE("\x8a\x07"), .rdi = WINDOW + 0x10000 };
    const uint64_t to_data = (uint64_t)(SEL_CODE64 ^ SEL_DATA) << 16;

    with_gate("gate-not-present", VECTOR, GATE_P, &intn, 11, VECTOR * 8 + 2);
    with_gate("gate-type", VECTOR, 0x0f00ull << 32 & ~(0x0eull << 40), &intn, DONE, 0);
    with_gate("gate-bad-type", VECTOR, 0x0600ull << 32, &intn, 13, VECTOR * 8 + 2);
    with_gate("gate-null-selector", VECTOR, (uint64_t)SEL_CODE64 << 16, &intn, 13, 0);
    with_gate("gate-data-selector", VECTOR, to_data, &intn, 13, SEL_DATA);
    with_gate("double-fault-gp", 13, GATE_P, &gp, 8, 0);
    with_gate("double-fault-pf", 14, GATE_P, &pf, 8, 0);
    with_gate("ud-then-np", 6, GATE_P, &ud, 11, 6 * 8 + 2 + 1);
}

static void check_bad_stack(void)
{
    uint64_t *gate = try_gate(VECTOR), old = gate[0];
    uint64_t *rsp0 = (uint64_t *)(try_tss() + 4), rsp = *rsp0;
    Try t = { CODE("\xcd\x90"), .user = true };

    *(volatile uint64_t *)gate = (old & ~(7ull << 32)) | 0x6000ull << 32; /* DPL 3, no IST */
    *(volatile uint64_t *)rsp0 = 1ull << 47;
    result("rsp0-not-canonical", try_run(&t), 12, 0);
    *(volatile uint64_t *)rsp0 = WINDOW + 0x10000; /* nothing mapped */
    result("rsp0-not-mapped", try_run(&t), 14, 2);
    *(volatile uint64_t *)rsp0 = rsp;
    *(volatile uint64_t *)gate = old;
}

static void check_umip(void)
{
    static const char *const names[] = { "umip-sgdt", "umip-sidt", "umip-smsw", "umip-sldt" };
    static const char *const code[] = { "\x0f\x01\x07", "\x0f\x01\x0f", "\x0f\x01\x27",
                                        "\x0f\x00\x07" };
    uint64_t cr4 = read_cr4();

    for (unsigned i = 0; i < 4; i++) {
        Try t = { .code = code[i], .len = 3, .user = true, .rdi = WINDOW_STACK };
        unsigned before = try_run(&t).vector;
        Outcome o;

        if (!(cpuid(7, 0).ecx >> 2 & 1)) {
            report_skip(names[i], "the CPU lacks it");
            continue;
        }
        write_cr4(cr4 | CR4_UMIP);
        o = try_run(&t);
        write_cr4(cr4);
        report(before == DONE && o.vector == 13 && o.error == 0, names[i], "vector=%u before=%u",
               o.vector, before);
    }
}

/* CR0.AM and EFLAGS.AC at CPL 3 only. */
static void check_alignment(void)
{
    uint64_t cr0 = read_cr0(), at = WINDOW_STACK;

    write_cr0(cr0 | 1 << 18);
    result("alignment-4", try_run(&(Try){ CODE("\x8b\x07"), .rdi = at + 2, .user = true,
                                          .rflags = RF_AC }), 17, 0);
    result("alignment-8", try_run(&(Try){ CODE("\x48\x89\x07"), .rdi = at + 4, .user = true,
                                          .rflags = RF_AC }), 17, 0);
    result("alignment-1", try_run(&(Try){ CODE("\x8a\x07"), .rdi = at + 1, .user = true,
                                          .rflags = RF_AC }), DONE, 0);
    result("alignment-good", try_run(&(Try){ CODE("\x8b\x07"), .rdi = at + 4, .user = true,
                                             .rflags = RF_AC }), DONE, 0);
    result("alignment-push", try_run(&(Try){ CODE("\x50"), .rsp = at + 513, .user = true,
                                             .rflags = RF_AC }), 17, 0);
    result("alignment-no-ac", try_run(&(Try){ CODE("\x8b\x07"), .rdi = at + 2, .user = true }),
           DONE, 0);
    result("alignment-kernel", try_run(&(Try){ CODE("\x8b\x07"), .rdi = at + 2,
                                               .rflags = RF_AC }), DONE, 0);
    write_cr0(cr0);
}

/* ---- Compatibility mode ---------------------------------------------------------------------- */

static void check_compat(void)
{
    /* Only addresses below 4 GiB exist there, and CPL 3 owns nothing below: the first fetch
     * faults at the truncated address. */
    Outcome o = try_run(&(Try){ CODE("\x90"), .user = true, .cs = SEL_UCODE32 });

    report(o.vector == 14 && o.cr2 == (uint32_t)WINDOW_CODE, "compat-truncates",
           "vector=%u cr2=0x%llx", o.vector, (unsigned long long)o.cr2);
}

void check_segments(void)
{
    report_prefix("segments/");
    for (unsigned i = 0; i < NR_TEST_SEL; i++) {
        try_set_desc(i, descs[i]);
    }
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result(cases[i].name, try_run(&cases[i].t), cases[i].vector, cases[i].error);
    }
    check_far_jumps();
    check_iret();
    check_gates();
    check_bad_stack();
    check_umip();
    check_alignment();
    check_compat();
}
