import { z } from 'zod';
import { logEncodings, redactionSets, traceLanguages } from '../../pipeline/logs/settings.ts';

/** More than anybody needs; a tenant may write what costs much to compile. */
const mostSteps = 40;
const mostPatterns = 20;
const pattern = z.string().max(4_096);

const value = z.union([z.string(), z.number(), z.boolean()]);
const when = z
  .strictObject({
    field: z.string().optional(),
    matches: pattern.optional(),
    equals: value.optional(),
    missing: z.boolean().optional(),
  })
  .optional();
const reading = { from: z.string().optional(), prefix: z.string().optional(), when };
const texts = z.record(z.string(), z.string());

const parseStep = z.discriminatedUnion('step', [
  z.strictObject({ step: z.literal('json'), ...reading }),
  z.strictObject({ step: z.literal('logfmt'), ...reading }),
  z.strictObject({
    step: z.literal('grok'),
    patterns: z.array(pattern).min(1, 'is empty; write at least one pattern').max(mostPatterns),
    define: texts.optional(),
    ...reading,
  }),
  z.strictObject({ step: z.literal('access-log'), ...reading }),
  z.strictObject({ step: z.literal('drop'), when }),
  z.strictObject({ step: z.literal('add'), fields: z.record(z.string(), value), when }),
  z.strictObject({ step: z.literal('rename'), from: z.string(), to: z.string(), when }),
  z.strictObject({ step: z.literal('remove'), fields: z.array(z.string()), when }),
  z.strictObject({
    step: z.literal('cast'),
    field: z.string(),
    to: z.enum(['int', 'float', 'bool', 'string']),
    when,
  }),
  z.strictObject({ step: z.literal('level'), from: z.string(), map: texts.optional(), when }),
  z.strictObject({ step: z.literal('message'), from: z.string(), when }),
  z.strictObject({
    step: z.literal('time'),
    from: z.string(),
    format: z.string().optional(),
    zone: z.string().optional(),
    when,
  }),
]);

const redaction = z.union([
  z.enum(redactionSets),
  z.strictObject({
    name: z.string().describe('Under which it is counted.'),
    pattern: pattern.describe('Regular expression (RE2) of what is to be hidden.'),
    replacement: z.string().optional().describe('What stands there in its place; `$1` is its first group.'),
  }),
]);

/** What is done with lines, by the same keys in the table of the input and in the entries of annotations. */
export const contentKeys = {
  multiline: z
    .union([z.enum(['off', 'languages', 'dates']), z.array(z.enum(traceLanguages)).min(1)])
    .optional()
    .meta({ example: ['java', 'python'] })
    .describe(
      'Which lines make one record: stack traces of all known languages (`languages`) or of those listed, or whatever follows a line that begins with a time (`dates`). Default: every line is a record.',
    ),
  redact: z
    .array(redaction)
    .max(mostSteps)
    .optional()
    .meta({ example: ['secrets', 'cards'] })
    .describe(
      'What is replaced before anything is written: the sets `secrets`, `cards`, `tokens`, `emails`, or `{ name, pattern, replacement }` with a regular expression (RE2).',
    ),
  parse: z
    .array(parseStep)
    .max(mostSteps)
    .optional()
    .meta({ example: [{ step: 'json' }] })
    .describe('Steps that take fields out of lines, one after the other (docs/logs.md).'),
  max_lines_per_second: z
    .number()
    .positive('must be more than 0; leave it out for no limit')
    .optional()
    .meta({ example: 1000 })
    .describe('Of one container. Default: no limit.'),
  max_bytes_per_second: z
    .number()
    .positive('must be more than 0; leave it out for no limit')
    .optional()
    .meta({ example: 1_000_000 })
    .describe('Of one container, of what its lines say. Default: no limit.'),
  over_limit: z
    .enum(['pause', 'sample'])
    .optional()
    .describe(
      'What happens past the limit. `pause` (default): the files are read later. `sample`: lines are left out evenly, and counted.',
    ),
};

export const encodingKey = z.union([z.enum(logEncodings), z.literal('')]);
