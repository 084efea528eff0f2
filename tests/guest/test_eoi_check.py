#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/eoi-check against a stand-in for the emulator that plays recorded guest output."""
import json
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(SOURCE, "scripts", "eoi-check")

# What the guest prints, per verdict: LVR bit, SPIV bit, deliveries with the EOI first, broadcasts.
GUEST = {
    "quirked": (1, 1, 2, 10),
    "respected": (1, 1, 1, 0),
    "not-advertised": (0, 0, 2, 10),
}

FAKE_VMM = """\
#!{python}
import os, re, sys, time
args = " ".join(sys.argv[1:])
if "--version" in args:
    print("Fake emulator version 1.0")
    sys.exit(0)
if "-M help" in args:
    print("pc-q35-9.0  old\\npc-q35-10.2  newer\\npc-q35-11.0  newest")
    sys.exit(0)
match = re.search(r"x2apic-seoib=(on|off)", args)
setting = match.group(1) if match else "unset"
outputs = {outputs!r}
{behaviour}
sys.stdout.write(outputs[setting].replace("\\n", "\\r\\n"))
sys.exit(1)
"""


def guest_output(verdict, fail=0):
    lvr, spiv, count, seen = GUEST[verdict]
    lines = ["INFO: eoi-check: expect=any", "PASS: ioapic: version=0x20 pins=24 eoi-register=1"]
    for mode in "xapic", "x2apic":
        lines += [
            "PASS: %s/version: lvr=0x0%d050014 bit24=%d want=%d" % (mode, lvr, lvr, lvr),
            "PASS: %s/spiv: wrote=0x11ff read=0x11ff bit12=%d want=%d fault=0" % (mode, spiv, spiv),
            "PASS: %s/suppress/eoi-before-deassert: per-assertion=%d want=%d assertions=5 "
            "deliveries=%d broadcasts=%d directed=5 stuck=0" % (mode, count, count, 5 * count, seen),
        ]
    lines += ["FAIL: x2apic/something: value=1"] * fail
    lines += ["SUMMARY: pass=7 fail=%d skip=0 verdict=%s expect=any" % (fail, verdict)]
    return "\n".join(lines) + "\n"


