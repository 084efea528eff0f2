/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * High precision event timers (IA-PC HPET specification 1.0a): a 64-bit counter of 10 ns ticks and
 * three comparators. The model takes time as an argument. Big lock.
 */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "hw/core/irq.h"
#include "hw/core/qdev.h"
#include "qemu/timer.h"
#include "system/memory.h"

#define HPET_BASE         0xfed00000ull
#define HPET_WINDOW_BYTES 0x400
#define HPET_NR_TIMERS    3
#define HPET_TICK_NS      10
#define HPET_INTCAP_Q35   0xff0104u /* lines 2, 8, 16..23 */
#define HPET_INTCAP_PC    0x04u

typedef struct HPETTimer {
    uint64_t config;
    uint64_t comparator;
    uint64_t period;
    uint64_t fsb; /* stored, without effect: no FSB capability */
    uint64_t last; /* counter up to which matches have been looked for */
} HPETTimer;

typedef struct HPET {
    uint32_t intcap; /* interrupt lines a timer can be routed to */
    uint64_t config; /* GEN_CONF */
    uint32_t status; /* GINTR_STA */
    uint32_t edges;  /* timers whose edge interrupt has fired, until hpet_take_edges() */
    uint64_t counter; /* value at start_ns; of a halted counter */
    int64_t start_ns;
    HPETTimer timer[HPET_NR_TIMERS];
} HPET;

void hpet_init(HPET *s, uint32_t intcap);
void hpet_reset(HPET *s);
/* Guest access of 4 or 8 bytes; any offset and value is harmless. */
uint64_t hpet_read(HPET *s, uint64_t offset, unsigned size, int64_t now_ns);
void hpet_write(HPET *s, uint64_t offset, uint64_t value, unsigned size, int64_t now_ns);
uint64_t hpet_counter(const HPET *s, int64_t now_ns);
/* Looks for matches up to now. */
void hpet_sync(HPET *s, int64_t now_ns);
/* When hpet_sync() must run for an interrupt's sake, or -1. */
int64_t hpet_next_ns(const HPET *s, int64_t now_ns);
/* Timers whose edge-triggered interrupt fired since the last call. */
uint32_t hpet_take_edges(HPET *s);
/* Interrupt line of timer @n (GSI; 0 and 8 with legacy replacement), -1: none. */
int hpet_line(const HPET *s, unsigned n);
/* Is the level-triggered interrupt of timer @n asserted? */
bool hpet_level(const HPET *s, unsigned n);
/* LEG_RT_CNF: timers 0 and 1 replace PIT and RTC. */
bool hpet_legacy(const HPET *s);

/* The device "hpet". */
typedef struct HPETDevice {
    DeviceState dev;
    const IRQLine *gsi; /* these four: set by hpet_device_create(). 32 lines */
    MemoryRegion *memory;
    void (*set_legacy)(void *opaque, bool on);
    void *opaque;
    HPET hpet;
    uint32_t intcap;  /* property hpet-intcap; 0: the board's */
    uint32_t raised;  /* lines that are high on our account */
    bool legacy;
    QEMUTimer *qtimer;
    MemoryRegion window;
} HPETDevice;

extern const DeviceType type_hpet;

extern const VMStateDescription vmstate_hpet;

/* @gsi: the machine's interrupt lines; @set_legacy disconnects PIT and RTC interrupts. */
HPETDevice *hpet_device_create(MemoryRegion *memory, const IRQLine *gsi, uint32_t intcap,
                               void (*set_legacy)(void *opaque, bool on), void *opaque,
                               Error **errp);

#endif
