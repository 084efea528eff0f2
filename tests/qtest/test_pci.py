#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PCI: configuration space against what stock QEMU answers, base addresses, bridges, interrupts."""
import os
import re

from qtest import ECAM, QTest, vmm

Q35 = ["-M", "q35"]
PC = ["-M", "pc"]
GOLDEN_ARGS = {
    "q35": Q35 + ["-device", "pcie-root-port", "-device", "virtio-rng-pci", "-device",
                  "virtio-serial-pci"],
    "pc": PC + ["-device", "virtio-rng-pci"],
}
# Registers without a function that differ, and why nobody minds.
KNOWN = {
    ("q35", 0x00, 0x50), ("q35", 0x00, 0x9c),  # SMRAM: comes with SMM
    ("q35", 0x08, 0x6c),                       # slot interlock status
    ("q35", 0xf8, 0x40), ("q35", 0xf8, 0xa0),  # read-only bits of PMBASE and GEN_PMCON
}
ABSENT = {"q35": {0xfa, 0xfb}, "pc": {0x09}}  # SATA, SMBus; IDE


def survey(q):
    """{devfn: [(value, after writing ones, after writing zeroes) of each register]}"""
    found = {}
    for devfn in range(256):
        if q.cfg(devfn, 0) == 0xffffffff:
            continue
        rows = []
        init = [q.cfg(devfn, reg) for reg in range(0, 256, 4)]
        for i, value in enumerate(init):
            row = [value]
            for pattern in (0xffffffff, 0):
                q.set_cfg(devfn, 4 * i, pattern)
                row.append(q.cfg(devfn, 4 * i))
                q.set_cfg(devfn, 4 * i, value)
            rows.append(tuple(row))
        found[devfn] = rows
    return found


class Protocol(vmm.TestCase):
    def test_answers_are_those_of_qemu(self):
        with QTest(*Q35) as q:
            self.assertEqual(q.raw("endianness"), "OK little")
            self.assertEqual(q.raw("nosuch"), "FAIL Unknown command 'nosuch'")
            self.assertEqual(q.raw("inb 0x80"), "OK 0x00ff")
            self.assertEqual(q.raw("writeq 0x1000 0x1122334455667788"), "OK")
            self.assertEqual(q.raw("readl 0x1004"), "OK 0x0000000011223344")
            self.assertEqual(q.raw("read 0x1000 4"), "OK 0x88776655")
            self.assertEqual(q.raw("memset 0x1000 2 0x5a"), "OK")
            self.assertEqual(q.raw("b64read 0x1000 3"), "OK Wlpm")

    def test_nonsense_is_refused(self):
        with QTest(*Q35) as q:
            for line in ("", "inb", "inb x", "outb 1", "read 0 0xffffffffffffffff", "write 0 2 0x1",
                         "write 0 1 zz", "inb 1 2", "x" * 100000):
                self.assertTrue(q.raw(line).startswith("FAIL"), line[:40])
            self.assertEqual(q.raw("readb 0"), "OK 0x0000000000000000")

    def test_time_moves_by_steps_only(self):
        with QTest(*Q35) as q:
            start = q.num("clock_step 0") if False else int(q.cmd("clock_step 0"))
            self.assertEqual(int(q.cmd("clock_step 1000")), start + 1000)
            self.assertEqual(int(q.cmd("clock_set %d" % (start + 5000))), start + 5000)


class Golden(vmm.TestCase):
    limit_s = 400

    def compare(self, machine):
        if not os.access(vmm.PEER, os.X_OK):
            self.skipTest("no stock QEMU")
        with QTest(*GOLDEN_ARGS[machine], binary=vmm.PEER) as q:
            theirs = survey(q)
        with QTest(*GOLDEN_ARGS[machine]) as q:
            ours = survey(q)
        self.assertEqual(set(theirs) - ABSENT[machine], set(ours))
        for devfn, rows in ours.items():
            for i, row in enumerate(rows):
                if (machine, devfn, 4 * i) not in KNOWN:
                    self.assertEqual(row, theirs[devfn][i], "%02x.%x register %02x"
                                     % (devfn >> 3, devfn & 7, 4 * i))

    def test_q35_configuration_space_is_that_of_stock_qemu(self):
        self.compare("q35")

    def test_pc_configuration_space_is_that_of_stock_qemu(self):
        self.compare("pc")


