import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineInput } from '../contract/input.ts';
import { defineOutput } from '../contract/output.ts';
import { bytes, duration, secret, url } from './fields.ts';
import { reference } from './reference.ts';
import { samples } from './sample.ts';

const never = (): never => {
  throw new Error('not for running');
};
const input = defineInput({
  type: 'probe',
  summary: 'Looks at things.',
  signals: ['metrics'],
  config: z.strictObject({
    url: url().describe('What to look at.'),
    interval: duration('10s').describe('How often.'),
    mode: z.enum(['fast', 'slow']).default('fast').describe('How.'),
    names: z.array(z.string()).default(['a', 'b']).describe('Which.'),
    limit: z.int().optional().describe('How many.'),
    auth: z
      .strictObject({ user: z.string().describe('Who.'), password: secret().describe('Password.') })
      .optional()
      .describe('Who we are.'),
    rules: z
      .array(z.strictObject({ prefix: z.string().default('').describe('Begins with.') }))
      .default([])
      .describe('Rules.'),
    tags: z.record(z.string(), z.string()).default({}).describe('Tags.'),
  }),
  create: never,
});
const output = defineOutput({
  type: 'sink',
  summary: 'Takes things.',
  signals: ['metrics', 'logs'],
  defaults: { batch_items: 7 },
  config: z.strictObject({ size: bytes('1MiB').describe('How large.') }),
  create: never,
});

test('a sample explains with ##, shows defaults behind #, and asks for what must be given', () => {
  const [sample] = samples({ inputs: [input], outputs: [] });
  expect(sample?.name).toBe('inputs.probe.conf.sample');
  expect(sample?.text).toBe(`# Looks at things.
# Copy this file to a name that ends in .conf. What stands behind one # holds by itself, unless it is marked
# as an example.
[[inputs.probe]]

  ## \`false\` switches this input off.
  # enabled = true

  ## What to look at.
  url = "http://127.0.0.1:8080/"

  ## How often.
  # interval = "10s"

  ## How.
  # mode = "fast"

  ## Which.
  # names = ["a", "b"]

  ## How many.
  # limit = 1 # example

  ## Who we are.
  # [inputs.probe.auth]

    ## Who.
    # user = "..." # example

    ## Password.
    # password = "file:/etc/meshbridge/secret" # example

  ## Rules.
  # [[inputs.probe.rules]]

    ## Begins with.
    # prefix = ""

  ## Tags.
  # [inputs.probe.tags]
  #   name = "..." # example
`);
});

test('an output shows the keys of every output with its own defaults', () => {
  const [sample] = samples({ inputs: [], outputs: [output] });
  expect(sample?.text).toContain('# size = "1MiB"');
  expect(sample?.text).toContain('# batch_items = 7\n');
  expect(sample?.text).toContain('# on_full = "drop_oldest"');
});

test('the reference has a row for every key, also inside tables', () => {
  const text = reference({ inputs: [input], outputs: [output] });
  expect(text).toContain('### [[inputs.probe]]\n\nLooks at things. Signals: metrics.');
  expect(text).toContain('| `url` | address | must be given | What to look at. |');
  expect(text).toContain('| `interval` | duration | `"10s"` | How often. |');
  expect(text).toContain('| `mode` | `"fast"` or `"slow"` | `"fast"` | How. |');
  expect(text).toContain('| `limit` | whole number |  | How many. |');
  expect(text).toContain('| `auth.password` | secret | must be given | Password. |');
  expect(text).toContain('| `rules[].prefix` | text | `""` | Begins with. |');
  expect(text).toContain('| `max_bytes.logs` | size | `"4GB"` | Cap of the queue of logs. |');
});

test('what a schema misses in an empty table stands in the sample as it must be given', () => {
  const either = defineInput({
    type: 'either',
    summary: 'Wants one of two.',
    signals: ['metrics'],
    create: never,
    config: z
      .strictObject({ one: url().optional().describe('One.'), many: z.array(url()).default([]).describe('Many.') })
      .refine((checked) => checked.one !== undefined || checked.many.length > 0, {
        path: ['many'],
        message: 'is missing',
      }),
  });
  const text = samples({ inputs: [either], outputs: [] })[0]?.text;
  expect(text).toContain('\n  many = ["http://127.0.0.1:8080/"]\n');
  expect(text).toContain('\n  # one = "http://127.0.0.1:8080/" # example\n');
});
