/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM on x86: set-up of the VM and of each vCPU, registers as a whole, clock and TSC.
 * Documentation/virt/kvm/api.rst. BQL; vCPU functions on the vCPU's thread.
 */
#include "qemu/osdep.h"
#include "hw/intc/apic-bus.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"
#include "target/i386/cpuid.h"
#include "target/i386/kvm/kvm-x86.h"
#include "trace.h"

#include <sys/syscall.h>

#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025
#define XFEATURE_XTILE_DATA 18
#define MCE_BANKS 10u

/* --- The VM ---------------------------------------------------------------------------------- */

static void query_capabilities(KVMState *s)
{
    KVMArchState *a = s->arch;

    a->have_sregs2 = kvm_check_extension(s, KVM_CAP_SREGS2);
    a->have_smm = kvm_check_extension(s, KVM_CAP_X86_SMM);
    a->have_debugregs = kvm_check_extension(s, KVM_CAP_DEBUGREGS);
    a->have_xcrs = kvm_check_extension(s, KVM_CAP_XCRS);
    a->have_vcpu_events = kvm_check_extension(s, KVM_CAP_VCPU_EVENTS);
    a->have_tsc_deadline = kvm_check_extension(s, KVM_CAP_TSC_DEADLINE_TIMER);
    a->have_exception_payload = kvm_check_extension(s, KVM_CAP_EXCEPTION_PAYLOAD) &&
                                kvm_vm_enable_cap(s, KVM_CAP_EXCEPTION_PAYLOAD, 1) == 0;
    a->have_triple_fault = kvm_check_extension(s, KVM_CAP_X86_TRIPLE_FAULT_EVENT) &&
                           kvm_vm_enable_cap(s, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1) == 0;
}

/* Intel hosts run real mode with these pages of guest address space. */
static bool set_identity_map(KVMState *s, Error **errp)
{
    uint64_t base = KVM_IDENTITY_BASE;
    int ret = 0;

    if (kvm_check_extension(s, KVM_CAP_SET_IDENTITY_MAP_ADDR)) {
        ret = kvm_vm_ioctl(s, KVM_SET_IDENTITY_MAP_ADDR, &base);
    }
    if (ret == 0 && kvm_check_extension(s, KVM_CAP_SET_TSS_ADDR)) {
        ret = kvm_vm_ioctl(s, KVM_SET_TSS_ADDR, (void *)(uintptr_t)(base + 0x1000));
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM refused the identity map at 0x%" PRIx64, base);
    }
    return ret >= 0;
}

static bool set_shadow_memory(KVMState *s, Error **errp)
{
    int ret;

    if (s->opts.shadow_mem_bytes < 0) {
        return true;
    }
    ret = kvm_vm_ioctl(s, KVM_SET_NR_MMU_PAGES,
                       (void *)(uintptr_t)(s->opts.shadow_mem_bytes / 4096));
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM refused kvm-shadow-mem=%" PRId64,
                         s->opts.shadow_mem_bytes);
    }
    return ret >= 0;
}

/* Exits when a guest blocks events for long (Intel); a defence that need not exist. */
static void enable_notify_vmexit(KVMState *s)
{
    uint64_t flags = (uint64_t)s->opts.notify_window << 32 | KVM_X86_NOTIFY_VMEXIT_ENABLED |
                     KVM_X86_NOTIFY_VMEXIT_USER;
    int ret;

    if (s->opts.notify_vmexit == KVM_NOTIFY_DISABLE ||
        !kvm_check_extension(s, KVM_CAP_X86_NOTIFY_VMEXIT)) {
        return;
    }
    ret = kvm_vm_enable_cap(s, KVM_CAP_X86_NOTIFY_VMEXIT, flags);
    if (ret < 0) {
        warn_report("kvm: failed to enable notify vmexit: %s", strerror(-ret));
    }
}

bool kvm_arch_init(KVMState *s, Error **errp)
{
    s->arch = g_new0(KVMArchState, 1);
    query_capabilities(s);
    if (!kvm_msr_init(s, errp) || !set_identity_map(s, errp) || !set_shadow_memory(s, errp)) {
        return false;
    }
    enable_notify_vmexit(s);
    return true;
}

void kvm_arch_fini(KVMState *s)
{
    if (s->arch) {
        kvm_msr_fini(s);
        kvm_x86_free_info(s->arch);
        g_clear_pointer(&s->arch->msi_routes, g_array_unref);
        g_free(s->arch);
        s->arch = NULL;
    }
}

/* --- The x2APIC API: once for the VM, before the first KVM_SET_CPUID2 ------------------------ */

static bool needs_x2apic_ids(const MachineState *ms)
{
    X86CPUTopo topo = x86_cpu_topology(ms);

    return x86_apicid_from_index(&topo, ms->smp.max_cpus - 1) >= 255;
}

