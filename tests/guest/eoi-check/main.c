/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eoi-check, a bare-metal guest for any virtual machine monitor (see scripts/eoi-check). Words it
 * understands on its command line:
 *     expect=any|respected|quirked|not-advertised|on|off|unset    what the machine should do
 *     cpus=N (all)  mode=all|xapic|x2apic  rounds=N (5)  storm=N (50)
 *     line=auto|pc-testdev|uart  pin=N (5)  pin2=N (11)
 * "on" and "off" mean respected and not-advertised; "unset" means either of the other two, which
 * depends on the accelerator. With "any" the machine is classified first and must then be
 * consistent with its class.
 */
#include <stddef.h>
#include "acpi.h"
#include "check.h"
#include "cmdline.h"
#include "guest.h"
#include "io.h"
#include "ioapic.h"
#include "lapic.h"
#include "memory.h"
#include "report.h"
#include "smp.h"

Facts facts;

typedef struct Mode {
    const char *name, *prefix, *cpu_physical, *cpu_logical;
} Mode;

static const Mode xapic = { "xapic", "xapic/", "xapic/cpu1-physical/", "xapic/cpu1-logical/" };
static const Mode x2apic = { "x2apic", "x2apic/", "x2apic/cpu1-physical/", "x2apic/cpu1-logical/" };

static const char *const policy_names[] = {
    [POLICY_NOT_ADVERTISED] = "not-advertised",
    [POLICY_QUIRKED] = "quirked",
    [POLICY_RESPECTED] = "respected",
    [POLICY_BROKEN] = "broken",
    [POLICY_UNKNOWN] = "unknown",
};

typedef struct Expectation {
    const char *word;
    Policy policy;                      /* POLICY_UNKNOWN: classify */
    bool not_respected;                 /* ... but respected is wrong */
} Expectation;

static const Expectation expectations[] = {
    { "any", POLICY_UNKNOWN, false },
    { "respected", POLICY_RESPECTED, false },
    { "quirked", POLICY_QUIRKED, false },
    { "not-advertised", POLICY_NOT_ADVERTISED, false },
    { "on", POLICY_RESPECTED, false },
    { "off", POLICY_NOT_ADVERTISED, false },
    { "unset", POLICY_UNKNOWN, true },
};

static const Expectation *find_expectation(const char *word)
{
    for (unsigned i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        if (str_equal(word, expectations[i].word)) {
            return &expectations[i];
        }
    }
    return NULL;
}

static uint32_t option(const char *key, uint32_t def, uint32_t max)
{
    uint32_t val = cmdline_get_u32(key, def);

    return val < 1 ? 1 : val > max ? max : val;
}

static void describe_cpu(void)
{
    CpuidResult leaf0 = cpuid(0, 0), hv = cpuid(0x40000000, 0);
    uint32_t vendor[4] = { leaf0.ebx, leaf0.edx, leaf0.ecx, 0 };
    uint32_t hypervisor[4] = { hv.ebx, hv.ecx, hv.edx, 0 };
    bool virtualised = cpuid(1, 0).ecx >> 31 & 1;

    report_info("cpu", "vendor=%s hypervisor=%s x2apic=%d", (const char *)vendor,
                virtualised && hypervisor[0] ? (const char *)hypervisor : "none",
                lapic_has_x2apic());
}

static bool machine_init(void)
{
    const AcpiFacts *acpi = acpi_facts();

    describe_cpu();
    if (!lapic_init()) {
        report(false, "local-apic", "missing");
        return false;
    }
    if (!ioapic_init(acpi->ioapic_gpa)) {
        report(false, "ioapic", "missing");
        return false;
    }
    report(ioapic_version() == 0x11 || ioapic_has_eoi_register(), "ioapic",
           "version=0x%x pins=%u eoi-register=%d", ioapic_version(), ioapic_nr_pins(),
           ioapic_has_eoi_register());
    facts.nr_cpus = smp_init(option("cpus", GUEST_MAX_CPUS, GUEST_MAX_CPUS));
    report_info("cpus", "running=%u listed=%u", facts.nr_cpus, acpi->nr_cpus);
    return true;
}

