#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""x2apic-seoib, row by row of the table in docs/system/x2apic-seoib.rst, on this host's KVM: what
the program prints, which flags the kernel is given and when, what mode results, and what a guest
sees of it (tests/guest/eoi-check).

Old kernels, and a kernel that goes back on its word, are this kernel behind tests/kvm/seoib-shim.c.
E5 (CPUs that disagree) cannot be provoked from the command line while there is no CPU hot-plug, and
E6 belongs to migration: tests/unit/test-cpu-seoib.c has the first.
"""
import re

import vmm

KERNEL = ("Linux 7.0, 6.18.17 or a later stable kernel is needed; use x2apic-seoib=off or an older "
          "CPU model version to silence this")
NEWER = "use a newer kernel (7.0, 6.18.17) or kernel-irqchip=on"
W1 = ["warning: KVM on this host cannot honour Suppress EOI Broadcast: CPU feature x2apic-seoib is "
      "filtered out", KERNEL]
W2 = ["warning: x2apic-seoib=off has no effect: KVM on this host always advertises Suppress EOI "
      "Broadcast with kernel-irqchip=split", NEWER]
W3 = ["warning: x2apic-seoib needs I/O APIC version 0x20, this machine has version 0x11: feature "
      "filtered out", "remove ioapic.version=0x11 or use a machine type newer than 2.7"]
W4 = ["warning: x2apic-seoib needs a userspace I/O APIC: feature filtered out with "
      "kernel-irqchip=on", "use -machine kernel-irqchip=split"]
W5 = ["warning: CPU feature x2apic-seoib needs x2apic, which this CPU does not have: feature "
      "filtered out"]
END = ["Host doesn't support requested features"]
E1 = ["KVM does not support the requested CPU feature x2apic-seoib", KERNEL] + END
E2 = ["KVM cannot hide Suppress EOI Broadcast from the guest (x2apic-seoib=off with "
      "kernel-irqchip=split)", NEWER] + END
E3_ONLY = ["x2apic-seoib=on cannot be combined with I/O APIC version 0x11: it has no EOI register "
           "and level-triggered interrupts would never be re-enabled",
           "set ioapic.version=0x20 or x2apic-seoib=off"]
E3 = E3_ONLY + END
E4 = ["x2apic-seoib=on requires kernel-irqchip=split"] + END

# Named models: what they ask for does not depend on the host. Haswell-v5 is Haswell-v4 plus
# x2apic-seoib=on. Features of these models that the host lacks are filtered and not our subject.
CPU = {
    "unset": "Haswell-v4",
    "off": "Haswell-v4,x2apic-seoib=off",
    "model": "Haswell-v5",
    "explicit": "Haswell-v4,x2apic-seoib=on",
}
QUIRKED, HIDDEN, RESPECTED = "quirked", "not-advertised", "respected"
ENABLE, DISABLE = 4, 8
# What a guest notices of a mode: eoi-check's word. Only split shows a kernel's quirk.
GUEST_WORD = {"split": {QUIRKED: QUIRKED, HIDDEN: HIDDEN, RESPECTED: RESPECTED},
              "on": {QUIRKED: HIDDEN, HIDDEN: HIDDEN}, "off": {QUIRKED: HIDDEN, HIDDEN: HIDDEN}}

# row, irqchip, I/O APIC version, kernel, extra -cpu; then for each request
# (messages, mode, flags given to KVM); FATAL in place of a mode: ends with status 1.
FATAL = None
ROWS = [
    ("1", "split", 0x20, "new", "", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, [DISABLE]),
        "model": ([], RESPECTED, [ENABLE]),
        "explicit": ([], RESPECTED, [ENABLE])}),
    ("2", "split", 0x20, "old", "", {
        "unset": ([], QUIRKED, []),
        "off": (W2, QUIRKED, []),
        "model": (W1, QUIRKED, []),
        "explicit": (W1, QUIRKED, [])}),
    ("3", "split", 0x11, "new", "", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, [DISABLE]),
        "model": (W3, HIDDEN, [DISABLE]),
        "explicit": (E3_ONLY, FATAL, [])}),
    ("4", "split", 0x11, "old", "", {
        "unset": ([], QUIRKED, []),
        "off": (W2, QUIRKED, []),
        "model": (W1, QUIRKED, []),
        "explicit": (E3_ONLY, FATAL, [])}),
    ("5", "on", 0x20, "new", "", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, [DISABLE]),
        "model": (W4, HIDDEN, [DISABLE]),
        "explicit": (W4, HIDDEN, [DISABLE])}),
    ("6", "on", 0x20, "old", "", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, []),
        "model": (W4, QUIRKED, []),
        "explicit": (W4, QUIRKED, [])}),
    ("7", "off", 0x20, "new", "", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, []),
        "model": (W5, HIDDEN, []),
        "explicit": (W5, HIDDEN, [])}),
    ("7-ioapic11", "off", 0x11, "new", "", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, []),
        "model": (W5, HIDDEN, []),
        "explicit": (W5, HIDDEN, [])}),
    ("10-split", "split", 0x20, "new", ",x2apic=off", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, [DISABLE]),
        "model": (W5, HIDDEN, [DISABLE]),
        "explicit": (W5, HIDDEN, [DISABLE])}),
    ("10-on", "on", 0x20, "new", ",x2apic=off", {
        "unset": ([], QUIRKED, []),
        "off": ([], HIDDEN, [DISABLE]),
        "model": (W5, HIDDEN, [DISABLE]),
        "explicit": (W5, HIDDEN, [DISABLE])}),
]

# The software CPU: row, I/O APIC version, extra -cpu; then for each request (messages, mode).
SOFTWARE_ROWS = [
    ("8", 0x20, "", {
        "unset": ([], HIDDEN), "off": ([], HIDDEN), "model": ([], RESPECTED),
        "explicit": ([], RESPECTED)}),
    ("9", 0x11, "", {
        "unset": ([], HIDDEN), "off": ([], HIDDEN), "model": (W3, HIDDEN),
        "explicit": (E3_ONLY, FATAL)}),
    ("10-software", 0x20, ",x2apic=off", {
        "unset": ([], HIDDEN), "off": ([], HIDDEN), "model": (W5, HIDDEN),
        "explicit": (W5, HIDDEN)}),
]

# With enforce: (row, request) -> messages; the program ends with status 1.
ENFORCED = {
    ("2", "off"): E2, ("2", "model"): E1, ("2", "explicit"): E1,
    ("3", "model"): E3, ("3", "explicit"): E3, ("4", "explicit"): E3,
    ("4", "off"): E2, ("4", "model"): E1,
    ("5", "model"): E4, ("5", "explicit"): E4, ("6", "model"): E4, ("6", "explicit"): E4,
    ("7", "model"): W5 + END, ("7", "explicit"): W5 + END,
    ("10-split", "model"): W5 + END, ("10-on", "explicit"): W5 + END,
}

NOISE = re.compile(r"warning: (host|TCG) doesn't support requested feature: |"
                   r"warning: KVM on this host (refuses|does not give) MSR |"
                   r".*warning: Number of (SMP|hotpluggable) cpus requested .* exceeds the recommended")


def messages(text):
    """stderr without the program's name, and without what other features of the host cause."""
    rows = [re.sub("^%s: " % vmm.PROG, "", r) for r in text.splitlines()]
    return [r for r in rows if not NOISE.match(r)]


