#!/usr/bin/env bash
# Makes sure that containerd, runc and a static busybox are there and that containers can run here, and prints containerd's path.
set -euo pipefail
here=$(dirname "$0")
containerd=$(bash "$here/debian.sh" containerd containerd)
runc=$(bash "$here/debian.sh" runc runc)
busybox=$(bash "$here/debian.sh" busybox-static busybox)

if [ "$(id -u)" -ne 0 ]; then
  echo "containers of a real containerd need root" >&2
  exit 3
fi

# Many places let one be root and still run no container.
bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT
mkdir "$bundle/rootfs"
cp "$busybox" "$bundle/rootfs/busybox"
cat >"$bundle/config.json" <<JSON
{
  "ociVersion": "1.0.2",
  "process": { "cwd": "/", "args": ["/busybox", "true"], "user": { "uid": 0, "gid": 0 } },
  "root": { "path": "rootfs" },
  "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
  "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }] }
}
JSON
if ! said=$("$runc" --root "$bundle/state" run --bundle "$bundle" "meshbridge-probe-$$" 2>&1); then
  echo "no container can be run here: ${said##*$'\n'}" >&2
  exit 3
fi
echo "$containerd"
