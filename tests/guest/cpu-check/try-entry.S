/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In and out of a tried piece of code, see try.c. */

    .text
    .code64
    /* void try_enter(const TryEntry *e): rip cs rflags rsp ss rax rbx rcx rdx rsi rdi */
    .globl try_enter, try_return, try_saved_rsp
try_enter:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, try_saved_rsp
    pushq 32(%rdi)
    pushq 24(%rdi)
    pushq 16(%rdi)
    pushq 8(%rdi)
    pushq 0(%rdi)
    movq 40(%rdi), %rax
    movq 48(%rdi), %rbx
    movq 56(%rdi), %rcx
    movq 64(%rdi), %rdx
    movq 72(%rdi), %rsi
    movq 80(%rdi), %rdi
    iretq

    /* The handler comes back to here with RSP as it was saved. */
try_return:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .bss
    .balign 8
try_saved_rsp:
    .skip 8

    .section .note.GNU-stack, "", @progbits
