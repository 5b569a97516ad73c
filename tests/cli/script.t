#!/bin/sh
# Scripts: -e, -mon-script, -timeout, and the exit codes that they give.
vmm=${VMM_BUILD:-build}/vmm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
# try NAME CODE TEXT_OF_STDOUT ARG...: the exit code, and a fixed string of the output
try() {
    name=$1 code=$2 text=$3
    shift 3
    n=$((n + 1))
    timeout 120 "$vmm" -display none -net none -boot c "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    if [ "$got" = "$code" ] && { [ -z "$text" ] || grep -qF -- "$text" "$tmp/out" "$tmp/err"; }; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        echo "# exit code $got, expected $code; expected text: $text"
        sed 's/^/# /' "$tmp/out" "$tmp/err"
    fi
}

# A boot sector that prints to the serial port what is at "message", then writes 16 to the debug exit port.
cat >"$tmp/sector.asm" <<'P'
        bits 16
        org 0x7c00
        xor ax, ax
        mov ds, ax
        cld
        mov si, message
next:   mov dx, 0x3fd
ready:  in al, dx
        test al, 0x20
        jz ready
        mov dx, 0x3f8
        lodsb
        out dx, al
        test al, al
        jnz next
        mov dx, 0x501
        mov al, 16
        out dx, al
stop:   hlt
        jmp stop
message: db "one two one end", 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
        times 0x100000 db 0
P
nasm -f bin -o "$tmp/sector" "$tmp/sector.asm"
disk="-hda $tmp/sector -device isa-debug-exit"

try "answers go to standard output" 0 "VM status: running" -e 'info status; quit'
try "text on the screen" 0 "SeaBIOS" -e 'waittext "SeaBIOS" 60; screentext; quit'
try "a wait that is not fulfilled" 1 'Error: waittext "nonsense": not within 1 s' -e 'waittext "nonsense" 1; quit'
try "the failing line is named" 1 "vmm: -e: 'foo' failed" -e 'info status; foo; quit'
try "a bad argument fails" 1 "info status" -e 'info status now; quit'
try "quotes keep semicolons together" 1 'Error: waittext "a;b": not within 0 s' -e 'waittext "a;b" 0'
printf '# a comment\n\ninfo version\nsleep 0\nbar\n' >"$tmp/script"
try "a file's line is named" 1 "script:5: 'bar' failed" -mon-script "$tmp/script"
try "a script that is not there" 1 "-mon-script: " -mon-script "$tmp/none"
try "-timeout" 124 "the time is over" -timeout 1
try "-timeout: bad value" 1 "must be a number of seconds" -timeout 0
# shellcheck disable=SC2086
{
    try "the guest's exit code" 33 "" $disk
    try "expectexit: met" 0 "" $disk -S -e 'cont; expectexit 33 60'
    try "expectexit: another code" 1 "the exit code is 33, not 1" $disk -S -e 'cont; expectexit 1 60'
    try "expectexit: too late" 1 "Error: expectexit: not within 0 s" $disk -S -e 'expectexit 33 0'
    try "the guest ends before the script" 1 "before the script's end" $disk -e 'sleep 100'
    try "serial text is found in order, each once" 1 'Error: waitserial "one": not within 1 s' -hda "$tmp/sector" -S \
        -e 'cont; waitserial "one" 60; waitserial "one" 60; waitserial "one" 1'
    try "waitstop" 0 "VM status: paused" -e 'stop; waitstop 5; info status; quit'
}
try "no such port" 1 "Error: the machine has no serial port 7" -e 'waitserial "x" 1 7'
echo "1..$n"
