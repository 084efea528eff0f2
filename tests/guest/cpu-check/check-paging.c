/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page tables (SDM vol. 3, chapter 4): rights, A and D bits, error codes, what INVLPG, CR3 and
 * INVPCID must make visible. */
#include "io.h"
#include "report.h"
#include "try.h"

#define EFER        0xc0000080u
#define EFER_NXE    (1u << 11)
#define CR0_WP      (1u << 16)
#define CR4_PGE     (1u << 7)
#define CR4_LA57    (1u << 12)
#define CR4_PCIDE   (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP    (1u << 20)
#define CR4_SMAP    (1u << 21)
#define CR4_PKE     (1u << 22)

#define DATA_PAGE  3            /* of the window */
#define PKEY(n)    ((uint64_t)(n) << 59)
#define NOT_THERE  (PTE_W | PTE_U)
#define KERNEL     (PTE_P | PTE_W)
#define USER       (PTE_P | PTE_W | PTE_U)
#define RESERVED   (1ull << 51)

/* Features a row needs. */
enum { NEED_SMEP = 1, NEED_SMAP = 2, NEED_PKU = 4, NEED_MAXPHY = 8 };

typedef enum Access { READ, WRITE, EXEC } Access;

typedef struct PageCase {
    const char *name;
    uint64_t pte;
    Access access;
    bool user;
    int error;                  /* of the #PF; -1: none */
    uint32_t cr4;               /* added */
    uint32_t rflags, pkru;
    unsigned need;
    bool no_wp;
} PageCase;

static const PageCase cases[] = {
    { "kernel-read", KERNEL, READ, false, -1 },
    { "kernel-write", KERNEL, WRITE, false, -1 },
    { "kernel-exec", KERNEL, EXEC, false, -1 },
    { "user-read", USER, READ, true, -1 },
    { "user-write", USER, WRITE, true, -1 },
    { "user-exec", USER, EXEC, true, -1 },
    { "absent-kernel-read", NOT_THERE, READ, false, 0 },
    { "absent-kernel-write", NOT_THERE, WRITE, false, 2 },
    { "absent-kernel-exec", NOT_THERE, EXEC, false, 0x10 },
    { "absent-user-read", NOT_THERE, READ, true, 4 },
    { "absent-user-write", NOT_THERE, WRITE, true, 6 },
    { "absent-user-exec", NOT_THERE, EXEC, true, 0x14 },
    { "readonly-kernel-write", PTE_P, WRITE, false, 3 },
    { "readonly-kernel-write-without-wp", PTE_P, WRITE, false, -1, .no_wp = true },
    { "readonly-user-write", PTE_P | PTE_U, WRITE, true, 7 },
    { "readonly-user-write-without-wp", PTE_P | PTE_U, WRITE, true, 7, .no_wp = true },
    { "supervisor-user-read", KERNEL, READ, true, 5 },
    { "supervisor-user-write", KERNEL, WRITE, true, 7 },
    { "supervisor-user-exec", KERNEL, EXEC, true, 0x15 },
    { "nx-kernel-read", KERNEL | PTE_NX, READ, false, -1 },
    { "nx-kernel-exec", KERNEL | PTE_NX, EXEC, false, 0x11 },
    { "nx-user-exec", USER | PTE_NX, EXEC, true, 0x15 },
    { "reserved-kernel-read", KERNEL | RESERVED, READ, false, 9, .need = NEED_MAXPHY },
    { "reserved-user-write", USER | RESERVED, WRITE, true, 0xf, .need = NEED_MAXPHY },
    { "reserved-user-exec", USER | RESERVED, EXEC, true, 0x1d, .need = NEED_MAXPHY },
    { "reserved-absent", NOT_THERE | RESERVED, READ, false, 0, .need = NEED_MAXPHY },
    { "smep-exec", USER, EXEC, false, 0x11, CR4_SMEP, .need = NEED_SMEP },
    { "smep-read", USER, READ, false, -1, CR4_SMEP, .need = NEED_SMEP },
    { "smep-user-exec", USER, EXEC, true, -1, CR4_SMEP, .need = NEED_SMEP },
    { "smap-read", USER, READ, false, 1, CR4_SMAP, .need = NEED_SMAP },
    { "smap-write", USER, WRITE, false, 3, CR4_SMAP, .need = NEED_SMAP },
    { "smap-read-with-ac", USER, READ, false, -1, CR4_SMAP, RF_AC, .need = NEED_SMAP },
    { "smap-write-with-ac", USER, WRITE, false, -1, CR4_SMAP, RF_AC, .need = NEED_SMAP },
    { "smap-user-read", USER, READ, true, -1, CR4_SMAP, .need = NEED_SMAP },
    { "smap-exec", USER, EXEC, false, -1, CR4_SMAP, .need = NEED_SMAP },
    { "pku-access-user-read", USER | PKEY(1), READ, true, 0x25, CR4_PKE, 0, 4, NEED_PKU },
    { "pku-access-user-write", USER | PKEY(1), WRITE, true, 0x27, CR4_PKE, 0, 4, NEED_PKU },
    { "pku-access-user-exec", USER | PKEY(1), EXEC, true, -1, CR4_PKE, 0, 4, NEED_PKU },
    { "pku-write-user-read", USER | PKEY(1), READ, true, -1, CR4_PKE, 0, 8, NEED_PKU },
    { "pku-write-user-write", USER | PKEY(1), WRITE, true, 0x27, CR4_PKE, 0, 8, NEED_PKU },
    { "pku-write-kernel-write", USER | PKEY(1), WRITE, false, 0x23, CR4_PKE, 0, 8, NEED_PKU },
    { "pku-write-kernel-write-without-wp", USER | PKEY(1), WRITE, false, -1, CR4_PKE, 0, 8,
      NEED_PKU, true },
    { "pku-kernel-page", KERNEL | PKEY(1), WRITE, false, -1, CR4_PKE, 0, 12, NEED_PKU },
    { "pku-other-key", USER | PKEY(2), WRITE, true, -1, CR4_PKE, 0, 12, NEED_PKU },
};

