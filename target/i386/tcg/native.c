/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SIMD, x87 and a few integer instructions run as themselves: the instruction is encoded again with
 * other registers between loads from and stores to the TcgCPU. Such a stub is made once for an
 * encoding and shared by all vCPUs.
 *
 *   guest register of   V or P  H  W, U, N, Q  L  XMM0   G   E, R  B    memory
 *   host register       1       2  3           4  0      r8  r9    r10  (rsi)
 *
 * The guest's MXCSR is the host's while the guest runs; an unmasked SIMD exception arrives as
 * SIGFPE in the stub and becomes the stub's result. x86-64 hosts only.
 * TODO: portable C for other hosts (vector rows are not offered there).
 */
#include "qemu/osdep.h"
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/insn-tables.h"
#include "target/i386/tcg/native.h"

enum { HOST_V = 1, HOST_H = 2, HOST_W = 3, HOST_L = 4 };
enum { ARENA_BYTES = 16 << 20, STUB_MAX = 256, NR_SLOTS = 1024 };

/* The stubs, and the two views of their memory. */
static struct {
    GMutex lock;
    uint8_t *rw, *rx;
    size_t used;
    GHashTable *by_code; /* GBytes -> stub */
    unsigned next_slot;  /* the arena ends with NR_SLOTS slots, see run_uncached() */
    bool ready;
} stubs;

/* ---- Emitting -------------------------------------------------------------------------------- */

void tcg_emit(TcgEmit *e, uint64_t v, unsigned bytes)
{
    memcpy(e->b + e->n, &v, bytes);
    e->n += bytes;
}

void tcg_emit_code(TcgEmit *e, uint64_t v, unsigned bytes)
{
    while (bytes--) {
        tcg_emit(e, v >> bytes * 8 & 0xff, 1);
    }
}

void tcg_emit_state(TcgEmit *e, unsigned reg, size_t disp)
{
    tcg_emit(e, 0x87 | (reg & 7) << 3, 1);
    tcg_emit(e, disp, 4);
}

static size_t xmm_at(unsigned guest)
{
    return offsetof(TcgCPU, xs) + XS_XMM + 16 * guest;
}

static size_t ymmh_at(unsigned guest)
{
    return offsetof(TcgCPU, xs) + XS_YMMH + 16 * guest;
}

static void vec_load(TcgEmit *e, unsigned host, unsigned guest)
{
    if (!e->vex) {
        tcg_emit_code(e, 0x0f10, 2); /* movups */
        tcg_emit_state(e, host, xmm_at(guest));
        return;
    }
    tcg_emit_code(e, 0xc5f810, 3); /* vmovups */
    tcg_emit_state(e, host, xmm_at(guest));
    tcg_emit_code(e, 0xc4e3, 2); /* vinsertf128 */
    tcg_emit(e, (~host & 15) << 3 | 5, 1);
    tcg_emit(e, 0x18, 1);
    tcg_emit_state(e, host, ymmh_at(guest));
    tcg_emit(e, 1, 1);
}

static void vec_store(TcgEmit *e, unsigned host, unsigned guest)
{
    if (!e->vex) {
        tcg_emit_code(e, 0x0f11, 2);
        tcg_emit_state(e, host, xmm_at(guest));
        return;
    }
    tcg_emit_code(e, 0xc5f811, 3);
    tcg_emit_state(e, host, xmm_at(guest));
    tcg_emit_code(e, 0xc4e37d19, 4); /* vextractf128 */
    tcg_emit_state(e, host, ymmh_at(guest));
    tcg_emit(e, 1, 1);
}

void tcg_emit_gpr(TcgEmit *e, unsigned host, unsigned guest, bool load)
{
    size_t at = offsetof(TcgCPU, r) + 8 * (guest & 15);

    if (load && guest & 0x10) { /* AH..BH as a source */
        tcg_emit_code(e, host >= 8 ? 0x440fb6 : 0x0fb6, host >= 8 ? 3 : 2);
        tcg_emit_state(e, host, at + 1);
        return;
    }
    tcg_emit(e, host >= 8 ? 0x4c : 0x48, 1);
    tcg_emit(e, load ? 0x8b : 0x89, 1);
    tcg_emit_state(e, host, at);
}

