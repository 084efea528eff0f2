/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of an x86 CPU as gdb sees them. Numbers are those of QEMU's description; features
 * are those that gdb knows (GDB manual, appendix G.5.7), so that $st0, $xmm0 and $ymm0 work. BQL.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "target/i386/gdb-regs.h"

enum { SEG_LIMIT_REAL = 0xffff };

/* The XSAVE area in standard format (SDM vol 1 13.4). */
enum {
    X_FCW = 0, X_FSW = 2, X_FTW = 4, X_FOP = 6, X_FIP = 8, X_FCS = 12, X_FDP = 16, X_FDS = 20,
    X_MXCSR = 24, X_ST = 32, X_XMM = 160, X_XSTATE_BV = 512, X_YMMH = 576,
};
enum { BV_X87 = 1, BV_SSE = 2, BV_AVX = 4 };
enum { MXCSR_RESET = 0x1f80, FCW_RESET = 0x37f };

typedef enum RegKind {
    REG_GPR, REG_PC, REG_FLAGS, REG_SELECTOR, REG_BASE, REG_CR, REG_EFER, REG_ST, REG_X87,
    REG_XMM, REG_MXCSR, REG_YMMH,
} RegKind;

typedef enum Feature { FEAT_CORE, FEAT_SEGMENTS, FEAT_SYSTEM, FEAT_SSE, FEAT_AVX } Feature;

/* @count registers in a row; [0] i386, [1] x86-64. */
typedef struct RegGroup {
    RegKind kind;
    Feature feature;
    uint8_t count[2], bits[2];
    const char *names[2]; /* separated by blanks, or a pattern */
    const char *type;     /* NULL: an integer of that size */
    const char *group;    /* of gdb's "info registers GROUP"; NULL: by type */
} RegGroup;

static const RegGroup groups[] = {
    { REG_GPR, FEAT_CORE, { 8, 16 }, { 32, 64 },
      { "eax ecx edx ebx esp ebp esi edi",
        "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15" }, NULL, NULL },
    { REG_PC, FEAT_CORE, { 1, 1 }, { 32, 64 }, { "eip", "rip" }, "code_ptr", NULL },
    { REG_FLAGS, FEAT_CORE, { 1, 1 }, { 32, 32 }, { "eflags", "eflags" }, "x86_eflags", NULL },
    { REG_SELECTOR, FEAT_CORE, { 6, 6 }, { 32, 32 },
      { "cs ss ds es fs gs", "cs ss ds es fs gs" }, NULL, NULL },
    { REG_BASE, FEAT_SEGMENTS, { 2, 2 }, { 32, 64 }, { "fs_base gs_base", "fs_base gs_base" },
      NULL, NULL },
    { REG_BASE, FEAT_SYSTEM, { 1, 1 }, { 32, 64 }, { "k_gs_base", "k_gs_base" }, NULL, NULL },
    { REG_CR, FEAT_SYSTEM, { 1, 1 }, { 32, 64 }, { "cr0", "cr0" }, "x86_cr0", NULL },
    { REG_CR, FEAT_SYSTEM, { 2, 2 }, { 32, 64 }, { "cr2 cr3", "cr2 cr3" }, NULL, NULL },
    { REG_CR, FEAT_SYSTEM, { 1, 1 }, { 32, 64 }, { "cr4", "cr4" }, "x86_cr4", NULL },
    { REG_CR, FEAT_SYSTEM, { 1, 1 }, { 32, 64 }, { "cr8", "cr8" }, NULL, NULL },
    { REG_EFER, FEAT_SYSTEM, { 1, 1 }, { 32, 64 }, { "efer", "efer" }, "x86_efer", NULL },
    { REG_ST, FEAT_CORE, { 8, 8 }, { 80, 80 }, { "st%u", "st%u" }, "i387_ext", NULL },
    { REG_X87, FEAT_CORE, { 8, 8 }, { 32, 32 },
      { "fctrl fstat ftag fiseg fioff foseg fooff fop",
        "fctrl fstat ftag fiseg fioff foseg fooff fop" }, "int", "float" },
    { REG_XMM, FEAT_SSE, { 8, 16 }, { 128, 128 }, { "xmm%u", "xmm%u" }, "vec128", NULL },
    { REG_MXCSR, FEAT_SSE, { 1, 1 }, { 32, 32 }, { "mxcsr", "mxcsr" }, "x86_mxcsr", "vector" },
    { REG_YMMH, FEAT_AVX, { 8, 16 }, { 128, 128 }, { "ymm%uh", "ymm%uh" }, "uint128", NULL },
};