static uint8_t data_page[4096] __attribute__((aligned(4096)));
static uint8_t other_page[4096] __attribute__((aligned(4096)));
static uint64_t tables[3][512] __attribute__((aligned(4096)));

static unsigned have_features(void)
{
    CpuidResult r = cpuid(7, 0);
    unsigned bits = cpuid(0x80000008, 0).eax & 0xff;

    return (r.ebx >> 7 & 1 ? NEED_SMEP : 0) | (r.ebx >> 20 & 1 ? NEED_SMAP : 0) |
           (r.ecx >> 3 & 1 ? NEED_PKU : 0) | (bits < 52 ? NEED_MAXPHY : 0);
}

static void write_pkru(uint32_t v)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(v), "c"(0), "d"(0) : "memory");
}

static Try make_try(const PageCase *p, uint64_t la)
{
    static const char *const code[] = { "\x8a\x07", "\x88\x07", "\xff\xe7" };

    return (Try){ .code = code[p->access], .len = 2, .user = p->user, .rflags = p->rflags,
                  .rdi = la };
}

static void run_case(const PageCase *p)
{
    uint64_t cr4 = read_cr4(), cr0 = read_cr0(), la, a_d;
    unsigned want_vector = p->error < 0 ? DONE : 14;
    bool ok;
    Outcome o;
    Try t;

    data_page[0] = 0xcd; /* INT 0x81 for EXEC */
    data_page[1] = DONE;
    la = try_map(DATA_PAGE, data_page, p->pte);
    t = make_try(p, la);
    t.rax = 0xcd;
    write_cr4(cr4 | p->cr4);
    if (p->cr4 & CR4_PKE) {
        write_pkru(p->pkru);
    }
    if (p->no_wp) {
        write_cr0(cr0 & ~(uint64_t)CR0_WP);
    }
    o = try_run(&t);
    write_cr0(cr0);
    write_cr4(cr4);
    a_d = *try_pte(DATA_PAGE) & (PTE_A | PTE_D);
    ok = o.vector == want_vector;
    if (p->error >= 0) {
        ok = ok && o.error == (uint64_t)p->error && o.cr2 == la && a_d == 0;
    } else {
        ok = ok && a_d == (p->access == WRITE ? PTE_A | PTE_D : PTE_A);
    }
    report(ok, p->name, "vector=%u error=0x%llx cr2=0x%llx ad=0x%llx", o.vector,
           (unsigned long long)o.error, (unsigned long long)o.cr2, (unsigned long long)a_d);
}

