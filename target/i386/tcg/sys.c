/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System instructions: control and debug registers, ports, interrupts on and off, TLB, CPUID, TSC,
 * XCR0, random numbers (SDM vol 2, vol 3 chapter 2). Owner thread.
 */
#include "qemu/osdep.h"
#include <sys/random.h>
#include "target/i386/cpuid.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/seg.h"

#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PGE (1u << 7)
#define CR4_PCE (1u << 8)
#define CR4_UMIP (1u << 11)
#define CR4_PCIDE (1u << 17)

/* ---- FPU availability ------------------------------------------------------------------------ */

void tcg_fpu_trap(TcgCPU *c, const TcgOp *op, TcgFpuKind kind)
{
    const CPUX86State *env = c->env;
    bool ud = kind & TCG_FPU_AVX
                  ? !(env->cr[4] & CR4_OSXSAVE_MASK) || (env->xcr0 & 6) != 6
                  : (env->cr[0] & CR0_EM_MASK && kind != TCG_FPU_X87) ||
                        (kind & TCG_FPU_SSE && !(env->cr[4] & CR4_OSFXSR_MASK));

    tcg_raise(c, op, ud ? EXC_UD : EXC_NM);
}

/* ---- Control registers ----------------------------------------------------------------------- */

static uint64_t cr4_allowed(const TcgCPU *c)
{
    static const struct {
        uint8_t bit;
        uint16_t feature;
    } rows[] = {
        { 0, X86_FEATURE_VME }, { 1, X86_FEATURE_VME }, { 2, X86_FEATURE_TSC },
        { 3, X86_FEATURE_DE }, { 4, X86_FEATURE_PSE }, { 5, X86_FEATURE_PAE },
        { 6, X86_FEATURE_MCE }, { 7, X86_FEATURE_PGE }, { 9, X86_FEATURE_FXSR },
        { 10, X86_FEATURE_SSE }, { 11, X86_FEATURE_UMIP }, { 12, X86_FEATURE_LA57 },
        { 16, X86_FEATURE_FSGSBASE }, { 17, X86_FEATURE_PCID }, { 18, X86_FEATURE_XSAVE },
        { 20, X86_FEATURE_SMEP }, { 21, X86_FEATURE_SMAP }, { 22, X86_FEATURE_PKU },
    };
    uint64_t mask = CR4_PCE;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        mask |= x86_features_have(c->features, rows[i].feature) ? 1ull << rows[i].bit : 0;
    }
    return mask;
}

static void write_cr0(TcgCPU *c, const TcgOp *op, uint64_t v)
{
    CPUX86State *env = c->env;
    uint64_t old = env->cr[0];
    bool pg_on = v & CR0_PG_MASK && !(old & CR0_PG_MASK);

    if (v >> 32 || (v & CR0_PG_MASK && !(v & CR0_PE_MASK)) ||
        (v & CR0_NW_MASK && !(v & CR0_CD_MASK)) ||
        (pg_on && env->efer & MSR_EFER_LME &&
         (!(env->cr[4] & CR4_PAE_MASK) || env->segs[R_CS].flags & DESC_L_MASK)) ||
        (!(v & CR0_PG_MASK) && old & CR0_PG_MASK &&
         (c->code64 || env->cr[4] & CR4_PCIDE)) ||
        (pg_on && !(env->efer & MSR_EFER_LME) && env->cr[4] & CR4_PAE_MASK &&
         !tcg_load_pdptrs(c, env->cr[3]))) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    env->cr[0] = (v & 0xe005003f) | CR0_ET_MASK;
    if (pg_on && env->efer & MSR_EFER_LME) {
        env->efer |= MSR_EFER_LMA;
    } else if (!(v & CR0_PG_MASK)) {
        env->efer &= ~(uint64_t)MSR_EFER_LMA;
    }
    if ((v ^ old) & (CR0_PG_MASK | CR0_WP_MASK | CR0_PE_MASK)) {
        tcg_tlb_flush(c);
    }
    tcg_update_mode(c);
}

