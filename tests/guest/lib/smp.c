/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start-up of the other CPUs (SDM vol. 3, 9.4.4) and a mailbox for each. */
#include <stddef.h>
#include "acpi.h"
#include "idt.h"
#include "io.h"
#include "lapic.h"
#include "layout.h"
#include "memory.h"
#include "smp.h"

#define TSC_PER_US       3000
#define START_LIMIT_US   3000000
#define RUN_LIMIT_US     10000000

typedef struct Mailbox {
    void (*volatile fn)(void *arg);
    void *volatile arg;
} Mailbox;

extern const uint8_t ap_trampoline_start[], ap_trampoline_end[];
extern volatile uint64_t boot_next_stack, boot_next_entry;

static GuestCpu cpus[GUEST_MAX_CPUS];
static Mailbox mailboxes[GUEST_MAX_CPUS];
static uint8_t stacks[GUEST_MAX_CPUS][GUEST_STACK_BYTES] __attribute__((aligned(16)));
static unsigned nr_cpus = 1;
static volatile unsigned starting;          /* index of the CPU being started */

static bool time_left(uint64_t start, uint32_t limit_us)
{
    return rdtsc() - start < (uint64_t)limit_us * TSC_PER_US;
}

void delay_us(uint32_t us)
{
    uint64_t start = rdtsc();

    while (time_left(start, us)) {
        cpu_relax();
    }
}

GuestCpu *smp_cpu(unsigned index)
{
    return &cpus[index];
}

static void describe_cpu(GuestCpu *cpu)
{
    cpu->logical_id = lapic_logical_id();
}

static void ap_main(void)
{
    unsigned index = starting;
    GuestCpu *cpu = &cpus[index];
    Mailbox *box = &mailboxes[index];

    idt_load();
    cpu->spiv_after_init = lapic_read(LAPIC_SPIV);
    cpu->lvr = lapic_read(LAPIC_VERSION);
    lapic_init();
    describe_cpu(cpu);
    irq_enable();
    cpu->online = true;
    for (;;) {
        void (*fn)(void *) = box->fn;

        if (fn) {
            fn(box->arg);
            describe_cpu(cpu);
            box->fn = NULL;
        }
        cpu_relax();
    }
}

static bool wait_online(const GuestCpu *cpu, uint32_t limit_us)
{
    uint64_t start = rdtsc();

    while (!cpu->online && time_left(start, limit_us)) {
        cpu_relax();
    }
    return cpu->online;
}

bool smp_restart(unsigned index)
{
    GuestCpu *cpu = &cpus[index];
    uint32_t startup = ICR_STARTUP | ICR_ASSERT | AP_TRAMPOLINE_GPA >> 12;

    cpu->online = false;
    mailboxes[index].fn = NULL;
    starting = index;
    boot_next_stack = (uintptr_t)stacks[index] + GUEST_STACK_BYTES;
    boot_next_entry = (uintptr_t)ap_main;
    memcpy((void *)(uintptr_t)AP_TRAMPOLINE_GPA, ap_trampoline_start,
           (size_t)(ap_trampoline_end - ap_trampoline_start));
    lapic_send_ipi(cpu->apic_id, ICR_INIT | ICR_ASSERT);
    delay_us(10000);
    lapic_send_ipi(cpu->apic_id, startup);
    if (!wait_online(cpu, 20000)) {
        lapic_send_ipi(cpu->apic_id, startup);
    }
    return wait_online(cpu, START_LIMIT_US);
}

unsigned smp_init(unsigned max_cpus)
{
    const AcpiFacts *acpi = acpi_facts();
    uint32_t self = lapic_id();

    cpus[0].apic_id = self;
    cpus[0].online = true;
    cpus[0].lvr = lapic_read(LAPIC_VERSION);
    for (unsigned i = 0; i < acpi->nr_cpus && i < GUEST_MAX_CPUS && nr_cpus < max_cpus; i++) {
        if (acpi->apic_id[i] == self) {
            continue;
        }
        cpus[nr_cpus].apic_id = acpi->apic_id[i];
        if (!smp_restart(nr_cpus)) {
            break;
        }
        nr_cpus++;
    }
    return nr_cpus;
}

bool smp_start(unsigned index, void (*fn)(void *arg), void *arg)
{
    if (mailboxes[index].fn) {
        return false;
    }
    mailboxes[index].arg = arg;
    mailboxes[index].fn = fn;
    return true;
}

bool smp_wait(unsigned index)
{
    uint64_t start = rdtsc();

    while (mailboxes[index].fn && time_left(start, RUN_LIMIT_US)) {
        cpu_relax();
    }
    return !mailboxes[index].fn;
}

bool smp_run(unsigned index, void (*fn)(void *arg), void *arg)
{
    return smp_start(index, fn, arg) && smp_wait(index);
}
