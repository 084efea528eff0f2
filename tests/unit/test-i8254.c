/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8254 and port 0x61 against the 8254 data sheet; every test name states the requirement. */
#include "qemu/osdep.h"

#include "hw/timer/i8254.h"

static PIT s;

/* The first nanosecond of tick @n. */
static int64_t tick(uint64_t n)
{
    return (int64_t)(((unsigned __int128)n * NANOSECONDS_PER_SECOND + PIT_HZ - 1) / PIT_HZ);
}

static void out(unsigned port, uint8_t value, uint64_t t)
{
    pit_write(&s, port, value, tick(t));
}

static uint8_t in(unsigned port, uint64_t t)
{
    return pit_read(&s, port, tick(t));
}

/* Control word and a count of two bytes for channel @ch at tick @t. */
static void program(unsigned ch, unsigned mode, uint16_t count, uint64_t t)
{
    out(3, ch << 6 | 0x30 | mode << 1, t);
    out(ch, count & 0xff, t);
    out(ch, count >> 8, t);
}

static uint16_t count_at(unsigned ch, uint64_t t)
{
    uint16_t low;

    out(3, ch << 6, t);
    low = in(ch, t);
    return low | in(ch, t) << 8;
}

static bool out_at(unsigned ch, uint64_t t)
{
    return pit_out(&s, ch, tick(t));
}

static void reset(void)
{
    pit_reset(&s, 0);
    pit_set_gate(&s, 2, true, 0);
}

static void test_mode0(void)
{
    reset();
    program(2, 0, 100, 1000);
    g_assert_false(out_at(2, 1000));
    g_assert_cmpuint(count_at(2, 1040), ==, 60);
    g_assert_false(out_at(2, 1099));
    g_assert_true(out_at(2, 1100));
    g_assert_true(out_at(2, 500000));
    g_assert_cmpuint(count_at(2, 1101), ==, 0xffff); /* counts on through 0 */
}

static void test_mode0_gate_pauses(void)
{
    reset();
    program(2, 0, 100, 1000);
    pit_set_gate(&s, 2, false, tick(1030));
    g_assert_cmpuint(count_at(2, 5000), ==, 70);
    g_assert_false(out_at(2, 5000));
    pit_set_gate(&s, 2, true, tick(5000));
    g_assert_false(out_at(2, 5069));
    g_assert_true(out_at(2, 5070));
}

static void test_mode0_control_word_lowers_out(void)
{
    reset();
    program(2, 0, 10, 0);
    g_assert_true(out_at(2, 20));
    out(3, 0xb0, 30);
    g_assert_false(out_at(2, 40));
}

static void test_mode1(void)
{
    reset();
    pit_set_gate(&s, 2, false, 0);
    program(2, 1, 50, 100);
    g_assert_true(out_at(2, 1000)); /* waits for the gate */
    pit_set_gate(&s, 2, true, tick(2000));
    g_assert_false(out_at(2, 2000));
    g_assert_false(out_at(2, 2049));
    g_assert_true(out_at(2, 2050));
    pit_set_gate(&s, 2, false, tick(3000));
    pit_set_gate(&s, 2, true, tick(3000)); /* retriggers */
    g_assert_false(out_at(2, 3010));
}

static void test_mode2(void)
{
    reset();
    program(2, 2, 10, 0);
    for (unsigned t = 0; t < 100; t++) {
        g_assert_cmpint(out_at(2, t), ==, t % 10 != 9);
        g_assert_cmpuint(count_at(2, t), ==, 10 - t % 10);
    }
}

static void test_mode2_new_count_from_next_period(void)
{
    reset();
    program(2, 2, 10, 0);
    out(2, 4, 3);
    out(2, 0, 3);
    g_assert_cmpuint(count_at(2, 9), ==, 1);
    g_assert_cmpuint(count_at(2, 10), ==, 4);
    g_assert_false(out_at(2, 13));
}

static void test_mode2_gate_restarts(void)
{
    reset();
    program(2, 2, 10, 0);
    pit_set_gate(&s, 2, false, tick(9));
    g_assert_true(out_at(2, 9)); /* high at once */
    pit_set_gate(&s, 2, true, tick(15));
    g_assert_cmpuint(count_at(2, 15), ==, 10);
    g_assert_false(out_at(2, 24));
}

static void test_mode3(void)
{
    reset();
    program(2, 3, 10, 0);
    for (unsigned t = 0; t < 50; t++) {
        g_assert_cmpint(out_at(2, t), ==, t % 10 < 5);
    }
    program(2, 3, 5, 100); /* odd: one clock longer high than low */
    g_assert_true(out_at(2, 102));
    g_assert_false(out_at(2, 103));
    g_assert_true(out_at(2, 105));
}

