/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I/O APIC model against 82093AA and ICH9 data sheets; every test name states the requirement.
 * */
#include "qemu/osdep.h"

#include "hw/intc/ioapic.h"

#define LEVEL IOAPIC_RTE_LEVEL
#define MASKED IOAPIC_RTE_MASKED
#define RIRR IOAPIC_RTE_REMOTE_IRR

static IoapicMsgs msgs;

static void wr(IOAPIC *s, unsigned index, uint32_t value)
{
    ioapic_write(s, 0x00, index, 4, 0, &msgs);
    ioapic_write(s, 0x10, value, 4, 0, &msgs);
}

static uint32_t rd(IOAPIC *s, unsigned index)
{
    ioapic_write(s, 0x00, index, 4, 0, &msgs);
    return ioapic_read(s, 0x10, 4);
}

static void set_rte(IOAPIC *s, unsigned pin, uint64_t rte)
{
    wr(s, 0x11 + pin * 2, rte >> 32);
    wr(s, 0x10 + pin * 2, (uint32_t)rte);
}

static void init_pin(IOAPIC *s, unsigned pin, uint64_t rte)
{
    ioapic_init(s, 0x20, false);
    set_rte(s, pin, rte);
}

static bool set_pin(IOAPIC *s, unsigned pin, bool level)
{
    IoapicMsg m;

    return ioapic_set_pin(s, pin, level, &m);
}

static void directed_eoi(IOAPIC *s, uint32_t value)
{
    ioapic_write(s, 0x40, value, 4, 0, &msgs);
}

/* --- Registers ------------------------------------------------------------------------------ */

static void test_reset(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    g_assert_cmphex(rd(&s, 0), ==, 0);
    g_assert_cmphex(rd(&s, 1), ==, 0x00170020);
    for (unsigned pin = 0; pin < 24; pin++) {
        g_assert_cmphex(rd(&s, 0x10 + 2 * pin), ==, 0x10000);
        g_assert_cmphex(rd(&s, 0x11 + 2 * pin), ==, 0);
    }
    ioapic_init(&s, 0x11, false);
    g_assert_cmphex(rd(&s, 1), ==, 0x00170011);
}

static void test_id_is_four_bits_and_shows_in_arb(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    wr(&s, 0, 0xff123456);
    g_assert_cmphex(rd(&s, 0), ==, 0x0f000000);
    g_assert_cmphex(rd(&s, 2), ==, 0x0f000000);
}

static void test_version_is_read_only(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    wr(&s, 1, 0xffffffff);
    g_assert_cmphex(rd(&s, 1), ==, 0x00170020);
}

static void test_other_registers_do_not_exist(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    for (unsigned index = 3; index < 256; index = index == 0x0f ? 0x40 : index + 1) {
        wr(&s, index, 0x12345678);
        g_assert_cmphex(rd(&s, index), ==, 0);
    }
    g_assert_cmphex(ioapic_take_dirty(&s), ==, 0);
}

static void test_window_needs_32_bits(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    ioapic_write(&s, 0, 0x10, 1, 0, &msgs);
    ioapic_write(&s, 0x10, 0x31, 1, 0, &msgs);
    ioapic_write(&s, 0x10, 0x31, 2, 0, &msgs);
    g_assert_cmphex(ioapic_read(&s, 0x10, 4), ==, 0x10000);
    g_assert_cmphex(ioapic_read(&s, 0x10, 1), ==, 0);
}

static void test_window_repeats_every_256_bytes(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    ioapic_write(&s, 0x300, 1, 4, 0, &msgs);
    g_assert_cmphex(ioapic_read(&s, 0xf10, 4), ==, 0x00170020);
}

