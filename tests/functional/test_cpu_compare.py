#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""query-cpu-model-comparison and query-cpu-model-baseline against a computation of their own from
the facts about QEMU 10.2's models, over all pairs of model versions, and what they mean for hosts."""
import itertools
import json
import os
import subprocess
import tempfile

import vmm

FACTS = os.path.join(vmm.SOURCE, "tests", "data", "cpu", "models-10.2.txt")
SEOIB = "x2apic-seoib"
# Our versions: the one before with x2apic-seoib; AMD's definitions lack x2apic, so those add it.
NEW = {"Skylake-Server": 6, "Cascadelake-Server": 6, "Icelake-Server": 8, "Cooperlake": 3,
       "SapphireRapids": 5, "GraniteRapids": 4, "SierraForest": 4, "ClearwaterForest": 2,
       "Skylake-Client": 5, "Broadwell": 5, "Haswell": 5, "EPYC": 6, "EPYC-Rome": 6,
       "EPYC-Milan": 4, "EPYC-Genoa": 3, "EPYC-Turin": 2}


class Model:
    def __init__(self, name, version, vendor, identity, avx10, features):
        self.model, self.version, self.vendor = name, version, vendor
        self.name = "%s-v%d" % (name, version)
        self.identity, self.avx10, self.features = identity, avx10, features

    def contains(self, other):
        return self.features >= other.features and self.avx10 >= other.avx10


class Facts:
    def __init__(self):
        self.order, self.needs, self.models = {}, [], {}
        self.off = set()
        head = None
        with open(FACTS, encoding="utf-8") as f:
            for line in f:
                key, *rest = line.split()
                if key == "word":
                    for name in rest[1:]:
                        self.order[name] = len(self.order)
                elif key == "needs":
                    colon = rest.index(":")
                    self.needs.append((set(rest[:colon]), set(rest[colon + 1:])))
                elif key in ("tcg-off", "kvm-only"):
                    self.off |= set(rest)
                elif key == "model":
                    head, features = rest, set()
                elif key == "v":
                    features = features | {n[1:] for n in rest[5:] if n[0] == "+"}
                    features -= {n[1:] for n in rest[5:] if n[0] == "-"}
                    self.add(head, int(rest[0]), rest[1:5], features)
                    if NEW.get(head[0]) == int(rest[0]) + 1:
                        more = {SEOIB} | ({"x2apic"} if head[1] == "AuthenticAMD" else set())
                        self.add(head, int(rest[0]) + 1, rest[1:5], features | more)
        self.order[SEOIB] = len(self.order)

    def add(self, head, version, numbers, features):
        identity = dict(zip(("vendor", "family", "model", "stepping"), head[1:] + numbers))
        # -cpu without pmu=on has no pdcm
        features = self.closed(features - self.off - {"pdcm"}, rounds=1)
        model = Model(head[0], version, head[1], identity, int(numbers[3]), features)
        self.models[model.name] = model

    def closed(self, features, rounds=1000):
        """Without what lacks something it needs."""
        features = set(features)
        for _ in range(rounds):
            before = set(features)
            for any_of, dependent in self.needs + [({"x2apic"}, {SEOIB})]:
                if not features & any_of:
                    features -= dependent
            if features == before:
                break
        return features

    def compare(self, a, b):
        a_in_b, b_in_a = b.contains(a), a.contains(b)
        result = {(True, True): "identical", (True, False): "subset",
                  (False, True): "superset", (False, False): "incompatible"}[a_in_b, b_in_a]
        names = sorted(a.features ^ b.features, key=self.order.get)
        if a.avx10 != b.avx10:
            names.append("avx10-version")
        if result == "identical":
            names += [k for k, v in a.identity.items() if b.identity[k] != v]
        return result, names

    def baseline(self, a, b):
        common = self.closed(a.features & b.features)
        avx10 = min(a.avx10, b.avx10)

        def merit(m):
            return (a.vendor == b.vendor == m.vendor, len(m.features & common),
                    m in (a, b), m.model in (a.model, b.model), m.version)

        # hypervisor is in every model and can be taken from every model
        fits = [m for m in self.models.values()
                if m.features - {"hypervisor"} <= common and m.avx10 <= avx10]
        best = max(merit(m) for m in fits)
        model = min((m for m in fits if merit(m) == best), key=lambda m: m.model)
        props = {n: n in common for n in common ^ model.features}
        if model.avx10 != avx10:
            props["avx10-version"] = avx10
        return model, props


