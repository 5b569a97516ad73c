#!/usr/bin/expect -f
# Linux's e1000, ne2k-pci and ne drivers on user networking: lease, name server, ping of the gateway and beyond, IPv6, TFTP,
# HTTP, checked data both ways (VMM_NET_MIB MiB, 1024 if not set), segmentation offload on and off, promiscuous mode, a
# driver reloaded under load, a pulled cable, ssh through a forward. VMM_NET_ONLY names one driver,
# or "restricted".
source [file dirname [info script]]/lib.tcl
source [file dirname [info script]]/../net/net.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set mib [expr {[info exists env(VMM_NET_MIB)] ? $env(VMM_NET_MIB) : 1024}]
if {!$in_namespace} {
    kernel_i386
    kernel_generic
    tools ethtool:/sbin/ethtool dropbear-bin:/usr/sbin/dropbear
}
enter_namespace

# A key for ssh; the guest's dropbear makes its own host key.
exec ssh-keygen -q -t ed25519 -N "" -f $tmp/key
file mkdir $tmp/tftp
exec head -c 1000000 /dev/urandom >$tmp/tftp/big
set sum [lindex [exec md5sum $tmp/tftp/big] 0]
set script $prologue
append script {
ping -c 2 -W 3 10.0.2.2 && echo PING-GOOD
nslookup host.test 10.0.2.3 | sed 's/^/DNS /'
[ "$(option beyond)" = 1 ] && ping -c 2 -W 3 192.168.99.1 && echo BEYOND-GOOD
i=0; while [ $i -lt 15 ] && ! ifconfig eth0 | grep -q fec0:; do sleep 1; i=$((i + 1)); done
ifconfig eth0 | grep fec0:
ping6 -c 2 -W 3 fec0::2 && echo PING6-GOOD
(echo by-chardev; sleep 3) | timeout 5 nc 10.0.2.100 7 | sed 's/^/ECHO /'
(echo by-command; sleep 1) | timeout 20 nc 10.0.2.101 7 | sed 's/^/ECHO /'
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
    ethtool -E eth0 magic 0x100e8086 offset 0x20 value 0x5a && ethtool -e eth0 offset 0x20 length 1 | grep -qi 5a && echo EEPROM-GOOD
    sleep 1
    udhcpc -i eth0 -n -q -t 8 -T 2
    ifconfig eth0 mtu 9000 && net_peer run 10.0.2.2 $port send 16 && net_peer run 10.0.2.2 $port receive 16 && echo JUMBO-GOOD
    ifconfig eth0 mtu 1500
    sleep 1
fi
ifconfig eth0 promisc && ping -c 1 -W 3 10.0.2.2 && ifconfig eth0 -promisc && ping -c 1 -W 3 10.0.2.2 && echo PROMISC-GOOD
module=$(option module)
for round in 1 2 3; do
    net_peer run 10.0.2.2 $port out 1000 >/dev/null &
    sleep 0.5
    ifconfig eth0 down; rmmod $module; insmod /lib/$module.ko $(option $module.ko | tr + ' ')
    ifconfig eth0 up; kill $!
    udhcpc -i eth0 -n -q -t 8 -T 2 >/dev/null
done
ping -c 1 -W 3 10.0.2.2 && echo RELOAD-GOOD
if [ -e /usr/sbin/dropbear ]; then
    chmod 700 /root /root/.ssh; chmod 600 /root/.ssh/authorized_keys
    mkdir -p /etc/dropbear; dropbear -R -p 22
fi
echo READY
# The 8390 has no way to tell that the cable is out.
alive() { if [ "$(option model)" = e1000 ]; then [ "$(carrier)" = 1 ]; else ping -c 1 -W 1 10.0.2.2 >/dev/null; fi; }
while alive; do sleep 0.1; done
echo CARRIER-OFF
until alive; do sleep 0.1; done
wget -q -O /big2 http://10.0.2.2:$(option httpport)/big && echo CARRIER-ON
while true; do sleep 60; done
}

set http_port [free_port]
server busybox httpd -f -p 127.0.0.1:$http_port -h $tmp/tftp
set echo_port [free_port]
server busybox nc -ll -p $echo_port -e cat