/* gdb's order of the registers that we keep in the order of their encoding. */
static const uint8_t gdb_gpr[2][16] = {
    { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI },
    { R_EAX, R_EBX, R_ECX, R_EDX, R_ESI, R_EDI, R_EBP, R_ESP, 8, 9, 10, 11, 12, 13, 14, 15 },
};
static const uint8_t gdb_seg[6] = { R_CS, R_SS, R_DS, R_ES, R_FS, R_GS };

/* --- The description ------------------------------------------------------------------------- */

typedef struct FlagName {
    const char *name;
    uint8_t start, end;
} FlagName;

static const struct {
    const char *id;
    Feature feature;
    FlagName fields[24];
} flag_types[] = {
    { "x86_eflags", FEAT_CORE,
      { { "CF", 0, 0 }, { "", 1, 1 }, { "PF", 2, 2 }, { "AF", 4, 4 }, { "ZF", 6, 6 },
        { "SF", 7, 7 }, { "TF", 8, 8 }, { "IF", 9, 9 }, { "DF", 10, 10 }, { "OF", 11, 11 },
        { "IOPL", 12, 13 }, { "NT", 14, 14 }, { "RF", 16, 16 }, { "VM", 17, 17 },
        { "AC", 18, 18 }, { "VIF", 19, 19 }, { "VIP", 20, 20 }, { "ID", 21, 21 } } },
    { "x86_cr0", FEAT_SYSTEM,
      { { "PE", 0, 0 }, { "MP", 1, 1 }, { "EM", 2, 2 }, { "TS", 3, 3 }, { "ET", 4, 4 },
        { "NE", 5, 5 }, { "WP", 16, 16 }, { "AM", 18, 18 }, { "NW", 29, 29 }, { "CD", 30, 30 },
        { "PG", 31, 31 } } },
    { "x86_cr4", FEAT_SYSTEM,
      { { "VME", 0, 0 }, { "PVI", 1, 1 }, { "TSD", 2, 2 }, { "DE", 3, 3 }, { "PSE", 4, 4 },
        { "PAE", 5, 5 }, { "MCE", 6, 6 }, { "PGE", 7, 7 }, { "PCE", 8, 8 }, { "OSFXSR", 9, 9 },
        { "OSXMMEXCPT", 10, 10 }, { "UMIP", 11, 11 }, { "LA57", 12, 12 }, { "VMXE", 13, 13 },
        { "SMXE", 14, 14 }, { "FSGSBASE", 16, 16 }, { "PCIDE", 17, 17 }, { "OSXSAVE", 18, 18 },
        { "SMEP", 20, 20 }, { "SMAP", 21, 21 }, { "PKE", 22, 22 } } },
    { "x86_efer", FEAT_SYSTEM,
      { { "SCE", 0, 0 }, { "LME", 8, 8 }, { "LMA", 10, 10 }, { "NXE", 11, 11 },
        { "SVME", 12, 12 }, { "LMSLE", 13, 13 }, { "FFXSR", 14, 14 } } },
    { "x86_mxcsr", FEAT_SSE,
      { { "IE", 0, 0 }, { "DE", 1, 1 }, { "ZE", 2, 2 }, { "OE", 3, 3 }, { "UE", 4, 4 },
        { "PE", 5, 5 }, { "DAZ", 6, 6 }, { "IM", 7, 7 }, { "DM", 8, 8 }, { "ZM", 9, 9 },
        { "OM", 10, 10 }, { "UM", 11, 11 }, { "PM", 12, 12 }, { "RC", 13, 14 },
        { "FZ", 15, 15 } } },
};

