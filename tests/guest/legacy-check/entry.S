/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legacy-check: multiboot entry, interrupt stubs, in and out of a tried piece of code. All in
 * 32-bit protected mode. */
#include "../lib/layout.h"
#include "legacy.h"

    .section .multiboot, "ax"
    .balign 4
    .long MULTIBOOT_HEADER_MAGIC
    .long 3
    .long -(MULTIBOOT_HEADER_MAGIC + 3)

    .text
    .code32
    .globl guest_entry32
guest_entry32:
    cli
    movl $main_stack_top, %esp
    pushl %ebx
    pushl %eax
    call legacy_boot
1:  cli
    hlt
    jmp 1b

    /* void try_enter(const TryEntry *e), see try.c: {eip cs eflags esp ss es ds fs gs} for IRET, then
     * {eax ebx ecx edx esi edi}. At CPL 0 IRET takes three words. */
    .globl try_enter, try_leave
try_enter:
    pushl %ebx
    pushl %ebp
    pushl %esi
    pushl %edi
    pushfl
    movl 24(%esp), %edx
    movl %esp, try_saved_esp
    movl 4(%edx), %eax
    testl $0x20000, 8(%edx)             /* VM: nine words */
    jnz 2f
    testb $3, %al
    jnz 3f
    movl 12(%edx), %esp                 /* CPL 0 */
    jmp 4f
2:  pushl 32(%edx)
    pushl 28(%edx)
    pushl 24(%edx)
    pushl 20(%edx)
3:  pushl 16(%edx)
    pushl 12(%edx)
4:  pushl 8(%edx)
    pushl 4(%edx)
    pushl 0(%edx)
    movl 36(%edx), %eax
    movl 40(%edx), %ebx
    movl 44(%edx), %ecx
    movl 52(%edx), %esi
    movl 56(%edx), %edi
    movl 48(%edx), %edx
    iret

    /* From the handler, on whatever stack. */
try_leave:
    movl try_saved_esp, %esp
    popfl
    popl %edi
    popl %esi
    popl %ebp
    popl %ebx
    ret

    /* Every vector: uniform frame, then caught(frame). */
#define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17)
    .globl interrupt_stubs
    .balign 16
interrupt_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if HAS_ERROR(vector)
    .else
    pushl $0
    .endif
    pushl $vector
    jmp interrupt_common
    .set vector, vector + 1
    .endr
    .balign 16
interrupt_common:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    movl $SEL_KDATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %esp, %eax
    cld
    pushl %eax
    call caught
    jmp try_leave

    /* Where other tasks begin: they say so and come back as an interrupt. */
    .globl task_entry
task_entry:
    int $0x82

    /* uint32_t la57_probe(uint32_t cr3): long mode with five levels, one load from bit 50 up; there
     * and back. All below 4 GiB is mapped one to one. */
    .globl la57_probe
la57_probe:
    pushl %ebx
    movl 8(%esp), %edx
    movl %cr4, %eax
    movl %eax, la57_old_cr4
    orl $0x1020, %eax                   /* PAE, LA57 */
    movl %eax, %cr4
    movl %edx, %cr3
    movl $0xc0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmp $SEL_KCODE64, $1f
    .code64
1:  movabsq $LA57_ADDRESS, %rax
    movl (%rax), %ebx
    ljmp *2f(%rip)
2:  .long 3f
    .word SEL_KCODE
    .code32
3:  movl %cr0, %eax
    andl $0x7fffffff, %eax
    movl %eax, %cr0
    movl $0xc0000080, %ecx
    rdmsr
    andl $~0x100, %eax
    wrmsr
    movl la57_old_cr4, %eax
    movl %eax, %cr4
    movl %ebx, %eax
    popl %ebx
    ret

    .bss
    .balign 16
main_stack:
    .skip 16384
main_stack_top:
    .globl try_saved_esp
try_saved_esp:
    .skip 4
la57_old_cr4:
    .skip 4

    .section .note.GNU-stack, "", @progbits
