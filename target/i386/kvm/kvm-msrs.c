/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs between CPUX86State and the kernel: one row each (SDM vol 4; AMD APM vol 2 appendix A; Linux
 * Documentation/virt/kvm/x86/msr.rst for KVM's own). On the vCPU's thread, BQL.
 *
 * A kernel that refuses an MSR gets one warning and is not asked again: the guest runs.
 */
#include "qemu/osdep.h"
#include "target/i386/kvm/kvm-x86.h"

#define KVM_MAX_MSRS 256u
#define MSR_IA32_TSC_DEADLINE 0x6e0

/* When a row is written. All rows are read. */
typedef enum MsrWhen {
    MSR_ALWAYS,
    MSR_FULL, /* a reset or a state load: an old value would take back guest time or events */
} MsrWhen;

typedef struct MsrRow {
    uint32_t index;
    uint32_t offset;    /* of a uint64_t in CPUX86State */
    X86Feature feature; /* the CPU must have it; X86_FEATURE_END: no condition */
    MsrWhen when;
    bool in_kernel_apic; /* exists only with a LAPIC in the kernel */
    const char *name;
} MsrRow;

#define ROW(_index, _name, _field, ...) \
    { .index = (_index), .name = (_name), .offset = offsetof(CPUX86State, _field), \
      .feature = X86_FEATURE_END, __VA_ARGS__ }

static const MsrRow msr_rows[] = {
    ROW(0x174, "IA32_SYSENTER_CS", sysenter_cs),
    ROW(0x175, "IA32_SYSENTER_ESP", sysenter_esp),
    ROW(0x176, "IA32_SYSENTER_EIP", sysenter_eip),
    ROW(0x277, "IA32_PAT", pat),
    ROW(0xc0000081, "STAR", star),
    ROW(0xc0000082, "LSTAR", lstar, .feature = X86_FEATURE_LM),
    ROW(0xc0000083, "CSTAR", cstar, .feature = X86_FEATURE_LM),
    ROW(0xc0000084, "FMASK", fmask, .feature = X86_FEATURE_LM),
    ROW(0xc0000102, "KERNEL_GS_BASE", kernelgsbase, .feature = X86_FEATURE_LM),
    ROW(0xc0000103, "TSC_AUX", tsc_aux, .feature = X86_FEATURE_RDTSCP),
    ROW(0xc0010117, "VM_HSAVE_PA", vm_hsave, .feature = X86_FEATURE_SVM),
    ROW(0x3b, "IA32_TSC_ADJUST", tsc_adjust, .feature = X86_FEATURE_TSC_ADJUST, .when = MSR_FULL),
    ROW(0x1a0, "IA32_MISC_ENABLE", misc_enable, .when = MSR_FULL),
    ROW(0x9e, "IA32_SMBASE", smbase, .when = MSR_FULL),
    ROW(0x34, "SMI_COUNT", smi_count, .when = MSR_FULL),
    ROW(0x48, "IA32_SPEC_CTRL", spec_ctrl),
    ROW(0xc001011f, "VIRT_SPEC_CTRL", virt_ssbd, .feature = X86_FEATURE_VIRT_SSBD),
    ROW(0x122, "IA32_TSX_CTRL", tsx_ctrl, .feature = X86_FEATURE_TSX_CTRL),
    ROW(0x6e1, "IA32_PKRS", pkrs, .feature = X86_FEATURE_PKS),
    ROW(0xd90, "IA32_BNDCFGS", bndcfgs, .feature = X86_FEATURE_MPX),
    ROW(0xda0, "IA32_XSS", xss, .feature = X86_FEATURE_XSAVES),
    ROW(0xe1, "IA32_UMWAIT_CONTROL", umwait, .feature = X86_FEATURE_WAITPKG),
    ROW(0x1c4, "IA32_XFD", xfd, .feature = X86_FEATURE_XFD),
    ROW(0x1c5, "IA32_XFD_ERR", xfd_err, .feature = X86_FEATURE_XFD),
    ROW(0x3a, "IA32_FEATURE_CONTROL", feature_control, .when = MSR_FULL),

    ROW(0x10, "IA32_TIME_STAMP_COUNTER", tsc, .when = MSR_FULL),
    ROW(0x6e0, "IA32_TSC_DEADLINE", tsc_deadline, .feature = X86_FEATURE_TSC_DEADLINE,
        .when = MSR_FULL, .in_kernel_apic = true),

    ROW(0x4b564d00, "MSR_KVM_WALL_CLOCK_NEW", wall_clock_msr, .feature = X86_FEATURE_KVMCLOCK2,
        .when = MSR_FULL),
    ROW(0x4b564d01, "MSR_KVM_SYSTEM_TIME_NEW", system_time_msr, .feature = X86_FEATURE_KVMCLOCK2,
        .when = MSR_FULL),
    ROW(0x4b564d06, "MSR_KVM_ASYNC_PF_INT", async_pf_int_msr,
        .feature = X86_FEATURE_KVM_ASYNCPF_INT, .when = MSR_FULL, .in_kernel_apic = true),
    ROW(0x4b564d02, "MSR_KVM_ASYNC_PF_EN", async_pf_en_msr, .feature = X86_FEATURE_KVM_ASYNCPF,
        .when = MSR_FULL, .in_kernel_apic = true),
    ROW(0x4b564d03, "MSR_KVM_STEAL_TIME", steal_time_msr, .feature = X86_FEATURE_KVM_STEAL_TIME,
        .when = MSR_FULL),
    ROW(0x4b564d04, "MSR_KVM_PV_EOI_EN", pv_eoi_en_msr, .feature = X86_FEATURE_KVM_PV_EOI,
        .when = MSR_FULL, .in_kernel_apic = true),
    ROW(0x4b564d05, "MSR_KVM_POLL_CONTROL", poll_control_msr,
        .feature = X86_FEATURE_KVM_POLL_CONTROL, .when = MSR_FULL),

    ROW(0x17a, "IA32_MCG_STATUS", mcg_status, .feature = X86_FEATURE_MCE, .when = MSR_FULL),
    ROW(0x17b, "IA32_MCG_CTL", mcg_ctl, .feature = X86_FEATURE_MCE, .when = MSR_FULL),
};

/* Runs of MSRs: @nr registers at @index, @step apart, to consecutive array elements. */
static const struct MsrRun {
    uint32_t index, step, nr, offset;
    X86Feature feature;
    const char *name;
} msr_runs[] = {
#define RUN(_index, _step, _nr, _name, _field, _feature) \
    { (_index), (_step), (_nr), offsetof(CPUX86State, _field), X86_FEATURE_##_feature, (_name) }
    RUN(0x250, 1, 1, "IA32_MTRR_FIX64K", mtrr_fixed[0], MTRR),
    RUN(0x258, 1, 2, "IA32_MTRR_FIX16K", mtrr_fixed[1], MTRR),
    RUN(0x268, 1, 8, "IA32_MTRR_FIX4K", mtrr_fixed[3], MTRR),
    RUN(0x200, 2, 8, "IA32_MTRR_PHYSBASE", mtrr_base, MTRR),
    RUN(0x201, 2, 8, "IA32_MTRR_PHYSMASK", mtrr_mask, MTRR),
    RUN(0x2ff, 1, 1, "IA32_MTRR_DEF_TYPE", mtrr_deftype, MTRR),
    RUN(0x400, 1, 40, "IA32_MCi", mce_banks, MCE), /* cut to the banks of MCG_CAP */
};

/* --- The kernel's lists ---------------------------------------------------------------------- */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* KVM_GET_MSR_INDEX_LIST and its like; the kernel says how many there are when room is short. */
static GArray *read_msr_list(const KVMState *s, unsigned long request, Error **errp)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    g_autofree struct kvm_msr_list *kl = NULL;
    uint32_t nr = 128;
    int ret;

    for (int tries = 0; tries < 4; tries++) {
        g_free(kl);
        kl = g_malloc0(sizeof(*kl) + nr * sizeof(kl->indices[0]));
        kl->nmsrs = nr;
        ret = kvm_ioctl(s, request, kl);
        if (ret != -E2BIG || kl->nmsrs > 65536) {
            break;
        }
        nr = kl->nmsrs;
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "KVM did not list its MSRs");
        g_array_free(list, TRUE);
        return NULL;
    }
    g_array_append_vals(list, kl->indices, kl->nmsrs);
    g_array_sort(list, compare_u32);
    return list;
}

