/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt descriptor table of the test guests. */
#ifndef GUEST_IDT_H
#define GUEST_IDT_H

#include <stdint.h>

/* As pushed by vectors.S, lowest address first. */
typedef struct InterruptFrame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
} InterruptFrame;

typedef void InterruptHandler(InterruptFrame *frame);

/* Builds the table (once) and loads it on the calling CPU. */
void idt_init(void);
void idt_load(void);

/* All gates switch to this entry (1..7) of the interrupt stack table; a TSS must be loaded. */
void idt_use_ist(unsigned ist);

/*
 * Handler of one vector; called with interrupts off. Vectors 32..255 without a handler are
 * counted in idt_stray_count; exceptions without one end the guest with a FAIL line and
 * EXIT_CRASH.
 */
void idt_set_handler(uint8_t vector, InterruptHandler *handler);
uint32_t idt_stray_count(void);

void interrupt_dispatch(InterruptFrame *frame);

#endif
