/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers between CPUX86State and the kernel: general, segment and control registers, FPU
 * (XSAVE), debug registers, events, MP state. Documentation/virt/kvm/api.rst. On the vCPU's thread,
 * BQL. */
#include "qemu/osdep.h"
#include "target/i386/kvm/kvm-x86.h"

/* Where the members of struct kvm_regs are in env->regs. */
static const struct {
    uint8_t kvm_offset, reg;
} gprs[] = {
    { offsetof(struct kvm_regs, rax), R_EAX }, { offsetof(struct kvm_regs, rbx), R_EBX },
    { offsetof(struct kvm_regs, rcx), R_ECX }, { offsetof(struct kvm_regs, rdx), R_EDX },
    { offsetof(struct kvm_regs, rsi), R_ESI }, { offsetof(struct kvm_regs, rdi), R_EDI },
    { offsetof(struct kvm_regs, rsp), R_ESP }, { offsetof(struct kvm_regs, rbp), R_EBP },
    { offsetof(struct kvm_regs, r8), 8 },      { offsetof(struct kvm_regs, r9), 9 },
    { offsetof(struct kvm_regs, r10), 10 },    { offsetof(struct kvm_regs, r11), 11 },
    { offsetof(struct kvm_regs, r12), 12 },    { offsetof(struct kvm_regs, r13), 13 },
    { offsetof(struct kvm_regs, r14), 14 },    { offsetof(struct kvm_regs, r15), 15 },
};

/* One ioctl that must work; @what names it in the error. */
static bool vcpu_call(KVMVcpu *v, unsigned long request, void *arg, const char *what, Error **errp)
{
    int ret = kvm_vcpu_ioctl(v, request, arg);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "%s of CPU %d", what, v->cpu->index);
        return false;
    }
    return true;
}

/* --- General registers ----------------------------------------------------------------------- */

static bool get_gprs(KVMVcpu *v, Error **errp)
{
    CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_regs regs = { .rax = 0 };

    if (!vcpu_call(v, KVM_GET_REGS, &regs, "KVM did not give the general registers", errp)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(gprs); i++) {
        memcpy(&env->regs[gprs[i].reg], (char *)&regs + gprs[i].kvm_offset, 8);
    }
    env->eip = regs.rip;
    env->eflags = regs.rflags;
    return true;
}

static bool put_gprs(KVMVcpu *v, Error **errp)
{
    const CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_regs regs = { .rip = env->eip, .rflags = env->eflags };

    for (size_t i = 0; i < ARRAY_SIZE(gprs); i++) {
        memcpy((char *)&regs + gprs[i].kvm_offset, &env->regs[gprs[i].reg], 8);
    }
    return vcpu_call(v, KVM_SET_REGS, &regs, "KVM refused the general registers", errp);
}

/* --- Segment and control registers ----------------------------------------------------------- */

static void seg_from_kvm(SegmentCache *seg, const struct kvm_segment *kseg)
{
    *seg = (SegmentCache){ .base = kseg->base, .limit = kseg->limit, .selector = kseg->selector };
    if (kseg->unusable) {
        return;
    }
    seg->flags = (uint32_t)kseg->type << DESC_TYPE_SHIFT |
                 (uint32_t)kseg->dpl << DESC_DPL_SHIFT | (kseg->s ? DESC_S_MASK : 0) |
                 (kseg->present ? DESC_P_MASK : 0) | (kseg->avl ? DESC_AVL_MASK : 0) |
                 (kseg->l ? DESC_L_MASK : 0) | (kseg->db ? DESC_B_MASK : 0) |
                 (kseg->g ? DESC_G_MASK : 0);
}

static void seg_to_kvm(struct kvm_segment *kseg, const SegmentCache *seg)
{
    bool present = seg->flags & DESC_P_MASK;

    *kseg = (struct kvm_segment){
        .base = seg->base,
        .limit = seg->limit,
        .selector = seg->selector,
        .type = seg->flags >> DESC_TYPE_SHIFT & 15,
        .present = present,
        .dpl = seg->flags >> DESC_DPL_SHIFT & 3,
        .s = !!(seg->flags & DESC_S_MASK),
        .avl = !!(seg->flags & DESC_AVL_MASK),
        .l = !!(seg->flags & DESC_L_MASK),
        .db = !!(seg->flags & DESC_B_MASK),
        .g = !!(seg->flags & DESC_G_MASK),
        .unusable = !present,
    };
}

