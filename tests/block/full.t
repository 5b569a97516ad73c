#!/bin/bash
# A target that has no room for the whole disk: each subcommand ends in time, with status 1 and a message that says why.
# The room ends by a limit on the size of files, and, where a mount is allowed, by a small file system.
cd "$(dirname "$0")/../.." || exit 1
img=$(realpath "${VMM_BUILD:-build}/vmm-img")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
n=0
failed=0

head -c 8M /dev/urandom >source.raw
"$img" create -q -f qcow2 base.qcow2 8M >/dev/null
"$img" convert -O qcow2 source.raw layer.qcow2
"$img" rebase -u -b base.qcow2 -F qcow2 layer.qcow2

fails() { # NAME PATTERN COMMAND...: wants status 1 and an error that matches
    name=$1 pattern=$2
    shift 2
    n=$((n + 1))
    timeout 30 "$@" >output 2>errors
    code=$?
    if [ $code = 1 ] && grep -q "^vmm-img: .*$pattern" errors; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        echo "# status $code: $(cat errors)"
        failed=1
    fi
}

limited() { (ulimit -f 2048 && exec "$img" "$@"); } # 2 MiB
export -f limited
export img
for words in "convert -O raw source.raw t" "convert -O qcow2 source.raw t" "convert -c -O qcow2 source.raw t" \
    "convert -O qcow source.raw t" "dd if=source.raw of=t bs=1M" "dd -O qcow2 if=source.raw of=t bs=1M" \
    "create -f raw -o preallocation=full t 8M" "create -f qcow2 -o preallocation=full t 8M" "commit layer.qcow2"; do
    fails "file size limit: $words" "File too large" bash -c "limited $words"
    rm -f t
done

n=$((n + 1))
if "$img" check base.qcow2 >output 2>&1 && "$img" compare -f raw -F qcow2 source.raw layer.qcow2 >>output 2>&1; then
    echo "ok $n - after a commit that failed, base and layer are whole"
else
    echo "not ok $n - after a commit that failed, base and layer are whole"
    sed 's/^/# /' output
    failed=1
fi

mkdir small
if unshare -rm mount -t tmpfs none small 2>/dev/null; then
    for words in "convert -O raw source.raw small/t" "convert -O qcow2 source.raw small/t" \
        "convert -c -O qcow2 source.raw small/t" "dd if=source.raw of=small/t" \
        "create -f qcow2 -o preallocation=falloc small/t 8M"; do
        fails "full disk: $words" "No space left on device" \
            unshare -rm sh -c "mount -t tmpfs -o size=3M none small && exec $img $words"
    done
fi
echo "1..$n"
exit $failed
