#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command of the schema with right and wrong arguments, without being told about new ones, and
replies against their types. Also run with sanitizers (make check-sanitizers)."""
import json
from random import Random

import qmp_schema
import vmm

# Ends the process; refused after negotiation.
SKIP = {"quit", "qmp_capabilities"}
MACHINES = {
    "none": ("-M", "none"),
    "q35": ("-M", "q35", "-accel", "qtest", "-smp", "2,maxcpus=4", "-S"),
}


class Arguments(vmm.TestCase):
    def start(self, machine):
        vm = vmm.VMM(*MACHINES[machine], "-chardev", "ringbuf,id=x")
        vm.__enter__()
        self.addCleanup(vm.close)
        return vm, qmp_schema.Schema(vm.cmd("query-qmp-schema"))

    def ask(self, vm, name, arguments):
        request = json.dumps({"execute": name, "arguments": arguments, "id": name})
        vm.qmp.send_raw(request.encode())
        reply = vm.qmp.reply(timeout=60)
        self.assertEqual(reply["id"], name)
        self.assertEqual(len(reply.keys() & {"return", "error"}), 1, reply)
        return reply

    def ends_well(self, vm):
        self.assertIn("running", vm.cmd("query-status"))
        self.assertEqual(vm.quit(), 0, vm.stderr()[-3000:])
        for text in ("Sanitizer", "runtime error"):
            self.assertNotIn(text, vm.stderr())

    def check_commands(self, machine):
        vm, schema = self.start(machine)
        asked = 0
        for name in sorted(schema.commands.keys() - SKIP):
            arg = schema.commands[name]["arg-type"]
            self.ask(vm, name, schema.least(arg))
            right = schema.example(arg)
            self.ask(vm, name, right)
            for what, arguments, wrong in schema.mutations(arg, right):
                reply = self.ask(vm, name, arguments)
                asked += 1
                if wrong:
                    self.assertIn("error", reply, (name, what))
                    self.assertEqual(reply["error"]["class"], "GenericError", (name, what))
        self.assertGreater(asked, 500)
        self.ends_well(vm)

    def test_each_command_survives_any_arguments_on_an_empty_machine(self):
        self.check_commands("none")

    def test_each_command_survives_any_arguments_on_a_board(self):
        self.check_commands("q35")

    def test_commands_survive_several_mistakes_at_once(self):
        vm, schema = self.start("q35")
        random = Random(7)
        values = list(qmp_schema.WRONG.values()) + qmp_schema.HUGE + qmp_schema.ODD
        taking = [n for n, c in sorted(schema.commands.items())
                  if n not in SKIP and schema.members(c["arg-type"])]
        for i in range(3000):
            name = taking[i % len(taking)]
            arguments = schema.example(schema.commands[name]["arg-type"])
            for member in list(arguments):
                choice = random.random()
                if choice < 0.1:
                    del arguments[member]
                elif choice < 0.5:
                    arguments[member] = random.choice(values)
                elif choice < 0.6 and isinstance(arguments[member], dict) and arguments[member]:
                    inner = random.choice(list(arguments[member]))
                    arguments[member][inner] = random.choice(values)
            self.ask(vm, name, arguments)
        self.ends_well(vm)

    def test_texts_for_missing_extra_and_wrong_arguments(self):
        kinds = {"string": "string", "int": "integer", "boolean": "boolean", "number": "number"}
        vm, schema = self.start("none")
        for name in sorted(schema.commands.keys() - SKIP):
            arg = schema.commands[name]["arg-type"]
            right = schema.example(arg)

            def desc(arguments):
                return self.ask(vm, name, arguments)["error"]["desc"]

            self.assertEqual(desc(dict(right, zzz=1)), "Parameter 'zzz' is unexpected")
            if schema.cases(arg) != [None]:
                continue
            for member, (type_, optional) in schema.members(arg).items():
                without = {k: v for k, v in right.items() if k != member}
                if not optional:
                    self.assertEqual(desc(without), "Parameter '%s' is missing" % member)
                kind = schema.types[type_].get("json-type")
                if kind in kinds:
                    self.assertEqual(desc(dict(right, **{member: [1]})),
                                     "Invalid parameter type for '%s', expected: %s" %
                                     (member, kinds[kind]), name)
                elif schema.types[type_]["meta-type"] == "enum":
                    self.assertEqual(desc(dict(right, **{member: "zzz"})),
                                     "Parameter '%s' does not accept value 'zzz'" % member)
        self.ends_well(vm)

    def test_the_generator_sees_nested_members_and_branches(self):
        """It would prove little otherwise."""
        vm, schema = self.start("none")
        arg = schema.commands["query-cpu-model-expansion"]["arg-type"]
        seen = {what for what, _, _ in schema.mutations(arg, schema.example(arg))}
        self.assertLessEqual({"extra", "without type", "model.without name", "model.extra",
                              "model.name is array", "type is string", "model.huge props"}, seen)
        unions = [c["arg-type"] for c in schema.commands.values()
                  if schema.cases(c["arg-type"]) != [None]]
        for arg in unions:
            seen = {what for what, _, _ in schema.mutations(arg, schema.example(arg))}
            for case in schema.cases(arg)[1:]:
                self.assertIn("branch %s" % case, seen)


class Replies(vmm.TestCase):
    def conforms(self, schema, value, name, where):
        entry = schema.types[name]
        meta = entry["meta-type"]
        if meta == "builtin":
            kinds = {"string": str, "int": int, "number": (int, float), "boolean": bool,
                     "null": type(None), "value": object}
            self.assertIsInstance(value, kinds[entry["json-type"]], where)
        elif meta == "enum":
            self.assertIn(value, entry["values"], where)
        elif meta == "array":
            self.assertIsInstance(value, list, where)
            for element in value:
                self.conforms(schema, element, entry["element-type"], where)
        elif meta == "object":
            members = schema.members(name, value.get(entry.get("tag")))
            self.assertLessEqual(value.keys(), members.keys(), where)
            for member, (type_, optional) in members.items():
                if member in value:
                    self.conforms(schema, value[member], type_, where + "." + member)
                else:
                    self.assertTrue(optional, where + "." + member)

    def test_replies_conform_to_the_schema(self):
        more = [("query-cpu-model-expansion", {"type": "full", "model": {"name": "qemu64"}}),
                ("query-cpu-model-comparison", {"modela": {"name": "486"},
                                                "modelb": {"name": "max"}}),
                ("query-cpu-model-baseline", {"modela": {"name": "EPYC-v6"},
                                              "modelb": {"name": "Haswell"}}),
                ("qom-list", {"path": "/machine"}), ("qom-list-types", {"abstract": True}),
                ("qom-list-properties", {"typename": "max-x86_64-cpu"}),
                ("device-list-properties", {"typename": "isa-serial"}),
                ("trace-event-get-state", {"name": "*"})]
        for args in MACHINES.values():
            with vmm.VMM(*args) as vm:
                schema = qmp_schema.Schema(vm.cmd("query-qmp-schema"))
                todo = more + [(name, {}) for name, c in schema.commands.items()
                               if name.startswith("query-") and
                               not any(not opt for _, opt in
                                       schema.members(c["arg-type"]).values())]
                for name, arguments in todo:
                    try:
                        reply = vm.cmd(name, arguments)
                    except vmm.QMPError:
                        continue
                    self.conforms(schema, reply, schema.commands[name]["ret-type"], name)


class Manual(vmm.TestCase):
    """docs/interop/qmp-ref.rst of the build directory."""

    def test_everything_visible_is_in_it_with_its_members(self):
        with open(vmm.built("docs/interop/qmp-ref.rst"), encoding="utf-8") as f:
            text = f.read()
        with vmm.VMM("-M", "none") as vm:
            schema = qmp_schema.Schema(vm.cmd("query-qmp-schema"))
        entries = {}
        for part in text.split("\n.. _")[1:]:
            entries[part.split(":", 1)[0]] = part
        for kind, table in (("command", schema.commands), ("event", schema.events)):
            for name, entry in table.items():
                part = entries["%s-%s" % (kind, name.lower())]
                self.assertIn("\n%s (%s)\n~~~" % (name, kind), part)
                if "Arguments: " not in part:
                    for member in schema.members(entry["arg-type"]):
                        self.assertIn("\n``%s`` (" % member, part)
        for name in ("type-cpumodelcompareresult", "type-runstate", "type-objectpropertyinfo"):
            self.assertIn(name, entries)

    def test_it_is_proper_restructuredtext(self):
        try:
            import docutils.core
        except ImportError:
            self.skipTest("no docutils")
        with open(vmm.built("docs/interop/qmp-ref.rst"), encoding="utf-8") as f:
            html = docutils.core.publish_string(f.read(), writer_name="html", settings_overrides={
                "halt_level": 2, "report_level": 2, "file_insertion_enabled": False})
        self.assertIn(b"query-cpu-model-baseline", html)


if __name__ == "__main__":
    vmm.main()
