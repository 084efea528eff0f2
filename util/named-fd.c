/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named file descriptors, see the header. BQL. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/named-fd.h"

static GHashTable *fds; /* char * -> int */

void named_fd_add(const char *name, int fd)
{
    int old = named_fd_take(name);

    if (old >= 0) {
        close(old);
    }
    if (!fds) {
        fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    }
    g_hash_table_insert(fds, g_strdup(name), GINT_TO_POINTER(fd));
}

int named_fd_take(const char *name)
{
    gpointer value;
    uint64_t number;

    if (g_ascii_isdigit(*name)) {
        return qemu_strtou64(name, NULL, 10, &number) < 0 || number > INT_MAX ? -1 : (int)number;
    }
    if (!fds || !g_hash_table_lookup_extended(fds, name, NULL, &value)) {
        return -1;
    }
    g_hash_table_remove(fds, name);
    return GPOINTER_TO_INT(value);
}
