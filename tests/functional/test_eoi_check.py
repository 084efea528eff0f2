#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest sees of interrupts and their ends (tests/guest/eoi-check) on both boards, with each
interrupt controller placement and each setting; and what scripts/eoi-check makes of it."""
import json
import os
import subprocess
import sys

import vmm

SCRIPT = os.path.join(vmm.SOURCE, "scripts", "eoi-check")
VERDICT = {
    ("split", "unset"): "quirked", ("split", "off"): "not-advertised", ("split", "on"): "respected",
    ("on", "unset"): "not-advertised", ("on", "off"): "not-advertised",
    ("off", "unset"): "not-advertised", ("off", "off"): "not-advertised",
}
SETTING = {"unset": "Haswell-v4", "off": "host,x2apic-seoib=off", "on": "host,x2apic-seoib=on"}


class GuestTest(vmm.TestCase):
    def setUp(self):
        vmm.need_kvm()
        vmm.need_seoib_flags()

    def run_guest(self, machine, irqchip, cpu, word, *more, words=""):
        args = ["-M", machine, "-accel", "kvm,kernel-irqchip=" + irqchip, "-cpu", cpu,
                "-kernel", vmm.guest("eoi-check"), "-append", "expect=%s %s" % (word, words),
                "-device", "pc-testdev", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                "-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio"]
        r = vmm.run(*args, *more, timeout=90)
        odd = [row for row in r.out.splitlines() if row.startswith(("FAIL", "SUMMARY"))] or r
        self.assertIn("verdict=%s " % word, r.out, odd)
        self.assertIn(" fail=0 ", r.out, odd)
        self.assertEqual(r.status, 1, odd)
        return r.out

    def test_all_processors(self):
        for irqchip, word in (("split", "respected"), ("off", "not-advertised")):
            out = self.run_guest("q35", irqchip, SETTING["on" if irqchip == "split" else "off"],
                                 word, "-smp", "2", words="storm=5 mode=xapic")
            self.assertIn("running=2 listed=2", out)

    def test_without_pc_testdev_the_serial_port_provides_the_line(self):
        args = ["-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", SETTING["on"], "-kernel",
                vmm.guest("eoi-check"), "-append", "expect=respected storm=5", "-display", "none",
                "-nodefaults", "-no-reboot", "-serial", "stdio"]
        r = vmm.run(*args, timeout=90)
        self.assertIn("source=uart", r.out)
        self.assertIn("verdict=respected", r.out)
        self.assertEqual(r.status, 0)  # powers off


def add(machine, irqchip, setting):
    def check(self):
        self.run_guest(machine, irqchip, SETTING[setting], VERDICT[irqchip, setting],
                       words="storm=5")
    setattr(GuestTest, "test_%s_%s_%s" % (machine, irqchip, setting), check)


for _machine in ("q35", "pc"):
    for _irqchip, _setting in VERDICT:
        add(_machine, _irqchip, _setting)


class ScriptTest(vmm.TestCase):
    """The command people run on a host."""

    def setUp(self):
        vmm.need_kvm()

    def run_script(self, *args, env=None):
        environ = dict(os.environ, **(env or {}))
        return subprocess.run([sys.executable, SCRIPT, "--qemu", vmm.BINARY, "--accel", "kvm",
                               "--smp", "1", "--append", "storm=5 mode=xapic", *args],
                              env=environ, capture_output=True, text=True, timeout=110)

    def cells(self, text, label):
        """What stands to the right of the label in the table."""
        row = next(r for r in text.splitlines() if r.strip().startswith(label))
        return row.split(label, 1)[1].split()

    def test_table(self):
        vmm.need_seoib_flags()
        r = self.run_script()
        self.assertEqual((r.returncode, r.stderr), (0, ""), r.stdout)
        self.assertEqual(self.cells(r.stdout, "x2apic-seoib "), ["unset", "on", "off"])
        self.assertEqual(self.cells(r.stdout, "advertised (LVR bit 24)"), ["yes", "yes", "no"])
        self.assertEqual(self.cells(r.stdout, "can be switched on (SPIV bit 12)"),
                         ["yes", "yes", "no"])
        self.assertEqual(self.cells(r.stdout, "EOIs broadcast to the I/O APIC"),
                         ["all", "none", "all"])
        self.assertEqual(self.cells(r.stdout, "interrupts each time, EOI first [1]"),
                         ["2", "1", "2"])
        self.assertEqual(self.cells(r.stdout, "pins left stuck"), ["0", "0", "0"])
        self.assertEqual(self.cells(r.stdout, "verdict"), ["quirked", "respected",
                                                           "not-advertised"])
        self.assertIn("can honour Suppress EOI Broadcast, and can hide it", r.stdout)

    def test_old_kernel_cannot_do_as_asked(self):
        """Status 1, and 0 when the fallback is accepted, as the program says what it does."""
        for more, status in (([], 1), (["--accept-fallback"], 0)):
            r = self.run_script("--run", "unset,on", *more, env=vmm.shim_env("old"))
            self.assertEqual(r.returncode, status, r.stdout + r.stderr)
            self.assertEqual(self.cells(r.stdout, "verdict"), ["quirked", "quirked"])

    def test_json(self):
        vmm.need_seoib_flags()
        r = self.run_script("--run", "on", "--json")
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        self.assertIn("respected", json.dumps(json.loads(r.stdout)))

    def test_a_program_that_does_not_start(self):
        r = subprocess.run([sys.executable, SCRIPT, "--qemu", "/nonexistent/qemu"],
                           capture_output=True, text=True, timeout=60)
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("/nonexistent/qemu", r.stdout + r.stderr)


if __name__ == "__main__":
    vmm.main()