static void find_lines(void)
{
    scenario_init();
    facts.line = line_find(cmdline_get("line", "auto"), cmdline_get_u32("pin", 5));
    if (!facts.line) {
        report_skip("line", "no interrupt line to raise: add -device pc-testdev");
        return;
    }
    facts.second = line_second(facts.line, cmdline_get_u32("pin2", 11));
    report_info("line", "source=%s pin=%u second=%s pin=%u", facts.line->name, facts.line->pin,
                facts.second ? facts.second->name : "none",
                facts.second ? facts.second->pin : 0);
}

static void classify(void)
{
    if (!(lapic_read(LAPIC_VERSION) & LVR_SEOIB)) {
        facts.policy = POLICY_NOT_ADVERTISED;
    } else {
        facts.policy = facts.line && probe_honoured() ? POLICY_RESPECTED : POLICY_QUIRKED;
    }
}

static void check_mode(const Mode *mode)
{
    report_prefix(mode->prefix);
    check_version_and_spiv();
    check_in_service_bit();
    if (facts.line) {
        probe_early_end();
        check_level_orders(0, false);
        check_storm();
        check_second_assertion();
        check_masked_in_service();
        check_eoi_register();
        check_eoi_register_redelivers();
        check_trigger_flip();
        check_shared_vector();
        check_trigger_mode_bits();
        check_edge();
        check_edge_leaves_level();
    }
    check_smp(mode->cpu_physical, mode->cpu_logical, mode->prefix);
    check_idle_at_end();
    report_prefix("");
}

static void enter_x2apic(void *opaque)
{
    (void)opaque;
    lapic_enter_x2apic();
}

static void all_enter_x2apic(void)
{
    for (unsigned i = 1; i < facts.nr_cpus; i++) {
        smp_run(i, enter_x2apic, NULL);
    }
    lapic_enter_x2apic();
}

static void check_modes(const char *wanted)
{
    if (lapic_in_x2apic()) {
        report_skip("xapic", "the firmware left the CPU in x2APIC mode");
    } else if (!str_equal(wanted, "x2apic")) {
        check_mode(&xapic);
    }
    if (!lapic_has_x2apic()) {
        report_skip("x2apic", "the CPU has no x2APIC mode");
    } else if (!str_equal(wanted, "xapic")) {
        all_enter_x2apic();
        check_mode(&x2apic);
    }
}

/* From what was seen alone; the expectation plays no part. */
static Policy judge(void)
{
    if (!facts.line || !(facts.honoured || facts.not_honoured)) {
        return POLICY_UNKNOWN;
    }
    if (facts.plain_wrong || facts.pins_stuck || (facts.advertised && facts.not_advertised) ||
        (facts.sticks && facts.not_sticks) || (facts.honoured && facts.not_honoured) ||
        facts.advertised != facts.sticks) {
        return POLICY_BROKEN;
    }
    if (facts.honoured) {
        return facts.advertised ? POLICY_RESPECTED : POLICY_BROKEN;
    }
    return facts.advertised ? POLICY_QUIRKED : POLICY_NOT_ADVERTISED;
}

static void report_verdict(const Expectation *expect, Policy verdict)
{
    bool ok = verdict != POLICY_BROKEN;

    if (verdict == POLICY_UNKNOWN) {
        report_skip("verdict", "got=unknown want=%s", expect->word);
        return;
    }
    if (expect->policy != POLICY_UNKNOWN) {
        ok = verdict == expect->policy;
    } else if (expect->not_respected) {
        ok = ok && verdict != POLICY_RESPECTED;
    }
    report(ok, "verdict", "got=%s want=%s", policy_names[verdict], expect->word);
}

void guest_main(void)
{
    const char *word = cmdline_get("expect", "any");
    const Expectation *expect = find_expectation(word);
    Policy verdict;

    report_info("eoi-check", "expect=%s", word);
    if (!expect) {
        report(false, "expect", "unknown word '%s'", word);
        report_finish(false, "verdict=unknown expect=%s", word);
    }
    facts.rounds = option("rounds", 5, MAX_ROUNDS);
    facts.storm = option("storm", 50, 1000);
    if (!machine_init()) {
        report_finish(false, "verdict=unknown expect=%s", word);
    }
    find_lines();
    facts.policy = expect->policy;
    if (facts.policy == POLICY_UNKNOWN) {
        classify();
    }
    check_modes(cmdline_get("mode", "all"));
    verdict = judge();
    report_verdict(expect, verdict);
    report_finish(verdict == POLICY_UNKNOWN, "verdict=%s expect=%s", policy_names[verdict], word);
}
