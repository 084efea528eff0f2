/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instruction decoder (SDM vol 2 chapter 2, appendix A). See decode.h; any thread. */
#include "qemu/osdep.h"
#include "target/i386/cpu.h"
#include "target/i386/tcg/decode.h"

#define GATE(f) X86_FEATURE_##f
#define X86_FEATURE_ALWAYS X86_FEATURE_END
#define X86_DECODE_TABLES
#include "target/i386/tcg/insn-tables.h"

/* The bytes, and what the prefixes said so far. */
typedef struct DecodeState {
    const uint8_t *bytes;
    unsigned avail, pos;
    const X86DecodeMode *mode;
    X86Insn *insn;
    uint8_t rex; /* R, X, B in bits 2..0, also from VEX */
    uint8_t map; /* 0..3, VEX: +3 */
    uint8_t opcode;
    bool addr_prefix;
    bool vex_w;    /* VEX.W as written: outside 64-bit mode it selects rows but no size */
    bool vex_vvvv; /* VEX.vvvv names a register, be it one that does not exist */
    X86DecodeResult result; /* of a failed step */
} DecodeState;

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

static bool fail(DecodeState *s, X86DecodeResult r)
{
    s->result = r;
    return false;
}

static bool fetch(DecodeState *s, unsigned n, uint64_t *value)
{
    if (s->pos + n > X86_INSN_MAX_BYTES) {
        /* All 15 bytes must be there before the length counts. */
        return fail(s, s->avail < X86_INSN_MAX_BYTES ? X86_DECODE_MORE : X86_DECODE_TOO_LONG);
    }
    if (s->pos + n > s->avail) {
        return fail(s, X86_DECODE_MORE);
    }
    *value = 0;
    memcpy(value, s->bytes + s->pos, n);
    s->pos += n;
    return true;
}

static bool fetch_byte(DecodeState *s, uint8_t *b)
{
    uint64_t v;

    if (!fetch(s, 1, &v)) {
        return false;
    }
    *b = v;
    return true;
}

/* ---- Prefixes -------------------------------------------------------------------------------- */

enum { P_NONE, P_SEG, P_SEG_FS, P_OPSIZE, P_ADDR, P_LOCK, P_REPNE, P_REPE };

static const uint8_t prefix_kind[256] = {
    [0x26] = P_SEG, [0x2e] = P_SEG, [0x36] = P_SEG, [0x3e] = P_SEG, [0x64] = P_SEG_FS,
    [0x65] = P_SEG_FS, [0x66] = P_OPSIZE, [0x67] = P_ADDR, [0xf0] = P_LOCK, [0xf2] = P_REPNE,
    [0xf3] = P_REPE,
};

enum { SEG_DEFAULT = 0xff };

static void take_prefix(DecodeState *s, uint8_t b)
{
    X86Insn *insn = s->insn;

    switch (prefix_kind[b]) {
    case P_SEG: /* ignored in 64-bit mode: the bases are zero */
        insn->seg = s->mode->code_bits == 64 ? insn->seg : (b >> 3) & 3;
        break;
    case P_SEG_FS:
        insn->seg = R_FS + (b & 1);
        break;
    case P_OPSIZE:
        insn->flags |= X86_I_OPSIZE;
        break;
    case P_ADDR:
        s->addr_prefix = true;
        break;
    case P_LOCK:
        insn->flags |= X86_I_LOCK;
        break;
    default:
        insn->flags &= ~(X86_I_REPE | X86_I_REPNE);
        insn->flags |= b == 0xf3 ? X86_I_REPE : X86_I_REPNE;
        break;
    }
}

/* Leaves the first byte that is no prefix in s->opcode. */
static bool decode_prefixes(DecodeState *s)
{
    uint8_t b;
    bool code64 = s->mode->code_bits == 64;

    s->insn->seg = SEG_DEFAULT;
    for (;;) {
        if (!fetch_byte(s, &b)) {
            return false;
        }
        if (prefix_kind[b]) {
            take_prefix(s, b);
            s->rex = 0; /* a REX that is not last counts for nothing */
            s->insn->flags &= ~(X86_I_REX | X86_I_W);
        } else if (code64 && (b & 0xf0) == 0x40) {
            s->rex = b & 7;
            s->insn->flags &= ~X86_I_W;
            s->insn->flags |= X86_I_REX | (b & REX_W ? X86_I_W : 0);
        } else {
            s->opcode = b;
            return true;
        }
    }
}

