#!/usr/bin/env bash
# python.sh NAME REQUIREMENT...: makes sure that there is a virtual environment of that name in the cache with these packages
# of PyPI, and prints its path.
set -euo pipefail

environment="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/$1"
shift

if [ ! -e "$environment/installed" ]; then
  if ! command -v python3 >/dev/null; then
    echo "It cannot be installed: there is no python3 on the PATH." >&2
    exit 3
  fi
  mkdir -p "$(dirname "$environment")"
  {
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "$@"
  } >&2 </dev/null
  touch "$environment/installed"
fi
echo "$environment"
