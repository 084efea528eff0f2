#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes tests/data/io-traces/*.txt: the device accesses of a guest that stock QEMU 7.2 logged with
`-trace memory_region_ops_read -trace memory_region_ops_write`, without those whose outcome depends
on time, on guest memory or on devices that are not replayed, and without repetition.

usage: reduce-trace.py LOG.gz > FILE.txt
"""
import gzip
import re
import sys

LINE = re.compile(r"memory_region_ops_(read|write) cpu -?\d+ mr \S+ addr 0x([0-9a-f]+) "
                  r"value 0x([0-9a-f]+) size (\d) name '([^']*)'")
# The CPU's own, DMA through guest memory, write-only ports, and devices of other machines.
SKIPPED = {"apic-msi", "fwcfg", "fwcfg.dma", "ioport80", "kvmvapic", "acpi-tmr", "pcspk", "vga",
           "vga-lowmem", "vbe", "edid", "ahci", "ide", "fdc", "parallel", "i8042-data",
           "i8042-cmd", "dma-cont", "dma-chan", "dma-page"}
SKIPPED_PORTS = {0x92, 0x402}  # absent in the logged machine; the console of its firmware
CLOCK_BYTES = {0, 2, 4, 6, 7, 8, 9, 0xa, 0xc, 0x32}
HPET_COUNTER = {0xfed000f0, 0xfed000f4}
SERIAL_BYTES = 40  # then the console is like what was before


def accesses(path):
    with gzip.open(path, "rt", errors="replace") as f:
        for m in filter(None, map(LINE.match, f)):
            size = int(m[4])
            yield m[1][0], size, int(m[2], 16), int(m[3], 16) & ((1 << 8 * size) - 1), m[5]


class Reducer:
    def __init__(self):
        self.rows = []
        self.rtc_index = self.pci_index = self.serial_bytes = 0
        self.seen = set()  # configuration reads since the last write

    def timed(self, op, at, name):
        return op == "r" and (name == "pit" or at in HPET_COUNTER or
                              name == "rtc" and self.rtc_index & 0x7f in CLOCK_BYTES)

    def repeated(self, op, size, at, value, name):
        if name in ("pci-conf-data", "pcie-mmcfg-mmio"):
            if op == "w":
                self.seen.clear()
                return False
            key = (self.pci_index if name == "pci-conf-data" else 0, size, at, value)
            known = key in self.seen
            self.seen.add(key)
            absent = value == (1 << 8 * size) - 1 and self.pci_index & 0xff0000
            return known or absent
        return op == "r" and self.rows[-1:] == [(op, size, at, value)]

    def add(self, op, size, at, value, name):
        if name in SKIPPED or at in SKIPPED_PORTS or self.timed(op, at, name):
            return
        if name == "serial":
            self.serial_bytes += op == "w" and at == 0x3f8
            if self.serial_bytes > SERIAL_BYTES:
                return
        if op == "w" and at == 0x70:
            self.rtc_index = value
        if op == "w" and at in (0x70, 0xcf8) and self.rows and self.rows[-1][::2] == ("w", at):
            self.rows.pop()  # nobody used that index
        if op == "w" and at == 0xcf8:
            self.pci_index = value
        if not self.repeated(op, size, at, value, name):
            self.rows.append((op, size, at, value))


def main():
    reducer = Reducer()
    for access in accesses(sys.argv[1]):
        reducer.add(*access)
    for op, size, at, value in reducer.rows:
        print("%s%d %x %x" % (op, size, at, value))


if __name__ == "__main__":
    main()