proc drivers {model module mib} {
    global tmp peer kernel http_port echo_port sum in_namespace
    set ssh_port [free_port]
    set net_port [free_port]
    server $peer serve $net_port >$tmp/figures
    set words "console=ttyS0 quiet model=$model module=$module httpport=$http_port netport=$net_port mib=$mib beyond=$in_namespace"
    set settings ""
    if {$model eq "ne2k_isa"} {
        # Interrupt 9 is that of ACPI in Linux.
        append words " ne.ko=io=0x300+irq=5"
        set settings ",irq=5"
    }
    vmm_start -m 256 -kernel $kernel -initrd $tmp/initrd.gz -append $words \
        -chardev socket,id=echo,host=127.0.0.1,port=$echo_port -nic "user,model=$model$settings,tftp=$tmp/tftp,hostfwd=tcp:127.0.0.1:$ssh_port-:22,guestfwd=tcp:10.0.2.100:7-chardev:echo,guestfwd=tcp:10.0.2.101:7-cmd:cat"
    if {![ok [wait_serial {LEASE 10\.0\.2\.15 10\.0\.2\.2 10\.0\.2\.3} 240] "$model: lease by DHCP"]} {
        vmm_quit
        return
    }
    ok [regexp "DRIVER $module\\s" [serial_text]] "$model: by the driver $module"
    ok [wait_serial {PING-GOOD} 30] "$model: ping of the gateway"
    if {$in_namespace} {
        ok [wait_serial {DNS Address[^\n]* 10\.1\.2\.3\s} 30] "$model: the name server's answer"
        ok [wait_serial {BEYOND-GOOD} 30] "$model: ping beyond the gateway"
    }
    ok [wait_serial {fec0::5054:ff:fe12:3456} 40] "$model: IPv6 address by router advertisement"
    ok [wait_serial {PING6-GOOD} 30] "$model: ping by IPv6"
    ok [wait_serial {ECHO by-chardev} 30] "$model: guestfwd to a character connection"
    ok [wait_serial {ECHO by-command} 30] "$model: guestfwd to a command"
    ok [wait_serial "TFTP $sum" 120] "$model: TFTP"
    ok [wait_serial "HTTP $sum" 120] "$model: HTTP from the host's loopback"
    ok [wait_serial SENT-GOOD [expr {120 + $mib * 3}]] "$model: $mib MiB to the host, right checksum"
    ok [wait_serial RECEIVED-GOOD [expr {120 + $mib * 4}]] "$model: $mib MiB from the host, right checksum"
    if {$model eq "e1000"} {
        ok [wait_serial TSO-off-GOOD 120] "$model: without offloads"
        ok [wait_serial TSO-on-GOOD 120] "$model: with offloads"
        ok [wait_serial {SELFTEST 0} 60] "$model: the driver's self test"
        ok [wait_serial EEPROM-GOOD 30] "$model: the EEPROM is written"
        ok [wait_serial JUMBO-GOOD 120] "$model: jumbo frames"
    }
    ok [wait_serial PROMISC-GOOD 60] "$model: promiscuous mode and back"
    ok [wait_serial RELOAD-GOOD 120] "$model: driver reloaded three times under load"
    ok [wait_serial READY 30] "$model: guest is ready"
    if {$model ne "ne2k_isa"} {
        set said ""
        catch { exec timeout 60 ssh -q -i $tmp/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -o BatchMode=yes -p $ssh_port root@127.0.0.1 "echo HELLO-\$(uname -s)" } said
        ok [string match *HELLO-Linux* $said] "$model: ssh through a forward"
    }
    mon "set_link $model.0 off"
    ok [wait_serial CARRIER-OFF 20] "$model: pulled cable is seen"
    mon "set_link $model.0 on"
    ok [wait_serial CARRIER-ON 60] "$model: goes on with the cable in"
    vmm_quit
    note_figures $model $tmp/figures
}
# restrict=on: DHCP, TFTP and forwards both ways, and nothing else.
proc restricted {} {
    global tmp kernel tree http_port in_namespace
    set port [free_port]
    make_initrd $tmp/restricted.gz e1000 "$::prologue [string map [list PORT $http_port] {
wget -T 3 -q -O /dev/null http://10.0.2.2:PORT/big && echo REACHED
nslookup host.test 10.0.2.3 2>/dev/null | grep -q 10.1.2.3 && echo NAMED
ping -c 1 -W 2 192.168.99.1 >/dev/null && echo REACHED
tftp -g -r big -l /big 10.0.2.2 && echo FETCHED
(echo by-command; sleep 1) | timeout 20 nc 10.0.2.101 7 | sed 's/^/ECHO /'
echo SERVING
nc -l -p 7 -e cat
echo SERVED
while true; do sleep 60; done
}]"
    vmm_start -m 256 -kernel $kernel -initrd $tmp/restricted.gz -append "console=ttyS0 quiet" \
        -nic user,restrict=on,tftp=$tmp/tftp,hostfwd=tcp:127.0.0.1:$port-:7,guestfwd=tcp:10.0.2.101:7-cmd:cat
    ok [wait_serial SERVING 240] "restrict=on: guest is ready"
    set text [serial_text]
    ok [regexp {LEASE 10\.0\.2\.15.*FETCHED.*ECHO by-command} $text] "restrict=on: DHCP, TFTP and guestfwd work"
    ok [expr {![regexp {REACHED} $text]}] "restrict=on: the host and what is beyond are not reached"
    catch { exec sh -c "(echo hallo; sleep 2) | timeout 10 busybox nc 127.0.0.1 $port" } said
    ok [string match *hallo* $said] "restrict=on: hostfwd works"
    vmm_quit
}
proc wanted {model} { global env; return [expr {![info exists env(VMM_NET_ONLY)] || $env(VMM_NET_ONLY) eq $model}] }
if {[wanted e1000] || [wanted ne2k_pci]} {
    kernel_generic
    set words [tools ethtool:/sbin/ethtool dropbear-bin:/usr/sbin/dropbear]
    make_initrd $tmp/initrd.gz [concat {e1000 ne2k-pci} $words $tmp/key.pub:/root/.ssh/authorized_keys] $script
    if {[wanted e1000]} { drivers e1000 e1000 $mib }
    if {[wanted ne2k_pci]} { drivers ne2k_pci ne2k-pci $mib }
}
if {[wanted restricted]} {
    kernel_generic
    restricted
}
if {[wanted ne2k_isa]} {
    kernel_i386
    make_initrd $tmp/initrd.gz {ne} $script
    drivers ne2k_isa ne $mib
}
servers_stop
done
