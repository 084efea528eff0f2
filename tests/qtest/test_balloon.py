#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The balloon: pages that the guest gives away are gone, numbers that are no pages do no harm,
statistics and changes reach the monitor."""
import os
import struct

from qtest import QTest, VirtIO, vmm

BASE = 0xc0000000
VERSION_1, STATS, POISON, REPORTING = 1 << 32, 1 << 1, 1 << 4, 1 << 5
INFLATE, DEFLATE, STATS_QUEUE, REPORT = range(4)
MIB = 1 << 20


class Balloon(QTest):
    """A machine with a balloon at 1.0 and a QMP session."""

    def __init__(self, *args, props=""):
        self.qmp = None
        super().__init__("-M", "q35", "-m", "64", "-device",
                         "virtio-balloon-pci,addr=1,id=b" + props, "-qmp",
                         "unix:/tmp/balloon-%d,server=on,wait=off" % os.getpid(), *args)

    def __enter__(self):
        self.qmp = vmm.QMP.connect("/tmp/balloon-%d" % os.getpid())
        self.dev = VirtIO(self, 8, BASE)
        return self

    def __exit__(self, *exc):
        self.qmp.close()
        super().__exit__(*exc)

    def get(self, name):
        return self.qmp.cmd("qom-get", {"path": "/machine/peripheral/b", "property": name})

    def set(self, name, value):
        self.qmp.cmd("qom-set", {"path": "/machine/peripheral/b", "property": name, "value": value})

    def put(self, queue, *pages):
        self.dev.queues[queue].request(struct.pack("<%dI" % len(pages), *pages))


class Pages(vmm.TestCase):
    def check_inflate(self, *args):
        with Balloon(*args) as q:
            q.dev.start(VERSION_1, (INFLATE, DEFLATE))
            for page in (0x1000, 0x1001, 0x1003, 0x1004):
                q.write(page << 12, b"\xaa" * 4096)
            q.put(INFLATE, 0x1001, 0x1000, 0x1004)
            self.assertEqual(q.dev.queues[INFLATE].used(), (1, 0, 0))
            for page, gone in ((0x1000, True), (0x1001, True), (0x1003, False), (0x1004, True)):
                self.assertEqual(q.read(page << 12, 4096), bytes(4096) if gone else b"\xaa" * 4096,
                                 hex(page))
            q.put(DEFLATE, 0x1000)
            q.write(0x1000 << 12, b"new")
            self.assertEqual(q.read(0x1000 << 12, 4), b"new\0")

    def test_inflated_pages_are_gone_and_come_back(self):
        self.check_inflate()

    def test_the_same_with_shared_memory(self):
        self.check_inflate("-object", "memory-backend-memfd,id=m,size=64M", "-machine",
                           "memory-backend=m")

    def test_a_shared_file_loses_the_blocks(self):
        path = "/dev/shm/balloon-file-%d" % os.getpid()
        with Balloon("-object", "memory-backend-file,id=m,size=64M,share=on,mem-path=" + path,
                     "-machine", "memory-backend=m") as q:
            try:
                q.dev.start(VERSION_1, (INFLATE,))
                q.write(16 * MIB, b"\xaa" * MIB)
                before = os.stat(path).st_blocks
                q.put(INFLATE, *range(0x1000, 0x1100))
                # The request itself takes a page or two.
                self.assertGreater(before - os.stat(path).st_blocks, (MIB - 32768) // 512)
            finally:
                os.unlink(path)

    def test_memory_returns_to_the_host(self):
        with Balloon() as q:
            def resident():
                with open("/proc/%d/status" % q.proc.pid) as f:
                    return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
            q.dev.start(VERSION_1, (INFLATE,))
            for at in range(16, 48):
                q.write(at * MIB, b"\x55" * MIB)
            before = resident()
            for at in range(16, 48):
                q.put(INFLATE, *range(at << 8, (at + 1) << 8))
            self.assertGreater(before - resident(), 24 << 10)

    def test_numbers_that_are_no_ram_do_no_harm(self):
        with Balloon() as q:
            q.dev.start(VERSION_1, (INFLATE, DEFLATE))
            q.write(0x4000 << 8, b"\xaa" * 4096)
            for pages in ((0xffffffff, 0, 0xfee00, 0xfec00, 0xa0, 0xb8, 0x3fff, 0x4000, 0xc0000),
                          (0,) * 200, range(0xfffffff0, 0x100000000), (0x80000000,)):
                q.put(INFLATE, *pages)
                q.put(DEFLATE, *pages)
            # Requests of odd lengths, of none, and with buffers the device may not read.
            for buf in (b"\1", b"\1\2\3", b"\0\0\0\0\5", 64, 1):
                q.dev.queues[INFLATE].request(buf)
            self.assertEqual(q.dev.status, 0xf)
            self.assertEqual(q.read(0x4000 << 8, 4), b"\xaa" * 4)

    def test_a_balloon_over_its_own_rings(self):
        with Balloon() as q:
            q.dev.start(VERSION_1, (INFLATE,))
            q.put(INFLATE, 0x100, 0x101, 0x102, 0x104)
            q.dev.notify(INFLATE)
            q.dev.set_reg(0x14, 0, 1)
            self.assertEqual(q.dev.status, 0)

    def test_reported_pages_are_gone_unless_poisoned(self):
        for poison in (0, 0x5a5a5a5a):
            with Balloon(props=",free-page-reporting=on") as q:
                q.dev.start(VERSION_1 | REPORTING | POISON, (INFLATE, DEFLATE, STATS_QUEUE, REPORT))
                q.dev.set_reg(0x200c, poison, 4)
                q.write(32 * MIB, b"\xaa" * 8192)
                ring = q.dev.queues[REPORT]
                ring.desc(0, 32 * MIB, 4096, 2)
                ring.offer(0)
                self.assertEqual(ring.used()[0], 1)
                gone = bytes(4096) if not poison else b"\xaa" * 4096
                self.assertEqual(q.read(32 * MIB, 4096), gone)
                self.assertEqual(q.read(32 * MIB + 4096, 4096), b"\xaa" * 4096)


class Monitor(vmm.TestCase):
    def test_target_and_change(self):
        with Balloon() as q:
            q.dev.start(VERSION_1, (INFLATE,))
            self.assertEqual(q.qmp.cmd("query-balloon"), {"actual": 64 * MIB})
            for value, pages in ((48 * MIB, 16 << 8), (1, 0x3fff), (1 << 60, 0)):
                q.qmp.cmd("balloon", {"value": value})
                self.assertEqual(q.dev.reg(0x2000, 4), pages)
            q.dev.set_reg(0x2004, 16 << 8, 4)
            event = q.qmp.event("BALLOON_CHANGE")
            self.assertEqual(event["data"], {"actual": 48 * MIB})
            for pages in range(100):  # the client is not flooded, and the last one arrives
                q.dev.set_reg(0x2004, pages, 4)
            event = q.qmp.event("BALLOON_CHANGE")
            self.assertEqual(event["data"], {"actual": 64 * MIB - 99 * 4096})
            q.dev.set_reg(0x2004, 0xffffffff, 4)
            self.assertEqual(q.qmp.cmd("query-balloon"), {"actual": 0})
            self.assertEqual(q.qmp.hmp("balloon 32"), "")
            self.assertEqual(q.dev.reg(0x2000, 4), 32 << 8)

    def test_statistics(self):
        with Balloon() as q:
            stats = q.get("guest-stats")
            self.assertEqual(stats["last-update"], 0)
            self.assertEqual(len(stats["stats"]), 16)
            self.assertEqual(set(stats["stats"].values()), {2 ** 64 - 1})
            q.dev.start(VERSION_1 | STATS, (INFLATE, DEFLATE, STATS_QUEUE))
            ring = q.dev.queues[STATS_QUEUE]
            q.set("guest-stats-polling-interval", 2)
            self.assertEqual(q.get("guest-stats-polling-interval"), 2)
            ring.request(struct.pack("<HQHQHQ", 4, 111, 0xffff, 5, 7, 222))
            self.assertEqual(ring.used()[0], 0)  # the device keeps it until it wants new ones
            stats = q.get("guest-stats")
            self.assertGreater(stats["last-update"], 0)
            self.assertEqual(stats["stats"]["stat-free-memory"], 111)
            self.assertEqual(stats["stats"]["stat-disk-caches"], 222)
            self.assertEqual(stats["stats"]["stat-swap-in"], 2 ** 64 - 1)
            for turn in range(1, 4):
                q.cmd("clock_step 2000000000")
                self.assertEqual(ring.used()[0], turn)
                ring.request(struct.pack("<HQ", 4, turn))
                self.assertEqual(q.get("guest-stats")["stats"]["stat-free-memory"], turn)
            ring.request(b"\4")  # a second one pushes the first out; too short to say anything
            self.assertEqual(ring.used()[0], 4)
            q.dev.set_reg(0x14, 0, 1)
            q.cmd("clock_step 9000000000")

    def test_mistakes_are_explained(self):
        with Balloon() as q:
            for value, text in ((-1, "timer value must be greater than zero"),
                                (1 << 33, "timer value is too big"),
                                ("1", "Invalid parameter type")):
                with self.assertRaisesRegex(vmm.QMPError, text):
                    q.set("guest-stats-polling-interval", value)
            with self.assertRaisesRegex(vmm.QMPError, "is not writable"):
                q.set("guest-stats", 1)
            for value in (0, -5):
                with self.assertRaisesRegex(vmm.QMPError, "Parameter 'target' expects a size"):
                    q.qmp.cmd("balloon", {"value": value})
        for text, args in (("Only one balloon device is supported",
                            ["-device", "virtio-balloon-pci"] * 2),
                           ("'free-page-hint' requires 'iothread' to be set",
                            ["-device", "virtio-balloon-pci,free-page-hint=on"])):
            result = vmm.run("-accel", "qtest", "-nodefaults", "-display", "none", "-S", *args)
            self.assertEqual(result.status, 1)
            self.assertIn(text, result.err)
        with vmm.VMM("-accel", "qtest", "-S") as vm:
            for name, args in (("balloon", {"value": 1}), ("query-balloon", None)):
                with self.assertRaisesRegex(vmm.QMPError, "DeviceNotActive: No balloon device"):
                    vm.cmd(name, args)

    def test_the_function_as_in_qemu(self):
        with Balloon() as q, QTest("-M", "q35", "-device", "virtio-balloon-pci,addr=1",
                                   binary=vmm.need_peer()) as peer:
            VirtIO(peer, 8, BASE)
            for reg in (0, 8, 0x2c):
                self.assertEqual(q.cfg(8, reg), peer.cfg(8, reg), hex(reg))
            theirs = VirtIO(peer, 8, BASE)
            self.assertEqual(q.dev.features(), theirs.features())
            self.assertEqual(q.dev.reg(0x12, 2), theirs.reg(0x12, 2))
            for offset in range(0x2000, 0x2018, 4):
                self.assertEqual(q.dev.reg(offset, 4), theirs.reg(offset, 4), hex(offset))


if __name__ == "__main__":
    vmm.main()
