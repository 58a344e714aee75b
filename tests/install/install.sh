#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `meson install` leaves is all that an application needs. TAP on stdout.
#
#   install.sh BUILD PREFIX LIBDIR APP.C MAKENETS HAS-DNNL
set -u
build=$1 prefix=$2 libdir=$3 app=$4 makenets=$5 dnnl=$6
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
log=$root/log
: >"$log"

n=0 bad=0
check() {
  local name=$1
  shift
  n=$((n + 1))
  if "$@"; then
    printf 'ok %d - %s\n' $n "$name"
  else
    printf 'not ok %d - %s\n' $n "$name"
    tail -n 30 "$log" | sed 's/^/# /'
    bad=1
  fi
}
logged() { "$@" >"$log" 2>&1; }

mkdir "$root/models"
"$makenets" "$root/models" || exit 1

# Nothing of the build may help from here on.
unset LD_LIBRARY_PATH GST_PLUGIN_PATH GST_PLUGIN_SYSTEM_PATH REID_BACKEND_PATH
stage=$root/stage
check 'meson install' logged meson install -C "$build" --no-rebuild --destdir "$stage"
lib=$stage$prefix/$libdir
for file in "$libdir/gstreamer-1.0/libgstreid.so" "$libdir/libgstreid-1.0.so" \
  "$libdir/libreidkernels-1.0.so.0" "$libdir/pkgconfig/gstreid-1.0.pc" \
  include/gstreamer-1.0/gst/reid/reid.h bin/gst-reid \
  share/gst-reid/models/reid-detect-s.onnx share/gst-reid/models/reid-detect-s.modelinfo \
  share/gst-reid/models/reid-embed-s.onnx share/gst-reid/models/reid-embed-s.modelinfo; do
  check "$file" test -e "$stage$prefix/$file"
done
# GStreamer's scanner loads whatever lies there
check 'no library but the plugin in the plugin path' \
  test "$(ls "$lib/gstreamer-1.0")" = libgstreid.so
check 'no header and no .pc file knows the build' eval \
  '! grep -rlF --include="*.pc" --include="*.h" -- "$build" "$stage" >"$log"'
: >"$log"
for file in "$lib"/gstreamer-1.0/*.so "$lib"/*.so "$lib"/gst-reid-*/*.so "$stage$prefix"/bin/*; do
  [ -e "$file" ] || continue
  readelf -d "$file" 2>/dev/null | grep -E 'R(UN)?PATH' | grep -F -- "$build" >>"$log"
  readelf -p .rodata "$file" 2>/dev/null | grep -F -- "$build" >>"$log"
done
check 'no library looks into the build' test ! -s "$log"

# In a place of its own, a library path stands for what ldconfig does.
export LD_LIBRARY_PATH=$lib GST_PLUGIN_PATH=$lib/gstreamer-1.0
export GST_REGISTRY=$root/registry.bin REID_MODEL_PATH=$root/models
export XDG_DATA_HOME=$root/none XDG_DATA_DIRS=$root/none
check 'gst-inspect finds the plugin' logged gst-inspect-1.0 reid
for element in reidtestsrc reiddetect reidtrack reidembed reidcluster; do
  check "the plugin has $element" grep -q "$element:" "$log"
done
logged gst-inspect-1.0 -b
check 'nothing is blacklisted' eval '! grep -q "libgstreid\|reidnn\|reidkernels" "$log"'
for element in reiddetect reidtrack reidembed reidcluster; do
  logged gst-inspect-1.0 $element
  check "$element has a name, an author, pads and a description" eval \
    'grep -q "Long-name" "$log" && grep -q "Author" "$log" && grep -q "SINK template" "$log" &&
     grep -q "SRC template" "$log" && grep -q "Description" "$log"'
done

# The system's headers and libraries, seen from the sysroot that pkg-config is
# given, with what was installed.
for d in include lib; do
  [ -e "$stage/usr/$d" ] || ln -s "/usr/$d" "$stage/usr/$d"
done
export PKG_CONFIG_SYSROOT_DIR=$stage PKG_CONFIG_PATH=$lib/pkgconfig
check 'pkg-config finds it' logged pkg-config --cflags --libs gstreid-1.0
flags=$(cat "$log")
for header in "$stage$prefix"/include/gstreamer-1.0/gst/reid/*.h; do
  printf '#include <gst/reid/%s>\nint main (void) { return 0; }\n' "${header##*/}" >"$root/one.c"
  check "${header##*/} stands alone" \
    logged cc -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only "$root/one.c" $flags
