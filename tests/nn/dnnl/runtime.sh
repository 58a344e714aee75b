#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A oneDNN whose threads are not OpenMP's is no backend: left out by
# -Ddnnl=auto, refused by -Ddnnl=enabled.
#
#   runtime.sh SOURCE_ROOT
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/oneapi/dnnl"
cat > "$dir/oneapi/dnnl/dnnl_config.h" <<'H'
#include_next <oneapi/dnnl/dnnl_config.h>
#undef DNNL_CPU_THREADING_RUNTIME
#define DNNL_CPU_THREADING_RUNTIME DNNL_RUNTIME_TBB
H
n=0
try() { # option, expected status, description
  n=$((n + 1))
  CPATH="$dir${CPATH:+:$CPATH}" meson setup "$dir/build-$1" "$SOURCE" -Dgst=disabled \
    -Dtests=false -Ddnnl="$1" > "$dir/log" 2>&1
  status=$?
  [ "$status" -eq 0 ] || status=1
  if [ "$status" -eq "$2" ] \
    && grep -q 'does not use OpenMP' "$dir/log" \
    && ! grep -q 'reidnn-dnnl' "$dir/build-$1/build.ninja" 2> /dev/null; then
    echo "ok $n - $3"
  else
    sed 's/^/# /' "$dir/log"
    echo "not ok $n - $3"
  fi
}
SOURCE=$1
try auto 0 "auto leaves it out and says why"
try enabled 1 "enabled refuses it"
echo "1..$n"
