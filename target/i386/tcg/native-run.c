/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs: several instructions in a row as one piece of host code. Guest vector register n is host
 * register n; all that the run uses are loaded at its start and those it writes stored at its end.
 * General registers and flags stay in the TcgCPU (native-int.c). Memory operands look into the TLB
 * themselves. An instruction that cannot be done because its operand is not at hand, or a jump that
 * is taken, ends the run before it: the code returns how many are done, and the rest is left to
 * their handlers.
 *
 * Jumps within a run stay in it; those backwards look for requests and whether the block is still
 * there.
 *
 * In a block a run is an op of its own before those it stands for:
 *
 *   ops:  [run 4] [movsd] [mulsd] [addsd] [add] [call]   run: op->aux code, op->i.imm how many ops
 *
 * It becomes code when it has been passed HOT times. No instruction of a run may raise a SIMD
 * exception: with one unmasked a run with vector instructions is skipped. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/insn-tables.h"
#include "target/i386/tcg/native-run.h"

enum { HOT = 32, RUN_MIN = 3, RUN_MIN_VEC = 2, CODE_MAX = 16384, RUN_TAKEN = 0x100 };

/* Returns the number of ops done; with RUN_TAKEN: the next one is a jump that is taken. */
typedef uint64_t RunCode(TcgCPU *c);

/* ---- Registers ------------------------------------------------------------------------------- */

static void note_register(TcgRun *r, unsigned n, bool written)
{
    r->used |= 1 << n;
    r->written |= written << n;
}

static void note_registers(TcgRun *r, const TcgOp *op)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);

    for (unsigned n = 0; n < row->nr_ops; n++) {
        bool written = n == 0 && !(row->attrs & X86_A_ro);

        switch (row->op_kind[n]) {
        case X86_OPK_V:
            note_register(r, op->i.reg, written);
            break;
        case X86_OPK_H:
            note_register(r, op->i.vvvv, written);
            break;
        case X86_OPK_L:
            note_register(r, op->i.imm >> 4 & 15, false);
            break;
        case X86_OPK_XMM0:
            note_register(r, 0, false);
            break;
        case X86_OPK_W:
        case X86_OPK_U:
            if (!(op->i.flags & X86_I_MEM)) {
                note_register(r, op->i.rm, written);
            }
            break;
        }
    }
}

static size_t low_at(unsigned n)
{
    return offsetof(TcgCPU, xs) + XS_XMM + 16 * n;
}

static size_t high_at(unsigned n)
{
    return offsetof(TcgCPU, xs) + XS_YMMH + 16 * n;
}

/* movups, or vmovups with vinsertf128 and vextractf128 for the upper half. */
static void vec_move(TcgEmit *e, unsigned n, bool load)
{
    unsigned not_r = n < 8 ? 0x80 : 0;

    if (!e->vex) {
        if (n >= 8) {
            tcg_emit(e, 0x44, 1);
        }
        tcg_emit_code(e, load ? 0x0f10 : 0x0f11, 2);
        tcg_emit_state(e, n, low_at(n));
        return;
    }
    tcg_emit_code(e, 0xc57810 | not_r << 8 | !load, 3);
    tcg_emit_state(e, n, low_at(n));
    tcg_emit_code(e, 0xc463 | not_r, 2);
    tcg_emit_code(e, load ? (~n & 15) << 11 | 0x518 : 0x7d19, 2);
    tcg_emit_state(e, n, high_at(n));
    tcg_emit(e, 1, 1);
}

static void move_registers(TcgEmit *e, uint16_t mask, bool load)
{
    for (; mask; mask &= mask - 1) {
        vec_move(e, __builtin_ctz(mask), load);
    }
}

