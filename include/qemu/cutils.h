/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings to numbers and back. None of these functions aborts or truncates silently. */
#ifndef QEMU_CUTILS_H
#define QEMU_CUTILS_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* Parse an integer in @base (0: C prefixes). 0 on success, -EINVAL when there is no number, -ERANGE
 * when it does not fit. With @end NULL trailing characters are -EINVAL too. Unlike strtoull(), a
 * minus sign is refused by qemu_strtou64(). */
int qemu_strtou64(const char *s, const char **end, int base, uint64_t *result);
int qemu_strtoi64(const char *s, const char **end, int base, int64_t *result);

/* Parse a size with an optional suffix B K M G T P E (any case; powers of 1024) and an optional
 * fraction; a bare number is multiplied by @default_unit. Same results as qemu_strtou64(). */
int qemu_strtosz(const char *s, const char **end, uint64_t default_unit, uint64_t *result);
/* Same with powers of 1000 (tsc-freq=2.5G). */
int qemu_strtosz_metric(const char *s, const char **end, uint64_t *result);

/* on|yes|true|y and off|no|false|n, case sensitive. False with
 * "Parameter 'NAME' expects 'on' or 'off'" for anything else. */
bool parse_bool(const char *name, const char *value, bool *result, Error **errp);

/* "help" or "?": the argument that asks an option for its list. */
bool is_help_option(const char *s);

#endif
