#!/bin/sh
# dump-guest-memory: gdb loads the file and finds registers and memory.
vmm=${VMM_BUILD:-build}/vmm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if ! command -v gdb >/dev/null; then
    echo "1..0 # SKIP no gdb"
    exit 0
fi
nasm -DCASE=21 -f bin -o "$tmp/kernel" tests/why/kernels.asm || exit 1
timeout 300 "$vmm" -accel interp -m 32 -display none -net none -boot c -drive "file=$tmp/kernel,format=raw" \
    -action triple-fault=pause -e "waitstop 200; dump-guest-memory $tmp/core; dump-guest-memory $tmp/no/core" >"$tmp/out" 2>&1 </dev/null
gdb -q -batch -ex "core $tmp/core" -ex 'p/x $rip' -ex 'p/x $rsp' -ex 'x/1xg 0x7c00' -ex 'x/1i $rip' >"$tmp/gdb" 2>&1
n=0
check() {
    n=$((n + 1))
    if grep -Eq -- "$2" "$3"; then echo "ok $n - $1"; else
        echo "not ok $n - $1"
        sed 's/^/# /' "$3"
    fi
}
check "RIP" '\$1 = 0x7ce5' "$tmp/gdb"
check "RSP" '\$2 = 0x7c00' "$tmp/gdb"
check "memory" '0x7c00:.0x8ec08ed88ec031fa' "$tmp/gdb"
check "code" 'mov +%rax,0x20000' "$tmp/gdb"
check "a file that cannot be made" "Error: Could not open '.*/no/core'" "$tmp/out"
echo "1..$n"
