/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the local APIC says of itself: version register, SPIV, in-service bit. */
#include "check.h"
#include "idt.h"
#include "io.h"
#include "lapic.h"
#include "report.h"

void check_version_and_spiv(void)
{
    bool want = facts.policy == POLICY_QUIRKED || facts.policy == POLICY_RESPECTED;
    uint32_t lvr = lapic_read(LAPIC_VERSION);
    bool advertised = lvr & LVR_SEOIB;
    uint32_t asked = SPIV_ENABLE | SPIV_SUPPRESS | SPIV_VECTOR, spiv;
    bool accepted = lapic_write_safe(LAPIC_SPIV, asked);

    spiv = lapic_read(LAPIC_SPIV);
    *(advertised ? &facts.advertised : &facts.not_advertised) = true;
    *(spiv & SPIV_SUPPRESS ? &facts.sticks : &facts.not_sticks) = true;
    report(advertised == want, "version", "lvr=0x%08x bit24=%d want=%d", lvr, advertised, want);
    report((spiv & SPIV_SUPPRESS ? 1 : 0) == want && (spiv | SPIV_SUPPRESS) == (asked),
           "spiv", "wrote=0x%x read=0x%x bit12=%d want=%d fault=%d", asked, spiv,
           spiv & SPIV_SUPPRESS ? 1 : 0, want, !accepted);
    lapic_write(LAPIC_SPIV, SPIV_ENABLE | SPIV_VECTOR);
    spiv = lapic_read(LAPIC_SPIV);
    report(spiv == (SPIV_ENABLE | SPIV_VECTOR), "spiv-off", "read=0x%x", spiv);
}

static volatile unsigned isr_seen, ipis_seen;

static void look_at_isr(InterruptFrame *frame)
{
    (void)frame;
    ipis_seen++;
    isr_seen += lapic_vector_bit(LAPIC_ISR, VEC_EDGE);
    lapic_eoi();
}

/*
 * Some hosts' KVM ends every interrupt when it injects it. Not a failure of the VMM, but tests that
 * need an interrupt to stay in service mean nothing there.
 */
void check_in_service_bit(void)
{
    isr_seen = ipis_seen = 0;
    idt_set_handler(VEC_EDGE, look_at_isr);
    irq_enable();
    lapic_self_ipi(VEC_EDGE);
    flush_exits();
    irq_disable();
    facts.ends_at_injection = ipis_seen && !isr_seen;
    report(ipis_seen == 1, "self-ipi", "deliveries=%u", ipis_seen);
    report_info("in-service-bit", "kept=%u%s", isr_seen,
                facts.ends_at_injection ? " (this host ends interrupts at injection)" : "");
}

/*
 * On such a host with an I/O APIC in the kernel the end reaches the pin before the first
 * instruction of the handler, which therefore can never lower the line in time.
 */
void probe_early_end(void)
{
    static const Scenario look = {
        .first = { STEP_PENDING_NOW, STEP_LOWER, STEP_EOI },
        .again = { STEP_LOWER, STEP_EOI },
    };
    unsigned early = 0;
    Outcome out;

    for (unsigned i = 0; i < facts.rounds; i++) {
        scenario_run(&look, &out);
        early += out.pending_again;
    }
    facts.ends_before_handler = facts.ends_at_injection && 2 * early > facts.rounds;
    if (facts.ends_before_handler) {
        report_info("early-end", "this host tells the I/O APIC before the handler runs");
    }
}
