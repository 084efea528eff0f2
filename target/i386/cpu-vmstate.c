/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual CPU in a migration: CPUX86State and the local APIC model, whichever accelerator ran it
 * (SDM vol 3; docs/devel/migration.rst). BQL, vCPUs stopped. Not saved: nested virtualization
 * state, performance counters, Hyper-V's and Xen's registers.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/intc/apic-cpu.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"
#include "target/i386/cpu.h"
#include "target/i386/cpuid.h"

enum {
    XSAVE_MXCSR = 24,
    XSAVE_BV = 512,
    XSAVE_COMP_BV = 520,
    XSAVE_HEADER_END = 576,
};

#define RFLAGS_KNOWN 0x3f7fd7u
#define SEGMENT_FLAGS 0x00f0ff00u
#define MSR_EFER_SVME (1u << 12)
#define MSR_EFER_FFXSR (1u << 14)
#define EFER_KNOWN (MSR_EFER_SCE | MSR_EFER_LME | MSR_EFER_LMA | MSR_EFER_NXE | MSR_EFER_SVME | \
                    MSR_EFER_FFXSR)

/* --- Rules between members ------------------------------------------------------------------- */

static bool modes_valid(const CPUX86State *env, Error **errp)
{
    bool paging = env->cr[0] & CR0_PG_MASK, lma = env->efer & MSR_EFER_LMA;

    if (paging && !(env->cr[0] & CR0_PE_MASK)) {
        error_setg(errp, "cpu/cr[0]: 0x%" PRIx64 " pages outside of protected mode", env->cr[0]);
        return false;
    }
    if (lma != (paging && env->efer & MSR_EFER_LME) || (lma && !(env->cr[4] & CR4_PAE_MASK))) {
        error_setg(errp, "cpu/efer: 0x%" PRIx64 " does not go with CR0 0x%" PRIx64 " and CR4 0x%"
                   PRIx64, env->efer, env->cr[0], env->cr[4]);
        return false;
    }
    return true;
}

/* The area is loaded into the host's registers: a bit that the processor refuses must not get
 * there. */
static bool xsave_valid(const X86CPU *cpu, Error **errp)
{
    const CPUX86State *env = &cpu->env;
    uint64_t allowed = x86_cpu_xcr0_allowed(&cpu->cfg) | 3, bv, comp;
    uint32_t mxcsr;

    if (!(env->xcr0 & 1) || env->xcr0 & ~allowed) {
        error_setg(errp, "cpu/xcr0: 0x%" PRIx64 ", this processor has 0x%" PRIx64, env->xcr0,
                   allowed);
        return false;
    }
    if (env->xsave_len < XSAVE_HEADER_END) {
        return true;
    }
    memcpy(&mxcsr, env->xsave_area + XSAVE_MXCSR, sizeof(mxcsr));
    memcpy(&bv, env->xsave_area + XSAVE_BV, sizeof(bv));
    memcpy(&comp, env->xsave_area + XSAVE_COMP_BV, sizeof(comp));
    if (mxcsr >> 16 || comp || bv & ~allowed) {
        error_setg(errp, "cpu/xsave_area: MXCSR 0x%x, XSTATE_BV 0x%" PRIx64 ", XCOMP_BV 0x%" PRIx64
                   " cannot be", mxcsr, bv, comp);
        return false;
    }
    return true;
}

/* SPIV bit 12 where the guest could not have set it: its end of interrupt would go to nobody. */
static bool spiv_valid(const X86CPU *cpu, Error **errp)
{
    SeoibMode mode = cpu->cfg.seoib.mode;
    bool honoured = mode == SEOIB_RESPECTED ||
                    (mode == SEOIB_QUIRKED && current_machine->irqchip_mode == IRQCHIP_SPLIT);

    if (cpu->lapic->spiv & LAPIC_SPIV_SEOIB && !honoured) {
        error_setg(errp, "cpu/lapic/spiv: 0x%x suppresses EOI broadcasts, which this machine "
                         "(x2apic-seoib %s) does not offer", cpu->lapic->spiv,
                   seoib_mode_name(mode));
        error_append_hint(errp, "use kernel-irqchip=split, or x2apic-seoib=on\n");
        return false;
    }
    return true;
}

