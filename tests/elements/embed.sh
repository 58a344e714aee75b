#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The command gst-reid embed: vectors of other networks beside those of the
# run, and which of them count. TAP on stdout.
#
#   embed.sh GST-REID MAKENETS VECTORS FAKES
. "$(dirname "$0")/command-lib.sh"
vectors=$3 fakes=$4

# ---- usage
run embed
check 'without a folder' ends 2 usage
run embed "$dir"
check 'with nothing to do' ends 2 'nothing to do'
run embed "$dir" --name x
check 'a name for nothing' ends 2 '--model'
run embed "$dir" --model x --precision f8
check 'a precision that is none' ends 2 '"f8"'
run embed "$dir" --model x --batch -1
check 'a batch that is none' ends 2 'not -1'
run embed "$dir" --model x --threads 257
check 'too many threads' ends 2 257
run embed --help
check 'help' eval '[ $code = 0 ] && says "gst-reid embed " && says Examples'
run embed "$dir/missing" --model tiny-colour
check 'a missing archive' ends 3 missing

# ---- an episode of two, told apart by colour
chain "$dir/run" videotestsrc num-buffers=60 pattern=ball ! "$frames"
run run -q -- "${pipeline[@]}"
cp -r "$dir/run" "$dir/old"
run embed "$dir/run" --list
check 'the vectors of the run' eval \
  '[ $code = 0 ] && grep -qE "^\* +tiny-colour +[0-9]+ +[0-9a-f]{16} +tiny-colour " "$dir/out"'
version=$(sed -nE 's/^\* +tiny-colour +[0-9]+ +([0-9a-f]{16}).*/\1/p' "$dir/out")
before=$(contents "$dir/run")
run embed "$dir/run" --model tiny-colour
check 'are there already' eval '[ $code = 0 ] && says "nothing to do"'
run embed "$dir/run" --model nobody
check 'an unknown network' ends 3 '"nobody"'
run embed "$dir/run" --model tiny-yunet
check 'a detector' ends 1 'no face embedder'
run embed "$dir/run" --model tiny-random --name tiny-colour
check 'another network under their name' ends 2 "version $version"
run embed "$dir/run" --model tiny-random --use tiny-rnadom
check 'a slip of the pen is told before' ends 2 'tiny-rnadom'
run embed "$dir/run" --use nobody
check 'vectors that are not there' ends 2 'only: tiny-colour'
run embed "$dir/run" --drop tiny-colour
check 'the current ones stay' ends 2 'current'
run embed "$dir/run" --model tiny-random --device abacus
check 'an unknown device' ends 2 abacus
check 'none of these changes a byte' eval '[ "$(contents "$dir/run")" = "$before" ]'

# ---- the same network again, from the pictures alone
for options in '--batch 1 --threads 1' '--batch 7 --threads 2'; do
  # shellcheck disable=SC2086
  run embed "$dir/run" --model tiny-colour --name "again$options" $options
  check "again with $options" eval '[ $code = 0 ] && says "version $version"'
  check 'gives the same bytes' "$vectors" same "$dir/run" tiny-colour "again$options"
  run embed "$dir/run" --drop "again$options"
  check 'and goes again' eval '[ $code = 0 ]'
done
check 'nothing but the archive was touched' eval \
  '[ "$(contents "$dir/run" | grep -v episode.h5)" = "$(grep -v episode.h5 <<<"$before")" ]'

# ---- another network
run embed "$dir/run" --model tiny-random --quiet
check 'another network' eval '[ $code = 0 ] && [ ! -s "$dir/err" ] && says "--use tiny-random"'
check 'has other vectors' eval '"$vectors" same "$dir/run" tiny-colour tiny-random; [ $? = 1 ]'
run info "$dir/run"
check 'info tells of both' eval \
  'says "vectors \"tiny-random\"" && says "embedder = tiny-colour" && ! says "still those"'
