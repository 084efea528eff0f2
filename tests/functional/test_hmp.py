#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands of the human monitor, alone and next to stock QEMU."""
import os
import re

import vmm

NONE = ("-M", "none")

# Commands whose text must be the same as QEMU's (before any that changes the default format).
SAME_AS_PEER = [
    "help nope", "info foo", "nope", "sto", "info ver", "stop 1", "stop now", "info version 1",
    "info status", "info uuid", "info name", "info registers 7", "info lapic 9",
    "p 1+2", "p/x 0x10+1", "print /d 0x10", "p /o 8", "p /u -1", "p /c 65", "p /d -1", "p /x 'a'",
    "p /x ~0", "p (1+2)*3 - 4/0", "p /x 2*3+4*5%3", "p /x 1|6&3^1", "p (1", "p 1)", "p 08", "p 0x",
    "p 'ab'", "p $foo", "p /x 1 2", "p 99999999999999999999", "p", "p /z 1", "p /x $pc",
    "x", "x zz", "xp /s 0", "x /4x -1", "xp /8xb 0x1000", "xp /4dh 0x1000", "xp /2oh 0x1000",
    "xp /3uw 0x1000", "xp /2xg 0x1000", "xp /20xb 0x1001", "xp /3cb 0x1000", "xp /5cw 0x1000",
    "cpu 1", "cpu 9", "cpu x", "quit 3", "system_reset x", "trace-event", "trace-event foo on",
    "trace-event foo maybe", "log none", "logfile /nonexist/z", "info lapic x", "info registers x",
    "info qom-tree /nope", "ringbuf_read a 1", "info chardev", "gva2gpa",
    "qom-list", "qom-list /nope", "qom-list /machine/peripheral", "qom-get / nope", "qom-get /",
    "qom-get /machine peripheral", "qom-set / type x", "qom-set /nope a b",
]


