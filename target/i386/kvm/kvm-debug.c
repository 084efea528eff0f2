/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debugging a guest under KVM (api.rst, KVM_SET_GUEST_DEBUG): soft breakpoints are INT3 in guest
 * memory, hard ones and watchpoints take the four debug registers away from the guest. BQL.
 */
#include "qemu/osdep.h"
#include "system/debug.h"
#include "system/runstate.h"
#include "target/i386/kvm/kvm-x86.h"

enum { VECTOR_DB = 1, VECTOR_BP = 3, NR_DEBUG_REGS = 4 };
enum { INSN_INT3 = 0xcc };

#define DR6_BS (1u << 14)
#define DR7_FIXED 0x600ull /* GE and the bit that reads as 1 */

/* R/W field of DR7; -1: the hardware has no such kind. */
static const int8_t rw_field[DEBUG_KINDS] = {
    [DEBUG_BREAK_SOFT] = -1, [DEBUG_BREAK_HARD] = 0, [DEBUG_WATCH_WRITE] = 1,
    [DEBUG_WATCH_READ] = -1, [DEBUG_WATCH_ACCESS] = 3,
};

static unsigned step_flags(MachineState *ms)
{
    const KVMState *s = kvm_state(ms);
    int flags = kvm_check_extension(s, KVM_CAP_SET_GUEST_DEBUG2);

    if (!kvm_check_extension(s, KVM_CAP_SET_GUEST_DEBUG)) {
        return 0;
    }
    return DEBUG_STEP | (flags > 0 && flags & KVM_GUESTDBG_BLOCKIRQ ? DEBUG_STEP_NO_IRQ : 0);
}

/* --- Points ---------------------------------------------------------------------------------- */

static bool insert_soft(CPUState *cpu, DebugPoint *p, Error **errp)
{
    const DebugPoint *other = debug_point_at(DEBUG_BREAK_SOFT, p->la);
    AddressSpace *as = current_machine->memory;
    uint8_t int3 = INSN_INT3;

    if (other && other->la == p->la) {
        p->gpa = other->gpa;
        p->saved = other->saved;
        return true;
    }
    if (!x86_cpu_translate(X86_CPU(cpu), p->la, &p->gpa) ||
        !address_space_debug_rw(as, p->gpa, &p->saved, 1, false) ||
        !address_space_debug_rw(as, p->gpa, &int3, 1, true)) {
        error_setg(errp, "no memory for a breakpoint at 0x%" PRIx64, p->la);
        return false;
    }
    return true;
}

static bool insert_hard(const DebugPoint *p, Error **errp)
{
    unsigned used = 0;

    for (unsigned i = 0; i < debug_nr_points(); i++) {
        used += debug_point(i)->kind != DEBUG_BREAK_SOFT;
    }
    if (rw_field[p->kind] < 0 || used == NR_DEBUG_REGS) {
        error_setg(errp, used == NR_DEBUG_REGS ? "all debug registers are taken"
                                               : "the processor cannot watch reads alone");
        return false;
    }
    if (p->kind != DEBUG_BREAK_HARD &&
        (!is_power_of_2(p->len) || p->len > 8 || p->la & (p->len - 1))) {
        error_setg(errp, "debug registers watch 1, 2, 4 or 8 aligned bytes");
        return false;
    }
    return true;
}

static bool debug_insert(CPUState *cpu, DebugPoint *p, Error **errp)
{
    return p->kind == DEBUG_BREAK_SOFT ? insert_soft(cpu, p, errp) : insert_hard(p, errp);
}

static void debug_remove(CPUState *cpu, const DebugPoint *p)
{
    const DebugPoint *other = debug_point_at(DEBUG_BREAK_SOFT, p->la);
    AddressSpace *as = current_machine->memory;
    uint8_t now = 0, saved = p->saved;

    /* The guest may have put something else there since. */
    if (p->kind == DEBUG_BREAK_SOFT && !(other && other->la == p->la) &&
        address_space_debug_rw(as, p->gpa, &now, 1, false) && now == INSN_INT3) {
        address_space_debug_rw(as, p->gpa, &saved, 1, true);
    }
}

