#!/bin/bash
# vmm-img prints what qemu-img prints, and ends with the same exit code.
cd "$(dirname "$0")/../.." || exit 1
img=$(realpath "${VMM_BUILD:-build}/vmm-img")
command -v qemu-img >/dev/null || { echo "1..0 # SKIP qemu-img is not installed"; exit 0; }
tmp=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0
failed=0

same() { # arguments for both; with =c, only the exit code counts; with =e, the error messages too
    kind=
    case $1 in =?) kind=${1#=}; shift ;; esac
    n=$((n + 1))
    qemu-img "$@" >theirs 2>theirs.err
    their_code=$?
    "$img" "$@" >ours 2>ours.err
    our_code=$?
    if [ "$kind" = e ]; then
        sed 's/qemu-img/vmm-img/g' theirs.err >>theirs
        cat ours.err >>ours
    fi
    if [ $our_code = $their_code ] && { [ "$kind" = c ] || cmp -s ours theirs; }; then
        echo "ok $n - $*"
    else
        echo "not ok $n - $*"
        echo "# exit codes $our_code, $their_code"
        diff ours theirs | sed 's/^/# /'
        failed=1
    fi
}

{ head -c 300000 /dev/urandom; head -c 700000 /dev/zero; head -c 48576 /dev/urandom; } >a.raw
truncate -s 8M a.raw
qemu-img convert -O qcow2 a.raw a.qcow2
qemu-img convert -c -O qcow2 a.raw packed.qcow2
qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 -o compat=0.10 over.qcow2
qemu-img create -q -f qcow2 -o data_file=d.data,lazy_refcounts=on data.qcow2 4M
qemu-img create -q -f qcow2 -o extended_l2=on,compression_type=zstd ext.qcow2 4M
qemu-img create -q -f qcow2 snap.qcow2 4M
qemu-img snapshot -c first snap.qcow2
qemu-img snapshot -c 'second one' snap.qcow2
qemu-img create -q -f qcow old.qcow 4M
# The refcount block, by way of the table that the header names.
table=$(od -An -tu8 --endian=big -j48 -N8 a.qcow2)
block=$(od -An -tu8 --endian=big -j$((table)) -N8 a.qcow2)
cp a.qcow2 leaky.qcow2
truncate -s 7M leaky.qcow2
printf '\0\1' | dd of=leaky.qcow2 bs=1 seek=$((block + 2 * 100)) conv=notrunc status=none
cp a.qcow2 broken.qcow2
printf '\0\0' | dd of=broken.qcow2 bs=1 seek=$((block + 2 * 5)) conv=notrunc status=none

for f in a.raw a.qcow2 over.qcow2 data.qcow2 ext.qcow2 snap.qcow2; do
    same info "$f"
    same info --output=json "$f"
done
same snapshot -l snap.qcow2
same snapshot -l a.qcow2
for f in a.qcow2 packed.qcow2 over.qcow2 ext.qcow2 snap.qcow2; do
    same check "$f"
    same check --output=json "$f"
done
same =c check leaky.qcow2
same =c check broken.qcow2
same =c check a.raw
# Names with options.
cp a.qcow2 'comma,.qcow2'
same info --image-opts driver=qcow2,file.filename=a.qcow2
same info --image-opts driver=raw,file.driver=file,file.filename=a.qcow2
same info --image-opts driver=qcow2,file.filename=comma,,.qcow2
same info 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"}}'
same info 'json:{"driver":"raw","file.filename":"a.raw"}'
same info file:a.qcow2
same =e compare --image-opts driver=qcow2,file.filename=a.qcow2 driver=raw,file.filename=a.raw
same =e check --image-opts -f qcow2 driver=qcow2,file.filename=a.qcow2
same =e convert --target-image-opts a.qcow2 driver=raw,file.filename=out
same =c info --image-opts driver=qcow2,file.filename=a.qcow2,bogus=1
same =c info --image-opts driver=nosuch,file.filename=a.qcow2
same =c info 'json:{bad'
same =c info 'json:[]'
same =c info 'json:{"driver":"qcow2"}'
same =c map --image-opts driver=qcow2,file.filename=missing
# An image may not name another in this way, wherever that is.
qemu-img create -q -u -f qcow2 -b 'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/hostname"}}' -F raw sly.qcow2 1M
n=$((n + 1))
if "$img" convert -O raw sly.qcow2 out >/dev/null 2>&1; then
    echo "not ok $n - json: as the name of a backing file"
    failed=1
else
    echo "ok $n - json: as the name of a backing file"
fi
rm -f out
# Formats that are only read.
head -c 3M a.raw >small.raw
qemu-img convert -O vdi small.raw a.vdi
qemu-img convert -O vmdk small.raw a.vmdk
qemu-img convert -O vmdk -o subformat=streamOptimized small.raw stream.vmdk
qemu-img create -q -f vdi count.vdi 4M
printf '\5' | dd of=count.vdi bs=1 seek=$((0x184)) conv=notrunc status=none
for f in a.vdi a.vmdk stream.vmdk; do
    same =e check "$f"
    same check --output=json "$f"
    same =e check -r all "$f"
