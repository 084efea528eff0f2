/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Break- and watchpoints from outside of the guest, and its single step. In pages with breakpoints
 * blocks have one instruction and are not chained, so that each instruction's address is seen;
 * other pages run at full speed. Watchpoints use the slow path of debug-regs.c, which makes all
 * blocks one instruction long: a stop comes right after the access. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/gdb-points.h"

/* A bit for each of 64 classes of pages. */
static uint64_t page_bit(uint64_t la)
{
    uint64_t page = la >> 12;

    return 1ull << ((page ^ page >> 6 ^ page >> 12) & 63);
}

void tcg_gdb_update(TcgCPU *c, const DebugPoint *points, unsigned nr, unsigned step_flags)
{
    c->gdb = step_flags & DEBUG_STEP ? TCG_GDB_STEP : 0;
    if (c->gdb && step_flags & DEBUG_STEP_NO_IRQ) {
        c->gdb |= TCG_GDB_NO_IRQ;
    }
    c->gdb_points = points;
    c->gdb_nr = nr;
    c->gdb_pages = 0;
    c->gdb_started = false;
    c->gdb_hit = TCG_GDB_NO_HIT;
    for (unsigned i = 0; i < nr; i++) {
        if (debug_is_watch(&points[i])) {
            c->gdb |= TCG_GDB_DATA;
        } else {
            c->gdb |= TCG_GDB_CODE;
            c->gdb_pages |= page_bit(points[i].la);
        }
    }
    c->no_chain = c->gdb & TCG_GDB_CODE ? c->no_chain | TCG_NO_CHAIN_DEBUG
                                        : c->no_chain & ~TCG_NO_CHAIN_DEBUG;
    tcg_debug_update(c);
}

static uint64_t linear_rip(const TcgCPU *c)
{
    return c->code64 ? c->rip : (uint32_t)(c->rip + c->env->segs[R_CS].base);
}

static bool at_code_point(TcgCPU *c)
{
    uint64_t la = linear_rip(c);

    if (!(c->gdb_pages & page_bit(la))) {
        return false;
    }
    for (unsigned i = 0; i < c->gdb_nr; i++) {
        if (!debug_is_watch(&c->gdb_points[i]) && c->gdb_points[i].la == la) {
            c->gdb_hit = TCG_GDB_HIT_POINT;
            c->gdb_hit_kind = c->gdb_points[i].kind;
            c->gdb_hit_la = la;
            return true;
        }
    }
    return false;
}

bool tcg_gdb_check(TcgCPU *c)
{
    if (c->gdb_hit != TCG_GDB_NO_HIT) { /* an access of the last instruction */
        return true;
    }
    if (c->gdb & TCG_GDB_STEP) { /* from a breakpoint too: else it would not get anywhere */
        if (c->gdb_started) {
            c->gdb_hit = TCG_GDB_HIT_STEP;
        }
        c->gdb_started = true;
        return c->gdb_hit != TCG_GDB_NO_HIT;
    }
    return c->gdb & TCG_GDB_CODE && at_code_point(c);
}

bool tcg_gdb_single(const TcgCPU *c)
{
    return c->gdb & TCG_GDB_STEP || c->gdb_pages & page_bit(linear_rip(c));
}

static const DebugPoint *watch_at(const TcgCPU *c, uint64_t la, uint64_t len, unsigned kinds)
{
    for (unsigned i = 0; i < c->gdb_nr; i++) {
        const DebugPoint *p = &c->gdb_points[i];

        if (kinds >> p->kind & 1 && (la - p->la < p->len || p->la - la < len)) {
            return p;
        }
    }
    return NULL;
}

bool tcg_gdb_page(const TcgCPU *c, uint64_t la)
{
    return watch_at(c, la & TCG_PAGE_MASK, 0x1000,
                    1 << DEBUG_WATCH_WRITE | 1 << DEBUG_WATCH_READ | 1 << DEBUG_WATCH_ACCESS);
}

void tcg_gdb_data(TcgCPU *c, uint64_t la, unsigned len, bool write)
{
    unsigned kinds = 1 << DEBUG_WATCH_ACCESS |
                     1 << (write ? DEBUG_WATCH_WRITE : DEBUG_WATCH_READ);
    const DebugPoint *p = c->gdb_hit == TCG_GDB_NO_HIT ? watch_at(c, la, len, kinds) : NULL;

    if (p) {
        c->gdb_hit = TCG_GDB_HIT_POINT;
        c->gdb_hit_kind = p->kind;
        c->gdb_hit_la = MAX(la, p->la);
    }
}
