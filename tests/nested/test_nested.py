#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real guests on a real KVM: our emulator boots Debian kernels inside the nested machine of
nested.py, whose kernels (6.12, 6.1) have no Suppress EOI Broadcast flags.

Without arguments a choice of boots that tries every pair of settings; --all: all combinations
(an hour or two); -k PATTERN: only boots whose name contains it; -v: what the guests print.
"""
import os
import re
import sys
import threading
import unittest
from itertools import combinations, product

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "functional")]
import nested  # noqa: E402
import vmm     # noqa: E402

SERIES = ("6.12", "6.1")
BOOT_LIMIT_S = 300
SESSION_LIMIT_S = 1500
SETTINGS = {
    "l1": SERIES,
    "guest": SERIES,
    "format": ("vmlinux", "vmlinuz"),   # ELF by PVH, bzImage
    "irqchip": ("split", "on", "off"),
    "cpus": ("1", "2"),
    "machine": ("q35", "pc"),
    "cpu": ("host,x2apic-seoib=on", "host", "EPYC-v6"),
}
KERNEL_HINT = ("Linux 7.0, 6.18.17 or a later stable kernel is needed; use x2apic-seoib=off or an "
               "older CPU model version to silence this")
W1 = ["warning: KVM on this host cannot honour Suppress EOI Broadcast: CPU feature x2apic-seoib is "
      "filtered out", KERNEL_HINT]
W4 = ["warning: x2apic-seoib needs a userspace I/O APIC: feature filtered out with "
      "kernel-irqchip=on", "use -machine kernel-irqchip=split"]
W5 = ["warning: CPU feature x2apic-seoib needs x2apic, which this CPU does not have: feature "
      "filtered out"]
E1 = ["KVM does not support the requested CPU feature x2apic-seoib", KERNEL_HINT,
      "Host doesn't support requested features"]
WARNING = {"split": W1, "on": W4, "off": W5}
# What else this nested host gives reason to say.
EXPECTED_NOISE = re.compile(
    r"warning: host doesn't support requested feature: |"
    r"(-accel \S+: )?warning: Number of (SMP|hotpluggable) cpus requested \(2\) exceeds the recommended cpus")

# In the guest: interrupts that came through the I/O APIC.
GUEST_CHECK = "grep IO-APIC /proc/interrupts | sed 's/^/IRQ /'\n"

L1_FUNCTIONS = r"""
run() { # name limit command...
    name=$1 limit=$2; shift 2
    echo "@@BEGIN $name"
    timeout -k 3 "$limit" "$@" </dev/null 2>/tmp/err
    rc=$?
    while IFS= read -r line; do echo "@@ERR $line"; done </tmp/err
    echo "@@END $name $rc"
}
"""


def pairwise(rows):
    """Fewest rows (greedy, always the same) in which every pair of settings occurs."""
    def pairs(row):
        return set(combinations(enumerate(row), 2))
    missing = set().union(*(pairs(row) for row in rows))
    chosen = []
    while missing:
        best = max(rows, key=lambda row: len(pairs(row) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen


class Boot:
    """One run of the emulator in L1, and what came of it."""

    def __init__(self, name, l1, argv):
        self.name, self.l1, self.argv = name, l1, argv
        self.out, self.err, self.status, self.cpu_s = [], [], None, None
        self.setting = None

    def command(self):
        words = ["qemu-system-x86_64", "-display", "none", "-nodefaults", "-no-reboot",
                 "-serial", "stdio"] + self.argv
        return "run %s %d %s\n" % (self.name, BOOT_LIMIT_S,
                                   " ".join("'%s'" % w for w in words))


def linux_boot(row):
    s = dict(zip(SETTINGS, row))
    name = "l1-{l1}/{guest}-{format}/{machine}/{irqchip}/{cpus}cpu/{cpu}".format(**s)
    boot = Boot(name, s["l1"], [
        "-M", s["machine"], "-accel", "kvm,kernel-irqchip=" + s["irqchip"], "-cpu", s["cpu"],
        "-smp", s["cpus"], "-m", "256", "-kernel", "/guest/%s-%s" % (s["format"], s["guest"]),
        "-initrd", "/guest/initrd", "-append", "console=ttyS0 quiet"])
    boot.setting = s
    return boot


def enforce_boot(l1):
    return Boot("l1-%s/enforce" % l1, l1, [
        "-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host,x2apic-seoib=on,enforce",
        "-m", "64", "-kernel", "/guest/eoi-check.elf"])


def eoi_boot(l1, irqchip):
    expect = "quirked" if irqchip == "split" else "not-advertised"
    boot = Boot("l1-%s/eoi-check/%s" % (l1, irqchip), l1, [
        "-M", "q35", "-accel", "kvm,kernel-irqchip=" + irqchip, "-cpu", "host,x2apic-seoib=on",
        "-smp", "2", "-m", "64", "-kernel", "/guest/eoi-check.elf", "-append", "expect=" + expect,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-device", "pc-testdev"])
    boot.setting = {"irqchip": irqchip}
    return boot


def plan(everything, patterns):
    rows = list(product(*SETTINGS.values()))
    boots = [linux_boot(row) for row in (rows if everything else pairwise(rows))]
    for l1 in SERIES:
        boots.append(enforce_boot(l1))
        boots += [eoi_boot(l1, irqchip) for irqchip in SETTINGS["irqchip"]]
    return [b for b in boots if not patterns or any(p in b.name for p in patterns)]


class Session(threading.Thread):
    """All boots of one L1 kernel."""

    def __init__(self, series, boots, verbose):
        super().__init__()
        self.series, self.boots, self.verbose = series, boots, verbose
        self.error = None
        self.preamble = []

    def files(self):
        out = {"usr/bin/qemu-system-x86_64": vmm.BINARY,
               "guest/eoi-check.elf": vmm.guest("eoi-check"),
               "guest/initrd": nested.guest_initrd(GUEST_CHECK)}
        for series in {b.setting["guest"] for b in self.boots if b.setting and "guest" in b.setting}:
            kern = nested.kernel(series)
            out["guest/vmlinux-" + series] = kern.elf
            out["guest/vmlinuz-" + series] = kern.bzimage
        return out

    def run(self):
        try:
            script = L1_FUNCTIONS + "".join(b.command() for b in self.boots)
            limit = max(SESSION_LIMIT_S, len(self.boots) * 60)
            with nested.L1(self.series, self.files(), script, limit_s=limit) as l1:
                self.collect(l1)
        except (Exception, unittest.SkipTest) as e:  # told by the tests that miss their results
            self.error = e

    def collect(self, l1):
        by_name = {b.name: b for b in self.boots}
        boot, start = None, 0.0
        for line in l1.lines():
            if self.verbose:
                print("# %s %.1f %s" % (self.series, l1.cpu_s, line), flush=True)
            mark = line.split(" ")
            if mark[0] == "@@BEGIN":
                boot, start = by_name[mark[1]], l1.cpu_s
            elif mark[0] == "@@END" or "@@END" in mark:
                boot.status = int(mark[-1])
                boot.cpu_s = l1.cpu_s - start
                print("# %s: %.1f s of CPU" % (boot.name, boot.cpu_s), flush=True)
                boot = None
            elif boot and mark[0] == "@@ERR":
                boot.err.append(line[len("@@ERR "):])
            else:
                (boot.out if boot else self.preamble).append(line)


class NestedTest(vmm.TestCase):
    """One boot; the methods are the kinds of boots."""
    boot = None
    session = None

    def __init__(self, boot, session):
        kind = ("check_linux" if boot.setting and "cpu" in boot.setting else
                "check_eoi" if boot.setting else "check_enforce")
        super().__init__(kind)
        self.boot, self.session, self.tap_name = boot, session, "nested/" + boot.name

    def setUp(self):
        error = self.session.error
        if isinstance(error, (nested.Unavailable, unittest.SkipTest)):
            self.skipTest(str(error))
        if self.boot.status is None:
            self.fail("not run: %s; L1 said: %s" % (error, self.session.preamble[-5:]))

    def shown(self):
        return "\nstatus %s\nstdout: %s\nstderr: %s" % (
            self.boot.status, "\n  ".join(self.boot.out[-40:]), "\n  ".join(self.boot.err))

    def check_messages(self, expected):
        """The @expected lines once and in this order, nothing else but what the host explains."""
        rows = [re.sub(r"^qemu-system-x86_64: ", "", r) for r in self.boot.err]
        rows = [r for r in rows if not EXPECTED_NOISE.match(r)]
        self.assertEqual(rows, expected, self.shown())

    def check_linux(self):
        s, text = self.boot.setting, "\n".join(self.boot.out)
        kernel = re.escape(nested.kernel(s["guest"]).version)
        self.assertRegex(text, r"GUEST-INIT \S+ kernel=%s cpus=%s" % (kernel, s["cpus"]),
                         self.shown())
        self.assertEqual(self.boot.status, 0, self.shown())
        counts = [sum(map(int, re.findall(r" (\d+)(?= )", line.split("IO-APIC")[0])))
                  for line in self.boot.out if line.startswith("IRQ ")]
        self.assertTrue(any(counts), "no interrupt through the I/O APIC" + self.shown())
        self.check_messages([] if s["cpu"] == "host" else WARNING[s["irqchip"]])

    def check_eoi(self):
        self.assertEqual(self.boot.status, 1, self.shown())  # isa-debug-exit's "pass"
        self.assertRegex("\n".join(self.boot.out), r"(?m)^SUMMARY: .* fail=0 ", self.shown())
        self.check_messages(WARNING[self.boot.setting["irqchip"]])

    def check_enforce(self):
        self.assertEqual(self.boot.status, 1, self.shown())
        self.assertEqual(self.boot.out, [], self.shown())
        self.check_messages(E1)


def main():
    args = sys.argv[1:]
    patterns = [b for a, b in zip(args, args[1:]) if a == "-k"]
    boots = plan("--all" in args, patterns)
    suite = unittest.TestSuite()
    try:
        nested.require()
    except nested.Unavailable as e:
        print("1..0 # SKIP skipped: %s" % e)
        return 0
    if not os.path.exists(vmm.BINARY):
        sys.exit("%s: not built" % vmm.BINARY)
    sessions = [Session(l1, [b for b in boots if b.l1 == l1], "-v" in args) for l1 in SERIES]
    sessions = [s for s in sessions if s.boots]
    for session in sessions:
        session.start()
        suite.addTests(NestedTest(b, session) for b in session.boots)
    for session in sessions:
        session.join()
    result = vmm.TapResult()
    suite.run(result)
    print("1..%d" % result.count)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
