/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts on their way into a vCPU, and the exits that go with them. On the vCPU's thread.
 *
 *   kernel-irqchip=on     nothing to do
 *   kernel-irqchip=split  CPU 0 takes the 8259 pair's ExtINTs by KVM_INTERRUPT
 *   kernel-irqchip=off    every vector of our LAPIC goes by KVM_INTERRUPT; INIT, start-up, halt and
 *                         the TPR are ours as well
 */
#include "qemu/osdep.h"
#include "hw/intc/apic-cpu.h"
#include "system/runstate.h"
#include "target/i386/kvm/kvm-x86.h"
#include "trace.h"

static ApicBus *bus(const KVMVcpu *v)
{
    return v->s->ms->apic_bus;
}

static bool user_lapic(const KVMVcpu *v)
{
    return !kvm_lapic_in_kernel(v->s);
}

static bool take_request(CPUState *cpu, uint32_t bit)
{
    return __atomic_fetch_and(&cpu->interrupt_request, ~bit, __ATOMIC_SEQ_CST) & bit;
}

static bool interrupts_enabled(const KVMVcpu *v)
{
    return v->cpu->state_valid ? kvm_x86_cpu(v)->env.eflags & RFLAGS_IF : v->run->if_flag;
}

static bool waits_for_sipi(const X86CPU *cpu)
{
    return cpu->env.mp_state == X86_MP_UNINITIALIZED || cpu->env.mp_state == X86_MP_INIT_RECEIVED;
}

/* --- Before the registers are committed ------------------------------------------------------ */

static void handle_init(KVMVcpu *v)
{
    cpu_synchronize_state(v->cpu);
    x86_cpu_reset(kvm_x86_cpu(v), true);
}

static void handle_sipi(KVMVcpu *v, uint8_t vector)
{
    if (kvm_x86_cpu(v)->env.mp_state == X86_MP_INIT_RECEIVED) {
        cpu_synchronize_state(v->cpu);
        x86_cpu_sipi(kvm_x86_cpu(v), vector);
        v->cpu->halted = false;
    }
}

static bool has_interrupt(const KVMVcpu *v)
{
    const LAPIC *lapic = kvm_x86_cpu(v)->lapic;

    return lapic_pending(lapic) >= 0 || apic_cpu_extint(bus(v), v->cpu->index);
}

static bool wakes_up(const KVMVcpu *v)
{
    uint32_t request = __atomic_load_n(&v->cpu->interrupt_request, __ATOMIC_SEQ_CST);

    return (request & (CPU_INTERRUPT_NMI | CPU_INTERRUPT_SMI)) ||
           (interrupts_enabled(v) && has_interrupt(v));
}

bool kvm_arch_process_events(KVMVcpu *v)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    uint32_t events;

    if (!user_lapic(v)) {
        return true;
    }
    take_request(v->cpu, CPU_INTERRUPT_POLL);
    events = apic_cpu_sync(bus(v), v->cpu->index);
    /* A processor that waits for a start-up message ignores both. */
    if ((events & (LAPIC_EV_NMI | LAPIC_EV_SMI)) && !waits_for_sipi(cpu)) {
        __atomic_fetch_or(&v->cpu->interrupt_request,
                          (events & LAPIC_EV_NMI ? CPU_INTERRUPT_NMI : 0) |
                          (events & LAPIC_EV_SMI ? CPU_INTERRUPT_SMI : 0), __ATOMIC_SEQ_CST);
    }
    if (events & LAPIC_EV_INIT) {
        handle_init(v);
    }
    if (events & LAPIC_EV_SIPI) {
        handle_sipi(v, events >> LAPIC_EV_SIPI_VECTOR_SHIFT & 0xff);
    }
    if (v->cpu->halted && !waits_for_sipi(cpu) && wakes_up(v)) {
        v->cpu->halted = false;
        cpu->env.mp_state = X86_MP_RUNNABLE;
    }
    return !v->cpu->halted;
}

