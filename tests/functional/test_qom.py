#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects, types and what the program has, as QMP clients see it."""
import vmm

CPU0 = "/machine/unattached/device[0]"


def by_name(rows):
    return {row["name"]: row for row in rows}


class Types(vmm.TestCase):
    def test_types_are_told_with_parent_and_abstract_ones_only_on_request(self):
        with vmm.VMM("-M", "none") as vm:
            types = by_name(vm.cmd("qom-list-types"))
            self.assertEqual(types["isa-serial"], {"name": "isa-serial", "parent": "device"})
            self.assertEqual(types["max-x86_64-cpu"]["parent"], "x86_64-cpu")
            self.assertEqual(types["host-x86_64-cpu"]["parent"], "max-x86_64-cpu")
            for name in ("pc-q35-11.0-machine", "none-machine", "chardev-socket", "kvm-accel",
                         "Skylake-Server-v6-x86_64-cpu", "EPYC-IBPB-x86_64-cpu", "container"):
                self.assertIn(name, types)
            for name in ("device", "object", "x86_64-cpu", "machine", "sev-guest", "sgx-epc"):
                self.assertNotIn(name, types)
            everything = by_name(vm.cmd("qom-list-types", {"abstract": True}))
            self.assertEqual(everything["device"],
                             {"name": "device", "abstract": True, "parent": "object"})
            self.assertNotIn("parent", everything["object"])
            for row in everything.values():
                self.assertTrue(row["name"] == "object" or row["parent"] in everything, row)

    def test_implements_restricts_to_a_type_and_what_derives_from_it(self):
        with vmm.VMM("-M", "none") as vm:
            def names(**args):
                return set(by_name(vm.cmd("qom-list-types", args)))

            cpus = names(implements="cpu")
            definitions = vm.cmd("query-cpu-definitions")
            self.assertEqual(cpus, {d["typename"] for d in definitions})
            self.assertEqual(names(implements="max-x86_64-cpu"),
                             {"max-x86_64-cpu", "host-x86_64-cpu"})
            self.assertEqual(names(implements="accel", abstract=True) - names(implements="accel"),
                             {"accel"})
            self.assertEqual({m["name"] + "-machine" for m in vm.cmd("query-machines")},
                             names(implements="machine"))
            self.assertEqual(names(implements="nosuch"), set())

    def test_properties_of_types(self):
        with vmm.VMM("-M", "none") as vm:
            def of(name):
                return by_name(vm.cmd("qom-list-properties", {"typename": name}))

            cpu = of("max-x86_64-cpu")
            self.assertEqual(cpu["unavailable-features"]["type"], "strList")
            self.assertEqual(cpu["migratable"]["type"], "bool")
            self.assertEqual(cpu["x2apic-seoib"]["type"], "bool")
            self.assertNotIn("migratable", of("Skylake-Server-v6-x86_64-cpu"))
            self.assertIn("type", of("none-machine"))
            of("memory-backend-file")  # libvirtd does not survive an error, type or not
            with self.assertRaises(vmm.QMPError) as e:
                of("nosuch")
            self.assertEqual((e.exception.cls, e.exception.desc),
                             ("DeviceNotFound", "Class 'nosuch' not found"))

    def test_every_listed_type_answers_questions_about_its_properties(self):
        with vmm.VMM("-M", "none") as vm:
            devices = set(by_name(vm.cmd("qom-list-types", {"implements": "device"})))
            for name in by_name(vm.cmd("qom-list-types", {"abstract": True})):
                rows = vm.cmd("qom-list-properties", {"typename": name})
                names = [row["name"] for row in rows]
                self.assertEqual(len(names), len(set(names)), name)
                if name in devices:
                    settings = [r["name"] for r in
                                vm.cmd("device-list-properties", {"typename": name})]
                    self.assertEqual(settings, [n for n in names if n not in (
                        "type", "realized", "hotplugged", "hotpluggable")])

    def test_defaults_of_devices(self):
        with vmm.VMM("-M", "none") as vm:
            rows = by_name(vm.cmd("device-list-properties", {"typename": "isa-serial"}))
            self.assertEqual(rows["index"]["default-value"], 0xffffffff)
            self.assertNotIn("default-value", rows["chardev"])
            for name, cls, desc in (
                    ("nosuch", "DeviceNotFound", "Device 'nosuch' not found"),
                    ("device", "GenericError",
                     "Parameter 'typename' expects a non-abstract device type"),
                    ("none-machine", "GenericError",
                     "Parameter 'typename' expects a non-abstract device type")):
                with self.assertRaises(vmm.QMPError) as e:
                    vm.cmd("device-list-properties", {"typename": name})
                self.assertEqual((e.exception.cls, e.exception.desc), (cls, desc))