static void write_cr3(TcgCPU *c, const TcgOp *op, uint64_t v)
{
    bool pcide = c->env->cr[4] & CR4_PCIDE;
    bool keep = pcide && v >> 63;

    v &= pcide ? ~(1ull << 63) : UINT64_MAX;
    if (tcg_lma(c) && v & ~c->phys_mask & ~0xfffull) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    if (!tcg_lma(c)) {
        v = (uint32_t)v;
        if (c->env->cr[0] & CR0_PG_MASK && c->env->cr[4] & CR4_PAE_MASK &&
            !tcg_load_pdptrs(c, v)) {
            tcg_raise_err(c, op, EXC_GP, 0);
        }
    }
    /* TODO: no address space identifiers yet: a kept PCID is flushed too when the table changes. */
    if (!keep || v != c->env->cr[3]) {
        c->env->cr[3] = v;
        tcg_tlb_flush_local(c);
    }
}

static void write_cr4(TcgCPU *c, const TcgOp *op, uint64_t v)
{
    uint64_t old = c->env->cr[4];

    if (v & ~cr4_allowed(c) || (tcg_lma(c) && (!(v & CR4_PAE_MASK) || (v ^ old) & CR4_LA57_MASK)) ||
        (v & CR4_PCIDE && !(old & CR4_PCIDE) && (!tcg_lma(c) || c->env->cr[3] & 0xfff))) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    if (v & CR4_PAE_MASK && c->env->cr[0] & CR0_PG_MASK && !tcg_lma(c) &&
        !tcg_load_pdptrs(c, c->env->cr[3])) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->env->cr[4] = v;
    if (v ^ old) {
        tcg_tlb_flush(c);
        tcg_debug_update(c);
    }
    tcg_update_mode(c);
}

static uint64_t read_cr8(TcgCPU *c)
{
    return c->sys->get_cr8 ? c->sys->get_cr8(c->opaque) : c->env->cr8;
}

static void write_cr8(TcgCPU *c, const TcgOp *op, uint64_t v)
{
    if (v > 15) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->env->cr8 = v;
    if (c->sys->set_cr8) {
        tcg_native_leave(c);
        c->sys->set_cr8(c->opaque, v);
        tcg_native_enter(c);
    }
    c->irq_pending = true;
}

HANDLER(h_mov_cr)
{
    unsigned n = c->code64 ? 8 : 4, cr = op->i.reg;
    uint64_t v;

    if (x86_insn_row(op->i.row)->opcode == 0x20) {
        v = cr == 8 ? read_cr8(c) : c->env->cr[cr];
        set_reg(c, op->i.rm, n, v);
        NEXT;
    }
    v = get_reg(c, op->i.rm, n);
    switch (cr) {
    case 0:
        write_cr0(c, op, v);
        break;
    case 2:
        c->env->cr[2] = v;
        break;
    case 3:
        write_cr3(c, op, v);
        break;
    case 4:
        write_cr4(c, op, v);
        break;
    default:
        write_cr8(c, op, v);
        break;
    }
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_smsw)
{
    if (c->cpl && c->env->cr[4] & CR4_UMIP) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_set_rm(c, op, op->i.flags & X86_I_MEM ? 2 : op->i.opsize, c->env->cr[0]);
    NEXT;
}

HANDLER(h_lmsw)
{
    uint64_t v = tcg_get_rm(c, op, 2) & 15;

    v |= c->env->cr[0] & CR0_PE_MASK; /* cannot be cleared */
    write_cr0(c, op, (c->env->cr[0] & ~15ull) | v);
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_clts)
{
    c->env->cr[0] &= ~(uint64_t)CR0_TS_MASK;
    tcg_update_mode(c);
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_mov_dr)
{
    unsigned n = c->code64 ? 8 : 4, dr = op->i.reg & 7;
    uint64_t v;

    if (dr == 4 || dr == 5) {
        if (c->env->cr[4] & CR4_DE) {
            tcg_raise(c, op, EXC_UD);
        }
        dr += 2;
    }
    if (c->env->dr[7] & DR7_GD) {
        tcg_sync_rip(c, op);
        tcg_debug_raise(c, DR6_BD);
    }
    if (x86_insn_row(op->i.row)->opcode == 0x21) {
        set_reg(c, op->i.rm, n, c->env->dr[dr]);
        NEXT;
    }
    v = get_reg(c, op->i.rm, n);
    if (dr >= 6) {
        if (v >> 32) {
            tcg_raise_err(c, op, EXC_GP, 0);
        }
        v = dr == 6 ? (v & 0xe00f) | 0xffff0ff0 : (v & 0xffff2bff) | 0x400;
    }
    c->env->dr[dr] = v;
    tcg_debug_update(c);
    c->rip = op_next_rip(c, op);
    END;
}

