/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM vCPUs: creation, the run loop, and how another thread gets a vCPU out of the guest.
 *
 *   any thread                             vCPU thread
 *   exit_request = true; SIG_IPI     ->    handler: run->immediate_exit = 1
 *                                          KVM_RUN returns EINTR (having completed the port or
 *                                          memory access that was handled before) -> common loop
 */
#include "qemu/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define SIG_IPI SIGUSR1

static void request_immediate_exit(const CPUState *cpu)
{
    KVMVcpu *v = kvm_vcpu(cpu);

    if (v && v->run) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    }
}

static void kick_signal(int signum)
{
    if (current_cpu) {
        request_immediate_exit(current_cpu);
    }
}

bool kvm_init_kick_signal(Error **errp)
{
    struct sigaction act = { .sa_handler = kick_signal };

    sigemptyset(&act.sa_mask);
    if (sigaction(SIG_IPI, &act, NULL) < 0) {
        error_setg_errno(errp, errno, "failed to install the signal handler of vCPU threads");
        return false;
    }
    return true;
}

/* Signals other than the kick and those an instruction causes are the main thread's. */
static void block_other_signals(void)
{
    static const int keep[] = { SIG_IPI, SIGBUS,  SIGSEGV, SIGILL,
                                SIGFPE,  SIGTRAP, SIGABRT, SIGSYS };
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
        sigdelset(&set, keep[i]);
    }
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}

void kvm_vcpu_kick(CPUState *cpu)
{
    KVMVcpu *v = kvm_vcpu(cpu);

    if (v) {
        pthread_kill(v->thread, SIG_IPI);
    }
}

/* --- Creation -------------------------------------------------------------------------------- */

static bool vcpu_open(KVMVcpu *v, Error **errp)
{
    unsigned long id = kvm_arch_vcpu_id(v->cpu);
    void *run;

    v->fd = kvm_vm_ioctl(v->s, KVM_CREATE_VCPU, (void *)id);
    if (v->fd < 0) {
        error_setg_errno(errp, -v->fd, "kvm_init_vcpu: kvm_create_vcpu failed (%lu)", id);
        return false;
    }
    run = mmap(NULL, v->s->vcpu_mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (run == MAP_FAILED) {
        error_setg_errno(errp, errno, "kvm_init_vcpu: mmap'ing vcpu state failed (%lu)", id);
        return false;
    }
    v->run = run;
    return true;
}

bool kvm_vcpu_init(CPUState *cpu, Error **errp)
{
    KVMVcpu *v = g_new0(KVMVcpu, 1);

    v->cpu = cpu;
    v->s = kvm_state(current_machine);
    v->fd = -1;
    v->thread = pthread_self();
    block_other_signals();
    cpu->accel = v;
    return vcpu_open(v, errp) && kvm_arch_init_vcpu(v, errp);
}

void kvm_vcpu_destroy(CPUState *cpu)
{
    KVMVcpu *v = kvm_vcpu(cpu);
    struct kvm_run *run = v->run;

    cpu->accel = NULL;
    if (run) {
        munmap(run, v->s->vcpu_mmap_bytes);
    }
    if (v->fd >= 0) {
        close(v->fd);
    }
    g_free(v);
}

/* --- Running --------------------------------------------------------------------------------- */

/* Stops the machine; the process and its monitors stay. */
static void vcpu_failed(KVMVcpu *v)
{
    kvm_arch_dump(v);
    vm_request_stop(RUN_STATE_INTERNAL_ERROR);
}

/* What KVM_RUN's failure means. */
static KVMExitAction run_failed(const KVMVcpu *v, int err)
{
    if (err == EINTR || err == EAGAIN) {
        trace_kvm_interrupt_exit_request(v->cpu->index);
        return KVM_ACT_LEAVE;
    }
    error_printf("error: kvm run failed %s\n", strerror(err));
    return KVM_ACT_FAIL;
}

/* One entry into the guest and the handling of what ended it. */
static KVMExitAction run_once(KVMVcpu *v)
{
    CPUState *cpu = v->cpu;
    KVMExitAction action;
    int ret, err;

    if (!kvm_arch_process_events(v)) {
        return KVM_ACT_LEAVE;
    }
    cpu_commit_state(cpu);
    if (cpu->stopped) {
        return KVM_ACT_LEAVE; /* the kernel did not take the registers */
    }
    kvm_arch_pre_run(v);
    bql_unlock();
    if (__atomic_load_n(&cpu->exit_request, __ATOMIC_SEQ_CST)) {
        request_immediate_exit(cpu);
    }
    ret = ioctl(v->fd, KVM_RUN, 0);
    err = errno;
    kvm_arch_post_run(v);
    if (ret == 0 && v->run->exit_reason == KVM_EXIT_MMIO && kvm_arch_handle_mmio(v)) {
        bql_lock();
        return KVM_ACT_CONTINUE;
    }
    bql_lock();
    if (ret < 0) {
        return run_failed(v, err);
    }
    trace_kvm_run_exit(cpu->index, v->run->exit_reason);
    action = kvm_handle_exit(v);
    return action;
}

void kvm_vcpu_exec(CPUState *cpu)
{
    KVMVcpu *v = kvm_vcpu(cpu);
    KVMExitAction action;

    if (v->s->failed) {
        error_report("%s", v->s->failed);
        vm_request_stop(RUN_STATE_INTERNAL_ERROR);
        return;
    }
    /* Requests are made under the BQL or set interrupt_request first, and pre_run looks at that
     * afterwards: none is lost here. */
    __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->exit_request, false, __ATOMIC_SEQ_CST);
    do {
        action = run_once(v);
    } while (action == KVM_ACT_CONTINUE);
    if (action == KVM_ACT_FAIL) {
        vcpu_failed(v);
    }
}
