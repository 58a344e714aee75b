#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Comparisons with others, each in one run on this machine: networks against ONNX
# Runtime (and, with --torch, IR-50 against PyTorch), and a clip against a Python
# script that seeks every frame and runs networks one picture at a time. The
# others come from PyPI, into a virtual environment beside the build.
#
#   tests/bench/run.sh [--torch] [--rounds N] [--threads N,N,...] [--batches N,N,...]
#                      [--frames N] [--clip FILE] [--network FILE[@WIDTHxHEIGHT]]...
#
#   --rounds N   how often each pair is measured, in turn (5); medians count
#   --threads N,N,...  for the networks, one after the other (2)
#   --batches N,N,...  pictures at once, of which the best counts (1,4,8,16)
#   --frames N   frames of the clip that the script works on (150)
#   --clip FILE  instead of a drawn episode of 1280x720
#   --network FILE[@WIDTHxHEIGHT]  one more for the comparison with ONNX Runtime,
#                which has the networks that ship, two with weights of chance,
#                and those of ../shared unless REID_NO_SHARED is set
set -u
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
. "$here/../../pipelines/setup.sh" || exit 1

torch= rounds=5 threads=2 batches=1,4,8,16 frames=150 clip= networks=()
while [ $# -gt 0 ]; do
  case $1 in
    --torch) torch=torch; shift ;;
    --rounds) reid_value "$@"; rounds=$2; shift 2 ;;
    --threads) reid_value "$@"; threads=$2; shift 2 ;;
    --batches) reid_value "$@"; batches=$2; shift 2 ;;
    --frames) reid_value "$@"; frames=$2; shift 2 ;;
    --clip)
      reid_value "$@"
      [ -f "$2" ] || reid_die 2 "--clip: no file \"$2\""
      clip=$2; shift 2 ;;
    --network)
      reid_value "$@"
      [ -f "${2%@*}" ] || reid_die 2 "--network: no file \"${2%@*}\""
      [[ $2 != *@* || ${2##*@} =~ ^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$ ]] ||
        reid_die 2 "--network takes FILE or FILE@WIDTHxHEIGHT, not \"$2\""
      networks+=("$2"); shift 2 ;;
    --help | -h) sed -n '3,19s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) reid_die 2 "no option \"$1\"; see --help" ;;
  esac
done
reid_check_number --rounds "$rounds" 1 99
for option in threads batches; do
  [[ ${!option} =~ ^[1-9][0-9]{0,2}(,[1-9][0-9]{0,2})*$ ]] ||
    reid_die 2 "--$option takes whole numbers from 1 to 999 with commas between them, not \"${!option}\""
done
reid_check_number --frames "$frames" 10 100000
reid_install "${reid_packages[@]}" python3 python3-venv gstreamer1.0-plugins-ugly
reid_make
reid_environment

venv=$reid_build/bench-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || reid_die 1 "no virtual environment in $venv"
"$venv/bin/pip" install -q onnxruntime onnx numpy opencv-python-headless $torch ||
  reid_die 1 "pip could not install onnxruntime, onnx, numpy, opencv-python-headless $torch"

for name in ir50 mobilefacenet-prelu; do
  [ -f "$reid_build/$name.onnx" ] || "$reid_build/tests/nn/reid-net" "$name" "$reid_build/$name.onnx" || exit 1
done
if [ -z "${REID_NO_SHARED:-}" ]; then
  for name in yunet/yunet_n_dynamic.onnx@640x384 mobilefacenet/MobileFaceNet.onnx \
    ultralight/version-RFB-320.onnx ultralight/version-slim-320.onnx blazeface/blazeface.onnx; do
    name=$reid_root/../shared/models/$name
    [ ! -f "${name%@*}" ] || networks+=("$name")
  done
fi
"$venv/bin/python" "$here/peers.py" --rounds "$rounds" --threads "$threads" --batches "$batches" ${torch:+--torch} \
  --gst-reid "$reid_build/pipelines/gst-reid" \
  "$reid_build/ir50.onnx" "$reid_build/mobilefacenet-prelu.onnx" "$reid_root"/kernels/models/*.onnx \
  ${networks[@]+"${networks[@]}"} || exit 1

if [ -z "$clip" ]; then
  clip=$reid_build/bench-drawn-$frames.mp4
  [ -f "$clip" ] || gst-launch-1.0 -q reidtestsrc people=4 shots=6 seed=11 num-buffers="$frames" \
    ! video/x-raw,width=1280,height=720,framerate=25/1 ! x264enc key-int-max=250 ! h264parse ! mp4mux \
    ! filesink location="$clip.part" && mv -f "$clip.part" "$clip" 2> /dev/null
  [ -f "$clip" ] || reid_die 1 "the clip could not be drawn"
fi
"$venv/bin/python" "$here/classic.py" --frames "$frames" --rounds "$rounds" --build "$reid_build" "$clip"
