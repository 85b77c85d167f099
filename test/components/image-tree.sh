#!/usr/bin/env bash
# Lays out the files of the container image under a folder: image-tree.sh FOLDER. The Dockerfile calls it, and so do tests, since the
# image itself can only be built where there is docker. Expects a built dist/.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
tree=$1
program=$tree/opt/meshbridge

[ -f "$top/dist/main.js" ] || { echo "dist/main.js is missing: npm run build" >&2; exit 1; }
mkdir -p "$program" "$tree/var/lib/meshbridge"
cp "$top/package.json" "$top/LICENSE" "$program/"
cp -R "$top/dist" "$program/dist"
find "$program/dist" -name '*.map' -delete

# The packages that the lockfile does not mark as needed for development only, as they are installed.
"$top/bin/node" --input-type=module - "$top" "$program" <<'JS'
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
const [top, program] = process.argv.slice(2);
const { packages } = JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8'));
const nested = (path) => path.slice(1).includes('/node_modules/');
const wanted = Object.entries(packages).filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional);
for (const [path] of wanted) {
  const from = join(top, path);
  if (existsSync(from)) {
    cpSync(from, join(program, path), { recursive: true, filter: (file) => !nested(file.slice(from.length)) });
  }
}
JS
