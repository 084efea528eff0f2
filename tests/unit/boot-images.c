/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small kernel images, one of each kind; see boot-images.h. Pure. */
#include "qemu/osdep.h"
#include "hw/i386/boot.h"
#include "tests/unit/boot-images.h"

#include <elf.h>

/* A relocatable 64-bit kernel of protocol 2.15 that wants to be at 16 MiB. */
uint8_t *boot_image_bzimage(size_t *len)
{
    uint8_t *k = g_malloc0(BZ_SETUP + BZ_CODE);

    *len = BZ_SETUP + BZ_CODE;
    k[0x1f1] = 1;
    k[0x201] = 0x66;
    boot_st32(k + 0x202, 0x53726448);
    boot_st16(k + 0x206, 0x20f);
    k[0x211] = 1;
    boot_st32(k + 0x22c, 0x7fffffff);
    boot_st32(k + 0x230, 2 * MiB);
    k[0x234] = 1;
    boot_st16(k + 0x236, 0x7f);
    boot_st32(k + 0x238, 2047);
    boot_st64(k + 0x258, 16 * MiB);
    boot_st32(k + 0x260, 4 * MiB);
    k[BZ_SETUP] = 0x90;
    return k;
}

/* A 64-bit kernel: a segment at 32 MiB with bss, and a note with the PVH entry. */
uint8_t *boot_image_elf64(void)
{
    uint8_t *k = g_malloc0(ELF_BYTES);
    Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)k;
    Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(k + sizeof(*eh));

    memcpy(eh->e_ident, ELFMAG, SELFMAG);
    eh->e_ident[EI_CLASS] = ELFCLASS64;
    eh->e_ident[EI_DATA] = ELFDATA2LSB;
    eh->e_machine = EM_X86_64;
    eh->e_entry = 0xffffffff82000010;
    eh->e_phoff = sizeof(*eh);
    eh->e_phentsize = sizeof(*ph);
    eh->e_phnum = 2;
    ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = ELF_TEXT, .p_vaddr = 0xffffffff82000000,
                          .p_paddr = 32 * MiB, .p_filesz = ELF_TEXT_LEN, .p_memsz = 0x3000 };
    ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = ELF_NOTE, .p_filesz = 40, .p_align = 4 };
    boot_st32(k + ELF_NOTE, 4); /* an unrelated note first */
    boot_st32(k + ELF_NOTE + 4, 4);
    boot_st32(k + ELF_NOTE + 8, 1);
    memcpy(k + ELF_NOTE + 12, "GNU", 4);
    boot_st32(k + ELF_NOTE + 20, 4);
    boot_st32(k + ELF_NOTE + 24, 4);
    boot_st32(k + ELF_NOTE + 28, 18);
    memcpy(k + ELF_NOTE + 32, "Xen", 4);
    boot_st32(k + ELF_NOTE + 36, 32 * MiB + 0x80);
    memset(k + ELF_TEXT, 0xcc, ELF_TEXT_LEN);
    return k;
}

/* A 32-bit ELF file with a multiboot header, one segment at 4 MiB. */
uint8_t *boot_image_multiboot(void)
{
    uint8_t *k = g_malloc0(ELF_BYTES);
    Elf32_Ehdr *eh = (Elf32_Ehdr *)(void *)k;
    Elf32_Phdr *ph = (Elf32_Phdr *)(void *)(k + sizeof(*eh));

    memcpy(eh->e_ident, ELFMAG, SELFMAG);
    eh->e_ident[EI_CLASS] = ELFCLASS32;
    eh->e_ident[EI_DATA] = ELFDATA2LSB;
    eh->e_machine = EM_386;
    eh->e_entry = 4 * MiB + 0x20;
    eh->e_phoff = sizeof(*eh);
    eh->e_phentsize = sizeof(*ph);
    eh->e_phnum = 1;
    ph[0] = (Elf32_Phdr){ .p_type = PT_LOAD, .p_offset = ELF_TEXT, .p_vaddr = 4 * MiB,
                          .p_paddr = 4 * MiB, .p_filesz = ELF_TEXT_LEN, .p_memsz = 0x1800 };
    boot_st32(k + ELF_TEXT, 0x1badb002);
    boot_st32(k + ELF_TEXT + 4, 3);
    boot_st32(k + ELF_TEXT + 8, -(0x1badb002 + 3));
    return k;
}

uint8_t *boot_image_multiboot_addresses(void)
{
    uint8_t *k = g_malloc0(ELF_BYTES);
    uint8_t *h = k + 0x40;

    boot_st32(h, 0x1badb002);
    boot_st32(h + 4, 1 << 16);
    boot_st32(h + 8, -(0x1badb002 + (1 << 16)));
    boot_st32(h + 12, 2 * MiB + 0x20); /* so the image begins at file offset 0x20 */
    boot_st32(h + 16, 2 * MiB);
    boot_st32(h + 20, 2 * MiB + 0x1000);
    boot_st32(h + 24, 2 * MiB + 0x4000);
    boot_st32(h + 28, 2 * MiB + 0x123);
    k[0x20] = 0x77;
    return k;
}
