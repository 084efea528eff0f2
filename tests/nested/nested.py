# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with a real KVM where there is none: a Debian kernel (L1) with kvm_amd, booted in stock
QEMU's software CPU with emulated SVM and nested paging. A shell script runs in it as root.

    with L1("6.12", files, script) as l1:
        for line in l1.lines(): ...

Kernels are Debian packages, fetched once with apt-get into a cache (NESTED_KVM_CACHE, default
~/.cache/nested-kvm). Needs qemu-system-x86, busybox-static, zstd, lz4, xz-utils; no root.
"""
import contextlib
import fcntl
import glob
import lzma
import os
import re
import selectors
import shutil
import signal
import struct
import subprocess
import tempfile
import time

CACHE = os.environ.get("NESTED_KVM_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "nested-kvm")
QEMU = os.environ.get("VMM_PEER", "/usr/bin/qemu-system-x86_64")
FETCH_LIMIT_S = 180
L1_CMDLINE = ("console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check "
              "cryptomgr.notests random.trust_cpu=on net.ifnames=0")
# What stock QEMU wants besides its libraries.
FIRMWARE = ["/usr/share/seabios/*.bin", "/usr/share/qemu/kvmvapic.bin",
            "/usr/share/qemu/linuxboot*.bin", "/usr/share/qemu/multiboot*.bin",
            "/usr/share/qemu/pvh.bin", "/usr/lib/x86_64-linux-gnu/qemu/accel-*-x86_64.so"]


class Unavailable(Exception):
    """The nested machine cannot be had here (no network, no package): a reason to skip."""


def require():
    for tool in ("zstd", "lz4", "xz", "apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise Unavailable("no %s" % tool)
    if not os.access(QEMU, os.X_OK):
        raise Unavailable("no stock QEMU (package qemu-system-x86)")
    busybox()


def busybox():
    path = shutil.which("busybox")
    if not path:
        raise Unavailable("no busybox (package busybox-static)")
    if subprocess.run(["ldd", path], capture_output=True).returncode == 0:
        raise Unavailable("busybox is not static (package busybox-static)")
    return path


# --- kernels ------------------------------------------------------------------------------------

class Kernel:
    """An unpacked kernel package: .bzimage, .elf (the same kernel, uncompressed), .modules."""

    def __init__(self, series, tree):
        self.series = series
        self.bzimage = sorted(glob.glob(os.path.join(tree, "boot", "vmlinuz-*")))[-1]
        version = os.path.basename(self.bzimage)[len("vmlinuz-"):]
        self.version = version
        dirs = [os.path.join(tree, d, "lib/modules", version) for d in ("", "usr")]
        self.modules = next(d for d in dirs if os.path.isdir(d))

    @property
    def elf(self):
        path = os.path.join(CACHE, "run", "vmlinux-" + self.version)
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            tmp = "%s.%d" % (path, os.getpid())
            with open(tmp, "wb") as f:
                f.write(payload_of(self.bzimage))
            os.rename(tmp, path)
        return path


def payload_of(bzimage):
    """The ELF file inside a bzImage (Documentation/arch/x86/boot.rst, payload_offset)."""
    with open(bzimage, "rb") as f:
        image = f.read()
    setup = (image[0x1f1] or 4) * 512 + 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    data = image[setup + offset:setup + offset + length - 4]  # the last 4 bytes: unpacked size
    for magic, tool in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x02\x21\x4c\x18", "lz4"),
                        (b"\xfd7zXZ", "xz"), (b"\x1f\x8b\x08", "gzip")):
        if data.startswith(magic):
            return subprocess.run([tool, "-dc"], input=data, stdout=subprocess.PIPE,
                                  check=True).stdout
    raise Unavailable("%s: unknown compression" % bzimage)


def version_key(name):
    return [int(n) for n in re.findall(r"\d+", name)]


def package_pattern(series, flavour="cloud-amd64"):
    """@flavour: cloud-amd64, amd64, 686-pae: the end of the package's name."""
    return re.compile(r"linux-image-%s[.+-][0-9.+~-]*(deb[0-9+.]*-)?%s-unsigned$" %
                      (re.escape(series), re.escape(flavour)))


