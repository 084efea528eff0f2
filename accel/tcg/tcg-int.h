/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The software CPU as an accelerator: what its files share. */
#ifndef ACCEL_TCG_INT_H
#define ACCEL_TCG_INT_H

#include "hw/core/machine.h"
#include "system/debug.h"
#include "qemu/timer.h"
#include "target/i386/tcg/tcg.h"

/* RAM and ROM as the vCPUs see them: an immutable array, replaced as a whole. */
typedef struct TcgRam {
    unsigned nr;
    struct {
        uint64_t gpa, size;
        uint8_t *host;
        RAMBlock *ram;
        uint64_t offset; /* into ram */
        bool readonly;
    } ranges[];
} TcgRam;

typedef struct TcgMachine {
    MemoryListener listener; /* first */
    MachineState *ms;
    TcgShared *shared;
    GArray *flat;    /* FlatRange of RAM and ROM; BQL */
    TcgRam *ram;     /* atomic; what vCPUs use */
    /* thread=single: who may be in tcg_run(), first come, first served. */
    bool single;
    GMutex turn_lock;
    GCond turn_cond;
    uint64_t next_ticket, serving;
    QEMUTimer *turn_timer;
} TcgMachine;

typedef struct TcgVcpu {
    X86CPU *cpu;
    TcgMachine *m;
    TcgCPU *c;
    unsigned last_range; /* of TcgRam: where to look first */
    uint32_t events; /* LapicEvents that interrupt acknowledge found */
    unsigned nr_events; /* exceptions and interrupts logged */
} TcgVcpu;

extern const TcgMemOps tcg_machine_mem_ops;
extern const TcgSysOps tcg_machine_sys_ops;

/* After a call that may have kicked the calling vCPU. */
void tcg_look_for_kick(TcgVcpu *v);
/* TcgSysOps: -d. */
int tcg_log_items(void *opaque);
void tcg_log_block(void *opaque, TcgBlock *b);
void tcg_log_event(void *opaque, unsigned vector, bool software, uint32_t error);
/* tcg_run() has returned TCG_EXIT_DEBUG: stops the machine. Own thread, BQL. */
void tcg_report_debug_exit(TcgVcpu *v);
extern const AccelDebugOps tcg_debug_ops;
TcgMachine *tcg_machine_new(MachineState *ms);
/* The TSC: nanoseconds of the virtual clock. */
enum { TCG_TSC_KHZ = 1000000 };

#endif
