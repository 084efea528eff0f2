/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC model against SDM volume 3 chapter 11; every test name states the requirement. */
#include "qemu/osdep.h"

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

static void init(LAPIC *s, SeoibMode seoib)
{
    LapicConfig cfg = { .apic_id = 0, .bsp = true, .x2apic = true, .tsc_deadline = true,
                        .seoib = seoib, .phys_bits = 40, .tsc_khz = 2000000 };

    lapic_init(s, &cfg);
}

static void init_id(LAPIC *s, uint32_t id)
{
    LapicConfig cfg = { .apic_id = id, .x2apic = true };

    lapic_init(s, &cfg);
}

static uint32_t rd(LAPIC *s, unsigned reg)
{
    return lapic_mmio_read(s, reg, 4, 0);
}

static LapicMsg wr(LAPIC *s, unsigned reg, uint32_t value)
{
    return lapic_mmio_write(s, reg, value, 4, 0);
}

static LapicMsg wr_at(LAPIC *s, unsigned reg, uint32_t value, int64_t now)
{
    return lapic_mmio_write(s, reg, value, 4, now);
}

/* An enabled xAPIC. */
static void init_on(LAPIC *s, SeoibMode seoib)
{
    init(s, seoib);
    wr(s, SPIV, 0x1ff);
}

static void to_x2apic(LAPIC *s)
{
    g_assert_true(lapic_set_base(s, s->base | LAPIC_BASE_X2APIC));
}

static bool wrmsr(LAPIC *s, unsigned reg, uint64_t value, LapicMsg *out)
{
    LapicMsg dummy;

    return lapic_msr_write(s, X2(reg), value, 0, out ? out : &dummy);
}

static uint64_t rdmsr(LAPIC *s, unsigned reg)
{
    uint64_t value = 0;

    g_assert_true(lapic_msr_read(s, X2(reg), &value, 0));
    return value;
}

static LapicPost post(LAPIC *s, uint8_t vector, bool level)
{
    ApicMessage msg = { .vector = vector, .level = level };

    return lapic_post(s, &msg);
}

static LapicPost post_mode(LAPIC *s, ApicDeliveryMode mode, uint8_t vector)
{
    ApicMessage msg = { .vector = vector, .mode = mode };

    return lapic_post(s, &msg);
}

/* Post, sync, acknowledge. */
static void serve(LAPIC *s, uint8_t vector, bool level)
{
    g_assert_cmpint(post(s, vector, level), !=, LAPIC_POST_DROPPED);
    lapic_sync(s, 0);
    g_assert_cmpint(lapic_ack(s), ==, vector);
}

/* --- Reset ---------------------------------------------------------------------------------- */

static void test_reset_values(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    g_assert_cmphex(rd(&s, LVR), ==, 0x00050014);
    g_assert_cmphex(rd(&s, SPIV), ==, 0xff);
    g_assert_cmphex(rd(&s, DFR), ==, 0xffffffff);
    g_assert_cmphex(rd(&s, LVTT), ==, 0x10000);
    g_assert_cmphex(rd(&s, LVTE), ==, 0x10000);
    g_assert_cmphex(rd(&s, LVT1), ==, 0x10000);
    g_assert_cmphex(rd(&s, TPR) | rd(&s, LDR) | rd(&s, ESR) | rd(&s, ICR) | rd(&s, TDCR), ==, 0);
    g_assert_cmphex(s.base, ==, 0xfee00900);
}

static void test_reset_bsp_lint0_is_extint(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    g_assert_cmphex(rd(&s, LVT0), ==, 0x700);
    init_id(&s, 1);
    g_assert_cmphex(rd(&s, LVT0), ==, 0x10000);
}

static void test_init_keeps_base_and_mode(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    to_x2apic(&s);
    g_assert_true(wrmsr(&s, TPR, 0x50, NULL));
    lapic_init_ipi(&s);
    g_assert_cmphex(s.base, ==, 0xfee00d00);
    g_assert_cmphex(rdmsr(&s, TPR), ==, 0);
    g_assert_cmphex(rdmsr(&s, SPIV), ==, 0xff);
}

static void test_reset_leaves_x2apic(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    to_x2apic(&s);
    lapic_reset(&s);
    g_assert_cmphex(s.base, ==, 0xfee00900);
}

static void test_init_clears_suppression(void)
{
    LAPIC s;

    init(&s, SEOIB_RESPECTED);
    wr(&s, SPIV, 0x11ff);
    lapic_init_ipi(&s);
    g_assert_cmphex(rd(&s, SPIV), ==, 0xff);
}

static void test_init_drops_pending_vectors(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    post(&s, 0x40, false);
    lapic_init_ipi(&s);
    wr(&s, SPIV, 0x1ff);
    lapic_sync(&s, 0);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
}

/* --- Suppress EOI broadcast ----------------------------------------------------------------- */

static void test_seoib_lvr_bit24_only_when_respected(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    g_assert_cmphex(rd(&s, LVR), ==, 0x00050014);
    init(&s, SEOIB_NOT_ADVERTISED);
    g_assert_cmphex(rd(&s, LVR), ==, 0x00050014);
    init(&s, SEOIB_RESPECTED);
    g_assert_cmphex(rd(&s, LVR), ==, 0x01050014);
}

static void test_seoib_needs_x2apic(void)
{
    LapicConfig cfg = { .seoib = SEOIB_RESPECTED };
    LAPIC s;

    lapic_init(&s, &cfg);
    g_assert_cmphex(rd(&s, LVR), ==, 0x00050014);
    wr(&s, SPIV, 0x11ff);
    g_assert_cmphex(rd(&s, SPIV), ==, 0x1ff);
}

static void test_seoib_spiv12_sticks_only_when_respected(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    wr(&s, SPIV, 0xffffffff);
    g_assert_cmphex(rd(&s, SPIV), ==, 0x1ff);
    init(&s, SEOIB_NOT_ADVERTISED);
    wr(&s, SPIV, 0x11ff);
    g_assert_cmphex(rd(&s, SPIV), ==, 0x1ff);
    init(&s, SEOIB_RESPECTED);
    wr(&s, SPIV, 0xffffffff);
    g_assert_cmphex(rd(&s, SPIV), ==, 0x11ff);
}

