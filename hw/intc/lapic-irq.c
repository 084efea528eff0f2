/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt flow of the local APIC model: acceptance, priority, acknowledge, EOI (SDM volume 3,
 * 11.8), destination matching (11.6.2, 11.12.10) and the hand-over from other threads.
 *
 * Hand-over: a sender sets its bits, then `attention`; the owner clears `attention`, then takes the
 * bits. So a sender that finds `attention` clear kicks, and one that finds it set knows that the
 * owner has still to look.
 */
#include "qemu/osdep.h"

#include "lapic-internal.h"

/* LAPIC.identity:  [31:0] x2APIC id  [39:32] xAPIC id  [47:40] LDR  [51:48] DFR
 *                  [52] enabled  [53] x2APIC mode  [54] software enabled  [62:55] PPR */
#define IDENT_HW_ENABLED (1ull << 52)
#define IDENT_X2APIC     (1ull << 53)
#define IDENT_SW_ENABLED (1ull << 54)
#define IDENT_PPR_SHIFT  55

int vec_highest(const uint32_t v[8])
{
    for (int i = 7; i >= 0; i--) {
        if (v[i]) {
            return i * 32 + 31 - clz32(v[i]);
        }
    }
    return -1;
}

uint8_t lapic_get_ppr(const LAPIC *s)
{
    int isrv = vec_highest(s->isr);
    uint8_t in_service = isrv < 0 ? 0 : isrv & 0xf0;

    return (s->tpr & 0xf0) >= in_service ? s->tpr : in_service;
}

void lapic_publish(LAPIC *s)
{
    uint64_t ident = s->cfg.apic_id | (uint64_t)s->xapic_id << 32 |
                     (uint64_t)(s->ldr >> 24) << 40 | (uint64_t)(s->dfr >> 28) << 48;

    if (lapic_hw_enabled(s)) {
        ident |= IDENT_HW_ENABLED;
    }
    if (lapic_x2apic_mode(s)) {
        ident |= IDENT_X2APIC;
    }
    if (s->spiv & LAPIC_SPIV_ENABLE) {
        ident |= IDENT_SW_ENABLED;
    }
    ident |= (uint64_t)lapic_get_ppr(s) << IDENT_PPR_SHIFT;
    __atomic_store_n(&s->identity, ident, __ATOMIC_RELEASE);
}

void lapic_accept(LAPIC *s, uint8_t vector, bool level)
{
    vec_set(s->irr, vector);
    if (level) {
        vec_set(s->tmr, vector);
    } else {
        vec_clear(s->tmr, vector);
    }
}

uint32_t lapic_local_interrupt(LAPIC *s, LapicLvt source)
{
    uint32_t lvt = s->lvt[source];
    uint8_t vector = lvt & LVT_VECTOR;

    if (lvt & LVT_MASKED) {
        return 0;
    }
    switch ((lvt & LVT_MODE) >> LVT_MODE_SHIFT) {
    case APIC_DM_FIXED:
        if (vector < 16) {
            if (source == LAPIC_LVT_ERROR) {
                s->esr_pending |= ESR_RECV_ILLEGAL_VECTOR;
            } else {
                lapic_error(s, ESR_RECV_ILLEGAL_VECTOR);
            }
            return 0;
        }
        lapic_accept(s, vector, false);
        return 0;
    case APIC_DM_NMI:
        return LAPIC_EV_NMI;
    case APIC_DM_SMI:
        return LAPIC_EV_SMI;
    case APIC_DM_INIT:
        return LAPIC_EV_INIT;
    default:
        return 0; /* ExtINT: lapic_extint_pending() looks at the pin */
    }
}

void lapic_error(LAPIC *s, uint32_t esr_bit)
{
    bool is_new = !(s->esr_pending & esr_bit);

    s->esr_pending |= esr_bit;
    if (is_new) {
        lapic_local_interrupt(s, LAPIC_LVT_ERROR);
    }
}

/* Is LINT @pin programmed as a level-triggered fixed interrupt? */
static bool lint_is_level(const LAPIC *s, unsigned pin)
{
    return (s->lvt[LAPIC_LVT_LINT0 + pin] & (LVT_LEVEL | LVT_MODE)) == LVT_LEVEL;
}

void lapic_lint_levels(LAPIC *s)
{
    uint32_t lint = __atomic_load_n(&s->lint, __ATOMIC_ACQUIRE);

    for (unsigned pin = 0; pin < 2; pin++) {
        uint32_t *lvt = &s->lvt[LAPIC_LVT_LINT0 + pin];

        if ((lint & BIT(pin)) && lint_is_level(s, pin) &&
            !(*lvt & (LVT_MASKED | LVT_REMOTE_IRR)) && (*lvt & LVT_VECTOR) >= 16) {
            *lvt |= LVT_REMOTE_IRR;
            lapic_accept(s, *lvt & LVT_VECTOR, true);
        }
    }
}

