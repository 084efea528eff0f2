#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fw_cfg and SMBIOS: what firmware reads, by port and by DMA, compared with stock QEMU."""
import struct
import tempfile

from qtest import QTest, vmm

SELECT, DATA, DMA = 0x510, 0x511, 0x514
ERROR, READ, SKIP, SELECT_BIT, WRITE = 1, 2, 4, 8, 16
SIGNATURE, ID, UUID, RAM_SIZE, NB_CPUS, MAX_CPUS, DIRECTORY = 0, 1, 2, 3, 5, 15, 0x19
DESCRIPTOR = 0x10000
HELLO = ["-fw_cfg", "name=opt/test/hello,string=hello world"]


class FwCfg(QTest):
    def select(self, key):
        self.cmd("outw 0x510 0x%x" % key)

    def bytes(self, n, key=None):
        if key is not None:
            self.select(key)
        return bytes(self.inb(DATA) for _ in range(n))

    def files(self):
        count, = struct.unpack(">I", self.bytes(4, DIRECTORY))
        rows = {}
        for _ in range(count):
            size, key, zero = struct.unpack(">IHH", self.bytes(8))
            name = self.bytes(56).rstrip(b"\0").decode()
            assert zero == 0
            rows[name] = (key, size)
        return rows

    def contents(self, name):
        key, size = self.files()[name]
        return self.bytes(size, key)

    def dma(self, control, length, address, at=DESCRIPTOR):
        """The control word afterwards."""
        self.write(at, struct.pack(">IIQ", control, length, address))
        self.start_dma(at)
        return struct.unpack(">I", self.read(at, 4))[0]

    def start_dma(self, at):
        self.outl(DMA, int.from_bytes(struct.pack(">I", at >> 32), "little"))
        self.outl(DMA + 4, int.from_bytes(struct.pack(">I", at & 0xffffffff), "little"))


def structures(data):
    """Parsed; without CPUID's HTT, which QEMU 7.2 leaves out of the processors'."""
    rows, at = [], 0
    data = bytearray(data)
    while at < len(data):
        length = data[at + 1]
        end = data.index(b"\0\0", at + length)
        if data[at] == 4:
            data[at + 15] &= 0xef
        rows.append((data[at], data[at:at + length].hex(), bytes(data[at + length:end]).split(b"\0")))
        at = end + 2
    return rows


class Items(vmm.TestCase):
    def test_values(self):
        with FwCfg("-m", "3G", "-smp", "2,maxcpus=4", "-uuid",
                   "00112233-4455-6677-8899-aabbccddeeff") as q:
            rows = ((SIGNATURE, b"QEMU"), (ID, b"\3\0\0\0"), (RAM_SIZE, struct.pack("<Q", 3 << 30)),
                    (NB_CPUS, b"\2\0"), (MAX_CPUS, b"\4\0"),
                    (UUID, bytes.fromhex("00112233445566778899aabbccddeeff")))
            for key, value in rows:
                self.assertEqual(q.bytes(len(value) + 4, key), value + bytes(4))
            for key in (0x1a, 0x1f, 0x5f, 0x60, 0x3fff, 0x8007, 0x8008, 0xbfff, 0xffff):
                self.assertEqual(q.bytes(4, key), bytes(4), hex(key))

    def test_files_are_sorted_and_have_their_size(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"\0\1\2" * 1000)
            f.flush()
            with FwCfg("-M", "pc", *HELLO, "-fw_cfg", "opt/a,file=" + f.name) as q:
                files = q.files()
                self.assertEqual(list(files), sorted(files))
                self.assertEqual(sorted(k for k, _ in files.values()),
                                 list(range(0x20, 0x20 + len(files))))
                self.assertEqual(q.contents("opt/test/hello"), b"hello world")
                self.assertEqual(q.contents("opt/a"), b"\0\1\2" * 1000)

    def test_as_in_qemu(self):
        peer = vmm.need_peer()
        for machine in ("pc-q35-7.2", "pc-i440fx-7.2"):
            args = ["-M", machine + ",smm=off", "-m", "1G", "-smp", "2", *HELLO]
            with FwCfg(*args) as q, FwCfg(*args, binary=peer) as stock:
                for key in (SIGNATURE, ID, RAM_SIZE, NB_CPUS, MAX_CPUS, 4, 0xe, 0x8002, 0x8004):
                    self.assertEqual(q.bytes(130, key), stock.bytes(130, key), hex(key))
                ours, theirs = q.files(), stock.files()
                self.assertEqual(set(ours) - set(theirs), set())
                for name in ("etc/boot-fail-wait", "bootorder", "opt/test/hello"):
                    self.assertEqual(q.contents(name), stock.contents(name), name)
                for port in (0x514, 0x518):
                    self.assertEqual(q.inl(port), stock.inl(port))
                for port in (0x510, 0x514, 0x517):
                    q.select(0)
                    stock.select(0)
                    self.assertEqual(q.inb(port), stock.inb(port), hex(port))

    def test_mistakes_are_explained(self):
        rows = (("name, plus exactly one of file, string and gen_id, are needed", "name=opt/x"),
                ("name, plus exactly one of file, string and gen_id, are needed", "string=x"),
                ("name, plus exactly one of file, string and gen_id, are needed",
                 "name=opt/x,string=a,file=b"),
                ("can't load /nonexist: Failed to open file", "name=opt/x,file=/nonexist"),
                ("Invalid parameter 'foo'", "opt/a,foo=x"),
                ("name too long (max. 55 char)", "string=a,name=opt/" + 52 * "x"),
                ("Cannot find object ID 'foo'", "opt/x,gen_id=foo"),
                ("duplicate fw_cfg file name: etc/e820", "etc/e820,string=a"))
        for text, arg in rows:
            result = vmm.run("-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-fw_cfg", arg)
            self.assertEqual(result.status, 1, arg)
            self.assertIn(text, result.err)
        result = vmm.run("-M", "none", "-S", *HELLO)
        self.assertIn("fw_cfg device not available", result.err)
        with vmm.VMM("-accel", "qtest", "-S", "-fw_cfg", "name=x,string=" + 55 * "y") as vm:
            self.assertIn('should be prefixed with "opt/"', vm.stderr())
        many = [a for n in range(80) for a in ("-fw_cfg", "name=opt/%d,string=x" % n)]
        self.assertIn("more than 64 fw_cfg files",
                      vmm.run("-accel", "qtest", "-display", "none", "-S", *many).err)


