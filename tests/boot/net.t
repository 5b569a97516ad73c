#!/usr/bin/expect -f
# Linux's e1000 driver gets a lease, pings the gateway, fetches files by TFTP and HTTP, and survives a pulled cable;
# iPXE boots a script by TFTP.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set dir $build/guest-generic
if {![file exists $dir/vmlinuz]} { exec scripts/make-guest --kernel generic $dir 2>@1 }

# The guest: busybox and the driver; it prints what it gets.
set root $tmp/root
file mkdir $root/bin $root/proc $root/sys $root/dev $root/etc/udhcpc $tmp/tftp
file copy /usr/bin/busybox $root/bin/busybox
set driver [lindex [glob $dir/work-generic/kernel/lib/modules/*/kernel/drivers/net/ethernet/intel/e1000/e1000.ko] 0]
file copy $driver $root/e1000.ko
proc write_file {path text} { set f [open $path w]; puts -nonewline $f $text; close $f; file attributes $path -permissions 0755 }
write_file $root/etc/udhcpc/default.script {#!/bin/sh
case $1 in
bound|renew) ifconfig $interface $ip netmask $subnet; route add default gw $router; echo "LEASE $ip $router $dns" ;;
deconfig) ifconfig $interface 0.0.0.0 ;;
esac
}
write_file $root/init {#!/bin/busybox sh
/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
insmod /e1000.ko
ifconfig eth0 up
udhcpc -i eth0 -n -q -t 8 -T 2
ping -c 2 -W 3 10.0.2.2
tftp -g -r big -l /big 10.0.2.2 && echo "TFTP $(md5sum </big)"
port=$(sed 's/.*httpport=\([0-9]*\).*/\1/' /proc/cmdline)
wget -q -O /big2 http://10.0.2.2:$port/big && echo "HTTP $(md5sum </big2)"
echo READY
while [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.1; done
echo CARRIER-OFF
while [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do sleep 0.1; done
ping -c 1 -W 5 10.0.2.2 && echo CARRIER-ON
while true; do sleep 60; done
}
exec sh -c "cd $root && find . | cpio -o -H newc --quiet | gzip -1 >$tmp/initrd.gz"
exec head -c 1000000 /dev/urandom >$tmp/tftp/big
set sum [lindex [exec md5sum $tmp/tftp/big] 0]
write_file $tmp/tftp/boot.ipxe "#!ipxe\necho HELLO-IPXE\nshell\n"

# A web server of one file on loopback.
proc serve {channel host port} {
    global tmp
    fconfigure $channel -translation binary -blocking 0
    fileevent $channel readable [list answer $channel]
}
proc answer {channel} {
    global tmp
    gets $channel
    set f [open $tmp/tftp/big rb]
    set data [read $f]
    close $f
    fileevent $channel readable {}
    fconfigure $channel -blocking 1
    puts -nonewline $channel "HTTP/1.0 200 OK\r\nContent-Length: [string length $data]\r\n\r\n$data"
    close $channel
}
set server [socket -server serve -myaddr 127.0.0.1 0]
set http_port [lindex [fconfigure $server -sockname] 2]

vmm_start -m 256 -kernel $dir/vmlinuz -initrd $tmp/initrd.gz -append "console=ttyS0 quiet httpport=$http_port" \
    -nic user,tftp=$tmp/tftp
# Serve while waiting.
proc wait_serving {pattern seconds} {
    set end [expr {[clock seconds] + $seconds}]
    global tmp
    while {[clock seconds] < $end} {
        update
        if {[file exists $tmp/serial.txt] && [regexp -- $pattern [exec cat $tmp/serial.txt]]} { return 1 }
        after 50
    }
    note [exec tail -n 20 $tmp/serial.txt]
    return 0
}
ok [wait_serving {LEASE 10\.0\.2\.15 10\.0\.2\.2 10\.0\.2\.3} 120] "lease by DHCP"
ok [wait_serving {2 packets received} 30] "ping of the gateway"
ok [wait_serving "TFTP $sum" 60] "TFTP"
ok [wait_serving "HTTP $sum" 60] "HTTP from the host's loopback"
ok [wait_serving READY 10] "guest is ready"
mon "set_link e1000.0 off"
ok [wait_serving CARRIER-OFF 20] "pulled cable is seen"
mon "set_link e1000.0 on"
ok [wait_serving CARRIER-ON 20] "goes on with the cable in"
ok [regexp {user\.0: index=0,type=user} [mon "info network"]] "info network"
vmm_quit
close $server

vmm_start -m 64 -boot n -nic user,tftp=$tmp/tftp,bootfile=boot.ipxe
ok [wait_screen {HELLO-IPXE} 90] "network boot of a script"
vmm_quit
done
