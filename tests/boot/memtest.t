#!/usr/bin/expect -f
# Debian's memtest86+ ISOs (32 and 64 bits) test memory and get through passes, on one CPU and on four in parallel.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
foreach {arch cpus} {ia32 1 x64 1 ia32 4 x64 4} {
    set name "$arch, $cpus CPU[expr {$cpus > 1 ? "s" : ""}]"
    set iso /usr/lib/memtest86+/memtest86+$arch.iso
    if {![file exists $iso]} { skip_all "package memtest86+ is missing" }
    vmm_start -m 10 -smp $cpus -cdrom $iso -boot d
    ok [wait_screen {Memtest86\+} 60] "$name: starts"
    if {$cpus > 1} {
        # What it does by itself; a few of its tests use one core only.
        ok [wait_screen {Using: All Cores} 120] "$name: on all cores at once"
        shot memtest-$arch-all-cores
    }
    ok [wait_screen {Pass: +[1-9]} 1500] "$name: completes a pass"
    set text [screen]
    ok [regexp {Errors: *0} $text] "$name: finds no error"
    if {$cpus > 1} {
        ok [regexp "${cpus}S / ${cpus}C / ${cpus}T +SMP: ${cpus}T \\(PAR\\)" $text] "$name: finds them all"
    }
    note $text
    shot memtest-$arch-$cpus
    vmm_quit
}
done
