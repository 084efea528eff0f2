/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug registers of the guest (SDM vol 3 chapter 18): code breakpoints fault before the
 * instruction, data and I/O breakpoints are noted while it runs and trap after it. While one is
 * armed, blocks have one instruction (see step() in run.c). Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/gdb-points.h"

enum { BP_CODE = 0, BP_WRITE = 1, BP_IO = 2, BP_ACCESS = 3 };
#define CR4_DE (1u << 3)

static unsigned bp_kind(const TcgCPU *c, unsigned n)
{
    return c->env->dr[7] >> (16 + n * 4) & 3;
}

static unsigned bp_len(const TcgCPU *c, unsigned n)
{
    static const uint8_t len[4] = { 1, 2, 8, 4 };

    return len[c->env->dr[7] >> (18 + n * 4) & 3];
}

static bool bp_enabled(const TcgCPU *c, unsigned n)
{
    return c->env->dr[7] >> n * 2 & 3;
}

/* DR6 bits of the enabled breakpoints of @kinds (a bit mask) that overlap [@at, @at + @len). */
static uint32_t hits(const TcgCPU *c, unsigned kinds, uint64_t at, unsigned len)
{
    uint32_t bits = 0;

    for (unsigned n = 0; n < 4; n++) {
        unsigned size = bp_len(c, n);
        uint64_t start = c->env->dr[n] & ~(uint64_t)(size - 1);

        if (bp_enabled(c, n) && kinds >> bp_kind(c, n) & 1 && at < start + size &&
            start < at + len) {
            bits |= 1u << n;
        }
    }
    return bits;
}

void tcg_debug_update(TcgCPU *c)
{
    uint8_t old = c->debug_armed;

    c->debug_armed = c->gdb & TCG_GDB_DATA ? TCG_DEBUG_DATA : 0;
    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = bp_kind(c, n);

        /* Without CR4.DE there are no I/O breakpoints. */
        if (bp_enabled(c, n) && (kind != BP_IO || c->env->cr[4] & CR4_DE)) {
            c->debug_armed |= kind == BP_CODE ? TCG_DEBUG_CODE
                              : kind == BP_IO ? TCG_DEBUG_IO : TCG_DEBUG_DATA;
        }
    }
    if ((old | c->debug_armed) & TCG_DEBUG_DATA) {
        tcg_tlb_flush(c);
    }
}

bool tcg_debug_page(const TcgCPU *c, uint64_t la)
{
    return hits(c, 1 << BP_WRITE | 1 << BP_ACCESS, la & TCG_PAGE_MASK, 0x1000) ||
           (c->gdb & TCG_GDB_DATA && tcg_gdb_page(c, la));
}

void tcg_debug_data(TcgCPU *c, uint64_t la, unsigned len, bool write)
{
    c->debug_hits |= hits(c, 1 << BP_ACCESS | (write ? 1 << BP_WRITE : 0), la, len);
    if (c->gdb & TCG_GDB_DATA) {
        tcg_gdb_data(c, la, len, write);
    }
}

void tcg_debug_io(TcgCPU *c, uint16_t port, unsigned len)
{
    if (unlikely(c->debug_armed & TCG_DEBUG_IO)) {
        c->debug_hits |= hits(c, 1 << BP_IO, port, len);
    }
}

void tcg_debug_code(TcgCPU *c, uint64_t la)
{
    uint32_t bits;

    if (c->eflags & F_RF) {
        return;
    }
    bits = hits(c, 1 << BP_CODE, la, 1);
    if (bits) {
        tcg_debug_raise(c, bits);
    }
}

void tcg_debug_raise(TcgCPU *c, uint32_t dr6)
{
    c->debug_hits = 0;
    c->env->dr[6] |= dr6;
    c->env->dr[7] &= ~(uint64_t)DR7_GD;
    tcg_raise(c, NULL, EXC_DB);
}