static void mmx_move(TcgEmit *e, unsigned host, unsigned guest, bool load)
{
    tcg_emit_code(e, load ? 0x0f6f : 0x0f7f, 2);
    tcg_emit_state(e, host, offsetof(TcgCPU, xs) + XS_ST + 16 * (guest & 7));
}

/* ---- Operands -------------------------------------------------------------------------------- */

static bool is_mem(const X86Insn *i)
{
    return i->flags & X86_I_MEM;
}

/* Moves operand @n between its guest and host register; memory needs no move. */
static void move_operand(TcgEmit *e, unsigned n, bool load)
{
    const X86Insn *i = e->i;

    switch (e->row->op_kind[n]) {
    case X86_OPK_V:
        (load ? vec_load : vec_store)(e, HOST_V, i->reg);
        break;
    case X86_OPK_H:
        (load ? vec_load : vec_store)(e, HOST_H, i->vvvv);
        break;
    case X86_OPK_L:
        vec_load(e, HOST_L, i->imm >> 4 & 15);
        break;
    case X86_OPK_XMM0:
        vec_load(e, 0, 0);
        break;
    case X86_OPK_W:
    case X86_OPK_U:
        if (!is_mem(i)) {
            (load ? vec_load : vec_store)(e, HOST_W, i->rm);
        }
        break;
    case X86_OPK_P:
        mmx_move(e, HOST_V, i->reg, load);
        break;
    case X86_OPK_Q:
    case X86_OPK_N:
        if (!is_mem(i)) {
            mmx_move(e, HOST_W, i->rm, load);
        }
        break;
    case X86_OPK_G:
        tcg_emit_gpr(e, TCG_HOST_G, i->reg, load);
        break;
    case X86_OPK_B:
        tcg_emit_gpr(e, TCG_HOST_B, i->vvvv, load);
        break;
    case X86_OPK_E:
    case X86_OPK_R:
        if (!is_mem(i)) {
            tcg_emit_gpr(e, TCG_HOST_E, i->rm, load);
        }
        break;
    }
}

/* Host register of the ModRM.reg field: an operand, or the row's digit. */
static unsigned reg_field(const TcgEmit *e)
{
    if (e->row->modrm) {
        return e->row->modrm >> 3 & 7;
    }
    if (e->row->reg != 8) {
        return e->row->reg;
    }
    for (unsigned n = 0; n < e->row->nr_ops; n++) {
        unsigned k = e->row->op_kind[n];

        if (k == X86_OPK_V || k == X86_OPK_P) {
            return e->same ? e->i->reg : HOST_V;
        }
        if (k == X86_OPK_G) {
            return TCG_HOST_G;
        }
    }
    return 0;
}

static unsigned rm_field(const TcgEmit *e)
{
    for (unsigned n = 0; n < e->row->nr_ops; n++) {
        unsigned k = e->row->op_kind[n];

        if (k == X86_OPK_E || k == X86_OPK_R) {
            return TCG_HOST_E;
        }
        if (k == X86_OPK_W || k == X86_OPK_U || k == X86_OPK_Q || k == X86_OPK_N) {
            return e->same ? e->i->rm : HOST_W;
        }
    }
    return e->i->modrm & 7; /* x87: ST(i) */
}

static unsigned vvvv_field(const TcgEmit *e)
{
    for (unsigned n = 0; n < e->row->nr_ops; n++) {
        if (e->row->op_kind[n] == X86_OPK_H) {
            return e->same ? e->i->vvvv : HOST_H;
        }
        if (e->row->op_kind[n] == X86_OPK_B) {
            return TCG_HOST_B;
        }
    }
    return 0;
}

/* ---- The instruction itself ------------------------------------------------------------------ */

static unsigned pp_of(uint8_t flags)
{
    return flags & X86_I_REPE ? 2 : flags & X86_I_REPNE ? 3 : flags & X86_I_OPSIZE ? 1 : 0;
}

