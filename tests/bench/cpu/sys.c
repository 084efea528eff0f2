/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel at work: system calls, switches, faults, processes; and code that writes code. */
#define _GNU_SOURCE
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static u64 w_getppid(long n)
{
    u64 h = 0;
    for (long i = 0; i < n; i++) {
        h += (u64)(syscall(SYS_getppid) >= 0);
    }
    return h;
}

static u64 w_devzero(long n)
{
    int fd = open("/dev/zero", O_RDONLY);
    if (fd < 0) {
        die("/dev/zero");
    }
    static char b[4096];
    u64 h = 0;
    for (long i = 0; i < n; i++) {
        h += (u64)read(fd, b, (i & 7) ? 64 : 4096);
    }
    close(fd);
    return h;
}

static u64 w_pipe(long n)
{
    int a[2];
    int b[2];
    if (pipe(a) || pipe(b)) {
        die("pipe");
    }
    char c = 0;
    pid_t p = fork();
    if (p < 0) {
        die("fork");
    }
    if (!p) {
        for (long i = 0; i < n; i++) {
            if (read(a[0], &c, 1) != 1 || write(b[1], &c, 1) != 1) {
                _exit(1);
            }
        }
        _exit(0);
    }
    for (long i = 0; i < n; i++) {
        if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1) {
            die("pipe io");
        }
    }
    int st;
    waitpid(p, &st, 0);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
    return (u64)n;
}

static void pin0(void)
{
    cpu_set_t s;
    CPU_ZERO(&s);
    CPU_SET(0, &s);
    sched_setaffinity(0, sizeof(s), &s);
}

static void unpin(cpu_set_t *s)
{
    sched_setaffinity(0, sizeof(*s), s);
}

static u64 w_switch(long n)
{
    cpu_set_t old;
    sched_getaffinity(0, sizeof(old), &old);
    pin0();
    u64 h = w_pipe(n);
    unpin(&old);
    return h;
}

/* Demand-zero faults: map 4 MiB, touch each page, unmap */
static u64 w_fault(long n)
{
    enum { SZ = 4 << 20 };
    u64 h = 0;
    for (long i = 0; i < n; i++) {
        u8 *p = mmap(0, SZ, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
            die("mmap");
        }
        madvise(p, SZ, MADV_NOHUGEPAGE);
        for (int o = 0; o < SZ; o += 4096) {
            p[o] = 1;
            h++;
        }
        munmap(p, SZ);
    }
    return h;
}

static u64 w_mprotect(long n)
{
    u8 *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    u64 h = 0;
    memset(p, 1, 65536);
    for (long i = 0; i < n; i++) {
        u8 *q = p + ((i & 15) << 12);
        if (mprotect(q, 4096, PROT_READ)) {
            die("mprotect");
        }
        h += *q;
        if (mprotect(q, 4096, PROT_READ | PROT_WRITE)) {
            die("mprotect");
        }
        *q = (u8)i;
    }
    munmap(p, 65536);
    return h;
}

/* Fork with a 1 MiB dirty heap, child dirties 16 pages (COW), exits */
static u64 w_fork(long n)
{
    u8 *m = malloc(1 << 20);
    memset(m, 3, 1 << 20);
    u64 h = 0;
    for (long i = 0; i < n; i++) {
        pid_t p = fork();
        if (p < 0) {
            die("fork");
        }
        if (!p) {
            for (int k = 0; k < 16; k++) {
                m[k * 65536 % (1 << 20) + 64] = (u8)k;
            }
            _exit(7);
        }
        int st;
        waitpid(p, &st, 0);
        h += (u64)WEXITSTATUS(st);
    }
    free(m);
    return h;
}

