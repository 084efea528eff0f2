/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new pseudo terminal; its name is printed for whoever wants to attach. Main loop. */
#include "qemu/osdep.h"
#include "char-internal.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>

#define PTY_POLL_MS 200 /* how soon somebody who opens the terminal is noticed */

typedef struct PtyChardev {
    Chardev chr;
    int fd; /* the master side; -1 until open() */
    char *path;
    guint timer;
} PtyChardev;

/* The kernel reports a hang-up for as long as nobody has the terminal open, so look now and then.
 * */
static gboolean pty_poll(gpointer opaque)
{
    PtyChardev *s = opaque;
    struct pollfd pfd = { s->fd, POLLOUT, 0 };

    if (poll(&pfd, 1, 0) < 0 || (pfd.revents & POLLHUP)) {
        return G_SOURCE_CONTINUE;
    }
    s->timer = 0;
    chardev_set_open(&s->chr, true);
    return G_SOURCE_REMOVE;
}

static void pty_hangup(Chardev *chr)
{
    PtyChardev *s = (PtyChardev *)chr;

    chardev_set_open(chr, false);
    if (!s->timer) {
        s->timer = g_timeout_add(PTY_POLL_MS, pty_poll, s);
    }
}

static bool make_raw(const char *path, Error **errp)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios tio;

    if (fd < 0 || tcgetattr(fd, &tio) < 0) {
        error_setg_errno(errp, errno, "Failed to set up PTY %s", path);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    cfmakeraw(&tio);
    tcsetattr(fd, TCSAFLUSH, &tio);
    close(fd);
    return true;
}

static bool pty_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    PtyChardev *s = (PtyChardev *)chr;
    char name[64];

    s->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || grantpt(s->fd) < 0 || unlockpt(s->fd) < 0 ||
        ptsname_r(s->fd, name, sizeof(name)) != 0) {
        error_setg_errno(errp, errno, "Failed to create PTY");
        return false;
    }
    s->path = g_strdup(name);
    if (!make_raw(name, errp)) {
        return false;
    }
    chr->in_fd = chr->out_fd = s->fd;
    printf("char device redirected to %s (label %s)\n", name, chr->id);
    fflush(stdout);
    s->timer = g_timeout_add(PTY_POLL_MS, pty_poll, s);
    return true;
}

static void pty_close(Chardev *chr)
{
    PtyChardev *s = (PtyChardev *)chr;

    g_clear_handle_id(&s->timer, g_source_remove);
    if (s->fd > 0) {
        close(s->fd);
    }
    g_free(s->path);
}

static char *pty_describe(const Chardev *chr)
{
    return g_strconcat("pty:", ((const PtyChardev *)chr)->path, NULL);
}

const ChardevClass chardev_pty = {
    .name = "pty",
    .size = sizeof(PtyChardev),
    .open = pty_open,
    .hangup = pty_hangup,
    .close = pty_close,
    .describe = pty_describe,
};