bool kvm_arch_vcpu_idle(CPUState *cpu)
{
    KVMVcpu *v = kvm_vcpu(cpu);

    if (!v || !user_lapic(v) || !cpu->halted) {
        return false;
    }
    if ((__atomic_load_n(&cpu->interrupt_request, __ATOMIC_SEQ_CST) & CPU_INTERRUPT_POLL) ||
        lapic_sync_needed(X86_CPU(cpu)->lapic)) {
        return false; /* kvm_arch_process_events() looks what it is */
    }
    return waits_for_sipi(X86_CPU(cpu)) || !wakes_up(v);
}

/* --- Just before the run --------------------------------------------------------------------- */

static void inject_vector(KVMVcpu *v, int vector)
{
    struct kvm_interrupt intr = { .irq = vector };
    int ret;

    if (vector < 0) {
        return;
    }
    ret = kvm_vcpu_ioctl(v, KVM_INTERRUPT, &intr);
    trace_kvm_inject_interrupt(v->cpu->index, vector, ret);
    if (ret < 0) {
        warn_report("KVM: injection failed, interrupt 0x%x lost: %s", vector, strerror(-ret));
    }
    v->run->ready_for_interrupt_injection = 0;
}

static void pre_run_split(KVMVcpu *v)
{
    CPUState *cpu = v->cpu;
    bool pending = __atomic_load_n(&cpu->interrupt_request, __ATOMIC_SEQ_CST) & CPU_INTERRUPT_HARD;

    if (pending && v->run->ready_for_interrupt_injection && interrupts_enabled(v)) {
        take_request(cpu, CPU_INTERRUPT_HARD);
        inject_vector(v, apic_bus_intack(bus(v)));
        if (apic_bus_intr(bus(v))) {
            __atomic_fetch_or(&cpu->interrupt_request, CPU_INTERRUPT_HARD, __ATOMIC_SEQ_CST);
        }
        pending = __atomic_load_n(&cpu->interrupt_request, __ATOMIC_SEQ_CST) & CPU_INTERRUPT_HARD;
    }
    v->run->request_interrupt_window = pending;
}

static void pre_run_user(KVMVcpu *v)
{
    X86CPU *cpu = kvm_x86_cpu(v);

    if (take_request(v->cpu, CPU_INTERRUPT_NMI)) {
        kvm_vcpu_ioctl(v, KVM_NMI, NULL);
    }
    if (take_request(v->cpu, CPU_INTERRUPT_SMI) && v->s->arch->have_smm) {
        kvm_vcpu_ioctl(v, KVM_SMI, NULL);
    }
    if (v->run->ready_for_interrupt_injection && interrupts_enabled(v)) {
        if (apic_cpu_extint(bus(v), v->cpu->index)) {
            inject_vector(v, apic_cpu_intack(bus(v), v->cpu->index));
        } else if (lapic_pending(cpu->lapic) >= 0) {
            inject_vector(v, lapic_ack(cpu->lapic));
        }
    }
    v->run->request_interrupt_window = has_interrupt(v);
    v->run->cr8 = lapic_get_cr8(cpu->lapic);
}

void kvm_arch_pre_run(KVMVcpu *v)
{
    if (user_lapic(v)) {
        pre_run_user(v);
    } else if (v->s->arch->mode == IRQCHIP_SPLIT && v->cpu->index == 0) {
        pre_run_split(v);
    }
}

/* --- After the run --------------------------------------------------------------------------- */

void kvm_arch_post_run(KVMVcpu *v)
{
    LAPIC *lapic = kvm_x86_cpu(v)->lapic;

    if (!user_lapic(v)) {
        return;
    }
    if (v->run->cr8 != lapic_get_cr8(lapic)) {
        lapic_set_cr8(lapic, (uint8_t)v->run->cr8);
    }
    if (v->run->apic_base != lapic->base) {
        lapic_load_base(lapic, v->run->apic_base);
    }
}