static bool program_x2apic_api(KVMVcpu *v, Error **errp)
{
    KVMState *s = v->s;
    KVMArchState *a = s->arch;
    const X86SeoibDecision *want = &kvm_x86_cpu(v)->cfg.seoib;
    uint32_t flags = want->kvm_flags;
    bool ids = needs_x2apic_ids(s->ms);
    int ret;

    if (ids) {
        flags |= KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
        if (!kvm_lapic_in_kernel(s) || !(kvm_vm_check_extension(s, KVM_CAP_X2APIC_API) & 3)) {
            error_setg(errp, "current -smp configuration requires kernel irqchip and X2APIC API "
                             "support.");
            return false;
        }
    }
    if (flags) {
        ret = kvm_vm_enable_cap(s, KVM_CAP_X2APIC_API, flags);
        if (ret < 0) {
            x86_seoib_kvm_error(errp, flags, -ret);
            return false;
        }
    }
    a->x2apic_set = true;
    a->x2apic_ids = ids;
    a->seoib = *want;
    trace_kvm_x2apic_api(flags, seoib_mode_name(want->mode));
    if (s->ms->apic_bus) {
        apic_bus_set_seoib(s->ms->apic_bus, want->mode);
    }
    return true;
}

static bool set_x2apic_api(KVMVcpu *v, Error **errp)
{
    const KVMArchState *a = v->s->arch;

    return a->x2apic_set ? x86_seoib_check_same(&a->seoib, &kvm_x86_cpu(v)->cfg.seoib,
                                                v->cpu->index, errp)
                         : program_x2apic_api(v, errp);
}

/* --- A vCPU ---------------------------------------------------------------------------------- */

unsigned long kvm_arch_vcpu_id(CPUState *cpu)
{
    return X86_CPU(cpu)->apic_id;
}

/* AMX tile data is big; a process must ask before the first vCPU for a guest to have it. */
static void request_amx(KVMVcpu *v)
{
    if (x86_cpu_xcr0_allowed(&kvm_x86_cpu(v)->cfg) & 1ull << XFEATURE_XTILE_DATA &&
        syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, XFEATURE_XTILE_DATA) < 0) {
        warn_report("the kernel does not let the guest have AMX tile data: %s", strerror(errno));
    }
}

static void alloc_xsave_area(KVMVcpu *v)
{
    CPUX86State *env = &kvm_x86_cpu(v)->env;
    int len = kvm_vm_check_extension(v->s, KVM_CAP_XSAVE2);

    env->xsave_len = MAX(len, (int)sizeof(struct kvm_xsave));
    g_free(env->xsave_area);
    env->xsave_area = g_malloc0(env->xsave_len);
}

static bool set_tsc_khz(KVMVcpu *v, Error **errp)
{
    X86CPUConfig *cfg = &kvm_x86_cpu(v)->cfg;
    int64_t want = cfg->tsc_frequency / 1000;
    int have = kvm_vcpu_ioctl(v, KVM_GET_TSC_KHZ, NULL);
    int ret = -ENOTSUP;

    if (want && want != have) {
        if (kvm_check_extension(v->s, KVM_CAP_TSC_CONTROL)) {
            ret = kvm_vcpu_ioctl(v, KVM_SET_TSC_KHZ, (void *)(uintptr_t)want);
        }
        if (ret < 0) {
            error_setg(errp, "TSC frequency mismatch between VM (%" PRId64 " kHz) and host (%d "
                       "kHz), and TSC scaling unavailable", want, MAX(have, 0));
            return false;
        }
        have = (int)want;
    }
    cfg->accel.tsc_khz = MAX(have, 0);
    return true;
}

/* Machine check banks, as many as QEMU gives and the kernel can. */
static bool set_mce(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    unsigned banks = (unsigned)kvm_check_extension(v->s, KVM_CAP_MCE);
    uint64_t supported = 0;
    int ret = kvm_ioctl(v->s, KVM_X86_GET_MCE_CAP_SUPPORTED, &supported);

    if (!x86_has(&cpu->cfg, X86_FEATURE_MCE) || !x86_has(&cpu->cfg, X86_FEATURE_MCA) ||
        cpu->cfg.family < 6 || !banks || ret < 0) {
        return true;
    }
    if (cpu->cfg.lmce && !(supported & MCG_LMCE_P)) {
        error_setg(errp, "kvm: LMCE not supported");
        return false;
    }
    cpu->env.mcg_cap = MIN(banks, MCE_BANKS) | (supported & (MCG_CTL_P | MCG_SER_P)) |
                       (cpu->cfg.lmce ? MCG_LMCE_P : 0);
    ret = kvm_vcpu_ioctl(v, KVM_X86_SETUP_MCE, &cpu->env.mcg_cap);
    if (ret < 0) {
        warn_report("KVM refused machine check capabilities 0x%" PRIx64 ": %s", cpu->env.mcg_cap,
                    strerror(-ret));
        cpu->env.mcg_cap = 0;
    }
    return true;
}

bool kvm_arch_init_vcpu(KVMVcpu *v, Error **errp)
{
    request_amx(v);
    alloc_xsave_area(v);
    return set_x2apic_api(v, errp) && set_tsc_khz(v, errp) && kvm_x86_set_cpuid(v, errp) &&
           set_mce(v, errp) && kvm_put_feature_msrs(v, errp);
}

