/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints of DR0..DR3 and what else makes a #DB (SDM vol 3 chapter 18). Owner thread. */
#ifndef I386_TCG_DEBUG_REGS_H
#define I386_TCG_DEBUG_REGS_H

#include "target/i386/tcg/tcg.h"

/* Bits of DR6. */
enum { DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR6_BT = 1 << 15 };
#define DR7_GD (1u << 13)

/* DR0..DR3, DR7 or CR4.DE changed: finds out again what is armed (c->debug_armed) and forgets TLB
 * entries that would hide an access from a data breakpoint. */
void tcg_debug_update(TcgCPU *c);
/* True when an armed data breakpoint lies in the page of @la: such pages get no TLB entry, so that
 * each access takes the slow path and reports itself to tcg_debug_data(). */
bool tcg_debug_page(const TcgCPU *c, uint64_t la);
/* An access of the running instruction: notes hits in c->debug_hits. Does not raise. */
void tcg_debug_data(TcgCPU *c, uint64_t la, unsigned len, bool write);
void tcg_debug_io(TcgCPU *c, uint16_t port, unsigned len);
/* Before the instruction at linear address @la: raises #DB as a fault on a code breakpoint, unless
 * EFLAGS.RF is set. */
void tcg_debug_code(TcgCPU *c, uint64_t la);
/* Raises #DB with @dr6 bits; c->rip is where the handler returns to. */
void G_GNUC_NORETURN tcg_debug_raise(TcgCPU *c, uint32_t dr6);

#endif
