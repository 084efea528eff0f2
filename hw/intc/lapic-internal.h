/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the local APIC model share. */
#ifndef HW_INTC_LAPIC_INTERNAL_H
#define HW_INTC_LAPIC_INTERNAL_H

#include "hw/intc/lapic.h"

/* ESR bits (SDM 11.5.3). */
#define ESR_SEND_ILLEGAL_VECTOR    (1u << 5)
#define ESR_RECV_ILLEGAL_VECTOR    (1u << 6)
#define ESR_ILLEGAL_REGISTER       (1u << 7)

#define LVT_VECTOR       0xffu
#define LVT_MODE_SHIFT   8
#define LVT_MODE         0x700u
#define LVT_STATUS       (1u << 12)
#define LVT_POLARITY     (1u << 13)
#define LVT_REMOTE_IRR   (1u << 14)
#define LVT_LEVEL        (1u << 15)
#define LVT_MASKED       (1u << 16)
#define LVT_TIMER_SHIFT  17

typedef enum LapicTimerMode {
    LAPIC_TIMER_ONESHOT,
    LAPIC_TIMER_PERIODIC,
    LAPIC_TIMER_TSC_DEADLINE,
    LAPIC_TIMER_RESERVED,
} LapicTimerMode;

/* LAPIC.events beyond LapicEvents. */
#define LAPIC_EV_EXTINT  (1u << 4)
#define LAPIC_EV_ILLEGAL (1u << 5)

static inline bool vec_test(const uint32_t v[8], uint8_t n)
{
    return v[n >> 5] & BIT(n & 31);
}

static inline void vec_set(uint32_t v[8], uint8_t n)
{
    v[n >> 5] |= BIT(n & 31);
}

static inline void vec_clear(uint32_t v[8], uint8_t n)
{
    v[n >> 5] &= ~BIT(n & 31);
}

/* Highest set bit or -1. */
int vec_highest(const uint32_t v[8]);

static inline bool lapic_hw_enabled(const LAPIC *s)
{
    return s->base & LAPIC_BASE_ENABLE;
}

static inline bool lapic_x2apic_mode(const LAPIC *s)
{
    return (s->base & (LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC)) ==
           (LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC);
}

static inline LapicTimerMode lapic_timer_mode(const LAPIC *s)
{
    return (s->lvt[LAPIC_LVT_TIMER] >> LVT_TIMER_SHIFT) & 3;
}

/* LDR as the guest reads it in the present mode (SDM 11.12.10.2 for x2APIC). */
uint32_t lapic_ldr_value(const LAPIC *s);
uint32_t lapic_id_value(const LAPIC *s);
uint32_t lapic_version_value(const LAPIC *s);

/* Tells senders what changed: ids, mode, enable bits, priority. After every such change. */
void lapic_publish(LAPIC *s);
/* Every register to its reset value; base, configuration and pending words stay. */
void lapic_reset_registers(LAPIC *s);
/* Records an error and raises the error LVT. */
void lapic_error(LAPIC *s, uint32_t esr_bit);
/* Sets IRR (and TMR) of a vector from outside or from the LVT. */
void lapic_accept(LAPIC *s, uint8_t vector, bool level);
/* End of interrupt: the message to send, if any. */
LapicMsg lapic_eoi(LAPIC *s);
/* Level-triggered LINT pins that are high and not in service. */
void lapic_lint_levels(LAPIC *s);

/* Timer (lapic-timer.c). */
void lapic_timer_catch_up(LAPIC *s, int64_t now_ns);
void lapic_timer_start(LAPIC *s, uint32_t count, int64_t now_ns);
uint32_t lapic_timer_count(const LAPIC *s, int64_t now_ns);
void lapic_timer_set_divide(LAPIC *s, uint32_t tdcr, int64_t now_ns);
unsigned lapic_timer_divisor(const LAPIC *s);

#endif
