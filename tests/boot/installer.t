#!/usr/bin/expect -f
# The Debian installer, text and graphical, shows its first dialog and can be driven with the keyboard (and
# the graphical one with the mouse). The graphical one is judged by its pictures: they change when they should.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set images /usr/lib/debian-installer/images/12/amd64
if {![file isdirectory $images]} { skip_all "package debian-installer-12-netboot-amd64 is missing" }

# Less memory than this and the installer begins with a question about it.
proc text_installer {} {
    global images
    set dir $images/text/debian-installer/amd64
    vmm_start -m 1000 -kernel $dir/linux -initrd $dir/initrd.gz -append "vga=normal nomodeset fb=false"
    ok [wait_screen {Choose the language} 1200] "text: first dialog"
    shot installer-text
    key ret
    ok [wait_screen {Continent or region|Select your location} 300] "text: takes keys"
    vmm_quit
}

# The picture as a checksum; "" if there is none to be had now.
proc picture {} {
    global tmp
    mon "screendump $tmp/picture.ppm"
    if {[catch { exec sha256sum $tmp/picture.ppm } sum]} { return "" }
    return [lindex $sum 0]
}
# Waits until the picture is another than `old` and stays so for a few looks.
proc wait_picture {old seconds} {
    set end [expr {[clock seconds] + $seconds}]
    set last $old
    set same 0
    while {[clock seconds] <= $end} {
        set now [picture]
        if {$now ne "" && $now ne $old && $now eq $last} { incr same } else { set same 0 }
        if {$same >= 3} { return 1 }
        set last $now
        after 500
    }
    return 0
}
# How many colours the picture has: its X server is the first to show many (quiet: no logo from the kernel).
proc colours {} {
    global tmp
    mon "screendump $tmp/picture.ppm"
    if {[catch { open $tmp/picture.ppm rb } f]} { return 0 }
    set data [read $f]
    close $f
    set seen [dict create]
    binary scan [string range $data 20 end] c* bytes
    foreach {r g b} $bytes { dict set seen "$r,$g,$b" 1 }
    return [dict size $seen]
}
proc graphical_installer {} {
    global images
    set dir $images/gtk/debian-installer/amd64
    vmm_start -m 1200 -kernel $dir/linux -initrd $dir/initrd.gz -append "vga=788 quiet"
    set end [expr {[clock seconds] + 1200}]
    set count 0
    while {$::alive && [clock seconds] < $end && $count < 200} { after 3000; set count [colours] }
    ok [expr {$count >= 200}] "gtk: shows a picture of many colours"
    # The banner comes first, the dialog below it some seconds later.
    note "gtk: $count colours after [expr {1200 - $end + [clock seconds]}] s"
    wait_picture [picture] 180
    shot installer-gtk
    set before [picture]
    key down
    key down
    ok [wait_picture $before 120] "gtk: keys move the choice"
    set before [picture]
    mon "mouse_move 60 40"
    ok [wait_picture $before 120] "gtk: the pointer moves"
    set before [picture]
    key ret
    ok [wait_picture $before 240] "gtk: Enter leads to the next dialog"
    shot installer-gtk-next
    vmm_quit
}
# VMM_PARTS=text or gtk runs one of the two.
foreach {part run} {text text_installer gtk graphical_installer} {
    if {![info exists env(VMM_PARTS)] || $part in $env(VMM_PARTS)} { $run }
}
done
