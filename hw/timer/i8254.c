/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model of the 8254 interval timer (Intel 8254 data sheet) and of port 0x61. Big lock. All sums are
 * in ticks of the 1.193182 MHz clock since time 0. The delay of one clock between the write of a
 * count and its use is left out.
 */
#include "qemu/osdep.h"

#include "hw/timer/i8254.h"
#include "migration/vmstate.h"

#define REFRESH_HALF_NS 15085 /* DRAM refresh request, bit 4 of port 0x61 */

static uint64_t ticks_at(int64_t now_ns)
{
    return now_ns < 0 ? 0 : muldiv64(now_ns, PIT_HZ, NANOSECONDS_PER_SECOND);
}

/* The first nanosecond at which ticks_at() gives @ticks. */
static int64_t ns_at(uint64_t ticks)
{
    return (int64_t)(((unsigned __int128)ticks * NANOSECONDS_PER_SECOND + PIT_HZ - 1) / PIT_HZ);
}

static bool is_periodic(const PITChannel *c)
{
    return c->mode == 2 || c->mode == 3;
}

static bool waits_for_trigger(const PITChannel *c)
{
    return (c->mode == 1 || c->mode == 5) && !c->triggered;
}

/* Clocks counted since the count was loaded. */
static uint64_t elapsed(const PITChannel *c, uint64_t now)
{
    bool counting = c->gate || c->mode == 1 || c->mode == 5;

    return c->elapsed + (counting && now > c->start ? now - c->start : 0);
}

/* Puts a count written meanwhile in force, once the period during which it was written is over. */
static void next_period(PITChannel *c, uint64_t now)
{
    if (c->next_count && elapsed(c, now) >= c->count) {
        c->start += c->count;
        c->count = c->next_count;
        c->next_count = 0;
    }
}

static void start_counting(PITChannel *c, uint64_t now)
{
    c->start = now;
    c->elapsed = 0;
    if (c->next_count) {
        c->count = c->next_count;
        c->next_count = 0;
    }
}

static uint32_t count_range(const PITChannel *c)
{
    return c->bcd ? 10000 : 0x10000;
}

