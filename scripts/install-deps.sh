#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs the Debian packages that the build and the tests need. Does nothing, without root and
# without the network, when they are all there.
#   install-deps.sh build    what `make run` needs
#   install-deps.sh check    that, and what the tests need
set -eu

build="gcc libc6-dev meson ninja-build pkg-config python3 libglib2.0-dev libjson-c-dev
       libcapstone-dev zlib1g-dev libzstd-dev libslirp-dev linux-libc-dev"
check="clang libclang-rt-14-dev acpica-tools qemu-system-x86 qemu-utils busybox-static lz4 zstd
       xz-utils binutils gdb git libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients
       python3-docutils util-linux debootstrap debian-archive-keyring e2fsprogs"

case ${1:-build} in
build) packages=$build ;;
check) packages="$build $check" ;;
*) echo "usage: $0 build|check" >&2; exit 2 ;;
esac

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0

sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$sudo apt-get install -y -qq --no-install-recommends $missing
