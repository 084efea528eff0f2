/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, option strings, timers, errors. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"

static void test_numbers_that_do_not_fit_are_refused(void)
{
    uint64_t u;
    int64_t i;

    g_assert_cmpint(qemu_strtou64("18446744073709551615", NULL, 10, &u), ==, 0);
    g_assert_cmpuint(u, ==, UINT64_MAX);
    g_assert_cmpint(qemu_strtou64("18446744073709551616", NULL, 10, &u), ==, -ERANGE);
    g_assert_cmpint(qemu_strtou64("-1", NULL, 10, &u), ==, -EINVAL);
    g_assert_cmpint(qemu_strtou64("", NULL, 10, &u), ==, -EINVAL);
    g_assert_cmpint(qemu_strtou64("12x", NULL, 10, &u), ==, -EINVAL);
    g_assert_cmpint(qemu_strtoi64("-9223372036854775808", NULL, 0, &i), ==, 0);
    g_assert_cmpint(i, ==, INT64_MIN);
}

static void test_sizes_take_suffixes_and_fractions(void)
{
    static const struct {
        const char *text;
        int ret;
        uint64_t value;
    } rows[] = {
        { "128", 0, 128 * MiB },     { "1G", 0, GiB },           { "1.5g", 0, 3 * GiB / 2 },
        { "2k", 0, 2048 },           { "7B", 0, 7 },             { "0x10", 0, 16 * MiB },
        { "16E", -ERANGE, 0 },       { "1.5B", -EINVAL, 0 },     { "G", -EINVAL, 0 },
        { "1Gx", -EINVAL, 0 },       { "-1", -EINVAL, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t v = 0;

        g_assert_cmpint(qemu_strtosz(rows[i].text, NULL, MiB, &v), ==, rows[i].ret);
        if (!rows[i].ret) {
            g_assert_cmpuint(v, ==, rows[i].value);
        }
    }
}

static void test_double_comma_is_a_comma_in_a_value(void)
{
    g_autoptr(Keyval) kv = keyval_parse("pipe,path=/a,,b,server,nowait", "backend", &error_abort);

    g_assert_cmpstr(keyval_get(kv, "backend"), ==, "pipe");
    g_assert_cmpstr(keyval_get(kv, "path"), ==, "/a,b");
    g_assert_cmpstr(keyval_get(kv, "server"), ==, "on");
    g_assert_cmpstr(keyval_get(kv, "wait"), ==, "off");
    g_assert_true(keyval_check_unused(kv, &error_abort));
}

static void test_leftover_key_is_named(void)
{
    g_autoptr(Keyval) kv = keyval_parse("a=1,b=2", NULL, &error_abort);
    g_autoptr(Error) err = NULL;

    keyval_get(kv, "a");
    g_assert_false(keyval_check_unused(kv, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Invalid parameter 'b'");
}

static void test_json_options_nest_and_refuse_null(void)
{
    g_autoptr(Keyval) kv = keyval_parse_json("{'driver':'x','on':true,'o':{'n':3},"
                                             "'l':[4,{'m':5}]}", &error_abort);
    g_autoptr(Error) err = NULL;

    g_assert_cmpstr(keyval_get(kv, "o.n"), ==, "3");
    g_assert_cmpstr(keyval_get(kv, "on"), ==, "on");
    g_assert_cmpstr(keyval_get(kv, "l.1.m"), ==, "5");
    g_assert_null(keyval_parse_json("{'a':[null]}", &err));
    g_assert_nonnull(err);
}

static void test_prepend_and_hint_survive_propagation(void)
{
    Error *err = NULL;
    g_autoptr(Error) copy = NULL;

    error_setg_errno(&err, ENOENT, "cannot open '%s'", "x");
    error_prepend(&err, "disk: ");
    error_append_hint(&err, "make it\n");
    copy = error_copy(err);
    error_free(err);
    g_assert_cmpstr(error_get_pretty(copy), ==, "disk: cannot open 'x': No such file or directory");
    g_assert_cmpstr(error_get_hint(copy), ==, "make it\n");
}

typedef struct TimerLog {
    GString *order;
    QEMUTimer *again;
    int fired;
} TimerLog;

static TimerLog timer_log;

static void fire_a(void *opaque)
{
    g_string_append(timer_log.order, opaque);
    if (++timer_log.fired == 3) {
        main_loop_quit();
    }
}

static gboolean give_up(gpointer unused)
{
    main_loop_quit();
    return G_SOURCE_REMOVE;
}

static void test_timers_fire_in_order_and_virtual_time_waits(void)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    QEMUTimer *b = timer_new_ns(QEMU_CLOCK_REALTIME, fire_a, (void *)"b");
    QEMUTimer *a = timer_new_ns(QEMU_CLOCK_REALTIME, fire_a, (void *)"a");
    QEMUTimer *v = timer_new_ns(QEMU_CLOCK_VIRTUAL, fire_a, (void *)"v");
    QEMUTimer *dead = timer_new_ns(QEMU_CLOCK_REALTIME, fire_a, (void *)"x");

    timer_log.order = g_string_new(NULL);
    timer_mod_ns(b, now + 4 * SCALE_MS);
    timer_mod_ns(a, now + 2 * SCALE_MS);
    timer_mod_ns(dead, now + 1 * SCALE_MS);
    timer_del(dead);
    timer_mod_ns(v, 0); /* long due, but the virtual clock stands still */
    g_timeout_add(50, give_up, NULL);
    main_loop_run();
    g_assert_cmpstr(timer_log.order->str, ==, "ab");
    g_assert_true(timer_pending(v));
    qemu_clock_enable_virtual(true);
    g_timeout_add(5000, give_up, NULL);
    main_loop_run();
    g_assert_cmpstr(timer_log.order->str, ==, "abv");
    g_assert_false(timer_pending(v));
    timer_free(a);
    timer_free(b);
    timer_free(v);
    timer_free(dead);
    g_string_free(timer_log.order, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    bql_lock();
    main_loop_init();
    g_test_add_func("/cutils/numbers_that_do_not_fit_are_refused",
                    test_numbers_that_do_not_fit_are_refused);
    g_test_add_func("/cutils/sizes_take_suffixes_and_fractions",
                    test_sizes_take_suffixes_and_fractions);
    g_test_add_func("/keyval/double_comma_is_a_comma_in_a_value",
                    test_double_comma_is_a_comma_in_a_value);
    g_test_add_func("/keyval/leftover_key_is_named", test_leftover_key_is_named);
    g_test_add_func("/keyval/json_nests_and_refuses_lists",
                    test_json_options_nest_and_refuse_null);
    g_test_add_func("/error/prepend_and_hint_survive", test_prepend_and_hint_survive_propagation);
    g_test_add_func("/timer/fire_in_order_and_virtual_time_waits",
                    test_timers_fire_in_order_and_virtual_time_waits);
    return g_test_run();
}