static void test_seoib_same_in_x2apic_mode(void)
{
    LAPIC s;

    init(&s, SEOIB_RESPECTED);
    to_x2apic(&s);
    g_assert_cmphex(rdmsr(&s, LVR), ==, 0x01050014);
    g_assert_true(wrmsr(&s, SPIV, 0x11ff, NULL));
    g_assert_cmphex(rdmsr(&s, SPIV), ==, 0x11ff);
    init(&s, SEOIB_NOT_ADVERTISED);
    to_x2apic(&s);
    g_assert_true(wrmsr(&s, SPIV, 0x11ff, NULL)); /* dropped, no #GP: as KVM */
    g_assert_cmphex(rdmsr(&s, SPIV), ==, 0x1ff);
}

static void test_seoib_suppressed_eoi_sends_nothing(void)
{
    LAPIC s;
    LapicMsg msg;

    init(&s, SEOIB_RESPECTED);
    wr(&s, SPIV, 0x11ff);
    serve(&s, 0x51, true);
    msg = wr(&s, EOI, 0);
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_NONE);
    g_assert_cmphex(rd(&s, ISR + 0x20), ==, 0); /* the interrupt itself ends all the same */
    g_assert_cmphex(rd(&s, PPR), ==, 0);
}

static void test_seoib_off_again_broadcasts(void)
{
    LAPIC s;

    init(&s, SEOIB_RESPECTED);
    wr(&s, SPIV, 0x11ff);
    wr(&s, SPIV, 0x1ff);
    serve(&s, 0x51, true);
    g_assert_cmpint(wr(&s, EOI, 0).kind, ==, LAPIC_MSG_EOI);
}

static void test_seoib_read_at_eoi_not_at_acceptance(void)
{
    LAPIC s;

    init(&s, SEOIB_RESPECTED);
    wr(&s, SPIV, 0x1ff);
    serve(&s, 0x51, true);
    wr(&s, SPIV, 0x11ff);
    g_assert_cmpint(wr(&s, EOI, 0).kind, ==, LAPIC_MSG_NONE);
}

static void test_seoib_forced_bit_broadcasts_unless_respected(void)
{
    uint8_t page[LAPIC_PAGE_BYTES];
    SeoibMode modes[] = { SEOIB_QUIRKED, SEOIB_NOT_ADVERTISED };

    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        LAPIC s;

        init_on(&s, modes[i]);
        lapic_get_page(&s, page, true, 0);
        page[SPIV + 1] |= 0x10;
        lapic_set_page(&s, page, true, 0);
        g_assert_cmphex(rd(&s, SPIV), ==, 0x11ff);
        serve(&s, 0x51, true);
        g_assert_cmpint(wr(&s, EOI, 0).kind, ==, LAPIC_MSG_EOI);
    }
}

static void test_seoib_policy_change_shows_in_lvr_at_once(void)
{
    LAPIC s;

    init_on(&s, SEOIB_NOT_ADVERTISED);
    lapic_set_seoib(&s, SEOIB_RESPECTED);
    g_assert_cmphex(rd(&s, LVR), ==, 0x01050014);
    g_assert_cmphex(rd(&s, SPIV), ==, 0x1ff);
}

/* --- EOI ------------------------------------------------------------------------------------ */

static void test_eoi_of_level_vector_is_broadcast(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x51, true);
    g_assert_cmphex(rd(&s, TMR + 0x20), ==, 1u << 17);
    msg = wr(&s, EOI, 0);
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_EOI);
    g_assert_cmphex(msg.vector, ==, 0x51);
}

static void test_eoi_of_edge_vector_is_silent(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x51, false);
    g_assert_cmphex(rd(&s, TMR + 0x20), ==, 0);
    g_assert_cmpint(wr(&s, EOI, 0).kind, ==, LAPIC_MSG_NONE);
}

static void test_eoi_ends_highest_in_service(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x41, true);
    serve(&s, 0x61, true);
    g_assert_cmphex(wr(&s, EOI, 0).vector, ==, 0x61);
    g_assert_cmphex(wr(&s, EOI, 0).vector, ==, 0x41);
    g_assert_cmpint(wr(&s, EOI, 0).kind, ==, LAPIC_MSG_NONE);
}

static void test_eoi_any_value_in_xapic_only_zero_in_x2apic(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x41, true);
    g_assert_cmpint(wr(&s, EOI, 0x1234).kind, ==, LAPIC_MSG_EOI);
    to_x2apic(&s);
    serve(&s, 0x41, true);
    g_assert_false(wrmsr(&s, EOI, 1, &msg));
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_NONE);
    g_assert_true(wrmsr(&s, EOI, 0, &msg));
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_EOI);
}

static void test_tmr_follows_last_acceptance(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x51, true);
    wr(&s, EOI, 0);
    serve(&s, 0x51, false);
    g_assert_cmpint(wr(&s, EOI, 0).kind, ==, LAPIC_MSG_NONE);
}

/* --- Priority and acknowledge --------------------------------------------------------------- */

static void test_pending_is_highest_vector(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    post(&s, 0x31, false);
    post(&s, 0xe1, false);
    post(&s, 0x91, false);
    lapic_sync(&s, 0);
    g_assert_cmphex(lapic_pending(&s), ==, 0xe1);
    g_assert_cmphex(lapic_ack(&s), ==, 0xe1);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
}

static void test_same_class_waits_for_eoi(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x41, false);
    post(&s, 0x4f, false);
    lapic_sync(&s, 0);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
    wr(&s, EOI, 0);
    g_assert_cmphex(lapic_pending(&s), ==, 0x4f);
}

static void test_higher_class_nests(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x41, false);
    serve(&s, 0x51, false);
    g_assert_cmphex(rd(&s, PPR), ==, 0x50);
}

static void test_tpr_blocks_its_class_and_below(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    post(&s, 0x5f, false);
    lapic_sync(&s, 0);
    wr(&s, TPR, 0x50);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
    wr(&s, TPR, 0x4f);
    g_assert_cmphex(lapic_pending(&s), ==, 0x5f);
}

static void test_ppr_is_tpr_or_isr_class(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TPR, 0x35);
    g_assert_cmphex(rd(&s, PPR), ==, 0x35);
    serve(&s, 0x62, false);
    g_assert_cmphex(rd(&s, PPR), ==, 0x60);
    wr(&s, TPR, 0x6a);
    g_assert_cmphex(rd(&s, PPR), ==, 0x6a);
}

static void test_cr8_is_tpr_class(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TPR, 0x7b);
    g_assert_cmphex(lapic_get_cr8(&s), ==, 7);
    lapic_set_cr8(&s, 0xc);
    g_assert_cmphex(rd(&s, TPR), ==, 0xc0);
}