def machine_args(irqchip, ioapic, machine="q35"):
    accel = "tcg" if irqchip == "software" else "kvm,kernel-irqchip=" + irqchip
    args = ["-M", machine, "-accel", accel]
    return args + (["-global", "ioapic.version=0x%x" % ioapic] if ioapic != 0x20 else [])


def kernel_env(kernel, log=None):
    env = vmm.shim_env({"new": None, "old": "old", "reject": "reject"}[kernel])
    if log:
        env["SEOIB_LOG"] = log
    return env


class SeoibTest(vmm.TestCase):
    def setUp(self):
        vmm.need_kvm()

    def start(self, args, kernel="new", **kwargs):
        """A VMM whose calls are logged to {dir}/kvm.log."""
        vm = vmm.VMM(*args, **kwargs)
        vm._env.update(kernel_env(kernel, vm.path("kvm.log")))
        return vm

    def mode(self, vm):
        m = re.search(r"(?m)^SEOIB[ \t]+([a-z-]+)$", vm.hmp("info lapic"))
        self.assertTrue(m, "no mode in info lapic")
        return m.group(1)

    def flags(self, vm):
        """SEOIB flags in KVM_ENABLE_CAP calls; they must precede the first CPUID and follow the
        interrupt controller's creation."""
        calls = [line.split() for line in vm.read("kvm.log").splitlines()]
        given, seen_cpuid, seen_irqchip = [], False, False
        for name, value, *_ in calls:
            if name == "set-cpuid2":
                seen_cpuid = True
            elif name in ("split-irqchip", "create-irqchip"):
                seen_irqchip = True
            elif name == "enable-x2apic-api" and int(value, 16) & 0xc:
                self.assertFalse(seen_cpuid, "flags after a vCPU's CPUID: %s" % calls)
                self.assertTrue(seen_irqchip, "flags before the irqchip: %s" % calls)
                given.append(int(value, 16) & 0xc)
        return given

    def guest_sees(self, irqchip, ioapic, kernel, cpu, word):
        """Runs eoi-check, which exits through debug-exit with 1 when all is as @word says."""
        args = machine_args(irqchip, ioapic) + [
            "-cpu", cpu, "-kernel", vmm.guest("eoi-check"), "-append",
            "expect=%s storm=5" % word, "-device", "pc-testdev",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-display", "none", "-nodefaults",
            "-no-reboot", "-serial", "stdio"]
        env = None if irqchip == "software" else kernel_env(kernel)
        r = vmm.run(*args, env=env, timeout=90)
        odd = [row for row in r.out.splitlines() if row.startswith(("FAIL", "SUMMARY"))]
        self.assertIn("verdict=%s " % word, r.out, odd or r)
        self.assertEqual(r.status, 1, odd)


