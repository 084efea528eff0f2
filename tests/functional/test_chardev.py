#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Character devices: what they connect to, their messages, sharing, what is left behind."""
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import time

import vmm

BASE = ("-M", "none", "-display", "none", "-nodefaults")


def read_until(fd, pattern, timeout=10):
    """Reads from a descriptor until a regular expression matches what came."""
    data = b""
    end = time.monotonic() + timeout
    while not re.search(pattern, data):
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            raise AssertionError("no %r in %r" % (pattern, data))
        try:
            piece = os.read(fd, 65536)
        except OSError:
            piece = b""
        if not piece:
            raise AssertionError("ended without %r: %r" % (pattern, data))
        data += piece
    return data


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Options(vmm.TestCase):
    def test_errors_like_qemu(self):
        cases = [
            ("socket", "chardev: no id specified"),
            ("foo,id=a", "'foo' is not a valid char driver name"),
            ("null,id=a,foo=1", "Invalid parameter 'foo'"),
            ("null,id=1x", "Parameter 'id' expects an identifier"),
            ("socket,id=a,path=/nonexist/x,server=on,wait=off",
             "Failed to bind socket to /nonexist/x: No such file or directory"),
            ("socket,id=a,path=/nonexist/x",
             "Failed to connect to '/nonexist/x': No such file or directory"),
            ("socket,id=a,host=127.0.0.1", "chardev: socket: no port given"),
            ("socket,id=a,host=127.0.0.1,port=1",
             "Failed to connect to '127.0.0.1:1': Connection refused"),
            ("socket,id=a,fd=abc", "Unable to parse FD number abc"),
            ("socket,id=a,fd=0", "File descriptor '0' is not a socket"),
            ("socket,id=a,path=x,host=h",
             "None or one of 'path', 'fd' or 'host' option required."),
            ("socket,id=a,path=x,wait=on",
             "'wait' option is incompatible with socket in client connect mode"),
            ("socket,id=a,path=x,server=on,wait=off,reconnect=1",
             "'reconnect' option is incompatible with socket in server listen mode"),
            ("socket,id=a,path=x,server=maybe", "Parameter 'server' expects 'on' or 'off'"),
            ("socket,id=a,path=%s,server=on,wait=off" % ("y" * 120),
             "UNIX socket path '%s' is too long" % ("y" * 120)),
            ("socket,id=a,path=x,tls-creds=t", "TLS is not supported on socket chardevs"),
            ("file,id=a", "chardev: file: no filename given"),
            ("file,id=a,path=/nonexist/x",
             "Could not open '/nonexist/x': No such file or directory"),
            ("pipe,id=a,path=/nonexist/x",
             "Could not open '/nonexist/x': No such file or directory"),
            ("ringbuf,id=a,size=3", "size of ringbuf chardev must be power of two"),
        ]
        for arg, text in cases:
            with self.subTest(arg=arg):
                result = vmm.run(*BASE, "-chardev", arg)
                self.assertEqual(result.status, 1)
                self.assertEqual(result.err.splitlines()[0],
                                 "%s: -chardev %s: %s" % (vmm.PROG, arg, text))

    def test_second_user_is_refused(self):
        result = vmm.run(*BASE, "-chardev", "null,id=a", "-chardev", "null,id=a")
        self.assertIn("Duplicate ID 'a' for chardev", result.err)
        result = vmm.run(*BASE, "-chardev", "stdio,id=a", "-chardev", "stdio,id=b")
        self.assertIn("cannot use stdio by multiple character devices", result.err)
        result = vmm.run(*BASE, "-chardev", "null,id=a", "-mon", "a", "-mon", "a")
        self.assertIn("Device 'a' is in use", result.err)

    def test_help_lists_what_exists(self):
        result = vmm.run("-chardev", "help")
        self.assertEqual(result.status, 0)
        for name in ("socket", "pty", "stdio", "file", "pipe", "null", "ringbuf", "vc"):
            self.assertIn("  %s\n" % name, result.out)

    def test_port_in_use(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(1)
            arg = "socket,id=a,host=127.0.0.1,port=%d,server=on,wait=off" % s.getsockname()[1]
            result = vmm.run(*BASE, "-chardev", arg)
            self.assertEqual(result.status, 1)
            self.assertIn("Failed to find an available port: Address already in use", result.err)

    def test_query_describes_each_like_qemu(self):
        port = free_port()
        with vmm.VMM("-M", "none", "-chardev", "socket,id=u,path={dir}/u,server=on,wait=off",
                     "-chardev", "socket,id=t,host=127.0.0.1,port=%d,server=on,wait=off" % port,
                     "-chardev", "pty,id=p", "-chardev", "null,id=n", "-chardev",
                     "file,id=f,path={dir}/f", "-chardev", "ringbuf,id=r", "-chardev",
                     "socket,id=ab,path=vmm-test-%d,abstract=on,server=on,wait=off" % os.getpid(),
                     "-chardev", "null,id=m,mux=on", "-mon", "t") as vm:
            def names():
                return {c["label"]: c["filename"] for c in vm.cmd("query-chardev")}

            first = names()
            self.assertEqual(first["u"], "disconnected:unix:%s,server=on" % vm.path("u"))
            self.assertEqual(first["t"], "disconnected:tcp:127.0.0.1:%d,server=on" % port)
            self.assertRegex(first["p"], r"^pty:/dev/pts/\d+$")
            self.assertEqual(first["ab"], "disconnected:unix:vmm-test-%d,abstract=on,tight=on,"
                             "server=on" % os.getpid())
            self.assertEqual([first[x] for x in ("n", "f", "r", "m", "m-base")],
                             ["null", "file", "ringbuf", "mux", "null"])
            self.assertEqual(first["compat_monitor0"], "unix:%s,server=on" % vm.qmp_path)
            with socket.create_connection(("127.0.0.1", port)) as s:
                vmm.wait_until(lambda: names()["t"] ==
                               "tcp:127.0.0.1:%d,server=on <-> 127.0.0.1:%d" %
                               (port, s.getsockname()[1]))
            vmm.wait_until(lambda: names()["t"].startswith("disconnected:"))
            self.assertIn("char device redirected to %s (label p)\n" % first["p"][4:],
                          vm.read("stdout"))


class Sockets(vmm.TestCase):
    def test_socket_files_are_gone_after_every_way_to_end(self):
        for how in ("quit", "SIGTERM", "SIGINT"):
            with self.subTest(how=how), \
                    vmm.VMM("-M", "none", "-chardev",
                            "socket,id=u,path={dir}/u,server=on,wait=off") as vm:
                self.assertTrue(os.path.exists(vm.path("u")))
                if how == "quit":
                    vm.cmd("quit")
                else:
                    vm.proc.send_signal(getattr(signal, how))
                self.assertEqual(vm.wait(), 0)
                self.assertFalse(os.path.exists(vm.path("u")))
                self.assertFalse(os.path.exists(vm.qmp_path))

    def test_socket_files_are_gone_after_a_failed_start(self):
        with vmm.VMM(*BASE, qmp=False, serial=False) as vm:
            path = vm.path("x")
            vmm.run(*BASE, "-chardev", "socket,id=u,path=%s,server=on,wait=off" % path,
                    "-chardev", "foo,id=b")
            self.assertFalse(os.path.exists(path))

    def test_stale_socket_file_is_replaced(self):
        with vmm.VMM("-M", "none", qmp=False) as vm:
            stale = socket.socket(socket.AF_UNIX)
            stale.bind(vm.path("s"))
            stale.close()
            with vmm.VMM("-M", "none", "-qmp", "unix:%s,server=on,wait=off" % vm.path("s")):
                vmm.QMP.connect(vm.path("s")).close()

    def test_inherited_listening_socket(self):
        # libvirt's way: -chardev socket,fd=N,server=on
        with socket.socket(socket.AF_UNIX) as listener:
            name = "\0vmm-test-fd-%d" % os.getpid()
            listener.bind(name)
            listener.listen(1)
            os.set_inheritable(listener.fileno(), True)
            proc = subprocess.Popen([vmm.BINARY, *BASE, "-chardev",
                                     "socket,id=m,fd=%d,server=on,wait=off" % listener.fileno(),
                                     "-mon", "chardev=m,mode=control"], close_fds=False)
            try:
                for _ in range(3):
                    sock = socket.socket(socket.AF_UNIX)
                    sock.connect(name)
                    session = vmm.QMP(sock)
                    self.assertIn("running", session.cmd("query-status"))
                    session.close()
            finally:
                proc.kill()
                proc.wait()

    def test_wait_on_holds_the_start_until_somebody_connects(self):
        with vmm.VMM("-M", "none", "-chardev", "socket,id=w,path={dir}/w,server=on", qmp=False,
                     serial=False) as vm:
            vmm.wait_until(lambda: "info: QEMU waiting for connection on: disconnected:unix:%s,"
                           "server=on" % vm.path("w") in vm.stderr())
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(vm.path("w"))
                time.sleep(0.2)
                self.assertTrue(vm.alive())

    def test_signal_while_waiting_ends_the_program(self):
        with vmm.VMM("-M", "none", "-chardev", "socket,id=w,path={dir}/w,server=on", qmp=False,
                     serial=False) as vm:
            vmm.wait_until(lambda: "waiting for connection" in vm.stderr())
            vm.proc.send_signal(signal.SIGTERM)
            vm.wait(10)
            self.assertFalse(os.path.exists(vm.path("w")))

    def test_client_reconnects(self):
        with vmm.VMM("-M", "none", qmp=False) as holder:
            path = holder.path("srv")
            with vmm.VMM("-M", "none", "-chardev",
                         "socket,id=c,path=%s,reconnect-ms=50" % path, "-mon",
                         "chardev=c,mode=control") as vm:
                vmm.wait_until(lambda: "Unable to connect character device c: Failed to connect to"
                               in vm.stderr())
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(path)
                listener.listen(1)
                for _ in range(3):
                    listener.settimeout(10)
                    conn = listener.accept()[0]
                    session = vmm.QMP(conn)
                    self.assertIn("running", session.cmd("query-status"))
                    session.close()
                listener.close()
                self.assertEqual(vm.stderr().count("Unable to connect"), 1)

    def test_second_client_waits_for_the_first_to_leave(self):
        with vmm.VMM("-M", "none") as vm:
            second = socket.socket(socket.AF_UNIX)
            second.connect(vm.qmp_path)
            second.settimeout(0.3)
            self.assertRaises(socket.timeout, second.recv, 10)
            vm.qmp.close()
            vm.qmp = vmm.QMP(second)

    def test_tcp_monitor(self):
        port = free_port()
        with vmm.VMM("-M", "none", "-qmp", "tcp:127.0.0.1:%d,server=on,wait=off,nodelay=on" % port,
                     "-monitor", "tcp:localhost:%d,server,nowait" % free_port()):
            session = vmm.QMP(socket.create_connection(("127.0.0.1", port)))
            self.assertIn("running", session.cmd("query-status"))
            session.close()


class Terminals(vmm.TestCase):
    def spawn(self, *args):
        """The emulator on a new terminal."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(vmm.BINARY, [vmm.BINARY, *BASE, *args])
        self.addCleanup(os.close, fd)

        def reap():
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        self.addCleanup(reap)
        return pid, fd

    def test_monitor_on_a_terminal(self):
        pid, fd = self.spawn("-monitor", "stdio")
        read_until(fd, rb"QEMU 11\.0\.0 monitor - type 'help' for more information\r+\n\(qemu\) $")
        os.write(fd, b"info stat\t\r")
        read_until(fd, rb"info status *\r+\nVM status: running\r+\n\(qemu\) $")
        os.write(fd, b"xinfo name\x01\x04\r")  # Ctrl-A Ctrl-D: the x goes
        read_until(fd, rb"\r+\n\(qemu\) $")
        os.write(fd, b"\x1b[A\x1b[A\r")  # two lines up
        read_until(fd, rb"VM status: running\r+\n\(qemu\) $")
        os.write(fd, b"nope\r")
        read_until(fd, rb"unknown command: 'nope'\r+\n\(qemu\) $")
        os.write(fd, b"quit\r")
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_terminal_mode_is_restored(self):
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        proc = subprocess.Popen([vmm.BINARY, *BASE, "-monitor", "stdio"], stdin=slave,
                                stdout=slave, stderr=slave)
        read_until(master, rb"\(qemu\) $")
        self.assertFalse(termios.tcgetattr(slave)[3] & termios.ECHO)
        proc.send_signal(signal.SIGTERM)
        proc.wait(10)
        self.assertEqual(termios.tcgetattr(slave), before)
        os.close(master)
        os.close(slave)

    def test_ctrl_c_ends_unless_signal_is_off(self):
        pid, fd = self.spawn("-chardev", "stdio,id=s", "-mon", "s")
        read_until(fd, rb"\(qemu\) $")
        os.write(fd, b"\x03")
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        pid, fd = self.spawn("-chardev", "stdio,id=s,signal=off", "-mon", "s")
        read_until(fd, rb"\(qemu\) $")
        os.write(fd, b"\x03info name\r")
        read_until(fd, rb"\r+\n\(qemu\) $")

    def test_mux_escape_commands(self):
        pid, fd = self.spawn("-chardev", "stdio,id=s,mux=on,signal=off", "-mon", "s", "-mon",
                             "s,mode=control")
        # The last front end has the keyboard.
        read_until(fd, rb'\{"QMP"')
        os.write(fd, b"\x01c")
        read_until(fd, rb"\(qemu\) $")
        os.write(fd, b"info name\r")
        read_until(fd, rb"info name\r+\n\(qemu\) $")
        os.write(fd, b"\x01h")
        read_until(fd, rb"C-a x    exit emulator")
        os.write(fd, b"\x01c{'execute':'qmp_capabilities'}")
        read_until(fd, rb'\{"return": \{\}\}')
        os.write(fd, b"\x01x")
        read_until(fd, rb"QEMU: Terminated")
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_pty_can_be_opened_again_and_again(self):
        with vmm.VMM("-M", "none", "-chardev", "pty,id=p", "-mon", "p") as vm:
            path = vm.cmd("query-chardev")
            path = next(c["filename"][4:] for c in path if c["label"] == "p")
            for _ in range(3):
                fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
                read_until(fd, rb"\(qemu\) $")
                os.write(fd, b"info status\r")
                read_until(fd, rb"VM status: running\r+\n\(qemu\) $")
                os.close(fd)
                time.sleep(0.3)


class Streams(vmm.TestCase):
    def test_commands_piped_in_all_run_and_output_is_complete(self):
        proc = subprocess.run([vmm.BINARY, *BASE, "-qmp", "stdio"], stdout=subprocess.PIPE,
                              input=b'{"execute":"qmp_capabilities"}' +
                              b'{"execute":"query-qmp-schema"}' * 20 + b'{"execute":"quit"}',
                              timeout=30, check=True)
        lines = proc.stdout.decode().splitlines()
        self.assertEqual(len([line for line in lines if line.startswith('{"return"')]), 22)
        self.assertIn('"SHUTDOWN"', lines[-1])

    def test_reader_that_goes_away_does_not_end_the_program(self):
        proc = subprocess.Popen([vmm.BINARY, *BASE, "-monitor", "stdio"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        proc.stdout.read(10)
        proc.stdout.close()
        for _ in range(3):
            proc.stdin.write(b"help\n")
            proc.stdin.flush()
            time.sleep(0.1)
        self.assertIsNone(proc.poll())
        proc.stdin.write(b"quit\n")
        proc.stdin.flush()
        self.assertEqual(proc.wait(10), 0)
        proc.stdin.close()

    def test_stdout_of_others_stays_blocking(self):
        # The descriptor is shared with whoever started us.
        r, w = os.pipe()
        proc = subprocess.Popen([vmm.BINARY, *BASE, "-monitor", "stdio"], stdin=subprocess.PIPE,
                                stdout=w)
        read_until(r, rb"\(qemu\)")
        self.assertTrue(os.get_blocking(w))
        proc.kill()
        proc.wait()
        proc.stdin.close()
        os.close(r)
        os.close(w)

    def test_logfile_gets_a_copy(self):
        with vmm.VMM("-M", "none", "-chardev", "ringbuf,id=r,logfile={dir}/log", "-mon", "r",
                     "-chardev", "null,id=n,logfile={dir}/log2,logappend=on") as vm:
            self.assertIn("QEMU 11.0.0 monitor", vm.read("log"))

    def test_ringbuf_keeps_the_newest_bytes(self):
        with vmm.VMM("-M", "none", "-chardev", "ringbuf,id=r,size=8") as vm:
            vm.cmd("ringbuf-write", {"device": "r", "data": "0123456789"})
            self.assertEqual(vm.cmd("ringbuf-read", {"device": "r", "size": 3}), "234")
            vm.cmd("ringbuf-write", {"device": "r", "data": "/w==", "format": "base64"})
            self.assertEqual(vm.cmd("ringbuf-read", {"device": "r", "size": 1000,
                                                     "format": "base64"}), "NTY3ODn/")
            self.assertEqual(vm.cmd("ringbuf-read", {"device": "r", "size": 1}), "")
            with self.assertRaisesRegex(vmm.QMPError, "Device 'x' not found"):
                vm.cmd("ringbuf-read", {"device": "x", "size": 1})
            with self.assertRaisesRegex(vmm.QMPError, "serial0 is not a ringbuf device"):
                vm.cmd("ringbuf-read", {"device": "serial0", "size": 1})

    def test_named_pipes(self):
        with vmm.VMM("-M", "none", qmp=False) as holder:
            base = holder.path("p")
            os.mkfifo(base + ".in")
            os.mkfifo(base + ".out")
            with vmm.VMM("-M", "none", "-monitor", "pipe:" + base):
                out = os.open(base + ".out", os.O_RDONLY)
                read_until(out, rb"\(qemu\) $")
                with open(base + ".in", "wb") as f:
                    f.write(b"info status\n")
                read_until(out, rb"VM status: running")
                os.close(out)


class Daemon(vmm.TestCase):
    def test_sockets_listen_before_the_parent_ends(self):
        with vmm.VMM("-M", "none", qmp=False) as holder:
            path = holder.path("d")
            for _ in range(5):
                result = vmm.run(*BASE, "-qmp", "unix:%s,server=on,wait=off" % path, "-pidfile",
                                 holder.path("pid"), "-daemonize")
                self.assertEqual(result.status, 0, result.err)
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)  # no retry
                session = vmm.QMP(sock)
                session.cmd("quit")
                vmm.wait_until(lambda: not os.path.exists(path))
                vmm.wait_until(lambda: not os.path.exists(holder.path("pid")))
                session.close()


if __name__ == "__main__":
    vmm.main()
