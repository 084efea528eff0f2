/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task switches by JMP, CALL, IRET and task gates (SDM vol. 3, chapter 7). */
#include "io.h"
#include "legacy.h"
#include "memory.h"
#include "report.h"

enum { S_TSS2, S_TASK_GATE, S_TSS_SMALL, S_TSS_NP, S_TSS16 };
#define BUSY (2ull << 40)
#define JMP_TO(low) "\xea\x00\x00\x00\x00" low "\x00"
#define CALL_TO(low) "\x9a\x00\x00\x00\x00" low "\x00"

static Tss second __attribute__((aligned(4096)));
static uint16_t tss16[22] __attribute__((aligned(64)));
static uint8_t stack[4096] __attribute__((aligned(16)));
static uint8_t code[64] __attribute__((aligned(16)));

static void reset(void)
{
    memset(&second, 0, sizeof(second));
    second.eip = (uintptr_t)task_entry;
    second.eflags = 2;
    second.esp = (uintptr_t)stack + sizeof(stack);
    second.cs = SEL_KCODE;
    second.ss = second.ds = second.es = second.fs = second.gs = SEL_KDATA;
    second.eax = 0x12345678;
    second.esi = 0x9abcdef0;
    second.io_map = sizeof(second);
    try_set_desc(S_TSS2, make_desc((uintptr_t)&second, sizeof(second) - 1, 0xe9, 0));
    try_set_desc(S_TASK_GATE, make_gate(SEL(S_TSS2), 0, 0xe5));
    try_set_desc(S_TSS_SMALL, make_desc((uintptr_t)&second, 0x66, 0x89, 0));
    try_set_desc(S_TSS_NP, make_desc((uintptr_t)&second, sizeof(second) - 1, 0x09, 0));
    try_set_desc(S_TSS16, make_desc((uintptr_t)tss16, sizeof(tss16) - 1, 0x81, 0));
}

/* Whatever ran, the first task goes on: its TSS is not busy any more after a JMP. */
static void back(void)
{
    uint64_t *d = NULL;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint32_t base;
    } gdtr;

    __asm__ volatile("sgdt %0" : "=m"(gdtr));
    d = (uint64_t *)(uintptr_t)gdtr.base + SEL_TSS / 8;
    *(volatile uint64_t *)d &= ~BUSY;
    __asm__ volatile("ltr %w0\n"
                     "clts" : : "r"(SEL_TSS) : "memory");
}

static void check_switch(const char *how, const Try *t, bool nested, uint32_t next)
{
    Outcome o;
    Tss *first = try_tss();
    bool busy1, busy2;
    uint32_t cr0;

    reset();
    o = try_run(t);
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    busy1 = try_get_desc(SEL_TSS) & BUSY;
    busy2 = try_get_desc(SEL(S_TSS2)) & BUSY;
    report(o.vector == IN_TASK && o.tr == SEL(S_TSS2) && o.regs.eax == 0x12345678 &&
           o.regs.esi == 0x9abcdef0, how, "vector=%u tr=0x%x eax=0x%x", o.vector, o.tr,
           o.regs.eax);
    report(busy2 && busy1 == nested && cr0 >> 3 & 1, how, "busy=%d,%d ts=%u", busy1, busy2,
           cr0 >> 3 & 1);
    report((o.regs.eflags & F_NT) == (nested ? F_NT : 0) &&
           (second.link & 0xffff) == (nested ? SEL_TSS : 0), how, "nt=%d link=0x%x",
           !!(o.regs.eflags & F_NT), second.link);
    report(first->eip == try_code() + next && first->ebx == 0x77 && first->cs == SEL_KCODE, how,
           "saved eip=%d ebx=0x%x", (int)(first->eip - try_code()), first->ebx);
    back();
}

