/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -daemonize and -pidfile. Main thread, before and after everything else. */
#include "qemu/osdep.h"
#include "system/system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int ready_fd = -1; /* write end: tells the waiting parent */
static char *pidfile_path;
static int pidfile_fd = -1;

/* The first process: stays until the daemon is ready or gone. Returns its exit status. */
static int wait_until_ready(int fd)
{
    uint8_t status;
    ssize_t n;

    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    return n == 1 && status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool daemonize_start(Error **errp)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        error_setg_errno(errp, errno, "cannot daemonize");
        return false;
    }
    pid = fork();
    if (pid < 0) {
        error_setg_errno(errp, errno, "cannot daemonize");
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        _exit(wait_until_ready(fds[0]));
    }
    close(fds[0]);
    ready_fd = fds[1];
    setsid();
    pid = fork();
    if (pid != 0) {
        _exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    umask(027);
    return true;
}

void daemonize_ready(void)
{
    uint8_t status = 0;
    int null_fd;
    ssize_t ret;

    if (ready_fd < 0) {
        return;
    }
    if (chdir("/") < 0) {
        return; /* the parent reports the failure when our end of the pipe closes */
    }
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++) {
        dup2(null_fd, fd);
    }
    close(null_fd);
    do {
        ret = write(ready_fd, &status, 1);
    } while (ret < 0 && errno == EINTR);
    close(ready_fd);
    ready_fd = -1;
}

bool pidfile_create(const char *path, Error **errp)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    size_t len = strlen(text);
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot create PID file: Cannot open pid file");
        return false;
    }
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        error_setg_errno(errp, errno, "cannot create PID file: Cannot lock pid file");
        close(fd);
        return false;
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, len) != (ssize_t)len) {
        error_setg_errno(errp, errno, "cannot create PID file: Failed to write pid file");
        unlink(path);
        close(fd);
        return false;
    }
    /* The daemon leaves its directory; the path has to outlive that. */
    pidfile_path = g_canonicalize_filename(path, NULL);
    pidfile_fd = fd;
    return true;
}

void pidfile_remove(void)
{
    if (pidfile_fd >= 0) {
        unlink(pidfile_path);
        close(pidfile_fd);
        pidfile_fd = -1;
    }
}
