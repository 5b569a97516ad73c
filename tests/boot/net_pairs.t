#!/usr/bin/expect -f
# Guests that talk to each other: through -netdev socket (stream, multicast, datagrams) between two vmm and between vmm and
# QEMU, and a guest with its host through a tap, in a network namespace of the test's own. Checked data both ways, ping, a
# VLAN; each card once. VMM_NET_ONLY names one part.
source [file dirname [info script]]/lib.tcl
source [file dirname [info script]]/../net/net.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
kernel_generic
enter_namespace
if {$in_namespace} { exec ip link set lo multicast on }

# The one serves, the other calls.
set script $prologue
append script {
vconfig add eth0 7 && ifconfig eth0.7 $(option vlan)
if [ $(option role) = server ]; then net_peer listen 7000 & echo SERVING; while true; do sleep 60; done; fi
until ping -c 1 -W 1 10.9.0.1; do sleep 0.2; done
ping -c 3 -W 3 10.9.0.1 && echo PING-GOOD
net_peer run 10.9.0.1 7000 send 16 && echo SENT-GOOD
net_peer run 10.9.0.1 7000 receive 16 && echo RECEIVED-GOOD
ping -c 2 -W 3 10.9.7.1 && net_peer run 10.9.7.1 7000 send 4 && echo VLAN-GOOD
while true; do sleep 60; done
}
make_initrd $tmp/pair.gz {e1000 ne2k-pci 8021q} $script
proc pair {name server_program server_net client_net} {
    global tmp kernel
    set words "console=ttyS0 quiet"
    file delete $tmp/server.txt
    set server [exec {*}$server_program -m 192 -display none -monitor none -serial file:$tmp/server.txt -kernel $kernel \
        -initrd $tmp/pair.gz {*}$server_net -append "$words ip=10.9.0.1 vlan=10.9.7.1 role=server" >/dev/null 2>$tmp/server.err &]
    for {set i 0} {$i < 600} {incr i} {
        if {[file exists $tmp/server.txt] && [regexp SERVING [exec cat $tmp/server.txt]]} { break }
        after 200
    }
    if {[vmm_start -m 192 -kernel $kernel -initrd $tmp/pair.gz {*}$client_net -append \
        "$words ip=10.9.0.2 vlan=10.9.7.2 role=client"]} {
        ok [wait_serial PING-GOOD 120] "$name: ping"
        ok [wait_serial SENT-GOOD 240] "$name: data to the other guest"
        ok [wait_serial RECEIVED-GOOD 120] "$name: data from the other guest"
        ok [wait_serial VLAN-GOOD 60] "$name: VLAN"
        vmm_quit
    } else {
        note [exec cat $tmp/server.err]
    }
    catch { exec kill $server }
}
proc wanted {part} { global env; return [expr {![info exists env(VMM_NET_ONLY)] || $env(VMM_NET_ONLY) eq $part}] }
set qemu {qemu-system-x86_64 -accel tcg}
set second ",mac=52:54:00:12:34:57"
if {[wanted stream]} {
    set port [free_port]
    pair "stream" $vmm [list -nic socket,model=e1000,listen=127.0.0.1:$port] \
        [list -nic socket,model=e1000,connect=127.0.0.1:$port$second]
    set port [free_port]
    pair "stream, NE2000" $vmm [list -netdev socket,id=n,listen=:$port -device ne2k_pci,netdev=n] \
        [list -netdev socket,id=n,connect=127.0.0.1:$port -device ne2k_pci,netdev=n$second]
    set port [free_port]
    pair "stream to QEMU" $qemu [list -netdev socket,id=n,listen=127.0.0.1:$port -device e1000,netdev=n] \
        [list -nic socket,model=e1000,connect=127.0.0.1:$port$second]
}
if {[wanted mcast]} {
    foreach {name program} [list "" $vmm " with QEMU" $qemu] {
        set group mcast=230.0.0.1:[free_port],localaddr=127.0.0.1
        pair "multicast$name" $program [list -netdev socket,id=n,$group -device e1000,netdev=n] \
            [list -netdev socket,id=n,$group -device e1000,netdev=n$second]
    }
}
if {[wanted udp]} {
    foreach {name program} [list "" $vmm " with QEMU" $qemu] {
        set a [free_port]
        set b [free_port]
        pair "datagrams$name" $program \
            [list -netdev socket,id=n,udp=127.0.0.1:$b,localaddr=127.0.0.1:$a -device e1000,netdev=n] \
            [list -netdev socket,id=n,udp=127.0.0.1:$a,localaddr=127.0.0.1:$b -device e1000,netdev=n$second]
    }
}

# A tap: by name, by a descriptor that is handed over, and made by vmm itself with scripts.
proc tap {name net prepare {launcher ""}} {
    global tmp kernel vmm peer
    file delete $tmp/tap.txt
    set f [open $tmp/tap.sh w]
    puts $f "$prepare
        exec $launcher $vmm -m 192 -display none -monitor none -serial file:$tmp/tap.txt -kernel $kernel -initrd $tmp/tap.gz \\
            -nic tap,model=e1000,$net -append 'console=ttyS0 quiet ip=192.168.77.2'"
    close $f
    set pid [exec sh -c "exec sh $tmp/tap.sh" >$tmp/tap.out 2>@1 &]
    for {set i 0} {$i < 900} {incr i} {
        if {[file exists $tmp/tap.txt] && [regexp TAP-GOOD [exec cat $tmp/tap.txt]]} { break }
        if {[catch { exec kill -0 $pid }]} { break }
        after 200
    }
    if {![ok [expr {[file exists $tmp/tap.txt] && [regexp TAP-GOOD [exec cat $tmp/tap.txt]]}] "tap $name: data both ways"]} {
        note [exec cat $tmp/tap.out]
    }
    # It has ended when nothing but its number is left.
    catch { exec kill $pid }
    for {set i 0} {$i < 300 && ![catch { exec grep -q VmRSS /proc/$pid/status }]} {incr i} { after 100 }
}
if {[wanted tap] && !$in_namespace} {
    puts "ok [incr test_count] - tap # SKIP no tap in a network namespace here"
} elseif {[wanted tap]} {
    set script $prologue
    append script {
until ping -c 1 -W 1 192.168.77.1; do sleep 0.2; done
net_peer run 192.168.77.1 7000 send 8 && net_peer run 192.168.77.1 7000 receive 8 && echo TAP-GOOD
while true; do sleep 60; done
}
    make_initrd $tmp/tap.gz {e1000} $script
    server $peer listen 7000 >/dev/null
    set up "ip addr add 192.168.77.1/24 dev \$1 && ip link set \$1 up"
    set f [open $tmp/up w]; puts $f "#!/bin/sh\n$up\necho \"\$1\" >$tmp/was-up"; close $f
    set f [open $tmp/down w]; puts $f "#!/bin/sh\necho \"\$1\" >$tmp/was-down"; close $f
    exec chmod +x $tmp/up $tmp/down
    tap "by name" ifname=vt0,script=no "ip tuntap add dev vt0 mode tap; set -- vt0; $up"
    exec ip tuntap del dev vt0 mode tap
    tap "with scripts" ifname=vt1,script=$tmp/up,downscript=$tmp/down ""
    ok [expr {[exec cat $tmp/was-up] eq "vt1" && [file exists $tmp/was-down] && [exec cat $tmp/was-down] eq "vt1"}] \
        "tap: both scripts got the name"
    # net_peer opens the device as descriptor 7, sets it up by the script and becomes vmm.
    tap "by descriptor" fd=7 "" "$peer tap vt2 7 $tmp/up"
}
servers_stop
done
