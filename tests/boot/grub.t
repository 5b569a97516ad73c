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
# The same prompt in graphics: a VBE mode, the Unicode font from the CD.
foreach command {"insmod all_video" "loadfont unicode" "terminal_output gfxterm"} {
    type $command
    key ret
    after 2000
}
ok [regexp {graphics} [screen]] "gfxterm switches to a graphics mode"
type "echo hello from gfxterm"
key ret
after 2000
shot grub-gfxterm
type "terminal_output console"
key ret
ok [wait_screen {grub>\s*$} 30] "and back to text"
vmm_quit
done
