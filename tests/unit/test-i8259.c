/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8259 pair against the 8259A data sheet; every test name states the requirement. */
#include "qemu/osdep.h"

#include "hw/intc/i8259.h"

static I8259Pair p;

static void out(unsigned port, uint8_t value)
{
    i8259_write(&p, port >= 0xa0, port & 1, value);
}

static uint8_t in(unsigned port)
{
    return i8259_read(&p, port >= 0xa0, port & 1);
}

static void irq(unsigned n, bool level)
{
    i8259_set_irq(&p, n, level);
}

static void pulse(unsigned n)
{
    irq(n, true);
    irq(n, false);
}

/* As every PC's firmware does it: vectors 0x20 and 0x28, all unmasked. */
static void start(uint8_t icw4_master)
{
    i8259_init(&p);
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, icw4_master);
    out(0xa0, 0x11);
    out(0xa1, 0x28);
    out(0xa1, 0x02);
    out(0xa1, 0x01);
}

static void test_vectors(void)
{
    start(1);
    irq(3, true);
    g_assert_true(i8259_intr(&p));
    g_assert_cmphex(i8259_intack(&p), ==, 0x23);
    g_assert_false(i8259_intr(&p));
    out(0x20, 0x20);
    irq(10, true);
    g_assert_true(i8259_intr(&p));
    g_assert_cmphex(i8259_intack(&p), ==, 0x2a);
    out(0x20, 0x0b);
    out(0xa0, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0x04);
    g_assert_cmphex(in(0xa0), ==, 0x04);
}

static void test_fixed_priority(void)
{
    start(1);
    irq(5, true);
    irq(1, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x21);
    g_assert_false(i8259_intr(&p)); /* 5 waits for the end of 1 */
    out(0x20, 0x20);
    g_assert_cmphex(i8259_intack(&p), ==, 0x25);
}

static void test_higher_interrupts_lower(void)
{
    start(1);
    irq(5, true);
    i8259_intack(&p);
    irq(1, true);
    g_assert_true(i8259_intr(&p));
}

static void test_mask(void)
{
    start(1);
    out(0x21, 0x08);
    irq(3, true);
    g_assert_false(i8259_intr(&p));
    g_assert_cmphex(in(0x21), ==, 0x08);
    out(0x21, 0x00);
    g_assert_true(i8259_intr(&p));
}

static void test_edge_needs_a_new_rise(void)
{
    start(1);
    irq(3, true);
    i8259_intack(&p);
    out(0x20, 0x20);
    g_assert_false(i8259_intr(&p));
    irq(3, false);
    irq(3, true);
    g_assert_true(i8259_intr(&p));
}

static void test_level_stays_while_high(void)
{
    start(1);
    i8259_elcr_write(&p, I8259_MASTER, 0x20);
    irq(5, true);
    i8259_intack(&p);
    out(0x20, 0x20);
    g_assert_true(i8259_intr(&p));
    irq(5, false);
    g_assert_false(i8259_intr(&p));
}

static void test_elcr_fixed_bits(void)
{
    start(1);
    i8259_elcr_write(&p, I8259_MASTER, 0xff);
    i8259_elcr_write(&p, I8259_SLAVE, 0xff);
    g_assert_cmphex(i8259_elcr_read(&p, I8259_MASTER), ==, 0xf8);
    g_assert_cmphex(i8259_elcr_read(&p, I8259_SLAVE), ==, 0xde);
}

static void test_spurious(void)
{
    start(1);
    i8259_elcr_write(&p, I8259_MASTER, 0x20);
    irq(5, true);
    irq(5, false);
    g_assert_cmphex(i8259_intack(&p), ==, 0x27);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0); /* no in-service bit */
}

static void test_spurious_slave(void)
{
    start(1);
    i8259_elcr_write(&p, I8259_SLAVE, 0x04);
    irq(10, true);
    irq(10, false);
    g_assert_cmphex(i8259_intack(&p), ==, 0x2f);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0x04); /* the master took it for real */
}

static void test_specific_eoi(void)
{
    start(1);
    irq(5, true);
    i8259_intack(&p);
    irq(1, true);
    i8259_intack(&p);
    out(0x20, 0x65);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0x02);
}

