#!/bin/sh
# Unpacks packages, with all they need that the system lacks, below a private prefix: the mail servers of the tests conflict with one
# another as packages and start daemons when installed, so nothing is installed. Each group of packages gets a tree of its own.
# What is unpacked is kept, so that the second time needs no network. Debian and its kin; 77 elsewhere or without a network.
#
# Usage: fetch-debs.sh PREFIX GROUP PACKAGE...     ends with the tree at PREFIX/GROUP, complete or absent; safe to run in parallel.
set -eu
prefix=$1 group=$2
shift 2
command -v apt-get >/dev/null || { echo "no apt-get here" >&2; exit 77; }
mkdir -p "$prefix/.debs/$group"
prefix=$(cd "$prefix" && pwd)
debs=$prefix/.debs/$group
exec 9>"$debs/lock"
flock 9

wanted=$(printf '%s\n' "$@")
if [ -d "$prefix/$group" ] && [ "$(cat "$debs/wanted" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

# What an installation would unpack, asked of apt's simulation, which needs no rights; with no conflict solved by removing anything.
names=$(apt-get -s -o Debug::NoLocking=1 install --no-install-recommends "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p' || true)
# Packages that are installed are not in that list, and some are wanted unpacked all the same.
for package; do
  case " $(echo "$names" | tr '\n' ' ') " in *" $package "*) ;; *) names="$names $package" ;; esac
done
# shellcheck disable=SC2086 # one word a package
(cd "$debs" && rm -f ./*.deb && apt-get download -q $names >download.log 2>&1) || { tail -n 3 "$debs/download.log" >&2; exit 77; }

rm -rf "${prefix:?}/$group" "$debs/tree"
mkdir "$debs/tree"
for deb in "$debs"/*.deb; do
  dpkg-deb -x "$deb" "$debs/tree"
done
rm -f "$debs"/*.deb
printf '%s' "$wanted" >"$debs/wanted"
mv "$debs/tree" "$prefix/$group"