class Plain(vmm.TestCase):
    def test_info_of_an_empty_machine(self):
        with vmm.VMM(*NONE, "-name", "thing", "-uuid", "11111111-1111-4111-8111-111111111111",
                     serial=False) as vm:
            expected = {
                "info version": "11.0.0\n",
                "info status": "VM status: running\n",
                "info name": "thing\n",
                "info uuid": "11111111-1111-4111-8111-111111111111\n",
                "info cpus": "",
                "info lapic": "No CPU available\n",
                "info registers": "No CPU available\n",
                "info chardev": "compat_monitor0: filename=unix:%s,server=on\n" % vm.qmp_path,
                "x 0": "No CPU available\n",
                "stop": "",
                "nmi": "Error: machine does not provide NMIs\n",
            }
            for line, text in expected.items():
                self.assertEqual(vm.hmp(line), text, line)
            self.assertEqual(vm.hmp("info status"), "VM status: paused\n")
            self.assertEqual(vm.hmp("cont"), "")
            self.assertEqual(vm.hmp("info status"), "VM status: running\n")

    def test_every_command_runs_and_is_in_the_help(self):
        with vmm.VMM("-M", "none", "-chardev", "ringbuf,id=r") as vm:
            lines = vm.hmp("help").splitlines() + vm.hmp("help info").splitlines()
            self.assertEqual(vm.hmp("info"), vm.hmp("help info"))
            commands = [line.split(" -- ")[0] for line in lines]
            self.assertGreater(len(commands), 30)
            samples = {"addr": "0", "value": "1", "expr": "1", "index": "0", "name": "qmp_command",
                       "on|off": "off", "filename": "/dev/null", "device": "r", "data": "x",
                       "size": "1", "path": "/machine", "property": "type",
                       "modela": "qemu64", "modelb": "486", "item1[,...]": "none", "/fmt": "/2xb", "[cmd]": "", "[subcommand]": ""}
            for command in commands:
                words = re.sub(r"^(info )?([\w-]+)\|?\S*", r"\1\2", command).split()
                if words[0] == "quit":
                    continue
                nr = 2 if words[0] == "info" and words[1][0] != "[" else 1
                line = " ".join(words[:nr] + [samples.get(w, "" if w[0] == "[" else w)
                                              for w in words[nr:]])
                text = vm.hmp(line)
                self.assertNotIn("Try \"help", text, line)
                self.assertNotIn("unknown command", text, line)
                for name in re.match(r"(?:info )?(\S+)", command).group(1).split("|"):
                    prefix = "info " if command.startswith("info ") and words[1:] else ""
                    if name not in ("[subcommand]", "log"):
                        self.assertIn(" -- ", vm.hmp("help %s%s" % (prefix, name)))
            self.assertTrue(vm.alive())

    def test_objects_and_cpu_models(self):
        with vmm.VMM("-M", "q35", "-accel", "tcg", "-S", "-serial", "null") as vm:
            v5, v6 = "Skylake-Server-v5", "Skylake-Server-v6"
            for line, text in (
                    ("qom-list", "/\n"),
                    ("qom-list /objects", "type (string)\npc.ram (child<memory-backend-ram>)\n"),
                    ("qom-get /machine type", '"pc-q35-11.0-machine"\n'),
                    ("qom-get /machine hpet", "true\n"),
                    ("qom-get /machine nope",
                     "Error: Property 'pc-q35-11.0-machine.nope' not found\n"),
                    ("qom-get /nope x", "Error: Device '/nope' not found\n"),
                    ("qom-set /machine type on",
                     "Error: Property 'pc-q35-11.0-machine.type' is not writable\n"),
                    ("cpu-compare %s %s" % (v6, v5),
                     "superset: %s has more than %s\n  differ in: x2apic-seoib\n" % (v6, v5)),
                    ("cpu-compare %s %s,x2apic-seoib=on" % (v6, v5),
                     "identical: %s asks for the same as %s,x2apic-seoib=on\n" % (v6, v5)),
                    ("cpu-compare 486 nope", "Error: CPU model 'nope' not found\n"),
                    ("cpu-baseline %s %s" % (v6, v5), v5 + "\n"),
                    ("cpu-baseline %s,stepping=3,mmx=off %s,mmx=off,aes" % (v6, v6), None),
                    ("cpu-baseline 486,lmce=on pentium,lmce=on", "486-v1,lmce=on\n")):
                if text is None:
                    self.assertIn("x2apic-seoib=on", vm.hmp(line), line)
                else:
                    self.assertEqual(vm.hmp(line), text, line)

    def test_hostile_lines(self):
        lines = ["", " ", "\0", "#x", "x" * 100000, "p " + "(" * 100000, "p " + "-" * 100000,
                 "p " + "1+" * 100000, "help " + "y" * 5000, 'log "', 'log "\\', "p '", "p $",
                 "x/", "xp /999999999999999xb 0", "xp /1000000i 0", "xp /0x 0", "p/", "info " * 500,
                 "p 0x8000000000000000/-1", "p (0-0x7fffffffffffffff-1)%-1", "cpu -1",
                 "cpu 99999999999", "i /b 0xffffffffff", "trace-event *", "\u00e4\u20ac", "\xff"]
        with vmm.VMM(*NONE) as vm:
            for line in lines:
                vm.hmp(line)
            self.assertEqual(vm.hmp("p /d 0-3"), "-3\n")
            self.assertEqual(vm.hmp("p 0x8000000000000000/-1").split("\n")[0], "division by zero")

    def test_trace_events(self):
        with vmm.VMM(*NONE) as vm:
            self.assertEqual(vm.hmp("info trace-events qmp_command"), "qmp_command : state 0\n")
            self.assertEqual(vm.hmp("trace-event qmp_c* on"), "")
            self.assertEqual(vm.hmp("info trace-events qmp_command"), "qmp_command : state 1\n")
            self.assertIn("qmp_command human-monitor-command", vm.stderr())
            vm.cmd("trace-event-set-state", {"name": "qmp_command", "enable": False})
            self.assertEqual(vm.cmd("trace-event-get-state", {"name": "qmp_command"}),
                             [{"name": "qmp_command", "state": "disabled"}])


