/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test helper: instruction bytes made from insn.def rows or at random; the host's CPUID as feature
 * words. Test threads only. */
#ifndef TESTS_TCG_INSN_GEN_H
#define TESTS_TCG_INSN_GEN_H

#include "target/i386/tcg/decode.h"

/* xorshift64*: the same cases for the same seed on every machine. */
typedef struct Rng {
    uint64_t s;
} Rng;

uint64_t rng_next(Rng *r);
static inline unsigned rng_below(Rng *r, unsigned n)
{
    return rng_next(r) % n;
}

/* One encoding of row @n with random registers, memory form and immediates, padded to 15 bytes.
 * False when the row does not exist in that mode. */
bool gen_row_bytes(Rng *r, unsigned n, unsigned code_bits, uint8_t out[15]);
/* 15 bytes that often start like an instruction. */
void gen_random_bytes(Rng *r, uint8_t out[15]);

#endif