static bool list_has(const GArray *list, uint32_t index)
{
    return list && bsearch(&index, list->data, list->len, sizeof(index), compare_u32);
}

bool kvm_msr_init(KVMState *s, Error **errp)
{
    KVMArchState *a = s->arch;

    a->refused_msrs = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    a->msrs = read_msr_list(s, KVM_GET_MSR_INDEX_LIST, errp);
    if (!a->msrs) {
        return false;
    }
    if (kvm_check_extension(s, KVM_CAP_GET_MSR_FEATURES)) {
        a->feature_msrs = read_msr_list(s, KVM_GET_MSR_FEATURE_INDEX_LIST, errp);
        return a->feature_msrs;
    }
    return true;
}

void kvm_msr_fini(KVMState *s)
{
    GArray *lists[] = { s->arch->msrs, s->arch->feature_msrs, s->arch->refused_msrs };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        if (lists[i]) {
            g_array_free(lists[i], TRUE);
        }
    }
}

bool kvm_msr_supported(const KVMState *s, uint32_t index)
{
    return list_has(s->arch->msrs, index);
}

uint64_t kvm_feature_msr(const KVMState *s, uint32_t index)
{
    g_autofree struct kvm_msrs *m = NULL;

    if (!list_has(s->arch->feature_msrs, index)) {
        return 0;
    }
    m = g_malloc0(sizeof(*m) + sizeof(m->entries[0]));
    m->nmsrs = 1;
    m->entries[0].index = index;
    return kvm_ioctl(s, KVM_GET_MSRS, m) == 1 ? m->entries[0].data : 0;
}

