#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What libvirt 9.0 asks a new emulator: every reply has the shape that QEMU 7.2's has, but for what
is listed here; and the schema is whole."""
import json
import os

import qmp_schema
import qmp_shape
import vmm

DATA = os.path.join(vmm.SOURCE, "tests", "data", "libvirt")
MACHINE = ("-S", "-no-user-config", "-nodefaults", "-nographic", "-machine")

# Requests whose lists are empty here: this program has none of it.
EMPTY = {"query-tpm-models", "query-tpm-types"}
# Properties of QEMU 7.2's CPUs that went away before 10.2.
GONE = {"kvm-no-smi-migration"}


def load(name):
    with open(os.path.join(DATA, name + ".shapes.json"), encoding="utf-8") as f:
        return json.load(f)


class Probe(vmm.TestCase):
    def replay(self, rows, vm):
        types = {t["name"] for t in vm.cmd("qom-list-types")}
        for row in rows:
            request = row["request"]
            if request["execute"] == "qmp_capabilities":
                continue
            vm.qmp.send_raw(json.dumps(dict(request, id="libvirt-1")).encode())
            reply = vm.qmp.reply()
            self.assertEqual(reply["id"], "libvirt-1")
            typename = request.get("arguments", {}).get("typename")
            if request["execute"] == "device-list-properties" and typename not in types:
                # libvirt takes this class, and no other, for "there is none"
                self.assertEqual(reply["error"]["class"], "DeviceNotFound", request)
            elif request["execute"] == "qom-list-properties" and \
                    typename not in types:
                # asked only about types that are listed
                self.assertEqual(reply["error"]["class"], "DeviceNotFound", request)
            elif request["execute"] in EMPTY:
                self.assertEqual(reply["return"], [], request)
            elif "error" in row:
                self.assertEqual(reply["error"]["class"], row["error"], request)
            else:
                self.assertIn("return", reply, request)
                wrong = [d for d in qmp_shape.differences(row["return"], reply["return"])
                         if not (d.endswith(": missing") and d.split(".")[-1].split(":")[0] in GONE)]
                self.assertEqual(wrong, [], request)

    def test_replies_of_the_first_process_have_qemus_shape(self):
        with vmm.VMM(*MACHINE, "none,accel=kvm:tcg") as vm:
            self.replay(load("probe-kvm-tcg"), vm)

    def test_replies_of_the_second_process_have_qemus_shape(self):
        with vmm.VMM(*MACHINE, "none,accel=tcg") as vm:
            self.replay(load("probe-tcg-only"), vm)

    def test_a_machine_of_each_board_answers_the_same_questions(self):
        for machine in ("q35", "pc"):
            with vmm.VMM(*MACHINE, machine + ",accel=tcg") as vm:
                self.replay(load("probe-kvm-tcg"), vm)

    def test_what_libvirt_looks_for_is_there(self):
        with vmm.VMM(*MACHINE, "none,accel=tcg") as vm:
            commands = {c["name"] for c in vm.cmd("query-commands")}
            for name in ("query-cpu-definitions", "query-cpu-model-expansion",
                         "query-cpu-model-comparison", "query-cpu-model-baseline",
                         "query-hotpluggable-cpus"):
                self.assertIn(name, commands)
            types = {t["name"] for t in vm.cmd("qom-list-types")}
            self.assertLessEqual({"tcg-accel", "max-x86_64-cpu", "isa-serial"}, types)
            self.assertFalse(types & {"sev-guest", "sgx-epc"})
            version = vm.cmd("query-version")["qemu"]
            self.assertGreaterEqual((version["major"], version["minor"]), (7, 2))
            machines = vm.cmd("query-machines")
            self.assertEqual([m["name"] for m in machines if m.get("is-default")],
                             ["pc-i440fx-11.0"])
            self.assertEqual({m.get("alias") for m in machines}, {None, "pc", "q35"})


class Host(vmm.TestCase):
    """Without a virtual machine the kernel's answer on the system descriptor decides."""

    def test_x2apic_seoib_needs_both_flags_of_the_kernel(self):
        vmm.need_kvm()
        versions = ("Skylake-Server-v6", "EPYC-v6", "GraniteRapids-v4")
        for answer in (0, 3, 7, 0xb, 0xf):
            has = answer & 0xc == 0xc
            with vmm.VMM(*MACHINE, "none,accel=kvm:tcg",
                         env=vmm.shim_env(SEOIB_CHECK=str(answer))) as vm:
                self.assertIs(vm.cmd("query-kvm")["enabled"], True)
                missing = {d["name"]: d["unavailable-features"]
                           for d in vm.cmd("query-cpu-definitions")}
                for name in versions:
                    self.assertEqual("x2apic-seoib" not in missing[name], has, (answer, name))
                self.assertNotIn("x2apic-seoib", missing["Skylake-Server-v5"])
                self.assertEqual(missing["host"], [])
                for props in ({}, {"migratable": False}, {"migratable": True}):
                    model = vm.cmd("query-cpu-model-expansion", {
                        "type": "static", "model": {"name": "host", "props": props}})["model"]
                    self.assertIs(model["props"]["x2apic-seoib"], has, (answer, props))
                order = vm.cmd("query-cpu-model-comparison", {
                    "modela": {"name": "host"}, "modelb": {"name": "Skylake-Server-v6"}})
                self.assertEqual("x2apic-seoib" in order["responsible-properties"], not has)


class Schema(vmm.TestCase):
    def test_every_reference_leads_to_an_entry_and_every_entry_is_used(self):
        with vmm.VMM("-M", "none") as vm:
            schema = qmp_schema.Schema(vm.cmd("query-qmp-schema"))
            self.assertEqual(schema.problems(), [])
            self.assertEqual(set(schema.commands), {c["name"] for c in vm.cmd("query-commands")})
            self.assertEqual(set(schema.events), {e["name"] for e in vm.cmd("query-events")})

    def test_the_checker_sees_what_is_wrong(self):
        """It would be of no use otherwise."""
        good = [{"name": "c", "meta-type": "command", "arg-type": "0", "ret-type": "[1]"},
                {"name": "0", "meta-type": "object", "members": []},
                {"name": "[1]", "meta-type": "array", "element-type": "1"},
                {"name": "1", "meta-type": "enum", "members": [{"name": "a"}], "values": ["a"]}]
        self.assertEqual(qmp_schema.Schema(good).problems(), [])
        for change in ({0: {"arg-type": "9"}}, {0: {"ret-type": "c"}}, {0: {"arg-type": "1"}},
                       {2: {"element-type": "8"}}, {1: {"members": [{"name": "m"}]}},
                       {1: {"members": [{"name": "m", "type": "1", "default": 0}]}},
                       {3: {"values": ["b"]}}, {3: {"meta-type": "thing"}}, {3: {"x": 1}},
                       {1: {"name": "1"}}, {1: {"tag": "m", "variants": []}}):
            bad = [dict(e, **change.get(i, {})) for i, e in enumerate(good)]
            self.assertNotEqual(qmp_schema.Schema(bad).problems(), [], change)
        self.assertNotEqual(qmp_schema.Schema(good + [dict(good[3], name="2")]).problems(), [])


if __name__ == "__main__":
    vmm.main()
