/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test helper, see diff-machine.h. */
#include "qemu/osdep.h"
#include "tests/tcg/diff-machine.h"
#include "tests/tcg/insn-gen.h"

/* Guest-physical layout. */
enum { GPA_PML4 = 0, GPA_PDPT = 0x1000, GPA_PD = 0x2000, GPA_PT_CODE = 0x3000,
       GPA_PT_DATA = 0x4000, GPA_TABLES_END = 0x5000, GPA_CODE = 0x10000, GPA_DATA = 0x20000 };

static uint8_t *page(void *opaque, uint64_t gpa, bool *readonly)
{
    DiffMachine *m = opaque;

    *readonly = false;
    if (gpa < GPA_TABLES_END) {
        return m->tables + gpa;
    }
    if (gpa == GPA_CODE) {
        return m->code;
    }
    return gpa - GPA_DATA < HOST_DATA_BYTES ? m->data + (gpa - GPA_DATA) : NULL;
}

static uint64_t nothing_read(void *opaque, uint64_t gpa, unsigned size)
{
    return UINT64_MAX;
}

static void nothing_write(void *opaque, uint64_t gpa, uint64_t value, unsigned size)
{
}

static uint64_t nothing_in(void *opaque, uint16_t port, unsigned size)
{
    return UINT64_MAX;
}

static void nothing_out(void *opaque, uint16_t port, uint64_t value, unsigned size)
{
}

static const TcgMemOps mem_ops = { page, nothing_read, nothing_write, nothing_in, nothing_out };
static const TcgSysOps sys_ops = { NULL };

static void set_pte(DiffMachine *m, unsigned table, unsigned index, uint64_t value)
{
    memcpy(m->tables + table + index * 8, &value, 8);
}

static void make_tables(DiffMachine *m)
{
    set_pte(m, GPA_PML4, 0, GPA_PDPT | 7);
    set_pte(m, GPA_PDPT, 0, GPA_PD | 7);
    set_pte(m, GPA_PD, HOST_CODE >> 21, GPA_PT_CODE | 7);
    set_pte(m, GPA_PD, HOST_DATA >> 21, GPA_PT_DATA | 7);
    set_pte(m, GPA_PT_CODE, 0, GPA_CODE | 5);
    for (unsigned i = 0; i < HOST_DATA_BYTES / 4096; i++) {
        set_pte(m, GPA_PT_DATA, i, (GPA_DATA + i * 4096) | 7);
    }
}

static void user_segment(SegmentCache *s, uint16_t sel, bool code)
{
    *s = (SegmentCache){ .selector = sel, .limit = UINT32_MAX,
                         .flags = DESC_P_MASK | DESC_S_MASK | DESC_G_MASK | 3 << DESC_DPL_SHIFT |
                                  (code ? DESC_L_MASK | 11 << DESC_TYPE_SHIFT
                                        : DESC_B_MASK | 3 << DESC_TYPE_SHIFT) };
}

DiffMachine *diff_machine_new(void)
{
    DiffMachine *m = g_new0(DiffMachine, 1);
    CPUX86State *env = &m->env;

    m->tables = g_malloc0(GPA_TABLES_END);
    m->code = g_aligned_alloc0(1, 4096, 4096);
    m->data = g_aligned_alloc0(1, HOST_DATA_BYTES, 4096);
    make_tables(m);
    env->cr[0] = CR0_PE_MASK | CR0_PG_MASK | CR0_WP_MASK | CR0_NE_MASK | CR0_MP_MASK | CR0_ET_MASK;
    env->cr[3] = GPA_PML4;
    /* PAE, OSFXSR, OSXMMEXCPT, FSGSBASE, OSXSAVE */
    env->cr[4] = CR4_PAE_MASK | CR4_OSFXSR_MASK | 1 << 10 | 1 << 16 | CR4_OSXSAVE_MASK;
    env->efer = MSR_EFER_LME | MSR_EFER_LMA | MSR_EFER_NXE | MSR_EFER_SCE;
    env->xcr0 = 7;
    env->eflags = 0x202;
    user_segment(&env->segs[R_CS], 0x33, true);
    user_segment(&env->segs[R_SS], 0x2b, false);
    m->shared = tcg_shared_new();
    m->c = tcg_cpu_new(env, m->shared, &mem_ops, &sys_ops, m);
    tcg_host_features(m->c->features);
    m->c->intel = true;
    tcg_load_env(m->c);
    return m;
}

void diff_machine_free(DiffMachine *m)
{
    tcg_cpu_free(m->c);
    tcg_shared_free(m->shared);
    g_free(m->tables);
    g_aligned_free(m->code);
    g_aligned_free(m->data);
    g_free(m);
}
