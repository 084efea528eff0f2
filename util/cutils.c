/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings to numbers and back. Any thread. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"

/* Where a number that began at @s ended is acceptable: anywhere when the caller wants to know,
 * else only at the end of the string. */
static int check_end(const char *s, const char *stop, const char **end, int error)
{
    if (stop == s) {
        return -EINVAL;
    }
    if (end) {
        *end = stop;
    } else if (*stop) {
        return -EINVAL;
    }
    return error;
}

int qemu_strtou64(const char *s, const char **end, int base, uint64_t *result)
{
    const char *p = s;
    char *stop;

    while (g_ascii_isspace(*p)) {
        p++;
    }
    if (!g_ascii_isdigit(*p) && !g_ascii_isxdigit(*p) && *p != '+') {
        return -EINVAL;
    }
    errno = 0;
    *result = g_ascii_strtoull(p, &stop, base);
    return check_end(p, stop, end, -errno);
}

int qemu_strtoi64(const char *s, const char **end, int base, int64_t *result)
{
    char *stop;

    errno = 0;
    *result = g_ascii_strtoll(s, &stop, base);
    return check_end(s, stop, end, -errno);
}

/* Exponent of a size suffix, -1 when @c is none. */
static int suffix_power(char c)
{
    static const char suffixes[] = "BKMGTPE";
    const char *p = c ? strchr(suffixes, g_ascii_toupper(c)) : NULL;

    return p ? (int)(p - suffixes) : -1;
}

static int do_strtosz(const char *s, const char **end, uint64_t default_unit, unsigned step,
                      uint64_t *result)
{
    uint64_t whole, unit = default_unit, fraction_part = 0;
    const char *p;
    double fraction = 0;
    int power, ret;

    ret = qemu_strtou64(s, &p, g_str_has_prefix(s, "0x") ? 16 : 10, &whole);
    if (ret < 0) {
        return ret;
    }
    if (*p == '.') {
        double scale = 0.1;

        for (p++; g_ascii_isdigit(*p); p++, scale /= 10) {
            fraction += (*p - '0') * scale;
        }
    }
    power = suffix_power(*p);
    if (power >= 0) {
        p++;
        for (unit = 1; power > 0; power--) {
            unit *= step;
        }
    }
    ret = check_end(s, p, end, 0);
    if (ret < 0) {
        return ret;
    }
    if (fraction > 0) {
        if (unit == 1) {
            return -EINVAL;
        }
        fraction_part = (uint64_t)(fraction * unit + 0.5);
    }
    if (__builtin_mul_overflow(whole, unit, result) ||
        __builtin_add_overflow(*result, fraction_part, result)) {
        return -ERANGE;
    }
    return 0;
}

int qemu_strtosz(const char *s, const char **end, uint64_t default_unit, uint64_t *result)
{
    return do_strtosz(s, end, default_unit, 1024, result);
}

int qemu_strtosz_metric(const char *s, const char **end, uint64_t *result)
{
    return do_strtosz(s, end, 1, 1000, result);
}

bool parse_bool(const char *name, const char *value, bool *result, Error **errp)
{
    static const char *const yes[] = { "on", "yes", "true", "y" };
    static const char *const no[] = { "off", "no", "false", "n" };

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
            *result = !strcmp(value, yes[i]);
            return true;
        }
    }
    error_setg(errp, "Parameter '%s' expects 'on' or 'off'", name);
    return false;
}

bool is_help_option(const char *s)
{
    return !strcmp(s, "help") || !strcmp(s, "?");
}
