/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HPET against the IA-PC HPET specification 1.0a; every test name states the requirement. */
#include "qemu/osdep.h"

#include "hw/timer/hpet.h"

#define T_LEVEL    0x002u
#define T_ENABLE   0x004u
#define T_PERIODIC 0x008u
#define T_SETVAL   0x040u
#define T_32BIT    0x100u
#define ROUTE(n)   ((n) << 9)

static HPET s;

/* Times in ticks of 10 ns. */
static uint32_t rd(unsigned offset, int64_t t)
{
    return hpet_read(&s, offset, 4, t * HPET_TICK_NS);
}

static void wr(unsigned offset, uint32_t value, int64_t t)
{
    hpet_write(&s, offset, value, 4, t * HPET_TICK_NS);
}

static uint32_t edges_at(int64_t t)
{
    hpet_sync(&s, t * HPET_TICK_NS);
    return hpet_take_edges(&s);
}

static int64_t next(int64_t t)
{
    int64_t ns = hpet_next_ns(&s, t * HPET_TICK_NS);

    return ns < 0 ? -1 : ns / HPET_TICK_NS;
}

static void init(void)
{
    hpet_init(&s, HPET_INTCAP_Q35);
}

/* Counting from tick 0. */
static void start(void)
{
    init();
    wr(0x10, 1, 0);
}

static void test_capabilities(void)
{
    init();
    g_assert_cmphex(hpet_read(&s, 0, 8, 0), ==, 0x009896808086a201ull);
    g_assert_cmphex(hpet_read(&s, 0x100, 8, 0), ==, 0x00ff010400000030ull);
    g_assert_cmphex(hpet_read(&s, 0x108, 8, 0), ==, UINT64_MAX);
    wr(0, 0, 0);
    wr(4, 0, 0);
    g_assert_cmphex(rd(0, 0), ==, 0x8086a201);
}

static void test_counter_runs_only_when_enabled(void)
{
    init();
    g_assert_cmpuint(rd(0xf0, 1000), ==, 0);
    wr(0xf0, 500, 1000);
    wr(0x10, 1, 2000);
    g_assert_cmpuint(rd(0xf0, 2100), ==, 600);
    wr(0xf0, 7, 2100); /* ignored while it counts */
    wr(0x10, 0, 2200);
    g_assert_cmpuint(rd(0xf0, 9999), ==, 700);
}

static void test_counter_is_64_bits(void)
{
    init();
    wr(0xf4, 0x12, 0);
    wr(0xf0, 0xffffffff, 0);
    wr(0x10, 1, 0);
    g_assert_cmphex(hpet_read(&s, 0xf0, 8, 10), ==, 0x1300000000ull);
    g_assert_cmphex(rd(0xf4, 1), ==, 0x13);
}

static void test_oneshot_fires_once(void)
{
    start();
    wr(0x100, T_ENABLE | ROUTE(2u), 0);
    wr(0x10c, 0, 0);
    wr(0x108, 1000, 0);
    g_assert_cmpint(next(0), ==, 1000);
    g_assert_cmphex(edges_at(999), ==, 0);
    g_assert_cmphex(edges_at(1000), ==, 1);
    g_assert_cmphex(edges_at(100000), ==, 0);
}

static void test_comparator_behind_does_not_fire(void)
{
    start();
    wr(0x100, T_ENABLE | ROUTE(2u), 0);
    wr(0x10c, 0, 0);
    wr(0x108, 1000, 2000);
    g_assert_cmphex(edges_at(50000), ==, 0);
}

static void test_comparator_equal_fires(void)
{
    start();
    wr(0x100, T_ENABLE | ROUTE(2u), 0);
    wr(0x10c, 0, 0);
    wr(0x108, 2000, 2000);
    g_assert_cmphex(edges_at(2000), ==, 1);
}

static void test_32_bit_wraps(void)
{
    start();
    wr(0x100, T_ENABLE | T_32BIT | ROUTE(2u), 0);
    wr(0x108, 1000, 2000);
    g_assert_cmpint(next(2000), ==, 0x100000000ll + 1000);
    g_assert_cmphex(edges_at(0x100000000ll + 999), ==, 0);
    g_assert_cmphex(edges_at(0x100000000ll + 1000), ==, 1);
}

/* The order in which Linux programs a periodic timer. */
static void start_periodic(unsigned config)
{
    start();
    wr(0x100, T_ENABLE | T_PERIODIC | T_SETVAL | T_32BIT | config, 0);
    wr(0x108, 1000, 0); /* the accumulator */
    wr(0x108, 400, 0);  /* the period */
}