class NextToQemu(vmm.TestCase):
    def test_texts_are_those_of_qemu(self):
        peer = vmm.need_peer()
        vmm.need_kvm()
        args = ("-M", "q35", "-S", "-smp", "2")
        with vmm.VMM(*args, "-accel", "kvm") as ours, \
                vmm.VMM(*args, "-accel", "tcg", binary=peer) as theirs:
            for line in SAME_AS_PEER:
                expected = theirs.hmp(line).replace(theirs.dir, ours.dir)
                text = ours.hmp(line)
                if line == "info chardev":
                    expected, text = (sorted(t.splitlines()) for t in (expected, text))
                self.assertEqual(text, expected, line)


class Machine(vmm.TestCase):
    """With CPUs and interrupt controllers, stopped at the reset vector."""

    def setUp(self):
        vmm.need_kvm()

    def start(self, *args):
        vm = vmm.VMM("-S", "-accel", "kvm", "-smp", "2", *args)
        vm.__enter__()
        self.addCleanup(vm.close)
        return vm

    def test_cpus_and_registers(self):
        vm = self.start("-M", "q35")
        fast = vm.cmd("query-cpus-fast")
        self.assertEqual([c["cpu-index"] for c in fast], [0, 1])
        self.assertEqual(fast[1]["props"], {"socket-id": 0, "core-id": 1, "thread-id": 0})
        self.assertEqual(vm.hmp("info cpus"), "* CPU #0: thread_id=%d\n  CPU #1: thread_id=%d\n" %
                         tuple(c["thread-id"] for c in fast))
        for c in fast:
            self.assertTrue(c["qom-path"].startswith("/machine/unattached/device["))
            self.assertIn("%d" % c["thread-id"], os.listdir("/proc/%d/task" % vm.proc.pid))
        both = vm.hmp("info registers -a")
        self.assertTrue(both.startswith("\nCPU#0\n"))
        self.assertIn("\nCPU#1\n", both)
        self.assertIn("EIP=0000fff0", vm.hmp("info registers"))
        self.assertTrue(vm.hmp("info registers 1").startswith("\nCPU#1\n"))
        one = vm.cmd("human-monitor-command", {"command-line": "info registers", "cpu-index": 1})
        self.assertTrue(one.startswith("\r\nCPU#1\r\n"))

    def test_lapic_shows_the_policy_in_force(self):
        for cpu, mode in (("qemu64", "quirked"), ("qemu64,x2apic-seoib=off", ".*")):
            vm = self.start("-M", "q35,kernel-irqchip=split", "-cpu", cpu)
            text = vm.hmp("info lapic 1")
            self.assertTrue(text.startswith("dumping local APIC state for CPU 1 \n\nLVT0\t 0x"))
            self.assertIn("SPIV\t 0x000000ff APIC disabled, focus=off, spurious vec 255", text)
            self.assertRegex(text, r"(?m)^SEOIB %s$" % mode)

    def test_ioapic_and_pic(self):
        vm = self.start("-M", "q35,kernel-irqchip=split")
        text = vm.hmp("info ioapic")
        self.assertTrue(text.startswith("ioapic0: ver=0x20 id=0x00 sel=0x00\n  pin 0  0x00000000"
                                        "00010000 dest=0 vec=0   active-hi edge  masked fixed  "
                                        "physical\n"))
        self.assertIn("injections 0", text)
        pic = vm.hmp("info pic")
        self.assertTrue(pic.startswith(text))
        self.assertRegex(pic, r"pic1: irr=00 imr=\w\w isr=00 hprio=0 irq_base=\w\w rr_sel=0 "
                              r"elcr=\w\w fnm=0\npic0: irr=")

    def test_disassembly_like_qemu(self):
        vm = self.start("-M", "q35", "-kernel", vmm.guest("eoi-check"))
        text = vm.hmp("xp /4i 0x100000")
        self.assertEqual(len(text.splitlines()), 4)
        for line in text.splitlines():
            self.assertRegex(line, r"^0x00100[0-9a-f]{3}:  ([0-9a-f]{2} ){1,8}")
        self.assertTrue(vm.hmp("x /i 0xffffffffff000").endswith("unable to read memory\n"))

    def test_trees(self):
        vm = self.start("-M", "q35")
        self.assertIn("  dev: ", vm.hmp("info qtree"))
        self.assertIn("pc.ram", vm.hmp("info mtree"))
        self.assertTrue(vm.hmp("info qom-tree").startswith("/machine (pc-q35-11.0-machine)\n"))



