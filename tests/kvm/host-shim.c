/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD library that is a /dev/kvm for questions only: an imaginary host whose KVM offers
 * every feature bit that exists. With it the answers to CPU queries (and libvirt's, made of them)
 * are the same on all machines, those without KVM included. VMs can be created and never run.
 * Any thread. Environment:
 *   HOST_SHIM_X2APIC_API=N   what KVM_CAP_X2APIC_API answers: 0x3 an old kernel, 0xf a new one
 */
#undef _FILE_OFFSET_BITS /* open() and open64() are two symbols here */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OLD_KERNEL 0x3

/* Highest basic and extended leaf; all others are all ones. */
static const struct kvm_cpuid_entry2 host_cpuid[] = {
    { .function = 0x00000000, .eax = 0x24 },
    { .function = 0x80000000, .eax = 0x80000022 },
    { .function = 0x80000008, .eax = 0x3034, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
};

static const struct {
    uint32_t leaf;
    uint32_t subleaf;
    bool indexed;
} full_leaves[] = {
    { 0x01, 0, false },       { 0x06, 0, false },       { 0x07, 0, true },
    { 0x07, 1, true },        { 0x07, 2, true },        { 0x0d, 0, true },
    { 0x0d, 1, true },        { 0x14, 0, true },        { 0x24, 0, true },
    { 0x40000001, 0, false }, { 0x80000001, 0, false }, { 0x80000007, 0, false },
    { 0x8000000a, 0, false }, { 0x80000021, 0, false }, { 0x80000022, 0, false },
    { 0xc0000001, 0, false },
};

/* IA32_ARCH_CAPABILITIES, IA32_CORE_CAPABILITIES, IA32_PERF_CAPABILITIES and the VMX ones. */
static const uint32_t feature_msrs[] = {
    0x10a, 0xcf, 0x345, 0x480, 0x485, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int pretend_fd(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC);
}

static bool is_pretended(int fd)
{
    char path[64], target[64];
    ssize_t len;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    len = readlink(path, target, sizeof(target) - 1);
    target[len < 0 ? 0 : len] = 0;
    return strncmp(target, "/memfd:host-shim", 16) == 0;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int get_supported_cpuid(struct kvm_cpuid2 *c)
{
    unsigned nr = 0;

    if (c->nent < COUNT(host_cpuid) + COUNT(full_leaves)) {
        return fail(E2BIG);
    }
    for (unsigned i = 0; i < COUNT(host_cpuid); i++) {
        c->entries[nr++] = host_cpuid[i];
    }
    for (unsigned i = 0; i < COUNT(full_leaves); i++) {
        c->entries[nr++] = (struct kvm_cpuid_entry2) {
            .function = full_leaves[i].leaf, .index = full_leaves[i].subleaf,
            .flags = full_leaves[i].indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u,
        };
    }
    c->nent = nr;
    return 0;
}

static int msr_list(struct kvm_msr_list *list)
{
    unsigned room = list->nmsrs;

    list->nmsrs = COUNT(feature_msrs);
    if (room < COUNT(feature_msrs)) {
        return fail(E2BIG);
    }
    memcpy(list->indices, feature_msrs, sizeof(feature_msrs));
    return 0;
}

/* The control MSRs' lower half says which bits must be one: none. */
static bool is_control(uint32_t msr)
{
    return msr == 0x48b || (msr >= 0x48d && msr <= 0x490);
}

static int get_msrs(struct kvm_msrs *msrs)
{
    for (unsigned i = 0; i < msrs->nmsrs; i++) {
        uint64_t all = is_control(msrs->entries[i].index) ? 0xffffffff00000000 : UINT64_MAX;

        msrs->entries[i].data = all;
    }
    return (int)msrs->nmsrs;
}

static int check_extension(uintptr_t cap)
{
    const char *api = getenv("HOST_SHIM_X2APIC_API");

    switch (cap) {
    case KVM_CAP_X2APIC_API:
        return api ? (int)strtoul(api, NULL, 0) : OLD_KERNEL;
    case KVM_CAP_SYS_ATTRIBUTES:
        return 0;
    case KVM_CAP_NR_VCPUS:
    case KVM_CAP_MAX_VCPUS:
    case KVM_CAP_MAX_VCPU_ID:
        return 1024;
    case KVM_CAP_NR_MEMSLOTS:
        return 32764;
    default:
        return 1;
    }
}

static int pretended_ioctl(unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return KVM_API_VERSION;
    case KVM_CREATE_VM:
    case KVM_CREATE_VCPU: /* libvirtd's way to the frequency of the TSC */
        return pretend_fd("host-shim-vm");
    case KVM_CHECK_EXTENSION:
        return check_extension((uintptr_t)arg);
    case KVM_GET_VCPU_MMAP_SIZE:
        return 0x3000;
    case KVM_GET_SUPPORTED_CPUID:
        return get_supported_cpuid(arg);
    case KVM_GET_MSR_INDEX_LIST:
    case KVM_GET_MSR_FEATURE_INDEX_LIST:
        return msr_list(arg);
    case KVM_GET_MSRS:
        return get_msrs(arg);
    case KVM_X86_GET_MCE_CAP_SUPPORTED:
        *(uint64_t *)arg = UINT64_MAX;
        return 0;
    case KVM_GET_TSC_KHZ:
        return 2000000;
    case KVM_ENABLE_CAP:
    case KVM_CREATE_IRQCHIP:
    case KVM_SET_TSS_ADDR:
    case KVM_SET_IDENTITY_MAP_ADDR:
    case KVM_SET_GSI_ROUTING:
    case KVM_CREATE_PIT2:
    case KVM_SET_USER_MEMORY_REGION:
        return 0;
    default:
        return fail(EINVAL);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if ((request >> 8 & 0xff) == KVMIO && is_pretended(fd)) {
        return pretended_ioctl(request, arg);
    }
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

static int open_file(const char *path, int flags, mode_t mode)
{
    if (strcmp(path, "/dev/kvm") == 0) {
        return pretend_fd("host-shim");
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}