static void test_ack_without_pending_is_spurious(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, SPIV, 0x1e7);
    post(&s, 0x51, false);
    lapic_sync(&s, 0);
    wr(&s, TPR, 0xff); /* raised between the signal and the acknowledge */
    g_assert_cmphex(lapic_ack(&s), ==, 0xe7);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(rd(&s, ISR + i * 16), ==, 0);
    }
}

static void test_irr_holds_one_while_isr_serves_one(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    serve(&s, 0x51, false);
    post(&s, 0x51, false);
    post(&s, 0x51, false);
    lapic_sync(&s, 0);
    g_assert_cmphex(rd(&s, IRR + 0x20), ==, 1u << 17);
    wr(&s, EOI, 0);
    g_assert_cmphex(lapic_ack(&s), ==, 0x51);
    wr(&s, EOI, 0);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
}

static void test_software_disabled_drops_fixed_keeps_pending(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    post(&s, 0x51, false);
    lapic_sync(&s, 0);
    wr(&s, SPIV, 0xff);
    g_assert_cmpint(post(&s, 0x61, false), ==, LAPIC_POST_DROPPED);
    g_assert_cmphex(lapic_pending(&s), ==, 0x51); /* SDM 11.4.7.2: held for the CPU to handle */
}

static void test_software_disable_masks_lvt(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTT, 0x40);
    wr(&s, SPIV, 0xff);
    g_assert_cmphex(rd(&s, LVTT), ==, 0x10040);
    wr(&s, LVTT, 0x41);
    g_assert_cmphex(rd(&s, LVTT), ==, 0x10041); /* the mask bit cannot be cleared */
    wr(&s, SPIV, 0x1ff);
    g_assert_cmphex(rd(&s, LVTT), ==, 0x10041); /* and stays set */
}

static void test_software_disabled_takes_nmi_init_sipi(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    g_assert_cmpint(post_mode(&s, APIC_DM_NMI, 0), ==, LAPIC_POST_KICK);
    g_assert_cmpint(post_mode(&s, APIC_DM_INIT, 0), ==, LAPIC_POST_TAKEN);
    g_assert_cmpint(post_mode(&s, APIC_DM_SIPI, 0x9a), ==, LAPIC_POST_TAKEN);
    g_assert_cmphex(lapic_sync(&s, 0), ==,
                    LAPIC_EV_NMI | LAPIC_EV_INIT | LAPIC_EV_SIPI | 0x9a00);
    g_assert_cmphex(lapic_sync(&s, 0), ==, 0);
}

static void test_init_cancels_waiting_sipi(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    post_mode(&s, APIC_DM_SIPI, 0x9a);
    post_mode(&s, APIC_DM_INIT, 0);
    g_assert_cmphex(lapic_sync(&s, 0), ==, LAPIC_EV_INIT);
}

static void test_second_sipi_does_not_replace_first(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    post_mode(&s, APIC_DM_SIPI, 0x10);
    post_mode(&s, APIC_DM_SIPI, 0x20);
    g_assert_cmphex(lapic_sync(&s, 0), ==, LAPIC_EV_SIPI | 0x1000);
}

static void test_kick_only_for_first_post(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_false(lapic_sync_needed(&s));
    g_assert_cmpint(post(&s, 0x51, false), ==, LAPIC_POST_KICK);
    g_assert_cmpint(post(&s, 0x61, false), ==, LAPIC_POST_TAKEN);
    g_assert_true(lapic_sync_needed(&s));
    lapic_sync(&s, 0);
    g_assert_false(lapic_sync_needed(&s));
    g_assert_cmpint(post(&s, 0x61, false), ==, LAPIC_POST_KICK);
}

/* --- Errors --------------------------------------------------------------------------------- */

static void test_esr_latches_at_write(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    rd(&s, 0x010); /* no register there */
    g_assert_cmphex(rd(&s, ESR), ==, 0);
    wr(&s, ESR, 0);
    g_assert_cmphex(rd(&s, ESR), ==, 0x80);
    g_assert_cmphex(rd(&s, ESR), ==, 0x80);
    wr(&s, ESR, 0);
    g_assert_cmphex(rd(&s, ESR), ==, 0);
}

static void test_esr_nonzero_write_faults_in_x2apic(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, ESR, 0xffffffff);
    to_x2apic(&s);
    g_assert_false(wrmsr(&s, ESR, 1, NULL));
    g_assert_true(wrmsr(&s, ESR, 0, NULL));
}

static void test_ipi_with_illegal_vector_sets_send_error(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmpint(wr(&s, ICR, 0x4400f).kind, ==, LAPIC_MSG_NONE);
    wr(&s, ESR, 0);
    g_assert_cmphex(rd(&s, ESR), ==, 0x20);
}

static void test_received_illegal_vector_sets_error(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    post(&s, 0x0f, false);
    lapic_sync(&s, 0);
    wr(&s, ESR, 0);
    g_assert_cmphex(rd(&s, ESR), ==, 0x40);
    g_assert_cmphex(rd(&s, IRR), ==, 0);
}

static void test_error_raises_lvt_error_once(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTE, 0xfe);
    rd(&s, 0x010);
    g_assert_cmphex(lapic_ack(&s), ==, 0xfe);
    wr(&s, EOI, 0);
    rd(&s, 0x010);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
    wr(&s, ESR, 0);
    rd(&s, 0x010);
    g_assert_cmphex(lapic_pending(&s), ==, 0xfe);
}

static void test_illegal_error_vector_does_not_recurse(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTE, 0x05);
    rd(&s, 0x010);
    wr(&s, ESR, 0);
    g_assert_cmphex(rd(&s, ESR), ==, 0xc0);
}

/* --- IPIs ----------------------------------------------------------------------------------- */

static void test_ipi_sent_by_low_half(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmpint(wr(&s, ICR2, 0x03000000).kind, ==, LAPIC_MSG_NONE);
    msg = wr(&s, ICR, 0x000000f1);
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_IPI);
    g_assert_cmpint(msg.ipi.dest, ==, 3);
    g_assert_cmphex(msg.ipi.vector, ==, 0xf1);
    g_assert_cmpint(msg.ipi.mode, ==, APIC_DM_FIXED);
    g_assert_false(msg.ipi.logical || msg.ipi.level);
}

static void test_ipi_delivery_status_reads_idle(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, ICR, 0xfff3f0f1);
    g_assert_cmphex(rd(&s, ICR) & 0x1000, ==, 0);
}

