/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMSR and WRMSR (SDM vol 4; AMD APM vol 2 appendix A; PLATFORM.md A.4). The LAPIC's and whatever
 * else the machine has go to TcgSysOps. Owner thread. */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/seg.h"

/* How a write is checked. */
typedef enum MsrKind {
    MSR_PLAIN,
    MSR_CANONICAL,
    MSR_U32,
    MSR_READ_ONLY, /* writes: #GP */
    MSR_IGNORE,    /* reads as stored, writes vanish */
} MsrKind;

typedef struct MsrRow {
    uint32_t first, nr;
    size_t field; /* of CPUX86State */
    MsrKind kind;
    uint8_t stride; /* in fields; 0: 1 */
} MsrRow;

#define F(m) offsetof(CPUX86State, m)

static const MsrRow rows[] = {
    { 0x174, 1, F(sysenter_cs), MSR_PLAIN },
    { 0x175, 1, F(sysenter_esp), MSR_CANONICAL },
    { 0x176, 1, F(sysenter_eip), MSR_CANONICAL },
    { 0x179, 1, F(mcg_cap), MSR_READ_ONLY },
    { 0x17a, 1, F(mcg_status), MSR_PLAIN },
    { 0x17b, 1, F(mcg_ctl), MSR_PLAIN },
    { 0x1a0, 1, F(misc_enable), MSR_PLAIN },
    { 0x250, 1, F(mtrr_fixed[0]), MSR_PLAIN },
    { 0x258, 2, F(mtrr_fixed[1]), MSR_PLAIN },
    { 0x268, 8, F(mtrr_fixed[3]), MSR_PLAIN },
    { 0x277, 1, F(pat), MSR_PLAIN },
    { 0x2ff, 1, F(mtrr_deftype), MSR_PLAIN },
    { 0x3a, 1, F(feature_control), MSR_PLAIN },
    { 0x400, 40, F(mce_banks[0]), MSR_PLAIN },
    { 0xda0, 1, F(xss), MSR_PLAIN },
    { 0xc0000081, 1, F(star), MSR_PLAIN },
    { 0xc0000082, 1, F(lstar), MSR_CANONICAL },
    { 0xc0000083, 1, F(cstar), MSR_CANONICAL },
    { 0xc0000084, 1, F(fmask), MSR_U32 },
    { 0xc0000100, 1, F(segs[R_FS].base), MSR_CANONICAL },
    { 0xc0000101, 1, F(segs[R_GS].base), MSR_CANONICAL },
    { 0xc0000102, 1, F(kernelgsbase), MSR_CANONICAL },
    { 0xc0000103, 1, F(tsc_aux), MSR_U32 },
};

/* Registers that read as a constant and ignore writes, so that systems that poke them go on. */
static const struct {
    uint32_t first, nr;
    uint64_t value;
} constants[] = {
    { 0x00000017, 1, 0 },           /* platform id */
    { 0x0000008b, 1, 1ull << 32 },  /* microcode revision */
    { 0x000000fe, 1, 0x508 },       /* MTRRs: 8 variable, fixed, WC */
    { 0x000000cd, 1, 3 },
    { 0x000001d9, 1, 0 },           /* DEBUGCTL: no LBR, no BTF */
    { 0x000001db, 4, 0 },           /* last branch and exception addresses */
    { 0xc0010000, 8, 0 },           /* performance counters */
    { 0xc0010010, 1, 0 },           /* SYSCFG */
    { 0xc0010015, 1, 0 },           /* HWCR */
    { 0xc0010016, 5, 0 },           /* IORRs, TOP_MEM */
    { 0xc001001d, 1, 0 },           /* TOP_MEM2 */
    { 0xc001001f, 1, 0 },           /* NB_CFG */
    { 0xc0010055, 1, 0 },           /* interrupt pending message */
    { 0xc0010058, 1, 0 },           /* base of the memory-mapped configuration space */
    { 0xc0010114, 1, 0x10 },        /* VM_CR: SVM is disabled */
    { 0xc0011004, 2, 0 },           /* CPUID overrides */
    { 0xc0011020, 4, 0 },           /* LS_CFG, IC_CFG, DC_CFG, BU_CFG */
    { 0xc0011029, 1, 2 },           /* DE_CFG: LFENCE serialises */
    { 0xc001102a, 1, 0 },           /* BU_CFG2 */
};

