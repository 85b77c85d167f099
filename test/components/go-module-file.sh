#!/usr/bin/env bash
# Prints the path of a file or folder of a Go module, by way of the cache: go-module-file.sh MODULE VERSION FILE
set -euo pipefail
module=$1 version=$2 path=$3

cache="${MESHBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshbridge}/go-modules/$module@$version"
file="$cache/$path"
if [ -s "$file" ]; then
  echo "$file"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "$path of $module $version is missing and cannot be had: there is no go on the PATH." >&2
  exit 3
fi
mkdir -p "$(dirname "$file")"
cd "$cache"
facts=$(GOFLAGS=-mod=mod GOTOOLCHAIN=local go mod download -json "$module@$version")
folder=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$facts")
cp -r "$folder/$path" "$file.$$"
chmod -R u+w "$file.$$"
# A folder that another process has put there meanwhile stays.
mv -T "$file.$$" "$file" || { rm -rf "$file.$$"; [ -s "$file" ]; }
echo "$file"
