#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot of Debian's cloud kernel to userspace and power-off under a real KVM inside the nested machine
(tests/nested/nested.py): stock QEMU and this binary in turn, medians and ratios.

Time is processor time of the whole nested machine: emulator, guest and exits of the host kernel
between them; other load on this machine does not count.

usage: nested.py [--rounds N] [--series 6.12|6.1] [-k PATTERN] [-v]
"""
import argparse
import glob
import os
import statistics
import sys
from collections import defaultdict
from itertools import product

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "nested"), os.path.join(TESTS, "functional")]
import nested  # noqa: E402
import vmm     # noqa: E402

NAMES = ("qemu", "ours")
BOOT_LIMIT_S = 300
ROWS = list(product(("vmlinux", "vmlinuz"), ("split", "on"), ("q35", "pc")))
RUN = r"""
run() { # mark command...
    mark=$1; shift
    echo "@@BEGIN $mark"
    timeout -k 3 %d "$@" </dev/null >/tmp/out 2>/tmp/err
    cat /tmp/err; echo "@@END $mark $(grep -c GUEST-INIT /tmp/out)"
}
""" % BOOT_LIMIT_S


def script(rows, rounds):
    text = RUN
    for _, (kernel, irqchip, machine), name in product(range(rounds), rows, NAMES):
        text += (f"run {name}/{kernel}/{irqchip}/{machine} {name} -display none -nodefaults "
                 f"-no-reboot -serial stdio -M {machine} -accel kvm,kernel-irqchip={irqchip} "
                 f"-cpu host -m 256 -kernel /guest/{kernel} -initrd /guest/initrd "
                 f"-append 'console=ttyS0 quiet'\n")
    return text


def measure(series, rows, rounds, verbose):
    """{name/kernel/irqchip/machine: [seconds]}"""
    kernel = nested.kernel(series)
    files = {"usr/bin/ours": vmm.BINARY, "usr/bin/qemu": nested.QEMU, "guest/vmlinux": kernel.elf,
             "guest/vmlinuz": kernel.bzimage, "guest/initrd": nested.guest_initrd("")}
    for path in [p for pattern in nested.FIRMWARE for p in glob.glob(pattern)]:
        files[path.lstrip("/")] = path
    times, start = defaultdict(list), 0.0
    limit_s = BOOT_LIMIT_S * rounds * len(rows) * len(NAMES)
    with nested.L1(series, files, script(rows, rounds), limit_s=limit_s) as l1:
        for line in l1.lines():
            words = line.split()
            if verbose:
                print(f"# {l1.cpu_s:.1f} {line}", flush=True)
            if words[:1] == ["@@BEGIN"]:
                start = l1.cpu_s
            elif words[:1] == ["@@END"]:
                if words[2] != "1":
                    sys.exit(f"{words[1]}: the guest did not reach userspace")
                times[words[1]].append(l1.cpu_s - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--series", choices=("6.12", "6.1"), default="6.12")
    parser.add_argument("-k", metavar="PATTERN", default="", help="rows with this in their name")
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()
    rows = [row for row in ROWS if args.k in "/".join(row)]
    times = measure(args.series, rows, args.rounds, args.v)
    print(f"{'kernel, irqchip, machine':28} {'QEMU s':>8} {'ours s':>8} {'ratio':>6}")
    for row in rows:
        qemu, ours = (statistics.median(times["/".join((name,) + row)]) for name in NAMES)
        print(f"{', '.join(row):28} {qemu:8.1f} {ours:8.1f} {ours / qemu:6.2f}", flush=True)


if __name__ == "__main__":
    main()
