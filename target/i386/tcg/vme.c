/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual-8086 mode extensions, protected-mode virtual interrupts (SDM vol 3 chapter 21.3, 21.4):
 * with IOPL < 3, VIF stands for IF. CLI and STI. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/handlers.h"
#include "target/i386/tcg/seg.h"

#define CR4_VME (1u << 0)
#define CR4_PVI (1u << 1)

static bool iopl3(const TcgCPU *c)
{
    return (c->eflags & F_IOPL) == F_IOPL;
}

bool tcg_vme_redirects(TcgCPU *c, unsigned vector)
{
    const SegmentCache *tr = &c->env->tr;
    unsigned map;

    if (!tcg_vm86(c) || !(c->env->cr[4] & CR4_VME) || tr->limit < 0x67) {
        return false;
    }
    map = tcg_load_sys(c, tr->base + 0x66, 2);
    if (map < 32 || map - 32 + vector / 8 > tr->limit) {
        return false;
    }
    return !(tcg_load_sys(c, tr->base + map - 32 + vector / 8, 1) >> vector % 8 & 1);
}

uint16_t tcg_vme_flags(const TcgCPU *c)
{
    uint64_t f = tcg_get_eflags(c);

    if (!iopl3(c)) {
        f = (f & ~(uint64_t)F_IF) | F_IOPL | (f & F_VIF ? F_IF : 0);
    }
    return f;
}

uint64_t tcg_vme_if(const TcgCPU *c)
{
    return iopl3(c) ? F_IF : F_VIF;
}

bool tcg_vme_flags_op(TcgCPU *c, const TcgOp *op, unsigned bytes)
{
    if (!tcg_vm86(c) || iopl3(c)) {
        return false;
    }
    if (!(c->env->cr[4] & CR4_VME) || bytes != 2) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    return true;
}

void tcg_vme_put_flags(TcgCPU *c, const TcgOp *op, uint16_t v)
{
    if (v & F_TF || (v & F_IF && c->eflags & F_VIP)) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    tcg_put_eflags(c, v, F_ARITH | F_D | F_NT);
    c->eflags = (c->eflags & ~(uint64_t)F_VIF) | (v & F_IF ? F_VIF : 0);
}

/* Is it VIF that CLI and STI change? #GP when it is neither. */
static bool virtual_if(TcgCPU *c, const TcgOp *op)
{
    if (tcg_real(c) || c->cpl <= (c->eflags & F_IOPL) >> 12) {
        return false;
    }
    if (c->cpl != 3 || !(c->env->cr[4] & (tcg_vm86(c) ? CR4_VME : CR4_PVI))) {
        tcg_raise_err(c, op, EXC_GP, 0);
    }
    return true;
}

HANDLER(h_cli)
{
    c->eflags &= virtual_if(c, op) ? ~(uint64_t)F_VIF : ~(uint64_t)F_IF;
    c->rip = op_next_rip(c, op);
    END;
}

HANDLER(h_sti)
{
    if (virtual_if(c, op)) {
        if (c->eflags & F_VIP) {
            tcg_raise_err(c, op, EXC_GP, 0);
        }
        c->eflags |= F_VIF;
    } else {
        c->shadow |= c->eflags & F_IF ? 0 : TCG_SHADOW_STI;
        c->eflags |= F_IF;
    }
    c->rip = op_next_rip(c, op);
    END;
}