static void test_ipi_broadcast_id_widens(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, ICR2, 0xff000000);
    g_assert_cmphex(wr(&s, ICR, 0xf1).ipi.dest, ==, APIC_DEST_BROADCAST);
    g_assert_cmphex(wr(&s, ICR, 0x8f1).ipi.dest, ==, 0xff);
}

static void test_ipi_init_and_deassert(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    msg = wr(&s, ICR, 0xc500);
    g_assert_cmpint(msg.ipi.mode, ==, APIC_DM_INIT);
    g_assert_false(msg.ipi.deassert);
    msg = wr(&s, ICR, 0x8500);
    g_assert_true(msg.ipi.deassert);
    g_assert_cmpint(lapic_post(&s, &msg.ipi), ==, LAPIC_POST_DROPPED);
}

static void test_ipi_reserved_modes_are_not_sent(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmpint(wr(&s, ICR, 0x3f1).kind, ==, LAPIC_MSG_NONE);
    g_assert_cmpint(wr(&s, ICR, 0x7f1).kind, ==, LAPIC_MSG_NONE);
}

static void test_ipi_fixed_is_an_edge_whatever_icr_says(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_false(wr(&s, ICR, 0xc0f1).ipi.level);
}

static void test_self_ipi_only_in_x2apic(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmpint(wr(&s, 0x3f0, 0x44).kind, ==, LAPIC_MSG_NONE);
    to_x2apic(&s);
    g_assert_true(wrmsr(&s, 0x3f0, 0x44, &msg));
    g_assert_cmpint(msg.ipi.shorthand, ==, APIC_SH_SELF);
    g_assert_cmphex(msg.ipi.vector, ==, 0x44);
    g_assert_false(wrmsr(&s, 0x3f0, 0x144, NULL));
}

/* --- Destinations --------------------------------------------------------------------------- */

static void test_match_physical_xapic(void)
{
    LAPIC s;

    init_id(&s, 3);
    g_assert_true(lapic_match(&s, 3, false));
    g_assert_false(lapic_match(&s, 4, false));
    g_assert_true(lapic_match(&s, 0xff, false));
    g_assert_true(lapic_match(&s, APIC_DEST_BROADCAST, false));
    g_assert_false(lapic_match(&s, 0x103, false));
}

static void test_match_flat(void)
{
    LAPIC s;

    init_id(&s, 3);
    wr(&s, LDR, 0x08ffffff);
    g_assert_true(lapic_match(&s, 0x0f, true));
    g_assert_true(lapic_match(&s, 0x08, true));
    g_assert_false(lapic_match(&s, 0x07, true));
    g_assert_true(lapic_match(&s, 0xff, true));
}

static void test_match_cluster(void)
{
    LAPIC s;

    init_id(&s, 3);
    wr(&s, DFR, 0x0fffffff);
    wr(&s, LDR, 0x24000000);
    g_assert_true(lapic_match(&s, 0x24, true));
    g_assert_true(lapic_match(&s, 0x2f, true));
    g_assert_false(lapic_match(&s, 0x34, true));
    g_assert_false(lapic_match(&s, 0x2b, true));
    g_assert_true(lapic_match(&s, 0xff, true));
}

static void test_match_x2apic_physical(void)
{
    LAPIC s;

    init_id(&s, 0x12345);
    to_x2apic(&s);
    g_assert_true(lapic_match(&s, 0x12345, false));
    g_assert_false(lapic_match(&s, 0x45, false));
    g_assert_false(lapic_match(&s, 0xff, false));
    g_assert_true(lapic_match(&s, APIC_DEST_BROADCAST, false));
}

static void test_match_x2apic_cluster(void)
{
    LAPIC s;

    init_id(&s, 0x25);
    to_x2apic(&s);
    g_assert_cmphex(rdmsr(&s, LDR), ==, 0x00020020);
    g_assert_true(lapic_match(&s, 0x00020020, true));
    g_assert_true(lapic_match(&s, 0x0002ffff, true));
    g_assert_false(lapic_match(&s, 0x00030020, true));
    g_assert_false(lapic_match(&s, 0x0002ffdf, true));
    g_assert_true(lapic_match(&s, APIC_DEST_BROADCAST, true));
}

static void test_match_disabled_apic_never(void)
{
    LAPIC s;

    init_id(&s, 3);
    g_assert_true(lapic_set_base(&s, s.base & ~LAPIC_BASE_ENABLE));
    g_assert_false(lapic_match(&s, 3, false));
    g_assert_false(lapic_match(&s, APIC_DEST_BROADCAST, false));
}

static void test_arb_priority_is_ppr(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmphex(lapic_arb_priority(&s), ==, 0);
    serve(&s, 0x71, false);
    g_assert_cmphex(lapic_arb_priority(&s), ==, 0x70);
    wr(&s, EOI, 0);
    g_assert_cmphex(lapic_arb_priority(&s), ==, 0);
}

/* --- Base and modes ------------------------------------------------------------------------- */

static void test_base_illegal_transitions_fault(void)
{
    LAPIC s;
    uint64_t on = LAPIC_DEFAULT_BASE | LAPIC_BASE_BSP | LAPIC_BASE_ENABLE;
    uint64_t x2 = on | LAPIC_BASE_X2APIC, off = LAPIC_DEFAULT_BASE | LAPIC_BASE_BSP;

    init(&s, SEOIB_QUIRKED);
    g_assert_false(lapic_set_base(&s, off | LAPIC_BASE_X2APIC));
    g_assert_true(lapic_set_base(&s, x2));
    g_assert_false(lapic_set_base(&s, on));
    g_assert_true(lapic_set_base(&s, off));
    g_assert_false(lapic_set_base(&s, x2));
    g_assert_true(lapic_set_base(&s, on));
    g_assert_cmphex(s.base, ==, on);
}

static void test_base_reserved_bits_fault(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    g_assert_false(lapic_set_base(&s, s.base | 1));
    g_assert_false(lapic_set_base(&s, s.base | 1ull << 40));
    g_assert_true(lapic_set_base(&s, s.base | 1ull << 39));
}

static void test_base_x2apic_needs_cpuid(void)
{
    LapicConfig cfg = { .apic_id = 0 };
    LAPIC s;

    lapic_init(&s, &cfg);
    g_assert_false(lapic_set_base(&s, s.base | LAPIC_BASE_X2APIC));
}

