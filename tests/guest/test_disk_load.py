#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A bare-metal guest reads from a virtio disk, an interrupt a request, by INTx and by MSI-X, on both
accelerators: see disk-load/main.c. As many level-triggered interrupts are traced as the guest
counts, and as many EOIs. --all: 100,000 requests in every row.
"""
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "functional"))
import vmm  # noqa: E402

ALL = "--all" in sys.argv
LIMIT_S = 600
DISK = ["-device", "virtio-blk-pci,drive=d"]
IOTHREAD = ["-object", "iothread,id=t", "-device", "virtio-blk-pci,drive=d,iothread=t"]
TCG = ["-accel", "tcg", "-M", "q35", "-cpu"]
# name: requests in CI, words for the guest, arguments
ROWS = {
    "tcg_intx": (100000, "irq=intx", TCG + ["max"] + DISK),
    "tcg_intx_directed_eoi": (100000, "irq=intx directed=1", TCG + ["max,x2apic-seoib=on"] + DISK),
    "tcg_intx_seoib_off": (20000, "irq=intx", TCG + ["max,x2apic-seoib=off"] + DISK),
    "tcg_intx_iothread": (20000, "irq=intx depth=4", TCG + ["max"] + IOTHREAD),
    "tcg_msix": (20000, "irq=msix", TCG + ["max"] + DISK),
    "tcg_msix_iothread": (20000, "irq=msix", TCG + ["max"] + IOTHREAD),
}
for chip in ("split", "on", "off"):
    for irq in ("intx", "msix"):
        for name, disk in (("", DISK), ("_iothread", IOTHREAD)):
            ROWS["kvm_%s_%s%s" % (chip, irq, name)] = (
                3000, "irq=" + irq, ["-accel", "kvm", "-M", "q35,kernel-irqchip=" + chip] + disk)
ROWS["kvm_split_intx_without_ioeventfd"] = (
    3000, "irq=intx", ["-accel", "kvm", "-M", "q35,kernel-irqchip=split", "-device",
                       "virtio-blk-pci,drive=d,ioeventfd=off"])


class DiskLoad(vmm.TestCase):
    limit_s = 2 * LIMIT_S

    def check(self, name):
        requests, words, args = ROWS[name]
        requests = 100000 if ALL else requests
        if name.startswith("kvm"):
            vmm.need_kvm()
        with tempfile.TemporaryDirectory(prefix="disk-load-") as tmp:
            disk, trace = os.path.join(tmp, "disk"), os.path.join(tmp, "trace")
            with open(disk, "wb") as f:
                f.truncate(1 << 20)
            r = vmm.run("-m", "64", "-nodefaults", "-no-reboot", "-display", "none", "-serial",
                        "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel",
                        vmm.guest("disk-load"), "-append", "%s requests=%d" % (words, requests),
                        "-drive", "if=none,id=d,format=raw,file=" + disk, *args, "-D", trace,
                        "-trace", "ioapic_set_remote_irr", "-trace", "ioapic_eoi_*",
                        timeout=LIMIT_S)
            self.assertEqual(r.status, 1, r.out + r.err)
            with open(trace, errors="replace") as f:
                traced = f.read()
        m = re.search(r"SUMMARY: .* interrupts=(\d+) spurious=(\d+)", r.out)
        self.assertIn("PASS: load", r.out)
        taken, spurious = int(m[1]), int(m[2])
        if "depth" not in words:
            self.assertGreaterEqual(taken, requests)
        if "intx" in name and "_on_" not in name: # the I/O APIC is ours
            sent = traced.count("set_remote_irr")
            self.assertEqual(sent, taken + spurious)
            ended = ("eoi_broadcast", "eoi_directed")
            ended = ended if "directed=1" not in words else ended[::-1]
            self.assertEqual(traced.count(ended[0]), sent)
            self.assertEqual(traced.count(ended[1]), 0)


for row in ROWS:
    setattr(DiskLoad, "test_" + row, lambda self, name=row: self.check(name))

if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--all"]
    vmm.main()
