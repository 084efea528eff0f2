#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The software CPU: the same work natively, in stock QEMU's and in this binary's -accel tcg, in turn.

The guest is Debian's cloud kernel with the program of tests/bench/cpu/ as /init. Time is processor
time: of the whole emulator between two lines of the console, and of the native process. The least
of the rounds counts. Prints each row's ratios: QEMU and ours to native, ours to QEMU.

usage: cpu.py [--rounds N] [--scale X] [--only ROW,...] [--cpu MODEL] [-v]
"""
import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "nested"), os.path.join(TESTS, "functional")]
import nested  # noqa: E402
import vmm     # noqa: E402

LIMIT_S = 3600
# Greatest ratios of a kind's geometric mean to QEMU's.
AIMS = {"cpu": 4, "fp": 0.5, "jit": 0.2, "boot": 2}
END = re.compile(r"@@E (\S+) (\S+) (\d+) (\d+) ([0-9a-f]{16})$")
Row = namedtuple("Row", "kind units ns sum")


def build(folder):
    """The program and an initramfs of it."""
    binary = os.path.join(folder, "bench")
    sources = [os.path.join(HERE, "cpu", name) for name in sorted(os.listdir(os.path.join(HERE, "cpu")))]
    subprocess.run(["gcc", "-O2", "-static", "-march=x86-64", "-o", binary] +
                   [s for s in sources if s.endswith(".c")], check=True)
    archive = nested.Initramfs()
    archive.add(binary, "init")
    initrd = os.path.join(folder, "initrd")
    with open(initrd, "wb") as f:
        f.write(archive.finish())
    return binary, initrd


def process_ns(pid):
    """Processor time of all threads of a process; children that it has not waited for excluded."""
    return time.clock_gettime_ns((~pid << 3) | 2)  # clock_getcpuclockid(3)


def run_native(binary, args):
    out = subprocess.run([binary, "--scale", str(args.scale), "--only", args.only], check=True,
                         stdout=subprocess.PIPE, text=True, timeout=LIMIT_S).stdout
    found = filter(None, map(END.match, out.splitlines()))
    return {m[1]: Row(m[2], int(m[3]), int(m[4]), m[5]) for m in found}


def run_guest(emulator, initrd, args):
    """Rows by name; "boot": process start to the guest's /init."""
    append = "console=ttyS0 quiet panic=-1 bench.scale=%s bench.only=%s" % (args.scale, args.only)
    argv = [emulator, "-accel", "tcg", "-cpu", args.cpu, "-m", "512", "-display", "none",
            "-nodefaults", "-no-reboot", "-serial", "stdio", "-kernel",
            nested.kernel("6.12").bzimage, "-initrd", initrd, "-append", append]
    rows, begin = {}, 0
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          errors="replace") as p:
        try:
            for line in p.stdout:
                now, line = process_ns(p.pid), line.strip()
                m = END.match(line)
                if line.endswith("@@INIT"):
                    rows["boot"] = Row("boot", 1, now, "")
                elif line.startswith("@@B "):
                    begin = now
                elif m:
                    rows[m[1]] = Row(m[2], int(m[3]), now - begin, m[5])
                    if args.v:
                        print("# %s %s %.1f ms" % (emulator, m[1], (now - begin) / 1e6), flush=True)
                elif "@@DONE" in line or "@@FAIL" in line:
                    break
        finally:
            p.kill()
    if "@@DONE" not in line:
        sys.exit("%s: the guest did not end: %s" % (emulator, line))
    return rows


def keep_best(best, rows):
    for name, row in rows.items():
        if name not in best or row.ns < best[name].ns:
            best[name] = row


def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def report(native, qemu, ours):
    print(f"{'row':14} {'kind':5} {'native ns':>11} {'QEMU':>8} {'ours':>8} {'ours/QEMU':>10}")
    by_kind = {}
    for name, row in qemu.items():
        base = native.get(name)
        other = ours.get(name)
        if not other:
            continue
        wrong = "" if row.sum == other.sum and (not base or base.sum == row.sum) else " wrong result"
        triple = (row.ns / base.ns, other.ns / base.ns) if base else ()
        cells = f"{base.ns / base.units:11.4g}" if base else " " * 11
        cells += "".join(f" {x:8.2f}" for x in triple) or f" {row.ns / 1e9:7.2f}s {other.ns / 1e9:7.2f}s"
        print(f"{name:14} {row.kind:5} {cells} {other.ns / row.ns:10.2f}{wrong}")
        by_kind.setdefault(row.kind, []).append(triple + (other.ns / row.ns,))
    print()
    for kind, rows in by_kind.items():
        means = [mean(column) for column in zip(*rows)]
        aim = f"   aim {AIMS[kind]}" if kind in AIMS else ""
        cells = "".join(f" {m:8.2f}" for m in means[:-1]) or " " * 18
        print(f"{'mean':14} {kind:5} {'':11}{cells} {means[-1]:10.2f}{aim}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--scale", type=float, default=0.05, help="1: minutes for most rows")
    parser.add_argument("--only", default="", metavar="ROW,...")
    parser.add_argument("--cpu", default="max")
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()
    native, qemu, ours = {}, {}, {}
    with tempfile.TemporaryDirectory(prefix="bench-cpu-") as folder:
        binary, initrd = build(folder)
        for _ in range(args.rounds):
            keep_best(native, run_native(binary, args))
            keep_best(qemu, run_guest(nested.QEMU, initrd, args))
            keep_best(ours, run_guest(vmm.BINARY, initrd, args))
    report(native, qemu, ours)


if __name__ == "__main__":
    main()