run embed "$dir/run" --use TINY-RANDOM
check 'it becomes the current one' eval '[ $code = 0 ] && says "still those that were made of \"tiny-colour\""'
run info "$dir/run"
check 'info says that the people are of the others' eval \
  'says "embedder = tiny-random" && says "reidcluster.embedder = tiny-colour" && says "still those"'
run cluster "$dir/run"
run info "$dir/run"
check 'clustering makes them of the current ones' eval \
  'says "reidcluster.embedder = tiny-random" && ! says "still those"'
run embed "$dir/run" --use tiny-colour --drop tiny-random --list
check 'use and drop at once' eval \
  '[ $code = 0 ] && says "no longer there" && [ "$(grep -c "^[* ] " "$dir/out")" = 2 ]'
run cluster "$dir/run"
check 'and the people are as before' eval \
  '[ $code = 0 ] && [ "$(contents "$dir/run" | grep -v episode.h5)" = "$(grep -v episode.h5 <<<"$before")" ]'

# ---- a threshold belongs to a network
printf '[model]\nrole=embedder\n[embedder]\nthreshold=0.75\n' >"$dir/models/tiny-random.modelinfo"
run embed "$dir/run" --model tiny-random
run cluster "$dir/run" --embedder nobody
check 'clustering by vectors that are not there' ends 2 'tiny-colour'
run cluster "$dir/run" --embedder tiny-random
run info "$dir/run"
check 'other vectors bring their threshold' eval \
  'says "threshold-used = 0.75" && says "  embedder = tiny-random"'
run cluster "$dir/run" --threshold 0.8
run cluster "$dir/run"
run info "$dir/run"
check 'which can be set, and stays' eval 'says "threshold-used = 0.8"'
rm "$dir/models/tiny-random.modelinfo"

# ---- several networks at once
reidembed=(reidembed model=tiny-colour,tiny-random weights=3,2 threads=1)
chain "$dir/both" videotestsrc num-buffers=60 pattern=ball ! "$frames"
run run -q -- "${pipeline[@]}"
run embed "$dir/both" --model tiny-colour,tiny-random --weights 0.6,0.4
check 'vectors of two networks are there already' eval '[ $code = 0 ] && says "nothing to do"'
run embed "$dir/both" --model tiny-colour,tiny-random --weights 0.6,0.4 --name again
check 'and are made again' eval '[ $code = 0 ]'
check 'byte for byte' "$vectors" same "$dir/both" tiny-colour,tiny-random again
run embed "$dir/both" --model tiny-colour,tiny-random --weights 0.5,0.5
check 'other weights are another version' ends 2 'already holds'
run embed "$dir/both" --model tiny-colour --weights 1,2
check 'weights for nobody' ends 2 'weights'
run embed "$dir/both" --model tiny-colour --layers nosuchlayer
check 'a layer that is not there' eval '[ $code != 0 ] && says nosuchlayer'

# ---- a GPU whose memory ends, which is a stand-in
# full FAULT ARGUMENT...: the command, on one that takes a run before that
full() {
  REID_BACKEND_PATH=$fakes REID_FAKE_GPU=$1 REID_FAKE_CPU=${cpu:-} REID_FAKE_GPU_RUNS=1 run "${@:2}"
}
run embed "$dir/run" --model tiny-colour --name plain --device reference
full full embed "$dir/run" --model tiny-colour --name moved --device cuda --batch 4 --quiet
check 'it goes on on the CPU' eval \
  '[ $code = 0 ] && says "cannot run tiny-colour, which goes on on the CPU" &&
   [ "$(grep -c warning "$dir/err")" = 1 ] && says "version $version"'
check 'with the same vectors' "$vectors" same "$dir/run" plain moved
check 'the archive tells of both devices' \
  grep -qa 'cudnn: .*since its memory ended, dnnl: ' "$dir/run/episode.h5"
