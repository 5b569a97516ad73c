# Helpers for tests that boot whole systems: start vmm with its monitor on stdio, wait for text on the VGA
# screen or on the serial line, and report in TAP.
#
# Environment: VMM_BUILD = build folder, VMM_BOOT = "all" for the long tests, VMM_SHOTS = folder for screenshots.

package require Tcl 8.5
set build [expr {[info exists env(VMM_BUILD)] ? $env(VMM_BUILD) : "build"}]
set vmm [file normalize $build/vmm]
set vmm_img [file normalize $build/vmm-img]
set all [expr {[info exists env(VMM_BOOT)] && $env(VMM_BOOT) eq "all"}]
set tmp [exec mktemp -d /tmp/vmm-boot.XXXXXX]
set test_count 0
set failures 0
log_user 0
match_max 200000
set prompt "\\(vmm\\) $"

proc ok {condition name} {
    global test_count failures
    incr test_count
    if {$condition} { puts "ok $test_count - $name" } else { puts "not ok $test_count - $name"; incr failures }
    flush stdout
    return $condition
}
proc note {text} { foreach line [split $text "\n"] { puts "# $line" }; flush stdout }
proc skip_all {why} { puts "1..0 # SKIP $why"; finish_files; exit 0 }
proc finish_files {} { global tmp; file delete -force $tmp }
proc done {} {
    global test_count failures
    puts "1..$test_count"
    finish_files
    exit [expr {$failures > 0}]
}

# Starts vmm; the serial line goes to $tmp/serial.txt unless args say otherwise.
proc vmm_start {args} {
    global vmm spawn_id tmp prompt
    set command [list $vmm -display none -monitor stdio]
    if {[lsearch -exact $args -serial] < 0} { lappend command -serial file:$tmp/serial.txt }
    eval spawn -noecho $command $args
    set timeout 20
    expect {
        -re $prompt { return 1 }
        timeout { note "vmm does not answer" }
        eof { note "vmm did not start: $expect_out(buffer)" }
    }
    return 0
}
# One monitor command; returns its answer.
proc mon {command} {
    global spawn_id prompt
    set timeout 20
    send -- "$command\r"
    # The echo of the command comes first.
    expect {
        -re "\r\n" { }
        timeout { return "" }
        eof { return "" }
    }
    expect {
        -re "^(.*)\\(vmm\\) $" { return [string map {"\r" ""} $expect_out(1,string)] }
        timeout { return "" }
        eof { return "" }
    }
}
proc screen {} { return [mon screentext] }
proc wait_screen {pattern seconds} {
    set end [expr {[clock seconds] + $seconds}]
    while {[clock seconds] <= $end} {
        if {[regexp -- $pattern [screen]]} { return 1 }
        after 250
    }
    note "not seen within $seconds s: $pattern; the screen:"
    note [screen]
    return 0
}
proc serial_text {} {
    global tmp
    if {![file exists $tmp/serial.txt]} { return "" }
    set f [open $tmp/serial.txt]
    fconfigure $f -encoding binary
    set text [read $f]
    close $f
    return $text
}
proc wait_serial {pattern seconds} {
    set end [expr {[clock seconds] + $seconds}]
    while {[clock seconds] <= $end} {
        if {[regexp -- $pattern [serial_text]]} { return 1 }
        after 250
    }
    note "not seen on the serial line within $seconds s: $pattern; its end:"
    note [string range [serial_text] end-800 end]
    return 0
}
# Types text on the guest's keyboard.
proc type {text} { mon "type $text" }
proc key {name} { mon "sendkey $name" }
proc shot {name} {
    global env
    if {[info exists env(VMM_SHOTS)]} { file mkdir $env(VMM_SHOTS); mon "screendump $env(VMM_SHOTS)/$name.png" }
}
# Host CPU time of vmm in seconds.
proc cpu_seconds {} {
    global spawn_id
    set pid [exp_pid -i $spawn_id]
    set f [open /proc/$pid/stat]; set text [read $f]; close $f
    set fields [lrange [split [string range $text [string last ")" $text]+2 end]] 11 12]
    return [expr {([lindex $fields 0] + [lindex $fields 1]) / 100.0}]
}
proc vmm_quit {} {
    global spawn_id
    set timeout 20
    send "quit\r"
    expect {
        eof { }
        timeout { note "quit hangs"; exec kill -9 [exp_pid] }
    }
    return [lindex [wait] 3]
}
