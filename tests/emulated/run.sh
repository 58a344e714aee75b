#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Kernel tests on an emulated processor: for AVX-512 and AMX on a machine that has
# neither. Boots a small Linux in Bochs, runs there the programs of a build that
# tests.txt names, and ends with `N passed, N failed, N skipped`.
#
#   tests/emulated/run.sh [--build DIR] [--cpu MODEL] [--bochs PROGRAM]
#                         [--kernel FILE] [--out DIR] [--jobs N] [TEST...]
#
#   --build DIR      what to test; default: $REID_BUILD, else build
#   --cpu MODEL      of `bochs --help cpu`, one with AVX-512 (default:
#                    corei7_skylake_x); tests named *-amx are skipped without AMX
#   --bochs PROGRAM  default: bochs. Debian's is without AVX-512: build one with
#                    configure --enable-x86-64 --enable-avx --enable-evex
#                    --enable-all-optimizations --with-nogui
#   --kernel FILE    a Linux to boot; default: the newest /boot/vmlinuz-*
#   --out DIR        what the machines wrote; default: emulated-results
#   --jobs N         machines at a time, each with a part of the tests; default: 1
#   TEST             only these of tests.txt
#
# Takes an hour or so: a machine does 10 to 100 million instructions a second.
# Exits with 77 where Bochs, a kernel or what makes the disk is missing.
set -u
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${REID_BUILD:-$root/build} cpu=corei7_skylake_x bochs=bochs kernel= out=emulated-results jobs=1 tests=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --cpu) cpu=$2; shift 2 ;;
    --bochs) bochs=$2; shift 2 ;;
    --kernel) kernel=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    --help | -h) sed -n '3,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) echo "run.sh: no option \"$1\"; see --help" >&2; exit 2 ;;
    *) tests+=("$1"); shift ;;
  esac
done

bios=/usr/share/bochs isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32 busybox=/bin/busybox
[ -n "$kernel" ] || kernel=$(ls -v /boot/vmlinuz-* 2> /dev/null | tail -n 1)
missing() {
  echo "$1: build Bochs (see --help), install bochs-term, bochsbios, vgabios, isolinux, syslinux-common, xorriso, busybox-static" \
    "and linux-image-cloud-amd64 (or give --kernel)"
  exit 77
}
command -v "$bochs" > /dev/null || missing "no program \"$bochs\""
command -v xorriso > /dev/null || missing "no program \"xorriso\""
[ -r "${kernel:-/boot/vmlinuz}" ] || missing "no kernel ${kernel:-in /boot}"
for file in "$bios/BIOS-bochs-latest" "$bios/VGABIOS-lgpl-latest" "$isolinux" "$ldlinux" "$busybox"; do
  [ -r "$file" ] || missing "no file $file"
