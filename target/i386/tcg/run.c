/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run loop of the interpreter: blocks, interrupts between them, exceptions out of them (SDM vol
 * 3 6.9 priorities, 6.15 double fault). Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/gdb-points.h"
#include "target/i386/tcg/tcg.h"

/* ---- Exceptions out of handlers -------------------------------------------------------------- */

void tcg_raise_err(TcgCPU *c, const TcgOp *op, unsigned vector, uint32_t error)
{
    if (op) {
        c->rip = op_rip(c, op);
    }
    c->exc = (TcgException){ .vector = vector, .has_error = true, .error = error };
    siglongjmp(c->jmp_exc, 1);
}

void tcg_raise(TcgCPU *c, const TcgOp *op, unsigned vector)
{
    if (op) {
        c->rip = op_rip(c, op);
    }
    c->exc = (TcgException){ .vector = vector };
    siglongjmp(c->jmp_exc, 1);
}

static bool contributory(int v)
{
    return v == EXC_DE || (v >= EXC_TS && v <= EXC_GP);
}

/* What a second exception during delivery of the first becomes; false: shutdown. */
static bool combine(TcgCPU *c)
{
    int first = c->delivering, second = c->exc.vector;

    if (c->ext_event && c->exc.has_error && second >= EXC_TS && second <= EXC_GP) {
        c->exc.error |= 1; /* EXT */
    }
    if (first < 0) {
        return true;
    }
    if (first == EXC_DF) {
        return false;
    }
    if ((contributory(first) && contributory(second)) ||
        (first == EXC_PF && (second == EXC_PF || contributory(second)))) {
        c->exc = (TcgException){ .vector = EXC_DF, .has_error = true };
    }
    return true;
}

static void update_log(TcgCPU *c)
{
    c->log = c->sys->log_items ? c->sys->log_items(c->opaque) : 0;
    c->no_chain = c->log ? c->no_chain | TCG_NO_CHAIN_LOG : c->no_chain & ~TCG_NO_CHAIN_LOG;
}

static void log_event(TcgCPU *c, unsigned vector, bool software, uint32_t error)
{
    if (unlikely(c->log)) {
        tcg_native_leave(c);
        c->sys->log_event(c->opaque, vector, software, error);
        tcg_native_enter(c);
    }
}

static bool deliver_exception(TcgCPU *c)
{
    bool real = !(c->env->cr[0] & CR0_PE_MASK);

    if (!combine(c)) {
        c->shutdown = true;
        return false;
    }
    c->delivering = c->exc.software ? -1 : c->exc.vector;
    c->ext_event = !c->exc.software;
    c->shadow = 0;
    c->debug_hits = 0;
    log_event(c, c->exc.vector, c->exc.software, c->exc.has_error ? c->exc.error : 0);
    tcg_deliver(c, c->exc.vector, c->exc.software, false, c->exc.has_error && !real, c->exc.error,
                c->rip);
    c->delivering = -1;
    c->ext_event = false;
    return true;
}

/* ---- Between blocks -------------------------------------------------------------------------- */

/* Requests of others. True: leave the guest. */
static bool look_up(TcgCPU *c)
{
    bool leave;

    __atomic_store_n(&c->attention, 0, __ATOMIC_SEQ_CST);
    tcg_native_leave(c);
    tcg_blocks_look_up(c);
    update_log(c);
    leave = c->sys->attention && c->sys->attention(c->opaque);
    tcg_native_enter(c);
    c->irq_pending = true;
    return leave;
}

static void take_interrupt(TcgCPU *c)
{
    int vector;

    tcg_native_leave(c);
    vector = c->sys->intack ? c->sys->intack(c->opaque) : -1;
    tcg_native_enter(c);
    if (vector < 0) {
        c->irq_pending = false;
        return;
    }
    c->halted = false;
    c->delivering = -1;
    c->ext_event = true;
    log_event(c, vector, false, 0);
    tcg_deliver(c, vector, false, true, false, 0, c->rip);
    c->ext_event = false;
}

