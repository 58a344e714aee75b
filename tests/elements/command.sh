#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command gst-reid: what it prints, and how it ends. TAP on stdout.
#
#   command.sh GST-REID MAKENETS NVIDIA FAKE-GPU
. "$(dirname "$0")/command-lib.sh"
nvidia=$3 fake=$4

# ---- usage
run
check 'without arguments it tells how, and fails' eval '[ $code = 2 ] && says Usage:'
run help
check 'help' eval '[ $code = 0 ] && says Usage: && says "Exit codes"'
run --version
check 'version' eval '[ $code = 0 ] && grep -qE "^gst-reid [0-9]" "$dir/out"'
run dance
check 'an unknown command' ends 2 dance
run run
check 'run without a pipeline' ends 2 'no pipeline'
run run --frobnicate -- fakesrc ! fakesink
check 'an unknown option' ends 2 frobnicate
for n_seconds in -4 0; do
  run run --seconds $n_seconds -- fakesrc num-buffers=1 ! fakesink
  check "$n_seconds seconds" ends 2 "not $n_seconds"
done
run run -- fakesrc ! nosuchelement ! fakesink
check 'an unknown element' ends 2 nosuchelement
run run -- reidcluster nosuchproperty=1
check 'an unknown property' ends 2 nosuchproperty
run cluster
check 'cluster without a folder' ends 2 usage
run cluster --threshold 7 "$dir"
check 'a threshold out of range' ends 2 threshold
run cluster --method magic "$dir"
check 'an unknown method' ends 2 chinese-whispers
run cluster --seed -1 "$dir"
check 'a seed that is none' ends 2 '"-1"'
run info
check 'info without a folder' ends 2 usage
run models x
check 'models with an argument' ends 2 usage
for c in run cluster info; do
  run $c --help
  check "$c --help" eval '[ $code = 0 ] && says Usage: && says "gst-reid $c "'
done

# ---- a GPU without its module, or with a driver that is too old
mkdir "$dir/modules"
echo 'no library' >"$dir/modules/libreidnn-cudnn.so"
# gpu MODULES DEVICE: a run where a driver is, with those modules before others
gpu() {
  LD_PRELOAD=$nvidia ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 \
    REID_BACKEND_PATH=$1${REID_BACKEND_PATH:+:$REID_BACKEND_PATH} \
    run run -- videotestsrc num-buffers=2 ! "$frames" ! "${reiddetect[@]}" device="$2" \
    ! reidtrack ! "${reidembed[@]}" device="$2" ! fakesink
}
gpu "$dir/modules" auto
check 'a module that does not load is told once, and what to install' eval \
  '[ $code = 0 ] && [ "$(grep -c "warning: there is an NVIDIA GPU, but .*/libreidnn-cudnn.so: .*install cuDNN 9" "$dir/err")" = 1 ]'
gpu "$dir/modules" cpu
check 'to nobody who wants the CPU' eval '[ $code = 0 ] && [ ! -s "$dir/err" ]'
gpu "$dir/modules" cuda
check 'and who wants no other is told, too' ends 1 'install cuDNN 9'
REID_FAKE_GPU=driver gpu "$fake" auto
check 'a driver that is too old is told once' eval \
  '[ $code = 0 ] && [ "$(grep -c "warning: there is an NVIDIA GPU, but its driver is too old" "$dir/err")" = 1 ]'
gpu "$fake" auto
check 'a GPU that answers is not talked about' eval '[ $code = 0 ] && [ ! -s "$dir/err" ]'

# ---- input that is no video
chain "$dir/x" filesrc location="$dir/missing.mp4" ! decodebin
run run -- "${pipeline[@]}"
check 'a missing file' ends 3 missing.mp4
chain "$dir/x" rtspsrc location=rtsp://127.0.0.1:1/x protocols=tcp ! decodebin
# a desktop's proxy settings are not there to be asked
GIO_USE_PROXY_RESOLVER=dummy run run -- "${pipeline[@]}"
check 'a camera that does not answer' ends 3 'rtsp://127.0.0.1:1/x cannot be reached'
echo 'this is a letter, not a video' >"$dir/letter.mp4"
chain "$dir/x" filesrc location="$dir/letter.mp4" ! decodebin
run run -- "${pipeline[@]}"
check 'a file that is no video' ends 4 letter.mp4
: >"$dir/empty.mp4"
chain "$dir/x" filesrc location="$dir/empty.mp4" ! decodebin
run run -- "${pipeline[@]}"
check 'an empty file' ends 4 empty.mp4
run run -q -- audiotestsrc num-buffers=20 ! wavenc ! filesink location="$dir/sound.wav"
check 'a pipeline of other elements' eval '[ $code = 0 ]'
chain "$dir/x" filesrc location="$dir/sound.wav" ! decodebin
run run -- "${pipeline[@]}"
check 'sound only' ends 4 sound.wav
check 'none of them leaves a folder' eval '[ ! -e "$dir/x" ]'
run run -- videotestsrc num-buffers=2 ! "$frames" ! reiddetect model=nobody ! fakesink
check 'a model that is not there' ends 3 '"nobody"'

