/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock against the MC146818A data sheet; every test name states the requirement. */
#include "qemu/osdep.h"

#include "hw/rtc/mc146818.h"

#define SEC NANOSECONDS_PER_SECOND
/* 2024-02-28 23:59:58 UTC, a Wednesday before a leap day. */
#define START 1709164798ll

static RTC s;

static uint8_t rd(unsigned reg, int64_t now)
{
    rtc_write(&s, 0, reg, now);
    return rtc_read(&s, 1, now);
}

static void wr(unsigned reg, uint8_t value, int64_t now)
{
    rtc_write(&s, 0, reg, now);
    rtc_write(&s, 1, value, now);
}

static void init(void)
{
    rtc_init(&s, 0, START * SEC);
}

/* "year-month-day hour:minute:second weekday" as the registers show it, in hexadecimal. */
static const char *show(int64_t now)
{
    static char text[64];

    g_snprintf(text, sizeof(text), "%02x%02x-%02x-%02x %02x:%02x:%02x %x", rd(0x32, now),
               rd(9, now), rd(8, now), rd(7, now), rd(4, now), rd(2, now), rd(0, now), rd(6, now));
    return text;
}

static void test_bcd_24h(void)
{
    init();
    g_assert_cmpstr(show(0), ==, "2024-02-28 23:59:58 4");
    g_assert_cmpstr(show(2 * SEC), ==, "2024-02-29 00:00:00 5");
    g_assert_cmpstr(show((2 + 86400) * SEC), ==, "2024-03-01 00:00:00 6");
}

static void test_binary(void)
{
    init();
    wr(0x0b, 0x06, 0);
    g_assert_cmpstr(show(0), ==, "1418-02-1c 17:3b:3a 4");
}

static void test_12h(void)
{
    init();
    wr(0x0b, 0x00, 0);
    g_assert_cmphex(rd(4, 0), ==, 0x91);
    g_assert_cmphex(rd(4, 2 * SEC), ==, 0x12);
    g_assert_cmphex(rd(4, (2 + 12 * 3600) * SEC), ==, 0x92);
    g_assert_cmphex(rd(4, (2 + 13 * 3600) * SEC), ==, 0x81);
}

static void test_century(void)
{
    rtc_init(&s, 0, 946684799ll * SEC); /* 1999-12-31 23:59:59 */
    g_assert_cmphex(rd(0x32, 0), ==, 0x19);
    g_assert_cmphex(rd(0x37, 0), ==, 0x19);
    g_assert_cmphex(rd(0x32, SEC), ==, 0x20);
    g_assert_cmphex(rd(9, SEC), ==, 0);
}

static void test_set_freezes(void)
{
    init();
    wr(0x0b, 0x82, 0);
    g_assert_cmphex(rd(0, 100 * SEC), ==, 0x58);
    wr(4, 0x12, 100 * SEC);
    wr(0x0b, 0x02, 200 * SEC);
    g_assert_cmpstr(show(201 * SEC), ==, "2024-02-28 12:59:59 4");
}

static void test_set_while_running(void)
{
    init();
    wr(4, 0x10, SEC / 2);
    g_assert_cmpstr(show(SEC), ==, "2024-02-28 10:59:59 4");
}

static void test_set_clears_update_interrupt(void)
{
    init();
    wr(0x0b, 0x12, 0);
    wr(0x0b, 0x92, 0);
    g_assert_cmphex(rd(0x0b, 0), ==, 0x82);
}

static void test_divider_reset_starts_half_a_second_later(void)
{
    init();
    wr(0x0a, 0x60, 0);
    g_assert_cmphex(rd(0, 10 * SEC), ==, 0x58);
    wr(0x0a, 0x26, 10 * SEC);
    g_assert_cmphex(rd(0, 10 * SEC + SEC / 2 - 1), ==, 0x58);
    g_assert_cmphex(rd(0, 10 * SEC + SEC / 2), ==, 0x59);
}

static void test_uip_before_update(void)
{
    init();
    g_assert_cmphex(rd(0x0a, 0), ==, 0x26);
    g_assert_cmphex(rd(0x0a, SEC - 245000), ==, 0x26);
    g_assert_cmphex(rd(0x0a, SEC - 244000), ==, 0xa6);
    g_assert_cmphex(rd(0x0a, SEC), ==, 0x26);
}

static void test_update_flag(void)
{
    init();
    g_assert_cmphex(rd(0x0c, SEC / 2) & 0x10, ==, 0);
    g_assert_cmphex(rd(0x0c, SEC) & 0x10, ==, 0x10);
    g_assert_cmphex(rd(0x0c, SEC) & 0x10, ==, 0); /* reading clears */
}

