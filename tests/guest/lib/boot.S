/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entry of the test guests: multiboot 1 (32-bit protected mode) to long mode with the first 4 GiB
 * mapped one to one, and the start-up IPI path of the other CPUs from real mode to the same place.
 * Long mode comes before anything else because some KVM hosts cannot run IRET in protected mode.
 */
#include "layout.h"

#define MULTIBOOT_FLAGS 0x3             /* page-aligned modules, memory map wanted */

    .section .multiboot, "ax"
    .balign 4
    .long MULTIBOOT_HEADER_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_FLAGS)

    .text
    .code32
    .globl guest_entry32
guest_entry32:
    cli
    movl %eax, boot_magic
    movl %ebx, boot_info
    movl $boot_stack_top, %esp
    call build_page_tables
    movl $boot_stack_top, boot_next_stack
    movl $guest_boot_cpu, boot_next_entry

    /* Both kinds of CPU meet here: protected mode, flat segments or about to be. */
enter_long_mode:
    lgdt boot_gdt_ptr
    movl %cr4, %eax
    orl $0x20, %eax                     /* PAE */
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              /* EFER */
    rdmsr
    orl $0x100, %eax                    /* LME */
    wrmsr
    movl %cr0, %eax
    andl $0x9fffffff, %eax              /* caches on */
    orl $0x80010001, %eax               /* PG, WP, PE */
    movl %eax, %cr0
    ljmpl $SEL_CODE64, $long_mode

    /* PML4[0] -> PDPT[0..3] -> 4 directories of 2 MiB pages; the device GiB uncached. */
build_page_tables:
    movl $boot_pdpt + 3, boot_pml4
    xorl %ecx, %ecx
1:  movl %ecx, %eax
    shll $12, %eax
    addl $boot_pd + 3, %eax
    movl %eax, boot_pdpt(, %ecx, 8)
    incl %ecx
    cmpl $4, %ecx
    jb 1b
    xorl %ecx, %ecx
2:  movl %ecx, %eax
    shll $21, %eax
    orl $0x83, %eax                     /* present, writable, large */
    cmpl $3 * 512, %ecx
    jb 3f
    orl $0x18, %eax                     /* PWT, PCD */
3:  movl %eax, boot_pd(, %ecx, 8)
    incl %ecx
    cmpl $4 * 512, %ecx
    jb 2b
    ret

    .code64
long_mode:
    movl $SEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl boot_next_stack, %esp
    xorl %ebp, %ebp
    movl boot_magic, %edi
    movl boot_info, %esi
    movl boot_next_entry, %eax
    call *%rax
1:  cli
    hlt
    jmp 1b

    /* Copied to AP_TRAMPOLINE_GPA; position matters only for the three absolute operands. */
    .globl ap_trampoline_start, ap_trampoline_end
    .code16
ap_trampoline_start:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl ap_gdt_ptr - ap_trampoline_start
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $ap_protected
    .balign 4
ap_gdt_ptr:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt
ap_trampoline_end:

    .code32
ap_protected:
    movl $SEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    jmp enter_long_mode

    .section .rodata
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff            /* SEL_CODE32 */
    .quad 0x00af9b000000ffff            /* SEL_CODE64 */
    .quad 0x00cf93000000ffff            /* SEL_DATA */
boot_gdt_end:
boot_gdt_ptr:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt

    .bss
    .balign 4096
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
boot_stack:
    .skip GUEST_STACK_BYTES
boot_stack_top:
    .balign 8
    .globl boot_next_stack, boot_next_entry
boot_next_stack:
    .skip 8
boot_next_entry:
    .skip 8
boot_magic:
    .skip 4
boot_info:
    .skip 4

    .section .note.GNU-stack, "", @progbits
