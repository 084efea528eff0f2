#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Level-triggered interrupts under load: Debian's Linux and Xen's dom0 with pci=nomsi read and write
a virtio disk, and ping the gateway of a user-mode network, with INTx at pins of the I/O APIC. Every
request is answered, the guest counts as many interrupts as the I/O APIC sent, and `info ioapic` says
what the trace says.

Without arguments a short form; --all: 100,000 disk requests and 25,000 pings in every row.
"""
import os
import re
import sys
import tempfile
from collections import Counter

from test_guests import BOOT_LIMIT_S, images, nested, results, vmm

ALL = "--all" in sys.argv
DISK_BYTES = 64 << 20
LOAD_LIMIT_S = 4 * BOOT_LIMIT_S
WORKERS = 4
# The modules of the disk; then WORKERS readers or writers at a time, each request a page.
CHECK = r"""
while [ ! -b /dev/vda ]; do sleep 0.1; done
taken() { awk '/ virtio[01]$/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' \
          /proc/interrupts; }
finished() { set -- $(cat /sys/block/vda/stat); echo $(($1 + $5)); }
requests=$(finished)
for j in 1 2 3 4; do
    dd if=/dev/vda of=/dev/null bs=4k iflag=direct count=EACH 2>/dev/null &
done; wait
for j in 1 2 3 4; do
    dd if=/dev/zero of=/dev/vda bs=4k oflag=direct count=EACH seek=$((j * 16)) conv=notrunc 2>/dev/null &
done; wait
echo "RESULT requests $(($(finished) - requests))"
if [ -d /sys/class/net/eth0 ]; then
    ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
    echo "RESULT pings $(ping -q -A -c PINGS 10.0.2.2 | awk '/received/ { print $4 }')"
