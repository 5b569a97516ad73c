#!/bin/sh
# An expect script written for QEMU's monitor (session.exp) runs with vmm, unchanged, and finds the same: on a terminal,
# behind Ctrl-A c of -nographic, by telnet and by a unix socket. recorded/session.txt is what it finds with QEMU:
#     tests/qemu/expect.t --record
here=$(dirname "$0")
recorded=$here/recorded/session.txt
tmp=$(mktemp -d /tmp/vmm-expect.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
nasm -DCASE=3 -f bin -o "$tmp/image" "$here/states.asm" || exit 1
session() {
    rm -rf "$tmp/run" && mkdir "$tmp/run" && : >"$tmp/run/port"
    timeout 300 expect "$here/session.exp" "$1" "$2" "$tmp/image" "$tmp/run" 2>&1
}
if [ "$1" = --record ]; then
    session pty 'qemu-system-x86_64 -accel tcg' >"$recorded"
    for way in nographic telnet unix; do
        session $way 'qemu-system-x86_64 -accel tcg' | diff "$recorded" - || echo "$way differs"
    done
    exit
fi
for tool in expect socat nasm; do
    command -v $tool >/dev/null || { echo "1..0 # SKIP no $tool here"; exit; }
done
vmm=$(realpath "${VMM_BUILD:-build}/vmm")
ln -s "$vmm" "$tmp/qemu-system-x86_64"
n=0
for program in "$vmm -accel interp -mon-prompt {(qemu) }" "$tmp/qemu-system-x86_64 -accel interp"; do
    for way in pty nographic telnet unix; do
        n=$((n + 1))
        session $way "$program" >"$tmp/out"
        diff "$recorded" "$tmp/out" >"$tmp/diff" && echo "ok $n - $way" || {
            echo "not ok $n - $way"
            sed 's/^/# /' "$tmp/diff" "$tmp/run/log"
        }
    done
done
echo "1..$n"