/* ---- TLB and caches -------------------------------------------------------------------------- */

HANDLER(h_invlpg)
{
    uint64_t la = c->seg_base[op->i.seg] + tcg_ea(c, &op->i, op);

    tcg_tlb_flush_page(c, la);
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_invpcid)
{
    uint64_t type = get_reg(c, op->i.reg, c->code64 ? 8 : 4), la = op_la(c, op, 16, false);
    uint64_t pcid = tcg_load(c, op, la, 8), addr = tcg_load(c, op, la + 8, 8);

    if (type > 3 || (type < 2 && (pcid >> 12 || (pcid && !(c->env->cr[4] & CR4_PCIDE)))) ||
        (type == 0 && !tcg_canonical(c, addr))) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_tlb_flush(c);
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_wbinvd)
{
    NEXT;
}

HANDLER(h_invd)
{
    NEXT;
}

HANDLER(h_clflush)
{
    tcg_probe(c, op, op_la(c, op, 1, false), 1, TCG_READ);
    NEXT;
}

HANDLER(h_clzero)
{
    uint64_t ea = get_reg(c, R_EAX, op->i.addrsize) & ~63ull;
    static const uint8_t zeroes[64];

    tcg_write(c, op, tcg_linear(c, op, op->i.seg, ea, 64, true), zeroes, 64);
    NEXT;
}

/* ---- Interrupts, halt ------------------------------------------------------------------------ */

HANDLER(h_clac_stac)
{
    if (x86_insn_row(op->i.row)->modrm == 0xcb) {
        c->eflags |= F_AC;
    } else {
        c->eflags &= ~(uint64_t)F_AC;
    }
    tcg_update_mode(c);
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_hlt)
{
    c->rip = op_next_rip(c, op);
    c->halted = true;
    END;
}

HANDLER(h_monitor)
{
    tcg_probe(c, op, tcg_linear(c, op, op->i.seg, get_reg(c, R_EAX, op->i.addrsize), 1, false), 1,
              TCG_READ);
    NEXT;
}

