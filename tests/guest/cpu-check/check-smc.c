/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that changes under the CPU's feet (SDM vol. 3, 9.1.3, 12.6). */
#include "io.h"
#include "memory.h"
#include "report.h"
#include "smp.h"
#include "try.h"

#define ROUNDS 2000

static uint8_t code[8192] __attribute__((aligned(4096)));

typedef uint64_t Fn(uint64_t arg);

static uint64_t call(const void *fn, uint64_t arg)
{
    return ((Fn *)(uintptr_t)fn)(arg);
}

static void put(unsigned at, const char *bytes, unsigned len)
{
    memcpy(code + at, bytes, len);
}
#define PUT(at, bytes) put(at, bytes, sizeof(bytes) - 1)

/* mov $imm, %eax; ret */
static void put_return(unsigned at, uint32_t value)
{
    PUT(at, "\xb8\x00\x00\x00\x00\xc3");
    memcpy(code + at + 1, &value, 4);
}

static void check_rewritten(void)
{
    bool ok = true;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        put_return(64, i);
        ok = ok && call(code + 64, 0) == i;
    }
    report(ok, "function-rewritten", "rounds=%u", ROUNDS);
}

/* The very next instruction of the same stretch of code. */
static void check_next(void)
{
    bool ok = true;

    for (unsigned i = 0; i < 100; i++) {
        /* movb $i, 1f+1(%rip); 1: mov $0, %eax; ret */
        PUT(128, "\xc6\x05\x01\x00\x00\x00\x00\xb8\x00\x00\x00\x00\xc3");
        code[128 + 6] = (uint8_t)i;
        ok = ok && call(code + 128, 0) == i;
    }
    report(ok, "next-instruction", "rounds=100");
}

/* A loop that counts its own immediate up. */
static void check_loop(void)
{
    uint64_t sum;

    /* xor %eax,%eax; mov $10,%ecx; 1: add $0,%eax (05 imm32); incb 1b+1; loop 1b; ret */
    PUT(256, "\x31\xc0\xb9\x0a\x00\x00\x00"
             "\x05\x00\x00\x00\x00"
             "\xfe\x05\xf6\xff\xff\xff"
             "\xe2\xf3\xc3");
    sum = call(code + 256, 0);
    report(sum == 45, "loop-changes-itself", "sum=%llu", (unsigned long long)sum);
}

static void check_page_cross(void)
{
    bool ok = true;

    for (uint32_t i = 0; i < 200; i++) {
        put_return(4096 - 3, i * 0x01010101u);
        ok = ok && (uint32_t)call(code + 4096 - 3, 0) == i * 0x01010101u;
        code[4097] ^= 0x5a; /* only the second page */
        ok = ok && (uint32_t)call(code + 4096 - 3, 0) == (i * 0x01010101u ^ 0x5a000000u);
    }
    report(ok, "instruction-in-two-pages", "rounds=200");
}

/* Written through another address of the same page. */
static void check_alias(void)
{
    uint64_t la = try_map(5, code, PTE_P | PTE_W);
    bool ok = true;

    for (uint32_t i = 0; i < 200; i++) {
        uint32_t v = i;

        put_return(512, ~i);
        ok = ok && (uint32_t)call(code + 512, 0) == ~i;
        memcpy((void *)(uintptr_t)(la + 513), &v, 4);
        ok = ok && (uint32_t)call(code + 512, 0) == i;
    }
    report(ok, "alias", "rounds=200");
}

/* Another page behind the same address. */
static void check_remapped(void)
{
    static uint8_t other[4096] __attribute__((aligned(4096)));
    bool ok = true;
    uint64_t la;

    put_return(0, 1);
    memcpy(other, code, 16);
    other[1] = 2;
    for (unsigned i = 0; i < 100; i++) {
        la = try_map(6, i & 1 ? other : code, PTE_P);
        ok = ok && call((void *)(uintptr_t)la, 0) == (i & 1 ? 2 : 1);
    }
    report(ok, "remapped", "rounds=100");
}

/* REP STOS and REP MOVS as writers. */
static void check_string_writers(void)
{
    static const uint8_t ret7[] = { 0xb8, 7, 0, 0, 0, 0xc3 };
    const void *src = ret7;
    void *dst = code + 1024;
    uint64_t n = 6;
    bool ok;

    put_return(1024, 3);
    ok = call(code + 1024, 0) == 3;
    __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
    ok = ok && call(code + 1024, 0) == 7;
    dst = code + 1024;
    n = 64;
    __asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(0xc3) : "memory");
    ok = ok && call(code + 1024, 99) != 7;
    report(ok, "string-instructions", "seen");
}

void check_smc(void)
{
    report_prefix("smc/");
    check_rewritten();
    check_next();
    check_loop();
    check_page_cross();
    check_alias();
    check_remapped();
    check_string_writers();
}

/* ---- Another CPU ----------------------------------------------------------------------------- */

static volatile uint32_t go, seen;

/* Runs the function when told so, after a serialising instruction. */
static void other_cpu(void *arg)
{
    uint32_t i;

    for (i = 1; i <= ROUNDS; i++) {
        while (go != i) {
            cpu_relax();
        }
        cpuid(0, 0);
        seen = (uint32_t)call(code + 2048, 0) == i ? i : 0xffffffff;
        if (seen != i) {
            return;
        }
    }
}

void check_cross_smc(unsigned nr_cpus)
{
    uint32_t i;

    report_prefix("smc/");
    if (nr_cpus < 2) {
        report_skip("cross-modifying", "one CPU");
        return;
    }
    go = seen = 0;
    smp_start(1, other_cpu, NULL);
    for (i = 1; i <= ROUNDS && seen != 0xffffffff; i++) {
        put_return(2048, i);
        go = i;
        while (seen != i && seen != 0xffffffff) {
            cpu_relax();
        }
    }
    report(seen == ROUNDS, "cross-modifying", "rounds=%u", i - 1);
    smp_wait(1);
}
