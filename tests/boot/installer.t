#!/usr/bin/expect -f
# The Debian installer, text and graphical, shows its first dialog and can be driven with the keyboard.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set images /usr/lib/debian-installer/images/12/amd64
if {![file isdirectory $images]} { skip_all "package debian-installer-12-netboot-amd64 is missing" }
set dir $images/text/debian-installer/amd64
vmm_start -m 512 -kernel $dir/linux -initrd $dir/initrd.gz -append "vga=normal"
ok [wait_screen {Choose the language} 300] "text: first dialog"
shot installer-text
key down
key ret
ok [wait_screen {Continent or region|Select your location|Choose.*language} 60] "text: takes keys"
vmm_quit
set dir $images/gtk/debian-installer/amd64
vmm_start -m 768 -kernel $dir/linux -initrd $dir/initrd.gz -append "vga=788"
after 240000
shot installer-gtk
ok [regexp {running} [mon "info status"]] "gtk: runs (look at the picture)"
vmm_quit
done