class Config(vmm.TestCase):
    def test_all_sizes_and_offsets(self):
        with QTest(*Q35, "-device", "virtio-rng-pci") as q:
            whole = [q.cfg(8, reg) for reg in range(0, 0x40, 4)]
            for reg in range(0x40):
                word = whole[reg // 4] >> 8 * (reg & 3)
                self.assertEqual(q.cfg(8, reg, 1), word & 0xff)
                if not reg & 1:
                    self.assertEqual(q.cfg(8, reg, 2), word & 0xffff)

    def test_absent_places_read_ones(self):
        with QTest(*Q35) as q:
            for bdf in (0x10, 0xff, 0x100, 0xff00):
                self.assertEqual(q.cfg(bdf, 0), 0xffffffff)
                q.set_cfg(bdf, 4, 7)
            q.set_cfg(0, 0x60, ECAM | 1)
            self.assertEqual(q.ld(ECAM + (0x10 << 12), 4), 0xffffffff)

    def test_ecam_shows_extended_space_and_type_1_does_not(self):
        with QTest(*Q35, "-device", "pcie-root-port") as q:
            q.set_cfg(0, 0x60, ECAM | 1)
            self.assertEqual(q.ld(ECAM + 0x8000, 4), 0x000c1b36)
            self.assertEqual(q.ld(ECAM + 0x8100, 4), 0x14820001)  # AER, then ACS
            self.assertEqual(q.ld(ECAM + 0x8148, 4), 0x0001000d)
            self.assertEqual(q.ld(ECAM + 0xffc, 4), 0xffffffff)   # not there on the host bridge
            self.assertEqual(q.ld(ECAM + 0x8002, 1), 0x0c)


class Regions(vmm.TestCase):
    def test_a_region_is_where_its_register_says(self):
        with QTest(*Q35, "-device", "virtio-rng-pci") as q:
            q.set_cfg(8, 0x20, 0xc0000000)
            self.assertEqual(q.ld(0xc0000012, 2), 0xffff)  # not decoded yet
            q.set_cfg(8, 4, 2, 2)
            self.assertEqual(q.ld(0xc0000012, 2), 1)       # num_queues
            q.set_cfg(8, 0x20, 0xd0000000)
            self.assertEqual(q.ld(0xc0000012, 2), 0xffff)
            self.assertEqual(q.ld(0xd0000012, 2), 1)
            q.set_cfg(8, 0x24, 1)                          # above 4 GiB
            self.assertEqual(q.ld(0x1d0000012, 2), 1)
            q.set_cfg(8, 4, 0, 2)
            self.assertEqual(q.ld(0x1d0000012, 2), 0xffff)

    def test_ram_is_not_hidden_by_a_region(self):
        with QTest(*Q35, "-device", "virtio-rng-pci") as q:
            q.st(0x200000, 0x12345678, 4)
            q.set_cfg(8, 0x20, 0x200000)
            q.set_cfg(8, 4, 2, 2)
            self.assertEqual(q.ld(0x200000, 4), 0x12345678)

    def test_io_region(self):
        with QTest(*Q35, "-device", "virtio-rng-pci") as q:
            q.set_cfg(8, 0x10, 0xc000)
            q.set_cfg(8, 4, 1, 2)
            self.assertEqual(q.inw(0xc00c), 8)             # legacy queue size
            q.set_cfg(8, 0x10, 0xffffffff)
            self.assertEqual(q.cfg(8, 0x10), 0xffffffe1)
            self.assertEqual(q.inw(0xc00c), 0xffff)

    def test_overlapping_regions_do_no_harm(self):
        with QTest(*Q35, "-device", "virtio-rng-pci", "-device", "virtio-rng-pci") as q:
            for devfn in (8, 0x10):
                q.set_cfg(devfn, 0x20, 0xc0000000)
                q.set_cfg(devfn, 0x14, 0xc0000000)
                q.set_cfg(devfn, 4, 7, 2)
            q.ld(0xc0000012, 2)
            q.set_cfg(8, 4, 0, 2)
            q.set_cfg(0x10, 0x14, 0xc1000000)
            self.assertEqual(q.ld(0xc0000012, 2), 1)


class Bridges(vmm.TestCase):
    ARGS = Q35 + ["-device", "pcie-root-port,id=r", "-device", "virtio-rng-pci,bus=r"]

    def set_up(self, q):
        q.set_cfg(8, 0x18, 0x010100)
        q.set_cfg(8, 0x20, 0xc010c000)
        q.set_cfg(8, 4, 7, 2)
        q.set_cfg(0x100, 0x20, 0xc0000000)
        q.set_cfg(0x100, 4, 6, 2)

    def test_numbers_say_who_answers(self):
        with QTest(*self.ARGS) as q:
            self.assertEqual(q.cfg(0x100, 0), 0xffffffff)
            self.set_up(q)
            self.assertEqual(q.cfg(0x100, 0), 0x10441af4)
            q.set_cfg(8, 0x18, 0x050500)
            self.assertEqual(q.cfg(0x100, 0), 0xffffffff)
            self.assertEqual(q.cfg(0x500, 0), 0x10441af4)

    def test_window_passes_accesses_on(self):
        with QTest(*self.ARGS) as q:
            self.set_up(q)
            self.assertEqual(q.ld(0xc0000012, 2), 1)
            q.set_cfg(8, 0x20, 0xd010d000)
            self.assertEqual(q.ld(0xc0000012, 2), 0xffff)
            q.set_cfg(8, 0x20, 0xc010c000)
            q.set_cfg(8, 4, 0, 2)
            self.assertEqual(q.ld(0xc0000012, 2), 0xffff)

    def test_secondary_bus_reset_resets_what_is_behind(self):
        with QTest(*self.ARGS) as q:
            self.set_up(q)
            q.set_cfg(8, 0x3e, 0x40, 2)
            self.assertEqual(q.cfg(0x100, 4, 2), 0)
            self.assertEqual(q.cfg(0x100, 0x20), 0xc)

    def test_loops_in_bus_numbers_end(self):
        args = Q35 + sum([["-device", "pci-bridge,id=b%d,chassis_nr=%d%s"
                           % (i, i + 1, ",bus=b%d,addr=1" % (i - 1) if i else "")]
                          for i in range(8)], [])
        with QTest(*args) as q:
            for nr in (0xff0100, 0xff0101, 0x00ff01, 0xffffff):
                q.set_cfg(8, 0x18, nr)
                for bus in (1, 2, 0x80, 0xff):
                    q.cfg(bus << 8 | 8, 0)


class Interrupts(vmm.TestCase):
    def raise_intx(self, q, devfn):
        """Makes a legacy virtio-rng raise its pin: a queue with one buffer."""
        q.set_cfg(devfn, 0x10, 0xc000)
        q.set_cfg(devfn, 4, 5, 2)
        q.outb(0xc012, 3)
        q.outl(0xc008, 0x200)
        q.write(0x200000, (0x300000).to_bytes(8, "little") + bytes([16, 0, 0, 0, 2, 0, 0, 0]))
        q.write(0x200080, bytes([0, 0, 1, 0, 0, 0]))
        q.outb(0xc012, 7)
        q.cmd("outw 0xc010 0")

    def test_pirq_goes_to_its_ioapic_pin_and_back(self):
        with QTest(*Q35, "-device", "virtio-rng-pci,addr=6") as q:
            q.cmd("irq_intercept_in ioapic")
            self.raise_intx(q, 0x30)
            self.assertEqual(q.irqs, {22: True})  # PIRQ G: slot 6, pin A
            self.assertEqual(q.cfg(0x30, 6, 2) & 8, 8)
            q.inb(0xc013)
            self.assertEqual(q.irqs, {22: False})
            self.assertEqual(q.cfg(0x30, 6, 2) & 8, 0)

    def test_piix_routes_to_isa_interrupts(self):
        with QTest(*PC, "-device", "virtio-rng-pci,addr=6") as q:
            q.cmd("irq_intercept_in ioapic")
            q.set_cfg(8, 0x61, 11, 1)  # PIRQ B
            self.raise_intx(q, 0x30)
            self.assertEqual(q.irqs, {11: True})
            q.set_cfg(8, 0x61, 10, 1)  # rerouted while it is up
            self.assertEqual(q.irqs, {11: False, 10: True})
            q.set_cfg(8, 0x61, 0x80, 1)
            self.assertEqual(q.irqs, {11: False, 10: False})

    def test_intx_disable_hides_the_pin(self):
        with QTest(*Q35, "-device", "virtio-rng-pci,addr=6") as q:
            q.cmd("irq_intercept_in ioapic")
            self.raise_intx(q, 0x30)
            q.set_cfg(0x30, 4, 0x405, 2)
            self.assertEqual(q.irqs, {22: False})
            self.assertEqual(q.cfg(0x30, 6, 2) & 8, 8)
            q.set_cfg(0x30, 4, 5, 2)
            self.assertEqual(q.irqs, {22: True})

    def test_chipset_slots_follow_the_route_registers(self):
        with QTest(*Q35, "-device", "virtio-rng-pci,addr=1d") as q:
            q.cmd("irq_intercept_in ioapic")
            self.raise_intx(q, 0xe8)
            self.assertEqual(q.irqs, {16: True})
            q.set_cfg(0xf8, 0xf0, 0xfed1c001)
            q.st(0xfed1c000 + 0x3144, 0x3215, 2)  # D29IR: pin A to PIRQ F
            self.assertEqual(q.irqs, {16: False, 21: True})


class MsiX(vmm.TestCase):
    def test_table_masks_and_pending_bits(self):
        with QTest(*Q35, "-device", "virtio-rng-pci") as q:
            cap = q.capability(8, 0x11)
            self.assertEqual(q.cfg(8, cap + 2, 2), 1)      # two vectors
            q.set_cfg(8, 0x14, 0xc0000000)
            q.set_cfg(8, 4, 2, 2)
            self.assertEqual(q.ld(0xc000000c, 4), 1)       # masked after reset
            q.st(0xc0000000, 0xfee00000, 4)
            self.assertEqual(q.ld(0xc0000000, 4), 0xfee00000)
            self.assertEqual(q.ld(0xc0000000, 2), 0xffff)  # wrong size
            self.assertEqual(q.ld(0xc0000020, 4), 0xffffffff)  # past the table
            q.st(0xc0000800, 0xffffffff, 4)                # pending bits are read-only
            self.assertEqual(q.ld(0xc0000800, 4), 0)


class Options(vmm.TestCase):
    CASES = [
        ("virtio-rng-pci,addr=0x1f.0", "PCI: slot 31 function 0 not available for virtio-rng-pci, "
                                       "in use by ICH9-LPC,id=(null)"),
        ("virtio-rng-pci,bus=foo", "Bus 'foo' not found"),
        ("virtio-rng-pci,addr=99", "Property 'virtio-rng-pci.addr' doesn't take value '99'"),
        ("virtio-rng-pci,addr=5.9", "Property 'virtio-rng-pci.addr' doesn't take value '5.9'"),
        ("isa-debugcon,bus=pcie.0", "Device 'isa-debugcon' can't go on PCIE bus"),
        ("virtconsole", "No 'virtio-serial-bus' bus found for device 'virtconsole'"),
        ("virtio-rng-pci,multifunction=x", "Parameter 'multifunction' expects 'on' or 'off'"),
        ("virtio-rng-pci,rng=zz", "Device 'zz' not found"),
        ("virtio-rng-pci,period=0", "'period' parameter expects a positive integer"),
        ("virtio-blk-pci", "drive property not set"),
        ("virtio-blk-pci,drive=x", "Property 'virtio-blk-device.drive' can't find value 'x'"),
        ("mch", "Parameter 'driver' expects a pluggable device type"),
        ('{"driver":"virtio-rng-pci","nosuch":1}', "Property 'virtio-rng-pci.nosuch' not found"),
    ]
    PAIRS = [
        ("virtio-rng-pci,addr=3,id=a", "virtio-rng-pci,addr=3", "PCI: slot 3 function 0 not "
         "available for virtio-rng-pci, in use by virtio-rng-pci,id=a"),
        ("virtio-rng-pci,addr=3.1", "virtio-rng-pci,addr=3",
         "PCI: 3.0 indicates single function, but 3.1 is already populated."),
        ("virtio-rng-pci,addr=3", "virtio-rng-pci,addr=3.1",
         "PCI: single function device can't be populated in function 3.1"),
        ("pcie-root-port", "pcie-root-port", "Can't add chassis slot, error -16"),
        ("virtio-serial-pci", "virtserialport,nr=31",
         "virtio-serial-bus: Out-of-range port id specified, max. allowed: 30"),
    ]

    def test_wrong_devices_are_refused_with_qemus_text(self):
        for dev, text in self.CASES:
            with self.subTest(dev):
                r = vmm.run("-M", "q35", "-accel", "qtest", *"-nodefaults -display none".split(),
                            "-device", dev)
                self.assertEqual(r.status, 1)
                self.assertIn("-device %s: %s\n" % (dev, text), r.err)

    def test_pairs_that_exclude_each_other(self):
        for first, second, text in self.PAIRS:
            with self.subTest(second):
                r = vmm.run("-M", "q35", "-accel", "qtest", *"-nodefaults -display none".split(),
                            "-device", first, "-device", second)
                self.assertEqual(r.status, 1)
                self.assertIn("-device %s: %s\n" % (second, text), r.err)

    def test_json_and_keyval_give_the_same_device(self):
        for dev in ("virtio-rng-pci,addr=5.0,multifunction=on,id=x",
                    '{"driver":"virtio-rng-pci","addr":"5.0","multifunction":true,"id":"x"}'):
            with QTest(*Q35, "-device", dev) as q:
                self.assertEqual(q.cfg(0x28, 0), 0x10051af4)
                self.assertEqual(q.cfg(0x28, 0xe, 1), 0x80)


if __name__ == "__main__":
    vmm.main()
