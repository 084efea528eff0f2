#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The network device: registers, frames in and out, control queue, what a driver or a peer can do
wrong; and the back ends that are sockets. The peer is this script."""
import fcntl
import json
import os
import socket
import struct
import tempfile
import time

from qtest import QTest, VirtIO, vmm

BASE = 0xc0000000
VERSION_1, MRG_RXBUF, STATUS, PACKED = 1 << 32, 1 << 15, 1 << 16, 1 << 34
CTRL_VQ, CTRL_RX, CTRL_VLAN, CTRL_MAC, ANNOUNCE = 1 << 17, 1 << 18, 1 << 19, 1 << 23, 1 << 21
USUAL = VERSION_1 | MRG_RXBUF | STATUS | CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_MAC | ANNOUNCE
MAC = bytes.fromhex("525400123456")
OTHER = bytes.fromhex("020000000001")
HEADER = bytes(12)


def frame(dst=MAC, payload=b"x" * 50, kind=0x88b5):
    return dst + OTHER + struct.pack(">H", kind) + payload


class Net(vmm.TestCase):
    """A device whose cable ends here, by datagrams of one frame each."""

    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="net-")
        self.addCleanup(self.tmp.cleanup)
        self.peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.peer.bind(self.path("peer"))
        self.peer.settimeout(60)

    def path(self, name):
        return os.path.join(self.tmp.name, name)

    def netdev(self):
        return ("dgram,id=n,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s"
                % (self.path("vm"), self.path("peer")))

    def open(self, props="", netdev=None):
        return QTest("-M", "q35", "-netdev", netdev or self.netdev(), "-device",
                     "virtio-net-pci,addr=1,netdev=n,id=net0,mac=52:54:00:12:34:56" + props,
                     "-qmp", "unix:%s,server=on,wait=off" % self.path("qmp"), run=True)

    def ready(self, q, features=USUAL, queues=(0, 1, 2)):
        d = VirtIO(q, 8, BASE)
        d.start(features, queues=queues)
        return d

    def qmp(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(self.path("qmp"))
        self.addCleanup(s.close)
        return vmm.QMP(s)

    def to_guest(self, data):
        self.peer.sendto(data, self.path("vm"))

    def used(self, ring, count):
        vmm.wait_until(lambda: ring.used()[0] >= count, what="%d used buffers" % count)
        return ring.used()

    def give(self, ring, *lengths):
        """Receive buffers, each of one descriptor; returns their addresses."""
        addrs = [ring.at + 0x4000 + 0x1000 * i for i in range(len(lengths))]
        for i, (addr, length) in enumerate(zip(addrs, lengths)):
            ring.desc(i, addr, length, 2)
            ring.offer(i)
        return addrs

    def command(self, d, cls, number, data=b""):
        """The answer: 0 done, 1 refused."""
        ring = d.queues[2]
        count = ring.used()[0] + 1
        buffers = [bytes([cls, number])] + ([data] if data else []) + [1]
        addrs = ring.request(*buffers)
        self.used(ring, count)
        return d.q.read(addrs[-1], 1)[0]


class Registers(Net):
    def test_features_and_configuration(self):
        for props, features, config in (
                ("", 0x10130bf8024, "525400123456" "0100"),
                (",mq=on,host_mtu=1400", 0x10130ff802c, "525400123456" "0100" "0100" "7805"),
                (",speed=1000,duplex=full", 0x8000010130bf8024,
                 "525400123456" "0100" "0100" "0000" "e8030000" "01")):
            with self.open(props) as q:
                d = VirtIO(q, 8, BASE)
                self.assertEqual(d.features(), features, props)
                want = bytes.fromhex(config)
                got = bytes(d.reg(0x2000 + i, 1) for i in range(len(want)))
                self.assertEqual(got, want, props)
                self.assertEqual(d.reg(0x2000 + len(want), 1), 0xff)  # past the end

    def test_identity(self):
        with self.open() as q:
            self.assertEqual((q.cfg(8, 0), q.cfg(8, 8) >> 16, q.cfg(8, 0x2c)),
                             (0x10001af4, 0x0200, 0x11af4))
            d = VirtIO(q, 8, BASE)
            sizes = []
            for n in range(4):
                d.set_reg(0x16, n, 2)
                sizes.append(d.reg(0x18, 2))
            self.assertEqual(sizes, [256, 256, 64, 0])

    def test_link_status_interrupts_the_driver(self):
        with self.open() as q:
            d = self.ready(q)
            qmp = self.qmp()
            self.assertEqual(d.reg(0x2006, 2), 1)
            qmp.cmd("set_link", {"name": "net0", "up": False})
            self.assertEqual((d.reg(0x2006, 2), d.reg(0x1000, 1) & 2), (0, 2))
            d.queues[1].request(HEADER + frame())  # goes nowhere
            self.used(d.queues[1], 1)
            qmp.cmd("set_link", {"name": "n", "up": True})
            self.assertEqual((d.reg(0x2006, 2), d.reg(0x1000, 1) & 2), (1, 2))
            d.queues[1].request(HEADER + frame(payload=b"second"))
            self.assertEqual(self.peer.recv(2000), frame(payload=b"second"))


class Frames(Net):
    def test_send(self):
        with self.open() as q:
            d = self.ready(q)
            ring = d.queues[1]
            for n, buffers in enumerate(([HEADER + frame()], [HEADER, frame()],
                                         [HEADER[:5], HEADER[5:] + frame()[:3], frame()[3:]])):
                ring.request(*buffers)
                self.assertEqual(self.peer.recv(2000), frame())
                self.assertEqual(self.used(ring, n + 1)[2], 0)

    def test_send_the_largest_frame(self):
        with self.open() as q:
            d = self.ready(q)
            self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            big = frame(payload=bytes(i & 0xff for i in range(65000)))
            q.write(0x400000, HEADER + big)
            d.queues[1].desc(0, 0x400000, len(HEADER + big))
            d.queues[1].offer(0)
            self.assertEqual(self.peer.recv(1 << 17), big)
            d.queues[1].desc(0, 0x400000, 1 << 20)  # no frame is that long: lost
            d.queues[1].offer(0)
            self.used(d.queues[1], 2)
            d.queues[1].request(HEADER + frame())
            self.assertEqual(self.peer.recv(2000), frame())

    def test_receive(self):
        with self.open() as q:
            d = self.ready(q)
            ring = d.queues[0]
            self.to_guest(frame(payload=b"early"))  # waits until there is a buffer
            addr, = self.give(ring, 2048)
            want = frame(payload=b"early")
            self.assertEqual(self.used(ring, 1), (1, 0, 12 + len(want)))
            self.assertEqual(q.read(addr, 12 + len(want)), bytes(10) + b"\1\0" + want)

    def test_receive_into_several_buffers(self):
        with self.open() as q:
            d = self.ready(q)
            ring = d.queues[0]
            addrs = self.give(ring, 64, 64)
            want = frame(payload=bytes(range(100)) + b"end")
            self.to_guest(want)
            time.sleep(0.2)
            self.assertEqual(ring.used()[0], 0)  # two are not enough: none is taken
            ring.desc(2, ring.at + 0x6000, 64, 2)
            ring.offer(2)
            addrs.append(ring.at + 0x6000)
            self.assertEqual(self.used(ring, 3)[0], 3)
            parts = [q.read(a, 64) for a in addrs]
            self.assertEqual(parts[0][:12], bytes(10) + b"\3\0")
            self.assertEqual((parts[0][12:] + parts[1] + parts[2])[:len(want)], want)

    def test_receive_in_order_and_nothing_is_lost(self):
        with self.open() as q:
            d = self.ready(q)
            ring = d.queues[0]
            sent = [frame(payload=struct.pack(">I", i) * 10) for i in range(100)]
            for data in sent[:8]:  # more than that the kernel does not hold
                self.to_guest(data)
            for i, data in enumerate(sent):
                ring.desc(0, ring.at + 0x4000, 2048, 2)
                ring.offer(0)
                self.used(ring, i + 1)
                self.assertEqual(q.read(ring.at + 0x4000 + 12, len(data)), data)
                for later in sent[i + 8:i + 9]:
                    self.to_guest(later)

    def test_too_long_without_mergeable_buffers_is_dropped(self):
        with self.open() as q:
            d = self.ready(q, USUAL & ~MRG_RXBUF)
            ring = d.queues[0]
            addr, = self.give(ring, 64)
            self.to_guest(frame(payload=bytes(200)))
            self.to_guest(frame(payload=b"short"))
            self.used(ring, 1)
            self.assertEqual(q.read(addr + 12, 19), frame(payload=b"short"))

    def test_packed_rings(self):
        with self.open(",packed=on") as q:
            d = self.ready(q, USUAL | PACKED)
            at = d.queues[0].at
            for i in range(3):
                q.write(at + 16 * i, struct.pack("<QIHH", 0x180000 + 64 * i, 64, 7 + i, 0x82))
            d.notify(0)
            want = frame(payload=bytes(range(120)))
            self.to_guest(want)
            vmm.wait_until(lambda: q.ld(at + 14, 2) == 0x8082, what="used")
            got = [struct.unpack("<IHH", q.read(at + 16 * i + 8, 8)) for i in range(3)]
            self.assertEqual(got, [(64, 7, 0x8082), (64, 8, 0x8082),
                                   (len(want) + 12 - 128, 9, 0x8082)])
            self.assertEqual(q.read(0x180000, 12 + len(want)), bytes(10) + b"\3\0" + want)
            at = d.queues[1].at
            q.write(0x190000, HEADER + frame())
            q.write(at, struct.pack("<QIHH", 0x190000, 12 + len(frame()), 1, 0x80))
            d.notify(1)
            self.assertEqual(self.peer.recv(2000), frame())

    def test_a_stopped_machine_receives_when_it_goes_on(self):
        with self.open() as q:
            d = self.ready(q)
            qmp = self.qmp()
            qmp.cmd("stop")
            self.give(d.queues[0], 2048)
            self.to_guest(frame())
            d.queues[1].request(HEADER + frame())
            time.sleep(0.2)
            self.assertEqual((d.queues[0].used()[0], d.queues[1].used()[0]), (0, 0))
            qmp.cmd("cont")
            self.used(d.queues[0], 1)
            self.assertEqual(self.peer.recv(2000), frame())

    def test_frames_of_before_a_reset_are_gone(self):
        with self.open() as q:
            d = self.ready(q)
            self.to_guest(frame(payload=b"old"))
            time.sleep(0.2)
            d = self.ready(q)
            addr, = self.give(d.queues[0], 2048)
            self.to_guest(frame(payload=b"new"))
            self.used(d.queues[0], 1)
            self.assertEqual(q.read(addr + 12, 17), frame(payload=b"new"))


class Broken(Net):
    """The device must say NEEDS_RESET, and work again after reset."""

    def check(self, breaks):
        with self.open() as q:
            d = self.ready(q)
            breaks(q, d)
            vmm.wait_until(lambda: d.status & 0x40, what="NEEDS_RESET")
            d = self.ready(q)
            d.queues[1].request(HEADER + frame())
            self.assertEqual(self.peer.recv(2000), frame())

    def test_header_cut_off(self):
        self.check(lambda q, d: d.queues[1].request(HEADER[:11]))

    def test_nothing_to_send(self):
        self.check(lambda q, d: d.queues[1].request(100))

    def test_receive_buffer_without_room(self):
        def breaks(q, d):
            d.queues[0].request(b"read only")
            self.to_guest(frame())
        self.check(breaks)

    def test_receive_buffer_shorter_than_the_header(self):
        def breaks(q, d):
            self.give(d.queues[0], 12)
            self.to_guest(frame())
        self.check(breaks)

    def test_command_without_answer(self):
        self.check(lambda q, d: d.queues[2].request(b"\0\0\1"))

    def test_command_cut_off(self):
        self.check(lambda q, d: d.queues[2].request(b"\0", 1))


class Control(Net):
    def passes(self, d, data):
        """Whether a frame reaches the driver; one that always does comes behind it."""
        ring, addr = d.queues[0], d.queues[0].at + 0x4000
        count = ring.used()[0]
        d.q.write(addr, bytes(32))
        while ring.avail < count + 2:
            ring.desc(0, addr, 2048, 2)
            ring.offer(0)
        self.to_guest(data)
        self.to_guest(frame(MAC, b"last", 0x88b6))
        vmm.wait_until(lambda: d.q.read(addr + 24, 6) == b"\x88\xb6last", what="last frame")
        return ring.used()[0] == count + 2

    def test_filter(self):
        group, group2 = bytes.fromhex("01005e000001"), bytes.fromhex("01005e000002")
        rows = [
            # command, then what passes: other address, broadcast, group, own address
            (None, (1, 1, 1, 1)),
            ((0, 0, b"\0"), (0, 1, 0, 1)),               # not promiscuous
            ((0, 1, b"\1"), (0, 1, 1, 1)),               # all groups
            ((0, 1, b"\0"), (0, 1, 0, 1)),
            ((0, 2, b"\1"), (1, 1, 0, 1)),               # all addresses
            ((0, 2, b"\0"), (0, 1, 0, 1)),
            ((0, 5, b"\1"), (0, 0, 0, 1)),               # no broadcasts
            ((0, 5, b"\0"), (0, 1, 0, 1)),
            ((1, 0, struct.pack("<I", 1) + OTHER + struct.pack("<I", 1) + group), (1, 1, 1, 1)),
            ((1, 0, struct.pack("<II", 0, 1) + group2), (0, 1, 0, 1)),
            ((1, 0, struct.pack("<II", 0, 65) + group2 * 65), (0, 1, 1, 1)),  # too many: all
        ]
        with self.open() as q:
            d = self.ready(q)
            for command, want in rows:
                if command:
                    self.assertEqual(self.command(d, *command), 0, command)
                got = tuple(int(self.passes(d, frame(dst))) for dst in
                            (OTHER, b"\xff" * 6, group, MAC))
                self.assertEqual(got, want, command)

    def test_vlan_filter(self):
        with self.open() as q:
            d = self.ready(q)
            self.command(d, 0, 0, b"\0")
            tagged = frame(payload=struct.pack(">HH", 0x2000 | 5, 0x800) + b"y" * 40, kind=0x8100)
            self.assertFalse(self.passes(d, tagged))
            self.assertEqual(self.command(d, 2, 0, struct.pack("<H", 5)), 0)
            self.assertTrue(self.passes(d, tagged))
            self.assertEqual(self.command(d, 2, 1, struct.pack("<H", 5)), 0)
            self.assertFalse(self.passes(d, tagged))

    def test_wrong_commands_are_refused(self):
        rows = [(0, 6, b"\1"), (0, 0, b""), (1, 1, b"12345"), (1, 1, b"1234567"), (1, 0, b""),
                (1, 0, struct.pack("<I", 2) + MAC), (1, 0, struct.pack("<I", 0xffffffff) + MAC),
                (1, 0, struct.pack("<I", 0)), (1, 0, struct.pack("<III", 0, 0, 0)), (1, 2, MAC),
                (2, 0, struct.pack("<H", 4096)), (2, 2, struct.pack("<H", 1)), (2, 0, b"\1"),
                (3, 0, b""), (4, 0, struct.pack("<H", 1)), (5, 0, struct.pack("<Q", 0)),
                (6, 0, b""), (255, 255, b"x" * 1000)]
        with self.open() as q:
            d = self.ready(q)
            qmp = self.qmp()
            before = qmp.cmd("query-rx-filter")
            for row in rows:
                self.assertEqual(self.command(d, *row), 1, row)
            self.assertEqual(qmp.cmd("query-rx-filter"), before)

    def test_query_and_event(self):
        with self.open() as q:
            d = self.ready(q)
            qmp = self.qmp()
            info, = qmp.cmd("query-rx-filter", {"name": "net0"})
            self.assertEqual((info["promiscuous"], info["vlan"], info["main-mac"]),
                             (True, "none", "52:54:00:12:34:56"))
            self.command(d, 0, 0, b"\0")
            self.command(d, 1, 0, struct.pack("<I", 1) + OTHER + struct.pack("<I", 0))
            self.command(d, 1, 1, OTHER)
            self.command(d, 2, 0, struct.pack("<H", 7))
            info, = qmp.cmd("query-rx-filter")
            self.assertEqual(info, {
                "name": "net0", "promiscuous": False, "multicast": "normal", "unicast": "normal",
                "vlan": "normal", "broadcast-allowed": False, "multicast-overflow": False,
                "unicast-overflow": False, "main-mac": "02:00:00:00:00:01", "vlan-table": [7],
                "unicast-table": ["02:00:00:00:00:01"], "multicast-table": []})
            events = [e for e in qmp.events if e["event"] == "NIC_RX_FILTER_CHANGED"]
            self.assertEqual([e["data"] for e in events],
                             [{"name": "net0",
                               "path": "/machine/peripheral/net0/virtio-backend"}])

    def test_announce(self):
        with self.open() as q:
            d = self.ready(q)
            self.qmp().cmd("announce-self",
                           {"initial": 50, "max": 100, "rounds": 2, "step": 50})
            want = (b"\xff" * 6 + MAC + b"\x80\x35\0\1\x08\0\6\4\0\3" + MAC + bytes(4) + MAC +
                    bytes(22))
            self.assertEqual(self.peer.recv(2000), want)
            self.assertEqual((d.reg(0x2006, 2), d.reg(0x1000, 1) & 2), (3, 2))
            self.assertEqual(self.command(d, 3, 0), 0)
            self.assertEqual(self.peer.recv(2000), want)
            vmm.wait_until(lambda: d.reg(0x2006, 2) == 3, what="second announcement")


class BackEnds(Net):
    def check(self, q, send, recv):
        d = self.ready(q)
        d.queues[1].request(HEADER + frame(payload=b"to the peer"))
        self.assertEqual(recv(), frame(payload=b"to the peer"))
        addr, = self.give(d.queues[0], 2048)
        send(frame(payload=b"to the guest"))
        self.used(d.queues[0], 1)
        self.assertEqual(q.read(addr + 12, 26), frame(payload=b"to the guest"))
        return d

    def stream(self, s):
        s.settimeout(60)

        def send(data):
            for i in range(0, len(data) + 4, 7):  # in pieces
                s.sendall((struct.pack(">I", len(data)) + data)[i:i + 7])

        def recv():
            length, = struct.unpack(">I", s.recv(4, socket.MSG_WAITALL))
            return s.recv(length, socket.MSG_WAITALL)
        return send, recv

    def test_stream_server_takes_one_peer_after_the_other(self):
        with self.open(netdev="stream,id=n,server=on,addr.type=unix,addr.path="
                       + self.path("s")) as q:
            qmp = self.qmp()
            for _ in range(2):
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(self.path("s"))
                    vmm.wait_until(lambda: qmp.cmd("query-status") and [
                        e for e in qmp.events if e["event"] == "NETDEV_STREAM_CONNECTED"],
                        what="event")
                    qmp.events.clear()
                    self.check(q, *self.stream(s))
                vmm.wait_until(lambda: qmp.cmd("query-status") and [
                    e for e in qmp.events if e["event"] == "NETDEV_STREAM_DISCONNECTED"],
                    what="event")

    def test_stream_client_and_a_peer_that_lies_about_lengths(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            listener.settimeout(60)
            with self.open(netdev="socket,id=n,connect=127.0.0.1:%d"
                           % listener.getsockname()[1]) as q:
                s = listener.accept()[0]
                d = self.check(q, *self.stream(s))
                s.sendall(b"\xff\xff\xff\xff")
                self.assertEqual(s.recv(1), b"")
                s.close()
                d.queues[1].request(HEADER + frame())  # nobody is there: lost
                self.used(d.queues[1], 2)

    def test_a_peer_that_does_not_read_stops_the_driver_and_loses_nothing(self):
        with self.open(netdev="stream,id=n,server=on,addr.type=unix,addr.path="
                       + self.path("s")) as q, socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("s"))
            send, recv = self.stream(s)
            d = self.check(q, send, recv)
            ring = d.queues[1]
            sent = 0
            while ring.used()[0] == sent + 1 and sent < 400:
                q.write(ring.at + 0x4000, HEADER + frame(payload=struct.pack(">I", sent) * 1000))
                ring.desc(0, ring.at + 0x4000, 12 + 14 + 4000)
                ring.offer(0)
                sent += 1
                end = time.monotonic() + 0.3
                while ring.used()[0] != sent + 1 and time.monotonic() < end:
                    pass
            self.assertLess(sent, 400, "it never stopped")
            for i in range(sent):
                self.assertEqual(recv()[14:], struct.pack(">I", i) * 1000)
            self.used(ring, sent + 1)

    def test_udp_sockets(self):
        with socket.socket(type=socket.SOCK_DGRAM) as s, \
                socket.socket(type=socket.SOCK_DGRAM) as other:
            s.bind(("127.0.0.1", 0))
            s.settimeout(60)
            other.bind(("127.0.0.1", 0))
            there = other.getsockname()
            other.close()
            with self.open(netdev="socket,id=n,udp=127.0.0.1:%d,localaddr=127.0.0.1:%d"
                           % (s.getsockname()[1], there[1])) as q:
                self.check(q, lambda data: s.sendto(data, there), lambda: s.recv(2000))

    def test_socket_passed_by_getfd_to_netdev_add(self):
        with QTest("-M", "q35", "-qmp", "unix:%s,server=on,wait=off" % self.path("qmp")):
            qmp = self.qmp()
            a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            socket.send_fds(qmp.sock, [json.dumps(
                {"execute": "getfd", "arguments": {"fdname": "it"}}).encode()], [b.fileno()])
            self.assertEqual(qmp.recv(), {"return": {}})
            qmp.cmd("netdev_add", {"type": "socket", "id": "n", "fd": "it"})
            self.assertIn("n: index=0,type=socket,socket: fd=",
                          qmp.hmp("info network"))
            with self.assertRaisesRegex(vmm.QMPError, "'it' has not been found"):
                qmp.cmd("netdev_add", {"type": "socket", "id": "m", "fd": "it"})
            qmp.cmd("netdev_del", {"id": "n"})
            b.close()
            with self.assertRaises(ConnectionError):
                a.send(b"anybody?")
            a.close()

    def test_tap(self):
        if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
            self.skipTest("needs root and /dev/net/tun")
        with self.open(",mq=on", "tap,id=n,ifname=vmmtest%d,script=no,downscript=no,queues=2") as q:
            name = self.qmp().hmp("info network")
            name = name.split("ifname=")[1].split(",")[0]
            self.assertTrue(os.path.exists("/sys/class/net/" + name))
            d = VirtIO(q, 8, BASE)
            self.assertEqual(d.features() & 0x7fff, 0x7fa7)  # offloads, but no GSO of old
            self.assertEqual(d.reg(0x2008, 2), 2)
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5)) as s:
                request = struct.pack("16sH22x", name.encode(), 0x41)
                fcntl.ioctl(s, 0x8914, request)  # SIOCSIFFLAGS: up, running
                s.bind((name, 0x88b5))
                s.settimeout(60)
                d = self.ready(q)
                d.queues[1].request(HEADER + frame(payload=b"to the peer"))
                self.assertEqual(s.recv(2000), frame(payload=b"to the peer"))
                addrs = self.give(d.queues[0], *[2048] * 8)  # the host says things of its own
                s.send(frame(payload=b"to the guest"))
                vmm.wait_until(lambda: any(q.read(a + 12, 26) == frame(payload=b"to the guest")
                                           for a in addrs), what="frame")


if __name__ == "__main__":
    vmm.main()
