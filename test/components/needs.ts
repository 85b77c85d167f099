import { spawnSync } from 'node:child_process';
import { describe, test } from '@jest/globals';
import { type ComponentName, component } from './components.ts';

/**
 * Tests that run beside a real component. Where it cannot be had they are skipped by name; with CI=true that is a failure.
 * `body` gets the path that the component's script prints.
 */
export function describeWith(name: ComponentName, body: (path: string) => void): void {
  const found = component(name);
  if ('path' in found) {
    describe(`with a real ${name}`, () => body(found.path));
  } else {
    missing(`a real ${name}`, found.missing);
  }
}

export interface Mounting {
  /** Whether it takes the machine's root, or one that is root only in the namespace will do. */
  readonly as: 'root' | 'anyone';
  /** A shell command, run in such a namespace, that fails where something else is missing. */
  readonly check?: string;
}

const ways: Readonly<Record<Mounting['as'], readonly (readonly string[])[]>> = {
  root: [['--mount']],
  anyone: [['--mount'], ['--map-root-user', '--mount']],
};

/**
 * Tests that mount something, each in a mount namespace of its own, skipped and failed as those of `describeWith`. `body`
 * gets the flags with which unshare(1) makes one here.
 */
export function describeWithMounts({ as, check = 'true' }: Mounting, body: (flags: readonly string[]) => void): void {
  const way = ways[as].find((flags) => spawnSync('unshare', [...flags, 'sh', '-c', check]).status === 0);
  if (way !== undefined) {
    describe('with mounts of its own', () => body(way));
  } else {
    missing('mounts of its own', `as ${as}: unshare --mount sh -c '${check}'`);
  }
}

function missing(what: string, why: string): void {
  if (process.env['CI'] === 'true') {
    test(`needs ${what}`, () => {
      throw new Error(why);
    });
  } else {
    test.skip(`needs ${what}, which cannot be had here (${why})`, () => {});
  }
}
