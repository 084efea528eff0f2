/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that end the process in an orderly way. The handler only writes to a pipe. */
#include "qemu/osdep.h"
#include "qemu/error.h"
#include "system/runstate.h"
#include "system/system.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>

static int signal_pipe[2];

typedef struct SignalNote {
    int signo;
    pid_t pid;
} SignalNote;

static void note_signal(int signo, siginfo_t *info, void *context)
{
    SignalNote note = { signo, info->si_pid };
    int saved_errno = errno;
    ssize_t ret = write(signal_pipe[1], &note, sizeof(note));

    (void)ret; /* a full pipe already holds a request to end */
    errno = saved_errno;
}

/* "terminating on signal 15 from pid 123 (virsh)" */
static void report_sender(const SignalNote *note)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)note->pid);
    g_autofree char *comm = NULL;

    if (note->pid == 0) {
        error_report("terminating on signal %d", note->signo);
        return;
    }
    if (!g_file_get_contents(path, &comm, NULL, NULL)) {
        comm = g_strdup("<unknown process>");
    }
    error_report("terminating on signal %d from pid %d (%s)", note->signo, (int)note->pid,
                 g_strchomp(comm));
}

static gboolean signal_arrived(gint fd, GIOCondition condition, gpointer opaque)
{
    SignalNote note;

    if (read(fd, &note, sizeof(note)) == sizeof(note)) {
        if (note.signo != SIGINT) {
            report_sender(&note);
        }
        vm_request_shutdown(SHUTDOWN_CAUSE_HOST_SIGNAL);
    }
    return G_SOURCE_CONTINUE;
}

void signals_init(void)
{
    static const int ending[] = { SIGINT, SIGHUP, SIGTERM };
    struct sigaction sa = { .sa_sigaction = note_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

    signal(SIGPIPE, SIG_IGN);
    if (!g_unix_open_pipe(signal_pipe, FD_CLOEXEC, NULL)) {
        return; /* default actions still end the process */
    }
    g_unix_set_fd_nonblocking(signal_pipe[0], TRUE, NULL);
    g_unix_set_fd_nonblocking(signal_pipe[1], TRUE, NULL);
    g_unix_fd_add(signal_pipe[0], G_IO_IN, signal_arrived, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(ending); i++) {
        sigaction(ending[i], &sa, NULL);
    }
}
