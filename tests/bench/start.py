#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Start-up, CPU queries and memory: stock QEMU and this binary in turn, medians and ratios.

usage: start.py [--ours PATH] [--peer PATH] [--rounds N]
"""
import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

GUEST_RAM_MIB = 128
HERE = os.path.dirname(os.path.abspath(__file__))


class VM:
    """A stopped VM with a QMP connection on a socket pair: no polling for a socket to appear."""

    def __init__(self, binary, args):
        self.dir = tempfile.TemporaryDirectory()
        path = os.path.join(self.dir.name, 'qmp')
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(20)
        self.start = time.perf_counter()
        self.process = subprocess.Popen(
            [binary, '-nodefaults', '-no-user-config', '-display', 'none', '-S',
             '-chardev', f'socket,id=c,path={path}', '-mon', 'chardev=c,mode=control', *args],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            self.process.kill()
            sys.exit(f'{binary} {" ".join(args)}: {self.process.stderr.read().decode()}')
        connection.settimeout(60)
        self.file = connection.makefile('rwb')
        json.loads(self.file.readline())
        self.greeting_s = time.perf_counter() - self.start
        self.command('qmp_capabilities')

    def command(self, name, **arguments):
        self.file.write(json.dumps({'execute': name, 'arguments': arguments}).encode() + b'\n')
        self.file.flush()
        while True:
            reply = json.loads(self.file.readline())
            if 'event' not in reply:
                return reply['return']

    def cpu_s(self):
        """Processor time of the process so far, from the kernel's nanosecond counters."""
        total = 0
        for task in os.listdir(f'/proc/{self.process.pid}/task'):
            with open(f'/proc/{self.process.pid}/task/{task}/schedstat', encoding='ascii') as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def memory_mib(self):
        """PSS beyond guest RAM: mappings of exactly its size do not count."""
        total, size = 0, 0
        with open(f'/proc/{self.process.pid}/smaps', encoding='ascii') as f:
            for line in f:
                if line.startswith('Size:'):
                    size = int(line.split()[1])
                elif line.startswith('Pss:') and size != GUEST_RAM_MIB * 1024:
                    total += int(line.split()[1])
        return total / 1024

    def quit(self):
        self.file.write(b'{"execute": "quit"}\n')
        self.file.flush()
        self.process.wait(20)
        self.dir.cleanup()


def query_cpu_s(vm, times, name, **arguments):
    before = vm.cpu_s()
    for _ in range(times):
        vm.command(name, **arguments)
    return (vm.cpu_s() - before) / times


def measure(binary, accel):
    """One round: {row: value}."""
    vm = VM(binary, ['-M', 'none', '-accel', accel])
    row = {'greeting, -M none (ms)': vm.greeting_s * 1e3}
    row['query-cpu-definitions (CPU ms)'] = query_cpu_s(vm, 10, 'query-cpu-definitions') * 1e3
    for kind in ('static', 'full'):
        row[f'query-cpu-model-expansion {kind} (CPU ms)'] = 1e3 * query_cpu_s(
            vm, 20, 'query-cpu-model-expansion', type=kind, model={'name': 'qemu64'})
    vm.quit()
    vm = VM(binary, ['-M', 'q35', '-accel', accel, '-m', str(GUEST_RAM_MIB), '-cpu', 'qemu64'])
    row['greeting, -M q35 (ms)'] = vm.greeting_s * 1e3
    row['PSS beyond guest RAM, -M q35 (MiB)'] = vm.memory_mib()
    vm.quit()
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--ours', default=os.path.join(HERE, '../../build/qemu-system-x86_64'))
    parser.add_argument('--peer', default='/usr/bin/qemu-system-x86_64')
    parser.add_argument('--accel', default='kvm')
    parser.add_argument('--rounds', type=int, default=11)
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rounds = {'peer': [], 'ours': []}
    for _ in range(args.rounds):
        for who in rounds:
            rounds[who].append(measure(getattr(args, who), args.accel))
    print(f'{"median of " + str(args.rounds) + " rounds in turn":46} {"QEMU":>9} {"ours":>9} ratio')
    for row in rounds['peer'][0]:
        peer, ours = (statistics.median(r[row] for r in rounds[who]) for who in ('peer', 'ours'))
        print(f'{row:46} {peer:9.2f} {ours:9.2f} {ours / peer:5.2f}')


if __name__ == '__main__':
    main()