def add_cell(row, irqchip, ioapic, kernel, extra, request, expected):
    text, mode, flags = expected
    cpu = CPU[request] + extra

    def check(self):
        if kernel == "new":
            vmm.need_seoib_flags()
        if mode is FATAL:
            r = vmm.run(*machine_args(irqchip, ioapic), "-cpu", cpu, "-display", "none",
                        "-nodefaults", "-S", env=kernel_env(kernel))
            self.assertEqual(messages(r.err), text)
            self.assertEqual((r.status, r.out), (1, ""))
            return
        with self.start(machine_args(irqchip, ioapic) + ["-cpu", cpu, "-S"], kernel) as vm:
            self.assertEqual(self.mode(vm), mode)
            self.assertEqual(self.flags(vm), flags)
            self.assertEqual(messages(vm.stderr()), text)
            self.assertEqual(vm.quit(), 0)
        word = HIDDEN if extra else GUEST_WORD[irqchip][mode]  # no x2APIC, no LVR bit
        self.guest_sees(irqchip, ioapic, kernel, cpu, word)

    name = "test_row_%s_%s" % (row, request)
    setattr(RowTest, name, check)


class RowTest(SeoibTest):
    """One test a cell of the table."""


def add_enforced(row, request, text):
    irqchip, ioapic, kernel, extra = next(r[1:5] for r in ROWS if r[0] == row)

    def check(self):
        if kernel == "new":
            vmm.need_seoib_flags()
        for cpu in (CPU[request] + extra + ",enforce", CPU[request] + extra + ",check=off,enforce"):
            r = vmm.run(*machine_args(irqchip, ioapic), "-cpu", cpu, "-display", "none",
                        "-nodefaults", "-S", env=kernel_env(kernel))
            # The host's own verdict on other features may also end with END.
            self.assertEqual(messages(r.err), text, cpu)
            self.assertEqual((r.status, r.out), (1, ""), cpu)

    setattr(EnforceTest, "test_row_%s_%s_enforced" % (row, request), check)


