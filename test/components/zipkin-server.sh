#!/usr/bin/env bash
# Makes sure that there are Java and the reference server of Zipkin, with its page (Maven: io.zipkin:zipkin-server, 135 MB,
# kept in the cache), and prints the path of its jar.
set -euo pipefail

version=3.6.1
here=$(dirname "$0")
repository="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/maven"
jar="$repository/io/zipkin/zipkin-server/$version/zipkin-server-$version-exec.jar"

bash "$here/debian.sh" default-jre-headless java >/dev/null
if [ ! -s "$jar" ]; then
  maven=$(bash "$here/debian.sh" maven mvn)
  mkdir -p "$repository"
  "$maven" --batch-mode --quiet "-Dmaven.repo.local=$repository" dependency:get \
    "-Dartifact=io.zipkin:zipkin-server:$version:jar:exec" -Dtransitive=false >&2 </dev/null
fi
echo "$jar"