static const char *const feature_names[] = {
    [FEAT_CORE] = "org.gnu.gdb.i386.core",
    [FEAT_SEGMENTS] = "org.gnu.gdb.i386.segments",
    [FEAT_SYSTEM] = "org.qemu.gdb.i386.sys",
    [FEAT_SSE] = "org.gnu.gdb.i386.sse",
    [FEAT_AVX] = "org.gnu.gdb.i386.avx",
};

static bool has_group(const RegGroup *g, const X86GdbLayout *l)
{
    return g->kind != REG_YMMH || l->avx;
}

static void put_vector_types(GString *out)
{
    static const char *const vectors[][3] = {
        { "v4f", "ieee_single", "4" }, { "v2d", "ieee_double", "2" }, { "v16i8", "int8", "16" },
        { "v8i16", "int16", "8" }, { "v4i32", "int32", "4" }, { "v2i64", "int64", "2" },
    };
    static const char *const fields[][2] = {
        { "v4_float", "v4f" }, { "v2_double", "v2d" }, { "v16_int8", "v16i8" },
        { "v8_int16", "v8i16" }, { "v4_int32", "v4i32" }, { "v2_int64", "v2i64" },
        { "uint128", "uint128" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        g_string_append_printf(out, "<vector id=\"%s\" type=\"%s\" count=\"%s\"/>\n",
                               vectors[i][0], vectors[i][1], vectors[i][2]);
    }
    g_string_append(out, "<union id=\"vec128\">\n");
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        g_string_append_printf(out, "<field name=\"%s\" type=\"%s\"/>\n", fields[i][0],
                               fields[i][1]);
    }
    g_string_append(out, "</union>\n");
}

static void put_flag_types(GString *out, Feature feature, bool wide)
{
    for (size_t i = 0; i < ARRAY_SIZE(flag_types); i++) {
        bool sys = feature == FEAT_SYSTEM;

        if (flag_types[i].feature != feature) {
            continue;
        }
        g_string_append_printf(out, "<flags id=\"%s\" size=\"%d\">\n", flag_types[i].id,
                               sys && wide ? 8 : 4);
        for (const FlagName *f = flag_types[i].fields; f->name; f++) {
            g_string_append_printf(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", f->name,
                                   f->start, f->end);
        }
        g_string_append(out, "</flags>\n");
    }
}

/* Name of register @i of the group. */
static char *register_name(const RegGroup *g, bool wide, unsigned i)
{
    const char *pattern = g->names[wide];
    const char *percent = strstr(pattern, "%u");
    g_auto(GStrv) words = NULL;

    if (percent) {
        return g_strdup_printf("%.*s%u%s", (int)(percent - pattern), pattern, i, percent + 2);
    }
    words = g_strsplit(pattern, " ", 0);
    return g_strdup(words[i]);
}

static void put_registers(GString *out, const RegGroup *g, bool wide, unsigned first)
{
    for (unsigned i = 0; i < g->count[wide]; i++) {
        g_autofree char *name = register_name(g, wide, i);
        g_autofree char *integer = g_strdup_printf("int%u", g->bits[wide]);
        const char *type = g->type ? g->type : integer;

        /* gdb shows what these hold as addresses. */
        if (g->kind == REG_GPR && (strstr(name, "sp") || strstr(name, "bp"))) {
            type = "data_ptr";
        }
        g_string_append_printf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"",
                               name, g->bits[wide], type, first + i);
        g_string_append_printf(out, g->group ? " group=\"%s\"/>\n" : "/>\n", g->group);
    }
}

static void put_feature(GString *out, Feature feature, const X86GdbLayout *l)
{
    unsigned regnum = 0;

    g_string_append_printf(out, "<feature name=\"%s\">\n", feature_names[feature]);
    if (feature == FEAT_SSE) {
        put_vector_types(out);
    }
    put_flag_types(out, feature, l->wide);
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (groups[i].feature == feature) {
            put_registers(out, &groups[i], l->wide, regnum);
        }
        regnum += groups[i].count[l->wide];
    }
    g_string_append(out, "</feature>\n");
}