class Tree(vmm.TestCase):
    def start(self, *args):
        return vmm.VMM("-M", "q35", "-accel", "qtest", "-smp", "2", "-S", *args)

    def test_paths_are_qemus(self):
        with self.start("-device", "isa-debugcon,id=con,iobase=0x402,chardev=c",
                        "-device", "isa-debug-exit",
                        "-chardev", "null,id=c", "-serial", "null") as vm:
            def children(path):
                return {r["name"]: r["type"] for r in vm.cmd("qom-list", {"path": path})
                        if r["type"].startswith("child<")}

            self.assertEqual(children("/"), {
                "machine": "child<pc-q35-11.0-machine>", "objects": "child<container>",
                "chardevs": "child<container>"})
            for name in ("peripheral", "peripheral-anon", "unattached"):
                self.assertEqual(children("/machine")[name], "child<container>")
            self.assertEqual(children("/machine/peripheral"), {"con": "child<isa-debugcon>"})
            self.assertEqual(children("/machine/peripheral-anon"),
                             {"device[0]": "child<isa-debug-exit>"})
            chardevs = children("/chardevs")
            self.assertEqual(chardevs["c"], "child<chardev-null>")
            self.assertEqual(chardevs["serial0"], "child<chardev-null>")
            self.assertEqual(set(chardevs), {c["label"] for c in vm.cmd("query-chardev")})
            self.assertEqual(vm.cmd("query-cpus-fast")[0]["qom-path"], CPU0)
            unattached = children("/machine/unattached")
            for i, cpu in enumerate(vm.cmd("query-cpus-fast")):
                self.assertEqual(unattached["device[%d]" % i], "child<qemu64-x86_64-cpu>")
                self.assertEqual(cpu["qom-path"], "/machine/unattached/device[%d]" % i)

    def test_relative_paths_are_ends_of_paths(self):
        with self.start("-chardev", "null,id=con", "-device",
                        "isa-debugcon,id=con,iobase=0x402,chardev=con",
                        "-device", "isa-debug-exit") as vm:
            def get(path):
                return vm.cmd("qom-get", {"path": path, "property": "type"})

            def error(path):
                with self.assertRaises(vmm.QMPError) as e:
                    get(path)
                return e.exception.cls, e.exception.desc

            self.assertEqual(get("peripheral/con"), "isa-debugcon")
            self.assertEqual(get("chardevs/con"), "chardev-null")
            self.assertEqual(error("con"), ("GenericError", "Path 'con' is ambiguous"))
            self.assertEqual(error("device[0]"), ("GenericError", "Path 'device[0]' is ambiguous"))
            self.assertEqual(error("/con"), ("DeviceNotFound", "Device '/con' not found"))
            self.assertEqual(error("onsuch"), ("DeviceNotFound", "Device 'onsuch' not found"))
            self.assertEqual(get("/machine//peripheral/con/"), "isa-debugcon")

    def test_every_listed_property_of_every_object_can_be_read(self):
        kinds = {"bool": bool, "str": str, "string": str, "strList": list, "size": int,
                 "int": int, "OnOffAuto": str}
        with self.start("-serial", "null", "-device", "isa-debug-exit,id=x") as vm:
            todo, seen = ["/"], 0
            while todo:
                path = todo.pop()
                rows = vm.cmd("qom-list", {"path": path})
                self.assertEqual(len(rows), len({r["name"] for r in rows}), path)
                for row in rows:
                    value = vm.cmd("qom-get", {"path": path, "property": row["name"]})
                    kind = int if row["type"].startswith("uint") else kinds.get(row["type"])
                    if row["type"].startswith("child<"):
                        self.assertEqual(value, path.rstrip("/") + "/" + row["name"])
                        todo.append(value)
                    elif row["name"] == "host-nodes":  # QEMU says int, too
                        self.assertIs(type(value), list)
                    elif kind:
                        self.assertIs(type(value), kind, (path, row, value))
                    seen += 1
            self.assertGreater(seen, 1000)

    def test_cpu_objects_tell_what_the_guest_has(self):
        """The software CPU lacks avx512f; mmx is taken away; x2apic-seoib is there."""
        with vmm.VMM("-M", "q35", "-accel", "tcg", "-S",
                     "-cpu", "Skylake-Server-v6,-mmx") as vm:
            rows = {r["name"]: r["type"] for r in vm.cmd("qom-list", {"path": CPU0})}
            static = vm.cmd("query-cpu-model-expansion",
                            {"type": "static", "model": {"name": "Skylake-Server-v6"}})
            static = static["model"]["props"]

            def get(name):
                return vm.cmd("qom-get", {"path": CPU0, "property": name})

            missing = get("unavailable-features")
            self.assertIn("avx512f", missing)
            self.assertNotIn("mmx", missing)
            for name, value in static.items():
                if isinstance(value, bool):
                    self.assertEqual(rows[name], "bool", name)
                    self.assertIs(get(name), value and name not in missing, name)
            for name, value in (("mmx", False), ("x2apic-seoib", True), ("sse2", True),
                                ("avx512f", False), ("sse4_1", True), ("sse4.1", True)):
                self.assertIs(get(name), value, name)

            def words(name):
                return {(w["cpuid-input-eax"], w.get("cpuid-input-ecx"), w["cpuid-register"]):
                        w["features"] for w in get(name)}

            has, lost = words("feature-words"), words("filtered-features")
            self.assertEqual(has.keys(), lost.keys())
            self.assertEqual((has[7, 0, "EBX"] >> 16 & 1, lost[7, 0, "EBX"] >> 16 & 1), (0, 1))
            self.assertEqual((has[1, None, "EDX"] >> 23 & 1, lost[1, None, "EDX"] >> 23 & 1),
                             (0, 0))
            self.assertEqual(has[1, None, "EDX"] >> 26 & 1, 1)

    def test_complete_objects_refuse_new_values(self):
        def error(vm, path, name, value=True):
            with self.assertRaises(vmm.QMPError) as e:
                vm.cmd("qom-set", {"path": path, "property": name, "value": value})
            self.assertEqual(e.exception.cls, "GenericError")
            return e.exception.desc

        with self.start("-device", "isa-debug-exit,id=x") as vm:
            cpu = "qemu64-x86_64-cpu"
            machine = "pc-q35-11.0-machine"
            x = "/machine/peripheral/x"
            self.assertEqual(
                error(vm, CPU0, "avx"),
                "Attempt to set property 'avx' on anonymous device (type '%s') after it was "
                "realized" % cpu)
            self.assertEqual(
                error(vm, x, "iobase", 5),
                "Attempt to set property 'iobase' on device 'x' (type 'isa-debug-exit') after it "
                "was realized")
            self.assertEqual(error(vm, CPU0, "nosuch"), "Property '%s.nosuch' not found" % cpu)
            for name in ("unavailable-features", "type", "realized"):
                self.assertEqual(error(vm, CPU0, name),
                                 "Property '%s.%s' is not writable" % (cpu, name))
            self.assertEqual(error(vm, "/machine", "peripheral"),
                             "Property '%s.peripheral' is not writable" % machine)
            self.assertIn("after it was initialized", error(vm, "/machine", "hpet", False))
            self.assertIs(vm.cmd("qom-get", {"path": "/machine", "property": "hpet"}), True)


