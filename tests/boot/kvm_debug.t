#!/usr/bin/expect -f
# The debugger and saved states while KVM runs the guest, with each kind of interrupt chips: breakpoints and watchpoints of
# every sort are met although KVM knows none of them, KVM goes on when they are gone, and a state that one engine has
# saved is gone on from by the other. The short form tries one kind.
source [file dirname [info script]]/lib.tcl
if {![file exists /dev/kvm]} { skip_all "no /dev/kvm here" }
if {![file readable /dev/kvm] || ![file writable /dev/kvm]} { skip_all "no permission to use /dev/kvm" }
if {[catch {exec $vmm -S -accel kvm -display none -monitor none -timeout 1 2>@1} out] && [regexp -- {-accel kvm:} $out]} {
    skip_all "KVM cannot be used here: $out"
}

# A boot sector that counts at [count] for ever: each round a port, a software interrupt, a string instruction and, after
# some time, a wait for the timer, which counts at [ticks].
set asm {bits 16
org 0x7c00
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov word [0x70], tick
    mov [0x72], ax
    mov word [4 * 0x61], software
    mov [4 * 0x61 + 2], ax
    sti
    mov dx, 0x80
next:
    inc dword [count]
    mov eax, [count]
    out dx, al
    int 0x61
    mov si, 0x7000
    mov di, 0x7100
    mov cx, 16
    rep movsb
    mov cx, 2000
again: loop again
    hlt
    jmp next
software: inc word [soft]
    iret
tick: inc word [cs:ticks]
    iret
    times 0x100 - ($ - $$) db 0
count: dd 0
ticks: dw 0
soft: dw 0
    times 510 - ($ - $$) db 0
    dw 0xaa55
    times 1048576 - ($ - $$) db 0
}
set f [open $tmp/sector.asm w]
puts $f $asm
close $f
if {[catch {exec nasm -o $tmp/sector.img -l $tmp/sector.lst $tmp/sector.asm} out]} { skip_all "no nasm: $out" }
set f [open $tmp/sector.lst]
set listing [read $f]
close $f
# The address of the first instruction whose source matches.
proc address {source} {
    global listing
    regexp -line "^ *\\d+ (\[0-9A-F\]{8}) .*$source" $listing all at
    return [format 0x%x [expr 0x7c00 + 0x$at]]
}
set count 0x7d00
proc value {at} {
    regexp {: (0x[0-9a-f]+)} [mon "xp /1wx $at"] all v
    return [expr {[info exists v] ? $v : -1}]
}
proc goes_on {name} {
    global count
    set before [value $count]
    for {set i 0} {$i < 40 && [value $count] < $before + 3} {incr i} { after 50 }
    ok [expr {[value $count] >= $before + 3}] "$name: the guest goes on"
}
# Instructions that the interpreter has executed.
proc interpreted {} { return [expr {[regexp {instructions: (\d+)} [mon "info accel"] all n] ? $n : -1}] }
# A round of the guest is 2,000 instructions.
proc on_kvm {} {
    global count
    set rounds [value $count]
    set before [interpreted]
    for {set i 0} {$i < 40 && [value $count] < $rounds + 5} {incr i} { after 50 }
    set rounds [expr {[value $count] - $rounds}]
    set executed [expr {[interpreted] - $before}]
    note "$rounds rounds, $executed instructions in the interpreter"
    return [expr {$rounds >= 5 && $executed < 1500 * $rounds}]
}
proc stopped {} {
    for {set i 0} {$i < 60} {incr i} {
        if {[regexp {paused} [mon "info status"]]} { return 1 }
        after 50
    }
    return 0
}
# What the guest is about to execute. The message that it has stopped may come in between.
proc rip {} {
    for {set i 0} {$i < 5} {incr i} {
        if {[regexp {[RE]IP=([0-9a-f]+)} [mon "info registers"] all at]} { return [format 0x%x 0x$at] }
    }
    return -1
}
# Sets something that stops the guest, twice, and takes it away.
proc stops {name command at} {
    mon cont
    set said [mon $command]
    set good [stopped]
    set first [rip]
    mon cont
    set good [expr {$good && [stopped]}]
    ok [expr {$good && ($at eq "" || ($first == $at && [rip] == $at))}] "$name: $command"
    if {!$good || ($at ne "" && $first != $at)} { note "$said; stopped at $first, [rip], $at was meant; [mon {info breakpoints}]" }
    mon delete
    mon cont
}
# With all that there is.
foreach kind [expr {$all ? {off on split} : {on}}] {
    vmm_start -accel kvm -machine kernel_irqchip=$kind -m 16 -net none -drive file=$tmp/sector.img,format=raw,snapshot=on
    for {set i 0} {$i < 200 && [value $count] < 3} {incr i} { after 50 }
    set out [address {out dx}]
    stops $kind "break $out" $out
    stops $kind "break $out if \$eax & 1" $out
    stops $kind "watch $count" [address {mov eax, \[count}]
    stops $kind "watch r $count" ""
    stops $kind "watch 0x7d04 2" ""
    stops $kind "watch 0x7100 16" ""
    stops $kind "watch port 0x80" [address {int 0x61}]
    stops $kind "break interrupt 8" ""
    stops $kind "break interrupt 0x61" ""
    mon stop
    mon "tbreak $out"
    mon cont
    ok [expr {[stopped] && [rip] == $out}] "$kind: tbreak"
    mon step
    ok [expr {[rip] == [address {int 0x61}]}] "$kind: step over the port"
    mon step
    ok [expr {[rip] == [address {software: inc}]}] "$kind: step into the interrupt"
    mon "step 3"
    ok [expr {[rip] == [address {mov di, 0x7100}]}] "$kind: three steps"
    mon "until [address hlt]"
    ok [expr {[stopped] && [rip] == [address hlt]}] "$kind: until"
    mon cont
    goes_on $kind
    # With split chips a CPU that the 8259s wake stays where it is.
    ok [expr {[on_kvm] || $kind eq "split"}] "$kind: and KVM is at work"
    ok [expr {[vmm_quit] == 0}] "$kind: quit"
}

# gdb
if {[auto_execok gdb] ne ""} {
    vmm_start -accel kvm -m 16 -net none -drive file=$tmp/sector.img,format=raw,snapshot=on -gdb unix:$tmp/gdb,server,nowait
    for {set i 0} {$i < 200 && [value $count] < 3} {incr i} { after 50 }
    set f [open $tmp/script w]
    puts $f "set pagination off\nset confirm off\ntarget remote $tmp/gdb
hbreak *$out\ncontinue\ninfo registers rip\ndelete\nwatch *(int *)$count\ncontinue\ncontinue\ninfo registers rip\ndelete
rwatch *(int *)$count\ncontinue\ndelete\nbreak *[address hlt]\ncontinue\ninfo registers rip\ndelete\nset var *(short *)0x7d06 = 0
stepi\nx/1i \$pc\nx/1dh 0x7d06\ndetach"
    close $f
    set said ""
    set vmm_id $spawn_id
    spawn -noecho timeout 60 gdb -nx -batch -x $tmp/script
    set gdb_id $spawn_id
    set timeout 60
    expect eof { set said $expect_out(buffer) }
    catch {wait -i $gdb_id}
    set spawn_id $vmm_id
    set good 1
    foreach pattern [list "rip +$out" {Hardware watchpoint} "rip +[address {mov eax, \[count}]" "rip +[address hlt]" \
                          {0x7d06:\s+0}] {
        if {![regexp -nocase -- $pattern $said]} { set good 0; note "missing: $pattern" }
    }
    if {![ok $good "gdb: breakpoints, watchpoints, steps, stores"]} { note $said }
    goes_on gdb
    ok [expr {[vmm_quit] == 0}] "gdb: quit"
}

# Saved states across engines.
exec $vmm_img convert -O qcow2 $tmp/sector.img $tmp/state.qcow2
set board [list -m 16 -net none -drive file=$tmp/state.qcow2]
# A KVM that lacks features of the default CPU: the interpreter is told to lack them too, as vmm says itself.
vmm_start -accel kvm {*}$board
mon {savevm s}
vmm_quit
set failed [catch {exec $vmm -accel interp -display none -monitor none -timeout 1 {*}$board -loadvm s 2>@1} out]
set cpu {}
if {[regexp {another CPU model.* append '(.*)' to -cpu (\S+)} $out whole features model]} {
    note "-cpu $model$features"
    set cpu [list -cpu $model$features]
}
foreach {one other} [expr {$all ? {kvm interp interp kvm kvm kvm} : {kvm interp interp kvm}}] {
    foreach kind [expr {$all ? {off on} : {on}}] {
        vmm_start -accel $one -machine kernel_irqchip=$kind {*}$board {*}$cpu
        for {set i 0} {$i < 200 && [value $count] < 3} {incr i} { after 50 }
        ok [expr {![regexp -nocase {error|unknown} [mon {savevm s}]]}] "$one, $kind: savevm"
        goes_on "$one, $kind: after savevm"
        mon "stop"
        set later [value $count]
        mon "loadvm s"
        ok [expr {[value $count] < $later}] "$one, $kind: loadvm"
        set saved [value $count]
        mon cont
        goes_on "$one, $kind: after loadvm"
        vmm_quit
        vmm_start -accel $other -machine kernel_irqchip=$kind {*}$board {*}$cpu -loadvm s -S
        ok [expr {[value $count] == $saved}] "$one to $other, $kind: a new vmm has it"
        mon cont
        goes_on "$one to $other, $kind"
        vmm_quit
    }
}
done
