/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Something to stop, step and reset: every CPU works for ever at what work=KIND,KIND,... says for
 * its number (the list repeats). After "READY" the functions and variables below are what
 * tests/functional/test_gdb.py and test_run_control.py look at.
 *
 *   tick   counts in tick(); every 64 rounds writes `watched`
 *   spin   an endless jump
 *   halt   HLT with interrupts on
 *   smc    patches an instruction and runs it, again and again
 *   fault  triple fault after a while
 *
 * x2apic=1: local APICs in x2APIC mode.
 */
#include "cmdline.h"
#include "console.h"
#include "guest.h"
#include "idt.h"
#include "io.h"
#include "lapic.h"
#include "memory.h"
#include "smp.h"

#define NMI_VECTOR      2
#define LVT_NMI         0x400
#define MAX_CPUS        8
#define TICKS_PER_WRITE 64

volatile uint64_t counter[MAX_CPUS], watched, nmi_count[MAX_CPUS], wrong_results;
volatile uint32_t magic[4] = { 0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00 };
static uint8_t patched[MAX_CPUS][64] __attribute__((aligned(64)));

static void on_nmi(InterruptFrame *frame)
{
    __sync_fetch_and_add(&nmi_count[lapic_id() % MAX_CPUS], 1);
}

void tick(uint64_t cpu);

__attribute__((noinline)) void tick(uint64_t cpu)
{
    counter[cpu]++;
    if (counter[cpu] % TICKS_PER_WRITE == 0) {
        watched = counter[cpu];
    }
}

static void work_tick(uint64_t cpu)
{
    uint64_t told = 0;

    for (;;) {
        tick(cpu);
        if (cpu == 0 && nmi_count[0] != told) {
            told = nmi_count[0];
            print("NMI %u\n", (unsigned)told);
        }
    }
}

static void work_spin(uint64_t cpu)
{
    __asm__ volatile(".globl spin_here\n"
                     "spin_here: jmp spin_here\n");
}

static void work_halt(uint64_t cpu)
{
    for (;;) {
        __asm__ volatile("sti; hlt");
        counter[cpu]++;
    }
}

/* mov $N, %eax; ret with another N each time: the result must be the newest. */
static void work_smc(uint64_t cpu)
{
    uint8_t *code = patched[cpu];
    uint32_t (*fn)(void) = (uint32_t (*)(void))(uintptr_t)code;

    code[0] = 0xb8;
    code[5] = 0xc3;
    for (uint32_t n = 0;; n++) {
        for (unsigned i = 0; i < 4; i++) {
            ((volatile uint8_t *)code)[1 + i] = (uint8_t)(n >> 8 * i);
        }
        if (fn() != n) {
            wrong_results++;
        }
        counter[cpu] = n;
    }
}

static void work_fault(uint64_t cpu)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } empty = { 0, 0 };

    delay_us(20000);
    __asm__ volatile("lidt %0\n"
                     "ud2" : : "m"(empty) : "memory");
}

static const struct {
    char first; /* the letter that tells them apart */
    void (*fn)(uint64_t cpu);
} works[] = {
    { 't', work_tick }, { 'p', work_spin }, { 'h', work_halt }, { 'm', work_smc },
    { 'f', work_fault },
};

/* "spin" and "smc" differ in their second letter. */
static void work(void *arg)
{
    uint64_t cpu = (uintptr_t)arg;
    const char *word = cmdline_get("work", "tick");
    const char *start = word;

    for (uint64_t i = 0; i < cpu; i++) {
        while (*word && *word != ',') {
            word++;
        }
        word = *word ? word + 1 : start;
    }
    for (unsigned i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        if (works[i].first == (word[0] == 's' ? word[1] : word[0])) {
            works[i].fn(cpu);
        }
    }
}

static void enter_x2apic(void *arg)
{
    lapic_enter_x2apic();
}

static void enable_nmi(void *arg)
{
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
}

void guest_main(void)
{
    unsigned nr;

    idt_set_handler(NMI_VECTOR, on_nmi);
    lapic_init();
    nr = smp_init(MAX_CPUS);
    if (cmdline_get_u32("x2apic", 0) && lapic_has_x2apic()) {
        for (unsigned i = 1; i < nr; i++) {
            smp_run(i, enter_x2apic, (void *)0);
        }
        lapic_enter_x2apic();
    }
    for (unsigned i = 1; i < nr; i++) {
        smp_run(i, enable_nmi, (void *)0);
    }
    enable_nmi((void *)0);
    print("READY cpus=%u\n", nr);
    for (unsigned i = 1; i < nr; i++) {
        smp_start(i, work, (void *)(uintptr_t)i);
    }
    work(0);
}
