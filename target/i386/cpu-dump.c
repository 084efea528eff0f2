/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers as text, in the layout of QEMU's "info registers". BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "target/i386/cpu.h"

#define CODE_BYTES 50
#define CODE_BYTES_BEFORE 20

/* Offsets in the XSAVE area in standard format (SDM vol 1 13.4). */
enum {
    XSAVE_FCW = 0,
    XSAVE_FSW = 2,
    XSAVE_FTW = 4,
    XSAVE_MXCSR = 24,
    XSAVE_ST = 32,
    XSAVE_XMM = 160,
    XSAVE_XSTATE_BV = 512,
    XSAVE_YMM_HI = 576,
    XSAVE_OPMASK = 1088,
    XSAVE_ZMM_HI256 = 1152,
    XSAVE_HI16_ZMM = 1664,
};

#define XCR0_SSE (1u << 1)
#define XCR0_YMM (1u << 2)
#define XCR0_AVX512 (7u << 5)

static bool long_mode(const CPUX86State *env)
{
    return env->efer & MSR_EFER_LMA;
}

static bool code64(const CPUX86State *env)
{
    return long_mode(env) && (env->segs[R_CS].flags & DESC_L_MASK);
}

static unsigned cpl(const CPUX86State *env)
{
    if (!(env->cr[0] & CR0_PE_MASK)) {
        return 0;
    }
    return env->eflags & RFLAGS_VM ? 3 : env->segs[R_SS].flags >> DESC_DPL_SHIFT & 3;
}

static void dump_flags(const CPUX86State *env, GString *out)
{
    static const struct {
        char letter;
        uint8_t bit;
    } flags[] = { { 'D', 10 }, { 'O', 11 }, { 'S', 7 }, { 'Z', 6 }, { 'A', 4 }, { 'P', 2 },
                  { 'C', 0 } };

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        g_string_append_c(out, env->eflags >> flags[i].bit & 1 ? flags[i].letter : '-');
    }
}

static void dump_gprs(const X86CPU *cpu, GString *out)
{
    static const char names[8][4] = { "AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP" };
    static const uint8_t regs[8] = { R_EAX, R_EBX, R_ECX, R_EDX, R_ESI, R_EDI, R_EBP, R_ESP };
    const CPUX86State *env = &cpu->env;
    bool wide = code64(env);

    for (int i = 0; i < 8; i++) {
        if (wide) {
            g_string_append_printf(out, "R%s=%016" PRIx64, names[i], env->regs[regs[i]]);
        } else {
            g_string_append_printf(out, "E%s=%08x", names[i], (uint32_t)env->regs[regs[i]]);
        }
        g_string_append_c(out, i % 4 == 3 ? '\n' : ' ');
    }
    for (int i = 8; wide && i < 16; i++) {
        g_string_append_printf(out, "R%-2d=%016" PRIx64 "%c", i, env->regs[i],
                               i % 4 == 3 ? '\n' : ' ');
    }
    if (wide) {
        g_string_append_printf(out, "RIP=%016" PRIx64 " RFL=%08x [", env->eip,
                               (uint32_t)env->eflags);
    } else {
        g_string_append_printf(out, "EIP=%08x EFL=%08x [", (uint32_t)env->eip,
                               (uint32_t)env->eflags);
    }
    dump_flags(env, out);
    g_string_append_printf(out, "] CPL=%u II=%d A20=1 SMM=%d HLT=%d\n", cpl(env),
                           env->events.interrupt_shadow != 0, env->events.smm, cpu->cpu.halted);
}

/* Descriptor types of system segments, outside and in long mode. */
static const char *const system_types[2][16] = {
    { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
      "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
      "IntGate32", "TrapGate32" },
    { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
      "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64",
      "TrapGate64" },
};