class Dma(vmm.TestCase):
    def test_read_skip_select(self):
        with FwCfg(*HELLO) as q:
            key = q.files()["opt/test/hello"][0]
            q.write(0x20000, b"\xaa" * 16)
            self.assertEqual(q.dma(key << 16 | SELECT_BIT, 0, 0), 0)
            self.assertEqual(q.dma(SKIP, 6, 0), 0)
            self.assertEqual(q.dma(READ, 3, 0x20000), 0)
            self.assertEqual(q.bytes(1), b"l")  # the port goes on there
            self.assertEqual(q.dma(READ, 4, 0x20004), 0)
            self.assertEqual(q.read(0x20000, 9), b"wor\xaad\0\0\0\xaa")
            self.assertEqual(q.dma(key << 16 | SELECT_BIT | READ, 11, 0x9fff5), 0)
            self.assertEqual(q.read(0x9fff5, 11), b"hello world")

    def test_what_cannot_be_done_is_an_error(self):
        with FwCfg("-m", "16") as q:
            for control, length, address in (
                    (READ, 1, 16 << 20), (READ, 1, 2 ** 64 - 1), (READ, 2, (16 << 20) - 1),
                    (READ, 4, 0xfec00000), (READ, 0xffffffff, 0), (WRITE, 1, 0x20000),
                    (SELECT_BIT | WRITE, 4, 0x20000), (READ, 16, 0xa0000)):
                self.assertEqual(q.dma(control, length, address), ERROR, (control, length, address))
            self.assertEqual(q.dma(0, 0xffffffff, 2 ** 64 - 1), 0)
            self.assertEqual(q.dma(READ, 0, 2 ** 64 - 1), 0)
            for at in (0xfffffffffffffff8, 0xfee00000, 16 << 20, (16 << 20) - 8):
                q.start_dma(at)
            # A descriptor that reads over itself.
            self.assertEqual(q.dma(SELECT_BIT | READ, 16, DESCRIPTOR), 0)
            self.assertEqual(q.read(DESCRIPTOR + 4, 4), bytes(4))

    def test_reset_selects_the_signature(self):
        with FwCfg(*HELLO) as q:
            q.bytes(2, ID)
            q.outb(0xcf9, 6)
            self.assertEqual(vmm.wait_until(lambda: q.bytes(4), what="reset"), b"QEMU")


