/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerator "tcg": vCPU threads around the interpreter of target/i386/tcg, interrupts from
 * the LAPIC models (SDM vol 3 6.9, 11). Threads as in system/cpus.h.
 */
#include "qemu/osdep.h"
#include "accel/accel-types.h"
#include "accel/tcg/tcg-int.h"
#include "hw/intc/apic-cpu.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/runstate.h"
#include "target/i386/cpuid.h"

static TcgVcpu *vcpu_of(CPUState *cpu)
{
    return cpu->accel;
}

static ApicBus *bus_of(const TcgVcpu *v)
{
    return v->m->ms->apic_bus;
}

/* ---- What the interpreter asks --------------------------------------------------------------- */

static bool is_apic_msr(uint32_t msr)
{
    return msr == 0x1b || msr == 0x6e0 || (msr & ~0xffu) == 0x800;
}

static bool sys_rdmsr(void *opaque, uint32_t msr, uint64_t *value)
{
    TcgVcpu *v = opaque;

    return is_apic_msr(msr) && apic_cpu_rdmsr(bus_of(v), v->cpu->cpu.index, msr, value);
}

static bool sys_wrmsr(void *opaque, uint32_t msr, uint64_t value)
{
    TcgVcpu *v = opaque;

    bool ok = is_apic_msr(msr) && apic_cpu_wrmsr(bus_of(v), v->cpu->cpu.index, msr, value);

    tcg_look_for_kick(v);
    return ok;
}

static uint64_t sys_get_cr8(void *opaque)
{
    TcgVcpu *v = opaque;

    return lapic_get_cr8(v->cpu->lapic);
}

static void sys_set_cr8(void *opaque, uint64_t value)
{
    TcgVcpu *v = opaque;

    lapic_set_cr8(v->cpu->lapic, value);
}

static void sys_cpuid(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    TcgVcpu *v = opaque;
    const CPUX86State *env = &v->cpu->env;
    X86CPUTopo topo = x86_cpu_topology(v->m->ms);
    X86CPUIDEnv state = x86_cpuid_env_reset(v->cpu->apic_id);

    state.apic_enabled = v->cpu->lapic->base & LAPIC_BASE_ENABLE;
    state.osxsave = env->cr[4] & CR4_OSXSAVE_MASK;
    state.ospke = env->cr[4] & CR4_PKE_MASK;
    state.long_mode = env->efer & MSR_EFER_LMA;
    state.xcr0 = env->xcr0;
    x86_cpuid(&v->cpu->cfg, &topo, &state, leaf, subleaf, out);
}

static int sys_intack(void *opaque)
{
    TcgVcpu *v = opaque;
    unsigned i = v->cpu->cpu.index;

    v->events |= apic_cpu_sync(bus_of(v), i);
    if (v->events) {
        __atomic_store_n(&v->c->attention, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&v->cpu->cpu.exit_request, true, __ATOMIC_SEQ_CST);
    }
    if (apic_cpu_extint(bus_of(v), i)) {
        return apic_cpu_intack(bus_of(v), i);
    }
    return lapic_pending(v->cpu->lapic) >= 0 ? lapic_ack(v->cpu->lapic) : -1;
}

static bool sys_attention(void *opaque)
{
    TcgVcpu *v = opaque;

    return __atomic_load_n(&v->cpu->cpu.exit_request, __ATOMIC_SEQ_CST);
}