static bool cpu_post_load(void *opaque, uint32_t version, Error **errp)
{
    X86CPU *cpu = opaque;

    if (!modes_valid(&cpu->env, errp) || !xsave_valid(cpu, errp) || !spiv_valid(cpu, errp)) {
        return false;
    }
    cpu->env.apic_base = cpu->lapic->base;
    cpu->env.dr[4] = cpu->env.dr[6];
    cpu->env.dr[5] = cpu->env.dr[7];
    return true;
}

/* --- Between env and the accelerator --------------------------------------------------------- */

typedef struct OwnThread {
    Error **errp;
    bool ok;
} OwnThread;

static void prepare_on_thread(CPUState *cpu, void *opaque)
{
    const X86AccelOps *ops = x86_accel_ops(current_machine->accel);
    OwnThread *call = opaque;

    call->ok = (cpu->state_valid || current_machine->accel->get_state(cpu, call->errp)) &&
               (!ops->prepare_save || ops->prepare_save(X86_CPU(cpu), call->errp));
    cpu->state_valid |= call->ok;
}

static bool cpu_prepare_save(void *opaque, Error **errp)
{
    X86CPU *cpu = opaque;
    OwnThread call = { .errp = errp };

    run_on_cpu(&cpu->cpu, prepare_on_thread, &call);
    cpu->saved_requests = __atomic_load_n(&cpu->cpu.interrupt_request, __ATOMIC_SEQ_CST) &
                          ~(uint32_t)CPU_INTERRUPT_HARD;
    return call.ok;
}

static void put_on_thread(CPUState *cpu, void *opaque)
{
    OwnThread *call = opaque;

    cpu->state_valid = cpu->state_full = true;
    call->ok = current_machine->accel->put_state(cpu, true, call->errp);
    X86_CPU(cpu)->env.tsc_loaded = false;
    if (call->ok) {
        cpu->state_valid = cpu->state_full = false;
    }
}

