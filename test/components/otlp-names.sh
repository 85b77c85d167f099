#!/usr/bin/env bash
# Builds the program that names metrics as Prometheus' own library does (see otlp-names/main.go) once into the cache, and prints
# its path. Needs Go; takes some seconds.
set -euo pipefail

sources="$(cd "$(dirname "$0")/otlp-names" && pwd -P)"
cache="${MESHBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshbridge}/otlp-names"
build="$(cat "$sources/go.mod" "$sources/go.sum" "$sources/main.go" "$0" | sha256sum | cut -c1-16)"
program="$cache/$build/otlp-names"

if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "Prometheus' names for OTLP are missing and cannot be built: there is no go on the PATH." >&2
  exit 3
fi

mkdir -p "$cache/$build"
exec 9>"$cache/lock"
flock 9
if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi

log="$cache/build.log"
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0
{
  cd "$sources"
  go build -trimpath -ldflags='-s -w' -o "$program.new" .
} >"$log" 2>&1 </dev/null || {
  echo "building Prometheus' names for OTLP failed; the end of $log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}
mv "$program.new" "$program"
echo "$program"
