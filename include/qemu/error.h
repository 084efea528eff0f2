/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error objects and messages to the user.
 *
 * A function that can fail takes `Error **errp` last, returns false, NULL or a negative number on
 * failure, and sets *errp exactly then. Callers that do not want the error pass NULL; callers for
 * whom failure is a programming error pass &error_abort. Nobody reads *errp to learn whether a call
 * failed: the return value says so.
 */
#ifndef QEMU_ERROR_H
#define QEMU_ERROR_H

#include "qemu/osdep.h"

typedef struct Error Error;

/* The QMP error classes (docs/interop/qmp-spec of the QMP protocol). */
typedef enum ErrorClass {
    ERROR_CLASS_GENERIC_ERROR,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_DEVICE_NOT_FOUND,
    ERROR_CLASS_KVM_MISSING_CAP,
    ERROR_CLASS__MAX,
} ErrorClass;

/* &error_abort as errp makes any failure abort with its message: programming errors only. */
extern Error *error_abort;

/* Creates an Error in *errp (nothing when errp is NULL). No newline, no full stop. */
void error_setg(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Same with the text of errno value @os_errno appended after ": ". */
void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
void error_set(Error **errp, ErrorClass cls, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* Puts text before the message of *errp. */
void error_prepend(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Adds to the hint, which error_report_err() prints after the message on lines of its own.
 * End each hint with a newline. */
void error_append_hint(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Hands @local to *errp, or frees it when errp is NULL or already holds an error. */
void error_propagate(Error **errp, Error *local);
/* Takes over a GError. */
void error_from_gerror(Error **errp, GError *gerr);

const char *error_get_pretty(const Error *err);
/* The accumulated hint, "" when there is none. */
const char *error_get_hint(const Error *err);
ErrorClass error_get_class(const Error *err);
/* "GenericError", ... as it stands in a QMP reply. */
const char *error_class_name(ErrorClass cls);
Error *error_copy(const Error *err);
void error_free(Error *err);

/* Print @err with error_report() or warn_report(), then its hint, and free it. */
void error_report_err(Error *err);
void warn_report_err(Error *err);

/* One line to the monitor that is executing a command on this thread, else to stderr, with
 * QEMU's prefix "PROGNAME: [LOCATION: ][warning: |info: ]". */
void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void info_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* warn_report() unless *printed, which it sets. Returns whether it printed. */
bool warn_report_once_cond(bool *printed, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Plain text to the same place, no prefix: hints and listings. */
void error_printf(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void error_vprintf(const char *fmt, va_list ap) G_GNUC_PRINTF(1, 0);

/* Program name in the prefix; argv[0]'s last component. Called once by main(). */
void error_init(const char *argv0);
const char *error_progname(void);
/* -msg: begin each message with the time, and with the guest's name (NULL: without). Borrowed. */
void error_set_prefix(bool timestamp, const char *guest);
/* Prefix later messages with "-OPT ARG: "; NULL ends that. The strings are borrowed. */
void error_loc_set_cmdline(const char *opt, const char *arg);

/* Sends what this thread reports to @print instead of stderr (HMP); NULL ends that. */
typedef void (*ErrorPrintFn)(void *opaque, const char *text);
void error_redirect(ErrorPrintFn print, void *opaque);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

#endif
