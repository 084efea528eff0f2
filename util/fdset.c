/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of inherited file descriptors: -add-fd and /dev/fdset/N. BQL. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/fdset.h"
#include "qemu/keyval.h"

#include <fcntl.h>

#define PREFIX "/dev/fdset/"

typedef struct FdsetEntry {
    int64_t set;
    int fd;
} FdsetEntry;

static GArray *entries; /* of FdsetEntry, in the order given */

static const FdsetEntry *entry(guint i)
{
    return entries && i < entries->len ? &g_array_index(entries, FdsetEntry, i) : NULL;
}

static bool set_exists(int64_t set)
{
    for (guint i = 0; entry(i); i++) {
        if (entry(i)->set == set) {
            return true;
        }
    }
    return false;
}

static int64_t free_set(void)
{
    int64_t set = 0;

    while (set_exists(set)) {
        set++;
    }
    return set;
}

/* A descriptor that was inherited and that nothing here has opened: those are close-on-exec. */
static bool check_fd(const char *text, int *fd, Error **errp)
{
    uint64_t number;
    int flags;

    if (!text || qemu_strtou64(text, NULL, 10, &number) || number > INT_MAX) {
        error_setg(errp, "fd option is required and must be non-negative");
        return false;
    }
    *fd = (int)number;
    if (*fd <= STDERR_FILENO) {
        error_setg(errp, "fd cannot be a standard I/O stream");
        return false;
    }
    flags = fcntl(*fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC)) {
        error_setg(errp, "fd is not valid or already in use");
        return false;
    }
    return true;
}

bool fdset_add_from_opts(const char *arg, Error **errp)
{
    g_autoptr(Keyval) kv = keyval_parse(arg, NULL, errp);
    const char *fd_text, *set_text;
    uint64_t set = 0;
    FdsetEntry new_entry;
    int fd;

    if (!kv) {
        return false;
    }
    fd_text = keyval_get(kv, "fd");
    set_text = keyval_get(kv, "set");
    keyval_get(kv, "opaque");
    if (!keyval_check_unused(kv, errp) || !check_fd(fd_text, &fd, errp)) {
        return false;
    }
    if (set_text && (qemu_strtou64(set_text, NULL, 10, &set) || set > INT64_MAX)) {
        error_setg(errp, "set option must be a non-negative integer, not '%s'", set_text);
        return false;
    }
    new_entry.set = set_text ? (int64_t)set : free_set();
    new_entry.fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (new_entry.fd < 0) {
        error_setg_errno(errp, errno, "cannot duplicate fd %d", fd);
        return false;
    }
    close(fd);
    if (!entries) {
        entries = g_array_new(FALSE, FALSE, sizeof(FdsetEntry));
    }
    g_array_append_val(entries, new_entry);
    return true;
}

int open_file(const char *path, int flags, mode_t mode)
{
    uint64_t set;

    if (!g_str_has_prefix(path, PREFIX) ||
        qemu_strtou64(path + strlen(PREFIX), NULL, 10, &set)) {
        return open(path, flags | O_CLOEXEC, mode);
    }
    for (guint i = 0; entry(i); i++) {
        if ((uint64_t)entry(i)->set == set &&
            (fcntl(entry(i)->fd, F_GETFL) & O_ACCMODE) == (flags & O_ACCMODE)) {
            return fcntl(entry(i)->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        }
    }
    errno = set <= INT64_MAX && set_exists((int64_t)set) ? EACCES : ENOENT;
    return -1;
}
