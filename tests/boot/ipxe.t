#!/usr/bin/expect -f
# ipxe.iso reaches its shell prompt.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set iso /usr/lib/ipxe/ipxe.iso
if {![file exists $iso]} { skip_all "package ipxe is missing" }
vmm_start -m 128 -cdrom $iso -boot d
ok [wait_screen {Ctrl-B} 120] "offers its command line"
key ctrl-b
ok [wait_screen {iPXE>\s*$} 60] "prompt"
shot ipxe
type "show version"
key ret
ok [wait_screen {builtin/version} 20] "answers a command"
vmm_quit
done
