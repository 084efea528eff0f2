/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86 CPU as a device: from -cpu to a realized vCPU, reset, INIT, start-up IPI (SDM vol 3 ch.
 * 10). BQL; reset and below run on the vCPU's thread or while it is stopped.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/intc/apic-cpu.h"
#include "qemu/timer.h"
#include "target/i386/cpu-qmp.h"
#include "target/i386/cpu.h"
#include "target/i386/cpuid.h"

/* What all CPUs of a machine share: MachineState.cpu_state. */
typedef struct X86MachineCPUs {
    X86CPUOption *option;
    const DeviceType *type; /* "MODEL-x86_64-cpu" */
    X86AccelInfo info;
    X86CPUTopo topo;
    GArray *globals; /* X86CPUGlobal, strings borrowed */
    X86CPUReport report;
} X86MachineCPUs;

/* --- Configuration --------------------------------------------------------------------------- */

X86CPUTopo x86_cpu_topology(const MachineState *ms)
{
    return (X86CPUTopo){
        .dies_per_pkg = ms->smp.dies,
        .modules_per_die = ms->smp.modules,
        .cores_per_module = ms->smp.cores,
        .threads_per_core = ms->smp.threads,
    };
}

/* Created with the first question about CPUs; lives as long as the machine. */
static X86MachineCPUs *machine_cpus(MachineState *ms, Error **errp)
{
    X86MachineCPUs *m = ms->cpu_state;

    if (m) {
        return m;
    }
    m = g_new0(X86MachineCPUs, 1);
    m->globals = g_array_new(FALSE, FALSE, sizeof(X86CPUGlobal));
    if (ms->cpu_model) {
        m->option = x86_cpu_option_parse(ms->cpu_model, &m->report, errp);
        if (!m->option) {
            g_array_free(m->globals, TRUE);
            g_free(m);
            return NULL;
        }
        m->type = x86_cpu_type(m->option->model);
    }
    ms->cpu_state = m;
    return m;
}

/* Of the I/O APICs that are ours: what a guest may use to end interrupts hangs on it. */
static unsigned lowest_ioapic_version(const MachineState *ms)
{
    unsigned version = 0;

    for (unsigned i = 0; ms->apic_bus; i++) {
        const IOAPIC *ioapic = apic_bus_ioapic(ms->apic_bus, i);

        if (!ioapic) {
            break;
        }
        version = version ? MIN(version, ioapic->version) : ioapic->version;
    }
    return version;
}

/* Globals of any type: which of them concern a model its name decides, also in queries about models
 * that no CPU of the machine has. */
static void add_global(void *opaque, const char *driver, const char *name, const char *value)
{
    X86CPUGlobal global = { driver, name, value };

    g_array_append_val((GArray *)opaque, global);
}

bool x86_cpu_get_context(MachineState *ms, X86CPUContext *ctx, Error **errp)
{
    X86MachineCPUs *m = machine_cpus(ms, errp);
    const MachineVersion *v = ms->version;

    if (!m) {
        return false;
    }
    if (ms->accel) {
        x86_accel_ops(ms->accel)->get_info(ms, &m->info);
    } else {
        x86_accel_info_init_tcg(&m->info);
    }
    m->info.ioapic_version = lowest_ioapic_version(ms);
    m->topo = x86_cpu_topology(ms);
    g_array_set_size(m->globals, 0);
    global_property_foreach_row(add_global, m->globals);
    *ctx = (X86CPUContext){
        .accel = &m->info,
        .option = m->option,
        .globals = (X86CPUGlobal *)m->globals->data,
        .nr_globals = m->globals->len,
        .default_version = x86_cpu_default_version(v->major, v->minor),
        .topo = &m->topo,
        .report = &m->report,
    };
    ctx->nr_compat = x86_cpu_compat_for(v->major, v->minor, ctx->compat);
    return true;
}

void x86_cpu_print_help(FILE *f)
{
    g_autofree char *text = x86_cpu_help();

    fputs(text, f);
}

/* --- Life cycle ------------------------------------------------------------------------------ */

bool x86_cpu_is_bsp(const X86CPU *cpu)
{
    return cpu->apic_id == 0;
}

static LAPIC *new_lapic(const X86CPU *cpu)
{
    const X86CPUConfig *cfg = &cpu->cfg;
    LapicConfig lc = {
        .apic_id = cpu->apic_id,
        .bsp = x86_cpu_is_bsp(cpu),
        .x2apic = x86_has(cfg, X86_FEATURE_X2APIC),
        .tsc_deadline = x86_has(cfg, X86_FEATURE_TSC_DEADLINE),
        .seoib = cfg->seoib.mode,
        .phys_bits = cfg->phys_bits,
        .tsc_khz = cfg->accel.tsc_khz,
    };
    LAPIC *lapic = g_new0(LAPIC, 1);

    lapic_init(lapic, &lc);
    return lapic;
}

