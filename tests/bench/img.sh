#!/bin/bash
# vmm-img beside qemu-img: each subcommand that moves data, and bench. Both by turns, the best of each; prints wall seconds
# and host CPU seconds per GiB with their ratios: below 1 vmm-img is faster, or needs less.
#   tests/bench/img.sh [MEBIBYTES [ROUNDS]]
set -eu
img=$(cd "${VMM_BUILD:-build}" && pwd)/vmm-img
size=${1:-256}
rounds=${2:-3}
command -v qemu-img >/dev/null || { echo "img.sh: needs qemu-img" >&2; exit 1; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vmm-bench-img.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
TIMEFORMAT='%R %U %S'

# Half of it compressible text, half random, with holes in between.
truncate -s "${size}M" source.raw
for ((i = 0; i < size; i += 8)); do
    head -c 3M /dev/urandom | dd of=source.raw bs=1M seek=$i conv=notrunc status=none
    seq $((i * 100000)) $((i * 100000 + 600000)) | head -c 3M | dd of=source.raw bs=1M seek=$((i + 3)) conv=notrunc status=none
done
qemu-img convert -q -O qcow2 source.raw source.qcow2
qemu-img convert -q -c -O qcow2 source.raw packed.qcow2
cp --sparse=always source.raw copy.raw
qemu-img convert -q -O qcow source.raw source.qcow
qemu-img convert -q -O vmdk -o subformat=streamOptimized source.raw stream.vmdk

# "WALL CPU" of a command.
measure() { { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ printf "%.3f %.3f\n", $1, $2 + $3 }'; }
best() { awk -v a="$1" -v b="$2" 'BEGIN { split(a, x); split(b, y);
    printf "%s %s", (x[1] < y[1]) ? x[1] : y[1], (x[2] < y[2]) ? x[2] : y[2] }'; }

# NAME BYTES-IN-MIB ARGUMENTS...: the same for both tools. $prepare is run before each, unmeasured.
prepare=true
compare() {
    name=$1
    amount=$2
    shift 2
    mine="9999 9999" theirs="9999 9999"
    for ((r = 0; r < rounds; r++)); do
        rm -f target
        $prepare
        theirs=$(best "$theirs" "$(measure qemu-img "$@")")
        rm -f target
        $prepare
        mine=$(best "$mine" "$(measure "$img" "$@")")
    done
    echo "$name|$amount|$theirs|$mine" | awk -F'|' '{
        split($3, q, " "); split($4, v, " "); gib = $2 / 1024
        printf "%-34s qemu-img %7.2f s %6.2f CPU s/GiB   vmm-img %7.2f s %6.2f CPU s/GiB   ratio wall %.2f CPU %.2f\n",
            $1, q[1], q[2] / gib, v[1], v[2] / gib, v[1] / (q[1] + 0.0001), v[2] / (q[2] + 0.0001) }'
}

compare "convert raw raw" "$size" convert -f raw -O raw source.raw target
compare "convert raw qcow2" "$size" convert -f raw -O qcow2 source.raw target
compare "convert qcow2 raw" "$size" convert -f qcow2 -O raw source.qcow2 target
compare "convert qcow2 qcow2" "$size" convert -f qcow2 -O qcow2 source.qcow2 target
compare "convert qcow qcow2" "$size" convert -f qcow -O qcow2 source.qcow target
compare "convert packed qcow2 raw" "$size" convert -f qcow2 -O raw packed.qcow2 target
compare "convert vmdk stream raw" "$size" convert -f vmdk -O raw stream.vmdk target
compare "convert -c raw qcow2" "$size" convert -c -f raw -O qcow2 source.raw target
compare "convert -c -m 2 -W raw qcow2" "$size" convert -c -m 2 -W -f raw -O qcow2 source.raw target
compare "convert -c zstd raw qcow2" "$size" convert -c -f raw -O qcow2 -o compression_type=zstd source.raw target
compare "compare qcow2 raw" "$size" compare -f qcow2 -F raw source.qcow2 source.raw
compare "compare raw raw" "$size" compare -f raw -F raw source.raw copy.raw
compare "compare packed qcow2 raw" "$size" compare -f qcow2 -F raw packed.qcow2 source.raw
compare "dd raw raw bs=1M" "$size" dd -f raw -O raw bs=1M if=source.raw of=target
compare "dd qcow2 qcow2 bs=64k" "$size" dd -f qcow2 -O qcow2 bs=64k if=source.qcow2 of=target
compare "create qcow2 metadata" 8192 create -f qcow2 -o preallocation=metadata target 8G
compare "create qcow2 falloc" "$size" create -f qcow2 -o preallocation=falloc target "${size}M"
compare "create qcow2 full" "$size" create -f qcow2 -o preallocation=full target "${size}M"
compare "create raw full" "$size" create -f raw -o preallocation=full target "${size}M"
compare "check qcow2" "$size" check -f qcow2 source.qcow2
compare "check packed qcow2" "$size" check -f qcow2 packed.qcow2
compare "map qcow2" "$size" map --output=json -f qcow2 source.qcow2
compare "map raw" "$size" map --output=json -f raw source.raw
compare "measure raw qcow2" "$size" measure -f raw -O qcow2 source.raw

# A layer with all of the data above an empty base, made anew each time.
layer() {
    cp layer.qcow2 target
    qemu-img create -q -f qcow2 base.qcow2 "${size}M"
}
qemu-img create -q -f qcow2 base.qcow2 "${size}M"
qemu-img create -q -f qcow2 other.qcow2 "${size}M"
qemu-img convert -q -f raw -O qcow2 -B base.qcow2 -F qcow2 source.raw layer.qcow2
prepare=layer
compare "commit qcow2" "$size" commit -f qcow2 target
compare "rebase qcow2" "$size" rebase -f qcow2 -b other.qcow2 -F qcow2 target
compare "rebase -u qcow2" "$size" rebase -u -f qcow2 -b other.qcow2 -F qcow2 target
compare "snapshot -c qcow2" "$size" snapshot -c one target
compare "resize qcow2" "$size" resize -f qcow2 target +1G
prepare=true
compare "bench read 4k raw none native" 80 bench -c 20000 -d 32 -s 4k -t none -i native -f raw source.raw
compare "bench write 4k raw none native" 80 bench -c 20000 -d 32 -s 4k -w -t none -i native -f raw source.raw
compare "bench read 4k raw none threads" 80 bench -c 20000 -d 32 -s 4k -t none -i threads -f raw source.raw
for format in raw qcow2; do
    for cache in writeback none; do
        # Requests of 4 KiB, 20000 of them, and of 64 KiB.
        compare "bench read 4k $format $cache" 80 bench -c 20000 -d 32 -s 4k -t $cache -f $format source.$format
        compare "bench write 4k $format $cache" 80 bench -c 20000 -d 32 -s 4k -w -t $cache -f $format source.$format
        compare "bench read 64k $format $cache" 250 bench -c 4000 -d 32 -s 64k -t $cache -f $format source.$format
    done
done
