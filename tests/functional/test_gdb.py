#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-gdb: stock gdb and a raw-protocol client debug tests/guest/run-control."""
import os
import re
import shutil
import socket
import subprocess
import time
import xml.etree.ElementTree

import vmm

REGNUM_RIP = 16
TRAP = b"T05"


class Rsp:
    """A debugger that speaks the raw protocol."""

    def __init__(self, path, features="multiprocess+;swbreak+;hwbreak+"):
        end = time.monotonic() + vmm.QMP_LIMIT_S
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self.sock.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
        self.sock.settimeout(vmm.TEST_LIMIT_S)
        self.buf = b""
        if features is not None:
            self.cmd("qSupported:" + features)

    def send(self, text):
        data = text.encode("latin1")
        self.sock.sendall(b"$%s#%02x" % (data, sum(data) & 255))

    def recv(self):
        """The next packet's contents; None at the end."""
        while True:
            m = re.search(rb"\$([^#]*)#[0-9a-f]{2}", self.buf, re.S)
            if m:
                self.buf = self.buf[m.end():]
                try:
                    self.sock.sendall(b"+")
                except BrokenPipeError:
                    pass  # it was the last packet
                return m.group(1)
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buf += data

    def cmd(self, text):
        self.send(text)
        return self.recv()

    def register(self, number, thread=None):
        if thread is not None:
            assert self.cmd("Hg%x" % thread) == b"OK"
        return int.from_bytes(bytes.fromhex(self.cmd("p%x" % number).decode()), "little")

    def word(self, addr, size=8):
        data = bytes.fromhex(self.cmd("m%x,%x" % (addr, size)).decode())
        return int.from_bytes(data, "little")

    def xml(self):
        text = b""
        while True:
            part = self.cmd("qXfer:features:read:target.xml:%x,400" % len(text))
            text += part[1:]
            if part[:1] == b"l":
                return xml.etree.ElementTree.fromstring(text)

    def interrupt(self):
        self.sock.sendall(b"\003")

    def close(self):
        self.sock.close()


def symbols():
    """Addresses of the guest's functions and variables."""
    out = subprocess.run(["nm", vmm.built("tests/guest/run-control.elf64")], check=True,
                         capture_output=True, text=True, timeout=vmm.RUN_LIMIT_S).stdout
    return {name: int(addr, 16) for addr, _, name in (row.split() for row in out.splitlines()
                                                      if len(row.split()) == 3)}


class GdbTest(vmm.TestCase):
    accel = "tcg"
    cpu = "qemu64,-svm"

    def start(self, *args, work="tick,spin", cpus=2):
        v = vmm.VMM("-accel", self.accel, "-M", "q35", "-cpu", self.cpu, "-smp", str(cpus),
                    "-S", "-gdb", "unix:{dir}/gdb.sock,server=on,wait=off",
                    "-kernel", vmm.guest("run-control"), "-append", "work=" + work, *args)
        self.addCleanup(v.close)
        v.__enter__()
        return v

    def debug(self, *args, **kwargs):
        v = self.start(*args, **kwargs)
        r = Rsp(v.path("gdb.sock"))
        self.addCleanup(r.close)
        return v, r

    def run_to_ready(self, v, r):
        """The guest works; the debugger has stopped it."""
        r.send("vCont;c")
        v.wait_serial(r"READY cpus=\d", vmm.TEST_LIMIT_S)
        r.interrupt()
        self.assertEqual(r.recv()[:3], b"T02")


