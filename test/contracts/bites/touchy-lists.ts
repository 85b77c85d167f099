import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { z } from 'zod';
import { defineInput, type Input, type InputDefinition } from '../../../src/contract/input.ts';
import type { OutputDefinition } from '../../../src/contract/output.ts';

const idle: Input = { start: async () => undefined, stop: async () => undefined };

function touchy(type: string, touch: () => unknown): InputDefinition {
  return defineInput({
    type,
    summary: 'Touches what it may not.',
    signals: ['logs'],
    config: z.strictObject({}),
    create: () => {
      touch();
      return idle;
    },
  });
}

/** Components that do in `create` what belongs into `start`. */
export const inputs: readonly InputDefinition[] = [
  touchy('looks_for_a_file', () => existsSync('/etc/hostname')),
  touchy('opens_a_port', () => {
    const server = createServer().listen(0, '127.0.0.1', () => server.close());
  }),
  touchy('starts_a_timer', () => setTimeout(() => undefined, 1)),
  touchy('loads_a_package', () => createRequire(import.meta.url)('yaml')),
  touchy('does_nothing', () => undefined),
];

export const outputs: readonly OutputDefinition[] = [];