static void test_update_interrupt(void)
{
    init();
    wr(0x0b, 0x12, SEC / 4);
    g_assert_cmpint(rtc_next_ns(&s, SEC / 4), ==, SEC);
    g_assert_false(rtc_irq(&s, SEC - 1));
    g_assert_true(rtc_irq(&s, SEC));
    g_assert_cmpint(rtc_next_ns(&s, SEC), ==, -1); /* high until register C is read */
    g_assert_cmphex(rd(0x0c, SEC) & 0x90, ==, 0x90);
    g_assert_false(rtc_irq(&s, SEC));
    g_assert_cmpint(rtc_next_ns(&s, SEC), ==, 2 * SEC);
}

static void test_periodic_interrupt(void)
{
    unsigned n = 0;
    int64_t t = 0;

    init();
    wr(0x0a, 0x26, 0); /* 1024 Hz */
    wr(0x0b, 0x42, 0);
    while ((t = rtc_next_ns(&s, t)) <= SEC && t > 0) {
        g_assert_true(rtc_irq(&s, t));
        g_assert_cmphex(rd(0x0c, t) & 0xc0, ==, 0xc0);
        n++;
    }
    g_assert_cmpuint(n, ==, 1024);
}

static void test_periodic_rates(void)
{
    static const struct { uint8_t rate; unsigned hz; } t[] = {
        { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 13, 8 }, { 15, 2 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        int64_t next;

        init();
        wr(0x0a, 0x20 | t[i].rate, 0);
        wr(0x0b, 0x42, 0);
        next = rtc_next_ns(&s, 0);
        g_assert_cmpint(next, ==, (SEC + t[i].hz - 1) / t[i].hz);
    }
    init();
    wr(0x0a, 0x20, 0); /* rate 0: none */
    wr(0x0b, 0x42, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, -1);
}

static void test_alarm(void)
{
    init();
    wr(1, 0x05, 0);
    wr(3, 0x00, 0);
    wr(5, 0x00, 0);
    wr(0x0b, 0x22, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, 7 * SEC);
    g_assert_false(rtc_irq(&s, 7 * SEC - 1));
    g_assert_true(rtc_irq(&s, 7 * SEC));
    g_assert_cmphex(rd(0x0c, 7 * SEC) & 0xa0, ==, 0xa0);
    g_assert_cmpint(rtc_next_ns(&s, 7 * SEC), ==, (7 + 86400) * SEC);
}

static void test_alarm_wildcards(void)
{
    init();
    wr(1, 0x30, 0);
    wr(3, 0xff, 0);
    wr(5, 0xc0, 0);
    wr(0x0b, 0x22, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, 32 * SEC);
    g_assert_true(rtc_irq(&s, 32 * SEC));
    rd(0x0c, 32 * SEC);
    g_assert_cmpint(rtc_next_ns(&s, 32 * SEC), ==, 92 * SEC);
}

static void test_alarm_hours(void)
{
    init();
    wr(1, 0x00, 0);
    wr(3, 0x30, 0);
    wr(5, 0x13, 0);
    wr(0x0b, 0x22, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, (2 + 13 * 3600 + 30 * 60) * SEC);
    wr(0x0b, 0x20, 0); /* 12 hours: 1 pm is 0x81 */
    wr(5, 0x81, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, (2 + 13 * 3600 + 30 * 60) * SEC);
    wr(5, 0x59, 0); /* no hour */
    wr(0x0b, 0x22, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, -1);
}

static void test_alarm_last_of_range(void)
{
    init();
    wr(1, 0x59, 0);
    wr(3, 0x59, 0);
    wr(5, 0x23, 0);
    wr(0x0b, 0x22, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, SEC);
}

static void test_century_bytes_mirror(void)
{
    init();
    wr(0x37, 0x21, 0);
    g_assert_cmphex(rd(0x32, 0), ==, 0x21);
    g_assert_cmpstr(show(0), ==, "2124-02-28 23:59:58 2");
    wr(0x32, 0x20, 0);
    g_assert_cmphex(rd(0x37, 0), ==, 0x20);
}

static void test_alarm_that_cannot_match(void)
{
    init();
    wr(1, 0x75, 0);
    wr(3, 0xff, 0);
    wr(5, 0xff, 0);
    wr(0x0b, 0x22, 0);
    g_assert_cmpint(rtc_next_ns(&s, 0), ==, -1);
    g_assert_false(rtc_irq(&s, 1000000 * SEC));
}

static void test_alarm_flag_without_interrupt(void)
{
    init();
    wr(1, 0xff, 0);
    wr(3, 0xff, 0);
    wr(5, 0xff, 0);
    g_assert_false(rtc_irq(&s, 5 * SEC));
    g_assert_cmphex(rd(0x0c, 5 * SEC) & 0xa0, ==, 0x20);
}

static void test_no_flags_while_set(void)
{
    init();
    wr(0x0b, 0x82, 0);
    rd(0x0c, 0);
    g_assert_cmphex(rd(0x0c, 100 * SEC) & 0x30, ==, 0);
}

static void test_reset_keeps_time_and_memory(void)
{
    init();
    wr(0x0b, 0x72, 0);
    wr(0x40, 0x5a, 0);
    rtc_reset(&s, SEC);
    g_assert_cmphex(rd(0x0b, SEC), ==, 0x02);
    g_assert_cmphex(rd(0x0c, SEC), ==, 0);
    g_assert_cmphex(rd(0x40, SEC), ==, 0x5a);
    g_assert_cmphex(rd(0, SEC), ==, 0x59);
}

static void test_ports(void)
{
    init();
    g_assert_cmphex(rtc_read(&s, 0, 0), ==, 0xff);
    wr(0x80 | 0x40, 0x11, 0); /* bit 7 is the NMI mask */
    g_assert_cmphex(rd(0x40, 0), ==, 0x11);
    wr(0x0c, 0xff, 0);
    wr(0x0d, 0x00, 0);
    g_assert_cmphex(rd(0x0d, 0), ==, 0x80);
    g_assert_cmphex(rd(0x0c, 0), ==, 0);
}

static void test_memory_size(void)
{
    init();
    rtc_set_pc_config(&s, 2 * GiB, 3 * GiB, 3);
    g_assert_cmphex(rd(0x15, 0) | rd(0x16, 0) << 8, ==, 640);
    g_assert_cmphex(rd(0x17, 0) | rd(0x18, 0) << 8, ==, 0xffff);
    g_assert_cmphex(rd(0x30, 0) | rd(0x31, 0) << 8, ==, 0xffff);
    g_assert_cmphex(rd(0x34, 0) | rd(0x35, 0) << 8, ==, 0x7f00);
    g_assert_cmphex(rd(0x5b, 0) | rd(0x5c, 0) << 8 | rd(0x5d, 0) << 16, ==, 0xc000);
    g_assert_cmphex(rd(0x5f, 0), ==, 2);
    rtc_set_pc_config(&s, 8 * MiB, 0, 1);
    g_assert_cmphex(rd(0x17, 0) | rd(0x18, 0) << 8, ==, 7 * 1024);
    g_assert_cmphex(rd(0x34, 0) | rd(0x35, 0) << 8, ==, 0);
}

static void test_host_clock_may_jump_back(void)
{
    init();
    wr(0x0b, 0x12, 10 * SEC);
    rd(0x0c, 10 * SEC);
    g_assert_false(rtc_irq(&s, 5 * SEC));
    g_assert_true(rtc_irq(&s, 6 * SEC));
}

static void test_any_sequence_is_safe(void)
{
    GRand *r = g_rand_new_with_seed(9);
    int64_t now = 0;

    init();
    for (unsigned n = 0; n < 100000; n++) {
        now += (int64_t)g_rand_int(r) << (g_rand_int(r) & 15);
        wr(g_rand_int(r) & (n & 1 ? 0x0f : 0xff), g_rand_int(r), now);
        rd(g_rand_int(r), now);
        rtc_irq(&s, now);
        g_assert_true(rtc_next_ns(&s, now) == -1 || rtc_next_ns(&s, now) > now);
        if (now > 1ll << 60) {
            now = 0;
        }
    }
    g_rand_free(r);
}

#define T(path, fn) { "/mc146818/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("time/bcd_24_hours_and_leap_day", test_bcd_24h),
    T("time/binary", test_binary),
    T("time/12_hours", test_12h),
    T("time/century_byte_follows", test_century),
    T("time/set_bit_freezes", test_set_freezes),
    T("time/written_while_running_takes_effect", test_set_while_running),
    T("time/divider_reset_updates_after_half_a_second",
      test_divider_reset_starts_half_a_second_later),
    T("time/host_clock_may_jump_back", test_host_clock_may_jump_back),
    T("update/uip_244_us_before", test_uip_before_update),
    T("update/flag_every_second", test_update_flag),
    T("update/interrupt_until_register_c_is_read", test_update_interrupt),
    T("update/set_bit_clears_enable", test_set_clears_update_interrupt),
    T("update/no_flags_while_set", test_no_flags_while_set),
    T("periodic/1024_hz", test_periodic_interrupt),
    T("periodic/rates", test_periodic_rates),
    T("alarm/at_its_time_every_day", test_alarm),
    T("alarm/hours", test_alarm_hours),
    T("alarm/last_second_of_the_day", test_alarm_last_of_range),
    T("time/century_bytes_mirror", test_century_bytes_mirror),
    T("alarm/wildcards", test_alarm_wildcards),
    T("alarm/impossible_value_never_matches", test_alarm_that_cannot_match),
    T("alarm/flag_without_interrupt", test_alarm_flag_without_interrupt),
    T("reset/keeps_time_and_memory", test_reset_keeps_time_and_memory),
    T("ports/index_and_read_only_registers", test_ports),
    T("cmos/memory_size_bytes", test_memory_size),
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