static uint32_t from_bcd(uint32_t v)
{
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

static uint16_t to_bcd(uint32_t v)
{
    return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

static void load_count(PITChannel *c, uint16_t value, uint64_t now)
{
    uint32_t count = c->bcd ? from_bcd(value) % 10000 : value;

    if (count == 0) {
        count = count_range(c);
    } else if (count == 1 && is_periodic(c)) {
        count = 2; /* 1 is illegal there */
    }
    if (c->loaded && is_periodic(c) && c->gate) {
        c->next_count = count;
        return;
    }
    c->loaded = true;
    c->count = count;
    c->next_count = 0;
    if (c->mode != 1 && c->mode != 5) {
        start_counting(c, now);
    }
}

static bool channel_out(const PITChannel *c, uint64_t now)
{
    uint64_t e = elapsed(c, now);

    if (!c->loaded) {
        return c->mode != 0;
    }
    switch (c->mode) {
    case 0:
        return e >= c->count;
    case 1:
        return !c->triggered || e >= c->count;
    case 2:
        return !c->gate || e % c->count != c->count - 1;
    case 3:
        return !c->gate || e % c->count < (c->count + 1) / 2;
    default:
        return waits_for_trigger(c) || e != c->count;
    }
}

static uint16_t channel_count(const PITChannel *c, uint64_t now)
{
    uint64_t e = elapsed(c, now);
    uint32_t range = count_range(c), value;

    if (!c->loaded || waits_for_trigger(c)) {
        value = c->count;
    } else if (c->mode == 2) {
        value = c->count - e % c->count;
    } else if (c->mode == 3) {
        value = c->count - (2 * e) % c->count;
    } else {
        value = (c->count + range - e % range) % range;
    }
    value %= range;
    return c->bcd ? to_bcd(value) : value;
}

static uint8_t channel_status(const PITChannel *c, uint64_t now)
{
    bool null_count = !c->loaded || c->next_count || waits_for_trigger(c);

    return (channel_out(c, now) ? 0x80 : 0) | (null_count ? 0x40 : 0) | c->access << 4 |
           c->mode_bits << 1 | c->bcd;
}

static void latch_count(PITChannel *c, uint64_t now)
{
    if (!c->count_latched) {
        c->latch = channel_count(c, now);
        c->count_latched = c->access == 3 ? 2 : 1;
    }
}

static void latch_status(PITChannel *c, uint64_t now)
{
    if (!c->status_latched) {
        c->status = channel_status(c, now);
        c->status_latched = true;
    }
}

static void read_back(PIT *s, uint8_t value, uint64_t now)
{
    for (unsigned i = 0; i < 3; i++) {
        if (value & (2u << i)) {
            next_period(&s->ch[i], now);
            if (!(value & 0x20)) {
                latch_count(&s->ch[i], now);
            }
            if (!(value & 0x10)) {
                latch_status(&s->ch[i], now);
            }
        }
    }
}

static void write_control(PIT *s, uint8_t value, uint64_t now)
{
    PITChannel *c = &s->ch[value >> 6 & 3];
    unsigned mode = value >> 1 & 7;

    if (value >> 6 == 3) {
        read_back(s, value, now);
        return;
    }
    next_period(c, now);
    if (!(value & 0x30)) {
        latch_count(c, now);
        return;
    }
    c->access = value >> 4 & 3;
    c->mode_bits = mode;
    c->mode = mode > 5 ? mode - 4 : mode;
    c->bcd = value & 1;
    c->loaded = false;
    c->triggered = false;
    c->next_count = 0;
    c->write_high = false;
    c->read_high = false;
    c->count_latched = 0;
    c->status_latched = false;
}

static void write_count(PITChannel *c, uint8_t value, uint64_t now)
{
    next_period(c, now);
    switch (c->access) {
    case 1:
        load_count(c, value, now);
        break;
    case 2:
        load_count(c, value << 8, now);
        break;
    default:
        if (c->write_high) {
            load_count(c, c->write_low | value << 8, now);
        } else {
            c->write_low = value;
            c->loaded = c->loaded && c->mode != 0; /* mode 0: the first byte stops the count */
        }
        c->write_high = !c->write_high;
        break;
    }
}

void pit_write(PIT *s, unsigned port, uint8_t value, int64_t now_ns)
{
    if ((port & 3) == 3) {
        write_control(s, value, ticks_at(now_ns));
    } else {
        write_count(&s->ch[port & 3], value, ticks_at(now_ns));
    }
}

static uint8_t read_latch(PITChannel *c)
{
    bool high = c->access == 2 || (c->access == 3 && c->count_latched == 1);

    c->count_latched--;
    return high ? c->latch >> 8 : c->latch;
}

uint8_t pit_read(PIT *s, unsigned port, int64_t now_ns)
{
    PITChannel *c = &s->ch[port & 3];
    uint64_t now = ticks_at(now_ns);
    bool high;

    if ((port & 3) == 3) {
        return 0; /* the control word cannot be read */
    }
    next_period(c, now);
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->count_latched) {
        return read_latch(c);
    }
    high = c->access == 2 || (c->access == 3 && c->read_high);
    if (c->access == 3) {
        c->read_high = !c->read_high;
    }
    return high ? channel_count(c, now) >> 8 : channel_count(c, now);
}

void pit_set_gate(PIT *s, unsigned channel, bool level, int64_t now_ns)
{
    PITChannel *c = &s->ch[channel];
    uint64_t now = ticks_at(now_ns);
    bool rose = level && !c->gate;

    if (level == c->gate) {
        return;
    }
    next_period(c, now);
    if (!level && (c->mode == 0 || c->mode == 4)) {
        c->elapsed = elapsed(c, now); /* these only pause */
    }
    c->gate = level;
    if (rose && (c->mode == 0 || c->mode == 4)) {
        c->start = now;
    } else if (rose) {
        c->triggered = true;
        start_counting(c, now);
    }
}

bool pit_out(const PIT *s, unsigned channel, int64_t now_ns)
{
    PITChannel c = s->ch[channel];

    next_period(&c, ticks_at(now_ns));
    return channel_out(&c, ticks_at(now_ns));
}

bool pit_pulses(const PIT *s)
{
    return s->ch[0].mode == 2 || s->ch[0].mode >= 4;
}

int64_t pit_next_ns(const PIT *s, int64_t now_ns)
{
    PITChannel c = s->ch[0];
    uint64_t now = ticks_at(now_ns), e, done;

    next_period(&c, now);
    if (!c.loaded || waits_for_trigger(&c) || (!c.gate && c.mode != 1 && c.mode != 5)) {
        return -1;
    }
    e = elapsed(&c, now);
    done = c.mode >= 4 ? c.count + 1 : c.count;
    if (is_periodic(&c)) {
        uint64_t phase = e % c.count, half = (c.count + 1) / 2;

        return ns_at(now + (c.mode == 3 && phase < half ? half : c.count) - phase);
    }
    return e < done ? ns_at(now + done - e) : -1;
}

uint8_t pit_port61_read(PIT *s, int64_t now_ns)
{
    return s->port61 | (now_ns / REFRESH_HALF_NS & 1) << 4 | pit_out(s, 2, now_ns) << 5;
}

void pit_port61_write(PIT *s, uint8_t value, int64_t now_ns)
{
    s->port61 = value & 0x0f;
    pit_set_gate(s, 2, value & 1, now_ns);
}

void pit_reset(PIT *s, int64_t now_ns)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 3; i++) {
        PITChannel *c = &s->ch[i];

        c->mode = c->mode_bits = 3;
        c->access = 3;
        c->gate = i != 2;
        load_count(c, 0, ticks_at(now_ns));
    }
}