/* General registers that the instruction uses besides those of its address. */
static void move_general(TcgEmit *e, bool load)
{
    for (unsigned n = 0; n < e->row->nr_ops; n++) {
        unsigned k = e->row->op_kind[n];

        if (!load && (n || e->row->attrs & X86_A_ro)) {
            continue;
        }
        if (k == X86_OPK_G) {
            tcg_emit_gpr(e, TCG_HOST_G, e->i->reg, load);
        } else if (k == X86_OPK_B) {
            tcg_emit_gpr(e, TCG_HOST_B, e->i->vvvv, load);
        } else if ((k == X86_OPK_E || k == X86_OPK_R) && !(e->i->flags & X86_I_MEM)) {
            tcg_emit_gpr(e, TCG_HOST_E, e->i->rm, load);
        }
    }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

void tcg_run_exit(TcgRun *r, unsigned cc, unsigned op)
{
    tcg_emit_code(&r->e, 0x0f80 | cc, 2);
    tcg_emit(&r->e, 0, 4);
    r->exits[r->nr_exits] = r->e.n;
    r->exit_op[r->nr_exits++] = op;
}

void tcg_run_address(TcgEmit *e, const X86Insn *i)
{
    int64_t disp = i->disp;

    if (i->base == X86_BASE_RIP) {
        tcg_emit_code(e, 0x488b, 2); /* mov rax, [rdi + block_rip] */
        tcg_emit_state(e, 0, offsetof(TcgCPU, block_rip));
        disp += i->user + i->len;
    } else if (i->base == X86_BASE_NONE) {
        tcg_emit_code(e, 0x31c0, 2); /* xor eax, eax */
    } else {
        tcg_emit_gpr(e, 0, i->base, true);
    }
    if (i->index != X86_BASE_NONE) {
        tcg_emit_gpr(e, 1, i->index, true);
        tcg_emit_code(e, 0x488d84, 3); /* lea rax, [rax + rcx * scale + disp] */
        tcg_emit(e, i->scale << 6 | 8, 1);
        tcg_emit(e, disp, 4);
    } else if (disp) {
        tcg_emit_code(e, 0x4805, 2); /* add rax, disp */
        tcg_emit(e, disp, 4);
    }
}

static bool writes_memory(const X86InsnRow *row)
{
    unsigned k = row->op_kind[0];

    return k == X86_OPK_M || k == X86_OPK_E || k == X86_OPK_W;
}

void tcg_run_lookup(TcgRun *r, const X86Insn *i, unsigned op, unsigned n, bool write, bool aligned)
{
    TcgEmit *e = &r->e;
    size_t entry = offsetof(TcgCPU, tlb) + r->set * TCG_TLB_ENTRIES * sizeof(TcgTlbEntry);

    tcg_run_address(e, i);
    if (i->seg >= R_FS) {
        tcg_emit_code(e, 0x4803, 2); /* add rax, [rdi + seg_base] */
        tcg_emit_state(e, 0, offsetof(TcgCPU, seg_base) + 8 * i->seg);
    }
    tcg_emit_code(e, 0x4889c148c1e90c, 7); /* mov rcx, rax; shr rcx, 12 */
    tcg_emit_code(e, 0x4889ca48c1ea, 6);   /* mov rdx, rcx; shr rdx, TLB_BITS */
    tcg_emit(e, TCG_TLB_BITS, 1);
    tcg_emit_code(e, 0x31d181e1, 4);       /* xor ecx, edx; and ecx, ENTRIES - 1 */
    tcg_emit(e, TCG_TLB_ENTRIES - 1, 4);
    tcg_emit_code(e, 0xc1e1, 2);           /* shl ecx, log2 of the entry's size */
    tcg_emit(e, __builtin_ctz(sizeof(TcgTlbEntry)), 1);
    if (aligned) {
        tcg_emit(e, 0xa8, 1);              /* test al, n - 1 */
        tcg_emit(e, n - 1, 1);
        tcg_run_exit(r, 5, op);
    } else if (n > 1) {
        tcg_emit_code(e, 0x89c281e2, 4);   /* mov edx, eax; and edx, 0xfff */
        tcg_emit(e, 0xfff, 4);
        tcg_emit_code(e, 0x81fa, 2);       /* cmp edx, 0x1000 - n */
        tcg_emit(e, 0x1000 - n, 4);
        tcg_run_exit(r, 7, op);
    }
    tcg_emit_code(e, 0x4889c24881e2, 6);   /* mov rdx, rax; and rdx, PAGE_MASK */
    tcg_emit(e, TCG_PAGE_MASK, 4);
    tcg_emit_code(e, 0x483b940f, 4);       /* cmp rdx, [rdi + rcx + tag] */
    tcg_emit(e, entry + (write ? offsetof(TcgTlbEntry, write) : offsetof(TcgTlbEntry, read)), 4);
    tcg_run_exit(r, 5, op);
    tcg_emit_code(e, 0x4803840f, 4);       /* add rax, [rdi + rcx + addend] */
    tcg_emit(e, entry + offsetof(TcgTlbEntry, addend), 4);
}

/* ---- The run --------------------------------------------------------------------------------- */

static void emit_vec(TcgRun *r, unsigned n)
{
    const TcgOp *op = &r->ops[n];
    TcgEmit *e = &r->e;

    e->i = &op->i;
    e->row = x86_insn_row(op->i.row);
    if (op->i.flags & X86_I_MEM) {
        tcg_run_lookup(r, &op->i, n, op->i.mem_bytes, writes_memory(e->row),
                       tcg_native_aligned(op));
    }
    move_general(e, true);
    tcg_emit_insn(e);
    move_general(e, false);
    r->flags_of = 0; /* r8.. are used */
}

static void emit_done(TcgEmit *e, unsigned nr)
{
    tcg_emit(e, 0xb8, 1); /* mov eax, nr */
    tcg_emit(e, nr, 4);
}

static bool is_jump(const TcgOp *op)
{
    return x86_insn_row(op->i.row)->handler == X86_H_jcc;
}

static void patch(TcgEmit *e, unsigned end, unsigned to)
{
    int32_t disp = to - end;

    memcpy(e->b + end - 4, &disp, 4);
}

static void emit_jump(TcgEmit *e, unsigned to)
{
    tcg_emit(e, 0xe9, 1);
    tcg_emit(e, to - (e->n + 4), 4);
}

/* Jumps back to @to unless something is to be looked at. */
static void emit_back(TcgRun *r, unsigned to)
{
    const TcgOp *run = r->ops - 1;
    TcgEmit *e = &r->e;
    unsigned ends[2];

    tcg_emit_code(e, 0x8b, 1); /* mov eax, [rdi + attention]; or eax, [rdi + no_chain] */
    tcg_emit_state(e, 0, offsetof(TcgCPU, attention));
    tcg_emit_code(e, 0x0b, 1);
    tcg_emit_state(e, 0, offsetof(TcgCPU, no_chain));
    tcg_emit_code(e, 0x0f85, 2);
    tcg_emit(e, 0, 4);
    ends[0] = e->n;
    tcg_emit_code(e, 0x48b8, 2); /* mov rax, &run->fn; mov rcx, run->fn; cmp [rax], rcx */
    tcg_emit(e, (uintptr_t)&run->fn, 8);
    tcg_emit_code(e, 0x48b9, 2);
    tcg_emit(e, (uintptr_t)r->fn, 8);
    tcg_emit_code(e, 0x483908, 3);
    tcg_emit_code(e, 0x0f84, 2);
    tcg_emit(e, 0, 4);
    patch(e, e->n, to);
    ends[1] = e->n;
    patch(e, ends[0], ends[1]);
}

static void emit_epilogue(TcgRun *r)
{
    TcgEmit *e = &r->e;
    unsigned common;

    emit_done(e, r->nr);
    common = e->n;
    move_registers(e, r->written, false);
    if (e->vex) {
        tcg_emit_code(e, 0xc5f877, 3); /* vzeroupper */
    }
    tcg_emit(e, 0xc3, 1);
    for (unsigned i = 0; i < r->nr_exits; i++) {
        unsigned op = r->exit_op[i], target = r->target[op];

        if (target > op + 1) { /* forward */
            patch(e, r->exits[i], r->at[target - 1]);
            continue;
        }
        patch(e, r->exits[i], e->n);
        if (target) {
            emit_back(r, r->at[target - 1]);
        }
        emit_done(e, op | (is_jump(&r->ops[op]) ? RUN_TAKEN : 0));
        emit_jump(e, common);
    }
}

/* Which jumps stay in the run? */
static void find_targets(TcgRun *r)
{
    for (unsigned n = 0; n < r->nr; n++) {
        const X86Insn *i = &r->ops[n].i;
        int64_t to = (int64_t)i->user + i->len + (int64_t)i->imm;

        for (unsigned m = 0; m < r->nr && is_jump(&r->ops[n]) && i->opsize == 8; m++) {
            if (r->ops[m].i.user == to) {
                r->target[n] = m + 1;
                r->label[m] = true;
            }
        }
    }
}

static RunCode *compile(TcgCPU *c, const TcgOp *op)
{
    uint8_t code[CODE_MAX];
    TcgRun r = { .e = { .b = code, .same = true }, .ops = op + 1, .nr = op->i.imm,
                 .fn = op->fn, .set = c->mmu_set };

    for (unsigned n = 0; n < r.nr; n++) {
        TcgFpuKind kind = tcg_native_run_kind(&r.ops[n]);

        r.e.vex |= kind == TCG_FPU_AVX;
        if (kind) {
            note_registers(&r, &r.ops[n]);
        }
    }
    if (r.fn == tcg_op_end_block) { /* dropped meanwhile */
        return NULL;
    }
    find_targets(&r);
    move_registers(&r.e, r.used, true);
    for (unsigned n = 0; n < r.nr; n++) {
        r.at[n] = r.e.n;
        if (r.label[n]) {
            r.flags_of = 0;
        }
        if (tcg_native_run_kind(&r.ops[n])) {
            emit_vec(&r, n);
        } else {
            tcg_int_emit(&r, n);
        }
    }
    emit_epilogue(&r);
    return tcg_shared_publish(c->shared, code, r.e.n);
}

/* Counts in op->i.disp. Returns the code, or NULL. */
static RunCode *warm_up(TcgCPU *c, const TcgOp *op)
{
    int32_t *passed = (int32_t *)&op->i.disp;
    int32_t n = __atomic_load_n(passed, __ATOMIC_RELAXED);
    RunCode *code;

    if (n < HOT) {
        __atomic_store_n(passed, n + 1, __ATOMIC_RELAXED);
        return NULL;
    }
    if (!tcg_shared_has_room(c->shared)) {
        return NULL;
    }
    code = compile(c, op);
    __atomic_store_n((void **)&op->aux, (void *)code, __ATOMIC_RELEASE);
    return code;
}

static bool all_masked(const TcgCPU *c)
{
    uint32_t mxcsr;

    memcpy(&mxcsr, c->xs + XS_MXCSR, 4);
    return (mxcsr & 0x1f80) == 0x1f80;
}

static HANDLER(run_int)
{
    RunCode *code = __atomic_load_n(&op->aux, __ATOMIC_ACQUIRE);
    uint64_t done;

    if (unlikely(c->no_chain)) {
        NEXT;
    }
    if (unlikely(!code)) {
        code = warm_up(c, op);
        if (!code) {
            NEXT;
        }
    }
    done = code(c);
    op += done & (RUN_TAKEN - 1);
    if (done & RUN_TAKEN) {
        return tcg_jump_taken(c, op + 1);
    }
    NEXT;
}

static HANDLER(run_sse)
{
    if (unlikely(c->fpu_trap & TCG_FPU_SSE || !all_masked(c))) {
        NEXT;
    }
    return run_int(c, op);
}

static HANDLER(run_avx)
{
    if (unlikely(c->fpu_trap & TCG_FPU_AVX || !all_masked(c))) {
        NEXT;
    }
    return run_int(c, op);
}

/* ---- In blocks ------------------------------------------------------------------------------- */

/* Can tcg_run_lookup() do its memory operand? */
static bool easy_operand(const X86Insn *i)
{
    return !(i->flags & X86_I_MEM) ||
           (i->addrsize == 8 && i->mem_bytes - 1u < 32 && i->disp < INT32_MAX - 0x2000);
}

/* Ops from @ops on that make a run; *kind: of its vector instructions. Legacy and VEX encodings are
 * not mixed. */
static unsigned run_length(const TcgOp *ops, unsigned nr, TcgFpuKind *kind)
{
    unsigned n;

    *kind = 0;
    for (n = 0; n < nr && n < TCG_RUN_MAX; n++) {
        TcgFpuKind k = tcg_native_run_kind(&ops[n]);

        if (k ? (*kind && k != *kind) || !easy_operand(&ops[n].i) : !tcg_int_in_run(&ops[n])) {
            break;
        }
        *kind |= k;
    }
    return n;
}

unsigned tcg_add_runs(const TcgCPU *c, const TcgOp *ops, unsigned nr, TcgOp *out)
{
    bool can = c->code64 && !(c->mode & (TCG_MODE_ALIGN | TCG_MODE_SINGLE));
    unsigned made = 0;

    for (unsigned n = 0, len; n < nr; n += len) {
        TcgFpuKind kind = 0;

        len = can ? run_length(ops + n, nr - n, &kind) : 0;
        if (len >= (kind ? RUN_MIN_VEC : RUN_MIN)) {
            out[made] = (TcgOp){ .i = ops[n].i };
            out[made].fn = kind == TCG_FPU_AVX ? run_avx : kind ? run_sse : run_int;
            out[made].i.imm = len;
            out[made++].i.disp = 0;
        }
        len = MAX(len, 1);
        memcpy(&out[made], &ops[n], len * sizeof(TcgOp));
        made += len;
    }
    out[made] = ops[nr];
    return made;
}
