#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the seeds of fuzz-virtio: drivers that do nothing wrong. usage: make-virtio-seeds.py DIR"""
import os
import struct
import sys

WRITE, NEXT = 2, 1
NOTIFY, MAIN_LOOP, ISR, CABLE = 0, 15, 13, 14


class Input:
    """Memory and operations; see the head of fuzz-virtio.c."""

    def __init__(self, queues, features=0):
        self.head = bytes([features, queues, 2])
        self.memory, self.ops = bytearray(0x1000), []
        self.avail = {}

    def put(self, at, data):
        self.memory[at:at + len(data)] = data

    def request(self, n, *buffers, packed=False):
        """Each buffer: (address, bytes to read or a length to write)."""
        base, first = n * 0x400, self.avail.get(n, 0)
        for i, (at, what) in enumerate(buffers):
            write = isinstance(what, int)
            if not write:
                self.put(at, what)
            last = i == len(buffers) - 1
            flags = (WRITE if write else 0) | (0 if last else NEXT)
            length = what if write else len(what)
            if packed:
                self.put(base + 16 * i, struct.pack("<QIHH", at, length, 0, flags | 1 << 7))
            else:
                self.put(base + 16 * (first + i),
                         struct.pack("<QIHH", at, length, flags, first + i + 1))
        count = struct.unpack_from("<H", self.memory, base + 0x102)[0]
        self.put(base + 0x104 + 2 * count, struct.pack("<H", first))
        self.put(base + 0x102, struct.pack("<H", count + 1))
        self.avail[n] = first + len(buffers)
        self.ops += [(NOTIFY, n, 0), (MAIN_LOOP, 0, 0), (ISR, 0, 0)]

    def bytes(self):
        ops = b"".join(struct.pack("<BBI", *op)[:5] for op in self.ops)
        return self.head + bytes([len(self.ops)]) + ops + bytes(self.memory).rstrip(b"\0")


def disk_requests(features=0, packed=False):
    for kind, data in ((0, (0x2000, 512)), (1, (0x340, b"x" * 64)), (4, None), (8, (0x2000, 20)),
                       (11, (0x340, struct.pack("<QII", 8, 8, 0))),
                       (13, (0x340, struct.pack("<QII", 0, 8, 1)))):
        i = Input(3, features)
        buffers = [(0x300, struct.pack("<IIQ", kind, 0, 1))] + ([data] if data else [])
        i.request(0, *buffers, (0x3f0, 1), packed=packed)
        yield i.bytes()


def serial():
    i = Input(15)
    for k in range(3):
        i.request(2, (0x2000 + 64 * k, 64))
    i.request(0, (0x2100, 64))
    i.request(3, (0xf00, struct.pack("<IHH", 0, 0, 1)))
    i.request(3, (0xf10, struct.pack("<IHH", 0, 3, 1)))
    i.request(3, (0xf20, struct.pack("<IHH", 0, 6, 1)))
    i.request(1, (0x700, b"hello"))
    yield i.bytes()


def balloon():
    i = Input(15)
    i.request(2, (0xb00, struct.pack("<HQHQ", 0, 1, 5, 1 << 20)))
    i.request(0, (0x300, struct.pack("<4I", 32, 33, 34, 0xffffffff)))
    i.request(1, (0x700, struct.pack("<4I", 32, 33, 34, 1)))
    i.request(3, (0x8000, 0x4000))
    yield i.bytes()


def rng():
    i = Input(1)
    i.request(0, (0x2000, 64), (0x3000, 1000))
    i.request(0, (0x2000, 5))
    yield i.bytes()


def net(features=0, packed=False):
    frame = b"\xff" * 6 + bytes.fromhex("020000000001") + b"\x88\xb5" + b"payload" * 9
    i = Input(7, features)
    i.request(1, (0x700, bytes(12)), (0x740, frame), packed=packed)
    i.request(0, (0x2000, 2048), packed=packed)
    i.put(0xd00, bytes(12) + frame)
    i.ops += [(CABLE, 0, 0xd000 + 12 + len(frame)), (CABLE, 0, 0x10001)]
    for k, command in enumerate((b"\0\0\0", b"\1\1\2\0\0\0\0\1",
                                 b"\1\0" + struct.pack("<I", 1) + frame[6:12] + bytes(4),
                                 b"\2\0\5\0", b"\5\0" + bytes(8))):
        i.request(2, (0xb00 + 32 * k, command), (0xbf0, 1), packed=packed)
    yield i.bytes()


def main():
    seeds = {
        "virtio-blk": list(disk_requests()) + list(disk_requests(3, packed=True)),
        "virtio-serial": list(serial()), "virtio-balloon": list(balloon()), "virtio-rng": list(rng()),
        "virtio-net": list(net()) + list(net(3)) + list(net(3, packed=True)),
    }
    for name, inputs in seeds.items():
        for n, data in enumerate(inputs):
            with open(os.path.join(sys.argv[1], "%s-%d.seed" % (name, n)), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
