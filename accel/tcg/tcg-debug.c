/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger's points and steps under the software CPU: AccelOps.debug. BQL. */
#include "qemu/osdep.h"
#include "accel/tcg/tcg-int.h"
#include "target/i386/tcg/gdb-points.h"

static unsigned step_flags(MachineState *ms)
{
    return DEBUG_STEP | DEBUG_STEP_NO_IRQ | DEBUG_STEP_NO_TIMER;
}

static bool update(CPUState *cpu, Error **errp)
{
    TcgVcpu *v = cpu->accel;

    tcg_gdb_update(v->c, debug_nr_points() ? debug_point(0) : NULL, debug_nr_points(),
                   cpu->step_flags);
    return true;
}

void tcg_report_debug_exit(TcgVcpu *v)
{
    TcgCPU *c = v->c;

    if (c->gdb_hit == TCG_GDB_HIT_POINT) {
        debug_hit_point(&v->cpu->cpu, c->gdb_hit_kind, c->gdb_hit_la);
    } else {
        debug_hit_step(&v->cpu->cpu);
    }
    c->gdb_hit = TCG_GDB_NO_HIT;
}

const AccelDebugOps tcg_debug_ops = {
    .step_flags = step_flags,
    .update = update,
};