static void emit_prefixes(TcgEmit *e, unsigned reg, unsigned rm)
{
    const X86Insn *i = e->i;
    unsigned w = i->flags & X86_I_W ? 1 : 0;

    if (e->vex) {
        tcg_emit(e, 0xc4, 1);
        tcg_emit(e, (reg < 8 ? 0x80 : 0) | 0x40 | (rm < 8 ? 0x20 : 0) | e->row->map, 1);
        w = e->row->w ? e->row->w - 1u : w;
        tcg_emit(e, w << 7 | (~vvvv_field(e) & 15) << 3 | i->vexl << 2 | pp_of(i->flags), 1);
        return;
    }
    if (i->flags & X86_I_OPSIZE) {
        tcg_emit(e, 0x66, 1);
    }
    if (i->flags & (X86_I_REPE | X86_I_REPNE)) {
        tcg_emit(e, i->flags & X86_I_REPE ? 0xf3 : 0xf2, 1);
    }
    /* Always a REX: SPL.. rather than AH.. */
    if (e->row->map) {
        tcg_emit(e, 0x40 | w << 3 | (reg >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0), 1);
        tcg_emit(e, 0x0f, 1);
    }
    if (e->row->map > 1) {
        tcg_emit(e, e->row->map == 2 ? 0x38 : 0x3a, 1);
    }
}

static void emit_immediates(TcgEmit *e)
{
    bool l = false;
    unsigned shift = 0;

    for (unsigned n = 0; n < e->row->nr_ops; n++) {
        if (e->row->op_kind[n] == X86_OPK_I) {
            tcg_emit(e, e->i->imm >> shift & 0xff, 1);
            shift = 16;
        }
        l |= e->row->op_kind[n] == X86_OPK_L;
    }
    if (l) {
        tcg_emit(e, e->same ? e->i->imm & 0xf0 : HOST_L << 4, 1);
    }
}

void tcg_emit_insn(TcgEmit *e)
{
    bool mem = is_mem(e->i);
    unsigned reg = reg_field(e), rm = !mem ? rm_field(e) : e->same ? 0 : 6;

    emit_prefixes(e, reg, rm);
    tcg_emit(e, e->row->opcode, 1);
    tcg_emit(e, (mem ? 0x00 : 0xc0) | (reg & 7) << 3 | (rm & 7), 1);
    emit_immediates(e);
}

static void emit_flags_in(TcgEmit *e)
{
    tcg_emit_code(e, 0xffb7, 2); /* push [rdi + native_flags] */
    tcg_emit(e, offsetof(TcgCPU, native_flags), 4);
    tcg_emit(e, 0x9d, 1);
}

static void emit_flags_out(TcgEmit *e)
{
    tcg_emit_code(e, 0x9c58, 2);
    tcg_emit_code(e, 0x4889, 2);
    tcg_emit_state(e, 0, offsetof(TcgCPU, native_flags));
}

static void emit_return(TcgEmit *e)
{
    tcg_emit_code(e, 0x31c0c3, 3); /* xor eax, eax; ret */
}

/* ---- Kinds of stubs -------------------------------------------------------------------------- */

static bool uses(const X86InsnRow *row, unsigned kind)
{
    for (unsigned n = 0; n < row->nr_ops; n++) {
        if (row->op_kind[n] == kind) {
            return true;
        }
    }
    return false;
}

static bool is_mmx(const X86InsnRow *row)
{
    return uses(row, X86_OPK_P) || uses(row, X86_OPK_Q) || uses(row, X86_OPK_N);
}

static bool is_vec(const X86InsnRow *row)
{
    return uses(row, X86_OPK_V) || uses(row, X86_OPK_W) || uses(row, X86_OPK_U) ||
           uses(row, X86_OPK_H);
}

