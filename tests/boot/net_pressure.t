#!/usr/bin/expect -f
# Back-pressure: a guest that stops taking frames in the midst of a transfer, while the host sends as fast as it can, by TCP
# and by UDP through a forward. vmm's memory stays bounded, the sender is held up, and when the guest goes on everything
# arrives, with the right checksum. Likewise a host that stops reading.
source [file dirname [info script]]/lib.tcl
source [file dirname [info script]]/../net/net.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
kernel_generic
enter_namespace
set script $prologue
append script {
net_peer run 10.0.2.2 $port receive 2 >/dev/null && echo WARM
net_peer run 10.0.2.2 $port receive 256 && echo RECEIVED-GOOD
net_peer run 10.0.2.2 $port send 256 && echo SENT-GOOD
while true; do sleep 60; done
}
make_initrd $tmp/initrd.gz {e1000 ne2k-pci} $script
proc resident {pid} {
    regexp {VmRSS:\s+(\d+)} [exec cat /proc/$pid/status] all kib
    return $kib
}
# Bytes that the wire has carried to the guest, and from it.
proc carried {direction} { regexp "$direction \\d+ frames, (\\d+) bytes" [mon "info network"] all n; return $n }
proc wait_carried {direction bytes} {
    for {set i 0} {$i < 300} {incr i} {
        if {[carried $direction] > $bytes} { return 1 }
        after 100
    }
    return 0
}
# Memory over some seconds in which data cannot go on.
proc held_up {name pid} {
    set before [resident $pid]
    after 10000
    set grown [expr {[resident $pid] - $before}]
    note "$name: memory grown by $grown KiB in 10 s"
    ok [expr {$grown < 8192}] "$name: memory is bounded"
}

proc pressure {model} {
    global kernel tmp peer spawn_id
    set port [free_port]
    set udp [free_port]
    set server [exec $peer serve $port >$tmp/figures &]
    vmm_start -m 192 -kernel $kernel -initrd $tmp/initrd.gz -nic user,model=$model,hostfwd=udp:127.0.0.1:$udp-:9 \
        -append "console=ttyS0 quiet mitigations=off netport=$port"
    set pid [exp_pid]
    ok [wait_serial WARM 240] "$model: traffic flows"
    ok [wait_carried received 8000000] "$model: in the midst of data to the guest"
    mon "stop"
    held_up "$model, guest stands still" $pid
    catch { exec timeout 5 sh -c "while true; do head -c 1000000 /dev/zero; done | busybox nc -u 127.0.0.1 $udp" }
    held_up "$model, and datagrams by the thousand" $pid
    mon "cont"
    ok [wait_serial RECEIVED-GOOD 600] "$model: all of it arrives"
    ok [wait_carried sent 16000000] "$model: in the midst of data from the guest"
    # The process that reads is the server's child.
    set child [string trim [exec pgrep -P $server]]
    exec kill -STOP $child
    held_up "$model, host stands still" $pid
    exec kill -CONT $child
    ok [wait_serial SENT-GOOD 600] "$model: all of it arrives at the host"
    vmm_quit
    catch { exec kill $server }
}
pressure e1000
pressure ne2k_pci
servers_stop
done
