#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A video in, its people out.
set -u
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/setup.sh" || exit 1

usage() {
  cat <<TEXT
Usage: ${0##*/} [OPTIONS] [VIDEO]

Finds who is on screen in VIDEO, and when: installs what is missing, builds,
and runs the pipeline that it prints. Without VIDEO a synthetic episode is
drawn, of four people in six shots, as a demonstration.

  --out DIR           folder for the results (default: the video's name, or
                      demonstration, with .reid, in the folder you are in,
                      unless that holds another video's results)
  --detector MODEL    face detector: a file or a name (default: the best found)
  --embedder MODEL    face embedder, likewise; several, with commas between
                      them, make one vector
  --weights W,W...    what each of several embedders counts (default: the same)
  --layers LAYERS     inner tensors in place of the embedder's output; see
                      docs/reidembed.md
  --threshold T       cosine similarity, -0.9999 to 1, from which two tracks are
                      one person; higher makes more people (default: the
                      embedder's own)
  --interval N        detect on every N-th frame (default: 1)
  --no-install        install nothing; say what is missing
  --help              this text

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 no such input, 4 no video in
it, 5 the results cannot be written, 130 interrupted (what was processed is
kept).
TEXT
}

# take_video WORD: an empty one is a name that the caller forgot to fill in, and
# no wish for a demonstration.
take_video() {
  [ -n "$1" ] || reid_die 2 "no video was named: ${0##*/} [OPTIONS] [VIDEO]; see --help"
  [ -z "$video" ] || reid_die 2 "more than one video: \"$video\" and \"$1\""
  video=$1
}

out='' video='' detector='' embedder='' weights='' layers='' threshold='' interval='' reid_no_install=0
while [ $# -gt 0 ]; do
  case $1 in
    --out=* | --detector=* | --embedder=* | --weights=* | --layers=* | --threshold=* | --interval=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue ;;
    --out) reid_value "$@"; out=$2; shift ;;
    --detector) reid_value "$@"; detector=$2; shift ;;
    --embedder) reid_value "$@"; embedder=$2; shift ;;
    --weights) reid_value "$@"; weights=$2; shift ;;
    --layers) reid_value "$@"; layers=$2; shift ;;
    --threshold) reid_value "$@"; threshold=$2; shift
                 # -1 is the embedder's own
                 reid_check_number --threshold "$threshold" -0.9999 1.0 ;;
    --interval) reid_value "$@"; interval=$2; shift
                reid_check_number --interval "$interval" 1 1000000 ;;
    --no-install) reid_no_install=1 ;;
    --help | -h) usage; exit 0 ;;
    --) shift; break ;;
    -*) hint=
        [ ! -e "$1" ] || hint=" (for the file of that name, say ./$1)"
        reid_die 2 "no option \"$1\"; see --help$hint" ;;
    *) take_video "$1" ;;
  esac
  shift
done
for word in "$@"; do # after --
  take_video "$word"
done
if [ -n "$video" ]; then
  [ -e "$video" ] || reid_die 3 "there is no file $video"
  [ ! -d "$video" ] || reid_die 3 "$video is a folder; name a video in it"
  [ -f "$video" ] || reid_die 3 "$video is not an ordinary file"
  [ -r "$video" ] || reid_die 3 "$video cannot be read: permission denied"
  # The picture is turned as the rotation tag of the file says.
  source=(filesrc "location=$(reid_quote "$video")" ! decodebin
          ! videoflip video-direction=auto)
else
  source=(reidtestsrc people=4 shots=6)
fi
if [ -z "$out" ]; then
  name=${video##*/}
  name=${name:-demonstration}
  stem=${name%.*}
  out=${stem:-$name}.reid
  # another video may have the same stem
  reid_run_options=(--same-input)
fi

reid_install "${reid_packages[@]}"
reid_runtime=1 reid_make
reid_environment

# as many frames at a time as the device wants: one on a CPU
detect=(reiddetect batch-size=0) embed=(reidembed) cluster=(reidcluster "location=$(reid_quote "$out")")
[ -z "$detector" ] || detect+=("model=$(reid_quote "$detector")")
[ -z "$interval" ] || detect+=("inference-interval=$interval")
[ -z "$embedder" ] || embed+=("model=$(reid_quote "$embedder")")
[ -z "$weights" ] || embed+=("weights=$(reid_quote "$weights")")
[ -z "$layers" ] || embed+=("layers=$(reid_quote "$layers")")
[ -z "$threshold" ] || cluster+=("threshold=$threshold")

reid_run "${source[@]}" \
  ! "${detect[@]}" ! reidtrack ! "${embed[@]}" ! "${cluster[@]}" \
  ! fakesink sync=false
code=$?
if [ -f "$out/episode.json" ] && { [ $code = 0 ] || [ $code = 130 ]; }; then
  cat <<TEXT

The results are in $out/
  episode.json                 people, their tracks, times and best pictures
  faces/                       those pictures, a folder for each person
  presence.csv, shots.csv      who is in which shot; where shots begin and end
  identities.txt, tracks.txt   a box for each face in each frame (MOTChallenge)
  episode.h5                   everything, as HDF5
  run.json                     versions, settings and times of this run
Other people by another threshold, without the video:
  $(reid_shell_word "$reid_build/pipelines/gst-reid") cluster $(reid_shell_word "$out") --threshold 0.5
TEXT
fi
exit $code
