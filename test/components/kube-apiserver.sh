#!/usr/bin/env bash
# Builds a real API server of Kubernetes with its etcd (see kube-apiserver/main.go) once into the cache, and prints the path of
# the program. Needs Go. From nothing this takes some four minutes on two cores that have nothing else to do.
set -euo pipefail

sources="$(cd "$(dirname "$0")/kube-apiserver" && pwd -P)"
cache="${MESHBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshbridge}/kube-apiserver"
build="$(cat "$sources/go.mod" "$sources/go.sum" "$sources/main.go" "$0" | sha256sum | cut -c1-16)"
program="$cache/$build/kube-apiserver"

if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "The API server of Kubernetes is missing and cannot be built: there is no go on the PATH." >&2
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
echo "building the API server of Kubernetes; its log is $log" >&2
version="$(sed -n 's/^\tk8s.io\/kubernetes \(v.*\)/\1/p' "$sources/go.mod")"
minor="${version#v1.}"
stamp="k8s.io/component-base/version"
flags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}"
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0
{
  cd "$sources"
  nice -n 5 go build -trimpath -ldflags="$flags" -o "$program.new" .
} >"$log" 2>&1 </dev/null || {
  echo "building the API server of Kubernetes failed; the end of $log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}
mv "$program.new" "$program"
echo "$program"
