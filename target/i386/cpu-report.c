/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the CPU configuration steps send their messages. */
#include "qemu/osdep.h"

#include "target/i386/cpu-internal.h"

static void emit(X86CPUReport *report, X86ReportKind kind, const char *text, const char *hint)
{
    if (report && report->emit) {
        report->emit(report->opaque, kind, text, hint);
        return;
    }
    if (kind == X86_REPORT_ERROR) {
        error_report("%s", text);
    } else {
        warn_report("%s", text);
    }
    if (hint) {
        error_printf("%s", hint);
    }
}

void x86_report(X86CPUReport *report, X86ReportKind kind, const char *hint, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    emit(report, kind, text, hint);
}

void x86_report_seoib(X86CPUReport *report, X86SeoibText t)
{
    const char *hint, *text = x86_seoib_text(t, &hint);

    if (report && (report->said & BIT(t))) {
        return;
    }
    if (report) {
        report->said |= BIT(t);
    }
    emit(report, t >= X86_SEOIB_E1 ? X86_REPORT_ERROR : X86_REPORT_WARNING, text, hint);
}
