#!/usr/bin/env bash
# Lays out the files of the container image under a folder: image-tree.sh FOLDER. The Dockerfile calls it, and so do tests, since the
# image's base can only be had where there is a registry of images. Expects a built dist/ and installed packages.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
tree=$1
program=$tree/opt/meshbridge

[ -f "$top/dist/main.js" ] || { echo "dist/main.js is missing: npm run build" >&2; exit 1; }
mkdir -p "$program/deploy/kubernetes" "$tree/var/lib/meshbridge"
cp "$top/LICENSE" "$program/"
# `migrate` writes it under other names.
cp "$top/deploy/kubernetes/meshbridge.yaml" "$program/deploy/kubernetes/"
cp -R "$top/dist" "$program/dist"
rm -rf "$program/dist/testing"
find "$program/dist" -name '*.map' -delete

# The packages that the lockfile does not mark as needed for development only, as they are installed, less what only compilers read.
"$top/bin/node" --input-type=module - "$top" "$program" <<'JS'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const [top, program] = process.argv.slice(2);
const { devDependencies, scripts, allowScripts, ...about } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8'));
writeFileSync(join(program, 'package.json'), `${JSON.stringify(about, null, 2)}\n`);
const { packages } = JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8'));
const nested = (path) => path.slice(1).includes('/node_modules/');
const forCompilers = (path) => /[.](?:map|d[.][cm]?ts|tsbuildinfo)$/.test(path);
const wanted = Object.entries(packages).filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional);
for (const [path] of wanted) {
  const from = join(top, path);
  if (existsSync(from)) {
    const filter = (file) => !nested(file.slice(from.length)) && !forCompilers(file);
    cpSync(from, join(program, path), { recursive: true, filter });
  }
}
JS

# What is in it, for those who look for known holes: read from what was laid out, not from what the lockfile allows.
(cd "$program" && npm sbom --sbom-format spdx 2>/dev/null) >"$tree/sbom" || { echo "npm sbom failed" >&2; exit 1; }

# With the Node that it brings along.
"$top/bin/node" --input-type=module - "$tree/sbom" "$program/sbom.spdx.json" <<'JS'
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
const [from, to] = process.argv.slice(2);
const sbom = JSON.parse(readFileSync(from, 'utf8'));
const SPDXID = 'SPDXRef-Package-node';
const facts = { name: 'node', SPDXID, versionInfo: process.versions.node, licenseDeclared: 'MIT' };
sbom.packages.push({ ...facts, downloadLocation: 'NOASSERTION', filesAnalyzed: false });
sbom.relationships.push({ spdxElementId: sbom.SPDXID, relatedSpdxElement: SPDXID, relationshipType: 'CONTAINS' });
writeFileSync(to, `${JSON.stringify(sbom, null, 2)}\n`);
rmSync(from);
JS

if [ "$(uname -s)" = Linux ]; then
  mkdir -p "$tree/nodejs/bin"
  cp "$(cd "$top" && bin/node -p process.execPath)" "$tree/nodejs/bin/node"
  cc -Os -static -s -o "$program/launch" "$top/deploy/image/launch.c"
fi
