#!/bin/sh
# Flat binaries: where they begin, what they print, how they end. VMM_ENGINES="interp kvm" runs them on each engine
# [interp, and kvm and check where they can be used].
vmm=${VMM_BUILD:-build}/vmm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

result() { # title
    if [ $? = 0 ]; then r=ok; else r='not ok'; fi
    n=$((n + 1))
    echo "$r $n - $1"
    [ "$r" = ok ] || sed 's/^/# /' "$tmp/out" "$tmp/err"
}
assemble() { # name; source on stdin
    cat >"$tmp/$1.asm"
    nasm -f bin -o "$tmp/$1.bin" "$tmp/$1.asm" || exit 1
}
run() { # name, options; its exit code in $code
    image=$tmp/$1.bin
    shift
    timeout -k 1 30 "$vmm" -flat "$image" -timeout 20 $engine "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    code=$?
}
prints() { printf "$1" | cmp -s - "$tmp/out"; }
shows() { grep -q -- "$1" "$tmp/err"; }

assemble real <<'E2'
    bits 16
    org 0
    mov dx, 0xf1
    mov si, text
next: cs lodsb
    test al, al
    jz done
    out dx, al
    jmp next
done: mov [bx], ax
    sti
    hlt
text: db "hello", 10, 10, "world", 10, 0
E2
assemble rom <<'E2'
    bits 16
    org 0
    hlt                 ; not the beginning
start: mov ax, cs
    cmp ax, 0xf000
    jne bad
    mov al, 'R'
    out 0xf1, al
bad: hlt
    times 0xfff0 - ($ - $$) db 0xf4
    jmp 0xf000:start
    times 0x10000 - ($ - $$) db 0
E2
assemble flat32 <<'E2'
    bits 32
    org 0x100000
    mov esi, text
next: lodsb
    test al, al
    jz done
    out 0xf1, al
    jmp next
done: push dword 0x12345678
    cmp dword [0x7fffc], 0x12345678
    jne bad
    mov dword [0x7fffffc], 0x55aa55aa   ; the last of 128 MiB
    cmp dword [0x7fffffc], 0x55aa55aa
    jne bad
    cmp dword [0x8000000], 0x55aa55aa
    je bad
    mov al, '.'
    out 0xf1, al
bad: hlt
text: db "32 bits", 10, 0
E2
assemble fault <<'E2'
    bits 32
    ud2
E2
assemble loop <<'E2'
    bits 32
    jmp $
E2
assemble leave <<'E2'
    bits 32
    mov al, 0xe9
    out 0xe9, al
    mov eax, 5
    out 0xf4, eax
    jmp $
E2

engines=interp
if "$vmm" -doctor -accel kvm 2>/dev/null | grep -q '^\[ok\] *engine'; then engines="interp kvm check"; fi
for name in ${VMM_ENGINES:-$engines}; do
    engine="-accel $name"
    run real
    [ $code = 0 ] && prints 'GUEST: hello\nGUEST: \nGUEST: world\n'
    result "$name: 16 bits: lines with their prefix, HLT ends with 0"
    shows '^EIP=00000000 ' && shows '^CS =f000 000f0000 0000ffff' && shows '^CR0=60000010'
    result "$name: registers at the start, 16 bits"
    run rom
    [ $code = 0 ] && prints 'GUEST: R' && shows '^EIP=0000fff0 '
    result "$name: an image of 64 KiB begins at its reset vector"
    run flat32 -32
    [ $code = 0 ] && prints 'GUEST: 32 bits\nGUEST: .'
    result "$name: 32 bits: at 1 MiB, with its stack, in 128 MiB"
    shows '^EIP=00100000 ' && shows ' ESP=00080000' && shows '^CS =0008 00000000 ffffffff 00cf9b00' &&
        shows '^SS =0010 00000000 ffffffff 00cf9300' && shows '^CR0=00000011'
    result "$name: registers at the start, 32 bits"
    run fault -32
    [ $code = 2 ] && shows 'triple fault' && [ "$(grep -c '^EIP=' "$tmp/err")" = 2 ]
    result "$name: a triple fault ends with 2 and the registers"
    run leave -32 -device isa-debug-exit,iobase=0xf4,iosize=4 -debugcon "file:$tmp/debugcon"
    [ $code = 11 ] && printf '\351' | cmp -s - "$tmp/debugcon" && prints ''
    result "$name: debug console and debug exit"
    timeout -k 1 30 "$vmm" -flat "$tmp/loop.bin" -32 $engine -timeout 1 >"$tmp/out" 2>"$tmp/err"
    [ $? = 124 ] && shows 'timeout: the time is over'
    result "$name: -timeout ends with 124"
    printf 'info registers\nquit\n' | timeout -k 1 30 "$vmm" -flat "$tmp/loop.bin" -32 $engine -monitor stdio \
        >"$tmp/out" 2>"$tmp/err"
    [ $? = 0 ] && grep -q '^EIP=00100000 ' "$tmp/out"
    result "$name: the monitor works on it"
done

refused() { # title, pattern, options
    title=$1 pattern=$2
    shift 2
    timeout 20 "$vmm" -accel interp "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
    [ $? = 1 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && shows "$pattern" && prints ''
    result "$title"
}
refused "no file" "-flat: .*nosuch" -flat "$tmp/nosuch"
refused "empty file" "-flat: .*empty" -flat /dev/null
head -c 3M /dev/zero >"$tmp/big"
refused "too big" "-flat: .*does not fit" -flat "$tmp/big" -32 -m 2
refused "two CPUs" "-flat: there is one CPU" -flat "$tmp/real.bin" -smp 2
refused "a disk" "-flat: there is one CPU" -flat "$tmp/real.bin" -hda "$tmp/big"
refused "-32 alone" "-32: goes with" -32
refused "a time that is none" "timeout" -flat "$tmp/real.bin" -timeout soon
echo "1..$n"