/* ---- Opcode ---------------------------------------------------------------------------------- */

static bool decode_vex(DecodeState *s, bool three)
{
    static const uint8_t pp_flags[4] = { 0, X86_I_OPSIZE, X86_I_REPE, X86_I_REPNE };
    X86Insn *insn = s->insn;
    bool code64 = s->mode->code_bits == 64;
    uint8_t p1, p2, map = 1;

    if (insn->flags & (X86_I_OPSIZE | X86_I_REPE | X86_I_REPNE | X86_I_LOCK | X86_I_REX)) {
        return fail(s, X86_DECODE_INVALID);
    }
    if (!fetch_byte(s, &p1)) {
        return false;
    }
    p2 = p1;
    s->rex = p1 & 0x80 ? 0 : REX_R;
    if (three) {
        map = p1 & 0x1f;
        s->rex |= (p1 & 0x40 ? 0 : REX_X) | (p1 & 0x20 ? 0 : REX_B);
        if (!fetch_byte(s, &p2)) {
            return false;
        }
        insn->flags |= p2 & 0x80 && code64 ? X86_I_W : 0;
        s->vex_w = p2 & 0x80;
    }
    insn->vvvv = ~p2 >> 3 & 15;
    s->vex_vvvv = insn->vvvv;
    if (!code64) {
        s->rex = 0;
        insn->vvvv &= 7;
    }
    insn->vexl = p2 >> 2 & 1;
    insn->flags |= X86_I_VEX | pp_flags[p2 & 3];
    if (map == 0 || map > 3 || s->mode->no_vex) {
        return fail(s, X86_DECODE_INVALID);
    }
    s->map = 3 + map;
    return fetch_byte(s, &s->opcode);
}

/* C4, C5 are LES and LDS outside 64-bit mode unless the next byte says register. */
static bool is_vex(DecodeState *s, bool *yes)
{
    *yes = s->mode->code_bits == 64;
    if (!*yes) {
        if (s->pos >= s->avail) {
            return fail(s, X86_DECODE_MORE);
        }
        *yes = s->bytes[s->pos] >= 0xc0;
    }
    return true;
}

static bool decode_opcode(DecodeState *s)
{
    bool vex = false;

    if ((s->opcode & 0xfe) == 0xc4) {
        if (!is_vex(s, &vex)) {
            return false;
        }
        if (vex) {
            return decode_vex(s, s->opcode == 0xc4);
        }
    }
    if (s->opcode != 0x0f) {
        return true;
    }
    s->map = 1;
    if (!fetch_byte(s, &s->opcode)) {
        return false;
    }
    if (s->opcode == 0x38 || s->opcode == 0x3a) {
        s->map = s->opcode == 0x38 ? 2 : 3;
        return fetch_byte(s, &s->opcode);
    }
    return true;
}

/* ---- Row ------------------------------------------------------------------------------------- */

static bool prefix_fits(const X86InsnRow *row, uint8_t flags)
{
    static const uint8_t want[6] = { 0, 0, X86_I_OPSIZE, X86_I_REPE, X86_I_REPNE, 0 };
    uint8_t rep = flags & (X86_I_REPE | X86_I_REPNE);

    switch (row->prefix) {
    case 0:
        return true;
    case 1:
    case 2:
        return (rep | (flags & X86_I_OPSIZE)) == want[row->prefix];
    default:
        return rep == want[row->prefix];
    }
}

static bool gates_open(const X86InsnRow *row, const uint64_t *features)
{
    return !features ||
           ((row->gate == X86_FEATURE_END || x86_features_have(features, row->gate)) &&
            (row->gate2 == X86_FEATURE_END || x86_features_have(features, row->gate2)));
}

