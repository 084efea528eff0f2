/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The KVM accelerator: options, opening /dev/kvm, creating the VM, ioctl wrappers. BQL. */
#include "qemu/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "qemu/cutils.h"
#include "trace.h"

#include <fcntl.h>
#include <sys/ioctl.h>

static int retry_ioctl(int fd, unsigned long request, const void *arg)
{
    int ret;

    do {
        ret = ioctl(fd, request, arg);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

int kvm_ioctl(const KVMState *s, unsigned long request, const void *arg)
{
    trace_kvm_ioctl(request, arg);
    return retry_ioctl(s->fd, request, arg);
}

int kvm_vm_ioctl(const KVMState *s, unsigned long request, const void *arg)
{
    trace_kvm_vm_ioctl(request, arg);
    return retry_ioctl(s->vm_fd, request, arg);
}

int kvm_vcpu_ioctl(const KVMVcpu *v, unsigned long request, const void *arg)
{
    trace_kvm_vcpu_ioctl(v->cpu->index, request, arg);
    return retry_ioctl(v->fd, request, arg);
}

int kvm_check_extension(const KVMState *s, unsigned cap)
{
    int ret = kvm_ioctl(s, KVM_CHECK_EXTENSION, (void *)(uintptr_t)cap);

    return MAX(ret, 0);
}

int kvm_vm_check_extension(const KVMState *s, unsigned cap)
{
    int ret = kvm_vm_ioctl(s, KVM_CHECK_EXTENSION, (void *)(uintptr_t)cap);

    return ret < 0 ? kvm_check_extension(s, cap) : ret;
}

int kvm_vm_enable_cap(const KVMState *s, unsigned cap, uint64_t arg)
{
    struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

    return kvm_vm_ioctl(s, KVM_ENABLE_CAP, &enable);
}

/* --- Options --------------------------------------------------------------------------------- */

static const char *const irqchip_names[] = {
    [IRQCHIP_OFF] = "off",
    [IRQCHIP_SPLIT] = "split",
    [IRQCHIP_ON] = "on",
};

static const char *const notify_names[] = {
    [KVM_NOTIFY_RUN] = "run",
    [KVM_NOTIFY_INTERNAL_ERROR] = "internal-error",
    [KVM_NOTIFY_DISABLE] = "disable",
};

static bool parse_enum(const Keyval *kv, const char *key, const char *const *names, size_t nr,
                       int *result, Error **errp)
{
    const char *value = keyval_get(kv, key);

    if (!value) {
        return true;
    }
    for (size_t i = 0; i < nr; i++) {
        if (names[i] && !strcmp(names[i], value)) {
            *result = (int)i;
            return true;
        }
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", key, value);
    return false;
}

static bool parse_shadow_mem(const Keyval *kv, int64_t *result, Error **errp)
{
    const char *value = keyval_get(kv, "kvm-shadow-mem");

    if (value && qemu_strtoi64(value, NULL, 0, result) < 0) {
        error_setg(errp, "Parameter 'kvm-shadow-mem' expects int64");
        return false;
    }
    return true;
}

/* Sizes that only matter to dirty logging; checked now, used by migration. */
static bool parse_power_of_two(const Keyval *kv, const char *key, uint64_t *result, Error **errp)
{
    if (!keyval_get_u64(kv, key, result, errp)) {
        return false;
    }
    if (*result & (*result - 1)) {
        error_setg(errp, "%s must be a power of two.", key);
        return false;
    }
    return true;
}

static bool parse_options(KVMOptions *o, const Keyval *kv, Error **errp)
{
    int irqchip = o->irqchip;
    uint64_t window = 0, split_size = 0;

    if (!parse_enum(kv, "kernel-irqchip", irqchip_names, ARRAY_SIZE(irqchip_names), &irqchip,
                    errp) ||
        !parse_enum(kv, "notify-vmexit", notify_names, ARRAY_SIZE(notify_names),
                    &o->notify_vmexit, errp) ||
        !parse_shadow_mem(kv, &o->shadow_mem_bytes, errp) ||
        !parse_power_of_two(kv, "dirty-ring-size", &o->dirty_ring_size, errp) ||
        !parse_power_of_two(kv, "eager-split-size", &split_size, errp) ||
        !keyval_get_u64(kv, "notify-window", &window, errp)) {
        return false;
    }
    if (window > UINT32_MAX) {
        error_setg(errp, "Parameter 'notify-window' expects uint32_t");
        return false;
    }
    o->irqchip = irqchip;
    o->notify_window = window;
    o->device = keyval_get(kv, "device");
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyvalItem *item = &g_array_index(kv->items, KeyvalItem, i);

        if (!item->used && strcmp(item->key, "accel")) {
            error_setg(errp, "Property 'kvm-accel.%s' not found", item->key);
            return false;
        }
    }
    return true;
}

/* --- Initialisation -------------------------------------------------------------------------- */

/* What no x86 KVM since Linux 4.12 lacks. */
static const struct {
    unsigned cap;
    const char *name;
} required_caps[] = {
    { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS" },
    { KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, "KVM_CAP_JOIN_MEMORY_REGIONS_WORKS" },
    { KVM_CAP_INTERNAL_ERROR_DATA, "KVM_CAP_INTERNAL_ERROR_DATA" },
    { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

static int check_required_caps(const KVMState *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(required_caps); i++) {
        if (!kvm_check_extension(s, required_caps[i].cap)) {
            error_printf("kvm does not support %s\n", required_caps[i].name);
            return -EINVAL;
        }
    }
    return 0;
}

static int open_kvm(KVMState *s)
{
    const char *path = s->opts.device ? s->opts.device : "/dev/kvm";
    int version;

    s->fd = open(path, O_RDWR | O_CLOEXEC);
    if (s->fd < 0) {
        int err = errno;

        error_printf("Could not access KVM kernel module: %s\n", strerror(err));
        return -err;
    }
    version = kvm_ioctl(s, KVM_GET_API_VERSION, NULL);
    if (version < KVM_API_VERSION) {
        error_printf("kvm version too old\n");
        return version < 0 ? version : -EINVAL;
    }
    if (version > KVM_API_VERSION) {
        error_printf("kvm version not supported\n");
        return -EINVAL;
    }
    return check_required_caps(s);
}

static int create_vm(KVMState *s)
{
    int mmap_bytes = kvm_ioctl(s, KVM_GET_VCPU_MMAP_SIZE, NULL);

    if (mmap_bytes < (int)sizeof(struct kvm_run)) {
        error_printf("KVM_GET_VCPU_MMAP_SIZE failed\n");
        return mmap_bytes < 0 ? mmap_bytes : -EINVAL;
    }
    s->vcpu_mmap_bytes = mmap_bytes;
    s->vm_fd = kvm_ioctl(s, KVM_CREATE_VM, NULL);
    if (s->vm_fd < 0) {
        error_printf("ioctl(KVM_CREATE_VM) failed: %d %s\n", -s->vm_fd, strerror(-s->vm_fd));
        return s->vm_fd;
    }
    return 0;
}

/* Limits of the kernel on the number of vCPUs: a recommendation and a hard one. */
static bool check_vcpu_limits(const KVMState *s, Error **errp)
{
    const CpuTopology *smp = &s->ms->smp;
    const struct {
        const char *name;
        unsigned nr;
    } rows[] = { { "SMP", smp->cpus }, { "hotpluggable", smp->max_cpus } };
    int recommended = kvm_check_extension(s, KVM_CAP_NR_VCPUS);
    int max = kvm_vm_check_extension(s, KVM_CAP_MAX_VCPUS);

    recommended = recommended ? recommended : 4;
    max = max ? max : recommended;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].nr <= (unsigned)recommended) {
            continue;
        }
        warn_report("Number of %s cpus requested (%u) exceeds the recommended cpus supported by "
                    "KVM (%d)", rows[i].name, rows[i].nr, recommended);
        if (rows[i].nr > (unsigned)max) {
            error_setg(errp, "Number of %s cpus requested (%u) exceeds the maximum cpus supported "
                       "by KVM (%d)", rows[i].name, rows[i].nr, max);
            return false;
        }
    }
    return true;
}

static void kvm_state_free(KVMState *s)
{
    kvm_memory_fini(s);
    kvm_arch_fini(s);
    if (s->vm_fd >= 0) {
        close(s->vm_fd);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    g_free(s->failed);
    g_free(s);
}

static bool kvm_start(KVMState *s, Error **errp)
{
    int ret = open_kvm(s);

    ret = ret < 0 ? ret : create_vm(s);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "failed to initialize kvm");
        return false;
    }
    if (!check_vcpu_limits(s, errp) || !kvm_arch_init(s, errp) || !kvm_init_kick_signal(errp)) {
        return false;
    }
    kvm_ioevent_init(s);
    kvm_memory_init(s);
    return true;
}

