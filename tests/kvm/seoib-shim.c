/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD library that stands between a VMM and /dev/kvm and changes what KVM_CAP_X2APIC_API
 * answers (see docs/system/x2apic-seoib.rst). Any
 * thread. Environment:
 *   SEOIB_FLAGS=N   after a successful irqchip creation give KVM these flags as well (4 = enable
 *                   suppression, 8 = hide it): a VMM that knows nothing of them runs with them
 *   SEOIB_SHIM=old  a kernel without the flags: KVM_CHECK_EXTENSION answers at most 0x3 on every
 *                   file descriptor, KVM_ENABLE_CAP with another bit fails with EINVAL
 *   SEOIB_SHIM=reject   KVM_CHECK_EXTENSION offers both flags, KVM_ENABLE_CAP refuses them
 *   SEOIB_CHECK=N   KVM_CHECK_EXTENSION answers exactly N on every file descriptor
 *   SEOIB_LOG=FILE  appends one line for each call that matters, in the order they were made
 * Not for programs built with AddressSanitizer, which wants to be the first library itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KNOWN_TO_OLD_KERNELS 0x3u
#define SEOIB_BOTH           0xcu

int ioctl(int fd, unsigned long request, ...);

static int real_ioctl(int fd, unsigned long request, void *arg)
{
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

static bool shim_is(const char *mode)
{
    const char *val = getenv("SEOIB_SHIM");

    return val && strcmp(val, mode) == 0;
}

static bool env_number(const char *name, uint64_t *val)
{
    const char *text = getenv(name);
    char *end;

    if (!text || !*text) {
        return false;
    }
    *val = strtoull(text, &end, 0);
    return *end == 0;
}

static void log_call(const char *what, uint64_t arg, int result)
{
    int saved = errno, fd;
    const char *path = getenv("SEOIB_LOG");
    char line[128];
    int len;

    if (!path) {
        return;
    }
    len = snprintf(line, sizeof(line), "%s 0x%llx = %d%s%s\n", what, (unsigned long long)arg,
                   result, result < 0 ? " " : "", result < 0 ? strerrorname_np(saved) : "");
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        if (write(fd, line, (size_t)len) != len) {
            fprintf(stderr, "seoib-shim: cannot write %s\n", path);
        }
        close(fd);
    }
    errno = saved;
}

static int check_x2apic_api(int fd)
{
    int ret = real_ioctl(fd, KVM_CHECK_EXTENSION, (void *)(uintptr_t)KVM_CAP_X2APIC_API);
    uint64_t forced;

    if (ret >= 0 && env_number("SEOIB_CHECK", &forced)) {
        ret = (int)forced;
    } else if (ret >= 0 && shim_is("old")) {
        ret &= (int)KNOWN_TO_OLD_KERNELS;
    } else if (ret >= 0 && shim_is("reject")) {
        ret |= (int)SEOIB_BOTH;
    }
    log_call("check-extension", KVM_CAP_X2APIC_API, ret);
    return ret;
}

static int enable_x2apic_api(int fd, struct kvm_enable_cap *cap)
{
    uint64_t unknown = ~(uint64_t)KNOWN_TO_OLD_KERNELS;
    int ret;

    if ((shim_is("old") && (cap->args[0] & unknown)) ||
        (shim_is("reject") && (cap->args[0] & SEOIB_BOTH))) {
        errno = EINVAL;
        ret = -1;
    } else {
        ret = real_ioctl(fd, KVM_ENABLE_CAP, cap);
    }
    log_call("enable-x2apic-api", cap->args[0], ret);
    return ret;
}

/* The flags of the environment, behind the program's back, once the VM has its irqchip. */
static void add_flags(int fd)
{
    int saved = errno;
    uint64_t flags;

    if (env_number("SEOIB_FLAGS", &flags)) {
        struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flags } };
        int ret = real_ioctl(fd, KVM_ENABLE_CAP, &cap);

        if (ret < 0) {
            fprintf(stderr, "seoib-shim: flags 0x%llx: %s\n", (unsigned long long)flags,
                    strerror(errno));
        }
        log_call("shim-x2apic-api", flags, ret);
    }
    errno = saved;
}

static int enable_cap(int fd, struct kvm_enable_cap *cap)
{
    int ret;

    if (cap && cap->cap == KVM_CAP_X2APIC_API) {
        return enable_x2apic_api(fd, cap);
    }
    ret = real_ioctl(fd, KVM_ENABLE_CAP, cap);
    if (cap && cap->cap == KVM_CAP_SPLIT_IRQCHIP) {
        log_call("split-irqchip", cap->args[0], ret);
        if (ret >= 0) {
            add_flags(fd);
        }
    }
    return ret;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;
    int ret;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (request == KVM_CHECK_EXTENSION && (uintptr_t)arg == KVM_CAP_X2APIC_API) {
        return check_x2apic_api(fd);
    }
    if (request == KVM_ENABLE_CAP) {
        return enable_cap(fd, arg);
    }
    ret = real_ioctl(fd, request, arg);
    if (request == KVM_CREATE_IRQCHIP) {
        log_call("create-irqchip", 0, ret);
        if (ret >= 0) {
            add_flags(fd);
        }
    } else if (request == KVM_CREATE_VCPU) {
        log_call("create-vcpu", (uintptr_t)arg, ret < 0 ? ret : 0);
    } else if (request == KVM_SET_CPUID2) {
        log_call("set-cpuid2", 0, ret);
    }
    return ret;
}
