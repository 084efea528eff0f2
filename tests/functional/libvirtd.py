# SPDX-License-Identifier: GPL-2.0-or-later
"""A private stock libvirtd for tests: own directories, no systemd, nothing of the system's touched.

The daemon lives in a mount and a PID namespace of its own: its directories are bind mounts of a
temporary one, its CPU map may be a copy, and every process it starts ends with it. Needs root, the
Debian packages libvirt-daemon, libvirt-daemon-driver-qemu and libvirt-clients, and unshare(2).
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import vmm

DAEMON = "/usr/sbin/libvirtd"
CPU_MAP = "/usr/share/libvirt/cpu_map"
NAMESPACE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
VIRSH_LIMIT_S = 300   # the first question to an emulator probes it
HOST_UUID = "5e01b000-0000-4000-8000-000000000001"

# Run in the new namespaces. The driver insists on the user libvirt-qemu, which libvirt's system
# package makes; here /etc/passwd and /etc/group are copies with that user.
SCRIPT = r"""
set -eu
cd "$1"
for f in passwd group; do
    cp /etc/$f $f
    grep -q '^libvirt-qemu:' $f || echo "libvirt-qemu:x:64055:64055::/:/bin/false" >> $f
    mount --bind $f /etc/$f
done
bind() {
    mkdir -p "$2"
    mount --bind "$1" "$2"
}
bind lib /var/lib/libvirt
bind run /run/libvirt
bind cache /var/cache/libvirt
bind log /var/log/libvirt
bind etc /etc/libvirt
[ -z "$2" ] || mount --bind "$2" /usr/share/libvirt/cpu_map
# The namespace's first process must collect orphans: libvirtd waits for killed emulators to vanish.
LD_PRELOAD=$3 /usr/sbin/libvirtd --config etc/libvirtd.conf --pid-file "$1/libvirtd.pid" &
wait $!
"""

QEMU_CONF = """user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = []
"""

DAEMON_CONF = """host_uuid = "%s"
auth_unix_rw = "none"
log_filters = "1:qemu.qemu_monitor 3:*"
log_outputs = "1:file:%s"
"""


def need_libvirt():
    """Skips with a clear text where a private libvirtd cannot run."""
    vmm.need_root()
    for program in (DAEMON, shutil.which("virsh"), shutil.which("unshare")):
        if not program or not os.access(program, os.X_OK):
            raise unittest.SkipTest("no libvirtd, virsh or unshare here "
                                    "(scripts/install-deps.sh check)")
    refused = subprocess.run(NAMESPACE + ["mount", "--bind", "/etc/hostname", "/etc/hostname"],
                             stderr=subprocess.PIPE, check=False, timeout=60)
    if refused.returncode:
        raise unittest.SkipTest("no private mount and PID namespaces here: " +
                                refused.stderr.decode("utf-8", "replace").strip())


class Virsh:
    """What one virsh command said."""

    def __init__(self, proc):
        self.status = proc.returncode
        self.out = proc.stdout.decode("utf-8", "replace")
        self.err = proc.stderr.decode("utf-8", "replace")


class Libvirtd:
    """A running daemon; use as a context manager. @cpu_map: directory to use instead of stock;
    @preload: library under the daemon, which asks /dev/kvm some questions itself. Emulators inherit
    it."""

    def __init__(self, cpu_map=None, preload=""):
        self.dir = tempfile.mkdtemp(prefix="virt-")
        self.cpu_map, self.preload = cpu_map, preload
        # Libvirtd probes each emulator it finds in PATH; those under test are given by name.
        self.env = dict(os.environ, LC_ALL="C", HOME=self.dir,
                        PATH=self.path("bin") + ":/usr/sbin:/sbin")
        self.proc = None

    def __enter__(self):
        for name in ("bin", "lib", "run", "cache", "log", "etc"):
            os.mkdir(self.path(name))
        os.chmod(self.dir, 0o755)
        for program in ("mount", "mkdir", "cp", "grep", "sh"):
            os.symlink(shutil.which(program), self.path("bin/" + program))
        self.write("etc/qemu.conf", QEMU_CONF)
        self.write("etc/libvirtd.conf", DAEMON_CONF % (HOST_UUID, self.path("log/libvirtd.log")))
        try:
            with open(self.path("output"), "wb") as out:
                self.proc = subprocess.Popen(
                    [shutil.which("unshare")] + NAMESPACE[1:] +
                    ["sh", "-c", SCRIPT, "sh", self.dir, self.cpu_map or "",
                     self.preload],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.env,
                    preexec_fn=vmm.die_with_parent)
            vmm.wait_until(self.answers, 120, "libvirtd ready; output: " + self.read("output"))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def answers(self):
        if self.proc.poll() is not None:
            raise AssertionError("libvirtd ended: " + self.read("output") + self.errors())
        return os.path.exists(self.path("run/libvirt-sock")) and self.virsh("uri").status == 0

    def close(self):
        """Ends the namespace's first process, and with it all of them."""
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
            self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        return vmm.read_text(self.path(name))

    def errors(self):
        """Lines of the daemon's log that it calls errors or warnings."""
        rows = re.findall(r"^\S+ \S+ \d+: (?:error|warning) : .*$", self.read("log/libvirtd.log"),
                          re.MULTILINE)
        return "\n".join(rows)

    def virsh(self, *args, timeout=VIRSH_LIMIT_S):
        uri = "qemu+unix:///system?socket=" + self.path("run/libvirt-sock")
        return Virsh(subprocess.run(["virsh", "-q", "-k0", "-c", uri] + list(args),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, timeout=timeout, check=False,
                                    env=dict(os.environ, LC_ALL="C")))

    def ask(self, *args):
        """Output of a virsh command that must succeed."""
        result = self.virsh(*args)
        if result.status:
            raise AssertionError("virsh %s: %s\n%s" % (" ".join(args), result.err,
                                                        self.errors()[-2000:]))
        return result.out
