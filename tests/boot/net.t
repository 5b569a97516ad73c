#!/usr/bin/expect -f
# Linux's e1000 and ne2k-pci drivers on user networking: lease, ping, TFTP, HTTP, checked data both ways (VMM_NET_MIB MiB;
# 1024 on the e1000), segmentation offload on and off, promiscuous mode, VLANs, a driver reloaded under load, a pulled
# cable, ssh through a forward; two guests that talk through a socket, and a guest on a tap in a network namespace.
source [file dirname [info script]]/lib.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set dir $build/guest-generic
set peer $build/tests/net/net_peer
if {![file exists $dir/vmlinuz]} { exec scripts/make-guest --kernel generic $dir 2>@1 }
set env(VMM_BUILD) $build
set mib [expr {[info exists env(VMM_NET_MIB)] ? $env(VMM_NET_MIB) : 1024}]
set tools [split [exec tests/net/fetch-tools [file normalize $build/net-tools] ethtool:/sbin/ethtool \
    dropbear-bin:/usr/sbin/dropbear] "\n"]

# A key for ssh; the guest's dropbear makes its own host key.
exec ssh-keygen -q -t ed25519 -N "" -f $tmp/key
file mkdir $tmp/tftp
exec head -c 1000000 /dev/urandom >$tmp/tftp/big
set sum [lindex [exec md5sum $tmp/tftp/big] 0]

proc make_initrd {out modules script} {
    global dir tools tmp
    set f [open $tmp/init w]; puts $f $script; close $f
    exec tests/net/make-root $dir/work-generic/kernel $out {*}$modules {*}$tools $tmp/key.pub:/root/.ssh/authorized_keys <$tmp/init
}
# What a guest's init starts with: the card named by card=, an address by DHCP unless ip= gives one.
set prologue {
while read f; do insmod $f; done </modules
ifconfig lo up
echo root:x:0:0:root:/root:/bin/sh >/etc/passwd
chmod 700 /root /root/.ssh; chmod 600 /root/.ssh/authorized_keys
card() { # unloads all drivers but that of the card
    for f in e1000 ne2k_pci; do [ $f = $1 ] || rmmod $f 2>/dev/null; done
}
carrier() { cat /sys/class/net/eth0/carrier; }
port=$(option netport)
mib=$(option mib)
address=$(option ip)
if [ -n "$address" ]; then ifconfig eth0 $address; else udhcpc -i eth0 -n -q -t 8 -T 2; fi
}
make_initrd $tmp/initrd.gz {e1000 ne2k-pci 8021q} "$prologue [string map [list SUM $sum] {
ping -c 2 -W 3 10.0.2.2 && echo PING-GOOD
tftp -g -r big -l /big 10.0.2.2 && echo "TFTP $(md5sum </big)"
wget -q -O /big2 http://10.0.2.2:$(option httpport)/big && echo "HTTP $(md5sum </big2)"
net_peer run 10.0.2.2 $port send $mib && echo SENT-GOOD
net_peer run 10.0.2.2 $port receive $mib && echo RECEIVED-GOOD
if [ "$(option model)" = e1000 ]; then
    for state in off on; do
        ethtool -K eth0 tso $state tx $state sg $state rx $state && net_peer run 10.0.2.2 $port send 16 &&
            net_peer run 10.0.2.2 $port receive 16 && echo "TSO-$state-GOOD"
    done
    ethtool -t eth0 offline; echo "SELFTEST $?"
    sleep 1
    udhcpc -i eth0 -n -q -t 8 -T 2
fi
ifconfig eth0 promisc && ping -c 1 -W 3 10.0.2.2 && ifconfig eth0 -promisc && ping -c 1 -W 3 10.0.2.2 && echo PROMISC-GOOD
driver=$(option model); [ $driver = ne2k_pci ] && driver=ne2k-pci
for round in 1 2 3; do
    net_peer run 10.0.2.2 $port out 200 >/dev/null &
    sleep 0.5
    ifconfig eth0 down; rmmod $driver; insmod /lib/$driver.ko
    ifconfig eth0 up; kill %1 2>/dev/null; kill $! 2>/dev/null
    udhcpc -i eth0 -n -q -t 8 -T 2 >/dev/null