static u64 w_exec(volatile long n)
{
    volatile u64 h = 0;
    for (volatile long i = 0; i < n; i++) {
        pid_t p = vfork();
        if (p < 0) {
            die("vfork");
        }
        if (!p) {
            execl("/proc/self/exe", "bench", "--nop", (char *)0);
            _exit(99);
        }
        int st;
        waitpid(p, &st, 0);
        h += (u64)WEXITSTATUS(st);
    }
    return h;
}

static volatile sig_atomic_t ticks;
static void on_sig(int s)
{
    (void)s;
    ticks++;
}

static u64 w_signal(long n)
{
    struct sigaction sa = { .sa_handler = on_sig };
    struct sigaction old;
    sigaction(SIGUSR1, &sa, &old);
    ticks = 0;
    pid_t me = getpid();
    for (long i = 0; i < n; i++) {
        kill(me, SIGUSR1);
    }
    sigaction(SIGUSR1, &old, 0);
    return (u64)ticks;
}

static u8 *segv_page;
static void on_segv(int s)
{
    (void)s;
    mprotect(segv_page, 4096, PROT_READ | PROT_WRITE);
    ticks++;
}

/* Fault -> signal -> mprotect -> retry */
static u64 w_segv(long n)
{
    struct sigaction sa = { .sa_handler = on_segv };
    struct sigaction old;
    sigaction(SIGSEGV, &sa, &old);
    ticks = 0;
    segv_page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < n; i++) {
        mprotect(segv_page, 4096, PROT_READ);
        *(volatile u8 *)segv_page = 1;
    }
    sigaction(SIGSEGV, &old, 0);
    munmap(segv_page, 4096);
    return (u64)ticks;
}

/* Rewrite a routine's immediate, then call it (a JIT's patching pattern) */
static u64 w_smc(long n)
{
    /* mov eax, imm; add eax, 1; ret */
    static const u8 tpl[] = { 0xb8, 0, 0, 0, 0, 0x05, 1, 0, 0, 0, 0xc3 };
    u8 *p = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        die("mmap rwx");
    }
    u64 h = 0;
    memcpy(p, tpl, sizeof(tpl));
    for (long i = 0; i < n; i++) {
        u32 v = (u32)i;
        memcpy(p + 1, &v, 4);
        __asm__ volatile("" ::: "memory");
        h += ((u32(*)(void))p)();
    }
    munmap(p, 4096);
    return h;
}

/* Emit fresh 64-byte functions through 256 KiB, run each 20 times */
static u64 w_jitgen(long n)
{
    enum { SZ = 256 << 10 };
    u8 *p = mmap(0, SZ, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        die("mmap rwx");
    }
    u64 h = 0;
    u32 off = 0;
    for (long i = 0; i < n; i++) {
        u8 *q = p + off;
        u32 k = 0;
        q[k++] = 0x31;
        q[k++] = 0xc0; /* xor eax,eax */
        for (int j = 0; j < 8; j++) { /* add eax, imm; rol eax */
            u32 v = (u32)(i * 31 + j);
            q[k++] = 0x05;
            memcpy(q + k, &v, 4);
            k += 4;
            q[k++] = 0xd1;
            q[k++] = 0xc0;
        }
        q[k++] = 0xc3;
        __asm__ volatile("" ::: "memory");
        for (int j = 0; j < 20; j++) {
            h += ((u32(*)(void))q)();
        }
        off = (off + 64) % SZ;
    }
    munmap(p, SZ);
    return h;
}

const Work works_sys[] = {
    { "getppid", "sys", 1000000, w_getppid },
    { "devzero", "sys", 700000, w_devzero },
    { "switch", "sys", 40000, w_switch },
    { "signal", "sys", 80000, w_signal },
    { "fault", "mm", 150, w_fault },
    { "mprotect", "mm", 60000, w_mprotect },
    { "segv", "mm", 50000, w_segv },
    { "fork", "mm", 600, w_fork },
    { "exec", "mm", 400, w_exec },
    { "smc", "jit", 200000, w_smc },
    { "jitgen", "jit", 300000, w_jitgen },
    { NULL },
};
