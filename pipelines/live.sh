#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A camera in, who came and who went out.
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/setup.sh" || exit 1

usage() {
  cat <<TEXT
Usage: ${0##*/} [OPTIONS] SOURCE

Names people while a live stream runs, and prints who came and who went.
SOURCE is a camera (/dev/video0), a stream (rtsp://...), a file, which is
played in real time, or "test", a live test picture without people.

  --show              show the video in a window
  --record FILE.mkv   record the video
  --out DIR           keep an archive and its outputs in DIR
  --detector MODEL    face detector: a file or a name (default: the best found)
  --embedder MODEL    face embedder, likewise; several, with commas between
                      them, make one vector
  --weights W,W...    what each of several embedders counts (default: the same)
  --layers LAYERS     inner tensors in place of the embedder's output; see
                      docs/reidembed.md
  --seconds N         stop after N seconds (a file stops at its end)
  --no-install        install nothing; say what is missing
  --help              this text

Ctrl-C stops; what was recorded and archived is kept. Exit codes: 0 the stream
or the time came to its end, 1 failed, 2 wrong arguments, 3 no such source, 4 no
video in it, 5 the results cannot be written, 130 stopped by Ctrl-C.
TEXT
}

source='' show=0 record='' out='' detector='' embedder='' weights='' layers='' seconds='' reid_no_install=0
while [ $# -gt 0 ]; do
  case $1 in
    --record=* | --out=* | --detector=* | --embedder=* | --weights=* | --layers=* | --seconds=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue ;;
    --show) show=1 ;;
    --record) reid_value "$@"; record=$2; shift ;;
    --out) reid_value "$@"; out=$2; shift ;;
    --detector) reid_value "$@"; detector=$2; shift ;;
    --embedder) reid_value "$@"; embedder=$2; shift ;;
    --weights) reid_value "$@"; weights=$2; shift ;;
    --layers) reid_value "$@"; layers=$2; shift ;;
    --seconds) reid_value "$@"; seconds=$2; shift
               reid_check_number --seconds "$seconds" 1 100000000 ;;
    --no-install) reid_no_install=1 ;;
    --help | -h) usage; exit 0 ;;
    --) shift; break ;;
    -*) reid_die 2 "no option \"$1\"; see --help" ;;
    *) [ -z "$source" ] || reid_die 2 "more than one source: \"$source\" and \"$1\""
       source=$1 ;;
  esac
  shift
done
for word in "$@"; do # after --
  [ -z "$source" ] || reid_die 2 "more than one source: \"$source\" and \"$word\""
  source=$word
done
[ -n "$source" ] || reid_die 2 "no source was named: ${0##*/} [OPTIONS] SOURCE; see --help"

packages=("${reid_packages[@]}")
case $source in
  test)
    input=(videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=25/1) ;;
  rtsp://* | rtsps://*)
    # its first stream may be the sound
    input=(rtspsrc "location=$(reid_quote "$source")" latency=200
      ! application/x-rtp,media=video ! decodebin) ;;
  /dev/video*)
    [ -e "$source" ] || reid_die 3 "there is no camera $source"
    input=(v4l2src "device=$(reid_quote "$source")" ! decodebin) ;;
  *)
    [ -e "$source" ] || reid_die 3 "there is no file $source"
    [ ! -d "$source" ] || reid_die 3 "$source is a folder; name a video in it"
    [ -r "$source" ] || reid_die 3 "$source cannot be read: permission denied"
    input=(filesrc "location=$(reid_quote "$source")" ! decodebin
      ! videoflip video-direction=auto ! clocksync) ;;
esac
output=(fakesink sync=false)
if [ -n "$record" ]; then
  packages+=(gstreamer1.0-plugins-ugly)
  output=(videoconvert ! x264enc tune=zerolatency speed-preset=veryfast
    ! h264parse ! matroskamux ! filesink "location=$(reid_quote "$record")")
  [ $show = 0 ] ||
    output=(tee name=t t. ! queue ! videoconvert ! autovideosink t. ! queue ! "${output[@]}")
elif [ $show = 1 ]; then
  output=(videoconvert ! autovideosink)
fi

reid_install "${packages[@]}"
reid_runtime=1 reid_make
reid_environment

detect=(reiddetect) embed=(reidembed max-latency=100000000) cluster=(reidcluster mode=online)
[ -z "$detector" ] || detect+=("model=$(reid_quote "$detector")")
[ -z "$embedder" ] || embed+=("model=$(reid_quote "$embedder")")
[ -z "$weights" ] || embed+=("weights=$(reid_quote "$weights")")
[ -z "$layers" ] || embed+=("layers=$(reid_quote "$layers")")
[ -z "$out" ] || cluster+=("location=$(reid_quote "$out")")

# A machine that cannot keep up drops whole frames here, before anything was
# found on them; behind reiddetect nothing may be dropped.
line=("${input[@]}" ! queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0
  ! "${detect[@]}" ! reidtrack ! "${embed[@]}" ! "${cluster[@]}" ! "${output[@]}")
[ -z "$seconds" ] || reid_run_options=(--seconds "$seconds")
reid_run "${line[@]}"
code=$?
[ -z "$out" ] || [ ! -f "$out/episode.json" ] || printf '\nThe results are in %s/\n' "$out"
exit $code
