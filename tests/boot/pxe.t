#!/usr/bin/expect -f
# Network boot by iPXE's ROMs: a script by TFTP on each PCI card; with VMM_BOOT=all a kernel with its initial RAM disk, by
# TFTP and by HTTP from the host's loopback.
source [file dirname [info script]]/lib.tcl
if {![file exists /usr/lib/ipxe/qemu/pxe-e1000.rom]} { skip_all "no iPXE ROMs: apt-get install ipxe-qemu" }
file mkdir $tmp/tftp
proc write_file {path text} { set f [open $path w]; puts -nonewline $f $text; close $f }

write_file $tmp/tftp/hello.ipxe "#!ipxe\necho HELLO-IPXE from \${net0/chip}\nshell\n"
foreach model {e1000 ne2k_pci} {
    if {[vmm_start -m 64 -boot n -nic user,model=$model,tftp=$tmp/tftp,bootfile=hello.ipxe]} {
        ok [wait_screen {HELLO-IPXE} 90] "$model boots a script by TFTP"
        vmm_quit
    }
}

# The boot order says which card, before any letter; a card without ROM; the old spelling.
write_file $tmp/tftp/other.ipxe "#!ipxe\necho OTHER-CARD\nshell\n"
if {[vmm_start -m 64 -boot c -device e1000,netdev=a,bootindex=2 -device ne2k_pci,netdev=b,bus=pci.0,addr=8.0,bootindex=1 \
        -netdev user,id=a,tftp=$tmp/tftp,bootfile=other.ipxe -netdev user,id=b,tftp=$tmp/tftp,bootfile=hello.ipxe]} {
    ok [wait_screen {HELLO-IPXE} 90] "bootindex= chooses the card"
    ok [regexp {device   8, function 0:\s+Ethernet controller: PCI device 10ec:8029} [mon "info pci"]] "addr= is its place"
    vmm_quit
}
if {[vmm_start -m 64 -boot n -net nic,romfile= -net nic,model=ne2k_pci -net user -tftp $tmp/tftp -bootp hello.ipxe]} {
    ok [wait_screen {HELLO-IPXE} 90] "-tftp and -bootp; only the card with a ROM boots"
    ok [regexp {device   3, function 0:((?!device   4).)*device   4, function 0:.*BAR6} [mon "info pci"] had] "both are there"
    ok [expr {![regexp {BAR6.*device   4} $had]}] "romfile= with nothing is no ROM"
    vmm_quit
}

if {$all} {
    set dir $build/guest
    if {![file exists $dir/vmlinuz]} { exec scripts/make-guest $dir 2>@1 }
    foreach file {vmlinuz initrd.gz} { file link -hard $tmp/tftp/$file [file normalize $dir/$file] }
    set s [socket -server {} -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $s -sockname] 2]
    close $s
    set server [exec busybox httpd -f -p 127.0.0.1:$port -h $tmp/tftp &]
    foreach {way url} [list TFTP tftp://10.0.2.2 HTTP http://10.0.2.2:$port] {
        write_file $tmp/tftp/boot.ipxe \
            "#!ipxe\nkernel $url/vmlinuz console=ttyS0 quiet initrd=initrd.gz\ninitrd $url/initrd.gz\nboot\n"
        if {[vmm_start -m 384 -boot n -nic user,tftp=$tmp/tftp,bootfile=boot.ipxe]} {
            ok [wait_serial {guestos:/} 300] "a kernel boots by $way"
            vmm_quit
        }
    }
    exec kill $server
}
done
