#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random register traffic to the device models and to stock QEMU's devices; reads must agree.

The models come as a shared library (argument 1). QEMU runs with its vCPU stopped and speaks its
qtest protocol; its clocks stand still, so this is about registers, not about time. Where QEMU is
known to differ from the data sheet the traffic stays away from the difference, with a comment.

usage: device-models-vs-qemu.py LIBRARY [SEED [STEPS]]
"""
import atexit
import ctypes
import datetime
import random
import shutil
import subprocess
import sys

QEMU = '/usr/bin/qemu-system-x86_64'


class Qemu:
    def __init__(self, *args):
        self.p = subprocess.Popen(
            [QEMU, '-M', 'q35', '-accel', 'tcg', '-S', '-nodefaults', '-display', 'none',
             '-qtest', 'stdio', '-qtest-log', '/dev/null', *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            bufsize=1)
        atexit.register(self.close)

    def close(self):
        self.p.kill()
        self.p.wait()

    def cmd(self, text):
        self.p.stdin.write(text + '\n')
        self.p.stdin.flush()
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise EOFError('QEMU ended')
            if not line.startswith('IRQ'):
                return line.split()

    def inb(self, port):
        return int(self.cmd(f'inb {port:#x}')[1], 16)

    def outb(self, port, value):
        self.cmd(f'outb {port:#x} {value:#x}')

    def readl(self, addr):
        return int(self.cmd(f'readl {addr:#x}')[1], 16)

    def writel(self, addr, value):
        self.cmd(f'writel {addr:#x} {value:#x}')


class Mismatch(Exception):
    pass


class Pair:
    """A model and QEMU's device, with the log of what both were told."""

    def __init__(self, lib, seed, *args):
        self.lib = lib
        self.q = Qemu(*args)
        self.r = random.Random(seed)
        self.s = ctypes.create_string_buffer(8192)
        self.log = []

    def same(self, what, qemu, ours, mask=0xffffffff):
        self.log.append(f'{what} -> {qemu:x}')
        if (qemu ^ ours) & mask:
            tail = '\n  '.join(self.log[-30:])
            raise Mismatch(f'{what}: QEMU {qemu:x}, model {ours:x}\n  {tail}')


class Pic(Pair):
    PORTS = {0x20: (0, 0), 0x21: (0, 1), 0xa0: (1, 0), 0xa1: (1, 1)}
    FREE = [3, 5, 6, 7, 9, 10, 11, 13, 14, 15]  # no device of QEMU drives these

    def __init__(self, lib, seed):
        super().__init__(lib, seed, '-device', 'pc-testdev', '-machine', 'pit=off,hpet=off')
        lib.i8259_init(self.s)
        self.level = dict.fromkeys(self.FREE, 0)
        self.init_both()

    def out(self, port, value):
        self.log.append(f'out {port:x} {value:02x}')
        self.q.outb(port, value)
        if port in self.PORTS:
            self.lib.i8259_write(self.s, *self.PORTS[port], value)
        else:
            self.lib.i8259_elcr_write(self.s, port - 0x4d0, value)

    def compare(self, port):
        if port in self.PORTS:
            ours = self.lib.i8259_read(self.s, *self.PORTS[port]) & 0xff
        else:
            ours = self.lib.i8259_elcr_read(self.s, port - 0x4d0) & 0xff
        self.same(f'in {port:x}', self.q.inb(port), ours)

    def line(self, irq, level):
        self.log.append(f'line {irq} {level}')
        self.level[irq] = level
        self.q.outb(0x2000 + irq, level)
        self.lib.i8259_set_irq(self.s, irq, level)

    def init_both(self):
        # QEMU takes a line that is high across ICW1 for a new edge at its next change; so all low.
        for irq in self.FREE:
            if self.level[irq]:
                self.line(irq, 0)
        self.out(0x4d0, 0)
        self.out(0x4d1, 0)
        icw1 = self.r.choice([0x11, 0x11, 0x10])
        for base, icw3, icw4 in ((0xa0, 2, [1, 0x11]), (0x20, 4, [1, 1, 3, 0x11])):
            # Automatic EOI only on the master: QEMU's slave does not pulse its output then.
            self.out(base, icw1)
            self.out(base + 1, self.r.choice([0x08, 0x30, 0x70]))
            self.out(base + 1, icw3)
            if icw1 & 1:
                self.out(base + 1, self.r.choice(icw4))

    def step(self):
        r = self.r
        chip = r.choice([0x20, 0xa0])
        kind = r.random()
        if kind < .3:
            irq = r.choice(self.FREE)
            self.line(irq, 1 - self.level[irq])
        elif kind < .33:
            self.init_both()
        elif kind < .5:
            self.out(chip + 1, r.choice([0, 0xff, r.randrange(256)]))
        elif kind < .7:
            self.out(chip, r.choice([0x20, 0x60 | r.randrange(8), 0xa0, 0xe0 | r.randrange(8),
                                     0xc0 | r.randrange(8), 0x80, 0x00, 0x40]))
        elif kind < .8:
            self.out(chip, 0x0a | r.randrange(2))
        elif kind < .88:
            self.out(chip, 0x0c)
            self.compare(chip + r.randrange(2))
        elif kind < .92:
            # Not 0x68: QEMU's non-specific EOI ignores the special mask mode.
            self.out(chip, 0x48)
        elif kind < .95:
            self.out(r.choice([0x4d0, 0x4d1]), r.randrange(256))
        for port in (*self.PORTS, 0x4d0, 0x4d1):
            self.compare(port)