/* --- The vCPU -------------------------------------------------------------------------------- */

/* Length field of DR7 for 1, 2, 4 and 8 bytes. */
static unsigned len_field(const DebugPoint *p)
{
    return p->kind == DEBUG_BREAK_HARD ? 0 : p->len == 8 ? 2 : (unsigned)p->len - 1;
}

static void fill_debug_registers(struct kvm_guest_debug *d)
{
    unsigned n = 0;

    for (unsigned i = 0; i < debug_nr_points(); i++) {
        const DebugPoint *p = debug_point(i);

        if (p->kind == DEBUG_BREAK_SOFT) {
            d->control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
        } else if (n < NR_DEBUG_REGS) {
            d->control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
            d->arch.debugreg[n] = p->la;
            d->arch.debugreg[7] |= DR7_FIXED | 2ull << (2 * n) |
                                   (uint64_t)rw_field[p->kind] << (16 + 4 * n) |
                                   (uint64_t)len_field(p) << (18 + 4 * n);
            n++;
        }
    }
}

static bool debug_update_vcpu(CPUState *cpu, Error **errp)
{
    KVMVcpu *v = kvm_vcpu(cpu);
    struct kvm_guest_debug d = { .control = 0 };
    int ret;

    cpu_commit_state(cpu); /* the kernel steps from the RIP it has */
    fill_debug_registers(&d);
    if (cpu->step_flags & DEBUG_STEP) {
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
        d.control |= cpu->step_flags & DEBUG_STEP_NO_IRQ ? KVM_GUESTDBG_BLOCKIRQ : 0;
    }
    ret = kvm_vcpu_ioctl(v, KVM_SET_GUEST_DEBUG, &d);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM refused to debug CPU %d", cpu->index);
    }
    return ret >= 0;
}

/* Bits of DR6 say which debug register it was, and they are the points in their order. */
static bool hit_debug_register(CPUState *cpu, uint64_t dr6)
{
    unsigned n = 0;

    for (unsigned i = 0; i < debug_nr_points(); i++) {
        const DebugPoint *p = debug_point(i);

        if (p->kind != DEBUG_BREAK_SOFT && dr6 >> n++ & 1) {
            debug_hit_point(cpu, p->kind, p->la);
            return true;
        }
    }
    return false;
}

KVMExitAction kvm_arch_handle_debug(KVMVcpu *v)
{
    const struct kvm_debug_exit_arch *d = &v->run->debug.arch;
    CPUX86State *env = &kvm_x86_cpu(v)->env;
    bool hit = false;

    if (d->exception == VECTOR_DB) {
        hit = hit_debug_register(v->cpu, d->dr6);
        if (!hit && d->dr6 & DR6_BS && v->cpu->step_flags & DEBUG_STEP) {
            debug_hit_step(v->cpu);
            hit = true;
        }
    } else if (debug_point_at(DEBUG_BREAK_SOFT, d->pc)) {
        debug_hit_point(v->cpu, DEBUG_BREAK_SOFT, d->pc);
        hit = true;
    }
    if (hit) {
        return KVM_ACT_LEAVE;
    }
    /* The guest's own: it gets its exception. */
    cpu_synchronize_state(v->cpu);
    env->events.exception_pending = false;
    env->events.exception_injected = true;
    env->events.exception_nr = (uint8_t)d->exception;
    env->events.exception_has_error = false;
    if (d->exception == VECTOR_DB) {
        env->dr[6] = d->dr6;
    }
    return KVM_ACT_CONTINUE;
}

const AccelDebugOps kvm_arch_debug_ops = {
    .step_flags = step_flags,
    .insert = debug_insert,
    .remove = debug_remove,
    .update = debug_update_vcpu,
};
