/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual-8086 mode with and without its extensions (SDM vol. 3, chapter 21). */
#include "legacy.h"
#include "memory.h"
#include "report.h"

#define CR4_VME 1u

static uint32_t read_cr4(void)
{
    uint32_t v;

    __asm__ volatile("movl %%cr4, %0" : "=r"(v));
    return v;
}

static void write_cr4(uint32_t v)
{
    __asm__ volatile("movl %0, %%cr4" : : "r"(v) : "memory");
}

/* INT 0x81 ends a case only with IOPL 3; otherwise it is the #GP that says so. */
static bool ended(const Outcome *o, const Try *t)
{
    return (o->vector == DONE || (o->vector == 13 && o->error == 0)) &&
           o->at == t->len + (o->vector == DONE ? 2 : 0) && o->regs.eflags & F_VM;
}

static void expect_end(const char *name, Try t)
{
    Outcome o = try_run(&t);

    report(ended(&o, &t), name, "vector=%u error=0x%x at=%d", o.vector, o.error, (int)o.at);
}

static void expect_gp(const char *name, Try t, uint32_t at)
{
    Outcome o = try_run(&t);

    report(o.vector == 13 && o.error == 0 && o.at == at && o.regs.eflags & F_VM, name,
           "vector=%u error=0x%x at=%d", o.vector, o.error, (int)o.at);
}

static void check_plain(void)
{
    Outcome o;

    expect_end("nop", (Try){ CODE("\x90"), .eflags = F_VM | F_IOPL });
    expect_gp("cli", (Try){ CODE("\x90\xfa"), .eflags = F_VM }, 1);
    expect_gp("sti", (Try){ CODE("\x90\xfb"), .eflags = F_VM }, 1);
    expect_gp("pushf", (Try){ CODE("\x90\x9c"), .eflags = F_VM }, 1);
    expect_gp("popf", (Try){ CODE("\x90\x9d"), .eflags = F_VM }, 1);
    expect_gp("iret", (Try){ CODE("\x90\xcf"), .eflags = F_VM }, 1);
    expect_gp("int", (Try){ CODE("\x90\xcd\x10"), .eflags = F_VM }, 1);
    expect_gp("hlt", (Try){ CODE("\xf4"), .eflags = F_VM | F_IOPL }, 0);
    expect_end("cli-iopl3", (Try){ CODE("\xfa"), .eflags = F_VM | F_IOPL });
    expect_end("pushf-popf-iopl3", (Try){ CODE("\x9c\x9d"), .eflags = F_VM | F_IOPL });
    o = try_run(&(Try){ CODE("\x0f\x00\xc8"), .eflags = F_VM | F_IOPL });
    report(o.vector == 6, "str-invalid", "vector=%u", o.vector);
    expect_gp("word-past-64k", (Try){ CODE("\xa1\xff\xff"), .eflags = F_VM | F_IOPL }, 0);
    expect_end("segment-load", (Try){ CODE("\x8e\xd8\xa0\x00\x00"), .eflags = F_VM | F_IOPL,
                                      .eax = 0x1234 });
    try_tss()->io[0x80 / 8] = 1;
    expect_gp("in-bitmap", (Try){ CODE("\xe4\x80"), .eflags = F_VM | F_IOPL }, 0);
    try_tss()->io[0x80 / 8] = 0;
    expect_end("in-allowed", (Try){ CODE("\xe4\x80"), .eflags = F_VM | F_IOPL });
    o = try_run(&(Try){ CODE("\x90"), .eflags = F_VM | F_IOPL });
    report(o.regs.cs == VM_CS && o.regs.old_ss == VM_SS && o.regs.vm_ds == VM_CS &&
           o.regs.old_esp == VM_SP, "frame", "cs=0x%x ss=0x%x ds=0x%x esp=0x%x", o.regs.cs,
           o.regs.old_ss, o.regs.vm_ds, o.regs.old_esp);
}

static uint16_t word_at(uint32_t la)
{
    return *(volatile uint16_t *)(uintptr_t)la;
}

/* INT 0x60 stays in virtual-8086 mode: the vector points to code in the same segment. */
static void check_redirection(uint32_t eflags, uint16_t want_flags, const char *name)
{
    volatile uint32_t *vector = (volatile uint32_t *)(uintptr_t)(0x60 * 4);
    uint32_t old = *vector;
    const Try t = { CODE("\xcd\x60\x90\x90\x90\x90"), .eflags = eflags };
    Outcome o;
    uint16_t flags;

    *vector = VM_CS << 16 | 0x100;
    memcpy((void *)(uintptr_t)(VM_CS * 16 + 0x100), "\xb0\x77\xf4", 3); /* mov $0x77, %al; hlt */
    o = try_run(&t);
    *vector = old;
    flags = word_at(VM_SS * 16 + VM_SP - 2);
    report(o.vector == 13 && o.regs.eip == 0x102 && (o.regs.eax & 0xff) == 0x77 &&
           word_at(VM_SS * 16 + VM_SP - 6) == 2 && (flags & 0x3200) == want_flags, name,
           "vector=%u eip=0x%x flags=0x%x", o.vector, o.regs.eip, flags);
}

static void check_extensions(void)
{
    uint32_t cr4 = read_cr4();
    Outcome o;

    write_cr4(cr4 | CR4_VME);
    o = try_run(&(Try){ CODE("\xfa"), .eflags = F_VM | F_VIF });
    report(o.at == 1 && !(o.regs.eflags & F_VIF), "vme-cli", "eflags=0x%x", o.regs.eflags);
    o = try_run(&(Try){ CODE("\xfb"), .eflags = F_VM });
    report(o.at == 1 && o.regs.eflags & F_VIF, "vme-sti", "eflags=0x%x", o.regs.eflags);
    expect_gp("vme-sti-vip", (Try){ CODE("\xfb"), .eflags = F_VM | F_VIP }, 0);
    o = try_run(&(Try){ CODE("\x9c"), .eflags = F_VM | F_VIF });
    report(o.at == 1 && (word_at(VM_SS * 16 + VM_SP - 2) & 0x3200) == 0x3200, "vme-pushf",
           "flags=0x%x", word_at(VM_SS * 16 + VM_SP - 2));
    *(volatile uint16_t *)(uintptr_t)(VM_SS * 16 + VM_SP) = 0x202;
    o = try_run(&(Try){ CODE("\x9d"), .eflags = F_VM });
    report(o.at == 1 && o.regs.eflags & F_VIF && !(o.regs.eflags & F_IF), "vme-popf",
           "eflags=0x%x", o.regs.eflags);
    expect_gp("vme-popfd", (Try){ CODE("\x66\x9d"), .eflags = F_VM }, 0);
    check_redirection(F_VM | F_IOPL, 0x3000, "vme-int-iopl3");
    check_redirection(F_VM | F_VIF, 0x3200, "vme-int-iopl0");
    try_tss()->redirect[0x60 / 8] = 1;
    expect_gp("vme-int-not-redirected", (Try){ CODE("\xcd\x60"), .eflags = F_VM }, 0);
    try_tss()->redirect[0x60 / 8] = 0;
    write_cr4(cr4);
}

void check_vm86(void)
{
    uint32_t edx, eax = 1, ebx, ecx;

    report_prefix("vm86/");
    /* INT 0x81 of the cases goes by the IDT. */
    try_tss()->redirect[DONE / 8] |= 1 << DONE % 8;
    check_plain();
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (edx >> 1 & 1) {
        check_extensions();
    } else {
        report_skip("vme", "the CPU lacks it");
    }
}