static void test_read_only_bits_survive_writes(void)
{
    IOAPIC s;

    init_pin(&s, 3, LEVEL | 0x31);
    set_rte(&s, 3, LEVEL | RIRR | IOAPIC_RTE_STATUS | 0x31);
    g_assert_cmphex(rd(&s, 0x16), ==, 0x8031);
    set_pin(&s, 3, true);
    g_assert_cmphex(rd(&s, 0x16), ==, 0xc031);
    wr(&s, 0x16, LEVEL | 0x32);
    g_assert_cmphex(rd(&s, 0x16), ==, 0xc032);
}

static void test_turning_edge_clears_remote_irr(void)
{
    IOAPIC s;

    init_pin(&s, 3, LEVEL | 0x31);
    set_pin(&s, 3, true);
    wr(&s, 0x16, MASKED | 0x31);
    g_assert_cmphex(rd(&s, 0x16), ==, 0x10031);
    wr(&s, 0x16, LEVEL | 0x31); /* and the line, still high, is delivered again */
    g_assert_cmpuint(msgs.nr, ==, 1);
}

static void test_any_access_is_safe(void)
{
    IOAPIC s;
    GRand *r = g_rand_new_with_seed(7);

    ioapic_init(&s, 0x20, true);
    for (unsigned n = 0; n < 200000; n++) {
        uint64_t value = (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
        unsigned offset = n & 1 ? g_rand_int(r) & 0xfff : (g_rand_int(r) % 5) * 0x10;

        ioapic_write(&s, offset, value, 1u << (g_rand_int(r) & 3), n, &msgs);
        g_assert_cmpuint(msgs.nr, <=, 24);
        ioapic_read(&s, offset, 1u << (n & 3));
        set_pin(&s, g_rand_int(r) % 24, n & 2);
        ioapic_timer(&s, n, &msgs);
    }
    g_rand_free(r);
}

/* --- Messages ------------------------------------------------------------------------------- */

static void test_message_fields(void)
{
    IOAPIC s;
    IoapicMsg m;

    init_pin(&s, 5, 0x07ull << 56 | LEVEL | IOAPIC_RTE_LOGICAL | 1 << 8 | 0x9a);
    g_assert_true(ioapic_set_pin(&s, 5, true, &m));
    g_assert_cmpuint(m.pin, ==, 5);
    g_assert_cmphex(m.msg.dest, ==, 7);
    g_assert_cmphex(m.msg.vector, ==, 0x9a);
    g_assert_cmpint(m.msg.mode, ==, APIC_DM_LOWEST);
    g_assert_true(m.msg.logical && m.msg.level);
}

static void test_physical_0xff_is_broadcast(void)
{
    IOAPIC s;

    init_pin(&s, 5, 0xffull << 56 | 0x31);
    g_assert_cmphex(ioapic_message(&s, 5).dest, ==, APIC_DEST_BROADCAST);
    wr(&s, 0x1a, IOAPIC_RTE_LOGICAL | 0x31);
    g_assert_cmphex(ioapic_message(&s, 5).dest, ==, 0xff);
}

static void test_extended_destination(void)
{
    IOAPIC s;
    uint64_t rte = 0xffull << 56 | 0x55ull << 49 | 0x31;

    init_pin(&s, 5, rte);
    g_assert_cmphex(ioapic_message(&s, 5).dest, ==, APIC_DEST_BROADCAST);
    ioapic_init(&s, 0x20, true);
    set_rte(&s, 5, rte);
    g_assert_cmphex(ioapic_message(&s, 5).dest, ==, 0x55ff);
}

static void test_route_is_msi_form(void)
{
    IOAPIC s;
    uint64_t addr;
    uint32_t data;

    init_pin(&s, 5, 0x12ull << 56 | 0x03ull << 49 | LEVEL | IOAPIC_RTE_LOGICAL | 0x9a);
    g_assert_false(ioapic_route(&s, 5, &addr, &data));
    g_assert_cmphex(addr, ==, 0xfee12064);
    g_assert_cmphex(data, ==, 0xc09a);
    wr(&s, 0x1a, MASKED | 0x31);
    g_assert_true(ioapic_route(&s, 5, &addr, &data));
    g_assert_cmphex(data, ==, 0x31);
}

static void test_dirty_pins_reported_once(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    set_rte(&s, 3, 0x31);
    set_rte(&s, 20, MASKED);
    g_assert_cmphex(ioapic_take_dirty(&s), ==, 1u << 3 | 1u << 20);
    g_assert_cmphex(ioapic_take_dirty(&s), ==, 0);
}

/* --- Edge pins ------------------------------------------------------------------------------ */

static void test_edge_fires_on_rise_only(void)
{
    IOAPIC s;

    init_pin(&s, 4, 0x31);
    g_assert_true(set_pin(&s, 4, true));
    g_assert_false(set_pin(&s, 4, true));
    g_assert_false(set_pin(&s, 4, false));
    g_assert_true(set_pin(&s, 4, true));
    g_assert_cmphex(rd(&s, 0x18), ==, 0x31);
}

static void test_edge_while_masked_is_lost(void)
{
    IOAPIC s;

    init_pin(&s, 4, MASKED | 0x31);
    g_assert_false(set_pin(&s, 4, true));
    wr(&s, 0x18, 0x31);
    g_assert_cmpuint(msgs.nr, ==, 0);
}

static void test_edge_eoi_does_nothing(void)
{
    IOAPIC s;

    init_pin(&s, 4, 0x31);
    set_pin(&s, 4, true);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 0);
    g_assert_cmphex(msgs.ended, ==, 0);
}

