#!/usr/bin/expect -f
# KVM by name, on whatever KVM this host has: guests boot, the interpreter steps in where KVM stops (counted), screens
# are the interpreter's, and the engine changes under a running guest. The short form runs the firmware only.
source [file dirname [info script]]/lib.tcl
if {![file exists /dev/kvm]} { skip_all "no /dev/kvm here" }
if {![file readable /dev/kvm] || ![file writable /dev/kvm]} { skip_all "no permission to use /dev/kvm" }
if {[catch {exec $vmm -S -accel kvm -display none -monitor none -timeout 1 2>@1} out] && [regexp -- {-accel kvm:} $out]} {
    skip_all "KVM cannot be used here: $out"
}
set limited [regexp {PVM|interpreter runs} $out]

proc rescues {} {
    if {[regexp {rescues: (\d+)} [mon "info rescue"] all count]} { return $count }
    return -1
}
# On hardware that runs everything nothing has to be rescued.
proc rescued {name} {
    global limited
    set count [rescues]
    note "$name: $count rescues"
    ok [expr {$limited ? $count > 0 : $count >= 0}] "$name: rescues are counted"
}
# What the guest wrote, without what depends on the moment (cursor, times, addresses of the network).
proc settled {text} {
    regsub -all {[0-9]+\.[0-9]+ ?(s|MHz|ms)?} $text {N} text
    return [string trim $text]
}
# Boots with both engines up to a text, presses a key and waits for another text if there are such; the screens must be
# equal.
proc same_screen {name pattern seconds args} {
    same_screen_key $name $pattern "" "" $seconds {*}$args
}
proc same_screen_key {name pattern key then seconds args} {
    foreach engine {interp kvm} {
        vmm_start -accel $engine {*}$args
        ok [wait_screen $pattern $seconds] "$name: $pattern ($engine)"
        if {$key ne ""} {
            key $key
            ok [wait_screen $then $seconds] "$name: $then ($engine)"
        }
        after 500
        set shown($engine) [settled [screen]]
        if {$engine eq "kvm"} { rescued $name; shot kvm-$name }
        vmm_quit
    }
    if {![ok [string equal $shown(interp) $shown(kvm)] "$name: the interpreter's screen"]} {
        note $shown(interp)
        note $shown(kvm)
    }
}
proc write_file {name bytes} {
    set f [open $name w]
    fconfigure $f -translation binary
    puts -nonewline $f $bytes
    close $f
}

# ---- the firmware, and a boot sector: always ----
same_screen firmware {No bootable device} 60 -m 16 -net none
# A boot sector that prints A to Z by INT 10h, with a pause and some x87 before each, and halts with interrupts on.
set sector [binary format H* "31c08ed8b0415031c94975fddbe3d9e89b58b40ebb0700cd10fec03c5b75e7fbf4ebfd"]
append sector [string repeat \0 [expr {510 - [string length $sector]}]] \x55\xaa [string repeat \0 1048064]
write_file $tmp/sector.img $sector
same_screen sector {ABCDEFGHIJKLMNOPQRSTUVWXYZ} 60 -m 16 -net none -hda $tmp/sector.img -snapshot

# ---- the engine changes while the firmware runs ----
vmm_start -accel interp -m 16 -net none
for {set i 0} {$i < 20} {incr i} {
    mon "accel kvm"
    after 10
    mon "accel interp"
}
ok [wait_screen {No bootable device} 60] "20 changes of the engine on the way through the firmware"
mon "accel kvm"
ok [regexp {^kvm: } [mon "info accel"]] "info accel says kvm"
ok [regexp {enabled} [mon "info kvm"]] "info kvm says enabled"
mon system_reset
after 300
ok [wait_screen {No bootable device} 60] "reset on KVM"
ok [regexp {unknown engine 'foo'} [mon "accel foo"]] "an unknown engine is refused"
ok [expr {[vmm_quit] == 0}] "quit"

vmm_start -accel kvm -accel-policy firmware=interp,real=interp -m 16 -net none
ok [wait_screen {No bootable device} 60] "-accel-policy firmware=interp,real=interp"
vmm_quit
if {!$all} { done }

