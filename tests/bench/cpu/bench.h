/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest of tests/bench/cpu.py: workloads of a fixed number of units. Runs alone as a native
 * program and as the first process of a Linux guest. One thread. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* Does @n units. The result depends on nothing but @n. */
typedef u64 WorkFn(long n);

typedef struct Work {
    const char *name;
    const char *kind; /* cpu, mem, fp, sys, mm, jit */
    long units;       /* at scale 1: about half a second on a processor of 2023 */
    WorkFn *fn;
    int (*available)(void); /* NULL: everywhere */
} Work;

/* End with an entry without a name. */
extern const Work works_cpu[], works_mem[], works_fp[], works_sys[];

/* Says what failed, with errno, and ends the program. */
void die(const char *what);

static inline u64 mix(u64 h, u64 v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static inline u32 rng(u32 *s)
{
    u32 x = *s;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *s = x;
}

#define NOINLINE __attribute__((noinline))
/* The compiler takes @x and all memory for changed. */
#define KEEP(x) __asm__ volatile("" : "+r"(x) : : "memory")

#endif
