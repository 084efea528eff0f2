/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC model against SDM volume 3 chapter 11; every test name states the requirement. */
#include "qemu/osdep.h"

#include "lapic-test.h"

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

static void test_init_stops_the_timer(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVTT, 0x40);
    wr(&s, TMICT, 1000);
    lapic_init_ipi(&s);
    wr(&s, SPIV, 0x1ff);
    wr(&s, LVTT, 0x40);
    g_assert_cmpint(lapic_timer_next_ns(&s), ==, -1);
    lapic_sync(&s, 1000000);
    g_assert_cmpint(lapic_pending(&s), ==, -1);
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

static void test_ipi_register_reads_back(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, ICR2, 0x03123456);
    wr(&s, ICR, 0x000848f1);
    g_assert_cmphex(rd(&s, ICR2), ==, 0x03000000);
    g_assert_cmphex(rd(&s, ICR), ==, 0x000848f1);
}

static void test_ipi_vector_16_is_legal(void)
{
    LAPIC s;
    LapicMsg msg;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmpint(wr(&s, ICR, 0x10).kind, ==, LAPIC_MSG_IPI);
    to_x2apic(&s);
    g_assert_true(wrmsr(&s, 0x3f0, 0x10, &msg));
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_IPI);
    g_assert_true(wrmsr(&s, 0x3f0, 0x0f, &msg));
    g_assert_cmpint(msg.kind, ==, LAPIC_MSG_NONE);
    g_assert_cmphex(s.esr_pending, ==, 0x20);
}

static void test_ipi_shorthands(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    g_assert_cmpint(wr(&s, ICR, 0x000f1).ipi.shorthand, ==, APIC_SH_NONE);
    g_assert_cmpint(wr(&s, ICR, 0x400f1).ipi.shorthand, ==, APIC_SH_SELF);
    g_assert_cmpint(wr(&s, ICR, 0x800f1).ipi.shorthand, ==, APIC_SH_ALL);
    g_assert_cmpint(wr(&s, ICR, 0xc00f1).ipi.shorthand, ==, APIC_SH_OTHERS);
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

static void test_entering_x2apic_clears_icr_destination(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, ICR2, 0x03000000);
    wr(&s, ICR, 0x000000f1);
    to_x2apic(&s);
    g_assert_cmphex(rdmsr(&s, ICR), ==, 0xf1);
    g_assert_true(wrmsr(&s, ICR, 0x12000000f1ull, NULL));
    to_x2apic(&s); /* no transition */
    g_assert_cmphex(rdmsr(&s, ICR), ==, 0x12000000f1ull);
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
    g_assert_cmphex(lapic_mmio_read(&s, SPIV + 1, 1, 0), ==, 0x01);
    g_assert_cmphex(lapic_mmio_read(&s, DFR + 3, 1, 0), ==, 0xff);
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

static void test_lint0_turned_edge_forgets_remote_irr(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVT0, 0x8051);
    g_assert_true(lapic_set_lint(&s, 0, true));
    lapic_sync(&s, 0);
    wr(&s, LVT0, 0x8052);
    g_assert_cmphex(rd(&s, LVT0), ==, 0xc052);
    wr(&s, LVT0, 0x0051);
    g_assert_cmphex(rd(&s, LVT0), ==, 0x0051);
    g_assert_false(lapic_set_lint(&s, 0, false)); /* no kick for a falling pin */
}

static void test_lint0_level_ignores_other_eois(void)
{
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, LVT0, 0x8051);
    lapic_set_lint(&s, 0, true);
    lapic_sync(&s, 0);
    g_assert_cmphex(lapic_ack(&s), ==, 0x51);
    serve(&s, 0x61, true);
    wr(&s, EOI, 0);
    g_assert_cmphex(rd(&s, LVT0), ==, 0xc051);
    g_assert_cmphex(rd(&s, IRR + 0x20), ==, 0);
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

#define T(path, fn) { "/lapic/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("reset/registers_have_documented_values", test_reset_values),
    T("reset/bsp_lint0_passes_extint", test_reset_bsp_lint0_is_extint),
    T("reset/init_keeps_base_and_mode", test_init_keeps_base_and_mode),
    T("reset/reset_leaves_x2apic_mode", test_reset_leaves_x2apic),
    T("reset/init_clears_suppression", test_init_clears_suppression),
    T("reset/init_stops_the_timer", test_init_stops_the_timer),
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
    T("ipi/register_reads_back", test_ipi_register_reads_back),
    T("ipi/vector_16_is_legal", test_ipi_vector_16_is_legal),
    T("ipi/shorthands", test_ipi_shorthands),
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
    T("base/entering_x2apic_clears_icr_destination",
      test_entering_x2apic_clears_icr_destination),
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
    T("lint/turned_edge_forgets_remote_irr", test_lint0_turned_edge_forgets_remote_irr),
    T("lint/level_ignores_other_eois", test_lint0_level_ignores_other_eois),
    T("lvt/reserved_and_read_only_bits", test_lvt_reserved_and_read_only_bits),
    T("lvt/local_interrupt_by_mode", test_local_interrupt_by_lvt_mode),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    return g_test_run();
}