/* CALL there; the other task counts and returns by IRET; then again: it goes on where it was. */
static void check_return(void)
{
    Outcome o;

    reset();
    memcpy(code, "\x40\xcf\x40\xcf", 4); /* inc %eax; iret; inc %eax; iret */
    second.eip = (uintptr_t)code;
    o = try_run(&(Try){ CODE(CALL_TO("\x40") "\x43" CALL_TO("\x40") "\x43"), .ebx = 1 });
    report(o.vector == DONE && o.tr == SEL_TSS && o.regs.ebx == 3, "call-and-iret",
           "vector=%u tr=0x%x ebx=%u", o.vector, o.tr, o.regs.ebx);
    report(second.eax == 0x1234567a && !(try_get_desc(SEL(S_TSS2)) & BUSY) &&
           !(o.regs.eflags & F_NT), "call-and-iret", "eax=0x%x", second.eax);
    back();
}

static void check_errors(void)
{
    static const struct {
        const char *name;
        Try t;
        unsigned vector;
        uint32_t error;
    } rows[] = {
        { "jmp-busy", { CODE(JMP_TO("\x28")) }, 13, SEL_TSS },
        { "call-busy", { CODE(CALL_TO("\x28")) }, 13, SEL_TSS },
        { "limit", { CODE(JMP_TO("\x50")) }, 10, SEL(S_TSS_SMALL) },
        { "not-present", { CODE(JMP_TO("\x58")) }, 11, SEL(S_TSS_NP) },
        { "iret-nested-not-busy", { CODE("\x9c\x81\x0c\x24\x00\x40\x00\x00\x9d\xcf") }, 10,
          SEL(S_TSS2) },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reset();
        try_tss()->link = SEL(S_TSS2);
        expect(rows[i].name, &rows[i].t, rows[i].vector, rows[i].error);
        report(try_get_desc(SEL_TSS) & BUSY, rows[i].name, "stays in its task");
    }
    reset();
    second.cs = SEL_KDATA;
    expect("cs-is-data", &(Try){ CODE(JMP_TO("\x40")) }, 10, SEL_KDATA);
    back();
    reset();
    second.ss = SEL_UDATA;
    expect("ss-dpl", &(Try){ CODE(JMP_TO("\x40")) }, 10, SEL_UDATA & ~3);
    back();
    reset();
    second.ldt = SEL_KDATA;
    expect("ldt-is-data", &(Try){ CODE(JMP_TO("\x40")) }, 10, SEL_KDATA);
    back();
}

/* An exception through a task gate: a new task that finds the error code on its stack. */
static void check_exception(void)
{
    uint64_t *gate = try_idt(13), old = *gate;
    Outcome o;
    uint32_t error;

    reset();
    *(volatile uint64_t *)gate = make_gate(SEL(S_TSS2), 0, 0x85);
    o = try_run(&(Try){ CODE("\x43\x8e\xe8"), .eax = 0x1234, .ebx = 0x76 });
    *(volatile uint64_t *)gate = old;
    error = *(uint32_t *)(stack + sizeof(stack) - 4);
    report(o.vector == IN_TASK && error == 0x1234 && o.regs.eflags & F_NT, "exception-task-gate",
           "vector=%u error=0x%x", o.vector, error);
    report(try_tss()->eip == try_code() + 1 && try_tss()->ebx == 0x77, "exception-task-gate",
           "eip=%d", (int)(try_tss()->eip - try_code()));
    back();
}

static void check_debug_trap(void)
{
    Outcome o;
    uint32_t dr6;

    reset();
    second.trap = 1;
    __asm__ volatile("movl %0, %%dr6" : : "r"(0xffff0ff0));
    o = try_run(&(Try){ CODE(JMP_TO("\x40")) });
    __asm__ volatile("movl %%dr6, %0" : "=r"(dr6));
    report(o.vector == 1 && o.regs.eip == (uintptr_t)task_entry && dr6 >> 15 & 1, "t-bit",
           "vector=%u dr6=0x%x", o.vector, dr6);
    back();
}

void check_tasks(void)
{
    report_prefix("tasks/");
    check_switch("jmp", &(Try){ CODE(JMP_TO("\x40")), .ebx = 0x77 }, false, 7);
    check_switch("call", &(Try){ CODE(CALL_TO("\x40")), .ebx = 0x77 }, true, 7);
    check_switch("jmp-gate", &(Try){ CODE(JMP_TO("\x48")), .ebx = 0x77 }, false, 7);
    check_return();
    check_errors();
    check_exception();
    check_debug_trap();
}