done
ping -c 1 -W 3 10.0.2.2 && echo RELOAD-GOOD
mkdir -p /etc/dropbear; dropbear -R -p 22
echo READY
while [ "$(carrier)" = 1 ]; do sleep 0.1; done
echo CARRIER-OFF
while [ "$(carrier)" = 0 ]; do sleep 0.1; done
ping -c 1 -W 5 10.0.2.2 && echo CARRIER-ON
while true; do sleep 60; done
}]"

# Servers: busybox for HTTP, net_peer for data.
proc free_port {} {
    set s [socket -server {} -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $s -sockname] 2]
    close $s
    return $port
}
set http_port [free_port]
set net_port [free_port]
set servers {}
lappend servers [exec busybox httpd -f -p 127.0.0.1:$http_port -h $tmp/tftp &]
lappend servers [exec $peer serve $net_port >$tmp/figures &]

proc drivers {model mib} {
    global dir tmp http_port net_port sum
    set ssh_port [free_port]
    set net "user,model=$model,tftp=$tmp/tftp,hostfwd=tcp:127.0.0.1:$ssh_port-:22"
    vmm_start -m 256 -kernel $dir/vmlinuz -initrd $tmp/initrd.gz -nic $net -append \
        "console=ttyS0 quiet model=$model httpport=$http_port netport=$net_port mib=$mib"
    ok [wait_serial {LEASE 10\.0\.2\.15 10\.0\.2\.2 10\.0\.2\.3} 240] "$model: lease by DHCP"
    ok [wait_serial {PING-GOOD} 30] "$model: ping of the gateway"
    ok [wait_serial "TFTP $sum" 120] "$model: TFTP"
    ok [wait_serial "HTTP $sum" 120] "$model: HTTP from the host's loopback"
    ok [wait_serial SENT-GOOD [expr {120 + $mib * 2}]] "$model: $mib MiB to the host, right checksum"
    ok [wait_serial RECEIVED-GOOD [expr {120 + $mib * 4}]] "$model: $mib MiB from the host, right checksum"
    if {$model eq "e1000"} {
        ok [wait_serial TSO-off-GOOD 120] "$model: without offloads"
        ok [wait_serial TSO-on-GOOD 120] "$model: with offloads"
        ok [wait_serial {SELFTEST 0} 60] "$model: the driver's self test"
    }
    ok [wait_serial PROMISC-GOOD 60] "$model: promiscuous mode and back"
    ok [wait_serial RELOAD-GOOD 120] "$model: driver reloaded three times under load"
    ok [wait_serial READY 30] "$model: guest is ready"
    set said ""
    catch { exec timeout 60 ssh -q -i $tmp/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
        -p $ssh_port root@127.0.0.1 "echo HELLO-\$(uname -s)" } said
    ok [string match *HELLO-Linux* $said] "$model: ssh through a forward"
    if {$model eq "e1000"} {
        mon "set_link e1000.0 off"
        ok [wait_serial CARRIER-OFF 20] "$model: pulled cable is seen"
        mon "set_link e1000.0 on"
        ok [wait_serial CARRIER-ON 20] "$model: goes on with the cable in"
    }
    vmm_quit
}
# VMM_NET_ONLY names one part: drivers, pairs or tap.
proc wanted {part} { global env; return [expr {![info exists env(VMM_NET_ONLY)] || $env(VMM_NET_ONLY) eq $part}] }
if {[wanted drivers]} {
    drivers e1000 $mib
    drivers ne2k_pci [expr {min($mib, 64)}]
}

