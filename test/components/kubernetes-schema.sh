#!/usr/bin/env bash
# Prints the path of what a version of Kubernetes says about its objects (swagger.json), from its Go module: kubernetes-schema.sh VERSION
set -euo pipefail
version=$1

cache="${MESHBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshbridge}/kubernetes-schema"
file="$cache/$version.json"
if [ -s "$file" ]; then
  echo "$file"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "The schema of Kubernetes $version is missing and cannot be had: there is no go on the PATH." >&2
  exit 3
fi
mkdir -p "$cache"
cd "$cache"
module=$(GOFLAGS=-mod=mod GOTOOLCHAIN=local go mod download -json "k8s.io/kubernetes@$version")
folder=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$module")
cp "$folder/api/openapi-spec/swagger.json" "$file.$$"
mv "$file.$$" "$file"
echo "$file"
