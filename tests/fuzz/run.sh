#!/bin/sh
# Runs each harness for a while, one line a harness in the words of automake's test harness. Seeds: tests/data/fuzz/NAME/ for fuzz-NAME,
# and the folders of the shared corpus that tests/fuzz/NAME.corpus lists, one a line; tests/fuzz/NAME.dict is its dictionary.
# What was found is kept in corpus/NAME for the next run; inputs that crash in crash-*.
# Usage: run.sh SOURCE_TOP SECONDS HARNESS...
set -u
src=$(cd "$1" && pwd) seconds=$2
shift 2
if [ $# -gt 1 ]; then # as many at once as there are processors; each says its line at its end
  jobs=$(nproc 2>/dev/null || echo 2)
  printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' sh "$0" "$src" "$seconds" '{}' || exit 1
  exit 0
fi
failed=0
corpus=${FULMAR_CORPUS:-$src/../shared/corpus}

for harness; do
  name=${harness##*/fuzz-}
  mkdir -p "corpus/$name"
  set -- "corpus/$name"
  [ ! -d "$src/tests/data/fuzz/$name" ] || set -- "$@" "$src/tests/data/fuzz/$name"
  if [ -f "$src/tests/fuzz/$name.corpus" ]; then
    while read -r folder; do
      [ ! -d "$corpus/$folder" ] || set -- "$@" "$corpus/$folder"
    done <"$src/tests/fuzz/$name.corpus"
  fi
  [ ! -f "$src/tests/fuzz/$name.dict" ] || set -- "-dict=$src/tests/fuzz/$name.dict" "$@"
  if "./$harness" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="crash-$name-" "$@" \
    >"fuzz-$name.log" 2>&1; then
    echo "PASS: fuzz/$name ($(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' "fuzz-$name.log"))"
  else
    echo "FAIL: fuzz/$name"
    tail -n 40 "fuzz-$name.log"
    failed=1
  fi
done
exit $failed
