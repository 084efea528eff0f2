/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running pieces of code, see legacy.h; also the helper that 64-bit division needs. */
#include "io.h"
#include "legacy.h"
#include "memory.h"
#include "report.h"

#define CODE_BYTES 4096

typedef struct TryEntry {
    uint32_t eip, cs, eflags, esp, ss, es, ds, fs, gs, eax, ebx, ecx, edx, esi, edi;
} TryEntry;

void try_enter(const TryEntry *e);
void caught(const Frame *frame);
uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest);
extern const uint8_t interrupt_stubs[];

static uint8_t code[CODE_BYTES] __attribute__((aligned(4096)));
static uint8_t stack[CODE_BYTES] __attribute__((aligned(4096)));
static uint8_t stack0[CODE_BYTES] __attribute__((aligned(4096)));
static uint64_t gdt[SEL_TEST / 8 + NR_TEST_SEL];
static uint64_t idt[256];
static Tss tss __attribute__((aligned(4096)));
static Outcome outcome;
static uint32_t code_start;

/* Called by the compiler. */
uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint64_t q = 0, r = 0;

    for (int i = 63; i >= 0; i--) {
        r = r << 1 | (n >> i & 1);
        if (r >= d) {
            r -= d;
            q |= 1ull << i;
        }
    }
    if (rest) {
        *rest = r;
    }
    return q;
}

uint64_t make_desc(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
           (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
           (uint64_t)(base >> 24) << 56;
}

uint64_t make_gate(uint16_t sel, uint32_t offset, uint8_t access)
{
    return (offset & 0xffff) | (uint64_t)sel << 16 | (uint64_t)access << 40 |
           (uint64_t)(offset >> 16) << 48;
}

void try_set_desc(unsigned slot, uint64_t desc)
{
    *(volatile uint64_t *)&gdt[SEL_TEST / 8 + slot] = desc;
}

uint64_t try_get_desc(unsigned sel)
{
    return *(volatile uint64_t *)&gdt[sel / 8];
}

uint64_t *try_idt(unsigned vector)
{
    return &idt[vector];
}

Tss *try_tss(void)
{
    return &tss;
}

uint8_t *try_stack0(void)
{
    return stack0 + CODE_BYTES;
}

uint32_t try_code(void)
{
    return (uintptr_t)code;
}

void try_init(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint32_t base;
    } gdtr = { sizeof(gdt) - 1, (uintptr_t)gdt }, idtr = { sizeof(idt) - 1, (uintptr_t)idt };

    gdt[SEL_KCODE / 8] = make_desc(0, 0xfffff, 0x9b, 12);
    gdt[SEL_KDATA / 8] = make_desc(0, 0xfffff, 0x93, 12);
    gdt[SEL_UCODE / 8] = make_desc(0, 0xfffff, 0xfb, 12);
    gdt[SEL_UDATA / 8] = make_desc(0, 0xfffff, 0xf3, 12);
    gdt[SEL_TSS / 8] = make_desc((uintptr_t)&tss, sizeof(tss) - 1, 0x89, 0);
    gdt[SEL_KCODE64 / 8] = make_desc(0, 0xfffff, 0x9b, 10);
    tss.ss0 = SEL_KDATA;
    tss.esp0 = (uintptr_t)stack0 + CODE_BYTES;
    tss.io_map = offsetof(Tss, io);
    tss.io[8192] = 0xff;
    for (unsigned v = 0; v < 256; v++) {
        idt[v] = make_gate(SEL_KCODE, (uintptr_t)interrupt_stubs + v * 16,
                           v == DONE || v == IN_TASK ? 0xee : 0x8e);
    }
    __asm__ volatile("lgdt %0\n"
                     "lidt %1\n"
                     "ljmp %2, $1f\n"
                     "1: movw %w3, %%ds\n"
                     "movw %w3, %%es\n"
                     "movw %w3, %%fs\n"
                     "movw %w3, %%gs\n"
                     "movw %w3, %%ss\n"
                     "ltr %w4" : : "m"(gdtr), "m"(idtr), "i"(SEL_KCODE), "r"(SEL_KDATA),
                     "r"(SEL_TSS) : "memory");
}

void caught(const Frame *frame)
{
    outcome.vector = frame->vector;
    outcome.error = frame->error;
    outcome.at = frame->eip - code_start;
    outcome.regs = *frame;
    __asm__ volatile("movl %%cr2, %0" : "=r"(outcome.cr2));
    __asm__ volatile("xorl %0, %0\n"
                     "str %w0" : "=r"(outcome.tr));
}

Outcome try_run(const Try *t)
{
    bool vm = t->eflags & F_VM, user = t->user || vm;
    uint8_t *where = vm ? (uint8_t *)(VM_CS * 16) : code;
    uint32_t ds = t->ds ? t->ds : vm ? VM_CS : SEL_UDATA;
    TryEntry e = {
        .eip = vm ? 0 : (uintptr_t)code, .cs = vm ? VM_CS : user ? SEL_UCODE : SEL_KCODE,
        .eflags = t->eflags | 2, .ss = vm ? VM_SS : SEL_UDATA,
        .esp = t->esp ? t->esp : vm ? VM_SP : (uintptr_t)stack + CODE_BYTES / 2,
        .es = ds, .ds = ds, .fs = ds, .gs = ds,
        .eax = t->eax, .ebx = t->ebx, .ecx = t->ecx, .edx = t->edx, .esi = t->esi, .edi = t->edi,
    };

    memcpy(where, t->code, t->len);
    where[t->len] = 0xcd;
    where[t->len + 1] = DONE;
    code_start = e.eip;
    if (!vm) { /* IRET to CPL 3 takes those of CPL 0 away; GS carries what a case wants */
        __asm__ volatile("movw %w0, %%gs\n"
                         "movw %w1, %%ds\n"
                         "movw %w1, %%es\n"
                         "movw %w1, %%fs" : : "r"(ds), "r"(SEL_UDATA));
    }
    try_enter(&e);
    return outcome;
}

void expect(const char *name, const Try *t, unsigned vector, uint32_t error)
{
    Outcome o = try_run(t);

    report(o.vector == vector && o.error == error, name, "vector=%u error=0x%x at=%d", o.vector,
           o.error, (int)o.at);
}
