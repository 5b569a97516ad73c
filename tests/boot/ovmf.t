#!/usr/bin/expect -f
# UEFI: Debian's OVMF on flash chips reaches its shell, takes keys, and keeps a variable over a restart. With VMM_BOOT=all also as a
# plain ROM (-bios), both sizes of chips, a kernel by -kernel on two CPUs that switches off by ACPI, the boot entry in
# a GRUB-EFI CD, and a screen in a graphics mode.
source [file dirname [info script]]/lib.tcl
set ovmf /usr/share/OVMF
if {![file exists $ovmf/OVMF_CODE.fd]} { skip_all "no OVMF: apt-get install ovmf" }

# The console draws with escape sequences: without them it is text.
rename serial_text serial_bytes
proc serial_text {} { return [regsub -all {\x1b\[[=0-9;]*[A-Za-z]} [serial_bytes] ""] }

# The options of a machine with flash chips: firmware and a file of variables.
proc flash {suffix variables} {
    global ovmf
    if {![file exists $variables]} { file copy $ovmf/OVMF_VARS$suffix.fd $variables }
    return [list -M pc -m 256 -drive if=pflash,format=raw,readonly=on,file=$ovmf/OVMF_CODE$suffix.fd \
                -drive if=pflash,format=raw,file=$variables]
}
# To the prompt of the shell, past the countdown before startup.nsh.
proc shell_prompt {name} {
    set start [clock milliseconds]
    if {![ok [wait_serial {startup\.nsh|Shell>} 90] "$name: the shell starts"]} { return 0 }
    note "$name: [expr {([clock milliseconds] - $start) / 1000.0}] s"
    key esc
    return [ok [wait_serial {Shell> } 30] "$name: prompt"]
}
proc command {text pattern name} {
    type $text
    key ret
    ok [wait_serial $pattern 30] $name
}

vmm_start {*}[flash "" $tmp/vars.fd] -net none
if {[shell_prompt "flash"]} {
    command "set vmmtest remembered" {set vmmtest remembered\s+Shell> } "flash: a variable is set"
    ok [regexp {pflash0 .*read-only.*flash chip 0.*pflash1 .*flash chip 1} [mon "info block"]] "info block names the chips"
}
vmm_quit
file copy $tmp/vars.fd $tmp/vars2.fd
vmm_start {*}[flash "" $tmp/vars2.fd] -net none
if {[shell_prompt "restart"]} { command "set vmmtest" {vmmtest = remembered} "restart: and still there" }
vmm_quit
if {!$all} { done }

vmm_start -m 256 -bios /usr/share/ovmf/OVMF.fd -net none
if {[shell_prompt "-bios"]} { command "ver" {UEFI Interactive Shell v2} "-bios: answers" }
vmm_quit
vmm_start {*}[flash _4M $tmp/vars4m.fd] -smp 4 -nic user,romfile=
if {[shell_prompt "4 MiB, 4 CPUs"]} { command "pci" {1234.*Bridge.*8086|VGA|Display} "4 MiB: PCI devices" }
vmm_quit

set dir $build/guest
if {![file exists $dir/vmlinuz]} { exec scripts/make-guest $dir 2>@1 }
vmm_start {*}[flash "" $tmp/vars.fd] -smp 2 -kernel $dir/vmlinuz -initrd $dir/initrd.gz -append "console=ttyS0"
ok [wait_serial {guestos:/#} 180] "-kernel: user space"
set text [serial_text]
ok [regexp {efi: EFI v2} $text] "-kernel: started by UEFI"
ok [regexp {smp: Brought up 1 node, 2 CPUs} $text] "-kernel: two CPUs by ACPI"
ok [regexp {Registered efivars operations} $text] "-kernel: UEFI's run time services"
ok [regexp {Interrupt link LNKA configured for IRQ 1[01]} $text] "-kernel: interrupt links"
vmm_quit

# GRUB for EFI comes from its package, unpacked only.
set grub $build/grub-efi
if {![file exists $grub]} {
    file mkdir $grub.new
    catch {
        exec sh -c "cd $grub.new && apt-get download -q grub-efi-amd64-bin && dpkg -x *.deb ." 2>@1
        file rename $grub.new $grub
    } out
}
if {[file exists $grub]} {
    file mkdir $tmp/iso/boot/grub
    foreach file {vmlinuz initrd.gz} { file copy $dir/$file $tmp/iso/boot }
    set f [open $tmp/iso/boot/grub/grub.cfg w]
    puts $f "serial\nterminal_output console serial\nset timeout=0\nmenuentry linux {\n    echo GRUB-\$grub_platform"
    puts $f "    linux /boot/vmlinuz console=ttyS0 quiet\n    initrd /boot/initrd.gz\n}"
    close $f
    exec grub-mkrescue -d $grub/usr/lib/grub/x86_64-efi -o $tmp/efi.iso $tmp/iso 2>@1
    vmm_start {*}[flash "" $tmp/vars.fd] -cdrom $tmp/efi.iso
    ok [wait_serial {GRUB-efi} 90] "CD: GRUB for EFI"
    ok [wait_serial {guestos:/#} 180] "CD: and the kernel it starts"
    mon "screendump $tmp/efi.ppm"
    ok [regexp {^P6\s+(640|800|1024|1280) } [exec head -c 15 $tmp/efi.ppm]] "CD: a graphics mode"
    shot ovmf-linux
    vmm_quit
} else {
    note "grub-efi-amd64-bin could not be fetched: $out"
}
done