class EoiCheck(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.guest = os.path.join(self.dir.name, "eoi-check.elf")
        with open(self.guest, "w", encoding="utf-8"):
            pass

    def fake(self, unset="quirked", on="respected", off="not-advertised", behaviour="", fail=0):
        path = os.path.join(self.dir.name, "fake-vmm")
        outputs = {"unset": guest_output(unset), "on": guest_output(on, fail),
                   "off": guest_output(off)}
        with open(path, "w", encoding="utf-8") as f:
            f.write(FAKE_VMM.format(python=sys.executable, outputs=outputs,
                                    behaviour=textwrap.dedent(behaviour)))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def run_script(self, qemu, *args):
        done = subprocess.run([sys.executable, SCRIPT, "--qemu", qemu, "--guest", self.guest,
                               "--accel", "tcg"] + list(args), capture_output=True, text=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def row(self, output, label):
        lines = [line.split() for line in output.split("\n") if line.strip().startswith(label)]
        return lines[0][len(label.split()):] if lines else None

    def test_succeeds_when_every_setting_is_as_asked(self):
        status, out, _ = self.run_script(self.fake())
        self.assertEqual(status, 0, out)
        self.assertEqual(self.row(out, "x2apic-seoib "), ["unset", "on", "off"])
        self.assertEqual(self.row(out, "verdict"), ["quirked", "respected", "not-advertised"])
        self.assertEqual(self.row(out, "interrupts each time, EOI first [1]"), ["2", "1", "2"])
        self.assertEqual(self.row(out, "as asked"), ["yes", "yes", "yes"])

    def test_fails_when_on_is_not_honoured_in_silence(self):
        fake = self.fake(on="quirked")
        for args in ((), ("--accept-fallback",)):
            status, out, _ = self.run_script(fake, *args)
            self.assertEqual(status, 1, out)
            self.assertEqual(self.row(out, "as asked"), ["yes", "NO", "yes"])

    def test_announced_fallback_fails_unless_accepted(self):
        fake = self.fake(on="quirked", behaviour="""\
            if setting == "on":
                sys.stderr.write("qemu: warning: CPU feature x2apic-seoib is filtered out\\n")
            """)
        status, out, _ = self.run_script(fake)
        self.assertEqual(status, 1, out)
        self.assertIn("CPU feature x2apic-seoib is filtered out", out)
        status, out, _ = self.run_script(fake, "--accept-fallback")
        self.assertEqual(status, 0, out)

    def test_refusal_that_names_the_feature_is_an_announced_fallback(self):
        fake = self.fake(behaviour="""\
            if setting == "on":
                sys.stderr.write("qemu: x2apic-seoib=on requires kernel-irqchip=split\\n")
                sys.exit(1)
            """)
        self.assertEqual(self.run_script(fake)[0], 1)
        status, out, _ = self.run_script(fake, "--accept-fallback")
        self.assertEqual(status, 0, out)
        self.assertIn("on: x2apic-seoib=on requires kernel-irqchip=split", out)

    def test_failed_check_fails_despite_the_right_verdict(self):
        status, out, _ = self.run_script(self.fake(fail=1))
        self.assertEqual(status, 1, out)
        self.assertIn("on: FAIL: x2apic/something", out)

    def test_program_without_the_property_runs_unset_only(self):
        fake = self.fake(behaviour="""\
            if setting != "unset":
                sys.stderr.write("qemu: can't apply global max-x86_64-cpu.x2apic-seoib=on: "
                                 "Property 'max-x86_64-cpu.x2apic-seoib' not found\\n")
                sys.exit(1)
            assert "-machine q35 " in args
            """)
        status, out, _ = self.run_script(fake)
        self.assertEqual(status, 0, out)
        self.assertEqual(self.row(out, "x2apic-seoib "), ["unset"])
        self.assertIn("does not know the CPU property", out)

    def test_unset_runs_on_the_newest_machine_type_before_11_0(self):
        status, out, _ = self.run_script(self.fake(behaviour="""\
            wanted = "pc-q35-10.2" if setting == "unset" else "q35"
            assert "-machine %s " % wanted in args, args
            """))
        self.assertEqual(status, 0, out)
        self.assertIn("unset was run on machine type pc-q35-10.2", out)

    def test_does_without_a_test_device(self):
        status, out, _ = self.run_script(self.fake(behaviour="""\
            if "pc-testdev" in args:
                sys.stderr.write("qemu: -device pc-testdev: 'pc-testdev' is not a valid device "
                                 "model name\\n")
                sys.exit(1)
            """))
        self.assertEqual(status, 0, out)

    def test_program_that_dies_is_named(self):
        status, out, _ = self.run_script(self.fake(behaviour="""\
            if setting == "on":
                os.abort()
            """))
        self.assertEqual(status, 1, out)
        self.assertIn("on: the VMM died: SIGABRT", out)

    def test_program_that_hangs_is_stopped_at_the_time_limit(self):
        fake = self.fake(behaviour="""\
            if setting == "on":
                time.sleep(50)
            """)
        begin = time.monotonic()
        status, out, _ = self.run_script(fake, "--timeout", "1")
        self.assertEqual(status, 1, out)
        self.assertIn("on: no answer within 1 s", out)
        self.assertLess(time.monotonic() - begin, 30)

    def test_status_77_when_nothing_can_run(self):
        fake = self.fake(behaviour="""\
            sys.stderr.write("qemu: -accel tcg: invalid accelerator tcg\\n")
            sys.exit(1)
            """)
        self.assertEqual(self.run_script(fake)[0], 77)
        self.assertEqual(self.run_script(os.path.join(self.dir.name, "missing"))[0], 77)
        self.assertEqual(self.run_script(self.fake(), "--guest", "/nonexistent")[0], 77)

    def test_json_holds_what_the_table_shows(self):
        status, out, _ = self.run_script(self.fake(), "--json")
        self.assertEqual(status, 0, out)
        reply = json.loads(out)
        self.assertIs(reply["ok"], True)
        self.assertEqual([(r["setting"], r["verdict"], r["state"]) for r in reply["runs"]],
                         [("unset", "quirked", "as-asked"), ("on", "respected", "as-asked"),
                          ("off", "not-advertised", "as-asked")])

    def test_wrong_usage_is_status_2(self):
        for args in (("--run", "maybe"), ("--smp", "0"), ("--timeout", "-1"), ("--nonsense",)):
            self.assertEqual(self.run_script(self.fake(), *args)[0], 2)

    def test_run_selects_the_settings(self):
        status, out, _ = self.run_script(self.fake(on="quirked"), "--run", "off")
        self.assertEqual(status, 0, out)
        self.assertEqual(self.row(out, "verdict"), ["not-advertised"])


if __name__ == "__main__":
    unittest.main()
