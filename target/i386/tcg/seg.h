/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors, shared by seg.c, far.c, excp.c and task.c. c->rip must be the instruction's: what
 * they raise has no op. Owner thread. */
#ifndef I386_TCG_SEG_H
#define I386_TCG_SEG_H

#include "target/i386/tcg/tcg.h"

typedef struct Desc {
    uint32_t lo, hi;
    uint64_t high8; /* bits 63..32 of the base of 16-byte descriptors */
    uint64_t la;    /* where it is */
    uint16_t sel;
} Desc;

/* Types of system descriptors. */
enum { SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK = 5, SYS_INT16 = 6,
       SYS_TRAP16 = 7, SYS_TSS = 9, SYS_TSS_BUSY = 11, SYS_CALL = 12, SYS_INT = 14,
       SYS_TRAP = 15 };

static inline bool tcg_real(const TcgCPU *c)
{
    return !(c->env->cr[0] & CR0_PE_MASK);
}
static inline bool tcg_vm86(const TcgCPU *c)
{
    return c->eflags & F_VM;
}
static inline bool tcg_lma(const TcgCPU *c)
{
    return c->env->efer & MSR_EFER_LMA;
}
static inline unsigned desc_type(const Desc *d)
{
    return d->hi >> DESC_TYPE_SHIFT & 15;
}
static inline unsigned desc_dpl(const Desc *d)
{
    return d->hi >> DESC_DPL_SHIFT & 3;
}
static inline bool desc_is_code(const Desc *d)
{
    return (d->hi & (DESC_S_MASK | 8 << DESC_TYPE_SHIFT)) == (DESC_S_MASK | 8 << DESC_TYPE_SHIFT);
}
static inline bool desc_conforming(const Desc *d)
{
    return d->hi & 4 << DESC_TYPE_SHIFT;
}
uint32_t desc_limit(const Desc *d);
uint32_t desc_base(const Desc *d);

/* The descriptor @sel names; @vector(sel) when it lies outside its table. False (@vector 0): not
 * there. */
bool tcg_read_desc(TcgCPU *c, uint16_t sel, Desc *d, unsigned vector);
/* Second half of a 16-byte descriptor. */
void tcg_read_desc_high(TcgCPU *c, Desc *d);
void tcg_set_accessed(TcgCPU *c, Desc *d);
void tcg_cache_desc(TcgCPU *c, unsigned seg, uint16_t sel, const Desc *d);
/* MOV, POP, LDS.. of a segment register (not CS). */
void tcg_load_seg(TcgCPU *c, unsigned seg, uint16_t sel);
/* SS for a stack switch to @dpl; faults as @vector. */
void tcg_load_ss(TcgCPU *c, uint16_t sel, unsigned dpl, unsigned vector);
/* Checks @d as the target of a transfer to @cpl by far jump, call, gate or return, and loads CS
 * with RPL @cpl. */
void tcg_load_cs(TcgCPU *c, uint16_t sel, Desc *d, unsigned cpl);
/* RSP (and SS outside long mode) for privilege level @dpl from the TSS. */
void tcg_tss_stack(TcgCPU *c, unsigned dpl, uint16_t *ss, uint64_t *sp);
/* As real mode and virtual-8086 mode load a segment register. */
void tcg_load_real(TcgCPU *c, unsigned seg, uint16_t sel);
bool tcg_canonical(const TcgCPU *c, uint64_t la);

/* ---- vme.c: virtual-8086 mode extensions, for IOPL < 3 --------------------------------------- */

/* INT @vector in virtual-8086 mode stays there: its bit in the TSS's redirection map is clear. */
bool tcg_vme_redirects(TcgCPU *c, unsigned vector);
/* FLAGS as virtual-8086 code sees them: IF is VIF and IOPL 3 when IOPL < 3. */
uint16_t tcg_vme_flags(const TcgCPU *c);
/* The flag that a redirected INT n clears: IF, or VIF. */
uint64_t tcg_vme_if(const TcgCPU *c);
/* POPF and IRET with a 16-bit operand and IOPL < 3 load @v; #GP as they do. */
void tcg_vme_put_flags(TcgCPU *c, const TcgOp *op, uint16_t v);
/* Virtual-8086 code with IOPL < 3: does PUSHF, POPF or IRET of @bytes work by VME? #GP if not. */
bool tcg_vme_flags_op(TcgCPU *c, const TcgOp *op, unsigned bytes);

enum { TASK_JMP, TASK_CALL, TASK_IRET };
/* Switches to the TSS @d; @next_rip goes to the old one. */
void tcg_task_switch(TcgCPU *c, Desc *d, unsigned how, uint64_t next_rip, bool has_error,
                     uint32_t error);
/* Sets EFLAGS bits of @mask from @v, the arithmetic ones too. */
void tcg_put_eflags(TcgCPU *c, uint64_t v, uint64_t mask);

/* Where an instruction stands, for faults without an op. */
static inline void tcg_sync_rip(TcgCPU *c, const TcgOp *op)
{
    c->rip = op_rip(c, op);
}

#endif
