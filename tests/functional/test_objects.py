#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-object, -add-fd and the other options that management software puts on every command line."""
import os
import subprocess
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
