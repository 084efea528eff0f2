/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one scenario: raise the line, let the interrupt handler take its steps, wait until nothing
 * more can come, count. Everything a re-delivery depends on happens in the handler itself, on the
 * CPU that takes the interrupt, so a scenario needs no timing assumptions beyond the first
 * delivery.
 */
#include <stddef.h>
#include "check.h"
#include "idt.h"
#include "io.h"
#include "ioapic.h"
#include "lapic.h"
#include "layout.h"
#include "smp.h"

#define POST_PORT         0x80          /* unused port: an exit to the VMM, nothing else */
#define FLUSH_EXITS       4
#define QUIET_POLLS       16
#define FIRST_MIN_POLLS   64
#define FIRST_LIMIT_US    20000         /* local; the line's effect is synchronous on QEMU */
#define REMOTE_LIMIT_US   1000000
#define POLL_US           50
#define RUNAWAY           2000

static struct {
    const Scenario *sc;
    const Line *line;
    uint8_t vector;
    volatile bool directed_eoi;         /* suppression asked for and SPIV.12 reads back 1 */
    volatile bool line_high;
    volatile unsigned deliveries, broadcasts, directed, wrong_cpu;
    volatile bool pending_again, runaway;
} run;

void flush_exits(void)
{
    for (unsigned i = 0; i < FLUSH_EXITS; i++) {
        inb(POST_PORT);
    }
}

static uint32_t pin_rte(uint8_t vector, bool logical)
{
    return vector | RTE_LEVEL | (logical ? RTE_LOGICAL : 0);
}

static void step_observe(void)
{
    flush_exits();
    if (!ioapic_remote_irr(run.line->pin) || lapic_vector_bit(LAPIC_IRR, run.vector)) {
        run.broadcasts++;
    }
}

static void step_lower(void)
{
    if (run.deliveries >= run.sc->hold) {
        run.line->set(run.line, false);
        run.line_high = false;
    }
}

static void step_directed(void)
{
    ioapic_eoi(run.vector);
    run.directed++;
}

static void take_step(Step step)
{
    unsigned pin = run.line->pin;

    switch (step) {
    case STEP_EOI:
        lapic_eoi();
        break;
    case STEP_OBSERVE:
        step_observe();
        break;
    case STEP_LOWER:
        step_lower();
        break;
    case STEP_DIRECTED:
        if (run.directed_eoi) {
            step_directed();
        }
        break;
    case STEP_DIRECTED_ALWAYS:
        step_directed();
        break;
    case STEP_MASK:
        ioapic_set_low(pin, ioapic_get_low(pin) | RTE_MASKED);
        break;
    case STEP_UNMASK:
        ioapic_set_low(pin, ioapic_get_low(pin) & ~RTE_MASKED);
        break;
    case STEP_TO_BOOT_CPU:
        ioapic_set_pin(pin, pin_rte(run.vector, false), (uint8_t)smp_cpu(0)->apic_id);
        break;
    case STEP_PENDING:
        flush_exits();
        run.pending_again = lapic_vector_bit(LAPIC_IRR, run.vector);
        break;
    case STEP_PENDING_NOW:
        run.pending_again = lapic_vector_bit(LAPIC_IRR, run.vector);
        break;
    case STEP_END:
        break;
    }
}

/* The handler must reach its first step without any access that leaves to the VMM. */
static void level_handler(InterruptFrame *frame)
{
    const Step *step;

    (void)frame;
    step = run.deliveries++ ? run.sc->again : run.sc->first;
    for (unsigned i = 0; i < MAX_STEPS && step[i] != STEP_END; i++) {
        take_step(step[i]);
    }
    if (lapic_id() != smp_cpu(run.sc->cpu)->apic_id) {
        run.wrong_cpu++;
    }
    if (run.deliveries > RUNAWAY) {
        run.runaway = true;
        ioapic_set_low(run.line->pin, RTE_MASKED | run.vector);
    }
}

void scenario_init(void)
{
    idt_set_handler(VEC_LEVEL, level_handler);
    idt_set_handler(VEC_SECOND, level_handler);
}

typedef struct SpivRequest {
    bool suppress;
    bool reads_back;
} SpivRequest;

static SpivRequest spiv_last[GUEST_MAX_CPUS];
static bool spiv_known[GUEST_MAX_CPUS];

static void write_spiv(void *opaque)
{
    SpivRequest *req = opaque;
    uint32_t val = SPIV_VECTOR | SPIV_ENABLE | (req->suppress ? SPIV_SUPPRESS : 0);

    lapic_write_safe(LAPIC_SPIV, val);
    req->reads_back = lapic_read(LAPIC_SPIV) == val;
}

