/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Driver of the workloads. As process 1 it is a guest's /init, sets up /proc and the console, takes
 * bench.scale= and bench.only= from the kernel's command line and powers off at the end; else
 *
 *   bench [--scale X] [--only a,b,c]
 *
 * Prints "@@INIT", for each workload "@@B name" and "@@E name kind units cpu_ns checksum" or
 * "@@S name" when the processor lacks what it needs, and "@@DONE". */
#define _GNU_SOURCE
#include "bench.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double scale = 1;
static const char *only = "";

void die(const char *what)
{
    printf("@@FAIL %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(111);
}

/* Of this process and those it has waited for. */
static u64 cpu_ns(void)
{
    struct timespec t;
    struct rusage r;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    getrusage(RUSAGE_CHILDREN, &r);
    return (u64)t.tv_sec * 1000000000 + t.tv_nsec +
           (u64)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000 +
           (u64)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000;
}

/* Is @name in the list? It ends at the first blank. */
static bool wanted(const char *name)
{
    size_t len = strlen(name), end = strcspn(only, " \n");

    for (size_t at = 0; at < end; at += strcspn(only + at, ", \n") + 1) {
        if (!strncmp(only + at, name, len) && strchr(", \n", only[at + len])) {
            return true;
        }
    }
    return !end;
}

static void run(const Work *w)
{
    long n = (long)((double)w->units * scale);
    u64 start, sum;

    if (w->available && !w->available()) {
        printf("@@S %s\n", w->name);
        return;
    }
    n = n < 1 ? 1 : n;
    printf("@@B %s\n", w->name);
    fflush(stdout);
    start = cpu_ns();
    sum = w->fn(n);
    printf("@@E %s %s %ld %llu %016llx\n", w->name, w->kind, n,
           (unsigned long long)(cpu_ns() - start), (unsigned long long)sum);
}

static void run_all(void)
{
    static const Work *const groups[] = { works_cpu, works_mem, works_fp, works_sys };

    printf("@@INIT\n");
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const Work *w = groups[g]; w->name; w++) {
            if (wanted(w->name)) {
                run(w);
                fflush(stdout);
            }
        }
    }
    printf("@@DONE\n");
    fflush(stdout);
}

/* ---- As /init -------------------------------------------------------------------------------- */

static const char *kernel_argument(const char *line, const char *name, const char *otherwise)
{
    const char *at = strstr(line, name);

    return at ? at + strlen(name) : otherwise;
}

static void read_settings(void)
{
    static char line[4096];
    int fd = open("/proc/cmdline", O_RDONLY);

    if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0) {
        die("/proc/cmdline");
    }
    close(fd);
    scale = strtod(kernel_argument(line, "bench.scale=", "1"), NULL);
    only = kernel_argument(line, "bench.only=", "");
}

static void be_init(void)
{
    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    for (int fd = 0; fd < 3; fd++) {
        close(fd);
        open("/dev/console", O_RDWR);
    }
    read_settings();
    run_all();
    sync();
    usleep(20000); /* the console's output */
    reboot(RB_POWER_OFF);
    for (;;) {
        pause();
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--nop")) { /* what the workload "exec" starts */
        return 5;
    }
    if (getpid() == 1) {
        be_init();
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--scale")) {
            scale = strtod(argv[i + 1], NULL);
        } else if (!strcmp(argv[i], "--only")) {
            only = argv[i + 1];
        }
    }
    run_all();
    return 0;
}