/* Virtual-8086 mode: attributes are fixed (SDM vol 3 21.1.1), whatever the cache holds. */
static void seg_to_kvm_v86(struct kvm_segment *kseg, const SegmentCache *seg)
{
    *kseg = (struct kvm_segment){
        .base = seg->base, .limit = seg->limit, .selector = seg->selector,
        .type = 3, .present = 1, .dpl = 3, .s = 1,
    };
}

/* The part that struct kvm_sregs and kvm_sregs2 share, up to and with apic_base. */
#define SREGS_COMMON_BYTES offsetof(struct kvm_sregs2, flags)
G_STATIC_ASSERT(SREGS_COMMON_BYTES == offsetof(struct kvm_sregs, interrupt_bitmap));

static void sregs_from_kvm(X86CPU *cpu, const struct kvm_sregs2 *s)
{
    CPUX86State *env = &cpu->env;
    const struct kvm_segment *segs[6] = { &s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs };

    for (int i = 0; i < 6; i++) {
        seg_from_kvm(&env->segs[i], segs[i]);
    }
    seg_from_kvm(&env->tr, &s->tr);
    seg_from_kvm(&env->ldt, &s->ldt);
    env->gdt = (SegmentCache){ .base = s->gdt.base, .limit = s->gdt.limit };
    env->idt = (SegmentCache){ .base = s->idt.base, .limit = s->idt.limit };
    env->cr[0] = s->cr0;
    env->cr[2] = s->cr2;
    env->cr[3] = s->cr3;
    env->cr[4] = s->cr4;
    env->cr8 = s->cr8;
    env->efer = s->efer;
    env->apic_base = s->apic_base;
    env->pdptrs_valid = s->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
    memcpy(env->pdptrs, s->pdptrs, sizeof(env->pdptrs));
}

static void sregs_to_kvm(const X86CPU *cpu, struct kvm_sregs2 *s)
{
    const CPUX86State *env = &cpu->env;
    struct kvm_segment *segs[6] = { &s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs };
    bool v86 = env->eflags & RFLAGS_VM;

    for (int i = 0; i < 6; i++) {
        (v86 ? seg_to_kvm_v86 : seg_to_kvm)(segs[i], &env->segs[i]);
    }
    seg_to_kvm(&s->tr, &env->tr);
    seg_to_kvm(&s->ldt, &env->ldt);
    s->gdt = (struct kvm_dtable){ .base = env->gdt.base, .limit = env->gdt.limit };
    s->idt = (struct kvm_dtable){ .base = env->idt.base, .limit = env->idt.limit };
    s->cr0 = env->cr[0];
    s->cr2 = env->cr[2];
    s->cr3 = env->cr[3];
    s->cr4 = env->cr[4];
    s->cr8 = env->cr8;
    s->efer = env->efer;
    s->apic_base = env->apic_base;
    s->flags = env->pdptrs_valid ? KVM_SREGS2_FLAGS_PDPTRS_VALID : 0;
    memcpy(s->pdptrs, env->pdptrs, sizeof(env->pdptrs));
}

static bool get_sregs(KVMVcpu *v, Error **errp)
{
    static const char what[] = "KVM did not give the segment and control registers";
    struct kvm_sregs2 s2 = { .flags = 0 };

    if (v->s->arch->have_sregs2) {
        if (!vcpu_call(v, KVM_GET_SREGS2, &s2, what, errp)) {
            return false;
        }
    } else {
        struct kvm_sregs s = { .cr0 = 0 };

        if (!vcpu_call(v, KVM_GET_SREGS, &s, what, errp)) {
            return false;
        }
        memcpy(&s2, &s, SREGS_COMMON_BYTES);
    }
    sregs_from_kvm(kvm_x86_cpu(v), &s2);
    return true;
}

static bool put_sregs(KVMVcpu *v, Error **errp)
{
    static const char what[] = "KVM refused the segment and control registers";
    const CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_sregs2 s2 = { .flags = 0 };
    struct kvm_sregs s = { .cr0 = 0 };

    sregs_to_kvm(kvm_x86_cpu(v), &s2);
    if (v->s->arch->have_sregs2) {
        return vcpu_call(v, KVM_SET_SREGS2, &s2, what, errp);
    }
    memcpy(&s, &s2, SREGS_COMMON_BYTES);
    if (env->events.interrupt_injected) {
        s.interrupt_bitmap[env->events.interrupt_nr / 64] |= 1ull << env->events.interrupt_nr % 64;
    }
    return vcpu_call(v, KVM_SET_SREGS, &s, what, errp);
}

/* --- FPU ------------------------------------------------------------------------------------- */

