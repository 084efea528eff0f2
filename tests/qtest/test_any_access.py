#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every device that can be plugged and every chip: any size of access at any offset of its registers
and of its configuration space, in range and past the end. A reset leaves them as they were.
"""
from qtest import QTest, vmm

SUFFIX = "bwlq"
# Places with registers that have no effect outside of their device: (name, port or address, bytes).
PORTS = [("dma", 0x00, 32), ("pic", 0x20, 2), ("pit", 0x40, 4), ("rtc", 0x70, 2), ("slave", 0xa0, 2),
         ("uart", 0x3f8, 8), ("elcr", 0x4d0, 2), ("hole", 0x2f8, 8)]
WINDOWS = [("ioapic", 0xfec00000, 0x50), ("hpet", 0xfed00000, 0x160), ("hpet end", 0xfed003e0, 0x20)]
DEVICES = ["pcie-root-port,chassis=1", "pci-bridge,chassis_nr=1", "virtio-rng-pci",
           "virtio-serial-pci", "virtio-balloon-pci"]


class AnyAccess(vmm.TestCase):
    def sweep(self, q, write, read, base, length):
        for offset in range(length):
            for size in (1, 2, 4) if base < 0x10000 else (1, 2, 4, 8):
                for value in (0, 0xffffffffffffffff, 0x5aa55aa55aa55aa5):
                    write(base + offset, value >> (64 - 8 * size), size)
                    self.assertLess(read(base + offset, size), 1 << 8 * size)

    def test_ports(self):
        with QTest("-M", "q35", "-serial", "null") as q:
            for name, base, length in PORTS:
                with self.subTest(name):
                    self.sweep(q, lambda a, v, s: q.cmd("out%s 0x%x 0x%x" % (SUFFIX[s // 2], a, v)),
                               lambda a, s: q.num("in%s 0x%x" % (SUFFIX[s // 2], a)), base, length)

    def test_windows(self):
        with QTest("-M", "q35") as q:
            for name, base, length in WINDOWS:
                with self.subTest(name):
                    self.sweep(q, q.st, q.ld, base, length)

    def test_configuration_space_survives_and_a_reset_restores_it(self):
        for device in DEVICES:
            with self.subTest(device), QTest("-M", "q35", "-device", device + ",addr=3") as q:
                before = [q.cfg(0x18, reg) for reg in range(0, 256, 4)]
                for reg in range(256):
                    for size in (1, 2, 4):
                        if reg % size == 0:
                            for value in (0xffffffff, 0):
                                q.set_cfg(0x18, reg, value & ((1 << 8 * size) - 1), size)
                                q.cfg(0x18, reg, size)
                q.outb(0xcf9, 6)
                vmm.wait_until(lambda: [q.cfg(0x18, reg) for reg in range(0, 256, 4)] == before,
                               what="configuration space of %s as after reset" % device)


if __name__ == "__main__":
    vmm.main()
