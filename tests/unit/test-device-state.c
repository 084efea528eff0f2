/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of the chips that travels in a migration: after random traffic it comes back whole, and
 * whatever a stream brings, the chip goes on within its bounds (the sanitizers look on).
 */
#include "qemu/osdep.h"
#include "hw/acpi/pm.h"
#include "hw/char/uart16550.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "migration/vmstate.h"

enum { ROUNDS = 2000, STEPS = 40 };
#define START_NS 1790000000000000000ll /* for the clocks: some time in 2026 */

/* A guest's access; @r decides. Returns what the guest saw. */
typedef uint64_t Access(void *s, GRand *r, int64_t now_ns);

typedef struct Chip {
    const char *name;
    size_t size;
    void (*init)(void *s);
    Access *access;
    const VMStateDescription *vmsd;
} Chip;

static uint64_t pick(GRand *r, uint64_t n)
{
    return g_rand_int(r) % n;
}

static uint64_t any64(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

/* ---- The chips ------------------------------------------------------------------------------- */

static void init_pit(void *s)
{
    pit_reset(s, START_NS);
}

static uint64_t access_pit(void *s, GRand *r, int64_t now_ns)
{
    switch (pick(r, 6)) {
    case 0:
        pit_write(s, pick(r, 4), g_rand_int(r), now_ns);
        return 0;
    case 1:
        pit_port61_write(s, g_rand_int(r), now_ns);
        return 0;
    case 2:
        return pit_port61_read(s, now_ns);
    case 3:
        return pit_next_ns(s, now_ns);
    case 4:
        return pit_out(s, pick(r, 3), now_ns);
    default:
        return pit_read(s, pick(r, 4), now_ns);
    }
}

static void init_hpet(void *s)
{
    hpet_init(s, 0xff0104);
}

static uint64_t access_hpet(void *s, GRand *r, int64_t now_ns)
{
    switch (pick(r, 4)) {
    case 0:
        hpet_write(s, pick(r, 0x60) * 4, any64(r), 4 << pick(r, 2), now_ns);
        return 0;
    case 1:
        hpet_sync(s, now_ns);
        return hpet_take_edges(s);
    case 2:
        return hpet_next_ns(s, now_ns) + hpet_line(s, pick(r, 3)) + hpet_level(s, pick(r, 3));
    default:
        return hpet_read(s, pick(r, 0x60) * 4, 4 << pick(r, 2), now_ns);
    }
}

static void init_rtc(void *s)
{
    rtc_init(s, START_NS, 0);
}

static uint64_t access_rtc(void *s, GRand *r, int64_t now_ns)
{
    switch (pick(r, 4)) {
    case 0:
        rtc_write(s, 0x70, pick(r, 64), now_ns);
        return 0;
    case 1:
        rtc_write(s, 0x71, g_rand_int(r), now_ns);
        return 0;
    case 2:
        return rtc_next_ns(s, now_ns) + rtc_irq(s, now_ns);
    default:
        return rtc_read(s, 0x71, now_ns);
    }
}

static void init_pm(void *s)
{
    acpi_pm_init(s, 8, 2, 3);
    acpi_pm_reset(s, START_NS);
}

static uint64_t access_pm(void *s, GRand *r, int64_t now_ns)
{
    switch (pick(r, 7)) {
    case 0:
        acpi_pm1_evt_write(s, pick(r, 4), g_rand_int(r), now_ns);
        return 0;
    case 1:
        return acpi_pm1_cnt_write(s, pick(r, 2), g_rand_int(r));
    case 2:
        acpi_gpe_write(s, pick(r, 16), g_rand_int(r));
        acpi_gpe_raise(s, pick(r, 64));
        return 0;
    case 3:
        acpi_apm_write(s, pick(r, 2), pick(r, 5));
        return 0;
    case 4:
        return acpi_pm_sci(s, now_ns) + acpi_pm_next_ns(s);
    case 5:
        return acpi_gpe_read(s, pick(r, 16)) + acpi_pm1_cnt_read(s, pick(r, 2));
    default:
        return acpi_pm1_evt_read(s, pick(r, 4), now_ns);
    }
}

static void init_i8259(void *s)
{
    i8259_init(s);
}

static uint64_t access_i8259(void *s, GRand *r, int64_t now_ns)
{
    switch (pick(r, 6)) {
    case 0:
        i8259_write(s, pick(r, 2), pick(r, 2), g_rand_int(r));
        return 0;
    case 1:
        i8259_elcr_write(s, pick(r, 2), g_rand_int(r));
        return 0;
    case 2:
        i8259_set_irq(s, pick(r, 16), pick(r, 2));
        return i8259_intr(s);
    case 3:
        return i8259_intack(s);
    default:
        return i8259_read(s, pick(r, 2), pick(r, 2));
    }
}

static void init_ioapic(void *s)
{
    ioapic_init(s, IOAPIC_VERSION_EOIR, false);
}

static uint64_t access_ioapic(void *s, GRand *r, int64_t now_ns)
{
    IoapicMsgs out;
    IoapicMsg msg;

    switch (pick(r, 5)) {
    case 0:
        ioapic_write(s, 0x10, g_rand_int(r), 4, now_ns, &out);
        return out.nr;
    case 1:
        ioapic_write(s, pick(r, 2) * 0x40, pick(r, 0x48), 4, now_ns, &out);
        return out.nr;
    case 2:
        return ioapic_set_pin(s, pick(r, 24), pick(r, 2), &msg);
    case 3:
        ioapic_eoi(s, g_rand_int(r), now_ns, &out);
        return out.ended;
    default:
        return ioapic_read(s, pick(r, 2) * 0x10, 4);
    }
}

static void init_uart(void *s)
{
    uart_reset(s);
}

static uint64_t access_uart(void *s, GRand *r, int64_t now_ns)
{
    UartAction action;

    switch (pick(r, 5)) {
    case 0:
        action = uart_write(s, pick(r, 8), g_rand_int(r));
        if (action.transmit) {
            uart_transmitted(s);
        }
        return action.transmit;
    case 1:
        uart_receive(s, g_rand_int(r));
        return uart_rx_room(s);
    case 2:
        return uart_char_ns(s) + uart_irq(s);
    default:
        return uart_read(s, pick(r, 8));
    }
}

static const Chip chips[] = {
    { "i8254", sizeof(PIT), init_pit, access_pit, &vmstate_pit },
    { "hpet", sizeof(HPET), init_hpet, access_hpet, &vmstate_hpet },
    { "mc146818rtc", sizeof(RTC), init_rtc, access_rtc, &vmstate_rtc },
    { "acpi-pm", sizeof(AcpiPm), init_pm, access_pm, &vmstate_acpi_pm },
    { "i8259", sizeof(I8259Pair), init_i8259, access_i8259, &vmstate_i8259 },
    { "ioapic", sizeof(IOAPIC), init_ioapic, access_ioapic, &vmstate_ioapic },
    { "16550A", sizeof(Uart16550), init_uart, access_uart, &vmstate_uart },
};

/* ---- Requirements ---------------------------------------------------------------------------- */

static void *new_chip(const Chip *chip)
{
    void *s = g_malloc0(chip->size);

    chip->init(s);
    return s;
}

static int64_t traffic(const Chip *chip, void *s, GRand *r, int64_t now_ns)
{
    for (unsigned i = 0; i < STEPS; i++) {
        now_ns += g_rand_int(r) % 2000000;
        chip->access(s, r, now_ns);
    }
    return now_ns;
}

/* From the moment of saving both chips answer alike. */
static void test_goes_on_where_it_was(gconstpointer data)
{
    const Chip *chip = data;

    for (unsigned seed = 0; seed < ROUNDS; seed++) {
        g_autoptr(GRand) r = g_rand_new_with_seed(seed), twin = NULL;
        g_autofree void *a = new_chip(chip), *b = new_chip(chip);
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        int64_t now_ns = traffic(chip, a, r, START_NS);
        Error *err = NULL;

        traffic(chip, b, r, START_NS); /* the destination is not fresh either */
        vmstate_save(chip->vmsd, a, bytes);
        vmstate_load(chip->vmsd, b, chip->vmsd->version, bytes->data, bytes->len, &err);
        g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, NULL);
        twin = g_rand_copy(r);
        for (unsigned i = 0; i < STEPS; i++) {
            now_ns += g_rand_int(r) % 2000000;
            g_rand_int(twin);
            g_assert_cmphex(chip->access(a, r, now_ns), ==, chip->access(b, twin, now_ns));
        }
    }
}

static void test_any_state_is_harmless(gconstpointer data)
{
    const Chip *chip = data;
    unsigned taken = 0;

    for (unsigned seed = 0; seed < ROUNDS; seed++) {
        g_autoptr(GRand) r = g_rand_new_with_seed(seed);
        g_autofree void *s = new_chip(chip);
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        vmstate_save(chip->vmsd, s, bytes);
        for (unsigned n = 1 + pick(r, 8); n; n--) {
            bytes->data[pick(r, bytes->len)] = g_rand_int(r);
        }
        taken += vmstate_load(chip->vmsd, s, chip->vmsd->version, bytes->data, bytes->len, NULL);
        traffic(chip, s, r, START_NS);
    }
    g_assert_cmpuint(taken, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(chips); i++) {
        g_autofree char *on = g_strdup_printf("/state/%s/goes_on_where_it_was", chips[i].name);
        g_autofree char *any = g_strdup_printf("/state/%s/any_state_is_harmless", chips[i].name);

        g_test_add_data_func(on, &chips[i], test_goes_on_where_it_was);
        g_test_add_data_func(any, &chips[i], test_any_state_is_harmless);
    }
    return g_test_run();
}
