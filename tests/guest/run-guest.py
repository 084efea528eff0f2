#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one bare-metal guest and shows what it says; exit status 0 when it passed, 77 when nothing
could be checked.

usage: run-guest.py [--timeout S] QEMU GUEST.elf [-append WORDS] [QEMU options]
"""
import subprocess
import sys

PASSED, SKIPPED = 1, 77  # status of the process, see tests/guest/lib/guest-exit.h


def main():
    args = sys.argv[1:]
    limit = 600
    if args[0] == '--timeout':
        limit, args = int(args[1]), args[2:]
    cmd = [args[0], '-M', 'q35', '-m', '256', '-nodefaults', '-no-reboot', '-display', 'none',
           '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
           '-kernel', args[1]] + args[2:]
    try:
        run = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=limit, check=False)
    except subprocess.TimeoutExpired as e:
        sys.stdout.write((e.stdout or b'').decode(errors='replace'))
        sys.exit(f'no end within {limit} s')
    text = run.stdout.decode(errors='replace')
    # Only what needs attention, unless all is lost.
    for line in text.splitlines():
        if run.returncode not in (PASSED, SKIPPED) or not line.startswith('PASS'):
            print(line)
    if run.returncode not in (PASSED, SKIPPED) or 'SUMMARY:' not in text:
        sys.exit(f'status {run.returncode} of {" ".join(cmd)}')
    sys.exit(SKIPPED if run.returncode == SKIPPED else 0)


main()