static void take_nmi(TcgCPU *c)
{
    c->env->events.nmi_pending = false;
    c->env->events.nmi_masked = true;
    c->halted = false;
    c->ext_event = true;
    log_event(c, EXC_NMI, false, 0);
    tcg_deliver(c, EXC_NMI, false, true, false, 0, c->rip);
    c->ext_event = false;
}

static void run_block(TcgCPU *c, bool single)
{
    TcgBlock *b;
    const TcgOp *op;

    if (unlikely(single)) {
        c->mode |= TCG_MODE_SINGLE;
        c->jmp_key |= TCG_MODE_SINGLE;
        c->no_chain |= TCG_NO_CHAIN_STEP;
    }
    b = tcg_block_find(c);
    if (unlikely(single)) {
        c->mode &= ~TCG_MODE_SINGLE;
        c->jmp_key &= ~TCG_MODE_SINGLE;
    }
    if (unlikely(c->log)) {
        tcg_native_leave(c);
        c->sys->log_block(c->opaque, b);
        tcg_native_enter(c);
    }
    c->block_rip = c->rip;
    c->nr_blocks_run++;
    op = b->ops;
    do {
        op = op->fn(c, op);
    } while (op);
    c->no_chain &= ~TCG_NO_CHAIN_STEP;
}

/* Traps of the last instruction; a load of SS puts them off. */
static void take_debug_trap(TcgCPU *c, uint8_t shadow)
{
    if (unlikely(c->debug_hits) && !(shadow & TCG_SHADOW_SS)) {
        tcg_debug_raise(c, c->debug_hits);
    }
}

/* One round: events, then a block. */
static void step(TcgCPU *c)
{
    uint8_t shadow = c->shadow;

    take_debug_trap(c, shadow);
    c->shadow = 0;
    if (!shadow) {
        if (unlikely(c->gdb & TCG_GDB_NO_IRQ)) {
            /* nothing comes between the debugger and its instruction */
        } else if (unlikely(c->env->events.nmi_pending && !c->env->events.nmi_masked)) {
            take_nmi(c);
        } else if (unlikely(c->irq_pending && c->eflags & F_IF)) {
            take_interrupt(c);
        }
        if (unlikely(c->halted)) {
            return;
        }
    }
    if (unlikely(c->debug_armed & TCG_DEBUG_CODE) && !(shadow & TCG_SHADOW_SS)) {
        tcg_debug_code(c, c->rip + (c->code64 ? 0 : c->env->segs[R_CS].base));
    }
    c->eflags &= ~(uint64_t)F_RF;
    c->tf = c->eflags & F_TF;
    c->single = c->tf || shadow || c->debug_armed || (unlikely(c->gdb) && tcg_gdb_single(c));
    run_block(c, c->single);
    if (unlikely(c->tf)) {
        c->debug_hits |= DR6_BS;
    }
    take_debug_trap(c, c->shadow);
}

/* What an instruction or a delivery changed before it faulted. */
static void put_back(TcgCPU *c)
{
    if (c->undo) {
        c->env->segs[R_SS] = c->undo_ss;
        c->undo = false;
    }
}

TcgExit tcg_run(TcgCPU *c)
{
    tcg_update_mode(c);
    tcg_blocks_enter(c);
    tcg_native_enter(c);
    c->irq_pending = true;
    update_log(c);
    if (sigsetjmp(c->jmp_exc, 0)) {
        c->mode &= ~TCG_MODE_SINGLE;
        c->no_chain &= ~TCG_NO_CHAIN_STEP;
        tcg_split_end(c);
        tcg_native_enter(c);
        put_back(c);
        tcg_update_mode(c);
        deliver_exception(c);
    }
    c->delivering = -1;
    c->ext_event = false;
    while (!c->shutdown) {
        if (unlikely(__atomic_load_n(&c->attention, __ATOMIC_RELAXED)) && look_up(c)) {
            break;
        }
        if (unlikely(c->gdb) && tcg_gdb_check(c)) {
            break;
        }
        step(c);
        if (unlikely(c->halted) && !(c->irq_pending && c->eflags & F_IF)) {
            break;
        }
    }
    tcg_native_leave(c);
    tcg_blocks_leave(c);
    return c->shutdown ? TCG_EXIT_SHUTDOWN
           : c->gdb_hit != TCG_GDB_NO_HIT ? TCG_EXIT_DEBUG
           : c->halted ? TCG_EXIT_HALT : TCG_EXIT_REQUEST;
}