fi
echo "RESULT interrupts $(taken)"
echo "RESULT chip $(awk '/ virtio0$/ { print $(NF - 2), $(NF - 1) }' /proc/interrupts)"
"""


def counters(text):
    """Of `info ioapic`."""
    m = re.search(r"injections (\d+), broadcast EOIs (\d+), directed EOIs (\d+), "
                  r"delayed re-injections (\d+)", text)
    return dict(zip(("injections", "broadcast", "directed", "delayed"), map(int, m.groups())))


def read_trace(path):
    """What was traced, by event; the level-triggered injections by pin."""
    events, pins = Counter(), Counter()
    with open(path, errors="replace") as f:
        for line in f:
            m = re.search(r"ioapic_(\w+) .*?(\d+)\s*$", line)
            if m:
                events[m[1]] += 1
                if m[1] == "set_remote_irr":
                    pins[int(m[2])] += 1
    return events, pins


class Load(vmm.TestCase):
    limit_s = 2 * LOAD_LIMIT_S

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="level-load-", dir="/dev/shm")
        self.addCleanup(self.dir.cleanup)
        self.disk = os.path.join(self.dir.name, "disk")
        with open(self.disk, "wb") as f:
            f.truncate(DISK_BYTES)

    def run_guest(self, requests, kernel, *argv):
        """Runs the load to power-off; checks what holds for every guest."""
        try:
            bzimage, initrd = images.get(kernel, CHECK.replace(
                "EACH", str(requests // (2 * WORKERS))).replace("PINGS", str(requests // 4)),
                                        ["virtio_pci", "virtio_blk", "virtio_net"])
            args = [a.format(kernel=bzimage, initrd=initrd, xen="{xen}") for a in argv]
            if "{xen}" in args:
                args[args.index("{xen}")] = images.xen()
        except nested.Unavailable as e:
            self.skipTest(str(e))
        trace = os.path.join(self.dir.name, "trace")
        for event in ("set_remote_irr", "eoi_broadcast", "eoi_directed", "eoi_delayed_reassert"):
            args += ["-trace", "ioapic_" + event]
        with vmm.VMM("-accel", "tcg", "-m", "1024", "-no-shutdown", "-drive",
                     "if=none,id=d,format=raw,file=" + self.disk, "-D", trace, *args) as vm:
            vm.wait_serial("RESULT done", LOAD_LIMIT_S)
            vmm.wait_until(lambda: vm.cmd("query-status")["status"] == "shutdown", 60, "power-off")
            count, per_pin = counters(vm.hmp("info ioapic")), vm.hmp("info irq")
            got = results(vm.serial())
            vm.quit()
        events, pins = read_trace(trace)
        self.assertIn("IO-APIC" if "{xen}" not in argv else "pirq", got["chip"])
        self.assertGreaterEqual(int(got["requests"]), requests)
        self.assertEqual(count["broadcast"], events["eoi_broadcast"])
        self.assertEqual(count["directed"], events["eoi_directed"])
        self.assertEqual(count["delayed"], events["eoi_delayed_reassert"])
        for pin in range(16, 24):
            m = re.search(r"^\s*%d: (\d+)$" % pin, per_pin, re.M)
            self.assertEqual(int(m[1]) if m else 0, pins[pin], "pin %d" % pin)
        self.assertEqual(got.get("pings", str(requests // 4)), str(requests // 4))
        return got, count, sum(pins[pin] for pin in range(16, 24)), events

    NET = ("-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n,romfile=")
    DISK = ("-device", "virtio-blk-pci,drive=d")

    def linux(self, requests, cpus, extra=(*DISK, *NET)):
        got, count, sent, events = self.run_guest(
            requests, "6.12-cloud", "-M", "q35", "-cpu", "max", "-smp", str(cpus), "-kernel",
            "{kernel}", "-initrd", "{initrd}", "-append", "console=ttyS0 panic=-1 pci=nomsi", *extra)
        self.assertEqual(int(got["interrupts"]), sent, "interrupts taken and sent")
        self.assertEqual(count["directed"], 0)
        # Linux ends each level-triggered interrupt by one EOI; edges broadcast none.
        self.assertEqual(count["broadcast"], events["set_remote_irr"])

    def xen(self, requests, model, machine, directed):
        got, count, sent, events = self.run_guest(
            requests, "6.1-generic", "-M", machine, "-cpu", model, "-kernel", "{xen}", "-initrd",
            "{kernel} console=hvc0 pci=nomsi,{initrd}", "-append",
            "com1=115200,8n1 console=com1 noreboot", *self.DISK, *(self.NET if ALL else ()))
        ended = count["directed" if directed else "broadcast"]
        self.assertEqual(count["broadcast" if directed else "directed"], 0)
        self.assertEqual(ended, events["set_remote_irr"], "interrupts ended and sent")
        # Xen may end an interrupt before dom0 has served it: then it comes once more.
        self.assertLessEqual(int(got["interrupts"]), sent)
        self.assertGreaterEqual(int(got["interrupts"]), sent * 9 // 10)


def add(name, fn, short, *args):
    """@short: requests in the short form, 0: only with --all."""
    if short or ALL:
        setattr(Load, "test_" + name, lambda self: fn(self, 100000 if ALL else short, *args))


add("linux_1_cpu", Load.linux, 10000, 1)
add("linux_4_cpus", Load.linux, 0, 4)
add("linux_2_cpus_iothread", Load.linux, 0, 2,
    ("-object", "iothread,id=t", "-device", "virtio-blk-pci,drive=d,iothread=t"))
add("xen_seoib_on_directed_eoi", Load.xen, 5000, "max,pku=off,x2apic-seoib=on", "q35", True)
add("xen_seoib_off", Load.xen, 0, "max,pku=off,x2apic-seoib=off", "q35", False)
add("xen_seoib_unset", Load.xen, 0, "max,pku=off", "pc-q35-10.2", False)

if __name__ == "__main__":
    sys.argv = [a for a in sys.argv if a != "--all"]
    vmm.main()
