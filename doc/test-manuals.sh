#!/bin/sh
# The manuals name every command and every key of an account, and no other; and they are sound mdoc, as far as a tool here can tell.
set -u
top=${srcdir:-.}
doc/make-tables --check "$top/doc/fulmar.1.in" "$top/doc/fulmar.conf.5.in" || exit 1
for manual in doc/fulmar.1 doc/fulmar.conf.5; do
  if command -v mandoc >/dev/null 2>&1; then
    complaints=$(mandoc -T lint -W warning "$manual" 2>&1)
  elif command -v groff >/dev/null 2>&1; then
    complaints=$(groff -mdoc -ww -z "$manual" 2>&1)
  else
    complaints=
  fi
  if [ -n "$complaints" ]; then
    printf '%s\n' "$complaints"
    exit 1
  fi
done