static void dump_segment_type(const CPUX86State *env, uint32_t flags, GString *out)
{
    unsigned type = flags >> DESC_TYPE_SHIFT & 15;
    bool code = type & 8, accessed = type & 1;

    if (!(flags & DESC_S_MASK)) {
        g_string_append(out, system_types[long_mode(env)][type]);
    } else if (code) {
        g_string_append_printf(out, "%s [%c%c%c]",
                               flags & DESC_B_MASK ? "CS32"
                               : long_mode(env) && (flags & DESC_L_MASK) ? "CS64" : "CS16",
                               type & 4 ? 'C' : '-', type & 2 ? 'R' : '-', accessed ? 'A' : '-');
    } else {
        g_string_append_printf(out, "%s [%c%c%c]",
                               (flags & DESC_B_MASK) || long_mode(env) ? "DS  " : "DS16",
                               type & 4 ? 'E' : '-', type & 2 ? 'W' : '-', accessed ? 'A' : '-');
    }
}

static void dump_segment(const CPUX86State *env, const char *name, const SegmentCache *seg,
                         GString *out)
{
    if (long_mode(env)) {
        g_string_append_printf(out, "%-3s=%04x %016" PRIx64 " %08x %08x", name, seg->selector,
                               seg->base, seg->limit, seg->flags & 0x00ffff00);
    } else {
        g_string_append_printf(out, "%-3s=%04x %08x %08x %08x", name, seg->selector,
                               (uint32_t)seg->base, seg->limit, seg->flags & 0x00ffff00);
    }
    if ((env->cr[0] & CR0_PE_MASK) && (seg->flags & DESC_P_MASK)) {
        g_string_append_printf(out, " DPL=%u ", seg->flags >> DESC_DPL_SHIFT & 3);
        dump_segment_type(env, seg->flags, out);
    }
    g_string_append_c(out, '\n');
}

static void dump_segments(const CPUX86State *env, GString *out)
{
    static const char names[6][3] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    const SegmentCache *tables[] = { &env->gdt, &env->idt };

    for (int i = 0; i < 6; i++) {
        dump_segment(env, names[i], &env->segs[i], out);
    }
    dump_segment(env, "LDT", &env->ldt, out);
    dump_segment(env, "TR", &env->tr, out);
    for (int i = 0; i < 2; i++) {
        g_string_append_printf(out, "%s=     %0*" PRIx64 " %08x\n", i ? "IDT" : "GDT",
                               long_mode(env) ? 16 : 8, tables[i]->base, tables[i]->limit);
    }
}

static void dump_control(const CPUX86State *env, GString *out)
{
    int width = long_mode(env) ? 16 : 8;

    g_string_append_printf(out, "CR0=%08x CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08x\n",
                           (uint32_t)env->cr[0], width, env->cr[2], width, env->cr[3],
                           (uint32_t)env->cr[4]);
    for (int i = 0; i < 4; i++) {
        g_string_append_printf(out, "DR%d=%016" PRIx64 " ", i, env->dr[i]);
    }
    g_string_append_printf(out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\n", env->dr[6],
                           env->dr[7]);
    g_string_append_printf(out, "EFER=%016" PRIx64 "\n", env->efer);
}

/* --- FPU ------------------------------------------------------------------------------------- */

static uint64_t xsave_u64(const CPUX86State *env, unsigned offset)
{
    uint64_t value = 0;

    if (offset + sizeof(value) <= env->xsave_len) {
        memcpy(&value, env->xsave_area + offset, sizeof(value));
    }
    return value;
}

/* Registers of a component that is in its initial state read as zero. */
static uint64_t xsave_component_u64(const CPUX86State *env, unsigned component, unsigned offset)
{
    return xsave_u64(env, XSAVE_XSTATE_BV) >> component & 1 ? xsave_u64(env, offset) : 0;
}