class Stock(GdbTest):
    """What a user of gdb does."""

    def gdb(self, v, *commands):
        if not shutil.which("gdb"):
            self.skipTest("skipped: no gdb")
        argv = ["gdb", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off",
                "-ex", "target remote " + v.path("gdb.sock")]
        for command in commands:
            argv += ["-ex", command]
        argv.append(vmm.built("tests/guest/run-control.elf64"))
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=vmm.TEST_LIMIT_S,
                              env=dict(os.environ, LC_ALL="C", HOME=v.dir))
        return done.stdout.decode("utf-8", "replace")

    def test_breakpoint_registers_and_step(self):
        out = self.gdb(self.start(), "hbreak tick", "continue", "delete", "info registers rip cs cr0",
                       "info registers efer mxcsr xmm0 st0", "stepi", "stepi", "x/i $pc",
                       "info threads", "p/x magic", "bt", "kill")
        self.assertRegex(out, r"Thread \S+ hit Breakpoint 1, tick \(cpu=")
        self.assertRegex(out, r"rip +0x[0-9a-f]+ +0x[0-9a-f]+ <tick>")
        self.assertRegex(out, r"cr0 +0x\w+ +\[ PE ET WP PG \]")
        self.assertRegex(out, r"efer +0x500 +\[ LME LMA \]")
        self.assertRegex(out, r"mxcsr +0x1f80 +\[ IM DM ZM OM UM PM ")
        self.assertRegex(out, r"xmm0 +\{")
        self.assertRegex(out, r"st0 +0 ")
        self.assertRegex(out, r"=> 0x\w+ <tick\+\d+>:")
        self.assertRegex(out, r"2 +Thread 1\.2 \(CPU#1 \[\w+ *\]\)")
        self.assertIn("{0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00}", out)
        self.assertRegex(out, r"#1 .* work_tick")

    def test_watchpoint_stops_after_the_write(self):
        out = self.gdb(self.start(), "hbreak work_tick", "continue", "delete", "watch watched",
                       "continue", "print watched", "print counter[0]", "kill")
        self.assertIn("Hardware watchpoint 2: watched", out)
        self.assertRegex(out, r"Old value = 0\nNew value = 64")
        self.assertIn("$1 = 64\n$2 = 64", out)

    def test_write_memory_and_registers_then_detach(self):
        v = self.start()
        out = self.gdb(v, "break tick if cpu == 0", "continue", "set variable watched = 77",
                       "print watched", "print $rdi", "set $r15 = 0x123456789abcdef0", "p/x $r15",
                       "monitor info status", "detach")
        self.assertIn("$1 = 77", out)
        self.assertIn("$3 = 0x123456789abcdef0", out)
        self.assertIn("VM status: paused (debug)", out)
        vmm.wait_until(lambda: v.cmd("query-status")["running"], what="running after detach")

    def test_kill_ends_the_emulator(self):
        v = self.start()
        self.gdb(v, "kill")
        self.assertEqual(v.wait(), 0)
        self.assertIn("Terminated via GDBstub", v.stderr())


