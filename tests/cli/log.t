#!/bin/sh
# -d, -D, -dfilter and -trace: each item says what it promises, and nothing else does.
vmm=${VMM_BUILD:-build}/vmm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
nasm -DCASE=21 -f bin -o "$tmp/kernel" tests/why/kernels.asm || exit 1
# logged NAME PATTERN ARG...: the log of a run that ends in a triple fault has a line like this
logged() {
    name=$1 pattern=$2
    shift 2
    n=$((n + 1))
    timeout 300 "$vmm" -accel interp -display none -net none -boot c -drive "file=$tmp/kernel,format=raw" \
        -action triple-fault=shutdown -D "$tmp/log" "$@" >"$tmp/out" 2>&1 </dev/null
    if grep -Eq -- "$pattern" "$tmp/log"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        echo "# no line like: $pattern"
        head -n 20 "$tmp/log" "$tmp/out" | sed 's/^/# /'
    fi
}
# only NAME PATTERN: every line of that log is like this
only() {
    n=$((n + 1))
    if ! grep -Evq -- "$2" "$tmp/log"; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        grep -Ev -- "$2" "$tmp/log" | head -n 5 | sed 's/^/# /'
    fi
}
logged "in_asm" '^0x00007c00: .* cli' -d in_asm -dfilter 0x7c00..0x7dff
only "-dfilter holds other code back" '^(-+|IN:|0x00007[cd].*)$'
logged "exec" '^Trace 0: \[0000000000007c00\] 0000:0000000000007c00$' -d exec -dfilter 0x7c00+0x200
only "-dfilter holds other traces back" '^Trace 0: \[0000000000007[cd]..\]'
logged "cpu" '^RIP=|^EIP=00007c00' -d cpu -dfilter 0x7c00+1
logged "mmu" '^mmu: page fault at 0000000000020000, error 0003' -d mmu
logged "pcall" '^JMP to 0018:' -d pcall
logged "int" 'v=0e e=0003' -d int
logged "io" '^io write i8042' -d io
logged "trace:PATTERN" '^io (read |write) rtc' -d 'trace:rtc*'
only "trace:PATTERN logs nothing else" '^(io|memory) (read |write) rtc'
logged "-trace" '^io (read |write) pit' -trace 'pit*'
n=$((n + 1))
if "$vmm" -d in_asm -dfilter 5 2>"$tmp/err"; then echo "not ok $n - a bad filter"; else
    grep -q "^vmm: -dfilter: '5' is no range" "$tmp/err" && echo "ok $n - a bad filter" || echo "not ok $n - a bad filter"
fi
echo "1..$n"
