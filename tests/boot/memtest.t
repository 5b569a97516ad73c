#!/usr/bin/expect -f
# Debian's memtest86+ ISOs (32 and 64 bits) test memory and get through passes.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
foreach arch {ia32 x64} {
    set iso /usr/lib/memtest86+/memtest86+$arch.iso
    if {![file exists $iso]} { skip_all "package memtest86+ is missing" }
    vmm_start -m 10 -cdrom $iso -boot d
    ok [wait_screen {Memtest86\+} 60] "$arch: starts"
    ok [wait_screen {Pass: +[1-9]} 900] "$arch: completes a pass"
    ok [regexp {Errors: *0} [screen]] "$arch: finds no error"
    note [screen]
    shot memtest-$arch
    vmm_quit
}
done
