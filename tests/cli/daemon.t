#!/bin/sh
# -daemonize: the command returns when the machine is made, vmm goes on; what goes wrong before is told and exits 1.
# -uuid is seen by monitor and QMP.
vmm=$(realpath "${VMM_BUILD:-build}/vmm")
dir=$(mktemp -d)
trap '[ ! -e "$dir/pid" ] || kill "$(cat "$dir/pid")"; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
uuid=550e8400-e29b-41d4-a716-446655440000
n=0
ok() { # condition's result, name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
plain="-accel interp -display none -net none -m 16"

timeout 20 "$vmm" $plain -daemonize -hda missing.img 2>err; ok "$(($? != 1))" "a missing image: exit code 1"
grep -q "Could not open 'missing.img'" err; ok $? "and the message"
timeout 20 "$vmm" $plain -daemonize -nographic 2>err; ok "$(($? != 1))" "-nographic is refused"
timeout 20 "$vmm" $plain -uuid foo 2>err; ok "$(($? != 1))" "a bad UUID is refused"
grep -q "'foo' is no UUID" err; ok $? "and named"
timeout 20 "$vmm" $plain -option-rom "$0" 2>err; ok "$(($? != 1))" "a file that is no option ROM is refused"

timeout 20 "$vmm" $plain -daemonize -pidfile pid -uuid $uuid -qmp unix:qmp,server,nowait; ok $? "-daemonize returns 0"
kill -0 "$(cat pid)"; ok $? "and vmm runs"
python3 - <<'P' >answer
import socket
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect('qmp')
f = s.makefile('rw')
f.readline()
for line in '{"execute":"qmp_capabilities"}', '{"execute":"query-uuid"}', '{"execute":"quit"}':
    f.write(line + '\n')
    f.flush()
    print(f.readline().strip())
P
grep -q "{\"return\":{\"UUID\":\"$uuid\"}}" answer; ok $? "QMP tells the UUID"
for i in 1 2 3 4 5 6 7 8 9 10; do [ -e pid ] && sleep 0.3; done
[ ! -e pid ]; ok $? "quit ends it and removes the pidfile"
echo "1..$n"
