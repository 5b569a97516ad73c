#!/bin/bash
# Images exchanged with qemu-img both ways, over every option of the formats: made there, read, checked and
# written here; made here, read, checked and written there. More than 500 combinations, about a minute;
# VMM_BLOCK=few runs a part of them that changes with every option at least once.
cd "$(dirname "$0")/../.." || exit 1
img=$(realpath "${VMM_BUILD:-build}/vmm-img")
command -v qemu-img >/dev/null || { echo "1..0 # SKIP qemu-img is not installed"; exit 0; }
# In memory if possible: the order of writes is the business of other tests.
tmp=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0
failed=0

# A disk of an odd size with data, zeroes, repeated data and an odd end.
{
    head -c 700000 /dev/urandom
    head -c 500000 /dev/zero
    yes 'the quick brown fox' | head -c 900000
    head -c 1234432 /dev/zero
    head -c 3296 /dev/urandom
} >model.raw
{
    head -c 300000 /dev/zero
    head -c 1200000 /dev/urandom
    head -c 1837504 /dev/zero
} >second.raw
size=$(stat -c %s model.raw)
truncate -s "$size" second.raw
cp model.raw base.raw
qemu-img convert -O qcow2 model.raw base.qcow2

run() { # what, command...: must succeed
    what=$1
    shift
    "$@" >out 2>&1
    code=$?
    if [ $code != 0 ]; then
        problem="$what: exit code $code: $* : $(tail -2 out | tr '\n' ' ')"
        return 1
    fi
}

report() { # name
    n=$((n + 1))
    if [ -z "$problem" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        echo "# $problem"
        failed=1
    fi
}

# exchange OPTIONS MAKER OTHER: one image, made and filled by MAKER, then looked at and changed by OTHER, and back.
exchange() {
    options=$1 maker=$2 other=$3
    problem=
    rm -f x.qcow2 x.data
    run create "$maker" create -q -f qcow2 ${options:+-o "$options"} x.qcow2 "$size" &&
        run fill "$maker" convert -n -O qcow2 model.raw x.qcow2 &&
        run "other's check" "$other" check -q x.qcow2 &&
        run "other's compare" "$other" compare -q model.raw x.qcow2 &&
        run "other's fill" "$other" convert -n -O qcow2 second.raw x.qcow2 &&
        run "maker's check" "$maker" check -q x.qcow2 &&
        run "maker's compare" "$maker" compare -q second.raw x.qcow2 &&
        run "other's own check" "$other" check -q x.qcow2 || { report "$maker: $options" | sed "s,$img,vmm-img,g"; return; }
    case $options in
    *data_file* | *refcount_bits=1 | *refcount_bits=1,*) ;;
    *)
        run "snapshot" "$other" snapshot -c one x.qcow2 &&
            run "check with snapshot" "$maker" check -q x.qcow2 &&
            run "fill over snapshot" "$maker" convert -n -O qcow2 model.raw x.qcow2 &&
            run "check over snapshot" "$other" check -q x.qcow2 &&
            run "second snapshot" "$maker" snapshot -c two x.qcow2 &&
            run "apply" "$other" snapshot -a one x.qcow2 &&
            run "check applied" "$maker" check -q x.qcow2 &&
            run "compare applied" "$maker" compare -q second.raw x.qcow2 &&
            run "apply second" "$maker" snapshot -a two x.qcow2 &&
            run "check applied second" "$other" check -q x.qcow2 &&
            run "compare applied second" "$other" compare -q model.raw x.qcow2 &&
            run "delete" "$maker" snapshot -d one x.qcow2 &&
            run "check deleted" "$other" check -q x.qcow2 &&
            run "delete second" "$other" snapshot -d two x.qcow2 &&
            run "check deleted second" "$maker" check -q x.qcow2
        ;;
    esac
    report "$(basename "$maker"): $options"
}

# packed OPTIONS MAKER OTHER: compressed.
packed() {
    options=$1 maker=$2 other=$3
    problem=
    rm -f x.qcow2
    run convert "$maker" convert -c -O qcow2 ${options:+-o "$options"} model.raw x.qcow2 &&
        run "other's check" "$other" check -q x.qcow2 &&
        run "other's compare" "$other" compare -q model.raw x.qcow2 &&
        run "other's fill" "$other" convert -n -O qcow2 second.raw x.qcow2 &&
        run "maker's check" "$maker" check -q x.qcow2 &&
        run "maker's compare" "$maker" compare -q second.raw x.qcow2
    report "$(basename "$maker"): compressed, $options"
}