class EnforceTest(SeoibTest):
    """enforce turns each warning into its error, after which the program ends."""

    def test_attained_setting_is_no_reason_to_end(self):
        vmm.need_seoib_flags()
        for cpu in ("host,x2apic-seoib=on,enforce", "host,x2apic-seoib=off,enforce"):
            with self.start(machine_args("split", 0x20) + ["-cpu", cpu, "-S"]) as vm:
                self.assertEqual(messages(vm.stderr()), [])
                self.assertEqual(vm.quit(), 0)


class SoftwareTest(SeoibTest):
    """One test a cell of the software CPU's rows. Needs no KVM."""

    def setUp(self):
        pass


def add_software_cell(row, ioapic, extra, request, expected):
    text, mode = expected
    cpu = CPU[request] + extra
    args = machine_args("software", ioapic) + ["-cpu", cpu]

    def check(self):
        if mode is FATAL:
            r = vmm.run(*args, "-display", "none", "-nodefaults", "-S")
            self.assertEqual(messages(r.err), text)
            self.assertEqual((r.status, r.out), (1, ""))
            return
        with vmm.VMM(*args, "-S") as vm:
            self.assertEqual(messages(vm.stderr()), text)
            self.assertEqual(vm.quit(), 0)
        self.guest_sees("software", ioapic, "new", cpu, mode)

    setattr(SoftwareTest, "test_row_%s_%s" % (row, request), check)


for _row, _ioapic, _extra, _cells in SOFTWARE_ROWS:
    for _request, _expected in _cells.items():
        add_software_cell(_row, _ioapic, _extra, _request, _expected)
for _row, _irqchip, _ioapic, _kernel, _extra, _cells in ROWS:
    for _request, _expected in _cells.items():
        add_cell(_row, _irqchip, _ioapic, _kernel, _extra, _request, _expected)
for (_row, _request), _text in ENFORCED.items():
    add_enforced(_row, _request, _text)


