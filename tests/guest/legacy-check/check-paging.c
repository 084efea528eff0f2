/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 32-bit and PAE page tables (SDM vol. 3, 4.3, 4.4), and five levels (4.5). */
#include "io.h"
#include "legacy.h"
#include "report.h"

#define WINDOW   0x40000000u    /* 1 GiB: tables of its own */
#define CR0_WP   (1u << 16)
#define CR0_PG   (1u << 31)
#define CR4_PSE  (1u << 4)
#define CR4_PAE  (1u << 5)
#define EFER     0xc0000080u
#define EFER_NXE (1u << 11)
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80 };

static uint32_t dir32[1024] __attribute__((aligned(4096)));
static uint32_t table32[1024] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t pdpt2[512] __attribute__((aligned(4096)));
static uint64_t dirs[4][512] __attribute__((aligned(4096)));
static uint64_t table64[512] __attribute__((aligned(4096)));
static uint64_t level4[512] __attribute__((aligned(4096)));
static uint64_t level4b[512] __attribute__((aligned(4096)));
static uint64_t level5[512] __attribute__((aligned(4096)));
static uint8_t data[4096] __attribute__((aligned(4096)));

static void paging_on(uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
    __asm__ volatile("movl %0, %%cr4\n"
                     "movl %1, %%cr3\n"
                     "movl %2, %%cr0" : : "r"(cr4), "r"(cr3), "r"(cr0) : "memory");
}

static void paging_off(uint32_t cr0, uint32_t cr4)
{
    __asm__ volatile("movl %0, %%cr0\n"
                     "movl %1, %%cr4" : : "r"(cr0), "r"(cr4) : "memory");
}

static uint32_t get_cr0(void)
{
    uint32_t v;

    __asm__ volatile("movl %%cr0, %0" : "=r"(v));
    return v;
}

static uint32_t get_cr4(void)
{
    uint32_t v;

    __asm__ volatile("movl %%cr4, %0" : "=r"(v));
    return v;
}

static void flush(void)
{
    __asm__ volatile("movl %%cr3, %%eax\n"
                     "movl %%eax, %%cr3" : : : "eax", "memory");
}

typedef struct Row {
    const char *name;
    const char *code;           /* two bytes; %edi: the page */
    bool user;
    uint32_t flags;             /* of the entry */
    uint64_t high;              /* PAE: bits 63..32 */
    int error;                  /* -1: none */
} Row;

#define READ  "\x8a\x07"
#define WRITE "\x88\x07"
#define EXEC  "\xff\xe7"

static const Row rows[] = {
    { "read", READ, false, P | W, 0, -1 },
    { "write", WRITE, false, P | W, 0, -1 },
    { "absent", READ, false, W, 0, 0 },
    { "absent-write", WRITE, false, W, 0, 2 },
    { "user-supervisor", READ, true, P | W, 0, 5 },
    { "user-read-only", WRITE, true, P | U, 0, 7 },
    { "read-only", WRITE, false, P, 0, 3 },
    { "user", WRITE, true, P | W | U, 0, -1 },
};

static const Row pae_rows[] = {
    { "pae-nx", EXEC, false, P | W, 1ull << 63, 0x11 },
    { "pae-nx-read", READ, false, P | W, 1ull << 63, -1 },
    { "pae-reserved", READ, false, P | W, 1ull << 62, 9 },
};

static void run_row(const Row *r, volatile void *entry, bool pae)
{
    Try t = { .code = r->code, .len = 2, .user = r->user, .edi = WINDOW, .eax = 0xcd };
    uint64_t e = ((uintptr_t)data | r->flags) + r->high;
    Outcome o;
    uint32_t now;

    data[0] = 0xcd;
    data[1] = DONE;
    if (pae) {
        *(volatile uint64_t *)entry = e;
    } else {
        *(volatile uint32_t *)entry = (uint32_t)e;
    }
    flush();
    o = try_run(&t);
    now = *(volatile uint32_t *)entry & (A | D);
    report(r->error < 0 ? o.vector == DONE && now == (r->code[0] == WRITE[0] ? A | D : A)
                        : o.vector == 14 && o.error == (uint32_t)r->error && o.cr2 == WINDOW &&
                          now == 0, r->name, "vector=%u error=0x%x cr2=0x%x ad=0x%x at=%d",
           o.vector, o.error, o.cr2, now, (int)o.at);
}

