/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Executes pseudo-random bytes in ring 0, one buffer after another (seed=N, count=N). Every
 * exception and an NMI watchdog (PIT through I/O APIC pin 2) end the present buffer. The garbage
 * may well halt, reset or power off the machine, or wreck this program: whatever it does, the VMM
 * has to live.
 */
#include "cmdline.h"
#include "console.h"
#include "guest-exit.h"
#include "guest.h"
#include "idt.h"
#include "io.h"
#include "ioapic.h"
#include "lapic.h"
#include "layout.h"
#include "memory.h"
#include "prng.h"

#define BUFFER_BYTES   256
#define STACK_BYTES    8192
#define PROGRESS_STEP  50
#define PAGE_MASK      0xffffffffff000ull
#define RAM_START      0x1000000
#define RAM_BYTES      0x1000000
#define NMI_VECTOR     2
#define NMI_TICKS      5                /* a buffer gets this many watchdog periods */
#define PIT_RELOAD     1193             /* 1 ms */
#define RTE_NMI        0x400
#define SEL_TSS        0x20
#define RFLAGS_ALWAYS1 0x2

typedef struct __attribute__((packed)) Tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
} Tss;

static uint8_t buffer[BUFFER_BYTES] __attribute__((aligned(64)));
static uint8_t garbage_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint8_t handler_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint64_t gdt[6];
static Tss tss;
static Prng prng;
static uint32_t seed, count, done, ticks;

/* Above this program. */
static uint32_t ram_address(void)
{
    return RAM_START + prng_next(&prng) % RAM_BYTES;
}

static void next_buffer(InterruptFrame *frame)
{
    ticks = 0;
    if (done == count) {
        print("PASS: garbage: buffers=%u\n", done);
        guest_exit(EXIT_PASS);
    }
    if (done % PROGRESS_STEP == 0) {
        print("INFO: garbage: buffers=%u\n", done);
    }
    prng_seed(&prng, seed + done);
    for (unsigned i = 0; i < BUFFER_BYTES; i++) {
        buffer[i] = (uint8_t)prng_next(&prng);
    }
    done++;
    *frame = (InterruptFrame) {
        .rax = ram_address(), .rbx = ram_address(), .rcx = ram_address(),
        .rdx = ram_address(), .rsi = ram_address(), .rdi = ram_address(),
        .rip = (uintptr_t)buffer, .cs = SEL_CODE64, .rflags = RFLAGS_ALWAYS1,
        .rsp = (uintptr_t)garbage_stack + STACK_BYTES / 2, .ss = SEL_DATA,
    };
}

static void watchdog(InterruptFrame *frame)
{
    if (++ticks >= NMI_TICKS) {
        next_buffer(frame);
    }
}

/* All handlers on their own stack: the garbage's RSP is worth nothing. */
static void load_tss(void)
{
    uint64_t base = (uintptr_t)&tss;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } ptr = { sizeof(gdt) - 1, (uintptr_t)gdt };

    gdt[SEL_CODE32 / 8] = 0x00cf9b000000ffff;
    gdt[SEL_CODE64 / 8] = 0x00af9b000000ffff;
    gdt[SEL_DATA / 8] = 0x00cf93000000ffff;
    gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
                       (base >> 24 & 0xff) << 56;
    gdt[SEL_TSS / 8 + 1] = base >> 32;
    tss.ist[0] = (uintptr_t)handler_stack + STACK_BYTES;
    tss.io_map_base = sizeof(tss);
    __asm__ volatile("lgdt %0\n"
                     "ltr %w1" : : "m"(ptr), "r"(SEL_TSS) : "memory");
}

static void start_watchdog(void)
{
    if (!lapic_init() || !ioapic_init(0)) {
        return;
    }
    outb(0x43, 0x34);
    outb(0x40, PIT_RELOAD & 0xff);
    outb(0x40, PIT_RELOAD >> 8);
    ioapic_set_pin(2, RTE_NMI, (uint8_t)lapic_id());
}

/*
 * Only RAM stays mapped: KVM stops a guest that touches a device with an instruction it cannot
 * emulate (x87, SSE), and the run would end with the first buffers.
 */
static void unmap_devices(void)
{
    uint64_t cr3, *table;

    __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
    table = (uint64_t *)(uintptr_t)(((uint64_t *)(uintptr_t)cr3)[0] & PAGE_MASK);
    table[1] = table[2] = table[3] = 0;
    table = (uint64_t *)(uintptr_t)(table[0] & PAGE_MASK);
    for (unsigned i = (RAM_START + RAM_BYTES) >> 21; i < 512; i++) {
        table[i] = 0;
    }
    __asm__ volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
}

void guest_main(void)
{
    seed = cmdline_get_u32("seed", 1);
    count = cmdline_get_u32("count", 500);
    print("INFO: garbage: seed=%u count=%u\n", seed, count);
    load_tss();
    idt_use_ist(1);
    for (unsigned v = 0; v < 256; v++) {
        idt_set_handler((uint8_t)v, next_buffer);
    }
    idt_set_handler(NMI_VECTOR, watchdog);
    start_watchdog();
    unmap_devices();
    __asm__ volatile("ud2");
}