static void test_nmi_is_an_edge_despite_trigger_bit(void)
{
    IOAPIC s;

    init_pin(&s, 4, LEVEL | APIC_DM_NMI << 8);
    g_assert_true(set_pin(&s, 4, true));
    g_assert_cmphex(rd(&s, 0x18) & RIRR, ==, 0);
    set_pin(&s, 4, false);
    g_assert_true(set_pin(&s, 4, true));
}

/* --- Level pins ----------------------------------------------------------------------------- */

static void test_level_sets_remote_irr_and_blocks(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    g_assert_true(set_pin(&s, 9, true));
    g_assert_cmphex(rd(&s, 0x22), ==, 0xc031);
    set_pin(&s, 9, false);
    g_assert_false(set_pin(&s, 9, true));
}

static void test_eoi_with_pin_low_ends(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    set_pin(&s, 9, false);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 0);
    g_assert_cmphex(msgs.ended, ==, 1u << 9);
    g_assert_cmphex(rd(&s, 0x22), ==, 0x8031);
    g_assert_true(set_pin(&s, 9, true));
}

static void test_eoi_with_pin_high_redelivers(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 1);
    g_assert_cmphex(msgs.msg[0].msg.vector, ==, 0x31);
    g_assert_cmphex(rd(&s, 0x22), ==, 0xc031);
}

static void test_eoi_of_other_vector_is_ignored(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    ioapic_eoi(&s, 0x32, 0, &msgs);
    g_assert_cmphex(msgs.ended, ==, 0);
    g_assert_cmphex(rd(&s, 0x22), ==, 0xc031);
}

static void test_eoi_matches_every_pin_with_the_vector(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    for (unsigned pin = 0; pin < 24; pin++) {
        set_rte(&s, pin, LEVEL | 0x31);
        set_pin(&s, pin, true);
    }
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmphex(msgs.ended, ==, 0xffffff);
    g_assert_cmpuint(msgs.nr, ==, 24);
}

static void test_spurious_eoi_without_remote_irr(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | MASKED | 0x31);
    set_pin(&s, 9, true);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmphex(msgs.ended, ==, 0);
    g_assert_cmpuint(msgs.nr, ==, 0);
}

static void test_masked_level_waits_for_unmask(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | MASKED | 0x31);
    g_assert_false(set_pin(&s, 9, true));
    wr(&s, 0x22, LEVEL | 0x31);
    g_assert_cmpuint(msgs.nr, ==, 1);
}