static void test_page_closed_in_x2apic_msrs_closed_in_xapic(void)
{
    LAPIC s;
    uint64_t value;

    init(&s, SEOIB_QUIRKED);
    g_assert_true(lapic_mmio_enabled(&s));
    g_assert_false(lapic_msr_read(&s, X2(LVR), &value, 0));
    to_x2apic(&s);
    g_assert_false(lapic_mmio_enabled(&s));
    g_assert_true(lapic_msr_read(&s, X2(LVR), &value, 0));
}

static void test_x2apic_id_is_32_bits(void)
{
    LAPIC s;

    init_id(&s, 0x1234);
    g_assert_cmphex(rd(&s, ID), ==, 0x34000000);
    to_x2apic(&s);
    g_assert_cmphex(rdmsr(&s, ID), ==, 0x1234);
}

/* --- x2APIC access rules -------------------------------------------------------------------- */

static void test_x2apic_missing_registers_fault(void)
{
    static const unsigned none[] = { 0x000, 0x040, 0x090, 0x0c0, 0x0e0, 0x290, 0x2f0, 0x310,
                                     0x3a0, 0x3d0, 0x400, 0xff0 };
    LAPIC s;
    uint64_t value;

    init(&s, SEOIB_QUIRKED);
    to_x2apic(&s);
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
        g_assert_false(lapic_msr_read(&s, X2(none[i]), &value, 0));
        g_assert_false(wrmsr(&s, none[i], 0, NULL));
    }
    g_assert_cmphex(s.esr_pending, ==, 0); /* the fault replaces the error bit */
}

static void test_x2apic_read_only_and_write_only_fault(void)
{
    static const unsigned ro[] = { ID, LVR, PPR, LDR, ISR, TMR + 0x70, IRR, TMCCT };
    LAPIC s;
    uint64_t value;

    init(&s, SEOIB_QUIRKED);
    to_x2apic(&s);
    for (unsigned i = 0; i < ARRAY_SIZE(ro); i++) {
        g_assert_true(lapic_msr_read(&s, X2(ro[i]), &value, 0));
        g_assert_false(wrmsr(&s, ro[i], value, NULL));
    }
    g_assert_false(lapic_msr_read(&s, X2(EOI), &value, 0));
    g_assert_false(lapic_msr_read(&s, 0x83f, &value, 0));
}

static void test_x2apic_high_bits_fault(void)
{
    static const unsigned rw[] = { TPR, SPIV, LVTT, LVT0, LVTE, TMICT, TDCR };
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    to_x2apic(&s);
    for (unsigned i = 0; i < ARRAY_SIZE(rw); i++) {
        g_assert_false(wrmsr(&s, rw[i], 1ull << 32, NULL));
        g_assert_true(wrmsr(&s, rw[i], 0, NULL));
    }
    g_assert_false(wrmsr(&s, TPR, 0x100, NULL));
}

static void test_x2apic_icr_is_one_64_bit_register(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    to_x2apic(&s);
    g_assert_true(wrmsr(&s, ICR, 0x0001234500000831ull, &msg));
    g_assert_cmphex(msg.ipi.dest, ==, 0x00012345);
    g_assert_true(msg.ipi.logical);
    g_assert_cmphex(rdmsr(&s, ICR), ==, 0x0001234500000831ull);
    g_assert_false(wrmsr(&s, ICR, 0x00100031, NULL));
    g_assert_false(wrmsr(&s, ICR, 0x00002031, NULL));
    g_assert_true(wrmsr(&s, ICR, 0xff00000031ull, &msg));
    g_assert_cmphex(msg.ipi.dest, ==, 0xff); /* an id like any other */
}

/* --- Memory-mapped access rules ------------------------------------------------------------- */

static void test_mmio_narrow_and_odd_accesses_are_harmless(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    lapic_mmio_write(&s, TPR, 0x55, 1, 0);
    lapic_mmio_write(&s, TPR + 4, 0x55, 4, 0);
    lapic_mmio_write(&s, TPR, 0x55, 8, 0);
    g_assert_cmphex(rd(&s, TPR), ==, 0);
    g_assert_cmphex(lapic_mmio_read(&s, LVR + 2, 1, 0), ==, 0x05);
    g_assert_cmphex(lapic_mmio_read(&s, LVR + 4, 4, 0), ==, 0);
}

static void test_mmio_every_access_is_safe(void)
{
    LAPIC s;

    init_on(&s, SEOIB_RESPECTED);
    for (unsigned offset = 0; offset < 0x2000; offset++) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            lapic_mmio_write(&s, offset, 0xffffffffffffffffull, size, offset);
            lapic_mmio_read(&s, offset, size, offset);
            lapic_sync(&s, offset);
            lapic_ack(&s);
        }
    }
}

/* --- LINT pins ------------------------------------------------------------------------------ */

static void test_extint_follows_pin_through_lint0(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVT0, 0x700);
    g_assert_true(lapic_set_lint(&s, 0, true));
    g_assert_true(lapic_extint_pending(&s));
    wr(&s, LVT0, 0x10700);
    g_assert_false(lapic_extint_pending(&s));
    wr(&s, LVT0, 0x700);
    lapic_set_lint(&s, 0, false);
    g_assert_false(lapic_extint_pending(&s));
}

static void test_extint_passes_when_apic_is_off(void)
{
    LAPIC s;

    init(&s, SEOIB_QUIRKED);
    lapic_set_base(&s, s.base & ~LAPIC_BASE_ENABLE);
    lapic_set_lint(&s, 0, true);
    g_assert_true(lapic_extint_pending(&s));
}

static void test_extint_message_until_acknowledged(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVT0, 0x10700);
    post_mode(&s, APIC_DM_EXTINT, 0);
    lapic_sync(&s, 0);
    g_assert_true(lapic_extint_pending(&s));
    lapic_ack_extint(&s);
    g_assert_false(lapic_extint_pending(&s));
}

static void test_lint1_nmi_on_rising_edge_when_unmasked(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVT1, 0x10400);
    lapic_set_lint(&s, 1, true);
    g_assert_cmphex(lapic_sync(&s, 0), ==, 0);
    lapic_set_lint(&s, 1, false);
    wr(&s, LVT1, 0x400);
    lapic_set_lint(&s, 1, true);
    g_assert_cmphex(lapic_sync(&s, 0), ==, LAPIC_EV_NMI);
    g_assert_cmphex(lapic_sync(&s, 0), ==, 0);
}

