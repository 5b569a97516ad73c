#!/usr/bin/expect -f
# What a user asks of disks around a running Linux: -snapshot and commit, -boot once, a disc changed under a mounted
# drive, a host disk that fills up and gets room again.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set dir $build/guest
if {![file exists $dir/guestos.iso] && [catch {exec scripts/make-guest $dir 2>@1} out]} { note $out }
set linux [list -m 256 -kernel $dir/vmlinuz -initrd $dir/initrd.gz -append "console=ttyS0 quiet"]
proc checksum {file} { return [lindex [exec sha256sum $file] 0] }
proc boot {args} {
    global linux
    vmm_start {*}$linux {*}$args
    return [wait_screen {guestos:/#\s*$} 240]
}

# -snapshot: the guest sees its writes, the image does not, until "commit".
set disk $tmp/disk.img
exec $vmm_img create -f qcow2 $disk 64M
set before [checksum $disk]
ok [boot -snapshot -hda $disk] "-snapshot: boots"
ok [shell {mkfs.ext2 /dev/sda >/dev/null; mount /dev/sda /mnt && echo kept >/mnt/file; umount /mnt; echo made-$?} made-0 90] \
    "-snapshot: the guest writes"
ok [shell {clear; mount /dev/sda /mnt; cat /mnt/file; umount /mnt; echo read-$?} {kept\s+read-0} 60] "-snapshot: and reads it back"
ok [string equal [checksum $disk] $before] "-snapshot: the image is untouched"
vmm_quit
ok [string equal [checksum $disk] $before] "-snapshot: and stays so"
ok [boot -snapshot -hda $disk] "-snapshot: boots again"
ok [shell {mount /dev/sda /mnt; echo mounted-$?} {mounted-[1-9]} 30] "-snapshot: nothing was left"
ok [shell {clear; mkfs.ext2 /dev/sda >/dev/null; sync; echo made-$?} made-0 90] "commit: the guest writes"
mon "commit all"
vmm_quit
ok [boot -hda $disk] "commit: boots"
ok [shell {mount /dev/sda /mnt; echo mounted-$?} {mounted-0} 30] "commit: the image has it"
vmm_quit
ok [expr {![catch { exec $vmm_img check $disk }]}] "commit: the image is clean"

# -boot once: the CD first, after a reset the disk. Its boot sector prints a line:
set f [open $tmp/boot.img wb]
#   cld; xor ax,ax; mov ds,ax; mov si,7C20h; l: lodsb; test al,al; jz $; mov ah,0Eh; mov bx,7; int 10h; jmp l
puts -nonewline $f [binary format H* fc31c08ed8be207cac84c074feb40ebb0700cd10ebf2]
seek $f 32
puts -nonewline $f "disk-boots-now\0"
seek $f 510
puts -nonewline $f [binary format H* 55aa]
seek $f 1048575
puts -nonewline $f "\0"
close $f
vmm_start -m 256 -boot once=d,order=c -hda $tmp/boot.img -cdrom $dir/guestos.iso
ok [wait_screen {ISOLINUX|Demo guest} 60] "-boot once=d: the CD first"
mon system_reset
ok [wait_screen {disk-boots-now} 60] "-boot once=d: after a reset the disk"
mon system_reset
ok [wait_screen {disk-boots-now} 60] "-boot once=d: and from then on"
vmm_quit

# A disc is changed: not while it is mounted, unless with force; the guest sees the new one.
foreach name {first second} {
    file mkdir $tmp/$name
    set f [open $tmp/$name/$name.txt w]; puts $f "this is the $name disc"; close $f
    exec xorriso -as mkisofs -quiet -J -R -V $name -o $tmp/$name.iso $tmp/$name 2>@1
}
ok [boot -cdrom $tmp/first.iso] "CD: boots"
ok [shell {mount /dev/sr0 /mnt; cat /mnt/*.txt} {this is the first disc} 30] "CD: the first disc"
set answer [mon "change ide1-cd0 $tmp/second.iso"]
ok [regexp {locked} $answer] "CD: a mounted disc is locked: [lindex [split $answer \n] 0]"
ok [shell {clear; umount /mnt; echo out-$?} out-0 30] "CD: unmounted"
set answer [mon "change ide1-cd0 $tmp/second.iso"]
ok [expr {![regexp {Error} $answer]}] "CD: changed"
ok [regexp {ide1-cd0[^\n]*second.iso} [mon "info block"]] "CD: info block shows it"
ok [shell {clear; mount /dev/sr0 /mnt; cat /mnt/*.txt; umount /mnt} {this is the second disc} 30] "CD: the second disc"
mon "eject ide1-cd0"
ok [shell {clear; mount /dev/sr0 /mnt; echo empty-$?} {empty-[1-9]} 30] "CD: ejected"
mon "change ide1-cd0 $tmp/first.iso"
ok [shell {clear; mount /dev/sr0 /mnt; cat /mnt/*.txt; umount /mnt} {this is the first disc} 30] "CD: the first again"
vmm_quit

# A full host disk: a small tmpfs in a name space of its own, nearly filled. vmm stops, and goes on after "cont".
set small $tmp/small
file mkdir $small
set wrapper $tmp/in-small-disk
set f [open $wrapper w]
puts $f "#!/bin/sh
exec unshare -Urm sh -c 'mount -t tmpfs -o size=24M none $small && head -c 16000000 /dev/zero >$small/filler &&
    $vmm_img create -f qcow2 $small/disk.img 64M >/dev/null && exec $vmm \"\$@\"' vmm \"\$@\""
close $f
file attributes $wrapper -permissions 0755
if {[catch { exec unshare -Urm mount -t tmpfs none $small }]} {
    note "no user name spaces here: full host disk not tested"
    done
}
set plain $vmm
set vmm $wrapper
ok [boot -drive file=$small/disk.img,format=qcow2,if=ide,index=0,werror=stop] "full disk: boots"
set vmm $plain
set inside /proc/[exp_pid -i $spawn_id]/root$small
shell {head -c 20000000 /dev/urandom >/tmp/data; clear; sha256sum /tmp/data} {[0-9a-f]{64}} 120
regexp {([0-9a-f]{64})} [screen] -> sum
type {clear; dd if=/tmp/data of=/dev/sda bs=64k conv=fsync 2>/dev/null; echo dd-$?}
key ret
set status ""
for {set i 0} {$i < 240 && ![regexp {io-error} $status]} {incr i} { after 250; set status [mon "info status"] }
ok [regexp {paused \(io-error\)} $status] "full disk: vmm is paused"
mon cont
after 2000
ok [regexp {paused \(io-error\)} [mon "info status"]] "full disk: still full, paused again"
ok [expr {![catch { file delete $inside/filler } why]}] "full disk: room made"
mon cont
ok [wait_screen {dd-0} 120] "full disk: the guest's write ends well"
ok [shell {clear; echo 3 >/proc/sys/vm/drop_caches; head -c 20000000 /dev/sda | sha256sum} $sum 120] "full disk: nothing is lost"
file copy $inside/disk.img $tmp/after.img
vmm_quit
ok [expr {![catch { exec $vmm_img check $tmp/after.img } why]}] "full disk: the image is whole"
done