/* INTR of the 8259 pair is the pair's, which has been applied already. */
static void load_requests(X86CPU *cpu)
{
    uint32_t *requests = &cpu->cpu.interrupt_request;

    __atomic_fetch_and(requests, CPU_INTERRUPT_HARD, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(requests, cpu->saved_requests, __ATOMIC_SEQ_CST);
}

static bool cpu_applied(void *opaque, Error **errp)
{
    ApicBus *bus = current_machine->apic_bus;
    X86CPU *cpu = opaque;
    OwnThread call = { .errp = errp };

    load_requests(cpu);
    cpu->env.tsc_loaded = true;
    run_on_cpu(&cpu->cpu, put_on_thread, &call);
    if (bus && apic_bus_lapic(bus, cpu->cpu.index)) {
        apic_cpu_rearm(bus, cpu->cpu.index);
    }
    return call.ok;
}

/* --- Tables ---------------------------------------------------------------------------------- */

static const VMStateField segment_fields[] = {
    VMSTATE_UINT(SegmentCache, selector),
    VMSTATE_UINT(SegmentCache, base),
    VMSTATE_UINT(SegmentCache, limit),
    VMSTATE_UINT_MAX(SegmentCache, flags, SEGMENT_FLAGS),
    VMSTATE_END,
};
static const VMStateDescription vmstate_segment = {
    "segment", .version = 1, .fields = segment_fields,
};

#define U64(_name) VMSTATE_UINT(CPUX86State, _name)
#define U64S(_name) VMSTATE_UINT_ARRAY(CPUX86State, _name)
#define FLAG(_name) VMSTATE_BOOL(CPUX86State, events._name)
#define NUMBER(_name, _max) VMSTATE_UINT_MAX(CPUX86State, events._name, _max)

static const VMStateField env_fields[] = {
    U64S(regs),
    U64(eip),
    VMSTATE_UINT_MAX(CPUX86State, eflags, RFLAGS_KNOWN),
    VMSTATE_STRUCT_ARRAY(CPUX86State, segs, &vmstate_segment),
    VMSTATE_STRUCT(CPUX86State, ldt, &vmstate_segment),
    VMSTATE_STRUCT(CPUX86State, tr, &vmstate_segment),
    VMSTATE_STRUCT(CPUX86State, gdt, &vmstate_segment),
    VMSTATE_STRUCT(CPUX86State, idt, &vmstate_segment),
    U64S(cr),
    VMSTATE_UINT_MAX(CPUX86State, cr8, 15),
    U64S(pdptrs),
    VMSTATE_BOOL(CPUX86State, pdptrs_valid),
    U64(dr[0]), U64(dr[1]), U64(dr[2]), U64(dr[3]), U64(dr[6]), U64(dr[7]),
    VMSTATE_UINT_MAX(CPUX86State, efer, EFER_KNOWN),
    U64(xcr0),
    VMSTATE_BUFFER(CPUX86State, xsave_area, xsave_len),

    U64(sysenter_cs), U64(sysenter_esp), U64(sysenter_eip),
    U64(star), U64(lstar), U64(cstar), U64(fmask), U64(kernelgsbase),
    U64(tsc), U64(tsc_aux), U64(tsc_adjust), U64(tsc_deadline),
    U64(pat), U64(mtrr_deftype), U64S(mtrr_fixed), U64S(mtrr_base), U64S(mtrr_mask),
    U64(mcg_status), U64(mcg_ctl), U64S(mce_banks),
    U64(misc_enable), U64(feature_control), U64(spec_ctrl), U64(virt_ssbd), U64(smbase),
    U64(smi_count), U64(xss), U64(umwait), U64(pkrs), U64(tsx_ctrl), U64(bndcfgs),
    U64(vm_hsave), U64(xfd), U64(xfd_err),
    U64(system_time_msr), U64(wall_clock_msr), U64(async_pf_en_msr), U64(async_pf_int_msr),
    U64(steal_time_msr), U64(pv_eoi_en_msr), U64(poll_control_msr),

    FLAG(exception_pending), FLAG(exception_injected), FLAG(exception_has_error),
    NUMBER(exception_nr, 31), NUMBER(exception_error, 0),
    FLAG(exception_has_payload), NUMBER(exception_payload, 0),
    FLAG(interrupt_injected), FLAG(interrupt_soft), NUMBER(interrupt_nr, 0),
    NUMBER(interrupt_shadow, X86_SHADOW_MOV_SS | X86_SHADOW_STI),
    FLAG(nmi_injected), FLAG(nmi_pending), FLAG(nmi_masked),
    FLAG(smm), FLAG(smi_pending), FLAG(smi_inside_nmi), FLAG(latched_init),
    FLAG(triple_fault_pending), NUMBER(sipi_vector, 0xff), NUMBER(debug_hits, 0xffff),
    VMSTATE_UINT_MAX(CPUX86State, mp_state, X86_MP_SIPI_RECEIVED),
    VMSTATE_END,
};
static const VMStateDescription vmstate_env = { "env", .version = 1, .fields = env_fields };

static const VMStateField cpu_fields[] = {
    VMSTATE_STRUCT(X86CPU, env, &vmstate_env),
    VMSTATE_BOOL(X86CPU, cpu.halted),
    VMSTATE_UINT_MAX(X86CPU, saved_requests, 0x7f),
    VMSTATE_POINTER(X86CPU, lapic, &vmstate_lapic),
    VMSTATE_END,
};
const VMStateDescription vmstate_x86_cpu = {
    "cpu", .version = 1, .fields = cpu_fields, .order = VMS_ORDER_CPU,
    .post_load = cpu_post_load, .prepare_save = cpu_prepare_save, .applied = cpu_applied,
};