/* --- Registers ------------------------------------------------------------------------------- */

bool kvm_arch_get_state(CPUState *cpu, Error **errp)
{
    KVMVcpu *v = kvm_vcpu(cpu);

    return kvm_get_regs(v, errp) && kvm_get_msrs(v, errp);
}

/* After a reset the LAPIC model holds the state the kernel's shall have. */
static bool put_lapic(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    uint8_t page[LAPIC_PAGE_BYTES];

    if (!kvm_lapic_in_kernel(v->s) || !cpu->lapic) {
        return true;
    }
    lapic_get_page(cpu->lapic, page, true, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    return kvm_set_lapic_page(cpu, page, errp);
}

bool kvm_arch_put_state(CPUState *cpu, bool full, Error **errp)
{
    KVMVcpu *v = kvm_vcpu(cpu);

    /* What the last run said about interrupts is about the old state. */
    v->run->ready_for_interrupt_injection = 0;
    v->run->if_flag = !!(X86_CPU(cpu)->env.eflags & RFLAGS_IF);
    return kvm_put_regs(v, full, errp) && kvm_put_msrs(v, full, errp) &&
           (!full || (put_lapic(v, errp) && kvm_put_tsc_deadline(v, errp)));
}

/* The kernel's local APIC as it is now, in the model. */
static bool kvm_prepare_save(X86CPU *cpu, Error **errp)
{
    uint8_t page[LAPIC_PAGE_BYTES];

    if (!kvm_lapic_in_kernel(kvm_vcpu(&cpu->cpu)->s) || cpu->cpu.state_full) {
        return true; /* the model is the truth, or what the kernel's will be */
    }
    if (!kvm_get_lapic_page(cpu, page, errp)) {
        return false;
    }
    cpu->lapic->timer_armed = false;
    lapic_load_base(cpu->lapic, cpu->env.apic_base);
    lapic_set_page(cpu->lapic, page, true, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    return true;
}

const X86AccelOps kvm_arch_target_ops = {
    .get_info = kvm_x86_get_info,
    .get_lapic_page = kvm_get_lapic_page,
    .set_lapic_page = kvm_set_lapic_page,
    .prepare_save = kvm_prepare_save,
};

/* --- Diagnostics ----------------------------------------------------------------------------- */

bool kvm_arch_stop_on_emulation_error(KVMVcpu *v)
{
    const CPUX86State *env = &kvm_x86_cpu(v)->env;

    cpu_synchronize_state(v->cpu);
    return !(env->cr[0] & CR0_PE_MASK) || (env->segs[R_CS].selector & 3) != 3;
}

void kvm_arch_dump(KVMVcpu *v)
{
    g_autoptr(GString) text = g_string_new(NULL);

    cpu_synchronize_state(v->cpu);
    x86_cpu_dump_code_state(kvm_x86_cpu(v), text);
    error_printf("%s", text->str);
}

/* --- Clock ----------------------------------------------------------------------------------- */

static void save_clock(KVMState *s)
{
    struct kvm_clock_data data = { .flags = 0 };

    s->arch->clock_valid = kvm_vm_ioctl(s, KVM_GET_CLOCK, &data) == 0;
    s->arch->clock_ns = data.clock;
}

static void tell_paused(CPUState *cpu, void *opaque)
{
    /* Fails where the guest does not use the clock. */
    kvm_vcpu_ioctl(kvm_vcpu(cpu), KVM_KVMCLOCK_CTRL, NULL);
}

/* Time stands still for the guest while the machine is stopped; its watchdogs are told. */
static void restore_clock(KVMState *s)
{
    struct kvm_clock_data data = { .clock = s->arch->clock_ns };
    CPUState *cpu;
    int ret;

    if (!s->arch->clock_valid) {
        return;
    }
    s->arch->clock_valid = false;
    ret = kvm_vm_ioctl(s, KVM_SET_CLOCK, &data);
    if (ret < 0) {
        warn_report("KVM_SET_CLOCK failed: %s", strerror(-ret));
    }
    if (kvm_check_extension(s, KVM_CAP_KVMCLOCK_CTRL)) {
        CPU_FOREACH(cpu) {
            run_on_cpu(cpu, tell_paused, NULL);
        }
    }
}

static const VMStateField clock_fields[] = {
    VMSTATE_BOOL(KVMArchState, clock_valid), VMSTATE_UINT(KVMArchState, clock_ns), VMSTATE_END,
};
const VMStateDescription kvm_arch_vmsd = { "kvmclock", .version = 1, .fields = clock_fields };

void *kvm_arch_vm_state(MachineState *ms, size_t *bytes)
{
    *bytes = sizeof(KVMArchState);
    return kvm_state(ms)->arch;
}

void kvm_arch_vm_state_change(MachineState *ms, bool running)
{
    KVMState *s = kvm_state(ms);

    if (!kvm_check_extension(s, KVM_CAP_ADJUST_CLOCK)) {
        return;
    }
    if (running) {
        restore_clock(s);
    } else {
        save_clock(s);
    }
}