static void dump_x87(const CPUX86State *env, GString *out)
{
    uint64_t head = xsave_u64(env, XSAVE_FCW);
    unsigned top = head >> 27 & 7;

    g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n",
                           (unsigned)(head & 0xffff), (unsigned)(head >> 16 & 0xffff), top,
                           (unsigned)(head >> 32 & 0xff), (uint32_t)xsave_u64(env, XSAVE_MXCSR));
    /* Printed by physical register; the area holds ST(0).. */
    for (unsigned i = 0; i < 8; i++) {
        unsigned st = (i - top) & 7;

        g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%c", i,
                               xsave_u64(env, XSAVE_ST + 16 * st),
                               (unsigned)xsave_u64(env, XSAVE_ST + 16 * st + 8) & 0xffff,
                               i & 1 ? '\n' : ' ');
    }
}

/* 64-bit word @word of vector register @reg, 0 the lowest. */
static uint64_t vector_word(const CPUX86State *env, unsigned reg, unsigned word)
{
    if (reg >= 16) {
        return xsave_component_u64(env, 7, XSAVE_HI16_ZMM + 64 * (reg - 16) + 8 * word);
    }
    if (word < 2) {
        return xsave_component_u64(env, 1, XSAVE_XMM + 16 * reg + 8 * word);
    }
    if (word < 4) {
        return xsave_component_u64(env, 2, XSAVE_YMM_HI + 16 * reg + 8 * (word - 2));
    }
    return xsave_component_u64(env, 6, XSAVE_ZMM_HI256 + 32 * reg + 8 * (word - 4));
}

static void dump_vectors(const CPUX86State *env, GString *out)
{
    bool zmm = (env->xcr0 & XCR0_AVX512) == XCR0_AVX512;
    bool ymm = (env->xcr0 & (XCR0_SSE | XCR0_YMM)) == (XCR0_SSE | XCR0_YMM);
    unsigned words = zmm ? 8 : ymm ? 4 : 2;
    unsigned nr = !code64(env) ? 8 : zmm ? 32 : 16;

    for (unsigned i = 0; zmm && i < 8; i++) {
        g_string_append_printf(out, "Opmask%02u=%016" PRIx64 "%c", i,
                               xsave_component_u64(env, 5, XSAVE_OPMASK + 8 * i),
                               (i & 3) == 3 ? '\n' : ' ');
    }
    for (unsigned i = 0; i < nr; i++) {
        g_string_append_printf(out, "%s%02u=", zmm ? "ZMM" : ymm ? "YMM" : "XMM", i);
        for (unsigned w = words; w > 0; w--) {
            g_string_append_printf(out, "%016" PRIx64 "%s", vector_word(env, i, w - 1),
                                   w > 1 ? " " : "");
        }
        g_string_append_c(out, words > 2 || (i & 1) ? '\n' : ' ');
    }
}

/* --- Entry points ---------------------------------------------------------------------------- */

void x86_cpu_dump_integer_state(const X86CPU *cpu, GString *out)
{
    dump_gprs(cpu, out);
    dump_segments(&cpu->env, out);
    dump_control(&cpu->env, out);
}

static void dump_code(X86CPU *cpu, GString *out)
{
    const CPUX86State *env = &cpu->env;
    uint64_t before = MIN(env->eip, CODE_BYTES_BEFORE);
    uint64_t base = env->segs[R_CS].base + env->eip - before;

    g_string_append(out, "Code=");
    for (unsigned i = 0; i < CODE_BYTES; i++) {
        g_autofree char *text = NULL;
        uint8_t byte;

        text = x86_cpu_read_memory(cpu, base + i, &byte, 1) ? g_strdup_printf("%02x", byte)
                                                            : g_strdup("??");
        g_string_append_printf(out, i == before ? "%s<%s>" : "%s%s", i ? " " : "", text);
    }
    g_string_append_c(out, '\n');
}

void x86_cpu_dump_state(X86CPU *cpu, GString *out)
{
    cpu_synchronize_state(&cpu->cpu);
    x86_cpu_dump_integer_state(cpu, out);
    dump_x87(&cpu->env, out);
    dump_vectors(&cpu->env, out);
}

void x86_cpu_dump_code_state(X86CPU *cpu, GString *out)
{
    cpu_synchronize_state(&cpu->cpu);
    x86_cpu_dump_integer_state(cpu, out);
    dump_code(cpu, out);
}