class Raw(GdbTest):
    def test_description_lists_registers_as_qemu_numbers_them(self):
        _, r = self.debug()
        root = r.xml()
        self.assertEqual(root.find("architecture").text, "i386:x86-64")
        regs = {reg.get("name"): (int(reg.get("regnum")), int(reg.get("bitsize")))
                for reg in root.iter("reg")}
        self.assertEqual(regs["rax"], (0, 64))
        self.assertEqual(regs["rip"], (16, 64))
        self.assertEqual(regs["eflags"], (17, 32))
        self.assertEqual(regs["gs"], (23, 32))
        self.assertEqual(regs["k_gs_base"], (26, 64))
        self.assertEqual(regs["cr0"], (27, 64))
        self.assertEqual(regs["efer"], (32, 64))
        self.assertEqual(regs["st0"], (33, 80))
        self.assertEqual(regs["xmm0"], (49, 128))
        self.assertEqual(regs["mxcsr"], (65, 32))
        self.assertEqual(len(r.cmd("g")) * 4, sum(bits for _, bits in regs.values()))

    def test_numbers_agree_with_the_peer(self):
        binary = vmm.need_peer()
        with vmm.VMM("-accel", "tcg", "-S", "-gdb", "unix:{dir}/gdb.sock,server=on,wait=off",
                     binary=binary) as v:
            r = Rsp(v.path("gdb.sock"), "xmlRegisters=i386")
            text = b""
            while True:
                part = r.cmd("qXfer:features:read:i386-64bit.xml:%x,400" % len(text))
                text += part[1:]
                if part[:1] == b"l":
                    break
            theirs, number = [], 0
            for reg in xml.etree.ElementTree.fromstring(text).iter("reg"):
                number = int(reg.get("regnum", number))
                theirs.append((reg.get("name"), number, reg.get("bitsize")))
                number += 1
        _, r = self.debug()
        ours = {(reg.get("name"), int(reg.get("regnum")), reg.get("bitsize"))
                for reg in r.xml().iter("reg")}
        self.assertLessEqual(set(theirs), ours)

    def test_32_bit_cpu_is_i386(self):
        self.cpu = "486"
        _, r = self.debug(cpus=1)
        root = r.xml()
        self.assertEqual(root.find("architecture").text, "i386")
        self.assertIn("eip", {reg.get("name") for reg in root.iter("reg")})

    def test_hard_breakpoint_stops_at_its_address(self):
        addr = symbols()["tick"]
        _, r = self.debug()
        self.assertEqual(r.cmd("Z1,%x,1" % addr), b"OK")
        for _ in range(3):
            self.assertEqual(r.cmd("vCont;c:p1.-1"), b"T05thread:p01.01;hwbreak:;")
            self.assertEqual(r.register(REGNUM_RIP), addr)
            self.assertEqual(r.cmd("vCont;s:p1.1")[:3], TRAP)
            self.assertNotEqual(r.register(REGNUM_RIP), addr)
        self.assertEqual(r.cmd("z1,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("z1,%x,1" % addr), b"E22")

    def test_step_moves_one_thread_only(self):
        v, r = self.debug(work="tick,tick")
        self.run_to_ready(v, r)
        before = [r.register(REGNUM_RIP, 1), r.register(REGNUM_RIP, 2)]
        for _ in range(20):
            self.assertEqual(r.cmd("vCont;s:p1.2"), b"T05thread:p01.02;")
        self.assertEqual(r.register(REGNUM_RIP, 1), before[0])

    def test_interrupt_stops_a_running_guest(self):
        v, r = self.debug()
        self.run_to_ready(v, r)
        status = v.cmd("query-status")
        self.assertEqual((status["running"], status["status"]), (False, "paused"))

    def test_stop_of_the_monitor_is_told(self):
        v, r = self.debug()
        r.send("vCont;c")
        v.wait_serial("READY")
        v.cmd("stop")
        self.assertEqual(r.recv(), b"T02thread:p01.01;")

    def test_physical_mode_reads_without_page_tables(self):
        v, r = self.debug()
        self.run_to_ready(v, r)
        sym = symbols()["magic"]
        want = r.cmd("m%x,10" % sym)
        self.assertEqual(want, b"443322118877665 5ccbbaa9900ffeedd".replace(b" ", b""))
        self.assertEqual(r.cmd("Qqemu.PhyMemMode:1"), b"OK")
        self.assertEqual(r.cmd("m%x,10" % sym), want)
        self.assertEqual(r.cmd("Qqemu.PhyMemMode:0"), b"OK")
        self.assertEqual(r.cmd("m7fff00000000,8"), b"E14")

    def test_hostile_packets_leave_a_working_server(self):
        v, r = self.debug()
        r.sock.sendall(b"$g#00$m0,ffffffffffffffff#00\003$$$$#\x00\xff}}}$" + b"A" * 100000)
        r.close()
        for junk in ("m0,4001", "P0=", "Z0,0,0", "Z1,0,ffffffffffffffff", "z4,1,1", "G00",
                     "vCont;s:p1.7f", "Hgp1.ffffffffffffffff", "Mffffffffffffffff,2:0000",
                     "X1000000000,4:abcd", "qRcmd,%s" % (b"gdbserver none".hex()), "qThreadExtraInfo,0"):
            r = Rsp(v.path("gdb.sock"))
            r.cmd(junk)
            r.close()
        r = Rsp(v.path("gdb.sock"))
        self.assertEqual(r.cmd("qAttached"), b"1")
        self.assertEqual(v.cmd("query-status")["status"][:2], "pa")

    def test_a_lost_connection_takes_its_breakpoints_along(self):
        v, r = self.debug()
        self.run_to_ready(v, r)
        self.assertEqual(r.cmd("Z1,%x,1" % symbols()["tick"]), b"OK")
        r.close()
        counter = symbols()["counter"]
        r = Rsp(v.path("gdb.sock"))
        before = r.word(counter)
        r.send("vCont;c")
        v.wait_serial("READY")
        r.interrupt()
        self.assertEqual(r.recv()[:3], b"T02")
        self.assertGreaterEqual(r.word(counter), before)

    def test_end_of_the_emulator_is_told(self):
        v, r = self.debug()
        r.send("vCont;c")
        v.wait_serial("READY")
        v.cmd("quit")
        self.assertEqual(r.recv(), b"W00")

    def test_hmp_gdbserver_starts_and_ends_the_server(self):
        v = vmm.VMM("-accel", "qtest", "-M", "q35")
        self.addCleanup(v.close)
        v.__enter__()
        path = v.path("late.sock")
        self.assertEqual(v.hmp("gdbserver unix:%s,server=on,wait=off" % path),
                         "Waiting for gdb connection on device 'unix:%s,server=on,wait=off'\n" % path)
        r = Rsp(path)
        self.assertEqual(r.cmd("?"), b"T05thread:p01.01;")
        self.assertEqual(v.cmd("query-status")["status"], "paused")
        self.assertEqual(v.hmp("gdbserver none"), "Disabled gdbserver\n")
        self.assertFalse(os.path.exists(path))
        self.assertIn("Could not open gdbserver on device 'nonsense'", v.hmp("gdbserver nonsense"))


class Software(GdbTest):
    """What only -accel tcg can do on every host."""

    def test_soft_breakpoint_leaves_memory_alone(self):
        addr = symbols()["tick"]
        _, r = self.debug()
        before = r.cmd("m%x,10" % addr)
        self.assertEqual(r.cmd("Z0,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("vCont;c"), b"T05thread:p01.01;swbreak:;")
        self.assertEqual(r.register(REGNUM_RIP), addr)
        self.assertEqual(r.cmd("m%x,10" % addr), before)

    def test_watchpoints_tell_kind_and_address(self):
        sym = symbols()
        _, r = self.debug()
        self.assertEqual(r.cmd("Z1,%x,1" % sym["work_tick"]), b"OK")
        self.assertEqual(r.cmd("vCont;c")[:3], TRAP)
        self.assertEqual(r.cmd("z1,%x,1" % sym["work_tick"]), b"OK")
        for kind, name, var in (("2", "watch", "watched"), ("3", "rwatch", "counter"),
                                ("4", "awatch", "counter")):
            point = "%s,%x,8" % (kind, sym[var])
            self.assertEqual(r.cmd("Z" + point), b"OK")
            self.assertEqual(r.cmd("vCont;c").decode(),
                             "T05thread:p01.01;%s:%016x;" % (name, sym[var]))
            self.assertEqual(r.cmd("z" + point), b"OK")
        self.assertGreater(r.word(sym["counter"]), 0)

    def test_watchpoint_of_another_cpu(self):
        sym = symbols()
        v, r = self.debug(work="spin,tick")
        self.run_to_ready(v, r)
        self.assertEqual(r.cmd("Z2,%x,8" % (sym["counter"] + 8)), b"OK")
        self.assertEqual(r.cmd("vCont;c").decode(),
                         "T05thread:p01.02;watch:%016x;" % (sym["counter"] + 8))

    def test_patched_code_runs_at_once(self):
        """A jump to itself in tick() holds the guest; the original bytes free it."""
        sym = symbols()
        v, r = self.debug()
        self.run_to_ready(v, r)
        code = r.cmd("m%x,2" % sym["tick"]).decode()
        self.assertEqual(r.cmd("M%x,2:ebfe" % sym["tick"]), b"OK")
        r.send("vCont;c")
        vmm.wait_until(lambda: v.cmd("query-status")["running"])
        r.interrupt()
        self.assertEqual(r.recv()[:3], b"T02")
        r.send("vCont;c")
        vmm.wait_until(lambda: "RIP=%016x" % sym["tick"] in v.hmp("info registers"),
                       what="CPU 0 in the patched loop")
        r.interrupt()
        r.recv()
        counter = r.word(sym["counter"])
        self.assertEqual(r.cmd("M%x,2:%s" % (sym["tick"], code)), b"OK")
        self.assertEqual(r.cmd("Z2,%x,8" % sym["watched"]), b"OK")
        self.assertEqual(r.cmd("vCont;c")[:3], TRAP)
        self.assertGreater(r.word(sym["counter"]), counter)

    def test_step_over_halt_comes_back(self):
        _, r = self.debug(work="halt", cpus=1)
        self.assertEqual(r.cmd("Z1,%x,1" % symbols()["work_halt"]), b"OK")
        self.assertEqual(r.cmd("vCont;c")[:3], TRAP)
        for _ in range(8):
            self.assertEqual(r.cmd("vCont;s:p1.1"), b"T05thread:p01.01;")
            if "HLT=1" in bytes.fromhex(self.registers(r)).decode():
                return
        self.fail("no HLT within 8 steps")

    @staticmethod
    def registers(r):
        r.send("qRcmd," + b"info registers".hex())
        text = ""
        while True:
            part = r.recv()
            if part == b"OK":
                return text
            text += part[1:].decode()

    def test_thousand_steps_follow_the_program(self):
        """Stepping and running count the same ticks."""
        sym = symbols()
        _, r = self.debug(cpus=1)
        self.assertEqual(r.cmd("Z1,%x,1" % sym["tick"]), b"OK")
        self.assertEqual(r.cmd("vCont;c")[:3], TRAP)
        self.assertEqual(r.cmd("z1,%x,1" % sym["tick"]), b"OK")
        start, entered = r.word(sym["counter"]), 0
        for _ in range(1000):
            self.assertEqual(r.cmd("vCont;s:p1.1"), b"T05thread:p01.01;")
            entered += r.register(REGNUM_RIP) == sym["tick"]
        self.assertGreater(entered, 20)
        self.assertIn(r.word(sym["counter"]) - start, (entered, entered + 1))


class Kvm(GdbTest):
    accel = "kvm"
    cpu = "host"

    def setUp(self):
        vmm.need_kvm()

    def test_hard_breakpoint_and_step(self):
        addr = symbols()["tick"]
        _, r = self.debug(cpus=1)
        self.assertEqual(r.cmd("Z1,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("vCont;c"), b"T05thread:p01.01;hwbreak:;")
        self.assertEqual(r.register(REGNUM_RIP), addr)
        self.assertEqual(r.cmd("z1,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("vCont;s:p1.1"), b"T05thread:p01.01;")
        self.assertNotEqual(r.register(REGNUM_RIP), addr)

    def test_soft_breakpoint_is_taken_out_again(self):
        addr = symbols()["tick"]
        _, r = self.debug(cpus=1)
        before = r.cmd("m%x,4" % addr)
        self.assertEqual(r.cmd("Z0,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("m%x,1" % addr), b"cc")
        self.assertEqual(r.cmd("Z0,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("z0,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("m%x,1" % addr), b"cc")
        self.assertEqual(r.cmd("z0,%x,1" % addr), b"OK")
        self.assertEqual(r.cmd("m%x,4" % addr), before)

    def test_only_four_debug_registers(self):
        _, r = self.debug(cpus=1)
        for i in range(4):
            self.assertEqual(r.cmd("Z2,%x,8" % (0x100000 + 8 * i)), b"OK")
        self.assertEqual(r.cmd("Z1,100000,1"), b"E22")
        self.assertEqual(r.cmd("Z0,100000,1"), b"OK")

    def test_interrupt(self):
        v, r = self.debug()
        self.run_to_ready(v, r)


if __name__ == "__main__":
    vmm.main()
