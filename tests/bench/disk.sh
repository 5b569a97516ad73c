#!/bin/bash
# A guest's IDE disk, raw and qcow2, in vmm and in QEMU (TCG) by turns: DMA throughput with 1 MiB requests in order, 4 KiB
# requests at random, past the guest's cache (tests/bench/guest/disk.c). Prints MiB/s or requests/s by the guest's
# clock, host CPU seconds per GiB, and how many times faster than QEMU vmm is.
#   tests/bench/disk.sh [MEBIBYTES [REQUESTS [ROUNDS]]]
# VMM_BENCH_DISK_CACHE sets cache= (writeback). VMM_BENCH_DISK_PERF=FILE runs vmm alone, under perf, and prints
# what share of the samples is in the code of the devices and of the block layer (records stay in FILE.raw and FILE.qcow2).
set -eu
build=${VMM_BUILD:-build}
size=${1:-128}
requests=${2:-4000}
rounds=${3:-2}
cache=${VMM_BENCH_DISK_CACHE:-writeback}
guest=$build/guest
[ -e "$guest/vmlinuz" ] || scripts/make-guest "$guest" >/dev/null 2>&1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vmm-bench-disk.XXXXXX")
vm=
trap '[ -z "$vm" ] || kill "$vm" 2>/dev/null || true; rm -rf "$tmp"' EXIT

# The guest's program, as a second archive behind its initrd.
mkdir -p "$tmp/root/bin"
gcc -O2 -static -o "$tmp/root/bin/disk" tests/bench/guest/disk.c
(cd "$tmp/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) | cat "$guest/initrd.gz" - >"$tmp/initrd"

cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# FORMAT OUT COMMAND...: one run; lines "name MiB requests seconds cpu" to OUT.
run() {
    format=$1
    out=$2
    shift 2
    rm -f "$tmp/disk" "$tmp/serial"
    "$build/vmm-img" create -q -f "$format" "$tmp/disk" "${size}M"
    "$build/vmm-img" bench -w -c $((size / 2)) -s 2M -d 1 -f "$format" --pattern=170 "$tmp/disk" >/dev/null
    mkfifo "$tmp/serial"
    timeout 600 "$@" -m 256 -display none -monitor none -serial stdio -net none -no-reboot \
        -kernel "$guest/vmlinuz" -initrd "$tmp/initrd" \
        -drive "file=$tmp/disk,format=$format,if=ide,cache=$cache" \
        -append "console=ttyS0 quiet test=disk%20$size%20$requests;%20poweroff%20-f" \
        </dev/null >"$tmp/serial" 2>"$tmp/errors" &
    vm=$!
    ended=0
    while read -r word name bytes count seconds; do
        # timeout's child is the emulator.
        [ -n "${pid:-}" ] || pid=$(cat "/proc/$vm/task/$vm/children")
        case $word in
        BEGIN*) before=$(cpu_ticks $pid) ;;
        END*)
            after=$(cpu_ticks $pid)
            echo "$name $bytes $count ${seconds%$'\r'} $((after - before))" >>"$out"
            ended=$((ended + 1))
            ;;
        esac
    done <"$tmp/serial"
    pid=
    wait $vm || true
    vm=
    [ $ended = 4 ] || { echo "disk.sh: $1 did not finish" >&2; tail -3 "$tmp/errors" >&2; return 1; }
}

# Samples in functions of our own that lie below block/ and hw/, and in core/dma.c and core/event.c.
own_share() {
    nm "$build"/block/*.o "$build"/hw/ide/*.o "$build"/core/dma.o "$build"/core/event.o |
        awk '$2 ~ /[tT]/ { print $3 }' | sort -u >"$tmp/symbols"
    perf report -i "$1" --no-children --sort dso,sym 2>/dev/null |
        awk -v list="$tmp/symbols" 'BEGIN { while ((getline s <list) > 0) { own[s] = 1 } }
            $1 ~ /%$/ { sub(/%/, "", $1); if ($2 == "vmm" && ($4 in own)) { mine += $1 } else if ($3 == "[k]") { host += $1 } }
            END { printf "own share %.2f%%, the host kernel %.2f%%\n", mine, host }'
}

if [ -n "${VMM_BENCH_DISK_PERF:-}" ]; then
    for format in raw qcow2; do
        run $format /dev/null perf record -q -o "$VMM_BENCH_DISK_PERF.$format" "$build/vmm"
        echo "$format: $(own_share "$VMM_BENCH_DISK_PERF.$format")"
    done
    exit 0
fi

for format in raw qcow2; do
    for ((r = 1; r <= rounds; r++)); do
        run $format "$tmp/qemu.$format" qemu-system-x86_64 -accel tcg
        run $format "$tmp/vmm.$format" "$build/vmm"
    done
    for name in read-1M write-1M read-4k write-4k; do
        # The best round of each.
        for who in qemu vmm; do
            awk -v name=$name '$1 == name { if (!n++ || $4 < t) { t = $4 } if (n == 1 || $5 < c) { c = $5 } b = $2; r = $3 }
                END { print b, r, t, c / 100 }' "$tmp/$who.$format"
        done | paste -sd ' ' | awk -v f=$format -v name=$name '{
            small = name ~ /4k/
            unit = small ? "req/s" : "MiB/s"
            q = small ? $2 / $3 : $1 / 1048576 / $3
            v = small ? $6 / $7 : $5 / 1048576 / $7
            gib = $1 / 1073741824
            printf "%-6s %-9s qemu %7.0f %s %7.2f CPU s/GiB   vmm %7.0f %s %7.2f CPU s/GiB   ratio %.2f, CPU %.2f\n", f, name,
                q, unit, $4 / gib, v, unit, $8 / gib, v / q, $8 / ($4 + 0.001) }'
    done
done
