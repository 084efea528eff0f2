#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The QMP protocol as a client sees it: session, errors, hostile clients."""
import json
import os
import socket
import struct
import tempfile
import time

import vmm

NONE = ("-M", "none")


def sanitized():
    with open(vmm.BINARY, "rb") as f:
        return b"__asan_init" in f.read()


def ask(session, request):
    """Sends JSON or text and returns the reply."""
    session.send_raw(request if isinstance(request, bytes) else json.dumps(request).encode())
    return session.reply()


def error(session, request):
    reply = ask(session, request)
    return reply["error"]["class"], reply["error"]["desc"]


class Session(vmm.TestCase):
    def test_greeting_names_version_and_only_capabilities_that_work(self):
        with vmm.VMM(*NONE) as vm:
            qmp = vm.qmp.greeting["QMP"]
            self.assertEqual(qmp["version"]["qemu"], {"major": 11, "minor": 0, "micro": 0})
            self.assertEqual(qmp["capabilities"], [])
            self.assertEqual(vm.cmd("query-version"), qmp["version"])

    def test_nothing_but_negotiation_before_negotiation(self):
        with vmm.VMM(*NONE) as vm:
            vm.qmp.close()
            vm.qmp = session = vmm.QMP.connect(vm.qmp_path, negotiate=False)
            for request in ({"execute": "query-version"}, {"execute": "nope"}):
                self.assertEqual(error(session, request), (
                    "CommandNotFound",
                    "Expecting capabilities negotiation with 'qmp_capabilities'"))
            self.assertEqual(
                error(session, {"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}),
                ("GenericError", "Capability oob not available"))
            session.cmd("qmp_capabilities")
            self.assertEqual(
                error(session, {"execute": "qmp_capabilities"}),
                ("CommandNotFound",
                 "Capabilities negotiation is already complete, command ignored"))

    def test_every_connection_negotiates_anew(self):
        with vmm.VMM(*NONE) as vm:
            for _ in range(3):
                vm.qmp.close()
                vm.qmp = vmm.QMP.connect(vm.qmp_path, negotiate=False)
                self.assertIn("QMP", vm.qmp.greeting)
                self.assertEqual(error(vm.qmp, {"execute": "query-name"})[0], "CommandNotFound")
                vm.qmp.cmd("qmp_capabilities")

    def test_ids_of_any_type_are_echoed_in_order(self):
        with vmm.VMM(*NONE) as vm:
            ids = ["x", 1, -1, 2 ** 64 - 1, 1.5, None, True, [], {"a": [None]}, "\u00e4\U0001f600"]
            vm.qmp.send_raw(b"".join(json.dumps({"execute": "query-name", "id": i}).encode()
                                     for i in ids))
            for i in ids:
                self.assertEqual(vm.qmp.reply(), {"return": {}, "id": i})
            self.assertNotIn("id", ask(vm.qmp, {"execute": "query-name"}))
            self.assertEqual(ask(vm.qmp, {"execute": "nope", "id": 7})["id"], 7)

    def test_byte_ff_makes_the_server_forget_a_broken_command(self):
        with vmm.VMM(*NONE) as vm:
            vm.qmp.send_raw(b'{"execute": "query-na\xff')
            self.assertIn("error", vm.qmp.reply())
            self.assertEqual(ask(vm.qmp, {"execute": "query-name"}), {"return": {}})

    def test_single_quotes_are_accepted(self):
        with vmm.VMM(*NONE) as vm:
            self.assertEqual(ask(vm.qmp, b"{'execute': 'query-name', 'id': 'it\\'s'}"),
                             {"return": {}, "id": "it's"})

    def test_two_monitors_both_get_events(self):
        with vmm.VMM(*NONE, "-qmp", "unix:{dir}/second,server=on,wait=off") as vm:
            second = vmm.QMP.connect(vm.path("second"))
            unnegotiated = vm.path("second")
            vm.cmd("stop")
            stamp = second.event("STOP")["timestamp"]
            self.assertLess(abs(stamp["seconds"] + stamp["microseconds"] / 1e6 - time.time()), 5)
            vm.qmp.event("STOP")
            second.cmd("cont")
            vm.qmp.event("RESUME")
            second.close()
            # One that has not negotiated hears nothing.
            third = vmm.QMP.connect(unnegotiated, negotiate=False)
            vm.cmd("stop")
            vm.cmd("cont")
            self.assertEqual(ask(third, {"execute": "qmp_capabilities"}), {"return": {}})
            self.assertEqual(third.events, [])
            third.close()

    def test_run_state_commands_and_events(self):
        with vmm.VMM(*NONE, "-S", "-no-shutdown") as vm:
            def status():
                return vm.cmd("query-status")

            self.assertEqual(status(), {"running": False, "status": "prelaunch"})
            vm.cmd("stop")
            self.assertEqual(status(), {"running": False, "status": "prelaunch"})
            vm.cmd("cont")
            vm.qmp.event("RESUME")
            self.assertEqual(status(), {"running": True, "status": "running"})
            vm.cmd("stop")
            vm.qmp.event("STOP")
            self.assertEqual(status(), {"running": False, "status": "paused"})
            vm.cmd("system_reset")
            self.assertEqual(vm.qmp.event("RESET")["data"],
                             {"guest": False, "reason": "host-qmp-system-reset"})
            vm.cmd("system_powerdown")
            vm.qmp.event("POWERDOWN")
            vm.cmd("quit")
            self.assertEqual(vm.qmp.event("SHUTDOWN")["data"],
                             {"guest": False, "reason": "host-qmp-quit"})
            self.assertIsNone(vm.qmp.recv())
            self.assertEqual(vm.wait(), 0)
            self.assertFalse(os.path.exists(vm.qmp_path))

    def test_pretty_layout(self):
        with vmm.VMM(*NONE, "-qmp-pretty", "unix:{dir}/pretty,server=on,wait=off") as vm:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(vm.path("pretty"))
            text = b""
            while b"\n}\r\n" not in text:
                text += sock.recv(4096)
            self.assertTrue(text.startswith(b'{\r\n    "QMP": {\r\n        "version": {\r\n'), text)
            sock.sendall(b'{"execute":"qmp_capabilities"}')
            self.assertEqual(sock.recv(4096), b'{\r\n    "return": {\r\n    }\r\n}\r\n')
            sock.close()

    def test_mon_option(self):
        with vmm.VMM(*NONE, "-chardev", "socket,id=c,path={dir}/c,server=on,wait=off",
                     "-mon", "chardev=c,mode=control,id=m") as vm:
            session = vmm.QMP.connect(vm.path("c"))
            labels = [c["label"] for c in session.cmd("query-chardev")]
            self.assertEqual(sorted(labels), ["c", "compat_monitor0", "serial0"])
            session.close()


class Requests(vmm.TestCase):
    def test_malformed_requests_like_qemu(self):
        cases = [
            (b"[]", "QMP input must be a JSON object"),
            (b"1 ", "QMP input must be a JSON object"),
            (b"{}", "QMP input lacks member 'execute'"),
            (b'{"execute":1}', "QMP input member 'execute' must be a string"),
            (b'{"execute":"stop","arguments":[]}',
             "QMP input member 'arguments' must be an object"),
            (b'{"execute":"stop","x":1}', "QMP input member 'x' is unexpected"),
            (b'{"execute":"stop",}', "JSON parse error, expecting value"),
            (b"nope ", "JSON parse error, invalid keyword 'nope'"),
            (b"@\n", "JSON parse error, stray '@'"),
        ]
        with vmm.VMM(*NONE) as vm:
            for request, desc in cases:
                self.assertEqual(error(vm.qmp, request), ("GenericError", desc))
            self.assertEqual(error(vm.qmp, {"execute": "nope"}),
                             ("CommandNotFound", "The command nope has not been found"))

    def test_arguments_are_checked_like_qemu(self):
        def expansion(**model):
            return {"execute": "query-cpu-model-expansion",
                    "arguments": {"type": "static", "model": model}}

        cases = [
            ({"execute": "stop", "arguments": {"a": 1}}, "Parameter 'a' is unexpected"),
            ({"execute": "human-monitor-command"}, "Parameter 'command-line' is missing"),
            ({"execute": "human-monitor-command", "arguments": {"command-line": 1}},
             "Invalid parameter type for 'command-line', expected: string"),
            ({"execute": "human-monitor-command",
              "arguments": {"command-line": "", "cpu-index": 7}},
             "Parameter 'cpu-index' expects a CPU number"),
            ({"execute": "query-cpu-model-expansion", "arguments": {"type": "other", "model": {}}},
             "Parameter 'type' does not accept value 'other'"),
            (expansion(), "Parameter 'model.name' is missing"),
            (expansion(name="max", x=1), "Parameter 'model.x' is unexpected"),
            (expansion(name="nope"), "CPU model 'nope' not found"),
            (expansion(name="max", props=[]),
             "Invalid parameter type for 'model.props', expected: object"),
        ]
        with vmm.VMM(*NONE) as vm:
            for request, desc in cases:
                self.assertEqual(error(vm.qmp, request), ("GenericError", desc))


# A multiboot kernel that prints dots until it is stopped.
TICKER = struct.pack("<8I", 0x1badb002, 0x10000, -(0x1badb002 + 0x10000) & 0xffffffff, 0x100000,
                     0x100000, 0, 0, 0x100020) + bytes.fromhex(
                         "66baf803"    # mov $0x3f8, %dx
                         "b02e"        # mov $'.', %al
                         "ee"          # 1: out %al, %dx
                         "b9a0860100"  # mov $100000, %ecx
                         "49"          # 2: dec %ecx
                         "75fd"        # jnz 2b
                         "ebf5")       # jmp 1b


class Hostile(vmm.TestCase):
    """A client may do what it likes: memory stays bounded, the guest runs, others are served."""

    def setUp(self):
        # The sanitizer keeps freed memory for a while.
        self.slack_kib = 1024 * 1024 if sanitized() else 0
        kernel = tempfile.NamedTemporaryFile(prefix="ticker-")
        self.addCleanup(kernel.close)
        kernel.write(TICKER)
        kernel.flush()
        self.vm = vmm.VMM("-M", "q35", "-accel", "tcg", "-m", "16", "-kernel", kernel.name,
                          "-qmp", "unix:{dir}/evil,server=on,wait=off")
        self.vm.__enter__()
        self.addCleanup(self.vm.close)
        self.evil = vmm.QMP.connect(self.vm.path("evil"))

    def peak_kib(self):
        with open("/proc/%d/status" % self.vm.proc.pid, encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmHWM")).split()[1])

    def flood(self, data, seconds=5):
        """Writes as much of @data, over and over, as goes through without anybody reading."""
        sent = 0
        self.evil.sock.setblocking(False)
        end = time.monotonic() + seconds
        idle = 0
        while time.monotonic() < end and idle < 20:
            try:
                sent += self.evil.sock.send(data)
                idle = 0
            except BlockingIOError:
                idle += 1
                time.sleep(0.02)
        self.evil.sock.setblocking(True)
        return sent

    def served(self):
        self.assertIs(self.vm.cmd("query-status")["running"], True)
        self.assertLess(self.peak_kib(), 200 * 1024 + self.slack_kib)
        dots = len(self.vm.serial())
        vmm.wait_until(lambda: len(self.vm.serial()) > dots, what="a sign of life of the guest")

    def next_client_is_served(self):
        self.evil.close()
        self.evil = vmm.QMP.connect(self.vm.path("evil"))
        self.assertIn("running", self.evil.cmd("query-status"))

    def test_client_that_never_reads(self):
        self.flood(b'{"execute":"query-cpu-definitions"}' * 100)
        self.served()
        self.next_client_is_served()

    def test_replies_to_a_slow_reader_all_arrive_in_order(self):
        requests = b"".join(b'{"execute":"query-machines","id":%d}\n' % i for i in range(300))
        self.evil.send_raw(requests)
        time.sleep(0.5)
        for i in range(300):
            self.assertEqual(self.evil.reply()["id"], i)

    def test_100_mb_without_an_end(self):
        for start, byte in ((b'{"execute": "', b"x"), (b"a", b"a"), (b"1", b"1"), (b" ", b" ")):
            with self.subTest(start=start):
                chunk = byte * (1 << 20)
                self.evil.send_raw(start)
                for _ in range(100):
                    self.evil.send_raw(chunk)
                self.served()
                self.next_client_is_served()

    def test_too_long_a_token_is_an_error_and_the_session_goes_on(self):
        for _ in range(70):
            self.evil.send_raw(b"x" * (1 << 20))
        self.assertEqual(self.evil.reply()["error"]["desc"], "JSON token size limit exceeded")
        self.evil.send_raw(b"\n")
        self.assertIn("running", self.evil.cmd("query-status"))

    def test_10000_levels_of_nesting(self):
        for opening in (b"[", b'{"a":'):
            self.evil.send_raw(opening * 10000)
            self.assertEqual(self.evil.reply()["error"]["desc"],
                             "JSON nesting depth limit exceeded")
            self.served()
            self.next_client_is_served()

    def test_millions_of_elements(self):
        self.evil.send_raw(b"[")
        self.flood(b"[]," * 20000)
        self.assertEqual(self.evil.reply()["error"]["desc"], "JSON token count limit exceeded")
        self.served()
        self.next_client_is_served()

    def test_client_that_leaves_in_the_middle_of_a_reply(self):
        for _ in range(20):
            self.evil.send_raw(b'{"execute":"query-cpu-definitions"}' * 5)
            self.evil.sock.recv(100)
            self.next_client_is_served()
        self.served()

    def test_client_that_leaves_in_the_middle_of_a_command(self):
        for _ in range(20):
            self.evil.send_raw(b'{"execute":"query-st')
            self.next_client_is_served()

    def test_events_nobody_reads(self):
        before = self.peak_kib()
        batch = b'{"execute":"stop"}{"execute":"cont"}' * 500
        for _ in range(60):
            self.vm.qmp.send_raw(batch)
            for _ in range(1000):
                self.vm.qmp.reply()
            self.vm.qmp.events.clear()
        self.assertLess(self.peak_kib() - before, 32 * 1024 + self.slack_kib)
        self.next_client_is_served()

    def test_passed_descriptors_do_not_pile_up(self):
        fd = os.open("/dev/null", os.O_RDONLY)
        for _ in range(100):
            socket.send_fds(self.evil.sock, [b'{"execute":"query-name"}'], [fd] * 10)
            self.evil.reply()
        os.close(fd)
        self.assertLess(len(os.listdir("/proc/%d/fd" % self.vm.proc.pid)), 60)
        self.next_client_is_served()
        self.assertLess(len(os.listdir("/proc/%d/fd" % self.vm.proc.pid)), 50)


if __name__ == "__main__":
    vmm.main()
