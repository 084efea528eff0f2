/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines the guest can drive itself: pc-testdev (one byte port a line at 0x2000) and,
 * where that device is missing, COM1's transmitter-empty interrupt, which follows IER bit 1 while
 * the transmitter is idle. Only ISA lines: QEMU's pc-testdev ends the process on pins 16 and up.
 */
#include <stddef.h>
#include "check.h"
#include "io.h"
#include "memory.h"

#define TESTDEV_IRQ_PORT 0x2000
#define TESTDEV_MAX_PIN  15
#define COM1_IER         0x3f9
#define COM1_LSR         0x3fd
#define COM1_PIN         4
#define IER_THRI         0x02
#define LSR_IDLE         0x60
#define MAX_LSR_POLLS    100000

static void testdev_set(const Line *line, bool high)
{
    outb((uint16_t)(TESTDEV_IRQ_PORT + line->pin), high);
}

static void uart_set(const Line *line, bool high)
{
    if (high) {
        for (unsigned i = 0; i < MAX_LSR_POLLS && (inb(COM1_LSR) & LSR_IDLE) != LSR_IDLE; i++) {
            cpu_relax();
        }
    }
    outb(COM1_IER, high ? IER_THRI : 0);
}

static Line testdev_lines[2] = {
    { .name = "pc-testdev", .set = testdev_set },
    { .name = "pc-testdev", .set = testdev_set },
};

static const Line uart_line = { .name = "uart", .pin = COM1_PIN, .set = uart_set };

static bool line_works(const Line *line)
{
    static const Scenario once = {
        .first = { STEP_LOWER, STEP_EOI },
        .again = { STEP_LOWER, STEP_EOI },
    };
    Outcome out;

    return scenario_run_on(line, &once, &out);
}

static const Line *testdev_line(unsigned index, unsigned pin)
{
    if (pin > TESTDEV_MAX_PIN) {
        return NULL;
    }
    testdev_lines[index].pin = pin;
    return line_works(&testdev_lines[index]) ? &testdev_lines[index] : NULL;
}

const Line *line_find(const char *name, unsigned pin)
{
    const Line *line = NULL;

    if (!str_equal(name, "uart")) {
        line = testdev_line(0, pin);
    }
    if (!line && !str_equal(name, "pc-testdev") && line_works(&uart_line)) {
        line = &uart_line;
    }
    return line;
}

const Line *line_second(const Line *first, unsigned pin)
{
    const Line *line = first == &uart_line ? NULL : testdev_line(1, pin);

    if (!line && first != &uart_line && line_works(&uart_line)) {
        line = &uart_line;
    }
    return line;
}
