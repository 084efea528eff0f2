/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Level interrupts, with the local EOI before and after the device lets its line go. */
#include "check.h"
#include "ioapic.h"
#include "report.h"

typedef struct Order {
    const char *name;
    Step steps[MAX_STEPS];
    unsigned per_assertion;             /* deliveries when the EOI is broadcast */
    bool needs_late_end;                /* says nothing if the pin is told before the handler */
} Order;

/*
 * The first is what Windows with Credential Guard does: the local EOI goes out at once, the
 * device is served later. A broadcast then finds the line still high and the interrupt comes
 * again.
 */
static const Order orders[] = {
    { "eoi-before-deassert", { STEP_EOI, STEP_OBSERVE, STEP_LOWER, STEP_DIRECTED }, 2, false },
    { "eoi-after-deassert",  { STEP_LOWER, STEP_EOI, STEP_OBSERVE, STEP_DIRECTED }, 1, true },
};

typedef struct Tally {
    unsigned deliveries, broadcasts, directed, stuck, wrong_cpu;
    unsigned per_assertion;             /* the most frequent number */
    unsigned silent;                    /* rounds in which suppression showed: no broadcast */
    bool steady;                        /* it was the same in every round */
} Tally;

static unsigned most_frequent(const unsigned *vals, unsigned n)
{
    unsigned best = vals[0], best_count = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned count = 0;

        for (unsigned j = 0; j < n; j++) {
            count += vals[j] == vals[i];
        }
        if (count > best_count) {
            best = vals[i];
            best_count = count;
        }
    }
    return best;
}

static void run_rounds(const Scenario *sc, Tally *t)
{
    unsigned per_round[MAX_ROUNDS] = { 0 };
    Outcome out;

    *t = (Tally) { .steady = true };
    for (unsigned i = 0; i < facts.rounds; i++) {
        scenario_run(sc, &out);
        per_round[i] = out.deliveries;
        t->deliveries += out.deliveries;
        t->broadcasts += out.broadcasts;
        t->directed += out.directed;
        t->stuck += out.stuck;
        t->wrong_cpu += out.wrong_cpu;
        t->silent += out.deliveries && !out.broadcasts;
        t->steady = t->steady && out.deliveries == per_round[0];
    }
    t->per_assertion = most_frequent(per_round, facts.rounds);
}

static void note_facts(const Scenario *sc, const Tally *t, const Order *order)
{
    bool silent = 2 * t->silent > facts.rounds;
    bool meaningful = !order->needs_late_end || !facts.ends_before_handler;

    facts.pins_stuck = facts.pins_stuck || t->stuck;
    if (!sc->suppress) {
        facts.plain_wrong = facts.plain_wrong || silent ||
                            (meaningful && t->per_assertion != order->per_assertion);
    } else {
        *(silent ? &facts.honoured : &facts.not_honoured) = true;
    }
}

/* A single odd round is forgiven only where a host timer tick can end an interrupt early. */
static bool as_wanted(const Tally *t, unsigned want, bool broadcast)
{
    bool steady = t->steady || facts.ends_at_injection;

    return steady && t->per_assertion == want && !t->stuck && !t->wrong_cpu &&
           (broadcast ? t->broadcasts >= t->deliveries : !t->broadcasts);
}

static void check_order(const Order *order, bool suppress, unsigned cpu, bool logical)
{
    static const char *const names[2][2] = {
        { "plain/eoi-before-deassert", "plain/eoi-after-deassert" },
        { "suppress/eoi-before-deassert", "suppress/eoi-after-deassert" },
    };
    Scenario sc = { .suppress = suppress, .cpu = cpu, .logical = logical };
    bool broadcast = !suppress || facts.policy != POLICY_RESPECTED;
    unsigned want = broadcast ? order->per_assertion : 1;
    Tally t;

    for (unsigned i = 0; i < MAX_STEPS; i++) {
        sc.first[i] = sc.again[i] = order->steps[i];
    }
    run_rounds(&sc, &t);
    note_facts(&sc, &t, order);
    report_when(!order->needs_late_end || !facts.ends_before_handler,
                as_wanted(&t, want, broadcast), names[suppress][order - orders],
                "per-assertion=%u want=%u assertions=%u deliveries=%u broadcasts=%u directed=%u "
                "stuck=%u wrong-cpu=%u", t.per_assertion, want, facts.rounds, t.deliveries,
                t.broadcasts, t.directed, t.stuck, t.wrong_cpu);
}

void check_level_orders(unsigned cpu, bool logical)
{
    for (unsigned suppress = 0; suppress < 2; suppress++) {
        for (unsigned i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
            check_order(&orders[i], suppress, cpu, logical);
        }
    }
}

