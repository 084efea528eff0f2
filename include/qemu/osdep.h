/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every source file includes first: the C library, glib and the few macros C lacks. */
#ifndef QEMU_OSDEP_H
#define QEMU_OSDEP_H

#include "config-host.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <glib.h>

#define KiB (1024ull)
#define MiB (1024ull * KiB)
#define GiB (1024ull * MiB)
#define TiB (1024ull * GiB)

#define NANOSECONDS_PER_SECOND 1000000000ll
#define SCALE_US 1000ll
#define SCALE_MS 1000000ll

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1u << (n))
#define BIT_ULL(n) (1ull << (n))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
/* @align must be a power of two. */
#define ROUND_UP(n, align) (((n) + (align)-1) & ~((__typeof__(n))(align)-1))
#define ROUND_DOWN(n, align) ((n) & ~((__typeof__(n))(align)-1))
#define IS_ALIGNED(n, align) (((n) & ((align)-1)) == 0)

/* The structure of type @type whose @member @ptr points to. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* @length bits of @value from bit @start; @length 1..64. */
static inline uint64_t extract64(uint64_t value, unsigned start, unsigned length)
{
    return (value >> start) & (~0ull >> (64 - length));
}

static inline uint32_t extract32(uint32_t value, unsigned start, unsigned length)
{
    return (value >> start) & (~0u >> (32 - length));
}

/* @value with the @length bits from @start replaced by the low bits of @field. */
static inline uint64_t deposit64(uint64_t value, unsigned start, unsigned length, uint64_t field)
{
    uint64_t mask = (~0ull >> (64 - length)) << start;

    return (value & ~mask) | ((field << start) & mask);
}

static inline uint32_t deposit32(uint32_t value, unsigned start, unsigned length, uint32_t field)
{
    return (uint32_t)deposit64(value, start, length, field);
}

static inline int ctz32(uint32_t v)
{
    return v ? __builtin_ctz(v) : 32;
}

static inline int ctz64(uint64_t v)
{
    return v ? __builtin_ctzll(v) : 64;
}

static inline int clz32(uint32_t v)
{
    return v ? __builtin_clz(v) : 32;
}

static inline bool is_power_of_2(uint64_t v)
{
    return v && !(v & (v - 1));
}

static inline uint64_t pow2ceil(uint64_t v)
{
    return v <= 1 ? 1 : 1ull << (64 - __builtin_clzll(v - 1));
}

#endif
