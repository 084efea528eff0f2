/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's break- and watchpoints, and who has hit one. BQL; see system/debug.h. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "system/debug.h"
#include "system/runstate.h"

static struct {
    DebugPoint points[DEBUG_MAX_POINTS];
    unsigned nr;
    DebugHit hit;
} debug;

static const AccelDebugOps *ops(void)
{
    return current_machine && current_machine->accel ? current_machine->accel->debug : NULL;
}

unsigned debug_step_flags(void)
{
    return ops() ? ops()->step_flags(current_machine) : 0;
}

bool debug_time_stands_still(void)
{
    bool still = false;
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        if (!cpu->frozen && !(cpu->step_flags & DEBUG_STEP_NO_TIMER)) {
            return false;
        }
        still |= !cpu->frozen;
    }
    return still;
}

unsigned debug_nr_points(void)
{
    return debug.nr;
}

const DebugPoint *debug_point(unsigned i)
{
    return &debug.points[i];
}

const DebugPoint *debug_point_at(DebugPointKind kind, uint64_t la)
{
    for (unsigned i = 0; i < debug.nr; i++) {
        const DebugPoint *p = &debug.points[i];

        if (p->kind == kind && la - p->la < p->len) {
            return p;
        }
    }
    return NULL;
}

typedef struct Update {
    bool ok;
    Error *err;
} Update;

static void update_cpu(CPUState *cpu, void *opaque)
{
    Update *u = opaque;

    u->ok = ops()->update(cpu, &u->err);
}

bool debug_update(Error **errp)
{
    CPUState *cpu;

    if (!ops()) {
        return true;
    }
    CPU_FOREACH(cpu) {
        Update u = { true, NULL };

        run_on_cpu(cpu, update_cpu, &u);
        if (!u.ok) {
            error_propagate(errp, u.err);
            return false;
        }
    }
    return true;
}

static void drop(CPUState *cpu, unsigned i)
{
    DebugPoint p = debug.points[i];

    debug.points[i] = debug.points[--debug.nr];
    if (ops() && ops()->remove) {
        ops()->remove(cpu, &p);
    }
}

bool debug_point_insert(CPUState *cpu, DebugPointKind kind, uint64_t la, uint64_t len,
                        Error **errp)
{
    DebugPoint p = { .kind = kind, .la = la, .len = len };

    if (!ops()) {
        error_setg(errp, "the accelerator cannot stop a guest at breakpoints");
        return false;
    }
    if (len == 0 || debug.nr == DEBUG_MAX_POINTS) {
        error_setg(errp, len ? "too many breakpoints" : "a breakpoint of no length");
        return false;
    }
    if (ops()->insert && !ops()->insert(cpu, &p, errp)) {
        return false;
    }
    debug.points[debug.nr++] = p;
    if (!debug_update(errp)) {
        drop(cpu, debug.nr - 1);
        debug_update(NULL);
        return false;
    }
    return true;
}

bool debug_point_remove(CPUState *cpu, DebugPointKind kind, uint64_t la, uint64_t len)
{
    for (unsigned i = debug.nr; i-- > 0;) {
        const DebugPoint *p = &debug.points[i];

        if (p->kind == kind && p->la == la && p->len == len) {
            drop(cpu, i);
            return debug_update(NULL);
        }
    }
    return false;
}

void debug_point_remove_all(void)
{
    CPUState *cpu = cpus_count() ? cpus_get(0) : NULL;

    if (!debug.nr) {
        return;
    }
    while (debug.nr) {
        drop(cpu, debug.nr - 1);
    }
    debug_update(NULL);
}

/* --- Hits ------------------------------------------------------------------------------------ */

static void hit(DebugHit h)
{
    if (!debug.hit.cpu) {
        debug.hit = h;
    }
    vm_request_stop(RUN_STATE_DEBUG);
}

void debug_hit_step(CPUState *cpu)
{
    hit((DebugHit){ .cpu = cpu, .step = true });
}

void debug_hit_point(CPUState *cpu, DebugPointKind kind, uint64_t la)
{
    hit((DebugHit){ .cpu = cpu, .kind = kind, .la = la });
}

const DebugHit *debug_last_hit(void)
{
    return &debug.hit;
}

void debug_clear_hit(void)
{
    debug.hit = (DebugHit){ 0 };
}