static uint32_t lint_edges(LAPIC *s)
{
    uint32_t edges = __atomic_fetch_and(&s->lint, 0xff, __ATOMIC_ACQ_REL) >> 8;
    uint32_t events = 0;

    for (unsigned pin = 0; pin < 2; pin++) {
        if ((edges & BIT(pin)) && !lint_is_level(s, pin)) {
            events |= lapic_local_interrupt(s, LAPIC_LVT_LINT0 + pin);
        }
    }
    return events;
}

static void drain_pending(LAPIC *s)
{
    for (unsigned i = 0; i < 8; i++) {
        uint32_t bits, level;

        if (!__atomic_load_n(&s->pending[i], __ATOMIC_RELAXED)) {
            continue;
        }
        bits = __atomic_exchange_n(&s->pending[i], 0, __ATOMIC_ACQ_REL);
        level = __atomic_load_n(&s->pending_level[i], __ATOMIC_ACQUIRE);
        s->irr[i] |= bits;
        s->tmr[i] = (s->tmr[i] & ~bits) | (level & bits);
    }
}

uint32_t lapic_sync(LAPIC *s, int64_t now_ns)
{
    uint32_t events = 0;

    if (__atomic_exchange_n(&s->attention, 0, __ATOMIC_SEQ_CST)) {
        drain_pending(s);
        events = __atomic_exchange_n(&s->events, 0, __ATOMIC_ACQ_REL);
        s->extint |= (events & LAPIC_EV_EXTINT) != 0;
        if (events & LAPIC_EV_ILLEGAL) {
            lapic_error(s, ESR_RECV_ILLEGAL_VECTOR);
        }
        events &= ~(LAPIC_EV_EXTINT | LAPIC_EV_ILLEGAL);
        events |= lint_edges(s);
        lapic_lint_levels(s);
    }
    lapic_timer_catch_up(s, now_ns);
    return events;
}

void lapic_return_events(LAPIC *s, uint32_t events)
{
    if (events) {
        if (s->events & LAPIC_EV_SIPI) {
            events &= 0xff;
        }
        __atomic_fetch_or(&s->events, events, __ATOMIC_ACQ_REL);
        __atomic_store_n(&s->attention, 1, __ATOMIC_SEQ_CST);
    }
}

bool lapic_sync_needed(const LAPIC *s)
{
    return __atomic_load_n(&s->attention, __ATOMIC_SEQ_CST);
}

int lapic_pending(const LAPIC *s)
{
    int vector = lapic_hw_enabled(s) ? vec_highest(s->irr) : -1;

    return vector >= 0 && (vector & 0xf0) > (lapic_get_ppr(s) & 0xf0) ? vector : -1;
}

uint8_t lapic_ack(LAPIC *s)
{
    int vector = lapic_pending(s);

    if (vector < 0) {
        return s->spiv & 0xff; /* no ISR bit, no EOI (SDM 11.9) */
    }
    vec_clear(s->irr, vector);
    vec_set(s->isr, vector);
    lapic_publish(s);
    return vector;
}

bool lapic_has_vector(const LAPIC *s, uint8_t vector)
{
    return vec_test(s->irr, vector) || vec_test(s->isr, vector) ||
           __atomic_load_n(&s->pending[vector >> 5], __ATOMIC_ACQUIRE) & BIT(vector & 31);
}

bool lapic_extint_pending(const LAPIC *s)
{
    uint32_t lvt0 = s->lvt[LAPIC_LVT_LINT0];

    if (s->extint) {
        return true;
    }
    if (!(__atomic_load_n(&s->lint, __ATOMIC_ACQUIRE) & BIT(0))) {
        return false;
    }
    return !lapic_hw_enabled(s) ||
           (lvt0 & (LVT_MASKED | LVT_MODE)) == APIC_DM_EXTINT << LVT_MODE_SHIFT;
}

void lapic_ack_extint(LAPIC *s)
{
    s->extint = false;
}

/* A level-triggered LINT pin with this vector may fire again. */
static void lint_eoi(LAPIC *s, uint8_t vector)
{
    for (unsigned pin = 0; pin < 2; pin++) {
        uint32_t *lvt = &s->lvt[LAPIC_LVT_LINT0 + pin];

        if ((*lvt & LVT_REMOTE_IRR) && (*lvt & LVT_VECTOR) == vector) {
            *lvt &= ~LVT_REMOTE_IRR;
        }
    }
    lapic_lint_levels(s);
}

LapicMsg lapic_eoi(LAPIC *s)
{
    LapicMsg msg = { .kind = LAPIC_MSG_NONE };
    int vector = vec_highest(s->isr);
    bool suppressed = s->cfg.seoib == SEOIB_RESPECTED && (s->spiv & LAPIC_SPIV_SEOIB);

    if (vector < 0) {
        return msg;
    }
    vec_clear(s->isr, vector);
    lapic_publish(s);
    if (vec_test(s->tmr, vector)) {
        lint_eoi(s, vector);
        if (!suppressed) {
            msg.kind = LAPIC_MSG_EOI;
            msg.vector = vector;
        }
    }
    return msg;
}

