#!/usr/bin/expect -f
# Multiboot kernels by -kernel: an ELF file and one with its addresses in the header are told of memory, command line and
# modules. With VMM_BOOT=all Debian's Xen with a Debian kernel as its first domain, by -kernel and through GRUB.
set here [file dirname [info script]]
source $here/lib.tcl
proc write_file {path text} { set f [open $path wb]; puts -nonewline $f $text; close $f }

exec nasm -f bin -DFLAT -o $tmp/flat.bin $here/multiboot.asm
exec nasm -f elf32 -o $tmp/elf.o $here/multiboot.asm
exec ld -m elf_i386 -Ttext 0x100000 -o $tmp/elf.bin $tmp/elf.o
write_file $tmp/one "first module"
write_file $tmp/b,two "[string repeat z 5000]"
foreach kind {elf flat} {
    vmm_start -m 32 -nic none -kernel $tmp/$kind.bin -append "a line" -initrd "$tmp/one with arguments,$tmp/b,,two"
    ok [wait_serial {END} 30] "$kind: runs"
    set text [serial_text]
    ok [regexp {^MAGIC\n} $text] "$kind: magic number"
    ok [regexp {UPPER 00007[0-9a-f]+ } $text] "$kind: 31 MiB above the first"
    ok [regexp "LINE \[^\n\]*/$kind.bin a line\n" $text] "$kind: command line"
    ok [regexp {LOADER vmm\n} $text] "$kind: name of the loader"
    ok [regexp "MODULE 0000000c \[^\n\]*/one with arguments FIRST f\nMODULE 00001388 \[^\n\]*/b,two FIRST z\n" $text] \
        "$kind: modules"
    ok [regexp {RAM 00000000 0009[0-9a-f]{4} \nRAM 00100000 01[ef]} $text] "$kind: memory map"
    ok [regexp {BSS\nEND} $text] "$kind: .bss is clear"
    vmm_quit
}
vmm_start -m 32 -nic none -kernel $tmp/elf.bin
ok [wait_serial {END} 30] "without modules and command line"
ok [expr {![regexp MODULE [serial_text]]}] "none are reported"
vmm_quit
foreach {name make pattern} {
    "cut off" {exec head -c 4200 $tmp/elf.bin > $tmp/bad.bin} {cut off}
    "no kernel" {exec head -c 9000 /dev/zero > $tmp/bad.bin} {neither a Linux kernel}
} {
    eval $make
    catch { exec $vmm -display none -m 32 -kernel $tmp/bad.bin 2>@1 } out
    ok [regexp $pattern $out] "$name: $out"
}
catch { exec $vmm -display none -m 32 -kernel $tmp/elf.bin -initrd /nonexistent 2>@1 } out
ok [regexp {^[^\n]*-initrd[^\n]*/nonexistent} $out] "a missing module: $out"
if {!$all} { done }

set xen $build/xen
if {![file exists $xen]} {
    file mkdir $xen.new
    if {[catch {
        exec sh -c "cd $xen.new && apt-get download -q xen-hypervisor-4.17-amd64 && dpkg -x *.deb . && zcat boot/xen-*-amd64.gz >xen" 2>@1
        file rename $xen.new $xen
    } out]} { note $out }
}
set dir $build/guest-generic
if {![file exists $dir/vmlinuz]} { exec scripts/make-guest --kernel generic $dir 2>@1 }
if {![ok [file exists $xen/xen] "Xen fetched"]} { done }
set line "com1=115200,8n1 console=com1 dom0_mem=400M"
vmm_start -m 768 -nic none -kernel $xen/xen -append $line -initrd "$dir/vmlinuz console=hvc0,$dir/initrd.gz"
ok [wait_serial {Run /init as init process} 300] "Xen by -kernel: its first domain starts user space"
ok [regexp {Xen version: 4\.17|Booting paravirtualized kernel on Xen PV} [serial_text]] "which knows where it is"
vmm_quit
file mkdir $tmp/iso/boot/grub
file copy $xen/xen $dir/vmlinuz $dir/initrd.gz $tmp/iso/boot
write_file $tmp/iso/boot/grub/grub.cfg "set timeout=0\nmenuentry xen {\n    multiboot2 /boot/xen $line
    module2 /boot/vmlinuz console=hvc0\n    module2 /boot/initrd.gz\n}\n"
exec grub-mkrescue -d /usr/lib/grub/i386-pc -o $tmp/xen.iso $tmp/iso 2>@1
vmm_start -m 768 -nic none -cdrom $tmp/xen.iso -boot d
ok [wait_serial {Run /init as init process} 300] "Xen through GRUB: likewise"
vmm_quit
done