/* PCMPxSTRx read EAX and EDX and write ECX or XMM0. */
static void emit_pcmpstr(TcgEmit *e)
{
    bool index = e->row->opcode & 1;

    tcg_emit_gpr(e, 0, R_EAX, true);
    tcg_emit_gpr(e, 2, R_EDX, true);
    tcg_emit_insn(e);
    emit_flags_out(e);
    if (index) {
        tcg_emit_gpr(e, 1, R_ECX, false);
    } else {
        vec_store(e, 0, 0);
    }
}

static void emit_plain(TcgEmit *e)
{
    for (unsigned n = 0; n < e->row->nr_ops; n++) {
        move_operand(e, n, true);
    }
    if (e->row->handler == X86_H_pcmpstr) {
        emit_pcmpstr(e);
    } else {
        if (e->row->handler == X86_H_mulx) {
            tcg_emit_gpr(e, 2, R_EDX, true);
        }
        if (e->row->flags_read) {
            emit_flags_in(e);
        }
        tcg_emit_insn(e);
        if (e->row->flags_written | e->row->flags_undef) {
            emit_flags_out(e);
        }
        if (e->row->handler == X86_H_mulx) { /* the low half first: the same register keeps high */
            move_operand(e, 1, false);
        }
        if (!(e->row->attrs & X86_A_ro)) {
            move_operand(e, 0, false);
        }
    }
    if (is_mmx(e->row)) {
        tcg_emit_code(e, 0x0f77, 2);
    }
    if (e->vex && is_vec(e->row)) {
        tcg_emit_code(e, 0xc5f877, 3);
    }
    emit_return(e);
}

/* The guest's state is in the host's x87 registers, see x87.c. */
static void emit_x87(TcgEmit *e)
{
    if (e->row->flags_read) {
        emit_flags_in(e);
    }
    tcg_emit(e, e->row->opcode, 1);
    tcg_emit(e, is_mem(e->i) ? (e->i->modrm & 0x38) | 6 : e->i->modrm, 1);
    if (e->row->flags_written) {
        emit_flags_out(e);
    }
    emit_return(e);
}

static void emit_stub(TcgEmit *e)
{
    if (e->row->handler == X86_H_x87 || e->row->handler == X86_H_x87_flags) {
        emit_x87(e);
    } else {
        emit_plain(e);
    }
}

static void *find_stub(const X86Insn *i, const X86InsnRow *row)
{
    uint8_t bytes[STUB_MAX];
    TcgEmit e = { .b = bytes, .i = i, .row = row, .vex = row->vex };
    g_autoptr(GBytes) key = NULL;
    void *stub;

    emit_stub(&e);
    g_mutex_lock(&stubs.lock);
    key = g_bytes_new(e.b, e.n);
    stub = g_hash_table_lookup(stubs.by_code, key);
    if (!stub && stubs.used + STUB_MAX <= ARENA_BYTES - NR_SLOTS * STUB_MAX) {
        memcpy(stubs.rw + stubs.used, e.b, e.n);
        stub = stubs.rx + stubs.used;
        stubs.used += ROUND_UP(e.n, 16);
        g_hash_table_insert(stubs.by_code, g_bytes_ref(key), stub);
    }
    g_mutex_unlock(&stubs.lock);
    return stub;
}

/* The arena is full (a guest with over 100,000 encodings): the stub is made anew each time, in the
 * vCPU's own slot. */
static uint64_t run_uncached(TcgCPU *c, const TcgOp *op, void *mem)
{
    uint8_t bytes[STUB_MAX];
    TcgEmit e = { .b = bytes, .i = &op->i, .row = x86_insn_row(op->i.row) };
    size_t at = ARENA_BYTES - (c->stub_slot % NR_SLOTS + 1) * STUB_MAX;

    e.vex = e.row->vex;
    emit_stub(&e);
    memcpy(stubs.rw + at, e.b, e.n);
    /* The bytes were written at another address: serialise before running them. */
    asm volatile("cpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory");
    return ((TcgStub *)(stubs.rx + at))(c, mem);
}

uint64_t tcg_native_call(TcgCPU *c, const TcgOp *op, void *mem)
{
    TcgStub *stub = op->aux;

    return likely(stub) ? stub(c, mem) : run_uncached(c, op, mem);
}

