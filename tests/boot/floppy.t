#!/usr/bin/expect -f
# Floppy disks: a boot sector that reads every sector, of all classic sizes; syslinux; and, in the long form,
# Linux with its floppy driver, which also formats.
set here [file dirname [info script]]
source $here/lib.tcl

# An image whose sectors begin with their numbers.
proc numbered {file cylinders heads sectors} {
    global here tmp
    exec nasm -f bin -DCYLINDERS=$cylinders -DHEADS=$heads -DSECTORS=$sectors -o $tmp/boot.bin $here/floppy.asm
    set f [open $tmp/boot.bin rb]; set boot [read $f]; close $f
    set f [open $file wb]
    puts -nonewline $f $boot
    for {set i 1} {$i < $cylinders * $heads * $sectors} {incr i} {
        puts -nonewline $f [binary format sa510 $i ""]
    }
    close $f
}

set sizes {{1440 80 2 18}}
if {$all} { set sizes {{160 40 1 8} {180 40 1 9} {320 40 2 8} {360 40 2 9} {720 80 2 9} {1200 80 2 15} {1440 80 2 18}
                       {1680 80 2 21} {2880 80 2 36}} }
foreach size $sizes {
    lassign $size kib cylinders heads sectors
    numbered $tmp/fd.img $cylinders $heads $sectors
    vmm_start -m 16 -nic none -fda $tmp/fd.img -boot a
    ok [wait_serial {read\n|contents|failed} 60] "$kib KB: the boot sector reports"
    ok [regexp {all sectors read} [serial_text]] "$kib KB: [string trim [serial_text]]"
    vmm_quit
    set f [open $tmp/fd.img rb]; seek $f -512 end; set last [read $f 2]; close $f
    ok [expr {$last eq "BB"}] "$kib KB: what was written is in the image"
}

# A second drive, a disk that is changed and one that is protected: through the monitor.
numbered $tmp/a.img 80 2 18
numbered $tmp/b.img 80 2 9
file copy -force $tmp/a.img $tmp/ro.img
exec truncate -s 4M $tmp/big.img
file attributes $tmp/ro.img -permissions 0444
vmm_start -m 16 -nic none -S -fda $tmp/a.img -drive if=floppy,index=1,file=$tmp/b.img,readonly=on
set text [mon "info block"]
ok [regexp {floppy0 \(#block\d+\): \S*/a.img \(raw\)} $text] "info block names the first floppy"
ok [regexp {floppy1 \(#block\d+\): \S*/b.img \(raw, read-only\)} $text] "and the second, which is protected"
mon "eject floppy0"
ok [regexp {floppy0: \[not inserted\]} [mon "info block"]] "eject"
mon "change floppy0 $tmp/ro.img raw read-only"
ok [regexp {floppy0 \(#block\d+\): \S*/ro.img \(raw, read-only\)} [mon "info block"]] "change"
ok [regexp {no disk for a 1.44M drive} [mon "change floppy0 $tmp/big.img"]] "a file that is no floppy disk"
vmm_quit

# syslinux to its prompt.
if {[catch {exec which syslinux mtools mformat}]} {
    puts "ok [incr test_count] - syslinux # SKIP needs the packages syslinux and mtools"
} else {
    exec mformat -C -f 1440 -i $tmp/sys.img ::
    exec syslinux --install $tmp/sys.img
    set f [open $tmp/syslinux.cfg w]; puts $f "prompt 1\ntimeout 0\nsay This is a floppy"; close $f
    exec mcopy -i $tmp/sys.img $tmp/syslinux.cfg ::
    vmm_start -m 16 -nic none -fda $tmp/sys.img -boot a
    ok [wait_screen {This is a floppy\s+boot:} 60] "syslinux prompt from a floppy"
    vmm_quit
}

if {$all} {
    set dir $build/guest-generic
    if {![file exists $dir/guestos.iso]} { exec scripts/make-guest --kernel generic $dir 2>@1 }
    set module [exec find $dir -name floppy.ko]
    file mkdir $tmp/extra
    exec gcc -static -O -o $tmp/extra/floppy_format $here/floppy_format.c
    file copy [lindex $module 0] $tmp/extra/floppy.ko
    exec sh -c "cd $tmp/extra && find . | cpio -o -H newc --quiet | gzip >../extra.gz"
    exec sh -c "cat $dir/initrd.gz $tmp/extra.gz >$tmp/initrd.gz"
    numbered $tmp/a.img 80 2 18
    numbered $tmp/b.img 80 2 9
    set sum [lindex [exec md5sum $tmp/a.img] 0]
    # Commands go in by the kernel command line; what they say comes over the serial line.
    set test "insmod%20/floppy.ko;md5sum%20/dev/fd0;dd%20if=/dev/fd1%20bs=9k%20count=1%20skip=10|md5sum;"
    append test "/floppy_format%20/dev/fd0%2040&&echo%20formatted;"
    append test "dd%20if=/dev/zero%20of=/dev/fd1%20bs=512%20count=9%20seek=9%20conv=fsync&&echo%20written;sync;echo%20ended"
    vmm_start -m 256 -nic none -kernel $dir/vmlinuz -initrd $tmp/initrd.gz \
        -append "console=ttyS0 quiet test=$test" -fda $tmp/a.img -fdb $tmp/b.img
    ok [wait_serial {ended} 300] "Linux has gone through the commands"
    note [serial_text]
    ok [regexp $sum [serial_text]] "Linux reads the whole disk"
    ok [regexp {formatted} [serial_text]] "Linux formats a track"
    ok [regexp {written} [serial_text]] "Linux writes"
    vmm_quit
    set f [open $tmp/a.img rb]; seek $f [expr {40 * 36 * 512}]; set track [read $f 18432]; close $f
    ok [regexp "^\xf6+\$" $track] "the formatted track holds the filler"
    set f [open $tmp/b.img rb]; seek $f 4608; set track [read $f 4608]; close $f
    ok [expr {$track eq [string repeat "\0" 4608]}] "the written track is zero"
}
done
