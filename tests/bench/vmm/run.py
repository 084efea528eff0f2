#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program around the guest: stock QEMU and this binary in turn, medians and ratios.

Start-up, CPU queries and memory with --accel; a Linux guest (Debian's cloud kernel, busybox) with
disk and network on the software CPU. The aim of a row is "<=" for times and sizes, ">=" for
rates. Rows that this binary cannot run are skipped with the reason.

usage: run.py [--rounds N] [--accel kvm|tcg] [--only start,insn,linux,blk,net] [--ours PATH] [--peer PATH]
"""
import argparse
import json
import os
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TESTS, d) for d in ("nested", "functional", "bench")]
import cpu     # noqa: E402
import nested  # noqa: E402
import vmm     # noqa: E402

GUEST_RAM_MIB = 128
LIMIT_S = 600
BARE = ["-nodefaults", "-no-user-config", "-display", "none"]
NR_REQUESTS = 4000
READ_MIB = 400
NET_MIB = 32
SHOUT = b"\xb0!\xe6\xe9\xf4"  # mov $'!',%al; out %al,$0xe9; hlt; the same in all modes
# Name of a row -> the ratio of ours to QEMU's that it must reach. Others are for information.
AIMS = {
    "greeting, -M none (ms)": "<= 0.33",
    "greeting, -M q35 (ms)": "<= 0.33",
    "greeting, -M pc (ms)": "<= 0.33",
    "query-cpu-definitions (CPU ms)": "<= 0.20",
    "query-cpu-model-expansion static (CPU ms)": "<= 0.20",
    "query-cpu-model-expansion full (CPU ms)": "<= 0.20",
    "PSS beyond guest RAM, -M q35 (MiB)": "<= 0.33",
    "first guest instruction (ms)": "<= 0.33",
    "PSS beyond guest RAM, Linux (MiB)": "<= 0.33",
    "virtio-blk, 4 KiB reads (IOPS)": ">= 1.00",
    "virtio-blk, 4 KiB writes (IOPS)": ">= 1.00",
    "virtio-blk, 1 MiB reads (MiB/s)": ">= 1.00",
    "slirp, host to guest (MiB/s)": ">= 1.00",
}

INIT = r"""#!/bin/busybox sh
export PATH=/bin
mount -t devtmpfs d /dev; mount -t proc p /proc; mount -t sysfs s /sys
while read -r m; do insmod "/mod/$m"; done </mod/order
row() { name=$1; shift; echo "@@B $name"; "$@" 2>/dev/null; echo "@@E $name"; }
if [ -b /dev/vda ]; then
    row read4k dd if=/dev/vda of=/dev/null bs=4k count=COUNT iflag=direct
    row write4k dd if=/dev/zero of=/dev/vda bs=4k count=COUNT oflag=direct
    row read1m dd if=/dev/vda of=/dev/null bs=1M count=MIB iflag=direct
fi
if [ -d /sys/class/net/eth0 ]; then
    ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
    row net sh -c "nc 10.0.2.2 PORT </dev/null >/dev/null"
fi
echo "@@DONE"
sleep 1000
"""


class VM:
    """A stopped VM. The greeting comes on a socket that waits for it: nothing polls."""

    def __init__(self, binary, args):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(folder, "qmp")
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(LIMIT_S)
            start = time.perf_counter()
            self.process = subprocess.Popen(
                [binary, *BARE, "-S", "-chardev", f"socket,id=c,path={path}", "-mon",
                 "chardev=c,mode=control", *args], stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            sock = listener.accept()[0]
            self.file = sock.makefile("rwb")
            self.file.readline()
            self.greeting_s = time.perf_counter() - start
        self.greeting_cpu_s = cpu.process_ns(self.process.pid) / 1e9
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        while True:
            reply = json.loads(self.file.readline())
            if "event" not in reply:
                return reply["return"]

    def query_cpu_ms(self, times, name, **arguments):
        before = cpu.process_ns(self.process.pid)
        for _ in range(times):
            self.command(name, **arguments)
        return (cpu.process_ns(self.process.pid) - before) / times / 1e6

    def quit(self):
        self.file.write(b'{"execute": "quit"}\n')
        self.file.flush()
        self.process.wait(LIMIT_S)


def pss_mib(pid, ram_mib):
    """PSS beyond guest RAM: mappings of exactly its size do not count."""
    total, size = 0, 0
    with open(f"/proc/{pid}/smaps", encoding="ascii") as f:
        for line in f:
            if line.startswith("Size:"):
                size = int(line.split()[1])
            elif line.startswith("Pss:") and size != ram_mib * 1024:
                total += int(line.split()[1])
    return total / 1024


def measure_start(binary, args):
    vm = VM(binary, ["-M", "none", "-accel", args.accel])
    rows = {"greeting, -M none (ms)": vm.greeting_s * 1e3,
            "query-cpu-definitions (CPU ms)": vm.query_cpu_ms(10, "query-cpu-definitions")}
    for kind in ("static", "full"):
        rows[f"query-cpu-model-expansion {kind} (CPU ms)"] = vm.query_cpu_ms(
            20, "query-cpu-model-expansion", type=kind, model={"name": "qemu64"})
    vm.quit()
    for machine in ("q35", "pc"):
        vm = VM(binary, ["-M", machine, "-accel", args.accel, "-m", str(GUEST_RAM_MIB),
                         "-cpu", "qemu64"])
        rows[f"greeting, -M {machine} (ms)"] = vm.greeting_s * 1e3
        rows[f"greeting, -M {machine} (CPU ms)"] = vm.greeting_cpu_s * 1e3
        if machine == "q35":
            rows["PSS beyond guest RAM, -M q35 (MiB)"] = pss_mib(vm.process.pid, GUEST_RAM_MIB)
        vm.quit()
    return rows


def first_instruction_args(binary, folder, args):
    """QEMU gets a 64 KiB ROM, the shortest way it has; a binary without -bios a multiboot image."""
    path = os.path.join(folder, "first")
    if binary == args.peer:
        image = bytearray(b"\xf4" * 65536)
        image[0xfff0:0xfff0 + len(SHOUT)] = SHOUT
        option = "-bios"
    else:
        flags, at = 0x10000, 0x100000  # the header says where to load
        image = struct.pack("<8I", 0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff, at, at, 0,
                            0, at + 32) + SHOUT
        option = "-kernel"
    with open(path, "wb") as f:
        f.write(image)
    return [option, path]


def measure_insn(binary, args):
    with tempfile.TemporaryDirectory() as folder:
        argv = [binary, *BARE, "-M", "q35", "-accel", "tcg", "-chardev", "stdio,id=c",
                "-device", "isa-debugcon,iobase=0xe9,chardev=c",
                *first_instruction_args(binary, folder, args)]
        start = time.perf_counter()
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as p:
            said = os.read(p.stdout.fileno(), 1)
            elapsed = time.perf_counter() - start
            p.kill()
        if said != b"!":
            raise AssertionError(f"{binary} did not run the guest")
        return {"first guest instruction (ms)": elapsed * 1e3}


class Guest:
    """A Linux guest on the software CPU that marks begin and end of what it does on the console."""

    def __init__(self, binary, args, extra=()):
        initrd, bzimage = args.images.get()
        argv = [binary, *BARE, "-M", "q35", "-accel", "tcg", "-m", str(GUEST_RAM_MIB),
                "-serial", "stdio", "-kernel", bzimage, "-initrd", initrd,
                "-append", "console=ttyS0 quiet panic=-1 net.ifnames=0", *extra]
        self.seconds, self.cpu_seconds, begin = {}, {}, (0, 0)
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, errors="replace") as p:
            timer = threading.Timer(LIMIT_S, p.kill)
            timer.start()
            try:
                for line in p.stdout:
                    now = time.perf_counter(), cpu.process_ns(p.pid) / 1e9
                    words = line.split()[-2:]
                    if words[:1] == ["@@B"]:
                        begin = now
                    elif words[:1] == ["@@E"]:
                        self.seconds[words[1]] = now[0] - begin[0]
                        self.cpu_seconds[words[1]] = now[1] - begin[1]
                    elif words[-1:] == ["@@DONE"]:
                        break
                else:
                    raise AssertionError(f"{binary}: the guest did not end")
                self.pss_mib = pss_mib(p.pid, GUEST_RAM_MIB)
            finally:
                timer.cancel()
                p.kill()


class Images:
    """Kernel and initramfs, made when first wanted."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "initrd")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.kernel = None

    def get(self):
        if not self.kernel:
            self.kernel = nested.kernel("6.12")
            words = {"COUNT": NR_REQUESTS, "MIB": READ_MIB, "PORT": self.port}
            init = INIT
            for word, value in words.items():
                init = init.replace(word, str(value))
            archive = nested.base_initramfs(init)
            nested.add_modules(archive, self.kernel, ["virtio_pci", "virtio_blk", "virtio_net"])
            with open(self.path, "wb") as f:
                f.write(archive.finish())
        return self.path, self.kernel.bzimage


def measure_linux(binary, args):
    return {"PSS beyond guest RAM, Linux (MiB)": Guest(binary, args).pss_mib}


def measure_blk(binary, args):
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as f:
        os.posix_fallocate(f.fileno(), 0, READ_MIB << 20)
        guest = Guest(binary, args, ["-drive", f"if=none,id=d,format=raw,file={f.name}", "-device",
                                     "virtio-blk-pci,drive=d"])
    rows = {}
    for name, what in (("read4k", "reads"), ("write4k", "writes")):
        rows[f"virtio-blk, 4 KiB {what} (IOPS)"] = NR_REQUESTS / guest.seconds[name]
        rows[f"virtio-blk, 4 KiB {what} (CPU us each)"] = (
            guest.cpu_seconds[name] * 1e6 / NR_REQUESTS)
    rows["virtio-blk, 1 MiB reads (MiB/s)"] = READ_MIB / guest.seconds["read1m"]
    rows["virtio-blk, 1 MiB reads (CPU us each)"] = guest.cpu_seconds["read1m"] * 1e6 / READ_MIB
    return rows


def serve(listener):
    block = bytes(1 << 16)
    try:
        with listener.accept()[0] as connection:
            for _ in range((NET_MIB << 20) // len(block)):
                connection.sendall(block)
    except OSError:
        pass  # the guest is gone


def measure_net(binary, args):
    with socket.create_server(("127.0.0.1", args.images.port)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        guest = Guest(binary, args, ["-netdev", "user,id=n", "-device",
                                     "virtio-net-pci,netdev=n" +
                                     (",romfile=" if binary == args.peer else "")])
    return {"slirp, host to guest (MiB/s)": NET_MIB / guest.seconds["net"],
            "slirp, host to guest (CPU ms per MiB)": guest.cpu_seconds["net"] * 1e3 / NET_MIB}


def lacks(binary, *args):
    """Why a binary cannot run with these arguments, or None."""
    done = subprocess.run([binary, *BARE, "-M", "none", *args, "-device", "help"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=LIMIT_S)
    return done.stderr.strip().splitlines()[-1] if done.returncode else None


PARTS = {"start": measure_start, "insn": measure_insn, "linux": measure_linux, "blk": measure_blk,
         "net": measure_net}


def print_rows(rounds):
    for row in rounds["peer"][0]:
        peer, ours = (statistics.median(r[row] for r in rounds[who]) for who in ("peer", "ours"))
        aim = AIMS.get(row, "")
        ratio = ours / peer
        missed = aim and not (ratio <= float(aim[3:]) if aim[0] == "<" else ratio >= float(aim[3:]))
        print(f"{row:46} {peer:9.2f} {ours:9.2f} {ratio:5.2f}   {aim}{' missed' if missed else ''}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ours", default=vmm.BINARY)
    parser.add_argument("--peer", default=vmm.PEER)
    parser.add_argument("--accel", default="kvm", help="for start-up; guests run with tcg")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,...")
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(f"{'median of ' + str(args.rounds) + ' rounds in turn':46} {'QEMU':>9} {'ours':>9} ratio   aim")
    with tempfile.TemporaryDirectory(prefix="bench-vmm-") as folder:
        args.images = Images(folder)
        for part in args.only.split(","):
            why = lacks(args.ours, "-netdev", "user,id=n") if part == "net" else None
            if why:
                print(f"{part}: skipped: {why}")
                continue
            rounds = {"peer": [], "ours": []}
            for _ in range(args.rounds):
                for who in rounds:
                    rounds[who].append(PARTS[part](getattr(args, who), args))
            print_rows(rounds)


if __name__ == "__main__":
    main()