# ---- whole systems ----
if {![catch {exec grub-mkrescue -o $tmp/grub.iso $tmp 2>@1}]} {
    same_screen grub {grub>\s*$} 120 -m 128 -net none -cdrom $tmp/grub.iso -boot d
    # At its prompt it goes to real mode and back some thousand times in a second.
    vmm_start -accel kvm -m 128 -net none -cdrom $tmp/grub.iso -boot d
    wait_screen {grub>\s*$} 120
    after 10000
    type "echo alive"
    key ret
    ok [wait_screen {echo alive\s+alive\s+grub>} 20] "grub: its prompt is used after ten seconds"
    vmm_quit
}
set iso /usr/lib/ipxe/ipxe.iso
if {[file exists $iso]} {
    same_screen_key ipxe {Ctrl-B} ctrl-b {iPXE>\s*$} 120 -m 128 -net none -cdrom $iso -boot d
}
foreach arch {ia32 x64} {
    set iso /usr/lib/memtest86+/memtest86+$arch.iso
    if {![file exists $iso]} { continue }
    vmm_start -accel kvm -m 10 -net none -cdrom $iso -boot d
    ok [wait_screen {Memtest86\+} 60] "memtest86+ $arch: starts"
    ok [wait_screen {Pass: +[1-9]} 900] "memtest86+ $arch: completes a pass"
    ok [regexp {Errors: *0} [screen]] "memtest86+ $arch: finds no error"
    rescued "memtest86+ $arch"
    vmm_quit
}
set dir $build/guest
if {![file exists $dir/guestos.iso] && [catch {exec scripts/make-guest $dir 2>@1} out]} { note $out }
if {![file exists $dir/guestos.iso]} { done }
# A key stops its countdown.
same_screen_key isolinux {ISOLINUX.*boot:} x {boot: x} 60 -m 128 -net none -cdrom $dir/guestos.iso -boot d

# Without what differs between two boots in any case: kernel times and random numbers.
proc transcript {text} {
    regsub -all {\[ *[0-9]+\.[0-9]+\]} $text {} text
    regsub -all {[0-9]+\.[0-9]+ ?(s|ms|MHz|BogoMIPS)} $text {N} text
    return $text
}
foreach engine {interp kvm} {
    vmm_start -accel $engine -no-acpi -m 384 -cdrom $dir/guestos.iso -boot d
    set start [clock milliseconds]
    ok [wait_serial {guestos:/} 400] "demo ISO: shell ($engine)"
    note "boot: [expr {([clock milliseconds] - $start) / 1000.0}] s"
    if {$engine eq "kvm"} { rescued "demo ISO" }
    set direct($engine) [transcript [serial_text]]
    vmm_quit
}
ok [string equal $direct(interp) $direct(kvm)] "demo ISO: the interpreter's serial transcript"

# ---- 1,000 changes of the engine, one every 10 ms, during a boot and a disk write test ----
proc change {count} {
    global changes
    for {set i 0} {$i < $count} {incr i 2} {
        mon "accel interp"
        after 10
        mon "accel kvm"
        after 10
        incr changes 2
    }
}
exec $vmm_img create -f raw $tmp/disk.img 32M
set changes 0
vmm_start -accel kvm -no-acpi -m 384 -cdrom $dir/guestos.iso -hda $tmp/disk.img -boot d
while {$changes < 500 || ![regexp {guestos:/} [serial_text]]} {
    change 20
    if {!$alive || $changes > 20000} { break }
}
ok [wait_serial {guestos:/} 200] "$changes changes on the way to the shell"
ok [string equal $direct(kvm) [transcript [serial_text]]] "the serial transcript is the same"
# Written again and again, until it were enough.
set writes 0
while {$writes == 0 || ($changes < 1000 && $writes < 100 && $alive)} {
    incr writes
    type "clear; dd if=/dev/sr0 of=/dev/sda bs=64k count=192 2>/dev/null; sync; echo written-$writes-\$?"
    key ret
    for {set i 0} {$i < 200 && ![regexp "written-$writes-0" [screen]]} {incr i} { change 10 }
}
ok [wait_screen "written-$writes-0" 200] "$changes changes in all, the last while the disk was written $writes times"
ok [expr {$changes >= 1000}] "1,000 or more"
vmm_quit
proc start_of {name} {
    set f [open $name]
    fconfigure $f -translation binary
    set bytes [read $f [expr {192 * 65536}]]
    close $f
    return $bytes
}
ok [string equal [start_of $dir/guestos.iso] [start_of $tmp/disk.img]] "the disk holds what was written"
done
