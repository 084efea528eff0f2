/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All CPUs (up to 64) do something nasty at once, rounds=N each, CPU n what stands at n modulo 5:
 *
 *   smc      patches code that all such CPUs run, and runs it
 *   tables   page tables with random entries at every level: RAM, devices, ROM, nothing, reserved
 *            bits; reads and writes through them
 *   ports    random port accesses
 *   mmio     random accesses where devices are
 *   ipi      interrupts to random CPUs, TLB flushes
 *
 * seed=N. Only RAM above this program is written through the random tables, so that it can end with
 * PASS; whatever happens, the VMM has to live, to answer and not to grow.
 */
#include "cmdline.h"
#include "console.h"
#include "guest-exit.h"
#include "guest.h"
#include "hammer.h"
#include "io.h"
#include "lapic.h"
#include "layout.h"
#include "smp.h"

#define NR_EXCEPTIONS  32
#define CODE_SLOTS     64
#define CODE_STEP      61               /* some slots cross granules and pages */
#define NR_TABLES      4                /* PDPT, PD, two PTs */
#define ENTRIES        512
#define SCRATCH_START  0x1000000u
#define SCRATCH_BYTES  0x1000000u
#define PTE_PRESENT    1ull
#define PTE_WRITE      2ull
#define RANDOM_SLOT    1u                /* of the top table: this and the next are random */
#define CR0_WP         0x10000ull
#define ACCESSES       16

static uint8_t code[CODE_SLOTS * CODE_STEP + 64] __attribute__((aligned(4096)));
static uint64_t tables[GUEST_MAX_CPUS][1 + NR_TABLES][ENTRIES] __attribute__((aligned(4096)));
static uint32_t rounds, seed;
static unsigned nr_cpus;
static volatile uint32_t at_end;

/* mov $N, %eax; ret, torn by the others. */
static void smc(unsigned me, Prng *prng)
{
    uint8_t *at = code + prng_next(prng) % CODE_SLOTS * CODE_STEP;
    uint64_t val = 0;

    *(volatile uint8_t *)at = 0xb8;
    *(volatile uint32_t *)(at + 1) = prng_next(prng);
    *(volatile uint8_t *)(at + 5) = 0xc3;
    HAMMER_ACCESS("call *%1", at, val);
}

/* An entry of table @level: 0 to 2, the last two are of the lowest level. Writable are only the way
 * through our own tables and, at its end, the scratch memory. */
static uint64_t random_entry(unsigned me, unsigned level, Prng *prng)
{
    uint64_t low = prng_next(prng), high = prng_next(prng);
    uint64_t flags = (low & 0xfff & ~PTE_WRITE) | PTE_PRESENT, page = low & 0xfffff000;
    bool leaf = level >= NR_TABLES - 2;

    switch (high & 7) {
    case 0: /* beyond RAM, NX, reserved bits */
        return (low | high << 32) & ~PTE_WRITE;
    case 1: /* below 4 GiB */
        return page | SCRATCH_START | flags;
    case 2:
        return 0;
    case 3:
    case 4:
        page = SCRATCH_START + page % SCRATCH_BYTES;
        return leaf ? page | flags | PTE_WRITE : page | flags;
    default:
        page = (uintptr_t)tables[me][leaf ? 0 : level == 0 ? 2 : 3 + (high >> 3 & 1)];
        return leaf ? page | PTE_PRESENT : page | PTE_PRESENT | PTE_WRITE;
    }
}

static void random_tables(unsigned me, Prng *prng)
{
    uint64_t *top = tables[me][0];

    for (unsigned i = 0; i < ACCESSES; i++) {
        unsigned level = prng_next(prng) % NR_TABLES;

        tables[me][1 + level][prng_next(prng) % ENTRIES] = random_entry(me, level, prng);
    }
    top[RANDOM_SLOT + (prng_next(prng) & 1)] = (uintptr_t)tables[me][1] | PTE_PRESENT | PTE_WRITE;
    if (prng_next(prng) & 1) {
        __asm__ volatile("movq %0, %%cr3" : : "r"(top) : "memory");
    }
    for (unsigned i = 0; i < ACCESSES; i++) {
        uint64_t la = (uint64_t)RANDOM_SLOT << 39 | (uint64_t)(prng_next(prng) & 0xff) << 32 |
                      prng_next(prng);

        hammer_memory(la, prng_next(prng), prng_next(prng));
    }
}

static void ports(unsigned me, Prng *prng)
{
    hammer_port(prng, false);
}

static void mmio(unsigned me, Prng *prng)
{
    hammer_mmio(prng);
}

static void ipi(unsigned me, Prng *prng)
{
    uint64_t cr3;

    lapic_send_ipi(smp_cpu(prng_next(prng) % nr_cpus)->apic_id,
                   ICR_FIXED | ICR_ASSERT | (prng_next(prng) & 0xff));
    __asm__ volatile("movq %%cr3, %0\n"
                     "movq %0, %%cr3" : "=r"(cr3) : : "memory");
    lapic_eoi();
}

static void (*const works[])(unsigned me, Prng *prng) = { smc, random_tables, ports, mmio, ipi };
#define NR_WORKS (sizeof(works) / sizeof(works[0]))

/* The CPU's own top table, with what was in slot 0. */
static void use_own_tables(unsigned me)
{
    uint64_t cr0, cr3;

    __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
    tables[me][0][0] = *(uint64_t *)(uintptr_t)(cr3 & ~0xfffull);
    __asm__ volatile("movq %0, %%cr3" : : "r"(tables[me][0]) : "memory");
    __asm__ volatile("movq %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("movq %0, %%cr0" : : "r"(cr0 | CR0_WP) : "memory");
}

static void work(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    Prng prng;

    prng_seed(&prng, seed * GUEST_MAX_CPUS + me);
    use_own_tables(me);
    if (works[me % NR_WORKS] == ipi) {
        lapic_write(LAPIC_TPR, NR_EXCEPTIONS - 1); /* no message that looks like one */
    } else {
        irq_disable();
    }
    for (uint32_t i = 0; i < rounds; i++) {
        works[me % NR_WORKS](me, &prng);
    }
    irq_disable();
    __sync_fetch_and_add(&at_end, 1);
}

void guest_main(void)
{
    seed = cmdline_get_u32("seed", 1);
    rounds = cmdline_get_u32("rounds", 2000);
    for (unsigned v = 0; v < NR_EXCEPTIONS; v++) {
        idt_set_handler((uint8_t)v, hammer_skip);
    }
    lapic_init();
    nr_cpus = smp_init(GUEST_MAX_CPUS);
    print("INFO: storm: cpus=%u seed=%u rounds=%u\n", nr_cpus, seed, rounds);
    for (unsigned cpu = 1; cpu < nr_cpus; cpu++) {
        smp_start(cpu, work, (void *)(uintptr_t)cpu);
    }
    work((void *)0);
    while (at_end < nr_cpus) {
        cpu_relax();
    }
    print("PASS: storm: exceptions=%u\n", hammer_exceptions);
    guest_exit(EXIT_PASS);
}
