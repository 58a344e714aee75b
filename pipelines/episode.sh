#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A video in, its people out.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage() {
  cat <<TEXT
Usage: ${0##*/} [OPTIONS] VIDEO

Finds who is on screen in VIDEO, and when: installs what is missing, builds,
and runs the pipeline that it prints.

  --out DIR           folder for the results (default: the video's name with
                      .reid, in the folder you are in)
  --detector MODEL    face detector: a file or a name (default: the best found)
  --embedder MODEL    face embedder, likewise
  --threshold T       cosine from which two tracks are one person (default: the
                      embedder's own)
  --interval N        detect on every N-th frame (default: 1)
  --no-install        install nothing; say what is missing
  --help              this text

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 no such input, 4 no video in
it, 5 the results cannot be written, 130 interrupted (what was processed is
kept).
TEXT
}

out= video= detector= embedder= threshold= interval= reid_no_install=0
need() { [ $# -ge 2 ] || reid_die 2 "$1 needs a value; see --help"; }
while [ $# -gt 0 ]; do
  case $1 in
    --out) need "$@"; out=$2; shift ;;
    --detector) need "$@"; detector=$2; shift ;;
    --embedder) need "$@"; embedder=$2; shift ;;
    --threshold) need "$@"; threshold=$2; shift ;;
    --interval) need "$@"; interval=$2; shift ;;
    --no-install) reid_no_install=1 ;;
    --help | -h) usage; exit 0 ;;
    --) shift; [ $# -eq 0 ] || { video=$1; shift; }; break ;;
    -*) reid_die 2 "no option \"$1\"; see --help" ;;
    *) [ -z "$video" ] || reid_die 2 "more than one video: \"$video\" and \"$1\""
       video=$1 ;;
  esac
  shift
done
[ $# -eq 0 ] || reid_die 2 "more than one video: \"$video\" and \"$1\""
[ -n "$video" ] || { usage >&2; exit 2; }
[ -e "$video" ] || reid_die 3 "there is no file $video"
[ -f "$video" ] || reid_die 3 "$video is not a file"
[ -r "$video" ] || reid_die 3 "$video cannot be read: permission denied"
if [ -z "$out" ]; then
  name=${video##*/}
  out=${name%.*}.reid
fi

reid_install "${reid_packages[@]}"
reid_make
reid_environment

detect=(reiddetect) embed=(reidembed) cluster=(reidcluster "location=$(reid_quote "$out")")
[ -z "$detector" ] || detect+=("model=$(reid_quote "$detector")")
[ -z "$interval" ] || detect+=("inference-interval=$interval")
[ -z "$embedder" ] || embed+=("model=$(reid_quote "$embedder")")
[ -z "$threshold" ] || cluster+=("threshold=$threshold")

# The picture is turned as the rotation tag of the file says.
reid_run filesrc "location=$(reid_quote "$video")" \
  ! decodebin \
  ! videoflip video-direction=auto \
  ! "${detect[@]}" ! reidtrack ! "${embed[@]}" ! "${cluster[@]}" \
  ! fakesink sync=false
code=$?
if [ -f "$out/episode.json" ] && { [ $code = 0 ] || [ $code = 130 ]; }; then
  printf '\nIn %s: episode.json (people, tracks, times), faces/ (their pictures),\n' "$out"
  printf 'presence.csv, shots.csv, tracks.txt and identities.txt (MOTChallenge),\n'
  printf 'episode.h5 (everything; gst-reid cluster works on it), run.json\n'
fi
exit $code
