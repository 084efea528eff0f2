/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a test guest ends. */
#ifndef GUEST_EXIT_H
#define GUEST_EXIT_H

/* isa-debug-exit turns a value v into process status 2 * v + 1. */
typedef enum GuestExit {
    EXIT_PASS = 0,              /* process status 1 */
    EXIT_FAIL = 1,              /* 3 */
    EXIT_CRASH = 2,             /* 5: unexpected exception */
    EXIT_SKIP = 38,             /* 77, the skip status of meson and automake */
} GuestExit;

/*
 * Writes the value to isa-debug-exit (port 0xf4). Without that device: ACPI power-off (FADT, then
 * the ports QEMU's boards use), then reset (0xcf9, keyboard controller, triple fault).
 */
void guest_exit(GuestExit status) __attribute__((noreturn));

#endif
