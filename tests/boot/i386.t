#!/usr/bin/expect -f
# Debian's i386 kernels, without PAE and with it, boot to user space on one CPU and four and compute there; models
# of older CPUs run what fits them, and the kernel refuses those it was not built for by name.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set dir $build/guest-i386
if {![file exists $dir/initrd.gz] && [catch {exec [file dirname [info script]]/make-i386 $dir 2>@1} out]} { note $out }
if {![ok [file exists $dir/vmlinuz-686-pae] "Debian's i386 kernels fetched"]} { done }
set sum [lindex [exec sh -c "seq 1 4000 | sha256sum"] 0]

foreach {flavour options cpus} {
    686 {} 1
    686-pae {} 1
    686-pae {-smp 4} 4
    686 {-smp 4 -no-acpi} 4
    686 {-cpu pentium3} 1
    686-pae {-cpu pentium3} 1
    686-pae {-cpu max -m 5G} 1
} {
    set name "$flavour $options"
    vmm_start -m 256 {*}$options -kernel $dir/vmlinuz-$flavour -initrd $dir/initrd.gz -append "console=ttyS0"
    set start [clock milliseconds]
    ok [wait_serial {\nREADY} 300] "$name: user space works"
    note "$name: [expr {([clock milliseconds] - $start) / 1000.0}] s"
    set text [serial_text]
    ok [regexp "MACHINE i686 \[^\n\]*-$flavour cpus $cpus\\s" $text] "$name: the kernel has $cpus CPUs"
    ok [regexp {FILES 1.sum 2.sum 3.sum 4.sum} $text] "$name: all processes end"
    ok [regexp "SUM $sum" $text] "$name: right checksum"
    ok [regexp {AWK 10\.480728217} $text] "$name: right harmonic number"
    ok [expr {[regexp {FLAGS [^\n]* pae } $text] && ([regexp {FLAGS [^\n]* sse2 } $text] != [regexp pentium3 $options])}] \
        "$name: flags"
    vmm_quit
}
# CMOV is what the kernel for the 686 asks for.
foreach {cpu pattern} {
    486 {requires an? i?[56]86 CPU|requires the following features not present on the CPU}
    pentium {requires the following features not present on the CPU:\s+cmov}
} {
    vmm_start -m 64 -cpu $cpu -kernel $dir/vmlinuz-686 -initrd $dir/initrd.gz
    ok [wait_screen $pattern 60] "-cpu $cpu: the kernel names what is missing"
    note [regexp -inline {This kernel requires[^\n]*\n[^\n]*} [screen]]
    vmm_quit
}
# What runs on the old ones: the BIOS, and memtest86+ for 32 bits.
foreach {cpu name} {486 {486DX4} pentium Pentium pentium3 {Pentium III}} {
    set iso /usr/lib/memtest86+/memtest86+ia32.iso
    if {![file exists $iso]} { break }
    vmm_start -m 8 -cpu $cpu -cdrom $iso -boot d
    ok [wait_screen {Press <F1>} 120] "-cpu $cpu: memtest86+ starts"
    # Without a time stamp counter it would count to a very large number first.
    key ret
    ok [wait_screen {Test #[1-9]} 60] "-cpu $cpu: and tests"
    set text [screen]
    ok [regexp "$name.*Errors: *0" $text] "-cpu $cpu: a $name, without errors"
    vmm_quit
}
done
