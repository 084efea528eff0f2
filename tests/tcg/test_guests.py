#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real systems on the software CPU: Debian's kernels, unmodified, boot to a shell, calculate and
power off by themselves; Xen runs one of them as dom0 and ends interrupts as x2apic-seoib says.

Without arguments a choice of boots in which every kernel, machine type and number of CPUs occurs;
--all: all of them (an hour); -k PATTERN: only boots whose name contains it. Packages come from the
cache of tests/nested/nested.py.
"""
import gzip
import hashlib
import os
import re
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from itertools import product

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), d) for d in ("nested", "functional")]
import nested  # noqa: E402
import vmm     # noqa: E402

BOOT_LIMIT_S = 420
PARALLEL = 2
# name: series, flavour, architecture
KERNELS = {
    "6.12-cloud": ("6.12", "cloud-amd64", "amd64"),
    "6.12-generic": ("6.12", "amd64", "amd64"),
    "6.1-cloud": ("6.1", "cloud-amd64", "amd64"),
    "6.1-generic": ("6.1", "amd64", "amd64"),
    "6.1-686-pae": ("6.1", "686-pae", "i386"),
}
CHOICE = [
    ("6.12-cloud", 4, "q35", "max"),
    ("6.12-generic", 1, "pc", "max"),
    ("6.1-cloud", 2, "pc", "qemu64"),
    ("6.1-generic", 2, "q35", "Haswell-noTSX"),
    ("6.1-686-pae", 2, "q35", "qemu32"),
]
ALL = [row for row in product(KERNELS, (1, 2, 4), ("q35", "pc"), ("max", "qemu64"))
       if row[0] != "6.1-686-pae"]
# 32-bit kernels refuse SMP on the K7 that max claims to be.
ALL += list(product(["6.1-686-pae"], (1, 2, 4), ("q35", "pc"), ("qemu32", "Haswell-noTSX")))

# What must not be said by a kernel that runs on a sound machine.
TROUBLE = re.compile(r"Oops|BUG:|kernel BUG|Kernel panic|general protection|Call Trace|"
                     r"WARNING: CPU|rcu.*(stall|starved)|soft lockup|hard LOCKUP|"
                     r"clocksource.*unstable|unexpected IO-APIC|segfault|invalid opcode|"
                     r"Machine check|not synced|timer doesn't work|NMI received")

INIT = r"""#!/bin/busybox sh
export PATH=/bin
mount -t devtmpfs d /dev; mount -t proc p /proc; mount -t sysfs s /sys; mount -t tmpfs t /tmp
if [ -f /mod/order ]; then while read -r m; do insmod "/mod/$m"; done </mod/order; fi
echo "RESULT cpus $(nproc) kernel $(uname -r)"
. /check
echo "RESULT done"
poweroff -f
"""

CHECK = r"""
n=0; for i in $(seq 1 40); do n=$((n + $(echo "$i" | cut -c1-)))&& :; done; echo "RESULT forks $n"
seq 1 20000 >/tmp/a
echo "RESULT sha $(sha256sum </tmp/a | cut -c1-64)"
echo "RESULT gzip $(gzip -c /tmp/a | gunzip -c | sha256sum | cut -c1-64)"
echo "RESULT pipe $(sort -rn /tmp/a | head -n 100 | tr '\n' ' ' | wc -c)"
awk 'BEGIN { for (i = 1; i <= 20000; i++) { s += 1 / (i * i); p = p * 0.5 + i } \
             printf "RESULT awk %.9f %.3f\n", s, p }'
