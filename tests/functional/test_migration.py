#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Live migration and snapshots of guests that count and patch their code (tests/guest/run-control),
and what happens when the two sides do not agree on the EOI policy (x2apic-seoib)."""
import os
import shutil
import subprocess
import tempfile

import vmm
from test_run_control import symbol

HOPS = 20
POLICIES = ("unset", "on", "off")
CPUS = 2


def cpu_model(policy):
    return "max" if policy == "unset" else "max,x2apic-seoib=" + policy


class Guest(vmm.TestCase):
    limit_s = 600
    accel = "tcg"
    machine_options = ""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="migration-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, *args, policy="unset", machine="pc-q35-10.2"):
        vm = vmm.VMM("-accel", self.accel, "-M", machine + self.machine_options,
                     "-cpu", cpu_model(policy), "-m", "64", "-smp", str(CPUS),
                     "-kernel", vmm.guest("run-control"), "-append", "work=tick,smc", *args)
        vm.__enter__()
        self.addCleanup(vm.close)
        return vm

    def running(self, *args, **kwargs):
        vm = self.start(*args, **kwargs)
        vm.wait_serial("READY cpus=%d" % CPUS)
        return vm

    @staticmethod
    def words(vm, name, nr=CPUS):
        rows = vm.hmp("xp /%dxg 0x%x" % (nr, symbol(name))).splitlines()
        return [int(v, 16) for row in rows for v in row.split(":")[1].split()]

    def assert_counts_on(self, vm, since):
        vmm.wait_until(lambda: all(now > then for now, then in
                                   zip(self.words(vm, "counter"), since)),
                       vmm.TEST_LIMIT_S, "CPUs count on")
        self.assertEqual(self.words(vm, "wrong_results", 1), [0])


class Migration(Guest):
    @staticmethod
    def outcome(vm):
        """The end of a migration, as query-migrate tells it."""
        vmm.wait_until(lambda: vm.cmd("query-migrate").get("status") in
                       ("completed", "failed", "cancelled"), vmm.TEST_LIMIT_S, "the migration ends")
        return vm.cmd("query-migrate")

    @staticmethod
    def acknowledged(vm):
        vm.cmd("migrate-set-capabilities",
               {"capabilities": [{"capability": "return-path", "state": True}]})

    def hop(self, source, policy="unset", **kwargs):
        """Sends a guest to a new process, which is returned, with what query-migrate says."""
        uri = "unix:" + self.path("channel")
        target = self.start("-incoming", "defer", policy=policy, **kwargs)
        for vm in (source, target):
            self.acknowledged(vm)
        target.cmd("migrate-incoming", {"uri": uri})
        source.cmd("migrate", {"uri": uri})
        return target, self.outcome(source)

    def test_a_guest_goes_on_hop_after_hop(self):
        vm = self.running()
        for _ in range(HOPS):
            before = self.words(vm, "counter")
            target, end = self.hop(vm)
            self.assertEqual(end["status"], "completed", end)
            self.assertEqual(vm.cmd("query-status")["status"], "postmigrate")
            left = self.words(vm, "counter")
            self.assertTrue(all(now >= then for now, then in zip(left, before)), (before, left))
            vmm.wait_until(lambda vm=target: vm.cmd("query-status")["running"],
                           vmm.TEST_LIMIT_S, "the guest runs")
            self.assertTrue(all(now >= then for now, then in
                                zip(self.words(target, "counter"), left)))
            self.assert_counts_on(target, left)
            self.assertEqual(self.words(target, "magic", 2), self.words(vm, "magic", 2))
            self.assertEqual(vm.quit(), 0)
            vm = target
        self.assertNotIn("READY", vm.serial())

    def test_every_pair_of_policies(self):
        """The same policy passes; any other pair is refused, says why, and the source runs on."""
        word = {"unset": "quirked", "on": "respected", "off": "not-advertised"}
        for old in POLICIES:
            source = self.running(policy=old)
            for new in POLICIES:
                if new == old:
                    continue
                with self.subTest(source=old, destination=new):
                    target, end = self.hop(source, new)
                    self.assertEqual(end["status"], "failed", end)
                    self.assertEqual(target.wait(), 1)
                    self.assertIn("x2apic-seoib mismatch: the saved state uses '%s', this VM is "
                                  "configured for '%s'" % (word[old], word[new]), target.stderr())
                    self.assertEqual(source.cmd("query-status")["status"], "running")
                    self.assert_counts_on(source, self.words(source, "counter"))
            with self.subTest(source=old, destination=old):
                target, end = self.hop(source, old)
                self.assertEqual(end["status"], "completed", end)
                self.assert_counts_on(target, self.words(source, "counter"))

    def test_another_machine_type_is_refused(self):
        source = self.running()
        target, end = self.hop(source, machine="pc-q35-10.1")
        self.assertEqual(end["status"], "failed", end)
        self.assertEqual(target.wait(), 1)
        self.assertIn("pc-q35-10.2", target.stderr())
        self.assert_counts_on(source, self.words(source, "counter"))

    def test_through_a_file(self):
        source = self.running()
        source.cmd("migrate", {"uri": "file:" + self.path("state")})
        self.assertEqual(self.outcome(source)["status"], "completed")
        target = self.start("-incoming", "file:" + self.path("state"))
        self.assert_counts_on(target, self.words(source, "counter"))

    def test_a_file_cut_anywhere_is_refused(self):
        source = self.running()
        source.cmd("migrate", {"uri": "file:" + self.path("state")})
        self.assertEqual(self.outcome(source)["status"], "completed")
        with open(self.path("state"), "rb") as f:
            state = f.read()
        for part in range(8):
            with open(self.path("cut"), "wb") as f:
                f.write(state[:len(state) * part // 8])
            target = self.start("-incoming", "defer", "-S")
            target.cmd("migrate-incoming", {"uri": "file:" + self.path("cut")})
            self.assertEqual(target.wait(), 1)
            self.assertIn("load of migration failed", target.stderr())


class Snapshots(Guest):
    def disk(self):
        image = self.path("disk.qcow2")
        if not os.path.exists(image):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"], check=True,
                           timeout=vmm.RUN_LIMIT_S)
        return ("-drive", "if=virtio,format=qcow2,file=" + image)

    def check(self):
        subprocess.run(["qemu-img", "check", "-q", self.path("disk.qcow2")], check=True,
                       timeout=vmm.RUN_LIMIT_S)

    def test_back_to_a_snapshot(self):
        vm = self.running(*self.disk())
        self.assertEqual(vm.hmp("savevm a"), "")
        saved = self.words(vm, "counter")
        self.assert_counts_on(vm, [n + 100000 for n in saved])
        vm.cmd("stop")
        self.assertEqual(vm.hmp("loadvm a"), "")
        self.assertTrue(all(now <= then for now, then in zip(self.words(vm, "counter"), saved)))
        vm.cmd("cont")
        self.assert_counts_on(vm, saved)
        self.assertEqual(vm.quit(), 0)
        self.check()
        again = self.start(*self.disk(), "-loadvm", "a")
        self.assert_counts_on(again, saved)

    def test_a_snapshot_with_another_policy_leaves_the_guest_as_it_was(self):
        vm = self.running(*self.disk(), policy="on")
        self.assertEqual(vm.hmp("savevm a"), "")
        self.assertEqual(vm.quit(), 0)
        other = self.running(*self.disk(), policy="off")
        self.assertIn("x2apic-seoib mismatch: the saved state uses 'respected', this VM is "
                      "configured for 'not-advertised'", other.hmp("loadvm a"))
        self.assertEqual(other.cmd("query-status")["status"], "running")
        self.assert_counts_on(other, self.words(other, "counter"))


class OnKVM:
    accel = "kvm"
    machine_options = ",kernel-irqchip=split"

    def setUp(self):
        vmm.need_kvm()
        vmm.need_seoib_flags()
        super().setUp()


class KVMMigration(OnKVM, Migration):
    pass


class KVMSnapshots(OnKVM, Snapshots):
    pass


if __name__ == "__main__":
    vmm.main()
