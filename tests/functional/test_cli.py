#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command line promises when nothing is wrong: listings, -daemonize and -pidfile, -S,
-no-reboot and -no-shutdown, logs, signals."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import vmm

ANY = ["-display", "none", "-nodefaults"]
Q35 = ANY + ["-M", "q35", "-accel", "qtest"]
NEW_VERSIONS = [
    "Skylake-Server-v6", "Cascadelake-Server-v6", "Icelake-Server-v8", "Cooperlake-v3",
    "SapphireRapids-v5", "GraniteRapids-v4", "SierraForest-v4", "ClearwaterForest-v2",
    "Skylake-Client-v5", "Broadwell-v5", "Haswell-v5", "EPYC-v6", "EPYC-Rome-v6", "EPYC-Milan-v4",
    "EPYC-Genoa-v3", "EPYC-Turin-v2"]


class ListingTest(vmm.TestCase):
    def listing(self, *args):
        r = vmm.run(*args)
        self.assertEqual((r.status, r.err), (0, ""))
        return r.out

    def test_version(self):
        for option in ("-version", "--version"):
            self.assertRegex(self.listing(option),
                             r"\AQEMU emulator version 11\.0\.0( \(.*\))?\nCopyright ")

    def test_help(self):
        out = self.listing("-help")
        self.assertEqual(out, self.listing("-h"))
        self.assertRegex(out, r"\AQEMU emulator version 11\.0\.0\nusage: %s \[options\]" % vmm.PROG)
        for option in ("machine", "cpu", "accel", "smp", "m", "kernel", "chardev", "serial", "qmp",
                       "daemonize", "pidfile", "S", "d", "D", "trace", "no-reboot", "uuid"):
            self.assertRegex(out, r"(?m)^-%s\b" % option)
        self.assertEqual([r for r in out.splitlines() if len(r) > 110], [])

    def test_machines(self):
        out = self.listing("-M", "help")
        self.assertTrue(out.startswith("Supported machines are:\n"))
        for row in ("pc                   Standard PC (i440FX + PIIX, 1996) (alias of "
                    "pc-i440fx-11.0)", "pc-i440fx-11.0       Standard PC (i440FX + PIIX, 1996) "
                    "(default)", "q35                  Standard PC (Q35 + ICH9, 2009) (alias of "
                    "pc-q35-11.0)", "none                 empty machine"):
            self.assertIn(row + "\n", out)
        self.assertEqual(out, self.listing("-machine", "help"))

    def test_cpus(self):
        out = self.listing("-cpu", "help")
        self.assertTrue(out.startswith("Available CPUs:\n"))
        for name in NEW_VERSIONS:
            self.assertRegex(out, r"(?m)^  %s +\S.*x2apic-seoib" % name)
        for name in ("host", "max", "base", "qemu64"):
            self.assertRegex(out, r"(?m)^  %s +" % name)
        self.assertIn("\nRecognized CPUID flags:\n", out)
        self.assertIn("x2apic-seoib", out.split("Recognized CPUID flags:")[1].split())

    def test_cpus_include_those_of_stock_qemu_with_their_descriptions(self):
        theirs = vmm.run("-cpu", "help", binary=vmm.need_peer()).out
        ours = {" ".join(row.split()) for row in self.listing("-cpu", "help").splitlines()}
        models, flags = theirs.split("Recognized CPUID flags:")
        rows = [" ".join(row.split()[1:]) for row in models.splitlines() if row.startswith("x86 ")]
        # QEMU 10 describes these differently.
        changed = ("host ", "max ")
        self.assertEqual([r for r in rows if r not in ours and not r.startswith(changed)], [])
        have = set(self.listing("-cpu", "help").split("Recognized CPUID flags:")[1].split())
        self.assertEqual(set(flags.split()) - have, set())

    def test_accelerators(self):
        for option in (["-accel", "help"], ["-accel", "?"]):
            out = self.listing(*option)
            self.assertEqual(out.splitlines()[:2], ["Accelerators supported in QEMU binary:", "tcg"])
            self.assertNotIn("qtest", out)  # as in QEMU: for tests

    def test_properties_of_a_machine(self):
        out = self.listing("-M", "q35,help")
        self.assertTrue(out.startswith("pc-q35-11.0-machine options:\n"))
        self.assertIn("\n  hpet=<bool>            - ", out)
        self.assertEqual(self.listing("-machine", "type=pc-q35-11.0,help"), out)

    def test_parameters_of_options_are_those_of_stock_qemu(self):
        for option in ("smp", "rtc", "global", "overcommit"):
            out = self.listing("-" + option, "help").splitlines()
            if os.access(vmm.PEER, os.X_OK):
                peer = vmm.run("-" + option, "help", binary=vmm.PEER).out.splitlines()
                self.assertEqual(set(peer) ^ set(out),  # of 7.2 and of 10.2
                                 {"  clusters=<num>", "  modules=<num>"} if option == "smp"
                                 else set())

    def test_without_accel_the_program_name_chooses(self):
        def kvm_enabled(binary):
            with vmm.VMM("-S", "-M", "q35", binary=binary) as vm:
                return vm.cmd("query-kvm")["enabled"]
        self.assertFalse(kvm_enabled(vmm.BINARY))
        vmm.need_kvm()
        with tempfile.TemporaryDirectory() as d:
            link = os.path.join(d, "qemu-kvm")
            os.symlink(vmm.BINARY, link)
            self.assertTrue(kvm_enabled(link))

    def test_devices(self):
        out = self.listing("-device", "help")
        self.assertRegex(out, r'(?m)^name "isa-debug-exit", bus ISA$')
        self.assertIn("isa-debug-exit options:\n  iobase=<uint32>",
                      self.listing("-device", "isa-debug-exit,help"))

    def test_other_listings(self):
        self.assertIn("socket", self.listing("-chardev", "help"))
        self.assertIn("guest_errors", self.listing("-d", "help"))
        self.assertIn("seoib_mode", self.listing("-trace", "help"))
        self.assertIn("none", self.listing("-display", "help"))

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for option in (["-version"], ["-help"], ["-cpu", "help"]):
                r = subprocess.run([vmm.BINARY, *option], stdout=full, stderr=subprocess.PIPE,
                                   timeout=20)
                self.assertGreaterEqual(r.returncode, 0, "ended by a signal")


