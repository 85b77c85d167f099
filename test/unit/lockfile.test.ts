import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { missingPackages, platformEntry } from '../run/lockfile.ts';

test('the lockfile lists the packages of every platform, so that npm ci takes it', () => {
  const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  expect(missingPackages(lock)).toEqual([]);
});

test('an optional package counts as listed only where Node would find it', () => {
  const wanting = { dev: true, optionalDependencies: { '@x/y-linux-x64-musl': '1.2.3' } };
  const missing = {
    name: '@x/y-linux-x64-musl',
    version: '1.2.3',
    wantedBy: 'node_modules/a/node_modules/b',
    dev: true,
  };
  const beside = { 'node_modules/a/node_modules/b': wanting, 'node_modules/c/node_modules/@x/y-linux-x64-musl': {} };
  expect(missingPackages({ packages: beside })).toEqual([missing]);
  const above = { 'node_modules/a/node_modules/b': wanting, 'node_modules/@x/y-linux-x64-musl': {} };
  expect(missingPackages({ packages: above })).toEqual([]);
});

test('the platform of a package is read from its name', () => {
  const entry = (name: string) => platformEntry({ name, version: '1.0.0', wantedBy: 'node_modules/x', dev: false });
  expect(entry('@x/y-linux-arm-musleabihf')).toEqual({
    version: '1.0.0',
    cpu: ['arm'],
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  });
  expect(entry('@x/y-win32-arm64-msvc')).toMatchObject({ cpu: ['arm64'], os: ['win32'] });
  expect(() => entry('@x/y-plan9')).toThrow('does not say which platform');
});
