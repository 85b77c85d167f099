import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const top = fileURLToPath(new URL('../..', import.meta.url));
const pinned = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')).devDependencies.node;
let copy: string;

/** A copy of bin/ with a program that tells who runs it. */
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'meshbridge-bin-'));
  cpSync(join(top, 'bin'), join(copy, 'bin'), { recursive: true });
  mkdirSync(join(copy, 'dist'));
  writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(copy, 'dist', 'main.js'),
    'console.log(JSON.stringify({ node: process.versions.node, pid: process.pid, args: process.argv.slice(2) }));',
  );
});

afterEach(() => {
  rmSync(copy, { recursive: true, force: true });
});

function fakeNode(folder: string, version: string): string {
  const path = join(copy, folder);
  mkdirSync(path);
  const program = join(path, 'node');
  writeFileSync(program, `#!/bin/sh\nif [ "$1" = -p ]; then echo ${version}; else echo "fake ${version} $*"; fi\n`);
  chmodSync(program, 0o755);
  return path;
}

function run(program: string, args: readonly string[], path = '') {
  return spawnSync(program, args, { encoding: 'utf8', env: { PATH: `${path}${path && ':'}/usr/bin:/bin` } });
}

test('the tests run on the pinned Node 24', () => {
  expect(process.versions.node).toBe(pinned);
  expect(pinned).toMatch(/^24[.]/);
});

test("the program runs on the pinned Node, whatever the machine's own is", () => {
  symlinkSync(join(top, 'node_modules'), join(copy, 'node_modules'));
  const { stdout } = run(join(copy, 'bin', 'meshbridge'), ['version', 'a b'], fakeNode('old', '20.20.2'));
  expect(JSON.parse(stdout)).toMatchObject({ node: pinned, args: ['version', 'a b'] });
});

test('no process stays between the caller and the program', () => {
  symlinkSync(join(top, 'node_modules'), join(copy, 'node_modules'));
  const { stdout, pid } = run(join(copy, 'bin', 'meshbridge'), []);
  expect(JSON.parse(stdout)).toMatchObject({ pid });
});

test('a link to the program finds its way home', () => {
  symlinkSync(join(top, 'node_modules'), join(copy, 'node_modules'));
  symlinkSync('bin/meshbridge', join(copy, 'link'));
  expect(JSON.parse(run(join(copy, 'link'), ['help']).stdout)).toMatchObject({ args: ['help'] });
});

test("without the pinned Node it takes the first of the machine's own that is new enough", () => {
  const path = `${fakeNode('old', '22.18.9')}:${fakeNode('new', '22.19.0')}`;
  const { stdout, status } = run(join(copy, 'bin', 'meshbridge'), ['check'], path);
  expect(stdout.trim()).toBe(`fake 22.19.0 --max-semi-space-size=4 ${join(copy, 'dist', 'main.js')} check`);
  expect(status).toBe(0);
});

test('without any Node that is new enough it says what to do', () => {
  const { stderr, status } = spawnSync('/bin/sh', [join(copy, 'bin', 'node'), '-v'], {
    encoding: 'utf8',
    env: { PATH: `${fakeNode('old', '20.20.2')}:${fakeNode('older', '18.1.0')}:${linksTo('dirname')}` },
  });
  expect(status).toBe(1);
  expect(stderr).toContain('needs Node 22.19 or newer; found here: 20.20.2, 18.1.0.');
  expect(stderr).toContain("run 'npm ci' in");
});

/** A folder of the PATH with nothing in it but that program. */
function linksTo(name: string): string {
  const folder = join(copy, 'tools');
  mkdirSync(folder);
  symlinkSync(`/usr/bin/${name}`, join(folder, name));
  return folder;
}

test('before it is built it says how to build it', () => {
  rmSync(join(copy, 'dist'), { recursive: true });
  const { stderr, status } = run(join(copy, 'bin', 'meshbridge'), ['run']);
  expect(status).toBe(1);
  expect(stderr).toContain("run 'npm run build' in");
});
