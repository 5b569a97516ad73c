#!/bin/sh
# Options of vmm-img convert, beside qemu-img's results. In TAP.
set -u
img=$(cd "${VMM_BUILD:-build}" && pwd)/vmm-img
command -v qemu-img >/dev/null || { echo "1..0 # SKIP needs qemu-img"; exit 0; }
tmp=$(mktemp -d /tmp/vmm-convert.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
count=0
failures=0

ok() { # NAME COMMAND...
    name=$1
    shift
    count=$((count + 1))
    if "$@" >out 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' out | head -5
        failures=$((failures + 1))
    fi
}
refused() { # NAME TEXT COMMAND...
    name=$1
    text=$2
    shift 2
    ok "$name" sh -c '! "$@" >answer 2>&1 && grep -q -- "$0" answer || { cat answer; false; }' "$text" "$@"
}

truncate -s 6M a.raw
head -c 500000 /dev/urandom | dd of=a.raw bs=4k seek=3 conv=notrunc status=none
$img convert -q -O qcow2 a.raw a.qcow2
$img snapshot -c before a.qcow2
qemu-io -c 'write -P 5 0 3M' a.qcow2 >/dev/null
for name in before 1 snapshot.name=before snapshot.id=1; do
    ok "convert -l $name" $img convert -l "$name" -O raw a.qcow2 snapshot.raw
    ok "it shows the snapshot" cmp snapshot.raw a.raw
done
ok "the disk itself has not changed" qemu-io -c 'read -P 5 0 3M' a.qcow2
refused "a snapshot that is not there" "Could not load snapshot" $img convert -l other a.qcow2 x.raw
refused "a format without snapshots" "no snapshots inside" $img convert -f raw -l before a.raw x.raw

$img convert -O raw a.raw a.qcow2 mine.raw
qemu-img convert -O raw a.raw a.qcow2 theirs.raw
ok "two sources, one after the other" cmp mine.raw theirs.raw
qemu-img convert -c -O qcow2 a.raw a.raw theirs.qcow2
$img convert -c -O qcow2 a.raw a.raw mine.qcow2
ok "two sources with -c" qemu-img compare mine.qcow2 theirs.qcow2
refused "two sources with -B" "makes no sense" $img convert -B a.raw -F raw -O qcow2 a.raw a.raw x.qcow2

$img convert -S 0 a.raw mine.raw
qemu-img convert -S 0 a.raw theirs.raw
ok "-S 0 leaves no holes" test "$(du -k mine.raw | cut -f1)" -ge "$(du -k theirs.raw | cut -f1)"
refused "-S that is no multiple of 512" "Invalid buffer size" $img convert -S 100 a.raw x.raw

$img create -q -f qcow2 target.qcow2 6M
ok "-n --target-is-zero" $img convert -n --target-is-zero -O qcow2 a.raw target.qcow2
ok "the same disk" qemu-img compare a.raw target.qcow2
qemu-io -f qcow2 -c 'write -P 9 0 6M' target.qcow2 >/dev/null
ok "-n over old data" $img convert -n -O qcow2 a.raw target.qcow2
ok "nothing of it is left" qemu-img compare a.raw target.qcow2
refused "--target-is-zero without -n" "requires use of -n" $img convert --target-is-zero a.raw x.raw

start=$(date +%s%N)
ok "-r 12M" $img convert -r 12M -S 0 a.raw x.raw
ok "takes half a second" test $(($(date +%s%N) - start)) -gt 350000000

# A cluster whose place is out of line cannot be read.
$img create -q -f qcow2 broken.qcow2 1M
qemu-io -c 'write -P 3 0 64k' -c 'write -P 4 512k 64k' broken.qcow2 >/dev/null
at=$(qemu-img map --output=json broken.qcow2 | sed -n 's/.*"start": 524288.*"offset": \([0-9]*\).*/\1/p')
l2=$(LC_ALL=C grep -obUaP '\x80\x00\x00\x00\x00\x05\x00\x00' broken.qcow2 | head -1 | cut -d: -f1)
if [ -n "$at" ] && [ -n "$l2" ]; then
    printf '\200\000\000\000\000\005\002\000' | dd of=broken.qcow2 bs=1 seek="$l2" conv=notrunc status=none
    refused "a damaged image is not converted" "error while reading" $img convert -O raw broken.qcow2 x.raw
    ok "--salvage does" $img convert --salvage -O raw broken.qcow2 x.raw
    ok "with what was left" qemu-io -f raw -c 'read -P 4 512k 64k' x.raw
fi
$img convert -p a.raw x.raw >progress
ok "-p ends with 100%" sh -c 'tr "\r" "\n" <progress | grep -q "(100.00/100%)"'
echo "1..$count"
exit $((failures > 0))