static bool get_fpu(KVMVcpu *v, Error **errp)
{
    CPUX86State *env = &kvm_x86_cpu(v)->env;
    bool big = env->xsave_len > sizeof(struct kvm_xsave);
    struct kvm_xcrs xcrs = { .nr_xcrs = 0 };

    if (!vcpu_call(v, big ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, env->xsave_area,
                   "KVM did not give the FPU state", errp)) {
        return false;
    }
    if (!v->s->arch->have_xcrs) {
        return true;
    }
    if (!vcpu_call(v, KVM_GET_XCRS, &xcrs, "KVM did not give XCR0", errp)) {
        return false;
    }
    for (unsigned i = 0; i < MIN(xcrs.nr_xcrs, KVM_MAX_XCRS); i++) {
        if (xcrs.xcrs[i].xcr == 0) {
            env->xcr0 = xcrs.xcrs[i].value;
        }
    }
    return true;
}

static bool put_fpu(KVMVcpu *v, Error **errp)
{
    const CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = env->xcr0 } } };

    return vcpu_call(v, KVM_SET_XSAVE, env->xsave_area, "KVM refused the FPU state", errp) &&
           (!v->s->arch->have_xcrs || !x86_has(&kvm_x86_cpu(v)->cfg, X86_FEATURE_XSAVE) ||
            vcpu_call(v, KVM_SET_XCRS, &xcrs, "KVM refused XCR0", errp));
}

/* --- Debug registers ------------------------------------------------------------------------- */

static bool get_debugregs(KVMVcpu *v, Error **errp)
{
    CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_debugregs d = { .flags = 0 };

    if (!v->s->arch->have_debugregs) {
        return true;
    }
    if (!vcpu_call(v, KVM_GET_DEBUGREGS, &d, "KVM did not give the debug registers", errp)) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        env->dr[i] = d.db[i];
    }
    env->dr[4] = env->dr[6] = d.dr6;
    env->dr[5] = env->dr[7] = d.dr7;
    return true;
}

static bool put_debugregs(KVMVcpu *v, Error **errp)
{
    const CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_debugregs d = {
        .db = { env->dr[0], env->dr[1], env->dr[2], env->dr[3] },
        .dr6 = env->dr[6], .dr7 = env->dr[7],
    };

    return !v->s->arch->have_debugregs ||
           vcpu_call(v, KVM_SET_DEBUGREGS, &d, "KVM refused the debug registers", errp);
}

/* --- Events ---------------------------------------------------------------------------------- */

static bool get_events(KVMVcpu *v, Error **errp)
{
    CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_vcpu_events e = { .flags = 0 };

    if (!v->s->arch->have_vcpu_events) {
        return true;
    }
    if (!vcpu_call(v, KVM_GET_VCPU_EVENTS, &e, "KVM did not give the pending events", errp)) {
        return false;
    }
    env->events.exception_pending = e.exception.pending;
    env->events.exception_injected = e.exception.injected;
    env->events.exception_nr = e.exception.nr;
    env->events.exception_has_error = e.exception.has_error_code;
    env->events.exception_error = e.exception.error_code;
    env->events.exception_has_payload =
        (e.flags & KVM_VCPUEVENT_VALID_PAYLOAD) && e.exception_has_payload;
    env->events.exception_payload = e.exception_payload;
    env->events.interrupt_injected = e.interrupt.injected;
    env->events.interrupt_nr = e.interrupt.nr;
    env->events.interrupt_soft = e.interrupt.soft;
    env->events.interrupt_shadow = e.interrupt.shadow;
    env->events.nmi_injected = e.nmi.injected;
    env->events.nmi_pending = e.nmi.pending;
    env->events.nmi_masked = e.nmi.masked;
    env->events.sipi_vector = e.sipi_vector;
    if (e.flags & KVM_VCPUEVENT_VALID_SMM) {
        env->events.smm = e.smi.smm;
        env->events.smi_pending = e.smi.pending;
        env->events.smi_inside_nmi = e.smi.smm_inside_nmi;
        env->events.latched_init = e.smi.latched_init;
    }
    env->events.triple_fault_pending =
        (e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) && e.triple_fault.pending;
    return true;
}

