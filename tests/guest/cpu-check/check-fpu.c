/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When x87, SSE and AVX instructions trap (SDM vol. 1 chapters 8, 11, 13; vol. 3 chapter 13). */
#include "io.h"
#include "report.h"
#include "try.h"

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMM (1u << 10)
#define CR4_OSXSAVE (1u << 18)

static uint64_t cr0, cr4;

static void expect(const char *name, uint64_t new_cr0, uint64_t new_cr4, const Try *t,
                   unsigned vector, uint64_t at)
{
    Outcome o;

    write_cr0(new_cr0);
    write_cr4(new_cr4);
    o = try_run(t);
    write_cr0(cr0);
    write_cr4(cr4);
    report(o.vector == vector && (vector == DONE || o.at == at), name, "vector=%u at=%lld",
           o.vector, (unsigned long long)o.at);
}

/* FNINIT; FLDCW with everything unmasked; 1 / 0 leaves an exception pending. */
#define PENDING "\xdb\xe3\xd9\x2f\xd9\xe8\xd9\xee\xde\xf9"

static void check_x87(void)
{
    static const uint16_t unmasked = 0x340;
    uint64_t fcw = (uintptr_t)&unmasked;

    expect("mf-at-next-x87", cr0, cr4, &(Try){ CODE(PENDING "\x90\xd9\xe8"), .rdi = fcw }, 16, 11);
    expect("mf-at-fwait", cr0, cr4, &(Try){ CODE(PENDING "\x9b"), .rdi = fcw }, 16, 10);
    expect("fnstsw-does-not-wait", cr0, cr4, &(Try){ CODE(PENDING "\xdf\xe0"), .rdi = fcw }, DONE,
           0);
    expect("fnclex-forgets", cr0, cr4, &(Try){ CODE(PENDING "\xdb\xe2\xd9\xe8"), .rdi = fcw },
           DONE, 0);
    expect("ts", cr0 | CR0_TS, cr4, &(Try){ CODE("\x90\xd9\xe8") }, 7, 1);
    expect("em", cr0 | CR0_EM, cr4, &(Try){ CODE("\x90\xd9\xe8") }, 7, 1);
    expect("fwait-ts", (cr0 & ~(uint64_t)CR0_MP) | CR0_TS, cr4, &(Try){ CODE("\x9b") }, DONE, 0);
    expect("fwait-mp-ts", cr0 | CR0_MP | CR0_TS, cr4, &(Try){ CODE("\x9b") }, 7, 0);
    expect("mmx-em", cr0 | CR0_EM, cr4, &(Try){ CODE("\x0f\xef\xc0") }, 6, 0);
    __asm__ volatile("fninit");
}

static void check_sse(void)
{
    static const uint32_t unmasked = 0x1f80 & ~(1u << 9); /* divide by zero */
    const uint64_t mx = (uintptr_t)&unmasked;
    const uint64_t all = cr4 | CR4_OSFXSR | CR4_OSXMM;
    static const uint32_t standard = 0x1f80;
    /* ldmxcsr (%rdi); pcmpeqd %xmm1, %xmm1; psrld $25; pslld $23: 0.5; xorps %xmm0; divps */
#define DIVIDE "\x0f\xae\x17\x66\x0f\x76\xc9\x66\x0f\x72\xd1\x19\x66\x0f\x72\xf1\x17" \
               "\x0f\x57\xc0\x0f\x5e\xc8"

    expect("sse-no-osfxsr", cr0, all & ~(uint64_t)CR4_OSFXSR, &(Try){ CODE("\x0f\x58\xc0") }, 6,
           0);
    expect("sse-em", cr0 | CR0_EM, all, &(Try){ CODE("\x0f\x58\xc0") }, 6, 0);
    expect("sse-ts", cr0 | CR0_TS, all, &(Try){ CODE("\x0f\x58\xc0") }, 7, 0);
    expect("xm", cr0, all, &(Try){ CODE(DIVIDE), .rdi = mx }, 19, 20);
    expect("xm-without-osxmmexcpt", cr0, all & ~(uint64_t)CR4_OSXMM,
           &(Try){ CODE(DIVIDE), .rdi = mx }, 6, 20);
    expect("masked", cr0, all, &(Try){ CODE(DIVIDE), .rdi = (uintptr_t)&standard }, DONE, 0);
    expect("movaps-misaligned", cr0, all, &(Try){ CODE("\x0f\x28\x07"), .rdi = mx + 1 }, 13, 0);
    expect("ldmxcsr-reserved", cr0, all, &(Try){ CODE("\x0f\xae\x17"), .rdi = (uintptr_t)&cr0 },
           13, 0);
}