class DaemonTest(vmm.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="daemon-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.pid = None
        self.addCleanup(self.end)

    def end(self):
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def path(self, name):
        return os.path.join(self.dir, name)

    def daemonize(self, *more, cwd=None):
        """Runs until the first process ends; the daemon's pid from the pid file. Not through
        vmm.run(), under which a daemon would hold the output pipes open were it to keep them."""
        with open(self.path("err"), "w+", encoding="utf-8") as err:
            status = subprocess.run([vmm.BINARY, "-daemonize", "-pidfile", self.path("pid"), *Q35,
                                     "-qmp", "unix:%s,server=on,wait=off" % self.path("qmp"), *more],
                                    stdin=subprocess.DEVNULL, stdout=err, stderr=err, timeout=30,
                                    cwd=cwd).returncode
            err.seek(0)
            self.assertEqual((status, err.read()), (0, ""))
        with open(self.path("pid"), encoding="ascii") as f:
            text = f.read()
        self.assertRegex(text, r"\A[1-9][0-9]*\n\Z")
        self.pid = int(text)

    def gone(self):
        try:
            with open("/proc/%d/stat" % self.pid, encoding="ascii") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    def test_parent_ends_when_the_sockets_listen(self):
        self.daemonize("-S")
        # No waiting: the first attempt must work.
        qmp = vmm.QMP.connect(self.path("qmp"), timeout=0)
        self.assertEqual(qmp.cmd("query-status")["status"], "prelaunch")
        qmp.cmd("quit")
        vmm.wait_until(self.gone, what="the daemon's end")
        self.assertFalse(os.path.exists(self.path("pid")), "pid file left")
        self.assertFalse(os.path.exists(self.path("qmp")), "socket left")

    def test_daemon_is_detached(self):
        self.daemonize("-S", cwd=self.dir)
        with open("/proc/%d/stat" % self.pid, encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        self.assertEqual(fields[4], "0", "has a controlling terminal")
        self.assertNotEqual(int(fields[3]), os.getsid(0))
        self.assertEqual(os.readlink("/proc/%d/cwd" % self.pid), "/")
        for fd in range(3):
            self.assertEqual(os.readlink("/proc/%d/fd/%d" % (self.pid, fd)), "/dev/null")

    def test_relative_pid_file_is_removed_too(self):
        with open(self.path("err"), "w", encoding="utf-8") as err:
            subprocess.run([vmm.BINARY, "-daemonize", "-pidfile", "pid", *Q35, "-S"], cwd=self.dir,
                           stdin=subprocess.DEVNULL, stdout=err, stderr=err, timeout=30, check=True)
        with open(self.path("pid"), encoding="ascii") as f:
            self.pid = int(f.read())
        os.kill(self.pid, signal.SIGTERM)
        vmm.wait_until(self.gone, what="the daemon's end")
        self.assertFalse(os.path.exists(self.path("pid")))

    def test_log_file_gets_what_stderr_no_longer_does(self):
        self.daemonize("-S", "-D", self.path("log"), "-trace", "qmp_command")
        qmp = vmm.QMP.connect(self.path("qmp"))
        qmp.cmd("cont")
        qmp.cmd("quit")
        vmm.wait_until(self.gone, what="the daemon's end")
        with open(self.path("log"), encoding="utf-8") as f:
            self.assertIn(":qmp_command ", f.read())


class SilenceTest(vmm.TestCase):
    def start(self, *more):
        with vmm.VMM("-M", "q35", "-accel", "tcg", "-S", *more) as m:
            m.quit()
            return m.stderr()

    def test_a_plain_start_on_the_software_cpu_says_nothing(self):
        """Although the default model has SVM in QEMU's tables: nobody asked for it."""
        self.assertEqual(self.start(), "")

    def test_svm_that_was_asked_for_is_missed_aloud(self):
        self.assertIn("TCG doesn't support requested feature: CPUID[eax=80000001h].ECX.svm [bit 2]",
                      self.start("-cpu", "qemu64,+svm"))


class RunStateTest(vmm.TestCase):
    def test_dash_s_waits_for_cont(self):
        with vmm.VMM("-S", "-M", "q35", "-accel", "qtest") as vm:
            self.assertEqual(vm.cmd("query-status"), {"status": "prelaunch", "running": False})
            vm.cmd("cont")
            self.assertEqual(vm.cmd("query-status"), {"status": "running", "running": True})
            vm.cmd("stop")
            self.assertEqual(vm.cmd("query-status"), {"status": "paused", "running": False})
            self.assertEqual(vm.quit(), 0)

    def test_without_dash_s_it_runs(self):
        with vmm.VMM("-M", "q35", "-accel", "qtest") as vm:
            self.assertTrue(vm.cmd("query-status")["running"])
            self.assertEqual(vm.quit(), 0)

    def triple_fault(self, *more):
        vmm.need_kvm()
        return vmm.VMM("-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host", "-kernel",
                       vmm.guest("triple-fault"), *more)

    def test_reset_restarts_the_guest(self):
        with self.triple_fault() as vm:
            vm.qmp.event("RESET")
            vm.wait_serial(r"(?s)triple-fault: now.*triple-fault: now")
            self.assertEqual(vm.quit(), 0)

    def test_no_reboot_ends_instead(self):
        for option in (["-no-reboot"], ["-action", "reboot=shutdown"]):
            with self.triple_fault(*option) as vm:
                self.assertEqual(vm.wait(), 0)
                self.assertEqual(vm.serial().count("triple-fault: now"), 1)

    def test_no_shutdown_stops_instead(self):
        for option in (["-no-shutdown"], ["-action", "shutdown=pause"]):
            with self.triple_fault("-no-reboot", *option) as vm:
                vm.qmp.event("SHUTDOWN")
                vm.qmp.event("STOP")
                self.assertEqual(vm.cmd("query-status")["status"], "shutdown")
                self.assertEqual(vm.quit(), 0)

    def test_debug_exit_gives_the_status(self):
        vmm.need_kvm()
        r = vmm.run("-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host", "-kernel",
                    vmm.guest("port-hammer"), "-append", "count=10 sweep=0", "-device",
                    "isa-debug-exit,iobase=0xf4,iosize=4", *ANY)
        self.assertEqual(r.status, 1)  # 0 << 1 | 1


class SignalTest(vmm.TestCase):
    def test_signals_end_the_machine_and_say_who_sent_them(self):
        for signo in (signal.SIGTERM, signal.SIGHUP):
            with vmm.VMM("-S", "-M", "q35", "-accel", "qtest", "-pidfile", "{dir}/pid") as vm:
                vm.proc.send_signal(signo)
                self.assertEqual(vm.wait(), 0)
                self.assertRegex(vm.stderr(), r"\A%s: terminating on signal %d from pid %d \(.+\)\n\Z"
                                 % (vmm.PROG, signo, os.getpid()))
                self.assertFalse(os.path.exists(vm.path("pid")))
                self.assertFalse(os.path.exists(vm.qmp_path))

    def test_interrupt_key_is_silent(self):
        with vmm.VMM("-S", "-M", "q35", "-accel", "qtest") as vm:
            vm.proc.send_signal(signal.SIGINT)
            self.assertEqual((vm.wait(), vm.stderr()), (0, ""))

    def test_signal_while_the_guest_runs(self):
        vmm.need_kvm()
        with vmm.VMM("-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host", "-smp", "2",
                     "-kernel", vmm.guest("mmio-hammer")) as vm:
            vm.wait_serial("mmio-hammer")
            started = time.monotonic()
            vm.proc.send_signal(signal.SIGTERM)
            self.assertEqual(vm.wait(), 0)
            self.assertLess(time.monotonic() - started, 10)


class LogTest(vmm.TestCase):
    def test_trace_goes_to_stderr_by_default(self):
        vmm.need_kvm()
        with vmm.VMM("-S", "-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-trace", "seoib*") as vm:
            self.assertEqual(vm.quit(), 0)
            self.assertRegex(vm.stderr(), r"(?m)^\d+@\d+\.\d+:seoib_mode ")

    def test_d_trace_is_the_same(self):
        vmm.need_kvm()
        with vmm.VMM("-S", "-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-d",
                     "trace:seoib_mode") as vm:
            self.assertEqual(vm.quit(), 0)
            self.assertIn(":seoib_mode ", vm.stderr())

    def test_log_file(self):
        vmm.need_kvm()
        for option in (["-D", "{dir}/log", "-trace", "seoib_mode"],
                       ["-trace", "enable=seoib_mode,file={dir}/log"]):
            with vmm.VMM("-S", "-M", "q35", "-accel", "kvm,kernel-irqchip=split", *option) as vm:
                self.assertEqual(vm.quit(), 0)
                self.assertIn(":seoib_mode ", vm.read("log"))
                self.assertNotIn("seoib_mode", vm.stderr())

    def test_guest_errors_are_silent_unless_asked_for(self):
        vmm.need_kvm()
        args = ["-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host", "-kernel",
                vmm.guest("port-hammer"), "-append", "count=2000 sweep=0", "-device",
                "isa-debug-exit,iobase=0xf4,iosize=4", *ANY, "-no-reboot"]
        r = vmm.run(*args)
        noise = [row for row in r.err.splitlines() if not re.search(r": warning: ", row)]
        self.assertEqual(noise, [])


class IdentityTest(vmm.TestCase):
    def test_name_and_uuid(self):
        with vmm.VMM("-S", "-M", "none", "-name", "some guest,debug-threads=on", "-uuid",
                     "12345678-1234-ABCD-1234-123456789012") as vm:
            self.assertEqual(vm.cmd("query-name"), {"name": "some guest"})
            self.assertEqual(vm.cmd("query-uuid"), {"UUID": "12345678-1234-abcd-1234-123456789012"})
            self.assertEqual(vm.quit(), 0)

    def test_defaults(self):
        with vmm.VMM("-S", "-M", "none") as vm:
            self.assertEqual(vm.cmd("query-name"), {})
            self.assertEqual(vm.cmd("query-uuid"), {"UUID": "00000000-0000-0000-0000-000000000000"})
            self.assertEqual(vm.quit(), 0)

    def test_memory_sizes(self):
        for arg, mib in (([], 128), (["-m", "64"], 64), (["-m", "size=96M"], 96),
                         (["-m", "0.25G"], 256), (["-m", "0"], 128), (["-m", "64", "-m", "80"], 80)):
            with self.subTest(arg=arg), vmm.VMM("-S", "-M", "q35", "-accel", "qtest", *arg) as vm:
                m = re.search(r"(?i)\bpc\.ram\b", vm.hmp("info mtree"))
                self.assertTrue(m)
                self.assertIn("%016x (prio" % (mib * 0x100000 - 1),
                              re.sub(r"[0-9a-f]{16}-", "", vm.hmp("info mtree")))
                self.assertEqual(vm.quit(), 0)


if __name__ == "__main__":
    vmm.main()