class MessageTest(SeoibTest):
    def test_check_off_silences_the_warnings(self):
        for irqchip, ioapic, kernel, cpu in (
                ("split", 0x20, "old", CPU["model"]), ("split", 0x20, "old", CPU["explicit"]),
                ("on", 0x20, "new", CPU["model"]), ("off", 0x20, "new", CPU["explicit"]),
                ("split", 0x11, "new", CPU["model"]),
                ("split", 0x20, "new", CPU["model"] + ",x2apic=off")):
            args = machine_args(irqchip, ioapic) + ["-cpu", cpu + ",check=off", "-S"]
            with self.subTest(args=args), self.start(args, kernel) as vm:
                self.assertEqual(messages(vm.stderr()), [])
                self.assertEqual(vm.quit(), 0)

    def test_check_off_does_not_allow_what_would_hang_the_guest(self):
        r = vmm.run(*machine_args("split", 0x11), "-cpu", CPU["explicit"] + ",check=off",
                    "-display", "none", "-nodefaults", "-S")
        self.assertEqual(messages(r.err), E3_ONLY)
        self.assertEqual(r.status, 1)

    def test_a_warning_is_printed_once_a_process(self):
        args = machine_args("split", 0x20) + ["-smp", "4", "-cpu", CPU["model"], "-S"]
        with self.start(args, "old") as vm:
            for name in ("Haswell-v5", "EPYC-v6", "host"):
                vm.cmd("query-cpu-model-expansion", {"type": "full", "model": {"name": name}})
            vm.cmd("query-cpu-definitions")
            vm.cmd("system_reset")
            self.assertEqual(messages(vm.stderr()), W1)
            self.assertEqual(vm.quit(), 0)

    def test_sign_forms_and_underscore_mean_the_same(self):
        vmm.need_seoib_flags()
        for cpu, mode in (("Haswell-v4,+x2apic-seoib", RESPECTED),
                          ("Haswell-v5,-x2apic-seoib", HIDDEN),
                          ("Haswell-v4,x2apic_seoib=on", RESPECTED),
                          ("Haswell-v5,x2apic-seoib=on,-x2apic-seoib", HIDDEN),
                          ("Haswell-v5,x2apic-seoib=off", HIDDEN)):
            with self.subTest(cpu=cpu), \
                    self.start(machine_args("split", 0x20) + ["-cpu", cpu, "-S"]) as vm:
                self.assertEqual(self.mode(vm), mode)
                self.assertEqual(vm.quit(), 0)

    def test_global_sets_it(self):
        vmm.need_seoib_flags()
        args = machine_args("split", 0x20) + ["-global", "Haswell-v4-x86_64-cpu.x2apic-seoib=on",
                                              "-cpu", "Haswell-v4", "-S"]
        with self.start(args) as vm:
            self.assertEqual(self.mode(vm), RESPECTED)
            self.assertEqual(vm.quit(), 0)

    def test_value_must_be_on_or_off(self):
        r = vmm.run("-accel", "kvm", "-cpu", "Haswell-v4,x2apic-seoib=maybe", "-display", "none",
                    "-nodefaults", "-S")
        self.assertEqual(messages(r.err), [
            "can't apply global Haswell-v4-x86_64-cpu.x2apic-seoib=maybe: Parameter "
            "'x2apic-seoib' expects 'on' or 'off'"])
        self.assertEqual(r.status, 1)

    def test_kernel_that_goes_back_on_its_word_is_an_error(self):
        """E7, not an abort."""
        for cpu, irqchip, flags in (("on", "split", ENABLE), ("off", "split", DISABLE),
                                    ("off", "on", DISABLE)):
            with self.subTest(cpu=cpu, irqchip=irqchip):
                r = vmm.run(*machine_args(irqchip, 0x20), "-cpu", "host,x2apic-seoib=" + cpu,
                            "-display", "none", "-nodefaults", "-S", env=kernel_env("reject"))
                self.assertEqual(messages(r.err), ["failed to set KVM x2APIC API flags 0x%x: "
                                                   "Invalid argument" % flags])
                self.assertEqual((r.status, r.out), (1, ""))

    def test_flags_are_given_once_for_all_vcpus(self):
        vmm.need_seoib_flags()
        args = machine_args("split", 0x20) + ["-smp", "3", "-cpu", "host,x2apic-seoib=on", "-S"]
        with self.start(args) as vm:
            self.assertEqual(self.flags(vm), [ENABLE])
            self.assertEqual(vm.read("kvm.log").count("create-vcpu"), 3)
            self.assertEqual(vm.quit(), 0)

    def test_mode_is_traced(self):
        vmm.need_seoib_flags()
        args = machine_args("split", 0x20) + ["-cpu", "host,x2apic-seoib=off", "-S",
                                              "-trace", "seoib_mode"]
        with self.start(args) as vm:
            lines = [r for r in vm.stderr().splitlines() if "seoib_mode" in r]
            self.assertRegex(lines[-1], r"seoib_mode .*not-advertised$")
            self.assertEqual(vm.quit(), 0)


