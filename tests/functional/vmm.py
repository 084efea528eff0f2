# SPDX-License-Identifier: GPL-2.0-or-later
"""What the functional tests share: run the emulator, talk QMP to it, report as TAP.

A test file ends with `vmm.main()`. By hand: tests/functional/test_x.py [-k PATTERN] [-v]
Environment (meson sets it): VMM_BINARY the emulator; VMM_BUILD the build directory (guests, shim);
VMM_PEER stock QEMU, default /usr/bin/qemu-system-x86_64; VMM_SANDBOX=1 runs every emulator behind
-sandbox as libvirt asks for it. Nothing here waits without a limit.
"""
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from collections import namedtuple

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("VMM_BUILD", os.path.join(SOURCE, "build"))
BINARY = os.environ.get("VMM_BINARY", os.path.join(BUILD, "qemu-system-x86_64"))
PEER = os.environ.get("VMM_PEER", "/usr/bin/qemu-system-x86_64")
PROG = "qemu-system-x86_64"
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
TEST_LIMIT_S = 300   # one test
RUN_LIMIT_S = 60     # one process that should end by itself
QMP_LIMIT_S = 60     # one reply

Result = namedtuple("Result", "status out err")


# --- what a test needs ------------------------------------------------------------------------

def kvm_works():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
        return True
    except OSError:
        return False


def need_kvm():
    if os.environ.get("VMM_NO_KVM"):
        raise unittest.SkipTest("built without KVM")
    if not kvm_works():
        raise unittest.SkipTest("no /dev/kvm")


def need_seoib_flags():
    """A kernel that lets the VMM choose about Suppress EOI Broadcast."""
    with open("/dev/kvm", "rb+", buffering=0) as kvm:
        have = fcntl.ioctl(kvm, 0xAE03, 129)  # KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API
    if have & 0xc != 0xc:
        raise unittest.SkipTest("this kernel has no Suppress EOI Broadcast flags")


def need_peer():
    """Stock QEMU, to compare with."""
    if not os.access(PEER, os.X_OK):
        raise unittest.SkipTest("no stock QEMU at %s" % PEER)
    return PEER


def need_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("not root")


def built(path):
    """A file of the build directory that a test needs."""
    full = os.path.join(BUILD, path)
    if not os.path.exists(full):
        raise unittest.SkipTest("not built: %s" % path)
    return full


def guest(name):
    return built(os.path.join("tests", "guest", name + ".elf"))


def shim_env(mode=None, **extra):
    """Environment that puts the KVM shim (tests/kvm/seoib-shim.c) under the emulator."""
    env = {"LD_PRELOAD": built("tests/kvm/seoib-shim.so")}
    if mode:
        env["SEOIB_SHIM"] = mode
    env.update(extra)
    return env


# --- processes --------------------------------------------------------------------------------

def die_with_parent():
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _environment(extra):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SEOIB_", "LD_PRELOAD"))}
    env.update(LC_ALL="C", G_SLICE="")
    env.update(extra or {})
    return env


def sandbox_args(binary):
    """What VMM_SANDBOX adds to the command line of the emulator under test."""
    own = binary in (None, BINARY)
    return ["-sandbox", SANDBOX] if os.environ.get("VMM_SANDBOX") and own else []


