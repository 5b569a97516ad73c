#!/bin/sh
# Formats that are only read (vmdk, vdi, vpc): images made by qemu-img, compared with what they were made of, by
# every command that reads. In TAP.
set -u
img=$(cd "${VMM_BUILD:-build}" && pwd)/vmm-img
command -v qemu-img >/dev/null || { echo "1..0 # SKIP needs qemu-img"; exit 0; }
tmp=$(mktemp -d /tmp/vmm-formats.XXXXXX)
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

# Data here and there, compressible and not, the last sector, and a hole.
truncate -s 12M source.raw
dd if=/dev/urandom of=source.raw bs=1k count=300 seek=5 conv=notrunc status=none
seq 1 200000 | head -c 1300000 | dd of=source.raw bs=512 seek=9001 conv=notrunc status=none
printf end | dd of=source.raw bs=1 seek=$((12 * 1024 * 1024 - 3)) conv=notrunc status=none

try() { # FORMAT OPTIONS [-f]
    file=$1-$(echo "$2" | tr ',=' '--').img
    qemu-img convert -q -O "$1" -o "$2" source.raw "$file" || { ok "qemu-img makes $file" false; return; }
    format=
    [ -z "${3:-}" ] || format="-f $1"
    ok "$1 $2: compare" $img compare $format "$file" source.raw
    ok "$1 $2: convert" $img convert $format -O qcow2 "$file" converted.qcow2
    ok "$1 $2: what was converted is the same" qemu-img compare converted.qcow2 source.raw
    ok "$1 $2: dd of a part" $img dd $format bs=512 skip=9000 count=100 if="$file" of=part.raw
    dd if=source.raw of=want.raw bs=512 skip=9000 count=100 status=none
    ok "$1 $2: the part is the same" cmp part.raw want.raw
    # The geometry of a VHD is qemu's business; what the two tell must be the same.
    $img info $format "$file" | sed -n 's/^\(file format\|virtual size\|cluster_size\)/&/p' >mine
    qemu-img info $format "$file" | sed -n 's/^\(file format\|virtual size\|cluster_size\)/&/p' >theirs
    ok "$1 $2: info" cmp mine theirs
    case $1$2 in
    vpcsubformat=dynamic*) ;; # qemu-img does not look for holes in these
    *)
        $img map --output=json $format "$file" >mine
        qemu-img map --output=json $format "$file" >theirs
        ok "$1 $2: map" cmp mine theirs
        ;;
    esac
    refused "$1 $2: writing is refused" "can only be read" $img resize $format "$file" 20M
}

for kind in monolithicSparse monolithicFlat twoGbMaxExtentSparse twoGbMaxExtentFlat streamOptimized; do
    try vmdk subformat=$kind
done
try vmdk subformat=monolithicSparse,zeroed_grain=on
try vdi static=off
try vdi static=on
try vpc subformat=dynamic,force_size=on
try vpc subformat=fixed,force_size=on format

# Split images: several extents (a sparse source, so that it is quick).
truncate -s 5G large.raw
printf one | dd of=large.raw bs=1 seek=2147483000 conv=notrunc status=none
printf two | dd of=large.raw bs=1M seek=3000 conv=notrunc status=none
for kind in twoGbMaxExtentSparse twoGbMaxExtentFlat; do
    qemu-img convert -q -O vmdk -o subformat=$kind large.raw split.vmdk
    ok "vmdk $kind with three extents" $img compare split.vmdk large.raw
    rm -f split*
done

# A VMDK above another one.
qemu-img convert -q -O vmdk source.raw base.vmdk
qemu-img create -q -f vmdk -b base.vmdk -F vmdk top.vmdk
qemu-io -f vmdk -c 'write -P 7 1M 100k' top.vmdk >/dev/null
qemu-img convert -q -O raw top.vmdk top.raw
ok "vmdk with a parent" $img compare top.vmdk top.raw

for format in vmdk vdi vpc; do
    refused "create -f $format is refused" "does not support image creation" $img create -f $format new.img 1M
    refused "convert -O $format is refused" "does not support image creation" $img convert -O $format source.raw new.img
done
echo "1..$count"
exit $((failures > 0))