class Questions(vmm.TestCase):
    def test_places_for_cpus(self):
        with vmm.VMM("-M", "q35", "-accel", "qtest", "-smp", "2,maxcpus=3,sockets=3",
                     "-cpu", "EPYC-v6") as vm:
            rows = vm.cmd("query-hotpluggable-cpus")
            self.assertEqual([r["props"]["socket-id"] for r in rows], [2, 1, 0])
            self.assertEqual({r["type"] for r in rows}, {"EPYC-v6-x86_64-cpu"})
            self.assertEqual([r.get("qom-path") for r in rows],
                             [None, "/machine/unattached/device[1]", CPU0])
            cpus = vm.cmd("query-cpus-fast")
            self.assertEqual([r["props"] for r in rows[:0:-1]], [c["props"] for c in cpus])
        with vmm.VMM("-M", "none") as vm:
            with self.assertRaises(vmm.QMPError) as e:
                vm.cmd("query-hotpluggable-cpus")
            self.assertEqual(e.exception.desc, "machine does not support hot-plugging CPUs")

    def test_told_parameters_of_options_are_taken(self):
        """Each is given to its option: whatever else is wrong with it, it is known."""
        options = {"smp-opts": "smp", "memory": "m", "boot-opts": "boot"}
        first = {"action": "", "add-fd": "", "overcommit": "", "chardev": "null,id=c,", "mon": "chardev=c,", "name": "",
                 "rtc": "", "sandbox": "", "smp-opts": "", "memory": "", "trace": "", "global": "",
                 "machine": "q35,", "boot-opts": "", "msg": "", "drive": "if=none,id=d,",
                 "fw_cfg": "string=x,"}
        values = {"boolean": "on", "number": "1", "size": "1M", "string": "x"}
        back_ends = {"path": "socket", "host": "socket", "port": "socket", "fd": "socket",
                     "to": "socket", "ipv4": "socket,host=x,port=1", "abstract": "socket,path=/nosuch/x",
                     "ipv6": "socket,host=x,port=1", "tight": "socket,path=/nosuch/x",
                     "wait": "socket,path=/nosuch/x", "server": "socket,path=/nosuch/x", "delay": "socket,path=/nosuch/x",
                     "nodelay": "socket,path=/nosuch/x", "reconnect": "socket,path=/nosuch/x",
                     "reconnect-ms": "socket,path=/nosuch/x", "signal": "stdio", "size": "ringbuf",
                     "append": "file,path=/nosuch/x", "input-path": "file,path=/nosuch/x"}
        with vmm.VMM("-M", "none") as vm:
            told = {o["option"]: o["parameters"] for o in vm.cmd("query-command-line-options")}
            only = vm.cmd("query-command-line-options", {"option": "rtc"})
            self.assertEqual(only, [{"option": "rtc", "parameters": told["rtc"]}])
            with self.assertRaises(vmm.QMPError) as e:
                vm.cmd("query-command-line-options", {"option": "fsdev"})
            self.assertEqual(e.exception.desc, "invalid option name: fsdev")
        self.assertIn("hpet", {p["name"] for p in told["machine"]})
        for absent in ("spice", "vnc", "fsdev"):
            self.assertNotIn(absent, told)
        for option, parameters in told.items():
            for p in parameters:
                if (option, p["name"]) == ("machine", "memory-backend"):
                    continue  # wants the id of an object: test_objects.py
                value = "%s%s=%s" % (first[option], p["name"], values[p["type"]])
                if option == "chardev" and p["name"] == "backend":
                    value = "backend=null,id=c"
                elif option == "chardev" and p["name"] == "server":
                    value = "socket,path=/nosuch/x,id=c,server=off"
                elif option == "chardev" and p["name"] in back_ends:
                    value = "%s,id=c,%s=%s" % (back_ends[p["name"]], p["name"],
                                               values[p["type"]])
                done = vmm.run("-M", "none", "-" + options.get(option, option), value,
                               "-serial", "nosuch")
                self.assertEqual(done.status, 1, value)  # -serial at the latest
                for text in ("unexpected", "not found", "Invalid parameter '" + p["name"]):
                    self.assertNotIn(text, done.err, value)

    def test_what_is_not_there(self):
        with vmm.VMM("-M", "none") as vm:
            for command in ("query-tpm-models", "query-tpm-types"):
                self.assertEqual(vm.cmd(command), [])
            for command in ("query-sev-capabilities", "query-sgx-capabilities"):
                with self.assertRaises(vmm.QMPError) as e:
                    vm.cmd(command)
                self.assertEqual(e.exception.cls, "GenericError")


if __name__ == "__main__":
    vmm.main()
