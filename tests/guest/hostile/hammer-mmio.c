/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random memory-mapped accesses, see hammer.h. */
#include "hammer.h"

#define DELIVERY_MODE 0x0000070000000700ull
#define PLAIN_KINDS   8                 /* of hammer_memory(): loads and stores */

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

volatile uint32_t hammer_exceptions;

void hammer_skip(InterruptFrame *frame)
{
    __sync_fetch_and_add(&hammer_exceptions, 1);
    frame->rip = frame->rbx;
}

void hammer_memory(uint64_t la, uint32_t kind, uint64_t val)
{
    switch (kind % 10) {
    case 0:
        HAMMER_ACCESS("movb (%1), %%al", la, val);
        break;
    case 1:
        HAMMER_ACCESS("movw (%1), %%ax", la, val);
        break;
    case 2:
        HAMMER_ACCESS("movl (%1), %%eax", la, val);
        break;
    case 3:
        HAMMER_ACCESS("movq (%1), %%rax", la, val);
        break;
    case 4:
        HAMMER_ACCESS("movb %%al, (%1)", la, val);
        break;
    case 5:
        HAMMER_ACCESS("movw %%ax, (%1)", la, val);
        break;
    case 6:
        HAMMER_ACCESS("movl %%eax, (%1)", la, val);
        break;
    case 7:
        HAMMER_ACCESS("movq %%rax, (%1)", la, val);
        break;
    case 8:
        HAMMER_ACCESS("addl %%eax, (%1)", la, val);
        break;
    default:
        HAMMER_ACCESS("xchgl %%eax, (%1)", la, val);
        break;
    }
}

void hammer_mmio(Prng *prng)
{
    const Window *w = &windows[prng_next(prng) % (sizeof(windows) / sizeof(windows[0]))];
    uint32_t off = prng_next(prng) % w->bytes;
    uint64_t val = prng_next(prng) | (uint64_t)prng_next(prng) << 32;

    /* Mostly aligned: registers are more interesting than what lies between them. */
    if (w->messages || (prng_next(prng) & 3)) {
        off &= ~3u;
    }
    if (w->messages) { /* a sum could have any delivery mode */
        hammer_memory(w->first + off, prng_next(prng) % PLAIN_KINDS, val & ~DELIVERY_MODE);
    } else {
        hammer_memory(w->first + off, prng_next(prng), val);
    }
}