static bool kvm_init_machine(MachineState *ms, const Keyval *opts, Error **errp)
{
    KVMState *s = g_new0(KVMState, 1);

    s->ms = ms;
    s->fd = s->vm_fd = -1;
    s->opts = (KVMOptions){ .irqchip = ms->irqchip_mode, .shadow_mem_bytes = -1 };
    if ((opts && !parse_options(&s->opts, opts, errp)) || !kvm_start(s, errp)) {
        kvm_state_free(s);
        return false;
    }
    ms->accel_state = s;
    ms->irqchip_mode = s->opts.irqchip;
    return true;
}

const AccelOps kvm_accel_ops = {
    .name = "kvm",
    .type_name = "kvm-accel",
    .init_machine = kvm_init_machine,
    .create_irqchip = kvm_arch_create_irqchip,
    .vcpu_init = kvm_vcpu_init,
    .vcpu_destroy = kvm_vcpu_destroy,
    .vcpu_exec = kvm_vcpu_exec,
    .vcpu_kick = kvm_vcpu_kick,
    .vcpu_idle = kvm_arch_vcpu_idle,
    .get_state = kvm_arch_get_state,
    .put_state = kvm_arch_put_state,
    .vm_state_change = kvm_arch_vm_state_change,
    .has_ioeventfd = kvm_has_ioeventfd,
    .debug = &kvm_arch_debug_ops,
    .vmsd = &kvm_arch_vmsd,
    .vm_state = kvm_arch_vm_state,
    .target_ops = &kvm_arch_target_ops,
};