static void check_32(void)
{
    uint32_t cr0 = get_cr0(), cr4 = get_cr4();

    report_prefix("paging32/");
    for (unsigned i = 0; i < 1024; i++) {
        dir32[i] = i << 22 | PS | U | W | P;
    }
    dir32[WINDOW >> 22] = (uintptr_t)table32 | U | W | P;
    paging_on(cr0 | CR0_PG | CR0_WP, (uintptr_t)dir32, cr4 | CR4_PSE);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_row(&rows[i], table32, false);
    }
    /* 4 MiB pages: bit 21 is reserved; bits 20..13 are address bits 39..32. */
    dir32[(WINDOW >> 22) + 1] = 1 << 21 | PS | U | W | P;
    flush();
    expect("large-reserved", &(Try){ CODE(READ), .edi = WINDOW + (4 << 20) }, 14, 9);
    dir32[(WINDOW >> 22) + 1] = PS | U | W | P;
    flush();
    expect("large", &(Try){ CODE(WRITE), .edi = WINDOW + (4 << 20) + 0x7000 }, DONE, 0);
    report((dir32[(WINDOW >> 22) + 1] & (A | D)) == (A | D), "large-accessed-dirty", "pde=0x%x",
           dir32[(WINDOW >> 22) + 1]);
    paging_off(cr0, cr4);
}

static void make_pae(uint64_t *top)
{
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned n = 0; n < 512; n++) {
            dirs[i][n] = (i * 512ull + n) << 21 | PS | U | W | P;
        }
        top[i] = (uintptr_t)dirs[i] | P;
    }
    dirs[1][0] = (uintptr_t)table64 | U | W | P;
}

static void check_pae(void)
{
    uint32_t cr0 = get_cr0(), cr4 = get_cr4();
    Outcome o;

    report_prefix("pae/");
    make_pae(pdpt);
    make_pae(pdpt2);
    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    paging_on(cr0 | CR0_PG | CR0_WP, (uintptr_t)pdpt, cr4 | CR4_PAE);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_row(&rows[i], table64, true);
    }
    for (unsigned i = 0; i < sizeof(pae_rows) / sizeof(pae_rows[0]); i++) {
        run_row(&pae_rows[i], table64, true);
    }
    pdpt2[1] |= W; /* reserved in a PDPTE */
    expect("pdpte-reserved", &(Try){ CODE("\x0f\x22\xd8"), .eax = (uintptr_t)pdpt2 }, 13, 0);
    pdpt2[1] = 0;
    expect("pdpte-absent", &(Try){ CODE("\x0f\x22\xd8"), .eax = (uintptr_t)pdpt2 }, DONE, 0);
    o = try_run(&(Try){ CODE(READ), .edi = WINDOW });
    report(o.vector == 14 && o.error == 0, "pdpte-absent-read", "vector=%u error=0x%x", o.vector,
           o.error);
    /* The processor keeps the four entries: a change counts when CR3 is written. */
    table64[0] = (uintptr_t)data | U | W | P;
    *(volatile uint64_t *)&pdpt2[1] = (uintptr_t)dirs[1] | P;
    expect("pdpte-change-waits", &(Try){ CODE(READ), .edi = WINDOW }, 14, 0);
    flush();
    expect("pdpte-change-seen", &(Try){ CODE(READ), .edi = WINDOW }, DONE, 0);
    paging_off(cr0, cr4);
}

/* dirs as made above map the first 4 GiB. */
static void check_la57(void)
{
    CpuidResult r = cpuid(7, 0);
    uint32_t got;

    report_prefix("la57/");
    if (!(r.ecx >> 16 & 1)) {
        report_skip("five-levels", "the CPU lacks it");
        return;
    }
    make_pae(pdpt);
    for (unsigned i = 0; i < 4; i++) {
        pdpt[i] |= U | W;
    }
    *(uint32_t *)data = 0x57575757;
    table64[1] = (uintptr_t)data | W | P;
    dirs[0][511] = (uintptr_t)table64 | W | P; /* 1 GiB - 2 MiB: not used here */
    level4[0] = (uintptr_t)pdpt | W | P;
    level5[0] = (uintptr_t)level4 | W | P;
    /* LA57_ADDRESS: index 4 of level 5, then zeros, page 1. */
    pdpt2[0] = (uintptr_t)dirs[2] | W | P;
    dirs[2][0] = (uintptr_t)table64 | W | P;
    level4b[0] = (uintptr_t)pdpt2 | W | P;
    level5[LA57_ADDRESS >> 48 & 511] = (uintptr_t)level4b | W | P;
    got = la57_probe((uintptr_t)level5);
    report(got == 0x57575757, "five-levels", "value=0x%x", got);
}

void check_paging(void)
{
    check_32();
    check_pae();
    check_la57();
}
