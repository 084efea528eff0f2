/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why KVM_RUN returned, and what to do about it: one row a reason (api.rst, "struct kvm_run"). On
 * the vCPU's thread with the BQL held. */
#include "qemu/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "system/runstate.h"
#include "trace.h"

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

/* String instructions come as one exit with several elements, all for the same port. */
static KVMExitAction exit_io(KVMVcpu *v)
{
    const struct kvm_run *run = v->run;
    AddressSpace *as = v->s->ms->io;
    unsigned size = run->io.size, port = run->io.port;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;

    if (run->io.data_offset + (uint64_t)size * run->io.count > v->s->vcpu_mmap_bytes) {
        error_printf("KVM: port data outside of the run page\n");
        return KVM_ACT_FAIL;
    }
    for (unsigned i = 0; i < run->io.count; i++, data += size) {
        uint32_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, size);
            address_space_st(as, port, value, size);
        } else {
            value = (uint32_t)address_space_ld(as, port, size);
            memcpy(data, &value, size);
        }
    }
    return KVM_ACT_CONTINUE;
}

static KVMExitAction exit_mmio(KVMVcpu *v)
{
    struct kvm_run *run = v->run;
    unsigned len = MIN(run->mmio.len, sizeof(run->mmio.data));

    address_space_rw(v->s->ms->memory, run->mmio.phys_addr, run->mmio.data, len,
                     run->mmio.is_write);
    return KVM_ACT_CONTINUE;
}

/* A triple fault. */
static KVMExitAction exit_shutdown(KVMVcpu *v)
{
    vm_request_reset(SHUTDOWN_CAUSE_GUEST_RESET);
    return KVM_ACT_LEAVE;
}

static KVMExitAction exit_system_event(KVMVcpu *v)
{
    uint32_t type = v->run->system_event.type;

    trace_kvm_run_exit_system_event(v->cpu->index, type);
    switch (type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        vm_request_shutdown(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        return KVM_ACT_LEAVE;
    case KVM_SYSTEM_EVENT_RESET:
        vm_request_reset(SHUTDOWN_CAUSE_GUEST_RESET);
        return KVM_ACT_LEAVE;
    case KVM_SYSTEM_EVENT_CRASH:
        vm_request_stop(RUN_STATE_GUEST_PANICKED);
        return KVM_ACT_LEAVE;
    default:
        error_printf("KVM: unknown system event %u\n", type);
        return KVM_ACT_FAIL;
    }
}

static KVMExitAction exit_internal_error(KVMVcpu *v)
{
    const struct kvm_run *run = v->run;
    unsigned nr = MIN(run->internal.ndata, ARRAY_SIZE(run->internal.data));

    error_printf("KVM internal error. Suberror: %d\n", (int)run->internal.suberror);
    for (unsigned i = 0; i < nr; i++) {
        error_printf("extra data[%u]: 0x%016llx\n", i, run->internal.data[i]);
    }
    if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
        error_printf("emulation failure\n");
        if (!kvm_arch_stop_on_emulation_error(v)) {
            kvm_arch_dump(v);
            return KVM_ACT_CONTINUE;
        }
    }
    return KVM_ACT_FAIL;
}

static KVMExitAction exit_fail_entry(KVMVcpu *v)
{
    error_printf("KVM: entry failed, hardware error 0x%llx\n",
                 v->run->fail_entry.hardware_entry_failure_reason);
    return KVM_ACT_FAIL;
}

static KVMExitAction exit_unknown(KVMVcpu *v)
{
    error_printf("KVM: unknown exit, hardware reason %llx\n",
                 v->run->hw.hardware_exit_reason);
    return KVM_ACT_FAIL;
}

static KVMExitAction exit_exception(KVMVcpu *v)
{
    error_printf("KVM: exception %u exit (error code 0x%x)\n", v->run->ex.exception,
                 v->run->ex.error_code);
    return KVM_ACT_FAIL;
}

static KVMExitAction exit_intr(KVMVcpu *v)
{
    return KVM_ACT_LEAVE;
}

/* The kernel cannot get at a page of guest memory (an I/O error below it, a hole punched). */
static KVMExitAction exit_memory_fault(KVMVcpu *v)
{
    error_printf("KVM: guest memory cannot be accessed\n");
    return KVM_ACT_FAIL;
}

typedef KVMExitAction (*KVMExitFn)(KVMVcpu *v);

static const KVMExitFn exit_table[] = {
    [KVM_EXIT_UNKNOWN] = exit_unknown,
    [KVM_EXIT_EXCEPTION] = exit_exception,
    [KVM_EXIT_IO] = exit_io,
    [KVM_EXIT_DEBUG] = kvm_arch_handle_debug,
    [KVM_EXIT_MMIO] = exit_mmio,
    [KVM_EXIT_SHUTDOWN] = exit_shutdown,
    [KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
    [KVM_EXIT_INTR] = exit_intr,
    [KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
    [KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
    [KVM_EXIT_MEMORY_FAULT] = exit_memory_fault,
};

KVMExitAction kvm_handle_exit(KVMVcpu *v)
{
    uint32_t reason = v->run->exit_reason;
    KVMExitAction action;

    if (reason < ARRAY_SIZE(exit_table) && exit_table[reason]) {
        return exit_table[reason](v);
    }
    if (kvm_arch_handle_exit(v, &action)) {
        return action;
    }
    error_printf("KVM: unknown exit reason %u\n", reason);
    return KVM_ACT_FAIL;
}
