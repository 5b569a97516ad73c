#!/usr/bin/expect -f
# The main job: the demo ISO boots to a shell; a file system made there survives a reset; the image, converted
# by qemu-img, holds the same; an idle guest is idle on the host.
source [file dirname [info script]]/lib.tcl
set dir $build/guest
if {![file exists $dir/guestos.iso] && [catch {exec scripts/make-guest $dir 2>@1} out]} { note $out }
if {![ok [file exists $dir/guestos.iso] "guest ISO made"]} { done }
set disk $tmp/vm-disk.img
set printed [exec $vmm_img create -f qcow $disk 4G]
ok [string equal $printed "Formatting '$disk', fmt=qcow size=4294967296"] "vmm-img create prints what qemu-img prints"

set pty_args [list -no-acpi -m 384 -cdrom $dir/guestos.iso -hda $disk -boot d]
vmm_start {*}$pty_args
set start [clock milliseconds]
ok [wait_serial {guestos:/} 240] "boots from the ISO to a shell"
note "boot: [expr {([clock milliseconds] - $start) / 1000.0}] s"
if {![ok [wait_screen {guestos:/#\s*$} 20] "the shell is on the VGA screen"]} { done }
shot demo-shell
ok [shell {mkfs.ext2 /dev/sda >/dev/null && echo made-$?} {made-0} 120] "mkfs.ext2"
ok [shell {mount /dev/sda /mnt && echo mounted-$?} {mounted-0} 30] "mount"
ok [shell {dd if=/dev/urandom of=/mnt/file bs=1M count=20 2>/dev/null; sync; echo written-$?} {written-0} 180] "20 MB written"
ok [shell {clear; sha256sum /mnt/file} {[0-9a-f]{64}} 120] "checksum"
if {![regexp {([0-9a-f]{64})} [screen] sum]} { done }
note "sha256 $sum"
ok [shell {umount /mnt; sync; echo unmounted-$?} {unmounted-0} 60] "unmount"
# The quietest of three stretches: right after a write the guest still has work of its own.
set idle 100
for {set i 0} {$i < 3} {incr i} {
    after 2000
    set before [cpu_seconds]
    after 4000
    set idle [expr {min($idle, ([cpu_seconds] - $before) * 25)}]
}
note "idle: $idle % of a core"
ok [expr {$idle < 3}] "an idle guest uses under 3 % of a core"

file delete -force $tmp/first.txt
mon system_reset
ok [wait_screen {SeaBIOS|ISOLINUX|Demo guest} 30] "reset"
ok [wait_screen {guestos:/#\s*$} 240] "boots again"
ok [shell {mount /dev/sda /mnt; clear; sha256sum /mnt/file} $sum 120] "the checksum holds after the reset"
ok [shell {umount /mnt; sync; echo out-$?} {out-0} 60] "unmount again"
ok [expr {[vmm_quit] == 0}] "quit gives exit code 0"

if {[auto_execok qemu-img] ne "" && [auto_execok debugfs] ne ""} {
    exec qemu-img convert -f qcow -O raw $disk $tmp/raw.img
    exec debugfs -R "dump /file $tmp/file" $tmp/raw.img 2>@1
    set out [lindex [exec sha256sum $tmp/file] 0]
    ok [string equal $out $sum] "qemu-img convert gives the same file"
} else {
    note "qemu-img or debugfs is missing: conversion not compared"
}
ok [expr {[catch {exec $vmm_img check $disk} out] == 0}] "vmm-img check finds the image clean"
done
