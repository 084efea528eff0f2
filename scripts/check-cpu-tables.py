#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares the CPU tables of the C source with the fact files they were checked against.

usage: check-cpu-tables.py FACTS-DIR CPU-DUMP

FACTS-DIR holds cpu-features.json, cpu-models.json; CPU-DUMP is the program tests/unit/cpu-dump
(ninja tests/unit/cpu-dump). Prints each difference; exit status 1 if there is one besides our own
additions, which are listed in OURS.
"""
import json
import subprocess
import sys

# What we have on top of the facts: the word, the feature, the property and the model versions.
OURS = {'words': {'KVM_CAP_X2APIC_API'}, 'props': {'x-seoib-auto', 'x-migrate-error-code',
                                                   'x2apic-seoib'}}
NOTE = 'with x2apic-seoib'
TYPES = {'data': 1, 'instruction': 2, 'unified': 3}
LEVELS = {'core': 1, 'module': 2, 'die': 3, 'socket': 4}
CACHE_KEYS = ('size', 'line_size', 'associativity', 'partitions', 'sets', 'lines_per_tag', 'self_init',
              'no_invd_sharing', 'inclusive', 'complex_indexing')
errors = 0


def differ(what, ours, facts):
    global errors
    if ours != facts:
        errors += 1
        print(f'{what}: ours {ours!r}, facts {facts!r}')


def check_words(facts, words):
    known = [w for w in facts['words'] if w['order_10_2'] is not None]
    known.sort(key=lambda w: w['order_10_2'])
    ours = [w for w in words if w['word'] not in OURS['words']]
    differ('words', [w['word'] for w in ours], [w['message_name_10_2'] for w in known])
    for mine, fact in zip(ours, known):
        bits = [[b['bit'], b['name']] for b in fact['bits'] if b['since'] != '11.1']
        named = sum(1 << bit for bit, _ in bits)
        bad = int(fact.get('unmigratable_mask') or '0', 16)
        differ(mine['word'] + ' bits', mine['bits'], bits)
        differ(mine['word'] + ' tcg', mine['tcg'], int(fact['tcg_mask_10_2'] or '0', 16))
        differ(mine['word'] + ' migratable', mine['migratable'],
               named & ~bad | int(fact.get('migratable_unnamed_mask') or '0', 16))
        auto = int(fact.get('no_autoenable_mask') or '0', 16)
        auto |= sum(1 << b['bit'] for b in fact['bits'] if b.get('no_autoenable'))
        differ(mine['word'] + ' no_autoenable', mine['no_autoenable'], auto)


def cache_rows(caches, key):
    if not key:
        return None
    return [[TYPES[c['type']], c['level']] + [int(c.get(k, 0)) for k in CACHE_KEYS] +
            [LEVELS[c['share_level']]] for c in (caches[key][n] for n in ('l1d', 'l1i', 'l2', 'l3'))]


def prop(pair):
    name, value = pair
    if value in ('on', 'off'):
        return [name, value == 'on']
    return [name, value if name in ('model-id', 'vendor') else int(value, 0)]


def check_versions(name, mine, fact, caches):
    ours = [v for v in mine['versions'] if v['note'] != NOTE]
    known = [v for v in fact['versions'] if v['since'] != '11.1']
    differ(name + ' versions', [v['version'] for v in ours], [v['version'] for v in known])
    for a, b in zip(ours, known):
        label = b['name']
        differ(label + ' alias', a['alias'], b['alias'])
        differ(label + ' note', a['note'], b['note'])
        differ(label + ' props', a['props'], [prop(p) for p in b['props']])
        differ(label + ' caches', a['caches'], cache_rows(caches, b.get('cache')))
    for v in mine['versions'][len(ours):]:
        print(f'ours: {name}-v{v["version"]} {v["note"]!r} {v["props"]}')


def check_models(facts, features, models):
    known = [m for m in facts['models'] if any(v['since'] != '11.1' for v in m['versions'])]
    differ('models', [m['name'] for m in models], sorted(m['name'] for m in known))
    word_names = {w['id']: w['message_name_10_2'] for w in features['words']}
    facts_by_name = {m['name']: m for m in known}
    for mine in models:
        fact = facts_by_name.get(mine['name'])
        if not fact:
            continue
        for key in ('vendor', 'family', 'model', 'stepping', 'level', 'xlevel', 'model_id'):
            differ(f'{mine["name"]} {key}', mine[key], fact[key])
        want = set(fact['features']) - {'hypervisor'}
        for word, mask in (fact.get('unnamed_bits') or {}).items():
            want |= {f'{word_names[word]} bit {b}' for b in range(64) if int(mask, 16) >> b & 1}
        differ(mine['name'] + ' features', sorted(set(mine['features'])), sorted(want))
        differ(mine['name'] + ' caches', mine['caches'], cache_rows(facts['caches'], fact.get('cache')))
        check_versions(mine['name'], mine, fact, facts['caches'])


def check_props(facts, props):
    gone = {'kvm-no-smi-migration', 'legacy-memory', 'memory', 'realized'}
    want = {p['name'] for p in facts['properties'] if p['category'] != 'qom-readonly-or-child'} - gone
    for word in facts['words']:
        for bit in word['bits']:
            if bit['since'] != '11.1':
                want |= {bit['name'], *bit.get('aliases', [])}
    ours = {p['prop'] for p in props} - OURS['props']
    differ('properties', sorted(ours - want), sorted(want - ours))
    types = {p['name']: p['type'] for p in facts['properties']}
    for p in props:
        if p['prop'] in types:
            differ(p['prop'] + ' type', p['type'], types[p['prop']])


def main():
    features = json.load(open(sys.argv[1] + '/cpu-features.json', encoding='utf-8'))
    models = json.load(open(sys.argv[1] + '/cpu-models.json', encoding='utf-8'))
    lines = [json.loads(l) for l in subprocess.check_output([sys.argv[2]], text=True).splitlines()]
    check_words(features, [l for l in lines if 'word' in l])
    check_models(models, features, [l for l in lines if 'features' in l])
    check_props(features, [l for l in lines if 'prop' in l])
    print(f'{errors} differences')
    sys.exit(1 if errors else 0)


main()
