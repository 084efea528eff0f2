/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random accesses (count=N, seed=N) of all widths and alignments to the physical addresses where
 * a PC has devices or nothing: the PCI hole, ECAM, I/O APIC, HPET, local APIC, firmware.
 * Interrupts stay off; what may become an interrupt message always has delivery mode "fixed",
 * because an INIT would restart the firmware.
 */
#include <stdbool.h>
#include "cmdline.h"
#include "console.h"
#include "guest-exit.h"
#include "guest.h"
#include "idt.h"
#include "io.h"
#include "prng.h"

#define DELIVERY_MODE 0x0000070000000700ull

typedef struct Window {
    uint32_t first, bytes;
    bool messages;                      /* writes may become interrupt messages */
} Window;

static const Window windows[] = {
    { 0x000a0000, 0x20000, false },            /* VGA */
    { 0x000c0000, 0x40000, false },            /* option ROMs and BIOS */
    { 0xb0000000, 0x10000000, false },         /* ECAM as SeaBIOS places it on q35 */
    { 0xc0000000, 0x3c000000, false },         /* PCI hole */
    { 0xfec00000, 0x1000, true },             /* I/O APIC */
    { 0xfec00000, 0x100000, true },
    { 0xfed00000, 0x1000, false },             /* HPET */
    { 0xfed00000, 0x100000, false },           /* TPM, root complex registers */
    { 0xfee00000, 0x1000, true },             /* local APIC */
    { 0xfee00000, 0x100000, true },
    { 0xff000000, 0x1000000 - 8, false },      /* flash */
};

static volatile uint32_t exceptions;

/*
 * Left and right of the holes there may be nothing at all; a fault skips to the recorded address.
 */
static void skip_access(InterruptFrame *frame)
{
    exceptions++;
    frame->rip = frame->rbx;
}

/* rbx holds the continuation for skip_access(). */
#define ACCESS(insn, gpa, val)                                                        \
    __asm__ volatile("leaq 1f(%%rip), %%rbx\n" insn "\n1:\n"                          \
                     : "+a"(val) : "r"((uintptr_t)(gpa)) : "rbx", "memory", "cc")

static void access_once(uint32_t gpa, uint32_t kind, uint64_t val)
{
    switch (kind % 10) {
    case 0:
        ACCESS("movb (%1), %%al", gpa, val);
        break;
    case 1:
        ACCESS("movw (%1), %%ax", gpa, val);
        break;
    case 2:
        ACCESS("movl (%1), %%eax", gpa, val);
        break;
    case 3:
        ACCESS("movq (%1), %%rax", gpa, val);
        break;
    case 4:
        ACCESS("movb %%al, (%1)", gpa, val);
        break;
    case 5:
        ACCESS("movw %%ax, (%1)", gpa, val);
        break;
    case 6:
        ACCESS("movl %%eax, (%1)", gpa, val);
        break;
    case 7:
        ACCESS("movq %%rax, (%1)", gpa, val);
        break;
    case 8:
        ACCESS("addl %%eax, (%1)", gpa, val);
        break;
    default:
        ACCESS("xchgl %%eax, (%1)", gpa, val);
        break;
    }
}

static void random_access(Prng *prng)
{
    const Window *w = &windows[prng_next(prng) % (sizeof(windows) / sizeof(windows[0]))];
    uint32_t off = prng_next(prng) % w->bytes;
    uint64_t val = prng_next(prng) | (uint64_t)prng_next(prng) << 32;

    /* Mostly aligned: registers are more interesting than what lies between them. */
    if (w->messages || (prng_next(prng) & 3)) {
        off &= ~3u;
    }
    access_once(w->first + off, prng_next(prng), w->messages ? val & ~DELIVERY_MODE : val);
}

void guest_main(void)
{
    uint32_t count = cmdline_get_u32("count", 20000), seed = cmdline_get_u32("seed", 1);
    Prng prng;

    print("INFO: mmio-hammer: seed=%u count=%u\n", seed, count);
    for (unsigned v = 0; v < 32; v++) {
        idt_set_handler((uint8_t)v, skip_access);
    }
    prng_seed(&prng, seed);
    for (uint32_t i = 0; i < count; i++) {
        random_access(&prng);
    }
    print("PASS: mmio-hammer: accesses=%u exceptions=%u\n", count, exceptions);
    guest_exit(EXIT_PASS);
}
