#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""query-block and query-named-block-nodes: what stock QEMU says of the same nodes and drives."""
import os

import vmm


class BlockQuery(vmm.TestCase):
    def answers(self, binary, *args):
        """(nodes by name, drives by device) with the directory's name taken out."""
        path = os.path.join(self.dir, "disk.img")
        with vmm.VMM("-S", "-accel", "tcg", *[a.replace("PATH", path) for a in args],
                     binary=binary, serial=False) as vm:
            nodes = {n["node-name"]: n for n in vm.cmd("query-named-block-nodes", {"flat": True})}
            drives = {b["device"]: b for b in vm.cmd("query-block")}
            return nodes, drives

    def setUp(self):
        scratch = vmm.VMM()
        self.dir = scratch.dir
        self.addCleanup(scratch.close)
        with open(os.path.join(self.dir, "disk.img"), "wb") as f:
            f.truncate(1 << 20)

    def same(self, ours, peer, where):
        """Every member we have is QEMU's."""
        for key, value in ours.items():
            self.assertIn(key, peer, where)
            if isinstance(value, dict):
                self.same(value, peer[key], "%s.%s" % (where, key))
            else:
                self.assertEqual(value, peer[key], "%s.%s" % (where, key))

    def test_nodes(self):
        args = ("-blockdev", '{"driver": "file", "filename": "PATH", "node-name": "storage"}',
                "-blockdev", '{"driver": "raw", "file": "storage", "node-name": "format", '
                             '"read-only": true}',
                "-blockdev", '{"driver": "null-co", "node-name": "nothing", "size": 4096}')
        ours, drives = self.answers(vmm.BINARY, *args)
        self.assertEqual(set(ours), {"storage", "format", "nothing"})
        self.assertEqual(drives, {})
        self.assertEqual(ours["format"]["image"]["virtual-size"], 1 << 20)
        self.assertIs(ours["format"]["ro"], True)
        peer = self.answers(vmm.need_peer(), *args)[0]
        for name in ("storage", "format"):
            self.same(ours[name], peer[name], name)

    def test_drives(self):
        args = ("-drive", "file=PATH,format=raw,if=none,id=d0,cache=none")
        drives = self.answers(vmm.BINARY, *args)[1]
        self.assertEqual(set(drives), {"d0"})
        self.assertEqual(drives["d0"]["inserted"]["image"]["virtual-size"], 1 << 20)
        self.assertEqual(drives["d0"]["inserted"]["cache"],
                         {"writeback": True, "direct": True, "no-flush": False})
        peer = self.answers(vmm.need_peer(), *args)[1]
        ours = drives["d0"]
        for made_up in (ours["inserted"], peer["d0"]["inserted"]):
            del made_up["node-name"]
        self.same(ours, peer["d0"], "d0")

    def test_no_disks(self):
        self.assertEqual(self.answers(vmm.BINARY), ({}, {}))


if __name__ == "__main__":
    vmm.main()
