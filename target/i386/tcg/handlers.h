/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers by family, for select.c. A pick function chooses the handler for a decoded instruction
 * and may rewrite op->i to suit it. Owner thread. */
#ifndef I386_TCG_HANDLERS_H
#define I386_TCG_HANDLERS_H

#include "target/i386/tcg/tcg.h"

/* @bytes: size of operand 0. */
TcgHandler *tcg_pick_alu(TcgOp *op, const X86InsnRow *row, unsigned bytes);
TcgHandler *tcg_pick_shift(TcgOp *op, const X86InsnRow *row, unsigned bytes);
TcgHandler *tcg_pick_mov(TcgOp *op, const X86InsnRow *row, unsigned bytes);
TcgHandler *tcg_pick_string(TcgOp *op, const X86InsnRow *row, unsigned bytes);
TcgHandler *tcg_pick_jcc(TcgOp *op, const X86InsnRow *row, unsigned bytes);
/* In 64-bit mode: a faster handler that falls back on @general, or @general. */
TcgHandler *tcg_pick_fast(TcgOp *op, const X86InsnRow *row, TcgHandler *general);
TcgHandler *tcg_pick_native(TcgOp *op, const X86InsnRow *row, unsigned bytes);

/* Size of operand 0, or of @n. */
unsigned tcg_op_bytes(const TcgOp *op, unsigned n);

/* Reads or writes an E operand of @bytes. */
static inline uint64_t tcg_get_rm(TcgCPU *c, const TcgOp *op, unsigned bytes)
{
    return op->i.flags & X86_I_MEM ? tcg_load(c, op, op_la(c, op, bytes, false), bytes)
                                   : get_reg(c, op->i.rm, bytes);
}
static inline void tcg_set_rm(TcgCPU *c, const TcgOp *op, unsigned bytes, uint64_t v)
{
    if (op->i.flags & X86_I_MEM) {
        tcg_store(c, op, op_la(c, op, bytes, true), v, bytes);
    } else {
        set_reg(c, op->i.rm, bytes, v);
    }
}

/* Handlers of rows that need no picking: h_NAME for the handler column's NAME. */
#define TCG_SIMPLE_HANDLERS(X) \
    X(push_seg) X(pop_seg) X(daa) X(das) X(aaa) X(aas) X(push) X(pop) X(pusha) X(popa) X(bound) \
    X(arpl) X(movsxd) X(push_imm) X(imul3) X(xchg) X(xchg_rax) X(mov_from_seg) X(lea) \
    X(mov_to_seg) X(pop_ev) X(pause) X(cbw) X(cwd) X(call_far) X(fwait) X(pushf) X(popf) X(sahf) \
    X(lahf) X(ret) X(lxs) X(enter) X(leave) X(retf) X(int3) X(int_n) X(into) X(iret) X(aam) \
    X(aad) X(salc) X(xlat) X(loop) X(jcxz) X(in) X(out) X(call_rel) X(jmp_rel) X(jmp_far) \
    X(int1) X(hlt) X(cmc) X(mul) X(imul1) X(div) X(idiv) X(clc) X(stc) X(cli) X(sti) X(cld) \
    X(std) X(call_ind) X(call_farm) X(jmp_ind) X(jmp_farm) X(push_ev) X(cmov) X(setcc) \
    X(fldenv) X(fldcw) X(fnstenv) X(fnstcw) X(fnop_nf) X(fnclex) X(fninit) X(frstor) X(fnsave) \
    X(fnstsw) X(sldt_str) X(lldt) X(ltr) X(verr_verw) X(sgdt_sidt) X(lgdt_lidt) X(smsw) X(lmsw) \
    X(invlpg) X(monitor) X(mwait) X(clac_stac) X(xgetbv) X(xsetbv) X(rdpkru) X(wrpkru) X(swapgs) \
    X(rdtsc) X(clzero) X(lar) X(syscall) X(clts) X(sysret) X(invd) X(wbinvd) X(nop) X(mov_cr) \
    X(mov_dr) X(wrmsr) X(rdmsr) X(rdpmc) X(sysenter) X(sysexit) X(cpuid) X(bt) X(shld) X(shrd) \
    X(imul2) X(fxsave) X(fxrstor) X(ldmxcsr) X(stmxcsr) X(xsave) X(xrstor) X(clflush) X(fence) \
    X(fsgsbase) X(cmpxchg) X(xadd) X(movzx) X(movsx) X(bsf) X(bsr) X(cmpxchg16b) X(cmpxchg8b) \
    X(rdrand) X(rdpid) X(bswap) X(movbe) X(invpcid) X(emms) X(vzero) X(maskmovq) \
    X(vmaskmov) X(vgather) X(xabort) X(xbegin) X(xend) X(xtest)

#define X(name) HANDLER(h_##name);
TCG_SIMPLE_HANDLERS(X)
#undef X

#endif
