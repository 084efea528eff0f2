/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test helper, see insn-gen.h. */
#include "qemu/osdep.h"
#include "tests/tcg/insn-gen.h"

uint64_t rng_next(Rng *r)
{
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return r->s * 0x2545f4914f6cdd1dull;
}

/* ---- From a row ------------------------------------------------------------------------------ */

static bool has_kind(const X86InsnRow *row, unsigned kind)
{
    for (unsigned i = 0; i < row->nr_ops; i++) {
        if (row->op_kind[i] == kind) {
            return true;
        }
    }
    return false;
}

static uint8_t gen_modrm(Rng *r, const X86InsnRow *row)
{
    uint8_t b = rng_next(r);

    if (row->modrm) {
        return row->modrm;
    }
    if (row->mod == 1) {
        b = (b & 0x3f) | rng_below(r, 3) << 6;
    } else if (row->mod == 2 || row->attrs & X86_A_crdr) {
        b |= 0xc0;
    }
    if (row->reg != 8) {
        b = (b & 0xc7) | row->reg << 3;
    }
    if (has_kind(row, X86_OPK_S)) {
        b = (b & 0xc7) | (2 + rng_below(r, 4)) << 3;
    }
    if (has_kind(row, X86_OPK_C)) {
        b = (b & 0xc7) | (2 + rng_below(r, 3)) << 3;
    }
    return row->attrs & X86_A_vsib ? (b & 0xf8) | 4 : b;
}

static unsigned gen_vex(Rng *r, const X86InsnRow *row, unsigned code_bits, uint8_t *out)
{
    static const uint8_t pp[6] = { 0, 0, 1, 2, 3, 0 };
    uint8_t vvvv = has_kind(row, X86_OPK_H) || has_kind(row, X86_OPK_B) ? rng_next(r) & 15 : 0;
    uint8_t l = row->l ? row->l - 1 : rng_next(r) & 1, w = row->w ? row->w - 1 : rng_next(r) & 1;

    out[0] = 0xc4;
    out[1] = (code_bits == 64 ? rng_next(r) & 0xe0 : 0xe0) | row->map;
    out[2] = w << 7 | (~vvvv & (code_bits == 64 ? 15 : 7)) << 3 | l << 2 | pp[row->prefix];
    if (code_bits != 64) {
        out[2] |= 0x40;
    }
    return 3;
}

static unsigned gen_legacy(Rng *r, const X86InsnRow *row, unsigned code_bits, uint8_t *out)
{
    static const uint8_t prefix[6] = { 0, 0, 0x66, 0xf3, 0xf2, 0 };
    unsigned n = 0;

    if ((row->prefix == 0 || row->prefix == 5) && !rng_below(r, 4)) {
        out[n++] = 0x66;
    }
    if (prefix[row->prefix]) {
        out[n++] = prefix[row->prefix];
    }
    if (code_bits == 64 && (row->w || rng_below(r, 2))) {
        uint8_t w = row->w ? row->w - 1 : rng_next(r) & 1;

        /* Keep REX.R away from the segment, control and debug registers that do not exist. */
        out[n++] = 0x40 | w << 3 | (rng_next(r) & (has_kind(row, X86_OPK_C) ||
                                                   has_kind(row, X86_OPK_D) ? 3 : 7));
    } else if (row->w == 2) {
        return 0;
    }
    if (row->map) {
        out[n++] = 0x0f;
    }
    if (row->map > 1) {
        out[n++] = row->map == 2 ? 0x38 : 0x3a;
    }
    return n;
}

bool gen_row_bytes(Rng *r, unsigned row_nr, unsigned code_bits, uint8_t out[15])
{
    const X86InsnRow *row = x86_insn_row(row_nr);
    unsigned n;

    for (unsigned i = 0; i < 15; i++) {
        out[i] = rng_next(r);
    }
    if (row->attrs & (code_bits == 64 ? X86_A_i64 : X86_A_o64)) {
        return false;
    }
    n = row->vex ? gen_vex(r, row, code_bits, out) : gen_legacy(r, row, code_bits, out);
    if (n == 0 && row->w == 2) {
        return false;
    }
    out[n++] = row->opcode + (row->plus_r ? rng_below(r, 8) : 0);
    if (row->has_modrm) {
        out[n] = gen_modrm(r, row);
    }
    return true;
}

/* ---- At random ------------------------------------------------------------------------------- */

void gen_random_bytes(Rng *r, uint8_t out[15])
{
    static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x2e, 0x64, 0x48, 0x41 };
    unsigned n = 0;

    for (unsigned i = 0; i < 15; i++) {
        out[i] = rng_next(r);
    }
    while (rng_below(r, 2) && n < 5) {
        out[n++] = prefixes[rng_below(r, sizeof(prefixes))];
    }
    switch (rng_below(r, 6)) {
    case 0:
    case 1:
        out[n++] = 0x0f;
        break;
    case 2:
        out[n++] = 0x0f;
        out[n++] = rng_below(r, 2) ? 0x38 : 0x3a;
        break;
    case 3:
        n = rng_below(r, 4) ? 0 : n;
        out[n++] = 0xc4;
        out[n++] = (rng_next(r) & 0xe0) | (1 + rng_below(r, 3));
        break;
    case 4:
        n = rng_below(r, 4) ? 0 : n;
        out[n++] = 0xc5;
        break;
    }
}
