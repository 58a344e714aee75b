#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Without a GPU: does cuDNN have a plan for every convolution of our networks, with
# all that is fused to it, on GPUs of five generations? They are described in
# devices/. One network is also compiled to the end. TAP.
#
#   tests/gpu/plans.sh BUILD
set -u
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d /tmp/reid-plans-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
ln -s "$build/tests/gpu/nodriver.so" "$work/libcuda.so.1"
export LD_LIBRARY_PATH=$work${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} REID_BACKEND_PATH=$build/kernels REID_PLAN_CACHE=none
n=0 failed=0

# plan DEVICE PRECISION BATCH COMPILE MODEL
plan() {
  local device=$1 precision=$2 batch=$3 compile=$4 model=$5 name
  name="$(basename "$model" .onnx) in $precision for $device"
  n=$((n + 1))
  rm -f "$work/log"
  if ! REID_CUDNN_HOST=$here/devices/$device.json REID_CUDNN_LOG=$work/log REID_CUDNN_COMPILE=$compile \
    "$build/tests/bench/bench-gpu" --plan --precision "$precision" --batches "$batch" --size 64 "$model" > "$work/out" 2>&1; then
    sed 's/^/# /' "$work/out"
    echo "not ok $n - $name"
    failed=1
    return
  fi
  # choices N compiled N of N, the same|another for the batch: ...
  if awk -v want="$compile" -v model="$model" '
      $2 == 0 || $4 < want || /, another for the batch/ { print "# " $0; bad = 1 }
      / affine 1$/ { beside++ }
      / affine 2$/ { alone++ }
      END { print "# " NR " fused graphs, of which " beside + 0 " have a norm beside and " alone + 0 " one at the end"
        exit bad || NR == 0 || (model ~ /ir-small/ && !(beside && alone)) }' "$work/log"; then
    echo "ok $n - $name"
  else
    echo "not ok $n - $name"
    failed=1
  fi
}

models=()
for name in ir-small mobilefacenet-prelu mobilefacenet-relu6 resnet-small efficientnet-small sface-small \
  facenet-small osnet-x0.25 vit-small gait-small blazeface retinaface-mobilenet0.25 scrfd-500m; do
  "$build/tests/nn/reid-net" "$name" "$work/$name.onnx" > /dev/null || exit 1
  models+=("$work/$name.onnx")
done
for model in "${models[@]}" "$root"/kernels/models/*.onnx; do
  plan sm_90 f16 2 0 "$model"
done
for device in sm_75 sm_80 sm_89 sm_120; do
  for model in "$work"/ir-small.onnx "$root"/kernels/models/*.onnx; do
    plan "$device" f16 2 0 "$model"
  done
done
plan sm_80 bf16 2 0 "$work/ir-small.onnx"
plan sm_90 f32 2 0 "$work/ir-small.onnx"
for device in sm_80 sm_90; do
  plan "$device" f16 1 1 "$work/ir-small.onnx"
done
echo "1..$n"
exit $failed
