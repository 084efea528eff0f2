/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remote IRR and the I/O APIC's EOI register. The vector is kept pending with interrupts off, so
 * that these checks mean the same on hosts that end interrupts at injection.
 */
#include <stddef.h>
#include "check.h"
#include "idt.h"
#include "io.h"
#include "ioapic.h"
#include "lapic.h"
#include "report.h"

void check_eoi_register(void)
{
    bool want = !ioapic_has_eoi_register(), pending, set, other, own;
    unsigned pin = facts.line->pin;

    pend_level(facts.line, VEC_LEVEL, &scenario_end_all);
    pending = lapic_vector_bit(LAPIC_IRR, VEC_LEVEL);
    set = ioapic_remote_irr(pin);
    report(pending && set, "level/remote-irr-set", "irr=%d remote-irr=%d", pending, set);
    scenario_lower();
    ioapic_eoi(VEC_SECOND);
    other = ioapic_remote_irr(pin);
    ioapic_eoi(VEC_LEVEL);
    own = ioapic_remote_irr(pin);
    scenario_drain();
    report(other && own == want, "eoi-register/clears-remote-irr",
           "remote-irr-after-other-vector=%d want=1 after-own-vector=%d want=%d", other, own, want);
    facts.pins_stuck = !pin_settled(facts.line, VEC_LEVEL) || facts.pins_stuck;
}

void check_eoi_register_redelivers(void)
{
    static const Scenario plain = {
        .first = { STEP_DIRECTED_ALWAYS, STEP_PENDING, STEP_LOWER, STEP_EOI },
        .again = { STEP_LOWER, STEP_EOI },
    };
    static const Scenario suppressed = {
        .first = { STEP_EOI, STEP_DIRECTED_ALWAYS, STEP_PENDING, STEP_LOWER, STEP_DIRECTED },
        .again = { STEP_LOWER, STEP_EOI, STEP_DIRECTED },
        .suppress = true,
    };
    Outcome out;

    if (!ioapic_has_eoi_register()) {
        report_skip("eoi-register/asserted-pin-comes-again", "version 0x%x has no EOI register",
                    ioapic_version());
        return;
    }
    scenario_run(facts.policy == POLICY_RESPECTED ? &suppressed : &plain, &out);
    report(out.pending_again && out.deliveries == 2 && !out.stuck,
           "eoi-register/asserted-pin-comes-again", "pending=%d deliveries=%u want=2 stuck=%d",
           out.pending_again, out.deliveries, out.stuck);
}

/* What systems without an EOI register do to finish a pin: mask it, make it edge, then level. */
void check_trigger_flip(void)
{
    bool before, after;

    pend_level(facts.line, VEC_LEVEL, &scenario_end_all);
    scenario_lower();
    before = ioapic_remote_irr(facts.line->pin);
    ioapic_reset_pin(facts.line->pin);
    after = ioapic_remote_irr(facts.line->pin);
    scenario_drain();
    report(before && !after, "level/edge-flip-clears-remote-irr", "before=%d after=%d", before,
           after);
}

/* Two pins, one vector, both waiting; returns the two remote IRRs as bits 0 and 1. */
static unsigned pend_shared(void)
{
    ioapic_set_pin(facts.second->pin, RTE_MASKED, 0);
    pend_level(facts.line, VEC_LEVEL, &scenario_end_all);
    ioapic_set_pin(facts.second->pin, VEC_LEVEL | RTE_LEVEL, (uint8_t)lapic_id());
    facts.second->set(facts.second, true);
    flush_exits();
    return ioapic_remote_irr(facts.line->pin) | ioapic_remote_irr(facts.second->pin) << 1;
}

static unsigned shared_remote_irrs(void)
{
    flush_exits();
    return ioapic_remote_irr(facts.line->pin) | ioapic_remote_irr(facts.second->pin) << 1;
}

