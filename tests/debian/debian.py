# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 12 system with systemd on a disk image, made from packages: debootstrap, then mke2fs -d.

    system = debian.system()      # made once, kept in the cache of tests/nested/nested.py
    system.image                  # qcow2 with one ext4 file system
    system.kernel, system.initrd  # for -kernel and -initrd

Root logs in without a password on any console. Needs root (or sudo without a password), debootstrap,
e2fsprogs, qemu-utils.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "nested"))
import nested  # noqa: E402

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
SUITE = "bookworm"
PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "busybox-static", "dmidecode"]
KERNEL = ("6.12", "cloud-amd64")
IMAGE_MIB = 1024
MAKE_LIMIT_S = 1200
# What the kernel needs before it has a root file system and a console.
INITRD_MODULES = ["virtio_pci", "virtio_blk", "virtio_console", "ext4"]
INITRD_INIT = r"""#!/bin/busybox sh
export PATH=/bin
mount -t devtmpfs d /dev; mount -t proc p /proc; mount -t sysfs s /sys
while read -r m; do insmod "/mod/$m"; done </mod/order
mkdir /new
n=0; while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
mount -o ro -t ext4 /dev/vda /new || { echo "no root file system"; poweroff -f; }
# systemd waits 90 s for a device or a service; a loaded machine takes longer.
mount -t tmpfs -o mode=755 run /new/run
mkdir -p /new/run/systemd/system.conf.d
printf '[Manager]\nDefaultDeviceTimeoutSec=1200\nDefaultTimeoutStartSec=1200\n' \
    >/new/run/systemd/system.conf.d/slow.conf
for d in dev proc sys; do mount --move "/$d" "/new/$d"; done
exec switch_root /new /sbin/init
"""

# Files of the image besides packages.
FILES = {
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/resolv.conf": "nameserver 10.0.2.3\n",
    "etc/modules-load.d/test.conf": "virtio_pci\nvirtio_rng\nvirtio_balloon\nvirtio_net\nbutton\nqemu_fw_cfg\n",
    "etc/systemd/network/user.network": "[Match]\nType=ether\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n"
                                        "LinkLocalAddressing=no\n",
    # What a connection says goes back with its length: for connections from the host.
    "etc/systemd/system/echo.socket": "[Socket]\nListenStream=7\nAccept=yes\n"
                                      "[Install]\nWantedBy=sockets.target\n",
    "etc/systemd/system/echo@.service": "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n"
                                        "StandardOutput=socket\n",
    # The consoles are the test's: no colours, no questions about the size of the terminal.
    "root/.profile": "export TERM=dumb PS1='# '\nstty -echo 2>/dev/null\n",
}
ENABLED = ["systemd-networkd.service", "echo.socket"]


class System:
    def __init__(self, image, kernel, initrd):
        self.image, self.kernel, self.initrd = image, kernel, initrd


def sudo(*argv, **kwargs):
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    kwargs.setdefault("timeout", MAKE_LIMIT_S)
    done = subprocess.run(prefix + list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **kwargs)
    if done.returncode:
        raise nested.Unavailable("%s failed: %s" % (argv[0], done.stdout[-400:]))
    return done.stdout


def require():
    nested.require()
    for tool in ("debootstrap", "mke2fs", "qemu-img"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise nested.Unavailable("no %s" % tool)
    if os.geteuid() and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
        raise nested.Unavailable("debootstrap needs root, or sudo without a password")


def recipe():
    """Changes when the image's contents would; make_tree() counts as its last number."""
    words = repr((SUITE, PACKAGES, IMAGE_MIB, FILES, ENABLED, 1))
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def make_tree(tree, kern):
    sudo("debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), SUITE, tree, MIRROR)
    for path, text in FILES.items():
        with tempfile.NamedTemporaryFile("w", prefix="file.") as f:
            f.write(text)
            f.flush()
            sudo("install", "-D", "-m", "644", f.name, os.path.join(tree, path))
    sudo("mkdir", "-p", os.path.join(tree, "lib/modules"))
    sudo("cp", "-a", kern.modules, os.path.join(tree, "lib/modules/"))
    sudo("chroot", tree, "depmod", kern.version)
    sudo("chroot", tree, "passwd", "-d", "root")
    sudo("chroot", tree, "systemctl", "enable", *ENABLED)
    sudo("sh", "-c", "rm -rf %s/var/cache/apt/* %s/var/lib/apt/lists/* %s/usr/share/doc "
                     "%s/usr/share/locale" % ((tree,) * 4))


def make_image(path):
    """Into a temporary file first: a half-made image is never used."""
    work = tempfile.mkdtemp(prefix="debian.", dir=nested.CACHE)
    try:
        tree, raw = os.path.join(work, "tree"), os.path.join(work, "raw")
        make_tree(tree, nested.kernel(*KERNEL))
        sudo("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", tree, raw, "%dM" % IMAGE_MIB)
        sudo("chmod", "644", raw)
        sudo("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, os.path.join(work, "qcow2"))
        os.rename(os.path.join(work, "qcow2"), path)
    except subprocess.TimeoutExpired as e:
        raise nested.Unavailable(str(e)) from None
    finally:
        sudo("rm", "-rf", "--one-file-system", work)


def make_initrd(path):
    fs = nested.base_initramfs(INITRD_INIT)
    nested.add_modules(fs, nested.kernel(*KERNEL), INITRD_MODULES)
    with open(path, "wb") as f:
        f.write(fs.finish())


def system(directory):
    """The system; its initrd is written to @directory. Unavailable when it cannot be made here."""
    require()
    kern = nested.kernel(*KERNEL)
    image = os.path.join(nested.CACHE, "debian-12-%s-%s.qcow2" % (kern.version, recipe()))
    with nested.cache_lock():
        found = os.path.exists(image)
    if not found:
        make_image(image)
    initrd = os.path.join(directory, "initrd")
    make_initrd(initrd)
    return System(image, kern.bzimage, initrd)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as d:
        print(system(d).image)
