#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock libvirt with our emulator: probing, capabilities, baseline, compare, and the cpu_map kit.

Most answers are asked of an imaginary KVM host that has every CPU feature (tests/kvm/host-shim.c):
they are the same on every machine.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import uuid

import libvirtd
import vmm

KIT = os.path.join(vmm.SOURCE, "scripts", "libvirt", "seoib-cpu-map")
GENERATOR = os.path.join(vmm.SOURCE, "scripts", "libvirt", "gen-cpu-map.py")
DATA = "x86_x2apic-seoib.xml"
SEOIB = "x2apic-seoib"
# QEMU 10.2 offers these although KVM does not report them: speed hints that the host's CPUID has, and
# what a vCPU's topology makes true. 7.2 does not.
NEWER_THAN_7_2 = {"erms", "fsrm", "fzrm", "fsrs", "fsrc", "cmp_legacy", "ht"}

# Model before x2apic-seoib, the one with it, and another family's with it.
INTEL = ("Skylake-Server-v5", "Skylake-Server-v6", "Cascadelake-Server-v6")


def kit(action, cpu_map, program=KIT):
    proc = subprocess.run([program, action, "--cpu-map", cpu_map], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
    return vmm.Result(proc.returncode, proc.stdout.decode(), proc.stderr.decode())


def need_stock_map():
    """Skips unless the installed libvirt is one the kit knows, unpatched."""
    if not os.path.isdir(libvirtd.CPU_MAP):
        raise unittest.SkipTest("no libvirt here (scripts/install-deps.sh check)")
    state = kit("check", libvirtd.CPU_MAP)
    if state.status != 1:
        raise unittest.SkipTest("not a stock map the kit knows: " + state.out + state.err)


def cpu(model, *features, policy=None):
    """CPU XML as the virsh commands read it."""
    how = " policy='%s'" % policy if policy else ""
    head = " mode='custom' match='exact'" if policy else ""
    arch = "" if policy else "<arch>x86_64</arch>"
    return ("<cpu%s>%s<model>%s</model>" % (head, arch, model) +
            "".join("<feature%s name='%s'/>" % (how, f) for f in features) + "</cpu>")


def custom(model, **policies):
    """The XML virsh prints for a custom CPU; policies: disable=..., require=..."""
    rows = ["<cpu mode='custom' match='exact'>", "  <model fallback='forbid'>%s</model>" % model]
    for policy in ("require", "disable"):
        rows += ["  <feature policy='%s' name='%s'/>" % (policy, f)
                 for f in policies.get(policy, ())]
    return "\n".join(rows + ["</cpu>"])


class Copy(unittest.TestCase):
    """A private copy of the stock map."""

    def setUp(self):
        need_stock_map()
        self.dir = tempfile.mkdtemp(prefix="map-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.map = os.path.join(self.dir, "cpu_map")
        shutil.copytree(libvirtd.CPU_MAP, self.map)

    def contents(self):
        """{name: (mode, owner, contents)} of the directory."""
        found = {}
        for name in os.listdir(self.map):
            path = os.path.join(self.map, name)
            status = os.stat(path)
            with open(path, "rb") as f:
                found[name] = (status.st_mode, status.st_uid, f.read())
        return found

    def path(self, name):
        return os.path.join(self.map, name)

    def append(self, name, text):
        with open(self.path(name), "ab") as f:
            f.write(text)


class KitTest(Copy):
    def test_install_then_uninstall_restores_every_byte(self):
        before = self.contents()
        self.assertEqual(kit("install", self.map).status, 0)
        after = self.contents()
        self.assertEqual({n for n in after if after[n] != before.get(n)},
                         {DATA, "index.xml", "x2apic-seoib.manifest"})
        self.assertEqual(after[DATA][:2], before["index.xml"][:2], "mode and owner")
        self.assertEqual(kit("uninstall", self.map).status, 0)
        self.assertEqual(self.contents(), before)

    def test_both_actions_may_be_repeated(self):
        before = self.contents()
        kit("install", self.map)
        installed = self.contents()
        again = kit("install", self.map)
        self.assertEqual((again.status, again.out), (0, "already installed in %s\n" % self.map))
        self.assertEqual(self.contents(), installed)
        kit("uninstall", self.map)
        again = kit("uninstall", self.map)
        self.assertEqual((again.status, again.out), (0, "not installed in %s\n" % self.map))
        self.assertEqual(self.contents(), before)

    def test_check_tells_the_states_apart(self):
        self.assertEqual(kit("check", self.map).status, 1)
        kit("install", self.map)
        self.assertEqual(kit("check", self.map).status, 0)
        os.unlink(self.path(DATA))
        result = kit("check", self.map)
        self.assertEqual(result.status, 2)
        self.assertIn("run install or uninstall", result.out)

    def refused(self, action, reason):
        before = self.contents()
        result = kit(action, self.map)
        self.assertEqual(result.status, 1)
        self.assertIn(reason, result.err)
        self.assertEqual(self.contents(), before, "nothing changed")

    def test_changed_stock_files_are_refused_and_named(self):
        for name in ("index.xml", "x86_features.xml", "x86_vendors.xml"):
            with self.subTest(name):
                with open(self.path(name), "rb") as f:
                    stock = f.read()
                self.append(name, b"<!-- local change -->\n")
                self.refused("install", "%s is not that of libvirt 9.0.0" % name)
                with open(self.path(name), "wb") as f:
                    f.write(stock)

    def test_other_libvirt_versions_are_refused_and_described(self):
        with open(self.path("index.xml"), "rb") as f:
            stock = f.read()
        line = b"    <include filename='x86_EPYC-Milan.xml'/>\n"
        for index, text in ((stock.replace(line, line + line.replace(b"Milan", b"Genoa")), "newer"),
                            (stock.replace(line, b""), "older"),
                            (b"<map/>\n", "another layout"), (b"<", "not well-formed")):
            with self.subTest(text):
                with open(self.path("index.xml"), "wb") as f:
                    f.write(index)
                self.refused("install", text)

    def test_other_directories_are_refused(self):
        for path in (self.dir, "/nonexistent", self.path("index.xml")):
            self.assertEqual(kit("install", path).status, 1)
            self.assertEqual(kit("check", path).status, 3)

    def test_changed_data_is_not_overwritten(self):
        kit("install", self.map)
        self.append(DATA, b"<!-- mine -->\n")
        self.refused("install", "was changed since it was installed")
        self.refused("uninstall", "was changed since it was installed")

    def test_every_interruption_leaves_a_usable_map_and_can_be_finished(self):
        """The files appear one after the other; stop after each number of them."""
        before = self.contents()
        kit("install", self.map)
        full = self.contents()
        written = ["x2apic-seoib.manifest", DATA, "index.xml"]
        for done in range(len(written) + 1):
            for action, result in (("install", full), ("uninstall", before)):
                with self.subTest(done=done, action=action):
                    kit("uninstall", self.map)
                    for name in written[:done]:
                        with open(self.path(name), "wb") as f:
                            f.write(full[name][2])
                    with open(self.path(".x2apic-seoib.tmp"), "wb") as f:
                        f.write(b"half a fi")
                    index = self.contents()["index.xml"][2]
                    if b"x2apic-seoib" in index:
                        self.assertEqual(self.contents()[DATA], full[DATA])
                    self.assertEqual(kit(action, self.map).status, 0)
                    self.assertEqual(self.contents(), result)

    def test_a_newer_kit_replaces_the_data(self):
        newer = os.path.join(self.dir, "kit")
        shutil.copytree(os.path.dirname(KIT), newer)
        with open(os.path.join(newer, DATA), "ab") as f:
            f.write(b"<!-- newer -->\n")
        before = self.contents()
        kit("install", self.map)
        program = os.path.join(newer, "seoib-cpu-map")
        self.assertEqual(kit("check", self.map, program).status, 2)
        self.assertEqual(kit("install", self.map, program).status, 0)
        self.assertEqual(kit("check", self.map, program).status, 0)
        self.assertEqual(kit("uninstall", self.map).status, 0, "by the older kit")
        self.assertEqual(self.contents(), before)

    def test_data_is_what_the_cpu_tables_say(self):
        proc = subprocess.run([GENERATOR, vmm.built("tests/unit/cpu-dump"), self.map, "--check",
                               os.path.join(os.path.dirname(KIT), DATA)], stderr=subprocess.PIPE,
                              check=False, timeout=60)
        self.assertEqual((proc.returncode, proc.stderr.decode()), (0, ""))


class DaemonTest(vmm.TestCase):
    """One daemon for all tests of a class."""
    limit_s = 600
    with_kit = False
    imaginary_kvm = False  # for libvirtd too, which opens /dev/kvm for domcapabilities

    @classmethod
    def setUpClass(cls):
        libvirtd.need_libvirt()
        need_stock_map()
        cls.dir = tempfile.mkdtemp(prefix="map-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cpu_map = None
        if cls.with_kit:
            cpu_map = os.path.join(cls.dir, "cpu_map")
            shutil.copytree(libvirtd.CPU_MAP, cpu_map)
            result = kit("install", cpu_map)
            assert result.status == 0, result
        cls.daemon = cls.enterClassContext(libvirtd.Libvirtd(
            cpu_map, vmm.built("tests/kvm/host-shim.so") if cls.imaginary_kvm else ""))

    @classmethod
    def enterClassContext(cls, manager):
        value = manager.__enter__()
        cls.addClassCleanup(manager.__exit__, None, None, None)
        return value

    def emulator(self, name, binary=vmm.BINARY, **env):
        """An emulator under another name, with an environment that libvirt does not pass on."""
        rows = ["#!/bin/sh", "unset LD_PRELOAD"]
        rows += ["export %s='%s'" % pair for pair in sorted(env.items())]
        rows.append('exec %s "$@"' % binary)
        return self.daemon.write("bin/" + name, "\n".join(rows) + "\n", mode=0o755)

    def imaginary_host(self, x2apic_api, name="host"):
        """KVM with all features and this answer to KVM_CAP_X2APIC_API."""
        return self.emulator(name + "-" + x2apic_api, HOST_SHIM_X2APIC_API=x2apic_api,
                             LD_PRELOAD=vmm.built("tests/kvm/host-shim.so"))

    def hypervisor(self, command, emulator, cpus, *options, virttype="kvm"):
        path = self.daemon.write("cpu.xml", "".join(cpus))
        return self.daemon.virsh("hypervisor-cpu-" + command, "--emulator", emulator, "--virttype",
                                 virttype, path, *options)

    def baseline(self, emulator, cpus, *options, virttype="kvm"):
        result = self.hypervisor("baseline", emulator, cpus, *options, virttype=virttype)
        self.assertEqual((result.status, result.err), (0, ""))
        return result.out.strip()

    def compare(self, emulator, one, virttype="kvm"):
        """'identical', 'superset', or the features that are missing."""
        result = self.hypervisor("compare", emulator, [one], "--error", virttype=virttype)
        if result.status == 0:
            return re.search(r"is (?:a )?(identical|superset)", result.out)[1]
        missing = re.search(r"Host CPU does not provide required features: (.*)", result.err)
        return set(missing[1].split(", ")) if missing else result.err

    def domcapabilities(self, emulator, virttype):
        return self.daemon.ask("domcapabilities", "--emulatorbin", emulator, "--virttype", virttype,
                               "--machine", "q35")

    @staticmethod
    def host_model(xml):
        """(model, {feature: policy}) of domcapabilities' host-model."""
        mode = re.search(r"<mode name='host-model' supported='yes'>.*?</mode>", xml, re.DOTALL)[0]
        return (re.search(r"<model fallback='forbid'>(.*?)</model>", mode)[1],
                {n: p for p, n in re.findall(r"<feature policy='(\w+)' name='(.*?)'/>", mode)})

    @staticmethod
    def usable(xml):
        return {n: u for u, n in re.findall(r"<model usable='(\w+)'[^>]*>(.*?)</model>", xml)}


class StockMapTest(DaemonTest):
    """Without the kit."""
    imaginary_kvm = True

    def test_probing_leaves_no_error_in_the_log(self):
        before = self.daemon.errors()
        for virttype in ("kvm", "qemu"):
            xml = self.domcapabilities(self.imaginary_host("0xf"), virttype)
            self.assertIn("<domain>%s</domain>" % virttype, xml)
            self.assertIn("<mode name='host-passthrough' supported='%s'" %
                          ("yes" if virttype == "kvm" else "no"), xml)
            self.assertTrue(self.host_model(xml))
        self.assertEqual(self.daemon.errors(), before)

    def test_probing_is_answered_throughout(self):
        """Two processes; the only errors are device types that do not exist, as with QEMU."""
        before = len(self.daemon.read("log/libvirtd.log"))
        self.domcapabilities(self.imaginary_host("0x3", name="probed"), "kvm")
        log = self.daemon.read("log/libvirtd.log")[before:]
        sent = re.findall(r'SEND_MSG: .* msg=\{"execute":"([\w-]+)"', log)
        for command in ("query-qmp-schema", "qom-list-types", "query-command-line-options"):
            self.assertEqual(sent.count(command), 1, command)
        for command in ("qmp_capabilities", "query-cpu-definitions", "query-machines"):
            self.assertEqual(sent.count(command), 2, command)
        errors = re.findall(r'RECV_REPLY: .* reply=.*"error": *\{"class": *"(\w+)"', log)
        self.assertLessEqual(set(errors), {"DeviceNotFound"})

    def test_models_of_libvirt_are_all_offered(self):
        """Each one QEMU 7.2 offers, and usable on a host that has everything."""
        usable = self.usable(self.domcapabilities(self.imaginary_host("0x3"), "kvm"))
        self.assertEqual({n for n, u in usable.items() if u != "yes"}, set())
        peer = self.usable(self.domcapabilities(self.emulator("peer", vmm.need_peer()), "qemu"))
        self.assertEqual(set(usable), set(peer))

    def test_the_feature_is_unknown_to_libvirt_but_harmless(self):
        emulator = self.imaginary_host("0xf")
        result = self.hypervisor("compare", emulator, [cpu("Nehalem", SEOIB, policy="require")])
        self.assertIn("Unknown CPU feature " + SEOIB, result.err)
        self.assertEqual(self.baseline(emulator, [cpu("Nehalem"), cpu("Westmere")]),
                         custom("Nehalem"))

    def test_software_cpu(self):
        emulator = self.emulator("tcg")
        self.assertEqual(self.baseline(emulator, [cpu("Nehalem"), cpu("Westmere")],
                                       virttype="qemu"), custom("Nehalem"))
        self.assertEqual(self.compare(emulator, cpu("Westmere"), virttype="qemu"), "superset")
        self.assertEqual(self.compare(emulator, cpu("Nehalem", "avx512f", policy="require"),
                                      virttype="qemu"), {"avx512f"})


class SameAsQemuTest(DaemonTest):
    """Known models on the same KVM: our answers are stock QEMU's, feature for feature."""
    pairs = (("Skylake-Server-IBRS", "Cascadelake-Server"), ("Haswell-noTSX", "Broadwell"),
             ("EPYC", "EPYC-Rome"), ("qemu64", "Nehalem"), ("Icelake-Server", "Skylake-Client"),
             ("Westmere-IBRS", "Westmere-IBRS"), ("Opteron_G3", "phenom"))

    @classmethod
    def setUpClass(cls):
        vmm.need_kvm()
        vmm.need_peer()
        super().setUpClass()

    def test_usable_models(self):
        ours, peer = (self.usable(self.domcapabilities(e, "kvm")) for e in (vmm.BINARY, vmm.PEER))
        self.assertEqual(ours, peer)

    def test_host_model(self):
        ours, peer = (self.host_model(self.domcapabilities(e, "kvm"))
                      for e in (vmm.BINARY, vmm.PEER))
        self.assertEqual(ours[0], peer[0])
        differ = {n for n in set(ours[1]) | set(peer[1]) if ours[1].get(n) != peer[1].get(n)}
        self.assertLessEqual(differ, NEWER_THAN_7_2)

    def test_baseline(self):
        for pair in self.pairs:
            with self.subTest(pair):
                ours, peer = (self.baseline(e, [cpu(m) for m in pair])
                              for e in (vmm.BINARY, vmm.PEER))
                self.assertEqual(ours, peer)

    def test_compare(self):
        for model in sorted({m for pair in self.pairs for m in pair}):
            with self.subTest(model):
                ours, peer = (self.compare(e, cpu(model)) for e in (vmm.BINARY, vmm.PEER))
                if isinstance(peer, set) and isinstance(ours, set):
                    self.assertLessEqual(ours ^ peer, NEWER_THAN_7_2)
                else:
                    self.assertEqual(ours, peer)


class KitAnswersTest(DaemonTest):
    """With the kit, on hosts that have every feature: a kernel with the flags and one without."""
    with_kit = True
    imaginary_kvm = True

    def setUp(self):
        self.new = self.imaginary_host("0xf")
        self.old = self.imaginary_host("0x3")

    def test_map_with_the_kit_loads_without_error(self):
        before = self.daemon.errors()
        self.domcapabilities(self.new, "kvm")
        self.assertEqual(self.daemon.errors(), before)

    def test_baseline_of_v5_and_v6_host_is_v5(self):
        for emulator in (self.new, self.old):
            for options in ((), ("--migratable",)):
                self.assertEqual(self.baseline(emulator, [cpu(INTEL[0]), cpu(INTEL[1])], *options),
                                 custom("Skylake-Server-v5"))

    def test_baseline_of_two_v6_hosts_is_v6(self):
        for options in ((), ("--migratable",)):
            self.assertEqual(self.baseline(self.new, [cpu(INTEL[1]), cpu(INTEL[1])], *options),
                             custom("Skylake-Server-v6"))

    def test_baseline_of_two_v6_hosts_asked_on_an_old_kernel(self):
        """The models are kept, what this host cannot do is disabled."""
        for options in ((), ("--migratable",)):
            self.assertEqual(self.baseline(self.old, [cpu(INTEL[1]), cpu(INTEL[1])], *options),
                             custom("Skylake-Server-v6", disable=[SEOIB]))

    def test_baseline_of_cascadelake_and_skylake_keeps_the_feature(self):
        for options in ((), ("--migratable",)):
            self.assertEqual(self.baseline(self.new, [cpu(INTEL[2]), cpu(INTEL[1])], *options),
                             custom("Skylake-Server-v6"))

    def test_baseline_of_stock_models_with_the_feature(self):
        cpus = [cpu("Skylake-Server-noTSX-IBRS", SEOIB), cpu("Cascadelake-Server", SEOIB)]
        self.assertEqual(self.baseline(self.new, cpus),
                         custom("Skylake-Server-IBRS", require=[SEOIB], disable=["hle", "rtm"]))

    def test_baseline_of_stock_models_is_unchanged(self):
        pair = [cpu("Cascadelake-Server"), cpu("Skylake-Server-noTSX-IBRS")]
        self.assertEqual(self.baseline(self.new, pair),
                         custom("Skylake-Server-IBRS", disable=["hle", "rtm"]))

    def vendor_models(self):
        """(without, with) of a vendor this machine's CPU is of: compare looks at the vendor."""
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            text = f.read()
        if "GenuineIntel" in text:
            return INTEL[:2]
        raise unittest.SkipTest("not an Intel CPU")

    def test_compare_on_a_kernel_with_the_flags(self):
        for model in self.vendor_models():
            self.assertEqual(self.compare(self.new, cpu(model)), "superset")

    def test_compare_on_a_kernel_without_them_names_the_feature(self):
        before, after = self.vendor_models()
        self.assertEqual(self.compare(self.old, cpu(before)), "superset")
        self.assertEqual(self.compare(self.old, cpu(after)), {SEOIB})
        self.assertEqual(self.compare(self.old, cpu(before, SEOIB, policy="require")), {SEOIB})

    def test_usable_models(self):
        new = self.usable(self.domcapabilities(self.new, "kvm"))
        old = self.usable(self.domcapabilities(self.old, "kvm"))
        for model in INTEL[1:]:
            self.assertEqual((new[model], old[model]), ("yes", "no"), model)
        for model in (INTEL[0], "Cascadelake-Server-v5", "Skylake-Server-noTSX-IBRS"):
            self.assertEqual((new[model], old[model]), ("yes", "yes"), model)

    def test_host_model_has_the_feature_where_the_kernel_has(self):
        """Never `disable`: on an old kernel that would not be the same as leaving it unset."""
        xml = self.domcapabilities(self.new, "kvm")
        model, features = self.host_model(xml)
        self.assertIn(self.compare(self.new, cpu(model, SEOIB, policy="require")),
                      ("superset", "identical"))
        self.assertNotEqual(features.get(SEOIB), "disable")
        model, features = self.host_model(self.domcapabilities(self.old, "kvm"))
        self.assertNotIn(SEOIB, features)
        self.assertEqual(self.usable(self.domcapabilities(self.old, "kvm"))[model], "yes")

    def test_pool_of_hosts_by_their_capabilities(self):
        """What docs/interop/libvirt.rst says to do with two hosts' domcapabilities."""
        new, old = (self.domcapabilities(e, "kvm") for e in (self.new, self.old))
        self.assertEqual(self.compare(self.new, new), "identical")
        self.assertEqual(self.compare(self.new, old), "superset")
        self.assertEqual(self.compare(self.old, new), {SEOIB})
        for hosts, has in (((new, new), True), ((new, old), False), ((old, old), False)):
            answer = self.baseline(self.new, hosts, "--migratable")
            self.assertNotIn("policy='disable' name='%s'" % SEOIB, answer)
            model = re.search(r"<model fallback='forbid'>(.*?)<", answer)[1]
            wanted = self.compare(self.old, "<cpu mode='custom' match='exact'><model>%s</model>"
                                  "</cpu>" % model)
            self.assertEqual(wanted == {SEOIB} or "policy='require' name='%s'" % SEOIB in answer,
                             has, answer)

    def test_software_cpu_has_the_feature(self):
        tcg = self.emulator("tcg")
        wanted = cpu("Nehalem", "x2apic", SEOIB, policy="require")
        self.assertEqual(self.compare(tcg, wanted, virttype="qemu"), "superset")
        self.assertIn(SEOIB, self.baseline(tcg, [cpu("Nehalem", "x2apic", SEOIB)] * 2,
                                           virttype="qemu"))

    def test_real_kernel_with_its_flags_hidden(self):
        """The machine's own KVM behind the shim that hides the flags: a CPU any host has."""
        vmm.need_kvm()
        wanted = cpu("pentium", "x2apic", SEOIB, policy="require")
        old = self.emulator("hidden", SEOIB_SHIM="old",
                            LD_PRELOAD=vmm.built("tests/kvm/seoib-shim.so"))
        self.assertEqual(self.compare(old, wanted), {SEOIB})
        self.assertEqual(self.compare(old, cpu("pentium", "x2apic", policy="require")), "superset")
        offered = self.emulator("offered", SEOIB_CHECK="0xf",
                                LD_PRELOAD=vmm.built("tests/kvm/seoib-shim.so"))
        self.assertEqual(self.compare(offered, wanted), "superset")


class DomainTest(DaemonTest):
    """A small domain through its life; the guest says READY on the serial port and works on."""
    with_kit = True
    banner = "READY cpus=2"
    model = "pentium"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kernel = vmm.guest("run-control")

    def setUp(self):
        vmm.need_kvm()
        self.name = "d%d" % (id(self) % 100000)
        self.addCleanup(self.daemon.virsh, "undefine", self.name)
        self.addCleanup(self.daemon.virsh, "destroy", self.name)

    def define(self, cpu_xml="", virttype="kvm", emulator=vmm.BINARY, devices=""):
        self.log = self.daemon.path("log/%s.serial" % self.name)
        xml = """<domain type='%s'>
          <name>%s</name>
          <uuid>%s</uuid>
          <memory unit='MiB'>64</memory>
          <vcpu>2</vcpu>
          <os>
            <type arch='x86_64' machine='q35'>hvm</type>
            <kernel>%s</kernel>
          </os>
          <features><acpi/><apic/><ioapic driver='qemu'/></features>
          %s
          <devices>
            <emulator>%s</emulator>
            <controller type='usb' model='none'/>
            <memballoon model='none'/>
            <serial type='file'><source path='%s'/><target port='0'/></serial>
            %s
          </devices>
        </domain>""" % (virttype, self.name, uuid.uuid5(uuid.NAMESPACE_OID, self.name), self.kernel,
                              cpu_xml, emulator, self.log, devices)
        if virttype == "qemu":
            xml = xml.replace("<ioapic driver='qemu'/>", "")
        self.daemon.ask("define", self.daemon.write("domain.xml", xml))

    def banners(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read().count(self.banner)
        except FileNotFoundError:
            return 0

    def runs(self, times=1):
        vmm.wait_until(lambda: self.banners() >= times, 60, "the guest's banner")

    def state(self):
        return self.daemon.ask("domstate", self.name).strip()

    def monitor(self, command):
        return self.daemon.ask("qemu-monitor-command", self.name, "--hmp", command)

    def live_cpu(self):
        """(model, {feature: policy}) of the running domain."""
        xml = self.daemon.ask("dumpxml", self.name)
        part = xml[xml.index("<cpu "):xml.index("</cpu>")]
        return (re.search(r"<model [^>]*>(.*?)<", part)[1],
                {n: p for p, n in re.findall(r"<feature policy='(\w+)' name='(.*?)'/>", part)})

    def test_life_of_a_domain(self):
        self.define()
        self.daemon.ask("start", self.name)
        self.runs()
        self.assertEqual(self.state(), "running")
        self.daemon.ask("suspend", self.name)
        self.assertEqual(self.state(), "paused")
        self.assertIn("paused", self.monitor("info status"))
        self.daemon.ask("resume", self.name)
        self.assertEqual(self.state(), "running")
        before = self.banners()
        self.daemon.ask("reset", self.name)
        self.runs(before + 1)
        reply = self.daemon.ask("qemu-monitor-command", self.name, '{"execute": "query-status"}')
        self.assertIn('"running":true', reply)
        self.assertEqual(len(re.findall(r"^VCPU:", self.daemon.ask("vcpuinfo", self.name),
                                        re.MULTILINE)), 2)
        self.daemon.ask("destroy", self.name)
        self.assertEqual(self.state(), "shut off")

    def test_start_paused_and_again(self):
        self.define()
        self.daemon.ask("start", self.name, "--paused")
        self.assertEqual(self.state(), "paused")
        self.daemon.ask("resume", self.name)
        self.runs()
        self.daemon.ask("destroy", self.name)
        os.unlink(self.log)
        self.daemon.ask("start", self.name)
        self.runs()

    def test_the_live_xml_is_what_the_guest_has(self):
        self.define()
        self.daemon.ask("start", self.name)
        model, features = self.live_cpu()
        self.assertEqual(model, "qemu64")
        self.assertNotIn(SEOIB, features, "unset is not in the XML")
        self.assertEqual(features["x2apic"], "require")
        self.assertEqual(features["hypervisor"], "require")

    def seoib_cpu(self, policy="require", check="partial"):
        """A model that every host has; the guest needs more and is not run with it."""
        return ("<cpu mode='custom' match='exact' check='%s'><model>%s</model>"
                "<feature policy='require' name='x2apic'/>"
                "<feature policy='%s' name='%s'/></cpu>" % (check, self.model, policy, SEOIB))

    def need_flags(self):
        """The kernel's flags, as the running emulator sees them."""
        probe = self.compare(vmm.BINARY, cpu("pentium", "x2apic", SEOIB, policy="require"))
        if probe != "superset":
            self.skipTest("KVM here does not honour Suppress EOI Broadcast")

    def test_feature_required(self):
        self.need_flags()
        self.define(self.seoib_cpu())
        self.daemon.ask("start", self.name, "--paused")
        self.assertEqual(self.live_cpu()[1][SEOIB], "require")
        self.assertIn("respected", self.monitor("info lapic").lower())

    def test_feature_disabled(self):
        self.need_flags()
        self.define(self.seoib_cpu("disable"))
        self.daemon.ask("start", self.name, "--paused")
        self.assertEqual(self.live_cpu()[1][SEOIB], "disable")
        self.assertIn("not-advertised", self.monitor("info lapic").lower())

    def test_host_without_the_feature_refuses_the_domain(self):
        old = self.emulator("hidden", SEOIB_SHIM="old",
                            LD_PRELOAD=vmm.built("tests/kvm/seoib-shim.so"))
        self.define(self.seoib_cpu(), emulator=old)
        result = self.daemon.virsh("start", self.name)
        self.assertEqual(result.status, 1)
        self.assertIn("Host CPU does not provide required features: " + SEOIB, result.err)
        self.define(self.seoib_cpu("optional"), emulator=old)
        self.daemon.ask("start", self.name, "--paused")
        self.assertEqual(self.live_cpu()[1][SEOIB], "disable")


class SoftwareDomainTest(DomainTest):
    """The same on the software CPU."""
    model = "Nehalem"

    def setUp(self):
        self.name = "s%d" % (id(self) % 100000)
        self.addCleanup(self.daemon.virsh, "undefine", self.name)
        self.addCleanup(self.daemon.virsh, "destroy", self.name)

    def define(self, cpu_xml="", virttype="qemu", emulator=vmm.BINARY, devices=""):
        super().define(cpu_xml, virttype, emulator, devices)

    def test_virtio_devices_behind_root_ports(self):
        disk = self.daemon.path("lib/disk.img")
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
        row = ("<controller type='pci' index='%d' model='pcie-root-port'/>%s"
               "<address type='pci' domain='0' bus='%d' slot='0' function='0'/>%s")
        self.define(devices="<controller type='pci' index='0' model='pcie-root'/>" + row % (
            1, "<rng model='virtio'><backend model='random'>/dev/urandom</backend>", 1, "</rng>") +
            row % (2, "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                      "<source file='%s'/><target dev='vda' bus='virtio'/>" % disk, 2, "</disk>"))
        self.daemon.ask("start", self.name)
        self.runs()
        self.assertIn(disk, self.daemon.ask("domblklist", self.name))
        self.assertIn("1048576", self.daemon.ask("domblkinfo", self.name, "vda"))

    def need_flags(self):
        pass

    def test_the_live_xml_is_what_the_guest_has(self):
        self.define()
        self.daemon.ask("start", self.name)
        model, features = self.live_cpu()
        self.assertEqual(model, "qemu64")
        self.assertNotIn(SEOIB, features)

    def test_feature_disabled(self):
        self.define(self.seoib_cpu("disable"))
        self.daemon.ask("start", self.name, "--paused")
        self.assertEqual(self.live_cpu()[1][SEOIB], "disable")

    def test_host_without_the_feature_refuses_the_domain(self):
        self.skipTest("the software CPU always has it")


if __name__ == "__main__":
    vmm.main()