/* Majority of a few rounds: does an EOI under suppression stay away from the I/O APIC? */
bool probe_honoured(void)
{
    Scenario sc = { .suppress = true };
    Tally t;

    for (unsigned i = 0; i < MAX_STEPS; i++) {
        sc.first[i] = sc.again[i] = orders[1].steps[i];
    }
    run_rounds(&sc, &t);
    return 2 * t.silent > facts.rounds;
}

/*
 * The line stays up while the OS only ends interrupts locally. Without suppression each EOI
 * brings the next interrupt at once (bounded here); with it there is one, until the directed EOI,
 * which comes from scenario_run() after the line went down.
 */
static void check_storm_with(bool suppress)
{
    Scenario sc = {
        .first = { STEP_EOI, STEP_LOWER },
        .again = { STEP_EOI, STEP_LOWER },
        .suppress = suppress,
        .hold = facts.storm,
    };
    bool broadcast = !suppress || facts.policy != POLICY_RESPECTED;
    Outcome out;

    scenario_run(&sc, &out);
    facts.pins_stuck = facts.pins_stuck || out.stuck;
    report((broadcast ? out.deliveries >= facts.storm : out.deliveries == 1) && !out.stuck,
           suppress ? "suppress/line-held" : "plain/line-held",
           "deliveries-while-held=%u limit=%u want=%u stuck=%d", out.deliveries, facts.storm,
           broadcast ? facts.storm : 1, out.stuck);
}

void check_storm(void)
{
    check_storm_with(false);
    check_storm_with(true);
}

/*
 * An OS that suppresses broadcasts and has not written the EOI register yet must not be interrupted
 * again by the same pin, whatever the device does; the write releases it.
 */
void check_second_assertion(void)
{
    static const Scenario no_directed = {
        .first = { STEP_LOWER, STEP_EOI },
        .again = { STEP_LOWER, STEP_EOI },
        .suppress = true,
    };
    unsigned want = facts.policy == POLICY_RESPECTED ? 1 : 2;
    unsigned once, twice = 0, thrice = 0;
    bool ok = false;

    for (unsigned tries = host_tries(); tries && !ok; tries--) {
        pend_level(facts.line, VEC_LEVEL, &no_directed);
        once = scenario_drain();
        scenario_raise();
        twice = scenario_drain();
        ioapic_eoi(VEC_LEVEL);
        thrice = scenario_drain();
        ioapic_eoi(VEC_LEVEL);
        facts.pins_stuck = !pin_settled(facts.line, VEC_LEVEL) || facts.pins_stuck;
        ok = once == 1 && twice == want && thrice == 2;
    }
    report_when(!facts.ends_before_handler, ok, "suppress/second-assertion",
                "deliveries=%u want=%u after-eoi-register=%u want=2", twice, want, thrice);
}

typedef struct MaskedCase {
    const char *name;
    Step first[MAX_STEPS];
    bool suppress;
    bool needs_in_service;              /* means nothing where interrupts end at injection */
    unsigned deliveries;
} MaskedCase;

/* Threaded handlers mask the pin, end the interrupt and unmask later: the EOI must still arrive. */
static const MaskedCase masked_cases[] = {
    { "plain/masked-in-service",
      { STEP_LOWER, STEP_MASK, STEP_EOI, STEP_OBSERVE, STEP_UNMASK }, false, false, 1 },
    { "plain/unmasked-with-line-high",
      { STEP_MASK, STEP_EOI, STEP_OBSERVE, STEP_UNMASK }, false, true, 2 },
    { "suppress/masked-in-service",
      { STEP_LOWER, STEP_MASK, STEP_EOI, STEP_OBSERVE, STEP_DIRECTED, STEP_UNMASK },
      true, false, 1 },
};

static void check_masked(const MaskedCase *c)
{
    Scenario sc = { .again = { STEP_LOWER, STEP_EOI, STEP_OBSERVE }, .suppress = c->suppress };
    unsigned want = c->suppress && facts.policy == POLICY_RESPECTED ? 0 : c->deliveries;
    bool ok = false;
    Outcome out;

    for (unsigned j = 0; j < MAX_STEPS; j++) {
        sc.first[j] = c->first[j];
    }
    for (unsigned tries = host_tries(); tries && !ok; tries--) {
        scenario_run(&sc, &out);
        facts.pins_stuck = facts.pins_stuck || out.stuck;
        ok = out.deliveries == c->deliveries && out.broadcasts == want && !out.stuck;
    }
    report_when(!facts.ends_before_handler && !(c->needs_in_service && facts.ends_at_injection), ok,
                c->name, "deliveries=%u want=%u broadcasts=%u want=%u stuck=%d", out.deliveries,
                c->deliveries, out.broadcasts, want, out.stuck);
}

void check_masked_in_service(void)
{
    for (unsigned i = 0; i < sizeof(masked_cases) / sizeof(masked_cases[0]); i++) {
        check_masked(&masked_cases[i]);
    }
}
