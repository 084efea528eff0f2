#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtio over PCI: registers, negotiation, requests, and rings that break the rules."""
import hashlib
import os
import struct
import tempfile

from qtest import QTest, VirtIO, vmm

BASE = 0xc0000000
VERSION_1, RING_RESET, EVENT_IDX, INDIRECT = 1 << 32, 1 << 40, 1 << 29, 1 << 28
RNG = ["-M", "q35", "-device", "virtio-rng-pci,addr=1"]


class Registers(vmm.TestCase):
    def test_reset_values(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            rows = [(0, 4, 0), (8, 4, 0), (0x10, 2, 0xffff), (0x12, 2, 1), (0x14, 1, 0),
                    (0x15, 1, 0), (0x16, 2, 0), (0x18, 2, 8), (0x1a, 2, 0xffff), (0x1c, 2, 0),
                    (0x1e, 2, 0), (0x20, 4, 0), (0x34, 4, 0), (0x3a, 2, 0), (0x3c, 4, 0)]
            for offset, size, value in rows:
                self.assertEqual(d.reg(offset, size), value, "register 0x%x" % offset)
            self.assertEqual(d.features(), VERSION_1 | RING_RESET | EVENT_IDX | INDIRECT)

    def test_any_access_anywhere_is_harmless(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            for part in (0, 0x1000, 0x2000, 0x3000):
                for offset in list(range(0, 0x48)) + [0xff8, 0xffc, 0xfff]:
                    for size in (1, 2, 4, 8):
                        if offset + size <= 0x1000:
                            d.reg(part + offset, size)
                            d.set_reg(part + offset, 0xa5a5a5a5a5a5a5a5 >> (64 - 8 * size), size)
            d.set_reg(0x14, 0, 1)
            self.assertEqual(d.status, 0)

    def test_absent_queues_and_vectors(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.set_reg(0x16, 1, 2)
            self.assertEqual(d.reg(0x18, 2), 0)
            d.set_reg(0x1c, 1, 2)
            self.assertEqual(d.reg(0x1c, 2), 0)
            d.set_reg(0x16, 0, 2)
            d.set_reg(0x1a, 1, 2)
            self.assertEqual(d.reg(0x1a, 2), 1)
            d.set_reg(0x1a, 2, 2)  # there are two
            self.assertEqual(d.reg(0x1a, 2), 0xffff)

    def test_features_are_settled_by_features_ok(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.set_reg(0x14, 3, 1)
            d.set_reg(0x14, 0xb, 1)        # without VERSION_1
            self.assertEqual(d.status, 3)
            d.set_reg(8, 1, 4)
            d.set_reg(0xc, 0xffffffff, 4)  # what is not offered is not taken
            self.assertEqual(d.reg(0xc, 4), (VERSION_1 | RING_RESET) >> 32)
            d.set_reg(0x14, 0xb, 1)
            self.assertEqual(d.status, 0xb)
            d.set_reg(0xc, 0, 4)
            self.assertEqual(d.reg(0xc, 4), (VERSION_1 | RING_RESET) >> 32)

    def test_configuration_access_capability(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            caps = [q.capability(8, 9, n) for n in range(5)]
            cap = next(c for c in caps if q.cfg(8, c + 3, 1) == 5)
            q.set_cfg(8, cap + 4, 4, 1)
            q.set_cfg(8, cap + 8, 0x14)
            q.set_cfg(8, cap + 12, 1)
            q.set_cfg(8, cap + 16, 1, 1)
            self.assertEqual(d.status, 1)
            self.assertEqual(q.cfg(8, cap + 16, 1), 1)
            for offset, length in ((0x15, 2), (0x10000, 4), (0xffffffff, 1), (0, 3)):
                q.set_cfg(8, cap + 8, offset)
                q.set_cfg(8, cap + 12, length)
                q.cfg(8, cap + 16)
                q.set_cfg(8, cap + 16, 0)
            self.assertEqual(d.status, 1)


class Requests(vmm.TestCase):
    def test_rng_fills_the_buffer(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.start(VERSION_1)
            ring = d.queues[0]
            addr, = ring.request(64)
            self.assertEqual(ring.used(), (1, 0, 64))
            self.assertNotEqual(q.read(addr, 64), bytes(64))
            self.assertEqual(d.reg(0x1000, 1), 1)  # ISR, cleared by the read
            self.assertEqual(d.reg(0x1000, 1), 0)

    def test_no_dma_without_bus_mastering(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.start(VERSION_1)
            q.set_cfg(8, 4, 2, 2)
            d.queues[0].request(64)
            self.assertEqual(d.queues[0].used()[0], 0)

    def test_interrupt_suppression_by_event_index(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.start(VERSION_1 | EVENT_IDX)
            ring = d.queues[0]
            q.st(ring.at + 0x1004 + 2 * 8, 1, 2)  # used_event: tell of the second
            ring.request(16)
            d.reg(0x1000, 1)                      # the first is always told
            ring.request(16)
            self.assertEqual(d.reg(0x1000, 1), 1)
            ring.request(16)
            self.assertEqual(d.reg(0x1000, 1), 0)
            self.assertEqual(q.ld(ring.at + 0x2004 + 8 * 8, 2), 3)  # avail_event

    def test_indirect_descriptors(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.start(VERSION_1 | INDIRECT)
            ring = d.queues[0]
            q.write(0x180000, struct.pack("<QIHH", 0x190000, 8, 3, 1) +
                    struct.pack("<QIHH", 0x1a0000, 8, 2, 0))
            ring.desc(0, 0x180000, 32, 4)
            ring.offer(0)
            self.assertEqual(ring.used(), (1, 0, 16))

    def test_packed_ring(self):
        with QTest("-M", "q35", "-device", "virtio-rng-pci,addr=1,packed=on") as q:
            d = VirtIO(q, 8, BASE)
            d.start(VERSION_1 | 1 << 34)
            at = d.queues[0].at
            for turn in range(20):  # the ring of 8 wraps twice
                wrap = turn // 8 % 2 == 0
                slot = at + 16 * (turn % 8)
                q.write(slot, struct.pack("<QIHH", 0x180000, 32, 100 + turn,
                                          2 | (0x80 if wrap else 0x8000)))
                d.notify(0)
                self.assertEqual(struct.unpack("<IHH", q.read(slot + 8, 8)),
                                 (32, 100 + turn, 2 | (0x8080 if wrap else 0)))

    def test_queue_reset(self):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.start(VERSION_1 | RING_RESET)
            d.queues[0].request(8)
            d.set_reg(0x3a, 1, 2)
            self.assertEqual((d.reg(0x3a, 2), d.reg(0x1c, 2)), (0, 0))
            d.queues[0].__init__(d, 0, 8, 0x100000)
            d.queues[0].request(8)
            self.assertEqual(d.queues[0].used()[0], 1)


class Broken(vmm.TestCase):
    """Each breaks a rule of 2.7.5: the device must say NEEDS_RESET, do nothing more, and work again
    after reset."""

    def check(self, breaks, features=VERSION_1):
        with QTest(*RNG) as q:
            d = VirtIO(q, 8, BASE)
            d.start(features)
            breaks(q, d.queues[0])
            self.assertEqual(d.status, 0xf | 0x40)
            self.assertEqual(d.reg(0x1000, 1) & 2, 2)
            d.queues[0].request(8)
            self.assertEqual(d.queues[0].used()[0], 0)
            d.start(features)
            d.queues[0].request(8)
            self.assertEqual(d.queues[0].used()[0], 1)

    def offer(self, *desc):
        def breaks(q, ring):
            ring.desc(0, *desc)
            ring.offer(0)
        return breaks

    def test_head_past_the_ring(self):
        self.check(lambda q, ring: ring.offer(8))

    def test_next_past_the_ring(self):
        self.check(self.offer(0x180000, 8, 3, 8))

    def test_loop(self):
        self.check(self.offer(0x180000, 8, 3, 0))

    def test_buffer_outside_ram(self):
        self.check(self.offer(0xd0000000, 8, 2))

    def test_buffer_in_a_devices_registers(self):
        self.check(self.offer(BASE + 0x3000, 8, 2))

    def test_buffer_that_wraps(self):
        self.check(self.offer(0xfffffffffffffff8, 16, 2))

    def test_empty_buffer(self):
        self.check(self.offer(0x180000, 0, 2))

    def test_indirect_without_the_feature(self):
        self.check(self.offer(0x180000, 16, 4))

    def test_indirect_of_odd_length(self):
        self.check(self.offer(0x180000, 17, 4), VERSION_1 | INDIRECT)

    def test_indirect_inside_indirect(self):
        def breaks(q, ring):
            q.write(0x180000, struct.pack("<QIHH", 0x180000, 16, 4, 0))
            self.offer(0x180000, 16, 4)(q, ring)
        self.check(breaks, VERSION_1 | INDIRECT)

    def test_read_after_write(self):
        def breaks(q, ring):
            ring.desc(1, 0x180000, 8, 0)
            self.offer(0x180000, 8, 3, 1)(q, ring)
        self.check(breaks)

    def test_available_index_jumps(self):
        def breaks(q, ring):
            q.st(ring.at + 0x1002, 100, 2)
            ring.dev.notify(0)
        self.check(breaks)


class Block(vmm.TestCase):
    ARGS, PROPS = [], ""

    def setUp(self):
        self.image = tempfile.NamedTemporaryFile(suffix=".raw")
        self.data = b"".join(hashlib.sha512(bytes([i])).digest() for i in range(256)) * 64
        self.image.write(self.data)  # 1 MiB
        self.image.flush()

    def open(self, extra="", drive=""):
        q = QTest("-M", "q35", *self.ARGS, "-drive", "file=%s,format=raw,if=none,id=d%s"
                  % (self.image.name, drive), "-device",
                  "virtio-blk-pci,addr=1,drive=d,serial=S1%s%s" % (self.PROPS, extra))
        return q

    def ready(self, q, features=VERSION_1):
        d = VirtIO(q, 8, BASE)
        d.start(features)
        return d

    def wait(self, q, ring, count):
        vmm.wait_until(lambda: ring.used()[0] == count, what="request")
        return ring.used()

    def send(self, q, d, kind, sector, *buffers):
        ring = d.queues[0]
        count = ring.used()[0] + 1
        addrs = ring.request(struct.pack("<IIQ", kind, 0, sector), *buffers, 1)
        self.wait(q, ring, count)
        return q.read(addrs[-1], 1)[0], addrs

    def test_configuration_space(self):
        with self.open() as q:
            d = self.ready(q)
            self.assertEqual(d.reg(0x2000, 4), 2048)
            self.assertEqual(d.reg(0x2014, 4), 512)
            self.assertEqual(d.reg(0x203c, 4), 0xffffffff)  # past the end

    def test_reads_and_writes(self):
        with self.open() as q:
            d = self.ready(q)
            status, addrs = self.send(q, d, 0, 8, 1024)
            self.assertEqual((status, q.read(addrs[1], 1024)), (0, self.data[4096:5120]))
            self.assertEqual(d.queues[0].used()[2], 1025)
            status, _ = self.send(q, d, 1, 16, b"\x5a" * 512)
            self.assertEqual(status, 0)
            self.assertEqual(self.send(q, d, 4, 0)[0], 0)   # flush
            with open(self.image.name, "rb") as f:
                f.seek(8192)
                self.assertEqual(f.read(513), b"\x5a" * 512 + self.data[8704:8705])

    def test_aio_native_needs_direct_access(self):
        r = vmm.run("-M", "none", "-display", "none", "-drive",
                    "if=none,id=d,format=raw,aio=native,file=" + self.image.name)
        self.assertEqual(r.status, 1)
        self.assertIn("aio=native was specified, but it requires cache.direct=on", r.err)

    def test_identity(self):
        with self.open() as q:
            status, addrs = self.send(q, self.ready(q), 8, 0, 20)
            self.assertEqual((status, q.read(addrs[1], 20)), (0, b"S1" + bytes(18)))

    def test_wrong_requests_get_an_error(self):
        with self.open() as q:
            d = self.ready(q)
            for kind, sector, buf, want in ((0, 2048, 512, 1), (0, 2047, 1024, 1),
                                            (0, 1 << 60, 512, 1), (0, 0, 100, 1),
                                            (1, 2048, b"x" * 512, 1), (99, 0, 512, 2),
                                            (11, 0, b"x" * 16, 2)):
                status, _ = self.send(q, d, kind, sector, buf)
                self.assertEqual(status, want, "type %d sector %d" % (kind, sector))

    def test_discard_and_write_zeroes(self):
        with self.open(drive=",discard=unmap") as q:
            d = self.ready(q, VERSION_1 | 1 << 13 | 1 << 14)
            self.assertEqual(self.send(q, d, 13, 0, struct.pack("<QII", 4, 2, 0))[0], 0)
            self.assertEqual(self.send(q, d, 11, 0, struct.pack("<QII", 8, 8, 0))[0], 0)
            self.assertEqual(self.send(q, d, 13, 0, struct.pack("<QII", 2047, 2, 0))[0], 1)
            self.assertEqual(self.send(q, d, 13, 0, struct.pack("<QII", 0, 1, 2))[0], 2)
            status, addrs = self.send(q, d, 0, 3, 2048)
            self.assertEqual(q.read(addrs[1], 2048),
                             self.data[1536:2048] + bytes(1024) + self.data[3072:3584])

    def test_read_only(self):
        with self.open(drive=",readonly=on") as q:
            d = self.ready(q, VERSION_1 | 1 << 5)
            self.assertTrue(d.features() & 1 << 5)
            self.assertEqual(self.send(q, d, 1, 0, b"x" * 512)[0], 1)

    def test_request_without_header_or_status(self):
        for buffers in ((512,), (b"x" * 16,), (b"x" * 15, 1)):
            with self.open() as q:
                d = self.ready(q)
                d.queues[0].request(*buffers)
                vmm.wait_until(lambda: d.status & 0x40, what="DEVICE_NEEDS_RESET")

    def test_reset_ends_requests_in_flight(self):
        with self.open(",num-queues=2") as q:
            for n in range(50):
                d = VirtIO(q, 8, BASE)
                d.start(VERSION_1, queues=(0, 1))
                for queue in (0, 1):
                    d.queues[queue].request(struct.pack("<IIQ", n & 1, 0, 0),
                                            bytes(512) if n & 1 else 512, 1)
                d.set_reg(0x14, 0, 1)
                self.assertEqual(d.status, 0)
                used = [d.queues[queue].used()[0] for queue in (0, 1)]
                q.cmd("clock_step 1000000") if n % 10 == 0 else None
                self.assertEqual([d.queues[queue].used()[0] for queue in (0, 1)], used,
                                 "the device wrote after its reset")

    def test_intx_is_raised_and_reading_isr_lowers_it(self):
        with self.open() as q:
            d = self.ready(q)
            for sector in range(20):
                self.send(q, d, 0, sector, 512)
                vmm.wait_until(lambda: q.cfg(8, 6, 2) & 8, what="INTx")
                self.assertEqual(d.reg(0x1000, 1) & 1, 1)
                self.assertEqual(q.cfg(8, 6, 2) & 8, 0)
                self.assertEqual(d.reg(0x1000, 1), 0)


class BlockInIOThread(Block):
    """The same with the queues in an event loop of their own."""
    ARGS, PROPS = ["-object", "iothread,id=t"], ",iothread=t"

    def test_properties_and_their_errors(self):
        drive = ["-M", "q35", "-object", "iothread,id=t", "-drive",
                 "if=none,id=d,format=raw,file=" + self.image.name, "-device"]
        for device, want in (("virtio-blk-pci,drive=d,iothread=u", "Device 'u' not found"),
                             ("virtio-blk-pci,drive=d,iothread=t,ioeventfd=off",
                              "ioeventfd is required for iothread")):
            r = vmm.run("-nodefaults", "-display", "none", "-accel", "qtest", *drive, device)
            self.assertEqual(r.status, 1)
            self.assertIn(want, r.err)


class Serial(vmm.TestCase):
    ARGS = ["-M", "q35", "-device", "virtio-serial-pci,addr=1", "-chardev"]

    def test_ports_are_announced_and_carry_data(self):
        with tempfile.TemporaryDirectory() as tmp:
            out = os.path.join(tmp, "out")
            with QTest(*self.ARGS, "file,id=c,path=" + out, "-device", "virtconsole,chardev=c",
                       "-device", "virtserialport,nr=3,name=org.example") as q:
                d = VirtIO(q, 8, BASE)
                d.start(VERSION_1 | 2, queues=(0, 1, 2, 3))
                self.assertEqual(d.reg(0x2004, 4), 31)
                control = d.queues[2]
                for i in range(8):  # buffers for what the device says
                    control.desc(i, 0x180000 + 64 * i, 64, 2)
                    control.offer(i)
                d.queues[3].request(struct.pack("<IHH", 0, 0, 1))  # DEVICE_READY
                self.assertEqual(control.used()[0], 2)
                said = [struct.unpack("<IHH", q.read(0x180000 + 64 * i, 8)) for i in range(2)]
                self.assertEqual(said, [(0, 1, 1), (3, 1, 1)])     # PORT_ADD
                d.queues[3].request(struct.pack("<IHH", 3, 3, 1))  # PORT_READY
                self.assertEqual(q.read(0x180000 + 128, 8), struct.pack("<IHH", 3, 7, 1))
                self.assertEqual(q.read(0x180000 + 136, 12), b"org.example\0")
                d.queues[3].request(struct.pack("<IHH", 99, 3, 1))  # no such port
                d.queues[1].request(b"hello ", b"console\n")
                self.assertEqual(d.queues[1].used()[0], 1)
            with open(out, "rb") as f:
                self.assertEqual(f.read(), b"hello console\n")


if __name__ == "__main__":
    vmm.main()