/* --- Batches --------------------------------------------------------------------------------- */

typedef struct MsrBatch {
    KVMVcpu *v;
    uint32_t nr;
    struct {
        uint32_t index;
        uint64_t *value;
        const char *name;
    } item[KVM_MAX_MSRS];
} MsrBatch;

static bool was_refused(const KVMState *s, uint32_t index)
{
    for (guint i = 0; i < s->arch->refused_msrs->len; i++) {
        if (g_array_index(s->arch->refused_msrs, uint32_t, i) == index) {
            return true;
        }
    }
    return false;
}

static void batch_add(MsrBatch *b, uint32_t index, uint64_t *value, const char *name)
{
    if (b->nr < KVM_MAX_MSRS && !was_refused(b->v->s, index)) {
        b->item[b->nr].index = index;
        b->item[b->nr].value = value;
        b->item[b->nr++].name = name;
    }
}

static void refuse(MsrBatch *b, uint32_t i, bool write)
{
    uint32_t index = b->item[i].index;

    g_array_append_val(b->v->s->arch->refused_msrs, index);
    if (write) {
        warn_report("KVM on this host refuses MSR 0x%" PRIx32 " (%s) = 0x%" PRIx64
                    ": the guest runs without it", index, b->item[i].name, *b->item[i].value);
    } else {
        warn_report("KVM on this host does not give MSR 0x%" PRIx32 " (%s)", index,
                    b->item[i].name);
    }
}

/* The kernel stops at the first MSR it refuses and says how many it did: warn about that one, go on
 * behind it. */
static bool batch_run(MsrBatch *b, bool write, Error **errp)
{
    g_autofree struct kvm_msrs *m =
        g_malloc0(sizeof(*m) + KVM_MAX_MSRS * sizeof(m->entries[0]));
    uint32_t done = 0;

    while (done < b->nr) {
        int ret;

        m->nmsrs = b->nr - done;
        for (uint32_t i = 0; i < m->nmsrs; i++) {
            m->entries[i].index = b->item[done + i].index;
            m->entries[i].reserved = 0;
            m->entries[i].data = write ? *b->item[done + i].value : 0;
        }
        ret = kvm_vcpu_ioctl(b->v, write ? KVM_SET_MSRS : KVM_GET_MSRS, m);
        if (ret < 0) {
            error_setg_errno(errp, -ret, "KVM %s the MSRs of CPU %d",
                             write ? "refused" : "did not give", b->v->cpu->index);
            return false;
        }
        for (int i = 0; i < ret && !write; i++) {
            *b->item[done + i].value = m->entries[i].data;
        }
        done += ret;
        if (done < b->nr) {
            refuse(b, done++, write);
        }
    }
    return true;
}

