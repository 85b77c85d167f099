/**
 * `npm ci` refuses a lockfile that names an optional package of another platform but does not list it, and a registry that
 * mirrors one platform only makes `npm install` write such a lockfile. `node test/run/lockfile.ts` lists what is missing;
 * with `--fix` it adds the entries, with what the package's name says about its platform.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

interface Lockfile {
  packages: Record<string, LockEntry>;
}

interface Missing {
  readonly name: string;
  readonly version: string;
  readonly wantedBy: string;
  readonly dev: boolean;
}

const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];
const libraries = { musl: 'musl', musleabihf: 'musl', gnu: 'glibc', gnueabihf: 'glibc' };

export function missingPackages(lock: Lockfile): Missing[] {
  const missing = new Map<string, Missing>();
  for (const [wantedBy, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!isListed(lock, wantedBy, name)) {
        missing.set(name, { name, version, wantedBy, dev: entry.dev === true });
      }
    }
  }
  return [...missing.values()];
}

function isListed(lock: Lockfile, from: string, name: string): boolean {
  for (let folder = from; ; ) {
    if (`${folder}${folder === '' ? '' : '/'}node_modules/${name}` in lock.packages) {
      return true;
    }
    if (folder === '') {
      return false;
    }
    const parent = folder.lastIndexOf('/node_modules/');
    folder = parent === -1 ? '' : folder.slice(0, parent);
  }
}

export function platformEntry(missing: Missing): LockEntry & { optional: true } {
  const words = missing.name.slice(missing.name.lastIndexOf('/') + 1).split('-');
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  const libc = Object.entries(libraries).find(([word]) => words.includes(word))?.[1];
  if (os === undefined || cpu === undefined) {
    throw new Error(`the name of ${missing.name} does not say which platform it is for`);
  }
  return {
    version: missing.version,
    cpu: [cpu],
    ...(missing.dev ? { dev: true } : {}),
    ...(libc === undefined || os !== 'linux' ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

function main(): void {
  const file = new URL('../../package-lock.json', import.meta.url);
  const lock: Lockfile = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingPackages(lock);
  for (const one of missing) {
    console.log(`${one.name} ${one.version}, wanted by ${one.wantedBy}`);
  }
  if (missing.length === 0 || !process.argv.includes('--fix')) {
    process.exitCode = missing.length === 0 ? 0 : 1;
    return;
  }
  for (const one of missing) {
    lock.packages[`node_modules/${one.name}`] = platformEntry(one);
  }
  const byName = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(byName) }, undefined, 2)}\n`);
}

if (import.meta.main) {
  main();
}
