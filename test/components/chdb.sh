#!/usr/bin/env bash
# Makes sure that ClickHouse's engine is there as a library for Python (PyPI: chdb) in a virtual environment in the cache, and
# prints the path of that environment.
set -euo pipefail

version=4.4.0
core=26.9.0
environment="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/chdb-$version"

if [ -e "$environment/installed" ]; then
  echo "$environment"
  exit 0
fi
if ! command -v python3 >/dev/null; then
  echo "chdb is missing and cannot be installed: there is no python3 on the PATH." >&2
  exit 3
fi
mkdir -p "$(dirname "$environment")"
{
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check "chdb==$version" "chdb-core==$core"
} >&2 </dev/null
touch "$environment/installed"
echo "$environment"
