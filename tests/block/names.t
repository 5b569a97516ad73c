#!/bin/bash
# An image may name files in its own folder only, whichever way the name takes; --allow-backing lifts that.
cd "$(dirname "$0")/../.." || exit 1
img=$(realpath "${VMM_BUILD:-build}/vmm-img")
command -v qemu-img >/dev/null || { echo "1..0 # SKIP qemu-img is not installed"; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0
failed=0

mkdir in out in/sub
for where in out in in/sub; do
    head -c 1M /dev/urandom >$where/secret.raw
done
ln -s ../out/secret.raw in/link.raw
ln -s ../out in/folder

reads() { # WANT IMAGE NAME [OPTION]: WANT is 0, or 1 with a message that names the remedy
    want=$1 file=$2 name=$3
    shift 3
    n=$((n + 1))
    "$img" convert "$@" -O raw "$file" copy.raw >output 2>&1
    code=$?
    why="outside the image's folder"
    case $name in *json:* | *file:*) why="No such file" ;; esac # a name like any other
    if [ $code = "$want" ] && { [ $code = 0 ] || grep -q "$why" output; }; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name: status $code: $(cat output)"
        failed=1
    fi
    rm -f copy.raw output
}

backing() { # WANT NAME: a qcow2 image that names it
    qemu-img create -q -u -f qcow2 -b "$2" -F raw in/a.qcow2 1M
    reads "$1" in/a.qcow2 "backing file $2"
}
backing 0 secret.raw
backing 0 sub/secret.raw
backing 0 sub/../secret.raw
backing 0 "$tmp/in/secret.raw"
backing 0 "$tmp/out/../in/secret.raw"
backing 1 ../out/secret.raw
backing 1 sub/../../out/secret.raw
backing 1 "$tmp/out/secret.raw"
backing 1 link.raw
backing 1 folder/secret.raw
backing 1 /etc/passwd
backing 1 /proc/self/environ
backing 1 "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"$tmp/out/secret.raw\"}}"
backing 1 "file:$tmp/out/secret.raw"
qemu-img create -q -u -f qcow2 -b ../out/secret.raw -F raw in/a.qcow2 1M
reads 0 in/a.qcow2 "a backing file outside, allowed" --allow-backing

# A folder whose name begins like the image's.
mkdir in2
cp out/secret.raw in2/
qemu-img create -q -u -f qcow2 -b ../in2/secret.raw -F raw in/a.qcow2 1M
reads 1 in/a.qcow2 "a folder with a similar name"

# Further down the chain.
qemu-img create -q -u -f qcow2 -b ../../out/secret.raw -F raw in/sub/low.qcow2 1M
qemu-img create -q -u -f qcow2 -b sub/low.qcow2 -F qcow2 in/a.qcow2 1M
reads 1 in/a.qcow2 "the backing file of a backing file"

# External data files.
for name in "$tmp/out/secret.raw" ../out/secret.raw link.raw; do
    (cd in && rm -f d.qcow2 && ln -sf ../out/secret.raw link.raw &&
        qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on d.qcow2 1M &&
        qemu-img convert -n -O qcow2 secret.raw d.qcow2 &&
        qemu-img amend -f qcow2 -o "data_file=$name" d.qcow2 2>/dev/null)
    reads 1 in/d.qcow2 "data file $name"
done

# Extents of a VMDK.
for name in "$tmp/out/secret.raw" ../out/secret.raw link.raw secret.raw; do
    printf '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\n\nRW 2048 FLAT "%s" 0\n' \
        "$name" >in/e.vmdk
    reads $([ "$name" = secret.raw ]; echo $?) in/e.vmdk "extent $name"
done
echo "1..$n"
exit $failed
