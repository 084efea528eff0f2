/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random port accesses, see hammer.h. */
#include "hammer.h"
#include "io.h"

#define STRING_ITEMS 64

typedef struct PortRange {
    uint16_t first, last;
} PortRange;

static const PortRange spared[] = {
    { 0x0060, 0x0064 },                 /* keyboard controller: reset pulse */
    { 0x007e, 0x007f },                 /* QEMU's kvmvapic patches the code that writes here */
    { 0x0092, 0x0092 },                 /* fast reset */
    { 0x00b2, 0x00b3 },                 /* SMI: the firmware's handler answers */
    { 0x00f4, 0x00f7 },                 /* isa-debug-exit */
    { 0x03f8, 0x03ff },                 /* our console */
    { 0x0600, 0x067f },                 /* q35 power management: power-off */
    { 0x0cf8, 0x0cff },                 /* PCI configuration, reset control */
    { 0x2000, 0x2017 },                 /* pc-testdev lines: QEMU 7.2 aborts on pins from 16 up */
    { 0xb000, 0xb03f },                 /* PIIX4 power management */
};

static uint8_t scratch[STRING_ITEMS * 4];

bool hammer_port_spared(uint16_t port)
{
    for (unsigned i = 0; i < sizeof(spared) / sizeof(spared[0]); i++) {
        if (port + 3 >= spared[i].first && port <= spared[i].last) {
            return true;
        }
    }
    return false;
}

static void string_access(uint16_t port, uint32_t kind)
{
    uint64_t n = STRING_ITEMS;
    uint8_t *p = scratch;

    switch (kind & 3) {
    case 0:
        __asm__ volatile("rep insb" : "+D"(p), "+c"(n) : "d"(port) : "memory");
        break;
    case 1:
        __asm__ volatile("rep insl" : "+D"(p), "+c"(n) : "d"(port) : "memory");
        break;
    case 2:
        __asm__ volatile("rep outsb" : "+S"(p), "+c"(n) : "d"(port) : "memory");
        break;
    default:
        __asm__ volatile("rep outsl" : "+S"(p), "+c"(n) : "d"(port) : "memory");
        break;
    }
}

static void random_access(uint16_t port, uint32_t kind, uint32_t val)
{
    switch (kind % 7) {
    case 0:
        inb(port);
        break;
    case 1:
        inw(port);
        break;
    case 2:
        inl(port);
        break;
    case 3:
        outb(port, (uint8_t)val);
        break;
    case 4:
        outw(port, (uint16_t)val);
        break;
    case 5:
        outl(port, val);
        break;
    default:
        if (val % 16 == 0) {
            string_access(port, val >> 8);
        }
        break;
    }
}

bool hammer_port(Prng *prng, bool all)
{
    uint16_t port = (uint16_t)prng_next(prng);

    /* Half of them where the legacy devices are. */
    if (prng_next(prng) & 1) {
        port &= 0x0fff;
    }
    if (!all && hammer_port_spared(port)) {
        return false;
    }
    random_access(port, prng_next(prng), prng_next(prng));
    return true;
}
