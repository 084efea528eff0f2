/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Result lines of a test guest. */
#include <stdarg.h>
#include "console.h"
#include "guest-exit.h"
#include "report.h"

static const char *name_prefix = "";
static unsigned nr_pass, nr_fail, nr_skip;

static void result_line(const char *word, const char *name, const char *fmt, va_list ap)
{
    print("%s: %s%s: ", word, name_prefix, name);
    vprint(fmt, ap);
}

bool report(bool ok, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    result_line(ok ? "PASS" : "FAIL", name, fmt, ap);
    va_end(ap);
    print("\n");
    nr_pass += ok;
    nr_fail += !ok;
    return ok;
}

bool report_when(bool meaningful, bool ok, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    result_line(!meaningful ? "SKIP" : ok ? "PASS" : "FAIL", name, fmt, ap);
    va_end(ap);
    print(meaningful ? "\n" : " (says nothing on this host)\n");
    nr_skip += !meaningful;
    nr_pass += meaningful && ok;
    nr_fail += meaningful && !ok;
    return ok;
}

void report_skip(const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    result_line("SKIP", name, fmt, ap);
    va_end(ap);
    print("\n");
    nr_skip++;
}

void report_info(const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    result_line("INFO", name, fmt, ap);
    va_end(ap);
    print("\n");
}

void report_prefix(const char *prefix)
{
    name_prefix = prefix;
}

unsigned report_failures(void)
{
    return nr_fail;
}

void report_finish(bool nothing_ran, const char *fmt, ...)
{
    va_list ap;

    print("SUMMARY: pass=%u fail=%u skip=%u ", nr_pass, nr_fail, nr_skip);
    va_start(ap, fmt);
    vprint(fmt, ap);
    va_end(ap);
    print("\n");
    guest_exit(nr_fail ? EXIT_FAIL : nothing_ran ? EXIT_SKIP : EXIT_PASS);
}
