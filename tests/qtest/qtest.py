# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine without a CPU, driven through the qtest protocol: ports, memory, PCI configuration space,
virtio queues. The same class drives stock QEMU (binary=...), to record what it answers.
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "functional"))
import vmm  # noqa: E402

LIMIT_S = 120
ECAM = 0xb0000000


class QTest:
    """with QTest("-M", "q35") as q: q.inl(0xcfc)"""

    def __init__(self, *args, binary=None, run=False):
        self.dir = tempfile.TemporaryDirectory(prefix="qtest-")
        path = os.path.join(self.dir.name, "s")
        argv = [binary or vmm.BINARY, *vmm.sandbox_args(binary), "-nodefaults", "-display", "none",
                "-qtest", "unix:" + path, *([] if run else ["-S"]), *args]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(LIMIT_S)
            # A file: stock QEMU logs each request there and would block on a full pipe.
            with open(self._errors_path(), "wb") as err:
                self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=err,
                                             preexec_fn=vmm.die_with_parent)
            self.sock = listener.accept()[0]
        self.sock.settimeout(LIMIT_S)
        self.file = self.sock.makefile("rw", newline="\n")
        self.irqs = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()
        self.proc.terminate()
        self.proc.wait(timeout=LIMIT_S)
        self.errors = self._read_errors()
        self.dir.cleanup()

    def _errors_path(self):
        return os.path.join(self.dir.name, "stderr")

    def _read_errors(self):
        with open(self._errors_path(), errors="replace") as f:
            return f.read()

    def raw(self, line):
        """The answer to a line, whole."""
        self.file.write(line + "\n")
        self.file.flush()
        while True:
            answer = self.file.readline()
            if not answer:
                raise AssertionError("the program ended at '%s': %s"
                                     % (line, self._read_errors()))
            if not answer.startswith("IRQ "):
                return answer.strip()
            _, what, n = answer.split()
            self.irqs[int(n)] = what == "raise"

    def cmd(self, line):
        answer = self.raw(line)
        if not answer.startswith("OK"):
            raise AssertionError("%s: %s" % (line, answer))
        return answer[2:].strip()

    def num(self, line):
        return int(self.cmd(line), 16)

    def inb(self, port):
        return self.num("inb 0x%x" % port)

    def inw(self, port):
        return self.num("inw 0x%x" % port)

    def inl(self, port):
        return self.num("inl 0x%x" % port)

    def outb(self, port, value):
        self.cmd("outb 0x%x 0x%x" % (port, value))

    def outl(self, port, value):
        self.cmd("outl 0x%x 0x%x" % (port, value))

    def ld(self, addr, size):
        return self.num("read%s 0x%x" % ("bwlq"[size.bit_length() - 1], addr))

    def st(self, addr, value, size):
        self.cmd("write%s 0x%x 0x%x" % ("bwlq"[size.bit_length() - 1], addr, value))

    def read(self, addr, size):
        return bytes.fromhex(self.cmd("read 0x%x %d" % (addr, size))[2:])

    def write(self, addr, data):
        self.cmd("write 0x%x %d 0x%s" % (addr, len(data), data.hex()))

    # PCI, mechanism 1

    def cfg(self, bdf, reg, size=4):
        self.outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc))
        return self.num("in%s 0x%x" % ("bwl"[size.bit_length() - 1], 0xcfc + (reg & 3)))

    def set_cfg(self, bdf, reg, value, size=4):
        self.outl(0xcf8, 0x80000000 | bdf << 8 | (reg & 0xfc))
        self.cmd("out%s 0x%x 0x%x" % ("bwl"[size.bit_length() - 1], 0xcfc + (reg & 3), value))

    def capability(self, bdf, cap_id, nth=0):
        at = self.cfg(bdf, 0x34, 1)
        while at:
            if self.cfg(bdf, at, 1) == cap_id:
                if not nth:
                    return at
                nth -= 1
            at = self.cfg(bdf, at + 1, 1)
        return 0


class VirtIO:
    """The driver's side of a modern virtio function at devfn, its region 4 placed at @base."""

    def __init__(self, q, devfn, base):
        self.q, self.devfn, self.base = q, devfn, base
        q.set_cfg(devfn, 0x20, base)
        q.set_cfg(devfn, 0x24, 0)
        q.set_cfg(devfn, 0x04, 6, 2)
        self.queues = {}

    def reg(self, offset, size):
        return self.q.ld(self.base + offset, size)

    def set_reg(self, offset, value, size):
        self.q.st(self.base + offset, value, size)

    @property
    def status(self):
        return self.reg(0x14, 1)

    def features(self):
        value = 0
        for half in (0, 1):
            self.set_reg(0, half, 4)
            value |= self.reg(4, 4) << 32 * half
        return value

    def start(self, features, queues=(0,), size=8, memory=0x100000):
        """Reset, negotiation, queues of @size entries in guest memory, DRIVER_OK."""
        self.set_reg(0x14, 0, 1)
        self.set_reg(0x14, 3, 1)
        for half in (0, 1):
            self.set_reg(8, half, 4)
            self.set_reg(0xc, features >> 32 * half & 0xffffffff, 4)
        self.set_reg(0x14, 0xb, 1)
        for n in queues:
            self.queues[n] = Split(self, n, size, memory + 0x10000 * n)
        self.set_reg(0x14, 0xf, 1)

    def notify(self, n):
        self.set_reg(0x3000 + 4 * n, n, 2)


class Split:
    """A split ring: descriptors at +0, available at +1000, used at +2000, buffers from +4000."""

    def __init__(self, dev, n, size, at):
        self.dev, self.q, self.n, self.size, self.at = dev, dev.q, n, size, at
        self.next = self.avail = 0
        self.q.write(at, bytes(0x3000))
        dev.set_reg(0x16, n, 2)
        dev.set_reg(0x18, size, 2)
        for i, addr in enumerate((at, at + 0x1000, at + 0x2000)):
            dev.set_reg(0x20 + 8 * i, addr, 4)
            dev.set_reg(0x24 + 8 * i, 0, 4)
        dev.set_reg(0x1c, 1, 2)

    def desc(self, i, addr, length, flags=0, nxt=0):
        self.q.write(self.at + 16 * i, struct.pack("<QIHH", addr, length, flags, nxt))

    def offer(self, head):
        self.q.st(self.at + 0x1004 + 2 * (self.avail % self.size), head, 2)
        self.avail += 1
        self.q.st(self.at + 0x1002, self.avail & 0xffff, 2)
        self.dev.notify(self.n)

    def request(self, *buffers):
        """Each buffer: bytes for the device, or a length for it to fill. Returns their addresses."""
        addrs, at = [], self.at + 0x4000
        for i, buf in enumerate(buffers):
            last = i == len(buffers) - 1
            length = buf if isinstance(buf, int) else len(buf)
            if not isinstance(buf, int):
                self.q.write(at, buf)
            self.desc(i, at, length, (2 if isinstance(buf, int) else 0) | (0 if last else 1), i + 1)
            addrs.append(at)
            at += (length + 15) & ~15
        self.offer(0)
        return addrs

    def used(self):
        """(index, id and length of the last entry)"""
        idx = self.q.ld(self.at + 0x2002, 2)
        last = self.at + 0x2004 + 8 * ((idx - 1) % self.size)
        return idx, self.q.ld(last, 4), self.q.ld(last + 4, 4)
