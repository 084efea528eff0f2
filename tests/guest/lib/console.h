/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text output of the test guests on COM1. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stdarg.h>

/* 115200 baud, 8N1, FIFO on, interrupts off; a missing UART only swallows the text. */
void console_init(void);

/* %d %u %x %llu %llx %s %c %%, with a width and a leading 0 (%08x). One write per call. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

#endif