bool kvm_arch_handle_mmio(KVMVcpu *v)
{
    struct kvm_run *run = v->run;
    uint64_t gpa = run->mmio.phys_addr, value = 0;
    LAPIC *lapic = kvm_x86_cpu(v)->lapic;
    unsigned len = MIN(run->mmio.len, sizeof(value));

    if (!user_lapic(v) || !lapic_mmio_enabled(lapic) ||
        gpa >> 12 != extract64(lapic->base, 12, 40)) {
        return false;
    }
    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, len);
        apic_cpu_mmio_write(bus(v), v->cpu->index, gpa & 0xfff, value, len);
    } else {
        value = apic_cpu_mmio_read(bus(v), v->cpu->index, gpa & 0xfff, len);
        memcpy(run->mmio.data, &value, len);
    }
    return true;
}

/* --- Exits ----------------------------------------------------------------------------------- */

static KVMExitAction exit_hlt(KVMVcpu *v)
{
    if (!user_lapic(v)) {
        return KVM_ACT_CONTINUE;
    }
    if (wakes_up(v)) {
        return KVM_ACT_CONTINUE;
    }
    v->cpu->halted = true;
    kvm_x86_cpu(v)->env.mp_state = X86_MP_HALTED;
    return KVM_ACT_LEAVE;
}

/* The next pre_run finds the vCPU ready, or the TPR lower. */
static KVMExitAction exit_retry(KVMVcpu *v)
{
    return KVM_ACT_CONTINUE;
}

static KVMExitAction exit_ioapic_eoi(KVMVcpu *v)
{
    apic_bus_eoi(bus(v), v->run->eoi.vector);
    return KVM_ACT_CONTINUE;
}

/* No MSR is configured to exit; should one, the guest gets #GP. */
static KVMExitAction exit_msr(KVMVcpu *v)
{
    v->run->msr.error = 1;
    return KVM_ACT_CONTINUE;
}

static KVMExitAction exit_hypercall(KVMVcpu *v)
{
    v->run->hypercall.ret = (uint64_t)-1000; /* KVM_ENOSYS */
    return KVM_ACT_CONTINUE;
}

/* The guest kept the processor from taking interrupts for a whole notify window. */
static KVMExitAction exit_notify(KVMVcpu *v)
{
    bool invalid = v->run->notify.flags & KVM_NOTIFY_CONTEXT_INVALID;

    warn_report("KVM: notify VM exit on CPU %d%s", v->cpu->index,
                invalid ? ", its context is invalid" : "");
    return invalid || v->s->opts.notify_vmexit == KVM_NOTIFY_INTERNAL_ERROR ? KVM_ACT_FAIL
                                                                             : KVM_ACT_CONTINUE;
}

static KVMExitAction (*const x86_exits[])(KVMVcpu *v) = {
    [KVM_EXIT_HYPERCALL] = exit_hypercall,
    [KVM_EXIT_HLT] = exit_hlt,
    [KVM_EXIT_IRQ_WINDOW_OPEN] = exit_retry,
    [KVM_EXIT_SET_TPR] = exit_retry,
    [KVM_EXIT_TPR_ACCESS] = exit_retry,
    [KVM_EXIT_NMI] = exit_retry,
    [KVM_EXIT_IOAPIC_EOI] = exit_ioapic_eoi,
    [KVM_EXIT_X86_RDMSR] = exit_msr,
    [KVM_EXIT_X86_WRMSR] = exit_msr,
    [KVM_EXIT_X86_BUS_LOCK] = exit_retry,
    [KVM_EXIT_NOTIFY] = exit_notify,
};

bool kvm_arch_handle_exit(KVMVcpu *v, KVMExitAction *action)
{
    uint32_t reason = v->run->exit_reason;

    if (reason >= ARRAY_SIZE(x86_exits) || !x86_exits[reason]) {
        return false;
    }
    *action = x86_exits[reason](v);
    return true;
}