static void test_lint0_level_fixed_redelivers_after_eoi(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVT0, 0x8051);
    lapic_set_lint(&s, 0, true);
    lapic_sync(&s, 0);
    g_assert_cmphex(rd(&s, LVT0), ==, 0xc051);
    g_assert_cmphex(lapic_ack(&s), ==, 0x51);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
    wr(&s, EOI, 0);
    g_assert_cmphex(lapic_ack(&s), ==, 0x51);
    lapic_set_lint(&s, 0, false);
    wr(&s, EOI, 0);
    g_assert_cmphex(rd(&s, LVT0), ==, 0x8051);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
}

static void test_lvt_reserved_and_read_only_bits(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTT, 0xffffffff);
    g_assert_cmphex(rd(&s, LVTT), ==, 0x700ff);
    wr(&s, LVT0, 0xffffffff);
    g_assert_cmphex(rd(&s, LVT0), ==, 0x1a7ff);
    wr(&s, LVTPC, 0xffffffff);
    g_assert_cmphex(rd(&s, LVTPC), ==, 0x107ff);
    wr(&s, LVTE, 0xffffffff);
    g_assert_cmphex(rd(&s, LVTE), ==, 0x100ff);
}

static void test_local_interrupt_by_lvt_mode(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTPC, 0x400);
    g_assert_cmphex(lapic_local_interrupt(&s, LAPIC_LVT_PERF), ==, LAPIC_EV_NMI);
    wr(&s, LVTPC, 0x66);
    g_assert_cmphex(lapic_local_interrupt(&s, LAPIC_LVT_PERF), ==, 0);
    g_assert_cmphex(lapic_ack(&s), ==, 0x66);
}

/* --- Timer ---------------------------------------------------------------------------------- */

static void test_timer_oneshot_fires_once(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TDCR, 0xb); /* by 1 */
    wr(&s, LVTT, 0x40);
    wr_at(&s, TMICT, 1000, 5000);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, 6000);
    lapic_sync(&s, 5999);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
    g_assert_cmpuint(lapic_mmio_read(&s, TMCCT, 4, 5400), ==, 600);
    lapic_sync(&s, 6000);
    g_assert_cmphex(lapic_ack(&s), ==, 0x40);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, -1);
    g_assert_cmpuint(lapic_mmio_read(&s, TMCCT, 4, 7000), ==, 0);
}

static void test_timer_periodic_repeats_and_coalesces(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TDCR, 0xb);
    wr(&s, LVTT, 0x20040);
    wr_at(&s, TMICT, 100000, 0);
    lapic_sync(&s, 100000);
    g_assert_cmphex(lapic_ack(&s), ==, 0x40);
    wr_at(&s, EOI, 0, 100000);
    lapic_sync(&s, 550000); /* four periods at once: one interrupt, phase kept */
    g_assert_cmphex(lapic_ack(&s), ==, 0x40);
    wr_at(&s, EOI, 0, 550000);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, 600000);
    g_assert_cmpuint(lapic_mmio_read(&s, TMCCT, 4, 550000), ==, 50000);
}

static void test_timer_divide_values(void)
{
    static const struct { uint32_t tdcr, divisor; } t[] = {
        { 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        LAPIC s;

        init_on(&s, SEOIB_QUIRKED);
        wr(&s, TDCR, t[i].tdcr);
        wr(&s, LVTT, 0x40);
        wr(&s, TMICT, 1000);
        g_assert_cmpint(lapic_timer_next_ns(&s), ==, 1000 * t[i].divisor);
    }
}

static void test_timer_zero_count_stops(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTT, 0x40);
    wr(&s, TMICT, 1000);
    wr(&s, TMICT, 0);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, -1);
    lapic_sync(&s, 1000000);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
}

static void test_timer_masked_counts_silently(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TDCR, 0xb);
    wr(&s, LVTT, 0x10040);
    wr(&s, TMICT, 100000);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, -1);
    g_assert_cmpuint(lapic_mmio_read(&s, TMCCT, 4, 1000), ==, 99000);
    wr_at(&s, LVTT, 0x40, 200000); /* expired while masked: nothing comes late */
    lapic_sync(&s, 200001);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
}

static void test_timer_tiny_period_is_bounded(void)
{
    LAPIC s;
    int64_t first;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TDCR, 0xb);
    wr(&s, LVTT, 0x20040);
    wr(&s, TMICT, 1);
    first = lapic_timer_next_ns(&s);
    lapic_sync(&s, first);
    g_assert_cmpint(lapic_timer_next_ns(&s) - first, >=, 10000);
}

static void test_timer_tsc_deadline(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    lapic_set_tsc(&s, 1000000, 0);
    lapic_set_tsc_deadline(&s, 1002000, 0);
    g_assert_cmpuint(lapic_get_tsc_deadline(&s), ==, 0); /* not in that mode: ignored */
    wr(&s, LVTT, 0x40040);
    lapic_set_tsc_deadline(&s, 1002000, 0);
    g_assert_cmpuint(lapic_get_tsc_deadline(&s), ==, 1002000);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, 1000); /* 2 GHz */
    lapic_sync(&s, 1000);
    g_assert_cmphex(lapic_ack(&s), ==, 0x40);
    g_assert_cmpuint(lapic_get_tsc_deadline(&s), ==, 0);
}

static void test_timer_tsc_deadline_in_the_past_fires_now(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    lapic_set_tsc(&s, 1000000, 0);
    wr(&s, LVTT, 0x40040);
    lapic_set_tsc_deadline(&s, 5, 10);
    lapic_sync(&s, 10);
    g_assert_cmphex(lapic_pending(&s), ==, 0x40);
}

static void test_timer_tsc_deadline_zero_disarms(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTT, 0x40040);
    lapic_set_tsc_deadline(&s, UINT64_MAX, 0);
    g_assert_cmpint(lapic_timer_next_ns(&s), >, 0);
    lapic_set_tsc_deadline(&s, 0, 0);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, -1);
}

static void test_timer_mode_change_disarms_deadline(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTT, 0x40040);
    wr(&s, TMICT, 1000);
    g_assert_cmpuint(rd(&s, TMICT), ==, 0); /* ignored in this mode */
    lapic_set_tsc_deadline(&s, 100000, 0);
    wr(&s, LVTT, 0x40);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, -1);
}

/* --- Page ----------------------------------------------------------------------------------- */

