/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debugging the guest from outside (gdb): break- and watchpoints, single steps. The debugger puts
 * points into one list for the machine; the accelerator makes vCPUs stop at them.
 *
 *   debugger (main loop)                    accelerator
 *   debug_point_insert()               ->   AccelDebugOps.insert, then .update on each vCPU
 *   cpu->step_flags = ...; debug_update()   .update: single-step as the flags say
 *                                      <-   debug_hit() on the vCPU's thread: the machine stops
 *
 * Everything under the BQL. Points change only while the machine is stopped, so that an accelerator
 * may read the list without the BQL while a vCPU runs.
 */
#ifndef SYSTEM_DEBUG_H
#define SYSTEM_DEBUG_H

#include "system/accel.h"

/* The numbers of gdb's Z packets. */
typedef enum DebugPointKind {
    DEBUG_BREAK_SOFT,
    DEBUG_BREAK_HARD,
    DEBUG_WATCH_WRITE,
    DEBUG_WATCH_READ,
    DEBUG_WATCH_ACCESS,
    DEBUG_KINDS,
} DebugPointKind;

/* A break- or watchpoint at linear addresses [@la, @la + @len). */
typedef struct DebugPoint {
    DebugPointKind kind;
    uint64_t la;
    uint64_t len;         /* 1.. */
    /* The accelerator's: what a break instruction replaced, and where. */
    uint64_t gpa;
    uint8_t saved;
} DebugPoint;

static inline bool debug_is_watch(const DebugPoint *p)
{
    return p->kind >= DEBUG_WATCH_WRITE;
}

enum { DEBUG_MAX_POINTS = 1024 };

/* CPUState.step_flags, as gdb's qemu.sstep packets number them. */
enum {
    DEBUG_STEP = 1,
    DEBUG_STEP_NO_IRQ = 2,   /* no interrupts during the step */
    DEBUG_STEP_NO_TIMER = 4, /* guest time stands still during the step */
};

/* AccelOps.debug; NULL there: the accelerator cannot stop a guest at anything. */
typedef struct AccelDebugOps {
    /* DEBUG_STEP_* that work on this host; 0: no single step. */
    unsigned (*step_flags)(MachineState *ms);
    /* Before @p joins the list and when it has left it, machine stopped; @cpu's page tables say
     * where its address is. NULL: nothing to do. insert: false when there is no room for it or no
     * memory at it. */
    bool (*insert)(CPUState *cpu, DebugPoint *p, Error **errp);
    void (*remove)(CPUState *cpu, const DebugPoint *p);
    /* The list or cpu->step_flags have changed. Own thread. */
    bool (*update)(CPUState *cpu, Error **errp);
} AccelDebugOps;

/* Fails when the accelerator cannot, or when there are too many. The same point may be in the list
 * several times. */
bool debug_point_insert(CPUState *cpu, DebugPointKind kind, uint64_t la, uint64_t len,
                        Error **errp);
/* False when there is no such point. */
bool debug_point_remove(CPUState *cpu, DebugPointKind kind, uint64_t la, uint64_t len);
void debug_point_remove_all(void);
/* Tells the accelerator of changed step_flags. */
bool debug_update(Error **errp);
/* DEBUG_STEP_* of the accelerator in use. */
unsigned debug_step_flags(void);

/* All vCPUs that may go on do a step during which time shall stand still. */
bool debug_time_stands_still(void);

unsigned debug_nr_points(void);
const DebugPoint *debug_point(unsigned i);
/* The first point of that kind that covers @la; NULL. */
const DebugPoint *debug_point_at(DebugPointKind kind, uint64_t la);

/* Why the machine stopped with RUN_STATE_DEBUG. */
typedef struct DebugHit {
    CPUState *cpu; /* NULL: nobody has hit anything since debug_clear_hit() */
    bool step;     /* else at a point: */
    DebugPointKind kind;
    uint64_t la;   /* watchpoints: the address that was accessed */
} DebugHit;

/* On @cpu's thread: stops the machine. Only the first of several hits is kept. */
void debug_hit_step(CPUState *cpu);
void debug_hit_point(CPUState *cpu, DebugPointKind kind, uint64_t la);
const DebugHit *debug_last_hit(void);
void debug_clear_hit(void);

#endif
