/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory order between CPUs (SDM vol. 3, 9.2.3; x86-TSO): the litmus tests MP, LB, SB with MFENCE
 * or a locked instruction, IRIW, and locked increments. Forbidden outcomes must never be seen.
 */
#include "io.h"
#include "report.h"
#include "smp.h"
#include "try.h"

#define ROUNDS 10000
#define LINE   64
#define MAX    4

static struct {
    volatile uint32_t v;
    uint8_t pad[LINE - 4];
} x, y, start, ended[MAX], counter, split[2];

static volatile uint32_t r[MAX][2];

typedef enum Kind { MP, LB, SB_FENCE, SB_LOCK, IRIW, NR_KINDS } Kind;

static inline void load_two(volatile uint32_t *a, volatile uint32_t *b, volatile uint32_t *out)
{
    uint32_t p, q;

    __asm__ volatile("movl (%2), %0\n"
                     "movl (%3), %1" : "=&r"(p), "=&r"(q) : "r"(a), "r"(b) : "memory");
    out[0] = p;
    out[1] = q;
}

static void thread(Kind kind, unsigned n)
{
    volatile uint32_t *mine = n ? &y.v : &x.v, *theirs = n ? &x.v : &y.v;

    switch (kind) {
    case MP:
        if (n == 0) {
            x.v = 1;
            y.v = 1;
        } else {
            load_two(&y.v, &x.v, r[1]);
        }
        break;
    case LB:
        r[n][0] = *theirs;
        *mine = 1;
        break;
    case SB_FENCE:
        *mine = 1;
        __asm__ volatile("mfence" : : : "memory");
        r[n][0] = *theirs;
        break;
    case SB_LOCK:
        __asm__ volatile("xchgl %0, (%1)" : : "r"(1), "r"(mine) : "memory");
        r[n][0] = *theirs;
        break;
    default:
        if (n < 2) {
            *mine = 1;
        } else {
            load_two(n == 2 ? &x.v : &y.v, n == 2 ? &y.v : &x.v, r[n]);
        }
        break;
    }
}

static bool forbidden(Kind kind)
{
    switch (kind) {
    case MP:
        return r[1][0] == 1 && r[1][1] == 0;
    case LB:
        return r[0][0] == 1 && r[1][0] == 1;
    case SB_FENCE:
    case SB_LOCK:
        return r[0][0] == 0 && r[1][0] == 0;
    default:
        return r[2][0] == 1 && r[2][1] == 0 && r[3][0] == 1 && r[3][1] == 0;
    }
}

typedef struct Part {
    Kind kind;
    unsigned n;
} Part;

static void other(void *arg)
{
    const Part *p = arg;

    for (uint32_t i = 1; i <= ROUNDS; i++) {
        while (start.v != i) {
            cpu_relax();
        }
        thread(p->kind, p->n);
        ended[p->n].v = i;
    }
}

static void litmus(const char *name, Kind kind, unsigned cpus, unsigned nr_cpus)
{
    static Part parts[MAX];
    uint32_t bad = 0;

    if (nr_cpus < cpus) {
        report_skip(name, "%u CPUs", nr_cpus);
        return;
    }
    start.v = 0;
    for (unsigned n = 1; n < cpus; n++) {
        parts[n] = (Part){ kind, n };
        ended[n].v = 0;
        smp_start(n, other, &parts[n]);
    }
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        x.v = y.v = 0;
        start.v = i;
        thread(kind, 0);
        for (unsigned n = 1; n < cpus; n++) {
            while (ended[n].v != i) {
                cpu_relax();
            }
        }
        bad += forbidden(kind);
    }
    for (unsigned n = 1; n < cpus; n++) {
        smp_wait(n);
    }
    report(bad == 0, name, "rounds=%u forbidden=%u", ROUNDS, bad);
}

/* ---- Locked instructions --------------------------------------------------------------------- */

static void count(void *arg)
{
    volatile uint32_t *at = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        __asm__ volatile("lock incl (%0)" : : "r"(at) : "memory");
    }
}

static void counted(const char *name, volatile void *at, unsigned nr_cpus)
{
    uint32_t v = 0;

    __asm__ volatile("movl %1, (%0)" : : "r"(at), "r"(0) : "memory");
    for (unsigned n = 1; n < nr_cpus; n++) {
        smp_start(n, count, (void *)(uintptr_t)at);
    }
    count((void *)(uintptr_t)at);
    for (unsigned n = 1; n < nr_cpus; n++) {
        smp_wait(n);
    }
    __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(at) : "memory");
    report(v == ROUNDS * nr_cpus, name, "count=%u of %u", v, ROUNDS * nr_cpus);
}

void check_order(unsigned nr_cpus)
{
    static uint8_t pages[8192] __attribute__((aligned(4096)));

    report_prefix("order/");
    litmus("mp", MP, 2, nr_cpus);
    litmus("lb", LB, 2, nr_cpus);
    litmus("sb-mfence", SB_FENCE, 2, nr_cpus);
    litmus("sb-locked", SB_LOCK, 2, nr_cpus);
    litmus("iriw", IRIW, 4, nr_cpus);
    counted("lock-inc", &counter.v, nr_cpus);
    counted("lock-inc-two-lines", (volatile uint8_t *)&split[1] - 2, nr_cpus);
    counted("lock-inc-two-pages", pages + 4094, nr_cpus);
}
