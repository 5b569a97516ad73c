#!/bin/sh
# -sandbox: every thread has the filter, the guest runs under it, and what is denied fails without an end of vmm.
vmm=$(realpath "${VMM_BUILD:-build}/vmm")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
n=0
ok() { # condition's result, name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
plain="-accel interp -display none -net none -m 16 -pidfile pid"
for deny in "" ,spawn=deny,elevateprivileges=deny,resourcecontrol=deny; do
    timeout 60 "$vmm" $plain -sandbox on$deny -e 'waittext "No bootable device" 30; sleep 2; info status; quit' >out &
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -e pid ] || sleep 0.3; done
    sleep 1
    pid=$(cat pid)
    grep -h '^Seccomp:' "/proc/$pid"/task/*/status | sort -u >seen
    grep -q '^Seccomp:.*2$' seen && [ "$(wc -l <seen)" = 1 ]; ok $? "on$deny: every thread has the filter"
    wait $!; ok $? "and the guest runs"
    grep -q "VM status: running" out; ok $? "the monitor too"
done
timeout 60 "$vmm" $plain -sandbox on,spawn=maybe 2>err; ok "$(($? != 1))" "a wrong word is refused"
grep -q "spawn=maybe: must be allow or deny" err; ok $? "and named"
echo "1..$n"
