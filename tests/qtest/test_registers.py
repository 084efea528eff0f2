#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every register block of both machines: what it reads after a reset in each size (stock QEMU
answers the same), that nothing a guest writes in any size at any offset does harm, and that a reset
undoes all of it."""
import os
import random
import tempfile
import zlib

from qtest import QTest, vmm

BAR = 0xc0000000
DEVICES = ["-device", "virtio-rng-pci,addr=4", "-device", "virtio-serial-pci,addr=5"]
MACHINES = {"q35": ["-M", "q35", *DEVICES, "-serial", "null"],
            "pc": ["-M", "pc", *DEVICES, "-serial", "null"]}
# Blocks: name, first address (ports below 64 KiB), length, greatest access.
CHIPS = [
    ("pic0", 0x20, 2, 1), ("pit", 0x40, 4, 1), ("port61", 0x61, 1, 1), ("rtc", 0x70, 2, 1),
    ("port92", 0x92, 1, 1), ("pic1", 0xa0, 2, 1), ("serial", 0x3f8, 8, 1), ("elcr", 0x4d0, 2, 1),
    ("pci-index", 0xcf8, 4, 4), ("reset", 0xcf9, 1, 1),
    ("pm1", 0x600, 6, 2), ("ioapic", 0xfec00000, 0x50, 4), ("hpet", 0xfed00000, 0x160, 8),
]
GPE = {"q35": ("gpe", 0x620, 16, 1), "pc": ("gpe", 0xafe0, 4, 1)}
# Where the power management ports are switched on: function, then (register, value, size).
PM = {"q35": (0xf8, (0x40, 0x601, 4), (0x44, 0x80, 1)), "pc": (0x0b, (0x40, 0x601, 4), (0x80, 1, 1))}
VIRTIO = [("common", 0, 0x44), ("isr", 0x1000, 4), ("device", 0x2000, 0x20), ("notify", 0x3000, 0x20)]
MSIX_TABLE = 0x10000
BEYOND = 8  # writes go on behind each block
FATAL = {0x64, 0x92, 0xcf9, 0x604, 0x605}
KEPT = {"rtc",   # keeps its bytes, and time
        "pic0"}  # the line of the timer
# Block, sizes, offsets, and why they read otherwise than stock QEMU 7.2's.
ALL = range(0x1000)
KNOWN = [
    ("pic0", (1,), ALL, "the timer's output is high, hence its request latched, before it is set up"),
    ("port61", (1,), ALL, "the refresh bit follows time, which stands still"),
    ("rtc", (1,), (1,), "time"),
    ("port92", (1,), ALL, "address line 20 is always on, and says so"),
    ("pm1", (1, 2), (0,), "QEMU's PM timer has overflowed at time zero"),
    ("hpet", (1, 2), ALL, "only 4 and 8 bytes are defined"),
    ("msix", (1, 2), ALL, "only 4 and 8 bytes are defined"),
    ("msix", (4, 8), range(0x20, 0x40), "behind the table"),
]


class Machine(QTest):
    """The machine with its virtio functions in place: region 4 and the MSI-X one."""

    def __init__(self, name, **kwargs):
        self.qmp_dir = tempfile.TemporaryDirectory(prefix="regs-")
        path = os.path.join(self.qmp_dir.name, "qmp")
        super().__init__(*MACHINES[name], "-qmp", "unix:%s,server=on,wait=off" % path, **kwargs)
        self.qmp = vmm.QMP.connect(path)
        self.name = name

    def __exit__(self, *exc):
        self.qmp.close()
        super().__exit__(*exc)
        self.qmp_dir.cleanup()

    def reset(self):
        self.qmp.cmd("system_reset")
        self.qmp.event("RESET")

    def place_virtio(self):
        """{name: address} of the blocks of each function."""
        found = {}
        for devfn, base in ((0x20, BAR), (0x28, BAR + 0x100000)):
            self.set_cfg(devfn, 0x20, base)
            self.set_cfg(devfn, 0x24, 0)
            self.set_cfg(devfn, 0x14, base + MSIX_TABLE)
            self.set_cfg(devfn, 0x04, 6, 2)
            for block, at, length in VIRTIO:
                found["%s %02x" % (block, devfn)] = (base + at, length)
            found["msix %02x" % devfn] = (base + MSIX_TABLE, 0x40)
        return found

    def get(self, at, size):
        letter = "bwlq"[size.bit_length() - 1]
        return self.num("%s%s 0x%x" % ("in" if at < 0x10000 else "read", letter, at))

    def put(self, at, value, size):
        letter = "bwlq"[size.bit_length() - 1]
        self.cmd("%s%s 0x%x 0x%x" % ("out" if at < 0x10000 else "write", letter, at, value))


def sizes(at, greatest):
    """Sizes that an access at @at can have."""
    return [s for s in (1, 2, 4, 8) if s <= greatest and (s < 8 or at >= 0x10000)]


def blocks(m):
    """(name, first address, length, greatest access) of all blocks, switched on and placed."""
    devfn, *settings = PM[m.name]
    for setting in settings:
        m.set_cfg(devfn, *setting)
    return CHIPS + [GPE[m.name]] + [(name, at, length, 8) for name, (at, length) in m.place_virtio().items()]


def survey(m):
    """{(block, offset, size): value}"""
    return {(name, offset, size): m.get(at + offset, size)
            for name, at, length, greatest in blocks(m)
            for offset in range(length) for size in sizes(at, greatest) if offset % size == 0}


def config(m):
    """{(function, register): value} of all functions on bus 0."""
    return {(devfn, reg): m.cfg(devfn, reg) for devfn in range(256)
            if m.cfg(devfn, 0) != 0xffffffff for reg in range(0, 256, 4)}


def hostile_value(rng, size):
    bits = 8 * size
    return rng.choice((0, (1 << bits) - 1, rng.getrandbits(bits), 1 << rng.randrange(bits)))


def fatal(at, size):
    """Ports whose purpose is to reset or to switch off."""
    return at < 0x10000 and any(p in FATAL for p in range(at, at + size))


def known(block, offset, size):
    """Why a register may read otherwise than stock QEMU 7.2's, or None."""
    for row in KNOWN:
        if block.split()[0] == row[0] and size in row[1] and offset in row[2]:
            return row[3]
    return None


