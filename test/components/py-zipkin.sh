#!/usr/bin/env bash
# Makes sure that there is the tracer py-zipkin (PyPI) in a virtual environment in the cache, and prints the path of that
# environment. The version is the last that writes thrift; its protobuf wants an old runtime.
set -euo pipefail

version=0.20.2
environment="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/py-zipkin-$version"

if [ -e "$environment/installed" ]; then
  echo "$environment"
  exit 0
fi
if ! command -v python3 >/dev/null; then
  echo "py-zipkin is missing and cannot be installed: there is no python3 on the PATH." >&2
  exit 3
fi
mkdir -p "$(dirname "$environment")"
{
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "py-zipkin[protobuf]==$version" protobuf==3.20.3
} >&2 </dev/null
touch "$environment/installed"
echo "$environment"