static void test_rotation(void)
{
    start(1);
    irq(3, true);
    i8259_intack(&p);
    out(0x20, 0xa0); /* 3 becomes the lowest */
    irq(3, false);
    irq(3, true);
    irq(4, true);
    irq(1, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x24);
    out(0x20, 0xa0);
    g_assert_cmphex(i8259_intack(&p), ==, 0x21);
}

static void test_set_priority(void)
{
    start(1);
    out(0x20, 0xc4); /* 4 lowest, 5 highest */
    irq(1, true);
    irq(5, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x25);
}

static void test_auto_eoi(void)
{
    start(3);
    pulse(3);
    g_assert_cmphex(i8259_intack(&p), ==, 0x23);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0);
    pulse(3);
    g_assert_true(i8259_intr(&p));
}

static void test_auto_eoi_rotates(void)
{
    start(3);
    out(0x20, 0x80);
    pulse(3);
    i8259_intack(&p);
    pulse(3);
    pulse(4);
    g_assert_cmphex(i8259_intack(&p), ==, 0x24);
}

static void test_special_mask(void)
{
    start(1);
    irq(3, true);
    i8259_intack(&p);
    irq(5, true);
    g_assert_false(i8259_intr(&p));
    out(0x20, 0x68);
    out(0x21, 0x08);
    g_assert_true(i8259_intr(&p)); /* lower levels pass the masked one in service */
    out(0x20, 0x20);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0x08); /* and non-specific EOI leaves that one alone */
}

static void test_fully_nested(void)
{
    start(0x11);
    irq(12, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x2c);
    irq(9, true);
    g_assert_true(i8259_intr(&p));
    g_assert_cmphex(i8259_intack(&p), ==, 0x29);
}

static void test_poll(void)
{
    start(1);
    out(0x20, 0x0c);
    g_assert_cmphex(in(0x20), ==, 0);
    irq(6, true);
    out(0x20, 0x0c);
    g_assert_cmphex(in(0x21), ==, 0x86);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0x40);
}

static void test_slave_with_more_work_rises_again(void)
{
    start(1);
    out(0xa0, 0x11); /* the slave in automatic EOI mode */
    out(0xa1, 0x28);
    out(0xa1, 0x02);
    out(0xa1, 0x03);
    irq(9, true);
    irq(10, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x29);
    out(0x20, 0x20);
    g_assert_true(i8259_intr(&p));
    g_assert_cmphex(i8259_intack(&p), ==, 0x2a);
}

static void test_icw1_forgets(void)
{
    start(1);
    out(0x21, 0xff);
    irq(3, true);
    out(0x20, 0x11);
    out(0x21, 0x40);
    out(0x21, 0x04);
    out(0x21, 0x01);
    g_assert_cmphex(in(0x21), ==, 0);
    g_assert_false(i8259_intr(&p)); /* the edge must come anew */
}

static void test_icw1_ends_modes(void)
{
    start(0x13);
    out(0x20, 0x80); /* rotate in automatic EOI mode */
    out(0x20, 0x68); /* special mask mode */
    out(0x20, 0x0b); /* read ISR */
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, 0x01);
    irq(3, true);
    irq(5, true);
    g_assert_cmphex(in(0x20), ==, 0x28); /* IRR */
    g_assert_cmphex(i8259_intack(&p), ==, 0x23);
    out(0x21, 0x08);
    g_assert_false(i8259_intr(&p)); /* 3 is in service and masked: no special mask mode */
    out(0x21, 0x00);
    out(0x20, 0x20);
    g_assert_cmphex(i8259_intack(&p), ==, 0x25); /* no rotation */
}

static void test_icw1_level_triggered_mode(void)
{
    start(1);
    out(0x20, 0x19);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, 0x01);
    irq(3, true);
    g_assert_true(i8259_intr(&p));
    irq(3, false);
    g_assert_false(i8259_intr(&p));
    start(1);
    irq(3, true);
    irq(3, false);
    g_assert_true(i8259_intr(&p)); /* an edge is remembered */
}

static void test_icw_without_icw4_and_single(void)
{
    start(1);
    out(0x20, 0x12); /* single, no ICW4 */
    out(0x21, 0x40);
    out(0x21, 0xfb); /* already the mask */
    g_assert_cmphex(in(0x21), ==, 0xfb);
    irq(10, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x42); /* a plain input then */
}