class Ioapic(Pair):
    BASE = 0xfec00000
    FREE = Pic.FREE

    def __init__(self, lib, seed):
        super().__init__(lib, seed, '-device', 'pc-testdev', '-machine', 'pit=off,hpet=off')
        self.out = ctypes.create_string_buffer(8192)
        lib.ioapic_init(self.s, 0x20, False)
        self.level = dict.fromkeys(range(24), False)
        self.line = dict.fromkeys(range(24), 0)

    def write(self, offset, value):
        self.log.append(f'write {offset:x} {value:08x}')
        self.q.writel(self.BASE + offset, value)
        self.lib.ioapic_write(self.s, ctypes.c_uint64(offset), ctypes.c_uint64(value), 4,
                              ctypes.c_int64(0), self.out)

    def pin(self, pin, level):
        self.log.append(f'pin {pin} {level}')
        self.line[pin] = level
        self.q.outb(0x2000 + pin, level)
        self.lib.ioapic_set_pin(self.s, pin, level, self.out)

    def write_rte(self, pin):
        if self.r.randrange(2):
            self.write(0, 0x11 + 2 * pin)
            self.write(0x10, self.r.randrange(1 << 32))
            return
        # Fixed and lowest priority: for the others QEMU sets remote IRR, the data sheet not.
        value = self.r.randrange(1 << 32) & ~0x600 & ~(0x10000 if self.r.randrange(3) else 0)
        level = bool(value & 0x8000)
        if level != self.level[pin] and self.line[pin]:
            self.pin(pin, 0)  # QEMU does not know the level of a pin that was edge-triggered
        self.level[pin] = level
        self.write(0, 0x10 + 2 * pin)
        self.write(0x10, value)

    def register(self, index):
        self.write(0, index)
        ours = self.lib.ioapic_read(self.s, ctypes.c_uint64(0x10), 4) & 0xffffffff
        self.same(f'register {index:02x}', self.q.readl(self.BASE + 0x10), ours)

    def step(self):
        r = self.r
        pin = r.choice(self.FREE)
        kind = r.random()
        if kind < .4:
            self.pin(pin, r.randrange(2))
        elif kind < .7:
            self.write_rte(pin)
        elif kind < .8:
            self.write(0x40, r.randrange(256))
        elif kind < .9:
            vector = self.q.readl(self.BASE + 0x10) & 0xff
            self.write(0x40, vector)
        else:
            self.write(0, r.choice([0, 1, 2, 3, 0x0f, 0x40, 0xff]))
            self.write(0x10, r.randrange(1 << 32))
        for index in [0, 1, 2, 0x10 + 2 * pin, 0x11 + 2 * pin]:
            self.register(index)
        if r.random() < .1:
            for index in range(0x10, 0x40):
                self.register(index)


