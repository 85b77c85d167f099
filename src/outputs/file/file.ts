import { z } from 'zod';
import { bytes } from '../../config/fields.ts';
import { defineOutput } from '../../contract/output.ts';
import { FileOutput } from './file-output.ts';

const config = z.strictObject({
  path: z.string().min(1).default('out.ndjson').describe('The file. A relative path is under the data directory.'),
  rotate_bytes: bytes()
    .optional()
    .meta({ example: '100MB' })
    .describe(
      'A file that has grown to this size is set aside under a name with the time, such as "out-2026-11-22T10-00-00.000Z.ndjson". Default: never; another program may rotate it.',
    ),
  rotate_keep: z
    .int()
    .min(1)
    .optional()
    .meta({ example: 10 })
    .describe('Files set aside that are kept; the oldest are removed. Default: all.'),
  compression: z.enum(['none', 'gzip', 'zstd']).default('none').describe('Compression of files that were set aside.'),
});
export type FileConfig = z.output<typeof config>;

export const file = defineOutput({
  type: 'file',
  summary: 'Appends everything to a file, one JSON object a line.',
  signals: ['metrics', 'traces', 'logs', 'rum'],
  config,
  create: (checked, runtime) => new FileOutput(checked, runtime),
});
