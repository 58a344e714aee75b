#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs, builds, runs every test; ends with `N passed, N failed, N skipped`.
#
#   tests/run.sh           everything: the suite, the suite again under
#                          AddressSanitizer and UBSan, the elements under
#                          valgrind, a build with clang, the install
#   tests/run.sh --quick   the suite only
#   tests/run.sh SUITE...  only these suites (image, nn, track, elements, ...)
#   tests/run.sh --suite-log LOG   everything but the suite, which was run
#                          elsewhere without ../shared and left this log; of it
#                          only what needs ../shared
#
# REID_NO_SHARED=1 leaves out what needs ../shared (the suite `shared`).
set -u
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
. "$here/../pipelines/setup.sh" || exit 1

quick=0 suites=() suite_log=
while [ $# -gt 0 ]; do
  arg=$1
  shift
  case $arg in
    --quick) quick=1 ;;
    --suite-log) reid_value "$arg" "$@"; suite_log=$1; shift ;;
    --help | -h) sed -n '3,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) reid_die 2 "no option \"$arg\"; see --help" ;;
    *) suites+=(--suite "$arg"); quick=1 ;;
  esac
done

packages=("${reid_packages[@]}" ccache python3 openssl gstreamer1.0-plugins-ugly)
[ $quick = 1 ] || packages+=(clang libclang-rt-14-dev valgrind)
reid_install "${packages[@]}"

failed=0 logs=()

# run_suite NAME BUILD [MESON TEST ARGUMENT...]
run_suite() {
  local name=$1 build=$2
  shift 2
  printf '== %s\n' "$name"
  meson test -C "$build" --no-rebuild --print-errorlogs --logbase "$name" "$@" ||
    failed=1
  # Meson adds the name of a setup to that of its logs
  logs+=("$(ls -t "$build/meson-logs/$name".json "$build/meson-logs/$name"-*.json 2>/dev/null | head -n 1)")
}

# build NAME BUILD [MESON SETUP ARGUMENT...]: in a subshell, since a failure of
# one build must not hide the others
build() {
  local name=$1
  printf '== build: %s\n' "$name"
  (reid_build=$2; shift 2; reid_make "$@") || { failed=1; return 1; }
}

export REID_BUILD=$reid_build
build "gcc" "$reid_build" || exit 1
[ -n "${REID_NO_SHARED:-}" ] || export REID_MODEL_PATH=
if [ -n "$suite_log" ]; then
  logs+=("$suite_log")
  suites=(--suite shared)
elif [ -n "${REID_NO_SHARED:-}" ]; then
  echo "Without ../shared (REID_NO_SHARED is set): the suite shared is left out"
  suites+=(--no-suite shared)
fi
run_suite suite "$reid_build" "${suites[@]}"

if [ $quick = 0 ]; then
  # A warning of either compiler is a failure.
  build "clang, -Werror" "$reid_build-clang" -Dwerror=true \
    --native-file "$here/clang.ini" -Dfuzzers=true -Dcuda-arch=sm_80 &&
    run_suite fuzz "$reid_build-clang" --suite fuzz
  build "gcc, -Werror, no oneDNN, no cuDNN" "$reid_build-plain" -Dwerror=true -Ddnnl=disabled \
    -Dcudnn=disabled -Dtests=false
  build "gcc, -Werror, the engine alone" "$reid_build-engine" -Dwerror=true -Dengine-only=true \
    -Dgst=disabled -Dcuda-arch=sm_80

  export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:fast_unwind_on_malloc=0:intercept_tls_get_addr=0
  export LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  # at -O2 the unrolled loops of the kernels take a compiler ten minutes
  build "AddressSanitizer and UBSan" "$reid_build-asan" -Doptimization=1 -Dcuda-arch=sm_80 \
    -Db_sanitize=address,undefined -Db_lundef=false &&
    run_suite sanitized "$reid_build-asan" --timeout-multiplier 6 \
      --no-suite slow --no-suite install
  unset ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS

  run_suite valgrind "$reid_build" --suite elements --timeout-multiplier 20 \
    --setup valgrind
fi

python3 "$here/count.py" "$here/skips.allow" "${logs[@]}" || failed=1
exit $failed