static void test_mode4(void)
{
    reset();
    program(2, 4, 20, 0);
    g_assert_true(out_at(2, 19));
    g_assert_false(out_at(2, 20));
    g_assert_true(out_at(2, 21));
    g_assert_true(out_at(2, 65000));
}

static void test_mode5(void)
{
    reset();
    pit_set_gate(&s, 2, false, 0);
    program(2, 5, 20, 0);
    g_assert_true(out_at(2, 20));
    pit_set_gate(&s, 2, true, tick(100));
    g_assert_true(out_at(2, 119));
    g_assert_false(out_at(2, 120));
    g_assert_true(out_at(2, 121));
}

static void test_count_zero_is_65536(void)
{
    reset();
    program(2, 0, 0, 0);
    g_assert_false(out_at(2, 65535));
    g_assert_true(out_at(2, 65536));
}

static void test_bcd(void)
{
    reset();
    out(3, 0xb1, 0);
    out(2, 0x34, 0);
    out(2, 0x12, 0);
    g_assert_cmphex(count_at(2, 0), ==, 0x1234);
    g_assert_cmphex(count_at(2, 35), ==, 0x1199);
    g_assert_true(out_at(2, 1234));
    g_assert_cmphex(count_at(2, 1235), ==, 0x9999);
}

static void test_byte_access_modes(void)
{
    reset();
    out(3, 0x90, 0); /* channel 2, low byte only, mode 0 */
    out(2, 50, 0);
    g_assert_cmpuint(in(2, 10), ==, 40);
    out(3, 0xa0, 20); /* high byte only */
    out(2, 1, 20);
    g_assert_cmpuint(in(2, 20), ==, 1);
    g_assert_true(out_at(2, 20 + 256));
}

static void test_latch_holds(void)
{
    reset();
    program(2, 2, 1000, 0);
    out(3, 0x80, 100);
    out(3, 0x80, 200); /* ignored: the first has not been read */
    g_assert_cmpuint(in(2, 300), ==, 900 & 0xff);
    g_assert_cmpuint(in(2, 300), ==, 900 >> 8);
    g_assert_cmpuint(in(2, 300), ==, 700 & 0xff); /* live again */
}

static void test_read_back(void)
{
    reset();
    program(2, 2, 1000, 0);
    out(3, 0xc8, 100); /* count and status of channel 2 */
    g_assert_cmphex(in(2, 300), ==, 0x80 | 0x34);
    g_assert_cmpuint(in(2, 300), ==, 900 & 0xff);
    g_assert_cmpuint(in(2, 300), ==, 900 >> 8);
}

static void test_null_count(void)
{
    reset();
    out(3, 0xb4, 0);
    out(3, 0xe8, 0);
    g_assert_cmphex(in(2, 0) & 0x40, ==, 0x40);
    out(2, 10, 0);
    out(2, 0, 0);
    out(3, 0xe8, 0);
    g_assert_cmphex(in(2, 0) & 0x40, ==, 0);
}

static void test_high_byte_access_reads_high_bytes(void)
{
    reset();
    out(3, 0xa0, 0);
    out(2, 4, 0);
    g_assert_cmpuint(in(2, 10), ==, 3);
    g_assert_cmpuint(in(2, 10), ==, 3);
    out(3, 0x90, 0);
    out(2, 200, 0);
    g_assert_cmpuint(in(2, 10), ==, 190);
    g_assert_cmpuint(in(2, 10), ==, 190);
}

static void test_gate_low_stops_periodic_events(void)
{
    reset();
    program(0, 2, 100, 0);
    pit_set_gate(&s, 0, false, tick(50));
    g_assert_cmpint(pit_next_ns(&s, tick(60)), ==, -1);
    pit_set_gate(&s, 0, true, tick(200));
    g_assert_cmpint(pit_next_ns(&s, tick(200)), ==, tick(300)); /* from the start again */
    program(0, 1, 10, 400);
    g_assert_cmpint(pit_next_ns(&s, tick(400)), ==, -1); /* no trigger yet */
    pit_set_gate(&s, 0, false, tick(500));
    pit_set_gate(&s, 0, true, tick(500));
    pit_set_gate(&s, 0, false, tick(501)); /* does not end the one-shot */
    g_assert_cmpint(pit_next_ns(&s, tick(502)), ==, tick(510));
}

static void test_pulse_modes(void)
{
    for (unsigned mode = 0; mode < 6; mode++) {
        reset();
        program(0, mode, 100, 0);
        g_assert_cmpint(pit_pulses(&s), ==, mode == 2 || mode == 4 || mode == 5);
    }
}

