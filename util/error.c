/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error objects and messages to the user. Any thread. */
#include "qemu/osdep.h"
#include "qemu/error.h"

struct Error {
    char *msg;
    GString *hint; /* NULL until a hint is added */
    ErrorClass cls;
};

Error *error_abort;

static const char *progname = "qemu-system-x86_64";
static bool with_timestamp;
static const char *guest_name;
static const char *loc_opt, *loc_arg;                 /* set by main() while it reads options */
static __thread ErrorPrintFn redirect_print;
static __thread void *redirect_opaque;

static const char *const class_names[ERROR_CLASS__MAX] = {
    [ERROR_CLASS_GENERIC_ERROR] = "GenericError",
    [ERROR_CLASS_COMMAND_NOT_FOUND] = "CommandNotFound",
    [ERROR_CLASS_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
    [ERROR_CLASS_DEVICE_NOT_FOUND] = "DeviceNotFound",
    [ERROR_CLASS_KVM_MISSING_CAP] = "KVMMissingCap",
};

static void error_setv(Error **errp, ErrorClass cls, int os_errno, const char *fmt, va_list ap)
{
    Error *err;

    if (!errp) {
        return;
    }
    assert(errp == &error_abort || !*errp);
    err = g_new0(Error, 1);
    err->cls = cls;
    err->msg = g_strdup_vprintf(fmt, ap);
    if (os_errno) {
        char *full = g_strdup_printf("%s: %s", err->msg, g_strerror(os_errno));

        g_free(err->msg);
        err->msg = full;
    }
    if (errp == &error_abort) {
        fprintf(stderr, "Unexpected error: %s\n", err->msg);
        g_assert_not_reached();
    }
    *errp = err;
}

void error_setg(Error **errp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, 0, fmt, ap);
    va_end(ap);
}

void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, os_errno, fmt, ap);
    va_end(ap);
}

void error_set(Error **errp, ErrorClass cls, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, cls, 0, fmt, ap);
    va_end(ap);
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    g_autofree char *prefix = NULL;
    char *full;
    va_list ap;

    if (!errp || !*errp) {
        return;
    }
    va_start(ap, fmt);
    prefix = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    full = g_strconcat(prefix, (*errp)->msg, NULL);
    g_free((*errp)->msg);
    (*errp)->msg = full;
}

void error_append_hint(Error **errp, const char *fmt, ...)
{
    va_list ap;

    if (!errp || !*errp) {
        return;
    }
    if (!(*errp)->hint) {
        (*errp)->hint = g_string_new(NULL);
    }
    va_start(ap, fmt);
    g_string_append_vprintf((*errp)->hint, fmt, ap);
    va_end(ap);
}

void error_propagate(Error **errp, Error *local)
{
    if (!local) {
        return;
    }
    if (errp == &error_abort) {
        fprintf(stderr, "Unexpected error: %s\n", local->msg);
        g_assert_not_reached();
    }
    if (errp && !*errp) {
        *errp = local;
    } else {
        error_free(local);
    }
}

void error_from_gerror(Error **errp, GError *gerr)
{
    error_setg(errp, "%s", gerr->message);
    g_error_free(gerr);
}

const char *error_get_pretty(const Error *err)
{
    return err->msg;
}

const char *error_get_hint(const Error *err)
{
    return err->hint ? err->hint->str : "";
}

ErrorClass error_get_class(const Error *err)
{
    return err->cls;
}

const char *error_class_name(ErrorClass cls)
{
    return class_names[cls];
}

Error *error_copy(const Error *err)
{
    Error *copy = g_new0(Error, 1);

    copy->msg = g_strdup(err->msg);
    copy->cls = err->cls;
    copy->hint = err->hint ? g_string_new(err->hint->str) : NULL;
    return copy;
}

void error_free(Error *err)
{
    if (!err) {
        return;
    }
    g_free(err->msg);
    if (err->hint) {
        g_string_free(err->hint, TRUE);
    }
    g_free(err);
}

static void report_text(const char *text)
{
    if (redirect_print) {
        redirect_print(redirect_opaque, text);
    } else {
        fputs(text, stderr);
    }
}

void error_vprintf(const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    report_text(text);
}

void error_printf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vprintf(fmt, ap);
    va_end(ap);
}

/* The whole line goes out in one call, so that lines of several threads do not mix. */
static void reportv(const char *kind, const char *fmt, va_list ap)
{
    g_autofree char *msg = g_strdup_vprintf(fmt, ap);
    GString *line = g_string_new(NULL);

    if (!redirect_print && with_timestamp) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *text = g_date_time_format_iso8601(now);

        g_string_append_printf(line, "%s ", text);
    }
    if (!redirect_print) {
        g_string_append_printf(line, "%s%s%s: ", guest_name ? guest_name : "",
                               guest_name ? " " : "", progname);
        if (loc_opt) {
            g_string_append_printf(line, "-%s%s%s: ", loc_opt, loc_arg ? " " : "",
                                   loc_arg ? loc_arg : "");
        }
    }
    g_string_append_printf(line, "%s%s\n", kind, msg);
    report_text(line->str);
    g_string_free(line, TRUE);
}

void error_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    reportv("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    reportv("warning: ", fmt, ap);
    va_end(ap);
}

void info_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    reportv("info: ", fmt, ap);
    va_end(ap);
}

bool warn_report_once_cond(bool *printed, const char *fmt, ...)
{
    va_list ap;

    if (*printed) {
        return false;
    }
    *printed = true;
    va_start(ap, fmt);
    reportv("warning: ", fmt, ap);
    va_end(ap);
    return true;
}

void error_report_err(Error *err)
{
    error_report("%s", err->msg);
    if (err->hint) {
        error_printf("%s", err->hint->str);
    }
    error_free(err);
}

void warn_report_err(Error *err)
{
    warn_report("%s", err->msg);
    if (err->hint) {
        error_printf("%s", err->hint->str);
    }
    error_free(err);
}

void error_init(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');

    progname = slash ? slash + 1 : argv0;
}

void error_set_prefix(bool timestamp, const char *guest)
{
    with_timestamp = timestamp;
    guest_name = guest;
}

const char *error_progname(void)
{
    return progname;
}

void error_loc_set_cmdline(const char *opt, const char *arg)
{
    loc_opt = opt;
    loc_arg = arg;
}

void error_redirect(ErrorPrintFn print, void *opaque)
{
    redirect_print = print;
    redirect_opaque = opaque;
}