seq 1 4 | while read -r j; do sha256sum /tmp/a >/dev/null & done; wait
"""


def expected_results(cpus):
    text = "".join("%d\n" % i for i in range(1, 20001)).encode()
    digest = hashlib.sha256(text).hexdigest()
    s = p = 0.0
    for i in range(1, 20001):
        s += 1 / (i * i)
        p = p * 0.5 + i
    return {"cpus": str(cpus), "forks": "820", "sha": digest, "gzip": digest, "pipe": "600",
            "awk": "%.9f %.3f" % (s, p), "done": ""}


def initramfs(kern, arch, check, modules=()):
    shell = None
    if arch != "amd64":
        shell = os.path.join(nested.package("busybox-static", arch), "bin/busybox")
    fs = nested.base_initramfs(INIT, shell)
    if modules:
        nested.add_modules(fs, kern, modules)
    fs.file("check", check)
    return fs.finish()


def results(text):
    """The RESULT lines: first word -> the rest."""
    return {m[1]: m[2].strip() for m in re.finditer(r"RESULT (\w+)([^\r\n]*)", text)}


class Images:
    """Kernels and initial file systems, made once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.dir = tempfile.TemporaryDirectory(prefix="tcg-guests-")
        self.made = {}

    def get(self, name, check=CHECK, modules=()):
        with self.lock:
            key = (name, check)
            if key not in self.made:
                series, flavour, arch = KERNELS[name]
                kern = nested.kernel(series, flavour, arch)
                path = os.path.join(self.dir.name, "initrd%d" % len(self.made))
                with open(path, "wb") as f:
                    f.write(initramfs(kern, arch, check, modules))
                self.made[key] = (kern.bzimage, path)
            return self.made[key]

    def xen(self):
        with self.lock:
            path = os.path.join(self.dir.name, "xen")
            if not os.path.exists(path):
                folder = nested.package("xen-hypervisor-4.17-amd64")
                with gzip.open(os.path.join(folder, "boot/xen-4.17-amd64.gz")) as f, \
                        open(path, "wb") as out:
                    out.write(f.read())
            return path


images = Images()


def boot_argv(row):
    kernel, cpus, machine, model = row
    bzimage, initrd = images.get(kernel)
    return ["-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio", "-accel", "tcg",
            "-M", machine, "-cpu", model, "-smp", str(cpus), "-m", "512", "-kernel", bzimage,
            "-initrd", initrd, "-append", "console=ttyS0 panic=-1"]


def run_boot(row):
    return vmm.run(*boot_argv(row), timeout=BOOT_LIMIT_S)


class DebianKernels(unittest.TestCase):
    """One test a row; all boots are started at once, PARALLEL at a time."""

    def check(self, row, future):
        try:
            r = future.result()
        except nested.Unavailable as e:
            self.skipTest(str(e))
        self.assertEqual(r.status, 0, "%s\n%s" % (r.err, r.out[-3000:]))
        got = {k: v.split(" kernel ")[0] if k == "cpus" else v for k, v in results(r.out).items()}
        self.assertEqual(got, expected_results(row[1]), r.out[-3000:])
        trouble = [line for line in r.out.splitlines() if TROUBLE.search(line)]
        self.assertEqual(trouble, [], "\n".join(trouble))


def add_boot_tests(rows, pool):
    for row in rows:
        name = "test_%s_%dcpu_%s_%s_computes_and_powers_off" % tuple(
            re.sub(r"\W", "_", str(x)) if not isinstance(x, int) else x for x in row)
        if selected(name):
            future = pool.submit(run_boot, row)
            setattr(DebianKernels, name, lambda self, r=row, f=future: self.check(r, f))


# --- Xen --------------------------------------------------------------------------------------