/* --- Rows to batches ------------------------------------------------------------------------- */

static bool feature_ok(const X86CPU *cpu, X86Feature f)
{
    return f == X86_FEATURE_END || x86_has(&cpu->cfg, f);
}

static void add_rows(MsrBatch *b, X86CPU *cpu, bool full)
{
    const KVMState *s = b->v->s;

    for (size_t i = 0; i < ARRAY_SIZE(msr_rows); i++) {
        const MsrRow *row = &msr_rows[i];

        if (feature_ok(cpu, row->feature) && (full || row->when == MSR_ALWAYS) &&
            (!row->in_kernel_apic || kvm_lapic_in_kernel(s)) &&
            kvm_msr_supported(s, row->index)) {
            batch_add(b, row->index, (uint64_t *)((char *)&cpu->env + row->offset), row->name);
        }
    }
}

/* MTRRs and machine check banks are not in the kernel's list although it has them. */
static void add_runs(MsrBatch *b, X86CPU *cpu)
{
    uint32_t mce_nr = 4 * (cpu->env.mcg_cap & 0xff);

    for (size_t i = 0; i < ARRAY_SIZE(msr_runs); i++) {
        const struct MsrRun *run = &msr_runs[i];
        uint32_t nr = run->index == 0x400 ? MIN(run->nr, mce_nr) : run->nr;

        for (uint32_t k = 0; k < nr && feature_ok(cpu, run->feature); k++) {
            batch_add(b, run->index + k * run->step,
                      (uint64_t *)((char *)&cpu->env + run->offset) + k, run->name);
        }
    }
}

bool kvm_put_msrs(KVMVcpu *v, bool full, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    MsrBatch b = { .v = v };

    add_rows(&b, cpu, full);
    if (full) {
        add_runs(&b, cpu);
    }
    return batch_run(&b, true, errp);
}

bool kvm_put_tsc_deadline(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    MsrBatch b = { .v = v };

    if (x86_has(&cpu->cfg, X86_FEATURE_TSC_DEADLINE) && kvm_lapic_in_kernel(v->s) &&
        kvm_msr_supported(v->s, MSR_IA32_TSC_DEADLINE)) {
        batch_add(&b, MSR_IA32_TSC_DEADLINE, &cpu->env.tsc_deadline, "IA32_TSC_DEADLINE");
    }
    return batch_run(&b, true, errp);
}

bool kvm_get_msrs(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    MsrBatch b = { .v = v };

    add_rows(&b, cpu, true);
    add_runs(&b, cpu);
    return batch_run(&b, false, errp);
}

/* --- Feature MSRs ---------------------------------------------------------------------------- */

/* Feature words whose MSR holds the word as it is. VMX capabilities follow other rules and stay as
 * the kernel sets them up: the host's. */
static const struct {
    FeatureWord word;
    X86Feature feature;
    const char *name;
} feature_msrs[] = {
    { FEAT_ARCH_CAPABILITIES, X86_FEATURE_ARCH_CAPABILITIES, "IA32_ARCH_CAPABILITIES" },
    { FEAT_CORE_CAPABILITY, X86_FEATURE_CORE_CAPABILITY, "IA32_CORE_CAPABILITIES" },
    { FEAT_PERF_CAPABILITIES, X86_FEATURE_PDCM, "IA32_PERF_CAPABILITIES" },
};

bool kvm_put_feature_msrs(KVMVcpu *v, Error **errp)
{
    X86CPU *cpu = kvm_x86_cpu(v);
    MsrBatch b = { .v = v };

    for (size_t i = 0; i < ARRAY_SIZE(feature_msrs); i++) {
        FeatureWord w = feature_msrs[i].word;

        if (x86_has(&cpu->cfg, feature_msrs[i].feature)) {
            batch_add(&b, feature_word_info[w].msr, &cpu->cfg.features[w], feature_msrs[i].name);
        }
    }
    if (cpu->cfg.ucode_rev && kvm_msr_supported(v->s, 0x8b)) {
        batch_add(&b, 0x8b, &cpu->cfg.ucode_rev, "IA32_BIOS_SIGN_ID");
    }
    return batch_run(&b, true, errp);
}
