/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UART model: requirements of the TL16C550D data sheet that drivers rely on. */
#include "qemu/osdep.h"
#include "hw/char/uart16550.h"

static Uart16550 u;

static void write_reg(unsigned reg, uint8_t value)
{
    uart_write(&u, reg, value);
}

static void fresh(void)
{
    uart_reset(&u);
}

static void test_reset_says_transmitter_empty_and_no_interrupt(void)
{
    fresh();
    g_assert_cmphex(uart_read(&u, UART_LSR), ==, 0x60);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0x01);
    g_assert_cmphex(uart_read(&u, UART_MSR), ==, 0xb0);
    g_assert_false(uart_irq(&u));
}

static void test_divisor_latch_hides_data_and_ier(void)
{
    fresh();
    write_reg(UART_IER, 0x05);
    write_reg(UART_LCR, 0x83);
    write_reg(UART_RBR_THR, 0x01);
    write_reg(UART_IER, 0x02);
    g_assert_cmphex(uart_read(&u, UART_RBR_THR), ==, 0x01);
    g_assert_cmphex(uart_read(&u, UART_IER), ==, 0x02);
    write_reg(UART_LCR, 0x03);
    g_assert_cmphex(uart_read(&u, UART_IER), ==, 0x05);
    g_assert_cmphex(u.divisor, ==, 0x0201);
}

static void test_enabling_thri_with_empty_thr_interrupts_at_once(void)
{
    fresh();
    write_reg(UART_IER, 0x02);
    g_assert_true(uart_irq(&u));
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0x02);
    g_assert_false(uart_irq(&u));
}

static void test_written_byte_is_sent_and_completion_interrupts(void)
{
    UartAction a;

    fresh();
    write_reg(UART_IER, 0x02);
    uart_read(&u, UART_IIR_FCR);
    a = uart_write(&u, UART_RBR_THR, 'x');
    g_assert_true(a.transmit);
    g_assert_cmphex(a.byte, ==, 'x');
    g_assert_cmphex(uart_read(&u, UART_LSR) & 0x60, ==, 0);
    g_assert_false(uart_irq(&u));
    uart_transmitted(&u);
    g_assert_cmphex(uart_read(&u, UART_LSR) & 0x60, ==, 0x60);
    g_assert_true(uart_irq(&u));
}

static void test_receive_interrupts_at_the_trigger_level(void)
{
    fresh();
    write_reg(UART_IER, 0x01);
    write_reg(UART_IIR_FCR, 0x41); /* FIFO, trigger 4 */
    for (int i = 0; i < 3; i++) {
        uart_receive(&u, 'a' + i);
    }
    g_assert_false(uart_irq(&u));
    g_assert_true(uart_rx_waiting(&u));
    uart_receive(&u, 'd');
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0xc4);
    g_assert_cmphex(uart_read(&u, UART_RBR_THR), ==, 'a');
    g_assert_false(uart_irq(&u));
}

static void test_idle_line_below_the_trigger_gives_a_timeout(void)
{
    fresh();
    write_reg(UART_IER, 0x01);
    write_reg(UART_IIR_FCR, 0xc1);
    uart_receive(&u, 'a');
    uart_rx_timeout(&u);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0xcc);
    g_assert_cmphex(uart_read(&u, UART_RBR_THR), ==, 'a');
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0xc1);
}

static void test_overrun_keeps_the_fifo_and_reading_lsr_clears_it(void)
{
    fresh();
    write_reg(UART_IER, 0x04);
    write_reg(UART_IIR_FCR, 0x01);
    for (int i = 0; i < UART_FIFO_BYTES; i++) {
        uart_receive(&u, (uint8_t)i);
    }
    g_assert_cmpuint(uart_rx_room(&u), ==, 0);
    uart_receive(&u, 0xee);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0xc6);
    g_assert_cmphex(uart_read(&u, UART_LSR), ==, 0x63);
    g_assert_false(uart_irq(&u));
    for (int i = 0; i < UART_FIFO_BYTES; i++) {
        g_assert_cmphex(uart_read(&u, UART_RBR_THR), ==, i);
    }
    g_assert_cmphex(uart_read(&u, UART_LSR) & 1, ==, 0);
}

