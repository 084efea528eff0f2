/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of -d and -D, and the switches of -trace. */
#ifndef QEMU_LOG_H
#define QEMU_LOG_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* Items of -d; the table in util/log.c gives names and help. */
enum {
    LOG_GUEST_ERROR = 1 << 0,
    LOG_UNIMP = 1 << 1,
    CPU_LOG_INT = 1 << 2,
    CPU_LOG_RESET = 1 << 3,
    CPU_LOG_TB_IN_ASM = 1 << 4,
    CPU_LOG_EXEC = 1 << 5,
    CPU_LOG_TB_CPU = 1 << 6,
    LOG_TRACE = 1 << 7,
};

extern int qemu_loglevel; /* written by main() and the monitor, read anywhere */

static inline bool qemu_loglevel_mask(int mask)
{
    return (qemu_loglevel & mask) != 0;
}

/* One piece of text to the log file (stderr without -D). Any thread. */
void qemu_log(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
#define qemu_log_mask(mask, ...) \
    (qemu_loglevel_mask(mask) ? qemu_log(__VA_ARGS__) : (void)0)
/* What a guest did wrong: logged under -d guest_errors, at most 1,000 lines a second. */
void guest_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* "int,guest_errors" (also "trace:PATTERN") to a mask; false with the error QEMU prints. */
bool qemu_log_parse(const char *items, int *mask, Error **errp);
void qemu_log_print_help(FILE *f);
/* -D; NULL: stderr. */
bool qemu_log_set_file(const char *path, Error **errp);

/* Trace events; tables are generated from the folders' trace-events files. */
typedef struct TraceEvent {
    const char *name;
    bool *enabled;
} TraceEvent;
extern const TraceEvent trace_event_table[];
extern const size_t trace_event_count;
/* Enables (after a leading "-": disables) the events that match a glob; returns how many. */
unsigned trace_enable_pattern(const char *pattern);
/* The argument of -trace: [[enable=]PATTERN][,events=FILE][,file=FILE]. */
bool trace_parse_option(const char *arg, Error **errp);
void trace_print_help(FILE *f);
/* Called by the generated functions. */
void trace_emit(const char *name, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
