/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The multiboot command line: words of the form key=value. */
#ifndef GUEST_CMDLINE_H
#define GUEST_CMDLINE_H

#include <stdint.h>

/* Copies the command line out of the loader's memory; both arguments as the loader left them. */
void cmdline_init(uint32_t magic, uint32_t info_gpa);

/* Value of the last key=value word, or def. Stays valid. */
const char *cmdline_get(const char *key, const char *def);

/* Same as a decimal or 0x number; malformed values count as absent. */
uint32_t cmdline_get_u32(const char *key, uint32_t def);

#endif
