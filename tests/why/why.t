#!/bin/sh
# Kernels that are broken on purpose (kernels.asm): the monitor's `why` names the cause of each.
vmm=${VMM_BUILD:-build}/vmm
here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
# broken CASE WHAT PATTERN...: each extended regular expression must be found in the answer of `why`
broken() {
    case=$1 what=$2
    shift 2
    n=$((n + 1))
    nasm -DCASE="$case" -f bin -o "$tmp/kernel" "$here/kernels.asm" || exit 1
    timeout 200 "$vmm" -accel interp -display none -net none -boot c -drive "file=$tmp/kernel,format=raw" \
        -action triple-fault=pause,halt=pause,reboot=pause -e 'waitstop 180; why; quit' >"$tmp/out" 2>"$tmp/err" </dev/null
    for pattern; do
        if ! grep -Eq -- "$pattern" "$tmp/out"; then
            echo "not ok $n - $what"
            echo "# not found: $pattern"
            sed 's/^/# /' "$tmp/out" "$tmp/err"
            return
        fi
    done
    echo "ok $n - $what"
}

broken 1 "no IDT entry" 'triple fault' '1\. #UD' 'IDT entry 6 is empty: no handler was installed'
broken 2 "an IDT of limit 0" '1\. #DE' "IDT entry 0 lies beyond the IDT's limit: base 0x0, limit 0x0"
broken 3 "a selector beyond the GDT" '1\. #GP.*0x40' "selector 0040 lies beyond the GDT's limit"
broken 4 "a gate to data" 'selector 0010 in the GDT is 32-bit data.*: a gate must lead to code'
broken 5 "a gate that is not present" '1\. #NP' 'IDT entry 3 is interrupt gate to 0008:00000000, DPL 0, NOT PRESENT'
broken 6 "no GDT" "selector 0010 lies beyond the GDT's limit: base 0x0, limit 0x0"
broken 7 "an empty page directory" 'there is no code' 'PDE +at 0x000020000: 0x00000000 .*not present' 'the address is in the IDT'
broken 8 "a stack segment of limit 0" '1\. #SS stack fault' 'pushl'
broken 9 "HLT with interrupts off" 'HLT with IF = 0'
broken 10 "real mode without vectors" '1\. #DE' "IDT entry 0 lies beyond"
broken 11 "a write to nowhere" '1\. #PF.*page not present; write.*0x0000000040000000' 'PDPTE.*not present'
broken 12 "an address that is not canonical" '1\. #GP' 'RAX = 0x8000000000000000 is not a canonical address'
broken 13 "code in an NX page" '1\. #PF.*not allowed; instruction fetch' 'UWPX' 'not executable'
broken 14 "a bad IST" 'its stack is IST1 of the TSS: 0x8000000000000000, not canonical'
broken 15 "a stack overflow" 'just below RSP \(0x31000\): a stack overflow' 'PTE.*not present'
broken 16 "an IDT that is not mapped" 'the address is in the IDT: it must be mapped' 'linear 0x40000060 is not mapped'
broken 17 "a handler that is not mapped" '1\. #PF.*instruction fetch.*0xffffffff80000000' 'PML4E.*not present'
broken 18 "a bad CR3" '1\. #PF.*instruction fetch' 'PML4E at 0x000010000: 0x0000000000000000.*not present'
broken 19 "a gate to 32-bit code in long mode" 'selector 0008.*: in long mode a gate must lead to 64-bit code'
broken 20 "a reset by the keyboard controller" 'The guest has asked for a reset' 'io +write 0x64 <- 0xfe'
broken 21 "a write to a read-only page" '1\. #PF.*not allowed; write' 'read-only'
broken 22 "IRETQ with a word too many on the stack" '1\. #GP.*error code 0x7ce0' 'IRET takes from the stack: IP 0xc0000080 CS 0x7ce3' \
    'the handler has not taken off all that it pushed' 'selector 7ce0 lies beyond'
broken 23 "a stack pointer that is not canonical" '1\. #SS stack fault' 'RSP = 0x8000000000000000 is not a canonical address'
broken 24 "ring 3 without a TSS" 'CPL 3' 'TR is 0: no TSS was loaded'
broken 25 "a reserved bit in a page table entry" '1\. #PF.*reserved bit in a table' 'PTE.*reserved bits are set: 0x8000000000000'
broken 26 "an IST that is not mapped" "the handler's stack is not mapped" 'its stack is IST1 of the TSS: 0x0000000040001000' \
    'linear 0x40000fd8 is not mapped'
broken 27 "an IDT whose limit is too small" '1\. #UD' "IDT entry 6 lies beyond the IDT's limit: base 0x8000, limit 0x5f, room for 6 entries"
broken 28 "a code segment with L and D" '1\. #GP.*0x18' 'L and D both set: not allowed'
broken 29 "a far jump through a pointer that is not mapped" '1\. #PF.*0x000000007fff0000' 'ljmpq.*\(%rbx\)' 'linear 0x7fff0000 is not mapped'
broken 30 "SYSCALL without LSTAR" '1\. #PF.*instruction fetch' 'LSTAR is 0x0: SYSCALL leads there; it was never set'
broken 31 "a pointer read where there is no device" 'an address near -1: what is read where there is no device is all ones'
broken 32 "MOVAPS on a stack that is not aligned" '1\. #GP' 'the operand must lie at a multiple of 16'
broken 33 "SSE without CR4.OSFXSR" '1\. #UD' 'SSE is not enabled: CR4.OSFXSR must be 1'
echo "1..$n"
