/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QMP and HMP sessions share. Main loop, BQL. */
#ifndef MONITOR_INTERNAL_H
#define MONITOR_INTERNAL_H

#include "monitor/monitor.h"
#include "qapi/json-stream.h"
#include "qapi/visit.h"
#include "readline.h"

/* A session stops reading commands while this much output waits for the client. */
#define MONITOR_OUTPUT_HIGH_BYTES (64 * KiB)
/* Events for a client that has let this much pile up are dropped. */
#define MONITOR_EVENT_LIMIT_BYTES (4 * MiB)
#define MONITOR_READ_BYTES        4096

typedef struct Monitor {
    MonitorKind kind;
    Chardev *chr; /* borrowed; NULL: human-monitor-command, output goes to @capture */
    GString *capture;

    /* QMP */
    JsonStream *stream;
    bool negotiated;
    GByteArray *input; /* read, but not yet parsed: output was waiting */
    bool busy;         /* inside process_input(): a command may spin the main loop */

    /* HMP */
    Readline *readline;
    bool mux_out;     /* somebody else has the keyboard */
    int cpu_index;    /* of commands about a CPU; -1: the first */
    char fmt_format;  /* what x and p used last */
    int fmt_size;
} Monitor;

/* The session whose command is being executed, NULL. */
Monitor *monitor_current(void);
Monitor *monitor_set_current(Monitor *mon);

/* QMP */
void qmp_session_init(Monitor *mon);
void qmp_session_fini(Monitor *mon);
extern const ChardevHandlers qmp_session_handlers;
void qmp_session_drained(void *opaque);
/* Writes an event when the client has finished negotiation. @type NULL: no data. */
void qmp_session_event(Monitor *mon, const char *name, const QapiType *type, const void *data);

/* HMP */
void hmp_session_init(Monitor *mon);
void hmp_session_fini(Monitor *mon);
extern const ChardevHandlers hmp_session_handlers;
void hmp_session_drained(void *opaque);
/* Runs one command line; what it prints goes to @mon. */
void hmp_execute(Monitor *mon, const char *line);

/* Text to the session; "\n" becomes "\r\n". */
void monitor_puts(Monitor *mon, const char *text);
void monitor_printf(Monitor *mon, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