class Registers(vmm.TestCase):
    limit_s = 600

    def compare(self, name):
        vmm.need_peer()
        with Machine(name, binary=vmm.PEER) as m:
            theirs = survey(m)
        with Machine(name) as m:
            ours = survey(m)
        self.assertGreater(len(ours), 900)
        self.assertEqual({k: (v, theirs[k]) for k, v in ours.items()
                          if v != theirs[k] and not known(*k)}, {})

    def undo(self, name):
        rng = random.Random(zlib.crc32(name.encode()))
        with Machine(name) as m:
            first_config, first = config(m), survey(m)
            places = blocks(m)
            for block, at, length, _ in places * 4:
                for offset in range(length + BEYOND):
                    for size in sizes(at, 8):
                        if not fatal(at + offset, size):
                            m.put(at + offset, hostile_value(rng, size), size)
                            m.get(at + offset, size)
            for devfn, reg in first_config:
                m.set_cfg(devfn, reg, rng.getrandbits(32))
            m.reset()
            again = config(m)
            self.assertEqual({k: (v, again[k]) for k, v in first_config.items() if v != again[k]},
                             {})
            again = survey(m)
            self.assertEqual({k: (v, again[k]) for k, v in first.items()
                              if v != again[k] and k[0] not in KEPT}, {})

    def test_q35_reads_what_stock_qemu_reads_in_each_size(self):
        self.compare("q35")

    def test_pc_reads_what_stock_qemu_reads_in_each_size(self):
        self.compare("pc")

    def test_q35_survives_all_writes_and_a_reset_undoes_them(self):
        self.undo("q35")

    def test_pc_survives_all_writes_and_a_reset_undoes_them(self):
        self.undo("pc")


if __name__ == "__main__":
    vmm.main()
