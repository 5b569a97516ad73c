# What the network tests share, besides tests/boot/lib.tcl: guests with a script as their init, servers, and a network
# namespace of the test's own, in which the test is the administrator: taps, a name server, ICMP sockets.

set peer [file normalize $build/tests/net/net_peer]
set env(VMM_BUILD) $build

proc free_port {} {
    set s [socket -server {} -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $s -sockname] 2]
    close $s
    return $port
}

# Servers run in the background until servers_stop.
set servers {}
proc server {args} { global servers; lappend servers [exec {*}$args &] }
proc servers_stop {} {
    global servers
    foreach pid $servers { catch { exec kill $pid } }
    set servers {}
}

# The kernel with drivers for all PCI cards, and its unpacked package.
proc kernel_generic {} {
    global build kernel tree
    set dir $build/guest-generic
    if {![file exists $dir/vmlinuz]} { exec scripts/make-guest --kernel generic $dir 2>@1 }
    set kernel [file normalize $dir/vmlinuz]
    set tree [file normalize $dir/work-generic/kernel]
}
# The i386 kernel: the only one of Debian's with the ISA bus.
proc kernel_i386 {} {
    global build kernel tree env
    set dir $build/guest-i386
    if {![file exists $dir/initrd.gz]} { exec tests/boot/make-i386 $dir 2>@1 }
    if {![file exists $dir/net_peer]} { exec tests/net/make-i386 $dir 2>@1 }
    set kernel [file normalize $dir/vmlinuz-686]
    set tree [file normalize $dir/kernel-686]
    set env(VMM_BUSYBOX) $dir/busybox
    set env(VMM_PEER) $dir/net_peer
}
# Programs from packages, as tests/net/fetch-tools names them; what make_initrd takes.
proc tools {args} {
    global build
    return [split [exec tests/net/fetch-tools [file normalize $build/net-tools] {*}$args] "\n"]
}
proc make_initrd {out words script} {
    global tree tmp
    set f [open $tmp/init w]; puts $f $script; close $f
    exec tests/net/make-root $tree $out {*}$words <$tmp/init
}

# What a guest's init starts with: all drivers loaded, an address by DHCP unless ip= gives one ("off": none).
set prologue {
while read f; do insmod $f $(option "${f##*/}" | tr + ' '); done </modules
ifconfig lo up
echo root:x:0:0:root:/root:/bin/sh >/etc/passwd
carrier() { cat /sys/class/net/eth0/carrier; }
port=$(option netport)
mib=$(option mib)
address=$(option ip)
[ -n "$(option model)" ] && echo "DRIVER $(basename "$(readlink /sys/class/net/eth0/device/driver)")"
case $address in
"") udhcpc -i eth0 -n -q -t 8 -T 2 ;;
off) ifconfig eth0 up ;;
*) ifconfig eth0 $address ;;
esac
}

# Goes on in a network namespace of our own, if the host allows one: $in_namespace. There all ports are ours, a name server
# answers for host.test, and 192.168.99.1 is an address of the host that is not loopback. What is fetched must be there
# before.
set in_namespace [info exists env(VMM_NET_NAMESPACE)]
proc enter_namespace {} {
    global in_namespace env tmp peer argv0
    if {!$in_namespace} {
        set f [open $tmp/resolv.conf w]; puts $f "nameserver 127.0.0.1"; close $f
        set setup "ip link set lo up && mount --bind $tmp/resolv.conf /etc/resolv.conf &&
            ip tuntap add dev far0 mode tap && ip addr add 192.168.99.1/24 dev far0 && ip link set far0 up &&
            echo '0 0' >/proc/sys/net/ipv4/ping_group_range"
        # With process numbers of its own: whatever the test leaves behind ends with it.
        set enter {unshare -Urnmpf --mount-proc --kill-child}
        if {[catch { exec {*}$enter sh -c $setup } why]} {
            note "no network namespace here: [lindex [split $why \n] 0]"
            return
        }
        set env(VMM_NET_NAMESPACE) 1
        set failed [catch { exec {*}$enter sh -c "$setup && exec expect -f $argv0" >@stdout 2>@stderr }]
        finish_files
        exit $failed
    }
    server $peer dns 127.0.0.1 host.test 10.1.2.3
}
# The figures that a server of net_peer wrote.
proc note_figures {name file} {
    foreach line [split [exec cat $file] "\n"] {
        if {![regexp {^PORT|^$} $line]} { note "$name: $line" }
    }
}
