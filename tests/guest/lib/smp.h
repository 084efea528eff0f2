/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other CPUs of a test guest: started one by one, then waiting for functions to run. */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct GuestCpu {
    uint32_t apic_id;
    volatile bool online;
    volatile uint32_t lvr;                  /* read by the CPU itself after INIT ... */
    volatile uint32_t spiv_after_init;      /* ... before anything was written */
    volatile uint32_t logical_id;           /* in the present APIC mode */
} GuestCpu;

/* Spins for about this long (the TSC rate is only assumed: never less than asked below 3 GHz). */
void delay_us(uint32_t us);

/*
 * Starts up to max_cpus - 1 CPUs listed in the MADT. A CPU that does not answer within the time
 * limit stays offline. Returns the number of CPUs that run, the boot CPU included.
 */
unsigned smp_init(unsigned max_cpus);

/* CPU 0 is the boot CPU; index < what smp_init() returned. */
GuestCpu *smp_cpu(unsigned index);

/* INIT and start-up IPI again: the CPU comes back with a reset local APIC, in the present mode. */
bool smp_restart(unsigned index);

/*
 * Runs fn(arg) on another CPU, interrupts enabled. smp_start: false when it is still busy.
 * smp_wait: false when it did not end in time. smp_run: both.
 */
bool smp_start(unsigned index, void (*fn)(void *arg), void *arg);
bool smp_wait(unsigned index);
bool smp_run(unsigned index, void (*fn)(void *arg), void *arg);

#endif