static void test_page_round_trip(void)
{
    uint8_t a[LAPIC_PAGE_BYTES], b[LAPIC_PAGE_BYTES];
    LAPIC s, t;

    init(&s, SEOIB_RESPECTED);
    wr(&s, SPIV, 0x11e0);
    wr(&s, SPIV, 0x11ff);
    wr(&s, TPR, 0x20);
    wr(&s, LDR, 0x04000000);
    wr(&s, LVTT, 0x20030);
    wr(&s, TMICT, 500000);
    serve(&s, 0x51, true);
    post(&s, 0xa0, false);
    lapic_sync(&s, 1000);
    wr(&s, ICR2, 0x05000000);
    wr(&s, ICR, 0xf1);
    lapic_get_page(&s, a, true, 2000);
    init(&t, SEOIB_RESPECTED);
    lapic_set_page(&t, a, true, 7000);
    lapic_get_page(&t, b, true, 7000);
    g_assert_cmpmem(a, sizeof(a), b, sizeof(b));
    g_assert_cmpint(lapic_timer_next_ns(&t) - 7000, ==, lapic_timer_next_ns(&s) - 2000);
    g_assert_cmphex(lapic_mmio_write(&t, EOI, 0, 4, 7000).kind, ==, LAPIC_MSG_NONE);
}

static void test_page_lvr_is_recomputed(void)
{
    uint8_t page[LAPIC_PAGE_BYTES];
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    lapic_get_page(&s, page, true, 0);
    page[LVR + 3] = 0xde;
    lapic_set_page(&s, page, true, 0);
    g_assert_cmphex(rd(&s, LVR), ==, 0x00050014);
}

static void test_page_kernel_copy_shows_kernel_lvr(void)
{
    LapicConfig cfg = { .x2apic = true, .kernel_copy = true };
    uint8_t page[LAPIC_PAGE_BYTES];
    LAPIC s;
    g_autoptr(GString) text = g_string_new(NULL);

    lapic_init(&s, &cfg);
    lapic_get_page(&s, page, true, 0);
    page[LVR + 3] = 0x01;
    lapic_set_page(&s, page, true, 0);
    lapic_dump(&s, text, 0);
    g_assert_nonnull(strstr(text->str, "LVR\t 0x01050014"));
}

static void test_page_id_width(void)
{
    uint8_t page[LAPIC_PAGE_BYTES];
    LAPIC s;

    init_id(&s, 0x1234);
    to_x2apic(&s);
    lapic_get_page(&s, page, true, 0);
    g_assert_cmphex(page[ID], ==, 0x34);
    g_assert_cmphex(page[ID + 1], ==, 0x12);
    lapic_get_page(&s, page, false, 0);
    g_assert_cmphex(page[ID + 3], ==, 0x34);
    g_assert_cmphex(page[ID], ==, 0);
}

static void test_page_any_content_is_safe(void)
{
    uint8_t page[LAPIC_PAGE_BYTES];
    GRand *r = g_rand_new_with_seed(1);

    for (unsigned n = 0; n < 2000; n++) {
        LAPIC s;
        g_autoptr(GString) text = g_string_new(NULL);

        init(&s, n % 3);
        for (unsigned i = 0; i < sizeof(page); i++) {
            page[i] = g_rand_int(r);
        }
        lapic_set_page(&s, page, n & 1, n);
        for (unsigned i = 0; i < 20; i++) {
            lapic_sync(&s, (int64_t)i << 40);
            lapic_ack(&s);
            wr(&s, EOI, 0);
        }
        lapic_dump(&s, text, 0);
    }
    g_rand_free(r);
}

/* --- Threads -------------------------------------------------------------------------------- */

typedef struct Sender {
    LAPIC *s;
    unsigned first;
} Sender;

static gpointer sender_thread(gpointer opaque)
{
    Sender *t = opaque;

    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned v = t->first; v < 256; v += 2) {
            post(t->s, v, v & 4);
        }
    }
    return NULL;
}

static void test_threads_lose_no_vector(void)
{
    LAPIC s;
    uint64_t taken = 0;
    Sender a = { &s, 32 }, b = { &s, 33 };
    GThread *ta, *tb;
    bool seen[256] = { false };

    init_on(&s, SEOIB_QUIRKED);
    ta = g_thread_new("a", sender_thread, &a);
    tb = g_thread_new("b", sender_thread, &b);
    for (unsigned n = 0; n < 100000; n++) {
        int v;

        lapic_sync(&s, 0);
        v = lapic_pending(&s);
        if (v >= 0) {
            LapicMsg msg;

            g_assert_cmpint(lapic_ack(&s), ==, v);
            msg = wr(&s, EOI, 0);
            g_assert_cmpint(msg.kind, ==, v & 4 ? LAPIC_MSG_EOI : LAPIC_MSG_NONE);
            seen[v] = true;
            taken++;
        }
    }
    g_thread_join(ta);
    g_thread_join(tb);
    lapic_sync(&s, 0);
    while (lapic_pending(&s) >= 0) {
        seen[lapic_ack(&s)] = true;
        wr(&s, EOI, 0);
    }
    for (unsigned v = 32; v < 256; v++) {
        g_assert_true(seen[v]);
    }
}

