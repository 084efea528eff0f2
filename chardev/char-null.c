/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs that lead nowhere: null, and vc, which would be a text console in a window. */
#include "qemu/osdep.h"
#include "char-internal.h"

static bool null_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    return true;
}

const ChardevClass chardev_null = {
    .name = "null",
    .size = sizeof(Chardev),
    .open = null_open,
};

/* Size of the console; there is none to apply it to. */
static const char *const vc_opts[] = { "width", "height", "cols", "rows" };

static bool vc_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    for (size_t i = 0; i < ARRAY_SIZE(vc_opts); i++) {
        uint64_t ignored;

        if (!keyval_get_u64(kv, vc_opts[i], &ignored, errp)) {
            return false;
        }
    }
    return true;
}

/* vc:80Cx24C */
static bool vc_parse_short(Keyval *kv, const char *name, const char *rest, Error **errp)
{
    return true;
}

const ChardevClass chardev_vc = {
    .name = "vc",
    .size = sizeof(Chardev),
    .parse_short = vc_parse_short,
    .open = vc_open,
};