/* ---- Single cases ---------------------------------------------------------------------------- */

static void expect_fault(const char *name, const Try *t, unsigned vector, uint64_t error,
                         uint64_t cr2)
{
    Outcome o = try_run(t);

    report(o.vector == vector && o.error == error && (vector != 14 || o.cr2 == cr2), name,
           "vector=%u error=0x%llx cr2=0x%llx", o.vector, (unsigned long long)o.error,
           (unsigned long long)o.cr2);
}

static void check_addresses(void)
{
    uint64_t la = try_map(DATA_PAGE, data_page, USER);

    try_map(DATA_PAGE + 1, data_page, NOT_THERE);
    expect_fault("crossing-read", &(Try){ CODE("\x48\x8b\x07"), .rdi = la + 0xffd }, 14, 0,
                 la + 0x1000);
    other_page[0] = data_page[0xffd] = 0x77;
    expect_fault("crossing-write", &(Try){ CODE("\x48\x89\x07"), .rdi = la + 0xffd }, 14, 2,
                 la + 0x1000);
    report(data_page[0xffd] == 0x77, "crossing-write-is-whole", "byte=0x%x", data_page[0xffd]);
    expect_fault("not-canonical", &(Try){ CODE("\x8a\x07"), .rdi = 1ull << 47 }, 13, 0, 0);
    expect_fault("not-canonical-stack", &(Try){ CODE("\x8a\x04\x24"), .rsp = 1ull << 47 }, 12, 0,
                 0);
    expect_fault("not-canonical-push", &(Try){ CODE("\x50"), .rsp = (1ull << 47) + 8 }, 12, 0, 0);
}

static void check_upper_levels(void)
{
    volatile uint64_t *const levels[] = { try_pml4e(), try_pdpte(), try_pde() };
    static const char *const names[] = { "pml4e", "pdpte", "pde" };
    uint64_t la = try_map(DATA_PAGE, data_page, USER);

    for (unsigned i = 0; i < 3; i++) {
        uint64_t old = *levels[i];

        report_prefix("paging/level/");
        *levels[i] = old & ~(uint64_t)(PTE_U | PTE_A);
        write_cr3(read_cr3());
        report(try_run(&(Try){ CODE("\x8a\x07"), .rdi = la }).vector == DONE &&
               *levels[i] & PTE_A, names[i], "accessed");
        expect_fault(names[i], &(Try){ CODE("\x8a\x07"), .user = true, .rdi = la },
                     14, 0x15, WINDOW_CODE);
        *levels[i] = old & ~(uint64_t)PTE_W;
        write_cr3(read_cr3());
        expect_fault(names[i], &(Try){ CODE("\x88\x07"), .rdi = la }, 14, 3, la);
        *levels[i] = old | PTE_NX;
        write_cr3(read_cr3());
        expect_fault(names[i], &(Try){ CODE("\xff\xe7"), .rdi = la }, 14, 0x11, la);
        *levels[i] = old & ~(uint64_t)PTE_P;
        write_cr3(read_cr3());
        expect_fault(names[i], &(Try){ CODE("\x8a\x07"), .rdi = la }, 14, 0, la);
        *levels[i] = old;
        write_cr3(read_cr3());
    }
    report_prefix("paging/");
}