static void check_avx(void)
{
    uint64_t all = cr4 | CR4_OSFXSR | CR4_OSXMM;
    const Try vaddps = { CODE("\xc5\xfc\x58\xc0") };

    if (!(cpuid(1, 0).ecx >> 28 & 1)) {
        report_skip("avx", "the CPU lacks it");
        return;
    }
    expect("avx-no-osxsave", cr0, all & ~(uint64_t)CR4_OSXSAVE, &vaddps, 6, 0);
    expect("xsetbv-avx-without-sse", cr0, all | CR4_OSXSAVE,
           &(Try){ CODE("\x0f\x01\xd1"), .rax = 5 }, 13, 0);
    expect("xsetbv-no-x87", cr0, all | CR4_OSXSAVE, &(Try){ CODE("\x0f\x01\xd1"), .rax = 6 }, 13,
           0);
    expect("xsetbv-user", cr0, all | CR4_OSXSAVE,
           &(Try){ CODE("\x0f\x01\xd1"), .rax = 7, .user = true }, 13, 0);
    expect("xsetbv-1", cr0, all | CR4_OSXSAVE, &(Try){ CODE("\x0f\x01\xd1"), .rax = 1 }, DONE, 0);
    expect("avx-not-in-xcr0", cr0, all | CR4_OSXSAVE, &vaddps, 6, 0);
    expect("xsetbv-7", cr0, all | CR4_OSXSAVE, &(Try){ CODE("\x0f\x01\xd1"), .rax = 7 }, DONE, 0);
    expect("avx", cr0, all | CR4_OSXSAVE, &vaddps, DONE, 0);
    expect("avx-ts", cr0 | CR0_TS, all | CR4_OSXSAVE, &vaddps, 7, 0);
}

static void check_xsave(void)
{
    static uint8_t area[4096] __attribute__((aligned(64)));
    uint64_t all = cr4 | CR4_OSFXSR | CR4_OSXMM | CR4_OSXSAVE, at = (uintptr_t)area;

    if (!(cpuid(1, 0).ecx >> 26 & 1)) {
        report_skip("xsave", "the CPU lacks it");
        return;
    }
    expect("xsave-misaligned", cr0, all, &(Try){ CODE("\x0f\xae\x27"), .rax = 3, .rdi = at + 8 },
           13, 0);
    expect("xsave", cr0, all, &(Try){ CODE("\x0f\xae\x27"), .rax = 3, .rdi = at }, DONE, 0);
    expect("xrstor", cr0, all, &(Try){ CODE("\x0f\xae\x2f"), .rax = 3, .rdi = at }, DONE, 0);
    area[512 + 16] = 1;
    expect("xrstor-reserved-header", cr0, all,
           &(Try){ CODE("\x0f\xae\x2f"), .rax = 3, .rdi = at }, 13, 0);
    area[512 + 16] = 0;
    area[512 + 7] = 0x40;
    expect("xrstor-unknown-component", cr0, all,
           &(Try){ CODE("\x0f\xae\x2f"), .rax = 3, .rdi = at }, 13, 0);
    area[512 + 7] = 0;
    expect("xsave-ts", cr0 | CR0_TS, all, &(Try){ CODE("\x0f\xae\x27"), .rax = 3, .rdi = at }, 7,
           0);
}

void check_fpu(void)
{
    report_prefix("fpu/");
    write_cr0((read_cr0() | CR0_NE | CR0_MP) & ~(uint64_t)(CR0_EM | CR0_TS));
    cr0 = read_cr0();
    cr4 = read_cr4();
    check_x87();
    check_sse();
    check_avx();
    check_xsave();
}
