#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel on the software CPU with a user-mode network: takes an address by DHCP, loads a
file over HTTP from a server here, and answers a connection that comes in through hostfwd. The host
side is on 127.0.0.1. --long: 200 MB instead of 8."""
import hashlib
import http.server
import os
import re
import socket
import sys
import tempfile
import threading
import unittest

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import test_guests as guests  # noqa: E402
import nested                 # noqa: E402
import vmm                    # noqa: E402

MIB = 8
LIMIT_S = 420
CHECK = r"""
cat >/tmp/lease <<'END'
#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"; ip route add default via "$router"
echo "RESULT lease $ip $router $dns"
END
chmod +x /tmp/lease
ip link set lo up; ip link set eth0 up
udhcpc -i eth0 -q -n -s /tmp/lease
port=$(sed 's/.*httpport=\([0-9]*\).*/\1/' /proc/cmdline)
echo "RESULT sum $(wget -q -O - "http://10.0.2.2:$port/file" | sha256sum | cut -c1-64)"
printf 'hello from the guest\n' >/tmp/hello
nc -l -p 77 </tmp/hello >/tmp/said &
echo "RESULT listening"
wait
echo "RESULT said $(cat /tmp/said)"
"""


class Server:
    """Serves @data to everybody who asks."""

    def __init__(self, data):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.httpd.server_address[1]
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.httpd.shutdown()
        self.httpd.server_close()


def talk(port):
    """What the guest says; nothing as long as nobody listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), LIMIT_S) as s:
            s.sendall(b"hello from the host\n")
            s.shutdown(socket.SHUT_WR)
            return s.makefile("rb").read()
    except ConnectionError:
        return b""


class UserNetwork(unittest.TestCase):
    def boot(self, machine, cpus, props=""):
        data = hashlib.shake_256(b"net").digest(1 << 20) * MIB
        try:
            kern = nested.kernel(*guests.KERNELS["6.12-cloud"])
            initrd = guests.initramfs(kern, "amd64", CHECK, ["virtio_pci", "virtio_net"])
        except nested.Unavailable as e:
            self.skipTest(str(e))
        with tempfile.NamedTemporaryFile(prefix="net-initrd-") as f, Server(data) as server:
            f.write(initrd)
            f.flush()
            with vmm.VMM("-accel", "tcg", "-M", machine, "-cpu", "max", "-smp", str(cpus), "-m", "512",
                         "-no-reboot", "-kernel", kern.bzimage, "-initrd", f.name, "-append",
                         "console=ttyS0 panic=-1 httpport=%d" % server.port, "-netdev",
                         "user,id=n,hostfwd=tcp:127.0.0.1:0-:77", "-device",
                         "virtio-net-pci,netdev=n" + props) as vm:
                vm.wait_serial("RESULT listening", LIMIT_S)
                port = int(re.search(r"HOST_FORWARD\]\s+\d+\s+127.0.0.1\s+(\d+)",
                                     vm.hmp("info usernet"))[1])
                answer = vmm.wait_until(lambda: talk(port), LIMIT_S, "answer of the guest")
                self.assertEqual(vm.wait(LIMIT_S), 0)
                got = guests.results(vm.serial())
        self.assertEqual(answer, b"hello from the guest\n")
        self.assertEqual({k: got.get(k) for k in ("lease", "sum", "said")},
                         {"lease": "10.0.2.15 10.0.2.2 10.0.2.3",
                          "sum": hashlib.sha256(data).hexdigest(), "said": "hello from the host"},
                         vm.serial()[-3000:])

    def test_q35(self):
        self.boot("q35", 2)

    def test_pc_with_packed_rings(self):
        self.boot("pc", 1, ",packed=on")


if __name__ == "__main__":
    if "--long" in sys.argv:
        sys.argv.remove("--long")
        MIB = 200
    vmm.TEST_LIMIT_S = 3 * LIMIT_S
    vmm.main()