class Rtc(Pair):
    START = datetime.datetime(2024, 2, 28, 23, 59, 58, tzinfo=datetime.timezone.utc)

    def __init__(self, lib, seed):
        super().__init__(lib, seed, '-rtc', 'base=2024-02-28T23:59:58,clock=vm')
        lib.rtc_init(self.s, ctypes.c_int64(0),
                     ctypes.c_int64(int(self.START.timestamp()) * 10**9))
        self.binary = self.h24 = False
        for index in [*range(0x0e, 0x32), *range(0x38, 0x80)]:
            self.write(index, 0)

    def read(self, index):
        self.q.outb(0x70, index)
        self.lib.rtc_write(self.s, 0, index, ctypes.c_int64(0))
        self.same(f'cmos {index:02x}', self.q.inb(0x71),
                  self.lib.rtc_read(self.s, 1, ctypes.c_int64(0)) & 0xff)

    def write(self, index, value):
        self.log.append(f'write {index:02x} {value:02x}')
        self.q.outb(0x70, index)
        self.q.outb(0x71, value)
        self.lib.rtc_write(self.s, 0, index, ctypes.c_int64(0))
        self.lib.rtc_write(self.s, 1, value, ctypes.c_int64(0))

    def code(self, value):
        return value if self.binary else (value // 10) << 4 | value % 10

    def set_time(self):
        r = self.r
        hour = r.randrange(24)
        # Only dates that exist (QEMU leaves others to the C library) and since 1970 (before, QEMU
        # rounds the fraction of a second the wrong way).
        values = {0: r.randrange(60), 2: r.randrange(60), 7: r.randint(1, 28),
                  8: r.randint(1, 12), 9: r.randrange(100), 0x32: r.choice([20, 21])}
        for index, value in r.sample(sorted(values.items()), len(values)):
            self.write(index, self.code(value))
        if self.h24:
            self.write(4, self.code(hour))
        else:
            self.write(4, self.code(hour % 12 or 12) | (0x80 if hour >= 12 else 0))

    def step(self):
        r = self.r
        kind = r.random()
        if kind < .4:
            self.binary, self.h24 = bool(r.randrange(2)), bool(r.randrange(2))
            b = (4 if self.binary else 0) | (2 if self.h24 else 0)
            self.write(0x0b, 0x80 | b)
            self.set_time()
            self.write(0x0b, b)
        elif kind < .7:
            self.write(r.choice([1, 3, 5]), r.randrange(256))
        else:
            self.write(r.choice([*range(0x0e, 0x32), *range(0x38, 0x80)]), r.randrange(256))
        for index in [*range(10), 0x0a, 0x0b, 0x0d, 0x32, 0x37, r.randrange(0x0e, 0x32),
                      r.randrange(0x38, 0x80)]:
            self.read(index)


class Hpet(Pair):
    BASE = 0xfed00000

    def __init__(self, lib, seed):
        super().__init__(lib, seed)
        lib.hpet_init(self.s, 0xff0104)

    def read(self, offset):
        ours = self.lib.hpet_read(self.s, ctypes.c_uint64(offset), 4, ctypes.c_int64(0))
        self.same(f'hpet {offset:03x}', self.q.readl(self.BASE + offset), ours & 0xffffffff)

    def write(self, offset, value):
        self.log.append(f'write {offset:03x} {value:08x}')
        self.q.writel(self.BASE + offset, value)
        self.lib.hpet_write(self.s, ctypes.c_uint64(offset), ctypes.c_uint64(value), 4,
                            ctypes.c_int64(0))

    def step(self):
        r = self.r
        n = r.randrange(3)
        kind = r.random()
        if kind < .4:
            # Routes the timer has (QEMU stores others too), no FSB (QEMU stores the bit), 64 bits
            # (QEMU keeps the upper half of the comparator when a timer turns 32 bits wide).
            route = r.choice([2, 8, 16, 20, 23])
            self.write(0x100 + 0x20 * n, (r.randrange(1 << 32) & ~0x7f40) | route << 9)
        elif kind < .8:
            self.write(0x108 + 0x20 * n + r.choice([0, 4]), r.randrange(1 << 31))
        elif kind < .9:
            self.write(0xf0 + r.choice([0, 4]), r.randrange(1 << 32))
        else:
            self.write(r.choice([0x000, 0x004, 0x008, 0x018, 0x024, 0x3fc]),
                       r.randrange(1 << 32))
        for offset in [0, 4, 0x10, 0x14, 0x20, 0xf0, 0xf4, 0x3f8,
                       *range(0x100 + 0x20 * n, 0x110 + 0x20 * n, 4)]:
            self.read(offset)


class Pit(Pair):
    def __init__(self, lib, seed):
        super().__init__(lib, seed)
        lib.pit_reset(self.s, ctypes.c_int64(0))

    def write(self, port, value):
        self.log.append(f'out {port:x} {value:02x}')
        self.q.outb(port, value)
        self.lib.pit_write(self.s, port - 0x40, value, ctypes.c_int64(0))

    def read(self, port, mask=0xff):
        self.same(f'in {port:x}', self.q.inb(port),
                  self.lib.pit_read(self.s, port - 0x40, ctypes.c_int64(0)) & 0xff, mask)

    def step(self):
        r = self.r
        n = r.randrange(3)
        access = r.choice([1, 2, 3])
        # Mode 1 and 5 wait for the gate, BCD counts: QEMU has neither. A count is written at once:
        # QEMU counts on with the old one after a control word.
        self.write(0x43, n << 6 | access << 4 | r.choice([0, 2, 3, 4, 6, 7]) << 1)
        for _ in range(2 if access == 3 else 1):
            self.write(0x40 + n, r.randrange(2, 256))
        kind = r.random()
        if kind < .3:
            self.write(0x43, n << 6)
        elif kind < .6:
            self.write(0x43, 0xd0 | 2 << n)
        elif kind < .9:
            # Status: not OUT, whose pulses QEMU inverts.
            self.write(0x43, 0xe0 | 2 << n)
            self.read(0x40 + n, 0x7f)
        for _ in range(4):
            self.read(0x40 + n)


DEVICES = [('8259 pair', Pic), ('I/O APIC', Ioapic), ('RTC', Rtc), ('HPET', Hpet), ('PIT', Pit)]


def load(path):
    lib = ctypes.CDLL(path)
    for name in ('ioapic_read', 'hpet_read'):
        getattr(lib, name).restype = ctypes.c_uint64
    return lib


def main():
    if not shutil.which(QEMU):
        print('1..0 # SKIP no stock QEMU at ' + QEMU)
        return 0
    lib = load(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 400
    failures = 0
    print(f'1..{len(DEVICES)}')
    for number, (name, cls) in enumerate(DEVICES, 1):
        pair = cls(lib, seed)
        try:
            for _ in range(steps):
                pair.step()
            print(f'ok {number} - {name}: {steps} random steps agree with QEMU')
        except Mismatch as e:
            failures += 1
            print(f'not ok {number} - {name}')
            print('# ' + str(e).replace('\n', '\n# '))
        pair.q.close()
    return 1 if failures else 0


sys.exit(main())