# ---- output that cannot be written
mkdir "$dir/diary" && echo dear >"$dir/diary/diary.txt"
chain "$dir/diary" videotestsrc num-buffers=5 ! "$frames"
run run -- "${pipeline[@]}"
check 'a folder that holds something else' ends 5 diary.txt
chain "$dir/letter.mp4/below" videotestsrc num-buffers=5 ! "$frames"
run run -- "${pipeline[@]}"
check 'a folder that cannot be made' ends 5 letter.mp4
run run -- videotestsrc num-buffers=5 ! filesink location="$dir/nowhere/x"
check 'a recording that cannot be written' eval 'ends 5 nowhere/x && ! says "the input"'

# ---- a run
chain "$dir/ball" videotestsrc num-buffers=60 pattern=ball ! "$frames"
run run -- "${pipeline[@]}"
check 'a run' eval '[ $code = 0 ] && says person && [ -f "$dir/ball/identities.txt" ]'
check 'it finds one' eval '[ "$(grep -cE "^ +1 " "$dir/out")" = 1 ]'
check 'and says nothing of partial results' eval '! says partial'
chain "$dir/nobody" videotestsrc num-buffers=10 pattern=black ! "$frames"
run run -- "${pipeline[@]}"
check 'nobody is no failure' eval '[ $code = 0 ] && says "Nobody was found."'
chain "$dir/quiet" videotestsrc num-buffers=60 pattern=ball ! "$frames"
run run --quiet -- "${pipeline[@]}"
check 'quiet has no progress' eval '[ $code = 0 ] && [ ! -s "$dir/err" ]'
chain "$dir/short" videotestsrc is-live=true pattern=ball ! "$frames"
run run --seconds 1 -- "${pipeline[@]}"
check 'seconds end a live stream' eval '[ $code = 0 ] && says person && ! says partial'

# ---- a run that fails at its start leaves the results of the one before it
before=$(contents "$dir/ball")
reidembed=(reidembed model=nosuch)
chain "$dir/ball" videotestsrc num-buffers=5 ! "$frames"
reidembed=(reidembed model=tiny-colour threads=1)
run run -- "${pipeline[@]}"
check 'no such embedder' ends 3 nosuch
check 'and the earlier results stay' eval '[ "$(contents "$dir/ball")" = "$before" ]'
for input in letter.mp4 sound.wav missing.mp4; do
  chain "$dir/ball" filesrc location="$dir/$input" ! decodebin
  run run -- "${pipeline[@]}"
  check "after $input, too" eval '[ $code != 0 ] && [ "$(contents "$dir/ball")" = "$before" ]'
done
mkdir "$dir/mine"
chain "$dir/mine" filesrc location="$dir/letter.mp4" ! decodebin
run run -- "${pipeline[@]}"
check 'an empty folder stays' eval '[ -d "$dir/mine" ] && [ -z "$(ls -A "$dir/mine")" ]'

# ---- what needs no video
run info "$dir/ball"
check 'info' eval '[ $code = 0 ] && says "60 frames" && says "1 people" && says tiny-colour'
run info "$dir/ball"
before=$(cat "$dir/out"; contents "$dir/ball" | grep -v episode.h5)
run cluster "$dir/ball"
check 'clustering with nothing given' eval '[ $code = 0 ] && says "1 people"'
run info "$dir/ball"
check 'changes nothing' eval \
  '[ "$(cat "$dir/out"; contents "$dir/ball" | grep -v episode.h5)" = "$before" ]'
run cluster "$dir/ball/episode.h5"
check 'nor does it with the archive named' eval \
  '[ $code = 0 ] && [ "$(contents "$dir/ball" | grep -v episode.h5)" = "$(tail -n +2 <<<"$before" | grep "\./")" ]'
cp "$dir/ball/episode.h5" "$dir/other.h5"
run cluster "$dir/other.h5"
check 'an archive of another name' eval 'ends 2 other.h5 && [ ! -e "$dir/tracks.txt" ]'
rm "$dir/other.h5"

# nothing changes where not everything can be written
before=$(contents "$dir/ball")
touch "$dir/ball/faces/note"
run cluster --threshold 0.9 "$dir/ball"
rm "$dir/ball/faces/note"
check 'something else among the pictures' eval \
  'ends 5 note && [ "$(contents "$dir/ball")" = "$before" ]'
code=0
(trap '' XFSZ; ulimit -f 1; exec "$reid" cluster --threshold 0.9 "$dir/ball") \
  >"$dir/out" 2>"$dir/err" || code=$?