class Running(vmm.TestCase):
    """A guest that has set up its tables and local APICs (tests/guest/run-control)."""

    def start(self, accel, *args, append="work=tick", binary=None, **kwargs):
        vm = vmm.VMM("-accel", accel, "-M", "q35", "-kernel", vmm.guest("run-control"), "-append",
                     append, *args, binary=binary, **kwargs)
        vm.__enter__()
        self.addCleanup(vm.close)
        vm.wait_serial(r"READY cpus=\d", vmm.TEST_LIMIT_S)
        vm.cmd("stop")
        return vm

    def test_page_tables_are_shown_as_qemu_does(self):
        theirs = self.start("tcg", binary=vmm.need_peer())
        ours = self.start("tcg")
        for line in ("info tlb", "info mem"):
            text = ours.hmp(line)
            # The accessed and dirty bits depend on when the guest was stopped.
            self.assertEqual(re.sub("(--P)[-D][-A]", r"\1__", text),
                             re.sub("(--P)[-D][-A]", r"\1__", theirs.hmp(line)))
        self.assertIn("0000000000000000-0000000100000000 0000000100000000 -rw\n", text)

    def test_tables_that_contain_themselves_end(self):
        vm = self.start("tcg")
        cr3 = int(re.search(r"CR3=([0-9a-f]+)", vm.hmp("info registers")).group(1), 16)
        vm.cmd("quit")
        vm = vmm.VMM("-accel", "tcg", "-M", "q35", "-S", "-gdb",
                     "unix:{dir}/gdb.sock,server=on,wait=off", "-kernel",
                     vmm.guest("run-control"), "-append", "work=tick")
        self.addCleanup(vm.close)
        vm.__enter__()
        vm.cmd("cont")
        vm.wait_serial("READY", vmm.TEST_LIMIT_S)
        vm.cmd("stop")
        # All entries of the top table point at itself.
        import test_gdb
        r = test_gdb.Rsp(vm.path("gdb.sock"))
        self.assertEqual(r.cmd("Qqemu.PhyMemMode:1"), b"OK")
        entry = (cr3 | 7).to_bytes(8, "little").hex()
        self.assertEqual(r.cmd("M%x,1000:%s" % (cr3, entry * 512)), b"OK")
        for line in ("info tlb", "info mem"):
            self.assertIn("(the tables go on; too much to show)",
                          vm.cmd("human-monitor-command", {"command-line": line},
                                 timeout=vmm.TEST_LIMIT_S))

    def test_x2apic_ids(self):
        accels = ["tcg"]
        if vmm.kvm_works():
            accels += ["kvm,kernel-irqchip=split", "kvm,kernel-irqchip=on"]
        for accel in accels:
            vm = self.start(accel, "-smp", "2", "-cpu", "max", append="work=tick x2apic=1")
            for cpu in (0, 1):
                text = vm.hmp("info lapic %d" % cpu)
                self.assertIn("\nID\t 0x%08x\n" % cpu, text, accel)
                self.assertIn(" LDR 0x%02x " % (1 << cpu), text, accel)
            vm.close()

    def test_chips_in_the_kernel(self):
        vmm.need_kvm()
        vm = self.start("kvm,kernel-irqchip=on")
        text = vm.hmp("info pic")
        self.assertTrue(text.startswith("ioapic0: ver=0x11 id=0x00 "), text)
        self.assertRegex(text, r"(?m)^  pin 4  0x0000000000010000 ")
        self.assertRegex(text, r"(?m)^pic0: irr=\w\w imr=ff isr=00 hprio=0 irq_base=")
        self.assertTrue(vm.hmp("info irq").startswith("IRQ statistics for kvm-ioapic:\n"))
        self.assertNotIn("\npic0", vm.hmp("info ioapic"))


if __name__ == "__main__":
    vmm.main()
