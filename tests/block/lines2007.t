#!/bin/bash
# The disk lines of 2007, by the names of 2007: qemu-img makes a qcow disk of 4 GiB that grows as it is written, one on
# top of it, and a qcow2 one out of them; kvm runs with each.
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath "${VMM_BUILD:-build}")
tmp=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin"
ln -s "$build/vmm-img" "$tmp/bin/qemu-img"
ln -s "$build/vmm" "$tmp/bin/kvm"
PATH=$tmp/bin:$PATH
cd "$tmp" || exit 1
n=0
failed=0

ok() { # name, command...
    n=$((n + 1))
    name=$1
    shift
    if "$@" >out 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        sed 's/^/# /' out | tail -5
        failed=1
    fi
}

says() { # text, command...: the command ends well and prints the text
    text=$1
    shift
    "$@" >said 2>&1 && grep -qF -e "$text" said || { cat said; return 1; }
}

smaller() { [ $(($(stat -c %b "$1") * 512)) -lt "$2" ]; }

starts() { # arguments of kvm: the machine is there, stopped, and its monitor knows the disk
    printf 'info block\nquit\n' | timeout 60 kvm -S -m 64 -display none -serial none -monitor stdio "$@"
}

ok "create" says "Formatting 'vm-disk.img', fmt=qcow size=4294967296" qemu-img create -f qcow vm-disk.img 4G
ok "info" says "virtual size: 4 GiB (4294967296 bytes)" qemu-img info vm-disk.img
ok "an empty disk is small" smaller vm-disk.img 100000
ok "kvm takes it" says "vm-disk.img (qcow)" starts -hda vm-disk.img
ok "kvm takes it without -hda" says "vm-disk.img (qcow)" starts vm-disk.img
head -c 3M /dev/urandom >some.raw
ok "it is written" qemu-img convert -n -O qcow some.raw vm-disk.img
ok "and has grown as written" sh -c "[ \$(stat -c %s vm-disk.img) -gt 3145728 ]"
ok "but no more" smaller vm-disk.img 3400000
ok "check" qemu-img check vm-disk.img
ok "one on top of it" says "backing_file=vm-disk.img" qemu-img create -f qcow -b vm-disk.img test.img
ok "kvm takes that" says "test.img (qcow)" starts -hda test.img
ok "both hold the same" qemu-img compare vm-disk.img test.img
ok "convert to qcow2" qemu-img convert -f qcow test.img -O qcow2 new.qcow2
ok "the same disk" qemu-img compare vm-disk.img new.qcow2
ok "as large" says "virtual size: 4 GiB" qemu-img info new.qcow2
ok "kvm takes the new one" says "new.qcow2 (qcow2)" starts -hda new.qcow2
ok "commit" says "Image committed." qemu-img commit test.img
ok "-snapshot" says "test.img (qcow)" starts -snapshot -hda test.img
echo "1..$n"
exit $failed
