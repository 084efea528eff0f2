/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One debugger's session: packets in, packets out. What is debugged is behind GdbTargetOps, so that
 * tests and the fuzzer can talk to a plain structure. Main loop; calls are not reentrant.
 *
 *   bytes -> gdb_session_input() -> rsp.c -> a row of the command table -> GdbTargetOps
 *   machine stops -> gdb_session_stopped() -> "T05thread:p01.01;"
 */
#ifndef GDBSTUB_SESSION_H
#define GDBSTUB_SESSION_H

#include "gdbstub/rsp.h"

/* CPUs are numbered from 0; gdb's thread ids are one more. */
enum { GDB_MAX_CPUS = 4096, GDB_MAX_REGISTER_BYTES = 64 };

typedef enum GdbAction { GDB_STAY, GDB_CONTINUE, GDB_STEP } GdbAction;

typedef enum GdbResult { GDB_OK, GDB_FAILED, GDB_UNSUPPORTED } GdbResult;

/* Signals as gdb numbers them. */
enum { GDB_SIGNAL_0 = 0, GDB_SIGNAL_INT = 2, GDB_SIGNAL_TRAP = 5 };

typedef struct GdbTargetOps {
    unsigned (*nr_cpus)(void *opaque); /* at least 1 */
    /* "CPU#0 [running]"; the caller frees. */
    char *(*thread_name)(void *opaque, unsigned cpu);
    /* Of the features packet; borrowed. */
    const char *(*description)(void *opaque);
    unsigned (*nr_registers)(void *opaque);
    /* Bytes of the register (at most GDB_MAX_REGISTER_BYTES), 0: there is none of that number. */
    unsigned (*read_register)(void *opaque, unsigned cpu, unsigned reg, uint8_t *buf);
    /* Takes as many bytes as read_register() gives; @len may be less: then nothing happens. Bytes
     * taken, 0 on failure. */
    unsigned (*write_register)(void *opaque, unsigned cpu, unsigned reg, const uint8_t *buf,
                               size_t len);
    bool (*access_memory)(void *opaque, unsigned cpu, uint64_t addr, uint8_t *buf, size_t len,
                          bool write, bool physical);
    /* @kind: the digit of Z. */
    GdbResult (*insert_point)(void *opaque, unsigned cpu, unsigned kind, uint64_t addr,
                              uint64_t len);
    GdbResult (*remove_point)(void *opaque, unsigned cpu, unsigned kind, uint64_t addr,
                              uint64_t len);
    /* The CPUs go on as @actions (one for each) say. False: the machine cannot run. */
    bool (*resume)(void *opaque, const GdbAction *actions, unsigned step_flags);
    /* Ctrl-C; gdb_session_stopped() follows, or has been called when it did not run. */
    void (*interrupt)(void *opaque);
    unsigned (*step_flags)(void *opaque); /* what qemu.sstep can have */
    /* Output of a line of the monitor; the caller frees. */
    char *(*monitor)(void *opaque, unsigned cpu, const char *line);
    /* The debugger leaves, and the machine goes on as if it had never been there. */
    void (*detach)(void *opaque);
    void (*kill)(void *opaque);
    void (*send)(void *opaque, const uint8_t *buf, size_t len);
} GdbTargetOps;

typedef struct GdbSession GdbSession;

GdbSession *gdb_session_new(const GdbTargetOps *ops, void *opaque);
void gdb_session_free(GdbSession *s);
/* A debugger has connected: what the last one has set is forgotten. */
void gdb_session_reset(GdbSession *s);
void gdb_session_input(GdbSession *s, const uint8_t *buf, size_t len);

/* The machine has stopped at CPU @cpu. @extra: "watch:1000;" or the like, "" for nothing. A
 * debugger that waits for it is told. */
void gdb_session_stopped(GdbSession *s, unsigned cpu, unsigned signal, const char *extra);
/* The machine ends. */
void gdb_session_exited(GdbSession *s, int status);

/* Features the debugger said it knows. */
bool gdb_session_knows_swbreak(const GdbSession *s);
bool gdb_session_knows_hwbreak(const GdbSession *s);

#endif
