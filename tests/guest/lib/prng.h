/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repeatable pseudo-random numbers (xorshift, 32 bits). */
#ifndef GUEST_PRNG_H
#define GUEST_PRNG_H

#include <stdint.h>

typedef struct Prng {
    uint32_t state;
} Prng;

static inline void prng_seed(Prng *p, uint32_t seed)
{
    p->state = (seed + 1) * 2654435761u;
    if (!p->state) {
        p->state = 1;
    }
}

static inline uint32_t prng_next(Prng *p)
{
    p->state ^= p->state << 13;
    p->state ^= p->state >> 17;
    p->state ^= p->state << 5;
    return p->state;
}

#endif
