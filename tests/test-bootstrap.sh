#!/bin/sh
# What bootstrap says before it would install or build anything: one line and exit 2 without a terminal, usage for what it does not know.
set -u
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cp "${FULMAR_TOP_SRCDIR:?}/bootstrap" "$dir"
failed=0

# expect NAME STATUS LINES PATTERN ARGUMENT...: the exit status, the number of lines, and what one of them holds.
expect ()
{
  name=$1 status=$2 lines=$3 pattern=$4
  shift 4
  "$dir/bootstrap" "$@" </dev/null >"$dir/out" 2>&1
  got=$?
  if [ $got = "$status" ] && [ "$(wc -l <"$dir/out")" -eq "$lines" ] && grep -q -e "$pattern" "$dir/out" && [ ! -e "$dir/build" ]; then
    echo "ok $name"
  else
    echo "not ok $name: exit $got"
    cat "$dir/out"
    failed=1
  fi
}

expect "no terminal" 2 1 'bootstrap build' run
expect "no terminal, --yes" 2 1 'bootstrap build' run --yes
expect "no terminal, demo" 2 1 'bootstrap build' run -- --demo
expect "no command" 2 5 Usage
expect "unknown command" 2 5 Usage walk
expect "unknown option" 2 5 Usage build --yse
expect "help" 0 5 'bootstrap check' --help
exit $failed