void check_shared_vector(void)
{
    unsigned before, after;

    if (!facts.second) {
        report_skip("shared-vector", "no second interrupt line");
        return;
    }
    before = pend_shared();
    scenario_lower();
    facts.second->set(facts.second, false);
    scenario_drain();
    after = shared_remote_irrs();
    report(before == 3 && after == 0, "shared-vector/one-broadcast-ends-both",
           "remote-irrs-before=%u want=3 after=%u want=0", before, after);
    if (ioapic_has_eoi_register()) {
        before = pend_shared();
        scenario_lower();
        facts.second->set(facts.second, false);
        ioapic_eoi(VEC_LEVEL);
        after = shared_remote_irrs();
        scenario_drain();
        report(before == 3 && after == 0, "shared-vector/one-eoi-register-write-ends-both",
               "remote-irrs-before=%u want=3 after=%u want=0", before, after);
    }
    ioapic_reset_pin(facts.second->pin);
    ioapic_reset_pin(facts.line->pin);
}

/* The trigger mode register says which EOIs are broadcast at all: set by level, cleared by edge. */
void check_trigger_mode_bits(void)
{
    bool level, edge;

    pend_level(facts.line, VEC_LEVEL, &scenario_end_all);
    level = lapic_vector_bit(LAPIC_TMR, VEC_LEVEL);
    scenario_lower();
    scenario_drain();
    ioapic_reset_pin(facts.line->pin);
    lapic_self_ipi(VEC_LEVEL);
    flush_exits();
    edge = lapic_vector_bit(LAPIC_TMR, VEC_LEVEL);
    scenario_drain();
    report(level && !edge, "trigger-mode-register", "level=%d want=1 edge=%d want=0", level, edge);
}

static volatile unsigned edges_taken;

static void end_edge(InterruptFrame *frame)
{
    (void)frame;
    edges_taken++;
    lapic_eoi();
}

void check_edge(void)
{
    const unsigned nr_edges = 5;
    unsigned pin = facts.line->pin, remote_irrs = 0;

    idt_set_handler(VEC_EDGE, end_edge);
    edges_taken = 0;
    ioapic_set_pin(pin, VEC_EDGE, (uint8_t)lapic_id());
    irq_enable();
    for (unsigned i = 0; i < nr_edges; i++) {
        facts.line->set(facts.line, true);
        flush_exits();
        remote_irrs += ioapic_remote_irr(pin);
        facts.line->set(facts.line, false);
        flush_exits();
    }
    irq_disable();
    ioapic_set_low(pin, RTE_MASKED);
    report(edges_taken == nr_edges && !remote_irrs, "edge/one-delivery-each",
           "edges=%u deliveries=%u remote-irr=%u", nr_edges, edges_taken, remote_irrs);
}

/* The end of an edge interrupt says nothing to a level pin that waits for its own. */
void check_edge_leaves_level(void)
{
    bool before, after, taken_early;

    idt_set_handler(VEC_EDGE, end_edge);
    edges_taken = 0;
    pend_level(facts.line, VEC_LEVEL, &scenario_end_all);
    scenario_lower();
    before = ioapic_remote_irr(facts.line->pin);
    lapic_write(LAPIC_TPR, TPR_BLOCKS_LEVEL);
    lapic_self_ipi(VEC_EDGE);
    taken_early = scenario_drain() != 0;
    after = ioapic_remote_irr(facts.line->pin);
    lapic_write(LAPIC_TPR, 0);
    scenario_drain();
    report(edges_taken == 1 && !taken_early && before && after, "edge/eoi-leaves-level-pin-alone",
           "edges=%u remote-irr-before=%d after=%d level-taken-early=%d", edges_taken, before,
           after, taken_early);
    facts.pins_stuck = !pin_settled(facts.line, VEC_LEVEL) || facts.pins_stuck;
}

void check_idle_at_end(void)
{
    bool irr = lapic_any_vector(LAPIC_IRR), isr = lapic_any_vector(LAPIC_ISR);
    unsigned stuck = 0, stray = idt_stray_count();

    for (unsigned pin = 0; pin < ioapic_nr_pins(); pin++) {
        stuck += ioapic_remote_irr(pin);
    }
    facts.pins_stuck = facts.pins_stuck || stuck;
    report(!irr && !isr && !stuck && !stray, "idle-at-end",
           "irr=%d isr=%d remote-irrs=%u stray-interrupts=%u", irr, isr, stuck, stray);
}
