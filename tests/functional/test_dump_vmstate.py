#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-dump-vmstate: the tables of migration state, against the ones on record. A table that changes
without a new version makes streams of earlier builds load wrongly: give the field a `since` or put
it into a subsection, then write the record anew with --update."""
import json
import os
import re
import sys
import tempfile

import vmm

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/vmstate/tables.json")


def dump(machine):
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "out.json")
        r = vmm.run("-M", machine, "-dump-vmstate", path)
        with open(path) as f:
            return r, f.read()


class DumpVmstateTest(vmm.TestCase):
    maxDiff = 4000

    def test_every_machine_version_has_the_tables_on_record(self):
        with open(GOLDEN) as f:
            golden = json.load(f)
        names = [line.split()[0] for line in vmm.run("-M", "help").out.splitlines()[1:]
                 if not re.search(r"\(alias of", line)]
        self.assertGreater(len(names), 10)
        for name in names:
            with self.subTest(machine=name):
                r, text = dump(name)
                self.assertEqual(r.status, 0)
                tables = json.loads(text)
                self.assertEqual(tables.pop("vmschkmachine"), {"Name": name})
                self.assertEqual(tables, golden)

    def test_every_description_has_what_the_checker_reads(self):
        def check(d):
            self.assertGreaterEqual(d["version_id"], d["minimum_version_id"])
            for field in d.get("Fields", []):
                self.assertEqual(field.get("Description") is not None, "Description" in field)
                self.assertLessEqual({"field", "version_id", "field_exists", "size"}, set(field))
                if "Description" in field:
                    check(field["Description"])
            for sub in d.get("Subsections", []):
                check(sub)
        for name, device in json.loads(dump("q35")[1]).items():
            if name != "vmschkmachine":
                with self.subTest(device=name):
                    self.assertEqual(device["Name"], name)
                    check(device["Description"])

    def test_file_that_cannot_be_written(self):
        r = vmm.run("-M", "q35", "-dump-vmstate", "/nonexistent/x")
        self.assertEqual(r.status, 1)
        self.assertIn("-dump-vmstate /nonexistent/x: open /nonexistent/x: No such file or directory",
                      r.err)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        record = json.loads(dump("q35")[1])
        del record["vmschkmachine"]
        with open(GOLDEN, "w") as out:
            json.dump(record, out, indent=1)
            out.write("\n")
        sys.exit(0)
    vmm.main()