before=$(contents "$dir/run")
cpu=full full full embed "$dir/run" --model tiny-colour --name none --device cuda --batch 4
check 'where the CPU has none either that is an error' ends 1 'nor can it go on on the CPU'
check 'which leaves everything as it was' eval '[ "$(contents "$dir/run")" = "$before" ]'
reidembed=(reidembed model=tiny-colour threads=1 device=cuda batch-size=4)
chain "$dir/moved" videotestsrc num-buffers=60 pattern=ball ! "$frames"
full full:tiny-colour run -q -- "${pipeline[@]}"
check 'a run is not lost' eval '[ $code = 0 ] && says "which goes on on the CPU"'
run embed "$dir/moved" --model tiny-colour --name plain --device reference
check 'nor a vector of it' "$vectors" same "$dir/moved" plain tiny-colour
reidembed=(reidembed model=tiny-colour threads=1)
full weights embed "$dir/run" --model tiny-colour --name cuda --device cuda
check 'a GPU that takes no network is an error' ends 1 'no memory for weights'
full weights embed "$dir/run" --model tiny-colour --name auto --quiet
check 'auto means the CPU then' eval \
  '[ $code = 0 ] && says "cannot run tiny-colour, which goes on on the CPU" && [ "$(grep -c warning "$dir/err")" = 1 ]'
check 'with the same vectors, too' "$vectors" same "$dir/run" plain auto
full weights bench --model tiny-colour --seconds 0.1 --batch 1
check 'and is what is measured' eval '[ $code = 0 ] && says "tiny-colour, which is measured on the CPU: no memory"'

# ---- faces that have no vector
"$vectors" make "$dir/few" 3 2 && "$vectors" make "$dir/bad" 1 12 && "$vectors" make "$dir/bare" 0 0
run embed "$dir/few" --model tiny-colour
check 'bad faces are told' eval \
  '[ $code = 0 ] && says "no vector for 2 of 6 faces" && says "1 of 6 faces, whose pictures were not kept" &&
   says ": 3 vectors of"'
check 'and have rows of zeros' eval '[ "$("$vectors" zeros "$dir/few" tiny-colour)" = 3 ]'
run cluster "$dir/few"
check 'the first vectors of an archive are the current ones' eval '[ $code = 0 ] && says "1 people"'
before=$(contents "$dir/bad"; contents "$dir/bare")
run embed "$dir/bad" --model tiny-colour
check 'ten bad ones in a row are an error' ends 1 '12 faces in a row'
run embed "$dir/bare" --model tiny-colour
check 'nothing but faces without pictures' ends 3 'no pictures'
check 'which leave everything as it was' eval '[ "$(contents "$dir/bad"; contents "$dir/bare")" = "$before" ]'

# ---- failures leave everything as it was
before=$(contents "$dir/old")
code=0
(trap '' XFSZ; ulimit -f $(($(stat -c %s "$dir/old/episode.h5") / 1024 + 4)); exec "$reid" embed "$dir/old" --model tiny-random) \
  >"$dir/out" 2>"$dir/err" || code=$?
check 'a full disk' eval 'ends 5 "nothing has changed" && [ "$(contents "$dir/old")" = "$before" ]'
exec 9<>"$dir/old/episode.h5"
python3 -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
run embed "$dir/old" --model tiny-random
exec 9>&-
check 'an archive that another program writes' eval 'ends 5 "another program" && [ "$(contents "$dir/old")" = "$before" ]'

# interrupt ARGUMENT...: the command, with an interrupt as soon as it takes them
interrupt() {
  python3 - "$reid" "$@" >"$dir/out" 2>"$dir/err" <<'EOF'
import re, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
while p.poll() is None:
    caught = re.search(r'SigCgt:\s*(\w+)', open(f'/proc/{p.pid}/status').read())
    if int(caught.group(1), 16) & 2:
        p.send_signal(signal.SIGINT)
        break
    time.sleep(.01)
sys.exit(p.wait() & 255)
EOF
  code=$?
}
# without an engine behind it the network takes its time
interrupt embed "$dir/old" --model reid-embed-s --device reference --batch 1
check 'an interrupt' eval '[ $code = 130 ] && says "as it was" && [ "$(contents "$dir/old")" = "$before" ]'

finish_tests
