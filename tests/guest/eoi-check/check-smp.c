/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same interrupts on a second CPU, and what must not leak between CPUs. */
#include <stddef.h>
#include "check.h"
#include "io.h"
#include "ioapic.h"
#include "lapic.h"
#include "report.h"
#include "smp.h"

#define TARGET       1
#define WAIT_POLLS   20000
#define POLL_US      50

static void read_lvr(void *opaque)
{
    *(volatile uint32_t *)opaque = lapic_read(LAPIC_VERSION);
}

static void check_versions_agree(void)
{
    uint32_t boot = lapic_read(LAPIC_VERSION), other = boot;
    unsigned differing = 0;

    for (unsigned i = 1; i < facts.nr_cpus; i++) {
        uint32_t lvr = 0;

        smp_run(i, read_lvr, &lvr);
        if (lvr != boot) {
            other = lvr;
            differing++;
        }
    }
    report(!differing, "smp/versions-agree", "cpus=%u lvr=0x%08x other=0x%08x differing=%u",
           facts.nr_cpus, boot, other, differing);
}

/* The CPU the interrupt is taken on ends it, wherever the pin points by then. */
static void check_retarget(void)
{
    static const Scenario sc = {
        .first = { STEP_LOWER, STEP_TO_BOOT_CPU, STEP_EOI, STEP_OBSERVE },
        .again = { STEP_LOWER, STEP_EOI, STEP_OBSERVE },
        .cpu = TARGET,
    };
    bool ok = false;
    Outcome out;

    for (unsigned tries = host_tries(); tries && !ok; tries--) {
        scenario_run(&sc, &out);
        facts.pins_stuck = facts.pins_stuck || out.stuck;
        ok = out.deliveries == 1 && out.broadcasts == 1 && !out.stuck;
    }
    report_when(!facts.ends_before_handler, ok, "smp/retarget-in-service",
                "deliveries=%u want=1 broadcasts=%u want=1 stuck=%d", out.deliveries,
                out.broadcasts, out.stuck);
}

static volatile bool target_waits, target_may_go;

static void hold_interrupts(void *opaque)
{
    (void)opaque;
    irq_disable();
    target_waits = true;
    while (!target_may_go) {
        cpu_relax();
    }
    irq_enable();
}

static bool wait_remote_irr(unsigned pin)
{
    for (unsigned i = 0; i < WAIT_POLLS; i++) {
        if (ioapic_remote_irr(pin)) {
            return true;
        }
        delay_us(POLL_US);
    }
    return false;
}

/* An EOI on a CPU with nothing in service reaches no pin. */
static void check_foreign_eoi(void)
{
    static Scenario sc;
    bool before, after;
    unsigned pin = facts.line->pin, taken;

    sc = scenario_end_all;
    sc.cpu = TARGET;
    target_waits = target_may_go = false;
    scenario_prepare(facts.line, VEC_LEVEL, &sc);
    smp_start(TARGET, hold_interrupts, NULL);
    for (unsigned i = 0; i < WAIT_POLLS && !target_waits; i++) {
        delay_us(POLL_US);
    }
    scenario_raise();
    before = wait_remote_irr(pin);
    scenario_lower();
    lapic_eoi();
    flush_exits();
    after = ioapic_remote_irr(pin);
    target_may_go = true;
    smp_wait(TARGET);
    taken = scenario_drain();
    report(before && after && taken == 1, "smp/eoi-on-another-cpu-ends-nothing",
           "remote-irr-before=%d after=%d want=1 deliveries=%u want=1", before, after, taken);
    facts.pins_stuck = !pin_settled(facts.line, VEC_LEVEL) || facts.pins_stuck;
}

static void check_init_resets(void)
{
    const GuestCpu *cpu = smp_cpu(TARGET);
    uint32_t boot_lvr = lapic_read(LAPIC_VERSION);
    bool back;

    spiv_request(TARGET, true);
    back = smp_restart(TARGET);
    spiv_forget(TARGET);
    report(back && !(cpu->spiv_after_init & SPIV_SUPPRESS) && cpu->lvr == boot_lvr,
           "smp/init-resets-suppression", "restarted=%d spiv=0x%x lvr=0x%08x", back,
           cpu->spiv_after_init, cpu->lvr);
    if (!back) {
        facts.nr_cpus = 1;
    }
}

void check_smp(const char *physical, const char *logical, const char *rest)
{
    if (facts.nr_cpus < 2) {
        report_skip("smp", "one CPU");
        return;
    }
    check_versions_agree();
    if (facts.line) {
        report_prefix(physical);
        check_level_orders(TARGET, false);
        report_prefix(logical);
        check_level_orders(TARGET, true);
        report_prefix(rest);
        check_retarget();
        check_foreign_eoi();
    }
    check_init_resets();
}