/* The LAPIC model answers the guest only where no kernel does. */
static bool lapic_is_model(const MachineState *ms)
{
    return ms->apic_bus && apic_bus_mode(ms->apic_bus) == APIC_BUS_USER;
}

static bool x86_cpu_realize(DeviceState *dev, Error **errp)
{
    MachineState *ms = current_machine;
    X86CPU *cpu = (X86CPU *)dev;
    X86CPUContext ctx;
    unsigned index = cpus_count();

    if (!x86_cpu_get_context(ms, &ctx, errp)) {
        return false;
    }
    ctx.realize = true;
    cpu->apic_id = cpu->cfg.apic_id;
    if (!x86_cpu_config_realize(&cpu->cfg, &ctx, errp)) {
        return false;
    }
    cpu->env.xsave_len = 4096;
    cpu->env.xsave_area = g_malloc0(cpu->env.xsave_len);
    cpu->lapic = new_lapic(cpu);
    if (lapic_is_model(ms)) {
        apic_bus_add_lapic(ms->apic_bus, index, cpu->lapic);
    }
    if (!cpu_start_thread(&cpu->cpu, errp)) {
        if (lapic_is_model(ms)) {
            apic_bus_remove_lapic(ms->apic_bus, index);
        }
        return false;
    }
    return true;
}

static void x86_cpu_finalize(Object *obj)
{
    X86CPU *cpu = (X86CPU *)obj;

    g_free(cpu->lapic);
    g_free(cpu->lapic_page);
    g_free(cpu->env.xsave_area);
}

static void set_topology_ids(X86CPUConfig *cfg, const X86CPUTopo *topo, uint32_t apic_id)
{
    X86CPUTopoIDs ids = x86_topo_ids_from_apicid(topo, apic_id);

    cfg->apic_id = apic_id;
    cfg->socket_id = (int32_t)ids.pkg;
    cfg->die_id = (int32_t)ids.die;
    cfg->module_id = (int32_t)ids.module;
    cfg->core_id = (int32_t)ids.core;
    cfg->thread_id = (int32_t)ids.smt;
}

X86CPU *x86_cpu_create(MachineState *ms, unsigned index, uint32_t apic_id, Error **errp)
{
    X86CPUContext ctx;
    X86MachineCPUs *m;
    X86CPU *cpu;

    if (!x86_cpu_get_context(ms, &ctx, errp)) {
        return NULL;
    }
    m = ms->cpu_state;
    if (!m->type) {
        error_setg(errp, "machine '%s' has no CPU model", ms->version->name);
        return NULL;
    }
    ctx.realize = true;
    cpu = (X86CPU *)qdev_new(m->type, errp);
    if (!cpu) {
        return NULL;
    }
    if (x86_cpu_config_init(&cpu->cfg, m->option->model, &ctx, errp)) {
        cpu->configured = true;
        set_topology_ids(&cpu->cfg, &m->topo, apic_id);
        if (qdev_realize(&cpu->cpu.dev, errp)) {
            assert(cpu->cpu.index == (int)index);
            return cpu;
        }
    }
    object_free(&cpu->cpu.dev.object);
    return NULL;
}

/* --- Reset ----------------------------------------------------------------------------------- */

/* One row of the initial state of segment registers: SDM vol 3 table 10-1. */
static void reset_segment(SegmentCache *seg, uint16_t selector, uint64_t base, unsigned type,
                          bool s)
{
    *seg = (SegmentCache){
        .selector = selector, .base = base, .limit = 0xffff,
        .flags = type << DESC_TYPE_SHIFT | DESC_P_MASK | (s ? DESC_S_MASK : 0),
    };
}

/* What both RESET and INIT set. */
static void reset_registers(X86CPU *cpu)
{
    X86CPUTopo topo = x86_cpu_topology(current_machine);
    X86CPUIDEnv cpuid_env = x86_cpuid_env_reset(cpu->apic_id);
    CPUX86State *env = &cpu->env;
    uint32_t signature[4];

    memset(env->regs, 0, sizeof(env->regs));
    x86_cpuid(&cpu->cfg, &topo, &cpuid_env, 1, 0, signature);
    env->regs[R_EDX] = signature[CPUID_EAX];
    env->eip = 0xfff0;
    env->eflags = 2;
    for (int i = 0; i < 6; i++) {
        reset_segment(&env->segs[i], 0, 0, 3, true);
    }
    reset_segment(&env->segs[R_CS], 0xf000, 0xffff0000, 11, true);
    reset_segment(&env->ldt, 0, 0, 2, false);
    reset_segment(&env->tr, 0, 0, 11, false);
    env->gdt = env->idt = (SegmentCache){ .limit = 0xffff };
    env->cr[2] = env->cr[3] = env->cr[4] = env->cr8 = 0;
    env->pdptrs_valid = false;
    env->efer = 0;
    memset(env->dr, 0, sizeof(env->dr));
    env->dr[6] = 0xffff0ff0;
    env->dr[7] = 0x400;
    env->sysenter_cs = env->sysenter_esp = env->sysenter_eip = 0;
    memset(&env->events, 0, sizeof(env->events));
}

