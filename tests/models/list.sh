#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `gst-reid models`: what it lists, what it takes, and why. TAP on stdout.
#
#   list.sh GST-REID MAKENETS SHIPPED    SHIPPED: the build's kernels/models
set -u
reid=$1 makenets=$2 shipped=$(realpath "$3")
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
ships='the network that ships with gst-reid'
check 'those that ship are taken' eval \
  'row "\*" reid-detect-s detector Apache-2.0 "$shipped/reid-detect-s.onnx" &&
   row "\*" reid-embed-s embedder Apache-2.0 "$shipped/reid-embed-s.onnx"'
check 'and why' eval 'says "detector: reid-detect-s is taken, the only face detector found, $ships" &&
  says "embedder: reid-embed-s is taken, the only face embedder found, $ships"'
check 'the folders' eval 'says "$models" && says "$dir/data/gst-reid/models" && says "$shipped"'
check 'what can be had' eval 'grep -qE "^ +yunet +detector +315.3 KiB +Apache-2.0 +Shiqi Yu" "$dir/out" &&
  grep -qE "^ +mobilefacenet +embedder +3.8 MiB +Apache-2.0 " "$dir/out"'

describe "$detector" role=detector
describe "$embedder" $'role=embedder\nname=by-hand\nlicence=MIT'
run models
check 'described networks' eval \
  'row "\*" tiny-yunet detector - "$detector" && row "\*" by-hand embedder MIT "$embedder"'
check 'go before those that ship' eval \
  'row " " reid-detect-s detector Apache-2.0 "$shipped/reid-detect-s.onnx" &&
   row " " reid-embed-s embedder Apache-2.0 "$shipped/reid-embed-s.onnx"'
check 'are taken, and why' eval 'says "detector: tiny-yunet is taken, the best of 2 face detectors found, described by its .modelinfo" &&
  says "embedder: by-hand is taken, the best of 2 face embedders found, described by"'

cp "$embedder" "$models/a-second.onnx"
describe "$models/a-second.onnx" role=embedder
run models
check 'of two the first one' eval \
  'row "\*" a-second embedder - "$models/a-second.onnx" && row " " by-hand embedder MIT "$embedder"'
check 'is called the best' says 'embedder: a-second is taken, the best of 3 face embedders found'
rm "$models"/a-second*

# wherever a network lies that ships, it goes behind the others
cp "$shipped/reid-embed-s.onnx" "$models/a-copy.onnx"
describe "$models/a-copy.onnx" $'role=embedder\nshipped=true'
run models
check 'a copy in the first folder goes behind them, too' eval \
  'row "\*" by-hand embedder MIT "$embedder" && row " " a-copy embedder - "$models/a-copy.onnx"'
describe "$models/a-copy.onnx" $'role=embedder\nshipped=perhaps'
run models
check 'a key that is neither true nor false' says \
  "left out: $models/a-copy.modelinfo: [model] shipped must be true or false"
rm "$models"/a-copy*

run models --long
check 'whole hashes' eval 'says "$(sha256sum "$detector" | cut -c 1-64)  $detector" &&
  says "$(sha256sum "$shipped/reid-embed-s.onnx" | cut -c 1-64)  $shipped/reid-embed-s.onnx"'

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

rm -f "${embedder%.onnx}.modelinfo"
REID_MODEL_PATH= run models
check 'nothing but those that ship' eval \
  '[ $code = 0 ] && [ "$(grep -c "\.onnx\$" "$dir/out")" = 2 ] && [ "$(grep -c "^\*  reid-" "$dir/out")" = 2 ]'
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
  grep -q "tiny-yunet.onnx.*the best of 2 face detectors found, described by its .modelinfo" "$dir/err"'
export GST_DEBUG_NO_COLOR=1
REID_MODEL_PATH= GST_DEBUG=reiddetect:4,reidembed:4 run run --quiet -- videotestsrc num-buffers=2 ! \
  video/x-raw,width=320,height=240 ! reiddetect ! reidtrack ! reidembed ! fakesink
check 'also of those that ship' eval '[ $code = 0 ] &&
  grep -q "$shipped/reid-detect-s.onnx.*the only face detector found, $ships" "$dir/err" &&
  grep -q "$shipped/reid-embed-s.onnx.*the only face embedder found, $ships" "$dir/err"'
GST_DEBUG=reiddetect:4,reidembed:4 run run --quiet -- videotestsrc num-buffers=2 ! \
  video/x-raw,width=320,height=240 ! reiddetect model=reid-detect-s ! reidtrack ! reidembed model=reid-embed-s ! fakesink
check 'which are had by their names' eval '[ $code = 0 ] &&
  grep -q "reid-detect-s.onnx.*named \"reid-detect-s\"" "$dir/err" &&
  grep -q "reid-embed-s.onnx.*named \"reid-embed-s\"" "$dir/err"'

# what is inside of one
run layers tiny-colour
check 'layers' eval '[ $code = 0 ] && [ "$(head -1 "$dir/out" | tr -s " ")" = "tensor operator shape" ] &&
  [ "$(tail -1 "$dir/out" | tr -s " ")" = "embedding Flatten [1,48]" ]'
run layers --size 64 tiny-yunet
check 'layers at a size' eval '[ $code = 0 ] && says "[1,16,1]"'
run layers tiny-yunet
check 'layers at a size that fits' eval '[ $code = 0 ] && says "cls_8"'
run layers
check 'layers of nothing' eval '[ $code = 2 ] && grep -q "usage: gst-reid layers" "$dir/err"'
run layers "$0"
check 'layers of no network' eval '[ $code = 3 ] && grep -q "list.sh: not a whole ONNX file" "$dir/err"'
run layers nobody
check 'layers of one that is not there' eval '[ $code = 3 ] && grep -q nobody "$dir/err"'

# one that can be had
sum=$(sha256sum "$embedder" | cut -d ' ' -f 1)
printf '[tiny]\nfile=x.onnx\nurl=http://127.0.0.1:9/x.onnx\nsha256=%s\nsize=1\nrole=embedder\nlicence=MIT\n[mini]\nfile=y.onnx\nurl=http://127.0.0.1:9/y.onnx\nsha256=%064d\nsize=1\nrole=detector\nlicence=BSD-2-Clause\n' \
  "$sum" 0 >"$dir/index"
REID_MODEL_INDEX=$dir/index run models
check 'one that can be had is told by its hash' row " " tiny embedder MIT "$embedder"
check 'and not offered again, but others are' eval \
  '! grep -qE "^ +tiny +.* unknown\$" "$dir/out" && grep -qE "^ +mini +detector +1 byte +BSD-2-Clause +unknown\$" "$dir/out"'

printf '1..%d\n' $n
exit $bad