# chain OPTIONS BASE FORMAT MAKER OTHER: with a backing file; resize, commit.
chain() {
    options=$1 base=$2 format=$3 maker=$4 other=$5
    problem=
    cp "$base" below
    rm -f x.qcow2
    run create "$maker" create -q -f qcow2 -b below -F "$format" ${options:+-o "$options"} x.qcow2 &&
        run "other's compare" "$other" compare -q model.raw x.qcow2 &&
        run "grow" "$other" resize -q x.qcow2 +1M &&
        run "check grown" "$maker" check -q x.qcow2 &&
        run "shrink" "$maker" resize -q --shrink x.qcow2 "$size" &&
        run "check shrunk" "$other" check -q x.qcow2 &&
        run "fill" "$other" convert -n -O qcow2 second.raw x.qcow2 &&
        run "check" "$maker" check -q x.qcow2 &&
        run "commit" "$maker" commit -q x.qcow2 &&
        run "check committed" "$other" check -q x.qcow2 &&
        run "compare committed" "$other" compare -q second.raw below &&
        run "rebase" "$maker" rebase -b "" x.qcow2 &&
        run "check rebased" "$other" check -q x.qcow2 &&
        run "compare rebased" "$other" compare -q second.raw x.qcow2
    report "$(basename "$maker"): chain on $format, $options"
}

# simple FORMAT OPTIONS MAKER OTHER: formats without snapshots and, in qemu-img, without check.
simple() {
    format=$1 options=$2 maker=$3 other=$4
    problem=
    rm -f x.img
    run create "$maker" create -q -f "$format" ${options:+-o "$options"} x.img "$size" &&
        run fill "$maker" convert -n -O "$format" model.raw x.img &&
        run "other's compare" "$other" compare -q -F "$format" model.raw x.img &&
        run "other's fill" "$other" convert -n -O "$format" second.raw x.img &&
        run "maker's compare" "$maker" compare -q -F "$format" second.raw x.img &&
        run "maker's zeroes" "$maker" dd -f raw -O "$format" if=second.raw of=y.img bs=64k count=20 &&
        run "other's copy" "$other" convert -f "$format" -O raw x.img y.raw &&
        run "compare the copy" "$maker" compare -q -f raw -F raw second.raw y.raw &&
        run "our check" checks "$format" x.img
    report "$(basename "$maker"): $format, $options"
}

checks() { # FORMAT FILE: clean or leaky (qemu-img leaves room behind the header); raw has nothing to check
    [ "$1" = raw ] || "$img" check -q -f "$1" "$2" || [ $? = 3 ]
}

# old_chain BASE FORMAT MAKER OTHER: QCOW 1 with a backing file.
old_chain() {
    base=$1 format=$2 maker=$3 other=$4
    problem=
    cp "$base" below
    rm -f x.qcow
    run create "$maker" create -q -f qcow -b below -F "$format" x.qcow &&
        run "other's compare" "$other" compare -q model.raw x.qcow &&
        run "fill" "$other" convert -n -O qcow second.raw x.qcow &&
        run "check" checks qcow x.qcow &&
        run "commit" "$maker" commit -q x.qcow &&
        run "compare committed" "$other" compare -q second.raw below
    report "$(basename "$maker"): qcow on $format"
}

both() {
    kind=$1
    shift
    "$kind" "$@" qemu-img "$img"
    "$kind" "$@" "$img" qemu-img
}

clusters="512 1k 2k 4k 8k 16k 32k 64k 128k 256k 512k 1M 2M"
widths="1 2 4 8 16 32 64"
if [ "${VMM_BLOCK:-}" = few ]; then
    clusters="512 4k 2M"
    widths="1 64"
fi
for cluster in $clusters; do
    both exchange "cluster_size=$cluster,compat=0.10"
    for width in $widths; do
        both exchange "cluster_size=$cluster,refcount_bits=$width"
        [ "${VMM_BLOCK:-}" = few ] || both packed "cluster_size=$cluster,refcount_bits=$width"
    done
    both packed "cluster_size=$cluster"
    both packed "cluster_size=$cluster,compression_type=zstd"
    both chain "cluster_size=$cluster" base.raw raw
done
for mode in metadata falloc full; do
    both exchange "preallocation=$mode"
    both exchange "preallocation=$mode,extended_l2=on"
    both exchange "preallocation=$mode,cluster_size=4k,compat=0.10"
    both exchange "preallocation=$mode,data_file=x.data"
done
for cluster in 16k 64k 2M; do
    both exchange "extended_l2=on,cluster_size=$cluster"
    both chain "extended_l2=on,cluster_size=$cluster" base.qcow2 qcow2
    both packed "extended_l2=on,cluster_size=$cluster"
done
both exchange "lazy_refcounts=on"
both exchange "lazy_refcounts=on,cluster_size=512"
both exchange "data_file=x.data"
both exchange "data_file=x.data,data_file_raw=on"
both exchange "data_file=x.data,extended_l2=on"
both chain "compat=0.10" base.qcow2 qcow2
both chain "compat=0.10,cluster_size=1k" base.raw raw
both simple qcow ""
both simple raw ""
for mode in off falloc full; do
    both simple raw "preallocation=$mode"
done
both old_chain base.raw raw
both old_chain base.qcow2 qcow2
echo "1..$n"
exit $failed
