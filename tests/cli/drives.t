#!/bin/sh
# Drives on the command line: bootindex= decides what is booted; messages for images that cannot be opened.
vmm=$(realpath "${VMM_BUILD:-build}/vmm")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
n=0
ok() { # condition's result, name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
plain="-accel interp -display none -serial none -monitor none -net none -m 16"

# Boot sectors that tell their letter and leave.
cat >boot.asm <<'A'
bits 16
mov dx, 0xe9
mov al, LETTER
out dx, al
mov dx, 0xf4
out dx, al
stop: hlt
jmp stop
times 510-($-$$) db 0
dw 0xaa55
A
for letter in a b f; do
    nasm -f bin -DLETTER="'$letter'" -o $letter.img boot.asm
    truncate -s 1440K $letter.img
done
none="-drive if=none,id=a,file=a.img,format=raw -drive if=none,id=b,file=b.img,format=raw
      -drive if=none,id=f,file=f.img,format=raw"
boots() { # letter, name, options...
    letter=$1
    name=$2
    shift 2
    timeout 60 "$vmm" $plain -device isa-debug-exit,iobase=0xf4,iosize=4 -debugcon file:out $none "$@" 2>err
    [ "$(cat out)" = "$letter" ]; ok $? "$name"
}
boots a "the first disk is booted" -device ide-hd,drive=a -device ide-hd,drive=b
boots b "the lower bootindex is" -device ide-hd,drive=a,bootindex=3 -device ide-hd,drive=b,bootindex=2
boots f "a floppy with bootindex before disks" -device ide-hd,drive=a -device floppy,drive=f,bootindex=0
boots b "a slave on the second channel" -device ide-hd,drive=a -device ide-hd,drive=b,bus=ide.1,unit=1,bootindex=1

refused() { # words, options...
    words=$1
    shift
    timeout 20 "$vmm" $plain "$@" 2>err; code=$?
    [ $code = 1 ] && grep -qF "$words" err; ok $? "$words"
}
refused "bootindex 1 has already been used" $none -device ide-hd,drive=a,bootindex=1 -device ide-hd,drive=b,bootindex=1
refused "Could not open 'missing.raw': No such file or directory" -hda missing.raw
mkdir folder
refused "Could not open 'folder': Is a directory" -hda folder
: >empty.raw
refused "at least 512 bytes" -drive file=empty.raw,format=raw
refused "is in use by" -drive file=a.img,format=raw -drive file=a.img,format=raw
refused "not throttled" -drive file=a.img,format=raw,iops=10
# The last sector of an image of an odd length is whole for the guest.
head -c 1000001 /dev/zero >odd.raw
echo quit | timeout 20 "$vmm" -accel interp -display none -serial none -net none -m 16 -S -monitor stdio \
    -drive file=odd.raw,format=raw >out 2>err; ok $? "an image of an odd length"
echo "1..$n"