/* --- State ----------------------------------------------------------------------------------- */

/* ns_at() of these and of sums with a period stays in range. */
#define MAX_TICKS (1ull << 52)

static bool channel_post_load(void *opaque, uint32_t version, Error **errp)
{
    const PITChannel *c = opaque;

    if (!c->access || !c->count ||
        (c->loaded && is_periodic(c) && c->count < 2)) {
        error_setg(errp, "i8254: no channel counts %u in mode %u with access %u", c->count, c->mode,
                   c->access);
        return false;
    }
    return true;
}

static const VMStateField channel_fields[] = {
    VMSTATE_UINT_MAX(PITChannel, mode, 5),
    VMSTATE_UINT_MAX(PITChannel, mode_bits, 7),
    VMSTATE_UINT_MAX(PITChannel, access, 3),
    VMSTATE_BOOL(PITChannel, bcd),
    VMSTATE_BOOL(PITChannel, gate),
    VMSTATE_BOOL(PITChannel, loaded),
    VMSTATE_BOOL(PITChannel, triggered),
    VMSTATE_BOOL(PITChannel, write_high),
    VMSTATE_BOOL(PITChannel, read_high),
    VMSTATE_BOOL(PITChannel, status_latched),
    VMSTATE_UINT_MAX(PITChannel, count_latched, 2),
    VMSTATE_UINT(PITChannel, status),
    VMSTATE_UINT(PITChannel, write_low),
    VMSTATE_UINT(PITChannel, latch),
    VMSTATE_UINT_MAX(PITChannel, count, 0x10000),
    VMSTATE_UINT_MAX(PITChannel, next_count, 0x10000),
    VMSTATE_UINT_MAX(PITChannel, start, MAX_TICKS),
    VMSTATE_UINT_MAX(PITChannel, elapsed, MAX_TICKS),
    VMSTATE_END,
};
static const VMStateDescription vmstate_channel = {
    "channel", .version = 1, .fields = channel_fields, .post_load = channel_post_load,
};
static const VMStateField pit_fields[] = {
    VMSTATE_STRUCT_ARRAY(PIT, ch, &vmstate_channel),
    VMSTATE_UINT_MAX(PIT, port61, 15),
    VMSTATE_END,
};
const VMStateDescription vmstate_pit = { "i8254", .version = 1, .fields = pit_fields };
