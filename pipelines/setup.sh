# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sourced by the scripts of this tree: installs what is missing, builds, and
# sets the environment in which the tree's own plugin is found.

reid_root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
reid_build=${REID_BUILD:-$reid_root/build}

# What it takes to build and run, by Debian's names.
reid_packages=(
  gcc libc6-dev meson ninja-build pkg-config           # to build
  libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev # elements
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad gstreamer1.0-libav          # demuxers, decoders
  libdnnl-dev                                          # networks on CPUs
  libhdf5-dev zlib1g-dev libjansson-dev libjpeg-dev    # archive, JSON, pictures
  libcurl4-openssl-dev ca-certificates                 # to download networks
)

# reid_die CODE MESSAGE: one line, whatever a file is called.
reid_die() {
  local code=$1
  shift
  printf '%s: error: %s\n' "${0##*/}" "${*//[$'\r\n']/ }" >&2
  exit "$code"
}

# reid_value OPTION [VALUE...]: dies unless the option has a value.
reid_value() {
  [ $# -ge 2 ] && [ -n "$2" ] || reid_die 2 "$1 needs a value; see --help"
}

# reid_check_number OPTION VALUE LEAST MOST: dies unless it is a number in that
# range; a whole one where the bounds are. A 0 before it would make it octal.
reid_check_number() {
  local pattern='^(0|-?[1-9][0-9]{0,8})$' kind="a whole number"
  case $3$4 in *.*) pattern='^-?[0-9]{0,9}\.?[0-9]{1,9}$' kind="a number" ;; esac
  if ! [[ $2 =~ $pattern ]] ||
    ! LC_ALL=C awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(v + 0 >= a + 0 && v + 0 <= b + 0) }'; then
    reid_die 2 "$1 must be $kind from $3 to $4, not \"$2\""
  fi
}

# reid_install PACKAGE...: installs those that are missing, saying so. With
# reid_no_install=1 it only says what is missing.
reid_install() {
  local missing=() package status
  if ! command -v dpkg-query >/dev/null; then
    # No Debian: whoever has the tools is taken to have the rest; what is not
    # there the build names.
    for package in gcc meson ninja pkg-config gst-inspect-1.0; do
      command -v "$package" >/dev/null || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] ||
      reid_die 1 "not found: ${missing[*]}; on Debian these packages would be installed: $*"
    return 0
  fi
  # it exits with 1 when it does not know one of them
  status=$(dpkg-query -W -f='${Package} ${Status}\n' "$@" 2>/dev/null)
  for package in "$@"; do
    case $'\n'$status$'\n' in
      *$'\n'"$package install ok installed"$'\n'*) ;;
      *) missing+=("$package") ;;
    esac
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local line="apt-get install -y --no-install-recommends ${missing[*]}"
  local what="packages are"
  [ ${#missing[@]} -gt 1 ] || what="a package is"
  [ "${reid_no_install:-0}" = 0 ] || reid_die 1 "$what missing; as root, run: $line"
  command -v apt-get >/dev/null || reid_die 1 "$what missing, and there is no apt-get: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    # sudo may ask for a password where there is somebody to ask
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
      sudo=(sudo)
    else
      reid_die 1 "$what missing; as root, run: $line"
    fi
  fi
  printf 'Installing what is missing: %s%s\n' "${sudo[*]:+sudo }" "$line" >&2
  local log apt
  log=$(mktemp) || reid_die 1 "no temporary file can be made"
  apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
  # the lists may be older than the archive: once more with fresh ones
  if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 &&
    ! { "${apt[@]}" update >"$log" 2>&1 &&
      "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; }; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    reid_die 1 "apt-get could not install them; as root, run: $line"
  fi
  rm -f "$log"
}

# What a pipeline needs of the build, and no test.
reid_runtime_targets() {
  echo gst/libgstreid.so pipelines/gst-reid
  ninja -C "$reid_build" -t targets all |
    sed -n 's/^\(kernels\/libreidnn-[^/:]*\.so\):.*/\1/p; s/^\(kernels\/models\/[^/:]*\):.*/\1/p'
}

# reid_make [MESON SETUP ARGUMENT...]: builds into $reid_build where something
# changed; quiet unless it fails. With reid_runtime=1 only what a pipeline
# needs.
reid_make() {
  local log=$reid_build/build.log lock targets=
  mkdir -p "$reid_build" 2>/dev/null && : 2>/dev/null >>"$log" ||
    reid_die 1 "the build folder $reid_build cannot be written; name another one with REID_BUILD=FOLDER"
  # two that build at once would spoil it for each other
  exec {lock}>>"$reid_build/build.lock"
  flock "$lock"
  [ -f "$reid_build/build.ninja" ] ||
    printf 'Building in %s (the first time takes a minute or two)\n' "$reid_build" >&2
  if ! { [ -f "$reid_build/build.ninja" ] ||
    meson setup "$reid_build" "$reid_root" "$@"; } >"$log" 2>&1 ||
    ! { [ "${reid_runtime:-0}" = 0 ] || targets=$(reid_runtime_targets); } 2>>"$log" ||
    ! ninja -C "$reid_build" $targets >>"$log" 2>&1; then
    tail -n 30 "$log" >&2
    reid_die 1 "the build failed; its log is $log"
  fi
  exec {lock}>&-
}

# The tree's plugin, which finds the tree's backends and networks by itself,
# before the one that is installed.
reid_environment() {
  export GST_PLUGIN_PATH="$reid_build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  export GST_REGISTRY="$reid_build/registry.bin"
  local shared=$reid_root/../shared/models
  [ -z "${REID_NO_SHARED:-}" ] && [ -d "$shared" ] || return 0
  shared=$(cd "$shared" && pwd)
  case :${REID_MODEL_PATH:-}: in
    *:"$shared":*) ;;
    *) export REID_MODEL_PATH="${REID_MODEL_PATH:+$REID_MODEL_PATH:}$shared" ;;
  esac
}

# A value for a gst-launch line: quotes, spaces and backslashes survive its
# parser. A last backslash would not: it takes the quote or the space behind it
# for escaped. Such a value goes as octal numbers within quotes, which only the
# property takes off.
reid_quote() {
  local s=${1//\\/\\\\} octal
  case $1 in
    *\\) octal=$(printf '%s' "$1" | od -An -v -to1 | tr -d '\n')
         printf '\\"%s\\"' "${octal// /\\\\}" ;;
    '' | *[!A-Za-z0-9_.,:/+-]*) printf '"%s"' "${s//\"/\\\"}" ;;
    *) printf '%s' "$1" ;;
  esac
}

# A word for the shell.
reid_shell_word() {
  case $1 in
    '!') printf '!' ;;
    '' | *[!A-Za-z0-9_=.,:/+-]*) printf "'%s'" "${1//\'/\'\\\'\'}" ;;
    *) printf '%s' "$1" ;;
  esac
}

# reid_run ARGUMENT...: prints the gst-launch line and runs it.
reid_run_options=()
reid_run() {
  local word
  printf 'GST_PLUGIN_PATH=%s' "$(reid_shell_word "$reid_build/gst")"
  [ -z "${REID_MODEL_PATH:-}" ] ||
    printf ' REID_MODEL_PATH=%s' "$(reid_shell_word "$REID_MODEL_PATH")"
  printf ' \\\n  gst-launch-1.0'
  for word in "$@"; do
    [ "$word" != '!' ] || printf ' \\\n   '
    printf ' %s' "$(reid_shell_word "$word")"
  done
  printf '\n\n'
  "$reid_build/pipelines/gst-reid" run "${reid_run_options[@]}" -- "$@"
}
