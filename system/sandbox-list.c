/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of a running VM, and why it makes them: the allow list of -sandbox. What only
 * start-up needs is not here. What a running guest uses most comes first: the filter is walked in
 * this order where the kernel does not remember verdicts (before Linux 5.11). Const data. */
#include "qemu/osdep.h"
#include "system/sandbox.h"

#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define CALL(name, text)                  { SYS_##name, 0, .why = text }
#define GROUP(name, bit, text)            { SYS_##name, SANDBOX_##bit, .why = text }
#define ARG(name, arg, mask, value, text) { SYS_##name, 0, mask, value, arg, 0, text }
#define FAIL(name, error, text)           { SYS_##name, 0, 0, 0, 0, error, text }
#define IOCTL(request, text)              ARG(ioctl, 1, UINT32_MAX, request, text)
#define IOCTL_TYPE(type, text)            ARG(ioctl, 1, 0xff00, (type) << 8, text)

const SandboxRow sandbox_rows[] = {
    /* Running guest code, threads and locks */
    IOCTL_TYPE(0xae, "accel/kvm: KVM_RUN and its relatives; vCPUs and memory added later"),
    CALL(futex, "all threads: mutexes, conditions, the big lock"),
    CALL(rt_sigprocmask, "vCPU threads: the kick signal; thread start"),
    CALL(rt_sigaction, "vCPU threads: the kick signal; the software CPU's faults"),
    CALL(rt_sigreturn, "end of every signal handler"),
    CALL(sigaltstack, "the software CPU: handlers of its own faults"),
    CALL(tgkill, "kicking a vCPU; raise() and abort()"),
    CALL(gettid, "the thread id that query-cpus-fast and raise() want"),
    CALL(getpid, "raise(); names of temporary files; resolver"),
    CALL(sched_yield, "the software CPU: waiting for another vCPU"),
    CALL(restart_syscall, "a sleep that a stop signal interrupted"),

    /* The main loop, time */
    CALL(poll, "main loops (glib), thread pools, resolver"),
    CALL(ppoll, "main loops: waits shorter than a millisecond"),
    CALL(read, "wake-up descriptors, character devices, files"),
    CALL(write, "the same; the log"),
    CALL(readv, "character devices, network, images"),
    CALL(writev, "the same; stdio"),
    CALL(eventfd2, "main loops, ioeventfds and irqfds of devices added later"),
    CALL(pipe2, "ring buffers between threads, migration"),
    CALL(clock_gettime, "clocks, where the vDSO does not answer"),
    CALL(clock_getres, "clocks"),
    CALL(clock_nanosleep, "g_usleep()"),
    CALL(nanosleep, "g_usleep()"),
    CALL(gettimeofday, "real time clock, where the vDSO does not answer"),
    CALL(time, "real time clock, where the vDSO does not answer"),
    CALL(getrandom, "virtio-rng, RDRAND of the software CPU, hash seeds"),

    /* Memory */
    CALL(mmap, "allocation, thread stacks, guest memory, translated code"),
    CALL(munmap, "the same"),
    CALL(mremap, "allocation"),
    CALL(mprotect, "allocation, thread stacks, translated code"),
    CALL(madvise, "allocation; balloon; free pages found by migration"),
    CALL(brk, "allocation"),
    CALL(mbind, "host-nodes= and policy= of memory back ends added later"),
    CALL(msync, "memory-backend-file: flush"),
    CALL(memfd_create, "memory back ends added later; translated code"),

    /* Disk images and other files */
    CALL(pread64, "block layer"),
    CALL(pwrite64, "block layer"),
    CALL(preadv, "block layer"),
    CALL(pwritev, "block layer"),
    CALL(fdatasync, "block layer: flush"),
    CALL(fsync, "block layer: flush; snapshots"),
    CALL(fallocate, "block layer: discard, write-zeroes; memory back ends"),
    CALL(ftruncate, "block_resize, memory back ends"),
    CALL(lseek, "block layer: SEEK_HOLE; stdio"),
    IOCTL_TYPE(0x12, "block layer: size, discard, zeroes of block devices"),
    CALL(openat, "blockdev-add, chardev-add, object-add, kernel at reset, resolver"),
    CALL(open, "the same"),
    CALL(close, "descriptors that go"),
    CALL(fstat, "files just opened; stdio"),
    CALL(newfstatat, "the same"),
    CALL(stat, "the same"),
    CALL(lstat, "the same"),
    CALL(statx, "the same"),
    CALL(statfs, "terminals; memory-backend-file"),
    CALL(fstatfs, "page size of memory-backend-file, file system of an image"),
    CALL(access, "g_file_test(): images, firmware"),
    CALL(faccessat2, "the same"),
    CALL(readlink, "g_canonicalize_filename(): names of backing files"),
    CALL(getcwd, "relative names of backing files"),
    CALL(fcntl, "image locks, descriptor flags"),
    CALL(dup2, "the same"),
    CALL(unlink, "sockets, PID file and temporary files at the end"),
    CALL(unlinkat, "the same"),
    CALL(chdir, "-daemonize: its last step, after the list is in force"),
    CALL(umask, "modes of new files"),

    /* Terminals, serial lines */
    IOCTL(TCGETS, "character devices: stdio, pty, serial; isatty()"),
    IOCTL(TCSETS, "character devices: stdio, pty, serial"),
    IOCTL(TCSETSW, "character devices: stdio, pty, serial"),
    IOCTL(TCSETSF, "character devices: stdio, pty, serial"),
    IOCTL(TIOCGWINSZ, "the monitor on a terminal"),
    IOCTL(TIOCGPTN, "character devices: pty"),
    IOCTL(TIOCSPTLCK, "character devices: pty"),
    IOCTL(TIOCGPTPEER, "character devices: pty"),
    IOCTL(TCSBRK, "character devices: serial, break and drain"),
    IOCTL(TIOCMGET, "character devices: serial, modem lines"),
    IOCTL(TIOCMSET, "character devices: serial, modem lines"),
    IOCTL(FIONREAD, "resolver, network in user mode"),
    IOCTL(FIONBIO, "descriptor flags"),
    IOCTL(FIOCLEX, "descriptor flags"),

    /* Sockets: monitors, character devices, migration, network */
    CALL(sendto, "send()"),
    CALL(recvfrom, "recv()"),
    CALL(sendmsg, "sockets: descriptors, gather"),
    CALL(recvmsg, "sockets: descriptors, scatter"),
    CALL(sendmmsg, "resolver"),
    CALL(recvmmsg, "resolver"),
    ARG(socket, 0, UINT32_MAX, AF_UNIX, "character devices, monitors, migration"),
    ARG(socket, 0, UINT32_MAX, AF_INET, "the same and network in user mode"),
    ARG(socket, 0, UINT32_MAX, AF_INET6, "the same and network in user mode"),
    ARG(socket, 0, UINT32_MAX, AF_NETLINK, "resolver: which address families the host has"),
    FAIL(socket, EAFNOSUPPORT, "no other family is used; a library that asks goes on without"),
    CALL(socketpair, "migration, network"),
    CALL(bind, "servers"),
    CALL(listen, "servers"),
    CALL(accept, "servers"),
    CALL(accept4, "servers"),
    CALL(connect, "clients, network in user mode"),
    CALL(shutdown, "sockets that end, migration that is cancelled"),
    CALL(getsockname, "names that query-chardev shows"),
    CALL(getpeername, "the same"),
    CALL(getsockopt, "results of connections"),
    CALL(setsockopt, "sockets"),
    CALL(uname, "resolver; network in user mode"),
    IOCTL_TYPE(0xaf, "vhost-net of a tap added later"),
    IOCTL_TYPE(0x89, "names and addresses of host interfaces: tap, network in user mode"),
    ARG(ioctl, 1, 0xc000ff00, 0x40005400, "tap: setting an interface up"),
    ARG(ioctl, 1, 0xc000ff00, 0x80005400, "tap: asking an interface"),
    FAIL(ioctl, ENOTTY, "no other request is used; C library and glib only ask"),

    /* Threads that start late: disk pool, iothreads, migration, CPUs */
    ARG(clone, 0, CLONE_THREAD, CLONE_THREAD, "a new thread"),
    CALL(set_robust_list, "a new thread"),
    CALL(rseq, "a new thread"),
    CALL(exit, "a thread's end"),
    CALL(exit_group, "the program's end"),
    ARG(prctl, 0, UINT32_MAX, PR_SET_NAME, "a new thread's name"),
    FAIL(prctl, EINVAL, "allocators and libraries that only try"),
    CALL(sched_getaffinity, "how many CPUs the host has"),
    CALL(getpriority, "only asks"),
    CALL(sched_getparam, "only asks"),
    CALL(sched_getscheduler, "only asks"),
    CALL(sysinfo, "how much memory the host has"),
    CALL(getuid, "credentials of a socket's peer"),
    CALL(geteuid, "the same"),
    CALL(getgid, "the same"),
    CALL(getegid, "the same"),

    /* spawn=allow: migration to and from a command, network scripts and bridge helper. The child
     * stays behind this list: it holds what a shell and usual filters (cat, gzip, zstd, nc) do. */
    GROUP(fork, SPAWN, "a child process"),
    GROUP(vfork, SPAWN, "a child process"),
    GROUP(clone, SPAWN, "a child process"),
    FAIL(clone3, ENOSYS, "no filter sees its flags, in memory: the C library then takes clone"),
    GROUP(execve, SPAWN, "a child process"),
    GROUP(execveat, SPAWN, "a child process"),
    GROUP(wait4, SPAWN, "a child process that ended"),
    GROUP(waitid, SPAWN, "the same"),
    GROUP(pidfd_open, SPAWN, "waiting for a child process"),
    GROUP(kill, SPAWN, "ending a child process"),
    GROUP(close_range, SPAWN, "a child's descriptors"),
    GROUP(dup, SPAWN, "shell"),
    GROUP(getdents64, SPAWN, "shell"),
    GROUP(pipe, SPAWN, "shell"),
    GROUP(arch_prctl, SPAWN, "start of a program"),
    GROUP(set_tid_address, SPAWN, "start of a program"),
    GROUP(prlimit64, SPAWN, "start of a program"),
    GROUP(getrlimit, SPAWN, "start of a program"),
    GROUP(getppid, SPAWN, "shell"),
    GROUP(getpgrp, SPAWN, "shell"),
    GROUP(getpgid, SPAWN, "shell"),
    GROUP(setpgid, SPAWN, "shell"),
    GROUP(getsid, SPAWN, "shell"),
    GROUP(setsid, SPAWN, "a child's session"),
    GROUP(getgroups, SPAWN, "shell"),
    GROUP(getresuid, SPAWN, "start of a program"),
    GROUP(getresgid, SPAWN, "start of a program"),
    GROUP(rt_sigsuspend, SPAWN, "shell"),
    GROUP(rt_sigtimedwait, SPAWN, "shell"),
    GROUP(alarm, SPAWN, "filters with a time limit"),
    GROUP(setitimer, SPAWN, "filters with a time limit"),
    GROUP(select, SPAWN, "nc and relatives"),
    GROUP(pselect6, SPAWN, "nc and relatives"),
    GROUP(fchdir, SPAWN, "shell"),
    GROUP(mkdir, SPAWN, "file utilities"),
    GROUP(fadvise64, SPAWN, "cat and other filters"),
    GROUP(splice, SPAWN, "cat and other filters"),
    GROUP(fchown, SPAWN, "compressors"),
    GROUP(utimensat, SPAWN, "compressors"),

    /* elevateprivileges=allow */
    GROUP(setuid, PRIVILEGES, "none; asked for"),
    GROUP(setgid, PRIVILEGES, "none; asked for"),
    GROUP(setreuid, PRIVILEGES, "none; asked for"),
    GROUP(setregid, PRIVILEGES, "none; asked for"),
    GROUP(setresuid, PRIVILEGES, "none; asked for"),
    GROUP(setresgid, PRIVILEGES, "none; asked for"),
    GROUP(setfsuid, PRIVILEGES, "none; asked for"),
    GROUP(setfsgid, PRIVILEGES, "none; asked for"),
    GROUP(setgroups, PRIVILEGES, "none; asked for"),

    /* resourcecontrol=allow; denied, they fail with EPERM */
    GROUP(setpriority, RESOURCES, "a process that steps back"),
    GROUP(sched_setparam, RESOURCES, "real-time CPUs"),
    GROUP(sched_setscheduler, RESOURCES, "real-time CPUs"),
    GROUP(sched_setattr, RESOURCES, "real-time CPUs"),
    GROUP(sched_setaffinity, RESOURCES, "thread-context objects: pinning"),

    /* obsolete=allow: only for host libraries of another age */
    GROUP(sysfs, OBSOLETE, "none; asked for"),
    GROUP(uselib, OBSOLETE, "none; asked for"),
    GROUP(ustat, OBSOLETE, "none; asked for"),
    GROUP(_sysctl, OBSOLETE, "none; asked for"),
    GROUP(create_module, OBSOLETE, "none; asked for"),
    GROUP(get_kernel_syms, OBSOLETE, "none; asked for"),
    GROUP(query_module, OBSOLETE, "none; asked for"),
};

const size_t sandbox_nr_rows = G_N_ELEMENTS(sandbox_rows);
