#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything that needs an NVIDIA GPU: builds the engine alone, then compares
# operators and networks with ONNX Runtime's answers (stored in the tree), looks
# at memory, and measures. Needs meson, a C compiler, the CUDA Toolkit and cuDNN;
# exits with 77 where there is no GPU.
#
#   tests/gpu/run.sh [--build DIR] [--out DIR] [--only PART]... [--jobs N]
#                    [--peers]
#
#   --build DIR   a build that is there already; else one is made in build-gpu
#   --out DIR     logs and the table; default: gpu-results
#   --only PART   build, operators, pictures, networks, memory, bench or peers
#   --jobs N      programs at a time while plans are compiled
#   --peers       also time PyTorch (of the python3 on the path), in this run
set -u
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../.." && pwd)
build= out=gpu-results jobs=$(nproc) only=() peers=0
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --only) only+=("$2"); shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    --peers) peers=1; shift ;;
    --help | -h) sed -n '3,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "run.sh: no option \"$1\"; see --help" >&2; exit 2 ;;
  esac
done
if ! nvidia-smi -L > /dev/null 2>&1 && ! ls /dev/nvidia[0-9]* > /dev/null 2>&1; then
  echo "no NVIDIA GPU here"
  exit 77
fi
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)
wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }

if [ -z "$build" ]; then
  build=$root/build-gpu
  echo "== build"
  { [ -d "$build" ] || meson setup "$build" "$root" -Dengine-only=true -Dgst=disabled \
      -Dcudnn=enabled -Ddnnl=disabled -Dcuda-arch=native -Dbuildtype=release; } > "$out/build.log" 2>&1 &&
    ninja -C "$build" >> "$out/build.log" 2>&1 || { tail -n 30 "$out/build.log"; exit 1; }
fi
export REID_BACKEND_PATH=$build/kernels REID_PLAN_CACHE=${REID_PLAN_CACHE:-$out/plans}
nets=$out/nets
mkdir -p "$nets"
{
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  echo "commit $(git -C "$root" rev-parse --short HEAD 2> /dev/null || echo unknown), $(date -u +%F)"
} > "$out/machine" 2> /dev/null
cat "$out/machine"

net() {
  [ -f "$nets/$1.onnx" ] || "$build/tests/nn/reid-net" --half "$1" "$nets/$1.onnx" > /dev/null
}

if wanted operators; then
  echo "== operators"
  REID_CUDNN_CHOICES=1 "$build/tests/nn/test-nn-ops" cudnn > "$out/operators.tap" 2>&1
  grep -B 2 '^not ok' "$out/operators.tap" | head -n 30
  # Norms beside convolutions, however slow: the tuner tries each on this GPU
  # against our own kernel, and here a network does.
  : > "$out/norms.log"
  REID_CUDNN_AFFINE=always REID_CUDNN_CHOICES=1 REID_PLAN_CACHE=none REID_CUDNN_LOG=$out/norms.log \
    "$build/tests/nn/test-nn-ops" cudnn name=merged > "$out/norms.tap" 2>&1
  for precision in f16 f32 bf16; do
    REID_CUDNN_AFFINE=always REID_CUDNN_CHOICES=1 REID_PLAN_CACHE=none REID_CUDNN_LOG=$out/norms.log \
      timeout 240 "$build/tests/nn/test-nn-nets" ir-small cudnn "$precision" > "$out/norms-$precision.tap" 2>&1
  done
  for tap in "$out"/norms*.tap; do
    grep -q '^1\.\.' "$tap" || echo "not ok - $(basename "$tap" .tap): did not end" >> "$tap"
    grep -B 2 '^not ok' "$tap" | head -n 30
  done
  awk '/^timed apart/ { n++; taken += !/choice -1 / } / is wrong at / { print; wrong++ }
    END { printf "%sok - %d of %d norms made beside convolutions, %d engines were wrong\n", taken ? "" : "not ", taken, n, wrong }' \
    "$out/norms.log" | tee -a "$out/norms.tap"
