#!/usr/bin/env bash
# Builds the OpenTelemetry Collector that the bench compares with, once, into the cache, and prints the path of the program:
# otelcol.sh [spans|metrics|logs|otlp]. Each kind is a program of its own, since a collector costs memory for all that it is built of.
# Needs Go. From nothing this takes about a quarter of an hour on two cores, so it runs at low priority and on one core at a time.
set -euo pipefail

version=0.155.0
providers=1.61.0
contrib=github.com/open-telemetry/opentelemetry-collector-contrib
core=go.opentelemetry.io/collector
cache="${MESHBRIDGE_CACHE:-$HOME/.cache/meshbridge}/otelcol"
kind="${1:-spans}"
processors="$core/processor/batchprocessor"
extensions=""
case "$kind" in
  spans)
    build=$version
    receivers="$contrib/receiver/zipkinreceiver"
    exporters="$contrib/exporter/fileexporter $core/exporter/nopexporter $core/exporter/debugexporter"
    ;;
  metrics)
    build=$version-metrics
    receivers="$contrib/receiver/prometheusreceiver"
    exporters="$contrib/exporter/prometheusremotewriteexporter"
    ;;
  logs)
    # The newest version of which every module of the receiver is to be had.
    version=0.149.0 providers=1.55.0
    build=$version-logs
    receivers="$contrib/receiver/filelogreceiver"
    processors=""
    exporters="$core/exporter/otlphttpexporter $core/exporter/nopexporter"
    extensions="$contrib/extension/storage/filestorage"
    ;;
  otlp)
    build=$version-otlp-both-ways
    receivers="$contrib/receiver/zipkinreceiver $core/receiver/otlpreceiver"
    exporters="$core/exporter/otlpexporter $core/exporter/otlphttpexporter"
    ;;
  *)
    echo "usage: otelcol.sh [spans|metrics|logs|otlp]" >&2
    exit 64
    ;;
esac
program="$cache/$build/otelcol"

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

modules() { for module in "$@"; do echo "  - gomod: $module v$version"; done; }

work="$cache/build-$build"
mkdir -p "$work"
# shellcheck disable=SC2086 # Lists of modules, which hold no blanks.
cat >"$work/builder.yaml" <<YAML
dist: { name: otelcol, output_path: $work/out, version: $version }
receivers:
$(modules $receivers)
processors:
$(modules $processors)
exporters:
$(modules $exporters)
extensions:
$(modules $extensions)
providers:
  - gomod: $core/confmap/provider/envprovider v$providers
  - gomod: $core/confmap/provider/fileprovider v$providers
  - gomod: $core/confmap/provider/yamlprovider v$providers
YAML

write_go_mod() {
  printf 'module go.opentelemetry.io/collector/cmd/builder\n\ngo 1.25\n\nrequire (\n'
  printf '\t%s v%s\n' "$core/otelcol" "$version"
  sed -n 's/^  - gomod: /\t/p' "$work/builder.yaml"
  printf ')\n'
}

echo "building the OpenTelemetry Collector $build; its log is $work/build.log" >&2
export GOFLAGS="-p=1 -buildvcs=false" GOTOOLCHAIN=local CGO_ENABLED=0
{
  GOBIN="$cache/bin/$version" nice -n 19 go install "go.opentelemetry.io/collector/cmd/builder@v$version"
  nice -n 19 "$cache/bin/$version/builder" --config "$work/builder.yaml" --skip-compilation --skip-get-modules
  cd "$work/out"
  # The builder writes this file only if it may also run "go mod tidy", which it does without -e.
  write_go_mod >go.mod
  # -e: a module that only tests of the exporter import is not to be had everywhere.
  nice -n 19 go mod tidy -e -compat=1.25
  nice -n 19 go build -trimpath -ldflags='-s -w' -o "$work/otelcol" .
} >"$work/build.log" 2>&1 </dev/null || {
  echo "building the OpenTelemetry Collector failed; the end of $work/build.log:" >&2
  tail -n 20 "$work/build.log" >&2
  exit 1
}

mkdir -p "$cache/$build"
mv "$work/otelcol" "$program"
rm -rf "$work/out"
echo "$program"
