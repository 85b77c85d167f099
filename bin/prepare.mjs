// Installs the packages and builds the program, each only when something it depends on has changed. Runs on the Node that
// the machine happens to have (20 or newer), so it is plain JavaScript and imports nothing that must be installed first.
//   node bin/prepare.mjs            install, build
//   node bin/prepare.mjs --install  install only
//   node bin/prepare.mjs --rebuild  install, build even if nothing changed
//   node bin/prepare.mjs --testing  install, build, and the contract suites that components of others are tested with too
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(top, 'node_modules');
const dist = join(top, 'dist');
const unfinished = join(top, 'dist.new');
const pinnedNode = join(modules, 'node', 'bin', 'node');

let child;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    child?.kill('SIGTERM');
    process.exitCode = 1;
    if (child === undefined) {
      process.exit();
    }
  });
}

function hash(parts) {
  const sum = createHash('sha256');
  for (const part of parts) {
    sum.update(part).update('\0');
  }
  return sum.digest('hex');
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Folders of this project's own programs would make npm run on a Node that it is about to replace. */
function outsideEnvironment() {
  const { npm_node_execpath, NODE, ...environment } = process.env;
  const path = (environment.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(modules));
  return { ...environment, PATH: path.join(delimiter) };
}

async function run(doing, command, args, environment = process.env) {
  const startedMs = Date.now();
  const elapsed = () => `${Math.round((Date.now() - startedMs) / 1000)} s`;
  const progress = setInterval(() => console.error(`  still ${doing}, ${elapsed()}`), 15_000);
  try {
    const { code, output } = await new Promise((resolve, reject) => {
      const chunks = [];
      child = spawn(command, args, { cwd: top, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.on('data', (chunk) => chunks.push(chunk));
      child.stderr.on('data', (chunk) => chunks.push(chunk));
      child.on('error', reject);
      child.on('close', (status) => resolve({ code: status ?? 1, output: Buffer.concat(chunks).toString() }));
    });
    if (code !== 0) {
      throw new Error(`${doing} failed after ${elapsed()}: ${command} ${args.join(' ')}\n${output.trimEnd()}`);
    }
    console.error(`  done ${doing}, ${elapsed()}`);
  } finally {
    clearInterval(progress);
    child = undefined;
  }
}

/** npm notes down what it installed when it is done; the same packages as in the lockfile mean that there is nothing to do. */
function isInstalled() {
  const noted = readIfThere(join(modules, '.package-lock.json'));
  if (noted === '') {
    return false;
  }
  const { '': _top, ...wanted } = JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(noted).packages;
  const same = (name) => present[name]?.version === wanted[name]?.version;
  return Object.keys(present).every(same) && Object.keys(wanted).every((name) => wanted[name].optional || same(name));
}

async function install() {
  if (isInstalled()) {
    return;
  }
  console.error('installing packages (once, and again when package-lock.json changes)');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  await run('installing packages', 'npm', ['ci', ...quiet], outsideEnvironment());
  if (!existsSync(pinnedNode)) {
    console.error(
      "  the pinned Node 24 is missing, since its install script did not run; the machine's own is used if it is new",
    );
    console.error('  enough. To install it: npm rebuild node --ignore-scripts=false');
  }
}

function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return entry.name === 'testdata' ? [] : sourceFiles(path);
    }
    return entry.name.endsWith('.test.ts') ? [] : [path];
  });
}

/** What `meshbridge/testing` is made of, beside the program. */
const testingFolders = ['contracts', 'fakes', 'testing'].map((folder) => join(top, 'test', folder));

function sourceHash(folders) {
  const settings = readdirSync(top).filter((name) => /^(package.*|tsconfig.*|vite[.]config[.].*)$/.test(name));
  const files = [...settings.map((name) => join(top, name)), ...folders.flatMap(sourceFiles)].sort();
  return hash(files.flatMap((file) => [relative(top, file).split(sep).join('/'), readFileSync(file)]));
}

async function build(again) {
  const stamp = join(dist, '.built-from');
  const wanted = sourceHash([join(top, 'src')]);
  if (again || readIfThere(stamp) !== wanted || !existsSync(join(dist, 'main.js'))) {
    await buildProgram(wanted);
  }
}

/** The contract suites, with the types that their users need. */
async function buildTesting() {
  const stamp = join(dist, 'testing', '.built-from');
  const wanted = sourceHash([join(top, 'src'), ...testingFolders]);
  if (readIfThere(stamp) === wanted) {
    return;
  }
  rmSync(dirname(stamp), { recursive: true, force: true });
  const node = join(top, 'bin', 'node');
  const compiler = join(modules, 'typescript', 'bin', 'tsc');
  await run('compiling the contract suites', node, [compiler, '-p', 'tsconfig.testing.json']);
  writeFileSync(stamp, wanted);
}

async function buildProgram(wanted) {
  console.error('building (again only when a source changes)');
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  const node = join(top, 'bin', 'node');
  await run('compiling', node, [
    join(modules, 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
    '--outDir',
    unfinished,
  ]);
  await buildPage(node);
  writeFileSync(join(unfinished, '.built-from'), wanted);
  rmSync(dist, { recursive: true, force: true });
  renameSync(unfinished, dist);
}

async function buildPage(node) {
  const page = join(top, 'src', 'ui');
  if (!existsSync(join(page, 'index.html'))) {
    return;
  }
  const ownConfig = readdirSync(page).find((name) => name.startsWith('vite.config.'));
  const config = ownConfig === undefined ? [] : ['--config', join(page, ownConfig)];
  await run('building the page', node, [
    join(modules, 'vite', 'bin', 'vite.js'),
    'build',
    ...(ownConfig === undefined ? [] : [page]),
    ...config,
    '--outDir',
    join(unfinished, 'ui'),
    '--emptyOutDir',
    '--logLevel',
    'warn',
  ]);
}

try {
  await install();
  if (!process.argv.includes('--install')) {
    await build(process.argv.includes('--rebuild'));
    if (process.argv.includes('--testing')) {
      await buildTesting();
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
