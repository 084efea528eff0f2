/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -rtc: where the guest's wall clock starts. Main thread, before the machine is made. */
#include "qemu/osdep.h"
#include "qemu/keyval.h"
#include "system/system.h"

static int64_t offset_ns;

int64_t rtc_base_offset_ns(void)
{
    return offset_ns;
}

/* "2006-06-17T16:01:21" or "2006-06-17", as UTC. */
static GDateTime *parse_date(const char *text)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autofree char *full = strchr(text, 'T') ? g_strdup(text)
                                             : g_strconcat(text, "T00:00:00", NULL);

    return g_date_time_new_from_iso8601(full, utc);
}

static bool set_base(const char *base, Error **errp)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) date = NULL;

    if (!strcmp(base, "utc")) {
        offset_ns = 0;
        return true;
    }
    if (!strcmp(base, "localtime")) {
        g_autoptr(GDateTime) local = g_date_time_new_now_local();

        offset_ns = g_date_time_get_utc_offset(local) * SCALE_US;
        return true;
    }
    date = parse_date(base);
    if (!date) {
        error_setg(errp, "invalid datetime format");
        error_append_hint(errp, "valid formats: '2006-06-17T16:01:21' or '2006-06-17'\n");
        return false;
    }
    offset_ns = (g_date_time_to_unix(date) - g_date_time_to_unix(now)) * NANOSECONDS_PER_SECOND;
    return true;
}

/* An option with a fixed set of values; NULL: not given. */
static bool check_value(const char *value, const char *const *values, Error **errp)
{
    if (value && !g_strv_contains(values, value)) {
        error_setg(errp, "invalid option value '%s'", value);
        return false;
    }
    return true;
}

bool rtc_base_parse(const char *arg, Error **errp)
{
    static const char *const clocks[] = { "host", NULL };
    static const char *const driftfixes[] = { "none", "slew", NULL };
    g_autoptr(Keyval) kv = keyval_parse(arg, NULL, errp);
    const char *base;

    if (!kv) {
        return false;
    }
    base = keyval_get(kv, "base");
    return (!base || set_base(base, errp)) &&
           check_value(keyval_get(kv, "clock"), clocks, errp) &&
           check_value(keyval_get(kv, "driftfix"), driftfixes, errp) &&
           keyval_check_unused(kv, errp);
}
