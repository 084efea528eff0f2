/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI fixed hardware against ACPI 6.4 chapter 4.8; every test name states the requirement. */
#include "qemu/osdep.h"

#include "hw/acpi/pm.h"

static AcpiPm s;

static void init(void)
{
    acpi_pm_init(&s, 8, 2, 3);
}

static uint16_t sts(int64_t now)
{
    return acpi_pm1_evt_read(&s, 0, now) | acpi_pm1_evt_read(&s, 1, now) << 8;
}

static void set_en(uint16_t value)
{
    acpi_pm1_evt_write(&s, 2, value & 0xff, 0);
    acpi_pm1_evt_write(&s, 3, value >> 8, 0);
}

/* First nanosecond of timer tick @n. */
static int64_t tick(uint64_t n)
{
    return (int64_t)(((unsigned __int128)n * NANOSECONDS_PER_SECOND + ACPI_PM_HZ - 1) /
                     ACPI_PM_HZ);
}

static void test_timer_rate(void)
{
    g_assert_cmpuint(acpi_pm_timer(0), ==, 0);
    g_assert_cmpuint(acpi_pm_timer(NANOSECONDS_PER_SECOND), ==, 3579545);
    g_assert_cmphex(acpi_pm_timer(tick(0xffffff)), ==, 0xffffff);
    g_assert_cmphex(acpi_pm_timer(tick(0x1000000)), ==, 0);
}

static void test_timer_overflow(void)
{
    init();
    g_assert_cmphex(sts(tick(0x7fffff)), ==, 0);
    g_assert_cmphex(sts(tick(0x800000)), ==, ACPI_PM1_TMR);
    acpi_pm1_evt_write(&s, 0, ACPI_PM1_TMR, tick(0x800001));
    g_assert_cmphex(sts(tick(0xffffff)), ==, 0);
    g_assert_cmphex(sts(tick(0x1000000)), ==, ACPI_PM1_TMR);
}

static void test_timer_interrupt(void)
{
    init();
    acpi_apm_write(&s, 0, 2);
    g_assert_cmpint(acpi_pm_next_ns(&s), ==, -1);
    set_en(ACPI_PM1_TMR);
    g_assert_cmpint(acpi_pm_next_ns(&s), ==, tick(0x800000));
    g_assert_false(acpi_pm_sci(&s, tick(0x800000) - 1));
    g_assert_true(acpi_pm_sci(&s, tick(0x800000)));
    g_assert_cmpint(acpi_pm_next_ns(&s), ==, -1);
    acpi_pm1_evt_write(&s, 0, ACPI_PM1_TMR, tick(0x800000));
    g_assert_false(acpi_pm_sci(&s, tick(0x800000)));
    g_assert_cmpint(acpi_pm_next_ns(&s), ==, tick(0x1000000));
}

static void test_power_button(void)
{
    init();
    acpi_apm_write(&s, 0, 2);
    set_en(ACPI_PM1_PWRBTN);
    acpi_pm_power_button(&s);
    g_assert_true(acpi_pm_sci(&s, 0));
    g_assert_cmphex(sts(0), ==, ACPI_PM1_PWRBTN);
    acpi_pm1_evt_write(&s, 1, 0xff, 0);
    g_assert_cmphex(sts(0), ==, 0);
    g_assert_false(acpi_pm_sci(&s, 0));
}

static void test_status_needs_enable(void)
{
    init();
    acpi_apm_write(&s, 0, 2);
    acpi_pm_power_button(&s);
    g_assert_false(acpi_pm_sci(&s, 0));
    set_en(ACPI_PM1_PWRBTN);
    g_assert_true(acpi_pm_sci(&s, 0));
}

static void test_status_writes_of_zero_change_nothing(void)
{
    init();
    acpi_pm_power_button(&s);
    acpi_pm1_evt_write(&s, 0, 0xff, 0);
    acpi_pm1_evt_write(&s, 1, 0x00, 0);
    g_assert_cmphex(sts(0), ==, ACPI_PM1_PWRBTN);
}

static void test_sci_only_in_acpi_mode(void)
{
    init();
    set_en(ACPI_PM1_PWRBTN);
    acpi_pm_power_button(&s);
    g_assert_false(acpi_pm_sci(&s, 0));
    acpi_apm_write(&s, 0, 2);
    g_assert_cmphex(acpi_pm1_cnt_read(&s, 0), ==, 1);
    g_assert_true(acpi_pm_sci(&s, 0));
    acpi_apm_write(&s, 0, 3);
    g_assert_cmphex(acpi_pm1_cnt_read(&s, 0), ==, 0);
    g_assert_cmphex(acpi_apm_read(&s, 0), ==, 3);
}

