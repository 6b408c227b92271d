#!/bin/sh
# Runs the lint and reports one line a check, in the words of automake's test harness, so that ./bootstrap check counts them too.
# Usage: run.sh SOURCE_TOP BUILD_TOP fast|full
set -u
unset MAKEFLAGS MFLAGS MAKELEVEL
src=$(cd "$1" && pwd) build=$(cd "$2" && pwd) mode=$3
failed=0
jobs=$(nproc 2>/dev/null || echo 2)

# report NAME COMMAND...: runs it; 77 is "can't be checked here".
report ()
{
  name=$1
  shift
  "$@" >"$build/lint-$name.log" 2>&1
  case $? in
    0) echo "PASS: lint/$name" ;;
    77) echo "SKIP: lint/$name ($(tail -n 1 "$build/lint-$name.log"))" ;;
    *)
      echo "FAIL: lint/$name"
      # Without make's own words, so that what is shown is the reason.
      grep -Ev '^make|^  [A-Z]+ ' "$build/lint-$name.log" | tail -n 60
      failed=1
      ;;
  esac
}

# compile NAME CC: everything, tests included, with every warning an error, in a build directory of its own that is kept for the next time.
compile ()
{
  dir=$build/lint-$1
  # The build that runs the lint will do for gcc, if it is that strict itself.
  if [ "$1" = gcc ] && grep -q -e '--enable-werror' "$build/config.status" && grep -q "^CC = .*gcc" "$build/Makefile"; then
    dir=$build
  fi
  command -v "$2" >/dev/null || { echo "$2 is not installed"; return 77; }
  cc=$2
  command -v ccache >/dev/null && cc="ccache $2"
  mkdir -p "$dir" && cd "$dir" || return 1
  if [ ! -f Makefile ]; then
    "$src/configure" --enable-werror CC="$cc" CFLAGS="-g -O1" || return 1
  fi
  make -s -k -j"$jobs" all && make -s -k -j"$jobs" check TESTS= && { [ "$1" != gcc ] || python3 "$src/tests/lint/house.py" "$src" symbols "$dir"; }
}

for check in includes calls notes opening headers listed shell format; do
  report "$check" python3 "$src/tests/lint/house.py" "$src" "$check"
done
if [ "$mode" = full ]; then
  report gcc compile gcc gcc
  report clang compile clang clang
fi
exit $failed
