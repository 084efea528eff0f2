/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel images for tests of direct boot: as small as their formats allow, valid until a test or a
 * fuzzer breaks them. The caller frees. */
#ifndef TESTS_BOOT_IMAGES_H
#define TESTS_BOOT_IMAGES_H

#include "qemu/osdep.h"

enum { BZ_SETUP = 1024, BZ_CODE = 8192 };
enum { ELF_BYTES = 8192, ELF_NOTE = 0x400, ELF_TEXT = 0x1000, ELF_TEXT_LEN = 0x100 };

/* A relocatable 64-bit bzImage of protocol 2.15 that wants to be at 16 MiB; *len its size. */
uint8_t *boot_image_bzimage(size_t *len);
/* The rest have ELF_BYTES. A 64-bit ELF file at 32 MiB with a PVH entry; */
uint8_t *boot_image_elf64(void);
/* a 32-bit ELF file at 4 MiB with a multiboot header; */
uint8_t *boot_image_multiboot(void);
/* a flat file whose multiboot header at 0x40 gives addresses: at 2 MiB, from file offset 0x20. */
uint8_t *boot_image_multiboot_addresses(void);

#endif
