#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# gst-reid bench: its table, its file, the comparison of two, and what it refuses.
#
#   bench.sh GST-REID
set -u
gst_reid=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
n=0 failed=0

# check NAME COMMAND...
check() {
  local name=$1
  shift
  n=$((n + 1))
  if "$@"; then
    echo "ok $n - $name"
  else
    sed 's/^/# /' "$work/out" "$work/err"
    echo "not ok $n - $name"
    failed=1
  fi
}

# bench CODE ARGUMENT...: does it end with that exit code?
bench() {
  local code=$1 status=0
  shift
  "$gst_reid" bench "$@" > "$work/out" 2> "$work/err" || status=$?
  [ "$status" = "$code" ]
}

# says TEXT: one line on stderr, and that is in it
says() {
  [ "$(wc -l < "$work/err")" = 1 ] && grep -qF -- "$1" "$work/err"
}

rows() {
  python3 - "$1" <<'PY'
import json, sys
a = json.load(open(sys.argv[1]))
assert a['version'] == 1 and a['peak_gflops'] > 0 and a['callers'] == 2, a
seen = sorted((r['model'], r['batch']) for r in a['results'])
assert seen == [('reid-detect-s', 1), ('reid-detect-s', 3),
                ('reid-embed-s', 1), ('reid-embed-s', 3)], seen
for r in a['results']:
    assert r['pictures_a_second'] > 0 and r['runs'] > 0 and r['gflops'] > 0, r
    assert 0 < r['fastest_ms'] <= r['ms_a_run'] and r['device'] and r['precision'], r
    assert r['cpu_ms_a_run'] > 0, r
PY
}

# By what a run's operations come to: twice as many pixels, to a rounding.
twice() {
  python3 - "$1" "$2" <<'PY'
import json, sys
one, two = ([r['gflops'] / r['pictures_a_second'] for r in json.load(open(p))['results']
             if r['model'] == 'reid-detect-s' and r['batch'] == 1][0] for p in sys.argv[1:])
assert abs(two / one - 2) < 1e-3, (one, two)
PY
}

short=(--seconds .02 --threads 1)
both=(-m reid-detect-s -m reid-embed-s -b 1,3 --size 64)
check "two networks, two batches, a file" bench 0 "${short[@]}" "${both[@]}" -c 2 --json "$work/a.json"
check "the table has a line for each" test "$(grep -c '^reid-' "$work/out")" = 4
check "the file has them, too" rows "$work/a.json"
check "once more" bench 0 "${short[@]}" "${both[@]}" --json "$work/b.json"
check "what changed" bench 0 --compare "$work/a.json" "$work/b.json"
check "is told for each" test "$(grep -c '^reid-' "$work/out")" = 4
check "networks that a pipeline takes" bench 0 "${short[@]}" -b 1 --size 64
check "of which there are two" test "$(grep -cE ' (f32|f16) ' "$work/out")" = 2

check "no such network" bench 3 "${short[@]}" -m no-such-network
check "is named" says no-such-network
check "no such precision" bench 2 "${short[@]}" -p f8
check "and which there are" says "auto, f32, bf16 or f16"
check "a batch of nothing" bench 2 "${short[@]}" -b 4,0
check "is told what to give" says "1 to 65536"
check "pictures that are not square" bench 0 "${short[@]}" -m reid-detect-s -b 1 --size 128x64 --json "$work/wide.json"
check "are of that many multiply-adds" twice "$work/a.json" "$work/wide.json"
for size in 0 64x 64x0 x64 64x64x64 64,64 -1; do
  check "no size: $size" bench 2 "${short[@]}" -m reid-detect-s --size="$size"
done
check "and what is one" says "N or WIDTHxHEIGHT"
check "a file that is none" bench 3 --compare "$work/a.json" "$0"
check "is named" says "$0"
check "a comparison with one file" bench 2 --compare "$work/a.json"
check "tells how it goes" says "A.json B.json"
check "a folder that is not there" bench 5 "${short[@]}" -m reid-embed-s -b 1 --json "$work/none/x.json"
check "is named" says "$work/none/x.json"
check "no such device" bench 2 "${short[@]}" -d quantum -m reid-embed-s
check "is named" says quantum
echo "1..$n"
exit $failed
