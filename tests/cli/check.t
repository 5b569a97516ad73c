#!/bin/sh
# The cross-check on the payloads and on the firmware: both engines agree, and the guest notices nothing. VMM_CHECK=all
# boots the firmware for half a minute as well.
build=${VMM_BUILD:-build}
vmm=$build/vmm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

if ! "$vmm" -doctor -accel kvm | grep -q '^\[ok\] *engine'; then
    echo "1..0 # SKIP no usable KVM here"
    exit 0
fi

compared() { # at least so many, without difference
    grep -q '^vmm: compared: .* no difference$' "$tmp/err" &&
        [ "$(sed -n 's/^vmm: compared: \([0-9]*\) .*/\1/p' "$tmp/err")" -ge "$1" ]
}
result() { # title
    if [ $? = 0 ]; then r=ok; else r='not ok'; fi
    n=$((n + 1))
    echo "$r $n - $1"
    [ "$r" = ok ] || sed 's/^/# /' "$tmp/err"
}

# What these payloads test of the CPU's features KVM need not have: their transcripts may end early, but not differ.
for name in smc32:200 segments32:1000 exceptions32:2000 gates32:2000 gates64:800 debug32:800 syscall64:800; do
    least=${name#*:} name=${name%:*}
    timeout -k 1 60 "$vmm" -flat "$build/tests/guest/$name.bin" -accel check -cpu max -timeout 50 \
        -debugcon "file:$tmp/out" -device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null >/dev/null 2>"$tmp/err"
    [ $? = 1 ] && compared "$least" && grep -v '^#' "tests/guest/expected/$name.txt" | cmp -s - "$tmp/out"
    result "$name: both engines agree on at least $least instructions"
done
for name in control64:500 exceptions64:1500 paging64:800 v86:1000 paging32:100; do
    least=${name#*:} name=${name%:*}
    timeout -k 1 60 "$vmm" -flat "$build/tests/guest/$name.bin" -accel check -cpu max -timeout 50 \
        -device isa-debug-exit,iobase=0xf4,iosize=4 </dev/null >/dev/null 2>"$tmp/err"
    compared "$least"
    result "$name: both engines agree on at least $least instructions"
done
seconds=4 least=2000
if [ "${VMM_CHECK:-}" = all ]; then seconds=30 least=15000; fi
timeout -k 1 60 "$vmm" -accel check -display none -serial none -monitor none -net none -timeout $seconds \
    </dev/null >/dev/null 2>"$tmp/err"
compared $least
result "firmware: both engines agree on at least $least instructions"
echo "1..$n"