static void test_line_status_beats_receive_beats_transmit(void)
{
    fresh();
    write_reg(UART_IER, 0x0f);
    uart_receive_break(&u);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0x06);
    uart_read(&u, UART_LSR);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0x04);
    uart_read(&u, UART_RBR_THR);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR), ==, 0x02);
}

static void test_loopback_returns_bytes_and_modem_outputs(void)
{
    UartAction a;

    fresh();
    write_reg(UART_MCR, 0x1a); /* LOOP, OUT2, RTS: the probe of Linux's 8250 driver */
    g_assert_cmphex(uart_read(&u, UART_MSR) & 0xf0, ==, 0x90);
    a = uart_write(&u, UART_RBR_THR, 0xa5);
    g_assert_false(a.transmit);
    g_assert_cmphex(uart_read(&u, UART_RBR_THR), ==, 0xa5);
    g_assert_cmpuint(uart_rx_room(&u), ==, 0);
}

static void test_disabling_the_fifo_drops_its_contents(void)
{
    fresh();
    write_reg(UART_IIR_FCR, 0x01);
    uart_receive(&u, 1);
    uart_receive(&u, 2);
    write_reg(UART_IIR_FCR, 0x00);
    g_assert_cmphex(uart_read(&u, UART_LSR) & 1, ==, 0);
    g_assert_cmphex(uart_read(&u, UART_IIR_FCR) & 0xc0, ==, 0);
}

static void test_any_register_traffic_is_harmless(void)
{
    GRand *r = g_rand_new_with_seed(16550);

    fresh();
    for (int i = 0; i < 200000; i++) {
        unsigned reg = (unsigned)g_rand_int_range(r, 0, 8);

        switch (g_rand_int_range(r, 0, 5)) {
        case 0:
            uart_read(&u, reg);
            break;
        case 1:
            uart_receive(&u, (uint8_t)i);
            break;
        case 2:
            uart_transmitted(&u);
            break;
        default:
            write_reg(reg, (uint8_t)g_rand_int(r));
        }
        g_assert_cmpuint(u.rx_len, <=, UART_FIFO_BYTES);
        g_assert_cmpuint(u.rx_head, <, UART_FIFO_BYTES);
        g_assert_cmpint(uart_char_ns(&u), >, 0);
    }
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(void);
    } tests[] = {
        { "/uart/reset/transmitter_empty_and_no_interrupt",
          test_reset_says_transmitter_empty_and_no_interrupt },
        { "/uart/dlab/hides_data_and_ier", test_divisor_latch_hides_data_and_ier },
        { "/uart/thri/enabling_with_empty_thr_interrupts",
          test_enabling_thri_with_empty_thr_interrupts_at_once },
        { "/uart/thri/completion_interrupts", test_written_byte_is_sent_and_completion_interrupts },
        { "/uart/rx/interrupts_at_the_trigger_level",
          test_receive_interrupts_at_the_trigger_level },
        { "/uart/rx/idle_line_gives_a_timeout", test_idle_line_below_the_trigger_gives_a_timeout },
        { "/uart/rx/overrun_keeps_the_fifo",
          test_overrun_keeps_the_fifo_and_reading_lsr_clears_it },
        { "/uart/iir/priorities", test_line_status_beats_receive_beats_transmit },
        { "/uart/loopback/returns_bytes_and_modem_outputs",
          test_loopback_returns_bytes_and_modem_outputs },
        { "/uart/fifo/disabling_drops_its_contents", test_disabling_the_fifo_drops_its_contents },
        { "/uart/any_register_traffic_is_harmless", test_any_register_traffic_is_harmless },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].fn);
    }
    return g_test_run();
}
