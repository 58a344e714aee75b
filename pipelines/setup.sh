# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sourced by the scripts of this tree: installs what is missing, builds, and
# sets the environment in which the tree's own plugin is found.

reid_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
reid_build=${REID_BUILD:-$reid_root/build}

# What it takes to build and run, by Debian's names.
reid_packages=(
  gcc libc6-dev meson ninja-build pkg-config           # to build
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev # elements
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad gstreamer1.0-libav          # demuxers, decoders
  libdnnl-dev                                          # networks on CPUs
  libhdf5-dev zlib1g-dev libjansson-dev libjpeg-dev    # archive, JSON, pictures
)

reid_die() {
  local code=$1
  shift
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit "$code"
}

# reid_install PACKAGE...: installs those that are missing, saying so. With
# reid_no_install=1 it only says what is missing.
reid_install() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local line="apt-get install -y --no-install-recommends ${missing[*]}"
  command -v apt-get >/dev/null ||
    reid_die 1 "these Debian packages, or what your system calls them, are missing: ${missing[*]}"
  [ "${reid_no_install:-0}" = 0 ] ||
    reid_die 1 "packages are missing; as root, run: $line"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      sudo=(sudo)
    else
      reid_die 1 "packages are missing; as root, run: $line"
    fi
  fi
  printf 'Installing: %s\n' "${missing[*]}" >&2
  local log
  log=$(mktemp)
  # the lists may be older than the archive: once more with fresh ones
  if ! DEBIAN_FRONTEND=noninteractive "${sudo[@]}" $line >"$log" 2>&1 &&
    ! { "${sudo[@]}" apt-get update >"$log" 2>&1 &&
      DEBIAN_FRONTEND=noninteractive "${sudo[@]}" $line >>"$log" 2>&1; }; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    reid_die 1 "apt-get could not install them; run it by hand: $line"
  fi
  rm -f "$log"
}

# Builds into $reid_build where something changed; quiet unless it fails.
reid_make() {
  local log=$reid_build/build.log
  mkdir -p "$reid_build" || reid_die 1 "cannot write $reid_build"
  [ -f "$reid_build/build.ninja" ] ||
    printf 'Building in %s\n' "$reid_build" >&2
  if ! { { [ -f "$reid_build/build.ninja" ] ||
    meson setup "$reid_build" "$reid_root" "$@"; } &&
    ninja -C "$reid_build"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    reid_die 1 "the build failed; its log is $log"
  fi
}

# The tree's plugin, backends and models, before those that are installed.
reid_environment() {
  export GST_PLUGIN_PATH="$reid_build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  export GST_REGISTRY="$reid_build/registry.bin"
  local shared=$reid_root/../shared/models
  if [ -z "${REID_NO_SHARED:-}" ] && [ -d "$shared" ]; then
    shared=$(cd "$shared" && pwd)
    export REID_MODEL_PATH="${REID_MODEL_PATH:+$REID_MODEL_PATH:}$shared"
  fi
}

# A value for gst-launch: quotes and backslashes survive its parser.
reid_quote() {
  local s=${1//\\/\\\\}
  printf '"%s"' "${s//\"/\\\"}"
}

# reid_run ARGUMENT...: prints the gst-launch line and runs it.
reid_run_options=()
reid_run() {
  printf 'GST_PLUGIN_PATH=%q' "$GST_PLUGIN_PATH"
  [ -z "${REID_MODEL_PATH:-}" ] || printf ' REID_MODEL_PATH=%q' "$REID_MODEL_PATH"
  printf ' gst-launch-1.0'
  local word
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_=.,:/+-]*) printf " '%s'" "${word//\'/\'\\\'\'}" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n\n'
  "$reid_build/pipelines/gst-reid" run "${reid_run_options[@]}" -- "$@"
}