static bool put_events(KVMVcpu *v, bool full, Error **errp)
{
    const KVMArchState *a = v->s->arch;
    const CPUX86State *env = &kvm_x86_cpu(v)->env;
    struct kvm_vcpu_events e = {
        .exception = {
            .injected = env->events.exception_injected,
            .pending = env->events.exception_pending,
            .nr = env->events.exception_nr,
            .has_error_code = env->events.exception_has_error,
            .error_code = env->events.exception_error,
        },
        .interrupt = {
            .injected = env->events.interrupt_injected,
            .nr = env->events.interrupt_nr,
            .soft = env->events.interrupt_soft,
            .shadow = env->events.interrupt_shadow,
        },
        .nmi = {
            .injected = env->events.nmi_injected,
            .pending = env->events.nmi_pending,
            .masked = env->events.nmi_masked,
        },
        .sipi_vector = env->events.sipi_vector,
        .flags = KVM_VCPUEVENT_VALID_SHADOW,
        .smi = {
            .smm = env->events.smm,
            .pending = env->events.smi_pending,
            .smm_inside_nmi = env->events.smi_inside_nmi,
            .latched_init = env->events.latched_init,
        },
        .triple_fault.pending = env->events.triple_fault_pending,
        .exception_has_payload = env->events.exception_has_payload,
        .exception_payload = env->events.exception_payload,
    };

    if (!a->have_vcpu_events) {
        return true;
    }
    e.flags |= a->have_exception_payload ? KVM_VCPUEVENT_VALID_PAYLOAD : 0;
    e.flags |= a->have_triple_fault ? KVM_VCPUEVENT_VALID_TRIPLE_FAULT : 0;
    e.flags |= a->have_smm ? KVM_VCPUEVENT_VALID_SMM : 0;
    /* Others may have posted these since they were read; only a new state replaces them. */
    e.flags |= full ? KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR : 0;
    return vcpu_call(v, KVM_SET_VCPU_EVENTS, &e, "KVM refused the pending events", errp);
}

/* --- MP state, nested virtualization --------------------------------------------------------- */

/* X86MPState has KVM's numbers. */
G_STATIC_ASSERT(X86_MP_UNINITIALIZED == KVM_MP_STATE_UNINITIALIZED &&
                X86_MP_INIT_RECEIVED == KVM_MP_STATE_INIT_RECEIVED &&
                X86_MP_HALTED == KVM_MP_STATE_HALTED &&
                X86_MP_SIPI_RECEIVED == KVM_MP_STATE_SIPI_RECEIVED);

static bool get_mp_state(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    struct kvm_mp_state mp;

    if (!kvm_lapic_in_kernel(v->s)) {
        return true; /* kept by kvm-inject.c */
    }
    if (!vcpu_call(v, KVM_GET_MP_STATE, &mp, "KVM did not give the MP state", errp)) {
        return false;
    }
    cpu->env.mp_state = mp.mp_state;
    v->cpu->halted = mp.mp_state == KVM_MP_STATE_HALTED;
    return true;
}

static bool put_mp_state(KVMVcpu *v, Error **errp)
{
    struct kvm_mp_state mp = { .mp_state = kvm_x86_cpu(v)->env.mp_state };

    return !kvm_lapic_in_kernel(v->s) ||
           vcpu_call(v, KVM_SET_MP_STATE, &mp, "KVM refused the MP state", errp);
}

/* A reset while the guest runs a guest of its own must leave that first. */
static bool leave_nested(KVMVcpu *v, Error **errp)
{
    const X86CPUConfig *cfg = &kvm_x86_cpu(v)->cfg;
    struct kvm_nested_state state = { .size = sizeof(state) };

    if (!kvm_check_extension(v->s, KVM_CAP_NESTED_STATE)) {
        return true;
    }
    if (x86_has(cfg, X86_FEATURE_VMX)) {
        state.format = KVM_STATE_NESTED_FORMAT_VMX;
        state.hdr.vmx.vmxon_pa = state.hdr.vmx.vmcs12_pa = UINT64_MAX;
    } else if (x86_has(cfg, X86_FEATURE_SVM)) {
        state.format = KVM_STATE_NESTED_FORMAT_SVM;
        state.flags = KVM_STATE_NESTED_GIF_SET;
    } else {
        return true;
    }
    return vcpu_call(v, KVM_SET_NESTED_STATE, &state, "KVM refused to leave nested mode", errp);
}

/* --- All ------------------------------------------------------------------------------------- */

bool kvm_get_regs(KVMVcpu *v, Error **errp)
{
    return get_gprs(v, errp) && get_sregs(v, errp) && get_fpu(v, errp) &&
           get_debugregs(v, errp) && get_events(v, errp) && get_mp_state(v, errp);
}

/* Order: control registers decide what the others may hold; events last, as setting registers
 * drops pending exceptions. */
bool kvm_put_regs(KVMVcpu *v, bool full, Error **errp)
{
    return (!full || leave_nested(v, errp)) && put_sregs(v, errp) && put_gprs(v, errp) &&
           put_fpu(v, errp) && put_debugregs(v, errp) && put_events(v, full, errp) &&
           (!full || put_mp_state(v, errp));
}
