/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1 output (16550A) and the little formatting the test guests need. */
#include <stdbool.h>
#include "console.h"
#include "io.h"

#define COM1           0x3f8
#define UART_THR       0
#define UART_IER       1
#define UART_FCR       2
#define UART_LCR       3
#define UART_MCR       4
#define UART_LSR       5
#define LSR_THRE       0x20
#define FIFO_BYTES     16
#define MAX_LSR_POLLS  100000

static unsigned fifo_room;

void console_init(void)
{
    outb(COM1 + UART_IER, 0);
    outb(COM1 + UART_LCR, 0x80);
    outb(COM1 + 0, 1);
    outb(COM1 + 1, 0);
    outb(COM1 + UART_LCR, 0x03);
    outb(COM1 + UART_FCR, 0x07);
    outb(COM1 + UART_MCR, 0x0b);
}

/* The status is read once a FIFO's worth: every port access is an exit under KVM. */
static void put_byte(char c)
{
    if (!fifo_room) {
        for (unsigned i = 0; i < MAX_LSR_POLLS && !(inb(COM1 + UART_LSR) & LSR_THRE); i++) {
            cpu_relax();
        }
        fifo_room = FIFO_BYTES;
    }
    outb(COM1 + UART_THR, (uint8_t)c);
    fifo_room--;
}

static void put_char(char c)
{
    if (c == '\n') {
        put_byte('\r');
    }
    put_byte(c);
}

static void put_string(const char *s)
{
    while (*s) {
        put_char(*s++);
    }
}

/* Divides *n, returns the remainder. 32-bit code has no compiler library for it. */
static unsigned divide(unsigned long long *n, unsigned by)
{
    unsigned high = (unsigned)(*n >> 32), low = (unsigned)*n, rest = high % by;

    asm("divl %2" : "+a"(low), "+d"(rest) : "rm"(by) : "cc");
    *n = (unsigned long long)(high / by) << 32 | low;
    return rest;
}

static void put_number(unsigned long long n, unsigned base, unsigned width, char pad)
{
    char digits[24];
    unsigned len = 0;

    do {
        digits[len++] = "0123456789abcdef"[divide(&n, base)];
    } while (n);
    for (unsigned i = len; i < width; i++) {
        put_char(pad);
    }
    while (len) {
        put_char(digits[--len]);
    }
}

static void put_signed(long long n, unsigned width, char pad)
{
    if (n < 0) {
        put_char('-');
        n = -n;
    }
    put_number((unsigned long long)n, 10, width, pad);
}

typedef struct Spec {
    char pad;
    unsigned width;
    bool is_long;
    char conv;
} Spec;

static const char *parse_spec(const char *p, Spec *spec)
{
    *spec = (Spec) { .pad = ' ' };
    if (*p == '0') {
        spec->pad = '0';
        p++;
    }
    while (*p >= '0' && *p <= '9') {
        spec->width = spec->width * 10 + (unsigned)(*p++ - '0');
    }
    while (*p == 'l') {
        spec->is_long = true;
        p++;
    }
    spec->conv = *p;
    return *p ? p + 1 : p;
}

void vprint(const char *fmt, va_list ap)
{
    Spec spec;

    while (*fmt) {
        if (*fmt != '%') {
            put_char(*fmt++);
            continue;
        }
        fmt = parse_spec(fmt + 1, &spec);
        switch (spec.conv) {
        case 's':
            put_string(va_arg(ap, const char *));
            break;
        case 'c':
            put_char((char)va_arg(ap, int));
            break;
        case 'd':
            put_signed(spec.is_long ? va_arg(ap, long long) : va_arg(ap, int), spec.width,
                       spec.pad);
            break;
        case 'u':
        case 'x':
            put_number(spec.is_long ? va_arg(ap, unsigned long long) : va_arg(ap, unsigned),
                       spec.conv == 'x' ? 16 : 10, spec.width, spec.pad);
            break;
        default:
            put_char(spec.conv ? spec.conv : '%');
            break;
        }
    }
}

void print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vprint(fmt, ap);
    va_end(ap);
}