unsigned tcg_native_slot(void)
{
    return __atomic_fetch_add(&stubs.next_slot, 1, __ATOMIC_RELAXED);
}

/* ---- Running stubs --------------------------------------------------------------------------- */

typedef struct MemOperand {
    uint8_t buf[32] __attribute__((aligned(32)));
    void *p;
    uint64_t la;
    bool write_back;
} MemOperand;

static bool writes_memory(const X86InsnRow *row)
{
    unsigned k = row->op_kind[0];

    return !(row->attrs & X86_A_ro) &&
           (k == X86_OPK_M || k == X86_OPK_E || k == X86_OPK_W || k == X86_OPK_Q) &&
           row->nr_ops > 1;
}

/* Linear address of the memory operand, aligned as the row demands. */
static uint64_t operand_la(TcgCPU *c, const TcgOp *op, const X86InsnRow *row, bool write)
{
    unsigned n = op->i.mem_bytes;
    uint64_t la = op_la(c, op, n, write);

    if ((row->attrs & X86_A_al && la & (n - 1)) ||
        (!row->vex && n == 16 && !(row->attrs & X86_A_u) && la & 15)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    return la;
}

static void mem_begin(TcgCPU *c, const TcgOp *op, const X86InsnRow *row, MemOperand *m, bool write)
{
    unsigned n = op->i.mem_bytes;

    m->la = operand_la(c, op, row, write);
    if (write && row->handler == X86_H_native_fp) { /* MXCSR changes even when the store faults */
        m->p = m->buf;
        m->write_back = true;
        return;
    }
    m->p = tcg_host(c, op, m->la, n, write ? TCG_WRITE : TCG_READ);
    m->write_back = !m->p && write;
    if (!m->p) {
        m->p = m->buf;
        if (!write) {
            tcg_read(c, op, m->la, m->buf, n);
        } else {
            tcg_probe(c, op, m->la, n, TCG_WRITE);
        }
    }
}

void tcg_native_take_flags(TcgCPU *c, const X86InsnRow *row)
{
    uint32_t mask = (row->flags_written | row->flags_undef) & F_ARITH;

    tcg_set_arith(c, (tcg_get_arith(c) & ~mask) | (c->native_flags & mask));
}

static void run_stub(TcgCPU *c, const TcgOp *op, const X86InsnRow *row)
{
    MemOperand m;
    bool mem = op->i.flags & X86_I_MEM;

    if (mem) {
        mem_begin(c, op, row, &m, writes_memory(row));
    }
    if (row->flags_read) {
        c->native_flags = tcg_get_arith(c) | 2;
    }
    if (unlikely(tcg_native_call(c, op, mem ? m.p : NULL))) {
        tcg_raise(c, op, c->env->cr[4] & (1 << 10) ? EXC_XM : EXC_UD);
    }
    if (mem && m.write_back) {
        tcg_write(c, op, m.la, m.buf, op->i.mem_bytes);
    }
    if (row->flags_written | row->flags_undef) {
        tcg_native_take_flags(c, row);
    }
}

static HANDLER(native_gpr)
{
    run_stub(c, op, x86_insn_row(op->i.row));
    NEXT;
}

static HANDLER(native_sse)
{
    tcg_check_fpu(c, op, TCG_FPU_SSE);
    run_stub(c, op, x86_insn_row(op->i.row));
    NEXT;
}

static HANDLER(native_avx)
{
    tcg_check_fpu(c, op, TCG_FPU_AVX);
    run_stub(c, op, x86_insn_row(op->i.row));
    NEXT;
}

/* ---- Short forms ----------------------------------------------------------------------------- */

/* Vector instructions without flags. A memory operand that is not at hand takes the long way. */

#define LONG_WAY return op->i.flags & X86_I_VEX ? native_avx(c, op) : native_sse(c, op)

static inline TcgFpuKind vec_kind(const TcgOp *op)
{
    return op->i.flags & X86_I_VEX ? TCG_FPU_AVX : TCG_FPU_SSE;
}

static HANDLER(short_reg)
{
    TcgStub *stub = op->aux;

    if (unlikely(c->fpu_trap & vec_kind(op) || stub(c, NULL))) {
        LONG_WAY; /* again: an exception has changed nothing but MXCSR's sticky flags */
    }
    NEXT;
}

/* @mask: address bits that must be zero. */
static inline __attribute__((always_inline)) const TcgOp *
short_mem(TcgCPU *c, const TcgOp *op, unsigned mask, bool write)
{
    const X86Insn *i = &op->i;
    unsigned n = i->mem_bytes;
    TcgTlbEntry *e;
    uint64_t la;

    if (unlikely(c->fpu_trap & vec_kind(op) || !c->code64 || i->addrsize != 8)) {
        LONG_WAY;
    }
    la = tcg_ea(c, i, op) + c->seg_base[i->seg];
    e = tcg_tlb_entry(c, la);
    if (unlikely((write ? e->write : e->read) != (la & TCG_PAGE_MASK) ||
                 (la & 0xfff) + n > 0x1000 || la & mask || n - 1 > 31 ||
                 ((TcgStub *)op->aux)(c, (void *)(la + e->addend)))) {
        LONG_WAY;
    }
    NEXT;
}

static HANDLER(short_load)
{
    return short_mem(c, op, 0, false);
}

static HANDLER(short_load_aligned)
{
    return short_mem(c, op, op->i.mem_bytes - 1, false);
}

static HANDLER(short_store)
{
    return short_mem(c, op, 0, true);
}

static HANDLER(short_store_aligned)
{
    return short_mem(c, op, op->i.mem_bytes - 1, true);
}

static TcgHandler *pick_short_vec(const TcgOp *op, const X86InsnRow *row)
{
    bool aligned = row->attrs & X86_A_al ||
                   (!row->vex && op->i.mem_bytes == 16 && !(row->attrs & X86_A_u));

    if (!op->aux || row->flags_read | row->flags_written | row->flags_undef ||
        (row->handler != X86_H_native && row->handler != X86_H_native_fp)) {
        return NULL;
    }
    if (!(op->i.flags & X86_I_MEM)) {
        return short_reg;
    }
    if (!writes_memory(row)) {
        return aligned ? short_load_aligned : short_load;
    }
    if (row->handler == X86_H_native_fp) { /* MXCSR may change although the store faults */
        return NULL;
    }
    return aligned ? short_store_aligned : short_store;
}

TcgFpuKind tcg_native_run_kind(const TcgOp *op)
{
    bool vec = op->fn == short_reg || op->fn == short_load || op->fn == short_load_aligned ||
               op->fn == short_store || op->fn == short_store_aligned;

    return vec ? vec_kind(op) : 0;
}

bool tcg_native_aligned(const TcgOp *op)
{
    return op->fn == short_load_aligned || op->fn == short_store_aligned;
}

/* MMX registers are the physical ones; using them makes all valid and TOP zero. */
void tcg_mmx_begin(TcgCPU *c, const TcgOp *op)
{
    tcg_check_x87_pending(c, op);
    tcg_x87_sync(c);
    tcg_xs_touch(c, 1);
    tcg_x87_set_top(c, 0);
}

/* CVTPI2PS and CVTPI2PD from memory touch no MMX register. */
static bool touches_mmx(const TcgOp *op, const X86InsnRow *row)
{
    return !(op->i.flags & X86_I_MEM && row->op_kind[0] == X86_OPK_V);
}

static HANDLER(native_mmx)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);
    unsigned k = row->op_kind[0];

    tcg_check_fpu(c, op, TCG_FPU_MMX | (is_vec(row) ? TCG_FPU_SSE : 0));
    tcg_check_x87_pending(c, op);
    tcg_x87_sync(c); /* the stub uses the host's registers */
    if (touches_mmx(op, row)) {
        if (op->i.flags & X86_I_MEM && !writes_memory(row)) {
            /* Faults of loads come before the switch to MMX, those of stores after. */
            tcg_probe(c, op, operand_la(c, op, row, false), op->i.mem_bytes, TCG_READ);
        }
        tcg_mmx_begin(c, op);
        if (!writes_memory(row)) {
            c->xs[XS_FTW] = 0xff;
        }
    }
    run_stub(c, op, row);
    if (touches_mmx(op, row)) {
        c->xs[XS_FTW] = 0xff;
    }
    tcg_xs_touch(c, 3);
    if (k == X86_OPK_P) {
        memset(c->xs + XS_ST + 16 * (op->i.reg & 7) + 8, 0xff, 2);
    } else if ((k == X86_OPK_Q || k == X86_OPK_N) && !(op->i.flags & X86_I_MEM)) {
        memset(c->xs + XS_ST + 16 * (op->i.rm & 7) + 8, 0xff, 2);
    }
    NEXT;
}