static void test_eoi_while_masked_then_unmask_redelivers(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    wr(&s, 0x22, LEVEL | MASKED | 0x31);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 0);
    wr(&s, 0x22, LEVEL | 0x31);
    g_assert_cmpuint(msgs.nr, ==, 1);
}

static void test_pulse_while_remote_irr_is_not_remembered(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    set_pin(&s, 9, false);
    set_pin(&s, 9, true);
    set_pin(&s, 9, false);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 0);
}

static void test_not_accepted_tries_again(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    ioapic_not_accepted(&s, 9);
    g_assert_true(set_pin(&s, 9, true));
}

/* --- EOI register --------------------------------------------------------------------------- */

static void test_directed_eoi_ends_and_redelivers(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    directed_eoi(&s, 0x31);
    g_assert_cmpuint(msgs.nr, ==, 1);
    set_pin(&s, 9, false);
    directed_eoi(&s, 0x31);
    g_assert_cmphex(msgs.ended, ==, 1u << 9);
    g_assert_cmphex(rd(&s, 0x22), ==, 0x8031);
}

static void test_directed_eoi_uses_low_8_bits(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    directed_eoi(&s, 0xabcdef31);
    g_assert_cmphex(msgs.ended, ==, 1u << 9);
}

static void test_directed_eoi_needs_version_20_and_32_bits(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x11, false);
    set_rte(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    directed_eoi(&s, 0x31);
    g_assert_cmphex(msgs.ended, ==, 0);
    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    ioapic_write(&s, 0x40, 0x31, 1, 0, &msgs);
    g_assert_cmphex(msgs.ended, ==, 0);
    g_assert_cmpuint(s.count.directed_eois, ==, 0);
}

static void test_directed_eoi_reads_zero(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    directed_eoi(&s, 0x31);
    g_assert_cmphex(ioapic_read(&s, 0x40, 4), ==, 0);
}

/* --- Storm limiter -------------------------------------------------------------------------- */

static void run_storm(IOAPIC *s)
{
    init_pin(s, 9, LEVEL | 0x31);
    set_pin(s, 9, true);
    for (unsigned n = 0; n < IOAPIC_STORM_EOIS - 1; n++) {
        ioapic_eoi(s, 0x31, 1000, &msgs);
        g_assert_cmpuint(msgs.nr, ==, 1);
    }
    g_assert_cmpint(ioapic_next_ns(s), ==, -1);
    ioapic_eoi(s, 0x31, 1000, &msgs);
}

static void test_storm_is_delayed_10_ms_then_goes_on(void)
{
    IOAPIC s;

    run_storm(&s);
    g_assert_cmpuint(msgs.nr, ==, 0);
    g_assert_cmpint(ioapic_next_ns(&s), ==, 1000 + 10000000);
    ioapic_timer(&s, 9999999, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 0);
    ioapic_timer(&s, 10001000, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 1);
    g_assert_cmpint(ioapic_next_ns(&s), ==, -1);
    ioapic_eoi(&s, 0x31, 10002000, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 1); /* the count restarted */
}

static void test_storm_delay_ends_when_line_drops(void)
{
    IOAPIC s;

    run_storm(&s);
    set_pin(&s, 9, false);
    g_assert_cmpint(ioapic_next_ns(&s), ==, -1);
    g_assert_true(set_pin(&s, 9, true));
}

static void test_storm_count_restarts_on_rte_write(void)
{
    IOAPIC s;

    run_storm(&s);
    wr(&s, 0x22, LEVEL | 0x31);
    g_assert_cmpuint(msgs.nr, ==, 1);
    g_assert_cmpint(ioapic_next_ns(&s), ==, -1);
}

static void test_storm_count_restarts_when_an_eoi_finds_the_line_low(void)
{
    IOAPIC s;

    init_pin(&s, 9, LEVEL | 0x31);
    for (unsigned n = 0; n < 3; n++) {
        set_pin(&s, 9, true);
        for (unsigned i = 0; i < IOAPIC_STORM_EOIS - 1; i++) {
            ioapic_eoi(&s, 0x31, 1000, &msgs);
        }
        wr(&s, 0x22, LEVEL | MASKED | 0x31);
        ioapic_eoi(&s, 0x31, 1000, &msgs);
        set_pin(&s, 9, false);
        wr(&s, 0x22, LEVEL | 0x31);
    }
    g_assert_cmpuint(s.count.delayed_injections, ==, 0);
}

