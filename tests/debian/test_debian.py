#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 12 with systemd, from packages, on a qcow2 disk: it boots to login: on the serial port and
on a virtio console, its file system is clean, network, entropy, balloon and tables of the machine
work, and it powers off by itself.

Without arguments one boot (q35, 2 CPUs); --all: q35 and pc with 1 and 4 CPUs.
"""
import hashlib
import http.server
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), d) for d in ("functional", "nested", "debian")]
import debian  # noqa: E402
import nested  # noqa: E402
import vmm     # noqa: E402

CHOICE = [("q35", 2)]
ALL = [(machine, cpus) for machine in ("q35", "pc") for cpus in (1, 4)]
BOOT_LIMIT_S = 900
COMMAND_LIMIT_S = 600
DOWNLOAD_BYTES = 200 << 20
MEMORY_MIB = 512
UUID = "11223344-5566-7788-99aa-bbccddeeff00"
TROUBLE = re.compile(r"\bOops|BUG:|kernel BUG|Kernel panic|general protection|Call Trace|WARNING: CPU|"
                     r"rcu.*(stall|starved)|soft lockup|hard LOCKUP|I/O error|EXT4-fs error|"
                     r"ACPI (BIOS )?(Error|Warning|Exception)|nobody cared|segfault|"
                     r"dependency failed|Failed to start|NETDEV WATCHDOG|not valid", re.I)


class Console:
    """A terminal of the guest behind a Unix socket."""

    def __init__(self, vm, name):
        self.text = ""
        self.vm = vm
        path = vm.path(name)
        vmm.wait_until(lambda: os.path.exists(path) or not vm.alive(), what=name)
        if not vm.alive():
            raise AssertionError("the machine ended: %s" % vm.stderr())
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    break
                self.text += data.decode("utf-8", "replace").replace("\r", "")
                if os.environ.get("DEBIAN_LOG"):
                    with open(os.environ["DEBIAN_LOG"], "ab") as f:
                        f.write(data)
        except OSError:
            pass

    def wait(self, pattern, start=0, limit=COMMAND_LIMIT_S):
        def found():
            match = re.compile(pattern).search(self.text, start)
            if not match and not self.vm.alive():
                raise AssertionError("the machine ended before '%s'\n%s" % (pattern, self.text[-3000:]))
            return match
        try:
            return vmm.wait_until(found, limit, pattern)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.text[-3000:])) from None

    def send(self, text):
        self.sock.sendall(text.encode())

    def login(self):
        start = len(self.text)
        self.send("root\n")
        self.wait(r"root@guest|# $|# \Z", start)
        self.run("dmesg -n 1; sleep 3")  # the kernel's lines would stand among the answers

    def run(self, command):
        """What the command prints; it must end with status 0."""
        start = len(self.text)
        # The marks do not stand in the line itself, which a terminal may echo.
        self.send("echo A''A; { %s; } </dev/null; echo \"B\"\"B $?\"\n" % command)
        match = self.wait(r"(?s)AA\n(.*?)BB (\d+)\n", start)
        if match[2] != "0":
            raise AssertionError("%s: status %s\n%s" % (command, match[2], match[1]))
        return match[1]


class Server:
    """Serves DOWNLOAD_BYTES of numbers at any path."""

    def __init__(self):
        block = b"".join(b"%07d\n" % i for i in range(1 << 17))  # 1 MiB
        digest = hashlib.md5()
        for _ in range(DOWNLOAD_BYTES >> 20):
            digest.update(block)
        self.md5 = digest.hexdigest()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(DOWNLOAD_BYTES))
                self.end_headers()
                for _ in range(DOWNLOAD_BYTES >> 20):
                    self.wfile.write(block)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processor_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class DebianSystem(vmm.TestCase):
    limit_s = 3000

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory(prefix="debian-")
        cls.addClassCleanup(cls.dir.cleanup)
        try:
            cls.system = debian.system(cls.dir.name)
        except nested.Unavailable as e:
            raise unittest.SkipTest(str(e)) from None
        cls.server = Server()

    def note(self, text):
        print("# %s: %s" % (self._testMethodName, text), flush=True)

    def disk(self, name):
        path = os.path.join(self.dir.name, name)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.system.image, "-F",
                        "qcow2", path], check=True)
        return path

    def start(self, machine, cpus, disk, port):
        return vmm.VMM(
            "-M", machine, "-accel", "tcg", "-cpu", "max", "-smp", str(cpus), "-m",
            str(MEMORY_MIB), "-no-reboot", "-uuid", UUID,
            "-smbios", "type=1,manufacturer=Test,product=Machine,serial=S-1",
            "-fw_cfg", "name=opt/test/words,string=hello from the host",
            "-kernel", self.system.kernel, "-initrd", self.system.initrd,
            "-append", "console=ttyS0 root=/dev/vda ro",
            "-qmp", "unix:{dir}/qmp.sock,server=on,wait=off",
            "-chardev", "socket,id=tty,path={dir}/tty,server=on,wait=on", "-serial", "chardev:tty",
            "-chardev", "socket,id=hvc,path={dir}/hvc,server=on,wait=off",
            "-drive", "file=%s,if=none,id=disk" % disk,
            "-device", "virtio-blk-pci,drive=disk,serial=root",
            "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=hvc",
            "-device", "virtio-rng-pci", "-device", "virtio-balloon-pci,id=balloon",
            "-netdev", "user,id=net,hostfwd=tcp:127.0.0.1:%d-:7" % port,
            "-device", "virtio-net-pci,netdev=net", serial=False, qmp=False)

    def check_system(self, tty):
        self.assertEqual(tty.run("systemctl is-system-running --wait || systemctl --failed").split(),
                         ["running"])
        fsck = tty.run("systemctl show -p ExecMainStatus,ConditionResult systemd-fsck-root")
        self.assertEqual(sorted(fsck.split()), ["ConditionResult=yes", "ExecMainStatus=0"])
        self.assertIn("clean\n", tty.run("tune2fs -l /dev/vda | grep 'Filesystem state'"))
        self.assertEqual(tty.run("cat /sys/block/vda/serial"), "root")
        errors = tty.run("dmesg --level=emerg,alert,crit,err || true")
        self.assertNotIn("ACPI", errors)

    def check_tables(self, tty):
        self.assertEqual(tty.run("cat /sys/class/dmi/id/product_uuid /sys/class/dmi/id/sys_vendor "
                                 "/sys/class/dmi/id/product_name /sys/class/dmi/id/product_serial"),
                         "%s\nTest\nMachine\nS-1\n" % UUID)
        self.assertEqual(tty.run("cat /sys/firmware/qemu_fw_cfg/by_name/opt/test/words/raw; echo"),
                         "hello from the host\n")

    def check_entropy(self, tty):
        self.assertIn("virtio_rng", tty.run("cat /sys/class/misc/hw_random/rng_current"))
        sums = {tty.run("head -c 4096 /dev/hwrng | md5sum") for _ in range(2)}
        self.assertEqual(len(sums), 2)

    def check_balloon(self, tty, qmp):
        def free_kib():
            return int(tty.run("grep MemFree: /proc/meminfo").split()[1])
        before = free_kib()
        for mib in (MEMORY_MIB // 2, MEMORY_MIB):
            qmp.cmd("balloon", {"value": mib << 20})
            vmm.wait_until(lambda m=mib: qmp.cmd("query-balloon")["actual"] == m << 20,
                           COMMAND_LIMIT_S, "balloon at %d MiB" % mib)
            change = before - free_kib()
            if mib < MEMORY_MIB:
                self.assertGreater(change, 200 << 10)
            else:
                self.assertLess(change, 50 << 10)

    def check_network(self, tty, port):
        tty.run("/lib/systemd/systemd-networkd-wait-online --timeout=120")
        begin = time.monotonic()
        got = tty.run("busybox wget -q -O - http://10.0.2.2:%d/ | md5sum" % self.server.port)
        self.note("%d MiB over HTTP in %.1f s" % (DOWNLOAD_BYTES >> 20, time.monotonic() - begin))
        self.assertEqual(got.split()[0], self.server.md5)
        text = b"".join(b"line %d\n" % i for i in range(20000))
        with socket.create_connection(("127.0.0.1", port), timeout=COMMAND_LIMIT_S) as s:
            threading.Thread(target=lambda: (s.sendall(text), s.shutdown(socket.SHUT_WR)),
                             daemon=True).start()
            echo = b""
            while len(echo) < len(text):
                data = s.recv(65536)
                if not data:
                    break
                echo += data
        self.assertEqual(echo, text)

    def check_disk_afterwards(self, disk):
        raw = disk + ".raw"
        check = subprocess.run(["qemu-img", "check", "-q", disk], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        subprocess.run(["qemu-img", "convert", "-O", "raw", disk, raw], check=True)
        fsck = subprocess.run(["e2fsck", "-fn", raw], capture_output=True, text=True,
                              env=dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin"))
        os.unlink(raw)
        self.assertEqual(fsck.returncode, 0, fsck.stdout + fsck.stderr)

    def boot(self, machine, cpus):
        disk, port = self.disk("%s-%d.qcow2" % (machine, cpus)), free_port()
        begin = time.monotonic()
        with self.start(machine, cpus, disk, port) as vm:
            self.drive(vm, begin, port)
        self.check_disk_afterwards(disk)
        os.unlink(disk)

    def drive(self, vm, begin, port):
        tty = Console(vm, "tty")
        hvc = Console(vm, "hvc")
        qmp = vmm.QMP.connect(vm.qmp_path)
        for console in (tty, hvc):
            console.wait(r"guest login: ", limit=BOOT_LIMIT_S)
        self.note("login: after %.1f s, %.1f s of processor time" %
                  (time.monotonic() - begin, processor_s(vm.proc.pid)))
        tty.login()
        self.check_system(tty)
        self.check_tables(tty)
        self.check_entropy(tty)
        self.check_balloon(tty, qmp)
        self.check_network(tty, port)
        hvc.login()
        self.assertIn("hvc0", hvc.run("readlink /proc/$$/fd/255"))
        self.note("all done after %.1f s, %.1f s of processor time" %
                  (time.monotonic() - begin, processor_s(vm.proc.pid)))
        tty.send("systemctl poweroff\n")
        self.assertEqual(vm.wait(BOOT_LIMIT_S), 0)
        trouble = [line for line in tty.text.splitlines() if TROUBLE.search(line)]
        self.assertEqual(trouble, [], "\n".join(trouble))


def add_tests(rows):
    for machine, cpus in rows:
        setattr(DebianSystem, "test_%s_%d_cpus" % (machine, cpus),
                lambda self, m=machine, c=cpus: self.boot(m, c))


if __name__ == "__main__":
    everything = "--all" in sys.argv
    sys.argv = [a for a in sys.argv if a != "--all"]
    add_tests(ALL if everything else CHOICE)
    vmm.main()
