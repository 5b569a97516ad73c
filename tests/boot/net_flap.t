#!/usr/bin/expect -f
# The cable pulled and put back, the machine reset, forwards and captures that come and go, for VMM_FLAP_SECONDS (600 if not
# set) while each card's guest sends, receives and reloads its driver: memory and descriptors stay what they were, and the
# network works at the end. VMM_NET_ONLY names one card. With VMM_BUILD naming a sanitizer tree, its
# leak checker looks at the end, and memory is not measured.
source [file dirname [info script]]/lib.tcl
source [file dirname [info script]]/../net/net.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
set seconds [expr {[info exists env(VMM_FLAP_SECONDS)] ? $env(VMM_FLAP_SECONDS) : 600}]
kernel_generic
enter_namespace
# Sanitizers have an allocator of their own, which keeps freed memory on purpose: there leaks are theirs to find.
set trim [expr {![string match *asan* [exec ldd $vmm]]}]

set script $prologue
append script {
echo BOOTED
driver=$(option module)
round=0
while true; do
    # Told to be quiet, so that only what leaks is left.
    while wget -q -O /dev/null http://10.0.2.2:$(option httpport)/quiet; do echo QUIET; sleep 3; done
    round=$((round + 1))
    timeout 8 net_peer run 10.0.2.2 $port out 4 >/dev/null 2>&1 && timeout 8 net_peer run 10.0.2.2 $port in 4 >/dev/null 2>&1 &&
        timeout 8 net_peer run 10.0.2.2 $port connect 20 >/dev/null 2>&1 && echo "ROUND $round"
    if [ $((round % 4)) = 0 ]; then
        ifconfig eth0 down; rmmod $driver; insmod /lib/$driver.ko; ifconfig eth0 10.0.2.15; route add default gw 10.0.2.2
    fi
done
}
make_initrd $tmp/initrd.gz {e1000 ne2k-pci} $script

# Resident memory in KiB that is in use. Not counted are large mappings (the guest's own memory, which it touches by and by,
# and the translations), and what the C library keeps of freed memory: buffers of connections come and go by the dozen, 256 KiB
# each, and one small block above them holds back all that is free below. Where that block is, is chance. So the library is
# told, through the debugger, to give everything free back to the host first; what is left grows with a leak alone.
proc resident {pid} {
    global trim
    if {$trim && ![regexp {= [01]\n} [exec gdb -p $pid -batch -ex "call (int)malloc_trim(0)" 2>@1]]} {
        ok 0 "gdb has free memory given back"
    }
    return [exec awk {/^Size:/ { small = $2 < 32768 } /^Rss:/ && small { kib += $2 } END { print kib }} /proc/$pid/smaps]
}
# Number of open descriptors.
proc descriptors {pid} { return [llength [glob -nocomplain -directory /proc/$pid/fd *]] }
# A guest that has done its work since now: by the serial line's text.
proc wait_more {pattern seconds} {
    set had [llength [regexp -all -inline $pattern [serial_text]]]
    for {set i 0} {$i < $seconds * 5} {incr i} {
        if {[llength [regexp -all -inline $pattern [serial_text]]] > $had} { return 1 }
        after 200
    }
    return 0
}
# The state in which memory and descriptors are compared: booted, quiet, and what libslirp still keeps of connections is gone.
# Those of a guest that was reset end when it answers to what is sent again, up to a minute later.
proc settle {card pid bound} {
    global tmp
    mon "set_link $card on"
    mon "system_reset"
    set ok [wait_more BOOTED 600]
    exec touch $tmp/www/quiet
    wait_more QUIET 60
    for {set i 0} {$i < 240 && ($i < 20 || [descriptors $pid] > $bound)} {incr i} { after 1000 }
    return $ok
}

# Cables, forwards, captures and resets for so long; returns how often.
proc trouble {card seconds} {
    global tmp
    set end [expr {[clock seconds] + $seconds}]
    set flaps 0
    set resets 0
    set last [clock seconds]
    expr {srand(8)}
    while {[clock seconds] < $end} {
        mon "set_link $card off"
        after [expr {int(rand() * 400)}]
        mon "set_link $card on"
        after [expr {int(rand() * 1500)}]
        incr flaps
        switch [expr {$flaps % 8}] {
            1 { mon "hostfwd_add tcp:127.0.0.1:5555-:22" }
            3 { mon "netdump $tmp/dump" }
            5 { mon "netdump off" }
            7 { mon "hostfwd_remove tcp:127.0.0.1:5555" }
        }
        # In the midst of booting, too.
        if {[clock seconds] - $last > 5 + int(rand() * 30)} {
            mon "system_reset"
            incr resets
            set last [clock seconds]
        }
    }
    mon "netdump off"
    mon "hostfwd_remove tcp:127.0.0.1:5555"
    return [list $flaps $resets]
}

file mkdir $tmp/www
set http_port [free_port]
proc flap {model module seconds} {
    global kernel tmp peer spawn_id http_port trim
    server busybox httpd -f -p 127.0.0.1:$http_port -h $tmp/www
    set port [free_port]
    # A server a test: what a reset guest leaves behind holds up nobody.
    server sh -c "while true; do timeout 30 $peer serve $port; done" >/dev/null 2>/dev/null
    vmm_start -m 192 -kernel $kernel -initrd $tmp/initrd.gz -nic user,model=$model \
        -append "console=ttyS0 quiet mitigations=off module=$module netport=$port httpport=$http_port"
    set pid [exp_pid]
    set card $model.0
    ok [wait_serial {ROUND 3} 900] "$model: traffic flows"
    settle $card $pid 100000
    set memory [resident $pid]
    set files [descriptors $pid]
    file delete $tmp/www/quiet
    trouble $card [expr {$seconds / 3}]
    settle $card $pid [expr {$files + 4}]
    set filled [resident $pid]
    file delete $tmp/www/quiet
    lassign [trouble $card [expr {$seconds * 2 / 3}]] flaps resets
    ok [wait_more ROUND 600] "$model: traffic flows after $flaps flaps and $resets resets"
    ok [settle $card $pid [expr {$files + 4}]] "$model: and it boots again"
    set grown [expr {[resident $pid] - $filled}]
    set more [expr {[descriptors $pid] - $files}]
    note "$model: $seconds s, $flaps flaps, $resets resets; memory $memory KiB, after a third $filled, then grown by $grown; $files descriptors, $more more"
    if {$trim} { ok [expr {$grown < 512}] "$model: memory does not grow" }
    ok [expr {$more <= 4}] "$model: descriptors are what they were"
    file delete $tmp/www/quiet
    send -- "quit\r"
    set timeout 120
    set said ""
    expect { eof { set said $expect_out(buffer) } timeout { } }
    lassign [wait] w_pid w_id w_error status
    if {![ok [expr {$w_error == 0 && $status == 0}] "$model: ends without a complaint"]} { note $said }
    servers_stop
}
foreach {model module share} {e1000 e1000 2 ne2k_pci ne2k-pci 1} {
    if {![info exists env(VMM_NET_ONLY)] || $env(VMM_NET_ONLY) eq $model} { flap $model $module [expr {$seconds * $share / 3}] }
}
done
