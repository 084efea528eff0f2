#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines that cannot work: the message names the cause, the status is 1, nothing stays."""
import os
import signal
import tempfile
import time

import vmm

QTEST = ('-accel', 'qtest', '-M', 'q35', '-display', 'none', '-S')
IDENTIFIER_HINT = ("Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.")

# Arguments -> the lines on stderr after "qemu-system-x86_64: ".
REFUSED = [
    (['-cpu', 'nosuch'], ["unable to find CPU model 'nosuch'"]),
    (['-cpu', ''], ['-cpu option cannot be empty']),
    (['-cpu', 'EPYC,nosuch=on'], ["can't apply global EPYC-x86_64-cpu.nosuch=on: "
                                  "Property 'EPYC-x86_64-cpu.nosuch' not found"]),
    (['-cpu', 'EPYC,avx=maybe'], ["can't apply global EPYC-x86_64-cpu.avx=maybe: "
                                  "Parameter 'avx' expects 'on' or 'off'"]),
    (['-M', 'nosuch'], ['unsupported machine type: "nosuch"',
                        'Use -machine help to list supported machines']),
    (['-M', 'q35,nosuch=1'], ["Property 'pc-q35-11.0-machine.nosuch' not found"]),
    (['-M', 'q35,acpi=maybe'], ["Parameter 'acpi' does not accept value 'maybe'"]),
    (['-nosuch'], ['-nosuch: invalid option']),
    (['-name'], ['-name: requires an argument']),
    (['-uuid', '1234'], ['-uuid 1234: failed to parse UUID string: wrong format']),
    (['-device', 'nosuch'], ["-device nosuch: 'nosuch' is not a valid device model name"]),
    (['-device', 'isa-debug-exit,nosuch=1'],
     ["-device isa-debug-exit,nosuch=1: Property 'isa-debug-exit.nosuch' not found"]),
    (['-device', 'isa-debug-exit,id=1x'],
     ["-device isa-debug-exit,id=1x: Parameter 'id' expects an identifier", IDENTIFIER_HINT]),
    (['-rtc', 'base=soon'], ["-rtc base=soon: invalid datetime format",
                             "valid formats: '2006-06-17T16:01:21' or '2006-06-17'"]),
    (['-kernel', '/etc/passwd'],
     ["could not load kernel '/etc/passwd': invalid kernel header",
      'a Linux bzImage, an ELF file with a PVH entry or a multiboot kernel is needed']),
    (['-initrd', '/etc/passwd'], ['-initrd only allowed with -kernel option']),
    (['-append', 'x'], ['-append only allowed with -kernel option']),
    (['-pidfile', '/nonexistent/x'],
     ['cannot create PID file: Cannot open pid file: No such file or directory']),
    (['-chardev', 'socket,id=a,path=/nonexistent/x,server=on,wait=off'],
     ['-chardev socket,id=a,path=/nonexistent/x,server=on,wait=off: '
      'Failed to bind socket to /nonexistent/x: No such file or directory']),
]


def lines_of(result):
    """Lines on stderr without the program's name and CPU feature warnings."""
    prefix = 'qemu-system-x86_64: '
    lines = [line[len(prefix):] if line.startswith(prefix) else line
             for line in result.err.splitlines()]
    return [line for line in lines if "doesn't support requested feature" not in line]


class BadInput(vmm.TestCase):
    def test_refused_with_the_cause_and_status_1(self):
        for args, expected in REFUSED:
            with self.subTest(args=args):
                result = vmm.run(*QTEST, *args)
                self.assertEqual(lines_of(result), expected)
                self.assertEqual(result.status, 1)

    def test_unknown_accelerator(self):
        result = vmm.run('-M', 'q35', '-accel', 'nosuch', '-display', 'none', '-S')
        self.assertIn('invalid accelerator nosuch', lines_of(result)[0])
        self.assertEqual(result.status, 1)

    def test_a_failed_start_leaves_no_socket_and_no_pid_file(self):
        with tempfile.TemporaryDirectory() as tmp:
            sock, pid = os.path.join(tmp, 'qmp'), os.path.join(tmp, 'pid')
            result = vmm.run(*QTEST, '-qmp', f'unix:{sock},server=on,wait=off', '-pidfile', pid,
                             '-mon', 'nosuch')
            self.assertEqual(result.status, 1)
            self.assertEqual(os.listdir(tmp), [])

    def test_daemon_that_fails_makes_its_parent_fail(self):
        with tempfile.TemporaryDirectory() as tmp:
            pid = os.path.join(tmp, 'pid')
            result = vmm.run(*QTEST, '-daemonize', '-pidfile', pid, '-device', 'nosuch')
            self.assertEqual(result.status, 1)
            self.assertIn("'nosuch' is not a valid device model name", lines_of(result)[-1])
            self.assertEqual(os.listdir(tmp), [])


class Daemon(vmm.TestCase):
    def test_parent_ends_when_the_socket_listens_and_a_signal_cleans_up(self):
        with tempfile.TemporaryDirectory() as tmp:
            sock, pid = os.path.join(tmp, 'qmp'), os.path.join(tmp, 'pid')
            result = vmm.run('-M', 'none', '-accel', 'qtest', '-nodefaults', '-display', 'none',
                             '-S', '-daemonize', '-pidfile', pid,
                             '-qmp', f'unix:{sock},server=on,wait=off')
            self.assertEqual(result.status, 0)
            with open(pid, encoding='ascii') as f:
                number = int(f.read())
            qmp = vmm.QMP.connect(sock)
            self.assertEqual(qmp.cmd('query-status')['status'], 'prelaunch')
            qmp.close()
            os.kill(number, signal.SIGTERM)
            end = time.monotonic() + 20
            while os.listdir(tmp) and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual(os.listdir(tmp), [])


if __name__ == '__main__':
    vmm.main()
