/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does every interrupt wake the CPU that waits for it in HLT? Needs three CPUs. The boot CPU
 * watches, the others sleep and wake each other: nothing else would, so that one lost wake-up stops
 * all.
 *
 *   ring      one token goes round by IPI
 *   timer     one-shot timers of up to 16 us
 *   call      each CPU asks all others by IPI and waits for the answers, which are IPIs too
 *
 * rounds=N of the ring, the others in proportion; x2apic=1: in that mode.
 */
#include "cmdline.h"
#include "guest.h"
#include "idt.h"
#include "io.h"
#include "lapic.h"
#include "prng.h"
#include "report.h"
#include "smp.h"

#define MAX_CPUS         8
#define TICK_VECTOR      0x40
#define ONE_SHOT_VECTOR  0x41
#define TOKEN_VECTOR     0x50
#define ASK_VECTOR       0x51
#define ANSWER_VECTOR    0x52
#define LVT_TIMER        0x320
#define LVT_PERIODIC     0x20000
#define TIMER_COUNT      0x380
#define TIMER_DIVIDE     0x3e0
#define DIVIDE_BY_1      0xb
#define TICK_COUNT       10000000       /* 10 ms at a bus clock of 1 GHz */
#define SILENT_TICKS     3000           /* at least 30 s */
#define ONE_SHOT_MASK    0x3fff
#define TIMER_SHARE      8
#define CALL_SHARE       16

static unsigned nr_cpus;
static uint32_t rounds;
static volatile uint32_t token[MAX_CPUS], fired[MAX_CPUS];
static volatile uint32_t asked[MAX_CPUS][MAX_CPUS], answered[MAX_CPUS][MAX_CPUS]; /* [from][to] */
static volatile uint32_t progress, ticks;
static uint32_t index_of[256]; /* by local APIC id */

static unsigned self(void)
{
    return index_of[lapic_id() & 0xff];
}

static void send(unsigned cpu, uint8_t vector)
{
    lapic_send_ipi(smp_cpu(cpu)->apic_id, ICR_FIXED | ICR_ASSERT | vector);
}

static void on_tick(InterruptFrame *frame)
{
    ticks++;
    lapic_eoi();
}

static void on_one_shot(InterruptFrame *frame)
{
    fired[self()]++;
    lapic_eoi();
}

static void on_token(InterruptFrame *frame)
{
    token[self()]++;
    lapic_eoi();
}

static void on_ask(InterruptFrame *frame)
{
    unsigned me = self();

    lapic_eoi();
    for (unsigned from = 1; from < nr_cpus; from++) {
        if (asked[from][me] != answered[from][me]) {
            answered[from][me] = asked[from][me];
            send(from, ANSWER_VECTOR);
        }
    }
}

static void on_answer(InterruptFrame *frame)
{
    lapic_eoi();
}

/* Interrupts are off before and after. */
static void sleep_once(void)
{
    __asm__ volatile("sti\n"
                     "hlt\n"
                     "cli" : : : "memory");
}

static void run_ring(unsigned me, Prng *prng)
{
    unsigned next = me + 1 < nr_cpus ? me + 1 : 1;

    for (uint32_t n = 1; n <= rounds; n++) {
        while (token[me] < n) {
            sleep_once();
        }
        progress++;
        if (me != nr_cpus - 1 || n < rounds) {
            send(next, TOKEN_VECTOR);
        }
    }
}

static void run_timer(unsigned me, Prng *prng)
{
    lapic_write(TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LVT_TIMER, ONE_SHOT_VECTOR);
    for (uint32_t n = 1; n <= rounds / TIMER_SHARE; n++) {
        lapic_write(TIMER_COUNT, 1 + (prng_next(prng) & ONE_SHOT_MASK));
        while (fired[me] < n) {
            sleep_once();
        }
        progress++;
    }
}

static bool all_answered(unsigned me)
{
    for (unsigned to = 1; to < nr_cpus; to++) {
        if (to != me && asked[me][to] != answered[me][to]) {
            return false;
        }
    }
    return true;
}

static void run_call(unsigned me, Prng *prng)
{
    for (uint32_t n = 1; n <= rounds / CALL_SHARE; n++) {
        for (unsigned to = 1; to < nr_cpus; to++) {
            if (to != me) {
                asked[me][to] = n;
                send(to, ASK_VECTOR);
            }
        }
        while (!all_answered(me)) {
            sleep_once();
        }
        progress++;
    }
}

typedef struct Phase {
    const char *name;
    void (*run)(unsigned me, Prng *prng);
} Phase;

static const Phase phases[] = {
    { "ring", run_ring }, { "timer", run_timer }, { "call", run_call },
};
static volatile unsigned phase, at_end;

static void participate(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    Prng prng;

    prng_seed(&prng, me);
    irq_disable();
    phases[phase].run(me, &prng);
    __sync_fetch_and_add(&at_end, 1);
    irq_enable(); /* others may still ask */
}

/* False when nothing moved for SILENT_TICKS. */
static bool watch(void)
{
    uint32_t seen = progress, since = ticks;

    while (at_end < nr_cpus - 1) {
        sleep_once();
        if (progress != seen) {
            seen = progress;
            since = ticks;
        } else if (ticks - since > SILENT_TICKS) {
            return false;
        }
    }
    return true;
}

static bool run_phase(unsigned n)
{
    bool ok;

    phase = n;
    at_end = 0;
    for (unsigned cpu = 1; cpu < nr_cpus; cpu++) {
        smp_start(cpu, participate, (void *)(uintptr_t)cpu);
    }
    if (phases[n].run == run_ring) {
        send(1, TOKEN_VECTOR);
    }
    ok = watch();
    for (unsigned cpu = 1; ok && cpu < nr_cpus; cpu++) {
        smp_wait(cpu);
    }
    report(ok, phases[n].name, "cpus=%u rounds=%u progress=%u", nr_cpus, rounds, progress);
    return ok;
}

static void enter_x2apic(void *arg)
{
    lapic_enter_x2apic();
}

void guest_main(void)
{
    idt_set_handler(TICK_VECTOR, on_tick);
    idt_set_handler(ONE_SHOT_VECTOR, on_one_shot);
    idt_set_handler(TOKEN_VECTOR, on_token);
    idt_set_handler(ASK_VECTOR, on_ask);
    idt_set_handler(ANSWER_VECTOR, on_answer);
    lapic_init();
    nr_cpus = smp_init(MAX_CPUS);
    rounds = cmdline_get_u32("rounds", 20000);
    if (nr_cpus < 3) {
        report_skip("wake-up", "%u CPUs, needs 3", nr_cpus);
        report_finish(true, "cpus=%u", nr_cpus);
    }
    if (cmdline_get_u32("x2apic", 0) && lapic_has_x2apic()) {
        for (unsigned cpu = 1; cpu < nr_cpus; cpu++) {
            smp_run(cpu, enter_x2apic, (void *)0);
        }
        lapic_enter_x2apic();
    }
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        index_of[smp_cpu(cpu)->apic_id & 0xff] = cpu;
    }
    lapic_write(TIMER_DIVIDE, DIVIDE_BY_1);
    lapic_write(LVT_TIMER, LVT_PERIODIC | TICK_VECTOR);
    lapic_write(TIMER_COUNT, TICK_COUNT);
    for (unsigned n = 0; n < sizeof(phases) / sizeof(phases[0]); n++) {
        if (!run_phase(n)) {
            break;
        }
    }
    report_finish(false, "cpus=%u", nr_cpus);
}