static void test_sleep_types(void)
{
    init();
    g_assert_cmpint(acpi_pm1_cnt_write(&s, 1, 0x00), ==, ACPI_SLEEP_NONE);
    g_assert_cmpint(acpi_pm1_cnt_write(&s, 1, 0x20), ==, ACPI_SLEEP_S5);
    g_assert_cmpint(acpi_pm1_cnt_write(&s, 1, 0x24), ==, ACPI_SLEEP_S3);
    g_assert_cmpint(acpi_pm1_cnt_write(&s, 1, 0x28), ==, ACPI_SLEEP_S5);
    g_assert_cmpint(acpi_pm1_cnt_write(&s, 1, 0x3c), ==, ACPI_SLEEP_BAD);
}

static void test_slp_en_is_write_only(void)
{
    init();
    acpi_pm1_cnt_write(&s, 1, 0x3c);
    g_assert_cmphex(acpi_pm1_cnt_read(&s, 1), ==, 0x1c);
    g_assert_cmpint(acpi_pm1_cnt_write(&s, 0, 0x01), ==, ACPI_SLEEP_NONE);
    g_assert_cmphex(acpi_pm1_cnt_read(&s, 1), ==, 0x1c);
}

static void test_gpe(void)
{
    init();
    acpi_apm_write(&s, 0, 2);
    acpi_gpe_raise(&s, 9);
    g_assert_cmphex(acpi_gpe_read(&s, 1), ==, 0x02);
    g_assert_false(acpi_pm_sci(&s, 0));
    acpi_gpe_write(&s, 8 + 1, 0x02);
    g_assert_cmphex(acpi_gpe_read(&s, 9), ==, 0x02);
    g_assert_true(acpi_pm_sci(&s, 0));
    acpi_gpe_write(&s, 1, 0x02);
    g_assert_false(acpi_pm_sci(&s, 0));
}

static void test_enable_bytes_are_independent(void)
{
    init();
    set_en(0x0120);
    acpi_pm1_evt_write(&s, 2, 0x01, 0);
    g_assert_cmphex(acpi_pm1_evt_read(&s, 2, 0), ==, 0x01);
    g_assert_cmphex(acpi_pm1_evt_read(&s, 3, 0), ==, 0x01);
}

static void test_gpe_out_of_block(void)
{
    init();
    for (unsigned i = 16; i < 300; i++) {
        acpi_gpe_write(&s, i, 0xff);
        g_assert_cmphex(acpi_gpe_read(&s, i), ==, 0);
    }
}

static void test_reset(void)
{
    init();
    acpi_apm_write(&s, 0, 2);
    set_en(0xffff);
    acpi_pm_power_button(&s);
    acpi_gpe_raise(&s, 0);
    acpi_pm_reset(&s, tick(0x900000));
    g_assert_cmphex(sts(tick(0x900000)), ==, 0);
    g_assert_cmphex(acpi_pm1_cnt_read(&s, 0), ==, 0);
    g_assert_cmphex(acpi_gpe_read(&s, 0), ==, 0);
    g_assert_cmphex(s.smi_en, ==, 0x20); /* firmware then leaves SMM alone */
    g_assert_cmphex(sts(tick(0x1000000)), ==, ACPI_PM1_TMR);
}

#define T(path, fn) { "/acpi-pm/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("timer/3_579545_mhz_24_bits", test_timer_rate),
    T("timer/status_when_the_top_bit_changes", test_timer_overflow),
    T("timer/interrupt", test_timer_interrupt),
    T("events/power_button", test_power_button),
    T("events/status_needs_enable", test_status_needs_enable),
    T("events/writing_zero_clears_nothing", test_status_writes_of_zero_change_nothing),
    T("events/sci_only_in_acpi_mode", test_sci_only_in_acpi_mode),
    T("events/enable_bytes_are_independent", test_enable_bytes_are_independent),
    T("control/sleep_types", test_sleep_types),
    T("control/slp_en_is_write_only", test_slp_en_is_write_only),
    T("gpe/status_enable_and_sci", test_gpe),
    T("gpe/outside_the_block_nothing", test_gpe_out_of_block),
    T("reset/registers", test_reset),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    return g_test_run();
}
