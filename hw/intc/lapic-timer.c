/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timer of the local APIC model (SDM volume 3, 11.5.4). The bus clock is 1 GHz, as KVM's and
 * QEMU's: one count is "divisor" nanoseconds. Time is an argument; the owner of the LAPIC calls.
 */
#include "qemu/osdep.h"

#include "lapic-internal.h"

/* A periodic timer runs no faster than this, whatever count the guest asks for. */
#define MIN_PERIOD_NS (10 * SCALE_US)
/* Deadlines beyond this (about 73 years) are kept there, so that sums cannot overflow. */
#define MAX_DELTA_NS (INT64_MAX / 4)

unsigned lapic_timer_divisor(const LAPIC *s)
{
    unsigned code = (s->tdcr & 3) | ((s->tdcr >> 1) & 4);

    return 1u << ((code + 1) & 7);
}

static int64_t period_ns(const LAPIC *s)
{
    int64_t period = (int64_t)s->tmict * lapic_timer_divisor(s);

    return period < MIN_PERIOD_NS ? MIN_PERIOD_NS : period;
}

/* The expiry at or before @now_ns has happened: arm the next one or stop. */
static void advance(LAPIC *s, int64_t now_ns)
{
    if (lapic_timer_mode(s) == LAPIC_TIMER_PERIODIC && s->tmict) {
        int64_t period = period_ns(s);

        s->timer_deadline_ns += ((now_ns - s->timer_deadline_ns) / period + 1) * period;
        return;
    }
    s->timer_armed = false;
    s->tsc_deadline = 0;
}

void lapic_timer_catch_up(LAPIC *s, int64_t now_ns)
{
    if (s->timer_armed && now_ns >= s->timer_deadline_ns) {
        advance(s, now_ns);
        lapic_local_interrupt(s, LAPIC_LVT_TIMER);
    }
}

void lapic_timer_start(LAPIC *s, uint32_t count, int64_t now_ns)
{
    int64_t delta = (int64_t)count * lapic_timer_divisor(s);

    if (lapic_timer_mode(s) == LAPIC_TIMER_PERIODIC && delta < MIN_PERIOD_NS) {
        delta = MIN_PERIOD_NS;
    }
    s->timer_armed = s->tmict != 0 && count != 0;
    s->timer_deadline_ns = now_ns + delta;
}

uint32_t lapic_timer_count(const LAPIC *s, int64_t now_ns)
{
    LapicTimerMode mode = lapic_timer_mode(s);
    int64_t left;

    if (!s->timer_armed || (mode != LAPIC_TIMER_ONESHOT && mode != LAPIC_TIMER_PERIODIC)) {
        return 0;
    }
    left = s->timer_deadline_ns - now_ns;
    if (left <= 0) {
        if (mode == LAPIC_TIMER_ONESHOT) {
            return 0;
        }
        left = period_ns(s) - (-left % period_ns(s));
    }
    left = DIV_ROUND_UP(left, (int64_t)lapic_timer_divisor(s));
    return left > s->tmict ? s->tmict : (uint32_t)left;
}

void lapic_timer_set_divide(LAPIC *s, uint32_t tdcr, int64_t now_ns)
{
    uint32_t left = lapic_timer_count(s, now_ns);

    s->tdcr = tdcr;
    if (left) {
        lapic_timer_start(s, left, now_ns);
    }
}

static uint64_t tsc_at(const LAPIC *s, int64_t now_ns)
{
    int64_t delta = now_ns - s->tsc_base_ns;
    unsigned __int128 ticks;

    if (delta <= 0) {
        return s->tsc_base;
    }
    ticks = (unsigned __int128)(uint64_t)delta * s->cfg.tsc_khz / 1000000;
    return s->tsc_base + (uint64_t)ticks;
}

static void arm_tsc_deadline(LAPIC *s, int64_t now_ns)
{
    uint64_t now_tsc = tsc_at(s, now_ns);
    unsigned __int128 delta;

    s->timer_armed = s->tsc_deadline != 0 && s->cfg.tsc_khz != 0;
    if (!s->timer_armed) {
        return;
    }
    if (s->tsc_deadline <= now_tsc) {
        s->timer_deadline_ns = now_ns;
        return;
    }
    delta = (unsigned __int128)(s->tsc_deadline - now_tsc) * 1000000;
    delta = (delta + s->cfg.tsc_khz - 1) / s->cfg.tsc_khz;
    s->timer_deadline_ns = now_ns + (delta > MAX_DELTA_NS ? MAX_DELTA_NS : (int64_t)delta);
}

uint64_t lapic_get_tsc_deadline(const LAPIC *s)
{
    return lapic_timer_mode(s) == LAPIC_TIMER_TSC_DEADLINE ? s->tsc_deadline : 0;
}

void lapic_set_tsc_deadline(LAPIC *s, uint64_t value, int64_t now_ns)
{
    if (lapic_timer_mode(s) != LAPIC_TIMER_TSC_DEADLINE || !lapic_hw_enabled(s)) {
        return;
    }
    lapic_timer_catch_up(s, now_ns);
    s->tsc_deadline = value;
    arm_tsc_deadline(s, now_ns);
    lapic_timer_catch_up(s, now_ns);
}

void lapic_set_tsc(LAPIC *s, uint64_t tsc, int64_t now_ns)
{
    s->tsc_base = tsc;
    s->tsc_base_ns = now_ns;
    if (lapic_timer_mode(s) == LAPIC_TIMER_TSC_DEADLINE && s->tsc_deadline) {
        arm_tsc_deadline(s, now_ns);
    }
}

int64_t lapic_timer_next_ns(const LAPIC *s)
{
    if (!s->timer_armed || (s->lvt[LAPIC_LVT_TIMER] & LVT_MASKED)) {
        return -1;
    }
    return s->timer_deadline_ns;
}