done
same =c check count.vdi
same =c check nosuch
same =c snapshot -a nosuch snap.qcow2
same =c snapshot -d nosuch snap.qcow2
same =c snapshot -c x old.qcow
same =c commit a.qcow2
same =c rebase -b nosuch -F raw a.qcow2
same =c resize a.qcow2 1M
same map a.raw
same map --output=json a.raw
same map a.qcow2
same map --output=json a.qcow2
same map --output=json packed.qcow2
same =c map packed.qcow2
same map over.qcow2
same map --output=json over.qcow2
same map -s 65536 -l 131072 --output=json a.qcow2
for size in 0 1M 100M 10G 3T; do
    same measure -O raw --size $size
    same measure -O qcow2 --size $size
    same measure -O qcow2 -o cluster_size=4k --size $size
    same measure -O qcow2 -o refcount_bits=64,extended_l2=on --size $size
    same measure -O qcow2 -o preallocation=full --output=json --size $size
done
same measure -O qcow2 a.raw
same measure -O qcow2 a.qcow2
same create -f qcow2 new.qcow2 10M
same create -f qcow2 -b a.qcow2 -F qcow2 new.qcow2
same create -f qcow2 -o cluster_size=4k,compat=0.10,preallocation=metadata new.qcow2 1M
same create -f qcow2 -o cluster_size=2M,lazy_refcounts=on,refcount_bits=1,compression_type=zstd new.qcow2 1M
same create -f qcow2 -o extended_l2=on,data_file=n.data,data_file_raw=on new.qcow2 1M
same create -f raw -o preallocation=falloc new.raw 1M
same =c create -f qcow2 -o cluster_size=3k new.qcow2 1M
same =c create -f qcow2 -o compat=0.10,refcount_bits=8 new.qcow2 1M
same dd if=a.qcow2 of=part bs=64k count=3 skip=1
same =c check -r leaks leaky.qcow2
same =c check leaky.qcow2
same =c check -r all broken.qcow2
same =c check broken.qcow2
same =c compare a.qcow2 packed.qcow2
same =c compare a.qcow2 snap.qcow2
same commit over.qcow2

# What is asked for wrongly.
for command in info check convert resize rebase commit snapshot compare map measure bench dd create; do
    same =e $command
    # qemu-img measure prints all of its help; snapshot has no -f there.
    [ $command = measure ] && continue
    same =e $command -Z
    same =e $command --nosuch
    [ $command = snapshot ] || same =e $command -f
done
same =e
same =e nosuch
same =e info --output=xml a.raw
same =e check -r xyz a.qcow2
same =e compare a.raw
same =e create x.img 1X
same =e create x.img 1M more
same create -F raw -f qcow2 x.img 1M
same create -f qcow2 x.img 1000
same create -f raw x.img 1000
for options in cluster_size=3k refcount_bits=3 lazy_refcounts=on,compat=0.10 refcount_bits=8,compat=0.10; do
    same create -f qcow2 -o $options x.img 1M
done
same =e snapshot -d nosuch snap.qcow2
same =e snapshot -a nosuch snap.qcow2
same =e snapshot snap.qcow2
same =e resize --preallocation=foo a.qcow2 +1M
same =e rebase -u -b nosuch snap.qcow2
same =e commit a.qcow2
same =e convert -C -c -O qcow2 a.raw x.qcow2
same =e convert -S 100 a.raw x.raw
same =e convert -m 0 a.raw x.raw
same =e convert -t foo a.raw x.raw
same =e convert --target-is-zero a.raw x.raw
same =e convert a.raw
same =e dd if=a.raw
same =e dd if=a.raw of=x.raw bs=1X
same =e dd if=a.raw of=x.raw skip=1000 bs=1M
same =e dd if=a.raw of=x.raw foo=1
same =e bench --flush-interval=4 a.raw
same =e bench --pattern=300 -w a.raw
same =e measure
same =e measure --size 1G a.raw
same =e measure -O nosuch --size 1G
same =e measure -O qcow --size 1G

# Options that change what is done.
qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 middle.qcow2
qemu-img create -q -f qcow2 -b middle.qcow2 -F qcow2 top.qcow2 10M
same info --backing-chain top.qcow2
same info --backing-chain --output=json top.qcow2
same map --output=json top.qcow2
same map --output=json old.qcow
same map --start-offset=65536 --max-length=131072 top.qcow2
same check -T none a.qcow2
same compare -T none a.raw a.qcow2
same compare -s a.raw a.qcow2
qemu-img convert -O qcow2 a.qcow2 copy.qcow2
same compare -s a.qcow2 copy.qcow2
same compare -s a.qcow2 packed.qcow2
same compare -s a.raw top.qcow2
same measure -O qcow2 -l first snap.qcow2
same measure -O qcow2 -o data_file=x --size 1G
for mode in off metadata falloc full; do
    cp a.qcow2 grown.qcow2
    same resize --preallocation=$mode grown.qcow2 +1M
    cp a.raw grown.raw
    [ $mode = metadata ] || same resize --preallocation=$mode -f raw grown.raw +1M
done
same commit -b a.qcow2 top.qcow2
same commit -r 100M middle.qcow2
same =e commit -b nosuch top.qcow2
echo "1..$n"
exit $failed
