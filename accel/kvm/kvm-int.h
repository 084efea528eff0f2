/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM accelerator's own header: shared by accel/kvm (any architecture) and target/i386/kvm, the
 * only two places that see <linux/kvm.h>. Documentation/virt/kvm/api.rst of Linux describes the
 * kernel side.
 */
#ifndef ACCEL_KVM_INT_H
#define ACCEL_KVM_INT_H

#include "hw/core/machine.h"

#include <linux/kvm.h>

/* Linux 6.18.17 and 7.0; not in the headers of Debian 12. */
#ifndef KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST
#define KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST (1ULL << 2)
#endif
#ifndef KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST
#define KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST (1ULL << 3)
#endif

/* -accel kvm,... */
typedef struct KVMOptions {
    IrqChipMode irqchip;
    int64_t shadow_mem_bytes; /* kvm-shadow-mem; -1: the kernel's choice */
    uint64_t dirty_ring_size;
    int notify_vmexit;        /* KVM_NOTIFY_* below */
    uint32_t notify_window;
    const char *device;       /* borrowed from the options, only during initialisation */
} KVMOptions;

enum { KVM_NOTIFY_RUN, KVM_NOTIFY_INTERNAL_ERROR, KVM_NOTIFY_DISABLE };

/* A memory slot of the kernel; size 0: free. The slot's number is its index. */
typedef struct KVMSlot {
    uint64_t gpa;
    uint64_t size_bytes;
    uint8_t *hva;
    RAMBlock *ram;
    uint64_t ram_offset;
    bool readonly;
} KVMSlot;

typedef struct KVMArchState KVMArchState;
typedef struct X86AccelOps X86AccelOps;

/* One virtual machine. BQL, except what is const after init_machine. */
typedef struct KVMState {
    MachineState *ms;
    int fd;    /* /dev/kvm */
    int vm_fd;
    size_t vcpu_mmap_bytes;
    KVMOptions opts;
    char *failed; /* why guest code must not run any more (a memory slot was refused); NULL */

    MemoryListener listener, io_listener;
    bool have_ioeventfd, ioevent_any_len;
    GArray *slots; /* of KVMSlot */
    unsigned max_slots;
    bool have_readonly_mem;
    bool dirty_log; /* slots that the guest can write have KVM_MEM_LOG_DIRTY_PAGES */

    KVMArchState *arch; /* owned by target/i386/kvm */
} KVMState;

/* What an exit handler asks of the loop in kvm-run.c. */
typedef enum KVMExitAction {
    KVM_ACT_CONTINUE, /* enter the guest again (this also completes port and memory accesses) */
    KVM_ACT_LEAVE,    /* back to the common vCPU loop */
    KVM_ACT_FAIL,     /* dump the registers, stop the machine with internal-error */
} KVMExitAction;

/* CPUState.accel of a vCPU. Own thread. */
typedef struct KVMVcpu {
    CPUState *cpu;
    KVMState *s;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
} KVMVcpu;

static inline KVMState *kvm_state(const MachineState *ms)
{
    return ms->accel_state;
}

static inline KVMVcpu *kvm_vcpu(const CPUState *cpu)
{
    return cpu->accel;
}

/* ioctls; the kernel's result, or -errno. EINTR is retried except by KVM_RUN. */
int kvm_ioctl(const KVMState *s, unsigned long request, const void *arg);
int kvm_vm_ioctl(const KVMState *s, unsigned long request, const void *arg);
int kvm_vcpu_ioctl(const KVMVcpu *v, unsigned long request, const void *arg);
/* KVM_CHECK_EXTENSION on /dev/kvm and on the VM; 0 where it is unknown. */
int kvm_check_extension(const KVMState *s, unsigned cap);
int kvm_vm_check_extension(const KVMState *s, unsigned cap);
/* KVM_ENABLE_CAP on the VM with one argument. */
int kvm_vm_enable_cap(const KVMState *s, unsigned cap, uint64_t arg);

/* Guest memory follows @s->ms->memory from now on. */
void kvm_memory_init(KVMState *s);
void kvm_memory_fini(KVMState *s);

/* Events of guest memory and ports from now on; before kvm_memory_init(). */
void kvm_ioevent_init(KVMState *s);
bool kvm_has_ioeventfd(MachineState *ms); /* AccelOps */

/* vCPU functions of AccelOps (kvm-run.c). */
bool kvm_vcpu_init(CPUState *cpu, Error **errp);
void kvm_vcpu_destroy(CPUState *cpu);
void kvm_vcpu_exec(CPUState *cpu);
void kvm_vcpu_kick(CPUState *cpu);
/* Installs the handler of the signal that takes a vCPU out of KVM_RUN. */
bool kvm_init_kick_signal(Error **errp);

/* Handles what stands in v->run; BQL held (kvm-exits.c). */
KVMExitAction kvm_handle_exit(KVMVcpu *v);

/* --- Implemented by target/i386/kvm -------------------------------------------------------- */

/* After KVM_CREATE_VM. */
bool kvm_arch_init(KVMState *s, Error **errp);
void kvm_arch_fini(KVMState *s);
/* AccelOps.create_irqchip. */
bool kvm_arch_create_irqchip(MachineState *ms, Error **errp);
/* The number to give KVM_CREATE_VCPU. */
unsigned long kvm_arch_vcpu_id(CPUState *cpu);
/* After the vCPU's file descriptor and kvm_run page exist. Own thread, BQL. */
bool kvm_arch_init_vcpu(KVMVcpu *v, Error **errp);
bool kvm_arch_get_state(CPUState *cpu, Error **errp);
bool kvm_arch_put_state(CPUState *cpu, bool full, Error **errp);
/* Before a run and before registers are committed, BQL held: takes in INIT, start-up and the like.
 * False: the vCPU is halted, do not run it. */
bool kvm_arch_process_events(KVMVcpu *v);
/* Just before a run, BQL held: injects interrupts that wait. */
void kvm_arch_pre_run(KVMVcpu *v);
/* After each return of KVM_RUN, without the BQL. */
void kvm_arch_post_run(KVMVcpu *v);
/* A memory access that needs no BQL (the local APIC page). False: not ours. */
bool kvm_arch_handle_mmio(KVMVcpu *v);
/* An exit that kvm-exits.c has no row for. False: unknown here too. */
bool kvm_arch_handle_exit(KVMVcpu *v, KVMExitAction *action);
bool kvm_arch_vcpu_idle(CPUState *cpu);
/* Whether an instruction that KVM could not emulate must stop the machine (else the kernel has
 * raised an exception in the guest). */
bool kvm_arch_stop_on_emulation_error(KVMVcpu *v);
/* The registers and the code at the program counter, to stderr. */
void kvm_arch_dump(KVMVcpu *v);
/* KVM_EXIT_DEBUG: at one of the debugger's points, or an exception of the guest's own. */
KVMExitAction kvm_arch_handle_debug(KVMVcpu *v);
extern const AccelDebugOps kvm_arch_debug_ops; /* AccelOps.debug */
void kvm_arch_vm_state_change(MachineState *ms, bool running);
extern const X86AccelOps kvm_arch_target_ops; /* AccelOps.target_ops */
extern const VMStateDescription kvm_arch_vmsd; /* AccelOps.vmsd, vm_state */
void *kvm_arch_vm_state(MachineState *ms, size_t *bytes);

#endif