static void test_periodic(void)
{
    start_periodic(ROUTE(2u));
    g_assert_cmphex(edges_at(999), ==, 0);
    g_assert_cmphex(edges_at(1000), ==, 1);
    g_assert_cmpuint(rd(0x108, 1000), ==, 1400);
    g_assert_cmpint(next(1000), ==, 1400);
    g_assert_cmphex(edges_at(1400), ==, 1);
    g_assert_cmphex(edges_at(3000), ==, 1); /* several periods at once: one interrupt */
    g_assert_cmpint(next(3000), ==, 3400); /* phase kept */
}

static void test_periodic_turned_oneshot_stops(void)
{
    start_periodic(ROUTE(2u));
    wr(0x100, T_ENABLE | T_32BIT | ROUTE(2u), 0);
    g_assert_cmphex(edges_at(1000), ==, 1);
    g_assert_cmpuint(rd(0x108, 1000), ==, 1000);
    g_assert_cmphex(edges_at(1400), ==, 0);
}

static void test_period_zero_fires_once(void)
{
    start();
    wr(0x100, T_ENABLE | T_PERIODIC | T_SETVAL | T_32BIT | ROUTE(2u), 0);
    wr(0x108, 1000, 0);
    wr(0x108, 0, 0);
    g_assert_cmphex(edges_at(1000), ==, 1);
    g_assert_cmphex(edges_at(100000), ==, 0);
}

static void test_disabled_edge_timer_is_silent(void)
{
    start_periodic(ROUTE(2u));
    wr(0x100, T_PERIODIC | T_32BIT | ROUTE(2u), 0);
    g_assert_cmphex(edges_at(5000), ==, 0);
    wr(0x100, T_PERIODIC | T_ENABLE | T_32BIT | ROUTE(2u), 5000);
    g_assert_cmpint(next(5000), ==, 5400); /* it kept running */
}

static void test_config_write_while_running_changes_nothing(void)
{
    start_periodic(ROUTE(2u));
    wr(0x10, 3, 1000); /* legacy on at the very tick of the match */
    g_assert_cmphex(edges_at(1000), ==, 1);
    wr(0x10, 1, 1000);
    g_assert_cmphex(edges_at(1000), ==, 0);
    g_assert_cmpuint(rd(0xf0, 1234), ==, 1234);
}

static void test_status_bits_clear_one_by_one(void)
{
    start();
    wr(0x100, T_ENABLE | T_LEVEL | T_32BIT | ROUTE(16u), 0);
    wr(0x120, T_ENABLE | T_LEVEL | T_32BIT | ROUTE(16u), 0);
    wr(0x108, 100, 0);
    wr(0x128, 200, 0);
    g_assert_cmpint(next(0), ==, 100); /* the earlier of two */
    g_assert_cmphex(rd(0x20, 300), ==, 3);
    wr(0x20, 1, 300);
    g_assert_cmphex(rd(0x20, 300), ==, 2);
    wr(0x20, 0, 300);
    g_assert_cmphex(rd(0x20, 300), ==, 2);
}

static void test_setval_clears_itself(void)
{
    start_periodic(ROUTE(2u));
    g_assert_cmphex(rd(0x100, 0) & T_SETVAL, ==, 0);
}

static void test_level_until_status_cleared(void)
{
    start_periodic(T_LEVEL | ROUTE(16u));
    hpet_sync(&s, 1000 * HPET_TICK_NS);
    g_assert_true(hpet_level(&s, 0));
    g_assert_cmpint(hpet_line(&s, 0), ==, 16);
    g_assert_cmphex(rd(0x20, 1000), ==, 1);
    g_assert_cmpint(next(1000), ==, -1); /* nothing new to tell */
    wr(0x20, 1, 1100);
    g_assert_false(hpet_level(&s, 0));
    g_assert_cmpint(next(1100), ==, 1400);
    g_assert_cmphex(hpet_take_edges(&s), ==, 0);
}

static void test_disabled_timer_sets_status_silently(void)
{
    start_periodic(T_LEVEL);
    wr(0x100, T_PERIODIC | T_LEVEL | T_32BIT, 0);
    g_assert_cmpint(next(0), ==, -1);
    hpet_sync(&s, 1000 * HPET_TICK_NS);
    g_assert_cmphex(rd(0x20, 1000), ==, 1);
    g_assert_false(hpet_level(&s, 0));
}

