#!/bin/sh
# docs/transcripts.md is what vmm says today.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
tests/transcripts/make-transcripts >"$out"
echo "1..1"
if diff -u docs/transcripts.md "$out" >"$out.diff"; then
    echo "ok 1 - docs/transcripts.md is up to date"
else
    echo "not ok 1 - docs/transcripts.md is up to date"
    sed 's/^/# /' "$out.diff"
    echo "# remedy: tests/transcripts/make-transcripts >docs/transcripts.md, and read what has changed"
fi
rm -f "$out.diff"