static void check_large(void)
{
    uint64_t la = WINDOW + (2 << 20), old = read_cr3();
    volatile uint64_t *pde = try_pde() + 1;

    *pde = 0x200000 | 0x2000 | USER | PTE_PS; /* bits 20..13 are reserved */
    write_cr3(old);
    expect_fault("large-misaligned", &(Try){ CODE("\x8a\x07"), .rdi = la }, 14, 9, la);
    *pde = USER | PTE_PS;
    write_cr3(old);
    report(try_run(&(Try){ CODE("\x88\x07"), .rdi = la + 0x1ff000 }).vector == DONE &&
           (*pde & (PTE_A | PTE_D)) == (PTE_A | PTE_D), "large-accessed-dirty", "pde=0x%llx",
           (unsigned long long)*pde);
    *try_pml4e() |= PTE_PS;
    write_cr3(old);
    expect_fault("pml4e-ps", &(Try){ CODE("\x8a\x07"), .rdi = la }, 14, 9, la);
    *try_pml4e() &= ~(uint64_t)PTE_PS;
    *pde = 0;
    write_cr3(old);
}

void check_paging(void)
{
    unsigned have = have_features();

    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    if (cpuid(1, 0).ecx >> 26 & 1) {
        write_cr4(read_cr4() | CR4_OSXSAVE);
    }
    report_prefix("paging/");
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].need & ~have) {
            report_skip(cases[i].name, "the CPU lacks it");
        } else {
            run_case(&cases[i]);
        }
    }
    check_addresses();
    check_upper_levels();
    check_large();
}

/* ---- What a flush makes visible -------------------------------------------------------------- */

static uint8_t read8(uint64_t la)
{
    return *(volatile uint8_t *)(uintptr_t)la;
}

static bool invpcid(uint64_t type, uint64_t pcid, uint64_t la)
{
    uint64_t desc[2] = { pcid, la };
    Outcome o = try_run(&(Try){ CODE("\x66\x0f\x38\x82\x07"), .rax = type,
                                .rdi = (uintptr_t)desc });

    return o.vector == DONE;
}

static void remap(unsigned n, const void *page, uint64_t flags)
{
    *try_pte(n) = (uintptr_t)page | flags;
}

static void check_flush(void)
{
    uint64_t la = try_map(DATA_PAGE, data_page, KERNEL), cr4 = read_cr4();
    uint8_t before = read8(la);

    remap(DATA_PAGE, other_page, KERNEL);
    invlpg(la + 123);
    report(before == 1 && read8(la) == 2, "invlpg", "value=%u", read8(la));
    remap(DATA_PAGE, data_page, KERNEL);
    write_cr3(read_cr3());
    report(read8(la) == 1, "cr3", "value=%u", read8(la));
    write_cr4(cr4 | CR4_PGE);
    remap(DATA_PAGE, other_page, KERNEL | PTE_G);
    invlpg(la);
    before = read8(la);
    remap(DATA_PAGE, data_page, KERNEL | PTE_G);
    invlpg(la);
    report(before == 2 && read8(la) == 1, "invlpg-global", "value=%u", read8(la));
    remap(DATA_PAGE, other_page, KERNEL | PTE_G);
    write_cr4(cr4 & ~(uint64_t)CR4_PGE);
    report(read8(la) == 2, "cr4-pge", "value=%u", read8(la));
    write_cr4(cr4);
    /* Fewer rights count at once after INVLPG. */
    try_map(DATA_PAGE, data_page, KERNEL);
    *(volatile uint8_t *)(uintptr_t)la = 1;
    try_map(DATA_PAGE, data_page, PTE_P);
    report(try_run(&(Try){ CODE("\x88\x07"), .rax = 9, .rdi = la }).vector == 14 &&
           data_page[0] == 1, "invlpg-readonly", "value=%u", data_page[0]);
}

/* A second set of tables whose window holds other_page. */
static uint64_t second_tables(void)
{
    const uint64_t *pml4 = (const uint64_t *)(uintptr_t)(read_cr3() & ~0xfffull);
    static uint64_t second[512] __attribute__((aligned(4096)));

    for (unsigned i = 0; i < 512; i++) {
        second[i] = pml4[i];
    }
    tables[2][DATA_PAGE] = (uintptr_t)other_page | KERNEL;
    tables[1][0] = (uintptr_t)tables[2] | USER;
    tables[0][0] = (uintptr_t)tables[1] | USER;
    second[WINDOW >> 39] = (uintptr_t)tables[0] | USER;
    return (uintptr_t)second;
}