static void test_control_port_reads_nothing(void)
{
    reset();
    g_assert_cmphex(in(3, 0), ==, 0);
}

static void test_next_follows_out(void)
{
    static const unsigned modes[] = { 0, 2, 3, 4 };

    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        int64_t next;

        reset();
        program(0, modes[i], 1000, 0);
        next = pit_next_ns(&s, tick(100));
        g_assert_cmpint(next, >, tick(100));
        if (!pit_pulses(&s)) {
            g_assert_cmpint(pit_out(&s, 0, next), !=, pit_out(&s, 0, next - 1));
        } else {
            g_assert_false(pit_out(&s, 0, next - 1)); /* the end of the low pulse */
            g_assert_true(pit_out(&s, 0, next));
        }
    }
}

static void test_next_after_terminal_count(void)
{
    reset();
    program(0, 0, 10, 0);
    g_assert_cmpint(pit_next_ns(&s, tick(11)), ==, -1);
    out(3, 0x30, 20); /* no count yet */
    g_assert_cmpint(pit_next_ns(&s, tick(30)), ==, -1);
}

static void test_18_2_hz_after_reset(void)
{
    unsigned edges = 0;
    int64_t t = 0;

    pit_reset(&s, 0);
    while ((t = pit_next_ns(&s, t)) < NANOSECONDS_PER_SECOND) {
        edges += pit_out(&s, 0, t);
    }
    g_assert_cmpuint(edges, ==, 18);
}

static void test_port61(void)
{
    reset();
    pit_port61_write(&s, 0xf2, tick(0));
    g_assert_cmphex(pit_port61_read(&s, tick(0)) & 0xcf, ==, 0x02);
    program(2, 0, 100, 0);
    pit_port61_write(&s, 0x01, tick(10)); /* Linux's calibration: gate on, wait for bit 5 */
    g_assert_cmphex(pit_port61_read(&s, tick(109)) & 0x20, ==, 0);
    g_assert_cmphex(pit_port61_read(&s, tick(110)) & 0x20, ==, 0x20);
}

static void test_port61_refresh_toggles(void)
{
    reset();
    g_assert_cmphex((pit_port61_read(&s, 1000) ^ pit_port61_read(&s, 16100)) & 0x10, ==, 0x10);
}

static void test_any_sequence_is_safe(void)
{
    GRand *r = g_rand_new_with_seed(5);
    int64_t now = 0;

    reset();
    for (unsigned n = 0; n < 300000; n++) {
        now += g_rand_int(r) >> (g_rand_int(r) & 31);
        pit_write(&s, g_rand_int(r), g_rand_int(r), now);
        pit_read(&s, g_rand_int(r), now);
        pit_port61_write(&s, g_rand_int(r), now);
        g_assert_true(pit_next_ns(&s, now) == -1 || pit_next_ns(&s, now) > now);
    }
    g_rand_free(r);
}

#define T(path, fn) { "/i8254/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("mode0/out_rises_at_terminal_count", test_mode0),
    T("mode0/gate_pauses", test_mode0_gate_pauses),
    T("mode0/control_word_lowers_out", test_mode0_control_word_lowers_out),
    T("mode1/one_shot_by_gate", test_mode1),
    T("mode2/low_for_one_clock_a_period", test_mode2),
    T("mode2/new_count_from_next_period", test_mode2_new_count_from_next_period),
    T("mode2/gate_restarts", test_mode2_gate_restarts),
    T("mode3/square_wave", test_mode3),
    T("mode4/strobe_once", test_mode4),
    T("mode5/strobe_by_gate", test_mode5),
    T("count/zero_is_65536", test_count_zero_is_65536),
    T("count/bcd", test_bcd),
    T("access/single_bytes", test_byte_access_modes),
    T("access/latch_holds_until_read", test_latch_holds),
    T("access/read_back_status_then_count", test_read_back),
    T("access/null_count_until_written", test_null_count),
    T("access/control_port_reads_nothing", test_control_port_reads_nothing),
    T("access/one_byte_modes_repeat", test_high_byte_access_reads_high_bytes),
    T("irq/gate_low_stops_events", test_gate_low_stops_periodic_events),
    T("irq/pulse_modes", test_pulse_modes),
    T("irq/next_event_is_when_out_changes", test_next_follows_out),
    T("irq/none_after_terminal_count", test_next_after_terminal_count),
    T("irq/18_2_hz_after_reset", test_18_2_hz_after_reset),
    T("port61/gate_and_output_of_channel_2", test_port61),
    T("port61/refresh_toggles", test_port61_refresh_toggles),
    T("safety/any_sequence", test_any_sequence_is_safe),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    return g_test_run();
}
