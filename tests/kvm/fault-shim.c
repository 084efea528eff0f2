/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD library that makes KVM ioctls of a VMM fail, to see what it does about that. Any
 * thread. Environment:
 *   FAULT=NAME:ERRNO[:SKIP]  the ioctl NAME (table below) fails with that number, SKIP calls passed
 *                            through first
 *   FAULT_MSR=N              KVM_SET_MSRS stops before MSR N
 *   FAULT_EXIT=N[:SKIP]      KVM_RUN returns with exit reason N and an otherwise empty exit record
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...);

static const struct {
    const char *name;
    unsigned long request;
} names[] = {
    { "create-vm", KVM_CREATE_VM },
    { "create-vcpu", KVM_CREATE_VCPU },
    { "create-irqchip", KVM_CREATE_IRQCHIP },
    { "create-pit2", KVM_CREATE_PIT2 },
    { "enable-cap", KVM_ENABLE_CAP },
    { "get-msr-index-list", KVM_GET_MSR_INDEX_LIST },
    { "get-supported-cpuid", KVM_GET_SUPPORTED_CPUID },
    { "get-vcpu-mmap-size", KVM_GET_VCPU_MMAP_SIZE },
    { "get-regs", KVM_GET_REGS },
    { "set-cpuid2", KVM_SET_CPUID2 },
    { "set-gsi-routing", KVM_SET_GSI_ROUTING },
    { "set-lapic", KVM_SET_LAPIC },
    { "set-memory", KVM_SET_USER_MEMORY_REGION },
    { "set-mp-state", KVM_SET_MP_STATE },
    { "set-msrs", KVM_SET_MSRS },
    { "set-sregs", KVM_SET_SREGS },
    { "set-sregs2", KVM_SET_SREGS2 },
    { "set-tss-addr", KVM_SET_TSS_ADDR },
    { "run", KVM_RUN },
};

static int real_ioctl(int fd, unsigned long request, void *arg)
{
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* One more call of something that is to happen after *skip calls. */
static bool due(long skip, int *calls)
{
    return __atomic_fetch_add(calls, 1, __ATOMIC_SEQ_CST) >= skip;
}

static bool fault(unsigned long request, int *err)
{
    static int calls;
    const char *spec = getenv("FAULT");
    char name[32] = "";
    long skip = 0;

    if (!spec || sscanf(spec, "%31[^:]:%d:%ld", name, err, &skip) < 2) {
        return false;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].request == request && due(skip, &calls);
        }
    }
    fprintf(stderr, "fault-shim: no ioctl '%s'\n", name);
    return false;
}

static int set_msrs(int fd, struct kvm_msrs *msrs)
{
    const char *spec = getenv("FAULT_MSR");
    uint32_t all = msrs->nmsrs;
    int ret;

    for (uint32_t i = 0; spec && i < all; i++) {
        if (msrs->entries[i].index == strtoul(spec, NULL, 0)) {
            if (i == 0) {
                return 0;
            }
            msrs->nmsrs = i;
            ret = real_ioctl(fd, KVM_SET_MSRS, msrs);
            msrs->nmsrs = all;
            return ret;
        }
    }
    return real_ioctl(fd, KVM_SET_MSRS, msrs);
}

static bool fake_exit(int fd)
{
    static int calls;
    const char *spec = getenv("FAULT_EXIT");
    unsigned reason;
    long skip = 0;
    struct kvm_run *run;

    if (!spec || sscanf(spec, "%u:%ld", &reason, &skip) < 1 || !due(skip, &calls)) {
        return false;
    }
    run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (run == MAP_FAILED) {
        return false;
    }
    if (run->immediate_exit) { /* a kick comes through, as with the real one */
        munmap(run, sizeof(*run));
        return false;
    }
    run->exit_reason = reason;
    memset(run->padding, 0, sizeof(run->padding));
    munmap(run, sizeof(*run));
    return true;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;
    int err;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (fault(request, &err)) {
        errno = err;
        return -1;
    }
    if (request == KVM_SET_MSRS) {
        return set_msrs(fd, arg);
    }
    if (request == KVM_RUN && fake_exit(fd)) {
        return 0;
    }
    return real_ioctl(fd, request, arg);
}