static void test_ocw3_reads_select_separately(void)
{
    start(1);
    irq(3, true);
    i8259_intack(&p);
    irq(5, true);
    out(0x20, 0x0b);
    g_assert_cmphex(in(0x20), ==, 0x08);
    out(0x20, 0x48); /* says nothing about reads */
    g_assert_cmphex(in(0x20), ==, 0x08);
    out(0x20, 0x0a);
    g_assert_cmphex(in(0x20), ==, 0x20);
    out(0x20, 0x68);
    out(0x20, 0x0b); /* says nothing about the special mask mode */
    out(0x21, 0x08);
    g_assert_true(i8259_intr(&p));
    out(0x20, 0x48);
    g_assert_false(i8259_intr(&p));
}

static void test_auto_eoi_rotation_can_be_ended(void)
{
    start(3);
    out(0x20, 0x80);
    out(0x20, 0x00);
    pulse(3);
    i8259_intack(&p);
    pulse(3);
    pulse(4);
    g_assert_cmphex(i8259_intack(&p), ==, 0x23);
}

static void test_specific_eoi_keeps_priorities(void)
{
    start(1);
    irq(3, true);
    i8259_intack(&p);
    out(0x20, 0x63);
    pulse(3);
    irq(3, true);
    irq(4, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x23);
    out(0x20, 0xe3); /* specific with rotation: 3 becomes the lowest */
    irq(3, false);
    irq(3, true);
    g_assert_cmphex(i8259_intack(&p), ==, 0x24);
}

static void test_cascade_input_is_not_wired_out(void)
{
    start(1);
    irq(2, true);
    g_assert_false(i8259_intr(&p));
}

static void test_any_sequence_is_safe(void)
{
    GRand *r = g_rand_new_with_seed(3);

    i8259_init(&p);
    for (unsigned n = 0; n < 300000; n++) {
        out((g_rand_int(r) & 1 ? 0xa0 : 0x20) + (g_rand_int(r) & 1), g_rand_int(r));
        irq(g_rand_int(r) & 15, n & 1);
        i8259_elcr_write(&p, n & 1, g_rand_int(r));
        in((g_rand_int(r) & 1 ? 0xa0 : 0x20) + (g_rand_int(r) & 1));
        if (i8259_intr(&p) || !(n & 7)) {
            i8259_intack(&p);
        }
    }
    g_rand_free(r);
}

#define T(path, fn) { "/i8259/" path, fn }
static const struct { const char *path; void (*fn)(void); } tests[] = {
    T("vectors/from_icw2_of_the_chip", test_vectors),
    T("priority/ir0_first_lower_waits_for_eoi", test_fixed_priority),
    T("priority/higher_interrupts_lower", test_higher_interrupts_lower),
    T("priority/rotate_on_eoi", test_rotation),
    T("priority/set_priority_command", test_set_priority),
    T("mask/blocks_without_forgetting", test_mask),
    T("mask/special_mask_mode", test_special_mask),
    T("edge/needs_a_new_rise", test_edge_needs_a_new_rise),
    T("level/stays_while_high", test_level_stays_while_high),
    T("level/elcr_has_fixed_bits", test_elcr_fixed_bits),
    T("spurious/ir7_without_in_service", test_spurious),
    T("spurious/slave_ir7_with_master_in_service", test_spurious_slave),
    T("eoi/specific", test_specific_eoi),
    T("eoi/automatic", test_auto_eoi),
    T("eoi/automatic_with_rotation", test_auto_eoi_rotates),
    T("nested/special_fully_nested_mode", test_fully_nested),
    T("poll/acknowledges", test_poll),
    T("cascade/slave_with_more_work_rises_again", test_slave_with_more_work_rises_again),
    T("cascade/ir2_is_no_input", test_cascade_input_is_not_wired_out),
    T("init/icw1_forgets_edges_and_mask", test_icw1_forgets),
    T("init/icw1_ends_modes", test_icw1_ends_modes),
    T("init/icw1_level_triggered_mode", test_icw1_level_triggered_mode),
    T("init/single_without_icw4", test_icw_without_icw4_and_single),
    T("eoi/automatic_rotation_can_be_ended", test_auto_eoi_rotation_can_be_ended),
    T("eoi/specific_keeps_priorities_unless_rotating", test_specific_eoi_keeps_priorities),
    T("ocw3/fields_are_independent", test_ocw3_reads_select_separately),
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
