#!/usr/bin/env bash
# Makes sure that there are Java and Kafka (Maven: org.apache.kafka:kafka_2.13 with its libraries, 45 MB, kept in the cache),
# and prints the directory of its jars.
set -euo pipefail

version=4.1.1
here=$(dirname "$0")
cache="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}"
jars="$cache/kafka-$version"

bash "$here/debian.sh" default-jre-headless java >/dev/null
if [ ! -d "$jars" ]; then
  maven=$(bash "$here/debian.sh" maven mvn)
  mkdir -p "$cache/maven"
  work=$(mktemp -d "$cache/kafka.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
  </dependencies>
</project>
POM
  "$maven" --batch-mode --quiet "-Dmaven.repo.local=$cache/maven" -f "$work/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$work/jars" >&2 </dev/null
  mv -T "$work/jars" "$jars"
fi
echo "$jars"