static uint64_t sys_tsc(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void sys_tsc_moved(void *opaque, uint64_t now)
{
    TcgVcpu *v = opaque;

    lapic_set_tsc(v->cpu->lapic, now, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    apic_cpu_rearm(bus_of(v), v->cpu->cpu.index);
}

const TcgSysOps tcg_machine_sys_ops = {
    .rdmsr = sys_rdmsr, .wrmsr = sys_wrmsr, .get_cr8 = sys_get_cr8, .set_cr8 = sys_set_cr8,
    .cpuid = sys_cpuid, .intack = sys_intack, .attention = sys_attention, .tsc = sys_tsc,
    .log_items = tcg_log_items, .log_block = tcg_log_block, .log_event = tcg_log_event,
    .tsc_moved = sys_tsc_moved,
};

/* ---- Features -------------------------------------------------------------------------------- */

/* Rows of cpu-features.def that say T because QEMU's TCG has them, and ours has not yet. */
static const uint16_t not_yet[] = {
    X86_FEATURE_SVM, X86_FEATURE_AMD_3DNOW, X86_FEATURE_AMD_3DNOWEXT, X86_FEATURE_MPX,
    X86_FEATURE_PKS, X86_FEATURE_PCOMMIT, X86_FEATURE_XSAVES,
};

/* Beyond QEMU's set. */
static const uint16_t ours[] = {
    X86_FEATURE_VME,
    X86_FEATURE_X2APIC, X86_FEATURE_TSC_DEADLINE, X86_FEATURE_TSC_ADJUST, X86_FEATURE_PCID,
    X86_FEATURE_INVPCID, X86_FEATURE_RDSEED, X86_FEATURE_INVTSC,
    X86_FEATURE_AMD_3DNOWPREFETCH, X86_FEATURE_XSAVEC, X86_FEATURE_RDPID, X86_FEATURE_CLZERO,
};

/* Instructions that run on the host: offered when the host has them. */
static const uint16_t native[] = {
    X86_FEATURE_SSE, X86_FEATURE_SSE2, X86_FEATURE_PNI, X86_FEATURE_SSSE3, X86_FEATURE_SSE4_1,
    X86_FEATURE_SSE4_2, X86_FEATURE_SSE4A, X86_FEATURE_AES, X86_FEATURE_PCLMULQDQ,
    X86_FEATURE_AVX, X86_FEATURE_AVX2, X86_FEATURE_FMA, X86_FEATURE_F16C, X86_FEATURE_BMI1,
    X86_FEATURE_BMI2, X86_FEATURE_ADX, X86_FEATURE_POPCNT, X86_FEATURE_ABM, X86_FEATURE_SHA_NI,
    X86_FEATURE_VAES, X86_FEATURE_VPCLMULQDQ,
};

static void tcg_get_info(MachineState *ms, X86AccelInfo *info)
{
    uint64_t host[FEATURE_WORDS];

    x86_accel_info_init_tcg(info);
    info->irqchip = X86_IRQCHIP_OFF;
    info->tsc_khz = TCG_TSC_KHZ;
    info->supported[FEAT_SVM] = 0;
    tcg_host_features(host);
    for (unsigned i = 0; i < G_N_ELEMENTS(not_yet); i++) {
        x86_features_set(info->supported, not_yet[i], false);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ours); i++) {
        x86_features_set(info->supported, ours[i], true);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(native); i++) {
        x86_features_set(info->supported, native[i], x86_features_have(host, native[i]));
    }
}

static bool tcg_get_lapic_page(X86CPU *cpu, uint8_t page[1024], Error **errp)
{
    return false;
}

/* ---- thread=single --------------------------------------------------------------------------- */

enum { TURN_NS = 10000000 };

/* Makes the vCPU that runs let another one. */
static void turn_over(void *opaque)
{
    TcgMachine *m = opaque;
    CPUState *cpu;

    if (__atomic_load_n(&m->next_ticket, __ATOMIC_RELAXED) -
        __atomic_load_n(&m->serving, __ATOMIC_RELAXED) > 1) {
        CPU_FOREACH(cpu) {
            cpu_kick(cpu);
        }
    }
    timer_mod_ns(m->turn_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + TURN_NS);
}

static void take_turn(TcgMachine *m)
{
    uint64_t ticket;

    if (!m->single) {
        return;
    }
    g_mutex_lock(&m->turn_lock);
    ticket = m->next_ticket++;
    while (m->serving != ticket) {
        g_cond_wait(&m->turn_cond, &m->turn_lock);
    }
    g_mutex_unlock(&m->turn_lock);
}

static void end_turn(TcgMachine *m)
{
    if (m->single) {
        g_mutex_lock(&m->turn_lock);
        m->serving++;
        g_cond_broadcast(&m->turn_cond);
        g_mutex_unlock(&m->turn_lock);
    }
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool tcg_init_machine(MachineState *ms, const Keyval *opts, Error **errp)
{
    const char *thread = keyval_get(opts, "thread");
    TcgMachine *m;

    if (thread && strcmp(thread, "multi") && strcmp(thread, "single")) {
        error_setg(errp, "Invalid 'thread' setting %s", thread);
        return false;
    }
    if (!keyval_check_unused(opts, errp)) {
        return false;
    }
    if (!tcg_native_init()) {
        error_setg(errp, "tcg: no executable memory for SIMD and x87 instructions");
        return false;
    }
    m = tcg_machine_new(ms);
    ms->accel_state = m;
    if (thread && !strcmp(thread, "single")) {
        m->single = true;
        m->turn_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, turn_over, m);
        timer_mod_ns(m->turn_timer, TURN_NS);
    }
    if (ms->memory) {
        address_space_set_listener(ms->memory, ms->accel_state);
    }
    return true;
}

static bool tcg_vcpu_init(CPUState *cpu, Error **errp)
{
    TcgVcpu *v = g_new0(TcgVcpu, 1);
    X86CPU *x86 = X86_CPU(cpu);

    v->cpu = x86;
    v->m = current_machine->accel_state;
    v->c = tcg_cpu_new(&x86->env, v->m->shared, &tcg_machine_mem_ops, &tcg_machine_sys_ops, v);
    memcpy(v->c->features, x86->cfg.features, sizeof(v->c->features));
    v->c->intel = x86_config_is_intel(&x86->cfg);
    v->c->phys_mask = (1ull << (x86->cfg.phys_bits ? x86->cfg.phys_bits : 40)) - 1;
    apic_bus_set_seoib(bus_of(v), x86->cfg.seoib.mode); /* the same for all CPUs */
    cpu->accel = v;
    cpu->state_valid = cpu->state_full = true;
    return true;
}

static void tcg_vcpu_destroy(CPUState *cpu)
{
    TcgVcpu *v = vcpu_of(cpu);

    cpu->accel = NULL;
    tcg_cpu_free(v->c);
    g_free(v);
}

static void tcg_vcpu_kick(CPUState *cpu)
{
    TcgVcpu *v = vcpu_of(cpu);

    if (v) {
        __atomic_store_n(&v->c->attention, 1, __ATOMIC_SEQ_CST);
    }
}

static void store_events(TcgVcpu *v)
{
    CPUX86State *env = &v->cpu->env;
    const TcgCPU *c = v->c;

    env->events.interrupt_shadow = (c->shadow & TCG_SHADOW_STI ? X86_SHADOW_STI : 0) |
                                   (c->shadow & TCG_SHADOW_SS ? X86_SHADOW_MOV_SS : 0);
    env->events.debug_hits = c->debug_hits;
    env->tsc = sys_tsc(v) + c->tsc_offset;
    env->pdptrs_valid = env->cr[0] & CR0_PG_MASK && env->cr[4] & CR4_PAE_MASK &&
                        !(env->efer & MSR_EFER_LMA);
    memcpy(env->pdptrs, c->pdptr, sizeof(env->pdptrs));
}

/* After a reset, which leaves nothing behind, or a state load. */
static void load_events(TcgVcpu *v)
{
    const CPUX86State *env = &v->cpu->env;
    TcgCPU *c = v->c;

    v->events = 0;
    c->shadow = (env->events.interrupt_shadow & X86_SHADOW_STI ? TCG_SHADOW_STI : 0) |
                (env->events.interrupt_shadow & X86_SHADOW_MOV_SS ? TCG_SHADOW_SS : 0);
    c->debug_hits = env->events.debug_hits;
    if (env->tsc_loaded) {
        tcg_shared_flush(v->m->shared, NULL); /* RAM holds other code now */
        c->tsc_offset = env->tsc - sys_tsc(v);
        if (env->pdptrs_valid) {
            memcpy(c->pdptr, env->pdptrs, sizeof(c->pdptr));
        }
    }
}

/* What interrupt acknowledge found goes back to where it came from. */
static bool tcg_prepare_save(X86CPU *cpu, Error **errp)
{
    TcgVcpu *v = vcpu_of(&cpu->cpu);

    lapic_return_events(cpu->lapic, v->events);
    v->events = 0;
    return true;
}

static bool tcg_get_state(CPUState *cpu, Error **errp)
{
    TcgVcpu *v = vcpu_of(cpu);

    tcg_store_env(v->c);
    store_events(v);
    v->cpu->env.cr8 = v->cpu->lapic ? lapic_get_cr8(v->cpu->lapic) : 0;
    return true;
}

static bool tcg_put_state(CPUState *cpu, bool full, Error **errp)
{
    TcgVcpu *v = vcpu_of(cpu);

    tcg_load_env(v->c);
    v->c->halted = cpu->halted;
    if (full) {
        load_events(v);
    }
    /* A debugger may have changed it; a reset has set it already. */
    if (!full && v->cpu->lapic && lapic_get_cr8(v->cpu->lapic) != v->cpu->env.cr8) {
        lapic_set_cr8(v->cpu->lapic, (uint8_t)v->cpu->env.cr8);
    }
    return true;
}

static const X86AccelOps tcg_x86_ops = {
    .get_info = tcg_get_info,
    .get_lapic_page = tcg_get_lapic_page,
    .prepare_save = tcg_prepare_save,
};

/* ---- Running --------------------------------------------------------------------------------- */

static bool waits_for_sipi(const X86CPU *cpu)
{
    return cpu->env.mp_state == X86_MP_UNINITIALIZED || cpu->env.mp_state == X86_MP_INIT_RECEIVED;
}

static bool has_interrupt(TcgVcpu *v)
{
    return (v->c->eflags & F_IF && (lapic_pending(v->cpu->lapic) >= 0 ||
                                    apic_cpu_extint(bus_of(v), v->cpu->cpu.index))) ||
           (v->cpu->env.events.nmi_pending && !v->cpu->env.events.nmi_masked);
}

static bool tcg_vcpu_idle(CPUState *cpu)
{
    TcgVcpu *v = vcpu_of(cpu);

    if (!cpu->halted || v->events || lapic_sync_needed(v->cpu->lapic) ||
        __atomic_load_n(&cpu->interrupt_request, __ATOMIC_SEQ_CST)) {
        return false;
    }
    return waits_for_sipi(v->cpu) || cpu->state_valid || !has_interrupt(v);
}

static void handle_init(TcgVcpu *v)
{
    cpu_synchronize_state(&v->cpu->cpu);
    x86_cpu_reset(v->cpu, true);
}

static void handle_sipi(TcgVcpu *v, uint8_t vector)
{
    if (v->cpu->env.mp_state != X86_MP_INIT_RECEIVED) {
        return;
    }
    cpu_synchronize_state(&v->cpu->cpu);
    x86_cpu_sipi(v->cpu, vector);
}

static void take_events(TcgVcpu *v)
{
    CPUState *cpu = &v->cpu->cpu;
    uint32_t request = __atomic_exchange_n(&cpu->interrupt_request, 0, __ATOMIC_SEQ_CST);
    uint32_t events = v->events | apic_cpu_sync(bus_of(v), cpu->index);

    v->events = 0;
    if ((events & LAPIC_EV_NMI || request & CPU_INTERRUPT_NMI) && !waits_for_sipi(v->cpu)) {
        v->cpu->env.events.nmi_pending = true;
    }
    if (events & LAPIC_EV_INIT) {
        handle_init(v);
    }
    if (events & LAPIC_EV_SIPI) {
        handle_sipi(v, events >> LAPIC_EV_SIPI_VECTOR_SHIFT & 0xff);
    }
}

static void run_guest(TcgVcpu *v)
{
    CPUState *cpu = &v->cpu->cpu;
    TcgExit exit;

    bql_unlock();
    take_turn(v->m);
    exit = tcg_run(v->c);
    end_turn(v->m);
    bql_lock();
    if (v->c->halted && !v->c->shutdown) {
        cpu->halted = true;
        v->cpu->env.mp_state = X86_MP_HALTED;
    }
    switch (exit) {
    case TCG_EXIT_HALT:
        if (v->c->gdb & TCG_GDB_STEP) { /* HLT was the step */
            tcg_report_debug_exit(v);
        }
        break;
    case TCG_EXIT_DEBUG:
        tcg_report_debug_exit(v);
        break;
    case TCG_EXIT_SHUTDOWN:
        v->c->shutdown = false;
        vm_request_reset(SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    default:
        break;
    }
}

static void tcg_vcpu_exec(CPUState *cpu)
{
    TcgVcpu *v = vcpu_of(cpu);

    __atomic_store_n(&cpu->exit_request, false, __ATOMIC_SEQ_CST);
    take_events(v);
    cpu_commit_state(cpu);
    if (waits_for_sipi(v->cpu)) {
        cpu->halted = true;
        return;
    }
    if (cpu->halted && !has_interrupt(v)) {
        return;
    }
    if (cpu->halted) {
        cpu->halted = false;
        v->c->halted = false;
        v->cpu->env.mp_state = X86_MP_RUNNABLE;
    }
    run_guest(v);
}

const AccelOps tcg_accel_ops = {
    .name = "tcg",
    .type_name = "tcg-accel",
    .init_machine = tcg_init_machine,
    .vcpu_init = tcg_vcpu_init,
    .vcpu_destroy = tcg_vcpu_destroy,
    .vcpu_exec = tcg_vcpu_exec,
    .vcpu_kick = tcg_vcpu_kick,
    .vcpu_idle = tcg_vcpu_idle,
    .get_state = tcg_get_state,
    .put_state = tcg_put_state,
    .debug = &tcg_debug_ops,
    .target_ops = &tcg_x86_ops,
};
