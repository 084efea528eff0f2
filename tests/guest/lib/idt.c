/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt descriptor table (SDM vol. 3, 6.14): one gate a vector, all through vectors.S. */
#include "console.h"
#include "guest-exit.h"
#include "idt.h"
#include "io.h"
#include "layout.h"

#define STUB_BYTES      16
#define GATE_INTERRUPT  0x8e00u
#define NR_EXCEPTIONS   32

typedef struct Gate {
    uint16_t offset_0;
    uint16_t selector;
    uint16_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
} Gate;

typedef struct Fixup {
    uint64_t from, to;
} Fixup;

extern const uint8_t interrupt_stubs[];
extern const Fixup guest_fixup_start[], guest_fixup_end[];

static Gate idt[256] __attribute__((aligned(16)));
static InterruptHandler *handlers[256];
static volatile uint32_t stray_count;

void idt_load(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } ptr = { sizeof(idt) - 1, (uintptr_t)idt };

    __asm__ volatile("lidt %0" : : "m"(ptr) : "memory");
}

void idt_init(void)
{
    for (unsigned v = 0; v < 256; v++) {
        uintptr_t entry = (uintptr_t)interrupt_stubs + v * STUB_BYTES;

        idt[v] = (Gate) {
            .offset_0 = (uint16_t)entry,
            .selector = SEL_CODE64,
            .type = GATE_INTERRUPT,
            .offset_16 = (uint16_t)(entry >> 16),
            .offset_32 = (uint32_t)(entry >> 32),
        };
    }
    idt_load();
}

void idt_use_ist(unsigned ist)
{
    for (unsigned v = 0; v < 256; v++) {
        idt[v].type = (uint16_t)(GATE_INTERRUPT | (ist & 7));
    }
}

void idt_set_handler(uint8_t vector, InterruptHandler *handler)
{
    handlers[vector] = handler;
}

uint32_t idt_stray_count(void)
{
    return stray_count;
}

static bool fix_up(InterruptFrame *frame)
{
    for (const Fixup *f = guest_fixup_start; f < guest_fixup_end; f++) {
        if (f->from == frame->rip) {
            frame->rip = f->to;
            return true;
        }
    }
    return false;
}

static void unexpected_exception(const InterruptFrame *frame)
{
    uint64_t cr2;

    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    print("\nFAIL: guest/exception: vector=%u error=0x%llx rip=0x%llx cr2=0x%llx\n",
          (unsigned)frame->vector, (unsigned long long)frame->error_code,
          (unsigned long long)frame->rip, (unsigned long long)cr2);
    guest_exit(EXIT_CRASH);
}

void interrupt_dispatch(InterruptFrame *frame)
{
    InterruptHandler *handler = handlers[frame->vector & 0xff];

    if (handler) {
        handler(frame);
    } else if (frame->vector >= NR_EXCEPTIONS) {
        stray_count++;
    } else if (!fix_up(frame)) {
        unexpected_exception(frame);
    }
}
