#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# gst-reid bench: its table, its file, the comparison of two, and what it refuses.
#
#   bench.sh GST-REID REID-NET
set -u
gst_reid=$1 reid_net=$2
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
    size = 64 if r['model'] == 'reid-detect-s' else 112
    assert (r['width'], r['height']) == (size, size), r
PY
}

# How many results a file has.
results() {
  [ "$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["results"]))' "$1")" = "$2" ]
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
check "with what was not the same" grep -q '^callers: 2 before, 1 after' "$work/out"
check "and nothing is left over" test "$(grep -c ' more in ' "$work/out")" = 0
check "pictures of another size" bench 0 "${short[@]}" -m reid-detect-s -m reid-embed-s -b 3,5 --size 32 --json "$work/c.json"
check "are not compared" bench 0 --compare "$work/a.json" "$work/c.json"
check "but what is the same" test "$(grep -c '^reid-' "$work/out")" = 1
check "the first has more" grep -q "^3 more in $work/a.json that $work/c.json has not" "$work/out"
check "and so has the second" grep -q "^3 more in $work/c.json that $work/a.json has not" "$work/out"
check "a comparison of the same" bench 0 --compare "$work/a.json" "$work/a.json"
check "finds it so" test "$(grep -c '^reid-.* 1\.00 .* 1\.00$' "$work/out")" = 4
check "and tells no settings" test "$(wc -l < "$work/out")" = 5
check "against one picture at a time" bench 0 "${short[@]}" -m reid-embed-s -b 2,1
check "each batch is told" test "$(awk '{ print $7 }' "$work/out" | sed -n '1d; 2s/^[0-9.]*$/number/p; 3p' | tr '\n' ' ')" = "number 1.00 "
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
check "no batch at all" bench 2 "${short[@]}" -b ''
check "is told what to give" says "1 to 65536"
check "a batch that is too large" bench 1 "${short[@]}" -m reid-embed-s -b 1,65536,2 --json "$work/large.json"
check "is told" says "65536x3x112x112 is too large"
check "what was measured before it is kept" results "$work/large.json" 1
head -c 5000 "$0" > "$work/broken.onnx"
check "no network" bench 3 "${short[@]}" -m "$work/broken.onnx" -m reid-embed-s -b 1 --json "$work/large.json"
check "is named" says broken.onnx
check "and keeps nobody from the others" results "$work/large.json" 1
"$reid_net" gait-frames "$work/gait.onnx" > "$work/out" || exit 1
check "a network of one batch only" bench 0 "${short[@]}" -m "$work/gait.onnx" -b 1,2
check "has the others left out" says "1 at a time only"
check "which is no reason for an empty table" bench 2 "${short[@]}" -m "$work/gait.onnx" -b 2
check "but what to give is told" says "give --batch 1"
mv "$work/gait.onnx" "$work/"$'g\xff.onnx'
check "a file whose name is no text" bench 0 "${short[@]}" -m "$work/"$'g\xff.onnx' -b 1 --json "$work/large.json"
check "is in the results" results "$work/large.json" 1
for seconds in nan 0 -1 inf; do
  check "no time: $seconds" bench 2 "${short[@]}" -m reid-detect-s --seconds="$seconds"
done
check "and what is one" says "at most 3600"
check "more callers than may be" bench 2 "${short[@]}" -m reid-detect-s -c 65
check "is told" says "1 to 64"
for size in 0 64x 64x0 x64 64x64x64 64,64 -1; do
  check "no size: $size" bench 2 "${short[@]}" -m reid-detect-s --size="$size"
done
check "and what is one" says "N or WIDTHxHEIGHT"
check "a file that is none" bench 3 --compare "$work/a.json" "$0"
check "is named" says "$0"
check "a comparison with one file" bench 2 --compare "$work/a.json"
check "tells how it goes" says "A.json B.json"
check "a comparison that is to measure" bench 2 --compare "$work/a.json" "$work/b.json" -m reid-embed-s
check "tells that it does not" says "measures nothing"
check "a folder that is not there" bench 5 "${short[@]}" -m reid-embed-s -b 1 --json "$work/none/x.json"
check "is named" says "$work/none/x.json"
check "no such device" bench 2 "${short[@]}" -d quantum -m reid-embed-s
check "is named" says quantum
echo "1..$n"
exit $failed