static void check_pcid(void)
{
    uint64_t first = read_cr3(), second = second_tables(), cr4 = read_cr4(), nf = 1ull << 63;
    uint64_t la = try_map(DATA_PAGE, data_page, KERNEL);
    uint8_t a, b, c;

    write_cr4(cr4 | CR4_PCIDE);
    a = read8(la);
    write_cr3(second | 5);
    b = read8(la);
    write_cr3(first | nf);
    c = read8(la);
    report(a == 1 && b == 2 && c == 1, "pcid-switch", "values=%u,%u,%u", a, b, c);
    write_cr3(second | 5 | nf);
    tables[2][DATA_PAGE] = (uintptr_t)data_page | KERNEL;
    b = read8(la); /* may be old */
    write_cr3(first | nf);
    if (cpuid(7, 0).ebx >> 10 & 1) {
        for (unsigned type = 0; type < 4; type++) {
            static const char *const names[] = { "invpcid-address", "invpcid-single",
                                                 "invpcid-all", "invpcid-all-but-global" };
            bool ok = invpcid(type, 5, la);

            write_cr3(second | 5 | nf);
            a = read8(la);
            tables[2][DATA_PAGE] = (uintptr_t)(a == 1 ? other_page : data_page) | KERNEL;
            b = read8(la);
            write_cr3(first | nf);
            report(ok && a == (type & 1 ? 2 : 1), names[type], "value=%u", a);
        }
        report(!invpcid(4, 0, 0) && !invpcid(0, 1 << 12, la) && !invpcid(0, 0, 1ull << 47),
               "invpcid-bad", "all refused");
    }
    report(try_run(&(Try){ CODE("\x0f\x22\xd8"), .rax = second | 5 }).vector == DONE,
           "cr3-with-pcid", "taken");
    write_cr3(first);
    report(try_run(&(Try){ CODE("\x0f\x22\xc0"), .rax = read_cr0() & ~(1ull << 31) }).vector ==
           13, "pg-off-with-pcide", "refused");
    write_cr4(cr4);
}

static void check_registers(void)
{
    uint64_t cr4 = read_cr4();

    expect_fault("cr3-reserved", &(Try){ CODE("\x0f\x22\xd8"), .rax = 1ull << 60 }, 13, 0, 0);
    expect_fault("cr4-reserved", &(Try){ CODE("\x0f\x22\xe0"), .rax = cr4 | 1ull << 31 }, 13, 0,
                 0);
    expect_fault("cr4-pae-off", &(Try){ CODE("\x0f\x22\xe0"), .rax = cr4 & ~0x20ull }, 13, 0, 0);
    expect_fault("cr4-la57-toggle", &(Try){ CODE("\x0f\x22\xe0"), .rax = cr4 ^ CR4_LA57 }, 13, 0,
                 0);
    expect_fault("cr0-pg-without-pe", &(Try){ CODE("\x0f\x22\xc0"), .rax = read_cr0() & ~1ull },
                 13, 0, 0);
    expect_fault("cr0-nw-without-cd", &(Try){ CODE("\x0f\x22\xc0"), .rax = read_cr0() | 1 << 29 },
                 13, 0, 0);
    expect_fault("cr0-user", &(Try){ CODE("\x0f\x20\xc0"), .user = true }, 13, 0, 0);
    expect_fault("invlpg-user", &(Try){ CODE("\x0f\x01\x3f"), .user = true }, 13, 0, 0);
}

void check_tlb(void)
{
    report_prefix("tlb/");
    data_page[0] = 1;
    other_page[0] = 2;
    check_flush();
    if (cpuid(1, 0).ecx >> 17 & 1) {
        check_pcid();
    } else {
        report_skip("pcid", "the CPU lacks it");
    }
    check_registers();
}
