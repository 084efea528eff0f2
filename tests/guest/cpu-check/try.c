/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running pieces of code, see try.h. */
#include "io.h"
#include "layout.h"
#include "memory.h"
#include "try.h"

#define PAGE_MASK   0xffffffffff000ull
#define STACK_BYTES 8192
#define CODE_BYTES  4096

typedef struct TryEntry {
    uint64_t rip, cs, rflags, rsp, ss, rax, rbx, rcx, rdx, rsi, rdi;
} TryEntry;

void try_enter(const TryEntry *e);
void try_return(void);
extern uint64_t try_saved_rsp;

static uint8_t code_page[CODE_BYTES] __attribute__((aligned(4096)));
static uint8_t user_stack[CODE_BYTES] __attribute__((aligned(4096)));
static uint8_t own_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint8_t handler_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint8_t nested_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t pd[512] __attribute__((aligned(4096)));
static uint64_t pt[512] __attribute__((aligned(4096)));
static uint64_t gdt[SEL_TEST / 8 + NR_TEST_SEL];
static uint8_t tss[104] __attribute__((aligned(16)));
static Outcome outcome;
static uint64_t code_start;

/* ---- The window ------------------------------------------------------------------------------ */

volatile uint64_t *try_pml4e(void)
{
    return (uint64_t *)(uintptr_t)(read_cr3() & PAGE_MASK) + (WINDOW >> 39);
}

volatile uint64_t *try_pdpte(void)
{
    return &pdpt[0];
}

volatile uint64_t *try_pde(void)
{
    return &pd[0];
}

volatile uint64_t *try_pte(unsigned n)
{
    return &pt[n];
}

uint64_t try_map(unsigned n, const void *buffer, uint64_t flags)
{
    uint64_t la = WINDOW + n * 4096ull;

    pt[n] = (uintptr_t)buffer | flags;
    invlpg(la);
    return la;
}

static void make_window(void)
{
    pd[0] = (uintptr_t)pt | PTE_P | PTE_W | PTE_U;
    pdpt[0] = (uintptr_t)pd | PTE_P | PTE_W | PTE_U;
    *try_pml4e() = (uintptr_t)pdpt | PTE_P | PTE_W | PTE_U;
    write_cr3(read_cr3());
    try_map(511, code_page, PTE_P | PTE_U);
    try_map(510, user_stack, PTE_P | PTE_W | PTE_U);
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

void try_set_desc(unsigned slot, uint64_t desc)
{
    *(volatile uint64_t *)&gdt[SEL_TEST / 8 + slot] = desc;
}

uint8_t *try_tss(void)
{
    return tss;
}

static void set_tss_pointer(unsigned at, const void *stack)
{
    uint64_t v = (uintptr_t)stack;

    memcpy(tss + at, &v, 8);
}

static void load_tables(void)
{
    uint64_t base = (uintptr_t)tss;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } ptr = { sizeof(gdt) - 1, (uintptr_t)gdt };

    gdt[SEL_CODE32 / 8] = 0x00cf9b000000ffff;
    gdt[SEL_CODE64 / 8] = 0x00af9b000000ffff;
    gdt[SEL_DATA / 8] = 0x00cf93000000ffff;
    gdt[SEL_UDATA / 8] = 0x00cff3000000ffff;
    gdt[SEL_UCODE32 / 8] = 0x00cffb000000ffff;
    gdt[SEL_UCODE64 / 8] = 0x00affb000000ffff;
    gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
                       (base >> 24 & 0xff) << 56;
    gdt[SEL_TSS / 8 + 1] = base >> 32;
    tss[102] = sizeof(tss); /* no I/O bitmap */
    set_tss_pointer(4, nested_stack + STACK_BYTES);
    set_tss_pointer(36, handler_stack + STACK_BYTES); /* IST 1 */
    __asm__ volatile("lgdt %0\n"
                     "ltr %w1" : : "m"(ptr), "r"(SEL_TSS) : "memory");
}

uint64_t *try_gate(unsigned vector)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } ptr;

    __asm__ volatile("sidt %0" : "=m"(ptr));
    return (uint64_t *)(uintptr_t)ptr.base + vector * 2;
}

/* ---- Running --------------------------------------------------------------------------------- */

static void caught(InterruptFrame *frame)
{
    outcome.vector = (unsigned)frame->vector;
    outcome.error = frame->error_code;
    outcome.at = frame->rip - code_start;
    outcome.regs = *frame;
    __asm__ volatile("movq %%cr2, %0" : "=r"(outcome.cr2));
    __asm__ volatile("movq %%dr6, %0" : "=r"(outcome.dr6));
    frame->rip = (uintptr_t)try_return;
    frame->cs = SEL_CODE64;
    frame->ss = SEL_DATA;
    frame->rflags = 2;
    frame->rsp = try_saved_rsp;
}

void try_init(void)
{
    load_tables();
    make_window();
    idt_use_ist(1);
    for (unsigned v = 0; v < 32; v++) {
        idt_set_handler((uint8_t)v, caught);
    }
    idt_set_handler(DONE, caught);
    *try_gate(DONE) |= 0x6000ull << 32; /* DPL 3 */
}

Outcome try_run(const Try *t)
{
    TryEntry e = {
        .rip = t->user ? WINDOW_CODE : (uintptr_t)code_page,
        .cs = t->cs ? t->cs : t->user ? SEL_UCODE64 : SEL_CODE64,
        .ss = t->ss ? t->ss : t->user ? SEL_UDATA : SEL_DATA,
        .rsp = t->rsp ? t->rsp : t->user ? WINDOW_STACK + 2048
                                         : (uintptr_t)own_stack + STACK_BYTES / 2,
        .rflags = t->rflags | 2,
        .rax = t->rax, .rbx = t->rbx, .rcx = t->rcx, .rdx = t->rdx, .rsi = t->rsi, .rdi = t->rdi,
    };

    memcpy(code_page, t->code, t->len);
    code_page[t->len] = 0xcd;
    code_page[t->len + 1] = DONE;
    code_start = e.rip;
    try_enter(&e);
    return outcome;
}
