#!/usr/bin/expect -f
# A grub-mkrescue ISO reaches the GRUB prompt.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
if {[catch {exec grub-mkrescue -o $tmp/grub.iso $tmp 2>@1} out]} { skip_all "grub-mkrescue does not work here" }
vmm_start -m 128 -cdrom $tmp/grub.iso -boot d
ok [wait_screen {grub>\s*$} 180] "prompt"
type "echo hello from grub"
key ret
ok [wait_screen {hello from grub\s+grub>} 20] "answers a command"
shot grub
vmm_quit
done