XEN_TIMES = 10000
# The disk is wired to a PCI interrupt line, the power button to the ACPI interrupt: level-triggered
# pins of the I/O APIC. Without read-ahead each page is one request, and one interrupt.
XEN_CHECK = r"""
count() { awk "/ $1\$/"' { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n }' \
          /proc/interrupts; }
while ! grep -q ' acpi$' /proc/interrupts || ! [ -b /dev/vda ]; do sleep 0.1; done
before=$(count virtio0)
echo 0 >/sys/block/vda/queue/read_ahead_kb
dd if=/dev/vda of=/dev/null bs=4096 count=TIMES
echo "RESULT disk $(($(count virtio0) - before))"
grep ' virtio0$' /proc/interrupts | sed 's/^ */RESULT diskirq /'
""".replace("TIMES", str(XEN_TIMES))
XEN_BUTTON = r"""
before=$(count acpi)
echo "RESULT ready"
while [ ! -e /tmp/over ]; do
    read -r n rest </sys/firmware/acpi/interrupts/ff_pwr_btn
    [ "$n" -ge TIMES ] && : >/tmp/over
    sleep 0.2
done
sleep 1
read -r n rest </sys/firmware/acpi/interrupts/ff_pwr_btn
echo "RESULT presses $n"
echo "RESULT interrupts $(($(count acpi) - before))"
""".replace("TIMES", str(XEN_TIMES))
# name: CPU model, machine type, is the power button pressed?
XEN_RUNS = {
    "on": ("max,pku=off,x2apic-seoib=on", "q35", True),
    "off": ("max,pku=off,x2apic-seoib=off", "q35", False),
    # QEMU's behaviour, which machine types before the feature keep
    "unset": ("max,pku=off", "pc-q35-10.2", False),
}


class XenRun:
    """One boot of Xen with dom0: .serial, .status, .reads and .presses (what was traced)."""

    def __init__(self, name):
        model, machine, button = XEN_RUNS[name]
        with tempfile.TemporaryDirectory(prefix="tcg-xen-") as folder:
            self.trace = os.path.join(folder, "trace")
            disk = os.path.join(folder, "disk")
            with open(disk, "wb") as f:
                f.truncate(4096 * XEN_TIMES)
            with vmm.VMM(*self.argv(model, machine, button, disk)) as vm:
                self.reads = self.presses = ""
                if button:
                    vm.wait_serial("RESULT ready", BOOT_LIMIT_S)
                    self.press(vm)
                self.status = vm.wait(BOOT_LIMIT_S)
                self.serial = vm.serial()
            if not button:
                with open(self.trace, errors="replace") as f:
                    self.reads = f.read()

    def argv(self, model, machine, button, disk):
        check = XEN_CHECK + (XEN_BUTTON if button else "") + 'echo "RESULT done"\n'
        bzimage, initrd = images.get("6.1-generic", check, ["button", "virtio_pci", "virtio_blk"])
        argv = ["-accel", "tcg", "-M", machine, "-cpu", model, "-m", "1024", "-no-reboot",
                "-kernel", images.xen(),
                "-initrd", "%s console=hvc0,%s" % (bzimage.replace(",", ",,"), initrd),
                "-append", "com1=115200,8n1 console=com1 loglvl=all noreboot",
                "-drive", "if=none,format=raw,id=d,file=" + disk,
                "-device", "virtio-blk-pci,drive=d,vectors=0", "-D", self.trace]
        for event in "eoi_directed", "eoi_broadcast", "set_irq", "set_remote_irr":
            argv += ["-trace", "ioapic_" + event]
        return argv

    def press(self, vm):
        """Presses the power button, the next time when dom0 has served it and the interrupt was
        ended."""
        with open(self.trace, errors="replace") as f:
            self.reads = f.read()
            for n in range(XEN_TIMES):
                vm.cmd("system_powerdown")
                seen, end = "", time.monotonic() + BOOT_LIMIT_S
                while "eoi_directed" not in seen.partition("vector: 9 level: 0")[2]:
                    if time.monotonic() > end:
                        raise AssertionError("press %d: %s" % (n, seen[-500:]))
                    time.sleep(0.0003)
                    seen += f.read()
                self.presses += seen
            vm.wait_serial("RESULT interrupts", BOOT_LIMIT_S)
            self.presses += f.read()


