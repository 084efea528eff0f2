/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -d in_asm,int,cpu,exec under the software CPU, in QEMU's formats. vCPU threads, no locks: a text
 * is written in one piece. */
#include "qemu/osdep.h"
#include "accel/tcg/tcg-int.h"
#include "qemu/log.h"

#include <capstone/capstone.h>

enum { INSN_BYTES_SHOWN = 8 };

int tcg_log_items(void *opaque)
{
    return qemu_loglevel & (CPU_LOG_TB_IN_ASM | CPU_LOG_INT | CPU_LOG_EXEC | CPU_LOG_TB_CPU);
}

static uint64_t linear_rip(const TcgCPU *c)
{
    return c->code64 ? c->rip : (uint32_t)(c->rip + c->env->segs[R_CS].base);
}

static void put_registers(TcgVcpu *v, GString *out)
{
    tcg_store_env(v->c);
    x86_cpu_dump_integer_state(v->cpu, out);
}

static void put_insn(const cs_insn *insn, GString *out)
{
    g_string_append_printf(out, "0x%08" PRIx64 ":  ", insn->address);
    for (unsigned i = 0; i < MAX(insn->size, INSN_BYTES_SHOWN); i++) {
        if (i < insn->size) {
            g_string_append_printf(out, "%02x ", insn->bytes[i]);
        } else {
            g_string_append(out, "   ");
        }
    }
    g_string_append_printf(out, " %-8s %s\n", insn->mnemonic, insn->op_str);
}

/* The code of the block; one that crosses a page is shown up to there. */
static void put_code(TcgVcpu *v, const TcgBlock *b, GString *out)
{
    unsigned bits = v->c->mode & 0x7f;
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    unsigned len = MIN(b->bytes, 0x1000 - (b->gpa & 0xfff));
    bool readonly;
    const uint8_t *page = v->c->mem->page(v, b->gpa & ~0xfffull, &readonly);
    cs_insn *insns = NULL;
    size_t nr = 0;
    csh cs;

    g_string_append(out, "----------------\nIN: \n");
    if (page && cs_open(CS_ARCH_X86, mode, &cs) == CS_ERR_OK) {
        cs_option(cs, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
        nr = cs_disasm(cs, page + (b->gpa & 0xfff), len, linear_rip(v->c), 0, &insns);
        for (size_t i = 0; i < nr; i++) {
            put_insn(&insns[i], out);
        }
        if (nr) {
            cs_free(insns, nr);
        }
        cs_close(&cs);
    }
    g_string_append_c(out, '\n');
}

void tcg_log_block(void *opaque, TcgBlock *b)
{
    TcgVcpu *v = opaque;
    g_autoptr(GString) out = g_string_new(NULL);

    if (v->c->log & CPU_LOG_TB_IN_ASM && !b->logged) {
        b->logged = true;
        put_code(v, b, out);
    }
    if (v->c->log & CPU_LOG_EXEC) {
        g_string_append_printf(out, "Trace %d: %p [%016" PRIx64 "/%016" PRIx64 "/%08x/%08x] \n",
                               v->cpu->cpu.index, (void *)b, v->c->env->segs[R_CS].base,
                               linear_rip(v->c), (uint32_t)v->c->mode, 0u);
    }
    if (v->c->log & CPU_LOG_TB_CPU) {
        put_registers(v, out);
    }
    if (out->len) {
        qemu_log("%s", out->str);
    }
}

void tcg_log_event(void *opaque, unsigned vector, bool software, uint32_t error)
{
    TcgVcpu *v = opaque;
    TcgCPU *c = v->c;
    g_autoptr(GString) out = NULL;

    if (!(c->log & CPU_LOG_INT) || !(c->env->cr[0] & CR0_PE_MASK)) {
        return;
    }
    out = g_string_new(NULL);
    g_string_append_printf(out, "%6u: v=%02x e=%04x i=%d cpl=%d IP=%04x:%016" PRIx64 " pc=%016"
                           PRIx64 " SP=%04x:%016" PRIx64, v->nr_events++, vector, error, software,
                           c->cpl, c->env->segs[R_CS].selector, c->rip, linear_rip(c),
                           c->env->segs[R_SS].selector, c->r[R_ESP]);
    if (vector == EXC_PF) {
        g_string_append_printf(out, " CR2=%016" PRIx64 "\n", c->env->cr[2]);
    } else {
        g_string_append_printf(out, " env->regs[R_EAX]=%016" PRIx64 "\n", c->r[R_EAX]);
    }
    put_registers(v, out);
    qemu_log("%s", out->str);
}
