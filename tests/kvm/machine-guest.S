/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs for test-machine.c. Long mode, CPL 0, identity map, copied to GUEST_CODE as one piece;
 * %rdi points to the mailbox. Only plain instructions: software KVMs decode everything. */
#define __ASSEMBLER__ 1
#include "test-machine.h"

#define APIC_PAGE 0xfee00000
#define IOAPIC_PAGE 0xfec00000

        .section .rodata
        .code64
        .globl mg_start, mg_end, mg_handler, mg_exception
        .globl mg_ports, mg_string, mg_level, mg_timer, mg_spin, mg_triple, mg_garbage

        .macro  out32 port
        movl    $\port, %edx
        outl    %eax, %dx
        .endm

mg_start:
/* IN and OUT of each size; ends with the sum of what was read. */
mg_ports:
        movl    $PORT_ECHO, %edx
        xorl    %ebx, %ebx
        movl    $0x11, %eax
        outb    %al, %dx
        xorl    %eax, %eax
        inb     %dx, %al
        addl    %eax, %ebx
        movl    $0x2200, %eax
        outw    %ax, %dx
        xorl    %eax, %eax
        inw     %dx, %ax
        addl    %eax, %ebx
        movl    $0x33000000, %eax
        outl    %eax, %dx
        xorl    %eax, %eax
        inl     %dx, %eax
        addl    %eax, %ebx
        movl    %ebx, %eax
        out32   PORT_DONE
1:      hlt
        jmp     1b

/* REP OUTSB from the mailbox, REP INSW to behind it. */
mg_string:
        movq    %rdi, %rsi
        movq    %rdi, %rbx
        movl    $8, %ecx
        movl    $PORT_STREAM, %edx
        rep outsb
        leaq    0x40(%rbx), %rdi
        movl    $4, %ecx
        movl    $PORT_STREAM, %edx
        rep insw
        xorl    %eax, %eax
        out32   PORT_DONE
1:      hlt
        jmp     1b

/* Enables the LAPIC with the SPIV of the mailbox, programs I/O APIC pin TEST_PIN level, raises the
 * line through PORT_LINE and waits for PORT_DONE from the handler. */
mg_level:
        movl    $APIC_PAGE, %ebx
        movl    0xf0(%rbx), %eax
        movl    MB_SPIV(%rdi), %eax
        movl    %eax, 0xf0(%rbx)
        movl    0xf0(%rbx), %eax
        movl    %eax, MB_SPIV_RB(%rdi)
        movl    0x30(%rbx), %eax
        movl    %eax, MB_LVR(%rdi)
        movl    $IOAPIC_PAGE, %ecx
        movl    $(0x10 + 2 * TEST_PIN + 1), (%rcx)
        movl    $0, 0x10(%rcx)
        movl    $(0x10 + 2 * TEST_PIN), (%rcx)
        movl    $(0x8000 + TEST_VECTOR), 0x10(%rcx)
        movl    $1, %eax
        out32   PORT_LINE
        sti
        movl    $200, %r8d
1:      out32   PORT_NOP
        decl    %r8d
        jnz     1b
        movl    MB_COUNT(%rdi), %eax
        out32   PORT_DONE
2:      hlt
        jmp     2b

/* Level handler in the Credential Guard order: EOI, then the device drops its line, then (with
 * suppression) the directed EOI. The OUT before it gives a KVM that raises the EOI exit with the
 * injection (a software KVM) the chance to deliver it where real ones do. */
mg_handler:
        pushq   %rax
        pushq   %rbx
        pushq   %rdx
        movl    $GUEST_MAILBOX, %ebx
        incl    MB_COUNT(%rbx)
        out32   PORT_NOP
        movl    $APIC_PAGE, %ebx
        movl    $0, 0xb0(%rbx)
        xorl    %eax, %eax
        out32   PORT_LINE
        movl    $GUEST_MAILBOX, %ebx
        testl   $0x1000, MB_SPIV_RB(%rbx)
        jz      1f
        movl    $IOAPIC_PAGE, %ebx
        movl    $TEST_VECTOR, 0x40(%rbx)
1:      popq    %rdx
        popq    %rbx
        popq    %rax
        iretq

/* Five ticks of the LAPIC timer, asleep in between. */
mg_timer:
        movl    $APIC_PAGE, %ebx
        movl    $0x1ff, 0xf0(%rbx)
        movl    $0xb, 0x3e0(%rbx)
        movl    $(0x20000 + TEST_VECTOR), 0x320(%rbx)
        movl    $2000000, 0x380(%rbx)
1:      sti
        hlt
        cli
        cmpl    $5, MB_COUNT(%rdi)
        jb      1b
        movl    $0, 0x380(%rbx)
        movl    MB_COUNT(%rdi), %eax
        out32   PORT_DONE
2:      hlt
        jmp     2b

/* Counts for ever; the count is in the mailbox and in %r15. */
mg_spin:
        xorl    %r15d, %r15d
1:      incq    %r15
        movq    %r15, MB_COUNTER(%rdi)
        jmp     1b

/* No IDT: the third fault shuts the processor down. */
mg_triple:
        lidt    no_idt(%rip)
        ud2
no_idt: .word   0
        .quad   0

/* Instructions from a place where no memory is. */
mg_garbage:
        movq    $0xd0000000, %rax
        jmp     *%rax

mg_exception:
        movl    $0xbad, %eax
        out32   PORT_DONE
1:      hlt
        jmp     1b
mg_end:

        .section .note.GNU-stack, "", @progbits
