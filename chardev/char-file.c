/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs on files: file (output, optionally input from another file) and pipe (named pipes). */
#include "qemu/osdep.h"
#include "char-internal.h"
#include "qemu/fdset.h"

#include <fcntl.h>

typedef struct FileChardev {
    Chardev chr;
    int fds[2]; /* input, output; -1: none */
} FileChardev;

static bool path_parse_short(Keyval *kv, const char *name, const char *rest, Error **errp)
{
    keyval_add(kv, "path", rest);
    return true;
}

static void file_close(Chardev *chr)
{
    FileChardev *s = (FileChardev *)chr;

    for (int i = 0; i < 2; i++) {
        /* Descriptors 0..2 were never ours; 0 is what a failed open() leaves. */
        if (s->fds[i] > 2) {
            close(s->fds[i]);
        }
    }
}

static bool open_one(int *fd, const char *path, int flags, Error **errp)
{
    *fd = open_file(path, flags | O_NOCTTY, 0666);
    if (*fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    if (*fd <= 2) {
        /* A closed standard descriptor must not become a file by accident. */
        int moved = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

        close(*fd);
        *fd = moved;
    }
    return *fd >= 0;
}

static bool file_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    FileChardev *s = (FileChardev *)chr;
    const char *path, *input = keyval_get(kv, "input-path");
    bool append = false;

    s->fds[0] = s->fds[1] = -1;
    if (!chardev_require(chr, kv, "path", "filename", &path, errp) ||
        !keyval_get_bool(kv, "append", &append, errp) ||
        !open_one(&s->fds[1], path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), errp) ||
        (input && !open_one(&s->fds[0], input, O_RDONLY | O_NONBLOCK, errp))) {
        return false;
    }
    chr->in_fd = s->fds[0];
    chr->out_fd = s->fds[1];
    chr->open = true;
    return true;
}

const ChardevClass chardev_file = {
    .name = "file",
    .size = sizeof(FileChardev),
    .parse_short = path_parse_short,
    .open = file_open,
    .close = file_close,
};

/* PATH.in and PATH.out when both exist, else PATH for both directions. */
static bool pipe_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    FileChardev *s = (FileChardev *)chr;
    g_autofree char *in = NULL, *out = NULL;
    const char *path;

    s->fds[0] = s->fds[1] = -1;
    if (!chardev_require(chr, kv, "path", "device path", &path, errp)) {
        return false;
    }
    in = g_strconcat(path, ".in", NULL);
    out = g_strconcat(path, ".out", NULL);
    if (access(in, F_OK) < 0 || access(out, F_OK) < 0) {
        g_free(in);
        g_free(out);
        in = g_strdup(path);
        out = g_strdup(path);
    }
    /* Opening a FIFO for both directions neither waits for a peer nor ends with one. */
    if (!open_one(&s->fds[0], in, O_RDWR | O_NONBLOCK, errp) ||
        !open_one(&s->fds[1], out, O_RDWR | O_NONBLOCK, errp)) {
        return false;
    }
    chr->in_fd = s->fds[0];
    chr->out_fd = s->fds[1];
    chr->open = true;
    return true;
}

const ChardevClass chardev_pipe = {
    .name = "pipe",
    .size = sizeof(FileChardev),
    .parse_short = path_parse_short,
    .open = pipe_open,
    .close = file_close,
};
