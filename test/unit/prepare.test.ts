import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const top = fileURLToPath(new URL('../..', import.meta.url));
let copy: string;

/** A project of one source file, with this project's packages and no npm that could reach anything. */
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'meshbridge-prepare-'));
  for (const name of ['bin', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(top, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(top, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'src'));
  mkdirSync(join(copy, 'no-network'));
  writeFileSync(join(copy, 'no-network', 'npm'), '#!/bin/sh\necho "npm was asked: $*" >&2\nexit 9\n', { mode: 0o755 });
  source('main.ts', "console.log('first');\n");
});

afterEach(() => {
  rmSync(copy, { recursive: true, force: true });
});

function source(name: string, text: string): void {
  writeFileSync(join(copy, 'src', name), text);
}

function prepare(...args: string[]) {
  return spawnSync(process.execPath, [join(copy, 'bin', 'prepare.mjs'), ...args], {
    encoding: 'utf8',
    env: { PATH: `${join(copy, 'no-network')}:/usr/bin:/bin` },
  });
}

const built = () => readFileSync(join(copy, 'dist', 'main.js'), 'utf8');

test('builds once, then does nothing and says nothing until a source changes', () => {
  expect(prepare()).toMatchObject({ status: 0, stderr: expect.stringContaining('done compiling') });
  expect(built()).toContain('first');
  expect(prepare()).toMatchObject({ status: 0, stdout: '', stderr: '' });

  source('main.test.ts', "console.log('a test is no source');\n");
  expect(prepare()).toMatchObject({ status: 0, stderr: '' });

  source('main.ts', "console.log('second');\n");
  expect(prepare().status).toBe(0);
  expect(built()).toContain('second');
  expect(existsSync(join(copy, 'dist', 'main.test.js'))).toBe(false);
});

test('what was compiled from a source that is gone goes too', () => {
  source('old.ts', 'export const old = 1;\n');
  expect(prepare().status).toBe(0);
  rmSync(join(copy, 'src', 'old.ts'));
  expect(prepare().status).toBe(0);
  expect(existsSync(join(copy, 'dist', 'old.js'))).toBe(false);
});

test('a source with an error fails with its place and leaves the last program', () => {
  expect(prepare().status).toBe(0);
  source('main.ts', 'const wrong: number = "text";\n');
  const { status, stderr } = prepare();
  expect(status).toBe(1);
  expect(stderr).toContain('src/main.ts(1,7)');
  expect(built()).toContain('first');
});

test('installs again when the lockfile names another version than the one that is there', () => {
  const lock = join(copy, 'package-lock.json');
  const text = JSON.parse(readFileSync(lock, 'utf8'));
  text.packages['node_modules/zod'].version = '0.0.1';
  writeFileSync(lock, JSON.stringify(text));
  const { status, stderr } = prepare('--install');
  expect(status).toBe(1);
  expect(stderr).toContain('npm was asked: ci --no-audit --no-fund --loglevel=error');
});