def apt_options(arch):
    """Options that make apt see the packages of a foreign architecture, with lists of their own."""
    if arch == "amd64":
        return []
    home = os.path.join(CACHE, "apt-" + arch)
    for d in ("lists/partial", "cache/archives/partial", "parts"):
        os.makedirs(os.path.join(home, d), exist_ok=True)
    with open(os.path.join(home, "sources.list"), "w") as f:
        f.write("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                "http://deb.debian.org/debian bookworm main\n")
    open(os.path.join(home, "status"), "a").close()
    options = ["APT::Architecture=" + arch, "APT::Architectures=" + arch,
               "Dir::Etc::sourcelist=%s/sources.list" % home, "Dir::Etc::sourceparts=%s/parts" % home,
               "Dir::State::lists=%s/lists" % home, "Dir::State::status=%s/status" % home,
               "Dir::Cache=%s/cache" % home]
    return [word for o in options for word in ("-o", o)]


def apt_names(pattern, arch="amd64"):
    out = subprocess.run(["apt-cache"] + apt_options(arch) + ["search", "--names-only", "^linux-image-"],
                         capture_output=True, text=True, timeout=60).stdout
    names = [line.split()[0] for line in out.splitlines() if line]
    return sorted(filter(pattern.match, names), key=version_key)


def apt_update(arch="amd64"):
    subprocess.run(["apt-get"] + apt_options(arch) + ["update"], capture_output=True,
                   timeout=FETCH_LIMIT_S)


def fetch(series, flavour="cloud-amd64", arch="amd64"):
    """Downloads and unpacks the newest package of the series into the cache."""
    names = apt_names(package_pattern(series, flavour), arch)
    if not names:
        apt_update(arch)
        names = apt_names(package_pattern(series, flavour), arch)
    if not names:
        raise Unavailable("no package of a Linux %s kernel, flavour %s" % (series, flavour))
    return fetch_package(names[-1], arch)


def fetch_package(name, arch="amd64"):
    """Downloads and unpacks a package into the cache; returns its folder's name there."""
    work = tempfile.mkdtemp(prefix="dl.", dir=CACHE)
    try:
        for attempt in range(2):
            got = subprocess.run(["apt-get"] + apt_options(arch) + ["download", name], cwd=work,
                                 timeout=FETCH_LIMIT_S,
                                 capture_output=True, text=True)
            debs = glob.glob(os.path.join(work, "*.deb"))
            if debs:
                break
            if attempt == 0:
                apt_update(arch)
        else:
            raise Unavailable("cannot download %s: %s" % (name, got.stderr.strip()[-200:]))
        tree = os.path.join(work, "x")
        subprocess.run(["dpkg-deb", "-x", debs[0], tree], check=True, timeout=FETCH_LIMIT_S)
        folder = name if arch == "amd64" or name.endswith("-unsigned") else name + "." + arch
        os.rename(tree, os.path.join(CACHE, folder))
    except subprocess.TimeoutExpired as e:
        raise Unavailable("no package %s: %s" % (name, e)) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


@contextlib.contextmanager
def cache_lock():
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kernel(series, flavour="cloud-amd64", arch="amd64"):
    with cache_lock():
        have = sorted(filter(package_pattern(series, flavour).match, os.listdir(CACHE)),
                      key=version_key)
        return Kernel(series, os.path.join(CACHE, have[-1] if have
                                           else fetch(series, flavour, arch)))


def package(name, arch="amd64"):
    """Folder with the unpacked package."""
    with cache_lock():
        folder = os.path.join(CACHE, name if arch == "amd64" else name + "." + arch)
        return folder if os.path.isdir(folder) else os.path.join(CACHE, fetch_package(name, arch))


# --- initramfs ----------------------------------------------------------------------------------

class Initramfs:
    """A newc archive under construction (Documentation/driver-api/early-userspace)."""

    def __init__(self):
        self.data = bytearray()
        self.have = set()
        self.inode = 0

    def _entry(self, path, mode, body):
        name = path.strip("/").encode() + b"\0"
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name), 0]
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields) + name
        self.data += b"\0" * (-len(self.data) % 4) + body
        self.data += b"\0" * (-len(self.data) % 4)
        self.have.add(path.strip("/"))

    def directory(self, path):
        path = path.strip("/")
        if path and path not in self.have:
            self.directory(os.path.dirname(path))
            self._entry(path, 0o40755, b"")

    def file(self, path, body, mode=0o644):
        if path.strip("/") in self.have:
            return
        self.directory(os.path.dirname(path))
        self._entry(path, 0o100000 | mode, body if isinstance(body, (bytes, bytearray))
                    else body.encode())

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self._entry(path, 0o120777, target.encode())

    def add(self, source, path):
        """A file of this machine, with the shared libraries it needs."""
        with open(source, "rb") as f:
            body = f.read()
        self.file(path, body, 0o755 if os.access(source, os.X_OK) else 0o644)
        if body[:4] != b"\x7fELF" or source.endswith((".elf", ".bin")):
            return
        out = subprocess.run(["ldd", source], capture_output=True, text=True).stdout
        for lib in re.findall(r"(?:=> )?(/\S+) \(0x", out):
            if lib.strip("/") not in self.have:
                with open(lib, "rb") as f:
                    self.file(lib, f.read(), 0o755)

    def finish(self):
        self._entry("TRAILER!!!", 0, b"")
        return bytes(self.data)


