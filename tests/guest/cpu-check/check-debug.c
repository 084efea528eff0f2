/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug registers and single-stepping (SDM vol. 3, chapter 18). */
#include "io.h"
#include "report.h"
#include "try.h"

#define CR4_DE (1u << 3)

/* DR7: breakpoint 0 enabled, kind and length in its field. */
enum { BP_EXEC = 0, BP_WRITE = 1, BP_IO = 2, BP_RW = 3 };
#define DR7(kind, len) (0x401u | (kind) << 16 | (len) << 18)
enum { LEN1 = 0, LEN2 = 1, LEN8 = 2, LEN4 = 3 };

static uint64_t data[4];

static void set_debug(uint64_t dr0, uint64_t dr7)
{
    __asm__ volatile("movq %0, %%dr0" : : "r"(dr0));
    __asm__ volatile("movq %0, %%dr6" : : "r"(0xffff0ff0ull));
    __asm__ volatile("movq %0, %%dr7" : : "r"(dr7));
}

static void debug_off(void)
{
    __asm__ volatile("movq %0, %%dr7" : : "r"(0x400ull));
}

/* Did it end by #DB with these DR6 bits after @at bytes? */
static void expect(const char *name, const Try *t, uint64_t dr0, uint64_t dr7, uint64_t at,
                   uint64_t dr6)
{
    Outcome o;

    set_debug(dr0, dr7);
    o = try_run(t);
    debug_off();
    report(o.vector == 1 && o.at == at && (o.dr6 & 0xe00f) == dr6, name,
           "vector=%u at=%lld dr6=0x%llx", o.vector, (unsigned long long)o.at,
           (unsigned long long)o.dr6);
}

static void expect_none(const char *name, const Try *t, uint64_t dr0, uint64_t dr7)
{
    Outcome o;

    set_debug(dr0, dr7);
    o = try_run(t);
    debug_off();
    report(o.vector == DONE, name, "vector=%u at=%lld", o.vector, (unsigned long long)o.at);
}

static void check_data(void)
{
    uint64_t at = (uintptr_t)data;
    const Try write = { CODE("\x90\x89\x07\x90\x90"), .rdi = at };
    const Try read = { CODE("\x90\x8b\x07\x90\x90"), .rdi = at };

    expect("write", &write, at, DR7(BP_WRITE, LEN4), 3, 1);
    expect("write-overlaps", &write, at + 3, DR7(BP_WRITE, LEN1), 3, 1);
    expect("rw-reads", &read, at, DR7(BP_RW, LEN4), 3, 1);
    expect("length-8", &(Try){ CODE("\x90\x88\x07\x90"), .rdi = at + 7 }, at, DR7(BP_WRITE, LEN8),
           3, 1);
    expect_none("read-is-no-write", &read, at, DR7(BP_WRITE, LEN4));
    expect_none("other-address", &write, at + 4, DR7(BP_RW, LEN4));
    expect_none("disabled", &write, at, DR7(BP_RW, LEN4) & ~3u);
    expect("push", &(Try){ CODE("\x50\x90"), .rsp = at + 16 }, at + 8, DR7(BP_WRITE, LEN8), 1, 1);
    /* REP stops after the round that hit. */
    expect("rep-movs", &(Try){ CODE("\xf3\xa4"), .rcx = 16, .rsi = WINDOW_STACK, .rdi = at },
           at + 5, DR7(BP_WRITE, LEN1), 0, 1);
}

static void check_code(void)
{
    /* nop; nop; lea -2(%rip), %rax is where the second NOP stands. */
    Outcome o = try_run(&(Try){ CODE("\x90\x90\x48\x8d\x05\xf8\xff\xff\xff") });
    uint64_t second = o.regs.rax;
    const Try nops = { CODE("\x90\x90\x90\x90") };

    expect("exec", &nops, second, DR7(BP_EXEC, LEN1), 1, 1);
    expect_none("exec-rf", &(Try){ CODE("\x90\x90"), .rflags = RF_RF }, second - 1,
                DR7(BP_EXEC, LEN1));
    expect("exec-rf-one-instruction", &(Try){ CODE("\x90\x90"), .rflags = RF_RF }, second,
           DR7(BP_EXEC, LEN1), 1, 1);
    set_debug(second, DR7(BP_EXEC, LEN1));
    o = try_run(&nops);
    debug_off();
    report(!(o.regs.rflags & RF_RF), "exec-pushes-rf-clear", "rflags=0x%llx",
           (unsigned long long)o.regs.rflags);
    o = try_run(&(Try){ CODE("\x0f\x0b") });
    report(o.regs.rflags & RF_RF, "fault-pushes-rf-set", "rflags=0x%llx",
           (unsigned long long)o.regs.rflags);
}

static void check_io(void)
{
    uint64_t cr4 = read_cr4();
    const Try out = { CODE("\x90\xe6\x80\x90") };

    write_cr4(cr4 | CR4_DE);
    expect("io", &out, 0x80, DR7(BP_IO, LEN1), 3, 1);
    expect_none("io-other-port", &out, 0x81, DR7(BP_IO, LEN1));
    report(try_run(&(Try){ CODE("\x0f\x21\xe0") }).vector == 6, "dr4-with-de", "refused");
    write_cr4(cr4 & ~(uint64_t)CR4_DE);
    report(try_run(&(Try){ CODE("\x0f\x21\xe0") }).vector == DONE, "dr4-is-dr6", "taken");
    write_cr4(cr4);
}

static void check_step(void)
{
    uint64_t at = (uintptr_t)data;

    data[0] = 0x202 | RF_TF;
    expect("tf", &(Try){ CODE("\x90\x90"), .rflags = RF_TF }, 0, 0x400, 1, 0x4000);
    expect("popf-sets-tf", &(Try){ CODE("\x9d\x90\x90"), .rsp = at }, 0, 0x400, 2, 0x4000);
    data[1] = 2;
    expect("popf-clears-tf", &(Try){ CODE("\x9d\x90\x90"), .rsp = at + 8, .rflags = RF_TF }, 0,
           0x400, 1, 0x4000);
    expect("tf-rep-one-round", &(Try){ CODE("\xf3\xaa"), .rcx = 4, .rdi = at, .rflags = RF_TF },
           0, 0x400, 0, 0x4000);
    expect("tf-and-data", &(Try){ CODE("\x89\x07\x90"), .rdi = at, .rflags = RF_TF }, at,
           DR7(BP_WRITE, LEN4), 2, 0x4001);
    /* MOV SS puts the trap off for one instruction. */
    expect("tf-mov-ss", &(Try){ CODE("\x8e\xd0\x90\x90"), .rax = 0x18, .rflags = RF_TF }, 0, 0x400,
           3, 0x4000);
    expect("tf-fault-first", &(Try){ CODE("\x90\x0f\x0b"), .rflags = RF_TF }, 0, 0x400, 1, 0x4000);
    expect("general-detect", &(Try){ CODE("\x90\x0f\x21\xf8") }, 0, 0x2400, 1, 0x2000);
    report(try_run(&(Try){ CODE("\x0f\x21\xc0"), .user = true }).vector == 13, "mov-dr-user",
           "refused");
    report(try_run(&(Try){ CODE("\x0f\x23\xf8"), .rax = 1ull << 32 }).vector == 13,
           "dr7-upper-half", "refused");
}

void check_debug(void)
{
    report_prefix("debug/");
    check_data();
    check_code();
    check_io();
    check_step();
}
