/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a debugger outside of the guest asks of the interpreter (system/debug.h): it leaves
 * tcg_run() with TCG_EXIT_DEBUG. The guest's own debug registers are in debug-regs.h. */
#ifndef I386_TCG_GDB_POINTS_H
#define I386_TCG_GDB_POINTS_H

#include "system/debug.h"
#include "target/i386/tcg/tcg.h"

/* The points and DEBUG_STEP_* flags from now on. @points stays where it is and may change while the
 * CPU is outside of tcg_run(); then this is called again. Owner thread. */
void tcg_gdb_update(TcgCPU *c, const DebugPoint *points, unsigned nr, unsigned step_flags);
/* Between blocks, when c->gdb is not 0. True: leave; c->gdb_hit says why. */
bool tcg_gdb_check(TcgCPU *c);
/* Whether a block at c->rip must be of one instruction. */
bool tcg_gdb_single(const TcgCPU *c);
/* Called by the functions of these names in debug-regs.c. */
bool tcg_gdb_page(const TcgCPU *c, uint64_t la);
void tcg_gdb_data(TcgCPU *c, uint64_t la, unsigned len, bool write);

#endif