fi

if wanted pictures; then
  echo "== pictures"
  "$build/tests/gpu/test-gpu-image" > "$out/image.tap" 2>&1
  REID_TEST_DEVICE=cudnn REID_CUDNN_CHOICES=1 "$build/tests/nn/test-nn-pictures" > "$out/pictures.tap" 2>&1
  for tap in image pictures; do
    grep -q '^1\.\.' "$out/$tap.tap" || echo "not ok - $tap: did not end" >> "$out/$tap.tap"
    grep -B 3 '^not ok' "$out/$tap.tap" | head -n 30
  done
fi

if wanted networks; then
  echo "== networks"
  "$build/tests/nn/reid-net" --list | cut -d ' ' -f 1 > "$out/names"
  while read -r name; do
    echo "$name f16"
    case $name in # the others would take minutes to compile
      *-small | *-small-* | mobilefacenet-prelu | gait-frames | blazeface) echo "$name f32"; echo "$name bf16" ;;
    esac
  done < "$out/names" | REID_CUDNN_CHOICES=1 xargs -P "$jobs" -L 1 sh -c \
    'timeout 240 "$0"/tests/nn/test-nn-nets "$2" cudnn "$3" > "$1"/net-"$2"-"$3".tap 2>&1' "$build" "$out"
  for tap in "$out"/net-*.tap; do
    grep -q '^1\.\.' "$tap" || echo "not ok - $(basename "$tap" .tap) did not end" >> "$tap"
    # network, precision, what the outputs are off by
    awk -v name="$(basename "$tap" .tap)" '
      /1 - cosine/ && !/second/ { if ($NF + 0 > worst) worst = $NF + 0; seen = 1 }
      /^not ok/ { bad = 1 }
      END { printf "%-32s %s  1 - cosine %.2g\n", name, bad ? "FAILED" : "agrees", worst }' "$tap"
  done | tee "$out/networks.txt"
  grep -h -B 3 '^not ok' "$out"/net-*.tap | head -n 40
fi

if wanted memory; then
  echo "== memory"
  net mobilefacenet-prelu
  net ir50
  REID_CUDNN_CHOICES=1 timeout 200 "$build/tests/gpu/test-gpu-memory" "$nets/mobilefacenet-prelu.onnx" "$nets/ir50.onnx" \
    > "$out/memory.tap" 2>&1
  cat "$out/memory.tap"
  grep -q '^1\.\.' "$out/memory.tap" || echo "not ok - memory: did not end" >> "$out/memory.tap"
fi

if wanted bench; then
  echo "== bench"
  net ir50
  net mobilefacenet-prelu
  "$build/tests/bench/bench-gpu" --precision f16 --batches "${BATCHES:-1,64,256}" --seconds "${SECONDS_EACH:-1}" \
    "$nets/ir50.onnx" "$nets/mobilefacenet-prelu.onnx" "$root"/kernels/models/reid-embed-s.onnx \
    "$root"/kernels/models/reid-detect-s.onnx 2>&1 | tee "$out/bench.txt"
  echo "every norm a step of its own:" | tee -a "$out/bench.txt"
  REID_CUDNN_AFFINE=never "$build/tests/bench/bench-gpu" --precision f16 --batches "${BATCHES:-1,64,256}" \
    --seconds "${SECONDS_EACH:-1}" "$nets/ir50.onnx" 2>&1 | tee -a "$out/bench.txt"
fi

if [ $peers = 1 ] && wanted peers; then
  echo "== peers"
  python3 "$here/peers_torch.py" 2>&1 | tee "$out/peers.txt"
fi

passed=$(cat "$out"/*.tap 2> /dev/null | grep -c '^ok ')
failed=$(cat "$out"/*.tap 2> /dev/null | grep -c '^not ok')
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
