#!/bin/sh
# What the window costs, side by side with QEMU's SDL window, under a display server of its own (Xvfb):
#   full screen   1024 x 768 x 32, filled by the guest 60 times a second: per cent of a core in the thread that draws,
#                 and frames that the guest got done
#   cursor        a text screen with a blinking cursor
#   latency       (vmm only) from the guest's store to the window's pixels: median and largest, ms
#   tests/bench/frame.sh [SECONDS]
set -eu
build=${VMM_BUILD:-build}
seconds=${1:-5}
guests=$build/tests/ui/guest
work=$(mktemp -d)
pids=
finish() {
    for p in $pids; do kill "$p" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT INT TERM

number=90
while [ -e /tmp/.X$number-lock ]; do number=$((number + 1)); done
Xvfb :$number -screen 0 1280x1024x24 >/dev/null 2>&1 &
pids=$!
export DISPLAY=:$number
export XDG_STATE_HOME=$work
sleep 1
${CC:-gcc} -O2 -o "$work/latency" tests/ui/latency.c -lX11

# Nanoseconds that the first thread of a process has run.
busy() {
    cut -d' ' -f1 "/proc/$1/task/$1/schedstat"
}

start() { # guest, debug console, emulator...
    guest=$1 console=$2
    shift 2
    "$@" -m 32 -net none -snapshot -hda "$guests/$guest.img" -debugcon "$console" >/dev/null 2>&1 &
    pid=$!
    pids="$pids $pid"
    sleep 4
}

measure() { # name, emulator...
    name=$1
    shift
    : >"$work/bytes"
    start frame "file:$work/bytes" "$@"
    a=$(busy $pid) n=$(stat -c %s "$work/bytes")
    sleep "$seconds"
    echo "$name full-screen $(busy $pid) $a $(stat -c %s "$work/bytes") $n $seconds" |
        awk '{ printf "%s: full screen: %.1f %% of a core, %.0f frames/s\n", $1, ($3 - $4) / 1e7 / $7, ($5 - $6) / $7 }'
    kill $pid
    start text null "$@"
    a=$(busy $pid)
    sleep "$seconds"
    echo "$name $(busy $pid) $a $seconds" |
        awk '{ printf "%s: cursor: %.2f %% of a core\n", $1, ($2 - $3) / 1e7 / $4 }'
    kill $pid
    [ "$name" = vmm ] || return 0
    mkfifo "$work/pipe-$name"
    sleep 60 <>"$work/pipe-$name" &
    pids="$pids $!"
    start latency "file:$work/pipe-$name" "$@"
    window=$(xdotool search --onlyvisible --name '(vmm|QEMU)' | tail -1)
    echo "$name: latency: $(timeout 30 "$work/latency" "$window" "$work/pipe-$name") ms (median, largest)"
    kill $pid
}

measure vmm "$build/vmm" -accel interp
if command -v qemu-system-x86_64 >/dev/null; then
    measure qemu qemu-system-x86_64 -accel tcg -display sdl -vga std
fi