HANDLER(h_mwait)
{
    c->rip = op_next_rip(c, op); /* may wake at any time */
    END;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

uint64_t tcg_port_in(TcgCPU *c, uint16_t port, unsigned bytes)
{
    uint64_t v;

    tcg_native_leave(c);
    v = c->mem->in(c->opaque, port, bytes);
    tcg_native_enter(c);
    return v;
}

void tcg_port_out(TcgCPU *c, uint16_t port, uint64_t v, unsigned bytes)
{
    tcg_native_leave(c);
    c->mem->out(c->opaque, port, v & (UINT64_MAX >> (64 - bytes * 8)), bytes);
    tcg_native_enter(c);
}

void tcg_check_io(TcgCPU *c, const TcgOp *op, uint16_t port, unsigned bytes)
{
    const SegmentCache *tr = &c->env->tr;
    uint16_t map, bits;

    if (tcg_real(c) || (!tcg_vm86(c) && c->cpl <= (c->eflags & F_IOPL) >> 12)) {
        return;
    }
    tcg_sync_rip(c, op);
    if (!(tr->flags & 8 << DESC_TYPE_SHIFT) || tr->limit < 0x67) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    map = tcg_load_sys(c, tr->base + 0x66, 2);
    if (map + port / 8 + 1u > tr->limit) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    bits = tcg_load_sys(c, tr->base + map + port / 8, 2) >> (port & 7);
    if (bits & ((1u << bytes) - 1)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
}

static uint16_t port_of(TcgCPU *c, const TcgOp *op, unsigned operand)
{
    return x86_insn_row(op->i.row)->op_kind[operand] == X86_OPK_DX ? c->r[R_EDX]
                                                                   : (uint8_t)op->i.imm;
}

HANDLER(h_in)
{
    unsigned n = tcg_op_bytes(op, 0);
    uint16_t port = port_of(c, op, 1);

    tcg_check_io(c, op, port, n);
    tcg_debug_io(c, port, n);
    c->rip = op_next_rip(c, op);
    set_reg(c, R_EAX, n, tcg_port_in(c, port, n));
    END;
}

HANDLER(h_out)
{
    unsigned n = tcg_op_bytes(op, 1);
    uint16_t port = port_of(c, op, 0);

    tcg_check_io(c, op, port, n);
    tcg_debug_io(c, port, n);
    c->rip = op_next_rip(c, op);
    tcg_port_out(c, port, get_reg(c, R_EAX, n), n);
    END;
}

/* ---- Information ----------------------------------------------------------------------------- */

HANDLER(h_cpuid)
{
    uint32_t out[4] = { 0 };

    if (c->sys->cpuid) {
        tcg_native_leave(c);
        c->sys->cpuid(c->opaque, c->r[R_EAX], c->r[R_ECX], out);
        tcg_native_enter(c);
    }
    c->r[R_EAX] = out[CPUID_EAX];
    c->r[R_EBX] = out[CPUID_EBX];
    c->r[R_ECX] = out[CPUID_ECX];
    c->r[R_EDX] = out[CPUID_EDX];
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_rdtsc)
{
    uint64_t t;

    if (c->env->cr[4] & CR4_TSD && c->cpl) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    t = (c->sys->tsc ? c->sys->tsc(c->opaque) : c->nr_blocks_run) + c->tsc_offset;
    c->r[R_EAX] = (uint32_t)t;
    c->r[R_EDX] = t >> 32;
    if (x86_insn_row(op->i.row)->modrm == 0xf9) {
        c->r[R_ECX] = (uint32_t)c->env->tsc_aux;
    }
    NEXT;
}

HANDLER(h_rdpid)
{
    set_reg(c, op->i.rm, c->code64 ? 8 : 4, (uint32_t)c->env->tsc_aux);
    NEXT;
}

HANDLER(h_rdpmc)
{
    tcg_raise_err(c, op, EXC_GP, 0);
}

HANDLER(h_rdrand)
{
    unsigned n = op->i.opsize;
    uint64_t v = 0;
    bool ok = getrandom(&v, n, GRND_NONBLOCK) == (ssize_t)n;

    set_reg(c, op->i.rm, n, ok ? v : 0);
    tcg_set_arith(c, ok ? F_C : 0);
    NEXT;
}

/* ---- XCR0, PKRU ------------------------------------------------------------------------------ */

static void need_osxsave(TcgCPU *c, const TcgOp *op)
{
    if (!(c->env->cr[4] & CR4_OSXSAVE_MASK)) {
        tcg_raise(c, op, EXC_UD);
    }
}

HANDLER(h_xgetbv)
{
    uint32_t n = c->r[R_ECX];

    need_osxsave(c, op);
    if (n > 1) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->r[R_EAX] = (uint32_t)c->env->xcr0;
    c->r[R_EDX] = c->env->xcr0 >> 32;
    NEXT;
}

HANDLER(h_xsetbv)
{
    uint64_t v = (uint32_t)c->r[R_EAX] | c->r[R_EDX] << 32;
    uint64_t allowed = 3 | (x86_features_have(c->features, X86_FEATURE_AVX) ? 4 : 0) |
                       (x86_features_have(c->features, X86_FEATURE_PKU) ? 1 << 9 : 0);

    need_osxsave(c, op);
    if ((uint32_t)c->r[R_ECX] || !(v & 1) || v & ~allowed || (v & 6) == 4) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    c->env->xcr0 = v;
    tcg_update_mode(c);
    c->rip = op_next_rip(c, op);
    END;
}

enum { XS_PKRU_AT = 2688 };

static void need_pke(TcgCPU *c, const TcgOp *op)
{
    if (!(c->env->cr[4] & CR4_PKE_MASK)) {
        tcg_raise(c, op, EXC_UD);
    }
    if ((uint32_t)c->r[R_ECX]) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
}

HANDLER(h_rdpkru)
{
    uint32_t v;

    need_pke(c, op);
    memcpy(&v, c->xs + XS_PKRU_AT, 4);
    c->r[R_EAX] = v;
    c->r[R_EDX] = 0;
    NEXT;
}

HANDLER(h_wrpkru)
{
    uint32_t v = c->r[R_EAX];

    need_pke(c, op);
    if ((uint32_t)c->r[R_EDX]) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    if (memcmp(c->xs + XS_PKRU_AT, &v, 4)) {
        memcpy(c->xs + XS_PKRU_AT, &v, 4);
        tcg_tlb_flush(c);
    }
    c->rip = op_next_rip(c, op);
    END;
}
