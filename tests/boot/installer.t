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

# The picture's rows and columns of this part as one string; "" if there is no picture now.
proc picture {{top 0} {bottom 100000} {left 0} {right 100000}} {
    global tmp
    file delete $tmp/picture.ppm
    mon "screendump $tmp/picture.ppm"
    if {[catch { open $tmp/picture.ppm rb } f]} { return "" }
    set data [read $f]
    close $f
    if {![regexp {^P6\s+(\d+)\s+(\d+)\s+255\s} $data header width height]} { return "" }
    set bottom [expr {min($bottom, $height)}]
    set right [expr {min($right, $width)}]
    set part ""
    for {set y $top} {$y < $bottom} {incr y} {
        set row [expr {[string length $header] + 3 * $y * $width}]
        append part [string range $data [expr {$row + 3 * $left}] [expr {$row + 3 * $right - 1}]]
    }
    return $part
}
# The heading of the graphical installer's dialog.
proc heading {} { return [picture 82 108 10 400] }
# Whether there are buttons at the bottom: not one colour alone.
proc has_buttons {} {
    set part [picture 720 760 600]
    return [expr {$part ne "" && $part ne [string repeat [string range $part 0 2] [expr {[string length $part] / 3}]]}]
}
# Waits until what `look` sees is another than `old` and stays so for some seconds.
proc wait_change {look old seconds} {
    set end [expr {[clock seconds] + $seconds}]
    set last $old
    set since [clock seconds]
    while {[clock seconds] <= $end} {
        set now [$look]
        if {$now ne $last || $now eq "" || $now eq $old} { set since [clock seconds] }
        if {[clock seconds] - $since >= 8} { return 1 }
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
    note "gtk: $count colours after [expr {1200 - $end + [clock seconds]}] s"
    # The banner comes first, the heading and the dialog below it some seconds later.
    set end [expr {[clock seconds] + 300}]
    while {$::alive && [clock seconds] < $end && ![has_buttons]} { after 1000 }
    ok [has_buttons] "gtk: a dialog with its buttons"
    wait_change picture "" 60
    shot installer-gtk
    set first [heading]
    set before [picture]
    key down
    key down
    ok [wait_change picture $before 120] "gtk: keys move the choice"
    ok [string equal $first [heading]] "gtk: within the same dialog"
    set before [picture]
    mon "mouse_move 60 40"
    ok [wait_change picture $before 120] "gtk: the pointer moves"
    key up
    key up
    key ret
    ok [wait_change heading $first 300] "gtk: Enter leads to the next dialog"
    set end [expr {[clock seconds] + 120}]
    while {$::alive && [clock seconds] < $end && ![has_buttons]} { after 1000 }
    ok [has_buttons] "gtk: with its buttons"
    shot installer-gtk-next
    vmm_quit
}
# VMM_PARTS=text or gtk runs one of the two.
foreach {part run} {text text_installer gtk graphical_installer} {
    if {![info exists env(VMM_PARTS)] || $part in $env(VMM_PARTS)} { $run }
}
done
