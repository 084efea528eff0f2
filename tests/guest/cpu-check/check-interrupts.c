/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When interrupts are taken: after which instruction, out of HLT; NMI blocking (SDM vol. 3 6.8). */
#include "io.h"
#include "lapic.h"
#include "report.h"
#include "try.h"

#define VECTOR 0x71

static volatile uint64_t taken_at, nr_taken, nr_nmi, nmi_depth, nmi_max;

static void on_irq(InterruptFrame *frame)
{
    taken_at = frame->rip;
    nr_taken++;
    lapic_eoi();
}

static void on_nmi(InterruptFrame *frame)
{
    nr_nmi++;
    nmi_depth++;
    nmi_max = nmi_depth > nmi_max ? nmi_depth : nmi_max;
    if (nr_nmi == 1) { /* a second one waits for this IRET */
        lapic_send_ipi(lapic_id(), 0x4400);
        for (volatile unsigned i = 0; i < 1000; i++) {
        }
    }
    nmi_depth--;
}

/* With the interrupt already pending and IF clear, runs the code: where was it taken? */
static void expect(const char *name, const Try *t, uint64_t at)
{
    Outcome o;

    nr_taken = taken_at = 0;
    lapic_self_ipi(VECTOR);
    o = try_run(t);
    o.at = taken_at - (o.regs.rip - o.at);
    report(o.vector == DONE && nr_taken == 1 && o.at == at, name, "taken=%llu at=%lld",
           (unsigned long long)nr_taken, (unsigned long long)o.at);
}

static void expect_none(const char *name, const Try *t)
{
    Outcome o;

    nr_taken = 0;
    lapic_self_ipi(VECTOR);
    o = try_run(t);
    report(o.vector == DONE && nr_taken == 0, name, "taken=%llu", (unsigned long long)nr_taken);
    irq_enable();
    while (!nr_taken) {
        cpu_relax();
    }
    irq_disable();
}

static void check_shadows(void)
{
    static uint64_t flags = 0x202;

    expect("sti-shadow", &(Try){ CODE("\x90\xfb\x90\x90\x90\xfa") }, 3);
    expect_none("sti-cli", &(Try){ CODE("\xfb\xfa\x90\x90") });
    expect("popf-no-shadow", &(Try){ CODE("\x9d\x90\x90\xfa"), .rsp = (uintptr_t)&flags }, 1);
    expect("sti-mov-ss", &(Try){ CODE("\xfb\x8e\xd0\x90\x90\xfa"), .rax = 0x18 }, 4);
    expect("sti-hlt", &(Try){ CODE("\xfb\xf4\xfa\x90") }, 2);
    expect_none("if-clear", &(Try){ CODE("\x90\x90\x90") });
}


static void check_nmi(void)
{
    nr_nmi = nmi_max = 0;
    idt_set_handler(2, on_nmi);
    lapic_send_ipi(lapic_id(), 0x4400);
    for (volatile unsigned i = 0; i < 10000 && nr_nmi < 2; i++) {
    }
    report(nr_nmi == 2 && nmi_max == 1, "nmi-blocked-until-iret", "nmi=%llu depth=%llu",
           (unsigned long long)nr_nmi, (unsigned long long)nmi_max);
}

void check_interrupts(void)
{
    report_prefix("interrupts/");
    idt_set_handler(VECTOR, on_irq);
    check_shadows();
    check_nmi();
}
