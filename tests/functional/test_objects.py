#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-object, -add-fd and the other options that management software puts on every command line."""
import os
import re
import subprocess
import tempfile
import unittest

import vmm


class Objects(vmm.TestCase):
    def refused(self, text, *args):
        """Ends with that message and status 1."""
        with self.subTest(args):
            result = vmm.run("-accel", "qtest", "-display", "none", "-S", "-nodefaults", *args)
            self.assertEqual(result.status, 1)
            self.assertIn(text, result.err)
            self.assertNotIn("CRITICAL", result.err)

    def test_objects_appear_below_objects(self):
        with vmm.VMM("-accel", "qtest", "-S", "-object", "memory-backend-ram,id=ram0,size=64M",
                     "-object", '{"qom-type": "secret", "id": "s0", "data": "x"}',
                     "-M", "q35,memory-backend=ram0") as vm:
            names = {p["name"]: p["type"] for p in vm.cmd("qom-list", {"path": "/objects"})}
            self.assertEqual(names["ram0"], "child<memory-backend-ram>")
            self.assertEqual(names["s0"], "child<secret>")
            size = vm.cmd("qom-get", {"path": "/objects/ram0", "property": "size"})
            self.assertEqual(size, 64 << 20)

    def test_mistakes_are_explained(self):
        """Texts are QEMU 7.2's where it has one."""
        rows = (
            ("Parameter 'qom-type' is missing", "id=a"),
            ("Parameter 'id' is missing", "secret"),
            ("Parameter 'qom-type' does not accept value 'nope'", "nope,id=a"),
            ("Parameter 'qom-type' does not accept value 'isa-serial'", "isa-serial,id=a"),
            ("Parameter 'id' expects an identifier", "secret,id=1s,data=x"),
            ("Either 'file' or 'data' must be provided", "secret,id=s"),
            ("'file' and 'data' are mutually exclusive", "secret,id=s,data=a,file=b"),
            ("Unable to read /nonexist: No such file or directory", "secret,id=s,file=/nonexist"),
            ("a secret has at most 1 MiB", "secret,id=s,file=/dev/zero"),
            ("Unable to read /", "secret,id=s,file=/"),
            ("foo", "secret,id=s,data=x,foo=y"),
            ("Parameter 'format' does not accept value 'foo'", "secret,id=s,data=x,format=foo"),
            ("Base64 data contains invalid characters", "secret,id=s,data=!!,format=base64"),
            ("encrypted secrets (keyid, iv) are not supported", "secret,id=s,data=x,keyid=k"),
            ("Parameter 'size' is missing", "memory-backend-ram,id=a"),
            ("property 'size' of memory-backend-ram doesn't take value '0'",
             "memory-backend-ram,id=a,size=0"),
            ("host-nodes must be set for policy bind", "memory-backend-ram,id=a,size=4M,policy=bind"),
            ("host-nodes must be empty for policy default, or you should explicitly specify a policy "
             "other than default", "memory-backend-ram,id=a,size=4M,host-nodes=0"),
            ("cannot bind memory to host NUMA nodes: Invalid argument",
             "memory-backend-ram,id=a,size=4M,host-nodes=99,policy=bind"),
            ("Invalid host-nodes value: 128", "memory-backend-ram,id=a,size=4M,host-nodes=0-128"),
            ("host-nodes' doesn't take value 'x'", '{"qom-type":"memory-backend-ram","id":"a","size":4096,'
             '"host-nodes":["x"]}'),
            ("Parameter 'policy' does not accept value 'foo'",
             "memory-backend-ram,id=a,size=4M,policy=foo"),
            ("property 'prealloc-threads' of memory-backend-ram doesn't take value '0'",
             "memory-backend-ram,id=a,size=4M,prealloc-threads=0"),
            ("Parameter 'mem-path' is missing", "memory-backend-file,id=a,size=4M"),
            ("can't open backing store /nonexist/x for guest RAM: No such file or directory",
             "memory-backend-file,id=a,size=4M,mem-path=/nonexist/x"),
            ("backing store size 0x", "memory-backend-file,id=a,size=1T,mem-path=" + os.path.abspath(__file__)),
            ("alignment 0x3 must be multiples of page size 0x1000",
             "memory-backend-file,id=a,size=4M,mem-path=/tmp,align=3"),
            ("alignment 0x3000 must be a power of two",
             "memory-backend-file,id=a,size=4M,mem-path=/tmp,align=12K"),
            ("'rom' = 'on' is not supported with 'readonly' = 'off'",
             "memory-backend-file,id=a,size=4M,mem-path=/tmp,rom=on"),
            ("Hugepage size must be a power of 2",
             "memory-backend-memfd,id=a,size=4M,hugetlb=on,hugetlbsize=3M"),
        )
        for text, arg in rows:
            self.refused(text, "-object", arg)
        self.refused("'s'", "-object", "secret,id=s,data=a", "-object", "secret,id=s,data=a")
        self.refused("Memory backend 'zz' not found", "-M", "q35,memory-backend=zz")
        self.refused("Memory backend 's' not found", "-object", "secret,id=s,data=a",
                     "-M", "q35,memory-backend=s")
        self.refused("Machine memory size does not match the size of the memory backend", "-object",
                     "memory-backend-ram,id=a,size=64M", "-M", "q35,memory-backend=a", "-m", "128")
        self.refused("Invalid parameter 'foo'", "-overcommit", "foo=on")
        self.refused("cpu-pm=on is not supported", "-overcommit", "cpu-pm=on")
        self.refused("Parameter 'id' is missing", "-audiodev", "driver=none")
        self.refused("Parameter 'driver' does not accept value 'alsa'", "-audiodev", "alsa,id=a")

    def test_memory_as_asked_for(self):
        """What the kernel says of the mapping, and what query-memdev says."""
        rows = (
            ("memory-backend-ram", "", "rw-p", ""),
            ("memory-backend-ram", ",share=on", "rw-s", ""),
            ("memory-backend-memfd", "", "rw-s", "memory-backend-memfd"),
            ("memory-backend-memfd", ",share=off,seal=off", "rw-p", "memory-backend-memfd"),
            ("memory-backend-file", ",mem-path={dir}/ram", "rw-p", "/ram"),
            ("memory-backend-file", ",mem-path={dir},share=on", "rw-s", "qemu_back_mem.m0."),
            ("memory-backend-file", ",mem-path={dir}/ram,share=on,offset=1M,align=2M", "rw-s", "/ram"),
        )
        for kind, props, rights, name in rows:
            with self.subTest(kind + props), vmm.VMM(
                    "-accel", "qtest", "-S", "-M", "pc,memory-backend=m0", "-object",
                    "%s,id=m0,size=37M,prealloc=on,dump=off%s" % (kind, props)) as vm:
                with open("/proc/%d/smaps" % vm.proc.pid) as f:
                    maps = f.read()
                at = next(m for m in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", maps)
                          if re.search(r"(?m)^Size: +37888 kB", m) and m.split()[1] == rights)
                self.assertIn(name, at.splitlines()[0])
                self.assertRegex(at, r"Rss: +37888 kB")
                self.assertRegex(at, r"VmFlags:.* dd")
                if "align=2M" in props:
                    self.assertEqual(int(at.split("-")[0], 16) % (2 << 20), 0)
                info = {m["id"]: m for m in vm.cmd("query-memdev")}
                self.assertEqual(list(info), ["m0"])
                self.assertEqual(info["m0"], {
                    "id": "m0", "size": 37 << 20, "merge": True, "dump": False, "prealloc": True,
                    "share": rights[3] == "s", "reserve": True, "host-nodes": [],
                    "policy": "default"})
                self.assertEqual(vm.cmd("qom-get", {"path": "/machine", "property":
                                                    "memory-backend"}), "m0")

    def test_memory_of_a_machine_that_was_told_nothing(self):
        with vmm.VMM("-accel", "qtest", "-S", "-M", "q35,mem-merge=off") as vm:
            info, = vm.cmd("query-memdev")
            self.assertEqual((info["id"], info["size"], info["merge"], info["dump"]),
                             ("pc.ram", 128 << 20, False, True))
            self.assertIn("memory backend: pc.ram\n  size:  134217728\n  merge: false\n",
                          vm.hmp("info memdev"))

    def test_read_only_memory_is_refused_for_the_machine(self):
        with tempfile.NamedTemporaryFile() as f:
            f.truncate(64 << 20)
            arg = "memory-backend-file,id=m,size=64M,readonly=on,mem-path=" + f.name
            self.refused("memory backend 'm' is read-only", "-object", arg + ",share=on", "-M",
                         "q35,memory-backend=m")
            with vmm.VMM("-accel", "qtest", "-S", "-object", arg + ",rom=off", "-M",
                         "q35,memory-backend=m") as vm:
                vm.quit()

    def test_objects_come_and_go(self):
        with vmm.VMM("-accel", "qtest", "-S", "-object", "rng-builtin,id=r0", "-device",
                     "virtio-rng-pci,rng=r0") as vm:
            for props in ({"qom-type": "memory-backend-ram", "size": 1 << 20},
                          {"qom-type": "memory-backend-memfd", "size": 4 << 20, "policy": "bind",
                           "host-nodes": [0]},
                          {"qom-type": "secret", "data": "x"},
                          {"qom-type": "rng-random", "filename": "/dev/zero"},
                          {"qom-type": "rng-builtin"}):
                for _ in range(3):
                    vm.cmd("object-add", {"id": "x", **props})
                    with self.assertRaisesRegex(vmm.QMPError, "attempt to add duplicate property"):
                        vm.cmd("object-add", {"id": "x", **props})
                    vm.cmd("object-del", {"id": "x"})
            for text, name, args in (
                    ("object 'x' not found", "object-del", {"id": "x"}),
                    ("object 'r0' is in use, can not be deleted", "object-del", {"id": "r0"}),
                    ("object 'pc.ram' is in use, can not be deleted", "object-del", {"id": "pc.ram"}),
                    ("Parameter 'size' is missing", "object-add",
                     {"qom-type": "memory-backend-ram", "id": "m"}),
                    ("does not accept value 'isa-serial'", "object-add",
                     {"qom-type": "isa-serial", "id": "m"}),
                    ("cannot set up guest memory 'm'", "object-add",
                     {"qom-type": "memory-backend-ram", "id": "m", "size": 1 << 62})):
                with self.assertRaisesRegex(vmm.QMPError, text):
                    vm.cmd(name, args)

    def test_secrets_may_be_empty_or_base64(self):
        for arg in ("data=,format=base64", "data=AAEC,format=base64", "data="):
            with vmm.VMM("-accel", "qtest", "-S", "-object", "secret,id=s," + arg) as vm:
                vm.quit()

    def test_inherited_descriptors_are_opened_by_set(self):
        """As libvirt hands over the file of a serial port."""
        with vmm.VMM("-accel", "qtest", "-S", serial=False, qmp=False) as scratch:
            path = scratch.path("out")
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            reader = os.open("/dev/null", os.O_RDONLY)
            try:
                argv = [vmm.BINARY, "-accel", "qtest", "-S", "-display", "none", "-nodefaults",
                        "-add-fd", "set=3,fd=%d,opaque=serial0-source" % fd,
                        "-add-fd", "set=4,fd=%d" % reader,
                        "-chardev", "file,id=c,path=/dev/fdset/%d,append=on", "-mon", "c"]
                for number, wanted in ((3, ""), (4, "Permission denied"),
                                       (5, "No such file or directory")):
                    argv[-3] = "file,id=c,path=/dev/fdset/%d,append=on" % number
                    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=(fd, reader),
                                            stderr=subprocess.PIPE, preexec_fn=vmm.die_with_parent)
                    if not wanted:  # the monitor's banner arrives in the file
                        vmm.wait_until(lambda: os.path.getsize(path) > 0, 30, "the banner")
                        proc.kill()
                    err = proc.communicate(timeout=30)[1].decode()
                    if wanted:
                        self.assertEqual(proc.returncode, 1)
                        self.assertIn("Could not open '/dev/fdset/%d': %s" % (number, wanted), err)
            finally:
                os.close(fd)
                os.close(reader)
        self.refused("fd option is required and must be non-negative", "-add-fd", "set=0")
        self.refused("fd cannot be a standard I/O stream", "-add-fd", "fd=0,set=0")
        self.refused("fd is not valid or already in use", "-add-fd", "fd=77,set=0")

    def test_options_without_effect_here_are_taken(self):
        with vmm.VMM("-accel", "qtest", "-S", "-M", "q35", "-overcommit", "mem-lock=off", "-no-acpi",
                     "-no-hpet", "-audiodev", '{"id": "audio1", "driver": "none"}') as vm:
            for name in ("hpet",):
                self.assertIs(vm.cmd("qom-get", {"path": "/machine", "property": name}), False)
            self.assertEqual(vm.cmd("qom-get", {"path": "/machine", "property": "acpi"}), "off")

    def test_migration_capabilities_can_be_set(self):
        with vmm.VMM("-accel", "qtest", "-S") as vm:
            def state():
                return {c["capability"]: c["state"] for c in vm.cmd("query-migrate-capabilities")}
            self.assertIs(state()["events"], False)
            on = {"capabilities": [{"capability": "events", "state": True}]}
            self.assertEqual(vm.cmd("migrate-set-capabilities", on), {})
            self.assertIs(state()["events"], True)


if __name__ == "__main__":
    vmm.main()
