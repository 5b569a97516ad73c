#!/usr/bin/expect -f
# A full host disk (a small tmpfs in a mount namespace of the test's own): the guest is paused and goes on when there is
# room, with nothing lost; saving and loading its state meanwhile; quitting meanwhile; werror=report and ignore.
if {![info exists env(VMM_DISKFULL)]} {
    if {[catch {exec unshare -rm true}]} { puts "1..0 # SKIP no mount namespace here"; exit 0 }
    set env(VMM_DISKFULL) 1
    if {[catch {exec unshare -rm expect $argv0 >@stdout 2>@stderr}]} { exit 1 }
    exit 0
}
source [file dirname [info script]]/lib.tcl
set here [file dirname [info script]]
set sectors 8192
set boot if=floppy,format=raw,readonly=on,file=$tmp/boot.bin
set full $tmp/full
file mkdir $full
exec mount -t tmpfs -o size=6m none $full

proc make_guest {drive} {
    global here tmp sectors
    exec nasm -f bin -DSECTORS=$sectors -DDRIVE=$drive -o $tmp/boot.bin $here/diskfull.asm
    exec truncate -s 1440K $tmp/boot.bin
}
# A disk that the guest writes, on a file system that has no room for all of it.
proc make_disk {format} {
    global full vmm_img sectors
    file delete {*}[glob -nocomplain $full/*]
    exec $vmm_img create -q -f $format $full/disk [expr {$sectors * 512}]
    exec dd if=/dev/zero of=$full/filler bs=64k count=52 2>/dev/null
    return $full/disk
}
proc wait_paused {} {
    for {set i 0} {$i < 240} {incr i} {
        if {[regexp {paused \(io-error\)} [mon "info status"]]} { return 1 }
        after 100
    }
    note [mon "info status"]
    return 0
}
# How many sectors do not begin and end with their number.
proc wrong_sectors {format file} {
    global vmm_img tmp sectors
    exec $vmm_img convert -f $format -O raw $file $tmp/flat
    set f [open $tmp/flat rb]
    set bad 0
    for {set i 0} {$i < $sectors} {incr i} {
        binary scan [read $f 512] ix504i first last
        if {$first != $i || $last != $i} { incr bad }
    }
    close $f
    return $bad
}
proc sound {file} {
    global vmm_img
    return [expr {![catch {exec $vmm_img check -f qcow2 $file}] || [lindex $::errorCode 2] == 3}]
}

make_guest 0x80
foreach {format cache} {raw writeback qcow2 writeback qcow2 none qcow writeback} {
    set disk [make_disk $format]
    set drive "file=$disk,format=$format,cache=$cache"
    if {![vmm_start -m 16 -nic none -drive $boot -boot a -drive $drive]} { continue }
    ok [wait_paused] "$format, cache=$cache: the guest is paused when the host's disk is full"
    mon "cont"
    ok [wait_paused] "and again when it goes on without room"
    file delete $full/filler
    mon "cont"
    ok [wait_serial "written" 30] "there is room: it goes on"
    ok [expr {[string trim [serial_text]] eq "written"}] "and has seen no error"
    ok [regexp {wr_operations=\d+} [mon "info blockstats"]] "info blockstats"
    vmm_quit
    ok [expr {[wrong_sectors $format $disk] == 0}] "nothing is lost"
    if {$format eq "qcow2"} { ok [sound $disk] "the image is sound" }
}

# Quit while paused; then the same disk again, with room for what was not yet in the tables when it was full.
set disk [make_disk qcow2]
vmm_start -m 16 -nic none -drive $boot -boot a -drive file=$disk,format=qcow2
ok [wait_paused] "paused, to be quit"
vmm_quit
ok [sound $disk] "the image is sound after quit"
file delete $full/filler
exec mount -o remount,size=16m $full
vmm_start -m 16 -nic none -drive $boot -boot a -drive file=$disk,format=qcow2
ok [wait_serial "written" 30] "the same disk with room"
vmm_quit
ok [expr {[wrong_sectors qcow2 $disk] == 0}] "is whole"
file delete $disk
exec mount -o remount,size=6m $full

# The state is saved on another disk while this one is full, and loaded when there is room.
make_guest 0x81
set disk [make_disk raw]
exec $vmm_img create -q -f qcow2 $tmp/state.qcow2 64M
set drives [list -drive file=$tmp/state.qcow2,format=qcow2 -drive file=$disk,format=raw]
vmm_start -m 16 -nic none -drive $boot -boot a {*}$drives
ok [wait_paused] "paused, with a second disk"
set answer [mon "savevm full"]
if {[regexp -nocase {error} $answer]} {
    # A raw disk that can be written has no snapshots.
    ok [regexp {ide0-hd1} $answer] "savevm names the disk that has no snapshots"
} else {
    ok 1 "savevm while paused"
    file delete $full/filler
    mon "loadvm full"
    mon "cont"
    ok [wait_serial "written" 30] "loadvm, and it goes on"
}
vmm_quit

set disk [make_disk qcow2]
exec mv $disk $full/second
vmm_start -m 16 -nic none -drive $boot -boot a -drive file=$tmp/state.qcow2,format=qcow2 \
    -drive file=$full/second,format=qcow2
ok [wait_paused] "paused, with a second disk in qcow2"
set answer [mon "savevm full"]
note "savevm: $answer"
ok [regexp {io-error} [mon "info status"]] "still paused after savevm"
file delete $full/filler
set answer [mon "savevm roomy"]
ok [expr {![regexp {Error} $answer]}] "with room savevm while paused by the error"
mon "loadvm roomy"
mon "cont"
ok [wait_serial "written" 30] "the state saved there goes on"
vmm_quit
ok [expr {[wrong_sectors qcow2 $full/second] == 0}] "nothing is lost"
ok [sound $full/second] "the image is sound"

# werror=report: the guest sees errors and is not paused; ignore: it sees none.
make_guest 0x80
foreach {policy pattern} {report {(e.)+.*written} ignore {^written}} {
    set disk [make_disk raw]
    vmm_start -m 16 -nic none -drive $boot -boot a -drive file=$disk,format=raw,werror=$policy
    ok [wait_serial "written" 60] "werror=$policy: the guest comes to its end"
    ok [regexp $pattern [serial_text]] "with what it should see: [string range [string trim [serial_text]] 0 40]"
    vmm_quit
}

exec umount $full
done