static void test_halted_no_interrupts(void)
{
    start_periodic(ROUTE(2u));
    wr(0x10, 0, 500);
    g_assert_cmpint(next(500), ==, -1);
    g_assert_cmphex(edges_at(5000), ==, 0);
    wr(0x10, 1, 6000); /* goes on where it stopped */
    g_assert_cmphex(edges_at(6499), ==, 0);
    g_assert_cmphex(edges_at(6500), ==, 1);
}

static void test_routes(void)
{
    init();
    wr(0x100, ROUTE(8u), 0);
    g_assert_cmpint(hpet_line(&s, 0), ==, 8);
    wr(0x100, ROUTE(3u), 0); /* not offered: the old one reads back */
    g_assert_cmphex(rd(0x100, 0), ==, 0x30 | ROUTE(8u));
    g_assert_cmpint(hpet_line(&s, 1), ==, -1); /* 0 is not offered either */
}

static void test_legacy_replacement(void)
{
    init();
    wr(0x100, ROUTE(20u), 0);
    wr(0x10, 2, 0);
    g_assert_true(hpet_legacy(&s));
    g_assert_cmpint(hpet_line(&s, 0), ==, 0);
    g_assert_cmpint(hpet_line(&s, 1), ==, 8);
    wr(0x140, ROUTE(20u), 0);
    g_assert_cmpint(hpet_line(&s, 2), ==, 20);
}

static void test_reset(void)
{
    start_periodic(T_LEVEL | ROUTE(16u));
    hpet_sync(&s, 5000 * HPET_TICK_NS);
    hpet_reset(&s);
    g_assert_cmphex(rd(0x10, 6000) | rd(0x20, 6000) | rd(0xf0, 6000), ==, 0);
    g_assert_false(hpet_level(&s, 0));
    g_assert_cmphex(rd(0x100, 6000), ==, 0x30);
}

static void test_64_bit_access(void)
{
    start();
    hpet_write(&s, 0x108, 0x123456789abull, 8, 0);
    g_assert_cmphex(hpet_read(&s, 0x108, 8, 0), ==, 0x123456789abull);
    g_assert_cmphex(rd(0x10c, 0), ==, 0x123);
}

static void test_any_sequence_is_safe(void)
{
    GRand *r = g_rand_new_with_seed(11);
    int64_t now = 0;

    init();
    for (unsigned n = 0; n < 200000; n++) {
        uint64_t value = (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
        unsigned offset = n & 1 ? g_rand_int(r) & 0x3ff : 0x100 + (g_rand_int(r) & 0x7c);

        now += g_rand_int(r) & 0xffff;
        hpet_write(&s, offset, value >> (g_rand_int(r) & 63), n & 2 ? 4 : 8, now);
        if (!(n & 15)) {
            hpet_write(&s, 0x10, 1, 4, now);
        }
        hpet_read(&s, offset, 8, now);
        hpet_sync(&s, now);
        g_assert_true(hpet_next_ns(&s, now) == -1 || hpet_next_ns(&s, now) >= now - HPET_TICK_NS);
        for (unsigned i = 0; i < HPET_NR_TIMERS; i++) {
            g_assert_cmpint(hpet_line(&s, i), <, 32);
        }
    }
    g_rand_free(r);
}

#define T(path, fn) { "/hpet/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("registers/capabilities", test_capabilities),
    T("registers/64_bit_access", test_64_bit_access),
    T("registers/reset", test_reset),
    T("counter/runs_only_when_enabled", test_counter_runs_only_when_enabled),
    T("counter/is_64_bits", test_counter_is_64_bits),
    T("oneshot/fires_once", test_oneshot_fires_once),
    T("oneshot/comparator_behind_does_not_fire", test_comparator_behind_does_not_fire),
    T("oneshot/comparator_equal_fires", test_comparator_equal_fires),
    T("oneshot/32_bit_timer_wraps", test_32_bit_wraps),
    T("periodic/accumulator_and_period", test_periodic),
    T("periodic/setval_clears_itself", test_setval_clears_itself),
    T("periodic/turned_oneshot_stops", test_periodic_turned_oneshot_stops),
    T("periodic/period_zero_fires_once", test_period_zero_fires_once),
    T("control/disabled_edge_timer_is_silent", test_disabled_edge_timer_is_silent),
    T("control/config_write_while_running", test_config_write_while_running_changes_nothing),
    T("level/status_bits_clear_one_by_one", test_status_bits_clear_one_by_one),
    T("level/until_status_is_cleared", test_level_until_status_cleared),
    T("level/disabled_timer_sets_status_silently", test_disabled_timer_sets_status_silently),
    T("control/halted_counter_no_interrupts", test_halted_no_interrupts),
    T("route/only_offered_lines", test_routes),
    T("route/legacy_replacement", test_legacy_replacement),
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
