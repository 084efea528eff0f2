/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal, pipe or file on standard input and output. One user a process. Main loop. */
#include "qemu/osdep.h"
#include "char-internal.h"

#include <signal.h>
#include <termios.h>

typedef struct StdioChardev {
    Chardev chr;
    int own_out_fd; /* -1: none, or standard output itself */
} StdioChardev;

/* Of the one stdio chardev; the signal handler needs it. */
static struct {
    bool in_use;
    bool tty;
    struct termios saved, raw;
} terminal;

/* The shell may have changed the mode while we were stopped. Async-signal-safe. */
static void set_raw_again(int signo)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal.raw);
}

/* Single characters without echo; Ctrl-C and Ctrl-Z keep their meaning with @signals. */
static void terminal_set_raw(bool signals)
{
    struct sigaction sa = { .sa_handler = set_raw_again, .sa_flags = SA_RESTART };

    terminal.tty = tcgetattr(STDIN_FILENO, &terminal.saved) == 0;
    if (!terminal.tty) {
        return;
    }
    terminal.raw = terminal.saved;
    terminal.raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    terminal.raw.c_oflag |= OPOST;
    terminal.raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    terminal.raw.c_lflag |= signals ? ISIG : 0;
    terminal.raw.c_cflag &= ~(CSIZE | PARENB);
    terminal.raw.c_cflag |= CS8;
    terminal.raw.c_cc[VMIN] = 1;
    terminal.raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal.raw);
    sigaction(SIGCONT, &sa, NULL);
}

static void stdio_close(Chardev *chr)
{
    StdioChardev *s = (StdioChardev *)chr;

    if (!chr->open) {
        return;
    }
    if (terminal.tty) {
        signal(SIGCONT, SIG_DFL);
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal.saved);
    }
    if (s->own_out_fd >= 0) {
        close(s->own_out_fd);
    }
    memset(&terminal, 0, sizeof(terminal));
}

static bool stdio_open(Chardev *chr, const Keyval *kv, Error **errp)
{
    StdioChardev *s = (StdioChardev *)chr;
    bool signals = true;

    if (!keyval_get_bool(kv, "signal", &signals, errp)) {
        return false;
    }
    if (terminal.in_use) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    terminal.in_use = true;
    terminal_set_raw(signals);
    chr->in_fd = STDIN_FILENO;
    chr->out_fd = chardev_private_out_fd(STDOUT_FILENO);
    s->own_out_fd = chr->out_fd == STDOUT_FILENO ? -1 : chr->out_fd;
    chr->open = true;
    return true;
}

const ChardevClass chardev_stdio = {
    .name = "stdio",
    .size = sizeof(StdioChardev),
    .open = stdio_open,
    .close = stdio_close,
};
