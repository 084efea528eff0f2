/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stock qemu-img as the judge of images that we wrote.
 */
#ifndef TESTS_QEMU_IMG_H
#define TESTS_QEMU_IMG_H

#include <glib.h>

/* Whether qemu-img is installed; marks the running test as skipped when it is not. */
bool have_qemu_img(void);

/* Runs a command line to its end. Returns its exit status; prints what it said if that is not 0. */
int run_command(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
