/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86 ELF executables, 32 and 64 bit, as loadable segments at physical addresses (ELF 1.2,
 * gABI). */
#ifndef HW_I386_ELF_IMAGE_H
#define HW_I386_ELF_IMAGE_H

#include "hw/i386/boot.h"

#define ELF_MAX_SEGMENTS 64

typedef struct ElfSegment {
    uint64_t gpa;        /* p_paddr */
    uint64_t file_len;   /* checked to be inside the file */
    uint64_t mem_len;    /* >= file_len; gpa + mem_len does not overflow */
    const uint8_t *data; /* borrowed */
} ElfSegment;

typedef struct ElfImage {
    bool is_64;
    uint64_t entry;      /* physical where a segment maps the virtual entry address */
    uint64_t low, high;  /* physical extent of all segments */
    unsigned nr;
    ElfSegment seg[ELF_MAX_SEGMENTS];
    bool has_pvh_entry;
    uint64_t pvh_entry;  /* XEN_ELFNOTE_PHYS32_ENTRY */
} ElfImage;

/* Parses headers, program headers and notes. @f may hold anything; nothing outside it is read. */
bool elf_image_parse(const BootFile *f, ElfImage *elf, Error **errp);
/* The machine field of a file with an ELF header, else 0. */
unsigned elf_image_machine(const BootFile *f);
/* Puts the segments into @plan after checking that they are in RAM. */
bool elf_image_add(const ElfImage *elf, const BootParams *p, BootPlan *plan, Error **errp);

#endif
