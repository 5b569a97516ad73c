#!/bin/sh
# What the window costs, side by side with QEMU's SDL window, under a display server of its own (Xvfb):
#   full screen   1024 x 768 x 32, filled by the guest 60 times a second: per cent of a core in the thread that draws,
#                 and frames that the guest got done
#   cursor        a text screen with a blinking cursor
#   latency       from the guest's store to the window's pixels: median and largest, ms
# For the first two also what the whole process takes, the guest's execution included, and at the end vmm / QEMU.
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

# Nanoseconds that the first thread of a process has run; that all of them have.
busy() {
    cut -d' ' -f1 "/proc/$1/task/$1/schedstat"
}
busy_all() {
    cat "/proc/$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'
}

start() { # guest, debug console, emulator...
    guest=$1 console=$2
    shift 2
    "$@" -m 32 -net none -snapshot -hda "$guests/$guest.img" -debugcon "$console" >/dev/null 2>&1 &
    pid=$!
    pids="$pids $pid"
    sleep 4
}

# One figure: name, what, value, unit; kept for the ratios.
figure() {
    echo "$1: $2: $3 $4"
    echo "$1|$2|$3" >>"$work/figures"
}

# Per cent of a core between two readings: from, to.
percent() {
    echo "$1 $2 $seconds" | awk '{ printf "%.2f", ($2 - $1) / 1e7 / $3 }'
}

measure() { # name, emulator...
    name=$1
    shift
    for guest in frame text; do
        what=cursor
        [ $guest = text ] || what='full screen'
        : >"$work/bytes"
        start $guest "file:$work/bytes" "$@"
        a=$(busy $pid) all=$(busy_all $pid) n=$(stat -c %s "$work/bytes")
        sleep "$seconds"
        figure "$name" "$what" "$(percent "$a" "$(busy $pid)")" '% of a core'
        figure "$name" "$what, whole process" "$(percent "$all" "$(busy_all $pid)")" '% of a core'
        [ $guest = text ] ||
            echo "$name: $what: $((($(stat -c %s "$work/bytes") - n) / seconds)) frames/s"
        kill $pid
    done
    mkfifo "$work/pipe-$name"
    sleep 60 <>"$work/pipe-$name" &
    pids="$pids $!"
    start latency "file:$work/pipe-$name" "$@"
    window=$(xdotool search --onlyvisible --name '(vmm|QEMU)' | tail -1)
    result=$(timeout 30 "$work/latency" "$window" "$work/pipe-$name" || echo '? ?')
    figure "$name" 'latency, median' "${result% *}" ms
    figure "$name" 'latency, largest' "${result#* }" ms
    kill $pid
}

measure vmm "$build/vmm" -accel interp
if command -v qemu-system-x86_64 >/dev/null; then
    measure qemu qemu-system-x86_64 -accel tcg -display sdl -vga std
    awk -F'|' '{ v[$1, $2] = $3; if ($1 == "vmm") { w[n++] = $2 } }
        END { for (i = 0; i < n; i++) {
            if (v["qemu", w[i]] > 0) { printf "vmm / qemu: %s: %.2f\n", w[i], v["vmm", w[i]] / v["qemu", w[i]] } } }' \
        "$work/figures"
fi