static uint64_t *field(TcgCPU *c, uint32_t msr, MsrKind *kind)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (msr - rows[i].first < rows[i].nr) {
            *kind = rows[i].kind;
            return (uint64_t *)((uint8_t *)c->env + rows[i].field) + (msr - rows[i].first);
        }
    }
    if (msr - 0x200 < 16) { /* pairs of base and mask */
        *kind = MSR_PLAIN;
        return msr & 1 ? &c->env->mtrr_mask[(msr - 0x200) / 2]
                       : &c->env->mtrr_base[(msr - 0x200) / 2];
    }
    return NULL;
}

static uint64_t tsc(TcgCPU *c)
{
    return (c->sys->tsc ? c->sys->tsc(c->opaque) : c->nr_blocks_run) + c->tsc_offset;
}

/* The LAPIC's deadlines are in the guest's TSC. */
static void move_tsc(TcgCPU *c, uint64_t by)
{
    c->tsc_offset += by;
    c->env->tsc_adjust += by;
    if (c->sys->tsc_moved) {
        c->sys->tsc_moved(c->opaque, tsc(c));
    }
}

static bool read_msr(TcgCPU *c, uint32_t msr, uint64_t *v)
{
    MsrKind kind;
    uint64_t *f = field(c, msr, &kind);

    if (f) {
        *v = *f;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(constants); i++) {
        if (msr - constants[i].first < constants[i].nr) {
            *v = constants[i].value;
            return true;
        }
    }
    switch (msr) {
    case 0x10:
        *v = tsc(c);
        return true;
    case 0x3b:
        *v = c->env->tsc_adjust;
        return x86_features_have(c->features, X86_FEATURE_TSC_ADJUST);
    case 0xc0000080:
        *v = c->env->efer;
        return true;
    default:
        return c->sys->rdmsr && c->sys->rdmsr(c->opaque, msr, v);
    }
}

static bool write_efer(TcgCPU *c, uint64_t v)
{
    uint64_t allowed = (x86_features_have(c->features, X86_FEATURE_SYSCALL) ? MSR_EFER_SCE : 0) |
                       (x86_features_have(c->features, X86_FEATURE_LM)
                            ? MSR_EFER_LME | MSR_EFER_LMA : 0) |
                       (x86_features_have(c->features, X86_FEATURE_NX) ? MSR_EFER_NXE : 0);

    if (v & ~allowed ||
        ((v ^ c->env->efer) & MSR_EFER_LME && c->env->cr[0] & CR0_PG_MASK)) {
        return false;
    }
    c->env->efer = (v & ~(uint64_t)MSR_EFER_LMA) | (c->env->efer & MSR_EFER_LMA);
    tcg_tlb_flush(c);
    tcg_update_mode(c);
    return true;
}

static bool write_msr(TcgCPU *c, uint32_t msr, uint64_t v)
{
    MsrKind kind;
    uint64_t *f = field(c, msr, &kind);

    if (f) {
        if (kind == MSR_READ_ONLY || (kind == MSR_CANONICAL && !tcg_canonical(c, v))) {
            return false;
        }
        *f = kind == MSR_U32 ? (uint32_t)v : v;
        tcg_update_mode(c);
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(constants); i++) {
        if (msr - constants[i].first < constants[i].nr) {
            return true;
        }
    }
    switch (msr) {
    case 0xc0000080:
        return write_efer(c, v);
    case 0x10:
        move_tsc(c, v - tsc(c));
        return true;
    case 0x3b:
        if (!x86_features_have(c->features, X86_FEATURE_TSC_ADJUST)) {
            return false;
        }
        move_tsc(c, v - c->env->tsc_adjust);
        return true;
    case 0x79: /* microcode update */
        return true;
    default:
        return c->sys->wrmsr && c->sys->wrmsr(c->opaque, msr, v);
    }
}

HANDLER(h_rdmsr)
{
    uint64_t v = 0;
    bool ok;

    tcg_native_leave(c);
    ok = read_msr(c, c->r[R_ECX], &v);
    tcg_native_enter(c);
    if (!ok) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->r[R_EAX] = (uint32_t)v;
    c->r[R_EDX] = v >> 32;
    NEXT;
}

HANDLER(h_wrmsr)
{
    bool ok;

    tcg_sync_rip(c, op);
    tcg_native_leave(c);
    ok = write_msr(c, c->r[R_ECX], (uint32_t)c->r[R_EAX] | c->r[R_EDX] << 32);
    tcg_native_enter(c);
    if (!ok) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->irq_pending = true;
    c->rip = op_next_rip(c, op);
    END;
}