char *x86_gdb_description(const X86GdbLayout *l)
{
    GString *out = g_string_new("<?xml version=\"1.0\"?>\n"
                                "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n");

    g_string_append_printf(out, "<architecture>%s</architecture>\n",
                           l->wide ? "i386:x86-64" : "i386");
    for (Feature f = FEAT_CORE; f <= FEAT_AVX; f++) {
        if (f != FEAT_AVX || l->avx) {
            put_feature(out, f, l);
        }
    }
    g_string_append(out, "</target>\n");
    return g_string_free(out, FALSE);
}

X86GdbLayout x86_gdb_layout(const X86CPU *cpu)
{
    return (X86GdbLayout){
        .wide = x86_has(&cpu->cfg, X86_FEATURE_LM),
        .avx = x86_has(&cpu->cfg, X86_FEATURE_AVX) && cpu->env.xsave_len >= X_YMMH + 256,
    };
}

unsigned x86_gdb_nr_registers(const X86GdbLayout *l)
{
    unsigned nr = 0;

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        nr += has_group(&groups[i], l) ? groups[i].count[l->wide] : 0;
    }
    return nr;
}

/* The group of register @reg; *index within all groups of that kind. */
static const RegGroup *find_group(const X86GdbLayout *l, unsigned reg, unsigned *index)
{
    unsigned before[REG_YMMH + 1] = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        const RegGroup *g = &groups[i];

        if (reg < g->count[l->wide]) {
            *index = before[g->kind] + reg;
            return has_group(g, l) ? g : NULL;
        }
        reg -= g->count[l->wide];
        before[g->kind] += g->count[l->wide];
    }
    return NULL;
}

/* --- The XSAVE area -------------------------------------------------------------------------- */

static uint8_t *area(const X86CPU *cpu, unsigned offset, unsigned len)
{
    return cpu->env.xsave_area && offset + len <= cpu->env.xsave_len
               ? cpu->env.xsave_area + offset : NULL;
}

/* Whether component @bv holds anything but its initial state. */
static bool in_use(const X86CPU *cpu, uint64_t bv)
{
    const uint8_t *p = area(cpu, X_XSTATE_BV, 8);
    uint64_t have = 0;

    if (p) {
        memcpy(&have, p, sizeof(have));
    }
    return have & bv;
}

static uint64_t area_get(const X86CPU *cpu, unsigned offset, unsigned len)
{
    const uint8_t *p = area(cpu, offset, len);
    uint64_t v = 0;

    if (p) {
        memcpy(&v, p, len);
    }
    return v;
}

static void area_put(X86CPU *cpu, unsigned offset, const void *from, unsigned len, uint64_t bv)
{
    uint8_t *p = area(cpu, offset, len), *have = area(cpu, X_XSTATE_BV, 8);
    uint16_t fcw = FCW_RESET;

    if (!p || !have) {
        return;
    }
    if (bv == BV_X87 && !in_use(cpu, bv)) { /* what was there meant nothing */
        memset(cpu->env.xsave_area, 0, X_MXCSR);
        memset(cpu->env.xsave_area + X_ST, 0, X_XMM - X_ST);
        memcpy(cpu->env.xsave_area + X_FCW, &fcw, sizeof(fcw));
    } else if (bv == BV_SSE && !in_use(cpu, bv)) {
        memset(cpu->env.xsave_area + X_XMM, 0, 256);
    } else if (bv == BV_AVX && !in_use(cpu, bv)) {
        memset(cpu->env.xsave_area + X_YMMH, 0, 256);
    }
    memcpy(p, from, len);
    have[0] |= bv;
}

/* One of the two bits for each physical register (SDM vol 1 8.1.7): valid, zero, special, empty. */
static unsigned x87_tag(const X86CPU *cpu, unsigned reg, unsigned top)
{
    unsigned at = X_ST + 16 * ((reg - top) & 7);
    uint64_t mantissa = area_get(cpu, at, 8);
    unsigned exponent = area_get(cpu, at + 8, 2) & 0x7fff;

    if (!(area_get(cpu, X_FTW, 1) >> reg & 1)) {
        return 3;
    }
    if (exponent == 0 && mantissa == 0) {
        return 1;
    }
    return exponent == 0 || exponent == 0x7fff || !(mantissa >> 63) ? 2 : 0;
}

