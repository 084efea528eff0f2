#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the decoder's tables (insn-tables.h) from insn.def.

usage: gen-decode.py insn.def output.h

A row becomes one entry of x86_insn_rows and one candidate in the list of each opcode it stands
for; rows with an avx attribute also become their VEX forms. Rows that can never be reached, or
that contradict each other about having a ModRM byte, are errors here, not surprises later.
"""
import re
import sys

ROW = re.compile(r'^INSN\("([^"]*)",\s*"([^"]*)",\s*"([^"]*)",\s*"([^"]*)",\s*(\w+),\s*(\w+)\)$')
LETTERS = 'EGMRBVWUHLPQNIJAOSCDZXY'
SIZES = ['', 'b', 'w', 'd', 'q', 'v', 'z', 'y', 'p', 's', 'a', 'n', 'dq', 'qq', 'x', 'h', 'o', 'e',
         't', 'ss', 'sd', 'ps', 'pd']
IMPLIED = ['AL', 'CL', 'rAX', 'zAX', 'AX', 'DX', '1', 'ST', 'STi', 'XMM0', 'ES', 'CS', 'SS', 'DS',
           'FS', 'GS']
ATTRS = ['i64', 'o64', 'd64', 'd64s', 'f64', 'lock', 'rep', 'cpl0', 'end', 'u', 'al', 'np', 'ro',
         'io', 'nf', 'vsib', 'crdr', 'r32']
AVX_ATTRS = ['avx', 'avx2', 'avx128', 'avxlig']
PREFIXES = {'': 0, 'NP': 1, '66': 2, 'F3': 3, 'F2': 4, 'N3': 5}
MAPS = {'': 0, '0F': 1, '0F38': 2, '0F3A': 3}
FLAG_BITS = {'c': 0x1, 'p': 0x4, 'a': 0x10, 'z': 0x40, 's': 0x80, 'd': 0x400, 'o': 0x800}
NEEDS_MODRM = 'EGMRVWUPQNSCDB'


class Row:
    """One instruction form: what ends up in x86_insn_rows."""

    def __init__(self, line, text):
        m = ROW.match(text)
        if not m:
            sys.exit(f'insn.def:{line}: not an INSN row: {text}')
        enc, insn, attrs, flags, self.gate, self.handler = m.groups()
        self.line = line
        self.gate2 = 'ALWAYS'
        self.attrs = attrs.split()
        self.name, _, ops = insn.partition(' ')
        self.ops = [self.operand(o) for o in ops.split(',')] if ops else []
        self.flags = self.parse_flags(flags)
        self.prefix = self.map = self.w = self.l = self.mod = 0
        self.reg, self.modrm, self.plus_r, self.vex = 8, None, False, False
        self.parse_encoding(enc.split())
        for a in self.attrs:
            if a not in ATTRS + AVX_ATTRS:
                self.fail(f'unknown attribute {a}')

    def fail(self, text):
        sys.exit(f'insn.def:{self.line}: {text}')

    def operand(self, text):
        if text in IMPLIED:
            return (text, '')
        if text[0] in LETTERS and text[1:] in SIZES:
            return (text[0], text[1:])
        return self.fail(f'unknown operand {text}')

    def parse_flags(self, text):
        got = {'r': 0, 'w': 0, 'u': 0}
        for part in text.split():
            kind, _, letters = part.partition(':')
            for c in letters:
                got[kind] |= FLAG_BITS[c]
        return got

    def parse_vex(self, token):
        _, length, pp, mapname, w = token.split('.')
        self.vex = True
        self.l = {'ANY': 0, 'LIG': 0, '128': 1, '256': 2}[length]
        self.prefix = PREFIXES[pp]
        self.map = MAPS[mapname]
        self.w = {'W0': 1, 'W1': 2, 'WIG': 0, 'WY': 0}[w]

    def parse_encoding(self, tokens):
        opcode = None
        for i, t in enumerate(tokens):
            if t.startswith('VEX.'):
                self.parse_vex(t)
            elif opcode is None and i + 1 < len(tokens) and tokens[i + 1][0] not in '/=' and \
                    (t in PREFIXES or t in ('W0', 'W1') or t in MAPS):
                self.parse_prefix(t)
            elif t.startswith('/'):
                r, _, mod = t[1:].partition(':')
                self.reg = 8 if r == 'r' else int(r)
                self.mod = {'': 0, 'm': 1, 'r': 2}[mod]
            elif t.startswith('='):
                self.modrm = int(t[1:], 16)
            else:
                self.plus_r = t.endswith('+r')
                opcode = int(t[:2], 16)
        self.opcode = opcode

    def parse_prefix(self, t):
        if t in ('W0', 'W1'):
            self.w = 1 + int(t[1])
        elif t in MAPS:
            self.map = MAPS[t]
        else:
            self.prefix = PREFIXES[t]

    def has_modrm(self):
        return self.reg != 8 or self.mod != 0 or self.modrm is not None or \
            any(o[0] in NEEDS_MODRM and len(o[0]) == 1 for o in self.ops)

    def derive(self):
        """The row itself and its VEX forms."""
        kinds = [a for a in self.attrs if a in AVX_ATTRS]
        self.attrs = [a for a in self.attrs if a not in AVX_ATTRS]
        all_ops = self.ops
        if not self.vex:
            self.ops = [o for o in all_ops if o[0] != 'H' or not self.legacy_h_is_reg()]
            if all_ops and all_ops[0][0] == 'H':
                self.ops = all_ops[1:]
        rows = [self]
        for kind in kinds:
            for length, gate in {'avx': [(0, 'AVX')], 'avx2': [(1, 'AVX'), (2, 'AVX2')],
                                 'avx128': [(1, 'AVX')], 'avxlig': [(0, 'AVX')]}[kind]:
                v = object.__new__(Row)
                v.__dict__.update(self.__dict__)
                v.vex, v.l, v.name, v.ops = True, length, 'V' + self.name, all_ops
                v.gate2 = gate
                if self.gate not in ('AES', 'PCLMULQDQ'):
                    v.gate, v.gate2 = gate, 'ALWAYS'
                rows.append(v)
        return rows

    def legacy_h_is_reg(self):
        return True

    def c_ops(self):
        kinds, sizes = [], []
        for letter, size in self.ops:
            kinds.append('X86_OPK_' + ('ONE' if letter == '1' else letter))
            sizes.append('X86_OPS_' + (size or 'none'))
        return ', '.join(kinds), ', '.join(sizes)


def emit(rows, index, cands, bucket_modrm, out):
    p = lambda s: print(s, file=out)
    p('/* Made by gen-decode.py from insn.def. Do not edit. */')
    handlers = sorted({r.handler for r in rows})
    p('enum {')
    for h in handlers:
        p(f'    X86_H_{h},')
    p(f'    X86_NR_HANDLERS = {len(handlers)},\n    X86_NR_ROWS = {len(rows)},\n}};')
    p('#ifdef X86_DECODE_TABLES')
    p('static const X86InsnRow x86_insn_rows[X86_NR_ROWS] = {')
    for r in rows:
        kinds, sizes = r.c_ops()
        attrs = ' | '.join('X86_A_' + a for a in r.attrs) or '0'
        ops = ','.join(a + b for a, b in r.ops)
        p(f'    {{ "{r.name}", "{ops}", X86_H_{r.handler}, {len(r.ops)}, {{ {kinds or "0"} }}, '
          f'{{ {sizes or "0"} }}, {attrs}, {r.flags["r"]:#x}, {r.flags["w"]:#x}, '
          f'{r.flags["u"]:#x}, GATE({r.gate}), GATE({r.gate2}), {r.map}, {r.opcode:#x}, '
          f'{r.prefix}, {int(r.vex)}, {r.w}, {r.l}, {r.mod}, {r.reg}, {r.modrm or 0:#x}, '
          f'{int(r.plus_r)}, {int(r.has_modrm())} }},')
    p('};\nstatic const uint16_t x86_cands[] = {')
    for i in range(0, len(cands), 16):
        p('    ' + ' '.join(f'{c},' for c in cands[i:i + 16]))
    p('};\nstatic const X86Bucket x86_buckets[7][256] = {')
    for m in range(7):
        p('    {')
        for op in range(256):
            if (m, op) in index:
                first, count = index[m, op]
                p(f'        [{op:#x}] = {{ {first}, {count}, {int(bucket_modrm[m, op])} }},')
        p('    },')
    p('};\n#endif')


def main():
    rows = []
    for n, line in enumerate(open(sys.argv[1], encoding='ascii'), 1):
        if line.startswith('INSN('):
            rows += Row(n, line.rstrip()).derive()
    buckets = {}
    for i, r in enumerate(rows):
        m = r.map + (3 if r.vex else 0)
        for op in range(r.opcode, r.opcode + (8 if r.plus_r else 1)):
            buckets.setdefault((m, op), []).append(i)
    index, cands, modrm = {}, [], {}
    for key, lst in sorted(buckets.items()):
        has = {rows[i].has_modrm() for i in lst}
        if len(has) != 1:
            rows[lst[0]].fail(f'rows of opcode {key} disagree about ModRM')
        modrm[key] = has.pop()
        index[key] = (len(cands), len(lst))
        cands += lst
    with open(sys.argv[2], 'w', encoding='ascii') as out:
        emit(rows, index, cands, modrm, out)


main()