static void reset_fpu(CPUX86State *env)
{
    static const uint16_t fcw = 0x37f;
    static const uint32_t mxcsr = 0x1f80;
    static const uint64_t xstate_bv = 3;

    memset(env->xsave_area, 0, env->xsave_len);
    memcpy(env->xsave_area, &fcw, sizeof(fcw));
    memcpy(env->xsave_area + 24, &mxcsr, sizeof(mxcsr));
    memcpy(env->xsave_area + 512, &xstate_bv, sizeof(xstate_bv));
    env->xcr0 = 1;
}

/* The fields from system_time_msr to poll_control_msr have no others between them. */
static void reset_paravirt(CPUX86State *env)
{
    env->system_time_msr = env->wall_clock_msr = 0;
    env->async_pf_en_msr = env->async_pf_int_msr = 0;
    env->steal_time_msr = env->pv_eoi_en_msr = 0;
    env->poll_control_msr = 1;
}

static void reset_msrs(CPUX86State *env)
{
    env->star = env->lstar = env->cstar = env->fmask = env->kernelgsbase = 0;
    env->tsc = env->tsc_aux = env->tsc_adjust = env->tsc_deadline = 0;
    env->pat = 0x0007040600070406ull;
    env->mtrr_deftype = 0;
    memset(env->mtrr_fixed, 0, sizeof(env->mtrr_fixed));
    memset(env->mtrr_base, 0, sizeof(env->mtrr_base));
    memset(env->mtrr_mask, 0, sizeof(env->mtrr_mask));
    env->mcg_status = 0;
    env->mcg_ctl = env->mcg_cap & 1u << 8 ? UINT64_MAX : 0;
    memset(env->mce_banks, 0, sizeof(env->mce_banks));
    for (unsigned i = 0; i < (env->mcg_cap & 0xff) && i < 10; i++) {
        env->mce_banks[4 * i] = UINT64_MAX;
    }
    env->misc_enable = 1;
    env->smbase = 0x30000;
    env->feature_control = env->spec_ctrl = env->virt_ssbd = env->smi_count = 0;
    env->xss = env->umwait = env->pkrs = env->tsx_ctrl = env->bndcfgs = 0;
    env->vm_hsave = env->xfd = env->xfd_err = 0;
    reset_paravirt(env);
}

static void reset_lapic(X86CPU *cpu, bool init)
{
    MachineState *ms = current_machine;

    if (init) {
        lapic_init_ipi(cpu->lapic);
    } else {
        lapic_reset(cpu->lapic);
    }
    cpu->env.apic_base = cpu->lapic->base;
    if (lapic_is_model(ms)) {
        apic_cpu_rearm(ms->apic_bus, cpu->cpu.index);
    }
}

void x86_cpu_reset(X86CPU *cpu, bool init)
{
    CPUX86State *env = &cpu->env;
    bool bsp = x86_cpu_is_bsp(cpu);
    uint64_t cache_bits = init ? env->cr[0] & (CR0_CD_MASK | CR0_NW_MASK)
                               : CR0_CD_MASK | CR0_NW_MASK;

    reset_registers(cpu);
    env->cr[0] = CR0_ET_MASK | cache_bits;
    if (!init) {
        reset_fpu(env);
        reset_msrs(env);
    }
    reset_lapic(cpu, init);
    env->mp_state = bsp ? X86_MP_RUNNABLE : init ? X86_MP_INIT_RECEIVED : X86_MP_UNINITIALIZED;
    cpu->cpu.halted = !bsp;
    cpu->cpu.state_valid = true;
    cpu->cpu.state_full |= !init;
    __atomic_store_n(&cpu->cpu.interrupt_request, 0, __ATOMIC_SEQ_CST);
}

void x86_cpu_sipi(X86CPU *cpu, uint8_t vector)
{
    CPUX86State *env = &cpu->env;

    reset_segment(&env->segs[R_CS], (uint16_t)vector << 8, (uint64_t)vector << 12, 11, true);
    env->eip = 0;
    env->mp_state = X86_MP_RUNNABLE;
    cpu->cpu.halted = false;
}

static void x86_cpu_device_reset(DeviceState *dev)
{
    x86_cpu_reset((X86CPU *)dev, false);
}

/* --- Type ------------------------------------------------------------------------------------ */

const DeviceType type_x86_cpu = {
    .object = {
        .name = X86_CPU_BASE_TYPE,
        .parent = &type_cpu,
        .description = "x86 CPU",
        .instance_size = sizeof(X86CPU),
        .abstract = true,
        .hooks = &x86_cpu_hooks,
        .instance_finalize = x86_cpu_finalize,
    },
    .migration = MIGRATION_VMSD(&vmstate_x86_cpu),
    .realize = x86_cpu_realize,
    .reset = x86_cpu_device_reset,
};