static void test_storm_on_one_pin_leaves_others_alone(void)
{
    IOAPIC s;

    run_storm(&s);
    set_rte(&s, 10, LEVEL | 0x41);
    g_assert_true(set_pin(&s, 10, true));
}

/* --- Counters ------------------------------------------------------------------------------- */

static void test_counters(void)
{
    IOAPIC s;
    g_autoptr(GString) text = g_string_new(NULL);

    init_pin(&s, 9, LEVEL | 0x31);
    set_pin(&s, 9, true);
    ioapic_eoi(&s, 0x31, 0, &msgs);
    directed_eoi(&s, 0x31);
    directed_eoi(&s, 0x77);
    ioapic_dump(&s, text);
    g_assert_nonnull(strstr(text->str, "injections 3, broadcast EOIs 1, directed EOIs 2, "
                                       "delayed re-injections 0"));
    g_assert_cmpuint(s.count.per_pin[9], ==, 3);
}

static void test_text(void)
{
    IOAPIC s;
    g_autoptr(GString) text = g_string_new(NULL);

    init_pin(&s, 9, 0x0aull << 56 | LEVEL | IOAPIC_RTE_LOGICAL | IOAPIC_RTE_POLARITY | 0x131);
    set_pin(&s, 9, true);
    set_pin(&s, 3, true);
    ioapic_dump(&s, text);
    g_assert_true(g_str_has_prefix(text->str, "ver=0x20 id=0x00 sel=0x22 (redir[9])\n"));
    g_assert_nonnull(strstr(text->str, "  pin 8  0x0000000000010000 dest=0 vec=0   active-hi edge  "
                                       "masked fixed  physical\n"));
    g_assert_nonnull(strstr(text->str, "  pin 9  0x0a0000000000e931 dest=a vec=49  active-lo level "
                                       "       lowest logical\n"));
    g_assert_nonnull(strstr(text->str, "  IRR      3 9 \n  Remote IRR 9 \n"));
}

static void test_service_after_load(void)
{
    IOAPIC s;

    ioapic_init(&s, 0x20, false);
    s.rte[3] = LEVEL | 0x31;
    s.rte[4] = LEVEL | RIRR | 0x32;
    s.rte[5] = LEVEL | MASKED | 0x33;
    s.line = 0x38;
    ioapic_service(&s, &msgs);
    g_assert_cmpuint(msgs.nr, ==, 1);
    g_assert_cmpuint(msgs.msg[0].pin, ==, 3);
}

/* --- MSI coding ----------------------------------------------------------------------------- */

static void test_msi_round_trip(void)
{
    for (unsigned n = 0; n < 4096; n++) {
        ApicMessage m = { .dest = (n * 7) & 0x7ffe, .vector = n, .mode = n & 7, .logical = n & 8,
                          .level = n & 16, .redir_hint = n & 32 }, back;
        uint64_t addr;
        uint32_t data;

        msi_encode(&m, &addr, &data);
        g_assert_true(msi_addr_valid(addr));
        back = msi_decode(addr, data, true);
        g_assert_cmpmem(&m, sizeof(m), &back, sizeof(back));
    }
}

static void test_msi_level_without_assert_is_deassert(void)
{
    g_assert_true(msi_decode(0xfee00000, 0x8500, false).deassert);
    g_assert_false(msi_decode(0xfee00000, 0xc500, false).deassert);
    g_assert_false(msi_decode(0xfee00000, 0x0500, false).deassert);
}

