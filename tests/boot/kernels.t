#!/usr/bin/expect -f
# Debian's cloud and generic amd64 kernels reach user space through -kernel and from an ISO, and on other models of CPUs.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
foreach flavour {cloud generic} {
    set dir $build/guest-$flavour
    if {![file exists $dir/guestos.iso]} { exec scripts/make-guest --kernel $flavour $dir 2>@1 }
    vmm_start -m 384 -kernel $dir/vmlinuz -initrd $dir/initrd.gz -append "console=ttyS0"
    set start [clock milliseconds]
    ok [wait_serial {guestos:/} 300] "$flavour: user space through -kernel"
    note "$flavour -kernel: [expr {([clock milliseconds] - $start) / 1000.0}] s"
    vmm_quit
    file delete $tmp/serial.txt
    vmm_start -m 384 -cdrom $dir/guestos.iso -boot d
    ok [wait_serial {guestos:/} 300] "$flavour: user space from an ISO"
    vmm_quit
    file delete $tmp/serial.txt
}
# Models with fewer features and with more than the default.
foreach cpu {qemu64 x86-64-v3 max} {
    set dir $build/guest-cloud
    vmm_start -m 384 -cpu $cpu -kernel $dir/vmlinuz -initrd $dir/initrd.gz -append "console=ttyS0"
    ok [wait_serial {guestos:/} 300] "-cpu $cpu: user space"
    vmm_quit
}
done
