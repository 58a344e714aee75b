# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of the command share; called with GST-REID MAKENETS.
set -u
reid=$1 makenets=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C REID_MODEL_PATH=$dir/models XDG_DATA_HOME=$dir/data
mkdir -p "$dir/models"
"$makenets" "$dir/models" || exit 1

n=0 bad=0
# check NAME COMMAND...: one line of TAP; what was printed, when it fails
check() {
  local name=$1
  shift
  n=$((n + 1))
  if "$@"; then
    printf 'ok %d - %s\n' $n "$name"
  else
    printf 'not ok %d - %s\n' $n "$name"
    sed 's/^/# out: /' "$dir/out"
    sed 's/^/# err: /' "$dir/err"
    printf '# exit code %s\n' "${code:-}"
    bad=1
  fi
}

# run ARGUMENT...: the command; its exit code in $code
run() {
  "$reid" "$@" >"$dir/out" 2>"$dir/err" </dev/null
  code=$?
}
says() { grep -qF -- "$1" "$dir/out" "$dir/err"; }
# ends CODE TEXT: exit code, and one line of error that holds the text
ends() {
  [ "$code" = "$1" ] && [ "$(grep -c '^gst-reid: error: ' "$dir/err")" = 1 ] &&
    grep '^gst-reid: error: ' "$dir/err" | grep -qF -- "$2"
}

frames='video/x-raw,format=I420,width=320,height=240,framerate=25/1'
reiddetect=(reiddetect model=tiny-yunet inference-size=320 threads=1)
reidembed=(reidembed model=tiny-colour threads=1)
# chain DIR SOURCE...: the pipeline, as arguments
chain() {
  local out=$1
  shift
  pipeline=("$@" ! "${reiddetect[@]}" ! reidtrack ! "${reidembed[@]}"
    ! reidcluster location="$out" ! fakesink sync=false)
}

# contents DIR: a line for each file in it
contents() { (cd "$1" && find . -type f -exec cksum {} + | sort -k 3); }

finish_tests() {
  printf '1..%d\n' $n
  exit $bad
}
