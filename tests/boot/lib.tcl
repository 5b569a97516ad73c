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
match_max -d 200000
# A message of vmm itself may follow the prompt.
set prompt {\(vmm\) (?:vmm: [^\n]*\n)*$}
set alive 0

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
    global vmm spawn_id tmp prompt alive
    set command [list $vmm -display none -monitor stdio]
    if {[lsearch -exact $args -serial] < 0} { lappend command -serial file:$tmp/serial.txt }
    file delete $tmp/serial.txt
    set said ""
    eval spawn -noecho $command $args
    set timeout 20
    expect {
        -re $prompt { set alive 1; return 1 }
        timeout { set said "no prompt" }
        eof { catch { set said $expect_out(buffer) } }
    }
    set alive 0
    ok 0 "vmm starts: $said"
    return 0
}
# One monitor command; returns its answer. A vmm that is gone answers nothing and is marked dead, so that
# whoever waits for text stops at once.
proc mon {command} {
    global spawn_id prompt alive
    if {!$alive} { return "" }
    set timeout 30
    if {[catch { send -- "$command\r" }]} { set alive 0; return "" }
    # The echo of the command comes first.
    expect {
        -re "\r\n" { }
        timeout { note "monitor: no echo of '$command'"; set alive 0; return "" }
        eof { set alive 0; return "" }
    }
    expect {
        -re "^(.*)$prompt" { return [string map {"\r" ""} $expect_out(1,string)] }
        timeout { note "monitor: no answer to '$command'"; set alive 0; return "" }
        eof { note "vmm ended: $expect_out(buffer)"; set alive 0; return "" }
    }
}
proc screen {} { return [mon screentext] }
# What no guest recovers from: no use to wait on.
set hopeless {Kernel panic - not syncing|isolinux.bin missing|No bootable device|---\[ end Kernel panic}
# Waits until the command's answer matches; stops early when vmm is gone or stopped, or the guest gave up.
proc wait_text {source pattern seconds} {
    global alive hopeless
    set end [expr {[clock seconds] + $seconds}]
    set why "not seen within $seconds s"
    set checks 0
    while {[clock seconds] <= $end} {
        set text [$source]
        if {[regexp -- $pattern $text]} { return 1 }
        if {[regexp -- $hopeless $text]} { set why "the guest gave up"; break }
        if {[incr checks] % 8 == 0 && ![regexp {running} [mon "info status"]]} { set why "vmm does not run"; break }
        if {!$alive} { set why "vmm is gone"; break }
        after 250
    }
    note "$why: $pattern; the end of the text:"
    note [string range $text end-2000 end]
    return 0
}
proc wait_screen {pattern seconds} { return [wait_text screen $pattern $seconds] }
proc serial_text {} {
    global tmp
    if {![file exists $tmp/serial.txt]} { return "" }
    set f [open $tmp/serial.txt]
    fconfigure $f -encoding binary
    set text [read $f]
    close $f
    return $text
}
proc wait_serial {pattern seconds} { return [wait_text serial_text $pattern $seconds] }
# Types text on the guest's keyboard.
proc type {text} { mon "type $text" }
proc key {name} { mon "sendkey $name" }
# A command for the shell on the guest's screen; waits for its output there.
proc shell {command pattern seconds} {
    type $command
    key ret
    return [wait_screen $pattern $seconds]
}
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
    global spawn_id alive
    set timeout 20
    if {!$alive} { catch { exec kill -9 [exp_pid] } }
    set alive 0
    catch { send "quit\r" }
    # A vmm that has ended by itself has closed its end already.
    catch {
        expect {
            eof { }
            timeout { note "quit hangs"; exec kill -9 [exp_pid] }
        }
    }
    set code -1
    catch { set code [lindex [wait] 3] }
    return $code
}