L1_INIT = r"""#!/bin/busybox sh
export PATH=/usr/bin:/bin HOME=/root TERM=dumb
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
while read -r m; do insmod "/mod/$m" || echo "insmod $m failed"; done </mod/order
port=$(grep -l '^nested.out$' /sys/class/virtio-ports/*/name)
port=/dev/$(basename "$(dirname "$port")")
exec 3>"$port"
{ [ -c /dev/kvm ] || { echo "@@NOKVM"; dmesg | grep -iE 'kvm|svm'; }
echo "@@READY $(cut -d' ' -f1 /proc/uptime)"
cd /; . /script
echo "@@DONE $(cut -d' ' -f1 /proc/uptime)"; } >&3 2>&1 </dev/null
poweroff -f
"""

L2_INIT = r"""#!/bin/busybox sh
export PATH=/bin
mount -t devtmpfs d /dev; mount -t proc p /proc; mount -t sysfs s /sys
read -r up _ </proc/uptime
echo "GUEST-INIT uptime=$up kernel=$(uname -r) cpus=$(nproc)"
. /check
poweroff -f
"""


def base_initramfs(init, shell=None):
    """@shell: another busybox than this machine's."""
    fs = Initramfs()
    for d in ("bin", "dev", "proc", "sys", "tmp", "root", "mod"):
        fs.directory(d)
    with open(shell or busybox(), "rb") as f:
        fs.file("bin/busybox", f.read(), 0o755)
    applets = subprocess.run([busybox(), "--list"], capture_output=True, text=True).stdout.split()
    for name in set(applets + ["sh"]) - {"busybox"}:
        fs.link("bin/" + name, "busybox")
    fs.file("init", init, 0o755)
    return fs


def read_module(path):
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def add_modules(fs, kern, names):
    order = []
    files = {os.path.basename(p).split(".")[0].replace("-", "_"): p
             for p in glob.glob(os.path.join(kern.modules, "**", "*.ko*"), recursive=True)}

    def add(name):
        if name not in files or name + ".ko" in order:
            return  # built in
        data = read_module(files[name])
        m = re.search(rb"\0depends=([^\0]*)", b"\0" + data)
        for dep in filter(None, m.group(1).decode().split(",") if m else []):
            add(dep.replace("-", "_"))
        fs.file("mod/%s.ko" % name, data)
        order.append(name + ".ko")

    for name in names:
        add(name)
    fs.file("mod/order", "".join(n + "\n" for n in order))