static uint32_t get_ftag(const X86CPU *cpu)
{
    unsigned top = area_get(cpu, X_FSW, 2) >> 11 & 7;
    uint32_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        tags |= x87_tag(cpu, i, top) << (2 * i);
    }
    return tags;
}

/* Where the numbers after st7 lie; ftag is no copy. */
static const struct {
    uint8_t offset, bytes;
} x87_fields[8] = {
    { X_FCW, 2 }, { X_FSW, 2 }, { X_FTW, 1 }, { X_FCS, 2 },
    { X_FIP, 4 }, { X_FDS, 2 }, { X_FDP, 4 }, { X_FOP, 2 },
};
enum { X87_FTAG = 2 };

static uint32_t get_x87(const X86CPU *cpu, unsigned i)
{
    if (!in_use(cpu, BV_X87)) {
        return i == 0 ? FCW_RESET : i == X87_FTAG ? 0xffff : 0;
    }
    return i == X87_FTAG ? get_ftag(cpu)
                         : (uint32_t)area_get(cpu, x87_fields[i].offset, x87_fields[i].bytes);
}

static void put_x87(X86CPU *cpu, unsigned i, uint32_t value)
{
    uint32_t bits = 0;

    if (i == X87_FTAG) {
        for (unsigned r = 0; r < 8; r++) {
            bits |= (value >> (2 * r) & 3) != 3 ? 1u << r : 0;
        }
        value = bits;
    }
    area_put(cpu, x87_fields[i].offset, &value, x87_fields[i].bytes, BV_X87);
}

static const struct {
    RegKind kind;
    uint16_t offset;
    uint8_t step, bv;
} vectors[] = {
    { REG_ST, X_ST, 16, BV_X87 }, { REG_XMM, X_XMM, 16, BV_SSE }, { REG_YMMH, X_YMMH, 16, BV_AVX },
};

/* --- Values ---------------------------------------------------------------------------------- */

static uint64_t *base_field(CPUX86State *env, unsigned i)
{
    return i == 0 ? &env->segs[R_FS].base : i == 1 ? &env->segs[R_GS].base : &env->kernelgsbase;
}

static const uint8_t cr_number[5] = { 0, 2, 3, 4, 8 };

/* Registers of up to 64 bits. */
static uint64_t get_value(const X86CPU *cpu, bool wide, RegKind kind, unsigned i)
{
    const CPUX86State *env = &cpu->env;

    switch (kind) {
    case REG_GPR:
        return env->regs[gdb_gpr[wide][i]];
    case REG_PC:
        return env->eip;
    case REG_FLAGS:
        return env->eflags;
    case REG_SELECTOR:
        return env->segs[gdb_seg[i]].selector;
    case REG_BASE:
        return *base_field((CPUX86State *)env, i);
    case REG_CR:
        return cr_number[i] == 8 ? env->cr8 : env->cr[cr_number[i]];
    case REG_EFER:
        return env->efer;
    case REG_X87:
        return get_x87(cpu, i);
    default:
        return area_get(cpu, X_MXCSR, 4); /* no component's initial state resets it */
    }
}

unsigned x86_gdb_read_register(const X86CPU *cpu, const X86GdbLayout *l, unsigned reg,
                               uint8_t *buf)
{
    unsigned i, bytes;
    const RegGroup *g = find_group(l, reg, &i);
    uint64_t value;

    if (!g) {
        return 0;
    }
    bytes = g->bits[l->wide] / 8;
    for (size_t v = 0; v < ARRAY_SIZE(vectors); v++) {
        const uint8_t *p = area(cpu, vectors[v].offset + vectors[v].step * i, bytes);

        if (vectors[v].kind == g->kind) {
            memset(buf, 0, bytes);
            if (p && in_use(cpu, vectors[v].bv)) {
                memcpy(buf, p, bytes);
            }
            return bytes;
        }
    }
    value = get_value(cpu, l->wide, g->kind, i);
    memcpy(buf, &value, bytes);
    return bytes;
}

