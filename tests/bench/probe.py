#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt's first contact, replayed: stock QEMU and this binary in turn, medians and ratios.

usage: probe.py [--ours PATH] [--peer PATH] [--rounds N]

Two processes as libvirt 9.0 starts them, with the 51 and 5 requests it sends; then a stopped VM of
which every bool property of the CPU is read, as at the start of each domain.
"""
import argparse
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 120

DEVICES = """virtio-blk-pci virtio-net-pci virtio-scsi-pci virtio-net-ccw virtio-scsi-ccw vfio-pci scsi-hd
ide-hd PIIX4_PM usb-redir usb-storage kvm-pit VGA vmware-svga qxl virtio-gpu-pci virtio-gpu-device
ICH9-LPC virtio-balloon-pci virtio-balloon-ccw virtio-balloon-device intel-iommu mch nvdimm
pcie-root-port usb-host vhost-user-fs-device virtio-mem-pci virtio-iommu-pci""".split()


def expansion(name, kind="static", **props):
    model = {"name": name, "props": props} if props else {"name": name}
    return "query-cpu-model-expansion", {"type": kind, "model": model}


def first_process():
    plain = ["qmp_capabilities", "query-version", "query-target", "query-qmp-schema",
             "query-commands", "query-kvm", "qom-list-types"]
    yield from ((name, None) for name in plain)
    yield from (("device-list-properties", {"typename": t}) for t in DEVICES)
    for name in ("memory-backend-file", "memory-backend-memfd", "max-x86_64-cpu"):
        yield "qom-list-properties", {"typename": name}
    yield "query-machines", None
    yield "qom-list-properties", {"typename": "none-machine"}
    for name in ("query-cpu-definitions", "query-tpm-models", "query-tpm-types",
                 "query-command-line-options", "query-migrate-capabilities",
                 "query-sev-capabilities", "query-sgx-capabilities"):
        yield name, None
    yield expansion("host")
    yield expansion("host", migratable=False)
    yield expansion("host", "full", migratable=False, **{"hv-passthrough": True})


def second_process():
    yield "qmp_capabilities", None
    yield "query-cpu-definitions", None
    yield expansion("max")
    yield expansion("max", migratable=False)
    yield "query-machines", None


class Daemon:
    """A process started with -daemonize, as libvirt does."""

    def __init__(self, binary, args):
        self.dir = tempfile.TemporaryDirectory()
        monitor = os.path.join(self.dir.name, "qmp.monitor")
        pidfile = os.path.join(self.dir.name, "qmp.pid")
        self.start = time.perf_counter()
        parent = subprocess.Popen(
            [binary, "-S", "-no-user-config", "-nodefaults", *args, "-qmp",
             f"unix:{monitor},server=on,wait=off", "-pidfile", pidfile, "-daemonize"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        status, self.parent = os.wait4(parent.pid, 0)[1:]
        parent.returncode = status
        if status:
            sys.exit(f"{binary}: {parent.stderr.read().decode()}")
        parent.stderr.close()
        with open(pidfile, encoding="ascii") as f:
            self.pid = int(f.read())
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(monitor)
        self.buffer = b""
        self.line()

    def line(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(1 << 20)
            if not data:
                sys.exit("connection lost")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def ask(self, name, arguments=None):
        """(reply as bytes, wall seconds)."""
        request = {"execute": name, "id": "libvirt-1"}
        if arguments is not None:
            request["arguments"] = arguments
        data = json.dumps(request).encode() + b"\r\n"
        before = time.perf_counter()
        self.socket.sendall(data)
        while True:
            reply = self.line()
            if b'"id"' in reply:
                return reply, time.perf_counter() - before

    def cpu_s(self):
        """Processor time of both processes so far."""
        total = self.parent.ru_utime + self.parent.ru_stime
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0]) / 1e9
        return total

    def end(self):
        """Wall and CPU seconds since the start."""
        wall, cpu = time.perf_counter() - self.start, self.cpu_s()
        self.socket.close()
        os.kill(self.pid, signal.SIGKILL)
        while os.path.exists(f"/proc/{self.pid}/exe"):
            time.sleep(0.001)
        self.dir.cleanup()
        return wall, cpu


def probe(binary, accel, commands):
    """Wall and CPU seconds, and those of query-qmp-schema alone."""
    daemon = Daemon(binary, ["-nographic", "-machine", f"none,accel={accel}"])
    schema = 0
    for name, arguments in commands:
        before = daemon.cpu_s() if name == "query-qmp-schema" else 0
        wall = daemon.ask(name, arguments)[1]
        if name == "query-qmp-schema":
            schema = wall, daemon.cpu_s() - before
    return daemon.end(), schema


def bool_properties(binary, accel):
    """Wall and CPU seconds of reading all of them."""
    daemon = Daemon(binary, ["-display", "none", "-M", "q35", "-accel", accel, "-m", "64", "-cpu",
                             "qemu64"])
    daemon.ask("qmp_capabilities")
    cpus = json.loads(daemon.ask("query-cpus-fast")[0])["return"]
    cpu_before, before, path = daemon.cpu_s(), time.perf_counter(), cpus[0]["qom-path"]
    listed = json.loads(daemon.ask("qom-list", {"path": path})[0])["return"]
    names = [p["name"] for p in listed if p["type"] == "bool"]
    for name in names + ["unavailable-features"]:
        if b'"return"' not in daemon.ask("qom-get", {"path": path, "property": name})[0]:
            sys.exit(f"{binary}: property {name} cannot be read")
    result = time.perf_counter() - before, daemon.cpu_s() - cpu_before
    daemon.end()
    return result, len(names)


def measure(binary, accel):
    """One round: {row: seconds}."""
    first, schema = probe(binary, f"{accel}:tcg", first_process())
    second, _ = probe(binary, "tcg", second_process())
    bools, count = bool_properties(binary, accel)
    row = {}
    for i, what in enumerate(("wall", "CPU")):
        row[f"probing, both processes ({what} ms)"] = first[i] + second[i]
        row[f"  first, 51 requests ({what} ms)"] = first[i]
        row[f"  second, 5 requests ({what} ms)"] = second[i]
        row[f"query-qmp-schema ({what} ms)"] = schema[i]
        row[f"bool properties of a CPU ({what} ms)"] = bools[i]
        row[f"  each ({what} us)"] = bools[i] / count * 1000
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ours", default=os.path.join(HERE, "../../build/qemu-system-x86_64"))
    parser.add_argument("--peer", default="/usr/bin/qemu-system-x86_64")
    parser.add_argument("--accel", default="kvm")
    parser.add_argument("--rounds", type=int, default=11)
    args = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rounds = {"peer": [], "ours": []}
    for _ in range(args.rounds):
        for who in rounds:
            rounds[who].append(measure(getattr(args, who), args.accel))
    print(f'{"median of " + str(args.rounds) + " rounds in turn":46} {"QEMU":>9} {"ours":>9} ratio')
    for row in rounds["peer"][0]:
        peer, ours = (statistics.median(r[row] for r in rounds[who]) * 1e3
                      for who in ("peer", "ours"))
        print(f"{row:46} {peer:9.2f} {ours:9.2f} {ours / peer:5.2f}")


if __name__ == "__main__":
    main()
