/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timer, register page and threads of the local APIC model (SDM volume 3, 11.5.4). */
#include "qemu/osdep.h"

#include "lapic-test.h"

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

/* What the page shows when the timer ran out and nobody has looked since. */
static void test_page_count_after_expiry(void)
{
    uint8_t page[LAPIC_PAGE_BYTES];
    LAPIC s;

    init_on(&s, SEOIB_QUIRKED);
    wr(&s, TDCR, 0xb);
    wr(&s, LVTT, 0x40);
    wr(&s, TMICT, 50000);
    lapic_get_page(&s, page, true, 60000);
    g_assert_cmphex(page[TMCCT] | page[TMCCT + 1] << 8, ==, 0);
    wr(&s, LVTT, 0x20040);
    wr(&s, TMICT, 50000);
    lapic_get_page(&s, page, true, 60000);
    g_assert_cmpuint(page[TMCCT] | page[TMCCT + 1] << 8, ==, 40000);
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

/* What `info lapic` shows of a LAPIC in the kernel is what the kernel says. */
static void test_dump_shows_the_kernels_id(void)
{
    static const bool wide_ids[] = { true, false };

    for (unsigned i = 0; i < 2; i++) {
        LapicConfig cfg = { .apic_id = 3, .x2apic = true, .kernel_copy = true };
        uint8_t page[LAPIC_PAGE_BYTES];
        LAPIC s;
        g_autoptr(GString) text = g_string_new(NULL);

        lapic_init(&s, &cfg);
        to_x2apic(&s);
        lapic_get_page(&s, page, wide_ids[i], 0);
        page[wide_ids[i] ? ID : ID + 3] = 0x12;
        lapic_set_page(&s, page, wide_ids[i], 0);
        lapic_dump(&s, text, 0);
        g_assert_nonnull(strstr(text->str, "\nID\t 0x00000012\n"));
        g_assert_nonnull(strstr(text->str, " LDR 0x10004 "));
    }
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
    T("page/count_after_expiry", test_page_count_after_expiry),
    T("page/lvr_is_recomputed", test_page_lvr_is_recomputed),
    T("page/kernel_copy_shows_kernel_lvr", test_page_kernel_copy_shows_kernel_lvr),
    T("page/id_width", test_page_id_width),
    T("dump/shows_the_kernels_id", test_dump_shows_the_kernels_id),
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