TcgHandler *tcg_pick_native(TcgOp *op, const X86InsnRow *row, unsigned bytes)
{
    TcgHandler *fast;

    if (!stubs.ready) {
        return tcg_op_ud;
    }
    op->aux = find_stub(&op->i, row);
    if (row->handler == X86_H_x87 || row->handler == X86_H_x87_flags) {
        return tcg_pick_x87(op, row);
    }
    if (is_mmx(row)) {
        return native_mmx;
    }
    if (!is_vec(row)) {
        return native_gpr;
    }
    fast = pick_short_vec(op, row);
    return fast ? fast : row->vex ? native_avx : native_sse;
}

/* ---- The host's side ------------------------------------------------------------------------- */

static void on_sigfpe(int sig, siginfo_t *info, void *opaque)
{
    ucontext_t *uc = opaque;
    greg_t *r = uc->uc_mcontext.gregs;
    uintptr_t pc = r[REG_RIP];

    if (pc >= (uintptr_t)stubs.rx && pc < (uintptr_t)stubs.rx + ARENA_BYTES) {
        r[REG_RIP] = *(uint64_t *)r[REG_RSP]; /* as the stub's ret, with result 1 */
        r[REG_RSP] += 8;
        r[REG_RAX] = 1;
        return;
    }
    signal(SIGFPE, SIG_DFL);
    raise(SIGFPE);
}

