#!/usr/bin/env bash
# Makes sure that a program of a Debian package is there, and prints its path: debian.sh PACKAGE PROGRAM.
set -euo pipefail
package=$1 program=$2

find_program() { PATH="$PATH:/usr/sbin:/sbin" command -v "$program"; }

if find_program; then
  exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "$program is missing: install it (on Debian: apt-get install $package)" >&2
  exit 3
fi

# RUNLEVEL=1 keeps the package from starting a service of its own.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
install() { apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$package"; }
{ install || { apt-get update -qq && install; }; } >&2 </dev/null
find_program
