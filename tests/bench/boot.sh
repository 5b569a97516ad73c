#!/bin/sh
# Boots the same kernel and initramfs in vmm and in QEMU (TCG), by turns, and prints wall and CPU seconds to the
# first line of user space with their ratio: below 1 vmm is faster.
#   tests/bench/boot.sh [ROUNDS]
set -eu
build=${VMM_BUILD:-build}
rounds=${1:-3}
guest=$build/guest
[ -e "$guest/vmlinuz" ] || scripts/make-guest "$guest" >/dev/null 2>&1
serial=$(mktemp)
trap 'rm -f "$serial"' EXIT

# Runs a command until the guest's shell shows on the serial line; prints "WALL CPU" in seconds.
boot() {
    : >"$serial"
    start=$(date +%s%N)
    "$@" -m 384 -display none -monitor none -serial "file:$serial" -net none \
        -kernel "$guest/vmlinuz" -initrd "$guest/initrd.gz" -append "console=ttyS0 quiet" >/dev/null 2>&1 &
    pid=$!
    until grep -q 'guestos:/' "$serial"; do
        kill -0 $pid 2>/dev/null || { echo "boot: $1 ended early" >&2; exit 1; }
        sleep 0.02
    done
    end=$(date +%s%N)
    cpu=$(awk '{ print ($14 + $15) / 100 }' "/proc/$pid/stat")
    kill -9 $pid
    wait $pid 2>/dev/null || true
    echo "$start $end $cpu" | awk '{ printf "%.2f %.2f\n", ($2 - $1) / 1e9, $3 }'
}

best_vmm=999 best_qemu=999
i=0
while [ "$i" -lt "$rounds" ]; do
    qemu=$(boot qemu-system-x86_64 -accel tcg)
    vmm=$(boot "$build/vmm")
    echo "round $((i + 1)): qemu wall/cpu $qemu s, vmm wall/cpu $vmm s"
    best_qemu=$(echo "$best_qemu ${qemu#* }" | awk '{ print ($1 < $2) ? $1 : $2 }')
    best_vmm=$(echo "$best_vmm ${vmm#* }" | awk '{ print ($1 < $2) ? $1 : $2 }')
    i=$((i + 1))
done
echo "$best_vmm $best_qemu" | awk '{ printf "boot to user space, cloud kernel: vmm %.2f s, qemu-tcg %.2f s of CPU, ratio %.2f\n", $1, $2, $1 / $2 }'
