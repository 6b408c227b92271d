#!/bin/sh
# Configures, builds and runs one variant of the suite in a directory of that name below the current one.
# Usage: suite.sh SOURCE_TOP asan|tsan|fuzz|bench [unit|most|threads]
set -eu
src=$(cd "$1" && pwd) variant=$2 target=check
[ -z "${3:-}" ] || target=check-$3
unset MAKEFLAGS MFLAGS MAKELEVEL
jobs=$(nproc 2>/dev/null || echo 2)
cc=${CC:-gcc} cflags="-g -O1" options=

case $variant in
  asan) options=--enable-sanitize=address,undefined ;;
  tsan) options=--enable-sanitize=thread ;;
  fuzz) cc=clang options="--enable-fuzz --enable-sanitize=address,undefined" target=fuzz-run ;;
  bench) cflags="-g -O2" target=bench-run ;;
  *) echo "suite.sh: no variant $variant" >&2; exit 2 ;;
esac
if command -v ccache >/dev/null; then cc="ccache $cc"; fi

# Errors of memory end the test; leaks and races inside libraries we can't mend are named in the .supp files, with the reason.
ASAN_OPTIONS=detect_stack_use_after_return=1:${ASAN_OPTIONS:-}
LSAN_OPTIONS=suppressions=$src/tests/lsan.supp:print_suppressions=0:${LSAN_OPTIONS:-}
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}
TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$src/tests/tsan.supp:${TSAN_OPTIONS:-}
# GLib's slices hand memory from thread to thread behind the sanitizers' backs.
G_SLICE=always-malloc
# What is instrumented may take longer. One test's limit is for a hang, the limits inside the tests (tests/e2e) for what is waited for.
case $variant in
  asan|tsan) TEST_TIMEOUT_S=${TEST_TIMEOUT_S:-1500} FULMAR_TEST_SLOWNESS=${FULMAR_TEST_SLOWNESS:-5}; export FULMAR_TEST_SLOWNESS ;;
esac
export G_SLICE ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS

mkdir -p "$variant" && cd "$variant"
[ -f Makefile ] || "$src/configure" $options CC="$cc" CFLAGS="$cflags"
run=
# ThreadSanitizer's shadow needs the addresses where they were on older kernels; a container may not let us have them there.
if [ "$variant" = tsan ] && setarch "$(uname -m)" -R true 2>/dev/null; then run="setarch $(uname -m) -R"; fi
[ "$variant" = fuzz ] || make -j"$jobs" all
exec $run make -j"$jobs" "$target" ${FUZZ_SECONDS:+FUZZ_SECONDS="$FUZZ_SECONDS"} ${TESTS:+TESTS="$TESTS"} \
  ${TEST_TIMEOUT_S:+TEST_TIMEOUT_S="$TEST_TIMEOUT_S"}
