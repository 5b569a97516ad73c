#!/bin/bash
# Guest disk throughput: the demo guest reads and writes an IDE disk with dd (1 MiB and 4 KiB requests, O_DIRECT) in
# vmm and in QEMU (TCG), raw and qcow2, by turns. Prints MiB/s and requests/s as the guest's clock sees them, host
# CPU seconds of the whole run, and the ratio vmm/QEMU (above 1 vmm is faster).
#   tests/bench/disk.sh [MEBIBYTES [ROUNDS]]
set -eu
build=${VMM_BUILD:-build}
size=${1:-256}
rounds=${2:-2}
guest=$build/guest
[ -e "$guest/vmlinuz" ] || scripts/make-guest "$guest" >/dev/null 2>&1
tmp=$(mktemp -d "${TMPDIR:-/tmp}/vmm-bench-disk.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# What the guest does; blanks are written %20 on its command line. Each step tells the guest's uptime before and
# after.
script="for t in 'if=/dev/sda of=/dev/null iflag=direct bs=1M count=$size' \
'if=/dev/zero of=/dev/sda oflag=direct bs=1M count=$size' \
'if=/dev/sda of=/dev/null iflag=direct bs=4k count=4000 skip=5000' \
'if=/dev/zero of=/dev/sda oflag=direct bs=4k count=4000 seek=5000'; do \
read a x </proc/uptime; dd \$t 2>/dev/null; read b x </proc/uptime; echo BENCH \$a \$b; done; echo BENCH-END; poweroff -f"
encoded=${script// /%20}

# FORMAT COMMAND...: four lines of seconds, then the CPU time.
run() {
    format=$1
    shift
    rm -f "$tmp/disk"
    "$build/vmm-img" create -q -f "$format" "$tmp/disk" "${size}M"
    "$build/vmm-img" bench -w -c $((size / 2)) -s 2M -d 1 -f "$format" --pattern=170 "$tmp/disk" >/dev/null
    : >"$tmp/serial"
    { time timeout 600 "$@" -m 256 -display none -monitor none -serial "file:$tmp/serial" -net none -no-reboot \
        -kernel "$guest/vmlinuz" -initrd "$guest/initrd.gz" -drive "file=$tmp/disk,format=$format,if=ide" \
        -append "console=ttyS0 quiet test=$encoded" >/dev/null 2>&1; } 2>"$tmp/time"
    grep -q BENCH-END "$tmp/serial" || { echo "disk.sh: $1 did not finish" >&2; tail -3 "$tmp/serial" >&2; return 1; }
    tr -d '\r' <"$tmp/serial" | awk '$1 == "BENCH" { t = $3 - $2; if (t < 0.01) { t = 0.01 } printf "%.2f ", t }'
    awk '/user|sys/ { sub(/.*m/, "", $2); t += $2 } END { print t + 0.01 }' "$tmp/time"
}

for format in raw qcow2; do
    : >"$tmp/qemu"
    : >"$tmp/vmm"
    for ((r = 0; r < rounds; r++)); do
        run $format qemu-system-x86_64 -accel tcg >>"$tmp/qemu"
        run $format "$build/vmm" >>"$tmp/vmm"
    done
    for i in 1 2 3 4 5; do
        q=$(awk -v i=$i 'NR == 1 || $i < b { b = $i } END { print b }' "$tmp/qemu")
        v=$(awk -v i=$i 'NR == 1 || $i < b { b = $i } END { print b }' "$tmp/vmm")
        echo "$i $format $size $q $v" | awk '{
            split("read 1M,write 1M,read 4k,write 4k,whole run", names, ",")
            if ($1 == 5) {
                printf "%-6s %-10s qemu %7.2f CPU s    vmm %7.2f CPU s    ratio %.2f\n", $2, names[$1], $4, $5, $5 / $4
            } else {
                work = $1 <= 2 ? $3 : 4000; unit = $1 <= 2 ? "MiB/s" : "req/s"
                printf "%-6s %-10s qemu %7.0f %s    vmm %7.0f %s    ratio %.2f\n", $2, names[$1], work / $4, unit,
                    work / $5, unit, $4 / $5
            } }'
    done
done