check 'a full disk' eval 'ends 5 "$dir/ball/" && [ "$(contents "$dir/ball")" = "$before" ] && ! says .tmp'
run cluster --threshold -1 --cannot-link off "$dir/ball"
check 'cluster with another threshold' eval '[ $code = 0 ] && says "1 people"'
run info "$dir/ball"
check 'which is kept' eval 'says "reidcluster.threshold-used = -1" && says "reidcluster.cannot-link = off"'
run cluster --method chinese-whispers --seed 5 "$dir/ball"
check 'chinese whispers' eval '[ $code = 0 ] && says people'
run info "$dir/ball"
before=$(cat "$dir/out")
run cluster "$dir/ball"
run info "$dir/ball"
check 'which is what nothing given means from then on' eval \
  '[ "$(cat "$dir/out")" = "$before" ] && says "reidcluster.seed = 5" && says chinese-whispers &&
   says "cannot-link = off" && says "threshold-used = -1"'
run cluster "$dir/missing"
check 'a missing archive' ends 3 missing
run info "$dir/letter.mp4"
check 'a file that is no archive' ends 3 letter.mp4
run info "$dir/diary"
check 'a folder without one' ends 3 diary
run models
check 'models' eval '[ $code = 0 ] && says "Searched in" && says "$dir/models"'
printf '[model]\nrole=embedder\nname=by-hand\nlicence=MIT\n' >"$dir/models/tiny-colour.modelinfo"
run models
check 'models lists what a .modelinfo describes' eval 'grep -qE "^\* +by-hand +embedder .* MIT " "$dir/out"'
rm "$dir/models/tiny-colour.modelinfo"

# ---- interrupts
# launch ARGUMENT...: in the background; $pid
launch() {
  : >"$dir/out"
  : >"$dir/err"
  # a background job of a script ignores SIGINT; python gives it back
  python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$reid" "$@" >"$dir/out" 2>"$dir/err" </dev/null &
  pid=$!
}
# start ARGUMENT...: and wait until it has got going
start() {
  launch "$@"
  local i
  for ((i = 0; i < 300; i++)); do
    grep -q realtime "$dir/err" && return
    kill -0 $pid 2>/dev/null || return
    sleep 0.1
  done
}
finish() {
  wait $pid
  code=$?
}

chain "$dir/live" videotestsrc is-live=true pattern=ball ! "$frames"
start run -- "${pipeline[@]}"
kill -INT $pid
finish
check 'an interrupt ends the stream' eval '[ $code = 130 ] && says "keeping what was processed"'
check 'keeps what was found' eval 'says person && [ -f "$dir/live/identities.txt" ]'
check 'and calls it partial' eval 'says "results are partial" && grep -q "\"partial\": true" "$dir/live/run.json"'
run info "$dir/live"
check 'in the archive too' eval '[ $code = 0 ] && says ", partial"'

# one that comes while the input is still being looked at
mkfifo "$dir/pipe"
exec 3<>"$dir/pipe"
chain "$dir/early" fdsrc fd=3 ! decodebin
launch run -- "${pipeline[@]}"
for ((i = 0; i < 300; i++)); do # until it catches SIGINT itself
  [ "$(cat /proc/$pid/comm)" = "${reid##*/}" ] &&
    grep -q '^SigCgt:.*[2367abef]$' /proc/$pid/status && break
  sleep 0.1
done
kill -INT $pid
finish
exec 3>&-
check 'an interrupt before the first picture is no failure of the input' eval \
  '[ $code = 130 ] && says "nothing had been processed" && ! says error && [ ! -e "$dir/early/episode.h5" ]'

chain "$dir/killed" videotestsrc is-live=true pattern=ball ! "$frames"
start run -- "${pipeline[@]}"
# what the last flush wrote: one every few seconds
for ((i = 0; i < 100; i++)); do
  run info "$dir/killed"
  grep -q '^[1-9][0-9]* frames' "$dir/out" && break
  sleep 0.2
done
kill -KILL $pid
finish 2>/dev/null
run cluster "$dir/killed"
check 'a killed run can still be clustered' eval \
  '[ $code = 0 ] && [ -f "$dir/killed/identities.txt" ] && [ ! -e "$dir/killed/episode.h5" ]'

# a sink that EOS never reaches: the pipeline does not end by itself
chain "$dir/stuck" videotestsrc is-live=true pattern=ball ! "$frames"
start run -- "${pipeline[@]}" fakesink async=false
kill -INT $pid
sleep 1
check 'one interrupt waits for the end' kill -0 $pid
kill -INT $pid
finish
check 'a second one stops at once' eval '[ $code = 130 ] && says "stopping at once"'
check 'what was found is kept all the same' eval '[ -f "$dir/stuck/episode.h5" ] && says partial'

# what goes wrong on the way down is told all the same; EOS comes too late here
chain "$dir/fails" videotestsrc is-live=true pattern=ball ! "$frames" \
  ! queue ! identity sleep-time=700000
start run -- "${pipeline[@]}"
mkdir -p "$dir/fails/faces" && touch "$dir/fails/faces/note"
kill -INT $pid
sleep 0.1
kill -INT $pid
finish
check 'a second interrupt that cannot keep anything' ends 5 faces

finish_tests
