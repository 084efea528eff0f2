#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reduces captured QEMU replies to the golden files of the CPU unit tests.

usage: cpu-golden.py CAPTURES OUTPUT-DIR

CAPTURES holds qemu-7.2-tcg/ (replies to query-cpu-definitions and query-cpu-model-expansion, CPUID as
a guest reads it, -cpu help) and cli-cpu-option.json (-cpu strings with what QEMU made of them).
The output is text a person can read in a diff: what a model has in common with the one before it in
the file is left out.
"""
import json
import os
import sys

CAPTURES, OUT = sys.argv[1], sys.argv[2]
Q35 = CAPTURES + '/qemu-7.2-tcg/q35/'
WITH_SUBLEAVES = (4, 7, 0xb, 0xd)
HEAD = 'min-level min-xlevel family model stepping vendor lmce model-id'.split()


def load(path):
    return json.load(open(path, encoding='utf-8'))


def write(name, lines):
    with open(f'{OUT}/{name}', 'w', encoding='utf-8') as out:
        out.write('\n'.join(lines) + '\n')


def models():
    replies = load(Q35 + 'query-cpu-model-expansion-static.json')['replies']
    defs = {d['name']: d for d in load(Q35 + 'query-cpu-definitions.json')['reply']['return']}
    lines = ['# QEMU 7.2, -machine q35 -accel tcg: static expansion and query-cpu-definitions.',
             '# name|alias-of|' + ' '.join(HEAD[:-1]) + '|model-id|features that differ from the line '
             'before|unavailable-features',
             'order ' + ' '.join(defs)]
    before = set()
    names = None
    for name in sorted(set(replies) - {'max', 'host', 'base'}):
        props = replies[name]['return']['model']['props']
        features = {k for k, v in props.items() if k not in HEAD and v}
        names = sorted(k for k in props if k not in HEAD)
        delta = ['+' + f for f in sorted(features - before)] + ['-' + f for f in sorted(before - features)]
        before = features
        head = ' '.join(str(int(props[k])) if k != 'vendor' else (props[k] or '-') for k in HEAD[:-1])
        lines.append('|'.join([name, defs[name].get('alias-of', ''), head, props['model-id'], ' '.join(delta),
                               ' '.join(defs[name]['unavailable-features'])]))
    words = load(CAPTURES + '/../cpu-features.json')['words']
    masks = [f'mask {w["message_name_10_2"]} {w["tcg_mask_7_2"]}' for w in words
             if w['tcg_mask_7_2'] and int(w['tcg_mask_7_2'], 16)]
    lines[2:2] = ['# mask: what TCG had of a feature word'] + masks + ['features ' + ' '.join(names)]
    write('qemu-7.2-tcg-models.txt', lines)


def full():
    """What full expansion has beyond static expansion: the usual values, then who differs."""
    replies = load(Q35 + 'query-cpu-model-expansion-full.json')['replies']
    static = load(Q35 + 'query-cpu-model-expansion-static.json')['replies']
    models = {}
    for name, reply in sorted(replies.items()):
        known = static[name]['return']['model']['props']
        models[name] = {k: json.dumps(v) for k, v in reply['return']['model']['props'].items()
                        if k not in known}
    usual = models['qemu64']
    lines = ['# QEMU 7.2, -machine q35 -accel tcg: properties of full expansion that static expansion',
             '# does not have: those of qemu64, then of each model what differs.']
    lines += ['usual ' + ' '.join(f'{k}={v}' for k, v in sorted(usual.items()))]
    for name, props in models.items():
        lines.append(' '.join([name] + [f'{k}={v}' for k, v in sorted(props.items())
                                        if usual.get(k) != v]))
    write('qemu-7.2-tcg-full.txt', lines)


def cpuid():
    guests = load(Q35 + 'guest-cpuid.json')['models']
    lines = ['# QEMU 7.2, -machine q35 -accel tcg -smp 1: CPUID as a guest reads it after reset.',
             '# [model highest-basic highest-extended], then leaf.subleaf eax ebx ecx edx where it differs',
             '# from the model before;',
             '# 0 stands for four zeroes. Leaves above the highest of their range are left out: they',
             '# answer as the highest basic leaf.']
    keys = sorted({k for g in guests.values() for k in g}, key=lambda k: [int(x, 16) for x in k.split('.')])
    lines.append('keys ' + ' '.join(keys))
    before = {}
    zero = '00000000 00000000 00000000 00000000'
    for name, g in sorted(guests.items()):
        top = int(g.get('0.0', zero).split()[0], 16)
        # xlevel 0 is seen only through the answer of leaf 0x80000000
        ext = int(g.get('80000000.0', zero).split()[0], 16)
        ext = ext if ext >= 0x80000000 and ext < 0x80001000 else 0
        lines.append(f'[{name} {top:x} {ext:x}]')
        now = {}
        for k in keys:
            leaf, sub = (int(x, 16) for x in k.split('.'))
            limit = top if leaf < 0x40000000 else 0x40000001 if leaf < 0x80000000 else ext if leaf < 0xc0000000 else 0
            if leaf > limit:
                sub = sub if top in WITH_SUBLEAVES else 0
                if f'{top:x}.{sub:x}' in keys: # else the guest did not ask
                    assert g.get(k, zero) == g.get(f'{top:x}.{sub:x}', zero), (name, k)
                continue
            now[k] = g.get(k, zero)
        for k, v in now.items():
            if before.get(k) != v:
                lines.append(f'{k} {"0" if v == zero else v}')
        before = now
    write('qemu-7.2-tcg-cpuid.txt', lines)


def options():
    captured = load(CAPTURES + '/cli-cpu-option.json')['results']['11.1']['tcg']
    base = captured['qemu64,']['props']
    lines = ['# -cpu STRING with -machine q35 -accel tcg in QEMU 11.1: exit status, stderr without the',
             '# program name, and the properties of the CPU that differ from those of "qemu64,".',
             'base ' + json.dumps(base, sort_keys=True)]
    for cpu, r in captured.items():
        lines += [f'cpu {cpu}', f'rc {r["rc"]}']
        lines += ['err ' + l.removeprefix('qemu-system-x86_64: ') for l in r['stderr']]
        for k, v in sorted(r['props'].items()):
            if base[k] != v:
                lines.append(f'prop {k} {json.dumps(v)}')
    write('cpu-option.txt', lines)


os.makedirs(OUT, exist_ok=True)
models()
full()
cpuid()
options()
write('qemu-7.2-cpu-help.txt', open(CAPTURES + '/qemu-7.2-tcg/cpu-help.txt', encoding='utf-8').read().rstrip('\n').split('\n'))
