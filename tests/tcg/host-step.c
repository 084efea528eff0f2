/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test helper, see host-step.h. */
#include "qemu/osdep.h"
#include <elf.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "tests/tcg/host-step.h"

struct HostStep {
    pid_t pid;
    uint8_t *code, *data;
    struct user_regs_struct initial;
};

static uint8_t *map_shared(size_t len, int *fd)
{
    *fd = memfd_create("host-step", 0);
    if (*fd < 0 || ftruncate(*fd, len) < 0) {
        return NULL;
    }
    return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
}

static void G_GNUC_NORETURN child(int code_fd, int data_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mmap((void *)HOST_CODE, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, code_fd, 0) ==
            MAP_FAILED ||
        mmap((void *)HOST_DATA, HOST_DATA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             data_fd, 0) == MAP_FAILED ||
        ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) {
        _exit(1);
    }
    raise(SIGSTOP);
    _exit(0);
}

HostStep *host_step_new(void)
{
    HostStep *h = g_new0(HostStep, 1);
    int code_fd, data_fd, status = 0;

    h->code = map_shared(4096, &code_fd);
    h->data = map_shared(HOST_DATA_BYTES, &data_fd);
    h->pid = fork();
    if (h->pid == 0) {
        child(code_fd, data_fd);
    }
    close(code_fd);
    close(data_fd);
    if (h->pid < 0 || waitpid(h->pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
        ptrace(PTRACE_GETREGS, h->pid, 0, &h->initial) < 0) {
        g_free(h);
        return NULL;
    }
    return h;
}

void host_step_free(HostStep *h)
{
    kill(h->pid, SIGKILL);
    waitpid(h->pid, NULL, 0);
    munmap(h->code, 4096);
    munmap(h->data, HOST_DATA_BYTES);
    g_free(h);
}

uint8_t *host_step_code(HostStep *h)
{
    return h->code;
}

uint8_t *host_step_data(HostStep *h)
{
    return h->data;
}

const struct user_regs_struct *host_step_initial(HostStep *h)
{
    return &h->initial;
}

static bool move_xstate(HostStep *h, int request, void *xstate, size_t *len)
{
    struct iovec iov = { xstate, *len };

    if (ptrace(request, h->pid, NT_X86_XSTATE, &iov) < 0) {
        return false;
    }
    *len = iov.iov_len;
    return true;
}

bool host_step_get_xstate(HostStep *h, void *xstate, size_t *len)
{
    return move_xstate(h, PTRACE_GETREGSET, xstate, len);
}

bool host_step_run(HostStep *h, struct user_regs_struct *regs, void *xstate, size_t *xstate_len,
                   HostSignal *sig)
{
    siginfo_t info;
    int status;

    if (ptrace(PTRACE_SETREGS, h->pid, 0, regs) < 0 ||
        (xstate && !move_xstate(h, PTRACE_SETREGSET, xstate, xstate_len)) ||
        ptrace(PTRACE_SINGLESTEP, h->pid, 0, 0) < 0 || waitpid(h->pid, &status, 0) < 0 ||
        !WIFSTOPPED(status) || ptrace(PTRACE_GETSIGINFO, h->pid, 0, &info) < 0 ||
        ptrace(PTRACE_GETREGS, h->pid, 0, regs) < 0 ||
        (xstate && !move_xstate(h, PTRACE_GETREGSET, xstate, xstate_len))) {
        return false;
    }
    sig->signo = WSTOPSIG(status);
    sig->code = info.si_code;
    sig->addr = (uintptr_t)info.si_addr;
    return true;
}
