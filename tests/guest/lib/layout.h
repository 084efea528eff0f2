/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants shared by the assembly and the C of the test guests. */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#define SEL_CODE32 0x08
#define SEL_CODE64 0x10
#define SEL_DATA   0x18

#define GUEST_STACK_BYTES 16384
#define GUEST_MAX_CPUS    64

/* Real-mode page of the start-up IPI: vector 0x08, free conventional memory on every PC. */
#define AP_TRAMPOLINE_GPA 0x8000

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_LOADER_MAGIC 0x2badb002

#endif
