#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sorts all CPU property names into one table.

usage: x86-cpu-props.py cpu-features.def cpu-props.def OUTPUT

Reads the rows FEATURE, ALIAS, PROP, HYPERV and PROP_ALIAS and writes rows that cpu-props.c includes,
one a name, in strcmp() order. Features with one name at several bits become one row with all bits.
"""
import re
import sys

ROW = re.compile(r'^(FEATURE|ALIAS|PROP|HYPERV|PROP_ALIAS)\((.*)\)$')


def rows(path):
    for number, line in enumerate(open(path, encoding='ascii'), 1):
        match = ROW.match(line.strip())
        if match:
            yield number, match.group(1), [a.strip() for a in match.group(2).split(',')]


def unquote(text):
    return text.strip('"')


def add(table, where, name, row):
    if name in table:
        sys.exit(f'{where}: property "{name}" stands twice')
    table[name] = row


def features(path, table):
    bits, name_of = {}, {}
    for number, kind, cols in rows(path):
        if kind == 'FEATURE':
            word, bit, name, symbol = cols[0], int(cols[1]), unquote(cols[2]), cols[3]
            name_of[symbol] = name
            old = bits.setdefault(name, (word, 0))
            if old[0] != word:
                sys.exit(f'{path}:{number}: "{name}" stands in two words')
            bits[name] = (word, old[1] | 1 << bit)
    for name, (word, mask) in bits.items():
        add(table, path, name, f'FEATURE_PROP("{name}", {word}, {mask:#x}, S)')
    for number, kind, cols in rows(path):
        if kind == 'ALIAS':
            word, mask = bits[name_of[cols[1]]]
            name = unquote(cols[0])
            add(table, f'{path}:{number}', name, f'FEATURE_PROP("{name}", {word}, {mask:#x}, ALIAS)')


def others(path, table):
    for number, kind, cols in rows(path):
        name, where = unquote(cols[0]), f'{path}:{number}'
        if kind == 'PROP_ALIAS':
            row = table[unquote(cols[1])]
            row = row.replace(cols[1], cols[0], 1)
            row = row[:-1] + ' | ALIAS)'
        elif kind == 'HYPERV':
            row = f'HYPERV({cols[0]}, {cols[1]}, 0)'
        else:
            row = f'{kind}({", ".join(cols)})'
        add(table, where, name, row)


def main():
    table = {}
    features(sys.argv[1], table)
    others(sys.argv[2], table)
    with open(sys.argv[3], 'w', encoding='ascii') as out:
        for name in sorted(table):
            out.write(table[name] + '\n')


main()
