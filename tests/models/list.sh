#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `gst-reid models`: what it lists, what it takes, and why. TAP on stdout.
#
#   list.sh GST-REID MAKENETS
set -u
reid=$1 makenets=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
models=$dir/models
export LC_ALL=C.UTF-8 REID_MODEL_PATH=$models XDG_DATA_HOME=$dir/data
mkdir -p "$models"
"$makenets" "$models" || exit 1
[ -z "$(ls "$models" | grep -v '^tiny-.*\.onnx$')" ] || exit 1
detector=$models/tiny-yunet.onnx embedder=$models/tiny-colour.onnx

n=0 bad=0
check() {
  local name=$1
  shift
  n=$((n + 1))
  if "$@"; then
    printf 'ok %d - %s\n' $n "$name"
  else
    printf 'not ok %d - %s\n' $n "$name"
    sed 's/^/# /' "$dir/out" "$dir/err"
    printf '# exit code %s\n' "$code"
    bad=1
  fi
}
run() {
  "$reid" "$@" >"$dir/out" 2>"$dir/err" </dev/null
  code=$?
}
says() { grep -qF -- "$1" "$dir/out"; }
# row MARK NAME KIND LICENCE FILE: a line of the table
row() {
  local size hash
  size=$(stat -c %s "$5") || return 1
  hash=$(sha256sum "$5" | cut -c 1-12)
  [ "$size" -ge 1024 ] && size="[0-9.]+ [KM]iB" || size="$size bytes"
  grep -qE "^$1  $2 +$3 +$size +$4 +$hash  $5\$" "$dir/out"
}
describe() { printf '[model]\n%s\n' "$2" >"${1%.onnx}.modelinfo"; }

run models
check 'files that nothing is known of' eval '[ $code = 0 ] && row " " tiny-yunet "\?" - "$detector"'
check 'are only taken when named' says "only taken when named: $detector is not known"
check 'no detector is found' says 'detector: none is found; `gst-reid models get yunet`'
check 'no embedder either' says 'embedder: none is found; `gst-reid models get mobilefacenet`'
check 'the folders' eval 'says "$models" && says "$dir/data/gst-reid/models"'
check 'what can be had' eval 'grep -qE "^ +yunet +detector +315.3 KiB +Apache-2.0 +Shiqi Yu" "$dir/out" &&
  grep -qE "^ +mobilefacenet +embedder +3.8 MiB +Apache-2.0 " "$dir/out"'

describe "$detector" role=detector
describe "$embedder" $'role=embedder\nname=by-hand\nlicence=MIT'
run models
check 'described networks' eval \
  'row "\*" tiny-yunet detector - "$detector" && row "\*" by-hand embedder MIT "$embedder"'
check 'are taken, and why' eval 'says "detector: tiny-yunet is taken, the only face detector found, described by its .modelinfo" &&
  says "embedder: by-hand is taken, the only face embedder found, described by"'

cp "$embedder" "$models/a-second.onnx"
describe "$models/a-second.onnx" role=embedder
run models
check 'of two the first one' eval \
  'row "\*" a-second embedder - "$models/a-second.onnx" && row " " by-hand embedder MIT "$embedder"'
check 'is called the best' says 'embedder: a-second is taken, the best of 2 face embedders found'
rm "$models"/a-second*

run models --long
check 'whole hashes' says "$(sha256sum "$detector" | cut -c 1-64)  $detector"

describe "$detector" role=dectector
run models
check 'a role that is none' says "only taken when named: $detector is not known, and no .modelinfo"
printf 'role\n' >"${detector%.onnx}.modelinfo"
run models
check 'a .modelinfo that cannot be read' eval \
  '[ $code = 0 ] && says "left out: ${detector%.onnx}.modelinfo is no key file"'
describe "$detector" $'role=detector\nname=red \033[31m'
run models
check 'names do not colour the terminal' eval \
  '! grep -q "$(printf "\033")" "$dir/out" && says "red ?[31m"'
rm "${detector%.onnx}.modelinfo"

REID_MODEL_PATH= run models
check 'nothing at all' eval '[ $code = 0 ] && says "No network is found."'
run models x
check 'an argument' eval '[ $code = 2 ] && grep -q "usage: gst-reid models" "$dir/err"'
run models --frobnicate
check 'an unknown option' eval '[ $code = 2 ] && grep -q frobnicate "$dir/err"'
run models --help
check 'help' eval '[ $code = 0 ] && says "models get --help"'

# what the elements say, and take, is the same
describe "$detector" role=detector
GST_DEBUG=reiddetect:4 GST_DEBUG_NO_COLOR=1 run run --quiet -- videotestsrc num-buffers=2 ! \
  video/x-raw,width=320,height=240 ! reiddetect ! fakesink
check 'the log of an element says why' eval '[ $code = 0 ] &&
  grep -q "tiny-yunet.onnx.*the only face detector found, described by its .modelinfo" "$dir/err"'
REID_MODEL_PATH= run run --quiet -- videotestsrc num-buffers=2 ! reiddetect ! fakesink
check 'and how one is got where there is none' eval '[ $code = 3 ] &&
  grep -qF "gst-reid models get yunet mobilefacenet" "$dir/err"'

# one that can be had
sum=$(sha256sum "$embedder" | cut -d ' ' -f 1)
rm "${embedder%.onnx}.modelinfo"
printf '[tiny]\nfile=x.onnx\nurl=http://127.0.0.1:9/x.onnx\nsha256=%s\nsize=1\nrole=embedder\nlicence=MIT\n[mini]\nfile=y.onnx\nurl=http://127.0.0.1:9/y.onnx\nsha256=%064d\nsize=1\nrole=detector\nlicence=BSD-2-Clause\n' \
  "$sum" 0 >"$dir/index"
REID_MODEL_INDEX=$dir/index run models
check 'one that can be had is told by its hash' row " " tiny embedder MIT "$embedder"
check 'and not offered again, but others are' eval \
  '! grep -qE "^ +tiny +.* unknown\$" "$dir/out" && grep -qE "^ +mini +detector +1 byte +BSD-2-Clause +unknown\$" "$dir/out"'

printf '1..%d\n' $n
exit $bad
