import { z } from 'zod';
import { defineOutput } from '../../contract/output.ts';
import { StdoutOutput } from './stdout-output.ts';

const standardOutput = 1;

export const stdout = defineOutput({
  type: 'stdout',
  summary: 'Prints everything, one JSON object a line.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config: z.strictObject({}),
  create: (_checked, runtime) => new StdoutOutput(standardOutput, runtime),
});
