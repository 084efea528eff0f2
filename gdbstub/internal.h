/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that handle packets share. */
#ifndef GDBSTUB_INTERNAL_H
#define GDBSTUB_INTERNAL_H

#include "gdbstub/session.h"

struct GdbSession {
    const GdbTargetOps *ops;
    void *opaque;
    RspParser parser;
    GByteArray *last; /* the last frame, for an answer to "-" */
    bool no_ack, multiprocess, swbreak, hwbreak;
    bool physical;    /* qemu.PhyMemMode */
    bool waiting;     /* the debugger waits for a stop reply */
    unsigned step_flags;      /* qemu.sstep */
    unsigned g_cpu, c_cpu;    /* of Hg, Hc */
    unsigned next_thread;     /* of qsThreadInfo */
    unsigned stop_cpu, stop_signal; /* the answer to "?" */
    char stop_extra[48];
};

/* A packet's handler: @s is after the row's name. */
typedef void GdbHandler(GdbSession *g, RspScan *s);

typedef struct GdbCommand {
    const char *name;
    GdbHandler *fn;
} GdbCommand;

/* Rows of which the longest name that begins the packet counts; end with .name NULL. */
extern const GdbCommand gdb_query_commands[];

void gdb_reply(GdbSession *g, const char *text);
void gdb_reply_data(GdbSession *g, const void *data, size_t len);
void gdb_reply_printf(GdbSession *g, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Error numbers are errno's: what gdb shows. */
void gdb_reply_error(GdbSession *g, int number);
void gdb_reply_result(GdbSession *g, GdbResult result);

/* "p1.2", "2", "-1", "0": the CPUs meant. */
typedef enum GdbThreadKind { GDB_THREAD_ONE, GDB_THREAD_ANY, GDB_THREAD_ALL } GdbThreadKind;
/* False when it is no thread id; *cpu may not exist. */
bool gdb_take_thread(RspScan *s, GdbThreadKind *kind, uint64_t *cpu);
/* "p01.02" or "02" */
void gdb_thread_id(const GdbSession *g, unsigned cpu, char *buf, size_t size);

#endif
