/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu-check: what a CPU does in 64-bit mode beyond calculating. Groups: paging, tlb, segments,
 * debug, fpu, interrupts, smc, order; "only=GROUP" on the command line runs one.
 */
#include "cmdline.h"
#include "guest.h"
#include "lapic.h"
#include "memory.h"
#include "report.h"
#include "smp.h"
#include "try.h"

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    { "paging", check_paging }, { "tlb", check_tlb },
    { "segments", check_segments }, { "debug", check_debug },
    { "fpu", check_fpu }, { "interrupts", check_interrupts },
    { "smc", check_smc },
};

static bool wanted(const char *group)
{
    const char *only = cmdline_get("only", NULL);

    return !only || str_equal(only, group);
}

void guest_main(void)
{
    unsigned nr_cpus = 1;

    try_init();
    if (lapic_init()) {
        nr_cpus = smp_init(4);
    }
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (wanted(groups[i].name)) {
            groups[i].run();
        }
    }
    if (wanted("order")) {
        check_order(nr_cpus);
        check_cross_smc(nr_cpus);
    }
    report_prefix("");
    report_finish(false, "cpus=%u", nr_cpus);
}