static void test_msi_window(void)
{
    g_assert_true(msi_addr_valid(0xfee00000));
    g_assert_true(msi_addr_valid(0xfeefffff));
    g_assert_false(msi_addr_valid(0xfef00000));
    g_assert_false(msi_addr_valid(0x1fee00000));
}

#define T(path, fn) { "/ioapic/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("registers/reset", test_reset),
    T("registers/id_is_four_bits_and_shows_in_arb", test_id_is_four_bits_and_shows_in_arb),
    T("registers/version_is_read_only", test_version_is_read_only),
    T("registers/others_do_not_exist", test_other_registers_do_not_exist),
    T("registers/window_needs_32_bits", test_window_needs_32_bits),
    T("registers/window_repeats_every_256_bytes", test_window_repeats_every_256_bytes),
    T("registers/any_access_is_safe", test_any_access_is_safe),
    T("rte/read_only_bits_survive_writes", test_read_only_bits_survive_writes),
    T("rte/turning_edge_clears_remote_irr", test_turning_edge_clears_remote_irr),
    T("rte/dirty_pins_reported_once", test_dirty_pins_reported_once),
    T("message/fields", test_message_fields),
    T("message/physical_0xff_is_broadcast", test_physical_0xff_is_broadcast),
    T("message/extended_destination", test_extended_destination),
    T("message/route_is_msi_form", test_route_is_msi_form),
    T("edge/fires_on_rise_only", test_edge_fires_on_rise_only),
    T("edge/while_masked_is_lost", test_edge_while_masked_is_lost),
    T("edge/eoi_does_nothing", test_edge_eoi_does_nothing),
    T("edge/nmi_despite_trigger_bit", test_nmi_is_an_edge_despite_trigger_bit),
    T("level/sets_remote_irr_and_blocks", test_level_sets_remote_irr_and_blocks),
    T("level/eoi_with_pin_low_ends", test_eoi_with_pin_low_ends),
    T("level/eoi_with_pin_high_redelivers", test_eoi_with_pin_high_redelivers),
    T("level/eoi_of_other_vector_is_ignored", test_eoi_of_other_vector_is_ignored),
    T("level/eoi_matches_every_pin_with_the_vector", test_eoi_matches_every_pin_with_the_vector),
    T("level/spurious_eoi_without_remote_irr", test_spurious_eoi_without_remote_irr),
    T("level/masked_waits_for_unmask", test_masked_level_waits_for_unmask),
    T("level/eoi_while_masked_then_unmask_redelivers",
      test_eoi_while_masked_then_unmask_redelivers),
    T("level/pulse_during_remote_irr_is_not_remembered",
      test_pulse_while_remote_irr_is_not_remembered),
    T("level/not_accepted_tries_again", test_not_accepted_tries_again),
    T("eoir/ends_and_redelivers", test_directed_eoi_ends_and_redelivers),
    T("eoir/uses_low_8_bits", test_directed_eoi_uses_low_8_bits),
    T("eoir/needs_version_20_and_32_bits", test_directed_eoi_needs_version_20_and_32_bits),
    T("eoir/reads_zero", test_directed_eoi_reads_zero),
    T("storm/is_delayed_10_ms_then_goes_on", test_storm_is_delayed_10_ms_then_goes_on),
    T("storm/delay_ends_when_line_drops", test_storm_delay_ends_when_line_drops),
    T("storm/count_restarts_on_rte_write", test_storm_count_restarts_on_rte_write),
    T("storm/count_restarts_when_an_eoi_finds_the_line_low",
      test_storm_count_restarts_when_an_eoi_finds_the_line_low),
    T("storm/on_one_pin_leaves_others_alone", test_storm_on_one_pin_leaves_others_alone),
    T("state/counters_are_shown", test_counters),
    T("state/text", test_text),
    T("state/service_after_load", test_service_after_load),
    T("msi/round_trip", test_msi_round_trip),
    T("msi/level_without_assert_is_deassert", test_msi_level_without_assert_is_deassert),
    T("msi/window", test_msi_window),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    return g_test_run();
}
