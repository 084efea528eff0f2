/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual CPUs: one thread each. The thread runs guest code without the BQL and takes it for exits.
 *
 *   request (any thread)                 vCPU thread
 *   cpu->stop = true; cpu_kick()   ->    leaves guest, takes BQL, sets cpu->stopped, waits
 *   run_on_cpu(fn)                 ->    leaves guest, takes BQL, calls fn, goes on
 */
#ifndef SYSTEM_CPUS_H
#define SYSTEM_CPUS_H

#include "hw/core/qdev.h"

typedef struct CPUState CPUState;
typedef void (*RunOnCPUFn)(CPUState *cpu, void *opaque);

struct CPUState {
    DeviceState dev;
    int index;        /* 0.. in order of creation */
    GThread *thread;
    int thread_id;    /* gettid(); 0 until it runs */
    bool created;     /* BQL: the thread is ready */
    bool stop;        /* BQL: asked to stop */
    bool stopped;     /* BQL: outside guest code until vm_start() */
    bool unplug;      /* BQL: the thread ends */
    bool halted;      /* written by its own thread */
    bool exit_request; /* atomic: set by cpu_kick(), cleared by the accelerator on re-entry */
    uint32_t interrupt_request; /* atomic bits, CPU_INTERRUPT_* of the target */
    GQueue work;      /* BQL: queued run_on_cpu() calls */
    /* Sleep and wake-up: senders of interrupts do not have the BQL. Leaf lock. */
    GMutex halt_lock;
    GCond halt_cond;  /* with halt_lock */
    uint32_t kicks;   /* halt_lock, atomic reads: calls of cpu_kick() */
    GCond done_cond;  /* with the BQL */
    bool frozen;      /* BQL: the debugger lets only others go on */
    unsigned step_flags; /* DEBUG_STEP_*; changed while stopped, see system/debug.h */
    bool state_valid; /* own thread: registers are in env, newer than the accelerator's */
    bool state_full;  /* with state_valid: so is what only reset or a state load changes */
    void *accel;      /* the accelerator's own data */
};

/* The calling vCPU thread's CPU, NULL elsewhere. */
extern __thread CPUState *current_cpu;

/* All CPUs, in order of index. BQL (fixed once the machine runs). */
unsigned cpus_count(void);
CPUState *cpus_get(unsigned index);
#define CPU_FOREACH(cpu) \
    for (unsigned cpu##_i = 0; cpu##_i < cpus_count() && ((cpu) = cpus_get(cpu##_i)); cpu##_i++)

/* Gives @cpu its index and starts its thread, stopped. Waits until the accelerator has initialised
 * the vCPU; false with the accelerator's error (then @cpu is not in the list). BQL. */
bool cpu_start_thread(CPUState *cpu, Error **errp);
/* Makes the vCPU leave guest code soon. Any thread. */
void cpu_kick(CPUState *cpu);
/* Calls @fn on the vCPU's thread under the BQL and waits. BQL held. */
void run_on_cpu(CPUState *cpu, RunOnCPUFn fn, void *opaque);
/* Same without waiting. */
void async_run_on_cpu(CPUState *cpu, RunOnCPUFn fn, void *opaque);
void cpu_interrupt(CPUState *cpu, uint32_t mask); /* sets bits and kicks */
void cpu_reset_interrupt(CPUState *cpu, uint32_t mask);

/* Stop all vCPU threads and wait; let them go on. Used by vm_stop() and vm_start(). BQL. */
void cpus_pause_all(void);
void cpus_resume_all(void);
/* Ends all threads; at exit. */
void cpus_destroy_all(void);

/* Makes env hold the vCPU's registers (reads them from the accelerator when it has newer ones).
 * They are written back before the vCPU runs again. BQL. */
void cpu_synchronize_state(CPUState *cpu);
/* Hands registers that are newer in env to the accelerator now. cpus_resume_all() does it for all
 * vCPUs before the first of them runs: a processor must not meet another one's state of before a
 * reset. BQL. */
void cpu_commit_state(CPUState *cpu);

#endif