# Two guests through a socket, with a VLAN between them: the first listens and serves, the second calls.
set script $prologue
append script {
vconfig add eth0 7 && ifconfig eth0.7 $(option vlan)
if [ $(option role) = server ]; then net_peer listen 7000 & echo SERVING; while true; do sleep 60; done; fi
until ping -c 1 -W 1 10.9.0.1; do sleep 0.2; done
net_peer run 10.9.0.1 7000 send 16 && echo SENT-GOOD
net_peer run 10.9.0.1 7000 receive 16 && echo RECEIVED-GOOD
ping -c 2 -W 3 10.9.7.1 && net_peer run 10.9.7.1 7000 send 4 && echo VLAN-GOOD
}
make_initrd $tmp/pair.gz {e1000 8021q} $script
proc pair {name server_program server_net client_net} {
    global dir tmp vmm
    set words "console=ttyS0 quiet"
    set server [exec {*}$server_program -m 192 -display none -monitor none -serial file:$tmp/server.txt -kernel $dir/vmlinuz \
        -initrd $tmp/pair.gz {*}$server_net -append "$words ip=10.9.0.1 vlan=10.9.7.1 role=server" >/dev/null 2>/dev/null &]
    for {set i 0} {$i < 600} {incr i} {
        if {[file exists $tmp/server.txt] && [regexp SERVING [exec cat $tmp/server.txt]]} { break }
        after 200
    }
    if {[vmm_start -m 192 -kernel $dir/vmlinuz -initrd $tmp/pair.gz {*}$client_net -append \
        "$words ip=10.9.0.2 vlan=10.9.7.2 role=client"]} {
        ok [wait_serial SENT-GOOD 240] "$name: data to the other guest"
        ok [wait_serial RECEIVED-GOOD 120] "$name: data from the other guest"
        ok [wait_serial VLAN-GOOD 60] "$name: VLAN"
        vmm_quit
    }
    exec kill $server
    file delete $tmp/server.txt
}
set second ",mac=52:54:00:12:34:57"
if {[wanted pairs]} {
set port [free_port]
pair "socket" $vmm [list -nic socket,model=e1000,listen=127.0.0.1:$port] \
    [list -nic socket,model=e1000,connect=127.0.0.1:$port$second]
set port [free_port]
pair "socket to QEMU" {qemu-system-x86_64 -accel tcg} \
    [list -netdev socket,id=n,listen=127.0.0.1:$port -device e1000,netdev=n] \
    [list -nic socket,model=e1000,connect=127.0.0.1:$port$second]
}

# A tap, in a network namespace of our own where we may make one.
if {![wanted tap]} {
} elseif {[catch {exec unshare -rn sh -c "ip tuntap add dev vt0 mode tap && ip link set vt0 up"} why]} {
    puts "ok [incr test_count] - tap # SKIP no tap in a network namespace here: [string map {\n { }} $why]"
} else {
    set script $prologue
    append script {
until ping -c 1 -W 1 192.168.77.1; do sleep 0.2; done
net_peer run 192.168.77.1 7000 send 8 && net_peer run 192.168.77.1 7000 receive 8 && echo TAP-GOOD
}
    make_initrd $tmp/tap.gz {e1000} $script
    set f [open $tmp/tap.sh w]
    puts $f "ip link set lo up; ip tuntap add dev vt0 mode tap && ip addr add 192.168.77.1/24 dev vt0 && ip link set vt0 up
        $peer listen 7000 >/dev/null & peer=\$!
        timeout 300 $vmm -m 192 -display none -monitor none -serial file:$tmp/tap.txt -kernel $dir/vmlinuz -initrd $tmp/tap.gz \
            -nic tap,model=e1000,ifname=vt0,script=no -append 'console=ttyS0 quiet ip=192.168.77.2' & vm=\$!
        i=0; while \[ \$i -lt 240 ] && ! grep -q TAP-GOOD $tmp/tap.txt; do sleep 1; i=\$((i + 1)); done
        kill \$peer \$vm"
    close $f
    catch { exec unshare -rn sh $tmp/tap.sh 2>@1 } said
    ok [regexp TAP-GOOD [exec cat $tmp/tap.txt]] "tap in a network namespace"
}
foreach pid $servers { catch { exec kill $pid } }
done