class HostModelTest(SeoibTest):
    """-cpu host and max ask for it by themselves on machine types from 11.0 on, where it can be had;
    nobody is told when it cannot."""

    def check(self, machine, cpu, irqchip, kernel, mode, ioapic=0x20):
        with self.subTest(machine=machine, cpu=cpu, irqchip=irqchip, kernel=kernel), \
                self.start(machine_args(irqchip, ioapic, machine) + ["-cpu", cpu, "-S"],
                           kernel) as vm:
            self.assertEqual(self.mode(vm), mode)
            self.assertEqual(messages(vm.stderr()), [])
            self.assertEqual(self.flags(vm), [ENABLE] if mode == RESPECTED else [])
            self.assertEqual(vm.quit(), 0)

    def test_new_machine_types_turn_it_on(self):
        vmm.need_seoib_flags()
        for machine in ("q35", "pc", "pc-q35-11.0", "pc-i440fx-11.0"):
            self.check(machine, "host", "split", "new", RESPECTED)
        self.check("q35", "max", "split", "new", RESPECTED)
        self.check("q35", "host,enforce", "split", "new", RESPECTED)

    def test_new_machine_types_where_it_cannot_be_had(self):
        self.check("q35", "host", "split", "old", QUIRKED)
        self.check("q35", "host,enforce", "split", "old", QUIRKED)
        self.check("q35", "host", "on", "new", QUIRKED)
        self.check("q35", "host", "off", "new", QUIRKED)
        self.check("q35", "host,x2apic=off", "split", "new", QUIRKED)
        self.check("q35", "host", "split", "new", QUIRKED, ioapic=0x11)
        self.check("q35", "max", "split", "old", QUIRKED)

    def test_older_machine_types_leave_it_unset(self):
        for machine in ("pc-q35-10.2", "pc-i440fx-10.2", "pc-q35-8.2"):
            self.check(machine, "host", "split", "new", QUIRKED)
        self.check("pc-q35-10.2", "max", "split", "new", QUIRKED)

    def test_older_machine_types_obey_an_explicit_request(self):
        vmm.need_seoib_flags()
        self.check("pc-q35-10.2", "host,x2apic-seoib=on", "split", "new", RESPECTED)
        self.check("pc-q35-10.2", "Haswell-v5", "split", "new", RESPECTED)

    def test_unversioned_models_never_change(self):
        for cpu in ("Haswell", "Skylake-Server", "EPYC", "qemu64"):
            self.check("q35", cpu, "split", "new", QUIRKED)


class QueryTest(SeoibTest):
    """What management software is told."""

    def expand(self, vm, name, props=None, kind="full"):
        model = {"name": name}
        if props:
            model["props"] = props
        reply = vm.cmd("query-cpu-model-expansion", {"type": kind, "model": model})
        return reply["model"]["props"]["x2apic-seoib"]

    def unavailable(self, vm, *names):
        models = {m["name"]: m["unavailable-features"] for m in vm.cmd("query-cpu-definitions")}
        return ["x2apic-seoib" in models[n] for n in names]

    def check(self, vm, host):
        for kind in ("full", "static"):
            for name, value in (("Haswell-v4", False), ("Haswell-v5", True), ("EPYC-v6", True),
                                ("Skylake-Server-v6", True), ("Skylake-Server", False),
                                ("base", False), ("host", host), ("max", host)):
                with self.subTest(kind=kind, name=name):
                    self.assertIs(self.expand(vm, name, kind=kind), value)
        self.assertIs(self.expand(vm, "Haswell-v5", {"x2apic-seoib": False}), False)
        self.assertIs(self.expand(vm, "Haswell-v4", {"x2apic-seoib": True}), True)
        self.assertIs(self.expand(vm, "Haswell-v5", {"x2apic": False}), False)
        self.assertIs(self.expand(vm, "host", {"x2apic": False}), False)

    def test_with_flags(self):
        vmm.need_seoib_flags()
        for args in (["-M", "none", "-accel", "kvm"],
                     machine_args("split", 0x20) + ["-cpu", "Haswell-v4", "-S"]):
            with self.subTest(args=args), self.start(args) as vm:
                self.check(vm, True)
                self.assertEqual(self.unavailable(vm, "Haswell-v5", "EPYC-v6", "host"),
                                 [False] * 3)
                self.assertEqual(messages(vm.stderr()), [])

    def test_without_flags(self):
        for args in (["-M", "none", "-accel", "kvm"],
                     machine_args("split", 0x20) + ["-cpu", "Haswell-v4", "-S"]):
            with self.subTest(args=args), self.start(args, "old") as vm:
                self.check(vm, False)
                self.assertEqual(self.unavailable(vm, "Haswell-v5", "EPYC-v6", "host",
                                                  "Haswell-v4"), [True, True, False, False])
                self.assertEqual(messages(vm.stderr()), [])


if __name__ == "__main__":
    vmm.main()