def guest_initrd(check):
    """initramfs of an L2 guest: prints GUEST-INIT, runs the shell text @check, powers off."""
    fs = base_initramfs(L2_INIT)
    fs.file("check", check)
    return fs.finish()


# --- the machine --------------------------------------------------------------------------------

class L1:
    """Runs @script (busybox sh) in L1. @files: {path in L1: bytes or path here}; programs get their
    libraries. lines() yields what it prints, stdout and stderr."""

    def __init__(self, series, files, script, memory_mib=1024, limit_s=600):
        self.kernel = kernel(series)
        self.limit_s = limit_s
        self.dir = tempfile.mkdtemp(prefix="nested-")
        self.proc = None
        self.cpu_s = 0.0
        fs = base_initramfs(L1_INIT)
        add_modules(fs, self.kernel, ["virtio_pci", "virtio_console", "kvm_amd"])
        for path, source in files.items():
            if isinstance(source, bytes):
                fs.file(path, source)
            else:
                fs.add(source, path)
        fs.file("script", script)
        self.initrd = os.path.join(self.dir, "initrd")
        with open(self.initrd, "wb") as f:
            f.write(fs.finish())
        size_mib = os.path.getsize(self.initrd) >> 20
        self.memory_mib = memory_mib + 3 * size_mib

    def _argv(self):
        return [QEMU, "-name", "nested", "-M", "pc", "-accel", "tcg,thread=multi",
                "-cpu", "EPYC,+svm,+npt", "-smp", "1", "-m", str(self.memory_mib), "-nodefaults",
                "-no-user-config", "-display", "none", "-vga", "none", "-no-reboot",
                "-kernel", self.kernel.elf, "-initrd", self.initrd, "-append", L1_CMDLINE,
                "-serial", "file:" + os.path.join(self.dir, "console"),
                "-device", "virtio-serial-pci", "-chardev", "file,id=out,path=/dev/fd/1",
                "-device", "virtserialport,chardev=out,name=nested.out"]

    def __enter__(self):
        self.errors = open(os.path.join(self.dir, "errors"), "w+")
        self.proc = subprocess.Popen(self._argv(), stdin=subprocess.DEVNULL, stderr=self.errors,
                                     stdout=subprocess.PIPE, start_new_session=True)
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
        self.proc.stdout.close()
        self.proc.wait()
        self.errors.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _note_cpu(self):
        """CPU seconds of the machine so far: what happened in it, whatever else runs here."""
        try:
            with open("/proc/%d/stat" % self.proc.pid) as f:
                fields = f.read().rsplit(")", 1)[1].split()
            self.cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except FileNotFoundError:
            pass

    def lines(self):
        """Until the script ends. AssertionError when the machine dies or takes too long."""
        end = time.monotonic() + self.limit_s
        buf, done = b"", False
        with selectors.DefaultSelector() as sel:
            sel.register(self.proc.stdout, selectors.EVENT_READ)
            while True:
                left = end - time.monotonic()
                if left <= 0 or not sel.select(left):
                    raise AssertionError("nested machine: time limit of %d s\n%s" %
                                         (self.limit_s, self._logs()))
                data = os.read(self.proc.stdout.fileno(), 65536)
                if not data:
                    break
                self._note_cpu()
                buf += data
                *whole, buf = buf.split(b"\n")
                for line in whole:
                    text = line.decode("utf-8", "replace").rstrip("\r")
                    done = done or text.startswith("@@DONE")
                    yield text
        if not done:
            raise AssertionError("nested machine died\n%s" % self._logs())

    def _logs(self):
        out = []
        for name in ("errors", "console"):
            with open(os.path.join(self.dir, name), errors="replace") as f:
                rows = [r for r in f.read().splitlines() if "TCG doesn't support" not in r]
            out += ["%s: %s" % (name, r) for r in rows[-15:]]
        return "\n".join(out)