class Smbios(vmm.TestCase):
    FIELDS = ["type=0,vendor=V,version=1,date=01/02/2003,release=4.5,uefi=on",
              "type=1,manufacturer=M,product=P,version=W,serial=S,sku=K,family=F,"
              "uuid=11223344-5566-7788-99aa-bbccddeeff00",
              "type=2,manufacturer=M,product=P,version=W,serial=S,asset=A,location=L",
              "type=3,manufacturer=M,version=W,serial=S,asset=A,sku=K",
              "type=4,sock_pfx=X,manufacturer=M,version=W,serial=S,asset=A,part=P,max-speed=3000,"
              "current-speed=2500",
              "type=11,value=one,value=two",
              "type=17,loc_pfx=Z,bank=B,manufacturer=M,serial=S,asset=A,part=P,speed=1600",
              "type=41,designation=D,kind=ethernet,instance=3"]

    def compare(self, *args):
        peer = vmm.need_peer()
        with FwCfg(*args) as q, FwCfg(*args, binary=peer) as stock:
            for name in ("etc/smbios/smbios-tables", "etc/smbios/smbios-anchor"):
                ours, theirs = q.contents(name), stock.contents(name)
                if name.endswith("tables"):
                    self.assertEqual(structures(ours), structures(theirs))
                else:
                    self.assertEqual(ours, theirs)

    def test_bytes_as_in_qemu(self):
        fields = [a for f in self.FIELDS for a in ("-smbios", f)]
        with tempfile.NamedTemporaryFile() as f:
            f.write(bytes([0x80, 5, 0xcd, 0xab, 7]) + b"own\0\0")
            f.flush()
            own = ["-smbios", "file=" + f.name]
            for machine, args in (("pc-q35-7.2", []), ("pc-i440fx-7.2", ["-smp", "3,sockets=3"]),
                                  ("pc-q35-7.2", fields + ["-m", "6G", "-smp", "4,sockets=2"]),
                                  ("pc-q35-7.2,smbios-entry-point-type=64", fields + own),
                                  ("pc-q35-7.2,memory-backend=m", own + [
                                      "-m", "34G", "-object",
                                      "memory-backend-ram,id=m,size=34G,reserve=off"])):
                with self.subTest(machine, args=args):
                    self.compare("-M", machine, "-cpu", "qemu64", *args)

    def test_entry_point_follows_the_machine(self):
        for machine, anchor in (("pc-q35-8.0", b"_SM_"), ("pc-q35-8.1", b"_SM3_"),
                                ("pc-q35-8.2", b"_SM3_"), ("pc-i440fx-9.0", b"_SM_"), ("q35", b"_SM_"),
                                ("q35,smbios-entry-point-type=64", b"_SM3_")):
            with FwCfg("-M", machine) as q:
                self.assertTrue(q.contents("etc/smbios/smbios-anchor").startswith(anchor), machine)

    def test_uuid_reaches_the_monitor(self):
        with vmm.VMM("-accel", "qtest", "-S", "-smbios", self.FIELDS[1]) as vm:
            self.assertEqual(vm.cmd("query-uuid"), {"UUID": "11223344-5566-7788-99aa-bbccddeeff00"})

    def test_mistakes_are_explained(self):
        rows = (("Must specify type= or file=", "foo=1"), ("out of range!", "type=256"),
                ("Don't know how to build fields for SMBIOS type 5", "type=5"),
                ("Parameter 'type' expects a number", "type=x"),
                ("Invalid parameter 'foo'", "type=1,foo=b"), ("Invalid UUID", "type=1,uuid=zz"),
                ("Cannot read SMBIOS file /nonexist", "file=/nonexist"),
                ("Cannot read SMBIOS file /dev/null", "file=/dev/null"),
                ("Cannot read SMBIOS file /proc/self/maps/", "file=/proc/self/maps/"),
                ("Failed to load SMBIOS file", "file=/etc/debian_version"),
                ("Invalid release", "type=0,release=1"), ("Invalid release", "type=0,release=300.1"),
                ("Parameter 'max-speed' expects a number", "type=4,max-speed=x"),
                ("Parameter 'speed' expects a number up to 65535", "type=17,speed=99999999"),
                ("Could not open '/nonexist'", "type=11,value=a,path=/nonexist"),
                ("Parameter 'kind' does not accept value 'x'", "type=41,kind=x"))
        for text, arg in rows:
            result = vmm.run("-accel", "qtest", "-display", "none", "-S", "-nodefaults", "-smbios", arg)
            self.assertEqual(result.status, 1, arg)
            self.assertIn(text, result.err)


if __name__ == "__main__":
    vmm.main()