/* LMA follows from LME and paging. */
static void fix_long_mode(CPUX86State *env)
{
    env->efer &= ~(uint64_t)MSR_EFER_LMA;
    if (env->efer & MSR_EFER_LME && env->cr[0] & CR0_PG_MASK) {
        env->efer |= MSR_EFER_LMA;
    }
}

/* The descriptor of @selector into the hidden part; false when there is none. */
static bool load_descriptor(X86CPU *cpu, SegmentCache *seg, uint16_t selector)
{
    const CPUX86State *env = &cpu->env;
    const SegmentCache *table = selector & 4 ? &env->ldt : &env->gdt;
    uint32_t words[2];

    if ((selector | 7u) > table->limit ||
        !x86_cpu_read_memory(cpu, table->base + (selector & ~7u), words, sizeof(words))) {
        return false;
    }
    seg->base = words[0] >> 16 | (words[1] & 0xff) << 16 | (words[1] & 0xff000000);
    seg->limit = (words[0] & 0xffff) | (words[1] & 0xf0000);
    if (words[1] & DESC_G_MASK) {
        seg->limit = seg->limit << 12 | 0xfff;
    }
    seg->flags = words[1] & 0x00ffff00;
    return true;
}

static bool put_selector(X86CPU *cpu, unsigned n, uint16_t selector)
{
    CPUX86State *env = &cpu->env;
    SegmentCache *seg = &env->segs[n];
    bool vm86 = env->eflags & RFLAGS_VM;

    if (selector == seg->selector) {
        return true;
    }
    if (!(env->cr[0] & CR0_PE_MASK) || vm86) {
        seg->base = (uint64_t)selector << 4;
        seg->limit = SEG_LIMIT_REAL;
        seg->flags = DESC_P_MASK | DESC_S_MASK | 3u << DESC_TYPE_SHIFT |
                     (vm86 ? 3u << DESC_DPL_SHIFT : 0);
    } else if (!(selector & ~3u)) {
        *seg = (SegmentCache){ 0 }; /* null: not present */
    } else if (!load_descriptor(cpu, seg, selector)) {
        return false;
    }
    seg->selector = selector;
    return true;
}

static bool put_value(X86CPU *cpu, bool wide, RegKind kind, unsigned i, uint64_t value)
{
    CPUX86State *env = &cpu->env;
    uint32_t mxcsr = value & 0xffff;

    switch (kind) {
    case REG_GPR:
        env->regs[gdb_gpr[wide][i]] = value;
        break;
    case REG_PC:
        env->eip = value;
        break;
    case REG_FLAGS:
        env->eflags = (value & 0x3f7fd5) | 2;
        break;
    case REG_SELECTOR:
        return put_selector(cpu, gdb_seg[i], (uint16_t)value);
    case REG_BASE:
        *base_field(env, i) = value;
        break;
    case REG_CR:
        *(cr_number[i] == 8 ? &env->cr8 : &env->cr[cr_number[i]]) = value;
        fix_long_mode(env);
        break;
    case REG_EFER:
        env->efer = value;
        fix_long_mode(env);
        break;
    case REG_X87:
        put_x87(cpu, i, (uint32_t)value);
        break;
    default:
        area_put(cpu, X_MXCSR, &mxcsr, sizeof(mxcsr), BV_SSE);
        break;
    }
    return true;
}

unsigned x86_gdb_write_register(X86CPU *cpu, const X86GdbLayout *l, unsigned reg,
                                const uint8_t *buf, size_t len)
{
    unsigned i, bytes;
    const RegGroup *g = find_group(l, reg, &i);
    uint64_t value = 0;

    bytes = g ? g->bits[l->wide] / 8 : 0;
    if (!g || len < bytes) {
        return 0;
    }
    for (size_t v = 0; v < ARRAY_SIZE(vectors); v++) {
        if (vectors[v].kind == g->kind) {
            area_put(cpu, vectors[v].offset + vectors[v].step * i, buf, bytes, vectors[v].bv);
            return bytes;
        }
    }
    memcpy(&value, buf, MIN(bytes, sizeof(value)));
    return put_value(cpu, l->wide, g->kind, i, value) ? bytes : 0;
}
