/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results of a test guest, one line each on the console:
 *     PASS|FAIL|SKIP: name: key=value ... or words
 *     INFO: name: ...
 *     SUMMARY: pass=N fail=N skip=N ...
 */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include <stdbool.h>

/* Names are built from a prefix (see report_prefix()) and this name. Returns ok. */
bool report(bool ok, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same where the host can show the behaviour at all; else a SKIP line with the same details. */
bool report_when(bool meaningful, bool ok, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void report_skip(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_info(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put before every name that follows; the string is borrowed. "" at the start. */
void report_prefix(const char *prefix);

unsigned report_failures(void);

/*
 * Prints the summary line (fmt adds to it) and ends the guest: EXIT_FAIL, EXIT_PASS or EXIT_SKIP.
 */
void report_finish(bool nothing_ran, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
