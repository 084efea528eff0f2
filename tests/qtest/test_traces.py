#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What real guests do to the registers: accesses that stock QEMU logged while SeaBIOS and Linux ran,
made again here; each read must give what QEMU gave then. See reduce-trace.py."""
import os
import tempfile

from qtest import ECAM, QTest, vmm

DATA = os.path.join(vmm.SOURCE, "tests", "data", "io-traces")
BLK_SECTORS = 0x15e000  # the disk of the logged machine

# Registers that read otherwise, and why. "rtc N": byte N; "pci F:R": function, register.
FIRMWARE = {"rtc 38": "boot order, for firmware", "rtc 3d": "boot order, for firmware"}
NO_TIME = {"port 20": "a timer interrupt was pending"}
NO_SMM = {"port 630": "SMI enable: set already, there is no SMM that firmware would set up"}
Q35 = {**FIRMWARE, **NO_TIME, **NO_SMM, "port cdc": "no CPU hot-plug"}
PC = {**FIRMWARE, "rtc 10": "no floppy drive"}


class Replay:
    """Sends a trace to a machine and collects the reads that differ, by register."""

    def __init__(self, q, skipped_functions):
        self.q = q
        self.skipped = skipped_functions  # devfn on bus 0
        self.pci_index = self.rtc_index = self.reads = 0
        self.differ = {}

    def place(self, at):
        if at & ~3 == 0xcfc:
            devfn, reg = self.pci_index >> 8 & 0xff, (self.pci_index & 0xfc) + (at & 3)
            return "pci %02x:%02x" % (devfn, reg)
        if ECAM <= at < ECAM + (1 << 20):
            return "pci %02x:%02x" % (at >> 12 & 0xff, at & 0xfff)
        if at == 0x71:
            return "rtc %02x" % (self.rtc_index & 0x7f)
        return "port %x" % at if at < 0x10000 else "memory %x" % at

    def of_skipped(self, at):
        bus_0 = not self.pci_index & 0xff0000
        return (at & ~3 == 0xcfc and bus_0 and self.pci_index >> 8 & 0xff in self.skipped or
                ECAM <= at < ECAM + (1 << 20) and at >> 12 & 0xff in self.skipped)

    def access(self, op, size, at, value):
        letter = "bwlq"[size.bit_length() - 1]
        if op == "w":
            self.pci_index = value if at == 0xcf8 else self.pci_index
            self.rtc_index = value if at == 0x70 else self.rtc_index
            self.q.cmd("%s%s 0x%x 0x%x" % ("out" if at < 0x10000 else "write", letter, at, value))
            return
        got = self.q.num("%s%s 0x%x" % ("in" if at < 0x10000 else "read", letter, at))
        self.reads += 1
        if got != value:
            self.differ.setdefault(self.place(at), []).append("%x for %x" % (got, value))

    def run(self, path):
        with open(path, encoding="ascii") as f:
            for line in f:
                op, at, value = line.split()
                if not self.of_skipped(int(at, 16)) or int(at, 16) == 0xcf8:
                    self.access(op[0], int(op[1:]), int(at, 16), int(value, 16))


class Traces(vmm.TestCase):
    def replay(self, name, args, known, least, skipped_functions=()):
        with QTest(*args, "-serial", "null") as q:
            replay = Replay(q, skipped_functions)
            replay.run(os.path.join(DATA, name + ".txt"))
        self.assertGreaterEqual(replay.reads, least)
        new = {k: v[:5] for k, v in replay.differ.items() if k not in known}
        self.assertEqual(new, {})

    def test_linux_on_q35(self):
        self.replay("linux-q35", ["-M", "q35"], Q35, 600)

    def test_debian_with_a_virtio_disk_on_q35(self):
        with tempfile.NamedTemporaryFile() as image:
            image.truncate(BLK_SECTORS * 512)
            self.replay("debian-q35",
                        ["-M", "q35", "-drive", "if=none,id=d,format=raw,file=" + image.name,
                         "-device", "virtio-blk-pci,drive=d"], Q35, 850)

    def test_seabios_on_q35(self):
        """Without display, network card, SATA and SMBus of the logged machine."""
        self.replay("seabios-q35", ["-M", "q35"], Q35, 600, (0x08, 0x10, 0xfa, 0xfb))

    def test_seabios_on_pc(self):
        """Without IDE, display and network card of the logged machine."""
        self.replay("seabios-pc", ["-M", "pc"], PC, 250, (0x09, 0x10, 0x18))


if __name__ == "__main__":
    vmm.main()