bool spiv_request(unsigned cpu, bool suppress)
{
    SpivRequest req = { .suppress = suppress };

    if (cpu == 0) {
        write_spiv(&req);
        return req.reads_back;
    }
    /* Each word with another CPU costs a time slice on a busy host. */
    if (!spiv_known[cpu] || spiv_last[cpu].suppress != suppress) {
        smp_run(cpu, write_spiv, &req);
        spiv_last[cpu] = req;
        spiv_known[cpu] = true;
    }
    return spiv_last[cpu].reads_back;
}

void spiv_forget(unsigned cpu)
{
    spiv_known[cpu] = false;
}

static void flush_on_cpu(void *opaque)
{
    (void)opaque;
    flush_exits();
    flush_exits();
}

static void wait_first(unsigned cpu)
{
    uint32_t limit = cpu ? REMOTE_LIMIT_US : FIRST_LIMIT_US;
    uint32_t waited = 0;

    for (unsigned polls = 0; !run.deliveries && (polls < FIRST_MIN_POLLS || waited < limit);
         polls++) {
        inb(POST_PORT);
        if (polls >= FIRST_MIN_POLLS) {
            delay_us(POLL_US);
            waited += POLL_US;
        }
    }
}

/* Until a whole row of exits brings nothing new. */
static void wait_quiet(unsigned cpu)
{
    unsigned before;

    do {
        before = run.deliveries;
        if (cpu) {
            smp_run(cpu, flush_on_cpu, NULL);
        }
        for (unsigned i = 0; i < QUIET_POLLS; i++) {
            inb(POST_PORT);
        }
    } while (run.deliveries != before && !run.runaway);
}

unsigned host_tries(void)
{
    return facts.ends_at_injection ? 5 : 1;
}

bool pin_settled(const Line *line, uint8_t vector)
{
    bool settled;

    flush_exits();
    settled = !ioapic_remote_irr(line->pin) || lapic_vector_bit(LAPIC_IRR, vector);
    if (!settled) {
        ioapic_reset_pin(line->pin);
    }
    return settled;
}

static void run_reset(const Line *line, const Scenario *sc, uint8_t vector)
{
    run.sc = sc;
    run.line = line;
    run.vector = vector;
    run.deliveries = run.broadcasts = run.directed = run.wrong_cpu = 0;
    run.pending_again = run.runaway = false;
    run.line_high = false;
    run.directed_eoi = spiv_request(sc->cpu, sc->suppress) && sc->suppress;
}

static void program_pin(const Line *line, const Scenario *sc, uint8_t vector)
{
    const GuestCpu *cpu = smp_cpu(sc->cpu);
    uint32_t dest = sc->logical ? cpu->logical_id : cpu->apic_id;

    ioapic_set_pin(line->pin, pin_rte(vector, sc->logical), (uint8_t)dest);
}

/* No handler got as far as STEP_LOWER: the main program serves the device. */
static void release_line(const Line *line)
{
    line->set(line, false);
    run.line_high = false;
    if (run.directed_eoi) {
        step_directed();
    }
}

bool scenario_run_on(const Line *line, const Scenario *sc, Outcome *out)
{
    run_reset(line, sc, VEC_LEVEL);
    program_pin(line, sc, VEC_LEVEL);
    irq_enable();
    run.line_high = true;
    line->set(line, true);
    wait_first(sc->cpu);
    wait_quiet(sc->cpu);
    *out = (Outcome) {
        .deliveries = run.deliveries,
        .broadcasts = run.broadcasts,
        .directed = run.directed,
        .wrong_cpu = run.wrong_cpu,
        .pending_again = run.pending_again,
        .runaway = run.runaway,
    };
    if (run.line_high) {
        release_line(line);
        wait_quiet(sc->cpu);
    }
    irq_disable();
    ioapic_set_low(line->pin, ioapic_get_low(line->pin) | RTE_MASKED);
    out->stuck = !pin_settled(line, VEC_LEVEL);
    return out->deliveries != 0;
}

bool scenario_run(const Scenario *sc, Outcome *out)
{
    return scenario_run_on(facts.line, sc, out);
}

const Scenario scenario_end_all = {
    .first = { STEP_EOI, STEP_DIRECTED },
    .again = { STEP_EOI, STEP_DIRECTED },
};

void scenario_raise(void)
{
    run.line_high = true;
    run.line->set(run.line, true);
    flush_exits();
}

void scenario_lower(void)
{
    run.line->set(run.line, false);
    run.line_high = false;
    flush_exits();
}

void scenario_prepare(const Line *line, uint8_t vector, const Scenario *sc)
{
    irq_disable();
    run_reset(line, sc, vector);
    program_pin(line, sc, vector);
}

void pend_level(const Line *line, uint8_t vector, const Scenario *sc)
{
    scenario_prepare(line, vector, sc);
    scenario_raise();
}

unsigned scenario_drain(void)
{
    irq_enable();
    wait_quiet(run.sc->cpu);
    irq_disable();
    return run.deliveries;
}