def run(*args, env=None, cwd=None, binary=None, timeout=RUN_LIMIT_S, stdin=subprocess.DEVNULL):
    """Runs the emulator to its end. A run over the limit is killed and fails the test."""
    argv = [binary or BINARY] + sandbox_args(binary) + list(args)
    proc = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            cwd=cwd, env=_environment(env), preexec_fn=die_with_parent)
    try:
        out, err = proc.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        proc.kill()
        out, err = proc.communicate()
        raise AssertionError("did not end within %s s: %s\nstdout: %s\nstderr: %s" %
                             (timeout, " ".join(argv), out.decode("utf-8", "replace")[-2000:],
                              err.decode("utf-8", "replace")[-2000:])) from None
    return Result(proc.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def read_text(path):
    """A file's text; empty while there is no such file."""
    try:
        with open(path, "rb") as f:
            return f.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def wait_until(condition, timeout=QMP_LIMIT_S, what="condition"):
    """Polls @condition until it is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %s s: %s" % (timeout, what))
        time.sleep(0.01)


class QMPError(Exception):
    def __init__(self, error):
        super().__init__("%s: %s" % (error.get("class"), error.get("desc")))
        self.cls = error.get("class")
        self.desc = error.get("desc")


class QMP:
    """One QMP session on a connected socket."""

    def __init__(self, sock, negotiate=True):
        self.sock = sock
        self.buf = b""
        self.events = []
        self.greeting = self.recv()
        if negotiate:
            self.cmd("qmp_capabilities")

    @classmethod
    def connect(cls, path, timeout=QMP_LIMIT_S, alive=lambda: True, **kwargs):
        end = time.monotonic() + timeout
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                return cls(sock, **kwargs)
            except (FileNotFoundError, ConnectionRefusedError):
                sock.close()
                if not alive() or time.monotonic() > end:
                    raise AssertionError("no QMP socket at %s" % path) from None
                time.sleep(0.005)

    def close(self):
        self.sock.close()

    def send_raw(self, data):
        self.sock.settimeout(QMP_LIMIT_S)
        self.sock.sendall(data)

    def recv(self, timeout=QMP_LIMIT_S):
        """The next message of any kind; None at the end of the connection."""
        end = time.monotonic() + timeout
        while b"\n" not in self.buf:
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError("no QMP message within %s s" % timeout)
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(1 << 16)
            except socket.timeout:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return json.loads(line) if line.strip() else self.recv(timeout)

    def reply(self, timeout=QMP_LIMIT_S):
        """The next reply; events on the way are kept."""
        while True:
            msg = self.recv(timeout)
            if msg is None:
                raise AssertionError("QMP connection ended")
            if "event" not in msg:
                return msg
            self.events.append(msg)

    def cmd(self, name, arguments=None, timeout=QMP_LIMIT_S):
        """Return value of the command; QMPError when it failed."""
        request = {"execute": name}
        if arguments is not None:
            request["arguments"] = arguments
        self.send_raw(json.dumps(request).encode() + b"\n")
        msg = self.reply(timeout)
        if "error" in msg:
            raise QMPError(msg["error"])
        return msg["return"]

    def hmp(self, line):
        return self.cmd("human-monitor-command", {"command-line": line}).replace("\r\n", "\n")

    def event(self, name, timeout=QMP_LIMIT_S):
        """The next event of that name, skipping others."""
        end = time.monotonic() + timeout
        while True:
            for i, msg in enumerate(self.events):
                if msg["event"] == name:
                    del self.events[:i + 1]
                    return msg
            msg = self.recv(max(end - time.monotonic(), 0.01))
            if msg is None:
                raise AssertionError("QMP connection ended before event %s" % name)
            self.events.append(msg)


class VMM:
    """A running emulator with a directory of its own; use as a context manager.

    @args follow `-display none -nodefaults`; {dir} in them is replaced by the directory. The serial
    port goes to the file serial() reads, unless serial=False.
    """

    def __init__(self, *args, env=None, qmp=True, serial=True, binary=None):
        self.dir = tempfile.mkdtemp(prefix="vmm-")
        self.qmp_path = os.path.join(self.dir, "qmp.sock")
        self.argv = [binary or BINARY, *sandbox_args(binary), "-display", "none", "-nodefaults"]
        self.argv += [a.replace("{dir}", self.dir) for a in args]
        self._serial = os.path.join(self.dir, "serial.log")
        if serial:
            self.argv += ["-serial", "file:" + self._serial]
        if qmp:
            self.argv += ["-qmp", "unix:%s,server=on,wait=off" % self.qmp_path]
        self._want_qmp = qmp
        self._env = _environment(env)
        self.qmp = None
        self.proc = None

    def __enter__(self):
        try:
            with open(self.path("stdout"), "wb") as out, open(self.path("stderr"), "wb") as err:
                self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out,
                                             stderr=err, env=self._env,
                                             preexec_fn=die_with_parent)
            if self._want_qmp:
                self.qmp = QMP.connect(self.qmp_path, alive=self.alive)
        except BaseException as e:
            text = self.stderr()
            self.close()
            if isinstance(e, AssertionError):
                raise AssertionError("%s\n%s\nstderr: %s" % (e, " ".join(self.argv), text)) from e
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self.qmp:
            self.qmp.close()
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        return read_text(self.path(name))

    def serial(self):
        return self.read("serial.log")

    def stderr(self):
        return self.read("stderr")

    def alive(self):
        return self.proc.poll() is None

    def wait(self, timeout=RUN_LIMIT_S):
        """Exit status of a process that ends by itself."""
        try:
            return self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError("did not end within %s s: %s\nstderr: %s\nserial: %s" %
                                 (timeout, " ".join(self.argv), self.stderr()[-2000:],
                                  self.serial()[-2000:])) from None

    def quit(self, timeout=RUN_LIMIT_S):
        self.qmp.cmd("quit")
        return self.wait(timeout)

    def cmd(self, name, arguments=None, **kwargs):
        return self.qmp.cmd(name, arguments, **kwargs)

    def hmp(self, line):
        return self.qmp.hmp(line)

    def wait_serial(self, pattern, timeout=RUN_LIMIT_S):
        """Waits for a regular expression on the serial port; fails early when the VMM ends."""
        def found():
            ended = not self.alive()
            m = re.search(pattern, self.serial())
            if not m and ended:
                raise AssertionError("ended with %s before '%s'; stderr: %s" %
                                     (self.proc.returncode, pattern, self.stderr()[-2000:]))
            return m
        return wait_until(found, timeout, "'%s' on the serial port; have: %s" %
                          (pattern, self.serial()[-500:]))


# --- reporting --------------------------------------------------------------------------------

class TestLimit(Exception):
    pass


class TestCase(unittest.TestCase):
    """Adds a time limit for each test (limit_s) and a long diff."""
    limit_s = TEST_LIMIT_S
    maxDiff = None

    def run(self, result=None):
        def expire(signum, frame):
            raise TestLimit("test took longer than %d s" % self.limit_s)
        old = signal.signal(signal.SIGALRM, expire)
        signal.alarm(self.limit_s)
        try:
            return super().run(result)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, old)


class TapResult(unittest.TestResult):
    """One TAP line a test; what failed in diagnostics before it."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.bad = False

    @staticmethod
    def name(test):
        return getattr(test, "tap_name", None) or test.id().split(".", 1)[-1]

    def line(self, test, ok, extra=""):
        self.count += 1
        sys.stdout.write("%s %d - %s%s\n" % ("ok" if ok else "not ok", self.count, self.name(test),
                                             extra))
        sys.stdout.flush()

    @staticmethod
    def diagnose(text):
        for row in text.rstrip().splitlines():
            sys.stdout.write("# %s\n" % row)

    def startTest(self, test):
        super().startTest(test)
        self.bad = False

    def _fail(self, test, err):
        self.diagnose(self._exc_info_to_string(err, test))
        self.bad = True

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.diagnose(str(subtest))
            self._fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, err)
        if not isinstance(test, unittest.TestCase):  # setUpClass, setUpModule
            self.line(test, False)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(test, True, " # SKIP skipped: %s" % reason)
        self.bad = None

    def addSuccess(self, test):
        super().addSuccess(test)

    def stopTest(self, test):
        super().stopTest(test)
        if self.bad is not None:
            self.line(test, not self.bad)


def main():
    """Runs the calling file's tests; the exit status says whether all passed."""
    module = sys.modules["__main__"]
    loader = unittest.TestLoader()
    patterns = []
    args = sys.argv[1:]
    while args:
        arg = args.pop(0)
        if arg == "-k" and args:
            pattern = args.pop(0)
            patterns.append(pattern if "*" in pattern else "*%s*" % pattern)
        else:
            sys.exit("usage: %s [-k PATTERN]..." % sys.argv[0])
    if patterns:
        loader.testNamePatterns = patterns
    suite = loader.loadTestsFromModule(module)
    result = TapResult()
    signal.signal(signal.SIGTERM, lambda s, f: sys.exit(143))
    suite.run(result)
    print("1..%d" % result.count)
    sys.exit(0 if result.wasSuccessful() else 1)
