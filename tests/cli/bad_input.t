#!/bin/sh
# Bad input: each gets one clear line on stderr that names the thing, and exit code 1; nothing is written.
vmm=${VMM_BUILD:-build}/vmm
img=${VMM_BUILD:-build}/vmm-img
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# expect PATTERN COMMAND...: one line that matches, exit code 1.
expect() {
    pattern=$1
    shift
    n=$((n + 1))
    timeout 20 "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    code=$?
    if [ $code = 1 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q "$pattern" "$tmp/err"; then
        echo "ok $n - $pattern"
    else
        echo "not ok $n - $pattern"
        echo "# exit code $code; stderr:"
        sed 's/^/# /' "$tmp/err"
    fi
}

head -c 1M /dev/zero >"$tmp/raw.img"
printf 'QFI\373\0\0\0\1' >"$tmp/truncated.qcow"
printf 'QFI\373\0\0\0\7aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' >"$tmp/foreign.img"
head -c 100000 /dev/urandom >"$tmp/nokernel"
mkdir "$tmp/empty"
q="-display none -monitor none -serial none"

expect "nosuch.img" $vmm $q -hda "$tmp/nosuch.img"
expect "truncated.qcow" $vmm $q -hda "$tmp/truncated.qcow"
expect "foreign.img.*unknown version" $vmm $q -hda "$tmp/foreign.img"
printf 'KDMV%060d' 0 >"$tmp/foreign.vmdk"
expect "foreign.vmdk.*vmdk" $vmm $q -hda "$tmp/foreign.vmdk"
expect "empty" $vmm $q -hda "$tmp/empty"
expect "nosuch.iso" $vmm $q -cdrom "$tmp/nosuch.iso"
expect "nosuch.bin" $vmm $q -bios nosuch.bin
expect "nokernel.*neither a Linux kernel" $vmm $q -kernel "$tmp/nokernel"
expect "kernel" $vmm $q -kernel "$tmp/nosuch"
expect "initrd needs -kernel" $vmm $q -initrd "$tmp/raw.img"
expect "m: 0: guest memory" $vmm $q -m 0
expect "m: 9999G: guest memory" $vmm $q -m 9999G
expect "did you mean -cdrom" $vmm $q -cdrm x
expect "vnc: nohost.invalid: " $vmm $q -vnc nohost.invalid:1
expect "vnc: ':x': must be .HOST.:N" $vmm $q -vnc :x
expect "soundhw: 'sb16' is not supported" $vmm $q -soundhw sb16
expect "unknown model 'quantum'" $vmm $q -cpu quantum
expect "accel.*warp" $vmm $q -accel warp
expect "accel.*warp" $vmm $q -accel kvm:warp
expect "two drives" $vmm $q -hdc "$tmp/raw.img" -cdrom "$tmp/raw.img"
expect "nosuchdir" $vmm $q -serial file:/nosuchdir/x
expect "serial" $vmm $q -serial bogus
expect "rtc" $vmm $q -rtc base=yesterday
expect "unknown item" $vmm $q -d everythingelse
expect "display sdl" env -u DISPLAY -u WAYLAND_DISPLAY SDL_VIDEODRIVER=x11 $vmm -display sdl -monitor none -serial none
expect "nosuch" $img info "$tmp/nosuch"
expect "qcow9" $img create -f qcow9 "$tmp/x" 1G
if [ "$(id -u)" != 0 ]; then
    chmod 0 "$tmp/raw.img"
    expect "raw.img" $vmm $q -hda "$tmp/raw.img"
fi
echo "1..$n"
