/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -rtc: accepted forms and QEMU's error texts. */
#include "qemu/osdep.h"
#include "system/system.h"

static void test_bases_move_the_clock(void)
{
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
    int64_t date_s = 1150560081; /* 2006-06-17T16:01:21Z */

    g_assert_true(rtc_base_parse("base=2006-06-17T16:01:21,clock=host", &error_abort));
    g_assert_cmpint(ABS(rtc_base_offset_ns() / NANOSECONDS_PER_SECOND - (date_s - now_s)), <=, 1);
    g_assert_true(rtc_base_parse("base=2006-06-17", &error_abort));
    g_assert_cmpint(rtc_base_offset_ns() / NANOSECONDS_PER_SECOND, <, date_s - now_s);
    g_assert_true(rtc_base_parse("base=utc,driftfix=slew", &error_abort));
    g_assert_cmpint(rtc_base_offset_ns(), ==, 0);
    g_setenv("TZ", "UTC-3", TRUE);
    g_assert_true(rtc_base_parse("base=localtime", &error_abort));
    g_assert_cmpint(rtc_base_offset_ns(), ==, 3 * 3600 * NANOSECONDS_PER_SECOND);
}

static void test_other_values_are_refused(void)
{
    static const char *const rows[][2] = {
        { "base=tomorrow", "invalid datetime format" },
        { "base=2006-13-17", "invalid datetime format" },
        { "base=", "invalid datetime format" },
        { "clock=vm", "invalid option value 'vm'" },
        { "driftfix=maybe", "invalid option value 'maybe'" },
        { "colour=red", "Invalid parameter 'colour'" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(Error) err = NULL;

        g_assert_false(rtc_base_parse(rows[i][0], &err));
        g_assert_cmpstr(error_get_pretty(err), ==, rows[i][1]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtc-option/bases_move_the_clock", test_bases_move_the_clock);
    g_test_add_func("/rtc-option/other_values_are_refused", test_other_values_are_refused);
    return g_test_run();
}
