#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of docs/devel/style.rst that a script can check.

usage: check-style.py [--root DIR] CHECK...      (see --list)
Prints FILE:LINE: message for each breach; exit status 1 when there is one.
"""
import argparse
import os
import re
import subprocess
import sys

MAX_FILE = 1500
MAX_FUNCTION = 80
DATA_FILES = re.compile(r'(cpu-models-\w+\.c|\.def|options\.c)$')

# What a folder may include, most specific folder first. Everything may include its own folder.
# A header's layer is the folder of the code that implements it.
LAYERS = [
    ('util', []),
    ('qapi', ['util']),
    ('hw/core', ['util', 'qapi', 'system']),
    ('migration', ['util', 'qapi', 'hw/core', 'system', 'block', 'chardev']),
    ('system', ['util', 'qapi', 'hw/core', 'migration', 'chardev']),
    ('block', ['util', 'qapi', 'system']),
    ('chardev', ['util', 'qapi', 'hw/core', 'system']),
    ('accel', ['util', 'qapi', 'hw/core', 'system', 'target/i386', 'hw/intc']),
    ('target/i386', ['util', 'qapi', 'hw/core', 'system', 'hw/intc', 'migration', 'accel']),
    ('hw/i386', ['*']),
    ('backends', ['util', 'qapi', 'hw/core', 'system', 'chardev']),
    ('net', ['util', 'qapi', 'hw/core', 'system', 'chardev']),
    ('hw', ['util', 'qapi', 'hw', 'system', 'block', 'chardev', 'backends', 'migration', 'net']),
    ('gdbstub', ['util', 'qapi', 'hw', 'system', 'chardev', 'target/i386']),
    ('monitor', ['util', 'qapi', 'hw', 'system', 'backends', 'block', 'chardev',
                 'target/i386', 'gdbstub', 'migration', 'net']),
    ('tests', ['*']),
    ('scripts', ['*']),
]
# main() sits above everything.
TOP_FILES = {'system/main.c'}
# Headers under include/ and the layer they belong to.
HEADER_LAYERS = [
    ('qemu/', 'util'), ('qapi/', 'qapi'), ('hw/core/', 'hw/core'), ('hw/i386/', 'hw/i386'),
    ('hw/intc/', 'hw/intc'), ('hw/', 'hw'), ('system/', 'system'), ('block/', 'block'), ('chardev/', 'chardev'),
    ('monitor/', 'monitor'), ('migration/', 'migration'), ('target/i386/', 'target/i386'),
    ('accel/', 'accel'), ('backends/', 'backends'), ('gdbstub/', 'gdbstub'), ('net/', 'net'),
]
# Types that cross layers as pointers in plain-data headers: any layer may include these.
SHARED_HEADERS = {'hw/intc/seoib.h', 'trace.h', 'config-host.h'}
KVM_DIRS = ('accel/kvm/', 'target/i386/kvm/', 'tests/')

BANNED = {
    'strcpy': 'g_strlcpy or g_strdup', 'strcat': 'GString', 'sprintf': 'g_snprintf',
    'vsprintf': 'g_vsnprintf', 'malloc': 'g_malloc or g_try_malloc', 'calloc': 'g_new0',
    'realloc': 'g_renew', 'strdup': 'g_strdup', 'strtol': 'qemu_strtoi64',
    'strtoul': 'qemu_strtou64', 'strtoll': 'qemu_strtoi64', 'strtoull': 'qemu_strtou64',
    'atoi': 'qemu_strtoi64', 'gets': 'fgets', 'strtok': 'g_strsplit', 'alloca': 'the heap',
}
EXITS = ('exit', '_exit', 'abort', 'quick_exit')
EXIT_FILES = {'system/main.c', 'system/daemon.c', 'util/error.c'}


def tracked(root):
    try:
        out = subprocess.run(['git', '-C', root, 'ls-files', '-co', '--exclude-standard'],
                             check=True, capture_output=True, text=True).stdout.split('\n')
        return sorted(f for f in out if f and os.path.exists(os.path.join(root, f)))
    except (OSError, subprocess.CalledProcessError):
        found = []
        for base, dirs, files in os.walk(root):
            dirs[:] = [d for d in dirs if not d.startswith(('.', 'build'))]
            found += [os.path.relpath(os.path.join(base, f), root) for f in files]
        return sorted(found)


def blank_comments_and_strings(text):
    """Same length and line structure, without what is not code."""
    def blank(match):
        s = match.group(0)
        if s.startswith(('"', "'")):
            return s[0] + ' ' * (len(s) - 2) + s[0]
        return re.sub(r'[^\n]', ' ', s)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


class Source:
    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding='utf-8') as f:
            self.text = f.read()
        self.code = blank_comments_and_strings(self.text)
        self.lines = self.text.split('\n')
        self.code_lines = self.code.split('\n')

    def functions(self):
        """(name, first line, last line) of each function definition."""
        start = None
        for number, line in enumerate(self.code_lines, 1):
            if line.startswith('{') and start is None:
                head = number - 1
                while head > 0 and self.code_lines[head - 1].strip() and \
                        not self.code_lines[head - 1].startswith(('}', '#')):
                    head -= 1
                text = ' '.join(self.code_lines[head:number - 1])
                match = re.search(r'(\w+)\s*\(', text)
                if match and '=' not in text.split('(')[0]:
                    start = (match.group(1), number)
            elif line.startswith('}') and start:
                yield start[0], start[1], number
                start = None


def layer_of_file(path):
    if path.startswith('include/'):
        return layer_of_header(path[len('include/'):])
    for layer, _ in sorted(LAYERS, key=lambda l: -len(l[0])):
        if path.startswith(layer + '/'):
            return path.rsplit('/', 1)[0] if layer == 'hw' else layer
    return None


def layer_of_header(header):
    for prefix, layer in HEADER_LAYERS:
        if header.startswith(prefix):
            return header.rsplit('/', 1)[0] if layer == 'hw' else layer
    return None


def allowed(layer):
    for name, may in sorted(LAYERS, key=lambda l: -len(l[0])):
        if layer == name or layer.startswith(name + '/'):
            return may
    return ['*']


def check_size(sources):
    for s in sources:
        if len(s.lines) > MAX_FILE and not DATA_FILES.search(s.path):
            yield s.path, 1, f'{len(s.lines)} lines, more than {MAX_FILE}'
        for name, first, last in s.functions():
            if last - first - 1 > MAX_FUNCTION:
                yield s.path, first, f'{name}() has {last - first - 1} lines, more than {MAX_FUNCTION}'


def check_includes(sources):
    for s in sources:
        own = layer_of_file(s.path)
        for number, line in enumerate(s.lines, 1):
            match = re.match(r'#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            header = match.group(2)
            if header in ('linux/kvm.h', 'asm/kvm.h') and not s.path.startswith(KVM_DIRS):
                yield s.path, number, f'only {", ".join(KVM_DIRS)} include <{header}>'
            if match.group(1) == '<' or header in SHARED_HEADERS or own is None \
                    or s.path in TOP_FILES:
                continue
            layer = layer_of_header(header)
            may = allowed(own)
            if layer and layer != own and '*' not in may and not any(
                    layer == m or layer.startswith(m + '/') for m in may):
                yield s.path, number, f'{own} must not include {header} ({layer})'
        if s.path.endswith('.c') and not s.path.startswith(('tests/', 'scripts/')):
            includes = re.findall(r'^#\s*include\s+[<"]([^>"]+)', s.text, re.M)
            if includes and includes[0] != 'qemu/osdep.h':
                yield s.path, 1, 'qemu/osdep.h is not the first include'


def check_banned(sources):
    for s in sources:
        if s.path.startswith('tests/'):
            continue
        for number, line in enumerate(s.code_lines, 1):
            for match in re.finditer(r'(?<![\w.>])(\w+)\s*\(', line):
                if match.group(1) in BANNED:
                    name = match.group(1)
                    yield s.path, number, f'{name}() is banned: use {BANNED[name]}'


def check_exits(sources):
    for s in sources:
        if s.path.startswith('tests/') or s.path in EXIT_FILES:
            continue
        for number, line in enumerate(s.code_lines, 1):
            for match in re.finditer(r'(?<![\w.>])(\w+)\s*\(', line):
                if match.group(1) in EXITS:
                    yield s.path, number, f'{match.group(1)}() outside main()'


GLOBAL = re.compile(r'^(?:static\s+)?(?:__thread\s+)?(?!const\b|typedef\b|return\b|extern\b|struct\s+\w+;'
                    r'|enum\b|union\b|goto\b|else\b)[A-Za-z_][\w\s\*]*?\b(\w+)(?:\[[^\]]*\])*\s*(?:=|;|,)')


def is_const(declaration):
    """Whether the declared variable itself (not what it points to) is const."""
    before, _, after = declaration.rpartition('*')
    return bool(re.search(r'\bconst\b', after if before else declaration))


def check_globals(sources, root):
    known = set()
    with open(os.path.join(root, 'scripts/globals.txt'), encoding='utf-8') as f:
        for line in f:
            line = line.split('#')[0].strip()
            if line:
                known.add(line)
    seen = set()
    for s in sources:
        if not s.path.endswith('.c') or s.path.startswith('tests/'):
            continue
        depth = 0
        for number, line in enumerate(s.code_lines, 1):
            if depth == 0 and re.match(r'[A-Za-z_]', line) and '(' not in line.split('=')[0] \
                    and not is_const(line.split('=')[0]):
                match = GLOBAL.match(line)
                if match:
                    name = f'{s.path}:{match.group(1)}'
                    seen.add(name)
                    if name not in known:
                        yield s.path, number, f'global variable {match.group(1)} is not in ' \
                            'scripts/globals.txt (name its lock there, or do without)'
            depth += line.count('{') - line.count('}')
        for match in re.finditer(r'^} (\w+)(?:\[\w*\])* *(?:=|;)', s.code, re.M):
            before = s.code[:match.start()]
            opener = re.findall(r'^(\w[^\n;]*)\{$', before, re.M)
            if opener and not re.search(r'\b(typedef|const)\b', opener[-1]):
                name = f'{s.path}:{match.group(1)}'
                seen.add(name)
                if name not in known:
                    line = before.count('\n') + 1
                    yield s.path, line, f'global variable {match.group(1)} is not in scripts/globals.txt'
    for name in sorted(known - seen):
        yield 'scripts/globals.txt', 1, f'{name} no longer exists'


def check_devices(sources):
    for s in sources:
        for match in re.finditer(r'^(?:static )?const DeviceType (\w+) = \{\n(.*?)^\};', s.code, re.M | re.S):
            if '.migration' not in match.group(2) and '.abstract = true' not in match.group(2):
                line = s.code[:match.start()].count('\n') + 1
                yield s.path, line, f'{match.group(1)} does not say what migration does with its state'


def check_heads(sources):
    for s in sources:
        if 'SPDX-License-Identifier: GPL-2.0-or-later' not in '\n'.join(s.lines[:3]):
            yield s.path, 1, 'no SPDX line'


def check_layout(sources):
    for s in sources:
        for number, line in enumerate(s.lines, 1):
            if len(line) > 100 and not DATA_FILES.search(s.path) and \
                    s.path.endswith(('.c', '.h')):
                yield s.path, number, f'{len(line)} columns, more than 100'
            if '\t' in line and s.path.endswith(('.c', '.h', '.py')):
                yield s.path, number, 'tab'
            if line != line.rstrip():
                yield s.path, number, 'white space at the end'


CHECKS = {
    'size': check_size, 'includes': check_includes, 'banned': check_banned, 'exits': check_exits,
    'globals': check_globals, 'devices': check_devices, 'heads': check_heads,
    'layout': check_layout,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--root', default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument('--list', action='store_true', help='print the names of the checks')
    parser.add_argument('check', nargs='*', metavar='CHECK', help='default: all')
    args = parser.parse_args()
    if args.list:
        print('\n'.join(CHECKS))
        return 0
    sources = [Source(args.root, f) for f in tracked(args.root)
               if f.endswith(('.c', '.h', '.def', '.S')) or
               (f.endswith('.py') and f.startswith('scripts/'))]
    c_sources = [s for s in sources if s.path.endswith(('.c', '.h'))]
    breaches = 0
    for name in args.check or CHECKS:
        if name == 'globals':
            found = check_globals(c_sources, args.root)
        else:
            found = CHECKS[name](sources if name in ('heads', 'layout') else c_sources)
        for path, line, message in found:
            print(f'{path}:{line}: {message}')
            breaches += 1
    if breaches:
        print(f'{breaches} breaches of docs/devel/style.rst')
    return 1 if breaches else 0


if __name__ == '__main__':
    sys.exit(main())