def ask_all(vm, command, pairs):
    """The replies to one question about many pairs, asked in batches."""
    for start in range(0, len(pairs), 50):
        batch = pairs[start:start + 50]
        vm.qmp.send_raw(b"".join(json.dumps({"execute": command, "arguments": {
            "modela": a, "modelb": b}}).encode() for a, b in batch))
        for pair in batch:
            yield pair, vm.qmp.reply(timeout=60)["return"]


def named(name, **props):
    props = {k.replace("_", "-"): v for k, v in props.items()}
    return {"name": name, "props": props} if props else {"name": name}


class AllPairs(vmm.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.facts = Facts()

    def test_the_facts_are_about_the_models_there_are(self):
        with vmm.VMM("-M", "none", "-accel", "tcg") as vm:
            versions = {d["name"] for d in vm.cmd("query-cpu-definitions")
                        if d["name"] in self.facts.models or d["name"][-3:-1] == "-v"}
            self.assertEqual(versions, set(self.facts.models))
            self.assertEqual(len(versions), 115)

    def test_comparison_of_every_pair(self):
        models = self.facts.models
        pairs = [(named(a), named(b)) for a in models for b in models]
        results = {}
        with vmm.VMM("-M", "none", "-accel", "tcg") as vm:
            for (a, b), reply in ask_all(vm, "query-cpu-model-comparison", pairs):
                expected = self.facts.compare(models[a["name"]], models[b["name"]])
                got = reply["result"], reply["responsible-properties"]
                self.assertEqual(got, expected, (a, b))
                results[a["name"], b["name"]] = got
        mirror = {"subset": "superset", "superset": "subset"}
        for (a, b), (result, names) in results.items():
            if a == b:
                self.assertEqual((result, names), ("identical", []))
            self.assertEqual(results[b, a], (mirror.get(result, result), names))
        self.assertGreater(sum(r == "subset" for r, _ in results.values()), 500)

    def test_baseline_of_every_pair(self):
        models = self.facts.models
        pairs = [(named(a), named(b))
                 for a, b in itertools.combinations_with_replacement(models, 2)]
        baselines = []
        with vmm.VMM("-M", "none", "-accel", "tcg") as vm:
            for (a, b), reply in ask_all(vm, "query-cpu-model-baseline", pairs):
                model, props = self.facts.baseline(models[a["name"]], models[b["name"]])
                self.assertEqual(reply["model"], named(model.name, **props), (a, b))
                baselines.append((a, b, reply["model"]))
            # What it is for: it runs where either runs.
            for i, side in enumerate("ab"):
                checks = [(row[2], row[i]) for row in baselines]
                for (got, of), reply in ask_all(vm, "query-cpu-model-comparison", checks):
                    self.assertIn(reply["result"], ("subset", "identical"), (got, of, side))
            # The other way round it is the same.
            swapped = [(b, a) for a, b, _ in baselines[::7]]
            for row, (_, reply) in zip(baselines[::7],
                                       ask_all(vm, "query-cpu-model-baseline", swapped)):
                self.assertEqual(reply["model"], row[2])


class Meaning(vmm.TestCase):
    """The cases people have."""

    def setUp(self):
        self.vm = vmm.VMM("-M", "none", "-accel", "tcg")
        self.vm.__enter__()
        self.addCleanup(self.vm.close)

    def compare(self, a, b):
        reply = self.vm.cmd("query-cpu-model-comparison", {"modela": a, "modelb": b})
        return reply["result"], reply["responsible-properties"]

    def baseline(self, a, b):
        return self.vm.cmd("query-cpu-model-baseline", {"modela": a, "modelb": b})["model"]

    def static(self, model):
        return self.vm.cmd("query-cpu-model-expansion",
                           {"type": "static", "model": model})["model"]

    def test_a_host_without_the_feature_is_told_by_its_name(self):
        v5, v6 = named("Skylake-Server-v5"), named("Skylake-Server-v6")
        self.assertEqual(self.compare(v6, v5), ("superset", [SEOIB]))
        self.assertEqual(self.compare(v5, v6), ("subset", [SEOIB]))
        self.assertEqual(self.compare(v6, v6), ("identical", []))
        self.assertEqual(self.baseline(v5, v6), v5)
        self.assertEqual(self.baseline(v6, v6), v6)
        other = named("Cascadelake-Server-v5")
        result, names = self.compare(v6, other)
        self.assertEqual(result, "incompatible")
        self.assertIn(SEOIB, names)

    def test_common_features_beyond_the_model_are_kept_with_what_they_need(self):
        got = self.baseline(named("EPYC-v6"), named("Skylake-Server-v6"))
        self.assertIs(got["props"][SEOIB], True)
        self.assertIs(got["props"]["x2apic"], True)
        without = named("Skylake-Server-v6", x2apic=False)
        got = self.baseline(named("EPYC-v6"), without)
        self.assertNotIn(SEOIB, got["props"])
        self.assertEqual(self.compare(without, named("Skylake-Server-v5", x2apic=False)),
                         ("identical", []))

    def test_a_saved_expansion_stands_for_its_model(self):
        for name in ("Skylake-Server-v6", "EPYC-Milan-v4", "max", "486", "GraniteRapids-v1"):
            saved = self.static(named(name))
            self.assertEqual(saved["name"], "base")
            self.assertEqual(self.compare(saved, named(name)), ("identical", []), name)
        saved = self.static(named("Icelake-Server-v8"))
        self.assertEqual(self.baseline(saved, named("Icelake-Server-v8")),
                         named("Icelake-Server-v8"))
        self.assertEqual(self.baseline(saved, saved), named("Icelake-Server-v8"))
        self.assertEqual(self.baseline(saved, named("Icelake-Server-v6")),
                         named("Icelake-Server-v6"))

    def test_models_that_ask_for_the_same_are_identical_whatever_they_call_themselves(self):
        self.assertEqual(self.compare(named("Haswell-v2"), named("Haswell-v2", stepping=7)),
                         ("identical", ["stepping"]))
        self.assertEqual(self.compare(named("Haswell-v2"),
                                      named("Haswell-v2", vendor="AuthenticAMD", family=15)),
                         ("identical", ["vendor", "family"]))

    def test_avx10_version_and_lmce_count(self):
        v2 = named("GraniteRapids-v2")
        lower = named("GraniteRapids-v2", avx10_version=0)
        self.assertEqual(self.compare(v2, lower), ("superset", ["avx10-version"]))
        self.assertEqual(self.compare(self.baseline(v2, lower), lower)[0], "identical")
        self.assertEqual(self.baseline(v2, v2), v2)
        self.assertEqual(self.compare(named("Haswell", lmce=True), named("Haswell")),
                         ("superset", ["lmce"]))
        self.assertEqual(self.baseline(named("Haswell-v1", lmce=True), named("Haswell", lmce=True)),
                         named("Haswell-v1", lmce=True))

    def test_nothing_in_common_gives_the_empty_model(self):
        self.assertEqual(self.baseline(named("base", mmx=True, vendor="GenuineIntel"),
                                       named("base", mmx=True, sse=True, vendor="GenuineIntel")),
                         named("base", mmx=True, family=0, model=0, stepping=0,
                               vendor="GenuineIntel"))

    def test_errors_name_the_model_that_is_wrong(self):
        cases = [
            (named("nope"), "CPU model 'nope' not found"),
            (named("486", avx=1), "Invalid parameter type for '%s.props.avx', expected: boolean"),
            (named("486", nope=True), "Property '486-x86_64-cpu.nope' not found"),
            ({"name": "486", "props": []}, "Invalid parameter type for '%s.props', expected: "
                                           "object"),
            ({"props": {}}, "Parameter '%s.name' is missing"),
        ]
        for command in ("query-cpu-model-comparison", "query-cpu-model-baseline"):
            for bad, text in cases:
                for side, other in (("modela", "modelb"), ("modelb", "modela")):
                    with self.assertRaises(vmm.QMPError) as e:
                        self.vm.cmd(command, {side: bad, other: named("486")})
                    self.assertEqual(e.exception.desc, text % side if "%s" in text else text)

    def test_what_stands_on_the_command_line_counts(self):
        with vmm.VMM("-M", "q35", "-accel", "tcg", "-cpu", "Skylake-Server-v6,-x2apic-seoib",
                     "-S") as vm:
            reply = vm.cmd("query-cpu-model-comparison", {
                "modela": named("Skylake-Server-v6"), "modelb": named("Skylake-Server-v5")})
            self.assertEqual(reply, {"result": "identical", "responsible-properties": []})


    def test_globals_reach_the_models_they_name(self):
        with vmm.VMM("-M", "none", "-accel", "tcg",
                     "-global", "Skylake-Server-v6-x86_64-cpu.x2apic-seoib=off",
                     "-global", "x86_64-cpu.pcid=off", "-global", "isa-serial.irq=3",
                     "-global", "max-x86_64-cpu.avx=off") as vm:
            def props(name):
                return vm.cmd("query-cpu-model-expansion", {
                    "type": "static", "model": named(name)})["model"]["props"]

            self.assertIs(props("Skylake-Server-v6")["x2apic-seoib"], False)
            self.assertIs(props("Cascadelake-Server-v6")["x2apic-seoib"], True)
            self.assertIs(props("Skylake-Server-v6")["avx"], True)
            self.assertIs(props("Skylake-Server-v6")["pcid"], False)
            self.assertIs(props("max")["avx"], False)
            self.assertIs(props("host")["avx"], False)


class Host(vmm.TestCase):
    def test_baseline_with_the_host_runs_here(self):
        vmm.need_kvm()
        with vmm.VMM("-M", "none", "-accel", "kvm") as vm:
            for name in ("Skylake-Server-v6", "EPYC-v6", "host", "max", "qemu64"):
                model = vm.cmd("query-cpu-model-baseline", {
                    "modela": named("host"), "modelb": named(name)})["model"]
                for other in (named("host"), named(name)):
                    reply = vm.cmd("query-cpu-model-comparison",
                                   {"modela": model, "modelb": other})
                    self.assertIn(reply["result"], ("subset", "identical"), (name, reply))


class Tool(vmm.TestCase):
    """scripts/cpu-compare, the face for people."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="cpu-compare-")
        self.addCleanup(self.dir.cleanup)

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def run_tool(self, *args, accel="tcg"):
        argv = [os.path.join(vmm.SOURCE, "scripts", "cpu-compare"), "--qemu", vmm.BINARY,
                "--accel", accel, *args]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=vmm.RUN_LIMIT_S, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_two_models_side_by_side(self):
        status, out, _ = self.run_tool("Skylake-Server-v6", "Cascadelake-Server-v5,pcid=off")
        self.assertEqual(status, 1)
        lines = out.splitlines()
        self.assertEqual(lines[0], "A: Skylake-Server-v6")
        self.assertTrue(lines[3].startswith("incompatible: "), lines[3])
        rows = {line.split()[0]: line.split()[1:] for line in lines[7:] if len(line.split()) > 2}
        self.assertEqual(rows["x2apic-seoib"], ["yes", "no"])
        self.assertEqual(rows["avx512vnni"], ["no", "yes"])
        self.assertEqual(rows["pcid"], ["yes", "no"])
        self.assertEqual(rows["stepping"], ["4", "6"])
        self.assertNotIn("avx512f", rows)
        self.assertTrue(lines[-1].startswith("Runs on both: -cpu "), lines[-1])
        self.assertNotIn(",pcid=on", lines[-1])

    def test_the_same_twice(self):
        status, out, _ = self.run_tool("EPYC-v6", "EPYC-v6")
        self.assertEqual(status, 0)
        self.assertIn("identical: ", out)
        self.assertIn("No property differs.", out)
        self.assertTrue(out.endswith("Runs on both: -cpu EPYC-v6\n"), out)

    def test_a_saved_host_and_a_running_emulator(self):
        saved = self.path("v5.json")
        self.assertEqual(self.run_tool("--save", saved, "Skylake-Server-v5"), (0, "", ""))
        with vmm.VMM("-M", "none", "-accel", "tcg",
                     "-qmp", "unix:{dir}/other,server=on,wait=off") as vm:
            status, out, err = self.run_tool("--no-baseline", saved,
                                             "Skylake-Server-v6@" + vm.path("other"))
        self.assertEqual((status, err), (1, ""))
        self.assertIn("subset: ", out)
        self.assertRegex(out, r"\n  x2apic-seoib +no +yes\n")
        # A program that does not know the feature
        with open(saved, encoding="utf-8") as f:
            model = json.load(f)
        del model["model"]["props"]["x2apic-seoib"]
        with open(saved, "w", encoding="utf-8") as f:
            json.dump({"return": model, "id": 1}, f)
        _, out, _ = self.run_tool("--no-baseline", saved, "Skylake-Server-v6")
        self.assertRegex(out, r"\n  x2apic-seoib +- +yes\n")
        self.assertIn("does not know the property", out)

    def test_its_verdict_is_that_of_the_command(self):
        names = ["Skylake-Server-v6", "Haswell-v4", "EPYC-v6", "max", "486", "Haswell-v5"]
        with vmm.VMM("-M", "none", "-accel", "tcg") as vm:
            for a, b in itertools.product(names, names[:3]):
                _, out, _ = self.run_tool("--no-baseline", a, b)
                reply = vm.cmd("query-cpu-model-comparison",
                               {"modela": named(a), "modelb": named(b)})
                self.assertEqual(out.splitlines()[3].split(":")[0], reply["result"], (a, b))

    def test_what_goes_wrong_is_said(self):
        with open(self.path("bad.json"), "w", encoding="utf-8") as f:
            f.write("{]")
        with open(self.path("other.json"), "w", encoding="utf-8") as f:
            f.write("[1]")
        for args, text in (
                (("nope", "486"), "CPU model 'nope' not found"),
                (("486@/nope", "486"), "/nope: No such file or directory"),
                ((self.path("no.json"), "486"), "no.json: No such file or directory"),
                ((self.path("bad.json"), "486"), "not JSON"),
                ((self.path("other.json"), "486"), "not the reply of query-cpu-model-expansion"),
                (("--qemu", "/nope", "486", "486"), "/nope: No such file or directory (--qemu"),
                (("486",), "nothing to compare A with"),
                (("--machine", "nope", "486", "486"), "unsupported machine type")):
            status, out, err = self.run_tool(*args)
            self.assertEqual((status, out), (2, ""), args)
            self.assertIn(text, err)
            self.assertNotIn("Traceback", err)

    def test_this_host(self):
        vmm.need_kvm()
        status, out, err = self.run_tool("host", "Skylake-Server-v6", accel="kvm")
        self.assertIn(status, (0, 1), err)
        self.assertIn("Runs on both: -cpu ", out)


if __name__ == "__main__":
    vmm.main()
