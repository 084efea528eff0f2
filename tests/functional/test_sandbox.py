#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-sandbox: the running program is behind its list of system calls, all threads of it. What the list
says of each call is tests/unit/test-sandbox.c; all other functional tests run behind it with
VMM_SANDBOX=1."""
import os
import re
import subprocess
import tempfile
import unittest

import vmm

SYS = {"setpriority": 141, "setuid": 105, "fork": 57, "ptrace": 101, "execve": 59, "sysfs": 139}


def threads(pid):
    """[(Seccomp, NoNewPrivs) of each thread]"""
    found = []
    for task in os.listdir("/proc/%d/task" % pid):
        text = vmm.read_text("/proc/%d/task/%s/status" % (pid, task))
        found.append(tuple(int(re.search(r"%s:\s+(\d)" % key, text).group(1))
                           for key in ("Seccomp", "NoNewPrivs")))
    return found


def make_call(pid, nr, *args, thread=1):
    """The process makes a system call. Its result, or None when that was its end."""
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-p", str(pid), "-ex", "set confirm off", "-ex",
         "thread %d" % thread, "-ex", "print ((long(*)(long,...))syscall)(%s)" %
         ",".join(str(n) for n in (nr, *args))], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=vmm.RUN_LIMIT_S,
        check=False)
    if "ptrace" in done.stdout and "Operation not permitted" in done.stdout:
        raise unittest.SkipTest("may not trace processes")
    result = re.search(r"^\$1 = (-?\d+)$", done.stdout, re.M)
    if not result and "SIGSYS" not in done.stdout:
        raise AssertionError(done.stdout)
    return int(result.group(1)) if result else None


class Sandbox(vmm.TestCase):
    def vm(self, sandbox, *args):
        return vmm.VMM("-M", "q35", "-accel", "tcg", "-sandbox", sandbox, *args)

    def test_every_thread_is_behind_the_list(self):
        for sandbox, want in (("on", (2, 1)), ("on,obsolete=allow,spawn=allow", (2, 1))):
            with self.vm(sandbox, "-smp", "3") as vm:
                found = threads(vm.proc.pid)
                self.assertGreater(len(found), 3)
                self.assertEqual(set(found), {want})

    def test_a_thread_that_starts_late_is_behind_it(self):
        with tempfile.TemporaryDirectory() as d:
            image = os.path.join(d, "i")
            with open(image, "wb") as f:
                f.truncate(1 << 20)
            with self.vm(vmm.SANDBOX) as vm:
                before = len(threads(vm.proc.pid))
                vm.cmd("blockdev-add", {"driver": "raw", "node-name": "n", "file":
                                        {"driver": "file", "filename": image}})
                vm.cmd("block_resize", {"node-name": "n", "size": 2 << 20})
                self.assertEqual([n["image"]["virtual-size"] for n in
                                  vm.cmd("query-named-block-nodes") if n["node-name"] == "n"],
                                 [2 << 20])
                self.assertGreaterEqual(len(threads(vm.proc.pid)), before)
                self.assertEqual(set(threads(vm.proc.pid)), {(2, 1)})
                self.assertEqual(vm.quit(), 0)

    @unittest.skipIf(os.environ.get("VMM_SANDBOX"), "the environment asks for it")
    def test_off_means_off(self):
        for args in ((), ("-sandbox", "off"), ("-sandbox", "off,spawn=deny")):
            with vmm.VMM("-M", "none", *args) as vm:
                self.assertEqual(set(threads(vm.proc.pid)), {(0, 0)})

    def test_a_daemon_is_behind_it(self):
        with tempfile.TemporaryDirectory() as d:
            pidfile, sock = os.path.join(d, "pid"), os.path.join(d, "qmp")
            done = vmm.run("-M", "none", "-display", "none", "-nodefaults", "-daemonize",
                           "-sandbox", vmm.SANDBOX, "-pidfile", pidfile,
                           "-qmp", "unix:%s,server=on,wait=off" % sock)
            self.assertEqual(done.status, 0, done.err)
            pid = int(vmm.read_text(pidfile))
            self.assertEqual(set(threads(pid)), {(2, 1)})
            qmp = vmm.QMP.connect(sock)
            qmp.cmd("quit")
            vmm.wait_until(lambda: not os.path.exists("/proc/%d" % pid) or
                           "State:\tZ" in vmm.read_text("/proc/%d/status" % pid))
            self.assertFalse(os.path.exists(pidfile))
            qmp.close()

    def ends(self, sandbox, call, thread=1):
        """Whether the program dies of the call, by SIGSYS; else what the call returned."""
        with self.vm(sandbox) as vm:
            result = make_call(vm.proc.pid, SYS[call], 0, 0, 0, thread=thread)
            if result is None:
                self.assertEqual(vm.wait(), -31)
                return True
            self.assertEqual(vm.cmd("query-status")["status"], "running")
            return result

    def test_sub_options_say_what_a_call_does(self):
        for sandbox, call, want in (
                ("on", "ptrace", True), ("on", "sysfs", True), ("on", "execve", -1),
                ("on", "setuid", 0 if os.geteuid() == 0 else -1), (vmm.SANDBOX, "setuid", True),
                (vmm.SANDBOX, "fork", True), (vmm.SANDBOX, "execve", True),
                (vmm.SANDBOX, "setpriority", -1)):
            with self.subTest(sandbox=sandbox, call=call):
                if os.environ.get("VMM_SANDBOX") and sandbox == "on":
                    continue
                self.assertIs(self.ends(sandbox, call), want)

    def test_a_call_of_a_cpu_thread_ends_the_whole_program(self):
        self.assertIs(self.ends("on", "ptrace", thread=2), True)

    def test_errors_of_the_option_name_it(self):
        for arg, message in (
                ("maybe", "Parameter 'enable' expects 'on' or 'off'"),
                ("on,foo=bar", "Invalid parameter 'foo'"),
                ("on,elevateprivileges=x", "invalid argument for elevateprivileges")):
            done = vmm.run("-M", "none", "-sandbox", arg)
            self.assertEqual((done.status, done.err),
                             (1, "%s: -sandbox %s: %s\n" % (vmm.PROG, arg, message)))


if __name__ == "__main__":
    vmm.main()