def rises(traced, pin):
    """Where in the text the pin goes up; that it is up is told more than once."""
    found, last = [], "0"
    for m in re.finditer(r"set_irq[^\n]*vector: %d level: ([01])\n" % pin, traced):
        if m[1] > last:
            found.append(m.start())
        last = m[1]
    return found


class Xen(unittest.TestCase):
    futures = {}

    def result(self, name):
        try:
            run = self.futures[name].result()
        except nested.Unavailable as e:
            self.skipTest(str(e))
        self.assertEqual(run.status, 0, run.serial[-3000:])
        self.assertIn("done", results(run.serial), run.serial[-3000:])
        return run

    def check_arrivals(self, traced, pin, served):
        """Exactly one interrupt each time the pin was raised, each ended; @served: how many dom0
        counted."""
        raised = len(rises(traced, pin))
        sent = traced.count("remote irr for pin %d\n" % pin)
        # Xen ends an interrupt itself when dom0 takes longer than a millisecond (a loaded host);
        # the pin is still up then and comes again: the end is followed at once by the next
        # interrupt, without a word of the line in between.
        early = len(re.findall(r"ioapic_eoi_[^\n]*\n[^\n]*remote irr for pin %d\n" % pin, traced))
        print("# pin %d: raised %d, sent %d, ended early %d, served %d" %
              (pin, raised, sent, early, served))
        self.assertEqual(raised, XEN_TIMES)
        self.assertEqual(sent - early, XEN_TIMES)
        self.assertTrue(XEN_TIMES <= served <= sent)

    def check_disk(self, run):
        """From the first read on: what came before was the probing of the disk."""
        got = results(run.serial)
        irq, line = got["diskirq"].split(":", 1)
        self.assertIn("-ioapic-level", line)
        counted_from = rises(run.reads, int(irq))[-XEN_TIMES]
        self.check_arrivals(run.reads[counted_from:], int(irq), int(got["disk"]))

    def check_no_directed_eoi(self, name):
        run = self.result(name)
        self.assertTrue("Using new ACK method" in run.serial and "directed EOI" not in run.serial,
                        [s for s in run.serial.splitlines() if "ACK" in s or "EOI" in s])
        self.assertNotIn("ioapic_eoi_directed", run.reads)
        self.check_disk(run)

    def test_off_uses_the_new_ack_method_and_every_level_interrupt_arrives_once(self):
        self.check_no_directed_eoi("off")

    def test_unset_uses_the_new_ack_method_and_every_level_interrupt_arrives_once(self):
        self.check_no_directed_eoi("unset")

    def test_on_enables_directed_eoi_and_every_level_interrupt_arrives_once(self):
        run = self.result("on")
        self.assertTrue("Enabled directed EOI with ioapic_ack_old on!" in run.serial,
                        [s for s in run.serial.splitlines() if "EOI" in s])
        traced = run.reads + run.presses
        self.assertNotIn("ioapic_eoi_broadcast", traced)
        self.assertEqual(traced.count("ioapic_eoi_directed"),
                         traced.count("ioapic_set_remote_irr"))
        self.check_disk(run)
        got = results(run.serial)
        self.assertEqual(got["presses"], str(XEN_TIMES))
        self.check_arrivals(run.presses, 9, int(got["interrupts"]))


def selected(name):
    patterns = [a for i, a in enumerate(sys.argv) if i and sys.argv[i - 1] == "-k"]
    return not patterns or any(p in name for p in patterns)


if __name__ == "__main__":
    rows = ALL if "--all" in sys.argv else CHOICE
    sys.argv = [a for a in sys.argv if a != "--all"]
    vmm.TEST_LIMIT_S = BOOT_LIMIT_S * (len(rows) // PARALLEL + 1)
    with ThreadPoolExecutor(PARALLEL) as pool:
        if selected("Xen"):
            Xen.futures = {name: pool.submit(XenRun, name) for name in XEN_RUNS}
        add_boot_tests(rows, pool)
        vmm.main()
