/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eoi-check: what a virtual machine does with the end of level-triggered interrupts, above all with
 * Suppress EOI Broadcast (LVR bit 24, SPIV bit 12). Shared declarations of its parts.
 */
#ifndef EOI_CHECK_H
#define EOI_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#define VEC_LEVEL   0x51
#define VEC_SECOND  0x61
#define VEC_EDGE    0x91
#define TPR_BLOCKS_LEVEL 0x60           /* holds back VEC_LEVEL and VEC_SECOND, not VEC_EDGE */

/* What the machine does with the feature; the row of the expectation table in main.c. */
typedef enum Policy {
    POLICY_NOT_ADVERTISED,              /* no LVR bit, SPIV bit reads 0, every EOI is broadcast */
    POLICY_QUIRKED,                     /* LVR bit and SPIV bit as if supported, broadcast anyway */
    POLICY_RESPECTED,                   /* advertised and honoured */
    POLICY_BROKEN,                      /* anything else */
    POLICY_UNKNOWN,                     /* could not be measured */
} Policy;

typedef struct Line Line;

/* A device whose interrupt line the guest itself can hold high and let go. */
struct Line {
    const char *name;
    unsigned pin;
    void (*set)(const Line *line, bool high);
};

typedef enum Step {
    STEP_END,
    STEP_EOI,                           /* write the local APIC's EOI register */
    STEP_OBSERVE,                       /* did the I/O APIC hear of it? counts a broadcast */
    STEP_LOWER,                         /* the device lets its line go */
    STEP_DIRECTED,                      /* I/O APIC EOI register, if suppression was switched on */
    STEP_DIRECTED_ALWAYS,
    STEP_MASK,
    STEP_UNMASK,
    STEP_TO_BOOT_CPU,                   /* point the pin at CPU 0 */
    STEP_PENDING_NOW,                   /* notes whether the vector is pending again ... */
    STEP_PENDING,                       /* ... after the VMM had every chance to make it so */
} Step;

#define MAX_STEPS 8

typedef struct Scenario {
    Step first[MAX_STEPS];              /* the handler's work on the first delivery */
    Step again[MAX_STEPS];              /* ... and on each further one */
    bool suppress;                      /* ask for suppression on the CPU that handles it */
    bool logical;                       /* logical instead of physical destination */
    unsigned cpu;
    unsigned hold;                      /* STEP_LOWER does nothing before this many deliveries */
} Scenario;

typedef struct Outcome {
    unsigned deliveries;
    unsigned broadcasts;
    unsigned directed;
    unsigned wrong_cpu;                 /* deliveries on another CPU than asked for */
    bool pending_again;                 /* STEP_PENDING* saw the vector in IRR */
    bool stuck;                         /* remote IRR left set, nothing pending (then repaired) */
    bool runaway;                       /* stopped by the hard limit */
} Outcome;

#define MAX_ROUNDS 15

typedef struct Facts {
    Policy policy;                      /* what the checks expect */
    bool ends_at_injection;             /* this host's APIC keeps no in-service bit ... */
    bool ends_before_handler;           /* ... and tells the I/O APIC before the handler runs */
    unsigned nr_cpus;
    unsigned rounds;                    /* 1..MAX_ROUNDS */
    unsigned storm;
    const Line *line, *second;          /* NULL: none works */

    /* observations the verdict is made of */
    bool advertised, not_advertised;
    bool sticks, not_sticks;
    bool honoured, not_honoured;
    bool pins_stuck;
    bool plain_wrong;
} Facts;

extern Facts facts;

/* line.c: the first that works of the given name (or "auto"), else NULL. */
const Line *line_find(const char *name, unsigned pin);
const Line *line_second(const Line *first, unsigned pin);

/* scenario.c */
void scenario_init(void);
void flush_exits(void);                 /* gives the VMM every chance to act on what is pending */
bool spiv_request(unsigned cpu, bool suppress);     /* does SPIV.12 read back as asked? */
void spiv_forget(unsigned cpu);         /* the CPU was reset */
bool scenario_run_on(const Line *line, const Scenario *sc, Outcome *out);
bool scenario_run(const Scenario *sc, Outcome *out);    /* on facts.line; false: no delivery */
unsigned host_tries(void);              /* several where a tick of the host can spoil one */
bool pin_settled(const Line *line, uint8_t vector);     /* false after repairing a stuck pin */

/*
 * For checks that go step by step, interrupts off on the boot CPU in between. scenario_prepare
 * programs the pin and scenario_raise raises its line, after which the vector waits in IRR with
 * remote IRR set; pend_level does both. scenario_drain takes what is pending with the scenario's
 * handler and returns the deliveries since scenario_prepare.
 */
extern const Scenario scenario_end_all; /* handler: local EOI, directed EOI where due */
void scenario_prepare(const Line *line, uint8_t vector, const Scenario *sc);
void pend_level(const Line *line, uint8_t vector, const Scenario *sc);
void scenario_raise(void);
void scenario_lower(void);
unsigned scenario_drain(void);

/* The checks; each prints its own lines for the present APIC mode. */
void check_version_and_spiv(void);
bool probe_honoured(void);
void check_in_service_bit(void);
void probe_early_end(void);
void check_level_orders(unsigned cpu, bool logical);
void check_storm(void);
void check_second_assertion(void);
void check_masked_in_service(void);
void check_eoi_register(void);
void check_eoi_register_redelivers(void);
void check_trigger_flip(void);
void check_shared_vector(void);
void check_trigger_mode_bits(void);
void check_edge(void);
void check_edge_leaves_level(void);
void check_idle_at_end(void);
void check_smp(const char *physical, const char *logical, const char *rest);

#endif
