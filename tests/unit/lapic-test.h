/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the local APIC model share: register offsets and short forms of its calls. */
#ifndef TESTS_UNIT_LAPIC_TEST_H
#define TESTS_UNIT_LAPIC_TEST_H

#include "hw/intc/lapic.h"

#define ID    0x020
#define LVR   0x030
#define TPR   0x080
#define PPR   0x0a0
#define EOI   0x0b0
#define LDR   0x0d0
#define DFR   0x0e0
#define SPIV  0x0f0
#define ISR   0x100
#define TMR   0x180
#define IRR   0x200
#define ESR   0x280
#define ICR   0x300
#define ICR2  0x310
#define LVTT  0x320
#define LVTPC 0x340
#define LVT0  0x350
#define LVT1  0x360
#define LVTE  0x370
#define TMICT 0x380
#define TMCCT 0x390
#define TDCR  0x3e0

#define X2(reg) (0x800u + ((reg) >> 4))

static inline void init(LAPIC *s, SeoibMode seoib)
{
    LapicConfig cfg = { .apic_id = 0, .bsp = true, .x2apic = true, .tsc_deadline = true,
                        .seoib = seoib, .phys_bits = 40, .tsc_khz = 2000000 };

    lapic_init(s, &cfg);
}

static inline void init_id(LAPIC *s, uint32_t id)
{
    LapicConfig cfg = { .apic_id = id, .x2apic = true };

    lapic_init(s, &cfg);
}

static inline uint32_t rd(LAPIC *s, unsigned reg)
{
    return lapic_mmio_read(s, reg, 4, 0);
}

static inline LapicMsg wr(LAPIC *s, unsigned reg, uint32_t value)
{
    return lapic_mmio_write(s, reg, value, 4, 0);
}

static inline LapicMsg wr_at(LAPIC *s, unsigned reg, uint32_t value, int64_t now)
{
    return lapic_mmio_write(s, reg, value, 4, now);
}

/* An enabled xAPIC. */
static inline void init_on(LAPIC *s, SeoibMode seoib)
{
    init(s, seoib);
    wr(s, SPIV, 0x1ff);
}

static inline void to_x2apic(LAPIC *s)
{
    g_assert_true(lapic_set_base(s, s->base | LAPIC_BASE_X2APIC));
}

static inline bool wrmsr(LAPIC *s, unsigned reg, uint64_t value, LapicMsg *out)
{
    LapicMsg dummy;

    return lapic_msr_write(s, X2(reg), value, 0, out ? out : &dummy);
}

static inline uint64_t rdmsr(LAPIC *s, unsigned reg)
{
    uint64_t value = 0;

    g_assert_true(lapic_msr_read(s, X2(reg), &value, 0));
    return value;
}

static inline LapicPost post(LAPIC *s, uint8_t vector, bool level)
{
    ApicMessage msg = { .vector = vector, .level = level };

    return lapic_post(s, &msg);
}

static inline LapicPost post_mode(LAPIC *s, ApicDeliveryMode mode, uint8_t vector)
{
    ApicMessage msg = { .vector = vector, .mode = mode };

    return lapic_post(s, &msg);
}

/* Post, sync, acknowledge. */
static inline void serve(LAPIC *s, uint8_t vector, bool level)
{
    g_assert_cmpint(post(s, vector, level), !=, LAPIC_POST_DROPPED);
    lapic_sync(s, 0);
    g_assert_cmpint(lapic_ack(s), ==, vector);
}

#endif