bool tcg_native_map(size_t bytes, uint8_t **rw, uint8_t **rx)
{
    int fd = memfd_create("tcg-code", MFD_CLOEXEC);

    *rw = *rx = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, bytes) == 0) {
        *rw = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        *rx = mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (*rw != MAP_FAILED && *rx != MAP_FAILED) {
        return true;
    }
    tcg_native_unmap(bytes, *rw, *rx);
    return false;
}

void tcg_native_unmap(size_t bytes, uint8_t *rw, uint8_t *rx)
{
    if (rw != MAP_FAILED) {
        munmap(rw, bytes);
    }
    if (rx != MAP_FAILED) {
        munmap(rx, bytes);
    }
}

bool tcg_native_init(void)
{
    struct sigaction sa = { .sa_sigaction = on_sigfpe, .sa_flags = SA_SIGINFO | SA_NODEFER };

    if (!stubs.ready && tcg_native_map(ARENA_BYTES, &stubs.rw, &stubs.rx)) {
        stubs.by_code = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
                                              (GDestroyNotify)g_bytes_unref, NULL);
        sigaction(SIGFPE, &sa, NULL);
        stubs.ready = true;
    }
    return stubs.ready;
}

void tcg_native_reload(TcgCPU *c)
{
    c->guest_fp = true;
    asm volatile("ldmxcsr %0" : : "m"(*(uint32_t *)(c->xs + XS_MXCSR)));
}

void tcg_native_enter(TcgCPU *c)
{
    if (!c->guest_fp) {
        tcg_native_reload(c);
    }
}

void tcg_native_leave(TcgCPU *c)
{
    static const uint32_t host_default = 0x1f80;

    tcg_x87_sync(c);
    if (c->guest_fp) {
        c->guest_fp = false;
        asm volatile("stmxcsr %0\n\tldmxcsr %1"
                     : "=m"(*(uint32_t *)(c->xs + XS_MXCSR))
                     : "m"(host_default));
    }
}
