#!/bin/sh
# The network of vmm and of QEMU (TCG), by turns, same kernel, card (e1000) and user networking, against a server on
# loopback: throughput both ways, round trips and connections a second, as ratios (above 1 vmm is faster; at least 0.5
# is wanted). Then what the card, the backend and the main loop take of vmm's time while data flows (perf, if there).
#   tests/bench/net.sh [ROUNDS]
set -eu
build=${VMM_BUILD:-build}
rounds=${1:-2}
guest=$build/guest-generic
[ -e "$guest/vmlinuz" ] || scripts/make-guest --kernel generic "$guest" >/dev/null 2>&1
peer=$build/tests/net/net_peer
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server; rm -rf "$tmp"' EXIT
VMM_BUILD=$build tests/net/make-root "$guest/work-generic/kernel" "$tmp/initrd.gz" e1000 <<'END'
while read module; do insmod $module; done </modules
ifconfig lo up
udhcpc -i eth0 -n -q -t 8 -T 2
echo MEASURING
for test in $(option tests | tr , ' '); do net_peer run 10.0.2.2 $(option port) $(echo $test | tr : ' '); done
poweroff -f
END

# Runs one engine through the tests; the server's figures are in $tmp/figures then.
run() {
    tests=$1
    shift
    : >"$tmp/figures"
    "$peer" serve 0 >"$tmp/figures" &
    server=$!
    while ! grep -q PORT "$tmp/figures"; do sleep 0.05; done
    : >"$tmp/serial"
    "$@" -m 256 -display none -monitor none -serial "file:$tmp/serial" -no-reboot -nic user,model=e1000 \
        -kernel "$guest/vmlinuz" -initrd "$tmp/initrd.gz" \
        -append "console=ttyS0 quiet mitigations=off port=$(sed -n 's/PORT //p' "$tmp/figures") tests=$tests" \
        >/dev/null 2>&1 &
    pid=$!
    if [ -n "${profile:-}" ]; then
        until grep -q MEASURING "$tmp/serial"; do
            kill -0 $pid 2>/dev/null || break
            sleep 0.1
        done
        perf record -q -e cpu-clock -F 499 -o "$tmp/perf" -p $pid -- sleep 3 >/dev/null 2>&1 || true
    fi
    wait $pid || true
    kill $server
    wait $server 2>/dev/null || true
    server=
}
figure() { awk -v name="$1" '$1 == name { print $2 }' "$tmp/figures"; }

names="out in ping connect"
for i in $(seq "$rounds"); do
    for engine in qemu vmm; do
        case $engine in
        qemu) run out:96,in:96,ping:2000,connect:400 qemu-system-x86_64 -accel tcg ;;
        vmm) run out:96,in:96,ping:2000,connect:400 "$build/vmm" ;;
        esac
        for name in $names; do
            value=$(figure $name)
            [ -n "$value" ] || { echo "net: $engine did not finish '$name'" >&2; tail -n 5 "$tmp/serial" >&2; exit 1; }
            echo "$engine $name $value" >>"$tmp/all"
        done
    done
    echo "round $i: $(tail -n 8 "$tmp/all" | awk '{ printf "%s %s %s; ", $1, $2, $3 }')"
done
for name in $names; do
    awk -v name="$name" '
        $2 == name && $3 > best[$1] { best[$1] = $3 }
        END {
            unit = name == "out" || name == "in" ? "MB/s" : "a second"
            printf "network %-8s vmm %.1f, qemu %.1f %s, ratio %.2f\n", name, best["vmm"], best["qemu"], unit,
                   best["vmm"] / best["qemu"]
        }' "$tmp/all"
done

command -v perf >/dev/null || { echo "no perf: shares not measured"; exit 0; }
for way in out in; do
    profile=1 run $way:800 "$build/vmm"
    # The VCPU's thread is "machine"; the main thread is backend and loop. Copies, allocations and check sums in the VCPU's
    # thread are counted as the card's. The kernel's part is the host's sockets and the sleeping and waking of threads.
    perf report -i "$tmp/perf" --no-children --sort comm,dso,symbol --stdio 2>/dev/null | awk -v way="$way" '
        /^ *[0-9.]+%/ {
            share = $1 + 0
            kernel = $3 ~ /kernel/
            if ($2 != "machine" && $2 !~ /^vcpu/) { if (kernel) main_kernel += share; else main += share }
            else if (kernel) cpu_kernel += share
            else if ($3 ~ /libc|libz|glib/ ||
                     $5 ~ /^(e1000|net_|pci_|event_|dma_|port_|hand_out|take_over|crc32|process|append|put_on_wire|send_|end_packet|write_d|mmio_|ring_|prepare|check|received|sum_words|schedule)/)
                card += share
        }
        END {
            printf "network %-8s share of the time: card, backend and loop themselves %.1f %% (main thread %.1f, card and " \
                   "wire %.1f); kernel: main thread %.1f %%, VCPU thread %.1f %%\n",
                   way, main + card, main, card, main_kernel, cpu_kernel
        }'
done