#define T(path, fn) { "/lapic/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("reset/registers_have_documented_values", test_reset_values),
    T("reset/bsp_lint0_passes_extint", test_reset_bsp_lint0_is_extint),
    T("reset/init_keeps_base_and_mode", test_init_keeps_base_and_mode),
    T("reset/reset_leaves_x2apic_mode", test_reset_leaves_x2apic),
    T("reset/init_clears_suppression", test_init_clears_suppression),
    T("reset/init_drops_pending_vectors", test_init_drops_pending_vectors),
    T("seoib/lvr_bit24_only_when_respected", test_seoib_lvr_bit24_only_when_respected),
    T("seoib/never_without_x2apic", test_seoib_needs_x2apic),
    T("seoib/spiv12_sticks_only_when_respected", test_seoib_spiv12_sticks_only_when_respected),
    T("seoib/same_in_x2apic_mode", test_seoib_same_in_x2apic_mode),
    T("seoib/suppressed_eoi_sends_nothing", test_seoib_suppressed_eoi_sends_nothing),
    T("seoib/clearing_spiv12_broadcasts_again", test_seoib_off_again_broadcasts),
    T("seoib/decided_at_eoi_not_at_acceptance", test_seoib_read_at_eoi_not_at_acceptance),
    T("seoib/forced_bit_broadcasts_unless_respected",
      test_seoib_forced_bit_broadcasts_unless_respected),
    T("seoib/policy_change_shows_in_lvr_at_once", test_seoib_policy_change_shows_in_lvr_at_once),
    T("eoi/level_vector_is_broadcast", test_eoi_of_level_vector_is_broadcast),
    T("eoi/edge_vector_is_silent", test_eoi_of_edge_vector_is_silent),
    T("eoi/ends_highest_in_service", test_eoi_ends_highest_in_service),
    T("eoi/any_value_in_xapic_only_zero_in_x2apic",
      test_eoi_any_value_in_xapic_only_zero_in_x2apic),
    T("eoi/tmr_follows_last_acceptance", test_tmr_follows_last_acceptance),
    T("priority/highest_vector_first", test_pending_is_highest_vector),
    T("priority/same_class_waits_for_eoi", test_same_class_waits_for_eoi),
    T("priority/higher_class_nests", test_higher_class_nests),
    T("priority/tpr_blocks_its_class_and_below", test_tpr_blocks_its_class_and_below),
    T("priority/ppr_is_tpr_or_class_in_service", test_ppr_is_tpr_or_isr_class),
    T("priority/cr8_is_tpr_class", test_cr8_is_tpr_class),
    T("priority/ack_without_pending_is_spurious", test_ack_without_pending_is_spurious),
    T("priority/irr_holds_one_while_isr_serves_one", test_irr_holds_one_while_isr_serves_one),
    T("disabled/drops_fixed_keeps_pending", test_software_disabled_drops_fixed_keeps_pending),
    T("disabled/masks_lvt", test_software_disable_masks_lvt),
    T("disabled/takes_nmi_init_sipi", test_software_disabled_takes_nmi_init_sipi),
    T("events/init_cancels_waiting_sipi", test_init_cancels_waiting_sipi),
    T("events/second_sipi_does_not_replace_first", test_second_sipi_does_not_replace_first),
    T("events/kick_only_for_first_post", test_kick_only_for_first_post),
    T("errors/esr_latches_at_write", test_esr_latches_at_write),
    T("errors/nonzero_esr_write_faults_in_x2apic", test_esr_nonzero_write_faults_in_x2apic),
    T("errors/ipi_with_illegal_vector", test_ipi_with_illegal_vector_sets_send_error),
    T("errors/received_illegal_vector", test_received_illegal_vector_sets_error),
    T("errors/error_interrupt_once_until_esr_write", test_error_raises_lvt_error_once),
    T("errors/illegal_error_vector_does_not_recurse", test_illegal_error_vector_does_not_recurse),
    T("ipi/sent_by_low_half", test_ipi_sent_by_low_half),
    T("ipi/delivery_status_reads_idle", test_ipi_delivery_status_reads_idle),
    T("ipi/physical_0xff_is_broadcast", test_ipi_broadcast_id_widens),
    T("ipi/init_deassert_is_ignored", test_ipi_init_and_deassert),
    T("ipi/reserved_modes_are_not_sent", test_ipi_reserved_modes_are_not_sent),
    T("ipi/fixed_is_an_edge", test_ipi_fixed_is_an_edge_whatever_icr_says),
    T("ipi/self_ipi_only_in_x2apic", test_self_ipi_only_in_x2apic),
    T("match/physical_xapic", test_match_physical_xapic),
    T("match/logical_flat", test_match_flat),
    T("match/logical_cluster", test_match_cluster),
    T("match/physical_x2apic", test_match_x2apic_physical),
    T("match/logical_x2apic_cluster", test_match_x2apic_cluster),
    T("match/disabled_apic_never", test_match_disabled_apic_never),
    T("match/arbitration_priority_is_ppr", test_arb_priority_is_ppr),
    T("base/illegal_transitions_fault", test_base_illegal_transitions_fault),
    T("base/reserved_bits_fault", test_base_reserved_bits_fault),
    T("base/x2apic_needs_cpuid", test_base_x2apic_needs_cpuid),
    T("base/page_or_msrs_never_both", test_page_closed_in_x2apic_msrs_closed_in_xapic),
    T("x2apic/id_is_32_bits", test_x2apic_id_is_32_bits),
    T("x2apic/missing_registers_fault", test_x2apic_missing_registers_fault),
    T("x2apic/read_only_and_write_only_fault", test_x2apic_read_only_and_write_only_fault),
    T("x2apic/high_bits_fault", test_x2apic_high_bits_fault),
    T("x2apic/icr_is_one_64_bit_register", test_x2apic_icr_is_one_64_bit_register),
    T("mmio/narrow_and_odd_accesses_are_harmless",
      test_mmio_narrow_and_odd_accesses_are_harmless),
    T("mmio/every_access_is_safe", test_mmio_every_access_is_safe),
    T("lint/extint_follows_pin", test_extint_follows_pin_through_lint0),
    T("lint/extint_passes_when_apic_is_off", test_extint_passes_when_apic_is_off),
    T("lint/extint_message_until_acknowledged", test_extint_message_until_acknowledged),
    T("lint/lint1_nmi_on_rising_edge", test_lint1_nmi_on_rising_edge_when_unmasked),
    T("lint/level_fixed_redelivers_after_eoi", test_lint0_level_fixed_redelivers_after_eoi),
    T("lvt/reserved_and_read_only_bits", test_lvt_reserved_and_read_only_bits),
    T("lvt/local_interrupt_by_mode", test_local_interrupt_by_lvt_mode),
    T("timer/oneshot_fires_once", test_timer_oneshot_fires_once),
    T("timer/periodic_repeats_and_coalesces", test_timer_periodic_repeats_and_coalesces),
    T("timer/divide_values", test_timer_divide_values),
    T("timer/zero_count_stops", test_timer_zero_count_stops),
    T("timer/masked_counts_silently", test_timer_masked_counts_silently),
    T("timer/tiny_period_is_bounded", test_timer_tiny_period_is_bounded),
    T("timer/tsc_deadline_fires_once", test_timer_tsc_deadline),
    T("timer/tsc_deadline_in_the_past_fires_now", test_timer_tsc_deadline_in_the_past_fires_now),
    T("timer/tsc_deadline_zero_disarms", test_timer_tsc_deadline_zero_disarms),
    T("timer/mode_change_disarms", test_timer_mode_change_disarms_deadline),
    T("page/round_trip", test_page_round_trip),
    T("page/lvr_is_recomputed", test_page_lvr_is_recomputed),
    T("page/kernel_copy_shows_kernel_lvr", test_page_kernel_copy_shows_kernel_lvr),
    T("page/id_width", test_page_id_width),
    T("page/any_content_is_safe", test_page_any_content_is_safe),
    T("threads/no_vector_is_lost", test_threads_lose_no_vector),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    return g_test_run();
}