static bool run_raw(TcgCPU *c, bool single)
{
    volatile bool ok = false; /* survives the jump */

    tcg_update_mode(c);
    tcg_blocks_enter(c);
    tcg_native_enter(c);
    c->single = false; /* all of a REP */
    if (!sigsetjmp(c->jmp_exc, 0)) {
        run_block(c, single);
        ok = true;
    }
    c->no_chain &= ~TCG_NO_CHAIN_STEP;
    tcg_native_leave(c);
    tcg_blocks_leave(c);
    return ok;
}

bool tcg_step_raw(TcgCPU *c)
{
    return run_raw(c, true);
}

bool tcg_block_raw(TcgCPU *c)
{
    return run_raw(c, false);
}

/* ---- Life ------------------------------------------------------------------------------------ */

TcgCPU *tcg_cpu_new(CPUX86State *env, TcgShared *shared, const TcgMemOps *mem,
                    const TcgSysOps *sys, void *opaque)
{
    TcgCPU *c = g_aligned_alloc0(1, sizeof(TcgCPU), 64);

    c->env = env;
    c->mem = mem;
    c->sys = sys;
    c->opaque = opaque;
    c->shared = shared;
    c->delivering = -1;
    c->stub_slot = tcg_native_slot();
    c->phys_mask = (1ull << 40) - 1;
    c->scratch_block = g_malloc0(sizeof(TcgBlock) + 2 * sizeof(TcgOp));
    c->scratch_block->valid = true;
    c->cross = g_new0(TcgCross, TCG_NR_CROSS);
    for (unsigned i = 0; i < TCG_NR_CROSS; i++) {
        c->cross[i].block = g_malloc0(sizeof(TcgBlock) + 2 * sizeof(TcgOp));
    }
    tcg_tlb_flush(c);
    tcg_shared_add(shared, c);
    return c;
}

void tcg_cpu_free(TcgCPU *c)
{
    tcg_shared_remove(c->shared, c);
    g_free(c->scratch_block);
    for (unsigned i = 0; i < TCG_NR_CROSS; i++) {
        g_free(c->cross[i].block);
    }
    g_free(c->cross);
    g_aligned_free(c);
}

void tcg_load_env(TcgCPU *c)
{
    const CPUX86State *env = c->env;

    memcpy(c->r, env->regs, sizeof(env->regs));
    c->r[16] = c->r[17] = 0;
    c->rip = env->eip;
    c->eflags = env->eflags & ~(uint64_t)F_ARITH;
    tcg_set_arith(c, env->eflags);
    if (env->xsave_area) {
        memcpy(c->xs, env->xsave_area, MIN(env->xsave_len, (uint32_t)TCG_XS_BYTES));
    }
    tcg_tlb_flush(c);
    if (env->cr[0] & CR0_PG_MASK && env->cr[4] & CR4_PAE_MASK && !(env->efer & MSR_EFER_LMA)) {
        tcg_load_pdptrs(c, env->cr[3]);
    }
    tcg_update_mode(c);
    tcg_debug_update(c);
}

void tcg_store_env(TcgCPU *c)
{
    CPUX86State *env = c->env;

    memcpy(env->regs, c->r, sizeof(env->regs));
    env->eip = c->rip;
    env->eflags = tcg_get_eflags(c);
    if (env->xsave_area) {
        memcpy(env->xsave_area, c->xs, MIN(env->xsave_len, (uint32_t)TCG_XS_BYTES));
    }
}