done
ldd "$busybox" > /dev/null 2>&1 && missing "$busybox is not static"
[ -d "$build/kernels" ] || { echo "run.sh: no build in $build" >&2; exit 2; }
build=$(cd "$build" && pwd)
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd)
work=$(mktemp -d) || exit 1
machines=()
trap '[ ${#machines[@]} = 0 ] || kill "${machines[@]}" 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Tests, and how long each takes: the longest go first, each to the machine with
# the least to do.
declare -A commands
names=() loads=()
while IFS=$'\t' read -r name load command; do
  case $name in '' | '#'*) continue ;; esac
  [ ${#tests[@]} = 0 ] || [[ " ${tests[*]} " == *" $name "* ]] || continue
  commands[$name]=$command
  names+=("$load"$'\t'"$name")
done < <(tr -s '\t' < "$here/tests.txt")
for name in "${tests[@]}"; do
  [ -n "${commands[$name]:-}" ] || { echo "run.sh: no test \"$name\" in tests.txt" >&2; exit 2; }
done
[ "$jobs" -le ${#names[@]} ] || jobs=${#names[@]}
rm -f "$out"/machine-*
for ((i = 0; i < jobs; i++)); do loads[i]=0; : > "$out/machine-$i.plan"; done
while IFS=$'\t' read -r load name; do
  least=0
  for ((i = 1; i < jobs; i++)); do [ "${loads[i]}" -ge "${loads[least]}" ] || least=$i; done
  loads[least]=$((loads[least] + load))
  printf '%s\t%s\n' "$name" "${commands[$name]}" >> "$out/machine-$least.plan"
done < <(printf '%s\n' "${names[@]}" | sort -rn)

# Everything lies where it does here, so that what is compiled in is found.
system=$work/system
put() {
  local file
  for file; do
    [ -e "$system$file" ] || { mkdir -p "$system$(dirname "$file")" && cp -L "$file" "$system$file"; } || exit 1
  done
}
mkdir -p "$system"/{bin,proc,sys,dev,tmp}
cp "$here/init" "$system/init" && cp "$busybox" "$system/bin/busybox" || exit 1
backend=$build/kernels/libreidnn-dnnl.so
[ -e "$backend" ] || backend=
programs=$(printf '%s\n' "${commands[@]}" | grep -o 'tests/[^ ]*' | sort -u)
for file in $programs; do
  [ -x "$build/$file" ] || { echo "run.sh: no program $build/$file" >&2; exit 2; }
  put "$build/$file"
done
put $backend "$root"/tests/nn/*-cases.txt "$root"/kernels/models/*.onnx
(cd "$build" && LD_LIBRARY_PATH=$build/kernels ldd $programs $backend) |
  sed -n 's/^.*=> \(\/[^ ]*\) .*$/\1/p; s/^\s\(\/[^ ]*\) .*$/\1/p' | sort -u > "$work/libraries"
while read -r file; do put "$file"; done < "$work/libraries"

(cd "$system" && find . | "$busybox" cpio -o -H newc) > "$work/system.cpio" 2> /dev/null

# machine NAME: boots it, until it turns itself off
machine() {
  local disk=$work/$1 display sound
  mkdir -p "$disk/plan" "$disk/disk"
  sed "s|\t|&export LD_LIBRARY_PATH=$build/kernels REID_BACKEND_PATH=$build/kernels REID_NO_SHARED=1; |
       s|tests/|$build/&|" "$out/$1.plan" > "$disk/plan/plan"
  (cd "$disk/plan" && echo plan | "$busybox" cpio -o -H newc) > "$disk/disk/plan" 2> /dev/null
  ln "$work/system.cpio" "$disk/disk/system" && cp -L "$kernel" "$disk/disk/linux" &&
    cp "$isolinux" "$ldlinux" "$disk/disk" || return
  # What the kernel cannot go on with is a triple fault, and the end. Bochs tells of
  # fast short strings but not of fast strings: this kernel's memmove() then goes wrong.
  cat > "$disk/disk/isolinux.cfg" << EOF
default linux
label linux
  kernel linux
  initrd system,plan
  append quiet loglevel=1 console=ttyS0,115200 reboot=t panic=-1 mitigations=off nokaslr no5lvl clearcpuid=fsrm tsc=reliable
EOF
  xorriso -as mkisofs -quiet -o "$disk.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$disk/disk" > "$out/$1.screen" 2>&1 || return
  # Some have no display without a window but a terminal, or a sound that breaks
  # down where there is none; others are built without sound.
  for display in nogui term; do for sound in '' '#'; do
    cat > "$disk.rc" << EOF
display_library: $display
romimage: file=$bios/BIOS-bochs-latest
vgaromimage: file=$bios/VGABIOS-lgpl-latest
cpu: model=$cpu, count=1, ips=100000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
ata0-master: type=cdrom, path=$disk.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$out/$1.serial
${sound}sound: driver=dummy
log: $out/$1.log
panic: action=fatal
EOF
    # One with a debugger waits for "continue"
    TERM=vt100 "$bochs" -q -f "$disk.rc" <<< c > "$out/$1.screen" 2>&1 &
    trap "kill -KILL $! 2> /dev/null; exit 1" TERM # its debugger outlives others
    wait $!
    grep -aqE "display library '$display' not available|not compiled with lowlevel sound" "$out/$1.screen" || return
  done; done
}

started=$SECONDS
for ((i = 0; i < jobs; i++)); do
  machine machine-$i &
  machines+=($!)
done

# A line for each test that has ended.
ended() {
  cat "$out"/machine-*.serial 2> /dev/null | tr -d '\r' | awk '
    /^== exit / {
      if (plan != passed + failed + skipped || ($3 != 0 && !failed)) failed++
      printf "%s: %d passed, %d failed, %d skipped%s\n", name, passed, failed, skipped, why
      next
    }
    /^== / { name = $2; plan = -1; passed = failed = skipped = 0; why = ""; next }
    /^1\.\.[0-9]+/ { plan = substr ($1, 4) + 0 }
    /^not ok / { failed++ }
    /^ok .*# SKIP / { skipped++; sub (/.*# SKIP /, ""); why = " (" $0 ")"; next }
    /^ok / { passed++ }'
}

touch "$work/told"
while :; do
  running=$(jobs -r | wc -l)
  ended | grep -vxFf "$work/told" | tee -a "$work/new" | sed "s/^/[$((SECONDS - started)) s] /"
  cat "$work/new" >> "$work/told" && : > "$work/new"
  [ "$running" != 0 ] || break
  # A processor that has shut down would stand there for ever
  for ((i = 0; i < jobs; i++)); do
    ! grep -aq 'exception with no resolution' "$out/machine-$i.log" 2> /dev/null || kill "${machines[i]}" 2> /dev/null
  done
  sleep 3
done

broken=0
for ((i = 0; i < jobs; i++)); do
  serial=$out/machine-$i.serial
  if ! grep -aq '^== end' "$serial" 2> /dev/null; then
    echo "machine $i did not come to its end: see $out/machine-$i.*"
    broken=1
  fi
  for flag in avx512f avx512bw avx512dq avx512vl; do
    grep -a -m 1 '^flags' "$serial" 2> /dev/null | grep -qw $flag && continue
    echo "the CPU of machine $i, $cpu, is without $flag: see --cpu and --bochs in --help"
    broken=1
  done
  grep -a -B 3 '^not ok' "$serial" 2> /dev/null | head -n 40
done
ended | awk -v wanted=${#names[@]} -v broken=$broken '
  { tests++; passed += $2; failed += $4; skipped += $6 }
  END {
    failed += broken || tests != wanted
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed != 0
  }'
