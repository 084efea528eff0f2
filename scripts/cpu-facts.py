#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reduces the JSON files of CPU facts to what test_cpu_compare.py computes with.

usage: cpu-facts.py FACTS-DIR > tests/data/cpu/models-10.2.txt

FACTS-DIR holds cpu-features.json and cpu-models.json. The lines:
  word WORD NAME...              the features of a word, in order; words in order
  needs NAME... : NAME...        without any of the first the second go; evaluated in this order
  tcg-off NAME..., kvm-only NAME...
  model NAME VENDOR
  v VERSION FAMILY MODEL STEPPING AVX10 [+-]NAME...   a version: the difference to the line before, from nothing at v1
"""
import json
import sys


def load(name):
    with open(sys.argv[1] + '/' + name, encoding='utf-8') as f:
        return json.load(f)


def main():
    features, models = load('cpu-features.json'), load('cpu-models.json')
    print('# Written by scripts/cpu-facts.py: QEMU 10.2, without accelerator and machine.')
    words = [w for w in features['words'] if w['order_10_2'] is not None]
    for word in sorted(words, key=lambda w: w['order_10_2']):
        names = [b['name'] for b in word['bits'] if b['name'] and b['since'] in ('7.2', '10.2')]
        if names:
            print('word', word['id'], *names)
    for rule in features['dependencies']['rules_10_2']:
        if rule['features']:
            print('needs', *rule['requires_any_of'], ':', *rule['features'])
    defaults = models['accelerator_defaults']['tcg_default_props_after_model']
    print('tcg-off', *[name for name, value in defaults.items() if value == 'off'])
    print('kvm-only', *[b['name'] for w in words if w.get('leaf') == 0x40000001 and w['reg'] == 'EAX'
                        for b in w['bits'] if b['name']])
    for model in models['models']:
        if not model['highest_version_10_2']:
            continue
        print('model', model['name'], model['vendor'])
        before = set()
        for version in model['versions'][:model['highest_version_10_2']]:
            now = set(version['features_full'])
            effective = version['effective']
            print('v', version['version'], effective['family'], effective['model'],
                  effective['stepping'], effective['avx10-version'],
                  *['+' + n for n in sorted(now - before)],
                  *['-' + n for n in sorted(before - now)])
            before = now


main()