static bool match_logical_xapic(uint64_t ident, uint8_t dest)
{
    uint8_t ldr = extract64(ident, 40, 8);

    if (extract64(ident, 48, 4) == 0xf) {
        return ldr & dest; /* flat model */
    }
    return (ldr >> 4) == (dest >> 4) && (ldr & dest & 0xf);
}

static bool match_logical_x2apic(uint32_t id, uint32_t dest)
{
    return id >> 4 == dest >> 16 && (dest & BIT(id & 15));
}

bool lapic_match(const LAPIC *s, uint32_t dest, bool logical)
{
    uint64_t ident = __atomic_load_n(&s->identity, __ATOMIC_ACQUIRE);
    uint32_t id = (uint32_t)ident;

    if (!(ident & IDENT_HW_ENABLED)) {
        return false;
    }
    if (dest == APIC_DEST_BROADCAST) {
        return true;
    }
    if (ident & IDENT_X2APIC) {
        return logical ? match_logical_x2apic(id, dest) : dest == id;
    }
    if (dest == 0xff) {
        return true;
    }
    if (logical) {
        return dest < 0xff && match_logical_xapic(ident, dest);
    }
    return dest == extract64(ident, 32, 8);
}

bool lapic_accepts_fixed(const LAPIC *s)
{
    uint64_t both = IDENT_HW_ENABLED | IDENT_SW_ENABLED;

    return (__atomic_load_n(&s->identity, __ATOMIC_ACQUIRE) & both) == both;
}

uint8_t lapic_arb_priority(const LAPIC *s)
{
    return __atomic_load_n(&s->identity, __ATOMIC_ACQUIRE) >> IDENT_PPR_SHIFT;
}

static LapicPost attention(LAPIC *s)
{
    return __atomic_exchange_n(&s->attention, 1, __ATOMIC_SEQ_CST) ? LAPIC_POST_TAKEN
                                                                    : LAPIC_POST_KICK;
}

static LapicPost post_event(LAPIC *s, uint32_t event)
{
    __atomic_fetch_or(&s->events, event, __ATOMIC_ACQ_REL);
    return attention(s);
}

static LapicPost post_vector(LAPIC *s, uint8_t vector, bool level)
{
    uint32_t bit = BIT(vector & 31);

    if (!lapic_accepts_fixed(s)) {
        return LAPIC_POST_DROPPED;
    }
    if (vector < 16) {
        return post_event(s, LAPIC_EV_ILLEGAL);
    }
    if (level) {
        __atomic_fetch_or(&s->pending_level[vector >> 5], bit, __ATOMIC_ACQ_REL);
    } else {
        __atomic_fetch_and(&s->pending_level[vector >> 5], ~bit, __ATOMIC_ACQ_REL);
    }
    __atomic_fetch_or(&s->pending[vector >> 5], bit, __ATOMIC_ACQ_REL);
    return attention(s);
}

/* An INIT forgets a SIPI that waits; a SIPI does not replace one that waits. */
static LapicPost post_start(LAPIC *s, bool init, uint8_t vector)
{
    uint32_t old = __atomic_load_n(&s->events, __ATOMIC_ACQUIRE), new;

    do {
        if (init) {
            new = (old & 0xff & ~LAPIC_EV_SIPI) | LAPIC_EV_INIT;
        } else if (old & LAPIC_EV_SIPI) {
            return LAPIC_POST_TAKEN;
        } else {
            new = old | LAPIC_EV_SIPI | (uint32_t)vector << LAPIC_EV_SIPI_VECTOR_SHIFT;
        }
    } while (!__atomic_compare_exchange_n(&s->events, &old, new, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    return attention(s);
}

LapicPost lapic_post(LAPIC *s, const ApicMessage *msg)
{
    switch (msg->mode) {
    case APIC_DM_FIXED:
    case APIC_DM_LOWEST:
        return post_vector(s, msg->vector, msg->level);
    case APIC_DM_SMI:
        return post_event(s, LAPIC_EV_SMI);
    case APIC_DM_NMI:
        return post_event(s, LAPIC_EV_NMI);
    case APIC_DM_INIT:
        return msg->deassert ? LAPIC_POST_DROPPED : post_start(s, true, 0);
    case APIC_DM_SIPI:
        return post_start(s, false, msg->vector);
    case APIC_DM_EXTINT:
        return post_event(s, LAPIC_EV_EXTINT);
    default:
        return LAPIC_POST_DROPPED;
    }
}

bool lapic_set_lint(LAPIC *s, unsigned pin, bool level)
{
    uint32_t bit = BIT(pin), old;

    assert(pin < 2);
    if (!level) {
        __atomic_fetch_and(&s->lint, ~bit, __ATOMIC_ACQ_REL);
        return false;
    }
    old = __atomic_fetch_or(&s->lint, bit, __ATOMIC_ACQ_REL);
    if (old & bit) {
        return false;
    }
    __atomic_fetch_or(&s->lint, bit << 8, __ATOMIC_ACQ_REL);
    attention(s);
    return true; /* a processor without APIC takes INTR from the pin: always worth a kick */
}
