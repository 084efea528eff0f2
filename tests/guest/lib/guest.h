/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start of a test guest: the runtime calls guest_main() in long mode, interrupts off. */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include <stdint.h>

/* To be defined by each guest. Returning means guest_exit(EXIT_PASS). */
void guest_main(void);

/* Called by boot.S on the boot CPU with the loader's magic number and information. */
void guest_boot_cpu(uint32_t magic, uint32_t info_gpa);

#endif
