#!/usr/bin/expect -f
# Several CPUs, with ACPI and with the MP table alone; soft-off ends vmm with code 0.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set dir $build/guest-generic
if {![file exists $dir/guestos.iso]} { exec scripts/make-guest --kernel generic $dir 2>@1 }
foreach {options cpus} { {} 1 {-smp 4} 4 {-smp 4 -no-acpi} 4 } {
    vmm_start -m 384 {*}$options -kernel $dir/vmlinuz -initrd $dir/initrd.gz -append "console=ttyS0"
    ok [wait_serial {guestos:/} 300] "user space with options '$options'"
    type "echo cpus-`nproc`."
    key ret
    ok [wait_screen "cpus-$cpus\\." 30] "nproc is $cpus"
    if {$cpus > 1} {
        # A process bound to each CPU; all have the same result, and each CPU has spent time in user space.
        type "for c in 0 1 2 3; do taskset -c \$c sh -c 'seq 1 3000 | sha256sum; exec sha256sum /bin/busybox' >/tmp/\$c & done"
        key ret
        type "wait; cat /tmp/? | sort | uniq -c; awk '/^cpu\[0-9\]/ && \$2 > 0' /proc/stat | wc -l; echo work-end-`nproc`"
        key ret
        ok [wait_screen "work-end-$cpus\n" 120] "work on $cpus CPUs ends"
        set text [screen]
        ok [expr {[regexp -all -line {^ +4 [0-9a-f]{64}} $text] == 2}] "the same result on all CPUs"
        ok [regexp -line "^$cpus\s*$" $text] "all CPUs have worked"
    }
    if {[lsearch $options -no-acpi] < 0} {
        type "poweroff -f"
        key ret
        set timeout 30
        expect { eof { } timeout { } }
        ok [expr {[lindex [wait] 3] == 0}] "soft-off ends vmm with code 0"
    } else {
        vmm_quit
    }
    file delete $tmp/serial.txt
}
done
