#!/usr/bin/env bash
# Builds the OpenTelemetry Collector that the bench compares with, once, into the cache. Prints the path of the program.
# Needs Go. From nothing this takes about a quarter of an hour on two cores, so it runs at low priority and on one core at a time.
set -euo pipefail

version=0.155.0
providers=1.61.0
cache="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/otelcol"
program="$cache/$version/otelcol"

if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "The OpenTelemetry Collector is missing and cannot be built: there is no go on the PATH." >&2
  exit 3
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -x "$program" ]; then
  echo "$program"
  exit 0
fi

work="$cache/build-$version"
mkdir -p "$work"
cat >"$work/builder.yaml" <<YAML
dist: { name: otelcol, output_path: $work/out, version: $version }
receivers:
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/receiver/zipkinreceiver v$version
processors:
  - gomod: go.opentelemetry.io/collector/processor/batchprocessor v$version
exporters:
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter v$version
  - gomod: go.opentelemetry.io/collector/exporter/nopexporter v$version
  - gomod: go.opentelemetry.io/collector/exporter/debugexporter v$version
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v$providers
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v$providers
  - gomod: go.opentelemetry.io/collector/confmap/provider/yamlprovider v$providers
YAML

echo "building the OpenTelemetry Collector $version; its log is $work/build.log" >&2
export GOFLAGS="-p=1 -buildvcs=false" GOTOOLCHAIN=local CGO_ENABLED=0
{
  GOBIN="$cache/bin" nice -n 19 go install "go.opentelemetry.io/collector/cmd/builder@v$version"
  nice -n 19 "$cache/bin/builder" --config "$work/builder.yaml" --skip-compilation --skip-get-modules
  cd "$work/out"
  # -e: a module that only tests of the exporter import is not to be had everywhere.
  nice -n 19 go mod tidy -e -compat=1.25
  nice -n 19 go build -trimpath -ldflags='-s -w' -o "$work/otelcol" .
} >"$work/build.log" 2>&1 </dev/null || {
  echo "building the OpenTelemetry Collector failed; the end of $work/build.log:" >&2
  tail -n 20 "$work/build.log" >&2
  exit 1
}

mkdir -p "$cache/$version"
mv "$work/otelcol" "$program"
rm -rf "$work/out"
echo "$program"
