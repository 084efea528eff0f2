/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model of the HPET (IA-PC HPET specification 1.0a, 2.3). Big lock. A comparator matches when the
 * counter passes its value, not when it is already behind it. No FSB (MSI) delivery.
 */
#include "qemu/osdep.h"

#include "hw/timer/hpet.h"
#include "migration/vmstate.h"

#define REG_CAP     0x000
#define REG_CONFIG  0x010
#define REG_STATUS  0x020
#define REG_COUNTER 0x0f0
#define REG_TIMER0  0x100
#define TIMER_BYTES 0x20

#define CAP_VALUE (0x8086a201ull | (uint64_t)(HPET_TICK_NS * 1000000) << 32)

#define CONF_ENABLE 1ull
#define CONF_LEGACY 2ull

#define T_LEVEL    (1ull << 1)
#define T_ENABLE   (1ull << 2)
#define T_PERIODIC (1ull << 3)
#define T_CAPS     0x30ull /* periodic, 64 bits */
#define T_SET_VAL  (1ull << 6)
#define T_32BIT    (1ull << 8)
#define T_ROUTE_SHIFT 9
#define T_ROUTE    (31ull << T_ROUTE_SHIFT)
#define T_WRITABLE (T_LEVEL | T_ENABLE | T_PERIODIC | T_SET_VAL | T_32BIT | T_ROUTE)

/* Deadlines are not computed further ahead than this (31 years). */
#define MAX_TICKS (100000000ull * 1000000000ull)

static bool enabled(const HPET *s)
{
    return s->config & CONF_ENABLE;
}

static uint64_t width_mask(const HPETTimer *t)
{
    return t->config & T_32BIT ? 0xffffffffull : UINT64_MAX;
}

uint64_t hpet_counter(const HPET *s, int64_t now_ns)
{
    int64_t ns = now_ns - s->start_ns;

    return s->counter + (enabled(s) && ns > 0 ? (uint64_t)ns / HPET_TICK_NS : 0);
}

static void match(HPET *s, unsigned n, uint64_t now)
{
    HPETTimer *t = &s->timer[n];
    uint64_t mask = width_mask(t), past = (now - t->comparator) & mask;

    if ((t->config & T_PERIODIC) && t->period) {
        t->comparator = (t->comparator + (past / t->period + 1) * t->period) & mask;
    }
    if (t->config & T_LEVEL) {
        s->status |= 1u << n;
    } else if (t->config & T_ENABLE) {
        s->edges |= 1u << n;
    }
}

void hpet_sync(HPET *s, int64_t now_ns)
{
    uint64_t now = hpet_counter(s, now_ns);

    for (unsigned n = 0; enabled(s) && n < HPET_NR_TIMERS; n++) {
        HPETTimer *t = &s->timer[n];
        uint64_t distance = (t->comparator - t->last - 1) & width_mask(t);
        bool passed = distance < now - t->last;

        t->last = now;
        if (passed) {
            match(s, n, now);
        }
    }
}

int64_t hpet_next_ns(const HPET *s, int64_t now_ns)
{
    uint64_t now = hpet_counter(s, now_ns), ticks = UINT64_MAX;

    for (unsigned n = 0; enabled(s) && n < HPET_NR_TIMERS; n++) {
        const HPETTimer *t = &s->timer[n];
        uint64_t distance = (t->comparator - t->last - 1) & width_mask(t);
        uint64_t until = distance - (now - t->last) + 1;

        if (!(t->config & T_ENABLE) || hpet_level(s, n)) {
            continue;
        }
        if (distance < now - t->last) {
            until = 0; /* passed since the last sync */
        }
        ticks = until < ticks ? until : ticks;
    }
    if (ticks > MAX_TICKS) {
        return -1;
    }
    return s->start_ns + (int64_t)((now - s->counter + ticks) * HPET_TICK_NS);
}

uint32_t hpet_take_edges(HPET *s)
{
    uint32_t edges = s->edges;

    s->edges = 0;
    return edges;
}

bool hpet_legacy(const HPET *s)
{
    return s->config & CONF_LEGACY;
}

int hpet_line(const HPET *s, unsigned n)
{
    unsigned route = (s->timer[n].config & T_ROUTE) >> T_ROUTE_SHIFT;

    if (hpet_legacy(s) && n < 2) {
        return n ? 8 : 0;
    }
    return s->intcap & BIT(route) ? (int)route : -1;
}

bool hpet_level(const HPET *s, unsigned n)
{
    uint64_t both = T_LEVEL | T_ENABLE;

    return (s->status & BIT(n)) && (s->timer[n].config & both) == both && enabled(s);
}

/* --- Registers ------------------------------------------------------------------------------ */

static uint64_t read_timer(const HPET *s, unsigned n, unsigned reg)
{
    const HPETTimer *t = &s->timer[n];

    switch (reg) {
    case 0x00:
        return t->config | T_CAPS | (uint64_t)s->intcap << 32;
    case 0x08:
        return t->comparator;
    case 0x10:
        return t->fsb;
    default:
        return 0;
    }
}

/* The 64-bit register at @offset, a multiple of 8. */
static uint64_t read_reg(const HPET *s, unsigned offset, int64_t now_ns)
{
    unsigned n = (offset - REG_TIMER0) / TIMER_BYTES;

    switch (offset) {
    case REG_CAP:
        return CAP_VALUE;
    case REG_CONFIG:
        return s->config;
    case REG_STATUS:
        return s->status;
    case REG_COUNTER:
        return hpet_counter(s, now_ns);
    default:
        return offset >= REG_TIMER0 && n < HPET_NR_TIMERS
                   ? read_timer(s, n, offset % TIMER_BYTES) : 0;
    }
}

