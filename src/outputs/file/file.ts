import { z } from 'zod';
import { defineOutput } from '../../contract/output.ts';
import { FileOutput } from './file-output.ts';

const config = z.strictObject({
  path: z.string().min(1).default('out.ndjson').describe('The file. A relative path is under the data directory.'),
});

export const file = defineOutput({
  type: 'file',
  summary: 'Appends everything to a file, one JSON object a line.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  create: (checked, runtime) => new FileOutput(checked.path, runtime),
});
