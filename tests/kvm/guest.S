/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest of the KVM tests: see harness.h. Position independent, long mode, CPL 0. No IRET but
 * IRETQ and no instruction beyond the base set: software KVMs decode everything themselves. */
#define __ASSEMBLER__ 1
#include "harness.h"

#define APIC_PAGE 0xfee00000
#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC(reg) (0x800 + (reg) / 16)

        .section .rodata
        .code64
        .globl guest_code, guest_code_end, guest_handler, guest_exception

        /* reads or writes LAPIC register reg through eax */
        .macro apic_read reg
        cmpl    $0, GUEST_MAILBOX + MB_X2APIC
        je      1f
        movl    $MSR_X2APIC(\reg), %ecx
        rdmsr
        jmp     2f
1:      movl    $APIC_PAGE, %ebx
        movl    \reg(%rbx), %eax
2:
        .endm
        .macro apic_write reg
        cmpl    $0, GUEST_MAILBOX + MB_X2APIC
        je      1f
        movl    $MSR_X2APIC(\reg), %ecx
        xorl    %edx, %edx
        wrmsr
        jmp     2f
1:      movl    $APIC_PAGE, %ebx
        movl    %eax, \reg(%rbx)
2:
        .endm
        .macro report port
        movl    $\port, %edx
        outb    %al, %dx
        .endm

guest_code:
        movq    $GUEST_STACK, %rsp
        cmpl    $0, GUEST_MAILBOX + MB_X2APIC
        je      enabled
        movl    $MSR_APIC_BASE, %ecx
        rdmsr
        orl     $0xc00, %eax
        wrmsr
enabled:
        apic_read 0x30
        movl    %eax, GUEST_MAILBOX + MB_LVR
        movl    GUEST_MAILBOX + MB_SPIV, %eax
        apic_write 0xf0
        apic_read 0xf0
        movl    %eax, GUEST_MAILBOX + MB_SPIV_RB
        report  EV_READY
        sti
command:
        movl    $PORT_COMMAND, %edx
        inb     %dx, %al
        cmpb    $CMD_EOI, %al
        jne     command
        xorl    %eax, %eax
        apic_write 0xb0
        jmp     command

guest_handler:
        pushq   %rax
        pushq   %rbx
        pushq   %rcx
        pushq   %rdx
        incl    GUEST_MAILBOX + MB_COUNT
        report  EV_ENTERED
        cmpl    $0, GUEST_MAILBOX + MB_EOI
        je      leaving
        xorl    %eax, %eax
        apic_write 0xb0
leaving:
        report  EV_LEAVING
        popq    %rdx
        popq    %rcx
        popq    %rbx
        popq    %rax
        iretq

guest_exception:
        report  EV_EXCEPTION
        hlt
guest_code_end:

        .section .note.GNU-stack, "", @progbits
