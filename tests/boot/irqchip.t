#!/usr/bin/expect -f
# Interrupt chips in the kernel (-machine kernel_irqchip=on|split): guests boot on KVM with them, the interpreter takes over
# with the board's own and gives them back, and the monitor always sees the truth. The long form boots whole systems.
source [file dirname [info script]]/lib.tcl
if {![file exists /dev/kvm]} { skip_all "no /dev/kvm here" }
if {![file readable /dev/kvm] || ![file writable /dev/kvm]} { skip_all "no permission to use /dev/kvm" }
if {[catch {exec $vmm -S -accel kvm -display none -monitor none -timeout 1 2>@1} out] && [regexp -- {-accel kvm:} $out]} {
    skip_all "KVM cannot be used here: $out"
}
proc write_file {name bytes} {
    set f [open $name w]
    fconfigure $f -translation binary
    puts -nonewline $f $bytes
    close $f
}

# A boot sector that prints 20 stars, each after a timer interrupt that it counts by INT 1Ch and waits for with HLT,
# then DONE, and goes on counting.
set asm {bits 16
org 0x7c00
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov word [0x70], tick
    mov [0x72], ax
    sti
    mov cx, 20
next: mov dx, [ticks]
again: hlt
    cmp dx, [ticks]
    je again
    push cx
    mov ax, 0x0e2a
    mov bx, 7
    int 0x10
    pop cx
    loop next
    mov si, text
print: lodsb
    or al, al
    jz idle
    mov ah, 0x0e
    int 0x10
    jmp print
idle: hlt
    jmp idle
tick: inc word [cs:ticks]
    iret
ticks: dw 0
text: db "DONE", 0
    times 510 - ($ - $$) db 0
    dw 0xaa55
    times 1048576 - ($ - $$) db 0
}
write_file $tmp/sector.asm $asm
if {[catch {exec nasm -o $tmp/sector.img $tmp/sector.asm} out]} { skip_all "no nasm: $out" }

proc ticks {} {
    if {[regexp {IRQ statistics for isa-i8259:\n *0: (\d+)} [mon "info irq"] all count]} { return $count }
    return -1
}
foreach kind {on split} {
    set args [list -accel kvm -machine kernel_irqchip=$kind -m 16 -net none]
    vmm_start {*}$args
    ok [wait_screen {No bootable device} 60] "$kind: firmware"
    ok [regexp "interrupt chips: .*$kind" [mon "info accel"]] "$kind: info accel says so"
    vmm_quit

    vmm_start {*}$args -drive file=$tmp/sector.img,format=raw,snapshot=on
    ok [wait_screen {\*{20}DONE} 60] "$kind: a boot sector counts timer interrupts"
    ok [regexp {pic0: irr=\S+ imr=b8 isr=\S+ hprio=0 irq_base=08} [mon "info pic"]] "$kind: info pic shows what firmware set"
    ok [regexp {lvt = \S+ \S+ \S+ 0x0000.700 } [mon "info lapic"]] "$kind: info lapic shows LINT0 as ExtINT"
    set before [ticks]
    after 1000
    set between [expr {[ticks] - $before}]
    ok [expr {$between >= 14 && $between <= 24}] "$kind: $between timer ticks in a second"
    for {set i 0} {$i < 20} {incr i} { mon "accel interp"; after 10; mon "accel kvm"; after 10 }
    set before [ticks]
    after 500
    ok [expr {[ticks] > $before}] "$kind: the timer goes on after 40 changes of the engine"
    mon stop
    ok [regexp {paused} [mon "info status"]] "$kind: stops"
    mon cont
    mon system_reset
    ok [wait_screen {\*{20}DONE} 60] "$kind: again after a reset"
    ok [expr {[vmm_quit] == 0}] "$kind: quit"
}
foreach {args pattern} {
    {-machine kernel_irqchip=maybe} {kernel_irqchip: 'maybe' is not on, split or off}
    {-accel kvm,kernel-irqchip=1} {kernel-irqchip: '1' is not on, split or off}
    {-accel kvm,foo=1} {foo}
} {
    set failed [catch {exec $vmm -S -display none -monitor none -timeout 1 {*}$args 2>@1} out]
    ok [expr {$failed && [regexp -- $pattern $out]}] "refused: $args"
}
if {!$all} { done }

# Four CPUs, and whatever may happen to them at any moment.
foreach kind {on split} {
    vmm_start -accel kvm -machine kernel_irqchip=$kind -smp 4 -m 16 -net none \
        -drive file=$tmp/sector.img,format=raw,snapshot=on
    expr {srand(5)}
    set commands {stop cont cont system_reset "accel interp" "accel kvm" "accel kvm" "info registers" nmi "info pic"
                  "info lapic" "sendkey ret"}
    for {set i 0} {$i < 400 && $alive} {incr i} {
        mon [lindex $commands [expr {int(rand() * [llength $commands])}]]
        after [expr {int(rand() * 30)}]
    }
    foreach command {"accel kvm" cont system_reset} { mon $command }
    ok [wait_screen {\*{20}DONE} 60] "$kind: alive after 400 pauses, resets, changes of the engine and NMIs"
    ok [expr {[vmm_quit] == 0}] "$kind: quit"
}

set dir $build/guest
if {![file exists $dir/guestos.iso] && [catch {exec scripts/make-guest $dir 2>@1} out]} { note $out }
if {![file exists $dir/guestos.iso]} { done }
foreach kind {on split} {
    vmm_start -accel kvm -machine kernel_irqchip=$kind -m 128 -net none -cdrom $dir/guestos.iso -boot d
    ok [wait_screen {ISOLINUX.*boot:} 60] "$kind: ISOLINUX's prompt"
    vmm_quit
    foreach {name more} {"8259s" -no-acpi "I/O APIC, two CPUs" {-smp 2}} {
        vmm_start -accel kvm -machine kernel_irqchip=$kind {*}$more -m 384 -cdrom $dir/guestos.iso -boot d
        ok [wait_serial {guestos:/} 300] "$kind: demo ISO to its shell, $name"
        ok [expr {![regexp {lost|spurious|unexpected IRQ} [serial_text]]}] "$kind: no interrupt lost or spurious"
        note [lindex [split [mon "info rescue"] "\n"] 0]
        vmm_quit
    }
}
foreach {kind arch} {on ia32 split x64} {
    set iso /usr/lib/memtest86+/memtest86+$arch.iso
    if {![file exists $iso]} { continue }
    vmm_start -accel kvm -machine kernel_irqchip=$kind -m 10 -net none -cdrom $iso -boot d
    ok [wait_screen {Pass: +[1-9]} 900] "$kind: memtest86+ $arch completes a pass"
    ok [regexp {Errors: *0} [screen]] "$kind: memtest86+ $arch finds no error"
    vmm_quit
}
done