done
check 'an application builds' logged cc -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror \
  -o "$root/app" "$app" $flags

caps='video/x-raw,format=I420,width=320,height=240,framerate=25/1'
# app DEVICE MODE
run_app() {
  "$root/app" videotestsrc pattern=ball num-buffers=60 ! "$caps" \
    ! reiddetect model=tiny-yunet inference-size=320 device="$1" ! reidtrack \
    ! reidembed model=tiny-colour device="$1" ! reidcluster name=people mode="$2" ! fakesink
}
check 'it runs' logged run_app auto episode
check 'and prints faces from the metas' test "$(grep -c '^face frame=.* track=1 ' "$log")" -gt 50
check 'tracks from the tracklets' grep -q '^track 1: frames .* vectors of 48 by tiny-colour' "$log"
check 'people from the bus' grep -q '^person 1: 1 tracks, 0\.' "$log"
check 'it runs online' logged run_app auto online
check 'and prints who came and went' eval \
  'grep -q "^person 1 came" "$log" && grep -q "^person 1 went" "$log"'
check 'and names in the metas' grep -q '^face frame=.* person=1 ' "$log"
check 'the plain backend is there' logged run_app reference episode
n=$((n + 1))
if [ "$dnnl" = 1 ]; then
  n=$((n - 1))
  check 'the oneDNN module is found where it was installed' logged run_app dnnl episode
else
  printf 'ok %d - the oneDNN module is found where it was installed # SKIP %s\n' $n \
    'needs onednn module: built with -Ddnnl=disabled'
fi
check 'the installed command' logged "$stage$prefix/bin/gst-reid" run -- videotestsrc pattern=ball \
  num-buffers=30 ! "$caps" ! reiddetect model=tiny-yunet ! reidtrack \
  ! reidembed model=tiny-colour ! reidcluster location="$root/out" ! fakesink
check 'says who was there' grep -q 'on screen' "$log"

# The networks that ship: this install was moved, and they went with it.
models=$stage$prefix/share/gst-reid/models
unset REID_MODEL_PATH
logged "$stage$prefix/bin/gst-reid" models
check 'the networks that ship are found' eval \
  'grep -qE "^\*  reid-detect-s +detector .* $models/reid-detect-s.onnx\$" "$log" &&
   grep -qE "^\*  reid-embed-s +embedder .* $models/reid-embed-s.onnx\$" "$log"'
check 'a pipeline needs no network to be named' logged gst-launch-1.0 reidtestsrc num-buffers=60 \
  ! video/x-raw,width=640,height=360 ! reiddetect ! reidtrack ! reidembed \
  ! reidcluster location="$root/bare" ! fakesink
check 'and leaves who was there' eval '[ -s "$root/bare/identities.txt" ] && [ -d "$root/bare/faces/001" ]'
rm -r "$models"
logged "$stage$prefix/bin/gst-reid" run -- videotestsrc num-buffers=2 ! reiddetect ! fakesink
code=$?
check 'an install that lost them says so' eval '[ $code = 3 ] &&
  grep -q "error: .*No face detector was found, not even the one that ships with gst-reid" "$log" &&
  grep -qF "$models" "$log" && grep -qF "gst-reid models get yunet mobilefacenet" "$log"'
logged "$stage$prefix/bin/gst-reid" models
check 'and what to type' eval 'grep -qF "No network is found." "$log" &&
  grep -qF "detector: none is found; \`gst-reid models get yunet\`" "$log" &&
  grep -qF "embedder: none is found; \`gst-reid models get mobilefacenet\`" "$log"'

printf '1..%d\n' $n
exit $bad