static void write_config(HPET *s, uint64_t value, int64_t now_ns)
{
    s->counter = hpet_counter(s, now_ns);
    s->start_ns = now_ns;
    if ((value & CONF_ENABLE) && !enabled(s)) {
        for (unsigned n = 0; n < HPET_NR_TIMERS; n++) {
            s->timer[n].last = s->counter - 1;
        }
    }
    s->config = value & (CONF_ENABLE | CONF_LEGACY);
}

static void write_timer_config(HPET *s, HPETTimer *t, uint64_t value)
{
    unsigned route = (value & T_ROUTE) >> T_ROUTE_SHIFT;

    value &= T_WRITABLE;
    if (!(s->intcap & BIT(route))) {
        value = (value & ~T_ROUTE) | (t->config & T_ROUTE); /* an illegal route reads back unlike */
    }
    t->config = value;
    t->comparator &= width_mask(t);
    t->period &= width_mask(t);
}

static void write_comparator(HPET *s, HPETTimer *t, uint64_t value, uint64_t mask, uint64_t now)
{
    mask &= width_mask(t);
    if (!(t->config & T_PERIODIC) || (t->config & T_SET_VAL)) {
        t->comparator = (t->comparator & ~mask) | (value & mask);
        t->last = now - 1; /* a match right now counts */
    }
    if (t->config & T_PERIODIC) {
        t->period = (t->period & ~mask) | (value & mask);
    }
    t->config &= ~T_SET_VAL;
}

static void write_timer(HPET *s, unsigned n, unsigned reg, uint64_t value, uint64_t mask,
                        int64_t now_ns)
{
    HPETTimer *t = &s->timer[n];

    switch (reg) {
    case 0x00:
        write_timer_config(s, t, (t->config & ~mask) | (value & mask));
        break;
    case 0x08:
        write_comparator(s, t, value, mask, hpet_counter(s, now_ns));
        break;
    case 0x10:
        t->fsb = (t->fsb & ~mask) | (value & mask);
        break;
    }
}

/* Writes the bits of @mask of the register at @offset, a multiple of 8. */
static void write_reg(HPET *s, unsigned offset, uint64_t value, uint64_t mask, int64_t now_ns)
{
    unsigned n = (offset - REG_TIMER0) / TIMER_BYTES;

    switch (offset) {
    case REG_CONFIG:
        write_config(s, (s->config & ~mask) | (value & mask), now_ns);
        break;
    case REG_STATUS:
        s->status &= ~(uint32_t)(value & mask);
        break;
    case REG_COUNTER:
        if (!enabled(s)) { /* undefined while it counts: ignored */
            s->counter = (s->counter & ~mask) | (value & mask);
        }
        break;
    default:
        if (offset >= REG_TIMER0 && n < HPET_NR_TIMERS) {
            write_timer(s, n, offset % TIMER_BYTES, value, mask, now_ns);
        }
    }
}

uint64_t hpet_read(HPET *s, uint64_t offset, unsigned size, int64_t now_ns)
{
    unsigned reg = offset & 0x3f8;
    uint64_t value;

    hpet_sync(s, now_ns);
    value = read_reg(s, reg, now_ns);
    if (offset & 4) {
        value >>= 32;
    }
    return size == 8 ? value : (uint32_t)value;
}

void hpet_write(HPET *s, uint64_t offset, uint64_t value, unsigned size, int64_t now_ns)
{
    unsigned reg = offset & 0x3f8;
    uint64_t mask = size == 8 ? UINT64_MAX : 0xffffffffull;

    hpet_sync(s, now_ns);
    if (offset & 4) {
        value <<= 32;
        mask <<= 32;
    }
    write_reg(s, reg, value, mask, now_ns);
    hpet_sync(s, now_ns);
}

void hpet_reset(HPET *s)
{
    s->config = 0;
    s->status = 0;
    s->edges = 0;
    s->counter = 0;
    s->start_ns = 0;
    for (unsigned n = 0; n < HPET_NR_TIMERS; n++) {
        s->timer[n] = (HPETTimer){ .comparator = UINT64_MAX };
    }
}

void hpet_init(HPET *s, uint32_t intcap)
{
    memset(s, 0, sizeof(*s));
    s->intcap = intcap;
    hpet_reset(s);
}

/* --- State ----------------------------------------------------------------------------------- */

static const VMStateField timer_fields[] = {
    VMSTATE_UINT_MAX(HPETTimer, config, T_WRITABLE),
    VMSTATE_UINT(HPETTimer, comparator),
    VMSTATE_UINT(HPETTimer, period),
    VMSTATE_UINT(HPETTimer, fsb),
    VMSTATE_UINT(HPETTimer, last),
    VMSTATE_END,
};
static const VMStateDescription vmstate_timer = {
    "timer", .version = 1, .fields = timer_fields,
};
static const VMStateField hpet_fields[] = {
    VMSTATE_UINT_MAX(HPET, config, CONF_ENABLE | CONF_LEGACY),
    VMSTATE_UINT_MAX(HPET, status, (1u << HPET_NR_TIMERS) - 1),
    VMSTATE_UINT_MAX(HPET, edges, (1u << HPET_NR_TIMERS) - 1),
    VMSTATE_UINT(HPET, counter),
    VMSTATE_UINT_MAX(HPET, start_ns, INT64_MAX / 2),
    VMSTATE_STRUCT_ARRAY(HPET, timer, &vmstate_timer),
    VMSTATE_END,
};
const VMStateDescription vmstate_hpet = { "hpet", .version = 1, .fields = hpet_fields };
