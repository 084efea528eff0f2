#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The KVM accelerator against hosts that refuse things and guests that misbehave: a clear error or
a stopped machine, never the end of the process. Host faults come from tests/kvm/fault-shim.c."""
import errno
import os
import time
import unittest

import vmm

MACHINE = ("-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-m", "64")
EXIT_DEVICE = ("-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-device", "pc-testdev")
PASSED = 1  # isa-debug-exit of value 0


def faulty(**env):
    return dict({"LD_PRELOAD": vmm.built("tests/kvm/fault-shim.so")}, **env)


def fault(name, number, skip=0):
    return faulty(FAULT="%s:%d:%d" % (name, number, skip))


def boot(name, append=""):
    return ("-kernel", vmm.guest(name)) + (("-append", append) if append else ())


class Options(vmm.TestCase):
    ROWS = [
        ("kvm,bogus=1", "Property 'kvm-accel.bogus' not found"),
        ("kvm,kernel-irqchip=foo", "Parameter 'kernel-irqchip' does not accept value 'foo'"),
        ("kvm,kvm-shadow-mem=x", "Parameter 'kvm-shadow-mem' expects int64"),
        ("kvm,dirty-ring-size=3", "dirty-ring-size must be a power of two."),
        ("kvm,notify-vmexit=bla", "Parameter 'notify-vmexit' does not accept value 'bla'"),
        ("kvm,notify-window=99999999999", "Parameter 'notify-window' expects uint32_t"),
    ]

    def test_errors_like_qemu(self):
        for arg, text in self.ROWS:
            with self.subTest(arg=arg):
                r = vmm.run("-accel", arg, "-display", "none")
                self.assertEqual((r.status, r.err), (1, "%s: -accel %s: %s\n" %
                                                     (vmm.PROG, arg, text)))

    def test_accepted_options(self):
        vmm.need_kvm()
        for arg in ("notify-vmexit=disable", "notify-vmexit=internal-error,notify-window=100",
                    "dirty-ring-size=4096", "eager-split-size=0", "device=/dev/kvm"):
            with self.subTest(arg=arg), vmm.VMM("-accel", "kvm," + arg, "-cpu", "host", "-S") as m:
                self.assertEqual(m.cmd("query-kvm"), {"present": True, "enabled": True})

    def test_no_device(self):
        r = vmm.run("-accel", "kvm,device=/nonexistent", "-display", "none")
        self.assertEqual((r.status, r.err), (
            1, "Could not access KVM kernel module: No such file or directory\n"
            "%s: -accel kvm,device=/nonexistent: failed to initialize kvm: "
            "No such file or directory\n" % vmm.PROG))

    def test_no_permission(self):
        vmm.need_root()
        vmm.need_kvm()
        if os.stat("/dev/kvm").st_mode & 0o6:
            raise unittest.SkipTest("anybody may use /dev/kvm")
        r = vmm.run("--reuid=65534", "--clear-groups", vmm.BINARY, "-accel", "kvm", "-display",
                    "none", binary="/usr/bin/setpriv")
        self.assertEqual(r.status, 1)
        self.assertIn("Could not access KVM kernel module: Permission denied\n", r.err)
        self.assertIn("failed to initialize kvm: Permission denied\n", r.err)

    def test_something_else_than_kvm(self):
        r = vmm.run("-accel", "kvm,device=/dev/null", "-display", "none")
        self.assertEqual(r.status, 1)
        self.assertIn("kvm version too old\n", r.err)

    def test_fallback(self):
        vmm.need_kvm()
        with vmm.VMM("-accel", "kvm,device=/nonexistent", "-accel", "kvm", "-cpu", "host",
                     "-S") as m:
            self.assertTrue(m.cmd("query-kvm")["enabled"])
            self.assertIn("warning: falling back to kvm", m.stderr())

    def test_more_cpus_than_kvm_has(self):
        vmm.need_kvm()
        r = vmm.run("-accel", "kvm", "-M", "q35", "-smp", "4096", "-display", "none")
        if r.status != 1:
            raise unittest.SkipTest("this KVM takes 4096 CPUs")
        self.assertRegex(r.err, r"Number of SMP cpus requested \(4096\) exceeds the maximum cpus "
                                r"supported by KVM \(\d+\)\n$")


class HostFaults(vmm.TestCase):
    limit_s = 300

    def setUp(self):
        vmm.need_kvm()

    # name, errno, calls let through, a part of the message
    AT_START = [
        ("create-vm", errno.EMFILE, 0, "ioctl(KVM_CREATE_VM) failed: 24 Too many open files"),
        ("get-vcpu-mmap-size", errno.EINVAL, 0, "failed to initialize kvm: Invalid argument"),
        ("get-msr-index-list", errno.EFAULT, 0, "KVM did not list its MSRs: Bad address"),
        ("set-tss-addr", errno.EEXIST, 0, "KVM refused the identity map at 0xfeffc000"),
        ("create-vcpu", errno.ENOMEM, 0, "kvm_create_vcpu failed (0): Cannot allocate memory"),
        ("set-cpuid2", errno.E2BIG, 0, "CPUID entries of CPU 0: Argument list too long"),
    ]

    def test_at_start(self):
        for name, number, skip, text in self.AT_START:
            with self.subTest(ioctl=name):
                r = vmm.run(*MACHINE, "-cpu", "host", "-display", "none",
                            env=fault(name, number, skip))
                self.assertEqual(r.status, 1)
                self.assertIn(text, r.err)

    def test_irqchip(self):
        for mode, name, text in (("on", "create-irqchip", "Create kernel irqchip failed: "),
                                 ("on", "create-pit2", "Create kernel PIC irqchip failed: "),
                                 ("on", "set-gsi-routing", "KVM refused the interrupt routes: ")):
            with self.subTest(ioctl=name):
                r = vmm.run("-M", "q35", "-accel", "kvm,kernel-irqchip=" + mode, "-display",
                            "none", env=fault(name, errno.ENOMEM))
                self.assertEqual(r.status, 1)
                self.assertIn(text + "Cannot allocate memory\n", r.err)

    def test_second_vcpu(self):
        r = vmm.run(*MACHINE, "-cpu", "host", "-smp", "2", "-display", "none",
                    env=fault("create-vcpu", errno.ENOSPC, 1))
        self.assertEqual(r.status, 1)
        self.assertIn("kvm_create_vcpu failed (1): No space left on device\n", r.err)

    # What goes wrong once the machine exists stops it.
    RUNNING = [
        ("run", errno.EFAULT, 0, "error: kvm run failed Bad address\n"),
        ("set-memory", errno.EINVAL, 0, "KVM refused to map guest memory 0x0-0x"),
        ("set-lapic", errno.EINVAL, 0, "KVM refused the local APIC of CPU 0"),
        ("set-mp-state", errno.EINVAL, 0, "KVM refused the MP state of CPU 0"),
        ("set-msrs", errno.EFAULT, 1, "KVM refused the MSRs of CPU 0: Bad address\n"),
    ]

    def test_when_running(self):
        for name, number, skip, text in self.RUNNING:
            with self.subTest(ioctl=name), \
                    vmm.VMM(*MACHINE, "-cpu", "qemu64", *boot("eoi-check"),
                            env=fault(name, number, skip)) as m:
                vmm.wait_until(lambda: m.cmd("query-status")["status"] == "internal-error",
                               what="internal-error")
                self.assertIn(text, m.stderr())
                with self.assertRaisesRegex(vmm.QMPError, "Resetting the Virtual Machine"):
                    m.cmd("cont")
                m.hmp("info registers")
                self.assertEqual(m.quit(), 0)

    def test_unreadable_registers(self):
        with vmm.VMM(*MACHINE, "-cpu", "host", *boot("eoi-check"), "-S",
                     env=fault("get-regs", errno.EIO)) as m:
            m.cmd("cont")
            m.hmp("info registers")
            self.assertIn("KVM did not give the general registers of CPU 0", m.stderr())
            self.assertEqual(m.quit(), 0)

    def test_refused_msr_is_named_once_and_the_guest_runs(self):
        for msr, text in (("0x277", "MSR 0x277 (IA32_PAT)"), ("0x174", "MSR 0x174"),
                          ("0x2ff", "MSR 0x2ff (IA32_MTRR_DEF_TYPE)")):
            with self.subTest(msr=msr):
                r = vmm.run(*MACHINE, "-cpu", "host", "-smp", "2", "-display", "none", "-nodefaults",
                            *EXIT_DEVICE, *boot("eoi-check"), env=faulty(FAULT_MSR=msr), timeout=60)
                self.assertEqual(r.status, PASSED)
                self.assertEqual(r.err.count("warning: KVM on this host refuses " + text), 1)

    def test_every_exit_reason_leaves_the_process_alive(self):
        for reason in range(64):
            with self.subTest(reason=reason), \
                    vmm.VMM(*MACHINE, "-cpu", "host", *boot("eoi-check"),
                            env=faulty(FAULT_EXIT="%d:3" % reason)) as m:
                time.sleep(0.02)
                status = m.cmd("query-status")["status"]
                self.assertIn(status, ("running", "internal-error", "guest-panicked", "shutdown",
                                       "debug", "paused"))
                m.hmp("info registers")
                self.assertEqual(m.quit(), 0)

    def test_unknown_exit_is_named(self):
        with vmm.VMM(*MACHINE, "-cpu", "host", *boot("eoi-check"),
                     env=faulty(FAULT_EXIT="63")) as m:
            vmm.wait_until(lambda: m.cmd("query-status")["status"] == "internal-error",
                           what="internal-error")
            self.assertIn("KVM: unknown exit reason 63\n", m.stderr())
            self.assertIn("\nCode=", m.stderr())


class Guests(vmm.TestCase):
    limit_s = 300

    def setUp(self):
        vmm.need_kvm()

    def test_triple_fault_resets(self):
        for irqchip in ("on", "split", "off"):
            with self.subTest(irqchip=irqchip), \
                    vmm.VMM("-M", "q35", "-accel", "kvm,kernel-irqchip=" + irqchip, "-cpu", "host",
                            *boot("triple-fault")) as m:
                for _ in range(5):
                    self.assertEqual(m.qmp.event("RESET")["data"],
                                     {"guest": True, "reason": "guest-reset"})
                self.assertEqual(m.quit(), 0)

    def test_triple_fault_with_no_reboot_ends(self):
        r = vmm.run(*MACHINE, "-cpu", "host", "-display", "none", "-nodefaults", "-no-reboot",
                    *boot("triple-fault"))
        self.assertEqual(r.status, 0)

    def test_garbage_does_not_end_the_process(self):
        for seed in range(6):
            with self.subTest(seed=seed), \
                    vmm.VMM(*MACHINE, "-cpu", "host", "-no-shutdown",
                            *boot("garbage", "seed=%d" % seed)) as m:
                time.sleep(0.5)
                self.assertTrue(m.alive(), m.stderr())
                m.cmd("query-status")
                self.assertEqual(m.quit(), 0)

    def test_monitor_answers_while_a_guest_hammers_devices(self):
        for name in ("port-hammer", "mmio-hammer"):
            with self.subTest(guest=name), \
                    vmm.VMM(*MACHINE, "-cpu", "host", "-smp", "2", "-no-shutdown",
                            *boot(name, "count=100000000")) as m:
                time.sleep(0.5)
                for _ in range(5):
                    start = time.monotonic()
                    m.cmd("query-status")
                    self.assertLess(time.monotonic() - start, 5)
                    time.sleep(0.05)
                self.assertEqual(m.quit(), 0)

    def test_resets_and_stops_at_any_moment(self):
        for irqchip in ("on", "split", "off"):
            with self.subTest(irqchip=irqchip), \
                    vmm.VMM("-M", "q35", "-accel", "kvm,kernel-irqchip=" + irqchip, "-cpu", "host",
                            "-smp", "2", "-device", "pc-testdev", *boot("eoi-check")) as m:
                for i in range(30):
                    m.cmd("system_reset")
                    time.sleep(0.01 * (i % 7))
                    m.cmd("stop")
                    m.hmp("info registers -a")
                    m.hmp("info lapic")
                    m.cmd("cont")
                m.cmd("system_reset")
                m.wait_serial("SUMMARY: pass=[0-9]+ fail=0", timeout=90)


class Query(vmm.TestCase):
    def test_many_cpus_start_and_end(self):
        vmm.need_kvm()
        with vmm.VMM("-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host", "-smp", "64",
                     "-S") as m:
            self.assertEqual(len(m.cmd("query-cpus-fast")), 64)
            self.assertEqual(m.quit(), 0)

    def test_ids_above_255(self):
        vmm.need_kvm()
        r = vmm.run("-M", "q35", "-accel", "kvm,kernel-irqchip=off", "-smp", "1,maxcpus=300",
                    "-display", "none")
        self.assertEqual(r.status, 1)
        self.assertIn("current -smp configuration requires kernel irqchip and X2APIC API support.",
                      r.err)
        with vmm.VMM("-M", "q35", "-accel", "kvm,kernel-irqchip=split", "-cpu", "host",
                     "-smp", "2,maxcpus=300", "-S") as m:
            self.assertEqual(len(m.cmd("query-cpus-fast")), 2)


if __name__ == "__main__":
    vmm.main()
