#!/bin/sh
# How the engine is chosen on the host as it is: the spellings, the one line at the start, `info accel`, and what
# an ordinary user without permission is told. VMM_STARTS=100 asks for that many starts with -accel auto [20]; one
# that took too long, because the host was busy with others, is repeated.
vmm=${VMM_BUILD:-build}/vmm
starts=${VMM_STARTS:-20}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
n=0

ok() { # title; the result of the last command
    if [ $? = 0 ]; then r=ok; else r='not ok'; fi
    n=$((n + 1))
    echo "$r $n - $1"
    [ "$r" = ok ] || sed 's/^/# /' "$tmp/out" "$tmp/err"
}
skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}
# start OPTION...: a machine that does not run, asked what its engine is.
start() {
    printf 'info accel\ninfo kvm\nquit\n' |
        timeout 20 "$vmm" -S -display none -serial none -monitor stdio "$@" >"$tmp/out" 2>"$tmp/err"
}
lines() { [ "$(wc -l <"$tmp/err")" = "$1" ]; }

# ---- the interpreter by name: nothing is said, nothing is measured ----
for spelling in "-accel interp" "-accel tcg" "-no-kvm" "-machine accel=tcg" "-M pc,accel=interp" \
    "-accel interp -accel kvm" "--accel interp"; do
    start $spelling && lines 0 && grep -q '^interp: interpreter, as asked for' "$tmp/out" &&
        grep -q 'kvm support: disabled' "$tmp/out" && ! grep -q 'KVM class' "$tmp/out"
    ok "$spelling"
done

# ---- auto ----
start && lines 1 && grep -q ' chosen$' "$tmp/err" && grep -q 'KVM class' "$tmp/out"
ok "auto is the default: one line, and info accel says more"
reason=$(sed 's/^vmm: //' "$tmp/err")
grep -qF "$reason" "$tmp/out"
ok "info accel gives the same reason"
class=$(sed -n 's/.*KVM class: \(.*\) (found.*/\1/p' "$tmp/out")
wrong=0 slow=0 i=0
while [ $i -lt "$starts" ]; do
    i=$((i + 1))
    for try in 1 2 3; do
        start -accel auto
        sed -n 's/.*found in \([0-9.]*\) ms.*/\1/p' "$tmp/out" | awk '{ exit !($1 <= 20) }' && break
    done
    grep -qF "KVM class: $class " "$tmp/out" && grep -qF "$reason" "$tmp/err" || wrong=$((wrong + 1))
    sed -n 's/.*found in \([0-9.]*\) ms.*/\1/p' "$tmp/out" | awk '{ exit !($1 <= 20) }' || slow=$((slow + 1))
done
echo "# $starts starts: class '$class', $wrong wrong, $slow above 20 ms"
[ $wrong = 0 ]
ok "$starts of $starts starts choose the same"
if [ $slow != 0 ] && awk -v cpus="$(nproc)" '{ exit !($1 > cpus) }' /proc/loadavg; then
    skip "$starts of $starts starts choose in at most 20 ms" "this host is busy with others: $slow took longer"
else
    [ $slow = 0 ]
    ok "$starts of $starts starts choose in at most 20 ms"
fi
if [ -e /dev/kvm ] && ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
    [ "$class" != full ] && case $reason in *'interpreter chosen') true ;; *) false ;; esac
    ok "without vmx and svm the interpreter is chosen"
else
    skip "without vmx and svm the interpreter is chosen" "this host has no KVM, or has one of them"
fi

# ---- KVM by name, where it cannot be had ----
refused() { # title, options
    title=$1
    shift
    su nobody -s /bin/sh -c "timeout 20 $PWD/$vmm -display none -serial none -monitor none $*" \
        </dev/null >"$tmp/out" 2>"$tmp/err"
    [ $? = 1 ] && lines 1 && grep -q '^vmm: -accel kvm: .*; remedy: ' "$tmp/err"
    ok "$title"
}
case $vmm in /*) PWD= ;; esac
if [ "$(id -u)" != 0 ]; then
    why="only root can become somebody else"
elif ! su nobody -s /bin/sh -c "test -x $PWD/$vmm"; then
    why="nobody cannot reach $vmm"
elif su nobody -s /bin/sh -c 'test -w /dev/kvm'; then
    why="everybody may use /dev/kvm here"
else
    why=
fi
for spelling in "-accel kvm" "-enable-kvm" "-machine accel=kvm" "-accel kvm -accel kvm"; do
    if [ -n "$why" ]; then
        skip "$spelling without permission" "$why"
    else
        refused "$spelling without permission" "$spelling"
    fi
done
if [ -n "$why" ]; then
    skip "kvm:interp without permission" "$why"
else
    su nobody -s /bin/sh -c "printf 'info accel\nquit\n' |
        timeout 20 $PWD/$vmm -S -display none -serial none -monitor stdio -accel kvm:interp" \
        >"$tmp/out" 2>"$tmp/err" && lines 1 && grep -q '^vmm: could not use KVM (.*): back to the interpreter' "$tmp/err"
    ok "kvm:interp without permission"
fi

# ---- the doctor ----
timeout 20 "$vmm" -doctor >"$tmp/out" 2>"$tmp/err"
[ $? = 0 ] && grep -q '^vmm can run here.$' "$tmp/out" && grep -qF "engine      $reason" "$tmp/out"
ok "-doctor agrees on the engine"
for subject in cpu device display firmware sound network memory disk limits; do
    grep -qE "^\[(ok|note)\] +$subject " "$tmp/out" || break
done
ok "-doctor looks at everything"
timeout 20 "$vmm" -doctor -bios "$tmp/nosuch.bin" >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ] && grep -q '^\[FAIL\] firmware .*nosuch.bin' "$tmp/out" && grep -q '^vmm cannot run so' "$tmp/out"
ok "-doctor fails where vmm would"
if [ -n "$why" ]; then
    skip "-doctor names the remedy for a missing permission" "$why"
else
    su nobody -s /bin/sh -c "timeout 20 $PWD/$vmm -doctor" >"$tmp/out" 2>"$tmp/err" &&
        group=$(stat -c %G /dev/kvm) && grep -q "^\[note\] permission .* belongs to group $group" "$tmp/out" &&
        grep -A1 '^\[note\] permission' "$tmp/out" | grep -q 'remedy: sudo .*nobody'
    ok "-doctor names the remedy for a missing permission"
fi
echo "1..$n"
