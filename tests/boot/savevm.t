#!/usr/bin/expect -f
# A saved state of a running Debian guest: what was done after it is undone by loadvm, in memory and on the disk, and a
# new vmm goes on from it (-loadvm).
source [file dirname [info script]]/lib.tcl
set dir $build/guest
if {![file exists $dir/guestos.iso] && [catch {exec scripts/make-guest $dir 2>@1} out]} { note $out }
if {![ok [file exists $dir/guestos.iso] "guest ISO made"]} { done }
set disk $tmp/state.qcow2
exec $vmm_img create -q -f qcow2 $disk 1G

set args [list -m 256 -cdrom $dir/guestos.iso -hda $disk -boot d]
vmm_start {*}$args
ok [wait_serial {guestos:/} 240] "boots to a shell"
ok [wait_screen {guestos:/#\s*$} 20] "the shell is on the screen"
ok [shell {mkfs.ext2 /dev/sda >/dev/null; mount /dev/sda /mnt; echo kept > /mnt/first; echo made-$?} {made-0} 120] "a file system"
ok [shell {(while sleep 1; do echo tick >> /tmp/ticks; done) & clear; echo started} {started} 20] "a program that goes on"
ok [expr {![regexp -nocase {error|unknown} [mon {savevm before}]]}] "savevm"
ok [regexp {List of snapshots present on all disks:\s+ID +TAG +VM SIZE +DATE +VM CLOCK +ICOUNT\s+-- +before +[0-9.]+ MiB} \
    [mon {info snapshots}]] "info snapshots"
ok [shell {echo lost > /mnt/second; sync; echo memory > /tmp/second; ls /mnt /tmp; echo wrote-$?} {wrote-0} 30] "more is written"
ok [regexp {nope.* does not exist in one or more devices} [mon {loadvm nope}]] "a state that is not there is refused"
ok [expr {![regexp -nocase {error|unknown} [mon {loadvm before}]]}] "loadvm"
ok [wait_screen {started\s+guestos:/#\s*$} 20] "the screen is that of then"
ok [shell {clear; ls /mnt /tmp; cat /mnt/first; echo seen-$?} {first.*kept\s+seen-0} 30] "the guest goes on"
ok [expr {![regexp {second} [screen]]}] "what came after the state is gone"
ok [shell {clear; a=$(wc -l < /tmp/ticks); sleep 3; b=$(wc -l < /tmp/ticks); [ $b -gt $a ] && echo timers-run} {timers-run} 30] \
    "the guest's timers run"
ok [expr {[vmm_quit] == 0}] "quit"
ok [expr {[catch {exec $vmm_img check $disk} out] == 0}] "vmm-img check finds the image clean"
if {[auto_execok qemu-img] ne ""} {
    ok [expr {[catch {exec qemu-img check $disk} out] == 0}] "qemu-img check too"
}

vmm_start {*}$args -loadvm before
ok [wait_screen {started\s+guestos:/#\s*$} 20] "a new vmm goes on from it"
ok [shell {clear; cat /mnt/first; sha256sum /mnt/first; echo read-$?} {kept.*read-0} 30] "with its disk"
ok [shell {dd if=/dev/zero of=/mnt/big bs=1M count=8; sync; umount /mnt; echo unmounted-$?} {unmounted-0} 120] "a write"
ok [expr {![regexp -nocase {error|unknown} [mon {delvm before}]]}] "delvm"
ok [regexp {There is no snapshot available} [mon {info snapshots}]] "and it is gone"
ok [expr {[vmm_quit] == 0}] "quit"
ok [expr {[catch {exec $vmm_img check $disk} out] == 0}] "the image is clean"
note $out
done
