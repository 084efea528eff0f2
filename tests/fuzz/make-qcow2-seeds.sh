#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the seeds of fuzz-qcow2 with qemu-img and qemu-io: small images, each followed by 16 bytes
# that choose what is done with it.    make-qcow2-seeds.sh OUTPUT-DIRECTORY
set -eu
out=$1
image=$(mktemp)
trap 'rm -f "$image"' EXIT

finish() {
    { cat "$image"; printf '\000\000\005\006\000\006\013\002\101\003\102\004\000\006\002\007'; } \
        >"$out/$1.seed"
}

plain() { # name, options
    qemu-img create -q -f qcow2 -o "$2" "$image" 64k
    qemu-io -f qcow2 -c 'write -q -P 7 0 1k' -c 'write -q -P 9 40k 512' "$image"
    finish "$1"
}

plain v3 cluster_size=512
plain v2 cluster_size=512,compat=0.10
plain refcount1 cluster_size=512,refcount_bits=1
plain refcount64 cluster_size=512,refcount_bits=64
plain lazy cluster_size=512,lazy_refcounts=on

qemu-img create -q -f qcow2 -o cluster_size=512 "$image" 64k
qemu-io -f qcow2 -c 'write -q -P 7 0 1k' "$image"
qemu-img snapshot -c one "$image"
qemu-io -f qcow2 -c 'write -q -P 8 512 1k' -c 'write -q -z 3k 512' "$image"
qemu-img snapshot -c two "$image"
finish snapshots

for type in zlib zstd; do
    qemu-img create -q -f qcow2 -o "cluster_size=512,compression_type=$type" "$image" 8k
    qemu-io -f qcow2 -c 'write -q -c -P 7 0 2k' "$image"
    finish "$type"
done

# not closed
qemu-img create -q -f qcow2 -o cluster_size=512,lazy_refcounts=on "$image" 64k
qemu-io -f qcow2 -c 'write -q -P 7 0 1k' "$image"
printf '\001' | dd of="$image" bs=1 seek=79 conv=notrunc status=none
finish dirty
