#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong command lines and malformed kernels: the exact message, exit status 1, nothing on stdout and
nothing left behind (pid file, sockets). None of this needs KVM.

Messages marked SAME are compared with those of stock QEMU 7.2 where that is installed; the others
say why they differ. Character devices, /dev/kvm and KVM's limits: test_chardev.py, test_kvm.py.
"""
import os
import shutil
import struct
import tempfile

import vmm

ANY = ["-display", "none", "-nodefaults", "-S"]
Q35 = ANY + ["-M", "q35", "-accel", "qtest"]

SAME = "same in 7.2"
V10 = "the text of QEMU 10"
OWN_NAME = "names our machine version"
OURS = "something QEMU has and we do not yet, or a clearer text"

SIZE_HINT = ("Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
             "and exabytes, respectively.")
ID_HINT = "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter."
KERNEL_HINT = "a Linux bzImage, an ELF file with a PVH entry or a multiboot kernel is needed"

# Arguments under test, further arguments, expected text, how it relates to QEMU's.
CASES = [
    # machine
    (["-M", "nosuch"], ANY, 'unsupported machine type: "nosuch"\nUse -machine help to list '
     'supported machines', V10),
    (["-M", "q35,nosuch=1"], ANY, "Property 'pc-q35-11.0-machine.nosuch' not found", OWN_NAME),
    (["-M", "q35,hpet=maybe"], ANY, "Parameter 'hpet' expects 'on' or 'off'", SAME),
    # accelerator
    (["-accel", "nosuch"], ANY, "-accel nosuch: invalid accelerator nosuch", SAME),
    (["-M", "none,accel=nosuch"], ANY, "invalid accelerator nosuch", SAME),
    (["-M", "q35,accel=nosuch:alsono"], ANY,
     "invalid accelerator nosuch\nqemu-system-x86_64: invalid accelerator alsono", SAME),
    (["-accel", "nosuch", "-accel", "alsono"], ANY,
     "-accel nosuch: invalid accelerator nosuch\n"
     "qemu-system-x86_64: -accel alsono: invalid accelerator alsono", SAME),
    # options
    (["-nosuchoption"], [], "-nosuchoption: invalid option", SAME),
    (["--nosuchoption"], [], "--nosuchoption: invalid option", SAME),
    (["-cpu"], [], "-cpu: requires an argument", SAME),
    (["-M"], [], "-M: requires an argument", SAME),
    (["disk.img"], ANY, "-drive index=0,media=disk,file=disk.img: Could not open 'disk.img': No such "
     "file or directory", OURS),
    # CPU model and features
    (["-cpu", "nosuch"], Q35, "unable to find CPU model 'nosuch'", SAME),
    (["-cpu", "Haswell-v99"], Q35, "unable to find CPU model 'Haswell-v99'", SAME),
    (["-cpu", "qemu64-x86_64-cpu"], Q35, "unable to find CPU model 'qemu64-x86_64-cpu'", SAME),
    (["-cpu", ""], Q35, "-cpu option cannot be empty", SAME),
    (["-cpu", "qemu64,nosuch=1"], Q35, "can't apply global qemu64-x86_64-cpu.nosuch=1: Property "
     "'qemu64-x86_64-cpu.nosuch' not found", SAME),
    (["-cpu", "qemu64,+nosuch"], Q35, "Property 'qemu64-x86_64-cpu.nosuch' not found", SAME),
    (["-cpu", "qemu64,-nosuch"], Q35, "Property 'qemu64-x86_64-cpu.nosuch' not found", SAME),
    (["-cpu", "qemu64,avx=maybe"], Q35, "can't apply global qemu64-x86_64-cpu.avx=maybe: "
     "Parameter 'avx' expects 'on' or 'off'", SAME),
    (["-cpu", "qemu64,=on"], Q35, "can't apply global qemu64-x86_64-cpu.=on: Property "
     "'qemu64-x86_64-cpu.' not found", SAME),
    (["-cpu", "qemu64,level=x"], Q35, "can't apply global qemu64-x86_64-cpu.level=x: Parameter "
     "'level' expects uint64", SAME),
    (["-cpu", "qemu64,family=999"], Q35, "can't apply global qemu64-x86_64-cpu.family=999: "
     "parameter 'family' can be at most 270", V10),
    (["-cpu", "qemu64,vendor=x"], Q35, "can't apply global qemu64-x86_64-cpu.vendor=x: value of "
     "property 'vendor' must consist of exactly 12 characters", V10),
    (["-cpu", "qemu64,tsc-freq=bad"], Q35, "bad numerical value bad", SAME),
    (["-cpu", "host"], Q35, "CPU model 'host' requires KVM or HVF", SAME),
    # topology
    (["-smp", "x"], Q35, "Parameter 'smp.cpus' expects integer", SAME),
    (["-smp", "1.5"], Q35, "Parameter 'smp.cpus' expects integer", SAME),
    (["-smp", "99999999999999999999"], Q35, "Parameter 'smp.cpus' expects integer", SAME),
    (["-smp", "1,nosuch=2"], Q35, "Parameter 'smp.nosuch' is unexpected", SAME),
    (["-smp", "0"], Q35, "Invalid CPU topology: CPU topology parameters must be greater than zero",
     V10),
    (["-smp", "-1"], Q35, "Parameter 'smp.cpus' expects integer", OURS),
    (["-smp", "4,maxcpus=2"], Q35, "Invalid CPU topology: maxcpus must be equal to or greater than "
     "smp: sockets (1) * dies (1) * modules (1) * cores (2) * threads (1) == maxcpus (2) < "
     "smp_cpus (4)", V10),
    (["-smp", "4,sockets=3"], Q35, "Invalid CPU topology: product of the hierarchy must match "
     "maxcpus: sockets (3) * dies (1) * modules (1) * cores (1) * threads (1) != maxcpus (4)", V10),
    (["-smp", "2,dies=32768,modules=32768,sockets=4"], Q35, "Invalid CPU topology: product of the "
     "hierarchy must match maxcpus: sockets (4) * dies (32768) * modules (32768) * cores (0) * "
     "threads (1) != maxcpus (2)", V10),
    (["-smp", "4097"], Q35, "Invalid SMP CPUs 4097. The max CPUs supported by machine "
     "'pc-q35-11.0' is 4096", OWN_NAME),
    (["-smp", "256"], ANY + ["-M", "pc", "-accel", "qtest"], "Invalid SMP CPUs 256. The max CPUs "
     "supported by machine 'pc-i440fx-11.0' is 255", OWN_NAME),
    (["-smp", "2"], ANY + ["-M", "none", "-accel", "qtest"], "Invalid SMP CPUs 2. The max CPUs "
     "supported by machine 'none' is 1", SAME),
    # memory
    (["-m", "x"], Q35, "-m x: Parameter 'size' expects a non-negative number below 2^64\n" +
     SIZE_HINT, SAME),
    (["-m", "-1"], Q35, "-m -1: Parameter 'size' expects a non-negative number below 2^64\n" +
     SIZE_HINT, SAME),
    (["-m", "99999999T"], Q35, "-m 99999999T: Value '99999999T' is out of range for parameter "
     "'size'", SAME),
    (["-m", "1G,nosuch=2"], Q35, "-m 1G,nosuch=2: Invalid parameter 'nosuch'", SAME),
    (["-m", "1E"], Q35, "ram size too large", OURS),
    (["-m", "1G,slots=2,maxmem=2G"], Q35, "-m 1G,slots=2,maxmem=2G: memory hot-plug (slots, maxmem) "
     "is not supported", OURS),
    # devices
    (["-device", "nosuch"], Q35, "-device nosuch: 'nosuch' is not a valid device model name", SAME),
    (["-device", ""], Q35, "-device : Parameter 'driver' is missing", SAME),
    (["-device", '{"driver":"nosuch"}'], Q35, "-device {\"driver\":\"nosuch\"}: 'nosuch' is not a "
     "valid device model name", SAME),
    (["-device", "isa-debug-exit,nosuch=1"], Q35, "-device isa-debug-exit,nosuch=1: Property "
     "'isa-debug-exit.nosuch' not found", SAME),
    (["-device", "isa-debug-exit,id=1x"], Q35, "-device isa-debug-exit,id=1x: Parameter 'id' expects "
     "an identifier\n" + ID_HINT, SAME),
    (["-device", "isa-debug-exit,bus=nosuch"], Q35, "-device isa-debug-exit,bus=nosuch: Bus 'nosuch' "
     "not found", SAME),
    (["-device", "ioapic"], Q35, "-device ioapic: Parameter 'driver' expects a pluggable device type",
     SAME),
    (["-device", "isa-debug-exit,id=a", "-device", "isa-serial,id=a"], Q35,
     "-device isa-serial,id=a: Duplicate device ID 'a'", V10),
    (["-device", "isa-debug-exit,iobase=zzz"], Q35, "-device isa-debug-exit,iobase=zzz: Parameter "
     "'iobase' expects uint32", V10),
    (["-device", "isa-serial,chardev=nosuch"], Q35, "-device isa-serial,chardev=nosuch: Property "
     "'isa-serial.chardev' can't find value 'nosuch'", OURS),
    # globals
    (["-global", "driver=ioapic,property=version"], Q35, "-global driver=ioapic,property=version: "
     "options 'driver', 'property', and 'value' are required", SAME),
    (["-global", ".="], Q35, "-global .=: Invalid parameter '.'", SAME),
    (["-global", "x"], Q35, "-global x: Invalid parameter 'x'", OURS),
    (["-global", "ioapic.version=0x12"], Q35, "IOAPIC only supports version 0x11 or 0x20 (default: "
     "0x20).", SAME),
    (["-global", "ioapic.nosuch=1"], Q35, "can't apply global ioapic.nosuch=1: Property "
     "'ioapic.nosuch' not found", SAME),
    # identity and the rest
    (["-name", "a,nosuch=b"], Q35, "-name a,nosuch=b: Invalid parameter 'nosuch'", SAME),
    (["-name", "a,debug-threads=maybe"], Q35, "-name a,debug-threads=maybe: Parameter "
     "'debug-threads' expects 'on' or 'off'", SAME),
    (["-uuid", "x"], Q35, "-uuid x: failed to parse UUID string: wrong format", SAME),
    (["-uuid", "12345678-1234-1234-1234-123456789012x"], Q35, "-uuid 12345678-1234-1234-1234-"
     "123456789012x: failed to parse UUID string: wrong format", SAME),
    (["-action", "reboot=nosuch"], Q35, "-action reboot=nosuch: Parameter 'reboot' does not accept "
     "value 'nosuch'", SAME),
    (["-action", "nosuch=x"], Q35, "-action nosuch=x: Invalid parameter 'nosuch'", SAME),
    (["-d", "nosuch"], Q35, "-d nosuch: Invalid parameter 'nosuch'\n-d help lists the items", OURS),
    (["-D", "/nosuch/log"], Q35, "-D /nosuch/log: Error opening logfile /nosuch/log: No such file or "
     "directory", OURS),
    (["-rtc", "base=soon"], Q35, "-rtc base=soon: invalid datetime format\nvalid formats: "
     "'2006-06-17T16:01:21' or '2006-06-17'", OURS),
    (["-vga", "std"], Q35, "-vga std: only 'none' is supported", OURS),
    # network
    (["-netdev", "user"], Q35, "-netdev user: Parameter 'id' is missing", SAME),
    (["-netdev", "nosuch,id=a"], Q35, "-netdev nosuch,id=a: Parameter 'type' does not accept value "
     "'nosuch'\n-netdev help lists the types", OURS),
    (["-netdev", "user,id=a", "-netdev", "user,id=a"], Q35, "-netdev user,id=a: Duplicate ID 'a' "
     "for netdev", SAME),
    (["-netdev", "user,id=a,nosuch=b"], Q35, "-netdev user,id=a,nosuch=b: Invalid parameter "
     "'nosuch'", SAME),
    (["-netdev", "user,id=a,restrict=x"], Q35, "-netdev user,id=a,restrict=x: Parameter 'restrict' "
     "expects 'on' or 'off'", SAME),
    (["-netdev", "user,id=a,net=x"], Q35, "-netdev user,id=a,net=x: Failed to parse netmask", SAME),
    (["-netdev", "user,id=a,net=10.0.0.0/40"], Q35, "-netdev user,id=a,net=10.0.0.0/40: Invalid "
     "netmask provided (must be in range 4-32)", SAME),
    (["-netdev", "user,id=a,host=1.2.3.4"], Q35, "-netdev user,id=a,host=1.2.3.4: Host doesn't "
     "belong to network", SAME),
    (["-netdev", "user,id=a,hostfwd=x"], Q35, "-netdev user,id=a,hostfwd=x: Invalid host forwarding "
     "rule 'x' (No : separators)", SAME),
    (["-netdev", "user,id=a,hostfwd=tcp::99999-:80"], Q35, "-netdev user,id=a,hostfwd=tcp::99999-"
     ":80: Invalid host forwarding rule 'tcp::99999-:80' (Bad host port)", SAME),
    (["-netdev", "user,id=a,guestfwd=x"], Q35, "-netdev user,id=a,guestfwd=x: Invalid guest "
     "forwarding rule 'x'", SAME),
    (["-netdev", "user,id=a,smb=/tmp"], Q35, "-netdev user,id=a,smb=/tmp: smb: a file server is not "
     "supported\nRun one on the host and let the guest reach it by the gateway's address.", OURS),
    (["-nic", "user,model=nosuch"], Q35, "-nic user,model=nosuch: Unsupported NIC model: nosuch\n"
     "-nic model=help lists the models", OURS),
    (["-net", "nosuch"], Q35, "-net nosuch: Parameter 'type' does not accept value 'nosuch'", SAME),
    (["-device", "virtio-net-pci,netdev=nosuch"], Q35, "-device virtio-net-pci,netdev=nosuch: "
     "Property 'virtio-net-device.netdev' can't find value 'nosuch'", SAME),
    (["-netdev", "user,id=a", "-device", "virtio-net-pci,netdev=a", "-device",
      "virtio-net-pci,netdev=a"], Q35, "-device virtio-net-pci,netdev=a: Property "
     "'virtio-net-device.netdev' can't take value 'a', it's in use", SAME),
    (["-device", "virtio-net-pci,mac=x"], Q35, "-device virtio-net-pci,mac=x: Property "
     "'virtio-net-device.mac' doesn't take value 'x'", SAME),
    (["-device", "virtio-net-pci,rx_queue_size=100"], Q35, "-device virtio-net-pci,rx_queue_size="
     "100: Invalid rx_queue_size (= 100), must be a power of 2 between 256 and 1024.", SAME),
    (["-device", "virtio-net-pci,duplex=x"], Q35, "-device virtio-net-pci,duplex=x: 'duplex' must "
     "be 'half' or 'full'", SAME),
    (["-chardev", "nosuch,id=a"], Q35, "-chardev nosuch,id=a: 'nosuch' is not a valid char driver "
     "name", SAME),
    (["-mon", "chardev=nosuch"], Q35, '-mon chardev=nosuch: chardev "nosuch" not found', SAME),
    (["-initrd", "x"], Q35, "-initrd only allowed with -kernel option", SAME),
    (["-append", "x"], Q35, "-append only allowed with -kernel option", SAME),
]


class CommandLineTest(vmm.TestCase):
    def run_in_own_directory(self, args, binary=None):
        """The result, and what was left in the directory given for pid file and socket."""
        work = tempfile.mkdtemp(prefix="bad-")
        try:
            if binary is None:
                args = ["-pidfile", work + "/pid", "-qmp",
                        "unix:%s/qmp,server=on,wait=off" % work] + args
            r = vmm.run(*args, cwd=work, binary=binary)
            return r, os.listdir(work)
        finally:
            shutil.rmtree(work)

    def check(self, args, text, more=()):
        r, left = self.run_in_own_directory(list(more) + args)
        self.assertEqual(r.err, "%s: %s\n" % (vmm.PROG, text))
        self.assertEqual((r.status, r.out, left), (1, "", []))

    def check_same(self, args, text, more=()):
        args = ["tcg" if a == "qtest" else a for a in args + list(more)]
        r, _ = self.run_in_own_directory(args, binary=vmm.need_peer())
        self.assertEqual((r.status, r.err), (1, "%s: %s\n" % (vmm.PROG, text)), "stock QEMU")


def add_case(i, args, more, text, relation):
    slug = "_".join(args).strip("-").replace("-", "").replace(" ", "")[:60]

    def check(self):
        # An option with its argument missing must stand last.
        self.check(args, text, more)

    def check_same(self):
        self.check_same(args, text, more if len(args) > 1 else ())

    setattr(CommandLineTest, "test_%02d_%s" % (i, slug), check)
    if relation == SAME:
        setattr(CommandLineTest, "test_%02d_%s_in_stock_qemu" % (i, slug), check_same)


for _i, _case in enumerate(CASES):
    add_case(_i, *_case)


# --- kernels ------------------------------------------------------------------------------------

MAGIC = 0x1BADB002


def multiboot_header(flags=3, checksum=None, fields=()):
    """@fields: header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr."""
    if fields:
        flags |= 0x10000
    total = (-(MAGIC + flags)) & 0xffffffff if checksum is None else checksum
    return struct.pack("<III", MAGIC, flags, total) + struct.pack("<%dI" % len(fields), *fields)


def elf32(headers, body=b"", machine=3, phoff=52, entry=0x100000):
    head = b"\x7fELF\1\1\1" + b"\0" * 9 + struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, entry, phoff,
                                                     0, 0, 52, 32, len(headers), 40, 0, 0)
    return head + b"".join(struct.pack("<8I", *h) for h in headers) + body


def load(offset, addr, size, memory=None):
    return (1, offset, addr, addr, size, size if memory is None else memory, 5, 0)


def bzimage(length=0x10000, version=0x20f, setup=4, magic=b"HdrS"):
    image = bytearray(length)
    image[0x1f1] = setup
    image[0x1fe:0x200] = b"\x55\xaa"
    image[0x202:0x206] = magic
    image[0x206:0x208] = struct.pack("<H", version)
    return bytes(image)


MB = multiboot_header()
PAD = b"\0" * 8192
NOT_A_KERNEL = "could not load kernel 'KERNEL': invalid kernel header\n" + KERNEL_HINT
ELF_ERROR = "Error while loading elf kernel: "

KERNELS = [
    ("empty", b"", "could not load kernel 'KERNEL': the file is empty"),
    ("short", b"MZ\0" * 20, NOT_A_KERNEL),
    ("zeroes", b"\0" * 100000, NOT_A_KERNEL),
    ("elf_for_another_processor", elf32([load(0, 0x100000, 256)], MB + PAD, machine=40),
     ELF_ERROR + "ELF file is not for x86"),
    ("elf_without_program_headers", elf32([], MB + PAD), ELF_ERROR + "ELF file has nothing to load"),
    ("elf_program_headers_outside", elf32([load(0, 0x100000, 256)], MB + PAD, phoff=0xfffffff0),
     ELF_ERROR + "ELF program headers are outside of the file"),
    ("elf_segment_outside", elf32([load(0x1000, 0x100000, 0x100000)], MB + PAD),
     ELF_ERROR + "ELF program header describes data outside of the file"),
    ("elf_segment_beyond_4g", elf32([load(0, 0xfffff000, 0x1000, 0x10000)], MB + PAD),
     "could not load kernel 'KERNEL': segment 0xfffff000..0x10000efff is not in usable RAM"),
    ("elf_segment_above_ram", elf32([load(0, 0xf0000000, 0x1000)], MB + PAD),
     "could not load kernel 'KERNEL': segment 0xf0000000..0xf0000fff is not in usable RAM"),
    ("elf_without_pvh_entry", elf32([load(0, 0x100000, 200)], PAD),
     "Error loading uncompressed kernel without PVH ELF Note"),
    ("multiboot_checksum", multiboot_header(checksum=1) + PAD, NOT_A_KERNEL),
    ("multiboot_load_addr_above_header",
     multiboot_header(0, None, (0x100000, 0x200000, 0, 0, 0x100020)) + PAD,
     "invalid load_addr address in multiboot header"),
    ("multiboot_load_end_below_start",
     multiboot_header(0, None, (0x100000, 0x100000, 0x90000, 0, 0x100020)) + PAD,
     "invalid load_end_addr address in multiboot header"),
    ("multiboot_load_end_beyond_file",
     multiboot_header(0, None, (0x100000, 0x100000, 0xf0000000, 0, 0x100020)) + PAD,
     "invalid load_end_addr address in multiboot header"),
    ("multiboot_bss_end_below_load_end",
     multiboot_header(0, None, (0x100000, 0x100000, 0x101000, 0x100800, 0x100020)) + PAD,
     "invalid bss_end_addr address in multiboot header"),
    ("multiboot_bss_beyond_ram",
     multiboot_header(0, None, (0x100000, 0x100000, 0x101000, 0xfffff000, 0x100020)) + PAD,
     "kernel does not fit in address space"),
    ("bzimage_short", bzimage(0x300), "could not load kernel 'KERNEL': invalid kernel header"),
    ("bzimage_setup_beyond_file", bzimage(setup=255),
     "could not load kernel 'KERNEL': invalid kernel header"),
    ("bzimage_too_old", bzimage(version=0x100),
     "could not load kernel 'KERNEL': kernels that load below 1 MiB need firmware"),
]


class KernelTest(CommandLineTest):
    def with_kernel(self, image, text, *more):
        with tempfile.NamedTemporaryFile(prefix="kernel-") as f:
            f.write(image)
            f.flush()
            self.check(["-kernel", f.name, *more], text.replace("KERNEL", f.name), Q35)

    def test_missing_file(self):
        self.check(["-kernel", "/nosuch/kernel"], "could not load kernel '/nosuch/kernel': could not "
                   "open '/nosuch/kernel': No such file or directory", Q35)

    def test_directory(self):
        self.check(["-kernel", "/"], "could not load kernel '/': could not open '/': Is a directory",
                   Q35)

    def test_missing_module(self):
        self.with_kernel(elf32([load(0, 0x100000, 200)], MB + PAD), "Failed to open multiboot module "
                         "'/nosuch': could not open '/nosuch': No such file or directory",
                         "-initrd", "/nosuch")

    def test_machine_none_takes_no_kernel(self):
        self.check(["-kernel", "/dev/null"], "The -kernel parameter is not supported (use the generic "
                   "'loader' device instead).", ANY + ["-M", "none"])


def add_kernel(name, image, text):
    setattr(KernelTest, "test_" + name, lambda self: self.with_kernel(image, text))


for _kernel in KERNELS:
    add_kernel(*_kernel)
for _name in list(vars(CommandLineTest)):  # they are not inherited a second time
    if _name.startswith("test_"):
        setattr(KernelTest, _name, None)


class LeftoverTest(vmm.TestCase):
    def test_pid_file_that_cannot_be_made(self):
        r = vmm.run("-pidfile", "/nosuch/pid", *Q35)
        self.assertEqual((r.status, r.err), (1, vmm.PROG + ": cannot create PID file: Cannot open pid "
                                             "file: No such file or directory\n"))

    def test_pid_file_of_another_is_left_alone(self):
        with vmm.VMM("-pidfile", "{dir}/pid", *Q35) as vm:
            path = vm.path("pid")
            r = vmm.run("-pidfile", path, *Q35)
            self.assertEqual(r.status, 1)
            self.assertTrue(r.err.startswith(vmm.PROG + ": cannot create PID file: Cannot lock pid "
                                             "file: "), r.err)
            with open(path, encoding="ascii") as f:
                self.assertEqual(int(f.read()), vm.proc.pid)
            self.assertEqual(vm.quit(), 0)
            self.assertFalse(os.path.exists(path))

    def test_socket_made_before_the_error_is_removed(self):
        work = tempfile.mkdtemp(prefix="bad-")
        try:
            r = vmm.run("-chardev", "socket,id=a,path=%s/a,server=on,wait=off" % work, "-serial",
                        "unix:%s/b,server=on,wait=off" % work, *Q35, "-device", "nosuch")
            self.assertEqual((r.status, os.listdir(work)), (1, []))
        finally:
            shutil.rmtree(work)

    def test_daemon_that_fails_tells_its_parent(self):
        work = tempfile.mkdtemp(prefix="bad-")
        try:
            r = vmm.run("-daemonize", "-pidfile", work + "/pid", *Q35, "-device", "nosuch")
            self.assertEqual((r.status, r.err, os.listdir(work)), (
                1, vmm.PROG + ": -device nosuch: 'nosuch' is not a valid device model name\n", []))
        finally:
            shutil.rmtree(work)


if __name__ == "__main__":
    vmm.main()