static bool row_fits(const DecodeState *s, const X86InsnRow *row)
{
    const X86Insn *insn = s->insn;
    bool code64 = s->mode->code_bits == 64;
    unsigned w = insn->flags & X86_I_W || s->vex_w;

    return prefix_fits(row, insn->flags) &&
           !(row->attrs & (code64 ? X86_A_i64 : X86_A_o64)) &&
           (!row->w || row->w == 1 + w) &&
           (!row->l || row->l == 1 + insn->vexl) &&
           (!row->mod || (row->mod == 2) == (insn->modrm >= 0xc0)) &&
           (row->reg == 8 || row->reg == (insn->modrm >> 3 & 7)) &&
           (!row->modrm || row->modrm == insn->modrm) &&
           gates_open(row, s->mode->features);
}

static const X86InsnRow *find_row(DecodeState *s)
{
    const X86Bucket *bucket = &x86_buckets[s->map][s->opcode];

    for (unsigned i = 0; i < bucket->count; i++) {
        unsigned n = x86_cands[bucket->first + i];

        if (row_fits(s, &x86_insn_rows[n])) {
            s->insn->row = n;
            return &x86_insn_rows[n];
        }
    }
    return NULL;
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static unsigned operand_size(const DecodeState *s, const X86InsnRow *row)
{
    const X86Insn *insn = s->insn;
    bool prefix = insn->flags & X86_I_OPSIZE;

    if (s->mode->code_bits == 64) {
        if (row->attrs & X86_A_f64) {
            return 8;
        }
        if (row->attrs & X86_A_d64) {
            return insn->flags & X86_I_W || !prefix ? 8 : 2;
        }
        return insn->flags & X86_I_W ? 8 : prefix ? 2 : 4;
    }
    return (s->mode->code_bits == 32) != prefix ? 4 : 2;
}

static unsigned address_size(const DecodeState *s)
{
    if (s->mode->code_bits == 64) {
        return s->addr_prefix ? 4 : 8;
    }
    return (s->mode->code_bits == 32) != s->addr_prefix ? 4 : 2;
}

unsigned x86_operand_bytes(const X86Insn *insn, unsigned n, bool code64)
{
    static const uint8_t fixed[] = {
        [X86_OPS_b] = 1, [X86_OPS_w] = 2, [X86_OPS_d] = 4, [X86_OPS_q] = 8, [X86_OPS_dq] = 16,
        [X86_OPS_qq] = 32, [X86_OPS_t] = 10, [X86_OPS_ss] = 4, [X86_OPS_sd] = 8,
        [X86_OPS_ps] = 16, [X86_OPS_pd] = 16,
    };
    const X86InsnRow *row = &x86_insn_rows[insn->row];
    unsigned size = row->op_size[n], vec = 16 << insn->vexl;

    switch (size) {
    case X86_OPS_v:
        return insn->opsize;
    case X86_OPS_z:
        return MIN(insn->opsize, 4);
    case X86_OPS_y:
        return insn->flags & X86_I_W ? 8 : 4;
    case X86_OPS_p:
        return insn->opsize + 2;
    case X86_OPS_s:
        return code64 ? 10 : 6;
    case X86_OPS_a:
        return insn->opsize * 2;
    case X86_OPS_n:
        return code64 ? 8 : 4;
    case X86_OPS_x:
        return vec;
    case X86_OPS_h:
        return vec / 2;
    case X86_OPS_o:
        return vec / 4;
    case X86_OPS_e:
        return vec / 8;
    default:
        return size < G_N_ELEMENTS(fixed) ? fixed[size] : 0;
    }
}

/* ---- ModRM, SIB, displacement ---------------------------------------------------------------- */

static bool decode_disp(DecodeState *s, unsigned bytes)
{
    uint64_t v = 0;

    if (bytes && !fetch(s, bytes, &v)) {
        return false;
    }
    s->insn->disp = bytes == 1 ? (int8_t)v : bytes == 2 ? (int16_t)v : (int32_t)v;
    return true;
}

/* SDM vol 2 table 2-1. */
static bool decode_mem16(DecodeState *s)
{
    static const uint8_t base[8] = { R_EBX, R_EBX, R_EBP, R_EBP, R_ESI, R_EDI, R_EBP, R_EBX };
    static const uint8_t index[8] = { R_ESI, R_EDI, R_ESI, R_EDI, X86_BASE_NONE, X86_BASE_NONE,
                                      X86_BASE_NONE, X86_BASE_NONE };
    X86Insn *insn = s->insn;
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;

    insn->base = base[rm];
    insn->index = index[rm];
    if (mod == 0 && rm == 6) {
        insn->base = X86_BASE_NONE;
        return decode_disp(s, 2);
    }
    return decode_disp(s, mod);
}

static bool decode_sib(DecodeState *s, bool vsib)
{
    X86Insn *insn = s->insn;
    unsigned mod = insn->modrm >> 6;
    uint8_t sib;

    if (!fetch_byte(s, &sib)) {
        return false;
    }
    insn->scale = sib >> 6;
    insn->index = (sib >> 3 & 7) | (s->rex & REX_X ? 8 : 0);
    if (insn->index == R_ESP && !vsib) {
        insn->index = X86_BASE_NONE;
    }
    if ((sib & 7) == R_EBP && mod == 0) {
        insn->base = X86_BASE_NONE;
        return decode_disp(s, 4);
    }
    insn->base = (sib & 7) | (s->rex & REX_B ? 8 : 0);
    return decode_disp(s, mod == 1 ? 1 : mod * 2);
}

/* SDM vol 2 tables 2-2 and 2-3. */
static bool decode_mem32(DecodeState *s, bool vsib)
{
    X86Insn *insn = s->insn;
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;

    if (rm == 4) {
        return decode_sib(s, vsib);
    }
    insn->base = rm | (s->rex & REX_B ? 8 : 0);
    if (mod == 0 && rm == 5) {
        insn->base = s->mode->code_bits == 64 ? X86_BASE_RIP : X86_BASE_NONE;
        return decode_disp(s, 4);
    }
    return decode_disp(s, mod == 1 ? 1 : mod * 2);
}

static bool decode_modrm(DecodeState *s, const X86InsnRow *row)
{
    X86Insn *insn = s->insn;

    insn->reg = (insn->modrm >> 3 & 7) | (s->rex & REX_R ? 8 : 0);
    insn->rm = (insn->modrm & 7) | (s->rex & REX_B ? 8 : 0);
    if (insn->modrm >= 0xc0 || row->attrs & X86_A_crdr) {
        return true;
    }
    insn->flags |= X86_I_MEM;
    if (insn->addrsize == 2) {
        return decode_mem16(s);
    }
    return decode_mem32(s, row->attrs & X86_A_vsib);
}

static bool default_segment_is_ss(const X86Insn *insn)
{
    return insn->base == R_ESP || insn->base == R_EBP;
}

/* ---- Immediates ------------------------------------------------------------------------------ */

static int64_t sign_extend(uint64_t v, unsigned bytes)
{
    return bytes >= 8 ? (int64_t)v : (int64_t)(v << (64 - bytes * 8)) >> (64 - bytes * 8);
}

static bool decode_far_pointer(DecodeState *s)
{
    uint64_t offset, selector;

    if (!fetch(s, s->insn->opsize, &offset) || !fetch(s, 2, &selector)) {
        return false;
    }
    s->insn->imm = offset | selector << 32;
    return true;
}

/* Immediates of operand @n, if it has any. */
static bool decode_immediate(DecodeState *s, const X86InsnRow *row, unsigned n, unsigned *shift)
{
    X86Insn *insn = s->insn;
    unsigned bytes;
    uint64_t v;

    switch (row->op_kind[n]) {
    case X86_OPK_A:
        return decode_far_pointer(s);
    case X86_OPK_O:
        return fetch(s, insn->addrsize, &insn->imm);
    case X86_OPK_L:
        bytes = 1;
        break;
    case X86_OPK_I:
    case X86_OPK_J:
        bytes = x86_operand_bytes(insn, n, s->mode->code_bits == 64);
        break;
    default:
        return true;
    }
    if (!fetch(s, bytes, &v)) {
        return false;
    }
    if (*shift) { /* ENTER, EXTRQ, INSERTQ: the first is unsigned */
        insn->imm = (insn->imm & 0xffff) | v << 16;
    } else {
        insn->imm = sign_extend(v, bytes);
    }
    *shift = 16;
    return true;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static bool uses_kind(const X86InsnRow *row, unsigned kind)
{
    for (unsigned i = 0; i < row->nr_ops; i++) {
        if (row->op_kind[i] == kind) {
            return true;
        }
    }
    return false;
}

static bool special_register_ok(const X86Insn *insn, const X86InsnRow *row)
{
    for (unsigned i = 0; i < row->nr_ops; i++) {
        switch (row->op_kind[i]) {
        case X86_OPK_S: /* six of them; CS cannot be loaded by MOV */
            if ((insn->reg & 7) > R_GS || (i == 0 && (insn->reg & 7) == R_CS)) {
                return false;
            }
            break;
        case X86_OPK_C:
            if (!(0x11d >> insn->reg & 1)) {
                return false;
            }
            break;
        case X86_OPK_D:
            if (insn->reg > 7) {
                return false;
            }
            break;
        }
    }
    return true;
}

static bool vex_operands_ok(const DecodeState *s, const X86InsnRow *row)
{
    const X86Insn *insn = s->insn;

    if (row->attrs & X86_A_vsib) {
        return (insn->modrm & 7) == 4 && insn->reg != insn->index && insn->reg != insn->vvvv &&
               insn->index != insn->vvvv;
    }
    return !s->vex_vvvv || uses_kind(row, X86_OPK_H) || uses_kind(row, X86_OPK_B);
}

static bool lock_ok(const X86Insn *insn, const X86InsnRow *row)
{
    return row->attrs & X86_A_lock && insn->flags & X86_I_MEM;
}

static bool checks(DecodeState *s, const X86InsnRow *row)
{
    X86Insn *insn = s->insn;

    if ((insn->flags & X86_I_LOCK && !lock_ok(insn, row)) || !special_register_ok(insn, row) ||
        (insn->flags & X86_I_VEX && !vex_operands_ok(s, row)) ||
        (row->attrs & X86_A_vsib && insn->addrsize == 2)) {
        return fail(s, X86_DECODE_INVALID);
    }
    return true;
}

/* ---- Whole ----------------------------------------------------------------------------------- */

static void set_mem_bytes(DecodeState *s, const X86InsnRow *row)
{
    X86Insn *insn = s->insn;
    bool code64 = s->mode->code_bits == 64;

    for (unsigned i = 0; i < row->nr_ops; i++) {
        switch (row->op_kind[i]) {
        case X86_OPK_E:
        case X86_OPK_M:
        case X86_OPK_W:
        case X86_OPK_Q:
        case X86_OPK_O:
            insn->mem_bytes = x86_operand_bytes(insn, i, code64);
            return;
        }
    }
}

static bool decode_operands(DecodeState *s, const X86InsnRow *row)
{
    X86Insn *insn = s->insn;
    unsigned shift = 0;

    insn->opsize = operand_size(s, row);
    insn->addrsize = address_size(s);
    insn->base = insn->index = X86_BASE_NONE;
    if (row->plus_r) {
        insn->rm = (s->opcode & 7) | (s->rex & REX_B ? 8 : 0);
    }
    if (row->has_modrm && !decode_modrm(s, row)) {
        return false;
    }
    if (insn->seg == SEG_DEFAULT) {
        insn->seg = default_segment_is_ss(insn) ? R_SS : R_DS;
    }
    set_mem_bytes(s, row);
    for (unsigned i = 0; i < row->nr_ops; i++) {
        if (!decode_immediate(s, row, i, &shift)) {
            return false;
        }
    }
    return checks(s, row);
}

static bool decode(DecodeState *s)
{
    const X86InsnRow *row;

    if (!decode_prefixes(s) || !decode_opcode(s)) {
        return false;
    }
    if (x86_buckets[s->map][s->opcode].has_modrm && !fetch_byte(s, &s->insn->modrm)) {
        return false;
    }
    row = find_row(s);
    if (!row) {
        return fail(s, X86_DECODE_INVALID);
    }
    return decode_operands(s, row);
}

X86DecodeResult x86_decode(X86Insn *insn, const uint8_t *bytes, unsigned avail,
                           const X86DecodeMode *mode)
{
    DecodeState s = { .bytes = bytes, .avail = avail, .mode = mode, .insn = insn };

    memset(insn, 0, sizeof(*insn));
    if (!decode(&s)) {
        insn->len = s.pos;
        return s.result;
    }
    insn->len = s.pos;
    return X86_DECODE_OK;
}

unsigned x86_nr_insn_rows(void)
{
    return X86_NR_ROWS;
}

const X86InsnRow *x86_insn_row(unsigned row)
{
    return &x86_insn_rows[row];
}
